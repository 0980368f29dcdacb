"""The end of a frame: which values are still reachable from Python, and how they get their memory.

A (path, live values) pair seen for the first time runs op by op through the NumPy references,
unless it is heavy (first_sight.py); the second time it is compiled, and from then on replayed.
What is compiled depends on the program's history alone.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from operator import itemgetter
from typing import Any

import numpy as np

from .. import config
from ..graph import Graph
from ..runtime import copies, memory
from . import finalizers, forget, native
from .build import build_graph
from .fingerprint import fingerprint
from .first_sight import compile_at_once, path_and_bound
from .once import note_first_sight
from .recorder import Frame, _State, caller, restart, state
from .references import array_of as array_of
from .references import run_little, run_references, seen_through, without_views
from .tape import tape_of
from .trie import BUNDLE, INPUT, OP, Counter, Node
from .values import Failed, Value, outside

COMPILE_AT = 2  # the sight of a path at which it is compiled, if not at once
POOLED_OUTPUTS = 64  # a plan with more outputs, or with
POOLED_BYTES = 256 << 10  # more in them, takes their memory from the allocator each time
_LITTLE = 2_000_000  # elements, all of which may stay in memory until a frame's end
_MANY_INPUTS = 32  # of a frame of views
OWN_ARENA = 64 << 10  # a program that needs no more than this has memory of its own


_getrefcount = sys.getrefcount


def _baseline() -> int:
    """The reference count that `flush` sees of a value that only the frame holds."""
    values = [outside(None, None)]  # type: ignore[arg-type]
    return [*map(_getrefcount, values)][0]


_REFERENCED = _baseline()


class Plan:
    """How a path with certain live values is run."""

    __slots__ = (
        "path", "live", "outputs", "needed", "program", "seen", "tape", "saved", "storage",
        "input_index", "shapes", "tracked", "kept", "pool", "plain", "fixed", "aged",
        "copies", "takes", "taken_from", "arrays",
    )  # fmt: skip

    def __init__(self, frame: Frame, live: list[Value], walked: list[int]) -> None:
        base = frame.base
        self.path = frame.node.path()
        self.live = [v.vid - base for v in live]
        self.seen = self.aged = 0  # how often: now, and when paths were last forgotten
        self.program: Any = None
        self.pool: memory.Pool | None = None  # the outputs' memory, where that is little
        self.fixed: Any = None  # the program's table of this plan's own, for small programs
        self.copies: list[int] = []  # the inputs of which packed copies may be kept
        self.arrays: list[int] = []  # the inputs whose memory has come as NumPy's
        self.takes: Sequence[Any] = ()  # which outputs may take an input's memory
        self.taken_from: list[int] = []  # these inputs
        self.plain = -1  # so many values enter, and after them bundles only; -1: in another order
        roots = [
            s
            for s, v in zip(self.live, live, strict=True)
            if v.meta.requires_grad and not v.meta.leaf
        ]
        roots += walked
        self.tape = bool(roots)
        self.storage: dict[int, int] = Hooks.saved_slots(frame, roots) if roots else {}
        self.input_index: dict[int, int] = {}
        count = 0
        for n in self.path:
            if n.kind == INPUT:
                self.input_index[n.slot] = count
                count += 1
            elif n.kind == BUNDLE:
                count += 1
        produced = set(self.live)
        self.saved = sorted(self.storage)
        extra = [s for s in self.saved if s not in produced and s not in self.input_index]
        self.outputs = self.live + extra
        self.needed, self.shapes = needed_for(self.path, self.outputs)
        unseen = _unseen_errors(self.path, self.needed, self.input_index)
        if unseen:
            self.outputs = self.outputs + unseen
            self.needed, self.shapes = needed_for(self.path, self.outputs)
        self.tracked = [k for k, v in enumerate(live) if v.meta.requires_grad and not v.meta.leaf]
        place = {s: k for k, s in enumerate(self.outputs)}
        self.kept = [(s, place[s]) for s in self.saved if s in place]


def needed_for(
    path: list[Node], outputs: list[int], effects: bool = True
) -> tuple[set[int], dict[int, Any]]:
    """Positions of the nodes that the outputs (or an effect, unless none is wanted) depend on, and
    the outputs' facts.
    """
    wanted = set(outputs)
    needed: set[int] = set()
    facts: dict[int, Any] = {}
    for position in range(len(path) - 1, -1, -1):
        n = path[position]
        slot, used = n.slot, False
        for m in n.metas:
            if slot in wanted:
                facts[slot] = m
                used = True
            slot += 1
        if n.kind is OP and (effects if n.op.kind == "effect" else used):
            needed.add(position)
            wanted.update(n.ins)
    return needed, facts


def _unseen_errors(path: list[Node], needed: set[int], inputs: dict[int, int]) -> list[int]:
    """Results that nobody wants, of calls that may fail by the values of an index given from
    outside.

    An index out of range must be reported even if the program drops the result.
    """
    return [
        n.slot
        for position, n in enumerate(path)
        if n.where and position not in needed and any(s in inputs for s in n.ins[1:])
    ]


class Hooks:
    """What higher layers supply: which slots the gradients of live values will need."""

    saved_slots: Any = None


def flush(frame: Frame | None = None) -> None:
    """Ends a frame (this thread's open one by default): every value that Python holds gets
    memory.
    """
    tr = state.tr if frame is None else frame
    node = tr.node
    values = tr.values
    if not values and node.kind is not OP:
        if node is not tr.root and tr.inputs and not tr.scratch:
            restart(tr)
        return
    if tr.views and not tr.scratch:
        _drop_views(tr)
    counts = [*map(_getrefcount, values)]
    usual = node.usual
    if usual is not None and counts == usual[0] and tr.freed_key == usual[1] and not tr.walks:
        _again(usual[3], tr, usual[2](values))
        return
    if tr.scratch:
        return
    live = [v for v, n in zip(values, counts, strict=True) if n > _REFERENCED]
    base = tr.base
    walked = sorted(s for w in tr.walks for s in w.open_slots()) if tr.walks else []
    if walked:
        key = (tr.freed_key, *walked, None, *[v.vid - base for v in live])
    else:
        key = (tr.freed_key, *[v.vid - base for v in live])
    plans = node.plans
    if plans is None:
        plans = node.plans = {}
    plan = plans.get(key)
    if plan is None or plan is forget.SEEN:
        path, bound = ([], 0) if plan is not None else path_and_bound(node)
        at_once = plan is None and not config.eager and compile_at_once(tr, path, bound)
        if plan is None and not at_once and not walked and not any(map(_tracked, live)):
            plans[key] = forget.SEEN
            try:
                tr.running = True
                _first_sight(tr, live, path, bound)
            except Exception:
                _salvage(tr, live)
                raise
            finally:
                _end(tr)
            note_first_sight(tr, base, bound < _LITTLE)
            return
        first = plan is None
        plan = plans[key] = Plan(tr, live, walked)
        plan.seen = COMPILE_AT - 1 if at_once else 0 if first else 1
    if plan.program is not None:
        if not walked:  # as many references the next time mean the same live values
            places = [k for k, n in enumerate(counts) if n > _REFERENCED]
            node.usual = counts, tr.freed_key, _picker(places), plan
        _again(plan, tr, live)
        _forget(tr)
        return
    plan.seen += 1
    try:
        tr.running = True
        if plan.seen == COMPILE_AT and not config.eager:
            buffers = _compile_and_run(plan, tr)
        else:
            buffers = _reference(plan, tr)
        _deliver(plan, tr, live, buffers)
    except Exception:
        _salvage(tr, live)
        raise
    finally:
        _end(tr)


def let_go() -> None:
    """Ends this thread's frame if it holds much memory and nothing but views of it: a view of
    memory is read without running anything, and what was entered for it would stay.
    """
    tr = state.tr
    count = len(tr.inputs)
    if count < _MANY_INPUTS and (count < 4 or count & (count - 1)):  # looked at now and then
        return
    if count < _MANY_INPUTS and sum(v.meta.numel for v in tr.inputs) <= _LITTLE:
        return
    node: Node | None = tr.node
    while node is not None:
        if node.kind is BUNDLE or (node.op is not None and not node.op.view):
            return
        node = node.parent
    flush()


def _picker(places: list[int]) -> Callable[[Any], Sequence[Value]]:
    """What takes the values at these places out of a list."""
    if len(places) > 1:
        return itemgetter(*places)
    start = places[0] if places else 0
    return itemgetter(slice(start, start + len(places)))


def _again(plan: Plan, tr: Frame, live: Sequence[Value]) -> None:
    """Ends a frame whose plan is compiled."""
    plan.seen += 1
    Counter.replays += 1
    if Counter.replays == native.LOAD_AT:
        native.load_aside()
    try:
        tr.running = True
        _deliver(plan, tr, live, _replay(plan, tr))
    except Exception:
        _salvage(tr, live)
        raise
    finally:
        restart(tr)


def replayed(plan: Plan, tr: Frame, live: Sequence[Value]) -> list[Any]:
    """The part of `_again` that runs the program, for machine code, which does the rest: unless
    the program fails.
    """
    try:
        try:
            return _replay(plan, tr)
        except Exception:
            _salvage(tr, live)
            raise
    except BaseException:
        restart(tr)
        raise


def failed(plan: Plan, tr: Frame, live: Sequence[Value]) -> None:
    """What `_again` does after machine code has met an error in a program with a table of its own.
    Raises it.
    """
    try:
        try:
            plan.fixed.complain()
        except IndexError:
            _reference(plan, tr)  # says more
            raise
    except Exception:
        _salvage(tr, live)
        raise
    finally:
        restart(tr)


def _tracked(v: Value) -> bool:
    m = v.meta
    return m.requires_grad and not m.leaf


def _end(tr: Frame) -> None:
    restart(tr)
    _forget(tr)


def _forget(tr: Frame) -> None:
    """Forgets paths, where there are many. Not needed where a frame took a path known before."""
    if Counter.nodes > Counter.kept + forget.MAX_NODES // 4:
        forget.prune(tr.root)


def _first_sight(tr: Frame, live: list[Value], path: list[Node], bound: int) -> None:
    """Runs everything that was recorded through the references, and gives the live values
    memory.
    """
    base = tr.base
    outputs = [v.vid - base for v in live]
    metas = [v.meta for v in live]
    buffers = run_little(path, outputs, metas, tr) if bound < _LITTLE else None
    if buffers is None:
        buffers = run_references(path, None, outputs, metas, tr)
    for v, b in zip(live, _as_read(tr, live, buffers), strict=True):
        v.buf = b


def _salvage(tr: Frame, live: Sequence[Value]) -> None:
    """An operation raised: what does not depend on it is computed all the same, the rest notes
    the error.
    """
    outputs = [v.vid - tr.base for v in live]
    errors: list[Exception] = []
    buffers = run_references(tr.node.path(), None, outputs, [v.meta for v in live], tr, errors)
    for v, b in zip(live, _as_read(tr, live, buffers), strict=True):
        if b is not None:
            v.buf = b
        elif errors:
            note = Failed()
            note.error = errors[0]
            v.over = note


def _deliver(plan: Plan, tr: Frame, live: Sequence[Value], buffers: list[Any]) -> None:
    """Gives the live values their memory, and keeps what gradients will want."""
    buffers = _as_read(tr, live, buffers)
    # there may be more buffers; saying `strict=False` costs as much as three of them
    for v, b in zip(live, buffers):  # noqa: B905
        v.buf = b
    if not plan.tape:
        return
    tape = tape_of(tr)
    if tr.walks:
        for w in tr.walks:
            w.moved(tape)
    for k in plan.tracked:
        live[k].rec = (tape, plan.live[k])
    if not plan.saved:  # the graph is freed: what is left of it says so
        return
    saved: dict[int, Value] = {}
    versions: dict[int, tuple[Any, int]] = {}
    tape.saved, tape.versions = saved, versions
    for s, k in plan.kept:
        kept = saved[s] = outside(plan.shapes[s], buffers[k])
        if k < len(live):  # one list of notes for the tensor's value and the kept one
            v = live[k]
            if v.over is None:
                v.over = []
            kept.over = v.over
    index = plan.input_index
    for s in plan.saved:
        at = index.get(s)
        if at is not None:
            saved[s] = tr.inputs[at]
        whole = plan.storage[s]  # a write to what it is a view of counts as well
        at = index.get(whole)
        if at is not None:
            v = tr.inputs[at]
            if v.meta.leaf and v.rec is not None:
                handle = v.rec()
                if handle is not None:
                    versions[s] = (v.rec, handle._version)
            if whole != s:
                if v.over is None:
                    v.over = []
                saved[s].over = v.over
        elif whole != s and whole in saved:
            saved[s].over = saved[whole].over


def _as_read(tr: Frame, live: Sequence[Value], buffers: list[Any]) -> list[Any]:
    """The memory of the live values (there may be more behind it): what other threads have read of
    them meanwhile (foreign.py) in place of the frame's own result, whose last bits may differ.
    """
    if not tr.beside:
        return buffers
    path = tr.node.path()
    buffers = list(buffers)
    for k, v in enumerate(live):
        _, source, views = without_views(path, v.vid - tr.base)
        read = tr.beside.get(tr.base + source)
        if read is not None:
            buffers[k] = seen_through(views, read)
    return buffers


def _drop_views(tr: Frame) -> None:
    """Views without gradient history are derived again from their base when they are needed."""
    for reference in tr.views:
        view = reference()
        if view is None or view._base is None:  # it may have left its storage: `t.data = ...`
            continue
        v = view._v
        if v.buf is None and not v.meta.requires_grad and v.vid >= tr.base:
            stale = outside(v.meta, None)
            stale.over, stale.rec = "stale", reference
            view._v = stale


def pointer_of(v: Value) -> int:
    """The address of a value's memory, which becomes a Buffer if it was an ndarray."""
    b = v.buf
    if type(b) is np.ndarray:
        v.buf = b = memory.from_array(b)
    return b.ptr


def _pointers(plan: Plan, inputs: list[Any]) -> tuple[list[int], list[Any]]:
    """The addresses of the inputs, and the tables of those that came in bundles."""
    plain = plan.plain
    for k in plan.arrays:
        if type(inputs[k].buf) is np.ndarray:
            inputs[k].buf = memory.of_array(inputs[k].buf)
    if plain < 0:
        values = [v for v in inputs if type(v) is Value]
        bundles = [v for v in inputs if type(v) is not Value]
        tables = [b.table for b in bundles]
    elif plain == len(inputs) - 1:  # an optimizer's step, all of whose gradients are recorded
        values, tables = inputs[:plain], [inputs[plain].table]
    else:
        values, tables = inputs[:plain], [b.table for b in inputs[plain:]]
    try:
        return [v.buf.ptr for v in values], tables
    except AttributeError:  # memory of NumPy's
        for k, v in enumerate(inputs):
            if type(v) is Value and type(v.buf) is np.ndarray:
                v.buf = memory.of_array(v.buf)
                plan.arrays.append(k)
        return [v.buf.ptr for v in values], tables


def _bundles(path: list[Node]) -> list[tuple[int, int]]:
    """Where among the inputs of the graph those of bundles are: (first, count)."""
    ranges = []
    at = 0
    for n in path:
        if n.kind is BUNDLE:
            ranges.append((at, len(n.metas)))
        if n.kind is BUNDLE or n.kind is INPUT:
            at += len(n.metas)
    return ranges


def _replay(plan: Plan, tr: Frame) -> list[Any]:
    pool, taken = plan.pool, None
    try:
        if pool is not None:
            buffers = pool.take()
            outputs = pool.pointers
            pointers, tables = _pointers(plan, tr.inputs)
        else:
            pointers, tables = _pointers(plan, tr.inputs)
            if plan.takes:
                buffers, taken = _take_inputs(plan.takes, tr.inputs, plan.program.output_bytes)
            else:
                buffers = new_outputs(plan)
            outputs = [b.ptr for b in buffers]
        if plan.copies or taken:
            memories = partial(_memories, plan.copies, tr.inputs) if plan.copies else None
            plan.program.run(pointers, outputs, tr.scalars, tables, memories, taken or ())
        elif plan.fixed is None or not plan.fixed.run(pointers, outputs, tr.scalars, tables):
            plan.program.run(pointers, outputs, tr.scalars, tables)
    except IndexError:
        _reference(plan, tr)  # raises the op's own error, which says more
        raise
    return buffers


def new_outputs(plan: Plan) -> list[Any]:
    """New memory for the outputs."""
    return [memory.allocate(n) for n in plan.program.output_bytes]


unwatched = _replay, _deliver  # what these are while nobody watches the ends of frames


def _memories(places: Sequence[int], inputs: Sequence[Value]) -> list[Any]:
    """The memory of some inputs, None for what Python may write to meanwhile."""
    found = [inputs[k] for k in places]
    return [v.buf if v.pin is None else None for v in found]


def _take_inputs(
    takes: Sequence[Any], inputs: Sequence[Value], sizes: Sequence[int]
) -> tuple[list[Any], list[bool] | None]:
    """Memory for the outputs: that of inputs which nobody but the frame can see any more, where
    the program says so, or new one. And which were taken, if any.
    """
    found: dict[int, Any] = {}
    taken = []
    used: set[int] = set()
    for t in takes:
        free = t.output not in found and t.input not in used and _nobody_sees(inputs, t.input)
        if free:
            found[t.output] = inputs[t.input].buf
            used.add(t.input)
            copies.forget(inputs[t.input].buf)
        taken.append(free)
    buffers = [found.get(k) or memory.allocate(n) for k, n in enumerate(sizes)]
    return buffers, taken if found else None


def _nobody_sees(inputs: Sequence[Value], k: int) -> bool:
    """Whether only the frame refers to an input, and only the input to its memory."""
    v = inputs[k]
    if _getrefcount(v) > _ONE_LIST or memory_seen(v):
        return False
    if type(v.buf) is memory.Buffer:
        return bool(v.buf.raw.flags.writeable)
    return type(v.buf) is memory.ArrayMemory


def memory_seen(v: Value) -> bool:
    """Whether anything but this value may refer to its memory. The caller does not hold it."""
    if v.pin is not None:
        return True
    pool = _FROM_POOL if type(v.buf) is memory.PooledBuffer else 0
    return _getrefcount(v.buf) - pool > _ONE_SLOT or memory.seen_elsewhere(v.buf)


def _alone() -> tuple[int, int]:
    """The reference counts that are found of an input which only the frame holds, and of its
    memory.
    """
    inputs = [outside(None, bytearray())]  # type: ignore[arg-type]
    v = inputs[0]
    return _getrefcount(v), _getrefcount(v.buf)


_ONE_LIST, _ONE_SLOT = _alone()
_FROM_POOL = 1  # references of a pool to what it lends


def _prepare(plan: Plan) -> None:
    """Notes what every replay of a compiled plan would find out again."""
    sizes = plan.program.output_bytes
    if len(sizes) <= POOLED_OUTPUTS and sum(sizes) <= POOLED_BYTES:
        plan.pool = memory.Pool(sizes)
    entries = [n.kind for n in plan.path if n.kind is BUNDLE or n.kind is INPUT]
    plain = entries.index(BUNDLE) if BUNDLE in entries else len(entries)
    # Where gradients are wanted, the inputs are about to change.
    plain_inputs = not plan.tape and BUNDLE not in entries
    plan.copies = plan.program.packed if plain_inputs else []
    # What may fail is computed again from the inputs.
    if plain_inputs and plan.pool is None and not any(plan.path[k].where for k in plan.needed):
        plan.takes = plan.program.takes
        plan.taken_from = sorted({t.input for t in plan.takes})
    if INPUT not in entries[plain:]:
        plan.plain = plain
        if not plan.copies:
            plan.fixed = plan.program.fixed(OWN_ARENA)


def _compile_and_run(plan: Plan, tr: Frame) -> list[Any]:
    program = _program(plan)
    if program is None:
        return _reference(plan, tr)
    program.output_bytes = [
        max(1, plan.shapes[s].numel * plan.shapes[s].dtype.itemsize) for s in plan.outputs
    ]
    ranges = _bundles(plan.path)
    if ranges:
        program.hold(ranges)
    plan.program = program
    _prepare(plan)
    return _replay(plan, tr)


def _program(plan: Plan) -> Any:
    """The program of a plan, from the disk or compiled; None where it does not compile."""
    from .. import compiler

    def graph() -> Graph:
        return build_graph(plan.path, plan.needed, plan.outputs)

    name = fingerprint(plan.path, plan.needed, plan.outputs) if config.disk_cache else None
    program = compiler.load(name, graph) if name is not None else None
    if program is not None:
        return program
    try:
        program = compiler.compile_graph(graph())
    except compiler.CompileError as e:
        warnings.warn(
            f"facula: an internal error of the compiler ({e}); the work at {caller()} runs "
            "uncompiled: its results are right, but it is slow. FACULA_DEBUG=5 shows the code. "
            "Please report it.",
            RuntimeWarning,
            stacklevel=2,
        )
        return None
    compiler.keep(program, name)
    return program


def _reference(plan: Plan, tr: Frame) -> list[Any]:
    """Runs the path of a plan op by op through the NumPy references."""
    metas = [plan.shapes[s] for s in plan.outputs]
    return run_references(plan.path, plan.needed, plan.outputs, metas, tr)


_State.flush = staticmethod(flush)
finalizers.install()
