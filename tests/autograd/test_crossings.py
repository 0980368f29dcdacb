"""Backward passes through ended frames: remembered ones against walks, and what sends them back."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import numpy as np
import pytest

import facula
from facula import nn
from facula.autograd import engine, jumps
from facula.trace.trie import Counter

Loop = Callable[[], list[list[float]]]


def _losses_looked_at_first() -> list[list[float]]:
    net = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1))
    optimizer = facula.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    seen = []
    for _ in range(6):
        x, y = facula.randn(6, 5), facula.randn(6, 1)
        optimizer.zero_grad()
        loss = ((net(x) - y) ** 2).mean()
        seen.append([loss.item()])
        loss.backward()
        optimizer.step()
        seen.append(net[0].weight.grad.flatten().tolist())
    return seen


def _two_networks() -> list[list[float]]:
    g = nn.Sequential(nn.Linear(3, 7), nn.BatchNorm1d(7), nn.ReLU(), nn.Linear(7, 4))
    d = nn.Sequential(nn.Linear(4, 6), nn.LeakyReLU(0.2), nn.Linear(6, 1), nn.Sigmoid())
    of_g, of_d = (facula.optim.Adam(m.parameters(), lr=1e-2) for m in (g, d))
    criterion = nn.BCELoss()
    ones, zeros = facula.ones(5, 1), facula.zeros(5, 1)
    seen = []
    for _ in range(6):
        d.zero_grad()
        criterion(d(facula.randn(5, 4)), ones).backward()
        fake = g(facula.randn(5, 3))
        criterion(d(fake.detach()), zeros).backward()
        of_d.step()
        g.zero_grad()
        loss = criterion(d(fake), ones)
        loss.backward()
        of_g.step()
        seen.append([loss.item(), *g[0].weight.grad.flatten().tolist()])
        seen.append(d[0].weight.grad.flatten().tolist())  # of both backward passes
    return seen


def _many_frames() -> list[list[float]]:
    cell = nn.RNNCell(3, 3)
    seen = []
    for _ in range(5):
        h, total = facula.zeros(2, 3), 0.0
        for _ in range(4):
            h = cell(facula.randn(2, 3), h)
            total = total + h.pow(2).sum()
            seen.append([total.item()])
        cell.zero_grad()
        total.backward()
        seen.append(cell.weight_hh.grad.flatten().tolist())
    return seen


def _kept_values_in_the_new_frame() -> list[list[float]]:
    w = facula.tensor([0.5, -1.0, 2.0], requires_grad=True)
    seen = []
    for k in range(9):
        a = facula.tanh(w * 1.5)
        y = (a * a).sum()
        y.item()
        (y + (a * 3).sum() if k % 3 else y + (w * 3).sum()).backward()
        seen.append(w.grad.tolist())  # adds up
    return seen


def _choices_that_no_gradient_sees() -> list[list[float]]:
    """What the frames do beside the gradient's calls differs from pass to pass."""
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
    moves = facula.randn(2, 4)
    seen = []
    for _ in range(12):
        state, terms = facula.zeros(4), []
        for _ in range(3):
            chances = model(state).softmax(-1)
            action = facula.multinomial(chances, 1)
            terms.append(chances.log()[action])
            state = state + moves[int(action.item())]
        model.zero_grad()
        (-facula.stack(terms).mean()).backward()
        seen.append(model[0].weight.grad.flatten().tolist())
    return seen


def _leaves_that_are_gone() -> list[list[float]]:
    """Inputs with gradients that nobody has any more when the backward pass begins, or somebody."""
    net, x = nn.Linear(4, 1), facula.randn(6, 4)
    kept: list[facula.Tensor] = []

    def loss(keep: bool) -> facula.Tensor:
        a = x.clone().requires_grad_()
        if keep:
            kept.append(a)
        return (net(a) ** 2).mean() + (a**2).mean()

    seen = []
    for k in range(14):
        first, second = loss(k % 5 == 4), loss(k % 7 == 6)
        seen.append([first.item()])
        net.zero_grad()
        (first + second).backward()
        seen.append(net.weight.grad.flatten().tolist())
        seen += [a.grad.flatten().tolist() for a in kept]
        kept.clear()
    return seen


