"""Normal numbers by Box-Muller, in the two ways that PyTorch's CPU generator makes them.

Fewer than 16 elements (or memory that is not contiguous) are drawn one at a time in float64, in
pairs whose second half is kept for the next call. From 16 elements on, whole blocks of 16 are
transformed: the first eight uniform numbers give radii, the other eight angles; the cosines come
first, then the sines. If the size is no multiple of 16, the last 16 elements are drawn anew.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..dtypes import rounded
from . import memory, random_native
from .random_engine import MersenneTwister
from .random_math import fma32, fma64, log32, sincos32

_CHUNK = 16 * 1024  # uniform numbers transformed at a time: the temporaries stay in the cache
_TWO_PI = 2.0 * math.pi
_FLOAT = np.dtype(np.float32)


def normal(
    engine: MersenneTwister,
    shape: Sequence[int],
    dtype: np.dtype,
    mean: float = 0.0,
    std: float = 1.0,
    serial: bool = False,
) -> np.ndarray:
    """Normal numbers of the given mean and standard deviation, `dtype` of `shape`.

    `dtype` is a floating-point or complex type; the real and imaginary parts of a complex number
    share the variance. `serial` asks for the one-at-a-time way at any size, which is what filling
    memory that is not contiguous does. Raises RuntimeError if `std` is negative or NaN, or for
    other dtypes.
    """
    dtype = np.dtype(dtype)
    if not std >= 0.0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")
    size = math.prod(shape)
    if dtype.kind == "c":
        real = np.dtype(np.float32 if dtype.itemsize == 8 else np.float64)
        if mean != 0.0:
            raise RuntimeError("normal: complex numbers are drawn with mean 0 here; add the mean")
        flat = normal(engine, (2 * size,), real, 0.0, std / math.sqrt(2.0), serial)
        return flat.view(dtype).reshape(shape)
    if dtype.kind != "f" and dtype.name != "bfloat16":
        raise RuntimeError(f'"normal_kernel_cpu" not implemented for {dtype}')
    if serial or size < 16:
        values = np.array(serial_normals(engine, size), np.float64)
        if (mean, std) != (0.0, 1.0):
            # Before a narrower rounding the single rounding changes nothing (but for a chance of
            # 1e-9).
            values = fma64(values, std, mean) if dtype == np.float64 else values * std + mean
        return rounded(values, dtype).reshape(shape)
    fill = _fill64 if dtype == np.float64 else _fill32
    return fill(engine, size, dtype, mean, std).reshape(shape)


def serial_normals(engine: MersenneTwister, n: int) -> list[float]:
    """The next `n` standard normal numbers drawn one at a time, as Python floats."""
    out: list[float] = []
    if n and engine.normal_sample is not None:
        out.append(engine.normal_sample)
        engine.normal_sample = None
    pairs = -(-(n - len(out)) // 2)
    if not pairs:
        return out
    uniform = engine.doubles(2 * pairs).tolist()
    log1p, sqrt, cos, sin = math.log1p, math.sqrt, math.cos, math.sin
    for angle, u in zip(uniform[::2], uniform[1::2], strict=True):
        radius = sqrt(-2.0 * log1p(-u))
        angle *= _TWO_PI
        out.append(radius * cos(angle))
        out.append(radius * sin(angle))
    if len(out) > n:
        engine.normal_sample = out.pop()
    return out


def _join(blocks: np.ndarray, size: int) -> np.ndarray:
    """The elements in order: the whole blocks, the last 16 of `blocks` laid over the end."""
    if size % 16 == 0:
        return blocks[:size]
    out = memory.array(size, blocks.dtype)
    whole = size - size % 16
    out[:whole] = blocks[:whole]
    out[size - 16 :] = blocks[-16:]
    return out


def _without_tail(uniform: np.ndarray, size: int) -> np.ndarray:
    """Drops the draws of an unfinished block: made for nothing, the last 16 are drawn anew."""
    if size % 16 == 0:
        return uniform
    return np.concatenate((uniform[: size - size % 16], uniform[size:]))


def _fill32(
    engine: MersenneTwister, size: int, dtype: np.dtype, mean: float, std: float
) -> np.ndarray:
    """float32, and float16 and bfloat16, which are computed in float32 and rounded at the end."""
    whole = size - size % 16
    if dtype == np.float32:
        words = _without_tail(engine.words32(size + 16 if size % 16 else size), size)
    else:  # the half types draw block by block, so an unfinished block costs nothing
        words = engine.words32(whole + 16 if size % 16 else size)
    blocks = memory.array(words.size, _FLOAT)
    if not random_native.normal32(words, blocks, mean, std):
        for start in range(0, words.size, _CHUNK):
            part = slice(start, start + _CHUNK)
            normal_blocks32(words[part], blocks[part], mean, std)
    return _join(blocks if dtype == np.float32 else blocks.astype(dtype), size)


def normal_blocks32(words: np.ndarray, out: np.ndarray, mean: float, std: float) -> None:
    """Fills `out`, float32 (16 k,), with the normal numbers of the words, uint32 (16 k,)."""
    uniform = (words & np.uint32(0xFFFFFF)).astype(np.float32)
    uniform *= np.float32(2.0**-24)
    rows = uniform.reshape(-1, 2, 8)
    radius = log32(np.float32(1) - rows[:, 0])
    radius *= np.float32(-2)
    np.sqrt(radius, out=radius)
    sin, cos = sincos32(np.float32(_TWO_PI) * rows[:, 1])
    sin *= radius
    cos *= radius
    target = out.reshape(-1, 2, 8)
    if (mean, std) == (0.0, 1.0):
        target[:, 0], target[:, 1] = cos, sin
        # 1 * x + 0 turns the one negative zero that a zero radius can give into a positive one.
        target += np.float32(0)
    else:
        target[:, 0] = fma32(cos, np.float32(std), np.float32(mean))
        target[:, 1] = fma32(sin, np.float32(std), np.float32(mean))


def _fill64(
    engine: MersenneTwister, size: int, dtype: np.dtype, mean: float, std: float
) -> np.ndarray:
    uniform = engine.doubles(size + 16 if size % 16 else size)
    rows = _without_tail(uniform, size).reshape(-1, 2, 8)
    # The C library's functions (through `math`): NumPy's vectorised ones differ in the last digit.
    radius = np.sqrt(-2.0 * _mapped(math.log, 1.0 - rows[:, 0]))
    angle = _TWO_PI * rows[:, 1]
    blocks = np.empty(rows.shape, np.float64)
    np.multiply(radius, _mapped(math.cos, angle), out=blocks[:, 0])
    np.multiply(radius, _mapped(math.sin, angle), out=blocks[:, 1])
    flat = blocks.reshape(-1)
    return _join(flat if (mean, std) == (0.0, 1.0) else fma64(flat, std, mean), size)


def _mapped(function: object, values: np.ndarray) -> np.ndarray:
    flat = np.fromiter(map(function, values.ravel().tolist()), np.float64, values.size)  # type: ignore[call-overload]
    return flat.reshape(values.shape)
