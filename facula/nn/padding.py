"""Padding layers."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from .module import Module


class _PadNd(Module):
    """`padding`: a number for all ends, or (low, high) of the last axis, then of the one before
    it.
    """

    _axes = 0
    _mode = "constant"

    def __init__(self, padding: Any) -> None:
        super().__init__()
        n = 2 * self._axes
        self.padding = (padding,) * n if isinstance(padding, int) else tuple(padding)

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPadNd(_PadNd):
    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class _ZeroPadNd(_ConstantPadNd):
    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


def _layers(kind: str, base: type[Any], what: str, mode: str = "constant") -> list[Any]:
    made = []
    for n in (1, 2, 3):
        doc = f"Pads the last {n} axes with {what}."
        members = {"_axes": n, "_mode": mode, "__doc__": doc, "__module__": __name__}
        made.append(type(f"{kind}Pad{n}d", (base,), members))
    return made


ConstantPad1d, ConstantPad2d, ConstantPad3d = _layers("Constant", _ConstantPadNd, "a number")
ZeroPad1d, ZeroPad2d, ZeroPad3d = _layers("Zero", _ZeroPadNd, "zeros")
ReflectionPad1d, ReflectionPad2d, ReflectionPad3d = _layers(
    "Reflection", _PadNd, "the input mirrored at its ends", "reflect"
)
ReplicationPad1d, ReplicationPad2d, ReplicationPad3d = _layers(
    "Replication", _PadNd, "the input's outermost elements", "replicate"
)
CircularPad1d, CircularPad2d, CircularPad3d = _layers(
    "Circular", _PadNd, "what lies at the input's other end", "circular"
)
