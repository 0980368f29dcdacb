"""Updates of many tensors in place by one formula: how an optimizer step is recorded.

The memory of parameters and optimizer state stays where it is for a whole training run. A `Bundle` holds
these values; it enters a frame by one edge, however many there are, and a `multi_update` op writes into
their memory when the frame ends, which is at once. The gradients are either recorded in the open frame
(then they are part of the path) or lie in memory (then they are part of the bundle).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..graph import GraphNode, UpdateExpr
from . import replay
from .recorder import BUNDLE, OP, Node, grown, state
from .values import Value

_tokens = itertools.count()


class Bundle:
    """Values in memory that enter a frame together. Their memory may be written by updates."""

    __slots__ = ("values", "token", "_pointers", "metas")

    def __init__(self, values: Sequence[Value]) -> None:
        self.values = list(values)
        for v in self.values:
            replay.pointer_of(v)
        self._pointers = [v.buf.ptr for v in self.values]
        self.metas = tuple(v.meta for v in self.values)
        self.token = next(_tokens)

    def pointers(self) -> list[int]:
        """The addresses of the values, in order."""
        return self._pointers

    def arrays(self) -> list[np.ndarray]:
        """The values as ndarrays that may be written."""
        return [replay.array_of(v) for v in self.values]


class UpdateOp:
    """The op record of `multi_update`; see docs/architecture.md."""

    name, kind, grad_name, gradient, view = "multi_update", "effect", "", None, False

    @staticmethod
    def reference(arrays: Any, attrs: Any, metas: Any) -> tuple[()]:
        expr, n, k, written, scalars = attrs
        run_update(expr, n, k, written, list(arrays[: n * k]), list(arrays[n * k :]))
        return ()

    @staticmethod
    def lower(b: Any, ins: list[int], node: Node) -> list[int]:
        expr, n, k, written, count = node.attrs
        numbers = ins[n * k :]
        index = {j: _scalar_index(b, v) for j, v in enumerate(numbers)}
        steps = tuple(
            (op, xs, (index[attrs[0]],) if op == "scalar" else attrs) for op, xs, attrs in expr.steps
        )
        moved = UpdateExpr(expr.k, steps)

        def host(*arrays: Any) -> tuple[()]:
            raise RuntimeError("internal error: an update that could not be compiled")

        b.graph.nodes.append(
            GraphNode("multi_update", tuple(ins[: n * k]), (), (moved, n, k, written), host)
        )
        return []


def _scalar_index(b: Any, value: int) -> int:
    for g in b.graph.nodes:
        if g.outs == (value,):
            return int(g.attrs[0])
    raise RuntimeError("internal error: a scalar without its node")


UPDATE = UpdateOp()

_NUMPY: dict[str, Callable[..., Any]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "neg": np.negative, "sqrt": np.sqrt,
    "abs": np.abs, "maximum": np.maximum, "minimum": np.minimum, "pow": np.power, "where": np.where, "sign": np.sign,
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
    "exp": np.exp, "log": np.log, "reciprocal": np.reciprocal,
}  # fmt: skip


def run_update(
    expr: UpdateExpr, n: int, k: int, written: Any, arrays: list[np.ndarray], numbers: list[Any]
) -> None:
    """The reference of an update: NumPy, tensor by tensor."""
    for t in range(n):
        operands = arrays[t * k : (t + 1) * k]
        kind = operands[0].dtype.type
        env: list[Any] = list(operands)
        for op, xs, attrs in expr.steps:
            if op == "scalar":
                env.append(kind(numbers[attrs[0]]))
            elif op == "const":
                env.append(kind(attrs[0]))
            else:
                r = _NUMPY[op](*[env[x] for x in xs])
                env.append(r)
        for position, result in written:
            operands[position][...] = env[result]


def update(
    expr: UpdateExpr,
    written: tuple[tuple[int, int], ...],
    bundle: Bundle,
    layout: Sequence[Sequence[int]],
    recorded: Sequence[Value],
    numbers: Sequence[float],
) -> None:
    """Records an update and ends the frame, so that it is done.

    layout: for each tensor its operands, numbers >= 0 are positions in the bundle, -1 - j is recorded[j].
    numbers: the run-time scalars that the formula names by position.
    """
    tr = state.tr
    slots = []
    for v in recorded:
        i = v.vid - tr.base
        if i < 0:
            i = tr.enter(v)
        slots.append(i)
    key = ("update", bundle.token, expr, tuple(slots), len(numbers))
    nxt = tr.node.edges.get(key)
    if nxt is None:
        nxt = _edge(tr.node, key, expr, written, bundle, layout, slots, len(numbers))
    tr.inputs.append(bundle)  # type: ignore[arg-type]
    tr.scalars.extend(numbers)
    tr.node = nxt


def _edge(
    node: Node, key: Any, expr: UpdateExpr, written: Any, bundle: Bundle, layout: Any, slots: list[int], count: int
) -> Node:
    """Two nodes: the bundle's inputs, and the update on them."""
    entry = Node(node, BUNDLE)
    entry.metas = bundle.metas
    entry.meta = bundle.metas[0]
    entry.next_slot = entry.slot + len(bundle.metas)
    grown()
    nxt = Node(entry, OP)
    nxt.op = UPDATE
    ins = [entry.slot + x if x >= 0 else slots[-1 - x] for operands in layout for x in operands]
    numbers = []
    for _ in range(count):
        numbers.append(nxt.next_slot)
        nxt.number_kind[nxt.next_slot] = "f"
        from .recorder import WRAPPED

        nxt.number_meta[nxt.next_slot] = WRAPPED[-1]
        nxt.next_slot += 1
    nxt.scalar = tuple(numbers)
    nxt.ins = (*ins, *numbers)
    nxt.scalars = entry.scalars + count
    nxt.attrs = (expr, len(layout), len(layout[0]), written, count)
    node.edges[key] = nxt
    grown()
    return nxt
