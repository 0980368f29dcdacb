"""The end of a frame in machine code: what `replay.flush` does where a plan ran here before."""

from __future__ import annotations

from ..compiler.executable import Fixed
from ..runtime import memory
from ..runtime.python_ir import Code, Fields, helper
from . import recorder, replay
from .recorder import _GAP, _NONE, Frame
from .replay import _REFERENCED, Plan
from .tape import Tape
from .trie import NOTHING
from .update import Bundle
from .values_code import FRAME, NODE, VALUE, open_frame

_PLAN, _FIXED, _TAPE, _BUNDLE = Fields(Plan), Fields(Fixed), Fields(Tape), Fields(Bundle)
_POOL = Fields(memory.Pool)
# How many more references `getrefcount` sees of what a list holds, as `flush` and `Pool` ask it.
_SEEN = _REFERENCED - 1
_EQUAL = 2  # Py_EQ
_HELD_BY_LIST = 1
# What values lie in, and where its address is. Pooled buffers are buffers.
_MEMORY = {kind: Fields(kind).ptr for kind in (memory.Buffer, memory.Piece, memory.ArrayMemory)}
_MEMORY[memory.PooledBuffer] = _MEMORY[memory.Buffer]
_BUSY, _CODE, _CALL, _KEEP_LOCK, _NUMBERS, _INPUTS, _OUTPUTS = range(0, 56, 8)  # `Fixed.head`


@helper("i1", "ptr", "ptr")
def as_counted(c: Code, items: str, counts: str) -> None:
    """Whether the items of a list have these numbers of references."""
    count = c.call("PyObject_Size", items)
    with c.when(c.test("ne", count, c.call("PyObject_Size", counts))):
        c.give(0, "i1")
    with c.loop(count) as k:
        expected = c.integer(c.call("PyList_GetItem", counts, k))
        found = c.add(c.references(c.call("PyList_GetItem", items, k)), _SEEN)
        with c.when(c.test("ne", found, expected)):
            c.give(0, "i1")
    c.give(1, "i1")


@helper("i64", "ptr")
def address_in(c: Code, v: str) -> None:
    """The address of a value's memory; 0 where that is to be found out."""
    held = c.field(v, VALUE.buf)
    for kind, offset in _MEMORY.items():
        with c.when(c.is_a(held, kind)):
            c.give(c.integer(c.field(held, offset)), "i64")
    c.give(0, "i64")


@helper("i1", "ptr", "ptr", "ptr")
def numbers_written(c: Code, scalars: str, kinds: str, to: str) -> None:
    """Writes the numbers of a frame to memory. Whether they are of these kinds."""
    count = c.call("PyObject_Size", scalars)
    with c.when(c.test("ne", count, c.call("PyObject_Size", kinds))):
        c.give(0, "i1")
    with c.loop(count) as k:
        number, place = c.call("PyList_GetItem", scalars, k), c.item(to, k)
        kind = c.byte(kinds, k)
        fits = c.variable("i1", 0)
        c.assign(fits, 0)
        with c.when(c.both(c.test("eq", kind, ord("d")), c.is_a(number, float))):
            c.store(place, 0, c.call("PyFloat_AsDouble", number), "double")
            c.assign(fits, 1)
        with c.when(c.both(c.test("eq", kind, ord("q")), c.is_a(number, int))):
            c.store(place, 0, c.integer(number))  # `record2` has seen to it that it fits
            c.assign(fits, 1)
        with c.when(c.test("eq", c.value(fits), 0, "i1")):
            c.give(0, "i1")
    c.give(1, "i1")


@helper("void", "ptr", "ptr")
def addresses_written(c: Code, head: str, buffers: str) -> None:
    """Writes the addresses of a run's outputs."""
    to = c.pointer(c.word(head, _OUTPUTS))
    with c.loop(c.call("PyObject_Size", buffers)) as k:
        buffer = c.call("PyList_GetItem", buffers, k)
        c.store(c.item(to, k), 0, c.integer(c.field(buffer, _MEMORY[memory.Buffer])))
    c.give("", "void")


