"""A remembered backward pass in machine code: what `jumps.take_onto_nothing` does."""

from __future__ import annotations

from ..runtime.python_ir import Code, offset_of
from ..trace.recorder import _NONE
from ..trace.recorder_code import LAST, Fields, append_all, new_value
from . import jumps
from .jumps import Jump


def _take(c: Code) -> None:
    f = Fields()
    jump, frame = c.argument(0), c.argument(1)
    c.need(c.is_a(jump, Jump))
    c.need_same(c.field(frame, f.freed), _NONE)
    base = c.integer(c.field(frame, f.base))
    steps, leaves = c.field(jump, offset_of(Jump, "leaves")), c.field(frame, f.leaves)
    count = c.call("PyObject_Size", steps)
    handles = c.call("PyTuple_New", count)
    c.fail_unless(c.other(handles, "null"))
    values, grad, none = c.field(frame, f.values), c.object("_grad"), c.object(None)
    before = c.call("PyObject_Size", values)
    done = c.variable("i64", 0)
    with c.loop(count) as k, c.when(c.test("eq", c.value(done), k)):
        step = c.call("PyTuple_GetItem", steps, k)
        leaf = c.call("PyDict_GetItemWithError", leaves, c.call("PyTuple_GetItem", step, 0))
        with c.when(c.other(leaf, "null")):
            handle = c.call("PyObject_CallNoArgs", c.field(leaf, f.rec))
            c.call("PyTuple_SetItem", handles, k, handle)
            with c.when(c.both(c.other(handle, "null"), c.other(handle, none))):
                has = c.call("PyObject_GetAttr", handle, grad)
                waits = c.call("PyObject_GetAttr", handle, c.object("_hooks"))
                c.drop(has)
                c.drop(waits)
                with c.when(c.both(c.same(has, none), c.same(waits, none))):
                    place = c.add(base, c.integer(c.call("PyTuple_GetItem", step, 1)))
                    made = new_value(c, f, place, c.call("PyTuple_GetItem", step, 2))
                    c.call("PyList_Append", values, made)
                    c.call("PyObject_SetAttr", handle, grad, made)
                    c.drop(made)
                    c.assign(done, c.add(k, 1))
    with c.when(c.test("ne", c.value(done), count)):  # as it was
        with c.loop(c.value(done)) as k:
            c.call("PyObject_SetAttr", c.call("PyTuple_GetItem", handles, k), grad, none)
        c.call("PyList_SetSlice", values, before, LAST, "null")
        c.drop(handles)
        c.leave()
    c.drop(handles)
    c.put(frame, f.node, c.keep(c.field(jump, offset_of(Jump, "node"))))
    key = c.field(jump, offset_of(Jump, "key"))
    append_all(c, c.field(frame, f.scalars), c.call("PyTuple_GetItem", key, 1))
    freed = c.call("PyTuple_GetItem", key, 0)
    with c.when(c.test("sgt", c.call("PyObject_Size", freed), 0)):
        c.put(frame, f.freed, c.keep(freed))
        c.put(frame, f.freed_key, c.keep(c.field(jump, offset_of(Jump, "only"))))
    c.give(c.keep(c.object(True)))


FUNCTIONS = ((jumps.take_onto_nothing, 2, 2, _take),)
