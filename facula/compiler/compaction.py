"""The kernels that pack what a mask chooses; functions/masks.py runs them.

The first counts what each block of the mask holds; then blocks know where theirs begins in the
result, and threads write side by side. 64 elements of the mask are one word: where few bits are set
they are found one by one, where many are every element is written, and the next one over it if it
was not to be kept.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from .writer import I64, V, Writer

BLOCK = 1 << 14
_WORD = 64
_MANY = 20  # set bits of a word from which every element is written

# Writes what belongs to element `i` of the mask as number `k` of the result.
_Emit = Callable[[V, V], None]


def _words(
    w: Writer, mask: V, n: V, block: V, start: V, body: Callable[[V, V | None, V, V], V]
) -> V:
    """state = body(first element, lanes that are there, bits, state) for the words of a block."""
    low = w.mul(block, w.number(BLOCK))
    high = w.smaller(w.add(low, w.number(BLOCK)), n)

    def word(i: V, lanes: V | None, state: list[V]) -> list[V]:
        x = w.load(w.element(mask, i, "u8"), "u8", _WORD, lanes)
        bits = w.convert("bitcast", w.compare("icmp", "ne", x, w.splat("0", x.ty)), I64)
        return [body(i, lanes, bits, state[0])]

    (state,) = w.vector_loop(low, high, _WORD, [start], word)
    return state


def _population(w: Writer, bits: V) -> V:
    return w.intrinsic("llvm.ctpop.i64", I64, bits)


@functools.cache
def count() -> str:
    """Counts of the blocks of the mask in slot 1, to slot 2 from its second element."""
    w = Writer()
    n = w.field(0)
    mask, counts = w.slot(w.number(1)), w.slot(w.number(2))

    def block(number: V, _: list[V]) -> list[V]:
        found = _words(
            w,
            mask,
            n,
            number,
            w.number(0),
            lambda i, lanes, bits, k: w.add(k, _population(w, bits)),
        )
        w.store(found, w.element(counts, w.add(number, w.number(1)), "i64"), "i64")
        return []

    w.counted_loop(V(I64, "%begin"), V(I64, "%end"), 1, [], block)
    w.stmt("ret void")
    return w.module()


def _write(w: Writer, emit: _Emit, every: bool) -> str:
    """A kernel that writes what each set bit stands for; `every`: that may cost next to nothing."""
    n = w.field(0)
    mask, starts = w.slot(w.number(1)), w.slot(w.number(2))

    def block(number: V, _: list[V]) -> list[V]:
        first = w.load(w.element(starts, number, "i64"), "i64")
        stop = w.load(w.element(starts, w.add(number, w.number(1)), "i64"), "i64")

        def word(i: V, lanes: V | None, bits: V, k: V) -> V:
            set_bits = _population(w, bits)
            following = w.add(k, set_bits)

            def one_by_one() -> None:
                def one(bit: V, state: list[V]) -> list[V]:
                    emit(w.add(i, bit), state[0])
                    return [w.add(state[0], w.number(1))]

                w.bit_loop(bits, [k], one)

            def all_of_them() -> None:
                def one(bit: V, state: list[V]) -> list[V]:
                    at, rest = state
                    emit(w.add(i, bit), at)
                    at = w.add(at, w.binary("and", rest, w.number(1)))
                    return [at, w.binary("lshr", rest, w.number(1))]

                w.counted_loop(w.number(0), w.number(_WORD), 1, [k, bits], one)

            if every and lanes is None:
                # Behind the last element of the block another thread may have written already.
                inside = w.compare("icmp", "slt", following, stop)
                many = w.compare("icmp", "sge", set_bits, w.number(_MANY))
                w.when(w.binary("and", inside, many), all_of_them, one_by_one)
            else:
                one_by_one()
            return following

        _words(w, mask, n, number, first, word)
        return []

    w.counted_loop(V(I64, "%begin"), V(I64, "%end"), 1, [], block)
    w.stmt("ret void")
    return w.module()


@functools.cache
def positions(axes: int) -> str:
    """Record after the size: steps of the result along its rows and along the axes, the shape."""
    w = Writer()
    row, along = w.field(1), w.field(2)
    sizes = [w.field(3 + d) for d in range(axes)]
    out = w.slot(w.number(3))

    def emit(i: V, k: V) -> None:
        at = w.mul(k, row)
        for d in range(axes - 1, -1, -1):
            position = i
            if d:
                i = w.binary("udiv", i, sizes[d])
                position = w.binary("sub", position, w.mul(i, sizes[d]))
            w.store(position, w.element(out, w.add(at, w.mul(along, w.number(d))), "i64"), "i64")

    return _write(w, emit, axes == 1)


@functools.cache
def selected(tag: str) -> str:
    w = Writer()
    out, source = w.slot(w.number(3)), w.slot(w.number(4))

    def emit(i: V, k: V) -> None:
        w.store(w.load(w.element(source, i, tag), tag), w.element(out, k, tag), tag)

    return _write(w, emit, True)
