"""Memory stays flat: over thousands of steps, with changing batch sizes, and with shapes never
seen again.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import facula
from facula.trace import forget, recorder, replay, trie
from facula.trace.trie import Counter

STATM = Path("/proc/self/statm")
needs_statm = pytest.mark.skipif(not STATM.exists(), reason="reads /proc/self/statm")


def resident() -> float:
    """MiB of memory that this process has in use."""
    gc.collect()
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


class Network:
    """Two layers, trained by hand: forward, backward, an update in place, and a read now and
    then.
    """

    def __init__(self, width: int = 8) -> None:
        r = np.random.default_rng(0)
        self.parameters = [
            facula.tensor(r.standard_normal(s).astype("f").tolist(), requires_grad=True)
            for s in ((6, width), (width,), (width, 3), (3,))
        ]
        self.losses: list[float] = []

    def step(self, batch: int, read: bool) -> None:
        a, b, c, d = self.parameters
        x = facula.ones(batch, 6) * 0.1
        loss = (((x @ a + b).relu() @ c + d) ** 2).mean()
        loss.backward()
        with facula.no_grad():
            for p in self.parameters:
                assert p.grad is not None
                p -= 0.01 * p.grad
                p.grad = None
        if read:
            self.losses.append(loss.item())


def growth(step: Callable[[int], None], warm: int, steps: int) -> float:
    """MiB by which the process grows over the steps that follow `warm` ones."""
    for k in range(warm):
        step(k)
        if k % (steps // 8) == 0:
            gc.collect()
    before = resident()
    for k in range(warm, steps):
        step(k)
        if k % (steps // 8) == 0:
            gc.collect()  # else cycles wait for as long as what other tests left alive makes them
    return resident() - before


@pytest.mark.long
@needs_statm
def test_ten_thousand_steps() -> None:
    net = Network()
    assert growth(lambda k: net.step(16, k % 7 == 0), 2000, 10_000) < 4
    assert net.losses[-1] < net.losses[0]


@pytest.mark.long
@needs_statm
def test_twenty_batch_sizes() -> None:
    net = Network()
    assert growth(lambda k: net.step(1 + k % 20, k % 3 == 0), 1000, 5000) < 4


def small_tries(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    """Room for `limit` nodes beyond those that the process has already."""
    replay.flush()
    monkeypatch.setattr(recorder.state, "tr", recorder.Frame(trie.Node(None, trie.MODE)))
    Counter.nodes = Counter.kept = 0
    monkeypatch.setattr(forget, "MAX_NODES", limit)


@pytest.mark.long
@needs_statm
def test_shapes_never_seen_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step has a path of its own; they are forgotten, whatever they held."""
    small_tries(monkeypatch, 3000)
    net = Network()
    highest = 0

    def step(k: int) -> None:
        nonlocal highest
        net.step(1 + k, True)
        highest = max(highest, Counter.nodes)

    assert growth(step, 250, 900) < 12  # the facts of 650 shapes, bounded by values.meta
    assert highest <= 3000 + 500


@pytest.mark.long
@needs_statm
def test_compiled_paths_are_forgotten_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each shape comes three times, so that each is compiled; programs and their code go with the
    path.
    """
    small_tries(monkeypatch, 1500)
    net = Network()

    def step(k: int) -> None:
        for _ in range(3):
            net.step(1 + k, True)

    assert growth(step, 30, 90) < 12


def test_forgetting_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """With room for very few paths, results are those of a run that forgets nothing."""

    def run() -> list[float]:
        net = Network()
        for k in range(60):
            net.step(1 + k % 5, True)
        return net.losses

    want = run()
    small_tries(monkeypatch, 100)
    got = run()
    np.testing.assert_allclose(got, want, rtol=1e-5)


def test_tries_of_all_default_dtypes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths that were recorded under another default dtype are counted and forgotten too."""
    small_tries(monkeypatch, 1500)

    def nodes(node: trie.Node) -> int:
        return 1 + sum(nodes(n) for n in node.edges.values() if isinstance(n, trie.Node))

    def use(d: facula.dtype, sizes: range) -> None:
        facula.set_default_dtype(d)
        net = Network()
        for n in sizes:
            net.step(n, True)
            assert sum(map(nodes, tries.values())) <= 2000

    before = facula.get_default_dtype()
    facula.set_default_dtype(facula.float64)
    tries = recorder.state.tr.root.tries
    assert tries is not None
    try:
        use(facula.float64, range(1, 4))
        recorded = nodes(tries[facula.float64])
        use(facula.float32, range(1, 20))
        assert nodes(tries[facula.float64]) < recorded / 4
    finally:
        facula.set_default_dtype(before)


def test_dead_values_are_never_materialised() -> None:
    """What Python let go of before the end of the frame gets no memory, and what it holds keeps no
    more.
    """
    x = facula.ones(1000)
    for _ in range(3):
        y = ((x + 1) * 2).sum()
        assert y.item() == 4000
    frame = recorder.state.tr
    assert not frame.values and not frame.inputs


def test_what_is_used_in_turn_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several batch sizes in turn, and always some that never come again: the first stay compiled,
    though the others are forgotten many times.
    """
    small_tries(monkeypatch, 4000)
    net = Network()
    programs: list[int] = []
    compiled = replay._program

    def counting(plan: Any) -> Any:
        programs.append(1)
        return compiled(plan)

    for _ in range(4):
        for n in range(1, 6):
            net.step(n, True)
    monkeypatch.setattr(replay, "_program", counting)
    for k in range(60):
        for n in range(1, 6):
            net.step(n, True)
        net.step(100 + k, True)
    assert not programs
    assert Counter.nodes < 4000


@needs_statm
@pytest.mark.parametrize("look", ["item", "tolist", "numpy"])
def test_looking_at_parts_keeps_no_memory(look: str) -> None:
    """A part is read without running anything: what it is a part of must not wait for the frame."""

    def unit() -> None:
        whole = facula.rand(500, 500)
        if look == "item":
            whole.flatten()[7].item()
        elif look == "tolist":
            whole[3].tolist()
        else:
            whole.t()[:2].numpy().sum()

    for _ in range(20):
        unit()
    before = resident()
    for _ in range(200):  # 200 MB
        unit()
    assert resident() - before < 60


def test_looking_at_parts_ends_no_work() -> None:
    """A step that is being recorded goes on where labels are looked at in between."""
    batches = [facula.rand(4, 5) for _ in range(50)]
    x = facula.ones(4, 5, requires_grad=True)
    replay.flush()
    y = x * 2
    for b in batches:
        y = y + b
        b[0, 0].item()
    assert y._v.buf is None
    assert y.sum().item() == pytest.approx(40 + sum(float(b.sum()) for b in batches), rel=1e-5)
