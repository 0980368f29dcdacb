"""Attention as one primitive, so that the scores of queries and keys are never in memory.

As products and a softmax it reads and writes the matrix of scores some ten times a training step,
and keeps one for the gradient: a sequence of 2048 in 8 heads has 134 MB of it for each layer and
example. The kernel works block by block (compiler/contraction/attention.py); what the gradient
needs besides the operands and the result are two numbers for each query.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import bool_, float32, float64
from ..trace.recorder import record1, record2, record_many, state
from ..trace.values import Shape, Value, meta, outside
from . import elementwise as e
from .contract import matmul
from .indexing import zeros
from .movement import reshape, transpose
from .record import Example, Op, Operand
from .reduce import SUM
from .softmax import SOFTMAX

MOST_WIDTH = 1024  # of a key and a value together: blocks of them lie near the processor
_INF = float("inf")


def _check(metas: Any) -> None:
    q, k, v = (m.shape for m in metas[:3])
    if not (
        len(q) == len(k) == len(v) == 4
        and q[0] == k[0] == v[0]
        and k[1] == v[1]
        and k[1]
        and q[1] % k[1] == 0
        and q[3] == k[3]
        and k[2] == v[2]
    ):
        raise RuntimeError(
            "attention: expected query [batch, heads, length, width], key [batch, kept, keys, "
            f"width] and value [batch, kept, keys, *], heads a multiple of kept, got {list(q)}, "
            f"{list(k)} and {list(v)}"
        )


def _rule(metas: Any, attrs: Any) -> Any:
    _check(metas)
    q, v = metas[0], metas[2]
    return (
        meta((*q.shape[:3], v.shape[3]), q.dtype),
        meta((2, *q.shape[:3]), q.dtype),
    )


def _backward_rule(metas: Any, attrs: Any) -> Any:
    _check(metas)
    return tuple(meta(m.shape, m.dtype) for m in metas[:3])


# ---------------------------------------------------------------- the references
def _scores(arrays: Any, attrs: Any, b: int, h: int) -> np.ndarray:
    """The scores of one head of keys [heads of queries for it, length, keys], masked ones -inf."""
    scale, causal = attrs
    q, k = arrays[0], arrays[1]
    times = q.shape[1] // k.shape[1]
    heads = slice(h * times, (h + 1) * times)
    scores = np.matmul(q[b, heads] * q.dtype.type(scale), k[b, h].T)
    if causal:
        scores = np.where(np.tri(*scores.shape[-2:], dtype=np.bool_), scores, -np.inf)
    elif len(arrays) > 3:
        mask = np.broadcast_to(arrays[3], (*q.shape[:3], k.shape[2]))[b, heads]
        if mask.dtype == np.bool_:
            mask = np.where(mask, 0, -np.inf).astype(q.dtype)
        scores = scores + mask
    return np.asarray(scores, q.dtype)


def _reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    q, k, v = arrays[:3]
    out = np.zeros(metas[0].shape, q.dtype)
    stats = np.zeros(metas[1].shape, q.dtype)
    times = q.shape[1] // k.shape[1]
    for b, h in np.ndindex(*k.shape[:2]):
        heads = slice(h * times, (h + 1) * times)
        scores = _scores(arrays, attrs, b, h)
        top = scores.max(-1)
        top = np.where(top == -np.inf, 0, top).astype(q.dtype)
        weights = np.exp(scores - top[..., None])
        total = weights.sum(-1)
        total = np.where(total == 0, np.inf, total).astype(q.dtype)
        out[b, heads] = np.matmul(weights, v[b, h]) / total[..., None]
        stats[0, b, heads], stats[1, b, heads] = top, total
    return out, stats


def _backward_reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    q, k, v = arrays[:3]
    out, stats, g = arrays[-3:]
    by_query, by_key, by_value = (np.zeros(m.shape, m.dtype.np) for m in metas)
    times = q.shape[1] // k.shape[1]
    for b, h in np.ndindex(*k.shape[:2]):
        heads = slice(h * times, (h + 1) * times)
        scores = _scores(arrays[:-3], attrs, b, h)
        weights = np.exp(scores - stats[0, b, heads][..., None])
        weights = weights / stats[1, b, heads][..., None]
        delta = (g[b, heads] * out[b, heads]).sum(-1, keepdims=True)
        change = weights * (np.matmul(g[b, heads], v[b, h].T) - delta) * q.dtype.type(attrs[0])
        by_query[b, heads] = np.matmul(change, k[b, h])
        by_key[b, h] = np.matmul(change.swapaxes(-1, -2), q[b, heads]).sum(0)
        by_value[b, h] = np.matmul(weights.swapaxes(-1, -2), g[b, heads]).sum(0)
    return by_query, by_key, by_value


# ---------------------------------------------------------------- the gradient
def _gradient(n: Any, g: Value | None, _: Value | None) -> Any:
    operands = [n.i(k) for k in range(n.count)]
    out, stats = n.o(0), n.o(1)
    if g is None:  # only the numbers for the gradient were asked for, which are constants to it
        g = zeros(out.meta.shape, out)
    if state.tr.grad:
        made = _differentiable(operands, g, n.attrs)
    else:
        made = record_many(ATTENTION_BACKWARD, (*operands, out, stats, g), n.attrs)
    return (*made, *(None,) * (n.count - 3))


def _differentiable(operands: list[Value], g: Value, attrs: Any) -> list[Value]:
    """The same in ops that have gradients of their own."""
    scale, causal = attrs
    q, k, v = operands[:3]
    batch, heads, length, width = q.meta.shape
    kept, keys, depth = k.meta.shape[1], k.meta.shape[2], v.meta.shape[3]
    groups: Shape = (batch, kept, heads // kept, length)
    q, g = reshape(q, (*groups, width)), reshape(g, (*groups, depth))
    k = reshape(k, (batch, kept, 1, keys, width))
    v = reshape(v, (batch, kept, 1, keys, depth))
    scores = e.mul(matmul(q, transpose(k)), scale)
    if causal:
        seen = np.tri(length, keys, dtype=np.bool_)
        scores = e.where(outside(meta(seen.shape, bool_), seen), scores, -_INF)
    elif len(operands) > 3:
        m = operands[3].meta.shape
        grouped = (kept, heads // kept) if m[1] > 1 else (1, 1)
        mask = reshape(operands[3], (m[0], *grouped, *m[2:]))
        if mask.meta.dtype is bool_:
            scores = e.where(mask, scores, -_INF)
        else:
            scores = e.where(record2(e.EQ, mask, -_INF), -_INF, e.add(scores, mask))
    # a query that sees nothing: 0 / 0
    weights = e.where(record2(e.EQ, scores, -_INF), 0.0, record1(SOFTMAX, scores, (4,)))
    change = matmul(g, transpose(v))
    change = e.sub(change, record1(SUM, e.mul(change, weights), ((4,), True)))
    change = e.mul(e.mul(weights, change), scale)
    by_query = reshape(matmul(change, k), (batch, heads, length, width))
    by_key = record1(SUM, matmul(transpose(change), q), ((2,), False))
    by_value = record1(SUM, matmul(transpose(weights), g), ((2,), False))
    return [by_query, by_key, by_value]


# ---------------------------------------------------------------- the lowerings
def _native(b: Any, ins: list[int]) -> bool:
    shapes = [b.graph.shapes[v] for v in ins]
    return (
        b.graph.dtypes[ins[0]] in (float32, float64)
        and all(0 not in s for s in shapes)
        and shapes[0][3] + shapes[2][3] <= MOST_WIDTH
    )


def _operands(b: Any, ins: list[int], masked: bool) -> list[int]:
    """A mask with one element for all keys has one for each; its other axes may stay 1."""
    if not masked:
        return ins
    *lead, last = b.graph.shapes[ins[3]]
    keys = b.graph.shapes[ins[1]][2]
    return [*ins[:3], b.expand(ins[3], (*lead, keys)), *ins[4:]]


def _order(b: Any, v: int) -> tuple[int, ...]:
    """The axes of v in the order in which they lie in memory, if movement is all that made it.

    Results that lie in this order spare the copy between heads side by side and one after another.
    """
    from ..compiler.indexing import (
        NeedSplit,
        NotAffine,
        identity_map,
        movement_map,
        offset_of,
    )

    makers = {out: node for node in b.graph.nodes for out in node.outs}
    shapes = b.graph.shapes
    shape = shapes[v]
    index = identity_map(len(shape))
    while v in makers and makers[v].op in ("reshape", "permute", "expand", "slice", "flip"):
        node = makers[v]
        source = node.ins[0]
        try:
            index = movement_map(node.op, node.attrs, index, shapes[v], shapes[source], shape)
        except (NotAffine, NeedSplit):
            break
        v = source
    strides = offset_of(index, shapes[v], len(shape))[1:]
    return (*sorted(range(3), key=lambda k: -strides[k]), 3)


def _reordered(shape: Shape, order: tuple[int, ...]) -> Shape:
    return tuple(shape[k] for k in order)


def _logical(b: Any, v: int, order: tuple[int, ...], shape: Shape) -> int:
    """A result that lies in another order, as a value of its shape."""
    if order == (0, 1, 2, 3):
        return v
    dims = tuple(order.index(k) for k in range(4))
    return int(b.add(
        "permute", (v,), shape, b.graph.dtypes[v], (dims,), lambda a: a.transpose(dims)
    ))  # fmt: skip


def _node(b: Any, op: str, ins: list[int], shapes: list[Shape], attrs: Any) -> list[int]:
    from ..graph import GraphNode

    outs = tuple(b.graph.value(shape, b.graph.dtypes[ins[0]]) for shape in shapes)
    b.graph.nodes.append(GraphNode(op, tuple(ins), outs, attrs))
    return list(outs)


def _lower(b: Any, ins: list[int], node: Any) -> list[int] | None:
    if not _native(b, ins):
        return None
    masked = len(ins) > 3
    shape, stats = (m.shape for m in node.metas)
    order = _order(b, ins[0])
    attrs = (*node.attrs, masked, order)
    outs = _node(
        b, "attention", _operands(b, ins, masked), [_reordered(shape, order), stats], attrs
    )
    return [_logical(b, outs[0], order, shape), outs[1]]


def _lower_backward(b: Any, ins: list[int], node: Any) -> list[int] | None:
    from ..compiler.contraction.attention_backward import parts_of

    if not _native(b, ins):
        return None
    masked = len(ins) > 6
    shapes = [m.shape for m in node.metas]
    orders = tuple(_order(b, v) for v in ins[:3])
    parts = parts_of(shapes[0], shapes[1], node.meta.dtype)
    wanted = [_reordered(s, order) for s, order in zip(shapes, orders, strict=True)]
    lying = [wanted[0], *((parts, *s) for s in wanted[1:])]
    attrs = (*node.attrs, masked, orders)
    outs = _node(b, "attention_backward", _operands(b, ins, masked), lying, attrs)
    for k in (1, 2):
        if parts == 1:
            outs[k] = b.reshape(outs[k], wanted[k])
        else:
            outs[k] = b.add(
                "sum", (outs[k],), wanted[k], node.meta.dtype, ((0,),), lambda a: a.sum(0)
            )
    return [_logical(b, *x) for x in zip(outs, orders, shapes, strict=True)]


# ---------------------------------------------------------------- the records
def _cases(backward: bool) -> list[Any]:
    found: list[Any] = []
    for q, k, depth, masks, causal in (
        ((1, 1, 1, 1), (1, 1, 1, 1), 1, (None,), False),
        ((2, 2, 3, 4), (2, 2, 5, 4), 3, (None, (2, 1, 1, 5), (1, 2, 3, 1)), False),
        ((1, 2, 4, 3), (1, 1, 3, 3), 2, (None,), True),
        ((2, 1, 3, 2), (2, 1, 4, 2), 5, (None,), True),
        ((1, 2, 70, 33), (1, 2, 70, 33), 17, (None,), True),
        ((1, 4, 75, 40), (1, 2, 131, 40), 48, (None, (1, 1, 75, 131), (1, 4, 1, 131)), False),
        ((0, 2, 3, 4), (0, 2, 3, 4), 4, (None,), False),
    ):
        v = (*k[:3], depth)
        for mask in masks:
            for kind in ("float", "mask") if mask is not None else ("",):
                operands: list[Any] = [q, k, v]
                if mask is not None:
                    operands.append(Operand(mask, kind))
                if backward:
                    operands += [(*q[:3], depth), (2, *q[:3]), (*q[:3], depth)]
                found.append((tuple(operands), (0.5, causal)))
    return found


# (query [batch, heads, length, width], key [batch, kept, keys, width], value [batch, kept, keys,
# depth], and a mask that broadcasts to [batch, heads, length, keys], of bools (True: takes part) or
# numbers that are added) -> (result [batch, heads, length, depth], and for the gradient [2, batch,
# heads, length]: the largest score of a query and the sum of exponentials relative to it). Head h
# of the query has head h // (heads // kept) of key and value. A query that sees nothing gives 0.
# attrs: (scale, whether query i sees keys up to i only); a mask and that do not come together.
ATTENTION = Op(
    "attention", "contraction", _rule, _reference, _gradient, _lower,
    example=Example(*_cases(False), dtypes="d", domain=(-1.0, 1.0), special=(), tolerance=4096.0),
)  # fmt: skip
# The numbers for the gradient are constants to it.
ATTENTION.example.derivative = False  # type: ignore[union-attr]
# (query, key, value, [mask,] result, the two numbers, gradient of the result) -> gradients of
# query, key and value
ATTENTION_BACKWARD = Op(
    "attention_backward", "contraction", _backward_rule, _backward_reference, None,
    _lower_backward,
    example=Example(*_cases(True), dtypes="d", domain=(0.25, 1.0), special=(), tolerance=4096.0),
)  # fmt: skip
