"""Functions that move, join, split and convert."""

from __future__ import annotations

from typing import Any

from .. import dtypes
from ..devices import device as Device
from ..dtypes import dtype as DType
from ..ops import elementwise as e
from ..ops import movement as mv
from ..ops.record import normalize_dim, normalize_dims
from ..tensor import Size, Tensor, type_name, wrap, wrap_view
from ..tensor_sharing import storage_of
from ..trace.recorder import record1
from ..trace.values import Value, contiguous_strides, meta, outside
from .creation import check_device, check_dtype, shape_of
from .pointwise import check_tensor
from .registry import public


def ints(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """Ints given separately or as one sequence."""
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    return tuple(s if type(s) is int else s.__index__() for s in sizes)


def _filled(shape: tuple[int, ...], numel: int) -> tuple[int, ...]:
    """The shape with -1 replaced. Raises RuntimeError with PyTorch's text if it does not fit."""
    if min(shape, default=0) >= -1 and -1 in shape:
        if shape.count(-1) > 1:
            raise RuntimeError("only one dimension can be inferred")
        known = 1
        for n in shape:
            if n != -1:
                known *= n
        if known == 0 and numel == 0:
            raise RuntimeError(
                f"cannot reshape tensor of 0 elements into shape {list(shape)} because the unspecified dimension "
                "size -1 can be any value and is ambiguous"
            )
        if known and numel % known == 0:
            shape = tuple(numel // known if n == -1 else n for n in shape)
    total = 1
    for k, n in enumerate(shape):
        if n < -1:
            raise RuntimeError(f"invalid shape dimension {n} at index {k} of shape {list(shape)}")
        total *= n
    if total != numel or -1 in shape:
        raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {numel}")
    return shape


def _as_view(v: Value, of: Tensor) -> Tensor:
    """The result of a movement op: a view of `of` where its facts say so."""
    return wrap_view(v, of)


@public()
def reshape(input: Tensor, *shape: Any) -> Tensor:
    """The same elements in another shape; a view where that is possible."""
    v = input._v
    new = _filled(ints(shape), v.meta.numel)
    r = record1(mv.RESHAPE, v, new)
    if mv.view_strides(v.meta.shape, v.meta.strides, new) is None:
        t = wrap(r)
        t._fn_name = "UnsafeViewBackward0"
        return t
    return wrap_view(r, input)


def _view(self: Tensor, *shape: Any) -> Tensor:
    """A view in another shape, or (given a dtype) of the same bytes as that dtype."""
    if len(shape) == 1 and isinstance(shape[0], DType):
        return _view_dtype(self, shape[0])
    v = self._v
    new = _filled(ints(shape), v.meta.numel)
    if mv.view_strides(v.meta.shape, v.meta.strides, new) is None:
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across "
            "two contiguous subspaces). Use .reshape(...) instead."
        )
    return wrap_view(record1(mv.RESHAPE, v, new), self)


def _view_dtype(self: Tensor, d: DType) -> Tensor:
    from .creation import from_numpy

    m = self._v.meta
    if m.dtype is d:
        return alias(self)
    if m.dtype.itemsize != d.itemsize and (not m.ndim or m.strides[-1] != 1):
        raise RuntimeError("self.stride(-1) must be 1 to view a tensor as another dtype of a different element size")
    size = m.shape[-1] * m.dtype.itemsize if m.ndim else m.dtype.itemsize
    if size % d.itemsize:
        raise RuntimeError(
            f"self.size(-1) must be divisible by {d.itemsize // m.dtype.itemsize} to view {m.dtype!r} as {d!r} "
            f"(different element sizes), but got {m.shape[-1]}"
        )
    return from_numpy(self.detach().numpy().view(d.np))


def _view_as(self: Tensor, other: Tensor) -> Tensor:
    """A view in the shape of another tensor."""
    return _view(self, tuple(other._v.meta.shape))


def _reshape_as(self: Tensor, other: Tensor) -> Tensor:
    """The same elements in the shape of another tensor."""
    return reshape(self, tuple(other._v.meta.shape))  # type: ignore[no-any-return]


Tensor.view, Tensor.view_as, Tensor.reshape_as = _view, _view_as, _reshape_as  # type: ignore[attr-defined]


@public()
def permute(input: Tensor, *dims: Any) -> Tensor:
    """A view with its axes in another order."""
    order = ints(dims)
    n = input.ndim
    if len(order) != n:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired "
            f"ordering of dimensions i.e. input.dim() = {n} is not equal to len(dims) = {len(order)}"
        )
    order = tuple(normalize_dim(d, n) for d in order)
    if len(set(order)) != n:
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return wrap_view(record1(mv.PERMUTE, input._v, order), input)


