"""Recording in machine code: what `recorder.py` and `formula.py` do where an edge is known."""

from __future__ import annotations

from collections.abc import Callable

from ..runtime.python_ir import Code, Fields, helper
from . import formula, recorder
from .once_code import at_once
from .trie import NOTHING
from .values import NUMBER, Formed, Value
from .values_code import (
    FRAME,
    META,
    NODE,
    VALUE,
    append_all,
    blank_value,
    fill,
    in_64_bits,
    open_frame,
)

_FORMED = Fields(Formed)
_MOST = 16  # operands of an op; more are left to Python


@helper("void", "ptr", "i64", "ptr", "ptr")
def arrive(c: Code, frame: str, base: str, node: str, made: str) -> None:
    """Moves the frame to a node, which made a value that is still blank."""
    c.put(frame, FRAME.node, c.keep(node))
    vid = c.add(base, c.integer(c.field(node, NODE.slot)))
    c.use(fill, made, vid, c.field(node, NODE.meta))
    c.call("PyList_Append", c.field(frame, FRAME.values), made)
    c.give("", "void")


@helper("i1", "ptr")
def may_enter(c: Code, v: str) -> None:
    """Whether a value lies in memory that Python does not write to."""
    none = c.object(None)
    c.give(c.both(c.other(c.field(v, VALUE.buf), none), c.same(c.field(v, VALUE.pin), none)), "i1")


@helper("ptr", "ptr", "ptr")
def entry(c: Code, node: str, v: str) -> None:
    """The node that a value enters by; null where there is none, or more is to be done."""
    m = c.field(c.field(v, VALUE.meta), META.start)
    true = c.object(True)
    with c.when(c.same(c.field(m, META.requires_grad), true)):
        c.fail_unless(c.same(c.field(m, META.leaf), true))
    with c.when(c.use(may_enter, v)):
        c.give(c.call("PyDict_GetItemWithError", c.field(node, NODE.edges), m))
    c.fail()


@helper("void", "ptr", "i64", "ptr", "i64")
def enter(c: Code, frame: str, base: str, v: str, slot: str) -> None:
    """Gives a value a slot of the frame: `Frame.enter` where an entry was found."""
    c.put(v, VALUE.vid, c.number(c.add(base, slot)))
    c.call("PyList_Append", c.field(frame, FRAME.inputs), v)
    with c.when(c.same(c.field(c.field(v, VALUE.meta), META.requires_grad), c.object(True))):
        number = c.number(slot)
        c.call("PyDict_SetItem", c.field(frame, FRAME.leaves), number, v)
        c.drop(number)
    m = c.field(v, VALUE.meta)
    with c.when(c.other(m, c.field(m, META.start))):
        with c.when(c.same(c.field(frame, FRAME.shifts), c.object(NOTHING))):
            c.put(frame, FRAME.shifts, c.call("PyDict_New"))
        start = c.field(m, META.start)
        by = c.minus(c.integer(c.field(m, META.offset)), c.integer(c.field(start, META.offset)))
        number = c.number(by)
        c.call("PyDict_SetItem", c.field(frame, FRAME.shifts), c.field(v, VALUE.vid), number)
        c.drop(number)
    c.give("", "void")


def _frame(c: Code) -> tuple[str, str]:
    """The frame, and its base."""
    frame = c.need_found(c.use(open_frame))
    return frame, c.integer(c.field(frame, FRAME.base))


def _need_no_view(c: Code, op: str) -> None:
    """A view of what lies further in its storage than its slot says does so too."""
    view = c.need_found(c.call("PyObject_GetAttr", op, c.object("view")))
    c.drop(view)  # the op has it
    c.need_same(view, False)


def _find(c: Code, node: str, key: str) -> str:
    """Where an edge leads: needs one. What is looked at while it is sought stays alive."""
    c.need_held(c.keep(node))
    found = c.call("PyDict_GetItemWithError", c.field(node, NODE.edges), key)
    return c.need_held(c.keep(found))


