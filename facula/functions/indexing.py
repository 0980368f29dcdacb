"""Reading and writing by index: slices, integers, None, ellipsis, integer arrays, masks and
mixtures.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import bool_, int64
from ..ops import elementwise as e
from ..ops import index_arrays as ia
from ..ops import indexing as ix
from ..ops import movement as mv
from ..ops.record import normalize_dim
from ..tensor import Tensor, from_array, taken, wrap, wrap_view
from ..tensor_parts import copied_when_little, note_row, part, row
from ..tensor_sharing import write
from ..trace.recorder import record, record1, record2, state
from ..trace.replay import array_of
from ..trace.values import Meta, Value
from . import masks
from .array_data import to_numpy
from .assignment import assign, assign_part
from .index_checks import check_along, check_arrays, check_copied, check_reduced
from .index_parsing import Parsed, normal
from .memory_writes import write_memory, write_rows
from .pointwise import kind_of, value_of
from .registry import public

# (facts, index) -> (what to slice or None, the shape, the name of the gradient): indices seen
# before.
_basics: dict[Any, tuple[Any, tuple[int, ...], str]] = {}
_places: dict[Any, Meta] = {}  # (facts, index) -> the facts of the view: indices written before


def _remembered(key: Any, steps: Any) -> Any:
    """The steps, which are kept under the key if there is one."""
    if key is not None:
        if len(_basics) > 10_000:
            _basics.clear()
            _places.clear()
        _basics[key] = steps
    return steps


def _basic(t: Tensor, p: Parsed) -> Tensor:
    """The view of the basic part."""
    return _view_of(t, *_steps(t._v.meta.shape, p))


def _steps(shape: tuple[int, ...], p: Parsed) -> tuple[Any, tuple[int, ...], str]:
    whole = all(
        a == 0 and b == n and s == 1
        for a, b, s, n in zip(p.starts, p.stops, p.steps, shape, strict=True)
    )
    cut = None if whole else (tuple(p.starts), tuple(p.stops), tuple(p.steps))
    return cut, tuple(p.shape), p.last


def _view_of(t: Tensor, cut: Any, new: tuple[int, ...], name: str) -> Tensor:
    v = t._v
    v = record1(mv.RESHAPE, v, new) if cut is None else part(mv.SLICE, v, cut, new)
    r = wrap_view(v, t)
    r._fn_name = name
    return r


def _key(m: Any, index: Any) -> Any:
    """What an index of positions, slices and new axes is looked up by; None for others."""
    out = [m]
    for x in index if type(index) is tuple else (index,):
        kind = type(x)
        if kind is int:
            out.append(x)
        elif kind is slice:
            a, b, c = x.start, x.stop, x.step
            for n in (a, b, c):
                if n is not None and type(n) is not int:
                    return None
            out.append((a, b, c))
        elif x is None or x is Ellipsis:
            out.append(x)
        else:
            return None
    return tuple(out)


def _getitem(self: Tensor, index: Any) -> Tensor:
    v = self._v
    if v.buf is None or not copied_when_little(v):
        return _part_at(self, index)
    kind = type(index)
    if kind is tuple:
        for i in index:
            if type(i) is not int:
                return _part_at(self, index)
    elif kind is not int:
        return _part_at(self, index)
    copy = row(v, 0, index)
    if copy is not None:
        return taken(self, copy, "SelectBackward0")
    r = _part_at(self, index)
    steps = _basics.get(_key(v.meta, index))  # gone where another thread has just cleared them
    if steps is not None:
        note_row(mv.SLICE, v, *steps[:2], 0, index)
    return r


def _part_at(self: Tensor, index: Any) -> Tensor:
    m = self._v.meta
    key = _key(m, index)
    known = _basics.get(key) if key is not None else None
    if known is not None:
        return _view_of(self, *known)
    if key is None and isinstance(index, Tensor) and not m.requires_grad and m.ndim:
        mask = index._v.meta
        if mask.dtype is bool_ and mask.shape == m.shape:
            # the size ends the recorded stretch anyway, and nothing asks where elements came from
            chosen = index._array()
            return from_array(masks.selected(self._array(), chosen), m.dtype)
    if key is None:
        places = _places_alone(index, m.ndim)
        if places is not None:
            return wrap(_index(self._v, places))
    p = Parsed(m.shape, normal(index))
    if all(a is None for a in p.arrays):
        return _view_of(self, *_remembered(key, _steps(m.shape, p)))
    base = self if p.whole else _basic(self, p)
    return wrap(_index(base._v, p.arrays))


def _places_alone(index: Any, ndim: int) -> list[Value | None] | None:
    """The arrays on the axes, where the index is nothing but tensors of positions on the first."""
    items = index if type(index) is tuple else (index,)
    if len(items) > ndim:
        return None
    found: list[Value | None] = []
    for x in items:
        if type(x) is not Tensor:
            return None
        v = x._v
        if v.meta.dtype is not int64 or not v.meta.ndim:
            return None
        found.append(v)
    found += [None] * (ndim - len(found))
    return found


def _index(v: Value, arrays: list[Value | None]) -> Value:
    check_arrays(v.meta.shape, arrays)
    used = tuple(a is not None for a in arrays)
    return record(ia.INDEX, (v, *[a for a in arrays if a is not None]), used)


def _setitem(self: Tensor, index: Any, value: Any) -> None:
    if write_memory(self, index, value):
        return
    new = value_of(_as_value(value, self), "__setitem__", "value")
    key = _key(self._v.meta, index)
    place = _places.get(key) if key is not None else None
    if place is not None and assign_part(self, place, value, new):
        return
    known = _basics.get(key) if key is not None else None
    if known is not None:
        target = _view_of(self, *known)
        _places[key] = target._v.meta
        assign(target, new)
        return
    items = normal(index)
    if (
        len(items) == 1
        and isinstance(items[0], Tensor)
        and items[0].dtype is bool_
        and not _is_array(new)
    ):
        mask = items[0]
        if mask._v.meta.shape == self._v.meta.shape:
            self._write(record(e.WHERE, (mask._v, _number(new, self), self._v)))
            if self._base is None:
                self._fn_name = "IndexPutBackward0"
            return
    p = Parsed(self._v.meta.shape, items)
    if all(a is None for a in p.arrays):
        assign(_view_of(self, *_remembered(key, _steps(self._v.meta.shape, p))), new)
        return
    target = self if p.whole else _basic(self, p)
    used = tuple(a is not None for a in p.arrays)
    if not isinstance(new, Value):
        new = from_array(np.asarray(new, self.dtype.np), self.dtype)._v
    elif new.meta.dtype is not self.dtype:
        if self.dtype.category < new.meta.dtype.category:
            new = e.cast(new, self.dtype)
        else:
            raise RuntimeError(
                "Index put requires the source and destination dtypes match, got "
                f"{_name(self.dtype)} for the destination and {_name(new.meta.dtype)} for the "
                "source."
            )
    indices = [a for a in p.arrays if a is not None]
    check_arrays(target._v.meta.shape, p.arrays)
    if p.whole and write_rows(self, p.arrays, new):
        return
    written = record(ia.INDEX_PUT, (target._v, new, *indices), used)
    target._write(written)


def _name(d: Any) -> str:
    from ..dtypes import type_name

    return type_name(d)


def _is_array(new: Any) -> bool:
    return isinstance(new, Value) and new.meta.ndim > 0


def _number(new: Any, t: Tensor) -> Any:
    return (
        e.cast(new, t.dtype)
        if isinstance(new, Value)
        else t.dtype.np.type(new).item()
        if t.dtype.name != "bfloat16"
        else float(new)
    )


def _as_value(value: Any, like: Tensor) -> Any:
    if isinstance(value, (np.ndarray, list, tuple)):
        if isinstance(value, (list, tuple)):
            raise TypeError(
                f"can't assign a {type(value).__name__} to a torch.{_name(like.dtype)}Tensor"
            )
        return from_array(to_numpy(value))
    return value


Tensor.__getitem__ = _getitem
Tensor.__setitem__ = _setitem


# ---------------------------------------------------------------- filling and copying in place
def _copy(self: Tensor, src: Tensor, non_blocking: bool = False) -> Tensor:
    """Copies another tensor's elements into this one, broadcast and converted."""
    if not isinstance(src, Tensor):
        raise TypeError(f"copy_(): argument 'other' must be Tensor, not {type(src).__name__}")
    v, m = src._v, self._v.meta
    if not state.tr.grad and self._base is None and (m.leaf or not m.requires_grad):
        if v.buf is not None and v.pin is None and self._v.buf is not None:
            return self._fill_memory(_reader(src, m.shape))
    elif v.meta is m and not m.requires_grad:
        return write(self, record1(e.CLONE, v))
    v = e.cast(v, m.dtype)
    if v.meta.shape != m.shape:
        broadcast_error(m.shape, v.meta.shape)
        v = record1(mv.EXPAND, v, m.shape)
    if v is src._v:
        v = record1(e.CLONE, v)
    self._write(v)
    if self._base is None and v.meta.requires_grad:
        self._fn_name = "torch::autograd::CopyBackwards"
    return self


