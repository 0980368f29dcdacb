"""Sums of tensors with weights: interpolation, and products or quotients that are added."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import complex128, dtype, float64, type_name
from ..ops import elementwise as e
from ..ops.elementwise_logic import LT
from ..ops.record import promote_types
from ..tensor import Tensor, wrap
from ..tensor_sharing import lower_name
from ..trace.recorder import record, record2
from ..trace.values import NUMBER
from .pointwise import abs as absolute
from .pointwise import check_tensor, value_of
from .registry import public


@public(inplace=True, out=True)
def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """input + weight * (end - input), taken from the nearer of the two.

    The dtypes must agree and be floating point or complex.
    """
    if not (isinstance(input, Tensor) and isinstance(end, Tensor)):
        check_tensor(input, "lerp")
        check_tensor(end, "lerp", "end", 2)
    a, b = input._v, end._v
    kind = a.meta.dtype
    if b.meta.dtype is not kind:
        raise RuntimeError(
            f"expected dtype {lower_name(kind)} for `end` but got dtype {lower_name(b.meta.dtype)}"
        )
    if not kind.is_differentiable:
        raise NotImplementedError(f"\"lerp_kernel_scalar\" not implemented for '{type_name(kind)}'")
    if isinstance(weight, Tensor):
        w: Any = weight._v
        if w.meta.dtype is not kind:
            raise RuntimeError(
                f"expected dtype {lower_name(kind)} for `weight` but got dtype "
                f"{lower_name(w.meta.dtype)}"
            )
        step = record2(e.SUB, b, a)
        near = record2(e.ADD, a, record2(e.MUL, step, w))
        far = record2(e.ADD, b, record2(e.MUL, step, record2(e.SUB, w, 1)))
        r = wrap(record(e.WHERE, (record2(LT, absolute(weight)._v, 0.5), near, far)))
        r._fn_name = "LerpBackward1"
        return r
    w = weight if type(weight) in NUMBER else _weight(weight, kind)
    step = record2(e.SUB, b, a)
    if (-0.5 < w < 0.5) if type(w) in NUMBER else np.abs(w) < 0.5:
        v = record2(e.ADD, a, record2(e.MUL, step, w))
    else:  # in the precision in which the kernel has the weight
        precise = np.float64 if kind in (float64, complex128) else np.float32
        back = w - 1 if isinstance(w, complex) else precise(w).item() - 1
        v = record2(e.ADD, b, record2(e.MUL, step, back))
    r = wrap(v)
    r._fn_name = "LerpBackward0"
    return r


def _weight(weight: Any, kind: dtype) -> Any:
    """A number that tensors of this dtype can have as their weight, as Python has it."""
    if not isinstance(weight, (int, float, complex, np.number)):
        raise TypeError(
            "lerp(): argument 'weight' (position 3) must be Tensor or Number, not "
            f"{type(weight).__name__}"
        )
    if isinstance(weight, complex) and not kind.is_complex:
        raise RuntimeError(f"value cannot be converted to type {lower_name(kind)} without overflow")
    return value_of(weight, "lerp", "weight")


def _scaled(tensor1: Tensor, tensor2: Tensor, value: Any) -> Tensor:
    """The first factor times the number, in the dtype of both: PyTorch's order, by which results
    overflow.
    """
    scaled: Tensor = tensor1.to(promote_types(tensor1.dtype, tensor2.dtype)) * value
    return scaled


@public(inplace=True, out=True, grad_name="AddcmulBackward0")
def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """input + value * tensor1 * tensor2."""
    if value == 1:
        return input + tensor1 * tensor2
    return input + _scaled(tensor1, tensor2, value) * tensor2


@public(inplace=True, out=True, grad_name="AddcdivBackward0")
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """input + value * tensor1 / tensor2."""
    if not (tensor1.dtype.is_differentiable or tensor2.dtype.is_differentiable):
        raise RuntimeError(
            "Integer division with addcdiv is no longer supported, and in a future release "
            "addcdiv will perform a true "
            "division of tensor1 and tensor2."
        )
    if value == 1:
        return input + tensor1 / tensor2
    return input + _scaled(tensor1, tensor2, value) / tensor2
