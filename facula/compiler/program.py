"""Programs: what the compiler hands to the trace, and what replays run.

A program is flat: a table of pointers (slots), a table of steps, the steps' records and an arena
for intermediate values, all in memory at fixed addresses. A replay writes the pointers of inputs
and outputs and the scalars, and makes one foreign call for each native stretch. Host steps are
Python calls in between.
"""

from __future__ import annotations

import ctypes
import struct
import sys
import threading
from array import array
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from .. import config
from ..graph.graph import Graph, GraphNode
from ..runtime import blas, code, cpu, memory
from . import codegen, gemm, pipeline, scatter, update
from .fusion import Cluster
from .loops import lower
from .schedule import CompileError, Scheduler, Step

__all__ = ["CompileError", "Program", "compile_graph"]

_FIRST = 2  # slot 0 is the status block, slot 1 the scalars
_PARALLEL = 32768  # elements (times their weight) below which a step stays on one thread
_PARALLEL_GEMM = 1 << 19
_LIGHT = 1 << 15  # work below which a replay keeps the interpreter's lock


class Host:
    """A call of a node's reference on views of the memory."""

    __slots__ = ("node", "ins", "outs")

    def __init__(self, node: GraphNode, ins: list[Any], outs: list[Any]) -> None:
        self.node, self.ins, self.outs = node, ins, outs


