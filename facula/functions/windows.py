"""More tensors from numbers: windows, `range`, matrices of powers, memory of other objects."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..dtypes import convert, dtype, get_default_dtype
from ..tensor import Tensor, from_array
from .creation import check_device, check_dtype, finish, from_numpy, tensor
from .pointwise import check_tensor
from .registry import NAMES, public, write_out


def _window(name: str, formula: Any, doc: str) -> None:
    def f(
        window_length: int,
        periodic: bool = True,
        *args: float,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
        **named: float,
    ) -> Tensor:
        check_device(device)
        d = check_dtype(dtype) or get_default_dtype()
        if not d.is_floating_point:
            raise RuntimeError(f"{name} expects floating point dtypes, got: {d!r}")
        n = window_length
        if n < 0:
            raise RuntimeError(f"{name} requires non-negative window_length, got window_length={n}")
        if n <= 1:
            return finish(from_array(np.ones(n, d.np), d), requires_grad)
        last = n if periodic else n - 1
        w = formula(np.arange(n, dtype=np.float64), last, *args, **named)
        return finish(from_array(convert(w, d), d), requires_grad)

    f.__name__ = f.__qualname__ = name
    f.__doc__ = doc
    public(name, method=False)(f)


def _hamming(k: np.ndarray, last: int, alpha: float = 0.54, beta: float = 0.46) -> np.ndarray:
    return alpha - beta * np.cos(2 * np.pi * k / last)


def _blackman(k: np.ndarray, last: int) -> np.ndarray:
    angle = 2 * np.pi * k / last
    return 0.42 - 0.5 * np.cos(angle) + 0.08 * np.cos(2 * angle)


def _kaiser(k: np.ndarray, last: int, beta: float = 12.0) -> np.ndarray:
    place = 1 - (2 * k / last - 1) ** 2
    return np.asarray(np.i0(beta * np.sqrt(np.maximum(place, 0.0))) / np.i0(beta))


_window("hann_window", lambda k, n: _hamming(k, n, 0.5, 0.5), "The Hann window.")
_window("hamming_window", _hamming, "The Hamming window, alpha - beta cos.")
_window("blackman_window", _blackman, "The Blackman window.")
_window(
    "bartlett_window", lambda k, n: 1 - np.abs(2 * k / n - 1), "The Bartlett window, a triangle."
)
_window("kaiser_window", _kaiser, "The Kaiser window of shape beta.")


@public("range", method=False)
def range_(
    start: Any,
    end: Any = None,
    step: Any = 1,
    *,
    out: Any = None,
    dtype: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """From start to end, both included: use arange, whose end is excluded as in Python."""
    import warnings

    if end is None:
        start, end = 0, start
    warnings.warn(
        "torch.range is deprecated and will be removed in a future release because its behavior is "
        "inconsistent with Python's range builtin. Instead, use torch.arange, which produces "
        "values in [start, end).",
        UserWarning,
        stacklevel=2,
    )
    check_device(device)
    d = check_dtype(dtype) or get_default_dtype()
    a = start + step * np.arange(math.floor((end - start) / step) + 1, dtype=np.float64)
    t = from_array(convert(np.asarray(a), d), d)
    return finish(t, requires_grad) if out is None else write_out(t, out)


@public(method=False)
def scalar_tensor(
    s: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """A 0-d tensor of a number, of the default dtype."""
    d = check_dtype(dtype) or get_default_dtype()
    return tensor(s, dtype=d, device=device, requires_grad=requires_grad)


@public(method=False)
def empty_strided(
    size: Any,
    stride: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor with the given strides, whose contents are not to be relied on."""
    if len(size) != len(stride):
        raise RuntimeError(
            f"mismatch in length of strides and shape: {len(size)} sizes and {len(stride)} strides"
        )
    count = 1 + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) if all(size) else 0
    flat = NAMES["empty"](count, dtype=dtype, device=device)
    return finish(flat.as_strided(size, stride), requires_grad)


@public(method=False)
def frombuffer(
    buffer: Any, *, dtype: dtype, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """A 1-d tensor that shares the memory of an object with Python's buffer protocol."""
    size = memoryview(buffer).nbytes
    if size == 0 or count == 0:
        raise ValueError(f"both buffer length ({size}) and count ({count}) must not be 0")
    if not 0 <= offset < size:
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and no greater than buffer length "
            f"({size} bytes) minus 1"
        )
    if count < 0 and (size - offset) % dtype.itemsize:
        raise ValueError(
            f"buffer length ({size - offset} bytes) after offset ({offset} bytes) must be a "
            f"multiple of element size ({dtype.itemsize})"
        )
    array = np.frombuffer(buffer, dtype.np, count, offset)
    return finish(from_numpy(array), requires_grad)


@public(method=False)
def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """The matrix of powers of a vector's elements, N columns (as many as rows by default)."""
    check_tensor(x, "vander", "x", 1)
    if x.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    n = x.shape[0] if N is None else N
    if n < 0:
        raise RuntimeError("N must be non-negative.")
    powers = tensor(list(range(n) if increasing else range(n - 1, -1, -1)))
    return x.unsqueeze(-1) ** powers
