"""The other distributions: transformations of 53-bit uniform numbers, drawn one element at a time.

The float64 results go through the C library's functions (Python's `math`), as PyTorch's do: NumPy's
vectorised ones differ in the last digit. Narrower results are computed by NumPy in float64 and
rounded, which hides such a difference but for about one element in 10**8.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from ..dtypes import rounded
from .random_engine import MersenneTwister
from .random_math import fma64
from .random_normal import serial_normals
from .random_uniform import random as random_integers

_FLOATS = ("float64", "float32", "float16", "bfloat16")
_SMALL = 64  # up to this size a loop in Python costs less than NumPy's calls


def _mapped(
    values: np.ndarray,
    dtype: np.dtype,
    exact: Callable[[float], float],
    vectorised: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """The function of each value, float64: by the C library where the last digit can be seen."""
    if dtype == np.float64 or values.size <= _SMALL:
        return np.array([exact(v) for v in values.tolist()], np.float64)
    return vectorised(values)


def exponential(
    engine: MersenneTwister, shape: Sequence[int], dtype: np.dtype, rate: float = 1.0
) -> np.ndarray:
    """Exponential numbers of density rate * exp(-rate * x), floating-point `dtype` of `shape`.

    Raises RuntimeError unless rate > 0, or for an integer dtype.
    """
    dtype = np.dtype(dtype)
    if dtype.name not in _FLOATS:
        raise RuntimeError(
            "Exponential distribution is a continuous probability distribution. "
            f"dtype must be a floating point but you specified {dtype}"
        )
    if not rate > 0.0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={rate:g}")
    u = -engine.doubles(math.prod(shape))
    values = _mapped(u, dtype, math.log1p, np.log1p)
    values *= -1.0 / rate
    return rounded(values, dtype).reshape(shape)


def geometric(
    engine: MersenneTwister, shape: Sequence[int], dtype: np.dtype, p: float
) -> np.ndarray:
    """Numbers of trials up to the first success of probability `p`, `dtype` of `shape`.

    Raises RuntimeError unless 0 < p < 1.
    """
    dtype = np.dtype(dtype)
    if not 0.0 < p < 1.0:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p:g}")
    u = engine.doubles(math.prod(shape))
    values = np.ceil(_mapped(u, dtype, _log, np.log) / math.log1p(-p))
    return rounded(values, dtype).reshape(shape)


def _log(x: float) -> float:
    return math.log(x) if x > 0.0 else -math.inf


def log_normal(
    engine: MersenneTwister,
    shape: Sequence[int],
    dtype: np.dtype,
    mean: float = 1.0,
    std: float = 2.0,
) -> np.ndarray:
    """Exponentials of normal numbers, floating-point `dtype` of `shape`.

    Raises RuntimeError unless std > 0, NotImplementedError for an integer dtype.
    """
    dtype = np.dtype(dtype)
    if not std > 0.0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std:g}")
    _require_float("log_normal_cpu", dtype)
    normals = np.array(serial_normals(engine, math.prod(shape)), np.float64)
    with np.errstate(over="ignore"):
        values = _mapped(fma64(normals, std, mean), dtype, _exp, np.exp)
    return rounded(values, dtype).reshape(shape)


def _exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def cauchy(
    engine: MersenneTwister,
    shape: Sequence[int],
    dtype: np.dtype,
    median: float = 0.0,
    sigma: float = 1.0,
) -> np.ndarray:
    """Cauchy numbers, floating-point `dtype` of `shape`. Raises RuntimeError unless sigma > 0."""
    dtype = np.dtype(dtype)
    if not sigma > 0.0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma:g}")
    if dtype.name not in _FLOATS:
        raise RuntimeError(
            "Cauchy distribution is a continuous probability distribution. "
            f"dtype must be a floating point but you specified {dtype}"
        )
    angle = math.pi * (engine.doubles(math.prod(shape)) - 0.5)
    values = fma64(_mapped(angle, dtype, math.tan, np.tan), sigma, median)
    return rounded(values, dtype).reshape(shape)


def _require_float(what: str, dtype: np.dtype) -> None:
    if dtype.name not in _FLOATS:
        raise NotImplementedError(f'"{what}" not implemented for {dtype}')


def multinomial(
    engine: MersenneTwister, weights: np.ndarray, samples: int, replacement: bool = False
) -> np.ndarray:
    """Indices drawn in proportion to `weights`, int64 (samples,) or (rows, samples).

    `weights` is floating point, (n,) or (rows, n), not negative, in any scale. Raises RuntimeError
    for other shapes and dtypes, invalid weights, and too many samples without replacement.
    """
    _check_multinomial(weights, samples, replacement)
    rows = weights.reshape(-1, weights.shape[-1])
    if replacement and samples > 1:
        chosen = _with_replacement(engine, rows, samples)
    else:
        _check_weights(rows)
        # A race: the smallest of independent exponential times, so the largest quotient.
        quotient = rows / exponential(engine, rows.shape, rows.dtype, 1.0)
        if samples == 1:
            chosen = quotient.astype(np.float64).argmax(axis=1, keepdims=True)
        else:
            order = np.argsort(-quotient.astype(np.float64), axis=1, kind="stable")
            chosen = order[:, :samples]
    return chosen.astype(np.int64).reshape(*weights.shape[:-1], samples)


def _check_multinomial(weights: np.ndarray, samples: int, replacement: bool) -> None:
    if weights.ndim not in (1, 2):
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    if weights.dtype.name not in _FLOATS:
        raise RuntimeError(
            "multinomial only supports floating-point dtypes for input, got: "
            f"{weights.dtype.name.capitalize()}"
        )
    if samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if not replacement and samples > weights.shape[-1]:
        raise RuntimeError(
            "cannot sample n_sample > prob_dist.size(-1) samples without replacement"
        )


def _check_weights(rows: np.ndarray) -> None:
    wide = rows.astype(np.float64)
    if not (np.isfinite(wide) & (wide >= 0)).all():
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if not (wide != 0).any(axis=1).all():
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")


def _with_replacement(engine: MersenneTwister, rows: np.ndarray, samples: int) -> np.ndarray:
    wide = rows.astype(np.float64)
    for problem, bad in (
        ("encountering probability entry < 0", wide < 0),
        ("encountering probability entry = infinity or NaN", ~np.isfinite(wide)),
        ("sum of probabilities <= 0", ~(wide.sum(axis=1) > 0)),
    ):
        if bad.any():
            raise RuntimeError(f"invalid multinomial distribution ({problem})")
    if rows.dtype.itemsize == 2:
        rows = rows.astype(np.float32)
    cumulative = np.cumsum(rows, axis=1, dtype=rows.dtype)
    cumulative = cumulative / cumulative[:, -1:]
    chosen = np.empty((rows.shape[0], samples), np.int64)
    for row, target in zip(cumulative, chosen, strict=True):
        row[-1] = 1
        target[:] = np.searchsorted(row.astype(np.float64), engine.doubles(samples), side="left")
    return chosen


def poisson(engine: MersenneTwister, rates: np.ndarray) -> np.ndarray:
    """Poisson numbers, one for each rate, in the rates' floating-point dtype and shape.

    Rates of 10 and more by Hoermann's transformed rejection (1993), smaller ones by products of
    uniform numbers. Raises RuntimeError for a negative rate, NotImplementedError for integer rates.
    """
    _require_float("poisson_cpu", rates.dtype)
    flat = rates.ravel().tolist()
    if not all(rate >= 0.0 for rate in flat):
        raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
    return np.array([_poisson(engine, rate) for rate in flat], rates.dtype).reshape(rates.shape)


def _poisson(engine: MersenneTwister, rate: float) -> int:
    if rate == 0.0:
        return 0
    if rate < 10.0:
        bound, product, count = math.exp(-rate), 1.0, 0
        while True:
            product *= engine.double()
            if product <= bound:
                return count
            count += 1
    log_rate = math.log(rate)
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    v_r = 0.9277 - 3.6224 / (b - 2)
    while True:
        u = engine.double() - 0.5
        v = engine.double()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + rate + 0.43) if us > 0.0 else -1
        if us >= 0.07 and v <= v_r:
            return k
        if k < 0 or (us < 0.013 and v > us):
            continue
        accepted = _log(v) + math.log(inverse_alpha) - math.log(a / (us * us) + b)
        if accepted <= -rate + k * log_rate - math.lgamma(k + 1):
            return k


def binomial(engine: MersenneTwister, counts: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Numbers of successes of probability `p` in `counts` trials, in `counts`' dtype and shape.

    Ten and more expected successes by Hoermann's transformed rejection (1993), fewer by adding up
    geometric numbers. Raises RuntimeError for dtypes or shapes that differ.
    """
    _require_float("binomial_cpu", counts.dtype)
    if counts.dtype != p.dtype or counts.shape != p.shape:
        raise RuntimeError(
            f"binomial expects count and prob of one dtype and shape, got {counts.dtype} "
            f"{counts.shape} and {p.dtype} {p.shape}"
        )
    pairs = zip(counts.ravel().tolist(), p.ravel().tolist(), strict=True)
    out = [_binomial(engine, n, q) for n, q in pairs]
    return np.array(out, np.float64).astype(counts.dtype).reshape(counts.shape)


