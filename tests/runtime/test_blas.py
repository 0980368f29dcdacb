"""OpenBLAS by address: right products, no threads of its own, many callers at once."""

import ctypes
import os
import threading

import numpy as np
import pytest

from facula.runtime import blas

ROW_MAJOR, NO_TRANSPOSE = 101, 111


def matmul(a, b):
    """a @ b through the address of cblas_sgemm."""
    integer, real, pointer = ctypes.c_int, ctypes.c_float, ctypes.c_void_p
    gemm = ctypes.CFUNCTYPE(
        None, integer, integer, integer, integer, integer, integer, real, pointer, integer,
        pointer, integer, real, pointer, integer,
    )(blas.address("cblas_sgemm"))  # fmt: skip
    (m, k), n = a.shape, b.shape[1]
    c = np.full((m, n), np.nan, np.float32)
    gemm(
        ROW_MAJOR, NO_TRANSPOSE, NO_TRANSPOSE, m, n, k, 1.0, a.ctypes.data, k, b.ctypes.data, n,
        0.0, c.ctypes.data, n,
    )  # fmt: skip
    return c


def test_a_product():
    rng = np.random.default_rng(0)
    a, b = rng.random((70, 33), np.float32), rng.random((33, 50), np.float32)
    np.testing.assert_allclose(matmul(a, b), a @ b, rtol=1e-5)


def test_calls_from_several_threads_at_once():
    rng = np.random.default_rng(0)
    operands = [
        (rng.random((150, 200), np.float32), rng.random((200, 90), np.float32)) for _ in range(4)
    ]
    expected = [matmul(a, b) for a, b in operands]
    wrong = []

    def work(i):
        for _ in range(30):
            if not np.array_equal(matmul(*operands[i]), expected[i]):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_it_has_no_threads_of_its_own(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
    blas.library.cache_clear()
    assert blas.library().scipy_openblas_get_num_threads() == 1
    assert os.environ["OPENBLAS_NUM_THREADS"] == "3"


def test_a_missing_function_is_named():
    assert blas.has("cblas_dgemm") and not blas.has("cblas_qgemm")
    with pytest.raises(RuntimeError, match="cblas_qgemm"):
        blas.address("cblas_qgemm")