def broadcast_error(shape: tuple[int, ...], given: tuple[int, ...]) -> None:
    """Raises RuntimeError with PyTorch's text if `given` cannot be broadcast to `shape`."""
    shift = len(shape) - len(given)
    if shift < 0:
        raise RuntimeError(
            f"output with shape {list(shape)} doesn't match the broadcast shape "
            f"{[*given[:-shift], *shape]}"
        )
    for k in range(len(given) - 1, -1, -1):
        if given[k] not in (1, shape[k + shift]):
            raise RuntimeError(
                f"The size of tensor a ({shape[k + shift]}) must match the size of tensor b "
                f"({given[k]}) at non-singleton dimension {k + shift}"
            )


def _reader(src: Tensor, shape: tuple[int, ...]) -> np.ndarray:
    a = src._array()
    if a.shape != shape:
        broadcast_error(shape, a.shape)
        a = np.broadcast_to(a, shape)
    return np.array(a, copy=True)


def _fill(self: Tensor, value: Any) -> Tensor:
    """Sets every element to one value."""
    m = self._v.meta
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(
                f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} "
                "dimensions."
            )
        return write(self, record1(mv.EXPAND, e.cast(value._v, m.dtype), m.shape), True)
    return write(self, record(ix.FILL, (value,), (m.shape, m.dtype.name)), True)


