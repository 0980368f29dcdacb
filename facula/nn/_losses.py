"""Losses between tensors of one shape, and the reductions that all losses share."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

from ..dtypes import type_name
from ..functions.shape import broadcast_shapes
from ..ops import elementwise as e
from ..ops.loss import BINARY_CROSS_ENTROPY
from ..ops.movement import ALIAS, reshape
from ..ops.reduce import ANY, SUM
from ..ops.softmax import SOFTPLUS
from ..tensor import Tensor, wrap
from ..trace.recorder import record1, record2
from ..trace.values import Value
from ._arguments import value_of
from ._distance import pairwise_distance

REDUCTIONS = ("none", "mean", "sum")


def reduction_of(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """The reduction, or what the old arguments `size_average` and `reduce` mean, with a warning."""
    if size_average is None and reduce is None:
        return reduction
    size_average = True if size_average is None else size_average
    reduce = True if reduce is None else reduce
    chosen = "none" if not reduce else "mean" if size_average else "sum"
    warnings.warn(
        "size_average and reduce args will be deprecated, "
        f"please use reduction='{chosen}' instead.",
        stacklevel=3,
    )
    return chosen


def check_reduction(reduction: str) -> None:
    """Raises ValueError for a name that is no reduction."""
    if reduction not in REDUCTIONS:
        raise ValueError(f"{reduction} is not a valid value for reduction")


def reduced(v: Value, reduction: str) -> Value:
    """The losses themselves, their sum or their mean."""
    if reduction == "none":
        return v
    m = v.meta
    total = record1(SUM, v, (tuple(range(m.ndim)), False))
    if reduction == "sum":
        return total
    if reduction != "mean":
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return record2(e.DIV, total, float(m.numel))


def result(v: Value, reduction: str, name: str = "") -> Tensor:
    """The reduced losses as a tensor. `name`: what its grad_fn is called, if not after the
    reduction.
    """
    t = wrap(reduced(v, reduction))
    if name or reduction == "mean":
        t._fn_name = name or "MeanBackward0"
    return t


def _values(input: Tensor, target: Tensor, name: str) -> tuple[Value, Value]:
    """The operands of an elementwise loss; warns if they have to be broadcast."""
    x, y = value_of(input, name), value_of(target, name, "target", 2)
    if x.meta.shape != y.meta.shape:
        warnings.warn(
            f"Using a target size ({target.shape!r}) that is different to the input size "
            f"({input.shape!r}). This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size.",
            stacklevel=3,
        )
        broadcast_shapes(x.meta.shape, y.meta.shape)
    return x, y


def _positive(v: Value) -> Value:
    """max(v, 0) with the gradient of the positive side at 0."""
    return e.where(record2(e.LT, v, 0), 0.0, v)


# ---------------------------------------------------------------- distances of numbers
def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """(input - target) squared, times `weight` if given; the mean is then divided by its sum."""
    x, y = _values(input, target, "mse_loss")
    reduction = reduction_of(size_average, reduce, reduction)
    losses = record1(e.SQUARE, e.sub(x, y))
    if weight is not None:
        return _weighted(losses, weight, reduction, "mse_loss")
    return result(losses, reduction, "MseLossBackward0")


def _weighted(losses: Value, weight: Tensor, reduction: str, name: str) -> Tensor:
    if weight._v.meta.shape != losses.meta.shape:
        raise ValueError("Weights and input must have the same size.")
    check_reduction(reduction)
    losses = e.mul(losses, weight._v)
    if reduction != "mean":
        return result(losses, reduction)
    total = e.div(reduced(losses, "sum"), reduced(weight._v, "sum"))
    return wrap(total)


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """|input - target|, times `weight` if given; the mean is then divided by its sum."""
    x, y = _values(input, target, "l1_loss")
    reduction = reduction_of(size_average, reduce, reduction)
    losses = record1(e.ABS, e.sub(x, y))
    if weight is not None:
        return _weighted(losses, weight, reduction, "l1_loss")
    return result(losses, reduction)


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """d * d / (2 * beta) for |d| = |input - target| below `beta`, |d| - beta / 2 above."""
    x, y = _values(input, target, "smooth_l1_loss")
    reduction = reduction_of(size_average, reduce, reduction)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    difference = e.sub(x, y)
    size = record1(e.ABS, difference)
    if beta == 0:
        return result(size, reduction)
    square = e.mul(record1(e.SQUARE, difference), 0.5 / beta)
    losses = e.where(record2(e.LT, size, beta), square, e.sub(size, 0.5 * beta))
    return result(losses, reduction, "SmoothL1LossBackward0")


def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """d * d / 2 for |d| = |input - target| up to `delta`, delta * (|d| - delta / 2) above."""
    x, y = _values(input, target, "huber_loss")
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    difference = e.sub(x, y)
    size = record1(e.ABS, difference)
    square = e.mul(record1(e.SQUARE, difference), 0.5)
    line = e.mul(e.sub(size, 0.5 * delta), float(delta))
    losses = e.where(record2(e.LE, size, delta), square, line)
    if weight is not None:
        return _weighted(losses, weight, reduction, "huber_loss")
    return result(losses, reduction, "HuberLossBackward0")


# ---------------------------------------------------------------- probabilities
def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-(target * log(input) + (1 - target) * log(1 - input)), the logarithms bounded by -100.

    Raises ValueError for different shapes, RuntimeError for different dtypes.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    check_reduction(reduction)
    name = "binary_cross_entropy"
    x, y = value_of(input, name), value_of(target, name, "target", 2)
    if x.meta.shape != y.meta.shape:
        raise ValueError(
            f"Using a target size ({target.shape!r}) that is different to the input size "
            f"({input.shape!r}) is deprecated. Please ensure they have the same size."
        )
    if x.meta.dtype is not y.meta.dtype:
        raise RuntimeError(
            f"Found dtype {type_name(y.meta.dtype)} but expected {type_name(x.meta.dtype)}"
        )
    losses = record2(BINARY_CROSS_ENTROPY, x, y)
    if weight is not None:
        losses = e.mul(losses, weight._v)
    return result(losses, reduction, "BinaryCrossEntropyBackward0")


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Binary cross entropy of sigmoid(input), without overflow; `pos_weight` weighs the targets'
    1.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    check_reduction(reduction)
    x, y = input._v, target._v
    if x.meta.shape != y.meta.shape:
        raise ValueError(
            f"Target size ({target.shape!r}) must be the same as input size ({input.shape!r})"
        )
    rest = record1(SOFTPLUS, e.neg(x))  # -log(sigmoid(x))
    if pos_weight is not None:
        rest = e.mul(rest, e.add(e.mul(e.sub(pos_weight._v, 1.0), y), 1.0))
    losses = e.add(e.mul(e.sub(1.0, y), x), rest)
    if weight is not None:
        losses = e.mul(losses, weight._v)
    return result(losses, reduction, "BinaryCrossEntropyWithLogitsBackward0")


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """target * (log(target) - input), for `input` a logarithm (and `target` too if `log_target`).

    Reduction 'batchmean' divides the sum by the first size.
    """
    if size_average is None and reduce is None:
        if reduction == "mean":
            warnings.warn(
                "reduction: 'mean' divides the total loss by both the batch size and the support "
                "size.'batchmean' divides only by the batch size, and aligns with the KL div math "
                "definition.'mean' will be changed to behave the same as 'batchmean' in the next "
                "major release.",
                stacklevel=2,
            )
    else:
        reduction = reduction_of(size_average, reduce, reduction)
    x, y = input._v, target._v
    if log_target:
        losses, name = e.mul(record1(e.EXP, y), e.sub(y, x)), "MulBackward0"
    else:
        safe = e.where(record2(e.EQ, y, 0), 1.0, y)
        losses = e.sub(e.mul(y, record1(e.LOG, safe)), e.mul(y, x))
        name = "SubBackward0"
    if reduction == "batchmean":
        total = reduced(losses, "sum")
        count = input.shape[0] if input.dim() else 1
        t = wrap(e.div(total, float(count)))
        t._fn_name = "DivBackward0"
        return t
    return result(losses, reduction, name if reduction == "none" else "")


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """exp(input) - target * input, or input - target * log(input + eps) without `log_input`.

    `full` adds Stirling's approximation of log(target!) for targets above 1.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    check_reduction(reduction)
    x, y = input._v, target._v
    if log_input:
        losses = e.sub(record1(e.EXP, x), e.mul(y, x))
    else:
        losses = e.sub(x, e.mul(y, record1(e.LOG, e.add(x, eps))))
    name = "SubBackward0"
    if full:
        large = record2(e.GT, y, 1)
        safe = e.where(large, y, 1.0)
        half = e.mul(record1(e.LOG, e.mul(safe, 2 * math.pi)), 0.5)
        stirling = e.add(e.sub(e.mul(safe, record1(e.LOG, safe)), safe), half)
        losses = e.add(losses, e.where(large, stirling, 0.0))
        name = "AddBackward0"
    return result(losses, reduction, name if reduction == "none" else "")


