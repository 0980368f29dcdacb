"""The generated mathematical functions against references of higher precision.

Single precision is compared with NumPy in double, double with NumPy's long double where that is
wider. The allowed error of each function is the one that its record states. Arguments are a dense
grid where the function is interesting, numbers of all magnitudes, and all special values.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from facula.compiler.emitter import Emitter, V
from facula.compiler.vector_math import BINARY, FORMULAS, UNARY, emit, emit2, loop_text
from facula.runtime.code import assembly, function_address

Array = np.ndarray
WIDE: dict[Any, Any] = {np.float32: np.float64, np.float64: np.longdouble}
LONG_DOUBLE = np.finfo(np.longdouble).nmant > 60
PRECISIONS = [
    np.float32,
    pytest.param(
        np.float64, marks=pytest.mark.skipif(not LONG_DOUBLE, reason="no wider long double")
    ),
]


def run(name: str, dtype: Any, *arrays: Array, lanes: int = 8) -> Array:
    """The function applied by a compiled loop over vectors of this many lanes."""
    element = "float" if dtype is np.float32 else "double"
    address = function_address(
        f"test of vector math {name} {element} {lanes}", lambda: loop_text(name, element, lanes)
    )
    count = len(arrays[0])
    padding = -count % lanes
    inputs = [np.concatenate([a, np.ones(padding)]).astype(dtype) for a in arrays]
    out = np.empty(count + padding, dtype)
    pointers = [ctypes.c_void_p(a.ctypes.data) for a in (*inputs, out)]
    kernel = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(pointers), ctypes.c_int64)(address)
    kernel(*pointers, len(out))
    return out[:count]


# References


def exp_of_minus_square(x: Array) -> Array:
    """exp(-x*x) without the rounding of the square: x = h + l with h*h exact."""
    h = x.astype(np.float32).astype(x.dtype)
    return np.exp(-h * h) * np.exp(-(x - h) * (x + h))


def erf_series(x: Array) -> Array:
    """2/sqrt(pi) exp(-x^2) x (1 + 2x^2/3 (1 + 2x^2/5 (...))), for |x| up to about 2."""
    total = np.ones_like(x)
    for k in range(80, 0, -1):
        total = 1 + total * (2 * x * x / (2 * k + 1))
    return (
        2
        / np.sqrt(x.dtype.type(np.longdouble("3.14159265358979323846")))
        * (exp_of_minus_square(x) * x * total)
    )


def erfc_fraction(x: Array) -> Array:
    """The continued fraction of erfc for x of at least 1."""
    total = x
    for k in range(400, 0, -1):
        total = x + (x.dtype.type(k) / 2) / total
    return exp_of_minus_square(x) / (np.sqrt(np.longdouble("3.14159265358979323846")) * total)


def erf_reference(x: Array) -> Array:
    x = x.astype(np.longdouble)
    large = np.clip(np.abs(x), 1, 120)
    tail = np.copysign(1 - erfc_fraction(large), x)
    return np.where(np.abs(x) < 1, erf_series(np.clip(x, -1, 1)), tail)


def erfc_reference(x: Array) -> Array:
    x = x.astype(np.longdouble)
    tail = erfc_fraction(np.clip(np.abs(x), 1, 120))
    inner = 1 - erf_series(np.clip(x, -1, 1))
    return np.where(np.abs(x) < 1, inner, np.where(x > 0, tail, 2 - tail))


def sigmoid_reference(x: Array) -> Array:
    z = np.exp(-np.abs(x))
    return np.where(x < 0, z, 1) / (1 + z)


def bell_reference(x: Array) -> Array:
    h = x.astype(np.float32).astype(x.dtype)  # the square in two parts
    return np.exp(-h * h / 2) * np.exp(-(x - h) * (x + h) / 2)


def normal_tail_reference(x: Array) -> Array:
    x = np.abs(x.astype(np.longdouble))
    return erfc_reference(x / np.sqrt(np.longdouble(2))) / 2 / bell_reference(x)


OWN_REFERENCES: dict[str, Callable[..., Array]] = {
    "erf": erf_reference,
    "erfc": erfc_reference,
    "bell": bell_reference,
    "normal_tail": normal_tail_reference,
    "sigmoid": sigmoid_reference,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "round": np.rint,
}
SAME_PRECISION = {"fmod", "floor_divide"}  # exact, or defined by rounded steps


def reference(name: str, dtype: Any, *arrays: Array) -> Array:
    wide = dtype if name in SAME_PRECISION else WIDE[dtype]
    exact = OWN_REFERENCES.get(name) or getattr(np, name)
    with np.errstate(all="ignore"):
        return exact(*(a.astype(wide) for a in arrays)).astype(WIDE[dtype])


def ulp_errors(got: Array, exact: Array) -> Array:
    """Errors in units of the last place; infinite for a wrong NaN, infinity or sign of zero."""
    info = np.finfo(got.dtype)
    with np.errstate(all="ignore"):
        rounded = exact.astype(got.dtype)
        exponent = np.maximum(np.frexp(exact)[1] - 1, info.minexp)
        unit = np.ldexp(np.ones_like(exact), exponent - info.nmant)
        error = np.abs(got.astype(exact.dtype) - exact) / unit
    same = (got == rounded) & ((got != 0) | (np.signbit(got) == np.signbit(rounded)))
    error = np.where(np.isfinite(rounded) & np.isfinite(error), error, np.inf)
    error = np.where((got == 0) & (rounded == 0) & ~same, np.inf, error)
    return np.where(np.isinf(rounded) & same | np.isnan(got) & np.isnan(exact), 0, error)


# Arguments

RANGES = {  # where a dense grid lies; (-4, 4) for all others
    "exp": (-110, 90),
    "exp2": (-151, 129),
    "expm1": (-20, 90),
    "sigmoid": (-110, 30),
    "tanh": (-11, 11),
    "log1p": (-1, 3),
    "sin": (-1000, 1000),
    "cos": (-1000, 1000),
    "tan": (-1000, 1000),
    "asin": (-1, 1),
    "acos": (-1, 1),
    "atanh": (-1, 1),
    "sinh": (-92, 92),
    "cosh": (-92, 92),
    "erfc": (-7, 28),
    "bell": (-13, 13),
    "normal_tail": (-14, 14),
    "pow": (0, 20),
}


def specials(dtype: Any) -> Array:
    info = np.finfo(dtype)
    positive = [0, info.smallest_subnormal, info.tiny * 0.7, info.tiny, 1e-5, 0.5, 1, 1.5, 2, 3]
    positive += [4.5, 101, 2.0**23 + 1, info.max, math.inf, math.nan]
    return np.array([*positive, *(-x for x in positive)], dtype)


def arguments(name: str, dtype: Any) -> list[Array]:
    """Sets of operands for the function: (all special combinations, a grid, all magnitudes)."""
    info, extra = np.finfo(dtype), specials(dtype)
    low, high = RANGES.get(name, (-4, 4))
    grid = np.linspace(low, high, 6001).astype(dtype)
    magnitudes = np.exp2(np.linspace(info.minexp, info.maxexp - 0.01, 3000))
    if name in ("sin", "cos", "tan"):  # the neighbours of zeros are the hardest to reduce
        zeros = np.arange(1, 400) * (math.pi / 2)
        magnitudes = np.concatenate([magnitudes, zeros, zeros * 2**13, zeros * 2**41])
    if name in ("bell", "normal_tail"):
        top = RANGES[name][1]
        magnitudes, extra = magnitudes[magnitudes < top], extra[~(np.abs(extra) > top)]
    if dtype is np.float64 and name in ("sin", "cos", "tan"):
        magnitudes = magnitudes[magnitudes < 2.0**51]
        extra = extra[(np.abs(extra) < 2.0**51) | ~np.isfinite(extra)]
    if dtype is np.float64 and name in ("fmod", "remainder", "floor_divide"):
        magnitudes = np.exp2(np.linspace(-90, 90, 3000))  # the quotients stay below 2**195
        extra = extra[
            (np.abs(extra) < 1e30) & (np.abs(extra) > 1e-30) | ~np.isfinite(extra) | (extra == 0)
        ]
    wide = np.concatenate([magnitudes, -magnitudes]).astype(dtype)
    first = np.concatenate([grid, wide])
    if name in UNARY:
        return [np.concatenate([extra, first])]
    random = np.random.default_rng(5)
    second = random.permutation(np.concatenate([np.linspace(-4, 4, 6001).astype(dtype), wide]))
    a, b = np.meshgrid(extra, extra)
    return [np.concatenate([a.ravel(), first]), np.concatenate([b.ravel(), second])]


@pytest.mark.thin(3)
@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("name", sorted(UNARY | BINARY))
def test_errors_stay_below_the_stated_bound(name: str, dtype: Any) -> None:
    inputs = arguments(name, dtype)
    got, exact = run(name, dtype, *inputs), reference(name, dtype, *inputs)
    if name in ("maximum", "minimum", "remainder"):  # which zero is not specified
        exact = np.where((exact == 0) & (got == 0), got, exact)
    error = ulp_errors(got, exact)
    bound = FORMULAS[name].ulp[dtype is np.float64]
    worst = int(np.argmax(error))
    place = ", ".join(f"{float(x[worst])!r}" for x in inputs)
    assert error[worst] <= bound, (
        f"{name}({place}) = {got[worst]!r}, exact {exact[worst]!r}: "
        f"{error[worst]:.3f} ulp, stated {bound}"
    )


@pytest.mark.thin(3)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", sorted(UNARY | BINARY))
def test_scalars_and_vectors_of_any_width_agree(name: str, dtype: Any) -> None:
    inputs = [a[::17] for a in arguments(name, dtype)]
    expected = run(name, dtype, *inputs)
    for lanes in (1, 4, 16):
        np.testing.assert_array_equal(run(name, dtype, *inputs, lanes=lanes), expected)


@pytest.mark.thin(3)
@pytest.mark.parametrize("element", ["float", "double"])
@pytest.mark.parametrize("name", sorted(UNARY | BINARY))
def test_the_code_calls_nothing_and_does_not_branch(name: str, element: str) -> None:
    text = loop_text(name, element, 4)
    calls = [line for line in text.splitlines() if " call " in line]
    assert all("@llvm." in line for line in calls)
    assert text.count("br i1") == 2  # the loop's own
    if "fma" in text and "vfmadd" not in assembly(loop_text("erf", "float", 4)):
        pytest.skip("this processor has no fused multiply-add")
    assert "call" not in assembly(text)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_saturation(dtype: Any) -> None:
    x = np.linspace(0, 40, 40001).astype(dtype)
    for name in ("tanh", "sigmoid", "erf"):
        y = run(name, dtype, x)
        assert y.max() == 1 and y[-1] == 1
        assert np.all(np.diff(y) >= -2 * np.finfo(dtype).eps)
        assert run(name, dtype, np.array([-1e30], dtype))[0] == (0 if name == "sigmoid" else -1)
    for name in ("sin", "cos"):
        assert np.abs(run(name, dtype, x * 1000)).max() <= 1


def test_functions_have_measured_errors_within_the_requirements() -> None:
    """At most 2 ulp for the functions of activations in single precision, 4 ulp for all others, and
    8 for erfc in double precision and for a factor of GELU that is no activation by itself.
    """
    strict = {"exp", "log", "tanh", "sigmoid", "erf", "sin", "cos"}
    for name, record in FORMULAS.items():
        factor = name == "normal_tail"
        assert record.ulp[0] <= (2 if name in strict else 8 if factor else 4), name
        assert record.ulp[1] <= (8 if factor or name == "erfc" else 4), name


def test_limits_of_the_domains_in_double() -> None:
    """Beyond the documented domains the answer is NaN, never a wrong number."""
    huge = np.array([2.0**52, -1e300, 1.7e308])
    for name in ("sin", "cos", "tan"):
        assert np.isnan(run(name, np.float64, huge)).all()
    tiny = np.full(3, 3e-300)
    assert np.isnan(run("fmod", np.float64, np.array([1e10, -1e300, 1.7e308]), tiny)).all()
    quotients = run("floor_divide", np.float64, np.array([1.0, -1.0, 1e8]), tiny)
    np.testing.assert_array_equal(quotients, np.array([1.0, -1.0, 1e8]) / tiny)


def test_wrong_arguments() -> None:
    e = Emitter()
    with pytest.raises(ValueError, match="no such function 'atan2'"):
        emit(e, "atan2", V("float", "%x"))
    with pytest.raises(ValueError, match="no such function 'exp'"):
        emit2(e, "exp", V("float", "%x"), V("float", "%x"))
    with pytest.raises(TypeError, match="exp: expected floats"):
        emit(e, "exp", V("<4 x i32>", "%x"))
    with pytest.raises(TypeError, match="pow: expected operands of one type"):
        emit2(e, "pow", V("float", "%x"), V("double", "%y"))
    assert not e.lines
