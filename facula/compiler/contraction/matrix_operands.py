"""Operands of products of bfloat16, packed in the order of matrix tiles.

A tile of an operand is 16 rows (or columns) of 32 places of the sum, in pairs: neighbours, or for
thirds those that are 16 places apart. Two tiles, for 32 rows, lie side by side, and so on along the
sum. An operand of float32 is split on the way: a number is the sum of three of bfloat16, its
thirds, which lie in tiles of their own, one after the other. The first third has the number's first
8 bits, cut off; the second the next 8, rounded, so that what the products of the last thirds would
add is as often above as below; the third what is left. Together they are the number itself, unless
the lower ones are below what bfloat16 can express. An infinite number has no others beside it, a
NaN leaves a NaN in one of them.
"""

from __future__ import annotations

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


class Packing:
    """Packs an operand in the code of a kernel; made where the kernel begins.

    along: whether the summed axis lies side by side; pairs: whether pairs of places of all columns
    lie side by side in a tile, as in a right operand, and not those of a row.
    """

    def __init__(self, w: Writer, parts: int, along: bool, pairs: bool) -> None:
        self.w, self.parts, self.along, self.pairs = w, parts, along, pairs
        self.tag = tag(parts)
        self.turned = along == pairs
        if parts > 1 and self.turned:
            self._room = w.let("ptr", f"alloca [{2 * LANES * LANES} x float], align 64")

    def pack(self, base: V, step: V, left: V, count: V, to: V) -> None:
        """Packs two tiles side by side, at every 32 of `count` places of the sum.

        base: the address of the first row (or column) at the first place; step: of the other axis
        where the summed one lies side by side, else of the summed one; left: rows that exist.
        Places beyond the last are zero, rows beyond it may be anything.
        """
        w = self.w
        most = w.binary("udiv", w.add(left, w.number(ROWS - 1)), w.number(ROWS))
        tiles = w.smaller(most, w.number(ACROSS))

        def places(k: V, _: list[V]) -> list[V]:
            if not self.along:
                self._ask(base, step, k)
            at = at_byte(w, to, w.mul(k, w.number(block_bytes(self.parts) // PLACES)))

            def one(i: V, _: list[V]) -> list[V]:
                first = w.mul(i, w.number(ROWS))
                start = w.element(base, w.mul(first, step) if self.along else first, self.tag)
                target = at_byte(w, at, w.mul(i, w.number(TILE_BYTES)))
                here = w.binary("sub", left, first)
                if self.parts > 1:
                    self._pack_thirds(start, step, here, k, count, target)
                else:
                    self._pack_words(start, step, here, k, count, target)
                return []

            w.counted_loop(w.number(0), tiles, 1, [], one)
            return []

        w.counted_loop(w.number(0), count, PLACES, [], places)

    def _ask(self, base: V, step: V, k: V) -> None:
        """For the rows of the next places: the processor does not guess where they lie."""
        w = self.w

        def row(r: V, _: list[V]) -> list[V]:
            at = w.element(base, w.mul(w.add(k, w.add(r, w.number(PLACES))), step), self.tag)
            for i in range(0, BLOCK * SIZE[self.tag], 64):
                w.prefetch(at_byte(w, at, w.number(i)))
            return []

        w.counted_loop(w.number(0), w.number(PLACES), 1, [], row)

    def _row(self, base: V, step: V, r: V, left: V, k: V, count: V, lanes: int) -> V:
        """Places of row r from k on, side by side."""
        w = self.w
        last = w.binary("sub", left, w.number(1))
        at = w.element(base, w.add(w.mul(w.smaller(r, last), step), k), self.tag)
        return w.load(at, self.tag, lanes, left_of(w, w.binary("sub", count, k), lanes))

    def _place(self, base: V, step: V, place: V, left: V, count: V) -> V:
        """All rows at a place."""
        w = self.w
        exists = w.compare("icmp", "slt", place, count)
        mask = left_of(w, w.select(exists, left, w.number(0)), LANES)
        return w.load(w.element(base, w.mul(place, step), self.tag), self.tag, LANES, mask)

    def _put(self, line: list[V], r: V, to: V) -> None:
        w = self.w
        for part, x in enumerate(line):
            offset = w.add(w.mul(r, w.number(4 * LANES)), w.number(part * PART_BYTES))
            w.stmt(f"store {x}, ptr {at_byte(w, to, offset).name}, align 64")

    def _pack_thirds(self, base: V, step: V, left: V, k: V, count: V, to: V) -> None:
        """Packs a tile of each third: 16 rows (or columns), the 32 places from k on."""
        w = self.w

        def vector(r: V, half: V) -> V:
            """16 numbers of a row, or of a place, of a half of the places."""
            first = w.add(k, w.mul(half, w.number(LANES)))
            if self.along:
                return self._row(base, step, r, left, first, count, LANES)
            return self._place(base, step, w.add(first, r), left, count)

        def turn(half: V, _: list[V]) -> list[V]:
            rows = [vector(w.number(r), half) for r in range(LANES)]
            for i, x in enumerate(tile.transposed(w, rows)):
                at = w.add(w.mul(half, w.number(LANES * LANES)), w.number(i * LANES))
                w.store(x, w.element(self._room, at, "f32"), "f32")
            return []

        def row(r: V, _: list[V]) -> list[V]:
            if self.turned:
                at = w.mul(r, w.number(LANES))
                halves = [
                    w.load(w.element(self._room, w.add(at, w.number(i)), "f32"), "f32", LANES)
                    for i in (0, LANES * LANES)
                ]
            else:
                halves = [vector(r, w.number(i)) for i in range(2)]
            self._put(_thirds(w, *halves), r, to)
            return []

        if self.turned:
            w.counted_loop(w.number(0), w.number(2), 1, [], turn)
        w.counted_loop(w.number(0), w.number(LANES), 1, [], row)

    def _pack_words(self, base: V, step: V, left: V, k: V, count: V, to: V) -> None:
        """Packs a tile of bfloat16."""
        w = self.w
        words = []
        for i in range(LANES):
            if self.along:
                x = self._row(base, step, w.number(i), left, k, count, 2 * LANES)
                words.append(w.convert("bitcast", x, _PAIRS))
                continue
            low, high = (
                self._place(base, step, w.add(k, w.number(2 * i + j)), left, count)
                for j in range(2)
            )
            low, high = (w.convert("zext", x, _PAIRS) for x in (low, high))
            up = w.binary("shl", high, w.splat("16", _PAIRS))
            words.append(w.binary("or", low, up))
        for r, x in enumerate(tile.transposed(w, words) if self.turned else words):
            self._put([x], w.number(r), to)
