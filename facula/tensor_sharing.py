"""Storage that several handles share: writing in place, versions, and views that are derived again.

The tensor that owns a storage (its root) holds the storage's value. A view has its place in it
(shape, strides and offset of its facts) and, after a write, is stale until it is read: then it is
derived again from the root. A write is a new value of the root; what it means for gradients depends
on who writes:

- through the root or a view of it with gradients on, it is part of the history (`STRIDED_WRITE`);
- under `no_grad`, or through `detach()` or `.data`, the numbers change and the history does not
  (`KEEP`);
- a leaf that requires gradients stays a leaf (`LEAF`).

A detached alias that got a history of its own (`requires_grad_()`, or a write of something that
requires gradients) is its own head (`_own`): it follows the root's numbers and keeps its own
history; views of it are derived from it.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from . import dtypes, tensor_writes
from .dtypes import BY_NAME, bool_, dtype, type_name
from .ops.elementwise import CLONE, cast
from .ops.movement import ALIAS, AS_STRIDED, KEEP, LEAF, RESHAPE, STRIDED_WRITE
from .runtime import copies
from .tensor_parts import part
from .trace.recorder import _State, record1, record2, set_grad_mode, state
from .trace.replay import array_of, flush, pointer_of
from .trace.values import Meta, Value, contiguous_strides, copied, meta, outside
from .trace.written import NOTHING_READ, mark_written

VIEWS = 16  # handles on a storage, from which on those that are gone are removed
LEAF_WRITTEN = "a leaf Variable that requires grad is being used in an in-place operation."
VIEW_OF_LEAF_WRITTEN = (
    "a view of a leaf Variable that requires grad is being used in an in-place operation."
)
OVERLAP = (
    "unsupported operation: more than one element of the written-to tensor refers to a single "
    "memory location. Please clone() the tensor before performing the operation."
)


def lower_name(d: dtype) -> str:
    """PyTorch's name of a dtype as a C++ type: float, long, ..."""
    name = type_name(d)
    return name[0].lower() + name[1:]


def check_writable(t: Any) -> None:
    """Raises RuntimeError if a write with gradients on would go to a leaf or to a view of one."""
    if not state.tr.grad:
        return
    m = t._v.meta
    if m.requires_grad:
        if m.leaf:
            raise RuntimeError(LEAF_WRITTEN)
        head = t._head if t._cut else t._base
        if head is not None and head._v.meta.leaf and head._v.meta.requires_grad:
            raise RuntimeError(VIEW_OF_LEAF_WRITTEN)


def write(t: Any, nv: Value, overlap: bool = False, after: int | None = None) -> Any:
    """Writes a value (converted to the tensor's dtype) into a tensor and all that share its
    storage.

    after: the number of a value, behind which those are numbered that the writing operation made
    on its way; without it, that of the tensor's value.

    Raises RuntimeError for another shape, a dtype that cannot be converted, a leaf that requires
    gradients (with gradients on), and (unless `overlap`) a view with several elements in one place.
    """
    old = t._v
    m = old.meta
    if (  # what the rest comes to where nothing has a history, for a third of the price
        nv.meta is m
        and m.packed
        and not m.requires_grad
        and t._base is None
        and t._shown is None
        and t._bundle is None
        and _is_new(nv)
    ):
        put(t, nv)
        return t
    check_writable(t)
    if nv.meta.shape != m.shape:
        raise RuntimeError(
            f"output with shape {list(m.shape)} doesn't match the broadcast shape "
            f"{list(nv.meta.shape)}"
        )
    if nv.meta.dtype is not m.dtype:
        if not dtypes.can_cast(nv.meta.dtype, m.dtype):
            raise RuntimeError(
                f"result type {type_name(nv.meta.dtype)} can't be cast to the desired output type "
                f"{type_name(m.dtype)}"
            )
        nv = cast(nv, m.dtype)
    grad = state.tr.grad
    root = t._base
    call = (old.vid if after is None else after, nv.vid)
    if root is None:
        settle(t, nv, grad and (m.requires_grad or nv.meta.requires_grad), call=call)
        return t
    if (
        0 in m.strides
        and not overlap
        and any(s == 0 and n > 1 for s, n in zip(m.strides, m.shape, strict=True))
    ):
        raise RuntimeError(OVERLAP)
    if t._cut:
        head = t if t._head is None else t._head
        if head._own or (grad and nv.meta.requires_grad):
            _write_owned(head, t, nv, grad, call)
        else:
            settle(root, _placed(root._v, nv, m, False), False, t._silent, call=call)
        return t
    if grad and nv.meta.requires_grad and root._v.meta.leaf and root._v.meta.requires_grad:
        raise RuntimeError(VIEW_OF_LEAF_WRITTEN)
    tracked = grad and (m.requires_grad or nv.meta.requires_grad)
    if not tracked and _written_large(root, m, nv, call):
        return t
    settle(root, _placed(root._v, nv, m, tracked), tracked, call=call)
    if tracked:
        root._fn_name = "torch::autograd::CopySlices"
    return t


