"""From the facts in a file to storages and tensors, with every fact checked first.

Both ways of reading (restricted and trusted) come through here: a size, stride or offset that would
reach outside its storage is refused, whatever else the file is allowed to do.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable
from pickle import UnpicklingError
from typing import Any

import numpy as np

from .. import dtypes
from ..devices import device
from . import _torch_names as names

_NO_CUDA = (
    "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False. "
    "If you are running on a CPU-only machine, please use torch.load with "
    "map_location=torch.device('cpu') to map your storages to the CPU."
)
_MAX_RANK = 64
_MAX_NUMEL = 2**63 - 1

MapLocation = (
    str | device | dict[str, Any] | Callable[["LoadedStorage", str], "LoadedStorage | None"] | None
)
BuildTensor = Callable[
    [np.ndarray, dtypes.dtype, int, tuple[int, ...], tuple[int, ...], bool, Hashable], Any
]
BuildParameter = Callable[[Any, bool], Any]


class CallerError(Exception):
    """Carries an error of a callable that the caller handed in past the handling of bad files."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def _outside(function: Callable[..., Any], *args: Any) -> Any:
    """Calls what the caller handed in; its errors are not the file's fault."""
    try:
        return function(*args)
    except Exception as error:
        raise CallerError(error) from error


class LoadedStorage:
    """A storage of the file: a 1-D array of all its elements. What a callable map_location gets."""

    __slots__ = ("array", "dtype", "key", "location")

    def __init__(
        self, array: np.ndarray, dtype: dtypes.dtype | None, key: Hashable, location: str
    ) -> None:
        self.array, self.dtype, self.key, self.location = array, dtype, key, location

    def __len__(self) -> int:
        return int(self.array.size)

    def cpu(self) -> LoadedStorage:
        return self

    def cuda(self, device: object = None) -> LoadedStorage:
        raise RuntimeError(_NO_CUDA)


def _restore(location: str) -> None:
    """Raises RuntimeError unless storages of this location can live here: all live on the CPU."""
    if location == "cpu":
        return
    if location.partition(":")[0] == "cuda":
        raise RuntimeError(_NO_CUDA)
    raise RuntimeError(
        "don't know how to restore data location of torch.storage.UntypedStorage "
        f"(tagged with {location}); map_location='cpu' loads it to the CPU"
    )


def place(storage: LoadedStorage, location: str, map_location: MapLocation) -> LoadedStorage:
    """Applies `map_location` to a storage of the file. Raises RuntimeError and TypeError."""
    if map_location is None:
        _restore(location)
    elif isinstance(map_location, str | device):
        _restore(str(map_location))
    elif isinstance(map_location, dict):
        _restore(str(map_location.get(location, location)))
    else:
        placed = _outside(map_location, storage, location)
        if placed is None:
            _restore(location)
        elif isinstance(placed, LoadedStorage):
            return placed
        else:
            kind = type(placed).__name__
            raise CallerError(
                TypeError(
                    "map_location: the callable must return the storage that it was given, or "
                    f"None; it returned {kind}"
                )
            )
    return storage


class Storages:
    """The storages of one file by key, read when a tensor first names them."""

    def __init__(
        self,
        fetch: Callable[[str, int], np.ndarray],
        map_location: MapLocation,
        byteorder: str = sys.byteorder,
    ) -> None:
        """`fetch(key, number of bytes)` gives a writable array of that many bytes, or raises."""
        self._fetch, self._map_location = fetch, map_location
        self._swap = byteorder != sys.byteorder
        self._loaded: dict[str, tuple[names.StorageType, int, str, LoadedStorage]] = {}

    def persistent(self, pid: Any) -> LoadedStorage:
        """The storage of a persistent id: ("storage", type, key, location, number of elements)."""
        kind, key, location, numel = parse_storage_id(pid)
        known = self._loaded.get(key)
        if known is not None:
            if known[0].dtype is not kind.dtype or known[1:3] != (numel, location):
                raise UnpicklingError(f"storage {key!r} is named twice with different facts")
            return known[3]
        itemsize = kind.dtype.itemsize if kind.dtype else 1
        data = self._fetch(key, numel * itemsize)
        array = typed(data, kind.dtype, self._swap)
        storage = place(
            LoadedStorage(array, kind.dtype, key, location), location, self._map_location
        )
        self._loaded[key] = (kind, numel, location, storage)
        return storage


