"""Functions that look for elements: positions, distinct values, places in sorted sequences."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from ..tensor import Tensor, from_array
from .registry import public


@public()
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """The positions of the elements that are not zero: rows of indices, or one tensor per axis."""
    found = np.nonzero(np.atleast_1d(input._array()))
    if as_tuple:
        return tuple(from_array(k.astype(np.int64)) for k in found)
    if input.ndim == 0:
        return from_array(np.zeros((len(found[0]), 0), np.int64))
    return from_array(np.stack(found, 1).astype(np.int64).reshape(-1, input.ndim))


@public()
def argwhere(input: Tensor) -> Tensor:
    """The positions of the elements that are not zero, as rows."""
    return nonzero(input)


@public()
def unique(
    input: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False,
    dim: int | None = None
) -> Any:  # fmt: skip
    """The distinct elements (or slices along an axis), with the inverse and counts on request."""
    a = input._array()
    values, inverse, counts = np.unique(a, return_inverse=True, return_counts=True, axis=dim)
    shape = a.shape if dim is None else (a.shape[dim],)
    out = [from_array(np.asarray(values, order="C"), input.dtype)]
    if return_inverse:
        out.append(from_array(inverse.reshape(shape).astype(np.int64)))
    if return_counts:
        out.append(from_array(counts.astype(np.int64)))
    return out[0] if len(out) == 1 else tuple(out)


@public()
def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:  # fmt: skip
    """Runs of equal elements made one."""
    a = input._array()
    if dim is None:
        a = a.reshape(-1)
    axis = 0 if dim is None else dim
    moved = np.moveaxis(a, axis, 0)
    rows = moved.reshape(moved.shape[0], -1)
    change = np.ones(rows.shape[0], bool)
    if rows.shape[0] > 1:
        change[1:] = (rows[1:] != rows[:-1]).any(1)
    place = np.flatnonzero(change)
    out = [from_array(np.asarray(np.moveaxis(moved[place], 0, axis), order="C"), input.dtype)]
    if return_inverse:
        inverse = np.cumsum(change) - 1
        out.append(
            from_array(
                (inverse.reshape(input._v.meta.shape) if dim is None else inverse).astype(np.int64)
            )
        )
    if return_counts:
        out.append(from_array(np.diff(np.append(place, rows.shape[0])).astype(np.int64)))
    return out[0] if len(out) == 1 else tuple(out)


@public()
def searchsorted(
    sorted_sequence: Tensor, input: Any, *, right: bool = False, side: str | None = None
) -> Tensor:
    """Where elements would be inserted to keep the order."""
    where: Literal["left", "right"] = "right" if right or side == "right" else "left"
    s = sorted_sequence._array()
    x = input._array() if isinstance(input, Tensor) else np.asarray(input)
    if s.ndim == 1:
        return from_array(np.asarray(np.searchsorted(s, x, where), np.int64))
    rows = s.reshape(-1, s.shape[-1])
    xs = x.reshape(rows.shape[0], -1)
    found = np.stack([np.searchsorted(r, q, where) for r, q in zip(rows, xs, strict=True)])
    return from_array(found.reshape(x.shape).astype(np.int64))


@public(method=False)
def bucketize(input: Any, boundaries: Tensor, *, right: bool = False) -> Tensor:
    """The bucket of each element between sorted boundaries."""
    return searchsorted(boundaries, input, right=right)


@public()
def isin(elements: Any, test_elements: Any, *, invert: bool = False) -> Tensor:
    """Whether each element is among the test elements."""
    a = elements._array() if isinstance(elements, Tensor) else np.asarray(elements)
    b = test_elements._array() if isinstance(test_elements, Tensor) else np.asarray(test_elements)
    return from_array(np.asarray(np.isin(a, b, invert=invert)))
