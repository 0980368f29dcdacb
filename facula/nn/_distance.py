"""Distances and similarities of vectors."""

from __future__ import annotations

import numpy as np

from ..dtypes import type_name
from ..functions.reductions import vector_norm
from ..functions.shape import broadcast_shapes
from ..ops import elementwise as e
from ..ops.distance import CDIST
from ..ops.indexing import TAKE
from ..ops.movement import expand, reshape
from ..ops.record import normalize_dim
from ..ops.reduce import SUM
from ..tensor import Tensor, from_array, wrap
from ..trace.recorder import record1, record2
from ..trace.values import Value


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between x1 and x2 along `dim`; lengths below eps count as eps."""
    a, b = x1._v, x2._v
    if not a.meta.dtype.is_floating_point or not b.meta.dtype.is_floating_point:
        raise RuntimeError("expected common dtype to be floating point, yet common dtype is Long")
    shape = tuple(broadcast_shapes(a.meta.shape, b.meta.shape))
    a, b = expand(a, shape), expand(b, shape)
    axis = normalize_dim(dim, len(shape))

    def unit(v: Value) -> Value:
        norm = vector_norm(v, 2.0, (axis,), True)
        return e.div(v, e.where(record2(e.LT, norm, eps), eps, norm))

    t = wrap(record1(SUM, e.mul(unit(a), unit(b)), ((axis,), False)))
    t._fn_name = "SumBackward1"
    return t


def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """The p-norm of x1 - x2 + eps along the last axis."""
    gap = e.add(e.sub(x1._v, x2._v), eps)
    last = max(gap.meta.ndim - 1, 0)
    t = wrap(vector_norm(gap, float(p), (last,), keepdim))
    t._fn_name = "NormBackward1"
    return t


# What says whether Euclidean distances come from products; None: where rows are many.
_MODES: dict[str | None, bool | None] = {
    "use_mm_for_euclid_dist_if_necessary": None,
    "use_mm_for_euclid_dist": True,
    "donot_use_mm_for_euclid_dist": False,
}


def cdist(
    x1: Tensor,
    x2: Tensor,
    p: float = 2.0,
    compute_mode: str | None = "use_mm_for_euclid_dist_if_necessary",
) -> Tensor:
    """The p-norms of the differences of all rows: (*, P, M) and (*, R, M) give (*, P, R).

    compute_mode: whether Euclidean distances come from a product of the two, which loses digits
    where rows are near to each other: use_mm_for_euclid_dist, donot_use_mm_for_euclid_dist, or
    use_mm_for_euclid_dist_if_necessary (the default: for more than 25 rows).
    """
    if compute_mode not in _MODES:
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    a, b = x1._v, x2._v
    for k, v in ((1, a), (2, b)):
        if v.meta.ndim < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, X{k} got: {v.meta.ndim}D")
    if a.meta.shape[-1] != b.meta.shape[-1]:
        raise RuntimeError(
            f"X1 and X2 must have the same number of columns. X1: {a.meta.shape[-1]} X2: "
            f"{b.meta.shape[-1]}"
        )
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    for k, v in ((1, a), (2, b)):
        if not v.meta.dtype.is_floating_point:
            raise RuntimeError(
                f"cdist only supports floating-point dtypes, X{k} got: {type_name(v.meta.dtype)}"
            )
    rows, columns = a.meta.shape[:-1], b.meta.shape[:-1]
    if p == 2.0 and a.meta.dtype is b.meta.dtype:
        if rows[:-1] != columns[:-1]:
            batch = broadcast_shapes(rows[:-1], columns[:-1])
            a = expand(a, (*batch, *a.meta.shape[-2:]))
            b = expand(b, (*batch, *b.meta.shape[-2:]))
        products = _MODES[compute_mode]
        if products is None:
            products = rows[-1] > 25 or columns[-1] > 25
        t = wrap(record2(CDIST, a, b, (products,)))
        if products:
            t._fn_name = "ViewBackward0"
        return t
    a = reshape(a, (*rows, 1, a.meta.shape[-1]))
    b = reshape(b, (*columns[:-1], 1, columns[-1], b.meta.shape[-1]))
    gap = e.sub(a, b)
    t = wrap(vector_norm(gap, float(p), (gap.meta.ndim - 1,), False))
    t._fn_name = "CdistBackward0"
    return t


def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """The p-norms of the differences of all pairs of rows of (N, M), as a vector."""
    v = input._v
    if v.meta.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {v.meta.ndim}D")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    first, second = np.triu_indices(v.meta.shape[0], 1)
    a = record2(TAKE, v, from_array(first.astype(np.int64))._v, (0,))
    b = record2(TAKE, v, from_array(second.astype(np.int64))._v, (0,))
    t = wrap(vector_norm(e.sub(a, b), float(p), (1,), False))
    t._fn_name = "PdistBackward0"
    return t
