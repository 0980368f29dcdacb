"""Padding, and the rearrangements of images that are only movement: pixel shuffles, unfold and
fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..dtypes import bool_
from ..ops import elementwise as e
from ..ops.elementwise import CLONE
from ..ops.movement import AS_STRIDED, FLIP, UNSLICE, cat, expand, permute, reshape, slice_
from ..ops.movement import pad as pad_constant
from ..tensor import Tensor, wrap
from ..trace.recorder import record1
from ..trace.values import Value
from ._arguments import value_of

_SPATIAL = ("reflect", "replicate", "circular")


def pad(
    input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Tensor:
    """Grows (negative amounts: crops) the last axes; `pad` is (low, high) of the last one, then of
    the one before it, and so on.

    mode: 'constant' (`value`, default 0), 'reflect', 'replicate' or 'circular'; the last three pad
    the last 1 to 3 axes of an input with one or two axes more. Raises RuntimeError,
    NotImplementedError or ValueError for amounts that don't fit.
    """
    v = value_of(input, "pad")
    amounts = [int(p) for p in pad]
    ndim = v.meta.ndim
    if len(amounts) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    if len(amounts) > 2 * ndim:
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input dimension but got "
            f"padding length {len(amounts)} and input of dimension {ndim}"
        )
    if mode == "constant":
        return _constant(v, amounts, value)
    if value is not None and value != 0:
        raise ValueError(f'Padding mode "{mode}" doesn\'t take in value argument')
    if mode not in _SPATIAL:
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    count = len(amounts) // 2
    if count not in (1, 2, 3) or ndim not in (count + 1, count + 2):
        raise NotImplementedError(
            f"Padding size {len(amounts)} is not supported for {ndim}D input tensor.\n"
            "Supported combinations for non-constant padding:\n"
            "  - 2D or 3D input: padding size = 2 (pads last dimension)\n"
            "  - 3D or 4D input: padding size = 4 (pads last 2 dimensions)\n"
            "  - 4D or 5D input: padding size = 6 (pads last 3 dimensions)"
        )
    for k in range(count):
        v = _grow(v, ndim - 1 - k, amounts[2 * k], amounts[2 * k + 1], mode)
    t = wrap(v)
    names = {"reflect": "ReflectionPad", "replicate": "ReplicationPad"}
    t._fn_name = (
        f"{names[mode]}{count}DBackward0" if mode in names else "torch::autograd::CopySlices"
    )
    return t


def _constant(v: Value, amounts: list[int], value: float | None) -> Tensor:
    m = v.meta
    low, high = [0] * m.ndim, [0] * m.ndim
    for k in range(len(amounts) // 2):
        axis = m.ndim - 1 - k
        low[axis], high[axis] = amounts[2 * k], amounts[2 * k + 1]
        size = m.shape[axis] + low[axis] + high[axis]
        if size < 0:
            raise RuntimeError(
                f"The input size {m.shape[axis]}, plus negative padding {low[axis]} and "
                f"{high[axis]} resulted in a negative output size, which is invalid. Check "
                f"dimension {axis} of your input."
            )
    fill: Any = 0.0 if value is None else value
    if m.dtype.is_integral or m.dtype is bool_:
        fill = int(fill)
    return wrap(pad_constant(v, tuple(low), tuple(high), fill))


def _part(v: Value, axis: int, start: int, stop: int) -> Value:
    shape = v.meta.shape
    starts, stops = [0] * len(shape), list(shape)
    starts[axis], stops[axis] = start, stop
    return slice_(v, tuple(starts), tuple(stops), (1,) * len(shape))


def _grow(v: Value, axis: int, low: int, high: int, mode: str) -> Value:
    """Pads one axis with what the mode takes from the input."""
    n = v.meta.shape[axis]
    if mode == "reflect" and (low >= n or high >= n):
        raise RuntimeError(
            "Argument #4: Padding size should be less than the corresponding input dimension, but "
            f"got: padding ({low}, {high}) at dimension {axis} of input {list(v.meta.shape)}"
        )
    if mode == "circular" and (low > n or high > n):
        raise RuntimeError("Padding value causes wrapping around more than once.")
    middle = _part(v, axis, max(0, -low), n - max(0, -high)) if low < 0 or high < 0 else v
    parts = [middle]
    if low > 0:
        parts.insert(0, _edge(v, axis, low, mode, True))
    if high > 0:
        parts.append(_edge(v, axis, high, mode, False))
    return parts[0] if len(parts) == 1 else cat(parts, axis)


def _edge(v: Value, axis: int, size: int, mode: str, low: bool) -> Value:
    n = v.meta.shape[axis]
    if mode == "replicate":
        shape = list(v.meta.shape)
        shape[axis] = size
        return expand(_part(v, axis, 0, 1) if low else _part(v, axis, n - 1, n), tuple(shape))
    if mode == "circular":
        return _part(v, axis, n - size, n) if low else _part(v, axis, 0, size)
    part = _part(v, axis, 1, size + 1) if low else _part(v, axis, n - size - 1, n - 1)
    return record1(FLIP, part, (axis,))


# ---------------------------------------------------------------- pixels and channels
def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """(*, C * r * r, H, W) as (*, C, H * r, W * r)."""
    v, r = input._v, upscale_factor
    shape = v.meta.shape
    if len(shape) < 3:
        raise RuntimeError(
            "pixel_shuffle expects input to have at least 3 dimensions, but got input with "
            f"{len(shape)} dimension(s)"
        )
    if r <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    *lead, c, h, w = shape
    if c % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square "
            f"of upscale_factor, but input.size(-3)={c} is not divisible by {r * r}"
        )
    k = len(lead)
    v = reshape(v, (*lead, c // (r * r), r, r, h, w))
    v = permute(v, (*range(k), k, k + 3, k + 1, k + 4, k + 2))
    t = wrap(reshape(v, (*lead, c // (r * r), h * r, w * r)))
    t._fn_name = "PixelShuffleBackward0"
    return t


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """(*, C, H * r, W * r) as (*, C * r * r, H, W)."""
    v, r = input._v, downscale_factor
    shape = v.meta.shape
    if len(shape) < 3:
        raise RuntimeError(
            "pixel_unshuffle expects input to have at least 3 dimensions, but got input with "
            f"{len(shape)} dimension(s)"
        )
    if r <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    *lead, c, h, w = shape
    for name, place, size in (("height", -2, h), ("width", -1, w)):
        if size % r:
            raise RuntimeError(
                f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but "
                f"input.size({place})={size} is not divisible by {r}"
            )
    k = len(lead)
    v = reshape(v, (*lead, c, h // r, r, w // r, r))
    v = permute(v, (*range(k), k, k + 2, k + 4, k + 1, k + 3))
    t = wrap(reshape(v, (*lead, c * r * r, h // r, w // r)))
    t._fn_name = "PixelUnshuffleBackward0"
    return t


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """(N, C, *) with its channels in the order that interleaves the groups."""
    v = input._v
    n, c, *rest = v.meta.shape
    if groups <= 0 or c % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {c} channels and {groups} groups."
        )
    v = reshape(v, (n, groups, c // groups, *rest))
    v = permute(v, (0, 2, 1, *range(3, 3 + len(rest))))
    t = wrap(reshape(v, (n, c, *rest)))
    t._fn_name = "ChannelShuffleBackward0"
    return t


# ---------------------------------------------------------------- windows
def _pair(x: Any) -> tuple[int, int]:
    return (x, x) if isinstance(x, int) else (int(x[0]), int(x[1]))


def _positions(size: int, kernel: int, dilation: int, padding: int, stride: int) -> int:
    """How many windows fit along an axis."""
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def _batch(v: Value, inner: int, name: str) -> tuple[Value, bool]:
    if v.meta.ndim == inner:
        return v, False
    if v.meta.ndim == inner - 1:
        return reshape(v, (1, *v.meta.shape)), True
    raise RuntimeError(
        f"Expected {inner - 1}D or {inner}D (batch mode) tensor for {name}, but got: "
        f"{list(v.meta.shape)}"
    )


def unfold(
    input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """The windows of (N, C, H, W) as columns: (N, C * kernel, number of windows)."""
    (kh, kw), (dh, dw) = _pair(kernel_size), _pair(dilation)
    (ph, pw), (sh, sw) = _pair(padding), _pair(stride)
    v, single = _batch(input._v, 4, "input")
    n, c, h, w = v.meta.shape
    rows, columns = _positions(h, kh, dh, ph, sh), _positions(w, kw, dw, pw, sw)
    if rows < 1 or columns < 1:
        raise RuntimeError(
            f"Given input with spatial size ({h}, {w}), kernel_size=({kh}, {kw}), dilation=({dh}, "
            f"{dw}), padding=({ph}, {pw}), calculated shape of the array of sliding blocks as "
            f"({rows}, {columns}), but its components must be at least one."
        )
    if ph or pw:
        v = pad_constant(v, (0, 0, ph, pw), (0, 0, ph, pw), 0.0)
    if not v.meta.contiguous or v.meta.offset:
        v = record1(CLONE, v)
    *_, line, one = strides = v.meta.strides
    places = (n, c, kh, kw, rows, columns)
    steps = (*strides[:2], dh * line, dw * one, sh * line, sw * one)
    r = reshape(record1(AS_STRIDED, v, (places, steps, 0)), (n, c * kh * kw, rows * columns))
    t = wrap(reshape(r, r.meta.shape[1:]) if single else r)
    t._fn_name = "Im2ColBackward0"
    return t


def fold(
    input: Tensor,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Tensor:
    """Adds the columns of windows (N, C * kernel, number of windows) up to (N, C, *output_size)."""
    (h, w), (kh, kw), (dh, dw) = _pair(output_size), _pair(kernel_size), _pair(dilation)
    (ph, pw), (sh, sw) = _pair(padding), _pair(stride)
    v, single = _batch(input._v, 3, "input")
    n, channels, count = v.meta.shape
    rows, columns = _positions(h, kh, dh, ph, sh), _positions(w, kw, dw, pw, sw)
    if channels % (kh * kw):
        raise RuntimeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, "
            f"but got input.size(1)={channels} and kernel_size=({kh}, {kw})."
        )
    if count != rows * columns:
        raise RuntimeError(
            f"Given output_size=({h}, {w}), kernel_size=({kh}, {kw}), dilation=({dh}, {dw}), "
            f"padding=({ph}, {pw}), stride=({sh}, {sw}), expected size of input's dimension 2 to "
            f"match the calculated number of sliding blocks {rows} * {columns} = {rows * columns}, "
            f"but got input.size(2)={count}."
        )
    c = channels // (kh * kw)
    parts = reshape(v, (n, c, kh, kw, rows, columns))
    whole = (n, c, h + 2 * ph, w + 2 * pw)
    total: Value | None = None
    for i in range(kh):
        for j in range(kw):
            part = slice_(parts, (0, 0, i, j, 0, 0), (n, c, i + 1, j + 1, rows, columns), (1,) * 6)
            part = reshape(part, (n, c, rows, columns))
            stops = (n, c, i * dh + (rows - 1) * sh + 1, j * dw + (columns - 1) * sw + 1)
            attrs = (whole, (0, 0, i * dh, j * dw), stops, (1, 1, sh, sw))
            part = record1(UNSLICE, part, attrs)
            total = part if total is None else e.add(total, part)
    assert total is not None
    if ph or pw:
        total = record1(CLONE, slice_(total, (0, 0, ph, pw), (n, c, ph + h, pw + w), (1,) * 4))
    t = wrap(reshape(total, total.meta.shape[1:]) if single else total)
    t._fn_name = "Col2ImBackward0"
    return t