def _variance(input: Tensor, var: Tensor | float) -> Value:
    """The variance of gaussian_nll_loss as a value that broadcasts with the input."""
    if not isinstance(var, Tensor):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        return record2(e.ADD, record2(e.MUL, record1(ALIAS, input._v), 0.0), float(var))
    v = var._v
    if bool(wrap(record1(ANY, record2(e.LT, v, 0), (tuple(range(v.meta.ndim)), False)))):
        raise ValueError("var has negative entry/entries")
    shape, own = input._v.meta.shape, var._v.meta.shape
    if own != shape:
        if shape[:-1] == own:
            return reshape(v, (*own, 1))
        if shape[:-1] != own[:-1] or own[-1] != 1:
            raise ValueError("var is of incorrect size")
    return v


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """(log(var) + (input - target) ** 2 / var) / 2 with var >= eps; `full` adds log(2 * pi) / 2.

    Raises ValueError for a var of the wrong shape or below 0.
    """
    v = _variance(input, var)
    check_reduction(reduction)
    fixed = record1(ALIAS, v)  # the gradient passes the limit, which is no part of the model
    v = e.add(v, e.sub(e.where(record2(e.LT, fixed, eps), eps, fixed), fixed))
    square = record1(e.SQUARE, e.sub(input._v, target._v))
    losses = e.mul(e.add(record1(e.LOG, v), e.div(square, v)), 0.5)
    if full:
        losses = e.add(losses, 0.5 * math.log(2 * math.pi))
    name = ("AddBackward0" if full else "MulBackward0") if reduction == "none" else ""
    return result(losses, reduction, name)


