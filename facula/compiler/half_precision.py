"""float16 in registers: the processor's conversions, or integer arithmetic where it has none.

Without instructions of the processor LLVM would call a function of a library for each number.
"""

from __future__ import annotations

import functools

from ..runtime import code
from .emitter import Emitter, V, lanes_of, vec

_NAN, _INFINITE = 0x7F800000, 0x477FF000  # above the first: NaN; from the second on: too large
_NORMAL = 0x38800000  # the smallest float that is a normal float16
_REBIAS = 112 << 23  # between the exponents of both types


@functools.cache
def converts() -> bool:
    """Whether the processor has instructions for it."""
    return not code.processor_features().isdisjoint(("f16c", "asimd"))


def widened(e: Emitter, x: V) -> V:
    """The float32 of each float16, given by its bits (i16)."""
    lanes = lanes_of(x.ty)
    if converts():
        half = e.convert("bitcast", x, vec("half", lanes))
        return e.convert("fpext", half, vec("float", lanes))
    ty, real = vec("i32", lanes), vec("float", lanes)

    def number(n: int) -> V:
        return e.splat(str(n), ty)

    bits = e.convert("zext", x, ty)
    shifted = e.binary("shl", e.binary("and", bits, number(0x7FFF)), number(13))
    # A product shifts the exponent, also that of numbers that are not normal.
    power = e.splat("0x46F0000000000000", real)  # 2**112
    scaled = e.binary("fmul", e.convert("bitcast", shifted, real), power)
    found = e.convert("bitcast", scaled, ty)
    special = e.compare("icmp", "uge", shifted, number(0x7C00 << 13))
    found = e.select(special, e.binary("or", shifted, number(_NAN)), found)
    sign = e.binary("shl", e.binary("and", bits, number(0x8000)), number(16))
    return e.convert("bitcast", e.binary("or", found, sign), real)


def narrowed(e: Emitter, x: V) -> V:
    """The bits (i16) of the float16 nearest to each float32, ties to even."""
    lanes = lanes_of(x.ty)
    if converts():
        half = e.convert("fptrunc", x, vec("half", lanes))
        return e.convert("bitcast", half, vec("i16", lanes))
    ty, real = vec("i32", lanes), vec("float", lanes)

    def number(n: int) -> V:
        return e.splat(str(n), ty)

    bits = e.convert("bitcast", x, ty)
    size = e.binary("and", bits, number(0x7FFFFFFF))
    odd = e.binary("and", e.binary("lshr", size, number(13)), number(1))
    up = e.binary("add", e.binary("add", size, number(0xFFF - _REBIAS)), odd)
    found = e.binary("lshr", up, number(13))
    # Beside a half, the last place of a float is that of the smallest float16.
    small = e.binary("fadd", e.convert("bitcast", size, real), e.splat("0.5", real))
    small = e.binary("sub", e.convert("bitcast", small, ty), number(0x3F000000))
    found = e.select(e.compare("icmp", "ult", size, number(_NORMAL)), small, found)
    found = e.select(e.compare("icmp", "uge", size, number(_INFINITE)), number(0x7C00), found)
    payload = e.binary("lshr", e.binary("and", size, number(0x7FFFFF)), number(13))
    nan = e.binary("or", payload, number(0x7E00))
    found = e.select(e.compare("icmp", "ugt", size, number(_NAN)), nan, found)
    sign = e.binary("lshr", e.binary("and", bits, number(-0x80000000)), number(16))
    return e.convert("trunc", e.binary("or", found, sign), vec("i16", lanes))
