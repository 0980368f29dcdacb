"""Samplers: the order in which a DataLoader visits a dataset.

The draws of random numbers, their order and the moment at which they happen are PyTorch's, so that
the same seed gives the same batches. Samplers whose whole order is known at the start of an epoch
also give it as one array (`epoch_order`), which spares the DataLoader a Python loop over the
samples.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence, Sized
from typing import Any, Generic, TypeVar

import numpy as np

import facula

from ...functions.random import engine_of

T_co = TypeVar("T_co", covariant=True)


def draw_seed(generator: Any = None) -> int:
    """A seed for another generator, drawn from `generator` (None: the default one)."""
    # what `random_` draws for an int64, without the tensor around it
    return engine_of(generator).word64() & 0x7FFFFFFFFFFFFFFF


class Sampler(Generic[T_co]):
    """An iterable over indices, or over lists of indices for a batch sampler."""

    def __init__(self, data_source: Any = None) -> None:
        pass

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError


class SequentialSampler(Sampler[int]):
    """0, 1, 2, ... in order."""

    data_source: Sized

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


def _check_replacement(value: Any, kind: type[Exception]) -> None:
    if not isinstance(value, bool):
        raise kind(f"replacement should be a boolean value, but got replacement={value}")


class RandomSampler(Sampler[int]):
    """Indices in random order.

    `replacement`: every index is drawn from all. `num_samples`: how many, default the dataset's
    length. `generator`: the source of random numbers; None takes a new one with a seed from the
    default generator.
    """

    data_source: Sized

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Any = None,
    ) -> None:
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        _check_replacement(replacement, TypeError)
        if not isinstance(self.num_samples, int) or self.num_samples <= 0:
            raise ValueError(
                "num_samples should be a positive integer value, but got "
                f"num_samples={self.num_samples}"
            )

    @property
    def num_samples(self) -> int:
        """How many indices one pass yields."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def _generator(self) -> Any:
        if self.generator is not None:
            return self.generator
        generator = facula.Generator()
        generator.manual_seed(draw_seed())
        return generator

    def __iter__(self) -> Iterator[int]:
        size = len(self.data_source)
        generator = self._generator()
        if self.replacement:
            blocks = [32] * (self.num_samples // 32) + [self.num_samples % 32]
            for block in blocks:
                drawn = facula.randint(
                    high=size, size=(block,), dtype=facula.int64, generator=generator
                )
                yield from drawn.tolist()
        else:
            for _ in range(self.num_samples // size):
                yield from facula.randperm(size, generator=generator).tolist()
            rest = facula.randperm(size, generator=generator).tolist()
            yield from rest[: self.num_samples % size]

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """The given indices in random order."""

    indices: Sequence[int]

    def __init__(self, indices: Sequence[int], generator: Any = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        for i in facula.randperm(len(self.indices), generator=self.generator).tolist():
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Indices 0..len(weights)-1 drawn with the given probabilities (need not sum to 1)."""

    def __init__(
        self,
        weights: Sequence[float],
        num_samples: int,
        replacement: bool = True,
        generator: Any = None,
    ) -> None:
        if not isinstance(num_samples, int) or isinstance(num_samples, bool) or num_samples <= 0:
            raise ValueError(
                f"num_samples should be a positive integer value, but got num_samples={num_samples}"
            )
        _check_replacement(replacement, ValueError)
        self.weights = facula.as_tensor(weights, dtype=facula.float64)
        if self.weights.dim() != 1:
            raise ValueError(
                "weights should be a 1d sequence but given weights have shape "
                f"{tuple(self.weights.shape)}"
            )
        self.num_samples, self.replacement, self.generator = num_samples, replacement, generator

    def __iter__(self) -> Iterator[int]:
        drawn = facula.multinomial(
            self.weights, self.num_samples, self.replacement, generator=self.generator
        )
        yield from drawn.tolist()

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """Lists of `batch_size` indices of another sampler; `drop_last` leaves out an incomplete last
    one.
    """

    def __init__(self, sampler: Any, batch_size: int, drop_last: bool) -> None:
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size <= 0:
            raise ValueError(
                f"batch_size should be a positive integer value, but got batch_size={batch_size}"
            )
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last should be a boolean value, but got drop_last={drop_last}")
        self.sampler, self.batch_size, self.drop_last = sampler, batch_size, drop_last

    def __iter__(self) -> Iterator[list[int]]:
        indices = iter(self.sampler)
        while True:
            batch = list(itertools.islice(indices, self.batch_size))
            if not batch or (self.drop_last and len(batch) < self.batch_size):
                return
            yield batch
            if len(batch) < self.batch_size:
                return

    def __len__(self) -> int:
        size = len(self.sampler)
        return size // self.batch_size if self.drop_last else -(-size // self.batch_size)


def epoch_order(sampler: Any) -> tuple[np.ndarray, Callable[[], Any]] | None:
    """One pass of a sampler as an int64 array, drawn now, with what the sampler does at its end.

    None for a sampler of another class (also a subclass: it may do anything) or one that draws as
    it goes. The end: with a generator of the user's own, `RandomSampler` draws one more
    permutation, which nobody sees but which moves the generator on.
    """
    kind = type(sampler)
    if kind is SequentialSampler:
        return np.arange(len(sampler.data_source)), _nothing
    if kind is RandomSampler and not sampler.replacement:
        size, wanted = len(sampler.data_source), sampler.num_samples
        if wanted > size:
            return None
        generator = sampler._generator()
        order = facula.randperm(size, generator=generator)._array()
        if wanted < size or sampler.generator is None:
            return order[:wanted], _nothing
        return order, lambda: facula.randperm(size, generator=generator)
    if kind is SubsetRandomSampler:
        chosen = as_index_array(sampler.indices)
        if chosen is None:
            return None
        order = facula.randperm(len(chosen), generator=sampler.generator)._array()
        return chosen[order], _nothing
    if kind is WeightedRandomSampler:
        drawn = facula.multinomial(
            sampler.weights, sampler.num_samples, sampler.replacement, generator=sampler.generator
        )
        return drawn._array(), _nothing
    return None


def _nothing() -> None:
    return None


def as_index_array(indices: Any) -> np.ndarray | None:
    """A sequence of plain integers as an int64 vector; None for anything else."""
    if not isinstance(indices, (list, tuple, range, np.ndarray)) or not len(indices):
        return None
    try:
        array = np.asarray(indices)
    except (ValueError, TypeError, OverflowError):  # ragged or exotic: the caller goes one by one
        return None
    if array.ndim != 1 or array.dtype.kind not in "iu":
        return None
    return array.astype(np.int64, copy=False)
