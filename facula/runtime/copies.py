"""Copies of memory in another order that are kept while the memory stays as it is.

A product packs its right operand, a convolution transforms its weight: copies in the order in which
kernels read, made anew at every run, since training changes the weights at every step. Where
weights stay the same from run to run, so may their copies. Who writes to memory that a value has
says so here (`forget`, `forget_all`), and who shows it to somebody that may write at any time.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

from .memory import ArrayMemory, Buffer, allocate, physical_memory

# For each program (what stands for it) the addresses that its last run found all copies for, and
# the copies, until memory of which there are copies is written: then there is another dict.
Settled = dict[object, tuple[Any, "list[Copy]"]]
Key = tuple[Any, ...]  # the kernel that makes a copy, and all it depends on but the memory

# Memory that copies are kept of: what a pool has lent is written again, and a piece is seen once.
_LASTING = (Buffer, ArrayMemory)

_MOST_SETTLED = 1000
# Bytes of all copies together, beyond which no more are kept.
LIMIT = min(1 << 30, physical_memory() // 8)


class _State:
    def __init__(self) -> None:
        self.sources: dict[int, Source] = {}  # by address
        self.bytes = 0
        self.settled: Settled = {}


_state = _State()


class Source:
    """Memory of which copies are kept while it is as it was, or (`shown`) of which none may be.

    After a write nobody finds it any more, nor what is entered in `made` later.
    """

    __slots__ = ("reference", "made", "shown")

    def __init__(self, memory: Any, shown: bool = False) -> None:
        ptr: int = memory.ptr
        self.made: dict[Key, Copy] = {}
        self.shown = shown

        # A default is bound here because module globals may be gone when the interpreter exits.
        def gone(reference: weakref.ref[Any], state: _State = _state) -> None:
            source = state.sources.get(ptr)
            if source is not None and source.reference is reference:
                del state.sources[ptr]
                state.settled = {}

        self.reference = weakref.ref(memory, gone)


class Copy:
    """Memory for a copy; counted while it lives."""

    __slots__ = ("buffer", "ptr")

    def __init__(self, nbytes: int) -> None:
        self.buffer = allocate(nbytes)
        self.ptr = self.buffer.ptr
        _state.bytes += nbytes

    # As above.
    def __del__(self, state: _State = _state) -> None:
        state.bytes -= self.buffer.nbytes


def settled() -> Settled:
    """The runs that need not look for copies. What was found is entered in what this has returned
    before it was looked for: memory may have been written since.
    """
    if len(_state.settled) > _MOST_SETTLED:
        _state.settled = {}
    return _state.settled


def find(memory: Any, key: Key) -> Copy | None:
    """The copy of a memory that is called `key`, where it is there."""
    source = _state.sources.get(memory.ptr)
    if source is None or source.reference() is not memory:
        return None
    return source.made.get(key)


def room(memory: Any, nbytes: int) -> tuple[Source, Copy] | None:
    """Memory for a copy that is not there, to be entered in `made` of the source once it is; None
    where none is to be kept: where somebody may write to the memory, where too many are kept, and
    where it was not asked for before, since what is seen once is often never seen again.
    """
    if type(memory) not in _LASTING:
        return None
    source = _state.sources.get(memory.ptr)
    if source is None or (source.reference() is not memory and not source.shown):
        _state.sources[memory.ptr] = Source(memory)
        _state.settled = {}
        return None
    if source.shown or _state.bytes + nbytes > LIMIT:
        return None
    return source, Copy(nbytes)


def forget_all(addresses: Iterable[int]) -> None:
    """Says that memory was written in place. Called at every step of an optimizer."""
    sources = _state.sources
    if sources:
        for address in addresses:
            source = sources.get(address)
            if source is not None and not source.shown:
                sources.pop(address, None)
                _state.settled = {}


def forget(memory: Any, shown: bool = False) -> None:
    """Says that this memory was written, or (`shown`) may be at any time from now on."""
    known = _state.sources.pop(memory.ptr, None)
    if shown and type(memory) in _LASTING:
        _state.sources[memory.ptr] = Source(memory, True)
    if known is not None:
        _state.settled = {}
