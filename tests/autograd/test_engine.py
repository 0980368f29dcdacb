"""The engine without an oracle: histories over frames, untracked writes, functions of gradients."""

from __future__ import annotations

import pytest

import facula
from facula.trace.replay import flush


@pytest.mark.parametrize("ends", [False, True])
@pytest.mark.parametrize("run", range(3))
def test_history_survives_untracked_writes(ends, run):
    x = facula.ones(3, requires_grad=True)
    y = x * 2
    if ends:
        flush()
    with facula.no_grad():
        y[0] = 100
    y.detach()[1] = 50
    assert y.tolist() == [100, 50, 2] and y.requires_grad
    (y * y).sum().backward()
    assert x.grad.tolist() == [400, 200, 8]


@pytest.mark.parametrize("ends", [False, True])
def test_a_parameter_updated_between_two_backwards_is_noticed(ends):
    w = facula.ones(2, 2, requires_grad=True)
    x = facula.ones(1, 2, requires_grad=True)
    y = (x @ w.t()).sum()
    if ends:
        y.item()
    with facula.no_grad():
        w.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_an_alias_with_a_history_of_its_own():
    x = facula.zeros(4)
    w = facula.ones(2, requires_grad=True)
    alias = x.detach()
    alias[1:3] = w * 3
    assert alias.requires_grad and not x.requires_grad
    assert x.tolist() == [0, 3, 3, 0]
    x.add_(1)
    assert alias.tolist() == [1, 4, 4, 1]
    (alias * facula.arange(4.0)).sum().backward()
    assert w.grad.tolist() == [3, 6]


@pytest.mark.parametrize("run", range(3))
def test_hidden_state_over_many_frames(run):
    w = facula.tensor([0.9], requires_grad=True)
    h = facula.ones(1)
    for _ in range(20):
        h = h * w
        h.item()
    h.backward()
    assert w.grad.item() == pytest.approx(20 * 0.9**19, rel=1e-5)


def test_a_hook_that_reads_ends_the_frame_in_the_walk():
    x = facula.tensor([1.0, 2.0], requires_grad=True)
    seen = []
    y = x * 3
    y.register_hook(lambda g: seen.append(g.tolist()))
    (y * y).sum().backward()
    assert seen == [[6.0, 12.0]]
    assert x.grad.tolist() == [18, 36]


def test_jacobian_and_hessian():
    from facula.autograd.functional import hessian, jacobian

    x = facula.tensor([1.0, 2.0], dtype=facula.float64)
    assert jacobian(lambda t: t * t, x).tolist() == [[2, 0], [0, 4]]
    assert hessian(lambda t: (t**3).sum(), x).tolist() == [[6, 0], [0, 12]]


def test_an_exception_in_backward_leaves_the_engine_usable():
    class Fails(facula.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            raise ValueError("mine")

    x = facula.ones(2, requires_grad=True)
    with pytest.raises(ValueError, match="mine"):
        Fails.apply(x).sum().backward()
    assert facula.is_grad_enabled() and x.grad is None
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2, 2]
