"""Operands of products of bfloat16, packed in the order of matrix tiles.

A tile of an operand is 16 rows (or columns) of 32 places of the sum, in pairs: neighbours, or for
thirds those that are 16 places apart. Two tiles, for 32 rows, lie side by side, and so on along the
sum. An operand of float32 is split on the way: a number
is the sum of three of bfloat16, its thirds, which lie in tiles of their own, one after the other.
The first third has the number's first 8 bits, cut off; the second the next 8, rounded, so that
what the products of the last thirds would add is as often above as below; the third what is left.
Together they are the number itself, unless the lower ones are below what bfloat16 can express. An
infinite number has no others beside it, a NaN leaves a NaN in one of them.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

from ..emitter import V
from ..scalar_code import SIZE
from ..writer import Writer
from . import tile
from .parts import left_of

ROWS = COLUMNS = 16  # of a tile of sums
PLACES = 32  # of the sum in a tile
TILE_BYTES = 1024
ACROSS = 2  # tiles side by side that are summed together, in rows and in columns
BLOCK = ACROSS * ROWS  # rows, and columns, of what is summed together
PART_BYTES = ACROSS * TILE_BYTES  # of an operand, or a third of it, for one step along the sum
LANES = 16  # of a vector of sums, and of a vector of pairs
THIRDS = 3

_PAIRS = f"<{LANES} x i32>"
_HIGH = str(-(1 << 16))  # the bits of a float32 that bfloat16 has
_HALF = str(1 << 15)  # of the last of them


def block_bytes(parts: int) -> int:
    """Of an operand for one step along the sum. parts: 1 of bfloat16, or three thirds."""
    return parts * PART_BYTES


def tag(parts: int) -> str:
    """What the operand is read as."""
    return "i16" if parts == 1 else "f32"


def at_byte(w: Writer, base: V, offset: V) -> V:
    """The address so many bytes on."""
    return w.element(base, offset, "i8")


def _thirds(w: Writer, low: V, high: V) -> list[V]:
    """The thirds of two vectors of float32, each third as the pairs of both."""
    floats, x, found = low.ty, [low, high], []
    for third in range(THIRDS):
        bits = [w.convert("bitcast", v, _PAIRS) for v in x]
        if third == 1:
            bits = [w.binary("add", v, w.splat(_HALF, _PAIRS)) for v in bits]
        cut = [w.binary("and", v, w.splat(_HIGH, _PAIRS)) for v in bits]
        if third < THIRDS - 1:
            parts = [w.convert("bitcast", v, floats) for v in cut]
            rest = [w.binary("fsub", v, c) for v, c in zip(x, parts, strict=True)]
            if not third:  # an infinite number is whole
                zero = w.splat("0.0", floats)
                some = [w.compare("fcmp", "une", v, c) for v, c in zip(x, parts, strict=True)]
                rest = [w.select(s, r, zero) for s, r in zip(some, rest, strict=True)]
            x = rest
        found.append(w.binary("or", w.binary("lshr", bits[0], w.splat("16", _PAIRS)), cut[1]))
    return found


def _rows(
    w: Writer, along: bool, kind: str, lanes: int, base: V, step: V, left: V, k: V, count: V | None
) -> list[list[V]]:  # fmt: skip
    """The 16 rows by 32 places of a tile as they lie: for each row its vectors of `lanes`, or for
    each place its vector of rows.
    """
    if along:
        last = w.binary("sub", left, w.number(1))
        starts = range(0, PLACES, lanes)
        masks: list[V | None] = [None] * len(starts)
        if count is not None:
            rest = w.binary("sub", count, k)
            masks = [left_of(w, w.binary("sub", rest, w.number(i)), lanes) for i in starts]
        found = []
        for r in range(ROWS):
            row = w.mul(w.smaller(w.number(r), last), step)
            at = w.element(base, w.add(row, k), kind)
            found.append([
                w.load(w.element(at, w.number(i), kind), kind, lanes, mask)
                for i, mask in zip(starts, masks, strict=True)
            ])  # fmt: skip
        return found
    mask, found = left_of(w, left, LANES), []
    for place in range(PLACES):
        at, inside = w.add(k, w.number(place)), mask
        if count is not None:
            exists = w.compare("icmp", "slt", at, count)
            inside = w.select(exists, mask, w.splat("false", mask.ty))
        found.append([w.load(w.element(base, w.mul(at, step), kind), kind, LANES, inside)])
    return found


def _pack_block(
    w: Writer, parts: int, along: bool, pairs: bool, base: V, step: V, left: V, k: V,
    count: V | None, to: V,
) -> None:  # fmt: skip
    """Packs a tile, or one of each third: 16 rows (or columns), the 32 places from k on.

    along: whether the summed axis lies side by side; step: of the other axis where it does, else
    of the summed one; pairs: whether pairs of places of all columns lie side by side in the tile,
    as in a right operand; left: rows that exist, others may hold anything; count: places that
    exist, where not all may.
    """
    lanes = LANES if parts > 1 else 2 * LANES
    rows = _rows(w, along, tag(parts), lanes, base, step, left, k, count)
    lines: Iterable[list[V]]
    if parts > 1:
        halves = [[r[i] for r in rows] for i in range(2)] if along else [
            [r[0] for r in rows[:LANES]], [r[0] for r in rows[LANES:]]
        ]  # fmt: skip
        if along == pairs:
            halves = [tile.transposed(w, half) for half in halves]
        lines = (_thirds(w, low, high) for low, high in zip(*halves, strict=True))
    else:
        if along:
            words = [w.convert("bitcast", r[0], _PAIRS) for r in rows]
        else:
            wide = [w.convert("zext", r[0], _PAIRS) for r in rows]
            up = w.splat("16", _PAIRS)
            words = [
                w.binary("or", a, w.binary("shl", b, up))
                for a, b in zip(wide[::2], wide[1::2], strict=True)
            ]
        lines = ([x] for x in (tile.transposed(w, words) if along == pairs else words))
    for r, line in enumerate(lines):  # each is stored before the next is made: registers are few
        for part, x in enumerate(line):
            at = at_byte(w, to, w.number(part * PART_BYTES + r * 4 * LANES))
            w.stmt(f"store {x}, ptr {at.name}, align 64")


def pack(
    w: Writer, parts: int, along: bool, pairs: bool, base: V, step: V, left: V, count: V, to: V
) -> None:
    """Packs two tiles side by side, at every 32 of `count` places of the sum.

    base: the address of the first row (or column) at the first place; left: rows that exist.
    """

    def tiles(k: V, count: V | None) -> None:
        at = at_byte(w, to, w.mul(k, w.number(block_bytes(parts) // PLACES)))
        for i in range(ACROSS):
            first = w.number(i * ROWS)
            here = w.binary("sub", left, first)
            start = w.element(base, w.mul(first, step) if along else first, tag(parts))
            target = at_byte(w, at, w.number(i * TILE_BYTES))
            put = functools.partial(
                _pack_block, w, parts, along, pairs, start, step, here, k, count, target
            )
            if i:
                w.when(w.compare("icmp", "sgt", here, w.number(0)), put)
            else:
                put()

    def whole(k: V, _: list[V]) -> list[V]:
        if not along:  # the processor does not guess where the rows of the next places lie
            for place in range(PLACES):
                row = w.mul(w.add(k, w.number(PLACES + place)), step)
                for i in range(0, BLOCK * SIZE[tag(parts)], 64):
                    w.prefetch(at_byte(w, w.element(base, row, tag(parts)), w.number(i)))
        tiles(k, None)
        return []

    stop = w.binary("and", count, w.number(-PLACES))
    w.counted_loop(w.number(0), stop, PLACES, [], whole)
    w.when(w.compare("icmp", "slt", stop, count), lambda: tiles(stop, count))
