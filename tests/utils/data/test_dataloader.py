"""The DataLoader: the fast way over rows of tensors behaves like the slow one."""

from __future__ import annotations

import random

import numpy as np
import pytest

import facula
from facula.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    dataloader,
    default_collate,
    get_worker_info,
)

LONG = 5000  # elements of a row that is so long that batches of 4 are gathered when they are due


def _rows(size=10):
    return TensorDataset(facula.arange(size * 2).reshape(size, 2), facula.arange(size))


class Slow(Dataset):
    """The same rows, in a class of which the loader knows nothing."""

    def __init__(self, rows):
        self.rows = rows

    def __getitem__(self, index):
        return self.rows[index]

    def __len__(self):
        return len(self.rows)


def _listed(loader):
    return [[part.tolist() for part in batch] for batch in loader]


@pytest.mark.parametrize("seed", range(4))
def test_fast_and_slow_agree(seed):
    choice = random.Random(seed)
    for _ in range(15):
        size = choice.randint(1, 40)
        options = {
            "batch_size": choice.randint(1, size + 3),
            "shuffle": choice.random() < 0.5,
            "drop_last": choice.random() < 0.5,
        }
        rows = _rows(size)
        if choice.random() < 0.5:
            picked = [choice.randrange(-size, size) for _ in range(choice.randint(1, 30))]
            rows = Subset(rows, picked)
        facula.manual_seed(seed)
        fast = [_listed(DataLoader(rows, **options)) for _ in range(2)]
        facula.manual_seed(seed)
        slow = [_listed(DataLoader(Slow(rows), **options)) for _ in range(2)]
        assert fast == slow


@pytest.mark.parametrize(
    "dtype", ["bfloat16", "float16", "float64", "bool", "int8", "uint8", "complex64"]
)
def test_rows_of_any_dtype(dtype):
    values = (facula.arange(40).reshape(20, 2) % 3).to(getattr(facula, dtype))
    seen = [batch for (batch,) in DataLoader(TensorDataset(values), batch_size=4)]
    assert all(batch.dtype is values.dtype for batch in seen)
    assert [row for batch in seen for row in batch.tolist()] == values.tolist()
    for _ in range(3):  # at the third the program is compiled
        total = sum((batch * batch).sum().item() for batch in seen)
    assert total == (values * values).sum().item()


def test_rows_are_gathered_at_once(monkeypatch):
    def never(self, index):
        raise AssertionError("sample by sample")

    monkeypatch.setattr(TensorDataset, "__getitem__", never)
    assert len(_listed(DataLoader(_rows(), batch_size=4, shuffle=True))) == 3
    assert len(_listed(DataLoader(Subset(_rows(), [1, 2]), batch_size=1))) == 2


def test_a_subclass_may_do_anything():
    class Doubled(TensorDataset):
        def __getitem__(self, index):
            return tuple(2 * part for part in super().__getitem__(index))

    loader = DataLoader(Doubled(facula.arange(3)), batch_size=3)
    assert _listed(loader) == [[[0, 2, 4]]]


def test_changes_during_an_epoch_are_seen():
    rows = _rows(4)
    seen = []
    for _, label in DataLoader(rows, batch_size=2):
        seen.append(label.tolist())
        rows.tensors[1].fill_(7)
    assert seen == [[0, 1], [7, 7]]


def test_other_tensors_during_an_epoch_are_seen():
    rows = _rows(4)
    seen = []
    for batch in DataLoader(rows, batch_size=2):
        seen.append([part.tolist() for part in batch])
        rows.tensors = (facula.full((4,), 9),)
    assert seen[1] == [[9, 9]]


def test_batches_are_independent():
    rows = _rows(4)
    for x, _ in DataLoader(rows, batch_size=2):
        x.zero_()
    assert rows.tensors[0].tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]


def test_rows_that_require_gradients():
    x = facula.ones(4, 2, requires_grad=True)
    for (part,) in DataLoader(TensorDataset(x), batch_size=3):
        part.sum().backward()
    assert x.grad.tolist() == [[1.0, 1.0]] * 4


def test_the_pass_goes_on_after_a_failing_batch():
    batches = iter(DataLoader(_rows(), batch_sampler=[[0], [99], [1, 2]]))
    assert next(batches)[1].tolist() == [0]
    with pytest.raises(IndexError):
        next(batches)
    assert next(batches)[1].tolist() == [1, 2]
    with pytest.raises(StopIteration):
        next(batches)
    with pytest.raises(StopIteration):
        next(batches)


def test_workers_are_accepted_and_give_the_same_batches(recwarn):
    results = []
    for options in ({}, {"num_workers": 2, "persistent_workers": True, "prefetch_factor": 3}):
        facula.manual_seed(1)
        results.append(_listed(DataLoader(_rows(), batch_size=3, shuffle=True, **options)))
    assert results[0] == results[1]
    assert get_worker_info() is None
    assert not recwarn


def test_two_passes_at_the_same_time():
    loader = DataLoader(_rows(4), batch_size=2)
    both = [(a[1].tolist(), b[1].tolist()) for a, b in zip(loader, loader, strict=True)]
    assert both == [([0, 1], [0, 1]), ([2, 3], [2, 3])]


def test_a_reported_length_that_is_too_small():
    class Short(IterableDataset):
        def __iter__(self):
            return iter(range(3))

        def __len__(self):
            return 1

    loader = DataLoader(Short())
    assert len(loader) == 1
    with pytest.warns(UserWarning, match="reported to be 1"):
        list(loader)


