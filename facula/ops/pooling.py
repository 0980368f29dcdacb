"""Pooling over windows, any number of spatial axes: the maximum with its place, and the average.

Both are written as a pass over the places of the kernel, each a strided slice of the padded
input, so that a graph needs no ops of its own for them. The maximum gives the place of the
first of equal elements and of the last NaN, in the flattened spatial axes; its gradient is a
scatter to these places, or, where windows share no element, a choice in each of them. The average
is linear: it and its transpose are each other's gradients.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from ..dtypes import bool_, float64, int64, is_half
from ..trace.recorder import record, record1
from ..trace.values import Shape, Value, meta
from .convolution_native import interleaved
from .indexing import GATHER, SCATTER_ADD, zeros
from .lowering import Number, Terms
from .movement import reshape
from .record import Example, Op, Operand, convert

_PLACES = 64  # places of a kernel up to which a graph may hold a node or two for each


def pooled_size(
    size: int, kernel: int, stride: int, padding: int, dilation: int, ceil: bool
) -> int:
    """The number of windows along an axis; with `ceil` also one that reaches over the end,
    provided that it starts inside the input or its padding at the start.
    """
    rest = size + 2 * padding - dilation * (kernel - 1) - 1
    if not ceil:
        return rest // stride + 1
    n = -(-rest // stride) + 1
    return n - 1 if (n - 1) * stride >= size + padding else n


def _spatial(shape: Shape, attrs: Any) -> Shape:
    kernel, stride, padding, dilation, ceil = attrs[:5]
    return tuple(
        pooled_size(*numbers, ceil)
        for numbers in zip(shape[2:], kernel, stride, padding, dilation, strict=True)
    )


def _reach(shape: Shape, out: Shape, attrs: Any) -> tuple[Shape, Shape]:
    """(low, high): how much the spatial axes are padded so that every window lies inside."""
    kernel, stride, padding, dilation = attrs[:4]
    high = tuple(
        max(0, (m - 1) * s + d * (k - 1) + 1 - p - n)
        for m, s, d, k, p, n in zip(out, stride, dilation, kernel, padding, shape[2:], strict=True)
    )
    return padding, high


def _slices(place: Shape, out: Shape, attrs: Any) -> tuple[Shape, Shape, Shape]:
    """(starts, stops, steps) on the padded spatial axes of what one place of the kernel sees."""
    stride, dilation = attrs[1], attrs[3]
    starts = tuple(k * d for k, d in zip(place, dilation, strict=True))
    stops = tuple(a + (m - 1) * s + 1 for a, m, s in zip(starts, out, stride, strict=True))
    return starts, stops, stride


def _places(attrs: Any) -> Any:
    return itertools.product(*map(range, attrs[0]))


def _padded(a: np.ndarray, low: Shape, high: Shape, value: Any) -> np.ndarray:
    if not any(low) and not any(high):
        return a
    width = [(0, 0), (0, 0), *zip(low, high, strict=True)]
    return np.pad(a, width, constant_values=value)


def _lowest(d: Any) -> Any:
    return -math.inf if d.is_floating_point else int(np.iinfo(d.np).min)


# ---------------------------------------------------------------- maximum
def _max_rule(metas: Any, attrs: Any) -> Any:
    m = metas[0]
    if m.dtype is bool_ or m.dtype.is_complex:
        from ..dtypes import type_name

        raise NotImplementedError(f"\"max_pool2d\" not implemented for '{type_name(m.dtype)}'")
    shape = (*m.shape[:2], *_spatial(m.shape, attrs))
    return (meta(shape, m.dtype), meta(shape, int64))


def _starts(axis: int, out: Shape, attrs: Any) -> np.ndarray:
    """Where the windows begin along an axis: their first place inside the input."""
    stride, padding, dilation = (attrs[k][axis] for k in (1, 2, 3))
    at = np.arange(out[axis]) * stride - padding
    return np.where(at < 0, at + dilation * -(at // dilation), at)


def _max_reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    a = arrays[0].astype(np.float32) if is_half(metas[0].dtype) else arrays[0]
    out, spatial = metas[0].shape[2:], a.shape[2:]
    low, high = _reach(a.shape, out, attrs)
    padded = _padded(a, low, high, _lowest(metas[0].dtype))
    best = np.full(metas[0].shape, _lowest(metas[0].dtype), a.dtype)
    first, base = np.zeros(out, np.int64), np.zeros(out, np.int64)
    for k, n in enumerate(spatial):
        column = (-1, *(1,) * (len(out) - k - 1))
        first = first * n + _starts(k, out, attrs).reshape(column)
        base = base * n + (np.arange(out[k]) * attrs[1][k] - attrs[2][k]).reshape(column)
    index = np.broadcast_to(first, best.shape).copy()
    for place in _places(attrs):
        cut = tuple(map(slice, *_slices(place, out, attrs)))
        seen = padded[(slice(None), slice(None), *cut)]
        with np.errstate(invalid="ignore"):
            better = (seen > best) | (seen != seen)
        np.copyto(best, seen, where=better)
        np.copyto(index, base + _offset(place, spatial, attrs), where=better)
    return convert(best, metas[0].dtype), index


def _offset(place: Shape, spatial: Shape, attrs: Any) -> int:
    at = 0
    for k, d, n in zip(place, attrs[3], spatial, strict=True):
        at = at * n + k * d
    return at


def _max_lower(b: Any, ins: list[int], node: Any) -> list[int] | None:
    m = node.meta
    if m.numel == 0 or math.prod(node.attrs[0]) > _PLACES:
        return None
    attrs, t = node.attrs, Terms(b)
    x = ins[0]
    spatial, out = b.graph.shapes[x][2:], m.shape[2:]
    low, high = _reach(b.graph.shapes[x], out, attrs)
    if any(low) or any(high):
        x = b.pad(x, (0, 0, *low), (0, 0, *high), _lowest(m.dtype))
    base, index = (_grid(b, t, spatial, out, attrs, inside) for inside in (False, True))
    base, index = b.expand(base, m.shape), b.expand(index, m.shape)
    best = b.constant(_lowest(m.dtype), m.dtype, m.shape)
    for place in _places(attrs):
        seen = b.slice(x, *_slices(place, out, attrs))
        better = b.add("gt", (seen, best), m.shape, bool_, host=np.greater)
        if m.dtype.is_floating_point:
            nan = b.add("ne", (seen, seen), m.shape, bool_, host=np.not_equal)
            better = b.add("logical_or", (better, nan), m.shape, bool_, host=np.logical_or)
        best = t.op("where", better, seen, best)
        here = t.op("add", base, Number(_offset(place, spatial, attrs)))
        index = t.op("where", better, here, index)
    return [best, index]


def _grid(b: Any, t: Terms, spatial: Shape, out: Shape, attrs: Any, inside: bool) -> int:
    """The flat place at which every window begins, int64 [1, 1, *out]; `inside`: in the input."""
    total = None
    for k, n in enumerate(spatial):
        at = _axis_starts(b, t, len(out) + 2, k + 2, out[k], attrs[1][k], attrs[2][k])
        if inside and attrs[2][k]:
            at = _moved_inside(b, t, at, attrs[2][k], attrs[3][k])
        total = at if total is None else t.op("add", t.op("mul", total, Number(n)), at)
    assert total is not None
    return total


def _axis_starts(b: Any, t: Terms, ndim: int, axis: int, n: int, stride: int, padding: int) -> int:
    shape = tuple(n if k == axis else 1 for k in range(ndim))
    count = np.arange(n).reshape(shape)
    at = b.add("iota", (), shape, int64, (axis,), host=lambda: count)
    return t.op("sub", t.op("mul", at, Number(stride)), Number(padding))


def _moved_inside(b: Any, t: Terms, at: int, padding: int, dilation: int) -> int:
    for reach in range(
        1, padding + 1
    ):  # -reach is the first place: as many steps as lead to 0 or above
        shape = b.graph.shapes[at]
        here = t.op("eq", at, Number(-reach))
        to = b.constant(-reach + dilation * -(-reach // dilation), int64, shape)
        at = t.op("where", here, to, at)
    return at


def _flat(v: Value) -> Value:
    return reshape(v, (*v.meta.shape[:2], math.prod(v.meta.shape[2:])))


def _apart_windows(spatial: Shape, out: Shape, attrs: Any) -> bool:
    """Whether no two windows of a maximum share an element, nor reach into padding."""
    kernel, stride, padding, dilation = attrs[:4]
    return (
        kernel == stride
        and not any(padding)
        and all(d == 1 for d in dilation)
        and all(k * m <= n for k, m, n in zip(kernel, out, spatial, strict=True))
    )


def _max_gradient(n: Any, g: Value, _index: Any) -> Any:
    shape, attrs = n.meta(0).shape, n.attrs
    if len(attrs) == 5 and _apart_windows(shape[2:], g.meta.shape[2:], attrs):
        return (record(MAX_SPREAD, (n.o(1), g), (attrs[0], shape[2:])),)
    base = zeros((*shape[:2], math.prod(shape[2:])), g)
    return (reshape(record(SCATTER_ADD, (base, _flat(n.o(1)), _flat(g)), (2,)), shape),)


def _max_spread_rule(metas: Any, attrs: Any) -> Any:
    g = metas[1]
    return (meta((*g.shape[:2], *attrs[1]), g.dtype),)


def _max_spread_reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    """Every element of a window is the window's number, or 0 where its index names another."""
    (index, g), (kernel, spatial) = arrays, attrs
    for k, n in enumerate(kernel):
        index, g = (np.repeat(a, n, axis=2 + k) for a in (index, g))
    covered = tuple(map(slice, g.shape[2:]))
    here = np.arange(math.prod(spatial)).reshape(spatial)[covered]
    out = np.zeros(metas[0].shape, g.dtype)
    out[(slice(None), slice(None), *covered)] = np.where(index == here, g, g.dtype.type(0))
    return out


