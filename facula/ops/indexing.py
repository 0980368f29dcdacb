"""Indexing primitives. Indices are int64 and not negative by the time an op is recorded, except
where the op says that it wraps them; an index out of range raises IndexError when the op runs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import int64
from ..runtime.memory import Piece
from ..trace.recorder import record, record2, record_many
from ..trace.replay import array_of
from ..trace.values import Value, meta
from .elementwise import EQ, MAXIMUM, add, cast, div, mul, sub
from .record import Example, Op, Operand, convert
from .reduce import SCAN_SHAPES, scan_example


def _check(index: np.ndarray, size: int, axis: int | None = None) -> None:
    if index.size:
        low, high = int(index.min()), int(index.max())
        if low < -size or high >= size:
            bad = low if low < -size else high
            where = f" dimension {axis}" if axis is not None else " dimension 0"
            raise IndexError(f"index {bad} is out of bounds for{where} with size {size}")


SOON = 64  # the largest index tensor that is checked at the call
# Where it is a list, it gets what was checked: (index, low, high).
bounds_noted: list[tuple[Value, int, int]] | None = None


def out_of_range(index: Value, low: int, high: int) -> bool:
    """Whether a small index tensor in memory has an element outside [low, high).

    An index out of range is an error when the trace ends, at the latest. Where looking costs
    next to nothing, the error comes at the call that is wrong, as in PyTorch.
    """
    buffer = index.buf
    if buffer is None or not 0 < index.meta.numel <= SOON:
        return False
    if bounds_noted is not None:
        bounds_noted.append((index, low, high))
    if type(buffer) is Piece and buffer.low is not None and buffer.high is not None:
        if low <= buffer.low and buffer.high < high:
            return False
    a = array_of(index)
    items = a.tolist() if a.ndim == 1 else a.reshape(-1).tolist()
    return min(items) < low or max(items) >= high


# ---------------------------------------------------------------- take: whole slices along one axis
def _take_rule(metas: Any, attrs: Any) -> Any:
    a, i = metas
    axis = attrs[0]
    return (meta(a.shape[:axis] + i.shape + a.shape[axis + 1 :], a.dtype),)


def _take_reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    a, i = arrays
    _check(i, a.shape[attrs[0]], attrs[0])
    return np.take(a, i, axis=attrs[0])


def _wrapped(b: Any, index: int, size: int) -> int:
    """Negative indices moved up by the size."""
    shape, d = b.graph.shapes[index], int64
    index = b.cast(index, d)
    zero, count = b.constant(0, d, shape), b.constant(size, d, shape)
    low = b.add("lt", (index, zero), shape, _bool(), host=np.less)
    moved = b.add("add", (index, count), shape, d, host=np.add)
    return int(b.add("where", (low, moved, index), shape, d, host=np.where))


def _bool() -> Any:
    from ..dtypes import bool_

    return bool_


def _take_lower(b: Any, ins: list[int], node: Any) -> list[int]:
    axis = node.attrs[0]
    size = b.graph.shapes[ins[0]][axis]
    i = _wrapped(b, ins[1], size)
    attrs, metas = node.attrs, node.metas
    return [
        b.add("take", (ins[0], i), node.meta.shape, node.meta.dtype, (axis,),
              host=lambda a, k: _take_reference((a, k), attrs, metas))
    ]  # fmt: skip


def _take_gradient(n: Any, g: Value) -> Any:
    m = n.meta(0)
    return (record(TAKE_ADD, (g, n.i(1)), (n.attrs[0], m.shape)), None)


TAKE = Op(
    "take",
    "indexing",
    _take_rule,
    _take_reference,
    _take_gradient,
    _take_lower,
    "IndexSelectBackward0",
    example=Example(
        (((5, 3), Operand((4,), "index", 5)), (0,)),
        (((5, 3), Operand((2, 2), "index", 3)), (1,)),
        (((5,), Operand((), "index", 5)), (0,)),
        (((2, 4, 3), Operand((0,), "index", 4)), (1,)),
        (((301, 25), Operand((400,), "index", 301)), (0,)),
    ),
)


def _take_add_reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    g, i = arrays
    axis, shape = attrs
    rest = int(np.prod(shape[axis + 1 :], dtype=np.int64))
    lead = int(np.prod(shape[:axis], dtype=np.int64))
    out = np.zeros((lead, shape[axis], rest), g.dtype)
    _check(i, shape[axis], axis)
    place: Any = (slice(None), i.reshape(-1))  # NumPy's annotation knows no slices here
    np.add.at(out, place, g.reshape(lead, i.size, rest))
    return out.reshape(shape)


def _take_add_lower(b: Any, ins: list[int], node: Any) -> list[int] | None:
    """As scatter_add along the axis of the flattened gradient."""
    axis, shape = node.attrs
    g, i = ins
    lead, rest = shape[:axis], shape[axis + 1 :]
    count = 1
    for n in b.graph.shapes[i]:
        count *= n
    i = b.reshape(_wrapped(b, i, shape[axis]), (1,) * len(lead) + (count,) + (1,) * len(rest))
    full = (*lead, count, *rest)
    g, i = b.reshape(g, full), b.expand(i, full)
    base = b.constant(0, node.meta.dtype, shape)
    return [
        b.add("scatter_add", (base, i, g), shape, node.meta.dtype, (axis,),
              host=lambda base, i, g: _scatter_add_reference((base, i, g), (axis,), None))
    ]  # fmt: skip


# The gradient of take: slices added into zeros. attrs: (axis, shape)
TAKE_ADD = Op(
    "take_add",
    "indexing",
    lambda metas, attrs: (meta(attrs[1], metas[0].dtype),),
    _take_add_reference,
    lambda n, g: (record(TAKE, (g, n.i(1)), (n.attrs[0],)), None),
    _take_add_lower,
    "IndexSelectBackward0",
    example=Example(
        (((4, 3), Operand((4,), "index", 5)), (0, (5, 3))),
        (((5, 2, 2), Operand((2, 2), "index", 3)), (1, (5, 3))),
        (((2, 0, 3), Operand((0,), "index", 4)), (1, (2, 4, 3))),
        (((400, 25), Operand((400,), "index", 301)), (0, (301, 25))),
        dtypes="ifc",
        tolerance=64.0,
    ),
)


# ---------------------------------------------------------------- gather and scatter along one axis
def _gather_rule(metas: Any, attrs: Any) -> Any:
    a, i = metas
    axis = attrs[0]
    if a.ndim != i.ndim:
        raise RuntimeError("Index tensor must have the same number of dimensions as input tensor")
    for k in range(a.ndim):
        if k != axis and i.shape[k] > a.shape[k]:
            raise RuntimeError(
                f"Size does not match at dimension {k} expected index {list(i.shape)} to be no "
                f"larger than self {list(a.shape)} apart from dimension {axis}"
            )
    return (meta(i.shape, a.dtype),)


def _grid(i: np.ndarray, axis: int) -> tuple[np.ndarray, ...]:
    grid = list(np.ogrid[tuple(slice(n) for n in i.shape)])
    if i.ndim:
        grid[axis] = i
    return tuple(grid)


def _check_gather(i: np.ndarray, size: int, axis: int) -> None:
    if i.size and (int(i.min()) < 0 or int(i.max()) >= size):
        bad = int(i.min()) if int(i.min()) < 0 else int(i.max())
        raise RuntimeError(f"index {bad} is out of bounds for dimension {axis} with size {size}")


def _gather_reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    a, i = arrays
    if a.ndim == 0:
        return np.array(a)
    _check_gather(i, a.shape[attrs[0]], attrs[0])
    return a[_grid(i, attrs[0])]


def _gather_lower(b: Any, ins: list[int], node: Any) -> list[int] | None:
    if not node.meta.shape:
        return None
    attrs, metas = node.attrs, node.metas
    return [
        b.add("gather", (ins[0], b.cast(ins[1], int64)), node.meta.shape, node.meta.dtype, attrs,
              host=lambda a, i: _gather_reference((a, i), attrs, metas))
    ]  # fmt: skip


def _gather_gradient(n: Any, g: Value) -> Any:
    return (record(SCATTER_ADD, (zeros(n.meta(0).shape, g), n.i(1), g), n.attrs), None)


def zeros(shape: Any, like: Value) -> Value:
    """A recorded tensor of zeros of the dtype of `like`."""
    return record(FILL, (0.0,), (shape, like.meta.dtype.name))


GATHER = Op(
    "gather", "indexing", _gather_rule, _gather_reference, _gather_gradient, _gather_lower,
    example=Example(
        (((5, 3), Operand((4, 3), "index", 5)), (0,)),
        (((5, 3), Operand((4, 2), "index", 3)), (1,)), (((), Operand((), "index", 1)), (0,)),
        (((5,), Operand((0,), "index", 5)), (0,)),
        (((301, 250), Operand((301, 1), "index", 250)), (1,)),
    ),
)  # fmt: skip


def _scatter_rule(metas: Any, attrs: Any) -> Any:
    base, i, src = metas
    axis = attrs[0]
    if base.ndim != i.ndim:
        raise RuntimeError("Index tensor must have the same number of dimensions as self tensor")
    for k in range(i.ndim):
        if (k != axis and i.shape[k] > base.shape[k]) or (
            not src.wrapped and src.ndim and i.shape[k] > src.shape[k]
        ):
            raise RuntimeError(
                f"Expected index {list(i.shape)} to be no larger than self {list(base.shape)} "
                f"apart from dimension {axis} and to be no larger size than src {list(src.shape)}"
            )
    return (meta(base.shape, base.dtype),)


def _source(src: Any, i: np.ndarray, d: Any) -> np.ndarray:
    s = convert(np.asarray(src), d)
    return s[tuple(slice(n) for n in i.shape)] if s.ndim else np.broadcast_to(s, i.shape)


def _dt(a: np.ndarray) -> Any:
    from ..dtypes import from_numpy_dtype

    return from_numpy_dtype(a.dtype)


def _scatter_reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    base, i, src = arrays
    out = np.array(base, copy=True)
    if out.ndim == 0:
        return _source(src, i, _dt(base)).reshape(())
    _check_gather(i, base.shape[attrs[0]], attrs[0])
    out[_grid(i, attrs[0])] = _source(src, i, _dt(base))
    return out


def _scatter_add_reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    base, i, src = arrays
    out = np.array(base, copy=True)
    if out.ndim == 0:
        return out + _source(src, i, _dt(base)).reshape(())
    _check_gather(i, base.shape[attrs[0]], attrs[0])
    np.add.at(out, _grid(i, attrs[0]), _source(src, i, _dt(base)))
    return out


def _scatter_gradient(n: Any, g: Value) -> Any:
    first = None
    if n.needs[0]:
        hole = mul(record(GATHER, (g, n.i(1)), n.attrs), 0.0)
        first = record(SCATTER, (g, n.i(1), hole), n.attrs)
    second = _source_gradient(n, g) if n.needs[2] else None
    return (first, None, second)


def _source_gradient(n: Any, g: Value) -> Value:
    r = record(GATHER, (g, n.i(1)), n.attrs)
    m, have = n.meta(2), r.meta.shape
    if m.ndim and m.shape != have:
        from .movement import pad

        r = pad(r, (0,) * m.ndim, tuple(a - b for a, b in zip(m.shape, have, strict=True)))
    return r


# attrs: (axis,); duplicates: the last one wins, as in NumPy
SCATTER = Op(
    "scatter",
    "indexing",
    _scatter_rule,
    _scatter_reference,
    _scatter_gradient,
    example=Example(
        (((5, 3), Operand((4, 3), "distinct", 5), (4, 3)), (0,)),
        (((5, 3), Operand((4, 2), "distinct", 3, 1), (5, 3)), (1,)),
        (((5,), Operand((0,), "distinct", 5), (0,)), (0,)),
        (((), Operand((), "index", 1), ()), (0,)),
        (((5, 3), Operand((4, 3), "distinct", 5), Operand((), "number")), (0,)),
        (((301, 250), Operand((301, 1), "distinct", 250, 1), (301, 1)), (1,)),
    ),
)


def _scatter_add_lower(b: Any, ins: list[int], node: Any) -> list[int] | None:
    base, i, src = ins
    if not node.meta.shape or b.graph.shapes[src] != b.graph.shapes[i]:
        return None
    attrs = node.attrs
    return [
        b.add("scatter_add", (base, b.cast(i, int64), b.cast(src, node.meta.dtype)),
            node.meta.shape,
              node.meta.dtype, attrs, host=lambda *a: _scatter_add_reference(a, attrs, None))
    ]  # fmt: skip


SCATTER_ADD = Op(
    "scatter_add",
    "indexing",
    _scatter_rule,
    _scatter_add_reference,
    lambda n, g: (g, None, _source_gradient(n, g) if n.needs[2] else None),
    _scatter_add_lower,
    example=Example(
        (((5, 3), Operand((4, 3), "index", 5), (4, 3)), (0,)),
        (((5, 3), Operand((4, 2), "index", 3), (5, 3)), (1,)),
        (((5,), Operand((0,), "index", 5), (0,)), (0,)),
        (((), Operand((), "index", 1), ()), (0,)),
        (((5, 3), Operand((4, 3), "index", 5), Operand((), "number")), (0,)),
        (((301, 250), Operand((301, 9), "index", 250), (301, 9)), (1,)),
        dtypes="ifc",
        tolerance=64.0,
    ),
)


def _scatter_reduce_reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    base, i, src = arrays
    axis, how, include = attrs
    out = np.array(base, copy=True)
    grid = _grid(i, axis)
    s = _source(src, i, _dt(base))
    count = np.zeros(out.shape, np.int64)
    np.add.at(count, grid, 1)
    start: Any = {"sum": 0, "mean": 0, "prod": 1}.get(how)
    if start is None:
        start = -np.inf if how == "amax" else np.inf
        if out.dtype.kind in "iu":
            info = np.iinfo(out.dtype)
            start = info.min if how == "amax" else info.max
    if not include:
        out[count > 0] = start
    function = {
        "sum": np.add,
        "mean": np.add,
        "prod": np.multiply,
        "amax": np.maximum,
        "amin": np.minimum,
    }[how]
    function.at(out, grid, s)
    if how == "mean":
        n = count + (1 if include else 0)
        n[n == 0] = 1
        out = (out // n if out.dtype.kind in "iu" else out / n).astype(out.dtype)
    return out


def _scatter_reduce_gradient(n: Any, g: Value) -> Any:
    """Shares of the result's gradient for what was there and for what came in."""
    axis, how, include = n.attrs
    base, i, src, out = n.i(0), n.i(1), n.i(2), n.o()
    d = g.meta.dtype
    at = (axis,)

    def gathered(v: Value) -> Value:
        return record(GATHER, (v, i), at)

    touched = record(SCATTER, (mul(base, 0.0), i, 1.0), at)
    stays = None if include else sub(1.0, touched)  # where nothing came in, the base is kept
    if how == "mean":
        count = record(SCATTER_ADD, (mul(base, 0.0), i, add(mul(src, 0.0), 1.0)), at)
        count = add(count, 1.0) if include else record2(MAXIMUM, count, 1.0)
        share = div(g, count)
        return (share if stays is None else mul(share, stays), None, gathered(share))
    if how == "sum":
        return (g if stays is None else mul(g, stays), None, gathered(g))
    if how == "prod":
        whole = mul(g, out)
        own = div(whole, base) if stays is None else mul(g, stays)
        return (own, None, div(gathered(whole), src))
    own = cast(record2(EQ, base, out), d)
    if stays is not None:
        own = mul(own, stays)
    came = cast(record2(EQ, src, gathered(out)), d)
    ties = record(SCATTER_ADD, (own, i, came), at)
    share = div(g, record2(MAXIMUM, ties, 1.0))
    return (mul(own, share), None, mul(came, gathered(share)))