@public(aliases=("swapaxes", "swapdims"))
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """A view with two axes exchanged."""
    n = input.ndim
    a, b = normalize_dim(dim0, n), normalize_dim(dim1, n)
    order = list(range(n))
    if n:
        order[a], order[b] = order[b], order[a]
    t = wrap_view(record1(mv.PERMUTE, input._v, tuple(order)), input)
    t._fn_name = "TransposeBackward0"
    return t


@public("t")
def t_(input: Tensor) -> Tensor:
    """The transpose of a matrix; a vector as it is."""
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    order = (1, 0) if input.ndim == 2 else tuple(range(input.ndim))
    r = wrap_view(record1(mv.PERMUTE, input._v, order), input)
    r._fn_name = "TBackward0"
    return r


def _reversed_axes(self: Tensor) -> Tensor:
    return permute(self, tuple(range(self.ndim - 1, -1, -1)))  # type: ignore[no-any-return]


def _matrix_transpose(self: Tensor) -> Tensor:
    if self.ndim < 2:
        raise RuntimeError(
            f"tensor.mT is only supported on matrices or batches of matrices. Got {self.ndim}-D tensor."
        )
    return transpose(self, -2, -1)  # type: ignore[no-any-return]


Tensor.T = property(_reversed_axes)  # type: ignore[attr-defined]
Tensor.mT = property(_matrix_transpose)  # type: ignore[attr-defined]
Tensor.H = property(lambda self: _matrix_transpose(self).conj())  # type: ignore[attr-defined]
Tensor.mH = property(lambda self: _matrix_transpose(self).conj())  # type: ignore[attr-defined]


@public(aliases=("moveaxis",))
def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """A view with axes moved to other places."""
    n = input.ndim
    src = [normalize_dim(d, n) for d in ([source] if isinstance(source, int) else source)]
    dst = [normalize_dim(d, n) for d in ([destination] if isinstance(destination, int) else destination)]
    if len(src) != len(dst):
        raise RuntimeError(
            "movedim: Invalid source or destination dims: source "
            f"({src} dims) should contain the same number of dims as destination ({dst} dims)"
        )
    for name, ds in (("source", src), ("destination", dst)):
        if len(set(ds)) != len(ds):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({ds})")
    order = [d for d in range(n) if d not in src]
    for d, s in sorted(zip(dst, src, strict=True)):
        order.insert(d, s)
    return permute(input, tuple(order))  # type: ignore[no-any-return]


@public()
def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """A view without the axes of size 1 (all, or those of `dim`)."""
    shape = input._v.meta.shape
    n = len(shape)
    if dim is None:
        axes = set(range(n))
    else:
        axes = {normalize_dim(d, n) for d in ([dim] if isinstance(dim, int) else dim)}
    new = tuple(s for k, s in enumerate(shape) if not (s == 1 and k in axes))
    t = wrap_view(record1(mv.RESHAPE, input._v, new), input)
    t._fn_name = f"SqueezeBackward{0 if dim is None else 1 if isinstance(dim, int) else 2}"
    return t


@public()
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """A view with an axis of size 1 more."""
    k = normalize_dim(dim, input.ndim + 1)
    shape = input._v.meta.shape
    t = wrap_view(record1(mv.RESHAPE, input._v, (*shape[:k], 1, *shape[k:])), input)
    t._fn_name = "UnsqueezeBackward0"
    return t


