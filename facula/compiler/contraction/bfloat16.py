"""Products of bfloat16 by the processor's own instructions, summed in float32.

In matrix tiles (AMX), one instruction multiplies a tile of 16 rows of 32 places of the sum with
one of 32 places of 16 columns, which lie in pairs, and adds the products to a tile of 16 x 16 sums.
Four tiles of sums stay where they are along the sum, so that each tile of an operand serves twice.
In vectors (AVX-512), one instruction multiplies a pair of a row, in every lane, with the pairs of
16 columns; sums of 8 rows and 32 columns stay in registers. The operands lie in the same order for
both: the right one is packed by a step of its own, the left one by the chunk that uses it, from
wherever they lie, places beyond the sum being zero. As for other products, what a chunk computes
depends on shapes alone.

The instructions take numbers below 2**-126 for zero and give none such.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from math import prod

from ...runtime import amx, code
from ..emitter import V, vec
from ..executable import PACK, Address
from ..indexing import View
from ..loops import Kernel, even_parts
from ..scalar_code import broadcast
from ..writer import I64, Writer
from . import tile
from .batch import joined_axes, merged, places
from .epilogue import Epilogue, Lower
from .parts import left_of, part, split
from .product import NativeStep

_ROWS = _COLUMNS = 16  # of a tile of sums
_PLACES = 32  # of the sum in a tile
_TILE_BYTES = 1024
_ACROSS = 2  # tiles side by side that are summed together, in rows and in columns
_BLOCK = _ACROSS * _ROWS  # rows, and columns, of what is summed together
_BLOCK_BYTES = _ACROSS * _TILE_BYTES  # of an operand, for one step along the sum
_LANES = 16  # of a vector of sums, and of a vector of pairs
_HEADER = 17  # of the record of a product
_ASKED = 2  # rows of the result that are asked for at each step along the sum
_SHORT = 8  # places of a sum that is not worth a tile
_DEPTH = 2048  # most places of the sum that are added up without a stop
_COPY_BYTES = 1 << 18  # of the left operand that a chunk copies
_CHUNKS = 16  # of a product that is large enough
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


class Plan:
    """The sizes of a product of [*batch, m, k] with [*batch, k, n]."""

    exchanged = direct = own = False

    def __init__(self, a: View, b: View, shape: Sequence[int], k: int) -> None:
        self.tiled = not in_vectors()
        *batch, m, n = shape
        a_strides, b_strides = list(a.strides[:-2]), list(b.strides[:-2])
        m, batch, a_strides, b_strides = merged(m, batch, a, a_strides, b_strides)
        self.m, self.n, self.k = m, n, k
        # Whether the summed axis lies side by side.
        self.a_along = a.strides[-1] == 1 or k == 1
        self.b_along = not (b.strides[-1] == 1 or n == 1)
        self.a_step = a.strides[-2] if self.a_along else a.strides[-1]
        self.b_step = b.strides[-1] if self.b_along else b.strides[-2]
        self.a_offset, self.b_offset = a.offset, b.offset
        self.axes = joined_axes(batch, a_strides, b_strides)
        self.b_axes = [(size, step) for size, _, step in self.axes if step]
        self.count, self.b_count = prod(batch), prod(size for size, _ in self.b_axes)
        self.panels, self.tiles = -(-n // _BLOCK), -(-m // _BLOCK)
        steps = -(-k // _PLACES)
        self.depth = tile.balanced(steps, _DEPTH // _PLACES)  # in tiles
        self.blocks = -(-steps // self.depth)
        self.pitch = self.depth * _BLOCK_BYTES  # bytes of a panel

    @property
    def scratch_bytes(self) -> int:
        """Of the packed right operand."""
        return self.b_count * self.blocks * self.panels * self.pitch

    def pack(self, slot: int, target: int) -> NativeStep:
        """The step that packs the right operand from `slot` to `target`."""
        units = self.b_count * self.blocks * self.panels
        elements = self.pitch // 2
        per = max(1, _PACK_UNIT // elements)
        record = [slot, target, self.n, self.k, self.b_step, self.depth, self.blocks, self.panels,
                  per, units, self.b_offset, len(self.b_axes)]  # fmt: skip
        for axis in self.b_axes:
            record += axis
        return NativeStep(
            PACK, f"bfloat16 pack {self.b_along}", lambda: _pack_text(self), record,
            -(-units // per), units * elements,
        )  # fmt: skip

    def _parts(self) -> tuple[int, int]:
        """In how many parts the blocks of rows and the panels are cut; each pair is a chunk."""
        down = max(1, min(self.tiles // _CHUNKS, 4, _COPY_BYTES // self.pitch))
        step = down * _BLOCK * _BLOCK * self.k
        parts = -(-_CHUNKS // (-(-self.tiles // down) * self.count))
        across = max(-(-self.panels // parts), -(-_CHUNK_WORK // step))
        acrosses = -(-self.panels // across)
        downs = -(-self.tiles // down)
        return even_parts(downs, self.tiles, acrosses * self.count), acrosses

    def product(
        self, slot: int, packed: int, out: int, epilogue: Lower | None = None
    ) -> NativeStep:
        """The step that multiplies `slot` with what was packed.

        With an epilogue, only sums that are not complete are written to `out`.
        """
        downs, acrosses = self._parts()
        record: list[int | Address] = [
            slot, packed, out, self.m, self.n, self.k, self.a_step, self.depth, self.blocks,
            self.panels, self.tiles, downs, acrosses, self.a_offset,
            len(self.axes), Address("amx", "") if self.tiled else 0, 0,
        ]  # fmt: skip
        key = f"bfloat16 product {'tiles' if self.tiled else 'vectors'} {self.a_along}"
        kernel = None
        if epilogue is not None:
            kernel = epilogue(_LANES, _HEADER)
            record += kernel.record[_HEADER:]
            key += f" {self.blocks > 1} {kernel.key()}"
        number = 1
        for size, a_step, b_step in self.axes:
            record += (size, a_step, number if b_step else 0)
            number *= size if b_step else 1
        work = self.tiles * self.panels * _BLOCK * _BLOCK * self.k * self.count
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


def _number(tile: int) -> V:
    return V("i8", str(tile))


def _bytes(w: Writer, base: V, offset: V) -> V:
    """The address so many bytes on."""
    return w.element(base, offset, "i8")


def _pack_block(
    w: Writer, along: bool, pairs: bool, base: V, step: V, left: V, k: V, count: V | None, to: V
) -> None:
    """Packs a tile: 16 rows (or columns) and the 32 places of the sum from k on.

    along: whether the summed axis lies side by side; step: of the other axis where it does, else
    of the summed one; pairs: whether pairs of places of all columns lie side by side in the tile,
    as in a right operand; left: rows that exist, others may hold anything; count: places that
    exist, where not all may.
    """
    ty = f"<{_LANES} x i32>"
    found = []
    if along:
        last = w.binary("sub", left, w.number(1))
        mask = None
        if count is not None:
            mask = left_of(w, w.binary("sub", count, k), _PLACES)
        for r in range(_ROWS):
            row = w.mul(w.smaller(w.number(r), last), step)
            x = w.load(w.element(base, w.add(row, k), "i16"), "i16", _PLACES, mask)
            found.append(w.convert("bitcast", x, ty))
    else:
        mask = left_of(w, left, _LANES)
        for place in range(0, _PLACES, 2):
            pair = []
            for i in range(2):
                at, inside = w.add(k, w.number(place + i)), mask
                if count is not None:
                    exists = w.compare("icmp", "slt", at, count)
                    inside = w.select(exists, mask, w.splat("false", mask.ty))
                x = w.load(w.element(base, w.mul(at, step), "i16"), "i16", _LANES, inside)
                pair.append(w.convert("zext", x, ty))
            high = w.binary("shl", pair[1], w.splat("16", ty))
            found.append(w.binary("or", pair[0], high))
    if along == pairs:
        found = tile.transposed(w, found)
    for r, x in enumerate(found):
        at = _bytes(w, to, w.number(r * 4 * _LANES))
        w.stmt(f"store {x}, ptr {at.name}, align 64")


def _pack(w: Writer, along: bool, pairs: bool, base: V, step: V, left: V, count: V, to: V) -> None:
    """Packs two tiles side by side, at every 32 of `count` places of the sum.

    base: the address of the first row (or column) at the first place; left: rows that exist.
    """

    def tiles(k: V, count: V | None) -> None:
        at = _bytes(w, to, w.mul(k, w.number(_BLOCK_BYTES // _PLACES)))
        for i in range(_ACROSS):
            first = w.number(i * _ROWS)
            here = w.binary("sub", left, first)
            start = w.element(base, w.mul(first, step) if along else first, "i16")
            target = _bytes(w, at, w.number(i * _TILE_BYTES))
            put = functools.partial(
                _pack_block, w, along, pairs, start, step, here, k, count, target
            )
            if i:
                w.when(w.compare("icmp", "sgt", here, w.number(0)), put)
            else:
                put()

    def whole(k: V, _: list[V]) -> list[V]:
        tiles(k, None)
        return []

    stop = w.binary("and", count, w.number(-_PLACES))
    w.counted_loop(w.number(0), stop, _PLACES, [], whole)
    w.when(w.compare("icmp", "slt", stop, count), lambda: tiles(stop, count))


def _pack_text(p: Plan) -> str:
    header = 12
    w = Writer()
    f = [w.field(i) for i in range(header)]
    source, target = w.slot(f[0]), w.slot(f[1])
    n, k, step, depth, blocks, panels, per, units, start, axes = f[2:]
    pitch, most = w.mul(depth, w.number(_BLOCK_BYTES)), w.mul(depth, w.number(_PLACES))
    stop = w.smaller(w.mul(V(I64, "%end"), per), units)

    def unit(u: V, _: list[V]) -> list[V]:
        rest, panel = split(w, u, panels)
        place, block = split(w, rest, blocks)
        first_k, first_n = w.mul(block, most), w.mul(panel, w.number(_BLOCK))
        count = w.smaller(most, w.binary("sub", k, first_k))
        (offset,) = places(w, place, axes, header, [start])
        to = _bytes(w, target, w.mul(u, pitch))
        down, right = (first_k, w.mul(first_n, step))
        if not p.b_along:
            down, right = w.mul(first_k, step), first_n
        base = w.element(source, w.add(w.add(offset, down), right), "i16")
        _pack(w, p.b_along, True, base, step, w.binary("sub", n, first_n), count, to)
        return []

    w.counted_loop(w.mul(V(I64, "%begin"), per), stop, 1, [], unit)
    w.stmt("ret void")
    return w.module()


def _sums(
    w: Writer, rows: int, columns: int, a: V, b: V, count: V, buffer: V, ask: Callable[[V], None]
) -> None:
    """Sums `rows` x `columns` tiles along `count` tiles of a and b, to `buffer`.

    ask(row of the block): asks for what the row will be written to.
    """
    own = [(i, j) for i in range(rows) for j in range(columns)]
    pitch = w.number(4 * _BLOCK)
    for i, j in own:
        _tile(w, "tilezero", _number(2 * i + j))

    def step(s: V, _: list[V]) -> list[V]:
        offset = w.mul(s, w.number(_BLOCK_BYTES))
        for i in range(_ASKED):
            ask(w.add(w.mul(s, w.number(_ASKED)), w.number(i)))
        for first, base, tiles in ((4, a, rows), (6, b, columns)):
            at = _bytes(w, base, offset)
            for i in range(tiles):
                here = _bytes(w, at, w.number(i * _TILE_BYTES))
                _tile(w, "tileloadd64", _number(first + i), here, w.number(2 * _PLACES))
        for i, j in own:
            _tile(w, "tdpbf16ps", _number(2 * i + j), _number(4 + i), _number(6 + j))
        return []

    w.counted_loop(w.number(0), count, 1, [], step)
    for i, j in own:
        at = _bytes(w, buffer, w.number(4 * (i * _ROWS * _BLOCK + j * _COLUMNS)))
        _tile(w, "tilestored64", _number(2 * i + j), at, pitch)


def _vector_sums(
    w: Writer, below: V, right: V, a: V, b: V, steps: V, buffer: V, ask: Callable[[V], None]
) -> None:
    """As `_sums_of_existing`, in vectors: the sums of 8 rows at a time."""
    ty, pair = f"<{_LANES} x i32>", 4  # bytes of a pair
    row_bytes = w.number(pair * _LANES)
    rows = w.smaller(below, w.number(_BLOCK))
    groups = w.binary("udiv", w.add(rows, w.number(_GROUP - 1)), w.number(_GROUP))

    def spread(at: V) -> V:
        x = w.let("i32", f"load i32, ptr {at.name}, align 4")
        return w.convert("bitcast", broadcast(w, x, _LANES), _PAIRS)

    def sums(columns: int) -> None:
        def group(g: V, _: list[V]) -> list[V]:
            first = w.mul(g, w.number(_GROUP))
            for r in range(_GROUP):
                ask(w.add(first, w.number(r)))
            from_a = w.add(
                w.mul(w.binary("udiv", first, w.number(_ROWS)), w.number(_TILE_BYTES)),
                w.mul(w.binary("urem", first, w.number(_ROWS)), row_bytes),
            )
            own = _bytes(w, a, from_a)

            def step(s: V, carried: list[V]) -> list[V]:
                offset = w.mul(s, w.number(_BLOCK_BYTES))
                left, across = _bytes(w, own, offset), _bytes(w, b, offset)

                def place(p: V, carried: list[V]) -> list[V]:
                    here = _bytes(w, across, w.mul(p, row_bytes))
                    vectors = []
                    for j in range(columns):
                        at = _bytes(w, here, w.number(j * _TILE_BYTES))
                        x = w.let(ty, f"load {ty}, ptr {at.name}, align 64")
                        vectors.append(w.convert("bitcast", x, _PAIRS))
                    mine = _bytes(w, left, w.mul(p, w.number(pair)))
                    out = []
                    for r in range(_GROUP):
                        x = spread(_bytes(w, mine, w.mul(w.number(r), row_bytes)))
                        for j, y in enumerate(vectors):
                            total = carried[r * columns + j]
                            out.append(
                                w.intrinsic(
                                    "llvm.x86.avx512bf16.dpbf16ps.512", total.ty, total, x, y
                                )
                            )
                    return out

                return w.counted_loop(w.number(0), w.number(_PLACES // 2), 1, carried, place)

            zeros = [w.splat("0.0", vec("float", _LANES))] * (_GROUP * columns)
            found = w.counted_loop(w.number(0), steps, 1, zeros, step)
            to = w.mul(first, w.number(_BLOCK))
            for r in range(_GROUP):
                for j in range(columns):
                    at = w.element(buffer, w.add(to, w.number(r * _BLOCK + j * _LANES)), "f32")
                    w.store(found[r * columns + j], at, "f32")
            return []

        w.counted_loop(w.number(0), groups, 1, [], group)

    two = w.compare("icmp", "sgt", right, w.number(_COLUMNS))
    w.when(two, lambda: sums(2), lambda: sums(1))


def _product_text(p: Plan, kernel: Kernel | None) -> str:
    header = len(kernel.record) if kernel is not None else _HEADER
    w = Writer()
    f = [w.field(i) for i in range(_HEADER)]
    a, packed, out = (w.slot(f[i]) for i in range(3))
    m, n, k, step, depth, blocks, panels, tiles, downs, acrosses, a_start = f[3:14]
    pitch, most = w.mul(depth, w.number(_BLOCK_BYTES)), w.mul(depth, w.number(_PLACES))
    epilogue = None
    if kernel is not None:
        epilogue = Epilogue(w, kernel, "f32", _BLOCK * _ACROSS)
        buffer = epilogue.buffer
    else:
        buffer = w.let("ptr", f"alloca [{4 * _BLOCK * _BLOCK} x i8], align 64")
    copies = w.let("ptr", f"alloca i8, i64 {_COPY_BYTES}, align 64")
    if p.tiled:
        _configure(w)

    def chunk(number: V, _: list[V]) -> list[V]:
        rest, at_down = split(w, number, downs)
        batch, at_across = split(w, rest, acrosses)
        a_first, b_number = places(w, batch, f[14], header, [a_start, w.number(0)])
        a_base = w.element(a, a_first, "i16")
        c_base = w.element(out, w.mul(w.mul(batch, m), n), "f32")
        first_panel, stop_panel = part(w, at_across, acrosses, panels)
        first_tile, stop_tile = part(w, at_down, downs, tiles)

        def copy_of(t: V) -> V:
            return _bytes(w, copies, w.mul(w.binary("sub", t, first_tile), pitch))

        def block(number: V, _: list[V]) -> list[V]:
            first_k = w.mul(number, most)
            count = w.smaller(most, w.binary("sub", k, first_k))
            steps = w.binary("udiv", w.add(count, w.number(_PLACES - 1)), w.number(_PLACES))
            again = w.compare("icmp", "sgt", number, w.number(0))
            last = w.compare("icmp", "eq", w.add(number, w.number(1)), blocks)
            b_block = w.mul(w.add(w.mul(b_number, blocks), number), panels)

            def copy(t: V, _: list[V]) -> list[V]:
                first = w.mul(t, w.number(_BLOCK))
                place = w.add(first_k, w.mul(first, step))
                if not p.a_along:
                    place = w.add(w.mul(first_k, step), first)
                base = w.element(a_base, place, "i16")
                left = w.binary("sub", m, first)
                _pack(w, p.a_along, False, base, step, left, count, copy_of(t))
                return []

            w.counted_loop(first_tile, stop_tile, 1, [], copy)

            def panel(q: V, _: list[V]) -> list[V]:
                first_n = w.mul(q, w.number(_BLOCK))
                right = w.binary("sub", n, first_n)
                b = _bytes(w, packed, w.mul(w.add(b_block, q), pitch))
                masks = [
                    left_of(w, w.binary("sub", right, w.number(j * _LANES)), _LANES)
                    for j in range(_ACROSS)
                ]

                def row(t: V, _: list[V]) -> list[V]:
                    first = w.mul(t, w.number(_BLOCK))
                    below = w.binary("sub", m, first)
                    c = w.element(c_base, w.add(w.mul(first, n), first_n), "f32")
                    rows = w.smaller(below, w.number(_BLOCK))
                    at = w.add(w.mul(batch, m), first)

                    def ask(r: V) -> None:
                        r = w.smaller(r, w.number(_BLOCK - 1))
                        if epilogue is not None:
                            epilogue.ask(w.add(at, r), [first_n])
                        for j in range(_ACROSS if epilogue is None else 0):
                            place = w.add(w.mul(n, r), w.number(j * _LANES))
                            w.prefetch(w.element(c, place, "f32"), True)

                    sums = _sums_of_existing if p.tiled else _vector_sums
                    sums(w, below, right, copy_of(t), b, steps, buffer, ask)
                    put = functools.partial(_store, w, buffer, c, n, rows, masks, again)
                    if epilogue is None:
                        put()
                        return []
                    end = functools.partial(
                        _finish, w, epilogue, at, first_n, c, n, rows, masks,
                        again if p.blocks > 1 else None,
                    )  # fmt: skip
                    if p.blocks == 1:
                        end()
                    else:
                        w.when(last, end, put)
                    return []

                w.counted_loop(first_tile, stop_tile, 1, [], row)
                return []

            w.counted_loop(first_panel, stop_panel, 1, [], panel)
            return []

        w.counted_loop(w.number(0), blocks, 1, [], block)
        return []

    w.counted_loop(V(I64, "%begin"), V(I64, "%end"), 1, [], chunk)
    if p.tiled:
        _tile(w, "tilerelease")
    w.stmt("ret void")
    return w.module()


def _configure(w: Writer) -> None:
    """Says what the tiles are, for this thread until it releases them."""
    at = w.let("ptr", "alloca <8 x i64>, align 64")
    words = ", ".join(f"i64 {word}" for word in _CONFIGURATION)
    w.stmt(f"store <8 x i64> <{words}>, ptr {at.name}, align 64")
    _tile(w, "ldtilecfg", at)


def _sums_of_existing(
    w: Writer, below: V, right: V, a: V, b: V, steps: V, buffer: V, ask: Callable[[V], None]
) -> None:
    """Sums the tiles of a block that are in the result, where so many rows and columns are left."""

    def sums(rows: int, columns: int) -> None:
        _sums(w, rows, columns, a, b, steps, buffer, ask)

    def by_columns(rows: int) -> None:
        two = w.compare("icmp", "sgt", right, w.number(_COLUMNS))
        w.when(two, lambda: sums(rows, 2), lambda: sums(rows, 1))

    two = w.compare("icmp", "sgt", below, w.number(_ROWS))
    w.when(two, lambda: by_columns(2), lambda: by_columns(1))


def _store(w: Writer, buffer: V, c: V, n: V, rows: V, masks: Sequence[V], again: V) -> None:
    """Writes a block of sums, or adds it to what the blocks before have written."""

    def write(add: bool) -> None:
        def one(r: V, _: list[V]) -> list[V]:
            for j, mask in enumerate(masks):
                place = w.add(w.mul(r, w.number(_BLOCK)), w.number(j * _LANES))
                x = w.load(w.element(buffer, place, "f32"), "f32", _LANES)
                at = w.element(c, w.add(w.mul(n, r), w.number(j * _LANES)), "f32")
                if add:
                    x = w.binary("fadd", x, w.load(at, "f32", _LANES, mask))
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
        at = w.element(c, w.add(w.mul(n, r), w.number(j * _LANES)), "f32")
        repeat = w.select(again, mask, w.splat("false", mask.ty))
        return w.load(at, "f32", _LANES, repeat)

    epilogue.take_kept(row, column, masks, w.number(0), rows, before if again is not None else None)
