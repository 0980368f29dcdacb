"""The gradient of attention: scores are computed again, block by block.

With weights p = exp(scores - largest) / total, the gradient of the weights dp = dout @ value.T and
delta = rowsum(dout * out), the gradient of the scores is p * (dp - delta), and those of query, key
and value are products with it or with p. A chunk takes the blocks of queries of all heads that
share a head of key and value, or every n-th of them where there are few heads: it adds to the
gradients of key and value in one order, and sums over such parts are taken afterwards, in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from ...dtypes import dtype
from ...graph.graph import Graph, GraphNode
from ..emitter import V
from ..indexing import View
from ..scalar_code import TAGS, broadcast, constant
from ..writer import I64, Writer
from .attention import Problem, operand, result
from .attention_blocks import Blocks, Record, Sizes, Strided, alternating
from .parts import left_of, split
from .product import NativeStep

_CHUNKS = 16  # wanted: heads of keys are divided until there are as many


def parts_of(query: Sequence[int], key: Sequence[int], dt: dtype) -> int:
    """Into how many parts the queries of a head of keys are divided, from shapes alone."""
    blocks = query[1] // key[1] * -(-query[2] // Sizes(TAGS[dt], 1, 1, False, "").queries)
    return max(1, min(-(-_CHUNKS // max(1, key[0] * key[1])), blocks))


def step(
    graph: Graph, node: GraphNode, operands: Sequence[View], tags: Sequence[str], slot: Any
) -> NativeStep:
    """The step of a node `attention_backward`: operands query, key, value, [mask,] out, stats and
    the gradient of out.
    """
    p = Problem(graph, node.ins, node.attrs, tags)
    masked = bool(p.sizes.mask)
    record = []
    for view in operands[:3]:
        record += operand(slot(view.value), view)
    if masked:
        view = operands[3]
        record += operand(slot(view.value), view, p.mask_strides(view))
    out, stats, gradient = operands[3 + masked :]
    for view in (out, gradient):
        record += operand(slot(view.value), view)
    shapes = [graph.shapes[v] for v in node.outs]
    orders = node.attrs[3]
    count = shapes[1][0]
    record += result(slot(node.outs[0]), shapes[0], orders[0])
    for v, shape, order in zip(node.outs[1:], shapes[1:], orders[1:], strict=True):
        record += result(slot(v), shape[1:], order)
    record += [
        slot(stats.value), p.batch * p.heads, p.kept_heads, p.times, p.length, p.key_count,
        p.blocks, count, prod(shapes[1][1:]), prod(shapes[2][1:]),
    ]  # fmt: skip
    work = p.pairs * (3 * p.sizes.width + 2 * p.sizes.depth)
    key = f"attention backward {p.sizes.code} {p.scale!r}"
    return NativeStep(
        "attention backward", key, lambda: _text(p.sizes, p.scale), record,
        p.batch * p.kept_heads * count, work, 1 << 17,
    )  # fmt: skip


class _Backward:
    """The scratch memory and the numbers of the kernel."""

    def __init__(self, w: Writer, s: Sizes, scale: float) -> None:
        self.w, self.s, self.b = w, s, Blocks(w, s)
        r = Record(w)
        self.query, self.key, self.value = (r.operand(s.tag) for _ in range(3))
        self.mask = r.operand(s.mask) if s.mask else None
        self.out, self.gradient = (r.operand(s.tag) for _ in range(2))
        self.by_query, self.by_key, self.by_value = (r.operand(s.tag) for _ in range(3))
        self.stats = w.slot(r.number())
        self.units, self.kept_heads, self.times, self.length, self.keys = (
            r.number() for _ in range(5)
        )
        self.blocks, self.parts, self.key_size, self.value_size = (r.number() for _ in range(4))
        self.factor = constant(w, scale, s.tag, s.lanes)
        b, width, depth = self.b, s.pitch(s.width), s.pitch(s.depth)
        self.turned, self.query_rows = b.scratch(width * s.queries), b.scratch(width * s.queries)
        self.turned_gradient = b.scratch(depth * s.queries)
        self.gradient_rows = b.scratch(depth * s.queries)
        self.key_rows, self.value_rows = b.scratch(s.keys * width), b.scratch(s.keys * depth)
        self.weights, self.changes = (b.scratch(s.keys * s.queries) for _ in range(2))
        self.sums = b.scratch(s.queries * width)
        self.top, self.inverse, self.delta = (b.scratch(s.queries) for _ in range(3))
        self.masks = b.scratch((s.keys + s.lanes) * s.part) if s.mask else None

    def chunk(self, number: V, _: list[V]) -> list[V]:
        """One part of the queries that see one head of keys."""
        w = self.w
        unit, part = split(w, number, self.parts)
        batch, kept = split(w, unit, self.kept_heads)
        by_key = w.element(self.by_key.of(batch, kept), w.mul(part, self.key_size), self.s.tag)
        by_value = self.by_value.of(batch, kept)
        by_value = w.element(by_value, w.mul(part, self.value_size), self.s.tag)
        self._clear(self.by_key, by_key, self.s.width)
        self._clear(self.by_value, by_value, self.s.depth)

        def again(place: V, _: list[V]) -> list[V]:
            # Part n takes every n-th block of the sequence of blocks of all heads.
            index = w.add(w.mul(place, self.parts), part)

            def block() -> None:
                group, at = split(w, index, self.blocks)
                head = w.add(w.mul(kept, self.times), group)
                first = w.mul(alternating(w, at, self.blocks), w.number(self.s.queries))
                self._queries(batch, head, kept, first, by_key, by_value)

            w.when(w.compare("icmp", "slt", index, total), block)
            return []

        total = w.mul(self.times, self.blocks)
        rounds = w.binary("udiv", w.add(total, w.binary("sub", self.parts, w.number(1))),
                          self.parts)  # fmt: skip
        w.counted_loop(w.number(0), rounds, 1, [], again)
        return []

    def _clear(self, target: Strided, start: V, width: int) -> None:
        w, s, b = self.w, self.s, self.b
        zero = constant(w, 0.0, s.tag, s.lanes)

        def row(k: V, _: list[V]) -> list[V]:
            at = target.at(start, k)

            def vector(j: V, mask: V | None, _: list[V]) -> list[V]:
                w.store(zero, b.element(at, j), s.tag, mask)
                return []

            b.across(width, [], vector)
            return []

        w.counted_loop(w.number(0), self.keys, 1, [], row)

    def _queries(self, batch: V, head: V, kept: V, first: V, by_key: V, by_value: V) -> None:
        """A block of queries meets the blocks of keys that it sees."""
        w, s, b = self.w, self.s, self.b
        left = w.smaller(w.binary("sub", self.length, first), w.number(s.queries))
        last = w.binary("sub", self.length, w.number(1))
        start, gradient = self.query.of(batch, head), self.gradient.of(batch, head)
        b.transpose_rows(self.query, start, first, left, s.width, self.turned, self.factor)
        b.copy_rows(self.query, start, first, left, s.width, self.query_rows)
        b.transpose_rows(
            self.gradient, gradient, first, left, s.depth, self.turned_gradient, None,
            self.out, self.out.of(batch, head), self.delta,
        )  # fmt: skip
        b.copy_rows(self.gradient, gradient, first, left, s.depth, self.gradient_rows)
        b.fill(self.sums, s.queries * s.pitch(s.width), 0.0)
        self._statistics(batch, head, first, left)
        keys, values = self.key.of(batch, kept), self.value.of(batch, kept)
        masks = None if self.mask is None else self.mask.of(batch, head)
        stop = w.smaller(self.keys, w.add(first, left)) if s.causal else self.keys

        def block(k: V, _: list[V]) -> list[V]:
            here = w.smaller(w.binary("sub", self.keys, k), w.number(s.keys))
            b.copy_rows(self.key, keys, k, here, s.width, self.key_rows)
            b.copy_rows(self.value, values, k, here, s.depth, self.value_rows)

            def part(q: V, _: list[V]) -> list[V]:
                query = w.add(first, q)
                count = b.visible(query, k, here)
                ahead = w.binary("sub", query, k)
                b.scores(self.key_rows, s.width, b.element(self.turned, q), count, ahead,
                         b.element(self.weights, q), s.queries)  # fmt: skip
                b.scores(self.value_rows, s.depth, b.element(self.turned_gradient, q), count,
                         ahead, b.element(self.changes, q), s.queries)  # fmt: skip
                if self.mask is not None and masks is not None and self.masks is not None:
                    b.mask_block(self.mask, masks, query, last, k, count, self.masks)
                self._changes(q, count, ahead)
                here_left = w.smaller(w.binary("sub", left, q), w.number(s.part))
                self._by_query(q, count, ahead, here_left)
                return []

            w.counted_loop(w.number(0), left, s.part, [], part)
            most = w.smaller(here, b.visible(w.add(first, w.number(s.queries - s.part)), k, here))
            ahead = w.binary("sub", first, k)
            self._by_keys(self.weights, self.gradient_rows, s.depth, k, most, ahead, left,
                          self.by_value, by_value)  # fmt: skip
            self._by_keys(self.changes, self.query_rows, s.width, k, most, ahead, left,
                          self.by_key, by_key)  # fmt: skip
            return []

        w.counted_loop(w.number(0), stop, s.keys, [], block)
        target = self.by_query.of(batch, head)

        def finish(q: V, _: list[V]) -> list[V]:
            source = b.element(self.sums, w.mul(q, w.number(s.pitch(s.width))))
            at = self.by_query.at(target, w.add(first, q))

            def vector(j: V, mask: V | None, _: list[V]) -> list[V]:
                w.store(b.get(b.element(source, j)), b.element(at, j), s.tag, mask)
                return []

            b.across(s.width, [], vector)
            return []

        w.counted_loop(w.number(0), left, 1, [], finish)

    def _statistics(self, batch: V, head: V, first: V, left: V) -> None:
        """What the forward direction left of each query: the largest score, 1 / the total."""
        w, s, b = self.w, self.s, self.b
        heads = w.mul(self.kept_heads, self.times)
        row = w.add(w.mul(w.add(w.mul(batch, heads), head), self.length), first)
        second = w.mul(self.units, self.length)
        one = constant(w, 1.0, s.tag, s.lanes)

        def vector(q: V, _: list[V]) -> list[V]:
            inside = left_of(w, w.binary("sub", left, q), s.lanes)
            at = w.element(self.stats, w.add(row, q), s.tag)
            b.put(w.load(at, s.tag, s.lanes, inside), b.element(self.top, q))
            total = w.load(w.element(at, second, s.tag), s.tag, s.lanes, inside, one)
            b.put(w.binary("fdiv", one, total), b.element(self.inverse, q))
            return []

        w.counted_loop(w.number(0), left, s.lanes, [], vector)

    def _changes(self, q: V, count: V, ahead: V) -> None:
        """Scores and products of a part to the weights and the gradient of the scores."""
        w, s, b = self.w, self.s, self.b
        places = [w.add(q, w.number(j * s.lanes)) for j in range(s.vectors)]
        tops, inverses, deltas = (
            [b.get(b.element(x, place)) for place in places]
            for x in (self.top, self.inverse, self.delta)
        )

        def segment(start: V, stop: V, v: int, cut: bool, _: list[V]) -> list[V]:
            def row(key: V, _: list[V]) -> list[V]:
                base = w.mul(key, w.number(s.queries))
                for j in range(v, s.vectors):
                    here = w.add(base, places[j])
                    weight, change = b.element(self.weights, here), b.element(self.changes, here)
                    x = b.masked(b.get(weight), j, key, 0, ahead, self.masks, cut and j == v)
                    x = w.binary("fmul", b.exp(w.binary("fsub", x, tops[j])), inverses[j])
                    b.put(x, weight)
                    y = w.binary("fsub", b.get(change), deltas[j])
                    b.put(w.binary("fmul", w.binary("fmul", x, self.factor), y), change)
                return []

            return w.counted_loop(start, stop, 1, [], row)

        b.segments(count, ahead, [], segment)

    def _by_query(self, q: V, count: V, ahead: V, left: V) -> None:
        """Adds what a block of keys gives to the gradient of a part of the queries."""
        w, s, b = self.w, self.s, self.b
        pitch = s.pitch(s.width)

        def queries(t: V, _: list[V]) -> list[V]:
            seen = b.seen(count, ahead, t)
            place = w.add(q, t)
            rows = b.rows_of(b.element(self.changes, place), 1)
            target = b.element(self.sums, w.mul(place, w.number(pitch)))

            def panel(first: V, number: int) -> None:
                base = b.element(self.key_rows, first)
                found = b.product(rows, s.queries, seen, base, pitch, number)
                for r, row in enumerate(found):
                    at = b.element(b.element(target, first), r * pitch)
                    for j, x in enumerate(row):
                        here = b.element(at, j * s.lanes)
                        b.put(w.binary("fadd", b.get(here), x), here)

            b.panels(s.width, panel)
            return []

        w.counted_loop(w.number(0), left, s.rows, [], queries)

    def _by_keys(
        self, left: V, right: V, width: int, first_key: V, count: V, ahead: V, queries: V,
        target: Strided, start: V,
    ) -> None:  # fmt: skip
        """Adds what a block of queries gives to the gradient of keys or values.

        left: [key][query]; right: rows of the queries; ahead: the first query less the first key.
        """
        w, s, b = self.w, self.s, self.b
        pitch = s.pitch(width)

        def keys(t: V, _: list[V]) -> list[V]:
            skipped = w.number(0)
            if s.causal:  # no query before the first key of the tile sees any of its keys
                behind = w.binary("sub", t, ahead)
                negative = w.compare("icmp", "slt", behind, skipped)
                skipped = w.select(negative, skipped, behind)
            rows = b.rows_of(
                b.element(left, w.add(w.mul(t, w.number(s.queries)), skipped)), s.queries
            )
            seen = w.binary("sub", queries, skipped)
            source = b.element(right, w.mul(skipped, w.number(pitch)))
            first = w.add(first_key, t)
            inside = [
                broadcast(w, w.compare("icmp", "slt", w.add(t, w.number(r)), count), s.lanes)
                for r in range(s.rows)
            ]

            def panel(column: V, number: int) -> None:
                found = b.product(rows, 1, seen, b.element(source, column), pitch, number)
                for r, row in enumerate(found):
                    at = b.element(target.at(start, w.add(first, w.number(r))), column)
                    for j, x in enumerate(row):
                        here = b.element(at, j * s.lanes)
                        mask = inside[r]
                        if width % s.lanes:
                            rest = w.binary("sub", w.number(width - j * s.lanes), column)
                            mask = w.binary("and", mask, left_of(w, rest, s.lanes))
                        before = w.load(here, s.tag, s.lanes, mask)
                        w.store(w.binary("fadd", before, x), here, s.tag, mask)

            b.panels(width, panel)
            return []

        w.counted_loop(w.number(0), count, s.rows, [], keys)


def _text(s: Sizes, scale: float) -> str:
    w = Writer()
    backward = _Backward(w, s, scale)
    w.counted_loop(V(I64, "%begin"), V(I64, "%end"), 1, [], backward.chunk)
    w.stmt("ret void")
    return w.module()


__all__ = ["parts_of", "step"]
