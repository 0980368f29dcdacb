"""Anomaly mode: accepted for programs that ask for it.

A backward that fails says which call was recorded where, with or without this mode; a check of
every gradient for NaN would end the frame after each operation, and is not made.
"""

from __future__ import annotations

from typing import Any

_enabled = False


def is_anomaly_enabled() -> bool:
    """Whether anomaly mode is on."""
    return _enabled


class set_detect_anomaly:
    """Switches anomaly mode at once; as a context manager it is switched back at the end."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        global _enabled
        self._before = _enabled
        self.check_nan = check_nan
        _enabled = mode

    def __enter__(self) -> None:
        return None

    def __exit__(self, *exc: Any) -> None:
        global _enabled
        _enabled = self._before


class detect_anomaly:
    """``with detect_anomaly():`` switches anomaly mode on inside."""

    def __init__(self, check_nan: bool = True) -> None:
        self.check_nan = check_nan
        self._before = False

    def __enter__(self) -> None:
        global _enabled
        self._before = _enabled
        _enabled = True

    def __exit__(self, *exc: Any) -> None:
        global _enabled
        _enabled = self._before
