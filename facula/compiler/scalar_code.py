"""The code of one elementwise op, for scalars and vectors alike.

Everything that computes element by element goes through `emit_op`: map and reduction kernels and
the formulas of optimizer updates. Dtypes are short tags here: f32 f64 f16 fb16 (bfloat16) i64 i32
i16 i8 u8 b1. A bool is an i1 in registers and a byte in memory. A 16-bit float is a float in
registers, one of those that it can hold: arithmetic is done in f32 and rounded by a cast, so that
only what is exact has code of its own.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from .. import dtypes
from . import half_precision
from .emitter import Emitter, V, lanes_of, vec

TAGS = {
    dtypes.float32: "f32",
    dtypes.float64: "f64",
    dtypes.int64: "i64",
    dtypes.float16: "f16",
    dtypes.bfloat16: "fb16",
    dtypes.int32: "i32",
    dtypes.int16: "i16",
    dtypes.int8: "i8",
    dtypes.uint8: "u8",
    dtypes.bool_: "b1",
}
REGISTER = {
    "f32": "float", "f64": "double", "f16": "float", "fb16": "float", "i64": "i64", "i32": "i32",
    "i16": "i16", "i8": "i8", "u8": "i8", "b1": "i1",
}  # fmt: skip
MEMORY = {**REGISTER, "f16": "i16", "fb16": "i16", "b1": "i8"}
SIZE = {
    "f32": 4, "f64": 8, "f16": 2, "fb16": 2, "i64": 8, "i32": 4, "i16": 2, "i8": 1, "u8": 1,
    "b1": 1,
}  # fmt: skip
BITS = {"i64": 64, "i32": 32, "i16": 16, "i8": 8, "u8": 8}
HALVES = ("f16", "fb16")
# What is exact on 16-bit floats.
_EXACT = frozenset("neg abs sign relu maximum minimum isnan isinf isfinite copysign".split())
SUFFIX = {"float": "f32", "double": "f64"}

# What LLVM does in one or a few instructions; the rest of the float functions is in vector_math.
SIMPLE_UNARY = frozenset(
    "neg abs sign sqrt rsqrt reciprocal relu floor ceil trunc round isnan isinf isfinite"
    " logical_not bitwise_not".split()
)
MATH_UNARY = frozenset(
    "exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan sinh cosh tanh asinh acosh"
    " atanh sigmoid erf erfc normal_tail bell".split()
)
UNARY = SIMPLE_UNARY | MATH_UNARY
SIMPLE_BINARY = frozenset(
    "add sub mul div maximum minimum bitwise_and bitwise_or bitwise_xor left_shift right_shift"
    " logical_and logical_or logical_xor copysign".split()
)
MATH_BINARY = frozenset("pow atan2 fmod remainder floor_divide".split())
BINARY = SIMPLE_BINARY | MATH_BINARY
COMPARE = {"eq": "oeq", "ne": "une", "lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge"}
ELEMENTWISE = UNARY | BINARY | frozenset(COMPARE) | {"where", "cast", "copy"}
# Ops that cost so much that a stored result beats computing them again.
HEAVY = MATH_UNARY | MATH_BINARY | {"div", "sqrt", "rsqrt", "reciprocal", "take", "gather"}

_FLOAT_ONLY = MATH_UNARY | {
    "sqrt", "rsqrt", "reciprocal", "floor", "ceil", "trunc", "round", "div", "atan2", "copysign",
}  # fmt: skip
_INT_ONLY = frozenset(
    "bitwise_and bitwise_or bitwise_xor left_shift right_shift bitwise_not".split()
)
_INT_BINARY = frozenset("add sub mul maximum minimum fmod remainder floor_divide".split())


def native(op: str, tag: str) -> bool:
    """Whether `op` on operands of dtype `tag` has code here."""
    if op in COMPARE or op in ("where", "cast", "copy", "logical_not") or op.startswith("logical_"):
        return True
    if tag in HALVES:
        return op in _EXACT
    if tag in ("f32", "f64"):
        if op in MATH_UNARY or op in MATH_BINARY:
            from . import vector_math

            return op in (vector_math.UNARY if op in MATH_UNARY else vector_math.BINARY)
        return op not in _INT_ONLY
    if op in _FLOAT_ONLY:
        return False
    if op in _INT_ONLY:
        return tag != "b1" or "shift" not in op
    if tag == "b1":
        return op in ("maximum", "minimum", "mul", "add", "isnan", "isinf", "isfinite")
    return op in _INT_BINARY or op in ("neg", "abs", "sign", "relu", "isnan", "isinf", "isfinite")


def element_of(ty: str) -> str:
    return ty.rstrip(">").split(" x ")[1] if ty.startswith("<") else ty


def literal(value: Any, tag: str) -> str:
    """A Python number as an LLVM literal of dtype `tag`."""
    if tag[0] == "f":
        try:
            number = float(value)
            if tag != "f64":
                code = "<e" if tag == "f16" else "<f"
                number = struct.unpack(code, struct.pack(code, number))[0]
            if tag == "fb16":
                number = _bfloat16(number)
        except OverflowError:
            number = float("inf") if value > 0 else float("-inf")
        return f"0x{struct.unpack('<Q', struct.pack('<d', number))[0]:016X}"
    if tag == "b1":
        return "true" if value else "false"
    bits = BITS[tag]
    number = int(value) & ((1 << bits) - 1)
    return str(number - (1 << bits) if number >> (bits - 1) else number)


def _bfloat16(number: float) -> float:
    """A float32 rounded to the nearest bfloat16, to the even one of two."""
    (bits,) = struct.unpack("<I", struct.pack("<f", number))
    if number != number:
        return number
    bits = bits + 0x7FFF + (bits >> 16 & 1) & 0xFFFF0000
    rounded: float = struct.unpack("<f", struct.pack("<I", bits))[0]
    return rounded


def constant(e: Emitter, value: Any, tag: str, lanes: int) -> V:
    return e.splat(literal(value, tag), vec(REGISTER[tag], lanes))


def broadcast(e: Emitter, x: V, lanes: int) -> V:
    """A scalar in every lane."""
    if lanes == 1 or x.ty.startswith("<"):
        return x
    ty = vec(x.ty, lanes)
    if not x.name.startswith("%"):
        return e.splat(x.name, ty)
    one = e.let(ty, f"insertelement {ty} poison, {x}, i64 0")
    return e.let(ty, f"shufflevector {ty} {one.name}, {ty} poison, <{lanes} x i32> zeroinitializer")


def float_call(e: Emitter, name: str, x: V, *more: V) -> V:
    """llvm.<name> for the floating-point type of x."""
    lanes, element = lanes_of(x.ty), element_of(x.ty)
    suffix = SUFFIX[element] if lanes == 1 else f"v{lanes}{SUFFIX[element]}"
    return e.intrinsic(f"llvm.{name}.{suffix}", x.ty, x, *more)


def truth(e: Emitter, x: V, tag: str) -> V:
    """x != 0."""
    if tag == "b1":
        return x
    zero = constant(e, 0, tag, lanes_of(x.ty))
    if tag in ("f32", "f64"):
        return e.compare("fcmp", "une", x, zero)
    return e.compare("icmp", "ne", x, zero)


def cast(e: Emitter, x: V, source: str, target: str) -> V:
    """Conversion with PyTorch's rules: float to int truncates, to bool is `!= 0`."""
    if source == target:
        return x
    if target == "b1":
        return truth(e, x, source)
    lanes = lanes_of(x.ty)
    ty = vec(REGISTER[target], lanes)
    if target in HALVES:
        return _rounded(e, cast(e, x, source, "f32"), target)
    if source in HALVES:
        source = "f32"
        if target == "f32":
            return x
    from_float, to_float = source[0] == "f", target[0] == "f"
    if from_float and to_float:
        return e.convert("fpext" if target == "f64" else "fptrunc", x, ty)
    if from_float:
        wide = e.convert("fptosi", x, vec("i64", lanes))
        return wide if target == "i64" else e.convert("trunc", wide, ty)
    if to_float:
        if source == "b1":
            one, zero = constant(e, 1, target, lanes), constant(e, 0, target, lanes)
            return e.select(x, one, zero)
        return e.convert("uitofp" if source == "u8" else "sitofp", x, ty)
    if SIZE[target] <= SIZE[source]:
        return x if x.ty == ty else e.convert("zext" if source == "b1" else "trunc", x, ty)
    return e.convert("zext" if source in ("u8", "b1") else "sext", x, ty)


