"""Results that may be written where an input lies.

A tensor that is written in place is dead when its frame ends: its handle has another value then. If
nobody else sees its memory, the result can take it over: what a write leaves as it was need not be
copied, and an elementwise result touches half as much memory. Whether the memory is free is known
at each run (trace/replay.py). Here is what the program says: from the first step that writes the
result on, the input is only read element for element, by the step that writes the same element.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import prod
from typing import NamedTuple

from ..graph.graph import Graph
from .fusion import Cluster
from .schedule import Scheduler, Step

LEAST = 1 << 16  # bytes below which copying costs little


class Place(NamedTuple):
    """The numbers of an input and of an output that may be the same memory, and the entry that only
    copies the one to the other (else -1); `entries`: all that write the output.
    """

    input: int
    output: int
    copy: int
    entries: tuple[int, ...]


def places(s: Scheduler, slot_of: Callable[[int], int]) -> list[Place]:
    """All such pairs of arrays of at least LEAST bytes. slot_of: a value's memory; values in one
    memory have the same.
    """
    graph, found = s.graph, []
    inputs: dict[tuple[int, int], list[int]] = {}  # by bytes, and bytes of an element
    for j, v in enumerate(graph.inputs):
        inputs.setdefault((_nbytes(graph, v), graph.dtypes[v].itemsize), []).append(j)
    reads: list[set[int]] = []
    for k, output in enumerate(graph.outputs):
        fitting = inputs.get((_nbytes(graph, output), graph.dtypes[output].itemsize))
        if not fitting or _nbytes(graph, output) < LEAST:
            continue
        slot = slot_of(output)
        writers = [i for i, entry in enumerate(s.entries) if slot in _written(entry, slot_of)]
        if not writers or not all(_plain(s.entries[i]) for i in writers):
            continue
        reads = reads or [set(map(slot_of, _read(entry))) for entry in s.entries]
        for j in fitting:
            source = slot_of(graph.inputs[j])
            copied = _copies(s.entries[writers[0]], source, slot_of)
            # Who writes after another one has written would read what that one wrote.
            first = writers[:2] if copied else writers[:1]
            if all(_in_step(s.entries[i], source, slot, slot_of) for i in first) and not any(
                source in reads[i] for i in range(writers[0], len(s.entries)) if i not in first
            ):
                found.append(Place(j, k, writers[0] if copied else -1, tuple(writers)))
    return found


def _nbytes(graph: Graph, v: int) -> int:
    return prod(graph.shapes[v]) * graph.dtypes[v].itemsize


def _read(entry: Cluster | Step) -> Iterable[int]:
    return entry.loads if isinstance(entry, Cluster) else entry.reads()


def _written(entry: Cluster | Step, slot_of: Callable[[int], int]) -> set[int]:
    """The slots that an entry writes."""
    if isinstance(entry, Cluster):
        return {slot_of(r.value) for r in entry.roots if r.stored}
    written = set(map(slot_of, entry.node.outs))
    if entry.kind == "update":
        written.update(map(slot_of, entry.reads()))
    if entry.epilogue is not None:
        written |= _written(entry.epilogue, slot_of)
    return written


def _plain(entry: Cluster | Step) -> bool:
    """Whether an entry goes over elements, each by itself."""
    return isinstance(entry, Cluster) and entry.kind == "map"


def _in_step(
    entry: Cluster | Step, source: int, target: int, slot_of: Callable[[int], int]
) -> bool:
    """Whether an entry reads of `source` no element but the one that it then writes to `target`."""
    assert isinstance(entry, Cluster)
    written = [r.address for r in entry.roots if r.stored and slot_of(r.value) == target]
    read = {
        attr[1] if op == "load" else None
        for op, _, _, attr in entry.exprs
        if op in ("load", "take") and slot_of(attr[0]) == source
    }
    return len(written) == 1 and read <= set(written)


def _copies(entry: Cluster | Step, source: int, slot_of: Callable[[int], int]) -> bool:
    """Whether all that an entry does is to copy the array `source`."""
    assert isinstance(entry, Cluster)
    if len(entry.roots) != 1:
        return False
    op, _, conditions, attr = entry.exprs[entry.roots[0].expr]
    return op == "load" and not conditions and slot_of(attr[0]) == source
