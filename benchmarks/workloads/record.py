"""What a workload is, and what it must do at least: its arithmetic and its memory traffic.

The counts give the time under which no program on the machine can do the work: multiply-adds of
products and convolutions as two operations each, at the rate of the fused multiply-add, and what
has to be read and written once (inputs, parameters, gradients, optimizer state; not intermediate
results, which a fused program need not store), at the rate of memory for that much data. Work
that is neither (Python, a hundred small kernels) has no limit worth the name; the table says how
far away it is all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

Unit = Callable[[], float]
FLOAT = 4  # bytes


class Work(NamedTuple):
    """What one unit must do: arithmetic operations, bytes to read, bytes to write."""

    flops: float = 0.0
    reads: float = 0.0
    writes: float = 0.0

    def __add__(self, other: tuple[Any, ...]) -> Work:  # of the two, one after the other
        a, b, c = other
        return Work(self.flops + a, self.reads + b, self.writes + c)

    def times(self, n: float) -> Work:
        """The work of n units."""
        return Work(self.flops * n, self.reads * n, self.writes * n)


class Workload(NamedTuple):
    """build(t, compiled): sets everything up and gives the unit.

    t: torch or facula. compiled: what is applied to the network (or the function) that
    `torch.compile` would be applied to; the identity otherwise.
    """

    name: str
    what: str
    build: Callable[[Any, Callable[[Any], Any]], Unit]
    work: Work


def linear(batch: int, inputs: int, outputs: int, passes: int = 3) -> float:
    """Operations of a linear layer; passes: 1 forward, 2 with the weight's gradient, 3 with all."""
    return 2.0 * batch * inputs * outputs * passes


def conv(batch: int, places: int, inputs: int, outputs: int, kernel: int, passes: int = 3) -> float:
    """The same of a convolution with `places` positions and `kernel` taps (3 * 3 is 9)."""
    return 2.0 * batch * places * inputs * outputs * kernel * passes


def optimizer(parameters: int, states: int) -> Work:
    """A step: parameter, gradient and states are read; parameter and states are written."""
    return Work(0.0, FLOAT * parameters * (2 + states), FLOAT * parameters * (1 + states))


def training(t: Any, net: Any, criterion: Any, opt: Any, x: Any, y: Any) -> Unit:
    """The usual step on one batch."""

    def step() -> float:
        opt.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        opt.step()
        return float(loss.item())

    return step
