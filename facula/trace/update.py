"""Updates of many tensors in place by one formula: how an optimizer step is recorded.

The memory of parameters and optimizer state stays where it is for a whole training run. A `Bundle`
holds these values; it enters a frame by one edge, however many there are, and a `multi_update` op
writes into their memory when the frame ends. The caller ends the frame at once: until then nobody
else may read what is to be written. Gradients are either recorded in the open frame (then they are
part of the path) or lie in memory (then they enter as a bundle of their own).
"""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..dtypes import float64
from ..graph import GraphNode, UpdateExpr
from ..runtime import copies
from . import replay
from .recorder import caller, state
from .trie import BUNDLE, OP, Counter, Node, grown
from .values import Meta, Value, meta

_tokens = itertools.count(1)
_signatures: dict[tuple[Meta, ...], int] = {}
_NUMBER = meta((), float64, wrapped=True)


class Watch:
    """What a tensor knows of those who update it in place: `Tensor._bundle`.

    `steps` counts the updates, as part of the version of all tensors that have this watch. `dirty`
    is set by a tensor that was written to, viewed or shown to Python since the watch was clean.
    """

    __slots__ = ("steps", "dirty")

    def __init__(self) -> None:
        self.steps = 0
        self.dirty = False


class Bundle:
    """Values in memory that enter a frame together. Their memory may be written by updates.

    `token` is the same for bundles of the same facts, so that they share paths and programs.
    """

    __slots__ = ("values", "token", "metas", "table", "last")

    def __init__(self, values: Sequence[Value]) -> None:
        self.values = list(values)
        self.table = array("Q", map(replay.pointer_of, self.values))
        self.metas = tuple(v.meta for v in self.values)
        token = _signatures.get(self.metas)
        if token is None:
            if len(_signatures) >= 4096:  # bounded; a forgotten one only costs a second path
                _signatures.clear()
            token = _signatures[self.metas] = next(_tokens)
        self.token = token
        # The last update without gradients in memory: from where, its formula and slots, to where.
        self.last: tuple[Any, Any, Any, Any] = (None, None, None, None)

    def arrays(self) -> list[np.ndarray]:
        """The values as ndarrays that may be written."""
        return [replay.array_of(v) for v in self.values]


class Formula:
    """An update's formula: an expression over k operands, and what it writes. Compared by identity.

    Operand 0 of every tensor is what is updated, operand 1 its gradient, the others are its state.
    `written`: pairs (operand, value of the expression). `numbers`: names of the run-time scalars.
    """

    __slots__ = ("expr", "written", "numbers")

    def __init__(
        self, expr: UpdateExpr, written: tuple[tuple[int, int], ...], numbers: tuple[str, ...]
    ) -> None:
        self.expr, self.written, self.numbers = expr, written, numbers


class UpdateOp:
    """The op record of `multi_update`; see docs/architecture.md.

    Attributes in the path: (expression, tensors, operands of each, written, which operands the
    frame computed).
    """

    name, kind, grad_name, gradient, view = "multi_update", "effect", "", None, False

    @staticmethod
    def reference(arrays: Sequence[Any], attrs: Any, metas: Any) -> tuple[()]:
        expr, n, k, written, _ = attrs
        run_update(expr, n, k, written, arrays[: n * k], arrays[n * k :])
        return ()

    @staticmethod
    def computed(attrs: Any) -> Sequence[int]:
        """Positions of the operands that the frame computed."""
        return attrs[4]

    @staticmethod
    def lower(b: Any, ins: list[int], node: Node) -> list[int] | None:
        expr, n, k, written, computed = node.attrs
        if not all(b.graph.dtypes[v].is_floating_point for v in ins[: n * k : k]):
            return None  # a host step: the reference, on the memory itself
        numbers = {g.outs[0]: g.attrs[0] for g in b.graph.nodes if g.op == "scalar"}
        index = [numbers[v] for v in ins[n * k :]]
        steps = tuple((op, xs, (index[a[0]],) if op == "scalar" else a) for op, xs, a in expr.steps)
        attrs = (UpdateExpr(expr.k, steps), n, k, written, computed)
        b.graph.nodes.append(GraphNode("multi_update", tuple(ins[: n * k]), (), attrs))
        return []


UPDATE = UpdateOp()

