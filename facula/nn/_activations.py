"""Activations, elementwise and along an axis, as plain formulas on recorded values.

Where a formula could overflow on the side of a `where` that is not taken, the operand is made
harmless first: a gradient of infinity times zero would be NaN.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..dtypes import bool_, finfo, type_name
from ..functions.creation import check_dtype
from ..functions.random import engine_of
from ..ops import elementwise as e
from ..ops.gates import GELU, GELU_BY_TANH, SILU
from ..ops.indexing import FILL
from ..ops.loss import SPREAD
from ..ops.movement import reshape
from ..ops.record import normalize_dim
from ..ops.reduce import ARGMAX
from ..ops.softmax import LOG_SOFTMAX, SOFTMAX, SOFTPLUS
from ..runtime import random as draws
from ..tensor import Tensor, from_array, wrap
from ..trace.formula import as_one
from ..trace.recorder import record, record1, record2
from ..trace.values import Meta, Value
from ._arguments import value_of

_new = object.__new__
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


# Functions whose in-place forms PyTorch differentiates under names of their own.
_OWN_NAME_IN_PLACE = {
    f"{name}Backward0": f"{name}Backward1"
    for name in ("Elu", "Celu", "LeakyRelu", "RreluWithNoise", "Threshold")
}


def finish(input: Tensor, v: Value, inplace: bool, name: str) -> Tensor:
    """The result as a tensor, or written into the input; `name` is what its grad_fn is called."""
    if inplace:
        input._write(v)
        input._fn_name = _OWN_NAME_IN_PLACE.get(name, name)
        return input
    t = wrap(v)
    t._fn_name = name
    return t


# ---------------------------------------------------------------- bent lines
def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0); in place if `inplace`."""
    try:
        v = record1(e.RELU, input._v)
    except AttributeError:
        value_of(input, "relu")
        raise
    if inplace:
        return finish(input, v, True, "ReluBackward0")
    t = _new(Tensor)
    t._v = v
    return t


def _limit(v: Value, low: float, high: float) -> Value:
    """v limited to [low, high]; no gradient at the limits and beyond."""
    v = e.where(record2(e.GE, v, high), high, v)
    return e.where(record2(e.LE, v, low), low, v)


def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """x limited to [min_val, max_val]. Raises ValueError if min_val > max_val."""
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    d = value_of(input, "hardtanh").meta.dtype
    if d is bool_:
        raise RuntimeError("Bool inputs not supported for hardtanh")
    e.refuse_complex_clamp(d)
    return finish(input, _limit(input._v, min_val, max_val), inplace, "HardtanhBackward0")


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(x, 0), 6)."""
    return hardtanh(input, 0.0, 6.0, inplace)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where positive, negative_slope * x elsewhere."""
    slope = float(negative_slope)
    # as the key of an edge, 0.0 is the same as -0.0
    v = value_of(input, "leaky_relu")
    r = as_one(_leaky, (v,), (slope,)) if slope else _leaky(v, slope)
    return finish(input, r, inplace, "LeakyReluBackward0")


def _leaky(v: Value, slope: float) -> Value:
    return e.where(record2(e.GT, v, 0), v, e.mul(v, slope))


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where it is above `threshold`, `value` elsewhere."""
    v = value_of(input, "threshold")
    r = e.where(record2(e.LE, v, threshold), value, v)
    return finish(input, r, inplace, "ThresholdBackward0")


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x where positive, weight * x elsewhere; `weight`: one slope, or one for each channel (dim
    1).
    """
    v, w = value_of(input, "prelu"), weight._v
    n = w.meta.numel
    if w.meta.ndim > 1:
        raise RuntimeError(
            f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {w.meta.ndim}"
        )
    if n != 1:
        if v.meta.ndim == 0:
            raise RuntimeError("Not allow zero-dim input tensor.")
        channels = v.meta.shape[1] if v.meta.ndim > 1 else 1
        if channels != n:
            raise RuntimeError(
                "Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                f"{n} and channel size = {channels}."
            )
    if v.meta.ndim > 1:
        w = reshape(w, (1, n, *(1,) * (v.meta.ndim - 2)))
    elif v.meta.ndim == 0:
        w = reshape(w, ())
    t = wrap(e.where(record2(e.GT, v, 0), v, e.mul(v, w)))
    t._fn_name = "PreluKernelBackward0"
    return t


