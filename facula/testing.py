"""`torch.testing`: comparing tensors in tests, with PyTorch's default tolerances and messages."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .dtypes import dtype, promote_types
from .tensor import Tensor

_TOLERANCES = {
    "float16": (1e-3, 1e-5),
    "bfloat16": (1.6e-2, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
    "complex64": (1.3e-6, 1e-5),
    "complex128": (1e-7, 1e-7),
}


def _tolerances(a: dtype, b: dtype, rtol: float | None, atol: float | None) -> tuple[float, float]:
    if (rtol is None) != (atol is None):
        given, missing = ("rtol", "atol") if atol is None else ("atol", "rtol")
        raise ValueError(
            "Both 'rtol' and 'atol' must be either specified or unspecified, but got no "
            f"{missing} with {given}."
        )
    if rtol is not None and atol is not None:
        return rtol, atol
    pairs = [_TOLERANCES.get(d.name, (0.0, 0.0)) for d in (a, b)]
    return max(p[0] for p in pairs), max(p[1] for p in pairs)


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Asserts |actual - expected| <= atol + rtol * |expected| for tensors, numbers, sequences,
    mappings.

    Shapes and (unless check_dtype is False) dtypes must agree. rtol and atol follow from the
    dtypes by default. Raises AssertionError; TypeError for what cannot be compared; ValueError for
    one tolerance alone.
    """
    options = (rtol, atol, equal_nan, check_dtype, check_stride, allow_subclasses)
    problem = _compare(actual, expected, options, "")
    if problem is not None:
        raise AssertionError(problem if msg is None else msg(problem) if callable(msg) else msg)


