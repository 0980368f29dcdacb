"""Writes of single elements that need not be recorded."""

from __future__ import annotations

from sys import getrefcount
from typing import Any

from ..runtime.memory import PooledBuffer
from ..tensor import Tensor
from ..trace.recorder import state
from ..trace.replay import array_of, flush


def write_memory(self: Tensor, index: Any, value: Any) -> bool:
    """Writes into this tensor's memory at once, if nothing else can see that memory.

    An element written in a Python loop is work that never repeats: recording it would cost a copy
    of the tensor for each. Only for a tensor that owns its storage alone, outside of gradients, and
    plain positions. False if it is not such a case: then nothing was done.
    """
    v = self._v
    buf, m = v.buf, v.meta
    if buf is None or m.requires_grad or self._base is not None or v.pin is not None:
        return False
    if self._views and any(r() is not None for r in self._views):
        return False
    for i in index if type(index) is tuple else (index,):
        if type(i) is not int and type(i) is not slice:
            return False
    if type(value) is Tensor:
        if value._v.meta.requires_grad or value._v.meta.dtype.category > m.dtype.category:
            return False
        new: Any = value._array()
        v = self._v
        if v.buf is not buf or (new.dtype != m.dtype.np and new.dtype.kind == "V"):
            return False
    elif type(value) in (int, float) and m.dtype.is_floating_point:
        new = value
    else:
        return False
    if 0 <= v.vid - state.tr.base:  # recorded work is still to read what is there now
        flush()
    # the handle, `v` and the argument; the value, `buf` and the argument
    # (and the pool, where it is lent)
    if getrefcount(v) > 3 or getrefcount(buf) > (5 if type(buf) is PooledBuffer else 3):
        return False
    try:
        array_of(v)[index] = new
    except (IndexError, ValueError):
        return False  # recorded, it raises the right error
    self._ver += 1
    return True