def _max_spread_gradient(n: Any, g: Value) -> Any:
    taken = record(GATHER, (_flat(g), _flat(n.i(0))), (2,))
    return (None, reshape(taken, n.meta(1).shape))


def _max_spread_lower(b: Any, ins: list[int], node: Any) -> list[int] | None:
    m, (kernel, spatial) = node.meta, node.attrs
    index, g = ins
    out = b.graph.shapes[g][2:]
    if m.numel == 0 or 0 in out or math.prod(kernel) > _PLACES:
        return None
    t = Terms(b)
    ones = (1,) * len(kernel)
    attrs = (kernel, kernel, (0,) * len(kernel), ones)
    first = b.expand(_grid(b, t, spatial, out, attrs, False), b.graph.shapes[index])
    within = t.op("sub", index, first)  # the same number for the same place of every window
    found = {}
    for place in _places(attrs):
        here = t.op("eq", within, Number(_offset(place, spatial, attrs)))
        found[place] = t.op("where", here, g, b.constant(0, m.dtype, b.graph.shapes[g]))
    v = interleaved(b, found, kernel, (*m.shape[:2], *out))
    rest = tuple(n - k * s for n, k, s in zip(spatial, out, kernel, strict=True))
    if any(rest):
        v = b.pad(v, (0,) * m.ndim, (0, 0, *rest), 0)
    return [v]


