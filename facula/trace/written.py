"""Notes on values whose tensors were written in place since, for the gradients that want them."""

from __future__ import annotations

from typing import Any

from .recorder import _NONE, MODE, SLOTS, Node, grown, state
from .values import Value

NOTHING_READ = (-1, -1)  # the `call` of a write that no operation made of the value


# A note on a value: the tensor that held it was written in place since. A weak reference to the
# tensor that owns the storage, whose version is current; the version at which the value was; the
# base of a frame, and its calls that are part of the write: what they read they have kept.
Note = tuple[Any, int, int, frozenset[int]]


def version_now(note: Note) -> int:
    """The storage's version now."""
    owner, expected = note[0](), note[1]
    return expected + 1 if owner is None else owner._version


def mark_written(v: Value, owner: Any, expected: int, call: tuple[int, int]) -> None:
    """Notes on `v` that the storage which held it was written.

    call: the numbers of the value that the writing operation read and of the one that it made.
    """
    tr = state.tr
    base = tr.base
    slot = v.vid - base
    note: Note
    if 0 <= slot < SLOTS:
        # part of the path, so that a remembered backward pass knows of it
        read, made = call[0] - base, call[1] - base
        if not 0 <= read < SLOTS:
            read = -1  # outside
        if not 0 <= made < SLOTS:
            made = -1
        key = ("written", slot, read, made)
        nxt = tr.node.edges.get(key)
        if nxt is None:
            nxt = Node(tr.node, MODE)
            nxt.attrs = (_calls_between(tr.node, read, made),)
            tr.node.edges[key] = nxt
            grown()
        tr.node = nxt
        note = owner, expected, base, nxt.attrs[0]
        if tr.over is None:
            tr.over = {}
        tr.over[slot] = note
    else:
        note = owner, expected, base, _NONE
    if v.over is None:
        v.over = [note]
    elif v.over != "stale":
        v.over.append(note)


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