def _expand(self: Tensor, *sizes: Any) -> Tensor:
    """A view with axes of size 1 grown; -1 keeps a size."""
    want = ints(sizes)
    shape = self._v.meta.shape
    shift = len(want) - len(shape)
    if shift < 0:
        raise RuntimeError(
            f"expand(torch.{type_name(self.dtype)}Tensor{{{list(shape)}}}, size={list(want)}): the number of sizes "
            f"provided ({len(want)}) must be greater or equal to the number of dimensions in the tensor ({len(shape)})"
        )
    full = []
    for k, n in enumerate(want):
        if n == -1:
            if k < shift:
                raise RuntimeError(
                    f"The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension {k}"
                )
            n = shape[k - shift]
        full.append(n)
    return wrap_view(record1(mv.EXPAND, self._v, tuple(full)), self)


def _expand_as(self: Tensor, other: Tensor) -> Tensor:
    """A view expanded to the shape of another tensor."""
    return _expand(self, tuple(other._v.meta.shape))


Tensor.expand, Tensor.expand_as = _expand, _expand_as  # type: ignore[attr-defined]


@public()
def broadcast_to(input: Tensor, size: Any) -> Tensor:
    """A view of the given shape by broadcasting."""
    return _expand(input, tuple(size))


@public(method=False)
def broadcast_tensors(*tensors: Tensor) -> list[Tensor]:
    """Views of all tensors in their common shape."""
    shape = broadcast_shapes(*[t._v.meta.shape for t in tensors])
    return [_expand(t, tuple(shape)) for t in tensors]


@public(method=False)
def broadcast_shapes(*shapes: Any) -> Size:
    """The common shape of shapes."""
    from ..ops.record import broadcast_shapes as two

    out: tuple[int, ...] = ()
    for s in shapes:
        out = two(out, (s,) if isinstance(s, int) else tuple(s))
    return Size(out)


