"""Functions that move, join, split and convert."""

from __future__ import annotations

import functools
from typing import Any

from ..dtypes import dtype as DType
from ..ops import movement as mv
from ..ops.record import normalize_dim
from ..tensor import Size, Tensor, taken, wrap, wrap_view
from ..tensor_parts import copied_when_little, note_row, part, row
from ..trace.recorder import record1
from ..trace.values import Meta, Value
from .pointwise import kind_of
from .registry import public

Cut = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]  # starts, stops, steps


def ints(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """Ints given separately or as one sequence."""
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    try:
        return tuple(s if type(s) is int else s.__index__() for s in sizes)
    except AttributeError:
        kinds = ", ".join(type(s).__name__ for s in sizes)
        raise TypeError(f"a shape must be a tuple of ints, but got ({kinds})") from None


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
                f"cannot reshape tensor of 0 elements into shape {list(shape)} because the "
                "unspecified dimension size -1 can be any value and is ambiguous"
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


# (facts, arguments) -> (the new shape, whether that is a view): what view and reshape found before.
_known: dict[Any, tuple[tuple[int, ...], bool]] = {}


def _new_shape(m: Meta, shape: tuple[Any, ...]) -> tuple[tuple[int, ...], bool]:
    """The shape that the arguments of view and reshape mean, and whether it is a view."""
    new = _filled(ints(shape), m.numel)
    found = (new, mv.view_strides(m.shape, m.strides, new) is not None)
    given = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple) else shape
    if all(type(n) is int for n in given):  # a tensor as a size has another value next time
        if len(_known) > 10_000:
            _known.clear()
        _known[m, shape] = found
    return found


@public()
def reshape(input: Tensor, *shape: Any) -> Tensor:
    """The same elements in another shape; a view where that is possible."""
    v = input._v
    try:
        new, view = _known.get((v.meta, shape)) or _new_shape(v.meta, shape)
    except TypeError:  # a list cannot be looked up
        new, view = _new_shape(v.meta, shape)
    r = record1(mv.RESHAPE, v, new)
    if not view:
        t = wrap(r)
        t._fn_name = "UnsafeViewBackward0"
        return t
    return wrap_view(r, input)


def _view(self: Tensor, *shape: Any) -> Tensor:
    """A view in another shape, or (given a dtype) of the same bytes as that dtype."""
    v = self._v
    try:
        known = _known.get((v.meta, shape))
    except TypeError:  # a list cannot be looked up
        known = None
    if known is None:
        if len(shape) == 1 and isinstance(shape[0], DType):
            return _view_dtype(self, shape[0])
        known = _new_shape(v.meta, shape)
    new, view = known
    if not view:
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one "
            "dimension spans across two contiguous subspaces). Use .reshape(...) instead."
        )
    return wrap_view(record1(mv.RESHAPE, v, new), self)


def _view_dtype(self: Tensor, d: DType) -> Tensor:
    from .creation import from_numpy

    m = self._v.meta
    if m.dtype is d:
        return _view(self, tuple(m.shape))
    if m.dtype.itemsize != d.itemsize and (not m.ndim or m.strides[-1] != 1):
        raise RuntimeError(
            "self.stride(-1) must be 1 to view a tensor as another dtype of a different element "
            "size"
        )
    size = m.shape[-1] * m.dtype.itemsize if m.ndim else m.dtype.itemsize
    if size % d.itemsize:
        raise RuntimeError(
            f"self.size(-1) must be divisible by {d.itemsize // m.dtype.itemsize} to view "
            f"{m.dtype!r} as {d!r} (different element sizes), but got {m.shape[-1]}"
        )
    return from_numpy(self.detach().numpy().view(d.np))


def _view_as(self: Tensor, other: Tensor) -> Tensor:
    """A view in the shape of another tensor."""
    return _view(self, tuple(other._v.meta.shape))


def _reshape_as(self: Tensor, other: Tensor) -> Tensor:
    """The same elements in the shape of another tensor."""
    return reshape(self, tuple(other._v.meta.shape))


