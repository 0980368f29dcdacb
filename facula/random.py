"""`torch.random`: the state of the default generator, and keeping it over a stretch of work."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from .functions.random import get_rng_state as get_rng_state
from .functions.random import initial_seed as initial_seed
from .functions.random import manual_seed as manual_seed
from .functions.random import seed as seed
from .functions.random import set_rng_state as set_rng_state
from .generator import Generator as Generator
from .generator import default_generator as default_generator


@contextlib.contextmanager
def fork_rng(
    devices: Any = None, enabled: bool = True, device_type: str = "cuda", **named: Any
) -> Iterator[None]:
    """Restores the default generator's state at the end. The arguments about devices are
    accepted.
    """
    if not enabled:
        yield
        return
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)
