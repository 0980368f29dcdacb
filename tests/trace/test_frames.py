"""Frames: what they keep, what a failed operation leaves behind, several threads, values handed
over.
"""

from __future__ import annotations

import copy
import gc
import queue
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import facula
from facula.runtime.memory import memory_stats
from facula.trace import recorder
from facula.trace.recorder import state
from facula.trace.replay import flush
from facula.trace.trie import MODE, OP, Node


@pytest.fixture(autouse=True)
def fresh_frame():
    flush()
    yield
    flush()


@pytest.mark.long
def test_values_dead_in_python_are_not_kept():
    x = facula.ones(1000)
    seen = []
    for _ in range(4):
        y = x * 2
        seen.append(weakref.ref(y))
        z = (y + 1).sum()
        del y
        z.item()
    gc.collect()
    assert [r() for r in seen] == [None] * 4
    assert not state.tr.values and not state.tr.inputs


@pytest.mark.long
def test_memory_of_a_loop_is_given_back():
    w = facula.ones(64, 64, requires_grad=True)
    x = facula.ones(8, 64)

    def step():
        loss = (x @ w).tanh().sum()
        loss.backward()
        with facula.no_grad():
            w.sub_(w.grad * 1e-3)
        w.grad = None
        loss.item()

    def in_use():
        gc.collect()
        return {k: v for k, v in memory_stats().items() if "use" in k or "alloc" in k}

    for _ in range(20):
        step()
    before = in_use()
    for _ in range(100):
        step()
    assert in_use() == before


def test_a_graph_dies_with_its_last_tensor():
    w = facula.ones(3, requires_grad=True)
    y = (w * 2).exp()
    y.tolist()
    held = weakref.ref(y)
    del y
    gc.collect()
    assert held() is None


@pytest.mark.parametrize("run", range(3))
def test_an_index_out_of_range_names_its_line(run):
    x = facula.arange(4.0)
    y = x + 1
    index = facula.full((100,), 1)
    index[50] = 9  # a large index is checked when the frame ends
    z = y[index] * 2
    with pytest.raises(IndexError, match="index 9 is out of bounds") as caught:
        z.tolist()
    assert "test_frames.py" in "".join(caught.value.__notes__)
    assert y.tolist() == [1, 2, 3, 4]  # what does not depend on it is there
    with pytest.raises(RuntimeError, match="could not be computed"):
        (z + 1).tolist()
    assert (x * 2).tolist() == [0, 2, 4, 6]


def test_a_small_index_out_of_range_raises_at_the_call():
    y = facula.arange(4.0) + 1
    with pytest.raises(IndexError, match="index 9 is out of bounds"):
        y[facula.tensor([9])]
    assert y.tolist() == [1, 2, 3, 4]


def test_a_wrong_call_leaves_the_frame_usable():
    x = facula.ones(3, requires_grad=True)
    y = x * 2
    with pytest.raises(RuntimeError):
        y + facula.ones(4)
    (y * y).sum().backward()
    assert x.grad.tolist() == [8, 8, 8]


def test_threads_have_frames_of_their_own():
    results: dict[int, float] = {}

    def work(k: int) -> None:
        w = facula.full((4,), float(k), requires_grad=True)
        for _ in range(5):
            loss = (w * w).sum()
            loss.backward()
        results[k] = w.grad.sum().item()

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results == {k: 5 * 2 * 4 * float(k) for k in range(4)}


def test_tensors_handed_between_threads():
    x = facula.ones(4)
    recorded = x + 1  # not in memory yet
    found: list[list[float]] = []

    def work() -> None:
        found.append((recorded * 2).tolist())

    t = threading.Thread(target=work)
    t.start()
    t.join()
    assert found == [[4.0] * 4]
    assert (recorded + 1).tolist() == [3.0] * 4


def test_a_thread_has_its_own_grad_mode():
    seen: list[bool] = []
    with facula.no_grad():
        t = threading.Thread(target=lambda: seen.append(facula.is_grad_enabled()))
        t.start()
        t.join()
    assert seen == [True]


def test_a_long_stretch_of_work_is_cut():
    x = facula.zeros(2)
    for _ in range(9000):
        x = x + 1
    assert x.tolist() == [9000.0, 9000.0]