def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """x where positive, slope * x elsewhere: a slope drawn from [lower, upper) for each element in
    training, their mean otherwise."""
    if not training:
        v = value_of(input, "rrelu")
        r = e.where(record2(e.GT, v, 0), v, e.mul(v, (lower + upper) / 2))
        return finish(input, r, inplace, "RreluWithNoiseBackward0")
    a = input._array()
    slopes = np.ones(a.shape, a.dtype)
    below = a <= 0
    unit = engine_of(None).doubles(int(below.sum()))
    slopes[below] = (unit * (upper - lower) + lower).astype(a.dtype)
    r = e.mul(input._v, from_array(slopes, input.dtype)._v)
    return finish(input, r, inplace, "RreluWithNoiseBackward0")


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """relu6(x + 3) / 6."""
    r = e.div(_limit(e.add(value_of(input, "hardsigmoid"), 3.0), 0.0, 6.0), 6.0)
    return finish(input, r, inplace, "HardsigmoidBackward0")


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """x * relu6(x + 3) / 6."""
    v = value_of(input, "hardswish")
    bent = e.div(e.mul(v, e.add(v, 3.0)), 6.0)
    r = e.where(record2(e.GE, v, 3), v, bent)
    r = e.where(record2(e.LE, v, -3), e.mul(v, 0.0), r)
    return finish(input, r, inplace, "HardswishBackward0")


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x where |x| > lambd, 0 elsewhere."""
    v = value_of(input, "hardshrink")
    t = wrap(e.where(record2(e.LE, record1(e.ABS, v), lambd), 0.0, v))
    t._fn_name = "HardshrinkBackward0"
    return t


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x moved by lambd towards 0, and 0 where |x| <= lambd. Raises RuntimeError if lambd < 0."""
    v = value_of(input, "softshrink")
    if lambd < 0:
        d = v.meta.dtype
        raise RuntimeError(
            f"lambda must be in range [0, {finfo(d).max:g}] for input dtype {type_name(d)}, but "
            f"found {lambd:g}"
        )
    moved = e.where(record2(e.GT, v, 0), e.sub(v, lambd), e.add(v, lambd))
    t = wrap(e.where(record2(e.LE, record1(e.ABS, v), lambd), 0.0, moved))
    t._fn_name = "SoftshrinkBackward0"
    return t


# ---------------------------------------------------------------- exponential ones
def _elu(v: Value, alpha: float, scale: float = 1.0, negative_scale: float = 1.0) -> Value:
    """scale * (x, or alpha * (exp(x * negative_scale) - 1) where x <= 0)."""
    positive = record2(e.GT, v, 0)
    low = e.where(positive, 0.0, v)
    if negative_scale != 1.0:
        low = e.mul(low, negative_scale)
    low = record1(e.EXPM1, low)
    if alpha * scale != 1.0:
        low = e.mul(low, alpha * scale)
    return e.where(positive, v if scale == 1.0 else e.mul(v, scale), low)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where positive, alpha * (exp(x) - 1) elsewhere."""
    return finish(input, _elu(value_of(input, "elu"), float(alpha)), inplace, "EluBackward0")


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """ELU with the scales of Klambauer et al. (2017), which keep mean 0 and variance 1."""
    return finish(
        input, _elu(value_of(input, "selu"), _SELU_ALPHA, _SELU_SCALE), inplace, "EluBackward0"
    )


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """max(0, x) + min(0, alpha * (exp(x / alpha) - 1)). Raises RuntimeError for alpha 0."""
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    r = _elu(value_of(input, "celu"), float(alpha), negative_scale=1.0 / alpha)
    return finish(input, r, inplace, "CeluBackward0")


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """x * normal distribution function of x, by erf ('none') or its approximation by 'tanh'."""
    v = value_of(input, "gelu")
    op = _GELU.get(approximate)
    if op is None:
        raise RuntimeError("approximate argument must be either none or tanh.")
    return wrap(record1(op, v))


_GELU = {"none": GELU, "tanh": GELU_BY_TANH}


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x * sigmoid(x)."""
    v = value_of(input, "silu")
    r = e.mul(v, record1(e.SIGMOID, v)) if v.meta.dtype.is_complex else record1(SILU, v)
    return finish(input, r, inplace, "SiluBackward0")


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x * tanh(log(1 + exp(x)))."""
    return finish(input, as_one(_mish, (value_of(input, "mish"),)), inplace, "MishBackward0")


def _mish(v: Value) -> Value:
    return e.mul(v, record1(e.TANH, record1(SOFTPLUS, v)))


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-x))."""
    return wrap(record1(e.SIGMOID, value_of(input, "sigmoid")))


def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    return wrap(record1(e.TANH, value_of(input, "tanh")))


def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(x)), without overflow."""
    t = wrap(e.neg(record1(SOFTPLUS, e.neg(value_of(input, "log_sigmoid")))))
    t._fn_name = "LogSigmoidBackward0"
    return t


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta * x)) / beta; x itself where beta * x > threshold."""
    v = value_of(input, "softplus")
    scaled = v if beta == 1 else e.mul(v, float(beta))
    soft = record1(SOFTPLUS, scaled)
    if beta != 1:
        soft = e.div(soft, float(beta))
    t = wrap(e.where(record2(e.GT, scaled, threshold), v, soft))
    t._fn_name = "SoftplusBackward0"
    return t


