"""Convolutions with kernels of 3 x 3 by Winograd's transforms: a quarter of the multiplications.

A first step transforms the weight and packs it for the tiles of a product. A chunk then takes some
panels of tiles: it transforms what they see in all channels into memory near the processor,
multiplies the 36 places of the transform, each a product over the channels, and transforms what
comes out back into the result, for some outputs at a time.
"""

from __future__ import annotations

from ..emitter import V
from ..executable import PACK
from ..scalar_code import SIZE
from ..writer import I64, Writer
from . import tile
from .parts import left_of, split
from .product import NativeStep, height
from .winograd_tiles import (
    FIELDS,
    OUT,
    PLACES,
    SEEN,
    Arithmetic,
    Geometry,
    Lines,
    Pieces,
    Sizes,
    together,
)

_SEEN_BYTES = 1280 << 10  # most of a chunk's transformed input
_DEPTH = 64  # channels of one sum: such sums are added, as long ones would round more
_AT_A_TIME = 4  # channels that pass through the lines together
_HEADER = 9
_NEAR_BYTES = 1 << 20  # of a transformed weight that stays in a processor's own cache
_LINE_COST, _LINE = 20, 64  # what each line beyond costs that is written and read again
_PACK_CHANNELS = 32  # of a chunk of the weight


def _seen_bytes(channels: int, columns: int, tag: str) -> int:
    """Of the transformed input of a panel."""
    return PLACES * (channels + 1) * columns * SIZE[tag]


