"""Recording: the trace trie.

A thread has one open `Frame`: a position in a trie of everything this thread ever recorded.
Recording an op follows one edge, keyed by the op, its attributes and the slots of its operands;
all facts of the result come from the node at the end of the edge. Only an edge that is not
there runs the op's rule, which raises the user's error. Python numbers are not part of the key
(only their kind is): they are run-time scalars.

The frame ends in `replay.flush`.
"""

from __future__ import annotations

import itertools
import sys
import threading
from array import array
from collections.abc import Callable, Mapping
from typing import Any

from .. import config
from ..runtime.memory import Slab
from . import loops
from .trie import INPUT, MODE, NOTHING, OP, Counter, Node, beginning, grown, switched
from .values import (
    INT64,
    NUMBER,
    OUTSIDE,
    WRAPPED,
    Failed,
    Meta,
    Value,
    at,
    complain,
    meta_of,
    moved,
    with_gradient,
)

SLOTS = 1 << 24  # the room for slots between the bases of two frames
LIMIT = 4000  # nodes in a path; a longer stretch of work is cut
# Bases grow with time. While one thread records, frames follow each other: with numbers of one
# digit (30 bits) Python calculates faster, which is 2 % of a small training step.
_ONE_DIGIT = 1 << 30
_bases = itertools.count(_ONE_DIGIT, SLOTS)

# Between a frame's slots and the next frame's base: no value of the one is where the other has its
# numbers (`NUMBER`).
_GAP = 3

_NONE: frozenset[int] = frozenset()


class Frame:
    """The open stretch of work of a thread. One object per thread: ending it starts the next in
    place.
    """

    __slots__ = (
        "base", "root", "node", "values", "inputs", "scalars", "complex", "leaves", "upstream",
        "hooks", "custom", "freed", "freed_key", "over", "shifts", "grad", "views", "scratch",
        "walks", "fixing", "once", "alone", "lonely", "made", "spent", "limit", "trail",
        "parts", "slab", "running", "thread", "beside", "rest",
    )  # fmt: skip

    values: list[Value]
    inputs: list[Value]
    scalars: list[Any]
    running: bool  # it ends: its work is done now, and memory that it has read may be written
    # Of foreign.py: what other threads have calculated of it, by the values' numbers, and the place
    # (base and node) at which its own was found to do something else.
    beside: Mapping[int, Any]
    rest: tuple[int, Node] | None
    complex: bool  # there is more to gradients than the path: hooks, user's functions, other frames
    leaves: dict[int, Value]
    upstream: Mapping[int, Value]
    hooks: dict[int, list[Any]] | None
    custom: dict[int, Any] | None
    freed: frozenset[int]
    freed_key: tuple[Any, ...]
    over: dict[int, Any] | None
    # How much further in their storage values lie than their slots' facts say, by number.
    shifts: Mapping[int, int]

    def __init__(self, root: Node, scratch: bool = False, unlisted: bool = False) -> None:
        self.root = root
        # Of once.py: the base at which ops run at once, that of the frame after the last one seen
        # for the first time, how many of these there were in a row, what was made at once last, and
        # the elements that this chain has read and written.
        self.once = self.alone = self.lonely = self.spent = 0
        self.made = OUTSIDE
        self.grad = True
        self.scratch = scratch
        self.walks: list[Any] = []  # backward passes under way
        # While a gradient's formula runs, its numbers (the 2 of 2 * x) are part of the path: the
        # compiler sees constants, and nothing is passed at run time. The name of the op whose
        # gradient it is.
        self.fixing = ""
        self.views: list[Any] = []
        self.trail = loops.Trail()
        self.parts = [0, 0]  # a base, and what tensor_parts.py has counted in the frame that has it
        self.slab = Slab()
        self.base, self.node = 0, root
        self.thread, self.rest = threading.get_ident(), None
        aside = scratch or unlisted  # nobody will look for a value of it
        self.limit = 0 if aside or frames else _ONE_DIGIT - SLOTS  # of bases that follow
        if not aside:
            frames.append(self)
            frames[0].limit *= len(frames) == 1
        restart(self)

    def enter(self, v: Value) -> int:
        """The slot of a value that is not (or not yet) in this frame."""
        if v.buf is None:
            v = resolve(self, v)
            i = v.vid - self.base
            if i >= 0:
                return i
        if v.pin is not None:
            if v.pin():
                # Python may write to this memory before the frame runs: what was read is a copy.
                v = state.snapshot(v)
            else:
                v.pin = None
        # Where in a storage a view lies is no matter to work on the view's own memory: one path
        # for all batches of a data set.
        m = v.meta.start
        node = self.node
        nxt = node.edges.get(m)
        if nxt is None:
            nxt = Node(node, INPUT)
            nxt.meta, nxt.metas, nxt.next_slot = m, (m,), nxt.slot + 1
            node.edges[m] = nxt
            grown()
        self.node = nxt
        self.inputs.append(v)
        i = nxt.slot
        v.vid = self.base + i
        if m is not v.meta:
            note_shift(self, v)
        if m.requires_grad:
            if m.leaf:
                self.leaves[i] = v
            else:
                if self.upstream is NOTHING:
                    self.upstream = {}
                self.upstream[i] = v  # type: ignore[index]
                self.complex = True
        return i


