"""Handles in machine code: what `tensor.py` and `tensor_sharing.write` do in the usual case."""

from __future__ import annotations

from .runtime import memory
from .runtime.python_ir import Code, Fields
from .tensor import Tensor, _new, taken, wrap_view
from .tensor_parts import Copy
from .tensor_sharing import VIEWS, write
from .trace.recorder import _NONE, SLOTS
from .trace.replay_code import address_in
from .trace.values import OUTSIDE, Value
from .trace.values_code import FRAME, META, NODE, VALUE, blank_value, fill, open_frame

_PIECE, _SLAB = Fields(memory.Piece), Fields(memory.Slab)
_FACTS, _NBYTES, _OFFSET, _SLICE = (
    Copy._fields.index(name) for name in ("facts", "nbytes", "offset", "slice")
)


def _get(c: Code, o: str, name: str) -> str:
    """An attribute, which there must be one of."""
    return c.need_held(c.call("PyObject_GetAttr", o, c.object(name)))


def _handle(c: Code) -> tuple[str, str]:
    """A blank handle, and a weak reference to it."""
    t = c.need_held(c.invoke(c.object(_new), c.object(Tensor)))
    return t, c.need_held(c.call("PyWeakref_NewRef", t, "null"))


class _Storage:
    """The tensor that owns the storage of another one, which has no history of its own, and its
    list of references to those that share it: of `join`. What memory is taken for comes first.
    """

    def __init__(self, c: Code) -> None:
        self._c, self._new = c, c.need_held(c.call("PyList_New", 0))

    def find(self, of: str) -> str:
        """The owner, where there is room in its list, or none yet."""
        c = self._c
        none = c.object(None)
        base, cut = _get(c, of, "_base"), _get(c, of, "_cut")
        c.need_same(cut, False)
        root = c.variable("ptr", of)
        with c.when(c.other(base, none)):
            c.assign(root, base)
        self.root = c.value(root)
        views, bundle = _get(c, self.root, "_views"), _get(c, self.root, "_bundle")
        self._first = c.same(views, none)
        with c.when(self._first):
            c.need(c.same(bundle, none))
        with c.when(c.other(views, none)):
            c.need(c.is_a(views, list))
            limit = c.call("PyObject_GetAttr", self.root, c.object("_view_limit"))
            c.drop(limit)  # a small number
            c.need(c.test("slt", c.call("PyObject_Size", views), c.integer(limit)))
        self._views, self._held = views, (base, cut, views, bundle, self._new)
        return self.root

    def join(self, reference: str) -> None:
        """Adds a reference; what is held is given up."""
        c = self._c
        views = c.variable("ptr", self._views)
        with c.when(self._first):
            c.call("PyObject_SetAttr", self.root, c.object("_views"), self._new)
            c.call("PyObject_SetAttr", self.root, c.object("_view_limit"), c.object(VIEWS))
            c.assign(views, self._new)
        c.call("PyList_Append", c.value(views), reference)
        for o in self._held:
            c.drop(o)


def _wrap_view(c: Code) -> None:
    v, of = c.argument(0), c.argument(1)
    c.need(c.is_a(v, Value))
    t, reference = _handle(c)
    storage = _Storage(c)
    frame = c.need_found(c.use(open_frame))
    root = storage.find(of)
    c.call("PyObject_SetAttr", t, c.object("_v"), v)
    c.call("PyObject_SetAttr", t, c.object("_base"), root)
    storage.join(reference)
    with c.when(c.same(c.field(v, VALUE.buf), c.object(None))):
        c.call("PyList_Append", c.field(frame, FRAME.views), reference)
    c.drop(reference)
    c.give(t)


def _taken(c: Code) -> None:
    of, copy, name = (c.argument(k) for k in range(3))
    c.need(c.is_a(copy, Copy))
    t, reference = _handle(c)
    value = c.need_held(c.use(blank_value))
    piece = c.need_held(c.call("PyType_GenericAlloc", c.object(memory.Piece), 0))
    notes, storage = c.need_held(c.call("PyList_New", 0)), _Storage(c)
    frame = c.need_found(c.use(open_frame))
    root = storage.find(of)
    v = _get(c, of, "_v")
    c.need(c.is_a(v, Value))
    over = c.field(v, VALUE.over)
    unnoted = c.same(over, c.object(None))
    c.need(c.either(unnoted, c.is_a(over, list)))
    address = c.use(address_in, v)
    c.need(c.test("ne", address, 0))
    c.need_same(c.call("PyTuple_GetItem", copy, _SLICE), True)
    count = c.call("PyTuple_GetItem", copy, _NBYTES)
    slab = c.field(frame, FRAME.slab)
    start = c.integer(c.field(slab, _SLAB.at))
    after = c.rounded_up(c.add(start, c.integer(count)), 16)
    c.need(c.test("sle", after, c.integer(c.field(slab, _SLAB.end))))

    with c.when(unnoted):
        c.put(v, VALUE.over, c.keep(notes))
    c.put(slab, _SLAB.at, c.number(after))
    source = c.add(address, c.integer(c.call("PyTuple_GetItem", copy, _OFFSET)))
    c.move(c.pointer(start), c.pointer(source), c.integer(count))
    c.put(piece, _PIECE.ptr, c.number(start))
    c.put(piece, _PIECE.nbytes, c.keep(count))
    c.put(piece, _PIECE.owner, c.keep(c.field(slab, _SLAB.owner)))
    for bound in (_PIECE.low, _PIECE.high):
        c.put(piece, bound, c.keep(c.object(None)))
    c.use(fill, value, OUTSIDE, c.call("PyTuple_GetItem", copy, _FACTS))
    c.put(value, VALUE.buf, piece)
    c.put(value, VALUE.over, c.keep(c.field(v, VALUE.over)))
    for attribute, held in (("_v", value), ("_base", root), ("_fn_name", name)):
        c.call("PyObject_SetAttr", t, c.object(attribute), held)
    storage.join(reference)
    for held in (value, reference, notes, v):
        c.drop(held)
    c.give(t)


