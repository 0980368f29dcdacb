"""The weight of a convolution, packed in the order in which tiles read it.

A tile reads one number for each of its rows at every place of the summed axis. In the weight, its
rows are often a multiple of a page apart, and so share a few places of the nearest cache, which the
gathered rows of the input fill. In the packed copy, [group][tile][channel and place of the
kernel][row of the tile], they lie side by side. The weight may lie in any way that strides express:
parts of a kernel turned round, channels exchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from ..emitter import V
from ..executable import PACK
from ..indexing import View
from ..scalar_code import MEMORY, SIZE
from ..writer import I64, Writer
from . import left, tile
from .batch import joined_axes
from .parts import split
from .product import NativeStep

_HEADER = 9
_AHEAD = 3  # places of the outermost axis that are asked for
_CHUNKS = 8  # at least, where there are tiles enough
_THRESHOLD = 1 << 14  # elements worth a second thread: they are gathered or turned
_ALONG, _APART = "along", "apart"


class Weights:
    """The packed weight [outs, channels / groups, *kernel] for tiles of `rows` outputs."""

    def __init__(self, tag: str, lanes: int, rows: int, groups: int, shape: Sequence[int]) -> None:
        self.tag, self.lanes, self.rows, self.groups = tag, lanes, rows, groups
        self.outs = shape[0] // groups
        self.tiles = -(-self.outs // rows)
        self.sizes = tuple(shape[1:])
        self.depth = prod(self.sizes)
        self.a_by_row = True

    @property
    def pitch(self) -> int:
        """The elements from one tile's copy to the next."""
        return left.pitch(self)

    @property
    def scratch_bytes(self) -> int:
        return self.groups * left.nbytes(self, self.tiles)

    def step(self, weight: View, slot: int, target: int) -> NativeStep:
        """The step that packs the weight, which lies in `slot`, to `target`."""
        loops = joined_axes(self.sizes, weight.strides[1:])[::-1] or [(1, 1)]
        along = len(loops) == 1 and loops[0][1] == 1
        # What lies apart, often by a page or more, is looked up once for some tiles.
        together = 1 if along else max(1, self.tiles // _CHUNKS)
        chunks = self.groups * -(-self.tiles // together)
        record = [
            slot, target, weight.offset, weight.strides[0], self.outs, self.tiles, self.depth,
            self.pitch, together, *(n for loop in loops for n in loop),
        ]  # fmt: skip
        kind = _ALONG if along else _APART
        key = f"pack weight {self.tag} {self.rows} {kind} {len(loops)}"
        work = self.groups * self.tiles * self.rows * self.depth
        return NativeStep(
            PACK, key, lambda: _text(self, along, len(loops)), record, chunks, work, _THRESHOLD
        )


def _text(p: Weights, along: bool, count: int) -> str:
    w = Writer()
    f = [w.field(i) for i in range(_HEADER + 2 * count)]
    source, target = w.slot(f[0]), w.slot(f[1])
    offset, between, outs, tiles, depth, pitch, together = f[2:9]
    loops = [(f[i], f[i + 1]) for i in range(_HEADER, len(f), 2)]
    last_row = w.binary("sub", outs, w.number(p.rows))
    rest = w.binary("sub", together, w.number(1))
    stretches = w.binary("udiv", w.add(tiles, rest), together)

    def chunk(number: V, _: list[V]) -> list[V]:
        group, stretch = split(w, number, stretches)
        first = w.mul(stretch, together)
        stop = w.smaller(w.add(first, together), tiles)

        def row(t: V) -> V:
            return w.smaller(w.mul(t, w.number(p.rows)), last_row)

        start = w.element(source, w.add(offset, w.mul(w.mul(group, outs), between)), p.tag)
        to = w.element(target, w.mul(w.add(w.mul(group, tiles), first), pitch), p.tag)
        if along:
            left.copy_tiles(w, p, start, between, depth, first, stop, row, pitch, to)
        else:
            _gather(w, p, loops, start, between, first, stop, row, pitch, to)
        return []

    w.counted_loop(V(I64, "%begin"), V(I64, "%end"), 1, [], chunk)
    w.stmt("ret void")
    return w.module()


def _gather(
    w: Writer, p: Weights, loops: Sequence[tuple[V, V]], start: V, between: V, first: V, stop: V,
    row: Callable[[V], V], pitch: V, to: V,
) -> None:  # fmt: skip
    """Copies the tiles from `first` to below `stop`, the outermost axis place by place.

    One load for each number: instructions that gather take several times as long on some
    processors, and no less on the others.
    """
    part = p.lanes if p.rows % p.lanes == 0 else p.rows  # rows at a time
    places = tile.places_of_rows(w, p.tag, part, start, between)
    size = SIZE[p.tag]

    def loop(depth: int, at: V, place: V, target: V) -> None:
        if depth == len(loops):
            here = w.element(target, w.mul(place, w.number(p.rows)), p.tag)
            for i, number in enumerate(places(at, 0)):
                x = w.let(MEMORY[p.tag], f"load {MEMORY[p.tag]}, ptr {number.name}, align {size}")
                w.stmt(f"store {x}, ptr {w.element(here, w.number(i), p.tag).name}, align {size}")
            return
        count, stride = loops[depth]

        def one(k: V, _: list[V]) -> list[V]:
            next_place = w.add(w.mul(place, count), k)
            loop(depth + 1, w.add(at, w.mul(k, stride)), next_place, target)
            return []

        w.counted_loop(w.number(0), count, 1, [], one)

    def outermost(k: V, _: list[V]) -> list[V]:
        def one(t: V, _: list[V]) -> list[V]:
            target = w.element(to, w.mul(w.binary("sub", t, first), pitch), p.tag)
            for i in range(0, p.rows, part):
                rows = w.mul(w.add(row(t), w.number(i)), between)
                at = w.add(w.mul(k, loops[0][1]), rows)
                for number in places(w.add(at, w.mul(loops[0][1], w.number(_AHEAD))), 0):
                    w.prefetch(number)
                loop(1, at, k, w.element(target, w.number(i), p.tag))
            return []

        w.counted_loop(first, stop, 1, [], one)
        return []

    w.counted_loop(w.number(0), loops[0][0], 1, [], outermost)
