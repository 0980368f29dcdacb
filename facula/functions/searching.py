"""Functions that look for elements: positions, distinct values, places in sorted sequences."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import bool_, promote_types, type_name
from ..ops.elementwise import cast
from ..ops.searching import SEARCH
from ..tensor import Tensor, from_array, wrap
from ..trace.recorder import record2
from . import masks
from .registry import public


@public()
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """The positions of the elements that are not zero: rows of indices, or one tensor per axis."""
    mask = input if input.dtype is bool_ or input.is_complex() else input.ne(0)
    array = mask._array()
    if mask.is_complex():
        array = array != 0
    if not as_tuple:
        return from_array(masks.positions(array))
    return tuple(map(from_array, masks.positions(np.atleast_1d(array), True)))


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
    if input.is_complex() and dim is None:
        raise NotImplementedError(f"\"unique\" not implemented for '{type_name(input.dtype)}'")
    a = input._array()
    if dim is None:
        values, inverse, counts = _distinct(a.reshape(-1), return_inverse, return_counts)
    else:
        values, inverse, counts = np.unique(a, return_inverse=True, return_counts=True, axis=dim)
    shape = a.shape if dim is None else (a.shape[dim],)
    out = [from_array(np.asarray(values, order="C"), input.dtype)]
    if return_inverse:
        out.append(from_array(inverse.reshape(shape).astype(np.int64)))
    if return_counts:
        out.append(from_array(counts.astype(np.int64)))
    return out[0] if len(out) == 1 else tuple(out)


def _distinct(a: np.ndarray, want_inverse: bool, want_counts: bool) -> tuple[Any, Any, Any]:
    """The distinct elements of a row in order, which of them each element is, how often each is
    there: what is not wanted may be None. No NaN equals another.
    """
    if a.dtype.kind in "iub" and a.size:
        low, high = int(a.min()), int(a.max())
        if high - low < 2 * a.size + 1024:  # counting costs less than sorting
            at = a.astype(np.int64)
            at -= low
            counts = np.bincount(at)
            values = np.flatnonzero(counts)
            inverse = (np.cumsum(counts != 0) - 1)[at] if want_inverse else None
            return (values + low).astype(a.dtype), inverse, counts[values]
    if want_inverse or a.dtype.kind not in "iubf":
        return np.unique(a, return_inverse=True, return_counts=True, equal_nan=False)
    ordered = np.sort(a)
    first = np.ones(a.size, bool)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    places = np.flatnonzero(first)
    values = ordered[places]
    if a.dtype.kind == "f":  # a zero is that which came first, of either sign
        zero = np.flatnonzero(values == 0)
        values[zero] = a[np.argmax(a == 0)] if zero.size else 0
    return values, None, np.diff(np.append(places, a.size)) if want_counts else None


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
    sorted_sequence: Tensor, input: Any, *, out_int32: bool = False, right: bool = False,
    side: str | None = None, sorter: Tensor | None = None
) -> Tensor:  # fmt: skip
    """Where elements would be inserted to keep the order: before equal ones, or after (`right`).

    sorted_sequence: one row for all elements, or [..., n] for elements [..., m]. sorter: the order
    that sorts it. Raises RuntimeError where these do not fit, or `side` and `right` are opposites.
    """
    name = "torch.searchsorted()"
    x = input if isinstance(input, Tensor) else sorted_sequence.new_tensor(input)
    rows, have = sorted_sequence.shape, x.shape
    if side not in (None, "left", "right"):
        raise RuntimeError(f"{name}: side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError(
            f"{name}: side and right can't be set to opposites, got side of left while right was "
            "True"
        )
    if not rows:
        raise RuntimeError(
            f"{name}: boundaries tensor should have positive dimension, but got 0 dimension"
        )
    if not have and len(rows) != 1:
        raise RuntimeError(
            f"{name}: input value can be a scalar only when boundaries tensor dimension is 1, but "
            f"we got boundaries tensor dim({len(rows)}) and input value's dim(0) numel(1)"
        )
    if len(rows) != 1 and rows[:-1] != have[:-1]:
        raise RuntimeError(
            f"{name}: boundaries tensor should be 1 dimension or the first N-1 dimensions of "
            "boundaries tensor and input value tensor must match, but we got boundaries tensor "
            f"{list(rows)} and input value tensor {list(have)}"
        )
    if sorter is not None:
        sorted_sequence = sorted_sequence.gather(-1, sorter)
    d = promote_types(sorted_sequence.dtype, x.dtype)
    if d is bool_ or d.is_complex:
        name = "Bool" if d is bool_ else type_name(d)
        raise NotImplementedError(f"\"searchsorted_out_cpu\" not implemented for '{name}'")
    v, w = cast(sorted_sequence._v, d), cast(x._v, d)
    found = wrap(record2(SEARCH, v, w, (right or side == "right",)))
    return found.int() if out_int32 else found


@public(method=False)
def bucketize(
    input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False
) -> Tensor:
    """The bucket of each element between sorted boundaries. RuntimeError if these are no row."""
    if boundaries.ndim != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


@public()
def isin(elements: Any, test_elements: Any, *, invert: bool = False) -> Tensor:
    """Whether each element is among the test elements."""
    a = elements._array() if isinstance(elements, Tensor) else np.asarray(elements)
    b = test_elements._array() if isinstance(test_elements, Tensor) else np.asarray(test_elements)
    return from_array(np.asarray(np.isin(a, b, invert=invert)))
