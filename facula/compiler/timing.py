"""Running a program step by step with a clock, for profilers.

The stretches of a program are calls of the native runner on many steps. While a program is timed,
they are Python loops over the same steps, one call each: the same kernels on the same chunks, so
the same bits. A program that is not timed has nothing of this in its way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any, TypeVar

from .executable import Host, Program

STEP = 32  # bytes of a step in the runner's list
Stamps = list[tuple[int, int]]  # (begin, end) of each step, in nanoseconds, in order
T = TypeVar("T")

_lock = threading.RLock()  # one at a time: the program's attributes are exchanged meanwhile


def timed(program: Program, stamps: Stamps, call: Callable[[], T]) -> T:
    """`call()`, which runs the program; the times of its steps are appended to `stamps`."""

    def native(run: Any) -> Callable[[int, int, int], int]:
        def steps(slots: int, address: int, count: int) -> int:
            status = 0
            for i in range(count):
                begin = perf_counter_ns()
                status = run(slots, address + STEP * i, 1)
                stamps.append((begin, perf_counter_ns()))
            return status

        return steps

    def host(step: Host) -> None:
        begin = perf_counter_ns()
        try:
            Program._call_host(program, step)
        finally:
            stamps.append((begin, perf_counter_ns()))

    with _lock:
        stretches, single = program._stretches, program._single
        slow = [s if isinstance(s, Host) else (native(s[0]), *s[1:]) for s in stretches]
        attributes = vars(program)
        attributes.update(_stretches=slow, _single=None, _call_host=host)
        try:
            return call()
        finally:
            attributes.update(_stretches=stretches, _single=single)
            del attributes["_call_host"]
