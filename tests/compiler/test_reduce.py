"""Reductions, alone and fused with the work around them."""

from __future__ import annotations

import numpy as np
import pytest
from graphs import B

from facula.compiler import pipeline

OPS = ["sum", "prod", "max", "min", "any", "all"]


def _data(shape: tuple[int, ...], dtype: str = "float32") -> np.ndarray:
    r = np.random.default_rng(3)
    if dtype == "bool":
        return r.integers(0, 2, shape).astype(bool)
    if dtype[0] in "iu":
        return r.integers(0, 5, shape).astype(dtype)
    return (1 + 0.1 * r.standard_normal(shape)).astype(dtype)


@pytest.mark.thin(3)
@pytest.mark.parametrize(
    ("op", "dtype"),
    [(op, d) for op in OPS[:4] for d in ("float32", "float64", "int64", "int32", "uint8")]
    + [("any", "bool"), ("all", "bool")],
)
@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 2), (0, 1), (1, 2), (0, 1, 2)])
def test_reduce(op: str, dtype: str, axes: tuple[int, ...]) -> None:
    b = B()
    b.check(b.reduce(op, b.input(_data((3, 5, 19), dtype)), *axes))


@pytest.mark.parametrize("op", OPS[:4])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32"])
@pytest.mark.parametrize(
    ("shape", "axes", "left"),
    [
        ((70, 2), (1,), 0), ((5, 41, 3), (2,), 0), ((4, 3, 9, 2, 7, 3), (3, 5), 0),
        ((3, 2, 50, 2, 1), (1, 3, 4), 0),
        ((40, 90, 3), (0, 2), 1),  # many places: those of an axis further out in a loop
        ((90, 4), (1,), 1), ((9, 3), (1,), 1), ((3, 90), (0,), 1),  # long, few, side by side
    ],
)  # fmt: skip
def test_few_neighbours(
    op: str, dtype: str, shape: tuple[int, ...], axes: tuple[int, ...], left: int
) -> None:
    a = _data(shape, dtype)
    if dtype[0] == "f" and op != "prod":
        a.flat[5] = np.nan
    b = B()
    x = b.input(a)
    b.check(b.reduce(op, b.op("add", x, x), *axes))
    assert sum(n.op == op for n in pipeline.run(b.g).nodes) == left


@pytest.mark.parametrize("op", ["argmax", "argmin"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_argmax(op: str, dtype: str, axis: int) -> None:
    b = B()
    a = np.random.default_rng(0).integers(0, 6, (7, 33, 70)).astype(dtype)
    if dtype == "float32":
        a[2, 5, 40] = a[2, 5, 50] = np.nan
        a[3, :, 1] = -np.inf
    b.check(b.arg(op, b.input(a), axis))


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (1, 1), (1, 50), (50, 1), (300, 10), (2, 5000)])
@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1)])
def test_shapes(shape: tuple[int, ...], axes: tuple[int, ...]) -> None:
    b = B()
    x = b.input(_data(shape))
    b.check(b.reduce("sum", b.op("mul", x, x), *axes), b.reduce("any", b.op("gt", x, x), *axes))


def test_nan_wins() -> None:
    a = _data((4, 100))
    a[1, 37] = np.nan
    a[2, 99] = np.nan
    b = B()
    x = b.input(a)
    b.check(b.reduce("max", x, 1), b.reduce("min", x, 1), b.reduce("max", x, 0))


@pytest.mark.parametrize(
    "shape", [(2048, 300), (70000,), (3, 50000), (5000, 3), (40, 64, 65), (1000003,)]
)
def test_large(shape: tuple[int, ...]) -> None:
    b = B()
    x = b.input(_data(shape))
    y = b.op("sub", b.op("mul", x, x), b.full(1.0, shape))
    rank = len(shape)
    outs = [b.reduce("sum", y, *range(rank)), b.reduce("max", y, *range(rank))]
    for k in range(rank):
        outs.append(b.reduce("sum", y, k))
    b.check(*outs, rtol=1e-4, atol=1e-3)


