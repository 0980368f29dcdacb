"""`profile`, `schedule` and `record_function`: torch.profiler's interface on what Facula runs.

While a profile records, every step of a program is timed on its own (see compiler/timing.py), and
results stay the same, bit for bit. The time outside frames is one row: recording, and the
program's own Python.
"""

from __future__ import annotations

import enum
import functools
import os
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from ..trace import watch
from ..trace.replay import flush
from ._collector import Collector, PlanTotals
from ._events import EventList, FunctionEvent

PYTHON = "Python: recording and the program"


class ProfilerActivity(enum.Enum):
    """What to profile. There is the CPU."""

    CPU = 0
    XPU = 1
    MTIA = 2
    CUDA = 3
    HPU = 4
    PrivateUse1 = 5


class ProfilerAction(enum.Enum):
    """What a profile does during a step of the program."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


_RECORDING = (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)


def supported_activities() -> set[ProfilerActivity]:
    """The activities that can be profiled here."""
    return {ProfilerActivity.CPU}


def schedule(
    *,
    wait: int,
    warmup: int,
    active: int,
    repeat: int = 0,
    skip_first: int = 0,
    skip_first_wait: int = 0,
) -> Callable[[int], ProfilerAction]:
    """The action of every step: skip `skip_first` steps, then cycles of wait, warmup and active.

    repeat: the number of cycles (0: until the end). skip_first_wait: whether the first cycle has no
    wait. Raises ValueError for negative numbers and for no active step.
    """
    if min(wait, warmup, repeat, skip_first) < 0 or active <= 0:
        raise ValueError(
            "schedule: expected wait, warmup, repeat, skip_first >= 0 and active > 0, got "
            f"wait={wait}, warmup={warmup}, active={active}, repeat={repeat}, "
            f"skip_first={skip_first}"
        )
    cycle = wait + warmup + active

    def action(step: int) -> ProfilerAction:
        if step < 0:
            raise ValueError(f"step: expected a number from 0, got {step}")
        if step < skip_first:
            return ProfilerAction.NONE
        step -= skip_first
        if skip_first_wait:
            step += wait
        if repeat and step >= repeat * cycle:
            return ProfilerAction.NONE
        at = step % cycle
        if at < wait:
            return ProfilerAction.NONE
        if at < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD_AND_SAVE if at == cycle - 1 else ProfilerAction.RECORD

    return action


def tensorboard_trace_handler(
    dir_name: str, worker_name: str | None = None, use_gzip: bool = False
) -> Callable[[profile], None]:
    """A function for `on_trace_ready` that writes each trace to a file of its own in a folder.

    Raises RuntimeError where the folder cannot be made.
    """

    def handler(prof: profile) -> None:
        try:
            os.makedirs(dir_name, exist_ok=True)
        except OSError as error:
            raise RuntimeError(f"can't create directory: {dir_name}") from error
        worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        suffix = ".pt.trace.json" + (".gz" if use_gzip else "")
        prof.export_chrome_trace(os.path.join(dir_name, f"{worker}.{time.time_ns()}{suffix}"))

    return handler


_active: list[profile] = []  # profiles that record now


class record_function:
    """A range with a name, as context manager or decorator.

    Its time is that of the Python in it and of frames that end in it; what is recorded in it and
    runs later counts where it runs.
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name, self.args = name, args
        self._begins: list[int] = []

    def __enter__(self) -> record_function:
        self._begins.append(time.perf_counter_ns())
        return self

    def __exit__(self, *_: object) -> None:
        begin, end = self._begins.pop(), time.perf_counter_ns()
        for prof in _active:
            prof._ranges.append((self.name, begin, end, threading.get_ident()))

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name, self.args):
                return function(*args, **kwargs)

        return wrapped


