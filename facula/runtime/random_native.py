"""Machine code for what is serial or large: fills of float32 numbers and the swaps of a permutation.

Small draws never come here: below the sizes named here NumPy is used.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Fill = Callable[[np.ndarray, np.ndarray, float, float], None]


def normal_fill(size: int) -> Fill | None:
    return None


def uniform_fill(size: int) -> Fill | None:
    return None


def swap_all(size: int) -> Callable[[np.ndarray, np.ndarray], None] | None:
    return None
