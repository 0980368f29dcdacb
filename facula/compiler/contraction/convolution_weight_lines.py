"""The gradient of a convolution's weight from lines of the input: nothing is gathered.

As in convolution_weight.py, a chunk takes some channels and some outputs, and adds up what a
stretch of positions gives. Here it copies the lines that the stretch sees, with the zeros around
them, once for all places of the kernel: what a place sees of a position lies a fixed distance from
what it sees of the first one. The rows of a tile are the places of some lines of the kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from ..emitter import V
from ..scalar_code import SIZE
from ..writer import I64, Writer
from . import patches, tile
from .convolution import compact
from .convolution_weight import OUTS, add_products, share, turn, write_share
from .lines import copy_lines, last_two, note_distances, seen_from
from .parts import split
from .patches import Axis
from .product import NativeStep

_POSITIONS = 256  # of a stretch, at most
_DEPTH = 320  # rows of a chunk, unless one channel has more
_UNITS = 16  # chunks below which the positions are divided
_LINES_BYTES = 1 << 17  # of the lines that a stretch sees
_HEADER = 26
_UNIT = 1.18  # cycles


class WeightByLines:
    """The sizes of the gradient [parts, outs, channels / groups, *kernel]."""

    def __init__(
        self, tag: str, images: int, channels: int, outs: int, groups: int, axes: Sequence[Axis]
    ) -> None:
        self.tag, self.axes = tag, compact(axes)
        self.lanes = tile.registers().lanes(tag)
        self.images, self.channels, self.outs, self.groups = images, channels, outs, groups
        self.in_group, self.outs_in_group = channels // groups, outs // groups
        y, x = self.y, self.x = last_two(self.axes)
        self.vectors = tile.vectors_across(self.outs_in_group, self.lanes)
        self.columns = self.lanes * self.vectors
        self.lines_of_tile = tile.most_rows(self.vectors) // x.kernel if x.kernel else 0
        some = min(images, self.in_group, x.out, y.out, x.kernel, y.kernel) > 0
        self.fits = (
            len(self.axes) < 3 and some and x.kernel > 1 and self.lines_of_tile > 0
            and x.out <= _POSITIONS and self.outs_in_group >= self.lanes // 2
        )  # fmt: skip
        if not self.fits:
            return
        self.rows = self.lines_of_tile * x.kernel
        self.places = y.kernel * x.kernel
        # A stretch has some lines of the result, or all those of some images.
        self.lines = tile.balanced(y.out, max(1, _POSITIONS // x.out))
        self.together = max(1, _POSITIONS // (y.out * x.out)) if self.lines == y.out else 1
        self.strips = -(-y.out // self.lines)
        self.bands = -(-images // self.together) * self.strips
        self.seen = (self.lines - 1) * y.stride + (y.kernel - 1) * y.dilation + 1
        self.width = (x.out - 1) * x.stride + (x.kernel - 1) * x.dilation + 1
        plane = self.together * self.seen * self.width * SIZE[tag]
        near = (_LINES_BYTES - 256) // plane
        self.block = tile.balanced(self.in_group, max(1, min(_DEPTH // self.places, near)))
        self.blocks = -(-self.in_group // self.block)
        self.tiles = -(-self.block * y.kernel // self.lines_of_tile)
        most = self.tiles * self.rows
        self.depth = 336 if most <= 336 else 1 << (most - 1).bit_length()
        panels = -(-self.outs_in_group // self.columns)
        self.panels = tile.balanced(panels, OUTS // self.columns)
        self.panel_blocks = -(-panels // self.panels)
        self.fits = near > 0

    @property
    def cost(self) -> float:
        """About how long the step takes on one core, in the unit of the other plan's `cost`."""
        panels = -(-self.outs_in_group // self.columns)
        tiles = self.blocks * self.tiles * panels
        positions = self.lines * self.x.out * self.together
        sums = max(self.rows * self.vectors, 10)
        copied = self.in_group * self.together * self.seen * (self.width / self.lanes + 2)
        return (
            self.groups * self.bands
            * (
                4 * self.panel_blocks * copied
                + 7 * positions * self.blocks * panels * self.vectors
                + tiles * (positions * sums / 2 + 3 * self.rows * self.vectors)
            )
            / _UNIT
        )  # fmt: skip

    @property
    def parts(self) -> int:
        """Into how many partial sums the positions are best divided."""
        units = self.groups * self.blocks * self.panel_blocks
        return max(1, min(-(-_UNITS // units), self.bands // 4))

    def step(self, x: int, gradient: int, out: int, parts: int) -> NativeStep:
        """The step; x, gradient and out are slots, `parts` the size of the result's first axis."""
        units = parts * self.groups * self.blocks * self.panel_blocks
        positions = self.images * self.y.out * self.x.out
        work = prod((positions, self.outs, self.in_group, self.places))
        record = [
            x, gradient, out, self.channels, self.in_group, self.outs, self.outs_in_group,
            positions, self.block, self.blocks, self.panels, self.panel_blocks, parts, self.bands,
            self.groups, self.strips, self.lines, self.together, self.seen, self.width,
            self.images, *(n for a in (self.y, self.x) for n in (a.dilation, a.kernel)), 0,
            *patches.axis_fields(self.axes),
        ]  # fmt: skip
        key = (
            f"convolution weight by lines {self.tag} {self.lines_of_tile} {self.x.kernel} "
            f"{self.x.dilation} {self.vectors} {len(self.axes)} {self.depth}"
        )
        return NativeStep(
            "convolution weight", key, lambda: _text(self), record, units, work, 1 << 18
        )


def _text(p: WeightByLines) -> str:
    w = Writer()
    f = [w.field(i) for i in range(_HEADER + patches.FIELDS_OF_AXIS * len(p.axes))]
    x, gradient, out = (w.slot(f[i]) for i in range(3))
    channels, in_group, outs, _, positions, block = f[3:9]
    parts, bands = f[12:14]
    strips, lines, together, seen, width, images = f[15:21]
    dilation_y, kernel_y, _, kernel_x = f[21:25]
    g = patches.Geometry(w, f[_HEADER:], p.lanes, 0)
    in_x, out_x, stride_x, low_x = g.axes[-1][:4]
    one_line = w.number(1)
    in_y, out_y, stride_y, low_y = (
        g.axes[-2][:4] if len(g.axes) > 1 else (one_line, one_line, one_line, w.number(0))
    )
    size = SIZE[p.tag]
    near = w.let("ptr", f"alloca i8, i64 {_LINES_BYTES}, align 64")
    turned = w.let("ptr", f"alloca i8, i64 {OUTS * (_POSITIONS + p.lanes) * size}, align 64")
    sums = w.let("ptr", f"alloca i8, i64 {p.depth * OUTS * size}, align 64")
    distances = w.let("ptr", f"alloca i32, i64 {_POSITIONS + p.lanes}, align 64")
    image_in, image_out = w.mul(channels, g.in_size), w.mul(outs, g.out_size)
    plane = w.mul(seen, width)
    image_near = w.mul(block, plane)
    whole = w.compare("icmp", "sgt", together, w.number(1))
    step_down = w.mul(stride_y, width)
    note_distances(w, [(together, image_near), (lines, step_down), (out_x, stride_x)], distances)

    def chunk(number: V, _: list[V]) -> list[V]:
        here = share(w, p, number, f)
        lines_of_kernel = w.mul(here.channels, kernel_y)
        per = w.number(p.lines_of_tile)
        tiles = w.binary("udiv", w.add(lines_of_kernel, w.number(p.lines_of_tile - 1)), per)
        first = w.binary("udiv", w.mul(here.part, bands), parts)
        stop = w.binary("udiv", w.mul(w.add(here.part, w.number(1)), bands), parts)

        def stretch(band: V, _: list[V]) -> list[V]:
            unit, strip = split(w, band, strips)
            image = w.mul(unit, together)
            line = w.mul(strip, lines)
            height = w.smaller(lines, w.binary("sub", out_y, line))
            some = w.smaller(together, w.binary("sub", images, image))
            length = w.mul(w.select(whole, w.mul(some, out_y), height), out_x)
            start = w.add(w.mul(image, g.out_size), w.mul(line, out_x))

            def copy(i: V, _: list[V]) -> list[V]:
                at = w.mul(w.add(image, i), image_in)
                source = w.element(x, w.add(at, w.mul(here.channel, g.in_size)), p.tag)
                top = w.binary("sub", w.mul(line, stride_y), low_y)
                to = w.element(near, w.mul(i, image_near), p.tag)
                copy_lines(w, p.tag, p.lanes, source, g.in_size, here.channels, top, seen, in_y,
                           in_x, low_x, width, to)  # fmt: skip
                return []

            w.counted_loop(w.number(0), some, 1, [], copy)

            def vector(v: V, _: list[V]) -> list[V]:
                place = patches.locate(g, w.add(start, v), positions)
                at = w.add(w.mul(place.image, image_out), w.mul(here.row, g.out_size))
                to = w.element(turned, w.mul(v, w.number(p.columns)), p.tag)
                turn(w, p, g, place, w.element(gradient, at, p.tag), image_out, here, to,
                     _POSITIONS + p.lanes)  # fmt: skip
                return []

            w.counted_loop(w.number(0), length, p.lanes, [], vector)
            again = w.compare("icmp", "sgt", band, first)
            last_line = w.binary("sub", lines_of_kernel, w.number(1))

            def product(t: V, vectors: Callable[[V], list[V]]) -> list[list[V]]:
                bases = []
                for i in range(p.lines_of_tile):
                    # Beyond the last line of the kernel: sums that nobody reads.
                    number = w.smaller(w.add(w.mul(t, per), w.number(i)), last_line)
                    c, y = split(w, number, kernel_y)
                    lie = w.add(w.mul(c, plane), w.mul(w.mul(y, dilation_y), width))
                    bases.append(tile.opaque(w, w.element(near, lie, p.tag)))
                seen = seen_from(w, p.tag, bases, distances, p.x.kernel, p.x.dilation)
                return tile.sums_at(w, p.tag, p.lanes, p.rows, length, seen, vectors, p.vectors)

            rows = _POSITIONS + p.lanes
            add_products(w, p, turned, rows, sums, tiles, here.panels, again, product)
            return []

        w.counted_loop(first, stop, 1, [], stretch)
        some = w.compare("icmp", "slt", first, stop)
        depth = w.mul(lines_of_kernel, kernel_x)
        write_share(w, p, here, sums, out, outs, in_group, g.places, depth, some)
        return []

    w.counted_loop(V(I64, "%begin"), V(I64, "%end"), 1, [], chunk)
    w.stmt("ret void")
    return w.module()


__all__ = ["WeightByLines"]
