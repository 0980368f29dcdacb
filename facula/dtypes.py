"""Data types: their names, sizes and kinds, NumPy's equivalents, and PyTorch's promotion rules.

A dtype is a singleton, compared by identity. `repr` is PyTorch's text ("torch.float32"), because
users print dtypes and the printed text of an unmodified script must not change.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_BOOL, _INT, FLOAT, _COMPLEX = range(4)


class dtype:
    """The type of a tensor's elements, e.g. ``facula.float32``. Instances are singletons."""

    __slots__ = ("name", "np", "itemsize", "category", "rank", "is_signed", "alias")

    def __init__(
        self,
        name: str,
        numpy_type: object | None,
        category: int,
        rank: int,
        signed: bool = True,
        alias: str | None = None,
    ) -> None:
        self.name = name
        self.np: np.dtype[Any]
        self.itemsize = 2
        if numpy_type is not None:
            self.np = np.dtype(numpy_type)  # type: ignore[call-overload]
            self.itemsize = self.np.itemsize
        self.category = category
        self.rank = rank
        self.is_signed = signed
        self.alias = alias

    def __getattr__(self, name: str) -> Any:
        # Reached only where a slot is empty: NumPy's type of bfloat16, whose package takes time to
        # import and which few programs use.
        if name != "np" or self.name != "bfloat16":
            raise AttributeError(f"'dtype' object has no attribute {name!r}", name=name, obj=self)
        from ml_dtypes import bfloat16

        found = np.dtype(bfloat16)
        self.np = found
        return found

    @property
    def is_floating_point(self) -> bool:
        return self.category == FLOAT

    @property
    def is_complex(self) -> bool:
        return self.category == _COMPLEX

    @property
    def is_differentiable(self) -> bool:
        """Whether tensors of this dtype can require gradients (floating point and complex)."""
        return self.category >= FLOAT

    @property
    def is_integral(self) -> bool:
        """Whether this is an integer type; bool is not."""
        return self.category == _INT

    def to_complex(self) -> dtype:
        """The complex dtype of this precision, complex64 at least. RuntimeError for integers."""
        if not self.is_differentiable:
            raise RuntimeError(f"Unknown Complex ScalarType for {type_name(self)}")
        return {float64: complex128, complex128: complex128}.get(self, complex64)

    def to_real(self) -> dtype:
        return {complex128: float64, complex64: float32}.get(self, self)

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name


bool_ = dtype("bool", np.bool_, _BOOL, 0, signed=False)
uint8 = dtype("uint8", np.uint8, _INT, 1, signed=False)
int8 = dtype("int8", np.int8, _INT, 1)
int16 = dtype("int16", np.int16, _INT, 2, alias="short")
int32 = dtype("int32", np.int32, _INT, 3, alias="int")
int64 = dtype("int64", np.int64, _INT, 4, alias="long")
float16 = dtype("float16", np.float16, FLOAT, 5, alias="half")
bfloat16 = dtype("bfloat16", None, FLOAT, 5)
float32 = dtype("float32", np.float32, FLOAT, 6, alias="float")
float64 = dtype("float64", np.float64, FLOAT, 7, alias="double")
complex64 = dtype("complex64", np.complex64, _COMPLEX, 8, alias="cfloat")
complex128 = dtype("complex128", np.complex128, _COMPLEX, 9, alias="cdouble")

ALL = (
    bool_, uint8, int8, int16, int32, int64, float16, bfloat16, float32, float64, complex64,
    complex128,
)  # fmt: skip
BY_NAME = {d.name: d for d in ALL}
_BY_NUMPY = {d.np: d for d in ALL if d is not bfloat16}

_default = float32


def get_default_dtype() -> dtype:
    """The floating-point dtype that new tensors get where none is given."""
    return _default


def choose_default_dtype(d: dtype) -> None:
    """Sets what `get_default_dtype` gives. For trace/default_dtype.py, which does what follows."""
    global _default
    _default = d


def from_numpy_dtype(d: np.dtype) -> dtype:
    """The dtype of a NumPy dtype. Raises TypeError for one that tensors cannot hold."""
    found = _BY_NUMPY.get(d)
    if found is None:
        if d.kind in "biufc":
            found = _BY_NUMPY.get(d.newbyteorder("="))
        elif d.name == "bfloat16":
            found = bfloat16
    if found is None:
        raise TypeError(
            f"can't convert np.ndarray of type {d}. The only supported types are: float64, "
            "float32, float16, complex64, complex128, int64, int32, int16, int8, uint8, and bool."
        )
    return found


