"""The trie: what a thread has recorded, as positions that edges lead to.

`recorder.py` follows edges and adds them; what is done at the end of a path hangs on its last node.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from .values import Meta, Producers

INPUT, OP, MODE, BUNDLE = "input", "op", "mode", "bundle"

NOTHING: Mapping[int, Any] = MappingProxyType({})


class Node:
    """A position in the trie: the op that leads here and the facts of what it made."""

    # In slots, where machine code finds some of them (recorder_code.py); a dictionary for each of
    # many new nodes would be work for the garbage collector.
    __slots__ = (
        "edges", "slot", "meta", "metas", "next_slot", "usual", "parent", "kind", "op", "ins",
        "attrs", "scalars", "depth", "__dict__",
    )  # fmt: skip

    # Defaults: most nodes have none of these.
    scalar: tuple[int, ...] = ()  # slots of run-time numbers that came with this node
    plans: dict[Any, Any] | None = None
    number_meta: Mapping[int, Meta] = NOTHING  # float64 or int64: of which kind the number is
    fixed: Mapping[int, Any] = NOTHING  # slots of numbers that belong to the path: their values
    where = ""  # file and line of the call, for ops whose errors depend on values
    line = ""  # the same for every op, where somebody is watching (watch.py)
    cause = ""  # what the call is part of: the gradient of which op
    producer_map: Producers | None = None
    # Of a root: the facts that ops made of facts, lately. Layers follow others of the same sizes.
    facts: dict[tuple[Any, ...], tuple[Meta, ...]]
    structures: set[int] | None = None  # of a root: see first_sight.py
    done: set[Any] | None = None  # of a root: see once.py
    tries: dict[Any, Node] | None = None  # of a root: see default_dtype.py
    signatures: dict[int, Any] | None = None  # what gradients meet below a slot (autograd/jumps.py)
    graph: frozenset[int] | None = None  # the calls that gradients flow through (the same)
    ends = False  # whether a frame ends before another call: see loops.py
    cuts = 0  # how many parts of values in memory have been seen here (see tensor_parts.py)
    copied: Any = None  # a part that was copied here
    placed = 0  # whether gradients of slices at one position, or at several, came from here

    def __init__(self, parent: Node | None, kind: str) -> None:
        self.parent = parent
        self.kind = kind
        self.op: Any = None
        self.ins: tuple[int, ...] = ()  # slots
        self.attrs: tuple[Any, ...] = ()
        self.edges: dict[Any, Any] = {}
        self.slot = self.next_slot = self.depth = 0
        self.scalars = 0  # how many run-time numbers there are up to here
        self.meta: Any = None
        self.metas: tuple[Meta, ...] = ()
        # The plan that ran here last, and how it is known: reference counts of the frame's values,
        # what was freed, what picks the live ones of the values.
        self.usual: tuple[list[int], tuple[Any, ...], Callable[[Any], Any], Any] | None = None
        if parent is None:
            self.facts = {}
        else:
            self.slot = self.next_slot = parent.next_slot
            self.scalars = parent.scalars
            self.depth = parent.depth + 1
            if parent.ends and kind != OP:
                self.ends = True

    def path(self) -> list[Node]:
        """The nodes from the root to this one, the root excluded."""
        nodes: list[Node] = []
        n: Node | None = self
        while n is not None and n.parent is not None:
            nodes.append(n)
            n = n.parent
        nodes.reverse()
        return nodes

    def producers(self) -> Producers:
        """For every slot up to here, the node that made it."""
        if self.producer_map is None:
            with _extending:
                self._map_producers()
        assert self.producer_map is not None
        return self.producer_map

    def _map_producers(self) -> None:
        """One map serves a whole path: a node extends its parent's, unless a sibling did."""
        chain: list[Node] = []
        n: Node | None = self
        while n is not None and n.producer_map is None:
            chain.append(n)
            n = n.parent
        found = n.producer_map if n is not None else None
        if n is None or found is None:
            found = Producers()
        elif found.tip is not n:
            found = Producers((s, p) for s, p in found.items() if s < n.next_slot)
        found.tip = self
        for n in reversed(chain):
            for s in range(n.slot, n.next_slot):
                found[s] = n
            n.producer_map = found


_extending = threading.Lock()  # a gradient may flow through what another thread recorded


class _Counter:
    """How many trie nodes exist, in all threads; `replay` prunes when they are too many.

    kept: how many were left the last time. lines: whether new ones note the line of the program
    that they come from. replays: how often Python has ended a frame whose plan is compiled.
    """

    def __init__(self) -> None:
        self.nodes = self.kept = self.replays = 0
        self.lines = False


# An object, not the class: writing to a class makes the interpreter forget what it knows of it.
Counter = _Counter()


def grown() -> None:
    Counter.nodes += 1


def switched(node: Node, enabled: bool) -> Node:
    """Where the edge leads that switches the recording of gradients."""
    nxt: Node | None = node.edges.get(enabled)
    if nxt is None:
        nxt = node.edges[enabled] = Node(node, MODE)
        grown()
    return nxt


def beginning(root: Node, grad: bool) -> Node:
    """Where a frame begins; grad: whether gradients are recorded then."""
    return root if grad else switched(root, False)


def _after_fork() -> None:
    global _extending  # another thread of the parent may have held the lock
    _extending = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