# attrs: (axis, one of sum mean prod amax amin, include_self)
SCATTER_REDUCE = Op(
    "scatter_reduce",
    "indexing",
    _scatter_rule,
    _scatter_reduce_reference,
    _scatter_reduce_gradient,
    example=Example(
        *(
            (((5, 3), Operand((4, 3), "index", 5), (4, 3)), (0, how, include))
            for how in ("sum", "mean", "prod", "amax", "amin")
            for include in (True, False)
        ),
        dtypes="if",
    ),
)


# ---------------------------------------------------------------- general indexing by arrays
def _index_rule(metas: Any, attrs: Any) -> Any:
    """attrs: for each axis of the operand True (an index array is given for it) or False."""
    a, idx = metas[0], metas[1:]
    from .record import check_broadcast

    try:
        shape = check_broadcast(idx)
    except RuntimeError:
        raise IndexError(
            "shape mismatch: indexing tensors could not be broadcast together with shapes "
            + ", ".join(str(list(m.shape)) for m in idx)
        ) from None
    places = [k for k, used in enumerate(attrs) if used]
    adjacent = places == list(range(places[0], places[-1] + 1))
    rest_before = a.shape[: places[0]] if adjacent else ()
    if adjacent:
        out = rest_before + shape + a.shape[places[-1] + 1 :]
    else:
        out = shape + tuple(n for k, n in enumerate(a.shape) if k not in places)
    return (meta(out, a.dtype),)


