"""Work that is done once, in machine code: what `once.at_once` does inside a chain of calls."""

from __future__ import annotations

import numpy as np

from ..runtime.python_ir import Code, helper
from . import once
from .trie import Counter
from .values import NUMBER, OUTSIDE, WRAPPED, Value
from .values_code import FRAME, META, VALUE, blank_value, fill, in_64_bits


@helper("ptr", "ptr", "ptr", "ptr", "ptr")
def at_once(c: Code, frame: str, op: str, ins: str, attrs: str) -> None:
    """A new reference to what a call makes that goes on with a result of such a call. Null after an
    error, and where Python has to look.
    """
    for name in ("values", "inputs", "walks"):
        with c.when(c.test("ne", c.call("PyObject_Size", c.field(frame, getattr(FRAME, name))), 0)):
            c.fail()
    kind = c.call("PyObject_GetAttr", op, c.object("kind"))
    c.fail_unless(c.other(kind, "null"))
    fits = c.call("PySet_Contains", c.object(once._KINDS), kind)
    c.drop(kind)
    c.fail_unless(c.test("eq", fits, 1, "i32"))
    lines = c.call("PyObject_GetAttr", c.object(Counter), c.object("lines"))
    c.drop(lines)
    c.fail_unless(c.same(lines, c.object(False)))
    newest, elements = c.variable("i64", OUTSIDE), c.variable("i64", 0)
    known = c.variable("i1", 0)
    count = c.call("PyObject_Size", ins)
    with c.loop(count) as k:
        v = c.call("PyTuple_GetItem", ins, k)
        c.assign(known, 0)
        with c.when(c.is_a(v, Value)):
            m = c.field(v, VALUE.meta)
            size = c.integer(c.field(m, META.numel))
            c.fail_unless(c.is_a(c.field(v, VALUE.buf), np.ndarray))
            c.fail_unless(c.same(c.field(m, META.requires_grad), c.object(False)))
            c.fail_unless(c.test("sle", size, once.MOST))
            c.assign(elements, c.add(c.value(elements), size))
            vid = c.integer(c.field(v, VALUE.vid))
            newer = c.both(c.test("slt", c.value(newest), vid), c.test("slt", vid, 0))
            with c.when(newer):
                c.assign(newest, vid)
            c.assign(known, 1)
        with c.when(c.is_a(v, float)):
            c.assign(known, 1)
        with c.when(c.is_a(v, int)):
            c.assign(known, c.use(in_64_bits, v))
        c.fail_unless(c.value(known))
    latest = c.integer(c.field(frame, FRAME.made))
    c.fail_unless(c.test("sge", c.value(newest), c.add(latest, -once._CHAIN)))
    c.fail_unless(c.test("ne", c.value(newest), OUTSIDE))
    metas, arrays = c.call("PyList_New", 0), c.call("PyList_New", 0)
    with c.loop(count) as k:
        v = c.call("PyTuple_GetItem", ins, k)
        with c.when(c.is_a(v, Value)):
            c.call("PyList_Append", metas, c.field(v, VALUE.meta))
            c.call("PyList_Append", arrays, c.field(v, VALUE.buf))
        for cls, sign in NUMBER.items():
            with c.when(c.is_a(v, cls)):
                c.call("PyList_Append", metas, c.object(WRAPPED[sign]))
                c.call("PyList_Append", arrays, v)
    rule = c.call("PyObject_GetAttr", op, c.object("rule"))
    outs = c.variable("ptr", "null")
    with c.when(c.other(rule, "null")):
        c.assign(outs, c.invoke(rule, metas, attrs))
        c.drop(rule)
    c.drop(metas)
    made = c.variable("ptr", "null")
    with c.when(c.other(c.value(outs), "null")):
        m = c.call("PySequence_GetItem", c.value(outs), 0)
        size = c.integer(c.field(m, META.numel))
        whole = c.add(c.add(size, c.value(elements)), c.integer(c.field(frame, FRAME.spent)))
        only = c.test("eq", c.call("PyObject_Size", c.value(outs)), 1)
        small = c.both(c.test("sle", size, once.MOST), c.test("sle", whole, once.CHAIN_MOST))
        new = c.same(c.field(m, META.leaf), c.object(False))
        with c.when(c.both(only, c.both(small, new))):
            array = c.invoke(c.object(once.run_one), op, arrays, attrs, m)
            with c.when(c.same(array, c.object(None))):
                c.drop(array)
            with c.when(c.both(c.other(array, "null"), c.other(array, c.object(None)))):
                c.put(frame, FRAME.spent, c.number(whole))
                vid = c.add(latest, 1)
                c.put(frame, FRAME.made, c.number(vid))
                c.assign(made, c.use(blank_value))
                with c.when(c.other(c.value(made), "null")):
                    c.use(fill, c.value(made), vid, m)
                    c.put(c.value(made), VALUE.buf, array)
        c.drop(m)
        c.drop(c.value(outs))
    c.drop(arrays)
    c.give(c.value(made))
