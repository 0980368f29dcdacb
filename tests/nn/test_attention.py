"""Attention with heads: cases checked by hand, masks and gradients."""

from __future__ import annotations

import numpy as np

import facula
from facula import nn
from facula.autograd import gradcheck, gradgradcheck


def _random(*shape):
    a = np.random.default_rng(list(shape)).normal(size=shape)
    return facula.tensor(a).requires_grad_()


def _plain(width, heads, **options):
    """Attention whose projections are the identity."""
    layer = nn.MultiheadAttention(width, heads, bias=False, **options).double()
    layer.in_proj_weight.data = facula.eye(width).double().repeat(3, 1)
    layer.out_proj.weight.data = facula.eye(width).double()
    return layer


def test_definition():
    x = _random(3, 1, 4)
    out, weights = _plain(4, 2)(x, x, x)
    a = x.detach().numpy()[:, 0]
    for head in range(2):
        part = a[:, 2 * head : 2 * head + 2]
        scores = np.exp(part @ part.T / np.sqrt(2))
        scores /= scores.sum(1, keepdims=True)
        np.testing.assert_allclose(
            out.detach().numpy()[:, 0, 2 * head : 2 * head + 2], scores @ part, rtol=1e-10
        )
    np.testing.assert_allclose(weights.detach().numpy().sum(-1), 1, rtol=1e-10)


def test_masked_keys_do_not_matter():
    layer = _plain(4, 2, batch_first=True)
    x = _random(2, 3, 4).detach()
    padding = facula.tensor([[False, False, True]] * 2)
    for need_weights in (True, False):
        out = layer(x, x, x, key_padding_mask=padding, need_weights=need_weights)[0]
        alone = layer(x, x[:, :2], x[:, :2], need_weights=need_weights)[0]
        np.testing.assert_allclose(out.detach().numpy(), alone.detach().numpy(), rtol=1e-10)


def test_causal_mask():
    layer = nn.TransformerEncoderLayer(4, 2, 8, 0.0).double()
    x = _random(5, 1, 4).detach()
    mask = nn.Transformer.generate_square_subsequent_mask(5)
    out = layer(x, mask.double(), is_causal=True).detach().numpy()
    changed = x.clone()
    changed[3:] = 0
    again = layer(changed, mask.double()).detach().numpy()
    np.testing.assert_allclose(out[:3], again[:3], rtol=1e-10)


def test_gradients():
    layer = nn.MultiheadAttention(4, 2, add_bias_kv=True, add_zero_attn=True).double()

    def call(q, k, v):
        return layer(q, k, v)

    inputs = (_random(2, 1, 4), _random(3, 1, 4), _random(3, 2, 4)[:, :1].detach().requires_grad_())
    assert gradcheck(call, inputs)
    assert gradgradcheck(call, inputs)


def test_layers_of_a_stack_are_copies():
    layer = nn.TransformerEncoderLayer(4, 2, 8)
    stack = nn.TransformerEncoder(layer, 2)
    assert len(list(stack.parameters())) == 2 * len(list(layer.parameters()))
    assert stack.layers[0].linear1.weight is not stack.layers[1].linear1.weight
    assert stack.layers[0].linear1.weight.tolist() == stack.layers[1].linear1.weight.tolist()
