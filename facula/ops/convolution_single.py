"""Convolutions whose result has a single place on every axis, as matrix products.

The kernel then meets each number of the input once at most: the result is the product of the images
with the weight, and so are the gradients. Transposed convolutions of 1 x 1 inputs, which generators
begin with, and kernels that cover the whole input, which networks end with, are of this kind.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..trace.values import Shape


def single_forward(b: Any, ins: list[int], shape: Shape, attrs: Any) -> int | None:
    """The convolution's result of this shape, or None where it has more places than one."""
    if prod(shape[2:]) != 1:
        return None
    x, w = ins
    _, padding, dilation, groups = attrs[:4]
    sizes, kernel = b.graph.shapes[x][2:], b.graph.shapes[w][2:]
    taps = [_seen(*n) for n in zip(sizes, kernel, padding, dilation, strict=True)]
    if not all(taps):
        return int(b.constant(0.0, b.graph.dtypes[x], shape))
    seen = sliced(b, x, [_places(t, *n) for t, *n in zip(taps, padding, dilation, strict=True)])
    rows = _grouped(b, seen, 1, groups)
    columns = _grouped(b, sliced(b, w, taps), 0, groups)
    found = _product(b, rows, _turned(b, columns))
    return int(b.reshape(_turned(b, found, (1, 0, 2)), shape))


def single_input(b: Any, ins: list[int], shape: Shape, attrs: Any) -> int | None:
    """The gradient of the input, or None where the result has more places or the input has places
    that no tap meets.
    """
    g, w = ins
    _, padding, dilation, groups = attrs[:4]
    if prod(b.graph.shapes[g][2:]) != 1:
        return None
    taps = []
    for n, k, p, d in zip(shape[2:], b.graph.shapes[w][2:], padding, dilation, strict=True):
        first = p // d
        if (d != 1 and n != 1) or p % d or first + n > k:
            return None
        taps.append(range(first, first + n))
    rows = _grouped(b, g, 1, groups)
    found = _product(b, rows, _grouped(b, sliced(b, w, taps), 0, groups))
    return int(b.reshape(_turned(b, found, (1, 0, 2)), shape))


def single_weight(b: Any, ins: list[int], shape: Shape, attrs: Any) -> int | None:
    """The gradient of the weight, or None where a tap sees nothing or places are several."""
    x, g = ins
    _, padding, dilation, groups = attrs[:4]
    if prod(b.graph.shapes[g][2:]) != 1:
        return None
    sizes = b.graph.shapes[x][2:]
    for n, k, p, d in zip(sizes, shape[2:], padding, dilation, strict=True):
        if _seen(n, k, p, d) != range(k):
            return None
    taps = [_places(range(k), p, d) for k, p, d in zip(shape[2:], padding, dilation, strict=True)]
    seen = _grouped(b, sliced(b, x, taps), 1, groups)
    return int(b.reshape(_product(b, _turned(b, _grouped(b, g, 1, groups)), seen), shape))


def _seen(size: int, kernel: int, padding: int, dilation: int) -> range:
    """The taps of the kernel's first place that see the input."""
    return range(-(-padding // dilation), min(kernel, (size + padding - 1) // dilation + 1))


def _places(taps: range, padding: int, dilation: int) -> range:
    """What they see."""
    first = taps[0] * dilation - padding
    return range(first, first + dilation * (len(taps) - 1) + 1, dilation)


def sliced(b: Any, v: int, places: list[range]) -> int:
    """These places of the spatial axes."""
    return int(b.slice(v, *zip(*((p.start, p.stop, p.step) for p in places), strict=True)))


def _grouped(b: Any, v: int, axis: int, groups: int) -> int:
    """As matrices [groups, first axis, all others]; the groups are those of an axis."""
    shape = b.graph.shapes[v]
    if axis == 0:
        return int(b.reshape(v, (groups, shape[0] // groups, prod(shape[1:]))))
    apart = b.reshape(v, (shape[0], groups, prod(shape[1:]) // groups))
    return _turned(b, apart, (1, 0, 2))


def _turned(b: Any, v: int, dims: tuple[int, ...] = (0, 2, 1)) -> int:
    old = b.graph.shapes[v]
    shape = tuple(old[k] for k in dims)
    long = [k for k in dims if old[k] != 1]
    if long == sorted(long):
        return int(b.reshape(v, shape))
    return int(
        b.add("permute", (v,), shape, b.graph.dtypes[v], (dims,), lambda a: a.transpose(dims))
    )


def _product(b: Any, x: int, y: int) -> int:
    """The product of [groups, m, k] and [groups, k, n]."""
    groups, m, _ = b.graph.shapes[x]
    shape = (groups, m, b.graph.shapes[y][-1])
    if groups > 1:
        return int(b.add("matmul", (x, y), shape, b.graph.dtypes[x], host=np.matmul))
    flat = tuple(b.reshape(v, b.graph.shapes[v][1:]) for v in (x, y))
    found = b.add("matmul", flat, shape[1:], b.graph.dtypes[x], host=np.matmul)
    return int(b.reshape(found, shape))
