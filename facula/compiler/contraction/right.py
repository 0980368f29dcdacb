"""The right operand of a product, packed into panels: aligned whole vectors in the order in which
tiles want them, whatever way the operand lies.

Threads share a packed copy that a step of its own makes, or each packs block after block for
itself.
"""

from __future__ import annotations

from typing import Protocol

from ..emitter import V
from ..writer import I64, Writer
from . import tile
from .batch import places
from .parts import left_of, split


class Panels(Protocol):
    """How panels lie: `vectors` vectors of `lanes` for each place of the summed axis."""

    tag: str
    lanes: int
    vectors: int
    columns: int


class Right(Panels, Protocol):
    """How the right operand lies. b_by_column: whether the summed axis lies side by side."""

    b_by_column: bool


def column_masks(w: Writer, p: Panels, left: V, lanes: int = 0) -> list[V]:
    """The masks of the vectors of a panel, of these or of other lanes, of which `left` columns are
    in the result.
    """
    lanes = lanes or p.lanes
    return [
        left_of(w, w.binary("sub", left, w.number(j)), lanes) for j in range(0, p.columns, lanes)
    ]


def pack_text(p: Right) -> str:
    """The kernel that packs an operand for all threads; `Plan.pack` makes its record."""
    header = 13
    w = Writer()
    f = [w.field(i) for i in range(header)]
    source, target = w.slot(f[0]), w.slot(f[1])
    n, k, step, depth, blocks, panels, pitch, per, units, start, axes = f[2:]
    stop = w.smaller(w.mul(V(I64, "%end"), per), units)

    def unit(u: V, _: list[V]) -> list[V]:
        rest, panel = split(w, u, panels)
        place, block = split(w, rest, blocks)
        (offset,) = places(w, place, axes, header, [start])
        to = w.element(target, w.mul(u, pitch), p.tag)
        _pack_unit(w, p, w.element(source, offset, p.tag), block, panel, n, k, step, depth, to)
        return []

    w.counted_loop(w.mul(V(I64, "%begin"), per), stop, 1, [], unit)
    w.stmt("ret void")
    return w.module()


def _pack_unit(
    w: Writer, p: Right, matrix: V, block: V, panel: V, n: V, k: V, step: V, depth: V, to: V
) -> None:
    """Packs a block of a panel of the right operand, whose first element is at `matrix`."""
    first_k, first_n = w.mul(block, depth), w.mul(panel, w.number(p.columns))
    count = w.smaller(depth, w.binary("sub", k, first_k))
    if p.b_by_column:
        base = w.element(matrix, first_k, p.tag)
        for j in range(p.vectors):
            column = w.add(first_n, w.number(j * p.lanes))
            pack_columns(w, p, base, column, n, step, count, to, j)
    else:
        base = w.element(matrix, w.add(first_n, w.mul(first_k, step)), p.tag)
        pack_rows(w, p, base, w.binary("sub", n, first_n), step, count, to)


def pack_block(
    w: Writer, p: Right, matrix: V, block: V, n: V, k: V, step: V, depth: V, panels: V, pitch: V,
    room: V,
) -> None:  # fmt: skip
    """Packs a block of the right operand into the thread's own memory."""

    def unit(panel: V, _: list[V]) -> list[V]:
        to = w.element(room, w.mul(panel, pitch), p.tag)
        _pack_unit(w, p, matrix, block, panel, n, k, step, depth, to)
        return []

    w.counted_loop(w.number(0), panels, 1, [], unit)


def pack_rows(w: Writer, p: Panels, base: V, left: V, step: V, count: V, to: V) -> None:
    """The columns lie side by side: whole vectors are copied."""
    masks = column_masks(w, p, left)

    def row(k: V, _: list[V]) -> list[V]:
        at = w.element(base, w.mul(k, step), p.tag)
        target = w.element(to, w.mul(k, w.number(p.columns)), p.tag)
        for j, mask in enumerate(masks):
            x = w.load(w.element(at, w.number(j * p.lanes), p.tag), p.tag, p.lanes, mask)
            w.store(x, w.element(target, w.number(j * p.lanes), p.tag), p.tag)
        return []

    w.counted_loop(w.number(0), count, 1, [], row)


def pack_columns(
    w: Writer, p: Panels, base: V, column: V, n: V, step: V, count: V, to: V, j: int
) -> None:
    """The summed axis lies side by side: blocks of lanes x lanes are transposed."""
    last = w.binary("sub", n, w.number(1))
    rows = []
    for i in range(p.lanes):
        number = w.smaller(w.add(column, w.number(i)), last)
        rows.append(w.element(base, w.mul(number, step), p.tag))

    def block(k: V, mask: V | None, _: list[V]) -> list[V]:
        for row in rows:
            w.prefetch(w.element(row, w.add(k, w.number(4 * p.lanes)), p.tag))
        found = [w.load(w.element(row, k, p.tag), p.tag, p.lanes, mask) for row in rows]
        for i, x in enumerate(tile.transposed(w, found)):
            place = w.add(w.mul(w.add(k, w.number(i)), w.number(p.columns)),
                          w.number(j * p.lanes))  # fmt: skip
            w.store(x, w.element(to, place, p.tag), p.tag)
        return []

    w.vector_loop(w.number(0), count, p.lanes, [], block)
