"""float16 without instructions of the processor: the same bits as NumPy's conversions."""

from __future__ import annotations

import numpy as np
import pytest
from graphs import B, keep_apart

from facula.compiler import half_precision
from facula.dtypes import float16, float32


@pytest.fixture(params=[True, False], ids=["instructions", "arithmetic"])
def conversions(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param and not half_precision.converts():
        pytest.skip("this processor has no instructions for it")
    monkeypatch.setattr(half_precision, "converts", lambda: request.param)
    keep_apart(monkeypatch, request.param)


def _cast(x: np.ndarray, to: object) -> np.ndarray:
    b = B()
    b.g.outputs = [b.cast(b.input(x), to)]
    program, (found,) = b.run()
    assert [kind for _, kind, _ in program.kernels] == ["map"]
    return found


@pytest.mark.parametrize("count", [1 << 16, 65_521])  # whole vectors, and a rest of single numbers
def test_every_half_is_widened(conversions: None, count: int) -> None:
    halves = np.arange(count, dtype=np.uint16).view(np.float16)
    wide = halves.astype(np.float32)
    found = _cast(halves, float32)
    numbers = ~np.isnan(wide)
    assert np.array_equal(found.view(np.uint32)[numbers], wide.view(np.uint32)[numbers])
    assert np.array_equal(np.isnan(found), np.isnan(wide))


def test_floats_are_rounded_to_the_nearest_half(conversions: None) -> None:
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)
    halves = halves[np.isfinite(halves)]
    middle = (np.sort(halves)[1:].astype(np.float64) + np.sort(halves)[:-1]) / 2
    middle = middle.astype(np.float32)  # exact: a float has room for one more bit
    r = np.random.default_rng(0)
    floats = r.integers(0, 1 << 32, 200_003, dtype=np.uint32).view(np.float32)
    special = np.array([65504, 65519.996, 65520, 1e9, 2.0**-24, 2.0**-25, 1e-30, 0], np.float32)
    x = np.concatenate(
        (halves, middle, np.nextafter(middle, np.float32(np.inf)), floats, special, -special,
         np.array([np.inf, -np.inf, np.nan], np.float32))
    )  # fmt: skip
    with np.errstate(over="ignore"):
        wanted = x.astype(np.float16)
    found = _cast(x, float16)
    numbers = ~np.isnan(x)
    assert np.array_equal(found.view(np.uint16)[numbers], wanted.view(np.uint16)[numbers])
    assert np.isnan(found[~numbers]).all()
