"""Writes that go to a tensor's memory at once.

A write is a new value of the whole storage, and where it is recorded the kernels copy what stays.
That is nothing beside other work on a small tensor, and all of the cost where a few rows of a large
one are written, step after step: a buffer of past observations, a table, a cache of keys. Memory
that nothing but its tensor can see is written in place instead. Who else could see it is counted:
values that were saved for gradients, aliases, arrays and recorded work refer to it.
"""

from __future__ import annotations

import weakref
from sys import getrefcount
from typing import Any

import numpy as np

from .dtypes import float32, float64, int8, int16, int32, int64, uint8
from .ops.elementwise import DIV
from .runtime import copies
from .runtime.memory import ArrayMemory
from .tensor_parts import choice
from .trace.recorder import resolve, state
from .trace.references import run_one
from .trace.replay import array_of, flush, memory_seen
from .trace.values import OUTSIDE, Meta, Value, outside
from .trace.written import NOTHING_READ, mark_written

LARGE = 1 << 20  # bytes of a storage, and
PART = 8  # how many times as much of it as is written: then its copy is what a write costs
LITTLE = 1 << 10  # bytes that are written: then recording it is

_FLOATS = (float32, float64)
_WHOLE = (int64, int32, int16, int8, uint8)


class _Holder:
    """Something that refers to a value as a tensor does."""

    def __init__(self, v: Value) -> None:
        self._v = v


def _references(root: Any) -> int:
    return getrefcount(root._v)


_ALONE = _references(_Holder(outside(None, None)))  # type: ignore[arg-type]


def own_memory(root: Any, unread: int = 0) -> np.ndarray | None:
    """The elements of a storage by their places, to be written; None where others can see them.

    root: the tensor that owns the storage, whose value lies in memory. The caller holds neither its
    value nor its buffer. Recorded work that reads it, or copies of its parts, is run first; unread:
    how many such copies have not been read.
    """
    if root._v.meta.requires_grad or root._v.pin is not None or root._bundle is not None:
        return None
    if root._v.vid >= state.tr.base or _copies(root) > unread:
        if state.tr.walks or state.tr.scratch:
            return None
        flush()
    if _references(root) > _ALONE or memory_seen(root._v):
        return None
    m, memory = root._v.meta, root._v.buf
    array = memory.array if type(memory) is ArrayMemory else None
    if array is None or array.shape != m.shape or array.dtype != m.dtype.np:
        array = array_of(root._v)
    if not (array.flags.c_contiguous and array.flags.writeable):
        return None
    if memory is not array:  # else no program has read it
        copies.forget(memory)
    return array


def _copies(root: Any) -> int:
    """How many copies there are of parts of what the storage is now."""
    return getrefcount(root._v.over) - _ONE if type(root._v.over) is list else 0


def elements(v: Value) -> np.ndarray:
    """The elements of a value that is recorded, in memory, or a view to be derived again."""
    if v.buf is None and v.vid < state.tr.base:
        v = resolve(state.tr, v)
    if v.buf is None:
        flush()
    return array_of(v)


def written(root: Any) -> None:
    """Counts that the memory of a storage was written, and notes it for the gradients that hold a
    part of what was there.
    """
    v, expected = root._v, root._version
    root._ver += 1
    if type(v.over) is list:
        mark_written(v, weakref.ref(root), expected, NOTHING_READ)
        root._v = outside(v.meta, v.buf)  # what is there now has no such notes


def spares(whole: Meta, elements: int) -> bool:
    """Whether a write of so many elements is little, or leaves most of a large storage as it is."""
    size = whole.dtype.itemsize
    if elements * size <= LITTLE:
        return whole.numel >= 2 * elements
    return whole.numel >= elements * PART and whole.numel * size >= LARGE


def write_large(root: Any, m: Meta, nv: Value) -> bool:
    """Writes a value into the place `m` of a storage that the write spares; False, and nothing was
    written, where that is to be recorded. Views of the storage are left for the caller.
    """
    if root._v.buf is None or not spares(root._v.meta, m.numel) or nv.meta.requires_grad:
        return False
    if not _may_write(root):
        return False
    new = elements(nv)
    array = own_memory(root)
    if array is None:
        return False
    _put(array, m, new)
    return True


def _may_write(root: Any) -> bool:
    """Whether no backward pass, no Python code and no alias with a history sees a storage."""
    if root._v.pin is not None or state.tr.walks or state.tr.scratch:
        return False
    for r in root._views or ():
        view = r()
        if view is not None and view._own:
            return False
    return True


def _put(array: np.ndarray, m: Meta, new: Any) -> None:
    size = array.itemsize
    strides = tuple([n * size for n in m.strides])
    place: np.ndarray = np.ndarray(m.shape, array.dtype, array, m.offset * size, strides)
    place[...] = new


def updated(view: Any, op: Any, other: Any) -> np.ndarray | None:
    """Writes the result of an operation on a copied part of a storage and another operand (a value
    or a number) to where the part lies. A copy of it; None, and nothing was written, where that is
    to be recorded. As `write_large` has it.
    """
    root, m = view._base, view._v.meta
    if not is_copy_of(view, root) or m.requires_grad or not spares(root._v.meta, m.numel):
        return None
    if m.dtype not in _FLOATS and (m.dtype not in _WHOLE or op is DIV):
        return None
    if type(other) is Value:
        k = other.meta
        if k.requires_grad or k.dtype is not m.dtype or k.shape != m.shape:
            return None
    elif m.dtype not in _FLOATS and type(other) is not int:
        return None
    if not choice.copies_little or not _may_write(root):
        return None
    if type(other) is Value:
        other = elements(other)
    if _copies(root) > 1:
        return None
    new = run_one(op, [array_of(view._v), other], (), m)
    array = None if new is None else own_memory(root, unread=1)
    if array is not None:
        _put(array, m, new)
    return new if array is not None else None


def is_copy_of(view: Any, root: Any) -> bool:
    """Whether a view holds a copy of its part of what the storage is now, in memory, which no
    recorded call has read.
    """
    v = view._v
    return (
        v.vid == OUTSIDE and v.buf is not None and type(v.over) is list and v.over is root._v.over
    )


def is_only_copy_of(view: Any, root: Any) -> bool:
    """As `is_copy_of`, and no gradient and no frame has another one."""
    return is_copy_of(view, root) and _copies(root) == 1


def held_alone(root: Any) -> bool:
    """Whether nothing refers to what the storage is now but its tensor."""
    return root._v.vid < state.tr.base and _references(root) <= _ALONE


def _one() -> int:
    v = outside(None, None)  # type: ignore[arg-type]
    v.over = []
    return getrefcount(v.over)


_ONE = _one()  # what `getrefcount` says of a list that one value has
