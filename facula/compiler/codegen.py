"""From a kernel's description (loops.py) to the text of its LLVM IR.

The text has the shape that a person would write: record fields are read once, what depends on the
row only is computed once for each row, and the innermost loop works on whole vectors with one
masked vector at its end. LLVM is not asked to vectorise anything.
"""

from __future__ import annotations

from collections.abc import Callable

from .emitter import V
from .expression_code import Expressions
from .loops import TILE_ROWS, Kernel, Reduce, Store
from .reduction_code import combine, finish, identity
from .scalar_code import HEAVY, MEMORY, cast, truth
from .writer import I64


class Generator(Expressions):
    """Writes one kernel."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self.scratch_ready: set[int] = set()
        self.results: list[V | None] = [None] * len(kernel.reduces)
        self.stage = self._stages()

    def text(self) -> str:
        self._entry()
        self._units()
        return self.w.module()

    # -- what is needed where

    def _stages(self) -> list[int]:
        """For each expression the number of passes over the row that must be over before it."""
        k = self.k
        stage = [0] * len(k.exprs)
        reduce_stage = [0] * len(k.reduces)
        for _ in range(len(k.reduces) + 1):  # results may be listed before what they reduce
            for i, (op, _, args, attr) in enumerate(k.exprs):
                stage[i] = max([stage[a] for a in args], default=0)
                if op == "result":
                    stage[i] = reduce_stage[attr] + 1
            new = [stage[r.expr] for r in k.reduces]
            if new == reduce_stage:
                break
            reduce_stage = new
        self.reduce_stage = reduce_stage
        return stage

    def _needed(self, sinks: list[int], available: set[int]) -> list[int]:
        """The expressions under the sinks, operands first; those in `available` are not entered."""
        seen: set[int] = set()
        work = list(sinks)
        while work:
            i = work.pop()
            if i not in seen:
                seen.add(i)
                if i not in available:
                    work.extend(self.k.exprs[i][2])
        return sorted(seen)

    # -- entry

    def _entry(self) -> None:
        self.enter()
        if self.k.kind == "row":
            self._allocate_scratch()

    def _allocate_scratch(self) -> None:
        """Rows of values that are dear to compute and wanted in more than one pass."""
        k, w = self.k, self.w
        self.plan: list[tuple[list[int], set[int]]] = []
        last = max(
            [*self.reduce_stage, *[self.stage[s.expr] for s in self._body_stores()]], default=0
        )
        made: set[int] = set()
        costly: list[bool] = []
        for i, (op, _, args, _) in enumerate(k.exprs):
            deep = op in HEAVY or any(costly[a] for a in args)
            costly.append(k.levels[i] == 2 and deep and op != "load")
        wanted: set[int] = set()
        for stage in range(last + 1):
            sinks = self._sinks(stage)
            available = {i for i in made if costly[i]} if k.scratch else set()
            needed = self._needed(sinks, available)
            wanted |= available & set(needed)
            self.plan.append((needed, available & set(needed)))
            made |= {i for i in needed if k.levels[i] == 2}
        if not wanted:
            return
        columns = w.mul(w.field(k.header["mid_count"]), w.field(k.header["inner"]))
        room = w.add(columns, w.number(k.lanes))
        for i in sorted(wanted):
            tag = k.exprs[i][1]
            element = MEMORY[tag]
            self.scratch[i] = w.let("ptr", f"alloca {element}, i64 {room.name}, align 64")

    def _body_stores(self) -> list[Store]:
        return [s for s in self.k.stores if self._address_level(s.address) > 0]

    def _sinks(self, stage: int) -> list[int]:
        k = self.k
        out = [r.expr for r, st in zip(k.reduces, self.reduce_stage, strict=True) if st == stage]
        return out + [s.expr for s in self._body_stores() if self.stage[s.expr] == stage]

    def _address_level(self, number: int) -> int:
        classes = self.k.addresses[number].classes
        if classes[-1] != "0":
            return 2
        return 1 if "s" in classes[self.k.rows : -1] else 0

    # -- units: rows, or rows and blocks

    def _units(self) -> None:
        w, k = self.w, self.k
        h = {name: w.field(f) for name, f in k.header.items()}
        self.h = h
        first = w.mul(V(I64, "%begin"), h["per_chunk"])
        stop = w.smaller(w.mul(V(I64, "%end"), h["per_chunk"]), h["units"])
        unit, finished = w.new_label("unit"), w.new_label("finished")
        start = w.new_label("start")
        w.branch(w.compare("icmp", "slt", first, stop), start, finished)
        w.open(start)
        blocked = k.kind != "row"
        row, block = first, w.number(0)
        if blocked:
            row = w.binary("udiv", first, h["blocks"])
            block = w.binary("sub", first, w.mul(row, h["blocks"]))
        sizes = [h[f"row{i}"] for i in range(k.rows)]
        starts = self._decode(row, sizes)
        before = w.block
        w.jump(unit)
        w.open(unit)
        u = w.phi(I64, (first, before))
        at_block = w.phi(I64, (block, before)) if blocked else None
        at = [w.phi(I64, (x, before)) for x in starts]
        self.row_index = [p.value for p in at]
        self._row(at_block.value if at_block else None)
        following = w.add(u.value, w.number(1))
        carry: V | None = None
        next_block = None
        if at_block:
            next_block = w.add(at_block.value, w.number(1))
            carry = w.compare("icmp", "eq", next_block, h["blocks"])
            next_block = w.select(carry, w.number(0), next_block)
        steps = self._increment([p.value for p in at], sizes, carry)
        again = w.compare("icmp", "slt", following, stop)
        last = w.block
        phis = [(u, following), *zip(at, steps, strict=True)]
        if at_block and next_block:
            phis.append((at_block, next_block))
        carried = [(phi, w.opaque(x)) for phi, x in phis]
        w.branch(again, unit, finished)
        for phi, x in carried:
            w.close_phi(phi, (x, last))
        w.open(finished)
        w.stmt("ret void")

    def _decode(self, flat: V, sizes: list[V]) -> list[V]:
        w = self.w
        out: list[V] = []
        for n in reversed(sizes[1:]):
            rest = w.binary("udiv", flat, n)
            out.append(w.binary("sub", flat, w.mul(rest, n)))
            flat = rest
        if sizes:
            out.append(flat)
        return out[::-1]

    def _increment(self, index: list[V], sizes: list[V], carry: V | None) -> list[V]:
        """The next index; `carry` (None: always) tells whether to move at all."""
        w = self.w
        out: list[V] = []
        for level in range(len(index) - 1, -1, -1):
            one = w.convert("zext", carry, I64) if carry is not None else w.number(1)
            bumped = w.add(index[level], one)
            if level == 0:
                out.append(bumped)
                break
            carry = w.compare("icmp", "eq", bumped, sizes[level])
            out.append(w.select(carry, w.number(0), bumped))
        return out[::-1]

    def _row(self, block: V | None) -> None:
        """The work of one unit."""
        w, k = self.w, self.k
        self.row_memo, self.row_address = {}, {}
        self.mid_memo, self.mid_address = self.row_memo, self.row_address
        inner = self.h["inner"]
        self.mid_count = self.h["mid_count"]
        if k.ragged:
            done = w.mul(self.row_index[k.ragged_row], self.h["ragged_block"])
            left = w.binary("sub", self.h["ragged_total"], done)
            size = w.smaller(self.h["ragged_block"], left)
            if k.ragged == "mid":
                self.mid_count = w.mul(size, self.h["ragged_rest"])
            else:
                inner = size
        if k.kind == "row":
            self.low, self.high = w.number(0), inner
            self._row_stages()
            return
        assert block is not None
        self.low = w.mul(block, self.h["block"])
        self.high = w.smaller(w.add(self.low, self.h["block"]), inner)
        if k.kind == "map" and k.tiled:
            start = w.mul(self.row_index[-1], w.number(TILE_ROWS))
            stop = w.smaller(w.add(start, w.number(TILE_ROWS)), self.h["tile_total"])
            outer = self.row_index[:-1]

            def row(r: V, _: list[V]) -> list[V]:
                self.row_memo, self.row_address = {}, {}
                self.mid_memo, self.mid_address = self.row_memo, self.row_address
                self.row_index = [*outer, r]
                self._map_row()
                return []

            w.counted_loop(start, stop, 1, [], row)
        elif k.kind == "map":
            self._map_row()
        else:
            self._column()

    def _map_row(self) -> None:
        needed = self._needed([s.expr for s in self.k.stores], set())
        self._scalars(needed, 0, self.row_memo)
        self._vector_loop([], self._map_body(needed))

    def _vector_loop(self, state: list[V], body: Callable[..., list[V]]) -> list[V]:
        """The inner loop over this unit's range."""
        w, lanes = self.w, self.k.lanes
        if self.k.masked == "only":
            return w.one_vector(self.high, lanes, state, body)
        if self.k.masked == "none":
            return w.counted_loop(
                self.low, self.high, lanes, state, lambda i, carried: body(i, None, carried)
            )
        return w.vector_loop(self.low, self.high, lanes, state, body)

    def _map_body(self, needed: list[int]) -> Callable[..., list[V]]:
        def body(i: V, mask: V | None, _: list[V]) -> list[V]:
            if mask is not None and not self.k.rows:
                self.w.usually(mask, 0)  # once, and not for every row
            self._vectors(needed, i, mask, {})
            together = {n for group in self.k.interleaved for n in group}
            for n, s in enumerate(self.k.stores):
                if n not in together:
                    self._store(s, i, mask)
            for group in self.k.interleaved:
                self._store_in_turn([self.k.stores[n] for n in group], i, mask)
            return []

        return body

    # -- row kernels

    def _row_stages(self) -> None:
        k = self.k
        for stage, (needed, loaded) in enumerate(self.plan):
            self._scalars(needed, 0, self.row_memo)
            self._pass(stage, needed, loaded)
        stores = [s for s in k.stores if self._address_level(s.address) == 0]
        self._scalars(self._needed([s.expr for s in stores], set()), 0, self.row_memo)
        for s in stores:
            base = self._address(s.address, 0)
            at = self.w.element(self.pointers[s.pointer], base, s.tag)
            self.w.store(self._known(s.expr), at, s.tag)

    def _pass(self, stage: int, needed: list[int], loaded: set[int]) -> None:
        """One pass over the row: the reductions and the stores of a stage."""
        w, k = self.w, self.k
        reduces = [r for r, st in zip(k.reduces, self.reduce_stage, strict=True) if st == stage]
        stores = [s for s in self._body_stores() if self.stage[s.expr] == stage]
        if not reduces and not stores:
            return
        state = [x for r in reduces for x in identity(w, r.op, r.tag, k.lanes)]
        keep = [
            i for i in self.scratch
            if i in needed and i not in loaded and i not in self.scratch_ready
        ]  # fmt: skip
        fused = self._fused(reduces, needed, keep, stores)

        def body(i: V, mask: V | None, carried: list[V]) -> list[V]:
            self._vectors([x for x in needed if x not in fused], i, mask, dict.fromkeys(loaded, 1))
            for x in keep:
                at = w.element(self.scratch[x], self._column_number(i), self._scratch_tag(x))
                w.store(self._value(x, k.lanes), at, self._scratch_tag(x))
            for s in stores:
                self._store(s, i, mask)
            return self._accumulate(reduces, fused, carried, i, mask)

        def along(mid: V | None, carried: list[V]) -> list[V]:
            self._scalars(needed, 1, self.mid_memo)
            return self._vector_loop(carried, body)

        final = self._mids(state, along)
        self.scratch_ready |= set(keep)
        k_reduces = {id(r): n for n, r in enumerate(k.reduces)}
        for r in reduces:
            width = len(identity(w, r.op, r.tag, 1))
            parts, final = final[:width], final[width:]
            number = k_reduces[id(r)]
            self.results[number] = finish(w, r.op, r.tag, parts)
            for i, e in enumerate(k.exprs):
                if e[0] == "result" and e[3] == number:
                    self.row_memo[i] = self._result(number)

    def _result(self, number: int) -> V:
        found = self.results[number]
        assert found is not None
        return found

    def _scratch_tag(self, i: int) -> str:
        return self.k.exprs[i][1]

    def _fused(
        self, reduces: list[Reduce], needed: list[int], keep: list[int], stores: list[Store]
    ) -> set[int]:
        """Products that are only summed: the sum multiplies and adds in one instruction."""
        k = self.k
        used: dict[int, int] = {}
        for i in needed:
            for a in k.exprs[i][2]:
                used[a] = used.get(a, 0) + 1
        for r in reduces:
            used[r.expr] = used.get(r.expr, 0) + 1
        for s in stores:
            used[s.expr] = used.get(s.expr, 0) + 1
        return {
            r.expr for r in reduces
            if r.op == "sum" and r.tag[0] == "f" and k.exprs[r.expr][0] == "mul"
            and k.exprs[r.expr][1] == r.tag and used[r.expr] == 1 and r.expr not in keep
            and k.levels[r.expr] == 2 and r.expr in needed
        }  # fmt: skip

    def _accumulate(
        self, reduces: list[Reduce], fused: set[int], carried: list[V], i: V, mask: V | None
    ) -> list[V]:
        w, k = self.w, self.k
        out: list[V] = []
        for r in reduces:
            width = 2 if r.op in ("argmax", "argmin") else 1
            old, carried = carried[:width], carried[width:]
            if r.expr in fused and r.expr not in self.scratch_ready:
                x, y = (self._value(a, k.lanes) for a in k.exprs[r.expr][2])
                suffix = "f32" if r.tag == "f32" else "f64"
                name = f"llvm.fma.v{k.lanes}{suffix}"
                new = [w.intrinsic(name, x.ty, x, y, old[0])]
            else:
                x = self._value(r.expr, k.lanes)
                tag = k.exprs[r.expr][1]
                if r.op in ("any", "all"):
                    x = truth(w, x, tag)
                elif width == 1:
                    x = cast(w, x, tag, r.tag)
                parts = [x]
                if width == 2:
                    parts.append(self._affine_vector(r.index, i))
                new = combine(w, r.op, r.tag, old, parts)
            if mask is not None:
                new = [w.select(mask, a, b) for a, b in zip(new, old, strict=True)]
            out.extend(new)
        return out

    def _mids(self, state: list[V], along: Callable[..., list[V]]) -> list[V]:
        """Runs `along` for every position of the mid loops."""
        w, k = self.w, self.k
        if not k.mids:
            return along(None, state)
        sizes = [self.h[f"mid{i}"] for i in range(k.mids)]
        count = len(state)
        starts = [*state, *([w.number(0)] * k.mids if k.mids > 1 else [])]

        def body(m: V, carried: list[V]) -> list[V]:
            self.mid_number = m
            self.mid_index = carried[count:] or [m]
            self.mid_memo, self.mid_address = {}, {}
            new = along(m, carried[:count])
            moved = self._increment(self.mid_index, sizes, None) if k.mids > 1 else []
            return [*new, *moved]

        zero, alone = w.number(0), k.mids == 1
        found = w.counted_loop(zero, self.mid_count, 1, starts, body, reduced=alone)
        self.mid_memo, self.mid_address = self.row_memo, self.row_address
        return found[:count]

    # -- column kernels

    def _column(self) -> None:
        """Lanes lie across the kept inner loop; the mid loops run down the columns."""
        w, k = self.w, self.k
        inside = [s for s in k.stores if self._varies(s.address)]
        after = [s for s in k.stores if not self._varies(s.address)]
        needed = self._needed([r.expr for r in k.reduces] + [s.expr for s in inside], set())
        fused = self._fused(k.reduces, needed, [], inside)
        early = [i for i in needed if not k.with_mid[i] and k.levels[i] == 2]
        late = [i for i in needed if k.with_mid[i] and i not in fused]
        self._scalars(needed, 0, self.row_memo)
        fused_early = [i for i in early if i not in fused]

        def block(i: V, mask: V | None, _: list[V]) -> list[V]:
            # what is computed here does not dominate the loop's tail
            kept = (dict(self.row_memo), dict(self.row_address))
            self._vectors(fused_early, i, mask, {})
            outer_memo = self.inner_memo
            state = [x for r in k.reduces for x in identity(w, r.op, r.tag, k.lanes)]

            def along(mid: V | None, carried: list[V]) -> list[V]:
                self._scalars(late, 1, self.mid_memo)
                self._vectors(late, i, mask, {}, outer_memo)
                for s in inside:
                    self._store(s, i, mask)
                return self._accumulate(k.reduces, fused, carried, i, None)

            final = self._mids(state, along) if k.mids else along(None, state)
            memo = dict(outer_memo)
            parts: list[V] = []
            for r in k.reduces:
                width = 2 if r.op in ("argmax", "argmin") else 1
                parts.append(final[width - 1])
                final = final[width:]
            for x, e in enumerate(k.exprs):
                if e[0] == "result":
                    memo[x] = parts[e[3]]
            following = self._needed([s.expr for s in after], set(memo))
            self._scalars(following, 0, self.row_memo)
            self._vectors([x for x in following if x not in memo], i, mask, {}, memo)
            for s in after:
                self._store(s, i, mask)
            self.row_memo, self.row_address = kept
            self.mid_memo, self.mid_address = kept
            return []

        self._vector_loop([], block)


def generate(kernel: Kernel) -> str:
    """The LLVM IR of a kernel."""
    return Generator(kernel).text()