def note_shift(tr: Frame, v: Value) -> None:
    """Notes how much further in its storage a value lies that has entered."""
    if tr.shifts is NOTHING:
        tr.shifts = {}
    tr.shifts[v.vid] = v.meta.offset - v.meta.start.offset  # type: ignore[index]


def restart(tr: Frame) -> None:
    """Forgets what a frame has recorded: it is an empty one with slots of its own.

    Every collection is a new one: what was kept of the frame (a `Tape`) has the old ones.
    """
    values: list[Value] = []  # first of all: where memory is taken, finalizers may run
    inputs: list[Value] = []
    scalars: list[Any] = []
    leaves: dict[int, Value] = {}
    tr.base += tr.node.next_slot + _GAP
    if tr.base >= tr.limit:
        tr.base = next(_bases)
    tr.node = beginning(tr.root, tr.grad)
    tr.values, tr.inputs, tr.scalars, tr.leaves = values, inputs, scalars, leaves
    tr.complex = tr.running = False
    tr.upstream = tr.shifts = tr.beside = NOTHING
    tr.hooks = tr.custom = tr.over = None
    tr.freed, tr.freed_key = _NONE, ()
    if tr.views:
        tr.views = []


# What machine code remembers of its last call: the number of the thread, and where that one's frame
# lies.
frame_seen = array("q", (0, 0))


recording: set[int] = set()  # the threads that have recorded something


class _State(threading.local):
    """The open frame and the trie of a thread."""

    def __init__(self) -> None:
        recording.add(threading.get_ident())
        self.tr = Frame(Node(None, MODE))

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        frame_seen[0] = 0

    # Set by replay.py (to end a frame) and by the tensor layer (for stale views).
    flush: Callable[..., None]
    refresh: Callable[[Value], Value]
    snapshot: Callable[[Value], Value]
    foreign: Callable[[Frame, Value], Value]
    at_once: Callable[[Frame, Any, tuple[Any, ...], tuple[Any, ...]], Value | None]
    constant: Callable[[Any], Value]
    # The frame that is put aside while garbage is collected, and the one in its place.
    aside: Frame
    finalizing: Frame


# The frames of all threads: how a value that another thread recorded finds its frame.
frames: list[Frame] = []


def _owner(v: Value) -> Frame | None:
    """The open frame that a value was recorded in."""
    return next((f for f in list(frames) if 0 <= v.vid - f.base < SLOTS), None)


state = _State()


def resolve(tr: Frame, v: Value) -> Value:
    """What a value without memory means now: a stale view is derived again, a foreign frame is
    ended.
    """
    if type(v.over) is Failed:
        v.over.complain()
    if v.vid == OUTSIDE and v.rec is not None and v.over == "stale":
        return state.refresh(v)
    if v.buf is None and v.vid != OUTSIDE:
        owner = _owner(v)
        if owner is not None and owner is not tr:
            return state.foreign(owner, v)
        if v.buf is not None:
            return v
    complain(v)


