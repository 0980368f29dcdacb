"""multi_update: an optimizer's formula over many tensors as one kernel, in place.

The kernel walks a table of tensors in its record; a chunk is a range of elements of one tensor. The
body comes from the formula through the same code as every other elementwise op.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..graph.graph import Graph, GraphNode, UpdateExpr
from .contraction.tile import multiply_add
from .emitter import lanes_of
from .scalar_code import COMPARE, HALVES, broadcast, cast, constant, emit_op
from .writer import I64, V, Writer

CHUNK = 8192


def own_operands(graph: Graph) -> Graph:
    """An operand that the graph computes must not turn out to be the memory of an input.

    That input may be written by this update or another (the gradient of p * q by p is q). The
    positions of such operands are the fifth attribute of the node; they are copied where needed.
    (All nodes without results are updates: of a dtype for which there is no code, as host calls.)
    """
    if not any(not n.outs and n.attrs[4:] for n in graph.nodes):
        return graph
    below = {n.outs[0]: n.ins[0] for n in graph.nodes if n.op == "reshape"}
    inputs = set(graph.inputs)
    nodes: list[GraphNode] = []
    for node in graph.nodes:
        if not node.outs and node.attrs[4:]:
            ins = list(node.ins)
            for position in node.attrs[4]:
                source = v = ins[position]
                while source in below:
                    source = below[source]
                if source in inputs:
                    ins[position] = copy = graph.value(graph.shapes[v], graph.dtypes[v])
                    nodes.append(GraphNode("copy", (v,), (copy,), (), lambda x: x))
            made = GraphNode(node.op, tuple(ins), (), node.attrs, node.host, node.where)
            made.origin, node = node.origin, made
        nodes.append(node)
    graph.nodes = nodes
    return graph


class Plan:
    """The structure of an update (`key`) and its record."""

    def __init__(
        self, tag: str, expr: UpdateExpr, written: Sequence[tuple[int, int]],
        slots: Sequence[Sequence[int]], numels: Sequence[int], kinds: Sequence[str],
    ) -> None:  # fmt: skip
        """slots: for each tensor those of its operands; kinds: of the graph's run-time scalars."""
        # The kernel does not know the numbers of its scalars in the program: they lead the record.
        used = list(dict.fromkeys(a[0] for op, _, a in expr.steps if op == "scalar"))
        steps = tuple(
            (op, ins, (used.index(a[0]),) if op == "scalar" else a) for op, ins, a in expr.steps
        )
        self.tag, self.expr, self.written = tag, UpdateExpr(expr.k, steps), tuple(written)
        self.kinds = [kinds[i] for i in used]
        entries = used
        first = 0
        for row, n in zip(slots, numels, strict=True):
            if n:
                first += -(-n // CHUNK)
                entries += [first, n, *row]
        self.record = entries
        self.chunks = first
        self.work = sum(numels)  # the memory sets the pace

    @property
    def key(self) -> str:
        return f"update 3 {self.tag} {self.expr.k} {self.expr.steps!r} {self.written} {self.kinds}"

    def generate(self) -> Callable[[], str]:
        return lambda: _text(self)


def _text(p: Plan) -> str:
    w = Writer()
    lanes = 8 if p.tag == "f64" else 16
    cells = w.slot(w.number(1))
    scalars: dict[int, V] = {}
    for i, f in enumerate(p.kinds):
        kind = "f64" if f == "f" else "i64"
        field = w.let("ptr", f"getelementptr i64, ptr %rec, i64 {i}")
        number = w.let(I64, f"load i64, ptr {field.name}, align 8")
        scalars[i] = cast(w, w.load(w.element(cells, number, "i64"), kind), kind, p.tag)
    width = p.expr.k + 2

    def chunk(c: V, carried: list[V]) -> list[V]:
        (start,) = carried
        entry, first, end = _find(w, c, start, width)

        def entry_field(i: int) -> V:
            at = w.let("ptr", f"getelementptr i64, ptr {entry.name}, i64 {i}")
            return w.let(I64, f"load i64, ptr {at.name}, align 8")

        n = entry_field(1)
        pointers = [w.slot(entry_field(2 + i)) for i in range(p.expr.k)]
        # The table has the number of the chunk after the tensor's last one.
        count = w.binary("sdiv", w.add(n, w.number(CHUNK - 1)), w.number(CHUNK))
        number = w.binary("sub", c, w.binary("sub", end, count))
        low = w.mul(number, w.number(CHUNK))
        high = w.smaller(w.add(low, w.number(CHUNK)), n)

        def body(i: V, mask: V | None, _: list[V]) -> list[V]:
            values = [w.load(w.element(q, i, p.tag), p.tag, lanes, mask) for q in pointers]
            _steps(w, p, values, scalars, lanes)
            for position, result in p.written:
                x = broadcast(w, values[result], lanes)
                w.store(x, w.element(pointers[position], i, p.tag), p.tag, mask)
            return []

        w.vector_loop(low, high, lanes, [], body)
        return [first]

    # Nothing is updated by a program that has already failed: an index was out of range.
    status = w.load(w.element(w.slot(w.number(0)), w.number(0), "i64"), "i64")
    failed, sound = w.new_label("failed"), w.new_label("sound")
    w.branch(w.compare("icmp", "ne", status, w.number(0)), failed, sound)
    w.open(failed)
    w.stmt("ret void")
    w.open(sound)
    w.counted_loop(V(I64, "%begin"), V(I64, "%end"), 1, [w.number(len(p.kinds))], chunk)
    w.stmt("ret void")
    return w.module()


def _find(w: Writer, chunk: V, start: V, width: int) -> tuple[V, V, V]:
    """(entry, its offset in the record, the chunk after its last) of the chunk's tensor."""
    head, found = w.new_label("find"), w.new_label("found")
    before = w.block
    w.jump(head)
    w.open(head)
    offset = w.phi(I64, (start, before))
    at = w.let("ptr", f"getelementptr i64, ptr %rec, i64 {offset.value.name}")
    end = w.let(I64, f"load i64, ptr {at.name}, align 8")
    following = w.opaque(w.add(offset.value, w.number(width)))
    w.branch(w.compare("icmp", "slt", chunk, end), found, head)
    w.close_phi(offset, (following, head))
    w.open(found)
    return at, offset.value, end


def _steps(w: Writer, p: Plan, values: list[V], scalars: dict[int, V], lanes: int) -> None:
    """Appends the value of every step of the formula."""
    tags = [p.tag] * p.expr.k
    ops = [""] * p.expr.k + [op for op, _, _ in p.expr.steps]
    for op, ins, attrs in p.expr.steps:
        if op == "scalar":
            values.append(broadcast(w, scalars[attrs[0]], lanes))
            tags.append(p.tag)
            continue
        if op == "const":
            values.append(constant(w, attrs[0], p.tag, lanes))
            tags.append(p.tag)
            continue
        source = tags[ins[-1]]
        boolean = op in COMPARE or op.startswith("logical_") or op in ("isnan", "isinf", "isfinite")
        out = "b1" if boolean else p.tag
        operands = [values[a] for a in ins]
        if op == "div" and p.tag not in HALVES and [ops[a] for a in ins] == ["sqrt", "scalar"]:
            number = scalars[p.expr.steps[ins[1] - p.expr.k][2][0]]
            values.append(_root_by(w, operands[0], operands[1], number))
        elif p.tag in HALVES and not boolean:  # every operation rounds
            values.append(cast(w, emit_op(w, op, operands, "f32", "f32"), "f32", p.tag))
        else:
            values.append(emit_op(w, op, operands, source, out))
        tags.append(out)


def _root_by(w: Writer, root: V, divisor: V, number: V) -> V:
    """root / divisor, where the divisor is one number in every lane, without a division a vector:
    roots and divisions wait for the same unit.

    Multiplied with the number's inverse, and corrected by what that leaves of the root: correctly
    rounded (Markstein 1990), since a square root is too far from the ends of the range for anything
    to underflow on the way. Where it is infinite, or the divisor 0, what is left is NaN and the
    product is the quotient.
    """
    one = V(number.ty, "1.0")
    inverse = broadcast(w, w.binary("fdiv", one, number), lanes_of(root.ty))
    quotient = w.binary("fmul", root, inverse)
    left = multiply_add(w, w.unary("fneg", quotient), divisor, root)
    nearer = multiply_add(w, left, inverse, quotient)
    return w.select(w.compare("fcmp", "uno", left, left), quotient, nearer)
