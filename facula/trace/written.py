"""Notes on values whose tensors were written in place since, for the gradients that want them."""

from __future__ import annotations

from typing import Any

from .recorder import _NONE, SLOTS, state
from .trie import MODE, Node, grown
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

    call: the writing operation's calls are those after the first number; the second is of the value
    that they made.
    """
    tr = state.tr
    base = tr.base
    slot = v.vid - base
    note: Note
    if 0 <= slot < SLOTS:
        # part of the path, so that a remembered backward pass knows of it
        after, made = call[0] - base, call[1] - base
        if not 0 <= after < SLOTS:
            after = -1  # it began before this frame
        if not 0 <= made < SLOTS:
            made = -1
        key = ("written", slot, after, made)
        nxt = tr.node.edges.get(key)
        if nxt is None:
            nxt = Node(tr.node, MODE)
            nxt.attrs = (_calls_of(tr.node, after, made),)
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


def _calls_of(node: Node | None, after: int, made: int) -> frozenset[int]:
    """The calls behind slot `after` that led to what slot `made` holds and that have gradients."""
    if made <= after:
        return _NONE
    wanted = {made}
    calls = []
    while node is not None and wanted and node.slot > after:
        found = wanted.intersection(range(node.slot, node.slot + len(node.metas)))
        if found:
            wanted -= found
            if node.op is not None and any(node.metas[s - node.slot].requires_grad for s in found):
                wanted.update(s for s in node.ins if s > after)
                calls.append(node.slot)
        node = node.parent
    return frozenset(calls)
