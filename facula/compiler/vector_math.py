"""Mathematical functions for generated kernels: branch-free LLVM IR for scalars and vectors.

`emit(e, "exp", x)` appends straight-line code to the emitter and returns the result; x is a
`float`, a `double`, or a vector of either. There are no calls of a mathematical library: only
arithmetic, selects and intrinsics that are single instructions (fma, sqrt, fabs, copysign,
rounding), so that the same text serves every target and LLVM can schedule and fuse it.

The formulas are in vector_math_*.py. Each record states the largest errors (float, double) that
were measured, in ulp, with a margin of a tenth or so: FORMULAS["exp"].ulp. The tests hold the code
to these figures; benchmarks/vector_math.py measures errors and speed again. Special values follow C
(infinities, NaN, signed zeros), and denormal numbers are neither ignored nor flushed.
"""

from __future__ import annotations

from . import (
    vector_math_binary,
    vector_math_exponential,
    vector_math_special,
    vector_math_trigonometric,
)
from .emitter import Emitter, V, vec
from .vector_math_expression import FORMULAS, Number

__all__ = ["BINARY", "FORMULAS", "UNARY", "emit", "emit2", "loop_text"]

# importing the modules is what records their formulas
_ = vector_math_binary, vector_math_exponential, vector_math_special, vector_math_trigonometric

UNARY: frozenset[str] = frozenset(name for name, f in FORMULAS.items() if f.operands == 1)
BINARY: frozenset[str] = frozenset(name for name, f in FORMULAS.items() if f.operands == 2)


def _check(known: frozenset[str], name: str, *operands: V) -> None:
    if name not in known:
        raise ValueError(
            f"name: no such function {name!r}; expected one of {', '.join(sorted(known))}"
        )
    ty = operands[0].ty
    if ty.rstrip(">").split(" ")[-1] not in ("float", "double"):
        raise TypeError(f"{name}: expected floats, doubles or a vector of them, got {ty}")
    if operands[-1].ty != ty:
        raise TypeError(f"{name}: expected operands of one type, got {ty} and {operands[-1].ty}")


def emit(e: Emitter, name: str, x: V) -> V:
    """Appends the code of the unary function `name` of UNARY to `e`; the result has x's type."""
    _check(UNARY, name, x)
    return FORMULAS[name].formula(Number(e, x)).v


def emit2(e: Emitter, name: str, x: V, y: V) -> V:
    """Appends the code of the function `name` of BINARY to `e`; x, y and the result: one type."""
    _check(BINARY, name, x, y)
    return FORMULAS[name].formula(Number(e, x), Number(e, y)).v


def loop_text(name: str, element: str, lanes: int) -> str:
    """The IR of `void kernel(x, [y,] out, int64 n)`: out[i] = name(x[i], [y[i]]), for measurements.

    The pointers are to arrays of `element` ("float" or "double"); n must be a multiple of `lanes`.
    """
    e, ty = Emitter(), vec(element, lanes)
    operands = [f"%x{i}" for i in range(FORMULAS[name].operands)]
    values = []
    for pointer in (*operands, "%out"):
        e.stmt(f"{pointer}.at = getelementptr {element}, ptr {pointer}, i64 %i")
    for pointer in operands:
        values.append(e.let(ty, f"load {ty}, ptr {pointer}.at, align 1"))
    result = emit(e, name, values[0]) if len(values) == 1 else emit2(e, name, *values)
    e.stmt(f"store {result}, ptr %out.at, align 1")
    parameters = ", ".join(f"ptr {p}" for p in (*operands, "%out"))
    return "\n".join(
        [
            *e.declarations.values(),
            f"define void @kernel({parameters}, i64 %n) {{",
            "entry:",
            "  %empty = icmp eq i64 %n, 0",
            "  br i1 %empty, label %done, label %loop",
            "loop:",
            "  %i = phi i64 [0, %entry], [%next, %loop]",
            *e.lines,
            f"  %next = add i64 %i, {lanes}",
            "  %more = icmp ult i64 %next, %n",
            "  br i1 %more, label %loop, label %done",
            "done:",
            "  ret void",
            "}",
        ]
    )