# ---------------------------------------------------------------- margins
def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """input where target is 1, max(0, margin - input) where it is -1, their sum elsewhere."""
    reduction = reduction_of(size_average, reduce, reduction)
    check_reduction(reduction)
    x, y = input._v, target._v
    far = e.where(record2(e.NE, y, 1), _positive(e.sub(margin, x)), 0.0)
    near = e.where(record2(e.NE, y, -1), x, 0.0)
    return result(e.add(far, near), reduction, "AddBackward0" if reduction == "none" else "")


def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, -target * (input1 - input2) + margin)."""
    reduction = reduction_of(size_average, reduce, reduction)
    check_reduction(reduction)
    if not input1.dim() == input2.dim() == target.dim():
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.size()}, input2: {input2.size()}, target: {target.size()} "
        )
    losses = e.add(e.mul(e.neg(target._v), e.sub(input1._v, input2._v)), margin)
    name = "ClampMinBackward0" if reduction == "none" else ""
    return result(_positive(losses), reduction, name)


def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """1 - cos where target is 1, max(0, cos - margin) where it is -1; cos of vectors in the last
    axis.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    check_reduction(reduction)
    a, b, y = input1._v, input2._v, target._v
    if y.meta.ndim > 1 or y.meta.ndim + 1 not in (a.meta.ndim, b.meta.ndim):
        size = [list(v.meta.shape) for v in (a, b, y)]
        wanted = {0: "1D", 1: "2D"}.get(y.meta.ndim)
        if wanted is None:
            raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
        raise RuntimeError(
            f"{y.meta.ndim}D target tensor expects {wanted} input tensors, but found inputs with "
            f"sizes {size[0]} and {size[1]}."
        )
    axes = ((max(a.meta.ndim, b.meta.ndim) - 1,), False)
    tiny = 1e-12

    def length(v: Value) -> Value:
        return e.add(record1(SUM, e.mul(v, v), ((v.meta.ndim - 1,), False)), tiny)

    product = record1(SUM, e.mul(a, b), axes)
    cosine = e.div(product, record1(e.SQRT, e.mul(length(a), length(b))))
    near = e.where(record2(e.EQ, y, 1), e.sub(1.0, cosine), 0.0)
    far = e.where(record2(e.EQ, y, -1), _positive(e.sub(cosine, margin)), 0.0)
    return result(e.add(near, far), reduction, "AddBackward0" if reduction == "none" else "")


def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """log(1 + exp(-target * input))."""
    reduction = reduction_of(size_average, reduce, reduction)
    losses = record1(SOFTPLUS, e.mul(e.neg(target._v), input._v))
    return result(losses, reduction, "SoftMarginLossBackward0")


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(d(anchor, positive) - d(anchor, negative) + margin, 0) with the p-norm distance.

    `swap`: the negative's distance is the smaller of those from anchor and positive.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    check_reduction(reduction)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    return _triplet(
        anchor, positive, negative, lambda a, b: pairwise_distance(a, b, p, eps), margin, swap,
        reduction,
    )  # fmt: skip


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """triplet_margin_loss with a distance of the user's choice (default: pairwise_distance)."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    dims = [t.ndim for t in (anchor, positive, negative)]
    if len(set(dims)) != 1:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {dims[0]}D, positive {dims[1]}D, and negative {dims[2]}D "
            "inputs"
        )
    distance = distance_function or pairwise_distance
    return _triplet(anchor, positive, negative, distance, margin, swap, reduction)


def _triplet(
    anchor: Tensor, positive: Tensor, negative: Tensor, distance: Any, margin: float, swap: bool,
    reduction: str,
) -> Tensor:  # fmt: skip
    near, far = distance(anchor, positive)._v, distance(anchor, negative)._v
    if swap:
        far = record2(e.MINIMUM, far, distance(positive, negative)._v)
    losses = _positive(e.add(e.sub(near, far), margin))
    return result(losses, reduction, "ClampMinBackward0" if reduction == "none" else "")
