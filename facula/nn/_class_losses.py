"""Losses over classes. The cross entropy with class numbers is in every training loop: one
record.
"""

from __future__ import annotations

import functools

import numpy as np

from ..dtypes import int64, type_name, uint8
from ..ops import elementwise as e
from ..ops.indexing import GATHER, TAKE, out_of_range
from ..ops.loss import CROSS_ENTROPY, NLL, PICK, check_targets
from ..ops.movement import reshape
from ..ops.reduce import ANY, CUMPROD, SUM
from ..ops.softmax import LOG_SOFTMAX, SOFTPLUS
from ..tensor import Tensor, from_array, wrap
from ..trace.recorder import record1, record2
from ..trace.replay import array_of
from ..trace.values import Meta, Value
from ._activations import not_implemented
from ._arguments import value_of
from ._losses import REDUCTIONS, check_reduction, reduced, reduction_of, result

_new = object.__new__


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """The negative logarithm of softmax(input) at the target.

    input: scores (C), (N, C) or (N, C, ...). target: class numbers (), (N) or (N, ...), int64, or
    probabilities of the input's shape. `weight` (C): of the classes. The mean is over the targets
    that are not `ignore_index`, or divided by the sum of their weights. Raises IndexError for a
    target out of range (at the latest when a value is asked for), ValueError and RuntimeError for
    shapes that don't fit.
    """
    if size_average is not None or reduce is not None:
        reduction = reduction_of(size_average, reduce, reduction)
    try:
        x, y = input._v, target._v
    except AttributeError:
        x = value_of(input, "cross_entropy_loss")
        y = value_of(target, "cross_entropy_loss", "target", 2)
    if weight is None and label_smoothing == 0.0:
        usual = _usual(x.meta, y.meta, reduction)
        if usual is not None:
            axis, classes, name = usual
            if out_of_range(y, 0, classes):
                check_targets(array_of(y), ignore_index, classes)
            t = _new(Tensor)
            t._v = record2(CROSS_ENTROPY, x, y, (axis, ignore_index, reduction))
            if name:
                t._fn_name = name
            return t
    if x.meta.shape == y.meta.shape:
        check_reduction(reduction)
        if not y.meta.dtype.is_floating_point:
            raise RuntimeError(
                "Expected floating point type for target with class probabilities, got "
                f"{type_name(y.meta.dtype)}"
            )
        return _probabilities(x, y, weight, reduction, label_smoothing)
    axis, name = _checked(x.meta, y.meta, weight, reduction)
    if not x.meta.dtype.is_floating_point:
        raise not_implemented("log_softmax", axis, x.meta)
    if axis == 0 and y.meta.ndim:
        y = reshape(y, ())
    if weight is None and label_smoothing == 0.0:
        if out_of_range(y, 0, x.meta.shape[axis]):
            check_targets(array_of(y), ignore_index, x.meta.shape[axis])
        return wrap(record2(CROSS_ENTROPY, x, y, (axis, ignore_index, reduction)))
    log = record1(LOG_SOFTMAX, x, (axis,))
    loss = _nll(log, y, weight, axis, ignore_index, reduction)
    if label_smoothing > 0.0:
        if label_smoothing > 1.0:
            raise _wrong_smoothing(label_smoothing)
        loss = _smoothed(loss, log, y, weight, axis, ignore_index, reduction, label_smoothing)
        name = "AddBackward0"
    elif label_smoothing < 0.0:
        raise _wrong_smoothing(label_smoothing)
    t = wrap(loss)
    t._fn_name = name
    return t


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-input at the target, for log probabilities (C), (N, C) or (N, C, ...); see cross_entropy."""
    if size_average is not None or reduce is not None:
        reduction = reduction_of(size_average, reduce, reduction)
    x, y = value_of(input, "nll_loss_nd"), value_of(target, "nll_loss_nd", "target", 2)
    axis, name = _checked(x.meta, y.meta, weight, reduction)
    if axis == 0 and y.meta.ndim:
        y = reshape(y, ())
    if out_of_range(y, 0, x.meta.shape[axis]):
        check_targets(array_of(y), ignore_index, x.meta.shape[axis])
    t = wrap(_nll(x, y, weight, axis, ignore_index, reduction))
    t._fn_name = name
    return t


def _wrong_smoothing(given: float) -> RuntimeError:
    return RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {given:g}")


@functools.lru_cache(4096)
def _plain(x: Meta, y: Meta, reduction: str) -> tuple[int, str]:
    """(the classes' axis, the name of the gradient). Raises the errors of shapes and dtypes."""
    if reduction not in REDUCTIONS:
        raise ValueError(f"{reduction} is not a valid value for reduction")
    if x.ndim == 0:
        raise ValueError(f"Expected at least 1 dimension, got {list(x.shape)}")
    if x.ndim > 1 and y.ndim == x.ndim - 1 or x.ndim == 1 and y.ndim <= 1:
        pass
    elif x.ndim <= 2 and y.ndim > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if x.ndim >= 2 and (y.ndim == 0 or x.shape[0] != y.shape[0]):
        raise ValueError(
            f"Expected input batch_size ({x.shape[0]}) to match target batch_size "
            f"({y.shape[0] if y.ndim else 1})."
        )
    axis = 1 if x.ndim > 1 else 0
    if x.ndim > 2:
        wanted = (x.shape[0], *x.shape[2:])
        if y.ndim != x.ndim - 1 and x.ndim == 4:
            raise RuntimeError(
                "only batches of spatial targets supported (3D tensors) but got targets of "
                f"dimension: {y.ndim}"
            )
        if y.shape != wanted:
            if x.ndim == 4:
                raise RuntimeError(
                    f"size mismatch (got input: {list(x.shape)} , target: {list(y.shape)}"
                )
            raise RuntimeError(f"Expected target size {list(wanted)}, got {list(y.shape)}")
    elif x.ndim == 1 and y.ndim == 1 and y.shape[0] != 1:
        raise ValueError(
            f"For 1D input, 1D target must have size 1, but got target size: {y.shape[0]}"
        )
    if y.dtype is not int64 and y.dtype is not uint8:
        raise RuntimeError(
            f"expected target dtype to be Long or Byte, but got {type_name(y.dtype)}"
        )
    if x.ndim <= 2:
        return axis, "NllLossBackward0"
    flat = x.ndim != 4 and reduction == "none"
    return axis, "ViewBackward0" if flat else "NllLoss2DBackward0"


@functools.lru_cache(4096)
def _usual(x: Meta, y: Meta, reduction: str) -> tuple[int, int, str] | None:
    """(the classes' axis, how many there are, the gradient's name if it is not the record's), for
    scores and class numbers of a batch; None for anything else. Raises as `_plain` does.
    """
    if x.shape == y.shape or x.ndim < 2 or not x.dtype.is_floating_point:
        return None
    axis, name = _plain(x, y, reduction)
    return axis, x.shape[axis], name if x.ndim > 2 else ""


def _checked(x: Meta, y: Meta, weight: Tensor | None, reduction: str) -> tuple[int, str]:
    axis, name = _plain(x, y, reduction)
    if weight is not None:
        w = weight._v.meta
        if w.shape != (x.shape[axis],):
            raise RuntimeError(
                "weight tensor should be defined either for all "
                f"{x.shape[axis]} classes or no classes but got weight tensor of shape: "
                f"{list(w.shape)}"
            )
        if w.dtype is not x.dtype:
            raise RuntimeError(
                f"expected scalar type {type_name(x.dtype)} but found {type_name(w.dtype)}"
            )
    return axis, name


def _weights(weight: Tensor, y: Value, ignore: int) -> Value:
    """The weight of each target's class, 0 where it is ignored."""
    valid = record2(e.NE, y, ignore)
    return e.where(valid, record2(TAKE, weight._v, e.where(valid, y, 0), (0,)), 0.0)


def _nll(
    log: Value, y: Value, weight: Tensor | None, axis: int, ignore: int, reduction: str
) -> Value:
    if weight is None:
        return record2(NLL, log, y, (axis, ignore, reduction))
    weights = _weights(weight, y, ignore)
    losses = e.mul(record2(NLL, log, y, (axis, ignore, "none")), weights)
    if reduction != "mean":
        return reduced(losses, reduction)
    return e.div(reduced(losses, "sum"), reduced(weights, "sum"))


def _by_class(weight: Tensor, ndim: int, axis: int) -> Value:
    return reshape(weight._v, (weight.numel(), *(1,) * (ndim - axis - 1)))


def _smoothed(
    loss: Value, log: Value, y: Value, weight: Tensor | None, axis: int, ignore: int,
    reduction: str, smoothing: float,
) -> Value:  # fmt: skip
    """The loss with a share of `smoothing` of every class's."""
    m = log.meta
    valid = record2(e.NE, y, ignore)
    each = log if weight is None else e.mul(log, _by_class(weight, m.ndim, axis))
    every = e.where(valid, e.neg(record1(SUM, each, ((axis,), False))), 0.0)
    if reduction != "none":
        every = reduced(every, "sum")
    if reduction == "mean":
        count = e.cast(valid, m.dtype) if weight is None else _weights(weight, y, ignore)
        every = e.div(every, reduced(count, "sum"))
    return e.add(e.mul(loss, 1.0 - smoothing), e.mul(every, smoothing / m.shape[axis]))


def _probabilities(
    x: Value, y: Value, weight: Tensor | None, reduction: str, smoothing: float
) -> Tensor:
    """Cross entropy with probabilities of all classes as targets."""
    m = x.meta
    axis = 1 if m.ndim > 1 else 0
    if smoothing > 0.0:
        y = e.add(e.mul(y, 1.0 - smoothing), smoothing / m.shape[axis])
    log = e.mul(record1(LOG_SOFTMAX, x, (axis,)), y)
    if weight is not None:
        log = e.mul(log, _by_class(weight, m.ndim, axis))
    losses = e.neg(record1(SUM, log, ((axis,), False)))
    if reduction != "mean":
        t = wrap(reduced(losses, reduction))
        t._fn_name = "NegBackward0"
        return t
    count = m.numel // max(1, m.shape[axis])
    t = wrap(e.div(reduced(losses, "sum"), float(count)))
    t._fn_name = "DivBackward1"
    return t


# ---------------------------------------------------------------- margins of classes
def _rows(input: Tensor, name: str) -> tuple[Value, bool]:
    """The scores as (N, C), and whether they came as (C)."""
    v = input._v
    if v.meta.ndim > 2 or (v.meta.ndim and v.meta.shape[-1] == 0):
        raise RuntimeError(
            "Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
            f"{list(v.meta.shape)}"
        )
    if v.meta.ndim == 2:
        return v, False
    return reshape(v, (1, v.meta.numel)), True


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over the other classes of max(0, margin - input at the target + input) ** p."""
    reduction = reduction_of(size_average, reduce, reduction)
    check_reduction(reduction)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.dim() != 1:
        raise ValueError("weight must be one-dimensional")
    x, single = _rows(input, "multi_margin_loss")
    n, classes = x.meta.shape
    y = target._v
    if y.meta.ndim > 1 or y.meta.numel != n:
        raise RuntimeError(f"inconsistent target size, expected {n} but got {list(y.meta.shape)}")
    y = reshape(y, (n,))
    own = reshape(record2(PICK, x, y, (1, -100)), (n, 1))
    gap = e.add(e.sub(x, own), margin)
    gap = e.where(record2(e.GT, gap, 0), gap, 0.0)
    if p == 2:
        gap = record1(e.SQUARE, gap)
    if weight is not None:
        gap = e.mul(gap, reshape(record2(TAKE, weight._v, y, (0,)), (n, 1)))
    is_own = record2(e.EQ, reshape(_numbers(classes), (1, classes)), reshape(y, (n, 1)))
    gap = e.where(is_own, 0.0, gap)
    losses = e.div(record1(SUM, gap, ((1,), False)), float(classes))
    if single:
        losses = reshape(losses, ())
    return result(losses, reduction, "MultiMarginLossBackward0")


def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The sum over targets and other classes of max(0, 1 - input at the target + input), over C.

    target rows list class numbers and end at the first -1.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    check_reduction(reduction)
    x, single = _rows(input, "multilabel_margin_loss")
    y = target._v
    if y.meta.shape != input._v.meta.shape:
        raise RuntimeError(
            f"inconsistent target size: {list(y.meta.shape)} for input of size: {list(input.shape)}"
        )
    n, classes = x.meta.shape
    y = reshape(y, (n, classes))
    valid = e.cast(record2(e.GE, y, 0), int64)
    valid = record2(e.NE, record1(CUMPROD, valid, (1,)), 0)
    places = e.where(valid, y, 0)
    own = reshape(record2(GATHER, x, places, (1,)), (n, classes, 1))
    numbers = reshape(_numbers(classes), (1, 1, classes))
    labels = reshape(e.where(valid, y, -1), (n, classes, 1))
    is_target = record1(ANY, record2(e.EQ, labels, numbers), ((1,), True))
    gap = e.add(e.sub(reshape(x, (n, 1, classes)), own), 1.0)
    counts = record2(e.LOGICAL_AND, record2(e.GE, labels, 0), record1(e.LOGICAL_NOT, is_target))
    counts = record2(e.LOGICAL_AND, counts, record2(e.GT, gap, 0))
    losses = record1(SUM, e.where(counts, gap, 0.0), ((1, 2), False))
    losses = e.div(losses, float(classes))
    if single:
        losses = reshape(losses, ())
    return result(losses, reduction, "MultilabelMarginLossBackward0")


def _numbers(n: int) -> Value:
    return from_array(np.arange(n))._v


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Binary cross entropy of the scores of each class, averaged over the classes (the last
    axis).
    """
    reduction = reduction_of(size_average, reduce, reduction)
    check_reduction(reduction)
    x, y = input._v, target._v
    # -(y * log sigmoid(x) + (1 - y) * log sigmoid(-x))
    yes, no = record1(SOFTPLUS, e.neg(x)), record1(SOFTPLUS, x)
    losses = e.add(e.mul(y, yes), e.mul(e.sub(1.0, y), no))
    if weight is not None:
        losses = e.mul(losses, weight._v)
    last = losses.meta.ndim - 1
    each = record1(SUM, losses, ((last,), False))
    each = e.div(each, float(x.meta.shape[-1]))
    return result(each, reduction, "DivBackward0" if reduction == "none" else "")