def put(t: Any, nv: Value) -> None:
    """As `settle`, for a new value of a plain storage."""
    old = t._v
    t._v = nv
    reference, expected = weakref.ref(t), t._ver
    t._ver = expected + 1
    call = (old.vid, nv.vid)
    mark_written(old, reference, expected, call)
    if t._fn_name is not None:
        t._fn_name = None
    if t._views:
        _stale_views(t, reference, expected, call, False, None)


def _placed(whole: Value, nv: Value, m: Meta, tracked: bool) -> Value:
    """The whole storage with `nv` in the place that `m` describes."""
    mode = state.tr.grad
    if mode is not tracked:
        set_grad_mode(tracked)
    try:
        if m.numel == whole.meta.numel and m.contiguous:
            return record1(RESHAPE, nv, whole.meta.shape) if m.shape != whole.meta.shape else nv
        return record2(STRIDED_WRITE, whole, nv, (m.shape, m.strides, m.offset))
    finally:
        if mode is not tracked:
            set_grad_mode(mode)


def write_part(root: Any, m: Meta, nv: Value) -> None:
    """Writes a value into the place of a storage that facts `m`, of its shape and dtype, describe.

    As `write` through a view of these facts, for storages and values without history.
    """
    if not _written_large(root, m, nv, NOTHING_READ):
        settle(root, _placed(root._v, nv, m, state.tr.grad), False, call=NOTHING_READ)


def _written_large(root: Any, m: Meta, nv: Value, call: Any) -> bool:
    """Writes a small part of a large storage in place; False, and nothing was written, where that
    is to be recorded. As `settle` where no history is kept.
    """
    if not tensor_writes.write_large(root, m, nv):
        return False
    expected = root._version
    tensor_writes.written(root)
    root._fn_name = None
    if root._views:
        _stale_views(root, weakref.ref(root), expected, call, False, None)
    return True


def update_part(view: Any, op: Any, other: Any) -> bool:
    """`view op= other` in memory at once, of a small part of memory that nobody else sees; False,
    and nothing was written, in other cases. The view still holds what is there.
    """
    if view._cut:
        return False
    new = tensor_writes.updated(view, op, other)
    if new is None:
        return False
    root = view._base
    expected = root._version
    tensor_writes.written(root)
    root._fn_name = view._fn_name = None
    view._v = copied(root._v, view._v.meta, new)
    if len(root._views) > 1:
        _stale_views(root, weakref.ref(root), expected, NOTHING_READ, False, view)
    return True


def written_last(root: Any, view: Any, m: Meta) -> bool:
    """Whether writing a view to the place `m` would change nothing, and nobody would notice it.

    That is: the view lies there, and no gradient can want what is there now, since nothing was
    recorded after the storage was last written, or nobody else holds the storage's value.
    """
    tr, k = state.tr, view._v.meta
    same = (k.shape, k.strides, k.offset, k.dtype) == (m.shape, m.strides, m.offset, m.dtype)
    if not same or view._cut:
        return False
    if view._v.over != "stale":
        return tensor_writes.is_only_copy_of(view, root) and tensor_writes.held_alone(root)
    if root._v.buf is not None:
        large = tensor_writes.spares(root._v.meta, m.numel)
        return large and tensor_writes.own_memory(root) is not None
    return root._v.vid + 1 == tr.base + tr.node.next_slot


