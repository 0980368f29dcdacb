"""What is converted to a 16-bit float goes by way of float32, with any release of ml_dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import facula

torch = pytest.importorskip("torch")

# A little more than the middle between two numbers, less than float32 can tell from it.
_ODD = {"bfloat16": np.arange(257, 511, 2), "float16": np.arange(2049, 4095, 2)}
_FLOATS = {name: odd * 2.0**-12 * (1 + 2.0**-30) for name, odd in _ODD.items()}
CASES = [
    ("bfloat16", _FLOATS["bfloat16"]),
    ("bfloat16", -_FLOATS["bfloat16"]),
    ("bfloat16", (_ODD["bfloat16"] << 32) + 1),
    ("float16", _FLOATS["float16"]),
    ("float16", -_FLOATS["float16"]),
]


@pytest.mark.parametrize(
    ("name", "values"), CASES, ids=["bfloat16", "below", "int64", "float16", "float16 below"]
)
def test_rounded_twice(name: str, values: np.ndarray) -> None:
    def run(t: Any) -> list[float]:
        return t.tensor(values).to(getattr(t, name)).float().tolist()

    wanted = run(torch)
    nearest = values.astype(np.float64)
    assert any(abs(a) < abs(b) for a, b in zip(wanted, nearest, strict=True))  # not rounded once
    for _ in range(3):  # by NumPy, then by machine code
        assert run(facula) == wanted
