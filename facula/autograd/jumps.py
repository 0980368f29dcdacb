"""Backward passes that are remembered, each as one edge of the trie.

A walk inside the open frame is determined by the path (`Jump`). A frame ends where a number is
looked at or an optimizer steps, and then gradients flow on into what is kept of it, its tape: the
loss was printed before `backward()`, the images come from a network that was run before. Such a
walk depends on its tapes as well (`Crossing`): it is remembered with what it met there, and taken
again where all of this is the same: the calls that it met in the tapes, what these have freed, and
of each value that was kept whether it is in the frame already. A value that was written since, or
is gone, is left to the walk, which says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..trace import native
from ..trace.recorder import Frame, note_shift
from ..trace.tape import Tape
from ..trace.trie import INPUT, Node
from ..trace.values import Value, at
from .calls import Context, Notes, leaf_of, place


class Jump:
    """A whole backward pass as one edge: where it leads and what it leaves in the leaves."""

    __slots__ = ("node", "leaves", "freed", "key", "only", "missed")
    key: tuple[Any, ...]  # what is freed, and the numbers

    def __init__(self, node: Node, leaves: list[tuple[int, int, Any]], freed: set[int]) -> None:
        self.node, self.leaves, self.freed = node, tuple(leaves), frozenset(freed)
        self.only = (self.freed,)  # the `freed_key` of a frame that frees nothing else
        # How often a crossing, or what was remembered in its place before, was another pass.
        self.missed = 0

    def take(self, tr: Frame, root: Value) -> bool:
        """Takes the pass from `root`. False, and nothing was done, if it is not that one now."""
        return take_onto_nothing(self, tr) or self._take_onto(tr)

    def _take_onto(self, tr: Frame) -> bool:
        """As `take`, where leaves have gradients already or somebody waits for them."""
        if tr.freed and self.freed and not self.freed.isdisjoint(tr.freed):
            return False
        handles = [tr.leaves[slot].rec() for slot, _, _ in self.leaves]
        if any(handle is not None and handle._hooks for handle in handles):
            return False
        made = [at(tr.base + gslot, m) for _, gslot, m in self.leaves]
        tr.values.extend(made)
        pass_by(tr, self)
        for handle, g in zip(handles, made, strict=True):  # hooks may end the frame: all are known
            if handle is not None:
                handle._accumulate(g, False)
        return True


def take_onto_nothing(jump: Jump, tr: Frame) -> bool:
    """Takes a pass in the open frame whose leaves have neither gradients nor hooks. False, and
    nothing was done, where that is not so.
    """
    if tr.freed and jump.freed and not jump.freed.isdisjoint(tr.freed):
        return False
    base, leaves, values = tr.base, tr.leaves, tr.values
    count = len(values)
    for slot, gslot, m in jump.leaves:
        handle = leaves[slot].rec()
        if handle is None:  # nobody has this leaf any more
            values.append(at(base + gslot, m))
            continue
        if handle._hooks is not None or handle._grad is not None:
            for (before, _, _), _ in zip(jump.leaves, values[count:], strict=False):
                handle = leaves[before].rec()
                if handle is not None:
                    handle._grad = None
            del values[count:]
            return False
        g = at(base + gslot, m)
        values.append(g)
        handle._grad = g
    pass_by(tr, jump)
    return True


native.offer("facula.autograd.jumps_code")


def ancestors(node: Node) -> set[Node]:
    found = set()
    n: Node | None = node
    while n is not None:
        found.add(n)
        n = n.parent
    return found


def pass_by(tr: Frame, jump: Jump) -> None:
    """Moves the frame to where a remembered walk ended."""
    tr.node = jump.node
    freed, numbers = jump.key
    if numbers:
        tr.scalars.extend(numbers)
    if freed:
        if tr.freed:
            tr.freed = tr.freed | freed
            tr.freed_key = (*tr.freed_key, freed)
        else:
            tr.freed, tr.freed_key = freed, jump.only


class Crossing(Jump):
    """A backward pass that leads into ended frames. Tapes are numbered in the order in which the
    walk met them, the one of the root first; the open frame is one of them.
    """

    __slots__ = ("start", "links", "order", "groups", "reads", "entries", "made", "freeing")
    start: _Signature | None  # below the root; None in the open frame
    # (tape, slot of a value that entered, its tape, what is below it there)
    links: list[tuple[int, int, int, _Signature]]
    order: list[int]  # the tapes from the oldest to the newest
    groups: list[list[tuple[int, int]]]  # for each leaf, where it entered: (tape, slot)
    # (tape, reader, slot, what a number was, the slot in this frame of what was read or -1)
    reads: list[tuple[int, Node, int, str, int]]
    entries: dict[int, Any]  # the facts of what enters, by its slot in this frame
    made: list[tuple[int, Any]]  # the slot and facts of each leaf's gradient
    freeing: list[tuple[int, frozenset[int], frozenset[int]]]  # (tape, before, after)

    def take(self, tr: Frame, root: Value) -> bool:
        met = self._met(tr, root)
        if met is None:
            self.missed += 1
            return False
        self.missed = 0
        tapes, handles, entering = met
        for slot, v in entering:
            m = v.meta
            v.vid = tr.base + slot
            tr.inputs.append(v)
            if m is not m.start:
                note_shift(tr, v)
            if m.requires_grad:
                if m.leaf:
                    tr.leaves[slot] = v
                else:
                    tr.upstream = {**tr.upstream, slot: v}
                    tr.complex = True
        grads = [at(tr.base + slot, m) for slot, m in self.made]
        tr.values.extend(grads)
        pass_by(tr, self)
        for i, _, after in self.freeing:
            free(tapes[i], after)
        for handle, g in zip(handles, grads, strict=True):
            if handle is not None:
                handle._accumulate(g, False)
        return True

    def _met(
        self, tr: Frame, root: Value
    ) -> tuple[list[Any], list[Any], list[tuple[int, Value]]] | None:
        """The tapes, the leaves and what enters the frame, by slot, if all is as it was before."""
        tapes = self._tapes(tr, root)
        if tapes is None:
            return None
        handles = self._handles(tapes)
        if handles is None:
            return None
        entering = self._entering(tr, tapes)
        return None if entering is None else (tapes, handles, entering)

    def _handles(self, tapes: list[Any]) -> list[Any] | None:
        """The leaves, if there are as many as before; None for one that nobody has any more."""
        handles = []
        for group in self.groups:
            handle, *others = [tapes[i].leaves[slot].rec() for i, slot in group]
            if any(h is not handle for h in others) or (handle is not None and handle._hooks):
                return None
            handles.append(handle)
        held = [id(handle) for handle in handles if handle is not None]
        return handles if len({*held}) == len(held) else None

    def _tapes(self, tr: Frame, root: Value) -> list[Any] | None:
        """The tapes that are met now, if they are like those before."""
        if tr.freed and not self.freed.isdisjoint(tr.freed):
            return None
        first = _start(tr, root)
        if first is None or first[1] is not self.start:
            return None
        tapes = [first[0]]
        for i, slot, j, calls in self.links:
            found = place(tapes[i].upstream[slot])
            if found is None:
                return None
            tape, there = found
            if type(tape) is not Tape or signature(tape.node, there) is not calls:
                return None
            if j == len(tapes) and all(t is not tape for t in tapes):
                tapes.append(tape)
            elif j >= len(tapes) or tapes[j] is not tape:
                return None
        for i, before, _ in self.freeing:
            if tapes[i].freed != before:
                return None
        if any(t.hooks or t.custom for t in tapes):
            return None
        bases = [tapes[i].base for i in self.order]
        return tapes if bases == sorted(bases) else None

    def _entering(self, tr: Frame, tapes: list[Any]) -> list[tuple[int, Value]] | None:
        """What enters the frame, by slot, if what is kept is like what was kept before."""
        entering: dict[int, Value] = {}
        for i, reader, slot, number, here in self.reads:
            try:
                v = Context(tapes[i], reader, ()).read(slot)
            except RuntimeError:
                return None
            if number or type(v) is not Value:
                if repr(v) != number:
                    return None
            elif here in entering:
                if entering[here] is not v:
                    return None
            elif here in self.entries:
                m = self.entries[here]
                inside = v.vid - tr.base >= 0
                if inside or v.buf is None or v.pin is not None or v.meta.start is not m:
                    return None
                entering[here] = v
            elif here >= 0 and v.vid - tr.base != here:
                return None
        values = list(entering.values())
        return sorted(entering.items()) if len({*map(id, values)}) == len(values) else None


def remembered(
    tr: Frame, root: Value, started: Node, notes: Notes, leaves: dict[int, Value],
    freed: set[int], visited: dict[int, tuple[Any, set[int]]],
) -> Crossing | None:  # fmt: skip
    """What a walk from `root` has done since `started`, if it can be taken again. leaves: gradients
    by the id of `leaf_of`; freed: what is freed in the open frame; visited: tapes, and what there.
    """
    base = tr.base
    first = _start(tr, root)
    if first is None or not all(base <= g.vid for g in leaves.values()):
        return None
    tapes = [first[0]]
    numbers = {id(first[0]): 0}
    found = Crossing(tr.node, [], freed)
    found.start, found.links = first[1], []
    for tape, slot, other, there in notes.links:
        if id(other) not in numbers:
            numbers[id(other)] = len(tapes)
            tapes.append(other)
            if type(other) is not Tape or other.hooks or other.custom:
                return None
        calls = signature(other.node, there)
        found.links.append((numbers[id(tape)], slot, numbers[id(other)], calls))
    found.order = sorted(range(len(tapes)), key=lambda i: int(tapes[i].base))
    entries = {n.slot: n.meta for n in _since(started, tr.node) if n.kind is INPUT}
    found.reads, found.entries = [], entries
    values: dict[int, Value] = {}
    for tape, reader, slot, v in notes.reads:
        here, number = -1, ""
        if type(v) is not Value:
            number = repr(v)
        elif v.vid >= base:
            here = v.vid - base
            if here in entries:
                if v.meta.start is not entries[here] or values.setdefault(here, v) is not v:
                    return None
        found.reads.append((numbers[id(tape)], reader, slot, number, here))
    if values.keys() != entries.keys():
        return None
    groups: dict[int, list[tuple[int, int]]] = {key: [] for key in leaves}
    for tape, slot in notes.leaves:
        key = id(leaf_of(tape.leaves[slot]))
        if key not in groups:
            return None
        groups[key].append((numbers[id(tape)], slot))
    found.groups = list(groups.values())
    found.made = [(g.vid - base, g.meta) for g in leaves.values()]
    found.freeing = [
        (numbers[id(tape)], tape.freed, tape.freed | slots)
        for tape, slots in visited.values()
        if tape is not tr
    ]
    return found if all(found.groups) else None


def _start(tr: Frame, root: Value) -> tuple[Any, _Signature | None] | None:
    """The root's tape, and what is met below the root if that is not the open frame."""
    found = place(root)
    if found is None:
        return None
    tape, slot = found
    return tape, None if tape is tr else signature(tape.node, slot)


