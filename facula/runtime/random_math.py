"""Arithmetic with fixed roundings: fused multiply-add, and logarithm, sine and cosine in float32.

PyTorch's vectorised normal numbers come from the single-precision functions of the Cephes library,
evaluated with fused multiply-adds. To give the same last digit on every machine the operations are
written out here in their order, and the fused step is emulated where NumPy has none.
Source of the polynomials: S. Moshier, Cephes Mathematical Library (logf, sinf, cosf).
"""

from __future__ import annotations

import numpy as np

_F = np.float32
LOG = [
    _F(c)
    for c in (
        7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
        -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
    )
]  # fmt: skip
COS = [_F(c) for c in (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)]
SIN = [_F(c) for c in (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)]
MINUS_PI_4 = [_F(c) for c in (-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8)]
LN2_LOW, LN2_HIGH = _F(-2.12194440e-4), _F(0.693359375)
SQRT_HALF, FOUR_OVER_PI = _F(0.707106781186547524), _F(1.27323954473516)
TWO_PI = _F(6.283185307179586)

_TAIL = np.int64(0x1FFFFFFF)  # the bits of a double below the last bit of a float32
_TIE = np.int64(0x10000000)


def _error_of_sum(a: np.ndarray, b: np.ndarray, total: np.ndarray) -> np.ndarray:
    """What `a + b` lost when it was rounded to `total` (Knuth's two-sum)."""
    part = total - a
    return (a - (total - part)) + (b - part)


def _round_to_odd(total: np.ndarray, error: np.ndarray) -> np.ndarray:
    """`total` moved to the neighbour with an odd last bit, where something was lost in it."""
    bits = total.view(np.int64)
    step = np.where((error > 0) == (total > 0), 1, -1)
    return (bits + np.where((error != 0) & ((bits & 1) == 0), step, 0)).view(np.float64)


def fma32(a: np.ndarray, b: np.ndarray | np.float32, c: np.ndarray | np.float32) -> np.ndarray:
    """`a * b + c` of float32 operands, rounded once, float32.

    The product is exact in float64. The sum is rounded there and again to float32, which is wrong
    only where the first rounding lands on a tie: those elements are redone (results below 2**-126
    are not).
    """
    product = np.multiply(a, b, dtype=np.float64)
    total = product + c
    tie = (total.view(np.int64) & _TAIL) == _TIE
    if tie.any():
        error = _error_of_sum(product, np.asarray(c, np.float64), total)
        total = _round_to_odd(total, error)
    return total.astype(np.float32)


def _split(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    big = 134217729.0 * x  # 2**27 + 1
    high = big - (big - x)
    return high, x - high


def fma64(a: np.ndarray, b: float, c: float) -> np.ndarray:
    """`a * b + c` in float64, rounded once (Boldo and Melquiond, 2008); no overflow on the way."""
    factor = np.float64(b)
    product = a * factor
    a_high, a_low = _split(a)
    b_high, b_low = _split(np.asarray(factor))
    lost = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    total = product + c
    error = _error_of_sum(product, np.asarray(c, np.float64), total)
    rest = error + lost
    return total + _round_to_odd(rest, _error_of_sum(error, lost, rest))


def log32(x: np.ndarray) -> np.ndarray:
    """The natural logarithm of normal positive float32 numbers, float32 of the same shape."""
    bits = x.view(np.int32)
    exponent = ((bits >> 23) - 126).astype(np.float32)
    x = ((bits & 0x7FFFFF) | 0x3F000000).view(np.float32)
    small = x < SQRT_HALF
    extra = x * small
    x = x - _F(1)
    x += extra
    exponent -= small
    square = x * x
    y = fma32(x, LOG[0], LOG[1])
    for coefficient in LOG[2:]:
        y = fma32(y, x, coefficient)
    y *= x
    y = fma32(y, square, exponent * LN2_LOW)
    y = fma32(square, _F(-0.5), y)
    x += y
    return fma32(exponent, LN2_HIGH, x)


def sincos32(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sine and cosine of float32 numbers in [0, 2 pi], float32 of the same shape."""
    octant = (x * FOUR_OVER_PI).astype(np.int32)
    octant = (octant + 1) & ~1
    y = octant.astype(np.float32)
    for part in MINUS_PI_4:
        x = fma32(y, part, x)
    square = x * x
    cos = fma32(fma32(square, COS[0], COS[1]), square, COS[2])
    cos *= square
    cos = fma32(cos, square, square * _F(-0.5))
    cos += _F(1)
    sin = fma32(fma32(square, SIN[0], SIN[1]), square, SIN[2])
    sin *= square
    sin = fma32(sin, x, x)
    swap = (octant & 2) != 0
    negative_sin = (octant & 4) << 29
    negative_cos = (~(octant - 2) & 4) << 29
    signed_sin = np.where(swap, cos, sin).view(np.int32) ^ negative_sin
    signed_cos = np.where(swap, sin, cos).view(np.int32) ^ negative_cos
    return signed_sin.view(np.float32), signed_cos.view(np.float32)
