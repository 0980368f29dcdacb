"""Values and frames in machine code: where their fields lie, and what all that records needs."""

from __future__ import annotations

from ..runtime.python_ir import Code, Fields, helper
from . import recorder
from .recorder import Frame, frame_seen
from .trie import Node
from .values import Meta, Value

VALUE, META, NODE, FRAME = Fields(Value), Fields(Meta), Fields(Node), Fields(Frame)
_LAST = (1 << 63) - 1  # a position behind every list's end


@helper("ptr")
def open_frame(c: Code) -> None:
    """This thread's frame; null after an error. The last one asked for is remembered."""
    seen = c.memory(frame_seen.buffer_info()[0])
    thread = c.call("PyThreadState_GetID", c.call("PyThreadState_Get"))
    with c.when(c.test("ne", thread, c.word(seen, 0))):
        own = c.call("PyObject_GetAttr", c.object(recorder.state), c.object("tr"))
        c.fail_unless(c.other(own, "null"))
        c.put(seen, 8, own)
        c.store(seen, 0, thread)
    c.give(c.field(seen, 8))


@helper("ptr")
def blank_value(c: Code) -> None:
    """A new reference to a value without contents; null after an error."""
    c.give(c.call("PyType_GenericAlloc", c.object(Value), 0))


@helper("void", "ptr", "i64", "ptr")
def fill(c: Code, made: str, vid: str, meta: str) -> None:
    """Makes a blank value the one that is recorded at a place, with these facts."""
    none = c.object(None)
    c.put(made, VALUE.vid, c.number(vid))
    c.put(made, VALUE.meta, c.keep(meta))
    for offset in (VALUE.buf, VALUE.rec, VALUE.over, VALUE.pin):
        c.put(made, offset, c.keep(none))
    c.give("", "void")


@helper("void", "ptr", "ptr")
def append_all(c: Code, to: str, items: str) -> None:
    """Appends what a tuple holds to a list."""
    with c.when(c.test("sgt", c.call("PyObject_Size", items), 0)):
        c.call("PyList_SetSlice", to, _LAST, _LAST, items)
    c.give("", "void")


@helper("void", "ptr", "i64")
def cut_after(c: Code, of: str, count: str) -> None:
    """Removes all but the first `count` of a list's items."""
    c.call("PyList_SetSlice", of, count, _LAST, "null")
    c.give("", "void")


@helper("i1", "ptr")
def in_64_bits(c: Code, number: str) -> None:
    """Whether 64 bits hold a whole number."""
    with c.when(c.test("ne", c.integer(number), -1)):
        c.give(1, "i1")
    fits = c.same(c.call("PyErr_Occurred"), "null")
    c.call("PyErr_Clear")
    c.give(fits, "i1")
