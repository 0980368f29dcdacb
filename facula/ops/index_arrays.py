"""General indexing: arrays of indices for one axis or several, `x[i, :, j] = v`, `x[i] += v`.

Where the indexed axes are neighbours they are joined to one, so that the compiler sees a take or a
scatter; the references run for the others.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..dtypes import int64
from ..trace.recorder import record
from ..trace.values import Shape, Value, meta
from .indexing import boolean, check, dtype_of, scattered, take_reference, wrapped, zeros
from .record import Example, Op, Operand, convert


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
            check(i, shape[k], k)
            full.append(i)
        else:
            full.append(slice(None))
    return tuple(full)


def _index_reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    a, *idx = arrays
    return a[_full_index(attrs, idx, a.shape)]


def _index_lower(b: Any, ins: list[int], node: Any) -> list[int] | None:
    found = _one_axis(b, b.graph.shapes[ins[0]], ins[1:], node.attrs)
    if found is None:
        return None
    axis, joined, i = found
    attrs = (axis,)
    return [
        b.add("take", (b.reshape(ins[0], joined), i), node.meta.shape, node.meta.dtype, attrs,
              host=lambda x, k: take_reference((x, k), attrs, None))
    ]  # fmt: skip


def _one_axis(b: Any, shape: Shape, idx: list[int], attrs: Any) -> tuple[int, Shape, int] | None:
    """Indexing of adjacent axes as that of one: (the axis, the shape with those joined, the index),
    or None where they are not adjacent. An index out of range is one of the joined axis too.
    """
    places = [k for k, used in enumerate(attrs) if used]
    first, last = places[0], places[-1]
    sizes = shape[first : last + 1]
    if len(places) != len(sizes):
        return None
    if len(sizes) == 1:
        return first, shape, wrapped(b, idx[0], sizes[0])
    count = math.prod(sizes)
    full = np.broadcast_shapes(*(b.graph.shapes[i] for i in idx))

    def number(n: int) -> int:
        return int(b.constant(n, int64, full))

    def op(name: str, *ins: int) -> int:
        d = boolean() if name == "lt" or name == "ge" else int64
        return int(b.add(name, ins, full, d, host=_HOSTS[name]))

    joined, outside = number(0), number(count)
    for i, n in zip(idx, sizes, strict=True):
        i = b.expand(wrapped(b, i, n), full)
        joined = op("add", op("mul", joined, number(n)), i)
        joined = op("where", op("lt", i, number(0)), outside, joined)
        joined = op("where", op("ge", i, number(n)), outside, joined)
        # what is outside stays so: the next axis multiplies it, and it is not smaller then
    return first, (*shape[:first], count, *shape[last + 1 :]), joined


_HOSTS: dict[str, Any] = {
    "add": np.add, "mul": np.multiply, "lt": np.less, "ge": np.greater_equal, "where": np.where,
}  # fmt: skip


def _put_lower(name: str) -> Any:
    """As a scatter along one axis, of a source that is spread over the indexed slices."""

    def lower(b: Any, ins: list[int], node: Any) -> list[int] | None:
        base, new, *idx = ins
        found = _one_axis(b, b.graph.shapes[base], idx, node.attrs)
        if found is None or node.meta.dtype.is_complex:
            return None
        axis, joined, i = found
        lead, rest = joined[:axis], joined[axis + 1 :]
        shape = b.graph.shapes[i]
        count = math.prod(shape)
        target = (*lead, *shape, *rest)
        new = b.cast(new, node.meta.dtype)
        have = b.graph.shapes[new]
        if len(have) > len(target):
            new = b.reshape(new, have[len(have) - len(target) :])
        full = (*lead, count, *rest)
        new = b.reshape(b.expand(new, target), full)
        i = b.expand(b.reshape(i, (1,) * len(lead) + (count,) + (1,) * len(rest)), full)
        out = scattered(b, name, b.reshape(base, joined), i, new, axis)
        return [b.reshape(out, node.meta.shape)]

    return lower


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
    out[full] = _fit(new, out[full].shape, dtype_of(base))
    return out


def _put_add_reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    base, new, *idx = arrays
    out = np.array(base, copy=True)
    full = _full_index(attrs, idx, out.shape)
    np.add.at(out, full, _fit(new, out[full].shape, dtype_of(base)))
    return out


def _put_gradient(n: Any, g: Value) -> Any:
    idx = tuple(n.i(k) for k in range(2, n.count))
    base = None
    if n.needs[0]:
        base = record(INDEX_PUT, (g, 0.0, *idx), n.attrs)
    new = record(INDEX, (g, *idx), n.attrs) if n.needs[1] else None
    return (base, new, *(None,) * len(idx))


INDEX_PUT = Op(
    "index_put", "indexing", _put_rule, _put_reference, _put_gradient, _put_lower("scatter"),
    example=_example(True),
)  # fmt: skip


def _put_add_gradient(n: Any, g: Value) -> Any:
    idx = tuple(n.i(k) for k in range(2, n.count))
    new = record(INDEX, (g, *idx), n.attrs) if n.needs[1] else None
    return (g, new, *(None,) * len(idx))


INDEX_PUT_ADD = Op(
    "index_put_add", "indexing", _put_rule, _put_add_reference, _put_add_gradient,
    _put_lower("scatter_add"), grad_name="IndexPutBackward0", example=_example(True, "ifc"),
)  # fmt: skip
