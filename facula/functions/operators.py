"""The operators of tensors: forward, reflected and in place, from the functions of the same
meaning.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensor import Tensor
from .creation import from_numpy
from .linear import matmul
from .pointwise import (
    abs,
    add,
    bitwise_and,
    bitwise_left_shift,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
    div,
    eq,
    floor_divide,
    ge,
    gt,
    le,
    lt,
    mul,
    ne,
    neg,
    positive,
    pow,
    remainder,
    sub,
)


def _operator(function: Any, reflected: bool = False) -> Any:
    numbers = () if function is matmul else (int, float, bool, complex, np.generic)
    operands = (Tensor, np.ndarray, *numbers)

    def operate(self: Tensor, other: Any) -> Any:
        if not isinstance(other, operands):
            return NotImplemented
        return function(other, self) if reflected else function(self, other)

    return operate


def _invert(self: Tensor) -> Tensor:
    if self.dtype.is_differentiable:
        raise TypeError(
            "~ (operator.invert) is only implemented on integer and Boolean-type tensors"
        )
    return Tensor.bitwise_not(self)


def _conversion(kind: Any) -> Any:
    def convert(self: Tensor) -> Any:
        if self._v.meta.numel != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return kind(self.item())

    return convert


def _array_wrap(
    self: Tensor, array: np.ndarray, context: Any = None, return_scalar: bool = False
) -> Tensor:
    # NumPy's functions give tensors for tensors: np.sqrt(t). A mask comes as uint8, as PyTorch's.
    return from_numpy(array.astype(np.uint8) if array.dtype == bool else array)


def _inplace_operator(name: str) -> Any:
    def operate(self: Tensor, other: Any) -> Any:
        return getattr(self, name)(other)

    return operate


for _dunder, _f, _reflected, _assign in (
    ("add", add, True, "add_"),
    ("sub", sub, True, "sub_"),
    ("mul", mul, True, "mul_"),
    ("truediv", div, True, "div_"),
    ("floordiv", floor_divide, True, "floor_divide_"),
    ("mod", remainder, True, "remainder_"),
    ("pow", pow, True, "pow_"),
    ("and", bitwise_and, True, "bitwise_and_"),
    ("or", bitwise_or, True, "bitwise_or_"),
    ("xor", bitwise_xor, True, "bitwise_xor_"),
    ("lshift", bitwise_left_shift, True, "bitwise_left_shift_"),
    ("rshift", bitwise_right_shift, True, "bitwise_right_shift_"),
    ("eq", eq, False, ""),
    ("ne", ne, False, ""),
    ("lt", lt, False, ""),
    ("le", le, False, ""),
    ("gt", gt, False, ""),
    ("ge", ge, False, ""),
):
    if f"__{_dunder}__" not in Tensor.__dict__ or _dunder in ("eq", "ne"):
        setattr(Tensor, f"__{_dunder}__", _operator(_f))
    if _reflected:
        setattr(Tensor, f"__r{_dunder}__", _operator(_f, True))
    if _assign:
        setattr(Tensor, f"__i{_dunder}__", _inplace_operator(_assign))
Tensor.__float__ = _conversion(float)
Tensor.__int__ = _conversion(int)
Tensor.__complex__ = _conversion(complex)
Tensor.__array_wrap__ = _array_wrap  # type: ignore[attr-defined]
Tensor.__neg__ = neg
Tensor.__pos__ = positive
Tensor.__abs__ = abs
Tensor.__invert__ = _invert
Tensor.__matmul__ = _operator(matmul)
Tensor.__rmatmul__ = _operator(matmul, True)
