"""The text of the machine code for random numbers: the LLVM IR of one module.

Seven functions, each the same arithmetic as its NumPy counterpart, step for step, so that which of
the two runs never shows: `generate` (MT19937's recurrence and tempering), `uniform32`, `normal32`,
`bernoulli`, `permutation32` (and `64`) and `seed_key`. Buffers need the alignment of their items
only.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from .random_math import (
    COS,
    FOUR_OVER_PI,
    LN2_HIGH,
    LN2_LOW,
    LOG,
    MINUS_PI_4,
    SIN,
    SQRT_HALF,
    TWO_PI,
)  # fmt: skip

_BLOCK = 624


class _Body:
    """Lines of one function: `let` names a new value, `loop` runs a body over an index."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._count = 0
        self._step: dict[str, int] = {}

    def let(self, text: str) -> str:
        self._count += 1
        self.lines.append(f"  %v{self._count} = {text}")
        return f"%v{self._count}"

    def do(self, text: str) -> None:
        self.lines.append("  " + text)

    def label(self, name: str) -> None:
        self.lines.append(f"{name}:")

    def begin_loop(self, name: str, end: str, step: int, start: str = "0") -> str:
        """Opens `for (i = start; i < end; i += step)` over i64 and returns the index."""
        self.lines += [
            f"  br label %{name}.entry",
            f"{name}.entry:",
            f"  br label %{name}.head",
            f"{name}.head:",
            f"  %{name} = phi i64 [ {start}, %{name}.entry ], [ %{name}.next, %{name}.latch ]",
            f"  %{name}.more = icmp slt i64 %{name}, {end}",
            f"  br i1 %{name}.more, label %{name}.body, label %{name}.exit",
            f"{name}.body:",
        ]
        self._step[name] = step
        return f"%{name}"

    def end_loop(self, name: str) -> None:
        self.lines += [
            f"  br label %{name}.latch",
            f"{name}.latch:",
            f"  %{name}.next = add i64 %{name}, {self._step[name]}",
            f"  br label %{name}.head",
            f"{name}.exit:",
        ]

    def load(self, ty: str, base: str, index: str, item: str) -> str:
        place = self.let(f"getelementptr {item}, ptr {base}, i64 {index}")
        return self.let(f"load {ty}, ptr {place}, align {_BYTES[item]}")

    def store(self, ty: str, value: str, base: str, index: str, item: str) -> None:
        place = self.let(f"getelementptr {item}, ptr {base}, i64 {index}")
        self.do(f"store {ty} {value}, ptr {place}, align {_BYTES[item]}")

    def text(self) -> str:
        return "\n".join(self.lines)


_BYTES = {"i8": 1, "i32": 4, "float": 4, "i64": 8}


def _splat(ty: str, value: str | float) -> str:
    """A constant of a vector type, or of a scalar one."""
    if not ty.startswith("<"):
        return _literal(ty, value)
    lanes, item = ty[1:-1].split(" x ")
    return "<" + ", ".join([f"{item} {_literal(item, value)}"] * int(lanes)) + ">"


def _literal(ty: str, value: str | float) -> str:
    if ty != "float":
        return str(value)
    # LLVM writes a float as the bits of the double of the same value.
    return "0x" + _double_bits(float(value))


def _double_bits(value: float) -> str:
    return struct.pack(">d", value).hex().upper()


def _vector(item: str, lanes: int) -> str:
    return item if lanes == 1 else f"<{lanes} x {item}>"


def _spread(body: _Body, item: str, value: str, lanes: int) -> str:
    """A run-time scalar in every lane."""
    if lanes == 1:
        return value
    ty = _vector(item, lanes)
    one = body.let(f"insertelement {ty} poison, {item} {value}, i64 0")
    return body.let(f"shufflevector {ty} {one}, {ty} poison, <{lanes} x i32> zeroinitializer")


def module() -> str:
    """The IR of the module."""
    parts = [_generate(), _uniform(), _bernoulli(), _normal(), _seed_key()]
    parts += [_permutation(32), _permutation(64)]
    for lanes in (1, 8, 16):
        ty = _vector("float", lanes)
        suffix = "f32" if lanes == 1 else f"v{lanes}f32"
        parts.append(f"declare {ty} @llvm.fma.{suffix}({ty}, {ty}, {ty})")
    parts.append("declare <8 x float> @llvm.sqrt.v8f32(<8 x float>)")
    return "\n\n".join(parts) + "\n"


