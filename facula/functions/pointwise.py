"""Elementwise functions, methods and operators."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..dtypes import bool_, can_cast, dtype, get_default_dtype, promote_types
from ..ops import elementwise as e
from ..ops.record import Op, common_dtype
from ..tensor import Tensor, type_name, wrap
from ..trace.recorder import WRAPPED, WRAPPED_BOOL, WRAPPED_COMPLEX, record, record1, record2
from ..trace.values import Meta, Value
from .registry import public

Number = (int, float, bool, complex)


def value_of(x: Any, name: str, argument: str = "other") -> Any:
    """A tensor's value, or the number itself. Raises TypeError for anything else."""
    if isinstance(x, Tensor):
        return x._v
    if isinstance(x, Number) or isinstance(x, np.generic):
        return x.item() if isinstance(x, np.generic) and x.dtype.kind in "fiu" else x
    if isinstance(x, np.ndarray) and x.ndim == 0:
        return x.item()
    raise TypeError(
        f"{name}(): argument '{argument}' must be Tensor or Number, not {type(x).__name__}"
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


def check_tensor(x: Any, name: str, argument: str = "input") -> None:
    if not isinstance(x, Tensor):
        raise TypeError(f"{name}(): argument '{argument}' must be Tensor, not {type(x).__name__}")


# ---------------------------------------------------------------- unary functions, from their records
def _unary(name: str, op: Op, doc: str, aliases: tuple[str, ...] = (), inplace: bool = True) -> None:
    def f(input: Tensor) -> Tensor:
        if not isinstance(input, Tensor):
            check_tensor(input, name)
        return wrap(record1(op, input._v))

    f.__name__ = f.__qualname__ = name
    f.__doc__ = doc
    public(name, inplace=inplace, out=True, aliases=aliases)(f)


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
    ("asinh", e.ASINH, "The inverse hyperbolic sine.", ("arcsinh",)),
    ("acosh", e.ACOSH, "The inverse hyperbolic cosine.", ("arccosh",)),
    ("atanh", e.ATANH, "The inverse hyperbolic tangent.", ("arctanh",)),
    ("sigmoid", e.SIGMOID, "1 / (1 + exp(-x))."),
    ("erf", e.ERF, "The error function."),
    ("erfc", e.ERFC, "The complementary error function."),
    ("erfinv", e.ERFINV, "The inverse of the error function."),
    ("lgamma", e.LGAMMA, "log |gamma(x)|."),
    ("digamma", e.DIGAMMA, "The derivative of log gamma."),
    ("floor", e.FLOOR, "The largest whole number that is not greater."),
    ("ceil", e.CEIL, "The smallest whole number that is not smaller."),
    ("trunc", e.TRUNC, "The whole number next towards zero.", ("fix",)),
    ("relu", e.RELU, "max(x, 0)."),
    ("square", e.SQUARE, "x * x."),
    ("bitwise_not", e.BITWISE_NOT, "The complement of each bit."),
    ("logical_not", e.LOGICAL_NOT, "True where x is zero."),
    ("isnan", e.ISNAN, "True where x is not a number."),
    ("isinf", e.ISINF, "True where x is infinite."),
    ("isfinite", e.ISFINITE, "True where x is neither infinite nor NaN."),
    ("signbit", e.SIGNBIT, "True where the sign bit is set."),
    ("sign", e.SIGN, "-1, 0 or 1 by the sign."),
):
    _unary(_name, _op, _doc, *(_rest or ((),)), inplace=not _name.startswith(("is", "signbit")))  # type: ignore[arg-type]

NAMES_SIGN = ("sgn",)
public("sgn", inplace=True)(lambda input: wrap(record1(e.SIGN, input._v)))


@public(inplace=True, out=True, aliases=("negative",))
def neg(input: Tensor) -> Tensor:
    """-x. Raises RuntimeError for bool."""
    if input._v.meta.dtype is bool_:
        raise RuntimeError(
            "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, "
            "use the `~` or `logical_not()` operator instead."
        )
    return wrap(record1(e.NEG, input._v))


