"""sort: the elements along an axis in order, and where each was; equal ones stay as they were.

Elements become unsigned numbers with the same order. A short line is sorted by counting for each
element how many come before it, in vectors; a longer one digit by digit from the lowest, through
counts of the digits. Neither has a branch that depends on elements, so that the time depends on
sizes alone.

Where only the first few of a long line are wanted, what may be among them is picked out first
(selection.py) and sorted in the same ways.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .emitter import vec
from .indexing import strides_of
from .scalar_code import SIZE, broadcast
from .schedule import View
from .selection import GROUPS_FOR_EACH, candidates
from .writer import I64, V, Writer

_SHORT = 96  # longest line whose elements are counted
_LANES = 16
_CHUNKS = 16  # at most: each has memory of its own
_HEADER = 12
_INFINITY = {"f32": 0x7F800000, "f64": 0x7FF0000000000000, "f16": 0x7C00, "fb16": 0x7F80}
_PLAIN = {1: "u8", 2: "i16", 4: "i32", 8: "i64"}  # integers by size, for bits that are moved only


class Plan:
    """The structure of a sort (`key`) and its record."""

    def __init__(
        self, tag: str, source: View, shape: Sequence[int], axis: int, descending: bool, count: int
    ) -> None:
        """count: how many of a line are wanted, from the first in the order."""
        self.tag, self.descending, self.count = tag, descending, count
        self.source, self.axis = source, axis
        self.shape = tuple(shape[:axis]) + (count,) + tuple(shape[axis + 1 :])
        self.others = [d for d in range(len(shape)) if d != axis and shape[d] != 1]
        self.lines = 1
        for d in self.others:
            self.lines *= shape[d]
        self.length = shape[axis]
        self.short = self.length <= _SHORT
        self.partial = count < self.length
        self.dense = source.strides[axis] == 1
        self.groups = -(-count * GROUPS_FOR_EACH // _LANES)  # vectors of them
        self.selects = not self.short and 2 * _LANES * self.groups <= self.length
        self.per_chunk = max(1, -(-self.lines // _CHUNKS), 1024 // max(1, self.length))
        self.chunks = -(-self.lines // self.per_chunk) if count else 0
        room = self.length + _LANES & -_LANES
        self.room = room * 2 * (SIZE[tag] + 4) + 63 & -64  # bytes of a chunk
        self.scratch_bytes = self.room * self.chunks
        self.work = self.lines * self.length * (4 if self.selects else 16)

    def record(self, slots: Sequence[int]) -> list[int]:
        """slots: of the values, the indices, the source and the memory for `scratch_bytes`."""
        steps = strides_of(self.shape)
        found = [
            *slots, self.source.offset, self.length, steps[self.axis],
            self.source.strides[self.axis], self.lines, self.per_chunk, self.count, self.groups,
        ]  # fmt: skip
        for d in self.others:
            found += [self.shape[d], steps[d], self.source.strides[d]]
        return found

    @property
    def key(self) -> str:
        flags = (self.descending, self.short, self.partial, self.dense, self.selects)
        how = "".join(str(int(flag)) for flag in flags)
        return f"sort {self.tag} {len(self.others)} {how}"

    def generate(self) -> Callable[[], str]:
        return lambda: _text(self)


class Line:
    """What the code of one line needs."""

    def __init__(self, w: Writer, p: Plan, f: Sequence[V], memory: V) -> None:
        self.w, self.p = w, p
        self.plain = _PLAIN[SIZE[p.tag]]
        self.bits = 8 * SIZE[p.tag]
        self.values, self.indices, self.source = (w.slot(f[k]) for k in range(3))
        self.length, self.out_step, self.in_step = f[5:8]
        self.count, self.groups = f[10:12]
        # keys, places, and both once more
        room = w.binary("and", w.add(self.length, w.number(_LANES)), w.number(-_LANES))
        self.keys: list[V] = []
        self.places: list[V] = []
        at = memory
        for tag, arrays in ((self.plain, self.keys), ("i32", self.places)):
            for _ in range(2):
                arrays.append(at)
                at = w.element(at, room, tag)

    def order(self, x: V) -> V:
        """The unsigned number that stands for an element's bits."""
        w, p, bits = self.w, self.p, self.bits
        sign = w.splat(str(1 << (bits - 1)), x.ty)
        ones = w.splat("-1", x.ty)
        if p.tag in _INFINITY:
            size = w.binary("and", x, w.splat(str((1 << (bits - 1)) - 1), x.ty))
            zero = w.compare("icmp", "eq", size, w.splat("0", x.ty))
            x = w.select(zero, w.splat("0", x.ty), x)
            negative = w.binary("ashr", x, w.splat(str(bits - 1), x.ty))
            x = w.binary("xor", x, w.binary("or", negative, sign))
            nan = w.compare("icmp", "ugt", size, w.splat(str(_INFINITY[p.tag]), x.ty))
            x = w.select(nan, ones, x)
        elif p.tag not in ("u8", "b1"):
            x = w.binary("xor", x, sign)
        return w.binary("xor", x, ones) if p.descending else x

    def begin(self, to: V, at: V) -> None:
        """The line is the one at `at` of the source, and goes to the one at `to`."""
        w = self.w
        self.here = w.element(self.source, at, self.plain)
        self.values_there = w.element(self.values, to, self.plain)
        self.indices_there = w.element(self.indices, to, "i64")

    def load(self, i: V, lanes: int = 1, mask: V | None = None) -> V:
        """The numbers that stand for elements of the line, from number i."""
        w = self.w
        place = w.element(self.here, w.mul(i, self.in_step), self.plain)
        return self.order(w.load(place, self.plain, lanes, mask))

    def fill(self) -> None:
        """Writes the keys of all elements."""
        w = self.w

        def some(i: V, mask: V | None, _: list[V]) -> list[V]:
            x = self.load(i, _LANES, mask)
            w.store(x, w.element(self.keys[0], i, self.plain), self.plain, mask)
            return []

        def one(i: V, _: list[V]) -> list[V]:
            w.store(self.load(i), w.element(self.keys[0], i, self.plain), self.plain)
            return []

        if self.p.dense:
            w.vector_loop(w.number(0), self.length, _LANES, [], some)
        else:
            w.counted_loop(w.number(0), self.length, 1, [], one)

    def place(self, i: V) -> V:
        """Where element i of those that are sorted was in the line, as i32."""
        if self.p.selects:
            return self.w.load(self.w.element(self.places[0], i, "i32"), "i32")
        return self.w.convert("trunc", i, "i32")

    def put(self, place: V, position: V) -> None:
        """Element `place` of the line becomes the one at `position` of the result's."""
        w = self.w
        moved = w.load(w.element(self.here, w.mul(place, self.in_step), self.plain), self.plain)
        there = w.mul(position, self.out_step)
        w.store(moved, w.element(self.values_there, there, self.plain), self.plain)
        w.store(place, w.element(self.indices_there, there, "i64"), "i64")


