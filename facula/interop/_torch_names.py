"""PyTorch's global names in a checkpoint, what they mean here, and which of them are safe.

A pickle names classes and functions by module and name. Checkpoints must be readable by PyTorch, so
tensors, dtypes, devices and storages are written under PyTorch's names and found again by these.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from .. import devices, dtypes


class TorchGlobal:
    """A function of PyTorch's that a checkpoint names. Never called: the name is what counts."""

    def __init__(self, path: str) -> None:
        self.module, _, self.name = path.rpartition(".")
        self.path = path

    def __call__(self, *args: object) -> object:
        raise TypeError(f"{self.path} only stands for a name in a checkpoint")

    def __repr__(self) -> str:
        return f"<{self.path} of a checkpoint>"


class StorageType(TorchGlobal):
    """`torch.FloatStorage` and its like: the dtype of a storage. None: bytes without a type."""

    def __init__(self, path: str, dtype: dtypes.dtype | None) -> None:
        super().__init__(path)
        self.dtype = dtype


STORAGE_OF_DTYPE = {
    dtype: StorageType(f"torch.{name}Storage", dtype)
    for dtype, name in (
        (dtypes.float64, "Double"), (dtypes.float32, "Float"), (dtypes.float16, "Half"),
        (dtypes.bfloat16, "BFloat16"), (dtypes.int64, "Long"), (dtypes.int32, "Int"),
        (dtypes.int16, "Short"), (dtypes.int8, "Char"), (dtypes.uint8, "Byte"),
        (dtypes.bool_, "Bool"), (dtypes.complex64, "ComplexFloat"),
        (dtypes.complex128, "ComplexDouble"),
    )
}  # fmt: skip
UNTYPED_STORAGE = StorageType("torch.storage.UntypedStorage", None)
_STORAGES = [*STORAGE_OF_DTYPE.values(), UNTYPED_STORAGE]
_CUDA_STORAGES = [
    StorageType(s.path.replace("torch.", "torch.cuda."), s.dtype) for s in STORAGE_OF_DTYPE.values()
]

REBUILD_TENSOR = TorchGlobal("torch._utils._rebuild_tensor")
REBUILD_TENSOR_V2 = TorchGlobal("torch._utils._rebuild_tensor_v2")
REBUILD_TENSOR_V3 = TorchGlobal("torch._utils._rebuild_tensor_v3")
REBUILD_PARAMETER = TorchGlobal("torch._utils._rebuild_parameter")
REBUILD_PARAMETER_WITH_STATE = TorchGlobal("torch._utils._rebuild_parameter_with_state")
REBUILD_FROM_TYPE = TorchGlobal("torch._tensor._rebuild_from_type_v2")
TENSOR_TYPE = TorchGlobal("torch.Tensor")
PARAMETER_TYPE = TorchGlobal("torch.nn.parameter.Parameter")

# What both ways of reading know by PyTorch's name. The names of dtypes are values, not functions.
KNOWN: dict[str, Any] = {
    **{f"torch.{d.name}": d for d in dtypes.ALL},
    **{
        g.path: g
        for g in (
            *_STORAGES, *_CUDA_STORAGES, REBUILD_TENSOR, REBUILD_TENSOR_V2, REBUILD_TENSOR_V3,
            REBUILD_PARAMETER, REBUILD_PARAMETER_WITH_STATE, REBUILD_FROM_TYPE,
        )
    },
    "torch.device": devices.device,
    "torch.Size": tuple,
}  # fmt: skip