def _zero(self: Tensor) -> Tensor:
    """Sets every element to 0."""
    m = self._v.meta
    return write(self, record(ix.FILL, (0,), (m.shape, m.dtype.name)), True)


Tensor.copy_, Tensor.fill_, Tensor.zero_ = _copy, _fill, _zero  # type: ignore[attr-defined]


# ---------------------------------------------------------------- functions
@public()
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """Slices along an axis in the order of `index`."""
    if index.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    if not index.dtype.is_integral:
        raise RuntimeError("index_select(): Expected dtype int32 or int64 for index")
    k = normalize_dim(dim, input.ndim)
    i = mv.reshape(e.cast(index._v, int64), (index.numel(),))
    v = input._v
    if v.meta.ndim and ix.out_of_range(index._v, 0, v.meta.shape[k]):
        raise IndexError("index out of range in self")
    if v.meta.ndim == 0:
        return input.clone()
    return wrap(record2(ix.TAKE, v, i, (k,)))


@public()
def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """out[i][j] = input[index[i][j]][j] for dim 0, and so on."""
    if index.dtype is not int64 and not index.dtype.is_integral:
        raise RuntimeError("gather(): Expected dtype int32/int64 for index")
    k = normalize_dim(dim, input.ndim)
    if input.ndim:
        check_along("gather", index, input._v.meta.shape[k], k)
    return wrap(record2(ix.GATHER, input._v, e.cast(index._v, int64), (k,)))