def _text(p: Plan) -> str:
    w = Writer()
    f = [w.field(i) for i in range(_HEADER + 3 * len(p.others))]
    offset, lines, per_chunk = f[4], f[8], f[9]
    counts = V("ptr", "")
    if not p.short:
        counts = w.let("ptr", f"alloca [{256 * SIZE[p.tag]} x i32], align 64")
    begin, end = V(I64, "%begin"), V(I64, "%end")
    all_memory = w.slot(f[3])

    def chunk(number: V, _: list[V]) -> list[V]:
        # As large as `Plan.room`, which a key does not hold: from the length, as it is.
        per = 2 * (SIZE[p.tag] + 4)
        room = w.binary("and", w.add(f[5], w.number(_LANES)), w.number(-_LANES))
        room = w.binary("and", w.add(w.mul(room, w.number(per)), w.number(63)), w.number(-64))
        memory = w.element(all_memory, w.mul(number, room), "u8")
        line = Line(w, p, f, memory)
        first = w.mul(number, per_chunk)
        last = w.smaller(w.add(first, per_chunk), lines)

        def one(flat: V, _: list[V]) -> list[V]:
            axes = [f[i : i + 3] for i in range(_HEADER, _HEADER + 3 * len(p.others), 3)]
            line.begin(*w.places_of(flat, axes, (w.number(0), offset)))
            if p.selects:
                line.fill()
                found = candidates(w, line)
                few = w.compare("icmp", "sle", found, w.number(_SHORT))
                w.when(
                    few,
                    lambda: _counted(line, found),
                    lambda: _by_digits(line, counts, found),
                )
            elif p.short:
                line.fill()
                _counted(line, line.length)
            else:
                _by_digits(line, counts, line.length)
            return []

        w.counted_loop(first, last, 1, [], one)
        return []

    w.counted_loop(begin, end, 1, [], chunk)
    w.stmt("ret void")
    return w.module()


