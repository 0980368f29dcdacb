"""The number of threads changes no bit: a training step with products, softmax, normalisation and
sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import facula
from facula.nn import functional
from facula.runtime import cpu


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = cpu.get_num_threads()
    yield
    cpu.set_num_threads(before)


def training(steps: int, dtype: Any) -> list[bytes]:
    """The bits of the losses, gradients and parameters of some steps; large enough to be split."""
    r = np.random.default_rng(0)

    def tensor(*shape: int) -> Any:
        return facula.from_numpy(r.standard_normal(shape)).to(dtype)

    x = tensor(512, 130)
    target = facula.from_numpy(r.integers(0, 70, 512))
    parameters = [tensor(130, 300), tensor(300), tensor(300, 70), tensor(70)]
    for p in parameters:
        p.mul_(0.05).requires_grad_()
    a, b, c, d = parameters
    bits: list[bytes] = []
    for _ in range(steps):
        h = x @ a + b
        h = (h - h.mean(1, keepdim=True)) / (h.var(1, keepdim=True, unbiased=False) + 1e-5).sqrt()
        z = functional.gelu(h) @ c + d
        loss = -functional.log_softmax(z, 1).gather(1, target.unsqueeze(1)).mean()
        loss = (
            loss + 1e-3 * functional.softmax(z, 0).max(0)[0].sum() + 1e-4 * h.cumsum(0).tanh().sum()
        )
        loss.backward()
        bits.append(loss.detach().numpy().tobytes())
        with facula.no_grad():
            for p in parameters:
                bits.append(p.grad.numpy().tobytes())
                p -= 0.1 * p.grad
                p.grad = None
    bits += [p.detach().numpy().tobytes() for p in parameters]
    return bits


@pytest.mark.thin(2)
@pytest.mark.parametrize("dtype", [facula.float32, facula.float64], ids=str)
def test_training_step(dtype: Any) -> None:
    """Every run replays what the first one compiled."""
    training(4, dtype)  # first sight and compilation
    cpu.set_num_threads(1)
    want = training(2, dtype)
    for n in (2, 4, 16, 3, 1):
        cpu.set_num_threads(n)
        assert training(2, dtype) == want, f"{n} threads"


def test_large_reductions() -> None:
    r = np.random.default_rng(1)
    flat = facula.from_numpy(r.standard_normal(3_000_001).astype("f"))
    wide = facula.from_numpy(r.standard_normal((7, 200_003)).astype("f"))
    tall = facula.from_numpy(r.standard_normal((200_003, 7)).astype("f"))

    def results() -> list[bytes]:
        out = [
            flat.sum(), (flat * flat).mean(), flat.max(), wide.sum(1), tall.sum(0),
            wide.softmax(1).sum(),
            wide.std(), tall.amax(0), tall.exp().sum(1), wide.argmax(1),
        ]  # fmt: skip
        return [t.numpy().tobytes() for t in out]

    for _ in range(3):
        results()
    cpu.set_num_threads(1)
    want = results()
    for n in (2, 4, 16):
        cpu.set_num_threads(n)
        assert results() == want, f"{n} threads"
