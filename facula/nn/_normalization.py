"""Normalisations: all are one record (facula/ops/normalize.py) between reshapes and an affine
map.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

from ..dtypes import finfo
from ..functions.reductions import vector_norm
from ..functions.registry import no_tracking
from ..ops import elementwise as e
from ..ops import reduce
from ..ops.movement import PAD, SLICE, reshape
from ..ops.normalize import NORMALIZE
from ..ops.record import normalize_dims
from ..tensor import Tensor, wrap
from ..trace.formula import as_one
from ..trace.recorder import record1, record2, record_many
from ..trace.values import Shape, Value
from ._arguments import value_of


def _affine(v: Value, weight: Value | None, bias: Value | None) -> Value:
    if weight is not None:
        v = e.mul(v, weight)
    if bias is not None:
        v = e.add(v, bias)
    return v


def _normalized(v: Value, axes: tuple[int, ...], eps: float, centred: bool = True) -> Value:
    return record_many(NORMALIZE, (v,), (axes, eps, centred))[0]


@functools.lru_cache(4096)
def _last_axes(
    shape: Shape, tail: Shape, name: str, weight: Shape | None, bias: Shape | None
) -> tuple[int, ...]:
    """The normalised axes. Raises RuntimeError where the shapes don't fit."""
    if not tail:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one "
            f"element, but got normalized_shape = {list(tail)}"
        )
    for argument, given in (("weight", weight), ("bias", bias)):
        if given is not None and given != tail:
            raise RuntimeError(
                f"Expected {argument} to be of same shape as normalized_shape, but got {argument} "
                f"of shape {list(given)} and normalized_shape = {list(tail)}"
            )
    if shape[len(shape) - len(tail) :] != tail or len(shape) < len(tail):
        wanted = ", ".join(map(str, tail))
        comma = ", " if name == "layer_norm" else ""
        raise RuntimeError(
            f"Given normalized_shape={list(tail)}, expected input with shape [*{comma}{wanted}], "
            f"but got input of size{list(shape)}"
        )
    return tuple(range(len(shape) - len(tail), len(shape)))


def _layer(v: Value, *rest: Any) -> Value:
    """rest: the weight and the bias, or the weight, or neither; then what NORMALIZE wants."""
    *parameters, axes, eps, centred = rest
    weight, bias = (*parameters, None, None)[:2]
    return _affine(_normalized(v, axes, eps, centred), weight, bias)


def _layer_of(
    v: Value, weight: Value | None, bias: Value | None, axes: tuple[int, ...], eps: float,
    centred: bool = True,
) -> Value:  # fmt: skip
    if bias is not None:
        if weight is None:
            return _affine(_normalized(v, axes, eps, centred), None, bias)
        return as_one(_layer, (v, weight, bias), (axes, eps, centred))
    return as_one(_layer, (v,) if weight is None else (v, weight), (axes, eps, centred))


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-05,
) -> Tensor:
    """Mean 0 and variance 1 over the last axes, which have `normalized_shape`; then * weight +
    bias.
    """
    v = value_of(input, "layer_norm")
    scale = shift = first = second = None
    if weight is not None:
        scale = weight._v
        first = scale.meta.shape
    if bias is not None:
        shift = bias._v
        second = shift.meta.shape
    axes = _last_axes(v.meta.shape, tuple(normalized_shape), "layer_norm", first, second)
    t = wrap(_layer_of(v, scale, shift, axes, eps))
    t._fn_name = "NativeLayerNormBackward0"
    return t


def rms_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """The last axes divided by the root of their mean square; `eps` is added to that (default: the
    dtype's epsilon)."""
    v = value_of(input, "rms_norm")
    given = None if weight is None else weight._v.meta.shape
    axes = _last_axes(v.meta.shape, tuple(normalized_shape), "rms_norm", given, None)
    if eps is None:
        eps = finfo(input.dtype).eps
    t = wrap(_layer_of(v, None if weight is None else weight._v, None, axes, eps, False))
    t._fn_name = "MulBackward0"
    return t


def _per_channel(p: Tensor | None, ndim: int) -> Value | None:
    return None if p is None else reshape(p._v, (1, p._v.meta.numel, *(1,) * (ndim - 2)))


