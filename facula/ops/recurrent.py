"""Recurrent layers: the run of one layer over a sequence, in one direction, as one primitive.

A sequence of 64 steps is some thousand small ops for each layer if it is recorded step by step,
which takes longer to compile than most networks train; so the loop is inside a record. What
does not depend on the step before, the product of the whole input with the input weights, is
left outside: it is one large product.

The steps of all sequences lie in one array [total, *]: the rows of the first step, then those
of the second and so on. `sizes` says how many there are; they never grow, the sequences are
sorted by length. The gradient is a second loop. It is one formula, run on arrays by a record of
its own and on recorded values where the gradient itself is to be differentiated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..dtypes import float32, float64
from ..trace.recorder import record1, record2, record_many, state
from ..trace.values import Value, meta
from . import elementwise as e
from .contract import matmul
from .indexing import zeros
from .movement import cat, slice_, transpose
from .record import Example, Op, convert
from .reduce import SUM


# ---------------------------------------------------------------- the two kinds of numbers
class _Arrays:
    """What formulas need beside operators, on arrays."""

    @staticmethod
    def rows(x: np.ndarray, first: int, last: int) -> np.ndarray:
        return x[first:last]

    @staticmethod
    def columns(x: np.ndarray, n: int) -> list[np.ndarray]:
        return np.split(x, n, axis=1)

    @staticmethod
    def join(parts: list[np.ndarray], axis: int) -> np.ndarray:
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis)

    tanh = np.tanh

    @staticmethod
    def positive(x: np.ndarray) -> np.ndarray:
        return (x > 0).astype(x.dtype)


class _Recorded:
    """A value with operators."""

    __slots__ = ("v",)

    def __init__(self, v: Value) -> None:
        self.v = v

    def __add__(self, other: _Recorded) -> _Recorded:
        return _Recorded(e.add(self.v, other.v))

    def __sub__(self, other: _Recorded) -> _Recorded:
        return _Recorded(e.sub(self.v, other.v))

    def __rsub__(self, other: int) -> _Recorded:
        return _Recorded(e.sub(other, self.v))

    def __mul__(self, other: _Recorded) -> _Recorded:
        return _Recorded(e.mul(self.v, other.v))

    def __matmul__(self, other: _Recorded) -> _Recorded:
        return _Recorded(matmul(self.v, other.v))


class _Values:
    """The same on recorded values."""

    @staticmethod
    def rows(x: _Recorded, first: int, last: int) -> _Recorded:
        n, k = x.v.meta.shape
        if (first, last) == (0, n):
            return x
        return _Recorded(slice_(x.v, (first, 0), (last, k), (1, 1)))

    @staticmethod
    def columns(x: _Recorded, n: int) -> list[_Recorded]:
        rows, k = x.v.meta.shape
        w = k // n
        return [_Recorded(slice_(x.v, (0, a * w), (rows, (a + 1) * w), (1, 1))) for a in range(n)]

    @staticmethod
    def join(parts: list[_Recorded], axis: int) -> _Recorded:
        return parts[0] if len(parts) == 1 else _Recorded(cat([p.v for p in parts], axis))

    @staticmethod
    def tanh(x: _Recorded) -> _Recorded:
        return _Recorded(record1(e.TANH, x.v))

    @staticmethod
    def positive(x: _Recorded) -> _Recorded:
        return _Recorded(e.cast(record2(e.GT, x.v, 0.0), x.v.meta.dtype))


# ---------------------------------------------------------------- the loops
def _steps(sizes: tuple[int, ...], reverse: bool) -> list[tuple[int, int]]:
    """(first row, last row) of each step, in the order in which they are run."""
    out, at = [], 0
    for m in sizes:
        out.append((at, at + m))
        at += m
    return out[::-1] if reverse else out


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(0.5 * np.tanh(0.5 * x) + 0.5)


def _merged(t: Any, new: Any, old: Any, m: int, n: int) -> Any:
    """The first m rows of `new`, the others of `old`."""
    return new if m == n else t.join([new, t.rows(old, m, n)], 0)


class _Carry:
    """Gradients on their way back through the steps; None is zero."""

    def __init__(self, t: Any, start: Any, n: int) -> None:
        self.t, self.value, self.n = t, start, n

    def plus(self, x: Any, m: int) -> Any:
        """x and what came back to the first m rows."""
        return x + self.t.rows(self.value, 0, m)

    def put(self, x: Any, m: int) -> None:
        self.value = _merged(self.t, x, self.value, m, self.n)


def _extra(t: Any, x: Any, more: Any, a: int, b: int) -> Any:
    """x plus the gradient of a saved result, which only gradients of gradients have."""
    return x if more is None else x + t.rows(more, a, b)


def _before(t: Any, kept: Any, first: Any, steps: list[tuple[int, int]], k: int) -> Any:
    """The state before step k of `steps`, of which the rows are kept; `first`: where it begins."""
    a, b = steps[k]
    if not k:
        return t.rows(first, 0, b - a)
    start, stop = steps[k - 1]
    parts = [t.rows(kept, start, min(stop, start + b - a))]
    if stop - start < b - a:
        parts.append(t.rows(first, stop - start, b - a))
    return t.join(parts, 0)


def _lstm_run(arrays: Any, attrs: Any) -> Any:
    p, w, h0, c0 = arrays[:4]
    project = arrays[4].T if len(arrays) == 5 else None
    total, width = p.shape[0], c0.shape[1]
    out = np.empty((total, h0.shape[1]), p.dtype)
    cells = np.empty((total, width), p.dtype)
    gates, previous = np.empty_like(p), np.empty_like(out)
    h, c, turned = h0.copy(), c0.copy(), w.T
    for a, b in _steps(*attrs):
        m = b - a
        previous[a:b] = h[:m]
        g = gates[a:b]
        np.matmul(h[:m], turned, out=g)
        g += p[a:b]
        i, f, n, o = (g[:, k * width : (k + 1) * width] for k in range(4))
        for part in (g[:, : 2 * width], o):
            part[...] = _sigmoid(part)
        np.tanh(n, out=n)
        c[:m] = cells[a:b] = f * c[:m] + i * n
        r = o * np.tanh(cells[a:b])
        h[:m] = out[a:b] = r if project is None else r @ project
    return out, h, c, gates, cells, previous


def _lstm_back(t: Any, attrs: Any, gs: Any, saved: Any) -> Any:
    """(gradients of p, h0, c0, and of the results before the projection's product)."""
    g_out, g_h, g_c, more_gates, more_cells, more_h = gs
    w, gates, cells, c0, project, n = saved
    h, c = _Carry(t, g_h, n), _Carry(t, g_c, n)
    made, results = {}, {}
    steps = _steps(*attrs)
    for k, (a, b) in reversed([*enumerate(steps)]):
        m = b - a
        i, f, g, o = t.columns(t.rows(gates, a, b), 4)
        d = results[a] = h.plus(t.rows(g_out, a, b), m)
        if project is not None:
            d = d @ project
        top = t.tanh(t.rows(cells, a, b))
        dc = c.plus(d * o * (1 - top * top), m)
        dc = _extra(t, dc, more_cells, a, b)
        parts = [dc * g, dc * _before(t, cells, c0, steps, k), dc * i, d * top]
        if more_gates is not None:
            extra = t.columns(t.rows(more_gates, a, b), 4)
            parts = [x + y for x, y in zip(parts, extra, strict=True)]
        slopes = (i * (1 - i), f * (1 - f), 1 - g * g, o * (1 - o))
        step = made[a] = t.join([x * s for x, s in zip(parts, slopes, strict=True)], 1)
        h.put(_extra(t, step @ w, more_h, a, b), m)
        c.put(dc * f, m)
    order = sorted(made)
    joined = t.join([made[a] for a in order], 0)
    return joined, h.value, c.value, t.join([results[a] for a in order], 0)


def _gru_run(arrays: Any, attrs: Any) -> Any:
    p, w, h0 = arrays[:3]
    bias = arrays[3] if len(arrays) == 4 else None
    total, width = p.shape[0], h0.shape[1]
    out = np.empty((total, width), p.dtype)
    gates, previous = np.empty((total, 4 * width), p.dtype), np.empty_like(out)
    h, turned = h0.copy(), w.T
    for a, b in _steps(*attrs):
        m = b - a
        previous[a:b] = h[:m]
        q = h[:m] @ turned
        if bias is not None:
            q += bias
        g, x = gates[a:b], p[a:b]
        rz, n = g[:, : 2 * width], g[:, 2 * width : 3 * width]
        rz[...] = _sigmoid(x[:, : 2 * width] + q[:, : 2 * width])
        g[:, 3 * width :] = q[:, 2 * width :]
        np.tanh(x[:, 2 * width :] + rz[:, :width] * q[:, 2 * width :], out=n)
        h[:m] = out[a:b] = n + rz[:, width:] * (h[:m] - n)
    return out, h, gates, previous


def _gru_back(t: Any, attrs: Any, gs: Any, saved: Any) -> Any:
    """(gradients of p, h0 and of the hidden product)."""
    g_out, g_h, more_gates, more_h = gs
    w, gates, previous, n = saved
    h = _Carry(t, g_h, n)
    inputs, hidden = {}, {}
    for a, b in reversed(_steps(*attrs)):
        m = b - a
        r, z, g, q = t.columns(t.rows(gates, a, b), 4)
        d = h.plus(t.rows(g_out, a, b), m)
        dz, dn = d * (t.rows(previous, a, b) - g), d * (1 - z)
        extra = None if more_gates is None else t.columns(t.rows(more_gates, a, b), 4)
        if extra is not None:
            dz, dn = dz + extra[1], dn + extra[2]
        dn = dn * (1 - g * g)
        dr, dq = dn * q, dn * r
        if extra is not None:
            dr, dq = dr + extra[0], dq + extra[3]
        dr, dz = dr * (r * (1 - r)), dz * (z * (1 - z))
        inputs[a] = t.join([dr, dz, dn], 1)
        step = hidden[a] = t.join([dr, dz, dq], 1)
        h.put(_extra(t, d * z + step @ w, more_h, a, b), m)
    order = sorted(inputs)
    joined = (t.join([made[a] for a in order], 0) for made in (inputs, hidden))
    first, second = joined
    return first, h.value, second


def _plain_run(function: Callable[..., Any]) -> Callable[..., Any]:
    def run(arrays: Any, attrs: Any) -> Any:
        p, w, h0 = arrays
        out, previous = np.empty_like(p), np.empty_like(p)
        h, turned = h0.copy(), w.T
        for a, b in _steps(*attrs):
            m = b - a
            previous[a:b] = h[:m]
            h[:m] = out[a:b] = function(p[a:b] + h[:m] @ turned)
        return out, h, previous

    return run


def _plain_back(slope: Callable[..., Any]) -> Callable[..., Any]:
    def back(t: Any, attrs: Any, gs: Any, saved: Any) -> Any:
        """(gradients of p, h0)."""
        g_out, g_h, more_h = gs
        w, out, n = saved
        h, made = _Carry(t, g_h, n), {}
        for a, b in reversed(_steps(*attrs)):
            d = h.plus(t.rows(g_out, a, b), b - a)
            step = made[a] = d * slope(t, t.rows(out, a, b))
            h.put(_extra(t, step @ w, more_h, a, b), b - a)
        return t.join([made[a] for a in sorted(made)], 0), h.value

    return back


# ---------------------------------------------------------------- lowerings
def _lowered(name: str, back: bool, b: Any, ins: list[int], node: Any, facts: Any) -> Any:
    """One node of the compiler's, where it has code: for float32 and float64."""
    if not _native(node):
        return None
    reference, attrs, metas = node.op.reference, node.attrs, node.metas
    return b.add_many(
        "recur", tuple(ins), metas, (name, back, *facts),
        lambda *arrays: reference(arrays, attrs, metas),
    )  # fmt: skip


def _native(node: Any) -> bool:
    return node.meta.dtype in (float32, float64) and not any(0 in m.shape for m in node.metas)


def _lower(name: str) -> Callable[..., Any]:
    def lower(b: Any, ins: list[int], node: Any) -> Any:
        if name == "lstm" and len(ins) == 5:
            return None
        found = _biased(b, ins[0])
        if found is None or (name == "gru" and len(ins) < 4) or not _native(node):
            return _lowered(name, False, b, ins, node, node.attrs)
        reference, attrs, metas = node.op.reference, node.attrs, node.metas
        product, bias = found
        return b.add_many(
            "recur", (product, *ins[1:], bias), metas, (name, False, *attrs),
            lambda p, *rest: reference((p + rest[-1], *rest[:-1]), attrs, metas),
        )  # fmt: skip

    return lower


def _biased(b: Any, p: int) -> tuple[int, int] | None:
    """(x, bias) where p is the sum of x and a row that is the same for each row of x.

    The cells add the row while they are at it, which saves a pass over the input product.
    """
    made = {v: n for n in b.graph.nodes[-8:] for v in n.outs}
    node = made.get(p)
    if node is None or node.op != "add":
        return None
    x, row = node.ins
    width = b.graph.shapes[p][1]
    for op in ("expand", "reshape"):
        if (
            row in made
            and made[row].op == op
            and (op == "expand" or b.graph.shapes[row] == (1, width))
        ):
            row = made[row].ins[0]
    return (x, row) if b.graph.shapes[row] == (width,) else None


def _lower_back(name: str) -> Callable[..., Any]:
    def lower(b: Any, ins: list[int], node: Any) -> Any:
        sizes, reverse, _, absent, _ = node.attrs
        if name == "lstm" and not absent[-1]:
            return None
        return _lowered(name, True, b, ins, node, (sizes, reverse))

    return lower


# ---------------------------------------------------------------- records
def _wide(arrays: Any) -> Iterator[np.ndarray]:
    return (a.astype(np.float32) if a.dtype.itemsize == 2 else a for a in arrays)


def _converted(results: Any, metas: Any) -> Any:
    return tuple(
        convert(np.ascontiguousarray(r), m.dtype) for r, m in zip(results, metas, strict=True)
    )


def _made(
    name: str, run: Callable[..., Any], back: Callable[..., Any], shapes: Callable[..., Any],
    saved: Callable[[Any], Any], finish: Callable[..., Any], back_shapes: Callable[..., Any],
    example: Example,
) -> Op:  # fmt: skip
    """The record of a layer and that of its gradient.

    shapes(metas): of the results: those of the layer first, then what the gradient needs.
    saved(n): the operands and results that the gradient needs, and None. finish(n, results):
    the operands' gradients.
    """

    def gradient(n: Any, *gs: Value | None) -> Any:
        results = shapes([n.meta(k) for k in range(n.count)])
        count = len(gs)
        first = [
            zeros(results[k], gs[0]) if g is None and k < _LAYER_RESULTS[name] else g  # type: ignore[arg-type]
            for k, g in enumerate(gs)
        ]
        kept = saved(n)
        rows = n.meta(2).shape[0]
        if state.tr.grad or any(g is not None for g in first[_LAYER_RESULTS[name] :]):
            recorded = [None if v is None else _Recorded(v) for v in kept]
            incoming = [None if g is None else _Recorded(g) for g in first]
            made = [r.v for r in back(_Values, n.attrs, incoming, (*recorded, rows))]
        else:
            given = (*first[: _LAYER_RESULTS[name]], *(v for v in kept if v is not None))
            made = record_many(
                backward, given, (*n.attrs, count, tuple(v is None for v in kept), rows)
            )
        return finish(n, made)

    def reference(arrays: Any, attrs: Any, metas: Any) -> Any:
        sizes, reverse, count, absent, rows = attrs
        arrays = list(_wide(arrays))
        lead = _LAYER_RESULTS[name]
        gs = [*arrays[:lead], *(None,) * (count - lead)]
        rest = iter(arrays[lead:])
        kept = [None if gone else next(rest) for gone in absent]
        return _converted(back(_Arrays, (sizes, reverse), gs, (*kept, rows)), metas)

    backward = Op(
        f"{name}_backward", "recurrent",
        lambda metas, attrs: tuple(meta(s, metas[0].dtype) for s in back_shapes(metas, attrs)),
        reference,
        lower=_lower_back(name),
        example=_backward_example(name, shapes, saved, example),
    )  # fmt: skip
    return Op(
        name, "recurrent",
        lambda metas, attrs: tuple(meta(s, metas[0].dtype) for s in shapes(metas)),
        lambda arrays, attrs, metas: _converted(run(tuple(_wide(arrays)), attrs), metas),
        gradient, _lower(name), example=example,
    )  # fmt: skip


class _Facts:
    """Stands in for a recorded call where only shapes are of interest."""

    def __init__(self, operands: list[Any], results: Any) -> None:
        self.operands, self.results, self.count = operands, results, len(operands)

    def i(self, k: int) -> Any:
        return self.operands[k]

    def o(self, k: int) -> Any:
        return self.results[k]


class _Shape:
    def __init__(self, shape: Any) -> None:
        self.shape = shape


def _backward_example(name: str, shapes: Any, saved: Any, example: Example) -> Example:
    cases = []
    for operands, attrs in example.cases:
        facts = [_Shape(o.shape) for o in operands]
        results = shapes(facts)
        kept = saved(_Facts([o.shape for o in operands], results))
        given = (*results[: _LAYER_RESULTS[name]], *(s for s in kept if s is not None))
        cases.append(
            (given, (*attrs, len(results), tuple(s is None for s in kept), operands[2].shape[0]))
        )
    return Example(
        *cases, dtypes="f", domain=(-1.0, 1.0), special=(0.5, -0.5, 0.0), tolerance=4096.0
    )


_LAYER_RESULTS = {"lstm": 3, "gru": 2, "rnn_tanh": 2, "rnn_relu": 2}


def _weight(n: Any, step: Value, previous: int, operand: int) -> Value | None:
    return matmul(transpose(step), n.o(previous)) if n.needs[operand] else None


def _lstm_shapes(metas: Any) -> Any:
    p, h, c = (metas[k].shape for k in (0, 2, 3))
    total = p[0]
    return (total, h[1]), h, c, p, (total, c[1]), (total, h[1])


def _lstm_finish(n: Any, made: Any) -> Any:
    step, h, c, results = made
    out = [step, _weight(n, step, 5, 1), h, c]
    if n.count == 5:
        gate = n.o(3)
        total, wide = gate.meta.shape
        o = slice_(gate, (0, wide // 4 * 3), (total, wide), (1, 1))
        hidden = e.mul(o, record1(e.TANH, n.o(4)))
        out.append(matmul(transpose(results), hidden) if n.needs[4] else None)
    return tuple(out)


def _lstm_back_shapes(metas: Any, attrs: Any) -> Any:
    return metas[4].shape, metas[1].shape, metas[2].shape, metas[0].shape


def _gru_shapes(metas: Any) -> Any:
    p, h = metas[0].shape, metas[2].shape
    return (p[0], h[1]), h, (p[0], 4 * h[1]), (p[0], h[1])


def _gru_finish(n: Any, made: Any) -> Any:
    step, h, hidden = made
    out = [step, _weight(n, hidden, 3, 1), h]
    if n.count == 4:
        out.append(record1(SUM, hidden, ((0,), False)))
    return tuple(out)


def _gru_back_shapes(metas: Any, attrs: Any) -> Any:
    total, wide = metas[3].shape
    return (total, wide // 4 * 3), metas[1].shape, (total, wide // 4 * 3)


def _plain_shapes(metas: Any) -> Any:
    p, h = metas[0].shape, metas[2].shape
    return p, h, p


def _examples(factor: int, width: int, *more: Any) -> Example:
    cases = []
    for sizes, reverse, n in (
        ((2, 2, 2), False, 2),
        ((3, 2, 2, 1), False, 3),
        ((3, 2, 1), True, 3),
        ((1,), True, 1),
    ):
        total = sum(sizes)
        cases.append(
            (
                ((total, factor * 3), (factor * 3, width), (n, width), *(m(n) for m in more)),
                (sizes, reverse),
            )
        )
    return Example(
        *cases, dtypes="f", domain=(-1.0, 1.0), special=(0.5, -0.5, 0.0), tolerance=4096.0
    )


def _lstm_examples() -> Example:
    plain, projected = (
        _examples(4, 3, lambda n: (n, 3)),
        _examples(4, 2, lambda n: (n, 3), lambda n: (2, 3)),
    )
    return Example(
        *plain.cases,
        *projected.cases,
        dtypes="f",
        domain=(-1.0, 1.0),
        special=(0.5, -0.5, 0.0),
        tolerance=4096.0,
    )


# (input product [total, 4 H] of the gates i f g o, hidden weight [4 H, R], h [N, R], c [N, H], and
# the projection [R, H] if there is one) -> (results [total, R], last h, last c, and for the
# gradient: gates, cells, and h before each step). attrs: (sizes, whether the steps run
# backwards)
LSTM = _made(
    "lstm", _lstm_run, _lstm_back, _lstm_shapes,
    lambda n: (n.i(1), n.o(3), n.o(4), n.i(3), n.i(4) if n.count == 5 else None),
    _lstm_finish, _lstm_back_shapes, _lstm_examples(),
)  # fmt: skip
# (input product [total, 3 H] of the gates r z n, hidden weight [3 H, H], h [N, H], and the bias of
# the hidden product) -> (results, last h, and for the gradient: gates with the hidden product of n,
# h before each step)
GRU = _made(
    "gru", _gru_run, _gru_back, _gru_shapes, lambda n: (n.i(1), n.o(2), n.o(3)), _gru_finish,
    _gru_back_shapes,
    Example(
        *_examples(3, 3).cases, *_examples(3, 3, lambda n: (9,)).cases, dtypes="f",
        domain=(-1.0, 1.0), special=(0.5, -0.5, 0.0), tolerance=4096.0,
    ),
)  # fmt: skip


def _plain(name: str, function: Any, slope: Any) -> Op:
    return _made(
        name, _plain_run(function), _plain_back(slope), _plain_shapes, lambda n: (n.i(1), n.o(0)),
        lambda n, made: (made[0], _weight(n, made[0], 2, 1), made[1]),
        lambda metas, attrs: (metas[0].shape, metas[1].shape), _examples(1, 3),
    )  # fmt: skip


# (input product [total, H], hidden weight [H, H], h [N, H]) -> (results, last h, h before each
# step)
RNN_TANH = _plain("rnn_tanh", np.tanh, lambda t, out: 1 - out * out)
RNN_RELU = _plain("rnn_relu", lambda x: np.maximum(x, 0), lambda t, out: t.positive(out))
