"""Exponentials, logarithms and hyperbolic functions: branch-free formulas (see vector_math.py)."""

from __future__ import annotations

import math

from .vector_math_expression import (
    Number,
    clamp_above,
    clamp_below,
    fma,
    function,
    horner,
    polynomial,
    through_double,
    where,
)

LN2 = math.log(2)
LOG2_E = 1 / LN2
# Constants in two parts, high and low. Products with the high part need no zeros at its end: fused
# multiply-adds do not round them.
LN2_SPLIT = {
    "float": (0.6931471824645996, -1.9046542121259336e-09),
    "double": (0.6931471805599453, 2.3190468138462996e-17),
}
LOG10_2_SPLIT = {
    "float": (0.3010300099849701, -1.432098883924482e-08),
    "double": (0.3010299956639812, -2.8037281277851704e-18),
}
INVERSE_LN_SPLIT = {  # 1 / ln(base)
    (2, "float"): (1.4426950216293335, 1.925963033500011e-08),
    (2, "double"): (1.4426950408889634, 2.0355273740931033e-17),
    (10, "float"): (0.4342944920063019, -1.0103049952192578e-08),
    (10, "double"): (0.4342944819032518, 1.098319650216765e-17),
}


def magic(x: Number, bias: int = 0) -> float:
    """The number whose addition rounds to an integer, left in the low bits together with `bias`."""
    return x.pick(1.5 * 2**23, 1.5 * 2**52) + bias


def exponent_shift(x: Number) -> int:
    return 52 if x.is_double else 23


def exponent_bias(x: Number) -> int:
    return 1023 if x.is_double else 127


def powers_of_two(shifted: Number) -> tuple[Number, Number]:
    """Two numbers whose product is 2**n, for n + magic(2 * exponent_bias) = `shifted`.

    Two factors reach overflow and the denormal numbers, which an exponent alone does not.
    """
    shift = exponent_shift(shifted)
    bits = shifted.bits()
    half = bits >> 1
    return (half << shift).as_float(), ((bits - half) << shift).as_float()


def exp_bounded(
    x: Number, low: Number | None = None, factor: float = 1.0, multiplier: Number | None = None,
    zero: Number | None = None,
) -> Number:  # fmt: skip
    """factor * multiplier * exp(x + low) for |x| up to about 150 (float) or 1400 (double), or NaN.

    |low| is tiny, the factor is a power of two, the multiplier is between about 0.01 and 2. Where
    the condition `zero` holds, the result is 0.
    exp(x) = 2**n exp(r) with r = x - n ln 2, |r| <= ln(2) / 2.
    """
    shifter = magic(x, 2 * exponent_bias(x))
    shifted = fma(x, LOG2_E, shifter)
    n = shifted - shifter
    high, rest = LN2_SPLIT[x.element]
    r = fma(n, -rest, fma(n, -high, x))
    if low is not None:
        r = r + low
    p = fma(r * r, polynomial(r, x.coefficients("exp")), r) + 1
    if multiplier is not None:
        p = p * multiplier
    first, second = powers_of_two(shifted)
    if zero is not None:
        second = where(zero, 0.0, second)
    return p * first * (second if factor == 1 else second * factor)


def clamped_exp(x: Number, low: Number | None = None, factor: float = 1.0) -> Number:
    """factor * exp(x + low) for any x, with a factor of at most 1; see exp_bounded.

    What is too small for a denormal is made zero by a factor that is zero: a product that
    underflows takes processors a hundred times as long, and masks of attention are full of these.
    """
    zero = x < x.pick(-104.5, -745.5)
    bounded = clamp_above(clamp_below(x, x.pick(-104.5, -745.5)), x.pick(95, 750))
    return exp_bounded(bounded, low, factor, zero=zero)


def exp_of_negative(x: Number, low: Number | None = None) -> Number:
    """exp(x + low) for x up to 0, or NaN; 0 where exp(x) is no normal number. For the weights of a
    softmax and the like: half as many instructions as `exp`, and the same error. |low| is tiny.
    """
    least = x.pick(-87, -708)
    p, s = expm1_parts(clamp_below(x, least), 1.0, low)
    return where(x < least, 0.0, fma(s, p, s))


@function("exp", ulp=(1.1, 1.1))
def exp(x: Number) -> Number:
    """2**n exp(r); denormal results are rounded once."""
    return clamped_exp(x)


