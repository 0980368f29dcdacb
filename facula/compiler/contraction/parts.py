"""Parts of numbers: quotients and remainders, shares of a total, the lanes below a size."""

from __future__ import annotations

from ..emitter import V
from ..writer import Writer
from . import tile


def split(w: Writer, number: V, size: V) -> tuple[V, V]:
    """Quotient and remainder."""
    quotient = w.binary("udiv", number, size)
    return quotient, w.binary("sub", number, w.mul(quotient, size))


def part(w: Writer, number: V, parts: V, total: V) -> tuple[V, V]:
    """Where a part's share of a total begins and where it stops.

    Both are hidden from LLVM, which would otherwise walk along with the addresses of rows, in
    registers that the tiles need.
    """
    begin = w.binary("udiv", w.mul(number, total), parts)
    stop = w.binary("udiv", w.mul(w.add(number, w.number(1)), total), parts)
    return tile.opaque(w, begin), tile.opaque(w, stop)


def left_of(w: Writer, size: V, lanes: int) -> V:
    """The mask of the lanes below a number (none where it is negative)."""
    return w.lanes_below(w.lane(size, lanes), lanes)
