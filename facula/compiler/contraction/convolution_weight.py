"""The gradient of a convolution's weight: what the places of the kernel see, times the gradient.

The sum goes over the positions of the result. A chunk takes some channels and some outputs: for a
stretch of positions at a time it gathers the rows that the kernel sees and turns the gradient so
that outputs lie side by side, and adds the product to sums that stay near the processor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import NamedTuple

from ..emitter import V
from ..scalar_code import SIZE
from ..writer import I64, Writer
from . import patches, tile
from .convolution import compact
from .parts import left_of, split
from .patches import Axis
from .product import NativeStep, height
from .right import Panels

_POSITIONS = 128  # at a time
_DEPTH = 320  # most rows of a chunk, unless one channel has more
OUTS = 128  # most outputs of a chunk
_UNITS = 16  # chunks below which the positions are divided
_HEADER = 16


class Weight:
    """The sizes of the gradient [parts, outs, channels / groups, *kernel]."""

    def __init__(
        self, tag: str, images: int, channels: int, outs: int, groups: int, axes: Sequence[Axis]
    ) -> None:
        self.tag, self.axes = tag, compact(axes)
        self.lanes = tile.registers().lanes(tag)
        self.channels, self.outs, self.groups = channels, outs, groups
        self.in_group, self.outs_in_group = channels // groups, outs // groups
        self.vectors = tile.vectors_across(self.outs_in_group, self.lanes)
        self.columns = self.lanes * self.vectors
        self.places = prod(a.kernel for a in axes)
        self.positions = images * prod(a.out for a in axes)
        self.stretches = -(-self.positions // _POSITIONS)
        self.block = tile.balanced(self.in_group, max(1, _DEPTH // self.places))
        self.rows = height(self.block * self.places, self.vectors)
        most = -(-self.block * self.places // self.rows) * self.rows
        self.depth = 336 if most <= 336 else 1 << (most - 1).bit_length()
        panels = -(-self.outs_in_group // self.columns)
        self.panels = tile.balanced(panels, OUTS // self.columns)
        self.blocks = -(-self.in_group // self.block)
        self.panel_blocks = -(-panels // self.panels)
        self.near = patches.step_of(self.axes)

    @property
    def cost(self) -> float:
        """About how many cycles the step takes on one core: gathering, turning, products."""
        panels = -(-self.outs_in_group // self.columns)
        tiles = self.blocks * -(-self.block * self.places // self.rows)
        sums = max(self.rows * self.vectors, 10)
        return (
            self.groups
            * self.stretches
            * (
                51 * self.panel_blocks * self.in_group * self.places
                + 880 * self.blocks * panels * self.vectors
                + 54 * tiles * panels * sums
            )
        )

    @property
    def parts(self) -> int:
        """Into how many partial sums the positions are best divided."""
        units = self.groups * self.blocks * self.panel_blocks
        return max(1, min(-(-_UNITS // units), self.stretches // 8))

    def step(self, x: int, gradient: int, out: int, parts: int) -> NativeStep:
        """The step; x, gradient and out are slots, `parts` the size of the result's first axis."""
        units = parts * self.groups * self.blocks * self.panel_blocks
        work = self.positions * self.outs_in_group * self.in_group * self.places * self.groups
        record = [
            x, gradient, out, self.channels, self.in_group, self.outs, self.outs_in_group,
            self.positions, self.block, self.blocks, self.panels, self.panel_blocks,
            -(-self.stretches // parts), self.stretches, self.groups, 0,
            *patches.axis_fields(self.axes),
        ]  # fmt: skip
        key = (
            f"convolution weight {self.tag} {self.rows} {self.vectors} {len(self.axes)} "
            f"{self.near} {self.depth}"
        )
        return NativeStep(
            "convolution weight", key, lambda: _text(self), record, units, work, 1 << 18
        )


def _text(p: Weight) -> str:
    w = Writer()
    f = [w.field(i) for i in range(_HEADER + patches.FIELDS_OF_AXIS * len(p.axes))]
    x, gradient, out = (w.slot(f[i]) for i in range(3))
    channels, in_group, outs, _, positions = f[3:8]
    per_part, stretches = f[12:14]
    g = patches.Geometry(w, f[_HEADER:], p.lanes, p.near)
    size = SIZE[p.tag]
    rows = w.let("ptr", f"alloca i8, i64 {p.depth * _POSITIONS * size}, align 64")
    turned = w.let("ptr", f"alloca i8, i64 {OUTS * _POSITIONS * size}, align 64")
    sums = w.let("ptr", f"alloca i8, i64 {p.depth * OUTS * size}, align 64")
    image_in, image_out = w.mul(channels, g.in_size), w.mul(outs, g.out_size)

    def chunk(number: V, _: list[V]) -> list[V]:
        here = share(w, p, number, f)
        first = w.mul(here.part, per_part)
        stop = w.smaller(w.add(first, per_part), stretches)

        depth = w.mul(here.channels, g.places)
        tiles = w.binary("udiv", w.add(depth, w.number(p.rows - 1)), w.number(p.rows))

        def stretch(number: V, _: list[V]) -> list[V]:
            def vector(v: V, _: list[V]) -> list[V]:
                at = w.add(w.mul(number, w.number(_POSITIONS)), w.mul(v, w.number(p.lanes)))
                place = patches.locate(g, at, positions)
                start = w.add(w.mul(place.image, image_in), w.mul(here.channel, g.in_size))
                to = w.element(rows, w.mul(v, w.number(p.lanes)), p.tag)
                patches.fill(g, place, p.tag, w.element(x, start, p.tag), image_in, here.channels,
                             to,
                             _POSITIONS)  # fmt: skip
                start = w.add(w.mul(place.image, image_out), w.mul(here.row, g.out_size))
                place_row = w.mul(v, w.number(p.lanes * p.columns))
                turn(w, p, g, place, w.element(gradient, start, p.tag), image_out, here,
                     w.element(turned, place_row, p.tag), _POSITIONS)  # fmt: skip
                return []

            w.counted_loop(w.number(0), w.number(_POSITIONS // p.lanes), 1, [], vector)
            again = w.compare("icmp", "sgt", number, first)

            def product(t: V, vectors: Callable[[V], list[V]]) -> list[list[V]]:
                a = w.element(rows, w.mul(t, w.number(p.rows * _POSITIONS)), p.tag)
                factors = [w.element(a, w.number(r * _POSITIONS), p.tag) for r in range(p.rows)]
                return tile.sums(w, p.tag, p.lanes, factors, w.number(1), w.number(_POSITIONS),
                                 vectors, p.vectors)  # fmt: skip

            add_products(w, p, turned, _POSITIONS, sums, tiles, here.panels, again, product)
            return []

        w.counted_loop(first, stop, 1, [], stretch)
        some = w.compare("icmp", "slt", first, stop)
        write_share(w, p, here, sums, out, outs, in_group, g.places, depth, some)
        return []

    w.counted_loop(V(I64, "%begin"), V(I64, "%end"), 1, [], chunk)
    w.stmt("ret void")
    return w.module()


def turn(
    w: Writer, p: Panels, g: patches.Geometry, place: patches.Place, source: V, image_step: V,
    here: Share, target: V, positions: int,
) -> None:  # fmt: skip
    """Turns a vector of positions of each output into rows [position][outputs], by panel.

    positions: rows from panel to panel.
    """
    later = w.binary("mul", place.later, g.splat(image_step))
    offsets = w.binary("add", place.inside, later)
    parts = patches.stretches(w, offsets, place.alive)
    last = w.binary("sub", here.outs, w.number(1))

    def every(load: Callable[[V], V]) -> None:
        def block(b: V, _: list[V]) -> list[V]:
            found = []
            for i in range(p.lanes):
                o = w.smaller(w.add(w.mul(b, w.number(p.lanes)), w.number(i)), last)
                found.append(load(w.element(source, w.mul(o, g.out_size), p.tag)))
            panel, j = split(w, b, w.number(p.vectors))
            place = w.add(w.mul(panel, w.number(positions * p.columns)),
                          w.mul(j, w.number(p.lanes)))  # fmt: skip
            to = w.element(target, place, p.tag)
            for i, x in enumerate(tile.transposed(w, found)):
                w.store(x, w.element(to, w.number(i * p.columns), p.tag), p.tag)
            return []

        w.counted_loop(w.number(0), w.mul(here.panels, w.number(p.vectors)), 1, [], block)

    def stretched(count: int) -> None:
        every(patches.load_stretches(w, p.tag, p.lanes, parts.parts[:count]))

    w.when(
        parts.more,
        lambda: every(lambda base: w.gather(base, offsets, p.tag, place.alive)),
        lambda: w.when(parts.some[1], lambda: stretched(4), lambda: stretched(1)),
    )


def add_products(
    w: Writer, p: Panels, turned: V, positions: int, sums: V, tiles: V, panels: V, again: V,
    product: Callable[[V, Callable[[V], list[V]]], list[list[V]]],
) -> None:  # fmt: skip
    """Adds the products of a stretch to the sums [row][outputs]; the first time it writes them.

    positions: rows of a panel of the turned gradient; product: the sums of tile t with its vectors.
    """

    def panel(q: V, _: list[V]) -> list[V]:
        at = w.element(turned, w.mul(q, w.number(positions * p.columns)), p.tag)
        vectors = tile.packed_vectors(w, at, p.tag, p.lanes, p.vectors)

        def one(t: V, _: list[V]) -> list[V]:
            found = product(t, vectors)
            row = w.mul(t, w.number(len(found) * OUTS))
            to = w.element(sums, w.add(row, w.mul(q, w.number(p.columns))), p.tag)

            def put(add: bool) -> None:
                tile.keep(w, p.tag, p.lanes, found, to, OUTS, add)

            w.when(again, lambda: put(True), lambda: put(False))
            return []

        w.counted_loop(w.number(0), tiles, 1, [], one)
        return []

    w.counted_loop(w.number(0), panels, 1, [], panel)


class Share(NamedTuple):
    """What a chunk computes: a part of the positions' sum, for some channels and outputs."""

    part: V
    first: V  # of the channels, in their group
    channel: V  # the first of them, of all
    channels: V  # how many
    row: V  # the first output, of all
    outs: V  # how many
    panels: V  # that these fill


def share(w: Writer, p: Panels, number: V, f: Sequence[V]) -> Share:
    """That of a chunk. f: the record, of which both kernels have these fields alike."""
    in_group, outs_in_group = f[4], f[6]
    block, blocks, panels, panel_blocks, groups = *f[8:12], f[14]
    rest, panel_block = split(w, number, panel_blocks)
    rest, b = split(w, rest, blocks)
    part, group = split(w, rest, groups)
    first = w.mul(b, block)
    channels = w.smaller(block, w.binary("sub", in_group, first))
    wanted = w.mul(panels, w.number(p.columns))
    first_out = w.mul(panel_block, wanted)
    outs = w.smaller(wanted, w.binary("sub", outs_in_group, first_out))
    filled = w.binary("udiv", w.add(outs, w.number(p.columns - 1)), w.number(p.columns))
    row = w.add(w.mul(group, outs_in_group), first_out)
    return Share(part, first, w.add(w.mul(group, in_group), first), channels, row, outs, filled)


def write_share(
    w: Writer, p: Panels, here: Share, sums: V, out: V, outs: V, in_group: V, places: V, depth: V,
    some: V,
) -> None:  # fmt: skip
    """Writes a chunk's sums, `depth` rows, where they belong; zeros where there are none."""
    place = w.add(w.mul(w.add(w.mul(here.part, outs), here.row), in_group), here.first)
    to = w.element(out, w.mul(place, places), p.tag)
    row_step = w.mul(in_group, places)
    write_turned(w, p.tag, p.lanes, OUTS, sums, to, row_step, depth, here.outs, some)


def write_turned(
    w: Writer, tag: str, lanes: int, pitch: int, sums: V, to: V, row_step: V, depth: V, outs: V,
    some: V,
) -> None:  # fmt: skip
    """Turns the sums [row][outputs] into the result [output][row]; zeros where there are none.

    pitch: elements between the rows.
    """

    def block(o: V, _: list[V]) -> list[V]:
        def rows(k: V, mask: V | None, _: list[V]) -> list[V]:
            at = w.element(sums, w.add(w.mul(k, w.number(pitch)), o), tag)
            found = [
                w.load(w.element(at, w.number(i * pitch), tag), tag, lanes) for i in range(lanes)
            ]
            here = w.element(to, w.add(w.mul(o, row_step), k), tag)
            left = w.binary("sub", outs, o)
            everything = left_of(w, w.binary("sub", depth, k), lanes)
            for i, x in enumerate(tile.transposed(w, found)):
                inside = w.compare("icmp", "sgt", left, w.number(i))
                x = w.select(some, x, w.splat("0.0", x.ty))

                def store(x: V = x, i: int = i) -> None:
                    at = w.element(here, w.mul(row_step, w.number(i)), tag)
                    w.store(x, at, tag, everything)

                w.when(inside, store)
            return []

        w.vector_loop(w.number(0), depth, lanes, [], rows)
        return []

    w.counted_loop(w.number(0), outs, lanes, [], block)


__all__ = ["OUTS", "Weight", "add_products", "share", "turn", "write_share", "write_turned"]