def _binomial(engine: MersenneTwister, count: float, p: float) -> float:
    if count <= 0.0 or p <= 0.0:
        return 0.0
    if p >= 1.0:
        return count
    if p > 0.5:
        return count - _binomial(engine, count, 1.0 - p)
    if p != p:
        return math.nan
    if count * p >= 10.0:
        return _binomial_rejection(engine, count, p)
    successes, trials = 0, 0.0
    while True:
        trials += math.ceil(_log(engine.double()) / math.log1p(-p))
        if trials > count:
            return float(successes)
        successes += 1


def _stirling_tail(k: float) -> float:
    """What Stirling's approximation of log k! leaves out."""
    if k <= 9:
        exact = math.lgamma(k + 1)
        return exact - ((k + 0.5) * math.log(k + 1) - (k + 1) + 0.5 * math.log(2 * math.pi))
    square = (k + 1) * (k + 1)
    return (1.0 / 12 - (1.0 / 360 - 1.0 / 1260 / square) / square) / (k + 1)


def _binomial_rejection(engine: MersenneTwister, count: float, p: float) -> float:
    deviation = math.sqrt(count * p * (1 - p))
    b = 1.15 + 2.53 * deviation
    a = -0.0873 + 0.0248 * b + 0.01 * p
    c = count * p + 0.5
    v_r = 0.92 - 4.2 / b
    odds = p / (1 - p)
    alpha = (2.83 + 5.1 / b) * deviation
    m = math.floor((count + 1) * p)
    while True:
        u = engine.double() - 0.5
        v = engine.double()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + c) if us > 0.0 else -1
        if us >= 0.07 and v <= v_r:
            return float(k)
        if k < 0 or k > count:
            continue
        v = _log(v * alpha / (a / (us * us) + b))
        bound = (
            (m + 0.5) * math.log((m + 1) / (odds * (count - m + 1)))
            + (count + 1) * math.log((count - m + 1) / (count - k + 1))
            + (k + 0.5) * math.log(odds * (count - k + 1) / (k + 1))
            + _stirling_tail(m) + _stirling_tail(count - m)
            - _stirling_tail(k) - _stirling_tail(count - k)
        )  # fmt: skip
        if v <= bound:
            return float(k)


def data_loader_seed(engine: MersenneTwister) -> int:
    """The seed that a DataLoader or a sampler draws: one `random_()` of an int64 scalar."""
    return int(random_integers(engine, (), np.dtype(np.int64)))
