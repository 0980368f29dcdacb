"""The code of an epilogue: from the sums of a tile to what is stored.

A tile's sums are put on the stack, and a loop takes them row by row through the expressions of the
epilogue, so that these are written once and not for each of a tile's vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..emitter import V, lanes_of
from ..expression_code import Expressions
from ..loops import Kernel
from ..scalar_code import SIZE
from ..writer import Writer
from . import tile

# From the lanes of a vector and the first free field of a step's record to the epilogue's kernel.
Lower = Callable[[int, int], Kernel]


class Epilogue(Expressions):
    """Expressions over the vectors of a tile."""

    def __init__(self, w: Writer, kernel: Kernel, tag: str, most: int) -> None:
        """tag: of the sums; most: how many of them a tile has at most."""
        super().__init__(kernel)
        self.w = w
        self.tag = tag
        self._sums = [i for i, e in enumerate(kernel.exprs) if e[0] == "product"]
        self._needed = self._reachable()
        self.enter()
        self.buffer = w.let("ptr", f"alloca [{most * SIZE[tag]} x i8], align 64")

    def _reachable(self) -> list[int]:
        seen: set[int] = set()
        work = [s.expr for s in self.k.stores]
        while work:
            i = work.pop()
            if i not in seen:
                seen.add(i)
                work.extend(self.k.exprs[i][2])
        return sorted(seen)

    def row(self, number: V) -> None:
        """What follows is for this row of the result, in its block."""
        w, k = self.w, self.k
        self.row_memo, self.row_address = {}, {}
        self.mid_memo, self.mid_address = self.row_memo, self.row_address
        index: list[V] = []
        for i in reversed(range(1, k.rows)):
            size = w.field(k.header[f"row{i}"])
            rest = w.binary("udiv", number, size)
            index.append(w.binary("sub", number, w.mul(rest, size)))
            number = rest
        self.row_index = [*([number] if k.rows else []), *reversed(index)]
        self._scalars(self._needed, 0, self.row_memo)

    def vector(self, x: V, column: V, mask: V | None) -> None:
        """Stores what the expressions make of the sums x from a column on."""
        self._vectors(self._needed, column, mask, {}, dict.fromkeys(self._sums, x))
        for s in self.k.stores:
            self._store(s, column, mask)

    def take_rows(
        self, found: list[list[V]], row: V, column: V, masks: Sequence[V | None], done: V,
        before: Callable[[V, int, V], V] | None = None,
    ) -> None:  # fmt: skip
        """Takes a tile whose first sum is that of (row, column).

        masks: of the kernel's vectors in a row; the first `done` rows are left out; before(row of
        the tile, vector, mask): what is added to a sum.
        """
        w = self.w
        lanes, vectors = lanes_of(found[0][0].ty), len(found[0])
        tile.keep(w, self.tag, lanes, found, self.buffer, vectors * lanes, False)
        self.take_kept(row, column, masks, done, w.number(len(found)), before)

    def take_kept(
        self, row: V, column: V, masks: Sequence[V | None], done: V, stop: V,
        before: Callable[[V, int, V], V] | None = None,
    ) -> None:  # fmt: skip
        """As `take_rows`, for a tile that is in the buffer already, of which the rows below `stop`
        are taken.
        """
        w, lanes, vectors = self.w, self.k.lanes, len(masks)

        def one(r: V, _: list[V]) -> list[V]:
            self.row(w.add(row, r))
            first = w.mul(r, w.number(vectors * lanes))
            for j, mask in enumerate(masks):
                at = w.element(self.buffer, w.add(first, w.number(j * lanes)), self.tag)
                x = w.load(at, self.tag, lanes)
                if before is not None:
                    assert mask is not None
                    x = w.binary("fadd", x, before(r, j, mask))
                self.vector(x, w.add(column, w.number(j * lanes)), mask)
            return []

        w.counted_loop(done, stop, 1, [], one)

    def take_columns(
        self, columns: Sequence[V], row: V, column: V, mask: V, count: V,
        before: Callable[[V], V] | None = None,
    ) -> None:  # fmt: skip
        """Takes `count` of some vectors, one for each row from `row` on."""
        w, lanes = self.w, self.k.lanes
        tile.keep(w, self.tag, lanes, [[x] for x in columns], self.buffer, lanes, False)

        def one(r: V, _: list[V]) -> list[V]:
            self.row(w.add(row, r))
            at = w.element(self.buffer, w.mul(r, w.number(lanes)), self.tag)
            x = w.load(at, self.tag, lanes)
            if before is not None:
                x = w.binary("fadd", x, before(r))
            self.vector(x, column, mask)
            return []

        w.counted_loop(w.number(0), count, 1, [], one)

    def ask(self, number: V, columns: Sequence[V]) -> None:
        """Asks for the lines that a row from some columns on will be read from and written to."""
        w, k = self.w, self.k
        if k.rows != 1:
            return
        found = [(s.pointer, s.address, s.tag, True) for s in k.stores]
        found += [(a[0], a[1], tag, False) for op, tag, _, a in k.exprs if op == "load"]
        for pointer, address, tag, write in found:
            a = k.addresses[address]
            if a.classes != "sc":
                continue
            base = w.add(w.field(a.constant), w.mul(number, w.field(a.coefficients[0])))
            for column in columns:
                at = w.element(self.pointers[pointer], w.add(base, column), tag)
                w.prefetch(at, write)
