"""What a mask chooses, packed: the positions of its True elements, or elements of an array there.

The size of the result depends on data, so this is no node of a graph: it runs at the call, on
arrays in memory, by two kernels with the result's allocation between them. NumPy gives the same
results, and does so for what is small, for elements of a size that has no kernel, and until work
has come together that repays the loading of the kernels.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..runtime import cpu
from ..runtime.memory import address_of
from ..runtime.patience import Patience

_LITTLE = 1 << 12  # elements of a mask that are NumPy's in any case
_PATIENCE = 1 << 22  # elements that go through NumPy before kernels are loaded
_PARALLEL = 1 << 15  # elements for each thread
_PLAIN = {1: "u8", 2: "i16", 4: "i32", 8: "i64"}
_MOST_AXES = 8


patience = Patience(_PATIENCE, "masks")


def _kernels(n: int, name: str, how: Any) -> _Run | None:
    """The kernels that count and that write, or None where NumPy should do `n` elements."""
    if n < _LITTLE or not patience.over(n):
        return None
    from ..compiler import compaction  # not needed before
    from ..runtime import code

    texts = compaction.count(), getattr(compaction, name)(how)

    def address(text: str) -> int:
        return code.function_address(text, lambda: text)

    found = patience.load(lambda: [address(text) for text in texts])
    return _Run(found[0], found[1], n, compaction.BLOCK) if found is not None else None


class _Run:
    """The two kernels, for a mask of `n` elements in blocks."""

    def __init__(self, count: int, write: int, n: int, block: int) -> None:
        self.count_kernel, self.write_kernel, self.n = count, write, n
        self.blocks = -(-n // block)

    def starts(self, mask: np.ndarray) -> np.ndarray:
        """Where each block's part begins in the result; the last one is where it ends."""
        counts = np.zeros(self.blocks + 1, np.int64)
        self._call(self.count_kernel, [mask, counts], [])
        return np.cumsum(counts)

    def write(self, arrays: list[np.ndarray], record: list[int]) -> None:
        self._call(self.write_kernel, arrays, record)

    def _call(self, kernel: int, arrays: list[np.ndarray], record: list[int]) -> None:
        threads = max(1, min(self.blocks, self.n // _PARALLEL))
        addresses = [address_of(a) for a in arrays]
        cpu.run_kernel(kernel, addresses, [self.n, *record], self.blocks, threads)


def positions(mask: np.ndarray, by_axis: bool = False) -> np.ndarray:
    """Where a mask is True, in order: int64 [how many, axes], or [axes, how many] if `by_axis`."""
    axes = mask.ndim
    kernels = None
    if 0 < axes <= _MOST_AXES:
        kernels = _kernels(mask.size, "positions", axes)
    if kernels is None:
        found = np.nonzero(np.atleast_1d(mask))
        if not axes:
            return np.empty((0, len(found[0])) if by_axis else (len(found[0]), 0), np.int64)
        return np.stack(found, 0 if by_axis else 1).astype(np.int64, copy=False)
    mask = np.ascontiguousarray(mask)
    starts = kernels.starts(mask)
    n = int(starts[-1])
    out = np.empty((axes, n) if by_axis else (n, axes), np.int64)
    steps = (1, n) if by_axis else (axes, 1)
    kernels.write([mask, starts, out], [*steps, *mask.shape])
    return out


def selected(a: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The elements of `a` where a mask of its shape is True, as one row."""
    kernels = None
    tag = _PLAIN.get(a.itemsize)
    if tag is not None:
        kernels = _kernels(mask.size, "selected", tag)
    if kernels is None:
        chosen: np.ndarray = a[mask]
        return chosen
    mask, a = np.ascontiguousarray(mask), np.ascontiguousarray(a)
    starts = kernels.starts(mask)
    out = np.empty(int(starts[-1]), a.dtype)
    kernels.write([mask, starts, out, a], [])
    return out
