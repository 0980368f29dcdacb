"""Tensors filled with one value, below and above the size from which they lie in reused memory."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula.runtime import memory

DTYPES = [facula.float32, facula.float64, facula.int64, facula.int8, facula.bool, facula.bfloat16]


@pytest.mark.parametrize("rows", [1, 100_000])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_element_is_written(rows: int, dtype: facula.dtype) -> None:
    for value in (1, 3.0, 0):
        x = facula.full((rows, 3), value, dtype=dtype)
        want = np.full((rows, 3), bool(value) if dtype is facula.bool else value, np.float64)
        assert x.shape == (rows, 3) and x.dtype is dtype
        np.testing.assert_array_equal(x.double().numpy(), want)


@pytest.mark.parametrize("count", [3, 100_000])
def test_tensors_that_live_keep_their_memory(count: int) -> None:
    first = facula.ones(count)
    second = facula.full_like(first, 2.0)
    first += 1  # in its own memory
    view = second[1:]
    del second
    third = facula.full((count,), 5.0)
    assert first.sum().item() == 2 * count
    assert view.sum().item() == 2 * (count - 1)
    assert third.sum().item() == 5 * count
    array = third.numpy()
    del third
    facula.full((count,), 7.0)
    np.testing.assert_array_equal(array, np.full(count, 5.0, np.float32))


def test_large_ones_lie_in_memory_that_was_used_before() -> None:
    count = memory.FRESH_BYTES
    x = facula.full((count,), 1.0)
    place = x.data_ptr()
    del x
    assert facula.full((count,), 2.0).data_ptr() == place