def _full_index(attrs: Any, idx: Any, shape: Any) -> tuple[Any, ...]:
    it = iter(idx)
    full: list[Any] = []
    for k, used in enumerate(attrs):
        if used:
            i = next(it)
            _check(i, shape[k], k)
            full.append(i)
        else:
            full.append(slice(None))
    return tuple(full)


def _index_reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    a, *idx = arrays
    return a[_full_index(attrs, idx, a.shape)]


def _index_lower(b: Any, ins: list[int], node: Any) -> list[int] | None:
    places = [k for k, used in enumerate(node.attrs) if used]
    if len(places) != 1:
        return None
    axis = places[0]
    a = b.graph.shapes[ins[0]]
    i = _wrapped(b, ins[1], a[axis])
    attrs = (axis,)
    return [
        b.add("take", (ins[0], i), node.meta.shape, node.meta.dtype, attrs,
              host=lambda x, k: _take_reference((x, k), attrs, None))
    ]  # fmt: skip


def _index_gradient(n: Any, g: Value) -> Any:
    idx = tuple(n.i(k) for k in range(1, n.count))
    return (
        record(INDEX_PUT_ADD, (zeros(n.meta(0).shape, g), g, *idx), n.attrs),
        *(None,) * len(idx),
    )


def _example(put: bool, dtypes: str = "bifc") -> Example:
    """Index arrays on one axis, on several, with an axis between them; `put`: with the values
    to be put.
    """
    cases: list[Any] = []
    for shape, out, attrs, *idx in (
        ((5, 3), (4, 3), (True, False), Operand((4,), "distinct", 5)),
        ((5, 3), (5, 2), (False, True), Operand((2,), "distinct", 3)),
        ((5, 6), (4,), (True, True), Operand((4,), "distinct", 5), Operand((4,), "index", 6)),
        (
            (5, 2, 6),
            (4, 2),
            (True, False, True),
            Operand((4,), "distinct", 5),
            Operand((1,), "index", 6),
        ),
        ((5, 3), (0, 3), (True, False), Operand((0,), "distinct", 5)),
        ((5, 3), (3,), (True, False), Operand((), "index", 5)),
        ((301, 25), (200, 25), (True, False), Operand((200,), "distinct", 301)),
    ):
        values = [(out,), ((1,) * len(out),), (Operand((), "number"),)] if put else [()]
        cases += [((shape, *v, *idx), attrs) for v in values]
    return Example(*cases, dtypes=dtypes)


