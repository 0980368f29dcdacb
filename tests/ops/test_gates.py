"""GELU where its value is a small share of its operand, against Python's `math`."""

from __future__ import annotations

import math

import numpy as np
import pytest

import facula as torch


def _exact(x: float) -> tuple[float, float]:
    share = math.erfc(-x / math.sqrt(2)) / 2
    return x * share, share + x * math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def _value_and_slope(x: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    y = torch.nn.functional.gelu(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    return y.detach().numpy(), slope.numpy()


@pytest.mark.parametrize(
    ("dtype", "bound"), [(torch.float32, 1.5e-6), (torch.float64, 3e-14)], ids=["single", "double"]
)
def test_values_keep_their_digits_in_the_tail(dtype: torch.dtype, bound: float) -> None:
    """By references at first, compiled from the second time on."""
    x = torch.linspace(-9, 9, 4003, dtype=torch.float64).to(dtype).requires_grad_()
    wanted = np.array([_exact(v) for v in x.tolist()]).T
    for _ in range(3):
        value, slope = _value_and_slope(x)
        np.testing.assert_allclose(value, wanted[0], rtol=bound, atol=1e-35)
        # Two terms of opposite sign: their rounding counts where the slope goes through zero.
        terms = np.abs(wanted[1]) + np.abs(wanted[0])
        assert (np.abs(slope - wanted[1]) < 20 * bound * terms).all()


def test_special_values() -> None:
    x = torch.tensor([math.inf, -math.inf, math.nan, 0.0, -0.0, 1e30, -1e30], requires_grad=True)
    for _ in range(3):
        value, slope = _value_and_slope(x)
        nan, inf = math.nan, math.inf
        np.testing.assert_array_equal(value, np.float32([inf, nan, nan, 0, 0, 1e30, 0]))
        np.testing.assert_array_equal(slope, np.float32([nan, nan, nan, 0.5, 0.5, 1, 0]))
