"""Random graphs against the references, and the same bits for any number of threads."""

from __future__ import annotations

import numpy as np
import pytest
from graphs import B

from facula.dtypes import float32, int64
from facula.runtime import cpu


def random_graph(seed: int, count: int) -> tuple[B, list[int]]:
    """A graph of `count` nodes of all kinds whose values stay near one."""
    r = np.random.default_rng(seed)
    b = B()
    shapes = [(int(r.integers(1, 9)), int(r.integers(1, 40))), (int(r.integers(1, 70)),)]
    values = [b.input(r.uniform(0.5, 1.5, s).astype("f")) for s in shapes for _ in range(2)]
    for _ in range(count):
        v = int(values[r.integers(max(0, len(values) - 6), len(values))])
        shape = b.shape(v)
        kind = r.integers(0, 12)
        rank = len(shape)
        axis = int(r.integers(0, rank)) if rank else -1
        if kind <= 2:
            op = ("neg", "tanh", "abs", "sigmoid", "relu", "sin")[r.integers(0, 6)]
            values.append(b.op(op, v))
        elif kind <= 4:
            same = [u for u in values if b.shape(u) == shape]
            other = same[r.integers(0, len(same))]
            values.append(b.op(("add", "sub", "mul", "maximum")[r.integers(0, 4)], v, other))
            if kind == 4:
                c = b.op("lt", v, other)
                values.append(b.where(c, v, values[-1]))
        elif kind == 5 and rank:
            values.append(b.op("tanh", b.reduce(("sum", "max", "min")[r.integers(0, 3)], v, axis)))
        elif kind == 6 and rank:
            values.append(b.op("sub", v, b.keep("max", v, axis)))
        elif kind == 7:
            values.append(b.permute(v, *[int(d) for d in r.permutation(rank)]))
        elif kind == 8 and rank:
            low, high = ([int(x) for x in r.integers(0, 3, rank)] for _ in range(2))
            values.append(b.pad(v, low, high, float(r.integers(0, 2))))
        elif kind == 9 and rank:
            stops = [int(r.integers(1, n + 1)) for n in shape]
            starts = [int(r.integers(0, s)) for s in stops]
            values.append(b.slice(v, starts, stops, [int(x) for x in r.integers(1, 3, rank)]))
        elif kind == 10 and rank:
            if r.integers(0, 2):
                values.append(b.cat(axis, v, b.op("neg", v)))
            else:
                values.append(b.flip(v, axis))
        elif kind == 11:
            flat = b.reshape(v, int(np.prod(shape)))
            values.append(b.reshape(flat, 1, *b.shape(flat)) if r.integers(0, 2) else flat)
            if r.integers(0, 2):
                values.append(b.expand(b.reshape(flat, *b.shape(flat), 1), *b.shape(flat), 3))
        if int(np.prod(b.shape(values[-1]))) > 20000:
            values.pop()
    outputs = list(dict.fromkeys(int(values[i]) for i in r.integers(0, len(values), 3)))
    return b, [*outputs, *([values[-1]] if values[-1] not in outputs else [])]


@pytest.mark.thin(3)
@pytest.mark.parametrize("seed", range(60))
def test_random(seed: int) -> None:
    b, outputs = random_graph(seed, 5 + seed)
    b.check(*outputs, rtol=1e-4, atol=1e-4)


def test_threads_do_not_change_bits() -> None:
    b = B()
    r = np.random.default_rng(0)
    x = b.input(r.standard_normal((3000, 200)).astype("f"))
    w = b.input(r.standard_normal((200, 300)).astype("f"))
    flat = b.input(r.standard_normal(500001).astype("f"))
    e = b.op("exp", b.op("sub", x, b.keep("max", x, 1)))
    p = b.op("div", e, b.keep("sum", e, 1))
    index = b.input(r.integers(0, 50, 3000))
    rows = b.expand(b.reshape(index, 3000, 1), 3000, 200)
    b.g.outputs = [
        p, b.reduce("sum", x, 0), b.reduce("sum", x, 0, 1), b.reduce("sum", flat, 0),
        b.matmul(x, w), b.scatter_add(b.full(0.0, (50, 200)), rows, x, 0), b.op("tanh", x),
    ]  # fmt: skip
    before = cpu.get_num_threads()
    found = []
    try:
        for n in (1, 2, 3, 7):
            cpu.set_num_threads(n)
            found.append(b.run()[1])
    finally:
        cpu.set_num_threads(before)
    for other in found[1:]:
        for x1, x2 in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(x1, x2)


@pytest.mark.long
def test_a_chain_longer_than_the_stack() -> None:
    b = B()
    x = b.input(np.linspace(0, 1, 50, dtype="f"))
    y = x
    for _ in range(1500):
        y = b.op("sin", b.op("add", y, x))
    b.check(y, rtol=1e-3)


def test_many_consumers() -> None:
    b = B()
    x = b.input(np.linspace(0, 1, 500, dtype="f"))
    y = b.op("exp", x)
    outs = [b.reduce("sum", b.op("mul", y, b.full(float(k), (500,))), 0) for k in range(100)]
    b.check(*outs)


def test_scalars_of_two_kinds() -> None:
    b = B()
    x = b.input(np.arange(10))
    y = b.op("mul", x, b.broadcast(b.scalar(3, int64), (10,)))
    z = b.op("add", b.cast(y, float32), b.broadcast(b.scalar(0.5), (10,)))
    b.check(y, z)
