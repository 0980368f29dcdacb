"""Rows of tensors in memory by position: how a batch of a TensorDataset is fetched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...dtypes import dtype
from ...runtime import cpu, memory, row_copies
from ...tensor import Tensor, from_array, wrap
from ...trace.values import OUTSIDE, Value, meta, outside

REUSED = 32 << 10  # bytes from which a batch takes memory of the caching allocator
AHEAD_BYTES = 64 << 10  # at most so many bytes of a tensor's rows are gathered at a time,
AHEAD = 64  # and at most so many batches: who keeps one of them keeps the memory of all
# The bounds of so many whole numbers are looked for at once, those of more batch by batch.
LOOKED_THROUGH = 1 << 16

# For every tensor: its value and its version when its rows were gathered.
Sources = list[tuple[Tensor, Value, int]]
# Of tensors of whole numbers, by position: value, version, the least and the greatest number.
Bounds = dict[int, tuple[Value, int, tuple[int, int]]]


def rows_of(source: Tensor, rows: np.ndarray, length: int = -1) -> Tensor:
    """The rows of a tensor in memory by int64 positions (n,), as a tensor of its own (n, ...).

    length: of how many rows the positions are known to be. Raises IndexError for a position out of
    range.
    """
    a = source._array()
    d = source._v.meta.dtype
    if a.nbytes < REUSED:
        return from_array(a.take(rows, 0), d)
    size = rows.size * a.nbytes // (a.shape[0] or 1)
    if (
        size < REUSED
        or rows.ndim != 1
        or not a.flags.c_contiguous
        or (a.shape[0] != length and (rows.min() < -a.shape[0] or rows.max() >= a.shape[0]))
    ):
        return from_array(a.take(rows, 0), d)
    # a large batch goes to memory that was used before: fresh pages cost more than the copy
    shape = (rows.size, *a.shape[1:])
    buffer = memory.allocate(size)
    a.take(rows, 0, buffer.numpy(shape, d.np), "wrap")
    return wrap(outside(meta(shape, d), buffer))


class Ahead:
    """Batches of a tensor with long rows, each copied while the step before is under way.

    length: the tensor's rows, in which positions are known to be.
    """

    def __init__(self, source: Tensor, size: int, length: int) -> None:
        self._source = source
        m = source._v.meta
        self._facts = meta((size, *m.shape[1:]), m.dtype)
        self._length = length
        self._copy: row_copies.RowCopy | None = None  # made when there is a thread for it
        self._rows: np.ndarray | None = None
        self._seen: tuple[Value, int] | None = None

    def begin(self, rows: np.ndarray) -> None:
        """Begins to copy the rows of the next batch, where a thread is free and a change of the
        tensor would be noticed.
        """
        if self._copy is None:
            if not cpu.has_workers():
                return
            count = self._facts.shape[0]
            nbytes = self._facts.numel * self._facts.dtype.itemsize
            self._copy = row_copies.RowCopy(count, nbytes // count, self._length)
        t = self._source
        a, v = t._array(), t._v
        if not _noticed(t) or not a.flags.c_contiguous or a.shape[0] != self._length:
            return
        if rows.dtype != np.int64 or not rows.flags.c_contiguous:
            return
        source, positions = map(memory.address_of, (a, rows))
        if self._copy.begin(source, positions, (a, v, rows)):
            self._rows, self._seen = rows, (v, t._ver)

    def take(self, rows: np.ndarray) -> Tensor | None:
        """The batch of these rows, if it was begun and the tensor is still what it was."""
        if self._rows is None:
            return None
        begun, self._rows = self._rows, None
        t, seen, self._seen = self._source, self._seen, None
        assert self._copy is not None
        target = self._copy.end()
        if target is None or begun is not rows or seen != (t._v, t._ver) or not _noticed(t):
            return None
        return wrap(outside(self._facts, target))


def _noticed(t: Tensor) -> bool:
    """Whether a change of the tensor is seen by its value and version: not in memory that NumPy
    shares, of a view, or of what an optimizer updates.
    """
    v = t._v
    return v.buf is not None and v.pin is None and t._base is None and t._bundle is None


def batches_ahead(tensors: Sequence[Tensor], size: int) -> tuple[int, list[int]]:
    """How many batches of `size` rows are gathered at a time, and which of the tensors have so long
    rows that theirs are gathered one at a time even so.
    """
    largest, wide = 1, []
    for k, t in enumerate(tensors):
        m = t._v.meta
        nbytes = size * m.numel * m.dtype.itemsize // (m.shape[0] or 1)
        if 2 * nbytes > AHEAD_BYTES:
            wide.append(k)
        elif nbytes > largest:
            largest = nbytes
    if len(wide) == len(tensors):
        return 1, []
    return min(AHEAD, AHEAD_BYTES // largest), wide


def gather_ahead(
    tensors: Sequence[Tensor], rows: np.ndarray, size: int, known: Bounds, later: Sequence[int] = ()
) -> tuple[list[list[Any]], Sources] | None:
    """The batches of `size` rows each, the first one last, by one gather for every tensor.

    rows: int64 positions, a multiple of `size`. None where a change of a tensor during the pass
    would not be noticed (memory that NumPy shares, views, what an optimizer updates). known: what
    this function keeps between the calls of a pass. later: which tensors are left out; None stands
    for them. Raises IndexError for a position out of range.
    """
    columns: list[list[Any]] = []
    sources: Sources = []
    for t in tensors:
        if len(columns) in later:
            columns.append([None] * (len(rows) // size))
            continue
        a = t._array()
        v = t._v
        if not _noticed(t):
            return None
        sources.append((t, v, t._ver))
        bounds = None
        if a.dtype.kind in "iu" and 0 < a.size <= LOOKED_THROUGH:
            found = known.get(len(columns))
            if found is None or found[0] is not v or found[1] != t._ver:
                found = known[len(columns)] = v, t._ver, (int(a.min()), int(a.max()))
            bounds = found[2]
        columns.append(_pieces(a, v.meta.dtype, rows, size, bounds))
    return list(map(list, zip(*columns, strict=True))), sources


def _pieces(
    a: np.ndarray, d: dtype, rows: np.ndarray, size: int, bounds: tuple[int, int] | None
) -> list[Tensor]:
    """The gathered rows as tensors of `size` rows, the first one last. bounds: those of all whole
    numbers in `a`, where somebody has looked.
    """
    gathered = a.take(rows, 0)
    low = high = None
    if bounds is not None:
        low, high = bounds
    elif gathered.dtype.kind in "iu" and gathered.size:
        low, high = int(gathered.min()), int(gathered.max())
    owner = memory.of_array(gathered)
    first, count = owner.ptr, len(rows) // size
    step = gathered.nbytes // count
    facts = meta((size, *a.shape[1:]), d)
    tensors: list[Tensor] = []
    add, new, piece = tensors.append, object.__new__, memory.Piece
    for address in (
        range(first + gathered.nbytes - step, first - step, -step) if step else ([first] * count)
    ):
        p = piece()
        p.owner = owner
        p.ptr = address
        p.nbytes = step
        p.low = low
        p.high = high
        v = Value()
        v.vid = OUTSIDE
        v.meta = facts
        v.buf = p
        v.rec = v.over = v.pin = None
        t = new(Tensor)
        t._v = v
        add(t)
    return tensors
