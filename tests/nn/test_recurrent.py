"""Recurrent layers against their own cells, with gradients of both orders, and packed sequences."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula import nn
from facula.autograd import gradcheck, gradgradcheck
from facula.nn.utils import rnn


def _random(*shape):
    a = np.random.default_rng(list(shape)).normal(size=shape)
    return facula.tensor(a).requires_grad_()


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM"])
def test_layer_is_its_cell_over_the_steps(name):
    layer = getattr(nn, name)(3, 4).double()
    cell = getattr(nn, name + "Cell")(3, 4).double()
    for key in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        getattr(cell, key).data = getattr(layer, key + "_l0").data.clone()
    x = _random(5, 2, 3)
    state, steps = None, []
    for row in x:
        state = cell(row, state)
        steps.append(state[0] if name == "LSTM" else state)
    for _ in range(3):  # by the reference, then compiled
        out, last = layer(x)
        np.testing.assert_allclose(
            out.detach().numpy(), facula.stack(steps).detach().numpy(), rtol=1e-10
        )
    final = last[0] if name == "LSTM" else last
    np.testing.assert_allclose(final[0].detach().numpy(), steps[-1].detach().numpy(), rtol=1e-10)


@pytest.mark.thin(8)
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("RNN", {}), ("GRU", {"bidirectional": True}), ("GRU", {"bias": False}),
        ("LSTM", {"num_layers": 2}), ("LSTM", {"proj_size": 1, "bidirectional": True}),
    ],
)  # fmt: skip
def test_gradients(name, options):
    layer = getattr(nn, name)(2, 2, **options).double()
    weights = list(layer.parameters())

    def call(x, *_):
        out, last = layer(x)
        return (out, *last) if name == "LSTM" else (out, last)

    x = _random(3, 2, 2)
    assert gradcheck(call, (x,))
    assert gradgradcheck(call, (x,))
    facula.autograd.grad(sum(y.sum() for y in call(x)), weights)


def test_packed_sequences_end_on_their_own():
    """A sequence gives in a batch what it gives alone."""
    layer = nn.LSTM(3, 4, bidirectional=True).double()
    parts = [_random(n, 3) for n in (2, 4, 1)]
    packed, (h, _) = layer(rnn.pack_sequence(parts, enforce_sorted=False))
    for k, (part, got) in enumerate(zip(parts, rnn.unpack_sequence(packed), strict=True)):
        alone, (last, _) = layer(part)
        np.testing.assert_allclose(got.detach().numpy(), alone.detach().numpy(), rtol=1e-10)
        np.testing.assert_allclose(h[:, k].detach().numpy(), last.detach().numpy(), rtol=1e-10)


def test_padding():
    parts = [facula.arange(float(n)) for n in (1, 3)]
    assert rnn.pad_sequence(parts, True).tolist() == [[0, 0, 0], [0, 1, 2]]
    assert rnn.pad_sequence(parts, True, 9.0, "left").tolist() == [[9, 9, 0], [0, 1, 2]]
    packed = rnn.pack_sequence(parts, enforce_sorted=False)
    assert packed.data.tolist() == [0, 0, 1, 2] and packed.batch_sizes.tolist() == [2, 1, 1]
    assert packed.sorted_indices.tolist() == [1, 0] == packed.unsorted_indices.tolist()
    padded, lengths = rnn.pad_packed_sequence(packed, True, -1.0)
    assert padded.tolist() == [[0, -1, -1], [0, 1, 2]] and lengths.tolist() == [1, 3]