def softsign(input: Tensor) -> Tensor:
    """x / (1 + |x|)."""
    v = value_of(input, "softsign")
    return wrap(e.div(v, e.add(record1(e.ABS, v), 1)))


def tanhshrink(input: Tensor) -> Tensor:
    """x - tanh(x)."""
    return wrap(e.sub(value_of(input, "tanhshrink"), record1(e.TANH, input._v)))


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """The first half along `dim` times the sigmoid of the second half. Raises RuntimeError for
    an odd size.
    """
    v = value_of(input, "glu")
    if v.meta.ndim == 0:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    axis = normalize_dim(dim, v.meta.ndim)
    size = v.meta.shape[axis]
    if size % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {axis} is size {size}")
    first, second = input.chunk(2, axis)
    t = wrap(e.mul(first._v, record1(e.SIGMOID, second._v)))
    t._fn_name = "GluBackward0"
    return t


# ---------------------------------------------------------------- along an axis
def _axis(name: str, dim: int | None, ndim: int, stacklevel: int) -> int:
    if dim is None:
        warnings.warn(
            f"Implicit dimension choice for {name} has been deprecated. Change the call to include "
            "dim=X as an argument.",
            UserWarning,
            stacklevel=stacklevel + 1,
        )
        dim = 0 if ndim in (0, 1, 3) else 1
    return normalize_dim(dim, ndim)


def not_implemented(name: str, axis: int, m: Meta) -> NotImplementedError:
    """The error for a softmax of a tensor that is not floating point."""
    kernel = f"{name}_lastdim" if axis == m.ndim - 1 else name
    return NotImplementedError(
        f"\"{kernel}_kernel_impl\" not implemented for '{type_name(m.dtype)}'"
    )


def _along(op: Any, v: Value, axis: int, dtype: Any) -> Tensor:
    if dtype is not None:
        v = e.cast(v, check_dtype(dtype))  # type: ignore[arg-type]
    if not v.meta.dtype.is_floating_point:
        raise not_implemented(op.name, axis, v.meta)
    if v.meta.ndim == 0:
        t = wrap(reshape(record1(op, reshape(v, (1,)), (0,)), ()))
        t._fn_name = op.grad_name
        return t
    return wrap(record1(op, v, (axis,)))


def softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """exp(x) / sum(exp(x)) along `dim`, computed in `dtype` if given; without overflow."""
    axis = _axis("softmax", dim, value_of(input, "softmax").meta.ndim, _stacklevel)
    return _along(SOFTMAX, input._v, axis, dtype)


def log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """log(softmax(x)) along `dim`, computed in `dtype` if given; without overflow."""
    axis = _axis("log_softmax", dim, value_of(input, "log_softmax").meta.ndim, _stacklevel)
    return _along(LOG_SOFTMAX, input._v, axis, dtype)


def softmin(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """softmax(-x) along `dim`."""
    axis = _axis("softmin", dim, value_of(input, "softmin").meta.ndim, _stacklevel)
    return _along(SOFTMAX, e.neg(input._v), axis, dtype)


def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """A draw from the Gumbel-softmax distribution (Jang et al., 2017) over `dim`.

    `hard`: one-hot values with the gradient of the soft ones. `eps` is not used.
    """
    if eps != 1e-10:
        warnings.warn("`eps` parameter is deprecated and has no effect.", stacklevel=2)
    m = logits._v.meta
    noise = from_array(draws.exponential(engine_of(None), m.shape, m.dtype.np, 1.0), m.dtype)
    v = e.div(e.sub(logits._v, record1(e.LOG, noise._v)), tau)
    axis = normalize_dim(dim, m.ndim)
    soft = _along(SOFTMAX, v, axis, None)
    if not hard:
        return soft
    best = record1(ARGMAX, soft._v, (axis, False))
    ones = record(FILL, (1.0,), (best.meta.shape, m.dtype.name))
    one_hot = record2(SPREAD, ones, best, (axis, m.shape[axis], -1))
    return wrap(e.add(e.sub(one_hot, soft.detach()._v), soft._v))


# ---------------------------------------------------------------- in-place forms
def _in_place(f: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def call(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return f(input, *args, **kwargs, inplace=True)

    call.__name__ = call.__qualname__ = f.__name__ + "_"
    call.__doc__ = (
        f"In-place form of `{f.__name__}`: writes the result into `input` and returns it."
    )
    return call


relu_, elu_, celu_, selu_ = _in_place(relu), _in_place(elu), _in_place(celu), _in_place(selu)
leaky_relu_, hardtanh_, rrelu_ = _in_place(leaky_relu), _in_place(hardtanh), _in_place(rrelu)
threshold_ = _in_place(threshold)