Tensor.view, Tensor.view_as, Tensor.reshape_as = _view, _view_as, _reshape_as  # type: ignore[attr-defined]


@public()
def permute(input: Tensor, *dims: Any) -> Tensor:
    """A view with its axes in another order."""
    order = ints(dims)
    n = input.ndim
    if len(order) != n:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the "
            f"length of the desired ordering of dimensions i.e. input.dim() = {n} is not equal to "
            f"len(dims) = {len(order)}"
        )
    order = tuple(normalize_dim(d, n) for d in order)
    if len(set(order)) != n:
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return wrap_view(record1(mv.PERMUTE, input._v, order), input)


@functools.lru_cache(1000, typed=True)
def _exchanged(n: int, dim0: int, dim1: int) -> tuple[int, ...]:
    """The order of n axes with two exchanged."""
    a, b = normalize_dim(dim0, n), normalize_dim(dim1, n)
    order = list(range(n))
    if n:
        order[a], order[b] = order[b], order[a]
    return tuple(order)


@public(aliases=("swapaxes", "swapdims"))
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """A view with two axes exchanged."""
    t = wrap_view(record1(mv.PERMUTE, input._v, _exchanged(input._v.meta.ndim, dim0, dim1)), input)
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
    return permute(self, tuple(range(self.ndim - 1, -1, -1)))


def _matrix_transpose(self: Tensor) -> Tensor:
    if self.ndim < 2:
        raise RuntimeError(
            f"tensor.mT is only supported on matrices or batches of matrices. Got {self.ndim}-D "
            "tensor."
        )
    return transpose(self, -2, -1)


Tensor.T = property(_reversed_axes)  # type: ignore[attr-defined]
Tensor.mT = property(_matrix_transpose)  # type: ignore[attr-defined]
Tensor.H = property(lambda self: _matrix_transpose(self).conj())  # type: ignore[attr-defined]
Tensor.mH = property(lambda self: _matrix_transpose(self).conj())  # type: ignore[attr-defined]


@public(aliases=("moveaxis",))
def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """A view with axes moved to other places."""
    n = input.ndim
    src = [normalize_dim(d, n) for d in ([source] if isinstance(source, int) else source)]
    dst = [
        normalize_dim(d, n)
        for d in ([destination] if isinstance(destination, int) else destination)
    ]
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
    return permute(input, tuple(order))


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
    shift = mv.added_axes(self._v.meta, want)
    full = []
    for k, n in enumerate(want):
        if n == -1:
            if k < shift:
                raise RuntimeError(
                    "The expanded size of the tensor (-1) isn't allowed in a leading, "
                    f"non-existing dimension {k}"
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
        return reshape(input, (1,))
    if a > b:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if a == b:
        return input
    shape = input._v.meta.shape
    size = 1
    for k in shape[a : b + 1]:
        size *= k
    return reshape(input, (*shape[:a], size, *shape[b + 1 :]))


@public()
def ravel(input: Tensor) -> Tensor:
    """One axis."""
    return reshape(input, (-1,)) if input.numel() else reshape(input, (0,))


@public()
def unflatten(input: Tensor, dim: int, sizes: Any) -> Tensor:
    """One axis split into several."""
    k = normalize_dim(dim, input.ndim)
    shape = input._v.meta.shape
    try:
        part = _filled(ints((tuple(sizes),)), shape[k])
    except RuntimeError:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {k} "
            f"({shape[k]}) in the input tensor"
        ) from None
    return reshape(input, (*shape[:k], *part, *shape[k + 1 :]))


# ---------------------------------------------------------------- joining
def _values(tensors: Any, name: str) -> list[Value]:
    if isinstance(tensors, Tensor) or not isinstance(tensors, (list, tuple)):
        raise TypeError(
            f"{name}(): argument 'tensors' must be tuple of Tensors, not {type(tensors).__name__}"
        )
    if not tensors:
        if name == "stack":
            raise RuntimeError("stack expects a non-empty TensorList")
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    for k, t in enumerate(tensors):
        if not isinstance(t, Tensor):
            raise TypeError(f"expected Tensor as element {k} in argument 0, but got {kind_of(t)}")
    return [t._v for t in tensors]


