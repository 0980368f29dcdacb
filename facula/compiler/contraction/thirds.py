"""Products of float32 in matrix tiles: each number is the sum of three of bfloat16 (its thirds).

Of the nine products of thirds the six largest are added up in float32; what is left out of a
product is below 2**-22 of it, as often above as below: an error as that of a sum in float32, whose
terms are rounded one by one. Six instructions on tiles do in about 40% of the time what vectors of
float32 do.

An infinite operand spoils sums that it should not: what it is multiplied with may have a third
that is zero. Where sums of a block are not finite and an operand has an infinite number in it, the
block is done again in vectors, with the numbers that the thirds make. Numbers below 2**-103 lose
their last bits, and those below 2**-126 count as zero.
"""

from __future__ import annotations

from ...runtime import amx
from ..emitter import V, vec
from ..scalar_code import broadcast
from ..writer import Writer
from . import tile
from .matrix_operands import (
    ACROSS,
    BLOCK,
    LANES,
    PART_BYTES,
    PLACES,
    ROWS,
    THIRDS,
    TILE_BYTES,
    at_byte,
    block_bytes,
)

# Thirds of the left and the right operand, in an order in which few tiles are loaded twice.
ORDER = ((2, 0), (0, 0), (0, 2), (0, 1), (1, 1), (1, 0))
DEPTH = 512  # most places of the sum that are added up without a stop
COPY_BYTES = 3 << 18  # of the left operand that a chunk copies
# Cycles of a block of sums: for 32 places, to begin and to store it; of 2**15 multiply-adds in
# vectors.
_STEP, _BLOCK, _VECTORS = 685, 1150, 1350
_PACKING = 40_000  # cycles that threads wait for each other between packing and product
_GROUP = 8  # rows that are done again together
_FLOATS = vec("float", LANES)
_PAIRS = f"<{LANES} x i32>"
_WORDS = f"<{2 * LANES} x i16>"


def possible() -> bool:
    """Whether this process may use tiles, with which a product of float32 may be faster."""
    return amx.permitted()


def fits(m: int, n: int, k: int) -> bool:
    """Whether a product fills tiles."""
    return min(m, n, k) >= BLOCK


def cost(blocks: int, steps: int, parts: int, copied: int, packed: int) -> int:
    """Cycles of a product in tiles. blocks: of sums; steps: along the sum, which has so many parts;
    copied, packed: elements that are split by the chunks, and for all of them.

    The costs here and in `vectors_cost` are means of what was measured with and without another
    thread on the processor's core.
    """
    split = (copied * 15 + packed * 17) // 10
    return blocks * (steps * _STEP + parts * _BLOCK) + split + (_PACKING if packed else 0)


def vectors_cost(multiply_adds: int, packed: int) -> int:
    """Cycles of a product in vectors of float32."""
    return (multiply_adds * _VECTORS >> 15) + packed // 2


def when_infinite(w: Writer, a: V, b: V, steps: V, rows: V, masks: list[V], buffer: V) -> None:
    """Does a block of sums again if they are not all finite and an operand has an infinite number.

    a, b: the packed operands; steps: tiles along the sum; rows: of the block that are in the
    result; masks: of the vectors of a row.
    """

    def row(r: V, found: list[V]) -> list[V]:
        for j, mask in enumerate(masks):
            place = w.add(w.mul(r, w.number(BLOCK)), w.number(j * LANES))
            x = w.load(w.element(buffer, place, "f32"), "f32", LANES, mask)
            found[j] = tile.multiply_add(w, x, w.splat("0.0", _FLOATS), found[j])
        return found

    zeros = [w.splat("0.0", _FLOATS)] * len(masks)
    found = w.counted_loop(w.number(0), rows, 1, zeros, lambda r, x: row(r, list(x)))
    total = w.binary("fadd", *found)
    spoilt = w.compare("fcmp", "uno", total, total)

    def again() -> None:
        w.when(_any_infinite(w, (a, b), steps), lambda: _sum(w, a, b, steps, rows, buffer))

    w.when(w.any_lane(spoilt), again)


