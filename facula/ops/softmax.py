"""Softmax, its logarithm, and softplus.

They are records and not composites because their gradients are shorter in terms of their result
than what the chain rule makes of their parts, and (softplus) finite where that gives infinity times
zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..trace.recorder import record1
from ..trace.values import Value, meta
from .elementwise import EXP, SIGMOID, _elementwise, mul, sub
from .lowering import Number, Terms
from .record import NOT_FINITE, Example, Op, convert
from .reduce import SUM


def _rule(metas: Any, attrs: Any) -> Any:
    return (meta(metas[0].shape, metas[0].dtype),)


def _wide(a: np.ndarray) -> np.ndarray:
    return a.astype(np.float32) if a.dtype.itemsize == 2 else a


def log_softmax_of(a: np.ndarray, axis: int) -> np.ndarray:
    """The logarithm of the softmax of an array, in float32 at least."""
    a = _wide(a)
    if a.size == 0:
        return a.copy()
    shifted = a - a.max(axis=axis, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True)))


def _softmax(arrays: Any, attrs: Any, metas: Any) -> Any:
    a, axis = _wide(arrays[0]), attrs[0]
    if a.size == 0:
        return arrays[0].copy()
    ex = np.subtract(a, np.maximum.reduce(a, axis, keepdims=True))
    np.exp(ex, ex)
    np.divide(ex, np.add.reduce(ex, axis, keepdims=True), ex)
    return ex if ex.dtype is arrays[0].dtype else convert(ex, metas[0].dtype)


def exponentials(t: Terms, x: int, axis: int) -> tuple[int, int, int]:
    """(maximum, exp(x - maximum), its sum) along an axis: what all of these formulas share."""
    top = t.reduce("max", x, (axis,))
    ex = t.op("exp", t.op("sub", x, top))
    return top, ex, t.reduce("sum", ex, (axis,))


def _softmax_lower(b: Any, ins: list[int], node: Any) -> list[int] | None:
    if node.meta.numel == 0:
        return None
    t = Terms(b)
    _, ex, total = exponentials(t, ins[0], node.attrs[0])
    return [t.op("mul", ex, t.op("reciprocal", total))]  # one division for the whole row


def _log_softmax_lower(b: Any, ins: list[int], node: Any) -> list[int] | None:
    if node.meta.numel == 0:
        return None
    t = Terms(b)
    top, _, total = exponentials(t, ins[0], node.attrs[0])
    return [t.op("sub", t.op("sub", ins[0], top), t.op("log", total))]


def _softmax_gradient(n: Any, g: Value) -> Any:
    out = n.o()
    weighted = record1(SUM, mul(g, out), ((n.attrs[0],), True))
    return (mul(sub(g, weighted), out),)


def _log_softmax_gradient(n: Any, g: Value) -> Any:
    total = record1(SUM, g, ((n.attrs[0],), True))
    return (sub(g, mul(record1(EXP, n.o()), total)),)


_EXAMPLE = Example(
    *(
        ((shape,), (axis,))
        for shape,
        axis in (((1,), 0), ((7,), 0), ((3, 17), 1), ((3, 17), 0), ((5, 4, 3), 1), ((0, 3), 1),
            ((301, 250), 1))
    ),
    dtypes="f", special=NOT_FINITE, tolerance=64.0,
)  # fmt: skip

# attrs: (axis,); for floating-point tensors of at least one axis
SOFTMAX = Op(
    "softmax", "reduction", _rule, _softmax, _softmax_gradient, _softmax_lower, example=_EXAMPLE
)
LOG_SOFTMAX = Op(
    "log_softmax",
    "reduction",
    _rule,
    lambda arrays, attrs, metas: convert(log_softmax_of(arrays[0], attrs[0]), metas[0].dtype),
    _log_softmax_gradient,
    _log_softmax_lower,
    example=_EXAMPLE,
)


def _softplus_lower(b: Any, ins: list[int], node: Any) -> list[int]:
    t = Terms(b)
    x = b.cast(ins[0], node.meta.dtype)
    tail = t.op("log1p", t.op("exp", t.op("neg", t.op("abs", x))))
    return [t.op("add", t.op("maximum", x, Number(0.0)), tail)]


def _softplus(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))


# log(1 + exp(x)), for any x
SOFTPLUS = _elementwise(
    "softplus", _softplus, "float", lambda n, g: (mul(g, record1(SIGMOID, n.i(0))),)
)
SOFTPLUS.lower = _softplus_lower