def _rounded(e: Emitter, x: V, tag: str) -> V:
    """A float as the nearest one that a 16-bit float can hold."""
    lanes = lanes_of(x.ty)
    if tag == "f16":
        return half_precision.widened(e, half_precision.narrowed(e, x))
    ty = vec("i32", lanes)
    bits = e.convert("bitcast", x, ty)
    odd = e.binary("and", e.binary("lshr", bits, e.splat("16", ty)), e.splat("1", ty))
    up = e.binary("add", e.binary("add", bits, odd), e.splat(str(0x7FFF), ty))
    kept = e.convert("bitcast", e.binary("and", up, e.splat(str(-0x10000), ty)), x.ty)
    return e.select(e.compare("fcmp", "uno", x, x), x, kept)


def extremum(e: Emitter, x: V, y: V, tag: str, largest: bool) -> V:
    """max or min of x and y; NaN wins."""
    if tag == "b1":
        return e.binary("or" if largest else "and", x, y)
    if tag[0] == "f":
        over = e.compare("fcmp", "ogt" if largest else "olt", x, y)
        best = e.select(over, x, y)
        return e.select(e.compare("fcmp", "uno", x, x), x, best)
    sign = "u" if tag == "u8" else "s"
    return e.select(e.compare("icmp", sign + ("gt" if largest else "lt"), x, y), x, y)


