"""Rows of tensors in memory by position: how a batch of a TensorDataset is fetched."""

from __future__ import annotations

import numpy as np

from ...runtime import memory
from ...tensor import Tensor, from_array, wrap
from ...trace.values import meta, outside

REUSED = 32 << 10  # bytes from which a batch takes memory of the caching allocator


def rows_of(source: Tensor, rows: np.ndarray) -> Tensor:
    """The rows of a tensor in memory by int64 positions (n,), as a tensor of its own (n, ...).

    Raises IndexError for a position out of range.
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
        or rows.min() < -a.shape[0]
        or rows.max() >= a.shape[0]
    ):
        return from_array(a.take(rows, 0), d)
    # a large batch goes to memory that was used before: fresh pages cost more than the copy
    shape = (rows.size, *a.shape[1:])
    buffer = memory.allocate(size)
    a.take(rows, 0, buffer.numpy(shape, d.np), "wrap")
    return wrap(outside(meta(shape, d), buffer))
