"""What is asked of an index, and of the source of index_add, index_reduce and index_copy: PyTorch's
errors.

Without these checks a source of another shape would be broadcast, one of another dtype cast.
"""

from __future__ import annotations

from ..dtypes import int32, int64, type_name
from ..ops.indexing import out_of_range
from ..tensor import Tensor
from ..trace.replay import array_of
from ..trace.values import Value


def check_arrays(shape: tuple[int, ...], arrays: list[Value | None]) -> None:
    """Raises IndexError for small index arrays in memory that reach outside."""
    for k, (n, a) in enumerate(zip(shape, arrays, strict=True)):
        if a is not None and out_of_range(a, -n, n):
            bad = next(i for i in array_of(a).reshape(-1).tolist() if not -n <= i < n)
            raise IndexError(f"index {bad} is out of bounds for dimension {k} with size {n}")


def check_along(name: str, index: Tensor, size: int, axis: int) -> None:
    """Raises RuntimeError for a small index in memory of gather or scatter that reaches outside."""
    if out_of_range(index._v, 0, size):
        bad = next(i for i in array_of(index._v).reshape(-1).tolist() if not 0 <= i < size)
        raise RuntimeError(f"index {bad} is out of bounds for dimension {axis} with size {size}")


def _rest(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return shape[:axis] + shape[axis + 1 :]


def check_reduced(name: str, input: Tensor, axis: int, index: Tensor, source: Tensor) -> None:
    """Of index_add and index_reduce, with axis counted from the front."""
    m, i, s = input._v.meta, index._v.meta, source._v.meta
    if i.ndim > 1:
        raise IndexError(
            f"{name}_(): Index is supposed to be a vector, but got dim: {i.ndim} with type: "
            f"{type_name(i.dtype)} and size: {list(i.shape)}"
        )
    if i.dtype not in (int32, int64):
        raise RuntimeError(
            f"{name}_(): Expected dtype int32/int64 for index but got: {type_name(i.dtype)}"
        )
    if m.dtype is not s.dtype:
        raise RuntimeError(
            f"{name}_(): self ({type_name(m.dtype)}) and source ({type_name(s.dtype)}) must have "
            "the same scalar type"
        )
    given = s.shape[axis] if axis < s.ndim else 1
    if i.numel != given:
        raise RuntimeError(
            f"{name}_(): Number of indices ({i.numel}) should be equal to source.size(dim): "
            f"({given}), for dim: {axis}"
        )
    if (
        m.ndim != s.ndim
        and (m.ndim > 1 or s.ndim > 1)
        or _rest(m.shape, axis) != _rest(s.shape, axis)
    ):
        raise RuntimeError(
            "source tensor shape must match self tensor shape, excluding the specified dimension. "
            f"Got self.shape = {list(m.shape)} source.shape = {list(s.shape)}"
        )


def check_copied(input: Tensor, axis: int, index: Tensor, source: Tensor) -> None:
    """Of index_copy, with axis counted from the front."""
    m, i, s = input._v.meta, index._v.meta, source._v.meta
    if i.ndim > 1:
        raise IndexError(f"index_copy_(): Index should have dimension 1 or 0 (got {i.ndim})")
    if m.ndim != s.ndim and m.ndim and s.ndim:
        raise IndexError(
            "index_copy_(): When source and destination are not scalars, their dimensionality "
            f"must match. Source dimensionality ({s.ndim}), destination dimensionality ({m.ndim})"
        )
    if i.dtype is not int64:
        raise RuntimeError(
            f"index_copy_(): Expected a long tensor for index, but got {type_name(i.dtype)}"
        )
    if m.dtype is not s.dtype:
        raise RuntimeError(
            "index_copy_(): self and source expected to have the same dtype, but got (self) "
            f"{type_name(m.dtype)} and (source) {type_name(s.dtype)}"
        )
    mine, theirs = _rest(m.shape, axis), _rest(s.shape, axis)
    if s.ndim and mine != theirs:
        raise RuntimeError(
            "index_copy_(): Source/destination tensor must have same slice shapes. Destination "
            f"slice shape: {' '.join(map(str, mine))} at dimension {axis} and source slice shape: "
            f"{' '.join(map(str, theirs))} at dimension 0."
        )
    given = s.shape[axis] if s.ndim else 1
    if i.numel != given:
        raise IndexError(
            f"index_copy_(): Number of indices ({i.numel}) should be equal to source.size(dim) "
            f"({given})"
        )