def _write(c: Code) -> None:
    t, new = c.argument(0), c.argument(1)
    none = c.object(None)
    c.need(c.is_a(new, Value))
    key, note = c.need_held(c.call("PyTuple_New", 4)), c.need_held(c.call("PyTuple_New", 4))
    notes, first = c.need_held(c.call("PyList_New", 0)), c.need_held(c.call("PyDict_New"))
    reference = c.need_held(c.call("PyWeakref_NewRef", t, "null"))
    frame = c.need_found(c.use(open_frame))
    base = c.integer(c.field(frame, FRAME.base))
    old = _get(c, t, "_v")
    c.need(c.is_a(old, Value))
    m = c.field(old, VALUE.meta)
    c.need(c.same(m, c.field(new, VALUE.meta)))
    c.need_same(c.field(m, META.packed), True)
    c.need_same(c.field(m, META.requires_grad), False)
    plain = [_get(c, t, name) for name in ("_base", "_shown", "_bundle", "_views")]
    for found in plain:
        c.need(c.same(found, none))
    node = c.field(frame, FRAME.node)
    made = c.minus(c.integer(c.field(new, VALUE.vid)), base)
    c.need(c.test("eq", made, c.integer(c.field(node, NODE.slot))))
    c.need(c.same(c.field(new, VALUE.buf), none))
    version = _get(c, t, "_ver")
    made_by = _get(c, t, "_fn_name")

    # Of `mark_written`: a value of this frame notes it on the path.
    slot = c.minus(c.integer(c.field(old, VALUE.vid)), base)
    inside = c.both(c.test("sge", slot, 0), c.test("slt", slot, SLOTS))
    calls = c.variable("ptr", c.object(_NONE))
    to = c.variable("ptr", node)
    with c.when(inside):
        c.call("PyTuple_SetItem", key, 0, c.keep(c.object("written")))
        for k, number in enumerate((slot, slot, made), 1):
            c.call("PyTuple_SetItem", key, k, c.number(number))
        edge = c.need_found(c.call("PyDict_GetItemWithError", c.field(node, NODE.edges), key))
        c.assign(to, edge)
        attrs = c.call("PyObject_GetAttr", edge, c.object("attrs"))
        c.drop(attrs)  # the node has it
        c.assign(calls, c.call("PyTuple_GetItem", attrs, 0))
    expected = c.keep(version)
    for k, held in enumerate((c.keep(reference), expected, None, c.keep(c.value(calls)))):
        c.call("PyTuple_SetItem", note, k, held or c.number(base))
    with c.when(inside):
        with c.when(c.same(c.field(frame, FRAME.over), none)):
            c.put(frame, FRAME.over, c.keep(first))
        number = c.number(slot)
        c.call("PyDict_SetItem", c.field(frame, FRAME.over), number, note)
        c.drop(number)
    over = c.field(old, VALUE.over)
    with c.when(c.is_a(over, list)):
        c.call("PyList_Append", over, note)
    with c.when(c.same(over, none)):
        c.call("PyList_Append", notes, note)
        c.put(old, VALUE.over, c.keep(notes))
    c.put(frame, FRAME.node, c.keep(c.value(to)))
    c.call("PyObject_SetAttr", t, c.object("_v"), new)
    later = c.number(c.add(c.integer(version), 1))
    c.call("PyObject_SetAttr", t, c.object("_ver"), later)
    with c.when(c.other(made_by, none)):
        c.call("PyObject_SetAttr", t, c.object("_fn_name"), none)
    for held in (key, note, notes, first, reference, old, *plain, version, made_by, later):
        c.drop(held)
    c.give(c.keep(t))


FUNCTIONS = (
    (wrap_view, 2, 2, _wrap_view), (taken, 3, 3, _taken), (write, 2, 4, _write),
)  # fmt: skip
