"""Functions of two operands other than atan2, as branch-free formulas (see vector_math.py)."""

from __future__ import annotations

import math

from .vector_math_exponential import (
    LN2_SPLIT,
    clamped_exp,
    log_special,
    log_unchecked,
    reduced,
    scaled_if_denormal,
)
from .vector_math_expression import Number, fma, function, horner, where


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


@function("hypot", operands=2, ulp=(0.501, 1.2))
def hypot(x: Number, y: Number) -> Number:
    """sqrt(x^2 + y^2) without overflow; infinite where either is."""
    a, b = abs(x), abs(y)
    if x.is_double:
        large = where(a > b, a, b)
        scale = where(large > 2.0**500, x.const(2.0**-600), 1.0)
        scale = where(large < 2.0**-400, 2.0**600, scale)
        back = where(large > 2.0**500, x.const(2.0**600), 1.0)
        back = where(large < 2.0**-400, 2.0**-600, back)
        p, q = x * scale, y * scale
        result = fma(p, p, q * q).sqrt() * back
    else:
        p, q = x.to_double(), y.to_double()
        result = fma(p, p, q * q).sqrt().to_single()
    return where(a.equals(math.inf) | b.equals(math.inf), math.inf, result)


# Powers


def _log_in_two_parts(x: Number) -> tuple[Number, Number]:
    """log(x) = high + low for doubles x > 0, relative error about 2**-65 (the high part: any x).

    log(m) = 2 s + s z (2/3 + z T(z)) with s = (m - 1) / (m + 1), z = s^2; everything before T in
    sums and products of two parts, each with the rounding error of the last.
    """
    scaled, offset = scaled_if_denormal(x)
    exponent, f = reduced(scaled)
    e = exponent.to_float() + offset
    d = f + 2
    d_low = f - (d - 2)
    s = f / d
    s_low = (fma(-s, d, f) - s * d_low) / d
    z = s * s
    z_low = fma(s, s, -z) + s * s_low * 2
    tail = z * horner(z, x.coefficients("pow_tail"))
    a = tail + 2 / 3
    a_low = (tail - (a - 2 / 3)) + 3.700743415417188e-17  # 2/3 - float(2/3)
    b = z * a
    b_low = fma(z, a, -b) + fma(z, a_low, z_low * a)
    c = s * b
    c_low = fma(s, b, -c) + fma(s, b_low, s_low * b)
    ln2, ln2_low = LN2_SPLIT["double"]
    whole = e * ln2
    whole_low = fma(e, ln2_low, fma(e, ln2, -whole))
    first = whole + s * 2
    first_low = s * 2 - (first - whole)
    second = first + c
    second_low = c - (second - first)
    low = (first_low + second_low) + ((whole_low + s_low * 2) + c_low)
    high = second + low
    return log_special(x, high), low - (high - second)


@function("pow", operands=2, ulp=(0.501, 1.3))
def power(x: Number, y: Number) -> Number:
    """C's pow, with its special cases."""
    if x.is_double:
        magnitude = abs(x)
        high, low = _log_in_two_parts(magnitude)
        product = y * high
        product_low = fma(y, low, fma(y, high, -product))
        product_low = where(abs(product) < 800, product_low, 0.0)
        result = clamped_exp(product, product_low)
    else:
        wide = abs(x).to_double()
        magnitude = abs(x)
        result = clamped_exp(y.to_double() * log_special(wide, log_unchecked(wide))).to_single()
    one = y.equals(0.0) | x.equals(1.0) | (x.equals(-1.0) & abs(y).equals(math.inf))
    result = where(one, 1.0, result)
    whole = y.equals(y.trunc())
    half = y * 0.5
    odd = whole & half.differs(half.trunc())
    result = where(odd & (x.bits() < 0), -result, result)
    return where((x < 0) & ~whole & (magnitude < math.inf), math.nan, result)


# Division with remainder


def _remainder_of_magnitudes(x: Number, y: Number, stages: int) -> Number:
    """x modulo y for doubles x, y > 0 (NaN where y is 0 or either is infinite).

    Each stage subtracts q y with q the quotient rounded to 50 bits or, if that is coarser, to a
    whole number: the difference fits a double, so it is exact, and the quotient falls by 2**49.
    What remains after the last stage lies between -y/2 and y/2, up to the quotient's rounding.
    """
    inverse = 1 / y
    r = x
    for _ in range(stages):
        quotient = r * inverse
        rounded = ((quotient.bits() + 4) & ~7).as_float().round_even()
        r = fma(-rounded, y, r)
    r = where(r < 0, r + y, r)
    return where(r < y, r, math.nan)


@function("fmod", operands=2)
def fmod(x: Number, y: Number) -> Number:
    """C's fmod. Exact for all floats; for doubles exact where |x / y| < 2**195, NaN beyond that."""
    a, b = abs(x), abs(y)
    if x.is_double:
        tiny = b < 2.0**-900
        scale = where(tiny, x.const(2.0**200), 1.0)
        back = where(tiny, x.const(2.0**-200), 1.0)
        result = _remainder_of_magnitudes(a * scale, b * scale, 4) * back
    else:
        result = _remainder_of_magnitudes(a.to_double(), b.to_double(), 6).to_single()
    return where(b.equals(math.inf) & (a < math.inf), x, result.copysign(x))


@function("remainder", operands=2, ulp=(0.501, 0.501))
def remainder(x: Number, y: Number) -> Number:
    """x - y * floor(x / y): fmod, plus y where the signs differ, rounded once. Domain: fmod's."""
    r = fmod(x, y)
    return where(_signs_differ(r, y), r + y, r)


def _signs_differ(r: Number, y: Number) -> Number:
    """Whether r is not 0 and y has the other sign."""
    return ((r < 0) & (y > 0)) | ((r > 0) & (y < 0))


@function("floor_divide", operands=2)
def floor_divide(x: Number, y: Number) -> Number:
    """floor of the exact quotient, as Python's `//`; x / y where y is 0."""
    quotient = x / y
    r = fmod(x, y)
    nearly_whole = (x - r) / y
    nearly_whole = where(_signs_differ(r, y), nearly_whole - 1, nearly_whole)
    down = nearly_whole.floor()
    result = where((nearly_whole - down) > 0.5, down + 1, down)
    result = where(nearly_whole.equals(0.0), (x * 0.0).copysign(quotient), result)
    if x.is_double:  # beyond fmod's domain the quotient is a whole number anyway
        beyond = (abs(quotient) > 2.0**190) & (abs(x) < math.inf)
        result = where(beyond, quotient, result)
    return where(y.equals(0.0), quotient, result)
