"""Products of bfloat16 by the processor's own instructions, summed in float32.

In matrix tiles (AMX), one instruction multiplies a tile of 16 rows of 32 places of the sum with
one of 32 places of 16 columns, which lie in pairs, and adds the products to a tile of 16 x 16 sums.
Four tiles of sums stay where they are along the sum, so that each tile of an operand serves twice.
In vectors (AVX-512), one instruction multiplies a pair of a row, in every lane, with the pairs of
16 columns; sums of 8 rows and 32 columns stay in registers. The operands lie in the same order for
both: one is packed by a step of its own, the other by the chunk that uses it, from wherever they
lie, places beyond the sum being zero. As for other products, what a chunk computes depends on
shapes alone. Operands of float32 are split on the way, in tiles only (thirds.py).

The instructions take numbers below 2**-126 for zero and give none such.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

from ...runtime import amx, code
from ..emitter import V, vec
from ..executable import PACK, Address
from ..indexing import View
from ..loops import Kernel, even_parts
from ..scalar_code import broadcast
from ..writer import I64, Writer
from . import thirds, tile
from .batch import joined_axes, merged, places
from .epilogue import Epilogue, Lower
from .matrix_operands import (
    ACROSS,
    BLOCK,
    COLUMNS,
    LANES,
    PART_BYTES,
    PLACES,
    ROWS,
    TILE_BYTES,
    Packing,
    at_byte,
    block_bytes,
    tag,
)
from .parts import left_of, part, split
from .product import NativeStep

_HEADER = 17  # of the record of a product
_ASKED = 2  # rows of the result that are asked for at each step along the sum
_SHARE = 4  # blocks of a copy, at least, for each panel that comes from far
_APART = 12  # instructions between those of tiles
_SHORT = 8  # places of a sum that is not worth a tile
_DEPTH = 2048  # most places of the sum that are added up without a stop
_COPY_BYTES = 1 << 18  # of the left operand that a chunk copies
_CHUNKS = 16  # of a product that is large enough
_FEW_CHUNKS = 4  # that a product has for several threads
_CHUNK_WORK = 1 << 20  # multiply-adds of a chunk at least
_PACK_UNIT = 1 << 14  # elements that a chunk of packing copies at least
_THRESHOLD = 1 << 21  # multiply-adds from which a product in tiles is worth a second thread
_VECTOR_THRESHOLD = 1 << 19  # the same in vectors
_GROUP = 8  # rows whose sums are in registers together
_PAIRS = "<32 x bfloat>"  # a vector of them
_DOT = "llvm.x86.avx512bf16.dpbf16ps.512"
_VECTORS = frozenset(("avx512_bf16", "avx512f", "avx512bw", "avx512vl"))  # what this needs

# What the eight tiles are: all of 16 rows of 64 bytes. Palette; bytes of each row; rows.
_CONFIGURATION = (1, 0, *(0x0040_0040_0040_0040,) * 2, 0, 0, 0x1010_1010_1010_1010, 0)


def in_vectors() -> bool:
    """Whether products of bfloat16 are done in vectors: where there are no tiles. A process that is
    refused the tiles of its processor does not take them: its bits would be others.
    """
    return _VECTORS <= code.processor_features() and not amx.offered()


def worthwhile(m: int, n: int, k: int) -> bool:
    """Whether this processor has the instructions and they beat products of float32: all but for
    sums that fill less than a quarter of a tile.
    """
    return (amx.permitted() or in_vectors()) and min(m, n) > 0 and k >= _SHORT


@dataclass(frozen=True)
class Side:
    """An operand: its rows or columns, and how they lie.

    along: whether the summed axis lies side by side; step: of the other axis where it does, else
    of the summed one; offset: where the first matrix lies.
    """

    size: int
    along: bool
    step: int
    offset: int

    @property
    def blocks(self) -> int:
        return -(-self.size // BLOCK)


@dataclass(frozen=True)
class Packed:
    """An operand packed for all chunks, as the right one of a product (`pairs`) or the left.

    depth: tiles along the sum in a block of it; axes: (size, step) of those on which it has other
    matrices.
    """

    side: Side
    parts: int
    pairs: bool
    k: int
    depth: int
    axes: Sequence[tuple[int, int]] = ()

    @property
    def count(self) -> int:
        return prod(size for size, _ in self.axes)

    @property
    def blocks(self) -> int:
        return -(-self.k // (self.depth * PLACES))

    @property
    def pitch(self) -> int:
        """Bytes of a panel."""
        return self.depth * block_bytes(self.parts)

    @property
    def nbytes(self) -> int:
        return self.count * self.blocks * self.side.blocks * self.pitch

    def step(self, slot: int, target: int) -> NativeStep:
        """The step that packs the operand from `slot` to `target`."""
        side = self.side
        units = self.count * self.blocks * side.blocks
        elements = self.pitch // (2 * self.parts)
        per = max(1, _PACK_UNIT // elements)
        record = [slot, target, side.size, self.k, side.step, self.depth, self.blocks, side.blocks,
                  per, units, side.offset, len(self.axes)]  # fmt: skip
        for axis in self.axes:
            record += axis
        key = f"bfloat16 pack {self.parts} {side.along} {self.pairs}"
        return NativeStep(
            PACK, key, lambda: _pack_text(self), record, -(-units // per), units * elements
        )


class Plan:
    """The sizes of a product of [*batch, m, k] with [*batch, k, n]."""

    direct = own = False

    def __init__(
        self, a: View, b: View, shape: Sequence[int], k: int, parts: int = 1,
        fresh: Sequence[bool] = (True, True),
    ) -> None:  # fmt: skip
        """parts: 1 for operands of bfloat16, or 3 for the thirds of float32, in tiles only; fresh:
        which operands are others in each run.
        """
        self.parts = parts
        self.tiled = parts > 1 or not in_vectors()
        *batch, m, n = shape
        a_strides, b_strides = list(a.strides[:-2]), list(b.strides[:-2])
        m, batch, a_strides, b_strides = merged(m, batch, a, a_strides, b_strides)
        self.m, self.n, self.k = m, n, k
        across, down = a.strides[-2:]
        along = down == 1 or k == 1
        left = Side(m, along, across if along else down, a.offset)
        down, across = b.strides[-2:]
        along = not (across == 1 or n == 1)
        right = Side(n, along, across if along else down, b.offset)
        self.tiles, self.panels = left.blocks, right.blocks
        # One operand is packed for all, the other one copied by the chunks, each its part: the
        # larger one, since what they copy stays near, unless the other's packed copy is kept.
        self.exchanged = parts > 1 and n > m and fresh[1]
        self.copied, self.packed = (right, left) if self.exchanged else (left, right)
        self.fresh = fresh[0 if self.exchanged else 1]
        if self.exchanged:
            a_strides, b_strides = b_strides, a_strides
        self.axes = joined_axes(batch, a_strides, b_strides)  # steps of the copied, of the packed
        packed_axes = [(size, step) for size, _, step in self.axes if step]
        self.count = prod(batch)
        steps = -(-k // PLACES)
        most = _DEPTH if parts == 1 else thirds.DEPTH
        self.depth = tile.balanced(steps, most // PLACES)  # in tiles
        pairs = not self.exchanged
        self.theirs = Packed(self.packed, parts, pairs, k, self.depth, packed_axes)
        self.blocks, self.pitch = self.theirs.blocks, self.theirs.pitch

    @property
    def thirds_cost(self) -> int:
        """Cycles, where operands are split."""
        steps = -(-self.k // PLACES)
        copied = self.copied.size * self.k * self.count * self._parts_of_thirds()[1]
        packed = self.packed.size * self.k * self.theirs.count if self.fresh else 0
        blocks = self.tiles * self.panels * self.count
        return thirds.cost(blocks, steps, self.blocks, copied, packed)

    @property
    def copy_bytes(self) -> int:
        """Of the operand that a chunk copies."""
        return _COPY_BYTES if self.parts == 1 else thirds.COPY_BYTES

    @property
    def scratch_bytes(self) -> int:
        """Of the packed operand."""
        return self.theirs.nbytes

    def pack(self, slot: int, target: int) -> NativeStep:
        """The step that packs an operand from `slot` to `target`."""
        return self.theirs.step(slot, target)

    def _parts(self) -> tuple[int, int]:
        """In how many parts the blocks of rows and the panels are cut; each pair is a chunk."""
        if self.parts > 1:
            copied, packed = self._parts_of_thirds()
            return (packed, copied) if self.exchanged else (copied, packed)
        down = max(1, min(self.tiles // _CHUNKS, 4, self.copy_bytes // self.pitch))
        step = down * BLOCK * BLOCK * self.k
        parts = -(-_CHUNKS // (-(-self.tiles // down) * self.count))
        across = max(-(-self.panels // parts), -(-_CHUNK_WORK // step))
        acrosses = -(-self.panels // across)
        downs = -(-self.tiles // down)
        return even_parts(downs, self.tiles, acrosses * self.count), acrosses

    def _parts_of_thirds(self) -> tuple[int, int]:
        """In how many parts the copied and the packed operand are cut. A copy, which costs more
        than one of bfloat16, is for the whole packed operand unless there would be few chunks, and
        so large that what is packed comes from far while it is used.
        """
        blocks, packed = self.copied.blocks, self.packed.blocks
        most = max(1, min(blocks, self.copy_bytes // self.pitch))
        down = min(most, max(_SHARE, blocks * self.count // _CHUNKS))
        downs = even_parts(-(-blocks // down), blocks, self.count)
        acrosses = min(packed, -(-_FEW_CHUNKS // (downs * self.count)))
        least = -(-_CHUNK_WORK // (-(-blocks // downs) * BLOCK * BLOCK * self.k))
        return downs, -(-packed // max(-(-packed // acrosses), least))

    def product(
        self, slot: int, packed: int, out: int, epilogue: Lower | None = None
    ) -> NativeStep:
        """The step that multiplies `slot` with what was packed.

        With an epilogue, only sums that are not complete are written to `out`.
        """
        downs, acrosses = self._parts()
        record: list[int | Address] = [
            slot, packed, out, self.m, self.n, self.k, self.copied.step, self.depth, self.blocks,
            self.panels, self.tiles, downs, acrosses, self.copied.offset,
            len(self.axes), Address("amx", "") if self.tiled else 0, 0,
        ]  # fmt: skip
        how = "tiles" if self.tiled else "vectors"
        key = f"bfloat16 product {how} {self.parts} {self.copied.along} {self.exchanged}"
        kernel = None
        if epilogue is not None:
            kernel = epilogue(LANES, _HEADER)
            record += kernel.record[_HEADER:]
            key += f" {self.blocks > 1} {kernel.key()}"
        number = 1
        for size, step, packed_step in self.axes:
            record += (size, step, number if packed_step else 0)
            number *= size if packed_step else 1
        work = self.tiles * self.panels * BLOCK * BLOCK * self.k * self.count
        return NativeStep(
            "matmul", key, lambda: _product_text(self, kernel), record,
            downs * acrosses * self.count, work,
            _THRESHOLD if self.tiled else _VECTOR_THRESHOLD,
        )  # fmt: skip


def _tile(w: Writer, name: str, *arguments: V) -> None:
    """An instruction on tiles."""
    types = ", ".join(a.ty for a in arguments)
    w.declarations[name] = f"declare void @llvm.x86.{name}({types})"
    w.stmt(f"call void @llvm.x86.{name}({', '.join(map(str, arguments))})")


def _apart(w: Writer) -> None:
    """Some instructions that do nothing: where another thread runs on the processor's core, tiles'
    instructions that follow each other closely wait for each other to end.
    """
    w.stmt(f'call void asm sideeffect "{"nop;" * _APART}", ""()')


def _number(tile: int) -> V:
    return V("i8", str(tile))


def _base(w: Writer, parts: int, side: Side, start: V, step: V, first_k: V, first: V) -> V:
    """The address of an operand's place `first_k` of row (or column) `first`."""
    down, across = first_k, w.mul(first, step)
    if not side.along:
        down, across = w.mul(first_k, step), first
    return w.element(start, w.add(down, across), tag(parts))


