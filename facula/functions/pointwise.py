"""Elementwise functions, methods and operators."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..dtypes import bool_, complex128, dtype, float64, get_default_dtype, int64, type_name
from ..ops import elementwise as e
from ..ops import elementwise_rare as rare
from ..ops.movement import ALIAS
from ..ops.record import Op, common_dtype
from ..tensor import Tensor, from_array, wrap
from ..trace.recorder import record, record1, record2
from ..trace.values import WRAPPED, WRAPPED_BOOL, WRAPPED_COMPLEX, Meta, Value
from .registry import public, write_out

Number = (int, float, bool, complex)


def value_of(x: Any, name: str, argument: str = "other") -> Any:
    """A tensor's value, or the number itself. Raises TypeError for anything else."""
    if isinstance(x, Tensor):
        return x._v
    if isinstance(x, Number) or isinstance(x, np.generic):
        return x.item() if isinstance(x, np.generic) and x.dtype.kind in "fiu" else x
    if isinstance(x, np.ndarray):
        return from_array(np.array(x))._v
    raise TypeError(
        f"{name}(): argument '{argument}' (position {1 if argument == 'input' else 2}) must be "
        f"Tensor, not {type(x).__name__}"
    )


def facts(x: Any) -> Meta:
    """The facts of a value or number, for type promotion."""
    if isinstance(x, Value):
        return x.meta
    if isinstance(x, bool):
        return WRAPPED_BOOL
    if isinstance(x, complex):
        return WRAPPED_COMPLEX
    return WRAPPED[-2 if isinstance(x, int) else -1]


def check_tensor(x: Any, name: str, argument: str = "input", position: int = 0) -> None:
    """Raises TypeError with PyTorch's text unless x is a tensor."""
    if not isinstance(x, Tensor):
        place = position or (1 if argument == "input" else 2)
        raise TypeError(
            f"{name}(): argument '{argument}' (position {place}) must be Tensor, not {kind_of(x)}"
        )


def kind_of(x: Any) -> str:
    """The name of a value's type, as PyTorch writes it."""
    name = type(x).__name__
    return f"numpy.{name}" if isinstance(x, (np.ndarray, np.generic)) else name


# ---------------------------------------------------------------- unary functions, from their
# records
def _unary(name: str, op: Op, doc: str, aliases: tuple[str, ...] = ()) -> None:
    predicate = name.startswith(("is", "signbit"))

    def f(input: Tensor) -> Tensor:
        if not isinstance(input, Tensor):
            check_tensor(input, name)
        return wrap(record1(op, input._v))

    f.__name__ = f.__qualname__ = name
    f.__doc__ = doc
    out = not name.startswith("is") and name != "relu"
    public(name, inplace=not predicate, out=out, aliases=aliases)(f)


for _name, _op, _doc, *_rest in (
    ("exp", e.EXP, "e to the power of each element."),
    ("exp2", e.EXP2, "2 to the power of each element."),
    ("expm1", e.EXPM1, "exp(x) - 1, accurate near 0."),
    ("log", e.LOG, "The natural logarithm."),
    ("log2", e.LOG2, "The logarithm to base 2."),
    ("log10", e.LOG10, "The logarithm to base 10."),
    ("log1p", e.LOG1P, "log(1 + x), accurate near 0."),
    ("sqrt", e.SQRT, "The square root."),
    ("rsqrt", e.RSQRT, "1 / sqrt(x)."),
    ("reciprocal", e.RECIPROCAL, "1 / x."),
    ("sin", e.SIN, "The sine, of radians."),
    ("cos", e.COS, "The cosine, of radians."),
    ("tan", e.TAN, "The tangent, of radians."),
    ("asin", e.ASIN, "The inverse sine, in radians.", ("arcsin",)),
    ("acos", e.ACOS, "The inverse cosine, in radians.", ("arccos",)),
    ("atan", e.ATAN, "The inverse tangent, in radians.", ("arctan",)),
    ("sinh", e.SINH, "The hyperbolic sine."),
    ("cosh", e.COSH, "The hyperbolic cosine."),
    ("tanh", e.TANH, "The hyperbolic tangent."),
    ("asinh", rare.ASINH, "The inverse hyperbolic sine.", ("arcsinh",)),
    ("acosh", rare.ACOSH, "The inverse hyperbolic cosine.", ("arccosh",)),
    ("atanh", rare.ATANH, "The inverse hyperbolic tangent.", ("arctanh",)),
    ("sigmoid", e.SIGMOID, "1 / (1 + exp(-x))."),
    ("erf", e.ERF, "The error function."),
    ("erfc", e.ERFC, "The complementary error function."),
    ("erfinv", rare.ERFINV, "The inverse of the error function."),
    ("lgamma", rare.LGAMMA, "log |gamma(x)|."),
    ("digamma", rare.DIGAMMA, "The derivative of log gamma."),
    ("floor", e.FLOOR, "The largest whole number that is not greater."),
    ("ceil", e.CEIL, "The smallest whole number that is not smaller."),
    ("trunc", e.TRUNC, "The whole number next towards zero.", ("fix",)),
    ("relu", e.RELU, "max(x, 0)."),
    ("bitwise_not", e.BITWISE_NOT, "The complement of each bit."),
    ("logical_not", e.LOGICAL_NOT, "True where x is zero."),
    ("isnan", e.ISNAN, "True where x is not a number."),
    ("isinf", e.ISINF, "True where x is infinite."),
    ("isfinite", e.ISFINITE, "True where x is neither infinite nor NaN."),
    ("signbit", e.SIGNBIT, "True where the sign bit is set."),
):
    _unary(_name, _op, _doc, *(_rest or ((),)))