LOOPS = [
    _losses_looked_at_first,
    _two_networks,
    _many_frames,
    _kept_values_in_the_new_frame,
    _choices_that_no_gradient_sees,
    _leaves_that_are_gone,
]


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """Whether each remembered pass that was tried was taken."""
    found: list[bool] = []
    take = jumps.Crossing.take

    def noted(self: jumps.Crossing, *operands: object) -> bool:
        found.append(take(self, *operands))  # type: ignore[arg-type]
        return found[-1]

    monkeypatch.setattr(jumps.Crossing, "take", noted)
    yield found


@pytest.mark.parametrize("loop", LOOPS)
def test_remembered_passes_give_what_walks_give(
    loop: Loop, taken: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    facula.manual_seed(3)
    found = loop()
    assert taken.count(True) >= 3
    monkeypatch.setattr(engine, "remembered", lambda *_: None)
    monkeypatch.setattr(jumps.Crossing, "take", lambda *_: False)
    facula.manual_seed(3)
    for walked, passed in zip(loop(), found, strict=True):  # some of it in NumPy at first sight
        np.testing.assert_allclose(walked, passed, rtol=2e-4, atol=1e-6)


def _pass(w: facula.Tensor, number: float = 2.0) -> facula.Tensor:
    """The gradient of sum((number * w) ** 2) * 3 through an ended frame."""
    a = w * number
    y = (a * a).sum()
    y.item()
    (y * 3.0).backward()
    g, w.grad = w.grad, None
    return g


def _warm(taken: list[bool]) -> facula.Tensor:
    w = facula.tensor([1.0, 2.0], requires_grad=True)
    for _ in range(40):  # 4 but after passes that were never the same
        assert _pass(w).tolist() == [24.0, 48.0]
        if any(taken):
            break
    assert taken[-1]
    return w


def test_numbers_of_the_ended_frame_are_compared(taken: list[bool]) -> None:
    w = _warm(taken)
    assert _pass(w, 3.0).tolist() == [54.0, 108.0]
    assert not taken[-1]


def test_a_value_written_since_is_noticed(taken: list[bool]) -> None:
    w = _warm(taken)
    a = w * 2.0
    y = (a * a).sum()
    y.item()
    with facula.no_grad():
        a.add_(1)
    y = y * 3.0
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_a_second_pass_is_refused(taken: list[bool]) -> None:
    w = _warm(taken)
    for _ in range(2):
        a = w * 2.0
        y = (a * a).sum()
        y.item()
        z = y * 3.0
        z.backward()
        with pytest.raises(RuntimeError, match="a second time"):
            (y * 3.0).backward()
        assert w.grad.tolist() == [24.0, 48.0]
        w.grad = None


def test_graphs_that_are_kept_can_be_walked_again(taken: list[bool]) -> None:
    w = _warm(taken)
    for _ in range(4):
        y = (w * w).sum()
        y.item()
        z = y * 2.0
        z.backward(retain_graph=True)
        z.backward()
        assert w.grad.tolist() == [8.0, 16.0]
        w.grad = None


def test_other_leaves_take_their_part(taken: list[bool]) -> None:
    leaves = [facula.full((2,), float(k + 1), requires_grad=True) for k in range(3)]
    for k in range(18):
        p, q = leaves[k % 3], leaves[k // 3 % 3]
        a = p * q
        a.sum().item()
        (a * p).sum().backward()
        want = {id(p): 2 * p * q, id(q): p * p} if p is not q else {id(p): 3 * p * p}
        for leaf in leaves:
            got = None if leaf.grad is None else leaf.grad.tolist()
            assert got == (want[id(leaf)].tolist() if id(leaf) in want else None)
            leaf.grad = None
    assert True in taken and False in taken


def test_tapes_in_another_order(taken: list[bool]) -> None:
    w = facula.tensor([0.3, 0.7], requires_grad=True)
    for k in range(10):
        a = facula.exp(w)
        a.sum().item()
        b = facula.sin(w)
        b.sum().item()
        p, q = (a, b) if k % 2 else (b, a)
        if k == 8:
            p, q = a, a
        (p * q * p).sum().backward()
        x = w.detach().numpy().astype(np.float64)
        values = {id(a): (np.exp(x), np.exp(x)), id(b): (np.sin(x), np.cos(x))}
        (vp, dp), (vq, dq) = values[id(p)], values[id(q)]
        np.testing.assert_allclose(w.grad.numpy(), 2 * vp * dp * vq + vp * vp * dq, rtol=1e-5)
        w.grad = None
    assert True in taken


@pytest.mark.parametrize("on", ["leaf", "kept"])
def test_hooks_are_called(on: str, taken: list[bool]) -> None:
    w = _warm(taken)
    for hooked in (False, False, False, True, False):
        a = w * 2.0
        y = (a * a).sum()
        y.item()
        handle = (w if on == "leaf" else a).register_hook(lambda g: g * 10) if hooked else None
        (y * 3.0).backward()
        assert w.grad.tolist() == ([240.0, 480.0] if hooked else [24.0, 48.0])
        w.grad = None
        if handle is not None:
            handle.remove()
    assert True in taken


def test_what_numpy_may_write_is_walked(taken: list[bool]) -> None:
    w = facula.tensor([1.0, 2.0], requires_grad=True)
    for k in range(6):
        a = w.detach() * 2
        a.requires_grad_()
        y = (a * a * w).sum()
        y.item()
        if k == 4:
            shown = a.detach().numpy()
        (y * 2.0).backward()
        assert w.grad.tolist() == [8.0, 32.0] and a.grad.tolist() == [8.0, 32.0]
        w.grad = None
    assert shown.tolist() == [2.0, 4.0]
    assert True in taken


def test_parts_at_ever_other_positions_are_no_new_work() -> None:
    """As the chances of actions that were chosen, of frames that ended when they were."""
    w = facula.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], requires_grad=True)
    choice, new = random.Random(1), []
    for _ in range(160):
        want, parts = np.zeros((3, 2)), []
        before = Counter.nodes
        for j in range(3):
            rows = w * (j + 1.0)
            rows.sum().item()
            i, k = choice.randrange(3), choice.randrange(2)
            parts += [rows[i] * 2.0, rows[i][k].reshape(1), rows[:, k]]
            want[i] += 2.0 * (j + 1)
            want[i, k] += j + 1
            want[:, k] += j + 1
        facula.cat(parts).sum().backward()
        np.testing.assert_allclose(w.grad.numpy(), want)
        w.grad = None
        new.append(Counter.nodes - before)
    assert sum(new[:10]) > 100 and sum(new[-10:]) < 10