@public()
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Axes from start_dim to end_dim made one."""
    n = input.ndim
    a, b = normalize_dim(start_dim, n), normalize_dim(end_dim, n)
    if n == 0:
        return reshape(input, (1,))  # type: ignore[no-any-return]
    if a > b:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if a == b:
        return input
    shape = input._v.meta.shape
    size = 1
    for k in shape[a : b + 1]:
        size *= k
    return reshape(input, (*shape[:a], size, *shape[b + 1 :]))  # type: ignore[no-any-return]


@public()
def ravel(input: Tensor) -> Tensor:
    """One axis."""
    return reshape(input, (-1,)) if input.numel() else reshape(input, (0,))  # type: ignore[no-any-return]


@public()
def unflatten(input: Tensor, dim: int, sizes: Any) -> Tensor:
    """One axis split into several."""
    k = normalize_dim(dim, input.ndim)
    shape = input._v.meta.shape
    try:
        part = _filled(ints((tuple(sizes),)), shape[k])
    except RuntimeError:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {k} ({shape[k]}) in the "
            "input tensor"
        ) from None
    return reshape(input, (*shape[:k], *part, *shape[k + 1 :]))  # type: ignore[no-any-return]


# ---------------------------------------------------------------- joining
def _values(tensors: Any, name: str) -> list[Value]:
    if isinstance(tensors, Tensor) or not isinstance(tensors, (list, tuple)):
        raise TypeError(f"{name}(): argument 'tensors' must be tuple of Tensors, not {type(tensors).__name__}")
    if not tensors:
        if name == "stack":
            raise RuntimeError("stack expects a non-empty TensorList")
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    for k, t in enumerate(tensors):
        if not isinstance(t, Tensor):
            raise TypeError(f"expected Tensor as element {k} in argument 0, but got {type(t).__name__}")
    return [t._v for t in tensors]


@public(method=False, out=True, aliases=("concat", "concatenate"))
def cat(tensors: Any, dim: int = 0) -> Tensor:
    """Tensors joined along an axis. Empty 1-d tensors are skipped."""
    values = _values(tensors, "cat")
    kept = [v for v in values if v.meta.shape != (0,)] or values[:1]
    for k, v in enumerate(values):
        if v.meta.ndim == 0:
            raise RuntimeError(
                f"zero-dimensional tensor (at position {k}) cannot be concatenated"
            )
    return wrap(mv.cat(kept, normalize_dim(dim, kept[0].meta.ndim)))


@public(method=False, out=True)
def stack(tensors: Any, dim: int = 0) -> Tensor:
    """Tensors of one shape joined along a new axis."""
    values = _values(tensors, "stack")
    shape = values[0].meta.shape
    k = normalize_dim(dim, len(shape) + 1)
    for n, v in enumerate(values):
        if v.meta.shape != shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(shape)} at entry 0 and "
                f"{list(v.meta.shape)} at entry {n}"
            )
    new = (*shape[:k], 1, *shape[k:])
    t = wrap(mv.cat([mv.reshape(v, new) for v in values], k))
    t._fn_name = "StackBackward0"
    return t


def _at_least(t: Tensor, n: int) -> Tensor:
    while t.ndim < n:
        t = t.unsqueeze(0) if t.ndim < 2 else t.unsqueeze(-1)  # type: ignore[attr-defined]
    return t


@public(method=False)
def hstack(tensors: Any) -> Tensor:
    """Joined along the second axis (the first of vectors)."""
    ts = [_at_least(t, 1) for t in tensors]
    return cat(ts, 0 if ts[0].ndim == 1 else 1)  # type: ignore[no-any-return]


@public(method=False, aliases=("row_stack",))
def vstack(tensors: Any) -> Tensor:
    """Joined along the first axis, vectors as rows."""
    return cat([_at_least(t, 2) for t in tensors], 0)  # type: ignore[no-any-return]


@public(method=False)
def dstack(tensors: Any) -> Tensor:
    """Joined along the third axis."""
    return cat([_at_least(t, 3) for t in tensors], 2)  # type: ignore[no-any-return]


@public(method=False)
def column_stack(tensors: Any) -> Tensor:
    """Vectors as columns, matrices side by side."""
    return cat([t.reshape(-1, 1) if t.ndim < 2 else t for t in tensors], 1)  # type: ignore[no-any-return]


# ---------------------------------------------------------------- splitting
@public()
def narrow(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    """A view of `length` elements of an axis from `start`."""
    k = normalize_dim(dim, input.ndim)
    n = input._v.meta.shape[k]
    start = int(start)
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if not -n <= start <= n:
        raise IndexError(f"start out of range (expected to be in range of [-{n}, {n}], but got {start})")
    start = start + n if start < 0 else start
    if start + length > n:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({n}).")
    return slice_axis(input, k, start, start + length, 1)


def slice_axis(input: Tensor, k: int, start: int, stop: int, step: int) -> Tensor:
    shape = input._v.meta.shape
    starts, stops, steps = [0] * len(shape), list(shape), [1] * len(shape)
    starts[k], stops[k], steps[k] = start, stop, step
    return wrap_view(
        record1(mv.SLICE, input._v, (tuple(starts), tuple(stops), tuple(steps))), input
    )


@public()
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """A view of one position of an axis, the axis removed."""
    if input.ndim == 0:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    k = normalize_dim(dim, input.ndim)
    shape = input._v.meta.shape
    n = shape[k]
    index = int(index)
    if not -n <= index < n:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(shape)} at dimension {k}"
        )
    index = index + n if index < 0 else index
    starts, stops = [0] * len(shape), list(shape)
    starts[k], stops[k] = index, index + 1
    v = record1(mv.SLICE, input._v, (tuple(starts), tuple(stops), (1,) * len(shape)))
    t = wrap_view(record1(mv.RESHAPE, v, shape[:k] + shape[k + 1 :]), input)
    t._fn_name = "SelectBackward0"
    return t


@public()
def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of pieces of one size (the last may be smaller), or of the given sizes."""
    k = normalize_dim(dim, tensor.ndim)
    n = tensor._v.meta.shape[k]
    name = "SplitBackward0" if isinstance(split_size_or_sections, int) else "SplitWithSizesBackward0"
    if isinstance(split_size_or_sections, int):
        size = split_size_or_sections
        if size < 0:
            raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
        if size == 0 and n:
            raise RuntimeError(f"split_size can only be 0 if dimension size is 0, but got dimension size of {n}")
        sizes = [min(size, n - s) for s in range(0, n, size)] if n else [0]
    else:
        sizes = list(ints((tuple(split_size_or_sections),)))
        total = 0
        for s in sizes:
            total += s
        if total != n:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size at dimension {k}), "
                f"but got split_sizes={sizes}"
            )
    out = []
    at = 0
    for s in sizes:
        piece = slice_axis(tensor, k, at, at + s, 1)
        piece._fn_name = name
        out.append(piece)
        at += s
    return tuple(out)


