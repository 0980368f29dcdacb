"""Loops over ever new parts of tensors in memory run the same work: no path for each part."""

from __future__ import annotations

from typing import Any

import numpy as np

import facula
from facula.nn import functional as F
from facula.trace.trie import Counter


def loop(step: Any, places: Any) -> tuple[list[float], list[int]]:
    """What the steps give, and how many places of the trie each adds."""
    results, grown = [], []
    for i in places:
        before = Counter.nodes
        results.append(step(i))
        grown.append(Counter.nodes - before)
    return results, grown


def test_batches_by_slices_share_their_work() -> None:
    x, y = facula.randn(400, 6), facula.randint(0, 3, (400,))
    net = facula.nn.Linear(6, 3)

    def step(i: int) -> float:
        net.zero_grad()
        loss = F.cross_entropy(net(x[i : i + 7]), y[i : i + 7])
        loss.backward()
        assert net.weight.grad is not None
        return loss.item() + net.weight.grad.sum().item()

    results, grown = loop(step, range(0, 300, 7))
    assert sum(grown[12:]) == 0
    a, b = x.numpy(), y.numpy()
    w, bias = (p.detach().numpy() for p in net.parameters())
    for k, i in enumerate(range(0, 300, 7)):
        z = a[i : i + 7] @ w.T + bias
        z = z - z.max(1, keepdims=True)
        logs = z - np.log(np.exp(z).sum(1, keepdims=True))
        wanted = -logs[np.arange(7), b[i : i + 7]].mean()
        assert abs(results[k] - wanted) < 1e-4  # the gradient of a shift of all outputs is 0


def test_windows_stacked_at_random_places() -> None:
    text = facula.arange(1000)
    places = np.random.default_rng(0).integers(0, 900, (40, 5)).tolist()

    def step(starts: list[int]) -> float:
        batch = facula.stack([text[i : i + 8] for i in starts])
        return (batch * batch).sum().item()

    results, grown = loop(step, places)
    assert sum(grown[25:]) == 0
    for found, starts in zip(results, places, strict=True):
        assert found == sum(int((np.arange(i, i + 8) ** 2).sum()) for i in starts)


def test_shuffled_batches() -> None:
    x = facula.arange(240.0).view(120, 2)

    def step(i: int) -> float:
        return x[order[i : i + 8]].sum().item()

    for _ in range(3):
        order = facula.randperm(120)
        results, grown = loop(step, range(0, 120, 8))
        assert sum(results) == x.sum().item()
    assert sum(grown) == 0


def test_parts_know_their_place_in_the_storage() -> None:
    x = facula.zeros(40, 6)
    x.sum().item()
    for i in range(30):
        row = x[i]
        row += i
        assert row.storage_offset() == 6 * i
        pair = x[i : i + 2]
        turned = pair.t()[1]
        assert turned.storage_offset() == 6 * i + 1 and turned.stride() == (6,)
        square = row.view(2, 3)[1]
        assert square.storage_offset() == 6 * i + 3
        square[0] = 100.0
        assert x[i].tolist() == [i, i, i, 100.0, i, i]
        assert x.narrow(0, i, 1).select(1, 3).tolist() == [100.0]
        x[i, 5] = -1.0
        assert row.tolist() == [i, i, i, 100.0, i, -1.0]  # a part is a view


def test_a_part_of_memory_shared_with_numpy_is_what_it_was_when_taken() -> None:
    a = np.zeros((50, 3), np.float32)
    x = facula.from_numpy(a)
    for i in range(40):
        a[i] = i
        part = x[i : i + 1] * 2
        a[i] = -1.0
        assert part.tolist() == [[2.0 * i] * 3]
        assert x[i].tolist() == [-1.0] * 3


def test_a_long_list_of_views() -> None:
    x = facula.arange(3000.0)
    assert [v.item() for v in x] == list(range(3000))
    views = list(x)
    x += 1
    assert [v.item() for v in views[::97]] == [float(i + 1) for i in range(0, 3000, 97)]


