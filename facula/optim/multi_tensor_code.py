"""An optimizer's look at its parameters in machine code: what `multi_tensor.meets` does."""

from __future__ import annotations

from ..runtime.python_ir import Code, Fields
from ..trace.values import Value
from ..trace.values_code import FRAME, VALUE, open_frame
from . import multi_tensor
from .multi_tensor import _Plan

_PLAN = Fields(_Plan)


def _meets(c: Code) -> None:
    plan, params = c.argument(0), c.argument(1)
    c.need(c.is_a(plan, _Plan))
    c.need(c.is_a(params, list))
    base = c.integer(c.field(c.need_found(c.use(open_frame)), FRAME.base))
    values, slots = c.field(plan, _PLAN.values), c.field(plan, _PLAN.slots)
    c.need(c.is_a(slots, list))
    held = c.variable("ptr", "null")
    with c.loop(c.call("PyObject_Size", values)) as k:
        p = c.need_found(c.call("PyList_GetItem", params, k))
        v = c.need_found(c.call("PyObject_GetAttr", p, c.object("_v")))
        c.drop(v)  # the parameter has it
        with c.when(c.other(v, c.call("PyList_GetItem", values, k))):
            c.give(c.keep(c.object(False)))
        gradient = c.need_found(c.call("PyObject_GetAttr", p, c.object("_grad")))
        c.drop(gradient)
        c.assign(held, gradient)
        with c.when(c.other(c.type_of(gradient), c.object(Value))):
            inner = c.need_found(c.call("PyObject_GetAttr", gradient, c.object("_v")))
            c.drop(inner)
            c.need(c.is_a(inner, Value))
            c.assign(held, inner)
        slot = c.minus(c.integer(c.field(c.value(held), VALUE.vid)), base)
        expected = c.integer(c.need_found(c.call("PyList_GetItem", slots, k)))
        with c.when(c.test("ne", slot, expected)):
            c.give(c.keep(c.object(False)))
    c.give(c.keep(c.object(True)))


FUNCTIONS = ((multi_tensor.meets, 2, 2, _meets),)
