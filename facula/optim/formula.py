"""Writing an optimizer's formula as arithmetic: what `facula.trace.update` records and runs.

    x = Terms(("exp_avg",))
    average = x.state["exp_avg"] * x["momentum"] + x.grad
    x.write("exp_avg", average)
    x.write("param", x.param - x["lr"] * average)
    formula = x.formula()

Numbers by name (`x["lr"]`) are run-time scalars, converted to the tensors' dtype when they are
used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..graph import UpdateExpr
from ..trace.update import Formula


class Term:
    """A value of the formula; the arithmetic operators make new ones."""

    __slots__ = ("terms", "index")

    def __init__(self, terms: Terms, index: int) -> None:
        self.terms, self.index = terms, index

    def _with(self, op: str, other: Term | float) -> Term:
        return self.terms.step(op, self, other)

    def __add__(self, other: Term | float) -> Term:
        return self._with("add", other)

    def __sub__(self, other: Term | float) -> Term:
        return self._with("sub", other)

    def __mul__(self, other: Term | float) -> Term:
        return self._with("mul", other)

    def __truediv__(self, other: Term | float) -> Term:
        return self._with("div", other)

    def __gt__(self, other: Term | float) -> Term:
        return self._with("gt", other)

    def __lt__(self, other: Term | float) -> Term:
        return self._with("lt", other)

    def __neg__(self) -> Term:
        return self.terms.step("neg", self)

    def __abs__(self) -> Term:
        return self.terms.step("abs", self)

    def sqrt(self) -> Term:
        """The square root."""
        return self.terms.step("sqrt", self)

    def sign(self) -> Term:
        """-1, 0 or 1."""
        return self.terms.step("sign", self)

    def maximum(self, other: Term | float) -> Term:
        """The larger one; NaN wins."""
        return self._with("maximum", other)

    def minimum(self, other: Term | float) -> Term:
        """The smaller one; NaN wins."""
        return self._with("minimum", other)

    def lerp(self, end: Term, weight: Term, near: bool) -> Term:
        """self + weight * (end - self); from the other side where the weight is 1/2 or more (not
        `near`), so that a weight of 1 gives `end` exactly."""
        if near:
            return self + weight * (end - self)
        return end - (end - self) * (self.terms.constant(1.0) - weight)


class Terms:
    """The operands of a formula: the parameter, its gradient and the named state tensors."""

    def __init__(self, states: Sequence[str]) -> None:
        self.param, self.grad = Term(self, 0), Term(self, 1)
        self.state = {name: Term(self, 2 + j) for j, name in enumerate(states)}
        self._k = 2 + len(states)
        self._steps: list[tuple[str, tuple[int, ...], tuple[Any, ...]]] = []
        self._known: dict[Any, int] = {}
        self._numbers: list[str] = []
        self._written: dict[int, int] = {}

    def _value(self, op: str, ins: tuple[int, ...], attrs: tuple[Any, ...] = ()) -> Term:
        key = (op, ins, attrs)
        if key not in self._known:
            self._known[key] = self._k + len(self._steps)
            self._steps.append(key)
        return Term(self, self._known[key])

    def __getitem__(self, name: str) -> Term:
        """The run-time scalar of this name."""
        if name not in self._numbers:
            self._numbers.append(name)
        return self._value("scalar", (), (self._numbers.index(name),))

    def constant(self, value: float) -> Term:
        """A number that is part of the formula."""
        return self._value("const", (), (value,))

    def step(self, op: str, *operands: Term | float) -> Term:
        """An elementwise op of the graph."""
        terms = [x if isinstance(x, Term) else self.constant(x) for x in operands]
        return self._value(op, tuple(x.index for x in terms))

    def where(self, condition: Term, yes: Term | float, no: Term | float) -> Term:
        """`yes` where the condition holds, else `no`."""
        return self.step("where", condition, yes, no)

    def write(self, name: str, value: Term) -> None:
        """The new value of a state tensor, or of the parameter ("param")."""
        position = 0 if name == "param" else self.state[name].index
        self._written[position] = value.index

    def formula(self) -> Formula:
        """What was written so far."""
        expr = UpdateExpr(self._k, tuple(self._steps))
        return Formula(expr, tuple(self._written.items()), tuple(self._numbers))
