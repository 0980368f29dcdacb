"""The left operand of a product, copied by the chunk in the order in which tiles read it.

A tile reads one number for each of its rows at every place of the summed axis. Where the operand
lies, these are in as many different lines of memory, often at distances that share a few places of
the nearest cache; in the copy they lie side by side. The copy is the chunk's own, and stays in its
processor's cache while the panels of the right operand pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from ..emitter import V, vec
from ..scalar_code import REGISTER, SIZE
from ..writer import Writer
from . import tile

_STRETCH = 128  # places of which few rows are turned at a time
_TOGETHER = 4  # places of the sum that are copied in one go
_AHEAD = 12  # places of the sum after which lines are asked for


class Left(Protocol):
    """How the left operand lies. a_by_row: whether the summed axis lies side by side."""

    tag: str
    lanes: int
    rows: int
    depth: int
    a_by_row: bool


def pitch(p: Left) -> int:
    """The elements from one tile's copy to the next: whole vectors are written, and the copies
    begin at different distances from a page's start.
    """
    return p.rows * (-(-p.depth // p.lanes) * p.lanes) + 2 * p.lanes


def pitch_at_run_time(w: Writer, p: Left, depth: V) -> V:
    """As `pitch`, where code is shared between depths."""
    whole = w.binary("udiv", w.add(depth, w.number(p.lanes - 1)), w.number(p.lanes))
    ends = w.mul(whole, w.number(p.lanes))
    return w.add(w.mul(ends, w.number(p.rows)), w.number(2 * p.lanes))


def nbytes(p: Left, tiles: int) -> int:
    """Of the copies of some tiles."""
    return (tiles * pitch(p) + p.lanes) * SIZE[p.tag]


def copy_tiles(
    w: Writer, p: Left, source: V, step: V, count: V, first: V, stop: V,
    first_row: Callable[[V], V], between: V, target: V, far: bool = False,
) -> None:  # fmt: skip
    """Copies the tiles from `first` to below `stop` to `target`: [tile][k][row of the tile].

    source: the address of row 0 at the first place of the sum; step: to the next row, or to the
    next place where rows lie side by side; count: of places; between: elements from one copy to
    the next (`pitch`); far: whether the operand is too large for a processor's own cache.
    """
    if p.a_by_row:
        _turn(w, p, source, step, count, first, stop, first_row, between, target)
    else:
        _gather(w, p, source, step, count, first, stop, first_row, between, target, far)


def _parts(p: Left) -> list[tuple[int, int]]:
    """(first row, rows) of the vectors that a place of a tile's copy is written by."""
    return [(i, min(p.lanes, p.rows - i)) for i in range(0, p.rows, p.lanes)]


def _turn(
    w: Writer, p: Left, source: V, step: V, count: V, first: V, stop: V,
    first_row: Callable[[V], V], between: V, target: V,
) -> None:  # fmt: skip
    """Rows are read in vectors along the summed axis, and turned."""
    nothing = w.splat("0.0", vec(REGISTER[p.tag], p.lanes))

    def one(t: V, _: list[V]) -> list[V]:
        start = w.element(source, w.mul(first_row(t), step), p.tag)
        to = w.element(target, w.mul(w.binary("sub", t, first), between), p.tag)
        rows = [
            w.element(start, w.mul(step, w.number(r)), p.tag) if r else start for r in range(p.rows)
        ]

        def copy(parts: Sequence[tuple[int, int]], low: V, high: V) -> None:
            def block(k: V, mask: V | None, _: list[V]) -> list[V]:
                turned = []
                for i, n in parts:
                    found = [
                        w.load(w.element(r, k, p.tag), p.tag, p.lanes, mask)
                        for r in rows[i : i + n]
                    ]
                    turned.append(tile.transposed(w, found + [nothing] * (p.lanes - n)))
                at = w.element(to, w.mul(k, w.number(p.rows)), p.tag)
                # A vector may reach into the next place, which is written after it.
                for j in range(p.lanes):
                    for (i, _n), columns in zip(parts, turned, strict=True):
                        w.store(columns[j], w.element(at, w.number(j * p.rows + i), p.tag), p.tag)
                return []

            w.vector_loop(low, high, p.lanes, [], block)

        def stretch(low: V, _: list[V]) -> list[V]:
            high = w.smaller(w.add(low, w.number(_STRETCH)), count)
            for part in _parts(p):
                copy([part], low, high)
            return []

        if p.rows % p.lanes:
            copy(_parts(p), w.number(0), count)
        else:  # few rows at a time: many would drive each other out of the nearest cache
            w.counted_loop(w.number(0), count, _STRETCH, [], stretch)
        return []

    w.counted_loop(first, stop, 1, [], one)


def _gather(
    w: Writer, p: Left, source: V, step: V, count: V, first: V, stop: V,
    first_row: Callable[[V], V], between: V, target: V, far: bool,
) -> None:  # fmt: skip
    """Rows lie side by side: what lies together is read together, for all the tiles. That is some
    lines at each place of the sum, too few for the processor to see what comes next.
    """
    masks = [None if n == p.lanes else w.first_lanes(n, p.lanes) for _, n in _parts(p)]

    def copy(low: V, high: V, together: int) -> None:
        """From place `low` to below `high`, so many places together."""

        def some(k: V, _: list[V]) -> list[V]:
            starts = [
                w.element(source, w.mul(w.add(k, w.number(u)), step), p.tag)
                for u in range(together)
            ]
            at = w.element(target, w.mul(k, w.number(p.rows)), p.tag)
            further = w.mul(step, w.number(_AHEAD)) if far else None

            def part(t: V, _: list[V]) -> list[V]:
                row = first_row(t)
                to = w.element(at, w.mul(w.binary("sub", t, first), between), p.tag)
                for u, start in enumerate(starts):
                    here = w.element(start, row, p.tag)
                    if further is not None:
                        w.prefetch(w.element(here, further, p.tag))
                    for (i, _n), mask in zip(_parts(p), masks, strict=True):
                        x = w.load(w.element(here, w.number(i), p.tag), p.tag, p.lanes, mask)
                        w.store(x, w.element(to, w.number(u * p.rows + i), p.tag), p.tag)
                return []

            w.counted_loop(first, stop, 1, [], part)
            return []

        w.counted_loop(low, high, together, [], some)

    whole = w.binary("and", count, w.number(-_TOGETHER))
    copy(w.number(0), whole, _TOGETHER)
    copy(whole, count, 1)