def typed(data: np.ndarray, dtype: dtypes.dtype | None, swap: bool = False) -> np.ndarray:
    """Bytes as elements of `dtype` in this machine's byte order."""
    if dtype is None:
        return data
    if swap:
        item = dtype.to_real().itemsize
        data = data.reshape(-1, item)[:, ::-1].reshape(-1) if item > 1 else data
    if not data.flags.c_contiguous or data.ctypes.data % dtype.np.alignment:
        data = data.copy()  # mapped from a file whose entries are not aligned
    if dtype is dtypes.bool_ and not data.flags.writeable:
        data = data.copy()
    if dtype is dtypes.bool_ and data.size and int(data.max()) > 1:
        data = (data != 0).view(np.uint8)  # a byte that is neither 0 nor 1 is undefined as a bool
    return data.view(dtype.np)


def parse_storage_id(pid: Any) -> tuple[names.StorageType, str, str, int]:
    """Type, key, location and number of elements of a persistent id. Raises UnpicklingError."""
    if not isinstance(pid, tuple) or len(pid) not in (5, 6) or pid[0] != "storage":
        raise UnpicklingError(
            f"persistent id: expected ('storage', type, key, location, numel), got {_short(pid)}"
        )
    kind, key, location, numel = pid[1:5]
    if not isinstance(kind, names.StorageType):
        raise UnpicklingError(f"persistent id: unknown storage type {_short(kind)}")
    if len(pid) == 6 and pid[5] is not None:
        raise UnpicklingError("persistent id: views of storages (PyTorch 0.3) are not supported")
    if type(key) is not str or type(location) is not str:
        raise UnpicklingError("persistent id: key and location must be text")
    if type(numel) is not int or not 0 <= numel <= _MAX_NUMEL:
        raise UnpicklingError(f"persistent id: impossible number of elements {_short(numel)}")
    return kind, key, location, numel


def _short(value: Any) -> str:
    """A short name for a value of the file. Its `repr` could be endless."""
    return repr(value)[:60] if type(value) in (str, int, float, bool) else type(value).__name__


def _extent(what: str, value: Any) -> tuple[int, ...]:
    if not isinstance(value, tuple | list) or len(value) > _MAX_RANK:
        raise UnpicklingError(f"tensor {what}: expected a tuple of integers, got {_short(value)}")
    for item in value:
        if type(item) is not int or not 0 <= item <= _MAX_NUMEL:
            raise UnpicklingError(f"tensor {what}: impossible entry {_short(item)}")
    return tuple(value)


