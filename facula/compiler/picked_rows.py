"""Products with rows that are picked from a small table, as in the layer after an embedding.

Equal rows give equal results, so a table of 65 characters is multiplied in place of the 2,048
characters of a text, and what is picked are rows of the result. In gradients what belongs to one
row of the table is added before it is multiplied, not after.

    picked(T) @ W     = picked(T @ W)
    picked(T).T @ A   = T.T @ added(A)     with added(A): rows of A, added into the rows of a table
    added(A @ W)      = added(A) @ W
    sum of A's rows   = sum of added(A)'s
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..graph.graph import Graph, GraphNode
from .rewrite import Rewriter, sweep, uses_of
from .scalar_code import TAGS
from .simplify import dead_code, uniform_value

_LEAST = 2  # how often each row of the table is picked on average
# Multiply-adds that are saved for each number that is added to memory in their place.
_SAVED = 16
_FLOATS = ("f32", "f64")


class _Rows(NamedTuple):
    """Rows [M, K] picked from a table [V, K] by an index [M] or of a shape of M elements."""

    table: int
    places: int
    take: GraphNode


def picked_rows(graph: Graph) -> Graph:
    """The products are made of tables, and the results are picked."""
    ops = {n.op for n in graph.nodes}
    if "matmul" not in ops or not ops & {"take", "scatter_add"}:
        return graph
    graph = dead_code(graph)  # of which uses count
    uses = uses_of(graph)
    added: dict[int, int] = {}  # by the values whose rows they are

    def rule(r: Rewriter, node: GraphNode, ins: tuple[int, ...]) -> int | None:
        if node.op not in ("matmul", "scatter_add", "sum"):
            return None
        if TAGS.get(r.old.dtypes[node.outs[0]]) not in _FLOATS:
            return None
        if node.op == "sum":
            return _sum_of_rows(r, node, ins[0], added)
        if node.op == "matmul":
            return _product(r, node, ins, added)
        return _sum_of_products(r, node, ins, uses)

    return sweep(graph, rule)


def _sum_of_rows(r: Rewriter, node: GraphNode, v: int, added: dict[int, int]) -> int | None:
    """The sum of all rows of what was added into the rows of a table."""
    if tuple(node.attrs[0]) != tuple(range(len(r.shape(v)) - 1)):
        return None
    rows = added.get(_unmoved(r, v))
    if rows is None:
        return None
    return r.add("sum", (rows,), r.shape(v)[-1:], r.type_of(v), ((0,),))


def _product(
    r: Rewriter, node: GraphNode, ins: tuple[int, ...], added: dict[int, int]
) -> int | None:
    """A product of picked rows, or of what they are turned into. added: gets what is added."""
    a, b = ins
    if len(r.shape(a)) != 2:
        return None
    rows = _picked(r, a)
    if rows is not None:
        results = r.matmul(rows.table, b, node)
        shape = (r.shape(a)[0], r.shape(b)[1])
        take = rows.take
        index = r.reshape(rows.places, shape[:1])
        return r.add("take", (results, index), shape, r.type_of(a), (0,), take.host, take.where)
    turned = r.made_by(a, "permute")
    if turned is None:
        return None
    left = turned.ins[0]
    rows = _picked(r, left)
    if rows is not None and r.shape(left)[1] >= _SAVED:
        sums = added[_unmoved(r, b)] = _added(r, rows.places, rows.table, b)
        return r.matmul(r.permute(rows.table, (1, 0)), sums, node)
    rows = _picked(r, b)
    if rows is not None and r.shape(b)[1] >= _SAVED:
        sums = added[_unmoved(r, left)] = _added(r, rows.places, rows.table, left)
        return r.matmul(r.permute(sums, (1, 0)), rows.table, node)
    return None


def _sum_of_products(
    r: Rewriter, node: GraphNode, ins: tuple[int, ...], uses: list[int]
) -> int | None:
    """added(A @ W), where nothing else reads the product."""
    base, index, v = ins
    places = r.made_by(index, "expand")
    if node.attrs[0] != 0 or len(r.shape(v)) != 2 or places is None:
        return None
    count, k = r.shape(v)
    if r.shape(places.ins[0]) != (count, 1) or uniform_value(r, base) != 0:
        return None
    if k < _SAVED or _LEAST * r.shape(base)[0] > count:
        return None
    at = r.reshape(places.ins[0], (count,))
    while (moved := _move(r, v)) is not None:
        if v >= len(uses) or uses[v] != 1:
            return None
        at, v = _moved_back(r, at, moved), moved.ins[0]
    product = r.made_by(v, "matmul")
    if product is None or v >= len(uses) or uses[v] != 1 or len(r.shape(v)) != 2:
        return None
    a, b = product.ins
    return r.matmul(_added(r, at, base, a), b, product)


def _added(r: Rewriter, index: int, table: int, v: int) -> int:
    """The rows of v [M, N], added into as many rows as a table has."""
    dt, (count, n) = r.type_of(v), r.shape(v)
    shape = (r.shape(table)[0], n)
    places = r.expand(r.reshape(index, (count, 1)), (count, n))
    base = r.uniform(0, shape, dt)
    return r.add("scatter_add", (base, places, v), shape, dt, (0,), _add_rows)


def _add_rows(base: np.ndarray, index: np.ndarray, rows: np.ndarray) -> np.ndarray:
    out = base.copy()
    np.add.at(out, index[:, 0], rows)
    return out


def _picked(r: Rewriter, v: int) -> _Rows | None:
    """Where the rows of v come from, if each row of a table is picked often enough."""
    count, moves = r.shape(v)[0], []
    while (moved := _move(r, v)) is not None:
        moves.append(moved)
        v = moved.ins[0]
    take = r.made_by(v, "take")
    if take is None or take.attrs[0] != 0:
        return None
    table, index = take.ins
    if len(r.shape(table)) != 2 or _LEAST * r.shape(table)[0] > count:
        return None
    for moved in reversed(moves):
        if moved.op == "permute":
            index = r.permute(index, tuple(moved.attrs[0])[:-1])
        else:
            index = r.reshape(index, tuple(moved.attrs[0])[:-1])
    return _Rows(table, index, take)


def _move(r: Rewriter, v: int) -> GraphNode | None:
    """The movement that makes v, if it moves whole rows along its last axis."""
    node = r.producer[v]
    if node is None or node.op not in ("reshape", "permute"):
        return None
    before, after = r.shape(node.ins[0]), r.shape(v)
    if not before or not after or before[-1] != after[-1] or not prod(after):
        return None
    if node.op == "permute" and node.attrs[0][-1] != len(after) - 1:
        return None
    return node


def _unmoved(r: Rewriter, v: int) -> int:
    """The value whose rows v has in another order or shape."""
    while (moved := _move(r, v)) is not None:
        v = moved.ins[0]
    return v


def _moved_back(r: Rewriter, index: int, moved: GraphNode) -> int:
    """The index of rows after a movement as that of the rows before it."""
    dims: Any = moved.attrs[0]
    if moved.op == "reshape":
        return r.reshape(index, r.shape(moved.ins[0])[:-1])
    return r.permute(index, tuple(np.argsort(dims[:-1]).tolist()))
