"""Functions that repeat, reorder and write into places: flips, diagonals, windows, triangles,
grids.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from .. import dtypes
from ..ops import elementwise as e
from ..ops import movement as mv
from ..ops.record import normalize_dim, normalize_dims
from ..tensor import Tensor, from_array, wrap, wrap_view
from ..tensor_sharing import storage_of
from ..trace.recorder import record1
from ..trace.values import Value, contiguous_strides, meta
from .creation import arange, check_dtype
from .pointwise import where
from .registry import public
from .shape import (
    _at_least,
    _expand,
    flatten,
    ints,
    movedim,
    reshape,
    select,
    slice_axis,
    stack,
    transpose,
)


# ---------------------------------------------------------------- repeating and reordering
@public()
def flip(input: Tensor, *dims: Any) -> Tensor:
    """A copy reversed along axes."""
    axes = ints(dims)
    return wrap(record1(mv.FLIP, input._v, normalize_dims(axes, input.ndim) if axes else ()))


@public()
def fliplr(input: Tensor) -> Tensor:
    """Reversed along the second axis."""
    if input.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, 1)


@public()
def flipud(input: Tensor) -> Tensor:
    """Reversed along the first axis."""
    if input.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, 0)


@public()
def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """Elements shifted along axes; what falls off one end comes in at the other."""
    if dims is None or dims == ():
        count = shifts if isinstance(shifts, int) else shifts[0]
        r = reshape(roll(reshape(input, (-1,)), count, 0), input._v.meta.shape)
        r._fn_name = "RollBackward0"
        return r
    ss = [shifts] if isinstance(shifts, int) else list(shifts)
    ds = [dims] if isinstance(dims, int) else list(dims)
    if len(ss) != len(ds):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(ss)}, dims:{len(ds)}")
    v = input._v
    for s, d in zip(ss, ds, strict=True):
        k = normalize_dim(d, v.meta.ndim)
        n = v.meta.shape[k]
        s = s % n if n else 0
        if s == 0:
            continue
        a, b = _cut(v, k, n - s, n), _cut(v, k, 0, n - s)
        v = mv.cat([a, b], k)
    r = wrap(v) if v is not input._v else input.clone()
    r._fn_name = "RollBackward0"
    return r


def _cut(v: Value, k: int, start: int, stop: int) -> Value:
    starts, stops = [0] * v.meta.ndim, list(v.meta.shape)
    starts[k], stops[k] = start, stop
    return mv.slice_(v, tuple(starts), tuple(stops), (1,) * v.meta.ndim)


@public()
def rot90(input: Tensor, k: int = 1, dims: Any = (0, 1)) -> Tensor:
    """Rotated by 90 degrees k times in the plane of two axes."""
    a, b = dims
    k = k % 4
    if k == 1:
        r = transpose(flip(input, b), a, b).clone()
    elif k == 2:
        r = flip(input, (a, b))
    elif k == 3:
        r = flip(transpose(input, a, b), b)
    else:
        r = input.clone()
    r._fn_name = "Rot90Backward0"
    return r


def _repeat(self: Tensor, *sizes: Any) -> Tensor:
    """A copy repeated along the axes."""
    times = ints(sizes)
    shape = self._v.meta.shape
    if len(times) < len(shape):
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of "
            "tensor"
        )
    lead = len(times) - len(shape)
    shape = (1,) * lead + shape
    v = mv.reshape(self._v, tuple(x for n in shape for x in (1, n)))
    v = mv.expand(v, tuple(x for r, n in zip(times, shape, strict=True) for x in (r, n)))
    out = record1(mv.RESHAPE, v, tuple(r * n for r, n in zip(times, shape, strict=True)))
    t = wrap(out if out.vid != self._v.vid else record1(e.CLONE, out))
    if out.meta.strides != contiguous_strides(out.meta.shape) or out.meta.offset:
        t = wrap(record1(e.CLONE, out))
    t._fn_name = "RepeatBackward0"
    return t


Tensor.repeat = _repeat  # type: ignore[attr-defined]


@public()
def tile(input: Tensor, *dims: Any) -> Tensor:
    """A copy repeated along the axes, missing counts are 1."""
    times = ints(dims)
    return _repeat(input, (1,) * (input.ndim - len(times)) + times)


def _counts(repeats: Tensor, n: int, axis: int) -> np.ndarray:
    """How often each of n positions is repeated."""
    m = repeats._v.meta
    if m.ndim > 1:
        raise RuntimeError("repeats must be 0-dim or 1-dim tensor")
    if m.numel not in (1, n):
        raise RuntimeError(
            "repeats must have the same size as input along dim, but got repeats.size(0) = "
            f"{m.numel} and input.size({axis}) = {n}"
        )
    if m.dtype not in (dtypes.int32, dtypes.int64):
        name = dtypes.type_name(m.dtype)
        raise NotImplementedError(f"\"repeat_interleave_cpu\" not implemented for '{name}'")
    counts = repeats._array()
    if counts.size and counts.min() < 0:
        raise RuntimeError("repeats can not be negative")
    return counts


@public()
def repeat_interleave(
    input: Tensor, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Each element repeated, in place in the order."""
    if repeats is None:  # the one-argument form: each position as often as the input says
        counts = input._array()
        return from_array(np.repeat(np.arange(counts.size), counts).astype(np.int64))
    x = input if dim is not None else flatten(input)
    k = 0 if dim is None else normalize_dim(dim, input.ndim)
    n = x._v.meta.shape[k]
    if not isinstance(repeats, Tensor):
        if repeats < 0:
            raise RuntimeError("Repeats must be non-negative")
        counts = repeats
    else:
        counts = _counts(repeats, n, k)
    index = np.repeat(np.arange(n), counts)
    r = x.index_select(k, from_array(index.astype(np.int64)))
    if isinstance(repeats, int):
        r._fn_name = "ViewBackward0"
    return r


