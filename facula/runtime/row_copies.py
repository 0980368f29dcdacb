"""Rows of a table copied by a worker while the caller goes on: the next batch of a loader.

Copying some hundred kilobytes from rows that lie anywhere takes as long as memory takes to bring
them, some tens of microseconds in which the caller can record its step.
"""

from __future__ import annotations

from typing import Any

from . import cpu, memory


class RowCopy:
    """Copies of `count` rows of `nbytes` bytes each, one copy at a time."""

    __slots__ = ("_errand", "_nbytes", "_held", "_target")

    def __init__(self, count: int, nbytes: int, length: int) -> None:
        """length: rows of the table."""
        self._target: memory.Buffer | None = None  # of the copy that is under way
        self._held: Any = None
        self._errand = cpu.Errand("copy_rows", (nbytes, length, count), 3, count)
        self._nbytes = count * nbytes

    def begin(self, table: int, rows: int, held: Any) -> bool:
        """Has a worker copy the rows, if one is free.

        table, rows: addresses, the latter that of int64 positions, negative ones from the end,
        which must be right; held: what keeps both where they are.
        """
        target = memory.allocate(self._nbytes)
        if not self._errand.post(table, target.ptr, rows):
            return False
        self._target, self._held = target, held
        return True

    def end(self) -> memory.Buffer | None:
        """The copy that was begun last, waited for; None where there is none."""
        target, self._target = self._target, None
        if target is None:
            return None
        done = self._errand.done()
        self._held = None
        return target if done else None

    def __del__(self) -> None:
        self.end()
