"""Attention's results and gradients are PyTorch's, for every kind of mask."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import facula

torch = pytest.importorskip("torch")

MASKS = ("none", "causal", "bool", "number", "empty rows", "empty rows of numbers", "padding")


def _mask(kind: str, t: Any) -> Any:
    r = np.random.default_rng(5)
    seen = r.random((70, 90)) < 0.5
    if kind == "bool":
        return t.tensor(seen)
    if kind == "number":
        return t.tensor(r.standard_normal((2, 4, 70, 90)).astype("f"))
    if kind == "padding":
        return t.tensor(np.arange(90) < r.integers(1, 90, (2, 1, 1, 1)))
    if kind.startswith("empty"):
        seen[3] = seen[69] = False
        numbers = np.where(seen, 0, -np.inf).astype("f")
        return t.tensor(numbers if kind.endswith("numbers") else seen)
    return None


@pytest.mark.thin(4)
@pytest.mark.parametrize("heads", (4, 2), ids=("heads", "grouped"))
@pytest.mark.parametrize("kind", MASKS)
def test_result_and_gradients(kind: str, heads: int) -> None:
    r = np.random.default_rng(1)
    shapes = ((2, 70, 4, 24), (2, 90, heads, 24), (2, 90, heads, 40), (2, 70, 4, 40))
    arrays = [r.standard_normal(s).astype("f") for s in shapes]

    def run(t: Any) -> list[np.ndarray]:
        *leaves, g = (t.tensor(a).requires_grad_() for a in arrays)
        q, k, v = (x.transpose(1, 2) for x in leaves)
        out = t.nn.functional.scaled_dot_product_attention(
            q, k, v, _mask(kind, t), is_causal=kind == "causal", enable_gqa=heads != 4
        ).transpose(1, 2)
        out.backward(g.detach())
        return [x.detach().numpy() for x in (out, *(x.grad for x in leaves))]

    for _ in range(2):
        run(facula)
    for got, want in zip(run(facula), run(torch), strict=True):
        np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-5)
