"""Convolutions of 16-bit floats are summed with their bias in float32 and rounded once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import facula
import facula.nn.functional as F

HALVES = {"bfloat16": 8, "float16": 11}  # bits of the significand


@pytest.mark.parametrize("name", HALVES)
@pytest.mark.parametrize("transposed", [False, True])
def test_rounded_once(name: str, transposed: bool) -> None:
    dtype = getattr(facula, name)
    g = np.random.default_rng(0)

    def draw(*shape: int) -> Any:
        return facula.tensor(g.standard_normal(shape).astype("f")).to(dtype)

    x, w = draw(2, 8, 9, 9), draw(8, 8, 3, 3)
    call = F.conv_transpose2d if transposed else F.conv2d
    exact = call(x.double(), w.double())
    # Nearly the opposite of what it is added to: what is left shows how that was rounded.
    bias = (-exact[0, :, 3, 3]).to(dtype)
    expected = np.array((exact + bias.double()[:, None, None]).tolist())
    for _ in range(4):
        result = call(x, w, bias)
        assert result.dtype is dtype
        found = np.array(result.tolist())
        unit = 2.0 ** (np.floor(np.log2(np.abs(expected) + 1e-30)) - HALVES[name] + 1)
        error = np.abs(found - expected)
        # Half a unit, and what float32 sums of 72 numbers are off by.
        assert (error <= 0.5 * unit + 72 * 2.0**-24 * 20).all()


@pytest.mark.parametrize("name", HALVES)
def test_gradients(name: str) -> None:
    dtype = getattr(facula, name)
    leaves = [
        facula.tensor(np.random.default_rng(k).standard_normal(s).astype("f")).to(dtype)
        for k, s in enumerate(((1, 4, 6, 6), (4, 4, 3, 3), (4,)))
    ]
    for _ in range(3):
        found, wide = [t.clone() for t in leaves], [t.float() for t in leaves]
        for t in (*found, *wide):
            t.requires_grad_()
        F.conv2d(*found).sum().backward()
        F.conv2d(*wide).sum().backward()
        for a, b in zip(found, wide, strict=True):
            assert a.grad is not None and b.grad is not None
            assert a.grad.dtype is dtype
            np.testing.assert_allclose(
                np.array(a.grad.tolist()), np.array(b.grad.tolist()), rtol=0.02, atol=0.05
            )
    assert F.conv2d(*found).grad_fn.name() == "ConvolutionBackward0"
