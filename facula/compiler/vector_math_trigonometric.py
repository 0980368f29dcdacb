"""The circular functions and their inverses, as branch-free formulas (see vector_math.py)."""

from __future__ import annotations

import math

from .vector_math_expression import Number, fma, function, horner, polynomial, where

HALF_PI = (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33)
"""pi / 2 as a sum of three doubles."""
ROUNDER = 1.5 * 2**52

# Reduction of single precision, in double. A float x >= 2**(27 j + 23) is a whole multiple of
# 2**(27 j), so x * 2/pi modulo 4 is x * 2**(-27 j) times (2**(27 j) * 2/pi modulo 4), which is kept
# as two doubles. The scaled x stays below 2**50, so the rounded quotient is exact.
_SINGLE_RANGES = (  # (from this |x| on, scale, high and low part of the factor)
    (0.0, 1.0, 0.6366197723675814, -3.935735335036497e-17),
    (2.0**50, 2.0**-27, -0.5529460512772132, 3.808591801500832e-17),
    (2.0**77, 2.0**-54, 1.2910009524680295, -3.862804515881076e-17),
    (2.0**104, 2.0**-81, -1.3139050952781812, 9.395526559852902e-17),
)


def _reduce_single(x: Number) -> tuple[Number, Number | None, Number]:
    """See `reduce`, for any finite float."""
    magnitude = abs(x)
    _, scale, high, low = _SINGLE_RANGES[0]
    scales, highs, lows = x.const(scale), x.const(high, "double"), x.const(low, "double")
    for start, scale, high, low in _SINGLE_RANGES[1:]:
        beyond = magnitude >= start
        scales = where(beyond, scale, scales)
        highs, lows = where(beyond, high, highs), where(beyond, low, lows)
    wide = (x * scales).to_double()
    product = wide * highs
    lost = fma(wide, lows, fma(wide, highs, -product))
    shifted = product + ROUNDER
    fraction = (product - (shifted - ROUNDER)) + lost
    return (fraction * HALF_PI[0]).to_single(), None, shifted.bits().low_half()


def _reduce_double(x: Number) -> tuple[Number, Number | None, Number]:
    """See `reduce`, for |x| up to 2**51 (NaN beyond): three parts of pi/2, error terms kept."""
    shifted = fma(x, 2 / math.pi, ROUNDER)
    n = shifted - ROUNDER
    first = fma(n, -HALF_PI[0], x)
    product = n * HALF_PI[1]
    product_error = fma(n, HALF_PI[1], -product)
    second = first - product
    back = first - second
    second_error = (first - (second + back)) + (back - product)
    low = fma(n, -HALF_PI[2], second_error - product_error)
    r = second + low
    inside = abs(x) <= 2.0**51
    return where(inside, r, math.nan), low - (r - second), shifted.bits()


def reduce(x: Number) -> tuple[Number, Number | None, Number]:
    """(r, low, quadrant) with x = r + low + quadrant * pi/2 modulo 2 pi, |r| about pi/4 at most.

    `low` is None where r alone is exact enough; only the lowest two bits of `quadrant` matter.
    """
    return _reduce_double(x) if x.is_double else _reduce_single(x)


def _sin_cos(r: Number, low: Number | None) -> tuple[Number, Number]:
    """sin and cos of r + low for |r| up to about pi/4."""
    z = r * r
    odd = horner(z, r.coefficients("sin"))
    even = horner(z, r.coefficients("cos"))
    half = z * 0.5
    if low is None:
        return fma(r * z, odd, r), fma(z * z, even, 1 - half)
    one = 1 - half
    rest = fma(z * z, even, (1 - one) - half) - r * low
    return r + fma(r * z, odd, fma(-half, low, low)), one + rest


def _flip(value: Number, quadrant: Number) -> Number:
    """The value with its sign changed where bit 1 of the quadrant is set."""
    bits = value.bits()
    return (bits ^ ((quadrant & 2) << (62 if value.is_double else 30))).as_float()


