"""Batches of long rows that a worker copies while the step before is under way."""

import numpy as np
import pytest

import facula
from facula.runtime import cpu
from facula.utils.data import DataLoader, TensorDataset, rows

LONG = 5000  # elements of a row that is so long that batches of 4 are gathered when they are due

pytestmark = pytest.mark.skipif(cpu.get_num_threads() < 2, reason="needs two processors")


@pytest.fixture
def came(awake, monkeypatch):
    """How many batches a worker has copied in time."""
    counted = []
    take = rows.Ahead.take

    def counting(self, wanted):
        found = take(self, wanted)
        counted.append(found is not None)
        return found

    monkeypatch.setattr(rows.Ahead, "take", counting)
    return counted


def step():
    """Work of two threads, compiled before."""
    x = facula.ones(1000, 1000)
    return (x * 2).sum().item()


def long_rows(count=60):
    return facula.arange(float(count))[:, None].expand(count, LONG).contiguous()


def passes(came):
    """Numbers of passes, until a worker has copied a batch in time: it may be elsewhere."""
    for number in range(50):
        yield number
        if any(came):
            return
    raise AssertionError("no worker has copied a batch")


def test_every_batch_is_right(came):
    x, y = long_rows(), facula.arange(60)
    for _ in passes(came):
        for a, b in DataLoader(TensorDataset(x, y), 4, shuffle=True):
            step()
            assert (a[:, 7] == b).all() and (a[:, LONG - 1] == b).all()
            assert a.is_contiguous() and a.shape == (4, LONG)
            a.numpy()[:] = -1  # a tensor of its own
    assert x.min() == 0


def add(x):
    x.add_(100)


def add_by_numpy(x):
    np.asarray(x)[:] += 100


@pytest.mark.parametrize("change", [add, add_by_numpy])
def test_a_change_during_the_pass_is_seen(came, change):
    for _ in passes(came):
        came.clear()  # batches before the change count
        x, y = long_rows(), facula.arange(60)
        for number, (a, b) in enumerate(DataLoader(TensorDataset(x, y), 4)):
            step()
            assert (a[:, 7] == b + (0 if number < 8 else 100)).all()
            if number == 7:
                change(x)
                del came[8:]


def test_a_pass_that_is_left(came):
    x, y = long_rows(), facula.arange(60)
    for _ in passes(came):
        for a, b in DataLoader(TensorDataset(x, y), 4, shuffle=True):
            step()
            assert (a[:, 7] == b).all()
            if b[0] > 40:
                break
    assert step() == 2_000_000


def test_two_loaders_in_turn(came):
    x, y = long_rows(), facula.arange(60)
    for _ in passes(came):
        loaders = [DataLoader(TensorDataset(x, y), 4, shuffle=True) for _ in range(2)]
        for (a, b), (c, d) in zip(*loaders, strict=True):
            step()
            assert (a[:, 7] == b).all() and (c[:, 7] == d).all()