def _plain(v: Value) -> Value:
    """The same numbers without history."""
    return record1(ALIAS, v) if v.meta.requires_grad else v


def _with_history_of(t: Any, nv: Value, tracked: bool) -> Value:
    """What a handle holds after a write of `nv`: leaves stay leaves, untracked writes keep the
    history.
    """
    old = t._v
    m, k = old.meta, nv.meta
    if k.offset or k.strides != contiguous_strides(k.shape) or not _is_new(nv):
        nv = record1(CLONE, nv)
    if m.requires_grad and m.leaf:
        nv = record1(LEAF, nv)
        nv.rec = weakref.ref(t)
        state.tr.leaves[nv.vid - state.tr.base] = nv
    elif not tracked:
        nv = record2(KEEP, old, _plain(nv)) if m.requires_grad else _plain(nv)
    elif m.requires_grad and not k.requires_grad:
        # all of it is new (zero_, fill_): it keeps requiring gradients, and what it was gets zeros
        nv = record2(STRIDED_WRITE, old, nv, (m.shape, contiguous_strides(m.shape), 0))
    return nv


def _is_new(v: Value) -> bool:
    """Whether a value was recorded just now, so that no other handle holds it."""
    tr = state.tr
    return v.vid == tr.base + tr.node.slot and v.buf is None


def settle(
    root: Any, nv: Value, tracked: bool, silent: bool = False, but: Any = None, call: Any = None
) -> None:
    """Makes `nv` the value of a storage: handles that share it are derived again.

    tracked: the write is part of the history. silent: it counts no version. but: an alias that is
    up to date. call: as for `mark_written`; without it, what the storage's own value led to.
    """
    old = root._v
    if call is None:
        call = (old.vid, nv.vid)
    nv = _with_history_of(root, nv, tracked)
    keeps = old.meta.requires_grad and not tracked
    if not keeps:
        root._fn_name = None
    _replace(root, nv, call, silent, but)
    shown = root._shown() if root._shown is not None else None
    if shown is not None:
        if root._v.buf is None:
            flush()
        v = root._v
        memory = np.asarray(shown)
        np.copyto(memory, array_of(v).reshape(-1).view(memory.dtype))
        root._v = _in_shown(v, root)
        show_all(root, shown)


def _replace(root: Any, nv: Value, call: Any, silent: bool = False, but: Any = None) -> None:
    """Puts a value in the place of a storage's, and tells who knows of the old one; the arguments
    are those of `settle`.
    """
    old, root._v = root._v, nv
    if root._bundle is not None:
        root._bundle.dirty = True
    reference = weakref.ref(root)
    expected = root._version
    if not silent:
        root._ver += 1
        mark_written(old, reference, expected, call)
    if root._views:
        _stale_views(root, reference, expected, call, silent, but)


def _in_shown(v: Value, root: Any) -> Value:
    """The value, which covers the root's storage, in the memory that Python code was shown."""
    same = outside(v.meta, root._shown().buffer)
    same.rec, same.pin, same.over = v.rec, root._shown, v.over
    return same


def show_all(root: Any, shown: Shown) -> None:
    """Who shares a storage that Python code was shown sees what is written there: heads that cover
    all of it lie in that memory too, and copies of its parts are derived again.
    """
    m = root._v.meta
    for r in root._views or ():
        view = r()
        if view is None or view._v.buf is None or view._v.buf is shown.buffer:
            continue
        k = view._v.meta
        if not view._own:
            if not k.requires_grad:
                make_stale(view, r)
        elif k.numel == m.numel and k.contiguous:
            view._v = _in_shown(view._v, root)