def _array_at(address: int, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    nbytes = prod(shape) * dtype.itemsize
    if not nbytes:
        return np.empty(shape, dtype)
    raw = memoryview((ctypes.c_char * nbytes).from_address(address))
    return np.frombuffer(raw, dtype=dtype).reshape(shape)


class Program:
    """A compiled graph. `run` may be called from any thread; calls wait for each other."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._lock = threading.Lock()
        self._status = (ctypes.c_int64 * 4)()
        self._cells = (ctypes.c_int64 * max(1, len(graph.scalars)))()
        kinds = "".join("d" if s == "f" else "q" for s in graph.scalars)
        self._pack_scalars = struct.Struct("=" + kinds).pack_into
        self._inputs, self._outputs = len(graph.inputs), len(graph.outputs)
        self._pack = struct.Struct(f"={self._inputs + self._outputs}Q").pack_into
        self._held: list[slice] = []
        self._slot: dict[int, int] = {}
        self._stretches: list[Any] = []
        self._steps: list[int] = []  # quadruples of the native stretch being collected
        self._records: list[array[int]] = []
        self._work = 0
        self.output_bytes: list[int] = []  # for the caller's use
        self.kernels: list[str] = []  # a line about every native step
        self._build(graph)

    # -- building

    def _build(self, graph: Graph) -> None:
        if config.debug >= 2:
            print(graph.text(), file=sys.stderr)
        schedule = Scheduler(graph).run()
        if config.debug >= 3:
            print(_schedule_text(schedule), file=sys.stderr)
        self._plan_memory(schedule)
        for entry in schedule.entries:
            if isinstance(entry, Cluster):
                self._cluster(entry)
            elif entry.kind == "host":
                self._host(entry)
            else:
                self._opaque(schedule, entry)
        self._close_stretch()

    def _plan_memory(self, s: Scheduler) -> None:
        """Gives every value in memory a slot, and intermediates their place in the arena."""
        graph = s.graph
        slots = [*graph.inputs, *graph.outputs]
        for i, v in enumerate(slots):
            self._slot[v] = _FIRST + i
        last: dict[int, int] = {}
        for order, entry in enumerate(s.entries):
            for v in _reads(entry):
                last[s.alias.get(v, v)] = order
        arena, offsets = _Arena(), {}
        wanted: list[tuple[int, int, int]] = []
        for v, order in s.place.items():
            if order >= 0 and v not in s.alias and v not in self._slot:
                wanted.append((s.first.get(v, order), last.get(v, order), v))
        wanted.sort()
        for first, final, v in wanted:
            offsets[v] = arena.take(first, max(final, s.place[v]), self._nbytes(v))
        self._arena = memory.allocate(max(arena.size, 64))
        self._table = (ctypes.c_uint64 * (_FIRST + len(slots) + len(offsets)))()
        self._slots_address = ctypes.addressof(self._table)
        self._table[0] = ctypes.addressof(self._status)
        self._table[1] = ctypes.addressof(self._cells)
        for i, (v, offset) in enumerate(offsets.items()):
            self._slot[v] = _FIRST + len(slots) + i
            self._table[self._slot[v]] = self._arena.ptr + offset
        for v, base in s.alias.items():
            self._slot[v] = self._slot[base]

    def _nbytes(self, v: int) -> int:
        return prod(self._graph.shapes[v]) * self._graph.dtypes[v].itemsize

    def _native(self, name: str, key: str, make: Any, record: list[int], chunks: int, work: int,
                threshold: int = _PARALLEL) -> None:  # fmt: skip
        """Appends a native step."""
        if not chunks:
            return

        def text() -> str:
            ir: str = make()
            if config.debug >= 5:
                print(ir, file=sys.stderr)
            if config.debug >= 6:
                print(code.assembly(ir), file=sys.stderr)
            return ir

        address = code.function_address(key, text)
        numbers = array("q", record or [0])
        self._records.append(numbers)
        threads = 1 if work < 2 * threshold else min(chunks, work // threshold)
        self._steps += [address, numbers.buffer_info()[0], chunks, threads]
        self._work += work
        line = f"{name}: chunks={chunks} threads<={threads} work={work}"
        self.kernels.append(line)
        if config.debug >= 1:
            print(line, file=sys.stderr)

    def _cluster(self, cluster: Cluster) -> None:
        kernel = lower(cluster, self._slot.__getitem__)
        if config.debug >= 4:
            print(kernel.text(), file=sys.stderr)
        name = f"{kernel.kind} {cluster.domain} -> {[r.value for r in cluster.roots if r.stored]}"
        self._native(
            name,
            kernel.key(),
            lambda: codegen.generate(kernel),
            kernel.record,
            kernel.chunks,
            kernel.work,
        )

    def _opaque(self, s: Scheduler, step: Step) -> None:
        graph, node = s.graph, step.node
        if step.kind == "matmul":
            out = node.outs[0]
            a, b = step.operands
            tag = s.tags[out]
            k = graph.shapes[node.ins[0]][-1]
            slots = [self._slot[out], self._slot[a.value], self._slot[b.value]]
            slots = [slots[1], slots[2], slots[0]]
            if not prod(graph.shapes[out]):
                return
            function = blas.address("cblas_sgemm" if tag == "f32" else "cblas_dgemm")
            record, chunks, work = gemm.record(function, slots, a, b, graph.shapes[out], k)
            self._native(
                f"matmul {graph.shapes[out]} k={k}", gemm.key(tag), gemm.generate(tag), record,
                chunks, work, _PARALLEL_GEMM,
            )  # fmt: skip
        elif step.kind == "scatter":
            self._scatter(s, step)
        else:
            expr, _, k, written = node.attrs[:4]
            rows = [step.operands[i : i + k] for i in range(0, len(step.operands), k)]
            plan = update.Plan(
                s.tags[step.operands[0]], expr, written,
                [[self._slot[v] for v in row] for row in rows],
                [prod(graph.shapes[row[0]]) for row in rows], graph.scalars,
            )  # fmt: skip
            self._native(
                f"update of {len(rows)} tensors",
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
        )  # fmt: skip
        self._native(
            f"scatter_add {graph.shapes[out]}",
            plan.key,
            plan.generate(),
            plan.record,
            plan.chunks,
            plan.work,
        )

    def _host(self, step: Step) -> None:
        self._close_stretch()
        graph, node = self._graph, step.node

        def access(v: int) -> Any:
            return self._slot.get(v, -1), graph.shapes[v], graph.dtypes[v].np

        self._stretches.append(
            Host(node, [access(v) for v in node.ins], [access(v) for v in node.outs])
        )

    def _close_stretch(self) -> None:
        if self._steps:
            steps = array("q", self._steps)
            self._records.append(steps)
            count = len(self._steps) // 4
            run = cpu.runner_holding_lock() if self._work < _LIGHT else cpu.runner()
            self._stretches.append((run, steps.buffer_info()[0], count))
            self._steps, self._work = [], 0
        self._single = None
        if len(self._stretches) == 1 and not isinstance(self._stretches[0], Host):
            self._single = self._stretches[0]

    # -- running

    def hold(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Says that the inputs of these ranges (first, count) come as tables, not as pointers.

        A table is an array of addresses made once for many runs: thousands of parameters that stay
        where they are cost a copy of it, not an argument each.
        """
        layout, at = "=", 0
        for first, count in ranges:
            layout += f"{first - at}Q{8 * count}x"
            at = first + count
        layout += f"{self._inputs + self._outputs - at}Q"
        self._pack = struct.Struct(layout).pack_into
        self._held = [slice(_FIRST + first, _FIRST + first + n) for first, n in ranges]
        self._cells_of_table = memoryview(self._table).cast("B").cast("Q")

    def run(
        self,
        input_ptrs: Sequence[int],
        output_ptrs: Sequence[int],
        scalars: Sequence[float],
        tables: Sequence[array[int]] = (),
    ) -> None:
        """Runs the program once.

        The pointers are addresses of dense memory in the order of the graph's inputs and outputs,
        the scalars in that of `graph.scalars`; `tables` has one array for each range of inputs that
        `hold` named. Raises IndexError where an index is out of range.
        """
        with self._lock:
            self._pack(self._table, 16, *input_ptrs, *output_ptrs)
            if tables:
                for place, table in zip(self._held, tables, strict=True):
                    self._cells_of_table[place] = memoryview(table)
            if scalars:
                self._pack_scalars(self._cells, 0, *scalars)
            if self._single is not None:
                function, steps, count = self._single
                if function(self._slots_address, steps, count):
                    self._raise()
                return
            for stretch in self._stretches:
                if isinstance(stretch, Host):
                    self._call_host(stretch)
                elif stretch[0](self._slots_address, stretch[1], stretch[2]):
                    self._raise()

    def _raise(self) -> None:
        kind, index, size, number = self._status
        self._status[0] = 0
        assert kind == 1, f"unknown status {kind}"
        where = self._graph.nodes[number].where
        raise IndexError(
            f"index {index} is out of bounds for dimension with size {size}"
            + (f" ({where})" if where else "")
        )

    def _call_host(self, host: Host) -> None:
        arrays = [_array_at(self._table[slot], shape, d) for slot, shape, d in host.ins]
        assert host.node.host is not None
        with np.errstate(all="ignore"):
            found = host.node.host(*arrays)
        results = found if isinstance(found, tuple) else (found,)
        for (slot, shape, d), result in zip(host.outs, results, strict=True):
            if slot >= 0 and prod(shape):
                target = _array_at(self._table[slot], shape, d)
                np.copyto(target, np.asarray(result).reshape(shape), casting="unsafe")


class _Arena:
    """Offsets for values by lifetime: a value may lie where another that is over lay."""

    def __init__(self) -> None:
        self.size = 0
        self._live: list[tuple[int, int, int]] = []  # (offset, end, last use), by offset

    def take(self, first: int, last: int, nbytes: int) -> int:
        nbytes = max(64, nbytes + 63 & -64)
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
    if isinstance(entry, Cluster):
        return list(entry.loads)
    return [v if isinstance(v, int) else v.value for v in entry.operands]


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
            lines.append(
                f"{i}: {entry.kind} {entry.node.op} -> {entry.node.outs}; reads {_reads(entry)}"
            )
    return "\n".join(lines)


def compile_graph(graph: Graph) -> Program:
    """Compiles a graph.

    Raises CompileError for a node with neither native code nor a reference and where the compiler
    itself fails (the references can still run); with FACULA_DEBUG that failure comes out as it is.
    """
    try:
        return Program(pipeline.run(graph))
    except CompileError:
        raise
    except Exception as error:
        if config.debug:
            raise
        raise CompileError(f"internal error: {type(error).__name__}: {error}") from error
