"""Convolutions of float32 in matrix tiles: the weight and what the places of its kernel see are
split into thirds of bfloat16.

The weight is packed first. A chunk takes some positions of the result: for some channels at a time
it gathers what they see into rows, as vectors do (convolution.py), splits these into panels near
the processor and multiplies them with the weight, 32 outputs at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd, prod

from ..emitter import V
from ..executable import Address
from ..loops import even_parts
from ..writer import I64, Writer
from . import patches, thirds
from .bfloat16 import Packed, Side, configure, release, sums_of_existing
from .convolution import Targets, compact
from .matrix_operands import ACROSS, BLOCK, LANES, PLACES, THIRDS, Packing, at_byte, block_bytes
from .parts import part, split
from .patches import Axis
from .product import NativeStep

_HEADER = 14
_DEPTH, _MOST_DEPTH = 512, 1024  # rows that are gathered at a time, if channels allow; at most
_PANELS, _FEW_CHUNKS, _CHUNKS = 4, 4, 16  # of positions in a chunk at least; chunks at least, about
_SCALE = 0.6  # of the direct plan's unit in that of `thirds.cost`


class InTiles:
    """The sizes of a convolution of [images, channels, *] with [outs, channels, *]."""

    packed = True

    def __init__(self, images: int, channels: int, outs: int, axes: Sequence[Axis]) -> None:
        self.axes = compact(axes)
        self.channels, self.outs = channels, outs
        self.places = prod(a.kernel for a in axes)
        self.positions = images * prod(a.out for a in axes)
        self.k = channels * self.places
        # Blocks of the sum begin where tiles do.
        whole = PLACES // gcd(self.places, PLACES)
        self.block = channels
        if self.k > _DEPTH:
            self.block = min(channels, max(1, _DEPTH // self.places // whole) * whole)
        depth = -(-self.block * self.places // PLACES)
        self.near = patches.step_of(self.axes)
        self.weight = Packed(Side(outs, True, self.k, 0), THIRDS, False, self.k, depth)
        self.panels = -(-self.positions // BLOCK)

    @property
    def fits(self) -> bool:
        small = self.weight.depth * PLACES <= _MOST_DEPTH
        return small and thirds.fits(self.outs, self.positions, self.k)

    @property
    def scratch_bytes(self) -> int:
        """Of the packed weight."""
        return self.weight.nbytes

    @property
    def cost(self) -> float:
        """About how long the steps take on one core, in the unit of the direct plan's `cost`."""
        blocks, steps = self.weight.side.blocks * self.panels, -(-self.k // PLACES)
        split = self.panels * BLOCK * self.k * self._parts()[1]
        cycles = thirds.cost(blocks, steps, self.weight.blocks, split, self.outs * self.k)
        gathered = 4.3 * self.panels * ACROSS * self.k * self._parts()[1]
        return gathered + _SCALE * cycles

    def _parts(self) -> tuple[int, int]:
        """In how many parts the panels of positions and the blocks of outputs are cut."""
        most = max(1, thirds.COPY_BYTES // self.weight.pitch)
        per = min(most, max(_PANELS, self.panels // _CHUNKS))
        tiles = self.weight.side.blocks
        parts = -(-self.panels // per)
        downs = min(tiles, -(-_FEW_CHUNKS // parts))
        return even_parts(parts, self.panels, downs), downs

    def _panels_of_chunk(self) -> int:
        """At most."""
        return -(-self.panels // self._parts()[0])

    def pack(self, weight: int, target: int) -> NativeStep:
        """The step that packs the weight from slot `weight` to `target`."""
        return self.weight.step(weight, target)

    def step(self, x: int, packed: int, out: int) -> NativeStep:
        """The step of the result; the numbers are slots."""
        parts, downs = self._parts()
        record: list[int | Address] = [
            x, packed, out, self.channels, self.outs, self.positions, self.block,
            self.weight.blocks, self.weight.depth, self.panels, self.weight.side.blocks, parts,
            downs, Address("amx", ""), *patches.axis_fields(self.axes),
        ]  # fmt: skip
        sizes = f"{self.weight.depth} {self._panels_of_chunk()}"
        key = f"convolution in tiles {len(self.axes)} {self.near} {sizes}"
        work = self.positions * self.outs * self.k
        return NativeStep("convolution", key, lambda: _text(self), record, parts * downs, work,
                          1 << 18)  # fmt: skip


def _text(p: InTiles) -> str:
    w = Writer()
    f = [w.field(i) for i in range(_HEADER + patches.FIELDS_OF_AXIS * len(p.axes))]
    x, weight, out = (w.slot(f[i]) for i in range(3))
    channels, outs, positions, block, blocks, depth, panels, tiles, parts, downs = f[3:13]
    g = patches.Geometry(w, f[_HEADER:], LANES, p.near)
    pitch = w.mul(depth, w.number(block_bytes(THIRDS)))
    rows_bytes = p.weight.depth * PLACES * BLOCK * 4
    rows = w.let("ptr", f"alloca i8, i64 {rows_bytes}, align 64")
    most = p._panels_of_chunk()
    copies = w.let("ptr", f"alloca i8, i64 {most * p.weight.pitch}, align 64")
    buffer = w.let("ptr", f"alloca [{BLOCK * BLOCK} x float], align 64")
    targets = Targets(w, LANES, most * ACROSS)
    packing = Packing(w, THIRDS, False, True)
    image_in, image_out = w.mul(channels, g.in_size), w.mul(outs, g.out_size)
    configure(w)

    def chunk(number: V, _: list[V]) -> list[V]:
        at_down, at_part = split(w, number, parts)
        first_panel, stop_panel = part(w, at_part, parts, panels)
        first_tile, stop_tile = part(w, at_down, downs, tiles)

        def copy_of(q: V) -> V:
            return at_byte(w, copies, w.mul(w.binary("sub", q, first_panel), pitch))

        def number_of(q: V) -> V:
            """Of the panel's first vector in the chunk."""
            return w.mul(w.binary("sub", q, first_panel), w.number(ACROSS))

        def channel_block(b: V, _: list[V]) -> list[V]:
            channel = w.mul(b, block)
            count = w.smaller(block, w.binary("sub", channels, channel))
            length = w.mul(count, g.places)
            steps = w.binary("udiv", w.add(length, w.number(PLACES - 1)), w.number(PLACES))
            again = w.compare("icmp", "sgt", b, w.number(0))

            def gather(q: V, _: list[V]) -> list[V]:
                def vector(v: V, _: list[V]) -> list[V]:
                    at = w.add(w.mul(q, w.number(BLOCK)), w.mul(v, w.number(LANES)))
                    place = patches.locate(g, at, positions)
                    start = w.add(w.mul(place.image, image_in), w.mul(channel, g.in_size))
                    to = w.element(rows, w.mul(v, w.number(LANES)), "f32")
                    source = w.element(x, start, "f32")
                    patches.fill(g, place, "f32", source, image_in, count, to, BLOCK)
                    first_out = w.mul(place.image, image_out)
                    targets.note(g, place, w.add(number_of(q), v), first_out, image_out)
                    return []

                w.counted_loop(w.number(0), w.number(ACROSS), 1, [], vector)
                packing.pack(rows, w.number(BLOCK), w.number(BLOCK), length, copy_of(q))
                return []

            w.counted_loop(first_panel, stop_panel, 1, [], gather)

            def outputs(t: V, _: list[V]) -> list[V]:
                first = w.mul(t, w.number(BLOCK))
                left = w.binary("sub", outs, first)
                count_out = w.smaller(left, w.number(BLOCK))
                a = at_byte(w, weight, w.mul(w.add(w.mul(b, tiles), t), pitch))
                to = w.element(out, w.mul(first, g.out_size), "f32")

                def panel(q: V, _: list[V]) -> list[V]:
                    theirs = copy_of(q)
                    all_columns = w.number(BLOCK)
                    sums_of_existing(
                        w, THIRDS, left, all_columns, a, theirs, steps, buffer, lambda r: None
                    )
                    masks = [w.splat("true", f"<{LANES} x i1>")] * ACROSS
                    thirds.when_infinite(w, a, theirs, steps, count_out, masks, buffer)
                    writes = targets.read(number_of(q), ACROSS)

                    def row(r: V, _: list[V]) -> list[V]:
                        at = w.mul(r, w.number(BLOCK))
                        found = [
                            w.load(w.element(buffer, w.add(at, w.number(j * LANES)), "f32"),
                                   "f32", LANES)
                            for j in range(ACROSS)
                        ]  # fmt: skip
                        here = w.element(to, w.mul(r, g.out_size), "f32")
                        targets.write(writes, "f32", [found], here, g.out_size, w.number(0), again)
                        return []

                    w.counted_loop(w.number(0), count_out, 1, [], row)
                    return []

                w.counted_loop(first_panel, stop_panel, 1, [], panel)
                return []

            w.counted_loop(first_tile, stop_tile, 1, [], outputs)
            return []

        w.counted_loop(w.number(0), blocks, 1, [], channel_block)
        return []

    w.counted_loop(V(I64, "%begin"), V(I64, "%end"), 1, [], chunk)
    release(w)
    w.stmt("ret void")
    return w.module()


__all__ = ["InTiles"]
