"""The default dtype, on which the facts of what is recorded depend: a trie for each.

Whole numbers and a Python float make the default dtype (`arange(3) + 0.5`), which is no operand
and so no part of the key under which a call is found again. A frame therefore follows another trie
while another dtype is the default.
"""

from __future__ import annotations

from ..dtypes import choose_default_dtype, dtype, get_default_dtype
from .recorder import Frame, frames, state
from .trie import MODE, Node, beginning


def switch(d: dtype) -> None:
    """Makes `d` the default dtype, in all threads.

    What this thread has recorded is calculated first. What another thread has recorded stays part
    of its open frame, whose end is the beginning of the new default there.
    """
    before = get_default_dtype()
    if d is before:
        return
    state.flush()
    choose_default_dtype(d)
    vars(state).pop("finalizing", None)  # see finalizers.py: made again with an empty trie
    for frame in {id(f): f for f in [state.tr, *frames]}.values():
        _follow(frame, before, d)


def _follow(frame: Frame, before: dtype, d: dtype) -> None:
    old = frame.root
    tries = old.tries
    if tries is None:
        tries = old.tries = {before: old}
    root = tries.get(d)
    if root is None:
        root = tries[d] = Node(None, MODE)
        root.tries = tries
    frame.root = root
    if not frame.values and not frame.inputs:  # nothing was recorded: it begins again
        frame.node = beginning(root, frame.grad)
