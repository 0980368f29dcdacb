"""NumPy's products on the calling thread alone, and as before afterwards."""

import os
import threading

import numpy as np
import pytest

import facula
from facula.ops.record import OPS
from facula.runtime import blas

needs_openblas = pytest.mark.skipif(blas._functions() is None, reason="NumPy has another BLAS")


@pytest.fixture
def threads():
    """How many threads the library would use now; two at first."""
    get, put = blas._functions()
    before = get()
    put(2)
    yield get
    put(before)


@needs_openblas
def test_products_have_one_thread_inside_and_as_many_as_before_outside(threads):
    seen = []

    def product(a, b):
        seen.append(threads())
        return a @ b

    a = np.ones((40, 40))
    assert blas.on_one_thread(product, apart=True)(a, a)[0, 0] == 40
    assert seen == [1] and threads() == 2

    @blas.on_one_thread
    def fails(arrays):
        raise ValueError

    with pytest.raises(ValueError):
        fails([a])
    assert threads() == 2


@needs_openblas
def test_the_last_of_several_threads_puts_it_back(threads):
    entered, leave = threading.Event(), threading.Event()

    @blas.on_one_thread
    def waits(arrays):
        entered.set()
        assert leave.wait(30)

    @blas.on_one_thread
    def number(arrays):
        return threads()

    a = np.ones((40, 40))
    worker = threading.Thread(target=waits, args=((a,),))
    worker.start()
    assert entered.wait(30)
    assert number((a,)) == 1 and threads() == 1
    leave.set()
    worker.join()
    assert threads() == 2


@needs_openblas
def test_little_products_are_left_alone(threads):
    @blas.on_one_thread
    def number(arrays, attrs):
        return threads()

    little, much = np.ones((16, 16)), np.ones((40, 40))
    assert number([little, little], ()) == 2
    assert number([little, much], ()) == 1


@needs_openblas
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_of_a_thread_that_was_outside_has_all_threads(threads):
    blas._limit.enter()
    try:
        blas._limit.after_fork()  # what the child does
        assert threads() == 2
    finally:
        blas._limit._inside = 0


@needs_openblas
@pytest.mark.parametrize("name", ["matmul", "linear", "convolution", "attention", "lstm"])
def test_references_of_contractions_have_one_thread(name):
    assert hasattr(OPS[name].reference, "__wrapped__")


@needs_openblas
def test_a_first_sight_leaves_no_thread_behind_that_spins(threads, monkeypatch):
    """A product that is large enough for OpenBLAS's own threads, run by the reference."""
    seen = []
    reference = OPS["linear"].reference.__wrapped__

    def watched(*args):
        seen.append(threads())
        return reference(*args)

    monkeypatch.setattr(OPS["linear"], "reference", blas.on_one_thread(watched))
    layer = facula.nn.Linear(173, 191)
    assert layer(facula.randn(157, 173)).sum().isfinite()
    assert seen == [1] and threads() == 2
