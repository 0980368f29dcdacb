"""What a backward pass leaves with the leaves: `.grad`, hooks, passes that are taken again."""

from __future__ import annotations

import copy

import pytest

import facula
from facula.autograd import engine
from facula.trace.replay import flush
from facula.trace.values import Value

AGAIN = 4  # a pass is recorded, then remembered, then taken again


def leaves():
    a = facula.nn.Parameter(facula.tensor([1.0, 2.0]))
    b = facula.tensor([3.0, 5.0], requires_grad=True)
    return a, b


def backward(a, b):
    (a * b).sum().backward()


def test_a_gradient_that_nobody_looks_at_is_no_tensor():
    a, b = leaves()
    for _ in range(AGAIN):
        a.grad = b.grad = None
        backward(a, b)
        flush()
    assert type(a._grad) is Value
    first = a.grad
    assert a.grad is first and first.tolist() == [3, 5]
    assert type(b._grad) is Value


@pytest.mark.parametrize("looks", [False, True])
def test_gradients_accumulate_in_one_tensor(looks):
    a, b = leaves()
    for _ in range(AGAIN):
        a.grad = b.grad = None
        backward(a, b)
        seen = a.grad if looks else None
        backward(a, b)
        backward(a, b)
        assert seen is None or a.grad is seen
        assert a.grad.tolist() == [9, 15] and b.grad.tolist() == [3, 6]
        assert a.grad._version == b.grad._version == 2


@pytest.mark.parametrize("which", [0, 1])
def test_one_of_the_leaves_has_a_gradient_already(which):
    both = leaves()
    for _ in range(AGAIN):
        both[which].grad = None
        both[1 - which].grad = facula.ones(2)
        backward(*both)
        got = [t.grad.tolist() for t in both]
        want = [[3, 5], [1, 2]]
        want[1 - which] = [x + 1 for x in want[1 - which]]
        assert got == want


@pytest.mark.parametrize("which", [0, 1])
def test_a_hook_on_one_of_the_leaves(which):
    both = leaves()
    for _ in range(AGAIN):
        both[0].grad = both[1].grad = None
        backward(*both)
    handle = both[which].register_hook(lambda g: g * 10)
    both[0].grad = both[1].grad = None
    backward(*both)
    want = [[3, 5], [1, 2]]
    plain = [list(x) for x in want]
    want[which] = [10 * x for x in want[which]]
    assert [t.grad.tolist() for t in both] == want
    handle.remove()
    both[0].grad = both[1].grad = None
    backward(*both)
    assert [t.grad.tolist() for t in both] == plain


def test_hooks_after_accumulation_are_called_on_passes_taken_again(monkeypatch):
    a, b = leaves()
    seen = []
    after = a.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.tolist()))
    other = a.register_hook(lambda g: None)
    other.remove()  # the other kind stays
    walks = []
    walk = engine.Walk.run
    monkeypatch.setattr(engine.Walk, "run", lambda self: (walks.append(1), walk(self)))
    for _ in range(AGAIN):
        a.grad = b.grad = None
        backward(a, b)
    assert seen == [[3, 5]] * AGAIN
    assert len(walks) < AGAIN
    after.remove()
    a.grad = None
    backward(a, b)
    assert len(seen) == AGAIN and a.grad.tolist() == [3, 5]


def test_a_pass_is_taken_again_where_nobody_has_one_of_the_leaves_any_more(monkeypatch):
    x, w = facula.tensor([1.0, 2.0]), facula.tensor([3.0, 5.0], requires_grad=True)
    kept, walks = [], []

    def loss(keep):
        a = x.clone().requires_grad_()  # gone afterwards, unless it is kept
        if keep:
            kept.append(a)
        return (a * w * a).sum()

    walk = engine.Walk.run
    monkeypatch.setattr(engine.Walk, "run", lambda self: (walks.append(1), walk(self)))
    for k in range(4 * AGAIN):
        w.grad = facula.ones(2) if k % 8 == 5 else None  # there is something to add to
        hook = w.register_hook(lambda g: g * 2) if k % 8 == 6 else None
        loss(k % 4 == 3).backward()
        had, times = k % 8 == 5, 2 if hook is not None else 1
        assert w.grad.tolist() == [1.0 * times + had, 4.0 * times + had]
        if hook is not None:
            hook.remove()
        if kept:
            assert kept.pop().grad.tolist() == [6.0, 20.0]
    assert len(walks) <= AGAIN


def test_a_leaf_is_copied_with_its_gradient():
    _, b = leaves()
    for _ in range(AGAIN):
        b.grad = None
        (b * b).sum().backward()
    twin = copy.deepcopy(b)
    assert twin.grad is not b.grad and twin.grad.tolist() == [6, 10]


def test_zeros_instead_of_no_gradient():
    a, b = leaves()
    optimizer = facula.optim.SGD([a, b], lr=0.0)
    for _ in range(AGAIN):
        backward(a, b)
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
        assert a.grad.tolist() == [0, 0]
