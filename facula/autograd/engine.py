"""The walk backwards. No formulas: those are in the op records.

The graph of gradients is not a structure of its own: it is the path of the trie. A place in it is a
value's number (`vid`), and since numbers grow with time, going through them from the highest down
is a topological order. A walk without Python on the way is remembered (jumps.py).
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any

from ..ops import elementwise as e
from ..ops.reduce import sum_to
from ..trace.recorder import SLOTS, Frame, restart, set_grad_mode, state
from ..trace.replay import Hooks
from ..trace.tape import Tape
from ..trace.trie import Counter, Node
from ..trace.values import Value, contiguous_strides, outside
from .calls import FREED, Context, Notes, leaf_of, place, slot_meta, viewed
from .jumps import Jump, ancestors, free, remembered, signature


class Walk:
    """One backward pass: collects gradients from the roots down to the leaves."""

    def __init__(self, retain: bool, create: bool, targets: dict[Any, int] | None) -> None:
        self.retain, self.create, self.targets = retain, create, targets
        self.heap: list[int] = []
        self.places: dict[int, tuple[Any, Node]] = {}
        self.pending: dict[int, dict[int, Value]] = {}
        self.leaf_grads: dict[int, tuple[Value, Value]] = {}
        self.found: dict[int, Value] = {}
        self.visited: dict[int, tuple[Any, set[int]]] = {}
        self.keep_handles: list[Any] = []
        self.wanted: dict[int, set[int]] = {}
        self.now: tuple[Any, Node] | None = None  # the call that is being walked
        self.pure = True  # no Python on the way
        self.inside = True  # stays inside the open frame
        self.notes = Notes()
        self.tr = state.tr

    def add(self, v: Value, g: Value) -> None:
        """Adds a gradient of a value that was an operand (or a root)."""
        m = v.meta
        if not m.requires_grad:
            return
        if m.leaf:
            self._leaf(v, g)
            return
        p = place(v)
        if p is None:
            raise RuntimeError("internal error: a value that requires a gradient has no graph")
        self._produced(*p, g)

    def _leaf(self, v: Value, g: Value) -> None:
        leaf = leaf_of(v)
        key = id(leaf)
        have = self.leaf_grads.get(key)
        if have is not None:
            g = e.add(have[1], g)
        self.leaf_grads[key] = (v, g)
        self.keep_handles.append(leaf)

    def _produced(self, tape: Any, slot: int, g: Value) -> None:
        node = tape.node.producers()[slot]
        key = -(tape.base + node.slot)
        slots = self.pending.get(key)
        if slots is None:
            slots = self.pending[key] = {}
            self.places[key] = (tape, node)
            heapq.heappush(self.heap, key)
        have = slots.get(slot)
        slots[slot] = g if have is None else e.add(have, g)

    def run(self) -> None:
        self.tr.walks.append(self)
        try:
            self._run()
        finally:
            self.tr.walks.remove(self)

    def _run(self) -> None:
        while self.heap:
            key = heapq.heappop(self.heap)
            tape, node = self.places.pop(key)
            self.now = (tape, node)
            self._step(tape, node, self.pending.pop(key))
        self.now = None

    def _step(self, tape: Any, node: Node, grads: dict[int, Value]) -> None:
        if tape is not self.tr:
            self.inside = False
        for k, m in enumerate(node.metas):
            slot = node.slot + k
            g = grads.get(slot)
            if g is None or not m.requires_grad:
                continue
            if self.targets is not None and (id(tape), slot) in self.targets:
                have = self.found.get(self.targets[id(tape), slot])
                self.found[self.targets[id(tape), slot]] = g if have is None else e.add(have, g)
            if tape.hooks and slot in tape.hooks:
                self.pure = False
                for hook in list(tape.hooks[slot]):
                    g = hook(g) or g
                grads[slot] = g
                tape = self._tape()
        if self.targets is not None:
            wanted = self._wanted(tape)
            if not any(s in wanted for s in node.ins):
                return
        if not self.retain:
            self.visited.setdefault(id(tape), (tape, set()))[1].add(node.slot)
        if tape.custom and node.slot in tape.custom:
            self.pure = False
            outs = tape.custom[node.slot](
                self, [grads.get(node.slot + k) for k in range(len(node.metas))]
            )
            tape = self._tape()
        else:
            outs = self._formula(tape, node, grads)
        for k, g in enumerate(outs):
            if g is not None and slot_meta(tape, node.ins[k]).requires_grad:
                self._operand(tape, node.ins[k], g)

    def _tape(self) -> Any:
        """Where the call that is being walked lies: Python code on the way may have ended its
        frame.
        """
        assert self.now is not None
        return self.now[0]

    def _wanted(self, tape: Any) -> set[int]:
        """The slots of a frame through which a gradient reaches one of the wanted inputs."""
        found = self.wanted.get(id(tape))
        if found is None:
            assert self.targets is not None
            for t in _frames_before(tape):
                if id(t) not in self.wanted:
                    self.wanted[id(t)] = _reaching(t, self.targets, self.wanted)
            found = self.wanted[id(tape)]
        return found

    def _formula(self, tape: Any, node: Node, grads: dict[int, Value]) -> Sequence[Value | None]:
        if self.targets is None:
            needs = tuple(slot_meta(tape, s).requires_grad for s in node.ins)
        else:
            wanted = self._wanted(tape)
            needs = tuple(s in wanted for s in node.ins)
        n = Context(tape, node, needs, self.notes)
        gs: list[Value] = []
        for k, m in enumerate(node.metas):
            g = grads.get(node.slot + k)
            if g is None and m.requires_grad and k == 0:
                g = zeros_like(m)
            gs.append(g)  # type: ignore[arg-type]
        tr = self.tr
        tr.fixing = node.op.name
        try:
            result: Sequence[Value | None] = node.op.gradient(n, *gs)
        finally:
            tr.fixing = ""
        return [g if k < len(needs) and needs[k] else None for k, g in enumerate(result)]

    def _operand(self, tape: Any, slot: int, g: Value) -> None:
        m = slot_meta(tape, slot)
        if g.meta.shape != m.shape:
            g = sum_to(g, m.shape)
        if g.meta.dtype is not m.dtype:
            if g.meta.dtype.is_complex and not m.dtype.is_complex:
                g = e.record1(e.REAL, g)
            g = e.cast(g, m.dtype)
        leaf = tape.leaves.get(slot)
        if leaf is not None:
            self.notes.leaves.append((tape, slot))
            self._leaf(leaf, g)
            return
        up = tape.upstream.get(slot)
        if up is not None:
            p = place(up)
            if p is None:
                raise RuntimeError(FREED)
            self.notes.links.append((tape, slot, *p))
            self._produced(*p, g)
            return
        self._produced(tape, slot, g)

    def open_slots(self) -> list[int]:
        """The calls in the open frame that are still to be walked, should the frame end now."""
        places = [*self.places.values(), *([self.now] if self.now is not None else [])]
        return [node.slot for tape, node in places if tape is self.tr]

    def moved(self, tape: Tape) -> None:
        """The open frame has ended; what was to be walked there is walked in its tape."""
        for key, (old, node) in self.places.items():
            if old is self.tr:
                self.places[key] = (tape, node)
        if self.now is not None and self.now[0] is self.tr:
            self.now = (tape, self.now[1])
        if id(self.tr) in self.visited:
            _, slots = self.visited.pop(id(self.tr))
            self.visited[id(tape)] = (tape, slots)
        if self.targets is not None:
            for old_key in [k for k in self.targets if type(k) is tuple and k[0] == id(self.tr)]:
                self.targets[id(tape), old_key[1]] = self.targets.pop(old_key)
            if id(self.tr) in self.wanted:
                self.wanted[id(tape)] = self.wanted.pop(id(self.tr))
        self.keep_handles.append(tape)

    def freed_here(self) -> set[int]:
        """The calls of the open frame that are freed."""
        return self.visited.get(id(self.tr), (None, set[int]()))[1]

    def release(self) -> None:
        """Marks what was walked as freed, unless the graph is retained."""
        for tape, slots in self.visited.values():
            if type(tape) is Tape:
                free(tape, tape.freed | slots)
            else:
                tape.freed = tape.freed | slots
                self.tr.freed_key = (*self.tr.freed_key, frozenset(slots))


def zeros_like(m: Any) -> Value:
    from ..ops.indexing import FILL
    from ..trace.recorder import record

    return record(FILL, (0.0,), (m.shape, m.dtype.name))


def ones_like(m: Any) -> Value:
    from ..ops.indexing import FILL
    from ..trace.recorder import record

    return record(FILL, (1.0,), (m.shape, m.dtype.name))


def backward(root: Value, grad: Value | None, retain: bool, create: bool) -> None:
    """Accumulates the gradients of one root into the leaves."""
    tr = state.tr
    plain = grad is None and not create and tr.hooks is None and tr.custom is None
    key = _key(tr, root, retain) if plain else None
    edges = tr.node.edges
    known: Jump | None = edges.get(key) if key is not None else None
    if known is not None and known.take(tr, root):
        return
    started, base = tr.node, tr.base
    scalars = len(tr.scalars)
    mode = tr.grad
    walk = Walk(retain, create, None)
    set_grad_mode(create)
    try:
        walk.add(root, ones_like(root.meta) if grad is None else grad)
        walk.run()
    finally:
        set_grad_mode(mode)
    _settle_grads(walk, create)
    if key is not None and walk.pure and tr.base == base and started in ancestors(tr.node):
        missed = known.missed if known is not None else 0
        # What is never the same again need not be remembered each time.
        jump = _remembered(walk, root, started) if missed & (missed - 1) == 0 else None
        if jump is not None:
            jump.missed = missed
            # the numbers that gradients bring (2 of x ** 2) are the same each time: they come with
            # the path
            jump.key = (jump.freed, tuple(tr.scalars[scalars:]))
            edges[key] = jump
            Counter.nodes += 1
    walk.release()
    _deliver(walk, create)


def _key(tr: Frame, root: Value, retain: bool) -> tuple[Any, ...] | None:
    """What a pass from `root` is remembered by."""
    slot = root.vid - tr.base
    if 0 <= slot < SLOTS:
        return ("backward", slot, retain)
    if type(root.rec) is not tuple:
        return None
    tape, there = root.rec  # its frame has ended
    return ("backward", signature(tape.node, there), retain)


def _remembered(walk: Walk, root: Value, started: Node) -> Jump | None:
    tr = walk.tr
    base = tr.base
    raw = list(walk.leaf_grads.values())
    if any(v.rec is None for v, _ in raw):
        return None
    if walk.inside:
        if not all(v.vid >= base and g.vid >= base for v, g in raw):
            return None
        made = [(v.vid - base, g.vid - base, g.meta) for v, g in raw]
        return Jump(tr.node, made, walk.freed_here())
    leaves = {key: g for key, (_, g) in walk.leaf_grads.items()}
    return remembered(tr, root, started, walk.notes, leaves, walk.freed_here(), walk.visited)


def _settle_grads(walk: Walk, create: bool) -> None:
    """What becomes a `.grad` owns its memory: no view, no value that was an operand elsewhere."""
    tr = state.tr
    mode = tr.grad
    set_grad_mode(create)
    try:
        seen = set()
        for key, (v, g) in walk.leaf_grads.items():
            m = g.meta
            if (
                m.offset
                or m.strides != contiguous_strides(m.shape)
                or g.vid < tr.base
                or g.vid in seen
            ):
                g = e.record1(e.CLONE, g)
                walk.leaf_grads[key] = (v, g)
            seen.add(g.vid)
    finally:
        set_grad_mode(mode)


def _deliver(walk: Walk, create: bool) -> None:
    """Hands the leaves their gradients, through their hooks."""
    for v, g in walk.leaf_grads.values():
        handle = v.rec() if v.rec is not None else None
        if handle is not None:
            if handle._hooks:
                g = handle._run_hooks(g)
            handle._accumulate(g, create)


# Set by the tensor layer: a handle on a value.
wrap: Any = None


def _frames_before(tape: Any) -> list[Any]:
    """The frame and those that its inputs came from, the oldest first."""
    found = {id(tape): tape}
    stack = [tape]
    while stack:
        for v in stack.pop().upstream.values():
            p = place(v)
            if p is not None and id(p[0]) not in found:
                found[id(p[0])] = p[0]
                stack.append(p[0])
    return sorted(found.values(), key=lambda t: t.base)


def _reaching(tape: Any, targets: dict[Any, int], known: dict[int, set[int]]) -> set[int]:
    """The slots of a frame that are wanted inputs or were computed from one."""
    found: set[int] = set()
    for slot, v in tape.leaves.items():
        if ("leaf", id(leaf_of(v))) in targets:
            found.add(slot)
    for slot, v in tape.upstream.items():
        p = place(v)
        if p is not None and p[1] in known.get(id(p[0]), ()):
            found.add(slot)
    for node in tape.node.path():
        computed = any(s in found for s in node.ins)
        for k, m in enumerate(node.metas):
            slot = node.slot + k
            if m.requires_grad and (computed or (id(tape), slot) in targets):
                found.add(slot)
    return found


def backward_many(
    roots: Sequence[Value], grads: Sequence[Value | None], retain: bool, create: bool
) -> None:
    """Accumulates the gradients of several roots into the leaves."""
    if len(roots) == 1:
        backward(roots[0], grads[0], retain, create)
        return
    tr = state.tr
    mode = tr.grad
    walk = Walk(retain, create, None)
    set_grad_mode(create)
    try:
        for r, g in zip(roots, grads, strict=True):
            walk.add(r, ones_like(r.meta) if g is None else g)
        walk.run()
    finally:
        set_grad_mode(mode)
    _settle_grads(walk, create)
    walk.release()
    _deliver(walk, create)


def saved_slots(frame: Frame, roots: list[int]) -> dict[int, int]:
    """The slots whose values the gradients of these roots will look at, found by running the
    formulas.

    With each goes the slot of what it is a view of, or itself.

    They run in a frame of their own that is thrown away: only the rules run, nothing is computed.
    """
    producers = frame.node.producers()
    seen: set[int] = set()
    stack = list(roots)
    used: set[int] = set()
    probe = Frame(Node(None, "mode"), scratch=True)
    outer, nodes = state.tr, Counter.nodes
    state.tr = probe
    try:
        while stack:
            slot = stack.pop()
            node = producers[slot]
            if (
                node.slot in seen
                or getattr(node.op, "gradient", None) is None
                or node.slot in frame.freed
            ):
                continue
            seen.add(node.slot)
            needs = tuple(slot_meta(frame, s).requires_grad for s in node.ins)
            if not (frame.custom and node.slot in frame.custom):
                n = Context(frame, node, needs)
                n.used = set()
                restart(probe)
                set_grad_mode(False)
                n.tape = _Probe(frame)
                gs = [outside(m.plain, ()) for m in node.metas]
                node.op.gradient(n, *gs)
                used |= {s for s in n.used if s not in producers[s].number_meta}
            stack.extend(s for s, need in zip(node.ins, needs, strict=True) if need)
    finally:
        state.tr, Counter.nodes = outer, nodes
    found = {}
    for slot in used:
        whole: int | None = slot
        while whole is not None:
            found[slot] = whole
            whole = viewed(producers, whole)
    return found


class _Probe:
    """Looks like a tape to a Context that only notes what is used."""

    __slots__ = ("node", "base", "over", "scalars")

    def __init__(self, frame: Frame) -> None:
        self.node, self.base, self.over, self.scalars = frame.node, frame.base, None, frame.scalars


Hooks.saved_slots = saved_slots