def test_what_is_never_the_same_is_seldom_remembered(
    taken: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    remembered = jumps.remembered
    monkeypatch.setattr(engine, "remembered", lambda *a: calls.append(1) or remembered(*a))
    w = facula.tensor([1.0, 2.0], requires_grad=True)
    for k in range(32, 72):
        assert _pass(w, float(k)).tolist() == pytest.approx([6 * k**2, 12 * k**2])
    assert not any(taken) and len(calls) < 12
    for _ in range(40):
        _pass(w, 2.0)
    assert taken[-1]


@pytest.mark.parametrize("looked_at", (False, True))
def test_gradients_of_gradients_reach_leaves_that_their_frame_made(looked_at: bool) -> None:
    """Weights that are drawn in the frame which the first pass then reads, and one ends between."""

    def run(looked_at: bool) -> list[list[float]]:
        facula.manual_seed(0)
        first, second = nn.Linear(2, 2), nn.Linear(2, 2)
        last = nn.Linear(2, 1, bias=False)
        weights = [*first.parameters(), *second.parameters(), last.weight]
        out = last(second(first(facula.ones(1, 2))))
        if looked_at:
            out.item()
        loss = (out * out).sum()
        found = facula.autograd.grad(loss, weights, create_graph=True)
        (loss + sum((g**2).sum() for g in found)).backward()
        return [w.grad.flatten().tolist() for w in weights]

    want = run(False)
    for a, b in zip(run(looked_at), want, strict=True):
        assert a == pytest.approx(b, rel=1e-5)
