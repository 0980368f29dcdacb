"""Resizing of images and signals: one axis after the other, each as rows by number and their
weights.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from ..dtypes import float64
from ..ops import elementwise as e
from ..ops.contract import matmul
from ..ops.indexing import TAKE
from ..ops.movement import expand, reshape
from ..tensor import Tensor, from_array, wrap
from ..trace.recorder import record2
from ..trace.values import Value
from ._pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d

_AXES = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3, "lanczos": 2}
_SQUARE = -0.75  # the parameter of the cubic convolution kernel (Keys, 1981)


def _numbers(value: Any, n: int, what: str) -> list[Any]:
    if isinstance(value, (tuple, list)):
        if len(value) != n:
            raise ValueError(
                f"Input and {what} must have the same number of spatial dimensions, but got {n} "
                f"spatial dimensions and {what} of {list(value)}."
            )
        return list(value)
    return [value] * n


def _sizes(
    shape: tuple[int, ...], size: Any, scale_factor: Any, recompute: bool | None
) -> tuple[list[int], list[float | None]]:
    """(sizes of the result, scales by which places are found or None for those of the sizes)."""
    n = len(shape)
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is not None:
        if recompute:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
        return [int(k) for k in _numbers(size, n, "output size")], [None] * n
    if scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    scales = [float(k) for k in _numbers(scale_factor, n, "scale_factor")]
    sizes = [math.floor(k * s) for k, s in zip(shape, scales, strict=True)]
    return sizes, [None] * n if recompute else list(scales)


def interpolate(
    input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
    align_corners: bool | None = None, recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:  # fmt: skip
    """Resizes the last axes of (N, C, *) to `size`, or by `scale_factor` (numbers, or one for
    each axis).

    mode: 'nearest', 'nearest-exact', 'area', 'linear' (3-D input), 'bilinear', 'bicubic' (4-D),
    'trilinear' (5-D). align_corners: the outermost elements keep their places. antialias
    (bilinear, bicubic): kernels widen when sizes shrink. Raises ValueError or
    NotImplementedError for what does not fit.
    """
    v = input._v
    shape = v.meta.shape
    plain = mode in ("nearest", "area", "nearest-exact")
    if plain and align_corners is not None:
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: linear | bilinear "
            "| bicubic | trilinear"
        )
    n = v.meta.ndim - 2
    sizes, scales = _sizes(shape[2:], size, scale_factor, recompute_scale_factor)
    if mode == "lanczos" and n == 2 and not antialias:
        raise ValueError("Lanczos mode requires antialias=True")
    if antialias and mode not in ("bilinear", "bicubic", "lanczos"):
        raise ValueError(
            "Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D "
            "tensor as input"
        )
    if n not in (1, 2, 3) or (not plain and mode not in _AXES):
        raise NotImplementedError(
            f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {n + 2}D) for the "
            "modes: nearest | linear | bilinear | bicubic | trilinear | lanczos | area | "
            f"nearest-exact (got {mode})"
        )
    if not plain and _AXES[mode] != n:
        raise NotImplementedError(
            f"Got {n + 2}D input, but {mode} mode needs {_AXES[mode] + 2}D input"
        )
    if any(k <= 0 for k in sizes) or 0 in shape[1:]:
        raise RuntimeError(
            "Input and output sizes should be greater than 0, but got input "
            f"({', '.join(f'{a}: {k}' for a, k in zip('DHW'[-n:], shape[2:], strict=True))}) "
            f"output ({', '.join(f'{a}: {k}' for a, k in zip('DHW'[-n:], sizes, strict=True))})"
        )
    if mode == "area":
        pool = (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)[n - 1]
        return pool(input, sizes)
    for k in range(n):
        if mode.startswith("nearest"):
            v = _nearest(v, k + 2, sizes[k], scales[k], mode != "nearest")
        else:
            v = _weighted(v, k + 2, sizes[k], scales[k], mode, bool(align_corners), antialias)
    t = wrap(v)
    kind = {
        "linear": "Linear",
        "bilinear": "Bilinear",
        "bicubic": "Bicubic",
        "trilinear": "Trilinear",
    }.get(mode, "Nearest" if mode == "nearest" else "NearestExact")
    t._fn_name = (
        f"Upsample{kind}{n}DBackward{'1' if kind.startswith('Nearest') and n == 1 else '0'}"
    )
    if v is input._v:
        return input.clone()
    return t


def _nearest(v: Value, axis: int, out: int, scale: float | None, exact: bool) -> Value:
    n = v.meta.shape[axis]
    step = np.float32(1.0 / scale if scale is not None else n / out)
    at = np.arange(out).astype(np.float32)
    place = np.minimum(
        np.floor((at + np.float32(0.5)) * step if exact else at * step), n - 1
    ).astype(np.int64)
    if out == n and (place == np.arange(n)).all():
        return v
    times = out // n
    if out % n == 0 and (place == np.arange(out) // times).all():
        shape = v.meta.shape
        wide = expand(
            reshape(v, (*shape[: axis + 1], 1, *shape[axis + 1 :])),
            (*shape[: axis + 1], times, *shape[axis + 1 :]),
        )
        return reshape(wide, (*shape[:axis], out, *shape[axis + 1 :]))
    return record2(TAKE, v, from_array(place)._v, (axis,))


def _weighted(
    v: Value, axis: int, out: int, scale: float | None, mode: str, align: bool, antialias: bool
) -> Value:
    n = v.meta.shape[axis]
    if antialias:
        return _smoothed(v, axis, out, scale, mode, align)
    if out == n and (align or scale is None or scale == 1.0):
        return v
    real: Any = np.float64 if v.meta.dtype is float64 else np.float32
    index = np.arange(out).astype(real)
    if align:
        place = index * real((n - 1) / (out - 1) if out > 1 else 0.0)
    else:
        place = (index + real(0.5)) * real(1.0 / scale if scale is not None else n / out) - real(
            0.5
        )
        if mode != "bicubic":
            place = np.maximum(place, real(0))
    first = np.floor(place)
    rest = place - first
    low = first.astype(np.int64)
    if mode == "bicubic":
        taps = [(low - 1 + k, w) for k, w in enumerate(_cubic(rest))]
    else:
        low = np.minimum(low, n - 1)
        taps = [(low, 1 - rest), (low + 1, rest)]
    total = None
    for places, weights in taps:
        rows = from_array(np.clip(places, 0, n - 1))._v
        column = (out, *(1,) * (v.meta.ndim - axis - 1))
        w = e.cast(from_array(np.ascontiguousarray(weights))._v, v.meta.dtype)
        part = e.mul(record2(TAKE, v, rows, (axis,)), reshape(w, column))
        total = part if total is None else e.add(total, part)
    assert total is not None
    return total


def _cubic(t: Any) -> list[Any]:
    """The weights of the four elements around a place (Keys, 1981)."""
    a = t.dtype.type(_SQUARE)

    def near(x: Any) -> Any:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: Any) -> Any:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    return [far(t + 1), near(t), near(1 - t), far(2 - t)]


def _smoothed(v: Value, axis: int, out: int, scale: float | None, mode: str, align: bool) -> Value:
    """With kernels as wide as the step, if that is more than one element."""
    n = v.meta.shape[axis]
    if align:
        step = (n - 1) / (out - 1) if out > 1 else 0.0
    else:
        step = 1.0 / scale if scale is not None else n / out
    reach = {"bilinear": 1.0, "bicubic": 2.0, "lanczos": 3.0}[mode] * max(step, 1.0)
    weights = np.zeros((out, n))
    for k in range(out):
        centre = step * (k + 0.5)
        low, high = max(int(centre - reach + 0.5), 0), min(int(centre + reach + 0.5), n)
        x = np.abs((np.arange(low, high) + 0.5 - centre) / max(step, 1.0))
        if mode == "bicubic":
            a = -0.5
            near = ((a + 2) * x - (a + 3)) * x * x + 1
            w = np.where(x < 1, near, np.where(x < 2, (((x - 5) * x + 8) * x - 4) * a, 0.0))
        elif mode == "lanczos":
            w = np.where(x < 3, np.sinc(x) * np.sinc(x / 3), 0.0)
        else:
            w = np.maximum(1 - x, 0)
        weights[k, low:high] = w / w.sum()
    last = v.meta.ndim - 1
    from ..ops.movement import transpose

    turned = transpose(v, axis, last) if axis != last else v
    shape = turned.meta.shape
    factor = e.cast(from_array(np.ascontiguousarray(weights.T))._v, v.meta.dtype)
    r = reshape(matmul(reshape(turned, (math.prod(shape[:-1]), n)), factor), (*shape[:-1], out))
    return transpose(r, axis, last) if axis != last else r


def upsample(
    input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:  # fmt: skip
    """The old name of interpolate."""
    warnings.warn(
        "`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.",
        stacklevel=2,
    )
    return interpolate(input, size, scale_factor, mode, align_corners)
