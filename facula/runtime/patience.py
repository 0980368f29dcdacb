"""When machine code takes over work that NumPy does as well.

Both give the same result, so the choice is one of time alone. Loading code costs from one to some
tens of milliseconds: it waits until work has gone by that would have repaid it, and a program that
does little of it never compiles.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import TypeVar

from .. import config

T = TypeVar("T")


class Patience:
    """How much work is still left to NumPy, in any unit."""

    def __init__(self, most: float, what: str) -> None:
        """most: the work that goes by before code is loaded; what: the work's name, for those who
        look at what happens.
        """
        self.left: float = math.nan if config.eager else most  # NaN: for ever
        self.what = what

    @property
    def endless(self) -> bool:
        """Whether code will never be loaded, because it was not possible or is not wanted."""
        return self.left != self.left

    def over(self, work: float) -> bool:
        """Whether this work should have machine code; what has not is counted."""
        if self.left < 0:
            return True
        self.left -= work
        return self.left < 0

    def load(self, find: Callable[[], T]) -> T | None:
        """What `find()` returns; None where there is no machine code here, and from then on."""
        from . import code  # not needed before

        try:
            return find()
        except (code.CodeError, ImportError, OSError) as error:
            self.left = math.nan
            if config.debug:
                print(f"facula: {self.what} stay with NumPy: {error}", file=sys.stderr)
            return None