def _function(name: str, arguments: str, body: _Body) -> str:
    body.do("ret void")
    return f"define void @{name}({arguments}) {{\nentry:\n{body.text()}\n}}"


def _copy(body: _Body, name: str, source: str, target: str) -> None:
    i = body.begin_loop(name, str(_BLOCK), 16)
    body.store("<16 x i32>", body.load("<16 x i32>", source, i, "i32"), target, i, "i32")
    body.end_loop(name)


def _generate() -> str:
    """`out[0 : 624 * blocks]` = the tempered words that follow `key`; `key` = the last raw block.

    The recurrence x[k + 624] = x[k + 397] ^ twist(x[k], x[k + 1]) is run over two blocks in a row
    in scratch memory: 16 lanes never read what they write.
    """
    ty = "<16 x i32>"
    b = _Body()

    def op(name: str, x: str, y: str) -> str:
        return b.let(f"{name} {ty} {x}, {y}")

    def const(value: int) -> str:
        return _splat(ty, str(value))

    raw = b.let(f"alloca [{2 * _BLOCK} x i32], align 64")
    second = b.let(f"getelementptr i32, ptr {raw}, i64 {_BLOCK}")
    _copy(b, "first", "%key", raw)
    block = b.begin_loop("block", "%blocks", 1)
    i = b.begin_loop("i", str(_BLOCK), 16)
    following = b.let(f"add i64 {i}, 1")
    middle = b.let(f"add i64 {i}, 397")
    x0 = b.load(ty, raw, i, "i32")
    x1 = b.load(ty, raw, following, "i32")
    xm = b.load(ty, raw, middle, "i32")
    joined = op("or", op("and", x0, const(0x80000000)), op("and", x1, const(0x7FFFFFFF)))
    odd = op("sub", const(0), op("and", x1, const(1)))
    twisted = op("xor", op("lshr", joined, const(1)), op("and", odd, const(0x9908B0DF)))
    x = op("xor", xm, twisted)
    b.store(ty, x, second, i, "i32")
    x = op("xor", x, op("lshr", x, const(11)))
    x = op("xor", x, op("and", op("shl", x, const(7)), const(0x9D2C5680)))
    x = op("xor", x, op("and", op("shl", x, const(15)), const(0xEFC60000)))
    x = op("xor", x, op("lshr", x, const(18)))
    place = b.let(f"add i64 {b.let(f'mul i64 {block}, {_BLOCK}')}, {i}")
    b.store(ty, x, "%out", place, "i32")
    b.end_loop("i")
    _copy(b, "shift", second, raw)
    b.end_loop("block")
    _copy(b, "last", raw, "%key")
    return _function("generate", "ptr %key, ptr %out, i64 %blocks", b)


def _lanes_then_rest(b: _Body, lanes: int, step: Callable[[str, int], None]) -> None:
    """Runs `step(index, lanes)` over [0, %n): whole vectors, then single elements."""
    whole = b.let(f"and i64 %n, {-lanes}")
    for name, end, start, width in (("v", whole, "0", lanes), ("s", "%n", whole, 1)):
        index = b.begin_loop(name, end, width, start)
        step(index, width)
        b.end_loop(name)


def _uniform24(b: _Body, words: str, lanes: int) -> str:
    """24 bits of each word as a float in [0, 1)."""
    ints, floats = _vector("i32", lanes), _vector("float", lanes)
    masked = b.let(f"and {ints} {words}, {_splat(ints, str(0xFFFFFF))}")
    number = b.let(f"sitofp {ints} {masked} to {floats}")
    return b.let(f"fmul {floats} {number}, {_splat(floats, 2.0**-24)}")


def _uniform() -> str:
    """`out[i]` = fma(24 bits of words[i], width, low), float32. `out` may be `words`."""
    b = _Body()

    def step(index: str, lanes: int) -> None:
        ty = _vector("float", lanes)
        u = _uniform24(b, b.load(_vector("i32", lanes), "%words", index, "i32"), lanes)
        scaled = _Floats(b, lanes).fma(
            u, _spread(b, "float", "%width", lanes), _spread(b, "float", "%low", lanes)
        )
        b.store(ty, scaled, "%out", index, "float")

    _lanes_then_rest(b, 16, step)
    return _function("uniform32", "ptr %words, ptr %out, i64 %n, float %low, float %width", b)


