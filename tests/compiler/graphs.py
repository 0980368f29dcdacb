"""Building graphs in tests: every node gets its NumPy reference, and `check` compares a compiled
program with the references node by node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from facula.compiler import Program, compile_graph, pipeline
from facula.compiler.contraction import tile
from facula.dtypes import bool_, dtype, float32, from_numpy_dtype, int64
from facula.graph.graph import Graph
from facula.runtime import code


def _erf(x: np.ndarray) -> np.ndarray:
    import math

    return np.vectorize(math.erf, otypes=[np.float64])(x)


def _sign(x: np.ndarray) -> np.ndarray:
    return np.where(x != x, x.dtype.type(0), np.sign(x))  # PyTorch: 0 for NaN


def _argmax(x: np.ndarray, axis: int, largest: bool) -> np.ndarray:
    return (np.argmax if largest else np.argmin)(x, axis=axis)


def _wide(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *xs: f(*[x.astype(np.float64) if x.dtype.kind == "f" else x for x in xs])


UNARY: dict[str, Callable[..., Any]] = {
    "neg": np.negative, "abs": np.abs, "sign": _sign, "exp": np.exp, "exp2": np.exp2,
    "expm1": np.expm1, "log": np.log, "log2": np.log2, "log10": np.log10, "log1p": np.log1p,
    "sqrt": np.sqrt, "rsqrt": lambda x: 1 / np.sqrt(x), "reciprocal": lambda x: 1 / x,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos,
    "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "asinh": np.arcsinh,
    "acosh": np.arccosh, "atanh": np.arctanh, "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "erf": _erf, "erfc": lambda x: 1 - _erf(x),
    "bell": lambda x: np.exp(-x * x / 2),
    "normal_tail": lambda x: np.exp(x * x / 2) * (1 - _erf(np.abs(x) / np.sqrt(2))) / 2,
    "relu": lambda x: np.where(x < 0, x.dtype.type(0), x),
    "floor": np.floor, "ceil": np.ceil, "trunc": np.trunc, "round": np.rint, "isnan": np.isnan,
    "isinf": np.isinf, "isfinite": np.isfinite, "logical_not": np.logical_not,
    "bitwise_not": np.invert,
}  # fmt: skip
BINARY: dict[str, Callable[..., Any]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "pow": np.power,
    "atan2": np.arctan2, "fmod": np.fmod, "remainder": np.remainder,
    "floor_divide": np.floor_divide,
    "maximum": np.maximum, "minimum": np.minimum, "bitwise_and": np.bitwise_and,
    "bitwise_or": np.bitwise_or, "bitwise_xor": np.bitwise_xor, "left_shift": np.left_shift,
    "right_shift": np.right_shift, "logical_and": np.logical_and, "logical_or": np.logical_or,
    "logical_xor": np.logical_xor, "copysign": np.copysign,
}  # fmt: skip
COMPARE: dict[str, Callable[..., Any]] = {
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater,
    "ge": np.greater_equal,
}  # fmt: skip
REDUCE: dict[str, Callable[..., Any]] = {
    "sum": np.sum, "prod": np.prod, "max": np.max, "min": np.min, "any": np.any, "all": np.all,
}  # fmt: skip
_BOOLEAN = {"isnan", "isinf", "isfinite", "logical_not", "logical_and", "logical_or", "logical_xor"}


# Vectors of other processors, whose code every processor runs.
OTHER_REGISTERS = [
    tile.Registers(32, 6, 2, "x" if "avx" in code.processor_features() else ""),
    tile.Registers(16, 6, 4, ""),
]


def take_registers(monkeypatch: pytest.MonkeyPatch, registers: tile.Registers) -> None:
    """Code is made for other vectors than this processor's."""
    monkeypatch.setattr(tile, "registers", lambda: registers)
    keep_apart(monkeypatch, registers)


def keep_apart(monkeypatch: pytest.MonkeyPatch, processor: object) -> None:
    """Code for another processor is kept apart from that for this one: keys say nothing of what
    never changes in a process.
    """
    digest = code.digest
    monkeypatch.setattr(code, "_loaded", {})
    monkeypatch.setattr(code, "digest", lambda key: digest(f"{processor} {key!r}"))


def in_tiles(program: Program) -> bool:
    """Whether a program, not yet kept on disk, uses the processor's matrix tiles."""
    assert program.kept is not None
    return any(kind == "amx" for _, kind, _ in program.kept[0].addresses)


