"""`torch.backends.openmp`: OpenMP: the pool of threads is Facula's own."""

from __future__ import annotations

enabled = False


def is_available() -> bool:
    """Whether the library is used: no."""
    return False