@public()
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """gather with broadcasting of the other axes."""
    if dim is None:
        return gather(input.reshape(-1), 0, indices.reshape(-1))
    from .shape import broadcast_shapes

    k = normalize_dim(dim, input.ndim)
    a, b = list(input.shape), list(indices.shape)
    a[k] = b[k] = 1
    common = list(broadcast_shapes(tuple(a), tuple(b)))
    first, second = list(common), list(common)
    first[k], second[k] = input.shape[k], indices.shape[k]
    return gather(input.expand(first), k, indices.expand(second))


def _scatter_call(name: str, op: Any) -> Any:
    def f(
        input: Tensor,
        dim: int,
        index: Tensor,
        src: Any = None,
        *,
        value: Any = None,
        reduce: str | None = None,
    ) -> Tensor:
        source = src if src is not None else value
        k = normalize_dim(dim, input.ndim)
        i = e.cast(index._v, int64)
        if not index.dtype.is_integral:
            raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")
        if input.ndim:
            check_along(name, index, input._v.meta.shape[k], k)
        if isinstance(source, Tensor):
            if source.dtype is not input.dtype:
                raise RuntimeError(f"{name}(): Expected self.dtype to be equal to src.dtype")
            s: Any = source._v
        else:
            s = source
        if reduce is not None:
            how = {"add": "sum", "multiply": "prod"}.get(reduce)
            if how is None:
                raise RuntimeError("reduce argument must be either add or multiply.")
            return wrap(record(ix.SCATTER_REDUCE, (input._v, i, s), (k, how, True)))
        return wrap(record(op, (input._v, i, s), (k,)))

    f.__name__ = f.__qualname__ = name
    f.__doc__ = "Writes (adds) src into a copy at the places that index names along an axis."
    return public(name, inplace=True, out=True)(f)


scatter = _scatter_call("scatter", ix.SCATTER)
scatter_add = _scatter_call("scatter_add", ix.SCATTER_ADD)


@public(inplace=True)
def scatter_reduce(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """Reduces src into the places that index names: sum, prod, mean, amax or amin."""
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise RuntimeError(
            f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}"
        )
    k = normalize_dim(dim, input.ndim)
    i = e.cast(index._v, int64)
    source = src._v
    if source.meta.shape != i.meta.shape:
        _check_scatter(i.meta.shape, source.meta.shape)
        n = source.meta.ndim
        source = mv.slice_(source, (0,) * n, i.meta.shape, (1,) * n)
    if reduce == "sum":
        base = input._v if include_self else record(ix.SCATTER, (input._v, i, 0), (k,))
        return wrap(record(ix.SCATTER_ADD, (base, i, source), (k,)))
    return wrap(record(ix.SCATTER_REDUCE, (input._v, i, source), (k, reduce, include_self)))


def _check_scatter(index: tuple[int, ...], src: tuple[int, ...]) -> None:
    if len(index) != len(src):
        raise RuntimeError("Index tensor must have the same number of dimensions as src tensor")
    if any(a > b for a, b in zip(index, src, strict=True)):
        raise RuntimeError(
            f"Expected index {list(index)} to be no larger than src {list(src)} in every dimension"
        )


def _along_axis(input: Tensor, k: int, index: Tensor, source: Tensor) -> tuple[Any, Any]:
    if input.ndim:
        check_along("index", index, input._v.meta.shape[k], k)
    shape = (1,) * k + (index.numel(),) + (1,) * (input.ndim - k - 1)
    i = mv.expand(mv.reshape(e.cast(index._v, int64), shape), source._v.meta.shape)
    return i, source._v


@public(inplace=True)
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Tensor:
    """Adds slices of source to the slices that index names."""
    k = normalize_dim(dim, input.ndim)
    check_reduced("index_add", input, k, index, source)
    i, s = _along_axis(input, k, index, source)
    if alpha != 1:
        s = record2(e.MUL, s, alpha)
    return wrap(record(ix.SCATTER_ADD, (input._v, i, s), (k,)))


