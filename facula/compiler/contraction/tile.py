"""The tile: a block of the result that stays in registers along the whole summed axis.

Each step of the sum reads a few vectors of one operand, which is packed so that they lie side by
side, and one number for each row of the tile from the other, which is read where it lies: spread
over a vector and multiplied with each of the first. With twenty-odd sums in flight the
multiply-add units never wait, and both operands are read from the nearest cache.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...runtime import code
from ..emitter import V, vec
from ..scalar_code import REGISTER, SIZE, broadcast
from ..writer import I64, Writer


@dataclass(frozen=True)
class Registers:
    """What the vector unit offers to a tile."""

    width: int  # bytes of a vector
    rows: int  # most rows of a tile
    vectors: int  # vectors in a row of a tile
    constraint: str  # what inline assembly calls them; empty where that is unknown

    def lanes(self, tag: str) -> int:
        return self.width // SIZE[tag]


@functools.cache
def registers() -> Registers:
    """For 32 registers of 64 bytes 28 sums, for 16 of 32 bytes 12, for 32 of 16 bytes 24."""
    features = code.processor_features()
    if "avx512f" in features:
        return Registers(64, 14, 2, "v")
    if "avx2" in features or "avx" in features:
        return Registers(32, 6, 2, "x")
    return Registers(16, 6, 4, "w" if "asimd" in features else "")


_STRETCH = 16  # places of the sum, at least, between two requests to memory
_UNROLLED = 4  # places of the sum that are written one after the other
_FEW_ROWS, _SUMS = 4, 8  # rows below which a tile is wider, so that as many sums are under way


def vectors_across(columns: int, lanes: int, rows: int = _FEW_ROWS) -> int:
    """Vectors in a row of a tile of a result of so many columns (and rows, where they may be few):
    one more than usual where that leaves clearly less of the last tile empty.
    """
    needed, usual = -(-columns // lanes), registers().vectors
    if rows < _FEW_ROWS:
        return min(max(usual, _SUMS // rows), needed)
    if needed < usual:
        return needed
    covered, wider = (-(-needed // v) * v for v in (usual, usual + 1))
    return usual + 1 if covered > 1.05 * wider else usual


def most_rows(vectors: int) -> int:
    """Rows of a tile whose rows have so many vectors."""
    r = registers()
    return min(r.rows, r.rows * r.vectors // vectors)


# The addresses of the rows' numbers at place k + i of the sum, for a k and small numbers i.
Places = Callable[[V, int], Sequence[V]]


@dataclass(frozen=True)
class Ahead:
    """What is asked of memory while a tile is summed, a little at a time: many requests at once
    would keep the operands waiting.
    """

    place: Callable[[V], None] | None  # called at every place of the sum
    row: Callable[[V], None] | None  # called for every row of the tile, spread over the sum


def balanced(total: int, most: int) -> int:
    """The size of parts, none larger than `most`, that cover the total with least left over."""
    parts = -(-total // most)
    return -(-total // parts)


def spread(w: Writer, at: V, tag: str, lanes: int) -> V:
    """The number at an address in every lane."""
    return broadcast(w, w.let(REGISTER[tag], f"load {REGISTER[tag]}, ptr {at.name}, align "
                              f"{SIZE[tag]}"), lanes)  # fmt: skip


def multiply_add(w: Writer, a: V, b: V, c: V) -> V:
    lanes, element = c.ty[1:-1].split(" x ")
    suffix = {"float": "f32", "double": "f64"}[element]
    return w.intrinsic(f"llvm.fma.v{lanes}{suffix}", c.ty, a, b, c)


def sums(
    w: Writer, tag: str, lanes: int, rows: Sequence[V], step: V, count: V,
    vectors: Callable[[V], Sequence[V]], number: int,
    ahead: Ahead | None = None,
) -> list[list[V]]:  # fmt: skip
    """The sums of a tile: for k below `count`, element k * step of each row times `vectors(k)`.

    rows: addresses; vectors: the `number` vectors at place k; ahead: what is asked of memory
    meanwhile. Returns the sums by row.
    """

    def places(k: V, i: int) -> list[V]:
        k = w.add(k, w.number(i))
        offset = w.mul(k, step) if step.name != "1" else k
        return [w.element(row, offset, tag) for row in rows]

    return sums_at(w, tag, lanes, len(rows), count, places, vectors, number, ahead)


def sums_of_rows(
    w: Writer, tag: str, lanes: int, rows: int, start: V, between: V, count: V,
    vectors: Callable[[V], Sequence[V]], number: int, ahead: Ahead | None = None,
) -> list[list[V]]:  # fmt: skip
    """As `sums`, for rows that lie `between` elements apart from `start` on, each in one piece."""
    places = places_of_rows(w, tag, rows, start, between)
    return sums_at(w, tag, lanes, rows, count, places, vectors, number, ahead)


def places_of_rows(w: Writer, tag: str, rows: int, start: V, between: V) -> Places:
    """The addresses of element k + i of rows that lie `between` elements apart from `start` on.

    There are not registers enough for every row's address, and an addition for each of them would
    take its turn from the multiply-add units. Two addresses and odd multiples of the distance are:
    the processor scales and adds them on the way. What they are is hidden from LLVM, which would
    otherwise walk from row to row, or keep the address of each on the stack.
    """
    near = -(-rows // 2) if rows > 4 else rows
    byte = w.mul(between, w.number(SIZE[tag]))
    odd = {m: opaque(w, w.mul(byte, w.number(m))) for m in range(1, near, 2)}
    far = w.let("ptr", f"getelementptr i8, ptr {start.name}, i64 "
                       f"{w.mul(byte, w.number(near)).name}")  # fmt: skip
    bases = (start, opaque(w, far))[: -(-rows // near)]
    known: tuple[V | None, list[V]] = (None, [])

    def places(k: V, i: int) -> list[V]:
        nonlocal known
        found: list[V] = []
        if known[0] is not k:
            known = k, [opaque(w, w.element(base, k, tag)) for base in bases]
        for base in known[1]:
            first = w.element(base, w.number(i), tag)
            for r in range(min(near, rows - len(found))):
                if r == 0:
                    found.append(first)
                    continue
                shift = (r & -r).bit_length() - 1
                offset = odd[r >> shift]
                if shift:
                    offset = w.binary("shl", offset, w.number(shift))
                found.append(w.let("ptr", f"getelementptr i8, ptr {first.name}, i64 "
                                          f"{offset.name}"))  # fmt: skip
        return found

    return places


def opaque(w: Writer, x: V) -> V:
    """The same value, of which LLVM knows nothing."""
    return w.let(x.ty, f'call {x.ty} asm "", "=r,0"({x})')


def finished(w: Writer, values: Sequence[V]) -> list[V]:
    """The same values, in registers before anything that follows is read from memory: LLVM would
    read first what has no register yet.
    """
    if len(values) == 1:  # there are registers enough, and the result would be no structure
        return list(values)
    letter, types = registers().constraint, ", ".join(x.ty for x in values)
    constraints = ",".join([f"={letter}"] * len(values) + [str(i) for i in range(len(values))])
    found = w.let(f"{{{types}}}", f'call {{{types}}} asm sideeffect "", "{constraints},~{{memory}}"'
                                  f"({', '.join(map(str, values))})")  # fmt: skip
    return [w.let(x.ty, f"extractvalue {found}, {i}") for i, x in enumerate(values)]


def sums_at(
    w: Writer, tag: str, lanes: int, rows: int, count: V,
    places: Places, vectors: Callable[[V], Sequence[V]], number: int,
    ahead: Ahead | None = None,
) -> list[list[V]]:  # fmt: skip
    """As `sums`, where `places(k, i)` are the addresses of the rows' numbers at place k + i."""
    zero = w.splat("0.0", vec(REGISTER[tag], lanes))

    def one(k: V, i: int, carried: Sequence[V]) -> list[V]:
        here = w.add(k, w.number(i))
        across = vectors(here)
        if ahead is not None and ahead.place is not None:
            ahead.place(here)
        out = []
        for r, place in enumerate(places(k, i)):
            factor = spread(w, place, tag, lanes)
            for j, b in enumerate(across):
                out.append(multiply_add(w, factor, b, carried[r * number + j]))
        return out

    def several(k: V, carried: Sequence[V]) -> list[V]:
        found = list(carried)
        for i in range(_UNROLLED):
            found = one(k, i, finished(w, found) if i else found)
        return found

    def run(low: V, stop: V, carried: Sequence[V]) -> list[V]:
        """The end of a long loop comes as a surprise to the processor, that of a short one does
        not: there are several places in each turn.
        """
        if not registers().constraint:
            return w.counted_loop(low, stop, 1, carried, lambda k, found: one(k, 0, found))
        count = w.larger(w.binary("sub", stop, low), w.number(0))
        whole = w.add(low, w.binary("and", count, w.number(-_UNROLLED)))
        found = w.counted_loop(low, whole, _UNROLLED, carried, several)
        return w.counted_loop(whole, stop, 1, found, lambda k, found: one(k, 0, found))

    zeros = [zero] * (rows * number)
    if ahead is None or ahead.row is None:
        flat = run(w.number(0), count, zeros)
    else:
        row, all_rows = ahead.row, w.number(rows)
        part = w.larger(_ceiling(w, count, all_rows), w.number(_STRETCH))
        part = w.mul(_ceiling(w, part, w.number(_UNROLLED)), w.number(_UNROLLED))
        stretches = w.larger(_ceiling(w, count, part), w.number(1))
        together = _ceiling(w, all_rows, stretches)

        def ask(r: V, _: list[V]) -> list[V]:
            row(r)
            return []

        def stretch(i: V, carried: list[V]) -> list[V]:
            first = w.mul(i, together)
            w.counted_loop(first, w.smaller(w.add(first, together), all_rows), 1, [], ask)
            low = w.mul(i, part)
            return run(low, w.smaller(w.add(low, part), count), carried)

        flat = w.counted_loop(w.number(0), stretches, 1, zeros, stretch)
    return [flat[r * number : (r + 1) * number] for r in range(rows)]


