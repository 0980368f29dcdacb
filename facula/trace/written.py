"""Notes on values whose tensors were written in place since, for the gradients that want them."""

from __future__ import annotations

from typing import Any

from .recorder import _NONE, MODE, SLOTS, Node, grown, state
from .values import Value

NOTHING_READ = (-1, -1)  # the `call` of a write that no operation made of the value


class Written:
    """A note on a value: the tensor that held it was written in place since.

    `owner`: a weak reference to the tensor that owns the storage, whose version is current;
    `expected`: the version at which the value was. The calls `exempt` (of the frame with this
    `base`) are part of the write: what they read of the value they have kept.
    """

    __slots__ = ("owner", "expected", "base", "exempt")

    def __init__(self, owner: Any, expected: int, base: int, exempt: frozenset[int]) -> None:
        self.owner, self.expected, self.base, self.exempt = owner, expected, base, exempt

    def version(self) -> int:
        """The storage's version now."""
        owner = self.owner()
        return self.expected + 1 if owner is None else owner._version


def mark_written(v: Value, owner: Any, expected: int, call: tuple[int, int]) -> None:
    """Notes on `v` that the storage which held it was written.

    call: the numbers of the value that the writing operation read and of the one that it made.
    """
    tr = state.tr
    slot = v.vid - tr.base
    inside = 0 <= slot < SLOTS
    exempt = _NONE
    if inside:
        # part of the path, so that a remembered backward pass knows of it
        read, made = (n if 0 <= (n := c - tr.base) < SLOTS else -1 for c in call)  # -1: outside
        key = ("written", slot, read, made)
        nxt = tr.node.edges.get(key)
        if nxt is None:
            nxt = Node(tr.node, MODE)
            nxt.attrs = (_calls_between(tr.node, read, made),)
            tr.node.edges[key] = nxt
            grown()
        tr.node = nxt
        exempt = nxt.attrs[0]
    note = Written(owner, expected, tr.base, exempt)
    if v.over is None:
        v.over = [note]
    elif v.over != "stale":
        v.over.append(note)
    if inside:
        if tr.over is None:
            tr.over = {}
        tr.over[slot] = note


def _calls_between(node: Node | None, source: int, target: int) -> frozenset[int]:
    """The calls that lead from slot `source` to slot `target`."""
    wanted = {target}
    calls = []
    if not 0 <= source < SLOTS:
        return _NONE
    while node is not None and node.slot > source:
        if node.op is not None and any(
            s in wanted for s in range(node.slot, node.slot + len(node.metas))
        ):
            wanted.update(node.ins)
            calls.append(node.slot)
        node = node.parent
    return frozenset(calls) if source in wanted else _NONE
