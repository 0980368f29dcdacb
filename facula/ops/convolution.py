"""Convolution over any number of spatial axes, as three records that are each other's gradients.

A convolution is linear in the input and in the weight. Its result, the gradient of its input
(which is the transposed convolution) and the gradient of its weight are three maps of two of
the three arrays input, weight and result; the gradient of any of them is written with the other
two, so every order exists. The references copy the windows under the kernel into columns, a few
images at a time so that these stay in the cache, and leave the sums to a matrix product.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..dtypes import bool_, from_numpy_dtype, type_name
from ..trace.recorder import record2
from ..trace.values import Shape, Value, meta
from .convolution_native import lower_forward, lower_input, lower_weight
from .elementwise import _conj
from .movement import slice_
from .record import Example, Op

_COLUMNS = (
    1024  # positions whose columns are made at a time: enough for a matrix product at full speed
)


# ---------------------------------------------------------------- shapes
def output_size(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """The number of places of a kernel along one axis."""
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def _result_shape(x: Shape, w: Shape, attrs: Any) -> Shape:
    stride, padding, dilation, _ = attrs[:4]
    spatial = tuple(map(output_size, x[2:], w[2:], stride, padding, dilation))
    return (x[0], w[0], *spatial)


def _check_dtypes(x: Any, w: Any) -> None:
    if x.dtype is not w.dtype:
        raise RuntimeError(
            f"Input type (torch.{type_name(x.dtype)}Tensor) and weight type "
            f"(torch.{type_name(w.dtype)}Tensor) should be the same or input should be a MKLDNN "
            "tensor and weight is a dense tensor"
        )
    if x.dtype is bool_:
        raise NotImplementedError("\"slow_conv2d_cpu\" not implemented for 'Bool'")


def _check_numbers(stride: Shape, padding: Shape, dilation: Shape, groups: int) -> None:
    if any(p < 0 for p in padding):
        raise RuntimeError("negative padding is not supported")
    if any(s <= 0 for s in stride):
        raise RuntimeError("non-positive stride is not supported")
    if any(d <= 0 for d in dilation):
        raise RuntimeError("non-positive dilation is not supported")
    if groups <= 0:
        raise RuntimeError("non-positive groups is not supported")


def _forward_rule(metas: Any, attrs: Any) -> Any:
    x, w = metas
    stride, padding, dilation, groups = attrs
    _check_dtypes(x, w)
    _check_numbers(stride, padding, dilation, groups)
    _check_weight(w.shape, groups)
    if x.shape[1] != w.shape[1] * groups:
        raise RuntimeError(
            f"Given groups={groups}, weight of size {list(w.shape)}, expected input{list(x.shape)} "
            f"to have {w.shape[1] * groups} channels, but got {x.shape[1]} channels instead"
        )
    padded = [n + 2 * p for n, p in zip(x.shape[2:], padding, strict=True)]
    reach = [d * (k - 1) + 1 for k, d in zip(w.shape[2:], dilation, strict=True)]
    if any(n < k for n, k in zip(padded, reach, strict=True)):
        raise RuntimeError(
            f"Calculated padded input size per channel: ({' x '.join(map(str, padded))}). Kernel "
            f"size: ({' x '.join(map(str, reach))}). Kernel size can't be greater than actual "
            "input size"
        )
    return (meta(_result_shape(x.shape, w.shape, attrs), x.dtype),)


def _check_weight(w: Shape, groups: int) -> None:
    if w[0] < groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be at least {groups} at dimension 0, but "
            f"got weight of size {list(w)} instead"
        )
    if w[0] % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, "
            f"but got weight of size [{list(w)}] instead"
        )


def _input_rule(metas: Any, attrs: Any) -> Any:
    """Of both the gradient and the transposed convolution, whose checks are those that can fail."""
    g, w = metas
    stride, padding, dilation, groups, spatial = attrs
    _check_dtypes(g, w)
    _check_numbers(stride, padding, dilation, groups)
    _check_weight(w.shape, groups)
    if g.shape[1] != w.shape[0]:
        raise RuntimeError(
            f"Given transposed=1, weight of size {list(w.shape)}, expected input{list(g.shape)} to "
            f"have {w.shape[0]} channels, but got {g.shape[1]} channels instead"
        )
    if any(n <= 0 for n in spatial):
        raise RuntimeError(
            f"Given input size per channel: ({' x '.join(map(str, g.shape[2:]))}). Calculated "
            f"output size per channel: ({' x '.join(map(str, spatial))}). Output size is too small"
        )
    return (meta((g.shape[0], w.shape[1] * groups, *spatial), g.dtype),)


def _weight_rule(metas: Any, attrs: Any) -> Any:
    x, g = metas
    groups, kernel = attrs[3], attrs[4]
    return (meta((g.shape[1], x.shape[1] // groups, *kernel), g.dtype),)


# ---------------------------------------------------------------- columns
def _wide(a: np.ndarray) -> np.ndarray:
    return a.astype(np.float32) if a.dtype.itemsize == 2 and a.dtype.kind in "fV" else a


def _padded(x: np.ndarray, padding: Shape) -> np.ndarray:
    if not any(padding):
        return x
    spatial = [n + 2 * p for n, p in zip(x.shape[2:], padding, strict=True)]
    out = np.zeros((*x.shape[:2], *spatial), x.dtype)
    out[_inside(x.shape, padding)] = x
    return out


def _inside(shape: Shape, padding: Shape) -> tuple[slice, ...]:
    middle = (slice(p, p + n) for n, p in zip(shape[2:], padding, strict=True))
    return (slice(None), slice(None), *middle)


def windows(x: np.ndarray, kernel: Shape, out: Shape, stride: Shape, dilation: Shape) -> np.ndarray:
    """A view [N, C, *kernel, *out] of a padded input [N, C, *]: what each place of the kernel
    sees.
    """
    n, c = x.strides[:2]
    inner = tuple(s * d for s, d in zip(x.strides[2:], dilation, strict=True))
    outer = tuple(s * d for s, d in zip(x.strides[2:], stride, strict=True))
    return np.lib.stride_tricks.as_strided(
        x, (*x.shape[:2], *kernel, *out), (n, c, *inner, *outer), writeable=True
    )


def _chunks(n: int, places: int) -> Iterator[slice]:
    step = max(1, _COLUMNS // max(1, places))
    for k in range(0, n, step):
        yield slice(k, min(n, k + step))


class _Columns:
    """Columns [groups, channels in a group * kernel, images * places] of some images at a time."""

    def __init__(self, x: np.ndarray, kernel: Shape, out: Shape, attrs: Any) -> None:
        stride, padding, dilation, self.groups = attrs[:4]
        self.rows = x.shape[1] // self.groups * math.prod(kernel)
        self.plain = (
            not any(padding) and all(k == 1 for k in kernel) and all(s == 1 for s in stride)
        )
        view = windows(_padded(x, padding), kernel, out, stride, dilation)
        rank = len(kernel)
        # [C, *kernel, N, *out]: one row of columns after the other
        self.view = view.transpose(*range(1, 2 + rank), 0, *range(2 + rank, 2 + 2 * rank))
        self.axis = 1 + rank
        self.buffer: np.ndarray | None = None

    def __call__(self, images: slice) -> np.ndarray:
        part = self.view[(slice(None),) * self.axis + (images,)]
        if self.plain and part.shape[self.axis] == 1:
            return part.reshape(self.groups, self.rows, -1)
        if self.buffer is None or self.buffer.shape != part.shape:
            self.buffer = np.empty(part.shape, part.dtype)
        np.copyto(self.buffer, part)
        return self.buffer.reshape(self.groups, self.rows, -1)


def _grouped(g: np.ndarray, groups: int) -> np.ndarray:
    """[N, O, *out] of some images as [groups, O / groups, N * places]."""
    n, o = g.shape[:2]
    if n == 1:
        return g.reshape(groups, o // groups, -1)
    return g.reshape(n, o, -1).transpose(1, 0, 2).reshape(groups, o // groups, -1)


# ---------------------------------------------------------------- references
def _forward(arrays: Any, attrs: Any, metas: Any) -> Any:
    x, w = map(_wide, arrays)
    groups = attrs[3]
    shape = metas[0].shape
    n, o, places = shape[0], shape[1], math.prod(shape[2:])
    out = np.zeros(shape, x.dtype)
    if out.size and x.shape[1] == groups and groups > 1:
        _each_channel(x, w, out, attrs)
    elif out.size:
        columns = _Columns(x, w.shape[2:], shape[2:], attrs)
        flat = w.reshape(groups, o // groups, -1)
        for images in _chunks(n, places):
            made = out[images]
            product = np.matmul(flat, columns(images))
            made[...] = product.reshape(o, len(made), *shape[2:]).swapaxes(0, 1)
    return out.astype(metas[0].dtype.np, copy=False)


def convolved(x: np.ndarray, w: np.ndarray, attrs: Any) -> np.ndarray:
    """The convolution of two arrays."""
    shape = _result_shape(x.shape, w.shape, attrs)
    out: np.ndarray = _forward((x, w), attrs, (meta(shape, from_numpy_dtype(x.dtype)),))
    return out


def _each_channel(x: np.ndarray, w: np.ndarray, out: np.ndarray, attrs: Any) -> None:
    """One channel of input for each group: sums over the kernel's places instead of products."""
    stride, padding, dilation, groups = attrs[:4]
    view = windows(_padded(x, padding), w.shape[2:], out.shape[2:], stride, dilation)
    target = out.reshape(out.shape[0], groups, -1, *out.shape[2:])
    factor = w.reshape(groups, -1, *w.shape[2:])
    for place in np.ndindex(*w.shape[2:]):
        numbers = factor[(slice(None), slice(None), *place)]
        numbers = numbers.reshape(*numbers.shape, *(1,) * len(place))
        target += view[(slice(None), slice(None), *place)][:, :, None] * numbers