# The gradient of the maximum over windows that share no element: (index, gradient) -> the
# gradient at the places that the index names, each in its own window, and zeros.
# attrs: (kernel, spatial)
MAX_SPREAD = Op(
    "max_spread", "indexing", _max_spread_rule, _max_spread_reference, _max_spread_gradient,
    _max_spread_lower,
    example=Example(
        ((Operand((2, 3, 1), "index", 4), (2, 3, 1)), ((4,), (4,))),
        ((Operand((2, 3, 1, 1), "index", 6), (2, 3, 1, 1)), ((2, 3), (2, 3))), dtypes="f",
    ),
)  # fmt: skip

_WINDOWS: tuple[tuple[Any, ...], ...] = (  # (shape, kernel, stride, padding, dilation, ceil)
    ((1, 1, 1), (1,), (1,), (0,), (1,), False),
    ((2, 3, 9), (3,), (2,), (1,), (1,), False),
    ((2, 3, 9), (2,), (2,), (0,), (1,), True),
    ((2, 3, 8, 6), (2, 2), (2, 2), (0, 0), (1, 1), False),
    ((3, 5, 37, 71), (3, 2), (3, 2), (0, 0), (1, 1), False),
    ((2, 3, 9, 7), (3, 3), (2, 2), (1, 1), (1, 1), True),
    ((1, 2, 7, 8), (2, 3), (1, 1), (1, 1), (1, 1), False),
    ((1, 2, 4, 5, 6), (2, 2, 3), (2, 1, 3), (1, 0, 1), (1, 1, 1), False),
    ((0, 3, 8, 6), (2, 2), (2, 2), (0, 0), (1, 1), False),
    ((4, 5, 40, 41), (3, 3), (2, 2), (1, 1), (1, 1), False),
)