def _unary(e: Emitter, op: str, x: V, tag: str) -> V:
    lanes = lanes_of(x.ty)
    is_float = tag[0] == "f"
    zero = constant(e, 0, tag, lanes)
    if op == "logical_not" or (op == "bitwise_not" and tag == "b1"):
        return e.binary("xor", truth(e, x, tag), e.splat("true", vec("i1", lanes)))
    if op in ("isnan", "isinf", "isfinite"):
        if not is_float:
            return e.splat("true" if op == "isfinite" else "false", vec("i1", lanes))
        if op == "isnan":
            return e.compare("fcmp", "uno", x, x)
        infinite = constant(e, float("inf"), tag, lanes)
        size = float_call(e, "fabs", x)
        return e.compare("fcmp", "oeq" if op == "isinf" else "olt", size, infinite)
    if is_float:
        return _unary_float(e, op, x, tag, zero)
    if op == "neg":
        return e.binary("sub", zero, x)
    if op == "bitwise_not":
        return e.binary("xor", x, constant(e, -1, tag, lanes))
    if tag == "u8":
        if op == "sign":
            one = constant(e, 1, tag, lanes)
            return e.select(e.compare("icmp", "ne", x, zero), one, zero)
        return x  # abs, relu
    negative = e.compare("icmp", "slt", x, zero)
    if op == "relu":
        return e.select(negative, zero, x)
    if op == "abs":
        return e.select(negative, e.binary("sub", zero, x), x)
    assert op == "sign", op
    positive = e.convert("zext", e.compare("icmp", "sgt", x, zero), x.ty)
    return e.select(negative, constant(e, -1, tag, lanes), positive)


def _unary_float(e: Emitter, op: str, x: V, tag: str, zero: V) -> V:
    lanes = lanes_of(x.ty)
    if op == "neg":
        return e.unary("fneg", x)
    if op == "abs":
        return float_call(e, "fabs", x)
    if op in ("sqrt", "floor", "ceil", "trunc"):
        return float_call(e, op, x)
    if op == "round":
        return float_call(e, "roundeven", x)
    if op == "relu":
        return e.select(e.compare("fcmp", "olt", x, zero), zero, x)
    one = constant(e, 1, tag, lanes)
    if op == "reciprocal":
        return e.binary("fdiv", one, x)
    if op == "rsqrt":
        return e.binary("fdiv", one, float_call(e, "sqrt", x))
    if op == "sign":
        up = e.select(e.compare("fcmp", "ogt", x, zero), one, zero)
        return e.select(
            e.compare("fcmp", "olt", x, zero), constant(e, -1, tag, lanes), up
        )  # NaN: 0
    from . import vector_math

    return vector_math.emit(e, op, x)


