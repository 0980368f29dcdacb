"""Recurrent layers: one native step for each step of the sequence, the weight packed once.

The hidden weight is packed so that the gates of a vector of units lie side by side. A chunk takes a
vector of units (or two) and some sequences: it multiplies their hidden state of the step before
with the weight, and finishes the cell while the sums are near. Steps of the sequence are steps of
the program, so the threads meet between them, and nothing of a chunk depends on their number. The
gradient goes the same way back: the product with the gradient of the step after it, then the
formulas.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..emitter import V, vec
from ..scalar_code import REGISTER, SIZE
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
        _products(w, p, start, first, count, have, b, depth_of_all, depth, sums)
        unit = w.mul(panel, w.number(p.units * p.lanes))

        def one(r: V, _: list[V]) -> list[V]:
            for j in range(p.units):
                _cell(w, p, arrays, sums, r, w.add(first, r),
                      w.add(unit, w.number(j * p.lanes)), j, row, m, other, n, width)  # fmt: skip
            return []

        w.counted_loop(w.number(0), count, 1, [], one)
        return []

    w.counted_loop(V(I64, "%begin"), V(I64, "%end"), 1, [], chunk)
    w.stmt("ret void")
    return w.module()


def _products(
    w: Writer, p: Layer, start: V, first: V, count: V, have: V, b: V, depth_of_all: V, depth: V,
    sums: V,
) -> None:  # fmt: skip
    """Writes the products of `count` sequences from `first` on; those from `have` on are 0."""
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
            found = tile.sums(w, p.tag, p.lanes, rows, w.number(1), length, vectors, p.vectors)
            to = w.element(sums, w.mul(base, w.number(p.columns)), p.tag)

            def put(add: bool) -> None:
                tile.keep(w, p.tag, p.lanes, found, to, p.columns, add)

            w.when(again, lambda: put(True), lambda: put(False))
            return []

        w.counted_loop(w.number(0), tiles, 1, [], one)
        return []

    w.counted_loop(w.number(0), blocks, 1, [], block)


def _cell(
    w: Writer, p: Layer, arrays: dict[str, V], sums: V, r: V, sequence: V, unit: V, j: int,
    row: V, m: V, other: V, n: V, width: V,
) -> None:  # fmt: skip
    """The formulas for one sequence and vector j of units."""
    mask = left_of(w, w.binary("sub", width, unit), p.lanes)
    formulas = Formulas(w, p.tag, p.lanes)
    here = w.add(row, sequence)

    def at(name: str, gate: int, of: V) -> V:
        factor = width_of(p.cell, name)
        place = w.add(w.mul(of, w.number(factor)), w.number(gate))
        return w.element(arrays[name], w.add(w.mul(place, width), unit), p.tag)

    def load(name: str, gate: int) -> V:
        if name == "bias":
            if not p.biased:
                return formulas.number(0.0)
            return w.load(at(name, gate, w.number(0)), p.tag, p.lanes, mask)
        whole = sequence if name in ("g_c0", "g_h0") else here
        return w.load(at(name, gate, whole), p.tag, p.lanes, mask)

    def store(name: str, gate: int, x: V) -> None:
        whole = sequence if name in ("g_c0", "g_h0") else here
        w.store(x, at(name, gate, whole), p.tag, mask)

    def product(q: int) -> V:
        place = w.add(w.mul(r, w.number(p.columns)), w.number((q * p.units + j) * p.lanes))
        ty = vec(REGISTER[p.tag], p.lanes)
        source = w.element(sums, place, p.tag)
        return w.let(ty, f"load {ty}, ptr {source.name}, align {p.lanes * SIZE[p.tag]}")

    if not p.back:
        states = p.cell.forward(formulas, [product(q) for q in range(p.cell.gates)], load, store)
        goes_on = w.compare("icmp", "slt", sequence, n)
        for (kept, _, last), x in zip(p.cell.state, states, strict=True):
            further, end = at(kept, 0, w.add(other, sequence)), at(last, 0, sequence)
            w.store(x, w.let("ptr", f"select {goes_on}, {further}, {end}"), p.tag, mask)
        return
    # What came back to this sequence: the product where it goes on, and what is kept.
    came = w.compare("icmp", "slt", sequence, n)
    x = w.select(came, product(0), formulas.number(0.0))
    carried = formulas.add(x, load("g_h0", 0))

    def inside() -> None:
        d = formulas.add(load("g_out", 0), carried)
        store("g_h0", 0, p.cell.backward(formulas, d, load, store))

    w.when(
        w.compare("icmp", "slt", sequence, m),
        inside,
        lambda: store("g_h0", 0, carried),
    )


__all__ = ["Layer"]
