"""Switches of the whole process: threads, determinism, precision of products, warnings.

Results here are the same for any number of threads and from run to run, and float32 products are
computed in float32; the switches about these are kept for the programs that read them back.
"""

from __future__ import annotations

import warnings
from typing import Any

from .dtypes import dtype
from .runtime import cpu
from .trace.default_dtype import switch

_precision = "highest"
_deterministic = False
_warn_only = False
_interop_threads = 1
_warn_always = False


def get_num_threads() -> int:
    """The number of threads that kernels and products use."""
    return cpu.get_num_threads()


def set_num_threads(n: int) -> None:
    """Sets the number of threads. RuntimeError: not positive; TypeError: no int."""
    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError(f"set_num_threads expects an int, but got {type(n).__name__}")
    if n <= 0:
        raise RuntimeError("set_num_threads expects a positive integer")
    cpu.set_num_threads(n)


def get_num_interop_threads() -> int:
    """The number that was set; operations run one after another."""
    return _interop_threads


def set_num_interop_threads(n: int) -> None:
    """Kept, without effect. Raises RuntimeError unless n is positive."""
    global _interop_threads
    if n <= 0:
        raise RuntimeError("set_num_interop_threads expects a positive integer")
    _interop_threads = n


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Kept: every algorithm here is deterministic."""
    global _deterministic, _warn_only
    _deterministic, _warn_only = bool(mode), bool(warn_only)


def are_deterministic_algorithms_enabled() -> bool:
    """Whether use_deterministic_algorithms was switched on."""
    return _deterministic


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether use_deterministic_algorithms is only to warn."""
    return _warn_only


def get_deterministic_debug_mode() -> int:
    """0, 1 (warn) or 2 (error), by use_deterministic_algorithms."""
    return 0 if not _deterministic else 1 if _warn_only else 2


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """ "default" or 0, "warn" or 1, "error" or 2."""
    number = {"default": 0, "warn": 1, "error": 2}.get(debug_mode, debug_mode)  # type: ignore[arg-type]
    if number not in (0, 1, 2):
        raise RuntimeError(
            f"invalid value of debug_mode, expected 0, 1, or 2, but got {debug_mode}"
        )
    use_deterministic_algorithms(number != 0, warn_only=number == 1)


def get_float32_matmul_precision() -> str:
    """What set_float32_matmul_precision was given."""
    return _precision


def set_float32_matmul_precision(precision: str) -> None:
    """ "highest", "high" or "medium"; products of float32 always have the precision of float32."""
    global _precision
    if precision not in ("highest", "high", "medium"):
        warnings.warn(
            f"{precision} is not one of 'highest', 'high', or 'medium'; the current "
            "setFloat32MatmulPrecision call has no effect.",
            stacklevel=2,
        )
        return
    _precision = precision


def set_flush_denormal(mode: bool) -> bool:
    """Whether the switch took effect: never, denormal numbers are always kept."""
    return False


def is_warn_always_enabled() -> bool:
    """What set_warn_always was given."""
    return _warn_always


def set_warn_always(b: bool, /) -> None:
    """Kept, without effect: warnings go through Python's own filters."""
    global _warn_always
    _warn_always = bool(b)


def set_default_dtype(d: dtype) -> None:
    """Sets the dtype of new floating-point tensors. Raises TypeError unless `d` is floating
    point.
    """
    if not isinstance(d, dtype) or not d.is_floating_point:
        raise TypeError(f"only floating-point types are supported as the default type, got {d!r}")
    switch(d)


def set_default_tensor_type(t: Any) -> None:
    """Sets the default dtype by a typed tensor class or its name, e.g. torch.DoubleTensor."""
    kind = t.dtype if hasattr(t, "dtype") else _by_name(str(t))
    set_default_dtype(kind)


def _by_name(name: str) -> dtype:
    from .functions.legacy import BY_NAME

    found = BY_NAME.get(name.rpartition(".")[2])
    if found is None:
        raise TypeError(f"invalid type object: {name}")
    return found.dtype


def get_default_device() -> Any:
    """The CPU."""
    from .devices import cpu as device

    return device


def set_default_device(device: Any) -> None:
    """Accepted for the CPU (or None). Raises what using the device would raise."""
    from .functions.creation import check_device

    check_device(device)


def typename(obj: Any) -> str:
    """The full name of an object's type, e.g. torch.FloatTensor."""
    from .tensor import Tensor

    if isinstance(obj, Tensor):
        return str(obj.type())
    cls = obj if isinstance(obj, type) else type(obj)
    module = cls.__module__ or ""
    return cls.__qualname__ if module in ("", "builtins") else f"{module}.{cls.__qualname__}"


def is_storage(obj: Any) -> bool:
    """Whether the object is a storage of a tensor."""
    return type(obj).__name__.endswith("Storage")