# Names that PyTorch writes for what Facula does not have.
_UNSUPPORTED = {
    "torch._utils._rebuild_sparse_tensor": "sparse tensors",
    "torch._utils._rebuild_sparse_csr_tensor": "sparse tensors",
    "torch._utils._rebuild_nested_tensor": "nested tensors",
    "torch._utils._rebuild_qtensor": "quantized tensors",
    "torch._utils._rebuild_meta_tensor_no_storage": "tensors on the meta device",
    "torch._utils._rebuild_wrapper_subclass": "wrapper subclasses of Tensor",
    "torch._utils._rebuild_device_tensor_from_numpy": "tensors of other devices",
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": "tensors of other devices",
}
_UNSUPPORTED_DTYPES = (
    "uint16", "uint32", "uint64", "complex32", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2",
    "float8_e5m2fnuz", "float8_e8m0fnu", "float4_e2m1fn_x2", "qint8", "quint8", "qint32",
    "quint4x2", "quint2x4",
)  # fmt: skip
_UNSUPPORTED.update({f"torch.{name}": f"the dtype {name}" for name in _UNSUPPORTED_DTYPES})
_UNSUPPORTED.update(
    {
        f"torch.{name}Storage": f"the storage {name}Storage"
        for name in ("QInt8", "QUInt8", "QInt32", "QUInt4x2", "QUInt2x4")
    }  # fmt: skip
)


def unsupported(path: str) -> str | None:
    """What of PyTorch's a name stands for that Facula cannot hold, or None."""
    return _UNSUPPORTED.get(path)


_safe_globals: list[Any] = []


def _path_of(item: Any) -> str:
    """The name under which a safe global is met in a file."""
    if isinstance(item, tuple):
        if len(item) != 2 or not isinstance(item[1], str):
            raise TypeError(
                "safe globals: expected a class, a function or (class or function, 'module.name'), "
                f"got {item!r}"
            )
        return item[1]
    module, name = getattr(item, "__module__", None), getattr(item, "__qualname__", None)
    if not module or not name:
        raise TypeError(f"safe globals: expected a class or a function, got {item!r}")
    return f"{module}.{name}"


def add_safe_globals(safe_globals: Iterable[Any]) -> None:
    """Lets `load(weights_only=True)` call these classes and functions.

    Each is a class or function, or a pair (class or function, "module.name" as in the file). Raises
    TypeError for anything else. A class that is trusted here may run its own code on loading.
    """
    global _safe_globals
    added = list(safe_globals)
    for item in added:
        _path_of(item)
    _safe_globals = _safe_globals + [item for item in added if item not in _safe_globals]


def get_safe_globals() -> list[Any]:
    """The user-added safe classes and functions."""
    return list(_safe_globals)


def clear_safe_globals() -> None:
    """Forgets all user-added safe classes and functions."""
    global _safe_globals
    _safe_globals = []


@contextmanager
def safe_globals(safe_globals: Iterable[Any]) -> Iterator[None]:
    """`add_safe_globals` inside a `with` block."""
    global _safe_globals
    before = _safe_globals
    add_safe_globals(safe_globals)
    try:
        yield
    finally:
        _safe_globals = before


def user_globals() -> dict[str, Any]:
    """The user's safe globals by their name in a file; Facula's own also by PyTorch's name."""
    found = {}
    for item in _safe_globals:
        path, value = _path_of(item), item[0] if isinstance(item, tuple) else item
        found[path] = value
        if path.startswith("facula."):
            found.setdefault("torch." + path.removeprefix("facula."), value)
        if path.startswith("builtins."):
            found.setdefault("__builtin__." + path.removeprefix("builtins."), value)
    return found


def resolve(module: str, name: str) -> Any:
    """Facula's object for a name of PyTorch's in a trusted file.

    What lies in another module here than there is looked for in the parent packages
    (torch.nn.modules.linear.Linear is found as facula.nn.Linear). Raises AttributeError, naming
    what is missing.
    """
    parts = module.split(".")[1:]
    while True:
        try:
            candidate = importlib.import_module(".".join(["facula", *parts]))
            return _attribute(candidate, name)
        except (ImportError, AttributeError) as error:
            if not parts:
                raise AttributeError(
                    f"Facula has no {module}.{name}, which the file names"
                ) from error
            parts.pop()


def _attribute(value: Any, path: str) -> Any:
    for part in path.split("."):
        value = getattr(value, part)
    return value