def _turns_round(g: Shape, w: Shape, attrs: Any) -> bool:
    """Whether the gradient of the input is itself a convolution worth its columns: for strides
    of 1.
    """
    stride, padding, dilation, groups, spatial = attrs
    if any(s != 1 for s in stride) or g[1] > 2 * w[1] * groups:
        return False
    numbers = zip(g[2:], w[2:], padding, dilation, spatial, strict=True)
    return all(p <= d * (k - 1) and m + d * (k - 1) - 2 * p == n for m, k, p, d, n in numbers)


def _turned(w: np.ndarray, groups: int) -> np.ndarray:
    """The weight of the convolution that is the gradient of the input: flipped, its channels
    exchanged.
    """
    grouped = w.reshape(groups, w.shape[0] // groups, *w.shape[1:]).swapaxes(1, 2)
    made = grouped.reshape(groups * w.shape[1], w.shape[0] // groups, *w.shape[2:])
    return np.ascontiguousarray(np.flip(made, tuple(range(2, w.ndim))))


def _input(arrays: Any, attrs: Any, metas: Any) -> Any:
    g, w = map(_wide, arrays)
    stride, padding, dilation, groups, spatial = attrs
    n, o = g.shape[:2]
    shape, kernel = metas[0].shape, w.shape[2:]
    if _turns_round(g.shape, w.shape, attrs):
        rest = tuple(d * (k - 1) - p for d, k, p in zip(dilation, kernel, padding, strict=True))
        return _forward((g, _turned(w, groups)), (stride, rest, dilation, groups), metas)
    padded = tuple(a + 2 * p for a, p in zip(spatial, padding, strict=True))
    # places of the kernel that reach over the end (strides that leave a rest) or none at all
    whole = tuple(
        max(a, (m - 1) * s + d * (k - 1) + 1)
        for a, m, s, d, k in zip(padded, g.shape[2:], stride, dilation, kernel, strict=True)
    )
    out = np.zeros((n, shape[1], *whole), g.dtype)
    if out.size and g.size and w.size:
        view = windows(out, kernel, g.shape[2:], stride, dilation)
        turned = w.reshape(groups, o // groups, -1).swapaxes(1, 2)
        for images in _chunks(n, math.prod(g.shape[2:])):
            part = g[images]
            columns = np.matmul(turned, _grouped(part, groups))
            columns = columns.reshape(shape[1], *kernel, len(part), *g.shape[2:])
            for place in itertools.product(*map(range, kernel)):
                target: Any = (images, slice(None), *place)
                view[target] += columns[(slice(None), *place)].swapaxes(0, 1)
    out = out[_inside(shape, padding)]
    return out.astype(metas[0].dtype.np, order="C", copy=False)


def _weight(arrays: Any, attrs: Any, metas: Any) -> Any:
    x, g = map(_wide, arrays)
    groups, kernel = attrs[3], attrs[4]
    o = g.shape[1]
    columns = _Columns(x, kernel, g.shape[2:], attrs)
    out = np.zeros((groups, o // groups, columns.rows), x.dtype)
    if g.size and out.size:
        for images in _chunks(g.shape[0], math.prod(g.shape[2:])):
            out += np.matmul(_grouped(g[images], groups), columns(images).swapaxes(1, 2))
    return out.reshape(metas[0].shape).astype(metas[0].dtype.np, copy=False)


# ---------------------------------------------------------------- gradients
def _forward_gradient(n: Any, g: Value) -> Any:
    gx = gw = None
    if n.needs[0]:
        gx = record2(CONVOLUTION_INPUT, g, _conj(n.i(1)), (*n.attrs, n.meta(0).shape[2:]))
    if n.needs[1]:
        gw = record2(CONVOLUTION_WEIGHT, _conj(n.i(0)), g, (*n.attrs, n.meta(1).shape[2:]))
    return (gx, gw)


def _cropped(v: Value, shape: Shape) -> Value:
    """Without the places that only an output padding has made room for."""
    return v if v.meta.shape == shape else slice_(v, (0,) * len(shape), shape, (1,) * len(shape))


def _input_gradient(n: Any, h: Value) -> Any:
    gg = gw = None
    if n.needs[0]:
        gg = _cropped(record2(CONVOLUTION, h, _conj(n.i(1)), n.attrs[:4]), n.meta(0).shape)
    if n.needs[1]:
        gw = record2(CONVOLUTION_WEIGHT, h, _conj(n.i(0)), (*n.attrs[:4], n.meta(1).shape[2:]))
    return (gg, gw)


def _weight_gradient(n: Any, h: Value) -> Any:
    gx = gg = None
    if n.needs[0]:
        gx = record2(CONVOLUTION_INPUT, _conj(n.i(1)), h, (*n.attrs[:4], n.meta(0).shape[2:]))
    if n.needs[1]:
        gg = _cropped(record2(CONVOLUTION, _conj(n.i(0)), h, n.attrs[:4]), n.meta(1).shape)
    return (gx, gg)


# ---------------------------------------------------------------- records
# (input shape, weight shape, stride, padding, dilation, groups)
_CASES: tuple[tuple[Any, ...], ...] = (
    ((1, 1, 1), (1, 1, 1), (1,), (0,), (1,), 1),
    ((2, 3, 9), (4, 3, 3), (1,), (0,), (1,), 1),
    ((2, 4, 11), (6, 2, 3), (2,), (2,), (2,), 2),
    ((2, 3, 8, 7), (5, 3, 3, 2), (1, 1), (1, 0), (1, 1), 1),
    ((1, 4, 9, 8), (8, 1, 3, 3), (2, 1), (1, 2), (1, 2), 4),
    ((2, 3, 6, 6), (4, 3, 1, 1), (1, 1), (0, 0), (1, 1), 1),
    ((2, 2, 5, 4, 6), (3, 2, 2, 3, 2), (1, 2, 2), (1, 0, 1), (1, 1, 1), 1),
    ((0, 3, 8, 7), (5, 3, 3, 2), (1, 1), (1, 0), (1, 1), 1),
    ((5, 8, 20, 20), (16, 8, 3, 3), (1, 1), (1, 1), (1, 1), 1),
)


def _example(which: str) -> Example:
    cases = []
    for x, w, *attrs in _CASES:
        y = _result_shape(x, w, attrs)
        if which == "forward":
            cases.append(((x, w), tuple(attrs)))
        elif which == "input":
            cases.append(((y, w), (*attrs, x[2:])))
        else:
            cases.append(((x, y), (*attrs, w[2:])))
    return Example(*cases, dtypes="fc", tolerance=256.0)


# attrs: (stride, padding, dilation, groups), a number for each spatial axis but for groups
CONVOLUTION = Op(
    "convolution", "contraction", _forward_rule, _forward, _forward_gradient,
    lower_forward, example=_example("forward"),
)  # fmt: skip
# (gradient of the result, weight) -> gradient of the input. attrs: those, and the input's spatial
# shape
CONVOLUTION_INPUT = Op(
    "convolution_input", "contraction", _input_rule, _input, _input_gradient,
    lower_input, grad_name="ConvolutionBackward0", example=_example("input"),
)  # fmt: skip
# (input, gradient of the result) -> gradient of the weight. attrs: those, and the kernel's shape
CONVOLUTION_WEIGHT = Op(
    "convolution_weight", "contraction", _weight_rule, _weight, _weight_gradient,
    lower_weight, grad_name="ConvolutionBackward0", example=_example("weight"),
)  # fmt: skip
