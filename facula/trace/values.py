"""Values and their facts.

A `Value` is immutable: what an op computed, or what a tensor held at some moment. A tensor is a
handle that points to a value; writing to a tensor points it to another value. The facts of a
value (`Meta`) are interned, so that they can be compared and hashed by identity on the hot
path.
"""

from __future__ import annotations

from typing import Any, NoReturn

from ..devices import cpu, device
from ..dtypes import bool_, complex128, dtype, float64, int64

Shape = tuple[int, ...]

# A value that is not part of any frame. Numbers of frames are positive, so that `vid - base` of
# such a value is negative for every frame: one comparison finds values that have to enter the open
# frame. What was made without a frame (once.py) is numbered upwards from here.
OUTSIDE = -(1 << 62)


def contiguous_strides(shape: Shape) -> Shape:
    """The strides, in elements, of a row-major tensor of this shape (PyTorch's rule for size 0)."""
    strides = []
    step = 1
    for n in shape[::-1]:
        strides.append(step)
        step *= n or 1
    return tuple(strides[::-1])


class Meta:
    """The facts of a value. Get one with `meta`, never by the constructor: equal facts, same
    object.
    """

    __slots__ = (
        "shape", "dtype", "requires_grad", "leaf", "strides", "offset", "device",
        "wrapped", "ndim", "numel", "contiguous", "packed", "plain", "start",
    )  # fmt: skip

    shape: Shape
    dtype: dtype
    requires_grad: bool
    leaf: bool  # gradients end here: a tensor made by the user, not by an op
    strides: Shape
    offset: int
    device: device
    wrapped: bool  # a Python number: takes part in type promotion by its category only
    ndim: int
    numel: int
    contiguous: bool
    packed: bool  # contiguous from the start of its memory, axes of size 1 too
    plain: Meta  # the same without requires_grad
    start: Meta  # the same at offset 0, for what is in memory of its own

    def __repr__(self) -> str:
        grad = " grad" if self.requires_grad else ""
        return f"<{self.dtype.name}{list(self.shape)}{grad}>"


_metas: dict[tuple[Any, ...], Meta] = {}


def meta(
    shape: Shape,
    dt: dtype,
    requires_grad: bool = False,
    leaf: bool = False,
    strides: Shape | None = None,
    offset: int = 0,
    wrapped: bool = False,
) -> Meta:
    """The facts object for these facts."""
    key = (shape, dt, requires_grad, leaf, strides, offset, wrapped)
    found = _metas.get(key)
    if found is not None:
        return found
    m = Meta()
    m.shape, m.dtype, m.requires_grad, m.leaf, m.wrapped = shape, dt, requires_grad, leaf, wrapped
    own = contiguous_strides(shape)
    m.strides = own if strides is None else strides
    m.offset, m.device, m.ndim = offset, cpu, len(shape)
    numel = 1
    for n in shape:
        numel *= n
    m.numel = numel
    m.contiguous = (
        strides is None
        or numel == 0
        or all(n == 1 or a == b for n, a, b in zip(shape, strides, own, strict=True))
    )
    m.packed = m.strides == own and not offset
    m.plain = meta(shape, dt, False, False, strides, offset, wrapped) if requires_grad else m
    m.start = m
    if offset and not (requires_grad and leaf):
        own_strides = None if m.strides == own else m.strides
        m.start = meta(shape, dt, requires_grad, leaf, own_strides, 0, wrapped)
    if len(_metas) > 100_000:  # bounded; a forgotten fact only costs a second object and a new path
        _metas.clear()
    _metas[key] = m
    return m


# What an operand that is a Python number looks like in a key, and the facts of its slot.
NUMBER = {float: -1, int: -2}
INT64 = range(-(1 << 63), 1 << 63)  # whole numbers that a frame can hold
WRAPPED = {-1: meta((), float64, wrapped=True), -2: meta((), int64, wrapped=True)}
WRAPPED_BOOL = meta((), bool_, wrapped=True)
WRAPPED_COMPLEX = meta((), complex128, wrapped=True)


