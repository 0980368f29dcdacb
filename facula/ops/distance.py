"""Euclidean distances between all rows of two matrices.

One record and not a composite: the gradient is finite where a distance is 0, and it is two products
and not the gradient of a difference for each pair.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import is_half
from ..trace.recorder import record1, record2
from ..trace.values import Value, meta
from .contract import matmul
from .elementwise import EQ, div, mul, sub, where
from .lowering import Number, Terms
from .movement import reshape, transpose
from .record import Example, Op, convert
from .reduce import SUM


def _rule(metas: Any, attrs: Any) -> Any:
    a, b = metas
    return (meta((*a.shape[:-1], b.shape[-2]), a.dtype),)


def _reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    a, b = (x.astype(np.float32) if is_half(metas[0].dtype) else x for x in arrays)
    if attrs[0]:
        squares = (a * a).sum(-1)[..., :, None] + (b * b).sum(-1)[..., None, :]
        squares -= 2 * np.matmul(a, np.swapaxes(b, -1, -2))
        found = np.sqrt(np.maximum(squares, 0))
    else:
        gap = a[..., :, None, :] - b[..., None, :, :]
        found = np.sqrt((gap * gap).sum(-1))
    return convert(found, metas[0].dtype)


def _lower(b: Any, ins: list[int], node: Any) -> list[int] | None:
    x, y = ins
    shape, m = node.meta.shape, b.graph.shapes[x][-1]
    if not node.meta.numel or not m:
        return None
    *batch, rows, columns = shape
    t = Terms(b)
    if node.attrs[0]:
        # the sums come first: what follows the product is then part of its kernel
        last = (len(shape) - 1,)
        own = t.reduce("sum", t.op("mul", x, x), last)
        other = b.reshape(t.reduce("sum", t.op("mul", y, y), last), (*batch, 1, columns))
        d = b.graph.dtypes[x]
        order = (*range(len(batch)), len(batch) + 1, len(batch))
        turned = b.add(
            "permute", (y,), (*batch, m, columns), d, (order,), lambda v: v.transpose(order)
        )
        product = b.add("matmul", (x, turned), shape, d, host=np.matmul)
        squares = t.op("sub", t.op("add", own, other), t.op("mul", product, Number(2)))
        return [t.op("sqrt", t.op("maximum", squares, Number(0)))]
    x = b.reshape(x, (*batch, rows, 1, m))
    y = b.reshape(y, (*batch, 1, columns, m))
    gap = t.op("sub", x, y)
    squares = t.reduce("sum", t.op("mul", gap, gap), (len(shape),))
    return [b.reshape(t.op("sqrt", squares), shape)]


def _gradient(n: Any, g: Value) -> Any:
    a, b, d = n.i(0), n.i(1), n.o()
    zero = record2(EQ, d, 0.0)
    share = where(zero, 0.0, div(g, where(zero, 1.0, d)))
    last = d.meta.ndim - 1
    if not n.attrs[0]:  # few rows: from differences, which lose nothing
        *batch, rows, columns = d.meta.shape
        m = a.meta.shape[-1]
        gap = sub(reshape(a, (*batch, rows, 1, m)), reshape(b, (*batch, 1, columns, m)))
        parts = mul(gap, reshape(share, (*batch, rows, columns, 1)))
        first = record1(SUM, parts, ((last,), False)) if n.needs[0] else None
        second = mul(record1(SUM, parts, ((last - 1,), False)), -1.0) if n.needs[1] else None
        return first, second
    first = second = None
    if n.needs[0]:
        first = sub(mul(a, record1(SUM, share, ((last,), True))), matmul(share, b))
    if n.needs[1]:
        turned = transpose(share)
        second = sub(mul(b, record1(SUM, turned, ((last,), True))), matmul(turned, a))
    return first, second


# [..., n, m] and [..., k, m] of one dtype: [..., n, k]. attrs: (whether from squares and products
# of rows, which loses digits where two are much nearer to each other than to 0, or differences)
CDIST = Op(
    "cdist",
    "contraction",
    _rule,
    _reference,
    _gradient,
    _lower,
    example=Example(
        *(
            (shapes, (products,))
            for shapes in (
                ((1, 4), (1, 4)), ((3, 4), (5, 4)), ((0, 4), (5, 4)), ((3, 0), (2, 0)),
                ((2, 7, 3), (2, 5, 3)), ((33, 9), (31, 9)), ((130, 17), (90, 17)),
            )
            for products in (False, True)
        ),
        dtypes="f",
        special=(),
        tolerance=1024.0,
    ),
)  # fmt: skip
