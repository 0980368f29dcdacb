"""What is compiled when it is first seen: a matter of the path and of what was recorded before."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest

import facula as fl
from facula import config
from facula.dtypes import BY_NAME
from facula.ops.record import OPS, Op
from facula.trace import first_sight, references
from facula.trace.recorder import Frame, state
from facula.trace.trie import MODE, Node
from facula.trace.values import meta


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A thread that has recorded nothing, and no programs on disk."""
    monkeypatch.setattr(config, "disk_cache", False)
    outer = state.tr
    state.tr = Frame(Node(None, MODE))
    yield
    state.tr = outer


def _work(x: fl.Tensor) -> float:
    return ((x * 2 + 1).relu() - x).sum().item()


def test_light_work_waits_for_its_second_sight(compiled: list[int]) -> None:
    x = fl.ones(10, 10)
    assert _work(x) == 200
    assert not compiled
    assert _work(x) == 200
    assert len(compiled) == 1


def test_heavy_work_does_not_wait(compiled: list[int]) -> None:
    x = fl.ones(1500, 1500)
    first = _work(x)
    assert compiled
    assert first == _work(x) == 2 * 1500 * 1500


def test_other_sizes_of_what_was_seen_need_less(
    compiled: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_sight, "KNOWN", (1000, 100))
    sizes = [fl.ones(n, 40) for n in (30, 31, 32)]
    for x in sizes:
        x.numpy()
    compiled.clear()
    _work(sizes[0])
    assert not compiled
    _work(sizes[1])
    _work(sizes[2])
    assert len(compiled) == 2
    _work(fl.ones(3, 4))
    assert len(compiled) == 2


def test_a_structure_is_known_by_a_light_run_too(
    compiled: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_sight, "KNOWN", (2000, 100))
    light, heavier = fl.ones(11, 50), fl.ones(31, 50)
    for x in (light, heavier):
        x.numpy()
    compiled.clear()
    _work(light)
    assert not compiled
    _work(heavier)
    assert len(compiled) == 1


def test_gradients_of_heavy_work() -> None:
    x = fl.linspace(-1, 1, 1 << 20).reshape(1024, 1024).requires_grad_()
    results = []
    for _ in range(3):
        x.grad = None
        ((x * x).tanh() * x).sum(1).exp().sum().backward()
        assert x.grad is not None
        results.append(x.grad.numpy().copy())
    assert (results[0] == results[1]).all() and (results[1] == results[2]).all()


def test_the_table_of_structures_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_sight, "KNOWN", (0, 0))
    monkeypatch.setattr(first_sight, "_MAX_STRUCTURES", 3)
    for n in range(1, 9):
        x = fl.ones(5)
        for _ in range(n):
            x = x + 1
        assert x.sum().item() == 5 * (n + 1)
        assert state.tr.root.structures is not None
        assert len(state.tr.root.structures) <= 3


_DIRECT = [op for op in OPS.values() if op.direct is not None]
_KINDS = ("float32", "float64", "float16", "bfloat16", "int64", "int16", "uint8", "bool")


@pytest.mark.parametrize("op", _DIRECT, ids=lambda op: op.name)
def test_what_numpy_gives_directly_is_what_the_reference_gives(op: Op) -> None:
    assert op.direct is not None
    shapes = ((4, 4), ()) if op.kind == "elementwise" else ((4, 4), (4,))
    arity = 2 if op.kind == "contraction" or len(op.example.cases[0][0]) == 2 else 1  # type: ignore[union-attr]
    taken = 0
    rng = np.random.default_rng(0)
    for kinds in product(product(_KINDS, shapes), repeat=arity):
        arrays, facts = [], []
        for name, shape in kinds:
            d = BY_NAME[name]
            arrays.append(np.asarray(rng.uniform(0.2, 3.0, shape)).astype(d.np))
            facts.append(meta(shape, d))
        with np.errstate(all="ignore"):
            try:
                (m,) = op.rule(facts, ())
                direct = op.direct(*arrays)
            except (RuntimeError, TypeError, NotImplementedError):
                continue
            if direct.dtype is not m.dtype.np or m.dtype.name not in ("float32", "float64"):
                continue
            expected = op.reference(arrays, (), (m,))
        taken += 1
        assert np.asarray(expected).dtype == direct.dtype
        np.testing.assert_array_equal(direct, expected)
    assert taken


def test_numpy_is_silent_and_stays_as_it_was() -> None:
    with np.errstate(all="raise"):
        before = np.geterr()
        assert (fl.full((3,), 3e38) * 10.0).tolist() == [float("inf")] * 3
        assert np.geterr() == before


def test_a_context_that_is_in_use_changes_nothing() -> None:
    """Another thread may be running references: then the careful way does the same."""
    found = []
    for n in (2, 3):
        x = fl.linspace(-1, 1, n)
        y = ((x * 2.0 - 0.25).relu().sum() + 1).exp()
        if n == 2:
            found.append(y.item())
        else:
            found.append(references._silent.run(y.item))
    assert found[0] == found[1] == pytest.approx(15.6426, rel=1e-4)
