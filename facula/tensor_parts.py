"""Parts of values in memory: recorded, or copied at once where a program takes ever new ones.

Which part it is belongs to the path, so that a loop over slices of a data set, or over the elements
of a tensor, would never run the same work twice. The copy of a part costs what reading it costs;
work on it is the same for all parts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .ops.movement import RESHAPE
from .trace.recorder import SLOTS, record1, state
from .trace.replay import array_of
from .trace.values import Meta, Shape, Value, copied

_PARTS = 4  # of a value in memory that are recorded at one place of the trie
_PARTS_OF_A_FRAME = 32  # that are recorded in a frame and have not been recorded there before
_LARGEST_PART = 1 << 25  # bytes

_MOST_FACTS = 20_000
_facts: dict[Any, Meta] = {}  # of copies


def part(op: Any, v: Value, attrs: Any, shape: Shape | None = None) -> Value:
    """A view of a value, reshaped if a shape is given: recorded, or in memory of its own."""
    m = v.meta
    if v.buf is None or m.requires_grad or _is_recorded(op, v, attrs):
        return _recorded(op, v, attrs, shape)
    key = (op, m, attrs, shape)
    facts = _facts.get(key)
    if facts is None:
        facts = _facts_of(op, m, attrs, shape)
        if facts.numel * facts.dtype.itemsize > _LARGEST_PART:
            return _recorded(op, v, attrs, shape)
        if len(_facts) >= _MOST_FACTS:
            _facts.clear()
        _facts[key] = facts
    # References of movement look at shapes and attributes alone.
    found: np.ndarray = np.array(op.reference((array_of(v),), attrs, (facts,)), order="C")
    return copied(v, facts, found if shape is None else found.reshape(shape))


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


def _facts_of(op: Any, m: Meta, attrs: Any, shape: Shape | None) -> Meta:
    facts: Meta = op.rule((m,), attrs)[0]
    if shape is not None and shape != facts.shape:
        (facts,) = RESHAPE.rule((facts,), shape)
    return facts
