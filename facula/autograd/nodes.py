"""The graph of gradients as users see it: `grad_fn`, made on demand from the trace."""

from __future__ import annotations

from typing import Any

from .engine import grad_fn


class GraphNode:
    """One operation of the graph of gradients: its name and what it leads to."""

    __slots__ = ("_tape", "_node", "_name")

    def __init__(self, tape: Any, node: Any, name: str) -> None:
        self._tape, self._node, self._name = tape, node, name

    def name(self) -> str:
        """What the operation is called, e.g. ``AddBackward0``."""
        return self._name

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """For each operand the node that made it (or its leaf) and which result of that node it is."""
        out: list[tuple[Any, int]] = []
        producers = self._tape.node.producers()
        for slot in self._node.ins:
            producer = producers[slot]
            if slot in producer.number_meta or not producer.metas[slot - producer.slot].requires_grad:
                out.append((None, 0))
            elif slot in self._tape.leaves:
                out.append((Leaf(self._tape.leaves[slot]), 0))
            elif slot in self._tape.upstream:
                found = grad_fn(self._tape.upstream[slot])
                out.append((_named(*found[:2]), found[2]) if found else (None, 0))
            else:
                out.append((_named(self._tape, producer), slot - producer.slot))
        return tuple(out)

    def __repr__(self) -> str:
        return f"<{self._name} object at {hex(id(self))}>"


class Leaf:
    """The end of the graph at a leaf: what adds to its `.grad`."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def name(self) -> str:
        return "torch::autograd::AccumulateGrad"

    @property
    def variable(self) -> Any:
        """The leaf."""
        return self._value.rec()

    next_functions: tuple[Any, ...] = ()

    def __repr__(self) -> str:
        return f"<AccumulateGrad object at {hex(id(self))}>"


def _named(tape: Any, node: Any) -> GraphNode:
    custom = tape.custom.get(node.slot) if tape.custom else None
    return GraphNode(tape, node, getattr(custom, "name", None) or node.op.grad_name)


def node_of(t: Any) -> GraphNode | None:
    """The node that made a tensor; None for leaves."""
    m = t._v.meta
    if not m.requires_grad or m.leaf:
        return None
    if t._v.over == "stale":
        from ..trace.recorder import state

        state.refresh(t._v)
    found = grad_fn(t._v)
    if found is None:
        return None
    node = _named(*found[:2])
    if t._fn_name:
        node._name = t._fn_name
    return node