@helper("i1", "ptr", "ptr", "ptr")
def ready(c: Code, plan: str, frame: str, fixed: str) -> None:
    """Whether a plan's own table can be used now; numbers and addresses are written to it."""
    head = c.pointer(c.integer(c.field(fixed, _FIXED.head)))
    pool = c.field(plan, _PLAN.pool)
    with c.when(c.test("ne", c.word(head, _BUSY), 0)):
        c.give(0, "i1")
    with c.when(c.other(pool, c.object(None))):
        shown = c.call("PyList_GetItem", c.field(pool, _POOL._shown), 0)
        free = c.use(as_counted, c.field(pool, _POOL.buffers), c.field(pool, _POOL._idle))
        with c.when(c.either(c.other(shown, c.object(False)), c.test("eq", free, 0, "i1"))):
            done = c.invoke(c.object(memory.Pool.renew), pool)
            with c.when(c.same(done, "null")):
                c.call("PyErr_Clear")
                c.give(0, "i1")
            c.drop(done)
        pointers = c.field(pool, _POOL.pointers)
        with c.when(c.other(pointers, c.field(fixed, _FIXED._outputs))):
            c.use(addresses_written, head, c.field(pool, _POOL.buffers))
            c.put(fixed, _FIXED._outputs, c.keep(pointers))
    inputs, tables = c.field(frame, FRAME.inputs), c.field(fixed, _FIXED._tables)
    plain, bundles = c.integer(c.field(plan, _PLAN.plain)), c.call("PyObject_Size", tables)
    count = c.call("PyObject_Size", inputs)
    with c.when(c.test("ne", count, c.add(plain, bundles))):
        c.give(0, "i1")
    to = c.pointer(c.word(head, _INPUTS))
    with c.loop(plain) as k:
        address = c.use(address_in, c.call("PyList_GetItem", inputs, k))
        with c.when(c.test("eq", address, 0)):
            c.give(0, "i1")
        c.store(c.item(to, k), 0, address)
    with c.loop(bundles) as k:
        bundle = c.call("PyList_GetItem", inputs, c.add(plain, k))
        table = c.field(bundle, _BUNDLE.table)
        with c.when(c.other(table, c.call("PyList_GetItem", tables, k))):
            c.give(0, "i1")
    place = c.pointer(c.word(head, _NUMBERS))
    scalars, kinds = c.field(frame, FRAME.scalars), c.field(fixed, _FIXED.kinds)
    c.give(c.use(numbers_written, scalars, kinds, place), "i1")


@helper("i1", "ptr", "ptr")
def may_take(c: Code, plan: str, frame: str) -> None:
    """Whether an output may find an input that only the frame holds, and whose memory it takes."""
    places, inputs = c.field(plan, _PLAN.taken_from), c.field(frame, FRAME.inputs)
    with c.loop(c.call("PyObject_Size", places)) as k:
        v = c.call("PyList_GetItem", inputs, c.integer(c.call("PyList_GetItem", places, k)))
        with c.when(c.test("sle", c.references(v), _HELD_BY_LIST)):
            c.give(1, "i1")
    c.give(0, "i1")


@helper("ptr", "ptr", "ptr")
def outputs(c: Code, plan: str, fixed: str) -> None:
    """A new reference to the list of the buffers for a run of a plan's own table: those of the
    pool, or new ones, whose addresses are written to it. Null, and no error, where there is no
    memory.
    """
    pool = c.field(plan, _PLAN.pool)
    with c.when(c.other(pool, c.object(None))):
        c.give(c.keep(c.field(pool, _POOL.buffers)))
    buffers = c.invoke(c.object(replay.new_outputs), plan)
    with c.when(c.same(buffers, "null")):
        c.call("PyErr_Clear")
        c.fail()
    head = c.pointer(c.integer(c.field(fixed, _FIXED.head)))
    c.use(addresses_written, head, buffers)
    c.give(buffers)


