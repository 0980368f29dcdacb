"""Losses over classes: the cross entropy of scores, the likelihood of log probabilities.

The targets are class numbers. A composite would gather the element of each target, and the gradient
of a gather is a scatter, which neither fuses nor runs in parallel. Here the gradient is a
comparison of the class number with the target, which fuses with everything around it; and the cross
entropy needs no tensor of log probabilities. A target out of range raises IndexError at the latest
when the trace ends.

attrs everywhere: `axis` is the classes' axis of the scores, which the targets lack; targets equal
to `ignore` count for nothing; `reduction` is "none", "sum" or "mean" (over what is not ignored).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import int64
from ..trace.recorder import record1, record2
from ..trace.values import Shape, Value, meta
from . import elementwise as e
from .lowering import Number, Terms
from .movement import expand, reshape
from .record import Example, Op, Operand, convert
from .reduce import SUM
from .softmax import SOFTMAX, exponentials, log_softmax_of


def _kept(shape: Shape, axis: int) -> Shape:
    return (*shape[:axis], 1, *shape[axis:])


def check_targets(target: np.ndarray, ignore: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """(which count, the class numbers with 0 for the others)."""
    valid = target != ignore
    classes = np.where(valid, target, 0).astype(np.int64)
    bad = (classes < 0) | (classes >= size)
    if bad.any():
        raise IndexError(f"Target {int(classes[bad][0])} is out of bounds.")
    return valid, classes


def _picked(a: np.ndarray, classes: np.ndarray, axis: int) -> np.ndarray:
    return np.take_along_axis(a, np.expand_dims(classes, axis), axis).squeeze(axis)


def _reduced(losses: np.ndarray, valid: np.ndarray, reduction: str, d: Any) -> np.ndarray:
    losses = np.where(valid, losses, 0).astype(losses.dtype)
    if reduction == "none":
        return convert(losses, d)
    total = np.asarray(losses.sum())
    if reduction == "mean":
        total = np.asarray(total / losses.dtype.type(valid.sum()))
    return convert(total, d)


def _loss_rule(metas: Any, attrs: Any) -> Any:
    x, t = metas
    return (meta(t.shape if attrs[2] == "none" else (), x.dtype),)


class _Targets:
    """What the lowerings share: the targets as graph values."""

    def __init__(self, b: Any, x: int, target: int, axis: int, ignore: int) -> None:
        self.t = Terms(b)
        self.b, self.axis, self.ignore = b, axis, ignore
        self.size = b.graph.shapes[x][axis]
        self.target = b.cast(target, int64)
        self.valid = self.t.op("ne", self.target, Number(ignore))

    def pick(self, x: int) -> int:
        """The elements of the targets' classes."""
        b, axis, ignore = self.b, self.axis, self.ignore
        classes = self.t.op("where", self.valid, self.target, Number(0))
        shape = _kept(b.graph.shapes[classes], axis)
        classes = b.reshape(classes, shape)

        def host(a: np.ndarray, i: np.ndarray) -> np.ndarray:
            check_targets(i, ignore, a.shape[axis])
            return np.take_along_axis(a, i, axis)

        picked = b.add("gather", (x, classes), shape, b.graph.dtypes[x], (axis,), host)
        return int(b.reshape(picked, b.graph.shapes[self.target]))

    def reduce(self, losses: int, reduction: str) -> list[int]:
        """The losses of the targets that count, reduced."""
        t, b = self.t, self.b
        losses = t.op("where", self.valid, losses, Number(0.0))
        if reduction == "none":
            return [losses]
        axes = tuple(range(len(t.shape(losses))))
        total = b.reshape(t.reduce("sum", losses, axes), ())
        if reduction == "mean":
            count = t.reduce("sum", b.cast(self.valid, t.dtype(losses)), axes)
            total = t.op("div", total, b.reshape(count, ()))
        return [total]


def _share(n: Any, g: Value) -> Value:
    """The gradient of each target's loss, from that of the reduced one."""
    target, (_, ignore, reduction) = n.i(1), n.attrs
    if reduction == "mean":
        valid = e.cast(record2(e.NE, target, ignore), g.meta.dtype)
        axes = tuple(range(target.meta.ndim))
        g = e.div(g, record1(SUM, valid, (axes, False)))
    return expand(g, target.meta.shape)


_EXAMPLE = Example(
    *(
        ((shape, Operand(target, "index", shape[1])), (1, ignore, reduction))
        for shape, target in (((5, 7), (5,)), ((2, 7, 3), (2, 3)), ((301, 250), (301,)))
        for ignore in (-100, 2)
        for reduction in ("none", "mean", "sum")
    ),
    dtypes="f", special=(), tolerance=256.0,
)  # fmt: skip


# ---------------------------------------------------------------- cross entropy of scores
def _cross_entropy(arrays: Any, attrs: Any, metas: Any) -> Any:
    x, target = arrays
    axis, ignore, reduction = attrs
    valid, classes = check_targets(target, ignore, x.shape[axis])
    losses = -_picked(log_softmax_of(x, axis), classes, axis)
    return _reduced(losses, valid, reduction, metas[0].dtype)


