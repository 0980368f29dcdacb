"""A batch of matrix products: its axes, and where the matrices of a number in it lie.

A batch is described by sizes and steps in the record of a step, not by a table of offsets: one of
thousands of small products is then as quick to compile as one of two.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..emitter import V
from ..indexing import View
from ..writer import I64, Writer


def merged(
    m: int, batch: list[int], a: View, a_strides: list[int], b_strides: list[int]
) -> tuple[int, list[int], list[int], list[int]]:
    """One matrix for the whole batch: where the rows follow each other, it is one product."""
    if not batch or any(st != 0 and d != 1 for st, d in zip(b_strides, batch, strict=True)):
        return m, batch, a_strides, b_strides
    step, count = a.strides[-2] * m, 1
    for st, d in zip(reversed(a_strides), reversed(batch), strict=True):
        if d != 1 and (st != step * count or a.strides[-1] != 1):
            return m, batch, a_strides, b_strides
        count *= d
    return m * count, [], [], []


def joined_axes(sizes: Sequence[int], *strides: Sequence[int]) -> list[tuple[int, ...]]:
    """(size, step in each operand) of axes, the innermost first; axes that follow each other in all
    operands are one, and those of size 1 are left out.
    """
    found: list[tuple[int, ...]] = []
    for size, *steps in reversed(list(zip(sizes, *strides, strict=True))):
        if size == 1:
            continue
        if found:
            inner, *inner_steps = found[-1]
            if steps == [inner * step for step in inner_steps]:
                found[-1] = (inner * size, *inner_steps)
                continue
        found.append((size, *steps))
    return found


def places(w: Writer, number: V, axes: V, header: int, starts: Sequence[V]) -> list[V]:
    """Where matrix `number` of a batch lies in each of some operands.

    Behind the record's header there is for each of the `axes`, the innermost first, its size and
    its step in each operand. starts: where the first matrix lies.
    """
    width = 1 + len(starts)

    def axis(i: V, carried: list[V]) -> list[V]:
        flat, *found = carried
        at = w.add(w.mul(i, w.number(width)), w.number(header))
        entry = w.let("ptr", f"getelementptr i64, ptr %rec, i64 {at.name}")
        size, *steps = (
            w.let(I64, f"load i64, ptr {w.element(entry, w.number(j), 'i64').name}, align 8")
            for j in range(width)
        )
        above = w.binary("udiv", flat, size)
        position = w.binary("sub", flat, w.mul(above, size))
        return [above] + [
            w.add(place, w.mul(position, step)) for place, step in zip(found, steps, strict=True)
        ]

    return w.counted_loop(w.number(0), axes, 1, [number, *starts], axis)[1:]
