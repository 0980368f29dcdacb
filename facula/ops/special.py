"""Special functions that NumPy does not have, as NumPy expressions: the references of erf and its kin.

Computed in float64 and rounded to the operand's dtype. Sources: erf and erfc by the series
erf(x) = 2/sqrt(pi) exp(-x^2) sum 2^n x^(2n+1)/(2n+1)!! for small |x| and the Lentz continued fraction for
erfc beyond; erfinv by Newton steps from Winitzki's approximation; gamma functions by recurrence and
Stirling's asymptotic series (Abramowitz and Stegun 7.1.6, 7.1.14, 6.1.40, 6.3.18, 6.4.12).
"""

from __future__ import annotations

import numpy as np

_SPLIT = 2.4


def _series(x: np.ndarray) -> np.ndarray:
    x2 = x * x
    term = x.copy()
    total = x.copy()
    for n in range(1, 45):
        term = term * (2.0 * x2 / (2 * n + 1))
        total = total + term
    return total * np.exp(-x2) * (2.0 / np.sqrt(np.pi))


def _fraction(x: np.ndarray) -> np.ndarray:
    """erfc for x >= _SPLIT: exp(-x^2)/sqrt(pi) / (x + (1/2)/(x + 1/(x + (3/2)/(x + ...))))."""
    f = x.copy()
    for n in range(60, 0, -1):
        f = x + (n / 2.0) / f
    return np.exp(-x * x) / (np.sqrt(np.pi) * f)


def _split(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    a = np.abs(x.astype(np.float64))
    return a, a < _SPLIT, np.isnan(a)


def erf(x: np.ndarray) -> np.ndarray:
    """The error function."""
    a, small, bad = _split(np.asarray(x))
    r = np.ones_like(a)
    r[small] = _series(a[small])
    middle = ~small & (a < 6.0)
    r[middle] = 1.0 - _fraction(a[middle])
    r[bad] = np.nan
    return np.asarray(np.copysign(r, x), dtype=np.asarray(x).dtype)


def erfc(x: np.ndarray) -> np.ndarray:
    """The complementary error function, with relative accuracy in the tail."""
    x = np.asarray(x)
    a, small, bad = _split(x)
    r = np.zeros_like(a)
    tail = ~small & (a < 28.0)
    r[small] = 1.0 - _series(a[small])
    r[tail] = _fraction(a[tail])
    r[bad] = np.nan
    return np.asarray(np.where(x < 0, 2.0 - r, r), dtype=x.dtype)


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
        residual = np.where(np.abs(s) > 0.5, np.copysign(1.0 - np.abs(s) - erfc(np.abs(r)), -s), erf(r) - s)
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
