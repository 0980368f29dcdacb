"""Index arithmetic: movement ops as affine maps from a kernel's loops to the elements of a value.

Movement ops cost nothing: a kernel that reads a permuted, sliced or reshaped value reads the value
itself at other addresses. An index map gives, for each axis of a value, an affine expression over
the loops of the kernel: (constant, coefficient of loop 0, coefficient of loop 1, ...). Splitting an
axis keeps maps affine. Merging axes needs a division; where the loops are cut at the right places
it is exact and stays affine. Where a loop would have to be cut first, `NeedSplit` says so; where
nothing helps, `NotAffine` tells the scheduler to put the value in memory.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from math import prod

Affine = tuple[int, ...]
IndexMap = tuple[Affine, ...]
Sizes = tuple[int, ...]
_REMEMBERED = 4096  # maps of each kind: the layers of a network are often the same


class View:
    """Strided access to a value in memory: value, element offset, one stride per axis."""

    __slots__ = ("value", "offset", "strides")

    def __init__(self, value: int, offset: int, strides: tuple[int, ...]) -> None:
        self.value, self.offset, self.strides = value, offset, strides


class NeedSplit(Exception):
    """Loop `loop` must be cut into (size // inner, inner) for a map to be affine."""

    def __init__(self, loop: int, inner: int) -> None:
        super().__init__(f"loop {loop} must be split by {inner}")
        self.loop, self.inner = loop, inner


class NotAffine(Exception):
    """The map has no affine form over these loops."""


def strides_of(shape: Sequence[int]) -> list[int]:
    """Element strides of a dense row-major array."""
    out = [1] * len(shape)
    for i in range(len(shape) - 2, -1, -1):
        out[i] = out[i + 1] * shape[i + 1]
    return out


def combine(terms: Sequence[tuple[int, Affine]], loops: int) -> Affine:
    """The sum of factor * affine over `terms`."""
    out = [0] * (loops + 1)
    for factor, affine in terms:
        if factor:
            for i, c in enumerate(affine):
                if c:
                    out[i] += factor * c
    return tuple(out)


def bounds(affine: Affine, sizes: Sequence[int]) -> tuple[int, int]:
    """The least and the greatest value over the loops' ranges (which are not empty)."""
    low = high = affine[0]
    for c, n in zip(affine[1:], sizes, strict=True):
        if c > 0:
            high += c * (n - 1)
        elif c:
            low += c * (n - 1)
    return low, high


def divide(affine: Affine, by: int, sizes: Sequence[int]) -> tuple[Affine, Affine]:
    """(affine // by, affine % by), both affine. Raises NeedSplit or NotAffine."""
    quotient, rest = [0] * len(affine), [0] * len(affine)
    quotient[0], rest[0] = divmod(affine[0], by)
    for i in range(1, len(affine)):
        c = affine[i]
        if c % by == 0:
            quotient[i] = c // by
        else:
            rest[i] = c
    low, high = bounds(tuple(rest), sizes)
    if low >= 0 and high < by:
        return tuple(quotient), tuple(rest)
    for i in range(1, len(rest)):
        c, n = rest[i], sizes[i - 1]
        if 0 < c < by < c * n and by % c == 0 and n % (by // c) == 0:
            raise NeedSplit(i - 1, by // c)
    raise NotAffine(f"{affine} by {by}")


@functools.lru_cache(_REMEMBERED)
def reshape_map(index: IndexMap, shape: Sizes, source: Sizes, sizes: Sizes) -> IndexMap:
    """The map of a value of shape `source`, given the map of its reshape to `shape`."""
    if shape == source:
        return index
    loops = len(sizes)
    zero: Affine = (0,) * (loops + 1)
    if prod(shape) == 0:
        return (zero,) * len(source)
    out: list[Affine] = []
    a = b = 0
    while a < len(shape) or b < len(source):
        if a < len(shape) and shape[a] == 1:
            a += 1
            continue
        if b < len(source) and source[b] == 1:
            out.append(zero)
            b += 1
            continue
        first_a, first_b = a, b
        total_a, total_b = shape[a], source[b]
        a, b = a + 1, b + 1
        while total_a != total_b:
            if total_a < total_b:
                total_a *= shape[a]
                a += 1
            else:
                total_b *= source[b]
                b += 1
        if a - first_a == 1:
            linear = index[first_a]
        else:
            strides = strides_of(shape[first_a:a])
            linear = combine(list(zip(strides, index[first_a:a], strict=True)), loops)
        if b - first_b == 1:
            out.append(linear)
            continue
        part: list[Affine] = []
        for n in reversed(source[first_b + 1 : b]):
            if n == 1:
                part.append(zero)
                continue
            linear, rest = divide(linear, n, sizes)
            part.append(rest)
        part.append(linear)
        out.extend(reversed(part))
    return tuple(out)


def identity_map(count: int) -> IndexMap:
    """Axis k is loop k."""
    return tuple(tuple(int(j == k + 1) for j in range(count + 1)) for k in range(count))


@functools.lru_cache(_REMEMBERED)
def offset_of(index: IndexMap, shape: Sizes, loops: int) -> Affine:
    """The element offset in a dense array of `shape` as an affine expression."""
    return combine(list(zip(strides_of(shape), index, strict=True)), loops)


def offset_of_strides(index: IndexMap, strides: Sequence[int], loops: int) -> Affine:
    """The element offset at these strides."""
    return combine(list(zip(strides, index, strict=True)), loops)


@functools.lru_cache(_REMEMBERED)
def movement_map(
    op: str, attrs: tuple, index: IndexMap, shape: Sizes, source: Sizes, sizes: Sizes
) -> IndexMap:
    """The map of the operand (shape `source`) of a movement node (shape `shape`, map `index`).

    `pad` and `cat` are not here: they also need conditions.
    """
    if op == "reshape":
        return reshape_map(index, shape, source, sizes)
    if op == "permute":
        out: list[Affine] = [()] * len(source)
        for k, d in enumerate(attrs[0]):
            out[d] = index[k]
        return tuple(out)
    if op == "expand":
        zero: Affine = (0,) * (len(sizes) + 1)
        return tuple(zero if n == 1 else a for a, n in zip(index, source, strict=True))
    if op == "slice":
        starts, _, steps = attrs
        return tuple(
            (s + a[0] * t, *(c * t for c in a[1:]))
            for a, s, t in zip(index, starts, steps, strict=True)
        )
    if op == "strided":
        strides, offset = attrs
        return (shift(combine(list(zip(strides, index, strict=True)), len(sizes)), offset),)
    if op == "flip":
        dims = attrs[0]
        return tuple(
            (n - 1 - a[0], *(-c for c in a[1:])) if k in dims else a
            for k, (a, n) in enumerate(zip(index, source, strict=True))
        )
    raise AssertionError(op)


def shift(affine: Affine, by: int) -> Affine:
    """affine + by."""
    return (affine[0] + by, *affine[1:])
