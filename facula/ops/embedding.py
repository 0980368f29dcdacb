"""Rows of a table by number, with the gradient that embeddings have."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import int64
from ..trace.recorder import record, record2
from ..trace.values import Value, meta
from . import elementwise as e
from .indexing import FILL, TAKE, TAKE_ADD
from .movement import reshape
from .record import Example, Op, Operand


def _reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    table, index = arrays
    if index.size and (int(index.min()) < 0 or int(index.max()) >= table.shape[0]):
        raise IndexError("index out of range in self")
    return np.take(table, index, axis=0)


def _lower(b: Any, ins: list[int], node: Any) -> list[int]:
    attrs, metas = node.attrs, node.metas
    index = b.cast(ins[1], int64)
    return [
        b.add(
            "take", (ins[0], index), node.meta.shape, node.meta.dtype, (0,),
            lambda a, i: _reference((a, i), attrs, metas),
        )
    ]  # fmt: skip


def _gradient(n: Any, g: Value) -> Any:
    padding, by_frequency = n.attrs
    index, rows = n.i(1), n.meta(0).shape[0]
    column = (*index.meta.shape, *(1,) * (g.meta.ndim - index.meta.ndim))
    if padding >= 0:
        g = e.where(reshape(record2(e.EQ, index, padding), column), 0.0, g)
    if by_frequency:
        ones = record(FILL, (1.0,), (index.meta.shape, g.meta.dtype.name))
        counts = record2(TAKE_ADD, ones, index, (0, (rows,), False))
        g = e.div(g, reshape(record2(TAKE, counts, index, (0,)), column))
    return (record2(TAKE_ADD, g, index, (0, n.meta(0).shape, False)), None)


# (table, row numbers) -> rows. attrs: (row without gradient or -1, whether a row's gradient is
# divided by
# how often the row occurs)
EMBEDDING = Op(
    "embedding",
    "indexing",
    lambda metas, attrs: (meta(metas[1].shape + metas[0].shape[1:], metas[0].dtype),),
    _reference,
    _gradient,
    _lower,
    example=Example(
        *(
            ((table, Operand(index, "index", table[0])), (-1, False))
            for table, index in (
                ((5, 3), (4,)),
                ((5, 3), (2, 2)),
                ((4, 1), ()),
                ((5, 3), (0,)),
                ((301, 25), (400,)),
            )
        ),
        dtypes="f",
    ),
)
