"""What the steps of a program do, for people: what was fused, bytes, operations, why a host step.

None of this is kept while programs are compiled and run. The schedule of a graph is a function of
the graph alone, so it is made again when somebody asks, and `Program.kernels` says which entry of
it each step is for. Bytes are what a step must read and write if every value in memory is touched
once; operations count one for each arithmetic operation on an element and two for a multiply-add of
a product.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from typing import NamedTuple

from ..graph.graph import Graph, GraphNode
from . import pipeline
from .contraction import attention
from .contraction.recurrent_cells import CELLS
from .executable import ADD, HOST
from .fusion import REDUCTIONS, Cluster
from .loops import lower
from .scalar_code import ELEMENTWISE, TAGS
from .schedule import ATTENTION, MOVEMENT, SOURCES, Scheduler, Step

_FREE = frozenset(("load", "const", "scalar", "iota", "inrange", "result", "take", "cast", "copy"))
_QUIET = MOVEMENT | SOURCES | {"cast", "fill", "as_strided", "transpose", "clone", "detach"}
_NAMES = {"multi_update": "optimizer step"}
_READ = ("load", "product")
_SHOWN = 5  # names of ops in a label


class StepInfo(NamedTuple):
    """One step of a program. `host`: why it is Python code and not a kernel, or ""."""

    label: str  # what was fused, and over which sizes
    kind: str
    ops: tuple[tuple[str, int], ...]  # name of each op, and how many of it
    lines: tuple[str, ...]  # of the program, where they are known
    shape: tuple[int, ...]  # what it goes over
    shapes: tuple[tuple[int, ...], ...]  # of what it reads
    reads: int
    writes: int
    flops: int
    threads: int
    host: str


def steps(graph: Graph, kernels: Sequence[tuple[int, str, int]]) -> list[StepInfo]:
    """A description of every step of `Program.kernels`; `graph` as the passes get it.

    Where an entry of the schedule has become several steps, those of the most frequent kind (the
    last of equals) share the work that is counted; the others prepare operands or add up sums.
    """
    schedule = Scheduler(pipeline.run(graph)).run()
    known: dict[int, StepInfo] = {}
    found = []
    kinds: dict[int, dict[str, int]] = {}
    for entry, kind, _ in kernels:
        if _apart(schedule.entries[entry], kind) is not None:
            continue
        count = kinds.setdefault(entry, {})
        count[kind] = count.pop(kind, 0) + 1  # the latest comes last
    for entry, kind, threads in kernels:
        after = _apart(schedule.entries[entry], kind)
        if after is not None:
            found.append(_cluster(schedule, after)._replace(threads=threads))
            continue
        if entry not in known:
            known[entry] = _describe(schedule, schedule.entries[entry])
        info = known[entry]
        if kind != HOST:
            info = info._replace(kind=kind, threads=threads, host="")
        main = max(reversed(kinds[entry].items()), key=lambda item: (item[0] != ADD, item[1]))[0]
        if kind != main:
            info = info._replace(label=f"{info.label}: {kind}", reads=0, writes=0, flops=0)
        elif kinds[entry][kind] > 1:
            n = kinds[entry][kind]
            info = info._replace(
                reads=info.reads // n, writes=info.writes // n, flops=info.flops // n
            )
        found.append(info)
    return found


def _apart(entry: Cluster | Step, kind: str) -> Cluster | None:
    """The epilogue of an entry that is a kernel of its own, where a step of this kind is it."""
    after = entry.epilogue if isinstance(entry, Step) else None
    return after if after is not None and after.apart and after.kind == kind else None


def text(infos: Iterable[StepInfo]) -> str:
    """The steps of a program, one a line."""
    lines = []
    for k in infos:
        line = f"  {k.label}: {k.kind}, reads {size(k.reads)}, writes {size(k.writes)}"
        line += f", {k.flops:,} operations, threads <= {k.threads}"
        lines.append(line + (f", on the host: {k.host}" if k.host else ""))
    return "\n".join(lines)


def size(count: float) -> str:
    """A number of bytes as people read it."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError


