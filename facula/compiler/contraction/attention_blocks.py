"""What both directions of attention do with a block of queries and a block of keys.

Scores lie with the queries side by side: the maximum, the exponentials and the sums over keys are
then whole vectors, one lane for each query, and no sum goes across a vector. So queries are
transposed once for all keys that they meet, while keys and values are taken as they are: copied to
the stack block by block, where they lie together whatever their strides.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..emitter import V, vec
from ..scalar_code import REGISTER, SIZE, broadcast, constant
from ..vector_math_exponential import exp_of_negative
from ..vector_math_expression import Number
from ..writer import I64, Writer
from . import tile
from .parts import left_of

INFINITY = float("inf")
FIELDS = 5  # of a strided operand in the record
_KEYS, _QUERIES = 64, 64  # of a block
_UNROLLED = 8  # vectors of a row that are copied one by one, not in a loop


@dataclass(frozen=True)
class Sizes:
    """What the code of a kernel depends on: the rest are numbers in the record.

    width, depth: of a query and a key, and of a value. mask: its dtype's tag, or "".
    """

    tag: str
    width: int
    depth: int
    causal: bool
    mask: str

    @functools.cached_property
    def lanes(self) -> int:
        return tile.registers().lanes(self.tag)

    @functools.cached_property
    def vectors(self) -> int:
        return tile.registers().vectors

    @property
    def part(self) -> int:
        """Queries of a tile of scores."""
        return self.lanes * self.vectors

    @property
    def queries(self) -> int:
        """Of a block: whole parts. Every one of them copies the keys and values that it sees."""
        return -(-_QUERIES // self.part) * self.part

    @property
    def keys(self) -> int:
        """Of a block; a multiple of `rows` and of the lanes."""
        return _KEYS

    @property
    def rows(self) -> int:
        """Of a tile: enough sums to hide the time of one, and blocks are whole numbers of tiles."""
        return min(self.lanes, 8 if tile.registers().rows >= 8 else 4)

    def pitch(self, width: int) -> int:
        """Elements from one row of a copy to the next."""
        return -(-width // self.lanes) * self.lanes

    @property
    def code(self) -> str:
        return f"{self.tag} {self.width} {self.depth} {int(self.causal)} {self.mask or '-'}"


@dataclass
class Strided:
    """An operand [batch, heads, rows, *] of the record: elements of the last axis lie together."""

    w: Writer
    tag: str
    base: V
    batch: V
    head: V
    row: V

    def of(self, batch: V, head: V) -> V:
        """The address of the first row of a head."""
        w = self.w
        place = w.add(w.mul(batch, self.batch), w.mul(head, self.head))
        return w.element(self.base, place, self.tag)

    def at(self, start: V, row: V) -> V:
        return self.w.element(start, self.w.mul(row, self.row), self.tag)


class Record:
    """Reads the fields of a record one after the other."""

    def __init__(self, w: Writer) -> None:
        self.w, self.next = w, 0

    def number(self) -> V:
        self.next += 1
        return self.w.field(self.next - 1)

    def operand(self, tag: str) -> Strided:
        slot, offset, batch, head, row = (self.number() for _ in range(FIELDS))
        base = self.w.element(self.w.slot(slot), offset, tag)
        return Strided(self.w, tag, base, batch, head, row)


class Blocks:
    """Writes the parts of a kernel."""

    def __init__(self, w: Writer, sizes: Sizes) -> None:
        self.w, self.s = w, sizes
        self.tag, self.lanes = sizes.tag, sizes.lanes
        self.ty = vec(REGISTER[sizes.tag], sizes.lanes)

    # -- memory of the stack

    def scratch(self, elements: int) -> V:
        nbytes = elements * SIZE[self.tag]
        return self.w.let("ptr", f"alloca i8, i64 {nbytes}, align 64")

    def number(self, n: int) -> V:
        return self.w.number(n)

    def element(self, base: V, offset: V | int) -> V:
        offset = self.number(offset) if isinstance(offset, int) else offset
        return self.w.element(base, offset, self.tag)

    def get(self, at: V) -> V:
        """A vector of scratch memory, which is aligned."""
        nbytes = self.lanes * SIZE[self.tag]
        return self.w.let(self.ty, f"load {self.ty}, ptr {at.name}, align {nbytes}")

    def put(self, x: V, at: V) -> None:
        self.w.stmt(f"store {x}, ptr {at.name}, align {self.lanes * SIZE[self.tag]}")

    def fill(self, base: V, elements: int, value: float) -> None:
        """Writes a value to scratch memory, whole vectors of it."""
        x = constant(self.w, value, self.tag, self.lanes)

        def one(i: V, _: list[V]) -> list[V]:
            self.put(x, self.element(base, i))
            return []

        self.w.counted_loop(self.number(0), self.number(elements), self.lanes, [], one)

    def tail(self, width: int, first: int) -> V | None:
        """The mask of the lanes from `first` that are in a row, or None where all are."""
        if first + self.lanes <= width:
            return None
        return left_of(self.w, self.number(width - first), self.lanes)

    def across(
        self, width: int, carried: list[V], body: Callable[[V, V | None, list[V]], list[V]]
    ) -> list[V]:
        """carried = body(first element, mask, carried) for the vectors of a row."""
        whole = width // self.lanes * self.lanes
        if whole <= _UNROLLED * self.lanes:
            for j in range(0, whole, self.lanes):
                carried = body(self.number(j), None, carried)
        else:
            carried = self.w.counted_loop(
                self.number(0), self.number(whole), self.lanes, carried,
                lambda j, state: body(j, None, state),
            )  # fmt: skip
        if whole < width:
            carried = body(self.number(whole), self.tail(width, whole), carried)
        return carried

    # -- rows

    def whole(self, count: V, size: int) -> V:
        """So many rows as whole pieces of a size (a power of two) that cover `count` have."""
        covered = self.w.add(count, self.number(size - 1))
        return self.w.binary("and", covered, self.number(-size))

    def copy_rows(self, source: Strided, start: V, first: V, count: V, width: int, to: V) -> None:
        """Rows `first` and on to scratch memory, zeros behind each; the last one again until they
        are whole tiles.
        """
        w, pitch = self.w, self.s.pitch(width)
        last = w.binary("sub", count, self.number(1))
        stop = self.whole(count, self.s.rows)

        def one(i: V, _: list[V]) -> list[V]:
            at = source.at(start, w.add(first, w.smaller(i, last)))
            target = self.element(to, w.mul(i, self.number(pitch)))

            def vector(j: V, mask: V | None, _: list[V]) -> list[V]:
                x = w.load(self.element(at, j), self.tag, self.lanes, mask)
                self.put(x, self.element(target, j))
                return []

            self.across(width, [], vector)
            return []

        w.counted_loop(self.number(0), stop, 1, [], one)

    def transpose_rows(
        self, source: Strided, start: V, first: V, count: V, width: int, to: V,
        factor: V | None = None, other: Strided | None = None, beside: V | None = None,
        products: V | None = None,
    ) -> None:  # fmt: skip
        """`count` rows from `first` on, transposed to [width][queries].

        The last one is there again until they are whole parts. factor: what every element is
        multiplied with.
        other, beside, products: a second operand of which the sums of products of each row are
        written to `products`.
        """
        w, lanes = self.w, self.lanes
        zero, last = constant(w, 0.0, self.tag, lanes), w.binary("sub", count, self.number(1))

        def group(g: V, _: list[V]) -> list[V]:
            numbers = [w.add(first, w.smaller(w.add(g, self.number(i)), last))
                       for i in range(lanes)]  # fmt: skip
            rows = [source.at(start, n) for n in numbers]
            others = [] if other is None or beside is None else [
                other.at(beside, n) for n in numbers
            ]  # fmt: skip

            def columns(j: V, mask: V | None, before: list[V]) -> list[V]:
                found = [w.load(self.element(row, j), self.tag, lanes, mask) for row in rows]
                after = []
                for row, total, y in zip(others, before, found, strict=False):
                    x = w.load(self.element(row, j), self.tag, lanes, mask)
                    after.append(tile.multiply_add(w, x, y, total))
                target = self.element(to, w.add(w.mul(j, self.number(self.s.queries)), g))
                for i, x in enumerate(tile.transposed(w, found)):
                    x = x if factor is None else w.binary("fmul", x, factor)
                    self.put(x, self.element(target, i * self.s.queries))
                return after

            sums = self.across(width, [zero] * len(others), columns)
            if products is not None:
                total = functools.reduce(
                    lambda a, b: w.binary("fadd", a, b), tile.transposed(w, sums)
                )
                self.put(total, self.element(products, g))
            return []

        w.counted_loop(self.number(0), self.whole(count, self.s.part), lanes, [], group)

    # -- products

    def product(
        self, rows: Sequence[V], along: int, count: V, base: V, pitch: int, number: int
    ) -> list[list[V]]:
        """Sums over k below count of element k * along of each row times row k of `base`."""

        def vectors(k: V) -> list[V]:
            at = self.element(base, self.w.mul(k, self.number(pitch)))
            return [self.get(self.element(at, j * self.lanes)) for j in range(number)]

        return tile.sums(
            self.w, self.tag, self.lanes, rows, self.number(along), count, vectors, number
        )

    def panels(self, width: int, body: Callable[[V, int], None]) -> None:
        """body(first element, vectors) for the tiles across a row."""
        total, most = -(-width // self.lanes), self.s.vectors
        whole = total // most

        def one(first: V, _: list[V]) -> list[V]:
            body(first, most)
            return []

        if whole:
            stop = self.number(whole * most * self.lanes)
            self.w.counted_loop(self.number(0), stop, most * self.lanes, [], one)
        if total % most:
            body(self.number(whole * most * self.lanes), total % most)

    def rows_of(self, base: V, between: int) -> list[V]:
        return [self.element(base, r * between) for r in range(self.s.rows)]

    def segments(
        self, count: V, ahead: V, carried: list[V],
        body: Callable[[V, V, int, bool, list[V]], list[V]],
    ) -> list[V]:  # fmt: skip
        """carried = body(start, stop, vector, cut, carried) for the keys below count.

        Vectors before `vector` see none of these keys, and those after it see all of them; so does
        it, unless the diagonal cuts it. ahead: the part's first query less the block's first key.
        """
        w, zero = self.w, self.number(0)

        def limit(n: V) -> V:
            n = w.smaller(n, count)
            return w.select(w.compare("icmp", "slt", n, zero), zero, n)

        if not self.s.causal:
            return body(zero, count, 0, False, carried)
        start = limit(ahead)
        carried = body(zero, start, 0, False, carried)
        for v in range(self.s.vectors):
            stop = limit(w.add(ahead, self.number((v + 1) * self.lanes)))
            carried = body(start, stop, v, True, carried)
            start = stop
        return carried

    def scores(
        self, left: V, width: int, right: V, count: V, ahead: V, to: V, pitch: int,
        masks: V | None = None, tops: list[V] | None = None,
    ) -> list[V]:  # fmt: skip
        """to[key][query] = the product of row `key` of `left` with column `query` of `right`.

        `right` and `to` begin at the part's first query; what a query does not see of its block is
        not written. With `tops`: `masks` are added, what is not seen is minus infinity, and the
        results are the larger of `tops` and the scores, a vector each.
        """
        w, own = self.w, self.s.pitch(width)

        def segment(start: V, stop: V, v: int, cut: bool, carried: list[V]) -> list[V]:
            number = self.s.vectors - v

            def keys(t: V, state: list[V]) -> list[V]:
                rows = self.rows_of(self.element(left, w.mul(t, self.number(own))), own)
                base = self.element(right, v * self.lanes)
                found = self.product(rows, 1, self.number(width), base, self.s.queries, number)
                target = self.element(to, w.mul(t, self.number(pitch)))
                out = state[:v]
                for j in range(number):
                    column = [row[j] for row in found]
                    if tops is not None:
                        column = [
                            self.masked(x, v + j, t, r, ahead, masks, cut and j == 0)
                            for r, x in enumerate(column)
                        ]
                        out.append(self.larger(functools.reduce(self.larger, column), state[v + j]))
                    for r, x in enumerate(column):
                        self.put(x, self.element(target, r * pitch + (v + j) * self.lanes))
                return out

            return w.counted_loop(start, stop, self.s.rows, carried, keys)

        return self.segments(count, ahead, tops or [], segment)

    def larger(self, x: V, y: V) -> V:
        """The larger one; y where one is no number."""
        return self.w.select(self.w.compare("fcmp", "ogt", x, y), x, y)

    # -- what is not seen

    def mask_block(
        self, mask: Strided, start: V, first_query: V, last_query: V, first_key: V, count: V, to: V
    ) -> None:
        """The mask of a part of queries and a block of keys as numbers [key][query] to add."""
        w, lanes, tag = self.w, self.lanes, mask.tag
        for g in range(0, self.s.part, lanes):
            rows = []
            for i in range(lanes):
                query = w.smaller(w.add(first_query, self.number(g + i)), last_query)
                rows.append(w.element(mask.at(start, query), first_key, tag))

            def keys(
                k: V, inside: V | None, _: list[V], rows: list[V] = rows, g: int = g
            ) -> list[V]:
                # What is behind the last key is not seen.
                outside = None if tag == "b1" else constant(w, -INFINITY, tag, lanes)
                found = [w.load(w.element(row, k, tag), tag, lanes, inside, outside)
                         for row in rows]  # fmt: skip
                if tag == "b1":
                    zero, none = (constant(w, x, self.tag, lanes) for x in (0.0, -INFINITY))
                    found = [w.select(x, zero, none) for x in found]
                for i, x in enumerate(tile.transposed(w, found)):
                    place = w.add(w.mul(k, self.number(self.s.part)),
                                  self.number(i * self.s.part + g))  # fmt: skip
                    self.put(x, self.element(to, place))
                return []

            w.vector_loop(self.number(0), count, lanes, [], keys)

    def masked(self, x: V, j: int, key: V, r: int, ahead: V, masks: V | None, cut: bool) -> V:
        """Vector j of the scores of key `key` + r with what the mask says."""
        w = self.w
        if masks is not None:
            at = self.element(masks, w.mul(key, self.number(self.s.part)))
            at = self.element(at, r * self.s.part + j * self.lanes)
            x = w.binary("fadd", x, self.get(at))
        if cut:
            limit = w.convert("trunc", w.binary("sub", key, ahead), "i32")
            lane = V(vec("i32", self.lanes), "<" + ", ".join(
                f"i32 {j * self.lanes + i - r}" for i in range(self.lanes)) + ">")  # fmt: skip
            seen = w.compare("icmp", "sge", lane, broadcast(w, limit, self.lanes))
            x = w.select(seen, x, constant(w, -INFINITY, self.tag, self.lanes))
        return x

    def exp(self, x: V) -> V:
        return exp_of_negative(Number(self.w, x)).v

    def visible(self, first_query: V, first_key: V, here: V) -> V:
        """Keys of a block of `here` that a part of queries may see (negative: none)."""
        if not self.s.causal:
            return here
        w = self.w
        ahead = w.binary("sub", first_query, first_key)
        return w.smaller(here, w.add(ahead, self.number(self.s.part)))

    def seen(self, count: V, ahead: V, query: V) -> V:
        """Keys below count that a tile of queries from `query` of the part on may see."""
        if not self.s.causal:
            return count
        w = self.w
        return w.smaller(count, w.add(w.add(ahead, query), self.number(self.s.rows)))


def alternating(w: Writer, place: V, count: V) -> V:
    """0, count - 1, 1, count - 2 ...: for numbers that cost more the larger they are, so that both
    halves of the chunks cost the same.
    """
    half = w.binary("lshr", place, w.number(1))
    odd = w.compare("icmp", "ne", w.binary("and", place, w.number(1)), w.number(0))
    return w.select(odd, w.binary("sub", w.binary("sub", count, half), w.number(1)), half)


__all__ = ["FIELDS", "I64", "INFINITY", "Blocks", "Record", "Sizes", "Strided", "alternating"]