def _counted(line: Line, length: V) -> None:
    """A short line: each element goes where as many come before it."""
    w, plain = line.w, line.plain
    keys, ty = line.keys[0], vec(f"i{line.bits}", _LANES)

    def some(start: V, _: list[V]) -> list[V]:
        own = w.let(ty, f"load {ty}, ptr {w.element(keys, start, plain).name}, align 1")
        i32 = vec("i32", _LANES)
        numbers = w.binary(
            "add", w.lane_numbers(_LANES), broadcast(w, w.convert("trunc", start, "i32"), _LANES)
        )

        def other(j: V, found: list[V]) -> list[V]:
            x = broadcast(w, w.load(w.element(keys, j, plain), plain), _LANES)
            place = broadcast(w, w.convert("trunc", j, "i32"), _LANES)
            less = w.compare("icmp", "ult", x, own)
            same = w.compare("icmp", "eq", x, own)
            earlier = w.binary("and", same, w.compare("icmp", "slt", place, numbers))
            before = w.binary("or", less, earlier)
            return [w.binary("sub", found[0], w.convert("sext", before, i32))]

        zero = w.splat("0", i32)
        (rank,) = w.counted_loop(w.number(0), length, 1, [zero], other)
        target = w.element(line.places[1], start, "i32")
        w.stmt(f"store {rank}, ptr {target.name}, align 4")
        return []

    w.counted_loop(w.number(0), length, _LANES, [], some)

    def out(i: V, _: list[V]) -> list[V]:
        rank = w.load(w.element(line.places[1], i, "i32"), "i32")
        rank = w.convert("zext", rank, I64)

        def put() -> None:
            place = w.convert("zext", line.place(i), I64) if line.p.selects else i
            line.put(place, rank)

        if line.p.partial:
            w.when(w.compare("icmp", "slt", rank, line.count), put)
        else:
            put()
        return []

    w.counted_loop(w.number(0), length, 1, [], out)


def _by_digits(line: Line, counts: V, length: V) -> None:
    """A long line: a pass for each byte of the keys that is not the same in all of them."""
    w, plain, size = line.w, line.plain, line.bits // 8
    ty = f"i{line.bits}"
    zeros = w.splat("0", vec("i32", _LANES))

    def clear(i: V, _: list[V]) -> list[V]:
        w.stmt(f"store {zeros}, ptr {w.element(counts, i, 'i32').name}, align 64")
        return []

    w.counted_loop(w.number(0), w.number(256 * size), _LANES, [], clear)

    def cell_of(key: V, row: V, shift: V) -> V:
        """The count of a byte of a key: which byte `shift` says, its counts begin at `row`."""
        byte = w.binary("and", w.binary("lshr", key, shift), V(ty, "-1" if size == 1 else "255"))
        return w.element(row, byte if line.bits == 64 else w.convert("zext", byte, I64), "i32")

    rows = [w.element(counts, w.number(256 * k), "i32") for k in range(size)]

    def count(i: V, _: list[V]) -> list[V]:
        if line.p.selects:
            x = w.load(w.element(line.keys[0], i, plain), plain)
        else:
            x = line.load(i)
            w.store(x, w.element(line.keys[0], i, plain), plain)
            w.store(line.place(i), w.element(line.places[0], i, "i32"), "i32")
        for k, row in enumerate(rows):
            cell = cell_of(x, row, V(ty, str(8 * k)))
            w.store(w.binary("add", w.load(cell, "i32"), V("i32", "1")), cell, "i32")
        return []

    w.counted_loop(w.number(0), length, 1, [], count)

    def one_pass(number: V, state: list[V]) -> list[V]:
        keys, places, other_keys, other_places = state
        row = w.element(counts, w.mul(number, w.number(256)), "i32")
        shift = w.mul(number, w.number(8))
        if line.bits < 64:
            shift = w.convert("trunc", shift, ty)
        some = w.load(cell_of(w.load(keys, plain), row, shift), "i32")
        same = w.compare("icmp", "eq", w.convert("zext", some, I64), length)

        def work() -> None:
            def start(i: V, total: list[V]) -> list[V]:
                cell = w.element(row, i, "i32")
                found = w.load(cell, "i32")
                w.store(total[0], cell, "i32")
                return [w.binary("add", total[0], found)]

            w.counted_loop(w.number(0), w.number(256), 1, [V("i32", "0")], start)

            def move(i: V, _: list[V]) -> list[V]:
                x = w.load(w.element(keys, i, plain), plain)
                place = w.load(w.element(places, i, "i32"), "i32")
                cell = cell_of(x, row, shift)
                position = w.load(cell, "i32")
                w.store(w.binary("add", position, V("i32", "1")), cell, "i32")
                there = w.convert("zext", position, I64)
                w.store(x, w.element(other_keys, there, plain), plain)
                w.store(place, w.element(other_places, there, "i32"), "i32")
                return []

            w.counted_loop(w.number(0), length, 1, [], move)

        w.when(same, lambda: None, work)
        return [
            w.select(same, a, b)
            for a, b in (
                (keys, other_keys), (places, other_places), (other_keys, keys),
                (other_places, places),
            )
        ]  # fmt: skip

    state = [line.keys[0], line.places[0], line.keys[1], line.places[1]]
    _, places, _, _ = w.counted_loop(w.number(0), w.number(size), 1, state, one_pass)

    def out(i: V, _: list[V]) -> list[V]:
        place = w.load(w.element(places, i, "i32"), "i32")
        line.put(w.convert("zext", place, I64), i)
        return []

    w.counted_loop(w.number(0), line.count, 1, [], out)
