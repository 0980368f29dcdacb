"""Reductions, scans and order statistics."""

from __future__ import annotations

import math
from collections import namedtuple
from typing import Any

from ..dtypes import bool_, convert, dtype, int64
from ..ops import elementwise as e
from ..ops import indexing, reduce
from ..ops.record import normalize_dim, normalize_dims
from ..tensor import Tensor, wrap
from ..trace.recorder import record1
from .creation import check_dtype
from .registry import public

_Pair = {}


def pair(name: str, first: str = "values", second: str = "indices") -> Any:
    """The named tuple that a function with two results returns."""
    if name not in _Pair:
        made = namedtuple(name, (first, second))  # type: ignore[misc]
        made.__repr__ = lambda self: f"torch.return_types.{name}(\n{first}={self[0]!r},\n{second}={self[1]!r})"  # type: ignore[method-assign]
        _Pair[name] = made
    return _Pair[name]


def _cast(t: Tensor, d: Any) -> Any:
    d = check_dtype(d)
    return t._v if d is None else e.cast(t._v, d)


@public(out=True)
def sum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum over axes `dim` (all by default). Integers and bool add up in int64."""
    v = input._v if dtype is None else _cast(input, dtype)
    axes = normalize_dims(dim, v.meta.ndim)
    r = wrap(record1(reduce.SUM, v, (axes, keepdim)))
    if dim is not None:
        r._fn_name = "SumBackward1"
    return r


@public(out=True)
def nansum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum with NaN taken as 0."""
    return sum(input.nan_to_num(0.0, math.inf, -math.inf), dim, keepdim, dtype=dtype)  # type: ignore[attr-defined,no-any-return]


def count_of(shape: Any, axes: tuple[int, ...]) -> int:
    n = 1
    for a in axes:
        n *= shape[a]
    return n


def _need_float(v: Any, name: str) -> None:
    if not v.meta.dtype.is_differentiable:
        from ..tensor import type_name

        raise RuntimeError(
            f"{name}(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
            f"Got: {type_name(v.meta.dtype)}"
        )


@public(out=True)
def mean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The mean over axes `dim` (all by default), of floating-point or complex tensors."""
    v = input._v if dtype is None else _cast(input, dtype)
    _need_float(v, "mean")
    axes = normalize_dims(dim, v.meta.ndim)
    n = count_of(v.meta.shape, axes)
    total = record1(reduce.SUM, v, (axes, keepdim))
    r = wrap(e.div(total, float(n)))
    r._fn_name = "MeanBackward0" if dim is None else "MeanBackward1"
    return r


@public(out=True)
def nanmean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The mean of the elements that are not NaN."""
    good = input.isnan().logical_not()  # type: ignore[attr-defined]
    return nansum(input, dim, keepdim, dtype=dtype) / good.sum(dim, keepdim)