class B:
    """A graph under construction."""

    def __init__(self) -> None:
        self.g = Graph()
        self.arrays: list[np.ndarray] = []
        self.numbers: list[float] = []

    def shape(self, v: int) -> tuple[int, ...]:
        return self.g.shapes[v]

    def input(self, a: np.ndarray) -> int:
        a = np.array(a, order="C")
        self.arrays.append(a)
        return self.g.add_input(a.shape, from_numpy_dtype(a.dtype))

    def op(self, name: str, *ins: int) -> int:
        """An elementwise op on operands of one shape."""
        f = UNARY.get(name) or BINARY.get(name) or COMPARE.get(name)
        assert f is not None
        d = self.g.dtypes[ins[0]]
        out = bool_ if name in COMPARE or name in _BOOLEAN else d

        def host(*xs: np.ndarray, f: Callable[..., Any] = f) -> np.ndarray:
            with np.errstate(all="ignore"):
                return np.asarray(f(*xs)).astype(out.np)

        return self.g.add(name, ins, self.shape(ins[0]), out, (), host)

    def where(self, c: int, a: int, b: int) -> int:
        return self.g.add("where", (c, a, b), self.shape(a), self.g.dtypes[a], (), np.where)

    def cast(self, a: int, d: dtype) -> int:
        def host(x: np.ndarray) -> np.ndarray:
            if x.dtype.kind == "f" and d.np.kind in "iu":
                return x.astype(np.int64).astype(d.np)
            return x.astype(d.np)

        return self.g.add("cast", (a,), self.shape(a), d, (d.name,), host)

    def const(self, value: Any, d: dtype = float32) -> int:
        return self.g.add("const", (), (), d, (value,), lambda: np.asarray(value, d.np))

    def scalar(self, value: float, d: dtype = float32) -> int:
        i = len(self.numbers)
        self.numbers.append(value)
        self.g.scalars.append("f" if d.is_floating_point else "i")
        return self.g.add("scalar", (), (), d, (i,), lambda: np.asarray(self.numbers[i], d.np))

    def full(self, value: Any, shape: tuple[int, ...], d: dtype = float32) -> int:
        return self.broadcast(self.const(value, d), shape)

    def iota(self, shape: tuple[int, ...], axis: int) -> int:
        def host() -> np.ndarray:
            view = [1] * len(shape)
            view[axis] = shape[axis]
            return np.broadcast_to(np.arange(shape[axis], dtype=np.int64).reshape(view), shape)

        return self.g.add("iota", (), shape, int64, (axis,), host)

    def _move(self, op: str, ins: Any, shape: Any, attrs: Any, host: Callable[..., Any]) -> int:
        return self.g.add(op, ins, tuple(shape), self.g.dtypes[ins[0]], attrs, host)

    def reshape(self, a: int, *shape: int) -> int:
        return self._move("reshape", (a,), shape, (shape,), lambda x: x.reshape(shape))

    def permute(self, a: int, *dims: int) -> int:
        s = [self.shape(a)[d] for d in dims]
        return self._move("permute", (a,), s, (dims,), lambda x: x.transpose(dims))

    def expand(self, a: int, *shape: int) -> int:
        return self._move("expand", (a,), shape, (shape,), lambda x: np.broadcast_to(x, shape))

    def broadcast(self, a: int, shape: tuple[int, ...]) -> int:
        """A reshape and an expand, as NumPy broadcasts."""
        s = self.shape(a)
        if len(s) != len(shape):
            a = self.reshape(a, *([1] * (len(shape) - len(s))), *s)
        return a if self.shape(a) == shape else self.expand(a, *shape)

    def slice(self, a: int, starts: Any, stops: Any, steps: Any) -> int:
        index = tuple(slice(*x) for x in zip(starts, stops, steps, strict=True))
        s = [len(range(*x)) for x in zip(starts, stops, steps, strict=True)]
        attrs = (tuple(starts), tuple(stops), tuple(steps))
        return self._move("slice", (a,), s, attrs, lambda x: x[index])

    def flip(self, a: int, *dims: int) -> int:
        return self._move("flip", (a,), self.shape(a), (dims,), lambda x: np.flip(x, dims))

    def pad(self, a: int, low: Any, high: Any, value: float = 0.0) -> int:
        s = [n + x + y for n, x, y in zip(self.shape(a), low, high, strict=True)]
        pairs = list(zip(low, high, strict=True))
        attrs = (tuple(low), tuple(high), value)
        return self._move("pad", (a,), s, attrs, lambda x: np.pad(x, pairs, constant_values=value))

    def cat(self, axis: int, *ins: int) -> int:
        s = list(self.shape(ins[0]))
        s[axis] = sum(self.shape(a)[axis] for a in ins)
        return self._move("cat", ins, s, (axis,), lambda *xs: np.concatenate(xs, axis))

    def reduce(self, op: str, a: int, *axes: int) -> int:
        s = tuple(n for k, n in enumerate(self.shape(a)) if k not in axes)
        d = bool_ if op in ("any", "all") else self.g.dtypes[a]
        f = REDUCE[op]

        def host(x: np.ndarray) -> np.ndarray:
            wide = x.astype(np.float64) if x.dtype == np.float32 else x
            return np.asarray(f(wide, axis=axes)).astype(d.np)

        return self.g.add(op, (a,), s, d, (axes,), host)

    def keep(self, op: str, a: int, *axes: int) -> int:
        """A reduction broadcast back to the operand's shape."""
        shape = self.shape(a)
        r = self.reduce(op, a, *axes)
        r = self.reshape(r, *[1 if k in axes else n for k, n in enumerate(shape)])
        return r if self.shape(r) == shape else self.expand(r, *shape)

    def arg(self, op: str, a: int, axis: int) -> int:
        s = tuple(n for k, n in enumerate(self.shape(a)) if k != axis)
        return self.g.add(
            op, (a,), s, int64, (axis,), lambda x: _argmax(x, axis, op == "argmax").astype(np.int64)
        )

    def matmul(self, a: int, b: int) -> int:
        s = (*self.shape(a)[:-1], self.shape(b)[-1])

        def host(x: np.ndarray, y: np.ndarray) -> np.ndarray:
            wide = np.float64 if x.dtype.kind == "f" else x.dtype
            return np.matmul(x.astype(wide), y.astype(wide)).astype(x.dtype)

        return self.g.add("matmul", (a, b), s, self.g.dtypes[a], (), host)

    def take(self, a: int, index: int, axis: int) -> int:
        s = (*self.shape(a)[:axis], *self.shape(index), *self.shape(a)[axis + 1 :])
        return self.g.add(
            "take", (a, index), s, self.g.dtypes[a], (axis,), lambda x, i: np.take(x, i, axis),
            "test.py:1",
        )  # fmt: skip

    def gather(self, a: int, index: int, axis: int) -> int:
        def host(x: np.ndarray, i: np.ndarray) -> np.ndarray:
            grid: list[np.ndarray] = list(np.indices(i.shape))
            grid[axis] = i
            return x[tuple(grid)]

        return self.g.add(
            "gather", (a, index), self.shape(index), self.g.dtypes[a], (axis,), host, "test.py:2"
        )

    def scatter_add(self, base: int, index: int, source: int, axis: int) -> int:
        def host(x: np.ndarray, i: np.ndarray, y: np.ndarray) -> np.ndarray:
            out = x.copy()
            grid: list[np.ndarray] = list(np.indices(i.shape))
            part = y[tuple(slice(0, n) for n in i.shape)]
            grid[axis] = i
            np.add.at(out, tuple(grid), part)
            return out

        return self.g.add(
            "scatter_add",
            (base, index, source),
            self.shape(base),
            self.g.dtypes[base],
            (axis,),
            host,
        )

    def host(self, f: Callable[..., Any], shape: tuple[int, ...], d: dtype, *ins: int) -> int:
        return self.g.add("anything", ins, shape, d, (), f)

    def reference(self) -> list[np.ndarray]:
        """The outputs as the references compute them, one node after the other."""
        values: dict[int, Any] = dict(zip(self.g.inputs, self.arrays, strict=True))
        for n in self.g.nodes:
            assert n.host is not None
            found = n.host(*[values[v] for v in n.ins])
            for v, x in zip(n.outs, found if isinstance(found, tuple) else (found,), strict=True):
                x = np.asarray(x)
                assert x.shape == self.g.shapes[v], (n.op, x.shape, self.g.shapes[v])
                values[v] = x
        return [values[v] for v in self.g.outputs]

    def run(self, program: Program | None = None) -> tuple[Program, list[np.ndarray]]:
        program = program or compile_graph(self.g)
        outs = []
        for v in self.g.outputs:
            out = np.empty(self.g.shapes[v], self.g.dtypes[v].np)
            out.view(np.uint8).fill(0xA5) if out.ndim else None
            outs.append(out)
        program.run(
            [a.ctypes.data for a in self.arrays], [o.ctypes.data for o in outs], self.numbers
        )
        return program, outs

    def check(self, *outputs: int, rtol: float = 2e-5, atol: float = 1e-5) -> Program:
        """Compares the compiled program's outputs with the references."""
        self.g.outputs = list(outputs)
        with np.errstate(all="ignore"):
            want = self.reference()
        pipeline.run(self.g, check=True)
        program, found = self.run()
        for v, x, y in zip(outputs, found, want, strict=True):
            if x.dtype.kind in "fc":
                tight = x.dtype in (np.float64, np.complex128)
                np.testing.assert_allclose(
                    x, y, rtol=1e-10 if tight else rtol, atol=1e-10 if tight else atol,
                    err_msg=f"value {v}\n{self.g.text()}",
                )  # fmt: skip
            else:
                np.testing.assert_array_equal(x, y, err_msg=f"value {v}\n{self.g.text()}")
        return program