def _pack_text(p: Packed) -> str:
    header = 12
    w = Writer()
    f = [w.field(i) for i in range(header)]
    source, target = w.slot(f[0]), w.slot(f[1])
    size, k, step, depth, blocks, panels, per, units, start, axes = f[2:]
    pitch, most = w.mul(depth, w.number(block_bytes(p.parts))), w.mul(depth, w.number(PLACES))
    stop = w.smaller(w.mul(V(I64, "%end"), per), units)
    packing = Packing(w, p.parts, p.side.along, p.pairs)

    def unit(u: V, _: list[V]) -> list[V]:
        rest, panel = split(w, u, panels)
        place, block = split(w, rest, blocks)
        first_k, first = w.mul(block, most), w.mul(panel, w.number(BLOCK))
        count = w.smaller(most, w.binary("sub", k, first_k))
        (offset,) = places(w, place, axes, header, [start])
        to = at_byte(w, target, w.mul(u, pitch))
        matrix = w.element(source, offset, tag(p.parts))
        base = _base(w, p.parts, p.side, matrix, step, first_k, first)
        left = w.binary("sub", size, first)
        packing.pack(base, step, left, count, to)
        return []

    w.counted_loop(w.mul(V(I64, "%begin"), per), stop, 1, [], unit)
    w.stmt("ret void")
    return w.module()