# ---------------------------------------------------------------- diagonals and windows
@public()
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A view of a diagonal, as the last axis."""
    n = input.ndim
    a, b = normalize_dim(dim1, n), normalize_dim(dim2, n)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    m = input._v.meta
    rows, columns = m.shape[a], m.shape[b]
    length = max(0, min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns))
    start = m.offset
    if length:
        start += offset * m.strides[b] if offset >= 0 else -offset * m.strides[a]
    rest = [k for k in range(n) if k not in (a, b)]
    shape = (*(m.shape[k] for k in rest), length)
    strides = (*(m.strides[k] for k in rest), m.strides[a] + m.strides[b])
    t = as_strided(input, shape, strides, start)
    t._fn_name = "DiagonalBackward0"
    return t


@public()
def as_strided(input: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """A view of the storage with any shape, strides and offset."""
    m = input._v.meta
    offset = m.offset if storage_offset is None else storage_offset
    shape, strides = ints((tuple(size),)), ints((tuple(stride),))
    if len(shape) != len(strides):
        raise RuntimeError("mismatch in length of strides and shape")
    if min(strides, default=0) < 0:
        raise RuntimeError(
            "as_strided: Negative strides are not supported at the moment, got strides: "
            + str(list(strides))
        )
    # the op addresses the storage: it starts from what the views of this group are derived from
    source = storage_of(input)
    at = source._v.meta.offset if source._base is not None else 0
    v = record1(mv.AS_STRIDED, source._v, (shape, strides, int(offset) - at))
    if at:
        k = v.meta
        v.meta = meta(k.shape, k.dtype, k.requires_grad, False, k.strides, int(offset))
    return wrap_view(v, input)


@public()
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """A copy of a matrix's diagonal, or a matrix with a vector on its diagonal."""
    if input.ndim == 2:
        r = globals()["diagonal"](input, diagonal).clone()
    elif input.ndim == 1:
        r = diag_embed(input, diagonal)
    else:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    r._fn_name = "DiagBackward0" if input.ndim == 2 else "DiagEmbedBackward0"
    return r