class profile:
    """Records what runs between `start` and `stop`, or where `schedule` says so.

    activities: ProfilerActivity.CPU is the one that there is; others are left out with a warning.
    schedule: a function from the number of the step to a ProfilerAction. on_trace_ready: called
    with the profile at the end of each recorded stretch. record_shapes: keep the shapes of what
    kernels read. profile_memory: keep the bytes of results. with_stack: keep the line of the
    program where each frame ended, and those that a kernel's ops come from. with_flops, and other
    arguments of torch.profiler.profile, change nothing: operations are counted in any case.
    """

    def __init__(
        self,
        *,
        activities: Iterable[ProfilerActivity] | None = None,
        schedule: Callable[[int], ProfilerAction] | None = None,
        on_trace_ready: Callable[..., Any] | None = None,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_flops: bool = False,
        with_modules: bool = False,
        experimental_config: Any = None,
        execution_trace_observer: Any = None,
        acc_events: bool = False,
        use_cuda: bool | None = None,
        custom_trace_id_callback: Any = None,
    ) -> None:
        wanted = set(activities) if activities is not None else supported_activities()
        others = sorted(a.name for a in wanted - supported_activities())
        if others:
            warnings.warn(f"profile: no {', '.join(others)} here; it is left out", stacklevel=2)
        if not wanted:
            raise ValueError("activities: expected at least one, got none")
        self.activities = wanted & supported_activities()
        self.schedule = schedule
        self.on_trace_ready = on_trace_ready
        self.record_shapes, self.profile_memory = record_shapes, profile_memory
        self.with_stack, self.with_flops, self.with_modules = with_stack, with_flops, with_modules
        self.step_num = 0
        self.current_action = self._action()
        self._ranges: list[tuple[str, int, int, int]] = []
        self._metadata: dict[str, Any] = {}
        self._collector: Collector | None = None
        self._events: EventList | None = None
        self._step_begin = 0

    # -- start, step, stop

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begins, with what the schedule says of step 0."""
        if self.current_action in _RECORDING:
            self._begin()
        self._step_begin = time.perf_counter_ns()

    def step(self) -> None:
        """Says that the program's next step begins."""
        self._note_step()
        before = self.current_action
        self.step_num += 1
        self.current_action = after = self._action()
        if before in _RECORDING and (
            before is ProfilerAction.RECORD_AND_SAVE or after not in _RECORDING
        ):
            self._finish()
            before = ProfilerAction.NONE
        if after in _RECORDING and before not in _RECORDING:
            self._begin()
        self._step_begin = time.perf_counter_ns()

    def stop(self) -> None:
        """Ends; work that is recorded and has not run yet is run, and counted."""
        if self.current_action in _RECORDING and self._collector is not None:
            flush()
            self._note_step()
            self._finish()

    def _action(self) -> ProfilerAction:
        if self.schedule is None:
            return ProfilerAction.RECORD
        return self.schedule(self.step_num)

    def _note_step(self) -> None:
        if self.schedule is not None and self._collector is not None:
            name = f"ProfilerStep#{self.step_num}"
            now = time.perf_counter_ns()
            self._ranges.append((name, self._step_begin, now, threading.get_ident()))

    def _begin(self) -> None:
        self._ranges = []
        self._events = None
        self._collector = Collector(keep_events=True)
        self._collector.start()
        _active.append(self)

    def _finish(self) -> None:
        assert self._collector is not None
        collector, self._collector = self._collector, None
        _active.remove(self)
        collector.stop()
        self._events = _events(collector, self._ranges, self)
        self._events.metadata = self._metadata
        if self.on_trace_ready is not None:
            self.on_trace_ready(self)

    # -- results

    def events(self) -> EventList:
        """Everything that ran, in the order of its end. Raises RuntimeError before the end."""
        if self._events is None:
            raise RuntimeError("Profiler didn't finish running: call this after stop()")
        return self._events

    def key_averages(
        self, group_by_input_shape: bool = False, group_by_stack_n: int = 0,
        group_by_overload_name: bool = False,
    ) -> EventList:  # fmt: skip
        """One row for each name, to be printed with `.table(sort_by=..., row_limit=...)`."""
        return self.events().key_averages(group_by_input_shape, group_by_stack_n)

    def total_average(self) -> Any:
        """Everything in one row."""
        return self.events().total_average()

    def export_chrome_trace(self, path: str) -> None:
        """Writes a trace for chrome://tracing or Perfetto (`.gz`: compressed)."""
        self.events().export_chrome_trace(path)

    def export_stacks(self, path: str, metric: str = "self_cpu_time_total") -> None:
        """Writes lines for flame graphs: the lines of the program and a time in microseconds."""
        with open(path, "w", encoding="utf-8") as file:
            for e in self.events():
                if e.stack and int(getattr(e, metric)) > 0:
                    names = ";".join([*reversed(e.stack), e.name]).replace(" ", "_")
                    file.write(f"{names} {int(getattr(e, metric))}\n")

    def add_metadata(self, key: str, value: str) -> None:
        """Puts a text into the trace file."""
        self._metadata[key] = value

    def add_metadata_json(self, key: str, value: str) -> None:
        """Puts a value, given as JSON, into the trace file."""
        import json

        self._metadata[key] = json.loads(value)

    preset_metadata_json = add_metadata_json


