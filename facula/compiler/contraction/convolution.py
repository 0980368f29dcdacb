"""Convolutions as products of the weight with what the places of the kernel see.

A chunk takes some positions of the result: it gathers what they see into rows near the processor,
for some channels at a time, and multiplies these with the rows of the weight, which are packed
first unless few positions use them. The result is written in whole vectors of positions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from ..emitter import V, vec
from ..scalar_code import SIZE, broadcast
from ..writer import I64, Writer
from . import patches, tile
from .parts import split
from .patches import Axis
from .product import NativeStep, height
from .weights import Weights

_DEPTH = 320  # most rows at a time, unless one channel has more
_PANELS = 4  # of positions in a chunk
_HEADER = 16
_PACKED_PANELS = 3  # from which a packed weight is read often enough


class Forward:
    """The sizes of a convolution of [images, channels, *] with [outs, channels / groups, *]."""

    def __init__(
        self, tag: str, images: int, channels: int, outs: int, groups: int, axes: Sequence[Axis]
    ) -> None:
        self.tag, self.axes = tag, compact(axes)
        self.lanes = tile.registers().lanes(tag)
        self.images, self.channels, self.outs, self.groups = images, channels, outs, groups
        self.in_group, self.outs_in_group = channels // groups, outs // groups
        self.places = prod(a.kernel for a in axes)
        self.positions = images * prod(a.out for a in axes)
        self.vectors = tile.vectors_across(self.positions, self.lanes, self.outs_in_group)
        self.columns = self.lanes * self.vectors
        self.rows = height(self.outs_in_group, self.vectors)
        self.block = tile.balanced(self.in_group, max(1, _DEPTH // self.places))
        most = self.block * self.places
        self.depth = _DEPTH if most <= _DEPTH else 1 << (most - 1).bit_length()
        self.near = patches.step_of(self.axes)
        self.packed = -(-self.positions // self.columns) >= _PACKED_PANELS
        shape = (outs, self.in_group, *(a.kernel for a in axes))
        self.weights = Weights(tag, self.lanes, self.rows, groups, shape)

    @property
    def scratch_bytes(self) -> int:
        """Of the packed weight."""
        return self.weights.scratch_bytes if self.packed else 0

    @property
    def cost(self) -> float:
        """About how many cycles the step takes on one core: gathering, products, writing."""
        tiles = self.groups * -(-self.outs_in_group // self.rows)
        panels = -(-self.positions // self.columns)
        depth = self.in_group * self.places
        sums = max(self.rows * self.vectors, 10) / 2
        gathered = 4.3 * panels * self.vectors * self.channels * self.places
        return gathered + panels * tiles * (0.92 * depth * sums + 10 * self.rows)

    def step(self, x: int, weight: int, out: int) -> NativeStep:
        """The step; the numbers are slots, `weight` that of the packed one if it is packed."""
        tiles = -(-self.outs_in_group // self.rows)
        parts = -(-self.positions // (_PANELS * self.columns))
        work = self.positions * self.outs_in_group * self.in_group * self.places * self.groups
        # Few positions: the rows of the result are divided, at the price of gathering again.
        down = tiles
        while parts * self.groups * -(-tiles // down) < 16 and down * self.rows > 128:
            down = (down + 1) // 2
        downs = -(-tiles // down)
        record = [
            x, weight, out, self.channels, self.in_group, self.outs, self.outs_in_group,
            self.positions, self.block, -(-self.in_group // self.block), tiles, down, downs, parts,
            self.weights.pitch, 0, *patches.axis_fields(self.axes),
        ]  # fmt: skip
        key = (
            f"convolution {self.tag} {self.rows} {self.vectors} {len(self.axes)} {self.near} "
            f"{self.depth} {self.packed}"
        )
        return NativeStep("convolution", key, lambda: _forward_text(self), record,
                      parts * self.groups * downs, work, 1 << 18)  # fmt: skip


def compact(axes: Sequence[Axis]) -> list[Axis]:
    """Without leading axes on which nothing happens."""
    out = list(axes)
    while len(out) > 1 and out[0] == Axis(1, 1, out[0].stride, 0, out[0].dilation, 1):
        out = out[1:]
    return out


def _forward_text(p: Forward) -> str:
    w = Writer()
    f = [w.field(i) for i in range(_HEADER + patches.FIELDS_OF_AXIS * len(p.axes))]
    x, weight, out = (w.slot(f[i]) for i in range(3))
    channels, in_group, outs, outs_in_group, positions = f[3:8]
    block, blocks, tiles, down, downs, parts, pitch_of_tile = f[8:15]
    g = patches.Geometry(w, f[_HEADER:], p.lanes, p.near)
    rows = w.let("ptr", f"alloca i8, i64 {p.depth * p.columns * SIZE[p.tag]}, align 64")
    targets = Targets(w, p.lanes, p.vectors)
    last_row = w.binary("sub", outs_in_group, w.number(p.rows))
    weight_row = w.mul(in_group, g.places)
    image_in, image_out = w.mul(channels, g.in_size), w.mul(outs, g.out_size)

    def chunk(number: V, _: list[V]) -> list[V]:
        rest, part = split(w, number, parts)
        group, at_down = split(w, rest, downs)
        first_tile = w.mul(at_down, down)
        stop_tile = w.smaller(w.add(first_tile, down), tiles)
        first = w.mul(part, w.number(_PANELS * p.columns))
        left = w.smaller(w.binary("sub", positions, first), w.number(_PANELS * p.columns))
        panels = w.binary("udiv", w.add(left, w.number(p.columns - 1)), w.number(p.columns))
        group_out = w.mul(group, outs_in_group)

        def channel_block(b: V, _: list[V]) -> list[V]:
            first_channel = w.mul(b, block)
            count = w.smaller(block, w.binary("sub", in_group, first_channel))
            depth = w.mul(count, g.places)
            channel = w.add(w.mul(group, in_group), first_channel)

            again = w.compare("icmp", "sgt", b, w.number(0))

            def panel(q: V, _: list[V]) -> list[V]:
                first_of_panel = w.add(first, w.mul(q, w.number(p.columns)))

                def vector(v: V, _: list[V]) -> list[V]:
                    at = w.add(first_of_panel, w.mul(v, w.number(p.lanes)))
                    place = patches.locate(g, at, positions)
                    start = w.add(w.mul(place.image, image_in), w.mul(channel, g.in_size))
                    to = w.element(rows, w.mul(v, w.number(p.lanes)), p.tag)
                    patches.fill(g, place, p.tag, w.element(x, start, p.tag), image_in, count,
                                 to, p.columns)  # fmt: skip
                    targets.note(g, place, v, w.mul(place.image, image_out), image_out)
                    return []

                w.counted_loop(w.number(0), w.number(p.vectors), 1, [], vector)
                vectors = tile.packed_vectors(w, rows, p.tag, p.lanes, p.vectors)
                writes = targets.read(w.number(0), p.vectors)

                def one(t: V, _: list[V]) -> list[V]:
                    wanted = w.mul(t, w.number(p.rows))
                    start = w.smaller(wanted, last_row)
                    done = w.binary("sub", wanted, start)
                    o = w.add(group_out, start)
                    first_place = w.mul(first_channel, g.places)
                    if p.packed:
                        at_tile = w.mul(w.add(w.mul(group, tiles), t), pitch_of_tile)
                        place = w.add(at_tile, w.mul(first_place, w.number(p.rows)))
                        a = w.element(weight, place, p.tag)
                        factors = [w.element(a, w.number(r), p.tag) for r in range(p.rows)]
                        found = tile.sums(w, p.tag, p.lanes, factors, w.number(p.rows), depth,
                                          vectors, p.vectors)  # fmt: skip
                    else:
                        a = w.element(weight, w.add(w.mul(o, weight_row), first_place), p.tag)
                        found = tile.sums_of_rows(w, p.tag, p.lanes, p.rows, a, weight_row, depth,
                                                  vectors, p.vectors)  # fmt: skip
                    to = w.element(out, w.mul(o, g.out_size), p.tag)
                    targets.write(writes, p.tag, found, to, g.out_size, done, again)
                    return []

                w.counted_loop(first_tile, stop_tile, 1, [], one)
                return []

            w.counted_loop(w.number(0), panels, 1, [], panel)
            return []

        w.counted_loop(w.number(0), blocks, 1, [], channel_block)
        return []

    w.counted_loop(V(I64, "%begin"), V(I64, "%end"), 1, [], chunk)
    w.stmt("ret void")
    return w.module()


class Targets:
    """Where the vectors of a chunk's positions go in the result: kept on the stack."""

    def __init__(self, w: Writer, lanes: int, vectors: int) -> None:
        self.w, self.lanes = w, lanes
        self.numbers = w.let("ptr", f"alloca [{6 * vectors} x i64], align 64")
        self.offsets = w.let("ptr", f"alloca [{lanes * vectors} x i32], align 64")

    def _cell(self, v: V, k: int) -> V:
        w = self.w
        place = w.add(w.mul(v, w.number(6)), w.number(k))
        return w.let("ptr", f"getelementptr i64, ptr {self.numbers.name}, i64 {place.name}")

    def _put(self, v: V, k: int, x: V) -> None:
        self.w.stmt(f"store {x}, ptr {self._cell(v, k).name}, align 8")

    def _get(self, v: V, k: int) -> V:
        return self.w.let(I64, f"load i64, ptr {self._cell(v, k).name}, align 8")

    def note(self, g: patches.Geometry, place: patches.Place, v: V, base: V, image_step: V) -> None:
        """Vector v holds the positions of `place`, whose first image starts at `base`."""
        w = self.w
        later = w.binary("mul", place.later, g.splat(image_step))
        offsets = w.binary("add", place.inside, later)
        parts = patches.stretches(w, offsets, place.alive, 2)
        for k, (start, mask) in enumerate(parts.parts):
            self._put(v, 2 * k, w.add(base, start))
            self._put(v, 2 * k + 1, self._word(mask))
        kind = w.add(w.convert("zext", parts.some[1], I64), w.convert("zext", parts.more, I64))
        self._put(v, 4, kind)
        self._put(v, 5, self._word(place.alive))
        at = w.let("ptr", f"getelementptr i32, ptr {self.offsets.name}, i64 "
                   f"{w.mul(v, w.number(self.lanes)).name}")  # fmt: skip
        w.stmt(f"store {offsets}, ptr {at.name}, align 4")

    def _word(self, mask: V) -> V:
        w = self.w
        return w.convert("zext", w.convert("bitcast", mask, f"i{self.lanes}"), I64)

    def _mask(self, word: V) -> V:
        w = self.w
        bits = w.convert("trunc", word, f"i{self.lanes}")
        return w.convert("bitcast", bits, vec("i1", self.lanes))

    def read(self, first: V, count: int) -> list[tuple[list[V], V, V]]:
        """Of vectors first, first + 1 ...: (fields with masks in place of words, base, offsets)."""
        w, out = self.w, []
        for j in range(count):
            v = w.add(first, w.number(j))
            fields = [self._get(v, k) for k in range(6)]
            for k in (1, 3, 5):
                fields[k] = self._mask(fields[k])
            at = w.let("ptr", f"getelementptr i32, ptr {self.offsets.name}, i64 "
                       f"{w.mul(v, w.number(self.lanes)).name}")  # fmt: skip
            ty = vec("i32", self.lanes)
            offsets = w.let(ty, f"load {ty}, ptr {at.name}, align 4")
            # The first stretch holds lane 0, so that its start is where offset 0 of the lane lies.
            zero = w.convert("sext", w.let("i32", f"extractelement {offsets}, i64 0"), I64)
            out.append((fields, w.binary("sub", fields[0], zero), offsets))
        return out

    def write(
        self, vectors: list[tuple[list[V], V, V]], tag: str, found: list[list[V]], to: V,
        row_step: V, done: V, again: V,
    ) -> None:  # fmt: skip
        """Writes a tile, or adds to what is there where `again`; `done` rows are left out."""
        w = self.w
        repeat = broadcast(w, again, self.lanes)

        def every(put: Callable[[V, V, V, list[V], V, V], None]) -> None:
            for r, row in enumerate(found):
                wanted = broadcast(w, w.compare("icmp", "sle", done, w.number(r)), self.lanes)
                base = w.element(to, w.mul(row_step, w.number(r)), tag) if r else to
                for x, (fields, start, offsets) in zip(row, vectors, strict=True):
                    put(x, base, wanted, fields, start, offsets)

        def stretch(x: V, base: V, wanted: V, start: V, lanes: V) -> None:
            at = w.element(base, start, tag)
            mask = w.binary("and", lanes, wanted)
            before = w.load(at, tag, self.lanes, w.binary("and", mask, repeat))
            w.store(w.binary("fadd", x, before), at, tag, mask)

        def one(x: V, base: V, wanted: V, fields: list[V], start: V, offsets: V) -> None:
            stretch(x, base, wanted, fields[0], fields[1])

        def two(x: V, base: V, wanted: V, fields: list[V], start: V, offsets: V) -> None:
            stretch(x, base, wanted, fields[0], fields[1])
            stretch(x, base, wanted, fields[2], fields[3])

        def scattered(x: V, base: V, wanted: V, fields: list[V], start: V, offsets: V) -> None:
            at = w.element(base, start, tag)
            mask = w.binary("and", fields[5], wanted)
            before = w.gather(at, offsets, tag, w.binary("and", mask, repeat))
            w.scatter(w.binary("fadd", x, before), at, offsets, tag, mask)

        kind = w.number(0)
        for fields, _, _ in vectors:
            larger = w.compare("icmp", "sgt", fields[4], kind)
            kind = w.select(larger, fields[4], kind)
        w.when(
            w.compare("icmp", "eq", kind, w.number(0)),
            lambda: every(one),
            lambda: w.when(
                w.compare("icmp", "eq", kind, w.number(1)),
                lambda: every(two),
                lambda: every(scattered),
            ),
        )


__all__ = ["Axis", "Forward", "Targets", "compact"]
