"""Dropout: masks are drawn at the call, in the program's order, with PyTorch's numbers."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable

from ..dtypes import dtype
from ..functions.random import engine_of, in_memory_order
from ..ops import elementwise as e
from ..runtime import random as draws
from ..tensor import Tensor, from_array
from ..trace.recorder import record2
from ..trace.values import Meta, Value, meta
from ._activations import finish
from ._arguments import value_of

_ALPHA = 1.7580993408473766  # minus the limit of SELU at minus infinity


def _check(p: float) -> None:
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


@functools.lru_cache(64)
def _scale(p: float, d: dtype) -> float:
    """1 / (1 - p), divided in the dtype."""
    one = d.np.type(1)
    return float(one / d.np.type(1 - p))


def _mask(m: Meta, p: float) -> Value:
    """1 with probability 1 - p, else 0, for each element of what has these facts."""
    d = m.dtype
    a = in_memory_order(m, lambda s: draws.bernoulli(engine_of(None), s, d.np, 1 - p))
    return from_array(a, d)._v


def _drop(input: Tensor, drawn: Meta, p: float, inplace: bool) -> Tensor:
    v = input._v
    if p == 1:
        return finish(input, e.mul(v, 0.0), inplace, "MulBackward0")
    d = v.meta.dtype
    mask = record2(e.MUL, _mask(drawn, p), _scale(p, d))
    return finish(input, record2(e.MUL, v, mask), inplace, "MulBackward0")


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zeroes elements with probability p and scales the others by 1 / (1 - p), while training.

    Raises ValueError for a p outside [0, 1].
    """
    _check(p)
    m = value_of(input, "dropout").meta
    if not training or p == 0 or m.numel == 0:
        return input
    return _drop(input, m, p, inplace)


def _channels(input: Tensor) -> Meta:
    """The facts of a mask over whole channels of (N, C, ...)."""
    shape, d = input._v.meta.shape, input._v.meta.dtype
    if len(shape) < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    return meta((*shape[:2], *(1,) * (len(shape) - 2)), d)


def feature_dropout(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zeroes whole channels (dim 1) of (N, C, ...) with probability p, while training."""
    _check(p)
    if not training or p == 0 or input._v.meta.numel == 0:
        return input
    return _drop(input, _channels(input), p, inplace)


def dropout1d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zeroes whole channels of (N, C, L) or (C, L) with probability p, while training."""
    _check(p)
    n = input.dim()
    if n not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {n}D input. Note that dropout1d "
            "exists to provide channel-wise dropout on inputs with 1 spatial dimension, a channel "
            "dimension, and an optional batch dimension (i.e. 2D or 3D inputs)."
        )
    return _batched(input, n == 2, p, training, inplace)


def dropout2d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zeroes whole channels of (N, C, H, W) or (N, C, L) with probability p, while training."""
    _check(p)
    n = input.dim()
    if n not in (3, 4):
        warnings.warn(
            f"dropout2d: Received a {n}-D input to dropout2d, which is deprecated and will result "
            "in an error in a future release. To retain the behavior and silence this warning, "
            "please use dropout instead. Note that dropout2d exists to provide channel-wise "
            "dropout on inputs with 2 spatial dimensions, a channel dimension, and an optional "
            "batch dimension (i.e. 3D or 4D inputs).",
            stacklevel=2,
        )
    if n == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout "
            "behavior is desired - input is interpreted as shape (N, C, L), where C is the channel "
            "dim. This behavior will change in a future release to interpret the input as one "
            "without a batch dimension, i.e. shape (C, H, W). To maintain the 1D channel-wise "
            "dropout behavior, please switch to using dropout1d instead.",
            stacklevel=2,
        )
    return feature_dropout(input, p, training, inplace)


def dropout3d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zeroes whole channels of (N, C, D, H, W) or (C, D, H, W) with probability p, while
    training.
    """
    _check(p)
    n = input.dim()
    if n not in (4, 5):
        warnings.warn(
            f"dropout3d: Received a {n}-D input to dropout3d, which is deprecated and will result "
            "in an error in a future release. To retain the behavior and silence this warning, "
            "please use dropout instead. Note that dropout3d exists to provide channel-wise "
            "dropout on inputs with 3 spatial dimensions, a channel dimension, and an optional "
            "batch dimension (i.e. 4D or 5D inputs).",
            stacklevel=2,
        )
    return _batched(input, n == 4, p, training, inplace)


def _batched(input: Tensor, lacks_batch: bool, p: float, training: bool, inplace: bool) -> Tensor:
    if not training or p == 0 or input._v.meta.numel == 0:
        return input
    m = input._v.meta
    if lacks_batch:
        return _drop(input, meta((m.shape[0], *(1,) * (m.ndim - 1)), m.dtype), p, inplace)
    return _drop(input, _channels(input), p, inplace)


def _alpha_drop(input: Tensor, drawn: Meta, p: float, inplace: bool) -> Tensor:
    """Dropped elements become SELU's limit; then mean and variance are what they were."""
    v = input._v
    if p == 1:
        return finish(input, e.mul(v, 0.0), inplace, "MulBackward0")
    a = 1.0 / math.sqrt((_ALPHA * _ALPHA * p + 1) * (1 - p))
    mask = _mask(drawn, p)
    shift = e.add(e.mul(e.sub(mask, 1.0), _ALPHA * a), _ALPHA * a * p)
    r = e.add(e.mul(v, e.mul(mask, a)), shift)
    return finish(input, r, inplace, "AddBackward0")


def alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Dropout that keeps mean and variance of SELU activations (Klambauer et al., 2017)."""
    _check(p)
    m = value_of(input, "dropout").meta
    if not training or p == 0 or m.numel == 0:
        return input
    return _alpha_drop(input, m, p, inplace)


def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """alpha_dropout of whole channels (dim 1)."""
    _check(p)
    if not training or p == 0 or input._v.meta.numel == 0:
        return input
    return _alpha_drop(input, _channels(input), p, inplace)


def _in_place(f: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def call(input: Tensor, p: float, training: bool) -> Tensor:
        return f(input, p, training, True)

    call.__name__ = call.__qualname__ = f.__name__ + "_"
    call.__doc__ = f"In-place form of `{f.__name__}`."
    return call


dropout_, feature_dropout_ = _in_place(dropout), _in_place(feature_dropout)
alpha_dropout_, feature_alpha_dropout_ = _in_place(alpha_dropout), _in_place(feature_alpha_dropout)
