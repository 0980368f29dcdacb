"""What happens during an interpreted call: frames that end, memory that is read or written.

While a call is watched, the functions through which that must go are exchanged for ones that take
note; nobody pays at any other time. One call of the process is watched at once.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from .. import tensor_parts, tensor_sharing, tensor_writes
from ..ops import indexing
from ..tensor import Tensor
from ..trace import replay
from ..trace.values import Value


class Ended(NamedTuple):
    """A frame that ended with a plan: what it ran on."""

    plan: Any
    inputs: list[Any]
    scalars: list[Any]
    leaves: list[Value]
    live: list[Value]
    plain: bool  # nothing from other frames, no hooks, no user's functions


class Watch:
    """The notes of one call."""

    def __init__(self) -> None:
        self.ended: list[Ended] = []
        self.effect = ""  # what cannot be repeated
        self.quiet = 0
        self.thread = threading.get_ident()
        self.checks: list[tuple[Value, int, int]] = []  # whole numbers that were found in bounds

    def note(self, effect: str) -> None:
        """Something was done that a replay would not do."""
        if not self.quiet and threading.get_ident() == self.thread:
            self.effect = self.effect or effect


_current: Watch | None = None
_busy = threading.Lock()
_READS = ("_array", "_value", "_show", "item", "tolist", "numpy")
_WRITES = ("_write", "_settle", "_fill_memory", "requires_grad_")
_SHARING = (
    *((tensor_sharing, name) for name in ("write", "put", "settle", "fill_memory", "set_data")),
    (tensor_writes, "written"),
)
_DELIVER, _FIRST, _SALVAGE = replay._deliver, replay._first_sight, replay._salvage
_REPLAY = replay._replay


@contextmanager
def quiet() -> Iterator[None]:
    """Inside, memory is read and written by what the interpreter knows about."""
    watch = _current
    if watch is None:
        yield
        return
    watch.quiet += 1
    try:
        yield
    finally:
        watch.quiet -= 1


@contextmanager
def watching() -> Iterator[Watch | None]:
    """Watches what this thread does inside; None if another call is watched, or the frames are."""
    global _current
    watched = replay._replay is not _REPLAY or replay._deliver is not _DELIVER
    if watched or not _busy.acquire(blocking=False):
        yield None
        return
    watch = Watch()
    exchanged: list[tuple[Any, str, Any]] = []

    def exchange(owner: Any, name: str, function: Callable[..., Any]) -> None:
        exchanged.append((owner, name, vars(owner)[name]))
        setattr(owner, name, function)

    try:
        for name in _READS:
            exchange(Tensor, name, _noting(watch, vars(Tensor)[name], "a tensor is read"))
        for name in _WRITES:
            exchange(Tensor, name, _noting(watch, vars(Tensor)[name], "a tensor is written"))
        for module, name in _SHARING:
            exchange(module, name, _noting(watch, vars(module)[name], "a tensor is written"))
        for name, original in (("_first_sight", _FIRST), ("_salvage", _SALVAGE)):
            exchange(replay, name, _noting(watch, original, "a path is new", True))
        exchange(replay, "_deliver", _delivering(watch))
        indexing.bounds_noted = watch.checks
        tensor_parts.choice.copies_little = False  # a copy would be the same at every call
        _current = watch
        yield watch
    finally:
        _current = None
        indexing.bounds_noted = None
        tensor_parts.choice.copies_little = True
        for owner, name, function in reversed(exchanged):
            setattr(owner, name, function)
        _busy.release()


def _noting(watch: Watch, original: Any, effect: str, always: bool = False) -> Any:
    @functools.wraps(original)
    def noted(*args: Any, **kwargs: Any) -> Any:
        if always and threading.get_ident() == watch.thread:
            watch.effect = watch.effect or effect
        watch.note(effect)
        return original(*args, **kwargs)

    return noted


def _delivering(watch: Watch) -> Any:
    def deliver(plan: Any, tr: Any, live: list[Value], buffers: list[Any]) -> None:
        if threading.get_ident() == watch.thread:
            simple = not (tr.walks or tr.upstream or tr.hooks or tr.custom or tr.complex or tr.over)
            leaves = list(tr.leaves.values())
            watch.ended.append(
                Ended(plan, list(tr.inputs), list(tr.scalars), leaves, list(live), simple)
            )
        _DELIVER(plan, tr, live, buffers)

    return deliver
