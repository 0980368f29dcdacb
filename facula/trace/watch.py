"""Watching what runs: the ends of frames, their programs' steps, compilations and their reasons.

Profilers and FACULA_DEBUG are watchers. The functions that end a frame are exchanged for watched
ones when the first watcher comes and put back when the last one goes, so that nobody pays who does
not watch. Watching changes no path, no plan and no result.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any, NamedTuple

from .. import config
from ..compiler import describe
from ..compiler.timing import timed
from ..runtime import code
from . import replay
from .build import build_graph
from .recorder import Frame, caller
from .trie import Counter, Node
from .values import Value
from .why import why_compiled

REPLAY, COMPILE, REFERENCE, ONCE = "replay", "compile", "reference", "once"


class Ran(NamedTuple):
    """A frame that ended.

    kind: REPLAY (a compiled program), COMPILE (how long that took), REFERENCE (a known plan run by
    the NumPy references), ONCE (a path seen for the first time, run the same way). Times are in
    nanoseconds of `time.perf_counter_ns`. steps: begin and end of every step of the program.
    """

    kind: str
    plan: Any  # None for ONCE
    where: str
    begin: int
    end: int
    steps: list[tuple[int, int]]
    ops: int
    thread: int


class Compiled(NamedTuple):
    """A compilation. kernels: how many steps the program has; fresh: how many of them LLVM had to
    compile now, in `llvm` nanoseconds of all its threads; the others were on disk or in memory.
    """

    plan: Any
    where: str
    why: str
    nanoseconds: int
    kernels: int
    fresh: int
    llvm: int


class Watcher:
    """Gets told of everything that runs. The base class ignores it."""

    def ran(self, event: Ran) -> None:
        """A frame ended."""

    def compiled(self, event: Compiled) -> None:
        """A plan was compiled; its first run is a `Ran` of its own."""

    def name(self, value: Value) -> str:
        """What the program calls an input, or ""."""
        return ""


class Printer(Watcher):
    """FACULA_DEBUG=1: what is compiled, why, and its kernels, on standard error."""

    def compiled(self, event: Compiled) -> None:
        print(f"facula: {summary(event)}\n  why: {event.why}", file=sys.stderr)
        print(describe.text(steps_of(event.plan)), file=sys.stderr)


def steps_of(plan: Any) -> list[describe.StepInfo]:
    """What the steps of a plan's program do, in order; made anew each time."""
    if plan.program is None:
        return []
    graph = build_graph(plan.path, plan.needed, plan.outputs)
    return describe.steps(graph, plan.program.kernels)


def summary(event: Compiled) -> str:
    """A line about a compilation."""
    fresh = "none of them new"
    if event.plan.program is None:
        fresh = "not possible"
    elif event.plan.program.loaded:
        fresh = "kept on disk since an earlier process"
    elif event.fresh:
        fresh = f"{event.fresh} compiled by LLVM in {event.llvm / 1e6:.1f} ms"
    return (
        f"{len(event.plan.needed)} calls at {event.where} compiled to {event.kernels} steps in "
        f"{event.nanoseconds / 1e6:.1f} ms, {fresh}"
    )


class _Nested(threading.local):
    """Nanoseconds of the watched calls inside the one that is under way."""

    inner = 0


class _LLVM:
    """How many kernels it compiled, in all threads, and its time in them together."""

    lock = threading.Lock()
    kernels = 0
    nanoseconds = 0


_nested = _Nested()
_watchers: tuple[Watcher, ...] = ()
_changing = threading.RLock()
_originals: dict[str, Any] = {}
# By what they do: compiled plans of this process, since watching began, for the reasons.
_known: dict[tuple[Any, ...], list[Any]] = {}


def add(watcher: Watcher) -> None:
    """Switches watching on for a watcher."""
    global _watchers
    with _changing:
        if not _watchers:
            _switch_on()
        _watchers = (*_watchers, watcher)


def remove(watcher: Watcher) -> None:
    """Switches it off again; nothing happens if the watcher is not there."""
    global _watchers
    with _changing:
        before = _watchers
        _watchers = tuple(w for w in before if w is not watcher)
        if before and not _watchers:
            _switch_off()


