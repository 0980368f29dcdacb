"""A cluster: the graph nodes that become one kernel, as expressions over the kernel's loops.

A cluster starts from one root (a value that must be in memory, or a reduction) and its iteration
domain. Everything lazy that a root needs is pulled in as expressions: elementwise ops as they are,
movement ops as other index maps. More roots over the same domain may join. Whatever does not fit
raises: `Reject` (not in this cluster), `Materialise` (some value must be put in memory first),
`NeedSplit` (handled here: a loop is cut and all expressions are built again).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from ..graph.graph import GraphNode
from .indexing import (
    Affine,
    IndexMap,
    NeedSplit,
    NotAffine,
    bounds,
    movement_map,
    offset_of,
    reshape_map,
    shift,
    strides_of,
)
from .scalar_code import ELEMENTWISE, HEAVY

if TYPE_CHECKING:
    from .schedule import Scheduler

MAX_EXPRESSIONS = 220
MAX_LOADS = 28
MAX_LOOPS = 8
# Operations for an element from which it is looked whether they are repeated, what repeats of them
# cost more than a trip to memory, and what an exponential and the like stands for.
_LITTLE, _REPEATED, _HEAVY_COST = 6, 20, 10
_NESTED = 4  # conditions of parts within parts
SMALL = 4096  # elements below which recomputing is never worth avoiding

Expr = tuple[str, str, tuple[int, ...], Any]  # (op, dtype tag, operands, attribute)
# From the map of what a root stores, and the sizes of the loops, to the address in memory.
Target = Callable[[IndexMap, Sequence[int]], Affine]
Guard = tuple[tuple[Affine, int], ...]  # every affine must lie in [0, n)

REDUCTIONS = frozenset("sum prod max min any all argmax argmin".split())


class Reject(Exception):
    """The root does not fit into the cluster."""


class TooLarge(Reject):
    """The cluster has more expressions than a kernel may have."""


class Materialise(Exception):
    """The value must be put in memory before the root can be built."""

    def __init__(self, value: int) -> None:
        super().__init__(f"value {value} must be in memory")
        self.value = value


class Root:
    """What a cluster produces: a store of `value` (from `source`), or the reduction `value`."""

    __slots__ = (
        "value", "source", "target", "reduce", "expr", "address", "stored", "index", "after",
    )  # fmt: skip

    def __init__(
        self, value: int, source: int, target: Target | None = None, reduce: Any = None,
        after: int = -1,
    ) -> None:  # fmt: skip
        self.value, self.source, self.target, self.reduce = value, source, target, reduce
        self.after = after  # a cluster that must have stored before this root does
        self.expr = -1
        self.address: Affine = ()
        self.stored = reduce is None
        self.index: Affine = ()  # of argmax and argmin: the position along the axis


class Reduction:
    """What a reduce node asks for: op, operand's shape, axes, and the blocks of one axis."""

    __slots__ = ("op", "shape", "axes", "axis", "block")

    def __init__(self, node: GraphNode, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.axis, self.block = -1, 0
        if node.op == "reduce_block":
            self.op, self.axes, self.axis, self.block = node.attrs
        else:
            self.op = node.op
            axes = node.attrs[0]
            self.axes = (axes,) if isinstance(axes, int) else tuple(axes)


class Cluster:
    """One kernel in the making."""

    def __init__(self, scheduler: Scheduler, order: int, shape: tuple[int, ...]) -> None:
        self.s = scheduler
        self.order = order
        self.domain = shape
        self.numel = prod(shape)
        self.sizes: tuple[int, ...] = tuple([n for n in shape if n != 1])
        count = len(self.sizes)
        coords: list[Affine] = []
        k = 0
        for n in shape:
            unit = [0] * (count + 1)
            if n != 1:
                k += 1
                unit[k] = 1
            coords.append(tuple(unit))
        self.coords: IndexMap = tuple(coords)
        self.reduced: list[bool] = [False] * count
        self.kind = "map"
        self.ragged: tuple[int, int, int] | None = None  # block loop, loop within it, total
        self.kept = 0  # elements of a reduction's result
        self.roots: list[Root] = []
        self.loads: set[int] = set()
        self._clear()

    def _clear(self) -> None:
        self.exprs: list[Expr] = []
        self.depends: list[bool] = []  # whether an expression needs a reduction of this cluster
        self.known: dict[Expr, int] = {}
        self.memo: dict[tuple[int, int, Guard], int] = {}
        self.maps: dict[IndexMap, int] = {}
        self.map_list: list[IndexMap] = []
        self.maps_of: dict[int, tuple[int, ...]] = {}  # of values that are much work to compute
        self.results: dict[int, tuple[int, int]] = {}  # reduce value -> (number, id of its map)
        self.shared = False  # whether the last root has work in common with those before it
        self.before = 0  # expressions of the roots before it
        self.rooting = -1

    # -- transactions

    def _save(self) -> tuple[Any, ...]:
        return (
            self.domain, self.sizes, self.coords, list(self.reduced), self.kind, self.ragged,
            self.kept, list(self.exprs), list(self.depends), dict(self.known), dict(self.memo),
            dict(self.maps), list(self.map_list), dict(self.maps_of), dict(self.results),
            set(self.loads), [(r, r.expr, r.address, r.stored, r.index) for r in self.roots],
        )  # fmt: skip

    def _restore(self, saved: tuple[Any, ...]) -> None:
        (
            self.domain, self.sizes, self.coords, self.reduced, self.kind, self.ragged, self.kept,
            self.exprs, self.depends, self.known, self.memo, self.maps, self.map_list,
            self.maps_of, self.results, self.loads, roots,
        ) = saved  # fmt: skip
        self.roots = [r for r, *_ in roots]
        for r, expr, address, stored, index in roots:
            r.expr, r.address, r.stored, r.index = expr, address, stored, index

    def try_add(self, root: Root, must_share: bool = False) -> bool:
        """Adds a root; leaves the cluster as it was and returns False if it does not fit.

        Raises Materialise (also with the cluster unchanged) where that would help.
        """
        saved = self._save()
        try:
            self._add(root)
            if len(self.loads) <= MAX_LOADS and (self.shared or not must_share):
                return True
        except TooLarge:
            # Beside other roots it is left out; alone, it must be cut somewhere.
            alone = len(self.roots) == 1 and root.reduce is None
            wanted = self._computed_again(root.source) if alone else -1
            if wanted >= 0:
                self._restore(saved)
                raise Materialise(wanted) from None
        except Reject:
            pass
        except Materialise:
            self._restore(saved)
            raise
        self._restore(saved)
        return False

    def _computed_again(self, source: int) -> int:
        """The last value on the way to `source` that is computed at several places; -1 if none is.

        A stencil of a stencil of a stencil has places without number.
        """
        s, found, latest = self.s, -1, -1
        seen: dict[int, int] = {}
        for v, m, _ in self.memo:
            if v == source or v in s.place or s.number_of[v] <= latest:
                continue
            node = s.producer[v]
            if seen.setdefault(v, m) != m and node is not None and node.op in ELEMENTWISE:
                found, latest = v, s.number_of[v]
        return found

    def _add(self, root: Root) -> None:
        self.roots.append(root)
        for _ in range(12):
            try:
                if not self.exprs:  # after a split: all again
                    for r in self.roots[:-1]:
                        self._build(r)
                self.shared, self.before = False, len(self.exprs)
                self._build(root)
                return
            except NeedSplit as need:
                if need.loop >= 0:
                    self._split(need.loop, need.inner)
            except NotAffine:
                break
        raise Reject

    def _split(self, loop: int, inner: int, ragged: bool = False) -> None:
        """Cuts a loop in two; everything is built again."""
        if len(self.sizes) >= MAX_LOOPS or (self.ragged and loop in self.ragged[:2]):
            raise Reject
        n = self.sizes[loop]
        self.sizes = (*self.sizes[:loop], -(-n // inner), inner, *self.sizes[loop + 1 :])
        self.reduced[loop : loop + 1] = [self.reduced[loop]] * 2
        self.coords = tuple(
            (*a[: loop + 1], a[loop + 1] * inner, a[loop + 1], *a[loop + 2 :]) for a in self.coords
        )
        if self.ragged:
            b, r, total = self.ragged
            self.ragged = (b + (b > loop), r + (r > loop), total)
        if ragged:
            self.ragged = (loop, loop + 1, n)
        self._clear()

    def chopped(self, saved: tuple[Any, ...]) -> bool:
        """Whether a root that joined has cut the loop of the vectors into short pieces."""
        if len(saved[1]) == len(self.sizes):
            return False
        now = self._run()
        if now >= 16:
            return False
        new = self._save()
        self._restore(saved)
        before = self._run()
        self._restore(new)
        return now < min(before, 16)

    def _run(self) -> int:
        """The size of the innermost loop once loops are merged that can be."""
        if not self.sizes:
            return 1
        affines = {r.address for r in self.roots if r.stored}
        for op, _, _, attr in self.exprs:
            if op in ("load", "take"):
                affines.add(attr[1])
            elif op in ("iota", "inrange"):
                affines.add(attr if op == "iota" else attr[0])
        run = self.sizes[-1]
        for loop in range(len(self.sizes) - 2, -1, -1):
            if self.reduced[loop] != self.reduced[-1]:
                break
            if any(a[loop + 1] != a[-1] * run for a in affines):
                break
            run *= self.sizes[loop]
        return run

    # -- roots

    def _build(self, root: Root) -> None:
        if root.reduce is not None:
            self._build_reduce(root, root.reduce)
            return
        shape = self.s.shapes[root.source]
        self.rooting = root.source
        if root.source in self.results:
            number = self.results[root.source][1]
        elif prod(shape) == self.numel or not self.results:
            number = self.map_id(reshape_map(self.coords, self.domain, shape, self.sizes))
        else:
            number = self.map_id(self._kept_map(shape))
        root.expr = self.value(root.source, number, ())
        if self.kind == "col" and self.depends[root.expr]:
            used = {k for a in self.map_list[number] for k, c in enumerate(a[1:]) if c}
            if any(self.reduced[k] for k in used):
                raise Reject
        if root.target is None:
            root.address = offset_of(self.map_list[number], shape, len(self.sizes))
        else:
            root.address = root.target(self.map_list[number], self.sizes)

    def _kept_map(self, shape: tuple[int, ...]) -> IndexMap:
        """The map of a value that has as many elements as a reduction's result."""
        reduce_value, (_, number) = next(iter(self.results.items()))
        if prod(shape) != self.kept:
            raise Reject
        return reshape_map(self.map_list[number], self.s.shapes[reduce_value], shape, self.sizes)

    def _build_reduce(self, root: Root, want: Reduction) -> None:
        self.rooting = -1
        index = reshape_map(self.coords, self.domain, want.shape, self.sizes)
        axis_loops: list[set[int]] = [{k for k, c in enumerate(a[1:]) if c} for a in index]
        block_loops: set[int] = set()
        block_affine: list[Affine] = []
        if want.block:
            loops = sorted(axis_loops[want.axis])
            if len(loops) == 1:
                self._split(loops[0], want.block, ragged=want.shape[want.axis] % want.block != 0)
                raise NeedSplitAgain()
            coefficients = [index[want.axis][k + 1] for k in loops]
            if len(loops) != 2 or coefficients != [want.block, 1]:
                raise Reject
            if self.sizes[loops[1]] != want.block:
                raise Reject
            block_loops = {loops[0]}
            unit = [0] * (len(self.sizes) + 1)
            unit[loops[0] + 1] = 1
            block_affine = [tuple(unit)]
        elif self.ragged:
            raise Reject
        reduced: set[int] = set()
        kept: set[int] = set(block_loops)
        for k, loops_of in enumerate(axis_loops):
            if k in want.axes:
                reduced |= loops_of - block_loops
            else:
                kept |= loops_of
        if kept & reduced:
            raise Reject
        flags = [k in reduced for k in range(len(self.sizes))]
        if self.kind == "map":
            last = len(flags) - 1
            self.kind = "row" if last < 0 or flags[last] else "col"
            self.reduced = flags
            self.kept = prod(n for n, f in zip(self.sizes, flags, strict=True) if not f)
        elif flags != self.reduced:
            raise Reject
        canonical = (*block_affine, *(a for k, a in enumerate(index) if k not in want.axes))
        root.expr = self.value(root.source, self.map_id(index), ())
        if self.kind == "col" and self.depends[root.expr]:
            raise Reject
        if want.op in ("argmax", "argmin"):
            root.index = index[want.axes[0]]
        number = self.map_id(canonical)
        self.results[root.value] = (len(self.results), number)
        shape = self.s.shapes[root.value]
        root.address = offset_of(canonical, shape, len(self.sizes))

    # -- expressions

    def map_id(self, index: IndexMap) -> int:
        number = self.maps.get(index)
        if number is None:
            number = self.maps[index] = len(self.map_list)
            self.map_list.append(index)
        return number

    def expr(self, op: str, tag: str, args: tuple[int, ...] = (), attr: Any = None) -> int:
        key = (op, tag, args, (type(attr), repr(attr)) if op == "const" else attr)
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = len(self.exprs)
            if found == MAX_EXPRESSIONS:
                raise TooLarge
            self.exprs.append((op, tag, args, attr))
            self.depends.append(op == "result" or any(self.depends[a] for a in args))
        elif found < self.before and (args or op in ("load", "result")):
            self.shared = True
        return found

    def value(self, v: int, m: int, guard: Guard) -> int:
        """The expression of value v at the elements that map m tells, where `guard` holds."""
        key = (v, m, guard)
        found = self.memo.get(key)
        if found is None:
            found = self.memo[key] = self._value(v, m, guard)
        elif found < self.before:
            if self.exprs[found][2] or self.exprs[found][0] in ("load", "result"):
                self.shared = True
        return found

    def _value(self, v: int, m: int, guard: Guard) -> int:
        s = self.s
        own = self.results.get(v)
        if own is not None:
            if own[1] != m:
                raise Reject
            return self.expr("result", s.tags[v], (), own[0])
        place = s.place.get(v)
        if place is not None and place != self.order:
            return self._load(v, self.map_list[m], s.shapes[v], guard)
        node = s.producer[v]
        assert node is not None
        op = node.op
        if op in ELEMENTWISE:
            if place is None and v != self.rooting:
                other = s.inlined.get(v)
                if other is not None and other is not self and not s.cheap(v):
                    raise Materialise(v)
                self._check_repeated(v, m)
            args = tuple([self.value(a, m, guard) for a in node.ins])
            return self.expr(op, s.tags[v], args)
        if op == "const":
            return self.expr("const", s.tags[v], (), node.attrs[0])
        if op == "scalar":
            i = node.attrs[0]
            return self.expr("scalar", s.tags[v], (), (i, s.graph.scalars[i]))
        if op == "iota":
            return self.expr("iota", "i64", (), self.map_list[m][node.attrs[0]])
        if op in ("take", "gather"):
            return self._take(v, node, m, guard)
        if op == "pad":
            return self._pad(v, node, m, guard)
        if op == "cat":
            return self._cat(v, node, m, guard)
        if op in ("reshape", "permute", "expand", "slice", "flip", "strided"):
            return self._move(v, node, m, guard)
        if place == self.order:
            raise Reject
        raise Materialise(v)

    def _check_repeated(self, v: int, m: int) -> None:
        """Work is not repeated for many places, as where windows that overlap are added up."""
        s = self.s
        if s.uses[v] < 2 or s.numel(v) <= SMALL:
            return
        work = s.cost[v] + (_HEAVY_COST if s.heavy[v] else 0)
        if work < _LITTLE:
            return
        maps = self.maps_of.get(v, ())
        if m in maps:
            return
        if len(maps) * work > _REPEATED:
            raise Materialise(v)
        self.maps_of[v] = (*maps, m)

    def _load(self, v: int, index: IndexMap, shape: tuple[int, ...], guard: Guard) -> int:
        if self.s.place[v] > self.order:
            raise Reject
        self.loads.add(v)
        address = offset_of(index, shape, len(self.sizes))
        return self.expr("load", self.s.tags[v], self._conditions(guard), (v, address))

    def _move(self, v: int, node: GraphNode, m: int, guard: Guard) -> int:
        s, source = self.s, node.ins[0]
        index, shape = self.map_list[m], s.shapes[source]
        place = s.place.get(source)
        if node.op == "reshape" and place is not None and place != self.order:
            return self._load(source, index, s.shapes[v], guard)
        try:
            inner = movement_map(node.op, node.attrs, index, s.shapes[v], shape, self.sizes)
        except NotAffine:
            if place is not None:
                raise Reject from None
            raise Materialise(source) from None
        if node.op == "strided" and place is None and s.numel(v) > s.numel(source):
            raise Materialise(source)  # windows that overlap
        if node.op == "expand" and place is None and s.numel(source) > 1:
            self._check_expand(source, inner, s.numel(v))
        return self.value(source, self.map_id(inner), guard)

    def _check_expand(self, source: int, index: IndexMap, numel: int) -> None:
        """Work of a small value is not repeated for every element of a large one."""
        s = self.s
        if s.cost[source] <= 3 and not s.heavy[source]:
            return
        if numel <= SMALL or numel == s.numel(source) or source in self.results:
            return
        used = {k for a in index for k, c in enumerate(a[1:]) if c}
        if self.kind == "row":
            if not any(self.reduced[k] for k in used):
                return
        elif self.sizes and len(self.sizes) - 1 not in used and self.sizes[-1] >= 16:
            return
        if s.is_lazy(source):
            raise Materialise(source)

    def _take(self, v: int, node: GraphNode, m: int, guard: Guard) -> int:
        s, (table, positions) = self.s, node.ins
        axis = node.attrs[0]
        place = s.place.get(table)
        if place is None:
            raise Materialise(table)
        if place >= self.order:
            raise Reject
        index, shape = self.map_list[m], s.shapes[table]
        strides = strides_of(shape)
        if node.op == "gather":
            where = self.value(positions, m, guard)
            rest = [a for k, a in enumerate(index) if k != axis]
        else:
            rank = len(s.shapes[positions])
            part = index[axis : axis + rank]
            where = self.value(positions, self.map_id(part), guard)
            rest = [*index[:axis], *index[axis + rank :]]
        others = [st for k, st in enumerate(strides) if k != axis]
        address = [0] * (len(self.sizes) + 1)
        for a, st in zip(rest, others, strict=True):
            for k, c in enumerate(a):
                address[k] += c * st
        self.loads.add(table)
        attr = (table, tuple(address), strides[axis], shape[axis], s.number_of[v])
        return self.expr("take", s.tags[v], (where, *self._conditions(guard)), attr)

    def _conditions(self, guard: Guard) -> tuple[int, ...]:
        return tuple([self.expr("inrange", "b1", (), condition) for condition in guard])

    def _condition(self, guard: Guard) -> int:
        """The conjunction of the conditions as an expression."""
        out, *more = self._conditions(guard)
        for one in more:
            out = self.expr("logical_and", "b1", (out, one))
        return out

    def _pad(self, v: int, node: GraphNode, m: int, guard: Guard) -> int:
        self._check_nested(v, guard)
        low, _, value = node.attrs
        s, source = self.s, node.ins[0]
        shape = s.shapes[source]
        outside = self.expr("const", s.tags[v], (), value)
        if 0 in shape:
            return outside
        index = tuple(shift(a, -p) for a, p in zip(self.map_list[m], low, strict=True))
        new: list[tuple[Affine, int]] = []
        for a, n in zip(index, shape, strict=True):
            least, most = bounds(a, self.sizes) if 0 not in self.sizes else (0, 0)
            if least < 0 or most >= n:
                new.append((a, n))
        if not new:
            return self.value(source, self.map_id(index), guard)
        inner = self.value(source, self.map_id(index), guard + tuple(new))
        return self.expr("where", s.tags[v], (self._condition(tuple(new)), inner, outside))

    def _cat(self, v: int, node: GraphNode, m: int, guard: Guard) -> int:
        self._check_nested(v, guard)
        s, axis, index = self.s, node.attrs[0], self.map_list[m]
        if v != self.rooting and s.interleaves(node):
            raise Materialise(v)
        parts: list[tuple[Affine, int, int]] = []
        start = 0
        for source in node.ins:
            n = s.shapes[source][axis]
            if n:
                parts.append((shift(index[axis], -start), n, source))
            start += n
        if not parts:
            return self.expr("const", s.tags[v], (), 0)
        out = -1
        for a, n, source in reversed(parts):
            moved = self.map_id((*index[:axis], a, *index[axis + 1 :]))
            condition: Guard = ((a, n),)
            inner = self.value(source, moved, guard + condition)
            if out < 0:
                out = inner
            else:
                out = self.expr("where", s.tags[v], (self._condition(condition), inner, out))
        return out

    def _check_nested(self, v: int, guard: Guard) -> None:
        """Parts of parts of parts become a copy of everything for each way to get there."""
        if len(guard) > _NESTED and v != self.rooting and self.s.is_lazy(v):
            raise Materialise(v)

    def heavy(self, i: int) -> bool:
        return self.exprs[i][0] in HEAVY


class NeedSplitAgain(NeedSplit):
    """Raised after a cut that was made at once: all roots are to be built again."""

    def __init__(self) -> None:
        Exception.__init__(self, "a loop was cut in blocks")
        self.loop = self.inner = -1