INDEX = Op(
    "index",
    "indexing",
    _index_rule,
    _index_reference,
    _index_gradient,
    _index_lower,
    example=_example(False),
)


def _put_rule(metas: Any, attrs: Any) -> Any:
    base, new = metas[0], metas[1]
    (target,) = _index_rule((base, *metas[2:]), attrs)
    lead = new.ndim - target.ndim
    ok = all(n == 1 for n in new.shape[: max(lead, 0)])
    tail = new.shape[max(lead, 0) :]
    for k in range(1, len(tail) + 1):
        ok = ok and tail[-k] in (1, target.shape[-k])
    if not ok:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(new.shape)} cannot be broadcast to "
            f"indexing result of shape {list(target.shape)}"
        )
    return (meta(base.shape, base.dtype),)


def _fit(new: Any, shape: Any, d: Any) -> np.ndarray:
    s = convert(np.asarray(new), d)
    while s.ndim > len(shape):
        s = s[0]
    return np.broadcast_to(s, shape)


def _put_reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    base, new, *idx = arrays
    out = np.array(base, copy=True)
    full = _full_index(attrs, idx, out.shape)
    out[full] = _fit(new, out[full].shape, _dt(base))
    return out


def _put_add_reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    base, new, *idx = arrays
    out = np.array(base, copy=True)
    full = _full_index(attrs, idx, out.shape)
    np.add.at(out, full, _fit(new, out[full].shape, _dt(base)))
    return out


