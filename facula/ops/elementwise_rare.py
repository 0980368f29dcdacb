"""Elementwise primitives that few programs use; most have no lowering, their references run.

Gamma functions, logarithms of sums, the maximum without NaN, divisors of integers, angles.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..trace.recorder import record1, record2
from ..trace.values import Value
from . import special
from .elementwise import (
    _COMPLEX_EXAMPLE,
    COMPLEX,
    EQ,
    EXP,
    EXP2,
    GE,
    IMAG,
    LE,
    LOG,
    LOGICAL_AND,
    LOGICAL_OR,
    NE,
    REAL,
    RSQRT,
    SIGN,
    SQUARE,
    _both,
    _conj,
    _elementwise,
    _one,
    _real_rule,
    add,
    div,
    mul,
    neg,
    sub,
    where,
)
from .record import Example, Op, convert, elementwise_rule

DIGAMMA: Op
TRIGAMMA: Op
POLYGAMMA: Op


def _fmax_gradient(op: str) -> Callable[..., tuple[Value | None, Value | None]]:
    def gradient(n: Any, g: Value) -> tuple[Value | None, Value | None]:
        a, b = n.i(0), n.i(1)
        better = record2(GE if op == "max" else LE, a, b)
        first = record2(LOGICAL_OR, better, record2(NE, n.o(), b))  # b is NaN, or both are
        return (
            where(first, g, 0.0) if n.needs[0] else None,
            where(first, 0.0, g) if n.needs[1] else None,
        )

    return gradient


FMAX = _elementwise("fmax", np.fmax, gradient=_fmax_gradient("max"), arity=2, dtypes="bif")
FMIN = _elementwise("fmin", np.fmin, gradient=_fmax_gradient("min"), arity=2, dtypes="bif")
ASINH = _elementwise(
    "asinh",
    np.arcsinh,
    "float",
    _one(lambda n, g: mul(g, _conj(record1(RSQRT, add(record1(SQUARE, n.i(0)), 1.0))))),
)
ACOSH = _elementwise(
    "acosh",
    np.arccosh,
    "float",
    _one(
        lambda n, g: mul(
            g,
            _conj(mul(record1(RSQRT, sub(n.i(0), 1.0)), record1(RSQRT, add(n.i(0), 1.0))))
            if n.meta(0).dtype.is_complex
            else record1(RSQRT, sub(record1(SQUARE, n.i(0)), 1.0)),
        )
    ),
    domain=(1.2, 4.0),
)
ATANH = _elementwise(
    "atanh",
    np.arctanh,
    "float",
    _one(lambda n, g: div(g, sub(1.0, record1(SQUARE, _conj(n.i(0)))))),
    domain=(-0.9, 0.9),
)
COPYSIGN = _elementwise(
    "copysign",
    np.copysign,
    "float",
    _both(
        lambda n, g: mul(g, mul(record1(SIGN, n.i(0)), record1(SIGN, n.o()))),
        lambda n, g: mul(g, 0.0),
    ),
    arity=2,
    dtypes="bif",
)
NEXTAFTER = _elementwise("nextafter", np.nextafter, arity=2, dtypes="f")


def _xlogy(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.asarray(np.where(np.isnan(y), y, np.where(x == 0, np.zeros_like(x), x * np.log(y))))


def _xlogy_first(n: Any, g: Value) -> Value:
    silent = record2(LOGICAL_AND, record2(EQ, n.i(0), 0), record2(LE, n.i(1), 0))
    return where(silent, 0.0, mul(g, _log_of(n.i(1))))


def _log_of(x: Any) -> Any:
    return record1(LOG, x) if isinstance(x, Value) else math.log(x) if x > 0 else math.nan


XLOGY = _elementwise(
    "xlogy",
    _xlogy,
    "float",
    _both(_xlogy_first, lambda n, g: mul(g, div(n.i(0), n.i(1)))),
    domain=(0.3, 3.0),
    arity=2,
    dtypes="bif",
)
HYPOT = _elementwise(
    "hypot",
    np.hypot,
    "same",
    _both(
        lambda n, g: mul(g, div(n.i(0), n.o())),
        lambda n, g: mul(g, div(n.i(1), n.o())),
    ),
    domain=(0.3, 3.0),
    arity=2,
    dtypes="f",
)


LOGADDEXP = _elementwise(
    "logaddexp",
    np.logaddexp,
    "same",
    _both(
        lambda n, g: mul(g, record1(EXP, sub(n.i(0), n.o()))),
        lambda n, g: mul(g, record1(EXP, sub(n.i(1), n.o()))),
    ),
    arity=2,
    dtypes="f",
)
LOGADDEXP2 = _elementwise(
    "logaddexp2",
    np.logaddexp2,
    "same",
    _both(
        lambda n, g: mul(g, record1(EXP2, sub(n.i(0), n.o()))),
        lambda n, g: mul(g, record1(EXP2, sub(n.i(1), n.o()))),
    ),
    arity=2,
    dtypes="f",
)
GCD = _elementwise("gcd", np.gcd, arity=2, dtypes="i")
LCM = _elementwise("lcm", np.lcm, arity=2, dtypes="i")
HEAVISIDE = _elementwise(
    "heaviside",
    lambda x, y: np.where(x == 0, y, (x > 0).astype(x.dtype)).astype(x.dtype),
    arity=2,
    dtypes="bif",
)
ERFINV = _elementwise(
    "erfinv",
    special.erfinv,
    "float",
    _one(lambda n, g: mul(g, mul(record1(EXP, record1(SQUARE, n.o())), math.sqrt(math.pi) / 2))),
    domain=(-0.9, 0.9),
    dtypes="bif",
)
LGAMMA = _elementwise(
    "lgamma",
    special.lgamma,
    "float",
    _one(lambda n, g: mul(g, record1(DIGAMMA, n.i(0)))),
    domain=(0.5, 4.0),
    dtypes="bif",
)
DIGAMMA = _elementwise(
    "digamma",
    special.digamma,
    "float",
    _one(lambda n, g: mul(g, record1(TRIGAMMA, n.i(0)))),
    domain=(0.5, 4.0),
    dtypes="bif",
)
TRIGAMMA = _elementwise(
    "trigamma",
    special.trigamma,
    "float",
    _one(lambda n, g: mul(g, record1(POLYGAMMA, n.i(0), (2,)))),
    domain=(0.5, 4.0),
    dtypes="bif",
)
# attrs: (order,)
POLYGAMMA = Op(
    "polygamma",
    "special",
    elementwise_rule("float", "polygamma", "bif"),
    lambda arrays, attrs, metas: convert(
        special.polygamma(attrs[0], np.asarray(arrays[0], np.float64)), metas[0].dtype
    ),
    lambda n, g: (mul(g, record1(POLYGAMMA, n.i(0), (n.attrs[0] + 1,))),),
    example=Example(
        *(((shape,), (order,)) for shape in ((), (0,), (7,)) for order in (1, 2, 3)),
        dtypes="f", domain=(0.5, 4.0), special=(),
    ),
)  # fmt: skip


def _angle_gradient(x: Value, g: Value) -> Value:
    """g * i x / |x|**2, 0 at 0."""
    re, im = record1(REAL, x), record1(IMAG, x)
    square = add(mul(re, re), mul(im, im))
    scale = where(record2(EQ, square, 0), 0.0, div(g, square))
    return record2(COMPLEX, neg(mul(im, scale)), mul(re, scale))


ANGLE = Op(
    "angle",
    "convert",
    _real_rule,
    lambda arrays, attrs, metas: np.angle(arrays[0]).astype(metas[0].dtype.np),
    lambda n, g: (_angle_gradient(n.i(0), g),),
    example=_COMPLEX_EXAMPLE,
)
