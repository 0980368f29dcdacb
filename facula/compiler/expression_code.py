"""The values of a kernel's expressions: scalars outside the inner loop, vectors inside it.

An expression is computed where it varies: once for the kernel, for a row, for a position of the mid
loops, or for every vector of the inner loop. The memos of these levels hold what is there already.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import writer
from .emitter import V, lanes_of, vec
from .loops import Address, Kernel, Store
from .scalar_code import REGISTER, broadcast, cast, emit_op, literal
from .writer import I64, Writer

Memo = dict[int, V]
# Loads and choices under conditions, each with three pieces of code: a stencil of stencils has
# hundreds, of which LLVM would make code for seconds.
_CHOSEN = 16


class Expressions:
    """What the generator of a kernel knows about expressions and addresses."""

    def __init__(self, kernel: Kernel) -> None:
        self.k = kernel
        self.w = Writer()
        self.h: dict[str, V] = {}  # the header of the record
        self.pointers: list[V] = []
        self.row_index: list[V] = []
        self.mid_index: list[V] = []
        self.mid_number = V(I64, "0")
        self.entry_memo: Memo = {}
        self.row_memo: Memo = {}
        self.mid_memo: Memo = {}
        self.inner_memo: Memo = {}
        self.at = V(I64, "0")  # the number of the vector's first lane
        self.statuses: dict[int, tuple[V, V]] | None = None  # see _status; None: not asked
        chosen = sum(
            op == "where" or (op == "load" and args != ()) for op, _, args, _ in kernel.exprs
        )
        self.asks = chosen <= _CHOSEN and writer.lacks_mask_registers()
        self.branches = 0  # around the code that is written: what is made there is not kept
        self.row_address: Memo = {}
        self.mid_address: Memo = {}
        self.inverses: list[V] = []  # one over the sizes of joined loops
        self.high = V(I64, "0")  # where the inner loop ends
        self.scratch: dict[int, V] = {}  # rows of values that more than one pass wants

    def enter(self) -> None:
        """Reads the record, and computes what is the same for the whole kernel."""
        w, k = self.w, self.k
        for number in k.header.values():
            w.field(number)
        self.pointers = [w.slot(w.field(f)) for f in k.pointers]
        for a in k.addresses:
            w.field(a.constant)
            for f in a.coefficients:
                if f >= 0:
                    w.field(f)
        for field in k.digits:
            size = w.convert("sitofp", w.field(field), "float")
            self.inverses.append(w.binary("fdiv", V("float", "1.0"), size))
        for i, (op, tag, args, attr) in enumerate(k.exprs):
            if op == "take":
                for f in attr[2:]:
                    if f >= 0:
                        w.field(f)
            elif op == "inrange":
                w.field(attr[1])
            if k.levels[i] >= 0:
                continue
            if op == "const":
                self.entry_memo[i] = self._constant(tag, attr)
            elif op == "scalar":
                self.entry_memo[i] = self._scalar(tag, attr)
            else:
                self.entry_memo[i] = self._op(i, [self.entry_memo[a] for a in args])

    def _constant(self, tag: str, attr: tuple[str, Any]) -> V:
        w = self.w
        if attr[0] == "is":
            return V(REGISTER[tag], attr[1])
        bits = w.field(attr[1])
        if tag[0] == "f":
            return cast(w, w.convert("bitcast", bits, "double"), "f64", tag)
        return bits if tag == "i64" else w.convert("trunc", bits, REGISTER[tag])

    def _scalar(self, tag: str, attr: tuple[int, str]) -> V:
        w = self.w
        cells = w.slot(w.number(1))
        kind = "f64" if attr[1] == "f" else "i64"
        at = w.element(cells, w.field(attr[0]), "i64")
        return cast(w, w.load(at, kind), kind, tag)

    def _op(self, i: int, args: list[V]) -> V:
        op, tag, operands, _ = self.k.exprs[i]
        source = self.k.exprs[operands[-1]][1]
        return emit_op(self.w, op, args, source, tag)

    def _varies(self, address: int) -> bool:
        return "s" in self.k.addresses[address].classes[self.k.rows : -1]

    def _known(self, i: int) -> V:
        for memo in (self.inner_memo, self.mid_memo, self.row_memo, self.entry_memo):
            found = memo.get(i)
            if found is not None:
                return found
        assert self._is_late(i), f"expression {i} {self.k.exprs[i]} is not there yet"
        found = self._made(i)
        if not self.branches:
            self.inner_memo[i] = found
        return found

    def _made(self, i: int) -> V:
        """An expression, made of its operands, in the lanes of the vector."""
        op, _, args, attr = self.k.exprs[i]
        if op == "inrange":
            return self._within(attr[0], self.w.field(attr[1]), self.at)
        return self._op(i, [self._value(a, self.k.lanes) for a in args])

    def _value(self, i: int, lanes: int) -> V:
        return broadcast(self.w, self._known(i), lanes)

    def _scalars(self, needed: list[int], level: int, memo: Memo) -> None:
        """Computes what is the same for the whole inner loop."""
        self.inner_memo = {}
        for i in needed:
            if not 0 <= self.k.levels[i] <= level or i in memo or i in self.row_memo:
                continue
            op, tag, args, attr = self.k.exprs[i]
            if op == "load":
                at = self.w.element(self.pointers[attr[0]], self._address(attr[1], level), tag)
                memo[i] = self._guarded_load(at, tag, self._all([self._known(a) for a in args]))
            elif op == "take":
                memo[i] = self._scalar_take(i, level)
            elif op == "iota":
                memo[i] = self._address(attr, level)
            elif op == "inrange":
                size = self.w.field(attr[1])
                memo[i] = self.w.compare("icmp", "ult", self._address(attr[0], level), size)
            elif op != "result":
                memo[i] = self._op(i, [self._known(a) for a in args])
        for i in needed:  # the addresses that the inner loop starts from
            op, _, _, attr = self.k.exprs[i]
            if self.k.levels[i] == 2 and op in ("load", "take", "iota", "inrange"):
                number = attr if op == "iota" else attr[0] if op == "inrange" else attr[1]
                if level or not self._varies(number):
                    self._address(number, level)
        for s in self.k.stores:
            if level or not self._varies(s.address):
                self._address(s.address, level)

    def _all(self, conditions: list[V]) -> V | None:
        out: V | None = None
        for c in conditions:
            out = c if out is None else self.w.binary("and", out, c)
        return out

    def _guarded_load(self, at: V, tag: str, condition: V | None) -> V:
        """A scalar load that happens elsewhere, and gives 0, where the condition does not hold."""
        w = self.w
        if condition is None:
            return w.load(at, tag)
        safe = w.select(condition, at, V("ptr", "%rec"))
        zero = V(REGISTER[tag], "0.0" if tag[0] == "f" else "false" if tag == "b1" else "0")
        return w.select(condition, w.load(safe, tag), zero)

    def _checked(self, i: int, index: V, extra: V | None) -> V:
        """Whether the index is in range (and `extra` holds); reports where it is not."""
        w = self.w
        _, _, _, (_, _, _, size_field, node) = self.k.exprs[i]
        size = w.field(size_field)
        lanes = lanes_of(index.ty)
        fine = w.compare("icmp", "ult", index, broadcast(w, size, lanes))
        bad = w.binary("xor", fine, w.splat("true", fine.ty))
        if extra is not None:
            bad = w.binary("and", bad, extra)
            fine = w.binary("and", fine, extra)
        w.report_index(bad, index, size, w.field(node))
        return fine

    def _index_of(self, i: int) -> V:
        """The index operand of a take, as i64."""
        first = self.k.exprs[i][2][0]
        x = self._known(first)
        return cast(self.w, x, self.k.exprs[first][1], "i64")

    def _scalar_take(self, i: int, level: int) -> V:
        w = self.w
        _, tag, args, (pointer, address, stride, _, _) = self.k.exprs[i]
        index = self._index_of(i)
        fine = self._checked(i, index, self._all([self._known(a) for a in args[1:]]))
        step = index if stride < 0 else w.mul(index, w.field(stride))
        offset = w.add(self._address(address, level), step)
        return self._guarded_load(w.element(self.pointers[pointer], offset, tag), tag, fine)

    def _vectors(
        self, needed: list[int], i: V, mask: V | None, loaded: dict[int, int],
        known: Memo | None = None,
    ) -> None:  # fmt: skip
        """Computes what varies along the inner loop, for the lanes from i."""
        w, k = self.w, self.k
        self.inner_memo = memo = dict(known or {})
        self.at = i
        self.statuses = {} if mask is None and self.asks else None
        self.digit_memo: list[V] = []
        self.pair_memo: dict[tuple[int, int], V] = {}
        for n in needed:
            if k.levels[n] != 2 or n in memo:
                continue
            op, tag, args, attr = k.exprs[n]
            if n in loaded:
                at = w.element(self.scratch[n], self._column_number(i), tag)
                memo[n] = w.load(at, tag, k.lanes)
            elif op == "load" and attr[2:]:
                memo[n] = self._pair_load(attr, tag, i, mask)
            elif op == "load":
                memo[n] = self._vector_load(attr[0], attr[1], tag, i, mask, args)
            elif op == "take":
                memo[n] = self._vector_take(n, i, mask)
            elif op == "iota":
                memo[n] = self._affine_vector(attr, i)
            elif op == "where":
                memo[n] = self._where(n, *args)
            elif op != "result" and not self._is_late(n):
                memo[n] = self._made(n)

    def _has_status(self, n: int) -> bool:
        """Whether it is easily said that a condition holds in all lanes of a vector, or in none:
        an index is in the range of a part of a row, as in paddings and joins.

        Most vectors lie within a part or outside, and without registers for masks a mask takes
        some twenty instructions: there these are asked first, and masks made where they are needed.
        """
        op, _, args, attr = self.k.exprs[n]
        if self.statuses is None:
            return False
        if self.k.levels[n] < 2:
            return True
        if op == "inrange":
            return self.k.addresses[attr[0]].classes[-1] == "c"
        return op == "logical_and" and all(map(self._has_status, args))

    def _is_late(self, n: int) -> bool:
        """Whether a condition's mask is made where it is asked for, which may be nowhere."""
        op, level = self.k.exprs[n][0], self.k.levels[n]
        return level == 2 and op in ("inrange", "logical_and") and self._has_status(n)

    def _status(self, n: int) -> tuple[V, V]:
        """Whether a condition holds in all lanes of the vector, and whether in none, which may be
        missed where it is made of several.
        """
        assert self.statuses is not None and not self.branches
        found = self.statuses.get(n)
        if found is None:
            found = self.statuses[n] = self._new_status(n)
        return found

    def _new_status(self, n: int) -> tuple[V, V]:
        w, k = self.w, self.k
        op, _, args, attr = k.exprs[n]
        if k.levels[n] < 2:
            holds = self._known(n)
            return holds, w.binary("xor", holds, V("i1", "true"))
        if op == "logical_and":
            return self._joint_status(args)
        first, size = w.add(self._address(attr[0], 2), self.at), w.field(attr[1])
        lanes = w.number(k.lanes)
        from_0 = w.compare("icmp", "sge", first, w.number(0))
        to_end = w.compare("icmp", "sle", first, w.binary("sub", size, lanes))
        before = w.compare("icmp", "sle", first, w.binary("sub", w.number(0), lanes))
        behind = w.compare("icmp", "sge", first, size)
        return w.binary("and", from_0, to_end), w.binary("or", before, behind)

    def _joint_status(self, conditions: tuple[int, ...]) -> tuple[V, V]:
        (holds, fails), *others = map(self._status, conditions)
        for more, less in others:
            holds, fails = self.w.binary("and", holds, more), self.w.binary("or", fails, less)
        return holds, fails

    def _by_status(
        self, conditions: tuple[int, ...], all_lanes: Callable[[], V], none: Callable[[], V],
        some: Callable[[], V],
    ) -> V:  # fmt: skip
        """A value by whether the conditions hold in all lanes, in none, or in some."""
        status = self._joint_status(conditions)
        self.branches += 1
        mixed = any(self.k.levels[c] == 2 for c in conditions)
        rest = (lambda: self.w.choose(status[1], none, some)) if mixed else none
        found = self.w.choose(status[0], all_lanes, rest)
        self.branches -= 1
        return found

    def _where(self, n: int, condition: int, a: int, b: int) -> V:
        if not self._has_status(condition):
            return self._made(n)
        x, y = self._value(a, self.k.lanes), self._value(b, self.k.lanes)
        if self._is_zero(b) and self._parts(condition) <= self._loaded_where(a):
            return x  # a load is zero where its conditions do not hold
        return self._by_status((condition,), lambda: x, lambda: y, lambda: self._made(n))

    def _is_zero(self, n: int) -> bool:
        op, tag, _, attr = self.k.exprs[n]
        return op == "const" and attr == ("is", literal(0, tag))

    def _parts(self, condition: int) -> set[int]:
        """The conditions that hold together where this one does."""
        op, _, args, _ = self.k.exprs[condition]
        if op == "logical_and":
            return set().union(*map(self._parts, args))
        return {condition}

    def _loaded_where(self, n: int) -> set[int]:
        """The conditions under which an expression is loaded; none where it is no load."""
        op, _, args, _ = self.k.exprs[n]
        return set().union(*map(self._parts, args)) if op == "load" else set()

    def _mask(self, conditions: tuple[int, ...], mask: V | None) -> V | None:
        out = mask
        for c in conditions:
            x = self._value(c, self.k.lanes)
            out = x if out is None else self.w.binary("and", out, x)
        return out

    def _anywhere(self, conditions: tuple[int, ...], mask: V | None = None) -> V | None:
        """Whether conditions hold in any lane (of the mask); None where there are none."""
        if any(self.k.levels[c] == 2 for c in conditions):
            mask = self._mask(conditions, mask)
            assert mask is not None
            return self.w.any_lane(mask)
        return self._all([self._known(c) for c in conditions])

    def _vector_load(
        self, pointer: int, address: int, tag: str, i: V, mask: V | None,
        conditions: tuple[int, ...],
    ) -> V:  # fmt: skip
        """A load for the lanes from i of the mask where the conditions hold; others are zero."""
        apart = self.k.addresses[address].classes[-1] == "d"
        if conditions and not apart and all(map(self._has_status, conditions)):
            return self._by_status(
                conditions,
                lambda: self._masked_load(pointer, address, tag, i, None, ()),
                lambda: self._zeros(tag),
                lambda: self._masked_load(pointer, address, tag, i, None, conditions),
            )
        return self._masked_load(pointer, address, tag, i, mask, conditions)

    def _zeros(self, tag: str) -> V:
        return self.w.splat(literal(0, tag), vec(REGISTER[tag], self.k.lanes))

    def _masked_load(
        self, pointer: int, address: int, tag: str, i: V, mask: V | None,
        conditions: tuple[int, ...],
    ) -> V:  # fmt: skip
        w, a = self.w, self.k.addresses[address]
        base, start, inner = self._address(address, 2), self.pointers[pointer], a.classes[-1]
        tail, mask = mask, self._mask(conditions, mask)

        def place(offset: V) -> V:
            """An address in the array: a masked load from a page that is not there is no error,
            but takes the processor a hundred times as long.
            """
            somewhere, at = self._anywhere(conditions), w.element(start, offset, tag)
            return at if somewhere is None else w.select(somewhere, at, start)

        if inner == "c":
            return w.load(place(w.add(base, i)), tag, self.k.lanes, mask)
        if inner == "0":
            somewhere, at = self._anywhere(conditions, tail), w.element(start, base, tag)
            found = broadcast(w, self._guarded_load(at, tag, somewhere), self.k.lanes)
            if somewhere is None or mask is None:
                return found
            return w.select(mask, found, self._zeros(tag))
        if inner == "d":
            return w.gather(w.element(start, base, tag), self._digit_offsets(a, i), tag, mask)
        if inner == "r":
            first = w.binary("sub", base, w.add(i, w.number(self.k.lanes - 1)))
            turned = w.reverse(mask) if mask is not None else None
            return w.reverse(w.load(place(first), tag, self.k.lanes, turned))
        at, offsets = self._strided(pointer, a, base, i, tag)
        return w.gather(at, offsets, tag, mask)

    def _pair_load(self, attr: tuple[int, int, int], tag: str, i: V, mask: V | None) -> V:
        """Every second element from the first or the second on: one long vector, taken apart."""
        w, (pointer, address, part) = self.w, attr
        found = self.pair_memo.get((pointer, address))
        if found is None:
            base = w.add(self._address(address, 2), w.mul(i, w.number(2)))
            wide = self._wide_mask(2, i) if mask is not None else None
            at = w.element(self.pointers[pointer], base, tag)
            found = self.pair_memo[pointer, address] = w.load(at, tag, 2 * self.k.lanes, wide)
        return w.every_second(found, part)

    def _wide_mask(self, count: int, i: V) -> V:
        """The mask of a vector of `count` elements for each lane from i to the loop's end."""
        w, lanes = self.w, self.k.lanes * count
        left = w.convert("trunc", w.mul(w.binary("sub", self.high, i), w.number(count)), "i32")
        return w.lanes_below(left, lanes)

    def _strided(self, pointer: int, a: Address, base: V, i: V, tag: str) -> tuple[V, V]:
        """The address of the first lane and the lanes' offsets from it."""
        w, lanes = self.w, self.k.lanes
        numbers = w.lane_numbers(lanes, "i64")
        if a.classes[-1] == "0":
            return w.element(self.pointers[pointer], base, tag), w.splat("0", vec(I64, lanes))
        stride = w.field(a.coefficients[-1])
        at = w.element(self.pointers[pointer], w.add(base, w.mul(i, stride)), tag)
        return at, w.mul(numbers, broadcast(w, stride, lanes))

    def _vector_take(self, n: int, i: V, mask: V | None) -> V:
        w, k = self.w, self.k
        _, tag, args, (pointer, address, stride, _, _) = k.exprs[n]
        index = self._index_of(n)
        extra = self._mask(args[1:], mask)
        a = k.addresses[address]
        if not index.ty.startswith("<") and not any(k.levels[x] == 2 for x in args[1:]):
            conditions = self._all([self._known(x) for x in args[1:]])
            fine = self._checked(n, index, conditions)
            step = index if stride < 0 else w.mul(index, w.field(stride))
            base = w.add(self._address(address, 2), step)
            lanes_fine = broadcast(w, fine, k.lanes)
            if mask is not None:
                lanes_fine = w.binary("and", lanes_fine, mask)
            if a.classes[-1] == "c":
                at = w.element(self.pointers[pointer], w.add(base, i), tag)
                return w.load(at, tag, k.lanes, lanes_fine)
            at, offsets = self._strided(pointer, a, base, i, tag)
            return w.gather(at, offsets, tag, lanes_fine)
        index = broadcast(w, index, k.lanes)
        fine = self._checked(n, index, extra)
        step = index if stride < 0 else w.mul(index, broadcast(w, w.field(stride), k.lanes))
        offsets = w.add(self._affine_vector(address, i), step)
        return w.gather(self.pointers[pointer], offsets, tag, fine)

    def _within(self, address: int, size: V, i: V) -> V:
        """Whether an affine expression is in [0, size), in every lane from i."""
        w, k = self.w, self.k
        if k.addresses[address].classes[-1] != "c":
            place = self._affine_vector(address, i)
            return w.compare("icmp", "ult", place, broadcast(w, size, k.lanes))
        first, lanes = w.add(self._address(address, 2), i), w.lane_numbers(k.lanes)

        def lane(distance: V) -> V:
            return broadcast(w, w.lane(distance, k.lanes), k.lanes)

        below = w.compare("icmp", "slt", lanes, lane(w.binary("sub", size, first)))
        above = w.compare("icmp", "sge", lanes, lane(w.binary("sub", w.number(0), first)))
        return w.binary("and", below, above)

    def _affine_vector(self, address: int, i: V) -> V:
        """An affine expression in every lane from i, as i64."""
        w, k = self.w, self.k
        a = k.addresses[address]
        base = self._address(address, 2)
        if a.classes[-1] == "0":
            return broadcast(w, base, k.lanes)
        if a.classes[-1] == "d":
            wide = w.convert("sext", self._digit_offsets(a, i), vec(I64, k.lanes))
            return w.add(broadcast(w, base, k.lanes), wide)
        numbers = w.lane_numbers(k.lanes, "i64")
        if a.classes[-1] == "c":
            return w.add(broadcast(w, w.add(base, i), k.lanes), numbers)
        stride = w.field(a.coefficients[-1])
        start = broadcast(w, w.add(base, w.mul(i, stride)), k.lanes)
        return w.add(start, w.mul(numbers, broadcast(w, stride, k.lanes)))

    def _digits(self, i: V) -> list[V]:
        """The places of the lanes from i in the loops that were joined, outermost first."""
        w, k = self.w, self.k
        if self.digit_memo:
            return self.digit_memo
        start = broadcast(w, w.convert("trunc", i, "i32"), k.lanes)
        rest = w.binary("add", start, w.lane_numbers(k.lanes))
        floats = vec("float", k.lanes)
        out: list[V] = []
        for field, inverse in zip(reversed(k.digits), reversed(self.inverses), strict=True):
            middle = w.binary("fadd", w.convert("sitofp", rest, floats), w.splat("0.5", floats))
            scaled = w.binary("fmul", middle, broadcast(w, inverse, k.lanes))
            quotient = w.convert("fptosi", scaled, rest.ty)
            size = broadcast(w, w.convert("trunc", w.field(field), "i32"), k.lanes)
            out.append(w.binary("sub", rest, w.binary("mul", quotient, size)))
            rest = quotient
        self.digit_memo = [rest, *reversed(out)]
        return self.digit_memo

    def _digit_offsets(self, a: Address, i: V) -> V:
        """How far each lane from i is from the element at place 0 of the joined loops, as i32."""
        w, total = self.w, None
        digits = self._digits(i)
        for digit, field in zip(digits, a.coefficients[-len(digits) :], strict=True):
            step = broadcast(w, w.convert("trunc", w.field(field), "i32"), self.k.lanes)
            product = w.binary("mul", digit, step)
            total = product if total is None else w.binary("add", total, product)
        assert total is not None
        return total

    def _address(self, number: int, level: int) -> V:
        """The part of an address that does not vary along the inner loop, in elements."""
        w, k = self.w, self.k
        base = self.row_address.get(number)
        a = k.addresses[number]
        if base is None:
            base = w.field(a.constant)
            for n in range(k.rows):
                if a.classes[n] == "s":
                    base = w.add(base, w.mul(self.row_index[n], w.field(a.coefficients[n])))
            if level == 0:
                self.row_address[number] = base
        if level == 0 or "s" not in a.classes[k.rows : -1]:
            return base
        found = self.mid_address.get(number)
        if found is None:
            found = base
            for n in range(k.mids):
                if a.classes[k.rows + n] == "s":
                    step = w.mul(self.mid_index[n], w.field(a.coefficients[k.rows + n]))
                    found = w.add(found, step)
            if level == 1:
                self.mid_address[number] = found
        return found

    def _store(self, s: Store, i: V, mask: V | None) -> None:
        w, a = self.w, self.k.addresses[s.address]
        x = self._value(s.expr, self.k.lanes)
        base = self._address(s.address, 2)
        if a.classes[-1] == "c":
            at = w.element(self.pointers[s.pointer], w.add(base, i), s.tag)
            w.store(x, at, s.tag, mask)
            return
        at, offsets = self._strided(s.pointer, a, base, i, s.tag)
        w.scatter(x, at, offsets, s.tag, mask)

    def _store_in_turn(self, stores: list[Store], i: V, mask: V | None) -> None:
        """Stores of elements that alternate in memory: shuffled, they are one long vector."""
        w, count = self.w, len(stores)
        vectors = [self._value(s.expr, self.k.lanes) for s in stores]
        while len(vectors) > 1:
            half = len(vectors) // 2
            vectors = [w.alternate(vectors[k], vectors[half + k]) for k in range(half)]
        if mask is not None:
            mask = self._wide_mask(count, i)
        first = stores[0]
        base = w.add(self._address(first.address, 2), w.mul(i, w.number(count)))
        at = w.element(self.pointers[first.pointer], base, first.tag)
        w.store(vectors[0], at, first.tag, mask)

    def _column_number(self, i: V) -> V:
        if not self.k.mids:
            return i
        return self.w.add(self.w.mul(self.mid_number, self.h["inner"]), i)
