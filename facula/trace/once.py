"""Work that is done once: run at the call, and no path is kept of it.

A path costs more to record than to run where nobody follows it again: in a suite of tests, in a
loop over texts that all have other lengths. After some frames in a row that were little work never
seen before, an op that would open the next frame runs at once through its reference, and so do
those that follow from its result. Which calls such chains began with is noted: one that comes again
is recorded as ever, so that what repeats is compiled. As in first_sight.py, the rule knows the
program's history and no clock.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import native
from .first_sight import KNOWN
from .recorder import Frame, _State
from .references import array_of, run_one
from .trie import Counter, Node
from .values import INT64, NUMBER, OUTSIDE, WRAPPED, Meta, Value

AFTER = 8  # frames in a row
MOST = 1 << 16  # elements of an operand or a result: with more, recording is no part of the cost
CHAIN_MOST = KNOWN[0]  # elements of a chain: with more, compiling it at once might have paid
_MAX_NOTES = 4096
_LOAD_AT = OUTSIDE + 1000  # calls that were run at once, when machine code is loaded for them
_CHAIN = 64  # what is no more than so many calls old is followed without a look at the notes

# Ops that only read their operands and make one result in memory of its own.
_KINDS = frozenset(
    (
        "elementwise", "bitwise", "ternary", "convert", "reduction", "arg", "scan", "source",
        "contraction",
    )
)  # fmt: skip


def note_first_sight(tr: Frame, base: int, little: bool) -> None:
    """The frame of `base` has ended, which was seen for the first time. little: so was its work."""
    tr.lonely = 0 if not little else tr.lonely + 1 if tr.alone == base else 1
    tr.alone = tr.base
    tr.once = tr.base if tr.lonely >= AFTER else 0


def at_once(tr: Frame, op: Any, ins: tuple[Any, ...], attrs: tuple[Any, ...]) -> Value | None:
    """Runs an op on values in memory and numbers; None, and nothing was done, where it is to be
    recorded. Raises what the op's rule raises.
    """
    if tr.values or tr.inputs or tr.walks or op.kind not in _KINDS or Counter.lines:
        return None
    metas: list[Meta] = []
    arrays: list[Any] = []
    newest = OUTSIDE
    elements = 0
    for v in ins:
        if type(v) is Value:
            m, b = v.meta, v.buf
            if b is None or m.requires_grad or m.numel > MOST:
                return None
            if newest < v.vid < 0:
                newest = v.vid
            elements += m.numel
            arrays.append(b if type(b) is np.ndarray else array_of(v))
        elif type(v) in NUMBER and (type(v) is float or v in INT64):
            m = WRAPPED[NUMBER[type(v)]]
            arrays.append(v)
        else:
            return None
        metas.append(m)
    first = newest < tr.made - _CHAIN or newest == OUTSIDE
    call = (op, attrs, *metas) if first else None
    if first and (call in (tr.root.done or ()) or _known(tr.node, op, ins, attrs)):
        return None
    outs = op.rule(metas, attrs)
    m = outs[0]
    elements += m.numel if first else m.numel + tr.spent
    if m.numel > MOST or m.leaf or len(outs) > 1 or elements > CHAIN_MOST:
        return None
    array = run_one(op, arrays, attrs, m)
    if array is None:
        return None
    if first:
        _note(tr.root, call)
    tr.spent = elements
    made = Value()
    tr.made = made.vid = tr.made + 1
    if tr.made == _LOAD_AT:
        native.load_aside()
    made.meta, made.buf = m, array
    made.rec = made.over = made.pin = None
    return made


def _note(root: Node, call: Any) -> None:
    if root.done is None or len(root.done) >= _MAX_NOTES:
        root.done = set()  # bounded; what is forgotten is run at once again
    root.done.add(call)


def _known(node: Any, op: Any, ins: tuple[Any, ...], attrs: tuple[Any, ...]) -> bool:
    """Whether a path that was recorded before begins with this call."""
    key: list[Any] = [op]
    entered: dict[int, int] = {}
    for v in ins:
        if type(v) is not Value:
            key.append(NUMBER[type(v)])
        elif id(v) in entered:
            key.append(entered[id(v)])
        else:
            node = node.edges.get(v.meta.start)
            if node is None:
                return False
            key.append(node.slot)
            entered[id(v)] = node.slot
    return (*key, attrs) in node.edges


_State.at_once = staticmethod(at_once)
