"""Attention, as a primitive where it can be, else as products and a softmax; bilinear maps."""

from __future__ import annotations

import functools
import math

import numpy as np

from ..dtypes import bool_, float32, float64
from ..functions.linear import linear as linear
from ..ops import elementwise as e
from ..ops.attention import ATTENTION, MOST_WIDTH
from ..ops.contract import MATMUL
from ..ops.movement import expand, reshape, transpose
from ..ops.reduce import SUM
from ..ops.softmax import SOFTMAX
from ..tensor import Tensor, from_array, wrap
from ..trace.recorder import record1, record2, record_many
from ..trace.values import Meta, Value
from ._dropout import dropout

_FEW_QUERIES = 8  # for which products and a softmax take less time, if there are many keys


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(query @ key.T * scale + mask) @ value: (*, L, E), (*, S, E), (*, S, V) give (*, L,
    V).

    attn_mask: bool (True: takes part) or numbers that are added, broadcast to (*, L, S). is_causal:
    a position sees itself and what comes before it. scale: 1 / sqrt(E) by default. enable_gqa: a
    head of key and value (axis -3) serves several heads of the query. Dropout is always applied:
    give dropout_p 0 in evaluation. A row whose every element is masked gives 0.
    """
    q, k, v = query._v, key._v, value._v
    for x in (q, k, v):
        if x.meta.ndim < 2:
            raise RuntimeError(
                "scaled_dot_product_attention: Expected query, key, and value to all be  at least "
                f"2 dimensional, but got query.dim: {q.meta.ndim}, key.dim: {k.meta.ndim} and "
                f"value.dim: {v.meta.ndim} instead."
            )
    if is_causal and attn_mask is not None:
        raise RuntimeError(
            "scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True"
        )
    factor = 1.0 / math.sqrt(q.meta.shape[-1]) if scale is None else float(scale)
    mask = None if attn_mask is None else attn_mask._v
    if dropout_p == 0.0 and _one_kernel(q, k, v, mask, enable_gqa):
        t = wrap(_attention(q, k, v, mask, factor, bool(is_causal)))
    else:
        t = wrap(_composed(q, k, v, mask, dropout_p, is_causal, factor, enable_gqa))
    t._fn_name = "ScaledDotProductFlashAttentionForCpuBackward0"
    return t


def _one_kernel(q: Value, k: Value, v: Value, mask: Value | None, grouped: bool) -> bool:
    """Whether the primitive takes these operands. Dropout and a gradient of the mask it has not;
    wrong shapes are left to the products, which raise PyTorch's errors.
    """
    if not _have_a_kernel(q.meta, k.meta, v.meta, grouped):
        return False
    if mask is None:
        return True
    m, full = mask.meta.shape, (*q.meta.shape[:-1], k.meta.shape[-2])
    return (
        mask.meta.dtype in (bool_, q.meta.dtype)
        and not mask.meta.requires_grad
        and 2 <= len(m) <= len(full)
        and all(n in (1, size) for n, size in zip(reversed(m), reversed(full), strict=False))
    )


@functools.lru_cache(1000)
def _have_a_kernel(q: Meta, k: Meta, v: Meta, grouped: bool) -> bool:
    a, b, c = q.shape, k.shape, v.shape
    d = q.dtype
    if d not in (float32, float64) or not (k.dtype is d and v.dtype is d):
        return False
    if not len(a) == len(b) == len(c) or 0 in a or 0 in b or 0 in c:
        return False
    if a[-1] != b[-1] or b[:-1] != c[:-1] or a[-1] + c[-1] > MOST_WIDTH:
        return False
    # The kernel takes a block of queries side by side: a text that grows by a word has one.
    if a[-2] <= _FEW_QUERIES and 4 * a[-2] <= b[-2]:
        return False
    return a[:-2] == b[:-2] or (grouped and len(a) > 2 and a[:-3] == b[:-3] and a[-3] % b[-3] == 0)


def _attention(
    q: Value, k: Value, v: Value, mask: Value | None, factor: float, causal: bool
) -> Value:
    """The primitive, which knows [batch, heads, length, width]."""
    if mask is None and q.meta.ndim == 4:
        return record_many(ATTENTION, (q, k, v), (factor, causal))[0]

    def batched(x: Value) -> Value:
        *lead, heads, length, width = (1, 1, *x.meta.shape)
        return reshape(x, (math.prod(lead), heads, length, width))

    operands = [batched(x) for x in (q, k, v)]
    if mask is not None:
        rank = q.meta.ndim
        shape = (1,) * (rank - mask.meta.ndim) + mask.meta.shape
        lead = shape[:-3]
        if rank > 4 and any(n != 1 for n in lead) and lead != q.meta.shape[:-3]:
            mask = expand(reshape(mask, shape), (*q.meta.shape[:-3], *shape[-3:]))
            shape = mask.meta.shape
        shape = (1, 1, *shape)
        operands.append(reshape(mask, (math.prod(shape[:-3]), *shape[-3:])))
    out = record_many(ATTENTION, tuple(operands), (factor, causal))[0]
    return reshape(out, (*q.meta.shape[:-1], v.meta.shape[-1]))


def _composed(
    q: Value, k: Value, v: Value, mask: Value | None, dropout_p: float, is_causal: bool,
    factor: float, enable_gqa: bool,
) -> Value:  # fmt: skip
    """In products and a softmax."""
    if enable_gqa:
        k, v = _repeated(k, q.meta.shape[-3]), _repeated(v, q.meta.shape[-3])
    scores = e.mul(record2(MATMUL, q, transpose(k)), factor)
    if is_causal:
        rows, columns = scores.meta.shape[-2:]
        mask = from_array(np.tri(rows, columns, dtype=np.bool_))._v
    weights = _weights(scores, mask)
    if dropout_p > 0.0:
        weights = dropout(wrap(weights), dropout_p, True)._v
    return record2(MATMUL, weights, v)


def _weights(scores: Value, mask: Value | None) -> Value:
    axis = scores.meta.ndim - 1
    if mask is None:
        return record1(SOFTMAX, scores, (axis,))
    if mask.meta.dtype is not bool_:
        added = e.add(scores, mask)
        if not mask.meta.dtype.is_floating_point:
            return record1(SOFTMAX, added, (axis,))
        none = record2(e.EQ, added, -math.inf)
        weights = record1(SOFTMAX, e.where(none, -math.inf, added), (axis,))
        return e.where(none, 0.0, weights)
    weights = record1(SOFTMAX, e.where(mask, scores, -math.inf), (axis,))
    # a row without any element to see is 0 / 0
    return e.where(expand(mask, weights.meta.shape), weights, 0.0)


def _repeated(v: Value, heads: int) -> Value:
    """Each head as many times in a row as there are heads of the query for it."""
    *lead, own, length, width = v.meta.shape
    if own == heads:
        return v
    if own == 0 or heads % own:
        raise RuntimeError(
            "scaled_dot_product_attention: For enable_gqa the number of heads in key and value "
            f"must divide the number of heads in query, got {own} and {heads}"
        )
    times = heads // own
    v = expand(reshape(v, (*lead, own, 1, length, width)), (*lead, own, times, length, width))
    return reshape(v, (*lead, heads, length, width))


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input1 @ weight[k] @ input2 + bias[k] for every k: (*, I), (*, J), weight (K, I, J), bias
    (K).
    """
    a, b, w = input1._v, input2._v, weight._v
    if a.meta.shape[:-1] != b.meta.shape[:-1]:
        for axis, (m, n) in enumerate(zip(a.meta.shape[:-1], b.meta.shape[:-1], strict=False)):
            if m != n:
                raise RuntimeError(
                    f"bilinear(): input batch dimensions do not match at dim {axis}: got {m} and "
                    f"{n}"
                )
        raise RuntimeError(
            f"bilinear(): input dimensions do not match: got {a.meta.ndim} and {b.meta.ndim}"
        )
    k, i, j = w.meta.shape
    for number, v, size in ((1, a, i), (2, b, j)):
        if v.meta.shape[-1] != size:
            raise RuntimeError(
                f"bilinear(): input{number} size does not match weight size: got "
                f"{v.meta.shape[-1]} but expected {size}"
            )
    lead = a.meta.shape[:-1]
    rows = math.prod(lead)
    a, b = reshape(a, (rows, i)), reshape(b, (rows, j))
    half = record2(MATMUL, a, reshape(transpose(w, 0, 1), (i, k * j)))
    product = e.mul(reshape(half, (rows, k, j)), reshape(b, (rows, 1, j)))
    r = record1(SUM, product, ((2,), False))
    if bias is not None:
        r = e.add(r, bias._v)
    t = wrap(reshape(r, (*lead, k)))
    t._fn_name = "AddBackward0" if bias is not None else "ViewBackward0"
    return t