_MOST_FACTS = 256


def _miss(tr: Frame, key: Any, op: Any, ins: tuple[Any, ...], attrs: tuple[Any, ...]) -> Node:
    """Runs the op's rule and adds the edge. `ins` holds slots, or values for numbers."""
    node, base, shifts = tr.node, tr.base, tr.shifts
    metas: list[Meta] = []
    slots: list[int] = []
    numbers = False
    for v in ins:
        if type(v) is Value:
            m = _unshifted(tr, v) if shifts else v.meta
            slots.append(v.vid - base)
        else:
            m = meta_of(op, v)
            slots.append(-1)
            numbers = True
        metas.append(m)
    facts, call = tr.root.facts, (op, attrs, tr.grad, *metas)
    outs = facts.get(call)
    if outs is None:
        outs = _facts(op, metas, attrs, tr.grad)
        if len(facts) >= _MOST_FACTS:
            facts.clear()
        facts[call] = outs
    nxt = Node(node, OP)
    nxt.op, nxt.attrs = op, attrs
    if op.kind == "indexing":
        nxt.where = caller()
    if Counter.lines:
        nxt.line = caller()
    if tr.fixing:
        nxt.cause = f"{tr.fixing} backward"
    nxt.metas, nxt.meta = outs, outs[0]
    slot = nxt.slot + len(outs)
    if numbers:
        for k, v in enumerate(ins):
            if slots[k] < 0:
                slots[k] = slot
                _number(tr, nxt, slot, v)
                slot += 1
        nxt.scalars += len(nxt.scalar)
    nxt.ins = tuple(slots)
    nxt.next_slot = slot
    node.edges[key] = nxt
    Counter.nodes += 1
    # Shorter paths do not go round often enough, and are most of all that is new.
    short = nxt.depth <= loops.SPAN
    if not (short or tr.walks or tr.scratch or tr.fixing) and tr.trail.extend(nxt):
        nxt.ends = True
    return nxt


def _facts(op: Any, metas: list[Meta], attrs: tuple[Any, ...], grad: bool) -> tuple[Meta, ...]:
    """The facts of what an op makes; grad: whether gradients are recorded."""
    outs: tuple[Meta, ...] = tuple(op.rule(metas, attrs))
    if op.kind == "leaf":
        return outs
    needs = op.gradient is not None and (grad or op.kind == "history")
    needs = needs and any(m.requires_grad for m in metas)
    if needs or any(m.requires_grad or m.leaf for m in outs):
        return tuple([with_gradient(m, needs and m.dtype.is_differentiable) for m in outs])
    return outs


def _unshifted(tr: Frame, v: Value) -> Meta:
    """The facts of a value's slot."""
    by = tr.shifts.get(v.vid)
    if not by:
        return v.meta
    return v.meta.start if v.meta.offset == by else moved(v.meta, -by)


def _shift(tr: Frame, op: Any, slot: int, of: Meta, out: Value) -> None:
    """A view of a value that lies further in its storage than its slot says does so too."""
    by = tr.shifts.get(tr.base + slot)
    if op.name == "reshape" and out.meta.contiguous and not of.contiguous:
        return  # no view: a copy in a storage of its own
    if by and op.view and op.name != "as_strided":
        out.meta = moved(out.meta, by)
        tr.shifts[out.vid] = by  # type: ignore[index]


def _number(tr: Frame, node: Node, slot: int, number: Any) -> None:
    """A Python number as an operand of the call that `node` stands for."""
    facts = WRAPPED[-2] if isinstance(number, int) else WRAPPED[-1]
    node.number_meta = {**node.number_meta, slot: facts} if node.number_meta else {slot: facts}
    if tr.fixing:
        node.fixed = {**node.fixed, slot: number}
    else:
        node.scalar = (*node.scalar, slot)


def _cut(tr: Frame) -> bool:
    """Ends a frame that has grown too long, or goes round and round. True if it did: operands have
    other slots then.
    """
    if not (tr.node.ends or tr.node.depth >= LIMIT) or tr.scratch or tr.walks:
        return False
    state.flush(tr)
    return True


