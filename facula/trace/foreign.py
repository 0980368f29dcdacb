"""Values that another thread has recorded and not computed yet.

That thread may be recording at this moment, so its frame is left alone: the value is computed a
second time, from what the frame had recorded when it was made. Nothing recorded changes later, and
paths and lists of inputs only grow; what may change is memory, once the frame ends. So the result
counts only if it has not begun to by then; else the frame delivers the value itself.
"""

from __future__ import annotations

import os
import threading
import time
from types import SimpleNamespace
from typing import Any

import numpy as np

from .recorder import OP, SLOTS, Frame, _owner, _State, frames, state
from .references import run_references
from .replay import needed_for
from .values import Value, complain, outside

_PAUSE = 2e-5  # seconds between two looks at a frame that ends
_ending = threading.Lock()


def value_of(owner: Frame, v: Value) -> Value:
    """A value of another thread's frame, in memory: one of its own, or itself where gradients flow
    through it, which only the end of that frame can note. The frame is ended for it, which its
    thread must not disturb.
    """
    if not v.meta.requires_grad:
        array = _contents(owner, v)
        return v if array is None else outside(v.meta, array)
    with _ending:
        _wait(owner, v)
        if v.buf is None:
            state.flush(owner)
    if v.buf is None:
        complain(v)
    return v


def array_beside(v: Value) -> np.ndarray | None:
    """The elements of a value of another thread's frame, for reading; None if it is of none."""
    owner = _owner(v)
    return None if owner is None or owner is state.tr else _contents(owner, v)


def _wait(owner: Frame, v: Value) -> None:
    """Waits for the end of a frame that ends now, unless that is this thread's own, which collects
    garbage meanwhile.
    """
    own: dict[str, Any] = state.__dict__
    while owner.running and v.buf is None and own.get("aside") is not owner:
        time.sleep(_PAUSE)


def _contents(owner: Frame, v: Value) -> np.ndarray | None:
    """The elements of a value, calculated beside its frame; None if it is in memory by now."""
    while True:
        _wait(owner, v)
        if v.buf is not None:
            return None
        base = owner.base
        slot = v.vid - base
        if not 0 <= slot < SLOTS:
            complain(v)
        array = _calculated(owner, slot, v)
        if owner.base == base and (not owner.running or state.__dict__.get("aside") is owner):
            if array is None:
                complain(v)
            return array


def _calculated(owner: Frame, slot: int, v: Value) -> np.ndarray | None:
    node: Any = owner.node
    given: Any = SimpleNamespace(inputs=owner.inputs, scalars=owner.scalars)
    while node is not None and not (
        node.kind is OP and node.slot <= slot < node.slot + len(node.metas)
    ):
        node = node.parent
    if node is None:
        return None  # the frame has ended meanwhile
    path = node.path()
    needed, _ = needed_for(path, [slot], effects=False)
    found: np.ndarray = run_references(path, needed, [slot], [v.meta], given)[0]
    return found


def _after_fork() -> None:
    """In a forked child: other threads, and what they were doing, are gone."""
    global _ending
    _ending = threading.Lock()
    for frame in frames:
        frame.running = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
_State.foreign = staticmethod(value_of)