def _record_few(c: Code, count: int) -> None:
    """Recording an op of so many operands, which are arguments."""
    attrs = c.optional(count + 1, ())

    def packed() -> str:
        operands = [c.argument(1 + k) for k in range(count)]
        return c.need_held(c.call("PyTuple_Pack", count, *operands))

    def operand(k: str) -> str:
        return c.field(c.item("%args", c.add(k, 1)), 0)

    # As `record2` has it, a number before a value is always recorded.
    _record(c, attrs, str(count), operand, packed, c.is_a(c.argument(1), Value), False)


def _record_all(c: Code, many: bool) -> None:
    """Recording an op of a tuple of operands. many: a list of its results is returned, else the
    only one.
    """
    ins, attrs = c.argument(1), c.optional(2, ())
    c.need(c.is_a(ins, tuple))
    count = c.call("PyObject_Size", ins)
    c.need(c.test("sle", count, _MOST))

    def operand(k: str) -> str:
        return c.call("PyTuple_GetItem", ins, k)

    def given() -> str:
        return c.need_held(c.keep(ins))

    _record(c, attrs, count, operand, None if many else given, "true", many)


def _record(
    c: Code, attrs: str, count: str, operand: Callable[[str], str],
    packed: Callable[[], str] | None, may_run: str, many: bool,
) -> None:  # fmt: skip
    """Recording an op, the first argument, of operands of which some may be numbers. packed: a
    tuple of them, held, for work that is done once, if `may_run` says so; None: left to Python.
    """
    op = c.argument(0)
    key = c.need_held(c.call("PyTuple_New", c.add(count, 2)))
    made = c.need_held(c.call("PyList_New", 0) if many else c.use(blank_value))
    frame, base = _frame(c)
    once = c.test("eq", base, c.integer(c.field(frame, FRAME.once)))
    with c.when(c.both(once, may_run)):
        if packed is None:
            c.leave()
        else:
            ins = packed()
            done = c.need_found(c.use(at_once, frame, op, ins, attrs))
            for held in (key, made, ins):
                c.drop(held)
            c.give(done)
    with c.when(c.other(c.field(frame, FRAME.shifts), c.object(NOTHING))):
        _need_no_view(c, op)
    node = c.variable("ptr", c.field(frame, FRAME.node))
    slots, enters = c.array(_MOST), c.array(_MOST)
    with c.loop(count) as k:
        v, slot, entering = operand(k), c.item(slots, k), c.item(enters, k)
        c.store(slot, 0, 0)
        c.store(entering, 0, 0)
        is_value = c.is_a(v, Value)
        for kind, sign in NUMBER.items():
            with c.when(c.is_a(v, kind)):
                c.need_same(c.field(frame, FRAME.fixing), "")
                if kind is int:
                    c.need(c.use(in_64_bits, v))
                c.store(slot, 0, sign)
        c.need(c.either(is_value, c.test("ne", c.word(slot, 0), 0)))
        with c.when(is_value):
            inside = c.minus(c.integer(c.field(v, VALUE.vid)), base)
            c.store(slot, 0, inside)
            with c.when(c.test("slt", inside, 0)):
                c.store(entering, 0, 1)
                with c.loop(k) as i, c.when(c.same(v, operand(i))):  # the same value twice
                    c.store(slot, 0, c.word(c.item(slots, i), 0))
                    c.store(entering, 0, 0)
            with c.when(c.test("ne", c.word(entering, 0), 0)):
                m = c.field(v, VALUE.meta)
                with c.when(c.other(m, c.field(m, META.start))):
                    _need_no_view(c, op)
                found = c.need_found(c.use(entry, c.value(node), v))
                c.store(slot, 0, c.integer(c.field(found, NODE.slot)))
                c.assign(node, found)
    c.call("PyTuple_SetItem", key, 0, c.keep(op))
    c.call("PyTuple_SetItem", key, c.add(count, 1), c.keep(attrs))
    with c.loop(count) as k:
        c.call("PyTuple_SetItem", key, c.add(k, 1), c.number(c.word(c.item(slots, k), 0)))
    last = c.value(node)
    to = _find(c, last, key)
    metas = c.field(to, NODE.metas)
    results = c.call("PyObject_Size", metas)
    if not many:
        c.need(c.test("eq", results, 1))
    with c.loop(count) as k:
        v, slot = operand(k), c.word(c.item(slots, k), 0)
        with c.when(c.test("ne", c.word(c.item(enters, k), 0), 0)):
            c.use(enter, frame, base, v, slot)
        with c.when(c.test("slt", slot, 0)):
            c.call("PyList_Append", c.field(frame, FRAME.scalars), v)
    if many:
        c.put(frame, FRAME.node, c.keep(to))
        first = c.add(base, c.integer(c.field(to, NODE.slot)))
        with c.loop(results) as k:
            v = c.use(blank_value)
            with c.when(c.other(v, "null")):
                c.use(fill, v, c.add(first, k), c.call("PyTuple_GetItem", metas, k))
                c.call("PyList_Append", c.field(frame, FRAME.values), v)
                c.call("PyList_Append", made, v)
                c.drop(v)
    else:
        c.use(arrive, frame, base, to, made)
    for held in (last, to, key):
        c.drop(held)
    c.give(made)


