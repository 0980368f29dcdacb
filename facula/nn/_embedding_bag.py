"""Bags of embeddings: sums, means and maxima of rows of a table."""

from __future__ import annotations

from typing import Any

import numpy as np

import facula

from ..ops.indexing import TAKE_ADD
from ..tensor import Tensor, from_array, wrap
from ..trace.recorder import record2
from ._embedding import embedding


def _bags(input: Tensor, offsets: Any, include_last: bool) -> tuple[np.ndarray, int]:
    """(the bag of each number, how many bags)."""
    if input.dim() == 2:
        n, k = input.shape
        return np.repeat(np.arange(n), k), n
    starts = offsets._array().astype(np.int64)
    count = starts.size - 1 if include_last else starts.size
    if starts.size and int(starts[0]) != 0:
        raise RuntimeError(
            "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from "
            f"position 0. However, got {int(starts[0])}"
        )
    if starts.size and int(starts[-1]) > input.numel():
        raise RuntimeError(
            "offsets[-1] can not be greater than input's length "
            f"{input.numel()} but got offsets[-1] of {int(starts[-1])}"
        )
    places = np.arange(input.numel())
    return np.searchsorted(starts, places, side="right") - 1, count


def embedding_bag(
    input: Tensor, weight: Tensor, offsets: Tensor | None = None, max_norm: float | None = None,
    norm_type: float = 2, scale_grad_by_freq: bool = False, mode: str = "mean",
    sparse: bool = False, per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False, padding_idx: int | None = None,
) -> Tensor:  # fmt: skip
    """Sums, means or maxima ('sum', 'mean', 'max') over bags of rows of `weight` (n, d): (bags, d).

    input: (B, k), a bag in each row, or (total) with `offsets` (bags), where each begins; with
    include_last_offset offsets also says where the last one ends. per_sample_weights: factors
    of the rows, for 'sum'. padding_idx: a row that is left out. An empty bag gives 0.
    """
    if input.dim() == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch "
                f"of fixed length sequences. However, found offsets of type {type(offsets)}"
            )
    elif input.dim() == 1:
        if not isinstance(offsets, Tensor):
            raise ValueError(
                "offsets has to be a 1D Tensor but got None"
                if offsets is None
                else "offsets has to be a 1D Tensor"
            )
        if offsets.dim() != 1:
            raise ValueError("offsets has to be a 1D Tensor")
    else:
        raise ValueError(
            f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.dim()}"
        )
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if mode == "max" and (scale_grad_by_freq or sparse):
        what = "scaling the gradient by the frequency" if scale_grad_by_freq else "sparse weights"
        raise ValueError(f"max mode does not support {what}")
    if per_sample_weights is not None:
        if mode != "sum":
            raise NotImplementedError(
                "embedding_bag: per_sample_weights was not None. per_sample_weights is only "
                f"supported for mode='sum' (got mode='{mode}'). Please open a feature request on "
                "GitHub."
            )
        if input.shape != per_sample_weights.shape:
            raise ValueError(
                f"embedding_bag: If per_sample_weights ({list(per_sample_weights.shape)}) is not "
                f"None, then it must have the same shape as the input ({list(input.shape)})"
            )
    bags, count = _bags(input, offsets, include_last_offset)
    flat: Any = input.reshape(-1)
    if padding_idx is not None:
        padding_idx = padding_idx % weight.shape[0]
    rows: Any = embedding(
        flat, weight, padding_idx, max_norm, float(norm_type), scale_grad_by_freq, sparse
    )
    kept: Any = None if padding_idx is None else (flat != padding_idx)
    if mode == "max":
        return _largest(rows, kept, bags, count)
    if per_sample_weights is not None:
        rows = rows * per_sample_weights.reshape(-1, 1)
    if kept is not None:
        rows = rows * kept.to(rows.dtype).reshape(-1, 1)
    index = from_array(bags.astype(np.int64))._v
    out: Any = wrap(record2(TAKE_ADD, rows._v, index, (0, (count, weight.shape[1]), False)))
    if mode == "mean":
        if kept is None:
            sizes: Any = from_array(np.bincount(bags, minlength=count).astype(np.float64)).to(
                rows.dtype
            )
        else:
            sizes = wrap(record2(TAKE_ADD, kept.to(rows.dtype)._v, index, (0, (count,), False)))
        out = out / sizes.clamp(min=1).reshape(-1, 1)
    out._fn_name = "EmbeddingBagBackward0"
    return out


def _largest(rows: Any, kept: Any, bags: np.ndarray, count: int) -> Tensor:
    """The maximum over each bag; the first of equal rows gets the gradient."""
    out = []
    chosen = None if kept is None else kept._array()
    for k in range(count):
        places = np.flatnonzero(bags == k if chosen is None else (bags == k) & chosen)
        if places.size == 0:
            out.append(facula.zeros(rows.shape[1], dtype=rows.dtype))
        else:
            out.append(rows[from_array(places.astype(np.int64))].max(0)[0])
    return facula.stack(out)
