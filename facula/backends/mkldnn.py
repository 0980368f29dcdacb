"""`torch.backends.mkldnn`: oneDNN: convolutions are generated code here."""

from __future__ import annotations

enabled = False


def is_available() -> bool:
    """Whether the library is used: no."""
    return False