# attrs: (kernel, stride, padding, dilation, ceil), a number for each spatial axis of [N, C, *]
MAX_POOL = Op(
    "max_pool", "reduction", _max_rule, _max_reference, _max_gradient, _max_lower,
    grad_name="MaxPool2DWithIndicesBackward0",
    example=Example(
        *(((w[0],), tuple(w[1:])) for w in _WINDOWS),
        (((2, 2, 9, 8),), ((2, 3), (2, 1), (1, 1), (2, 3), False)), dtypes="if",
    ),
)  # fmt: skip


# ---------------------------------------------------------------- average
def _counts(spatial: Shape, out: Shape, attrs: Any) -> list[np.ndarray]:
    """For each axis, by how many elements the sum of a window is divided."""
    kernel, stride, padding = attrs[:3]
    include = attrs[5]
    counts = []
    for n, m, k, s, p in zip(spatial, out, kernel, stride, padding, strict=True):
        first = np.arange(m) * s - p
        last = np.minimum(first + k, n + p)
        if not include:
            first, last = np.maximum(first, 0), np.minimum(last, n)
        counts.append(last - first)
    return counts


def _divisor(spatial: Shape, out: Shape, attrs: Any) -> Any:
    """A number, or an array [*out]."""
    if attrs[6] is not None:
        return attrs[6]
    total: Any = 1
    counts = _counts(spatial, out, attrs)
    if all(c.min(initial=1) == c.max(initial=1) for c in counts if c.size):
        return math.prod(int(c[0]) for c in counts if c.size)
    for k, c in enumerate(counts):
        total = total * c.reshape(-1, *(1,) * (len(out) - k - 1))
    return total


def _mean_rule(metas: Any, attrs: Any) -> Any:
    m = metas[0]
    return (meta((*m.shape[:2], *_spatial(m.shape, attrs)), m.dtype),)


def _mean_reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    a = arrays[0].astype(np.float32) if is_half(metas[0].dtype) else arrays[0]
    out = metas[0].shape[2:]
    padded = _padded(a, *_reach(a.shape, out, attrs), 0)
    total = np.zeros(metas[0].shape, a.dtype)
    for place in _places(attrs):
        cut = tuple(map(slice, *_slices(place, out, attrs)))
        total += padded[(slice(None), slice(None), *cut)]
    r = total / np.asarray(_divisor(a.shape[2:], out, attrs), a.dtype)
    return convert(np.trunc(r) if a.dtype.kind in "iu" else r, metas[0].dtype)


def _spread_reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    """The transpose of the average."""
    g = arrays[0].astype(np.float32) if is_half(metas[0].dtype) else arrays[0]
    attrs, spatial = attrs[:-1], attrs[-1]
    out, shape = g.shape[2:], metas[0].shape
    low, high = _reach(shape, out, attrs)
    g = g / np.asarray(_divisor(spatial, out, attrs), g.dtype)
    padded = tuple(a + n + c for a, n, c in zip(low, spatial, high, strict=True))
    total = np.zeros((*shape[:2], *padded), g.dtype)
    for place in _places(attrs):
        cut = tuple(map(slice, *_slices(place, out, attrs)))
        total[(slice(None), slice(None), *cut)] += g
    inside = tuple(slice(a, a + n) for a, n in zip(low, spatial, strict=True))
    return convert(total[(slice(None), slice(None), *inside)], metas[0].dtype)


def _disjoint(spatial: Shape, out: Shape, attrs: Any) -> bool:
    kernel, stride, padding = attrs[:3]
    return (
        kernel == stride
        and not any(padding)
        and all(k * m == n for k, m, n in zip(kernel, out, spatial, strict=True))
    )


