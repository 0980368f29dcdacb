"""The affine map of a layer, x @ w.T + b, as one primitive.

It is in every network, and a layer of a small network costs what it costs to record: one op
instead of three (transposition, product, sum) saves a microsecond a layer. Its lowering is
those three.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import is_half
from ..trace.recorder import record1, record2, record3
from ..trace.values import Shape, Value, meta
from .contract import check_dtypes, check_mat2, matmul
from .elementwise import _conj
from .movement import reshape, transpose
from .record import Example, Op
from .reduce import SUM


def _rows(shape: Shape) -> int:
    n = 1
    for k in shape[:-1]:
        n *= k
    return n


def _rule(metas: Any, attrs: Any) -> Any:
    x, w = metas[0], metas[1]
    if x.ndim == 0 or w.ndim != 2:
        raise RuntimeError(
            f"linear(): input must have at least 1 axis and weight 2, but they have {x.ndim} and "
            f"{w.ndim}"
        )
    if x.shape[-1] != w.shape[1]:
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({_rows(x.shape)}x{x.shape[-1]} and "
            f"{w.shape[1]}x{w.shape[0]})"
        )
    if len(metas) == 2:
        check_dtypes("mm", x.dtype, w.dtype)
    else:
        check_mat2(w.dtype, self=metas[2].dtype, mat1=x.dtype)
    if len(metas) == 3 and metas[2].shape not in ((w.shape[0],), (1,), ()):
        raise RuntimeError(
            f"The expanded size of the tensor ({w.shape[0]}) must match the existing size "
            f"({metas[2].shape[-1]}) at non-singleton dimension {x.ndim - 1}.  Target sizes: "
            f"{[*x.shape[:-1], w.shape[0]]}.  Tensor sizes: {list(metas[2].shape)}"
        )
    return (meta((*x.shape[:-1], w.shape[0]), x.dtype),)


def _reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    x, w = arrays[0], arrays[1]
    d = metas[0].dtype
    if is_half(d):
        x, w = x.astype(np.float32), w.astype(np.float32)
    r = np.matmul(x, w.T)
    if len(arrays) == 3:
        r = r + arrays[2]
    return r.astype(d.np, copy=False)


def _gradient(n: Any, g: Value) -> Any:
    x, w = n.meta(0), n.meta(1)
    rows = _rows(x.shape)
    flat = reshape(g, (rows, w.shape[0]))
    gx = gw = gb = None
    if n.needs[0]:
        gx = reshape(matmul(flat, _conj(n.i(1))), x.shape)
    if n.needs[1]:
        gw = matmul(transpose(flat), _conj(reshape(n.i(0), (rows, x.shape[-1]))))
    if n.count == 3 and n.needs[2]:
        gb = record1(SUM, flat, ((0,), False))
    return (gx, gw, gb)[: n.count]


def _lower(b: Any, ins: list[int], node: Any) -> list[int]:
    out = node.meta
    x, w = b.graph.shapes[ins[0]], b.graph.shapes[ins[1]]
    rows = _rows(x)
    flat = b.reshape(ins[0], (rows, x[-1]))
    turned = b.add(
        "permute", (ins[1],), (w[1], w[0]), out.dtype, ((1, 0),), host=lambda a: a.transpose(1, 0)
    )
    r = b.add("matmul", (flat, turned), (rows, w[0]), out.dtype, host=np.matmul)
    if len(ins) == 3:
        r = b.add("add", (r, b.expand(ins[2], (rows, w[0]))), (rows, w[0]), out.dtype, host=np.add)
    return [b.reshape(r, out.shape)]


_SHAPES = (
    ((3, 4), (5, 4), (5,)), ((4,), (2, 4), (2,)), ((2, 3, 4), (5, 4), (5,)), ((1, 1), (1, 1), (1,)),
    ((0, 4), (3, 4), (3,)), ((33, 65), (31, 65), (31,)), ((64, 130), (70, 130), (70,)),
)  # fmt: skip

LINEAR = Op(
    "linear", "contraction", _rule, _reference, _gradient, _lower, "AddmmBackward0",
    example=Example(*((s, ()) for s in _SHAPES), tolerance=256.0),
)  # fmt: skip
LINEAR_UNBIASED = Op(
    "linear_unbiased", "contraction", _rule, _reference, _gradient, _lower, "MmBackward0",
    example=Example(*((s[:2], ()) for s in _SHAPES), tolerance=256.0),
)  # fmt: skip


def linear(x: Value, w: Value, b: Value | None) -> Value:
    """x @ w.T + b; x is [..., k], w [o, k], b [o] or None."""
    return record2(LINEAR_UNBIASED, x, w) if b is None else record3(LINEAR, x, w, b)
