"""Automatic differentiation: backward, grad, modes, functions with a backward of their own, checks.

The names are looked up at their first use: the tensor itself is made on `engine`, which lies in
this package, and the public functions here are made on the tensor.
"""

from __future__ import annotations

import importlib
from typing import Any

_PUBLIC = {
    "Function": "function",
    "backward": "functional",
    "grad": "functional",
    "enable_grad": "grad_mode",
    "inference_mode": "grad_mode",
    "is_grad_enabled": "grad_mode",
    "is_inference_mode_enabled": "grad_mode",
    "no_grad": "grad_mode",
    "set_grad_enabled": "grad_mode",
    "gradcheck": "gradcheck",
    "gradgradcheck": "gradcheck",
    "detect_anomaly": "anomaly",
    "set_detect_anomaly": "anomaly",
    "is_anomaly_enabled": "anomaly",
}


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        found = getattr(importlib.import_module(f"{__name__}.{_PUBLIC[name]}"), name)
        globals()[name] = found
        return found
    if name == "profiler":
        return importlib.import_module(f"{__name__}.profiler")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