def _check_channels(channels: int, **parameters: Tensor | None) -> None:
    for name, p in parameters.items():
        if p is not None and p.numel() != channels:
            raise RuntimeError(f"{name} should contain {channels} elements not {p.numel()}")


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-05,
) -> Tensor:
    """Mean 0 and variance 1 over groups of channels (dim 1) with all their positions."""
    m = input._v.meta
    if m.ndim < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {m.ndim}")
    n, channels = m.shape[:2]
    if channels % num_groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of "
            f"shape {list(m.shape)} and num_groups={num_groups}"
        )
    for name, p in (("weight", weight), ("bias", bias)):
        if p is not None and tuple(p.shape) != (channels,):
            raise RuntimeError(
                f"Expected {name} to be a vector of size equal to the number of channels in input, "
                f"but got {name} of shape {list(p.shape)} and input of shape {list(m.shape)}"
            )
    _check_size([n * channels // num_groups, num_groups, *m.shape[2:]])
    grouped = reshape(input._v, (n, num_groups, m.numel // max(1, n * num_groups)))
    v = reshape(_normalized(grouped, (2,), eps), m.shape)
    t = wrap(_affine(v, _per_channel(weight, m.ndim), _per_channel(bias, m.ndim)))
    t._fn_name = "NativeGroupNormBackward0"
    return t


def _check_size(shape: Sequence[int]) -> None:
    if math.prod(shape) // max(1, shape[1]) == 1:
        raise ValueError(
            "Expected more than 1 value per channel when training, got input size "
            f"torch.Size({list(shape)})"
        )


def _update(running: Tensor | None, now: Value, momentum: float) -> None:
    """Moves a running statistic towards this batch's, in place."""
    if running is not None:
        old = running._v
        now = e.cast(reshape(now, old.meta.shape), old.meta.dtype)
        running._write(e.add(e.mul(old, 1 - momentum), e.mul(now, momentum)))


def _mean(v: Value, axes: tuple[int, ...], count: float) -> Value:
    return e.div(record1(reduce.SUM, v, (axes, True)), count)


def _spread(v: Value, centre: Value, axes: tuple[int, ...], count: float) -> Value:
    return _mean(record1(e.SQUARE, e.sub(v, centre)), axes, count)


def _statistics(
    v: Value, axes: tuple[int, ...], batch_axes: tuple[int, ...],
    running_mean: Tensor | None, running_var: Tensor | None, momentum: float,
) -> None:  # fmt: skip
    """Updates running mean and (unbiased) variance, the mean over `batch_axes` of those over
    `axes`.
    """
    with no_tracking():
        count = math.prod(v.meta.shape[k] for k in axes)
        copies = math.prod(v.meta.shape[k] for k in batch_axes)
        centre = as_one(_mean, (v,), (axes, float(count)))
        spread = as_one(_spread, (v, centre), (axes, float(count - 1) if count > 1 else 0.0))
        for running, now in ((running_mean, centre), (running_var, spread)):
            if batch_axes:
                now = e.div(record1(reduce.SUM, now, (batch_axes, True)), float(copies))
            _update(running, now, momentum)


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-05,
) -> Tensor:
    """Mean 0 and variance 1 of each channel (dim 1), by the batch's statistics in training, by the
    running ones otherwise. In training the running ones are updated in place.

    Raises ValueError in training for one value a channel, RuntimeError for sizes that don't fit.
    """
    v = input._v
    m = v.meta
    if training:
        _check_size(m.shape)
    elif running_mean is None or running_var is None:
        raise RuntimeError(
            f"running_{'mean' if running_mean is None else 'var'} must be defined in evaluation "
            "mode"
        )
    _check_channels(
        m.shape[1], running_mean=running_mean, running_var=running_var, weight=weight, bias=bias
    )
    if training:
        axes = (0, *range(2, m.ndim))
        out = _layer_of(v, _per_channel(weight, m.ndim), _per_channel(bias, m.ndim), axes, eps)
        if running_mean is not None or running_var is not None:
            _statistics(v, axes, (), running_mean, running_var, momentum)
    else:
        out = _with_running(v, running_mean, running_var, eps)
        out = _affine(out, _per_channel(weight, m.ndim), _per_channel(bias, m.ndim))
    t = wrap(out)
    t._fn_name = "NativeBatchNormBackward0"
    return t


def _with_running(v: Value, mean: Tensor | None, var: Tensor | None, eps: float) -> Value:
    centre, spread = _per_channel(mean, v.meta.ndim), _per_channel(var, v.meta.ndim)
    assert centre is not None and spread is not None
    scale = record1(e.RECIPROCAL, record1(e.SQRT, e.add(spread, eps)))
    return e.mul(e.sub(v, centre), scale)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-05,
) -> Tensor:
    """Mean 0 and variance 1 of each channel (dim 1) of each instance; see batch_norm."""
    v = input._v
    m = v.meta
    if use_input_stats:
        if math.prod(m.shape[2:]) == 1:
            raise ValueError(
                "Expected more than 1 spatial element when training, got input size "
                f"{input.shape!r}"
            )
        axes = tuple(range(2, m.ndim))
        out = _normalized(v, axes, eps)
        if running_mean is not None or running_var is not None:
            _statistics(v, axes, (0,), running_mean, running_var, momentum)
    else:
        if running_mean is None or running_var is None:
            raise RuntimeError(
                "Expected running_mean and running_var to be defined when use_input_stats is false"
            )
        out = _with_running(v, running_mean, running_var, eps)
    t = wrap(_affine(out, _per_channel(weight, m.ndim), _per_channel(bias, m.ndim)))
    t._fn_name = "ViewBackward0"
    return t


def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """x / (k + alpha * mean of squares over `size` neighbouring channels) ** beta."""
    v = input._v
    m = v.meta
    if m.ndim < 3:
        raise ValueError(
            f"Expected 3D or higher dimensionality                          input (got {m.ndim} "
            "dimensions)"
        )
    if m.numel == 0:
        return input
    zeros = (0,) * (m.ndim - 2)
    square = record1(PAD, e.mul(v, v), ((0, size // 2, *zeros), (0, (size - 1) // 2, *zeros), 0.0))
    total = None
    for first in range(size):
        starts = (0, first, *zeros)
        stops = (m.shape[0], first + m.shape[1], *m.shape[2:])
        part = record1(SLICE, square, (starts, stops, (1,) * m.ndim))
        total = part if total is None else e.add(total, part)
    assert total is not None
    scale = e.add(e.mul(e.div(total, float(size)), alpha), k)
    t = wrap(e.div(v, e.power(scale, beta)))
    t._fn_name = "DivBackward0"
    return t


def normalize(
    input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Tensor | None = None
) -> Tensor:
    """x / max(p-norm of x over `dim`, eps)."""
    v = input._v
    norm = vector_norm(v, float(p), normalize_dims(dim, v.meta.ndim), True)
    norm = e.where(record2(e.LT, norm, eps), eps, norm)
    t = wrap(e.div(v, norm))
    t._fn_name = "DivBackward0"
    if out is not None:
        from ..functions.registry import write_out

        return write_out(t, out)
    return t
