"""Elementwise primitives: one record each, with its NumPy function and its gradient in ops.

`n` in a gradient is the recorded call: `n.i(k)` its k-th operand, `n.o()` its result (both are
thereby values needed for backward), `n.needs[k]` whether operand k needs a gradient, `n.attrs` its
attributes. The engine sums a gradient over broadcast axes and converts it to the operand's dtype.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..dtypes import BY_NAME, bool_, dtype, type_name
from ..trace.recorder import record, record1, record2
from ..trace.values import Meta, Value, meta
from . import special
from .elementwise_logic import BITWISE_AND as BITWISE_AND
from .elementwise_logic import BITWISE_NOT as BITWISE_NOT
from .elementwise_logic import BITWISE_OR as BITWISE_OR
from .elementwise_logic import BITWISE_XOR as BITWISE_XOR
from .elementwise_logic import EQ as EQ
from .elementwise_logic import GE as GE
from .elementwise_logic import GT as GT
from .elementwise_logic import ISFINITE as ISFINITE
from .elementwise_logic import ISINF as ISINF
from .elementwise_logic import ISNAN as ISNAN
from .elementwise_logic import LE as LE
from .elementwise_logic import LEFT_SHIFT as LEFT_SHIFT
from .elementwise_logic import LOGICAL_AND as LOGICAL_AND
from .elementwise_logic import LOGICAL_NOT as LOGICAL_NOT
from .elementwise_logic import LOGICAL_OR as LOGICAL_OR
from .elementwise_logic import LOGICAL_XOR as LOGICAL_XOR
from .elementwise_logic import LT as LT
from .elementwise_logic import NE as NE
from .elementwise_logic import RIGHT_SHIFT as RIGHT_SHIFT
from .elementwise_logic import SIGNBIT as SIGNBIT
from .elementwise_op import elementwise as _elementwise
from .record import (
    Example,
    Op,
    Operand,
    check_broadcast,
    common_dtype,
    convert,
    elementwise_example,
)

# Gradients name ops that are defined further down.
TRUNC: Op
SIGN: Op
COS: Op
COSH: Op
CONJ: Op
COMPLEX: Op


def _conj(v: Any) -> Any:
    return record1(CONJ, v) if isinstance(v, Value) and v.meta.dtype.is_complex else v


def _guard(op: Op, check: Callable[[Sequence[Meta]], None]) -> None:
    """Makes the op's rule look at its operands' facts first."""
    rule = op.rule

    def checked(metas: Sequence[Meta], attrs: tuple[Any, ...]) -> tuple[Meta, ...]:
        check(metas)
        return rule(metas, attrs)

    op.rule = checked


# Short names for use in gradients (and by composites on values).
def add(a: Any, b: Any) -> Value:
    return record2(ADD, a, b)


def sub(a: Any, b: Any) -> Value:
    return record2(SUB, a, b)


def mul(a: Any, b: Any) -> Value:
    return record2(MUL, a, b)


def div(a: Any, b: Any) -> Value:
    return record2(DIV, a, b)


def neg(a: Value) -> Value:
    return record1(NEG, a)


def power(a: Any, b: Any) -> Value:
    return record2(POW, a, b)


def where(c: Value, a: Any, b: Any) -> Value:
    return record(WHERE, (c, a, b))


def cast(a: Value, d: dtype) -> Value:
    """The value in another dtype; itself if it has that dtype."""
    return a if a.meta.dtype is d else record1(CAST, a, (d.name,))


def _both(
    da: Callable[..., Any], db: Callable[..., Any]
) -> Callable[..., tuple[Value | None, Value | None]]:
    """A gradient of two operands from the two one-sided ones; each runs only where it is needed."""

    def gradient(n: Any, g: Value) -> tuple[Value | None, Value | None]:
        return (da(n, g) if n.needs[0] else None, db(n, g) if n.needs[1] else None)

    return gradient


def _same(n: Any, g: Value) -> Value:
    return g


def _one(rule: Callable[..., Value]) -> Callable[..., tuple[Value]]:
    return lambda n, g: (rule(n, g),)


# ---------------------------------------------------------------- arithmetic
ADD = _elementwise("add", np.add, gradient=_both(_same, _same), arity=2)
SUB = _elementwise(
    "sub", np.subtract, gradient=_both(_same, lambda n, g: neg(g)), arity=2, dtypes="ifc"
)


def refuse_bool_difference(a: Meta, b: Meta) -> None:
    """Raises RuntimeError where an operand of a subtraction is bool."""
    if a.dtype is bool_ and b.dtype is bool_:
        raise RuntimeError(
            "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or "
            "`logical_xor()` operator instead."
        )
    if a.dtype is bool_ or b.dtype is bool_:
        raise RuntimeError(
            "Subtraction, the `-` operator, with a bool tensor is not supported. If you are "
            "trying to invert a mask, use the `~` or `logical_not()` operator instead."
        )


_guard(SUB, lambda metas: refuse_bool_difference(*metas))
MUL = _elementwise(
    "mul",
    np.multiply,
    gradient=_both(lambda n, g: mul(g, _conj(n.i(1))), lambda n, g: mul(g, _conj(n.i(0)))),
    arity=2,
)
DIV = _elementwise(
    "div",
    np.divide,
    "float",
    _both(
        lambda n, g: div(g, _conj(n.i(1))),
        lambda n, g: neg(mul(g, _conj(div(div(n.i(0), n.i(1)), n.i(1))))),
    ),
    arity=2,
)
NEG = _elementwise("neg", np.negative, gradient=_one(lambda n, g: neg(g)), dtypes="ifc")


def _pow_reference(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    if x.dtype.kind in "iub":  # integer powers wrap; negative exponents give 0 except for bases +-1
        negative = y < 0
        r = np.power(x, np.where(negative, 0, y))
        if negative.any():
            minus = np.where(y % 2 == 0, 1, -1)
            tiny = np.where(x == 1, 1, np.where(x == -1, minus, 0))
            r = np.where(negative, tiny, r)
        return np.asarray(r, dtype=x.dtype)
    return np.asarray(np.power(x, y))


def _pow_base(n: Any, g: Value) -> Value:
    x, y = n.i(0), n.i(1)
    one_less = power(x, sub(y, 1))
    r = mul(g, _conj(mul(y, one_less)))
    return where(record2(EQ, y, 0), 0.0, r)


def _pow_exponent(n: Any, g: Value) -> Value:
    x, y, out = n.i(0), n.i(1), n.o()
    r = mul(g, _conj(mul(out, record1(LOG, x if isinstance(x, Value) else scalar_like(x, out)))))
    base_zero = record2(EQ, x, 0)
    part = record1(REAL, y) if isinstance(y, Value) and y.meta.dtype.is_complex else y
    return where(record2(LOGICAL_AND, base_zero, record2(GE, part, 0)), 0.0, r)


def scalar_like(x: Any, like: Value) -> Value:
    """A Python number as a 0-d value of the dtype of `like`."""
    zero = mul(where(record1(ISNAN, like), 0.0, 0.0), 0.0)
    return add(cast(zero, like.meta.dtype), x)


POW = _elementwise(
    "pow",
    _pow_reference,
    gradient=_both(_pow_base, _pow_exponent),
    domain=(0.3, 2.5),
    arity=2,
    dtypes="ifc",
)
# Powers with a small constant exponent, kept in the path: x * x is not a call of pow.
SQUARE = _elementwise(
    "square",
    np.square,
    gradient=_one(lambda n, g: mul(g, mul(_conj(n.i(0)), 2))),
    grad_name="PowBackward0",
)
CUBE = _elementwise(
    "cube",
    lambda x: x * x * x,
    gradient=_one(lambda n, g: mul(g, mul(record1(SQUARE, _conj(n.i(0))), 3))),
    grad_name="PowBackward0",
)


def _square_lower(b: Any, ins: list[int], node: Any) -> list[int]:
    v = b.cast(ins[0], node.meta.dtype)
    r = b.add("mul", (v, v), node.meta.shape, node.meta.dtype, host=np.multiply)
    if node.op is CUBE:
        r = b.add("mul", (r, v), node.meta.shape, node.meta.dtype, host=np.multiply)
    return [r]


SQUARE.lower = CUBE.lower = _square_lower


def _floor_divide(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    if x.dtype.kind in "iu" and (np.asarray(y) == 0).any():
        raise RuntimeError("ZeroDivisionError")
    return np.asarray(np.floor_divide(x, y))


def _remainder(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    if x.dtype.kind in "iu" and (np.asarray(y) == 0).any():
        raise RuntimeError("ZeroDivisionError")
    return np.asarray(np.remainder(x, y))


def _fmod(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    if x.dtype.kind in "iu" and (np.asarray(y) == 0).any():
        raise RuntimeError("ZeroDivisionError")
    return np.asarray(np.fmod(x, y))


FLOOR_DIVIDE = _elementwise(
    "floor_divide",
    _floor_divide,
    gradient=_both(lambda n, g: mul(g, 0.0), lambda n, g: mul(g, 0.0)),
    grad_name="DivBackward1",
    domain=(0.55, 0.95),
    arity=2,
    dtypes="if",
)
REMAINDER = _elementwise(
    "remainder",
    _remainder,
    gradient=_both(_same, lambda n, g: neg(mul(g, record2(FLOOR_DIVIDE, n.i(0), n.i(1))))),
    domain=(0.5, 4.0),
    arity=2,
    dtypes="if",
)
FMOD = _elementwise(
    "fmod",
    _fmod,
    gradient=_both(_same, lambda n, g: neg(mul(g, record1(TRUNC, div(n.i(0), n.i(1)))))),
    domain=(0.5, 4.0),
    arity=2,
    dtypes="if",
)


def _checked(inner: Any) -> Any:
    """Compiled code does not notice a zero among integer divisors: where they are a tensor, the
    reference runs.
    """

    def lower(b: Any, ins: list[int], node: Any) -> list[int] | None:
        if not node.meta.dtype.is_integral or b.meta(node.ins[1]).wrapped:
            return inner(b, ins, node)
        return None

    return lower


for _op in (FLOOR_DIVIDE, REMAINDER, FMOD):
    _op.lower = _checked(_op.lower)
for _op in (REMAINDER, FMOD):
    assert _op.example is not None  # compiled code is exact up to quotients of 2**195, NaN beyond
    _op.example.special = tuple(x for x in _op.example.special if not 0.0 < abs(x) < 1e-10)


def _pick(predicate: str) -> Callable[..., tuple[Value | None, Value | None]]:
    """Gradient of maximum and minimum: to the one taken, half to each where they are equal."""

    def gradient(n: Any, g: Value) -> tuple[Value | None, Value | None]:
        a, b = n.i(0), n.i(1)
        half = where(record2(EQ, a, b), mul(g, 0.5), g)
        first, second = (GE, LE) if predicate == "max" else (LE, GE)
        return (
            where(record2(first, a, b), half, 0.0) if n.needs[0] else None,
            where(record2(second, a, b), half, 0.0) if n.needs[1] else None,
        )

    return gradient


MAXIMUM = _elementwise("maximum", np.maximum, gradient=_pick("max"), arity=2, dtypes="bif")
MINIMUM = _elementwise("minimum", np.minimum, gradient=_pick("min"), arity=2, dtypes="bif")


ATAN2 = _elementwise(
    "atan2",
    np.arctan2,
    "float",
    _both(
        lambda n, g: mul(g, div(n.i(1), add(mul(n.i(0), n.i(0)), mul(n.i(1), n.i(1))))),
        lambda n, g: neg(mul(g, div(n.i(0), add(mul(n.i(0), n.i(0)), mul(n.i(1), n.i(1)))))),
    ),
    domain=(0.3, 3.0),
    arity=2,
    dtypes="bif",
)

# ---------------------------------------------------------------- unary
ABS = _elementwise(
    "abs", np.abs, gradient=_one(lambda n, g: mul(g, record1(SIGN, n.i(0)))), domain=(0.2, 3.0)
)


def _sign(x: np.ndarray) -> np.ndarray:
    return (
        np.where(np.isnan(x), 0, np.sign(x)).astype(x.dtype) if x.dtype.kind == "f" else np.sign(x)
    )


ZERO_GRADIENT = _one(lambda n, g: mul(g, 0.0))


def _sign_gradient(n: Any, g: Value) -> tuple[Value]:
    """0; of complex numbers the part of g across the direction of x, by |x|."""
    if not n.meta(0).dtype.is_complex:
        return (mul(g, 0.0),)
    out, size = n.o(), record1(COMPLEX_ABS, n.i(0))
    size = where(record2(EQ, size, 0), 1.0, size)
    along = record1(REAL, mul(g, _conj(out)))
    return (div(sub(g, mul(out, along)), size),)


SIGN = _elementwise(
    "sign",
    lambda x: x if x.dtype == np.bool_ else _sign(x),
    gradient=_sign_gradient,
    domain=(0.2, 3.0),
)
FLOOR = _elementwise("floor", np.floor, gradient=ZERO_GRADIENT, domain=(0.1, 0.9), dtypes="if")
CEIL = _elementwise("ceil", np.ceil, gradient=ZERO_GRADIENT, domain=(0.1, 0.9), dtypes="if")
TRUNC = _elementwise("trunc", np.trunc, gradient=ZERO_GRADIENT, domain=(0.1, 0.9), dtypes="if")
ROUND = _elementwise("round", np.rint, gradient=ZERO_GRADIENT, domain=(0.1, 0.4), dtypes="if")


def _refuse_rounding(name: str) -> Callable[[Sequence[Meta]], None]:
    def check(metas: Sequence[Meta]) -> None:
        d = metas[0].dtype
        if d.is_complex and name != "round":
            raise NotImplementedError(f"{name} is not supported for complex inputs")
        if d.is_complex or d is bool_:
            raise NotImplementedError(f"\"{name}_vml_cpu\" not implemented for '{type_name(d)}'")

    return check


for _op in (FLOOR, CEIL, TRUNC, ROUND):
    _guard(_op, _refuse_rounding(_op.name))
for _op in (FLOOR, CEIL, TRUNC, ROUND):  # integers are whole already

    def _whole(inner: Any) -> Any:
        return lambda arrays, attrs, metas: (
            arrays[0] if arrays[0].dtype.kind in "iub" else inner(arrays, attrs, metas)
        )

    def _whole_lower(inner: Any) -> Any:
        return lambda b, ins, node: (
            list(ins) if not node.meta.dtype.is_differentiable else inner(b, ins, node)
        )

    _op.reference, _op.lower = _whole(_op.reference), _whole_lower(_op.lower)

EXP = _elementwise("exp", np.exp, "float", _one(lambda n, g: mul(g, _conj(n.o()))))
EXP2 = _elementwise(
    "exp2", np.exp2, "float", _one(lambda n, g: mul(g, mul(_conj(n.o()), math.log(2.0))))
)
EXPM1 = _elementwise("expm1", np.expm1, "float", _one(lambda n, g: mul(g, add(_conj(n.o()), 1.0))))
LOG = _elementwise(
    "log", np.log, "float", _one(lambda n, g: div(g, _conj(n.i(0)))), domain=(0.2, 4.0)
)
LOG2 = _elementwise(
    "log2",
    np.log2,
    "float",
    _one(lambda n, g: div(g, mul(_conj(n.i(0)), math.log(2.0)))),
    domain=(0.2, 4.0),
)
LOG10 = _elementwise(
    "log10",
    np.log10,
    "float",
    _one(lambda n, g: div(g, mul(_conj(n.i(0)), math.log(10.0)))),
    domain=(0.2, 4.0),
)
LOG1P = _elementwise(
    "log1p",
    np.log1p,
    "float",
    _one(lambda n, g: div(g, add(_conj(n.i(0)), 1.0))),
    domain=(-0.5, 3.0),
)
SQRT = _elementwise(
    "sqrt", np.sqrt, "float", _one(lambda n, g: div(g, mul(_conj(n.o()), 2.0))), domain=(0.2, 4.0)
)
RSQRT = _elementwise(
    "rsqrt",
    lambda x: 1 / np.sqrt(x),
    "float",
    _one(lambda n, g: mul(mul(g, -0.5), record1(CUBE, _conj(n.o())))),
    domain=(0.2, 4.0),
)
RECIPROCAL = _elementwise(
    "reciprocal",
    np.reciprocal,
    "float",
    _one(lambda n, g: neg(mul(g, _conj(record1(SQUARE, n.o()))))),
    domain=(0.3, 3.0),
)
SIN = _elementwise("sin", np.sin, "float", _one(lambda n, g: mul(g, _conj(record1(COS, n.i(0))))))
COS = _elementwise(
    "cos", np.cos, "float", _one(lambda n, g: neg(mul(g, _conj(record1(SIN, n.i(0))))))
)
TAN = _elementwise(
    "tan",
    np.tan,
    "float",
    _one(lambda n, g: mul(g, add(record1(SQUARE, _conj(n.o())), 1.0))),
    domain=(-1.2, 1.2),
)
ASIN = _elementwise(
    "asin",
    np.arcsin,
    "float",
    _one(lambda n, g: mul(g, _conj(record1(RSQRT, sub(1.0, record1(SQUARE, n.i(0))))))),
    domain=(-0.9, 0.9),
)
ACOS = _elementwise(
    "acos",
    np.arccos,
    "float",
    _one(lambda n, g: neg(mul(g, _conj(record1(RSQRT, sub(1.0, record1(SQUARE, n.i(0)))))))),
    domain=(-0.9, 0.9),
)
for _op in (SIN, COS, TAN):
    assert _op.example is not None
    _op.example.reach = 2.0**51  # compiled code reduces doubles exactly up to here
ATAN = _elementwise(
    "atan", np.arctan, "float", _one(lambda n, g: div(g, add(record1(SQUARE, _conj(n.i(0))), 1.0)))
)
SINH = _elementwise(
    "sinh", np.sinh, "float", _one(lambda n, g: mul(g, _conj(record1(COSH, n.i(0)))))
)
COSH = _elementwise(
    "cosh", np.cosh, "float", _one(lambda n, g: mul(g, _conj(record1(SINH, n.i(0)))))
)
TANH = _elementwise(
    "tanh", np.tanh, "float", _one(lambda n, g: mul(g, sub(1.0, record1(SQUARE, _conj(n.o())))))
)
SIGMOID = _elementwise(
    "sigmoid",
    special.sigmoid,
    "float",
    _one(lambda n, g: mul(g, _conj(mul(sub(1.0, n.o()), n.o())))),
)
_TWO_BY_ROOT_PI = 2.0 / math.sqrt(math.pi)


def _gauss(x: Value, factor: float) -> Value:
    return mul(record1(EXP, neg(record1(SQUARE, x))), factor)


ERF = _elementwise(
    "erf",
    special.erf,
    "float",
    _one(lambda n, g: mul(g, _gauss(n.i(0), _TWO_BY_ROOT_PI))),
    dtypes="bif",
)
ERFC = _elementwise(
    "erfc",
    special.erfc,
    "float",
    _one(lambda n, g: mul(g, _gauss(n.i(0), -_TWO_BY_ROOT_PI))),
    dtypes="bif",
)
RELU = _elementwise(
    "relu",
    lambda x: np.maximum(x, 0),
    gradient=_one(lambda n, g: where(record2(GT, n.o(), 0), g, 0.0)),
    domain=(0.2, 3.0),
    dtypes="if",
)


def refuse_complex_clamp(d: dtype) -> None:
    """Raises NotImplementedError for a complex dtype, which has no order."""
    if d.is_complex:
        raise NotImplementedError("clamp is not supported for complex types")


def _refuse_relu(metas: Sequence[Meta]) -> None:
    d = metas[0].dtype
    if d is bool_:
        raise RuntimeError("Boolean inputs not supported for relu")
    refuse_complex_clamp(d)


_guard(RELU, _refuse_relu)


# ---------------------------------------------------------------- where, cast, complex parts
def _where_rule(metas: Any, attrs: Any) -> Any:
    c, a, b = metas
    if c.dtype.name not in ("bool", "uint8"):
        raise RuntimeError(
            "where expected condition to be a boolean tensor, but got a tensor with dtype "
            f"{type_name(c.dtype)}"
        )
    d = common_dtype((a, b))
    return (meta(check_broadcast(metas), d),)


def _where_reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    c, a, b = arrays
    d = metas[0].dtype
    return np.where(np.asarray(c) != 0, convert(np.asarray(a), d), convert(np.asarray(b), d))


def _where_lower(b: Any, ins: list[int], node: Any) -> list[int]:
    out = node.meta
    c = b.expand(b.cast(ins[0], BY_NAME["bool"]), out.shape)
    xs = [b.expand(b.cast(v, out.dtype), out.shape) for v in ins[1:]]
    return [b.add("where", (c, *xs), out.shape, out.dtype, host=np.where)]


WHERE = Op(
    "where",
    "ternary",
    _where_rule,
    _where_reference,
    lambda n, g: (
        None,
        where(n.i(0), g, 0.0) if n.needs[1] else None,
        where(n.i(0), 0.0, g) if n.needs[2] else None,
    ),
    _where_lower,
    example=Example(
        *(
            ((Operand(c, "mask"), a, b), ())
            for c, a, b in (
                ((), (), ()),
                ((0,), (1,), (0,)),
                ((7,), (7,), (7,)),
                ((3, 17), (17,), (3, 1)),
                ((5,), (), (4, 5)),
                ((250, 301), (301,), (250, 1)),
            )
        ),
        ((Operand((6,), "mask"), (6,), Operand((), "number")), ()),
        ((Operand((6,), "mask"), Operand((), "number"), (6,)), ()),
    ),
)


def _cast_lower(b: Any, ins: list[int], node: Any) -> list[int]:
    return [b.cast(ins[0], node.meta.dtype)]


CAST = Op(
    "cast",
    "convert",
    lambda metas, attrs: (meta(metas[0].shape, BY_NAME[attrs[0]]),),
    lambda arrays, attrs, metas: convert(np.asarray(arrays[0]), metas[0].dtype),
    lambda n, g: (g,),  # the engine converts it back
    _cast_lower,
    "ToCopyBackward0",
    example=Example(
        *((((3, 7),), (name,)) for name in BY_NAME),
        *(((s,), ("float64",)) for s in ((), (0,), (301, 250))),
    ),
)


_COMPLEX_EXAMPLE = elementwise_example(1, "c")


def _real_rule(metas: Any, attrs: Any) -> Any:
    return (meta(metas[0].shape, metas[0].dtype.to_real()),)


def _part_lower(name: str, function: Any) -> Any:
    """The node `name` from complex numbers to real ones, which the compiler takes apart."""

    def lower(b: Any, ins: list[int], node: Any) -> list[int]:
        return [b.add(name, tuple(ins), node.meta.shape, node.meta.dtype, (), function)]

    return lower


def _joined(re: np.ndarray, im: np.ndarray) -> np.ndarray:
    """Complex numbers of their parts. `re + 1j * im` is NaN where `im` is infinite."""
    shape = np.broadcast_shapes(np.shape(re), np.shape(im))
    out = np.empty(shape, np.complex128 if np.asarray(re).dtype == np.float64 else np.complex64)
    out.real, out.imag = re, im
    return out


def _complex_lower(b: Any, ins: list[int], node: Any) -> list[int]:
    out = node.meta
    parts = [b.expand(b.cast(v, out.dtype.to_real()), out.shape) for v in ins]
    return [b.add("complex", tuple(parts), out.shape, out.dtype, (), _joined)]


CONJ = _elementwise("conj", np.conj, gradient=_one(lambda n, g: record1(CONJ, g)))
REAL = Op(
    "real",
    "convert",
    _real_rule,
    lambda arrays, attrs, metas: np.real(arrays[0]),
    lambda n, g: (cast(g, n.meta(0).dtype),),
    _part_lower("real", np.real),
    example=_COMPLEX_EXAMPLE,
)
IMAG = Op(
    "imag",
    "convert",
    _real_rule,
    lambda arrays, attrs, metas: np.imag(arrays[0]),
    lambda n, g: (record2(COMPLEX, mul(g, 0.0), g),),
    _part_lower("imag", np.imag),
    example=_COMPLEX_EXAMPLE,
)
COMPLEX = Op(
    "complex",
    "convert",
    lambda metas, attrs: (meta(check_broadcast(metas), metas[0].dtype.to_complex()),),
    lambda arrays, attrs, metas: _joined(*arrays),
    lambda n, g: (record1(REAL, g), record1(IMAG, g)),
    _complex_lower,
    example=Example(
        *(((a, b), ()) for a, b in (((), ()), ((0,), (1,)), ((3, 17), (17,)))), dtypes="f"
    ),
)
COMPLEX_ABS = Op(
    "complex_abs",
    "convert",
    _real_rule,
    lambda arrays, attrs, metas: np.abs(arrays[0]),
    lambda n, g: (mul(g, div(n.i(0), where(record2(EQ, n.o(), 0), 1.0, n.o()))),),
    _part_lower("complex_abs", np.abs),
    grad_name="AbsBackward0",
    example=_COMPLEX_EXAMPLE,
)
# A copy: the value itself, as memory of its own.
CLONE = Op(
    "clone",
    "convert",
    lambda metas, attrs: (meta(metas[0].shape, metas[0].dtype),),
    lambda arrays, attrs, metas: np.array(arrays[0], copy=True),
    lambda n, g: (g,),
    lambda b, ins, node: [ins[0]],
    example=Example((((),), ()), (((0, 2),), ()), (((3, 7),), ()), (((301, 250),), ())),
)
