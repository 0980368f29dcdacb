"""What nobody repeats runs at the call and leaves no path; what comes again is compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import facula as fl
from facula import config
from facula.trace import once
from facula.trace.recorder import Frame, state
from facula.trace.trie import MODE, Counter, Node


@pytest.fixture(autouse=True)
def alone(empty_trie: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread whose work has been nothing but little frames never seen before."""
    monkeypatch.setattr(config, "disk_cache", False)
    for n in range(once.AFTER):
        assert (fl.ones(3, n + 1) * 2).sum().item() == 6 * (n + 1)
    assert state.tr.once == state.tr.base


def test_no_path_is_kept() -> None:
    before = Counter.nodes
    for n in range(2, 20):
        x = fl.full((n, 5), 0.5)
        y = fl.relu(x * 2.0 - 0.25).sum(dim=1)
        assert y.shape == (n,)
        assert (fl.softmax(y, dim=0) @ y).item() == pytest.approx(3.75)
    assert Counter.nodes == before
    assert not state.tr.values


def test_results_are_those_of_recorded_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(x: Any) -> list[Any]:
        y = (x.t() + 1).to(fl.float64)
        z = fl.where(y > 1, y, -y).cumsum(0)
        w = 1 - z / 3 + z // 2 + z % 2 + 2**z
        return [y, z, w, w.argmax(), z.mean(1), z @ w.t(), x.clone(), x.int() & 3, w.std(),
                *w.max(0)]  # fmt: skip

    r = np.random.default_rng(0)
    arrays = [r.standard_normal((n, 4)).astype("f") for n in range(50, 60)]
    got = [[t.numpy() for t in work(fl.tensor(a))] for a in arrays]
    monkeypatch.setattr(once, "AFTER", 10**9)
    state.tr = Frame(Node(None, MODE))
    for a, results in zip(arrays, got, strict=True):
        for result, t in zip(results, work(fl.tensor(a)), strict=True):
            want = t.numpy()
            assert result.dtype == want.dtype and result.flags.c_contiguous
            np.testing.assert_array_equal(result, want)


def test_what_repeats_is_compiled(compiled: list[int]) -> None:
    for _ in range(3):
        assert ((fl.ones(4, 9) * 3 + 1).relu() - 1).sum().item() == 108
    assert len(compiled) == 1


def test_work_on_a_tensor_that_was_made_at_once_is_compiled(compiled: list[int]) -> None:
    x = fl.ones(4, 9) * 3
    for _ in range(once._CHAIN):
        assert ((x + 1).relu() - 1).sum().item() == 108
    assert len(compiled) == 1


def test_a_path_that_is_there_is_followed(compiled: list[int], monkeypatch: Any) -> None:
    x = fl.tensor([1.0, 2.0])
    monkeypatch.setattr(state.tr, "once", 0)
    for _ in range(3):
        first = (x * 3).exp().tolist()
    for n in range(once.AFTER):
        (fl.ones(5, n + 1) * 2).sum().item()
    assert state.tr.once == state.tr.base
    compiled.clear()
    replays = state.tr.base
    again = (x * 3).exp().tolist()  # not in the assertion, which would keep the product alive
    assert again == first
    assert state.tr.base > replays and not compiled


def test_memory_is_nobody_elses() -> None:
    a = np.arange(6.0)
    x = fl.from_numpy(a)
    y = x.clone()
    z = x + 0
    a[0] = 9
    assert x[0].item() == 9 and y[0].item() == 0 and z[0].item() == 0
    z += 1
    assert z.tolist() == [1, 2, 3, 4, 5, 6]
    view = z[2:]
    view.mul_(2)
    assert z.tolist() == [1, 2, 6, 8, 10, 12]


def test_gradients_are_recorded() -> None:
    w = fl.ones(3, requires_grad=True)
    x = fl.arange(3.0) + 1
    loss = (x * w * x).sum()
    loss.backward()
    assert w.grad is not None and w.grad.tolist() == [1, 4, 9]
    with fl.no_grad():
        assert (w * 2).tolist() == [2, 2, 2]


def test_large_work_is_recorded() -> None:
    x = fl.ones(once.MOST + 1)
    y = x + 1
    assert state.tr.values
    assert y.sum().item() == 2 * (once.MOST + 1)


def test_a_chain_that_grows_heavy_is_recorded() -> None:
    y = fl.ones(once.MOST)
    for _ in range(once.CHAIN_MOST // once.MOST):
        y = y + 1
    assert state.tr.values
    assert y[0].item() == 1 + once.CHAIN_MOST // once.MOST
    assert (fl.ones(3, 77) + 1).sum().item() == 462


def test_errors() -> None:
    with pytest.raises(RuntimeError, match="must match the size of tensor b"):
        fl.ones(3, 2) + fl.ones(4, 7)
    zero = fl.zeros(3, dtype=fl.int64)
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        (fl.ones(3, dtype=fl.int64) // zero).tolist()
    assert (zero + 1).tolist() == [1, 1, 1]


def test_notes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once, "_MAX_NOTES", 5)
    for n in range(30):
        assert fl.ones(n, 11).sum().item() == 11 * n
        assert state.tr.root.done is not None
        assert len(state.tr.root.done) <= 5


def test_other_work_ends_it() -> None:
    x = fl.ones(200, 200)
    for _ in range(3):
        (x + 1).sum().item()
    assert state.tr.once != state.tr.base
