"""Blocks, loops and memory accesses for the writers of kernels.

Control flow in text needs care: a phi names the block that control comes from, and code inside a
loop may have opened blocks of its own. `Writer` keeps the name of the open block and fills in phis
afterwards.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from ..runtime import code
from . import half_precision
from .emitter import Emitter, V, lanes_of, vec
from .scalar_code import MEMORY, REGISTER, SIZE, broadcast, element_of

I64 = "i64"


@functools.cache
def lacks_mask_registers() -> bool:
    """Whether masks are dear: a store under one takes AMD's processors before AVX-512 twelve to
    twenty cycles, to make one takes some twenty instructions, and where there is no instruction
    that takes it, LLVM writes a branch for each lane.
    """
    return code.processor_features().isdisjoint(("avx512f", "sve"))


class Phi:
    """A value with one source for each predecessor, written when the sources are known."""

    __slots__ = ("value", "line", "sources")

    def __init__(self, value: V, line: int) -> None:
        self.value, self.line = value, line
        self.sources: list[tuple[str, str]] = []


class Writer(Emitter):
    """An emitter that knows its open block."""

    def __init__(self) -> None:
        super().__init__()
        self.block = "entry"
        self._labels = 0
        self._counts: dict[str, V] = {}  # of a mask of first lanes: how many (int32)
        self._usual: dict[str, int] = {}  # of other masks: how many first lanes they mostly have
        self.fields: dict[int, V] = {}

    # -- blocks

    def new_label(self, hint: str) -> str:
        self._labels += 1
        return f"{hint}{self._labels}"

    def open(self, name: str) -> None:
        self.label(name)
        self.block = name

    def jump(self, target: str) -> None:
        self.stmt(f"br label %{target}")

    def branch(self, condition: V, yes: str, no: str) -> None:
        self.stmt(f"br i1 {condition.name}, label %{yes}, label %{no}")

    def phi(self, ty: str, *sources: tuple[V, str]) -> Phi:
        value = V(ty, self.fresh("p"))
        self.lines.append("")
        out = Phi(value, len(self.lines) - 1)
        for v, block in sources:
            out.sources.append((v.name, block))
        return out

    def close_phi(self, phi: Phi, *sources: tuple[V, str]) -> V:
        for v, block in sources:
            phi.sources.append((v.name, block))
        text = ", ".join(f"[{name}, %{block}]" for name, block in phi.sources)
        self.lines[phi.line] = f"  {phi.value.name} = phi {phi.value.ty} {text}"
        return phi.value

    def when(
        self, condition: V, yes: Callable[[], None], no: Callable[[], None] | None = None
    ) -> None:
        """Code that runs where a condition holds, and other code where it does not."""
        then, end = self.new_label("then"), self.new_label("end")
        other = self.new_label("else") if no is not None else end
        self.branch(condition, then, other)
        self.open(then)
        yes()
        self.jump(end)
        if no is not None:
            self.open(other)
            no()
            self.jump(end)
        self.open(end)

    def choose(self, condition: V, yes: Callable[[], V], no: Callable[[], V]) -> V:
        """The value of one of two pieces of code, of which only that one runs."""
        found: list[tuple[V, str]] = []

        def keep(value: V) -> None:
            found.append((value, self.block))

        self.when(condition, lambda: keep(yes()), lambda: keep(no()))
        return self.close_phi(self.phi(found[0][0].ty, *found))

    def opaque(self, x: V) -> V:
        """An integer or a pointer as a value that LLVM knows nothing about; no instruction.

        What a loop hands to its next round goes through here. LLVM then sees no arithmetic
        progression and does not rewrite the addresses of the loop, which is a quarter of the time
        that it takes for a kernel, and gains nothing: the generators write loops as they are to be.
        """
        if x.ty not in (I64, "ptr"):
            return x
        return self.let(x.ty, f'call {x.ty} asm "", "=r,0"({x})')

    # -- integers

    def number(self, n: int) -> V:
        return V(I64, str(n))

    def add(self, a: V, b: V) -> V:
        if a.name == "0":
            return b
        if b.name == "0":
            return a
        return self.binary("add", a, b)

    def mul(self, a: V, b: V) -> V:
        return self.binary("mul", a, b)

    def smaller(self, a: V, b: V) -> V:
        return self.select(self.compare("icmp", "slt", a, b), a, b)

    def larger(self, a: V, b: V) -> V:
        return self.select(self.compare("icmp", "sgt", a, b), a, b)

    def field(self, number: int) -> V:
        """A field of the record, loaded where it is first asked for: in the entry block."""
        found = self.fields.get(number)
        if found is None:
            assert self.block == "entry", "record fields are read in the entry block"
            at = self.let("ptr", f"getelementptr i64, ptr %rec, i64 {number}")
            found = self.let(I64, f"load i64, ptr {at.name}, align 8, !invariant.load !0")
            self.fields[number] = found
        return found

    def places_of(self, flat: V, axes: Sequence[Sequence[V]], starts: Sequence[V]) -> list[V]:
        """Where element number `flat` of some axes lies in several strided values.

        axes: (size, step in each value) of each axis, the outermost first; starts: of each value.
        """
        places = list(starts)
        for size, *steps in reversed(axes):
            above = self.binary("udiv", flat, size)
            position = self.binary("sub", flat, self.mul(above, size))
            places = [
                self.add(at, self.mul(position, step))
                for at, step in zip(places, steps, strict=True)
            ]
            flat = above
        return places

    def slot(self, number: V) -> V:
        at = self.let("ptr", f"getelementptr ptr, ptr %slots, i64 {number.name}")
        return self.let("ptr", f"load ptr, ptr {at.name}, align 8, !invariant.load !0")

    def lane_numbers(self, lanes: int, element: str = "i32") -> V:
        return V(vec(element, lanes), "<" + ", ".join(f"{element} {i}" for i in range(lanes)) + ">")

    def first_lanes(self, n: int, lanes: int) -> V:
        """The mask of the first n lanes."""
        return V(f"<{lanes} x i1>", "<" + ", ".join(f"i1 {int(j < n)}" for j in range(lanes)) + ">")

    def lane(self, distance: V, lanes: int) -> V:
        """The lane (int32) so far from the first one, or the first or one beyond the last."""
        near = self.larger(self.smaller(distance, self.number(lanes)), self.number(0))
        return self.convert("trunc", near, "i32")

    def lanes_below(self, count: V, lanes: int) -> V:
        """The mask of the lanes below a number (int32), which is not negative."""
        mask = self.compare("icmp", "slt", self.lane_numbers(lanes), broadcast(self, count, lanes))
        self._counts[mask.name] = count
        return mask

    def any_lane(self, mask: V) -> V:
        """Whether a mask has any lane; of a single condition, itself."""
        lanes = lanes_of(mask.ty)
        if lanes == 1:
            return mask
        return self.intrinsic(f"llvm.vector.reduce.or.v{lanes}i1", "i1", mask)

    def alternate(self, a: V, b: V) -> V:
        """a[0], b[0], a[1], b[1], ..."""
        n = lanes_of(a.ty)
        order = ", ".join(f"i32 {k}, i32 {n + k}" for k in range(n))
        ty = vec(element_of(a.ty), 2 * n)
        return self.let(ty, f"shufflevector {a}, {b}, <{2 * n} x i32> <{order}>")

    def every_second(self, a: V, first: int) -> V:
        """a[first], a[first + 2], ..."""
        n = lanes_of(a.ty) // 2
        order = ", ".join(f"i32 {first + 2 * k}" for k in range(n))
        ty = vec(element_of(a.ty), n)
        return self.let(ty, f"shufflevector {a}, {a.ty} poison, <{n} x i32> <{order}>")

    def reverse(self, a: V) -> V:
        n = lanes_of(a.ty)
        order = ", ".join(f"i32 {k}" for k in reversed(range(n)))
        return self.let(a.ty, f"shufflevector {a}, {a.ty} poison, <{n} x i32> <{order}>")

    def some_lanes(self, x: V, start: int, count: int) -> V:
        """`count` lanes of a vector, from `start` on; beyond its end, any number."""
        if count == lanes_of(x.ty):
            return x
        element = element_of(x.ty)
        if count == 1:
            return self.let(element, f"extractelement {x}, i32 {start}")
        last = lanes_of(x.ty) - 1
        order = ", ".join(f"i32 {min(start + i, last)}" for i in range(count))
        return self.let(vec(element, count),
                        f"shufflevector {x}, {x.ty} poison, <{count} x i32> <{order}>")  # fmt: skip

    # -- memory

    def element(self, base: V, offset: V, tag: str) -> V:
        """The address of element `offset` of an array of dtype `tag`."""
        if offset.name == "0":
            return base
        return self.let("ptr", f"getelementptr {MEMORY[tag]}, ptr {base.name}, i64 {offset.name}")

    def _to_register(self, x: V, tag: str) -> V:
        lanes = lanes_of(x.ty)
        if tag == "b1":
            return self.compare("icmp", "ne", x, self.splat("0", x.ty))
        if tag == "f16":
            return half_precision.widened(self, x)
        if tag == "fb16":
            ty = vec("i32", lanes)
            high = self.binary("shl", self.convert("zext", x, ty), self.splat("16", ty))
            return self.convert("bitcast", high, vec("float", lanes))
        return x

    def to_memory(self, x: V, tag: str) -> V:
        lanes = lanes_of(x.ty)
        if tag == "b1":
            return self.convert("zext", x, vec("i8", lanes))
        if tag == "f16":
            return half_precision.narrowed(self, x)
        if tag == "fb16":
            ty = vec("i32", lanes)
            bits = self.convert("bitcast", x, ty)
            high = self.binary("lshr", bits, self.splat("16", ty))
            # A NaN of which only low bits tell that it is none stays one.
            nan = self.compare("fcmp", "uno", x, x)
            high = self.select(nan, self.splat(str(0x7FC0), ty), high)
            return self.convert("trunc", high, vec("i16", lanes))
        return x

    def load(
        self, at: V, tag: str, lanes: int = 1, mask: V | None = None, otherwise: V | None = None
    ) -> V:
        """Elements that lie side by side; lanes outside the mask are those of `otherwise` (not for
        bools), or zero.
        """
        ty, size = vec(MEMORY[tag], lanes), SIZE[tag]
        if mask is None or lanes == 1:
            assert mask is None
            raw = self.let(ty, f"load {ty}, ptr {at.name}, align {size}")
        else:
            rest = otherwise or V(ty, "zeroinitializer")
            raw = self.let(ty, self._masked("load", tag, ty, at, V("i32", str(size)), mask, rest))
        return self._to_register(raw, tag)

    def _masked(self, what: str, tag: str, ty: str, *args: V) -> str:
        """The call of LLVM's load, store, gather or scatter under a mask; ty: of its value.

        Where the processor has no such instruction LLVM writes a branch for each lane. These are
        kept in a function of their own: a kernel has many such calls, and most run seldom.
        """
        spread = what in ("gather", "scatter")
        lanes = next(lanes_of(a.ty) for a in args if lanes_of(a.ty) > 1)
        suffix = f"{what}.v{lanes}{_suffix(tag)}.{f'v{lanes}p0' if spread else 'p0'}"
        name = f"llvm.masked.{suffix}"
        self.declarations[name] = f"declare {ty} @{name}({', '.join(a.ty for a in args)})"
        call = f"call {ty} @{name}"
        by_lane = lacks_mask_registers() and (
            spread or SIZE[tag] < 4 or "avx" not in code.processor_features()
        )
        if not by_lane or any(a.ty.endswith("x i1>") and a.name[0] != "%" for a in args):
            return f"{call}({', '.join(map(str, args))})"
        inner = [a if a.ty == "i32" else V(a.ty, f"%a{i}") for i, a in enumerate(args)]
        outer = [i for i, a in enumerate(args) if a.ty != "i32"]
        name = f"by_lane.{suffix}"
        result = "ret void" if ty == "void" else f"ret {ty} %x"
        self.declarations[name] = (
            f"define internal {ty} @{name}({', '.join(str(inner[i]) for i in outer)}) noinline {{\n"
            f"  {'' if ty == 'void' else '%x = '}{call}({', '.join(map(str, inner))})\n"
            f"  {result}\n}}"
        )
        return f"call {ty} @{name}({', '.join(str(args[i]) for i in outer)})"

    def prefetch(self, at: V, write: bool = False, level: int = 1) -> None:
        """Asks for the line of an address, which may lie anywhere; `write`: to write there; level:
        the cache that it shall come to.
        """
        name = "llvm.prefetch.p0"
        self.declarations[name] = f"declare void @{name}(ptr, i32, i32, i32)"
        self.stmt(f"call void @{name}(ptr {at.name}, i32 {int(write)}, i32 {4 - level}, i32 1)")

    def gather(self, base: V, offsets: V, tag: str, mask: V | None) -> V:
        """base[offsets], one element for each lane; lanes outside the mask are zero."""
        lanes = lanes_of(offsets.ty)
        ty = vec(MEMORY[tag], lanes)
        at = self.let(vec("ptr", lanes), f"getelementptr {MEMORY[tag]}, ptr {base.name}, {offsets}")
        mask = mask or self.splat("true", vec("i1", lanes))
        size, rest = V("i32", str(SIZE[tag])), V(ty, "zeroinitializer")
        raw = self.let(ty, self._masked("gather", tag, ty, at, size, mask, rest))
        return self._to_register(raw, tag)

    def store(self, x: V, at: V, tag: str, mask: V | None = None) -> None:
        """Elements that lie side by side."""
        lanes, x = lanes_of(x.ty), self.to_memory(x, tag)
        if mask is None or not lacks_mask_registers():
            self._store(x, at, tag, mask)
            return
        count, usual = self._counts.get(mask.name), self._usual.get(mask.name, lanes)
        if not usual:
            self._store(x, at, tag, mask)
            return
        if count is not None:
            full = self.compare("icmp", "sge", count, V("i32", str(lanes)))
            self.when(full, lambda: self._store(x, at, tag),
                      lambda: self._store_counted(x, at, tag, count))  # fmt: skip
            return
        bits = self.convert("bitcast", mask, f"i{lanes}")
        as_usual = self.compare("icmp", "eq", bits, V(bits.ty, str(2**usual - 1)))
        self.when(as_usual, lambda: self._store_first(x, at, tag, usual),
                  lambda: self._store(x, at, tag, mask))  # fmt: skip

    def usually(self, mask: V, count: int) -> V:
        """The same mask, of which is known that it mostly holds for the first `count` lanes; 0:
        that to ask would cost more than it gains, or code that seldom runs.
        """
        self._usual[mask.name] = count
        return mask

    def _store(self, x: V, at: V, tag: str, mask: V | None = None) -> None:
        """Stores what `to_memory` gave."""
        size = SIZE[tag]
        if mask is None:
            self.stmt(f"store {x}, ptr {at.name}, align {size}")
            return
        self.stmt(self._masked("store", tag, "void", x, at, V("i32", str(size)), mask))

    def store_first(self, x: V, at: V, tag: str, count: int) -> None:
        """Stores the first `count` lanes."""
        lanes, x = lanes_of(x.ty), self.to_memory(x, tag)
        if lacks_mask_registers():
            self._store_first(x, at, tag, count)
        else:
            self._store(x, at, tag, None if count == lanes else self.first_lanes(count, lanes))

    def _store_first(self, x: V, at: V, tag: str, count: int) -> None:
        """As `store_first`, for what `to_memory` gave, in whole parts of the vector."""
        start = 0
        while start < count:
            size = 1 << ((count - start).bit_length() - 1)
            here = self.element(at, self.number(start), tag)
            self._store(self.some_lanes(x, start, size), here, tag)
            start += size

    def _store_counted(self, x: V, at: V, tag: str, count: V) -> None:
        """As `_store_first`, for a number (int32) below that of the lanes: half of what is left is
        stored, or not, by each bit of the number.
        """
        size = 1 << ((lanes_of(x.ty) - 1).bit_length() - 1)
        while size:
            bit = self.binary("and", count, V("i32", str(size)))
            low, high = self.some_lanes(x, 0, size), self.some_lanes(x, size, size)
            yes, end, before = self.new_label("then"), self.new_label("end"), self.block
            self.branch(self.compare("icmp", "ne", bit, V("i32", "0")), yes, end)
            self.open(yes)
            self._store(low, at, tag)
            further = self.element(at, self.number(size), tag)
            self.jump(end)
            self.open(end)
            size //= 2
            if size:
                x = self.close_phi(self.phi(low.ty, (low, before), (high, yes)))
                at = self.close_phi(self.phi(at.ty, (at, before), (further, yes)))

    def scatter(self, x: V, base: V, offsets: V, tag: str, mask: V | None) -> None:
        x, lanes = self.to_memory(x, tag), lanes_of(offsets.ty)
        at = self.let(vec("ptr", lanes), f"getelementptr {MEMORY[tag]}, ptr {base.name}, {offsets}")
        mask = mask or self.splat("true", vec("i1", lanes))
        self.stmt(self._masked("scatter", tag, "void", x, at, V("i32", str(SIZE[tag])), mask))

    # -- loops

    def counted_loop(
        self, start: V, stop: V, step: int | V, carried: Sequence[V],
        body: Callable[..., list[V]], reduced: bool = False,
    ) -> list[V]:  # fmt: skip
        """for i in range(start, stop, step): carried = body(i, carried). Returns the last one.

        reduced: LLVM is to replace multiplications by the loop's number by additions.
        """

        def again(i: V) -> tuple[V, V]:
            following = self.add(i, self.number(step) if isinstance(step, int) else step)
            return following, self.compare("icmp", "slt", following, stop)

        first = self.compare("icmp", "slt", start, stop)
        return self._loop(first, start, lambda i: i, again, carried, body, reduced)

    def bit_loop(self, bits: V, carried: Sequence[V], body: Callable[..., list[V]]) -> list[V]:
        """for i in the numbers of the bits that are set: carried = body(i, carried), lowest first.
        Returns the last one.
        """
        zero = V(bits.ty, "0")

        def lowest(left: V) -> V:
            i = self.intrinsic(f"llvm.cttz.{bits.ty}", bits.ty, left, V("i1", "true"))
            return i if bits.ty == I64 else self.convert("zext", i, I64)

        def again(left: V) -> tuple[V, V]:
            lower = self.binary("add", left, V(bits.ty, "-1"))
            rest = self.binary("and", left, lower)
            return rest, self.compare("icmp", "ne", rest, zero)

        first = self.compare("icmp", "ne", bits, zero)
        return self._loop(first, bits, lowest, again, carried, body)

    def _loop(
        self, enter: V, start: V, number: Callable[[V], V], again: Callable[[V], tuple[V, V]],
        carried: Sequence[V], body: Callable[..., list[V]], reduced: bool = False,
    ) -> list[V]:  # fmt: skip
        """A loop, begun if `enter`: its state is `start`, then what `again` gives of the one before
        while that says so; the body is called with the number of a state.
        """
        head, done = self.new_label("loop"), self.new_label("done")
        before = self.block
        self.branch(enter, head, done)
        self.open(head)
        state = self.phi(start.ty, (start, before))
        phis = [self.phi(x.ty, (x, before)) for x in carried]
        new = body(number(state.value), [p.value for p in phis])
        following, more = again(state.value)
        last = self.block
        carry = [following, *new]
        if not reduced:
            carry = list(map(self.opaque, carry))
        self.branch(more, head, done)
        for p, x in zip((state, *phis), carry, strict=True):
            self.close_phi(p, (x, last))
        self.open(done)
        return [
            self.close_phi(self.phi(x.ty, (x, before), (y, last)))
            for x, y in zip(carried, new, strict=True)
        ]

    def vector_loop(
        self, low: V, high: V, lanes: int, carried: Sequence[V], body: Callable[..., list[V]]
    ) -> list[V]:
        """carried = body(i, mask, carried) over [low, high) in vectors, the last one masked."""
        whole = self.binary("and", self.binary("sub", high, low), self.number(-lanes))
        middle = self.add(low, whole)
        found = self.counted_loop(
            low, middle, lanes, carried, lambda i, state: body(i, None, state)
        )
        tail, end = self.new_label("tail"), self.new_label("end")
        before = self.block
        self.branch(self.compare("icmp", "slt", middle, high), tail, end)
        self.open(tail)
        rest = self.convert("trunc", self.binary("sub", high, middle), "i32")
        new = body(middle, self.lanes_below(rest, lanes), found)
        last = self.block
        self.jump(end)
        self.open(end)
        return [
            self.close_phi(self.phi(x.ty, (x, before), (y, last)))
            for x, y in zip(found, new, strict=True)
        ]

    def one_vector(
        self, high: V, lanes: int, carried: Sequence[V], body: Callable[..., list[V]]
    ) -> list[V]:
        """As `vector_loop` over [0, high), for a range that one vector covers."""
        rest = self.convert("trunc", high, "i32")
        return body(self.number(0), self.lanes_below(rest, lanes), carried)

    def taken_chunks(self, carried: Sequence[V], body: Callable[..., list[V]]) -> list[V]:
        """carried = body(begin, end, carried) for the chunks of the call, and then for more of them
        as long as the thread finds some. Returns the last one.
        """
        low, high = self.number((1 << 32) - 1), self.number(32)

        def some(both: V, state: list[V]) -> list[V]:
            return body(self.binary("and", both, low), self.binary("lshr", both, high), state)

        def take(_: V) -> tuple[V, V]:
            share, none = V("ptr", "%share"), self.number(-1)
            alone = self.compare("icmp", "eq", share, V("ptr", "null"))

            def ask() -> V:
                function = self.let("ptr", "load ptr, ptr %share, align 8")
                return self.let(I64, f"call i64 {function.name}(ptr %share)")

            found = self.choose(alone, lambda: none, ask)
            return found, self.compare("icmp", "ne", found, none)

        given = self.binary("or", V(I64, "%begin"), self.binary("shl", V(I64, "%end"), high))
        return self._loop(V("i1", "true"), given, lambda both: both, take, carried, some)

    # -- errors

    def report_index(self, bad: V, index: V, size: V, node: V) -> None:
        """Where `bad` holds (in any lane), writes the error of an index out of range."""
        lanes, anywhere = lanes_of(bad.ty), self.any_lane(bad)
        report, proceed = self.new_label("report"), self.new_label("proceed")
        self.branch(anywhere, report, proceed)
        self.open(report)
        which = index
        if lanes > 1:
            least = self.splat(str(-(1 << 63)), index.ty)
            chosen = self.select(bad, index, least)
            which = self.intrinsic(f"llvm.vector.reduce.smax.v{lanes}i64", "i64", chosen)
        status = self.let("ptr", "load ptr, ptr %slots, align 8")
        for k, x in enumerate((self.number(1), which, size, node)):
            at = self.let("ptr", f"getelementptr i64, ptr {status.name}, i64 {k}")
            self.stmt(f"store i64 {x.name}, ptr {at.name}, align 8")
        self.jump(proceed)
        self.open(proceed)

    def module(self) -> str:
        """The finished text of the module."""
        lines = [
            *self.declarations.values(),
            "define void @kernel(ptr noalias %slots, ptr noalias %rec, i64 %begin, i64 %end, "
            "ptr %share) {",
            "entry:",
            *self.lines,
            "}",
            "!0 = !{}",
        ]
        return "\n".join(lines) + "\n"


def _suffix(tag: str) -> str:
    return {"float": "f32", "double": "f64"}.get(MEMORY[tag], MEMORY[tag])


def register_type(tag: str, lanes: int) -> str:
    return vec(REGISTER[tag], lanes)