def _bernoulli() -> str:
    """`out[i]` = the 53-bit number of the i-th pair of words is below `threshold`, bytes."""
    b = _Body()

    def step(index: str, lanes: int) -> None:
        ty = _vector("i64", lanes)
        place = b.let(f"getelementptr i64, ptr %words, i64 {index}")
        pair = b.let(f"load {ty}, ptr {place}, align 4")
        high = b.let(f"and {ty} {pair}, {_splat(ty, str(0x1FFFFF))}")
        high = b.let(f"shl {ty} {high}, {_splat(ty, '32')}")
        low = b.let(f"lshr {ty} {pair}, {_splat(ty, '32')}")
        number = b.let(f"or {ty} {high}, {low}")
        below = b.let(f"icmp ult {ty} {number}, {_spread(b, 'i64', '%threshold', lanes)}")
        byte = b.let(f"zext {_vector('i1', lanes)} {below} to {_vector('i8', lanes)}")
        b.store(_vector("i8", lanes), byte, "%out", index, "i8")

    _lanes_then_rest(b, 8, step)
    return _function("bernoulli", "ptr %words, ptr %out, i64 %n, i64 %threshold", b)


class _Floats:
    """float32 arithmetic over `lanes` lanes; a Python number stands for a constant."""

    def __init__(self, b: _Body, lanes: int) -> None:
        self.b, self.ty = b, _vector("float", lanes)
        self.ints = _vector("i32", lanes)
        self.name = "f32" if lanes == 1 else f"v{lanes}f32"

    def _text(self, x: str | float) -> str:
        return x if isinstance(x, str) else _splat(self.ty, float(x))

    def op(self, name: str, x: str | float, y: str | float) -> str:
        return self.b.let(f"{name} {self.ty} {self._text(x)}, {self._text(y)}")

    def int_op(self, name: str, x: str, y: int) -> str:
        return self.b.let(f"{name} {self.ints} {x}, {_splat(self.ints, str(y))}")

    def fma(self, x: str | float, y: str | float, z: str | float) -> str:
        operands = ", ".join(f"{self.ty} {self._text(v)}" for v in (x, y, z))
        return self.b.let(f"call {self.ty} @llvm.fma.{self.name}({operands})")

    def cast(self, name: str, x: str, source: str, target: str) -> str:
        return self.b.let(f"{name} {source} {x} to {target}")

    def polynomial(self, x: str, coefficients: list[float]) -> str:
        y: str | float = coefficients[0]
        for c in coefficients[1:]:
            y = self.fma(y, x, c)
        assert isinstance(y, str)
        return y


def _log(f: _Floats, x: str) -> str:
    """See `random_math.log32`."""
    bits = f.cast("bitcast", x, f.ty, f.ints)
    exponent = f.int_op("sub", f.int_op("ashr", bits, 23), 126)
    e = f.cast("sitofp", exponent, f.ints, f.ty)
    mantissa = f.int_op("or", f.int_op("and", bits, 0x7FFFFF), 0x3F000000)
    m = f.cast("bitcast", mantissa, f.ints, f.ty)
    small = f.b.let(f"fcmp olt {f.ty} {m}, {_splat(f.ty, float(SQRT_HALF))}")
    flag = f.b.let(f"uitofp {f.ints.replace('i32', 'i1')} {small} to {f.ty}")
    extra = f.op("fmul", m, flag)
    x = f.op("fadd", f.op("fsub", m, 1.0), extra)
    e = f.op("fsub", e, flag)
    square = f.op("fmul", x, x)
    y = f.op("fmul", f.polynomial(x, [float(c) for c in LOG]), x)
    y = f.fma(y, square, f.op("fmul", e, float(LN2_LOW)))
    y = f.fma(square, -0.5, y)
    return f.fma(e, float(LN2_HIGH), f.op("fadd", x, y))