@public(inplace=True, out=True)
def sign(input: Tensor) -> Tensor:
    """-1, 0 or 1 by the sign. Raises NotImplementedError for complex tensors, see sgn."""
    check_tensor(input, "sign")
    if input._v.meta.dtype.is_complex:
        raise NotImplementedError(
            "Unlike NumPy, torch.sign is not intended to support complex numbers. Please use "
            "torch.sgn instead."
        )
    return wrap(record1(e.SIGN, input._v))


@public(inplace=True, out=True)
def sgn(input: Tensor) -> Tensor:
    """The sign; of complex numbers x / |x|, 0 at 0."""
    check_tensor(input, "sgn")
    r = wrap(record1(e.SIGN, input._v))
    r._fn_name = "SgnBackward0"
    return r


@public(inplace=True, out=True)
def square(input: Tensor) -> Tensor:
    """x * x; of bool in int64."""
    check_tensor(input, "square")
    v = input._v
    return wrap(record1(e.SQUARE, e.cast(v, int64) if v.meta.dtype is bool_ else v))


@public(inplace=True, out=True, aliases=("negative",))
def neg(input: Tensor) -> Tensor:
    """-x. Raises RuntimeError for bool."""
    check_tensor(input, "neg")
    if input._v.meta.dtype is bool_:
        raise RuntimeError(
            "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to "
            "invert a mask, use the `~` or `logical_not()` operator instead."
        )
    return wrap(record1(e.NEG, input._v))


@public()
def positive(input: Tensor) -> Tensor:
    """The tensor itself."""
    check_tensor(input, "positive")
    if input._v.meta.dtype is bool_:
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


@public(inplace=True, out=True, aliases=("absolute",))
def abs(input: Tensor) -> Tensor:
    """|x|; of complex numbers the modulus."""
    check_tensor(input, "abs")
    if input._v.meta.dtype is bool_:
        raise NotImplementedError("\"abs_cpu\" not implemented for 'Bool'")
    return wrap(record1(e.COMPLEX_ABS if input._v.meta.dtype.is_complex else e.ABS, input._v))


@public(inplace=True, out=True)
def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """To the nearest whole number, halves to even; or to a number of decimals."""
    check_tensor(input, "round")
    if decimals == 0:
        return wrap(record1(e.ROUND, input._v))
    v = input._v
    if not v.meta.dtype.is_floating_point:
        raise NotImplementedError(f"\"round_cpu\" not implemented for '{type_name(v.meta.dtype)}'")
    scale = float(10 ** __builtins_abs(decimals))
    if decimals > 0:
        return wrap(record2(e.DIV, record1(e.ROUND, record2(e.MUL, v, scale)), scale))
    return wrap(record2(e.MUL, record1(e.ROUND, record2(e.DIV, v, scale)), scale))


def __builtins_abs(x: int) -> int:
    return x if x >= 0 else -x


@public(inplace=True, out=True, grad_name="FracBackward0")
def frac(input: Tensor) -> Tensor:
    """x - trunc(x), of floating-point tensors."""
    check_tensor(input, "frac")
    _only("frac", input._v.meta.dtype, floating=True)
    return input - input.trunc()


def _only(name: str, d: dtype, floating: bool = False) -> None:
    if d.is_complex or floating and not d.is_floating_point:
        raise NotImplementedError(f"\"{name}_cpu\" not implemented for '{type_name(d)}'")


