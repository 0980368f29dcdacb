"""An index taken apart: what `x[index]` and `x[index] = y` have in common."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import bool_, int64, uint8
from ..ops import elementwise as e
from ..tensor import Tensor, from_array
from ..trace.values import Value
from . import masks
from .array_data import to_numpy


def normal(index: Any) -> tuple[Any, ...]:
    """The index as a tuple, sequences as tensors."""
    items = index if isinstance(index, tuple) else (index,)
    if type(index) is list and any(
        x is None or x is Ellipsis or isinstance(x, (slice, Tensor, list, tuple, np.ndarray))
        for x in index
    ):
        items = tuple(index)  # a list of indices stands for the tuple
    out: list[Any] = []
    for x in items:
        if x is None or x is Ellipsis or isinstance(x, (slice, bool, int)):
            out.append(x)
        elif isinstance(x, Tensor):
            m = x._v.meta
            # a 0-d whole number is a position, which makes a view
            out.append(
                int(x.item()) if m.ndim == 0 and m.dtype.is_integral and m.dtype is not bool_ else x
            )
        elif isinstance(x, np.integer):
            out.append(int(x))
        elif isinstance(x, np.bool_):
            out.append(bool(x))
        elif isinstance(x, (list, tuple, range, np.ndarray)):
            out.append(_as_index(x))
        elif hasattr(x, "__index__"):
            out.append(x.__index__())
        elif isinstance(x, str):
            raise TypeError("new(): invalid data type 'str'")
        else:
            raise IndexError(
                "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables "
                f"are valid indices (got {type(x).__name__})"
            )
    return tuple(out)


def _as_index(x: Any) -> Tensor:
    a = x if isinstance(x, np.ndarray) else to_numpy(list(x))
    if a.size == 0 and a.dtype.kind == "f":
        a = a.astype(np.int64)
    if a.dtype.kind not in "iub":
        raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
    return from_array(np.asarray(a, order="C") if a.dtype.kind == "b" else np.array(a, np.int64))


class Parsed:
    """An index taken apart: the basic part (slices, new axes) and the arrays on the axes that
    remain.
    """

    __slots__ = ("starts", "stops", "steps", "shape", "arrays", "whole", "last")

    def __init__(self, shape: tuple[int, ...], items: tuple[Any, ...]) -> None:
        used = 0
        for x in items:
            if x is None or x is Ellipsis or isinstance(x, bool):
                continue
            used += x.ndim if isinstance(x, Tensor) and x.dtype in (bool_, uint8) else 1
        if used > len(shape):
            if not shape and len(items) == 1:
                raise IndexError(
                    "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or "
                    "`tensor.item<T>()` in C++ to "
                    "convert a 0-dim tensor to a number"
                )
            raise IndexError(f"too many indices for tensor of dimension {len(shape)}")
        alone = len(items) == 1
        if sum(1 for x in items if x is Ellipsis) == 0:
            items = (*items, Ellipsis)
        self.starts: list[int] = []
        self.stops: list[int] = []
        self.steps: list[int] = []
        self.shape: list[int] = []
        self.arrays: list[Value | None] = []  # one for each axis of `shape`
        self.last = (
            "AliasBackward0"  # the step that PyTorch would take last: what grad_fn is called
        )
        axis = 0
        seen_dots = False
        for x in items:
            if x is Ellipsis:
                for _ in range(0 if seen_dots else len(shape) - used):
                    self._keep(0, shape[axis], 1)
                    axis += 1
                seen_dots = True
            elif x is None:
                self.last = "UnsqueezeBackward0"
                self.shape.append(1)
                self.arrays.append(None)
            elif isinstance(x, bool):
                self.shape.append(1)
                self.arrays.append(from_array(np.zeros(1 if x else 0, np.int64))._v)
            elif isinstance(x, int):
                self.last = "SelectBackward0"
                self._position(x, shape[axis], axis)
                axis += 1
            elif isinstance(x, slice):
                start, stop, step = _bounds(x, shape[axis])
                if alone or start or stop != shape[axis] or step != 1:
                    self.last = "SliceBackward0"
                self._keep(start, stop, step)
                axis += 1
            else:
                axis = self._array(x, shape, axis)
        self.whole = tuple(self.shape) == shape and not any(self.starts)

    def _keep(self, start: int, stop: int, step: int) -> None:
        self.starts.append(start)
        self.stops.append(stop)
        self.steps.append(step)
        self.shape.append(max(0, (stop - start + step - 1) // step))
        self.arrays.append(None)

    def _position(self, x: int, n: int, axis: int) -> None:
        if not -n <= x < n:
            raise IndexError(f"index {x} is out of bounds for dimension {axis} with size {n}")
        x = x + n if x < 0 else x
        self.starts.append(x)
        self.stops.append(x + 1)
        self.steps.append(1)

    def _array(self, x: Tensor, shape: tuple[int, ...], axis: int) -> int:
        if x.dtype in (bool_, uint8):
            for k in range(x.ndim):
                if x.shape[k] != shape[axis + k]:
                    raise IndexError(
                        f"The shape of the mask {list(x.shape)} at index {k} does not match the "
                        f"shape of the indexed tensor {list(shape)} at index {axis + k}"
                    )
            if x.ndim == 0:
                self.shape.append(1)
                self.arrays.append(from_array(np.zeros(1 if bool(x) else 0, np.int64))._v)
                return axis
            mask = x._array()
            mask = mask if x.dtype is bool_ else mask != 0
            for k, found in enumerate(masks.positions(mask, True)):
                self._keep(0, shape[axis + k], 1)
                self.arrays[-1] = from_array(found)._v
            return axis + x.ndim
        if not x.dtype.is_integral:
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
        self._keep(0, shape[axis], 1)
        self.arrays[-1] = e.cast(x._v, int64)
        return axis + 1


def _bounds(s: slice, n: int) -> tuple[int, int, int]:
    step = 1 if s.step is None else s.step.__index__()
    if step <= 0:
        raise ValueError("step must be greater than zero")
    start, stop, _ = slice(
        None if s.start is None else s.start.__index__(),
        None if s.stop is None else s.stop.__index__(),
    ).indices(n)
    return start, max(start, stop), step
