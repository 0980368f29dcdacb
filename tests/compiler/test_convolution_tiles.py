"""Convolutions of float32 in matrix tiles against float64: every edge, and as exact as float32."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula import config
from facula.compiler.contraction import convolution_tiles, steps, thirds
from facula.compiler.contraction.convolution_tiles import InTiles
from facula.nn import functional as F
from facula.runtime import amx, cpu

pytestmark = pytest.mark.skipif(not amx.permitted(), reason="no AMX tiles for bfloat16")


@pytest.fixture(autouse=True)
def planned(monkeypatch: pytest.MonkeyPatch) -> list[InTiles]:
    """Tiles whatever the sizes; the plans that were made."""
    found: list[InTiles] = []
    step = InTiles.step

    def noted(self: InTiles, *slots: int) -> object:
        found.append(self)
        return step(self, *slots)

    monkeypatch.setattr(config, "disk_cache", False)  # which knows other choices
    monkeypatch.setattr(InTiles, "step", noted)
    monkeypatch.setattr(InTiles, "cost", -1e9)
    return found


def _close(found: facula.Tensor, exact: facula.Tensor, length: int) -> None:
    want = exact.detach().numpy()
    error = np.abs(found.detach().numpy() - want).max()
    assert error <= 1.3e-6 * length**0.5 * max(1.0, float(np.abs(want).max()))


CASES = [
    # images, channels, outs, size, kernel, stride, padding, dilation
    (2, 32, 32, (8, 8), (1, 1), 1, 0, 1),
    (3, 40, 70, (9, 7), (1, 1), 1, 0, 1),
    (2, 16, 33, (11, 13), (3, 3), 1, 1, 1),
    (2, 64, 48, (10, 9), (3, 3), 2, 1, 1),
    (5, 24, 64, (12, 12), (4, 4), 2, 1, 1),
    (2, 70, 40, (8, 9), (3, 3), 1, 2, 2),
    (2, 130, 65, (6, 6), (5, 5), 1, 2, 1),
    (4, 3, 64, (31, 29), (7, 7), 2, 3, 1),
    (2, 600, 40, (5, 5), (1, 1), 1, 0, 1),
    (3, 48, 37, (70,), (5,), 1, 2, 1),
    (2, 100, 40, (200,), (9,), 3, 0, 2),
    (2, 20, 33, (5, 6, 7), (3, 2, 3), 1, 1, 1),
    (40, 64, 96, (2, 2), (3, 3), 1, 1, 1),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_result_and_gradients(case: tuple, planned: list[InTiles]) -> None:
    n, channels, outs, size, kernel, stride, padding, dilation = case
    facula.manual_seed(0)
    x = facula.randn(n, channels, *size)
    w, bias = facula.randn(outs, channels, *kernel), facula.randn(outs)
    convolve = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[len(size)]

    def run(dtype: facula.dtype) -> list[facula.Tensor]:
        leaves = [v.to(dtype).clone().requires_grad_() for v in (x, w, bias)]
        y = convolve(*leaves, stride=stride, padding=padding, dilation=dilation)
        (y * y).sum().backward()
        return [y, leaves[0].grad, leaves[1].grad]

    want = run(facula.float64)
    for _ in range(3):  # at first sight, and compiled
        found = run(facula.float32)
    k = channels * int(np.prod(kernel))
    assert planned
    positions = want[0].numel() // outs
    lengths = k, k * outs * int(np.prod(kernel)), k * positions  # y is in both gradients
    for a, b, length in zip(found, want, lengths, strict=True):
        _close(a, b, length)


def test_transposed(planned: list[InTiles]) -> None:
    facula.manual_seed(0)
    x, w = facula.randn(3, 64, 6, 7), facula.randn(64, 40, 4, 4)
    want = F.conv_transpose2d(x.double(), w.double(), stride=2, padding=1)
    for _ in range(3):
        found = F.conv_transpose2d(x, w, stride=2, padding=1)
        found.sum().item()
    _close(F.conv_transpose2d(x, w, stride=2, padding=1), want, 64 * 16)


def test_infinite_numbers_and_nans_stay_where_they_are_seen(planned: list[InTiles]) -> None:
    facula.manual_seed(0)
    x, w = facula.randn(2, 40, 9, 8), facula.randn(64, 40, 3, 3)
    x[0, 3, 4, 4], x[1, 5, 0, 7], w[7, 0, 0, 0] = float("inf"), float("nan"), float("-inf")
    w[1], w[2] = 1.0, 0.5
    want = F.conv2d(x.double(), w.double(), padding=1).numpy()
    for _ in range(3):
        found = F.conv2d(x, w, padding=1).numpy()
    assert planned
    finite = np.isfinite(want)
    np.testing.assert_array_equal(found[~finite], want[~finite].astype(np.float32))
    np.testing.assert_allclose(found[finite], want[finite], rtol=1e-4, atol=1e-4)


def test_same_bits_for_any_number_of_threads(threads: None) -> None:
    facula.manual_seed(0)
    x, w = facula.randn(9, 70, 11, 10), facula.randn(100, 70, 3, 3)
    found = []
    for count in (1, 2, 4, 16):
        cpu.set_num_threads(count)
        for _ in range(3):
            y = F.conv2d(x, w, stride=2).numpy()
        found.append(y)
    for other in found[1:]:
        np.testing.assert_array_equal(found[0], other)


def test_several_chunks_with_small_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thirds, "COPY_BYTES", 1)
    monkeypatch.setattr(convolution_tiles, "_PANELS", 2)
    x, w = facula.randn(3, 64, 10, 10), facula.randn(65, 64, 1, 1)
    for _ in range(3):
        found = F.conv2d(x, w)
        found.sum().item()
    _close(F.conv2d(x, w), F.conv2d(x.double(), w.double()), 64)


def test_only_what_gains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()

    def plan(n: int, channels: int, outs: int, size: int, kernel: int) -> bool:
        axes = [steps.Axis(size, size, 1, kernel // 2, 1, kernel)] * 2
        tiles = InTiles(n, channels, outs, axes)
        direct = steps.Forward("f32", n, channels, outs, 1, axes)
        return tiles.fits and tiles.cost < direct.cost

    assert plan(16, 256, 256, 14, 1)
    assert plan(16, 512, 512, 4, 3)
    assert not plan(1, 3, 64, 8, 3)
    assert not plan(4, 16, 16, 8, 3)
