"""Functions that compare whole tensors or ask for their kind."""

from __future__ import annotations

from typing import Any

from ..dtypes import can_cast, dtype, promote_types, type_name
from ..ops.record import common_dtype
from ..tensor import Tensor
from .pointwise import check_tensor, facts, value_of
from .registry import public


# ---------------------------------------------------------------- comparing whole tensors
@public()
def isclose(
    input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Tensor:
    """True where |input - other| <= atol + rtol * |other|. RuntimeError: the dtypes differ."""
    check_tensor(input, "isclose")
    check_tensor(other, "isclose")
    if input.dtype is not other.dtype:
        raise RuntimeError(f"{type_name(input.dtype)} did not match {type_name(other.dtype)}")
    close: Any = input == other
    if equal_nan:
        close = close | (input.isnan() & other.isnan())
    if rtol == 0 and atol == 0:
        return close
    gap = (input - other).abs()
    return close | (gap.isfinite() & (gap <= other.abs() * rtol + atol))


@public()
def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    """Whether all elements are close, see isclose."""
    if input.dtype is not other.dtype:
        raise RuntimeError(f"{type_name(input.dtype)} did not match {type_name(other.dtype)}")
    return bool(isclose(input, other, rtol, atol, equal_nan).all().item())


@public()
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether both have the same shape and elements."""
    check_tensor(input, "equal")
    check_tensor(other, "equal")
    if input._v.meta.shape != other._v.meta.shape:
        return False
    return bool((input == other).all().item())


@public(method=False)
def is_tensor(obj: Any) -> bool:
    """Whether the object is a tensor."""
    return isinstance(obj, Tensor)


@public(method=False)
def is_floating_point(input: Tensor) -> bool:
    """Whether the tensor's dtype is a floating-point one."""
    check_tensor(input, "is_floating_point")
    return input.is_floating_point()


@public(method=False)
def is_complex(input: Tensor) -> bool:
    """Whether the tensor's dtype is a complex one."""
    check_tensor(input, "is_complex")
    return input.is_complex()


@public(method=False)
def is_nonzero(input: Tensor) -> bool:
    """Whether a tensor of one element is not zero."""
    return bool(input)


@public(method=False)
def numel(input: Tensor) -> int:
    """The number of elements."""
    check_tensor(input, "numel")
    return input.numel()


@public(method=False)
def result_type(tensor1: Any, tensor2: Any) -> dtype:
    """The dtype of an operation on two tensors or numbers."""
    return common_dtype(
        [facts(value_of(tensor1, "result_type")), facts(value_of(tensor2, "result_type"))]
    )


@public(method=False)
def is_signed(input: Tensor) -> bool:
    """Whether the tensor's dtype has negative numbers."""
    check_tensor(input, "is_signed")
    return input.is_signed()


@public()
def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether both have the same shape."""
    check_tensor(input, "is_same_size")
    return tuple(input.shape) == tuple(other.shape)


public("promote_types", method=False)(promote_types)
public("can_cast", method=False)(lambda from_, to: can_cast(from_, to))