@public(inplace=True)
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """Copies slices of source to the slices that index names."""
    k = normalize_dim(dim, input.ndim)
    check_copied(input, k, index, source)
    i, s = _along_axis(input, k, index, source)
    return wrap(record(ix.SCATTER, (input._v, i, s), (k,)))


@public(inplace=True)
def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """Fills the slices that index names."""
    k = normalize_dim(dim, input.ndim)
    full = tuple(index.numel() if a == k else n for a, n in enumerate(input.shape))
    source = input.new_full(full, value.item() if isinstance(value, Tensor) else value)
    return index_copy(input, k, index, source)


@public(inplace=True)
def index_put(input: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """Writes (or adds) values at positions given by one index tensor per axis."""
    items = []
    for k, x in enumerate(indices):
        if not isinstance(x, Tensor):
            given = kind_of(x)
            raise TypeError(f"expected Tensor as element {k} in argument 0, but got {given}")
        # a position without axes is an array here, not the part that `input[x]` views
        items.append(x if x.ndim or x.dtype is bool_ else x.reshape(1))
    p = Parsed(input._v.meta.shape, normal(tuple(items)))
    used = tuple(a is not None for a in p.arrays)
    op = ia.INDEX_PUT_ADD if accumulate else ia.INDEX_PUT
    r = record(op, (input._v, values._v, *[a for a in p.arrays if a is not None]), used)
    return wrap(r)


@public()
def take(input: Tensor, index: Tensor) -> Tensor:
    """Elements of the flattened tensor."""
    n = input.numel()
    flat = mv.reshape(input._v, (n,))
    if ix.out_of_range(index._v, -n, n):
        bad = next(i for i in array_of(index._v).reshape(-1).tolist() if not -n <= i < n)
        raise IndexError(f"out of range: tried to access index {bad} on a tensor of {n} elements.")
    t = wrap(record2(ix.TAKE, flat, e.cast(index._v, int64), (0,)))
    t._fn_name = "TakeBackward0"
    return t


@public(inplace=True)
def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """Elements of the flattened tensor replaced (or added to)."""
    if source.dtype is not input.dtype:
        raise RuntimeError("put_(): self and source expected to have the same dtype")
    if index.numel() != source.numel():
        raise RuntimeError(
            "put_(): Expected source and index to have the same number of elements, but got "
            f"source.numel() = {source.numel()}, index.numel() = {index.numel()}"
        )
    flat = mv.reshape(input._v, (input.numel(),))
    i = mv.reshape(e.cast(index._v, int64), (index.numel(),))
    op = ia.INDEX_PUT_ADD if accumulate else ia.INDEX_PUT
    r = record(op, (flat, mv.reshape(source._v, (source.numel(),)), i), (True,))
    return wrap(mv.reshape(r, input._v.meta.shape))


@public(inplace=True)
def index_reduce(
    input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *,
    include_self: bool = True
) -> Tensor:  # fmt: skip
    """Reduces slices of source into the slices that index names: prod, mean, amax or amin."""
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(
            "index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got "
            f"{reduce}."
        )
    k = normalize_dim(dim, input.ndim)
    check_reduced("index_reduce", input, k, index, source)
    i, s = _along_axis(input, k, index, source)
    return wrap(record(ix.SCATTER_REDUCE, (input._v, i, s), (k, reduce, include_self)))


@public()
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where the mask is True, in one axis."""
    if mask.dtype is not bool_:
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    from .shape import broadcast_tensors

    a, m = broadcast_tensors(input, mask)
    r = _getitem(a, m)
    r._fn_name = "MaskedSelectBackward0"
    return r


@public(inplace=True)
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """The elements of source, in order, where the mask is True."""
    m = np.broadcast_to(mask._array(), tuple(input.shape))
    count = int(m.sum())
    if source.numel() < count:
        raise RuntimeError(
            "masked_scatter: expected self and source to have same dtypes but source has "
            f"{source.numel()} elements, "
            f"{count} are needed"
        )
    out = input.clone()
    out[from_array(np.asarray(m, order="C"))] = source.reshape(-1)[:count]
    out._fn_name = "MaskedScatterBackward0"
    return out
