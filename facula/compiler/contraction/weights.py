"""The weight of a convolution, packed in the order in which tiles read it.

A tile reads one number for each of its rows at every place of the summed axis. In the weight, its
rows are often a multiple of a page apart, and so share a few places of the nearest cache, which the
gathered rows of the input fill. In the packed copy, [group][tile][channel and place of the
kernel][row of the tile], they lie side by side. The weight may lie in any way that strides express:
parts of a kernel turned round, channels exchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from ..emitter import V
from ..executable import PACK
from ..indexing import View
from ..scalar_code import broadcast
from ..writer import I64, Writer
from . import left
from .batch import joined_axes
from .product import NativeStep, split

_HEADER = 9
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
        record = [
            slot, target, weight.offset, weight.strides[0], self.outs, self.tiles, self.depth,
            self.pitch, 0, *(n for loop in loops for n in loop),
        ]  # fmt: skip
        kind = _ALONG if along else _APART
        key = f"pack weight {self.tag} {self.rows} {kind} {len(loops)}"
        chunks = self.groups * self.tiles
        return NativeStep(PACK, key, lambda: _text(self, along, len(loops)), record, chunks,
                          chunks * self.rows * self.depth, _THRESHOLD)  # fmt: skip


def _text(p: Weights, along: bool, count: int) -> str:
    w = Writer()
    f = [w.field(i) for i in range(_HEADER + 2 * count)]
    source, target = w.slot(f[0]), w.slot(f[1])
    offset, between, outs, tiles, depth, pitch = f[2:8]
    loops = [(f[i], f[i + 1]) for i in range(_HEADER, len(f), 2)]
    last_row = w.binary("sub", outs, w.number(p.rows))

    def chunk(number: V, _: list[V]) -> list[V]:
        group, t = split(w, number, tiles)
        first = w.smaller(w.mul(t, w.number(p.rows)), last_row)
        row = w.add(w.mul(group, outs), first)
        start = w.element(source, w.add(offset, w.mul(row, between)), p.tag)
        to = w.element(target, w.mul(number, pitch), p.tag)
        if along:
            left.copy_tiles(w, p, start, between, depth, w.number(0), w.number(1),
                            lambda _: w.number(0), pitch, to)  # fmt: skip
        else:
            _gather(w, p, loops, start, between, to)
        return []

    w.counted_loop(V(I64, "%begin"), V(I64, "%end"), 1, [], chunk)
    w.stmt("ret void")
    return w.module()


def _gather(
    w: Writer, p: Weights, loops: Sequence[tuple[V, V]], start: V, between: V, to: V
) -> None:
    """Row by row of the copy: the same place of each row of the tile."""
    parts = []
    for i in range(0, p.rows, p.lanes):
        n = min(p.lanes, p.rows - i)
        mask = None if n == p.lanes else w.first_lanes(n, p.lanes)
        numbers = w.binary("add", w.lane_numbers(p.lanes, I64), broadcast(w, w.number(i), p.lanes))
        parts.append((i, w.binary("mul", numbers, broadcast(w, between, p.lanes)), mask))

    def loop(depth: int, at: V, place: V) -> None:
        if depth == len(loops):
            here = w.element(to, w.mul(place, w.number(p.rows)), p.tag)
            for i, offsets, mask in parts:
                # A vector may reach into the next place, which is written after it.
                x = w.gather(at, offsets, p.tag, mask)
                w.store(x, w.element(here, w.number(i), p.tag), p.tag)
            return
        size, stride = loops[depth]

        def one(k: V, _: list[V]) -> list[V]:
            next_place = w.add(w.mul(place, size), k) if depth else k
            loop(depth + 1, w.element(at, w.mul(k, stride), p.tag), next_place)
            return []

        w.counted_loop(w.number(0), size, 1, [], one)

    loop(0, start, w.number(0))
