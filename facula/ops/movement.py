"""Movement primitives: they change where elements are, never what they are.

Those that are views in PyTorch carry `view=True` and give the strides and offset of the view
relative to its storage; the tensor layer shares storage by them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..dtypes import bool_, dtype, int64, type_name
from ..trace.recorder import record, record1, record2
from ..trace.values import Meta, Shape, Value, contiguous_strides, meta
from .record import Example, Op, common_dtype, convert


def reshape(v: Value, shape: Shape) -> Value:
    return v if v.meta.shape == shape else record1(RESHAPE, v, shape)


def permute(v: Value, dims: tuple[int, ...]) -> Value:
    return v if dims == tuple(range(len(dims))) else record1(PERMUTE, v, dims)


def transpose(v: Value, a: int = -2, b: int = -1) -> Value:
    dims = list(range(v.meta.ndim))
    dims[a], dims[b] = dims[b], dims[a]
    return permute(v, tuple(dims))


def expand(v: Value, shape: Shape) -> Value:
    return v if v.meta.shape == shape else record1(EXPAND, v, shape)


def slice_(v: Value, starts: Shape, stops: Shape, steps: Shape) -> Value:
    return record1(SLICE, v, (starts, stops, steps))


def pad(v: Value, low: Shape, high: Shape, value: float = 0.0) -> Value:
    return record1(PAD, v, (low, high, value))


def view_strides(shape: Shape, strides: Shape, new: Shape) -> Shape | None:
    """The strides of a tensor viewed in another shape, or None where that needs a copy."""
    if 0 in new:
        return contiguous_strides(new)
    old = [(n, s) for n, s in zip(shape, strides, strict=True) if n != 1]
    out: list[int] = []
    # k: the next old axis; `left` elements of the current run of old axes with this stride remain
    k = 0
    groups: list[tuple[int, int]] = []
    for n, s in old:  # merge old axes that are contiguous with each other
        if groups and groups[-1][1] == n * s:
            groups[-1] = (groups[-1][0] * n, s)
        else:
            groups.append((n, s))
    left = groups[0][0] if groups else 1
    for n in new:
        if n == 1:
            step = groups[k][1] * left if k < len(groups) else 1
            out.append(step)
            continue
        while left == 1:
            k += 1
            left = groups[k][0]
        if left % n:
            return None
        left //= n
        out.append(groups[k][1] * left)
    return tuple(out)


def _reshape_rule(metas: Any, attrs: Any) -> Any:
    m = metas[0]
    strides = view_strides(m.shape, m.strides, attrs)
    if strides is None:
        return (meta(attrs, m.dtype),)
    if strides == contiguous_strides(attrs):
        return (meta(attrs, m.dtype, offset=m.offset, strides=strides if m.offset else None),)
    return (meta(attrs, m.dtype, strides=strides, offset=m.offset),)


RESHAPE = Op(
    "reshape",
    "movement",
    _reshape_rule,
    lambda arrays, attrs, metas: arrays[0].reshape(attrs),
    lambda n, g: (reshape(g, n.meta(0).shape),),
    lambda b, ins, node: [b.reshape(ins[0], node.attrs)],
    "ViewBackward0",
    view=True,
    example=Example(
        (((3, 4),), (12,)),
        (((),), (1, 1)),
        (((1,),), ()),
        (((0, 3),), (3, 0, 2)),
        (((2, 3, 5),), (6, 5)),
        (((301, 250),), (250, 301)),
    ),
)


def _permute_rule(metas: Any, attrs: Any) -> Any:
    m = metas[0]
    shape = tuple(m.shape[d] for d in attrs)
    return (meta(shape, m.dtype, strides=tuple(m.strides[d] for d in attrs), offset=m.offset),)


def _inverse(dims: tuple[int, ...]) -> tuple[int, ...]:
    out = [0] * len(dims)
    for k, d in enumerate(dims):
        out[d] = k
    return tuple(out)


PERMUTE = Op(
    "permute",
    "movement",
    _permute_rule,
    lambda arrays, attrs, metas: arrays[0].transpose(attrs),
    lambda n, g: (permute(g, _inverse(n.attrs)),),
    lambda b, ins, node: [
        b.add(
            "permute",
            (ins[0],),
            node.meta.shape,
            node.meta.dtype,
            (node.attrs,),
            host=lambda a: a.transpose(node.attrs),
        )
    ],
    view=True,
    example=Example(
        (((),), ()),
        (((7,),), (0,)),
        (((3, 5),), (1, 0)),
        (((2, 3, 4),), (2, 0, 1)),
        (((0, 2, 3),), (1, 0, 2)),
        (((301, 250),), (1, 0)),
    ),
)


def added_axes(m: Meta, sizes: Shape) -> int:
    """How many axes expanding to these sizes adds. Raises RuntimeError where they are fewer."""
    if len(sizes) < m.ndim:
        raise RuntimeError(
            f"expand(torch.{type_name(m.dtype)}Tensor{{{list(m.shape)}}}, size={list(sizes)}): the "
            f"number of sizes provided ({len(sizes)}) must be greater or equal to the number of "
            f"dimensions in the tensor ({m.ndim})"
        )
    return len(sizes) - m.ndim


def _expand_rule(metas: Any, attrs: Any) -> Any:
    m = metas[0]
    shape: Shape = attrs
    shift = added_axes(m, shape)
    strides = [0] * len(shape)
    for k in range(m.ndim - 1, -1, -1):  # the last axis that does not fit is reported
        n = m.shape[k]
        if n == shape[k + shift]:
            strides[k + shift] = m.strides[k]
        elif n != 1:
            raise RuntimeError(
                f"The expanded size of the tensor ({shape[k + shift]}) must match the existing "
                f"size ({n}) at non-singleton dimension {k + shift}.  Target sizes: {list(shape)}. "
                f" Tensor sizes: {list(m.shape)}"
            )
    return (meta(shape, m.dtype, strides=tuple(strides), offset=m.offset),)


EXPAND = Op(
    "expand",
    "movement",
    _expand_rule,
    lambda arrays, attrs, metas: np.broadcast_to(arrays[0], attrs),
    lambda n, g: (g,),  # the engine sums over what was broadcast
    lambda b, ins, node: [b.expand(ins[0], node.meta.shape)],
    view=True,
    example=Example(
        (((),), (3,)),
        (((1, 4),), (3, 4)),
        (((4, 1),), (2, 4, 5)),
        (((1,),), (0,)),
        (((250,),), (301, 250)),
    ),
)


def _slice_rule(metas: Any, attrs: Any) -> Any:
    m = metas[0]
    starts, stops, steps = attrs
    shape = tuple(
        max(0, (b - a + s - 1) // s) for a, b, s in zip(starts, stops, steps, strict=True)
    )
    strides = tuple(x * s for x, s in zip(m.strides, steps, strict=True))
    offset = m.offset + sum(a * x for a, x in zip(starts, m.strides, strict=True))
    return (meta(shape, m.dtype, strides=strides, offset=offset),)


def _slices(attrs: Any) -> tuple[slice, ...]:
    return tuple(slice(a, b, s) for a, b, s in zip(*attrs, strict=True))


def _slice_gradient(n: Any, g: Value) -> Any:
    from .indexing import placed  # which needs this module

    return (placed(n, g) or record1(UNSLICE, g, (n.meta(0).shape, *n.attrs)),)


SLICE = Op(
    "slice",
    "movement",
    _slice_rule,
    lambda arrays, attrs, metas: arrays[0][_slices(attrs)],
    _slice_gradient,
    lambda b, ins, node: [b.slice(ins[0], *node.attrs)],
    view=True,
    example=Example(
        (((7,),), ((1,), (6,), (2,))),
        (((3, 5),), ((0, 2), (3, 5), (1, 1))),
        (((3, 5),), ((1, 1), (1, 4), (1, 1))),
        (((2, 9, 4),), ((0, 1, 0), (2, 9, 4), (1, 3, 2))),
        (((),), ((), (), ())),
        (((301, 250),), ((1, 3), (300, 250), (1, 2))),
    ),
)


def _unslice_reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    out = np.zeros(attrs[0], arrays[0].dtype)
    out[_slices(attrs[1:])] = arrays[0]
    return out


def _unslice_lower(b: Any, ins: list[int], node: Any) -> list[int]:
    shape, starts, _, steps = node.attrs
    return [_unsliced(b, ins[0], shape, starts, steps)]


def _unsliced(b: Any, v: int, shape: Shape, starts: Shape, steps: Shape) -> int:
    """Zeros with v in the place of a slice: padding, or written where the slice has gaps."""
    inner = b.graph.shapes[v]
    if all(s == 1 or n <= 1 for s, n in zip(steps, inner, strict=True)):
        high = tuple(n - a - k for n, a, k in zip(shape, starts, inner, strict=True))
        return int(b.pad(v, starts, high, 0))
    zeros = _zeros(b, b.graph.dtypes[v], shape)
    if 0 in inner:
        return int(zeros)
    strides = contiguous_strides(shape)
    offset = sum(a * s for a, s in zip(starts, strides, strict=True))
    apart = tuple(s * k for s, k in zip(strides, steps, strict=True))
    return _written(b, zeros, v, inner, apart, offset)


# The gradient of slice: zeros with the gradient in the place of the slice.
UNSLICE = Op(
    "unslice",
    "movement",
    lambda metas, attrs: (meta(attrs[0], metas[0].dtype),),
    _unslice_reference,
    lambda n, g: (slice_(g, *n.attrs[1:]),),
    _unslice_lower,
    "SliceBackward0",
    example=Example(
        (((3,),), ((7,), (1,), (6,), (2,))),
        (((3, 3),), ((3, 5), (0, 2), (3, 5), (1, 1))),
        (((0, 3),), ((3, 5), (1, 1), (1, 4), (1, 1))),
        (((2, 3, 2),), ((2, 9, 4), (0, 1, 0), (2, 9, 4), (1, 3, 2))),
    ),
)

FLIP: Op = Op(
    "flip",
    "movement",
    lambda metas, attrs: (meta(metas[0].shape, metas[0].dtype),),
    lambda arrays, attrs, metas: np.flip(arrays[0], attrs),
    lambda n, g: (record1(FLIP, g, n.attrs),),
    lambda b, ins, node: [
        b.add(
            "flip",
            (ins[0],),
            node.meta.shape,
            node.meta.dtype,
            (node.attrs,),
            host=lambda a: np.flip(a, node.attrs),
        )
    ],
    example=Example(
        (((7,),), (0,)),
        (((3, 5),), (1,)),
        (((3, 5),), (0, 1)),
        (((0, 2),), (1,)),
        (((301, 250),), (0,)),
        (((),), ()),
    ),
)


def _pad_reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    low, high, value = attrs
    a = arrays[0]
    out = np.full(metas[0].shape, value, a.dtype)
    src = tuple(
        slice(max(0, -lo), n - max(0, -hi)) for lo, hi, n in zip(low, high, a.shape, strict=True)
    )
    dst = tuple(
        slice(max(0, lo), n - max(0, hi)) for lo, hi, n in zip(low, high, out.shape, strict=True)
    )
    out[dst] = a[src]
    return out


def _pad_lower(b: Any, ins: list[int], node: Any) -> list[int] | None:
    low, high, value = node.attrs
    shape = b.graph.shapes[ins[0]]
    starts = tuple(max(0, -n) for n in low)
    stops = tuple(size - max(0, -n) for size, n in zip(shape, high, strict=True))
    if any(a > e for a, e in zip(starts, stops, strict=True)):
        return None
    v = b.slice(ins[0], starts, stops)
    low, high = (tuple(max(0, n) for n in side) for side in (low, high))
    return [b.pad(v, low, high, value) if any(low) or any(high) else v]


# Padding with a constant; a negative amount crops.
PAD = Op(
    "pad",
    "movement",
    lambda metas, attrs: (
        meta(
            tuple(
                lo + n + hi for lo, n, hi in zip(attrs[0], metas[0].shape, attrs[1], strict=True)
            ),
            metas[0].dtype,
        ),
    ),
    _pad_reference,
    lambda n, g: (pad(g, tuple(-x for x in n.attrs[0]), tuple(-x for x in n.attrs[1])),),
    _pad_lower,
    "ConstantPadNdBackward0",
    example=Example(
        (((7,),), ((1,), (2,), 0.0)),
        (((3, 5),), ((0, 2), (1, 0), 1.0)),
        (((3, 5),), ((-1, 2), (1, -2), 0.0)),
        (((0, 2),), ((1, 1), (0, 0), 1.0)),
        (((),), ((), (), 0.0)),
        (((301, 250),), ((1, 0), (0, 3), 0.0)),
    ),
)


def _cat_rule(metas: Any, attrs: Any) -> Any:
    axis = attrs[0]
    d = common_dtype(metas)
    shape = list(metas[0].shape)
    total = 0
    for k, m in enumerate(metas):
        if m.ndim != len(shape):
            raise RuntimeError(
                f"Tensors must have same number of dimensions: got {len(shape)} and {m.ndim}"
            )
        for a in range(len(shape)):
            if a != axis and m.shape[a] != shape[a]:
                raise RuntimeError(
                    f"Sizes of tensors must match except in dimension {axis}. Expected size "
                    f"{shape[a]} but got size {m.shape[a]} for tensor number {k} in the list."
                )
        total += m.shape[axis]
    shape[axis] = total
    return (meta(tuple(shape), d),)


def _cat_gradient(n: Any, g: Value) -> Any:
    axis = n.attrs[0]
    at = 0
    out: list[Any] = []
    for k in range(n.count):
        size = n.meta(k).shape[axis]
        starts = [0] * g.meta.ndim
        stops = list(g.meta.shape)
        starts[axis], stops[axis] = at, at + size
        at += size
        if n.needs[k]:
            out.append(slice_(g, tuple(starts), tuple(stops), (1,) * g.meta.ndim))
        else:
            out.append(None)
    return tuple(out)


CAT = Op(
    "cat",
    "movement",
    _cat_rule,
    lambda arrays, attrs, metas: np.concatenate(
        [convert(np.asarray(a), metas[0].dtype) for a in arrays], axis=attrs[0]
    ),
    _cat_gradient,
    lambda b, ins, node: [
        b.add("cat", tuple(b.cast(v, node.meta.dtype) for v in ins), node.meta.shape,
            node.meta.dtype, node.attrs,
              host=lambda *a: np.concatenate(a, axis=node.attrs[0]))
    ],
    example=Example(
        (((3,), (4,)), (0,)), (((2, 3), (2, 1), (2, 5)), (1,)), (((0, 3), (2, 3)), (0,)),
        (((2, 3),), (0,)), (((2, 3, 4), (2, 2, 4)), (1,)), (((100, 250), (201, 250)), (0,)),
    ),
)  # fmt: skip


_COPIES = Example((((),), ()), (((0, 2),), ()), (((3, 5),), ()))

# An alias that gradients do not flow through: detach(), .data.
ALIAS = Op(
    "detach",
    "movement",
    lambda metas, attrs: (
        meta(metas[0].shape, metas[0].dtype, strides=metas[0].strides, offset=metas[0].offset),
    ),
    lambda arrays, attrs, metas: arrays[0],
    None,
    lambda b, ins, node: [ins[0]],
    view=True,
    example=_COPIES,
)


# ---------------------------------------------------------------- any view of a storage
_WINDOW = 25  # places of a window that are added up one by one


def _strided(a: np.ndarray, shape: Shape, strides: Shape, offset: int) -> np.ndarray:
    flat = np.ascontiguousarray(a).reshape(-1)
    item = flat.itemsize
    return np.lib.stride_tricks.as_strided(flat[offset:], shape, tuple(s * item for s in strides))


def extent(shape: Shape, strides: Shape, offset: int) -> int:
    """The number of storage elements up to the last one that a view reaches."""
    if 0 in shape:
        return 0
    return offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True)) + 1


def _as_strided_rule(metas: Any, attrs: Any) -> Any:
    shape, strides, offset = attrs
    if extent(shape, strides, offset) > metas[0].numel:
        raise RuntimeError(
            f"setStorage: sizes {list(shape)}, strides {list(strides)}, storage offset {offset} "
            f"are out of bounds for storage of {metas[0].numel} elements"
        )
    return (meta(shape, metas[0].dtype, strides=strides, offset=offset),)


_STRIDED = Example(
    (((4, 5),), ((5, 4), (1, 5), 0)), (((4, 5),), ((3,), (6,), 1)), (((12,),), ((3, 4), (2, 1), 2)),
    (((4,),), ((), (), 3)), (((3, 2),), ((0, 2), (2, 1), 0)), (((6,),), ((2, 3), (0, 1), 0)),
)  # fmt: skip


def _lower_as_strided(b: Any, ins: list[int], node: Any) -> list[int]:
    shape, strides, offset = node.attrs
    (v,) = ins
    flat = b.reshape(v, (math.prod(b.graph.shapes[v]),))
    return [
        b.add(
            "strided", (flat,), shape, node.meta.dtype, (strides, offset),
            lambda a: _strided(a, shape, strides, offset),
        )
    ]  # fmt: skip


AS_STRIDED = Op(
    "as_strided",
    "movement",
    _as_strided_rule,
    lambda arrays, attrs, metas: _strided(arrays[0], *attrs),
    lambda n, g: (record1(STRIDED_ADD, g, (n.meta(0).shape, *n.attrs)),),
    _lower_as_strided,
    view=True,
    example=_STRIDED,
)


def _strided_add_reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    shape, size, strides, offset = attrs
    out = np.zeros(metas[0].numel, arrays[0].dtype)
    index = _strided(np.arange(out.size), size, strides, offset)
    np.add.at(out, index.reshape(-1), arrays[0].reshape(-1))
    return out.reshape(shape)


def _apart(shape: Shape, strides: Shape) -> bool:
    """Whether no two elements of a view share a place, as far as sizes and strides tell."""
    reach = 1
    for s, n in sorted((s, n) for s, n in zip(strides, shape, strict=True) if n != 1):
        if s < reach:
            return 0 in shape
        reach = s * n
    return True


def _zeros(b: Any, d: dtype, shape: Shape) -> int:
    return int(b.constant(0.0 if d.is_floating_point else 0, d, shape))


def _slice_of(
    shape: Shape, size: Shape, strides: Shape, offset: int
) -> tuple[tuple[int, ...], Shape, Shape] | None:
    """A view of a dense value as a slice of it: the slice's sizes, where it starts, its steps.

    None for a view that is none, or whose axes are in another order.
    """
    starts, steps, sizes = [], [], []
    rest = [(n, s) for n, s in zip(size, strides, strict=True) if n != 1]
    for n, whole in zip(shape, contiguous_strides(shape), strict=True):
        start, offset = divmod(offset, whole)
        count, step = 1, 1
        if rest and n > 1 and rest[0][1] and rest[0][1] % whole == 0:
            count, step = rest[0][0], rest[0][1] // whole
            if start + (count - 1) * step < n:
                del rest[0]
            else:
                count, step = 1, 1
        starts.append(start)
        steps.append(step)
        sizes.append(count)
    return None if rest else (tuple(sizes), tuple(starts), tuple(steps))


def _windows_added(
    b: Any, new: int, shape: Shape, size: Shape, strides: Shape, offset: int
) -> int | None:
    """What windows of few places have, added up place by place; None where it is no such view."""
    if 0 in shape or 0 in size:
        return None
    axes = sorted((k for k, n in enumerate(size) if n > 1), key=lambda k: size[k])
    for chosen in (axes[:1], axes[:2]):  # windows along one axis, or two
        counts = tuple(n if k in chosen else 1 for k, n in enumerate(size))
        others = tuple(1 if k in chosen else n for k, n in enumerate(size))
        if math.prod(counts) > _WINDOW:
            return None
        cuts = []
        for place in np.ndindex(counts):
            at = offset + sum(i * s for i, s in zip(place, strides, strict=True))
            cuts.append((place, _slice_of(shape, others, strides, at)))
        if all(cut is not None for _, cut in cuts):
            break
    else:
        return None
    total = None
    for place, cut in cuts:
        assert cut is not None
        sizes, starts, steps = cut
        high = tuple(i + n for i, n in zip(place, others, strict=True))
        part = _unsliced(b, b.reshape(b.slice(new, place, high), sizes), shape, starts, steps)
        d = b.graph.dtypes[part]
        total = part if total is None else b.add("add", (total, part), shape, d, (), np.add)
    return total


def _lower_strided_add(b: Any, ins: list[int], node: Any) -> list[int] | None:
    """Into zeros: written where places are apart, and otherwise added, at computed places."""
    shape, size, strides, offset = node.attrs
    (new,) = ins
    out = node.meta
    if _apart(size, strides):
        return [_written(b, _zeros(b, out.dtype, shape), new, size, strides, offset)]
    if out.dtype is bool_ or out.dtype.is_complex:
        return None
    windows = _windows_added(b, new, shape, size, strides, offset)
    if windows is not None:
        return [windows]
    numel = math.prod(size)
    places, zeros = _places(b, size, strides, offset), _zeros(b, out.dtype, shape)
    flat = b.add(
        "scatter_add",
        (b.reshape(zeros, (out.numel,)), b.reshape(places, (numel,)), b.reshape(new, (numel,))),
        (out.numel,), out.dtype, (0,), lambda *arrays: _added(*arrays),
    )  # fmt: skip
    return [b.reshape(flat, shape)]


def _added(base: np.ndarray, index: np.ndarray, source: np.ndarray) -> np.ndarray:
    out = base.copy()
    np.add.at(out, index, source)
    return out


def _places(b: Any, size: Shape, strides: Shape, offset: int) -> int:
    """The offset of every element of a view."""
    found = b.constant(offset, int64, size)
    for k, s in enumerate(strides):
        ramp = np.arange(size[k]).reshape(-1, *(1,) * (len(size) - 1 - k))
        at = b.add("iota", (), size, int64, (k,), lambda r=ramp: np.broadcast_to(r, size).copy())
        step = b.add("mul", (at, b.constant(s, int64, size)), size, int64, (), np.multiply)
        found = b.add("add", (found, step), size, int64, (), np.add)
    return int(found)


def _written(b: Any, base: int, new: int, shape: Shape, strides: Shape, offset: int) -> int:
    attrs = (shape, strides, offset)
    return int(
        b.add(
            "strided_write", (base, new), b.graph.shapes[base], b.graph.dtypes[base],
            (strides, offset), lambda *arrays: _strided_write_reference(arrays, attrs, None),
        )
    )  # fmt: skip


# The gradient of as_strided: elements of overlapping places add up.
STRIDED_ADD: Op = Op(
    "strided_add",
    "movement",
    lambda metas, attrs: (meta(attrs[0], metas[0].dtype),),
    _strided_add_reference,
    lambda n, g: (record1(AS_STRIDED, g, n.attrs[1:]),),
    _lower_strided_add,
    grad_name="AsStridedBackward0",
    example=Example(*(((attrs[0],), (o[0].shape, *attrs)) for o, attrs in _STRIDED.cases)),
)


def _strided_write_reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    base, new = arrays
    out = np.array(base, copy=True, order="C")  # flat below is a view of it
    flat = out.reshape(-1)
    _strided_view(flat, *attrs)[...] = new
    return out


def _strided_view(flat: np.ndarray, shape: Shape, strides: Shape, offset: int) -> np.ndarray:
    return np.lib.stride_tricks.as_strided(
        flat[offset:], shape, tuple(s * flat.itemsize for s in strides), writeable=True
    )


def _zero_in_view(g: Value, attrs: Any) -> Value:
    shape, strides, offset = attrs
    inside = record1(AS_STRIDED, g, attrs)
    from .elementwise import mul

    return record2(STRIDED_WRITE, g, mul(inside, 0.0), attrs)


# A write through a view: the base with the view's elements replaced.
STRIDED_WRITE = Op(
    "strided_write",
    "movement",
    lambda metas, attrs: (meta(metas[0].shape, metas[0].dtype),),
    _strided_write_reference,
    lambda n, g: (
        _zero_in_view(g, n.attrs) if n.needs[0] else None,
        record1(AS_STRIDED, g, n.attrs) if n.needs[1] else None,
    ),
    lambda b, ins, node: [_written(b, *ins, *node.attrs)] if _apart(*node.attrs[:2]) else None,
    grad_name="torch::autograd::CopySlices",
    example=Example(
        (((4, 5), (5, 4)), ((5, 4), (1, 5), 0)),
        (((4, 5), (3,)), ((3,), (6,), 1)),
        (((4,), ()), ((), (), 3)),
        (((3, 2), (0, 2)), ((0, 2), (2, 1), 0)),
        (((301, 250), (100, 125)), ((100, 125), (750, 2), 1)),
    ),
)


def cat(values: list[Value], axis: int) -> Value:
    return record(CAT, tuple(values), (axis,))


# What a leaf that requires gradients holds after it was written in place: a new start of gradients.
LEAF = Op(
    "leaf",
    "leaf",
    lambda metas, attrs: (meta(metas[0].shape, metas[0].dtype, True, True),),
    lambda arrays, attrs, metas: np.array(arrays[0], copy=True),
    None,
    lambda b, ins, node: [ins[0]],
    example=Example((((),), ()), (((0, 2),), ()), (((3, 5),), ()), dtypes="fc"),
)

# What a tensor with a history holds after a write that is not part of it: new numbers, the same
# gradients.
KEEP = Op(
    "keep_history",
    "history",
    lambda metas, attrs: (meta(metas[0].shape, metas[0].dtype),),
    lambda arrays, attrs, metas: np.array(arrays[1], copy=True),
    lambda n, g: (g, None),
    lambda b, ins, node: [ins[1]],
    example=Example((((), ()), ()), (((0, 2), (0, 2)), ()), (((3, 5), (3, 5)), ()), dtypes="fc"),
)
assert KEEP.example is not None
KEEP.example.derivative = False
