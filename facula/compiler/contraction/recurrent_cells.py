"""The formulas of recurrent cells on vectors of units: one step forwards, one step back.

Everything here concerns one row of the batch and one vector of units; the products with the hidden
weight are done (recurrent.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..emitter import V
from ..scalar_code import constant, emit_op
from ..writer import Writer

Load = Callable[[str, int], V]  # (name of an array, gate): its vector in this row
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

    def sigmoid(self, x: V) -> V:
        return self._op("sigmoid", x)

    def tanh(self, x: V) -> V:
        return self._op("tanh", x)

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
    for its gradient. operands, results: names of the arrays of the layer; gradient_operands and
    gradient_results: of its gradient, each in the order of the node. state: arrays of one row for
    each sequence that go from step to step, with the name of their first and last value.
    """

    gates: int
    kept: int
    operands: tuple[str, ...]
    results: tuple[str, ...]
    gradient_operands: tuple[str, ...]
    gradient_results: tuple[str, ...]
    state: tuple[tuple[str, str, str], ...]
    forward: Callable[[Formulas, Sequence[V], Load, Store], tuple[V, ...]]
    backward: Callable[[Formulas, V, Load, Store], V]


def _lstm(f: Formulas, product: Sequence[V], load: Load, store: Store) -> tuple[V, ...]:
    i, r, n, o = (f.add(x, load("p", q)) for q, x in enumerate(product))
    i, r, n, o = f.sigmoid(i), f.sigmoid(r), f.tanh(n), f.sigmoid(o)
    for q, x in enumerate((i, r, n, o)):
        store("gates", q, x)
    c = f.add(f.mul(r, load("before", 0)), f.mul(i, n))
    store("cells", 0, c)
    h = f.mul(o, f.tanh(c))
    store("out", 0, h)
    return h, c


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


def _gru(f: Formulas, product: Sequence[V], load: Load, store: Store) -> tuple[V, ...]:
    hidden = [f.add(x, load("bias", q)) for q, x in enumerate(product)]
    r = f.sigmoid(f.add(load("p", 0), hidden[0]))
    z = f.sigmoid(f.add(load("p", 1), hidden[1]))
    n = f.tanh(f.add(load("p", 2), f.mul(r, hidden[2])))
    for q, x in enumerate((r, z, n, hidden[2])):
        store("gates", q, x)
    h = f.add(n, f.mul(z, f.sub(load("previous", 0), n)))
    store("out", 0, h)
    return (h,)


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


def _plain(name: str) -> Callable[[Formulas, Sequence[V], Load, Store], tuple[V, ...]]:
    def forward(f: Formulas, product: Sequence[V], load: Load, store: Store) -> tuple[V, ...]:
        x = f.add(load("p", 0), product[0])
        h = f.tanh(x) if name == "tanh" else f.relu(x)
        store("out", 0, h)
        return (h,)

    return forward


def _plain_back(name: str) -> Callable[[Formulas, V, Load, Store], V]:
    def backward(f: Formulas, d: V, load: Load, store: Store) -> V:
        y = load("out", 0)
        slope = f.tanh_slope(y) if name == "tanh" else f.positive(y)
        store("step", 0, f.mul(d, slope))
        return f.number(0.0)

    return backward


_H = ("previous", "h0", "h")


def _plain_cell(name: str) -> Cell:
    return Cell(
        1, 0, ("p", "w", "h0"), ("out", "h", "previous"), ("g_out", "g_h", "w", "out"),
        ("step", "g_h0"), (_H,), _plain(name), _plain_back(name),
    )  # fmt: skip


CELLS = {
    "lstm": Cell(
        4, 4, ("p", "w", "h0", "c0"),
        ("out", "h", "c", "gates", "cells", "previous", "before"),
        ("g_out", "g_h", "g_c", "w", "gates", "cells", "before"),
        ("step", "g_h0", "g_c0", "results"),
        (_H, ("before", "c0", "c")), _lstm, _lstm_back,
    ),
    "gru": Cell(
        3, 4, ("p", "w", "h0", "bias"), ("out", "h", "gates", "previous"),
        ("g_out", "g_h", "w", "gates", "previous"), ("inputs", "g_h0", "step"),
        (_H,), _gru, _gru_back,
    ),
    "rnn_tanh": _plain_cell("tanh"),
    "rnn_relu": _plain_cell("relu"),
}  # fmt: skip


def width_of(cell: Cell, name: str) -> int:
    """The width of an array, divided by that of the hidden state."""
    if name in ("p", "step", "inputs", "bias"):
        return cell.gates
    return cell.kept if name == "gates" else 1
