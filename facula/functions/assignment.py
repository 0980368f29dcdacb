"""What `x[index] = value` writes once the index is known to be a part of the storage."""

from __future__ import annotations

from typing import Any

from ..ops import elementwise as e
from ..ops import indexing as ix
from ..ops import movement as mv
from ..tensor import Tensor
from ..tensor_sharing import write_part, written_last
from ..trace.recorder import record, record1
from ..trace.values import OUTSIDE, Meta, Value


def assign(target: Tensor, new: Any) -> None:
    """Writes a value or number into a view, broadcast and converted."""
    v = _fitted(new, target._v.meta)
    if v is not target._v and (v.vid == OUTSIDE or v.vid != target._v.vid):
        target._write(v)


def assign_part(self: Tensor, place: Meta, value: Any, new: Any) -> bool:
    """Writes `new`, the value or number of `value`, where a view of the facts `place` would lie.

    As `assign` without the view, whose making and ageing cost more than the write. Only where
    there is no history to keep; False if there is: then nothing was done.
    """
    root = self._base
    if root is None:
        root = self
    if self._cut or root._v.meta.requires_grad:
        return False
    if isinstance(new, Value):
        if new.meta.requires_grad:
            return False
        if value._base is root and written_last(root, value, place):
            root._ver += 1  # `x[i] += 1` ends by writing to x[i] what it is already
            return True
    write_part(root, place, _fitted(new, place))
    return True


def _fitted(new: Any, m: Meta) -> Value:
    """A value or number, broadcast and converted to the shape and dtype of `m`."""
    if isinstance(new, Value):
        shape = new.meta.shape
        while len(shape) > m.ndim and shape[0] == 1:
            shape = shape[1:]
        v = mv.reshape(new, shape)
        v = e.cast(v, m.dtype)
        return v if v.meta.shape == m.shape else record1(mv.EXPAND, v, m.shape)
    return record(ix.FILL, (new,), (m.shape, m.dtype.name))