def test_numpy_sees_recorded_writes_and_is_seen():
    x = facula.zeros(4)
    a = x.numpy()
    for k in range(4):
        x[k] = k
        a[k] += 10
        x += 1
    assert a.tolist() == x.tolist() == [14.0, 14.0, 14.0, 14.0]


def test_results_that_are_kept_are_not_overwritten():
    x = facula.ones(3)
    kept = []
    for i in range(6):
        y = x * float(i)
        kept.append(y)
        y.sum().item()
    array = kept[3].numpy()
    for i in range(6):
        z = x * float(i + 10)
        z.sum().item()
    assert [t.tolist() for t in kept] == [[float(i)] * 3 for i in range(6)]
    assert array.tolist() == [3.0] * 3


def test_a_plan_is_known_by_what_is_kept():
    """A frame may leave another of its values behind than the time before, none, or one twice."""
    x = facula.arange(3.0)
    expected = [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [-1.0, 1.0, 3.0]]

    def step(kept):
        a = x + 1
        b = a * 2
        c = b - 3
        values, total = [a, b, c], c.sum()
        held = [values[k] for k in kept]
        del a, b, c, values
        tr, node = state.tr, state.tr.node
        assert total.item() == 3.0
        for k, t in zip(kept, held, strict=True):
            assert t.tolist() == expected[k]
        assert state.tr is tr
        return node

    choices = [(0,), (1,), (0, 2), (), (2,), (0, 1, 2), (1, 1), (0,)]
    nodes = {step(kept) for kept in choices * 2 for _ in range(4)}
    assert len(nodes) == 1 and nodes.pop().usual is not None


def test_an_element_written_to_a_result_is_not_seen_elsewhere():
    x = facula.ones(3)
    for _ in range(5):
        y = x + 1
        y.sum().item()
        other = y.detach()
        y[0] = 5.0
        assert y.tolist() == other.tolist() == [5.0, 2.0, 2.0]
        z = x + 2
        z.sum().item()
        z[1] = 7.0
        assert z.tolist() == [3.0, 7.0, 3.0] and x.tolist() == [1.0] * 3


def test_one_map_of_producers_serves_a_path_and_its_branches() -> None:
    root = Node(None, MODE)

    def child(parent: Node, results: int) -> Node:
        node = Node(parent, OP)
        node.next_slot = node.slot + results
        return node

    nodes = [root]
    for k in range(60):  # branches of random depth, asked in a random order
        nodes.append(child(nodes[(k * 7919) % len(nodes)], 1 + k % 3))
    for k in range(200):
        node = nodes[(k * 104729) % len(nodes)]
        found = node.producers()
        want = {s: n for n in node.path() for s in range(n.slot, n.next_slot)}
        assert {s: found[s] for s in want} == want
    line = [root]
    for _ in range(50):
        line.append(child(line[-1], 1))
        line[-1].producers()
    assert line[-1].producers() is line[20].producers()


def test_a_write_into_a_part_follows_one_path():
    """What lies outside the frame has other numbers in each: they are no part of the path."""
    x = facula.ones(30, 20)

    def step():
        y = x * 1.5
        y[1:5, ::2] *= 2
        y[:, 0] = x[:, 1]
        return (y + 1).sum().item()

    def nodes():
        todo, count = [state.tr.root], 0
        while todo:
            count += 1
            todo += [n for n in todo.pop().edges.values() if type(n) is Node]
        return count

    values = {step() for _ in range(6)}
    flush()
    before = nodes()
    values |= {step() for _ in range(6)}
    assert len(values) == 1 and nodes() == before


def test_a_layer_enters_with_its_parameters():
    """One edge for a layer's op and the entries of its parameters: the same for parameters that
    are one tensor, that Python has been shown, or that are in the frame already.
    """
    w, b = facula.randn(3, 3, requires_grad=True), facula.randn(3, requires_grad=True)
    linear = facula.nn.functional.linear
    x = facula.randn(2, 3)

    def check(x, w, b):
        expected = x.detach().numpy() @ w.detach().numpy().T + b.detach().numpy()
        for _ in range(4):
            w.grad = None
            out = linear(x, w, b)
            out.sum().backward()
            np.testing.assert_allclose(out.detach().numpy(), expected, rtol=1e-5, atol=1e-6)
            assert w.grad.shape == w.shape

    check(x, w, b)
    check(facula.randn(2, 3), w, b)
    check(w, w, b)  # the input is the weight
    shown = w.detach().numpy()  # memory that Python may write to
    shown[0, 0] += 1.0
    check(x, w, b)


