"""Indexing primitives. Indices are int64 and not negative by the time an op is recorded, except
where the op says that it wraps them; an index out of range raises IndexError when the op runs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import bool_, int64, is_half
from ..runtime.memory import Piece, of_array
from ..trace.recorder import Frame, record, record2, record_many, state
from ..trace.replay import array_of
from ..trace.values import Value, meta, outside
from .elementwise import EQ, MAXIMUM, add, cast, div, mul, sub
from .movement import UNSLICE
from .record import Example, Op, Operand, convert
from .reduce import SCAN_SHAPES, scan, scan_example


def check(index: np.ndarray, size: int, axis: int | None = None) -> None:
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
    known = type(buffer) is Piece and buffer.low is not None and buffer.high is not None
    inside = known and low <= buffer.low and buffer.high < high
    if inside and bounds_noted is None:
        return False
    if buffer is None or not 0 < index.meta.numel <= SOON:
        return False
    if bounds_noted is not None:
        bounds_noted.append((index, low, high))
    if inside:
        return False
    a = array_of(index)
    items = a.tolist() if a.ndim == 1 else a.reshape(-1).tolist()
    return min(items) < low or max(items) >= high


# ---------------------------------------------------------------- take: whole slices along one axis
def _take_rule(metas: Any, attrs: Any) -> Any:
    a, i = metas
    axis = attrs[0]
    return (meta(a.shape[:axis] + i.shape + a.shape[axis + 1 :], a.dtype),)


def take_reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    a, i = arrays
    check(i, a.shape[attrs[0]], attrs[0])
    return np.take(a, i, axis=attrs[0])


def wrapped(b: Any, index: int, size: int) -> int:
    """Negative indices moved up by the size."""
    shape, d = b.graph.shapes[index], int64
    index = b.cast(index, d)
    zero, count = b.constant(0, d, shape), b.constant(size, d, shape)
    low = b.add("lt", (index, zero), shape, boolean(), host=np.less)
    moved = b.add("add", (index, count), shape, d, host=np.add)
    return int(b.add("where", (low, moved, index), shape, d, host=np.where))


def boolean() -> Any:
    from ..dtypes import bool_

    return bool_


def _take_lower(b: Any, ins: list[int], node: Any) -> list[int]:
    axis = node.attrs[0]
    size = b.graph.shapes[ins[0]][axis]
    i = wrapped(b, ins[1], size)
    attrs, metas = node.attrs, node.metas
    return [
        b.add("take", (ins[0], i), node.meta.shape, node.meta.dtype, (axis,),
              host=lambda a, k: take_reference((a, k), attrs, metas))
    ]  # fmt: skip


def _take_gradient(n: Any, g: Value) -> Any:
    m = n.meta(0)
    return (record(TAKE_ADD, (g, n.i(1)), (n.attrs[0], m.shape, True)), None)


TAKE = Op(
    "take",
    "indexing",
    _take_rule,
    take_reference,
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
    axis, shape, _ = attrs
    rest = int(np.prod(shape[axis + 1 :], dtype=np.int64))
    lead = int(np.prod(shape[:axis], dtype=np.int64))
    out = np.zeros((lead, shape[axis], rest), g.dtype)
    check(i, shape[axis], axis)
    place: Any = (slice(None), i.reshape(-1))  # NumPy's annotation knows no slices here
    np.add.at(out, place, g.reshape(lead, i.size, rest))
    return out.reshape(shape)


def _take_add_lower(b: Any, ins: list[int], node: Any) -> list[int] | None:
    """As scatter_add along the axis of the flattened gradient."""
    axis, shape, wraps = node.attrs
    g, i = ins
    lead, rest = shape[:axis], shape[axis + 1 :]
    count = 1
    for n in b.graph.shapes[i]:
        count *= n
    i = wrapped(b, i, shape[axis]) if wraps else b.cast(i, int64)
    i = b.reshape(i, (1,) * len(lead) + (count,) + (1,) * len(rest))
    full = (*lead, count, *rest)
    g, i = b.reshape(g, full), b.expand(i, full)
    base = b.constant(0, node.meta.dtype, shape)
    return [scattered(b, "scatter_add", base, i, g, axis)]


# The gradient of take: slices added into zeros. attrs: (axis, shape, whether negative indices count
# from the end)
TAKE_ADD = Op(
    "take_add",
    "indexing",
    lambda metas, attrs: (meta(attrs[1], metas[0].dtype),),
    _take_add_reference,
    lambda n, g: (record(TAKE, (g, n.i(1)), (n.attrs[0],)), None),
    _take_add_lower,
    "IndexSelectBackward0",
    example=Example(
        (((4, 3), Operand((4,), "index", 5)), (0, (5, 3), True)),
        (((5, 2, 2), Operand((2, 2), "index", 3)), (1, (5, 3), True)),
        (((2, 0, 3), Operand((0,), "index", 4)), (1, (2, 4, 3), True)),
        (((400, 25), Operand((400,), "index", 301)), (0, (301, 25), False)),
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


def dtype_of(a: np.ndarray) -> Any:
    from ..dtypes import from_numpy_dtype

    return from_numpy_dtype(a.dtype)


def _scatter_reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    base, i, src = arrays
    out = np.array(base, copy=True)
    if out.ndim == 0:
        return _source(src, i, dtype_of(base)).reshape(())
    _check_gather(i, base.shape[attrs[0]], attrs[0])
    out[_grid(i, attrs[0])] = _source(src, i, dtype_of(base))
    return out


def _scatter_add_reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    base, i, src = arrays
    out = np.array(base, copy=True)
    if out.ndim == 0:
        return out + _source(src, i, dtype_of(base)).reshape(())
    _check_gather(i, base.shape[attrs[0]], attrs[0])
    np.add.at(out, _grid(i, attrs[0]), _source(src, i, dtype_of(base)))
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


def _scatter_lower(b: Any, ins: list[int], node: Any) -> list[int] | None:
    base, i, src = ins
    shape = b.graph.shapes[i]
    if not node.meta.shape:
        return None
    src = b.cast(src, node.meta.dtype)
    if not b.graph.shapes[src]:
        src = b.expand(src, shape)
    elif b.graph.shapes[src] != shape:
        src = b.slice(src, (0,) * len(shape), shape)
    return [scattered(b, "scatter", base, b.cast(i, int64), src, node.attrs[0])]


def scattered(b: Any, op: str, base: int, i: int, src: int, axis: int) -> int:
    """A node of the graph: op is scatter or scatter_add."""
    reference = _scatter_reference if op == "scatter" else _scatter_add_reference
    return int(
        b.add(op, (base, i, src), b.graph.shapes[base], b.graph.dtypes[base], (axis,),
              lambda *arrays: reference(arrays, (axis,), None))
    )  # fmt: skip


# attrs: (axis,); duplicates: the last one wins, as in NumPy
SCATTER = Op(
    "scatter",
    "indexing",
    _scatter_rule,
    _scatter_reference,
    _scatter_gradient,
    _scatter_lower,
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
    src = b.cast(src, node.meta.dtype)
    return [scattered(b, "scatter_add", base, b.cast(i, int64), src, node.attrs[0])]


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
    s = _source(src, i, dtype_of(base))
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


def _places_rule(metas: Any, attrs: Any) -> Any:
    return (meta(metas[0].shape, metas[0].dtype), meta(metas[0].shape, int64))


def _sort_rule(metas: Any, attrs: Any) -> Any:
    m, (axis, _, count) = metas[0], attrs
    shape = (*m.shape[:axis], count, *m.shape[axis + 1 :]) if m.shape else ()
    return (meta(shape, m.dtype), meta(shape, int64))


def _sort_reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    axis, descending, count = attrs
    a = arrays[0]
    if a.ndim == 0:
        return np.array(a), np.zeros((), np.int64)
    key = a.astype(np.float32) if a.dtype.kind == "V" else a
    if descending:  # stable, NaN first: sort the reversed axis and turn the order round
        n = a.shape[axis]
        order = n - 1 - np.flip(np.argsort(np.flip(key, axis), axis=axis, kind="stable"), axis)
    else:
        order = np.argsort(key, axis=axis, kind="stable")
    order = order[(slice(None),) * axis + (slice(count),)]
    return np.take_along_axis(a, order, axis), order


def _sort_lower(b: Any, ins: list[int], node: Any) -> list[int] | None:
    attrs = node.attrs
    shape = b.graph.shapes[ins[0]]
    if not shape or shape[attrs[0]] >= 1 << 31:
        return None
    metas = node.metas
    return list(
        b.add_many("sort", tuple(ins), metas, attrs, lambda a: _sort_reference((a,), attrs, metas))
    )


def _sort_gradient(n: Any, g: Value, _indices: Any) -> Any:
    if g.meta.ndim == 0:
        return (g,)
    return (record(SCATTER, (zeros(n.meta(0).shape, g), n.o(1), g), (n.attrs[0],)),)


_FIRST_OF_MANY = (((3, 130), 1, 1), ((3, 97), 1, 5), ((500, 2), 0, 12), ((2, 301), 1, 90))


# attrs: (axis, descending, how many of the first in the order); always stable
SORT = Op(
    "sort",
    "order",
    _sort_rule,
    _sort_reference,
    _sort_gradient,
    _sort_lower,
    example=Example(
        *(
            ((shape,), (axis, down, count))
            for shape, axis, count in (
                *((shape, axis, shape[axis] if shape else 1) for shape, axis in SCAN_SHAPES),
                *_FIRST_OF_MANY,
            )
            for down in (False, True)
        ),
        dtypes="bif",
    ),
)


def sort(v: Value, axis: int, descending: bool, count: int | None = None) -> list[Value]:
    """The elements along an axis in order, or only the first `count` of them, and their places."""
    if count is None:
        count = v.meta.shape[axis] if v.meta.shape else 1
    return record_many(SORT, (v,), (axis, descending, count))


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

    def lower(b: Any, ins: list[int], node: Any) -> list[int] | None:
        """Two scans: of the elements, and of the places of those that equal what came so far."""
        (v,), (axis,) = ins, node.attrs
        m = node.metas[0]
        if not m.shape or is_half(m.dtype) or m.dtype is bool_:
            return None
        shape = m.shape
        out = scan(b, v, "maximum" if name == "cummax" else "minimum", axis)
        hit = b.add("eq", (v, out), shape, bool_, host=np.equal)
        if m.dtype.is_floating_point:
            nan = b.add("isnan", (v,), shape, bool_, host=np.isnan)
            hit = b.add("logical_or", (hit, nan), shape, bool_, host=np.logical_or)
        ramp = np.arange(shape[axis]).reshape(-1, *(1,) * (len(shape) - 1 - axis))
        place = b.add("iota", (), shape, int64, (axis,), lambda: np.broadcast_to(ramp, shape))
        zero = b.constant(0, int64, shape)
        place = b.add("where", (hit, place, zero), shape, int64, host=np.where)
        return [out, scan(b, place, "maximum", axis)]

    return Op(name, "scan", _places_rule, reference, gradient, lower, example=scan_example("bif"))


CUMMAX = _cumulative_extreme("cummax")
CUMMIN = _cumulative_extreme("cummin")


_LITTLE = 1024  # elements of a slice whose position is put into memory


def placed(n: Any, g: Value) -> Value | None:
    """The gradient of a slice at one position of an axis, by an index in memory: where a walk has
    met slices at several positions before, in ended frames. As part of the path, the actions that
    a program has chosen would make every sequence of them new work. None: it stays in the path.
    """
    shape, (starts, stops, steps) = n.meta(0).shape, n.attrs
    little = g.meta.numel <= _LITTLE and g.meta.dtype.is_floating_point
    if type(n.tape) is Frame or not little:
        return None
    cut = [k for k, size in enumerate(shape) if (starts[k], stops[k], steps[k]) != (0, size, 1)]
    if len(cut) != 1 or stops[cut[0]] - starts[cut[0]] != 1:
        return None
    node, slot = state.tr.node, g.vid - state.tr.base
    if node.placed < 2:
        known = (UNSLICE, slot, (shape, *n.attrs)) in node.edges
        if known or not node.placed:
            node.placed = 1
            return None
        node.placed = 2
    at = of_array(np.full(g.meta.shape, starts[cut[0]], np.int64))
    index = outside(meta(g.meta.shape, int64), at)
    return record(SCATTER_ADD, (zeros(shape, g), index, g), (cut[0],))
