"""Activations that let a share of x through: GELU and SiLU, x times a share that x itself decides.

Each is a primitive, because its gradient is one number for every element, which the forward
direction can compute and keep while it has the share at hand: of the composite, whose gradient
has a term for each of its two paths, three arrays were kept and the exponential stayed for the
backward direction. Formulas are written once, for arrays, nodes of the graph and recorded values.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..dtypes import float32, is_half
from ..trace.recorder import record1, state
from ..trace.values import Value
from . import elementwise as e
from . import special
from .elementwise_op import elementwise
from .lowering import Number, Terms
from .record import Op

_ROOT_HALF, _DENSITY = math.sqrt(0.5), 1 / math.sqrt(2 * math.pi)
_ROOT, _CUBIC = math.sqrt(2 / math.pi), 0.044715

Formula = Callable[[Any, Any], Any]


class _Arrays:
    """What the formulas need, on arrays."""

    add, sub, mul, tanh = np.add, np.subtract, np.multiply, np.tanh
    bell, ndtr = staticmethod(special.bell), staticmethod(special.ndtr)
    sigmoid = staticmethod(special.sigmoid)


class _Recorded:
    """The same on recorded values, of ops that have gradients."""

    add, sub, mul = (staticmethod(f) for f in (e.add, e.sub, e.mul))
    tanh, sigmoid = (staticmethod(lambda v, op=op: record1(op, v)) for op in (e.TANH, e.SIGMOID))

    @staticmethod
    def bell(x: Any) -> Any:
        return record1(e.EXP, e.mul(e.mul(x, x), -0.5))

    @staticmethod
    def ndtr(x: Any) -> Any:
        return e.mul(e.add(record1(e.ERF, e.mul(x, _ROOT_HALF)), 1.0), 0.5)


class _Nodes:
    """The same on nodes of a graph."""

    def __init__(self, b: Any) -> None:
        self.terms = Terms(b)

    def __getattr__(self, name: str) -> Callable[..., int]:
        return lambda *operands: self.terms.op(
            name, *(Number(x) if type(x) is float else x for x in operands)
        )

    def ndtr(self, x: int) -> int:
        tail = self.mul(self.bell(x), self.normal_tail(x))
        return self.where(self.ge(x, 0.0), self.sub(1.0, tail), tail)


def _gelu(t: Any, x: Any) -> Any:
    return t.mul(x, t.ndtr(x))


def _gelu_slope(t: Any, x: Any) -> Any:
    return t.add(t.ndtr(x), t.mul(x, t.mul(t.bell(x), _DENSITY)))


def _inner(t: Any, x: Any, square: Any) -> Any:
    return t.mul(t.add(t.mul(t.mul(square, x), _CUBIC), x), _ROOT)


def _gelu_by_tanh(t: Any, x: Any) -> Any:
    return t.mul(t.mul(x, 0.5), t.add(t.tanh(_inner(t, x, t.mul(x, x))), 1.0))


def _gelu_by_tanh_slope(t: Any, x: Any) -> Any:
    square = t.mul(x, x)
    share = t.tanh(_inner(t, x, square))
    steep = t.mul(t.add(t.mul(square, 3 * _CUBIC), 1.0), _ROOT)
    rest = t.mul(t.mul(t.mul(x, 0.5), t.sub(1.0, t.mul(share, share))), steep)
    return t.add(t.mul(t.add(share, 1.0), 0.5), rest)


def _silu(t: Any, x: Any) -> Any:
    return t.mul(x, t.sigmoid(x))


def _silu_slope(t: Any, x: Any) -> Any:
    share = t.sigmoid(x)
    return t.mul(share, t.add(t.mul(x, t.sub(1.0, share)), 1.0))


def _lower(formula: Formula) -> Callable[..., list[int]]:
    def lower(b: Any, ins: list[int], node: Any) -> list[int]:
        d = node.meta.dtype
        x = b.cast(b.cast(ins[0], d), float32 if is_half(d) else d)
        return [b.cast(formula(_Nodes(b), x), d)]

    return lower


def _made(name: str, formula: Formula, slope: Formula, grad_name: str) -> Op:
    """The record of an activation, and that of its slope, which nobody differentiates."""

    def gradient(n: Any, g: Value) -> tuple[Value]:
        x = n.i(0)
        # A gradient that is itself differentiated is made of ops.
        steep = slope(_Recorded, x) if state.tr.grad else record1(slope_op, x)
        return (e.mul(g, steep),)

    op = elementwise(
        name, lambda x: formula(_Arrays, x), "float", gradient, grad_name, dtypes="bif"
    )
    slope_op = elementwise(f"{name}_slope", lambda x: slope(_Arrays, x), "float", dtypes="bif")
    op.lower, slope_op.lower = _lower(formula), _lower(slope)
    return op


GELU = _made("gelu", _gelu, _gelu_slope, "GeluBackward0")
GELU_BY_TANH = _made("gelu_by_tanh", _gelu_by_tanh, _gelu_by_tanh_slope, "GeluBackward0")
SILU = _made("silu", _silu, _silu_slope, "SiluBackward0")
