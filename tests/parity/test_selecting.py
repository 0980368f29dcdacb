"""topk, masks, distinct elements and distances on random numbers, against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import facula
from facula.functions import masks

torch = pytest.importorskip("torch")


def _both(a: np.ndarray) -> tuple[Any, Any]:
    return facula.tensor(a), torch.tensor(a)


def _same(mine: Any, theirs: Any) -> None:
    assert str(mine.dtype).split(".")[-1] == str(theirs.dtype).split(".")[-1]
    np.testing.assert_array_equal(mine.numpy(), theirs.numpy())


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int64", "int32", "int8"])
def test_topk(dtype: str) -> None:
    rng = np.random.default_rng(1)
    for shape, axis in (((5, 97), 1), ((400, 3), 0), ((3, 1000), 1), ((0, 200), 1)):
        a = (rng.standard_normal(shape) * 20).astype(dtype)
        if a.dtype.kind == "f":
            a[rng.random(shape) < 0.01] = np.nan
            a[rng.random(shape) < 0.01] = np.inf
        x, y = _both(a)
        for k in (0, 1, 10, 90):
            for largest in (True, False):
                for _ in range(2):
                    found = facula.topk(x, k, axis, largest)
                    _same(found.values, torch.topk(y, k, axis, largest).values)
                    _same(found.values, x.gather(axis, found.indices))


def test_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masks.patience, "left", -1)
    rng = np.random.default_rng(2)
    for shape in ((5000,), (130, 77), (20, 30, 40)):
        x, y = _both(rng.standard_normal(shape).astype(np.float32))
        for bound in (-9.0, -1.0, 0.0, 1.5, 9.0):
            _same(x[x > bound], y[y > bound])
            _same(
                x.T.contiguous()[x.T > bound], y.T.contiguous()[y.T > bound]
            ) if x.ndim == 2 else 0
            _same((x > bound).nonzero(), (y > bound).nonzero())
            for mine, theirs in zip(
                (x > bound).nonzero(as_tuple=True), (y > bound).nonzero(as_tuple=True), strict=True
            ):
                _same(mine, theirs)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int16", "uint8", "bool"])
def test_unique(dtype: str) -> None:
    rng = np.random.default_rng(3)
    for shape in ((0,), (1,), (300,), (50, 41)):
        a = np.round(rng.standard_normal(shape) * 9)
        a = (np.abs(a) if dtype == "uint8" else a).astype(dtype)
        if a.dtype.kind == "f":
            a[rng.random(shape) < 0.05] = np.nan
        x, y = _both(a)
        _same(facula.unique(x), torch.unique(y))
        for mine, theirs in zip(
            facula.unique(x, return_inverse=True, return_counts=True),
            torch.unique(y, return_inverse=True, return_counts=True),
            strict=True,
        ):
            _same(mine, theirs)


@pytest.mark.parametrize("rows", [(3, 5), (26, 2), (100, 70)])
def test_cdist(rows: tuple[int, int]) -> None:
    rng = np.random.default_rng(4)
    a, b = (rng.standard_normal((n, 6)) for n in rows)
    for mode in (None, "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist"):
        named = {} if mode is None else {"compute_mode": mode}
        found = []
        for package in (facula, torch):
            x, y = (package.tensor(v, requires_grad=True) for v in (a, b))
            d = package.cdist(x, y, **named)
            assert d.grad_fn is not None
            (d * d.cos()).sum().backward()
            found.append((d.grad_fn.name(), d.detach().numpy(), x.grad.numpy(), y.grad.numpy()))
        assert found[0][0] == found[1][0]
        for mine, theirs in zip(found[0][1:], found[1][1:], strict=True):
            np.testing.assert_allclose(mine, theirs, 1e-9, 1e-9)


@pytest.mark.parametrize(
    "call",
    [
        lambda t: t.cdist(t.zeros(3, 4), t.zeros(5, 4), 2.0, "other"),
        lambda t: t.cdist(t.zeros(3, 4).long(), t.zeros(5, 4)),
        lambda t: t.cdist(t.zeros(3, 4), t.zeros(5, 4), -1.0),
        lambda t: t.unique(t.zeros(3, dtype=t.complex64)),
    ],
)
def test_what_is_refused(call: Any) -> None:
    with pytest.raises(Exception) as mine:
        call(facula)
    with pytest.raises(Exception) as theirs:
        call(torch)
    assert mine.type is theirs.type and str(mine.value) == str(theirs.value)