def _softmax(b: B, x: int, axis: int) -> int:
    e = b.op("exp", b.op("sub", x, b.keep("max", x, axis)))
    return b.op("div", e, b.keep("sum", e, axis))


@pytest.mark.parametrize("shape", [(6, 10), (33, 100), (5, 1), (1, 7), (3, 4, 50), (4, 9000)])
@pytest.mark.parametrize("axis", [-1, 0])
def test_softmax(shape: tuple[int, ...], axis: int) -> None:
    b = B()
    x = b.input(_data(shape))
    p = _softmax(b, x, axis % len(shape))
    program = b.check(p)
    if axis == -1:
        assert len(program.kernels) == 1


def layer_norm(b: B, x: int, weight: int, bias: int) -> tuple[int, int, int]:
    shape = b.shape(x)
    axis = len(shape) - 1
    n = b.full(1.0 / shape[-1], shape)
    mean = b.op("mul", b.keep("sum", x, axis), n)
    centred = b.op("sub", x, mean)
    variance = b.op("mul", b.keep("sum", b.op("mul", centred, centred), axis), n)
    scale = b.op("rsqrt", b.op("add", variance, b.full(1e-5, shape)))
    normal = b.op("mul", centred, scale)
    out = b.op("add", b.op("mul", normal, b.broadcast(weight, shape)), b.broadcast(bias, shape))
    return out, normal, scale


def test_layer_norm_and_its_gradient() -> None:
    b = B()
    r = np.random.default_rng(0)
    x, g = (b.input(r.standard_normal((20, 65)).astype("f")) for _ in range(2))
    weight, bias = (b.input(r.standard_normal(65).astype("f")) for _ in range(2))
    out, normal, scale = layer_norm(b, x, weight, bias)
    gw = b.op("mul", g, b.broadcast(weight, (20, 65)))
    n = b.full(1.0 / 65, (20, 65))
    first = b.op("mul", b.keep("sum", gw, 1), n)
    second = b.op("mul", b.keep("sum", b.op("mul", gw, normal), 1), n)
    inner = b.op("sub", b.op("sub", gw, first), b.op("mul", normal, second))
    gx = b.op("mul", inner, scale)
    b.check(out, gx, b.reduce("sum", b.op("mul", g, normal), 0), b.reduce("sum", g, 0), atol=1e-4)


def test_batch_norm() -> None:
    b = B()
    x = b.input(np.random.default_rng(0).standard_normal((4, 6, 5, 7)).astype("f"))
    shape = (4, 6, 5, 7)
    n = b.full(1.0 / 140, shape)
    mean = b.op("mul", b.keep("sum", x, 0, 2, 3), n)
    c = b.op("sub", x, mean)
    var = b.op("mul", b.keep("sum", b.op("mul", c, c), 0, 2, 3), n)
    out = b.op("mul", c, b.op("rsqrt", b.op("add", var, b.full(1e-5, shape))))
    b.check(out)


def test_cross_entropy() -> None:
    b = B()
    r = np.random.default_rng(0)
    shape = (64, 10)
    x = b.input(r.standard_normal(shape).astype("f"))
    target = b.input(r.integers(0, 10, 64))
    shifted = b.op("sub", x, b.keep("max", x, 1))
    logs = b.op("sub", shifted, b.op("log", b.keep("sum", b.op("exp", shifted), 1)))
    picked = b.gather(logs, b.reshape(target, 64, 1), 1)
    loss = b.op("neg", b.op("mul", b.reduce("sum", picked, 0, 1), b.const(1 / 64)))
    p = b.op("exp", logs)
    hot = b.op("eq", b.iota(shape, 1), b.expand(b.reshape(target, 64, 1), *shape))
    grad = b.where(hot, b.op("sub", p, b.full(1.0, shape)), p)
    b.check(loss, b.op("mul", grad, b.full(1 / 64, shape)), b.reduce("sum", grad, 0))
