"""Attention and transformers agree with PyTorch."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

pytest.importorskip("torch")
_helpers = runpy.run_path(str(Path(__file__).with_name("layers.py")))
check, random = _helpers["check"], _helpers["random"]

ATTENTIONS = [
    {},
    {"bias": False, "batch_first": True},
    {"add_bias_kv": True},
    {"add_zero_attn": True, "dropout": 0.3},
    {"kdim": 6, "vdim": 5},
    {"kdim": 6, "vdim": 5, "add_bias_kv": True, "add_zero_attn": True, "bias": False},
]


def _masks(t, kind, length, width, dtype):
    if kind is None:
        return None
    draw = t.rand(3 * 2, length, width, dtype=dtype)
    if kind == "bool":
        mask = draw[0] > 0.8
        mask[:, 0] = False
        return mask
    return draw[0] if kind == "numbers" else draw


@pytest.mark.parametrize("options", ATTENTIONS)
@pytest.mark.parametrize("kind", [None, "bool", "numbers", "each"])
def test_attention(options, kind):
    def call(need_weights, padded):
        def run(t, layer, q, k, v):
            mask = _masks(t, kind, 4, 5, q.dtype)
            padding = t.tensor([[False] * 4 + [True]] * 3) if padded else None
            return layer(
                q, k, v, key_padding_mask=padding, need_weights=need_weights, attn_mask=mask,
                average_attn_weights=not padded,
            )  # fmt: skip

        return run

    first = options.get("batch_first")
    shapes = [(4, 8), (5, options.get("kdim", 8)), (5, options.get("vdim", 8))]
    inputs = [random(*((3, n, w) if first else (n, 3, w)), seed=w + n) for n, w in shapes]
    make = lambda t: t.nn.MultiheadAttention(8, 2, **options)  # noqa: E731
    check(make, inputs, call=call(True, False), second=False)
    check(make, inputs, call=call(True, True), second=False, rounds=1)
    check(make, inputs, call=call(False, False), rounds=1, second=False)
    check(make, inputs, call=call(False, True), second=False, rounds=1)


@pytest.mark.parametrize("batch_first", [False, True])
def test_self_attention(batch_first):
    def call(t, layer, x):
        mask = t.nn.Transformer.generate_square_subsequent_mask(4, dtype=x.dtype)
        return (
            layer(x, x, x), layer(x, x, x, need_weights=False, attn_mask=mask, is_causal=True),
            layer(x[0], x[0], x[0]),
        )  # fmt: skip

    make = lambda t: t.nn.MultiheadAttention(8, 2, batch_first=batch_first)  # noqa: E731
    check(make, [random(4, 4, 8)], call=call, second=False)


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_transformer(norm_first, activation):
    def make(t):
        return t.nn.Transformer(8, 2, 2, 1, 16, 0.1, activation, norm_first=norm_first)

    def call(t, net, source, target):
        mask = net.generate_square_subsequent_mask(5, dtype=source.dtype)
        padding = t.tensor([[False, False, False, True]] * 3)
        return net(source, target, tgt_mask=mask, src_key_padding_mask=padding,
                   memory_key_padding_mask=padding)  # fmt: skip

    inputs = [random(4, 3, 8), random(5, 3, 8)]
    check(make, inputs, call=call, second=False)
    check(make, inputs, call=call, second=False, rounds=1, evaluate=True)


@pytest.mark.parametrize("norm_first", [False, True])
def test_transformer_with_batches_first(norm_first):
    def make(t):
        return t.nn.Transformer(
            8, 2, 1, 2, 16, 0.2, batch_first=True, norm_first=norm_first
        )  # fmt: skip

    # dropout after attention draws in the order of memory, which is that of the sequence
    inputs = [random(3, 4, 8), random(3, 5, 8)]
    check(make, inputs, second=False)


def test_encoder_in_float32():
    def make(t):
        layer = t.nn.TransformerEncoderLayer(16, 4, 32, 0.0, batch_first=True, bias=False)
        return t.nn.TransformerEncoder(layer, 2, t.nn.LayerNorm(16))

    check(make, [random(3, 6, 16)], dtype="float32", second=False)


ERRORS = {
    "embedding": lambda t, m: m(t.ones(3, 2, 6), t.ones(3, 2, 6), t.ones(3, 2, 6)),
    "rank": lambda t, m: m(t.ones(8), t.ones(8), t.ones(8)),
    "key rank": lambda t, m: m(t.ones(3, 2, 8), t.ones(3, 8), t.ones(3, 8)),
    "mask": lambda t, m: m(*[t.ones(3, 2, 8)] * 3, attn_mask=t.ones(4, 4)),
    "masks": lambda t, m: m(*[t.ones(3, 2, 8)] * 3, attn_mask=t.ones(2, 3, 3)),
    "causal": lambda t, m: m(*[t.ones(3, 2, 8)] * 3, is_causal=True),
    "padding": lambda t, m: m(*[t.ones(3, 2, 8)] * 3, key_padding_mask=t.ones(2, 4)),
    "heads": lambda t, m: t.nn.MultiheadAttention(8, 3),
    "sizes": lambda t, m: t.nn.MultiheadAttention(0, 3),
    "activation": lambda t, m: t.nn.TransformerEncoderLayer(8, 2, activation="foo"),
    "batches": lambda t, m: t.nn.Transformer(8, 2, 1, 1, 8)(t.ones(3, 2, 8), t.ones(3, 1, 8)),
    "features": lambda t, m: t.nn.Transformer(8, 2, 1, 1, 8)(t.ones(3, 2, 7), t.ones(3, 2, 8)),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name, agree):
    agree(lambda t: ERRORS[name](t, t.nn.MultiheadAttention(8, 2)))