def _sums(
    w: Writer, parts: int, rows: int, columns: int, a: V, b: V, count: V, buffer: V,
    ask: Callable[[V], None],
) -> None:  # fmt: skip
    """Sums `rows` x `columns` tiles along `count` tiles of a and b, to `buffer`.

    ask(row of the block): asks for what the row will be written to.
    """
    own = [(i, j) for i in range(rows) for j in range(columns)]
    pitch = w.number(4 * BLOCK)
    for i, j in own:
        _tile(w, "tilezero", _number(2 * i + j))

    def load(first: int, base: V, number: int, tiles: int) -> None:
        for i in range(tiles):
            here = at_byte(w, base, w.number(number * PART_BYTES + i * TILE_BYTES))
            _tile(w, "tileloadd64", _number(first + i), here, w.number(2 * PLACES))
            _apart(w)

    def row(r: V, _: list[V]) -> list[V]:
        ask(r)
        return []

    def step(s: V, _: list[V]) -> list[V]:
        offset = w.mul(s, w.number(block_bytes(parts)))
        first, asked = w.mul(s, w.number(_ASKED * parts)), w.number(_ASKED * parts)
        w.counted_loop(first, w.add(first, asked), 1, [], row)
        here = at_byte(w, a, offset), at_byte(w, b, offset)
        loaded = [-1, -1]
        for wanted in thirds.ORDER if parts > 1 else ((0, 0),):
            for side, number in enumerate(wanted):
                if loaded[side] != number:
                    load(4 + 2 * side, here[side], number, (rows, columns)[side])
                    loaded[side] = number
            for i, j in own:
                _tile(w, "tdpbf16ps", _number(2 * i + j), _number(4 + i), _number(6 + j))
                _apart(w)
        return []

    w.counted_loop(w.number(0), count, 1, [], step)
    for i, j in own:
        at = at_byte(w, buffer, w.number(4 * (i * ROWS * BLOCK + j * COLUMNS)))
        _tile(w, "tilestored64", _number(2 * i + j), at, pitch)


