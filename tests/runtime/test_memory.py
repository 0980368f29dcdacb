"""The allocator: alignment, reuse, arrays that share a block and outlive its buffer, limits."""

import gc
import mmap
import os
import threading

import ml_dtypes
import numpy as np
import pytest

from facula.runtime import memory

SIZES = (0, 1, 63, 64, 65, 1024, 1025, 5000, 32 << 10, (32 << 10) + 1, 300_000, 1 << 20, 9 << 20)


@pytest.mark.parametrize("nbytes", SIZES)
def test_blocks_are_aligned_writable_and_large_enough(nbytes):
    buffer = memory.allocate(nbytes)
    assert buffer.nbytes == nbytes
    assert buffer.ptr % memory.ALIGNMENT == 0
    assert buffer.raw.nbytes == memory.block_size(nbytes) >= max(nbytes, 1)
    array = buffer.numpy((nbytes,), np.dtype(np.uint8))
    array[:] = 7
    assert memory.address_of(array) == buffer.ptr
    assert int(array.sum()) == 7 * nbytes


def test_block_sizes_waste_at_most_an_eighth():
    for nbytes in (*range(1, 5000), *range(1 << 20, 1 << 21, 12345)):
        size = memory.block_size(nbytes)
        assert size >= nbytes and size % 64 == 0
        assert size - nbytes < max(64, nbytes / 8 + 1)
        assert memory.block_size(size) == size


@pytest.mark.parametrize("nbytes", (100, 3 << 20))
def test_a_dead_buffers_block_is_reused(nbytes):
    buffer = memory.allocate(nbytes)
    address = buffer.ptr
    del buffer
    assert memory.allocate(nbytes).ptr == address


@pytest.mark.parametrize("nbytes", (100, 3 << 20))
def test_a_block_is_not_reused_while_an_array_shares_it(nbytes):
    buffer = memory.allocate(nbytes)
    address = buffer.ptr
    array = buffer.numpy((nbytes,), np.uint8)
    array[:] = 1
    view = array[10:20]
    del buffer, array
    others = [memory.allocate(nbytes) for _ in range(100 if nbytes < 1000 else 3)]
    for other in others:
        assert other.ptr != address
        other.numpy((nbytes,), np.uint8)[:] = 2
    assert view.tolist() == [1] * 10
    del view, others
    memory._collect_lent()
    assert address in {block[0] for home in memory._state.homes.values() for block in home.free}


def test_numpy_views_have_dtype_offset_and_strides():
    buffer = memory.allocate(64)
    buffer.numpy((16,), np.float32)[:] = np.arange(16)
    assert buffer.numpy((2, 3), np.float32, 8).tolist() == [[2, 3, 4], [5, 6, 7]]
    assert buffer.numpy((2, 3), np.float32, 0, (4, 8)).tolist() == [[0, 2, 4], [1, 3, 5]]
    assert buffer.numpy((0, 3), np.float32).shape == (0, 3)
    assert buffer.numpy((), np.float32, 4) == 1
    narrow = buffer.numpy((4,), ml_dtypes.bfloat16)
    narrow[:] = 1.5
    assert narrow.dtype == ml_dtypes.bfloat16 and narrow.tolist() == [1.5] * 4
    with pytest.raises((TypeError, ValueError)):
        buffer.numpy((1000,), np.float32)


@pytest.mark.parametrize(
    "make",
    (
        lambda: np.arange(6.0),
        lambda: np.arange(12).reshape(3, 4)[:, ::2],
        lambda: np.arange(12)[::-1],
        lambda: np.zeros((0, 3)),
        lambda: np.ones(3, ml_dtypes.bfloat16),
        lambda: np.array(3, np.float32),
    ),
)
def test_foreign_arrays_share_memory_and_stay_alive(make):
    array = make()
    expected = array.copy()
    buffer = memory.from_array(array)
    offset = memory.address_of(array) - buffer.ptr
    shape, dtype, strides = array.shape, array.dtype, array.strides
    shared = buffer.numpy(shape, dtype, offset, strides)
    assert np.shares_memory(shared, array) or not array.size
    del array
    gc.collect()
    np.testing.assert_array_equal(shared, expected)
    del buffer
    np.testing.assert_array_equal(shared, expected)


def test_foreign_memory_keeps_its_protection():
    array = np.arange(3)
    array.flags.writeable = False
    assert not memory.from_array(array).numpy((3,), array.dtype).flags.writeable


def test_foreign_memory_is_never_reused():
    array = np.zeros(100, np.uint8)
    address = memory.address_of(array)
    for _ in range(3):
        memory.from_array(array)
    assert all(memory.allocate(100).ptr != address for _ in range(10))


def test_bad_sizes_are_rejected():
    with pytest.raises(ValueError, match="nbytes"):
        memory.allocate(-1)
    with pytest.raises(MemoryError):
        memory.allocate(1 << 60)