def test_bases_grow_and_have_one_digit_while_one_thread_records(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recorder, "frames", [])
    first = recorder.Frame(Node(None, MODE))
    bases = [first.base]
    for slots in (3, 0, 40):
        first.node = Node(first.root, MODE)
        first.node.next_slot = slots
        recorder.restart(first)
        assert first.base == bases[-1] + slots + recorder._GAP
        bases.append(first.base)
    other = recorder.Frame(Node(None, MODE))
    assert bases[-1] < 1 << 30 <= other.base
    recorder.restart(first)
    assert first.base > other.base


def test_bases_after_the_last_one_of_one_digit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "frames", [])
    frame = recorder.Frame(Node(None, MODE))
    frame.base = frame.limit - 1
    recorder.restart(frame)
    assert frame.base >= 1 << 30
    last = frame.base
    recorder.restart(frame)
    assert frame.base >= last + recorder.SLOTS


def test_gradients_flow_between_threads() -> None:
    """The frame of another thread is newer than the one that was open, older than the next."""
    w = facula.ones(3, requires_grad=True)
    seen: list[facula.Tensor] = []
    first = (w * 2).sum()
    thread = threading.Thread(target=lambda: seen.append((w * first).sum()))
    thread.start()
    thread.join()
    (seen[0] * 3 + (w**2).sum()).backward()
    # of 3 (2 s) s, s the sum of w, and of the squares
    assert w.grad is not None and w.grad.tolist() == [38.0] * 3


def test_whole_numbers_of_more_than_64_bits() -> None:
    """From 2**63 to 2**64 they wrap beside whole numbers; others are an error, at the call."""
    x, f = facula.tensor([1, 2]), facula.tensor([1.0, 2.0])
    for _ in range(6):
        assert (x + (1 << 63)).tolist() == [1 - (1 << 63), 2 - (1 << 63)]
        assert (x * ((1 << 64) - 1)).tolist() == [-1, -2]
        assert (f * (1 << 63)).tolist() == [2.0**63, 2.0**64]
        for call in (
            lambda: x + (1 << 64), lambda: (1 << 70) - x, lambda: f * 10**400,
            lambda: x < (1 << 70), lambda: x.clone().add_(-(1 << 64)),
            lambda: facula.where(x > 1, x, 1 << 70),
        ):  # fmt: skip
            with pytest.raises(OverflowError, match="int too big to convert"):
                call()
        assert (x + 1).tolist() == [2, 3]


