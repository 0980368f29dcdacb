"""The elements of a long line that may be among its first few: what is left for sort.py to sort.

The line is dealt out to groups, some for each element that is wanted. As many groups as elements
are wanted have a first element up to a bound, so that no element behind the bound is among the
wanted ones; few others lie before it. One pass finds the first of each group, one picks what is
not behind the bound; of those that equal it, which may be many, no more than are wanted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .emitter import vec
from .scalar_code import broadcast
from .writer import I64, V, Writer

if TYPE_CHECKING:
    from .sort import Line

GROUPS_FOR_EACH = 4
_LANES = 16


def candidates(w: Writer, line: Line) -> V:
    """Moves the keys that may be among the first `line.count` to the front, with their places, in
    the order in which they were. Returns how many there are.
    """
    # The last vector of keys is filled up by what is before nothing.
    ty = vec(f"i{line.bits}", _LANES)
    whole = w.binary("and", line.length, w.number(-_LANES))
    rest = w.binary("sub", line.length, whole)
    ones = w.splat("-1", ty)

    def fill_up() -> None:
        first = w.lane_numbers(_LANES)
        left = broadcast(w, w.convert("trunc", rest, "i32"), _LANES)
        mask = w.compare("icmp", "sge", first, left)
        w.store(ones, w.element(line.keys[0], whole, line.plain), line.plain, mask)

    w.when(w.compare("icmp", "ne", rest, w.number(0)), fill_up)
    _first_of_groups(w, line)
    return _not_behind(w, line, _bound(w, line))


def _first_of_groups(w: Writer, line: Line) -> None:
    """The least key of each group, in the memory of the other keys: group g has the vectors g, g +
    groups, g + 2 groups, ...
    """
    ty = vec(f"i{line.bits}", _LANES)
    size = w.mul(line.groups, w.number(_LANES))

    def group(g: V, _: list[V]) -> list[V]:
        def least(i: V, found: list[V]) -> list[V]:
            x = w.load(w.element(line.keys[0], w.add(g, i), line.plain), line.plain, _LANES)
            return [w.select(w.compare("icmp", "ult", x, found[0]), x, found[0])]

        ones = w.splat("-1", ty)
        left = w.binary("sub", line.length, g)
        (x,) = w.counted_loop(w.number(0), left, size, [ones], least)
        w.store(x, w.element(line.keys[1], g, line.plain), line.plain)
        return []

    w.counted_loop(w.number(0), size, _LANES, [], group)


def _bound(w: Writer, line: Line) -> V:
    """The `line.count`-th least of the groups' keys, bit by bit from the highest."""
    ty = f"i{line.bits}"
    size = w.mul(line.groups, w.number(_LANES))
    highest = V(ty, str(1 << (line.bits - 1)))

    def one_bit(_: V, state: list[V]) -> list[V]:
        bound, bit = state
        tried = w.binary("or", bound, bit)
        level = broadcast(w, tried, _LANES)

        def below(i: V, found: list[V]) -> list[V]:
            x = w.load(w.element(line.keys[1], i, line.plain), line.plain, _LANES)
            less = w.convert("sext", w.compare("icmp", "ult", x, level), found[0].ty)
            return [w.binary("sub", found[0], less)]

        zero = w.splat("0", vec("i32", _LANES))
        (counts,) = w.counted_loop(w.number(0), size, _LANES, [zero], below)
        count = w.intrinsic(f"llvm.vector.reduce.add.v{_LANES}i32", "i32", counts)
        few = w.compare("icmp", "slt", w.convert("zext", count, I64), line.count)
        return [w.select(few, tried, bound), w.binary("lshr", bit, V(ty, "1"))]

    bound, _ = w.counted_loop(w.number(0), w.number(line.bits), 1, [V(ty, "0"), highest], one_bit)
    return bound


def _not_behind(w: Writer, line: Line, bound: V) -> V:
    """Keys below the bound and the first that equal it, at the front. Returns how many."""
    level = broadcast(w, bound, _LANES)

    def some(start: V, state: list[V]) -> list[V]:
        ties = state[1]
        x = w.load(w.element(line.keys[0], start, line.plain), line.plain, _LANES)
        more = w.compare("icmp", "slt", ties, line.count)
        equal = w.compare("icmp", "eq", x, level)
        equal = w.binary("and", equal, broadcast(w, more, _LANES))
        hit = w.binary("or", w.compare("icmp", "ult", x, level), equal)
        left = w.convert("trunc", w.binary("sub", line.length, start), "i32")
        inside = w.compare("icmp", "slt", w.lane_numbers(_LANES), broadcast(w, left, _LANES))
        hits = w.convert("bitcast", w.binary("and", hit, inside), f"i{_LANES}")

        def one(lane: V, state: list[V]) -> list[V]:
            found, ties = state
            i = w.add(start, lane)
            key = w.load(w.element(line.keys[0], i, line.plain), line.plain)
            # what is moved never lies before the place that it is moved to
            w.store(key, w.element(line.keys[0], found, line.plain), line.plain)
            w.store(w.convert("trunc", i, "i32"), w.element(line.places[0], found, "i32"), "i32")
            tie = w.compare("icmp", "eq", key, bound)
            late = w.binary("and", tie, w.compare("icmp", "sge", ties, line.count))
            kept = w.binary("xor", late, V("i1", "true"))
            return [
                w.add(found, w.convert("zext", kept, I64)),
                w.add(ties, w.convert("zext", tie, I64)),
            ]

        return w.bit_loop(hits, state, one)

    zero = w.number(0)
    found, _ = w.counted_loop(zero, line.length, _LANES, [zero, zero], some)
    return found
