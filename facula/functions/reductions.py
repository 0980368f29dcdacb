"""Reductions, scans and order statistics."""

from __future__ import annotations

import math
from collections import namedtuple
from typing import Any

from ..dtypes import bool_, get_default_dtype, int64, type_name
from ..ops import elementwise as e
from ..ops import indexing, reduce
from ..ops.record import normalize_dim, normalize_dims
from ..tensor import Tensor, wrap
from ..trace.recorder import record1
from .creation import check_dtype
from .pointwise import check_tensor
from .registry import numpy_names, public, write_out

_PAIRS: dict[str, Any] = {}


def pair(name: str, first: str = "values", second: str = "indices") -> Any:
    """The named tuple that a function with two results returns."""
    if name not in _PAIRS:

        def text(self: Any) -> str:
            return f"torch.return_types.{name}(\n{first}={self[0]!r},\n{second}={self[1]!r})"

        made: Any = namedtuple(name, (first, second))  # type: ignore[misc]
        made.__repr__ = text  # type: ignore[method-assign]
        _PAIRS[name] = made
    return _PAIRS[name]


def _cast(t: Tensor, d: Any) -> Any:
    d = check_dtype(d)
    return t._v if d is None else e.cast(t._v, d)


def _as(v: Any, d: Any) -> Any:
    """The value in the dtype that the caller asked for, if any: sums of integers are made in
    int64.
    """
    return v if d is None else e.cast(v, check_dtype(d))  # type: ignore[arg-type]


def one_dim(name: str, dim: Any) -> None:
    """Raises TypeError for several axes where PyTorch takes one."""
    if isinstance(dim, (tuple, list)):
        raise TypeError(f"{name}(): argument 'dim' must be int, not {type(dim).__name__}")


@public(out=True)
def sum(
    input: Tensor,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    axis: Any = None,
    keepdims: bool = False,
) -> Tensor:
    """The sum over axes `dim` (all by default). Integers and bool add up in int64."""
    check_tensor(input, "sum")
    dim, keepdim = axis if dim is None else dim, keepdim or keepdims
    v = input._v if dtype is None else _cast(input, dtype)
    axes = normalize_dims(dim, v.meta.ndim)
    total = record1(reduce.SUM, v, (axes, keepdim))
    r = wrap(total if dtype is None else _as(total, dtype))
    if dim is not None:
        r._fn_name = "SumBackward1"
    return r


@public(out=True, grad_name="NansumBackward0")
@numpy_names
def nansum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum with NaN taken as 0."""
    check_tensor(input, "nansum")
    if input.is_complex():
        raise RuntimeError("nansum on CPU does not support complex inputs")
    x = input.nan_to_num(0.0, math.inf, -math.inf)
    return sum(x, dim, keepdim, dtype=dtype)


def count_of(shape: Any, axes: tuple[int, ...]) -> int:
    """How many elements a reduction over the axes takes together."""
    n = 1
    for a in axes:
        n *= shape[a]
    return n


def _need_float(v: Any, name: str) -> None:
    if not v.meta.dtype.is_differentiable:
        raise RuntimeError(
            f"{name}(): could not infer output dtype. Input dtype must be either a floating point "
            f"or complex dtype. Got: {type_name(v.meta.dtype)}"
        )


@public(out=True)
def mean(
    input: Tensor,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    axis: Any = None,
    keepdims: bool = False,
) -> Tensor:
    """The mean over axes `dim` (all by default), of floating-point or complex tensors."""
    check_tensor(input, "mean")
    dim, keepdim = axis if dim is None else dim, keepdim or keepdims
    v = input._v if dtype is None else _cast(input, dtype)
    _need_float(v, "mean")
    axes = normalize_dims(dim, v.meta.ndim)
    n = count_of(v.meta.shape, axes)
    total = record1(reduce.SUM, v, (axes, keepdim))
    r = wrap(e.div(total, float(n)))
    r._fn_name = "MeanBackward0" if dim is None else "MeanBackward1"
    return r


@public(out=True)
@numpy_names
def nanmean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The mean of the elements that are not NaN."""
    check_tensor(input, "nanmean")
    if not input.dtype.is_differentiable:
        raise RuntimeError(
            "nanmean(): expected input to have floating point or complex dtype but got "
            f"{type_name(input.dtype)}"
        )
    good = input.isnan().logical_not()
    return nansum(input, dim, keepdim, dtype=dtype) / good.sum(dim, keepdim)


