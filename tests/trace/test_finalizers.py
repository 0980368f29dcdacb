"""Finalizers that calculate, which Python runs in the middle of other calls."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest

import facula
from facula import nn
from facula.trace import native
from facula.trace.recorder import state


class Finalized:
    """Part of a cycle; when it is collected, it calculates and looks at the result."""

    done: ClassVar[list[float]] = []
    kept: ClassVar[list[Any]] = []  # what finalizers leave

    def __init__(self) -> None:
        self.me = self
        self.tensor = facula.tensor([1.0, 2.0])

    def __del__(self) -> None:
        self.done.append((self.tensor * 3).sum().item())
        self.kept.append(self.tensor + 1)


@pytest.fixture(params=(3, 7, 31))
def often(request: pytest.FixtureRequest) -> Iterator[None]:
    """Garbage is collected after so many new objects."""
    before = gc.get_threshold()
    gc.collect()
    Finalized.done.clear()
    Finalized.kept.clear()
    gc.set_threshold(request.param, 2, 2)
    yield
    gc.set_threshold(*before)
    gc.collect()
    assert len(Finalized.done) > 60 and set(Finalized.done) == {9.0}
    assert all(t.tolist() == [2.0, 3.0] for t in Finalized.kept)


def training(rounds: int, between: Callable[[], Any]) -> list[Any]:
    """The same step again and again."""
    facula.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.GELU(), nn.Linear(4, 2))
    opt = facula.optim.Adam(net.parameters())
    x, w = facula.ones(2, 3), facula.full((2, 2), 0.5)
    found = []
    for k in range(rounds):
        between()
        opt.zero_grad()
        out = facula.where(net(x) > 0, net(x) * 2, w)
        loss = (out + w * k).square().mean()
        loss.backward()
        opt.step()
        found.append([loss.item(), *(p.grad.sum().item() for p in net.parameters())])
    return found


def shapes(rounds: int, between: Callable[[], Any]) -> list[float]:
    """Other shapes each time: all is recorded for the first time, or run at once."""
    found = []
    for k in range(2 * rounds):
        between()
        x = facula.ones(2 + k % 17, 3 + k % 13)
        y = ((x * 2 + 1).relu() @ facula.ones(3 + k % 13, 4)).sum(1)
        found.append(float((y * k).sum().item()))
    return found


@pytest.mark.parametrize("work", (training, shapes))
def test_they_disturb_nobody(work: Callable[..., Any], often: None) -> None:
    frame = state.tr
    thresholds = gc.get_threshold()
    gc.set_threshold(0)
    work(60, lambda: None)  # from then on all that repeats is compiled
    want = work(60, lambda: None)
    gc.set_threshold(*thresholds)
    assert work(60, Finalized) == want
    with native.left_to_python():
        assert work(60, Finalized) == want
    assert state.tr is frame
