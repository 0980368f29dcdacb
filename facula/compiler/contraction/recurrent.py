"""Recurrent layers: one native step for each step of the sequence, the weight packed once.

The hidden weight is packed so that the gates of a vector of units lie side by side. A chunk takes a
vector of units (or two) and some sequences: it multiplies their hidden state of the step before
with the weight, and finishes the cell while the sums are near. Steps of the sequence are steps of
the program, so the threads meet between them, and nothing of a chunk depends on their number. The
gradient goes the same way back: the product with the gradient of the step after it, then the
formulas.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..emitter import V, vec
from ..scalar_code import REGISTER, SIZE, broadcast
from ..writer import I64, Writer
from . import tile
from .product import NativeStep, height, left_of, pack_columns, pack_rows, split
from .recurrent_cells import CELLS, Cell, Formulas, width_of

_BLOCK = 56  # most sequences of a chunk
_HEADER = 12
_PANEL_BYTES = 1 << 15


class Layer:
    """The run of a layer, or of its gradient, over a sequence."""

    def __init__(
        self, kind: str, back: bool, tag: str, width: int, rows: int, sizes: Sequence[int],
        reverse: bool, biased: bool,
    ) -> None:  # fmt: skip
        self.kind, self.back, self.tag, self.width, self.biased = kind, back, tag, width, biased
        self.cell: Cell = CELLS[kind]
        self.count, self.sizes, self.reverse = rows, sizes, reverse
        registers = tile.registers()
        self.lanes = registers.lanes(tag)
        gates = self.cell.gates
        # Vectors of a panel: all gates of one vector of units, or units alone.
        self.units = 1 if gates > 1 and not back else 2
        if width <= self.lanes:
            self.units = 1
        self.vectors = self.units * (1 if back else gates)
        self.columns = self.vectors * self.lanes
        most = registers.rows * registers.vectors // self.vectors
        self.rows = height(rows, self.vectors, most)
        self.block = max(1, _BLOCK // self.rows) * self.rows
        self.depth_of_all = gates * width if back else width
        self.depth = tile.balanced(
            self.depth_of_all, max(16, _PANEL_BYTES // (self.columns * SIZE[tag]))
        )
        self.panels = -(-width // (self.units * self.lanes))
        self.pitch = -(-self.depth_of_all // self.lanes) * self.lanes * self.columns
        if back:
            self.names = (*self.cell.gradient_operands, *self.cell.gradient_results)
        else:
            operands = self.cell.operands if biased or kind != "gru" else self.cell.operands[:3]
            self.names = (*operands, *self.cell.results)

    @property
    def scratch_bytes(self) -> int:
        return self.panels * self.pitch * SIZE[self.tag]

    def steps(self, slots: Sequence[int], scratch: int) -> list[NativeStep]:
        """The native steps; slots: of operands and results in the order of `names`."""
        at = dict(zip(self.names, slots, strict=True))
        pack = NativeStep(
            "pack", f"recurrent pack {self._tag_of_key}", lambda: _pack_text(self),
            [at["w"], scratch, self.width, self.depth_of_all, self.pitch], self.panels,
            self.panels * self.pitch,
        )  # fmt: skip
        runs = self._runs()
        return [pack, self._begin(at, runs), *self._loop(at, runs, scratch)]

    @property
    def _tag_of_key(self) -> str:
        flags = f"{int(self.back)} {int(self.biased)}"
        return f"{self.kind} {flags} {self.tag} {self.rows} {self.units} {self.block}"

    def _runs(self) -> list[tuple[int, int]]:
        """(first row, sequences) of each step in the order in which the layer runs them."""
        out, at = [], 0
        for m in self.sizes:
            out.append((at, m))
            at += m
        return out[::-1] if self.reverse else out

    def _begin(self, at: dict[str, int], runs: list[tuple[int, int]]) -> NativeStep:
        """Copies the first states to the steps where sequences begin, and to the last states."""
        if self.back:
            pairs = [(at["g_h"], at["g_h0"])]
            if "g_c" in at:
                pairs.append((at["g_c"], at["g_c0"]))
            table = [(0, 0, self.count)] * len(pairs)
            copies = [(*pair, *entry) for pair, entry in zip(pairs, table, strict=True)]
        else:
            copies = []
            for kept, first, last in self.cell.state:
                copies.append((at[first], at[last], 0, 0, self.count))
                done = 0
                for row, m in runs:
                    if m > done:
                        copies.append((at[first], at[kept], done, row + done, m - done))
                        done = m
        record = [len(copies), self.width, *(n for copy in copies for n in copy)]
        return NativeStep(
            "copy", f"recurrent copy {self.tag}", lambda: _copy_text(self), record, 1, 1
        )

    def _loop(
        self, at: dict[str, int], runs: list[tuple[int, int]], scratch: int
    ) -> list[NativeStep]:
        slots = [at[name] for name in self.names]
        key = f"recurrent {self._tag_of_key}"
        # What a step needs to know of the one that gives it its product, or takes its state.
        if self.back:
            order = [*reversed(runs), (0, 0)]
            others = [(0, 0), *reversed(runs)]
        else:
            order, others = runs, [*runs[1:], (0, 0)]
        out = []
        for (row, m), (other, n) in zip(order, others, strict=True):
            most = max(m, n) if self.back else m
            blocks = -(-most // self.block)
            work = most * self.width * self.cell.gates * self.width
            record = [scratch, row, m, other, n, self.width, self.depth_of_all, self.depth,
                      self.pitch, self.panels, most, 0, *slots]  # fmt: skip
            out.append(
                NativeStep(
                    self.kind,
                    key,
                    lambda: _step_text(self),
                    record,
                    blocks * self.panels,
                    work,
                    1 << 18,
                )  # fmt: skip
            )
        return out


def _pack_text(p: Layer) -> str:
    w = Writer()
    f = [w.field(i) for i in range(5)]
    source, target = w.slot(f[0]), w.slot(f[1])
    width, depth, pitch = f[2:]

    def panel(u: V, _: list[V]) -> list[V]:
        to = w.element(target, w.mul(u, pitch), p.tag)
        first = w.mul(u, w.number(p.units * p.lanes))
        if p.back:
            left = w.binary("sub", width, first)
            pack_rows(w, p, w.element(source, first, p.tag), left, width, depth, to)
            return []
        for j in range(p.vectors):
            gate, unit = divmod(j, p.units)
            base = w.element(source, w.mul(w.mul(width, w.number(gate)), depth), p.tag)
            column = w.add(first, w.number(unit * p.lanes))
            pack_columns(w, p, base, column, width, depth, depth, to, j)
        return []

    w.counted_loop(V(I64, "%begin"), V(I64, "%end"), 1, [], panel)
    w.stmt("ret void")
    return w.module()


def _copy_text(p: Layer) -> str:
    w = Writer()
    count, width = w.field(0), w.field(1)

    def one(i: V, _: list[V]) -> list[V]:
        base = w.add(w.mul(i, w.number(5)), w.number(2))
        numbers = []
        for k in range(5):
            place = w.add(base, w.number(k))
            at = w.let("ptr", f"getelementptr i64, ptr %rec, i64 {place.name}")
            numbers.append(w.let(I64, f"load i64, ptr {at.name}, align 8"))
        source = w.element(w.slot(numbers[0]), w.mul(numbers[2], width), p.tag)
        target = w.element(w.slot(numbers[1]), w.mul(numbers[3], width), p.tag)

        def part(k: V, mask: V | None, _: list[V]) -> list[V]:
            x = w.load(w.element(source, k, p.tag), p.tag, p.lanes, mask)
            w.store(x, w.element(target, k, p.tag), p.tag, mask)
            return []

        w.vector_loop(w.number(0), w.mul(numbers[4], width), p.lanes, [], part)
        return []

    w.counted_loop(w.number(0), count, 1, [], one)
    w.stmt("ret void")
    return w.module()


def _step_text(p: Layer) -> str:
    w = Writer()
    f = [w.field(i) for i in range(_HEADER + len(p.names))]
    packed = w.slot(f[0])
    row, m, other, n, width, depth_of_all, depth, pitch, panels, most = f[1:11]
    arrays = {name: w.slot(f[_HEADER + i]) for i, name in enumerate(p.names)}
    sums = w.let("ptr", f"alloca i8, i64 {p.block * p.columns * SIZE[p.tag]}, align 64")
    # The rows of the product's left operand: the state before this step, or the gradient of the
    # step after it.
    if p.back:
        left, first_left, have = arrays["step"], other, n
    else:
        left, first_left, have = arrays["previous"], row, m

    def chunk(number: V, _: list[V]) -> list[V]:
        block, panel = split(w, number, panels)
        first = w.mul(block, w.number(p.block))
        count = w.smaller(w.number(p.block), w.binary("sub", most, first))
        b = w.element(packed, w.mul(panel, pitch), p.tag)
        start = w.element(left, w.mul(first_left, depth_of_all), p.tag)
        unit = w.mul(panel, w.number(p.units * p.lanes))

        def ask(r: V) -> None:
            for j in range(p.units):
                at = w.add(unit, w.number(j * p.lanes))
                _Cells(w, p, arrays, sums, [r], first, at, j, (row, m, other, n, width)).ask()

        _products(w, p, start, first, count, have, b, depth_of_all, depth, sums, ask)

        def finish(rows: list[V]) -> None:
            for j in range(p.units):
                at = w.add(unit, w.number(j * p.lanes))
                _Cells(w, p, arrays, sums, rows, first, at, j, (row, m, other, n, width)).finish()

        def two(r: V, _: list[V]) -> list[V]:
            finish([r, w.add(r, w.number(1))])
            return []

        # Two sequences at a time: the formulas are chains that wait for each result.
        even = w.binary("and", count, w.number(-2))
        w.counted_loop(w.number(0), even, 2, [], two)
        w.when(w.compare("icmp", "slt", even, count), lambda: finish([even]))
        return []

    w.counted_loop(V(I64, "%begin"), V(I64, "%end"), 1, [], chunk)
    w.stmt("ret void")
    return w.module()


def _products(
    w: Writer, p: Layer, start: V, first: V, count: V, have: V, b: V, depth_of_all: V, depth: V,
    sums: V, ask: Callable[[V], None],
) -> None:  # fmt: skip
    """Writes the products of `count` sequences from `first` on; those from `have` on are 0.

    ask: what the formulas will touch in a row. It is a line here and there, which no processor
    guesses: these lines are asked for one tile after the other, and come while products are made.
    """
    tiles = w.binary("udiv", w.add(count, w.number(p.rows - 1)), w.number(p.rows))
    last = w.binary("sub", have, w.number(1))
    some = w.compare("icmp", "sgt", have, first)
    blocks = w.binary("udiv", w.add(depth_of_all, w.binary("sub", depth, w.number(1))), depth)

    def block(k: V, _: list[V]) -> list[V]:
        first_k = w.mul(k, depth)
        length = w.smaller(depth, w.binary("sub", depth_of_all, first_k))
        length = w.select(some, length, w.number(0))
        panel = w.element(b, w.mul(first_k, w.number(p.columns)), p.tag)
        vectors = tile.packed_vectors(w, panel, p.tag, p.lanes, p.vectors)
        again = w.compare("icmp", "sgt", k, w.number(0))

        def one(t: V, _: list[V]) -> list[V]:
            base = w.mul(t, w.number(p.rows))
            rows = []
            for r in range(p.rows):
                number = w.smaller(w.add(first, w.add(base, w.number(r))), last)
                place = w.add(w.mul(number, depth_of_all), first_k)
                rows.append(w.element(start, place, p.tag))

            def ahead() -> None:
                for r in range(p.rows):
                    ask(w.smaller(w.add(base, w.number(r)), w.binary("sub", count, w.number(1))))

            w.when(w.binary("xor", again, V("i1", "true")), ahead)
            found = tile.sums(w, p.tag, p.lanes, rows, w.number(1), length, vectors, p.vectors)
            to = w.element(sums, w.mul(base, w.number(p.columns)), p.tag)

            def put(add: bool) -> None:
                for r, row in enumerate(found):
                    for j, x in enumerate(row):
                        at = w.element(to, w.number(r * p.columns + j * p.lanes), p.tag)
                        if add:
                            x = w.binary("fadd", x, w.load(at, p.tag, p.lanes))
                        w.store(x, at, p.tag)

            w.when(again, lambda: put(True), lambda: put(False))
            return []

        w.counted_loop(w.number(0), tiles, 1, [], one)
        return []

    w.counted_loop(w.number(0), blocks, 1, [], block)


class _Cells:
    """The formulas for some sequences and vector j of units, side by side in wide vectors."""

    def __init__(
        self, w: Writer, p: Layer, arrays: dict[str, V], sums: V, rows: list[V], first: V, unit: V,
        j: int, place: tuple[V, V, V, V, V],
    ) -> None:  # fmt: skip
        self.w, self.p, self.arrays, self.sums, self.rows, self.j = w, p, arrays, sums, rows, j
        self.unit, self.first, self.place = unit, first, place
        self.row, self.m, self.other, self.n, self.width = place
        self.sequences = [w.add(first, r) for r in rows]
        self.mask = left_of(w, w.binary("sub", self.width, unit), p.lanes)
        self.formulas = Formulas(w, p.tag, p.lanes * len(rows))

    def _at(self, name: str, gate: int, of: V) -> V:
        w = self.w
        factor = width_of(self.p.cell, name)
        place = w.add(w.mul(of, w.number(factor)), w.number(gate))
        return w.element(self.arrays[name], w.add(w.mul(place, self.width), self.unit), self.p.tag)

    def _joined(self, parts: list[V]) -> V:
        """Vectors, or conditions for all of a sequence's lanes, one after the other."""
        if len(parts) == 1:
            return parts[0]
        ty = parts[0].ty
        lanes, element = ty[1:-1].split(" x ")
        count = 2 * int(lanes)
        numbers = ", ".join(f"i32 {i}" for i in range(count))
        wide = vec(element, count)
        a, b = parts
        return self.w.let(wide, f"shufflevector {a}, {b}, <{count} x i32> <{numbers}>")

    def _part(self, x: V, k: int) -> V:
        if len(self.rows) == 1:
            return x
        lanes = self.p.lanes
        numbers = ", ".join(f"i32 {k * lanes + i}" for i in range(lanes))
        ty = vec(REGISTER[self.p.tag], lanes)
        poison = f"{x.ty} poison"
        return self.w.let(ty, f"shufflevector {x}, {poison}, <{lanes} x i32> <{numbers}>")

    def _whole(self, name: str, sequence: V) -> V:
        return sequence if name in ("g_c0", "g_h0") else self.w.add(self.row, sequence)

    def load(self, name: str, gate: int) -> V:
        w, p = self.w, self.p
        if name == "bias":
            if not p.biased:
                return self.formulas.number(0.0)
            x = w.load(self._at(name, gate, w.number(0)), p.tag, p.lanes, self.mask)
            return self._joined([x] * len(self.rows))
        return self._joined([
            w.load(self._at(name, gate, self._whole(name, s)), p.tag, p.lanes, self.mask)
            for s in self.sequences
        ])  # fmt: skip

    def store(self, name: str, gate: int, x: V) -> None:
        for k, s in enumerate(self.sequences):
            at = self._at(name, gate, self._whole(name, s))
            self.w.store(self._part(x, k), at, self.p.tag, self.mask)

    def product(self, q: int) -> V:
        w, p = self.w, self.p
        ty = vec(REGISTER[p.tag], p.lanes)
        found = []
        for r in self.rows:
            place = w.add(w.mul(r, w.number(p.columns)), w.number((q * p.units + self.j) * p.lanes))
            source = w.element(self.sums, place, p.tag)
            found.append(w.let(ty, f"load {ty}, ptr {source.name}, align {p.lanes * SIZE[p.tag]}"))
        return self._joined(found)

    def _below(self, limit: V) -> list[V]:
        return [self.w.compare("icmp", "slt", s, limit) for s in self.sequences]

    def ask(self) -> None:
        """Asks for the lines of the one sequence's arrays."""
        w, cell = self.w, self.p.cell
        (s,) = self.sequences
        results = cell.gradient_results if self.p.back else cell.results
        states = {name for state in cell.state for name in state[1:]} | {"g_h", "g_c", "w", "bias"}
        for name in self.p.names:
            if name in states:
                continue
            whole = self._whole(name, s)
            for gate in range(width_of(cell, name)):
                w.prefetch(self._at(name, gate, whole), name in results)
        if not self.p.back:
            for kept, _, _ in cell.state:
                w.prefetch(self._at(kept, 0, w.add(self.other, s)), True)

    def finish(self) -> None:
        if self.p.back:
            self._backward()
        else:
            self._forward()

    def _forward(self) -> None:
        w, p = self.w, self.p
        products = [self.product(q) for q in range(p.cell.gates)]
        states = p.cell.forward(self.formulas, products, self.load, self.store)
        goes_on = self._below(self.n)
        for (kept, _, last), x in zip(p.cell.state, states, strict=True):
            for k, s in enumerate(self.sequences):
                further, end = self._at(kept, 0, w.add(self.other, s)), self._at(last, 0, s)
                to = w.let("ptr", f"select {goes_on[k]}, {further}, {end}")
                w.store(self._part(x, k), to, p.tag, self.mask)

    def _backward(self) -> None:
        """What came back to a sequence is the product where it goes on, and what is kept."""
        w, p = self.w, self.p
        came = self._joined([broadcast(w, c, p.lanes) for c in self._below(self.n)])
        x = w.select(came, self.product(0), self.formulas.number(0.0))
        carried = self.formulas.add(x, self.load("g_h0", 0))

        def inside() -> None:
            d = self.formulas.add(self.load("g_out", 0), carried)
            self.store("g_h0", 0, p.cell.backward(self.formulas, d, self.load, self.store))

        def apart() -> None:
            if len(self.rows) == 1:
                self.store("g_h0", 0, carried)
                return
            for r in self.rows:
                _Cells(w, p, self.arrays, self.sums, [r], self.first, self.unit, self.j,
                       self.place).finish()  # fmt: skip

        w.when(self._below(self.m)[-1], inside, apart)


__all__ = ["Layer"]
