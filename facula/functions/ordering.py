"""Order statistics: sorting, selection, medians, quantiles, histograms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..dtypes import bool_, convert, float32, float64, int64, type_name
from ..ops import indexing
from ..ops.record import normalize_dim
from ..ops.reduce import check_elements
from ..ops.searching import HISTOGRAM
from ..tensor import Tensor, from_array, wrap
from ..trace.recorder import record
from .pointwise import check_tensor, where
from .reductions import one_dim, pair
from .registry import public, write_out


def _done(r: Any, out: Any) -> Any:
    return r if out is None else write_out(r, out)


@public()
def sort(
    input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False, *, out: Any = None
) -> Any:
    """Sorted along an axis: a named tuple (values, indices). Always stable."""
    check_tensor(input, "sort")
    if input.is_complex():
        raise RuntimeError(" Sort does not support complex dtypes on CPU")
    values, indices = indexing.sort(input._v, normalize_dim(dim, input.ndim), bool(descending))
    return _done(pair("sort")(wrap(values), wrap(indices)), out)


@public(out=True)
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """The indices that sort along an axis."""
    return sort(input, dim, descending)[1]


@public(out=True)
def msort(input: Tensor) -> Tensor:
    """Sorted along the first axis."""
    return sort(input, 0)[0]


@public()
def topk(
    input: Tensor,
    k: int,
    dim: int = -1,
    largest: bool = True,
    sorted: bool = True,
    *,
    out: Any = None,
) -> Any:
    """The k largest (smallest) elements along an axis: (values, indices)."""
    check_tensor(input, "topk")
    if isinstance(k, Tensor):
        k = int(k)
    axis = normalize_dim(dim, input.ndim)
    n = input.shape[axis] if input.ndim else 1
    if not 0 <= k <= n:
        raise RuntimeError("selected index k out of range")
    if input.is_complex():
        raise RuntimeError(" topk does not support complex dtypes on CPU")
    if input.dtype is bool_:
        raise RuntimeError("topk does not support bool dtypes on CPU")
    values, indices = map(wrap, indexing.sort(input._v, axis, bool(largest), k))
    if input.ndim:
        values._fn_name = "TopkBackward0"
    return _done(pair("topk")(values, indices), out)


def _kth(input: Tensor, k: int, axis: int, keepdim: bool) -> tuple[Tensor, Tensor]:
    """The k-th smallest element (from 1) along an axis, and its index."""
    values, indices = sort(input, axis)
    if input.ndim == 0:
        return values, indices
    values, indices = values.narrow(axis, k - 1, 1), indices.narrow(axis, k - 1, 1)
    if not keepdim:
        values, indices = values.squeeze(axis), indices.squeeze(axis)
    return values.clone(), indices.clone()


@public()
def kthvalue(
    input: Tensor, k: int, dim: int = -1, keepdim: bool = False, *, out: Any = None
) -> Any:
    """The k-th smallest element along an axis: (values, indices)."""
    check_tensor(input, "kthvalue")
    axis = normalize_dim(dim, input.ndim)
    n = input.shape[axis] if input.ndim else 1
    check_elements("kthvalue", axis, n)
    if not 1 <= k <= n:
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {axis}")
    if input.dtype is bool_ or input.is_complex():
        raise NotImplementedError(
            f"\"kthvalue_cpu\" not implemented for '{type_name(input.dtype)}'"
        )
    values, indices = _kth(input, k, axis, keepdim)
    values._fn_name = "KthvalueBackward0"
    return _done(pair("kthvalue")(values, indices), out)


def _median(name: str, ignore_nan: bool, doc: str) -> Any:
    def f(input: Tensor, dim: Any = None, keepdim: bool = False, *, out: Any = None) -> Any:
        check_tensor(input, name)
        one_dim(name, dim)
        whole = dim is None
        if input.dtype is bool_ or input.is_complex():
            raise NotImplementedError(
                f"\"median_cpu\" not implemented for '{type_name(input.dtype)}'"
            )
        x: Any = input.reshape(-1) if whole else input
        axis = 0 if whole else normalize_dim(dim, input.ndim)
        n = x.shape[axis] if x.ndim else 1
        if whole and n == 0:
            lowest = -(2**63) if input.dtype is int64 else math.nan
            return input.new_full((), lowest if input.dtype is int64 else lowest)
        check_elements("median", axis, n)
        if x.ndim == 0:
            return _done(pair(name)(x.clone(), x.new_zeros((), dtype=int64)), out)
        indices = _middle(x, axis, ignore_nan)
        values = x.gather(axis, indices)
        if not keepdim or whole:
            values, indices = values.squeeze(axis), indices.squeeze(axis)
        if whole:
            values._fn_name = "MedianBackward0"
            return values
        values._fn_name = "MedianBackward1"
        return _done(pair(name)(values, indices), out)

    f.__name__ = f.__qualname__ = name
    f.__doc__ = doc
    return public(name)(f)


def _middle(x: Any, axis: int, ignore_nan: bool) -> Any:
    """The index of the lower middle element along an axis, kept with size 1."""
    order = sort(x.detach(), axis)[1]
    n = x.shape[axis]
    if not x.dtype.is_floating_point:
        return order.narrow(axis, (n - 1) // 2, 1).clone()
    bad = x.detach().isnan()
    if ignore_nan:
        good = n - bad.sum(axis, True)
        return order.gather(axis, ((good - 1) // 2).clamp(min=0))
    first = bad.to(int64).argmax(axis, True)
    return where(bad.any(axis, True), first, order.narrow(axis, (n - 1) // 2, 1))


median = _median(
    "median",
    False,
    "The median (the lower of two): of all elements, or (values, indices) along an axis.",
)
nanmedian = _median("nanmedian", True, "The median of the elements that are not NaN; see median.")


@public()
def mode(input: Tensor, dim: int = -1, keepdim: bool = False, *, out: Any = None) -> Any:
    """The most frequent value along an axis (the smallest of several), and the last index that
    has it.
    """
    check_tensor(input, "mode")
    one_dim("mode", dim)
    if input.is_complex():
        raise NotImplementedError(f"\"mode_cpu\" not implemented for '{type_name(input.dtype)}'")
    axis = normalize_dim(dim, input.ndim)
    if input.ndim == 0:
        return _done(pair("mode")(input.clone(), input.new_zeros((), dtype=int64)), out)
    check_elements("mode", axis, input.shape[axis])
    a = np.moveaxis(input.detach()._array(), axis, -1)
    place = np.apply_along_axis(_mode_of, -1, a) if a.size else np.zeros(a.shape[:-1], np.int64)
    kept = from_array(np.expand_dims(np.asarray(place, np.int64), axis), int64)
    values = input.gather(axis, kept)
    if not keepdim:
        values, kept = values.squeeze(axis), kept.squeeze(axis)
    values._fn_name = "ModeBackward0"
    return _done(pair("mode")(values, kept), out)


def _mode_of(row: np.ndarray) -> int:
    values, counts = np.unique(row, return_counts=True)
    best = values[counts.argmax()]
    return int(np.flatnonzero((row == best) | ((row != row) & (best != best)))[-1])


def _quantile(name: str, ignore_nan: bool, doc: str) -> Any:
    modes = ("linear", "lower", "higher", "midpoint", "nearest")

    def f(
        input: Tensor,
        q: Any,
        dim: int | None = None,
        keepdim: bool = False,
        *,
        interpolation: str = "linear",
        out: Any = None,
    ) -> Tensor:
        check_tensor(input, name)
        if interpolation not in modes:
            raise RuntimeError(
                f"{name}() interpolation must be one of linear, lower, higher, midpoint or "
                f"nearest, but got {interpolation}"
            )
        if input.dtype.name not in ("float32", "float64"):
            raise RuntimeError(f"{name}() input tensor must be either float or double dtype")
        if input.numel() == 0:
            raise RuntimeError(f"{name}() input tensor must be non-empty")
        if isinstance(q, Tensor):
            if q.ndim > 1:
                raise RuntimeError(f"{name}() q must be a scalar or 1D tensor")
            if q.dtype is not input.dtype:
                raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor")
        qs = np.asarray(q._array() if isinstance(q, Tensor) else q, np.float64)
        if qs.size and not ((qs >= 0) & (qs <= 1)).all():
            raise RuntimeError(f"{name}() q values must be in the range [0, 1]")
        outs = _quantiles(input, qs.reshape(-1).tolist(), dim, keepdim, interpolation, ignore_nan)
        from .shape import stack

        r = outs[0] if qs.ndim == 0 else stack(outs, 0)
        return _done(r, out)

    f.__name__ = f.__qualname__ = name
    f.__doc__ = doc
    return public(name)(f)


def _quantiles(
    input: Tensor, qs: list[float], dim: int | None, keepdim: bool, mode: str, ignore_nan: bool
) -> list[Tensor]:
    axis = 0 if dim is None else normalize_dim(dim, input.ndim)
    flat = dim is None or input.ndim == 0
    x: Any = input.reshape(-1) if flat else input.movedim(axis, 0)
    ordered = sort(x, 0)[0]
    bad = x.detach().isnan()
    last: Any = x.shape[0] - 1
    if ignore_nan:
        last = (x.shape[0] - bad.sum(0, True) - 1).to(x.dtype).clamp(min=0.0)
        bad = bad.all(0)
    else:
        bad = bad.any(0)
        last = x.new_full((1, *x.shape[1:]), float(last))
    outs = []
    for q in qs:
        place = last * q
        low, high = place.floor(), place.ceil()
        if mode == "nearest":
            low = place.round()
        a = ordered.gather(0, (high if mode == "higher" else low).to(int64)).squeeze(0)
        if mode in ("linear", "midpoint"):
            b = ordered.gather(0, high.to(int64)).squeeze(0)
            a = a + (b - a) * (0.5 if mode == "midpoint" else (place - low).squeeze(0))
        r = where(bad, math.nan, a)
        if keepdim:
            r = r.reshape((1,) * input.ndim) if flat else r.unsqueeze(axis)
        outs.append(r)
    return outs


quantile = _quantile("quantile", False, "The q-quantiles of all elements or along an axis.")
nanquantile = _quantile(
    "nanquantile", True, "The q-quantiles of the elements that are not NaN; see quantile."
)


@public()
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each non-negative integer occurs, or the sum of its weights."""
    check_tensor(input, "bincount")
    if not input.dtype.is_integral:
        raise NotImplementedError(
            f"\"bincount_cpu\" not implemented for '{type_name(input.dtype)}'"
        )
    a = input._array()
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    if a.ndim != 1 or (a.size and a.min() < 0):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if weights is None:
        return from_array(convert(np.bincount(a, None, minlength), int64))
    w = weights._array()
    if w.shape != a.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    r = np.bincount(a, w, minlength)
    return from_array(r.astype(np.float32) if w.dtype == np.float32 else r)


@public(out=True)
def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """Counts of elements in equal bins between min and max (the data's range if both are 0)."""
    check_tensor(input, "histc")
    if not input.dtype.is_floating_point:
        raise NotImplementedError(
            f"\"histogram_cpu\" not implemented for '{type_name(input.dtype)}'"
        )
    if bins <= 0:
        raise RuntimeError("bins must be > 0")
    low, high = float(min), float(max)
    x = input.flatten().to(float64 if input.dtype is float64 else float32)
    if low == high and x.numel():
        low, high = (float(n.item()) for n in x.aminmax())
    if low == high and math.isfinite(low):
        low, high = low - 1, high + 1
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(f"torch.histc: range of [{low:g}, {high:g}] is not finite")
    if low > high:
        raise RuntimeError("torch.histc: max must be larger than min")
    return wrap(record(HISTOGRAM, (x._v, low, high), (int(bins),))).to(input.dtype)
