"""Convolutions that read lines where others gather, and the gradients of their weights, against
float64: strides, groups, edges, processors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graphs import OTHER_REGISTERS, B, take_registers

from facula.compiler.contraction import steps, tile
from facula.compiler.contraction.convolution_outputs import ByOutputs
from facula.compiler.contraction.convolution_weight_lines import WeightByLines
from facula.dtypes import float32, float64
from facula.runtime import cpu

Shape = tuple[int, ...]


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """These kernels whatever the sizes."""
    monkeypatch.setattr(ByOutputs, "cost", 0.0)
    monkeypatch.setattr(WeightByLines, "cost", 0.0)
    monkeypatch.setattr(steps, "_transformable", lambda *_: False)


def _seen(
    x: np.ndarray, place: Shape, stride: Shape, low: Shape, dilation: Shape, out: Shape
) -> np.ndarray:
    """What a place of the kernel sees of each position, in float64."""
    where, inside = [], []
    for k, n in enumerate(out):
        at = np.arange(n) * stride[k] - low[k] + place[k] * dilation[k]
        inside.append((at >= 0) & (at < x.shape[2 + k]))
        where.append(np.clip(at, 0, x.shape[2 + k] - 1))
    seen = x[(slice(None), slice(None), *np.ix_(*where))].astype(float)
    for k, mask in enumerate(inside):
        seen *= mask.reshape([-1 if j == k else 1 for j in range(len(out))])
    return seen


def _plain(
    x: np.ndarray, w: np.ndarray, stride: Shape, low: Shape, dilation: Shape, groups: int,
    out: Shape,
) -> np.ndarray:  # fmt: skip
    """The convolution in float64."""
    result = np.zeros((x.shape[0], w.shape[0], *out))
    channels, outs = w.shape[1], w.shape[0] // groups
    for place in np.ndindex(*w.shape[2:]):
        seen = _seen(x, place, stride, low, dilation, out)
        for g in range(groups):
            some = slice(g * outs, (g + 1) * outs)
            part = seen[:, g * channels : (g + 1) * channels]
            factors = w[(some, slice(None), *place)].astype(float)
            result[:, some] += np.einsum("kc,nc...->nk...", factors, part)
    return result


def _weight(
    x: np.ndarray, gradient: np.ndarray, stride: Shape, low: Shape, dilation: Shape, groups: int,
    kernel: Shape,
) -> np.ndarray:  # fmt: skip
    """The gradient of the weight in float64."""
    channels, outs = x.shape[1] // groups, gradient.shape[1] // groups
    result = np.zeros((gradient.shape[1], channels, *kernel))
    for place in np.ndindex(*kernel):
        seen = _seen(x, place, stride, low, dilation, gradient.shape[2:])
        for g in range(groups):
            some = slice(g * outs, (g + 1) * outs)
            part = seen[:, g * channels : (g + 1) * channels]
            axes = (0, *range(2, x.ndim))
            sums = np.tensordot(gradient[:, some].astype(float), part, (axes, axes))
            result[(some, slice(None), *place)] = sums
    return result


def _check(
    images: int, channels: int, outs: int, size: Shape, kernel: Shape, stride: Shape, low: Shape,
    dilation: Shape = (1, 1), groups: int = 1, extra: int = 0, dtype: str = "f",
    weight: bool = False,
) -> np.ndarray:  # fmt: skip
    """Runs one convolution, or the gradient of its weight; extra: positions beyond those that
    symmetric zeros would give.
    """
    dilation = dilation[: len(size)]
    out = tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1 + extra
        for n, k, s, p, d in zip(size, kernel, stride, low, dilation, strict=True)
    )
    r = np.random.default_rng([images, channels, outs, *size])
    x = r.standard_normal((images, channels, *size)).astype(dtype)
    shape = (outs, channels // groups, *kernel)
    y = r.standard_normal((images, outs, *out) if weight else shape).astype(dtype)
    b = B()
    ins = (b.input(x), b.input(y))
    attrs = (stride, low, dilation, groups)
    kind, tag = (float32, "f32") if dtype == "f" else (float64, "f64")
    plan: Any
    if weight:
        host: Any = lambda *a: _weight(*a, *attrs, kernel)[None].astype(dtype)  # noqa: E731
        ends = (*attrs, kernel, 1)
        v = b.g.add("convolve_weight", ins, (1, *shape), kind, ends, host)
        b.g.outputs = [b.reshape(v, *shape)]
        plan = steps.weight_plan(b.g, ins, ends, tag)
        want = _weight(x, y, *attrs, kernel)
    else:
        host = lambda *a: _plain(*a, *attrs, out).astype(dtype)  # noqa: E731
        b.g.outputs = [b.g.add("convolve", ins, (images, outs, *out), kind, attrs, host)]
        plan = steps.convolution_plan(b.g, b.g.nodes[-1], tag)
        want = _plain(x, y, *attrs, out)
    if tile.registers().width == 64:  # fewer rows of a tile leave some to others
        assert isinstance(plan, WeightByLines if weight else ByOutputs)
    (got,) = b.run()[1]
    tolerance = 1e-5 if dtype == "f" else 1e-13
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance * np.abs(want).max())
    return got


SIZES: list[tuple[Any, ...]] = [
    # images, channels, outs, input, kernel, stride, zeros before it
    (1, 1, 16, (5, 5), (3, 3), (1, 1), (1, 1)),
    (2, 3, 17, (9, 13), (5, 5), (1, 1), (2, 2)),
    (3, 17, 48, (8, 8), (7, 7), (1, 1), (3, 3)),
    (2, 40, 33, (14, 27), (3, 3), (2, 2), (1, 1)),
    (5, 70, 100, (4, 4), (3, 3), (1, 1), (1, 1)),
    (1, 5, 32, (40, 40), (4, 4), (3, 2), (0, 1)),
    (9, 6, 24, (6, 7), (2, 2), (1, 1), (0, 0)),
    (1, 64, 64, (30, 3), (3, 3), (1, 1), (1, 1)),
    (2, 3, 16, (7, 8), (1, 3), (1, 2), (0, 3)),
    (1, 2, 20, (20, 20), (19, 19), (1, 1), (9, 9)),
    (2, 4, 18, (60,), (9,), (2,), (4,)),
    (2, 4, 18, (1, 60), (1, 5), (1, 2), (0, 2)),
    (3, 4, 33, (1, 25), (1, 1), (2, 2), (0, 0)),
    (1, 4, 32, (9, 9), (3, 3), (1, 1), (-1, -2)),
]


# Kernels of one column, or of more than a tile has rows, are left to others.
WEIGHTS = [sizes for sizes in SIZES if max(sizes[4]) < 9 and sizes[4][-1] > 1]


@pytest.mark.parametrize("dtype", ["f", "d"])
@pytest.mark.parametrize("sizes", SIZES)
def test_sizes(always: None, sizes: tuple[Any, ...], dtype: str) -> None:
    _check(*sizes, dtype=dtype)


@pytest.mark.parametrize("dtype", ["f", "d"])
@pytest.mark.parametrize("sizes", WEIGHTS)
def test_gradients_of_weights(always: None, sizes: tuple[Any, ...], dtype: str) -> None:
    _check(*sizes, dtype=dtype, weight=True)


@pytest.mark.parametrize("weight", [False, True])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 1), (1, 3)])
@pytest.mark.parametrize("groups", [1, 3])
def test_dilation_and_groups(always: None, dilation: Shape, groups: int, weight: bool) -> None:
    sizes = 2, 5 * groups, 20 * groups, (13, 12), (3, 3), (1, 2), (2, 1)
    _check(*sizes, dilation, groups, weight=weight)


@pytest.mark.parametrize("weight", [False, True])
def test_positions_beyond_the_input(always: None, weight: bool) -> None:
    _check(2, 3, 32, (6, 6), (3, 3), (1, 1), (1, 1), extra=2, weight=weight)


def test_many_positions_and_images(always: None) -> None:
    """Stretches of some lines, the last of them shorter, and of some images, the last fewer."""
    _check(3, 2, 24, (50, 37), (3, 3), (1, 1), (1, 1), weight=True)
    _check(37, 2, 24, (5, 4), (3, 3), (1, 1), (1, 1), weight=True)


@pytest.mark.parametrize("registers", OTHER_REGISTERS)
def test_other_processors(
    always: None, monkeypatch: pytest.MonkeyPatch, registers: tile.Registers
) -> None:
    take_registers(monkeypatch, registers)
    for sizes in SIZES[:9]:
        _check(*sizes)
        if sizes[4][-1] <= 3:
            _check(*sizes, weight=True)


@pytest.mark.parametrize("weight", [False, True])
@pytest.mark.parametrize("sizes", [SIZES[2], SIZES[5], SIZES[7]])
def test_the_number_of_threads_changes_no_bit(
    always: None, sizes: tuple[Any, ...], weight: bool
) -> None:
    before = cpu.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 5):
            cpu.set_num_threads(threads)
            found.append(_check(*sizes, weight=weight).tobytes())
    finally:
        cpu.set_num_threads(before)
    assert found[0] == found[1] == found[2]


def test_what_does_not_fit_is_left_to_the_others() -> None:
    axis, wide = steps.Axis(8, 8, 1, 1, 1, 3), steps.Axis(30, 30, 1, 9, 1, 19)
    for plan in (ByOutputs, WeightByLines):
        assert plan("f32", 2, 3, 64, 1, [axis, axis]).fits
        assert not plan("f32", 2, 3, 3, 1, [axis, axis]).fits
        assert not plan("f32", 2, 3, 64, 1, [axis, axis, axis]).fits
        assert not plan("f32", 0, 3, 64, 1, [axis, axis]).fits
    assert not WeightByLines("f32", 2, 3, 64, 1, [wide, wide]).fits