@helper("i64", "ptr")
def run(c: Code, fixed: str) -> None:
    """Runs a program with a table of its own. Not 0 after an error."""
    head = c.pointer(c.integer(c.field(fixed, _FIXED.head)))
    code, call = c.pointer(c.word(head, _CODE)), c.pointer(c.word(head, _CALL))
    with c.when(c.test("ne", c.word(head, _KEEP_LOCK), 0)):
        c.give(c.machine(code, call), "i64")
    c.store(head, _BUSY, 1)
    thread = c.call("PyEval_SaveThread")
    status = c.machine(code, call)
    c.call("PyEval_RestoreThread", thread)
    c.store(head, _BUSY, 0)
    c.give(status, "i64")


@helper("ptr", "ptr")
def tape_of(c: Code, frame: str) -> None:
    """A new reference to the tape of a frame that ends: `tape.tape_of`."""
    made = c.call("PyType_GenericAlloc", c.object(Tape), 0)
    c.fail_unless(c.other(made, "null"))
    for name in (
        "node", "base", "scalars", "leaves", "upstream", "freed", "hooks", "custom", "over",
    ):  # fmt: skip
        value = c.field(frame, getattr(FRAME, name))
        c.put(made, getattr(_TAPE, name), c.keep(value))
    for name in ("saved", "versions"):
        c.put(made, getattr(_TAPE, name), c.keep(c.object(NOTHING)))
    c.give(made)


@helper("void", "ptr", "ptr", "ptr", "ptr")
def deliver(c: Code, plan: str, frame: str, live: str, buffers: str) -> None:
    """Gives the live values their memory: `replay._deliver` where nothing is kept for gradients,
    and no other thread has read any.
    """
    with c.loop(c.call("PyObject_Size", live)) as k:
        v = c.call("PyList_GetItem", live, k)
        c.put(v, VALUE.buf, c.keep(c.call("PyList_GetItem", buffers, k)))
    with c.when(c.same(c.field(plan, _PLAN.tape), c.object(True))):
        tape = c.use(tape_of, frame)
        tracked, slots = c.field(plan, _PLAN.tracked), c.field(plan, _PLAN.live)
        with c.loop(c.call("PyObject_Size", tracked)) as k:
            place = c.integer(c.call("PyList_GetItem", tracked, k))
            slot = c.call("PyList_GetItem", slots, place)
            v = c.call("PyList_GetItem", live, place)
            c.put(v, VALUE.rec, c.call("PyTuple_Pack", 2, tape, slot))
        c.drop(tape)
    c.give("", "void")


@helper("ptr", "ptr")
def begin_again(c: Code, frame: str) -> None:
    """Starts an empty frame: `recorder.restart`. A new reference to None; null after an error."""
    new = [c.call("PyList_New", 0) for _ in range(4)]
    leaves = c.call("PyDict_New")
    root, false = c.field(frame, FRAME.root), c.object(False)
    at = c.add(c.integer(c.field(frame, FRAME.base)), _GAP)
    base = c.add(at, c.integer(c.field(c.field(frame, FRAME.node), NODE.next_slot)))
    node = c.variable("ptr", root)
    with c.when(c.same(c.field(frame, FRAME.grad), false)):
        c.assign(node, c.call("PyDict_GetItemWithError", c.field(root, NODE.edges), false))
    usual = c.both(
        c.test("slt", base, c.integer(c.field(frame, FRAME.limit))),
        c.other(c.value(node), "null"),
    )
    with c.when(usual):
        c.put(frame, FRAME.base, c.number(base))
        c.put(frame, FRAME.node, c.keep(c.value(node)))
        for name, made in zip(("values", "inputs", "scalars", "views"), new, strict=True):
            c.put(frame, getattr(FRAME, name), made)
        c.put(frame, FRAME.leaves, leaves)
        for name, value in (
            ("complex", False), ("running", False), ("upstream", NOTHING), ("shifts", NOTHING),
            ("beside", NOTHING), ("hooks", None), ("custom", None), ("over", None),
            ("freed", _NONE), ("freed_key", ()),
        ):  # fmt: skip
            c.put(frame, getattr(FRAME, name), c.keep(c.object(value)))
        c.give(c.keep(c.object(None)))
    for made in (*new, leaves):
        c.drop(made)
    c.give(c.invoke(c.object(recorder.restart), frame))


def _restart(c: Code) -> None:
    frame = c.argument(0)
    c.need(c.is_a(frame, Frame))
    c.give(c.use(begin_again, frame))