def _divided(b: Any, v: int, spatial: Shape, attrs: Any) -> int:
    """A value [N, C, *out] by the divisors of its windows."""
    t, out = Terms(b), b.graph.shapes[v][2:]
    divisor = _divisor(spatial, out, attrs)
    if not isinstance(divisor, np.ndarray):
        return t.op("div", v, Number(divisor))
    kernel, stride, padding = attrs[:3]
    for k, n in enumerate(spatial):
        first = _axis_starts(b, t, len(out) + 2, k + 2, out[k], stride[k], padding[k])
        last = t.op("add", first, Number(kernel[k]))
        if attrs[5]:
            last = _at_most(b, last, n + padding[k])
        else:
            first, last = t.op("maximum", first, Number(0)), _at_most(b, last, n)
        v = t.op("div", v, b.cast(t.op("sub", last, first), b.graph.dtypes[v]))
    return v


def _at_most(b: Any, v: int, bound: int) -> int:
    shape = b.graph.shapes[v]
    limit = b.constant(bound, int64, shape)
    return int(b.add("minimum", (v, limit), shape, int64, host=np.minimum))


def _split_axes(rank: int) -> tuple[int, ...]:
    return tuple(range(3, 3 + 2 * rank, 2))


def _mean_lower(b: Any, ins: list[int], node: Any) -> list[int] | None:
    m, attrs, x = node.meta, node.attrs, ins[0]
    if m.numel == 0 or not m.dtype.is_floating_point:
        return None
    spatial, out = b.graph.shapes[x][2:], m.shape[2:]
    if _disjoint(spatial, out, attrs):
        pairs = tuple(n for pair in zip(out, attrs[0], strict=True) for n in pair)
        x = b.reshape(x, (*m.shape[:2], *pairs))
        axes = _split_axes(len(out))
        r = b.add("sum", (x,), m.shape, m.dtype, (axes,), host=lambda a: a.sum(axis=axes))
        return [_divided(b, r, spatial, attrs)]
    if math.prod(attrs[0]) > _PLACES:
        return None
    low, high = _reach(b.graph.shapes[x], out, attrs)
    if any(low) or any(high):
        x = b.pad(x, (0, 0, *low), (0, 0, *high), 0)
    t, total = Terms(b), None
    for place in _places(attrs):
        seen = b.slice(x, *_slices(place, out, attrs))
        total = seen if total is None else t.op("add", total, seen)
    assert total is not None
    return [_divided(b, total, spatial, attrs)]


def _spread_lower(b: Any, ins: list[int], node: Any) -> list[int] | None:
    m, attrs, spatial = node.meta, node.attrs[:-1], node.attrs[-1]
    out = b.graph.shapes[ins[0]][2:]
    if m.numel == 0 or 0 in out or math.prod(attrs[0]) > _PLACES:
        if not _disjoint(spatial, out, attrs) or m.numel == 0:
            return None
    g = _divided(b, ins[0], spatial, attrs)
    if _disjoint(spatial, out, attrs):
        ones = tuple(n for k in out for n in (k, 1))
        pairs = tuple(n for pair in zip(out, attrs[0], strict=True) for n in pair)
        g = b.expand(b.reshape(g, (*m.shape[:2], *ones)), (*m.shape[:2], *pairs))
        return [b.reshape(g, m.shape)]
    low, high = _reach(m.shape, out, attrs)
    padded = tuple(a + n + c for a, n, c in zip(low, spatial, high, strict=True))
    g = _apart(b, g, attrs[1])
    t, total = Terms(b), None
    for place in _places(attrs):
        starts = _slices(place, out, attrs)[0]
        rest = tuple(
            n - a - k for n, a, k in zip(padded, starts, b.graph.shapes[g][2:], strict=True)
        )
        part = b.pad(g, (0, 0, *starts), (0, 0, *rest), 0)
        total = part if total is None else t.op("add", total, part)
    assert total is not None
    stops = tuple(a + n for a, n in zip(low, spatial, strict=True))
    return [b.slice(total, low, stops)]


def _apart(b: Any, g: int, stride: Shape) -> int:
    """Zeros between the elements, so that they lie a stride apart."""
    shape = b.graph.shapes[g]
    if all(s == 1 for s in stride):
        return g
    ones = tuple(n for k in shape[2:] for n in (k, 1))
    high = tuple(n for s in stride for n in (0, s - 1))
    g = b.pad(b.reshape(g, (*shape[:2], *ones)), (0,) * (2 + len(ones)), (0, 0, *high), 0)
    wide = tuple(k * s for k, s in zip(shape[2:], stride, strict=True))
    g = b.reshape(g, (*shape[:2], *wide))
    stops = tuple((k - 1) * s + 1 for k, s in zip(shape[2:], stride, strict=True))
    return int(b.slice(g, (0,) * len(stride), stops))