@function("sin", ulp=(1.7, 0.9))
def sin(x: Number) -> Number:
    """For every finite float, and for doubles up to 2**51 in magnitude; NaN beyond."""
    r, low, quadrant = reduce(x)
    sine, cosine = _sin_cos(r, low)
    result = _flip(where((quadrant & 1).equals(0), sine, cosine), quadrant)
    return where(x.equals(0.0), x, result)


@function("cos", ulp=(1.7, 0.9))
def cos(x: Number) -> Number:
    """For every finite float, and for doubles up to 2**51 in magnitude; NaN beyond."""
    r, low, quadrant = reduce(x)
    sine, cosine = _sin_cos(r, low)
    return _flip(where((quadrant & 1).equals(0), cosine, sine), quadrant + 1)


@function("tan", ulp=(3.8, 2.2))
def tan(x: Number) -> Number:
    """For every finite float, and for doubles up to 2**51 in magnitude; NaN beyond."""
    r, low, quadrant = reduce(x)
    sine, cosine = _sin_cos(r, low)
    even = (quadrant & 1).equals(0)
    result = where(even, sine, -cosine) / where(even, cosine, sine)
    return where(x.equals(0.0), x, result)


def _asin_parts(magnitude: Number) -> tuple[Number, Number]:
    """(small, a): a = asin(m) where small (m <= 1/2), else asin(sqrt((1 - m) / 2))."""
    small = magnitude <= 0.5
    z = where(small, magnitude * magnitude, fma(magnitude, -0.5, 0.5))
    base = where(small, magnitude, z.sqrt())
    return small, fma(base * z, horner(z, magnitude.coefficients("asin")), base)


def half_pi(x: Number) -> tuple[float, float]:
    """pi / 2 as a sum of two constants of this precision."""
    return (
        (HALF_PI[0], HALF_PI[1])
        if x.is_double
        else (1.57079637050628662109375, -4.37113900018624283e-8)
    )


@function("asin", ulp=(2.4, 2.3))
def asin(x: Number) -> Number:
    """Above 1/2: pi/2 - 2 asin(sqrt((1 - |x|) / 2)). NaN outside [-1, 1]."""
    small, a = _asin_parts(abs(x))
    high, low = half_pi(x)
    return where(small, a, high - (a * 2 - low)).copysign(x)


@function("acos", ulp=(1.2, 1.2))
def acos(x: Number) -> Number:
    """Above 1/2: 2 asin(sqrt((1 - |x|) / 2)), likewise below -1/2. NaN outside [-1, 1]."""
    small, a = _asin_parts(abs(x))
    high, low = half_pi(x)
    middle = high - (a.copysign(x) - low)
    outer = where(x < 0, high * 2 - (a * 2 - 2 * low), a * 2)
    return where(small, middle, outer)


def atan_ratio(y: Number, x: Number) -> Number:
    """atan(y / x) for y, x >= 0, in [0, pi/2]; NaN where both are 0 or both are infinite."""
    steep = y > x
    q = where(steep, x, y) / where(steep, y, x)
    z = q * q
    a = fma(q * z, polynomial(z, x.coefficients("atan")), q)
    high, low = half_pi(x)
    return where(steep, high - (a - low), a)


@function("atan", ulp=(1.4, 1.5))
def atan(x: Number) -> Number:
    """The smaller of |x| and 1/|x| goes into the polynomial."""
    return atan_ratio(abs(x), x.const(1.0)).copysign(x)


@function("atan2", operands=2, ulp=(1.5, 1.5))
def atan2(y: Number, x: Number) -> Number:
    """C's atan2(y, x), with its values at zeros and infinities."""
    up, right = abs(y), abs(x)
    equal = up.equals(
        right
    )  # 0/0 and inf/inf: any equal pair has the angle pi/4, except at the origin
    angle = atan_ratio(where(equal, 1.0, up), where(equal, 1.0, right))
    angle = where(up.equals(0.0), 0.0, angle)
    high, low = half_pi(x)
    left = x.bits() < 0
    result = where(left, 2 * high - (angle - 2 * low), angle).copysign(y)
    return where(x.unordered(y), x + y, result)