def _floating(input: Tensor) -> Tensor:
    """The tensor; integers as the default float."""
    v = input._v
    return input if v.meta.dtype.is_differentiable else wrap(e.cast(v, get_default_dtype()))


@public(inplace=True, out=True)
def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """log(x / (1 - x)); x is clamped to [eps, 1 - eps] if eps is given."""
    check_tensor(input, "logit")
    _only("logit", input._v.meta.dtype)
    x = _floating(input)
    if eps is not None:
        x = clamp(x, eps, 1 - eps)
    r: Tensor = (x / (1 - x)).log()
    r._fn_name = "LogitBackward0"
    return r


def _turned(name: str, factor: float, doc: str) -> None:
    def f(input: Tensor) -> Tensor:
        check_tensor(input, name)
        if input._v.meta.dtype.is_complex:
            raise RuntimeError(f"{name} is not supported for complex tensors.")
        r: Tensor = input * factor
        r._fn_name = name.title() + "Backward0"  # Deg2Rad
        return r

    f.__name__ = f.__qualname__ = name
    f.__doc__ = doc
    public(name, inplace=True, out=True)(f)


_turned("deg2rad", math.pi / 180, "Degrees as radians.")
_turned("rad2deg", 180 / math.pi, "Radians as degrees.")


@public(inplace=True, out=True)
def sinc(input: Tensor) -> Tensor:
    """sin(pi x) / (pi x), 1 at 0."""
    check_tensor(input, "sinc")
    y = input * math.pi
    zero = input == 0
    r = where(zero, 1.0, y.sin() / where(zero, 1.0, y))
    r._fn_name = "SincBackward0"
    return r


# ---------------------------------------------------------------- arithmetic
def _binary(
    name: str,
    op: Op,
    doc: str,
    inplace: bool = True,
    aliases: tuple[str, ...] = (),
    numbers: str = "both",
) -> Any:
    """numbers: which operands may be Python numbers: both, other, none."""
    divides = op in (e.FLOOR_DIVIDE, e.REMAINDER, e.FMOD)

    def f(input: Any, other: Any) -> Tensor:
        if isinstance(input, Tensor):
            a = input._v
        elif numbers == "both":
            a = _left(input, other, name)
        else:
            check_tensor(input, name)
        if isinstance(other, Tensor):
            b = other._v
        elif numbers == "none":
            check_tensor(other, name)
        else:
            b = value_of(other, name)
            if divides and not isinstance(b, (Value, float, complex)) and b == 0:
                if not facts(a).dtype.is_differentiable:
                    raise RuntimeError("ZeroDivisionError")
        return wrap(record2(op, a, b))

    f.__name__ = f.__qualname__ = name
    f.__doc__ = doc
    return public(name, inplace=inplace, out=True, aliases=aliases)(f)


def _left(input: Any, other: Any, name: str) -> Any:
    """A left operand that is a number: a tensor of its own if the right one is a number too."""
    a = value_of(input, name, "input")
    if isinstance(other, (Tensor, np.ndarray)) or isinstance(a, Value):
        return a
    from .creation import tensor

    return tensor(a)._v


