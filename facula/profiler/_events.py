"""Events and their averages, with the attributes, the table and the trace file of torch.profiler.

Times are in microseconds, as there. There is one device, so that everything about others is 0.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterable
from typing import Any

_SORTABLE = (
    "cpu_time", "cpu_time_total", "self_cpu_time_total", "cpu_memory_usage",
    "self_cpu_memory_usage", "count", "flops", "device_time", "device_time_total",
    "self_device_time_total", "cuda_time", "cuda_time_total", "self_cuda_time_total",
    "cuda_memory_usage", "self_cuda_memory_usage", "device_memory_usage",
    "self_device_memory_usage",
)  # fmt: skip


class TimeRange:
    """Microseconds from the start of the profile."""

    def __init__(self, start: float, end: float) -> None:
        self.start, self.end = start, end

    def elapsed_us(self) -> float:
        """Its length."""
        return self.end - self.start


class _Numbers:
    """What events and averages have in common."""

    count = 1
    cpu_time_total = 0.0
    self_cpu_time_total = 0.0
    cpu_memory_usage = self_cpu_memory_usage = 0
    flops = 0
    bytes = 0  # read and written by kernels
    threads = 0
    device_time_total = self_device_time_total = device_time = 0.0
    cuda_time_total = self_cuda_time_total = cuda_time = 0.0
    cuda_memory_usage = self_cuda_memory_usage = 0
    device_memory_usage = self_device_memory_usage = 0
    is_async = is_remote = is_legacy = False

    @property
    def cpu_time(self) -> float:
        """Microseconds of one call, on average."""
        return self.cpu_time_total / self.count if self.count else 0.0

    @property
    def cpu_time_total_str(self) -> str:
        return microseconds(self.cpu_time_total)

    @property
    def self_cpu_time_total_str(self) -> str:
        return microseconds(self.self_cpu_time_total)

    @property
    def cpu_time_str(self) -> str:
        return microseconds(self.cpu_time)


class FunctionEvent(_Numbers):
    """One run of something. category: plan, kernel, host, compile, reference, user or python."""

    def __init__(
        self, name: str, category: str, begin: float, end: float, thread: int, **more: Any
    ) -> None:
        self.name = self.key = name
        self.category, self.thread = category, thread
        self.time_range = TimeRange(begin, end)
        self.cpu_time_total = self.self_cpu_time_total = end - begin
        self.input_shapes: list[list[int]] = more.pop("input_shapes", [])
        self.stack: list[str] = more.pop("stack", [])
        self.info: dict[str, Any] = more.pop("info", {})
        self.cpu_parent: FunctionEvent | None = None
        self.cpu_children: list[FunctionEvent] = []
        self.is_user_annotation = category == "user"
        for field, value in more.items():
            setattr(self, field, value)

    def __repr__(self) -> str:
        return (
            f"<FunctionEvent name={self.name} category={self.category} cpu_time="
            f"{self.cpu_time_str} thread={self.thread} input_shapes={self.input_shapes}>"
        )


class FunctionEventAvg(_Numbers):
    """All runs of what has one name."""

    def __init__(self, key: str | None = None, category: str = "") -> None:
        self.key, self.category, self.count = key, category, 0
        self.input_shapes: list[list[int]] = []
        self.stack: list[str] = []
        self.is_user_annotation = category == "user"

    def add(self, other: FunctionEvent | FunctionEventAvg) -> FunctionEventAvg:
        """Adds an event or another average."""
        if self.key is None:
            self.key = other.key
        self.count += other.count
        for field in (
            "cpu_time_total", "self_cpu_time_total", "cpu_memory_usage", "self_cpu_memory_usage",
            "flops", "bytes",
        ):  # fmt: skip
            setattr(self, field, getattr(self, field) + getattr(other, field))
        self.threads = max(self.threads, other.threads)
        return self

    __iadd__ = add

    def __repr__(self) -> str:
        return (
            f"<FunctionEventAvg key={self.key} self_cpu_time={self.self_cpu_time_total_str} "
            f"cpu_time={self.cpu_time_str} count={self.count} input_shapes={self.input_shapes}>"
        )


class EventList(list[Any]):
    """Events or averages, with what one does with them."""

    total_us = 0.0  # of the profile

    def nest(self) -> None:
        """Finds the parent of each event by time, and takes the children's time from its own."""
        stacks: dict[int, list[FunctionEvent]] = {}
        for e in sorted(self, key=lambda e: (e.time_range.start, -e.time_range.end)):
            stack = stacks.setdefault(e.thread, [])
            while stack and stack[-1].time_range.end < e.time_range.end:
                stack.pop()
            if stack:
                e.cpu_parent = stack[-1]
                stack[-1].cpu_children.append(e)
                stack[-1].self_cpu_time_total -= e.cpu_time_total
            stack.append(e)

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds of everything together."""
        return float(sum(e.self_cpu_time_total for e in self))

    def total_average(self) -> FunctionEventAvg:
        """Everything in one."""
        total = FunctionEventAvg()
        for e in self:
            total.add(e)
        total.key = "Total"
        return total

    def key_averages(
        self, group_by_input_shapes: bool = False, group_by_stack_n: int = 0
    ) -> EventList:
        """One average for each name (and shapes of inputs, and lines of the program)."""
        found: dict[Any, FunctionEventAvg] = {}
        for e in self:
            name = "ProfilerStep*" if e.name.startswith("ProfilerStep#") else e.name
            key: tuple[Any, ...] = (name, e.category)
            key += (str(e.input_shapes),) if group_by_input_shapes else ()
            key += tuple(e.stack[:group_by_stack_n])
            average = found.get(key)
            if average is None:
                average = found[key] = FunctionEventAvg(name, e.category)
                average.input_shapes = e.input_shapes if group_by_input_shapes else []
                average.stack = e.stack[:group_by_stack_n]
            average.add(e)
        out = EventList(found.values())
        out.total_us = self.total_us
        return out

    def table(
        self,
        sort_by: str | None = None,
        row_limit: int = 100,
        max_src_column_width: int = 75,
        max_name_column_width: int = 55,
        max_shapes_column_width: int = 80,
        header: str | None = None,
        top_level_events_only: bool = False,
    ) -> str:
        """The rows as text. sort_by: an attribute of numbers, the largest first.

        row_limit: -1 for all. Raises ValueError for another `sort_by`.
        """
        if sort_by is not None and sort_by not in _SORTABLE:
            raise ValueError(f"sort_by: expected one of {', '.join(_SORTABLE)}, got {sort_by!r}")
        rows = [e for e in self if not (top_level_events_only and getattr(e, "cpu_parent", None))]
        if sort_by is not None:
            rows.sort(key=lambda e: getattr(e, sort_by), reverse=True)
        if row_limit >= 0:
            rows = rows[:row_limit]
        total = self.self_cpu_time_total
        return _table(rows, total, max_name_column_width, max_shapes_column_width, header)

    def __str__(self) -> str:
        return self.table()

    def export_chrome_trace(self, path: str) -> None:
        """Writes the events as a trace for chrome://tracing or Perfetto (`.gz`: compressed)."""
        pid = os.getpid()
        records = [
            {
                "ph": "X", "cat": e.category, "name": e.name, "pid": pid, "tid": e.thread,
                "ts": e.time_range.start, "dur": e.time_range.elapsed_us(), "args": e.info,
            }
            for e in self
        ]  # fmt: skip
        text = json.dumps({"schemaVersion": 1, "traceEvents": records, **self.metadata})
        if str(path).endswith(".gz"):
            with gzip.open(path, "wt", encoding="utf-8") as zipped:
                zipped.write(text)
        else:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)

    metadata: dict[str, Any] = {}


