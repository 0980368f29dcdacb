"""Finalizers that calculate: they have a frame of their own.

Python collects garbage where memory is taken, also in the middle of a call that is being recorded,
and then runs the finalizers of objects in cycles, which may be any code. While a collection is
under way, its thread's open frame is put aside; what finalizers record is computed at its end.
"""

from __future__ import annotations

import gc
from threading import get_ident
from typing import Any

from .recorder import Frame, recording, state
from .trie import MODE, Node


def install() -> None:
    """Puts frames aside from now on."""
    gc.callbacks.append(_around)


def _around(phase: str, info: dict[str, int]) -> None:
    if get_ident() not in recording:
        return
    own: dict[str, Any] = state.__dict__  # this thread's
    if phase == "start":
        if "tr" in own and "aside" not in own:
            state.aside = state.tr
            if "finalizing" not in own:
                state.finalizing = Frame(Node(None, MODE), unlisted=True)
            state.tr = state.finalizing
    elif "aside" in own:
        tr = state.finalizing
        try:
            if tr.node is not tr.root:
                state.flush(tr)
        finally:
            state.tr = own.pop("aside")
