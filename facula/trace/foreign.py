"""Values that another thread has recorded and not computed yet.

A thread that goes on recording ends its frame soon: that is awaited, so that who reads a value does
not change its bits. One that does something else, waiting for its reader perhaps, is left alone:
the value is computed a second time, from what the frame had recorded when it was made. Nothing
recorded changes later, and paths and lists of inputs only grow; what may change is memory, once the
frame ends. So the result counts only if it has not begun to by then. It is noted, and is what
the frame's end delivers, to all others as well.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from types import SimpleNamespace
from typing import Any

import numpy as np

from .recorder import SLOTS, Frame, _owner, _State, frames, state
from .references import run_references, seen_through, without_views
from .replay import needed_for
from .trie import NOTHING, OP, Node
from .values import Value, complain, outside

_PAUSE = 2e-5  # seconds between two looks at a frame that ends
_LOOK = 1e-4  # and at one that may go on
# A thread that stands at one instruction for so long (a busy machine may hold it up), or recorded
# nothing for so long, does something else; and no value is awaited longer in all: by then a loop
# with pauses has ended its frame, or will not for long.
_STILL, _PATIENCE, _LONGEST = 0.01, 0.05, 0.5
# The modules whose functions are the innermost of a thread that waits for another one.
_WHERE_THREADS_WAIT = frozenset(("threading", "concurrent.futures.thread", "selectors"))
_ending = threading.Lock()
_noting = threading.Lock()


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
    while owner.running and v.buf is None and not _own(owner):
        time.sleep(_PAUSE)


def _own(owner: Frame) -> bool:
    """Whether a frame is this thread's own, put aside while garbage is collected."""
    return state.__dict__.get("aside") is owner


def _contents(owner: Frame, v: Value) -> np.ndarray | None:
    """The elements of a value, calculated beside its frame; None if it is in memory by now."""
    given_up = time.monotonic() + _LONGEST
    while True:
        _wait(owner, v)
        if v.buf is not None:
            return None
        own, base = _own(owner), owner.base
        given, node = SimpleNamespace(inputs=owner.inputs, scalars=owner.scalars), owner.node
        if owner.base != base:  # which is the first thing to change where the next frame starts
            continue
        slot = v.vid - base
        if not 0 <= slot < SLOTS:
            if v.buf is not None:  # the frame has ended just now
                return None
            complain(v)
        path = _path(node, slot)
        if not path:
            complain(v)
        maker, source, views = without_views(path, slot)
        whole = owner.beside.get(base + source)
        if whole is None:
            if not own and time.monotonic() < given_up and not _rests(owner, v):
                continue
            wanted = source if maker.kind is OP else slot  # of memory, no more than the view shows
            try:
                array = _calculated(given, path, wanted)
            except Exception:
                if own or (owner.base == base and not owner.running):
                    raise
                continue  # memory has changed meanwhile
            if wanted == slot != source:
                views = []
        else:
            array = whole
        if own:
            return seen_through(views, array)
        if owner.base != base or owner.running:
            continue
        if maker.kind is OP:
            with _noting:
                if owner.beside is NOTHING:
                    owner.beside = {}
                array = owner.beside.setdefault(base + source, array)  # type: ignore[attr-defined]
            if owner.base != base or owner.running:
                continue  # the frame's end may have missed it
        return seen_through(views, array)


def _rests(owner: Frame, v: Value) -> bool:
    """Whether the thread of a frame does something else than to record: it has ended, waits for
    another one, or recorded nothing for a while. Waits until that is known; if not, it goes on.
    """
    here = owner.base, owner.node
    start = since = now = time.monotonic()
    looked: Any = None
    while owner.rest != here:
        python = sys._current_frames().get(owner.thread)
        at = None if python is None else (python.f_code, python.f_lasti)
        waits = python is not None and python.f_globals.get("__name__") in _WHERE_THREADS_WAIT
        del python  # it would keep what its function holds
        if at != looked:
            looked, since = at, now
        still = now - since
        if at is None or (waits and still) or still > _STILL or now > start + _PATIENCE:
            owner.rest = here
            break
        time.sleep(_LOOK)
        now = time.monotonic()
        if v.buf is not None or owner.running or (owner.base, owner.node) != here:
            return False
    return True


def _path(node: Node | None, slot: int) -> list[Node]:
    """The path to what made a slot; empty if nothing before this node did."""
    while node is not None and not (
        node.kind is OP and node.slot <= slot < node.slot + len(node.metas)
    ):
        node = node.parent
    return [] if node is None else node.path()


def _calculated(given: Any, path: list[Node], slot: int) -> np.ndarray:
    """A slot of a path, from the inputs and numbers given."""
    needed, facts = needed_for(path, [slot], effects=False)
    found: np.ndarray = run_references(path, needed, [slot], [facts[slot]], given)[0]
    return found


def _after_fork() -> None:
    """In a forked child: other threads, and what they were doing, are gone."""
    global _ending, _noting
    _ending, _noting = threading.Lock(), threading.Lock()
    for frame in frames:
        frame.running = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
_State.foreign = staticmethod(value_of)