@public(out=True)
@numpy_names
def prod(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The product over one axis (all elements by default)."""
    check_tensor(input, "prod")
    one_dim("prod", dim)
    v = input._v if dtype is None else _cast(input, dtype)
    r = wrap(_as(record1(reduce.PROD, v, (normalize_dims(dim, v.meta.ndim), keepdim)), dtype))
    if dim is not None:
        r._fn_name = "ProdBackward1"
    return r


def _truth(name: str, op: Any, doc: str) -> Any:
    def f(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
        check_tensor(input, name)
        axes = () if dim in ((), []) else normalize_dims(dim, input.ndim)
        return wrap(record1(op, input._v, (axes, keepdim)))

    f.__name__ = f.__qualname__ = name
    f.__doc__ = doc
    return public(name, out=True)(numpy_names(f))


any_ = _truth("any", reduce.ANY, "Whether some element is not zero.")
all_ = _truth("all", reduce.ALL, "Whether no element is zero.")


# ---------------------------------------------------------------- extremes
def _check_not_empty(input: Tensor, name: str, error: type[Exception] = RuntimeError) -> None:
    if input.numel() == 0:
        raise error(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the "
            "reduction dim with the 'dim' argument."
        )


def _check_ordered(input: Tensor, name: str, bool_too: bool = False) -> None:
    if input.is_complex() or bool_too and input.dtype is bool_:
        kind = "complex" if input.is_complex() else "bool"
        raise RuntimeError(f"{name}(): does not support {kind} input")


def _extreme(name: str, op: Any, arg: Any, whole_fn: str) -> Any:
    def f(input: Tensor, dim: Any = None, keepdim: bool = False, *, out: Any = None) -> Any:
        check_tensor(input, name)
        _check_ordered(input, name)
        if dim is None:
            _check_not_empty(input, name)
            r = wrap(record1(op, input._v, (tuple(range(input.ndim)), keepdim)))
            r._fn_name = whole_fn
            return r if out is None else write_out(r, out)
        if isinstance(dim, Tensor):
            r = getattr(input, "maximum" if name == "max" else "minimum")(dim)
            return r if out is None else write_out(r, out)
        one_dim(name, dim)
        axis = normalize_dim(dim, input.ndim)
        if input.ndim:
            reduce.check_elements(name, axis, input.shape[axis])
        values, indices = along(input, arg, axis, keepdim)
        values._fn_name = f"{name.capitalize()}Backward0"
        r = pair(name)(values, indices)
        return r if out is None else write_out(r, out)

    f.__name__ = f.__qualname__ = name
    f.__doc__ = (
        f"The {name}imum of all elements; with `dim` a named tuple (values, indices) along that "
        f"axis; with a second tensor the elementwise {name}imum."
    )
    return public(name)(numpy_names(f, other="dim"))


def along(input: Tensor, arg: Any, axis: int, keepdim: bool) -> tuple[Tensor, Tensor]:
    """The elements that an arg reduction picks along an axis, and their positions."""
    v = input._v
    if v.meta.ndim == 0:
        return input.clone(), input.new_zeros((), dtype=int64)
    keep = record1(arg, v, (axis, True))
    values = indexing.record(indexing.GATHER, (v, keep), (axis,))
    if not keepdim:
        from ..ops.movement import reshape

        shape = v.meta.shape[:axis] + v.meta.shape[axis + 1 :]
        values, keep = reshape(values, shape), reshape(keep, shape)
    return wrap(values), wrap(keep)


max = _extreme("max", reduce.MAX, reduce.ARGMAX, "MaxBackward1")
min = _extreme("min", reduce.MIN, reduce.ARGMIN, "MinBackward1")


def _spread_extreme(name: str, op: Any) -> Any:
    def f(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
        check_tensor(input, name)
        if input.is_complex():
            raise NotImplementedError(
                f"\"{name}_cpu\" not implemented for '{type_name(input.dtype)}'"
            )
        axes = normalize_dims(dim, input.ndim)
        if dim in ((), None):
            _check_not_empty(input, name)
        return wrap(record1(op, input._v, (axes, keepdim)))

    f.__name__ = f.__qualname__ = name
    f.__doc__ = f"The {name[1:]}imum over axes; the gradient is shared by equals."
    return public(name, out=True)(numpy_names(f))


amax, amin = _spread_extreme("amax", reduce.MAX), _spread_extreme("amin", reduce.MIN)


@public()
def aminmax(
    input: Tensor, *, dim: int | None = None, keepdim: bool = False, out: Any = None
) -> Any:
    """The minimum and the maximum, as a named tuple (min, max)."""
    check_tensor(input, "aminmax")
    one_dim("aminmax", dim)
    if input.numel() == 0 and dim is None:
        raise RuntimeError(
            "aminmax(): cannot compute aminmax over an empty dimension as the operation has no "
            "identity."
        )
    dims = () if dim is None else dim
    r = pair("aminmax", "min", "max")(amin(input, dims, keepdim), amax(input, dims, keepdim))
    return r if out is None else write_out(r, out)


def _arg(name: str, op: Any) -> Any:
    def f(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
        check_tensor(input, name)
        v = input._v
        one_dim(name, dim)
        if dim is None:
            _check_not_empty(input, name, IndexError)
        _check_ordered(input, name, True)
        if dim is None:
            from ..ops.movement import reshape

            r = record1(op, reshape(v, (v.meta.numel,)), (0, False))
            return wrap(reshape(r, (1,) * v.meta.ndim) if keepdim else r)
        if v.meta.ndim == 0:
            normalize_dim(dim, 0)
            return input.new_zeros((), dtype=int64)
        return wrap(record1(op, v, (normalize_dim(dim, v.meta.ndim), keepdim)))

    f.__name__ = f.__qualname__ = name
    f.__doc__ = (
        f"The position of the {name[3:]}imum, in the flattened tensor or along an axis; int64."
    )
    return public(name, out=True)(numpy_names(f))


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
        return _variance(input.real, dim, correction, keepdim, name) + _variance(
            input.imag,
            dim,
            correction,
            keepdim,
            name,
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


@public(out=True)
@numpy_names
def var(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> Tensor:
    """The variance over axes; divides by n - correction (1 by default)."""
    check_tensor(input, "var")
    dim, correction = _arguments(dim, unbiased, correction)
    return _variance(input, dim, correction, keepdim, "var")


@public(out=True)
@numpy_names
def std(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> Tensor:
    """The standard deviation over axes; see var."""
    check_tensor(input, "std")
    dim, correction = _arguments(dim, unbiased, correction)
    spread = _variance(input, dim, correction, keepdim, "std")
    v = spread._v
    root = record1(e.SQRT, v)
    r = wrap(root)
    r._fn_name = "StdBackward0"
    return r


@public(method=False)
def var_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> tuple[Tensor, Tensor]:
    """(variance, mean)."""
    centre = mean(input, None if isinstance(dim, bool) else dim, keepdim)
    return var(input, dim, unbiased, keepdim, correction=correction), centre


@public(method=False)
def std_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> tuple[Tensor, Tensor]:
    """(standard deviation, mean)."""
    centre = mean(input, None if isinstance(dim, bool) else dim, keepdim)
    return std(input, dim, unbiased, keepdim, correction=correction), centre


@public(out=True)
def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """log(sum(exp(x))) over axes, without overflow."""
    check_tensor(input, "logsumexp")
    v = input._v
    if not v.meta.dtype.is_differentiable:
        v = e.cast(v, get_default_dtype())
    axes = normalize_dims(dim, v.meta.ndim)
    if count_of(v.meta.shape, axes):
        top = record1(reduce.MAX, record1(_detach(), v), (axes, True))
        top = e.where(record1(e.ISFINITE, top), top, 0.0)
        total = record1(reduce.SUM, record1(e.EXP, e.sub(v, top)), (axes, True))
        out = e.add(record1(e.LOG, total), top)
    else:
        out = record1(e.LOG, record1(reduce.SUM, record1(e.EXP, v), (axes, True)))
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
    check_tensor(input, "count_nonzero")
    return sum(input != 0, dim)


@public()
def norm(
    input: Tensor,
    p: Any = "fro",
    dim: Any = None,
    keepdim: bool = False,
    out: Tensor | None = None,
    dtype: Any = None,
) -> Tensor:
    """The vector norm of order p over axes (all by default); "fro" is 2."""
    check_tensor(input, "norm")
    v = input._v if dtype is None else _cast(input, dtype)
    if not v.meta.dtype.is_differentiable:
        raise RuntimeError(
            "linalg.vector_norm: Expected a floating point or complex tensor as input. Got "
            + type_name(v.meta.dtype)
        )
    if p == "nuc":
        from .. import linalg

        return linalg.norm(input, "nuc", dim, keepdim)
    order = 2.0 if p in ("fro", None) else float(p)
    axes = normalize_dims(dim, v.meta.ndim)
    if (order < 0 or order == math.inf) and count_of(v.meta.shape, axes) == 0:
        raise RuntimeError(
            f"linalg.vector_norm cannot compute the {p} norm on an empty tensor because the "
            "operation does not have an identity"
        )
    r = wrap(vector_norm(v, order, axes, keepdim))
    r._fn_name = "LinalgVectorNormBackward0"
    return r if out is None else write_out(r, out)


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


@public(grad_name="DistBackward0")
def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The p-norm of input - other."""
    return norm(input - other, p)


# ---------------------------------------------------------------- scans
def _scan(name: str, op: Any) -> Any:
    def f(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
        check_tensor(input, name)
        one_dim(name, dim)
        v = input._v if dtype is None else _cast(input, dtype)
        if name == "logcumsumexp" and not v.meta.dtype.is_differentiable:
            raise NotImplementedError(
                f"\"logcumsumexp_out_cpu\" not implemented for '{type_name(v.meta.dtype)}'"
            )
        return wrap(_as(record1(op, v, (normalize_dim(dim, v.meta.ndim),)), dtype))

    f.__name__ = f.__qualname__ = name
    f.__doc__ = f"The cumulative {name[3:]} along an axis."
    return public(name, inplace=name != "logcumsumexp", out=True)(numpy_names(f))


cumsum, cumprod = _scan("cumsum", reduce.CUMSUM), _scan("cumprod", reduce.CUMPROD)
logcumsumexp = _scan("logcumsumexp", reduce.LOGCUMSUMEXP)


def _scan_pair(name: str, op: Any) -> Any:
    def f(input: Tensor, dim: int) -> Any:
        check_tensor(input, name)
        one_dim(name, dim)
        if input.is_complex():
            raise NotImplementedError(
                f"\"{name}_cpu\" not implemented for '{type_name(input.dtype)}'"
            )
        values, indices = indexing.record_many(op, (input._v,), (normalize_dim(dim, input.ndim),))
        return pair(name)(wrap(values), wrap(indices))

    f.__name__ = f.__qualname__ = name
    f.__doc__ = f"The cumulative {name[3:]}imum along an axis: (values, indices)."
    return public(name)(numpy_names(f))


cummax, cummin = _scan_pair("cummax", indexing.CUMMAX), _scan_pair("cummin", indexing.CUMMIN)
