"""The sweep that passes share: one walk over a graph that builds the next one.

Values keep their numbers and unchanged nodes are shared: the two graphs have one list of values, to
which new ones are appended. Nodes are therefore never changed, only replaced.

A pass gives a function that sees each node with its operands already rewritten and returns the
value that replaces the node's result, or None to keep the node. Equal nodes become one on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..dtypes import dtype
from ..graph.graph import Graph, GraphNode
from .fusion import REDUCTIONS
from .scalar_code import ELEMENTWISE

_PURE = (
    ELEMENTWISE
    | REDUCTIONS
    | frozenset(
        "const scalar iota reshape permute expand slice flip pad cat strided strided_write take"
        " gather matmul scatter scatter_add scan reduce_block convolve convolve_weight".split()
    )
)

Rule = Callable[["Rewriter", GraphNode, tuple[int, ...]], "int | None"]


def _plain(value: Any) -> Any:
    """A key that tells 0.0 from -0.0, 1 from True, and finds NaN equal to itself."""
    return type(value), repr(value)


class Rewriter:
    """The new graph while it is built, with the producer of each of its values."""

    def __init__(self, graph: Graph) -> None:
        self.old = graph
        self.graph = Graph()
        self.graph.shapes, self.graph.dtypes = graph.shapes, graph.dtypes
        self.graph.inputs, self.graph.scalars = graph.inputs, graph.scalars
        self.producer: list[GraphNode | None] = [None] * len(graph.shapes)
        self.value_of: dict[int, int] = {}  # of values that were replaced
        self._known: dict[Any, int] = {}
        self._origin: tuple[str, str] | None = None  # of the node that is being rewritten

    def shape(self, v: int) -> tuple[int, ...]:
        return self.graph.shapes[v]

    def type_of(self, v: int) -> dtype:
        return self.graph.dtypes[v]

    def made_by(self, v: int, op: str) -> GraphNode | None:
        """The node that makes v, if it is an `op`."""
        node = self.producer[v]
        return node if node is not None and node.op == op else None

    def add(
        self,
        op: str,
        ins: tuple[int, ...],
        shape: tuple[int, ...],
        dt: dtype,
        attrs: tuple[Any, ...] = (),
        host: Any = None,
        where: str = "",
    ) -> int:
        """The value of a pure node of one result: the one that is there, or a new node's."""
        key = (op, ins, shape, dt, repr(attrs) if op in ("const", "pad") else attrs)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self.graph.add(op, ins, shape, dt, attrs, host, where)
            made = self.graph.nodes[-1]
            made.origin = self._origin
            self.producer.append(made)
        return found

    def reshape(self, v: int, shape: tuple[int, ...]) -> int:
        inner = self.made_by(v, "reshape")
        v = v if inner is None else inner.ins[0]
        return (
            v
            if self.shape(v) == shape
            else self.add("reshape", (v,), shape, self.type_of(v), (shape,))
        )

    def permute(self, v: int, dims: tuple[int, ...]) -> int:
        inner = self.made_by(v, "permute")
        if inner is not None:
            dims, v = tuple(inner.attrs[0][d] for d in dims), inner.ins[0]
        if dims == tuple(range(len(dims))):
            return v
        shape = tuple(self.shape(v)[d] for d in dims)
        return self.add(
            "permute", (v,), shape, self.type_of(v), (dims,), lambda x: np.transpose(x, dims)
        )

    def expand(self, v: int, shape: tuple[int, ...]) -> int:
        return (
            v
            if self.shape(v) == shape
            else self.add("expand", (v,), shape, self.type_of(v), (shape,))
        )

    def uniform(self, value: Any, shape: tuple[int, ...], dt: dtype) -> int:
        """A constant in every element."""
        v = self.add("const", (), (), dt, (value,), lambda: dt.np.type(value))
        return self.expand(self.reshape(v, (1,) * len(shape)), shape)

    def matmul(self, a: int, b: int, like: GraphNode) -> int:
        """The product of two values in place of another product."""
        shape = (*self.shape(a)[:-1], self.shape(b)[-1])
        return self.add("matmul", (a, b), shape, self.type_of(a), (), like.host, like.where)

    def run(self, rule: Rule | None) -> Graph:
        old, new, value_of = self.old, self.graph, self.value_of
        for node in old.nodes:
            ins = node.ins
            if value_of:
                for a in ins:
                    if a in value_of:
                        ins = tuple([value_of.get(a, a) for a in ins])
                        break
            self.origin(node)
            found = rule(self, node, ins) if rule is not None else None
            if found is None:
                found = self.copy(node, ins)
            if found is not None:
                value_of[node.outs[0]] = found
        new.outputs = [value_of.get(v, v) for v in old.outputs]
        return new

    def origin(self, node: GraphNode) -> None:
        """New nodes come from the call that `node` comes from."""
        self._origin = node.origin

    def copy(self, node: GraphNode, ins: tuple[int, ...]) -> int | None:
        """Takes the node over, with other operands; the value that is it already, if there is."""
        if node.op in _PURE and len(node.outs) == 1:
            v, attrs = node.outs[0], node.attrs
            shape, dt = self.old.shapes[v], self.old.dtypes[v]
            key = (node.op, ins, shape, dt, repr(attrs) if node.op in ("const", "pad") else attrs)
            found = self._known.setdefault(key, v)
            if found != v:
                return found
        made = node
        if ins is not node.ins:
            made = GraphNode(node.op, ins, node.outs, node.attrs, node.host, node.where)
            made.origin = node.origin
        self.graph.nodes.append(made)
        for v in node.outs:
            self.producer[v] = made
        return None


def uses_of(graph: Graph) -> list[int]:
    """How often each value is read or an output."""
    uses = [0] * len(graph.shapes)
    for node in graph.nodes:
        for a in node.ins:
            uses[a] += 1
    for v in graph.outputs:
        uses[v] += 1
    return uses


def sweep(graph: Graph, rule: Rule | None) -> Graph:
    """One walk of `rule` over the graph."""
    return Rewriter(graph).run(rule)