def _cross_entropy_lower(b: Any, ins: list[int], node: Any) -> list[int] | None:
    axis, ignore, reduction = node.attrs
    x = ins[0]
    if not b.meta(node.ins[1]).numel or not b.graph.shapes[x][axis]:
        return None
    targets = _Targets(b, x, ins[1], axis, ignore)
    t = targets.t
    top, _, total = exponentials(t, x, axis)
    shape = b.graph.shapes[ins[1]]
    distance = t.op("sub", b.reshape(top, shape), targets.pick(x))
    losses = t.op("add", b.reshape(t.op("log", total), shape), distance)
    return targets.reduce(losses, reduction)


def _cross_entropy_gradient(n: Any, g: Value) -> Any:
    x, target = n.i(0), n.i(1)
    axis, ignore, _ = n.attrs
    g = _share(n, g)
    weight = e.where(record2(e.NE, target, ignore), g, 0.0)
    weight = reshape(weight, _kept(target.meta.shape, axis))
    probabilities = record1(SOFTMAX, x, (axis,))
    hit = record2(SPREAD, g, target, (axis, x.meta.shape[axis], ignore))
    return (e.sub(e.mul(probabilities, weight), hit), None)


# (scores, targets) -> losses. attrs: (axis, ignore, reduction)
CROSS_ENTROPY = Op(
    "cross_entropy",
    "indexing",
    _loss_rule,
    _cross_entropy,
    _cross_entropy_gradient,
    _cross_entropy_lower,
    "NllLossBackward0",
    example=_EXAMPLE,
)


# ---------------------------------------------------------------- negative log likelihood
def _nll(arrays: Any, attrs: Any, metas: Any) -> Any:
    x, target = arrays
    axis, ignore, reduction = attrs
    if x.dtype.itemsize == 2:
        x = x.astype(np.float32)
    valid, classes = check_targets(target, ignore, x.shape[axis])
    return _reduced(-_picked(x, classes, axis), valid, reduction, metas[0].dtype)


def _nll_lower(b: Any, ins: list[int], node: Any) -> list[int] | None:
    axis, ignore, reduction = node.attrs
    x = ins[0]
    if not b.meta(node.ins[1]).numel or not b.graph.shapes[x][axis]:
        return None
    targets = _Targets(b, x, ins[1], axis, ignore)
    return targets.reduce(targets.t.op("neg", targets.pick(x)), reduction)


def _nll_gradient(n: Any, g: Value) -> Any:
    axis, ignore, _ = n.attrs
    g = e.neg(_share(n, g))
    return (record2(SPREAD, g, n.i(1), (axis, n.meta(0).shape[axis], ignore)), None)


# (log probabilities, targets) -> losses. attrs: (axis, ignore, reduction)
NLL = Op(
    "nll",
    "indexing",
    _loss_rule,
    _nll,
    _nll_gradient,
    _nll_lower,
    "NllLossBackward0",
    example=_EXAMPLE,
)


# ---------------------------------------------------------------- an element of each class axis
def _pick(arrays: Any, attrs: Any, metas: Any) -> Any:
    x, target = arrays
    axis, ignore = attrs
    valid, classes = check_targets(target, ignore, x.shape[axis])
    picked = _picked(x, classes, axis)
    return np.where(valid, picked, np.zeros((), picked.dtype)).astype(picked.dtype)


def _pick_lower(b: Any, ins: list[int], node: Any) -> list[int] | None:
    if not node.meta.numel or not b.graph.shapes[ins[0]][node.attrs[0]]:
        return None
    targets = _Targets(b, ins[0], ins[1], *node.attrs)
    return [targets.t.op("where", targets.valid, targets.pick(ins[0]), Number(0.0))]


def _pick_gradient(n: Any, g: Value) -> Any:
    axis, ignore = n.attrs
    return (record2(SPREAD, g, n.i(1), (axis, n.meta(0).shape[axis], ignore)), None)


# The element of the target's class; 0 where it is ignored. attrs: (axis, ignore)
PICK = Op(
    "pick",
    "indexing",
    lambda metas, attrs: (meta(metas[1].shape, metas[0].dtype),),
    _pick,
    _pick_gradient,
    _pick_lower,
    "GatherBackward0",
    example=Example(
        *(
            ((shape, Operand(target, "index", shape[1])), (1, ignore))
            for shape, target in (
                ((5, 7), (5,)),
                ((2, 7, 3), (2, 3)),
                ((0, 3), (0,)),
                ((301, 250), (301,)),
            )
            for ignore in (-100, 2)
        ),
        dtypes="f",
    ),
)