class Rebuilder:
    """Stands for PyTorch's rebuild functions: checks the arguments and calls the tensor layer."""

    def __init__(self, build: BuildTensor, build_parameter: BuildParameter) -> None:
        self._build, self._build_parameter = build, build_parameter
        self._views: dict[Hashable, np.ndarray] = {}
        self._made: dict[int, Any] = {}  # by id; holding them keeps the ids valid
        self.functions: dict[names.TorchGlobal, Callable[..., Any]] = {
            names.REBUILD_TENSOR: self._tensor_v1,
            names.REBUILD_TENSOR_V2: self._tensor_v2,
            names.REBUILD_TENSOR_V3: self._tensor_v3,
            names.REBUILD_PARAMETER: self._parameter,
            names.REBUILD_PARAMETER_WITH_STATE: self._parameter_with_state,
            names.REBUILD_FROM_TYPE: self._from_type,
        }

    def _keep(self, value: Any) -> Any:
        self._made[id(value)] = value
        return value

    def is_tensor(self, value: Any) -> bool:
        return id(value) in self._made

    def _tensor(
        self,
        storage: Any,
        dtype: dtypes.dtype | None,
        offset: Any,
        size: Any,
        stride: Any,
        requires_grad: Any,
        metadata: Any = None,
    ) -> Any:
        if not isinstance(storage, LoadedStorage):
            raise UnpicklingError(f"tensor: expected a storage, got {_short(storage)}")
        if dtype is None:
            raise UnpicklingError("tensor: its storage has no dtype")
        size, stride = _extent("size", size), _extent("stride", stride)
        if len(size) != len(stride):
            raise UnpicklingError(f"tensor: {len(size)} sizes, but {len(stride)} strides")
        if type(offset) is not int or offset < 0:
            raise UnpicklingError(f"tensor offset: impossible value {_short(offset)}")
        if type(requires_grad) is not bool:
            raise UnpicklingError(
                f"tensor requires_grad: expected bool, got {_short(requires_grad)}"
            )
        if requires_grad and not dtype.is_differentiable:
            raise UnpicklingError(f"tensor requires_grad: {dtype!r} cannot require gradients")
        array, key = self._view(storage, dtype, metadata)
        numel = 1
        for n in size:
            numel *= n
        last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
        if numel > _MAX_NUMEL or offset > array.size or (numel and last >= array.size):
            raise UnpicklingError(
                f"tensor: offset {offset}, size {size} and stride {stride} reach outside the "
                f"storage of {array.size} elements"
            )
        facts = (array, dtype, offset, size, stride, requires_grad, key)
        return self._keep(_outside(self._build, *facts))

    def _view(
        self, storage: LoadedStorage, dtype: dtypes.dtype, metadata: Any
    ) -> tuple[np.ndarray, Hashable]:
        """A storage as `dtype`, and the key of what results.

        PyTorch may save a lazy conjugate or negation; here it is done at once, on one copy for all
        tensors that ask for it.
        """
        if metadata and (type(metadata) is not dict or not set(metadata) <= {"conj", "neg"}):
            raise UnpicklingError("tensor: unknown metadata")
        conj, neg = (bool(metadata and metadata.get(k)) for k in ("conj", "neg"))
        if storage.dtype is dtype and not (conj or neg):
            return storage.array, storage.key
        key = (storage.key, dtype.name, conj, neg)
        array = self._views.get(key)
        if array is None:
            array = storage.array
            if storage.dtype is not dtype:
                if array.nbytes % dtype.itemsize:
                    raise UnpicklingError(f"tensor: {array.nbytes} bytes as {dtype!r}")
                array = typed(array.view(np.uint8), dtype)
            array = np.conj(array) if conj else array
            array = -array if neg else array
            self._views[key] = array
        return array, key

    def _tensor_v1(self, storage: Any, offset: Any, size: Any, stride: Any) -> Any:
        kind = getattr(storage, "dtype", None)
        return self._tensor(storage, kind, offset, size, stride, False)

    def _tensor_v2(
        self,
        storage: Any,
        offset: Any,
        size: Any,
        stride: Any,
        requires_grad: Any,
        hooks: Any,
        metadata: Any = None,
    ) -> Any:
        kind = getattr(storage, "dtype", None)
        return self._tensor(storage, kind, offset, size, stride, requires_grad, metadata)

    def _tensor_v3(
        self,
        storage: Any,
        offset: Any,
        size: Any,
        stride: Any,
        requires_grad: Any,
        hooks: Any,
        dtype: Any,
        metadata: Any = None,
    ) -> Any:
        if not isinstance(dtype, dtypes.dtype):
            raise UnpicklingError(f"tensor dtype: {_short(dtype)} is not a dtype of Facula's")
        return self._tensor(storage, dtype, offset, size, stride, requires_grad, metadata)

    def _parameter(self, data: Any, requires_grad: Any, hooks: Any) -> Any:
        if not self.is_tensor(data) or type(requires_grad) is not bool:
            raise UnpicklingError("parameter: expected a tensor and a bool")
        return self._keep(_outside(self._build_parameter, data, requires_grad))

    def _parameter_with_state(self, data: Any, requires_grad: Any, hooks: Any, state: Any) -> Any:
        return set_state(self._parameter(data, requires_grad, hooks), state)

    def _from_type(self, function: Any, kind: Any, args: Any, state: Any) -> Any:
        rebuild = function  # a trusted file gives the function itself
        if isinstance(function, names.TorchGlobal):
            rebuild = self.functions.get(function)
        if rebuild not in self.functions.values() or not isinstance(args, tuple):
            raise UnpicklingError("tensor with attributes: unknown way of rebuilding it")
        return set_state(rebuild(*args), state)


def set_state(value: Any, state: Any) -> Any:
    """Sets saved attributes of a tensor. Raises UnpicklingError where one would hide a method."""
    if isinstance(state, tuple) and len(state) == 2:
        for part in state:
            set_state(value, part)
        return value
    if state is None:
        return value
    if not isinstance(state, dict):
        raise UnpicklingError(f"attributes: expected a dict, got {_short(state)}")
    for name, item in state.items():
        if type(name) is not str or hasattr(type(value), name):
            raise UnpicklingError(f"attributes: {_short(name)} cannot be set by a file")
        setattr(value, name, item)
    return value
