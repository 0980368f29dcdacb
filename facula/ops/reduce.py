"""Reductions and scans. attrs of a reduction: (axes sorted, keepdim)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import bool_, float32, float64, int64, is_half, uint8
from ..trace.recorder import record1
from ..trace.values import Shape, Value, meta
from .elementwise import EQ, cast, div, mul, record2, where
from .movement import expand, reshape
from .record import NOT_FINITE, SPECIAL, Example, Op, convert

# NumPy's functions of these names cost microseconds more
_NUMPY: dict[str, Any] = {
    "sum": np.add.reduce,
    "prod": np.multiply.reduce,
    "max": np.maximum.reduce,
    "min": np.minimum.reduce,
    "any": np.logical_or.reduce,
    "all": np.logical_and.reduce,
}


def check_elements(name: str, axis: int, length: int) -> None:
    """Raises IndexError where nothing can be chosen along an axis because it has no elements."""
    if length == 0:
        raise IndexError(f"{name}(): Expected reduction dim {axis} to have non-zero size.")


def reduced_shape(shape: Shape, axes: tuple[int, ...], keepdim: bool) -> Shape:
    if keepdim:
        return tuple([1 if k in axes else n for k, n in enumerate(shape)])
    return tuple([n for k, n in enumerate(shape) if k not in axes])


def spread(v: Value, n: Any) -> Value:
    """A reduction's result (or its gradient) in the shape of the operand of call `n`."""
    m = n.meta(0)
    return expand(reshape(v, reduced_shape(m.shape, n.attrs[0], True)), m.shape)


def _lower(b: Any, ins: list[int], node: Any) -> list[int]:
    op, (axes, _keepdim), out = node.op, node.attrs, node.meta
    v = b.cast(ins[0], out.dtype) if op.name in ("sum", "prod") else ins[0]
    if op.name in ("any", "all"):
        v = b.cast(v, bool_)
    shape = reduced_shape(b.graph.shapes[v], axes, False)
    function = _NUMPY[op.name]
    r = b.add(
        op.name,
        (v,),
        shape,
        b.graph.dtypes[v],
        (axes,),
        host=lambda a: function(a, axis=axes),
    )
    return [b.reshape(b.cast(r, out.dtype) if op.name in ("sum", "prod") else r, out.shape)]


def _examples(name: str) -> Example:
    cases: list[Any] = [
        (((),), ((), False)),
        (((1,),), ((0,), True)),
        (((7,),), ((0,), False)),
        (((3, 17),), ((1,), False)),
        (((3, 17),), ((0,), True)),
        (((5, 4, 3),), ((0, 2), False)),
        (((5, 4, 3),), ((1,), True)),
        (((2, 3, 4, 5),), ((1, 2), False)),
        (((0, 4),), ((1,), False)),
        (((3, 4),), ((), False)),
        (((3, 40),), ((0, 1), False)),
    ]
    if name not in ("max", "min"):
        cases.append((((0, 4),), ((0,), True)))
    if name != "prod":  # of many factors nothing but 0 and infinity is left
        cases += [
            (((301, 250),), ((0,), False)),
            (((301, 250),), ((0, 1), False)),
            (((301, 250),), ((1,), True)),
        ]
    complexes = "c" if name in ("sum", "prod") else ""
    # with extreme numbers the order of a sum or product decides
    special = NOT_FINITE if name in ("sum", "prod") else SPECIAL
    return Example(
        *cases, dtypes="bif" + complexes, domain=(0.5, 1.5), special=special, tolerance=64.0
    )


