"""Matrix products: small ones as multiplications and sums, others as tiles or sums along the lanes,
transposed and batched."""

from __future__ import annotations

import numpy as np
import pytest
from graphs import B

pytestmark = pytest.mark.usefixtures("vectors")


def _data(*shape: int, dtype: str = "f") -> np.ndarray:
    r = np.random.default_rng(sum(shape))
    if dtype[0] == "i":
        return r.integers(-4, 5, shape).astype(dtype)
    return r.standard_normal(shape).astype(dtype)


@pytest.mark.thin(2)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32"])
@pytest.mark.parametrize(
    ("m", "k", "n"), [(1, 1, 1), (4, 16, 32), (5, 7, 3), (1, 64, 10), (0, 3, 2), (3, 0, 2),
     (40, 50, 60), (130, 300, 140)]
)  # fmt: skip
@pytest.mark.parametrize("transposed", ["", "a", "b", "ab"])
def test_matmul(dtype: str, m: int, k: int, n: int, transposed: str) -> None:
    b = B()
    x = (
        b.permute(b.input(_data(k, m, dtype=dtype)), 1, 0)
        if "a" in transposed
        else b.input(_data(m, k, dtype=dtype))
    )
    y = (
        b.permute(b.input(_data(n, k, dtype=dtype)), 1, 0)
        if "b" in transposed
        else b.input(_data(k, n, dtype=dtype))
    )
    b.check(b.matmul(x, y), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("m", "k", "n"), [(1, 784, 128), (128, 784, 1), (1, 20, 2000), (2000, 20, 1), (1, 700, 500),
     (700, 500, 1), (2, 90, 210), (3, 401, 97), (97, 401, 3), (2000, 20, 2), (15, 33, 130)]
)  # fmt: skip
@pytest.mark.parametrize("transposed", ["", "a", "b", "ab"])
@pytest.mark.parametrize("batch", [(), (3,)])
def test_vectors_and_few_rows(
    dtype: str, m: int, k: int, n: int, transposed: str, batch: tuple[int, ...]
) -> None:
    b = B()
    turn = (*range(len(batch)), len(batch) + 1, len(batch))
    x, y = (
        b.permute(b.input(_data(*batch, columns, rows, dtype=dtype)), *turn)
        if letter in transposed
        else b.input(_data(*batch, rows, columns, dtype=dtype))
        for letter, rows, columns in (("a", m, k), ("b", k, n))
    )
    product = b.matmul(x, y)
    b.check(product, b.op("abs", product), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size", [8, 48])
def test_batches(size: int) -> None:
    b = B()
    x, y = b.input(_data(3, 2, size, 40)), b.input(_data(3, 2, 40, size + 1))
    w = b.input(_data(40, 33))
    shared = b.expand(b.reshape(w, 1, 1, 40, 33), 3, 2, 40, 33)
    b.check(b.matmul(x, y), b.matmul(x, shared), rtol=1e-4, atol=1e-4)


def test_attention() -> None:
    b = B()
    r = np.random.default_rng(0)
    x = b.input(r.standard_normal((2, 24, 3 * 48)).astype("f"))

    def heads(i: int) -> int:
        part = b.slice(x, (0, 0, 48 * i), (2, 24, 48 * (i + 1)), (1, 1, 1))
        return b.permute(b.reshape(part, 2, 24, 4, 12), 0, 2, 1, 3)

    q, k, v = heads(0), heads(1), heads(2)
    s = b.matmul(q, b.permute(k, 0, 1, 3, 2))
    shape = b.shape(s)
    mask = b.op("ge", b.iota(shape, 2), b.iota(shape, 3))
    s = b.where(mask, b.op("mul", s, b.full(0.3, shape)), b.full(-np.inf, shape))
    e = b.op("exp", b.op("sub", s, b.keep("max", s, 3)))
    p = b.op("div", e, b.keep("sum", e, 3))
    out = b.reshape(b.permute(b.matmul(p, v), 0, 2, 1, 3), 2, 24, 48)
    b.check(out, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("batch", "features"), [(4, 16), (64, 300)])
def test_network(batch: int, features: int) -> None:
    """Forward and backward of two layers."""
    b = B()
    x = b.input(_data(batch, features))
    w1, b1 = b.input(_data(32, features)), b.input(_data(32))
    w2, b2 = b.input(_data(10, 32)), b.input(_data(10))
    h = b.op("add", b.matmul(x, b.permute(w1, 1, 0)), b.broadcast(b1, (batch, 32)))
    a = b.op("relu", h)
    y = b.op("add", b.matmul(a, b.permute(w2, 1, 0)), b.broadcast(b2, (batch, 10)))
    g = b.op("mul", y, b.full(1 / batch, (batch, 10)))
    gw2, gb2 = b.matmul(b.permute(g, 1, 0), a), b.reduce("sum", g, 0)
    ga = b.matmul(g, w2)
    gh = b.where(b.op("gt", h, b.full(0.0, (batch, 32))), ga, b.full(0.0, (batch, 32)))
    gw1, gb1 = b.matmul(b.permute(gh, 1, 0), x), b.reduce("sum", gh, 0)
    loss = b.reduce("sum", b.op("mul", y, y), 0, 1)
    b.check(loss, gw1, gb1, gw2, gb2, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("size", [3, 40])
def test_sum_of_products_and_transposed_result(size: int) -> None:
    """The gradient of a weight that a batch shares."""
    b = B()
    x, g = b.input(_data(4, size, 30)), b.input(_data(4, size, 50))
    each = b.matmul(b.permute(x, 0, 2, 1), g)
    total = b.reduce("sum", each, 0)
    program = b.check(b.permute(total, 1, 0), rtol=1e-4, atol=1e-4)
    if size == 40:
        assert len([k for k in program.kernels if k[1] != "pack"]) == 1
    b.check(each, total, b.permute(each, 0, 2, 1), rtol=1e-4, atol=1e-4)