def _bytes(s: Scheduler, v: int, limit: int | None = None) -> int:
    count = prod(s.shapes[v])
    return (count if limit is None else min(count, limit)) * s.graph.dtypes[v].itemsize


def _describe(s: Scheduler, entry: Cluster | Step) -> StepInfo:
    if isinstance(entry, Cluster):
        return _cluster(s, entry)
    node, graph = entry.node, s.graph
    values = [v if isinstance(v, int) else v.value for v in entry.operands]
    nodes, written = [node], sum(_bytes(s, v) for v in node.outs)
    after = entry.epilogue
    if after is not None and not after.apart:
        nodes, written = [node, *_made(s, after)], _stored(s, after)
        values += sorted(after.loads)
    ops, lines = _origins(nodes)
    reads = sum(_bytes(s, v) for v in dict.fromkeys(values))
    writes = written
    shape = graph.shapes[node.outs[0]] if node.outs else ()
    host = ""
    sizes = _sizes(shape)
    flops = _flops(graph, node)
    if entry.kind == "matmul":
        a, b = (graph.shapes[v] for v in node.ins)
        sizes = f"[{_times(a)} @ {_times(b)}]"
        if after is not None and not after.apart:
            flops += after.numel * sum(op not in _FREE for op, _, args, _ in after.exprs if args)
    elif entry.kind == "update":
        expr, _, k, written = node.attrs[:4]
        tensors = values[::k]
        elements = sum(prod(graph.shapes[v]) for v in tensors)
        arithmetic = sum(op not in SOURCES and op not in _FREE for op, _, _ in expr.steps)
        shape, flops = (elements,), elements * arithmetic
        writes = len(written) * sum(_bytes(s, v) for v in tensors)
        sizes = f"of {len(tensors)} tensors, {elements} elements"
    elif entry.kind == "host":
        host = _reason(graph, node)
    shapes = tuple(graph.shapes[v] for v in dict.fromkeys(values))
    return StepInfo(
        f"{_label(ops)} {sizes}", entry.kind, ops, lines, shape, shapes, reads, writes, flops, 1,
        host,
    )  # fmt: skip


def _cluster(s: Scheduler, c: Cluster) -> StepInfo:
    made = _made(s, c)
    ops, lines = _origins(made)
    loads = sorted({s.alias.get(v, v) for v in c.loads})
    reads = sum(_bytes(s, v, c.numel) for v in loads)
    writes = _stored(s, c)
    kernel = lower(c, lambda v: 0)
    inner = max(1, kernel.record[kernel.header["inner"]])
    flops = sum(
        c.numel if level == 2 else c.numel // inner
        for (op, _, _, _), level in zip(kernel.exprs, kernel.levels, strict=True)
        if op not in _FREE
    )
    flops += c.numel * len(kernel.reduces)
    return StepInfo(
        f"{_label(ops)} {_sizes(c.domain)}", c.kind, ops, lines, c.domain,
        tuple(s.shapes[v] for v in loads), reads, writes, flops, 1, "",
    )  # fmt: skip


def _made(s: Scheduler, c: Cluster) -> list[GraphNode]:
    """The nodes that a cluster computes."""
    nodes = {s.number_of[v] for (v, _, _), e in c.memo.items() if c.exprs[e][0] not in _READ}
    nodes |= {s.number_of[r.value] for r in c.roots} | {s.number_of[r.source] for r in c.roots}
    loaded = {s.number_of[v] for v in c.loads}
    return [s.graph.nodes[i] for i in sorted(nodes - loaded) if i >= 0]


