"""Copies of memory in another order that are kept while the memory stays as it is.

A product packs its right operand, a convolution transforms its weight: copies in the order in which
kernels read, made anew at every run, since training changes the weights at every step. Where
weights stay the same from run to run, so may their copies. Who writes to memory that a value has
says so here (`forget`, `forget_all`), and who shows it to somebody that may write at any time.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from typing import Any

from .memory import ArrayMemory, Buffer, allocate, physical_memory

# Bytes of all copies together, beyond which no more are kept.
LIMIT = min(1 << 30, physical_memory() // 8)


class _State:
    def __init__(self) -> None:
        self.sources: dict[int, Source] = {}  # by address
        self.bytes = 0
        self.keys: dict[tuple[Any, ...], int] = {}


_state = _State()


class Source:
    """Memory of which copies are kept while it is as it was, or (`shown`) of which none may be."""

    __slots__ = ("reference", "made", "shown")

    def __init__(self, memory: Any, shown: bool = False) -> None:
        ptr: int = memory.ptr
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
    """The copies that are there.

    memories: of the inputs, None where somebody may write to it meanwhile.
    """
    sources = _state.sources
    found = []
    for w in wanted:
        copy = None
        memory = memories[w.input]
        if memory is not None:
            source = sources.get(memory.ptr)
            if source is not None and source.reference() is memory:
                copy = source.made.get(w.key)
        found.append(copy)
    return found


def room(w: Wanted, memories: Sequence[Any]) -> tuple[Source, Copy] | None:
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
        _state.sources[memory.ptr] = Source(memory)
        return None
    if source.shown or _state.bytes + w.nbytes > LIMIT:
        return None
    return source, Copy(w.nbytes)


def keep(w: Wanted, source: Source, copy: Copy) -> None:
    """Says that a copy was made where `room` gave it room. If the memory was written meanwhile,
    nobody finds this source any more.
    """
    source.made[w.key] = copy


def forget_all(addresses: Iterable[int]) -> None:
    """Says that memory was written in place. Called at every step of an optimizer."""
    sources = _state.sources
    if sources:
        for address in addresses:
            source = sources.get(address)
            if source is not None and not source.shown:
                sources.pop(address, None)


def forget(memory: Any, shown: bool = False) -> None:
    """Says that this memory was written, or (`shown`) may be at any time from now on."""
    if shown:
        _state.sources[memory.ptr] = Source(memory, True)
    else:
        _state.sources.pop(memory.ptr, None)
