"""The DataLoader: batches of a dataset, in PyTorch's order for the same seed.

Everything runs in this process. `num_workers` and what goes with it are accepted and checked, and
do not start processes for now: a program written for workers gives the same batches here, in the
same order. An IterableDataset is therefore read once, not once per worker, `worker_init_fn` is not
called, and `get_worker_info()` is None. `pin_memory` has no effect.

Where the samples are rows of tensors in memory (a TensorDataset, also behind Subset and
random_split) and nobody has replaced the collate function, a batch is one gather per tensor instead
of a Python loop.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Generic, TypeVar

import numpy as np

from ...tensor import Tensor
from .collate import default_collate, default_convert
from .dataset import IterableDataset, Subset, TensorDataset, _fetch_many
from .rows import Ahead, Bounds, Sources, batches_ahead, gather_ahead, rows_of
from .sampler import (
    BatchSampler,
    RandomSampler,
    SequentialSampler,
    as_index_array,
    draw_seed,
    epoch_order,
)

T_co = TypeVar("T_co", covariant=True)
_FROZEN = frozenset(
    ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")
)


def get_worker_info() -> None:
    """What a worker process knows of itself; None in the main process, which is where all runs."""
    return None


class _InfiniteSampler:
    """Nothing, for ever: what stands for indices where the dataset itself is iterated over."""

    def __iter__(self) -> Iterator[None]:
        while True:
            yield None


class DataLoader(Generic[T_co]):
    """An iterable over the batches of a dataset.

    `batch_size` (None: single samples), `shuffle`, `sampler`, `batch_sampler` and `drop_last`
    choose the samples of a batch; `collate_fn` makes a batch from a list of samples (default
    `default_collate`); `generator` is the source of random numbers. `num_workers`, `timeout`,
    `worker_init_fn`, `multiprocessing_context`, `prefetch_factor`, `persistent_workers`,
    `pin_memory`, `pin_memory_device` and `in_order` are checked and have no effect: see the
    module's text. ValueError for arguments that exclude each other or are out of range.
    """

    dataset: Any
    batch_size: int | None
    num_workers: int
    pin_memory: bool
    drop_last: bool
    timeout: float
    sampler: Any
    _iterator: Any = None
    __initialized = False

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Any = None,
        batch_sampler: Any = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Any = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        self.dataset = dataset
        self.num_workers = num_workers
        if num_workers > 0 and prefetch_factor is None:
            prefetch_factor = 2
        self.prefetch_factor = prefetch_factor
        self.pin_memory, self.pin_memory_device = pin_memory, pin_memory_device
        self.timeout, self.worker_init_fn = timeout, worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order
        self._iterable = isinstance(dataset, IterableDataset)
        if self._iterable:
            _check_iterable(shuffle, sampler, batch_sampler)
        shuffle = bool(shuffle)
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, "
                    "and drop_last"
                )
            batch_size = None
            drop_last = False
        elif batch_size is None and drop_last:
            raise ValueError(
                "batch_size=None option disables auto-batching and is mutually exclusive with "
                "drop_last"
            )
        if sampler is None:
            if self._iterable:
                sampler = _InfiniteSampler()
            elif shuffle:
                sampler = RandomSampler(dataset, generator=generator)
            else:
                sampler = SequentialSampler(dataset)
        if batch_size is not None and batch_sampler is None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size, self.drop_last = batch_size, drop_last
        self.sampler, self.batch_sampler = sampler, batch_sampler
        self.generator = generator
        if collate_fn is None:
            collate_fn = default_convert if batch_sampler is None else default_collate
        self.collate_fn = collate_fn
        self.persistent_workers = persistent_workers
        self._reported_length: int | None = None
        self._seeded = False
        self.__initialized = True

    @property
    def multiprocessing_context(self) -> Any:
        """How worker processes would be started; checked and kept."""
        return self.__multiprocessing_context

    @multiprocessing_context.setter
    def multiprocessing_context(self, context: Any) -> None:
        if context is not None:
            context = _checked_context(context, self.num_workers)
        self.__multiprocessing_context = context

    def __setattr__(self, name: str, value: Any) -> None:
        if self.__initialized and name in _FROZEN:
            raise ValueError(
                f"{name} attribute should not be set after {type(self).__name__} is initialized"
            )
        super().__setattr__(name, value)

    @property
    def _auto_collation(self) -> bool:
        return self.batch_sampler is not None

    @property
    def _index_sampler(self) -> Any:
        return self.sampler if self.batch_sampler is None else self.batch_sampler

    def __iter__(self) -> Iterator[Any]:
        if self._iterable:
            return _IterableIterator(self)
        rows = _rows(self)
        return _MapIterator(self) if rows is None else _RowIterator(self, rows)

    def __len__(self) -> int:
        if not self._iterable:
            return len(self._index_sampler)
        length = self._reported_length = len(self.dataset)
        if self.batch_size is None:
            return length
        if self.drop_last:
            return length // self.batch_size
        return -(-length // self.batch_size)

    def _draw_base_seed(self) -> None:
        """Draws the number from which workers would be seeded: it moves the generator on, as in
        PyTorch.
        """
        if not (self.persistent_workers and self._seeded):
            draw_seed(self.generator)
        self._seeded = True


def _check_workers(workers: int, timeout: float, prefetch: int | None, persistent: bool) -> None:
    if workers < 0:
        raise ValueError(
            "num_workers option should be non-negative; use num_workers=0 to disable "
            "multiprocessing."
        )
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if workers == 0 and prefetch is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing."
            "let num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None."
        )
    if prefetch is not None and prefetch < 0:
        raise ValueError("prefetch_factor option should be non-negative")
    if persistent and workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")


def _check_iterable(shuffle: Any, sampler: Any, batch_sampler: Any) -> None:
    for name, value, given in (
        ("shuffle", shuffle, shuffle not in (False, None)),
        ("sampler", sampler, sampler is not None),
        ("batch_sampler", batch_sampler, batch_sampler is not None),
    ):
        if given:
            raise ValueError(
                f"DataLoader with IterableDataset: expected unspecified {name} option, "
                f"but got {name}={value}"
            )


def _checked_context(context: Any, workers: int) -> Any:
    if workers <= 0:
        raise ValueError(
            "multiprocessing_context can only be used with multi-process loading "
            f"(num_workers > 0), but got num_workers={workers}"
        )
    import multiprocessing  # slow to import, and few programs come here

    if isinstance(context, str):
        methods = multiprocessing.get_all_start_methods()
        if context not in methods:
            raise ValueError(
                "multiprocessing_context option should specify a valid start method in "
                f"{methods!r}, but got multiprocessing_context={context!r}"
            )
        return multiprocessing.get_context(context)
    if not isinstance(context, multiprocessing.context.BaseContext):
        raise TypeError(
            "multiprocessing_context option should be a valid context object or a string "
            f"specifying the start method, but got multiprocessing_context={context}"
        )
    return context


class _Iterator:
    """One pass over a loader. A failing batch raises and the pass can go on with the next one."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        self._loader = loader
        self._dataset = loader.dataset
        self._collate = loader.collate_fn
        self._indices: Iterator[Any] = iter(loader._index_sampler)
        loader._draw_base_seed()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __len__(self) -> int:
        return len(self._loader._index_sampler)

    def __next__(self) -> Any:
        raise NotImplementedError