@public()
def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices with the last axis on a diagonal."""
    n = input.shape[-1]
    size = n + (offset if offset >= 0 else -offset)
    lead = tuple(input.shape[:-1])
    column = mv.reshape(input._v, (*lead, n, 1))
    zeros_to = [(0, 0)] * len(lead) + [(0, 0), (0, size)]
    v = mv.pad(column, tuple(a for a, _ in zeros_to), tuple(b for _, b in zeros_to))
    v = mv.reshape(v, (*lead, n * (size + 1)))
    above = max(offset, 0)
    below = max(-offset, 0) * size
    end = size * size - below - above - n * (size + 1)
    if end < 0:
        v = mv.slice_(v, (0,) * v.meta.ndim, (*lead, n * (size + 1) + end), (1,) * v.meta.ndim)
        end = 0
    v = mv.pad(v, (*(0,) * len(lead), above + below), (*(0,) * len(lead), end))
    t = wrap(mv.reshape(v, (*lead, size, size)))
    nd = t.ndim
    a, b = normalize_dim(dim1, nd), normalize_dim(dim2, nd)
    if (a, b) != (nd - 2, nd - 1):
        t = movedim(t, (nd - 2, nd - 1), (a, b))
    return t


def _triangle(name: str) -> Any:
    def f(input: Tensor, diagonal: int = 0) -> Tensor:
        if input.ndim < 2:
            raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions")
        rows, columns = input.shape[-2:]
        last = arange(diagonal, rows + diagonal).unsqueeze(1)  # the column on the diagonal
        mask = arange(columns) <= last if name == "tril" else arange(columns) >= last
        zero = False if input.dtype is dtypes.bool_ else 0
        r = where(mask, input, zero)
        r._fn_name = f"{name.capitalize()}Backward0"
        return r

    f.__name__ = f.__qualname__ = name
    f.__doc__ = (
        f"The {'lower' if name == 'tril' else 'upper'} triangle of matrices, zeros elsewhere."
    )
    return public(name, inplace=True, out=True)(f)


tril, triu = _triangle("tril"), _triangle("triu")


def _triangle_indices(name: str) -> Any:
    def f(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None) -> Tensor:
        r, c = (np.tril_indices if name == "tril_indices" else np.triu_indices)(row, offset, col)
        d = check_dtype(dtype) or dtypes.int64
        return from_array(np.stack([r, c]).astype(d.np), d)

    f.__name__ = f.__qualname__ = name
    f.__doc__ = "The positions of a triangle of a matrix, as two rows of indices."
    return public(name, method=False)(f)


_triangle_indices("tril_indices")
_triangle_indices("triu_indices")


def _unfold(self: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """A view of all windows of an axis; the window is the last axis."""
    k = normalize_dim(dimension, self.ndim)
    m = self._v.meta
    if size > m.shape[k]:
        raise RuntimeError(
            f"maximum size for tensor at dimension {k} is {m.shape[k]} but size is {size}"
        )
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    count = (m.shape[k] - size) // step + 1
    shape = (*m.shape[:k], count, *m.shape[k + 1 :], size)
    strides = (*m.strides[:k], m.strides[k] * step, *m.strides[k + 1 :], m.strides[k])
    t = as_strided(self, shape, strides, m.offset)
    t._fn_name = "UnfoldBackward0"
    return t


Tensor.unfold = _unfold  # type: ignore[attr-defined]


@public(method=False)
def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """Grids of coordinates from vectors; indexing "ij" (default) or "xy"."""
    ts = (
        list(tensors[0])
        if len(tensors) == 1 and isinstance(tensors[0], (list, tuple))
        else list(tensors)
    )
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(
            f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}'
        )
    if indexing == "xy" and len(ts) > 1:
        ts[0], ts[1] = ts[1], ts[0]
    shape = tuple(t.numel() for t in ts)
    out = [
        _expand(reshape(t, (1,) * k + (-1,) + (1,) * (len(ts) - k - 1)), shape)
        for k, t in enumerate(ts)
    ]
    if indexing == "xy" and len(ts) > 1:
        out[0], out[1] = out[1], out[0]
    return tuple(out)


@public(method=False)
def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All combinations of elements of vectors, as rows."""
    if len(tensors) == 1:
        return tensors[0]
    return stack([reshape(g, (-1,)) for g in meshgrid(*tensors, indexing="ij")], 1)