def record1(op: Any, v: Value, attrs: tuple[Any, ...] = ()) -> Value:
    """Records an op of one operand."""
    tr = state.tr
    i = v.vid - tr.base
    if i < 0:
        if tr.once == tr.base:
            done = state.at_once(tr, op, (v,), attrs)
            if done is not None:
                return done
        i = tr.enter(v)
    node = tr.node.edges.get((op, i, attrs))
    if node is None:
        if i >= SLOTS or _cut(tr):
            return record(op, (v,), attrs)
        if v.vid - tr.base != i:
            v = at(tr.base + i, v.meta)
        node = _miss(tr, (op, i, attrs), op, (v,), attrs)
    tr.node = node
    out = Value()
    out.vid, out.meta = tr.base + node.slot, node.meta
    out.buf = out.rec = out.over = out.pin = None
    tr.values.append(out)
    if tr.shifts:
        _shift(tr, op, i, v.meta, out)
    if config.eager and not tr.scratch:
        state.flush(tr)
    return out


def record2(op: Any, a: Any, b: Any, attrs: tuple[Any, ...] = ()) -> Value:
    """Records an op of two operands; either may be a Python float or int."""
    tr = state.tr
    base = tr.base
    number: Any = None
    if type(a) is Value:
        i = a.vid - base
        if i < 0:
            if tr.once == base:
                done = state.at_once(tr, op, (a, b), attrs)
                if done is not None:
                    return done
            i = tr.enter(a)
    elif type(a) in NUMBER:
        i, number = NUMBER[type(a)], a
    else:
        return record(op, (a, b), attrs)
    if type(b) is Value:
        j = b.vid - base
        if j < 0:
            j = tr.enter(b)
    elif type(b) in NUMBER and number is None:
        j, number = NUMBER[type(b)], b
    else:
        return record(op, (a, b), attrs)
    if tr.base != base:
        return record(op, _settled((a, b)), attrs)
    if number is not None:
        if type(number) is int and number not in INT64:
            a, b = fitted((a, b))
            return record2(op, a, b, attrs)
        if tr.fixing:
            return record(op, (a, b), attrs)
    key = (op, i, j, attrs)
    node = tr.node.edges.get(key)
    if node is None:
        if i >= SLOTS or j >= SLOTS or _cut(tr):
            return record(op, (a, b), attrs)
        if type(a) is Value and a.vid - base != i:
            a = at(base + i, a.meta)
        if type(b) is Value and b.vid - base != j:
            b = at(base + j, b.meta)
        node = _miss(tr, key, op, (a, b), attrs)
    tr.node = node
    if number is not None:
        tr.scalars.append(number)
    out = Value()
    out.vid, out.meta = base + node.slot, node.meta
    out.buf = out.rec = out.over = out.pin = None
    tr.values.append(out)
    if config.eager and not tr.scratch:
        state.flush(tr)
    return out


def record3(op: Any, a: Value, b: Value, c: Value, attrs: tuple[Any, ...] = ()) -> Value:
    """Records an op of three operands, none of them a number: a layer with its weight and bias."""
    tr = state.tr
    base = tr.base
    if tr.once == base or config.eager:
        return record(op, (a, b, c), attrs)
    i = a.vid - base
    if i < 0:
        i = tr.enter(a)
    j = b.vid - base
    if j < 0:
        j = tr.enter(b)
    k = c.vid - base
    if k < 0:
        k = tr.enter(c)
    if tr.base != base:
        return record(op, _settled((a, b, c)), attrs)
    node = tr.node.edges.get((op, i, j, k, attrs))
    if node is None:
        return record(op, (a, b, c), attrs)
    tr.node = node
    out = at(base + node.slot, node.meta)
    tr.values.append(out)
    if tr.shifts:
        _shift(tr, op, i, a.meta, out)
    return out


