"""Special functions that NumPy does not have, as NumPy expressions: the references of erf and
its kin.

Computed in float64 and rounded to the operand's dtype. Sources: erf and erfc are Python's own,
element by element, which takes 0.2 us; of float32, which networks have, erf and the normal
distribution are the formulas of the compiled functions; erfinv by Newton steps from Winitzki's
approximation; gamma functions by recurrence and Stirling's asymptotic series (Abramowitz and Stegun
6.1.40, 6.3.18, 6.4.12; polygamma: 6.4.11).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

_ERF = np.frompyfunc(math.erf, 1, 1)
_ERFC = np.frompyfunc(math.erfc, 1, 1)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), without overflow."""
    if x.dtype.kind == "c":
        return np.asarray(1 / (1 + np.exp(-x)))
    e = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1 / (1 + e), e / (1 + e)), dtype=x.dtype)


_PIECE = 8192  # elements for which a formula's steps stay in the cache


def _singly(formula: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray:
    """A formula of float64 numbers, of float32 ones."""
    out, flat = np.empty(x.size, np.float32), x.reshape(-1)
    for k in range(0, x.size, _PIECE):
        out[k : k + _PIECE] = formula(flat[k : k + _PIECE].astype(np.float64))
    return out.reshape(x.shape)


def _erf_of_single(x: np.ndarray) -> np.ndarray:
    from ..compiler.vector_math_coefficients import COEFFICIENTS

    t = np.minimum(np.abs(x), 3.95)
    slope = -2 / math.sqrt(math.pi)
    exponent = np.polyval((*COEFFICIENTS["erf", "float"][::-1], slope), t) * t
    return np.copysign(np.expm1(exponent), x)


def _ndtr_of_single(x: np.ndarray) -> np.ndarray:
    from ..compiler.vector_math_coefficients import COEFFICIENTS, NORMAL_TAIL_SCALE

    part = 1 / (np.abs(x) * NORMAL_TAIL_SCALE + 1)
    tail = np.polyval((*COEFFICIENTS["normal_tail", "float"][::-1], 0.5), 1 - part) * part * bell(x)
    return np.where(x >= 0, 1 - tail, tail)


def ndtr(x: np.ndarray) -> np.ndarray:
    """The chance of a normally distributed number at or below x."""
    x = np.asarray(x)
    if x.dtype == np.float32:
        return _singly(_ndtr_of_single, x)
    return np.asarray(erfc(np.multiply(x, -math.sqrt(0.5))) * 0.5, dtype=x.dtype)


def erf(x: np.ndarray) -> np.ndarray:
    """The error function."""
    x = np.asarray(x)
    if x.dtype == np.float32:
        return _singly(_erf_of_single, x)
    return np.asarray(_ERF(x), dtype=x.dtype)


def erfc(x: np.ndarray) -> np.ndarray:
    """The complementary error function, with relative accuracy in the tail."""
    return np.asarray(_ERFC(np.asarray(x)), dtype=np.asarray(x).dtype)


def bell(x: np.ndarray) -> np.ndarray:
    """exp(-x^2 / 2)."""
    return np.asarray(np.exp(np.multiply(np.multiply(x, x), -0.5)))


def normal_tail(x: np.ndarray) -> np.ndarray:
    """exp(x^2 / 2) times the chance of a normally distributed number above |x|."""
    z = np.abs(np.asarray(x, np.float64))
    near = np.minimum(z, 20.0)
    far = np.maximum(z, 20.0)  # asymptotic: Abramowitz and Stegun 26.2.12
    tail = np.exp(near * near / 2) * erfc(near / np.sqrt(2)) / 2
    square = 1 / (far * far)
    series = 1 - square * (1 - square * (3 - square * (15 - square * (105 - 945 * square))))
    beyond = series / (far * np.sqrt(2 * np.pi))
    return np.asarray(np.where(z > 20, beyond, tail), dtype=np.asarray(x).dtype)


def erfinv(x: np.ndarray) -> np.ndarray:
    """The inverse error function on [-1, 1]; NaN outside."""
    x = np.asarray(x)
    y = x.astype(np.float64)
    inside = np.abs(y) < 1.0
    s = np.where(inside, y, 0.0)
    ln = np.log1p(-s * s)
    t = 2.0 / (np.pi * 0.147) + ln / 2.0
    r = np.copysign(np.sqrt(np.sqrt(t * t - ln / 0.147) - t), s)
    for _ in range(4):
        # the residual through erfc keeps its digits near +-1
        residual = np.where(
            np.abs(s) > 0.5, np.sign(s) * (1.0 - np.abs(s) - erfc(np.abs(r))), erf(r) - s
        )
        step = residual / (2.0 / np.sqrt(np.pi) * np.exp(-r * r))
        r = r - step / (1.0 + r * step)
    r = np.where(inside, r, np.where(np.abs(y) == 1.0, np.copysign(np.inf, y), np.nan))
    return np.asarray(r, dtype=x.dtype)


def _shift(x: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """x moved up past 10 by the recurrence, and the factors that it passed."""
    passed = []
    z = x.astype(np.float64)
    for _ in range(10):
        low = z < 10.0
        passed.append(np.where(low, z, np.nan))
        z = np.where(low, z + 1.0, z)
    return z, passed


_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)


def lgamma(x: np.ndarray) -> np.ndarray:
    """log |gamma(x)|."""
    x = np.asarray(x)
    y = x.astype(np.float64)
    reflect = y < 0.5
    with np.errstate(all="ignore"):
        z, passed = _shift(np.where(reflect, 1.0 - y, y))
        r = (z - 0.5) * np.log(z) - z + 0.5 * np.log(2 * np.pi)
        power = z.copy()
        for k, b in enumerate(_BERNOULLI, 1):
            r = r + b / (2 * k * (2 * k - 1) * power)
            power = power * z * z
        product = np.ones_like(z)
        for p in passed:
            product = product * np.where(np.isnan(p), 1.0, p)
        r = r - np.log(product)
        r = np.where(reflect, np.log(np.pi) - np.log(np.abs(np.sin(np.pi * y))) - r, r)
        r = np.where(np.isinf(y) | ((y <= 0) & (y == np.floor(y))), np.inf, r)
        r = np.where((y == 1) | (y == 2), 0.0, r)
    return np.asarray(r, dtype=x.dtype)


def digamma(x: np.ndarray) -> np.ndarray:
    """The derivative of log gamma."""
    x = np.asarray(x)
    y = x.astype(np.float64)
    reflect = y < 0.5
    with np.errstate(all="ignore"):
        z, passed = _shift(np.where(reflect, 1.0 - y, y))
        r = np.log(z) - 0.5 / z
        power = z * z
        for k, b in enumerate(_BERNOULLI, 1):
            r = r - b / (2 * k * power)
            power = power * z * z
        for p in passed:
            r = r - np.where(np.isnan(p), 0.0, 1.0 / p)
        r = np.where(reflect, r - np.pi / np.tan(np.pi * y), r)
        r = np.where((y < 0) & (y == np.floor(y)), np.nan, r)
        r = np.where(y == 0, -np.copysign(np.inf, y), r)
        r = np.where(np.isposinf(y), np.inf, r)
    return np.asarray(r, dtype=x.dtype)


def trigamma(x: np.ndarray) -> np.ndarray:
    """The second derivative of log gamma."""
    x = np.asarray(x)
    y = x.astype(np.float64)
    reflect = y < 0.5
    with np.errstate(all="ignore"):
        z, passed = _shift(np.where(reflect, 1.0 - y, y))
        r = 1.0 / z + 0.5 / (z * z)
        power = z * z * z
        for b in _BERNOULLI:
            r = r + b / power
            power = power * z * z
        for p in passed:
            r = r + np.where(np.isnan(p), 0.0, 1.0 / (p * p))
        r = np.where(reflect, (np.pi / np.sin(np.pi * y)) ** 2 - r, r)
    return np.asarray(r, dtype=x.dtype)


def polygamma(n: int, x: np.ndarray) -> np.ndarray:
    """The derivative of order n + 1 of log gamma, n >= 1, for x that are no poles (0, -1, -2,
    ...).
    """
    x = np.asarray(x)
    z = x.astype(np.float64)
    total = np.zeros_like(z)
    with np.errstate(all="ignore"):
        for _ in range(int(min(max(0.0, 20.0 - np.nanmin(z, initial=20.0)), 10_000))):
            low = z < 20.0
            total = np.where(low, total + z ** -(n + 1.0), total)
            z = np.where(low, z + 1.0, z)
        s = n + 1.0
        total = total + z ** (1.0 - s) / (s - 1.0) + z**-s / 2.0
        rising = s
        for k, b in enumerate(_BERNOULLI, 1):
            total = total + b / math.factorial(2 * k) * rising * z ** -(s + 2 * k - 1)
            rising *= (s + 2 * k - 1) * (s + 2 * k)
    return np.asarray(math.factorial(n) * (-1) ** (n + 1) * total, dtype=x.dtype)