def _stored(s: Scheduler, c: Cluster) -> int:
    """The bytes that a cluster writes."""
    writes = 0
    for r in c.roots:
        if r.stored:
            count = prod(s.shapes[r.source if r.target is not None else r.value])
            writes += count * s.graph.dtypes[r.value].itemsize
    return writes


def _times(shape: Iterable[int]) -> str:
    return "x".join(map(str, shape))


def _sizes(shape: tuple[int, ...]) -> str:
    return f"[{_times(shape)}]" if shape else "[1]"


def _origins(nodes: list[GraphNode]) -> tuple[tuple[tuple[str, int], ...], tuple[str, ...]]:
    """(names of the calls that the nodes come from and how many of each, lines of the program)."""
    calls: dict[int, tuple[str, str]] = {}
    for node in nodes:
        origin = node.origin or (node.op.removeprefix("reference:"), "")
        calls[id(node.origin) if node.origin else -len(calls) - 1] = origin
    loud = [c for c in calls.values() if c[0] not in _QUIET] or list(calls.values())
    counts: dict[str, int] = {}
    for name, _ in loud:
        name = _NAMES.get(name, name)
        counts[name] = counts.get(name, 0) + 1
    lines = dict.fromkeys(line for _, line in loud if line)
    return tuple(counts.items()), tuple(lines)


def _label(ops: tuple[tuple[str, int], ...]) -> str:
    names = [
        name if n == 1 or name.endswith(" backward") else f"{name} x{n}" for name, n in ops
    ]  # a gradient is several calls
    if len(names) > _SHOWN:
        names[_SHOWN:] = [f"{len(names) - _SHOWN} more"]
    return " + ".join(names) or "copy"


def _flops(graph: Graph, node: GraphNode) -> int:
    """Operations of a node that is a step of its own."""
    op = node.op.removeprefix("reference:")
    ins = [graph.shapes[v] for v in node.ins]
    if op == "matmul" or op in ("linear", "linear_unbiased"):
        k = ins[0][-1] if ins[0] else 1
        return 2 * prod(graph.shapes[node.outs[0]]) * k
    if op == "recur":
        kind, back, sizes, _ = node.attrs
        names = CELLS[kind].gradient_operands if back else CELLS[kind].operands
        return 2 * prod(ins[names.index("w")]) * sum(sizes)
    if op == "convolve":
        return 2 * prod(graph.shapes[node.outs[0]]) * prod(ins[1][1:])
    if op == "convolve_weight":  # operands: input and the gradient of the result
        return 2 * prod(ins[1]) * ins[0][1] // node.attrs[3] * prod(node.attrs[4])
    if op in ATTENTION:
        return attention.operations(graph, node)
    if op.startswith("convolution"):
        return _convolution_flops(op, ins, graph.shapes[node.outs[0]])
    elements = max((prod(graph.shapes[v]) for v in (*node.ins, *node.outs)), default=0)
    return elements if op in ELEMENTWISE or op in REDUCTIONS or op == "scatter_add" else 0


def _convolution_flops(op: str, ins: list[tuple[int, ...]], out: tuple[int, ...]) -> int:
    """Twice the multiply-adds: for each of the three maps, positions of the result times weight."""
    if op == "convolution_weight":  # operands: two of input, result and their shapes tell which
        weight, batch_and_places = out, ins[1]
        return 2 * prod(weight) * batch_and_places[0] * prod(batch_and_places[2:])
    places = out if op == "convolution" else ins[0]
    return 2 * prod(ins[1]) * places[0] * prod(places[2:])


def _reason(graph: Graph, node: GraphNode) -> str:
    """Why a node is a host step."""
    strange = {graph.dtypes[v].name for v in (*node.ins, *node.outs) if graph.dtypes[v] not in TAGS}
    if strange:
        return f"no native code for {', '.join(sorted(strange))}"
    if node.op.startswith("reference:"):
        return "the op has no native code for these arguments"
    return f"no native code for {node.op} of {graph.dtypes[node.ins[0]].name if node.ins else '?'}"