_MEANS = [
    ((w[0],), (*w[1:], include, divisor))
    for w in _WINDOWS
    for include, divisor in ((True, None), (False, 3))
    if w[0][2] != 40 or include
] + [(((2, 3, 9, 7),), ((3, 3), (2, 2), (1, 1), (1, 1), True, False, None))]

# attrs: (kernel, stride, padding, dilation of 1, ceil, whether padding counts, divisor or None)
MEAN_POOL = Op(
    "mean_pool", "reduction", _mean_rule, _mean_reference,
    lambda n, g: (record1(MEAN_POOL_INPUT, g, (*n.attrs, n.meta(0).shape[2:])),),
    _mean_lower, grad_name="AvgPool2DBackward0",
    example=Example(*_MEANS, dtypes="f", tolerance=64.0),
)  # fmt: skip
# The gradient of the average. attrs: those, and the input's spatial shape
MEAN_POOL_INPUT: Op = Op(
    "mean_pool_input", "reduction",
    lambda metas, attrs: (meta((*metas[0].shape[:2], *attrs[-1]), metas[0].dtype),),
    _spread_reference,
    lambda n, g: (record1(MEAN_POOL, g, n.attrs[:-1]),),
    _spread_lower, grad_name="AvgPool2DBackward0Backward0",
    example=Example(
        *((((*s[0][:2], *_spatial(s[0], a)),), (*a, s[0][2:])) for s, a in _MEANS), dtypes="f",
        tolerance=64.0
    ),
)  # fmt: skip


# ---------------------------------------------------------------- maximum over uneven windows
def _adaptive_rule(metas: Any, attrs: Any) -> Any:
    m = metas[0]
    return (meta((*m.shape[:2], *attrs[0]), m.dtype), meta((*m.shape[:2], *attrs[0]), int64))


