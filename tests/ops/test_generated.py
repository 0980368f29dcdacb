"""Tests made from the op records: nothing here names an op.

Every record says in its `example` how it may be called (see facula.ops.record.Example). For each
call: the rule's facts are those of the reference's result; compiled code gives what the reference
gives, for every dtype and for NaN, infinities, signed zeros and extreme numbers; and in float64
the gradient, and the gradient of the gradient, agree with finite differences in a random
direction under a random incoming gradient. Sizes of differences are in units in the last place of
the result's dtype.
"""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
import warnings
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import facula  # noqa: F401  (the tensor layer completes the recorder)
from facula import compiler, config, dtypes
from facula import ops as ops_package
from facula.autograd.gradients import gradients
from facula.dtypes import BY_NAME, convert, dtype
from facula.ops.record import OPS, Example, Op, Operand
from facula.trace import native, replay
from facula.trace.recorder import Frame, record_many, state
from facula.trace.trie import MODE, Node
from facula.trace.values import Value, meta, outside

for module in pkgutil.iter_modules(ops_package.__path__):
    importlib.import_module(f"facula.ops.{module.name}")
NAMES = sorted(name for name, op in OPS.items() if op.example is not None)
KINDS = {
    "b": ("bool",),
    "i": ("uint8", "int8", "int16", "int32", "int64"),
    "f": ("float16", "bfloat16", "float32", "float64"),
    "d": ("float32", "float64"),
    "c": ("complex64", "complex128"),
}


