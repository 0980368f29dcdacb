"""Formulas over LLVM values, written as Python expressions, and the table of functions.

A `Number` wraps a value of the emitter so that a polynomial reads like one: operators emit
instructions, plain Python numbers become constants of the other operand's type. No fast-math flag
is ever set: the functions rely on exact rounding (error-free subtractions, rounding by adding a
large number), so kernels must not be compiled with `unsafe-fp-math` either. `fma` must be an
instruction (FMA3 on x86).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

from .emitter import Emitter, V
from .vector_math_coefficients import COEFFICIENTS

_MANY_TERMS = 7  # from which a sum in pairs is worth its squares


def literal(value: float, element: str) -> str:
    """The text of a constant of LLVM type `element` ("float", "double" or an integer type).

    A float is written as the hexadecimal bits of the double that equals it, LLVM's exact form.
    """
    if element == "float":
        if abs(value) > 3.4028235677973366e38:
            value = math.copysign(math.inf, value)
        value = struct.unpack("f", struct.pack("f", value))[0]
    if element in ("float", "double"):
        return f"0x{struct.unpack('Q', struct.pack('d', value))[0]:016X}"
    return str(int(value))


class Number:
    """A scalar or vector under construction: floats, integers or (from comparisons) booleans."""

    __slots__ = ("e", "v", "element", "lanes")

    def __init__(self, e: Emitter, v: V) -> None:
        self.e, self.v = e, v
        if v.ty.startswith("<"):
            count, self.element = v.ty[1:-1].split(" x ")
            self.lanes = int(count)
        else:
            self.element, self.lanes = v.ty, 0

    # Types and constants

    @property
    def is_double(self) -> bool:
        return self.element == "double"

    @property
    def is_floating(self) -> bool:
        return self.element in ("float", "double")

    def type_of(self, element: str) -> str:
        """The LLVM type with this value's lanes and another element."""
        return f"<{self.lanes} x {element}>" if self.lanes else element

    def const(self, value: float, element: str = "") -> Number:
        """A constant in every lane, of this value's type or another element."""
        element = element or self.element
        return Number(self.e, self.e.splat(literal(value, element), self.type_of(element)))

    def pick(self, single: float, double: float) -> float:
        """The one of two Python numbers that belongs to this precision."""
        return double if self.is_double else single

    def coefficients(self, name: str) -> tuple[float, ...]:
        return COEFFICIENTS[name, self.element]

    def _coerce(self, other: Number | float) -> Number:
        return other if isinstance(other, Number) else self.const(other)

    # Arithmetic

    def _binary(self, floating: str, integer: str, other: Number | float) -> Number:
        opcode = floating if self.is_floating else integer
        return Number(self.e, self.e.binary(opcode, self.v, self._coerce(other).v))

    def __add__(self, other: Number | float) -> Number:
        return self._binary("fadd", "add", other)

    def __sub__(self, other: Number | float) -> Number:
        return self._binary("fsub", "sub", other)

    def __mul__(self, other: Number | float) -> Number:
        return self._binary("fmul", "mul", other)

    def __truediv__(self, other: Number) -> Number:
        return self._binary("fdiv", "sdiv", other)

    def __radd__(self, other: float) -> Number:
        return self.const(other) + self

    def __rsub__(self, other: float) -> Number:
        return self.const(other) - self

    def __rmul__(self, other: float) -> Number:
        return self.const(other) * self

    def __rtruediv__(self, other: float) -> Number:
        return self.const(other) / self

    def __neg__(self) -> Number:
        return Number(self.e, self.e.unary("fneg", self.v)) if self.is_floating else 0 - self

    def __and__(self, other: Number | float) -> Number:
        return self._binary("", "and", other)

    def __or__(self, other: Number | float) -> Number:
        return self._binary("", "or", other)

    def __xor__(self, other: Number | float) -> Number:
        return self._binary("", "xor", other)

    def __invert__(self) -> Number:
        return self ^ -1

    def __lshift__(self, other: int) -> Number:
        return self._binary("", "shl", other)

    def __rshift__(self, other: int) -> Number:
        """Arithmetic shift: the sign is kept."""
        return self._binary("", "ashr", other)

    # Comparisons give booleans; every one is false for a NaN, except `is_nan`

    def _compare(self, predicate: str, other: Number | float) -> Number:
        opcode, prefix = ("fcmp", "o") if self.is_floating else ("icmp", "s")
        if predicate in ("eq", "ne") and not self.is_floating:
            prefix = ""
        ty = self.type_of("i1")
        right = self._coerce(other).v.name
        text = f"{opcode} {prefix}{predicate} {self.v.ty} {self.v.name}, {right}"
        return Number(self.e, self.e.let(ty, text))

    def __lt__(self, other: Number | float) -> Number:
        return self._compare("lt", other)

    def __le__(self, other: Number | float) -> Number:
        return self._compare("le", other)

    def __gt__(self, other: Number | float) -> Number:
        return self._compare("gt", other)

    def __ge__(self, other: Number | float) -> Number:
        return self._compare("ge", other)

    def equals(self, other: Number | float) -> Number:
        return self._compare("eq", other)

    def differs(self, other: Number | float) -> Number:
        return self._compare("ne", other)

    def is_nan(self) -> Number:
        return self.unordered(self)

    def unordered(self, other: Number) -> Number:
        """Whether this or `other` is NaN."""
        text = f"fcmp uno {self.v.ty} {self.v.name}, {other.v.name}"
        return Number(self.e, self.e.let(self.type_of("i1"), text))

    # Instructions that LLVM offers as intrinsics

    def _intrinsic(self, name: str, *others: Number) -> Number:
        kind = "f64" if self.is_double else "f32"
        suffix = f"v{self.lanes}{kind}" if self.lanes else kind
        arguments = (self.v, *(o.v for o in others))
        return Number(self.e, self.e.intrinsic(f"llvm.{name}.{suffix}", self.v.ty, *arguments))

    def __abs__(self) -> Number:
        return self._intrinsic("fabs")

    def sqrt(self) -> Number:
        return self._intrinsic("sqrt")

    def floor(self) -> Number:
        return self._intrinsic("floor")

    def ceil(self) -> Number:
        return self._intrinsic("ceil")

    def trunc(self) -> Number:
        return self._intrinsic("trunc")

    def round_even(self) -> Number:
        return self._intrinsic("roundeven")

    def copysign(self, sign: Number | float) -> Number:
        return self._intrinsic("copysign", self._coerce(sign))

    # Conversions

    def _convert(self, opcode: str, element: str) -> Number:
        return Number(self.e, self.e.convert(opcode, self.v, self.type_of(element)))

    def bits(self) -> Number:
        """The floats' bits as integers of the same width."""
        return self._convert("bitcast", "i64" if self.is_double else "i32")

    def as_float(self) -> Number:
        """The floats that these integers are the bits of."""
        return self._convert("bitcast", "double" if self.element == "i64" else "float")

    def to_double(self) -> Number:
        return self if self.is_double else self._convert("fpext", "double")

    def to_single(self) -> Number:
        return self._convert("fptrunc", "float")

    def to_float(self) -> Number:
        """Signed integers to floats of the same width."""
        return self._convert("sitofp", "double" if self.element == "i64" else "float")

    def low_half(self) -> Number:
        """The low 32 bits of 64-bit integers."""
        return self._convert("trunc", "i32")