_NAMES = {
    watch.COMPILE: "compilation",
    watch.REFERENCE: "uncompiled: first sights of work with gradients",
    watch.ONCE: "uncompiled: first sights",
}


def _events(
    collector: Collector, ranges: list[tuple[str, int, int, int]], options: profile
) -> EventList:
    """The events of a stretch, with their parents."""
    start = collector.begin
    found = EventList()

    def add(name: str, kind: str, begin: int, end: int, thread: int, **more: Any) -> FunctionEvent:
        e = FunctionEvent(name, kind, (begin - start) / 1e3, (end - start) / 1e3, thread, **more)
        found.append(e)
        return e

    for ran in collector.events:
        stack = [ran.where] if options.with_stack else []
        if ran.plan is None or ran.kind != watch.REPLAY:
            category = "compile" if ran.kind == watch.COMPILE else "reference"
            add(
                _NAMES[ran.kind], category, ran.begin, ran.end, ran.thread, stack=stack,
                info={"at": ran.where, "ops": ran.ops},
            )  # fmt: skip
            continue
        plan = collector.plans[id(ran.plan)]
        memory = sum(ran.plan.program.output_bytes) if options.profile_memory else 0
        add(
            f"plan {plan.number}: {plan.label()}", "plan", ran.begin, ran.end, ran.thread,
            stack=stack, info={"at": ran.where, "ops": ran.ops}, cpu_memory_usage=memory,
        )  # fmt: skip
        _steps(add, plan, ran, options)
    for name, begin, end, thread in ranges:
        add(name, "user", max(begin, start), end, thread)
    found.nest()
    found.total_us = (collector.end - start) / 1e3
    top = sum(
        e.cpu_time_total for e in found if e.cpu_parent is None and e.thread == collector.thread
    )
    rest = max(0.0, found.total_us - top)
    python = FunctionEvent(PYTHON, "python", 0.0, found.total_us, collector.thread)
    python.self_cpu_time_total = rest
    python.cpu_time_total = rest
    found.append(python)
    return found


def _steps(add: Any, plan: PlanTotals, ran: watch.Ran, options: profile) -> None:
    for info, (begin, end) in zip(plan.infos, ran.steps, strict=False):
        shapes = [list(s) for s in info.shapes] if options.record_shapes else []
        name = f"{info.label} (host)" if info.host else info.label
        add(
            name, "host" if info.host else "kernel", begin, end, ran.thread,
            input_shapes=shapes, stack=list(info.lines) if options.with_stack else [],
            flops=info.flops, bytes=info.reads + info.writes, threads=info.threads,
            info={
                "plan": plan.number, "ops": dict(info.ops), "reads": info.reads,
                "writes": info.writes, "flops": info.flops, "threads": info.threads,
            },
        )  # fmt: skip
