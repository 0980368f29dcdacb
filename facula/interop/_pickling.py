"""Writing the pickle of a checkpoint: tensors by reference to their storages, names as PyTorch's.

Python's accelerated pickler insists that a global it writes can be imported under that name, so it
cannot write `torch._utils._rebuild_tensor_v2` where there is no PyTorch. The pickler in Python that
the standard library also ships lets that step be replaced; checkpoints hold few objects (the
numbers lie outside the pickle), so its speed does not matter.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import dtypes
from ..devices import device
from . import _torch_names as names


@dataclass(slots=True)
class TensorRecord:
    """The facts of a tensor that a checkpoint keeps.

    Attributes:
        storage_key: what tells its storage from others; tensors with equal keys share one. It must
            stay unique until the writing ends (an `id` does, of something that stays alive).
        storage_array: the whole storage, 1-D, of the dtype's NumPy equivalent.
        dtype: the tensor's (and its storage's) dtype.
        offset, size, stride: where in the storage the tensor's elements lie, in elements.
        requires_grad, is_parameter: as in the tensor.
        state: attributes that the user has set on the tensor, or None.
    """

    storage_key: Hashable
    storage_array: np.ndarray
    dtype: dtypes.dtype
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]
    requires_grad: bool = False
    is_parameter: bool = False
    state: dict[str, Any] | None = None


Describe = Callable[[Any], TensorRecord | None]


class _Storage:
    """One storage of the file. The pickler writes it as a persistent id."""

    __slots__ = ("key", "kind", "array")

    def __init__(self, key: str, kind: names.StorageType, array: np.ndarray) -> None:
        self.key, self.kind, self.array = key, kind, array


class _Data:
    """The tensor inside a parameter, which has no object of its own."""

    __slots__ = ("record",)

    def __init__(self, record: TensorRecord) -> None:
        self.record = record


_PLAIN = frozenset(
    {str, int, float, bool, type(None), bytes, list, dict, tuple, set, complex, OrderedDict}
)


class CheckpointPickler(pickle._Pickler):
    """Pickles an object graph; then `storages` holds the arrays in the order of their keys."""

    def __init__(
        self, file: io.BytesIO, describe: Describe, own: Mapping[str, Any], protocol: int
    ) -> None:
        super().__init__(file, protocol=protocol)
        self._describe = describe
        self._own = {id(value): path for path, value in own.items()}
        self._own[id(device)] = "torch.device"
        self._size_type = own.get("torch.Size")
        self.storages: list[np.ndarray] = []
        self._by_key: dict[Hashable, _Storage] = {}

    def persistent_id(self, obj: Any) -> Any:
        if type(obj) is _Storage:
            return ("storage", obj.kind, obj.key, "cpu", int(obj.array.size))
        return None

    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        if kind in _PLAIN:
            return NotImplemented
        if isinstance(obj, names.TorchGlobal | dtypes.dtype) or id(obj) in self._own:
            return ""  # a global; save_global knows its name
        if kind is _Data:
            return (names.REBUILD_TENSOR_V2, self._arguments(obj.record))
        if kind is self._size_type:
            return (kind, (tuple(obj),))
        record = self._describe(obj)
        return NotImplemented if record is None else self._reduced(record)

    def _reduced(self, record: TensorRecord) -> tuple[Any, ...]:
        if record.is_parameter:
            head: tuple[Any, ...] = (_Data(record), record.requires_grad, OrderedDict())
            if record.state:
                return (names.REBUILD_PARAMETER_WITH_STATE, (*head, record.state))
            return (names.REBUILD_PARAMETER, head)
        args = self._arguments(record)
        if record.state:
            kinds = (names.REBUILD_TENSOR_V2, names.TENSOR_TYPE)
            return (names.REBUILD_FROM_TYPE, (*kinds, args, record.state))
        return (names.REBUILD_TENSOR_V2, args)

    def _arguments(self, record: TensorRecord) -> tuple[Any, ...]:
        size, stride = tuple(map(int, record.size)), tuple(map(int, record.stride))
        grad = record.requires_grad and not record.is_parameter
        storage = self._storage(record)
        return (storage, int(record.offset), size, stride, grad, OrderedDict())

    def _storage(self, record: TensorRecord) -> _Storage:
        kind = names.STORAGE_OF_DTYPE[record.dtype]
        found = self._by_key.get(record.storage_key)
        if found is None:
            array = record.storage_array
            if array.ndim != 1 or array.dtype != record.dtype.np:
                raise TypeError(
                    f"storage_array: expected a 1-D array of {record.dtype.np}, got {array.ndim} "
                    f"dimensions of {array.dtype}"
                )
            found = _Storage(str(len(self.storages)), kind, array)
            self.storages.append(array)
            self._by_key[record.storage_key] = found
        elif found.kind is not kind:
            raise RuntimeError(
                "Cannot save multiple tensors or storages that view the same data as different "
                f"types: {found.kind.dtype!r} and {record.dtype!r}. Save a clone of one of them."
            )
        return found

    def save_global(self, obj: Any, name: str | None = None) -> None:
        if isinstance(obj, dtypes.dtype):
            path = f"torch.{obj.name}"
        elif isinstance(obj, names.TorchGlobal):
            path = obj.path
        else:
            path = self._own.get(id(obj), "")
        if not path:
            super().save_global(obj, name)  # type: ignore[misc]
            return
        module, _, last = path.rpartition(".")
        name_bytes = f"{module}\n{last}\n".encode()
        self.write(pickle.GLOBAL + name_bytes)  # type: ignore[attr-defined]
        self.memoize(obj)  # type: ignore[attr-defined]
