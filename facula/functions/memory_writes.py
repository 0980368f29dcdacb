"""Writes by index that go to memory at once."""

from __future__ import annotations

from typing import Any

from .. import tensor_writes
from ..tensor import Tensor
from ..trace.values import Value


def write_memory(self: Tensor, index: Any, value: Any) -> bool:
    """Writes into this tensor's memory at once, if nothing else can see that memory.

    An element written in a Python loop is work that never repeats: recording it would cost a copy
    of the tensor for each. Only for a tensor that owns its storage alone, outside of gradients, and
    plain positions. False if it is not such a case: then nothing was done.
    """
    m = self._v.meta
    if self._v.buf is None or m.requires_grad or self._base is not None:
        return False
    if self._v.pin is not None or _has_views(self):
        return False
    for i in index if type(index) is tuple else (index,):
        if type(i) is not int and type(i) is not slice:
            return False
    if type(value) is Tensor:
        if value._v.meta.requires_grad or value._v.meta.dtype.category > m.dtype.category:
            return False
        new: Any = value._array()
        if self._v.buf is None or (new.dtype != m.dtype.np and new.dtype.kind == "V"):
            return False
    elif type(value) in (int, float) and m.dtype.is_floating_point:
        new = value
    else:
        return False
    return _put(self, index, new)


def write_rows(self: Tensor, arrays: list[Value | None], new: Value) -> bool:
    """Writes `new`, which has this tensor's dtype, where index arrays say; one for each axis, or
    None for all of the axis. At once, if that leaves most of a large storage as it is and nothing
    else can see it; False if it is not such a case: then nothing was done.
    """
    m = self._v.meta
    if self._v.buf is None or self._base is not None or new.meta.requires_grad:
        return False
    places, kept = 1, 1
    for a, n in zip(arrays, m.shape, strict=False):
        if a is None:
            kept *= n
        else:
            places = max(places, a.meta.numel)
    if not tensor_writes.spares(m, places * kept) or _has_views(self):
        return False
    fixed = tuple([slice(None) if a is None else tensor_writes.elements(a) for a in arrays])
    return _put(self, fixed, tensor_writes.elements(new))


def _has_views(t: Tensor) -> bool:
    views, gone = t._views or [], 0
    for reference in views:
        if reference() is not None:
            return True
        gone += 1
    del views[:gone]  # not those that another thread has added
    return False


def _put(self: Tensor, index: Any, new: Any) -> bool:
    array = tensor_writes.own_memory(self)
    if array is None:
        return False
    try:
        array[index] = new
    except (IndexError, ValueError):
        return False  # recorded, it raises the right error
    tensor_writes.written(self)
    return True
