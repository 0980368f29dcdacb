"""Gradients with respect to given inputs: what `autograd.grad` computes.

The walk goes only where a wanted input lies (`Walk._wanted`), and one inside the open frame is
remembered as an edge of the trie, as that of `backward` is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..ops import elementwise as e
from ..trace.recorder import SLOTS, Frame, set_grad_mode, state
from ..trace.trie import Counter
from ..trace.values import Value, at, contiguous_strides
from .calls import leaf_of, place
from .engine import Walk, ones_like
from .jumps import Jump, ancestors, pass_by


def gradients(
    roots: Sequence[Value],
    grads: Sequence[Value | None],
    inputs: Sequence[Value],
    retain: bool,
    create: bool,
) -> list[Value | None]:
    """The gradients of the roots with respect to the inputs; None for an input that is not
    reached.
    """
    tr = state.tr
    key = _grad_key(tr, roots, grads, inputs, retain, create)
    if key is not None:
        jump = tr.node.edges.get(key)
        if jump is not None and not (jump.freed and jump.freed & tr.freed):
            return _leap_to(tr, jump)
    started, scalars, base = tr.node, len(tr.scalars), tr.base
    mode = tr.grad
    places: list[Any] = []  # of each input: where it was computed, or which leaf it is
    for v in inputs:
        p = place(v)
        if p is not None:
            places.append((id(p[0]), p[1]))
        else:
            places.append(("leaf", id(leaf_of(v))))
    targets = {at: k for k, at in enumerate(places)}
    walk = Walk(retain, create, targets)
    walk.keep_handles.extend(inputs)
    set_grad_mode(create)
    try:
        for r, g in zip(roots, grads, strict=True):
            walk.add(r, ones_like(r.meta) if g is None else g)
        walk.run()
    finally:
        set_grad_mode(mode)
    found: dict[int, Value] = dict(walk.found)
    for leaf, (v, g) in walk.leaf_grads.items():
        if ("leaf", leaf) in targets:
            handle = v.rec() if v.rec is not None else None
            if handle is not None and handle._hooks:
                g = handle._run_hooks(g)
            found[targets["leaf", leaf]] = g
    out = [found.get(targets[at]) for at in places]
    dense = [None if g is None else _dense(g, create) for g in out]
    if (
        key is not None
        and walk.pure
        and walk.inside
        and tr.base == base
        and started in ancestors(tr.node)
    ):
        if all(g is None or g.vid >= base for g in dense):
            leaves = [(-1 if g is None else g.vid - base, 0, g and g.meta) for g in dense]
            jump = Jump(tr.node, leaves, walk.freed_here())
            jump.key = (jump.freed, tuple(tr.scalars[scalars:]))
            started.edges[key] = jump
            Counter.nodes += 1
    walk.release()
    return dense


def _grad_key(
    tr: Frame,
    roots: Sequence[Value],
    grads: Sequence[Value | None],
    inputs: Sequence[Value],
    retain: bool,
    create: bool,
) -> tuple[Any, ...] | None:
    """What determines the gradients of roots by inputs in the open frame; None if more does."""
    if tr.complex or tr.hooks is not None or any(g is not None for g in grads):
        return None
    base = tr.base
    key: list[Any] = ["grad", retain, create, len(roots)]
    for v in (*roots, *inputs):
        slot = v.vid - base
        if not 0 <= slot < SLOTS:
            return None
        if v.meta.leaf:
            handle = v.rec() if v.rec is not None else None
            if slot not in tr.leaves or (handle is not None and handle._hooks):
                return None
        key.append(slot)
    return tuple(key)


def _leap_to(tr: Frame, jump: Jump) -> list[Value | None]:
    """Takes a remembered walk; its gradients, None for inputs that were not reached."""
    base = tr.base
    pass_by(tr, jump)
    out: list[Value | None] = []
    for slot, _, m in jump.leaves:
        out.append(None if slot < 0 else at(base + slot, m))
    tr.values.extend(v for v in out if v is not None)
    return out


def _dense(g: Value, create: bool) -> Value:
    """The gradient with memory of its own, where it is a view of another value."""
    m = g.meta
    if not m.offset and m.strides == contiguous_strides(m.shape):
        return g
    mode = state.tr.grad
    set_grad_mode(create)
    try:
        return e.record1(e.CLONE, g)
    finally:
        set_grad_mode(mode)
