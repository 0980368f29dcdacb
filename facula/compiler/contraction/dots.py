"""Products whose summed axis lies side by side in both operands, without a packed copy.

Vectors run along the sum: those of a few rows of one operand are multiplied with those of a few
rows of the other, so that every vector read serves several sums, and what is in the lanes is added
at the end. Nothing is turned or copied, which pays where an operand has few rows: a copy of the
other would cost as much as the product.
"""

from __future__ import annotations

from typing import Protocol

from ..emitter import V, vec
from ..scalar_code import REGISTER
from ..writer import Writer
from . import tile

_VECTOR = 8  # sums of a block of one row: as many as are under way at once


class Dots(Protocol):
    """tag, lanes: of a vector; rows, across: of the left and of the right operand that a block of
    sums has.
    """

    tag: str
    lanes: int
    rows: int
    across: int


def block(m: int, n: int, lanes: int) -> tuple[int, int]:
    """Rows of the left and of the right operand (a power of two, at most `lanes`) of a block for
    m and n: its sums and the vectors of a place stay in registers.
    """
    if m == 1:
        return 1, min(_VECTOR, lanes)
    r = tile.registers()
    return min(m, 4 if r.rows * r.vectors >= 24 else 2), min(2 if n == 2 else 4, lanes)


def sums(
    w: Writer, p: Dots, a: V, a_step: V, b: V, b_step: V, count: V, left: V, buffer: V
) -> list[list[V]]:
    """A vector of sums for each of the left operand's rows: the products with as many of the right
    one's rows as a vector has lanes, of which `left` exist.

    a, b: the addresses of the first rows at the first of `count` places of the sum; a_step, b_step:
    elements from row to row; buffer: memory for one vector for each row.
    """
    across = p.across
    ours = [w.element(a, w.mul(a_step, w.number(r)), p.tag) for r in range(p.rows)]
    last = w.binary("sub", left, w.number(1))
    zeros = [w.splat("0.0", vec(REGISTER[p.tag], p.lanes))] * (p.rows * across)

    def some(first: V, _: list[V]) -> list[V]:
        numbers = [w.smaller(w.add(first, w.number(c)), last) for c in range(across)]
        theirs = [w.element(b, w.mul(number, b_step), p.tag) for number in numbers]

        def place(k: V, mask: V | None, carried: list[V]) -> list[V]:
            x, y = (
                [w.load(w.element(row, k, p.tag), p.tag, p.lanes, mask) for row in rows]
                for rows in (ours, theirs)
            )
            pairs = [(u, v) for u in x for v in y]
            return [tile.multiply_add(w, u, v, c) for (u, v), c in zip(pairs, carried, strict=True)]

        found = w.vector_loop(w.number(0), count, p.lanes, zeros, place)
        found += [zeros[0]] * (-len(found) % p.lanes)
        added = [added_lanes(w, found[i : i + p.lanes]) for i in range(0, len(found), p.lanes)]
        for r in range(p.rows):
            vector, start = divmod(r * across, p.lanes)
            at = w.element(buffer, w.add(first, w.number(r * p.lanes)), p.tag)
            w.store(w.some_lanes(added[vector], start, across), at, p.tag)
        return []

    w.counted_loop(w.number(0), w.smaller(left, w.number(p.lanes)), across, [], some)
    return [
        [w.load(w.element(buffer, w.number(r * p.lanes), p.tag), p.tag, p.lanes)]
        for r in range(p.rows)
    ]


def added_lanes(w: Writer, vectors: list[V]) -> V:
    """Of n vectors of n lanes (a power of two): in lane i the sum of the lanes of vector i."""
    n = len(vectors)
    ty = vectors[0].ty
    size = n  # lanes that are still to be added, of each sum in a vector
    while size > 1:
        half = size // 2
        low = [i for i in range(2 * n) if i % size < half]
        text = [f"<{n} x i32> <{', '.join(f'i32 {i + by}' for i in low)}>" for by in (0, half)]
        vectors = [
            w.binary("fadd", *(w.let(ty, f"shufflevector {x}, {y}, {t}") for t in text))
            for x, y in zip(vectors[::2], vectors[1::2], strict=True)
        ]
        size = half
    return vectors[0]
