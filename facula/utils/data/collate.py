"""Making a batch of samples: `default_collate` stacks, `default_convert` only makes tensors.

Samples that are in memory are stacked by NumPy in one go. Recording one stack of many small inputs
would cost more than the copy itself.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

import facula

from ...tensor import Tensor, from_array

_ERROR = (
    "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"
)


def default_convert(data: Any) -> Any:
    """NumPy arrays and scalars, also inside containers, as tensors; everything else as it is."""
    if isinstance(data, Tensor):
        return data
    if isinstance(data, (np.ndarray, np.generic)):
        return data if data.dtype.kind in "SUO" else facula.as_tensor(data)
    if isinstance(data, Mapping):
        return _like_mapping(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(default_convert(value) for value in data))
    if isinstance(data, tuple):
        return [default_convert(value) for value in data]
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _like_sequence(data, [default_convert(value) for value in data])
    return data


def default_collate(batch: Any) -> Any:
    """One value from a list of samples, with a new first dimension.

    Tensors and arrays are stacked, floats become a float64 tensor, ints an integer one, strings
    stay a list; dicts, tuples and lists are collated entry by entry. TypeError for any other type.
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return _stack_tensors(batch)
    if isinstance(first, (np.ndarray, np.generic)) and not isinstance(first, (str, bytes)):
        return _stack_arrays(batch)
    if isinstance(first, float):
        return facula.tensor(batch, dtype=facula.float64)
    if isinstance(first, int):
        return facula.tensor(batch)
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        columns = {key: default_collate([sample[key] for sample in batch]) for key in first}
        return _like_mapping(first, columns)
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*map(default_collate, zip(*batch, strict=False)))
    if isinstance(first, Sequence):
        size = len(first)
        if not all(len(sample) == size for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        entries = [default_collate(entry) for entry in zip(*batch, strict=True)]
        return entries if isinstance(first, tuple) else _like_sequence(first, entries)
    raise TypeError(_ERROR.format(type(first)))


def _like_mapping(original: Mapping[Any, Any], values: dict[Any, Any]) -> Any:
    """A mapping of the original's class where its constructor allows that, else a dict."""
    kind: Callable[..., Any] = type(original)
    try:
        if isinstance(original, MutableMapping):
            clone = copy.copy(original)
            clone.update(values)
            return clone
        return kind(values)
    except TypeError:
        return values


def _like_sequence(original: Sequence[Any], values: list[Any]) -> Any:
    """A sequence of the original's class where its constructor allows that, else a list."""
    kind: Callable[..., Any] = type(original)
    try:
        if isinstance(original, MutableSequence):
            clone = copy.copy(original)
            for i, value in enumerate(values):
                clone[i] = value
            return clone
        return kind(values)
    except TypeError:
        return values


def _in_memory(value: Any) -> bool:
    return type(value) is Tensor and not value.requires_grad and value.device.type == "cpu"


def _stack_tensors(batch: Sequence[Any]) -> Any:
    if not all(map(_in_memory, batch)):
        return facula.stack(list(batch), 0)
    arrays = [tensor._array() for tensor in batch]
    stacked = _stacked(arrays)
    return facula.stack(list(batch), 0) if stacked is None else from_array(stacked)


def _stack_arrays(batch: Sequence[Any]) -> Any:
    first = batch[0]
    if first.dtype.kind in "SUO":
        raise TypeError(_ERROR.format(first.dtype))
    arrays = [np.asarray(value) for value in batch]
    stacked = _stacked(arrays) if first.dtype.isnative else None
    if stacked is None:
        return facula.stack([facula.as_tensor(array) for array in arrays], 0)
    try:
        return from_array(stacked)
    except TypeError:  # a dtype that tensors lack: as_tensor converts it or says so
        return facula.as_tensor(stacked)


def _stacked(arrays: list[np.ndarray]) -> np.ndarray | None:
    """The arrays in one, or None where shapes or dtypes differ (then the general way promotes or
    raises).
    """
    shape, dtype = arrays[0].shape, arrays[0].dtype
    for array in arrays:
        if array.shape != shape or array.dtype != dtype:
            return None
    result = np.empty((len(arrays), *shape), dtype)
    for i, array in enumerate(arrays):
        result[i] = array
    return result
