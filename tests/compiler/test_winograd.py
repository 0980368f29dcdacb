"""Winograd's convolutions against float64: every kind of edge, and how much they round."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from graphs import OTHER_REGISTERS, B, take_registers

from facula.compiler.contraction import steps
from facula.compiler.contraction.winograd import Winograd
from facula.compiler.contraction.winograd_weight import WinogradWeight
from facula.dtypes import float32
from facula.runtime import cpu

Shape = tuple[int, ...]


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Winograd's kernels whatever the sizes."""
    monkeypatch.setattr(steps, "_MARGIN", 0.0)
    monkeypatch.setattr(steps, "_GAIN", -1)


def _random(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


def _padded(x: np.ndarray, low: Shape, out: Shape) -> np.ndarray:
    """What the kernel's places see, in float64; low: zeros before the input, negative ones cut."""
    padded = np.zeros((*x.shape[:2], out[0] + 2, out[1] + 2))
    sizes = zip(low, x.shape[2:], out, strict=True)
    rows = [slice(max(0, p), min(n + p, m + 2)) for p, n, m in sizes]
    seen = [slice(s.start - p, s.stop - p) for s, p in zip(rows, low, strict=True)]
    padded[:, :, rows[0], rows[1]] = x[:, :, seen[0], seen[1]]
    return padded


def _plain(x: np.ndarray, w: np.ndarray, low: Shape, out: Shape) -> np.ndarray:
    """The convolution in float64."""
    padded = _padded(x, low, out)
    result = np.zeros((x.shape[0], w.shape[0], *out))
    for i, j in np.ndindex(3, 3):
        part = padded[:, :, i : i + out[0], j : j + out[1]]
        result += np.einsum("kc,ncyx->nkyx", w[:, :, i, j].astype(float), part, optimize=True)
    return result


def _run(x: np.ndarray, w: np.ndarray, low: Shape, out: Shape) -> tuple[np.ndarray, bool]:
    """The compiled program's result, and whether it uses the transforms."""
    b = B()
    ins = (b.input(x), b.input(w))
    shape = (x.shape[0], w.shape[0], *out)
    host: Callable[..., Any] = lambda *a: _plain(*a, low, out).astype(np.float32)  # noqa: E731
    attrs = ((1, 1), low, (1, 1), 1)
    b.g.outputs = [b.g.add("convolve", ins, shape, float32, attrs, host)]
    fast = isinstance(steps.convolution_plan(b.g, b.g.nodes[-1], "f32"), Winograd)
    return b.run()[1][0], fast


SIZES = [
    # images, channels, outs, input, zeros before it, result
    (1, 1, 1, (3, 3), (0, 0), (1, 1)),
    (1, 1, 1, (1, 1), (1, 1), (1, 1)),
    (2, 3, 5, (6, 6), (0, 0), (4, 4)),
    (2, 5, 3, (7, 9), (1, 1), (7, 9)),
    (1, 4, 15, (4, 4), (2, 2), (6, 6)),
    (3, 6, 17, (5, 3), (1, 1), (5, 3)),
    (1, 2, 2, (70, 5), (1, 1), (70, 5)),
    (1, 2, 2, (3, 150), (1, 1), (3, 150)),
    (2, 3, 4, (9, 133), (0, 1), (7, 133)),
    (33, 2, 3, (4, 4), (1, 1), (4, 4)),
    (5, 9, 14, (8, 8), (1, 1), (8, 8)),
    (1, 3, 4, (8, 9), (-1, -2), (5, 4)),
    (1, 3, 4, (8, 9), (-1, 3), (5, 12)),
    (2, 33, 29, (13, 11), (1, 1), (13, 11)),
    (1, 600, 3, (6, 17), (1, 1), (6, 17)),
    (2, 40, 130, (12, 12), (0, 0), (10, 10)),
]


@pytest.mark.parametrize(("images", "channels", "outs", "size", "low", "out"), SIZES)
def test_sizes(always: None, images, channels, outs, size, low, out):
    x, w = _random(0, images, channels, *size), _random(1, outs, channels, 3, 3)
    got, fast = _run(x, w, low, out)
    assert fast
    want = _plain(x, w, low, out)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5 * np.abs(want).max())


@pytest.mark.thin(2)
@pytest.mark.parametrize("registers", OTHER_REGISTERS)
def test_other_processors(always: None, monkeypatch: pytest.MonkeyPatch, registers):
    take_registers(monkeypatch, registers)
    for images, channels, outs, size, low, out in SIZES[3:9]:
        x, w = _random(0, images, channels, *size), _random(1, outs, channels, 3, 3)
        want = _plain(x, w, low, out)
        got, _ = _run(x, w, low, out)
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5 * np.abs(want).max())


@pytest.mark.parametrize("channels", [16, 64, 256, 512])
def test_rounding(monkeypatch: pytest.MonkeyPatch, channels):
    """At most 4e-6 of the largest result for any number of channels; the direct kernel: 2e-6.

    With weights as layers start with, every element is in PyTorch's tolerance of float32.
    """
    x, w = _random(2, 2, channels, 14, 14), _random(3, 32, channels, 3, 3)
    w /= np.float32(np.sqrt(27 * channels))
    want = _plain(x, w, (1, 1), (14, 14))
    for margin, most in ((0.0, 4e-6), (1e9, 2e-6)):
        monkeypatch.setattr(steps, "_MARGIN", margin)
        got, fast = _run(x, w, (1, 1), (14, 14))
        assert fast == (margin == 0)
        assert np.abs(got - want).max() <= most * np.abs(want).max()
        assert np.sqrt(np.mean((got - want) ** 2)) <= most / 3 * want.std()
        np.testing.assert_allclose(got, want, rtol=1.3e-6, atol=1e-5)


