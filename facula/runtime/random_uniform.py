"""Uniform numbers, whole numbers, permutations and coin flips, from the words PyTorch takes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..dtypes import rounded
from . import memory, random_native
from .random_engine import MersenneTwister, mantissas
from .random_math import fma32, fma64

_CHUNK = 16 * 1024
_DRAWN = 256 * 624  # numbers of a large draw that are made together: their words stay in the cache
_FLOAT, _INT = np.dtype(np.float32), np.dtype(np.int64)
# By name: importing the package that gives NumPy its bfloat16 takes time that few programs owe.
_MANTISSA = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}
_LARGEST = {
    "float16": 65504.0,
    "bfloat16": float.fromhex("0x1.fep+127"),
    "float32": float.fromhex("0x1.fffffep+127"),
    "float64": float.fromhex("0x1.fffffffffffffp+1023"),
}
_FULL_RANGE = ("int64", "float64", "float32", "bfloat16")
_NAMES = {
    "float16": "c10::Half", "bfloat16": "c10::BFloat16", "float32": "float", "float64": "double",
    "uint8": "unsigned char", "int8": "signed char", "int16": "short int", "int32": "int",
    "int64": "long", "bool": "bool",
}  # fmt: skip

_SCALAR_TYPES = {"float16": "Half", "bfloat16": "BFloat16", "float32": "Float", "float64": "Double"}


def uniform(
    engine: MersenneTwister,
    shape: Sequence[int],
    dtype: np.dtype,
    low: float = 0.0,
    high: float = 1.0,
) -> np.ndarray:
    """Uniform numbers in [low, high), `dtype` of `shape`: 24 random bits each, 53 for float64.

    `dtype` is a floating-point or complex type (real and imaginary parts in [0, 1)). Raises
    RuntimeError if low > high, if the range does not fit the dtype, or for other dtypes.
    """
    dtype = np.dtype(dtype)
    size = math.prod(shape)
    if dtype.kind == "c":
        real = np.dtype(np.float32 if dtype.itemsize == 8 else np.float64)
        return uniform(engine, (2 * size,), real, low, high).view(dtype).reshape(shape)
    if dtype.name not in _MANTISSA:
        raise RuntimeError(f'"check_uniform_bounds" not implemented for {dtype}')
    if (low, high) != (0.0, 1.0):
        _check_uniform_bounds(dtype, low, high)
    if dtype == np.float64:
        out = engine.doubles(size)
        if (low, high) != (0.0, 1.0):
            out = out * (high - low) if low == 0.0 else fma64(out, high - low, low)
            _fold_end(out, low, high)
        return out.reshape(shape)
    out = memory.array(size, _FLOAT)
    with engine.lock:
        for start in range(0, size, _DRAWN):
            part = out[start : start + _DRAWN]
            words = engine.words32(part.size)
            if not random_native.uniform32(words, part, low, high):
                _uniform32(words, part, np.float32(low), np.float32(high))
            if dtype == np.float32 and (low, high) != (0.0, 1.0):
                _fold_end(part, low, high)
    if dtype != np.float32:
        # Rounding to fewer bits reaches the upper end, also that of [0, 1).
        out = out.astype(dtype)
        _fold_end(out, low, high)
    return out.reshape(shape)


def _uniform32(words: np.ndarray, out: np.ndarray, low: np.float32, high: np.float32) -> None:
    out[:] = words & np.uint32(0xFFFFFF)
    out *= np.float32(2.0**-24)
    if low == 0.0:
        if high != 1.0:
            out *= high
    else:
        width = high - low
        for start in range(0, out.size, _CHUNK):
            part = out[start : start + _CHUNK]
            part[:] = fma32(part, width, low)


def _fold_end(out: np.ndarray, low: float, high: float) -> None:
    """Puts `low` where rounding has reached the excluded end `high`."""
    end = out >= out.dtype.type(high)
    if end.any():
        out[end] = out.dtype.type(low)


def _check_uniform_bounds(dtype: np.dtype, low: float, high: float) -> None:
    largest = _LARGEST[dtype.name]
    smallest = -largest
    for name, value in (("from", low), ("to", high)):
        if not smallest <= value <= largest:
            raise RuntimeError(f"{name} is out of bounds for {_NAMES[dtype.name]}")
    if not low <= high:
        raise RuntimeError(
            f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}"
        )
    if not high - low <= largest:
        raise RuntimeError(
            "uniform_ expects to-from <= std::numeric_limits<"
            f"{_SCALAR_TYPES[dtype.name]}>::max(), but found to={high:g} and from={low:g} which "
            "result in to-from to exceed the limit"
        )


def _range_end(dtype: np.dtype) -> int:
    """The largest whole number that `random` draws for a dtype."""
    if dtype == np.bool_:
        return 1
    if dtype.name in _MANTISSA:
        return 1 << _MANTISSA[dtype.name]
    if dtype.kind in "iu" and dtype.name in _NAMES:
        return int(np.iinfo(dtype).max)
    raise RuntimeError(f'"random_kernel_cpu" not implemented for {dtype}')


def random(
    engine: MersenneTwister,
    shape: Sequence[int],
    dtype: np.dtype,
    low: int | None = None,
    high: int | None = None,
) -> np.ndarray:
    """Whole numbers as `Tensor.random_` makes them, `dtype` of `shape`.

    Without arguments from 0 to the largest number of the dtype (2**mantissa for floating point);
    with `low` alone from there; with both in [low, high). Raises RuntimeError if the range is
    empty or does not fit the dtype.
    """
    dtype = np.dtype(dtype)
    size = math.prod(shape)
    end = _range_end(dtype)
    if low is None and high is None:
        if dtype.itemsize == 8:
            wide = engine.words64(size) % np.uint64(end + 1)
            return rounded(wide, dtype).reshape(shape)
        return rounded(engine.words32(size) % np.uint32(end + 1), dtype).reshape(shape)
    low = 0 if low is None else low
    if high is None:
        if low == -(1 << 63):
            if dtype.name not in _FULL_RANGE:
                raise RuntimeError(
                    "random_full_64_bits_range_kernel_cpu handles only int64, double, float and "
                    "bfloat16"
                )
            return rounded(engine.words64(size).view(np.int64), dtype).reshape(shape)
        _check_bound("from", low, dtype)
        return rounded(_modulo(engine, size, end - low + 1, low), dtype).reshape(shape)
    if low >= high:
        raise RuntimeError(
            f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"
        )
    if dtype.name in _MANTISSA:
        low, high = _representable(low, high, _MANTISSA[dtype.name])
        if low >= high:
            raise RuntimeError(
                "random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, "
                f"but got from={low} >= to={high}"
            )
    _check_bound("from", low, dtype)
    _check_bound("to - 1", high - 1, dtype)
    return rounded(_modulo(engine, size, high - low, low), dtype).reshape(shape)


def randint(
    engine: MersenneTwister, shape: Sequence[int], dtype: np.dtype, low: int, high: int
) -> np.ndarray:
    """Whole numbers in [low, high), `dtype` of `shape`. Raises RuntimeError as `random` does."""
    return random(engine, shape, dtype, low, high)


def _check_bound(name: str, value: int, dtype: np.dtype) -> None:
    if dtype == np.bool_:
        smallest, largest = 0, 1
    elif dtype.kind in "iu":
        smallest, largest = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    else:
        largest = int(_LARGEST[dtype.name])
        smallest = -largest
    if not smallest <= value <= largest:
        raise RuntimeError(f"{name} is out of bounds for {_NAMES[dtype.name]}")


def _representable(low: int, high: int, digits: int) -> tuple[int, int]:
    """The range narrowed so that no end rounds out of it in a mantissa of `digits` bits."""

    def rounded(value: int) -> int:
        shift = max(abs(value).bit_length() - digits, 0)
        return round(value / (1 << shift)) << shift if shift else value

    def step(value: int) -> int:
        return 1 << max(abs(value).bit_length() - digits, 0)

    first, last = rounded(low + 1), rounded(high - 1)
    if first < low:
        low = first + step(low + 1)
    if high <= last < 1 << 63:  # an end that overflows int64 stays where it is
        high = last - step(high - 1)
    return low, high


def _modulo(engine: MersenneTwister, size: int, width: int, low: int) -> np.ndarray:
    """int64 (size,): word modulo `width` plus `low`; ranges from 2**28 on take 64-bit words."""
    if width >= 1 << 28:
        words = engine.words64(size)
        if width < 1 << 64:
            words %= np.uint64(width)
        return (words + np.uint64(low & 0xFFFFFFFFFFFFFFFF)).view(np.int64)
    remainder = memory.array(size, _INT)
    words = engine.words32(size)
    np.remainder(words, np.uint32(width), remainder, dtype=np.uint32, casting="unsafe")
    if low:
        remainder += low
    return remainder


def randperm(engine: MersenneTwister, n: int, dtype: np.dtype | type = np.int64) -> np.ndarray:
    """A random order of 0 .. n - 1, `dtype` (n,). RuntimeError if n is negative or too large."""
    dtype = np.dtype(dtype)
    if n < 0:
        raise RuntimeError(f"n must be non-negative, got {n}")
    limit = int(np.iinfo(dtype).max) if dtype.kind in "iu" else 1 << _MANTISSA.get(dtype.name, 0)
    if n > limit:
        raise RuntimeError(f"n is too large for the dtype {dtype}: at most {limit}, got {n}")
    if n < 2:
        return np.arange(n, dtype=dtype)
    # Fisher and Yates from the front: position i swaps with one of itself and those behind it.
    words = engine.words32(n - 1) if n < 0xFFFFFFFF // 20 else engine.words64(n - 1)
    order = random_native.permutation(words)
    if order is not None:
        return rounded(order, dtype)
    values = list(range(n))
    for i, ahead in enumerate((words % np.arange(n, 1, -1, dtype=words.dtype)).tolist()):
        values[i], values[i + ahead] = values[i + ahead], values[i]
    return np.array(values, dtype)


def bernoulli(
    engine: MersenneTwister, shape: Sequence[int], dtype: np.dtype, p: float = 0.5
) -> np.ndarray:
    """1 with probability `p`, otherwise 0, `dtype` of `shape`: a 53-bit uniform number is below
    `p`.

    Raises RuntimeError unless 0 <= p <= 1.
    """
    if not 0.0 <= p <= 1.0:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p:g}")
    size = math.prod(shape)
    # Comparing the 53-bit integer with p * 2**53 gives the same answer without a conversion.
    threshold = math.ceil(p * 2.0**53)
    words = engine.words32(2 * size)
    flips = np.empty(size, np.bool_)
    if not random_native.bernoulli(words, flips, threshold):
        np.less(mantissas(words), np.uint64(threshold), out=flips)
    return flips.astype(dtype, copy=False).reshape(shape)


def bernoulli_of(
    engine: MersenneTwister, probabilities: np.ndarray, dtype: np.dtype | None = None
) -> np.ndarray:
    """1 with each element's probability, otherwise 0: `dtype` (default: that of the probabilities).

    float64 probabilities are compared with 53-bit uniform numbers, narrower ones with 24-bit
    numbers. Raises RuntimeError if a probability is outside [0, 1] or NaN.
    """
    p = probabilities.ravel()
    if p.size and not ((p >= 0) & (p <= 1)).all():
        raise RuntimeError("Expected p_in >= 0 && p_in <= 1 to be true, but got false.")
    if p.dtype == np.float64:
        flips = engine.doubles(p.size) < p
    else:
        uniform24 = (engine.words32(p.size) & np.uint32(0xFFFFFF)).astype(np.float32)
        uniform24 *= np.float32(2.0**-24)
        flips = uniform24 < p.astype(np.float32)
    return flips.astype(dtype or p.dtype).reshape(probabilities.shape)
