"""`torch.backends.mkl`: Intel's MKL: matrix products are Facula's own here."""

from __future__ import annotations

enabled = False


def is_available() -> bool:
    """Whether the library is used: no."""
    return False