_NUMPY: dict[str, Callable[..., Any]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "neg": np.negative,
    "sqrt": np.sqrt, "abs": np.abs, "maximum": np.maximum, "minimum": np.minimum,
    "where": np.where, "sign": np.sign, "eq": np.equal, "ne": np.not_equal, "lt": np.less,
    "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
}  # fmt: skip


def run_update(
    expr: UpdateExpr, n: int, k: int, written: Any, arrays: Sequence[Any], numbers: Sequence[Any]
) -> None:
    """The reference of an update: NumPy, tensor by tensor, in place.

    arrays: n * k operands, tensor by tensor. numbers: the run-time scalars of the expression.
    """
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
                env.append(_NUMPY[op](*[env[x] for x in xs]))
        for _, result in written:
            env[result] = np.array(env[result])  # a result may be another operand that is written
        for position, result in written:
            operands[position][...] = env[result]


def update(
    formula: Formula,
    held: Bundle,
    slots: tuple[int, ...],
    grads: Bundle | None,
    numbers: Sequence[float],
) -> None:
    """Records the update of len(slots) tensors; the caller ends the frame before it goes on.

    held: the tensors, then for each further operand of the formula that of every tensor.
    slots: where each tensor's gradient is in the open frame; negative: the next one in `grads`.
    numbers: the values of `formula.numbers`.
    """
    copies.forget_all(held.table)  # before, in case it fails, and again when it is done
    tr = state.tr
    node, edge, at, nxt = held.last
    if grads is not None or node is not tr.node or edge is not formula or at is not slots:
        key = (formula, held.token, slots, 0 if grads is None else grads.token)
        nxt = tr.node.edges.get(key)
        if nxt is None:
            nxt = _edge(tr.node, formula, held, slots, grads)
            tr.node.edges[key] = nxt
        if grads is None:
            held.last = tr.node, formula, slots, nxt
    tr.inputs.append(held)  # type: ignore[arg-type]
    if grads is not None:
        tr.inputs.append(grads)  # type: ignore[arg-type]
    tr.scalars.extend(numbers)
    tr.node = nxt


def _entry(parent: Node, bundle: Bundle) -> Node:
    """The node by which a bundle enters."""
    entry = Node(parent, BUNDLE)
    entry.metas = bundle.metas
    entry.meta = bundle.metas[0]
    entry.next_slot = entry.slot + len(bundle.metas)
    grown()
    return entry


def _check(node: Node, entry: Node, ins: list[int], k: int) -> None:
    """All operands of a tensor must have its dtype and shape. Raises RuntimeError."""
    producers = node.producers()
    for at in range(0, len(ins), k):
        facts = [producers[s].metas[s - producers[s].slot] for s in ins[at : at + k]]
        want = facts[0]
        for m in facts[1:]:
            if m.shape != want.shape or m.dtype is not want.dtype:
                raise RuntimeError(
                    "an optimizer's step: the gradient and the state of a parameter must have its "
                    f"dtype and shape: expected {want.dtype!r} {list(want.shape)}, got {m.dtype!r} "
                    f"{list(m.shape)}"
                )


def _edge(
    node: Node, formula: Formula, held: Bundle, slots: tuple[int, ...], grads: Bundle | None
) -> Node:
    """Nodes for the bundles, and the update on them."""
    n, k = len(slots), formula.expr.k
    entry = last = _entry(node, held)
    if grads is not None:
        last = _entry(entry, grads)
    nxt = Node(last, OP)
    nxt.op = UPDATE
    in_memory = iter(range(last.slot, last.next_slot))
    ins: list[int] = []
    computed = []
    for t, slot in enumerate(slots):
        if slot >= 0:
            computed.append(t * k + 1)
        ins += [entry.slot + t, slot if slot >= 0 else next(in_memory)]
        ins += [entry.slot + j * n + t for j in range(1, k - 1)]
    _check(nxt, entry, ins, k)
    first = nxt.next_slot
    count = len(formula.numbers)
    nxt.scalar = tuple(range(first, first + count))
    nxt.number_meta = dict.fromkeys(nxt.scalar, _NUMBER)
    nxt.next_slot = first + count
    nxt.ins = (*ins, *nxt.scalar)
    nxt.scalars = last.scalars + count
    nxt.attrs = (formula.expr, n, k, formula.written, tuple(computed))
    if Counter.lines:
        nxt.line = caller()
    grown()
    return nxt
