"""Formulas of several ops as one edge: the same path, values and gradients as op by op."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula.nn import functional as F
from facula.ops import elementwise as e
from facula.tensor import wrap
from facula.trace.formula import as_one
from facula.trace.recorder import state
from facula.trace.replay import flush
from facula.trace.trie import Node
from facula.trace.values import Formed, Value


@pytest.fixture(autouse=True)
def fresh_frame():
    flush()
    yield
    flush()


def formed(node: Node | None = None) -> list[Formed]:
    """The edges over formulas that lead away from a node (the open frame's first one)."""
    node = state.tr.root if node is None else node
    return [edge for edge in node.edges.values() if type(edge) is Formed]


def scaled(v: Value, weight: Value, by: float) -> Value:
    return e.mul(e.add(e.mul(v, by), weight), weight)


def call(x, w, by=2.0):
    return wrap(as_one(scaled, (x._v, w._v), (by,)))


def test_the_edge_leads_where_the_ops_do() -> None:
    flush()
    state.tr.root.edges.clear()
    x, w = facula.tensor([1.0, 2.0]), facula.tensor([3.0, -1.0], requires_grad=True)
    ends = []
    for _ in range(5):
        y = call(x, w)
        ends.append(state.tr.node)
        assert [v is x._v or v is w._v for v in state.tr.inputs] == [True, True]
        y.sum().backward()
        assert y.tolist() == [15.0, -3.0]
        assert w.grad is not None and w.grad.tolist() == [8.0, 2.0]
        w.grad = None
    assert len(formed()) == 1 and set(ends) == {formed()[0].node}


def test_other_numbers_are_other_edges() -> None:
    x, w = facula.tensor([1.0, 2.0]), facula.tensor([3.0, -1.0])
    for by in (2.0, 4.0, 2.0, -1.0, 4.0):
        assert call(x, w, by).tolist() == [(by + 3.0) * 3.0, -(2.0 * by - 1.0)]


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 0), (1, 1)])
def test_operands_may_be_one_tensor_or_in_the_frame(order) -> None:
    """Each combination after each other one: what enters, and with which facts, is in the key."""
    both = [facula.tensor([1.0, 2.0], requires_grad=True), facula.tensor([3.0, -1.0])]
    for chosen in [(0, 1), order, (1, 0), order, (0, 0), order, order]:
        for recorded in (False, True):
            x, w = (both[k] * 1.0 if recorded else both[k] for k in chosen)
            a, b = (both[k].detach().numpy() for k in chosen)
            y = call(x, w)
            np.testing.assert_array_equal(y.detach().numpy(), (a * 2 + b) * b)
            if y.requires_grad:
                both[0].grad = None
                y.sum().backward()
                want = np.zeros(2)
                want += 2 * b * (chosen[0] == 0) + (2 * a + 2 * b) * (chosen[1] == 0)
                np.testing.assert_array_equal(both[0].grad.numpy(), want)


def test_memory_that_numpy_writes_to() -> None:
    x, w = facula.tensor([1.0, 2.0]), facula.tensor([3.0, -1.0])
    call(x, w).tolist()
    shown = w.numpy()
    for k in range(4):
        shown[0] = k
        assert call(x, w).tolist() == [(2.0 + k) * k, -3.0]
    del shown
    assert call(x, w).tolist() == [15.0, -3.0]


def test_frames_without_gradients_and_a_gradient_of_a_gradient() -> None:
    x = facula.tensor([0.5, -2.0], dtype=facula.float64, requires_grad=True)
    for f in (F.gelu, F.silu, F.mish, lambda t: F.leaky_relu(t, 0.1)):
        for _ in range(4):
            with facula.no_grad():
                plain = f(x)
            assert not plain.requires_grad
            y = f(x)
            np.testing.assert_array_equal(y.detach().numpy(), plain.numpy())
            assert facula.autograd.gradcheck(f, (x,))
            assert facula.autograd.gradgradcheck(f, (x,))


def test_slopes_that_are_equal_as_keys() -> None:
    x = facula.tensor([-1.0, 1.0])
    for slope in (0.0, -0.0, 1, 1.0, True, 0.0, -0.0):
        found = F.leaky_relu(x, slope).numpy()
        assert str(found.tolist()) == str(np.where(x > 0, x, x * np.float32(slope)).tolist())


def test_edges_go_when_paths_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    from facula.trace import forget
    from facula.trace.trie import Counter

    monkeypatch.setattr(forget, "MAX_NODES", 200)
    w = facula.ones(3)
    for k in range(2, 150):
        x = facula.full((k, 3), 0.5)
        y = F.gelu(F.layer_norm(x, (3,), w, w) + 1.0)
        assert abs(y.sum().item() - 3 * k * 1.9544997) < 1e-3 * k
    assert Counter.nodes < 400
    forget.prune(state.tr.root)
    assert not formed()