def test_threads_give_the_same_bits():
    x, w = _random(4, 8, 32, 24, 24), _random(5, 64, 32, 3, 3)
    before, found = cpu.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            cpu.set_num_threads(threads)
            got, fast = _run(x, w, (1, 1), (24, 24))
            assert fast  # the rule chooses the transforms for such sizes
            found.append(got)
    finally:
        cpu.set_num_threads(before)
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])


def test_stays_direct_where_transforms_do_not_pay():
    cases = ((1, 512, 512, 4), (4, 1, 64, 28), (1, 64, 64, 3), (1, 512, 192, 12))
    for images, channels, outs, side in cases:
        x, w = _random(6, images, channels, side, side), _random(7, outs, channels, 3, 3)
        _, fast = _run(x, w, (1, 1), (side, side))
        assert not fast


def test_other_values_stay_in_their_images(always: None):
    """A tile mixes its numbers: one that is not finite reaches its tile, but no other image."""
    x, w = _random(8, 3, 4, 8, 8), _random(9, 5, 4, 3, 3)
    x[1, 2, 3, 3] = np.nan
    got, _ = _run(x, w, (1, 1), (8, 8))
    assert np.isnan(got[1, :, 2:5, 2:5]).all()
    assert np.isfinite(got[[0, 2]]).all()


def _weight(x: np.ndarray, g: np.ndarray, low: Shape) -> np.ndarray:
    """The gradient of the weight in float64."""
    out = g.shape[2:]
    padded = _padded(x, low, out)
    kernel = np.zeros((g.shape[1], x.shape[1], 3, 3))
    for i, j in np.ndindex(3, 3):
        part = padded[:, :, i : i + out[0], j : j + out[1]]
        kernel[:, :, i, j] = np.einsum("nkyx,ncyx->kc", g.astype(float), part, optimize=True)
    return kernel


def _run_weight(x: np.ndarray, g: np.ndarray, low: Shape) -> tuple[np.ndarray, Any]:
    """The gradient of the weight, and its plan."""
    b = B()
    ins = (b.input(x), b.input(g))
    shape = (1, g.shape[1], x.shape[1], 3, 3)
    host: Callable[..., Any] = lambda *a: _weight(*a, low)[None].astype(np.float32)  # noqa: E731
    attrs = ((1, 1), low, (1, 1), 1, (3, 3), 1)
    v = b.g.add("convolve_weight", ins, shape, float32, attrs, host)
    b.g.outputs = [b.reshape(v, *shape[1:])]
    return b.run()[1][0], steps.weight_plan(b.g, ins, attrs, "f32")


@pytest.mark.thin(3)
@pytest.mark.parametrize(("images", "channels", "outs", "size", "low", "out"), SIZES)
def test_weight(always: None, images, channels, outs, size, low, out):
    x, g = _random(0, images, channels, *size), _random(1, images, outs, *out)
    got, plan = _run_weight(x, g, low)
    assert isinstance(plan, WinogradWeight)
    want = _weight(x, g, low)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5 * np.abs(want).max())


@pytest.mark.thin(2)
@pytest.mark.parametrize("registers", OTHER_REGISTERS)
def test_weight_on_other_processors(always: None, monkeypatch: pytest.MonkeyPatch, registers):
    take_registers(monkeypatch, registers)
    for images, channels, outs, size, low, out in SIZES[3:9]:
        x, g = _random(0, images, channels, *size), _random(1, images, outs, *out)
        got, _ = _run_weight(x, g, low)
        want = _weight(x, g, low)
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5 * np.abs(want).max())


@pytest.mark.parametrize("side", [6, 28])
def test_rounding_of_the_weight(monkeypatch: pytest.MonkeyPatch, side):
    """At most 5e-6 of the largest number, as stated; the direct kernel: 2e-6."""
    x, g = _random(2, 4, 16, side, side), _random(3, 4, 24, side, side)
    want = _weight(x, g, (1, 1))
    for margin, most in ((0.0, 5e-6), (1e9, 2e-6)):
        monkeypatch.setattr(steps, "_MARGIN", margin)
        monkeypatch.setattr(steps, "_GAIN", -1)
        got, plan = _run_weight(x, g, (1, 1))
        assert isinstance(plan, WinogradWeight) == (margin == 0)
        assert np.abs(got - want).max() <= most * np.abs(want).max()
        spread = np.sqrt(np.mean((got - want) ** 2)) / want.std()
        assert spread <= most / 2


def test_weight_with_threads_has_the_same_bits():
    x, g = _random(4, 8, 32, 24, 24), _random(5, 8, 64, 24, 24)
    before, found = cpu.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            cpu.set_num_threads(threads)
            got, plan = _run_weight(x, g, (1, 1))
            assert isinstance(plan, WinogradWeight) and plan.parts > 1  # the rule's choice
            found.append(got)
    finally:
        cpu.set_num_threads(before)
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])
