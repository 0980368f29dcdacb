"""`torch.backends.cudnn`: flags that programs set, kept and without effect; there is no cuDNN."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

enabled = True
benchmark = False
benchmark_limit = 10
deterministic = False
allow_tf32 = True


def is_available() -> bool:
    """Whether there is a cuDNN: no."""
    return False


def is_acceptable(tensor: Any) -> bool:
    """Whether cuDNN takes the tensor: no."""
    return False


def version() -> int | None:
    """cuDNN's version: None."""
    return None


@contextlib.contextmanager
def flags(**values: Any) -> Iterator[None]:
    """Sets flags for a stretch of work. Raises TypeError for a name that is no flag."""
    known = globals()
    for name in values:
        if name not in ("enabled", "benchmark", "benchmark_limit", "deterministic", "allow_tf32"):
            raise TypeError(f"flags() got an unexpected keyword argument '{name}'")
    before = {name: known[name] for name in values}
    known.update(values)
    try:
        yield
    finally:
        known.update(before)
