"""Products of 16-bit floats as the processor's own.

Ops on 16-bit floats are recorded as casts to float32 around the op. Where the processor multiplies
bfloat16 itself, a product takes what is below the casts of its operands: half the memory, and no
copies in float32. Its result stays float32, which sums are kept in.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..dtypes import bfloat16, float32
from ..graph.graph import Graph, GraphNode
from .contraction import bfloat16 as products
from .rewrite import Rewriter, sweep
from .schedule import MOVED


def narrow_products(graph: Graph) -> Graph:
    """Products of operands that were bfloat16 read them as such."""
    if any(n.op == "matmul" and _fits(graph, n) for n in graph.nodes):
        return sweep(graph, _narrow_product)
    return graph


def _fits(graph: Graph, node: GraphNode) -> bool:
    *batch, m, k = graph.shapes[node.ins[0]]
    n = graph.shapes[node.ins[1]][-1]
    if graph.dtypes[node.outs[0]] is not float32 or not prod(batch):
        return False
    return graph.dtypes[node.ins[0]] is float32 and products.worthwhile(m, n, k)


def _narrow_product(r: Rewriter, node: GraphNode, ins: tuple[int, ...]) -> int | None:
    if node.op != "matmul" or not _fits(r.old, node):
        return None
    if not all(_is_wide(r, v) for v in ins):
        return None
    a, b = (_narrow(r, v) for v in ins)
    shape = r.old.shapes[node.outs[0]]
    return r.add("matmul", (a, b), shape, float32, (), _multiply, node.where)


def _multiply(a: Any, b: Any) -> Any:
    return np.matmul(a.astype(np.float32), b.astype(np.float32))


def _is_wide(r: Rewriter, v: int) -> bool:
    """Whether the value is one of bfloat16, cast and moved."""
    node = r.producer[v]
    while node is not None and node.op in MOVED:
        node = r.producer[node.ins[0]]
    return node is not None and node.op == "cast" and r.type_of(node.ins[0]) is bfloat16


def _narrow(r: Rewriter, v: int) -> int:
    """The value of bfloat16 that was cast, moved in the same way."""
    node = r.producer[v]
    assert node is not None
    if node.op == "cast":
        return node.ins[0]
    below = _narrow(r, node.ins[0])
    return r.add(node.op, (below,), r.shape(v), bfloat16, node.attrs, node.host)