def _reduction(name: str, result: Any, gradient: Any, grad_name: str | None = None) -> Op:
    function = _NUMPY[name]
    adds, selects = name in ("sum", "prod"), name in ("max", "min")

    def rule(metas: Any, attrs: Any) -> Any:
        m = metas[0]
        axes, keepdim = attrs
        if selects:
            for a in axes:
                check_elements(f"a{name}", a, m.shape[a])
        return (meta(reduced_shape(m.shape, axes, keepdim), result(m.dtype)),)

    def reference(arrays: Any, attrs: Any, metas: Any) -> Any:
        axes, keepdim = attrs
        a = arrays[0]
        d = metas[0].dtype
        if a.dtype is d.np and (d is float32 or d is float64):
            return function(a, axes, None, None, keepdim)
        if adds:
            a = convert(a, d)
            if is_half(d):
                a = a.astype(np.float32)
        found = function(a, axes, keepdims=keepdim)
        return convert(found if type(found) is np.ndarray else np.asarray(found), d)

    return Op(
        name, "reduction", rule, reference, gradient, _lower, grad_name, example=_examples(name)
    )


def _accumulator(d: Any) -> Any:
    return int64 if d is bool_ or d.is_integral else d


def _truth(d: Any) -> Any:
    return uint8 if d is uint8 else bool_


def _extreme_gradient(n: Any, g: Value) -> Any:
    hit = record2(EQ, n.i(0), spread(n.o(), n))
    share = cast(hit, g.meta.dtype)
    count = record1(SUM, share, (n.attrs[0], False))
    count = reshape(count, reduced_shape(n.meta(0).shape, n.attrs[0], True))
    return (mul(div(share, count), spread(g, n)),)


def _prod_gradient(n: Any, g: Value) -> Any:
    """The product of the others, without division: exact where elements are zero."""
    x = n.i(0)
    axes, ndim = n.attrs[0], x.meta.ndim
    from .movement import permute

    rest = tuple(k for k in range(ndim) if k not in axes)
    order = rest + axes
    inverse = [0] * ndim
    for k, d in enumerate(order):
        inverse[d] = k
    kept = tuple(x.meta.shape[k] for k in rest)
    flat = reshape(permute(x, order), (*kept, _count(tuple(x.meta.shape[k] for k in axes))))
    before, after = (
        record1(CUMPROD_EXCLUSIVE, flat, (False,)),
        record1(CUMPROD_EXCLUSIVE, flat, (True,)),
    )
    others = mul(before, after)
    others = permute(reshape(others, tuple(x.meta.shape[k] for k in order)), tuple(inverse))
    return (mul(others, spread(g, n)),)


def _count(shape: Shape) -> int:
    n = 1
    for s in shape:
        n *= s
    return n


SUM = _reduction("sum", _accumulator, lambda n, g: (spread(g, n),))
PROD = _reduction("prod", _accumulator, _prod_gradient)
MAX = _reduction("max", lambda d: d, _extreme_gradient, "AmaxBackward0")
MIN = _reduction("min", lambda d: d, _extreme_gradient, "AminBackward0")
ANY = _reduction("any", _truth, None)
ALL = _reduction("all", _truth, None)


def _arg_reference(function: Any) -> Any:
    def reference(arrays: Any, attrs: Any, metas: Any) -> Any:
        axis, _keepdim = attrs
        a = arrays[0]
        if a.dtype.kind == "V":
            a = a.astype(np.float32)
        return np.asarray(function(a, axis=axis), dtype=np.int64).reshape(metas[0].shape)

    return reference


def _arg_lower(b: Any, ins: list[int], node: Any) -> list[int]:
    axis = node.attrs[0]
    function = np.argmax if node.op is ARGMAX else np.argmin
    shape = reduced_shape(b.graph.shapes[ins[0]], (axis,), False)
    r = b.add(node.op.name, (ins[0],), shape, int64, (axis,), host=lambda a: function(a, axis=axis))
    return [b.reshape(r, node.meta.shape)]


def _arg_rule(name: str) -> Any:
    def rule(metas: Any, attrs: Any) -> Any:
        axis, keepdim = attrs
        check_elements(name, axis, metas[0].shape[axis])
        return (meta(reduced_shape(metas[0].shape, (axis,), keepdim), int64),)

    return rule