@function("exp2", ulp=(1, 0.9))
def exp2(x: Number) -> Number:
    """Exact for whole numbers."""
    x = clamp_above(clamp_below(x, x.pick(-160, -1100)), x.pick(130, 1030))
    shifter = magic(x, 2 * exponent_bias(x))
    shifted = x + shifter
    r = x - (shifted - shifter)
    first, second = powers_of_two(shifted)
    return fma(r, horner(r, x.coefficients("exp2")), 1.0) * first * second


def expm1_parts(x: Number, factor: float, more: Number | None = None) -> tuple[Number, Number]:
    """(p, s) with factor * exp(x + more) = s * (1 + p), where p = expm1(r), s = factor * 2**n.

    |more| is tiny. The factor is a power of two; s must be a normal number and not overflow.
    """
    shifter = magic(x, exponent_bias(x) + round(math.log2(factor)))
    shifted = fma(x, LOG2_E, shifter)
    n = shifted - shifter
    high, low = LN2_SPLIT[x.element]
    r = fma(n, -low, fma(n, -high, x))
    if more is not None:
        r = r + more
    p = fma(r * r, polynomial(r, x.coefficients("exp")), r)
    return p, (shifted.bits() << exponent_shift(x)).as_float()


@function("expm1", ulp=(1.6, 2))
def expm1(x: Number) -> Number:
    """Computed on half the value, because 2**n may overflow where the result does not."""
    bounded = clamp_above(clamp_below(x, x.pick(-20, -40)), x.pick(89, 710))
    # half of a denormal may not be exact
    p, s = expm1_parts(bounded, 0.5)
    result = fma(s, p, s - 0.5) * 2
    return where(abs(x) < x.pick(2.0**-25, 2.0**-54), x, result)


@function("tanh", ulp=(1.6, 1.6))
def tanh(x: Number) -> Number:
    """A polynomial for small x, else 1 - 2 z / (z + 1) with z = exp(-2|x|)."""
    magnitude = clamp_above(abs(x), x.pick(10, 22))
    square = magnitude * magnitude
    small = fma(magnitude * square, horner(square, x.coefficients("tanh")), magnitude)
    p, s = expm1_parts(magnitude * -2, 1.0)
    z = fma(s, p, s)
    large = fma(z / (z + 1), -2.0, 1.0)
    return where(magnitude < 0.55, small, large).copysign(x)


@function("sigmoid", ulp=(1.7, 1.7))
def sigmoid(x: Number) -> Number:
    """q = z / (1 + z) with z = exp(-|x|); the result is 1 - q or, for negative x, z (1 - q)."""
    z = exp_bounded(clamp_above(abs(x), x.pick(110, 800)) * -1)
    base = where(x < 0, z, 1.0)
    return fma(-base, z / (z + 1), base)


def reduced(x: Number, error: Number | None = None) -> tuple[Number, Number]:
    """(e, f) with x + error = 2**e (1 + f), |f| <= 1/3, for positive normal x; e as integers.

    `error` must be below half an ulp of x.
    """
    shift, bias = exponent_shift(x), exponent_bias(x)
    bits = x.bits()
    exponent = (bits - x.const(2 / 3).bits()) >> shift
    f = (bits - (exponent << shift)).as_float() - 1
    if error is not None:
        # error * 2**-e; where that power would not be normal, error is far below an ulp of 1
        limited = where(exponent < bias, exponent, bias - 1)
        f = fma(error, ((bias - limited) << shift).as_float(), f)
    return exponent, f


def log_tail(f: Number) -> Number:
    """log(1 + f) - f for |f| <= 1/3."""
    if f.is_double:
        s = f / (f + 2)
        z = s * s
        half_square = f * f * 0.5
        return fma(s, fma(z, horner(z, f.coefficients("log_atanh")), half_square), -half_square)
    return f * f * polynomial(f, f.coefficients("log"))


def log_unchecked(x: Number) -> Number:
    """log(x) for finite x > 0 (any value elsewhere)."""
    scaled, offset = scaled_if_denormal(x)
    exponent, f = reduced(scaled)
    e = exponent.to_float() + offset
    high, low = LN2_SPLIT[x.element]
    return fma(e, high, f + fma(e, low, log_tail(f)))


def log_special(x: Number, result: Number) -> Number:
    """The result with log's values at 0, below 0, at infinity and at NaN."""
    outside = where(x.equals(0.0), x.const(-math.inf), math.nan)
    return where(x.equals(math.inf), x, where(x > 0, result, outside))


