"""Places in sorted rows, and histograms.

Each is one op whose lowering is a formula of nodes that are there already: a search by halves is a
row of choices, a histogram an addition at computed places. As composites of recorded calls they
took longer to record than to run (87 calls for a search among 250).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import bool_, int64
from ..trace.values import meta
from .lowering import Number, Terms
from .record import Example, Op, Operand


# ---------------------------------------------------------------- places in sorted rows
def _steps(size: int) -> list[tuple[int, bool]]:
    """(step, whether it may lead behind the end): powers of two, which reach every place of a row
    of `size` elements.
    """
    out, reach, step = [], 0, 1 << size.bit_length() >> 1
    while step:
        out.append((step, reach + step > size))
        reach += step
        step >>= 1
    return out


def _search_reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    rows, x = arrays
    size, (right,) = rows.shape[-1], attrs
    found = np.zeros(x.shape, np.int64)
    for step, _ in _steps(size):
        last = found + (step - 1)
        at = np.minimum(last, size - 1)
        seen = rows[at] if rows.ndim == 1 else np.take_along_axis(rows, at, -1)
        with np.errstate(invalid="ignore"):
            before = ~(seen > x) if right else ~(seen >= x)
        found += np.where(before & (last < size), step, 0)
    return found


def _search_lower(b: Any, ins: list[int], node: Any) -> list[int]:
    (rows, x), (right,), shape = ins, node.attrs, node.meta.shape
    t, dt, size = Terms(b), b.graph.dtypes[rows], b.graph.shapes[rows][-1]
    flat = len(b.graph.shapes[rows]) == 1
    axis = 0 if flat else len(shape) - 1
    compare = ("gt", np.greater) if right else ("ge", np.greater_equal)
    found = b.constant(0, int64, shape)
    for step, beyond in _steps(size):
        at = last = t.op("add", found, Number(step - 1))
        if beyond:
            inside = t.op("le", last, Number(size - 1))
            at = t.op("where", inside, last, Number(size - 1))
        seen = b.add("take" if flat else "gather", (rows, at), shape, dt, (axis,), _taken(axis))
        behind = b.add(compare[0], (seen, x), shape, bool_, (), compare[1])
        before = b.add("logical_not", (behind,), shape, bool_, (), np.logical_not)
        if beyond:
            before = t.op("logical_and", inside, before)
        found = t.op("where", before, t.op("add", found, Number(step)), found)
    return [found]


def _taken(axis: int) -> Any:
    def host(rows: np.ndarray, at: np.ndarray) -> np.ndarray:
        return rows[at] if rows.ndim == 1 else np.take_along_axis(rows, at, axis)

    return host


# How many elements of a row come before each element: rows [n] for all, or [..., n] for [..., m].
# NaN lies behind everything. attrs: (whether equal elements come before,)
SEARCH = Op(
    "searchsorted",
    "order",
    lambda metas, attrs: (meta(metas[1].shape, int64),),
    _search_reference,
    None,
    _search_lower,
    example=Example(
        *(
            ((rows, x), (right,))
            for rows, x in (
                ((0,), (4,)), ((1,), ()), ((7,), (3, 5)), ((250,), (301, 25)),
                ((3, 9), (3, 4)), ((2, 1, 130), (2, 1, 0)), ((2, 0), (2, 3)),
            )
            for right in (False, True)
        ),
        dtypes="bif",
    ),
)  # fmt: skip


# ---------------------------------------------------------------- histograms
_COUNTERS = 1 << 16  # how many may lie side by side
_COLUMNS, _PARTS = 8, 4


def _histogram_reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    x, low, high = arrays
    (bins,), one = attrs, x.dtype.type
    x = x[(x >= low) & (x <= high)]
    at = ((x - one(low)) * one(bins) / (one(high) - one(low))).astype(np.int64)
    return np.bincount(np.minimum(at, bins - 1), None, bins).astype(x.dtype)


def _histogram_lower(b: Any, ins: list[int], node: Any) -> list[int]:
    x, (bins,), dt = ins[0], node.attrs, node.meta.dtype
    shape = b.graph.shapes[x]
    low, high = (b.expand(b.cast(v, dt), shape) for v in ins[1:])
    t = Terms(b)
    width = t.op("sub", high, low)
    bin = t.op("div", t.op("mul", t.op("sub", x, low), Number(bins)), width)
    bin = b.cast(bin, int64)
    bin = t.op("where", t.op("le", bin, Number(bins - 1)), bin, Number(bins - 1))
    inside = t.op("logical_and", t.op("ge", x, low), t.op("le", x, high))
    counts = _counts(b, t.op("where", inside, bin, Number(bins)), bins + 1, dt)
    return [b.slice(counts, (0,), (bins,))]


def _counts(b: Any, index: int, size: int, dt: Any) -> int:
    """How often each number below `size` occurs among these.

    Several counters side by side: neighbours in memory that are equal do not wait for each other,
    and there is work for several threads.
    """
    (n,) = b.graph.shapes[index]
    columns, parts = (_COLUMNS, _PARTS) if 32 * size <= _COUNTERS and n >= 1 << 12 else (1, 1)
    rows = -(-n // (columns * parts))
    rest = parts * rows * columns - n
    if rest:  # the last number is what lies outside
        index = b.pad(index, (0,), (rest,), size - 1)
    shape, counters = (parts, rows, columns), (parts, size, columns)
    zeros, ones = b.constant(0, dt, counters), b.constant(1, dt, shape)
    ins = (zeros, b.reshape(index, shape), ones)
    v = b.add("scatter_add", ins, counters, dt, (1,), _added)
    return int(b.add("sum", (v,), (size,), dt, ((0, 2),), lambda a: a.sum((0, 2))))


def _added(base: np.ndarray, index: np.ndarray, source: np.ndarray) -> np.ndarray:
    out = base.copy()
    part, _, column = np.indices(index.shape)
    np.add.at(out, (part, index, column), source)
    return out


def _histogram_rule(metas: Any, attrs: Any) -> Any:
    return (meta((attrs[0],), metas[0].dtype),)


# Counts of the elements of a row in equal bins between two numbers. attrs: (how many bins,)
HISTOGRAM = Op(
    "histc",
    "order",
    _histogram_rule,
    _histogram_reference,
    None,
    _histogram_lower,
    example=Example(
        *(
            (((n,), Operand((), "number"), Operand((), "number")), (bins,))
            for n, bins in ((0, 3), (9, 4), (5000, 20), (5000, 3000))
        ),
        dtypes="d",
    ),
)
