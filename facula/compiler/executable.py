"""Programs, what replays run, and blueprints, what programs are made of and the disk keeps.

A program is flat: a table of pointers (slots), tables of steps, the steps' records and an arena for
intermediate values, all in memory. A replay writes the pointers of inputs and
outputs and the scalars, and makes one foreign call for each native stretch. Host steps are Python
calls in between.

A `Blueprint` says the same without addresses, in plain data: a second process makes the program
from it and schedules nothing.
"""

from __future__ import annotations

import ctypes
import functools
import struct
import threading
from array import array
from collections.abc import Callable, Mapping, Sequence
from math import prod
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from ..dtypes import BY_NAME
from ..runtime import amx, code, copies, cpu, memory

HOST = "host"  # the kind of a host step
# The kind of a step that copies an operand in the order in which the next step reads it. Its record
# begins with the slots of both; what it writes depends on the operand and the rest of the record.
PACK = "pack"
ADD = "add"  # sums that were done in parts
FIRST = 2  # slot 0 is the status block, slot 1 the scalars
STEP_WORDS = 4  # of a step, as the runner reads it: code, record, chunks, threads
_LIGHT = 1 << 15  # work below which a replay keeps the interpreter's lock

# A host step's access to a value: slot (-1: nobody wants it), shape, name of the dtype.
Access = tuple[int, tuple[int, ...], str]


class Address(NamedTuple):
    """An item of a record that is an address, known only when the program is loaded.

    kind "kernel": the kernel whose digest is `name`; kind "amx": none, but the process must be
    permitted to use the processor's matrix tiles.
    """

    kind: str
    name: str

    def find(self) -> int:
        """The address in this process. Raises LookupError where there is no such function."""
        if self.kind == "amx" and amx.permitted():
            return 0
        functions = code.loaded(self.name) if self.kind == "kernel" else None
        if functions is None:
            raise LookupError(f"no {self.kind} with the name {self.name!r}")
        return functions["kernel"]


class Native(NamedTuple):
    """A native step: the digest of its kernel, where its record begins, chunks, most threads.

    entry: the entry of the schedule that it is for (see describe.py). name: what kind of step.
    together: whether a thread does its stretch of the chunks in one call.
    """

    kernel: str
    record: int
    chunks: int
    threads: int
    entry: int
    name: str
    together: bool


class HostCall(NamedTuple):
    """A call of a node's reference on views of the memory."""

    reference: int
    ins: tuple[Access, ...]
    outs: tuple[Access, ...]
    entry: int


class Stretch(NamedTuple):
    """Native steps that one foreign call runs, and their work together."""

    work: int
    steps: tuple[Native, ...]


class Pack(NamedTuple):
    """A step of the kind PACK whose operand is an input, so that its copy may be kept (copies.py).

    part, step: where it is. source, target: slots. nbytes: of the copy. key: what tells it from
    other copies of that memory.
    """

    part: int
    step: int
    source: int
    target: int
    nbytes: int
    key: tuple[Any, ...]


class Take(NamedTuple):
    """An output that may be written where an input lies (see in_place.py).

    part, step: where the copy is that is left out then; -1: there is none.
    """

    input: int
    output: int
    part: int
    step: int


class Blueprint(NamedTuple):
    """A compiled graph without addresses.

    inputs, outputs: how many. scalars: the kind of each ("d" or "q"). arena: bytes. offsets: for
    each slot after the inputs and outputs, where in the arena. records: the int64 words of all
    records, one after the other. addresses: (position among these words, kind, name). parts:
    stretches and host calls in order. packs: the steps whose results may be kept. takes: the
    outputs that may take an input's memory.
    """

    inputs: int
    outputs: int
    scalars: str
    arena: int
    offsets: tuple[int, ...]
    records: bytes
    addresses: tuple[tuple[int, str, str], ...]
    packs: tuple[Pack, ...]
    takes: tuple[Take, ...]
    parts: tuple[Stretch | HostCall, ...]

    def entry(self) -> tuple[Any, ...]:
        """The blueprint as plain tuples, for the cache on disk."""
        parts = tuple(
            (p.work, tuple(map(tuple, p.steps))) if isinstance(p, Stretch) else tuple(p)
            for p in self.parts
        )
        packs, takes = tuple(map(tuple, self.packs)), tuple(map(tuple, self.takes))
        return (*self[:-3], packs, takes, parts)

    @staticmethod
    def of_entry(entry: tuple[Any, ...]) -> Blueprint:
        """The reverse of `entry`. Raises TypeError or ValueError for what is none."""
        *fields, packs, takes, parts = entry
        made = tuple(
            Stretch(p[0], tuple(Native(*step) for step in p[1])) if len(p) == 2 else HostCall(*p)
            for p in parts
        )
        kept, taken = tuple(Pack(*p) for p in packs), tuple(Take(*t) for t in takes)
        return Blueprint._make([*fields, kept, taken, made])