def memory_order(m: Meta) -> Shape:
    """The axes from the one whose steps in memory are widest to the narrowest. Axes that do not
    step (size 1 or expanded) stay where they are among the others.
    """
    order: list[int] = []
    for k in range(m.ndim - 1, -1, -1):
        place = 0
        for i, other in enumerate(order):
            a, b = m.strides[k], m.strides[other]
            if a and b and (a < b or (a == b and m.shape[k] < m.shape[other])):
                place = i + 1
            elif a and b:
                break
        order.insert(place, k)
    return tuple(order)


def moved(m: Meta, by: int) -> Meta:
    strides = None if m.contiguous and m.offset + by == 0 else m.strides
    return meta(m.shape, m.dtype, m.requires_grad, m.leaf, strides, m.offset + by, m.wrapped)


def with_gradient(m: Meta, grad: bool) -> Meta:
    """The facts of a result that gradients flow through, or not."""
    if grad == m.requires_grad and not m.leaf:
        return m
    strides = None if m.contiguous and m.offset == 0 else m.strides
    return meta(m.shape, m.dtype, grad, False, strides, m.offset, m.wrapped)


def meta_of(op: Any, number: Any) -> Meta:
    """The facts of an operand that is a number. Raises TypeError for anything else."""
    if type(number) in NUMBER:
        return WRAPPED[NUMBER[type(number)]]
    if type(number) is bool:
        return WRAPPED_BOOL
    if isinstance(number, (float, int)):
        return WRAPPED[-1]
    raise TypeError(
        f"{op.name}(): an operand must be a Tensor or a number, not {type(number).__name__}"
    )


class Value:
    """One immutable value. `vid` places it: frame's base + slot while it belongs to a frame.

    `buf`: its memory (a runtime Buffer or a C-contiguous ndarray), None while it is only
    recorded. `rec`: the closed frame that made it, if gradients flow through it; for a leaf, a
    weak reference to its tensor; for a stale view, a weak reference to the view. `over`: set
    when the tensor that held it was written in place since. `pin`: says whether Python code may
    write to the memory meanwhile.
    """

    __slots__ = ("vid", "meta", "buf", "rec", "over", "pin")

    vid: int
    meta: Meta
    buf: Any
    rec: Any
    over: Any
    pin: Any

    def __repr__(self) -> str:
        return f"Value({self.meta!r}, vid={self.vid})"


def outside(m: Meta, buf: Any) -> Value:
    """A value in memory that belongs to no frame yet."""
    v = Value()
    v.vid, v.meta, v.buf = OUTSIDE, m, buf
    v.rec = v.over = v.pin = None
    return v


def copied(source: Value, m: Meta, buf: Any) -> Value:
    """A copy of a part of a value, for which a write to the value counts as if it were a view."""
    made = outside(m, buf)
    if source.over is None:
        source.over = []
    made.over = source.over
    return made


def at(vid: int, m: Meta) -> Value:
    """A recorded value at a place of a frame."""
    v = Value()
    v.vid, v.meta = vid, m
    v.buf = v.rec = v.over = v.pin = None
    return v


class Failed(list[Any]):
    """What a value notes whose operation raised when its frame ended."""

    error: Exception

    def complain(self) -> None:
        """Raises RuntimeError: the value was never computed."""
        raise RuntimeError(f"this tensor could not be computed: {self.error}") from self.error


def complain(v: Value) -> NoReturn:
    """Raises RuntimeError: a value has no memory, and nothing is left that could compute it."""
    if type(v.over) is Failed:
        v.over.complain()
    raise RuntimeError(
        "this tensor has no value: an error ended the stretch of work that would have computed it"
    )


class Formed:
    """An edge over all that a formula records (formula.py): the last node, the operands that enter
    (their places in the call, and slots) in the order in which they do, and the numbers that come
    with it.
    """

    __slots__ = ("node", "entered", "numbers")

    def __init__(
        self, node: Any, entered: tuple[tuple[int, int], ...], numbers: tuple[Any, ...]
    ) -> None:
        self.node, self.entered, self.numbers = node, entered, numbers


class Producers(dict[int, Any]):
    """Slot -> node. tip: the node it goes up to; for nodes before that, what comes later is not
    theirs.
    """

    __slots__ = ("tip",)
    tip: Any
