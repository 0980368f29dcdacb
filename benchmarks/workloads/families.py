"""Families of everyday programs beside the table's: other kinds of layers, widths and odd sizes.

Each is the same text under PyTorch and Facula, takes a few milliseconds, and keeps its result: what
a unit returns is one number of it. benchmarks/families.py times them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Unit = Callable[[], float]
FAMILIES: dict[str, dict[str, Callable[[Any], Unit]]] = {}  # by group and name


def add(group: str, name: str, build: Callable[[Any], Unit]) -> None:
    """Notes a program; build(t) sets it up and gives the unit."""
    FAMILIES.setdefault(group, {})[name] = build


def number(t: Any, out: Any) -> float:
    """One element of a result that stays alive."""
    if not isinstance(out, t.Tensor):
        out = out[0]
    if out.is_complex():
        out = t.view_as_real(out)
    return float(out.flatten()[0].item())


def once(t: Any, function: Callable[..., Any], *inputs: Any) -> Unit:
    """A call without gradients."""

    def unit() -> float:
        with t.no_grad():
            out = function(*inputs)
        return number(t, out)

    return unit


def train(t: Any, model: Any, *inputs: Any) -> Unit:
    """A step of SGD on a module."""
    opt = t.optim.SGD(model.parameters(), lr=1e-3)

    def unit() -> float:
        opt.zero_grad()
        value = model(*inputs).square().mean()
        value.backward()
        opt.step()
        return float(value.item())

    return unit


def gradient(t: Any, function: Callable[..., Any], *inputs: Any) -> Unit:
    """The gradients of a function's mean square with respect to its inputs of floats."""
    leaves = [x.requires_grad_() for x in inputs if x.is_floating_point()]

    def unit() -> float:
        for x in leaves:
            x.grad = None
        function(*inputs).square().mean().backward()
        return float(leaves[0].grad.flatten()[0].item())

    return unit