# Memory for intermediate values, which nothing outlives a run in: programs that run one after the
# other share it, so that a process holds the largest arena that it needs, not one for every program
# that it ever made. Two at once, of two threads, have one each.
_arenas: list[memory.Buffer] = []
_MOST_SPARE = 1 << 20  # bytes by which an arena that was too small grows beyond what is asked

_View = tuple[int, Any, np.dtype[Any]]  # slot, shape, dtype


class Host:
    """A host step of a program: the reference, and the values' slots, shapes and NumPy dtypes."""

    __slots__ = ("reference", "ins", "outs")

    def __init__(self, reference: Callable[..., Any], call: HostCall) -> None:
        self.reference = reference
        self.ins: list[_View] = [(slot, shape, BY_NAME[d].np) for slot, shape, d in call.ins]
        self.outs: list[_View] = [(slot, shape, BY_NAME[d].np) for slot, shape, d in call.outs]


def _array_at(address: int, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    nbytes = prod(shape) * dtype.itemsize
    if not nbytes:
        return np.empty(shape, dtype)
    raw = memoryview((ctypes.c_char * nbytes).from_address(address))
    return np.frombuffer(raw, dtype=dtype).reshape(shape)


class Program:
    """A compiled graph. `run` may be called from any thread; calls wait for each other."""

    def __init__(
        self,
        blueprint: Blueprint,
        references: Mapping[int, Callable[..., Any]],
        where: Mapping[int, str],
    ) -> None:
        """references: for the numbers in host calls. where: what is known of a node's call.

        Raises LookupError where a kernel or another function is not to be had.
        """
        b = blueprint
        self._where = where
        self._lock = threading.Lock()
        self._status = (ctypes.c_int64 * 4)()
        self._cells = (ctypes.c_int64 * max(1, len(b.scalars)))()
        self.scalars = b.scalars  # the kind of each run-time number, "d" or "q"
        self._pack_scalars = struct.Struct("=" + b.scalars).pack_into
        self._inputs, self._outputs = b.inputs, b.outputs
        self._pack = struct.Struct(f"={b.inputs + b.outputs}Q").pack_into
        self._held: list[slice] = []
        self._records = array("q", b.records or bytes(8))
        for position, kind, name in b.addresses:
            self._records[position] = Address(kind, name).find()
        self._arena, self._offsets = max(b.arena, 64), b.offsets
        self._base = 0  # where the arena was that the table points into
        self._first = FIRST + b.inputs + b.outputs
        self._table = (ctypes.c_uint64 * (self._first + len(b.offsets)))()
        self._slots_address = ctypes.addressof(self._table)
        self._table[0] = ctypes.addressof(self._status)
        self._table[1] = ctypes.addressof(self._cells)
        self.output_bytes: list[int] = []  # for the caller's use
        self.kept: tuple[Blueprint, tuple[int, ...]] | None = None  # until it is on disk
        # Of every step, in order: its entry in the schedule, its kind, most threads.
        self.kernels: list[tuple[int, str, int]] = []
        self.loaded = False  # from the disk
        self._steps: list[array[int]] = []
        self._stretches: list[Any] = []
        for part in b.parts:
            if isinstance(part, HostCall):
                self._stretches.append(Host(references[part.reference], part))
                self.kernels.append((part.entry, HOST, 1))
            else:
                self._stretches.append(self._stretch(part))
        self.packs = b.packs
        self.packed = [pack.source - FIRST for pack in b.packs]  # the inputs they are made of
        self._packing = [self._chunks_of(b, p.part, p.step) for p in b.packs]
        self._packed_of = itemgetter(*self.packed) if self.packed else None
        self._token = object()  # stands for the program among those whose copies are settled
        self._places: list[int] = []  # where their copies are (see `_place_copies`)
        self.takes = b.takes
        self._copying = [
            self._chunks_of(b, t.part, t.step) if t.part >= 0 else None for t in b.takes
        ]
        self._taken: Sequence[bool] = ()  # which of them are: their copies are left out
        self._single: Callable[[], int] | None = None  # the program, where it is one stretch
        if len(self._stretches) == 1 and not isinstance(self._stretches[0], Host):
            run, first, count = self._stretches[0]
            keep_lock = run is cpu.runner_holding_lock()
            self._single = cpu.bind_steps(self._slots_address, first, count, keep_lock)

    def _stretch(self, stretch: Stretch) -> tuple[Any, int, int]:
        """What runs a stretch: the runner, and its steps as the runner reads them."""
        records = self._records.buffer_info()[0]
        words: list[int] = []
        for kernel, record, chunks, threads, entry, name, together in stretch.steps:
            functions = code.loaded(kernel)
            if functions is None:
                raise LookupError(f"kernel {kernel} is in no cache")
            most = -threads if together else threads
            words += (functions["kernel"], records + 8 * record, chunks, most)
            self.kernels.append((entry, name, threads))
        steps = array("q", words)
        self._steps.append(steps)
        run = cpu.runner_holding_lock() if stretch.work < _LIGHT else cpu.runner()
        return run, steps.buffer_info()[0], len(stretch.steps)

    def _chunks_of(self, b: Blueprint, part: int, step: int) -> tuple[array[int], int, int]:
        """Where a step's number of chunks is said (words, place), and the number."""
        words = self._steps[sum(isinstance(p, Stretch) for p in b.parts[:part])]
        place = STEP_WORDS * step + 2
        return words, place, words[place]

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
        self._held = [slice(FIRST + first, FIRST + first + n) for first, n in ranges]
        self._cells_of_table = memoryview(self._table).cast("B").cast("Q")

    def run(
        self,
        input_ptrs: Sequence[int],
        output_ptrs: Sequence[int],
        scalars: Sequence[float],
        tables: Sequence[array[int]] = (),
        memories: Callable[[], Sequence[Any]] | None = None,
        taken: Sequence[bool] = (),
    ) -> None:
        """Runs the program once.

        The pointers are addresses of dense memory in the order of the graph's inputs and outputs,
        the scalars in that of `graph.scalars`; `tables` has one array for each range of inputs that
        `hold` named. `memories()`: of the inputs in `packed`, None for those that somebody may
        write to meanwhile; packed copies of what stays the same are kept. `taken`: which of `takes`
        are so, their outputs being where the inputs are; empty: none. Raises IndexError where an
        index is out of range.
        """
        with self._lock:
            self._pack(self._table, 16, *input_ptrs, *output_ptrs)
            if tables:
                for place, table in zip(self._held, tables, strict=True):
                    self._cells_of_table[place] = memoryview(table)
            if scalars:
                self._pack_scalars(self._cells, 0, *scalars)
            if taken is not self._taken and taken != self._taken:
                self._leave_out(taken)
            if not self._offsets:
                self._go()
                return
            try:
                arena = _arenas.pop()
            except IndexError:
                arena = None
            if arena is None or arena.ptr != self._base or arena.nbytes < self._arena:
                arena = self._move(arena)
            try:
                if self.packs and (memories is not None or self._places):
                    self._go_with_copies(input_ptrs, memories)
                else:
                    self._go()
            finally:
                _arenas.append(arena)

    def _go_with_copies(
        self, input_ptrs: Sequence[int], memories: Callable[[], Sequence[Any]] | None
    ) -> None:
        """Runs the program with the copies that are kept, and keeps those that it makes."""
        assert self._packed_of is not None
        at, settled = self._packed_of(input_ptrs), copies.settled()
        last = settled.get(self._token)  # holds the copies while it runs
        if last is not None and last[0] == at and memories is not None:
            self._go()
            return
        held: list[copies.Copy] = []  # while it runs
        made: list[tuple[copies.Source, copies.Key, copies.Copy]] = []
        places = []
        found_memories = [None] * len(self.packs) if memories is None else memories()
        for pack, source_memory in zip(self.packs, found_memories, strict=True):
            place = 0
            if source_memory is not None:
                copy = copies.find(source_memory, pack.key)
                if copy is not None:
                    held.append(copy)
                    place = copy.ptr | 1
                else:
                    found = copies.room(source_memory, pack.nbytes)
                    if found is not None:
                        source, copy = found
                        made.append((source, pack.key, copy))
                        place = copy.ptr
            places.append(place)
        if places != self._places:
            self._place_copies(places)
        if len(held) == len(places):
            settled[self._token] = at, held
        else:
            settled.pop(self._token, None)
        self._go()
        for source, key, copy in made:
            source.made[key] = copy

    def _place_copies(self, places: list[int]) -> None:
        """places: of each pack, the address of its copy, an odd number where that is up to date; 0:
        in the arena.
        """
        for pack, (words, k, chunks), place in zip(self.packs, self._packing, places, strict=True):
            offset = self._offsets[pack.target - self._first]
            self._table[pack.target] = place & -2 or self._base + offset
            words[k] = 0 if place & 1 else chunks
        self._places = places

    def _leave_out(self, taken: Sequence[bool]) -> None:
        """Leaves out the copies to outputs that are where the inputs are."""
        for k, copy in enumerate(self._copying):
            if copy is not None:
                words, place, chunks = copy
                words[place] = 0 if taken and taken[k] else chunks
        self._taken = taken

    def fixed(self, limit: int = 1 << 20) -> Fixed | None:
        """A table of this program's own for runs in which most addresses stay the same; None where
        it is not one stretch of native steps, or needs more than `limit` bytes for itself.
        """
        if self._single is None or self._arena > limit:
            return None
        return Fixed(self)

    def stretch(self) -> tuple[Any, array[int], int]:
        """The runner, and the steps of a program of one stretch: a copy, of which none is left
        out.
        """
        run, _, count = self._stretches[0]
        steps = array("q", self._steps[0])
        for step in (*self._packing, *self._copying):
            if step is not None:
                steps[step[1]] = step[2]
        return run, steps, count

    def _move(self, arena: memory.Buffer | None) -> memory.Buffer:
        """Points the table into another arena: the one given, or a new one where it is too
        small.
        """
        if arena is None or arena.nbytes < self._arena:
            # Sequences that grow by one ask for a little more each: to map memory anew for all of
            # them costs more than some that is not used.
            spare = 0 if arena is None else min(arena.nbytes, _MOST_SPARE)
            arena = memory.allocate(self._arena + spare)
        base = self._base = arena.ptr
        self._table[self._first :] = [base + offset for offset in self._offsets]
        if self._places:
            self._place_copies(self._places)
        return arena

    def _go(self) -> None:
        if self._single is not None:
            if self._single():
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
        where = self._where.get(number)
        raise IndexError(
            f"index {index} is out of bounds for dimension with size {size}"
            + (f" ({where})" if where else "")
        )

    def _call_host(self, host: Host) -> None:
        arrays = [_array_at(self._table[slot], shape, d) for slot, shape, d in host.ins]
        with np.errstate(all="ignore"):
            found = host.reference(*arrays)
        results = found if isinstance(found, tuple) else (found,)
        for (slot, shape, d), result in zip(host.outs, results, strict=True):
            if slot >= 0 and prod(shape):
                target = _array_at(self._table[slot], shape, d)
                np.copyto(target, np.asarray(result).reshape(shape), casting="unsafe")


class Fixed:
    """One native stretch with a table of its own, for one thread.

    `slots[i]` is the address of input i, after the inputs come the outputs. `pack(cells, 0,
    *numbers)` writes the run-time scalars; `go()` runs it, and is not 0 after an error.
    """

    # In slots: what machine code reads that runs it (trace/replay_code.py).
    __slots__ = ("head", "kinds", "_tables", "_outputs", "__dict__")

    def __init__(self, program: Program) -> None:
        # One block of memory: the numbers, then the table. So one call writes the numbers and the
        # addresses at the table's beginning.
        count, numbers = len(program._table), len(program._cells)
        self._memory = (ctypes.c_int64 * (numbers + count))()
        self.cells = (ctypes.c_int64 * numbers).from_buffer(self._memory)
        self._table = (ctypes.c_uint64 * count).from_buffer(self._memory, 8 * numbers)
        self._table[:] = list(program._table)
        self._status = (ctypes.c_int64 * 4)()
        self._arena = memory.allocate(program._arena)
        head = ctypes.addressof(self._status), ctypes.addressof(self.cells)
        self._table[0], self._table[1] = head
        offsets = program._offsets
        self._table[program._first :] = [self._arena.ptr + offset for offset in offsets]
        self.slots = memoryview(self._table).cast("B").cast("Q")[FIRST:]
        self.pack = program._pack_scalars
        self._program = program  # holds the steps and their records
        self._places = [slice(held.start - FIRST, held.stop - FIRST) for held in program._held]
        self._last = program._inputs
        self._tables: list[array[int]] = []
        self._outputs: Sequence[int] = ()
        plain = program._inputs - sum(held.stop - held.start for held in program._held)
        kinds = program.scalars + "q" * (numbers - len(program.scalars))
        # Between the numbers and the addresses of the inputs.
        self._rest = (*(0,) * (numbers - len(program.scalars)), *head)
        self._write = functools.partial(
            struct.Struct(f"={kinds}{FIRST + plain}Q").pack_into, self._memory, 0
        )
        run, self._steps, n = program.stretch()
        keep_lock = run is cpu.runner_holding_lock()
        steps = self._steps.buffer_info()[0]
        self.go = cpu.bind_steps(ctypes.addressof(self._table), steps, n, keep_lock)
        # Whether it runs, how it is run, and where the numbers, the inputs' and the outputs'
        # addresses go.
        first = ctypes.addressof(self._table) + 8 * FIRST
        self._head = (ctypes.c_int64 * 7)(
            0, *cpu.machine_call(self.go), keep_lock, ctypes.addressof(self._memory), first,
            first + 8 * self._last,
        )  # fmt: skip
        self.head = ctypes.addressof(self._head)
        self.kinds = program.scalars.encode()

    def run(
        self,
        input_ptrs: list[int],
        output_ptrs: list[int],
        scalars: Sequence[float],
        tables: list[array[int]],
    ) -> bool:
        """As `Program.run`, where tables come after all other inputs, and neither tables nor the
        list of outputs are changed once they were given. False, with nothing done, where steps of
        the program are being timed, or it runs already: another thread may end the frame of one.
        """
        program = self._program
        if program._single is None or self._head[0]:
            return False
        self._head[0] = 1
        try:
            self._write(*scalars, *self._rest, *input_ptrs)
            if output_ptrs is not self._outputs:
                self._outputs = output_ptrs
                self.slots[self._last : self._last + len(output_ptrs)] = memoryview(
                    array("Q", output_ptrs)
                )
            if tables != self._tables:
                self._hold(tables)
            failed = self.go()
        finally:
            self._head[0] = 0
        if failed:
            self.complain()
        return True

    def complain(self) -> None:
        """Raises the error that a run has met."""
        program = self._program
        ctypes.memmove(program._status, self._status, ctypes.sizeof(self._status))
        program._raise()

    def _hold(self, tables: list[array[int]]) -> None:
        """Writes the tables, which are not in the table yet."""
        self._tables = tables
        for place, table in zip(self._places, tables, strict=True):
            self.slots[place] = memoryview(table)
