"""Adds up what runs while it is on: plans, their steps, compilations, and the time in Python.

A collector is a watcher (trace/watch.py). Totals cost a few numbers for each plan, so that a whole
training run can be watched; single events are kept only where somebody wants a time line.
"""

from __future__ import annotations

import sys
import threading
from time import perf_counter_ns
from typing import Any

from ..compiler import describe
from ..runtime import cpu
from ..tensor import Tensor
from ..trace import watch
from ..trace.values import Value


class StepTotals:
    """How often a step of a program ran, and for how long, in nanoseconds."""

    __slots__ = ("calls", "total", "least")

    def __init__(self) -> None:
        self.calls = self.total = 0
        self.least = 1 << 62

    def add(self, nanoseconds: int) -> None:
        """Counts one run."""
        self.calls += 1
        self.total += nanoseconds
        self.least = min(self.least, nanoseconds)


class PlanTotals:
    """One plan: a path with its results, how it ran and what its program does."""

    def __init__(self, number: int, plan: Any, where: str) -> None:
        self.number, self.plan, self.where = number, plan, where
        self.ops = len(plan.needed)
        self.runs = self.total = 0  # of its program
        self.reference_runs = self.reference_total = 0
        self.compilations: list[watch.Compiled] = []
        self.steps: list[StepTotals] = []
        self._infos: list[describe.StepInfo] | None = None

    @property
    def infos(self) -> list[describe.StepInfo]:
        """What the steps do, in order. Made at the first use."""
        if self._infos is None:
            most = cpu.get_num_threads()
            found = watch.steps_of(self.plan)
            self._infos = [i._replace(threads=min(i.threads, most)) for i in found]
        return self._infos

    def label(self, count: int = 4) -> str:
        """What it does, in a few words: the ops that its kernels are made of."""
        names: dict[str, None] = {}
        for info in self.infos:
            names.update(dict.fromkeys(n for n, _ in info.ops if not n.endswith(" backward")))
        if not names:
            names = dict.fromkeys(  # nothing compiled: what was called
                n.op.name for n in self.plan.path if n.op is not None and not n.cause
            )
        shown = list(names)[:count]
        return ", ".join(shown) + (", ..." if len(names) > count else "")


class Collector(watch.Watcher):
    """Collects between `start` and `stop`; may be started again and goes on adding."""

    def __init__(self, keep_events: bool = False) -> None:
        self.keep_events = keep_events
        self.plans: dict[int, PlanTotals] = {}
        self.once: dict[str, list[int]] = {}  # line -> frames, ops, nanoseconds
        self.compilations: list[watch.Compiled] = []
        self.events: list[watch.Ran] = []
        self.begin = self.end = 0
        self.wall = 0  # nanoseconds between start and stop
        self.running = 0  # of these in frames, on the thread that started
        self.thread = 0

    def start(self) -> None:
        """Begins to watch."""
        self.thread = threading.get_ident()
        self.begin = perf_counter_ns()
        watch.add(self)

    def stop(self) -> None:
        """Ends watching. What is recorded and has not run is not counted."""
        watch.remove(self)
        self.end = perf_counter_ns()
        self.wall += self.end - self.begin

    def ran(self, event: watch.Ran) -> None:
        spent = event.end - event.begin
        if event.thread == self.thread:
            self.running += spent
        if self.keep_events:
            self.events.append(event)
        if event.plan is None:
            once = self.once.setdefault(event.where, [0, 0, 0])
            for k, n in enumerate((1, event.ops, spent)):
                once[k] += n
            return
        plan = self._plan(event.plan, event.where)
        if event.kind == watch.REPLAY:
            plan.runs += 1
            plan.total += spent
            while len(plan.steps) < len(event.steps):
                plan.steps.append(StepTotals())
            for totals, (begin, end) in zip(plan.steps, event.steps, strict=False):
                totals.add(end - begin)
        elif event.kind == watch.REFERENCE:
            plan.reference_runs += 1
            plan.reference_total += spent

    def compiled(self, event: watch.Compiled) -> None:
        self.compilations.append(event)
        self._plan(event.plan, event.where).compilations.append(event)

    def name(self, value: Value) -> str:
        """The name of a tensor among the globals of the program's files on the stack.

        Names of locals would cost more than they are worth: asking a function for its variables
        keeps them alive.
        """
        frame = sys._getframe(1)
        seen: set[int] = set()
        while frame is not None:
            names = frame.f_globals
            if not names.get("__name__", "").startswith("facula") and id(names) not in seen:
                seen.add(id(names))
                for name, x in list(names.items()):
                    if isinstance(x, Tensor) and x._v is value:
                        return name
            frame = frame.f_back  # type: ignore[assignment]
        return ""

    def _plan(self, plan: Any, where: str) -> PlanTotals:
        found = self.plans.get(id(plan))
        if found is None:
            found = self.plans[id(plan)] = PlanTotals(len(self.plans) + 1, plan, where)
        return found

    @property
    def python(self) -> int:
        """Nanoseconds outside frames: recording, and the program's own Python."""
        return max(0, self.wall - self.running)
