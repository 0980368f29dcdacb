"""Every elementwise op in native code against NumPy, over dtypes, shapes and special values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graphs import BINARY, COMPARE, UNARY, B

from facula.compiler.scalar_code import TAGS, native
from facula.dtypes import BY_NAME, bool_, float32, float64, int32, int64, uint8

FLOATS = ["float32", "float64"]
INTS = ["int64", "int32", "uint8"]
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 1.5, np.inf, -np.inf, np.nan, 3.0, -7.0, 100.0, -0.3]
UNIT = {"asin", "acos", "atanh"}
POSITIVE = {"log", "log2", "log10", "sqrt", "rsqrt", "acosh"}


def _sample(dtype: str, n: int, seed: int = 0) -> np.ndarray:
    r = np.random.default_rng(seed)
    if dtype == "bool":
        return r.integers(0, 2, n).astype(bool)
    if dtype in INTS:
        return r.integers(0 if dtype == "uint8" else -9, 10, n).astype(dtype)
    out = (r.standard_normal(n) * 3).astype(dtype)
    out[: len(SPECIAL)] = SPECIAL[: len(out)]
    return out


def _cases(table: dict) -> list[tuple[str, str]]:
    return [
        (op, d) for op in table for d in (*FLOATS, *INTS, "bool")
        if native(op, TAGS[BY_NAME[d]]) and not (d == "bool" and op in ("mul", "add", "isinf"))
    ]  # fmt: skip


@pytest.mark.thin(3)
@pytest.mark.parametrize(("op", "dtype"), _cases(UNARY))
def test_unary(op: str, dtype: str) -> None:
    a = _sample(dtype, 77)
    if op in UNIT:
        a = np.tanh(a)
    if op in POSITIVE:
        a = np.abs(a) + (1 if op == "acosh" else 0)
    b = B()
    b.check(b.op(op, b.input(a)), rtol=1e-5)


@pytest.mark.thin(3)
@pytest.mark.parametrize(("op", "dtype"), _cases(BINARY) + _cases(COMPARE))
def test_binary(op: str, dtype: str) -> None:
    x, y = _sample(dtype, 200), _sample(dtype, 200, 1)
    if dtype in FLOATS:
        y = np.roll(y, 3)
    if op in ("pow", "floor_divide", "fmod", "remainder"):
        x, y = x[14:-20], y[20:-14]
        x = np.abs(x) if op == "pow" else x
    if op in ("left_shift", "right_shift"):
        y = np.abs(y) % 8
        y = y.astype(x.dtype)
    b = B()
    b.check(b.op(op, b.input(x), b.input(y)))


@pytest.mark.parametrize("source", [float32, float64, int64, int32, uint8, bool_])
@pytest.mark.parametrize("target", [float32, float64, int64, int32, uint8, bool_])
def test_cast(source: Any, target: Any) -> None:
    a = _sample(source.name, 100)
    if source.is_floating_point:
        a = np.nan_to_num(a, posinf=3, neginf=-3)
    b = B()
    b.check(b.cast(b.input(a), target))


@pytest.mark.parametrize(
    "shape",
    [(), (0,), (1,), (5,), (16,), (17,), (3, 1), (2, 0, 3), (7, 33), (2, 3, 4, 5), (100003,)],
)
def test_shapes(shape: tuple[int, ...]) -> None:
    b = B()
    r = np.random.default_rng(2)
    x, y = (b.input(np.asarray(r.standard_normal(shape), np.float32)) for _ in range(2))
    z = b.op("add", b.op("mul", x, y), b.full(0.37, shape))
    b.check(z, b.op("relu", z), b.op("gt", x, y), b.cast(b.op("lt", x, z), int64))


def test_where_scalar_iota() -> None:
    b = B()
    x = b.input(np.random.default_rng(0).standard_normal((6, 35)).astype("f"))
    row, column = b.iota((6, 35), 0), b.iota((6, 35), 1)
    mask = b.op("ge", row, column)
    s = b.broadcast(b.scalar(2.5), (6, 35))
    n = b.broadcast(b.scalar(7, int64), (6, 35))
    out = b.where(mask, b.op("mul", x, s), b.full(-np.inf, (6, 35)))
    program = b.check(out, b.op("add", b.op("mul", row, n), column))
    b.numbers[:] = [-1.0, 3]
    _, (first, _) = b.run(program)
    np.testing.assert_array_equal(first, b.reference()[0])
