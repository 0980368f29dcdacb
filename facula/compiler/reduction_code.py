"""The arithmetic of reductions: identities, how two partial results combine, and the lanes at the
end.

The order of combination is fixed by shapes alone: lane by lane along a row, then the lanes by
halves. max and min let NaN win; argmax and argmin take the first of equals, and the first NaN where
there is one.
"""

from __future__ import annotations

from collections.abc import Sequence

from .emitter import Emitter, V, lanes_of, vec
from .scalar_code import BITS, constant, element_of, extremum

_LARGEST = (1 << 63) - 1


def _limit(tag: str, largest: bool) -> float | int:
    """The identity of max (largest=True) or min."""
    if tag[0] == "f":
        return float("-inf") if largest else float("inf")
    if tag == "b1":
        return 0 if largest else 1
    if tag == "u8":
        return 0 if largest else 255
    bits = BITS[tag]
    return -(1 << (bits - 1)) if largest else (1 << (bits - 1)) - 1


def identity(e: Emitter, op: str, tag: str, lanes: int) -> list[V]:
    """The state of a reduction over nothing."""
    if op in ("sum", "any"):
        # -0.0 is the identity of the float sum, but the sum of nothing is 0.0.
        return [constant(e, 0, "b1" if op == "any" else tag, lanes)]
    if op in ("prod", "all"):
        return [constant(e, 1, "b1" if op == "all" else tag, lanes)]
    start = constant(e, _limit(tag, op in ("max", "argmax")), tag, lanes)
    if op in ("argmax", "argmin"):
        return [start, constant(e, _LARGEST, "i64", lanes)]
    return [start]


def combine(e: Emitter, op: str, tag: str, a: Sequence[V], b: Sequence[V]) -> list[V]:
    """The state of both parts."""
    x, y = a[0], b[0]
    if op == "sum":
        if tag == "b1":
            return [e.binary("or", x, y)]
        return [e.binary("fadd" if tag[0] == "f" else "add", x, y)]
    if op == "prod":
        if tag == "b1":
            return [e.binary("and", x, y)]
        return [e.binary("fmul" if tag[0] == "f" else "mul", x, y)]
    if op in ("any", "all"):
        return [e.binary("or" if op == "any" else "and", x, y)]
    if op in ("max", "min"):
        return [extremum(e, y, x, tag, op == "max")]
    return _combine_position(e, op, tag, a, b)


def _combine_position(e: Emitter, op: str, tag: str, a: Sequence[V], b: Sequence[V]) -> list[V]:
    (x, i), (y, j) = a, b
    earlier = e.compare("icmp", "slt", j, i)
    if tag[0] == "f":
        better = e.compare("fcmp", "ogt" if op == "argmax" else "olt", y, x)
        equal = e.compare("fcmp", "oeq", y, x)
        x_nan, y_nan = e.compare("fcmp", "uno", x, x), e.compare("fcmp", "uno", y, y)
        not_x = e.binary("xor", x_nan, e.splat("true", x_nan.ty))
        better = e.binary("or", better, e.binary("and", y_nan, not_x))
        equal = e.binary("or", equal, e.binary("and", y_nan, x_nan))
    else:
        sign = "u" if tag in ("u8", "b1") else "s"
        better = e.compare("icmp", sign + ("gt" if op == "argmax" else "lt"), y, x)
        equal = e.compare("icmp", "eq", y, x)
    take = e.binary("or", better, e.binary("and", equal, earlier))
    return [e.select(take, y, x), e.select(take, j, i)]


def finish(e: Emitter, op: str, tag: str, state: Sequence[V]) -> V:
    """The result of the lanes together."""
    parts = list(state)
    lanes = lanes_of(parts[0].ty)
    while lanes > 1:
        lanes //= 2
        low = [_half(e, x, lanes, 0) for x in parts]
        high = [_half(e, x, lanes, lanes) for x in parts]
        parts = combine(e, op, tag, low, high)
    return parts[-1]


def _half(e: Emitter, x: V, lanes: int, start: int) -> V:
    if lanes == 1:
        return e.let(element_of(x.ty), f"extractelement {x}, i64 {start}")
    ty = vec(element_of(x.ty), lanes)
    picks = ", ".join(f"i32 {start + k}" for k in range(lanes))
    return e.let(ty, f"shufflevector {x}, {x.ty} poison, <{lanes} x i32> <{picks}>")
