"""Data loading gives PyTorch's batches, draws and errors."""

from __future__ import annotations

import collections
import itertools

import numpy as np
import pytest

pytest.importorskip("torch")


def _dataset(t, kind, size):
    x = t.arange(size * 3, dtype=t.float32).reshape(size, 3)
    y = t.arange(size)
    rows = t.utils.data.TensorDataset(x, y)
    if kind == "tensors":
        return rows
    if kind == "subset":
        return t.utils.data.Subset(rows, list(range(size))[::-1])
    if kind == "split":
        return t.utils.data.random_split(rows, [size - 2, 2])[0]
    if kind == "concat":
        return t.utils.data.ConcatDataset([rows, rows])
    return [(float(i), i, str(i), np.full(2, i)) for i in range(size)]


def _sampler(t, kind, dataset, generator):
    d = t.utils.data
    if kind == "shuffle":
        return {"shuffle": True}
    if kind == "sequential":
        return {}
    if kind == "replacement":
        sampler = d.RandomSampler(dataset, replacement=True, num_samples=45, generator=generator)
    elif kind == "many":
        sampler = d.RandomSampler(dataset, num_samples=2 * len(dataset) + 1, generator=generator)
    elif kind == "few":
        sampler = d.RandomSampler(dataset, num_samples=3, generator=generator)
    elif kind == "subset":
        sampler = d.SubsetRandomSampler([1, 3, 4, 0, 2], generator=generator)
    else:
        sampler = d.WeightedRandomSampler([0.1, 0.2, 0.7], 8, generator=generator)
    return {"sampler": sampler}


def _epochs(t, data, sampler, batch_size, drop_last, own_generator):
    generator = None
    if own_generator:
        generator = t.Generator()
        generator.manual_seed(7)
    dataset = _dataset(t, data, 13)
    options = _sampler(t, sampler, dataset, generator)
    loader = t.utils.data.DataLoader(
        dataset, batch_size=batch_size, drop_last=drop_last, generator=generator, **options
    )
    seen = []
    for _ in range(2):
        for batch in loader:
            seen.append([b.tolist() if hasattr(b, "tolist") else b for b in batch])
            # The moment of every draw matters where the user draws from the same generator.
            seen.append(t.rand((), generator=generator).item())
    return len(loader), seen, t.rand(1).item()


KINDS = itertools.product(
    ("tensors", "subset", "split", "concat", "list"),
    ("shuffle", "sequential", "replacement", "many", "few", "subset", "weighted"),
    ((4, False), (4, True), (13, False), (1, False)),
    (False, True),
)


@pytest.mark.thin(4)
@pytest.mark.parametrize(("data", "sampler", "batches", "own_generator"), list(KINDS))
def test_epochs(data, sampler, batches, own_generator, agree):
    agree(lambda t: _epochs(t, data, sampler, *batches, own_generator))


LOADER_OPTIONS = [
    {"num_workers": -1},
    {"timeout": -1},
    {"prefetch_factor": 2},
    {"prefetch_factor": -2, "num_workers": 1},
    {"persistent_workers": True},
    {"sampler": [1], "shuffle": True},
    {"batch_sampler": [[1]], "batch_size": 3},
    {"batch_sampler": [[1]], "shuffle": True},
    {"batch_size": None, "drop_last": True},
    {"batch_size": 0},
    {"batch_size": 1.5},
    {"batch_size": True},
    {"drop_last": 1},
    {"multiprocessing_context": "spawn"},
    {"multiprocessing_context": "strange", "num_workers": 1},
    {"multiprocessing_context": 3, "num_workers": 1},
]


@pytest.mark.parametrize("options", LOADER_OPTIONS, ids=str)
def test_loader_arguments(options, agree):
    agree(lambda t: t.utils.data.DataLoader([1, 2], **options))


@pytest.mark.parametrize(
    "name",
    ["batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"],
)
def test_loader_is_frozen(name, agree):
    agree(lambda t: setattr(t.utils.data.DataLoader([1]), name, 3))


def _iterable(t, size=5):
    class Numbers(t.utils.data.IterableDataset):
        def __iter__(self):
            return iter(range(size))

        def __len__(self):
            return size

    return Numbers()


ITERABLE = {
    "batches": lambda t: list(t.utils.data.DataLoader(_iterable(t), batch_size=2)),
    "drop": lambda t: list(t.utils.data.DataLoader(_iterable(t), batch_size=2, drop_last=True)),
    "single": lambda t: list(t.utils.data.DataLoader(_iterable(t), batch_size=None)),
    "length": lambda t: len(t.utils.data.DataLoader(_iterable(t), batch_size=2)),
    "shuffle": lambda t: t.utils.data.DataLoader(_iterable(t), shuffle=True),
    "sampler": lambda t: t.utils.data.DataLoader(_iterable(t), sampler=[1]),
    "batch_sampler": lambda t: t.utils.data.DataLoader(_iterable(t), batch_sampler=[[1]]),
    "chain": lambda t: list(t.utils.data.ChainDataset([_iterable(t), _iterable(t, 2)])),
    "chain length": lambda t: len(_iterable(t) + _iterable(t, 2)),
    "wrong chain": lambda t: list(t.utils.data.ChainDataset([[1]])),
    "concat": lambda t: t.utils.data.ConcatDataset([_iterable(t)]),
}


