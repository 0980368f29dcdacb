"""What the places of a convolution's kernel see: rows of one number for each position.

A convolution is a product once the numbers under each place of the kernel lie in a row, one for
each position of the result. The rows of some positions at a time are gathered into memory near the
processor. A vector holds positions that follow each other, which mostly see numbers that follow
each other: these are loaded together, in one stretch for each line of the result that the vector
touches. With a stride of two, every second number of such a stretch is kept. Only where strides are
larger, or lines so short that a vector has many stretches, are numbers loaded one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..emitter import V, vec
from ..scalar_code import broadcast
from ..writer import I64, Writer

_STRETCHES = 4  # most stretches of a vector that are loaded as such
_STEPS = 2  # the largest stride of stretches: more would load more than they keep
FIELDS_OF_AXIS = 6


@dataclass(frozen=True)
class Axis:
    """One spatial axis: sizes, and how a place of the result and one of the kernel meet."""

    size: int  # of the input
    out: int  # of the result
    stride: int
    low: int  # zeros before the input
    dilation: int
    kernel: int


def step_of(axes: Sequence[Axis]) -> int:
    """How far apart neighbouring positions see the input; 0 if that is too far for stretches."""
    stride = axes[-1].stride
    return stride if stride <= _STEPS else 0


def axis_fields(axes: Sequence[Axis]) -> list[int]:
    """The axes as fields of a record."""
    return [n for a in axes for n in (a.size, a.out, a.stride, a.low, a.dilation, a.kernel)]


class Geometry:
    """The axes of a convolution in registers, and what follows from them."""

    def __init__(self, w: Writer, fields: Sequence[V], lanes: int, step: int) -> None:
        """fields: those of `axis_fields`; step: `step_of` the axes."""
        self.w, self.lanes, self.step = w, lanes, step
        groups = [fields[i : i + FIELDS_OF_AXIS] for i in range(0, len(fields), FIELDS_OF_AXIS)]
        self.axes = groups
        self.rank = len(groups)
        self.in_strides = _strides(w, [g[0] for g in groups])
        self.in_size = w.mul(groups[0][0], self.in_strides[0])
        self.out_size = w.mul(groups[0][1], _strides(w, [g[1] for g in groups])[0])
        self.places = w.mul(groups[0][5], _strides(w, [g[5] for g in groups])[0])
        self.inverse = [self._inverse(n) for n in (*[g[1] for g in groups[1:]], self.out_size)]
        self.i32 = vec("i32", lanes)

    def _inverse(self, n: V) -> V:
        w = self.w
        one = w.let("double", f"fdiv double 1.0, {w.convert('sitofp', n, 'double').name}")
        return broadcast(w, one, self.lanes)

    def splat(self, n: V) -> V:
        """An int64 as int32 in every lane."""
        return broadcast(self.w, self.w.convert("trunc", n, "i32"), self.lanes)

    def _divided(self, x: V, inverse: V) -> V:
        """x // n for x >= 0: exact, as the middle of the unit interval is multiplied."""
        w = self.w
        ty = vec("double", self.lanes)
        real = w.binary("fadd", w.convert("sitofp", x, ty), w.splat("0.5", ty))
        return w.convert("fptosi", w.binary("fmul", real, inverse), self.i32)


def _strides(w: Writer, sizes: Sequence[V]) -> list[V]:
    out = [w.number(1)]
    for n in reversed(sizes[1:]):
        out.insert(0, w.mul(out[0], n) if out[0].name != "1" else n)
    return out


@dataclass
class Place:
    """A vector of positions."""

    alive: V  # which lanes are positions at all
    image: V  # the image of the first lane, an int64
    later: V  # how many images later each lane's is
    inside: V  # number of each lane's position in its image
    coordinates: list[V]  # where the kernel's first place lies in the input, by axis
    base: V  # its offset in the first lane's image, without channels' and images' steps


def locate(g: Geometry, first: V, total: V) -> Place:
    """The positions first, first + 1 ... of `total`, counted through images and their axes."""
    w = g.w
    image = w.binary("udiv", first, g.out_size)
    start = w.binary("sub", first, w.mul(image, g.out_size))
    lanes = w.lane_numbers(g.lanes)
    left = w.convert("trunc", w.smaller(w.binary("sub", total, first), w.number(g.lanes)), "i32")
    alive = w.compare("icmp", "slt", lanes, broadcast(w, left, g.lanes))
    number = w.binary("add", lanes, g.splat(start))
    later = g._divided(number, g.inverse[-1])
    inside = w.binary("sub", number, w.binary("mul", later, g.splat(g.out_size)))
    positions: list[V] = []
    rest = inside
    for k in range(g.rank - 1, 0, -1):
        above = g._divided(rest, g.inverse[k - 1])
        positions.insert(0, w.binary("sub", rest, w.binary("mul", above, g.splat(g.axes[k][1]))))
        rest = above
    positions.insert(0, rest)
    coordinates, base = [], None
    for position, axis, step in zip(positions, g.axes, g.in_strides, strict=True):
        at = w.binary("mul", position, g.splat(axis[2]))
        at = w.binary("sub", at, g.splat(axis[3]))
        coordinates.append(at)
        part = at if step.name == "1" else w.binary("mul", at, g.splat(step))
        base = part if base is None else w.binary("add", base, part)
    assert base is not None
    return Place(alive, image, later, inside, coordinates, base)


@dataclass
class Stretches:
    """Lanes whose numbers lie a step apart: the offset that lane 0 would have, and the lanes."""

    parts: list[tuple[V, V]]  # (int64, mask)
    some: list[V]  # whether part i or a later one has lanes (int1)
    more: V  # whether the rest has