# attrs: (axis, keepdim)
_ARG_EXAMPLE = Example(
    *(
        ((shape,), (axis, keep))
        for shape, axis in (
            ((1,), 0),
            ((7,), 0),
            ((3, 17), 1),
            ((5, 4, 3), 1),
            ((0, 3), 1),
            ((301, 250), 0),
        )
        for keep in (False, True)
    ),
    dtypes="bif",
)
ARGMAX = Op(
    "argmax",
    "arg",
    _arg_rule("argmax"),
    _arg_reference(np.argmax),
    None,
    _arg_lower,
    example=_ARG_EXAMPLE,
)
ARGMIN = Op(
    "argmin",
    "arg",
    _arg_rule("argmin"),
    _arg_reference(np.argmin),
    None,
    _arg_lower,
    example=_ARG_EXAMPLE,
)


# ---------------------------------------------------------------- scans (attrs: (axis,))
SCAN_SHAPES: tuple[tuple[Shape, int], ...] = (
    ((), 0),
    ((1,), 0),
    ((0,), 0),
    ((7,), 0),
    ((3, 17), 1),
    ((5, 4, 3), 1),
    ((2, 0), 0),
    ((301, 25), 0),
)


def scan_example(dtypes: str) -> Example:
    return Example(
        *(((s,), (axis,)) for s, axis in SCAN_SHAPES),
        dtypes=dtypes,
        domain=(0.5, 1.5),
        tolerance=64.0,
    )


def _flip(v: Value, axis: int) -> Value:
    from .movement import FLIP

    return record1(FLIP, v, (axis,))


def _scan_meta(metas: Any, attrs: Any) -> Any:
    return (meta(metas[0].shape, _accumulator(metas[0].dtype)),)


def _accumulated(function: Any, a: np.ndarray, axis: int) -> np.ndarray:
    """Sums or products along an axis: of float32 in float64, of 16-bit floats in float32."""
    wide = {"float32": np.float64, "float16": np.float32, "bfloat16": np.float32}.get(a.dtype.name)
    found = function.accumulate(a if wide is None else a.astype(wide), axis=axis)
    return np.asarray(found.astype(a.dtype))


def _scan_reference(function: Any) -> Any:
    def reference(arrays: Any, attrs: Any, metas: Any) -> Any:
        a = convert(arrays[0], metas[0].dtype)
        if a.ndim == 0:
            return a.copy()
        return convert(_accumulated(function, a, attrs[0]), metas[0].dtype)

    return reference


def scan(b: Any, v: int, op: str, axis: int) -> int:
    """A node of the graph: op is add, mul, maximum or minimum; of the value's dtype."""
    shape, d = b.graph.shapes[v], b.graph.dtypes[v]

    def host(a: np.ndarray) -> np.ndarray:
        if op in ("maximum", "minimum"):
            return np.asarray(getattr(np, op).accumulate(a, axis=axis))
        return _accumulated(np.add if op == "add" else np.multiply, a, axis)

    return int(b.add("scan", (v,), shape, d, (op, axis), host))


def _scan_lower(op: str) -> Any:
    def lower(b: Any, ins: list[int], node: Any) -> list[int] | None:
        out = node.meta
        if not out.shape or out.dtype.is_complex or is_half(out.dtype):
            return None
        return [scan(b, b.cast(ins[0], out.dtype), op, node.attrs[0])]

    return lower


def _cumsum_gradient(n: Any, g: Value) -> Any:
    axis = n.attrs[0]
    if g.meta.ndim == 0:
        return (g,)
    return (_flip(record1(CUMSUM, _flip(g, axis), (axis,)), axis),)


CUMSUM = Op(
    "cumsum",
    "scan",
    _scan_meta,
    _scan_reference(np.add),
    _cumsum_gradient,
    _scan_lower("add"),
    example=scan_example("bifc"),
)


def _cumprod_gradient(n: Any, g: Value) -> Any:
    """sum over k >= i of g_k * prod over j <= k, j != i of x_j; by reversed sums where nothing is
    zero.
    """
    x, y, axis = n.i(0), n.o(), n.attrs[0]
    if g.meta.ndim == 0:
        return (g,)
    w = _flip(record1(CUMSUM, _flip(mul(g, y), axis), (axis,)), axis)
    return (div(w, where(record2(EQ, x, 0), 1e-30, x)),)


