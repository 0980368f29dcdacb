"""The operators of tensors: forward, reflected and in place, from the functions of the same
meaning.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..ops.elementwise import ADD, DIV, MUL, SUB
from ..ops.record import Op
from ..tensor import Tensor, wrap
from ..tensor_sharing import update_part, write
from ..trace.recorder import record2
from ..trace.values import NUMBER, Value
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

_MISSING = object()


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


def _written(op: Op, method: Any) -> Any:
    """The in-place method of an operation on two operands, with less on the way where the other
    one is a tensor or a plain number and nothing unusual is said.
    """
    scales = op in (ADD, SUB)

    @functools.wraps(method)
    def write_result(self: Tensor, other: Any = _MISSING, **options: Any) -> Any:
        if isinstance(other, Tensor):
            b = other._v
        elif type(other) in NUMBER:
            b = other
        else:
            return method(self, *(() if other is _MISSING else (other,)), **options)
        if options:
            alpha = options.get("alpha") if scales and len(options) == 1 else None
            plain = type(alpha) is float and self._v.meta.dtype.is_differentiable
            if not plain or not isinstance(b, Value):
                return method(self, other, **options)
            b = record2(MUL, b, alpha)
        if self._base is not None and update_part(self, op, b):
            return self
        nv = record2(op, self._v, b)
        write(self, nv, False, nv.vid - 1)
        if self._fn_name is not None:
            self._fn_name = None
        return self

    return write_result


def _after_number(op: Op | None, method: Any) -> Any:
    """The reflected operator of an operation, with less on the way where the left operand is a
    plain number.
    """
    if op is None:
        return method

    @functools.wraps(method)
    def operate(self: Tensor, other: Any) -> Any:
        if type(other) in NUMBER:
            return wrap(record2(op, other, self._v))
        return method(self, other)

    return operate


_HOT = {"add": ADD, "sub": SUB, "mul": MUL, "truediv": DIV}
for _name, _op in (("add_", ADD), ("sub_", SUB), ("mul_", MUL), ("div_", DIV)):
    setattr(Tensor, _name, _written(_op, getattr(Tensor, _name)))
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
        setattr(Tensor, f"__r{_dunder}__", _after_number(_HOT.get(_dunder), _operator(_f, True)))
    if _assign:
        setattr(Tensor, f"__i{_dunder}__", getattr(Tensor, _assign))
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
