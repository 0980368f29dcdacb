"""Tracebacks as the script's author expects them: the script's frames, not those that ran it.

The frames of the runner and those inside Facula are left out (FACULA_DEBUG=1 keeps them), and so
are those of chained exceptions. The type, the message and the exit status are Python's own.
"""

from __future__ import annotations

import os
import sys
from types import TracebackType

import facula
from facula import config

from .alias import explain

_PACKAGE = os.path.dirname(os.path.abspath(facula.__file__)) + os.sep


def _is_ours(entry: TracebackType) -> bool:
    file = entry.tb_frame.f_code.co_filename
    return file.startswith((_PACKAGE, "<frozen importlib"))


def without_our_frames(trace: TracebackType | None) -> TracebackType | None:
    """A copy of `trace` without the frames inside Facula and the import system."""
    entries = []
    while trace is not None:
        if not _is_ours(trace):
            entries.append(trace)
        trace = trace.tb_next
    result: TracebackType | None = None
    for entry in reversed(entries):
        result = TracebackType(result, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return result


def _related(error: BaseException) -> list[BaseException]:
    # The exception, its causes and contexts and the members of groups, each once: chains may be
    # cyclic.
    found: list[BaseException] = []
    todo: list[BaseException | None] = [error]
    while todo:
        one = todo.pop()
        if one is None or any(one is f for f in found):
            continue
        found.append(one)
        todo += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            todo += one.exceptions
    return found


def report(error: BaseException) -> None:
    """Prints an uncaught exception through `sys.excepthook`, which the script may have replaced."""
    for one in _related(error):
        explain(one)
        if not config.debug:
            one.__traceback__ = without_our_frames(one.__traceback__)
    sys.excepthook(type(error), error, error.__traceback__)
