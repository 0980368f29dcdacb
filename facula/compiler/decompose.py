"""Passes that put nodes into the forms that kernels are made of.

Small matrix products become products and sums, which fuse with their surroundings and cost no call.
Large reductions are cut into blocks, whose partial results a second reduction combines: work for
several threads, sums of short runs, and the same order of additions for any number of threads.
"""

from __future__ import annotations

import itertools
from math import prod
from typing import Any

from ..graph.graph import Graph, GraphNode
from .contraction.steps import weight_plan
from .rewrite import Rewriter, sweep, uses_of
from .scalar_code import TAGS
from .simplify import host_of

SMALL_PRODUCT = 32768
# Below that, work from which tiles are nevertheless faster, where loops have short vectors or read
# them from far apart: the sum and the row of the result that make a vector of few lanes, the sum
# that takes long beside it, and the one that adding up the lanes of a vector costs as much as.
TILES_LEAST, TURNED_LEAST, FEW_LANES, LONG_SUM, SHORT_SUM = 1 << 12, 1 << 11, 8, 16, 20
LARGE_VECTOR = 1 << 18  # multiply-adds from which a vector's product is worth a second thread
# From this many rows, columns and multiply-adds on, tiles are faster for a batch of small products.
BATCH_LEAST, BATCH_WORK = 8, 1 << 17
# A product whose result has fewer tiles than PARTS is cut along its sum, in parts of at least so
# many places and multiply-adds.
PARTS, PART_LENGTH, PART_WORK = 16, 256, 1 << 18
_TILE = 16, 32  # about what a tile covers
BLOCK = 32768
_SPLIT = 2 * BLOCK
_FLOATS = ("f32", "f64")
# Neighbours in memory that are reduced without a loop, places that are with them, and results.
SHORT, PLACES, _RESULTS = 3, 32, 64


def merge_products(graph: Graph) -> Graph:
    """Sums over a batch of products, and transposed results, become part of the products."""
    products = {n.outs[0] for n in graph.nodes if n.op == "matmul"}
    if not any(n.ins and n.ins[0] in products and _merges(n) for n in graph.nodes):
        return graph  # a sweep over nothing would cost as much as the others
    uses = uses_of(graph)

    def rule(r: Rewriter, node: GraphNode, ins: tuple[int, ...]) -> int | None:
        if node.op not in ("sum", "permute") or uses[node.ins[0]] != 1:
            return None
        product = r.made_by(ins[0], "matmul")
        if product is None or r.old.shapes[node.ins[0]] != r.shape(ins[0]):
            return None
        if node.op == "permute":
            return _transposed_product(r, product, tuple(node.attrs[0]))
        return _summed_product(r, product, tuple(node.attrs[0]))

    return sweep(graph, rule)


def _merges(node: GraphNode) -> bool:
    """Whether a node on a product may become part of it."""
    if node.op == "permute":
        return _is_swap(tuple(node.attrs[0]))
    return node.op == "sum" and tuple(node.attrs[0]) == tuple(range(len(node.attrs[0])))


def _is_swap(dims: tuple[int, ...]) -> bool:
    """Whether a permutation exchanges the last two axes."""
    rank = len(dims) - 2
    return dims == (*range(rank), rank + 1, rank)


def _swap(r: Rewriter, v: int) -> int:
    """The value with its last two axes exchanged."""
    rank = len(r.shape(v)) - 2
    return r.permute(v, (*range(rank), rank + 1, rank))


def _transposed_product(r: Rewriter, product: GraphNode, dims: tuple[int, ...]) -> int | None:
    if not _is_swap(dims):
        return None
    a, b = product.ins
    return r.matmul(_swap(r, b), _swap(r, a), product)


def _summed_product(r: Rewriter, product: GraphNode, axes: tuple[int, ...]) -> int | None:
    """The sum over the batch of a.T @ b is one product over batch and rows."""
    a, b = product.ins
    *batch, m, k = r.shape(a)
    n = r.shape(b)[-1]
    if not batch or axes != tuple(range(len(batch))):
        return None
    rows = prod(batch) * k
    swapped = _swap(r, a)
    if r.made_by(a, "permute") is None or r.made_by(swapped, "expand") or r.made_by(b, "expand"):
        return None
    tall = r.reshape(swapped, (rows, m))
    return r.matmul(_swap(r, tall), r.reshape(b, (rows, n)), product)