def _stale_views(
    root: Any, reference: Any, expected: int, call: Any, silent: bool, but: Any
) -> None:
    owned = False
    for r in root._views:
        view = r()
        if view is None or view is but:
            continue
        before = view._v
        if view._own:
            owned = True
            follow(view, root)
        elif before.over != "stale":
            if not silent:
                mark_written(before, reference, expected, call)
            make_stale(view, r)
        elif before.meta.requires_grad is not root._v.meta.requires_grad:
            make_stale(view, r)  # the write brought a history
    if owned:  # their views, which may have been refreshed meanwhile
        for r in root._views:
            view = r()
            if view is not None and view._head is not None and view._v.over != "stale":
                make_stale(view, r)


def make_stale(view: Any, reference: Any) -> None:
    """The view is derived again when it is next read."""
    m = view._v.meta
    source = _source(view)._v.meta
    needs = source.requires_grad and (not source.leaf or m.requires_grad)
    if view._cut and not (view._head is not None and view._head._own):
        needs = False
    stale = outside(meta(m.shape, m.dtype, needs, False, m.strides, m.offset), None)
    stale.over, stale.rec = "stale", reference
    view._v = stale
    view._fn_name = None


def _source(view: Any) -> Any:
    """What a view is derived from: the head of its group if that has a history of its own, else
    the root.
    """
    head = view._head
    return head if head is not None and head._own else view._base


def storage_of(t: Any) -> Any:
    """The tensor whose value is the storage that `t` lies in, with the history that views of
    `t` have.
    """
    if t._base is None or (t._own and t._head is None):
        return t
    return _source(t)


def _relative(m: Meta, source: Any) -> tuple[Any, ...]:
    """The place of a view in the value of what it is derived from."""
    s = source._v.meta
    if source._base is None:
        return (m.shape, m.strides, m.offset)
    if not s.contiguous:
        raise RuntimeError(
            "a view of a detached tensor that has gradients of its own and is not contiguous "
            "cannot be derived again after a write; call .clone() after .detach()"
        )
    return (m.shape, m.strides, m.offset - s.offset)


def refresh(v: Value) -> Value:
    """The value of a stale view, derived again from its base."""
    view = v.rec()
    if view is None:
        raise RuntimeError("internal error: a stale value without its tensor")
    m = v.meta
    source = _source(view)
    base = source._v
    if base.over == "stale":
        base = refresh(base)
    mode = state.tr.grad
    if mode is not m.requires_grad:
        set_grad_mode(m.requires_grad)
    try:
        fresh = _derived(base, m, _relative(m, source))
    finally:
        if mode is not m.requires_grad:
            set_grad_mode(mode)
    view._v = fresh
    if fresh.buf is None:
        state.tr.views.append(weakref.ref(view))
    return fresh


def _derived(base: Value, m: Meta, place: tuple[Any, ...]) -> Value:
    fresh = part(AS_STRIDED, base, place)
    if fresh.meta.offset != m.offset:  # derived from a head: its facts are those of the storage
        fresh.meta = meta(m.shape, m.dtype, fresh.meta.requires_grad, False, m.strides, m.offset)
    return fresh


def follow(head: Any, root: Any) -> None:
    """The head of a group with its own history takes the numbers of its storage."""
    old = head._v
    m = old.meta
    mode = state.tr.grad
    set_grad_mode(False)
    try:
        nv = record1(CLONE, record1(AS_STRIDED, _plain(root._v), (m.shape, m.strides, m.offset)))
        head._v = _at_place(_with_history_of(head, nv, False), m)
    finally:
        set_grad_mode(mode)
    if head._bundle is not None:
        head._bundle.dirty = True


def _at_place(v: Value, m: Meta) -> Value:
    """The value with the facts of its place in a storage."""
    k = v.meta
    if k.strides != m.strides or k.offset != m.offset:
        v.meta = meta(k.shape, k.dtype, k.requires_grad, k.leaf, m.strides, m.offset)
    return v


