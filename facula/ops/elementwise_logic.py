"""Elementwise predicates, logic and bits: the primitives without a gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .elementwise_op import elementwise as _elementwise
from .record import Op

EQ = _elementwise("eq", np.equal, "compare", arity=2)
NE = _elementwise("ne", np.not_equal, "compare", arity=2)
LT = _elementwise("lt", np.less, "compare", arity=2, dtypes="bif")
LE = _elementwise("le", np.less_equal, "compare", arity=2, dtypes="bif")
GT = _elementwise("gt", np.greater, "compare", arity=2, dtypes="bif")
GE = _elementwise("ge", np.greater_equal, "compare", arity=2, dtypes="bif")
ISNAN = _elementwise("isnan", np.isnan, "compare")
ISINF = _elementwise("isinf", np.isinf, "compare")
ISFINITE = _elementwise("isfinite", np.isfinite, "compare")
SIGNBIT = _elementwise("signbit", np.signbit, "compare", dtypes="bif")
LOGICAL_NOT = _elementwise("logical_not", np.logical_not, "bool")
LOGICAL_AND = _elementwise("logical_and", np.logical_and, "bool", arity=2)
LOGICAL_OR = _elementwise("logical_or", np.logical_or, "bool", arity=2)
LOGICAL_XOR = _elementwise("logical_xor", np.logical_xor, "bool", arity=2)


def _bitwise(name: str, function: Callable[..., Any], arity: int = 2, dtypes: str = "bi") -> Op:
    op = _elementwise(name, function, arity=arity, dtypes=dtypes)
    op.kind = "bitwise"
    return op


BITWISE_NOT = _bitwise("bitwise_not", np.invert, arity=1)
BITWISE_AND = _bitwise("bitwise_and", np.bitwise_and)
BITWISE_OR = _bitwise("bitwise_or", np.bitwise_or)
BITWISE_XOR = _bitwise("bitwise_xor", np.bitwise_xor)
LEFT_SHIFT = _bitwise("left_shift", np.left_shift, dtypes="i")
RIGHT_SHIFT = _bitwise("right_shift", np.right_shift, dtypes="i")
