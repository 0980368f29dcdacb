"""The error function and its kin, roots and reciprocals (see vector_math.py)."""

from __future__ import annotations

import math

from .vector_math_coefficients import NORMAL_TAIL_SCALE
from .vector_math_exponential import exp_bounded, exp_of_negative, expm1_parts
from .vector_math_expression import (
    Number,
    clamp_above,
    fma,
    function,
    horner,
    polynomial,
    through_double,
    where,
)


def _scaled_erfc(t: Number) -> Number:
    """exp(t^2) erfc(t) for doubles t from 0 to 27.4.

    (1 + 2 t) exp(t^2) erfc(t) is smooth in q = (t - 4) / (t + 4) (M. Shepherd and J. Laframboise,
    "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x", Math. Comp. 36, 1981).
    """
    q = (t - 4) / (t + 4)
    return horner(q, t.coefficients("erfcx")) / fma(t, 2.0, 1.0)


def _erfc_positive(t: Number) -> Number:
    """erfc(t) for doubles t >= 0, with small relative error down to the denormal numbers.

    The square is kept with its rounding error, because its exponential magnifies that.
    """
    t = clamp_above(t, 27.4)
    square = t * t
    error = fma(t, t, -square)
    # dividing before the exponential rounds a denormal result only once
    return exp_bounded(-square, -error, multiplier=_scaled_erfc(t))


@function("bell", ulp=(1.4, 1.5))
def bell(x: Number) -> Number:
    """exp(-x^2 / 2), and 0 where that is no normal number. The square is kept with its rounding
    error.
    """
    half = x * -0.5
    square = x * half
    return exp_of_negative(square, fma(x, half, -square))


@function("normal_tail", ulp=(5.5, 4.9))
def normal_tail(x: Number) -> Number:
    """exp(x^2 / 2) times the chance of a normally distributed number above |x|, for |x| up to 14
    (double: 38), where the chance ends to be a number: what GELU and its gradient want beside the
    exponential. Single precision: 1 / (1 + c |x|) times a polynomial in what that lacks to 1.
    """
    magnitude = abs(x)
    if x.is_double:
        return _scaled_erfc(clamp_above(magnitude * math.sqrt(0.5), 27.4)) * 0.5
    part = 1 / fma(magnitude, NORMAL_TAIL_SCALE, 1.0)
    rest = 1 - part
    return part * fma(rest, polynomial(rest, x.coefficients("normal_tail")), 0.5)


@function("erf", ulp=(1.7, 1.1))
def erf(x: Number) -> Number:
    """Single precision: -expm1(t Q(t)) with t Q(t) ~ log(erfc(t)); double: a polynomial below 1."""
    magnitude = abs(x)
    if x.is_double:
        z = magnitude * magnitude
        small = fma(magnitude, polynomial(z, x.coefficients("erf_small")), magnitude)
        return where(magnitude < 1, small, 1 - _erfc_positive(magnitude)).copysign(x)
    t = clamp_above(magnitude, 3.95)
    slope, slope_low = -1.128379225730896, 5.8635382771399236e-08  # -2 / sqrt(pi)
    rest = fma(t * t, polynomial(t, x.coefficients("erf")), t * slope_low)
    p, s = expm1_parts(fma(t, slope, rest), 1.0)
    return fma(-s, p, 1 - s).copysign(x)


@function("erfc", ulp=(0.501, 3.1))
@through_double
def erfc(x: Number) -> Number:
    """The relative error is small in the tail, too, down to denormal results."""
    complement = _erfc_positive(abs(x))
    z = x * x
    # near 0: 1 - erf(x), as 0.5 + (0.5 - erf(x)) where that is more exact
    small = 1 - fma(x, horner(z, x.coefficients("erf_small")), x)
    return where(abs(x) < 0.25, small, where(x < 0, 2 - complement, complement))


@function("sqrt", ulp=(0.501, 0.501))
def sqrt(x: Number) -> Number:
    """Correctly rounded."""
    return x.sqrt()


@function("rsqrt", ulp=(1.5, 1.5))
def rsqrt(x: Number) -> Number:
    """1 / sqrt(x), each correctly rounded; -inf at -0."""
    return 1 / x.sqrt()


@function("reciprocal", ulp=(0.501, 0.501))
def reciprocal(x: Number) -> Number:
    """Correctly rounded."""
    return 1 / x


@function("floor")
def floor(x: Number) -> Number:
    """Exact."""
    return x.floor()


@function("ceil")
def ceil(x: Number) -> Number:
    """Exact."""
    return x.ceil()


@function("trunc")
def trunc(x: Number) -> Number:
    """Exact."""
    return x.trunc()


@function("round")
def round_even(x: Number) -> Number:
    """Exact; halves go to the even neighbour."""
    return x.round_even()
