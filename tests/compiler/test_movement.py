"""Movement ops folded into the addresses of kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from graphs import B

import facula
from facula.compiler import pipeline
from facula.compiler.fusion import Cluster
from facula.compiler.schedule import Scheduler
from facula.dtypes import float32, float64, int64
from facula.nn import functional as F
from facula.trace import build


def _data(*shape: int, dtype: str = "f") -> np.ndarray:
    return np.random.default_rng(len(shape)).standard_normal(shape).astype(dtype)


def _both(b: B, v: int) -> None:
    """The value itself, and used in arithmetic."""
    b.check(v, b.op("add", v, v))


def test_reshape_permute() -> None:
    b = B()
    x = b.input(_data(4, 6, 10))
    heads = b.permute(b.reshape(b.op("neg", x), 4, 6, 2, 5), 0, 2, 1, 3)
    back = b.reshape(b.permute(heads, 0, 2, 1, 3), 4, 6, 10)
    b.check(
        heads, back, b.reshape(b.permute(x, 2, 0, 1), 240), b.reshape(b.permute(x, 1, 0, 2), 24, 10)
    )


def test_merge_that_is_not_affine() -> None:
    b = B()
    x = b.input(_data(6, 4))
    t = b.reshape(b.permute(x, 1, 0), 8, 3)
    u = b.reshape(b.op("add", t, t), 4, 6)
    b.check(b.op("exp", t), b.op("mul", u, x if b.shape(u) == b.shape(x) else b.reshape(x, 4, 6)))


@pytest.mark.parametrize("dims", [(0,), (1,), (0, 1), (2,), (0, 1, 2)])
def test_flip(dims: tuple[int, ...]) -> None:
    b = B()
    _both(b, b.flip(b.input(_data(3, 5, 18)), *dims))


@pytest.mark.parametrize(
    "args",
    [((0, 1), (3, 5), (1, 1)), ((1, 0), (5, 40), (2, 3)), ((0, 39), (5, 40), (1, 1)),
     ((2, 3), (2, 9), (1, 1))],
)  # fmt: skip
def test_slice(args: Any) -> None:
    b = B()
    _both(b, b.slice(b.input(_data(5, 40)), *args))


@pytest.mark.parametrize(
    ("low", "high"), [((1, 0), (0, 2)), ((0, 17), (3, 0)), ((2, 2), (2, 2)), ((0, 0), (0, 0)),
                      ((0, 50), (0, 0))]
)  # fmt: skip
@pytest.mark.parametrize("value", [0.0, 1.5])
def test_pad(low: Any, high: Any, value: float) -> None:
    b = B()
    x = b.input(_data(4, 20))
    _both(b, b.pad(b.op("exp", x), low, high, value))


def test_pad_then_more() -> None:
    b = B()
    x = b.input(_data(3, 10))
    p = b.pad(b.pad(x, (1, 1), (1, 1), 2.0), (0, 3), (2, 0), -1.0)
    s = b.slice(p, (1, 2), (6, 14), (1, 1))
    b.check(b.permute(s, 1, 0), b.reduce("sum", s, 1), b.reduce("max", s, 0))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("count", [2, 3, 5])
def test_cat(axis: int, count: int) -> None:
    b = B()
    parts = []
    for k in range(count):
        shape = [2, 3, 17]
        shape[axis] = k + (1 if k != 2 else 0)
        parts.append(b.op("neg", b.input(_data(*shape))))
    c = b.cat(axis, *parts)
    b.check(c, b.op("add", c, c), b.reduce("sum", c, 2))


def test_cat_of_halves() -> None:
    b = B()
    x = b.input(_data(5, 32))
    low = b.slice(x, (0, 0), (5, 16), (1, 1))
    high = b.slice(x, (0, 16), (5, 32), (1, 1))
    rotated = b.cat(1, b.op("neg", high), low)
    b.check(b.op("add", b.op("mul", x, x), b.op("mul", rotated, x)))


def test_expand_of_work() -> None:
    b = B()
    x = b.input(_data(300))
    e = b.op("exp", b.op("log1p", b.op("abs", x)))
    wide = b.broadcast(e, (50, 300))
    tall = b.expand(b.reshape(e, 300, 1), 300, 40)
    b.check(b.op("mul", wide, wide), b.op("add", tall, tall))


def test_outputs_that_are_inputs_or_views() -> None:
    b = B()
    x = b.input(_data(4, 6))
    z = b.op("neg", x)
    b.check(x, z, b.reshape(z, 24), b.permute(x, 1, 0))


def test_take_and_gather() -> None:
    b = B()
    r = np.random.default_rng(0)
    table = b.input(_data(50, 24))
    words = b.input(r.integers(0, 50, (6, 7)))
    cells = b.input(r.integers(0, 24, (50, 3)))
    rows = b.input(r.integers(0, 50, (9, 24)))
    t = b.take(table, words, 0)
    b.check(
        t, b.op("exp", b.take(table, b.reshape(b.input(r.integers(0, 24, 5)), 5), 1)),
        b.gather(table, cells, 1), b.gather(b.op("neg", table), rows, 0), b.reduce("sum", t, 0, 1),
        b.take(b.permute(table, 1, 0), words, 1),
    )  # fmt: skip


@pytest.mark.parametrize("bad", [50, -1, 1 << 40])
@pytest.mark.parametrize("kind", ["take", "gather", "scatter"])
def test_index_out_of_range(bad: int, kind: str) -> None:
    b = B()
    index = np.arange(40)
    index[33] = bad
    table = b.input(_data(50))
    i = b.input(index)
    if kind == "take":
        out = b.take(table, i, 0)
    elif kind == "gather":
        out = b.gather(table, i, 0)
    else:
        out = b.scatter_add(table, i, b.input(_data(40)), 0)
    b.g.outputs = [b.op("neg", out)]
    message = f"index {bad} is out of bounds for dimension with size 50"
    with pytest.raises(IndexError, match=message):
        b.run()


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_scatter_add(axis: int, dtype: str) -> None:
    b = B()
    r = np.random.default_rng(0)
    base = b.input((r.standard_normal((30, 40)) * 9).astype(dtype))
    n = (30, 40)[axis]
    index = b.input(r.integers(0, n, (20, 35)))
    source = b.input((r.standard_normal((22, 36)) * 9).astype(dtype))
    b.check(b.scatter_add(base, index, source, axis))


def test_embedding_gradient() -> None:
    b = B()
    r = np.random.default_rng(0)
    index = b.expand(b.reshape(b.input(r.integers(0, 11, 64)), 64, 1), 64, 200)
    source = b.input(r.standard_normal((64, 200)).astype("f"))
    zeros = b.full(0.0, (11, 200))
    b.check(b.scatter_add(zeros, index, b.op("mul", source, source), 0))


def test_host_steps_between() -> None:
    b = B()
    x = b.input(_data(4, 5))
    y = b.op("exp", x)
    h = b.host(lambda a: np.cumsum(a, 1), (4, 5), float32, y)
    f = b.host(lambda a: a.astype(np.float64), (4, 5), float64, h)
    i = b.host(lambda a: a.argsort(1).astype(np.int64), (4, 5), int64, x)
    b.check(b.op("add", h, y), b.cast(b.op("neg", f), float32), b.gather(x, i, 1))


@pytest.mark.parametrize("shape", [(70, 90), (33, 129), (3, 33, 65), (2, 40, 3, 50)])
def test_large_transpositions(shape: tuple[int, ...]) -> None:
    b = B()
    x = b.input(_data(*shape))
    dims = tuple(reversed(range(len(shape))))
    t = b.permute(b.op("neg", x), *dims)
    other = b.input(_data(*b.shape(t)))
    b.check(t, b.op("add", t, other), b.permute(x, *dims[1:], dims[0]))


@pytest.mark.parametrize("size", [4, 8, 15, 16, 17, 40])
@pytest.mark.parametrize("stride", [(2, 2), (1, 2), (2, 1), (2, 4), (3, 3)])
def test_interleaved(size: int, stride: tuple[int, int]) -> None:
    """Values at every stride-th place along two axes, as in the gradient of a strided
    convolution: read by elementwise work and by a reduction.
    """
    b = B()
    rows, columns = stride
    shape = (20, 7, size)

    def line(r: int) -> int:
        parts = [b.op("neg", b.input(_data(*shape) + 10 * r + c)) for c in range(columns)]
        joined = b.cat(3, *(b.reshape(p, *shape, 1) for p in parts))
        return b.reshape(joined, 20, 7, 1, size * columns)

    whole = b.reshape(b.cat(2, *(line(r) for r in range(rows))), 20, 7 * rows, size * columns)
    double = b.op("mul", whole, whole)
    b.check(double, b.reduce("sum", double, 0, 2), b.op("add", double, whole), rtol=1e-4)


def test_interleaved_of_other_kinds() -> None:
    """Parts that are constants, of bool, shared with other work, and an output themselves."""
    b = B()
    x, y = b.input(_data(70, 50)), b.input(_data(70, 50) + 1)
    apart = [b.reshape(v, 70, 50, 1) for v in (x, b.full(0.0, (70, 50)), b.op("exp", y), y)]
    joined = b.reshape(b.cat(2, *apart), 70, 200)
    flags = b.cat(2, *(b.reshape(b.op("gt", v, y), 70, 50, 1) for v in (x, y)))
    b.check(joined, b.op("add", joined, joined), b.op("exp", y), b.op("logical_not", flags), flags)


def test_output_that_is_a_reshape_of_an_intermediate() -> None:
    b = B()
    x, y = b.input(_data(40, 30)), b.input(_data(30, 50))
    product = b.matmul(x, y)
    total = b.reduce("sum", b.op("mul", x, x), 0)
    first, second = b.reshape(product, 2000), b.reshape(product, 20, 100)
    b.check(first, second, b.op("neg", product), b.reshape(total, 5, 6), b.reshape(x, 1200))


@pytest.mark.parametrize("kernel", [(1, 2), (2, 2), (3, 2), (1, 5), (2, 7)])
def test_short_inner_loops(kernel: tuple[int, int]) -> None:
    """Weights turned round for every residue of a stride: inner loops of a few elements."""
    b = B()
    rows, columns = kernel
    x = b.input(_data(19, 11, 2 * rows, 3 * columns))
    turned = b.permute(x, 1, 0, 2, 3)
    starts, stops = (0, 0, 1, 2), (11, 19, 2 * rows, 3 * columns)
    part = b.flip(b.slice(turned, starts, stops, (1, 1, 2, 3)), 2, 3)
    bias = b.broadcast(b.reshape(b.input(_data(19)), 19, 1, 1), b.shape(part))
    padded = b.pad(part, (0, 0, 1, 0), (0, 0, 0, 1), 3.0)
    column = b.iota(b.shape(padded), 3)
    b.check(part, b.op("add", part, bias), padded, b.op("mul", b.cast(column, float32), padded))


@pytest.mark.parametrize("size", [2, 14, 20, 64, 70, 131])
@pytest.mark.parametrize("dtype", ["f", "d", "i4", "?"])
def test_every_second_element(size: int, dtype: str) -> None:
    """Places of windows: elements 0, 2 ... with 1, 3 ..., others alone, in every kind of kernel."""
    b = B()
    x = b.input((_data(9, 2 * size) * 9).astype(dtype))

    def every(first: int, last: int) -> int:
        return b.slice(x, (0, first), (9, last), (1, 2))

    even, odd = every(0, 2 * size), every(1, 2 * size)
    both = b.op("maximum", even, odd)
    alone = b.op("maximum", every(1, 2 * size - 2), every(2, 2 * size))
    outputs = [both, alone]
    if dtype != "?":
        outputs += [b.reduce("max", both, 1), b.reduce("max", both, 0), b.keep("max", alone, 1)]
    b.check(*outputs)


def _work(b: B, x: int, steps: int) -> int:
    for k in range(steps):
        x = b.op("add", b.op("mul", x, x), b.full(0.1 * k, b.shape(x)))
    return x


def _windows(b: B, x: int) -> int:
    """The sums of 3 x 3 windows."""
    rows, columns = (n - 2 for n in b.shape(x))
    parts = [
        b.slice(x, (i, j), (i + rows, j + columns), (1, 1)) for i in range(3) for j in range(3)
    ]
    total = parts[0]
    for part in parts[1:]:
        total = b.op("add", total, part)
    return total


@pytest.mark.parametrize(("steps", "kernels"), [(1, 1), (6, 2)])
def test_work_is_not_repeated_for_every_place_of_a_window(steps: int, kernels: int) -> None:
    b = B()
    x = _work(b, b.input(_data(90, 100) / 10), steps)
    b.check(_windows(b, x))
    assert len(Scheduler(pipeline.run(b.g)).run().entries) == kernels


def test_work_of_little_is_repeated() -> None:
    b = B()
    b.check(_windows(b, _work(b, b.input(_data(20, 30) / 10), 6)))
    assert len(Scheduler(pipeline.run(b.g)).run().entries) == 1


CUTS: dict[str, Callable[[facula.Tensor], facula.Tensor]] = {
    "padding": lambda x: F.pad(x, (1, 2, 0, 3), value=0.5),
    "padding and cropping": lambda x: F.pad(x, (-1, 2, 0, -3), value=0.5),
    "cropping": lambda x: F.pad(x, (-2, -1, -1, 0)),
    "all of an axis": lambda x: F.pad(x, (0, 0, -4, 5)),
    "every second column": lambda x: x[:, 1::2],
    "gaps in both axes": lambda x: x[1::3, ::4],
    "one column": lambda x: x[:, 8::5],
    "windows": lambda x: x.unfold(1, 4, 1),
    "windows apart": lambda x: x.unfold(0, 2, 3),
    "windows with a step": lambda x: x.unfold(1, 5, 2),
    "windows of windows": lambda x: x.unfold(0, 3, 1).unfold(1, 4, 1),
    "rows that overlap": lambda x: x.as_strided((6, 4), (7, 2), 3),
    "overlapping views": lambda x: x.as_strided((20, 3), (2, 1), 1),
    "one place many times": lambda x: x.as_strided((4, 9), (0, 1), 18),
    "long windows": lambda x: x.reshape(-1).unfold(0, 40, 1),
}  # fmt: skip


@pytest.mark.parametrize("name", CUTS)
def test_gradients_of_cuts_have_native_code(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts: list[str] = []
    host = build._host

    def noted(b: Any, ins: list[int], node: Any) -> list[int]:
        hosts.append(node.op.name)
        return host(b, ins, node)

    monkeypatch.setattr(build, "_host", noted)
    x = facula.tensor(_data(7, 9), requires_grad=True)
    weight = facula.tensor(_data(*CUTS[name](x).shape))
    seen = []
    for _ in range(4):
        x.grad = None
        y = CUTS[name](x)
        (y * weight).sum().backward()
        assert x.grad is not None
        seen.append((y.detach().numpy().copy(), x.grad.numpy().copy()))
    for a, b in seen[1:]:
        np.testing.assert_array_equal(a, seen[0][0])
        np.testing.assert_allclose(b, seen[0][1], rtol=1e-5, atol=1e-6)
    assert not hosts


def _rolled(b: B, v: int, by: int, axis: int) -> int:
    shape = b.shape(v)
    cut, ends = by % shape[axis], []
    for low, high in ((shape[axis] - cut, shape[axis]), (0, shape[axis] - cut)):
        starts, stops = [0] * len(shape), list(shape)
        starts[axis], stops[axis] = low, high
        ends.append(b.slice(v, starts, stops, [1] * len(shape)))
    return b.cat(axis, *ends)


@pytest.mark.parametrize("shape", [(40, 40), (130, 70)])
def test_a_stencil_of_stencils_is_written_in_parts(
    shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen from its end, what a place depends on doubles with every step: that is not tried."""
    looked_at = 0
    original = Cluster._value

    def value(self: Cluster, *args: Any) -> int:
        nonlocal looked_at
        looked_at += 1
        return original(self, *args)

    monkeypatch.setattr(Cluster, "_value", value)
    b = B()
    u = b.input(_data(*shape))
    for _ in range(20):
        around = [_rolled(b, u, by, axis) for axis in (0, 1) for by in (1, -1)]
        total = around[0]
        for x in around[1:]:
            total = b.op("add", total, x)
        u = b.op("add", b.op("mul", u, b.full(0.6, shape)), b.op("mul", total, b.full(0.1, shape)))
    b.check(u)
    assert looked_at < 100_000