@public()
def positive(input: Tensor) -> Tensor:
    """The tensor itself."""
    if input._v.meta.dtype is bool_:
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


@public(inplace=True, out=True, aliases=("absolute",))
def abs(input: Tensor) -> Tensor:
    """|x|; of complex numbers the modulus."""
    return wrap(record1(e.COMPLEX_ABS if input._v.meta.dtype.is_complex else e.ABS, input._v))


@public(inplace=True, out=True)
def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """To the nearest whole number, halves to even; or to a number of decimals."""
    if decimals == 0:
        return wrap(record1(e.ROUND, input._v))
    scale = float(10 ** __builtins_abs(decimals))
    v = input._v
    if decimals > 0:
        return wrap(record2(e.DIV, record1(e.ROUND, record2(e.MUL, v, scale)), scale))
    return wrap(record2(e.MUL, record1(e.ROUND, record2(e.DIV, v, scale)), scale))


def __builtins_abs(x: int) -> int:
    return x if x >= 0 else -x


@public(inplace=True, out=True)
def frac(input: Tensor) -> Tensor:
    """x - trunc(x)."""
    return input - input.trunc()  # type: ignore[attr-defined,no-any-return]


@public(inplace=True)
def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """log(x / (1 - x)); x is clamped to [eps, 1 - eps] if eps is given."""
    x = input if eps is None else clamp(input, eps, 1 - eps)
    return (x / (1 - x)).log()  # type: ignore[no-any-return]


@public(inplace=True)
def deg2rad(input: Tensor) -> Tensor:
    """Degrees as radians."""
    return input * (math.pi / 180)


@public(inplace=True)
def rad2deg(input: Tensor) -> Tensor:
    """Radians as degrees."""
    return input * (180 / math.pi)


@public(inplace=True)
def sinc(input: Tensor) -> Tensor:
    """sin(pi x) / (pi x), 1 at 0."""
    y = input * math.pi
    zero = input == 0
    return where(zero, 1.0, y.sin() / where(zero, 1.0, y))


# ---------------------------------------------------------------- arithmetic
def _binary(
    name: str, op: Op, doc: str, inplace: bool = True, aliases: tuple[str, ...] = (), numbers: bool = True
) -> Any:
    def f(input: Any, other: Any) -> Tensor:
        a = input._v if isinstance(input, Tensor) else value_of(input, name, "input")
        b = other._v if isinstance(other, Tensor) else value_of(other, name)
        if not isinstance(a, Value) and not isinstance(b, Value):
            raise TypeError(f"{name}(): one of the arguments must be a Tensor")
        return wrap(record2(op, a, b))

    f.__name__ = f.__qualname__ = name
    f.__doc__ = doc
    return public(name, inplace=inplace, out=True, aliases=aliases)(f)