def split_products(graph: Graph) -> Graph:
    """Long sums of small results become products of their parts, whose results are added: work for
    several threads, where the tiles of the result alone are not.
    """
    if any(_parts_of_sum(graph, n) > 1 for n in graph.nodes if n.op == "matmul"):
        return sweep(graph, _split_product)
    return graph


def _parts_of_sum(graph: Graph, node: GraphNode) -> int:
    """In how many parts the sum of a product is cut; they follow from the sizes alone."""
    *batch, m, k = graph.shapes[node.ins[0]]
    n = graph.shapes[node.ins[1]][-1]
    if TAGS.get(graph.dtypes[node.outs[0]]) not in _FLOATS or min(m, n, *batch) < 1:
        return 1
    if min(m, n) < 2:
        return 1  # a vector's product is a sum, which is cut as such
    tiles = prod(batch) * -(-m // _TILE[0]) * -(-n // _TILE[1])
    most = min(PARTS // tiles, k // PART_LENGTH, prod(batch) * m * n * k // PART_WORK)
    if most < 2:
        return 1
    # Parts of one length need no product for the rest.
    return next((p for p in range(most, most // 2, -1) if k % p == 0), most)


def _split_product(r: Rewriter, node: GraphNode, ins: tuple[int, ...]) -> int | None:
    parts = _parts_of_sum(r.old, node) if node.op == "matmul" else 1
    if parts == 1:
        return None
    a, b = ins
    *batch, m, k = r.shape(a)
    n = r.shape(b)[-1]
    length, rank = k // parts, len(batch)
    whole = parts * length
    axes = range(rank)
    x = r.reshape(_places(r, a, rank + 1, 0, whole), (*batch, m, parts, length))
    x = r.permute(x, (rank + 1, *axes, rank, rank + 2))
    y = r.reshape(_places(r, b, rank, 0, whole), (*batch, parts, length, n))
    y = r.permute(y, (rank, *axes, rank + 1, rank + 2))
    out, dt = (*batch, m, n), r.type_of(a)
    total = r.add("sum", (r.matmul(x, y, node),), out, dt, ((0,),))
    if whole == k:
        return total
    x, y = _places(r, a, rank + 1, whole, k), _places(r, b, rank, whole, k)
    return r.add("add", (total, r.matmul(x, y, node)), out, dt)


def _places(r: Rewriter, v: int, axis: int, first: int, stop: int) -> int:
    """The places from `first` to below `stop` of an axis."""
    shape = r.shape(v)
    if stop - first == shape[axis]:
        return v
    starts, stops = [0] * len(shape), list(shape)
    starts[axis], stops[axis] = first, stop
    index = (*(slice(None) for _ in range(axis)), slice(first, stop))
    attrs = (tuple(starts), tuple(stops), (1,) * len(shape))
    made = (*shape[:axis], stop - first, *shape[axis + 1 :])
    return r.add("slice", (v,), made, r.type_of(v), attrs, lambda x: x[index])


def small_products(graph: Graph) -> Graph:
    """Matrix products that are too small for tiles, or whose numbers are integers."""
    turned = {n.outs[0] for n in graph.nodes if n.op == "permute" and _is_swap(n.attrs[0])}
    if any(n.op == "matmul" and _is_small(graph, n, turned) for n in graph.nodes):
        return sweep(graph, lambda r, node, ins: _product(r, node, ins, turned))
    return graph


def _is_small(graph: Graph, node: GraphNode, turned: set[int]) -> bool:
    """turned: values that are another one with its last two axes exchanged."""
    tag = TAGS.get(graph.dtypes[node.outs[0]], "b1")
    m, k = graph.shapes[node.ins[0]][-2:]
    n = graph.shapes[node.ins[1]][-1]
    if tag == "b1":
        return False
    if tag not in _FLOATS:
        return True
    if m * n * k < SMALL_PRODUCT:
        count = prod(graph.shapes[node.outs[0]][:-2])
        if count == 1 and _wants_tiles(m, k, n, node.ins[1] in turned):
            return False
        return min(m, n, k) < BATCH_LEAST or m * n * k * count < BATCH_WORK
    return k == 1 or m == n == 1 or (1 in (m, n) and m * n * k >= LARGE_VECTOR)


def _wants_tiles(m: int, k: int, n: int, turned: bool) -> bool:
    """Whether the loops of a small product would have a bad vector: of columns that lie across, of
    few columns for a long sum, or along a short sum for several columns.
    """
    work = m * k * n
    if 1 in (m, k, n) or work < TURNED_LEAST:
        return False
    if turned and k < FEW_LANES:
        return True
    if work < TILES_LEAST:
        return False
    return n >= 4 and k <= SHORT_SUM if turned else n < FEW_LANES and k >= LONG_SUM


def _product(
    r: Rewriter, node: GraphNode, ins: tuple[int, ...], turned: set[int]
) -> int | None:  # fmt: skip
    if node.op != "matmul":
        return None
    if not _is_small(r.old, node, turned):
        return None
    a, b = ins
    dt = r.type_of(a)
    *batch, m, k = r.shape(a)
    n = r.shape(b)[-1]
    lead = tuple(batch)
    rank = len(lead)
    result = (*lead, m, n)
    if n == 1:  # a column is a row: the matrix may lie either way
        a, b = r.reshape(b, (*lead, 1, k)), _swap(r, a)
        m, n = 1, m
    swap = (*range(rank), rank + 1, rank)
    source = r.made_by(b, "permute")
    if source is not None and tuple(source.attrs[0]) == swap and k >= 8:
        # Rows of both operands lie in memory: dot products along k.
        shape = (*lead, m, n, k)
        x = r.expand(r.reshape(a, (*lead, m, 1, k)), shape)
        y = r.expand(r.reshape(source.ins[0], (*lead, 1, n, k)), shape)
        axis = rank + 2
    else:
        shape = (*lead, m, k, n)
        x = r.expand(r.reshape(a, (*lead, m, k, 1)), shape)
        y = r.expand(r.reshape(b, (*lead, 1, k, n)), shape)
        axis = rank + 1
    out = r.add("mul", (x, y), shape, dt)
    if k == 1:
        return r.reshape(out, result)
    return r.reshape(r.add("sum", (out,), (*lead, m, n), dt, ((axis,),)), result)


_COMBINE = {"sum": "add", "prod": "mul", "max": "maximum", "min": "minimum"}


def short_reductions(graph: Graph) -> Graph:
    """Reductions of two or three neighbours, as of coordinates or in a pooling layer's windows,
    become operations on strided slices: a loop over them has one lane of a vector at work.
    """
    if any(_neighbours(graph, n) for n in graph.nodes):
        return sweep(graph, _unrolled)
    return graph


def _neighbours(graph: Graph, node: GraphNode) -> tuple[int, ...]:
    """The axes of a reduction that are done without a loop."""
    if node.op not in _COMBINE:
        return ()
    a, out = node.ins[0], node.outs[0]
    shape, dt = graph.shapes[a], graph.dtypes[out]
    if graph.dtypes[a] is not dt or TAGS.get(dt) not in ("f32", "f64", "i32", "i64"):
        return ()
    if prod(graph.shapes[out]) < _RESULTS:
        return ()
    last = max((k for k, n in enumerate(shape) if n != 1), default=-1)
    axes = tuple([k for k in node.attrs[0] if shape[k] != 1])
    if last not in axes or shape[last] > SHORT:
        return ()
    return axes if prod([shape[k] for k in axes]) <= PLACES else (last,)


def _unrolled(r: Rewriter, node: GraphNode, ins: tuple[int, ...]) -> int | None:
    axes = _neighbours(r.old, node)
    if not axes:
        return None
    a, out = ins[0], node.outs[0]
    shape, dt = r.shape(a), r.old.dtypes[out]
    part = tuple([1 if k in axes else n for k, n in enumerate(shape)])
    total = -1
    for place in itertools.product(*[range(shape[k]) for k in axes]):
        starts = [0] * len(shape)
        for k, at in zip(axes, place, strict=True):
            starts[k] = at
        stops = [s + n for s, n in zip(starts, part, strict=True)]
        attrs: Any = (tuple(starts), tuple(stops), (1,) * len(shape))
        seen = r.add("slice", (a,), part, dt, attrs, host_of("slice", attrs))
        total = seen if total < 0 else r.add(_COMBINE[node.op], (total, seen), part, dt)
    if all(part[k] == 1 for k in node.attrs[0]):
        return r.reshape(total, r.old.shapes[out])
    return r.add(node.op, (total,), r.old.shapes[out], dt, node.attrs)


def split_reductions(graph: Graph) -> Graph:
    """Large reductions in two steps."""
    if any(n.op == "convolve_weight" or _axis_and_block(graph, n) for n in graph.nodes):
        return sweep(graph, _split)
    return graph


def _split_positions(r: Rewriter, node: GraphNode, ins: tuple[int, ...]) -> int | None:
    """A gradient of a weight with few elements: partial sums, work for several threads."""
    out = r.old.shapes[node.outs[0]]
    dt = r.type_of(ins[0])
    parts = weight_plan(r.graph, ins, node.attrs, TAGS[dt]).parts
    if parts == 1:
        return None
    attrs = (*node.attrs[:5], parts)
    v = r.add("convolve_weight", ins, (parts, *out[1:]), dt, attrs, None, node.where)
    return r.reshape(r.add("sum", (v,), out[1:], dt, ((0,),)), out)


_SPLITTABLE = frozenset("sum prod max min any all".split())


def _axis_and_block(graph: Graph, node: GraphNode) -> tuple[int, int] | None:
    """Which axis a reduction is cut along, in blocks of which size; None where it is not."""
    if node.op not in _SPLITTABLE:
        return None
    a, out = node.ins[0], node.outs[0]
    shape = graph.shapes[a]
    if prod(shape) < _SPLIT or graph.dtypes[out] not in TAGS or graph.dtypes[a] not in TAGS:
        return None
    axes = tuple(k for k in node.attrs[0] if shape[k] != 1)
    kept = prod(n for k, n in enumerate(shape) if k not in node.attrs[0])
    if not axes:
        return None
    axis = max(axes, key=lambda k: shape[k])
    size = shape[axis]
    count = prod(shape[k] for k in axes)
    other = count // size
    last = max((k for k, n in enumerate(shape) if n != 1), default=-1)
    if last in axes:
        if kept >= 64 or count < _SPLIT:
            return None
        block = max(1, BLOCK // other)
    else:
        columns = prod(shape[max(axes) + 1 :])
        if count <= 64 or (count <= 1024 and kept // columns * (columns // 64) >= 8):
            return None
        block = max(1, min(512, max(16, BLOCK // columns)) // other)
    return (axis, block) if block < size else None


def _split(r: Rewriter, node: GraphNode, ins: tuple[int, ...]) -> int | None:
    if node.op == "convolve_weight":
        return _split_positions(r, node, ins)
    found = _axis_and_block(r.old, node)
    if found is None:
        return None
    axis, block = found
    a, out = ins[0], node.outs[0]
    shape, dt = r.shape(a), r.old.dtypes[out]
    kept = tuple(n for k, n in enumerate(shape) if k not in node.attrs[0])
    blocks = -(-shape[axis] // block)
    if block == 1:
        rest = tuple(k for k in node.attrs[0] if k != axis)
        middle = tuple(n for k, n in enumerate(shape) if k not in rest)
        part = r.add(node.op, (a,), middle, dt, (rest,))
        at = axis - sum(k < axis for k in rest)
        return r.add(node.op, (part,), kept, dt, ((at,),))
    attrs = (node.op, tuple(node.attrs[0]), axis, block)
    part = r.add("reduce_block", (a,), (blocks, *kept), dt, attrs)
    return r.add(node.op, (part,), kept, dt, ((0,),))
