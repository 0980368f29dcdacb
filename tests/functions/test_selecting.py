"""topk, masks, distinct elements and distances: compiled and at first sight, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import facula as torch
from facula.functions import masks

_TYPES = ("float32", "float64", "float16", "int64", "int16", "uint8")
_LINES: Any = (
    ((5, 97), 1),
    ((3, 130), -1),
    ((300, 3), 0),
    ((2, 1000), 1),
    ((4001,), 0),
    ((3, 9), 1),
)


def _numbers(shape: Any, dtype: str, how: str) -> np.ndarray:
    rng = np.random.default_rng(len(shape))
    x = rng.standard_normal(shape) * 50
    if how == "ties":
        x = np.round(x / 40)
    elif how == "equal":
        x = np.full(shape, 3.0)
    elif how == "special" and dtype.startswith("float"):
        for chance, value in ((0.3, np.nan), (0.2, np.inf), (0.2, -np.inf), (0.1, -0.0)):
            x[rng.random(shape) < chance] = value
    return np.abs(x).astype(dtype) if dtype == "uint8" else x.astype(dtype)


def _first(a: np.ndarray, k: int, axis: int, largest: bool) -> tuple[np.ndarray, np.ndarray]:
    """Equal elements in the order in which they are; NaN is greater than all numbers."""
    if largest:
        turned = np.argsort(np.flip(a, axis), axis=axis, kind="stable")
        order = a.shape[axis] - 1 - np.flip(turned, axis)
    else:
        order = np.argsort(a, axis=axis, kind="stable")
    order = np.take(order, range(k), axis)
    return np.take_along_axis(a, order, axis), order


@pytest.mark.thin(8)
@pytest.mark.parametrize("how", ["random", "ties", "equal", "special"])
@pytest.mark.parametrize("dtype", _TYPES)
def test_topk(dtype: str, how: str) -> None:
    for shape, axis in _LINES:
        a = _numbers(shape, dtype, how)
        x = torch.tensor(a)
        n = shape[axis]
        for k in {0, 1, 5 if n > 5 else n, n // 8, n // 2 + 1}:
            for largest in (True, False):
                values, places = _first(a, k, axis, largest)
                for _ in range(3):
                    found = torch.topk(x, k, axis, largest)
                    assert found.values.dtype is x.dtype and found.indices.dtype is torch.int64
                    np.testing.assert_array_equal(found.indices.numpy(), places)
                    np.testing.assert_array_equal(found.values.numpy(), values)


def test_topk_of_a_transposed_view() -> None:
    a = _numbers((500, 7), "float32", "random")
    for _ in range(3):
        found = torch.tensor(a).T.topk(9)
        np.testing.assert_array_equal(found.indices.numpy(), _first(a.T, 9, 1, True)[1])


def test_what_repeats_in_one_group_only() -> None:
    """All first elements in one group of many: more is picked out than is wanted."""
    a = np.arange(4096, dtype=np.float32)
    a[::64] -= 10000
    x = torch.tensor(a)
    for _ in range(3):
        found = x.topk(8, largest=False)
        np.testing.assert_array_equal(found.indices.numpy(), _first(a, 8, 0, False)[1])


def test_the_gradient_of_topk() -> None:
    a = _numbers((3, 200), "float64", "random")
    for _ in range(3):
        x = torch.tensor(a, requires_grad=True)
        values, places = x.topk(7)
        (values * torch.arange(7.0, dtype=torch.float64)).sum().backward()
        expected = np.zeros_like(a)
        np.put_along_axis(expected, places.numpy(), np.tile(np.arange(7.0), (3, 1)), 1)
        assert x.grad is not None
        np.testing.assert_array_equal(x.grad.numpy(), expected)


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Masks of any size go through the kernels."""
    monkeypatch.setattr(masks.patience, "left", -1)
    monkeypatch.setattr(masks, "_LITTLE", 0)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(
    "shape", [(0,), (1,), (64,), (65,), (16385,), (70000,), (300, 77), (3, 0), (41, 5, 60)]
)
def test_masks(kernels: None, shape: Any, threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        rng = np.random.default_rng(0)
        for share in (0.0, 0.02, 0.3, 0.9, 1.0):
            mask = rng.random(shape) < share
            np.testing.assert_array_equal(masks.positions(mask), np.argwhere(mask))
            by_axis = masks.positions(mask, True)
            np.testing.assert_array_equal(by_axis, np.array(np.nonzero(mask)))
            for dtype in ("uint8", "float16", "float32", "float64", "complex128"):
                a = (rng.random(shape) * 100).astype(dtype)
                np.testing.assert_array_equal(masks.selected(a, mask), a[mask])
    finally:
        torch.set_num_threads(before)
    assert not masks.patience.endless


def test_masks_of_views(kernels: None) -> None:
    a = _numbers((90, 70), "float32", "ties")
    x = torch.tensor(a)
    mask = x.T > 0
    np.testing.assert_array_equal(x.T[mask].numpy(), a.T[a.T > 0])
    np.testing.assert_array_equal(x[:, ::3][mask.T[:, ::3]].numpy(), a[:, ::3][a[:, ::3] > 0])
    np.testing.assert_array_equal(x.nonzero().numpy(), np.argwhere(a))
    np.testing.assert_array_equal(x[x[:, 0] > 0].numpy(), a[a[:, 0] > 0])


def test_the_gradient_of_a_masked_select(kernels: None) -> None:
    a = _numbers((90, 70), "float32", "ties")
    x = torch.tensor(a, requires_grad=True)
    (x[x > 0] * 2).sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), np.where(a > 0, 2, 0))


