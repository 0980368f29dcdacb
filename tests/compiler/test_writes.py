"""Views with any strides, writes through them, elements put at indices, and scans."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graphs import B


def _data(*shape: int, dtype: str = "f") -> np.ndarray:
    return (np.random.default_rng(len(shape)).standard_normal(shape) * 9).astype(dtype)


def _view(a: np.ndarray, shape: Any, strides: Any, offset: int) -> np.ndarray:
    flat = a.reshape(-1)[offset:]
    return np.lib.stride_tricks.as_strided(flat, shape, [s * a.itemsize for s in strides])


def _strided(b: B, v: int, shape: Any, strides: Any, offset: int) -> int:
    flat = b.reshape(v, int(np.prod(b.shape(v))))
    return b.g.add(
        "strided", (flat,), shape, b.g.dtypes[v], (strides, offset),
        lambda a: _view(a, shape, strides, offset),
    )  # fmt: skip


def _write(b: B, base: int, new: int, strides: Any, offset: int) -> int:
    def host(a: np.ndarray, x: np.ndarray) -> np.ndarray:
        out = np.array(a, order="C")
        _view(out, x.shape, strides, offset)[...] = x
        return out

    attrs = (strides, offset)
    return b.g.add("strided_write", (base, new), b.shape(base), b.g.dtypes[base], attrs, host)


_VIEWS = [
    ((30,), (40,), 0), ((40,), (1,), 200), ((5, 6), (80, 3), 41), ((40, 30), (1, 40), 0),
    ((1, 7), (1200, 2), 3), ((0, 4), (40, 1), 0),
]  # fmt: skip


@pytest.mark.parametrize("view", [*_VIEWS, ((20, 5), (1, 1), 7), ((3, 40), (0, 1), 40)])
@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_views(view: Any, dtype: str) -> None:
    b = B()
    x = b.input(_data(30, 40, dtype=dtype))
    twice = b.op("add", x, x)
    v, w = _strided(b, x, *view), _strided(b, twice, *view)
    b.check(v, b.op("mul", w, v), twice)


@pytest.mark.parametrize("view", _VIEWS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
def test_a_write(view: Any, dtype: str) -> None:
    b = B()
    x = b.input(_data(30, 40, dtype=dtype))
    new = b.input(_data(*view[0], dtype=dtype))
    out = _write(b, x, new, *view[1:])
    b.check(out, b.op("eq", out, x))


@pytest.mark.parametrize("kept", [False, True])
def test_writes_over_each_other(kept: bool) -> None:
    """Later writes win, and a value between them that is used is what it was then."""
    b = B()
    x = b.input(_data(30, 40))
    v = b.op("neg", x)
    between = []
    for k in range(8):
        row = b.reshape(b.slice(x, (k, 0), (k + 1, 40), (1, 1)), 40)
        v = _write(b, v, b.op("mul", row, row), (1,), 40 * k)
        column = b.reshape(b.slice(x, (0, k), (30, k + 1), (1, 1)), 30)
        v = _write(b, v, column, (40,), k + 1)
        if k % 3 == 0:
            between.append(v)
    b.check(v, b.reduce("sum", v, 0), *(between if kept else ()))


def test_a_write_of_what_was_read_from_its_base() -> None:
    b = B()
    v = b.input(_data(30, 40))
    for _ in range(4):
        up = b.slice(v, (2, 1), (30, 39), (1, 1))
        down = b.slice(v, (0, 1), (28, 39), (1, 1))
        v = _write(b, v, b.op("add", up, down), (40, 1), 41)
    b.check(v)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
def test_the_last_of_equal_places_stays(axis: int, dtype: str) -> None:
    b = B()
    r = np.random.default_rng(0)
    base = b.input(_data(30, 40, dtype=dtype))
    index = b.input(r.integers(0, (30, 40)[axis], (25, 28)))
    source = b.input(_data(25, 28, dtype=dtype))

    def host(x: np.ndarray, i: np.ndarray, y: np.ndarray) -> np.ndarray:
        out = x.copy()
        grid = list(np.indices(i.shape))
        grid[axis] = i
        for place in np.ndindex(*i.shape):
            out[tuple(g[place] for g in grid)] = y[place]
        return out

    ins = (base, index, source)
    b.check(b.g.add("scatter", ins, (30, 40), b.g.dtypes[base], (axis,), host))


def _scan(b: B, v: int, op: str, axis: int) -> int:
    function = {"add": np.add, "mul": np.multiply, "maximum": np.maximum}[op]

    def host(a: np.ndarray) -> np.ndarray:
        wide = a.astype(np.float64) if a.dtype == np.float32 else a  # as the kernel does
        return np.asarray(function.accumulate(wide, axis=axis), a.dtype)

    return b.g.add("scan", (v,), b.shape(v), b.g.dtypes[v], (op, axis), host)


@pytest.mark.thin(3)
@pytest.mark.parametrize("op", ["add", "maximum"])
@pytest.mark.parametrize(
    ("shape", "axis"),
    [((7,), 0), ((3, 17), 1), ((17, 3), 0), ((9, 130), 0), ((300, 70), 1), ((4, 5, 70), 1),
     ((4, 70, 5), 0), ((2, 0), 1), ((0, 2), 1), ((1, 1), 0)],
)  # fmt: skip
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_scan(op: str, shape: Any, axis: int, dtype: str) -> None:
    """Also of what lies backwards and transposed in memory."""
    b = B()
    x = b.input(_data(*shape, dtype=dtype))
    back = b.flip(_scan(b, b.flip(x, axis), op, axis), axis)
    turned = _scan(b, b.permute(x, *reversed(range(len(shape)))), op, len(shape) - 1 - axis)
    b.check(_scan(b, b.op("neg", x), op, axis), back, turned)


def test_a_scan_is_a_loop_to_the_bit() -> None:
    b = B()
    b.g.outputs = [_scan(b, b.input(_data(50, 70)), "add", k) for k in range(2)]
    for found, expected in zip(b.run()[1], b.reference(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_none_of_it_runs_on_the_host() -> None:
    b = B()
    x = b.input(_data(30, 40))
    v = _scan(b, _write(b, x, b.input(_data(30)), (40,), 3), "mul", 0)
    b.g.outputs = [b.op("neg", _strided(b, v, (5, 6), (80, 3), 41))]
    program, _ = b.run()
    assert "host" not in [kind for _, kind, _ in program.kernels]