def _put_gradient(n: Any, g: Value) -> Any:
    idx = tuple(n.i(k) for k in range(2, n.count))
    base = None
    if n.needs[0]:
        base = record(INDEX_PUT, (g, 0.0, *idx), n.attrs)
    new = record(INDEX, (g, *idx), n.attrs) if n.needs[1] else None
    return (base, new, *(None,) * len(idx))


INDEX_PUT = Op(
    "index_put", "indexing", _put_rule, _put_reference, _put_gradient, example=_example(True)
)


def _put_add_gradient(n: Any, g: Value) -> Any:
    idx = tuple(n.i(k) for k in range(2, n.count))
    new = record(INDEX, (g, *idx), n.attrs) if n.needs[1] else None
    return (g, new, *(None,) * len(idx))


INDEX_PUT_ADD = Op(
    "index_put_add", "indexing", _put_rule, _put_add_reference, _put_add_gradient,
    grad_name="IndexPutBackward0", example=_example(True, "ifc"),
)  # fmt: skip


# ---------------------------------------------------------------- sources and order
def _fill_lower(b: Any, ins: list[int], node: Any) -> list[int]:
    return [b.expand(b.cast(ins[0], node.meta.dtype), node.meta.shape)]


def _fill_rule(metas: Any, attrs: Any) -> Any:
    from ..dtypes import BY_NAME

    return (meta(attrs[0], BY_NAME[attrs[1]]),)


