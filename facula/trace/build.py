"""From a path of the trie to the compiler's graph: conversions and broadcasts become explicit
nodes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..dtypes import convert, dtype, float32, float64, int64, is_half
from ..graph import Graph, GraphNode
from .trie import BUNDLE, INPUT, MODE, Node
from .values import Meta, Shape, meta


class Builder:
    """What a lowering receives: adds nodes to the graph, with small helpers for what is common."""

    def __init__(self) -> None:
        self.graph = Graph()
        self.values: dict[int, int] = {}  # slot -> graph value
        self.metas: dict[int, Meta] = {}  # slot -> facts

    def meta(self, slot: int) -> Meta:
        return self.metas[slot]

    def add(
        self,
        op: str,
        ins: tuple[int, ...],
        shape: Shape,
        dt: dtype,
        attrs: tuple[Any, ...] = (),
        host: Callable[..., Any] | None = None,
    ) -> int:
        return self.graph.add(op, ins, shape, dt, attrs, host)

    def add_many(
        self,
        op: str,
        ins: tuple[int, ...],
        metas: tuple[Meta, ...],
        attrs: tuple[Any, ...],
        host: Callable[..., Any],
    ) -> list[int]:
        """The values of a node with several results."""
        outs = tuple(self.graph.value(m.shape, m.dtype) for m in metas)
        self.graph.nodes.append(GraphNode(op, ins, outs, attrs, host))
        return list(outs)

    def cast(self, v: int, dt: dtype) -> int:
        """The value in another dtype."""
        source = self.graph.dtypes[v]
        if source is dt:
            return v
        return self.add(
            "cast", (v,), self.graph.shapes[v], dt, (dt.name,), host=lambda a: convert(a, dt)
        )

    def reshape(self, v: int, shape: Shape) -> int:
        if self.graph.shapes[v] == shape:
            return v
        return self.add(
            "reshape", (v,), shape, self.graph.dtypes[v], (shape,), host=lambda a: a.reshape(shape)
        )

    def expand(self, v: int, shape: Shape) -> int:
        """The value broadcast to a shape of the same or a higher rank."""
        have = self.graph.shapes[v]
        if have == shape:
            return v
        if len(have) < len(shape):
            v = self.reshape(v, (1,) * (len(shape) - len(have)) + have)
            if self.graph.shapes[v] == shape:
                return v
        return self.add(
            "expand", (v,), shape, self.graph.dtypes[v], (shape,),
            host=lambda a: np.broadcast_to(a, shape),
        )  # fmt: skip

    def constant(self, value: Any, dt: dtype, shape: Shape = ()) -> int:
        v = self.add("const", (), (), dt, (value,), host=lambda: np.asarray(value, dt.np))
        return self.expand(v, shape)

    def pad(self, v: int, low: Shape, high: Shape, value: Any) -> int:
        have = self.graph.shapes[v]
        shape = tuple(a + n + b for a, n, b in zip(low, have, high, strict=True))
        width = list(zip(low, high, strict=True))
        return self.add(
            "pad", (v,), shape, self.graph.dtypes[v], (low, high, value),
            host=lambda a: np.pad(a, width, constant_values=value),
        )  # fmt: skip

    def slice(self, v: int, starts: Shape, stops: Shape, steps: Shape | None = None) -> int:
        """Some places of each of the last axes; steps: 1 by default."""
        have = self.graph.shapes[v]
        first = len(have) - len(starts)  # of the axes that are cut
        steps = steps or (1,) * len(starts)
        attrs = (0,) * first + starts, have[:first] + stops, (1,) * first + steps
        shape = tuple(len(range(*cut)) for cut in zip(*attrs, strict=True))
        if shape == have and all(step == 1 for step in attrs[2]):
            return v
        places = tuple(map(slice, *attrs))
        dt = self.graph.dtypes[v]
        return self.add("slice", (v,), shape, dt, attrs, host=lambda a: a[places])

    def scalar(self, kind: str) -> int:
        """The next run-time scalar: a 0-d double ("f") or int64 ("i")."""
        index = len(self.graph.scalars)
        self.graph.scalars.append(kind)
        return self.graph.add("scalar", (), (), float64 if kind == "f" else int64, (index,))


def build_graph(path: list[Node], needed: set[int], outputs: list[int]) -> Graph:
    """The graph of the nodes in `needed` (positions in the path); `outputs` are slots."""
    b = Builder()
    g = b.graph
    for position, node in enumerate(path):
        if node.kind == MODE:
            continue
        if node.kind in (INPUT, BUNDLE):
            for k, m in enumerate(node.metas):
                b.values[node.slot + k] = g.add_input(m.shape, m.dtype)
                b.metas[node.slot + k] = m
            continue
        for slot, number in node.fixed.items():
            b.values[slot] = b.constant(number, node.number_meta[slot].dtype)
            b.metas[slot] = node.number_meta[slot]
        for slot in node.scalar:
            facts = b.metas[slot] = node.number_meta[slot]
            b.values[slot] = b.scalar("i" if facts.dtype is int64 else "f")
        for k, m in enumerate(node.metas):
            b.metas[node.slot + k] = m
        if position not in needed:
            continue
        ins = [b.values[s] for s in node.ins]
        before = len(g.nodes)
        outs = _lowered(b, ins, node) if node.op.lower is not None else None
        if outs is None:
            del g.nodes[before:]
            outs = _host(b, ins, node)
        origin = (node.cause or node.op.name, node.line)
        for made in g.nodes[before:]:
            made.origin = origin
            made.where = node.where
        for k, v in enumerate(outs):
            b.values[node.slot + k] = v
    g.outputs = []
    used: set[int] = set()
    for s in outputs:
        v = b.values[s]
        if v in used:  # two names of one value: the second gets memory of its own
            v = b.add("reshape", (v,), g.shapes[v], g.dtypes[v], (g.shapes[v],), host=lambda a: a)
        used.add(v)
        g.outputs.append(v)
    return g


class _Wide:
    """A recorded node whose results of 16-bit floats are float32."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.metas = tuple(meta(m.shape, float32) if is_half(m.dtype) else m for m in node.metas)
        self.meta = self.metas[0]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._node, name)


def _lowered(b: Builder, ins: list[int], node: Node) -> list[int] | None:
    """The results of the op's lowering, or None where it has none for these operands.

    Formulas on 16-bit floats are computed in float32 and rounded once, as by the references. What
    works element by element or only moves elements sees to that itself.
    """
    lower = node.op.lower
    assert lower is not None
    kinds = ("contraction", "reduction", "recurrent", "indexing")
    half = any(is_half(m.dtype) for m in node.metas)
    if node.op.kind not in kinds or not (half or any(is_half(b.graph.dtypes[v]) for v in ins)):
        return lower(b, ins, node)
    wide = [b.cast(v, float32) if is_half(b.graph.dtypes[v]) else v for v in ins]
    outs = lower(b, wide, _Wide(node))
    if outs is None:
        return None
    return [b.cast(v, m.dtype) for v, m in zip(outs, node.metas, strict=True)]


def _host(b: Builder, ins: list[int], node: Node) -> list[int]:
    """The op as a step that runs its reference."""
    op, attrs, metas = node.op, node.attrs, node.metas

    def host(*arrays: Any) -> Any:
        return op.reference(arrays, attrs, metas)

    # a name of its own: an op of the graph with this name means something stricter (see docs)
    return b.add_many(f"reference:{op.name}", tuple(ins), metas, attrs, host)
