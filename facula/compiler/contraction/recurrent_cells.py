"""The formulas of recurrent cells on vectors of units: one step forwards, one step back.

Everything here concerns one row of the batch and one vector of units; the products with the hidden
weight are done (recurrent.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..emitter import V
from ..scalar_code import constant, emit_op
from ..vector_math_exponential import expm1_parts
from ..vector_math_expression import Number, clamp_below, fma, where
from ..writer import Writer

Load = Callable[[str, int], Any]  # (name of an array, gate): its vector in this row, or None
Store = Callable[[str, int, V], None]


class Formulas:
    """Arithmetic on vectors of one dtype."""

    def __init__(self, w: Writer, tag: str, lanes: int) -> None:
        self.w, self.tag, self.lanes = w, tag, lanes

    def _op(self, name: str, *operands: V) -> V:
        return emit_op(self.w, name, list(operands), self.tag, self.tag)

    def number(self, value: float) -> V:
        return constant(self.w, value, self.tag, self.lanes)

    def add(self, a: V, b: V) -> V:
        return self._op("add", a, b)

    def sub(self, a: V, b: V) -> V:
        return self._op("sub", a, b)

    def mul(self, a: V, *more: V) -> V:
        for b in more:
            a = self._op("mul", a, b)
        return a

    def _exponential(self, x: V, factor: float) -> tuple[Number, Number, Number]:
        """(x, s, s p) with exp(-factor |x|) = s + s p; numbers too small for a normal one stop."""
        number = Number(self.w, x)
        argument = clamp_below(abs(number) * -factor, number.pick(-87, -708))
        p, s = expm1_parts(argument, 1.0)
        return number, s, p

    def _sigmoid(self, x: V) -> tuple[Number, Number]:
        """A numerator, and a denominator from 1 to 2, which is no NaN."""
        number, s, p = self._exponential(x, 1.0)
        z = fma(s, p, s)
        return where(number >= 0, 1.0, z), where(z < 1, z, 1.0) + 1

    def _tanh(self, x: V) -> tuple[Number, Number]:
        """-e / (2 + e) with e = exp(-2 |x|) - 1, in which small numbers keep all their digits."""
        number, s, p = self._exponential(x, 2.0)
        e = fma(s, p, s - 1)
        return e.copysign(number), where(e < 0, e, 0.0) + 2

    def gates(self, sigmoids: Sequence[V], tanhs: Sequence[V]) -> list[V]:
        """The sigmoids of some vectors, then the hyperbolic tangents of others.

        Four divisions take longer than the polynomials. The denominators lie between 1 and 2, so
        one division gives all quotients: 1 / a = b / (a b). A NaN is in the numerator alone, and
        stays with its own gate.
        """
        parts = [*map(self._sigmoid, sigmoids), *map(self._tanh, tanhs)]
        if len(parts) == 1:
            ((numerator, denominator),) = parts
            return [(numerator / denominator).v]
        found = self._inverses([d for _, d in parts])
        return [(n * i).v for (n, _), i in zip(parts, found, strict=True)]

    def _inverses(self, numbers: list[Number]) -> list[Number]:
        if len(numbers) == 1:
            return [1.0 / numbers[0]]
        pairs = [a * b for a, b in zip(numbers[::2], numbers[1::2], strict=False)]
        if len(numbers) % 2:
            pairs.append(numbers[-1])
        out = []
        for k, inverse in enumerate(self._inverses(pairs)):
            pair = numbers[2 * k : 2 * k + 2]
            out += [inverse] if len(pair) == 1 else [inverse * pair[1], inverse * pair[0]]
        return out

    def tanh(self, x: V) -> V:
        return self.gates([], [x])[0]

    def relu(self, x: V) -> V:
        return self._op("relu", x)

    def rest(self, x: V) -> V:
        """1 - x."""
        return self.sub(self.number(1.0), x)

    def logistic_slope(self, y: V) -> V:
        return self.mul(y, self.rest(y))

    def tanh_slope(self, y: V) -> V:
        return self.rest(self.mul(y, y))

    def positive(self, y: V) -> V:
        """1 where y > 0, else 0."""
        test = self.w.compare("fcmp", "ogt", y, self.number(0.0))
        return self.w.select(test, self.number(1.0), self.number(0.0))


@dataclass(frozen=True)
class Cell:
    """A kind of layer.

    gates: vectors of the hidden product for each vector of units; kept: gates that the layer keeps
    for its gradient. operands, results: names of the arrays of the layer, of which the biases at
    the end may be missing; gradient_operands and gradient_results: of its gradient, each in the
    order of the node. The formulas find the state
    of the step before as "before": for the LSTM's gradient that of the cell, else the result.
    """

    gates: int
    kept: int
    operands: tuple[str, ...]
    results: tuple[str, ...]
    gradient_operands: tuple[str, ...]
    gradient_results: tuple[str, ...]
    forward: Callable[[Formulas, Sequence[V], Load, Store], V]
    backward: Callable[[Formulas, V, Load, Store], V]
    # (operand, result) where the formulas read a place of one before they write that of the other,
    # and nobody reads it again: they may be one memory. Of the layer, then of its gradient.
    shared: tuple[tuple[str, str], ...] = ()
    gradient_shared: tuple[tuple[str, str], ...] = ()


def _given(f: Formulas, load: Load, gate: int) -> V:
    """What the input gives to a gate."""
    x, bias = load("p", gate), load("bias", gate)
    return x if bias is None else f.add(x, bias)


def _lstm(f: Formulas, product: Sequence[V], load: Load, store: Store) -> V:
    i, r, n, o = (f.add(x, _given(f, load, q)) for q, x in enumerate(product))
    i, r, o, n = f.gates([i, r, o], [n])
    for q, x in enumerate((i, r, n, o)):
        store("gates", q, x)
    c = f.add(f.mul(r, load("c", 0)), f.mul(i, n))
    store("cells", 0, c)
    store("c", 0, c)
    return f.mul(o, f.tanh(c))


def _lstm_back(f: Formulas, d: V, load: Load, store: Store) -> V:
    i, r, n, o = (load("gates", q) for q in range(4))
    top = f.tanh(load("cells", 0))
    dc = f.add(load("g_c0", 0), f.mul(d, o, f.tanh_slope(top)))
    store("step", 0, f.mul(dc, n, f.logistic_slope(i)))
    store("step", 1, f.mul(dc, load("before", 0), f.logistic_slope(r)))
    store("step", 2, f.mul(dc, i, f.tanh_slope(n)))
    store("step", 3, f.mul(d, top, f.logistic_slope(o)))
    store("g_c0", 0, f.mul(dc, r))
    store("results", 0, d)
    return f.number(0.0)


def _gru(f: Formulas, product: Sequence[V], load: Load, store: Store) -> V:
    bias = [load("hidden_bias", q) for q in range(3)]
    hidden = [x if b is None else f.add(x, b) for x, b in zip(product, bias, strict=True)]
    r, z = f.gates([f.add(_given(f, load, q), hidden[q]) for q in range(2)], [])
    n = f.tanh(f.add(_given(f, load, 2), f.mul(r, hidden[2])))
    for q, x in enumerate((r, z, n, hidden[2])):
        store("gates", q, x)
    return f.add(n, f.mul(z, f.sub(load("before", 0), n)))


def _gru_back(f: Formulas, d: V, load: Load, store: Store) -> V:
    r, z, n, q = (load("gates", k) for k in range(4))
    dz = f.mul(d, f.sub(load("previous", 0), n), f.logistic_slope(z))
    dn = f.mul(d, f.rest(z), f.tanh_slope(n))
    dr = f.mul(dn, q, f.logistic_slope(r))
    for k, x in enumerate((dr, dz, dn)):
        store("inputs", k, x)
    for k, x in enumerate((dr, dz, f.mul(dn, r))):
        store("step", k, x)
    return f.mul(d, z)


def _plain(name: str) -> Callable[[Formulas, Sequence[V], Load, Store], V]:
    def forward(f: Formulas, product: Sequence[V], load: Load, store: Store) -> V:
        x = f.add(_given(f, load, 0), product[0])
        return f.tanh(x) if name == "tanh" else f.relu(x)

    return forward


def _plain_back(name: str) -> Callable[[Formulas, V, Load, Store], V]:
    def backward(f: Formulas, d: V, load: Load, store: Store) -> V:
        y = load("out", 0)
        slope = f.tanh_slope(y) if name == "tanh" else f.positive(y)
        store("step", 0, f.mul(d, slope))
        return f.number(0.0)

    return backward


def _plain_cell(name: str) -> Cell:
    return Cell(
        1, 0, ("p", "w", "h0", "bias"), ("out", "h", "previous"), ("g_out", "g_h", "w", "out"),
        ("step", "g_h0"), _plain(name), _plain_back(name),
        (("p", "out"),), (("g_out", "step"),),
    )  # fmt: skip


CELLS = {
    "lstm": Cell(
        4, 4, ("p", "w", "h0", "c0", "bias"), ("out", "h", "c", "gates", "cells", "previous"),
        ("g_out", "g_h", "g_c", "w", "gates", "cells", "c0"),
        ("step", "g_h0", "g_c0", "results"), _lstm, _lstm_back,
        (("p", "gates"),), (("gates", "step"),),
    ),
    "gru": Cell(
        3, 4, ("p", "w", "h0", "hidden_bias", "bias"), ("out", "h", "gates", "previous"),
        ("g_out", "g_h", "w", "gates", "previous"), ("inputs", "g_h0", "step"), _gru, _gru_back,
    ),
    "rnn_tanh": _plain_cell("tanh"),
    "rnn_relu": _plain_cell("relu"),
}  # fmt: skip


def width_of(cell: Cell, name: str) -> int:
    """The width of an array, divided by that of the hidden state."""
    if name in ("p", "step", "inputs", "bias", "hidden_bias"):
        return cell.gates
    return cell.kept if name == "gates" else 1
