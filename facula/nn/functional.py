"""The functions behind the layers: activations, losses, dropout, normalisation."""

from __future__ import annotations

from typing import Any

from ..dtypes import int64
from ..functions.linear import linear as linear
from ..functions.random import engine_of
from ..ops import elementwise as e
from ..ops import reduce
from ..ops.movement import ALIAS, reshape
from ..ops.record import normalize_dim
from ..runtime import random as draws
from ..tensor import Tensor, from_array, wrap
from ..trace.recorder import record, record1, record2
from ..trace.values import Value


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0); in place if `inplace`."""
    return input.relu_() if inplace else input.relu()  # type: ignore[attr-defined,no-any-return]


def _log_softmax(v: Value, axis: int) -> Value:
    top = record1(reduce.MAX, record1(ALIAS, v), ((axis,), True))
    shifted = record2(e.SUB, v, top)
    total = record1(reduce.SUM, record1(e.EXP, shifted), ((axis,), True))
    return record2(e.SUB, shifted, record1(e.LOG, total))


def _cast(input: Tensor, dtype: Any) -> Value:
    return input._v if dtype is None else e.cast(input._v, dtype)


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """log(softmax(x)) along an axis, without overflow."""
    v = _cast(input, dtype)
    axis = normalize_dim(_implicit(dim, v.meta.ndim), v.meta.ndim)
    if v.meta.ndim == 0:
        return wrap(record2(e.MUL, v, 0.0))
    t = wrap(_log_softmax(v, axis))
    t._fn_name = "LogSoftmaxBackward0"
    return t


def _implicit(dim: int | None, ndim: int) -> int:
    if dim is not None:
        return dim
    import warnings

    warnings.warn(
        "Implicit dimension choice for softmax has been deprecated. Change the call to include dim=X as an argument.",
        UserWarning,
        stacklevel=3,
    )
    return 0 if ndim in (0, 1, 3) else 1


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """exp(x) / sum(exp(x)) along an axis, without overflow."""
    v = _cast(input, dtype)
    axis = normalize_dim(_implicit(dim, v.meta.ndim), v.meta.ndim)
    if v.meta.ndim == 0:
        return wrap(record2(e.ADD, record2(e.MUL, v, 0.0), 1.0))
    top = record1(reduce.MAX, record1(ALIAS, v), ((axis,), True))
    ex = record1(e.EXP, record2(e.SUB, v, top))
    total = record1(reduce.SUM, ex, ((axis,), True))
    t = wrap(record2(e.DIV, ex, total))
    t._fn_name = "SoftmaxBackward0"
    return t


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zeroes elements with probability p and scales the others by 1 / (1 - p), while training."""
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not training or p == 0 or input.numel() == 0:
        return input
    m = input._v.meta
    if p == 1:
        r = input * 0.0
    else:
        mask = from_array(draws.bernoulli(engine_of(None), m.shape, m.dtype.np, 1 - p), m.dtype)
        r = wrap(record2(e.MUL, input._v, record2(e.MUL, mask._v, 1 / (1 - p))))
    if inplace:
        return input._write(r._v)
    r._fn_name = "MulBackward0"
    return r


_ = (int64, reshape, record)
