"""What becomes of a product's tile: it is written, added to what the blocks before have written, or
given to an epilogue; as it is, or turned where the product was computed transposed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from .. import writer
from ..emitter import V
from ..scalar_code import broadcast
from ..writer import I64, Writer
from . import tile
from .epilogue import Epilogue
from .right import Panels


class Result(Panels, Protocol):
    """How a result is computed: in tiles of `rows`; blocks: of the sum."""

    rows: int
    blocks: int


def store(
    w: Writer, p: Result, found: list[list[V]], c: V, n: V, right: V, masks: list[V], done: V,
    again: V,
) -> None:  # fmt: skip
    """Writes a tile, or adds to what the blocks before have written; `done` rows are left out.
    right: columns of the result from the tile's first one on.
    """

    def write(add: bool, whole: bool) -> None:
        for r, row in enumerate(found):
            wanted = broadcast(w, w.compare("icmp", "sle", done, w.number(r)), p.lanes)
            for j, x in enumerate(row):
                at = w.element(c, w.add(w.mul(n, w.number(r)), w.number(j * p.lanes)), p.tag)
                mask = None if whole else w.usually(w.binary("and", masks[j], wanted), 0)
                if add:
                    x = w.binary("fadd", x, w.load(at, p.tag, p.lanes, mask))
                w.store(x, at, p.tag, mask)

    def choose(whole: bool) -> None:
        w.when(again, lambda: write(True, whole), lambda: write(False, whole))

    if not writer.lacks_mask_registers():
        choose(False)
        return
    full = w.compare("icmp", "sge", right, w.number(p.columns))
    full = w.binary("and", full, w.compare("icmp", "eq", done, w.number(0)))
    w.when(full, lambda: choose(True), lambda: choose(False))


def _inside(w: Writer, p: Result, done: V) -> V:
    """The lanes of a turned vector that are rows of the tile, those that are `done` left out."""
    lanes = w.lane_numbers(p.lanes, I64)
    below = w.compare("icmp", "slt", lanes, w.splat(str(p.rows), lanes.ty))
    inside = w.binary("and", below, w.compare("icmp", "sge", lanes, broadcast(w, done, p.lanes)))
    return w.usually(inside, p.rows)


def _columns(w: Writer, p: Result, found: list[list[V]], j: int) -> list[V]:
    """The columns of a tile under its vectors j."""
    column = [row[j] for row in found]
    column += [w.splat("0.0", column[0].ty)] * (p.lanes - p.rows)
    return tile.transposed(w, column)


def store_turned(
    w: Writer, p: Result, found: list[list[V]], c: V, m: V, left: V, done: V, again: V
) -> None:
    """As `store`, for a result that lies transposed; `left` columns of the tile are in it."""
    inside, slow = _inside(w, p, done), writer.lacks_mask_registers()

    def columns() -> Iterator[tuple[int, V, V]]:
        for j in range(p.vectors):
            for i, x in enumerate(_columns(w, p, found, j)):
                number = j * p.lanes + i
                yield number, x, w.element(c, w.mul(m, w.number(number)), p.tag)

    repeat = w.binary("and", inside, broadcast(w, again, p.lanes))

    def all_of_it() -> None:
        for _, x, at in columns():
            if slow:
                w.store_first(x, at, p.tag, p.rows)
            else:
                w.store(x, at, p.tag, inside)

    def part_of_it() -> None:
        for number, x, at in columns():

            def write(x: V = x, at: V = at) -> None:
                before = w.load(at, p.tag, p.lanes, repeat)
                w.store(w.binary("fadd", x, before), at, p.tag, inside)

            w.when(w.compare("icmp", "sgt", left, w.number(number)), write)

    # Without branches between them, the columns are turned in registers.
    full = w.compare("icmp", "sge", left, w.number(p.columns))
    if slow:
        full = w.binary("and", full, w.compare("icmp", "eq", done, w.number(0)))
    first = w.binary("xor", again, V("i1", "true"))
    w.when(w.binary("and", full, first), all_of_it, part_of_it)


def finish(
    w: Writer, p: Result, epilogue: Epilogue, found: list[list[V]], row: V, column: V, c: V, n: V,
    masks: list[V], done: V, again: V,
) -> None:  # fmt: skip
    """Gives a tile's rows, with what the blocks before have written, to the epilogue, in vectors of
    its kernel, which may be as long as several; masks: of these.
    """
    lanes = epilogue.k.lanes
    repeat = broadcast(w, again, lanes)

    def before(r: V, j: int, mask: V) -> V:
        at = w.element(c, w.add(w.mul(n, r), w.number(j * lanes)), p.tag)
        return w.load(at, p.tag, lanes, w.binary("and", mask, repeat))

    epilogue.take_rows(found, row, column, masks, done, before if p.blocks > 1 else None)


def finish_turned(
    w: Writer, p: Result, epilogue: Epilogue, found: list[list[V]], row: V, column: V, c: V, m: V,
    left: V, done: V, again: V,
) -> None:  # fmt: skip
    """As `finish`, for a result that lies transposed: a tile's columns are the rows."""
    inside = _inside(w, p, done)
    repeat = w.binary("and", inside, broadcast(w, again, p.lanes))

    def before(r: V) -> V:
        return w.load(w.element(c, w.mul(m, r), p.tag), p.tag, p.lanes, repeat)

    rows = [x for j in range(p.vectors) for x in _columns(w, p, found, j)]
    count = w.smaller(left, w.number(p.columns))
    epilogue.take_columns(rows, row, column, inside, count, before if p.blocks > 1 else None)