class Winograd:
    """The sizes of a convolution of [images, channels, *] with [outs, channels, 3, 3]."""

    def __init__(self, tag: str, sizes: Sizes) -> None:
        self.tag, self.sizes = tag, sizes
        self.lanes = tile.registers().lanes(tag)
        self.vectors = 2 if _seen_bytes(sizes.channels, 2 * self.lanes, tag) <= _SEEN_BYTES else 1
        self.columns = self.lanes * self.vectors
        self.rows = height(sizes.outs, self.vectors)
        self.groups = -(-sizes.outs // self.rows)
        self.panels = -(-sizes.tiles // self.columns)
        self.seen_bytes = _seen_bytes(sizes.channels, self.columns, tag)

    @property
    def cost(self) -> float:
        """About how long the steps take on one core, in the unit of the direct plan's `cost`.

        Fitted to random sizes: a panel's transforms cost for each channel, output and row of tiles,
        and a large weight under few tiles costs its own way through memory.
        """
        s = self.sizes
        rows, row = s.images * s.grid[0] + self.panels, OUT * min(s.grid[1], self.columns)
        read, written = -(-(row + SEEN - OUT) // self.lanes), -(-row // self.lanes)
        outs = self.groups * self.rows
        vectors = self.panels * self.vectors
        sums = max(self.rows * self.vectors, 10) / 2
        far = max(0, self.scratch_bytes - _NEAR_BYTES) // _LINE
        return (
            _LINE_COST * far
            + 220 * s.channels * self.groups
            + s.channels * (140 * vectors + 30 * rows * read)
            + outs * (150 * vectors + 12 * rows * written)
            + self.panels * self.groups * PLACES * (s.channels * sums + 25)
        )

    @property
    def scratch_bytes(self) -> int:
        """Of the transformed weight."""
        return PLACES * self.groups * self.rows * self.sizes.channels * SIZE[self.tag]

    def pack(self, weight: int, target: int) -> NativeStep:
        """The step that transforms the weight from slot `weight` to `target`."""
        s = self.sizes
        blocks = -(-s.channels // _PACK_CHANNELS)
        record = [weight, target, s.channels, s.outs, blocks]
        key = f"winograd weight {self.tag} {self.lanes} {self.rows}"
        return NativeStep(PACK, key, lambda: _pack_text(self), record, self.groups * blocks,
                          PLACES * s.channels * s.outs)  # fmt: skip

    def step(self, x: int, packed: int, out: int) -> NativeStep:
        """The step of the result; the numbers are slots."""
        s = self.sizes
        per = max(1, min(4, _SEEN_BYTES // self.seen_bytes, self.panels // 16))
        parts = -(-self.panels // per)
        down = self.groups
        while parts * -(-self.groups // down) < 16 and down * self.rows > 128:
            down = (down + 1) // 2
        downs = -(-self.groups // down)
        depth = tile.balanced(s.channels, _DEPTH)
        record = [
            x, packed, out, per, self.panels, parts, self.groups, down, depth, *s.fields(),
        ]  # fmt: skip
        key = f"winograd blocks {self.tag} {self.lanes} {self.rows} {self.vectors}"
        work = PLACES * s.tiles * s.channels * s.outs
        return NativeStep("convolution", key, lambda: _text(self), record, parts * downs, work,
                          1 << 18)  # fmt: skip


def _pack_text(p: Winograd) -> str:
    w = Writer()
    f = [w.field(i) for i in range(5)]
    weight, target = w.slot(f[0]), w.slot(f[1])
    channels, outs, blocks = f[2:]
    math = Arithmetic(w, p.tag, p.lanes)
    row = w.mul(channels, w.number(9))
    lanes = w.lane_numbers(p.lanes, I64)
    offsets = w.binary("mul", lanes, tile.broadcast(w, row, p.lanes))
    step = w.mul(channels, w.number(p.rows))

    def chunk(number: V, _: list[V]) -> list[V]:
        group, block = split(w, number, blocks)
        first = w.mul(block, w.number(_PACK_CHANNELS))
        stop = w.smaller(w.add(first, w.number(_PACK_CHANNELS)), channels)
        start = w.mul(group, w.number(p.rows))
        base = w.element(target, w.mul(group, w.mul(step, w.number(PLACES))), p.tag)

        def channel(c: V, _: list[V]) -> list[V]:
            for j in range(0, p.rows, p.lanes):
                out = w.add(start, w.number(j))
                mask = left_of(w, w.binary("sub", outs, out), p.lanes)
                at = w.element(weight, w.add(w.mul(out, row), w.mul(c, w.number(9))), p.tag)
                to = w.element(base, w.add(w.mul(c, w.number(p.rows)), w.number(j)), p.tag)
                kept = left_of(w, w.number(p.rows - j), p.lanes)
                taps = [
                    w.gather(w.element(at, w.number(i), p.tag), offsets, p.tag, mask)
                    for i in range(9)
                ]
                columns = [math.kernel(taps[i::3]) for i in range(3)]
                for place in zip(*columns, strict=True):
                    for x in math.kernel(place):
                        w.store(x, to, p.tag, kept)
                        to = w.element(to, step, p.tag)
            return []

        w.counted_loop(first, stop, 1, [], channel)
        return []

    w.counted_loop(V(I64, "%begin"), V(I64, "%end"), 1, [], chunk)
    w.stmt("ret void")
    return w.module()


def _text(p: Winograd) -> str:
    w = Writer()
    f = [w.field(i) for i in range(_HEADER + FIELDS)]
    x, packed, out = (w.slot(f[i]) for i in range(3))
    per, panels, parts, groups, down, depth = f[3:_HEADER]
    g = Geometry(w, f[_HEADER:])
    step = w.mul(w.add(g.channels, w.number(1)), w.number(p.columns))
    panel_size = w.mul(step, w.number(PLACES))
    size = SIZE[p.tag]
    room = w.mul(w.mul(panel_size, per), w.number(size))
    seen = w.let("ptr", f"alloca i8, i64 {room.name}, align 64")
    lines = Lines(w, p.tag, p.lanes, p.columns, _AT_A_TIME)
    result = _Result(w, p, g, per)
    group_size = w.mul(w.mul(g.channels, w.number(p.rows)), w.number(PLACES))

    def chunk(number: V, _: list[V]) -> list[V]:
        at_down, part = split(w, number, parts)
        first_panel = w.mul(part, per)
        count = w.smaller(per, w.binary("sub", panels, first_panel))
        first_group = w.mul(at_down, down)
        stop_group = w.smaller(w.add(first_group, down), groups)

        def panel(q: V, _: list[V]) -> list[V]:
            pieces = result.pieces
            read, written = pieces.locate(w.add(first_panel, q))
            to = w.element(seen, w.mul(q, panel_size), p.tag)

            def some(first: V, _: list[V]) -> list[V]:
                few = w.smaller(w.number(_AT_A_TIME), w.binary("sub", g.channels, first))

                def fill(i: V, _: list[V]) -> list[V]:
                    place = w.mul(w.add(first, i), g.in_size)
                    lines.fill(pieces, read, w.element(x, place, p.tag), i)
                    return []

                def turn(i: V, _: list[V]) -> list[V]:
                    place = w.mul(w.add(first, i), w.number(p.columns))
                    lines.turn(i, w.element(to, place, p.tag), step, p.vectors)
                    return []

                w.counted_loop(w.number(0), few, 1, [], fill)
                w.counted_loop(w.number(0), few, 1, [], turn)
                return []

            w.counted_loop(w.number(0), g.channels, _AT_A_TIME, [], some)

            def group(k: V, _: list[V]) -> list[V]:
                factors = w.element(packed, w.mul(k, group_size), p.tag)

                def place(i: V, _: list[V]) -> list[V]:
                    a = w.element(factors, w.mul(i, w.mul(g.channels, w.number(p.rows))), p.tag)
                    b = w.element(to, w.mul(i, step), p.tag)
                    _products(w, p, result, i, a, b, g.channels, depth)
                    return []

                w.counted_loop(w.number(0), w.number(PLACES), 1, [], place)
                start = w.mul(k, w.number(p.rows))
                left = w.smaller(w.number(p.rows), w.binary("sub", g.outs, start))
                result.write(w.element(out, w.mul(start, g.out_size), p.tag), left, written)
                return []

            w.counted_loop(first_group, stop_group, 1, [], group)
            return []

        w.counted_loop(w.number(0), count, 1, [], panel)
        return []

    w.counted_loop(V(I64, "%begin"), V(I64, "%end"), 1, [], chunk)
    w.stmt("ret void")
    return w.module()


def _products(
    w: Writer, p: Winograd, result: _Result, place: V, a: V, b: V, channels: V, depth: V
) -> None:
    """The products of a place for a panel and some outputs, `depth` channels at a time."""
    blocks = w.binary("udiv", w.add(channels, w.binary("sub", depth, w.number(1))), depth)

    def block(k: V, _: list[V]) -> list[V]:
        first = w.mul(k, depth)
        count = w.smaller(depth, w.binary("sub", channels, first))
        start = w.element(a, w.mul(first, w.number(p.rows)), p.tag)
        rows = [w.element(start, w.number(r), p.tag) for r in range(p.rows)]
        panel = w.element(b, w.mul(first, w.number(p.columns)), p.tag)
        vectors = tile.packed_vectors(w, panel, p.tag, p.lanes, p.vectors)
        found = tile.sums(w, p.tag, p.lanes, rows, w.number(p.rows), count, vectors, p.vectors)
        again = w.compare("icmp", "sgt", k, w.number(0))
        w.when(again, lambda: result.keep(place, found, True),
               lambda: result.keep(place, found, False))  # fmt: skip
        return []

    w.counted_loop(w.number(0), blocks, 1, [], block)


class _Result:
    """The products of a panel's tiles for some outputs, and their way back to the result."""

    def __init__(self, w: Writer, p: Winograd, g: Geometry, per: V) -> None:
        self.w, self.p, self.g = w, p, g
        self.pieces = Pieces(w, g, p.lanes, p.columns)
        size = SIZE[p.tag]
        self.math = Arithmetic(w, p.tag, p.lanes)
        self.products = w.let(
            "ptr", f"alloca i8, i64 {PLACES * p.rows * p.columns * size}, align 64"
        )
        self.pitch = p.columns * OUT + p.lanes
        self.lines = w.let("ptr", f"alloca i8, i64 {p.rows * OUT * self.pitch * size}, align 64")

    def keep(self, place: V, found: list[list[V]], add: bool) -> None:
        """Keeps the products of a place, [place][output][tiles], or adds to those there."""
        w, p = self.w, self.p
        to = w.element(self.products, w.mul(place, w.number(p.rows * p.columns)), p.tag)
        tile.keep(w, p.tag, p.lanes, found, to, p.columns, add)

    def write(self, out: V, rows: V, count: V) -> None:
        """Transforms the products back and writes `rows` outputs, the first of which is at `out`.

        count: of the pieces.
        """
        w, p = self.w, self.p

        def row(r: V, _: list[V]) -> list[V]:
            def vector(j: V, _: list[V]) -> list[V]:
                start = w.add(w.mul(r, w.number(p.columns)), w.mul(j, w.number(p.lanes)))
                at = w.element(self.products, start, p.tag)
                found = []
                for x in range(SEEN):
                    column = []
                    for y in range(SEEN):
                        place = w.number((y * SEEN + x) * p.rows * p.columns)
                        column.append(w.load(w.element(at, place, p.tag), p.tag, p.lanes))
                    found.append(self.math.result(column))
                to = w.element(self.lines, w.mul(r, w.number(OUT * self.pitch)), p.tag)
                to = w.element(to, w.mul(j, w.number(OUT * p.lanes)), p.tag)
                for y in range(OUT):
                    line = together(w, self.math.result([column[y] for column in found]))
                    for k, v in enumerate(line):
                        here = w.number(y * self.pitch + k * p.lanes)
                        w.store(v, w.element(to, here, p.tag), p.tag)
                return []

            w.counted_loop(w.number(0), w.number(p.vectors), 1, [], vector)
            return []

        w.counted_loop(w.number(0), rows, 1, [], row)

        def copy(r: V, _: list[V]) -> list[V]:
            line = w.element(self.lines, w.mul(r, w.number(OUT * self.pitch)), p.tag)
            target = w.element(out, w.mul(r, self.g.out_size), p.tag)

            def piece(i: V, _: list[V]) -> list[V]:
                offset, column, masks = self.pieces.read(self.pieces.outer, i, OUT)
                to = w.element(target, offset, p.tag)
                for y, mask in enumerate(masks):
                    at = w.element(line, w.add(column, w.number(y * self.pitch)), p.tag)
                    w.store(w.load(at, p.tag, p.lanes), to, p.tag, mask)
                    to = w.element(to, self.g.out_width, p.tag)
                return []

            w.counted_loop(w.number(0), count, 1, [], piece)
            return []

        w.counted_loop(w.number(0), rows, 1, [], copy)


__all__ = ["Winograd"]
