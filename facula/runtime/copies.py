"""Copies of memory in another order that are kept while the memory stays as it is.

A product packs its right operand, a convolution transforms its weight: copies in the order in which
kernels read, made anew at every run, since training changes the weights at every step. Where
weights stay the same from run to run, so may their copies. Who writes to memory that values already
have says so here: `count_updates` (updates in place, whatever they wrote) and `forget` (memory that
was written, or shown to somebody who may write at any time).
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

from .memory import ArrayMemory, Buffer, allocate, physical_memory

# Bytes of all copies together, beyond which no more are kept.
LIMIT = min(1 << 30, physical_memory() // 8)


class _State:
    def __init__(self) -> None:
        self.updates = 0
        self.sources: dict[int, _Source] = {}  # by address
        self.bytes = 0
        self.keys: dict[tuple[Any, ...], int] = {}


_state = _State()


class _Source:
    """Memory of which copies are kept, or (`shown`) of which none may be."""

    __slots__ = ("reference", "updates", "made", "shown")

    def __init__(self, memory: Any, shown: bool = False) -> None:
        ptr: int = memory.ptr
        self.updates = _state.updates  # when these were made:
        self.made: dict[int, Copy] = {}
        self.shown = shown

        def gone(reference: weakref.ref[Any]) -> None:
            source = _state.sources.get(ptr)
            if source is not None and source.reference is reference:
                del _state.sources[ptr]

        self.reference = weakref.ref(memory, gone)


class Copy:
    """Memory for a copy; counted while it lives."""

    __slots__ = ("buffer", "ptr")

    def __init__(self, nbytes: int) -> None:
        self.buffer = allocate(nbytes)
        self.ptr = self.buffer.ptr
        _state.bytes += nbytes

    # A default is bound here because module globals may be gone when the interpreter exits.
    def __del__(self, state: _State = _state) -> None:
        state.bytes -= self.buffer.nbytes


class Wanted:
    """A copy that a program makes of one of its inputs."""

    __slots__ = ("input", "key", "nbytes")

    def __init__(self, place: int, what: tuple[Any, ...], nbytes: int) -> None:
        """place: of the input. what: the kernel, and all it depends on but the memory."""
        self.input, self.nbytes = place, nbytes
        self.key = _state.keys.setdefault(what, len(_state.keys))


def find(wanted: Sequence[Wanted], memories: Sequence[Any]) -> list[Copy | None]:
    """The copies that are there and up to date.

    memories: of the inputs, None where somebody may write to it meanwhile.
    """
    sources, updates = _state.sources, _state.updates
    found = []
    for w in wanted:
        copy = None
        memory = memories[w.input]
        if memory is not None:
            source = sources.get(memory.ptr)
            if source is not None and source.updates == updates and source.reference() is memory:
                copy = source.made.get(w.key)
        found.append(copy)
    return found


def room(w: Wanted, memories: Sequence[Any]) -> Copy | None:
    """Memory for a copy that is not there; None where none is to be kept: where somebody may write
    to the input, where too many are kept, and where it was not asked for before, since what is seen
    once is often never seen again.
    """
    memory = memories[w.input]
    # What a pool has lent is written again, and a piece is seen once.
    if type(memory) is not Buffer and type(memory) is not ArrayMemory:
        return None
    source = _state.sources.get(memory.ptr)
    if source is None or (source.reference() is not memory and not source.shown):
        _state.sources[memory.ptr] = _Source(memory)
        return None
    if source.shown or _state.bytes + w.nbytes > LIMIT:
        return None
    return Copy(w.nbytes)


def keep(w: Wanted, memories: Sequence[Any], copy: Copy, updates: int) -> None:
    """Says that a copy was made, of memory as it was after so many updates."""
    memory = memories[w.input]
    source = _state.sources.get(memory.ptr)
    if source is not None and source.reference() is memory and not source.shown:
        if source.updates != updates:
            source.made = {}
            source.updates = updates
        source.made[w.key] = copy


def updates() -> int:
    """How often memory was updated in place."""
    return _state.updates


def count_updates() -> None:
    """Says that updates wrote to memory in place."""
    _state.updates += 1


def forget(memory: Any, shown: bool = False) -> None:
    """Says that this memory was written, or (`shown`) may be at any time from now on."""
    if shown:
        _state.sources[memory.ptr] = _Source(memory, True)
    else:
        _state.sources.pop(memory.ptr, None)