CUMPROD = Op(
    "cumprod",
    "scan",
    _scan_meta,
    _scan_reference(np.multiply),
    _cumprod_gradient,
    _scan_lower("mul"),
    example=scan_example("bifc"),
)


def _exclusive_reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    a = arrays[0]
    if attrs[0]:
        a = np.flip(a, -1)
    out = np.ones_like(a)
    out[..., 1:] = _accumulated(np.multiply, a, a.ndim - 1)[..., :-1]
    return np.flip(out, -1) if attrs[0] else out


def _exclusive_gradient(n: Any, g: Value) -> Any:
    x, y = n.i(0), n.o()
    axis = x.meta.ndim - 1
    forward = not n.attrs[0]
    gy = mul(g, y)
    # sum over the outputs strictly after (before) each element
    w = _flip(gy, axis) if forward else gy
    w = record1(CUMSUM, w, (axis,))
    from .elementwise import sub

    w = sub(w, _flip(gy, axis) if forward else gy)
    w = _flip(w, axis) if forward else w
    return (div(w, where(record2(EQ, x, 0), 1e-30, x)),)


def _exclusive_lower(b: Any, ins: list[int], node: Any) -> list[int] | None:
    """The products of all elements but the last, after a one."""
    (v,) = ins
    shape, d, axis = node.meta.shape, node.meta.dtype, len(node.meta.shape) - 1
    if is_half(d) or not shape[axis]:
        return None

    def flip(v: int) -> int:
        host = lambda a: np.flip(a, axis)  # noqa: E731
        return int(b.add("flip", (v,), shape, d, ((axis,),), host)) if node.attrs[0] else v

    less = (*shape[:axis], shape[axis] - 1)
    before = b.slice(flip(v), (0,) * len(shape), less)
    low = (*(0,) * axis, 1)
    return [flip(scan(b, b.pad(before, low, (0,) * len(shape), 1.0), "mul", axis))]


# Products of the elements before (after, attrs[0]) each along the last axis.
CUMPROD_EXCLUSIVE = Op(
    "cumprod_exclusive",
    "scan",
    lambda metas, attrs: (meta(metas[0].shape, metas[0].dtype),),
    _exclusive_reference,
    _exclusive_gradient,
    _exclusive_lower,
    example=Example(
        *(((shape,), (back,)) for shape in ((1,), (7,), (3, 17), (2, 0)) for back in (False, True)),
        dtypes="f",
        domain=(0.5, 1.5),
    ),
)


def _logcumsumexp_gradient(n: Any, g: Value) -> Any:
    from .elementwise import EXP, sub

    x, y, axis = n.i(0), n.o(), n.attrs[0]
    if g.meta.ndim == 0:
        return (g,)
    inner = mul(g, record1(EXP, sub(0.0, y)))
    total = _flip(record1(CUMSUM, _flip(inner, axis), (axis,)), axis)
    return (mul(total, record1(EXP, x)),)


LOGCUMSUMEXP = Op(
    "logcumsumexp",
    "scan",
    _scan_meta,
    _scan_reference(np.logaddexp),
    _logcumsumexp_gradient,
    example=scan_example("f"),
)


def total(v: Value, axes: tuple[int, ...], keepdim: bool = False) -> Value:
    """The sum over axes."""
    return record1(SUM, v, (axes, keepdim))


def sum_to(v: Value, shape: Shape) -> Value:
    """The sum over the axes along which `shape` was broadcast to the value's shape."""
    if v.meta.shape == shape:
        return v
    lead = v.meta.ndim - len(shape)
    axes = tuple(range(lead)) + tuple(
        lead + k for k, n in enumerate(shape) if n == 1 and v.meta.shape[lead + k] != 1
    )
    return reshape(total(v, axes), shape)