public("split_with_sizes")(lambda input, split_sizes, dim=0: split(input, split_sizes, dim))


@public()
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` views of equal size (the last may be smaller)."""
    if chunks < 1:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    n = input._v.meta.shape[normalize_dim(dim, input.ndim)]
    return split(input, max(1, -(-n // chunks)), dim)  # type: ignore[no-any-return]


@public()
def tensor_split(input: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of nearly equal pieces, or of the pieces between positions."""
    k = normalize_dim(dim, input.ndim)
    n = input._v.meta.shape[k]
    given = indices_or_sections.tolist() if isinstance(indices_or_sections, Tensor) else indices_or_sections
    if isinstance(given, int):
        if given <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {given}")
        small, extra = divmod(n, given)
        sizes = [small + 1] * extra + [small] * (given - extra)
        cuts = []
        at = 0
        for s in sizes[:-1]:
            at += s
            cuts.append(at)
    else:
        cuts = list(given)
    out = []
    before = 0
    for c in [*cuts, n]:
        c = max(0, c + n) if c < 0 else c
        a, b = min(before, n), min(c, n)
        out.append(slice_axis(input, k, a, max(a, b), 1))
        before = c
    return tuple(out)


@public()
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of all positions of an axis, the axis removed."""
    k = normalize_dim(dim, input.ndim)
    if input.ndim == 0:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    out = tuple(select(input, k, i) for i in range(input._v.meta.shape[k]))
    for t in out:
        t._fn_name = "UnbindBackward0"
    return out


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
    return flip(input, 1)  # type: ignore[no-any-return]


@public()
def flipud(input: Tensor) -> Tensor:
    """Reversed along the first axis."""
    if input.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, 0)  # type: ignore[no-any-return]


@public()
def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """Elements shifted along axes; what falls off one end comes in at the other."""
    if dims is None or dims == ():
        count = shifts if isinstance(shifts, int) else shifts[0]
        r = reshape(roll(reshape(input, (-1,)), count, 0), input._v.meta.shape)
        r._fn_name = "RollBackward0"
        return r  # type: ignore[no-any-return]
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
    r = wrap(v) if v is not input._v else input.clone()  # type: ignore[attr-defined]
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
        r = input.clone()  # type: ignore[attr-defined]
    r._fn_name = "Rot90Backward0"
    return r  # type: ignore[no-any-return]


def _repeat(self: Tensor, *sizes: Any) -> Tensor:
    """A copy repeated along the axes."""
    times = ints(sizes)
    shape = self._v.meta.shape
    if len(times) < len(shape):
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor"
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


@public()
def repeat_interleave(input: Tensor, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None) -> Tensor:
    """Each element repeated, in place in the order."""
    import numpy as np

    from ..tensor import from_array

    if repeats is None:  # the one-argument form: each position as often as the input says
        counts = input._array()
        return from_array(np.repeat(np.arange(counts.size), counts).astype(np.int64))
    x = input if dim is not None else flatten(input)
    k = 0 if dim is None else normalize_dim(dim, input.ndim)
    n = x._v.meta.shape[k]
    counts = repeats._array() if isinstance(repeats, Tensor) else repeats
    index = np.repeat(np.arange(n), counts)
    return x.index_select(k, from_array(index.astype(np.int64)))  # type: ignore[attr-defined,no-any-return]


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
            "as_strided: Negative strides are not supported at the moment, got strides: " + str(list(strides))
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
    return r  # type: ignore[no-any-return]


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
        import numpy as np

        from ..tensor import from_array
        from .pointwise import where

        if input.ndim < 2:
            raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions")
        function = np.tril if name == "tril" else np.triu
        mask = from_array(function(np.ones(tuple(input.shape[-2:]), bool), diagonal))
        zero = False if input.dtype is dtypes.bool_ else 0
        r = where(mask, input, zero)
        r._fn_name = f"{name.capitalize()}Backward0"
        return r  # type: ignore[no-any-return]

    f.__name__ = f.__qualname__ = name
    f.__doc__ = f"The {'lower' if name == 'tril' else 'upper'} triangle of matrices, zeros elsewhere."
    return public(name, inplace=True, out=True)(f)


tril, triu = _triangle("tril"), _triangle("triu")


def _triangle_indices(name: str) -> Any:
    def f(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None) -> Tensor:
        import numpy as np

        from ..tensor import from_array

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
    return t  # type: ignore[no-any-return]


Tensor.unfold = _unfold  # type: ignore[attr-defined]


@public(method=False)
def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """Grids of coordinates from vectors; indexing "ij" (default) or "xy"."""
    ts = list(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else list(tensors)
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
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
    return stack([reshape(g, (-1,)) for g in meshgrid(*tensors, indexing="ij")], 1)  # type: ignore[no-any-return]


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


# ---------------------------------------------------------------- copies and conversions
@public()
def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """A copy with memory of its own; gradients flow through it."""
    return wrap(record1(e.CLONE, input._v))


def _contiguous(self: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor itself if its elements lie in order in its storage, else a copy."""
    if self._v.meta.contiguous:
        return self
    return clone(self)  # type: ignore[no-any-return]


def _cast(t: Tensor, d: DType) -> Tensor:
    return t if t._v.meta.dtype is d else wrap(record1(e.CAST, t._v, (d.name,)))


def _to(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """This tensor with another dtype or device: to(dtype), to(device), to(device, dtype), to(other)."""
    d: Any = kwargs.pop("dtype", None)
    where: Any = kwargs.pop("device", None)
    copy = kwargs.pop("copy", False)
    for name in ("non_blocking", "memory_format"):
        kwargs.pop(name, None)
    if "other" in kwargs:
        args = (kwargs.pop("other"), *args)
    if kwargs:
        raise TypeError(f"to() received an unexpected keyword argument '{next(iter(kwargs))}'")
    for k, a in enumerate(args):
        if isinstance(a, DType):
            d = a
        elif isinstance(a, (str, Device)) or (isinstance(a, int) and not isinstance(a, bool)):
            where = a
        elif isinstance(a, Tensor):
            d = a.dtype
        elif isinstance(a, bool):
            copy = a if k > 1 else copy
        elif a is not None:
            raise TypeError(
                f"to() received an invalid combination of arguments - got ({type(a).__name__})"
            )
    check_device(where)
    d = check_dtype(d)
    if d is None or d is self._v.meta.dtype:
        return clone(self) if copy else self  # type: ignore[no-any-return]
    return _cast(self, d)


def _type(self: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The tensor's legacy type name, or the tensor in another dtype."""
    if dtype is None:
        return f"torch.{type_name(self.dtype)}Tensor"
    if isinstance(dtype, str):
        for d in dtypes.ALL:
            if dtype == f"torch.{type_name(d)}Tensor":
                return _cast(self, d)
        raise ValueError(f"invalid type: '{dtype}'")
    return _cast(self, check_dtype(dtype))  # type: ignore[arg-type]


def _type_as(self: Tensor, other: Tensor) -> Tensor:
    """This tensor in the dtype of another."""
    return _cast(self, other.dtype)


def _cpu(self: Tensor, memory_format: Any = None) -> Tensor:
    """This tensor on the CPU: itself."""
    return self


def _cuda(self: Tensor, device: Any = None, non_blocking: bool = False, memory_format: Any = None) -> Tensor:
    """This tensor on a GPU. Raises AssertionError where there is none."""
    check_device("cuda")
    return self


for _name, _f in (
    ("contiguous", _contiguous), ("to", _to), ("type", _type), ("type_as", _type_as), ("cpu", _cpu), ("cuda", _cuda),
):  # fmt: skip
    setattr(Tensor, _name, _f)


def _conversion(name: str, d: DType) -> None:
    def convert(self: Tensor, memory_format: Any = None) -> Tensor:
        return _cast(self, d)

    convert.__name__ = convert.__qualname__ = name
    convert.__doc__ = f"This tensor as {d.name}."
    setattr(Tensor, name, convert)


for _d in dtypes.ALL:
    _conversion(_d.alias or _d.name, _d)
for _alias, _d in (("char", dtypes.int8), ("byte", dtypes.uint8), ("int", dtypes.int32), ("bool", dtypes.bool_)):
    _conversion(_alias, _d)


def _resize(self: Tensor, *sizes: Any, memory_format: Any = None) -> Tensor:
    """Changes the shape in place; new elements are zero."""
    import numpy as np

    shape = shape_of(sizes)
    m = self._v.meta
    if m.requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    a = np.zeros(shape, m.dtype.np)
    old = self._array().reshape(-1)
    n = min(a.size, old.size)
    a.reshape(-1)[:n] = old[:n]
    self._v = outside(meta(shape, m.dtype), a)
    self._base, self._views = None, None
    return self


def _resize_as(self: Tensor, other: Tensor, *, memory_format: Any = None) -> Tensor:
    """Changes the shape in place to that of another tensor."""
    return _resize(self, tuple(other.shape))


def _set_shape(name: str, function: Any) -> None:
    """squeeze_, unsqueeze_, t_, transpose_: this handle becomes the view."""

    def f(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        r = function(self, *args, **kwargs)
        if self._base is None and not self._views_alive(r):
            self._v = _plain_facts(r)
        else:
            self._v, self._base = r._v, r._base if r._base is not self else self._base
            if self._base is None:
                self._v = _plain_facts(r)
        return self

    f.__name__ = f.__qualname__ = name
    f.__doc__ = f"In-place form of `{name[:-1]}`."
    setattr(Tensor, name, f)


def _views_alive(self: Tensor, but: Tensor) -> bool:
    return any(r() is not None and r() is not but for r in self._views or ())


def _plain_facts(t: Tensor) -> Value:
    return record1(e.CLONE, t._v)


Tensor._views_alive = _views_alive  # type: ignore[attr-defined]
Tensor.resize_, Tensor.resize_as_ = _resize, _resize_as  # type: ignore[attr-defined]
for _name, _function in (
    ("squeeze_", squeeze), ("unsqueeze_", unsqueeze), ("transpose_", transpose), ("t_", t_),
):  # fmt: skip
    _set_shape(_name, _function)


def _detach_inplace(self: Tensor) -> Tensor:
    """Cuts this tensor off its history, in place."""
    if self._base is not None and not self._cut:
        raise RuntimeError(
            "Can't detach views in-place. Use detach() instead. If you are using DistributedDataParallel (DDP) for "
            "training, and gradient_as_bucket_view is set as True, gradients are views of DDP buckets, and hence "
            "detach_() cannot be called on these gradients. To fix this error, please refer to the "
            "Optimizer.zero_grad() function in torch/optim/optimizer.py as the solution."
        )
    if self._v.meta.requires_grad:
        v = self._value()
        plain = outside(v.meta.plain, v.buf)
        plain.pin = v.pin
        self._v = plain
        self._own, self._fn_name = False, None
    return self


Tensor.detach_ = _detach_inplace  # type: ignore[attr-defined]


@public("numel", method=False)
def numel(input: Tensor) -> int:
    """The number of elements."""
    check_tensor(input, "numel")
    return input.numel()
