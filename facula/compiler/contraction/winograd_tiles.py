"""Winograd's transforms, and how tiles of an image come into vectors and leave them.

A tile is 4 x 4 numbers of the result of a 3 x 3 kernel, which sees 6 x 6 of the input. Read as
products of polynomials that are known at six points, the 144 multiplications of a tile become 36.
The points 0, 5/8, -5/8, 3/2, -3/2 and infinity keep the rounding of float32 near that of the plain
sum (docs/decisions/2026-11-23-winograd.md has the figures).

The lanes of a vector are tiles that follow each other in the rows of tiles of the images. The
columns of their rows of tiles are put one after the other into a line near the processor: from
there, every fourth column is a vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..emitter import V, vec
from ..scalar_code import REGISTER, SIZE, broadcast, literal
from ..writer import I64, Writer
from . import tile

OUT, SEEN, PLACES = 4, 6, 36  # a tile's side in the result and the input; its transformed places
_A, _B = 0.625, 1.5  # the points besides 0 and infinity, each with both signs
_A2, _B2 = _A * _A, _B * _B
CELLS = 9  # int64 fields of a piece

# The points' factors: the inverse of the products of the differences between a point and others.
_ZERO = 1 / (_A2 * _B2)
_NEAR = 1 / (2 * _A2 * (_A2 - _B2))
_FAR = 1 / (2 * _B2 * (_B2 - _A2))


class Arithmetic:
    """Sums and multiples of vectors."""

    def __init__(self, w: Writer, tag: str, lanes: int) -> None:
        self.w, self.tag, self.ty = w, tag, vec(REGISTER[tag], lanes)

    def constant(self, number: float) -> V:
        return self.w.splat(literal(number, self.tag), self.ty)

    def add(self, a: V, b: V) -> V:
        return self.w.binary("fadd", a, b)

    def sub(self, a: V, b: V) -> V:
        return self.w.binary("fsub", a, b)

    def times(self, a: V, number: float) -> V:
        return self.w.binary("fmul", a, self.constant(number))

    def plus(self, a: V, number: float, b: V) -> V:
        """number * a + b."""
        return tile.multiply_add(self.w, a, self.constant(number), b)

    def pair(self, even: V, odd: V, number: float) -> tuple[V, V]:
        """even + number * odd and even - number * odd."""
        return self.plus(odd, number, even), self.plus(odd, -number, even)

    def seen(self, d: Sequence[V]) -> list[V]:
        """Six numbers of the input at the points (the transposed matrix B)."""
        zero = self.plus(d[2], -(_A2 + _B2), self.plus(d[0], _A2 * _B2, d[4]))
        near = self.pair(self.plus(d[2], -_B2, d[4]), self.plus(d[1], -_B2, d[3]), _A)
        far = self.pair(self.plus(d[2], -_A2, d[4]), self.plus(d[1], -_A2, d[3]), _B)
        last = self.plus(d[3], -(_A2 + _B2), self.plus(d[1], _A2 * _B2, d[5]))
        return [zero, *near, *far, last]

    def kernel(self, g: Sequence[V]) -> list[V]:
        """Three numbers of the kernel at the points (the matrix G)."""
        near = self.pair(
            self.plus(g[2], _NEAR * _A2, self.times(g[0], _NEAR)), g[1], _NEAR * _A
        )  # fmt: skip
        far = self.pair(self.plus(g[2], _FAR * _B2, self.times(g[0], _FAR)), g[1], _FAR * _B)
        return [self.times(g[0], _ZERO), *near, *far, g[2]]

    def result(self, m: Sequence[V]) -> list[V]:
        """Four numbers of the result from the products at the points (the transposed matrix A)."""
        near, far = self.add(m[1], m[2]), self.add(m[3], m[4])
        near_odd, far_odd = self.sub(m[1], m[2]), self.sub(m[3], m[4])
        return [
            self.add(self.add(m[0], near), far),
            self.plus(far_odd, _B, self.times(near_odd, _A)),
            self.plus(far, _B2, self.times(near, _A2)),
            self.plus(far_odd, _B2 * _B, self.plus(near_odd, _A2 * _A, m[5])),
        ]

    def gradient(self, y: Sequence[V]) -> list[V]:
        """Four numbers of the result's gradient at the points (the matrix A)."""
        near = self.pair(self.plus(y[2], _A2, y[0]), self.plus(y[3], _A2, y[1]), _A)
        far = self.pair(self.plus(y[2], _B2, y[0]), self.plus(y[3], _B2, y[1]), _B)
        return [y[0], *near, *far, y[3]]

    def weight(self, m: Sequence[V]) -> list[V]:
        """Three numbers of the kernel's gradient from the sums at the points (transposed G)."""
        near, far = self.add(m[1], m[2]), self.add(m[3], m[4])
        near_odd, far_odd = self.sub(m[1], m[2]), self.sub(m[3], m[4])
        return [
            self.plus(far, _FAR, self.plus(near, _NEAR, self.times(m[0], _ZERO))),
            self.plus(far_odd, _FAR * _B, self.times(near_odd, _NEAR * _A)),
            self.plus(far, _FAR * _B2, self.plus(near, _NEAR * _A2, m[5])),
        ]