def stretches(w: Writer, offsets: V, alive: V, count: int = _STRETCHES, step: int = 1) -> Stretches:
    """Divides the lanes of a vector of int32 offsets."""
    lanes = int(offsets.ty[1:].split(" x ")[0])
    bits = f"i{lanes}"
    steps = w.lane_numbers(lanes)
    for _ in range(1, step):
        steps = w.binary("add", steps, w.lane_numbers(lanes))
    delta = w.binary("sub", offsets, steps)
    left = alive
    parts, some = [], []
    for _ in range(count):
        word = w.convert("bitcast", left, bits)
        some.append(w.compare("icmp", "ne", word, V(bits, "0")))
        name = f"llvm.cttz.{bits}"
        w.declarations[name] = f"declare {bits} @{name}({bits}, i1)"
        first = w.let(bits, f"call {bits} @{name}({word}, i1 false)")
        first = w.binary("and", first, V(bits, str(lanes - 1)))
        start = w.let("i32", f"extractelement {delta}, {first}")
        mask = w.binary("and", left, w.compare("icmp", "eq", delta, broadcast(w, start, lanes)))
        parts.append((w.convert("sext", start, I64), mask))
        left = w.binary("xor", left, mask)
    word = w.convert("bitcast", left, bits)
    return Stretches(parts, some, w.compare("icmp", "ne", word, V(bits, "0")))


def load_stretches(
    w: Writer, tag: str, lanes: int, pieces: Sequence[tuple[V, V]], step: int = 1
) -> Callable[[V], V]:
    """What loads a vector from a base: each piece is the start of a stretch and its lanes; lanes in
    none are zero.
    """
    # With steps, a stretch is loaded as several vectors: those lanes are read that are kept.
    spread = [_spread(w, mask, lanes, step) for _, mask in pieces]

    def load(base: V) -> V:
        parts: list[V | None] = [None] * step
        for (start, _), masks in zip(pieces, spread, strict=True):
            at = w.element(base, start, tag)
            for k, mask in enumerate(masks):
                here = w.element(at, w.number(k * lanes), tag) if k else at
                parts[k] = w.load(here, tag, lanes, mask, parts[k])
        x = parts[0]
        assert x is not None
        if step == 1:
            return x
        kept = ", ".join(f"i32 {step * i}" for i in range(lanes))
        return w.let(x.ty, f"shufflevector {x}, {parts[1]}, <{lanes} x i32> <{kept}>")

    return load


def _spread(w: Writer, mask: V, lanes: int, step: int) -> list[V]:
    """The masks of `step` vectors: every step-th lane, counted through, is a lane of `mask`."""
    if step == 1:
        return [mask]
    out = []
    for k in range(step):
        chosen = (divmod(k * lanes + i, step) for i in range(lanes))
        places = ", ".join(f"i32 {lanes if rest else lane}" for lane, rest in chosen)
        out.append(w.let(mask.ty, f"shufflevector {mask}, {mask.ty} zeroinitializer, "
                                  f"<{lanes} x i32> <{places}>"))  # fmt: skip
    return out


def fill(
    g: Geometry, place: Place, tag: str, source: V, image_step: V, channels: V, target: V,
    row_step: int,
) -> None:  # fmt: skip
    """Writes a vector of each row [channel][place of the kernel], `row_step` elements apart.

    source: the first channel of the first lane's image; image_step: elements between images.
    """
    w = g.w
    later = w.binary("mul", place.later, g.splat(image_step))
    offsets = w.binary("add", place.base, later)
    parts = stretches(w, offsets, place.alive, step=g.step) if g.step else None

    def row(tap: V, at: V, seen: V) -> None:
        first = w.element(target, w.mul(tap, w.number(row_step)), tag)
        between = w.mul(g.places, w.number(row_step))
        here = w.element(source, at, tag)

        def every(load: Callable[[V], V]) -> None:
            def one(c: V, _: list[V]) -> list[V]:
                x = load(w.element(here, w.mul(c, g.in_size), tag))
                w.store(x, w.element(first, w.mul(c, between), tag), tag)
                return []

            w.counted_loop(w.number(0), channels, 1, [], one)

        def gathered() -> None:
            every(lambda base: w.gather(base, offsets, tag, seen))

        if parts is None:
            gathered()
            return
        pieces = [(d, w.binary("and", mask, seen)) for d, mask in parts.parts]

        def loaded(count: int) -> None:
            every(load_stretches(w, tag, g.lanes, pieces[:count], g.step))

        w.when(
            parts.more,
            gathered,
            lambda: w.when(
                parts.some[2],
                lambda: loaded(_STRETCHES),
                lambda: w.when(parts.some[1], lambda: loaded(2), lambda: loaded(1)),
            ),
        )

    _taps(g, place, row)


def _taps(g: Geometry, place: Place, row: Callable[[V, V, V], None]) -> None:
    """Calls row(number of the tap, its offset in the input, lanes that see the input there)."""
    w = g.w

    def axis(k: int, tap: V, at: V, seen: V) -> None:
        if k == g.rank:
            row(tap, at, seen)
            return
        fields = g.axes[k]

        def one(i: V, _: list[V]) -> list[V]:
            shift = w.mul(i, fields[4])
            moved = w.binary("add", place.coordinates[k], g.splat(shift))
            fits = w.compare("icmp", "ult", moved, g.splat(fields[0]))
            step = g.in_strides[k]
            further = shift if step.name == "1" else w.mul(shift, step)
            axis(k + 1, w.add(w.mul(tap, fields[5]), i) if k else i, w.add(at, further),
                 w.binary("and", seen, fits))  # fmt: skip
            return []

        w.counted_loop(w.number(0), fields[5], 1, [], one)

    axis(0, w.number(0), w.number(0), place.alive)
