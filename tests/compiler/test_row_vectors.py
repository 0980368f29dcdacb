"""The loops of a row kernel: whole vectors, with a masked one at the end, or one masked vector."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula import config
from facula.compiler import loops, writer
from facula.runtime import code


@pytest.fixture
def masked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which vectors of the kernels with reductions have a mask."""
    seen: list[str] = []
    original = loops.Lowering.run

    def run(self: loops.Lowering) -> loops.Kernel:
        kernel = original(self)
        if kernel.kind == "row" and kernel.reduces:
            seen.append(kernel.masked)
        return kernel

    monkeypatch.setattr(loops.Lowering, "run", run)
    monkeypatch.setattr(config, "disk_cache", False)
    return seen


def deviations(x: facula.Tensor) -> facula.Tensor:
    y = x - x.mean(1, keepdim=True)
    return y / (y * y).mean(1, keepdim=True).sqrt()


def check(data: np.ndarray) -> None:
    y = data.astype(np.float64) - data.mean(1, keepdims=True, dtype=np.float64)
    want = y / np.sqrt((y * y).mean(1, keepdims=True))
    for _ in range(3):  # a repeated graph is compiled
        got = deviations(facula.from_numpy(data)).numpy()
        np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("rows", [1, 33])
@pytest.mark.parametrize(
    ("columns", "kind"),
    [(5, "only"), (16, "none"), (17, "last"), (64, "none"), (65, "last"), (192, "none"),
     (200, "last"), (256, "none"), (1000, "last"), (1024, "none")],
)  # fmt: skip
def test_rows_of_all_lengths(rows: int, columns: int, kind: str, masked: list[str]) -> None:
    data = np.random.default_rng(columns).normal(size=(rows, columns)).astype(np.float32)
    check(data)
    assert set(masked) == {kind}


def test_kernels_are_shared_by_sizes_that_vectors_fill(masked: list[str]) -> None:
    def keys(columns: int) -> set[str]:
        found: set[str] = set()
        original = loops.Kernel.key

        def key(self: loops.Kernel) -> str:
            found.add(original(self))
            return original(self)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loops.Kernel, "key", key)
            x = facula.randn(40, columns)
            for _ in range(3):
                deviations(x).numpy()
        return found

    assert keys(64) == keys(192) == keys(256)
    assert set(masked) == {"none"}


@pytest.mark.parametrize("registers", [True, False])
@pytest.mark.parametrize("columns", [24, 40, 56])
def test_rows_that_half_a_vector_fills(
    columns: int, registers: bool, masked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "lacks_mask_registers", lambda: not registers)
    monkeypatch.setattr(code, "_loaded", {})  # kernels of the other kind
    # A shape for each kind: compiled programs are found by their shapes.
    data = np.random.default_rng(columns).normal(size=(9 + registers, columns)).astype(np.float32)
    check(data)
    assert set(masked) == {"last" if registers else "none"}
