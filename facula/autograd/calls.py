"""A recorded call as its gradient sees it, and the places of values in the graph of gradients."""

from __future__ import annotations

from typing import Any

from ..dtypes import int64
from ..ops.movement import KEEP, RESHAPE, view_strides
from ..trace.recorder import SLOTS, Frame, state
from ..trace.trie import Node
from ..trace.values import Value, at, outside
from ..trace.written import version_now

FREED = (
    "Trying to backward through the graph a second time (or directly access saved tensors after "
    "they have already been freed). Saved intermediate values of the graph are freed when you call "
    ".backward() or autograd.grad(). Specify retain_graph=True if you need to backward through the "
    "graph a second time or if you need to access saved tensors after calling backward."
)


class Notes:
    """What a walk through ended frames has met there, in order."""

    __slots__ = ("links", "reads", "leaves")

    def __init__(self) -> None:
        self.links: list[tuple[Any, int, Any, int]] = []  # from (tape, slot) to (tape, slot)
        self.reads: list[tuple[Any, Node, int, Any]] = []  # tape, reader, slot, what was there
        self.leaves: list[tuple[Any, int]] = []  # (tape, slot)


class Context:
    """A recorded call, as a gradient sees it."""

    __slots__ = ("tape", "node", "needs", "used", "attrs", "count", "notes")

    def __init__(
        self, tape: Any, node: Node, needs: tuple[bool, ...], notes: Notes | None = None
    ) -> None:
        self.tape, self.node, self.needs, self.attrs = tape, node, needs, node.attrs
        self.count = len(node.ins)
        self.used: set[int] | None = None  # a probe notes here which slots a gradient looks at
        self.notes = notes

    def i(self, k: int) -> Any:
        """Operand k: a value, or the Python number that it was."""
        return self._value(self.node.ins[k])

    def o(self, k: int = 0) -> Value:
        """Result k."""
        return self._value(self.node.slot + k)

    def meta(self, k: int) -> Any:
        """The facts of operand k; the value itself is not needed for backward then."""
        return slot_meta(self.tape, self.node.ins[k])

    def _value(self, slot: int) -> Any:
        found = self.read(slot)
        if self.notes is not None and type(self.tape) is not Frame:
            self.notes.reads.append((self.tape, self.node, slot, found))
        return found

    def read(self, slot: int) -> Any:
        """What is known by a slot: a value, or a number. Raises RuntimeError if it is gone or was
        written since.
        """
        tape = self.tape
        if self.used is not None:
            self.used.add(slot)
        elif self.node.slot in tape.freed:
            raise RuntimeError(FREED)
        elif tape.over:
            self._check(tape.over, slot)
        producer = tape.node.producers()[slot]
        if slot in producer.number_meta:
            if self.used is not None:
                return 1 if producer.number_meta[slot].dtype is int64 else 1.5
            if type(tape) is Frame:
                return at(tape.base + slot, producer.number_meta[slot])
            if slot in producer.fixed:
                return producer.fixed[slot]
            first = producer.scalars - len(producer.scalar)
            return tape.scalars[first + producer.scalar.index(slot)]
        m = producer.metas[slot - producer.slot]
        if type(tape) is Frame:
            return at(tape.base + slot, m)
        if self.used is not None:
            return outside(m, ())
        kept = tape.saved.get(slot)
        if kept is None:
            raise RuntimeError(FREED)
        for note in kept.over or ():
            _, expected, base, exempt = note
            if base != tape.base or self.node.slot not in exempt:
                _raise_modified(self, slot, version_now(note), expected)
        if slot in tape.versions:
            reference, expected = tape.versions[slot]
            handle = reference()
            if handle is not None and handle._version != expected:
                _raise_modified(self, slot, handle._version, expected)
        if m.requires_grad and not m.leaf and slot not in tape.upstream:
            v = outside(m, kept.buf)
            v.rec = (tape, slot)
            return v
        if m.requires_grad and m.leaf:  # one that the frame made, which its gradient belongs to
            leaf = tape.leaves.get(slot)
            if leaf is not None and leaf.buf is kept.buf:
                return leaf
        return kept

    def _check(self, over: dict[int, Any], slot: int) -> None:
        """Raises RuntimeError if the value (or what it is a view of) was written since this
        call.
        """
        producers = self.tape.node.producers()
        at_slot: int | None = slot
        while at_slot is not None:
            note = over.get(at_slot)
            if note is not None and self.node.slot not in note[3]:
                _raise_modified(self, slot, version_now(note), note[1])
            at_slot = viewed(producers, at_slot)


def viewed(producers: dict[int, Node], slot: int) -> int | None:
    """The slot that a view was made of; None for what is no view."""
    p = producers[slot]
    if p.op is None or not p.op.view:
        return None
    source = p.ins[0]
    if p.op is RESHAPE:
        m = producers[source].metas[source - producers[source].slot]
        if view_strides(m.shape, m.strides, p.attrs) is None:
            return None
    return source


def _raise_modified(n: Context, slot: int, version: int, expected: int) -> None:
    producer = n.tape.node.producers()[slot]
    m = producer.metas[slot - producer.slot]
    kind = {"float32": "Float", "float64": "Double", "float16": "Half", "bfloat16": "BFloat16"}
    what = f"torch.{kind.get(m.dtype.name, m.dtype.name.capitalize())}Tensor {list(m.shape)}"
    source = ""
    if producer.op is not None and m.requires_grad:
        maker = producer.op.grad_name.split("Backward")[0]
        source = f", which is output {slot - producer.slot} of {maker},"
    raise RuntimeError(
        "one of the variables needed for gradient computation has been modified by an inplace "
        f"operation: [{what}]{source} is at version {version}; expected version {expected} "
        "instead. Hint: enable anomaly detection to find the operation that failed to compute its "
        "gradient, with torch.autograd.set_detect_anomaly(True, check_nan=False)."
    )


def slot_meta(tape: Any, slot: int) -> Any:
    producer = tape.node.producers()[slot]
    if slot in producer.number_meta:
        return producer.number_meta[slot]
    return producer.metas[slot - producer.slot]


def leaf_of(v: Value) -> Any:
    """What gradients of a leaf are added up for: its tensor, or the value if nobody has that."""
    handle = v.rec() if v.rec is not None else None
    return v if handle is None else handle


def place(v: Value) -> tuple[Any, int] | None:
    """(frame or tape, slot) where a non-leaf value was made; None if no graph leads to it."""
    tr = state.tr
    if type(v.rec) is tuple:
        return v.rec
    slot = v.vid - tr.base
    if 0 <= slot < SLOTS and v.meta.requires_grad and not v.meta.leaf:
        up = tr.upstream.get(slot)
        return place(up) if up is not None else (tr, slot)
    return None


def grad_fn(v: Value) -> tuple[Value, Any, Node, int] | None:
    """The call that made a value: (a value of its frame, frame or tape, trie node, which of its
    results).
    """
    p = place(v)
    if p is None:
        return None
    tape, slot = p
    node = tape.node.producers()[slot]
    while node.op is KEEP:  # numbers written without gradients: the history is that of the operand
        slot = node.ins[0]
        up = tape.upstream.get(slot)
        if up is not None:
            return grad_fn(up)
        node = tape.node.producers()[slot]
    return v, tape, node, slot - node.slot