def microseconds(us: float) -> str:
    """A time as people read it."""
    if us >= 1e6:
        return f"{us / 1e6:.3f}s"
    return f"{us / 1e3:.3f}ms" if us >= 1e3 else f"{us:.3f}us"


def _rate(amount: float, us: float) -> str:
    return f"{amount / us / 1e3:.2f}" if amount and us else "--"


def _table(
    rows: Iterable[Any], total: float, name_width: int, shape_width: int, header: str | None
) -> str:
    rows = list(rows)
    heads = [
        "Name", "Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg", "# of Calls",
        "Threads", "GB/s", "GFLOP/s",
    ]  # fmt: skip
    with_shapes = any(e.input_shapes for e in rows)
    with_memory = any(e.cpu_memory_usage for e in rows)
    heads += ["CPU Mem"] * with_memory + ["Input Shapes"] * with_shapes
    lines = []
    for e in rows:
        name = str(e.key)
        if len(name) > name_width:
            name = name[: name_width - 3] + "..."
        cells = [
            name, f"{100 * e.self_cpu_time_total / total:.2f}%" if total else "--",
            e.self_cpu_time_total_str, f"{100 * e.cpu_time_total / total:.2f}%" if total else "--",
            e.cpu_time_total_str, e.cpu_time_str, str(e.count), str(e.threads or "--"),
            _rate(e.bytes, e.cpu_time_total), _rate(e.flops, e.cpu_time_total),
        ]  # fmt: skip
        if with_memory:
            cells.append(f"{e.cpu_memory_usage / 1e6:.2f} MB")
        if with_shapes:
            cells.append(str(e.input_shapes)[:shape_width])
        lines.append(cells)
    widths = [max(len(line[k]) for line in [heads, *lines]) for k in range(len(heads))]
    rule = "  ".join("-" * w for w in widths)

    def text(cells: list[str]) -> str:
        first = cells[0].ljust(widths[0])
        return "  ".join([first, *(c.rjust(w) for c, w in zip(cells[1:], widths[1:], strict=True))])

    out = [header] if header else []
    out += [rule, text(heads), rule, *map(text, lines), rule]
    return "\n".join(out) + f"\nSelf CPU time total: {microseconds(total)}\n"