def _flush(c: Code) -> None:
    live = c.need_found(c.hold(c.call("PyList_New", 0)))
    given = c.optional(0, None)
    at = c.variable("ptr", given)
    with c.when(c.same(given, c.object(None))):
        c.assign(at, c.need_found(c.use(open_frame)))
    frame = c.value(at)
    c.need(c.is_a(frame, Frame))
    none = c.object(None)
    c.need(c.other(c.field(c.field(frame, FRAME.node), NODE.usual), none))
    c.need_same(c.field(frame, FRAME.scratch), False)
    c.need(c.test("eq", c.call("PyObject_Size", c.field(frame, FRAME.walks)), 0))
    for original in replay.unwatched:
        now = c.call("PyObject_GetAttr", c.object(replay), c.object(original.__name__))
        c.drop(now)  # the module has it
        c.need_same(now, original)
    with c.when(c.test("sgt", c.call("PyObject_Size", c.field(frame, FRAME.views)), 0)):
        dropped = c.invoke(c.object(replay._drop_views), frame)
        c.drop(c.need_found(dropped))
    values, usual = c.field(frame, FRAME.values), c.field(c.field(frame, FRAME.node), NODE.usual)
    c.need(c.other(usual, none))
    freed, before = c.field(frame, FRAME.freed_key), c.call("PyTuple_GetItem", usual, 1)
    c.need(c.test("eq", c.call("PyObject_RichCompareBool", freed, before, _EQUAL), 1, "i32"))
    c.need(c.use(as_counted, values, c.call("PyTuple_GetItem", usual, 0)))
    # From here on it happens.
    c.put(frame, FRAME.running, c.keep(c.object(True)))
    with c.loop(c.call("PyObject_Size", values)) as k:
        v = c.call("PyList_GetItem", values, k)
        with c.when(c.test("sgt", c.references(v), _HELD_BY_LIST)):
            c.call("PyList_Append", live, v)
    plan = c.keep(c.call("PyTuple_GetItem", usual, 3))  # a finaliser may forget paths meanwhile
    c.put(plan, _PLAN.seen, c.number(c.add(c.integer(c.field(plan, _PLAN.seen)), 1)))
    kept = c.either(
        c.other(c.field(frame, FRAME.beside), c.object(NOTHING)),
        c.both(
            c.same(c.field(plan, _PLAN.tape), c.object(True)),
            c.test("sgt", c.call("PyObject_Size", c.field(plan, _PLAN.saved)), 0),
        ),
    )
    buffers, end = c.variable("ptr", "null"), c.variable("ptr", "null")
    fixed = c.field(plan, _PLAN.fixed)
    own = c.variable("i1", 0)
    with c.when(c.other(fixed, c.object(None))):
        taking = c.use(may_take, plan, frame)
        with c.when(c.both(c.test("eq", taking, 0, "i1"), c.use(ready, plan, frame, fixed))):
            c.assign(buffers, c.use(outputs, plan, fixed))
            c.assign(own, c.other(c.value(buffers), "null"))
    with c.when(c.value(own)):
        status = c.use(run, fixed)
        with c.when(c.test("ne", status, 0)):
            c.assign(end, c.invoke(c.object(replay.failed), plan, frame, live))
            c.drop(c.value(buffers))
            c.assign(buffers, "null")
    with c.when(c.test("eq", c.value(own), 0, "i1")):
        c.assign(buffers, c.invoke(c.object(replay.replayed), plan, frame, live))
    with c.when(c.other(c.value(buffers), "null")):
        with c.when(c.test("eq", kept, 0, "i1")):
            c.use(deliver, plan, frame, live, c.value(buffers))
        with c.when(kept):
            deliver_kept = c.object(replay.unwatched[1])
            c.drop(c.invoke(deliver_kept, plan, frame, live, c.value(buffers)))
        c.assign(end, c.use(begin_again, frame))
        c.drop(c.value(buffers))
    c.drop(plan)
    c.drop(live)
    c.give(c.value(end))


FUNCTIONS = ((recorder.restart, 1, 1, _restart), (replay.flush, 0, 1, _flush))
