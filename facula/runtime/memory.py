"""Memory for tensors: buffers from a caching allocator.

Fresh pages are what makes large elementwise work slow (the kernel zeroes each one at its first
touch), and a trip to the operating system costs more than a small kernel. So a block that is no
longer used goes to the free list of its size class and is handed out again as it is, with its pages
in place.

A `Buffer` owns one block. NumPy arrays made by `Buffer.numpy` share the block through its `raw`
byte array, which they hold as their base: when the buffer dies while such arrays live, the block is
not reused until they are gone, which its reference count tells. Blocks are private mappings, so a
forked child has its own copies, and lists of CPython are enough as a lock while there is a global
one.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
from collections.abc import Callable
from sys import getrefcount
from time import perf_counter
from typing import Any

import numpy as np

ALIGNMENT = 64
_SMALL = 32 << 10  # up to this size, blocks are cut from chunks
_CHUNK = 1 << 20
_HUGE_PAGE = 2 << 20
# Longer than this for the first touch of a huge page: the machine's memory is lent page by page.
_SLOW_TOUCH = 1e-3  # seconds; zeroing one takes a fifth of that
_TOUCHED_PAGES = 64  # at most, of a block whose bytes may never be used
_PRIVATE = sys.platform != "win32" and hasattr(mmap, "MAP_PRIVATE")
_MEMOISED_SIZES = 1 << 16
_SLAB = 1 << 15
LARGEST_SLICE = 1 << 10  # bytes of what a slab has a copy of

_ndarray = np.ndarray
_addressof, _from_buffer = ctypes.addressof, ctypes.c_char.from_buffer
_uint8 = np.dtype(np.uint8)


def physical_memory() -> int:
    """Bytes of memory that the machine has."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 4 << 30


# From here on NumPy asks the operating system for pages.
FRESH_BYTES = 1 << 16

