"""scatter_add and scatter: out[..., index[p], ...] += (or =) source[p], over memory that already
holds the base.

Chunks divide the positions of the other axes, and each goes along the scattered axis in order, so
that no two threads meet, sums have a fixed order, and of what is put in one place the last stays.
Where the index does not vary along the last other axis (the gradient of an embedding), that axis is
worked on in vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .indexing import View, strides_of
from .scalar_code import emit_op
from .writer import I64, V, Writer

_BLOCK = 128


class Plan:
    """The structure of a scatter (`key`) and its record."""

    def __init__(
        self, tag: str, index_tag: str, slots: Sequence[int], index: View, source: View,
        shape: Sequence[int], out_shape: Sequence[int], axis: int, node: int, adds: bool,
    ) -> None:  # fmt: skip
        """slots: of out, index and source; shape: of the index; adds: or replaces."""
        self.adds = adds
        out_strides = strides_of(out_shape)
        others = [d for d in range(len(shape)) if d != axis and shape[d] != 1]
        inner = others.pop() if others else -1
        self.tag, self.index_tag, self.outer = tag, index_tag, len(others)
        n = shape[inner] if inner >= 0 else 1

        def along(d: int) -> list[int]:
            if d < 0:
                return [0, 0, 0]
            return [out_strides[d], index.strides[d], source.strides[d]]

        out_inner, index_inner, source_inner = along(inner)
        self.vector = n > 1 and out_inner == 1 and index_inner == 0 and source_inner == 1
        block = min(n, _BLOCK)
        blocks = -(-n // block) if n else 0
        count = 1
        for d in others:
            count *= shape[d]
        length = shape[axis] if shape else 1
        per_chunk = max(1, 4096 // max(1, block * length))
        units = count * blocks
        along_axis = along(axis) if shape else [0, 0, 0]
        out_axis = out_shape[axis] if shape else 1
        self.record = [
            *slots, index.offset, source.offset, n, block, blocks, units, per_chunk, length,
            out_axis, node, *along_axis, *along(inner),
        ]  # fmt: skip
        for d in others:
            self.record += [shape[d], *along(d)]
        self.chunks = -(-units // per_chunk)
        self.work = count * n * length

    @property
    def key(self) -> str:
        how = "add" if self.adds else "put"
        return f"scatter {how} {self.tag} {self.index_tag} {self.outer} {self.vector}"

    def generate(self) -> Callable[[], str]:
        return lambda: _text(self)


def _text(p: Plan) -> str:
    w = Writer()
    f = [w.field(i) for i in range(19 + 4 * p.outer)]
    out, index, source = (w.slot(f[i]) for i in range(3))
    index_offset, source_offset, n, block, blocks, units, per_chunk, length, size, node = f[3:13]
    axis_step, inner_step = f[13:16], f[16:19]
    stop = w.smaller(w.mul(V(I64, "%end"), per_chunk), units)

    def unit(u: V, _: list[V]) -> list[V]:
        flat = w.binary("udiv", u, blocks)
        number = w.binary("sub", u, w.mul(flat, blocks))
        low = w.mul(number, block)
        high = w.smaller(w.add(low, block), n)
        base = [w.number(0), index_offset, source_offset]
        for d in range(p.outer - 1, -1, -1):
            extent, *steps = f[19 + 4 * d : 23 + 4 * d]
            rest = w.binary("udiv", flat, extent)
            position = w.binary("sub", flat, w.mul(rest, extent))
            base = [w.add(b, w.mul(position, s)) for b, s in zip(base, steps, strict=True)]
            flat = rest

        def along(j: V, _: list[V]) -> list[V]:
            at = [base[0]]
            at += [w.add(b, w.mul(j, s)) for b, s in zip(base[1:], axis_step[1:], strict=True)]
            if p.vector:
                row = _row(w, p, index, at[1], size, node)
                start = w.add(at[0], w.mul(row, axis_step[0]))

                def add(i: V, mask: V | None, _: list[V]) -> list[V]:
                    to = w.element(out, w.add(start, i), p.tag)
                    x = w.load(w.element(source, w.add(at[2], i), p.tag), p.tag, 16, mask)
                    if p.adds:
                        old = w.load(to, p.tag, 16, mask)
                        x = emit_op(w, "add", [old, x], p.tag, p.tag)
                    w.store(x, to, p.tag, mask)
                    return []

                w.vector_loop(low, high, 16, [], add)
                return []

            def one(i: V, _: list[V]) -> list[V]:
                o, x, s = (w.add(b, w.mul(i, st)) for b, st in zip(at, inner_step, strict=True))
                row = _row(w, p, index, x, size, node)
                to = w.element(out, w.add(o, w.mul(row, axis_step[0])), p.tag)
                value = w.load(w.element(source, s, p.tag), p.tag)
                if p.adds:
                    value = emit_op(w, "add", [w.load(to, p.tag), value], p.tag, p.tag)
                w.store(value, to, p.tag)
                return []

            w.counted_loop(low, high, 1, [], one)
            return []

        w.counted_loop(w.number(0), length, 1, [], along)
        return []

    w.counted_loop(w.mul(V(I64, "%begin"), per_chunk), stop, 1, [], unit)
    w.stmt("ret void")
    return w.module()


def _row(w: Writer, p: Plan, index: V, at: V, size: V, node: V) -> V:
    """The index at an offset; out of range it is reported and 0."""
    row = w.load(w.element(index, at, p.index_tag), p.index_tag)
    if p.index_tag != "i64":
        row = w.convert("sext", row, I64)
    fine = w.compare("icmp", "ult", row, size)
    w.report_index(w.binary("xor", fine, V("i1", "true")), row, size, node)
    return w.select(fine, row, w.number(0))