@pytest.mark.parametrize("dtype", (*_TYPES, "bool"))
@pytest.mark.parametrize("how", ["random", "ties", "special"])
def test_unique(dtype: str, how: str) -> None:
    for shape in ((0,), (1,), (300,), (50, 41)):
        a = _numbers(shape, "float32" if dtype == "bool" else dtype, how).astype(dtype)
        x = torch.tensor(a)
        values, inverse, counts = np.unique(
            a, return_inverse=True, return_counts=True, equal_nan=False
        )
        for want in ((False, False), (True, False), (False, True), (True, True)):
            found = torch.unique(x, return_inverse=want[0], return_counts=want[1])
            parts = list(found) if any(want) else [found]
            np.testing.assert_array_equal(parts.pop(0).numpy(), values)
            if want[0]:
                np.testing.assert_array_equal(parts.pop(0).numpy(), inverse.reshape(shape))
            if want[1]:
                np.testing.assert_array_equal(parts.pop(0).numpy(), counts)


def test_unique_of_the_ends_of_a_range() -> None:
    for low in (-(2**63), 2**63 - 40):
        a = np.array([low, low + 39, low, low + 3], np.int64)
        np.testing.assert_array_equal(torch.unique(torch.tensor(a)).numpy(), np.unique(a))


@pytest.mark.parametrize("mode", ["use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist"])
@pytest.mark.parametrize(
    "shapes", [((40, 5), (30, 5)), ((2, 1, 7, 3), (4, 30, 3)), ((0, 3), (4, 3))]
)
def test_cdist(mode: str, shapes: Any) -> None:
    rng = np.random.default_rng(3)
    a, b = (rng.standard_normal(s) for s in shapes)
    gap = a[..., :, None, :] - b[..., None, :, :]
    for _ in range(3):
        x, y = (torch.tensor(v, requires_grad=True) for v in (a, b))
        d = torch.cdist(x, y, compute_mode=mode)
        np.testing.assert_allclose(d.detach().numpy(), np.sqrt((gap**2).sum(-1)), 1e-9)
        d.sum().backward()
        unit = gap / np.sqrt((gap**2).sum(-1, keepdims=True))
        unit = unit.sum(-2)
        assert x.grad is not None
        while unit.ndim > a.ndim:
            unit = unit.sum(0)
        for axis, n in enumerate(a.shape):
            unit = unit.sum(axis, keepdims=True) if n == 1 else unit
        np.testing.assert_allclose(x.grad.numpy(), unit, 1e-8)


def test_the_gradient_of_a_distance_of_zero() -> None:
    a = np.eye(30)
    for _ in range(3):
        x = torch.tensor(a, requires_grad=True)
        torch.cdist(x, torch.tensor(a)).diagonal().sum().backward()
        assert x.grad is not None
        np.testing.assert_array_equal(x.grad.numpy(), np.zeros((30, 30)))