def _any_infinite(w: Writer, operands: tuple[V, V], steps: V) -> V:
    """Whether the first third of a number is infinite."""
    lines = PART_BYTES // 64

    def step(s: V, found: list[V]) -> list[V]:
        offset = w.mul(s, w.number(block_bytes(THIRDS)))

        def line(i: V, found: list[V]) -> list[V]:
            (known,) = found
            for operand in operands:
                at = at_byte(w, operand, w.add(offset, w.mul(i, w.number(64))))
                x = w.let(_WORDS, f"load {_WORDS}, ptr {at.name}, align 64")
                size = w.binary("and", x, w.splat(str(0x7FFF), _WORDS))
                infinite = w.compare("icmp", "eq", size, w.splat(str(0x7F80), _WORDS))
                known = w.binary("or", known, infinite)
            return [known]

        return w.counted_loop(w.number(0), w.number(lines), 1, found, line)

    none = w.splat("false", f"<{2 * LANES} x i1>")
    return w.any_lane(w.counted_loop(w.number(0), steps, 1, [none], step)[0])


def _numbers(w: Writer, thirds: list[V]) -> list[V]:
    """The two numbers of float32 whose thirds are in pairs of words."""
    ty = thirds[0].ty
    out = []
    for i in range(2):
        parts = []
        for x in thirds:
            if i:
                x = w.binary("and", x, w.splat(str(-(1 << 16)), ty))
            else:
                x = w.binary("shl", x, w.splat("16", ty))
            parts.append(w.convert("bitcast", x, ty.replace("i32", "float")))
        first, second, third = parts
        # An infinite number has no other thirds, and the smaller ones add up exactly.
        out.append(w.binary("fadd", first, w.binary("fadd", second, third)))
    return out


def _sum(w: Writer, a: V, b: V, steps: V, rows: V, buffer: V) -> None:
    """The sums of a block in vectors of float32."""
    thirds = [w.number(i * PART_BYTES) for i in range(THIRDS)]
    groups = w.binary("udiv", w.add(rows, w.number(_GROUP - 1)), w.number(_GROUP))

    def group(g: V, _: list[V]) -> list[V]:
        first = w.mul(g, w.number(_GROUP))
        own = at_byte(w, a, w.add(
            w.mul(w.binary("udiv", first, w.number(ROWS)), w.number(TILE_BYTES)),
            w.mul(w.binary("urem", first, w.number(ROWS)), w.number(64)),
        ))  # fmt: skip

        def step(s: V, carried: list[V]) -> list[V]:
            offset = w.mul(s, w.number(block_bytes(THIRDS)))
            left, right = at_byte(w, own, offset), at_byte(w, b, offset)

            def place(p: V, carried: list[V]) -> list[V]:
                across = []
                for j in range(ACROSS):
                    at = at_byte(w, right, w.add(w.number(j * TILE_BYTES), w.mul(p, w.number(64))))
                    across.append(_numbers(w, [
                        w.let(_PAIRS, f"load {_PAIRS}, ptr {at_byte(w, at, t).name}, align 64")
                        for t in thirds
                    ]))  # fmt: skip
                out = []
                for r in range(_GROUP):
                    at = at_byte(w, left, w.add(w.number(r * 64), w.mul(p, w.number(4))))
                    pair = _numbers(w, [
                        w.let("i32", f"load i32, ptr {at_byte(w, at, t).name}, align 4")
                        for t in thirds
                    ])  # fmt: skip
                    factors = [broadcast(w, x, LANES) for x in pair]
                    for j, numbers in enumerate(across):
                        total = carried[r * ACROSS + j]
                        for x, y in zip(factors, numbers, strict=True):
                            total = tile.multiply_add(w, x, y, total)
                        out.append(total)
                return out

            return w.counted_loop(w.number(0), w.number(PLACES // 2), 1, carried, place)

        zeros = [w.splat("0.0", _FLOATS)] * (_GROUP * ACROSS)
        found = w.counted_loop(w.number(0), steps, 1, zeros, step)
        to = w.mul(first, w.number(BLOCK))
        for i, x in enumerate(found):
            place = i // ACROSS * BLOCK + i % ACROSS * LANES
            w.store(x, w.element(buffer, w.add(to, w.number(place)), "f32"), "f32")
        return []

    w.counted_loop(w.number(0), groups, 1, [], group)
