"""Data of Python as arrays: numbers, nested sequences, arrays. PyTorch's inference of dtype."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import (
    bool_,
    convert,
    dtype,
    float32,
    float64,
    from_numpy_dtype,
    get_default_dtype,
    int64,
    promote_types,
)
from ..tensor import Tensor


def _contains_tensor(data: Any) -> bool:
    return isinstance(data, (list, tuple)) and any(
        isinstance(x, Tensor) or _contains_tensor(x) for x in data
    )


def _plain(data: Any) -> Any:
    if isinstance(data, Tensor):
        return data.detach()._array()
    if isinstance(data, (list, tuple)):
        return [_plain(x) for x in data]
    return data


def _check_regular(data: Any, depth: int = 0) -> None:
    """Raises ValueError with PyTorch's text for nested sequences of unequal length."""
    if not isinstance(data, (list, tuple)) or not data:
        return
    if not isinstance(data[0], (list, tuple)):
        for x in data:
            if isinstance(x, (list, tuple)):
                raise TypeError("not a sequence")
        return
    n = len(data[0])
    for x in data:
        if not isinstance(x, (list, tuple)):
            raise TypeError("not a sequence")
        if len(x) != n:
            raise ValueError(f"expected sequence of length {n} at dim {depth + 1} (got {len(x)})")
        _check_regular(x, depth + 1)


def check_array(a: np.ndarray) -> None:
    """Raises ValueError for arrays that PyTorch does not take."""
    if a.dtype.byteorder not in "=|" and a.dtype != a.dtype.newbyteorder("="):
        raise ValueError("given numpy array has byte order different from the native byte order.")
    if any(s < 0 for s in a.strides):
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative "
            "strides are not currently supported. (You can probably work around this by making a "
            "copy of your array with array.copy().)"
        )


def to_numpy(data: Any, d: dtype | None = None) -> np.ndarray:
    """A fresh ndarray of data: numbers, nested sequences, arrays; with PyTorch's inference of
    dtype.
    """
    if type(data) in (list, float, int):
        known = _numbers(data, d)
        if known is not None:
            return known
    if isinstance(data, Tensor):
        a = data._array()
        return np.array(convert(a, d or data.dtype), copy=True)
    if isinstance(data, (np.ndarray, np.generic)):
        a = np.asarray(data)
        check_array(a)
        found = from_numpy_dtype(a.dtype)
        return np.array(convert(a, d or found), copy=True, order="C")
    if isinstance(data, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{type(data).__name__}'")
    if (
        isinstance(data, (list, tuple))
        or hasattr(data, "__len__")
        and not isinstance(data, (dict, set))
    ):
        a = _nested(data)
    else:
        a = np.asarray(data)
    if a.dtype.kind in "OSUM":
        a = _objects(a, data, d)
    if d is None:
        d = get_default_dtype() if a.size == 0 else inferred(a, data)
    if a.dtype.kind == "c" and not d.is_complex and d is not bool_:
        kind = "'complex' object cannot be interpreted as an integer"
        raise TypeError("must be real number, not complex" if d.is_floating_point else kind)
    if d.is_integral:
        _check_range(a, d)
    return np.ascontiguousarray(convert(a, d)).reshape(a.shape)


def _numbers(data: Any, d: dtype | None) -> np.ndarray | None:
    """A number, or a list of numbers of one type, in the dtype that the type suggests, which is
    known without a look at the array; None for others.
    """
    kinds = {*map(type, data)} if type(data) is list else {type(data)}
    if kinds == {float}:
        d = d or get_default_dtype()
        return np.array(data, d.np) if d in (float32, float64) else None
    if kinds != {int} or d not in (None, int64):
        return None
    try:
        return np.array(data, np.int64)
    except OverflowError:
        return None


def _nested(data: Any) -> np.ndarray:
    """Nested sequences as an ndarray. Raises ValueError and TypeError if they are ragged."""
    if _contains_tensor(data):
        data = _plain(data)
    elif isinstance(data, (list, tuple)):
        _check_regular(data)
    else:
        data = list(data)
    try:
        return np.asarray(data)
    except ValueError as e:
        raise ValueError(f"could not make a tensor of the sequence: {e}") from None


def _objects(a: np.ndarray, data: Any, d: dtype | None) -> np.ndarray:
    """What NumPy has no number for: integers beyond int64 where the dtype is floating point, or
    an error.
    """
    for k, x in enumerate(_flat(data)):
        if isinstance(x, str) and k == 0:
            raise ValueError("too many dimensions 'str'")
        if d is None and isinstance(x, (str, bytes)):
            raise TypeError(f"new(): invalid data type '{type(x).__name__}'")
        if not isinstance(x, (int, float, complex, np.generic)):
            name = type(x).__name__
            if d is None:
                raise RuntimeError(f"Could not infer dtype of {name}")
            if d.is_integral or d is bool_:
                raise TypeError(f"'{name}' object cannot be interpreted as an integer")
            raise TypeError(f"must be real number, not {name}")
    if d is None or not d.is_differentiable:
        raise ValueError("Overflow when unpacking long long")
    return a.astype(np.complex128 if d.is_complex else np.float64)


def _check_range(a: np.ndarray, d: dtype) -> None:
    """Raises RuntimeError for numbers that an integer dtype cannot hold."""
    if not a.size or a.dtype.kind == "b":
        return
    limits = np.iinfo(d.np)
    low = limits.min if a.dtype.kind == "f" or limits.min < 0 else -limits.max - 1
    with np.errstate(invalid="ignore"):
        fits = (a >= low) & (a <= limits.max)
    if not fits.all():
        raise RuntimeError(f"value cannot be converted to type {d.name} without overflow")


def _flat(data: Any) -> Any:
    if isinstance(data, (list, tuple)):
        for x in data:
            yield from _flat(x)
    else:
        yield data


def inferred(a: np.ndarray, data: Any) -> dtype:
    """The dtype of a tensor of this data, which NumPy has made `a` of."""
    kind = a.dtype.kind
    if any(isinstance(x, (np.ndarray, np.generic, Tensor)) for x in _flat(data)):
        found: dtype | None = None
        for x in _flat(data):
            one = x.dtype if isinstance(x, Tensor) else _of_number(x)
            found = one if found is None else promote_types(found, one)
        assert found is not None
        return found
    if kind == "f":
        return get_default_dtype()
    if kind == "c":
        return get_default_dtype().to_complex()
    return bool_ if kind == "b" else int64


def _of_number(x: Any) -> dtype:
    if isinstance(x, (np.ndarray, np.generic)):
        return from_numpy_dtype(x.dtype)
    if isinstance(x, bool):
        return bool_
    if isinstance(x, int):
        return int64
    return get_default_dtype().to_complex() if isinstance(x, complex) else get_default_dtype()