@pytest.mark.parametrize("name", ITERABLE)
def test_iterable(name, agree):
    agree(ITERABLE[name])


ERRORS = {
    "empty random": lambda d, t: d.RandomSampler([]),
    "replacement": lambda d, t: d.RandomSampler([1], replacement=3),
    "num_samples": lambda d, t: d.RandomSampler([1], num_samples=1.0),
    "weighted count": lambda d, t: d.WeightedRandomSampler([1.0], 0),
    "weighted replacement": lambda d, t: d.WeightedRandomSampler([1.0], 1, replacement=3),
    "weighted shape": lambda d, t: d.WeightedRandomSampler([[1.0]], 1),
    "batch size": lambda d, t: d.BatchSampler([1], 0, False),
    "batch drop": lambda d, t: d.BatchSampler([1], 2, 3),
    "tensor sizes": lambda d, t: d.TensorDataset(t.zeros(2), t.zeros(3)),
    "no stack": lambda d, t: d.StackDataset(),
    "stack sizes": lambda d, t: d.StackDataset([1], [1, 2]),
    "stack both": lambda d, t: d.StackDataset([1], a=[1]),
    "no concat": lambda d, t: d.ConcatDataset([]),
    "concat below": lambda d, t: d.ConcatDataset([[1, 2], [3]])[-4],
    "concat above": lambda d, t: d.ConcatDataset([[1, 2], [3]])[3],
    "concat last": lambda d, t: d.ConcatDataset([[1, 2], [3]])[-1],
    "split sum": lambda d, t: d.random_split(range(10), [3, 3]),
    "split fraction": lambda d, t: d.random_split(range(10), [1.3, -0.3]),
    "split": lambda d, t: [list(s) for s in d.random_split(range(10), [0.3, 0.3, 0.4])],
    "split rest": lambda d, t: [len(s) for s in d.random_split(range(3), [0.1, 0.9])],
    "no getitem": lambda d, t: d.Dataset()[0],
    "no length": lambda d, t: len(d.Dataset()),
    "no iter": lambda d, t: iter(d.Sampler()),
    "row out of range": lambda d, t: list(
        d.DataLoader(d.TensorDataset(t.arange(3)), batch_sampler=[[11]])
    ),
    "subset out of range": lambda d, t: list(
        d.DataLoader(d.Subset(d.TensorDataset(t.arange(3)), [1, 30]))
    ),
    "stack items": lambda d, t: list(d.DataLoader(d.StackDataset([1, 2], [3, 4]), batch_size=2)),
}


@pytest.mark.parametrize("name", ERRORS)
def test_datasets_and_samplers(name, agree):
    agree(lambda t: ERRORS[name](t.utils.data, t))


Pair = collections.namedtuple("Pair", "a b")
BATCHES = {
    "object": lambda t: [object],
    "uneven": lambda t: [[1, 2], [3]],
    "empty": lambda t: [],
    "shapes": lambda t: [t.zeros(2), t.zeros(3)],
    "none": lambda t: [None],
    "text array": lambda t: [np.array(["a"])],
    "float32": lambda t: [np.float32(1), np.float32(2)],
    "ints": lambda t: [1, 2],
    "floats": lambda t: [1.0, 2],
    "int then float": lambda t: [1, 2.5],
    "bools": lambda t: [True, False],
    "bytes": lambda t: [b"a"],
    "dicts": lambda t: [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}],
    "ordered": lambda t: [collections.OrderedDict(a=1), collections.OrderedDict(a=2)],
    "missing key": lambda t: [{"a": 1}, {"b": 1}],
    "tuples": lambda t: [(1, "a"), (2, "b")],
    "pairs": lambda t: [Pair(1, 2), Pair(3, 4)],
    "lists": lambda t: [[np.zeros(2), 1], [np.ones(2), 2]],
    "arrays": lambda t: [np.zeros(2), np.ones(2)],
    "scalars": lambda t: [np.array(3), np.array(4)],
    "ranges": lambda t: [range(2), range(2)],
    "sets": lambda t: [{1}, {2}],
    "no entries": lambda t: [[], []],
    "tensors": lambda t: [t.ones(2), t.zeros(2)],
    "dtypes": lambda t: [t.ones(2), t.zeros(2, dtype=t.float64)],
    "with gradient": lambda t: [t.ones(2, requires_grad=True), t.zeros(2)],
}


@pytest.mark.parametrize("name", BATCHES)
def test_collate(name, agree):
    agree(lambda t: t.utils.data.default_collate(BATCHES[name](t)))


@pytest.mark.parametrize("name", BATCHES)
def test_convert(name, agree):
    agree(lambda t: t.utils.data.default_convert(BATCHES[name](t)))
