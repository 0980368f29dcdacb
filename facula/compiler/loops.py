"""From a cluster to a kernel's description: loops in their order, collapsed, and what varies at run
time.

A `Kernel` is pure structure: expressions, how each address moves with each loop, nothing about
sizes. Everything that depends on shapes (sizes, strides, offsets, slots, most constants) goes to
the record that the kernel reads at its start, so that graphs of other shapes share its code. The
loops of a kernel are rows, then mids, then one inner loop, which is the vectorised one:

    map    rows are all loops but the last
    row    a row is one result of the reductions; mids and inner run along it, once for each stage
    col    reduces over the mids while the inner loop, kept, lies across the lanes
"""

from __future__ import annotations

from math import gcd, prod
from typing import Any

from . import writer
from .fusion import Cluster, Expr, Root
from .indexing import Affine
from .scalar_code import HEAVY, SIZE

# Constants that are part of the code; others are read from the record.
_BAKED = frozenset((0, 1, -1, 2, 0.5, -2, -0.5, float("inf"), float("-inf")))
SCRATCH_COLUMNS = 8192
_BLOCK, _CHUNK = 8192, 8192
_DEAR = 16  # weight from which on as few elements are a chunk as cost the same
_EVEN = 4  # the number of chunks is a multiple of this
_MANY_CHUNKS = 64  # from which on an odd one does not matter
TILE_ROWS, _TILE_COLUMNS = 32, 64
_SHORT, _JOINED = 8, 64  # sizes of inner loops that are joined with others, and up to which
_FAR = 1 << 15  # elements that a loop goes over before its lines are no longer near


