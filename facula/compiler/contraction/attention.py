"""Attention, softmax(query @ key.T * scale + mask) @ value, with scores in near memory only.

A chunk is a block of queries of one head. It meets one block of keys after the other: the scores of
the two, their exponentials relative to the largest score so far, and their product with the values,
which is added to what the blocks before have given, scaled by how much the largest score has grown
(Milakov and Gimelshein, Online normalizer calculation for softmax, 2018; Dao et al.,
FlashAttention, 2022). Keys that no query of the block sees, after the diagonal, are never read.
Besides the result a row leaves the largest score and the sum of exponentials for the gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...graph.graph import Graph, GraphNode
from ..emitter import V
from ..indexing import View, strides_of
from ..scalar_code import REGISTER, SIZE, TAGS, broadcast, constant
from ..writer import I64, Writer
from . import tile
from .attention_blocks import INFINITY, Blocks, Record, Sizes, alternating
from .parts import left_of, split
from .product import NativeStep


class Problem:
    """The numbers of a node `attention` or `attention_backward`."""

    def __init__(
        self, graph: Graph, ins: Sequence[int], attrs: tuple[Any, ...], tags: Sequence[str]
    ) -> None:
        query, key, value = (graph.shapes[v] for v in ins[:3])
        self.batch, self.heads, self.length, width = query
        self.kept_heads, self.key_count, depth = key[1], key[2], value[3]
        self.times = self.heads // self.kept_heads
        self.scale, causal, masked = attrs[:3]
        mask = ins[3] if masked else None
        self.mask_shape = () if mask is None else graph.shapes[mask]
        self.sizes = Sizes(tags[ins[0]], width, depth, causal, tags[mask] if mask else "")
        self.blocks = -(-self.length // self.sizes.queries)

    @property
    def pairs(self) -> int:
        """Of a query and a key that sees it, of all heads."""
        seen = self.length * self.key_count
        if self.sizes.causal:
            least = min(self.length, self.key_count)
            seen -= least * (least - 1) // 2 + least * (self.key_count - least)
        return self.batch * self.heads * seen

    def mask_strides(self, view: View) -> tuple[int, ...]:
        """An axis that is not in the mask has one element for all."""
        return tuple(
            0 if n == 1 else st for n, st in zip(self.mask_shape, view.strides, strict=True)
        )


def operations(graph: Graph, node: GraphNode) -> int:
    """Twice the multiply-adds of a node `attention` or `attention_backward`."""
    p = Problem(graph, node.ins, node.attrs, [TAGS.get(d, "") for d in graph.dtypes])
    width, depth = p.sizes.width, p.sizes.depth
    return 2 * p.pairs * (width + depth if node.op == "attention" else 3 * width + 2 * depth)


def operand(slot: int, view: View, strides: Sequence[int] | None = None) -> list[int]:
    """The fields of a strided operand."""
    return [slot, view.offset, *(strides or view.strides)[:3]]


def result(slot: int, shape: Sequence[int], order: Sequence[int]) -> list[int]:
    """The fields of a result: `shape` is as it lies in memory, axis k of it is axis order[k]."""
    found = [0] * 4
    for axis, st in zip(order, strides_of(shape), strict=True):
        found[axis] = st
    return [slot, 0, *found[:3]]


def step(
    graph: Graph, node: GraphNode, operands: Sequence[View], tags: Sequence[str], slot: Any
) -> NativeStep:
    """The step of a node `attention`."""
    p = Problem(graph, node.ins, node.attrs, tags)
    out, stats = node.outs
    record = []
    for view in operands[:3]:
        record += operand(slot(view.value), view)
    if p.sizes.mask:
        view = operands[3]
        record += operand(slot(view.value), view, p.mask_strides(view))
    record += result(slot(out), graph.shapes[out], node.attrs[3])
    units = p.batch * p.heads
    record += [slot(stats), units, p.heads, p.times, p.length, p.key_count, p.blocks]
    work = p.pairs * (p.sizes.width + p.sizes.depth)
    key = f"attention {p.sizes.code} {p.scale!r}"
    return NativeStep(
        "attention", key, lambda: _text(p.sizes, p.scale), record, units * p.blocks, work, 1 << 17
    )


class _Forward:
    """The scratch memory and the numbers of the kernel."""

    def __init__(self, w: Writer, s: Sizes, scale: float) -> None:
        self.w, self.s, self.b = w, s, Blocks(w, s)
        r = Record(w)
        self.query, self.key, self.value = (r.operand(s.tag) for _ in range(3))
        self.mask = r.operand(s.mask) if s.mask else None
        self.out = r.operand(s.tag)
        self.stats = w.slot(r.number())
        self.units, self.heads, self.times, self.length, self.keys, self.blocks = (
            r.number() for _ in range(6)
        )
        self.factor = constant(w, scale, s.tag, s.lanes)
        b, depth = self.b, s.pitch(s.depth)
        self.turned = b.scratch(s.pitch(s.width) * s.queries)
        self.key_rows = b.scratch(s.keys * s.pitch(s.width))
        self.value_rows = b.scratch(s.keys * depth)
        self.weights = b.scratch(s.keys * s.part)
        self.sums = b.scratch(s.queries * depth)
        self.top, self.total, self.growth = (b.scratch(s.queries) for _ in range(3))
        self.masks = b.scratch((s.keys + s.lanes) * s.part) if s.mask else None

    def chunk(self, number: V, _: list[V]) -> list[V]:
        w, s, b = self.w, self.s, self.b
        unit, at = split(w, number, self.blocks)
        batch, head = split(w, unit, self.heads)
        kept = w.binary("udiv", head, self.times)
        first = w.mul(alternating(w, at, self.blocks), w.number(s.queries))
        left = w.smaller(w.binary("sub", self.length, first), w.number(s.queries))
        last = w.binary("sub", self.length, w.number(1))
        start = self.query.of(batch, head)
        b.transpose_rows(self.query, start, first, left, s.width, self.turned, self.factor)
        b.fill(self.sums, s.queries * s.pitch(s.depth), 0.0)
        b.fill(self.top, s.queries, -INFINITY)
        b.fill(self.total, s.queries, 0.0)
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
                if self.mask is not None and masks is not None and self.masks is not None:
                    b.mask_block(self.mask, masks, query, last, k, count, self.masks)
                self._softmax(q, count, ahead)
                self._add(q, count, ahead, w.smaller(w.binary("sub", left, q), w.number(s.part)))
                return []

            w.counted_loop(w.number(0), left, s.part, [], part)
            return []

        w.counted_loop(w.number(0), stop, s.keys, [], block)
        self._finish(unit, self.out.of(batch, head), first, left)
        return []

    def _softmax(self, q: V, count: V, ahead: V) -> None:
        """The weights of a part: exponentials of scores relative to the largest one so far."""
        w, s, b = self.w, self.s, self.b
        places = [w.add(q, w.number(j * s.lanes)) for j in range(s.vectors)]
        before = [b.get(b.element(self.top, place)) for place in places]
        tops = b.scores(
            self.key_rows, s.width, b.element(self.turned, q), count, ahead, self.weights, s.part,
            self.masks, before,
        )  # fmt: skip
        none, zero = (constant(w, x, s.tag, s.lanes) for x in (-INFINITY, 0.0))
        # Where everything so far is masked, differences to the largest score are not numbers.
        safe = [w.select(w.compare("fcmp", "oeq", x, none), zero, x) for x in tops]

        def segment(start: V, stop: V, v: int, cut: bool, carried: list[V]) -> list[V]:
            def weight(key: V, sums: list[V]) -> list[V]:
                row, out = b.element(self.weights, w.mul(key, w.number(s.part))), sums[:v]
                for j in range(v, s.vectors):
                    here = b.element(row, j * s.lanes)
                    x = b.exp(w.binary("fsub", b.get(here), safe[j]))
                    b.put(x, here)
                    out.append(w.binary("fadd", sums[j], x))
                return out

            return w.counted_loop(start, stop, 1, carried, weight)

        sums = b.segments(count, ahead, [zero] * s.vectors, segment)
        for j, place in enumerate(places):
            grown = b.exp(w.binary("fsub", before[j], safe[j]))
            total = b.element(self.total, place)
            b.put(w.binary("fadd", w.binary("fmul", b.get(total), grown), sums[j]), total)
            b.put(tops[j], b.element(self.top, place))
            b.put(grown, b.element(self.growth, place))

    def _add(self, q: V, count: V, ahead: V, left: V) -> None:
        """The product of the weights of a part with the values to the sums."""
        w, s, b = self.w, self.s, self.b
        pitch = s.pitch(s.depth)

        def queries(t: V, _: list[V]) -> list[V]:
            rows = b.rows_of(b.element(self.weights, t), 1)
            seen = b.seen(count, ahead, t)
            place = w.add(q, t)
            growth = b.element(self.growth, place)
            target = b.element(self.sums, w.mul(place, w.number(pitch)))

            def panel(first: V, number: int) -> None:
                base = b.element(self.value_rows, first)
                found = b.product(rows, s.part, seen, base, pitch, number)
                for r, row in enumerate(found):
                    grown = w.let(REGISTER[s.tag], f"load {REGISTER[s.tag]}, ptr "
                                  f"{b.element(growth, r).name}, align {SIZE[s.tag]}")  # fmt: skip
                    grown = broadcast(w, grown, s.lanes)
                    at = b.element(b.element(target, first), r * pitch)
                    for j, x in enumerate(row):
                        here = b.element(at, j * s.lanes)
                        b.put(tile.multiply_add(w, b.get(here), grown, x), here)

            b.panels(s.depth, panel)
            return []

        w.counted_loop(w.number(0), left, s.rows, [], queries)

    def _finish(self, unit: V, target: V, first: V, left: V) -> None:
        """The sums over the total of the weights: 0 where a query sees nothing."""
        w, s, b = self.w, self.s, self.b
        none, zero, one, endless = (
            constant(w, x, s.tag, s.lanes) for x in (-INFINITY, 0.0, 1.0, INFINITY)
        )
        row = w.add(w.mul(unit, self.length), first)
        second = w.mul(self.units, self.length)

        def vector(q: V, _: list[V]) -> list[V]:
            top, total = (b.get(b.element(x, q)) for x in (self.top, self.total))
            top = w.select(w.compare("fcmp", "oeq", top, none), zero, top)
            total = w.select(w.compare("fcmp", "oeq", total, zero), endless, total)
            b.put(w.binary("fdiv", one, total), b.element(self.growth, q))
            inside = left_of(w, w.binary("sub", left, q), s.lanes)
            at = w.element(self.stats, w.add(row, q), s.tag)
            w.store(top, at, s.tag, inside)
            w.store(total, w.element(at, second, s.tag), s.tag, inside)
            return []

        w.counted_loop(w.number(0), left, s.lanes, [], vector)
        pitch = s.pitch(s.depth)

        def query(q: V, _: list[V]) -> list[V]:
            inverse = w.let(REGISTER[s.tag], f"load {REGISTER[s.tag]}, ptr "
                            f"{b.element(self.growth, q).name}, align {SIZE[s.tag]}")  # fmt: skip
            inverse = broadcast(w, inverse, s.lanes)
            source = b.element(self.sums, w.mul(q, w.number(pitch)))
            at = self.out.at(target, w.add(first, q))

            def vector(j: V, mask: V | None, _: list[V]) -> list[V]:
                x = w.binary("fmul", b.get(b.element(source, j)), inverse)
                w.store(x, b.element(at, j), s.tag, mask)
                return []

            b.across(s.depth, [], vector)
            return []

        w.counted_loop(w.number(0), left, 1, [], query)


def _text(s: Sizes, scale: float) -> str:
    w = Writer()
    forward = _Forward(w, s, scale)
    w.counted_loop(V(I64, "%begin"), V(I64, "%end"), 1, [], forward.chunk)
    w.stmt("ret void")
    return w.module()


__all__ = ["Problem", "operand", "operations", "result", "step"]
