"""Complex values as pairs of real ones: in memory, through movement, beside host calls."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graphs import B

from facula.compiler import pipeline
from facula.dtypes import complex64, float32


def _data(*shape: int, dtype: str = "complex64") -> np.ndarray:
    r = np.random.default_rng(len(shape))
    return (r.standard_normal(shape) + 1j * r.standard_normal(shape)).astype(dtype)


def _part(b: B, v: int, name: str, function: Any) -> int:
    return b.g.add(name, (v,), b.shape(v), b.g.dtypes[v].to_real(), (), function)


_PARTS = (("real", np.real), ("imag", np.imag))


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("shape", [(), (0, 3), (7,), (40, 33)])
def test_arithmetic(shape: tuple[int, ...], dtype: str) -> None:
    b = B()
    x, y = b.input(_data(*shape, dtype=dtype)), b.input(_data(*shape, dtype=dtype) * 2j + 1)
    product = b.op("mul", x, y)
    outs = [product, b.op("div", b.op("sub", x, y), y), b.op("eq", x, y), b.op("neg", product)]
    b.check(*outs, _part(b, product, "real", np.real), _part(b, product, "complex_abs", np.abs))


def test_no_complex_value_is_computed() -> None:
    """What is left of complex dtype is memory: inputs, outputs and the operands of host calls."""
    b = B()
    x = b.input(_data(6, 5))
    moved = b.permute(b.op("mul", x, x), 1, 0)
    b.g.outputs = [b.host(np.exp, (5, 6), complex64, moved), b.reduce("sum", moved, 0)]
    for node in pipeline.run(b.g, check=True).nodes:
        if node.op not in ("as_real", "as_complex", "anything"):
            assert not any(b.g.dtypes[v].is_complex for v in node.outs), node.op


def test_around_host_calls() -> None:
    b = B()
    x = b.input(_data(6, 5))
    y = b.host(np.exp, (6, 5), complex64, b.op("mul", x, x))
    b.check(b.op("add", y, x), y, _part(b, y, "imag", np.imag))


def test_outputs_have_memory_of_their_own() -> None:
    b = B()
    x = b.input(_data(6, 5))
    same = b.g.add("conj", (b.g.add("conj", (x,), (6, 5), complex64, (), np.conj),), (6, 5),
                   complex64, (), np.conj)  # fmt: skip
    first, second = b.op("mul", x, x), b.op("mul", x, x)
    both = b.cat(2, *(b.reshape(_part(b, first, k, f), 6, 5, 1) for k, f in _PARTS))
    flat = b.reshape(b.reshape(first, 30), 6, 5)
    b.check(first, second, same, flat, both, b.reshape(first, 30), b.op("add", first, second))


def test_movement_and_choice() -> None:
    b = B()
    x, y = b.input(_data(6, 5)), b.input(_data(6, 5)[::-1])
    positive = b.op("gt", _part(b, x, "real", np.real), b.full(0.0, (6, 5)))
    joined = b.cat(0, b.where(positive, x, y), b.flip(x, 1))
    padded = b.pad(joined, (1, 0), (0, 2))
    index = b.input(np.asarray([3, 0, 3]))
    b.check(b.take(padded, index, 0), b.op("mul", b.slice(padded, (1, 0), (9, 5), (2, 1)),
            b.slice(padded, (2, 1), (10, 6), (2, 1))), b.full(2 - 1j, (3,), complex64))  # fmt: skip


def test_parts_of_real_numbers() -> None:
    b = B()
    x, y = b.input(np.ones((4, 3), np.float32)), b.input(np.full((4, 3), np.inf, np.float32))

    def joined(re: np.ndarray, im: np.ndarray) -> np.ndarray:
        out = np.empty(re.shape, np.complex64)
        out.real, out.imag = re, im
        return out

    z = b.g.add("complex", (x, y), (4, 3), complex64, (), joined)
    b.check(z, b.cast(_part(b, z, "real", np.real), float32))