def test_own_collate_function():
    loader = DataLoader(_rows(3), batch_size=2, collate_fn=lambda samples: len(samples))
    assert list(loader) == [2, 1]


def test_many_at_once():
    class Many(Dataset):
        def __getitems__(self, indices):
            return [10 * i for i in indices]

        def __len__(self):
            return 3

    assert [b.tolist() for b in DataLoader(Many(), batch_size=2)] == [[0, 10], [20]]


def test_bfloat16_is_stacked():
    batch = default_collate([facula.ones(2, dtype=facula.bfloat16)] * 3)
    assert batch.shape == (3, 2) and batch.dtype is facula.bfloat16


@pytest.mark.parametrize("width", [2, LONG])
@pytest.mark.parametrize("how", ["element", "inplace", "data", "numpy", "optimizer"])
def test_every_kind_of_change_during_an_epoch_is_seen(how, width):
    x = facula.zeros(40, width)
    x[0, 0] = 0.0
    loader = DataLoader(TensorDataset(x, facula.arange(40)), batch_size=4)
    optimizer = facula.optim.SGD([x], lr=1.0)
    seen = []
    for i, (batch, rows) in enumerate(loader):
        assert rows.tolist() == list(range(4 * i, 4 * i + 4))
        seen.append(batch[:, 1].tolist())
        if i == 3:
            if how == "element":
                x[25, 1] = 9.0
            elif how == "inplace":
                x.add_(1)
            elif how == "data":
                x.data = facula.full((40, width), 3.0)
            elif how == "numpy":
                x.numpy()[:] = 4.0
            else:
                x.grad = facula.ones(40, width)
                optimizer.step()
    assert seen[:4] == [[0.0] * 4] * 4
    if how == "element":
        assert seen[6] == [0.0, 9.0, 0.0, 0.0] and seen[4] == [0.0] * 4
    else:
        value = {"inplace": 1.0, "data": 3.0, "numpy": 4.0, "optimizer": -1.0}[how]
        assert seen[4:] == [[value] * 4] * 6


def test_batches_gathered_ahead_do_not_share_elements():
    loader = DataLoader(TensorDataset(facula.arange(12.0).reshape(6, 2)), batch_size=2)
    batches = [batch for (batch,) in loader]
    batches[0].numpy()[:] = -1
    batches[1][0, 0] = -2
    batches[2].mul_(2)
    assert [b.tolist() for b in batches] == [
        [[-1, -1], [-1, -1]], [[-2, 5], [6, 7]], [[16, 18], [20, 22]],
    ]  # fmt: skip


def test_batches_gathered_ahead_are_shown_to_numpy():
    """In a later pass too, when batches are pieces of what was gathered at once."""
    x, y = facula.arange(200.0).reshape(100, 2).clone(), facula.arange(100)
    for _ in range(3):
        for rows, numbers in DataLoader(TensorDataset(x, y), batch_size=8, shuffle=True):
            places = numbers.numpy()
            assert (np.asarray(rows)[:, 1] == 2 * places + 1).all()
            rows.numpy()[:] = -1
            places[0] = -5
            assert rows.sum() == -rows.numel() and numbers[0] == -5
    assert y.tolist() == list(range(100)) and x.min() == 0


@pytest.mark.parametrize("subset", [False, True])
def test_long_rows_beside_short_ones(monkeypatch, subset):
    gathered = []
    gather = dataloader.gather_ahead
    monkeypatch.setattr(
        dataloader, "gather_ahead", lambda *a: (gathered.append(len(a[1])), gather(*a))[1]
    )
    x = facula.arange(11.0)[:, None].expand(11, LONG).contiguous()
    data = TensorDataset(facula.arange(11), x, facula.arange(11) * 2)
    if subset:
        data = Subset(data, [3, 10, 0, -1, 7, 5, 5, 2, 9, 1, 4])
    facula.manual_seed(0)
    fast = [[a.tolist(), b[:, 7].tolist(), c.tolist()] for a, b, c in DataLoader(data, 4, True)]
    facula.manual_seed(0)
    slow = [
        [a.tolist(), b[:, 7].tolist(), c.tolist()] for a, b, c in DataLoader(Slow(data), 4, True)
    ]
    assert fast == slow and [len(a) for a, _, _ in fast] == [4, 4, 3]
    assert gathered == [8]  # two batches, by one gather for every short tensor


def test_long_rows_that_are_gone_raise_at_their_batch():
    x = facula.ones(40, LONG)
    batches = iter(DataLoader(TensorDataset(x, facula.arange(40)), batch_size=4))
    next(batches)
    x.data = facula.ones(20, LONG)
    assert [next(batches)[1][0].item() for _ in range(4)] == [4, 8, 12, 16]
    with pytest.raises(IndexError):
        next(batches)
    x.data = facula.ones(40, LONG)
    assert next(batches)[1].tolist() == [24, 25, 26, 27]


def test_a_target_out_of_range_raises_at_its_batch():
    y = facula.arange(12) % 3
    y[9] = 5
    loader = DataLoader(TensorDataset(facula.ones(12, 3), y), batch_size=2)
    losses = 0
    with pytest.raises(IndexError):
        for x, t in loader:
            facula.nn.functional.cross_entropy(x, t)
            losses += 1
    assert losses == 4
