"""The gradient of a 3 x 3 convolution's weight by Winograd's transforms.

The transposed form of `winograd.py`: tiles of 4 x 4 of the gradient and of 6 x 6 of the input are
transformed, their products summed over all tiles at each of the 36 places, and the sums transformed
back to 3 x 3. A chunk takes some channels, some outputs and a part of the tiles: for a panel of
tiles at a time it brings both operands near the processor, the gradient turned so that outputs lie
side by side, and adds the product to sums that stay there.
"""

from __future__ import annotations

from ..emitter import V
from ..scalar_code import SIZE
from ..writer import I64, Writer
from . import tile
from .convolution_weight import write_turned
from .parts import split
from .product import NativeStep, height
from .winograd_tiles import FIELDS, OUT, PLACES, SEEN, Arithmetic, Geometry, Lines, Pieces, Sizes

_TILES = 32  # of a panel
_CHANNELS = 64  # most of a chunk
_OUTS = 64  # most of a chunk
_AT_A_TIME = 4  # channels that pass through the lines together
_CHUNKS = 16  # below this number the tiles are divided
_HEADER = 10


class WinogradWeight:
    """The sizes of the gradient [parts, outs, channels, 3, 3]."""

    def __init__(self, tag: str, sizes: Sizes) -> None:
        self.tag, self.sizes = tag, sizes
        self.lanes = tile.registers().lanes(tag)
        self.vectors = tile.vectors_across(sizes.outs, self.lanes)
        self.columns = self.lanes * self.vectors
        self.block = tile.balanced(sizes.channels, _CHANNELS)
        self.blocks = -(-sizes.channels // self.block)
        self.rows = height(self.block, self.vectors)
        panels = -(-sizes.outs // self.columns)
        self.across = tile.balanced(panels, max(1, _OUTS // self.columns))
        self.acrosses = -(-panels // self.across)
        self.panels = -(-sizes.tiles // _TILES)

    @property
    def fits(self) -> bool:
        """Whether every block of channels fills the rows of a tile."""
        return self.sizes.channels - (self.blocks - 1) * self.block >= self.rows

    @property
    def parts(self) -> int:
        """Into how many partial sums the tiles are best divided."""
        most = max(1, min(-(-_CHUNKS // (self.blocks * self.acrosses)), self.panels // 3))
        return -(-self.panels // -(-self.panels // most))

    @property
    def cost(self) -> float:
        """About how long the step takes on one core, in the unit of the direct plan's `cost`.

        Fitted to 400 sizes: transforms of input and gradient, products, additions to the sums.
        """
        s = self.sizes
        rows, row = s.images * s.grid[0] + self.panels, OUT * min(s.grid[1], _TILES)
        read, written = -(-(row + SEEN - OUT) // self.lanes), -(-row // self.lanes)
        panels = -(-s.outs // self.columns)
        vectors = self.blocks * panels * self.vectors
        tile_sums = self.rows * self.vectors
        products = PLACES * panels * self.blocks * -(-self.block // self.rows)
        return (
            self.acrosses * s.channels * (285 * self.panels + 33 * rows * read)
            + vectors * (290 * s.tiles + 104 * rows * written)
            + products * (0.33 * s.tiles * max(tile_sums, 10) + 6.8 * self.panels * tile_sums)
        )

    def step(self, x: int, gradient: int, out: int, parts: int) -> NativeStep:
        """The step; x, gradient and out are slots, `parts` the size of the result's first axis."""
        s = self.sizes
        per = -(-self.panels // parts)
        record = [x, gradient, out, self.block, self.blocks, self.across, self.acrosses, per,
                  self.panels, 0, *s.fields()]  # fmt: skip
        key = f"winograd gradient {self.tag} {self.lanes} {self.rows} {self.vectors}"
        work = PLACES * s.tiles * s.channels * s.outs
        return NativeStep(
            "convolution weight", key, lambda: _text(self), record,
            parts * self.blocks * self.acrosses, work, 1 << 18,
        )  # fmt: skip


def _text(p: WinogradWeight) -> str:
    w = Writer()
    f = [w.field(i) for i in range(_HEADER + FIELDS)]
    x, gradient, out = (w.slot(f[i]) for i in range(3))
    block, blocks, across, acrosses, per, panels = f[3:9]
    g = Geometry(w, f[_HEADER:])
    pieces = Pieces(w, g, p.lanes, _TILES)
    lines = Lines(w, p.tag, p.lanes, _TILES, _AT_A_TIME)
    step = w.mul(w.add(block, w.number(1)), w.number(_TILES))
    seen = _room(w, p, w.mul(step, w.number(PLACES)))
    turned = _Gradient(w, p, g, pieces, gradient, across)
    sums = _Sums(w, p, seen, step, turned, block, across)

    def chunk(number: V, _: list[V]) -> list[V]:
        rest, at_across = split(w, number, acrosses)
        part, b = split(w, rest, blocks)
        channel = w.mul(b, block)
        channels = w.smaller(block, w.binary("sub", g.channels, channel))
        first_out = w.mul(at_across, w.mul(across, w.number(p.columns)))
        outs = w.smaller(
            w.mul(across, w.number(p.columns)), w.binary("sub", g.outs, first_out)
        )  # fmt: skip
        first = w.mul(part, per)
        stop = w.smaller(w.add(first, per), panels)

        def panel(q: V, _: list[V]) -> list[V]:
            read, written = pieces.locate(q)
            _fill(w, p, g, pieces, lines, read, x, channel, channels, seen, step)
            turned.fill(written, first_out, outs)
            tiles = w.binary("sub", g.tiles, w.mul(q, w.number(_TILES)))
            tiles = w.smaller(w.number(_TILES), tiles)
            sums.add(tiles, channels, outs, w.compare("icmp", "sgt", q, first))
            return []

        w.counted_loop(first, stop, 1, [], panel)
        sums.collect(channels, outs)
        row = w.add(w.mul(part, g.outs), first_out)
        place = w.add(w.mul(row, g.channels), channel)
        to = w.element(out, w.mul(place, w.number(9)), p.tag)
        some = w.compare("icmp", "slt", first, stop)
        write_turned(
            w, p.tag, p.lanes, _OUTS, seen, to, w.mul(g.channels, w.number(9)),
            w.mul(channels, w.number(9)), outs, some,
        )  # fmt: skip
        return []

    w.counted_loop(V(I64, "%begin"), V(I64, "%end"), 1, [], chunk)
    w.stmt("ret void")
    return w.module()


def _room(w: Writer, p: WinogradWeight, elements: V) -> V:
    room = w.mul(elements, w.number(SIZE[p.tag]))
    return w.let("ptr", f"alloca i8, i64 {room.name}, align 64")


def _fill(
    w: Writer, p: WinogradWeight, g: Geometry, pieces: Pieces, lines: Lines, read: V, x: V,
    channel: V, channels: V, seen: V, step: V,
) -> None:  # fmt: skip
    """Transforms what a panel's tiles see: [place][channel][tile], `step` between the places."""

    def some(first: V, _: list[V]) -> list[V]:
        few = w.smaller(w.number(_AT_A_TIME), w.binary("sub", channels, first))

        def fill(i: V, _: list[V]) -> list[V]:
            place = w.mul(w.add(channel, w.add(first, i)), g.in_size)
            lines.fill(pieces, read, w.element(x, place, p.tag), i)
            return []

        def turn(i: V, _: list[V]) -> list[V]:
            place = w.mul(w.add(first, i), w.number(_TILES))
            lines.turn(i, w.element(seen, place, p.tag), step, _TILES // p.lanes)
            return []

        w.counted_loop(w.number(0), few, 1, [], fill)
        w.counted_loop(w.number(0), few, 1, [], turn)
        return []

    w.counted_loop(w.number(0), channels, _AT_A_TIME, [], some)


class _Gradient:
    """The transformed gradient of a panel: [place][panel of outputs][tile][outputs]."""

    def __init__(
        self, w: Writer, p: WinogradWeight, g: Geometry, pieces: Pieces, source: V, across: V
    ) -> None:
        self.w, self.p, self.g, self.pieces, self.source = w, p, g, pieces, source
        self.math = Arithmetic(w, p.tag, p.lanes)
        self.panel = _TILES * p.columns
        self.step = w.mul(across, w.number(self.panel))
        self.memory = _room(w, p, w.mul(self.step, w.number(PLACES)))
        # A piece, turned: for each of its rows and columns a vector of outputs.
        self.turned = _room(w, p, w.number(OUT * p.lanes * p.lanes))

    def fill(self, count: V, first_out: V, outs: V) -> None:
        """Transforms the outputs first_out, first_out + 1 ... of `count` pieces."""
        w, p, g = self.w, self.p, self.g
        panels = w.binary("udiv", w.add(outs, w.number(p.columns - 1)), w.number(p.columns))
        vectors = w.mul(panels, w.number(p.vectors))
        last = w.binary("sub", outs, w.number(1))
        base = w.element(self.source, w.mul(first_out, g.out_size), p.tag)

        def piece(i: V, _: list[V]) -> list[V]:
            offset, column, _ = self.pieces.read(self.pieces.outer, i, 0)
            tiles = self.pieces.field(self.pieces.outer, i, w.number(2 + OUT))
            first_tile = w.binary("udiv", column, w.number(OUT))
            at = w.element(base, offset, p.tag)

            def vector(v: V, _: list[V]) -> list[V]:
                rows = []
                for k in range(p.lanes):
                    o = w.smaller(w.add(w.mul(v, w.number(p.lanes)), w.number(k)), last)
                    rows.append(w.element(at, w.mul(o, g.out_size), p.tag))
                self._turn(rows, i)
                panel, j = split(w, v, w.number(p.vectors))
                place = w.add(w.mul(panel, w.number(self.panel)), w.mul(j, w.number(p.lanes)))
                place = w.add(place, w.mul(first_tile, w.number(p.columns)))
                self._transform(tiles, w.element(self.memory, place, p.tag))
                return []

            w.counted_loop(w.number(0), vectors, 1, [], vector)
            return []

        w.counted_loop(w.number(0), count, 1, [], piece)

    def _turn(self, rows: list[V], piece: V) -> None:
        """The rows of a piece of `lanes` outputs: for each column a vector of outputs."""
        w, p = self.w, self.p

        def one(y: V, _: list[V]) -> list[V]:
            below = w.mul(self.g.out_width, y)
            mask = self.pieces.mask(self.pieces.outer, piece, y)
            found = [w.load(w.element(row, below, p.tag), p.tag, p.lanes, mask) for row in rows]
            to = w.element(self.turned, w.mul(y, w.number(p.lanes * p.lanes)), p.tag)
            for k, v in enumerate(tile.transposed(w, found)):
                w.store(v, w.element(to, w.number(k * p.lanes), p.tag), p.tag)
            return []

        w.counted_loop(w.number(0), w.number(OUT), 1, [], one)

    def _transform(self, tiles: V, target: V) -> None:
        """The tiles of a turned piece at the points."""
        w, p = self.w, self.p

        def one(i: V, _: list[V]) -> list[V]:
            at = w.element(self.turned, w.mul(i, w.number(OUT * p.lanes)), p.tag)
            lines = []
            for x in range(OUT):
                numbers = [
                    w.load(w.element(at, w.number((y * p.lanes + x) * p.lanes), p.tag), p.tag,
                           p.lanes)
                    for y in range(OUT)
                ]  # fmt: skip
                lines.append(self.math.gradient(numbers))
            to = w.element(target, w.mul(i, w.number(p.columns)), p.tag)
            for row in zip(*lines, strict=True):
                for v in self.math.gradient(row):
                    w.store(v, to, p.tag)
                    to = w.element(to, self.step, p.tag)
            return []

        w.counted_loop(w.number(0), tiles, 1, [], one)


class _Sums:
    """The sums over tiles: [place][panel of outputs][tile of channels][rows][outputs]."""

    def __init__(
        self, w: Writer, p: WinogradWeight, seen: V, step: V, turned: _Gradient, block: V, across: V
    ) -> None:
        self.w, self.p, self.seen, self.step, self.turned = w, p, seen, step, turned
        self.math = Arithmetic(w, p.tag, p.lanes)
        self.size = p.rows * p.columns
        rows = w.binary("udiv", w.add(block, w.number(p.rows - 1)), w.number(p.rows))
        self.panel = w.mul(rows, w.number(self.size))
        self.place = w.mul(self.panel, across)
        self.memory = _room(w, p, w.mul(self.place, w.number(PLACES)))

    def _counts(self, channels: V, outs: V) -> tuple[V, V]:
        """Tiles of channels and panels of outputs."""
        w, p = self.w, self.p
        tiles = w.binary("udiv", w.add(channels, w.number(p.rows - 1)), w.number(p.rows))
        panels = w.binary("udiv", w.add(outs, w.number(p.columns - 1)), w.number(p.columns))
        return tiles, panels

    def _first(self, t: V, channels: V) -> V:
        """The first channel of a tile of channels: the last one covers some channels again."""
        w, p = self.w, self.p
        return w.smaller(
            w.mul(t, w.number(p.rows)), w.binary("sub", channels, w.number(p.rows))
        )  # fmt: skip

    def add(self, count: V, channels: V, outs: V, again: V) -> None:
        """Adds a panel of `count` tiles; where not `again`, writes."""
        w, p = self.w, self.p
        tiles, panels = self._counts(channels, outs)

        def place(i: V, _: list[V]) -> list[V]:
            numbers = w.element(self.seen, w.mul(i, self.step), p.tag)
            packed = w.element(self.turned.memory, w.mul(i, self.turned.step), p.tag)
            target = w.element(self.memory, w.mul(i, self.place), p.tag)

            def panel(q: V, _: list[V]) -> list[V]:
                at = w.element(packed, w.mul(q, w.number(self.turned.panel)), p.tag)
                vectors = tile.packed_vectors(w, at, p.tag, p.lanes, p.vectors)
                panel_sums = w.element(target, w.mul(q, self.panel), p.tag)

                def one(t: V, _: list[V]) -> list[V]:
                    first = w.mul(self._first(t, channels), w.number(_TILES))
                    start = w.element(numbers, first, p.tag)
                    rows = [w.element(start, w.number(r * _TILES), p.tag) for r in range(p.rows)]
                    found = tile.sums(
                        w, p.tag, p.lanes, rows, w.number(1), count, vectors, p.vectors
                    )
                    to = w.element(panel_sums, w.mul(t, w.number(self.size)), p.tag)
                    w.when(again, lambda: self._keep(found, to, True),
                           lambda: self._keep(found, to, False))  # fmt: skip
                    return []

                w.counted_loop(w.number(0), tiles, 1, [], one)
                return []

            w.counted_loop(w.number(0), panels, 1, [], panel)
            return []

        w.counted_loop(w.number(0), w.number(PLACES), 1, [], place)

    def _keep(self, found: list[list[V]], to: V, add: bool) -> None:
        p = self.p
        tile.keep(self.w, p.tag, p.lanes, found, to, p.columns, add)

    def collect(self, channels: V, outs: V) -> None:
        """Transforms the sums to the gradient [channel][3][3][outputs], where the input was."""
        w, p = self.w, self.p
        tiles, panels = self._counts(channels, outs)

        def panel(q: V, _: list[V]) -> list[V]:
            def one(t: V, _: list[V]) -> list[V]:
                first = self._first(t, channels)
                place = w.add(w.mul(q, self.panel), w.mul(t, w.number(self.size)))
                start = w.element(self.memory, place, p.tag)

                def row(r: V, _: list[V]) -> list[V]:
                    for j in range(p.vectors):
                        column = w.add(w.mul(q, w.number(p.columns)), w.number(j * p.lanes))
                        to = w.add(w.mul(w.add(first, r), w.number(9 * _OUTS)), column)
                        at = w.add(w.mul(r, w.number(p.columns)), w.number(j * p.lanes))
                        self._collect_vector(
                            w.element(start, at, p.tag), w.element(self.seen, to, p.tag)
                        )
                    return []

                w.counted_loop(w.number(0), w.number(p.rows), 1, [], row)
                return []

            w.counted_loop(w.number(0), tiles, 1, [], one)
            return []

        w.counted_loop(w.number(0), panels, 1, [], panel)

    def _collect_vector(self, at: V, to: V) -> None:
        w, p = self.w, self.p
        columns = []
        for x in range(SEEN):
            column = []
            for y in range(SEEN):
                place = w.mul(self.place, w.number(y * SEEN + x))
                column.append(w.load(w.element(at, place, p.tag), p.tag, p.lanes))
            columns.append(self.math.weight(column))
        for y in range(3):
            for x, v in enumerate(self.math.weight([column[y] for column in columns])):
                w.store(v, w.element(to, w.number((3 * y + x) * _OUTS), p.tag), p.tag)


__all__ = ["WinogradWeight"]