@public(method=False, out=True, aliases=("concat", "concatenate"))
def cat(tensors: Any, dim: int = 0) -> Tensor:
    """Tensors joined along an axis. Empty 1-d tensors are skipped."""
    values = _values(tensors, "cat")
    kept = [v for v in values if v.meta.shape != (0,)] or values[:1]
    for k, v in enumerate(values):
        if v.meta.ndim == 0:
            raise RuntimeError(f"zero-dimensional tensor (at position {k}) cannot be concatenated")
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
        t = t.unsqueeze(0) if t.ndim < 2 else t.unsqueeze(-1)
    return t


@public(method=False)
def hstack(tensors: Any) -> Tensor:
    """Joined along the second axis (the first of vectors)."""
    ts = [_at_least(t, 1) for t in tensors]
    return cat(ts, 0 if ts[0].ndim == 1 else 1)


@public(method=False, aliases=("row_stack",))
def vstack(tensors: Any) -> Tensor:
    """Joined along the first axis, vectors as rows."""
    return cat([_at_least(t, 2) for t in tensors], 0)


@public(method=False)
def dstack(tensors: Any) -> Tensor:
    """Joined along the third axis."""
    return cat([_at_least(t, 3) for t in tensors], 2)


@public(method=False)
def column_stack(tensors: Any) -> Tensor:
    """Vectors as columns, matrices side by side."""
    return cat([t.reshape(-1, 1) if t.ndim < 2 else t for t in tensors], 1)


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
        raise IndexError(
            f"start out of range (expected to be in range of [-{n}, {n}], but got {start})"
        )
    start = start + n if start < 0 else start
    if start + length > n:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({n}).")
    return slice_axis(input, k, start, start + length, 1)


def slice_axis(input: Tensor, k: int, start: int, stop: int, step: int) -> Tensor:
    """A view of the positions start, start + step, ... before stop of axis k."""
    v = input._v
    return wrap_view(part(mv.SLICE, v, _cut(v.meta.shape, k, start, stop, step)), input)


def _cut(shape: tuple[int, ...], k: int, start: int, stop: int, step: int) -> Cut:
    """The attributes of a slice that takes these positions of axis k and all of the others."""
    starts, stops, steps = [0] * len(shape), list(shape), [1] * len(shape)
    starts[k], stops[k], steps[k] = start, stop, step
    return tuple(starts), tuple(stops), tuple(steps)


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
            f"select(): index {index} out of range for tensor of size {list(shape)} at dimension "
            f"{k}"
        )
    return _at(input, k, index + n if index < 0 else index, "SelectBackward0")


def _at(input: Tensor, axis: int, index: int, name: str) -> Tensor:
    """The view of a position of an axis, made by an operation that gradients know by this name."""
    v = input._v
    little = v.buf is not None and copied_when_little(v)
    copy = row(v, axis, index) if little else None
    if copy is not None:
        return taken(input, copy, name)
    cut, shape = _position(v.meta.shape, axis, index)
    t = wrap_view(part(mv.SLICE, v, cut, shape), input)
    t._fn_name = name
    if little:
        note_row(mv.SLICE, v, cut, shape, axis, index)
    return t


@functools.lru_cache(20_000)
def _position(shape: tuple[int, ...], axis: int, index: int) -> tuple[Cut, tuple[int, ...]]:
    """What a position of an axis cuts out, and the shape of the rest."""
    starts, stops = [0] * len(shape), list(shape)
    starts[axis], stops[axis] = index, index + 1
    cut = tuple(starts), tuple(stops), (1,) * len(shape)
    return cut, shape[:axis] + shape[axis + 1 :]


