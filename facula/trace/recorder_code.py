"""Recording in machine code: what `recorder.py` and `formula.py` do where an edge is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..runtime.python_ir import Code, offset_of
from . import formula, recorder
from .recorder import _NOTHING, Frame, Node, frame_seen
from .values import NUMBER, Formed, Meta, Value


class Fields:
    """Where the fields lie that machine code reads and writes."""

    def __init__(self) -> None:
        self.vid, self.meta, self.buf = (offset_of(Value, n) for n in ("vid", "meta", "buf"))
        self.rec, self.over, self.pin = (offset_of(Value, n) for n in ("rec", "over", "pin"))
        self.start, self.leaf = offset_of(Meta, "start"), offset_of(Meta, "leaf")
        self.requires_grad = offset_of(Meta, "requires_grad")
        self.edges, self.slot = offset_of(Node, "edges"), offset_of(Node, "slot")
        self.node_meta = offset_of(Node, "meta")
        self.base, self.node = offset_of(Frame, "base"), offset_of(Frame, "node")
        self.values, self.inputs = offset_of(Frame, "values"), offset_of(Frame, "inputs")
        self.leaves, self.shifts = offset_of(Frame, "leaves"), offset_of(Frame, "shifts")
        self.scalars, self.fixing = offset_of(Frame, "scalars"), offset_of(Frame, "fixing")
        self.once, self.freed = offset_of(Frame, "once"), offset_of(Frame, "freed")
        self.freed_key = offset_of(Frame, "freed_key")


LAST = (1 << 63) - 1  # a position behind every list's end


def open_frame(c: Code) -> str:
    """This thread's frame. The last one asked for is remembered with its thread's number."""
    seen = c.memory(frame_seen.buffer_info()[0])
    thread = c.call("PyThreadState_GetID", c.call("PyThreadState_Get"))
    frame = c.variable("ptr", c.field(seen, 8))
    with c.when(c.test("ne", thread, c.word(seen, 0))):
        own = c.call("PyObject_GetAttr", c.object(recorder.state), c.object("tr"))
        c.fail_unless(c.other(own, "null"))
        c.put(seen, 8, own)
        c.store(seen, 0, thread)
        c.assign(frame, own)
    return c.value(frame)


def new_value(c: Code, f: Fields, vid: str, meta: str) -> str:
    """A new reference to a recorded value at a place; its facts are borrowed."""
    made = c.call("PyType_GenericAlloc", c.object(Value), 0)
    c.fail_unless(c.other(made, "null"))
    none = c.object(None)
    c.put(made, f.vid, c.number(vid))
    c.put(made, f.meta, c.keep(meta))
    for offset in (f.buf, f.rec, f.over, f.pin):
        c.put(made, offset, c.keep(none))
    return made


def _arrive(c: Code, f: Fields, frame: str, base: str, node: str) -> None:
    """Moves the frame to a node and returns the value that it made."""
    c.put(frame, f.node, c.keep(node))
    made = new_value(c, f, c.add(base, c.integer(c.field(node, f.slot))), c.field(node, f.node_meta))
    c.call("PyList_Append", c.field(frame, f.values), made)
    c.give(made)


def _enter(c: Code, f: Fields, frame: str, base: str, v: str, slot: str) -> None:
    """Gives a value a slot of the frame; `recorder.Frame.enter` for what `_may_enter` lets through."""
    c.put(v, f.vid, c.number(c.add(base, slot)))
    c.call("PyList_Append", c.field(frame, f.inputs), v)
    with c.when(c.same(c.field(c.field(v, f.meta), f.requires_grad), c.object(True))):
        number = c.number(slot)
        c.call("PyDict_SetItem", c.field(frame, f.leaves), number, v)
        c.drop(number)


def _may_enter(c: Code, f: Fields, v: str) -> None:
    """Needs a value in memory that Python does not write to."""
    c.need(c.other(c.field(v, f.buf), c.object(None)))
    c.need_same(c.field(v, f.pin), None)


def _find(c: Code, f: Fields, node: str, key: str) -> str:
    """Where an edge leads. Needs one."""
    return c.need_found(c.call("PyDict_GetItemWithError", c.field(node, f.edges), key))


def _record(c: Code, count: int) -> None:
    """Recording an op of so many operands; one of two may be a number."""
    f = Fields()
    op, attrs = c.argument(0), c.optional(count + 1, ())
    operands = [c.argument(1 + k) for k in range(count)]
    frame = open_frame(c)
    base = c.integer(c.field(frame, f.base))
    c.need(c.test("ne", base, c.integer(c.field(frame, f.once))))
    c.need_same(c.field(frame, f.shifts), _NOTHING)
    node = c.variable("ptr", c.field(frame, f.node))
    slots = [c.variable("i64", 0) for _ in operands]
    entering = [c.variable("i1", 0) for _ in operands]
    numbers = c.variable("i64", 0)
    for k, v in enumerate(operands):
        if count == 2:
            for kind, sign in NUMBER.items():
                with c.when(c.is_a(v, kind)):
                    c.assign(slots[k], sign)
                    c.assign(numbers, c.add(c.value(numbers), 1))
            c.need(c.either(c.is_a(v, Value), c.test("slt", c.value(slots[k]), 0)))
        else:
            c.need(c.is_a(v, Value))
        with c.when(c.test("eq", c.value(slots[k]), 0)):
            inside = c.minus(c.integer(c.field(v, f.vid)), base)
            c.assign(slots[k], inside)
            with c.when(c.test("slt", inside, 0)):
                c.assign(entering[k], 1)
                for i in range(k):  # the same value twice
                    with c.when(c.same(v, operands[i])):
                        c.assign(slots[k], c.value(slots[i]))
                        c.assign(entering[k], 0)
            with c.when(c.value(entering[k])):
                _may_enter(c, f, v)
                m = c.field(v, f.meta)
                c.need(c.same(m, c.field(m, f.start)))
                with c.when(c.same(c.field(m, f.requires_grad), c.object(True))):
                    c.need_same(c.field(m, f.leaf), True)
                entry = _find(c, f, c.value(node), m)
                c.assign(slots[k], c.integer(c.field(entry, f.slot)))
                c.assign(node, entry)
    if count == 2:
        with c.when(c.test("ne", c.value(numbers), 0)):
            c.need(c.test("eq", c.value(numbers), 1))
            c.need_same(c.field(frame, f.fixing), "")
    key = _key(c, op, [c.value(s) for s in slots], attrs)
    found = c.call("PyDict_GetItemWithError", c.field(c.value(node), f.edges), key)
    c.drop(key)
    c.need_found(found)
    for v, slot, enters in zip(operands, slots, entering, strict=True):
        with c.when(c.value(enters)):
            _enter(c, f, frame, base, v, c.value(slot))
        if count == 2:
            with c.when(c.test("slt", c.value(slot), 0)):
                c.call("PyList_Append", c.field(frame, f.scalars), v)
    _arrive(c, f, frame, base, found)


def _key(c: Code, op: str, slots: Sequence[str], attrs: str) -> str:
    """A new reference to the key of an edge."""
    numbers = [c.number(s) for s in slots]
    key = c.call("PyTuple_Pack", len(slots) + 2, op, *numbers, attrs)
    for n in numbers:
        c.drop(n)
    c.fail_unless(c.other(key, "null"))
    return key


def _as_one(c: Code) -> None:
    """Recording a formula that is one edge."""
    f = Fields()
    entered_at, numbers_at = offset_of(Formed, "entered"), offset_of(Formed, "numbers")
    formed_node = offset_of(Formed, "node")
    made_by, ins, attrs = c.argument(0), c.argument(1), c.optional(2, ())
    c.need(c.is_a(ins, tuple))
    frame = open_frame(c)
    base = c.integer(c.field(frame, f.base))
    c.need_same(c.field(frame, f.fixing), "")
    count = c.call("PyObject_Size", ins)
    with c.loop(count) as k:
        c.need(c.is_a(c.call("PyTuple_GetItem", ins, k), Value))
    key = c.call("PyTuple_New", c.add(count, 2))
    c.fail_unless(c.other(key, "null"))
    c.call("PyTuple_SetItem", key, 0, c.keep(made_by))
    c.call("PyTuple_SetItem", key, 1, c.keep(attrs))
    with c.loop(count) as k:
        v = c.call("PyTuple_GetItem", ins, k)
        slot = c.minus(c.integer(c.field(v, f.vid)), base)
        part = c.variable("ptr", "null")
        with c.when(c.test("sge", slot, 0)):
            c.assign(part, c.number(slot))
        with c.when(c.test("slt", slot, 0)):
            c.assign(part, c.keep(c.field(v, f.meta)))
        c.call("PyTuple_SetItem", key, c.add(k, 2), c.value(part))
    formed = c.call("PyDict_GetItemWithError", c.field(c.field(frame, f.node), f.edges), key)
    c.drop(key)
    c.need_found(formed)
    entered = c.field(formed, entered_at)
    entries = c.call("PyObject_Size", entered)
    with c.loop(entries) as k:
        place = c.integer(c.call("PyTuple_GetItem", c.call("PyTuple_GetItem", entered, k), 0))
        v = c.call("PyTuple_GetItem", ins, place)
        _may_enter(c, f, v)
        with c.loop(count) as other:
            with c.when(c.test("ne", other, place)):
                c.need(c.other(v, c.call("PyTuple_GetItem", ins, other)))
    with c.loop(entries) as k:
        pair = c.call("PyTuple_GetItem", entered, k)
        v = c.call("PyTuple_GetItem", ins, c.integer(c.call("PyTuple_GetItem", pair, 0)))
        _enter(c, f, frame, base, v, c.integer(c.call("PyTuple_GetItem", pair, 1)))
    append_all(c, c.field(frame, f.scalars), c.field(formed, numbers_at))
    _arrive(c, f, frame, base, c.field(formed, formed_node))


def append_all(c: Code, to: str, items: str) -> None:
    """Appends what a tuple holds to a list."""
    with c.when(c.test("sgt", c.call("PyObject_Size", items), 0)):
        c.call("PyList_SetSlice", to, LAST, LAST, items)


# Functions with the fewest and the most arguments, and what writes their code.
FUNCTIONS: tuple[tuple[Callable[..., Any], int, int, Callable[[Code], None]], ...] = (
    (recorder.record1, 2, 3, lambda c: _record(c, 1)),
    (recorder.record2, 3, 4, lambda c: _record(c, 2)),
    (recorder.record3, 4, 5, lambda c: _record(c, 3)),
    (formula.as_one, 2, 3, _as_one),
)