def even_parts(parts: int, total: int, others: int) -> int:
    """At least so many parts of a total that the chunks, `others` for each part, are as many for
    each of two or four threads, where it is not one chunk or so many that it does not matter.
    """
    if not 1 < parts * others < _MANY_CHUNKS:
        return parts
    even = _EVEN // gcd(_EVEN, others)
    return min(total, -(-parts // even) * even)


class Address:
    """An affine expression over the loops: for each a class and a field.

    Classes are '0', 's' and, of the inner loop, 'c' for a coefficient of 1, 'r' for -1, and 'd' for
    one of its own for each of the loops that were joined (the last fields; see Kernel.digits).
    """

    __slots__ = ("classes", "constant", "coefficients")

    def __init__(self, classes: str, constant: int, coefficients: tuple[int, ...]) -> None:
        self.classes, self.constant, self.coefficients = classes, constant, coefficients


class Store:
    """A result: expression, pointer number, address number."""

    __slots__ = ("expr", "pointer", "address", "tag")

    def __init__(self, expr: int, pointer: int, address: int, tag: str) -> None:
        self.expr, self.pointer, self.address, self.tag = expr, pointer, address, tag


class Reduce:
    """A reduction: op, dtype of the result, operand, and of argmax the position (else -1)."""

    __slots__ = ("op", "tag", "expr", "index")

    def __init__(self, op: str, tag: str, expr: int, index: int) -> None:
        self.op, self.tag, self.expr, self.index = op, tag, expr, index


class Kernel:
    """The structure of a kernel, the key of its code, and the record of this use of it."""

    kind: str
    rows: int
    mids: int
    lanes: int
    ragged: str  # "", "mid" or "inner": which loop's size depends on the block
    ragged_row: int  # the row loop that counts the blocks
    scratch: bool
    tiled: bool  # map: a unit is a tile of the last row loop and of the inner loop
    digits: list[int]  # of short loops joined to the inner one: fields of all sizes but the first
    masked: str  # which vector of the inner loop has a mask: the "last", the "only" one, or "none"
    exprs: list[Expr]
    levels: list[int]  # -1 kernel, 0 row, 1 mid, 2 inner
    with_mid: list[bool]  # whether an expression varies with a mid loop
    addresses: list[Address]
    pointers: list[int]  # record field of the slot
    stores: list[Store]
    interleaved: list[tuple[int, ...]]  # stores whose elements alternate in memory
    reduces: list[Reduce]
    record: list[int]
    # record fields of the header
    header: dict[str, int]
    chunks: int
    work: int

    def key(self) -> str:
        """Equal keys mean equal code."""
        return repr(
            (
                self.kind, self.rows, self.mids, self.lanes, self.ragged, self.ragged_row,
                self.scratch, self.tiled, self.digits, self.masked, self.exprs,
                [(a.classes, a.constant) for a in self.addresses], self.pointers,
                [(s.expr, s.pointer, s.address, s.tag) for s in self.stores], self.interleaved,
                [(r.op, r.tag, r.expr, r.index) for r in self.reduces],
            )
        )  # fmt: skip

    def text(self) -> str:
        """The description for people."""
        lines = [
            f"{self.kind} rows={self.rows} mids={self.mids} lanes={self.lanes} chunks={self.chunks}"
            f" record={self.record}"
        ]
        for i, (op, tag, args, attr) in enumerate(self.exprs):
            more = "" if attr is None else f" {attr}"
            lines.append(
                f"  e{i}:{tag} = {op}({', '.join(f'e{a}' for a in args)}){more} @{self.levels[i]}"
            )
        for k, a in enumerate(self.addresses):
            lines.append(f"  a{k} = {a.classes}")
        for k, r in enumerate(self.reduces):
            lines.append(f"  r{k} = {r.op}(e{r.expr})")
        for s in self.stores:
            lines.append(f"  p{s.pointer}[a{s.address}] = e{s.expr}")
        return "\n".join(lines)


_Loop = tuple[int, int, int]  # (loop whose coefficient counts, size, times its coefficient)


class Lowering:
    """The work of `lower` on one cluster."""

    def __init__(self, cluster: Cluster, slot_of: Any) -> None:
        self.c, self.slot_of = cluster, slot_of
        self.k = Kernel()
        self.k.record = []
        self.k.header = {}
        self.numbers: dict[Affine, int] = {}
        self.affines: list[Affine] = []
        self.pointer_of: dict[int, int] = {}

    def field(self, value: int) -> int:
        self.k.record.append(value)
        return len(self.k.record) - 1

    # -- loops

    def order_loops(self) -> None:
        """Decides the order of the cluster's loops and merges those that can be."""
        c, k = self.c, self.k
        loops = list(range(len(c.sizes)))
        kept = [x for x in loops if not c.reduced[x]]
        reduced = [x for x in loops if c.reduced[x]]
        k.kind, k.tiled, k.digits = c.kind, False, []
        self.joined: list[_Loop] = []
        k.ragged, k.ragged_row = "", -1
        if c.kind == "map":
            merge = [kept]
        elif c.kind == "row":
            if c.ragged and c.ragged[1] in reduced[1:-1]:
                reduced.remove(c.ragged[1])
                reduced.insert(0, c.ragged[1])
            merge = [kept, reduced]
        else:
            if c.ragged and c.ragged[1] in reduced:
                reduced.remove(c.ragged[1])
                reduced.insert(0, c.ragged[1])
            merge = [kept[:-1], reduced, kept[-1:]]
        affines = self.used_affines()
        merged = [self._merge(group, affines) for group in merge]
        groups: list[list[_Loop]] = merged
        if c.kind == "map":
            groups = [merged[0][:-1], [], merged[0][-1:]]
            self.tile(*groups)
            if not k.tiled:
                self._join(groups[0], groups[2])
        elif c.kind == "row":
            groups = [merged[0], merged[1][:-1], merged[1][-1:]]
        self.groups = groups

    def tile(self, rows: list[_Loop], mids: list[_Loop], inner: list[_Loop]) -> None:
        """A transposition goes tile by tile: the loop along the source's rows comes last."""
        self.k.tiled = False
        if not rows:
            return
        if inner[0][1] < TILE_ROWS:
            if inner[0][1] >= 6:  # below, the loops cost more than the memory
                self._tile_pieces(rows)
            return
        for op, _, _, attr in self.c.exprs:
            if op == "load" and abs(attr[1][inner[0][0] + 1]) >= 16:
                for loop in rows:
                    if abs(attr[1][loop[0] + 1]) == 1 and loop[1] >= TILE_ROWS:
                        rows.remove(loop)
                        rows.append(loop)
                        self.k.tiled = True
                        return

    def _join(self, rows: list[_Loop], inner: list[_Loop]) -> None:
        """Short loops whose results lie side by side become one, long enough for vectors.

        What is read there is gathered: the place of each lane is cut into its digits.
        """
        if not rows or not inner:
            return
        exprs, stored = self.c.exprs, [r.address for r in self.c.roots if r.stored]
        loop, total, step = inner[0]
        if total >= _SHORT or step != 1 or any(e[0] == "take" for e in exprs):
            return
        if any(a[loop + 1] != 1 for a in stored):
            return
        joined = [inner[0]]
        affines = self.used_affines()
        while rows and total < _JOINED:
            outer, n, step = rows[-1]
            candidate = [rows[-1], *joined]
            reach = max(sum(abs(a[x + 1] * s) * (m - 1) for x, m, s in candidate) for a in affines)
            if total * n > 1 << 20 or reach >= 1 << 30:  # places in float32, offsets in int32
                break
            if any(a[outer + 1] * step != total for a in stored):
                break
            joined, total = candidate, total * n
            rows.pop()
        if len(joined) > 1:
            self.joined = joined
            self.k.digits = [self.field(n) for _, n, _ in joined[1:]]
            inner[0] = (loop, total, 1)

    def _tile_pieces(self, rows: list[_Loop]) -> None:
        """A transposition of short pieces: some that are neighbours in the source together.

        Each piece alone would be a line of memory far from the last one, read again for every
        neighbour.
        """
        far = rows[-1]
        for op, _, _, attr in self.c.exprs:
            if op != "load":
                continue
            address = attr[1]
            if abs(address[far[0] + 1]) * far[1] < _FAR:
                far = max(rows, key=lambda loop: abs(address[loop[0] + 1]))
            if abs(address[far[0] + 1]) < 256 or abs(address[far[0] + 1]) * far[1] < _FAR:
                continue
            for place, (loop, n, step) in enumerate(rows):
                near = 0 < abs(address[loop + 1]) <= 32 and rows.index(far) > place
                together = next((t for t in (8, 6, 4) if n % t == 0), 0)
                if near and together:
                    rows[place] = (loop, n // together, step * together)
                    rows.append((loop, together, step))
                    return

    def _merge(self, group: list[int], affines: list[Affine]) -> list[_Loop]:
        """The loops of a group, outermost first, merged where they can be."""
        ragged = self.c.ragged or (-1, -1, 0)
        out: list[_Loop] = []
        for loop in group:
            n = self.c.sizes[loop]
            if out:
                outer, size, step = out[-1]
                free = outer != ragged[0] and loop not in ragged[:2]
                if free and all(a[outer + 1] == a[loop + 1] * n for a in affines):
                    out[-1] = (loop, size * n, step)
                    if outer == ragged[1]:
                        self.ragged_merge = (loop, n)
                    elif self.ragged_merge and self.ragged_merge[0] == outer:
                        self.ragged_merge = (loop, n * self.ragged_merge[1])
                    continue
            out.append((loop, n, 1))
        return out

    ragged_merge: tuple[int, int] | None = None

    def used_affines(self) -> list[Affine]:
        found: set[Affine] = set()
        for r in self.c.roots:
            if r.stored:
                found.add(r.address)
            if r.index:
                found.add(r.index)
        for op, _, _, attr in self.c.exprs:
            if op in ("load", "take"):
                found.add(attr[1])
            elif op == "iota":
                found.add(attr)
            elif op == "inrange":
                found.add(attr[0])
        return list(found)

    # -- addresses and expressions

    def address(self, affine: Affine, store: bool = False) -> int:
        """The number of an address over the ordered loops; its fields go to the record."""
        rows, mids, inner = self.groups
        key = (*affine, -7) if store else affine
        number = self.numbers.get(key)
        if number is not None:
            return number
        classes, fields = [], []
        for loop, _, step in (*rows, *mids):
            coefficient = affine[loop + 1] * step
            classes.append("s" if coefficient else "0")
            fields.append(self.field(coefficient) if coefficient else -1)
        coefficient = affine[inner[0][0] + 1] if inner and inner[0][1] != 1 else 0
        if store and not coefficient and self.k.kind != "row":
            coefficient = 1
        along = [affine[loop + 1] * step for loop, _, step in self.joined]
        run = 1
        for (_, n, _), c in zip(reversed(self.joined), reversed(along), strict=True):
            apart = c != coefficient * run
            run *= n
            if apart:
                classes.append("d")
                fields.extend(map(self.field, along))
                break
        else:
            classes.append({0: "0", 1: "c", -1: "r"}.get(coefficient, "s"))
            fields.append(self.field(coefficient) if classes[-1] in "rs" else -1)
        number = self.numbers[key] = len(self.k.addresses)
        self.k.addresses.append(Address("".join(classes), self.field(affine[0]), tuple(fields)))
        return number

    def pointer(self, v: int) -> int:
        v = self.c.s.alias.get(v, v)
        number = self.pointer_of.get(v)
        if number is None:
            number = self.pointer_of[v] = len(self.k.pointers)
            self.k.pointers.append(self.field(self.slot_of(v)))
        return number

    def address_level(self, number: int) -> int:
        classes = self.k.addresses[number].classes
        if classes[-1] != "0":
            return 2
        return 1 if "s" in classes[self.k.rows : -1] else 0

    def address_mid(self, number: int) -> bool:
        return "s" in self.k.addresses[number].classes[self.k.rows : -1]

    def expressions(self) -> None:
        """Copies the reachable expressions, renumbered."""
        c, k = self.c, self.k
        needed = [False] * len(c.exprs)
        results = {number: v for v, (number, _) in c.results.items()}
        by_value = {r.value: r for r in c.roots if r.reduce is not None}
        work = [r.expr for r in c.roots if r.stored and r.reduce is None]
        work += [r.expr for r in c.roots if r.reduce is not None]
        while work:
            i = work.pop()
            if needed[i]:
                continue
            needed[i] = True
            work.extend(c.exprs[i][2])
            if c.exprs[i][0] == "result":
                work.append(by_value[results[c.exprs[i][3]]].expr)
        self.pairs = self._pairs([e for e, use in zip(c.exprs, needed, strict=True) if use])
        self.new: dict[int, int] = {}
        k.exprs, k.levels, k.with_mid = [], [], []
        for i, use in enumerate(needed):
            if use:
                self.new[i] = len(k.exprs)
                self._expression(*c.exprs[i])

    def _pairs(self, exprs: list[Expr]) -> dict[tuple[int, Affine], tuple[Affine, int]]:
        """Loads of every second element that together read all of them, as (value, address) ->
        (address of the first of the pair, which of it).
        """
        inner = self.groups[-1]
        if not inner or self.k.tiled or self.joined:
            return {}
        seen = {
            e[3] for e in exprs
            if e[0] == "load" and e[1] != "b1" and not e[2] and e[3][1][inner[0][0] + 1] == 2
        }  # fmt: skip
        out: dict[tuple[int, Affine], tuple[Affine, int]] = {}
        for v, a in sorted(seen):
            second = (v, (a[0] + 1, *a[1:]))
            if second in seen and (v, a) not in out:
                out[v, a], out[second] = (a, 0), (a, 1)
        return out

    def _expression(self, op: str, tag: str, args: tuple[int, ...], attr: Any) -> None:
        k = self.k
        args = tuple([self.new[a] for a in args])
        level = max([k.levels[a] for a in args], default=-1)
        mid = any(k.with_mid[a] for a in args)
        number = -1
        if op == "load":
            first, *part = self.pairs.get(attr, (attr[1],)) if not args else (attr[1],)
            number = self.address(first)
            attr = (self.pointer(attr[0]), number, *part)
        elif op == "take":
            table, affine, stride, size, node = attr
            number = self.address(affine)
            unit = stride == 1
            fields = (-1 if unit else self.field(stride), self.field(size), self.field(node))
            attr = (self.pointer(table), number, *fields)
        elif op == "iota":
            number = attr = self.address(attr)
        elif op == "inrange":
            number = self.address(attr[0])
            attr = (number, self.field(attr[1]))
        elif op == "scalar":
            attr = (self.field(attr[0]), attr[1])
        elif op == "const":
            attr = self._constant(tag, attr)
        elif op == "result":
            level = max(level, 2 if k.kind == "col" else 0)
        elif op == "product":
            level = 2
        if number >= 0:
            level = max(level, self.address_level(number))
            mid = mid or self.address_mid(number)
        k.exprs.append((op, tag, args, attr))
        k.levels.append(level)
        k.with_mid.append(mid)

    def _constant(self, tag: str, value: Any) -> Any:
        """("is", literal) or ("field", number)."""
        from .scalar_code import literal

        if value != value or value in _BAKED or tag == "b1":
            return ("is", literal(value, tag))
        text = literal(value, tag)
        bits = int(text, 16) if text.startswith("0x") else int(text)
        if bits >= 1 << 63:
            bits -= 1 << 64
        return ("field", self.field(bits))

    # -- sizes

    def finish(self) -> None:
        """Lanes, blocks, chunks; the header of the record."""
        k = self.k
        rows, mids, inner = self.groups
        row_count = prod(n for _, n, _ in rows)
        mid_count = prod(n for _, n, _ in mids)
        n = inner[0][1] if inner else 1
        k.lanes = self._lanes(n)
        k.scratch = k.kind == "row" and mid_count * n <= SCRATCH_COLUMNS
        weight = self._weight()
        dear = max(1, weight // _DEAR)
        block = n
        k.masked = "only" if n <= k.lanes else "last"
        if k.kind == "row" and k.ragged != "inner" and n % k.lanes == 0:
            # Half the code, for a row's two or three loops; rows are channels and features, whose
            # number is the same in all of a network's runs.
            k.masked = "none"
        if k.tiled:
            block, k.masked = _TILE_COLUMNS, "last"
        elif k.kind == "map" and n * dear > 2 * _BLOCK:
            block = -(-n // even_parts(-(-n * dear // _BLOCK), n, max(1, row_count)))
            block = -(-block // 64) * 64
        elif k.kind == "col" and n > max(k.lanes, 64):
            block = max(k.lanes, 64)
        blocks = -(-n // block) if n else 0
        units = row_count * (blocks if k.kind != "row" else 1)
        per_unit = max(1, block * mid_count)
        if k.tiled:
            tile_total = rows[-1][1]
            tiles = -(-tile_total // TILE_ROWS)
            units = units // tile_total * tiles
            per_unit *= TILE_ROWS
        chunks = even_parts(-(-units // max(1, _CHUNK // (per_unit * dear))), units, 1)
        per_chunk = max(1, -(-units // max(1, chunks)))
        k.chunks = -(-units // per_chunk)
        k.work = row_count * mid_count * n * weight // 4
        values = {
            "per_chunk": per_chunk, "units": units, "blocks": blocks, "block": block, "inner": n,
            "mid_count": mid_count,
        }  # fmt: skip
        for name, value in values.items():
            k.header[name] = self.field(value)
        if k.tiled:
            k.header["tile_total"] = self.field(tile_total)
        for i, (_, size, _) in enumerate(rows):
            last = k.tiled and i == len(rows) - 1
            k.header[f"row{i}"] = self.field(tiles if last else size)
        for i, (_, size, _) in enumerate(mids):
            k.header[f"mid{i}"] = self.field(size)
        if k.ragged:
            assert self.c.ragged is not None
            factor = self.ragged_merge[1] if self.ragged_merge else 1
            _, loop, total = self.c.ragged
            k.header["ragged_block"] = self.field(self.c.sizes[loop] * factor)
            k.header["ragged_total"] = self.field(total * factor)
            rest = mids[0][1] if k.ragged == "mid" else 1
            k.header["ragged_rest"] = self.field(mid_count // rest if rest else 0)

    def _weight(self) -> int:
        """What an element costs, in quarters of what it takes to copy one."""
        k, weight = self.k, 0
        for (op, _, _, attr), level in zip(k.exprs, k.levels, strict=True):
            if level == 2 and op in ("load", "take"):
                far = k.addresses[attr[1]].classes[-1] in "sd" and not (op == "load" and attr[2:])
                weight += 8 if far else 2
            if level == 2 and op in HEAVY:
                weight += 4
        for s in k.stores:
            if self.address_level(s.address) == 2:
                weight += 2
        return max(4, weight)

    def _lanes(self, n: int) -> int:
        k = self.k
        tags = [k.exprs[i][1] for i in range(len(k.exprs)) if k.levels[i] == 2] or ["f32"]
        body = [k.exprs[i][0] for i in range(len(k.exprs)) if k.levels[i] == 2]
        narrow = any(SIZE[t] < 8 for t in tags if t != "b1")
        lanes = 16 if narrow or all(t == "b1" for t in tags) else 8
        if n <= lanes // 2:
            return lanes // 2
        if k.kind == "row" and n % lanes == 8 and n < 64 and writer.lacks_mask_registers():
            return 8  # no mask in place of a half empty one
        if k.kind == "col" and n >= 4 * lanes:
            # Every row of the operands is a step far through memory: whole lines side by side.
            return 4 * lanes
        light = len(body) <= 10 and not any(op in HEAVY for op in body)
        if k.reduces and (n >= 256 or n % (4 * lanes) == 0):
            # Several sums at once: each addition waits for the one before it, and for what else
            # there is to do.
            lanes *= 4 if len(body) <= 8 else 2
        elif light and (n >= 128 or lanes < n <= 2 * lanes):
            lanes *= 2
        return lanes

    def run(self) -> Kernel:
        c, k = self.c, self.k
        self.order_loops()
        k.addresses, k.pointers = [], []
        rows, mids, inner = self.groups
        k.rows, k.mids = len(rows), len(mids)
        if c.ragged:
            block_loop, loop, _ = c.ragged
            now = self.ragged_merge[0] if self.ragged_merge else loop
            k.ragged_row = [x for x, _, _ in rows].index(block_loop)
            k.ragged = "mid" if mids and mids[0][0] == now else "inner"
        self.expressions()
        k.reduces, k.stores = [], []
        s = c.s
        for root in c.roots:
            if root.reduce is not None:
                index = self.address(root.index) if root.index else -1
                op = root.reduce.op
                tag = s.tags[root.source] if index >= 0 else s.tags[root.value]
                k.reduces.append(Reduce(op, tag, self.new[root.expr], index))
        for root in c.roots:
            if root.stored:
                self._store(root)
        k.interleaved = self._interleaved()
        self.finish()
        return k

    def _interleaved(self) -> list[tuple[int, ...]]:
        """Groups of 2 or 4 stores that fill memory together, element by element in turn."""
        k = self.k
        groups: dict[tuple[Any, ...], dict[int, int]] = {}
        if k.kind != "map" or k.tiled:
            return []
        stored = [r for r in self.c.roots if r.stored]
        for i, root in enumerate(stored):
            step = root.address[self.groups[-1][0][0] + 1] if self.groups[-1] else 0
            if step in (2, 4) and k.stores[i].tag != "b1":
                key = (k.stores[i].pointer, root.address[0] // step, root.address[1:], step)
                groups.setdefault(key, {})[root.address[0] % step] = i
        return [
            tuple(members[j] for j in range(key[3]))
            for key, members in groups.items()
            if len(members) == key[3]
        ]

    def _store(self, root: Root) -> None:
        k, s = self.k, self.c.s
        if root.reduce is not None:
            number = self.c.results[root.value][0]
            level = 2 if k.kind == "col" else 0
            k.exprs.append(("result", s.tags[root.value], (), number))
            k.levels.append(level)
            k.with_mid.append(False)
            expr = len(k.exprs) - 1
        else:
            expr = self.new[root.expr]
        address = self.address(root.address, store=True)
        k.stores.append(Store(expr, self.pointer(root.value), address, s.tags[root.value]))


def lower(cluster: Cluster, slot_of: Any) -> Kernel:
    """The kernel of a cluster; `slot_of(value)` tells the slot of a value in memory."""
    return Lowering(cluster, slot_of).run()