def _write_owned(head: Any, t: Any, nv: Value, grad: bool, call: Any) -> None:
    """A write into a group with a history of its own, which the rest of the storage does not
    get.
    """
    root = head._base
    if head._v.over == "stale":
        refresh(head._v)
    old = head._v
    m = old.meta
    tracked = grad and (m.requires_grad or nv.meta.requires_grad)
    if t is not head:
        k = t._v.meta
        shape, strides, offset = _relative(k, head)
        whole = meta(shape, k.dtype, strides=strides, offset=offset)
        nv = _placed(old, nv, whole, tracked)
    head._own = True
    mark_written(old, weakref.ref(root), root._version, call)
    head._v = _at_place(_with_history_of(head, nv, tracked), m)
    head._fn_name = None
    if head._bundle is not None:
        head._bundle.dirty = True
    settle(root, _placed(root._v, _plain(head._v), m, False), False, but=head)


def fill_memory(t: Any, a: np.ndarray) -> Any:
    """Replaces the contents by those of an array, at once and unrecorded (initial values,
    draws).
    """
    m = t._v.meta
    check_writable(t)
    a = np.asarray(dtypes.convert(np.asarray(a), m.dtype), order="C")
    if a.shape != m.shape:
        a = np.asarray(np.broadcast_to(a, m.shape), order="C")
    untracked = not m.requires_grad or m.leaf
    if t._base is not None or t._shown is not None or not untracked:
        return write(t, outside(meta(m.shape, m.dtype), a))
    fresh = outside(meta(m.shape, m.dtype, m.leaf, m.leaf), a)
    fresh.rec = weakref.ref(t) if m.leaf else None
    _replace(t, fresh, NOTHING_READ)
    return t


# ---------------------------------------------------------------- aliases
def join(root: Any, t: Any) -> Any:
    """Registers a handle that shares the root's storage."""
    reference = weakref.ref(t)
    views = root._views
    if views is None:
        root._views = [reference]
        root._view_limit = VIEWS
        if root._bundle is not None:
            root._bundle.dirty = True
    else:
        views.append(reference)
        if len(views) > root._view_limit:
            views[:] = [r for r in views if r() is not None]
            root._view_limit = max(VIEWS, 2 * len(views))
    return reference


def alias(of: Any, cls: type, silent: bool = False) -> Any:
    """A handle of class `cls` on the same storage without history; `silent`: its writes count
    no version.
    """
    v = of._v
    t: Any = object.__new__(cls)
    root = of if of._base is None else of._base
    t._base = root
    t._cut = True
    if silent:
        t._silent = True
    if v.buf is not None and not v.meta.requires_grad:
        t._v = v
    elif v.buf is not None:
        t._v = outside(v.meta.plain, v.buf)
        t._v.pin = v.pin
    elif v.over == "stale":
        t._v = outside(v.meta.plain, None)
        t._v.over = "stale"
    else:
        t._v = record1(ALIAS, v)
    reference = join(root, t)
    if t._v.over == "stale":
        t._v.rec = reference
    elif t._v.buf is None:
        state.tr.views.append(reference)
    return t


def set_data(t: Any, other: Any, cls: type) -> None:
    """`t.data = other`: t keeps its gradient's facts and shares the storage of `other` from now
    on. Who shared its storage keeps the old one, for which a handle of class `cls` stands.
    """
    if other is t:
        return
    m = t._v.meta
    leaf = m.requires_grad and m.leaf
    v = other._value()
    _leave(t, cls)
    root, o = other._base, other._v.meta
    # A tensor of its own gives the storage to `t`: it is often gone after this statement.
    free = root is None and other._bundle is None and type(other) is cls and not o.requires_grad
    plain = o.contiguous and o.offset == 0
    strides = None if plain else o.strides
    t._v = outside(meta(o.shape, o.dtype, leaf, leaf, strides, o.offset), v.buf)
    t._v.pin = v.pin
    t._v.rec = weakref.ref(t) if leaf else None
    if free and plain:
        _inherit(t, other)
    else:
        t._base = other if root is None else root
        t._cut = True
        t._own = leaf
        join(t._base, t)
    if t._bundle is not None:
        t._bundle.dirty = True


def _leave(t: Any, cls: type) -> None:
    """Takes a tensor out of its storage, which stays with those who share it."""
    root = t._base
    heir: Any = object.__new__(cls)
    heir._v = t._v
    if root is None:
        heir._ver = t._ver
        _hand_over(t, heir)
        t.__dict__.pop("_address_taken", None)
        return
    root._views[:] = [r for r in root._views if r() is not t]
    followers = [view for r in root._views if (view := r()) is not None and view._head is t]
    if followers:
        heir._base, heir._cut, heir._own, heir._silent = root, True, t._own, t._silent
        join(root, heir)
        for view in followers:
            view._head = heir
    t._base, t._cut, t._own, t._silent, t._head = None, False, False, False, None


