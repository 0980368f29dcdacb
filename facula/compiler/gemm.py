"""Matrix products through BLAS: one single-threaded call for each tile of a grid that shapes alone
decide.

OpenBLAS' own threads would split the work by their number, and so the bits of the result; here
Facula's pool runs the tiles. Transposed operands are flags, batches a table of offsets in the
record.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from .executable import Address
from .indexing import View
from .writer import I64, V, Writer

_ROW_MAJOR, _NO_TRANS, _TRANS = 101, 111, 112
_HEADER = 20
_TILE_WORK = 1 << 21  # multiply-adds below which a tile is not cut further
_SPLIT_WORK = 1 << 19  # multiply-adds from which a product is cut at all
_MAX_TILES = 16


def _leading(view: View, rows: int, columns: int) -> tuple[int, int]:
    """(transpose flag, leading dimension) of a matrix operand."""
    a, b = view.strides[-2:]
    if b == 1 or columns == 1:
        if a >= columns or rows == 1:
            return _NO_TRANS, max(a if rows > 1 else columns, columns, 1)
    return _TRANS, max(b if columns > 1 else rows, rows, 1)


def tiles(m: int, n: int, k: int) -> tuple[int, int]:
    """The size of a tile of an m x n result."""
    tile_m, tile_n, count = m, n, 1
    split = m * n * k >= _SPLIT_WORK
    while (
        (tile_m * tile_n * k > _TILE_WORK or (split and count == 1))
        and count < _MAX_TILES
        and max(tile_m, tile_n) >= 128
    ):
        if tile_m >= tile_n:
            tile_m = (tile_m + 1) // 2 + 15 & -16
        else:
            tile_n = (tile_n + 1) // 2 + 15 & -16
        count = -(-m // tile_m) * -(-n // tile_n)
    return tile_m, tile_n


def record(
    function: Address, slots: Sequence[int], a: View, b: View, shape: Sequence[int], k: int
) -> tuple[list[int | Address], int, int]:
    """(record, chunks, work) of the product of views a and b into a dense result of `shape`."""
    *batch, m, n = shape
    a_strides, b_strides = list(a.strides[:-2]), list(b.strides[:-2])
    if batch and all(st == 0 or d == 1 for st, d in zip(b_strides, batch, strict=True)):
        # One matrix for the whole batch: where the rows follow each other, it is one product.
        step, count = a.strides[-2] * m, 1
        for st, d in zip(reversed(a_strides), reversed(batch), strict=True):
            if d != 1 and (st != step * count or a.strides[-1] != 1):
                break
            count *= d
        else:
            m, batch, a_strides, b_strides = m * count, [], [], []
    trans_a, lda = _leading(a, m, k)
    trans_b, ldb = _leading(b, k, n)
    tile_m, tile_n = tiles(m, n, k)
    grid_m, grid_n = -(-m // tile_m), -(-n // tile_n)
    offsets: list[int] = []
    for index in itertools.product(*(range(d) for d in batch)):
        offsets.append(a.offset + sum(i * s for i, s in zip(index, a_strides, strict=True)))
        offsets.append(b.offset + sum(i * s for i, s in zip(index, b_strides, strict=True)))
    row_step = lda if trans_a == _NO_TRANS else 1
    column_step = 1 if trans_b == _NO_TRANS else ldb
    header: list[int | Address] = [
        function, *slots, m, n, k, lda, ldb, n, tile_m, tile_n, grid_m, grid_n, row_step,
        column_step, trans_a, trans_b, m * n, 0,
    ]  # fmt: skip
    assert len(header) == _HEADER
    count = len(offsets) // 2
    return [*header, *offsets], grid_m * grid_n * count, m * n * k * count


def key(tag: str) -> str:
    return f"gemm {tag}"


def generate(tag: str) -> Callable[[], str]:
    """The IR of the step that calls cblas_?gemm once for each chunk."""
    element = "float" if tag == "f32" else "double"

    def make() -> str:
        w = Writer()
        f = [w.field(i) for i in range(_HEADER)]
        function = w.convert("inttoptr", f[0], "ptr")
        a, b, c = (w.slot(f[i]) for i in (1, 2, 3))
        m, n, k, lda, ldb, ldc, tile_m, tile_n, grid_m, grid_n, row_step, column_step = f[4:16]
        grid = w.mul(grid_m, grid_n)
        narrow = [w.convert("trunc", x, "i32") for x in (f[16], f[17], k, lda, ldb, ldc)]

        def body(chunk: V, _: list[V]) -> list[V]:
            batch = w.binary("udiv", chunk, grid)
            tile = w.binary("sub", chunk, w.mul(batch, grid))
            row = w.binary("udiv", tile, grid_n)
            column = w.binary("sub", tile, w.mul(row, grid_n))
            first_row, first_column = w.mul(row, tile_m), w.mul(column, tile_n)
            size_m = w.smaller(tile_m, w.binary("sub", m, first_row))
            size_n = w.smaller(tile_n, w.binary("sub", n, first_column))
            entry = w.add(w.mul(batch, w.number(2)), w.number(_HEADER))
            at = w.let("ptr", f"getelementptr i64, ptr %rec, i64 {entry.name}")
            offset_a = w.let(I64, f"load i64, ptr {at.name}, align 8")
            at = w.let("ptr", f"getelementptr i64, ptr {at.name}, i64 1")
            offset_b = w.let(I64, f"load i64, ptr {at.name}, align 8")
            offset_a = w.add(offset_a, w.mul(first_row, row_step))
            offset_b = w.add(offset_b, w.mul(first_column, column_step))
            offset_c = w.add(w.mul(batch, f[18]), w.add(w.mul(first_row, ldc), first_column))
            pa, pb, pc = (
                w.element(p, o, tag) for p, o in ((a, offset_a), (b, offset_b), (c, offset_c))
            )
            mm, nn = (w.convert("trunc", x, "i32") for x in (size_m, size_n))
            trans_a, trans_b, kk, la, lb, lc = narrow
            w.stmt(
                f"call void {function.name}(i32 {_ROW_MAJOR}, {trans_a}, {trans_b}, {mm}, {nn}, "
                f"{kk}, {element} 1.0, {pa}, {la}, {pb}, {lb}, {element} 0.0, {pc}, {lc})"
            )
            return []

        w.counted_loop(V(I64, "%begin"), V(I64, "%end"), 1, [], body)
        w.stmt("ret void")
        return w.module()

    return make