def _ceiling(w: Writer, a: V, b: V) -> V:
    return w.binary("udiv", w.add(a, w.binary("sub", b, w.number(1))), b)


def packed_vectors(
    w: Writer, panel: V, tag: str, lanes: int, number: int
) -> Callable[[V], list[V]]:
    """The vectors at place k of a panel [k][number * lanes], which is aligned."""
    ty = vec(REGISTER[tag], lanes)

    def vectors(k: V) -> list[V]:
        base = w.mul(k, w.number(number * lanes))
        out = []
        for j in range(number):
            at = w.element(panel, w.add(base, w.number(j * lanes)), tag)
            out.append(w.let(ty, f"load {ty}, ptr {at.name}, align {lanes * SIZE[tag]}"))
        return out

    return vectors


def keep(
    w: Writer, tag: str, lanes: int, found: list[list[V]], to: V, pitch: int, add: bool
) -> None:
    """Keeps the sums of a tile in memory whose rows are `pitch` elements apart, or adds to what is
    there.
    """
    for r, row in enumerate(found):
        for j, x in enumerate(row):
            here = w.element(to, w.number(r * pitch + j * lanes), tag)
            if add:
                x = w.binary("fadd", x, w.load(here, tag, lanes))
            w.store(x, here, tag)


def transposed(w: Writer, rows: list[V]) -> list[V]:
    """Of n vectors of n lanes (a power of two), vector j holds lane j of each."""
    n = len(rows)
    ty = rows[0].ty
    half = n // 2
    out = list(rows)
    # Exchange blocks of half, a quarter ... of the lanes between rows that far apart.
    while half:
        low = range(n)
        first = ", ".join(f"i32 {i if not i & half else n + (i ^ half)}" for i in low)
        second = ", ".join(f"i32 {(i | half) if not i & half else n + i}" for i in low)
        mask = f"<{n} x i32>"
        for i in range(n):
            if i & half:
                continue
            a, b = out[i], out[i | half]
            out[i] = w.let(ty, f"shufflevector {a}, {b}, {mask} <{first}>")
            out[i | half] = w.let(ty, f"shufflevector {a}, {b}, {mask} <{second}>")
        half //= 2
    return out


__all__ = [
    "I64", "Ahead", "Registers", "balanced", "keep", "most_rows", "multiply_add", "opaque",
    "packed_vectors", "places_of_rows", "registers", "spread", "sums", "sums_at", "sums_of_rows",
    "transposed", "vectors_across",
]  # fmt: skip