@public()
def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of pieces of one size (the last may be smaller), or of the given sizes."""
    given: int | tuple[int, ...]
    if isinstance(split_size_or_sections, int):
        name, given = "SplitBackward0", int(split_size_or_sections)
    else:
        name, given = "SplitWithSizesBackward0", ints((tuple(split_size_or_sections),))
    out = []
    for cut in _pieces(tensor._v.meta.shape, given, dim):
        piece = wrap_view(part(mv.SLICE, tensor._v, cut), tensor)
        piece._fn_name = name
        out.append(piece)
    return tuple(out)


@functools.lru_cache(1000, typed=True)
def _pieces(shape: tuple[int, ...], given: int | tuple[int, ...], dim: int) -> tuple[Cut, ...]:
    """The slices of pieces of a size, or of these sizes."""
    if not shape:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    k = normalize_dim(dim, len(shape))
    n = shape[k]
    if isinstance(given, int):
        size = given
        if size < 0:
            raise RuntimeError(
                f"split expects split_size be non-negative, but got split_size={size}"
            )
        if size == 0 and n:
            raise RuntimeError(
                f"split_size can only be 0 if dimension size is 0, but got dimension size of {n}"
            )
        sizes = [min(size, n - s) for s in range(0, n, size)] if n else [0]
    else:
        sizes = list(given)
        total = 0
        for s in sizes:
            total += s
        if total != n:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size "
                f"at dimension {k}), but got split_sizes={sizes}"
            )
    out = []
    at = 0
    for s in sizes:
        out.append(_cut(shape, k, at, at + s, 1))
        at += s
    return tuple(out)


public("split_with_sizes")(lambda input, split_sizes, dim=0: split(input, split_sizes, dim))


@public()
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` views of equal size (the last may be smaller)."""
    if chunks < 1:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    n = input._v.meta.shape[normalize_dim(dim, input.ndim)]
    return split(input, max(1, -(-n // chunks)), dim)


@public()
def tensor_split(input: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of nearly equal pieces, or of the pieces between positions."""
    k = normalize_dim(dim, input.ndim)
    n = input._v.meta.shape[k]
    given = (
        indices_or_sections.tolist()
        if isinstance(indices_or_sections, Tensor)
        else indices_or_sections
    )
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


def _split_axis(name: str, axis: int, least: int) -> None:
    def f(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
        if input.ndim < least:
            raise RuntimeError(
                f"torch.{name} requires a tensor with at least {least} "
                f"dimension{'s' if least > 1 else ''}, but got a "
                f"tensor with {input.ndim} dimensions!"
            )
        k = 0 if input.ndim == 1 else axis
        n = indices_or_sections
        if isinstance(n, int) and (n <= 0 or input.shape[k] % n):
            raise RuntimeError(
                f"torch.{name} attempted to split along dimension {k}, but the size of the "
                f"dimension {input.shape[k]} is not divisible by the split_size {n}!"
            )
        return tensor_split(input, n, k)

    f.__name__ = f.__qualname__ = name
    f.__doc__ = f"Views of pieces of axis {axis}: as many as given, or between positions."
    public(name)(f)


for _name, _axis, _least in (("hsplit", 1, 1), ("vsplit", 0, 2), ("dsplit", 2, 3)):
    _split_axis(_name, _axis, _least)
public("unsafe_split")(lambda tensor, split_size, dim=0: split(tensor, split_size, dim))
public("unsafe_split_with_sizes")(lambda input, split_sizes, dim=0: split(input, split_sizes, dim))
public("unsafe_chunk")(lambda input, chunks, dim=0: chunk(input, chunks, dim))
public("adjoint")(lambda input: _matrix_transpose(input) if input.ndim else input)


@public()
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of all positions of an axis, the axis removed."""
    k = normalize_dim(dim, input.ndim)
    if input.ndim == 0:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    return tuple([_at(input, k, i, "UnbindBackward0") for i in range(input._v.meta.shape[k])])
