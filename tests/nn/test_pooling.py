"""Pooling: cases checked by hand and gradients."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula.autograd import gradcheck, gradgradcheck
from facula.nn import functional as F


def _distinct(*shape):
    n = int(np.prod(shape))
    a = np.random.default_rng(n).permutation(n).reshape(shape) / 7.0
    return facula.tensor(a).requires_grad_()


def test_by_hand():
    x = facula.tensor([[[1.0, 5.0, 2.0, 2.0, 7.0]]])
    for _ in range(3):  # by the reference, then compiled
        values, places = F.max_pool1d(x, 2, return_indices=True)
        assert (values.tolist(), places.tolist()) == ([[[5.0, 2.0]]], [[[1, 2]]])
        values = F.max_pool1d(x, 2, ceil_mode=True)
        assert values.tolist() == [[[5.0, 2.0, 7.0]]]
        assert F.avg_pool1d(x, 2).tolist() == [[[3.0, 2.0]]]
        assert F.avg_pool1d(x, 3, 2, 1).tolist() == [[[2.0, 3.0, 3.0]]]
        assert F.avg_pool1d(x, 3, 2, 1, count_include_pad=False).tolist() == [[[3.0, 3.0, 4.5]]]
        np.testing.assert_allclose(F.adaptive_avg_pool1d(x, 2).numpy(), [[[8 / 3, 11 / 3]]], 1e-6)
        assert F.adaptive_max_pool1d(x, 2).tolist() == [[[5.0, 7.0]]]


def test_the_first_of_equals_gets_the_gradient():
    x = facula.zeros(1, 1, 4, 4, requires_grad=True)
    F.max_pool2d(x, 2).sum().backward()
    assert x.grad.tolist() == [[[[1, 0, 1, 0], [0, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]]]


def test_nan_wins():
    x = facula.tensor([[[1.0, float("nan"), 3.0, float("-inf"), float("-inf"), float("-inf")]]])
    values, places = F.max_pool1d(x, 3, return_indices=True)
    assert np.isnan(values[0, 0, 0].item()) and values[0, 0, 1].item() == -np.inf
    assert places.tolist() == [[[1, 3]]]


CALLS = {
    "max": lambda x: F.max_pool2d(x, 3, 2, 1),
    "max dilated": lambda x: F.max_pool2d(x, (2, 3), 1, (1, 0), (2, 1)),
    "avg": lambda x: F.avg_pool2d(x, 2),
    "avg padded": lambda x: F.avg_pool2d(x, 3, 2, 1, True, False),
    "avg divided": lambda x: F.avg_pool2d(x, (3, 2), (1, 3), divisor_override=5),
    "adaptive avg": lambda x: F.adaptive_avg_pool2d(x, (2, 3)),
    "adaptive uneven": lambda x: F.adaptive_avg_pool2d(x, (4, 5)),
    "adaptive max": lambda x: F.adaptive_max_pool2d(x, (4, 5)),
    "lp": lambda x: F.lp_pool2d(x + 1, 3, 2),
    "unpool": lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2),
}


@pytest.mark.thin(3)
@pytest.mark.parametrize("name", CALLS)
def test_gradients(name):
    x = _distinct(1, 2, 6, 6)
    assert gradcheck(CALLS[name], (x,))
    assert gradgradcheck(CALLS[name], (x,))
