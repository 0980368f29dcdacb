"""Recurrent layers: the weight is packed once, then native code goes along the sequence.

The hidden weight is packed so that the gates of a vector of units lie side by side, or, where
several tiles of sequences read them, a pair of gates after the other. A panel of the weight and
some sequences make the hidden products of a vector of units (or some), and the cell is finished
while the sums are near. The gradient goes the same way back: the product with the
gradient of the step after it, then the formulas.

Sequences do not know of each other. Where there are enough of them and the weight stays in a
processor's own cache, a chunk is some sequences from their first step to their last: threads never
wait for each other, and each finds what the step before has left in its own cache. Else a chunk is
a panel, and each step of the sequence is a step of the program, between which the threads meet.
Either way an element is one sum in one order, so that its bits depend on neither.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from ..emitter import V, vec
from ..executable import PACK
from ..scalar_code import REGISTER, SIZE
from ..writer import I64, Writer
from . import tile
from .parts import left_of, split
from .product import PANEL_BYTES, NativeStep, height
from .recurrent_cells import CELLS, Cell, Formulas, width_of
from .right import pack_columns, pack_rows

_BLOCK = 56  # most sequences that a thread takes along together
_HEADER = 10
_RUN = 6  # numbers of a step in the record
_WEIGHT_BYTES = 3 << 19  # of a weight that stays in a processor's own cache beside the rest
_SEQUENCES = 16  # that are divided between threads
_EVEN = 4  # stretches of sequences, so that each of two or four threads has as many
_PAIR = 4  # sequences that two threads divide between them
_THRESHOLD = 1 << 18


class Run(NamedTuple):
    """A step of the sequence: its first row and its sequences, those of the step that is run
    before it, and of the one after.
    """

    row: int
    sequences: int
    row_before: int
    before: int
    row_after: int
    after: int


class Layer:
    """The run of a layer, or of its gradient, over a sequence.

    operands: how many there are. wanted: the names of the results that somebody reads.
    """

    def __init__(
        self, kind: str, back: bool, tag: str, width: int, rows: int, sizes: Sequence[int],
        reverse: bool, operands: int, wanted: Collection[str],
    ) -> None:  # fmt: skip
        self.kind, self.back, self.tag, self.width, self.operands = kind, back, tag, width, operands
        self.cell: Cell = CELLS[kind]
        self.count, self.sizes, self.reverse = rows, sizes, reverse
        registers = tile.registers()
        self.lanes = registers.lanes(tag)
        gates = 1 if back else self.cell.gates
        self.depth_of_all = self.cell.gates * width if back else width
        self.whole = self._whole()
        stretches = 1
        if self.whole and rows >= _PAIR:
            stretches = _EVEN if rows >= _SEQUENCES else 2
        share = -(-rows // stretches)
        # Of a panel: all gates of one vector of units, or units alone.
        self.units = tile.vectors_across(width, self.lanes, share) if gates == 1 else 1
        # Tiles take all its vectors, or where sequences fill several of them, a part after the
        # other, which stays in the nearest cache meanwhile.
        self.vectors = self._across(self.units * gates, share)
        self.parts = self.units * gates // self.vectors
        self.columns = self.vectors * self.lanes
        self.depth = tile.balanced(
            self.depth_of_all, max(16, PANEL_BYTES // (self.columns * SIZE[tag]))
        )
        self.panels = -(-width // (self.units * self.lanes))
        part = -(-self.depth_of_all // self.lanes) * self.lanes * self.columns
        self.pitch = self.parts * part
        self.rows = height(share, self.vectors, registers.rows * registers.vectors // self.vectors)
        self.block = max(1, _BLOCK // self.rows) * self.rows
        if back:
            self.names = (*self.cell.gradient_operands, *self.cell.gradient_results)
            results = self.cell.gradient_results
        else:
            self.names = (*self.cell.operands[:operands], *self.cell.results)
            results = self.cell.results
        # What goes from step to step is written whether somebody reads it afterwards or not.
        carried = ("step", "g_h0", "g_c0") if back else ("out", "c")
        self.written = tuple(n for n in results if n in carried or n in wanted)
        # What a cell reads and writes for each sequence, memory that two names share once.
        shared = self.cell.gradient_shared if back else self.cell.shared
        again = {"w", "h0", "c0", "g_h", "g_c", "bias", "hidden_bias", *(b for _, b in shared)}
        read = [n for n in self.names if n not in results and n not in again]
        if back and "cells" in read:  # read by the step run before this one, as its state before
            read[read.index("cells")] = "before"
        self.asked = (*read, *(n for n in self.written if n not in again))

    @staticmethod
    def _across(vectors: int, rows: int) -> int:
        """Vectors of a tile of a panel of so many, for so many sequences."""
        usual = tile.registers().vectors
        few = tile.most_rows(vectors) >= rows
        return vectors if few or vectors % usual else usual

    def _whole(self) -> bool:
        """Whether a chunk is some sequences over all steps: by shapes alone."""
        weight = self.cell.gates * self.width * self.width * SIZE[self.tag]
        if min(self.sizes) < self.count or weight > _WEIGHT_BYTES:
            return False
        step = self.count * self.width * self.depth_of_all
        return self.count >= _SEQUENCES or step < 2 * _THRESHOLD

    @property
    def scratch_bytes(self) -> int:
        return self.panels * self.pitch * SIZE[self.tag]

    def steps(self, slots: Sequence[int], scratch: int) -> list[NativeStep]:
        """The native steps; slots: of operands and results in the order of `names`."""
        at = dict(zip(self.names, slots, strict=True))
        pack = NativeStep(
            PACK, f"recurrent pack {self._tag_of_key}", lambda: _pack_text(self),
            [at["w"], scratch, self.width, self.depth_of_all, self.pitch], self.panels,
            self.panels * self.pitch,
        )  # fmt: skip
        return [pack, *self._begin(at), *self._loop(at, scratch)]

    @property
    def _tag_of_key(self) -> str:
        flags = f"{int(self.back)} {self.operands} {int(self.whole)}"
        shape = f"{self.rows} {self.units} {self.vectors} {self.block}"
        return f"{self.kind} {flags} {self.tag} {shape} {','.join(self.written)}"

    def _runs(self) -> list[Run]:
        """The steps in the order in which the layer runs them."""
        rows, at = [], 0
        for m in self.sizes:
            rows.append((at, m))
            at += m
        if self.reverse:
            rows.reverse()
        none = (0, 0)
        return [
            Run(*here, *before, *after)
            for here, before, after in zip(rows, [none, *rows[:-1]], [*rows[1:], none], strict=True)
        ]

    def _begin(self, at: dict[str, int]) -> list[NativeStep]:
        """Copies the first states to where the steps go on with them."""
        if self.back:
            pairs = [("g_h", "g_h0"), ("g_c", "g_c0")]
        else:
            pairs = [("c0", "c")]
        record = [n for a, b in pairs if a in at for n in (at[a], at[b])]
        if not record:
            return []
        size = self.count * self.width
        return [
            NativeStep(
                "copy",
                f"recurrent copy {self.tag}",
                lambda: _copy_text(self),
                [len(record) // 2, size, *record],
                1,
                1,
            )  # fmt: skip
        ]

    def _loop(self, at: dict[str, int], scratch: int) -> list[NativeStep]:
        slots = [at[name] for name in self.names]
        key = f"recurrent {self._tag_of_key}"
        runs = self._runs()
        if self.back:  # the last one takes the gradient of the first states
            row, m = runs[0][:2]
            runs = [*reversed(runs), Run(0, 0, 0, 0, row, m)]
        stretches = [runs] if self.whole else [[run] for run in runs]
        out = []
        for stretch in stretches:
            most = max(max(run.sequences, run.after if self.back else 0) for run in stretch)
            if self.whole:
                chunks = -(-most // self.rows)
            else:
                chunks = -(-most // self.block) * self.panels
            record = [
                scratch, self.width, self.depth_of_all, self.depth, self.pitch, self.panels, most,
                len(stretch), 0, 0, *slots, *(n for run in stretch for n in run),
            ]  # fmt: skip
            work = len(stretch) * most * self.width * self.depth_of_all
            out.append(
                NativeStep(
                    self.kind,
                    key,
                    lambda: _steps_text(self),
                    record,
                    chunks,
                    work,
                    _THRESHOLD,
                    self.whole,
                )  # fmt: skip
            )
        return out


def _pack_text(p: Layer) -> str:
    w = Writer()
    f = [w.field(i) for i in range(5)]
    source, target = w.slot(f[0]), w.slot(f[1])
    width, depth, pitch = f[2:]
    part_pitch = w.binary("udiv", pitch, w.number(p.parts))

    def panel(u: V, _: list[V]) -> list[V]:
        to = w.element(target, w.mul(u, pitch), p.tag)
        first = w.mul(u, w.number(p.units * p.lanes))
        if p.back:
            left = w.binary("sub", width, first)
            pack_rows(w, p, w.element(source, first, p.tag), left, width, depth, to)
            return []
        for j in range(p.parts * p.vectors):
            gate, unit = divmod(j, p.units)
            base = w.element(source, w.mul(w.mul(width, w.number(gate)), depth), p.tag)
            column = w.add(first, w.number(unit * p.lanes))
            part, place = divmod(j, p.vectors)
            here = w.element(to, w.mul(part_pitch, w.number(part)), p.tag)
            pack_columns(w, p, base, column, width, depth, depth, here, place)
        return []

    w.counted_loop(V(I64, "%begin"), V(I64, "%end"), 1, [], panel)
    w.stmt("ret void")
    return w.module()


def _copy_text(p: Layer) -> str:
    w = Writer()
    count, size = w.field(0), w.field(1)

    def one(i: V, _: list[V]) -> list[V]:
        base = w.add(w.mul(i, w.number(2)), w.number(2))
        source, target = (w.slot(_entry(w, w.add(base, w.number(k)))) for k in range(2))

        def part(k: V, mask: V | None, _: list[V]) -> list[V]:
            x = w.load(w.element(source, k, p.tag), p.tag, p.lanes, mask)
            w.store(x, w.element(target, k, p.tag), p.tag, mask)
            return []

        w.vector_loop(w.number(0), size, p.lanes, [], part)
        return []

    w.counted_loop(w.number(0), count, 1, [], one)
    w.stmt("ret void")
    return w.module()


def _entry(w: Writer, place: V) -> V:
    at = w.let("ptr", f"getelementptr i64, ptr %rec, i64 {place.name}")
    return w.let(I64, f"load i64, ptr {at.name}, align 8")


def _steps_text(p: Layer) -> str:
    w = Writer()
    f = [w.field(i) for i in range(_HEADER + len(p.names))]
    arrays = {name: w.slot(f[_HEADER + i]) for i, name in enumerate(p.names)}
    sums = w.let("ptr", f"alloca i8, i64 {p.block * p.parts * p.columns * SIZE[p.tag]}, align 64")
    step = _Step(w, p, arrays, w.slot(f[0]), sums, f[1], f[2], f[3], f[4])
    panels, most, runs = f[5:8]
    begin, end = V(I64, "%begin"), V(I64, "%end")

    def chunk(number: V, _: list[V]) -> list[V]:
        block, panel = split(w, number, panels)
        step.find(w.number(0))
        first = w.mul(block, w.number(p.block))
        step.panel(panel, first, w.smaller(w.number(p.block), w.binary("sub", most, first)))
        return []

    def sequences(first: V, _: list[V]) -> list[V]:
        count = w.smaller(w.number(p.block), w.binary("sub", stop, first))

        def run(t: V, _: list[V]) -> list[V]:
            step.find(t)

            def panel(q: V, _: list[V]) -> list[V]:
                step.panel(q, first, count)
                return []

            w.counted_loop(w.number(0), panels, 1, [], panel)
            return []

        w.counted_loop(w.number(0), runs, 1, [], run)
        return []

    if p.whole:
        stop = w.smaller(w.mul(end, w.number(p.rows)), most)
        w.counted_loop(w.mul(begin, w.number(p.rows)), stop, p.block, [], sequences)
    else:
        w.counted_loop(begin, end, 1, [], chunk)
    w.stmt("ret void")
    return w.module()


class _Step:
    """Writes the work of one step of the sequence."""

    def __init__(
        self, w: Writer, p: Layer, arrays: dict[str, V], packed: V, sums: V, width: V,
        depth_of_all: V, depth: V, pitch: V,
    ) -> None:  # fmt: skip
        self.w, self.p, self.arrays, self.packed, self.sums = w, p, arrays, packed, sums
        self.width, self.depth_of_all, self.depth, self.pitch = width, depth_of_all, depth, pitch

    def find(self, t: V) -> None:
        """Loads the numbers of step t of the record."""
        w = self.w
        base = w.add(w.mul(t, w.number(_RUN)), w.number(_HEADER + len(self.p.names)))
        numbers = [_entry(w, w.add(base, w.number(k))) for k in range(_RUN)]
        self.row, self.m, self.row_before, self.before, self.row_after, self.after = numbers

    def panel(self, panel: V, first: V, count: V) -> None:
        """The products and formulas of a panel for `count` sequences from `first` on."""
        w, p = self.w, self.p
        unit = w.mul(panel, w.number(p.units * p.lanes))
        b = w.element(self.packed, w.mul(panel, self.pitch), p.tag)
        self._products(b, first, count, unit)

        def cells(whole: bool) -> None:
            def one(r: V, _: list[V]) -> list[V]:
                for j in range(p.units):
                    at = w.add(unit, w.number(j * p.lanes))
                    mask = None if whole else left_of(w, w.binary("sub", self.width, at), p.lanes)
                    self._cell(r, w.add(first, r), at, j, mask)
                return []

            w.counted_loop(w.number(0), count, 1, [], one)

        end = w.add(unit, w.number(p.units * p.lanes))
        w.when(w.compare("icmp", "sle", end, self.width), lambda: cells(True), lambda: cells(False))

    def _left(self, number: V) -> V:
        """The row of the product's left operand for a sequence: the state before this step, or the
        gradient of the step after it.
        """
        w, p = self.w, self.p
        if p.back:
            at = w.add(self.row_after, number)
            return w.element(self.arrays["step"], w.mul(at, self.depth_of_all), p.tag)
        return self._state_before("out", "h0", number)

    def _state_before(self, kept: str, first: str, number: V) -> V:
        """The row of a sequence's state before this step; `first`: where it begins."""
        w, p = self.w, self.p
        goes_on = w.compare("icmp", "slt", number, self.before)
        row = w.select(goes_on, w.add(self.row_before, number), number)
        base = w.let(
            "ptr", f"select {goes_on}, {self.arrays[kept]}, {self.arrays[first]}"
        )  # fmt: skip
        return w.element(base, w.mul(row, self.width), p.tag)

    def _place(self, name: str, gate: int, sequence: V, unit: V) -> V:
        """The address of an array's place for a sequence: of the `unit` of a gate."""
        w, p = self.w, self.p
        if name == "before":
            kept = ("cells", "c0") if p.back else ("out", "h0")
            return w.element(self._state_before(*kept, sequence), unit, p.tag)
        if name in ("bias", "hidden_bias"):
            of = w.number(0)
        else:
            of = sequence if name in ("g_c0", "g_h0", "h", "c") else w.add(self.row, sequence)
        place = w.add(w.mul(of, w.number(width_of(p.cell, name))), w.number(gate))
        return w.element(self.arrays[name], w.add(w.mul(place, self.width), unit), p.tag)

    def _ask(self, sequence: V, unit: V) -> None:
        """Asks memory for what the cell of a sequence reads and writes."""
        w, p = self.w, self.p
        for name in p.asked:
            for gate in range(width_of(p.cell, name)):
                for j in range(p.units):
                    column = w.add(unit, w.number(j * p.lanes))
                    place = self._place(name, gate, sequence, column)
                    w.prefetch(place, name in p.written, 2)

    def _products(self, b: V, first: V, count: V, unit: V) -> None:
        """The products of a panel, kept in `sums`; meanwhile memory is asked for what the cells
        from `unit` on need. Back, those of sequences that end here are not used.
        """
        w, p = self.w, self.p
        tiles = w.binary("udiv", w.add(count, w.number(p.rows - 1)), w.number(p.rows))
        have = self.after if p.back else self.m
        last = w.smaller(w.add(first, count), have)
        some = w.compare("icmp", "sgt", last, first)
        last = w.binary("sub", last, w.number(1))
        rest = w.binary("sub", self.depth, w.number(1))
        blocks = w.binary("udiv", w.add(self.depth_of_all, rest), self.depth)
        last_block = w.binary("sub", blocks, w.number(1))

        pitch = p.parts * p.columns
        part_pitch = w.binary("udiv", self.pitch, w.number(p.parts))

        def block(number: V, _: list[V]) -> list[V]:
            part, k = split(w, number, blocks)
            first_column = w.mul(part, w.number(p.columns))
            first_k = w.mul(k, self.depth)
            length = w.smaller(self.depth, w.binary("sub", self.depth_of_all, first_k))
            length = w.select(some, length, w.number(0))
            place = w.add(w.mul(part, part_pitch), w.mul(first_k, w.number(p.columns)))
            panel = w.element(b, place, p.tag)
            vectors = tile.packed_vectors(w, panel, p.tag, p.lanes, p.vectors)
            again = w.compare("icmp", "sgt", k, w.number(0))
            # Back with the last block: with the first one the layer takes 4 % longer.
            asks = w.compare("icmp", "eq", number, last_block if p.back else w.number(0))

            def one(t: V, _: list[V]) -> list[V]:
                base = w.mul(t, w.number(p.rows))
                rows = []
                for r in range(p.rows):
                    number = w.smaller(w.add(first, w.add(base, w.number(r))), last)
                    rows.append(w.element(self._left(number), first_k, p.tag))

                def ask(r: V) -> None:
                    number = w.smaller(w.add(first, w.add(base, r)), last)
                    w.when(asks, lambda: self._ask(number, unit))

                found = tile.sums(
                    w, p.tag, p.lanes, rows, w.number(1), length, vectors, p.vectors,
                    tile.Ahead(None, ask),
                )  # fmt: skip
                place = w.add(w.mul(base, w.number(pitch)), first_column)
                to = w.element(self.sums, place, p.tag)

                def put(add: bool) -> None:
                    tile.keep(w, p.tag, p.lanes, found, to, pitch, add)

                w.when(again, lambda: put(True), lambda: put(False))
                return []

            w.counted_loop(w.number(0), tiles, 1, [], one)
            return []

        w.counted_loop(w.number(0), w.mul(blocks, w.number(p.parts)), 1, [], block)

    def _cell(self, r: V, sequence: V, unit: V, j: int, mask: V | None) -> None:
        """The formulas for row r of the sums and vector j of their units. mask: of the units that
        there are; where all are, loads wait for no mask of a store before them.
        """
        w, p = self.w, self.p
        formulas = Formulas(w, p.tag, p.lanes)

        def at(name: str, gate: int) -> V:
            return self._place(name, gate, sequence, unit)

        def load(name: str, gate: int) -> Any:
            if name != "before" and name not in self.arrays:
                return None
            return w.load(at(name, gate), p.tag, p.lanes, mask)

        def store(name: str, gate: int, x: V) -> None:
            if name in p.written:
                w.store(x, at(name, gate), p.tag, mask)

        def product(q: int) -> V:
            row = w.mul(r, w.number(p.parts * p.columns))
            place = w.add(row, w.number((q * p.units + j) * p.lanes))
            ty = vec(REGISTER[p.tag], p.lanes)
            source = w.element(self.sums, place, p.tag)
            return w.let(ty, f"load {ty}, ptr {source.name}, align {p.lanes * SIZE[p.tag]}")

        if not p.back:
            if "previous" in p.written:
                store("previous", 0, load("before", 0))
            h = p.cell.forward(formulas, [product(q) for q in range(p.cell.gates)], load, store)
            store("out", 0, h)
            if "h" in p.written:
                ends = w.compare("icmp", "sge", sequence, self.after)
                w.when(ends, lambda: store("h", 0, h))
            return
        # What came back to this sequence: the product where it goes on, and what is kept.
        came = w.compare("icmp", "slt", sequence, self.after)
        x = w.select(came, product(0), formulas.number(0.0))
        carried = formulas.add(x, load("g_h0", 0))

        def inside() -> None:
            d = formulas.add(load("g_out", 0), carried)
            store("g_h0", 0, p.cell.backward(formulas, d, load, store))

        w.when(
            w.compare("icmp", "slt", sequence, self.m),
            inside,
            lambda: store("g_h0", 0, carried),
        )


__all__ = ["Layer"]
