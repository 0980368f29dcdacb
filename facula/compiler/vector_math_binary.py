"""Functions of two operands other than atan2, as branch-free formulas (see vector_math.py)."""

from __future__ import annotations

from .vector_math_expression import Number, function, where


@function("copysign", operands=2)
def copysign(x: Number, y: Number) -> Number:
    """The magnitude of x with the sign of y. Exact."""
    return x.copysign(y)


@function("maximum", operands=2)
def maximum(x: Number, y: Number) -> Number:
    """The larger one; NaN where either is NaN. Exact."""
    return where(x.is_nan(), x, where(x > y, x, y))


@function("minimum", operands=2)
def minimum(x: Number, y: Number) -> Number:
    """The smaller one; NaN where either is NaN. Exact."""
    return where(x.is_nan(), x, where(x < y, x, y))
