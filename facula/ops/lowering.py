"""Helpers of lowerings that are a formula and not one node: a softmax, a loss, a normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import bool_, dtype
from ..trace.values import Shape
from . import special
from .record import check_broadcast

_NUMPY: dict[str, Any] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "neg": np.negative,
    "exp": np.exp, "log": np.log, "log1p": np.log1p, "sqrt": np.sqrt, "abs": np.abs,
    "reciprocal": np.reciprocal, "maximum": np.maximum, "sum": np.sum, "max": np.max,
    "tanh": np.tanh, "sigmoid": special.sigmoid, "bell": special.bell,
    "normal_tail": special.normal_tail, "eq": np.equal, "ne": np.not_equal,
    "ge": np.greater_equal, "le": np.less_equal, "where": np.where, "logical_and": np.logical_and,
}  # fmt: skip
_TESTS = frozenset({"eq", "ne", "ge", "le", "logical_and"})


class _Shaped:
    __slots__ = ("shape",)

    def __init__(self, shape: Shape) -> None:
        self.shape = shape


class Terms:
    """Adds nodes to a graph with broadcasting and with numbers as operands."""

    def __init__(self, b: Any) -> None:
        self.b = b

    def shape(self, v: int) -> Shape:
        return self.b.graph.shapes[v]

    def dtype(self, v: int) -> dtype:
        return self.b.graph.dtypes[v]

    def op(self, name: str, *operands: Any) -> int:
        """An elementwise node. Operands are values of one dtype (after the condition of
        `where`).
        """
        values = [v for v in operands if type(v) is int]
        shape = check_broadcast([_Shaped(self.shape(v)) for v in values])  # type: ignore[misc]
        d = self.dtype(values[-1])
        ins = tuple(
            self.b.expand(v, shape) if type(v) is int else self.b.constant(v.value, d, shape)
            for v in operands
        )
        return int(self.b.add(name, ins, shape, bool_ if name in _TESTS else d, host=_NUMPY[name]))

    def reduce(self, name: str, v: int, axes: tuple[int, ...]) -> int:
        """A reduction that keeps the axes, with size 1."""
        shape = self.shape(v)
        left = tuple(n for k, n in enumerate(shape) if k not in axes)
        kept = tuple(1 if k in axes else n for k, n in enumerate(shape))
        function = _NUMPY[name]
        r = self.b.add(
            name, (v,), left, self.dtype(v), (axes,), host=lambda a: function(a, axis=axes)
        )
        return int(self.b.reshape(r, kept))


class Number:
    """A constant operand of `Terms.op`: a number there would be taken for a value's number."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value