def shuffled(w: Writer, a: V, b: V, lanes: Sequence[int]) -> V:
    mask = ", ".join(f"i32 {i}" for i in lanes)
    return w.let(a.ty, f"shufflevector {a}, {b}, <{len(lanes)} x i32> <{mask}>")


def apart(w: Writer, line: Sequence[V], count: int) -> list[V]:
    """Of four vectors in a line, vectors of columns 0, 4, 8 ..., of 1, 5 ..., `count` of them."""
    n = int(line[0].ty[1:].split(" x ")[0])
    even, odd = range(0, 2 * n, 2), range(1, 2 * n, 2)
    halves = [[shuffled(w, line[i], line[i + 1], lanes) for i in (0, 2)] for lanes in (even, odd)]
    out = [shuffled(w, a, b, lanes) for lanes in (even, odd) for a, b in halves]
    return out[:count]


def together(w: Writer, columns: Sequence[V]) -> list[V]:
    """The reverse of `apart`, of four vectors."""
    n = int(columns[0].ty[1:].split(" x ")[0])
    low = [i // 2 + n * (i % 2) for i in range(n)]
    high = [i + n // 2 for i in low]
    even = [shuffled(w, columns[0], columns[2], lanes) for lanes in (low, high)]
    odd = [shuffled(w, columns[1], columns[3], lanes) for lanes in (low, high)]
    return [
        shuffled(w, a, b, lanes) for a, b in zip(even, odd, strict=True) for lanes in (low, high)
    ]


@dataclass(frozen=True)
class Sizes:
    """The sizes of a convolution by tiles, for a record."""

    images: int
    channels: int
    outs: int
    size: tuple[int, ...]  # of an image
    out: tuple[int, ...]  # of the result
    low: tuple[int, ...]  # zeros before an image

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of tiles of an image."""
        return -(-self.out[0] // OUT), -(-self.out[1] // OUT)

    @property
    def tiles(self) -> int:
        return self.images * self.grid[0] * self.grid[1]

    def fields(self) -> list[int]:
        return [self.channels, self.outs, *self.size, *self.out, *self.low, *self.grid, self.tiles]


FIELDS = 11


class Geometry:
    """The sizes in registers."""

    def __init__(self, w: Writer, fields: Sequence[V]) -> None:
        self.channels, self.outs, self.height, self.width = fields[:4]
        self.out_height, self.out_width, self.low_y, self.low_x = fields[4:8]
        self.grid_y, self.grid_x, self.tiles = fields[8:]
        self.in_size = w.mul(self.height, self.width)
        self.out_size = w.mul(self.out_height, self.out_width)


class Pieces:
    """Where the vectors of a panel's lines lie in memory: tables on the stack.

    A piece is a vector of columns of one row of tiles: its offset in an image's first channel, its
    column in the line, and one mask for each of its rows.
    """

    def __init__(self, w: Writer, g: Geometry, lanes: int, columns: int) -> None:
        """columns: tiles of a panel."""
        self.w, self.g, self.lanes, self.columns = w, g, lanes, columns
        size = 2 * columns * CELLS
        self.inner = w.let("ptr", f"alloca [{size} x i64], align 64")
        self.outer = w.let("ptr", f"alloca [{size} x i64], align 64")

    def locate(self, panel: V) -> tuple[V, V]:
        """Fills the tables for a panel; returns the numbers of pieces read and written."""
        w, g = self.w, self.g
        first = w.mul(panel, w.number(self.columns))
        stop = w.smaller(w.add(first, w.number(self.columns)), g.tiles)
        row = w.binary("udiv", first, g.grid_x)
        last = w.binary("udiv", w.binary("sub", stop, w.number(1)), g.grid_x)

        def one(r: V, counts: list[V]) -> list[V]:
            start = w.mul(r, g.grid_x)
            from_tile = self._larger(start, first)
            to_tile = w.smaller(w.add(start, g.grid_x), stop)
            image = w.binary("udiv", r, g.grid_y)
            y = w.binary("sub", r, w.mul(image, g.grid_y))
            y = w.mul(y, w.number(OUT))
            x = w.mul(w.binary("sub", from_tile, start), w.number(OUT))
            column = w.mul(w.binary("sub", from_tile, first), w.number(OUT))
            wide = w.mul(w.binary("sub", to_tile, from_tile), w.number(OUT))
            read = self._read(image, y, x, column, wide, counts[0])
            written = self._written(image, y, x, column, wide, counts[1])
            return [read, written]

        zero = w.number(0)
        found = w.counted_loop(row, w.add(last, w.number(1)), 1, [zero, zero], one)
        return found[0], found[1]

    def _larger(self, a: V, b: V) -> V:
        return self.w.select(self.w.compare("icmp", "sgt", a, b), a, b)

    def _read(self, image: V, y: V, x: V, column: V, wide: V, count: V) -> V:
        """The pieces of the input that a row of tiles sees."""
        w, g = self.w, self.g
        y, x = w.binary("sub", y, g.low_y), w.binary("sub", x, g.low_x)
        base = w.mul(w.mul(image, g.channels), g.in_size)
        base = w.add(base, w.add(w.mul(y, g.width), x))
        wide = w.add(wide, w.number(SEEN - OUT))
        lanes = w.lane_numbers(self.lanes, I64)

        def piece(v: V, counts: list[V]) -> list[V]:
            place = w.binary("add", lanes, broadcast(w, w.add(x, v), self.lanes))
            fits = w.compare("icmp", "ult", place, broadcast(w, g.width, self.lanes))
            left = broadcast(w, w.binary("sub", wide, v), self.lanes)
            fits = w.binary("and", fits, w.compare("icmp", "slt", lanes, left))
            words = [w.add(base, v), w.add(column, v)]
            for i in range(SEEN):
                inside = w.compare("icmp", "ult", w.add(y, w.number(i)), g.height)
                words.append(self._word(fits, inside))
            # The line that begins four columns later has none of a row of tiles' first four.
            after = w.compare("icmp", "sge", w.binary("add", lanes, broadcast(w, v, self.lanes)),
                              w.splat(str(OUT), lanes.ty))  # fmt: skip
            words.append(self._word(after, None))
            self._put(self.inner, counts[0], words)
            return [w.add(counts[0], w.number(1))]

        return w.counted_loop(w.number(0), wide, self.lanes, [count], piece)[0]

    def _written(self, image: V, y: V, x: V, column: V, wide: V, count: V) -> V:
        """The pieces of the result that a row of tiles has."""
        w, g = self.w, self.g
        base = w.mul(w.mul(image, g.outs), g.out_size)
        base = w.add(base, w.add(w.mul(y, g.out_width), x))
        tiled, wide = wide, w.smaller(wide, w.binary("sub", g.out_width, x))
        lanes = w.lane_numbers(self.lanes, I64)

        def piece(v: V, counts: list[V]) -> list[V]:
            left = broadcast(w, w.binary("sub", wide, v), self.lanes)
            fits = w.compare("icmp", "slt", lanes, left)
            words = [w.add(base, v), w.add(column, v)]
            for i in range(OUT):
                inside = w.compare("icmp", "slt", w.add(y, w.number(i)), g.out_height)
                words.append(self._word(fits, inside))
            columns = w.smaller(w.number(self.lanes), w.binary("sub", tiled, v))
            words.append(w.binary("udiv", columns, w.number(OUT)))
            self._put(self.outer, counts[0], words)
            return [w.add(counts[0], w.number(1))]

        return w.counted_loop(w.number(0), wide, self.lanes, [count], piece)[0]

    def _word(self, mask: V, condition: V | None) -> V:
        w = self.w
        word = w.convert("zext", w.convert("bitcast", mask, f"i{self.lanes}"), I64)
        return word if condition is None else w.select(condition, word, w.number(0))

    def _put(self, table: V, piece: V, words: Sequence[V]) -> None:
        w = self.w
        start = w.mul(piece, w.number(CELLS))
        for k, word in enumerate(words):
            place = w.add(start, w.number(k))
            at = w.let("ptr", f"getelementptr i64, ptr {table.name}, i64 {place.name}")
            w.stmt(f"store {word}, ptr {at.name}, align 8")

    def field(self, table: V, piece: V, number: V) -> V:
        """A field of a piece: offset, column, the masks; of the result's then the tiles."""
        w = self.w
        place = w.add(w.mul(piece, w.number(CELLS)), number)
        at = w.let("ptr", f"getelementptr i64, ptr {table.name}, i64 {place.name}")
        return w.let(I64, f"load i64, ptr {at.name}, align 8")

    def mask(self, table: V, piece: V, row: V) -> V:
        """The mask of a row of a piece."""
        w = self.w
        word = self.field(table, piece, w.add(row, w.number(2)))
        word = w.convert("trunc", word, f"i{self.lanes}")
        return w.convert("bitcast", word, vec("i1", self.lanes))

    def read(self, table: V, piece: V, masks: int) -> tuple[V, V, list[V]]:
        """Offset, column and masks of a piece."""
        offset, column = (self.field(table, piece, self.w.number(k)) for k in range(2))
        return offset, column, [self.mask(table, piece, self.w.number(i)) for i in range(masks)]


class Lines:
    """The transformed columns of a panel's tiles, for some channels, on the stack.

    For each of the six places along y two lines: of all columns, and of those four later.
    """

    def __init__(self, w: Writer, tag: str, lanes: int, columns: int, channels: int) -> None:
        self.w, self.tag, self.lanes, self.columns = w, tag, lanes, columns
        self.math = Arithmetic(w, tag, lanes)
        self.pitch = columns * OUT + 2 * lanes  # room for the last vector, and before the first
        self.channel = 2 * SEEN * self.pitch
        room = channels * self.channel * SIZE[tag]
        self.memory = w.let("ptr", f"alloca i8, i64 {room}, align 64")
        # Columns of tiles that there are not are computed too: numbers that the stack happens to
        # hold could be subnormal, which costs a hundred times as much.
        zero = self.math.constant(0.0)

        def clear(i: V, _: list[V]) -> list[V]:
            w.store(zero, w.element(self.memory, i, tag), tag)
            return []

        w.counted_loop(w.number(0), w.number(channels * self.channel), lanes, [], clear)

    def fill(self, pieces: Pieces, count: V, source: V, channel: V) -> None:
        """Transforms along y what the panel's tiles see of the channel that starts at `source`."""
        w = self.w
        base = w.element(self.memory, w.mul(channel, w.number(self.channel)), self.tag)

        def one(piece: V, _: list[V]) -> list[V]:
            offset, column, masks = pieces.read(pieces.inner, piece, SEEN + 1)
            at = w.element(source, offset, self.tag)
            rows = []
            for i in range(SEEN):
                rows.append(w.load(at, self.tag, self.lanes, masks[i]))
                at = w.element(at, pieces.g.width, self.tag)
            to = w.element(base, w.add(column, w.number(self.lanes)), self.tag)
            later = w.element(to, w.number(SEEN * self.pitch - OUT), self.tag)
            for i, x in enumerate(self.math.seen(rows)):
                w.store(x, w.element(to, w.number(i * self.pitch), self.tag), self.tag)
                here = w.element(later, w.number(i * self.pitch), self.tag)
                w.store(x, here, self.tag, masks[SEEN])
            return []

        w.counted_loop(w.number(0), count, 1, [], one)

    def turn(self, channel: V, target: V, place_step: V, vectors: int) -> None:
        """Transforms a channel along x into vectors of tiles, `place_step` between the places."""
        w, lanes = self.w, self.lanes
        base = w.element(self.memory, w.mul(channel, w.number(self.channel)), self.tag)

        def row(i: V, _: list[V]) -> list[V]:
            start = w.add(w.mul(i, w.number(self.pitch)), w.number(lanes))
            first = w.mul(i, w.mul(place_step, w.number(SEEN)))
            for j in range(vectors):
                at = w.element(base, w.add(start, w.number(j * OUT * lanes)), self.tag)
                later = w.element(at, w.number(SEEN * self.pitch), self.tag)
                seen = []
                for line, count in ((at, OUT), (later, SEEN - OUT)):
                    found = [
                        w.load(w.element(line, w.number(k * lanes), self.tag), self.tag, lanes)
                        for k in range(OUT)
                    ]
                    seen += apart(w, found, count)
                to = w.element(target, w.add(first, w.number(j * lanes)), self.tag)
                for x in self.math.seen(seen):
                    w.store(x, to, self.tag)
                    to = w.element(to, place_step, self.tag)
            return []

        w.counted_loop(w.number(0), w.number(SEEN), 1, [], row)