def _spread(arrays: Any, attrs: Any, metas: Any) -> Any:
    g, target = arrays
    axis, size, ignore = attrs
    m = metas[0]
    numbers = np.arange(size).reshape((size,) + (1,) * (m.ndim - axis - 1))
    hit = (np.expand_dims(target, axis) == numbers) & np.expand_dims(target != ignore, axis)
    return np.where(hit, np.expand_dims(g, axis), np.zeros((), g.dtype)).astype(g.dtype)


def _spread_lower(b: Any, ins: list[int], node: Any) -> list[int]:
    axis, size, ignore = node.attrs
    shape = node.meta.shape
    t = Terms(b)
    kept = _kept(b.graph.shapes[ins[0]], axis)
    target = b.reshape(b.cast(ins[1], int64), kept)
    line = (size,) + (1,) * (len(shape) - axis - 1)
    numbers = b.add(
        "iota", (), shape, int64, (axis,),
        host=lambda: np.broadcast_to(np.arange(size).reshape(line), shape),
    )  # fmt: skip
    hit = t.op("eq", numbers, target)
    if 0 <= ignore < size:
        hit = t.op("logical_and", hit, t.op("ne", target, Number(ignore)))
    return [t.op("where", hit, b.reshape(ins[0], kept), Number(0.0))]


# The gradient of pick: zeros with the gradient in the target's class. attrs: (axis, size, ignore)
SPREAD = Op(
    "spread",
    "indexing",
    lambda metas, attrs: (
        meta((*metas[0].shape[: attrs[0]], attrs[1], *metas[0].shape[attrs[0] :]), metas[0].dtype),
    ),
    _spread,
    lambda n, g: (record2(PICK, g, n.i(1), (n.attrs[0], n.attrs[2])), None),
    _spread_lower,
    "GatherBackward0",
    example=Example(
        *(
            ((shape, Operand(shape, "index", 7)), (1, 7, ignore))
            for shape in ((5,), (2, 3), (0,), (301,))
            for ignore in (-100, 2)
        ),
        dtypes="f",
    ),
)


# ---------------------------------------------------------------- binary cross entropy
def _bce(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    if not ((x >= 0) & (x <= 1)).all():
        raise RuntimeError("all elements of input should be between 0 and 1")
    low = x.dtype.type(-100)
    return np.asarray((y - 1) * np.maximum(np.log1p(-x), low) - y * np.maximum(np.log(x), low))


def _checked_probabilities(t: Terms, x: int, n: int) -> int:
    """The values, each read by an index that is out of range where the value is not in [0, 1].

    Programs check indices and nothing else; the error then comes from the reference.
    """
    b, shape = t.b, t.shape(x)
    inside = t.op("logical_and", t.op("ge", x, Number(0.0)), t.op("le", x, Number(1.0)))
    places = b.add("iota", (), (n,), int64, (0,), host=lambda: np.arange(n))
    index = t.op("where", b.reshape(inside, (n,)), places, Number(-1))

    def host(a: np.ndarray, i: np.ndarray) -> np.ndarray:
        if i.size and i.min() < 0:
            raise IndexError("a probability is not between 0 and 1")
        return a

    checked = b.add("take", (b.reshape(x, (n,)), index), (n,), t.dtype(x), (0,), host=host)
    return int(b.reshape(checked, shape))


def _bce_lower(b: Any, ins: list[int], node: Any) -> list[int]:
    t, low = Terms(b), Number(-100.0)
    out = node.meta
    x, y = (b.expand(b.cast(v, out.dtype), out.shape) for v in ins)
    x = _checked_probabilities(t, x, out.numel)
    no = t.op("maximum", t.op("log1p", t.op("neg", x)), low)
    yes = t.op("maximum", t.op("log", x), low)
    return [t.op("sub", t.op("mul", t.op("sub", y, Number(1.0)), no), t.op("mul", y, yes))]


def _bce_gradient(n: Any, g: Value) -> Any:
    x, y = n.i(0), n.i(1)
    first = second = None
    if n.needs[0]:
        spread = record2(e.MAXIMUM, e.mul(e.sub(1.0, x), x), 1e-12)
        first = e.div(e.mul(g, e.sub(x, y)), spread)
    if n.needs[1]:
        odds = e.sub(record1(e.LOG1P, e.neg(x)), record1(e.LOG, x))
        odds = record2(e.MAXIMUM, record2(e.MINIMUM, odds, 100.0), -100.0)
        second = e.mul(g, odds)
    return (first, second)


# (probabilities, targets): logarithms are bounded by -100, so that the loss is finite.
BINARY_CROSS_ENTROPY = e._elementwise(
    "binary_cross_entropy", _bce, gradient=_bce_gradient, domain=(0.05, 0.95), arity=2
)
BINARY_CROSS_ENTROPY.lower = _bce_lower
BINARY_CROSS_ENTROPY.example = Example(
    *(((shape, shape), ()) for shape in ((), (0,), (7,), (3, 17), (301, 250))),
    dtypes="f", domain=(0.05, 0.95), special=(), tolerance=64.0,
)  # fmt: skip