def test_every_op_has_an_example() -> None:
    missing = [
        op.name
        for op in OPS.values()
        if not isinstance(op.example, Example) or not op.example.cases
    ]
    assert not missing, (
        f"ops without an example of how to call them (facula.ops.record.Example): {missing}"
    )


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A trie of its own, and no silent way round the compiler."""
    from facula.compiler import program

    original = program.compile_graph

    def strict(graph: Any) -> Any:
        try:
            return original(graph)
        except compiler.CompileError as e:
            raise AssertionError(f"not compiled: {e}\n{graph.text()}") from e

    monkeypatch.setattr(compiler, "compile_graph", strict)
    outer = state.tr
    state.tr = Frame(Node(None, MODE))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's, of the references
        yield
    state.tr = outer


def _random(name: str, *more: Any) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(repr((name, *more)).encode()))


def _index(r: np.random.Generator, o: Operand) -> np.ndarray:
    if o.kind == "index":
        return r.integers(0, o.size, o.shape)
    if not o.shape:
        return r.integers(0, o.size, ())
    moved = [n for k, n in enumerate(o.shape) if k != o.axis]
    rows = [r.permutation(o.size)[: o.shape[o.axis]] for _ in range(int(np.prod(moved)))]
    a = np.array(rows, np.int64).reshape(*moved, o.shape[o.axis])
    return np.moveaxis(a, -1, o.axis)


def _draw(r: np.random.Generator, o: Operand, d: dtype, example: Example, special: bool) -> Any:
    """An operand: an array, or a Python number."""
    low, high = example.domain
    if o.kind == "number":
        return (
            float(r.uniform(low, high))
            if set("fd") & set(example.dtypes)
            else int(r.integers(0, 5))
        )
    if o.kind in ("index", "distinct"):
        return _index(r, o)
    if o.kind == "mask":
        return r.integers(0, 2, o.shape).astype(bool)
    if d is dtypes.bool_:
        return r.integers(0, 2, o.shape).astype(bool)
    if d.is_integral:
        info = np.iinfo(d.np)
        if special:
            return np.asarray(
                r.choice([info.min, info.max, 0, 1, 2, 7, info.max // 2], o.shape)
            ).astype(d.np)
        return r.integers(0 if low > 0 else max(info.min, -9), 10, o.shape).astype(
            d.np
        ) + d.np.type(low > 0)
    a = np.asarray(r.uniform(low, high, o.shape))
    if d.is_complex:
        a = a + 1j * r.uniform(low, high, o.shape)
    elif special:
        numbers = example.special
        if d is dtypes.float64:
            numbers = tuple(x for x in numbers if not example.reach < abs(x) < np.inf)
        a = np.asarray(np.where(r.random(o.shape) < 0.8, r.choice(numbers, o.shape), a))
    return convert(np.asarray(a), d)


def _value(x: Any) -> Any:
    return (
        x
        if isinstance(x, (float, int))
        else outside(meta(x.shape, dtypes.from_numpy_dtype(x.dtype)), np.array(x, order="C"))
    )


def _call(op: Op, operands: list[Any], attrs: tuple[Any, ...]) -> list[Any]:
    outs = record_many(op, tuple(_value(x) for x in operands), attrs)
    replay.flush()
    return [replay.array_of(v).copy() for v in outs]


def _dtypes(op: Op) -> list[dtype]:
    assert op.example is not None
    return [BY_NAME[name] for kind in op.example.dtypes for name in KINDS[kind]]


def _same(got: np.ndarray, want: np.ndarray, ulps: float, what: str) -> None:
    """Equal where not finite, and within `ulps` units of the last place (of the largest part)
    elsewhere.
    """
    assert got.shape == want.shape and got.dtype == want.dtype, what
    if want.dtype.kind in "bui":
        np.testing.assert_array_equal(got, want, err_msg=what)
        return
    if want.dtype.kind == "c":
        d = want.dtype.type(0).real.dtype
        _same(
            np.stack([got.real, got.imag]).astype(d),
            np.stack([want.real, want.imag]).astype(d),
            ulps,
            what,
        )
        return
    eps = dtypes.finfo(dtypes.from_numpy_dtype(want.dtype)).eps
    tiny = dtypes.finfo(dtypes.from_numpy_dtype(want.dtype)).tiny
    g, w = got.astype(np.float64), want.astype(np.float64)
    finite = np.isfinite(w)
    top = dtypes.finfo(dtypes.from_numpy_dtype(want.dtype)).max
    near_top = np.abs(w) > top * (1 - 64 * eps)  # rounds to infinity on one side only
    bad = (np.isnan(g) != np.isnan(w)) | (
        ~finite & ~np.isnan(w) & (g != w) & (np.abs(g) < top * (1 - 64 * eps))
    )
    with np.errstate(all="ignore"):
        bad |= finite & ~near_top & ~(np.abs(g - w) <= ulps * (eps * np.abs(w) + tiny * eps) + tiny)
    if bad.any():
        at = tuple(int(k) for k in np.unravel_index(int(np.argmax(bad)), bad.shape))
        raise AssertionError(
            f"{what}: at {at} {got[at]!r} instead of {want[at]!r}; {bad.sum()} of {bad.size}"
        )


@pytest.mark.thin(3)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("special", (False, True), ids=("ordinary", "special"))
def test_compiled_code_is_the_reference(
    name: str, special: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    op = OPS[name]
    example = op.example
    assert example is not None
    for d in _dtypes(op):
        for k, (operands, attrs) in enumerate(example.cases):
            large = any(np.prod(o.shape) > 5000 for o in operands)
            if special and (large or not example.special):
                continue
            if large and d not in (dtypes.float32, dtypes.int64):
                continue
            r = _random(name, d.name, k, special)
            drawn = [_draw(r, o, d, example, special) for o in operands]
            what = f"{name}{attrs} of {d.name} {[o.shape for o in operands]}"
            try:
                with np.errstate(all="ignore"):
                    metas = op.rule([_fact(x) for x in drawn], attrs)
                    want = op.reference(drawn, attrs, metas)
            except RuntimeError as e:
                if "ZeroDivision" in str(e):
                    continue
                raise
            want = [np.asarray(a) for a in (want if isinstance(want, tuple) else (want,))]
            for m, a in zip(metas, want, strict=True):
                assert a.shape == m.shape and a.dtype == m.dtype.np, (
                    f"{what}: the rule says {m}, the reference {a.dtype}{a.shape}"
                )
            monkeypatch.setattr(replay, "COMPILE_AT", 1)
            for g, w in zip(_call(op, drawn, attrs), want, strict=True):
                _same(g, w, example.tolerance, what)


def _fact(x: Any) -> Any:
    if isinstance(x, (float, int)):
        return meta((), dtypes.float64 if isinstance(x, float) else dtypes.int64, wrapped=True)
    return meta(x.shape, dtypes.from_numpy_dtype(x.dtype))


def _dot(a: np.ndarray, b: np.ndarray) -> float:
    return float((a.astype(np.float64) * b.astype(np.float64)).sum())


class _Function:
    """The op on its differentiable operands (the float64 ones), and its gradient, as plain NumPy
    functions.
    """

    def __init__(
        self, op: Op, operands: tuple[Operand, ...], attrs: tuple[Any, ...], r: np.random.Generator
    ) -> None:
        assert op.example is not None
        self.op, self.attrs = op, attrs
        self.drawn = [_draw(r, o, dtypes.float64, op.example, False) for o in operands]
        self.free = [k for k, o in enumerate(operands) if o.kind == "value"]
        self.x = [self.drawn[k] for k in self.free]

    def _leaves(self, x: list[np.ndarray]) -> list[Value]:
        return [
            outside(meta(a.shape, dtypes.float64, True, True), np.array(a, order="C")) for a in x
        ]

    def _outs(self, leaves: list[Value]) -> list[Value]:
        full: list[Any] = [_value(a) for a in self.drawn]
        for k, v in zip(self.free, leaves, strict=True):
            full[k] = v
        return [
            v
            for v in record_many(self.op, tuple(full), self.attrs)
            if v.meta.requires_grad and v.meta.dtype.to_real() is dtypes.float64
        ]

    def value(self, x: list[np.ndarray]) -> list[np.ndarray]:
        outs = self._outs(self._leaves(x))
        replay.flush()
        return [replay.array_of(v) for v in outs]

    def gradient(self, x: list[np.ndarray], incoming: list[np.ndarray]) -> list[np.ndarray]:
        leaves = self._leaves(x)
        outs = self._outs(leaves)
        found = gradients(outs, [_value(g) for g in incoming], leaves, False, False)
        replay.flush()
        return [
            np.zeros_like(a) if g is None else replay.array_of(g)
            for a, g in zip(x, found, strict=True)
        ]

    def second(
        self, x: list[np.ndarray], incoming: list[np.ndarray], outer: list[np.ndarray]
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """The gradient of <gradient(x, incoming), outer> by x and by incoming."""
        leaves, grads = self._leaves(x), self._leaves(incoming)
        outs = self._outs(leaves)
        first = gradients(outs, list(grads), leaves, True, True)
        pairs = [
            (g, _value(o))
            for g, o in zip(first, outer, strict=True)
            if g is not None and g.meta.requires_grad
        ]
        if not pairs:
            return [np.zeros_like(a) for a in x], [np.zeros_like(a) for a in incoming]
        found = gradients(
            [g for g, _ in pairs], [o for _, o in pairs], [*leaves, *grads], False, False
        )
        replay.flush()
        arrays = [
            np.zeros_like(a) if g is None else replay.array_of(g)
            for a, g in zip([*x, *incoming], found, strict=True)
        ]
        return arrays[: len(x)], arrays[len(x) :]


def _differentiable(op: Op) -> bool:
    return (
        op.gradient is not None
        and op.example is not None
        and op.example.derivative
        and any(k in "fdc" for k in op.example.dtypes)
    )


@pytest.mark.thin(5)
@pytest.mark.parametrize("name", [n for n in NAMES if _differentiable(OPS[n])])
@pytest.mark.parametrize("compiled", (False, True), ids=("reference", "compiled"))
def test_gradients(name: str, compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sides by central differences along one random direction; errors relative to the size of
    the parts.
    """
    op = OPS[name]
    assert op.example is not None
    if compiled:
        monkeypatch.setattr(replay, "COMPILE_AT", 1)
    else:
        monkeypatch.setattr(config, "eager", True)
    with contextlib.nullcontext() if compiled else native.left_to_python():
        _check_gradients(op, name, compiled)