# Free large blocks are kept up to this many bytes in total.
_cache_limit = min(1 << 30, physical_memory() // 4)


# A block: its address, its bytes, and what takes it back when its buffer dies.
_Block = tuple[int, np.ndarray, Callable[[Any], None]]


class _Home:
    """One size class: its free blocks and counts."""

    __slots__ = ("size", "free", "created", "dropped", "stamp")

    def __init__(self, size: int) -> None:
        self.size = size
        self.free: list[_Block] = []
        self.created = 0  # blocks made
        self.dropped = 0  # blocks given back to the operating system, or left to arrays
        self.stamp = 0  # when a block last came back, for eviction

    def keep(self, block: _Block) -> None:
        """Takes back a large block and stays within the limit."""
        if not _cache_limit or self.size > _cache_limit:  # gone when the interpreter exits
            self.dropped += 1
            return
        _state.clock += 1
        self.stamp = _state.clock
        self.free.append(block)
        _state.returned += self.size
        if _state.returned > _cache_limit:
            _evict()


class _State:
    """The allocator's mutable state, in one place."""

    def __init__(self) -> None:
        self.homes: dict[int, _Home] = {}  # by block size
        self.by_request: dict[int, list[_Block]] = {}  # requested size -> free list
        self.lent: list[_Block] = []  # the buffer is dead, arrays live
        # An upper bound of the bytes in free lists of large blocks: what was there at the last
        # count and what has come back since. Taking a block does not lower it, which keeps that
        # path short.
        self.returned = 0
        self.clock = 0
        self.chunk: np.ndarray | None = None
        self.chunk_used = 0
        self.huge_pages = True  # whether large blocks ask for huge pages


_state = _State()
_by_request = _state.by_request


def block_size(nbytes: int) -> int:
    """The size of the block that holds `nbytes`: at most an eighth more, and a multiple of 64."""
    if nbytes <= 1024:
        return max((nbytes + 63) & ~63, ALIGNMENT)
    step = 1 << max((nbytes - 1).bit_length() - 4, 6)
    return (nbytes + step - 1) & -step


def address_of(a: np.ndarray) -> int:
    """The address of the first element of `a`."""
    writable: Any = a
    try:  # a third of the time that its description takes
        return _addressof(_from_buffer(writable))
    except (TypeError, ValueError, BufferError):  # read-only, not dense, empty, or of a dtype of
        address: int = a.__array_interface__["data"][0]  # another package
        return address


class Buffer:
    """A block of memory: `ptr` (address, a multiple of 64 unless foreign) and `nbytes` (the size
    asked for).

    `raw` is a uint8 array over at least `nbytes` bytes from `ptr`.
    """

    __slots__ = ("ptr", "nbytes", "raw", "_block", "_shown", "__weakref__")

    ptr: int
    nbytes: int
    raw: np.ndarray
    _block: _Block
    _shown: list[bool]  # of one in a pool

    def numpy(
        self,
        shape: tuple[int, ...],
        np_dtype: Any,
        byte_offset: int = 0,
        strides: tuple[int, ...] | None = None,
    ) -> np.ndarray:
        """An array of `shape` and `np_dtype` that shares this memory and keeps it alive.

        `byte_offset` and `strides` are in bytes. Raises TypeError or ValueError (from NumPy) where
        the elements would lie outside the block.
        """
        return _ndarray(shape, np_dtype, self.raw, byte_offset, strides)

    # Defaults are bound here because module globals may be gone when the interpreter exits.
    def __del__(self, getrefcount: Callable[[Any], int] = getrefcount) -> None:
        block = self._block
        if getrefcount(self.raw) == 3:  # the slot, the block and the argument: no array uses it
            block[2](block)
        else:
            _lend(block)

    def __repr__(self) -> str:
        return f"Buffer(ptr={self.ptr:#x}, nbytes={self.nbytes})"


def allocate(nbytes: int) -> Buffer:
    """A buffer of `nbytes` bytes with undefined contents, aligned to 64 bytes.

    Raises ValueError for a negative size and MemoryError where there is no memory.
    """
    try:
        block = _by_request[nbytes].pop()
    except (KeyError, IndexError):
        block = _new_block(nbytes)
    buffer = Buffer()
    buffer._block = block
    buffer.ptr, buffer.raw, _ = block
    buffer.nbytes = nbytes
    return buffer


def array(count: int, np_dtype: Any) -> np.ndarray:
    """An array of so many elements, contents undefined. A large one lies in memory that was used
    before, if there is any: fresh pages cost more than what is written to them.
    """
    nbytes = count * np_dtype.itemsize
    if nbytes < FRESH_BYTES:
        return np.empty(count, np_dtype)
    return allocate(nbytes).numpy((count,), np_dtype)


class PooledBuffer(Buffer):
    """A buffer to which a `Pool` refers too, and to its `raw`. Says when arrays may share it."""

    __slots__ = ()

    def numpy(
        self,
        shape: tuple[int, ...],
        np_dtype: Any,
        byte_offset: int = 0,
        strides: tuple[int, ...] | None = None,
    ) -> np.ndarray:
        self._shown[0] = True
        return _ndarray(shape, np_dtype, self.raw, byte_offset, strides)


class Pool:
    """Buffers of fixed sizes for work that is done again and again, each lent until it is dropped.

    What a training loop makes at a step (its gradients, its loss) is gone before the next one makes
    the same again. A buffer that only the pool refers to, also through arrays, is handed out as it
    is: no trip to the allocator, no destructor, the same addresses. What it makes of what it made
    at the step before (a running mean, a state) is gone one step later: two sets of buffers take
    turns then. What is kept for longer is the owner's, and a new buffer takes its place.
    """

    __slots__ = ("buffers", "pointers", "_shown", "_idle", "_raws", "_idle_raws", "_other")

    def __init__(self, sizes: list[int]) -> None:
        self._shown = [False]  # whether there may be arrays over the memory
        # The set whose turn it was before, None while there is one only; False: it was of no use.
        self._other: tuple[list[Buffer], list[int], list[np.ndarray]] | bool | None = None
        self._put([self._lent(n) for n in sizes])
        self._idle = [*map(getrefcount, self.buffers)]
        self._idle_raws = [*map(getrefcount, self._raws)]

    def _lent(self, nbytes: int) -> Buffer:
        buffer = allocate(nbytes)
        buffer.__class__ = PooledBuffer
        buffer._shown = self._shown
        return buffer

    def _put(self, buffers: list[Buffer]) -> None:
        self.buffers = buffers
        self.pointers = [b.ptr for b in buffers]
        self._raws = [b.raw for b in buffers]

    def take(self) -> list[Buffer]:
        """The buffers, their addresses being in `pointers`; those still in use are replaced."""
        if [*map(getrefcount, self.buffers)] != self._idle or self._shown[0]:
            self.renew()
        return self.buffers

    def renew(self) -> None:
        """Takes the other set of buffers if some are in use, or replaces those."""
        self._shown[0] = False
        other, current = self._other, (self.buffers, self.pointers, self._raws)
        if isinstance(other, tuple):
            self.buffers, self.pointers, self._raws = other
            if not self._used():
                self._other = current
                return
            for buffer in self.buffers:  # some are kept for longer than a step
                buffer.__class__ = Buffer
            self._other = False
            self.buffers, self.pointers, self._raws = current
        used = self._used()
        if not used:
            return
        if other is None:
            self._other = current
            self._put([self._lent(b.nbytes) for b in self.buffers])
            return
        new = list(self.buffers)
        for k in used:
            new[k] = self._lent(self.buffers[k].nbytes)
        for k in used:
            self.buffers[k].__class__ = Buffer
        self._put(new)

    def _used(self) -> list[int]:
        counts, idle = [*map(getrefcount, self.buffers)], self._idle
        raws, idle_raws = [*map(getrefcount, self._raws)], self._idle_raws
        if counts == idle and raws == idle_raws:
            return []
        return [k for k, n in enumerate(idle) if counts[k] > n or raws[k] > idle_raws[k]]


class Piece:
    """A stretch of an array's memory, which it keeps alive: `ptr` (any alignment) and `nbytes`.

    `low` and `high` bound its elements where somebody has looked at whole numbers; else None.
    """

    __slots__ = ("ptr", "nbytes", "owner", "low", "high")

    owner: ArrayMemory | Buffer
    ptr: int
    nbytes: int
    low: int | None
    high: int | None

    def numpy(
        self,
        shape: tuple[int, ...],
        np_dtype: Any,
        byte_offset: int = 0,
        strides: tuple[int, ...] | None = None,
    ) -> np.ndarray:
        """An array that shares this memory; see `Buffer.numpy`."""
        offset = self.ptr - self.owner.ptr + byte_offset
        return self.owner.numpy(shape, np_dtype, offset, strides)


class Slab:
    """Memory for small copies, one after the other: the addresses at which the next one begins and
    at which there is no more, and what keeps it alive.
    """

    __slots__ = ("at", "end", "owner")

    at: int
    end: int
    owner: Any

    def __init__(self) -> None:
        self.at = self.end = 0
        self.owner = None

    def copy(self, address: int, nbytes: int) -> Piece:
        """A copy of at most `LARGEST_SLICE` bytes that lie at an address."""
        start, owner = self.at, self.owner
        after = (start + nbytes + 15) & -16
        if after > self.end:
            owner = of_array(np.empty(_SLAB, _uint8))
            start = (owner.ptr + 15) & -16
            after = (start + nbytes + 15) & -16
            self.owner, self.end = owner, owner.ptr + _SLAB
        self.at = after
        ctypes.memmove(start, address, nbytes)
        made = Piece()
        made.ptr, made.nbytes, made.owner = start, nbytes, owner
        made.low = made.high = None
        return made


class ArrayMemory:
    """The memory of a C-contiguous array that may be written: `ptr` and `nbytes`, as a Buffer has
    them.
    """

    __slots__ = ("ptr", "array", "__weakref__")

    ptr: int
    array: np.ndarray

    @property
    def nbytes(self) -> int:
        return self.array.nbytes

    def numpy(
        self,
        shape: tuple[int, ...],
        np_dtype: Any,
        byte_offset: int = 0,
        strides: tuple[int, ...] | None = None,
    ) -> np.ndarray:
        """An array that shares this memory; see `Buffer.numpy`."""
        return _ndarray(shape, np_dtype, self.array.data, byte_offset, strides)


def of_array(a: np.ndarray) -> ArrayMemory | Buffer:
    """The memory of a dense array: a Buffer, which takes four times as long, only for what is
    read-only, empty, or of a dtype of another package.
    """
    array: Any = a
    try:
        address = _addressof(_from_buffer(array))
    except (TypeError, ValueError, BufferError):
        return from_array(a)
    made = ArrayMemory()
    made.ptr, made.array = address, a
    return made


def from_array(a: np.ndarray) -> Buffer:
    """A buffer over the memory of `a` (any strides), which is kept alive and never reused.

    `ptr` is the lowest address that `a` touches; `address_of(a) - ptr` is the offset of its first
    element.
    """
    low = address_of(a)
    if a.flags.c_contiguous:
        high = low + a.nbytes
    else:
        low, high = np.lib.array_utils.byte_bounds(a)
    buffer = Buffer()
    buffer.ptr = low
    buffer.nbytes = high - low
    buffer.raw = np.asarray(_Foreign(a, low, high - low))
    buffer._block = (low, buffer.raw, _ignore)
    return buffer


def seen_elsewhere(memory: Any) -> bool:
    """Whether anything but the holder of this object (a buffer, or an array that owns its memory)
    may refer to the bytes: another array, another buffer, the batches gathered beside a piece.
    """
    kind = type(memory)
    if kind is np.ndarray:
        return memory.base is not None
    if kind is ArrayMemory:
        return memory.array.base is not None or getrefcount(memory.array) > _SOLE
    if kind is Piece:
        return True
    uses = getrefcount(memory.raw) - _SOLE - 1  # the block's too
    if kind is PooledBuffer:
        return uses > 1
    if uses > 0:
        return True
    if memory._block[2] is not _ignore:
        return False
    return memory.raw.base.owner.base is not None or getrefcount(memory.raw.base.owner) > _SOLE


def _sole() -> int:
    """What `getrefcount` says of an attribute's value that nothing else refers to."""
    holder = of_array(np.empty(1))
    assert isinstance(holder, ArrayMemory)
    return getrefcount(holder.array)


_SOLE = _sole()


def _ignore(block: _Block) -> None:
    """Takes back foreign memory, which is not ours to reuse."""


class _Foreign:
    """Foreign memory as bytes; NumPy makes this object, with `owner`, the base of the array."""

    def __init__(self, owner: np.ndarray, address: int, nbytes: int) -> None:
        self.owner = owner
        self.__array_interface__ = {
            "data": (address, not owner.flags.writeable),
            "shape": (nbytes,),
            "typestr": "|u1",
            "version": 3,
        }


def _home_of(nbytes: int) -> _Home:
    if nbytes < 0:
        raise ValueError(f"nbytes: expected a size of at least 0, got {nbytes}")
    size = block_size(nbytes)
    home = _state.homes.setdefault(size, _Home(size))
    if len(_by_request) >= _MEMOISED_SIZES:
        _by_request.clear()
    _by_request[nbytes] = home.free
    return home


def _new_block(nbytes: int) -> _Block:
    """A block where the free list is empty: one that arrays have let go of, or fresh memory."""
    home = _home_of(nbytes)
    if _state.lent:
        _collect_lent()
    if home.free:
        try:
            return home.free.pop()
        except IndexError:  # another thread took it
            pass
    if home.size <= _SMALL:
        ptr, raw = _cut(home.size)
        home.created += 1
        return ptr, raw, home.free.append
    try:
        ptr, raw = _map(home.size)
    except (MemoryError, OSError):
        empty_cache()
        try:
            ptr, raw = _map(home.size)
        except OSError as error:
            raise MemoryError(f"could not allocate {home.size} bytes: {error}") from error
    home.created += 1
    return ptr, raw, home.keep


def _cut(size: int) -> tuple[int, np.ndarray]:
    """A small block from the current chunk."""
    chunk, start = _state.chunk, _state.chunk_used
    if chunk is None or start + size > _CHUNK:
        chunk, start = _map(_CHUNK)[1], 0
        _state.chunk = chunk
    _state.chunk_used = start + size
    # Through a memoryview: with an array as base, NumPy would make arrays over the block refer to
    # the chunk instead of to `raw`, and its reference count would not show them.
    raw = np.frombuffer(chunk.data[start : start + size], _uint8)
    return address_of(raw), raw


def _map(size: int) -> tuple[int, np.ndarray]:
    """Fresh memory of `size` bytes, on huge pages where it is large and they are cheap."""
    large = size >= 2 * _HUGE_PAGE
    alignment = _HUGE_PAGE if large else ALIGNMENT
    if _PRIVATE:
        length = size + alignment if large else size
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        if not large:
            flags |= getattr(mmap, "MAP_POPULATE", 0)
        mapping = mmap.mmap(-1, length, flags=flags)
        view = memoryview(mapping)
    else:
        view = np.empty(size + alignment, _uint8).data
    start = -address_of(np.frombuffer(view, _uint8)) % alignment
    raw = np.frombuffer(view[start : start + size], _uint8)
    if _PRIVATE and large and _state.huge_pages:
        _state.huge_pages = _on_huge_pages(mapping, raw)
    return address_of(raw), raw


def _on_huge_pages(mapping: mmap.mmap, raw: np.ndarray) -> bool:
    """Asks for huge pages for `mapping`, and says whether the next one should.

    A huge page spares the faults of 512 ordinary ones. A virtual machine, though, may have given
    its free memory back to its host, whole huge pages at a time, and then each of them is fetched
    again in small pieces, for many times as long as the ordinary pages that the kernel has at hand.
    The first touches show which of the two it is: the rest of the block then has ordinary pages.
    """
    try:
        mapping.madvise(mmap.MADV_HUGEPAGE)
        before = perf_counter()
        for offset in range(0, min(raw.nbytes, _TOUCHED_PAGES * _HUGE_PAGE), _HUGE_PAGE):
            raw[offset] = 0
            now = perf_counter()
            if now - before > _SLOW_TOUCH:
                mapping.madvise(mmap.MADV_NOHUGEPAGE)
                return False
            before = now
    except (AttributeError, OSError):
        return False  # a system or a kernel without huge pages: ordinary ones serve
    return True


def _lend(block: _Block) -> None:
    """Leaves a block to the arrays that use it; it is looked at again when memory is needed."""
    if block[2] is _ignore:
        return
    home = _state.homes[block[1].nbytes]
    if home.size > _cache_limit:
        home.dropped += 1  # the last array frees it
    else:
        _state.lent.append(block)


def _collect_lent() -> None:
    """Moves lent blocks that no array uses any more to their free lists."""
    lent, _state.lent = _state.lent, []
    while lent:
        block = lent.pop()
        if getrefcount(block[1]) > 2:  # more than the block and the argument
            _state.lent.append(block)
        else:
            block[2](block)


def _evict() -> None:
    """Gives large blocks back to the operating system, least recently used sizes first.

    It goes below the limit by a quarter, so that the count is not taken at every return.
    """
    large = [h for h in list(_state.homes.values()) if h.size > _SMALL and h.free]
    total = sum(h.size * len(h.free) for h in large)
    for home in sorted(large, key=lambda h: h.stamp):
        while total > _cache_limit * 3 // 4 and _drop_one(home):
            total -= home.size
    _state.returned = total


def _drop_one(home: _Home) -> bool:
    try:
        home.free.pop()
    except IndexError:
        return False
    home.dropped += 1
    return True


def empty_cache() -> None:
    """Gives all free memory back to the operating system."""
    _collect_lent()
    for home in list(_state.homes.values()):
        while _drop_one(home):
            continue
    _state.returned = 0
    _state.chunk = None


def memory_stats() -> dict[str, int]:
    """Bytes in blocks: `allocated` (in use), `cached` (free), `lent` (in use by arrays only)."""
    lent = sum(block[1].nbytes for block in list(_state.lent))
    homes = list(_state.homes.values())
    cached = sum(h.size * len(h.free) for h in homes)
    made = sum(h.size * (h.created - h.dropped) for h in homes)
    return {"allocated": made - cached, "cached": cached, "lent": lent, "cache_limit": _cache_limit}