def _divide_int(e: Emitter, op: str, x: V, y: V, tag: str) -> V:
    """fmod, remainder, floor_divide of integers. A division by zero gives 0, as NumPy's."""
    lanes = lanes_of(x.ty)
    zero, one = constant(e, 0, tag, lanes), constant(e, 1, tag, lanes)
    by_zero = e.compare("icmp", "eq", y, zero)
    if tag == "u8":
        safe = e.select(by_zero, one, y)
        out = e.binary("udiv" if op == "floor_divide" else "urem", x, safe)
        return e.select(by_zero, zero, out)
    # The quotient of the least integer by -1 traps: -1 is handled by negation.
    minus = e.compare("icmp", "eq", y, constant(e, -1, tag, lanes))
    safe = e.select(e.binary("or", by_zero, minus), one, y)
    rest = e.select(minus, zero, e.binary("srem", x, safe))
    if op == "fmod":
        return e.select(by_zero, zero, rest)
    opposite = e.compare("icmp", "slt", e.binary("xor", rest, safe), zero)
    fix = e.binary("and", e.compare("icmp", "ne", rest, zero), opposite)
    if op == "remainder":
        out = e.select(fix, e.binary("add", rest, y), rest)
        return e.select(by_zero, zero, out)
    quotient = e.select(minus, e.binary("sub", zero, x), e.binary("sdiv", x, safe))
    out = e.select(fix, e.binary("sub", quotient, one), quotient)
    return e.select(by_zero, zero, out)


def _shift(e: Emitter, op: str, x: V, y: V, tag: str) -> V:
    """Shifts; by the width or more gives what shifting one by one would."""
    lanes = lanes_of(x.ty)
    width = constant(e, BITS[tag], tag, lanes)
    over = e.compare("icmp", "uge", y, width)
    safe = e.select(over, constant(e, BITS[tag] - 1, tag, lanes), y)
    if op == "right_shift" and tag != "u8":
        return e.binary("ashr", x, safe)
    out = e.binary("shl" if op == "left_shift" else "lshr", x, safe)
    return e.select(over, constant(e, 0, tag, lanes), out)


def _binary(e: Emitter, op: str, x: V, y: V, tag: str) -> V:
    if op.startswith("logical_"):
        opcode = {"logical_and": "and", "logical_or": "or", "logical_xor": "xor"}[op]
        return e.binary(opcode, truth(e, x, tag), truth(e, y, tag))
    if op.startswith("bitwise_"):
        return e.binary(op[8:], x, y)
    if op in ("maximum", "minimum"):
        return extremum(e, x, y, tag, op == "maximum")
    if tag == "b1":
        return e.binary("and" if op == "mul" else "or", x, y)
    if op in ("add", "sub", "mul", "div"):
        return e.binary(("f" if tag[0] == "f" else "") + op, x, y)
    if op in ("left_shift", "right_shift"):
        return _shift(e, op, x, y, tag)
    if tag[0] != "f":
        return _divide_int(e, op, x, y, tag)
    if op == "copysign":
        return float_call(e, "copysign", x, y)
    from . import vector_math

    return vector_math.emit2(e, op, x, y)


def emit_op(e: Emitter, op: str, args: Sequence[V], tag: str, out: str) -> V:
    """The value of `op`. `tag` is the dtype of the (last) operand, `out` that of the result."""
    if op == "cast":
        return cast(e, args[0], tag, out)
    if op == "copy":
        return args[0]
    if op == "where":
        return e.select(args[0], args[1], args[2])
    if op in COMPARE:
        if tag[0] == "f":
            return e.compare("fcmp", COMPARE[op], args[0], args[1])
        predicate = op if op in ("eq", "ne") else ("u" if tag in ("u8", "b1") else "s") + op
        return e.compare("icmp", predicate, args[0], args[1])
    if op in UNARY:
        return _unary(e, op, args[0], tag)
    return _binary(e, op, args[0], args[1], tag)
