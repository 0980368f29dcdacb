"""The graph of a trace: what the compiler receives.

A graph is a list of nodes in execution order over values numbered from 0. A value has a static
shape and dtype and is immutable and logically dense: it has no strides. Inputs and outputs are
contiguous buffers. The graph is explicit: the operands of an elementwise node have the node's
shape and agree in dtype as its rule says; conversions (`cast`) and broadcasts (`expand`) are
nodes of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..dtypes import dtype


class GraphNode:
    """One operation: `outs = op(ins, attrs)`. `host`, where set, computes it from NumPy arrays.

    origin: the call that it comes from, as (name, line of the program or ""), for people only.
    """

    __slots__ = ("op", "ins", "outs", "attrs", "host", "where", "origin")

    def __init__(
        self,
        op: str,
        ins: tuple[int, ...],
        outs: tuple[int, ...],
        attrs: tuple[Any, ...] = (),
        host: Callable[..., Any] | None = None,
        where: str = "",
    ) -> None:
        self.op, self.ins, self.outs, self.attrs = op, ins, outs, attrs
        self.host, self.where = host, where
        self.origin: tuple[str, str] | None = None


class Graph:
    """Nodes over typed values. See docs/architecture.md for the meaning of every op."""

    __slots__ = ("shapes", "dtypes", "nodes", "inputs", "outputs", "scalars", "_updates")

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self.dtypes: list[dtype] = []
        self.nodes: list[GraphNode] = []
        self.inputs: list[int] = []
        self.outputs: list[int] = []
        self.scalars: list[str] = []  # kind of each run-time scalar: "f" (double) or "i" (int64)
        self._updates = 0, False  # of how many nodes it was asked, and the answer

    def updates(self) -> bool:
        """Whether an optimizer's step is among the nodes."""
        if self._updates[0] != len(self.nodes):
            found = any(n.op == "multi_update" for n in reversed(self.nodes))
            self._updates = len(self.nodes), found
        return self._updates[1]

    def value(self, shape: tuple[int, ...], dt: dtype) -> int:
        """Adds a value and returns its number."""
        self.shapes.append(shape)
        self.dtypes.append(dt)
        return len(self.shapes) - 1

    def add_input(self, shape: tuple[int, ...], dt: dtype) -> int:
        v = self.value(shape, dt)
        self.inputs.append(v)
        return v

    def add(
        self,
        op: str,
        ins: tuple[int, ...],
        shape: tuple[int, ...],
        dt: dtype,
        attrs: tuple[Any, ...] = (),
        host: Callable[..., Any] | None = None,
        where: str = "",
    ) -> int:
        """Adds a node of one output and returns that value's number."""
        v = self.value(shape, dt)
        self.nodes.append(GraphNode(op, ins, (v,), attrs, host, where))
        return v

    def text(self) -> str:
        """The graph in readable form, one node a line."""

        def name(v: int) -> str:
            return f"%{v}:{self.dtypes[v].name}{list(self.shapes[v])}"

        lines = [f"inputs {', '.join(name(v) for v in self.inputs)}"]
        for n in self.nodes:
            attrs = f" {n.attrs}" if n.attrs else ""
            mark = " (host)" if n.host is not None else ""
            lines.append(
                f"{', '.join(name(v) for v in n.outs)} = "
                f"{n.op}({', '.join(f'%{v}' for v in n.ins)}){attrs}{mark}"
            )
        lines.append(f"outputs {', '.join(f'%{v}' for v in self.outputs)}")
        return "\n".join(lines)


class UpdateExpr:
    """The formula of a `multi_update` node: a small elementwise program in static single
    assignment.

    Value numbers 0..k-1 are the operands; step j makes value k + j. A step is (op, ins, attrs)
    with the elementwise ops of the graph, `scalar` (attrs: index of the run-time scalar) and
    `const` (attrs: value). All values have the operands' dtype, except the bool results of
    comparisons.
    """

    __slots__ = ("k", "steps")

    def __init__(
        self, k: int, steps: tuple[tuple[str, tuple[int, ...], tuple[Any, ...]], ...]
    ) -> None:
        self.k, self.steps = k, steps

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UpdateExpr) and (self.k, self.steps) == (other.k, other.steps)

    def __hash__(self) -> int:
        return hash((self.k, self.steps))