# One number in every place. attrs: (shape, dtype name)
FILL = Op(
    "fill",
    "source",
    _fill_rule,
    lambda arrays, attrs, metas: np.full(attrs[0], convert(np.asarray(arrays[0]), metas[0].dtype)),
    None,
    _fill_lower,
    example=Example(
        *(
            ((Operand((), "number"),), (shape, name))
            for shape in ((), (0, 2), (3, 5))
            for name in ("float32", "float64", "int64", "bool")
        ),
        (((),), ((301, 250), "float32")),
    ),
)


def _sort_rule(metas: Any, attrs: Any) -> Any:
    return (meta(metas[0].shape, metas[0].dtype), meta(metas[0].shape, int64))


def _sort_reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    axis, descending = attrs
    a = arrays[0]
    if a.ndim == 0:
        return np.array(a), np.zeros((), np.int64)
    key = a.astype(np.float32) if a.dtype.kind == "V" else a
    if descending:  # stable, NaN first: sort the reversed axis and turn the order round
        n = a.shape[axis]
        order = n - 1 - np.flip(np.argsort(np.flip(key, axis), axis=axis, kind="stable"), axis)
    else:
        order = np.argsort(key, axis=axis, kind="stable")
    return np.take_along_axis(a, order, axis), order


def _sort_gradient(n: Any, g: Value, _indices: Any) -> Any:
    if g.meta.ndim == 0:
        return (g,)
    return (record(SCATTER, (zeros(n.meta(0).shape, g), n.o(1), g), (n.attrs[0],)),)


# attrs: (axis, descending); always stable
SORT = Op(
    "sort",
    "order",
    _sort_rule,
    _sort_reference,
    _sort_gradient,
    example=Example(
        *(((shape,), (axis, down)) for shape, axis in SCAN_SHAPES for down in (False, True)),
        dtypes="bif",
    ),
)


def sort(v: Value, axis: int, descending: bool) -> list[Value]:
    return record_many(SORT, (v,), (axis, descending))


def _cumulative_extreme(name: str) -> Op:
    function = np.maximum if name == "cummax" else np.minimum

    def reference(arrays: Any, attrs: Any, metas: Any) -> Any:
        a, axis = arrays[0], attrs[0]
        if a.ndim == 0:
            return np.array(a), np.zeros((), np.int64)
        out = function.accumulate(a, axis=axis)
        shape = [1] * a.ndim
        shape[axis] = a.shape[axis]
        place = np.arange(a.shape[axis]).reshape(shape)
        hit = (a == out) | ((a != a) & (out != out))
        return out, np.maximum.accumulate(np.where(hit, place, 0), axis=axis)

    def gradient(n: Any, g: Value, _indices: Any) -> Any:
        if g.meta.ndim == 0:
            return (g,)
        return (record(SCATTER_ADD, (zeros(n.meta(0).shape, g), n.o(1), g), n.attrs),)

    return Op(name, "scan", _sort_rule, reference, gradient, example=scan_example("bif"))


CUMMAX = _cumulative_extreme("cummax")
CUMMIN = _cumulative_extreme("cummin")
