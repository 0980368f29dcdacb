"""Loops that look at nothing: their frames end at one place of the loop, and take a known path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import facula
from facula import nn
from facula.trace import loops
from facula.trace.recorder import state
from facula.trace.replay import flush
from facula.trace.trie import Counter


def pendulum(steps: int) -> Any:
    angle, speed = facula.full((3,), 0.1), facula.zeros(3)
    for _ in range(steps):
        speed = speed - 0.01 * facula.sin(angle)
        angle = angle + 0.01 * speed
    return angle


def heat(steps: int) -> Any:
    u = facula.zeros(12)
    u[5] = 1.0
    for _ in range(steps):
        u = u + 0.1 * (u.roll(1) + u.roll(-1) - 2 * u)
    return u


def follower(steps: int) -> Any:
    source, target = facula.arange(6.0).reshape(2, 3), facula.zeros(2, 3)
    for _ in range(steps):
        target.mul_(0.99).add_(source, alpha=0.01)
    return target


def new_numbers(steps: int) -> Any:
    total = facula.zeros(2)
    for k in range(steps):
        total = total * 0.999 + facula.tensor([float(k), 1.0])
    return total


def network(steps: int) -> Any:
    facula.manual_seed(0)
    cell, h = nn.GRUCell(2, 2), facula.zeros(1, 2)
    with facula.no_grad():
        for _ in range(steps):
            h = cell(facula.ones(1, 2), h)
    return h


LOOPS = [pendulum, heat, follower, new_numbers, network]


@pytest.fixture(params=LOOPS)
def loop(request: pytest.FixtureRequest) -> Callable[[int], Any]:
    flush()
    found: Callable[[int], Any] = request.param
    return found


def test_results_are_those_of_single_steps(
    loop: Callable[[int], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    got = loop(400).tolist()
    monkeypatch.setattr(loops, "SPAN", 1 << 30)
    monkeypatch.setattr(facula.config, "eager", True)
    np.testing.assert_allclose(got, loop(400).tolist(), rtol=1e-4, atol=1e-6)


def test_longer_loops_need_no_more_paths(loop: Callable[[int], Any]) -> None:
    for _ in range(3):
        loop(1200).sum().item()
    before = Counter.nodes
    loop(3000).sum().item()
    assert Counter.nodes - before < 1500  # the end of the loop is another one


def calls_of(run: Callable[[], Any]) -> int:
    """The calls in the open frame after `run()`."""
    flush()
    run()
    return sum(n.op is not None for n in state.tr.node.path())


def test_rounds_are_counted_from_the_beginning_of_a_frame() -> None:
    x = facula.ones(3)

    def run(steps: int) -> None:
        nonlocal x
        for _ in range(steps):
            x = (x * 0.5 + 1.0).sin()

    lengths = []
    cut = state.flush

    def noted(frame: Any = None) -> None:
        lengths.append(sum(n.op is not None for n in state.tr.node.path()))
        cut(frame)

    type(state).flush = staticmethod(noted)  # type: ignore[method-assign, assignment]
    try:
        run(2000)
    finally:
        type(state).flush = staticmethod(cut)  # type: ignore[method-assign, assignment]
    assert len(lengths) > 10 and len(set(lengths[1:])) == 1 and lengths[1] % 3 == 0


def test_calls_with_gradients_stay_together() -> None:
    w = facula.ones(3, requires_grad=True)

    def run() -> Any:
        y = w * 1.0
        for _ in range(500):
            y = y * 0.5 + 1.0
        return y

    assert calls_of(run) == 1001


def test_what_is_made_in_a_stretch_is_used_in_one() -> None:
    x = facula.arange(1200.0).reshape(400, 3) * 1.0

    def run() -> Any:
        rows, total = list(x), facula.zeros(3)
        for row in rows:
            total = total + row
        return total

    flush()
    y = x * 1.0  # recorded: its rows are too
    x = y
    run()
    assert sum(n.op is not None for n in state.tr.node.path()) > 1200
    np.testing.assert_array_equal(run().numpy(), x.numpy().sum(0))


def test_deep_networks_of_equal_layers() -> None:
    facula.manual_seed(0)
    net = nn.Sequential(*[nn.Sequential(nn.Linear(4, 4), nn.Tanh()) for _ in range(300)])
    x = facula.randn(2, 4)
    with facula.no_grad():
        found = [net(x).tolist() for _ in range(5)]
        want = x.numpy()
        for layer in net:
            w, b = (p.detach().numpy() for p in layer[0].parameters())
            want = np.tanh(want @ w.T + b)
    for y in found:
        np.testing.assert_allclose(y, want, rtol=1e-3, atol=1e-5)


def test_rolls_of_rolls_compile_in_time() -> None:
    """Parts of parts were copies of everything for each way to get there."""
    for _ in range(4):
        u = facula.arange(16.0)
        for _ in range(40):
            u = facula.cat([u[3:], u[:3]])
        assert u.tolist() == np.roll(np.arange(16.0), -120).tolist()