def fma(a: Number, b: Number | float, c: Number | float) -> Number:
    """a * b + c, rounded once."""
    return a._intrinsic("fma", a._coerce(b), a._coerce(c))


def where(condition: Number, a: Number | float, b: Number | float) -> Number:
    """a where the condition holds, else b; one of a and b must be a Number."""
    like = a if isinstance(a, Number) else b
    assert isinstance(like, Number)
    return Number(like.e, like.e.select(condition.v, like._coerce(a).v, like._coerce(b).v))


def horner(x: Number, coefficients: Sequence[float]) -> Number:
    """The polynomial with these coefficients, lowest power first, by fused multiply-adds."""
    result: Number = x.const(coefficients[-1])
    for c in reversed(coefficients[:-1]):
        result = fma(result, x, c)
    return result


def polynomial(x: Number, coefficients: Sequence[float]) -> Number:
    """As `horner`, and where there are many coefficients by Estrin's scheme: terms in pairs, pairs
    in pairs. Fewer multiply-adds wait for the one before, and a processor looks ahead no further
    than over a few vectors. Rounding errors may be larger where x is.
    """
    if len(coefficients) < _MANY_TERMS:
        return horner(x, coefficients)
    terms: list[Number | float] = list(coefficients)
    while True:
        pairs = [fma(x, high, low) for low, high in zip(terms[::2], terms[1::2], strict=False)]
        if len(terms) == 2:
            return pairs[0]
        terms = [*pairs, *terms[2 * len(pairs) :]]
        x = x * x


def clamp_below(x: Number, low: float) -> Number:
    """max(x, low) that keeps a NaN."""
    return where(x < low, low, x)


def clamp_above(x: Number, high: float) -> Number:
    """min(x, high) that keeps a NaN."""
    return where(x > high, high, x)


Formula = Callable[..., Number]


class Function(NamedTuple):
    """A mathematical function: its formula and the largest errors measured for (float, double)."""

    operands: int
    formula: Formula
    ulp: tuple[float, float]


FORMULAS: dict[str, Function] = {}
"""Every function by name; a function is recorded here and nowhere else."""


def function(
    name: str, operands: int = 1, ulp: tuple[float, float] = (0, 0)
) -> Callable[[Formula], Formula]:
    """Records a formula as the function `name` with these errors in units of the last place."""

    def record(formula: Formula) -> Formula:
        FORMULAS[name] = Function(operands, formula, ulp)
        return formula

    return record


def through_double(formula: Formula) -> Formula:
    """Computes single precision in double and rounds once: for functions that are rarely hot."""

    def wrapped(*operands: Number) -> Number:
        if operands[0].is_double:
            return formula(*operands)
        return formula(*(x.to_double() for x in operands)).to_single()

    wrapped.__doc__, wrapped.__name__ = formula.__doc__, formula.__name__
    return wrapped