def _inherit(t: Any, data: Any) -> None:
    """Makes `t`, which has the value of `data`, the owner of the storage; `data`, if anybody keeps
    it, shares it.
    """
    v = data._v
    _hand_over(data, t)
    data._base, data._cut = t, True
    data._v = outside(v.meta.plain, t._v.buf)
    data._v.pin = v.pin
    join(t, data)


def _hand_over(owner: Any, new: Any) -> None:
    """Makes another tensor the root of those that share a root's storage."""
    new._shown = owner._shown
    for reference in owner._views or ():
        view = reference()
        if view is not None:
            view._base = new
            join(new, view)
    owner._views = owner._shown = None


def adopt(cls: type, data: Any, requires_grad: bool) -> Any:
    """A leaf of class `cls` on the data of a tensor (for Parameter), which owns the storage
    from now on.
    """
    v = data._value()
    m = v.meta
    if requires_grad and not m.dtype.is_differentiable:
        raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
    t: Any = object.__new__(cls)
    buf = v.buf if m.contiguous and m.offset == 0 else np.asarray(data._array(), order="C")
    t._v = outside(meta(m.shape, m.dtype, requires_grad, requires_grad), buf)
    t._v.pin = v.pin
    if requires_grad:
        t._v.rec = weakref.ref(t)
        t._hooks = None  # the default; one's own is found faster, and every backward pass looks
    root = data if data._base is None else data._base
    if root is not data:
        if m.contiguous and m.numel == root._v.meta.numel:
            t._base = root
            t._cut = True
            t._own = requires_grad  # a write keeps it a leaf
            join(root, t)
        return t
    t._ver = data._ver
    _inherit(t, data)
    return t


# ---------------------------------------------------------------- memory that others see, and
# constants
class Shown:
    """Memory of a storage that Python code holds; alive as long as any ndarray on it."""

    __slots__ = ("buffer", "__array_interface__", "__weakref__")

    def __init__(self, v: Value) -> None:
        pointer = pointer_of(v) if v.meta.numel else 0
        self.buffer = v.buf
        if pointer:
            copies.forget(v.buf, True)
        m = v.meta
        spec = m.dtype.np.str if m.dtype.np.kind != "V" else "<u2"
        self.__array_interface__ = {
            "shape": (m.numel,), "typestr": spec, "version": 3,
            "data": (pointer, False) if m.numel else (np.empty(1).ctypes.data, False),
        }  # fmt: skip


def _snapshot(v: Value) -> Value:
    """A private copy of memory that Python code may write to."""
    copy = outside(v.meta, array_of(v).copy())
    copy.rec = v.rec
    return copy


def _constant(x: Any) -> Value:
    """A bool or complex Python number (or a NumPy scalar) as a value."""
    if isinstance(x, bool):
        return outside(meta((), bool_, wrapped=True), np.asarray(x))
    if isinstance(x, complex):
        return outside(meta((), BY_NAME["complex128"], wrapped=True), np.asarray(x))
    if isinstance(x, np.generic):
        return _constant_number(x)
    if isinstance(x, (int, float)):
        return outside(
            meta((), BY_NAME["int64" if isinstance(x, int) else "float64"], wrapped=True),
            np.asarray(x),
        )
    raise TypeError(f"expected a Tensor or a number, got {type(x).__name__}")


def _constant_number(x: np.generic) -> Value:
    kind = x.dtype.kind
    name = {"f": "float64", "c": "complex128", "b": "bool"}.get(kind, "int64")
    d = BY_NAME[name]
    return outside(meta((), d, wrapped=True), np.asarray(x, d.np))


_State.refresh = staticmethod(refresh)
_State.snapshot = staticmethod(_snapshot)
_State.constant = staticmethod(_constant)