def in_a_thread(work: Callable[[], Any]) -> Any:
    """What `work()` returns in another thread."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.parametrize(
    "read",
    (
        lambda t: t.tolist(), lambda t: t.sum().item(), lambda t: t.numpy().tolist(), repr,
        lambda t: (t * 2).tolist(), lambda t: t[1].tolist(), lambda t: t.clone().add_(1).tolist(),
        lambda t: [row.tolist() for row in t], lambda t: copy.deepcopy(t).tolist(),
        lambda t: bool((t == t).all()),
    ),
)  # fmt: skip
def test_another_thread_reads_what_is_only_recorded(read: Callable[[Any], Any]) -> None:
    x = facula.arange(6.0).reshape(3, 2)
    for make in (
        lambda: x * 2,
        lambda: x.t() + 1,
        lambda: (x + 1)[:, 1:],
        lambda: facula.rand(4, 2),
    ):
        facula.manual_seed(1)
        want = read(make())
        facula.manual_seed(1)
        made = make()
        assert in_a_thread(lambda: read(made)) == want  # noqa: B023
        assert read(made) == want


def test_another_thread_reads_a_loss_and_its_gradient_goes_on() -> None:
    w = facula.ones(3, requires_grad=True)
    for _ in range(4):
        loss = (w * w).sum()
        assert in_a_thread(loss.item) == 3.0
        loss.backward()
        assert w.grad is not None and w.grad.tolist() == [2.0] * 3
        w.grad = None


@pytest.mark.parametrize("gradients", (False, True))
@pytest.mark.parametrize("part", (lambda t: t, lambda t: t[3:], lambda t: t.t().reshape(-1)))
def test_all_threads_read_the_same_bits(part: Callable[[Any], Any], gradients: bool) -> None:
    """What runs compiled and what another thread calculates differ in their last bits."""
    facula.manual_seed(0)
    x, w = facula.randn(16, 48), facula.randn(48, 7, requires_grad=gradients)
    seen = []
    for _ in range(5):
        y = (x @ w).exp() * 0.3 + (x * x).sum(1, keepdim=True)
        shown = part(y)
        read = shown.detach() if gradients else shown
        there = in_a_thread(read.tolist)
        assert there == in_a_thread(read.tolist)
        if gradients:
            y.sum().backward()
        assert there == read.tolist() == shown.tolist() == part(y).tolist()
        seen.append(there)
    assert seen == seen[:1] * 5


def test_what_another_thread_cannot_compute_is_an_error_there() -> None:
    table, index = facula.ones(3, 2), facula.zeros(200, dtype=facula.int64)
    index[150] = 9

    def read() -> str:
        with pytest.raises(IndexError, match="out of bounds") as e:
            picked.tolist()
        return str(e.value)

    picked = table[index] * 2
    assert "9" in in_a_thread(read) and "9" in read()
    with pytest.raises(RuntimeError, match="could not be computed"), ThreadPoolExecutor(1) as pool:
        pool.submit(picked.tolist).result()


def test_threads_read_while_their_maker_goes_on() -> None:
    """A training thread hands its losses, which are only recorded, to threads that read them."""
    handed: queue.Queue[Any] = queue.Queue()
    seen: dict[int, list[float]] = {}

    def read() -> None:
        while (item := handed.get()) is not None:
            k, loss, plain, part = item
            seen[k] = [loss.item(), *plain.tolist(), float((part + 1).sum())]

    readers = [threading.Thread(target=read) for _ in range(3)]
    for t in readers:
        t.start()
    net = facula.nn.Linear(4, 1)
    opt = facula.optim.SGD(net.parameters(), lr=0.01)
    x = facula.arange(8.0).reshape(2, 4)
    want = {}
    for k in range(300):
        opt.zero_grad()
        plain = x[0] * float(k)
        loss = net(x).square().mean()
        loss.backward()
        handed.put((k, loss.detach(), plain, plain[1:]))
        opt.step()
        if k % 3 == 0:
            want[k] = [loss.item(), *plain.tolist(), sum(plain.tolist()[1:]) + 3]
    for _ in readers:
        handed.put(None)
    for t in readers:
        t.join()
    assert len(seen) == 300
    assert {k: seen[k] for k in want} == want


def test_a_network_that_is_made_leaves_nothing_in_the_frame():
    layers = [
        facula.nn.Embedding(5, 4), facula.nn.Linear(4, 4), facula.nn.LayerNorm(4),
        facula.nn.Conv2d(2, 3, 3), facula.nn.BatchNorm2d(3), facula.nn.LSTM(4, 3),
        facula.nn.MultiheadAttention(4, 2),
    ]  # fmt: skip
    assert not state.tr.values and {n.kind for n in state.tr.node.path()} <= {MODE}
    assert all(p._v.buf is not None for layer in layers for p in layer.parameters())


def test_what_shares_a_parameter_sees_its_initial_values():
    p = facula.nn.Parameter(facula.empty(4, 3))
    before, after = p.detach(), p.data
    facula.nn.init.constant_(p, 2.0)
    assert before.tolist() == after.tolist() == [[2.0] * 3] * 4
    facula.nn.init.uniform_(p, 1.0, 1.5)
    assert before.tolist() == p.tolist() and bool((before >= 1).all())
    row = p[1]
    with facula.no_grad():
        p.normal_()
    assert row.tolist() == p[1].tolist() == before[1].tolist()


def test_initial_values_that_gradients_wanted_are_missed():
    p = facula.nn.Parameter(facula.ones(3))
    loss = (p * p).sum()
    facula.nn.init.zeros_(p)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()