def _since(start: Node, node: Node) -> Iterable[Node]:
    while node is not start:
        yield node
        assert node.parent is not None
        node = node.parent


class _Signature:
    """A slot and the calls that a walk from it meets: one object for equal ones (`signature`)."""

    __slots__ = ()


_signatures: dict[tuple[Any, ...], _Signature] = {}


def signature(node: Node, slot: int) -> _Signature:
    """What determines a walk from a slot of the path that ends in `node`, beside what is kept."""
    known = node.signatures
    if known is None:
        known = node.signatures = {}
    found = known.get(slot)
    if found is None:
        if len(_signatures) > 10_000:  # a forgotten one only costs another walk
            _signatures.clear()
        found = known[slot] = _signatures.setdefault(_calls(node, slot), _Signature())
    return found


def _calls(node: Node, slot: int) -> tuple[Any, ...]:
    producers = node.producers()
    seen: dict[int, tuple[Any, ...]] = {}
    todo = [slot]
    while todo:
        n = producers[todo.pop()]
        if n.slot in seen:
            continue
        facts = []
        for s in n.ins:
            p = producers[s]
            number = p.number_meta.get(s)
            facts.append((s, number or p.metas[s - p.slot], repr(p.fixed.get(s))))
            if number is None and p.metas[s - p.slot].requires_grad:
                todo.append(s)
        seen[n.slot] = (n.slot, n.kind, n.op, n.attrs, n.metas, *facts)
    return (slot, *(seen[s] for s in sorted(seen)))


def free(tape: Any, slots: frozenset[int]) -> None:
    """Notes the calls of an ended frame that are freed: nothing is kept where all of them are."""
    tape.freed = slots
    node = tape.node
    if node.graph is None:
        node.graph = frozenset(
            n.slot for n in node.path() if n.op is not None and n.metas and n.metas[0].requires_grad
        )
    if node.graph <= slots:
        tape.saved = {}