def _compare(a: Any, b: Any, options: Any, place: str) -> str | None:
    """The first difference in words, None if there is none."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        if a.keys() != b.keys():
            missing, extra = sorted(set(b) - set(a)), sorted(set(a) - set(b))
            return (
                "The keys of the mappings do not match:\n"
                f"Missing keys in the actual mapping: {missing}\nAdditional keys in the actual "
                f"mapping: {extra}"
            )
        pairs: Any = ((k, a[k], b[k]) for k in b)
    elif _sequence(a) and _sequence(b):
        if len(a) != len(b):
            return f"The length of the sequences mismatch: {len(a)} != {len(b)}"
        pairs = ((k, x, y) for k, (x, y) in enumerate(zip(a, b, strict=True)))
    else:
        return _compare_leaves(a, b, options, place)
    for key, x, y in pairs:
        problem = _compare(x, y, options, f"{place}[{key!r}]")
        if problem is not None:
            return problem
    return None


def _sequence(x: Any) -> bool:
    return isinstance(x, Sequence) and not isinstance(x, str)


def _compare_leaves(a: Any, b: Any, options: Any, place: str) -> str | None:
    _rtol, _atol, equal_nan, check_dtype, check_stride, subclasses = options
    suffix = f"\n\nThe failure occurred for item {place}" if place else ""
    if a is None and b is None:
        return None
    if isinstance(a, bool) and isinstance(b, bool):
        return None if a is b else f"Booleans mismatch: {a} is not {b}{suffix}"
    plain = isinstance(a, numbers.Number) and isinstance(b, numbers.Number)
    if not plain and not _tensor_like(a, b):
        raise TypeError(
            f"No comparison pair was able to handle inputs of type {type(a)} and {type(b)}."
        )
    if not subclasses and type(a) is not type(b):
        raise TypeError(
            f"No comparison pair was able to handle inputs of type {type(a)} and {type(b)}."
        )
    x, y = _as_tensor(a), _as_tensor(b)
    if x.shape != y.shape:
        return f"The values for attribute 'shape' do not match: {x.shape} != {y.shape}.{suffix}"
    if check_dtype and not plain and x.dtype is not y.dtype:
        return f"The values for attribute 'dtype' do not match: {x.dtype} != {y.dtype}.{suffix}"
    if check_stride and x.stride() != y.stride():
        return (
            f"The values for attribute 'stride()' do not match: {x.stride()} != "
            f"{y.stride()}.{suffix}"
        )
    rtol, atol = _tolerances(x.dtype, y.dtype, _rtol, _atol)
    text = _differences(x, y, rtol, atol, equal_nan, plain)
    return None if text is None else text + suffix


def _tensor_like(a: Any, b: Any) -> bool:
    return all(isinstance(x, (Tensor, np.ndarray, numbers.Number, np.generic)) for x in (a, b))


def _as_tensor(x: Any) -> Tensor:
    from .functions.creation import as_tensor, from_numpy

    if isinstance(x, np.ndarray):
        return from_numpy(x.copy())
    return x.detach() if isinstance(x, Tensor) else as_tensor(x)


def _differences(
    a: Tensor, b: Tensor, rtol: float, atol: float, equal_nan: bool, scalar: bool
) -> str | None:
    if a.dtype is not b.dtype:
        common = promote_types(a.dtype, b.dtype)
        a, b = a.to(common), b.to(common)
    wide = np.complex128 if a.is_complex() else np.float64
    x, y = np.asarray(a._array()), np.asarray(b._array())
    exact = x.dtype.kind in "biu"
    if not exact:
        x, y = x.astype(wide), y.astype(wide)
    with np.errstate(all="ignore"):
        gap = np.abs(x.astype(np.float64) - y.astype(np.float64)) if exact else np.abs(x - y)
        close = (x == y) | (np.isfinite(gap) & (gap <= atol + rtol * np.abs(y)))
        if equal_nan and not exact:
            close |= np.isnan(x) & np.isnan(y)
        if close.all():
            return None
        relative = np.where(close, 0.0, gap / np.abs(y))
    kind = "equal" if rtol == atol == 0 else "close"
    head = f"{'Scalars' if x.ndim == 0 else 'Tensor-likes'} are not {kind}!\n\n"
    if x.ndim == 0:
        up = f" (up to {atol} allowed)" if kind == "close" else ""
        rup = f" (up to {rtol} allowed)" if kind == "close" else ""
        return (
            head
            + f"Expected {y.item()} but got {x.item()}.\nAbsolute difference: {gap.item()}{up}\n"
            f"Relative difference: {relative.item()}{rup}"
        )
    wrong = int((~close).sum())
    gap = np.where(close, 0.0, gap)
    lines = [f"Mismatched elements: {wrong} / {x.size} ({100 * wrong / x.size:.1f}%)"]
    for name, values, limit in (("absolute", gap, atol), ("relative", relative, rtol)):
        values = np.where(
            np.isnan(values), np.inf if not np.isnan(values).all() else np.nan, values
        )
        at = np.unravel_index(int(np.argmax(values)), values.shape)
        index = tuple(int(k) for k in at)
        allowed = f" (up to {limit} allowed)" if kind == "close" else ""
        found = (
            values[at] if np.isfinite(values[at]) else (gap if name == "absolute" else relative)[at]
        )
        lines.append(
            f"Greatest {name} difference: {found} at index "
            f"{index if len(index) != 1 else f'({index[0]},)'}{allowed}"
        )
    return head + "\n".join(lines)


def assert_allclose(
    actual: Any,
    expected: Any,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = True,
    msg: str = "",
) -> None:
    """assert_close without the check of dtypes; deprecated in PyTorch."""
    assert_close(
        actual,
        expected,
        rtol=rtol,
        atol=atol,
        equal_nan=equal_nan,
        check_dtype=False,
        msg=msg or None,
    )


def make_tensor(
    *shape: Any,
    dtype: dtype,
    device: Any = "cpu",
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """A tensor of draws from [low, high): [-9, 9) by default for numbers, [0, 10) for uint8, bool
    all.
    """
    from .functions.creation import check_device, shape_of
    from .functions.registry import NAMES

    check_device(device)
    size = shape_of(shape)
    if dtype.name == "bool":
        return NAMES["randint"](0, 2, size, dtype=dtype)
    bottom = low if low is not None else 0 if dtype.name == "uint8" else -9
    top = high if high is not None else 10 if dtype.is_integral else 9
    if dtype.is_integral:
        t = NAMES["randint"](int(bottom), int(top), size, dtype=dtype)
    else:
        t = NAMES["rand"](size, dtype=dtype) * (top - bottom) + bottom
    if exclude_zero:
        t = NAMES["where"](t == 0, NAMES["ones_like"](t), t)
    return t.requires_grad_() if requires_grad else t
