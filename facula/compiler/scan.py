"""scan: sums, products, maxima or minima of all elements up to each one along an axis.

Every line along the axis goes in order, so that results are those of a plain loop for any number of
threads. Sums and products of float32 are float64 on the way, as in PyTorch. Lines that lie side by
side are worked on in vectors. Where the axis itself is the last, some lines go together, so that an
operation need not wait for the one before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .indexing import strides_of
from .scalar_code import broadcast, cast, emit_op
from .schedule import View
from .writer import I64, V, Writer

_LINES = 8  # that go together where the axis is the last one
_VECTORS = 4  # that go together where it is not
_LANES = 16
_BLOCK = 512  # columns of a chunk: threads write to lines of the cache of their own, mostly
_HEADER = 11


class Plan:
    """The structure of a scan (`key`) and its record."""

    def __init__(
        self, op: str, tag: str, slots: Sequence[int], source: View, shape: Sequence[int], axis: int
    ) -> None:
        """op: of the elements; slots: of out and source."""
        self.op, self.tag = op, tag
        steps = strides_of(shape)
        others = [d for d in range(len(shape)) if d != axis and shape[d] != 1]
        last = others[-1] if others else -1
        self.vector = last >= 0 and steps[last] == 1 and source.strides[last] == 1
        width = 1
        if self.vector:
            others.pop()
            width = shape[last]
        block = min(width, _BLOCK)
        blocks = -(-width // block) if width else 0
        lines = 1
        for d in others:
            lines *= shape[d]
        self.outer = len(others)
        units = lines * blocks if self.vector else -(-lines // _LINES)
        length = shape[axis]
        per_chunk = max(1, 4096 // max(1, length * (block if self.vector else _LINES)))
        self.record = [
            *slots, source.offset, length, steps[axis], source.strides[axis], width, blocks, lines,
            units, per_chunk,
        ]  # fmt: skip
        for d in others:
            self.record += [shape[d], steps[d], source.strides[d]]
        self.chunks = -(-units // per_chunk) if length else 0
        self.work = lines * width * length * (1 if self.vector else 4)

    @property
    def key(self) -> str:
        return f"scan {self.op} {self.tag} {self.outer} {int(self.vector)}"

    def generate(self) -> Callable[[], str]:
        return lambda: _text(self)


def _text(p: Plan) -> str:
    w = Writer()
    f = [w.field(i) for i in range(_HEADER + 3 * p.outer)]
    out, source = w.slot(f[0]), w.slot(f[1])
    offset, length, out_step, in_step, width, blocks, lines, units, per_chunk = f[2:_HEADER]
    stop = w.smaller(w.mul(V(I64, "%end"), per_chunk), units)

    def line(flat: V) -> tuple[V, V]:
        """Where a line begins in the result and in the source."""
        axes = [f[i : i + 3] for i in range(_HEADER, len(f), 3)]
        to, at = w.places_of(flat, axes, (w.number(0), offset))
        return to, at

    kept = "f64" if p.tag == "f32" and p.op in ("add", "mul") else p.tag

    def along(places: list[tuple[V, V]], lanes: int, masks: Sequence[V | None]) -> None:
        begins = [(w.element(out, to, p.tag), w.element(source, at, p.tag)) for to, at in places]

        def load(k: int, step: V) -> V:
            x = w.load(w.element(begins[k][1], step, p.tag), p.tag, lanes, masks[k])
            return cast(w, x, p.tag, kept)

        def put(k: int, x: V, step: V) -> None:
            x = cast(w, x, kept, p.tag)
            w.store(x, w.element(begins[k][0], step, p.tag), p.tag, masks[k])

        def one(i: V, sums: list[V]) -> list[V]:
            there, here = w.mul(i, out_step), w.mul(i, in_step)
            found = [load(k, here) for k in range(len(places))]
            new = [emit_op(w, p.op, [a, b], kept, kept) for a, b in zip(sums, found, strict=True)]
            for k, x in enumerate(new):
                put(k, x, there)
            return new

        first = [load(k, w.number(0)) for k in range(len(places))]
        for k, x in enumerate(first):
            put(k, x, w.number(0))
        w.counted_loop(w.number(1), length, 1, first, one)

    def vectors(u: V, _: list[V]) -> list[V]:
        flat = w.binary("udiv", u, blocks)
        number = w.binary("sub", u, w.mul(flat, blocks))
        first = w.mul(number, w.number(_BLOCK))
        last = w.smaller(w.add(first, w.number(_BLOCK)), width)
        to, at = line(flat)

        def some(low: V, _: list[V]) -> list[V]:
            starts = [w.add(low, w.number(k * _LANES)) for k in range(_VECTORS)]
            places = [(w.add(to, x), w.add(at, x)) for x in starts]
            left = w.binary("sub", last, low)

            def ragged() -> None:
                rest = w.convert("trunc", left, "i32")
                lanes = w.lane_numbers(_LANES)
                for k, place in enumerate(places):
                    shifted = w.binary("sub", rest, V("i32", str(k * _LANES)))
                    mask = w.compare("icmp", "slt", lanes, broadcast(w, shifted, _LANES))
                    along([place], _LANES, [mask])

            full = w.compare("icmp", "sge", left, w.number(_VECTORS * _LANES))
            w.when(full, lambda: along(places, _LANES, [None] * _VECTORS), ragged)
            return []

        w.counted_loop(first, last, _VECTORS * _LANES, [], some)
        return []

    def rows(u: V, _: list[V]) -> list[V]:
        first = w.mul(u, w.number(_LINES))
        last = w.binary("sub", lines, w.number(1))
        numbers = [w.smaller(w.add(first, w.number(k)), last) for k in range(_LINES)]
        along([line(n) for n in numbers], 1, [None] * _LINES)
        return []

    body = vectors if p.vector else rows
    w.counted_loop(w.mul(V(I64, "%begin"), per_chunk), stop, 1, [], body)
    w.stmt("ret void")
    return w.module()
