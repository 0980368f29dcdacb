"""Fits the polynomials of facula/compiler/vector_math*.py and prints their table of coefficients.

Each fit is a weighted minimax (Remez exchange on a dense grid, in 60-digit arithmetic, so that
cancellation in the fitted expressions does not matter). The coefficients are then rounded to the
working format one at a time, lowest first, with a new fit of the remaining ones after each, which
lets the higher ones make up for the rounding of the lower ones. The weight turns the error of the
polynomial into the relative error of the function's value, which is what ulp count; it is printed
in units of 2**-24 or 2**-53.

    python benchmarks/fit_polynomials.py > facula/compiler/vector_math_coefficients.py
    python benchmarks/fit_polynomials.py erf        # only the fits whose name contains "erf"
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import mpmath
import numpy as np
from mpmath import mpf

mpmath.mp.dps = 60
Function = Callable[[Any], Any]
# Of the fits of 8 terms for multiples of 1/32, the best one's.
_NORMAL_TAIL_SCALE = 11 / 32


class Fit(NamedTuple):
    """`target(t) ~ sum of c[k] t**k` for low <= t <= high; error counts `weight(t)` times."""

    name: str
    element: str
    low: float
    high: float
    degree: int
    target: Function
    weight: Function


def _solve(
    grid: list[Any], values: list[Any], weights: list[Any], start: int, count: int
) -> list[Any]:
    """The minimax coefficients of t**start .. t**(start + count - 1), by Remez exchange."""
    n = count + 1
    picks = [round((len(grid) - 1) * (1 - np.cos(np.pi * i / (n - 1))) / 2) for i in range(n)]
    powers = [[t ** (start + k) for k in range(count)] for t in grid]
    coefficients: list[Any] = []
    for _ in range(12):
        matrix, right = mpmath.matrix(n, n), mpmath.matrix(n, 1)
        for row, i in enumerate(picks):
            for k in range(count):
                matrix[row, k] = powers[i][k] * weights[i]
            matrix[row, count] = (-1) ** row
            right[row] = values[i] * weights[i]
        try:
            solution = mpmath.lu_solve(matrix, right)
        except ZeroDivisionError:  # possible for start > 0, where t takes both signs
            break
        coefficients = [solution[k] for k in range(count)]
        errors = [
            float(w * (v - mpmath.fdot(coefficients, p)))
            for v, w, p in zip(values, weights, powers, strict=True)
        ]
        chosen = _alternation(errors, n)
        if chosen is None or chosen == picks:
            break
        picks = chosen
        if max(map(abs, errors)) < abs(float(solution[count])) * 1.02:
            break
    return coefficients


def _alternation(errors: list[float], n: int) -> list[int] | None:
    """Positions of n extrema of alternating sign, or None where rounding leaves fewer."""
    runs: list[int] = []
    for i, error in enumerate(errors):
        if runs and (error > 0) == (errors[runs[-1]] > 0):
            if abs(error) > abs(errors[runs[-1]]):
                runs[-1] = i
        else:
            runs.append(i)
    while len(runs) > n:
        if len(runs) == n + 1:
            runs.pop(0 if abs(errors[runs[0]]) < abs(errors[runs[-1]]) else -1)
        else:
            weakest = min(
                range(len(runs) - 1), key=lambda j: abs(errors[runs[j]]) + abs(errors[runs[j + 1]])
            )
            del runs[weakest : weakest + 2]
    return runs if len(runs) == n else None


def _error(grid: list[Any], rest: list[Any], weights: list[Any], start: int, c: list[Any]) -> Any:
    """The largest weighted difference between `rest` and the polynomial c[0] t**start + ..."""
    triples = zip(grid, rest, weights, strict=True)
    return max(abs(w * (r - t**start * mpmath.polyval(c[::-1], t))) for t, r, w in triples)


def fit(record: Fit) -> tuple[list[float], float]:
    """The rounded coefficients, lowest first, and the largest weighted error."""
    size = 24 * (record.degree + 2)
    low, high = mpf(record.low), mpf(record.high)
    angles = [mpmath.cos(mpmath.pi * (2 * i + 1) / (2 * size)) for i in range(size)]
    grid = [(low + high) / 2 - (high - low) / 2 * a for a in angles]
    values = [record.target(t) for t in grid]
    weights = [record.weight(t) for t in grid]
    rest = list(values)
    rounded: list[float] = []
    left: list[Any] = []
    for k in range(record.degree + 1):
        fresh = _solve(grid, rest, weights, k, record.degree + 1 - k)
        left = min((c for c in (fresh, left) if c), key=lambda c: _error(grid, rest, weights, k, c))
        exact = left[0]
        left = left[1:]
        c = float(np.float32(float(exact))) if record.element == "float" else float(exact)
        rounded.append(c)
        rest = [r - mpf(c) * t**k for r, t in zip(rest, grid, strict=True)]
    return rounded, float(max(abs(r * w) for r, w in zip(rest, weights, strict=True)))


def _log_tail(t: Any) -> Any:
    """(log((1 + s) / (1 - s)) - 2 s) / s^3 as a function of t = s^2."""
    s = mpmath.sqrt(t)
    return (2 * mpmath.atanh(s) - 2 * s) / s**3


def _scaled_erfcx(q: Any) -> Any:
    x = 4 * (1 + q) / (1 - q)
    return (1 + 2 * x) * mpmath.exp(x * x) * mpmath.erfc(x)


def fits() -> list[Fit]:
    """What is approximated, where, and with which degrees for float and double (0: not needed)."""
    m = mpmath
    table: list[Fit] = []

    def add(
        name: str, span: tuple[float, float], degrees: tuple[int, int], f: Function, w: Function
    ) -> None:
        for element, degree in zip(("float", "double"), degrees, strict=True):
            if degree:
                table.append(Fit(name, element, *span, degree, f, w))

    def odd(name: str, top: float, degrees: tuple[int, int], f: Function) -> None:
        """(f(x) - x) / x^3 as a polynomial in t = x^2, for an odd function f with slope 1 at 0."""

        def target(t: Any) -> Any:
            x = m.sqrt(t)
            return (f(x) - x) / x**3

        add(name, (1e-9, top * top), degrees, target, lambda t: t * m.sqrt(t) / f(m.sqrt(t)))

    def log_erfc(t: Any) -> Any:
        return (m.log(m.erfc(t)) + 2 / m.sqrt(m.pi) * t) / t**2

    def cos(t: Any) -> Any:
        return (m.cos(m.sqrt(t)) - 1 + t / 2) / t**2

    def log(t: Any) -> Any:
        return (m.log1p(t) - t) / t**2

    ln2 = 0.3467  # a little more than half of it
    eighth = 0.62 * 1.5708  # a little more than pi/4: large arguments are not reduced to the end
    add("exp", (-ln2, ln2), (4, 9), lambda r: (m.exp(r) - 1 - r) / r**2, lambda r: abs(r))
    add("exp2", (-0.5, 0.5), (5, 10), lambda r: (2**r - 1) / r, lambda r: abs(r) / 2**r)
    add("log", (-0.3334, 0.3334), (8, 0), log, lambda t: t**2 / abs(m.log1p(t)))
    add("log_atanh", (1e-9, 0.0401), (0, 6), _log_tail, lambda t: t / 2)
    add(
        "pow_tail",
        (1e-9, 0.0401),
        (0, 7),
        lambda t: (_log_tail(t) - mpf(2) / 3) / t,
        lambda t: t * t / 2,
    )
    odd("sin", eighth, (3, 6), m.sin)
    add("cos", (1e-9, eighth**2), (2, 5), cos, lambda t: t**2 / m.cos(m.sqrt(t)))
    odd("asin", 0.50001, (4, 11), m.asin)
    odd("atan", 1.0, (8, 19), m.atan)
    odd("sinh", 1.0, (3, 7), m.sinh)
    odd("tanh", 0.551, (4, 9), m.tanh)
    add("erf", (1e-9, 3.95), (10, 0), log_erfc, lambda t: t**2 * m.erfc(t) / m.erf(t))
    add(
        "erf_small",
        (1e-9, 1.0),
        (0, 12),
        lambda t: m.erf(m.sqrt(t)) / m.sqrt(t) - 1,
        lambda t: m.sqrt(t) / m.erf(m.sqrt(t)),
    )
    c = mpf(_NORMAL_TAIL_SCALE)

    def normal_tail(rest: Any) -> Any:
        x = rest / (c * (1 - rest))
        return m.exp(x * x / 2) * m.erfc(x / m.sqrt(2)) / 2 * (1 + c * x)

    add(
        "normal_tail",
        (1e-9, 14 * c / (1 + 14 * c)),
        (7, 0),
        lambda t: (normal_tail(t) - mpf(1) / 2) / t,
        lambda t: t / normal_tail(t),
    )
    add("erfcx", (-1.0, 23.4 / 31.4), (0, 24), _scaled_erfcx, lambda q: 1 / _scaled_erfcx(q))
    return table


HEADER = f'''"""Coefficients of the polynomials of vector_math, lowest power first.

Written by benchmarks/fit_polynomials.py, which says what each approximates and how it was fitted.
The comments are the largest relative errors they cause, in units of 2**-24 (float) or 2**-53.
"""

from __future__ import annotations

NORMAL_TAIL_SCALE = {_NORMAL_TAIL_SCALE}
'''


def main() -> None:
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    print(HEADER)
    print("COEFFICIENTS: dict[tuple[str, str], tuple[float, ...]] = {")
    for record in fits():
        if wanted in record.name:
            coefficients, error = fit(record)
            unit = 2.0**-24 if record.element == "float" else 2.0**-53
            print(f'    ("{record.name}", "{record.element}"): (  # {error / unit:.3f}')
            for c in coefficients:
                print(f"        {c!r},")
            print("    ),", flush=True)
    print("}")


if __name__ == "__main__":
    main()