@public(out=True)
def prod(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The product over one axis (all elements by default)."""
    v = input._v if dtype is None else _cast(input, dtype)
    return wrap(record1(reduce.PROD, v, (normalize_dims(dim, v.meta.ndim), keepdim)))


@public("any", out=True)
def any_(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether some element is not zero."""
    return wrap(record1(reduce.ANY, input._v, (normalize_dims(dim, input.ndim), keepdim)))


@public("all", out=True)
def all_(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether no element is zero."""
    return wrap(record1(reduce.ALL, input._v, (normalize_dims(dim, input.ndim), keepdim)))


# ---------------------------------------------------------------- extremes
def _check_not_empty(input: Tensor, name: str) -> None:
    if input.numel() == 0:
        raise RuntimeError(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim "
            "with the 'dim' argument."
        )


def _extreme(name: str, op: Any, arg: Any, whole_fn: str) -> Any:
    def f(input: Tensor, dim: Any = None, keepdim: bool = False, *, out: Any = None) -> Any:
        if dim is None:
            _check_not_empty(input, name)
            r = wrap(record1(op, input._v, (tuple(range(input.ndim)), keepdim)))
            r._fn_name = whole_fn
            return r
        if isinstance(dim, Tensor):
            return getattr(input, "maximum" if name == "max" else "minimum")(dim)
        axis = normalize_dim(dim, input.ndim)
        values, indices = along(input, arg, axis, keepdim)
        values._fn_name = f"{name.capitalize()}Backward0"
        r = pair(name)(values, indices)
        if out is not None:
            from .registry import write_out

            write_out(r, out)
            return out
        return r

    f.__name__ = f.__qualname__ = name
    f.__doc__ = (
        f"The {name}imum of all elements; with `dim` a named tuple (values, indices) along that axis; with a second "
        f"tensor the elementwise {name}imum."
    )
    return public(name)(f)


def along(input: Tensor, arg: Any, axis: int, keepdim: bool) -> tuple[Tensor, Tensor]:
    """The elements that an arg reduction picks along an axis, and their positions."""
    v = input._v
    if v.meta.ndim == 0:
        return input.clone(), wrap(record1(arg, v, (0, keepdim))) if False else input.new_zeros((), dtype=int64)  # type: ignore[attr-defined]
    keep = record1(arg, v, (axis, True))
    values = indexing.record(indexing.GATHER, (v, keep), (axis,))
    if not keepdim:
        from ..ops.movement import reshape

        shape = v.meta.shape[:axis] + v.meta.shape[axis + 1 :]
        values, keep = reshape(values, shape), reshape(keep, shape)
    return wrap(values), wrap(keep)


max = _extreme("max", reduce.MAX, reduce.ARGMAX, "MaxBackward1")
min = _extreme("min", reduce.MIN, reduce.ARGMIN, "MinBackward1")


@public(out=True)
def amax(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """The maximum over axes; the gradient is shared by equals."""
    return wrap(record1(reduce.MAX, input._v, (normalize_dims(dim, input.ndim), keepdim)))


@public(out=True)
def amin(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """The minimum over axes; the gradient is shared by equals."""
    return wrap(record1(reduce.MIN, input._v, (normalize_dims(dim, input.ndim), keepdim)))


@public()
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """The minimum and the maximum, as a named tuple (min, max)."""
    dims = () if dim is None else dim
    return pair("aminmax", "min", "max")(amin(input, dims, keepdim), amax(input, dims, keepdim))


def _arg(name: str, op: Any) -> Any:
    def f(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
        v = input._v
        if dim is None:
            _check_not_empty(input, name)
            from ..ops.movement import reshape

            r = record1(op, reshape(v, (v.meta.numel,)), (0, False))
            return wrap(reshape(r, (1,) * v.meta.ndim) if keepdim else r)
        if v.meta.ndim == 0:
            normalize_dim(dim, 0)
            return input.new_zeros((), dtype=int64)  # type: ignore[attr-defined,no-any-return]
        return wrap(record1(op, v, (normalize_dim(dim, v.meta.ndim), keepdim)))

    f.__name__ = f.__qualname__ = name
    f.__doc__ = f"The position of the {name[3:]}imum, in the flattened tensor or along an axis; int64."
    return public(name, out=True)(f)


argmax = _arg("argmax", reduce.ARGMAX)
argmin = _arg("argmin", reduce.ARGMIN)


# ---------------------------------------------------------------- statistics
def _variance(input: Tensor, dim: Any, correction: Any, keepdim: bool, name: str) -> Tensor:
    v = input._v
    if not v.meta.dtype.is_differentiable:
        raise RuntimeError(f"{name}: only support floating point and complex dtypes")
    axes = normalize_dims(dim, v.meta.ndim)
    n = count_of(v.meta.shape, axes)
    if v.meta.dtype.is_complex:
        return _variance(input.real, dim, correction, keepdim, name) + _variance(  # type: ignore[attr-defined]
            input.imag, dim, correction, keepdim, name  # type: ignore[attr-defined]
        )
    centre = e.div(record1(reduce.SUM, v, (axes, True)), float(n))
    squares = record1(e.SQUARE, e.sub(v, centre))
    total = record1(reduce.SUM, squares, (axes, keepdim))
    freedom = n - correction
    r = wrap(e.div(total, float(freedom) if freedom > 0 else 0.0))
    r._fn_name = "VarBackward0"
    return r


def _arguments(dim: Any, unbiased: Any, correction: Any) -> tuple[Any, Any]:
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    return dim, correction


@public()
def var(
    input: Tensor, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None
) -> Tensor:  # fmt: skip
    """The variance over axes; divides by n - correction (1 by default)."""
    dim, correction = _arguments(dim, unbiased, correction)
    return _variance(input, dim, correction, keepdim, "var")


@public()
def std(
    input: Tensor, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None
) -> Tensor:  # fmt: skip
    """The standard deviation over axes; see var."""
    dim, correction = _arguments(dim, unbiased, correction)
    spread = _variance(input, dim, correction, keepdim, "std")
    v = spread._v
    root = record1(e.SQRT, v)
    r = wrap(root)
    r._fn_name = "StdBackward0"
    return r


@public()
def var_mean(
    input: Tensor, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """(variance, mean)."""
    return var(input, dim, unbiased, keepdim, correction=correction), mean(input, None if isinstance(dim, bool) else dim, keepdim)


@public()
def std_mean(
    input: Tensor, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """(standard deviation, mean)."""
    return std(input, dim, unbiased, keepdim, correction=correction), mean(input, None if isinstance(dim, bool) else dim, keepdim)


@public()
def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """log(sum(exp(x))) over axes, without overflow."""
    v = input._v
    if not v.meta.dtype.is_differentiable:
        v = e.cast(v, check_dtype(float))  # type: ignore[arg-type]
    axes = normalize_dims(dim, v.meta.ndim)
    top = record1(reduce.MAX, record1(_detach(), v), (axes, True))
    top = e.where(record1(e.ISFINITE, top), top, 0.0)
    total = record1(reduce.SUM, record1(e.EXP, e.sub(v, top)), (axes, True))
    out = e.add(record1(e.LOG, total), top)
    if not keepdim:
        from ..ops.movement import reshape

        out = reshape(out, reduce.reduced_shape(v.meta.shape, axes, False))
    r = wrap(out)
    r._fn_name = "LogsumexpBackward0"
    return r


def _detach() -> Any:
    from ..ops.movement import ALIAS

    return ALIAS


@public()
def count_nonzero(input: Tensor, dim: Any = None) -> Tensor:
    """How many elements are not zero."""
    return sum(input != 0, dim)  # type: ignore[no-any-return]


@public()
def norm(
    input: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, out: Tensor | None = None, dtype: Any = None
) -> Tensor:  # fmt: skip
    """The vector norm of order p over axes (all by default); "fro" is 2."""
    v = input._v if dtype is None else _cast(input, dtype)
    if not v.meta.dtype.is_differentiable:
        raise RuntimeError(
            "linalg.vector_norm: Expected a floating point or complex tensor as input. Got "
            + ("Long" if v.meta.dtype is int64 else v.meta.dtype.name)
        )
    if p == "nuc":
        from .. import linalg  # type: ignore[attr-defined]

        return linalg.norm(input, "nuc", dim, keepdim)  # type: ignore[no-any-return]
    order = 2.0 if p in ("fro", None) else float(p)
    axes = normalize_dims(dim, v.meta.ndim)
    r = wrap(vector_norm(v, order, axes, keepdim))
    r._fn_name = "LinalgVectorNormBackward0"
    return r


def vector_norm(v: Any, order: float, axes: tuple[int, ...], keepdim: bool) -> Any:
    """The norm of order `order` over axes, on values; its gradient at 0 is 0."""
    if v.meta.dtype.is_complex:
        v = record1(e.COMPLEX_ABS, v)
    if order == 2.0:
        total = record1(reduce.SUM, record1(e.SQUARE, v), (axes, keepdim))
        if not v.meta.requires_grad:
            return record1(e.SQRT, total)
        zero = e.record2(e.EQ, total, 0)
        root = record1(e.SQRT, e.where(zero, 1.0, total))
        return e.where(zero, 0.0, root)
    if order == math.inf:
        return record1(reduce.MAX, record1(e.ABS, v), (axes, keepdim))
    if order == -math.inf:
        return record1(reduce.MIN, record1(e.ABS, v), (axes, keepdim))
    if order == 0:
        hit = e.cast(e.record2(e.NE, v, 0), v.meta.dtype)
        return record1(reduce.SUM, hit, (axes, keepdim))
    size = record1(e.ABS, v)
    if order == 1.0:
        return record1(reduce.SUM, size, (axes, keepdim))
    powers = e.power(size, order)
    return e.power(record1(reduce.SUM, powers, (axes, keepdim)), 1.0 / order)


@public()
def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The p-norm of input - other."""
    return norm(input - other, p)  # type: ignore[no-any-return]


# ---------------------------------------------------------------- scans
def _scan(name: str, op: Any) -> Any:
    def f(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
        v = input._v if dtype is None else _cast(input, dtype)
        return wrap(record1(op, v, (normalize_dim(dim, v.meta.ndim),)))

    f.__name__ = f.__qualname__ = name
    f.__doc__ = f"The cumulative {name[3:]} along an axis."
    return public(name, inplace=name != "logcumsumexp", out=True)(f)


cumsum, cumprod = _scan("cumsum", reduce.CUMSUM), _scan("cumprod", reduce.CUMPROD)
logcumsumexp = _scan("logcumsumexp", reduce.LOGCUMSUMEXP)


def _scan_pair(name: str, op: Any) -> Any:
    def f(input: Tensor, dim: int) -> Any:
        values, indices = indexing.record_many(op, (input._v,), (normalize_dim(dim, input.ndim),))
        return pair(name)(wrap(values), wrap(indices))

    f.__name__ = f.__qualname__ = name
    f.__doc__ = f"The cumulative {name[3:]}imum along an axis: (values, indices)."
    return public(name)(f)


cummax, cummin = _scan_pair("cummax", indexing.CUMMAX), _scan_pair("cummin", indexing.CUMMIN)


# ---------------------------------------------------------------- order
@public()
def sort(
    input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False, *, out: Any = None
) -> Any:  # fmt: skip
    """Sorted along an axis: a named tuple (values, indices). Always stable."""
    values, indices = indexing.sort(input._v, normalize_dim(dim, input.ndim), bool(descending))
    r = pair("sort")(wrap(values), wrap(indices))
    if out is not None:
        from .registry import write_out

        write_out(r, out)
    return r


@public()
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """The indices that sort along an axis."""
    return sort(input, dim, descending)[1]  # type: ignore[no-any-return]


@public()
def msort(input: Tensor) -> Tensor:
    """Sorted along the first axis."""
    return sort(input, 0)[0]  # type: ignore[no-any-return]


@public()
def topk(
    input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True, *, out: Any = None
) -> Any:  # fmt: skip
    """The k largest (smallest) elements along an axis: (values, indices)."""
    axis = normalize_dim(dim, input.ndim)
    n = input.shape[axis] if input.ndim else 1
    if not 0 <= k <= n:
        raise RuntimeError("selected index k out of range")
    values, indices = sort(input, axis, largest)
    if input.ndim:
        values, indices = values.narrow(axis, 0, k), indices.narrow(axis, 0, k)
        values, indices = values.clone(), indices.clone()
        values._fn_name = "TopkBackward0"
    return pair("topk")(values, indices)


@public()
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """The k-th smallest element along an axis: (values, indices)."""
    axis = normalize_dim(dim, input.ndim)
    n = input.shape[axis] if input.ndim else 1
    if not 1 <= k <= n:
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {axis}")
    values, indices = sort(input, axis)
    if input.ndim == 0:
        return pair("kthvalue")(values, indices)
    values, indices = values.narrow(axis, k - 1, 1), indices.narrow(axis, k - 1, 1)
    if not keepdim:
        values, indices = values.squeeze(axis), indices.squeeze(axis)
    return pair("kthvalue")(values.clone(), indices.clone())


@public()
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The median (the lower of two): of all elements, or (values, indices) along an axis."""
    if dim is None:
        flat = input.reshape(-1)  # type: ignore[attr-defined]
        if flat.numel() == 0:
            return input.new_full((), math.nan)  # type: ignore[attr-defined]
        middle = sort(flat, 0)[0][(flat.numel() - 1) // 2]
        if input.dtype.is_floating_point:
            middle = flat.isnan().any().where(flat * math.nan, middle)[0] if False else _nan_wins(flat, middle)
        return middle
    axis = normalize_dim(dim, input.ndim)
    n = input.shape[axis] if input.ndim else 1
    r = kthvalue(input, (n + 1) // 2, axis, keepdim)
    return pair("median")(*r)


def _nan_wins(flat: Tensor, middle: Tensor) -> Tensor:
    from .pointwise import where

    return where(flat.isnan().any(), math.nan, middle)  # type: ignore[attr-defined,no-any-return]


@public()
def quantile(
    input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:  # fmt: skip
    """The q-quantiles of all elements or along an axis."""
    modes = ("linear", "lower", "higher", "midpoint", "nearest")
    if interpolation not in modes:
        raise RuntimeError(
            f"quantile() interpolation must be one of {', '.join(modes)}, but got {interpolation}"
        )
    qs = q if isinstance(q, Tensor) else input.new_tensor(q)  # type: ignore[attr-defined]
    if bool(((qs < 0) | (qs > 1)).any()):
        raise RuntimeError("quantile() q values must be in the range [0, 1]")
    axis = 0 if dim is None else normalize_dim(dim, input.ndim)
    x = input.reshape(-1) if dim is None else input.movedim(axis, 0)  # type: ignore[attr-defined]
    ordered = sort(x, 0)[0]
    n = x.shape[0]
    outs = []
    for one in (qs.reshape(-1)).tolist():  # type: ignore[attr-defined]
        place = one * (n - 1)
        low, high = math.floor(place), math.ceil(place)
        a, b = ordered[low], ordered[high]
        if interpolation == "linear":
            r = a + (b - a) * (place - low)
        elif interpolation == "midpoint":
            r = (a + b) / 2
        else:
            r = {"lower": a, "higher": b, "nearest": ordered[builtin_round(place)]}[interpolation]
        if input.dtype.is_floating_point:
            from .pointwise import where

            r = where(x.isnan().any(0), math.nan, r)
        if keepdim:
            r = r.reshape((1,) * input.ndim) if dim is None else r.unsqueeze(axis)
        outs.append(r)
    if qs.ndim == 0:
        return outs[0]  # type: ignore[no-any-return]
    from .shape import stack

    return stack(outs, 0)  # type: ignore[no-any-return]


def builtin_round(x: float) -> int:
    return int(math.floor(x + 0.5)) if x % 1 != 0.5 else int(x + (int(x) % 2))


@public()
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each non-negative integer occurs, or the sum of its weights."""
    import numpy as np

    from ..tensor import from_array

    a = input._array()
    if a.ndim != 1 or (a.size and a.min() < 0):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    r = np.bincount(a, None if weights is None else weights._array(), minlength)
    return from_array(convert(r, int64) if weights is None else r)


@public()
def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """Counts of elements in equal bins between min and max (the data's range if both are 0)."""
    import numpy as np

    from ..tensor import from_array

    a = input._array()
    lo, hi = (a.min(), a.max()) if min == max == 0 and a.size else (min, max)
    if lo == hi:
        lo, hi = lo - 1, hi + 1
    counts, _ = np.histogram(a, bins, (lo, hi))
    return from_array(convert(counts, input.dtype), input.dtype)


_ = (dtype, bool_)
