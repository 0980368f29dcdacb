"""Matrix products in two steps: the right operand is packed into panels, then tiles are computed.

Packing costs one pass over the right operand and buys aligned whole vectors in the order in which
the tiles want them, whatever way the operand lies; threads share the packed copy. It is left out
where few rows would use the copy. The left operand is read where it lies, or copied by the chunk
where its rows lie across. What a chunk computes depends on shapes alone, and each element of the
result is one sum in order of the summed axis, in blocks of a depth that shapes give: the same bits
for any number of threads.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod

from ..emitter import V
from ..executable import ADD, PACK, Address
from ..indexing import View
from ..loops import Kernel, even_parts
from ..scalar_code import SIZE
from ..writer import I64, Writer
from . import dots, left, results, thirds, tile
from .batch import joined_axes, merged, places
from .epilogue import Epilogue, Lower
from .parts import part, split
from .right import column_masks, pack_block, pack_text

_HEADER = 19  # of the record of a product
PANEL_BYTES = 1 << 16  # of a panel, which stays near while rows of tiles pass
_PANELS_BYTES = 1 << 19  # of the panels of a chunk
_ROWS_BYTES = 1 << 18  # of the left operand that a chunk reads for each panel
# Of a packed operand that each thread packs for itself, and, where so many rows use it, of a block
# of a larger one.
_SMALL_BYTES, _MANY_ROWS, _OWN_BYTES = 1 << 18, 256, 3 << 18
_CACHE_BYTES = 1 << 21  # of a processor's own cache
_NEAR_BYTES = 1 << 14  # of a right operand that is read where it lies
_PAGE = 1 << 12  # bytes after which places fall into the same sets of the nearest cache
_WAYS = 8  # places of a set
_FEW_TILES, _SOME_TILES = 4, 8
_CHUNK_WORK = 1 << 17  # multiply-adds of a chunk at least
_CHUNKS = 16  # of a product whose left operand is copied, where it is large enough
_COPIED_TILES = 12  # of a chunk at most
_SHARING, _LEAST_SHARING = 8, 2  # panels that share a copy at least, and below so many chunks
_FEW_CHUNKS = 4
_SHARED = 16  # panels for which rows that lie well are copied
_LONG_SUM = 40  # places from which adding up the lanes of a vector costs little beside the sum
_MANY_SUMS = 24  # rows and columns from which a sum along the lanes costs more than packing
_TILE_COST = 6  # of a tile's beginning and end, in places of the sum
_DOTS_COST = 150  # the same where vectors run along the sum
# Of a sum done in halves: how many operands it has for each result, and multiply-adds.
_WORTH_SHARES, _LEAST_SHARES = 3, 1 << 21
_ADDED = 1 << 13  # elements of a chunk that adds halves
_PACK_UNIT = 1 << 14  # elements that a chunk of packing copies at least
# In multiply-adds, for an element of the right operand, which comes from further away than the rows
# of the left one that are multiplied with a panel of it.
_READ_COST = 6
# What it costs in multiply-adds to pack an element, and to turn one of the result on the way to
# memory (by the lanes of a vector: tiles of 14 rows fill one of 16, those of 6 not one of 8) or to
# an epilogue, which then takes vectors that are not full, one for each column.
_PACK_COST, _TURN_COST, _TURNED_EPILOGUE_COST = 12, {16: 3, 8: 6}, 28


@dataclass
class NativeStep:
    """A native step: its code and record. `work`: multiply-adds or elements. `together`: whether a
    thread does its stretch of the chunks in one go.
    """

    name: str
    key: str
    make: Callable[[], str]
    record: Sequence[int | Address]
    chunks: int
    work: int
    threshold: int = field(default=1 << 15)
    together: bool = False


def height(m: int, vectors: int, most: int = 0) -> int:
    """Rows of a tile for m rows: a step of the sum takes as long as its multiply-adds, but not less
    than one waits for the last; a tile costs about one more. Where threads divide the rows evenly
    between them, m is the share of one.
    """
    heights = range(min(m, most or tile.most_rows(vectors)), 0, -1)
    return min(heights, key=lambda h: -(-m // h) * (max(h * vectors, 8) + 1))


def _padded(m: int, n: int, lanes: int) -> int:
    """The elements that the tiles of an m x n result compute."""
    vectors = tile.vectors_across(n, lanes, m)
    rows, columns = height(m, vectors), lanes * vectors
    return -(-m // rows) * rows * -(-n // columns) * columns


def _direct(m: int, n: int, k: int, b: View, tag: str) -> bool:
    """Whether a right operand is better read where it lies: a packed copy costs more than it saves
    where few rows use it or it lies close by anyway.
    """
    if not (b.strides[-1] == 1 or n == 1):
        return False
    near = k * b.strides[-2] * SIZE[tag] <= _NEAR_BYTES
    vectors = tile.vectors_across(n, tile.registers().lanes(tag), m)
    return near or m <= _FEW_TILES * height(m, vectors)


def _cost(m: int, n: int, k: int, b: View, tag: str, fresh: bool) -> int:
    """What a product with b costs, in multiply-adds. fresh: whether b is another in each run: the
    packed copy of one that is not is kept.
    """
    packing = 0 if not fresh or _direct(m, n, k, b, tag) else n * k * _PACK_COST
    work = _padded(m, n, tile.registers().lanes(tag)) * (k + _TILE_COST)
    return work + packing + n * k * _READ_COST


def _swapped(v: View) -> View:
    """The transposed matrix."""
    return View(v.value, v.offset, (*v.strides[:-2], v.strides[-1], v.strides[-2]))


def _runs_along(a: View, b: View, m: int, n: int, k: int) -> bool:
    """Whether sums are done in vectors along the summed axis, which lies side by side in both
    operands: where one is a vector, and where the result has so few rows or columns that packing
    costs too much, unless adding up the lanes of a vector costs as much as the sum.
    """
    if a.strides[-1] != 1 or b.strides[-2] != 1:
        return False
    return min(m, n) == 1 or (k >= _LONG_SUM and min(m, n) < _MANY_SUMS)


def _shares(m: int, n: int, k: int, size: int) -> int:
    """In how many parts the sum of a product is done whose operands both lie across, as those of a
    weight's gradient do: two, where a part of them is in the cache of the thread that made it, and
    its half of them is more than what one thread then has to read of the other's sums.
    """
    operands = k * (m + n)
    near = operands * size <= 2 * _CACHE_BYTES
    many = operands >= _WORTH_SHARES * m * n and m * n * k >= _LEAST_SHARES
    return 2 if near and many else 1


class Plan:
    """The sizes of a product of [*batch, m, k] with [*batch, k, n]."""

    def __init__(self, tag: str, a: View, b: View, shape: Sequence[int], k: int,
                 finished: bool, fresh: Sequence[bool]) -> None:  # fmt: skip
        """finished: the result has an epilogue; fresh: which operands are others in each run."""
        *batch, m, n = shape
        a_strides, b_strides = list(a.strides[:-2]), list(b.strides[:-2])
        m, batch, a_strides, b_strides = merged(m, batch, a, a_strides, b_strides)
        lanes = tile.registers().lanes(tag)
        along = _runs_along(a, b, m, n, k)
        lying = n == 1 and m > 1  # a column lies in memory as a row does
        # Where both operands would do as the packed one, the product may be computed transposed,
        # and tiles are turned before they are written.
        both = (a.strides[-1] == 1 or k == 1) != (b.strides[-1] == 1 or n == 1)
        may = both and not along and not lying and not batch
        self.turned = may and tile.registers().rows <= lanes and lanes in _TURN_COST
        if self.turned:
            turning = m * n * (_TURNED_EPILOGUE_COST if finished else _TURN_COST[lanes])
            across = _cost(n, m, k, _swapped(a), tag, fresh[0]) + turning
            self.turned = across < _cost(m, n, k, b, tag, fresh[1])
        self.exchanged = self.turned or lying
        if self.exchanged:
            a, b = _swapped(b), _swapped(a)
            a_strides, b_strides = b_strides, a_strides
            m, n = n, m
        self.tag, self.m, self.n, self.k = tag, m, n, k
        self.lanes = lanes
        self.along = along
        self.vectors = 1 if along else tile.vectors_across(n, lanes, m)
        self.columns = lanes * self.vectors
        # Lanes that the epilogue takes together: the operations of vectors side by side lie
        # between one another, so that few of them wait for the one before.
        single = self.turned or self.vectors.bit_count() != 1
        self.taken = lanes if single else self.columns
        self.a_by_row = a.strides[-1] == 1 or k == 1  # the summed axis lies side by side
        self.b_by_column = not (b.strides[-1] == 1 or n == 1)
        new = self.fresh = fresh[0 if self.exchanged else 1]
        self.shares = 1
        if not (along or finished or batch or self.a_by_row or self.b_by_column) and new:
            self.shares = _shares(m, n, k, SIZE[tag])
        many = self.shares == 1 and m >= _SOME_TILES * tile.most_rows(self.vectors)
        self.rows, self.across = height(-(-m // 2) if many else m, self.vectors), 0
        if along:
            self.rows, self.across = dots.block(m, n, lanes)
        self.a_step = a.strides[-2] if self.a_by_row else a.strides[-1]
        self.b_step = b.strides[-1] if self.b_by_column else b.strides[-2]
        self.a_offset, self.b_offset = a.offset, b.offset
        self.axes = joined_axes(batch, a_strides, b_strides)
        self.b_axes = [(size, step) for size, _, step in self.axes if step]
        self.count, self.b_count = prod(batch), prod(size for size, _ in self.b_axes)
        self.panels = -(-n // self.columns)
        # A copy of rows that lie well pays where many panels share it and the result is so large
        # that its lines must be asked for while tiles are summed, which leaves no time for others;
        # and where the rows of a tile would drive each other out of the nearest cache.
        large = m * n * SIZE[tag] > _CACHE_BYTES and self.panels >= _SHARED
        crowded = self.a_step * SIZE[tag] % _PAGE == 0 and self.rows > _WAYS
        self.copied = not self.a_by_row or large or (crowded and self.panels > 1)
        self.far = not self.a_by_row and m * k * SIZE[tag] > _CACHE_BYTES
        most = PANEL_BYTES // (self.columns * SIZE[tag])
        self.depth = tile.balanced(-(-k // self.shares), most)
        self.blocks = -(-k // self.depth)
        self.pitch = (self.depth + lanes - 1) // lanes * lanes * self.columns
        self.direct = along or _direct(m, n, k, b, tag)
        # Each thread packs a small operand for itself, and a larger one where many rows use it: to
        # write what the others have read, and to read what one of them has written, costs more
        # than the work. It goes block by block, and the sums are to stay in its cache meanwhile.
        block = self.panels * self.pitch * SIZE[tag]
        sums = self.count * m * n * SIZE[tag]
        small = self._packed_bytes <= (_SMALL_BYTES >> 1 if self.copied else _SMALL_BYTES)
        near = self.blocks == 1 or sums <= _CACHE_BYTES
        wanted = small or self.shares > 1 or (self.count * m >= _MANY_ROWS and near)
        own = wanted and block <= _OWN_BYTES
        self.own = own and new and not self.direct and not self.b_axes
        if not self.own:
            self.shares = 1
        # What a thread has packed serves all the chunks of a share: it may take some at a time.
        self.packs_once = self.own and self.blocks == self.shares

    @property
    def _packed_bytes(self) -> int:
        return self.b_count * self.blocks * self.panels * self.pitch * SIZE[self.tag]

    @property
    def scratch_bytes(self) -> int:
        """Of the packed right operand, where threads share it; of the sums of a second half."""
        if self.shares > 1:
            return self.m * self.n * SIZE[self.tag]
        return 0 if self.direct or self.own else self._packed_bytes

    def pack(self, slot: int, target: int) -> NativeStep:
        """The step that packs the right operand from `slot` to `target`."""
        units = self.b_count * self.blocks * self.panels
        per = max(1, _PACK_UNIT // self.pitch)
        record = [slot, target, self.n, self.k, self.b_step, self.depth, self.blocks, self.panels,
                  self.pitch, per, units, self.b_offset, len(self.b_axes)]  # fmt: skip
        for axis in self.b_axes:
            record += axis
        key = f"pack {self.tag} {self.vectors} {self.b_by_column}"
        return NativeStep(
            PACK, key, lambda: pack_text(self), record,
            -(-units // per), units * self.pitch,
        )  # fmt: skip

    def _parts(self, tiles: int, work: int) -> tuple[int, int]:
        """In how many parts the rows of tiles and the panels are cut; each pair is a chunk. Some
        tens of chunks where the work allows it, and about as many tiles as panels in each, since
        both operands are then read least.
        """
        step = self.rows * self.columns * self.k // self.shares
        count = self.count * self.shares
        row = left.nbytes(self, 1)
        if self.copied:
            # All panels share the copies, unless there would be few chunks.
            least = -(-_CHUNK_WORK // (step * self.panels))
            needed = -(-_FEW_CHUNKS // count)  # chunks of each product of the batch
            down = max(least, min(-(-tiles // needed), 4), tiles // _CHUNKS)
            down = max(1, min(tiles, down, _COPIED_TILES, _ROWS_BYTES // row))
            chunks = -(-tiles // down)
            parts = min(-(-self.panels // _SHARING), -(-_CHUNKS // chunks))
            parts = max(parts, min(-(-self.panels // _LEAST_SHARING), -(-needed // chunks)))
            least = -(-_CHUNK_WORK // (step * down))
            across = max(1, min(self.panels, max(least, -(-self.panels // parts))))
        else:
            units = max(1, max(_CHUNK_WORK, min(1 << 22, work // 24)) // step)
            wide = min(self.panels, 8 if units >= 16 else (units + 1) // 2)
            down = max(1, min(tiles, units // wide, _ROWS_BYTES // row))
            near = _PANELS_BYTES // (self.pitch * SIZE[self.tag])
            across = max(1, min(self.panels, units // down, near))
            down = max(1, min(tiles, units // across, _ROWS_BYTES // row))
        downs, acrosses = -(-tiles // down), -(-self.panels // across)
        return even_parts(downs, tiles, acrosses * count), acrosses

    def _effort(self) -> int:
        """The multiply-adds of one product that tiles do, also outside of the result, and about
        what it costs to begin and to store them.
        """
        if self.along:
            return self.m * self.n * (self.k + _DOTS_COST)
        return _padded(self.m, self.n, self.lanes) * (self.k + _TILE_COST)

    @property
    def cycles(self) -> int:
        """As an estimate that can be compared with that of a product in tiles."""
        packed = 0 if self.direct or not self.fresh else self.n * self.k * self.b_count
        return thirds.vectors_cost(self._effort() * self.count, packed)

    def _near(self) -> bool:
        """Whether the right operand and half of the others stay in a processor's own cache: then a
        thread has some rows of the result for itself, which it meets again in the steps around.
        They are columns of a turned product, unless it has more rows, of which it reads half then.
        """
        if self.turned and self.n > self.m:
            return False
        elements = self.m * (self.k + self.n) // 2 + self.n * self.k
        return elements * SIZE[self.tag] <= _CACHE_BYTES

    def product(
        self, slot: int, packed: int, out: int, epilogue: Lower | None = None, scratch: int = 0
    ) -> NativeStep:
        """The step that multiplies `slot` with what was packed.

        With an epilogue, only sums that are not complete are written to `out`. scratch: where the
        sums of a second half go.
        """
        tiles = -(-self.m // self.rows)
        count = self.count
        work = self.m * self.n * self.k * count
        downs, acrosses = self._parts(tiles, work)
        record = [
            slot, packed, out, self.m, self.n, self.k, self.a_step, self.depth, self.blocks,
            self.panels, self.pitch, tiles, downs, acrosses, self.b_step,
            int(self.own or self._near()), self.a_offset,
            self.b_offset if self.direct or self.own else 0, len(self.axes),
        ]  # fmt: skip
        flags = f"{self.a_by_row} {self.copied} {self.direct} {self.turned} {self.across}"
        if self.far:
            flags += " far"
        if self.own:
            flags += f" own {self.b_by_column} {self.shares} {self.packs_once}"
        key = f"product {self.tag} {self.rows} {self.vectors} {flags}"
        kernel = None
        if epilogue is not None:
            kernel = epilogue(self.taken, _HEADER)
            record += kernel.record[_HEADER:]
            key += f" {self.blocks > 1} {kernel.key()}"
        number = 1
        for size, a_step, b_step in self.axes:
            if self.direct or not b_step:
                record += (size, a_step, b_step)
            else:  # a packed matrix is found by its number
                record += (size, a_step, number)
                number *= size
        if self.shares > 1:
            record += (scratch, downs * acrosses)
        return NativeStep(
            "matmul", key, lambda: _product_text(self, kernel),
            record, downs * acrosses * count * self.shares, self._effort() * count, 1 << 18,
            self.own and not self.packs_once,
        )  # fmt: skip

    def addition(self, out: int, scratch: int) -> NativeStep:
        """The step that adds the sums of the second half to those of the first."""
        total = self.m * self.n
        chunks = even_parts(-(-total // _ADDED), total, 1)
        return NativeStep(
            ADD, f"add sums {self.tag}", lambda: _addition_text(self.tag, self.lanes),
            [out, scratch, total, chunks], chunks, total, _ADDED >> 1,
        )  # fmt: skip


def _next_panel(w: Writer, p: Plan, b: V, pitch: V, number: V, count: V) -> Callable[[V], None]:
    """Asks for the next panel, which the first tiles of this one do a line at every place.

    b: the panel; number: of the tile in the chunk; count: places of the sum.
    """
    line = 64 // SIZE[p.tag]
    lines = w.mul(w.mul(number, count), w.number(line))
    following = w.element(b, w.add(pitch, lines), p.tag)
    early = w.compare("icmp", "slt", number, w.number(p.columns // line))
    from_here = w.select(early, following, b)

    def place(k: V) -> None:
        w.prefetch(w.element(from_here, w.mul(k, w.number(line)), p.tag), level=2)

    return place


def _result_lines(
    w: Writer, p: Plan, epilogue: Epilogue | None, last: V, row: V, column: V, c: V, n: V
) -> Callable[[V], None] | None:
    """Asks for the lines that a row of the tile is written to, and for what an epilogue reads.

    last: whether the sums will be complete; row, column: of the tile's first sum in the result,
    which is at c; n: elements of a row.
    """
    if p.turned:
        return None

    def sums(r: V) -> None:
        for j in range(p.vectors):
            at = w.add(w.mul(n, r), w.number(j * p.lanes))
            w.prefetch(w.element(c, at, p.tag), True)

    if epilogue is None:
        return sums

    def finished(r: V) -> None:
        columns = [w.add(column, w.number(j * p.lanes)) for j in range(p.vectors)]
        epilogue.ask(w.add(row, r), columns)

    if p.blocks == 1:
        return finished
    return lambda r: w.when(last, functools.partial(finished, r), functools.partial(sums, r))


def _product_text(p: Plan, kernel: Kernel | None) -> str:
    header = len(kernel.record) if kernel is not None else _HEADER
    w = Writer()
    f = [w.field(i) for i in range(_HEADER)]
    a, packed, out = (w.slot(f[i]) for i in range(3))
    m, n, k, step, depth, blocks, panels, pitch, tiles, downs, acrosses, b_step = f[3:15]
    last_row, nothing = w.binary("sub", m, w.number(p.rows)), w.number(0)
    epilogue = None
    if kernel is not None:
        epilogue = Epilogue(w, kernel, p.tag, max(p.rows, p.lanes) * p.columns)
    buffer = copies = None
    if p.along:
        buffer = w.let("ptr", f"alloca [{p.rows * p.lanes * SIZE[p.tag]} x i8], align 64")
    if p.copied:
        copies = w.let("ptr", f"alloca i8, i64 {_ROWS_BYTES}, align 64")
        between = left.pitch_at_run_time(w, p, depth)
    if p.own:
        matrix = w.element(packed, f[17], p.tag)
        if p.shares > 1:
            second_sums, chunks_of_share = w.slot(w.field(header)), w.field(header + 1)
        packed = w.let("ptr", f"alloca i8, i64 {_OWN_BYTES}, align 64")

    # Neighbouring chunks, which one thread takes, share what is dearer to fetch.
    near = w.compare("icmp", "ne", f[15], w.number(0))

    def chunk(
        number: V, from_block: V, below_block: V, before: V | None = None, sums: V = out,
        first_block: V = nothing,
    ) -> V:  # fmt: skip
        """Some blocks of the sums of a chunk, for which the thread did the chunk `before` last.
        `sums`: where they are added up, from `first_block` on. Returns the number of the rows of
        tiles.
        """
        rest, fast = split(w, number, w.select(near, acrosses, downs))
        batch, slow = split(w, rest, w.select(near, downs, acrosses))
        at_down, at_across = w.select(near, slow, fast), w.select(near, fast, slow)
        a_first, b_number = places(w, batch, f[18], header, [f[16], f[17]])
        a_base = w.element(a, a_first, p.tag)
        if p.direct:
            b_base = w.element(packed, b_number, p.tag)
        else:
            b_first = w.mul(w.mul(b_number, blocks), panels)
        c_base = w.element(sums, w.mul(w.mul(batch, m), n), p.tag)
        first_panel, stop_panel = part(w, at_across, acrosses, panels)
        first_tile, stop_tile = part(w, at_down, downs, tiles)

        def first_row(t: V) -> tuple[V, V]:
            """Where tile t starts, and how many of its rows the tile before has done."""
            wanted = w.mul(t, w.number(p.rows))
            first = w.smaller(wanted, last_row)
            return first, w.binary("sub", wanted, first)

        def block(number: V, _: list[V]) -> list[V]:
            first_k = w.mul(number, depth)
            count = w.smaller(depth, w.binary("sub", k, first_k))
            again = w.compare("icmp", "sgt", number, first_block)
            last = w.compare("icmp", "eq", w.add(number, w.number(1)), blocks)
            if not p.direct:
                b_block = w.number(0) if p.own else w.add(b_first, w.mul(number, panels))

            def copy() -> None:
                assert copies is not None
                start = w.element(a_base, first_k if p.a_by_row else w.mul(first_k, step), p.tag)
                left.copy_tiles(w, p, start, step, count, first_tile, stop_tile,
                                lambda t: first_row(t)[0], between, copies, p.far)  # fmt: skip

            if copies is not None and before is not None:
                w.when(w.compare("icmp", "ne", rest, before), copy)
            elif copies is not None:
                copy()

            def panel(q: V, _: list[V]) -> list[V]:
                first_n = w.mul(q, w.number(p.columns))
                right = w.binary("sub", n, first_n)
                masks = column_masks(w, p, right)
                taken = masks if epilogue is None else column_masks(w, p, right, p.taken)
                if p.along:
                    b = w.element(b_base, w.add(first_k, w.mul(first_n, b_step)), p.tag)
                elif p.direct:
                    b = w.element(b_base, w.add(w.mul(first_k, b_step), first_n), p.tag)
                    vectors = _rows_of(w, p, b, b_step, masks)
                else:
                    b = w.element(packed, w.mul(w.add(b_block, q), pitch), p.tag)
                    vectors = tile.packed_vectors(w, b, p.tag, p.lanes, p.vectors)

                def row(t: V, _: list[V]) -> list[V]:
                    first, done = first_row(t)
                    place, across = (first_n, first) if p.turned else (first, first_n)
                    c = w.element(c_base, w.add(w.mul(place, m if p.turned else n), across), p.tag)
                    r = w.add(w.mul(batch, m), first)
                    lines = _result_lines(w, p, epilogue, last, r, first_n, c, n)
                    if buffer is not None:
                        start = w.element(a_base, w.add(w.mul(first, step), first_k), p.tag)
                        found = dots.sums(w, p, start, step, b, b_step, count,
                                          w.binary("sub", n, first_n), buffer)  # fmt: skip
                    elif copies is None:
                        start = w.element(a_base, w.add(w.mul(first, step), first_k), p.tag)
                        found = tile.sums_of_rows(w, p.tag, p.lanes, p.rows, start, step, count,
                                                  vectors, p.vectors,
                                                  tile.Ahead(None, lines))  # fmt: skip
                    else:
                        number = w.binary("sub", t, first_tile)
                        start = w.element(copies, w.mul(number, between), p.tag)
                        rows = [w.element(start, w.number(r), p.tag) for r in range(p.rows)]
                        panels_ahead = None
                        if not p.direct and not p.own:
                            panels_ahead = _next_panel(w, p, b, pitch, number, count)
                        found = tile.sums(w, p.tag, p.lanes, rows, w.number(p.rows), count, vectors,
                                          p.vectors, tile.Ahead(panels_ahead, lines))  # fmt: skip

                    def store() -> None:
                        if p.turned:
                            results.store_turned(w, p, found, c, m, right, done, again)
                        else:
                            results.store(w, p, found, c, n, right, masks, done, again)

                    def finish(e: Epilogue) -> None:
                        if p.turned:
                            results.finish_turned(
                                w, p, e, found, first_n, first, c, m, right, done, again
                            )
                        else:
                            results.finish(w, p, e, found, r, first_n, c, n, taken, done, again)

                    if epilogue is None:
                        store()
                    elif p.blocks == 1:
                        finish(epilogue)
                    else:
                        w.when(last, functools.partial(finish, epilogue), store)
                    return []

                w.counted_loop(first_tile, stop_tile, 1, [], row)
                return []

            w.counted_loop(first_panel, stop_panel, 1, [], panel)
            return []

        w.counted_loop(from_block, below_block, 1, [], block)
        return rest

    begin, end = V(I64, "%begin"), V(I64, "%end")

    def whole_chunk(number: V, _: list[V]) -> list[V]:
        chunk(number, nothing, blocks)
        return []

    def own_blocks(low: V, high: V, first: V, stop: V, sums: V, held: V) -> V:
        """Packs blocks from `first` on, but not `held`, which is there, and does the chunks from
        low to below high with them. Returns the block that is there then.
        """

        def own_block(number: V, _: list[V]) -> list[V]:
            def pack() -> None:
                pack_block(w, p, matrix, number, n, k, b_step, depth, panels, pitch, packed)

            w.when(w.compare("icmp", "ne", number, held), pack)
            below = w.add(number, w.number(1))

            w.counted_loop(low, high, 1, [w.number(-1)], lambda c, before: [
                chunk(c, number, below, before[0], sums, first)
            ])  # fmt: skip
            return []

        w.counted_loop(first, stop, 1, [], own_block)
        return w.binary("sub", stop, w.number(1))

    def half(i: V, begin: V, end: V, held: V) -> V:
        """As `own_blocks`, for the chunks from `begin` to below `end` that are in a half of the
        sum.
        """
        middle = w.binary("lshr", w.add(blocks, w.number(1)), w.number(1))
        second = w.compare("icmp", "ne", i, nothing)
        before = w.mul(i, chunks_of_share)
        low = w.larger(w.binary("sub", begin, before), nothing)
        high = w.smaller(w.binary("sub", end, before), chunks_of_share)
        first, stop = w.select(second, middle, nothing), w.select(second, blocks, middle)
        sums = w.select(second, second_sums, out)
        some = w.compare("icmp", "slt", low, high)
        return w.choose(
            some, lambda: own_blocks(low, high, first, stop, sums, held), lambda: held
        )  # fmt: skip

    def own_chunks(begin: V, end: V, held: list[V]) -> list[V]:
        if p.shares > 1:
            return w.counted_loop(
                nothing, w.number(p.shares), 1, held,
                lambda i, held: [half(i, begin, end, held[0])],
            )  # fmt: skip
        return [own_blocks(begin, end, nothing, blocks, out, held[0])]

    if not p.own:
        w.counted_loop(begin, end, 1, [], whole_chunk)
    elif p.packs_once:
        w.taken_chunks([w.number(-1)], own_chunks)
    else:
        own_chunks(begin, end, [w.number(-1)])
    w.stmt("ret void")
    return w.module()


def _addition_text(tag: str, lanes: int) -> str:
    """The kernel that adds the sums of a second half."""
    w = Writer()
    f = [w.field(i) for i in range(4)]
    out, more, total, chunks = w.slot(f[0]), w.slot(f[1]), f[2], f[3]
    low = part(w, V(I64, "%begin"), chunks, total)[0]
    high = part(w, V(I64, "%end"), chunks, total)[0]

    def vector(i: V, mask: V | None, _: list[V]) -> list[V]:
        at = w.element(out, i, tag)
        x = w.load(at, tag, lanes, mask)
        y = w.load(w.element(more, i, tag), tag, lanes, mask)
        w.store(w.binary("fadd", x, y), at, tag, mask)
        return []

    w.vector_loop(low, high, lanes, [], vector)
    w.stmt("ret void")
    return w.module()


def _rows_of(w: Writer, p: Plan, b: V, step: V, masks: list[V]) -> Callable[[V], list[V]]:
    """The vectors at place k of a right operand that is read where it lies."""

    def vectors(k: V) -> list[V]:
        at = w.element(b, w.mul(k, step), p.tag)
        return [
            w.load(w.element(at, w.number(j * p.lanes), p.tag), p.tag, p.lanes, mask)
            for j, mask in enumerate(masks)
        ]

    return vectors