def fitted(ins: tuple[Any, ...]) -> tuple[Any, ...]:
    """Operands whose whole numbers 64 bits hold. Those from 2**63 to 2**64 wrap beside whole
    numbers, as in PyTorch. Raises OverflowError.
    """
    if all(type(v) is not int or v in INT64 for v in ins):
        return ins
    fitting: list[Any] = []
    whole = all(type(v) is not Value or v.meta.dtype.is_integral for v in ins)
    for v in ins:
        if type(v) is int and v not in INT64:
            if not 0 < v < 1 << 64:
                raise OverflowError("int too big to convert")
            v = v - (1 << 64) if whole else float(v)
        fitting.append(v)
    return tuple(fitting)


def _settled(ins: tuple[Any, ...]) -> tuple[Any, ...]:
    """Operands with every stale view derived again. That records an op, which may end the frame
    while an operand before it has its slot already: the call is recorded once more, with these.
    """
    return tuple(
        state.refresh(v) if type(v) is Value and v.buf is None and v.over == "stale" else v
        for v in ins
    )


def _follow(op: Any, ins: tuple[Any, ...], attrs: tuple[Any, ...]) -> Node:
    """Follows or adds the edge for any number of operands; numbers become scalars of the frame."""
    tr = state.tr
    if _cut(tr):
        tr = state.tr
    base = tr.base
    key: list[Any] = [op]
    operands: list[Any] = []
    numbers: list[Any] = []
    for v in fitted(ins):
        if type(v) is Value:
            i = v.vid - tr.base
            if i < 0:
                i = tr.enter(v)
            elif i >= SLOTS:
                i = tr.enter(v if v.buf is not None else resolve(tr, v))
            key.append(i)
            operands.append(v if v.vid - tr.base == i else at(tr.base + i, v.meta))
        elif type(v) in NUMBER:
            if tr.fixing:
                key.append((NUMBER[type(v)], repr(v)))
            else:
                key.append(NUMBER[type(v)])
                numbers.append(v)
            operands.append(v)
        else:
            constant = state.constant(v)
            i = tr.enter(constant)
            key.append(i)
            operands.append(constant)
    if tr.base != base:
        return _follow(op, _settled(ins), attrs)
    key.append(attrs)
    k = tuple(key)
    node = tr.node.edges.get(k)
    if node is None:
        node = _miss(tr, k, op, tuple(operands), attrs)
    tr.node = node
    tr.scalars.extend(numbers)
    return node


def record(op: Any, ins: tuple[Any, ...], attrs: tuple[Any, ...] = ()) -> Value:
    """Records an op of any number of operands and one result."""
    tr = state.tr
    if tr.once == tr.base:
        done = state.at_once(tr, op, ins, attrs)
        if done is not None:
            return done
    return record_many(op, ins, attrs)[0]


def record_many(op: Any, ins: tuple[Any, ...], attrs: tuple[Any, ...] = ()) -> list[Value]:
    """Records an op of any number of operands and results."""
    tr = state.tr
    base = tr.base
    try:  # operands of the open frame, recorded before: no edge has a key of other numbers
        node = tr.node.edges.get((op, *[v.vid - base for v in ins], attrs))
    except AttributeError:  # a number
        node = None
    if node is None:
        node = _follow(op, ins, attrs)
        tr = state.tr
    else:
        tr.node = node
    outs = [at(tr.base + node.slot + k, m) for k, m in enumerate(node.metas)]
    tr.values.extend(outs)
    if tr.shifts and op.view:
        _shift(tr, op, node.ins[0], ins[0].meta, outs[0])
    if config.eager and not tr.scratch:
        state.flush(tr)
    return outs


def set_grad_mode(enabled: bool) -> None:
    """Switches recording of gradients; an edge of its own, so that ops need not look."""
    tr = state.tr
    if tr.grad is enabled:
        return
    tr.node = switched(tr.node, enabled)
    tr.grad = enabled


def caller() -> str:
    """The file and line of the first frame outside this package."""
    f: Any = sys._getframe(1)
    while f is not None and f.f_globals.get("__name__", "").startswith("facula"):
        f = f.f_back
    return f"{f.f_code.co_filename}:{f.f_lineno}" if f is not None else ""