@public(inplace=True, out=True)
def add(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """input + alpha * other."""
    a, b = value_of(input, "add", "input"), value_of(other, "add")
    if alpha != 1:
        _check_alpha(alpha, a, b)
        b = record2(e.MUL, b, alpha) if isinstance(b, Value) else b * alpha
    return wrap(record2(e.ADD, a, b))


def _check_alpha(alpha: Any, a: Any, b: Any) -> None:
    if isinstance(alpha, float) and not common_dtype([facts(a), facts(b)]).is_differentiable:
        raise RuntimeError("For integral input tensors, argument alpha must not be a floating point number.")


@public(inplace=True, out=True, aliases=("subtract",))
def sub(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """input - alpha * other. Raises RuntimeError for two bool operands."""
    a, b = value_of(input, "sub", "input"), value_of(other, "sub")
    if facts(a).dtype is bool_ and facts(b).dtype is bool_:
        raise RuntimeError(
            "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` "
            "operator instead."
        )
    for x in (a, b):
        if isinstance(x, (Value, bool)) and facts(x).dtype is bool_:
            raise RuntimeError(
                "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a "
                "mask, use the `~` or `logical_not()` operator instead."
            )
    if alpha != 1:
        _check_alpha(alpha, a, b)
        b = record2(e.MUL, b, alpha) if isinstance(b, Value) else b * alpha
    return wrap(record2(e.SUB, a, b))


@public()
def rsub(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """other - alpha * input."""
    return sub(other, input, alpha=alpha)  # type: ignore[no-any-return]


mul = _binary("mul", e.MUL, "input * other.", aliases=("multiply",))


@public(inplace=True, out=True, aliases=("divide", "true_divide"))
def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """input / other; rounding_mode None (true division), "trunc" or "floor"."""
    a, b = value_of(input, "div", "input"), value_of(other, "div")
    if rounding_mode is None:
        return wrap(record2(e.DIV, a, b))
    if rounding_mode == "floor":
        return wrap(record2(e.FLOOR_DIVIDE, a, b))
    if rounding_mode != "trunc":
        raise RuntimeError(
            "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found "
            f"'{rounding_mode}'"
        )
    if common_dtype([facts(a), facts(b)]).is_differentiable:
        return wrap(record1(e.TRUNC, record2(e.DIV, a, b)))
    quotient = record2(e.FLOOR_DIVIDE, a, b)
    rest = record2(e.SUB, a, record2(e.MUL, quotient, b))
    signs_differ = record2(
        e.LOGICAL_AND,
        record2(e.NE, rest, 0),
        record2(e.LT, quotient, 0),
    )
    return wrap(record2(e.ADD, quotient, e.cast(signs_differ, quotient.meta.dtype)))


floor_divide = _binary("floor_divide", e.FLOOR_DIVIDE, "The quotient rounded down.")
remainder = _binary("remainder", e.REMAINDER, "The rest of the division, with the sign of the divisor.")
fmod = _binary("fmod", e.FMOD, "The rest of the division, with the sign of the dividend.")
maximum = _binary("maximum", e.MAXIMUM, "The larger of two; NaN if one is.", False)
minimum = _binary("minimum", e.MINIMUM, "The smaller of two; NaN if one is.", False)
fmax = _binary("fmax", e.FMAX, "The larger of two; a NaN loses.", False)
fmin = _binary("fmin", e.FMIN, "The smaller of two; a NaN loses.", False)
atan2 = _binary("atan2", e.ATAN2, "The angle of the point (other, input).", aliases=("arctan2",))
copysign = _binary("copysign", e.COPYSIGN, "The size of input with the sign of other.")
nextafter = _binary("nextafter", e.NEXTAFTER, "The next number after input towards other.")
logical_and = _binary("logical_and", e.LOGICAL_AND, "True where both are not zero.")
logical_or = _binary("logical_or", e.LOGICAL_OR, "True where one is not zero.")
logical_xor = _binary("logical_xor", e.LOGICAL_XOR, "True where exactly one is not zero.")
bitwise_and = _binary("bitwise_and", e.BITWISE_AND, "The bits that both have.")
bitwise_or = _binary("bitwise_or", e.BITWISE_OR, "The bits that one has.")
bitwise_xor = _binary("bitwise_xor", e.BITWISE_XOR, "The bits that exactly one has.")
bitwise_left_shift = _binary("bitwise_left_shift", e.LEFT_SHIFT, "input * 2 ** other.")
bitwise_right_shift = _binary("bitwise_right_shift", e.RIGHT_SHIFT, "input / 2 ** other, rounded down.")
eq = _binary("eq", e.EQ, "True where equal.")
ne = _binary("ne", e.NE, "True where not equal.", aliases=("not_equal",))
lt = _binary("lt", e.LT, "True where input < other.", aliases=("less",))
le = _binary("le", e.LE, "True where input <= other.", aliases=("less_equal",))
gt = _binary("gt", e.GT, "True where input > other.", aliases=("greater",))
ge = _binary("ge", e.GE, "True where input >= other.", aliases=("greater_equal",))


@public(inplace=True, out=True)
def pow(input: Any, exponent: Any) -> Tensor:
    """input to the power of exponent."""
    a, b = value_of(input, "pow", "input"), value_of(exponent, "pow", "exponent")
    if type(b) in (int, float) and isinstance(a, Value):
        d = a.meta.dtype
        if not d.is_differentiable and type(b) is int and b < 0:
            raise RuntimeError("Integers to negative integer powers are not allowed.")
        if d.is_differentiable or type(b) is int:
            if b == 2:
                return wrap(record1(e.SQUARE, a))
            if b == 3:
                return wrap(record1(e.CUBE, a))
        if b == 0.5 and d.is_differentiable:
            r = wrap(record1(e.SQRT, a))
            r._fn_name = "PowBackward0"
            return r
    return wrap(record2(e.POW, a, b))


@public("float_power", inplace=True)
def float_power(input: Any, exponent: Any) -> Tensor:
    """input to the power of exponent, in double precision."""
    from ..dtypes import float64

    def double(x: Any) -> Any:
        return x.to(float64) if isinstance(x, Tensor) else float(x)

    return pow(double(input), double(exponent))  # type: ignore[no-any-return]


@public(inplace=True)
def logaddexp(input: Tensor, other: Tensor) -> Tensor:
    """log(exp(input) + exp(other)), without overflow."""
    high = maximum(input, other)
    low = minimum(input, other)
    same = high == low
    gap = where(same, 0.0, low - high)
    return high + gap.exp().log1p()  # type: ignore[no-any-return]


@public(inplace=True)
def hypot(input: Tensor, other: Tensor) -> Tensor:
    """sqrt(input ** 2 + other ** 2)."""
    return (input * input + other * other).sqrt()  # type: ignore[no-any-return]


@public(inplace=True)
def xlogy(input: Any, other: Any) -> Tensor:
    """input * log(other), 0 where input is 0."""
    a = input if isinstance(input, Tensor) else None
    b = other if isinstance(other, Tensor) else None
    like = a if a is not None else b
    assert like is not None
    log = b.log() if b is not None else math.log(other)  # type: ignore[attr-defined]
    zero = (input == 0) if a is not None else like.new_full((), input == 0)  # type: ignore[attr-defined]
    return where(zero, 0.0, input * log)


# ---------------------------------------------------------------- choosing
@public(out=True)
def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """input where the condition holds, other elsewhere. With a condition alone: its nonzero positions."""
    if input is None and other is None:
        return condition.nonzero(as_tuple=True)  # type: ignore[attr-defined]
    check_tensor(condition, "where", "condition")
    return wrap(record(e.WHERE, (condition._v, value_of(input, "where", "input"), value_of(other, "where"))))


def _tensor_where(self: Tensor, condition: Tensor, other: Any) -> Tensor:
    """This tensor where the condition holds, other elsewhere."""
    return where(condition, self, other)  # type: ignore[no-any-return]


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
    r = v
    inside = None
    if v.meta.requires_grad:
        # the gradient passes where the element was not limited, at the bounds too
        for op, bound in ((e.GE, min), (e.LE, max)):
            if bound is not None:
                test = record2(op, v, value_of(bound, "clamp"))
                inside = test if inside is None else record2(e.LOGICAL_AND, inside, test)
    if inside is not None and not isinstance(min, Tensor) and not isinstance(max, Tensor):
        t = input.detach() if v is input._v else wrap(v).detach()
        limited = clamp(t, min, max)
        out = wrap(record(e.WHERE, (inside, v, limited._v)))
        out._fn_name = "ClampBackward1" if False else "ClampBackward0"
        return out
    if min is not None:
        r = record2(e.MAXIMUM, r, value_of(min, "clamp", "min"))
    if max is not None:
        r = record2(e.MINIMUM, r, value_of(max, "clamp", "max"))
    return wrap(r)


@public(inplace=True)
def clamp_min(input: Tensor, min: Any) -> Tensor:
    """Elements not smaller than min."""
    return clamp(input, min=min)  # type: ignore[no-any-return]


@public(inplace=True)
def clamp_max(input: Tensor, max: Any) -> Tensor:
    """Elements not larger than max."""
    return clamp(input, max=max)  # type: ignore[no-any-return]


@public(inplace=True)
def nan_to_num(
    input: Tensor, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """NaN and infinities replaced; by 0 and the dtype's largest and smallest number by default."""
    from ..dtypes import finfo

    d = input._v.meta.dtype
    if not d.is_floating_point:
        return input.clone()  # type: ignore[attr-defined,no-any-return]
    limits = finfo(d)
    high = limits.max if posinf is None else posinf
    low = limits.min if neginf is None else neginf
    r = where(input.isnan(), nan, input)  # type: ignore[attr-defined]
    r = where(input == math.inf, high, r)
    return where(input == -math.inf, low, r)  # type: ignore[no-any-return]


@public(inplace=True)
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """value where the mask is True, the element elsewhere."""
    if mask.dtype is not bool_:
        raise RuntimeError(
            f"masked_fill_ only supports boolean masks, but got mask with dtype {mask.dtype.name}"
        )
    if isinstance(value, Tensor) and value.ndim:
        raise RuntimeError(
            f"masked_fill only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s)."
        )
    fill = e.cast(value._v, input.dtype) if isinstance(value, Tensor) else input.dtype.np.type(value).item()
    if input.dtype.name == "bfloat16":
        fill = float(value) if not isinstance(value, Tensor) else fill
    r = wrap(record(e.WHERE, (mask._v, fill, input._v)))
    r._fn_name = "MaskedFillBackward0"
    return r


@public(inplace=True)
def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """input + weight * (end - input)."""
    return input + (end - input) * weight  # type: ignore[no-any-return]


@public(inplace=True, out=True)
def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """input + value * tensor1 * tensor2."""
    product = tensor1 * tensor2
    return input + (product if value == 1 else product * value)  # type: ignore[no-any-return]


@public(inplace=True, out=True)
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """input + value * tensor1 / tensor2."""
    quotient = tensor1 / tensor2
    return input + (quotient if value == 1 else quotient * value)  # type: ignore[no-any-return]


# ---------------------------------------------------------------- comparing whole tensors
@public()
def isclose(
    input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Tensor:
    """True where |input - other| <= atol + rtol * |other|."""
    close = input == other
    if equal_nan:
        close = close | (input.isnan() & other.isnan())  # type: ignore[attr-defined]
    if rtol == 0 and atol == 0:
        return close  # type: ignore[no-any-return]
    gap = (input - other).abs()
    return close | (gap.isfinite() & (gap <= other.abs() * rtol + atol))  # type: ignore[attr-defined,no-any-return]


@public()
def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    """Whether all elements are close, see isclose."""
    if input.dtype is not other.dtype:
        raise RuntimeError(f"{type_name(input.dtype)} did not match {type_name(other.dtype)}")
    return bool(isclose(input, other, rtol, atol, equal_nan).all().item())


@public()
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether both have the same shape and elements."""
    if input._v.meta.shape != other._v.meta.shape:
        return False
    return bool((input == other).all().item())


@public(method=False)
def is_tensor(obj: Any) -> bool:
    """Whether the object is a tensor."""
    return isinstance(obj, Tensor)


@public(method=False)
def is_floating_point(input: Tensor) -> bool:
    """Whether the tensor's dtype is a floating-point one."""
    return input.is_floating_point()


@public(method=False)
def is_complex(input: Tensor) -> bool:
    """Whether the tensor's dtype is a complex one."""
    return input.is_complex()


@public(method=False)
def is_nonzero(input: Tensor) -> bool:
    """Whether a tensor of one element is not zero."""
    return bool(input)


@public(method=False)
def numel(input: Tensor) -> int:
    """The number of elements."""
    return input.numel()


@public(method=False)
def result_type(tensor1: Any, tensor2: Any) -> dtype:
    """The dtype of an operation on two tensors or numbers."""
    return common_dtype([facts(value_of(tensor1, "result_type")), facts(value_of(tensor2, "result_type"))])


public("promote_types", method=False)(promote_types)
public("can_cast", method=False)(lambda from_, to: can_cast(from_, to))


# ---------------------------------------------------------------- complex parts
@public()
def real(input: Tensor) -> Tensor:
    """The real part (a copy; the tensor itself if it is real)."""
    return wrap(record1(e.REAL, input._v)) if input.is_complex() else input


@public()
def imag(input: Tensor) -> Tensor:
    """The imaginary part (a copy). Raises RuntimeError for real tensors."""
    if not input.is_complex():
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return wrap(record1(e.IMAG, input._v))


@public()
def conj(input: Tensor) -> Tensor:
    """The complex conjugate."""
    return wrap(record1(e.CONJ, input._v)) if input.is_complex() else input


@public()
def angle(input: Tensor) -> Tensor:
    """The argument of complex numbers, in radians; 0 or pi for real ones."""
    if input.is_complex():
        return wrap(record1(e.ANGLE, input._v))
    return where(input.isnan(), input, where(input < 0, math.pi, 0.0))  # type: ignore[attr-defined,no-any-return]


@public("complex", method=False)
def complex_(real: Tensor, imag: Tensor) -> Tensor:
    """A complex tensor from its parts."""
    return wrap(record2(e.COMPLEX, real._v, imag._v))


Tensor.real = property(real)  # type: ignore[attr-defined]
Tensor.imag = property(imag)  # type: ignore[attr-defined]
NP = np


# ---------------------------------------------------------------- operators
def _operator(function: Any, reflected: bool = False) -> Any:
    def operate(self: Tensor, other: Any) -> Any:
        if not isinstance(other, (Tensor, int, float, bool, complex, np.generic)):
            return NotImplemented
        return function(other, self) if reflected else function(self, other)

    return operate


def _inplace_operator(name: str) -> Any:
    def operate(self: Tensor, other: Any) -> Any:
        return getattr(self, name)(other)

    return operate


for _dunder, _f, _reflected, _assign in (
    ("add", add, True, "add_"), ("sub", sub, True, "sub_"), ("mul", mul, True, "mul_"),
    ("truediv", div, True, "div_"), ("floordiv", floor_divide, True, "floor_divide_"),
    ("mod", remainder, True, "remainder_"), ("pow", pow, True, "pow_"),
    ("and", bitwise_and, True, "bitwise_and_"), ("or", bitwise_or, True, "bitwise_or_"),
    ("xor", bitwise_xor, True, "bitwise_xor_"), ("lshift", bitwise_left_shift, True, "bitwise_left_shift_"),
    ("rshift", bitwise_right_shift, True, "bitwise_right_shift_"),
    ("eq", eq, False, ""), ("ne", ne, False, ""), ("lt", lt, False, ""), ("le", le, False, ""),
    ("gt", gt, False, ""), ("ge", ge, False, ""),
):  # fmt: skip
    if f"__{_dunder}__" not in Tensor.__dict__ or _dunder in ("eq", "ne"):
        setattr(Tensor, f"__{_dunder}__", _operator(_f))
    if _reflected:
        setattr(Tensor, f"__r{_dunder}__", _operator(_f, True))
    if _assign:
        setattr(Tensor, f"__i{_dunder}__", _inplace_operator(_assign))
Tensor.__neg__ = neg  # type: ignore[attr-defined]
Tensor.__pos__ = positive  # type: ignore[attr-defined]
Tensor.__abs__ = abs  # type: ignore[attr-defined]
Tensor.__invert__ = Tensor.bitwise_not  # type: ignore[attr-defined]
