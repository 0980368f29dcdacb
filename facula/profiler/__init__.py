"""The profiler, under torch.profiler's names: plans, their fused kernels, and the time in Python.

The names are looked up at their first use: most programs never profile, and do not wait for it.
"""

from __future__ import annotations

import importlib
from typing import Any

_PUBLIC = {
    "EventList": "events",
    "FunctionEvent": "events",
    "FunctionEventAvg": "events",
    "ProfilerAction": "profile",
    "ProfilerActivity": "profile",
    "profile": "profile",
    "record_function": "profile",
    "schedule": "profile",
    "supported_activities": "profile",
    "tensorboard_trace_handler": "profile",
}
__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        module = importlib.import_module(f"{__name__}._{_PUBLIC[name]}")
        globals().update({n: getattr(module, n) for n, m in _PUBLIC.items() if m == _PUBLIC[name]})
        return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
