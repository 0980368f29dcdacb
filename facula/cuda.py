"""`torch.cuda` where there is no CUDA: what asks says no, seeding is accepted, the rest raises.

The behaviour, the exception classes and the texts are those of PyTorch's build without CUDA, so
that programs that are written for both take the same path.
"""

from __future__ import annotations

import contextlib
from typing import Any

default_generators: tuple[Any, ...] = ()


class OutOfMemoryError(RuntimeError):
    """Never raised here; programs name it in `except`."""


def is_available() -> bool:
    """Whether tensors can live on a GPU: no."""
    return False


def is_initialized() -> bool:
    """Whether CUDA was initialised: no."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Whether the GPU computes in bfloat16: no."""
    return False


def is_current_stream_capturing() -> bool:
    """Whether a CUDA graph is being captured: no."""
    return False


def device_count() -> int:
    """The number of GPUs: 0."""
    return 0


def get_arch_list() -> list[str]:
    """The architectures of this build: none."""
    return []


def manual_seed(seed: int) -> None:
    """Accepted: there is no generator to seed."""


def manual_seed_all(seed: int) -> None:
    """Accepted: there is no generator to seed."""


def seed() -> None:
    """Accepted: there is no generator to seed."""


def seed_all() -> None:
    """Accepted: there is no generator to seed."""


def empty_cache() -> None:
    """Accepted: there is no cache to empty."""


def get_rng_state_all() -> list[Any]:
    """The states of all generators: none."""
    return []


def set_rng_state_all(new_states: Any) -> None:
    """Accepted for an empty list of states."""
    for state in new_states:
        set_rng_state(state)


def _no_memory(device: Any = None) -> int:
    """Bytes of GPU memory: 0."""
    return 0


memory_allocated = max_memory_allocated = memory_reserved = max_memory_reserved = _no_memory
memory_cached = max_memory_cached = _no_memory


def memory_stats(device: Any = None) -> dict[str, Any]:
    """Statistics of GPU memory: none."""
    return {}


def reset_peak_memory_stats(device: Any = None) -> None:
    """Accepted: there are no statistics."""


reset_max_memory_allocated = reset_accumulated_memory_stats = reset_peak_memory_stats


def _without(name: str) -> Any:
    def f(*args: Any, **named: Any) -> Any:
        raise AssertionError("Torch not compiled with CUDA enabled")

    f.__name__ = f.__qualname__ = name
    f.__doc__ = "Raises AssertionError: there is no CUDA here."
    return f


init = _without("init")
synchronize = _without("synchronize")
current_device = _without("current_device")
set_device = _without("set_device")
get_device_name = _without("get_device_name")
get_device_properties = _without("get_device_properties")
get_device_capability = _without("get_device_capability")
mem_get_info = _without("mem_get_info")
ipc_collect = _without("ipc_collect")
get_rng_state = _without("get_rng_state")
set_rng_state = _without("set_rng_state")
initial_seed = _without("initial_seed")
current_stream = _without("current_stream")
default_stream = _without("default_stream")
set_stream = _without("set_stream")
memory_summary = _without("memory_summary")


class Stream:
    """Raises RuntimeError: there is no CUDA here."""

    def __init__(self, *args: Any, **named: Any) -> None:
        raise RuntimeError(f"torch.cuda.{type(self).__name__} requires CUDA support")


class Event(Stream):
    """Raises RuntimeError: there is no CUDA here."""


class device:
    """The context of a current device. Entering it does nothing without CUDA, as in PyTorch."""

    def __init__(self, device: Any) -> None:
        self.idx = -1

    def __enter__(self) -> None:
        return None

    def __exit__(self, *exc: Any) -> None:
        return None


@contextlib.contextmanager
def stream(stream: Any) -> Any:
    """The context of a current stream; nothing for None."""
    yield
