"""Lines of a convolution's input near the processor, and the distances between what is seen.

In a copy of some lines with the zeros around them, what a place of the kernel sees of a position
lies a fixed distance from what the first place sees of the first position, for any stride and
dilation. Tables hold the distances of a sum's places.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..emitter import V
from ..scalar_code import broadcast
from ..writer import I64, Writer
from . import tile
from .patches import Axis


def last_two(axes: Sequence[Axis]) -> tuple[Axis, Axis]:
    """The axis of the lines, and that along them."""
    return (axes[-2] if len(axes) > 1 else Axis(1, 1, 1, 0, 1, 1)), axes[-1]


def copy_lines(
    w: Writer, tag: str, lanes: int, source: V, image_in: V, count: V, top: V, seen: V, in_y: V,
    in_x: V, low_x: V, width: V, to: V,
) -> None:  # fmt: skip
    """Copies the lines from `top` on of `count` channels, with zeros where there are none."""
    numbers = w.lane_numbers(lanes, I64)
    zeros = V(numbers.ty, "zeroinitializer")

    def channel(c: V, _: list[V]) -> list[V]:
        def line(i: V, _: list[V]) -> list[V]:
            y = w.add(top, i)
            inside = w.binary(
                "and", w.compare("icmp", "sge", y, w.number(0)), w.compare("icmp", "slt", y, in_y)
            )
            columns = broadcast(w, w.select(inside, in_x, w.number(0)), lanes)
            start = w.binary("sub", w.add(w.mul(c, image_in), w.mul(y, in_x)), low_x)
            target = w.mul(w.add(w.mul(c, seen), i), width)

            def vector(k: V, _: list[V]) -> list[V]:
                # The last vector reaches into the next line, which is written after it.
                first = broadcast(w, w.binary("sub", k, low_x), lanes)
                at = w.binary("add", numbers, first)
                mask = w.binary(
                    "and", w.compare("icmp", "sge", at, zeros),
                    w.compare("icmp", "slt", at, columns),
                )  # fmt: skip
                value = w.load(w.element(source, w.add(start, k), tag), tag, lanes, mask)
                w.store(value, w.element(to, w.add(target, k), tag), tag)
                return []

            w.counted_loop(w.number(0), width, lanes, [], vector)
            return []

        w.counted_loop(w.number(0), seen, 1, [], line)
        return []

    w.counted_loop(w.number(0), count, 1, [], channel)


def note_distances(w: Writer, axes: Sequence[tuple[V, V]], to: V) -> None:
    """Writes int32 distances to a table: those of all places of `axes`, (count, step), in order."""

    def loop(depth: int, place: V, distance: V) -> None:
        if depth == len(axes):
            at = w.let("ptr", f"getelementptr i32, ptr {to.name}, i64 {place.name}")
            w.stmt(f"store {w.convert('trunc', distance, 'i32')}, ptr {at.name}, align 4")
            return
        count, step = axes[depth]

        def one(i: V, _: list[V]) -> list[V]:
            loop(depth + 1, w.add(w.mul(place, count), i), w.add(distance, w.mul(i, step)))
            return []

        w.counted_loop(w.number(0), count, 1, [], one)

    loop(0, w.number(0), w.number(0))


def seen_from(
    w: Writer, tag: str, bases: Sequence[V], distances: V, number: int, step: int
) -> tile.Places:
    """The addresses that a tile's rows read at place k + i of the sum: `number` of them `step`
    elements apart from each base on, as far on as the table says.
    """

    def places(k: V, i: int) -> list[V]:
        k = w.add(k, w.number(i))
        at = w.let("ptr", f"getelementptr i32, ptr {distances.name}, i64 {k.name}")
        distance = w.convert("sext", w.let("i32", f"load i32, ptr {at.name}, align 4"), I64)
        found = []
        for base in bases:
            here = w.element(base, distance, tag)
            found += [
                w.element(here, w.number(i * step), tag) if i else here for i in range(number)
            ]
        return found

    return places


__all__ = ["copy_lines", "last_two", "note_distances", "seen_from"]