def test_the_cache_of_large_blocks_is_bounded(monkeypatch):
    memory.empty_cache()
    monkeypatch.setattr(memory, "_cache_limit", 8 << 20)
    buffers = [memory.allocate(1 << 20) for _ in range(20)]
    del buffers
    assert 0 < memory.memory_stats()["cached"] <= 9 << 20
    assert memory.memory_stats()["cache_limit"] == 8 << 20
    memory.allocate(16 << 20)
    assert memory.memory_stats()["cached"] <= 9 << 20


def test_stats_follow_allocation_and_the_cache_can_be_emptied():
    memory.empty_cache()
    before = memory.memory_stats()
    buffer = memory.allocate(1 << 20)
    assert memory.memory_stats()["allocated"] == before["allocated"] + (1 << 20)
    del buffer
    assert memory.memory_stats()["allocated"] == before["allocated"]
    assert memory.memory_stats()["cached"] >= 1 << 20
    memory.empty_cache()
    assert memory.memory_stats()["cached"] == 0


def test_threads_never_share_a_block():
    wrong = []

    def work(mark):
        for i in range(300):
            size = 64 * (1 + i % 5)
            held = [memory.allocate(size).numpy((size,), np.uint8) for _ in range(4)]
            for array in held:
                array[:] = mark
            if any((array != mark).any() for array in held):
                wrong.append(mark)

    threads = [threading.Thread(target=work, args=(mark,)) for mark in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_has_its_own_copy():
    for nbytes in (64, 5 << 20):
        buffer = memory.allocate(nbytes)
        array = buffer.numpy((nbytes,), np.uint8)
        array[:] = 1
        child = os.fork()
        if child == 0:
            array[:] = 2
            memory.allocate(nbytes).numpy((nbytes,), np.uint8)[:] = 3
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert (array == 1).all()


def test_a_pool_lends_what_nobody_uses():
    pool = memory.Pool([64, 256])
    first = list(pool.take())
    kept = first[0]
    array = first[1].numpy((4,), np.float32)
    array[:] = 7
    addresses = list(pool.pointers)
    del first
    second = list(pool.take())
    assert second[0] is not kept and pool.pointers[0] != addresses[0]
    assert pool.pointers[1] != addresses[1]  # an array uses it
    second[1].numpy((4,), np.float32)[:] = 1
    assert (array == 7).all()
    addresses = list(pool.pointers)
    del second
    assert pool.take() and pool.pointers == addresses


def test_two_sets_take_turns_where_each_is_kept_for_a_step():
    pool = memory.Pool([64, 64])
    kept, seen = [], []
    for _ in range(8):
        kept = pool.take()[:1]
        seen.append(tuple(pool.pointers))
        assert type(kept[0]) is memory.PooledBuffer
    assert len(set(seen)) == 2 and seen[::2] == seen[:1] * 4 and seen[1::2] == seen[1:2] * 4


def test_what_is_kept_for_longer_is_no_longer_the_pools():
    pool = memory.Pool([64, 64])
    kept = [pool.take()[0] for _ in range(5)]
    assert len({b.ptr for b in kept}) == 5
    assert all(type(b) is memory.Buffer for b in kept[:-1])
    addresses = [*pool.pointers]
    del kept[-1]
    assert pool.take() and pool.pointers == addresses


def test_addresses_of_arrays_of_any_kind() -> None:
    base = np.arange(24.0).reshape(4, 6)
    fixed = base.copy()
    fixed.flags.writeable = False
    for a in (base, base[1:], base[:, 2:], base.T, base[::-1], fixed, base[:0], np.zeros((), "i1")):
        assert memory.address_of(a) == a.__array_interface__["data"][0]


class _Advised:
    """Stands for a mapping, and keeps what advice it gets."""

    def __init__(self):
        self.advice = []

    def madvise(self, advice):
        self.advice.append(advice)


@pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE"), reason="needs huge pages")
@pytest.mark.parametrize("slow", [None, 0, 3])
def test_huge_pages_are_asked_for_until_one_is_slow(monkeypatch, slow):
    touches = iter(range(1000))
    clock = [0.0]

    def perf_counter():
        clock[0] += 1.0 if slow is not None and next(touches) == slow + 1 else 1e-4
        return clock[0]

    monkeypatch.setattr(memory, "perf_counter", perf_counter)
    mapping, raw = _Advised(), np.full(16 << 20, 7, np.uint8)
    assert memory._on_huge_pages(mapping, raw) == (slow is None)
    expected = [mmap.MADV_HUGEPAGE] + [mmap.MADV_NOHUGEPAGE] * (slow is not None)
    assert mapping.advice == expected
    touched = 8 if slow is None else slow + 1
    assert np.count_nonzero(raw == 0) == touched


def test_large_blocks_serve_without_huge_pages(monkeypatch):
    monkeypatch.setattr(memory._state, "huge_pages", False)
    address, raw = memory._map(9 << 20)
    assert address % memory.ALIGNMENT == 0 and raw.nbytes == 9 << 20
    raw[:] = 1
    assert raw.sum(dtype=np.int64) == 9 << 20
