"""Passes that make the graph smaller without changing any bit of its results.

A value is uniform when it is a constant seen through movement ops; most identities look for those.
Float identities are kept only where they are exact for signed zeros, infinities and NaN.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..dtypes import bool_, rounded
from ..graph.graph import Graph, GraphNode
from .fusion import REDUCTIONS
from .rewrite import Rewriter, sweep
from .scalar_code import ELEMENTWISE, TAGS

_NOTHING = object()
_CHOICES = 12  # places of a window, for instance
_SPREADING = frozenset(("reshape", "permute", "expand", "slice", "flip", "strided"))
_LOSSLESS = {
    ("b1", "u8"), ("b1", "i32"), ("b1", "i64"), ("b1", "f32"), ("b1", "f64"), ("u8", "i32"),
    ("u8", "i64"), ("u8", "f32"), ("u8", "f64"), ("i32", "i64"), ("i32", "f64"), ("f32", "f64"),
    ("f16", "f32"), ("f16", "f64"), ("fb16", "f32"), ("fb16", "f64"), ("i16", "i32"),
    ("i16", "i64"), ("i16", "f32"), ("i16", "f64"), ("i8", "i16"), ("i8", "i32"), ("i8", "i64"),
    ("i8", "f32"), ("i8", "f64"), ("u8", "i16"), ("b1", "i16"), ("b1", "i8"),
}  # fmt: skip


def uniform_value(r: Rewriter, v: int) -> Any:
    """The constant that every element of v is, or _NOTHING."""
    node = r.producer[v]
    while node is not None and node.op in _SPREADING:
        node = r.producer[node.ins[0]]
    return node.attrs[0] if node is not None and node.op == "const" else _NOTHING


def simplify(graph: Graph) -> Graph:
    """Identities, constant folding and common subexpressions in one walk."""
    return sweep(graph, _rule)


def _rule(r: Rewriter, node: GraphNode, ins: tuple[int, ...]) -> int | None:
    if len(node.outs) != 1:
        return None
    op = node.op
    if op in _MOVEMENT:
        return _MOVEMENT[op](r, node, ins)
    if op in REDUCTIONS:
        return _reduction(r, node, ins)
    if op not in ELEMENTWISE or node.host is None and op == "copy":
        return None
    out = node.outs[0]
    shape, dt = r.old.shapes[out], r.old.dtypes[out]
    if dt not in TAGS or any(r.type_of(a) not in TAGS for a in ins):
        return None
    values = [uniform_value(r, a) for a in ins]
    if all(x is not _NOTHING for x in values) and node.host is not None:
        return _fold(r, node, ins, values, shape)
    return _identity(r, op, ins, values, out)


def _reduction(r: Rewriter, node: GraphNode, ins: tuple[int, ...]) -> int | None:
    """A reduction over axes of one element only moves them away."""
    axes, a, out = node.attrs[0], ins[0], node.outs[0]
    if isinstance(axes, int) or r.type_of(a) is not r.old.dtypes[out]:
        return None
    if any(r.shape(a)[k] != 1 for k in axes):
        return None
    return r.reshape(a, r.old.shapes[out])


def _fold(
    r: Rewriter, node: GraphNode, ins: tuple[int, ...], values: list[Any], shape: tuple[int, ...]
) -> int | None:
    """A node on constants, computed by its reference on arrays of one element."""
    arrays = [np.asarray(x, r.type_of(a).np) for a, x in zip(ins, values, strict=True)]
    assert node.host is not None
    with np.errstate(all="ignore"):
        found = np.asarray(node.host(*arrays))
    if found.size != 1:
        return None  # a reference that knows the full shape
    dt = r.old.dtypes[node.outs[0]]
    return r.uniform(rounded(found, dt.np).item(), shape, dt)


def _identity(
    r: Rewriter, op: str, ins: tuple[int, ...], values: list[Any], out: int
) -> int | None:
    dt, shape = r.old.dtypes[out], r.old.shapes[out]
    first = ins[0]
    if op == "cast":
        return _cast(r, ins[0], out)
    if op in ("neg", "logical_not", "bitwise_not"):
        inner = r.made_by(first, op)
        same = inner is not None and r.type_of(inner.ins[0]) is dt
        return inner.ins[0] if inner is not None and same else None
    if op in ("relu", "abs", "floor", "ceil", "trunc", "round"):
        return first if r.made_by(first, op) is not None else None
    if op == "where":
        if ins[1] == ins[2]:
            return ins[1]
        return None if values[0] is _NOTHING else ins[1] if values[0] else ins[2]
    if op in ("maximum", "minimum", "bitwise_and", "bitwise_or") and ins[0] == ins[1]:
        return first
    if op == "pow" and values[1] is not _NOTHING and dt.is_floating_point:
        if values[1] == 1:
            return first
        if values[1] == 2:
            return r.add("mul", (first, first), shape, dt)
        return None
    if op in ("add", "sub", "mul", "div"):
        return _arithmetic(r, op, ins, values, shape)
    if op == "eq" and values[1] is not _NOTHING and not r.type_of(first).is_floating_point:
        return _chosen(r, first, values[1], shape)
    return None


def _difference(r: Rewriter, x: int, y: int, choices: int = _CHOICES) -> int | None:
    """x - y for whole numbers, where x is a choice of numbers that y is added to.

    So places inside a window come out as constants, without the place of the window.
    """
    if x == y:
        return r.uniform(0, r.shape(x), r.type_of(x))
    node = r.producer[x]
    if node is None or not choices:
        return None
    if node.op == "add":
        for known, rest in (node.ins, node.ins[::-1]):
            if known == y and uniform_value(r, rest) is not _NOTHING:
                return rest
    if node.op == "where":
        parts = [_difference(r, a, y, choices - 1) for a in node.ins[1:]]
        if parts[0] is not None and parts[1] is not None:
            ins = (node.ins[0], parts[0], parts[1])
            return r.add("where", ins, r.shape(x), r.type_of(x))
    return None


def _chosen(
    r: Rewriter, x: int, wanted: Any, shape: tuple[int, ...], choices: int = _CHOICES
) -> int | None:
    """x == wanted, where x is a choice of constants: told from the conditions alone."""
    node = r.made_by(x, "where")
    if node is None or not choices:
        value = uniform_value(r, x)
        return None if value is _NOTHING else r.uniform(value == wanted, shape, bool_)
    condition, first, second = node.ins
    value = uniform_value(r, first)
    rest = _chosen(r, second, wanted, shape, choices - 1) if value is not _NOTHING else None
    if rest is None:
        return None
    known = uniform_value(r, rest)
    if value == wanted:
        if known is _NOTHING:
            return r.add("logical_or", (condition, rest), shape, bool_)
        return rest if known else condition
    if known is not _NOTHING and not known:
        return rest
    other = r.add("logical_not", (condition,), shape, bool_)
    return other if known is not _NOTHING else r.add("logical_and", (other, rest), shape, bool_)


def _arithmetic(
    r: Rewriter, op: str, ins: tuple[int, ...], values: list[Any], shape: tuple[int, ...]
) -> int | None:
    dt = r.type_of(ins[0])
    if dt.name == "bool":
        return None
    (x, y), (a, b) = ins, values
    if op == "sub" and not dt.is_floating_point:
        found = _difference(r, x, y)
        if found is not None:
            return found
    if op in ("mul", "div"):
        if b is not _NOTHING and b == 1:
            return x
        if op == "mul" and a is not _NOTHING and a == 1:
            return y
        if op == "div" and b is not _NOTHING and _has_exact_reciprocal(b, dt.name):
            return r.add("mul", (x, r.uniform(1.0 / b, shape, dt)), shape, dt)
        return None
    # x - 0.0 is x; x + 0.0 is not, for x = -0.0.
    if b is not _NOTHING and b == 0 and (not dt.is_floating_point or _negative(b) == (op == "add")):
        return x
    if op == "add" and a is not _NOTHING and a == 0:
        if not dt.is_floating_point or _negative(a):
            return y
    return None


def _negative(zero: Any) -> bool:
    return math.copysign(1.0, zero) < 0


def _has_exact_reciprocal(value: Any, name: str) -> bool:
    """Whether dividing by `value` is multiplying by a power of two that is a normal number."""
    if name not in ("float32", "float64") or not value or not math.isfinite(value):
        return False
    mantissa, exponent = math.frexp(float(value))
    return abs(mantissa) == 0.5 and abs(exponent) < 100


def _cast(r: Rewriter, a: int, out: int) -> int | None:
    dt, shape = r.old.dtypes[out], r.old.shapes[out]
    if r.type_of(a) is dt:
        return a
    inner = r.made_by(a, "cast")
    if inner is None:
        return None
    source = inner.ins[0]
    if r.type_of(source) not in TAGS:
        return None
    if (TAGS[r.type_of(source)], TAGS[r.type_of(a)]) not in _LOSSLESS:
        return None
    if r.type_of(source) is dt:
        return source
    return r.add("cast", (source,), shape, dt, (dt.name,))


# Movement: `ins` has one operand except for cat.


def _reshape(r: Rewriter, node: GraphNode, ins: tuple[int, ...]) -> int | None:
    shape = r.old.shapes[node.outs[0]]
    a = ins[0]
    inner = r.made_by(a, "reshape")
    if inner is not None:
        a = inner.ins[0]
    if r.shape(a) == shape:
        return a
    if inner is not None:
        return r.add("reshape", (a,), shape, r.type_of(a), (shape,), node.host)
    return None


def _permute(r: Rewriter, node: GraphNode, ins: tuple[int, ...]) -> int | None:
    dims = tuple(node.attrs[0])
    if r.made_by(ins[0], "permute") is None and dims != tuple(range(len(dims))):
        return None
    return r.permute(ins[0], dims)


def host_of(op: str, attrs: tuple[Any, ...]) -> Any:
    """The reference of a movement node that a rewrite made."""
    if op == "expand":
        return lambda x: np.broadcast_to(x, attrs[0])
    starts, stops, steps = attrs
    index = tuple(slice(*x) for x in zip(starts, stops, steps, strict=True))
    return lambda x: x[index]


def _expand(r: Rewriter, node: GraphNode, ins: tuple[int, ...]) -> int | None:
    shape, a = r.old.shapes[node.outs[0]], ins[0]
    inner = r.made_by(a, "expand")
    if inner is not None:
        a = inner.ins[0]
    if r.shape(a) == shape:
        return a
    if inner is not None:
        return r.add("expand", (a,), shape, r.type_of(a), (shape,), host_of("expand", (shape,)))
    return None


def _slice(r: Rewriter, node: GraphNode, ins: tuple[int, ...]) -> int | None:
    shape, a = r.old.shapes[node.outs[0]], ins[0]
    if r.shape(a) == shape and all(
        s == 0 or n <= 1 for s, n in zip(node.attrs[0], shape, strict=True)
    ):
        return a
    inner = r.made_by(a, "slice")
    if inner is None:
        return None
    starts, stops, steps = [], [], []
    for s, t, s0, t0, n in zip(
        node.attrs[0], node.attrs[2], inner.attrs[0], inner.attrs[2], shape, strict=True
    ):
        starts.append(s0 + s * t0)
        steps.append(t * t0)
        stops.append(starts[-1] + max(0, n - 1) * steps[-1] + (1 if n else 0))
    attrs = (tuple(starts), tuple(stops), tuple(steps))
    return r.add("slice", inner.ins, shape, r.type_of(a), attrs, host_of("slice", attrs))


def _flip(r: Rewriter, node: GraphNode, ins: tuple[int, ...]) -> int | None:
    inner = r.made_by(ins[0], "flip")
    if inner is not None and set(inner.attrs[0]) == set(node.attrs[0]):
        return inner.ins[0]
    moved = any(r.shape(ins[0])[d] > 1 for d in node.attrs[0])
    return None if moved else ins[0]


def _pad(r: Rewriter, node: GraphNode, ins: tuple[int, ...]) -> int | None:
    low, high, _ = node.attrs
    return ins[0] if not any(low) and not any(high) else None


def _cat(r: Rewriter, node: GraphNode, ins: tuple[int, ...]) -> int | None:
    axis = node.attrs[0]
    full = tuple([a for a in ins if r.shape(a)[axis]])
    if len(full) == 1:
        return full[0]
    if full and len(full) < len(ins):
        out = node.outs[0]
        host = (lambda *xs: np.concatenate(xs, axis)) if node.host is not None else None
        return r.add("cat", full, r.old.shapes[out], r.old.dtypes[out], node.attrs, host)
    return None


_MOVEMENT = {
    "reshape": _reshape, "permute": _permute, "expand": _expand, "slice": _slice, "flip": _flip,
    "pad": _pad, "cat": _cat,
}  # fmt: skip


def own_outputs(graph: Graph) -> Graph:
    """An output that is an input, or another output, becomes a copy: each has memory of its own."""
    seen = set(graph.inputs)
    pairs = {n.outs[0]: n for n in graph.nodes if n.op == "as_complex"}
    for i, v in enumerate(graph.outputs):
        node = pairs.get(v)  # complex numbers lie where their parts do
        memory = v if node is None else node.ins[0]
        if memory in seen:
            dt = graph.dtypes[memory]
            made = graph.add("copy", (memory,), graph.shapes[memory], dt, (), lambda x: x)
            if node is not None:
                dt = graph.dtypes[v]
                made = graph.add(node.op, (made,), graph.shapes[v], dt, (), node.host)
            graph.outputs[i] = made
        seen.add(memory)
    return graph


def dead_code(graph: Graph) -> Graph:
    """Keeps what outputs and updates need."""
    needed = [False] * len(graph.shapes)
    for v in graph.outputs:
        needed[v] = True
    keep: list[GraphNode] = []
    for node in reversed(graph.nodes):
        outs = node.outs
        if needed[outs[0]] if len(outs) == 1 else not outs or any(needed[v] for v in outs):
            keep.append(node)
            for a in node.ins:
                needed[a] = True
    if len(keep) == len(graph.nodes):
        return graph
    out = Graph()
    out.shapes, out.dtypes, out.scalars = graph.shapes, graph.dtypes, graph.scalars
    out.inputs, out.outputs, out.nodes = graph.inputs, graph.outputs, keep[::-1]
    return out