def _as_one(c: Code) -> None:
    """Recording a formula that is one edge."""
    made_by, ins, attrs = c.argument(0), c.argument(1), c.optional(2, ())
    c.need(c.is_a(ins, tuple))
    count = c.call("PyObject_Size", ins)
    with c.loop(count) as k:
        c.need(c.is_a(c.call("PyTuple_GetItem", ins, k), Value))
    made = c.need_held(c.use(blank_value))
    key = c.need_held(c.call("PyTuple_New", c.add(count, 2)))
    frame, base = _frame(c)
    c.need_same(c.field(frame, FRAME.fixing), "")
    c.call("PyTuple_SetItem", key, 0, c.keep(made_by))
    c.call("PyTuple_SetItem", key, 1, c.keep(attrs))
    part = c.variable("ptr", "null")
    with c.loop(count) as k:
        v = c.call("PyTuple_GetItem", ins, k)
        slot = c.minus(c.integer(c.field(v, VALUE.vid)), base)
        with c.when(c.test("sge", slot, 0)):
            c.assign(part, c.number(slot))
        with c.when(c.test("slt", slot, 0)):
            c.assign(part, c.keep(c.field(v, VALUE.meta)))
        c.call("PyTuple_SetItem", key, c.add(k, 2), c.value(part))
    last = c.field(frame, FRAME.node)
    formed = _find(c, last, key)
    entered = c.field(formed, _FORMED.entered)
    entries = c.call("PyObject_Size", entered)
    with c.loop(entries) as k:
        place = c.integer(c.call("PyTuple_GetItem", c.call("PyTuple_GetItem", entered, k), 0))
        v = c.call("PyTuple_GetItem", ins, place)
        c.need(c.use(may_enter, v))
        with c.loop(count) as i, c.when(c.test("ne", i, place)):
            c.need(c.other(v, c.call("PyTuple_GetItem", ins, i)))
    with c.loop(entries) as k:
        pair = c.call("PyTuple_GetItem", entered, k)
        v = c.call("PyTuple_GetItem", ins, c.integer(c.call("PyTuple_GetItem", pair, 0)))
        c.use(enter, frame, base, v, c.integer(c.call("PyTuple_GetItem", pair, 1)))
    c.use(append_all, c.field(frame, FRAME.scalars), c.field(formed, _FORMED.numbers))
    c.use(arrive, frame, base, c.field(formed, _FORMED.node), made)
    for held in (last, formed, key):
        c.drop(held)
    c.give(made)


FUNCTIONS = (
    (recorder.record1, 2, 3, lambda c: _record_few(c, 1)),
    (recorder.record2, 3, 4, lambda c: _record_few(c, 2)),
    (recorder.record3, 4, 5, lambda c: _record_few(c, 3)),
    (recorder.record, 2, 3, lambda c: _record_all(c, False)),
    (recorder.record_many, 2, 3, lambda c: _record_all(c, True)),
    (formula.as_one, 2, 3, _as_one),
)