class _MapIterator(_Iterator):
    """Samples one by one through the dataset's `__getitem__`, or a batch through its
    `__getitems__`.
    """

    def __next__(self) -> Any:
        index = next(self._indices)
        if self._loader._auto_collation:
            return self._collate(_fetch_many(self._dataset, index))
        return self._collate(self._dataset[index])


class _IterableIterator(_Iterator):
    """The samples of an IterableDataset, as they come."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        super().__init__(loader)
        self._samples = iter(loader.dataset)
        self._ended = False
        self._yielded = 0

    def __next__(self) -> Any:
        if self._ended:
            raise StopIteration
        loader = self._loader
        next(self._indices)
        if loader._auto_collation:
            size = loader.batch_size or 1
            samples = list(islice(self._samples, size))
            self._ended = len(samples) < size
            if not samples or (self._ended and loader.drop_last):
                raise StopIteration
            batch = self._collate(samples)
        else:
            batch = self._collate(next(self._samples))
        self._yielded += 1
        self._warn_if_longer()
        return batch

    def _warn_if_longer(self) -> None:
        reported = self._loader._reported_length
        if reported is None or self._yielded <= reported:
            return
        warnings.warn(
            f"Length of IterableDataset {self._dataset} was reported to be {reported} (when "
            "accessing "
            f"len(dataloader)), but {self._yielded} samples have been fetched. ",
            stacklevel=3,
        )


def _gatherable(tensors: Any) -> bool:
    return isinstance(tensors, tuple) and all(
        type(t) is Tensor and not t.requires_grad and t.device.type == "cpu" for t in tensors
    )


def _rows(loader: DataLoader[Any]) -> tuple[TensorDataset, np.ndarray | None] | None:
    """The TensorDataset behind a loader and the rows of it that are used (None: all).

    None where a batch cannot be a plain gather of rows: another dataset or collate function,
    subclasses (which may do anything), tensors that require gradients or lie elsewhere.
    """
    if loader.collate_fn is not default_collate or loader.batch_sampler is None:
        return None
    dataset = loader.dataset
    chosen: np.ndarray | None = None
    while type(dataset) is Subset:
        indices = as_index_array(dataset.indices)
        if indices is None:
            return None
        try:
            chosen = indices if chosen is None else indices[chosen]
        except IndexError:  # the pass itself must raise this, at the batch that is wrong
            return None
        dataset = dataset.dataset
    if type(dataset) is not TensorDataset or not _gatherable(dataset.tensors):
        return None
    return dataset, chosen


class _RowIterator(_Iterator):
    """Batches of rows of tensors, each tensor by one gather.

    Small batches are gathered several at a time. Each is handed out only if the tensors are what
    they were when it was gathered; after a change of one of them during the pass, the rest of the
    pass goes batch by batch. Of tensors with long rows, each batch is gathered when it is due.
    """

    def __init__(
        self, loader: DataLoader[Any], rows: tuple[TensorDataset, np.ndarray | None]
    ) -> None:
        super().__init__(loader)
        self._base, self._chosen = rows
        self._tensors = self._base.tensors
        # Batches gathered before their time, and what is still to be gathered of a block; of both
        # the next one is the last.
        self._ahead: list[list[Any]] = []
        self._queue: list[np.ndarray] = []
        self._block = np.empty(0, np.int64)  # the rows of the block under way
        self._sources: Sources = []
        self._bounds: Bounds = {}
        self._steady = True  # nobody has changed the tensors
        self._size = 0
        self._wide: list[int] = []
        self._due: list[np.ndarray] = []  # their rows for the batches that are gathered ahead
        self._next: Ahead | None = None  # the next batch of the one tensor with long rows
        self._length = -1  # of the tensors that these rows are known to be in
        if type(loader.batch_sampler) is BatchSampler:
            self._size = loader.batch_sampler.batch_size
            count, self._wide = batches_ahead(self._tensors, self._size)
            self._indices = _index_blocks(loader.batch_sampler, self._indices, count)

    def __next__(self) -> Any:
        ahead = self._ahead
        if ahead:
            for tensor, value, version in self._sources:
                if (
                    tensor._v is not value
                    or tensor._ver != version
                    or value.pin is not None
                    or tensor._bundle is not None
                ):
                    break
            else:
                if self._base.tensors is self._tensors:
                    return self._next_ahead() if self._wide else ahead.pop()
            self._queue, self._ahead = self._last_of_block(len(ahead)), []
            self._steady = False
        if self._queue:
            return self._one(self._queue.pop())
        index = next(self._indices)
        size = self._size
        if not size or type(index) is not np.ndarray or len(index) <= size:
            return self._one(index)
        self._block = index
        if self._steady and self._gathered(index):
            return self._next_ahead() if self._wide else self._ahead.pop()
        self._queue = self._last_of_block(len(index) // size)
        return self._one(self._queue.pop())

    def _last_of_block(self, count: int) -> list[np.ndarray]:
        """The rows of the last batches of the block, of the very last one first."""
        block, size = self._block, self._size
        first = len(block) - count * size
        return [block[k : k + size] for k in range(len(block) - size, first - size, -size)]

    def _next_ahead(self) -> Any:
        """The next of the batches gathered ahead, with the long rows that are due."""
        batch = self._ahead.pop()
        rows = self._due.pop()
        try:
            for k in self._wide:
                found = None if self._next is None else self._next.take(rows)
                if found is None:
                    found = rows_of(self._tensors[k], rows, self._length)
                batch[k] = found
        except IndexError:  # it has fewer rows than before
            return self._one_by_one(self._last_of_block(len(self._ahead) + 1)[-1])
        if self._next is not None and self._due:
            self._next.begin(self._due[-1])
        return batch

    def _gathered(self, index: np.ndarray) -> bool:
        """Gathers the batches of a block; False where that must be done one by one."""
        if self._base.tensors is not self._tensors:
            return False
        try:
            rows = index if self._chosen is None else self._chosen[index]
            found = gather_ahead(self._tensors, rows, self._size, self._bounds, self._wide)
        except IndexError:  # raised again at the batch that is wrong
            return False
        if found is None:
            return False
        self._ahead, self._sources = found
        if self._wide:
            size = self._size
            self._due = [rows[k : k + size] for k in range(len(rows) - size, -1, -size)]
            self._length = self._sources[0][1].meta.shape[0]
            if self._next is None and len(self._wide) == 1:
                self._next = Ahead(self._tensors[self._wide[0]], size, self._length)
        return True

    def _one(self, index: Any) -> Any:
        """One batch, by its rows."""
        if self._base.tensors is not self._tensors:
            return self._one_by_one(index)
        rows = index if type(index) is np.ndarray else as_index_array(index)
        if rows is None:
            return self._one_by_one(index)
        try:
            if self._chosen is not None:
                rows = self._chosen[rows]
            return [rows_of(tensor, rows) for tensor in self._tensors]
        except IndexError:
            return self._one_by_one(index)  # raises the dataset's own error

    def _one_by_one(self, index: Any) -> Any:
        listed = index.tolist() if isinstance(index, np.ndarray) else index
        return self._collate(_fetch_many(self._dataset, listed))


def _index_blocks(sampler: BatchSampler, fallback: Iterator[Any], count: int) -> Iterator[Any]:
    """The batches of a BatchSampler as slices of one array, `count` whole batches at a time; draws
    when the first one is asked for.
    """
    known = epoch_order(sampler.sampler)
    if known is None:
        yield from fallback
        return
    order, finish = known
    size = sampler.batch_size
    whole = len(order) - len(order) % size
    for start in range(0, whole, count * size):
        yield order[start : min(start + count * size, whole)]
    finish()
    if whole < len(order) and not sampler.drop_last:
        yield order[whole:]
