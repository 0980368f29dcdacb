"""The schedule: which nodes become one kernel, and in which order the kernels run.

Elementwise and movement nodes are lazy: nothing happens when they are visited. A root makes them
happen: an output of the graph, an operand of something opaque (matrix products, host calls,
scatters), a reduction. A root joins the latest cluster that takes it, or opens a new one. Clusters
are numbered in order of creation and read only from those before, which keeps the order valid
without searching for cycles. A lazy value that two clusters want is computed twice where that is
cheap, and otherwise put in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from ..graph.graph import Graph, GraphNode
from .contraction import steps
from .epilogue import Epilogue
from .fusion import REDUCTIONS, Cluster, Materialise, Reduction, Reject, Root, Target
from .indexing import (
    Affine,
    IndexMap,
    NeedSplit,
    NotAffine,
    View,
    identity_map,
    movement_map,
    offset_of,
    offset_of_strides,
    reshape_map,
    shift,
    strides_of,
)
from .saved import furthest
from .scalar_code import COMPARE, ELEMENTWISE, HALVES, HEAVY, TAGS, native

ATTENTION = frozenset("attention attention_backward".split())
CONTRACTIONS = ATTENTION | frozenset("matmul convolve convolve_weight recur".split())
# those whose result is the operand at other addresses, whatever its elements are
MOVED = frozenset("reshape permute expand slice flip strided".split())
MOVEMENT = MOVED | {"pad", "cat"}
PAIRS = frozenset(("as_real", "as_complex"))  # the operand's memory, seen as another dtype
SOURCES = frozenset("scalar const iota".split())
_ANY = frozenset("take gather multi_update strided_write scatter sort".split())  # of any dtype
LAZY = ELEMENTWISE | MOVEMENT | SOURCES | {"take", "gather"}
MAX_DEPTH = 48
MAX_COST = 120
SMALL = 16384  # elements up to which unrelated roots share a kernel


class CompileError(Exception):
    """A graph that cannot be compiled: a node has neither native code nor a reference."""


class Step:
    """An entry that is not a cluster: a matrix product, a scatter, an update, a host call."""

    __slots__ = ("kind", "node", "number", "operands", "order", "epilogue")

    def __init__(
        self, kind: str, node: GraphNode, number: int, operands: tuple[Any, ...], order: int
    ) -> None:
        self.kind, self.node, self.number = kind, node, number
        self.operands, self.order = operands, order
        self.epilogue: Epilogue | None = None

    def reads(self) -> list[int]:
        """The values that the step reads from memory."""
        found = [v if isinstance(v, int) else v.value for v in self.operands]
        return found if self.epilogue is None else [*found, *self.epilogue.loads]


def is_native(node: GraphNode, graph: Graph) -> bool:
    """Whether the compiler has code for this node."""
    op = node.op
    for v in (*node.ins, *node.outs):
        if graph.dtypes[v] not in TAGS:
            return False
    if op in MOVEMENT or op in SOURCES or op in _ANY:
        return True
    if op in ELEMENTWISE:
        return native(op, TAGS[graph.dtypes[node.ins[-1]]])
    half = TAGS[graph.dtypes[node.ins[0]]] in HALVES
    if op in REDUCTIONS or op == "reduce_block":
        # Sums of 16-bit floats are sums of their casts to float32.
        return not half or (op != "reduce_block" and op not in ("sum", "prod"))
    if op in CONTRACTIONS:
        return TAGS[graph.dtypes[node.outs[0]]] in ("f32", "f64")
    if op in ("scatter_add", "scan"):
        return not half
    return False


class Scheduler:
    """Walks the graph once and leaves `entries`: clusters and steps in execution order."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.shapes = graph.shapes
        self.numels = [*map(prod, graph.shapes)]
        count = len(graph.shapes)
        self.tags: list[str] = [TAGS.get(d, "") for d in graph.dtypes]
        self.producer: list[GraphNode | None] = [None] * count
        self.number_of: list[int] = [-1] * count
        self.lazy = [False] * count
        self.place: dict[int, int] = dict.fromkeys(graph.inputs, -1)
        self.alias: dict[int, int] = {}  # value -> the value whose memory it is
        self.memory_of: dict[int, int] = {}  # value -> the output that is the same memory
        self.inlined: dict[int, Cluster] = {}
        self.reduced_in: dict[int, Cluster] = {}
        self.cost = [0] * count
        self.depth = [0] * count
        self.heavy = [False] * count
        self.leaves: list[frozenset[int]] = [frozenset()] * count
        self.uses = [0] * count
        self.entries: list[Cluster | Step] = []
        self.first: dict[
            int, int
        ] = {}  # where a value is written before the step that completes it
        self.by_numel: dict[int, list[Cluster]] = {}
        self.outputs = set(graph.outputs)

    # -- facts

    def numel(self, v: int) -> int:
        return self.numels[v]

    def is_lazy(self, v: int) -> bool:
        return self.lazy[v] and v not in self.place

    def cheap(self, v: int) -> bool:
        """Whether computing v again costs less than storing and loading it."""
        if self.heavy[v]:
            return self.numel(v) <= 64
        return (self.cost[v] <= 6 and len(self.leaves[v]) <= 1) or self.numel(v) <= 256

    def _facts(self, node: GraphNode, v: int) -> None:
        """Cost, depth and leaves of a lazy node."""
        own = 0 if node.op in MOVEMENT or node.op in SOURCES or node.op == "cast" else 1
        cost, depth = own, 1
        heavy = node.op in HEAVY
        leaves: set[int] = set()
        numels, place = self.numels, self.place
        size = numels[v]
        for a in node.ins:
            small = numels[a] * 8 < size
            if self.lazy[a] and a not in place:
                depth = max(depth, self.depth[a] + 1)
                if small:
                    cost += 1  # once for many elements, or put in memory
                    continue
                cost += self.cost[a] if self.uses[a] <= 1 else min(self.cost[a], 8)
                heavy = heavy or self.heavy[a]
                if len(leaves) < 4:
                    leaves.update([x for x in self.leaves[a] if numels[x] * 8 >= size])
            elif not small:
                leaves.add(a)
        self.cost[v], self.depth[v], self.heavy[v] = cost, depth, heavy
        self.leaves[v] = frozenset(leaves)

    # -- the walk

    def run(self) -> Scheduler:
        graph = self.graph
        for node in graph.nodes:
            for a in node.ins:
                self.uses[a] += 1
        updates: list[tuple[int, GraphNode]] = []
        for number, node in enumerate(graph.nodes):
            for v in node.outs:
                self.producer[v], self.number_of[v] = node, number
            if node.op == "multi_update" or not node.outs:
                updates.append((number, node))
                continue
            self._visit(number, node)
        for v in graph.outputs:
            self.realise(v)
        # All that updates read is computed before the first of them writes.
        for _, node in updates:
            for a in node.ins:
                self.realise(a)
        for number, node in updates:
            if node.op == "multi_update":
                self._update(number, node)
            else:
                self._host(number, node)
        self._finish_epilogues()
        return self

    def _visit(self, number: int, node: GraphNode) -> None:
        op = node.op
        if op in PAIRS:
            self._reinterpret(node)
        elif not is_native(node, self.graph):
            self._host(number, node)
        elif op in LAZY:
            v = node.outs[0]
            self.lazy[v] = True
            self._facts(node, v)
            if v in self.outputs or self.depth[v] > MAX_DEPTH or self.cost[v] > MAX_COST:
                self.realise(v)
        elif op in REDUCTIONS or op == "reduce_block":
            self._reduce(node)
            if node.outs[0] in self.outputs:
                self.realise(node.outs[0])
        elif op == "matmul":
            views = tuple(self.view(a, matrix=True) for a in node.ins)
            self._step("matmul", node, number, views)
        elif op in ATTENTION:
            views = tuple(self.view(a, rows=True) for a in node.ins)
            self._step(op, node, number, views)
        elif op == "convolve" and steps.takes_views(self.graph, node, self.tags[node.outs[0]]):
            self.realise(node.ins[0])
            self._step(op, node, number, (node.ins[0], self.view(node.ins[1])))
        elif op in CONTRACTIONS:
            for a in node.ins:
                self.realise(a)
            self._step(op, node, number, node.ins)
        elif op in ("scan", "sort"):
            self._step(op, node, number, (self.view(node.ins[0]),))
        elif op == "strided_write":
            self._write(node)
        else:
            assert op in ("scatter", "scatter_add"), op
            self._scatter(number, node)

    def _step(self, kind: str, node: GraphNode, number: int, operands: tuple[Any, ...]) -> None:
        order = len(self.entries)
        self.entries.append(Step(kind, node, number, operands, order))
        for v in node.outs:
            self.place[v] = order

    def _scatter(self, number: int, node: GraphNode) -> None:
        """First the base is written to the result's memory, then the sources are added or put."""
        v = node.outs[0]
        base, index, source = node.ins
        if not self.numel(v):
            self.place[v] = len(self.entries) - 1
            return
        views = (self.view(index), self.view(source))
        strides = strides_of(self.shapes[v])

        def target(at: IndexMap, sizes: Sequence[int]) -> Affine:
            return offset_of_strides(at, strides, len(sizes))

        self.first[v] = self._place(v, Root(v, base, target), self.shapes[v])
        self._step("scatter", node, number, views)

    def _write(self, node: GraphNode) -> None:
        """First the base is written to the result's memory, then the new elements over it.

        What writes made before, and nothing else reads, is the memory that the next one goes on in.
        """
        v, (base, new) = node.outs[0], node.ins
        strides, offset = node.attrs
        if not self.numel(v):
            self.place[v] = len(self.entries) - 1
            return
        below = self.producer[base]
        alone = self.uses[base] == 1 and base not in self.outputs and base in self.place
        memory = self.alias.get(base, base)
        if alone and below is not None and below.op == "strided_write" and (
            v not in self.outputs or memory not in self.memory_of
        ):  # fmt: skip
            self.alias[v], order = memory, self.place[base]
            if v in self.outputs:
                self.memory_of[memory] = v
        else:
            whole = strides_of(self.shapes[v])

            def everywhere(at: IndexMap, sizes: Sequence[int]) -> Affine:
                return offset_of_strides(at, whole, len(sizes))

            order = self._place(v, Root(v, base, everywhere), self.shapes[v])
            self.first[v] = order

        def inside(at: IndexMap, sizes: Sequence[int]) -> Affine:
            return shift(offset_of_strides(at, list(strides), len(sizes)), offset)

        if self.numel(new):
            order = self._place(v, Root(v, new, inside, after=order), self.shapes[new])
        self.place[v] = order

    def _host(self, number: int, node: GraphNode) -> None:
        if node.host is None:
            raise CompileError(
                f"{node.op} on {[self.graph.dtypes[v].name for v in node.ins]} has neither native "
                "code nor a reference"
            )
        for a in node.ins:
            self.realise(a)
        self._step("host", node, number, node.ins)

    def _update(self, number: int, node: GraphNode) -> None:
        expr, count, k = node.attrs[:3]
        groups: dict[str, list[int]] = {}
        for t in range(count):
            operands = node.ins[t * k : (t + 1) * k]
            tag = self.tags[operands[0]] if operands else "f32"
            if tag[:1] != "f":
                raise CompileError(
                    f"multi_update on {self.graph.dtypes[operands[0]]}: expected a float"
                )
            groups.setdefault(tag, []).extend(operands)
        for tag, members in groups.items():
            compute = "f32" if tag in HALVES else tag
            for op, _, _ in expr.steps:
                if op not in SOURCES and not (op in COMPARE or native(op, compute)):
                    raise CompileError(f"multi_update has no code for {op!r}")
            self._step("update", node, number, tuple(members))

    # -- roots

    def realise(self, v: int) -> None:
        """Puts value v in memory."""
        if v in self.place:
            return
        if self._hand_over(v) if v in self.outputs else self._alias(v):
            return
        node = self.producer[v]
        assert node is not None
        if v in self.reduced_in:
            cluster = self.reduced_in[v]
            for root in cluster.roots:
                if root.value == v:
                    root.stored = True
            self.place[v] = cluster.order
            return
        if node.op == "cat" and self.numel(v):
            self._realise_cat(v, node)
            return
        self._place(v, Root(v, v), self.shapes[v])

    def _alias(self, v: int) -> bool:
        """A reshape of something in memory is that memory."""
        node = self.producer[v]
        if node is None or node.op != "reshape":
            return False
        base = node.ins[0]
        below = self.producer[base]
        if (
            base not in self.place
            and below is not None
            and (base in self.reduced_in or (below.op == "reshape" and self._alias(base)))
        ):
            self.realise(base)
        if base not in self.place:
            return False
        self.alias[v] = self.alias.get(base, base)
        self.place[v] = self.place[base]
        return True

    def _reinterpret(self, node: GraphNode) -> None:
        """Complex numbers as pairs of real ones and back: the same memory."""
        v, (base,) = node.outs[0], node.ins
        self.realise(base)
        base = self.alias[v] = self.alias.get(base, base)
        self.place[v] = self.place[base]
        if v in self.outputs:  # where the real ones lie, too
            self.memory_of[base] = v

    def _hand_over(self, v: int) -> bool:
        """A reshape of an intermediate value that is an output: its memory is the value's."""
        if not self._alias(v):
            return False
        base = self.alias[v]
        if self.place[base] >= 0 and base not in self.outputs and base not in self.memory_of:
            self.memory_of[base] = v
            return True
        del self.alias[v], self.place[v]
        return False

    def _realise_cat(self, v: int, node: GraphNode) -> None:
        """Every operand is written to its part of the result, also those of cats below."""
        strides = strides_of(self.shapes[v])

        def target(index: IndexMap, sizes: Sequence[int]) -> Affine:
            return offset_of_strides(index, strides, len(sizes))

        order = -1
        for a, place in self._parts(node, target):
            now = self._place(v, Root(v, a, place), self.shapes[a])
            self.first[v] = min(self.first.get(v, now), now)
            order = max(order, now)
        self.place[v] = order

    def _parts(self, node: GraphNode, target: Target) -> list[tuple[int, Target]]:
        """The operands of a cat and where their elements belong; `target`: those of the cat."""
        axis, start = node.attrs[0], 0
        out: list[tuple[int, Target]] = []
        for a in node.ins:
            n = self.shapes[a][axis]

            def moved(index: IndexMap, sizes: Sequence[int], by: int = start) -> Affine:
                return target((*index[:axis], shift(index[axis], by), *index[axis + 1 :]), sizes)

            start += n
            if not self.numel(a):
                continue
            below = self.cat_below(a)
            if below is None:
                out.append((a, moved))
                continue
            source, shape = self.shapes[a], self.shapes[below.outs[0]]

            def joined(
                index: IndexMap, sizes: Sequence[int], into: Target = moved,
                shapes: tuple[Any, Any] = (shape, source),
            ) -> Affine:  # fmt: skip
                return into(reshape_map(index, *shapes, sizes), sizes)

            out.extend(self._parts(below, joined))
        return out

    def cat_below(self, v: int) -> GraphNode | None:
        """The cat that v is, seen through a reshape that only joins axes; not one in memory."""
        node = self.producer[v]
        if v in self.place or node is None:
            return None
        if node.op == "cat":
            return node
        if node.op != "reshape" or node.ins[0] in self.place:
            return None
        below = self.producer[node.ins[0]]
        if below is None or below.op != "cat":
            return None
        shape = self.shapes[node.ins[0]]
        try:
            reshape_map(identity_map(len(shape)), shape, self.shapes[v], shape)
        except (NeedSplit, NotAffine):
            return None
        return below

    def interleaves(self, node: GraphNode) -> bool:
        """Whether neighbours of a cat's result come from different operands.

        Read through conditions, every vector of it would be put together lane by lane from all of
        them.
        """
        axis, shape = node.attrs[0], self.shapes[node.outs[0]]
        if prod(shape) <= SMALL // 4:
            return False
        if len(node.ins) > 1 and prod(shape[axis:]) // len(node.ins) < 16:
            return True
        below = [self.cat_below(a) for a in node.ins]
        return any(cat is not None and self.interleaves(cat) for cat in below)

    def _place(self, v: int, root: Root, shape: tuple[int, ...]) -> int:
        """Finds or opens a cluster for a store."""
        size = prod(shape)
        for _ in range(64):
            try:
                free = root.source not in self.inlined
                after = self._find_epilogue(root, size) if free else None
                cluster = after or self._find(root, size) or self._open(root, shape)
                break
            except Materialise as need:
                self._materialise(furthest(self, need.value, root.source), v)
        else:
            raise CompileError(
                f"no kernel for value {v} ({self.graph.nodes[self.number_of[v]].op})"
            )
        if root.target is None:
            self.place[v] = cluster.order
        self._commit(cluster)
        return cluster.order

    def _materialise(self, wanted: int, by: int) -> None:
        if wanted in self.place or wanted == by:
            raise CompileError(f"value {by} cannot be scheduled: {wanted} stays in the way")
        self.realise(wanted)

    def _find(self, root: Root, size: int) -> Cluster | None:
        tried = 0
        first = self.inlined.get(root.source)
        candidates = self.by_numel.get(size, [])[:-4:-1]
        ready = self._ready(root.source, root.source) if first or candidates else 0
        for cluster in ([first] if first is not None else []) + candidates:
            if cluster is first and tried:
                continue
            tried += 1
            if cluster.order < ready or cluster.order <= root.after:
                continue
            if size != cluster.numel and size != cluster.kept:
                continue
            if not size or (cluster.kind == "map" and size != cluster.numel):
                continue
            try:
                share = size > SMALL or cluster.numel > SMALL
                if root.target is not None and cluster.roots[-1].value == root.value:
                    share = False  # another part of the same memory
                saved = cluster._save()
                if not cluster.try_add(root, must_share=share):
                    continue
                if share and cluster.chopped(saved):
                    cluster._restore(saved)
                    continue
            except Materialise as need:
                if self._helps(need.value, cluster):
                    raise
                continue
            if size != cluster.numel and not cluster.depends[root.expr]:
                cluster._restore(saved)  # per-row work that has nothing to do with the rows
                continue
            return cluster
        return None

    def _find_epilogue(self, root: Root, size: int) -> Epilogue | None:
        """The epilogue of the contraction whose result is the last thing that the root needs."""
        order = self._ready(root.source, root.source) if size else -1
        step = self.entries[order] if order >= 0 else None
        if not isinstance(step, Step) or step.kind not in ("matmul", "convolve"):
            return None
        result = step.node.outs[0]
        if self.numel(result) != size:
            return None
        epilogue = step.epilogue
        if epilogue is None:
            columns = steps.row_length(self.graph, step.node, step.operands, self.tags[result])
            if not columns:
                return None
            epilogue = Epilogue(self, order, result, columns)
        try:
            if not epilogue.try_add(root):
                return None
        except Materialise as need:
            if self._helps(need.value, epilogue):
                raise
            return None
        step.epilogue = epilogue
        return epilogue

    def _finish_epilogues(self) -> None:
        """A result with an epilogue is written only where something else reads it, or where parts
        of its sums must be kept.
        """
        read = set(self.outputs) | set(self.memory_of)
        for entry in self.entries:
            values = entry.reads() if isinstance(entry, Step) else entry.loads
            read.update(self.alias.get(v, v) for v in values)
        for step in self.entries:
            if not isinstance(step, Step) or step.epilogue is None:
                continue
            result = step.node.outs[0]
            step.epilogue.settle(result in read)
            if result in read or step.epilogue.apart:
                continue
            if not steps.adds_in_memory(self.graph, step.node, step.operands, self.tags[result]):
                for v in [v for v, base in self.alias.items() if base == result]:
                    del self.alias[v], self.place[v]
                del self.place[result]

    def _ready(self, source: int, root: int) -> int:
        """The first order at which a cluster could compute `source`: no earlier one need be tried.

        root: the value that may be computed again even if it is dear and part of another cluster.
        """
        latest = -1
        seen = set()
        stack = [source]
        while stack:
            v = stack.pop()
            if v in seen:
                continue
            seen.add(v)
            at = self.place.get(v)
            node = self.producer[v]
            if at is None:
                other = self.reduced_in.get(v)
                if other is None and v != root and v in self.inlined:
                    assert node is not None
                    if node.op in ELEMENTWISE and not self.cheap(v):
                        other = self.inlined[v]
                at = other.order if other is not None else None
            if at is None:
                assert node is not None
                stack.extend(node.ins)
            elif at > latest:
                latest = at
        return latest

    def _helps(self, wanted: int, cluster: Cluster) -> bool:
        """Whether putting the value in memory may let the root join."""
        if wanted in self.place:
            return False
        other = self.reduced_in.get(wanted, self.inlined.get(wanted))
        return other is not None and other.order < cluster.order

    def _open(self, root: Root, shape: tuple[int, ...]) -> Cluster:
        cluster = Cluster(self, len(self.entries), shape)
        if not cluster.try_add(root):
            return self._open_flat(root)
        self._register(cluster)
        return cluster

    def _open_flat(self, root: Root) -> Cluster:
        """A root that fits nowhere: its largest lazy operand is put in memory."""
        node = self.producer[root.source]
        assert node is not None
        for a in sorted(node.ins, key=lambda a: -self.cost[a]):
            if a not in self.place:
                raise Materialise(a)
        raise CompileError(f"no kernel for {node.op} {node.attrs}")

    def _register(self, cluster: Cluster) -> None:
        self.entries.append(cluster)
        self.by_numel.setdefault(cluster.numel, []).append(cluster)

    def _commit(self, cluster: Cluster) -> None:
        for v, _, _ in cluster.memo:
            self.inlined.setdefault(v, cluster)
        if cluster.kept and cluster.kept != cluster.numel:
            known = self.by_numel.setdefault(cluster.kept, [])
            if cluster not in known[-3:]:
                known.append(cluster)

    def _reduce(self, node: GraphNode) -> None:
        v, source = node.outs[0], node.ins[0]
        want = Reduction(node, self.shapes[source])
        for _ in range(64):
            try:
                cluster = self._find_reduce(v, source, want)
                break
            except Materialise as need:
                self._materialise(furthest(self, need.value, source), v)
        else:
            raise CompileError(f"no kernel for {node.op} {node.attrs}")
        self.reduced_in[v] = cluster
        self._commit(cluster)

    def _find_reduce(self, v: int, source: int, want: Reduction) -> Cluster:
        size = prod(want.shape)
        candidates = self.by_numel.get(size, [])[:-4:-1] if size else []
        ready = self._ready(source, -1) if candidates else 0
        for cluster in candidates:
            if cluster.numel != size or cluster.order < ready:
                continue
            try:
                share = cluster.numel > SMALL
                saved = cluster._save()
                if cluster.try_add(Root(v, source, reduce=want), must_share=share):
                    if not (share and cluster.chopped(saved)):
                        return cluster
                    cluster._restore(saved)
            except Materialise as need:
                if self._helps(need.value, cluster):
                    raise
        cluster = Cluster(self, len(self.entries), want.shape)
        if not cluster.try_add(Root(v, source, reduce=want)):
            if source not in self.place:
                raise Materialise(source)
            raise CompileError(f"no kernel for reduction {want.op} over {want.axes}")
        self._register(cluster)
        return cluster

    # -- operands of opaque steps

    def view(self, v: int, matrix: bool = False, rows: bool = False) -> View:
        """Strided access to v; movement is looked through where strides can express it.

        For a matrix operand one of the last two strides must be 1 and the other cover it.
        For rows the last stride must be 1.
        """
        shape = self.shapes[v]
        base, index = v, identity_map(len(shape))
        while base not in self.place:
            node = self.producer[base]
            if node is None or node.op not in MOVED:
                break
            source = node.ins[0]
            try:
                index = movement_map(
                    node.op, node.attrs, index, self.shapes[base], self.shapes[source], shape
                )
            except (NotAffine, NeedSplit):
                break
            base = source
        if base != v and 0 not in shape:
            address = offset_of(index, self.shapes[base], len(shape))
            strides = address[1:]
            fits = not matrix or _matrix_strides(shape, strides)
            if fits and (not rows or strides[-1] == 1 or shape[-1] == 1):
                self.realise(base)
                return View(base, address[0], strides)
        self.realise(v)
        return View(v, 0, tuple(strides_of(shape)))


def _matrix_strides(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    rows, columns = shape[-2:]
    a, b = strides[-2:]
    if columns == 1 or rows == 1:
        long, n = (b, columns) if rows == 1 else (a, rows)
        return long >= 1 or n == 1
    return (b == 1 and a >= columns) or (a == 1 and b >= rows)


__all__ = ["CompileError", "Reject", "Scheduler", "Step", "is_native"]
