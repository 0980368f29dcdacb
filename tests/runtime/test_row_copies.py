"""Rows that a worker copies while the caller goes on: right whoever finishes the copy, and gone
without a trace where nobody asks for it."""

import ctypes
import os
import threading
import time

import numpy as np
import pytest
from counted_steps import Program

from facula.runtime import cpu, row_copies
from facula.runtime.pool_memory import POOL

TABLE = np.arange(500 * 67, dtype=np.float32).reshape(500, 67)  # rows end between two vectors

pytestmark = pytest.mark.skipif(cpu.get_num_threads() < 2, reason="needs two processors")


@pytest.fixture
def parallel(awake):
    """A program of two threads, which has run."""
    program = Program(2, 40, 2)
    assert program.is_right()
    return program


def begin(program, copy, rows):
    """Begins a copy. The worker may be busy, or on the processor of its caller, from which a
    program sends it away.
    """
    address = rows.__array_interface__["data"][0]
    table = TABLE.__array_interface__["data"][0]
    for _ in range(10_000):
        if copy.begin(table, address, (TABLE, rows)):
            return
        assert program.is_right()
    raise AssertionError("no worker takes the errand")


def positions(seed, count=30):
    return np.random.default_rng(seed).integers(-500, 500, count)


def test_rows_are_copied_meanwhile(parallel):
    copy = row_copies.RowCopy(30, 4 * 67, 500)
    for seed in range(50):
        rows = positions(seed)
        begin(parallel, copy, rows)
        found = copy.end()
        np.testing.assert_array_equal(found.numpy((30, 67), np.float32), TABLE[rows])
    assert copy.end() is None  # nothing was begun since


def test_a_program_that_wants_the_worker_finishes_the_copy_first(parallel):
    copy = row_copies.RowCopy(30, 4 * 67, 500)
    for seed in range(50):
        rows = positions(seed)
        begin(parallel, copy, rows)
        assert parallel.is_right()
        np.testing.assert_array_equal(copy.end().numpy((30, 67), np.float32), TABLE[rows])


def test_two_copies_do_not_meet(parallel):
    """The second one is refused until somebody has finished the first."""
    first, second = (row_copies.RowCopy(30, 4 * 67, 500) for _ in range(2))
    rows = positions(0)
    begin(parallel, first, rows)
    arguments = (TABLE.ctypes.data, rows.ctypes.data, (TABLE, rows))
    assert not second.begin(*arguments)
    assert second.end() is None
    np.testing.assert_array_equal(first.end().numpy((30, 67), np.float32), TABLE[rows])
    begin(parallel, second, rows)
    np.testing.assert_array_equal(second.end().numpy((30, 67), np.float32), TABLE[rows])


def test_a_copy_that_nobody_asks_for(parallel):
    for seed in range(20):
        begin(
            parallel, row_copies.RowCopy(30, 4 * 67, 500), positions(seed)
        )  # dropped while under way
    assert parallel.is_right()


def test_several_python_threads(parallel):
    wrong = []

    def work(number):
        program, copy = Program(4, 60, 2), row_copies.RowCopy(30, 4 * 67, 500)
        for seed in range(100):
            rows = positions((number, seed))
            begun = copy.begin(TABLE.ctypes.data, rows.ctypes.data, (TABLE, rows))
            right = program.is_right()
            found = copy.end()
            if begun:
                right &= bool((found.numpy((30, 67), np.float32) == TABLE[rows]).all())
            if not right:
                wrong.append((number, seed))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_another_thread_that_finishes_the_copy_is_waited_for(parallel):
    """Otherwise it goes on writing into memory that is given back."""
    word = ctypes.c_int64.from_address(cpu._pool() + POOL.offset("errand"))
    rows = positions(0, 200_000)  # of 54 MB, some milliseconds
    copy = row_copies.RowCopy(len(rows), 4 * 67, 500)
    wanted, met = threading.Barrier(2), 0

    def other():
        program = Program(4, 60, 2)
        while True:
            wanted.wait()
            if met == 3:
                return
            program.run()

    thread = threading.Thread(target=other)
    thread.start()
    try:
        for _ in range(300):
            begin(parallel, copy, rows)
            wanted.wait()
            while word.value == 1:
                time.sleep(0)  # gives the interpreter's lock away
            met += word.value == 2  # by the other thread, and not yet done
            found = copy.end()
            np.testing.assert_array_equal(found.numpy((len(rows), 67), np.float32), TABLE[rows])
            if met == 3:
                break
        assert met == 3
    finally:
        met = 3
        wanted.wait()
        thread.join()


def test_no_worker_no_errand():
    before = cpu._requested
    try:
        cpu.set_num_threads(1)
        rows = positions(0)
        copy = row_copies.RowCopy(30, 4 * 67, 500)
        assert not copy.begin(TABLE.ctypes.data, rows.ctypes.data, (TABLE, rows))
        assert copy.end() is None
    finally:
        cpu.set_num_threads(before or cpu.get_num_threads())
        cpu._requested = before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_in_a_forked_child(parallel):
    """The child has no worker: what was under way is either done or not there."""
    copy, rows = row_copies.RowCopy(30, 4 * 67, 500), positions(0)
    begin(parallel, copy, rows)
    child = os.fork()
    if child == 0:
        found = copy.end()
        right = found is None or bool((found.numpy((30, 67), np.float32) == TABLE[rows]).all())
        os._exit(0 if right and parallel.is_right() else 1)
    assert os.waitpid(child, 0)[1] == 0
    np.testing.assert_array_equal(copy.end().numpy((30, 67), np.float32), TABLE[rows])
