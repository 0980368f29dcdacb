"""Parts of values in memory: recorded, or copied at once where a program takes ever new ones.

Which part it is belongs to the path, so that a loop over slices of a data set, or over the elements
of a tensor, would never run the same work twice. The copy of a part costs what reading it costs;
work on it is the same for all parts. Small ones are always copied, which costs what edges cost,
unless Python code can write to the memory (`pin`) and a view would show it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .ops.movement import RESHAPE
from .runtime.memory import LARGEST_SLICE, of_array
from .trace.recorder import SLOTS, record1, state
from .trace.replay import array_of
from .trace.values import Meta, Shape, Value, copied

_PARTS = 4  # of a value in memory that are recorded at one place of the trie
_PARTS_OF_A_FRAME = 32  # that are recorded in a frame and have not been recorded there before
_LITTLE_PART = LARGEST_SLICE  # bytes of what is always copied
_LARGEST_PART = 1 << 25

_MOST_FACTS = 20_000


class Copy(NamedTuple):
    """How a part is copied: the facts of the result, its bytes, and where it lies in dense memory
    of the whole, in bytes. always: whether it is a small part. strides: None where NumPy is to find
    it. slice: whether it is a small part whose elements lie one after the other.
    """

    facts: Meta
    nbytes: int
    always: bool
    shape: Shape
    dtype: np.dtype[Any]
    offset: int
    strides: Shape | None
    slice: bool


_copies: dict[Any, Copy] = {}


class _Choice:
    """copies_little: whether small parts are copied; not in a call that is to be replayed as it is
    (capture/watched.py).
    """

    copies_little = True


choice = _Choice()


def part(op: Any, v: Value, attrs: Any, shape: Shape | None = None) -> Value:
    """A view of a value, reshaped if a shape is given: recorded, or in memory of its own."""
    m = v.meta
    if v.buf is None or m.requires_grad:
        return _recorded(op, v, attrs, shape)
    key = (op, m, attrs, shape)
    copy = _copies.get(key)
    if copy is None:
        copy = _copy_of(op, v, attrs, shape)
        if len(_copies) >= _MOST_FACTS:
            _copies.clear()
        _copies[key] = copy
    little = copy.always and choice.copies_little and v.pin is None
    if not little and (copy.nbytes > _LARGEST_PART or _is_recorded(op, v, attrs)):
        return _recorded(op, v, attrs, shape)
    if copy.strides is None:
        found = _taken(op, v, attrs, copy.facts)
        return copied(v, copy.facts, of_array(found.reshape(copy.shape)))
    return made(v, copy)


def made(v: Value, copy: Copy) -> Value:
    """The copy of a part of a value in memory."""
    facts, nbytes, _, shape, dtype, offset, strides, is_slice = copy
    b = v.buf
    if type(b) is np.ndarray:
        if b.flags.c_contiguous:
            v.buf = b = of_array(b)
        else:
            b = of_array(np.array(b, order="C"))
    if is_slice:
        return copied(v, facts, state.tr.slab.copy(b.ptr + offset, nbytes))
    return copied(v, facts, of_array(b.numpy(shape, dtype, offset, strides).copy()))


# The small parts at positions of an axis, and of those that follow it.
_rows: dict[tuple[Meta, int, Any], Copy] = {}
_MOST_ROWS = 20_000


def copied_when_little(v: Value) -> bool:
    """Whether small parts of a value in memory are copied at once."""
    return v.pin is None and not v.meta.requires_grad and choice.copies_little


def row(v: Value, axis: int, index: Any) -> Copy | None:
    """How the part at a position of an axis (at several, of it and those that follow) is copied, if
    `note_row` has noted it. index: an `int`, or a tuple of these.
    """
    return _rows.get((v.meta, axis, index))


def note_row(op: Any, v: Value, attrs: Any, shape: Shape | None, axis: int, index: Any) -> None:
    """Notes how a part that was taken just now is copied, if it is a small one."""
    copy = _copies.get((op, v.meta, attrs, shape))
    if copy is None or copy.strides is None or not copy.always:
        return
    if len(_rows) >= _MOST_ROWS:
        _rows.clear()
    _rows[v.meta, axis, index] = copy


def _taken(op: Any, v: Value, attrs: Any, facts: Meta) -> np.ndarray:
    # References of movement look at shapes and attributes alone.
    return np.array(op.reference((array_of(v),), attrs, (facts,)), order="C")


def _copy_of(op: Any, v: Value, attrs: Any, shape: Shape | None) -> Copy:
    (facts,) = op.rule((v.meta,), attrs)
    whole = array_of(v)
    found = op.reference((whole,), attrs, (facts,))
    if shape is not None and shape != facts.shape:
        (facts,) = RESHAPE.rule((facts,), shape)
        found = found.reshape(shape)
    strides, offset = None, 0
    if found.size and whole.flags.c_contiguous and np.may_share_memory(found, whole):
        strides, offset = found.strides, found.ctypes.data - whole.ctypes.data
    always = found.nbytes <= _LITTLE_PART and 2 * found.size <= whole.size
    is_slice = always and strides is not None and found.flags.c_contiguous
    return Copy(facts, found.nbytes, always, found.shape, found.dtype, offset, strides, is_slice)


def _is_recorded(op: Any, v: Value, attrs: Any) -> bool:
    """Whether a part is to be recorded: where it was before, and where few others were; where it
    is the first of very many in a frame, once it is met there again.
    """
    tr = state.tr
    node, i = tr.node, v.vid - tr.base
    if i < 0:
        entered = node.edges.get(v.meta.start)
        if entered is None:
            return True
        node, i = entered, entered.slot
    if (op, i, attrs) in node.edges:
        return True
    if node.cuts >= _PARTS:
        return False
    if tr.parts[0] != tr.base:
        tr.parts = [tr.base, 0]
    this = (op, i, attrs)
    if node.copied == this:
        tr.parts[1] = -SLOTS  # the frame does what another one did: all of it is recorded
    elif tr.parts[1] >= _PARTS_OF_A_FRAME:
        node.copied = node.copied or this  # the first one
        return False
    node.cuts += 1
    tr.parts[1] += 1
    return True


def _recorded(op: Any, v: Value, attrs: Any, shape: Shape | None) -> Value:
    found = record1(op, v, attrs)
    return found if shape is None or shape == found.meta.shape else record1(RESHAPE, found, shape)