def scaled_if_denormal(x: Number) -> tuple[Number, Number]:
    """(x or x times a power of two that makes it normal, minus that exponent or 0)."""
    power = x.pick(25, 54)
    tiny = x < x.pick(2.0**-126, 2.0**-1022)
    return where(tiny, x * 2.0**power, x), where(tiny, x.const(-power), 0.0)


@function("log", ulp=(1, 1))
def log(x: Number) -> Number:
    """e ln 2 + log(1 + f); -inf at 0, NaN below; denormal arguments included."""
    return log_special(x, log_unchecked(x))


@function("log2", ulp=(1.6, 1.6))
def log2(x: Number) -> Number:
    """Exact for powers of two."""
    return _log_of_base(x, 2)


@function("log10", ulp=(1.5, 1.5))
def log10(x: Number) -> Number:
    """e log10(2) + log10(1 + f), each factor in two parts."""
    return _log_of_base(x, 10)


def _log_of_base(x: Number, base: int) -> Number:
    """exponent * log_base(2) + log(m) / log(base), with the rounding error of log(m) kept."""
    scaled, offset = scaled_if_denormal(x)
    exponent, f = reduced(scaled)
    e = exponent.to_float() + offset
    tail = log_tail(f)
    y = f + tail
    lost = tail - (y - f)
    factor, factor_low = INVERSE_LN_SPLIT[base, x.element]
    mantissa = fma(lost, factor, y * factor_low)
    if base == 2:
        result = e + fma(y, factor, mantissa)
    else:
        high, low = LOG10_2_SPLIT[x.element]
        result = fma(e, high, fma(y, factor, fma(e, low, mantissa)))
    return log_special(x, result)


def log1p_unchecked(x: Number) -> Number:
    """log(1 + x) for finite x > -1 (any value elsewhere)."""
    u = x + 1
    # the rounding error of 1 + x, from the larger operand
    error = where(abs(x) > 1, 1 - (u - x), x - (u - 1))
    exponent, f = reduced(u, error)
    e = exponent.to_float()
    high, low = LN2_SPLIT[x.element]
    return fma(e, high, f + fma(e, low, log_tail(f))).copysign(x)


@function("log1p", ulp=(1.7, 1.5))
def log1p(x: Number) -> Number:
    """log of 1 + x as a sum of two parts; -inf at -1, NaN below."""
    outside = where(x.equals(-1.0), x.const(-math.inf), math.nan)
    return where(x.equals(math.inf), x, where(x > -1, log1p_unchecked(x), outside))


@function("sinh", ulp=(0.501, 1.7))
@through_double
def sinh(x: Number) -> Number:
    """exp(|x|) / 2 - exp(-|x|) / 2, below 1 a polynomial."""
    magnitude = abs(x)
    half = clamped_exp(magnitude, factor=0.5)
    z = x * x
    small = fma(magnitude * z, horner(z, x.coefficients("sinh")), magnitude)
    return where(magnitude < 1, small, half - 0.25 / half).copysign(x)


@function("cosh", ulp=(0.501, 1.5))
@through_double
def cosh(x: Number) -> Number:
    """exp(|x|) / 2 + exp(-|x|) / 2."""
    half = clamped_exp(abs(x), factor=0.5)
    return half + 0.25 / half


@function("asinh", ulp=(0.501, 1.9))
@through_double
def asinh(x: Number) -> Number:
    """log1p(|x| + x^2 / (1 + sqrt(1 + x^2)))."""
    magnitude = abs(x)
    large = magnitude > 2.0**500
    square = magnitude * magnitude
    argument = magnitude + square / ((square + 1).sqrt() + 1)
    result = log1p_unchecked(where(large, magnitude, argument)) + where(large, x.const(LN2), 0.0)
    return where(magnitude < math.inf, result.copysign(x), x)


@function("acosh", ulp=(0.501, 1.9))
@through_double
def acosh(x: Number) -> Number:
    """log1p(t + sqrt(2 t + t^2)) with t = x - 1."""
    large = x > 2.0**500
    t = x - 1
    argument = where(large, x, t + fma(t, t, t * 2).sqrt())
    result = log1p_unchecked(argument) + where(large, x.const(LN2), 0.0)
    return where(x.equals(math.inf), x, where(x >= 1, result, math.nan))


@function("atanh", ulp=(0.501, 1.9))
@through_double
def atanh(x: Number) -> Number:
    """log1p(2 x / (1 - x)) / 2."""
    magnitude = abs(x)
    return (log1p(magnitude * 2 / (1 - magnitude)) * 0.5).copysign(x)
