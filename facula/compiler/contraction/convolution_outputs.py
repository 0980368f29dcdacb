"""Convolutions whose vectors are outputs: nothing that the places of the kernel see is gathered.

A chunk takes a stretch of lines of the result. For some channels at a time it copies the lines that
the kernel sees, with the zeros around them, to memory near the processor. There a place of the
kernel is a fixed distance from a position's first number: a tile of positions that follow each
other spreads these numbers over vectors, and multiplies them with the weight, packed so that
outputs lie side by side. Sums are kept near the processor until all channels are done, and then
turned into lines of the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from ..emitter import V
from ..loops import even_parts
from ..scalar_code import SIZE
from ..writer import I64, Writer
from . import tile
from .lines import copy_lines, last_two, note_distances, seen_from
from .parts import split
from .patches import Axis
from .product import NativeStep
from .weights import Weights

_HEADER = 32
_DEPTH = 256  # most places of the sum at a time, unless one channel has more
_SUMS_BYTES = 1 << 18  # of the sums of a chunk
_LINES_BYTES = 1 << 17  # of the lines that a chunk sees at a time
_CHUNKS, _FEW_CHUNKS = 16, 4  # wanted of positions, and at least
_CHUNK_WORK = 1 << 18  # multiply-adds of a chunk at least
_UNIT = 1.3  # cycles


class ByOutputs:
    """The sizes of a convolution of [images, channels, *] with [outs, channels / groups, *]."""

    packed = True

    def __init__(
        self, tag: str, images: int, channels: int, outs: int, groups: int, axes: Sequence[Axis]
    ) -> None:
        self.tag, self.images, self.channels, self.outs = tag, images, channels, outs
        self.groups, self.in_group, self.outs_in_group = groups, channels // groups, outs // groups
        self.lanes = tile.registers().lanes(tag)
        y, x = self.y, self.x = last_two(axes)
        flat = prod(a.size * a.out * a.kernel for a in axes[:-2]) == 1
        some = min(images, self.in_group, x.out, y.out, x.kernel, y.kernel) > 0
        self.fits = flat and some and self.outs_in_group >= self.lanes
        if not self.fits:
            return
        self.vectors, self.down, self.along = self._tile()
        self.columns = self.lanes * self.vectors
        self.rows = self.down * self.along
        self.panels = -(-self.outs_in_group // self.columns)
        self.places = y.kernel * x.kernel
        self.block = tile.balanced(self.in_group, max(1, _DEPTH // self.places))
        self.tiles_along = -(-x.out // self.along)
        reach = self.tiles_along * self.along - 1
        self.width = reach * x.stride + (x.kernel - 1) * x.dilation + 1
        # A chunk has some lines of the result, or all those of some images.
        work = prod((x.out, self.outs_in_group, self.in_group, self.places))
        wanted = min(_CHUNKS, -(-images * y.out * work // _CHUNK_WORK))  # chunks
        self.lines = y.out
        while self.lines > self.down and (
            self._bytes(1) > 1 or images * -(-y.out // self.lines) < min(wanted, _FEW_CHUNKS)
        ):
            self.lines = -(-self.lines // (2 * self.down)) * self.down
        self.strips = -(-y.out // self.lines)
        bands = images * self.strips
        most = max(1, int(1 / self._bytes(1)))
        self.chunks = even_parts(max(min(wanted, bands), -(-bands // most)), bands, 1)
        self.acrosses = min(self.panels, -(-_FEW_CHUNKS // (self.chunks * groups)))
        shape = (outs, self.in_group, *(a.kernel for a in axes))
        self.weights = Weights(tag, self.lanes, self.columns, groups, shape)
        self.fits = self._bytes(1) <= 1

    def _tile(self) -> tuple[int, int, int]:
        """Vectors of a tile, and its positions down and along the lines of the result."""
        best: tuple[float, tuple[int, int, int]] | None = None
        usual = tile.registers().vectors
        for vectors in (usual, usual + 1, 1):
            columns = vectors * self.lanes
            if columns > self.outs_in_group:
                continue
            most = min(tile.most_rows(vectors), self.lanes)
            panels = -(-self.outs_in_group // columns)
            for along in range(min(most, self.x.out), 0, -1):
                down = min(self.y.out, most // along) if along == self.x.out else 1
                tiles = -(-self.x.out // along) * -(-self.y.out // down)
                cost = panels * tiles * (_cycles(along * down, vectors) + 0.5)
                if best is None or cost < 0.999 * best[0]:
                    best = cost, (vectors, down, along)
        assert best is not None
        return best[1]

    @property
    def _seen(self) -> int:
        """Lines of the input that the tiles of a band see."""
        reach = -(-self.lines // self.down) * self.down - 1
        return reach * self.y.stride + (self.y.kernel - 1) * self.y.dilation + 1

    @property
    def _tiles(self) -> int:
        """Of a band."""
        return -(-self.lines // self.down) * self.tiles_along

    def _bytes(self, bands: int) -> float:
        """What so many bands need of a chunk's memory, of which there is 1."""
        sums = self._tiles * self.rows * self.panels * self.columns
        seen = self.block * self._seen * self.width
        size = SIZE[self.tag] * bands
        return max(sums * size / _SUMS_BYTES, (seen * size + 256) / _LINES_BYTES)

    @property
    def scratch_bytes(self) -> int:
        """Of the packed weight."""
        return self.weights.scratch_bytes

    @property
    def cost(self) -> float:
        """About how long the step takes on one core, in the unit of the other plan's `cost` (which
        is fitted to 70 random sizes): copying, products, writing.
        """
        bands = self.images * self.strips
        tiles = bands * self._tiles * self.groups
        cycles = self.in_group * self.places * _cycles(self.rows, self.vectors)
        copied = self.acrosses * bands * self.channels * self._seen * (self.width / self.lanes + 2)
        products = tiles * self.panels * (cycles + 25 * self.rows * self.vectors)
        return (4 * copied + products) / _UNIT

    def step(self, x: int, weight: int, out: int) -> NativeStep:
        """The step; the numbers are slots, `weight` that of the packed one."""
        work = prod((self.images, self.y.out, self.x.out, self.outs, self.in_group, self.places))
        record = [
            x, weight, out, self.channels, self.in_group, self.outs, self.outs_in_group,
            self.block, -(-self.in_group // self.block), self.panels, self.acrosses,
            self.weights.pitch, self.lines, self.strips, self.images * self.strips,
            self._seen, self.width, self.chunks, self.tiles_along, 0,
            *(n for a in (self.y, self.x) for n in (a.size, a.out, a.stride, a.low)),
            self.y.dilation, self.x.dilation, self.y.kernel, self.x.kernel,
        ]  # fmt: skip
        assert len(record) == _HEADER
        key = (
            f"convolution by outputs {self.tag} {self.vectors} {self.down} {self.along} "
            f"{self.x.stride} {_DEPTH if self.places <= _DEPTH else self.places}"
        )
        return NativeStep("convolution", key, lambda: _text(self), record,
                          self.groups * self.chunks * self.acrosses, work, 1 << 18)  # fmt: skip


def _cycles(rows: int, vectors: int) -> float:
    """What a place of the sum takes: its multiplications, the wait for the last sum, its loads."""
    return max(rows * vectors / 2, 5, 0.6 * (rows + vectors + 1))


def _text(p: ByOutputs) -> str:
    w = Writer()
    f = [w.field(i) for i in range(_HEADER)]
    x, weight, out = (w.slot(f[i]) for i in range(3))
    channels, in_group, outs, outs_in_group, block, blocks, panels, acrosses = f[3:11]
    pitch, lines, strips, bands, seen, width, chunks, tiles_along = f[11:19]
    in_y, out_y, stride_y, low_y, in_x, out_x, _, low_x = f[20:28]
    dilation_y, dilation_x, kernel_y, kernel_x = f[28:32]
    size = SIZE[p.tag]
    near = w.let("ptr", f"alloca i8, i64 {_LINES_BYTES}, align 64")
    more = p.lanes * p.columns * size  # that a write may read beyond
    sums = w.let("ptr", f"alloca i8, i64 {_SUMS_BYTES + more}, align 64")
    places = w.mul(kernel_y, kernel_x)
    most = max(_DEPTH, p.places)
    distances = w.let("ptr", f"alloca i32, i64 {most}, align 64")
    plane = w.mul(seen, width)
    columns_of_line = w.mul(dilation_y, width)
    note_distances(
        w, [(block, plane), (kernel_y, columns_of_line), (kernel_x, dilation_x)], distances
    )
    line_of_sums = w.mul(tiles_along, w.number(p.along))  # positions
    step_down = w.mul(stride_y, width)  # from line to line of the result
    rest_down = w.number(p.down - 1)
    tiles = w.mul(w.binary("udiv", w.add(lines, rest_down), w.number(p.down)), tiles_along)
    image_in, image_out = w.mul(in_y, in_x), w.mul(out_y, out_x)
    band_size = w.mul(block, plane)
    last_panel = w.binary("sub", outs_in_group, w.number(p.columns))

    def chunk(number: V, _: list[V]) -> list[V]:
        rest, at_across = split(w, number, acrosses)
        group, stretch = split(w, rest, chunks)
        first_panel = w.binary("udiv", w.mul(at_across, panels), acrosses)
        stop_panel = w.binary("udiv", w.mul(w.add(at_across, w.number(1)), panels), acrosses)
        first_band = w.binary("udiv", w.mul(stretch, bands), chunks)
        stop_band = w.binary("udiv", w.mul(w.add(stretch, w.number(1)), bands), chunks)

        def lines_of(band: V) -> tuple[V, V, V]:
            """The image of a band, its first line of the result, and how many it has."""
            image, strip = split(w, band, strips)
            line = w.mul(strip, lines)
            return image, line, w.smaller(lines, w.binary("sub", out_y, line))

        def sums_of(band: V, q: V) -> V:
            at = w.add(w.mul(w.binary("sub", band, first_band), panels), q)
            return w.element(sums, w.mul(w.mul(at, tiles), w.number(p.rows * p.columns)), p.tag)

        def channel_block(b: V, _: list[V]) -> list[V]:
            first_channel = w.mul(b, block)
            count = w.smaller(block, w.binary("sub", in_group, first_channel))
            depth = w.mul(count, places)
            again = w.compare("icmp", "sgt", b, w.number(0))
            channel = w.add(w.mul(group, in_group), first_channel)

            def copy(band: V, _: list[V]) -> list[V]:
                image, line = lines_of(band)[:2]
                top = w.binary("sub", w.mul(line, stride_y), low_y)
                source = w.mul(w.add(w.mul(image, channels), channel), image_in)
                to = w.mul(w.binary("sub", band, first_band), band_size)
                copy_lines(w, p.tag, p.lanes, w.element(x, source, p.tag), image_in, count, top,
                           seen, in_y, in_x, low_x, width, w.element(near, to, p.tag))  # fmt: skip
                return []

            w.counted_loop(first_band, stop_band, 1, [], copy)

            def panel(q: V, _: list[V]) -> list[V]:
                at = w.mul(w.add(w.mul(group, panels), q), pitch)
                at = w.add(at, w.mul(w.mul(first_channel, places), w.number(p.columns)))
                vectors = tile.packed_vectors(
                    w, w.element(weight, at, p.tag), p.tag, p.lanes, p.vectors
                )

                def band_of(band: V, _: list[V]) -> list[V]:
                    here = w.mul(w.binary("sub", band, first_band), band_size)
                    to = sums_of(band, q)
                    tiles_here = w.binary(
                        "udiv", w.add(lines_of(band)[2], rest_down), w.number(p.down)
                    )

                    def one(t: V, _: list[V]) -> list[V]:
                        row, column = split(w, t, tiles_along)
                        start = w.add(
                            w.mul(w.mul(row, w.mul(stride_y, w.number(p.down))), width),
                            w.mul(column, w.number(p.along * p.x.stride)),
                        )
                        first = w.add(here, start)
                        lines_seen = [
                            w.element(near, w.add(first, w.mul(step_down, w.number(j))), p.tag)
                            for j in range(p.down)
                        ]
                        seen = seen_from(w, p.tag, lines_seen, distances, p.along, p.x.stride)
                        found = tile.sums_at(
                            w, p.tag, p.lanes, p.rows, depth, seen, vectors, p.vectors
                        )
                        at = w.element(to, w.mul(t, w.number(p.rows * p.columns)), p.tag)

                        def put(add: bool) -> None:
                            tile.keep(w, p.tag, p.lanes, found, at, p.columns, add)

                        w.when(again, lambda: put(True), lambda: put(False))
                        return []

                    w.counted_loop(w.number(0), w.mul(tiles_here, tiles_along), 1, [], one)
                    return []

                w.counted_loop(first_band, stop_band, 1, [], band_of)
                return []

            w.counted_loop(first_panel, stop_panel, 1, [], panel)
            return []

        w.counted_loop(w.number(0), blocks, 1, [], channel_block)

        def write(band: V, _: list[V]) -> list[V]:
            image, line, count = lines_of(band)
            # Where tiles end with the lines, the positions of a band lie together.
            exact = w.compare("icmp", "eq", line_of_sums, out_x)
            runs = w.select(exact, w.number(1), count)
            length = w.select(exact, w.mul(count, out_x), out_x)

            def panel(q: V, _: list[V]) -> list[V]:
                first_out = w.smaller(w.mul(q, w.number(p.columns)), last_panel)
                o = w.add(w.mul(group, outs_in_group), first_out)
                base = w.add(w.mul(w.add(w.mul(image, outs), o), image_out), w.mul(line, out_x))
                source = sums_of(band, q)

                def run(i: V, _: list[V]) -> list[V]:
                    start = w.mul(i, w.mul(line_of_sums, w.number(p.columns)))
                    to = w.element(out, w.add(base, w.mul(i, out_x)), p.tag)
                    _write(w, p, w.element(source, start, p.tag), to, length, image_out)
                    return []

                w.counted_loop(w.number(0), runs, 1, [], run)
                return []

            w.counted_loop(first_panel, stop_panel, 1, [], panel)
            return []

        w.counted_loop(first_band, stop_band, 1, [], write)
        return []

    w.counted_loop(V(I64, "%begin"), V(I64, "%end"), 1, [], chunk)
    w.stmt("ret void")
    return w.module()


def _write(w: Writer, p: ByOutputs, sums: V, to: V, length: V, image_out: V) -> None:
    """Turns the sums of positions that follow each other, [position][outputs], into a stretch of
    each output. Sums are read beyond the last one, and not used.
    """

    def some(k: V, mask: V | None, _: list[V]) -> list[V]:
        rows = w.element(sums, w.mul(k, w.number(p.columns)), p.tag)
        for v in range(p.vectors):
            found = [
                w.load(
                    w.element(rows, w.number(r * p.columns + v * p.lanes), p.tag), p.tag, p.lanes
                )
                for r in range(p.lanes)
            ]
            for i, x in enumerate(tile.transposed(w, found)):
                at = w.add(k, w.mul(image_out, w.number(v * p.lanes + i)))
                w.store(x, w.element(to, at, p.tag), p.tag, mask)
        return []

    w.vector_loop(w.number(0), length, p.lanes, [], some)


__all__ = ["ByOutputs"]
