"""The references of special functions that are formulas of their own, against Python's `math`."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from facula.ops import special

GRID = np.concatenate([np.linspace(-14, 14, 20001), 2.0 ** np.linspace(-140, 3, 2000)])


def _ndtr(x: float) -> float:
    return math.erfc(-x / math.sqrt(2)) / 2


@pytest.mark.parametrize(
    "function, exact, bound", [(special.erf, math.erf, 0.51), (special.ndtr, _ndtr, 1.0)]
)
def test_single_precision_is_right_to_the_last_place(
    function: Callable[[np.ndarray], np.ndarray], exact: Callable[[float], float], bound: float
) -> None:
    x = GRID.astype(np.float32)
    wanted = np.array([exact(float(v)) for v in x])
    error = np.abs(function(x) - wanted) / np.spacing(np.abs(wanted).astype(np.float32))
    assert error[np.abs(wanted) > 1.2e-38].max() < bound


def test_double_precision_is_pythons() -> None:
    x = GRID[::10]
    assert special.erf(x).tolist() == [math.erf(v) for v in x]
    np.testing.assert_allclose(special.ndtr(x), [_ndtr(v) for v in x], rtol=1e-13)


def test_special_values_and_shapes() -> None:
    x = np.array([[0.0, -0.0, math.inf], [-math.inf, math.nan, 1e30]], np.float32)
    erf, ndtr = special.erf(x), special.ndtr(x.T).T
    np.testing.assert_array_equal(erf, [[0, 0, 1], [-1, math.nan, 1]])
    assert np.signbit(erf[0]).tolist() == [False, True, False]
    np.testing.assert_array_equal(ndtr, [[0.5, 0.5, 1], [0, math.nan, 1]])
    assert special.erf(np.float32(0.5)[()]).shape == ()
    assert special.ndtr(np.zeros((0, 3), np.float32)).shape == (0, 3)


def test_the_tail_of_a_normal_distribution() -> None:
    x = np.array([-30.0, -19.99, -3.0, 0.0, 3.0, 19.99, 20.01, 37.0])
    tail = special.normal_tail(x)
    # Continued fraction: Abramowitz and Stegun 26.2.14.
    for place, found in zip(np.abs(x), tail, strict=True):
        if place > 2:
            fraction = place
            for k in range(200, 0, -1):
                fraction = place + k / fraction
            assert math.isclose(found, 1 / fraction / math.sqrt(2 * math.pi), rel_tol=1e-9)
    assert tail[3] == 0.5
