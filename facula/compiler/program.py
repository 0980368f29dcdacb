"""From a graph to a blueprint: the scheduler's entries become steps, with memory for their values.

`compile_graph` is the compiler's way in. What it returns runs (executable.py); what that was made
from is a `Blueprint`, plain data that the disk keeps under a fingerprint of the work, so that a
second process neither schedules nor generates code.
"""

from __future__ import annotations

import gc
import sys
from array import array
from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any

from .. import config
from ..graph.graph import Graph
from ..runtime import code, cpu
from . import codegen, epilogue, in_place, pipeline, scan, scatter, sort, update
from .contraction import steps as contraction
from .contraction.product import NativeStep
from .executable import (
    FIRST,
    PACK,
    Access,
    Address,
    Blueprint,
    HostCall,
    Native,
    Pack,
    Program,
    Stretch,
    Take,
)
from .fusion import Cluster
from .loops import lower
from .schedule import CONTRACTIONS, CompileError, Scheduler, Step

__all__ = ["CompileError", "Program", "compile_graph"]

_PARALLEL = 32768  # elements (times their weight) below which a step stays on one thread
_KEPT = 1 << 13  # bytes of a packed copy below which looking for it costs as much as making it


class Builder:
    """The steps of a graph's program while they are collected."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._batch = code.Batch()
        self._slot: dict[int, int] = {}
        self._arena = 0
        self._offsets: tuple[int, ...] = ()
        self._parts: list[Stretch | HostCall] = []
        self._steps: list[Native] = []  # of the native stretch being collected
        self._records: list[int] = []
        self._addresses: list[tuple[int, str, str]] = []
        self._packs: list[Pack] = []
        self._at: dict[int, tuple[int, int]] = {}  # where the kernels of clusters are: part, step
        self._tiled: set[int] = set()  # entries that do not go over elements one by one
        self._takes: list[Take] = []
        self._work = 0
        self._entry = 0  # the entry of the schedule whose steps are being made
        self.references: list[Callable[..., Any]] = []  # of the host calls, in order
        cpu.prepare(self._batch)
        try:
            self._build(graph)
            self._batch.finish()
        finally:
            self._batch.stop()

    def blueprint(self) -> Blueprint:
        """What was collected."""
        kinds = "".join("d" if s == "f" else "q" for s in self._graph.scalars)
        return Blueprint(
            len(self._graph.inputs), len(self._graph.outputs), kinds, self._arena, self._offsets,
            array("q", self._records).tobytes(), tuple(self._addresses), tuple(self._packs),
            tuple(self._takes), tuple(self._parts),
        )  # fmt: skip

    def _build(self, graph: Graph) -> None:
        if config.debug >= 2:
            print(graph.text(), file=sys.stderr)
        schedule = Scheduler(graph).run()
        if config.debug >= 3:
            print(_schedule_text(schedule), file=sys.stderr)
        self._plan_memory(schedule)
        for self._entry, entry in enumerate(schedule.entries):
            if isinstance(entry, Cluster):
                self._cluster(entry)
            elif entry.kind == "host":
                self._host(entry)
            else:
                self._opaque(schedule, entry)
        self._close_stretch()
        for place in in_place.places(schedule, lambda v: self._slot.get(v, -1)):
            if not self._tiled.intersection(place.entries):
                at = self._at[place.copy] if place.copy >= 0 else (-1, -1)
                self._takes.append(Take(place.input, place.output, *at))

    def _plan_memory(self, s: Scheduler) -> None:
        """Gives every value in memory a slot, and intermediates their place in the arena."""
        graph = s.graph
        slots = [*graph.inputs, *graph.outputs]
        for i, v in enumerate(slots):
            self._slot[v] = FIRST + i
        for v, output in s.memory_of.items():
            self._slot[v] = self._slot[output]
        last: dict[int, int] = {}
        for order, entry in enumerate(s.entries):
            for v in _reads(entry):
                last[s.alias.get(v, v)] = order
        self._share(s, last)
        arena, offsets = _Arena(), {}
        wanted: list[tuple[int, int, int]] = []
        self._scratch: dict[int, int] = {}
        for entry in s.entries:
            if isinstance(entry, Step) and entry.kind in CONTRACTIONS:
                node = entry.node
                tag = s.tags[node.outs[0]]
                finished = entry.epilogue is not None and not entry.epilogue.apart
                nbytes = contraction.scratch_bytes(graph, node, entry.operands, tag, finished)
            elif isinstance(entry, Step) and entry.kind == "sort":
                nbytes = self._sorted(s, entry).scratch_bytes
            else:
                continue
            if nbytes:
                wanted.append((entry.order, entry.order, -1 - entry.order))
                self._scratch[-1 - entry.order] = nbytes
        for v, order in s.place.items():
            if order >= 0 and v not in s.alias and v not in self._slot:
                wanted.append((s.first.get(v, order), last.get(v, order), v))
        wanted.sort()
        for first, final, v in wanted:
            nbytes = self._scratch.get(v) or self._nbytes(v)
            offsets[v] = arena.take(first, max(final, s.place.get(v, final)), nbytes)
        self._arena, self._offsets = arena.size, tuple(offsets.values())
        for i, v in enumerate(offsets):
            self._slot[v] = FIRST + len(slots) + i
        for v, base in s.alias.items():
            self._slot[v] = self._slot[base]

    def _share(self, s: Scheduler, last: dict[int, int]) -> None:
        """Results that take the memory of an operand that is read for the last time."""
        for entry in s.entries:
            if not isinstance(entry, Step) or entry.kind not in CONTRACTIONS:
                continue
            for a, v in contraction.shared_memory(entry.node):
                base = s.alias.get(a, a)
                free = s.place[base] >= 0 and base not in self._slot and v not in self._slot
                if free and last[base] == entry.order and self._nbytes(base) == self._nbytes(v):
                    above = [x for x, b in s.alias.items() if b == v]
                    s.alias.update(dict.fromkeys((v, *above), base))
                    last[base] = max(last[base], last.pop(v, entry.order))

    def _nbytes(self, v: int) -> int:
        return prod(self._graph.shapes[v]) * self._graph.dtypes[v].itemsize

    def _native(self, name: str, key: str, make: Any, record: Sequence[int | Address], chunks: int,
                work: int, threshold: int = _PARALLEL, together: bool = False) -> None:  # fmt: skip
        """Appends a native step.

        key, make: of the kernel, as `code.function_address` takes them. record: the words that the
        kernel reads; an address among them is an `Address`, since it is another one in the next
        process.
        """
        if not chunks:
            return
        start = len(self._records)
        for item in record or (0,):
            if isinstance(item, Address):
                self._addresses.append((len(self._records), item.kind, item.name))
                item = 0
            self._records.append(item)
        threads = 1 if work < 2 * threshold else min(chunks, work // threshold)
        kernel = self._kernel(key, make)
        self._steps.append(Native(kernel, start, chunks, threads, self._entry, name, together))
        self._work += work

    def _kernel(self, key: str, make: Callable[[], str]) -> str:
        """The digest of a kernel, which is loaded or will be compiled."""

        def text() -> str:
            ir = make()
            if config.debug >= 5:
                print(ir, file=sys.stderr)
            if config.debug >= 6:
                print(code.assembly(ir), file=sys.stderr)
            return ir

        return self._batch.want(key, text)

    def _cluster(self, cluster: Cluster) -> None:
        kernel = lower(cluster, self._slot.__getitem__)
        if config.debug >= 4:
            print(kernel.text(), file=sys.stderr)
        self._at[self._entry] = len(self._parts), len(self._steps)
        if kernel.tiled:
            self._tiled.add(self._entry)
        self._native(
            kernel.kind,
            kernel.key(),
            lambda: codegen.generate(kernel),
            kernel.record,
            kernel.chunks,
            kernel.work,
        )

    def _step(self, step: NativeStep, nbytes: int) -> None:
        """nbytes: of the memory between the steps of the node."""
        if step.name == PACK and step.chunks and nbytes >= _KEPT:
            self._note_pack(step, nbytes)
        self._native(
            step.name, step.key, step.make, step.record, step.chunks, step.work, step.threshold,
            step.together,
        )  # fmt: skip

    def _note_pack(self, step: NativeStep, nbytes: int) -> None:
        source, target, *rest = step.record
        assert isinstance(source, int) and isinstance(target, int)
        if FIRST <= source < FIRST + len(self._graph.inputs):
            key = (step.key, step.chunks, *rest)
            place = len(self._parts), len(self._steps)
            self._packs.append(Pack(*place, source, target, nbytes, key))

    def _opaque(self, s: Scheduler, step: Step) -> None:
        graph, node = s.graph, step.node
        if step.kind in CONTRACTIONS:
            out = node.outs[0]
            lower_epilogue = None
            if step.epilogue is not None and not step.epilogue.apart:
                lower_epilogue = partial(epilogue.lower, step.epilogue, self._slot.__getitem__)
                if config.debug >= 4:
                    print(lower_epilogue(1, 0).text(), file=sys.stderr)
            found = contraction.steps(
                graph, node, step.operands, s.tags[out], lambda v: self._slot.get(v, 0),
                self._slot.get(-1 - step.order, -1), lower_epilogue,
            )  # fmt: skip
            for native in found:
                self._step(native, self._scratch.get(-1 - step.order, 0))
            if step.epilogue is not None and step.epilogue.apart:
                self._cluster(step.epilogue)
        elif step.kind == "scatter":
            self._scatter(s, step)
        elif step.kind == "scan":
            self._scan(s, step)
        elif step.kind == "sort":
            self._sort(s, step)
        else:
            expr, _, k, written = node.attrs[:4]
            rows = [step.operands[i : i + k] for i in range(0, len(step.operands), k)]
            plan = update.Plan(
                s.tags[step.operands[0]], expr, written,
                [[self._slot[v] for v in row] for row in rows],
                [prod(graph.shapes[row[0]]) for row in rows], graph.scalars,
            )  # fmt: skip
            self._native(
                "update",
                plan.key,
                plan.generate(),
                plan.record,
                plan.chunks,
                plan.work,
            )

    def _scatter(self, s: Scheduler, step: Step) -> None:
        graph, node = s.graph, step.node
        out = node.outs[0]
        index, source = step.operands
        slots = [self._slot[out], self._slot[index.value], self._slot[source.value]]
        plan = scatter.Plan(
            s.tags[out], s.tags[index.value], slots, index, source,
            graph.shapes[node.ins[1]], graph.shapes[out], node.attrs[0], step.number,
            node.op == "scatter_add",
        )  # fmt: skip
        self._native(
            node.op,
            plan.key,
            plan.generate(),
            plan.record,
            plan.chunks,
            plan.work,
        )

    def _scan(self, s: Scheduler, step: Step) -> None:
        node, (source,) = step.node, step.operands
        out = node.outs[0]
        slots = [self._slot[out], self._slot[source.value]]
        op, axis = node.attrs
        plan = scan.Plan(op, s.tags[out], slots, source, self._graph.shapes[out], axis)
        self._native("scan", plan.key, plan.generate(), plan.record, plan.chunks, plan.work)

    def _sorted(self, s: Scheduler, step: Step) -> sort.Plan:
        node, (source,) = step.node, step.operands
        tag = s.tags[node.ins[0]]
        return sort.Plan(tag, source, self._graph.shapes[node.ins[0]], *node.attrs)

    def _sort(self, s: Scheduler, step: Step) -> None:
        plan = self._sorted(s, step)
        slots = [self._slot[v] for v in (*step.node.outs, step.operands[0].value)]
        record = plan.record([*slots, self._slot.get(-1 - step.order, -1)])
        self._native("sort", plan.key, plan.generate(), record, plan.chunks, plan.work)

    def _host(self, step: Step) -> None:
        self._close_stretch()
        graph, node = self._graph, step.node
        assert node.host is not None

        def access(v: int) -> Access:
            return self._slot.get(v, -1), graph.shapes[v], graph.dtypes[v].name

        ins, outs = tuple(map(access, node.ins)), tuple(map(access, node.outs))
        self._parts.append(HostCall(len(self.references), ins, outs, self._entry))
        self.references.append(node.host)

    def _close_stretch(self) -> None:
        if self._steps:
            self._parts.append(Stretch(self._work, tuple(self._steps)))
            self._steps, self._work = [], 0


class _Arena:
    """Offsets for values by lifetime: a value may lie where another that is over lay."""

    def __init__(self) -> None:
        self.size = 0
        self._live: list[tuple[int, int, int]] = []  # (offset, end, last use), by offset

    def take(self, first: int, last: int, nbytes: int) -> int:
        nbytes = max(64, nbytes + 63 & -64)
        if nbytes % 4096 == 0:
            # Rows of two values at one distance from a page's start would get in each other's way:
            # a load waits for a store before it whose address ends with the same 12 bits.
            nbytes += 192
        live = [block for block in self._live if block[2] >= first]
        offset, best, room = 0, -1, 1 << 62
        for start, end, _ in live:
            if nbytes <= start - offset < room:
                best, room = offset, start - offset
            offset = max(offset, end)
        if best < 0:
            best = offset
        live.append((best, best + nbytes, last))
        live.sort()
        self._live = live
        self.size = max(self.size, best + nbytes)
        return best


def _reads(entry: Cluster | Step) -> list[int]:
    """The values that an entry reads from memory."""
    return list(entry.loads) if isinstance(entry, Cluster) else entry.reads()


def _schedule_text(s: Scheduler) -> str:
    lines = []
    for i, entry in enumerate(s.entries):
        if isinstance(entry, Cluster):
            what = ", ".join(
                f"%{r.value}{f' {r.reduce.op}' if r.reduce else ''}{'' if r.stored else ' (kept)'}"
                for r in entry.roots
            )
            lines.append(f"{i}: {entry.kind} {entry.domain} -> {what}; reads {sorted(entry.loads)}")
        else:
            after = ""
            if entry.epilogue is not None:
                after = " then " + ", ".join(f"%{r.value}" for r in entry.epilogue.roots)
            lines.append(
                f"{i}: {entry.kind} {entry.node.op} -> {entry.node.outs}{after}; "
                f"reads {_reads(entry)}"
            )
    return "\n".join(lines)


def compile_graph(graph: Graph) -> Program:
    """Compiles a graph.

    Raises CompileError for a node with neither native code nor a reference and where the compiler
    itself fails (the references can still run); with FACULA_DEBUG that failure comes out as it is.
    """
    given = {n.host: i for i, n in reversed([*enumerate(graph.nodes)]) if n.host is not None}
    collecting = gc.isenabled()
    gc.disable()  # of thousands of small objects few are garbage: looking is a seventh of the time
    try:
        graph = pipeline.run(graph)
        builder = Builder(graph)
        blueprint = builder.blueprint()
        where = {i: n.where for i, n in enumerate(graph.nodes) if n.where}
        program = Program(blueprint, dict(enumerate(builder.references)), where)
    except CompileError:
        raise
    except Exception as error:
        if config.debug:
            raise
        raise CompileError(f"internal error: {type(error).__name__}: {error}") from error
    finally:
        if collecting:
            gc.enable()
    numbers = tuple(given.get(reference, -1) for reference in builder.references)
    if -1 not in numbers:  # a reference that a pass made exists in this process only
        program.kept = (blueprint, numbers)
    return program
