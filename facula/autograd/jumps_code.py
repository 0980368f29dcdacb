"""A remembered backward pass in machine code: what `jumps.take_onto_nothing` does."""

from __future__ import annotations

from ..runtime.python_ir import Code, Fields
from ..trace.recorder import _NONE, Frame
from ..trace.values_code import FRAME, VALUE, append_all, blank_value, cut_after, fill
from . import jumps
from .jumps import Jump

_JUMP = Fields(Jump)


def _take(c: Code) -> None:
    jump, frame = c.argument(0), c.argument(1)
    c.need(c.both(c.is_a(jump, Jump), c.is_a(frame, Frame)))
    count = c.call("PyObject_Size", c.field(jump, _JUMP.leaves))
    handles = c.need_found(c.hold(c.call("PyTuple_New", count)))
    values = c.need_found(c.hold(c.call("PyTuple_New", count)))
    with c.loop(count) as k:
        c.call("PyTuple_SetItem", values, k, c.need_found(c.use(blank_value)))
    c.need_same(c.field(frame, FRAME.freed), _NONE)
    base = c.integer(c.field(frame, FRAME.base))
    steps, grad, none = c.field(jump, _JUMP.leaves), c.object("_grad"), c.object(None)
    before = c.call("PyObject_Size", c.field(frame, FRAME.values))
    done, free = c.variable("i64", 0), c.variable("i64", 0)
    with c.loop(count) as k, c.when(c.test("eq", c.value(done), k)):
        c.assign(free, 0)
        step = c.call("PyTuple_GetItem", steps, k)
        slot, leaves = c.call("PyTuple_GetItem", step, 0), c.field(frame, FRAME.leaves)
        leaf = c.call("PyDict_GetItemWithError", leaves, slot)
        with c.when(c.other(leaf, "null")):
            handle = c.call("PyObject_CallNoArgs", c.field(leaf, VALUE.rec))
            c.call("PyTuple_SetItem", handles, k, handle)
            with c.when(c.same(handle, none)):  # nobody has this leaf any more
                c.assign(free, 1)
            with c.when(c.both(c.other(handle, "null"), c.other(handle, none))):
                has = c.call("PyObject_GetAttr", handle, grad)
                waits = c.call("PyObject_GetAttr", handle, c.object("_hooks"))
                c.drop(has)
                c.drop(waits)
                with c.when(c.both(c.same(has, none), c.same(waits, none))):
                    c.assign(free, 1)
            with c.when(c.test("eq", c.value(free), 1)):
                vid = c.add(base, c.integer(c.call("PyTuple_GetItem", step, 1)))
                made = c.call("PyTuple_GetItem", values, k)
                c.use(fill, made, vid, c.call("PyTuple_GetItem", step, 2))
                c.call("PyList_Append", c.field(frame, FRAME.values), made)
                with c.when(c.other(handle, none)):
                    c.call("PyObject_SetAttr", handle, grad, made)
                c.assign(done, c.add(k, 1))
    with c.when(c.test("ne", c.value(done), count)):  # as it was
        with c.loop(c.value(done)) as k:
            handle = c.call("PyTuple_GetItem", handles, k)
            with c.when(c.other(handle, none)):
                c.call("PyObject_SetAttr", handle, grad, none)
        c.use(cut_after, c.field(frame, FRAME.values), before)
        c.leave()
    c.drop(handles)
    c.drop(values)
    c.put(frame, FRAME.node, c.keep(c.field(jump, _JUMP.node)))
    key = c.field(jump, _JUMP.key)
    c.use(append_all, c.field(frame, FRAME.scalars), c.call("PyTuple_GetItem", key, 1))
    freed = c.call("PyTuple_GetItem", key, 0)
    with c.when(c.test("sgt", c.call("PyObject_Size", freed), 0)):
        c.put(frame, FRAME.freed, c.keep(freed))
        c.put(frame, FRAME.freed_key, c.keep(c.field(jump, _JUMP.only)))
    c.give(c.keep(c.object(True)))


FUNCTIONS = ((jumps.take_onto_nothing, 2, 2, _take),)
