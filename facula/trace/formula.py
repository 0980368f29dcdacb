"""Formulas of several ops as one edge of the trie.

A layer like GELU or layer normalisation is a handful of records, and recording them is most of
what a small one costs. The first time they are recorded one by one; the edge that is then added
leads over all of them, the entries of parameters included. The path is the same either way, and
so are the plans that lie at its end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import config
from .recorder import Frame, state
from .trie import INPUT, OP
from .values import Formed, Value


def as_one(
    formula: Callable[..., Value], ins: tuple[Value, ...], attrs: tuple[Any, ...] = ()
) -> Value:
    """Records formula(*ins, *attrs).

    What the formula records depends on the facts of `ins` and on `attrs` alone, the numbers that it
    brings too, and its result is what it records last, which is no view.
    """
    tr = state.tr
    base = tr.base
    key: Any = [formula, attrs]
    for v in ins:
        i = v.vid - base
        key.append(i if i >= 0 else v.meta)
    key = tuple(key)
    formed = tr.node.edges.get(key)
    if formed is None or tr.fixing or config.eager:
        return _record(tr, key, formula, ins, attrs)
    entered = formed.entered
    for place, _ in entered:
        v = ins[place]
        if v.buf is None or v.pin is not None or ins.count(v) > 1:
            return formula(*ins, *attrs)
    for place, slot in entered:
        v = ins[place]
        v.vid = base + slot
        tr.inputs.append(v)
        if v.meta.requires_grad:
            tr.leaves[slot] = v
    if formed.numbers:
        tr.scalars.extend(formed.numbers)
    node = tr.node = formed.node
    out = Value()
    out.vid, out.meta = base + node.slot, node.meta
    out.buf = out.rec = out.over = out.pin = None
    tr.values.append(out)
    return out


def _record(
    tr: Frame,
    key: tuple[Any, ...],
    formula: Callable[..., Value],
    ins: tuple[Value, ...],
    attrs: tuple[Any, ...],
) -> Value:
    """Records a formula op by op and adds the edge over them, where that is possible."""
    base, first = tr.base, tr.node
    inputs, scalars = len(tr.inputs), len(tr.scalars)
    out = formula(*ins, *attrs)
    last = tr.node
    if tr.base != base or out.vid - base != last.slot or tr.fixing or tr.scratch or config.eager:
        return out
    if last.kind is OP and last.op.view:  # whoever has it must know where in its storage it lies
        return out
    entered = []
    for v in tr.inputs[inputs:]:
        places = [k for k, x in enumerate(ins) if x is v]
        m = v.meta
        if len(places) != 1 or m.start is not m or (m.requires_grad and not m.leaf):
            return out
        entered.append((places[0], v.vid - base))
    node: Any = last
    while node is not first:
        if node.kind is not INPUT and (node.kind is not OP or node.where):
            return out
        node = node.parent
        if node is None:
            return out
    first.edges[key] = Formed(last, tuple(entered), tuple(tr.scalars[scalars:]))
    return out
