"""`torch.accelerator` where there is none: what asks says no, so that programs choose the CPU.

The behaviour is that of PyTorch's build for the CPU alone.
"""

from __future__ import annotations

from typing import Any, NoReturn


def is_available() -> bool:
    """Whether there is an accelerator: no."""
    return False


def device_count() -> int:
    """The number of accelerators: 0."""
    return 0


def current_accelerator(check_available: bool = False) -> None:
    """The accelerator's device: None, as there is none."""
    return None


def _none() -> NoReturn:
    raise RuntimeError("Cannot access accelerator device when none is available.")


def current_device_index() -> int:
    """The number of the current accelerator. Raises RuntimeError."""
    _none()


def set_device_index(device: Any, /) -> None:
    """Chooses the current accelerator. Raises RuntimeError."""
    _none()


def synchronize(device: Any = None, /) -> None:
    """Waits for an accelerator's work. Raises RuntimeError."""
    _none()