@public(inplace=True, out=True)
def add(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """input + alpha * other."""
    a, b = _left(input, other, "add"), value_of(other, "add")
    if type(alpha) is not int or alpha != 1:
        b = _times_alpha(a, b, alpha)
    return wrap(record2(e.ADD, a, b))


def _times_alpha(a: Any, b: Any, alpha: Any) -> Any:
    """alpha * b, to be added to a. Raises RuntimeError for a kind of number that a sum of their
    dtype does not take.
    """
    d = common_dtype([facts(a), facts(b)])
    if isinstance(alpha, bool) and d is not bool_:
        raise RuntimeError("Boolean alpha only supported for Boolean results.")
    if isinstance(alpha, float) and not d.is_differentiable:
        raise RuntimeError(
            "For integral input tensors, argument alpha must not be a floating point number."
        )
    if alpha == 1:
        return b
    if not isinstance(b, Value):
        return bool(b and alpha) if d is bool_ else b * alpha
    product = record2(e.MUL, b, alpha)
    return e.cast(product, bool_) if d is bool_ else product


@public(inplace=True, out=True, aliases=("subtract",))
def sub(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """input - alpha * other. Raises RuntimeError for a bool operand."""
    a, b = _left(input, other, "sub"), value_of(other, "sub")
    if type(alpha) is not int or alpha != 1:
        e.refuse_bool_difference(facts(a), facts(b))
        b = _times_alpha(a, b, alpha)
    r = wrap(record2(e.SUB, a, b))
    if not isinstance(a, Value):
        r._fn_name = "RsubBackward1"
    return r


@public()
def rsub(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """other - alpha * input."""
    check_tensor(input, "rsub")
    return sub(other, input, alpha=alpha)


mul = _binary("mul", e.MUL, "input * other.", aliases=("multiply",))


@public(inplace=True, out=True, aliases=("divide", "true_divide"))
def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """input / other; rounding_mode None (true division), "trunc" or "floor"."""
    a, b = _left(input, other, "div"), value_of(other, "div")
    if rounding_mode is None:
        return wrap(record2(e.DIV, a, b))
    if type(b) in (int, bool) and b == 0 and not facts(a).dtype.is_differentiable:
        raise RuntimeError("ZeroDivisionError")
    if rounding_mode == "floor":
        r = wrap(record2(e.FLOOR_DIVIDE, a, b))
        r._fn_name = "DivBackward1" if isinstance(other, Tensor) else "DivBackward2"
        return r
    if rounding_mode != "trunc":
        raise RuntimeError(
            "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found "
            f"'{rounding_mode}'"
        )
    if common_dtype([facts(a), facts(b)]).is_differentiable:
        r = wrap(record1(e.TRUNC, record2(e.DIV, a, b)))
        r._fn_name = "DivBackward1" if isinstance(other, Tensor) else "DivBackward2"
        return r
    quotient = record2(e.FLOOR_DIVIDE, a, b)
    rest = record2(e.SUB, a, record2(e.MUL, quotient, b))
    signs_differ = record2(
        e.LOGICAL_AND,
        record2(e.NE, rest, 0),
        record2(e.LT, quotient, 0),
    )
    return wrap(record2(e.ADD, quotient, e.cast(signs_differ, quotient.meta.dtype)))


floor_divide = _binary("floor_divide", e.FLOOR_DIVIDE, "The quotient rounded down.")
remainder = _binary(
    "remainder", e.REMAINDER, "The rest of the division, with the sign of the divisor."
)
fmod = _binary(
    "fmod", e.FMOD, "The rest of the division, with the sign of the dividend.", numbers="other"
)
maximum = _binary("maximum", e.MAXIMUM, "The larger of two; NaN if one is.", False, numbers="none")
minimum = _binary("minimum", e.MINIMUM, "The smaller of two; NaN if one is.", False, numbers="none")
fmax = _binary("fmax", rare.FMAX, "The larger of two; a NaN loses.", False, numbers="none")
fmin = _binary("fmin", rare.FMIN, "The smaller of two; a NaN loses.", False, numbers="none")
atan2 = _binary(
    "atan2", e.ATAN2, "The angle of the point (other, input).", aliases=("arctan2",), numbers="none"
)
copysign = _binary(
    "copysign", rare.COPYSIGN, "The size of input with the sign of other.", numbers="other"
)
nextafter = _binary(
    "nextafter", rare.NEXTAFTER, "The next number after input towards other.", numbers="none"
)
logical_and = _binary("logical_and", e.LOGICAL_AND, "True where both are not zero.", numbers="none")
logical_or = _binary("logical_or", e.LOGICAL_OR, "True where one is not zero.", numbers="none")
logical_xor = _binary(
    "logical_xor", e.LOGICAL_XOR, "True where exactly one is not zero.", numbers="none"
)
bitwise_and = _binary("bitwise_and", e.BITWISE_AND, "The bits that both have.")
bitwise_or = _binary("bitwise_or", e.BITWISE_OR, "The bits that one has.")
bitwise_xor = _binary("bitwise_xor", e.BITWISE_XOR, "The bits that exactly one has.")
bitwise_left_shift = _binary("bitwise_left_shift", e.LEFT_SHIFT, "input * 2 ** other.")
bitwise_right_shift = _binary(
    "bitwise_right_shift", e.RIGHT_SHIFT, "input / 2 ** other, rounded down."
)
eq = _binary("eq", e.EQ, "True where equal.", numbers="other")
ne = _binary("ne", e.NE, "True where not equal.", aliases=("not_equal",), numbers="other")
lt = _binary("lt", e.LT, "True where input < other.", aliases=("less",), numbers="other")
le = _binary("le", e.LE, "True where input <= other.", aliases=("less_equal",), numbers="other")
gt = _binary("gt", e.GT, "True where input > other.", aliases=("greater",), numbers="other")
ge = _binary("ge", e.GE, "True where input >= other.", aliases=("greater_equal",), numbers="other")


_ROOTS = {0.5: e.SQRT, -0.5: e.RSQRT, -1: e.RECIPROCAL}  # exponents for which there is less to do


@public(inplace=True, out=True)
def pow(input: Any, exponent: Any) -> Tensor:
    """input to the power of exponent."""
    a, b, root = value_of(input, "pow", "input"), value_of(exponent, "pow", "exponent"), None
    if not isinstance(a, Value) and not isinstance(b, Value):
        raise TypeError("pow(): one of the arguments must be a Tensor")
    if b is True and isinstance(a, Value):
        return wrap(record1(e.CLONE, a))
    if type(b) in (int, float) and isinstance(a, Value) and a.meta.dtype is not bool_:
        d = a.meta.dtype
        if not d.is_differentiable and type(b) is int and b < 0:
            raise RuntimeError("Integers to negative integer powers are not allowed.")
        if d.is_differentiable or type(b) is int:
            if b == 2:
                return wrap(record1(e.SQUARE, a))
            if b == 3:
                return wrap(record1(e.CUBE, a))
        if d.is_floating_point or (b == 0.5 and d.is_complex):
            root = _ROOTS.get(b)
    r = wrap(record2(e.POW, a, b) if root is None else record1(root, a))
    kind = 1 if isinstance(a, Value) and isinstance(b, Value) else 0 if isinstance(a, Value) else 2
    r._fn_name = f"PowBackward{kind}"
    return r


def _power_dtype(input: Any, exponent: Any) -> dtype:
    complex_ = any(
        x.is_complex() if isinstance(x, Tensor) else isinstance(x, complex)
        for x in (input, exponent)
    )
    return complex128 if complex_ else float64


@public("float_power")
def float_power(input: Any, exponent: Any, *, out: Tensor | None = None) -> Tensor:
    """input to the power of exponent, in double precision."""
    d = _power_dtype(input, exponent)
    if out is not None and out.dtype is not d:
        raise RuntimeError(
            f"the output given to float_power has dtype {type_name(out.dtype)} but the "
            "operation's result requires "
            f"dtype {type_name(d)}"
        )

    def double(x: Any) -> Any:
        if isinstance(x, Tensor):
            return wrap(e.cast(x._v, d))
        value_of(x, "float_power", "exponent")
        return complex(x) if d is complex128 else float(x)

    r = pow(double(input), double(exponent))
    return r if out is None else write_out(r, out)


def _float_power_(self: Tensor, exponent: Any) -> Tensor:
    """In-place form of `float_power`, of float64 or complex128 tensors."""
    d = _power_dtype(self, exponent)
    if self.dtype is not d:
        raise RuntimeError(
            f"the base given to float_power_ has dtype {type_name(self.dtype)} but the "
            "operation's result requires "
            f"dtype {type_name(d)}"
        )
    return self._write(float_power(self, exponent)._v)


Tensor.float_power_ = _float_power_  # type: ignore[attr-defined]
logaddexp = _binary(
    "logaddexp",
    rare.LOGADDEXP,
    "log(exp(input) + exp(other)), without overflow.",
    False,
    numbers="none",
)
logaddexp2 = _binary(
    "logaddexp2",
    rare.LOGADDEXP2,
    "log2(2 ** input + 2 ** other), without overflow.",
    False,
    numbers="none",
)
hypot = _binary(
    "hypot", rare.HYPOT, "sqrt(input ** 2 + other ** 2), without overflow.", numbers="none"
)
xlogy = _binary("xlogy", rare.XLOGY, "input * log(other), 0 where input is 0.")
gcd = _binary("gcd", rare.GCD, "The greatest common divisor of integers.", numbers="none")
lcm = _binary("lcm", rare.LCM, "The least common multiple of integers.", numbers="none")


@public(inplace=True, out=True)
def heaviside(input: Tensor, values: Tensor) -> Tensor:
    """0 where input < 0, 1 where input > 0, values where input is 0. The dtypes must agree."""
    check_tensor(input, "heaviside")
    check_tensor(values, "heaviside", "values")
    if input.dtype is not values.dtype:
        raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")
    return wrap(record2(rare.HEAVISIDE, input._v, values._v))


@public(inplace=True, out=True)
def ldexp(input: Tensor, other: Tensor) -> Tensor:
    """input * 2 ** other."""
    check_tensor(input, "ldexp")
    check_tensor(other, "ldexp")
    return input * pow(2.0, other)


# ---------------------------------------------------------------- choosing
@public(out=True)
def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """input where the condition holds, other elsewhere. With a condition alone: its nonzero
    positions.
    """
    if input is None and other is None:
        return condition.nonzero(as_tuple=True)
    check_tensor(condition, "where", "condition")
    return wrap(
        record(e.WHERE, (condition._v, value_of(input, "where", "input"), value_of(other, "where")))
    )


def _tensor_where(self: Tensor, condition: Tensor, other: Any) -> Tensor:
    """This tensor where the condition holds, other elsewhere."""
    return where(condition, self, other)


Tensor.where = _tensor_where  # type: ignore[attr-defined]


@public(inplace=True, out=True, aliases=("clip",))
def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """Elements limited to [min, max]; either may be None."""
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    v = input._v
    for bound in (min, max):
        if isinstance(bound, float) and not v.meta.dtype.is_differentiable:
            v = e.cast(v, get_default_dtype())
            break
    e.refuse_complex_clamp(v.meta.dtype)
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        limited = wrap(_between_tensors(v, min, max))
        limited._fn_name = "ClampBackward0"
        return limited
    # the gradient passes where the element was not limited, at the bounds too
    r, inside = v, None
    for op, limit, bound in ((e.GE, e.MAXIMUM, min), (e.LE, e.MINIMUM, max)):
        if bound is None:
            continue
        bound = value_of(bound, "clamp")
        if v.meta.requires_grad:
            test = record2(op, v, bound)
            inside = test if inside is None else record2(e.LOGICAL_AND, inside, test)
            r = record1(ALIAS, r) if r is v else r
        r = record2(limit, r, bound)
    if inside is None:
        return wrap(r)
    out = wrap(record(e.WHERE, (inside, v, r)))
    out._fn_name = "ClampBackward1"
    return out


def _between_tensors(v: Any, low: Any, high: Any) -> Any:
    """v limited by bounds of which one is a tensor; at a bound the gradient goes to v."""
    for op, limit, bound in ((e.LT, e.MAXIMUM, low), (e.GT, e.MINIMUM, high)):
        if bound is None:
            continue
        bound = value_of(bound, "clamp")
        tracked = v.meta.requires_grad or isinstance(bound, Value) and bound.meta.requires_grad
        if not tracked:
            v = record2(limit, v, bound)
            continue
        outside = record2(op, v, bound)
        if isinstance(bound, Value):
            outside = record2(e.LOGICAL_OR, outside, record1(e.ISNAN, bound))
        v = record(e.WHERE, (outside, bound, v))
    return v


@public(inplace=True, out=True, grad_name="ClampMinBackward0")
def clamp_min(input: Tensor, min: Any) -> Tensor:
    """Elements not smaller than min."""
    return clamp(input, min=min)


@public(inplace=True, out=True, grad_name="ClampMaxBackward0")
def clamp_max(input: Tensor, max: Any) -> Tensor:
    """Elements not larger than max."""
    return clamp(input, max=max)


@public(inplace=True, out=True, grad_name="NanToNumBackward0")
def nan_to_num(
    input: Tensor, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """NaN and infinities replaced; by 0 and the dtype's largest and smallest number by default."""
    from ..dtypes import finfo

    d = input._v.meta.dtype
    if not d.is_floating_point:
        return input.clone()
    limits = finfo(d)
    high = limits.max if posinf is None else posinf
    low = limits.min if neginf is None else neginf
    r = where(input.isnan(), nan, input)
    r = where(input == math.inf, high, r)
    return where(input == -math.inf, low, r)


@public(inplace=True)
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """value where the mask is True, the element elsewhere."""
    if mask.dtype is not bool_:
        raise RuntimeError(
            f"masked_fill_ only supports boolean masks, but got mask with dtype {mask.dtype.name}"
        )
    if isinstance(value, Tensor) and value.ndim:
        raise RuntimeError(
            "masked_fill only supports a 0-dimensional value tensor, but got tensor with "
            f"{value.ndim} dimension(s)."
        )
    fill = (
        e.cast(value._v, input.dtype)
        if isinstance(value, Tensor)
        else input.dtype.np.type(value).item()
    )
    if input.dtype.name == "bfloat16":
        fill = float(value) if not isinstance(value, Tensor) else fill
    r = wrap(record(e.WHERE, (mask._v, fill, input._v)))
    r._fn_name = "MaskedFillBackward0"
    return r
