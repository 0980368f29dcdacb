"""Batches of sequences of different lengths: padded, and packed step by step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

import facula

from ...ops.indexing import TAKE, zeros
from ...ops.movement import cat, reshape
from ...tensor import Tensor, from_array, wrap
from ...trace.recorder import record, record2


class _Packed(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes another one; None for None."""
    if permutation is None:
        return None
    order = permutation._array()
    out = np.empty_like(order)
    out[order] = np.arange(order.size)
    return from_array(out)


class PackedSequence(_Packed):
    """Sequences by decreasing length, step after step: `data` (total, *), `batch_sizes` how
    many take part in each step (int64). `sorted_indices`, `unsorted_indices`: to sorted order
    and back, if it was not given.
    """

    def __new__(
        cls,
        data: Tensor,
        batch_sizes: Any = None,
        sorted_indices: Any = None,
        unsorted_indices: Any = None,
    ) -> PackedSequence:
        if batch_sizes is None:
            data, batch_sizes = data
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """With data of another dtype."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        return type(self)(data, self.batch_sizes, self.sorted_indices, self.unsorted_indices)

    def cpu(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """This: there is one device."""
        return self

    def double(self) -> PackedSequence:
        return self.to(facula.float64)

    def float(self) -> PackedSequence:
        return self.to(facula.float32)

    def half(self) -> PackedSequence:
        return self.to(facula.float16)

    def long(self) -> PackedSequence:
        return self.to(facula.int64)

    def int(self) -> PackedSequence:
        return self.to(facula.int32)

    @property
    def is_cuda(self) -> bool:
        return self.data.is_cuda

    def is_pinned(self) -> bool:
        return False

    def pin_memory(self) -> PackedSequence:
        return self


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """The first `lengths[k]` steps of sequence k of (T, N, *) (with batch_first (N, T, *)), packed.

    lengths: numbers or a tensor of N. enforce_sorted: they don't grow; False sorts.
    RuntimeError for lengths that don't fit.
    """
    sizes = np.asarray(lengths.tolist() if isinstance(lengths, Tensor) else lengths, np.int64)
    v = input._v
    order = None
    if not enforce_sorted:
        order = np.argsort(-sizes, kind="stable")
        sizes = sizes[order]
    steps, batch = v.meta.shape[:2][:: -1 if batch_first else 1]
    if sizes.size != batch:
        raise RuntimeError(
            "Expected `len(lengths)` to be equal to batch_size, but got "
            f"{sizes.size} (batch_size={batch})"
        )
    if sizes.size and int(sizes.min()) <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' "
            "that is <= 0"
        )
    if (np.diff(sizes) > 0).any():
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You "
            "can pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to "
            "sidestep this requirement if you do not need ONNX exportability."
        )
    if int(sizes[0]) > steps:
        raise RuntimeError(f"a length is {int(sizes[0])}, but the sequences have {steps} steps")
    counts = (sizes[None, :] > np.arange(int(sizes[0]))[:, None]).sum(1)
    columns = np.arange(batch) if order is None else order
    rows = [
        (columns[:m] * steps + t if batch_first else t * batch + columns[:m])
        for t, m in enumerate(counts)
    ]
    flat = reshape(v, (steps * batch, *v.meta.shape[2:]))
    index = from_array(np.concatenate(rows).astype(np.int64))
    data = wrap(record2(TAKE, flat, index._v, (0,)))
    data._fn_name = "PackPaddedSequenceBackward0"
    chosen = None if order is None else from_array(order.astype(np.int64))
    return PackedSequence(data, from_array(counts.astype(np.int64)), chosen, None)


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """(sequences (T, N, *) or, with batch_first, (N, T, *), padded at the end; their lengths,
    int64).

    total_length: T, at least the longest sequence's (ValueError).
    """
    counts = sequence.batch_sizes._array()
    longest, batch = counts.size, int(counts[0])
    if total_length is not None and total_length < longest:
        raise ValueError(
            "Expected total_length to be at least the length of the longest sequence in input, but "
            f"got total_length={total_length} and max sequence length being {longest}"
        )
    steps = longest if total_length is None else total_length
    v = sequence.data._v
    total = v.meta.shape[0]
    place = np.full((steps, batch), total, np.int64)
    at = 0
    for t, m in enumerate(counts):
        place[t, :m] = np.arange(at, at + m)
        at += int(m)
    lengths = (counts[:, None] > np.arange(batch)).sum(0)
    if sequence.unsorted_indices is not None:
        back = sequence.unsorted_indices._array()
        place, lengths = place[:, back], lengths[back]
    if batch_first:
        place = place.T
    if (place == total).any():
        rest = v.meta.shape[1:]
        if padding_value == 0:
            filler = zeros((1, *rest), v)
        else:
            filler = facula.full((1, *rest), padding_value, dtype=sequence.data.dtype)._v
        v = cat([v, filler], 0)
    index = from_array(np.ascontiguousarray(place))
    padded = wrap(record(TAKE, (v, index._v), (0,)))
    return padded, from_array(lengths.astype(np.int64))


def pad_sequence(
    sequences: Any,
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Tensors (L, *) of different lengths as one (T, N, *) or, with batch_first, (N, T, *)."""
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            "pad_sequence: Expected iterable for input sequences, but got arg of type: "
            f"{type(sequences)}"
        )
    parts = list(sequences.unbind(0)) if isinstance(sequences, Tensor) else list(sequences)
    if not parts:
        raise RuntimeError("received an empty list of sequences")
    if padding_side not in ("left", "right"):
        raise RuntimeError(
            f"Expected padding_side to be one of left or right, but got {padding_side}."
        )
    longest = max(p.size(0) for p in parts)
    grown = []
    for p in parts:
        more = longest - p.size(0)
        ends = (more, 0) if padding_side == "left" else (0, more)
        amounts = (0, 0) * (p.dim() - 1) + ends
        grown.append(facula.nn.functional.pad(p, amounts, value=padding_value) if more else p)
    return facula.stack(grown, 0 if batch_first else 1)


def unpad_sequence(
    padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False
) -> list[Tensor]:
    """The inverse of pad_sequence: the first `lengths[k]` steps of each sequence."""
    v: Any = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [v[k, :n] for k, n in enumerate(lengths.tolist())]


def pack_sequence(sequences: list[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Tensors (L, *) packed; see pack_padded_sequence."""
    lengths = [p.size(0) for p in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences of a pack, in their first order."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