def test_parts_written_to_parts() -> None:
    """Parts in memory of their own are not each other, though none has a number in the frame."""
    a = np.arange(40, dtype=np.float32)
    x = facula.tensor(a)
    views = x.view(8, 5), x[3:9]  # so that it is written through a view
    for i in range(12):
        x[i : i + 10] = x[i + 3 : i + 13]
        a[i : i + 10] = a[i + 3 : i + 13].copy()
        assert x.tolist() == a.tolist()
    assert views[0].flatten().tolist() == a.tolist()
    assert views[1].tolist() == a[3:9].tolist()


def test_elements_read_in_a_loop_leave_no_path() -> None:
    x = facula.arange(600.0).reshape(300, 2).clone()
    x.sum().item()
    x[0]
    before = Counter.nodes
    assert sum(x[i, 1].item() for i in range(300)) == x[:, 1].sum().item()
    assert sum(float(row[0]) for row in x) == x[:, 0].sum().item()
    total = facula.zeros(2)
    for i in range(300):
        total += x[i] * 0.5
    assert total.tolist() == [0.5 * n for n in x.sum(0).tolist()]
    assert Counter.nodes - before < 1200


def test_elements_written_in_a_loop() -> None:
    x = facula.zeros(200, 3)
    x.sum().item()
    x[0, 0] += 1.0
    before = Counter.nodes
    for i in range(200):
        x[i, 1] += i
        row = x[i]
        row[2] = x[i - 1, 1]
        row *= 2
        assert x[i].tolist() == row.tolist()
    assert Counter.nodes - before < 200
    want = np.zeros((200, 3))
    want[0, 0] = 1
    for i in range(200):
        want[i, 1] += i
        want[i, 2] = want[i - 1, 1]
        want[i] *= 2
    assert x.tolist() == want.tolist()


def test_rows_of_a_step_are_recorded_where_there_are_many() -> None:
    """A recurrent network by hand takes a hundred parts of its input, each step the same."""
    facula.manual_seed(0)
    cell = facula.nn.RNNCell(64, 4)

    def step(x: facula.Tensor) -> float:
        h = facula.zeros(8, 4)
        for k in range(100):
            h = cell(x[:, k], h)
        cell.zero_grad()
        h.sum().backward()
        assert cell.weight_hh.grad is not None
        return cell.weight_hh.grad.sum().item()

    batches = [facula.randn(8, 100, 64) for _ in range(8)]
    for x in batches:
        x.sum().item()
    results, grown = loop(step, batches)
    assert sum(grown[4:]) == 0
    assert [step(x) for x in batches[4:]] == results[4:]


def test_a_copying_reshape_of_a_part_lies_in_a_storage_of_its_own() -> None:
    x = facula.arange(60.0).reshape(5, 3, 4).clone()
    x.sum().item()
    for k in range(5):
        turned = x[k, :2].t()
        flat = turned.reshape(-1)
        assert flat.storage_offset() == 0 and not turned.is_contiguous()
        assert flat[1].item() == x[k, 1, 0].item()
        flat[0] = -5.0
        assert flat.tolist()[0] == -5.0 and x[k, 0, 0].item() == 12.0 * k


def test_a_part_of_an_array_in_another_order() -> None:
    a = np.arange(24.0, dtype=np.float32).reshape(6, 4).T
    x = facula.tensor(a) + 0
    y = facula.from_numpy(a)
    for i in range(4):
        assert x[i].tolist() == y[i].tolist() == a[i].tolist()


def test_parts_of_memory_that_numpy_writes_are_views() -> None:
    a = np.zeros((50, 3), np.float32)
    x = facula.from_numpy(a)
    row, element, rows = x[2], x[3, 1], x[4:6]
    a[2], a[3, 1], a[4:6] = 7.0, 8.0, 9.0
    assert row.tolist() == [7.0] * 3 and element.item() == 8.0
    assert rows.tolist() == [[9.0] * 3] * 2
    y = facula.zeros(50, 3)
    shown = y.numpy()
    row = y[1]
    shown[1] = 4.0
    assert row.tolist() == y[1].tolist() == [4.0] * 3
    y[1][0] = 9.0
    assert shown[1].tolist() == row.tolist() == [9.0, 4.0, 4.0]
