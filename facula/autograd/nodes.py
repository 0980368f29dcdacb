"""The graph of gradients as users see it: `grad_fn`, made on demand from the trace."""

from __future__ import annotations

from typing import Any

from ..trace.recorder import state
from ..trace.values import Value
from .calls import grad_fn, place


class GraphNode:
    """One operation of the graph of gradients: its name and what it leads to.

    It holds a value of the frame (or tape) that the operation is part of, because a frame that ends
    goes on as a tape.
    """

    __slots__ = ("_value", "_node", "_name")

    def __init__(self, value: Value, node: Any, name: str) -> None:
        self._value, self._node, self._name = value, node, name

    def name(self) -> str:
        """What the operation is called, e.g. ``AddBackward0``."""
        return self._name

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """For each operand the node that made it (or its leaf) and which result of that node it
        is.
        """
        found = place(self._value)
        if found is None:
            return ()
        tape = found[0]
        out: list[tuple[Any, int]] = []
        producers = tape.node.producers()
        for slot in self._node.ins:
            producer = producers[slot]
            if (
                slot in producer.number_meta
                or not producer.metas[slot - producer.slot].requires_grad
            ):
                out.append((None, 0))
            elif slot in tape.leaves:
                out.append((Leaf(tape.leaves[slot]), 0))
            elif slot in tape.upstream:
                out.append(_node_of_value(tape.upstream[slot]) or (None, 0))
            else:
                out.append((_named(tape, self._value, producer), slot - producer.slot))
        return tuple(out)

    @property
    def metadata(self) -> dict[str, Any]:
        """Notes that users attach; always empty."""
        return {}

    def __repr__(self) -> str:
        return f"<{self._name} object at {hex(id(self))}>"


class Leaf:
    """The end of the graph at a leaf: what adds to its `.grad`."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def name(self) -> str:
        """``torch::autograd::AccumulateGrad``."""
        return "torch::autograd::AccumulateGrad"

    @property
    def variable(self) -> Any:
        """The leaf."""
        return self._value.rec()

    next_functions: tuple[Any, ...] = ()

    def __repr__(self) -> str:
        return f"<AccumulateGrad object at {hex(id(self))}>"


def _named(tape: Any, value: Value, node: Any) -> GraphNode:
    custom = tape.custom.get(node.slot) if tape.custom else None
    return GraphNode(value, node, getattr(custom, "name", None) or node.op.grad_name)


def _node_of_value(v: Value) -> tuple[GraphNode, int] | None:
    found = grad_fn(v)
    if found is None:
        return None
    value, tape, node, index = found
    return _named(tape, value, node), index


def node_of(t: Any) -> GraphNode | None:
    """The node that made a tensor; None for leaves."""
    m = t._v.meta
    if not m.requires_grad or m.leaf:
        return None
    if t._v.over == "stale":
        state.refresh(t._v)
    found = _node_of_value(t._v)
    if found is None:
        return None
    if t._fn_name:
        found[0]._name = t._fn_name
    return found[0]
