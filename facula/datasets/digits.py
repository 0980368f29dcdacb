"""The handwritten digits of the UCI repository, so that a first training run needs no download.

The arrays are NumPy's, and this module needs nothing else of Facula: the examples feed them to
whichever framework runs the script. See NOTICE for the authors and the licence (CC BY 4.0).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_FILE = Path(__file__).with_name("digits.npz")


def load_digits() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The 1,797 handwritten digits of the UCI repository as (images, labels).

    images: uint8 [1797, 8, 8], pixels from 0 (white) to 16 (black). labels: int64 [1797], from 0 to
    9. Each call returns fresh arrays, so that they may be written to.
    """
    with np.load(_FILE) as arrays:
        return arrays["images"], arrays["labels"].astype(np.int64)