@public(method=False)
def atleast_1d(*tensors: Any) -> Any:
    """With at least one axis."""
    out = tuple(_at_least(t, 1) for t in tensors)
    return out[0] if len(out) == 1 else out


@public(method=False)
def atleast_2d(*tensors: Any) -> Any:
    """With at least two axes."""
    out = tuple(_at_least(t, 2) for t in tensors)
    return out[0] if len(out) == 1 else out


@public(method=False)
def atleast_3d(*tensors: Any) -> Any:
    """With at least three axes."""
    out = tuple(_at_least(t, 3) for t in tensors)
    return out[0] if len(out) == 1 else out


@public()
def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """A matrix with all elements on its diagonal."""
    return diag_embed(flatten(input), offset)


@public(method=False)
def block_diag(*tensors: Tensor) -> Tensor:
    """A matrix with matrices along its diagonal."""
    parts = [t.reshape(1, -1) if t.ndim < 2 else t for t in tensors]
    columns = sum(t.shape[1] for t in parts)
    rows = []
    before = 0
    for t in parts:
        after = columns - before - t.shape[1]
        rows.append(wrap(mv.pad(t._v, (0, before), (0, after))))
        before += t.shape[1]
    from .shape import cat

    return cat(rows, 0)


@public(method=False)
def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All choices of r elements of a vector, as rows."""
    if input.ndim != 1:
        raise RuntimeError("Expect a 1D vector, but got shape " + str(list(input.shape)))
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = np.array(list(choose(range(input.numel()), r)), np.int64).reshape(-1, r)
    return input[from_array(rows)]


# ---------------------------------------------------------------- copies with a part replaced
def _replaced(input: Tensor, view: Any, src: Tensor, name: str) -> Tensor:
    out = input.clone()
    part = view(out)
    if part.shape != src.shape:
        raise RuntimeError(
            "expected src to have a size equal to the slice of self. src size = "
            f"{list(src.shape)}, slice size = "
            f"{list(part.shape)}"
        )
    part.copy_(src)
    out._fn_name = name
    return out


@public()
def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """A copy with one position of an axis replaced."""
    return _replaced(input, lambda t: select(t, dim, index), src, "SelectScatterBackward0")


@public()
def slice_scatter(
    input: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None,
    step: int = 1
) -> Tensor:  # fmt: skip
    """A copy with a slice of an axis replaced."""
    k = normalize_dim(dim, input.ndim)
    first, last, _ = slice(start, end).indices(input.shape[k])
    last = max(first, last)
    return _replaced(
        input, lambda t: slice_axis(t, k, first, last, step), src, "SliceScatterBackward0"
    )


@public()
def diagonal_scatter(
    input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> Tensor:
    """A copy with a diagonal replaced."""
    return _replaced(
        input, lambda t: diagonal(t, offset, dim1, dim2), src, "DiagonalScatterBackward0"
    )


def _fill_diagonal(self: Tensor, fill_value: Any, wrap: bool = False) -> Tensor:
    """Fills the main diagonal in place; `wrap`: of a tall matrix it starts again below."""
    if self.ndim < 2:
        raise RuntimeError("dimensions must larger than 1")
    if self.ndim > 2 and len(set(self.shape)) != 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    strides, shape = self.stride(), self.shape
    step = sum(strides)
    count = min(shape)
    if wrap and self.ndim == 2 and shape[0] > shape[1] + 1:
        count = -(-shape[0] * shape[1] // (shape[1] + 1))
    as_strided(self, (count,), (step,), self.storage_offset()).fill_(fill_value)
    return self


def _sum_to_size(self: Tensor, *size: Any) -> Tensor:
    """Sums over what was broadcast, down to a shape."""
    from ..ops.reduce import sum_to

    return wrap(sum_to(self._v, ints(size)))


Tensor.fill_diagonal_ = _fill_diagonal  # type: ignore[attr-defined]
Tensor.sum_to_size = _sum_to_size  # type: ignore[attr-defined]
