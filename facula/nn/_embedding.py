"""Rows of tables by number, and numbers as rows of zeros with a one."""

from __future__ import annotations

import numpy as np

from ..dtypes import int32, int64, type_name
from ..functions.creation import arange
from ..functions.registry import no_tracking
from ..ops.embedding import EMBEDDING
from ..ops.indexing import out_of_range
from ..tensor import Tensor, from_array, wrap
from ..trace.recorder import record2
from ._arguments import value_of


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Rows of `weight` (n, d) by the numbers in `input` of any shape: (*, d).

    The row `padding_idx` gets no gradient. `max_norm`: rows that are used are first scaled down to
    this norm of order `norm_type`, in place. `scale_grad_by_freq`: a row's gradient is divided by
    how often it occurs. `sparse` has no effect: gradients are dense. Raises IndexError for a number
    out of range.
    """
    i = value_of(input, "embedding", "indices", 2)
    w = value_of(weight, "embedding", "weight")
    n = w.meta.shape[0] if w.meta.ndim else 0
    if padding_idx is None:
        row = -1
    else:
        if not -n <= padding_idx < n:
            raise AssertionError("Padding_idx must be within num_embeddings")
        row = padding_idx % n
    if i.meta.dtype is not int64 and i.meta.dtype is not int32:
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: "
            f"Long, Int; but got torch.{type_name(i.meta.dtype)}Tensor instead (while checking "
            "arguments for embedding)"
        )
    if w.meta.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    if out_of_range(i, 0, n):
        raise IndexError("index out of range in self")
    if max_norm is not None:
        _renorm(weight, input, max_norm, norm_type)
        w = weight._v
    return wrap(record2(EMBEDDING, w, i, (row, bool(scale_grad_by_freq))))


def _renorm(weight: Tensor, input: Tensor, max_norm: float, norm_type: float) -> None:
    """Scales down, in place, the rows that are used and too long."""
    rows = np.unique(input._array())
    used = weight._array()[rows]
    norms = np.linalg.norm(used.astype(np.float64), norm_type, axis=1)
    long = norms > max_norm
    if long.any():
        scale = (max_norm / (norms[long] + 1e-7)).astype(used.dtype)
        with no_tracking():
            scaled = from_array(used[long] * scale[:, None])
            weight[from_array(rows[long].astype(np.int64))] = scaled


def one_hot(input: Tensor, num_classes: int = -1) -> Tensor:
    """int64 of shape (*, num_classes) with a 1 at the number in `input` (int64) and 0 elsewhere.

    num_classes -1: one more than the largest number. Raises RuntimeError for numbers outside.
    """
    if value_of(input, "one_hot").meta.dtype is not int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    a = input._array()
    if a.size == 0:
        if num_classes <= 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        return from_array(np.zeros((*a.shape, num_classes), np.int64))
    if int(a.min()) < 0:
        raise RuntimeError("Class values must be non-negative.")
    top = int(a.max())
    if num_classes == -1:
        num_classes = top + 1
    elif num_classes < 1:
        raise RuntimeError("num_classes should be positive")
    elif top >= num_classes:
        raise RuntimeError("Class values must be smaller than num_classes.")
    return (input.unsqueeze(-1) == arange(num_classes)).to(int64)
