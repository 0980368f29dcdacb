"""The parts of complex tensors, and complex tensors from their parts."""

from __future__ import annotations

import math

from ..dtypes import get_default_dtype
from ..ops import elementwise as e
from ..ops import elementwise_rare as rare
from ..tensor import Tensor, wrap
from ..trace.recorder import record1, record2
from .pointwise import check_tensor, where
from .registry import public


@public()
def real(input: Tensor) -> Tensor:
    """The real part (a copy; the tensor itself if it is real)."""
    check_tensor(input, "real")
    return wrap(record1(e.REAL, input._v)) if input.is_complex() else input


@public()
def imag(input: Tensor) -> Tensor:
    """The imaginary part (a copy). Raises RuntimeError for real tensors."""
    check_tensor(input, "imag")
    if not input.is_complex():
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return wrap(record1(e.IMAG, input._v))


@public(aliases=("conj_physical", "resolve_conj", "resolve_neg"))
def conj(input: Tensor) -> Tensor:
    """The complex conjugate."""
    check_tensor(input, "conj")
    return wrap(record1(e.CONJ, input._v)) if input.is_complex() else input


@public(out=True, grad_name="AngleBackward0")
def angle(input: Tensor) -> Tensor:
    """The argument of complex numbers, in radians; 0 or pi for real ones."""
    check_tensor(input, "angle")
    if input.is_complex():
        return wrap(record1(rare.ANGLE, input._v))
    d = input.dtype if input.dtype.is_floating_point else get_default_dtype()
    half_turn: Tensor = input.new_full((), math.pi, dtype=d)
    angles = where(input < 0, half_turn, 0.0)
    return where(input.isnan(), input, angles)


@public("complex", method=False, out=True)
def complex_(real: Tensor, imag: Tensor) -> Tensor:
    """A complex tensor from its parts, of one floating-point dtype."""
    check_tensor(real, "complex", "real", 1)
    check_tensor(imag, "complex", "imag")
    if real.dtype is not imag.dtype:
        names = {"float64": "Double", "float32": "Float", "float16": "Half"}
        raise RuntimeError(
            f"Expected object of scalar type {names.get(real.dtype.name, real.dtype.name)} but got "
            f"scalar type {names.get(imag.dtype.name, imag.dtype.name)} for second argument"
        )
    if real.dtype.name not in ("float64", "float32", "float16"):
        raise RuntimeError(
            f"Expected both inputs to be Half, Float or Double tensors but got {real.dtype.name} "
            f"and {imag.dtype.name}"
        )
    return wrap(record2(e.COMPLEX, real._v, imag._v))


@public(method=False, out=True, grad_name="PolarBackward0")
def polar(abs: Tensor, angle: Tensor) -> Tensor:
    """A complex tensor from modulus and angle in radians."""
    return complex_(abs * angle.cos(), abs * angle.sin())


@public(method=False)
def view_as_real(input: Tensor) -> Tensor:
    """The parts along a new last axis of size 2 (a copy)."""
    if not input.is_complex():
        raise RuntimeError("view_as_real is only supported for complex tensors")
    from .shape import stack

    return stack([real(input), imag(input)], -1)


@public(method=False)
def view_as_complex(input: Tensor) -> Tensor:
    """A complex tensor from the parts along the last axis, of size 2 (a copy)."""
    if not input.dtype.is_floating_point:
        raise RuntimeError(
            "view_as_complex is only supported for floating point tensors, but got a tensor of "
            f"scalar type: {input.dtype.name}"
        )
    if input.ndim == 0 or input.shape[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")
    parts = input.unbind(-1)
    return complex_(parts[0], parts[1])


@public(method=False)
def isreal(input: Tensor) -> Tensor:
    """True where the imaginary part is 0."""
    check_tensor(input, "isreal")
    return imag(input) == 0 if input.is_complex() else input.new_ones(input.shape, dtype=_bool())


def _bool() -> object:
    from ..dtypes import bool_

    return bool_


Tensor.isreal = isreal  # type: ignore[attr-defined]
Tensor.real = property(real)  # type: ignore[attr-defined]
Tensor.imag = property(imag)  # type: ignore[attr-defined]
