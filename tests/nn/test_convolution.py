"""Convolution: cases checked by hand, gradients, and the layers' own arithmetic of sizes."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula import nn
from facula.autograd import gradcheck, gradgradcheck
from facula.nn import functional as F


def _random(*shape):
    a = np.random.default_rng(list(shape)).normal(size=shape)
    return facula.tensor(a).requires_grad_()


def test_by_hand():
    x = facula.tensor([[[1.0, 2.0, 3.0, 4.0]]])
    w = facula.tensor([[[1.0, 0.0, -1.0]]])
    assert F.conv1d(x, w).tolist() == [[[-2.0, -2.0]]]
    assert F.conv1d(x, w, padding=1).tolist() == [[[-2.0, -2.0, -2.0, 3.0]]]
    assert F.conv1d(x, w, padding="same").tolist() == [[[-2.0, -2.0, -2.0, 3.0]]]
    assert F.conv1d(x, w, stride=2, padding=1).tolist() == [[[-2.0, -2.0]]]
    assert F.conv_transpose1d(x, w).tolist() == [[[1.0, 2.0, 2.0, 2.0, -3.0, -4.0]]]
    assert F.conv1d(x[0], w, facula.tensor([10.0])).tolist() == [[8.0, 8.0]]


def _naive(x, w, stride, padding, dilation, groups):
    """The definition, place by place."""
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    n, _, h, v = x.shape
    o, c, k, m = w.shape
    rows = (h - dilation * (k - 1) - 1) // stride + 1
    columns = (v - dilation * (m - 1) - 1) // stride + 1
    out = np.zeros((n, o, rows, columns))
    for q in range(o):
        first = q // (o // groups) * c
        for i, j, a, b in np.ndindex(rows, columns, k, m):
            seen = x[:, first : first + c, i * stride + a * dilation, j * stride + b * dilation]
            out[:, q, i, j] += seen @ w[q, :, a, b]
    return out


@pytest.mark.parametrize(
    ("stride", "padding", "dilation", "groups"),
    [(1, 0, 1, 1), (2, 1, 1, 1), (1, 2, 2, 1), (3, 1, 1, 2), (1, 1, 1, 4)],
)
def test_definition(stride, padding, dilation, groups):
    x, w = _random(2, 4, 7, 6), _random(8, 4 // groups, 3, 2)
    expected = _naive(x.detach().numpy(), w.detach().numpy(), stride, padding, dilation, groups)
    for _ in range(3):  # by the reference, then compiled
        got = F.conv2d(x, w, None, stride, padding, dilation, groups)
        np.testing.assert_allclose(got.detach().numpy(), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.thin(2)
@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("transposed", [False, True])
def test_gradients(axes, transposed):
    x = _random(2, 2, *(4, 3, 3)[:axes])
    w, b = _random(2, 2, *(3, 2, 2)[:axes]), _random(2)
    f = getattr(F, f"conv_transpose{axes}d" if transposed else f"conv{axes}d")

    def call(x, w, b):
        return f(x, w, b, stride=2, padding=1)

    assert gradcheck(call, (x, w, b))
    assert gradgradcheck(call, (x, w, b))


def test_transposed_is_the_gradient():
    x, w = _random(2, 3, 6, 5), _random(4, 3, 3, 3)
    y = F.conv2d(x, w, stride=2, padding=1)
    g = _random(*y.shape).detach()
    (gx,) = facula.autograd.grad(y, x, g)
    again = F.conv_transpose2d(g, w, stride=2, padding=1, output_padding=(1, 0))
    np.testing.assert_allclose(gx.numpy(), again.detach().numpy(), rtol=1e-10)


@pytest.mark.parametrize("dtype", [facula.float16, facula.bfloat16, facula.int64, facula.complex64])
def test_other_dtypes(dtype):
    x = facula.arange(1 * 2 * 5 * 5).reshape(1, 2, 5, 5).to(dtype)
    w = facula.ones(3, 2, 3, 3).to(dtype)
    y = F.conv2d(x, w)
    assert y.dtype is dtype and y.shape == (1, 3, 3, 3)
    seen = sum(k for k in range(50) if k % 25 % 5 < 3 and k % 25 // 5 < 3)
    assert y[0, 0, 0, 0].item() == pytest.approx(seen, rel=2**-8)


def test_empty_batch():
    layer = nn.Conv2d(3, 4, 3, padding=1)
    y = layer(facula.zeros(0, 3, 5, 5))
    assert y.shape == (0, 4, 5, 5)
    y.sum().backward()
    assert layer.weight.grad.abs().sum().item() == 0