def _switch_on() -> None:
    Counter.lines = True
    for name, make in _WATCHED.items():
        original = _originals[name] = getattr(replay, name)
        setattr(replay, name, make(original))
    _originals["llvm"] = code._compile
    code._compile = _timed_llvm


def _switch_off() -> None:
    Counter.lines = False
    code._compile = _originals.pop("llvm")
    while _originals:
        name, original = _originals.popitem()
        setattr(replay, name, original)
    _known.clear()


def _timed_llvm(ir: str) -> Any:
    begin = perf_counter_ns()
    try:
        return _originals["llvm"](ir)
    finally:
        with _LLVM.lock:
            _LLVM.kernels += 1
            _LLVM.nanoseconds += perf_counter_ns() - begin


def _tell(
    kind: str, plan: Any, where: str, begin: int, end: int, steps: list[Any], ops: int
) -> None:
    event = Ran(kind, plan, where, begin, end, steps, ops, threading.get_ident())
    for watcher in _watchers:
        watcher.ran(event)


def _watched_replay(original: Callable[..., Any]) -> Callable[..., Any]:
    def run(plan: Any, tr: Frame) -> Any:
        where, ops = caller(), len(plan.needed)
        steps: list[tuple[int, int]] = []
        _remember(plan)
        begin = perf_counter_ns()
        try:
            return timed(plan.program, steps, lambda: original(plan, tr))
        finally:
            end = perf_counter_ns()
            _nested.inner += end - begin
            _tell(REPLAY, plan, where, begin, end, steps, ops)

    return run


def _watched_compilation(original: Callable[..., Any]) -> Callable[..., Any]:
    def compile_and_run(plan: Any, tr: Frame) -> Any:
        where = caller()
        why = why_compiled(plan, _alike(plan), [_name(v) for v in tr.inputs])
        _nested.inner = 0
        fresh, llvm = _LLVM.kernels, _LLVM.nanoseconds
        begin = perf_counter_ns()
        try:
            return original(plan, tr)
        finally:
            spent = perf_counter_ns() - begin - _nested.inner
            _remember(plan)
            kernels = len(plan.program.kernels) if plan.program is not None else 0
            fresh, llvm = _LLVM.kernels - fresh, _LLVM.nanoseconds - llvm
            event = Compiled(plan, where, why, spent, kernels, fresh, llvm)
            for watcher in _watchers:
                watcher.compiled(event)
            _tell(COMPILE, plan, where, begin, begin + spent, [], len(plan.needed))

    return compile_and_run


def _watched_reference(original: Callable[..., Any]) -> Callable[..., Any]:
    def reference(plan: Any, tr: Frame) -> Any:
        where, begin = caller(), perf_counter_ns()
        try:
            return original(plan, tr)
        finally:
            end = perf_counter_ns()
            _nested.inner += end - begin
            _tell(REFERENCE, plan, where, begin, end, [], len(plan.needed))

    return reference


def _watched_first_sight(original: Callable[..., Any]) -> Callable[..., Any]:
    def first_sight(tr: Frame, live: list[Value], path: list[Node], bound: int) -> Any:
        where, ops, begin = caller(), tr.node.depth, perf_counter_ns()
        try:
            return original(tr, live, path, bound)
        finally:
            _tell(ONCE, None, where, begin, perf_counter_ns(), [], ops)

    return first_sight


_WATCHED = {
    "_replay": _watched_replay,
    "_compile_and_run": _watched_compilation,
    "_reference": _watched_reference,
    "_first_sight": _watched_first_sight,
}


def _signature(path: list[Node]) -> tuple[Any, ...]:
    """What a path does, without sizes."""
    return tuple(n.op.name if n.op is not None else n.kind for n in path)


def _alike(plan: Any) -> list[Any]:
    """Compiled plans to compare with, the best last: those that do the same, or all there are."""
    same = _known.get(_signature(plan.path), [])
    return [*(p for plans in _known.values() for p in plans if p not in same), *same]


def _remember(plan: Any) -> None:
    if plan.program is not None:
        plans = _known.setdefault(_signature(plan.path), [])
        if plan not in plans:
            plans.append(plan)


def _name(v: Any) -> str:
    if type(v) is Value:
        for watcher in _watchers:
            name = watcher.name(v)
            if name:
                return name
    return ""


if config.debug:
    add(Printer())