def adaptive_bounds(size: int, out: int) -> list[tuple[int, int]]:
    """Where each of `out` windows over an axis begins and ends; they may overlap."""
    return [(k * size // out, -(-(k + 1) * size // out)) for k in range(out)]


def _span_reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    (axis, size, scaled), a, d = attrs, arrays[0], metas[0].dtype
    if is_half(d):
        a = a.astype(np.float32)
    moved = np.moveaxis(a, axis, 0)
    n = len(moved)
    if scaled == BEFORE:
        moved = np.stack([r / a.dtype.type(y - x) for r, (x, y) in
                          zip(moved, adaptive_bounds(size, n), strict=True)])  # fmt: skip
    out = np.stack([moved[x:y].sum(0) for x, y in adaptive_bounds(n, size)])
    if scaled == AFTER:
        counts = [y - x for x, y in adaptive_bounds(n, size)]
        out = out / np.asarray(counts, a.dtype).reshape(-1, *(1,) * (out.ndim - 1))
    return convert(np.ascontiguousarray(np.moveaxis(out, 0, axis)), d)


def _span_lower(b: Any, ins: list[int], node: Any) -> list[int]:
    """A sum over the places of the longest span; where a span is shorter, 0 is added."""
    (axis, size, scaled), (x,), m = node.attrs, ins, node.meta
    t, n = Terms(b), b.graph.shapes[x][axis]
    if scaled == BEFORE:
        first, last = _ends(b, t, size, n)
        x = t.op("div", x, _along(b, t.op("sub", last, first), m.dtype, axis, m.ndim))
    first, last = _ends(b, t, n, size)
    lengths = [y - x for x, y in adaptive_bounds(n, size)]
    total = None
    for k in range(max(lengths)):
        at = t.op("add", first, Number(k))
        inside = None if k < min(lengths) else t.op("le", at, t.op("sub", last, Number(1)))
        if inside is not None:
            at = t.op("where", inside, at, first)
        seen = b.add("take", (x, at), m.shape, m.dtype, (axis,), _taken(axis))
        if inside is not None:
            seen = t.op("where", _along(b, inside, bool_, axis, m.ndim), seen, Number(0.0))
        total = seen if total is None else t.op("add", total, seen)
    assert total is not None
    if scaled == AFTER:
        count = _along(b, t.op("sub", last, first), m.dtype, axis, m.ndim)
        total = t.op("div", total, count)
    return [total]


def _taken(axis: int) -> Any:
    return lambda a, i: np.take(a, i, axis)


def _along(b: Any, v: int, d: Any, axis: int, ndim: int) -> int:
    """A row of numbers along an axis of a value."""
    (n,) = b.graph.shapes[v]
    return int(b.reshape(b.cast(v, d), (*(1,) * axis, n, *(1,) * (ndim - axis - 1))))


def _ends(b: Any, t: Terms, size: int, out: int) -> tuple[int, int]:
    """`adaptive_bounds` as two rows of int64.

    Whole numbers are divided in float64 by a reciprocal, half a unit away from where the result
    would change: exact, and in vectors.
    """
    places = np.arange(out)
    at = b.cast(b.add("iota", (), (out,), int64, (0,), host=lambda: places), float64)
    at = t.op("mul", at, Number(size))
    ends = []
    for shift in (0.5, size + out - 0.5):
        quotient = t.op("mul", t.op("add", at, Number(shift)), Number(1.0 / out))
        ends.append(b.cast(quotient, int64))  # towards 0: they are not negative
    return ends[0], ends[1]


BEFORE, AFTER = "before", "after"
_EXCHANGED = {"": "", BEFORE: AFTER, AFTER: BEFORE}

# Sums over the spans of an axis that `adaptive_bounds` gives, or their means. What a place belongs
# to is again given by `adaptive_bounds`, with the sizes exchanged: the op is its own gradient.
# attrs: (axis, size of the result, what is divided by the length of its span: AFTER results,
# BEFORE operands, or "")
SPAN_SUM: Op = Op(
    "span_sum",
    "reduction",
    lambda metas, attrs: (
        meta(
            (*metas[0].shape[: attrs[0]], attrs[1], *metas[0].shape[attrs[0] + 1 :]),
            metas[0].dtype,
        ),
    ),
    _span_reference,
    lambda n, g: (
        record1(
            SPAN_SUM, g,
            (n.attrs[0], n.meta(0).shape[n.attrs[0]], _EXCHANGED[n.attrs[2]]),
        ),
    ),
    _span_lower,
    grad_name="AdaptiveAvgPool2DBackward0",
    example=Example(
        *(
            ((shape,), (axis, size, scaled))
            for shape, axis, size in (
                ((7,), 0, 3), ((5, 3), 0, 8), ((2, 3, 28), 2, 5), ((3, 28, 20), 1, 5),
                ((2, 5, 40), 1, 28), ((0, 5), 1, 3), ((30, 4, 70), 2, 9),
            )
            for scaled in ("", BEFORE, AFTER)
        ),
        dtypes="f",
        tolerance=64.0,
    ),
)  # fmt: skip


def _adaptive_reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    a = arrays[0].astype(np.float32) if is_half(metas[0].dtype) else arrays[0]
    shape, spatial = metas[0].shape, a.shape[2:]
    best, index = np.empty(shape, a.dtype), np.empty(shape, np.int64)
    places = np.arange(math.prod(spatial)).reshape(spatial)
    bounds = [adaptive_bounds(n, m) for n, m in zip(spatial, attrs[0], strict=True)]
    for at in np.ndindex(*attrs[0]):
        cut = tuple(slice(*bounds[k][i]) for k, i in enumerate(at))
        window = a[(slice(None), slice(None), *cut)].reshape(*shape[:2], -1)
        first = window.argmax(axis=2)
        to = (slice(None), slice(None), *at)
        best[to] = np.take_along_axis(window, first[..., None], 2)[..., 0]
        index[to] = places[cut].reshape(-1)[first]
    return convert(best, metas[0].dtype), index


# The maximum over windows that share an axis evenly. attrs: (sizes of the result's spatial axes,)
ADAPTIVE_MAX_POOL = Op(
    "adaptive_max_pool", "reduction", _adaptive_rule, _adaptive_reference, _max_gradient,
    grad_name="AdaptiveMaxPool2DBackward0",
    example=Example((((2, 3, 7),), ((3,),)), (((2, 3, 7, 5),), ((3, 4),)),
        (((1, 2, 4, 5, 3),), ((2, 2, 2),)), dtypes="if"),
)  # fmt: skip
