"""Normalisation over axes: the part that layer, group, batch, instance and RMS normalisation share.

It is a record because its gradient in terms of its own results is a third of what the chain rule
makes of its parts, and all of them are recorded in every training step.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..trace.recorder import record1
from ..trace.values import Value, meta
from .elementwise import SQUARE, add, div, mul, neg, sub
from .lowering import Number, Terms
from .record import Example, Op, convert
from .reduce import SUM


def _count(shape: Any, axes: tuple[int, ...]) -> int:
    n = 1
    for k in axes:
        n *= shape[k]
    return n


def _rule(metas: Any, attrs: Any) -> Any:
    m = metas[0]
    kept = tuple(1 if k in attrs[0] else n for k, n in enumerate(m.shape))
    return (meta(m.shape, m.dtype), meta(kept, m.dtype))


def _reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    axes, eps, centred = attrs
    a = arrays[0]
    a = a.astype(np.float32) if a.dtype.itemsize == 2 else a
    if centred:
        a = a - a.mean(axis=axes, keepdims=True)
    scale = 1 / np.sqrt((a * a).mean(axis=axes, keepdims=True) + a.dtype.type(eps))
    return convert(np.asarray(a * scale), metas[0].dtype), convert(scale, metas[1].dtype)


def _lower(b: Any, ins: list[int], node: Any) -> list[int] | None:
    axes, eps, centred = node.attrs
    x = ins[0]
    if node.meta.numel == 0:
        return None
    t = Terms(b)
    n = Number(float(_count(node.meta.shape, axes)))
    if centred:
        x = t.op("sub", x, t.op("div", t.reduce("sum", x, axes), n))
    spread = t.op("div", t.reduce("sum", t.op("mul", x, x), axes), n)
    scale = t.op("reciprocal", t.op("sqrt", t.op("add", spread, Number(eps))))
    return [t.op("mul", x, scale), scale]


def _gradient(n: Any, g: Value, g_scale: Value | None) -> Any:
    axes, _, centred = n.attrs
    out, scale = n.o(0), n.o(1)
    count = float(_count(n.meta(0).shape, axes))

    def mean(v: Value) -> Value:
        return div(record1(SUM, v, (axes, True)), count)

    inner = sub(g, mul(out, mean(mul(g, out))))
    if centred:
        inner = sub(inner, mean(g))
    r = mul(inner, scale)
    if g_scale is not None:
        r = add(r, neg(mul(mul(g_scale, record1(SQUARE, scale)), div(out, count))))
    return (r,)


# x -> ((x - mean) * scale, scale) with scale = 1 / sqrt(variance + eps), which keeps the axes with
# size
# 1. Without centring the mean is taken for 0. attrs: (axes, eps, centred)
NORMALIZE = Op(
    "normalize", "reduction", _rule, _reference, _gradient, _lower,
    example=Example(
        *(
            ((shape,), (axes, 1e-5, centred))
            for shape,
            axes in (((7,), (0,)), ((3, 17), (1,)), ((5, 4, 3), (0, 2)), ((301, 250), (1,)))
            for centred in (True, False)
        ),
        dtypes="f", special=(), tolerance=1024.0,
    ),
)  # fmt: skip
