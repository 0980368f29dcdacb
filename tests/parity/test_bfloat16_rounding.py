"""What is converted to bfloat16 goes by way of float32, whatever release of ml_dtypes is there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import facula

torch = pytest.importorskip("torch")

# A little more than the middle between two bfloat16 numbers, less than float32 can tell from it.
_MIDDLES = (np.arange(257.0, 511.0, 2.0) / 256) * (1 + 2.0**-30)
_WHOLE = (np.arange(257, 511, 2, dtype=np.int64) << 32) + 1


@pytest.mark.parametrize("values", [_MIDDLES, _WHOLE, -_MIDDLES], ids=["float64", "int64", "below"])
def test_rounded_twice(values: np.ndarray) -> None:
    def run(t: Any) -> list[float]:
        return t.tensor(values).to(t.bfloat16).float().tolist()

    wanted = run(torch)
    nearest = values.astype(np.float64)
    assert any(abs(a) < abs(b) for a, b in zip(wanted, nearest, strict=True))  # not rounded once
    for _ in range(3):  # by NumPy, then by machine code
        assert run(facula) == wanted