def _sincos(f: _Floats, x: str) -> tuple[str, str]:
    """See `random_math.sincos32`."""
    octant = f.cast("fptosi", f.op("fmul", x, float(FOUR_OVER_PI)), f.ty, f.ints)
    octant = f.int_op("and", f.int_op("add", octant, 1), -2)
    y = f.cast("sitofp", octant, f.ints, f.ty)
    for part in MINUS_PI_4:
        x = f.fma(y, float(part), x)
    square = f.op("fmul", x, x)
    cos = f.op("fmul", f.polynomial(square, [float(c) for c in COS]), square)
    cos = f.op("fadd", f.fma(cos, square, f.op("fmul", square, -0.5)), 1.0)
    sin = f.op("fmul", f.polynomial(square, [float(c) for c in SIN]), square)
    sin = f.fma(sin, x, x)
    mask = f.b.let(f"icmp ne {f.ints} {f.int_op('and', octant, 2)}, {_splat(f.ints, '0')}")
    flags = f.ints.replace("i32", "i1")
    parts = []
    for first, second, bit in (
        (cos, sin, f.int_op("and", octant, 4)),
        (sin, cos, f.int_op("xor", f.int_op("and", f.int_op("sub", octant, 2), 4), 4)),
    ):
        chosen = f.b.let(f"select {flags} {mask}, {f.ty} {first}, {f.ty} {second}")
        number = f.cast("bitcast", chosen, f.ty, f.ints)
        signed = f.b.let(f"xor {f.ints} {number}, {f.int_op('shl', bit, 29)}")
        parts.append(f.cast("bitcast", signed, f.ints, f.ty))
    return parts[0], parts[1]


def _normal() -> str:
    """`out` = the normal numbers of `blocks` blocks of 16 words, float32."""
    b = _Body()
    f = _Floats(b, 8)
    mean, std = _spread(b, "float", "%mean", 8), _spread(b, "float", "%std", 8)
    block = b.begin_loop("block", "%blocks", 1)
    first = b.let(f"mul i64 {block}, 16")
    second = b.let(f"add i64 {first}, 8")
    u1 = _uniform24(b, b.load(f.ints, "%words", first, "i32"), 8)
    u2 = _uniform24(b, b.load(f.ints, "%words", second, "i32"), 8)
    radius = f.op("fmul", _log(f, f.op("fsub", 1.0, u1)), -2.0)
    radius = b.let(f"call {f.ty} @llvm.sqrt.v8f32({f.ty} {radius})")
    sin, cos = _sincos(f, f.op("fmul", u2, float(TWO_PI)))
    b.store(f.ty, f.fma(f.op("fmul", cos, radius), std, mean), "%out", first, "float")
    b.store(f.ty, f.fma(f.op("fmul", sin, radius), std, mean), "%out", second, "float")
    b.end_loop("block")
    return _function("normal32", "ptr %words, ptr %out, i64 %blocks, float %mean, float %std", b)


def _permutation(bits: int) -> str:
    """`order` = 0 .. n - 1 after position i, each in order, was exchanged with i + words[i] % (n -
    i): of n - 1 words of 32 or 64 bits.
    """
    b = _Body()
    word = f"i{bits}"
    k = b.begin_loop("k", "%n", 1)
    b.store("i64", k, "%order", k, "i64")
    b.end_loop("k")
    last = b.let("sub i64 %n, 1")
    i = b.begin_loop("i", last, 1)
    width = b.let(f"sub i64 %n, {i}")
    if bits < 64:
        width = b.let(f"trunc i64 {width} to {word}")
    ahead = b.let(f"urem {word} {b.load(word, '%words', i, word)}, {width}")
    if bits < 64:
        ahead = b.let(f"zext {word} {ahead} to i64")
    place = b.let(f"add i64 {i}, {ahead}")
    mine, other = b.load("i64", "%order", i, "i64"), b.load("i64", "%order", place, "i64")
    b.store("i64", other, "%order", i, "i64")
    b.store("i64", mine, "%order", place, "i64")
    b.end_loop("i")
    return _function(f"permutation{bits}", "ptr %words, ptr %order, i64 %n", b)


def _seed_key() -> str:
    """The rest of a key from its first word, the seed: `init_genrand` of the MT19937 reference."""
    b = _Body()
    i = b.begin_loop("i", str(_BLOCK), 1, "1")
    previous = b.load("i32", "%key", b.let(f"sub i64 {i}, 1"), "i32")
    mixed = b.let(f"xor i32 {previous}, {b.let(f'lshr i32 {previous}, 30')}")
    word = b.let(
        f"add i32 {b.let(f'mul i32 {mixed}, 1812433253')}, {b.let(f'trunc i64 {i} to i32')}"
    )
    b.store("i32", word, "%key", i, "i32")
    b.end_loop("i")
    return _function("seed_key", "ptr %key", b)