def is_half(d: dtype) -> bool:
    """Whether this is a 16-bit float, which formulas compute in float32."""
    return d is float16 or d is bfloat16


_KINDS = {
    "float32": "Float", "float64": "Double", "float16": "Half", "bfloat16": "BFloat16",
    "int64": "Long", "int32": "Int", "int16": "Short", "int8": "Char", "uint8": "Byte",
    "bool": "Bool", "complex64": "ComplexFloat", "complex128": "ComplexDouble",
}  # fmt: skip


def type_name(d: dtype) -> str:
    """PyTorch's name of a dtype in errors: Float, Long, ..."""
    return _KINDS[d.name]


def promote_types(a: dtype, b: dtype) -> dtype:
    """The smallest dtype to which both convert by PyTorch's rules."""
    if not isinstance(a, dtype) or not isinstance(b, dtype):
        wrong = a if not isinstance(a, dtype) else b
        raise TypeError(
            f"promote_types(): arguments must be torch.dtype, not {type(wrong).__name__}"
        )
    if a is b:
        return a
    if a.rank > b.rank:
        a, b = b, a
    if b.category == _COMPLEX:
        if a is float64 or b is complex128:
            return complex128
        return b
    if a.rank == b.rank:  # the pairs that have no common member: uint8/int8 and float16/bfloat16
        return int16 if a.category == _INT else float32
    if a is uint8 and b.category == _INT:
        return b
    return b


def can_cast(source: dtype, target: dtype) -> bool:
    """Whether a value of `source` may be stored into `target` in place."""
    if source.category > target.category:
        return False
    return True


def convert(a: np.ndarray, d: dtype) -> np.ndarray:
    """The array in another dtype, with PyTorch's conversions."""
    if a.dtype == d.np:
        return a
    if a.dtype.kind == "c" and not d.is_complex and d is not bool_:
        a = a.real
    if a.dtype.kind == "V" and d.np.kind != "f":  # bfloat16 knows only the float types
        a = a.astype(np.float32)
    if a.dtype.kind == "f" and d.is_integral:
        with np.errstate(all="ignore"):
            return a.astype(np.int64).astype(d.np)
    return rounded(a, d.np)


def rounded(a: np.ndarray, to: np.dtype) -> np.ndarray:
    """The array in another of NumPy's dtypes; in a 16-bit float by way of float32, as PyTorch and
    machine code do it (NumPy rounds once, and so does ml_dtypes from its release 0.7 on).
    """
    if to.itemsize != 2 or to.kind not in "fV" or a.dtype == to:
        return a.astype(to, copy=False)
    with np.errstate(over="ignore"):
        return a.astype(np.float32, copy=False).astype(to)


class finfo:
    """Limits of a floating-point dtype: bits, eps, max, min, tiny, smallest_normal, resolution."""

    def __init__(self, type: dtype | None = None) -> None:
        d = type or _default
        if not isinstance(d, dtype):
            raise TypeError(
                "finfo(): argument 'type' (position 1) must be torch.dtype, not "
                f"{d.__class__.__name__}"
            )
        if not (d.is_floating_point or d.is_complex):
            raise TypeError(
                "torch.finfo() requires a floating point input type. Use torch.iinfo to handle "
                f"'torch.{d.name}'"
            )
        real = d.to_real()
        from ml_dtypes import finfo as limits

        info = limits(real.np)
        self.bits = real.itemsize * 8
        self.eps, self.max, self.min = float(info.eps), float(info.max), float(info.min)
        self.tiny = self.smallest_normal = float(info.smallest_normal)
        digits = {"float16": 3, "bfloat16": 2, "float32": 6, "float64": 15}
        self.resolution = 10.0 ** -digits[real.name]
        self.dtype = real.name

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, "
            f"eps={self.eps:g}, smallest_normal={self.tiny:g}, tiny={self.tiny:g}, "
            f"dtype={self.dtype})"
        )


class iinfo:
    """Limits of an integer dtype: bits, max, min."""

    def __init__(self, type: dtype) -> None:
        if not type.is_integral:
            raise TypeError(
                "torch.iinfo() requires an integer input type. Use torch.finfo to handle "
                f"'torch.{type.name}'"
            )
        info = np.iinfo(type.np)
        self.bits, self.max, self.min, self.dtype = (
            info.bits,
            int(info.max),
            int(info.min),
            type.name,
        )

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"