def _check_gradients(op: Op, name: str, compiled: bool) -> None:
    assert op.example is not None
    step = 1e-6
    for k, (operands, attrs) in enumerate(op.example.cases):
        if any(np.prod(o.shape) > 5000 for o in operands) or (compiled and k % 3):
            continue
        r = _random(name, "gradient", k)
        f = _Function(op, operands, attrs, r)
        if not f.free:
            continue
        what = f"{name}{attrs} of {[o.shape for o in operands]}"
        outs = f.value(f.x)
        if not outs:
            continue
        direction = [r.standard_normal(a.shape) for a in f.x]
        incoming = [r.standard_normal(a.shape) for a in outs]

        def moved(t: float, f: Any = f, direction: Any = direction) -> list[np.ndarray]:
            return [a + t * d for a, d in zip(f.x, direction, strict=True)]

        up, down = f.value(moved(step)), f.value(moved(-step))
        slope = sum(
            _dot(g, (a - b) / (2 * step)) for g, a, b in zip(incoming, up, down, strict=True)
        )
        first = f.gradient(f.x, incoming)
        parts = sum(_dot(np.abs(a), np.abs(d)) for a, d in zip(first, direction, strict=True))
        got = sum(_dot(a, d) for a, d in zip(first, direction, strict=True))
        assert abs(got - slope) <= 1e-6 * (parts + abs(slope) + 1), (
            f"{what}: {got}, by differences {slope}"
        )

        outer = [r.standard_normal(a.shape) for a in f.x]
        up, down = f.gradient(moved(step), incoming), f.gradient(moved(-step), incoming)
        slope = sum(_dot(o, (a - b) / (2 * step)) for o, a, b in zip(outer, up, down, strict=True))
        by_x, by_g = f.second(f.x, incoming, outer)
        parts = sum(_dot(np.abs(a), np.abs(d)) for a, d in zip(by_x, direction, strict=True))
        got = sum(_dot(a, d) for a, d in zip(by_x, direction, strict=True))
        assert abs(got - slope) <= 1e-5 * (parts + abs(slope) + 1), (
            f"{what}, second order: {got}, by differences {slope}"
        )
        # the gradient is linear in the incoming one, so this side is exact up to rounding
        change = [r.standard_normal(a.shape) for a in incoming]
        along = f.gradient(f.x, change)
        want = sum(_dot(o, a) for o, a in zip(outer, along, strict=True))
        got = sum(_dot(a, d) for a, d in zip(by_g, change, strict=True))
        parts = sum(_dot(np.abs(o), np.abs(a)) for o, a in zip(outer, along, strict=True))
        assert abs(got - want) <= 1e-9 * (parts + 1), (
            f"{what}, by the incoming gradient: {got}, not {want}"
        )