def _vector_sums(
    w: Writer, below: V, right: V, a: V, b: V, steps: V, buffer: V, ask: Callable[[V], None]
) -> None:
    """As `sums_of_existing`, in vectors: the sums of 8 rows at a time."""
    ty, pair = f"<{LANES} x i32>", 4  # bytes of a pair
    row_bytes = w.number(pair * LANES)
    rows = w.smaller(below, w.number(BLOCK))
    groups = w.binary("udiv", w.add(rows, w.number(_GROUP - 1)), w.number(_GROUP))

    def spread(at: V) -> V:
        x = w.let("i32", f"load i32, ptr {at.name}, align 4")
        return w.convert("bitcast", broadcast(w, x, LANES), _PAIRS)

    def sums(columns: int) -> None:
        def group(g: V, _: list[V]) -> list[V]:
            first = w.mul(g, w.number(_GROUP))
            for r in range(_GROUP):
                ask(w.add(first, w.number(r)))
            from_a = w.add(
                w.mul(w.binary("udiv", first, w.number(ROWS)), w.number(TILE_BYTES)),
                w.mul(w.binary("urem", first, w.number(ROWS)), row_bytes),
            )
            own = at_byte(w, a, from_a)

            def step(s: V, carried: list[V]) -> list[V]:
                offset = w.mul(s, w.number(PART_BYTES))
                left, across = at_byte(w, own, offset), at_byte(w, b, offset)

                def place(p: V, carried: list[V]) -> list[V]:
                    here = at_byte(w, across, w.mul(p, row_bytes))
                    vectors = []
                    for j in range(columns):
                        at = at_byte(w, here, w.number(j * TILE_BYTES))
                        x = w.let(ty, f"load {ty}, ptr {at.name}, align 64")
                        vectors.append(w.convert("bitcast", x, _PAIRS))
                    mine = at_byte(w, left, w.mul(p, w.number(pair)))
                    out = []
                    for r in range(_GROUP):
                        x = spread(at_byte(w, mine, w.mul(w.number(r), row_bytes)))
                        for j, y in enumerate(vectors):
                            total = carried[r * columns + j]
                            out.append(
                                w.intrinsic(
                                    "llvm.x86.avx512bf16.dpbf16ps.512", total.ty, total, x, y
                                )
                            )
                    return out

                return w.counted_loop(w.number(0), w.number(PLACES // 2), 1, carried, place)

            zeros = [w.splat("0.0", vec("float", LANES))] * (_GROUP * columns)
            found = w.counted_loop(w.number(0), steps, 1, zeros, step)
            to = w.mul(first, w.number(BLOCK))
            for r in range(_GROUP):
                for j in range(columns):
                    at = w.element(buffer, w.add(to, w.number(r * BLOCK + j * LANES)), "f32")
                    w.store(found[r * columns + j], at, "f32")
            return []

        w.counted_loop(w.number(0), groups, 1, [], group)

    two = w.compare("icmp", "sgt", right, w.number(COLUMNS))
    w.when(two, lambda: sums(2), lambda: sums(1))


@dataclass(frozen=True)
class Block:
    """A block of sums in the code of a chunk: its packed operands; how many rows and columns of the
    result there are from its first on, which is in this row and column, at `out`; where the sums
    are put first.
    """

    a: V
    b: V
    below: V
    right: V
    row: V
    column: V
    out: V
    buffer: V


def _product_text(p: Plan, kernel: Kernel | None) -> str:
    header = len(kernel.record) if kernel is not None else _HEADER
    w = Writer()
    f = [w.field(i) for i in range(_HEADER)]
    operand, packed, out = (w.slot(f[i]) for i in range(3))
    m, n, k, step, depth, blocks, panels, tiles, downs, acrosses, start = f[3:14]
    pitch, most = w.mul(depth, w.number(block_bytes(p.parts))), w.mul(depth, w.number(PLACES))
    epilogue = None
    if kernel is not None:
        epilogue = Epilogue(w, kernel, "f32", 2 * BLOCK * ACROSS * kernel.lanes)
        buffers = epilogue.buffer
    else:
        buffers = w.let("ptr", f"alloca [{2 * 4 * BLOCK * BLOCK} x i8], align 64")
    copies = w.let("ptr", f"alloca i8, i64 {p.copy_bytes}, align 64")
    copying = Packing(w, p.parts, p.copied.along, p.exchanged)
    if p.tiled:
        configure(w)

    def chunk(number: V, _: list[V]) -> list[V]:
        rest, at_down = split(w, number, downs)
        batch, at_across = split(w, rest, acrosses)
        offset, matrix = places(w, batch, f[14], header, [start, w.number(0)])
        base = w.element(operand, offset, tag(p.parts))
        c_base = w.element(out, w.mul(w.mul(batch, m), n), "f32")
        those_right = part(w, at_across, acrosses, panels)
        those_left = part(w, at_down, downs, tiles)
        those_copied, those_packed = those_left, those_right
        if p.exchanged:
            those_copied, those_packed = those_right, those_left
        copied_count = w.binary("sub", those_copied[1], those_copied[0])
        total = w.mul(copied_count, w.binary("sub", those_packed[1], those_packed[0]))

        def copy_of(u: V) -> V:
            return at_byte(w, copies, w.mul(w.binary("sub", u, those_copied[0]), pitch))

        def block(number: V, _: list[V]) -> list[V]:
            first_k = w.mul(number, most)
            count = w.smaller(most, w.binary("sub", k, first_k))
            steps = w.binary("udiv", w.add(count, w.number(PLACES - 1)), w.number(PLACES))
            again = w.compare("icmp", "sgt", number, w.number(0))
            last = w.compare("icmp", "eq", w.add(number, w.number(1)), blocks)
            in_block = w.mul(w.add(w.mul(matrix, blocks), number), tiles if p.exchanged else panels)

            def copy(u: V, _: list[V]) -> list[V]:
                first = w.mul(u, w.number(BLOCK))
                left = w.binary("sub", n if p.exchanged else m, first)
                at = _base(w, p.parts, p.copied, base, step, first_k, first)
                copying.pack(at, step, left, count, copy_of(u))
                return []

            w.counted_loop(*those_copied, 1, [], copy)

            def place(i: V) -> Block:
                """Number i of the chunk's blocks of sums: what is packed goes around copies."""
                at_packed, at_copied = split(w, i, copied_count)
                u, v = w.add(those_packed[0], at_packed), w.add(those_copied[0], at_copied)
                t, q = (u, v) if p.exchanged else (v, u)
                panel = at_byte(w, packed, w.mul(w.add(in_block, u), pitch))
                sides = (panel, copy_of(v)) if p.exchanged else (copy_of(v), panel)
                first, first_n = w.mul(t, w.number(BLOCK)), w.mul(q, w.number(BLOCK))
                half = w.mul(w.binary("and", i, w.number(1)), w.number(BLOCK * BLOCK))
                return Block(
                    *sides, w.binary("sub", m, first), w.binary("sub", n, first_n),
                    w.add(w.mul(batch, m), first), first_n,
                    w.element(c_base, w.add(w.mul(first, n), first_n), "f32"),
                    w.element(buffers, half, "f32"),
                )  # fmt: skip

            def sums(i: V) -> None:
                x = place(i)

                def ask(r: V) -> None:
                    r = w.smaller(r, w.number(BLOCK - 1))
                    if epilogue is not None:
                        epilogue.ask(w.add(x.row, r), [x.column])
                    for j in range(ACROSS if epilogue is None else 0):
                        at = w.add(w.mul(n, r), w.number(j * LANES))
                        w.prefetch(w.element(x.out, at, "f32"), True)

                if p.tiled:
                    sums_of_existing(w, p.parts, x.below, x.right, x.a, x.b, steps, x.buffer, ask)
                else:
                    _vector_sums(w, x.below, x.right, x.a, x.b, steps, x.buffer, ask)

            def end(i: V) -> None:
                x = place(i)
                rows = w.smaller(x.below, w.number(BLOCK))
                masks = [
                    left_of(w, w.binary("sub", x.right, w.number(j * LANES)), LANES)
                    for j in range(ACROSS)
                ]
                if p.parts > 1:
                    thirds.when_infinite(w, x.a, x.b, steps, rows, masks, x.buffer)
                put = functools.partial(_store, w, x.buffer, x.out, n, rows, masks, again)
                if epilogue is None:
                    put()
                    return
                epilogue.buffer = x.buffer
                give = functools.partial(
                    _finish, w, epilogue, x.row, x.column, x.out, n, rows, masks,
                    again if p.blocks > 1 else None,
                )  # fmt: skip
                if p.blocks == 1:
                    give()
                else:
                    w.when(last, give, put)

            def turn(i: V, _: list[V]) -> list[V]:
                # The processor sums the next block while it stores this one.
                before = w.binary("sub", i, w.number(1))
                w.when(w.compare("icmp", "slt", i, total), lambda: sums(i))
                w.when(w.compare("icmp", "sgt", i, w.number(0)), lambda: end(before))
                return []

            w.counted_loop(w.number(0), w.add(total, w.number(1)), 1, [], turn)
            return []

        w.counted_loop(w.number(0), blocks, 1, [], block)
        return []

    w.counted_loop(V(I64, "%begin"), V(I64, "%end"), 1, [], chunk)
    if p.tiled:
        release(w)
    w.stmt("ret void")
    return w.module()


def configure(w: Writer) -> None:
    """Says what the tiles are, for this thread until it releases them."""
    at = w.let("ptr", "alloca <8 x i64>, align 64")
    words = ", ".join(f"i64 {word}" for word in _CONFIGURATION)
    w.stmt(f"store <8 x i64> <{words}>, ptr {at.name}, align 64")
    _tile(w, "ldtilecfg", at)


def release(w: Writer) -> None:
    """Gives the tiles back."""
    _tile(w, "tilerelease")


def sums_of_existing(
    w: Writer, parts: int, below: V, right: V, a: V, b: V, steps: V, buffer: V,
    ask: Callable[[V], None],
) -> None:  # fmt: skip
    """Sums the tiles of a block that are in the result, where so many rows and columns are left."""

    def sums(rows: int, columns: int) -> None:
        _sums(w, parts, rows, columns, a, b, steps, buffer, ask)

    def by_columns(rows: int) -> None:
        two = w.compare("icmp", "sgt", right, w.number(COLUMNS))
        w.when(two, lambda: sums(rows, 2), lambda: sums(rows, 1))

    two = w.compare("icmp", "sgt", below, w.number(ROWS))
    w.when(two, lambda: by_columns(2), lambda: by_columns(1))


def _store(w: Writer, buffer: V, c: V, n: V, rows: V, masks: Sequence[V], again: V) -> None:
    """Writes a block of sums, or adds it to what the blocks before have written."""

    def write(add: bool) -> None:
        def one(r: V, _: list[V]) -> list[V]:
            for j, mask in enumerate(masks):
                place = w.add(w.mul(r, w.number(BLOCK)), w.number(j * LANES))
                x = w.load(w.element(buffer, place, "f32"), "f32", LANES)
                at = w.element(c, w.add(w.mul(n, r), w.number(j * LANES)), "f32")
                if add:
                    x = w.binary("fadd", x, w.load(at, "f32", LANES, mask))
                w.store(x, at, "f32", mask)
            return []

        w.counted_loop(w.number(0), rows, 1, [], one)

    w.when(again, lambda: write(True), lambda: write(False))


def _finish(
    w: Writer, epilogue: Epilogue, row: V, column: V, c: V, n: V, rows: V, masks: Sequence[V],
    again: V | None,
) -> None:  # fmt: skip
    """Gives a block of sums, with what the blocks before have written, to the epilogue."""

    def before(r: V, j: int, mask: V) -> V:
        assert again is not None
        at = w.element(c, w.add(w.mul(n, r), w.number(j * LANES)), "f32")
        repeat = w.select(again, mask, w.splat("false", mask.ty))
        return w.load(at, "f32", LANES, repeat)

    epilogue.take_kept(row, column, masks, w.number(0), rows, before if again is not None else None)
