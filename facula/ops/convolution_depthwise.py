"""Convolutions of each channel by itself, as sums over windows of the padded input.

Every number of such a result is a sum of as many products as the kernel has taps, of an input that
is used for nothing else: there is no product of matrices to be made of it. What the taps see is a
view of the padded input, [images, channels, *taps, *places]; the result is the sum of its product
with the weight over the taps, the gradient of the weight that with the result's gradient over the
images and places. Both are one kernel that walks over the input where it lies.
"""

from __future__ import annotations

from math import prod
from typing import Any

from ..trace.values import Shape, contiguous_strides
from .convolution_single import sliced
from .lowering import Terms
from .movement import _strided


def depthwise_forward(b: Any, ins: list[int], shape: Shape, attrs: Any) -> int | None:
    """A convolution's result of this shape, or None where channels are not by themselves.

    attrs: strides, zeros before the input (negative: places that are left out), dilations, groups.
    """
    x, w = ins
    kernel = b.graph.shapes[w]
    if not _is_depthwise(b.graph.shapes[x], kernel, attrs[3]):
        return None
    rank = len(shape) - 2
    t = Terms(b)
    seen = _windows(b, x, kernel[2:], shape[2:], attrs)
    weight = b.reshape(w, (1, shape[1], *kernel[2:], *(1,) * rank))
    found = t.reduce("sum", t.op("mul", seen, weight), tuple(range(2, 2 + rank)))
    return int(b.reshape(found, shape))


def depthwise_weight(b: Any, ins: list[int], shape: Shape, attrs: Any) -> int | None:
    """The gradient of a weight of this shape, or None where channels are not by themselves."""
    x, g = ins
    if not _is_depthwise(b.graph.shapes[x], shape, attrs[3]):
        return None
    rank = len(shape) - 2
    n, channels, *places = b.graph.shapes[g]
    t = Terms(b)
    seen = _windows(b, x, shape[2:], tuple(places), attrs)
    gradient = b.reshape(g, (n, channels, *(1,) * rank, *places))
    axes = (0, *range(2 + rank, 2 + 2 * rank))
    return int(b.reshape(t.reduce("sum", t.op("mul", seen, gradient), axes), shape))


def _is_depthwise(x: Shape, w: Shape, groups: int) -> bool:
    return 1 < groups == x[1] == w[0]


def _windows(b: Any, x: int, kernel: Shape, places: Shape, attrs: Any) -> int:
    """What each tap of the kernel sees at all places: [images, channels, *kernel, *places]."""
    stride, low, dilation = attrs[:3]
    sizes = b.graph.shapes[x][2:]
    reach = [
        (n - 1) * s + d * (k - 1) + 1
        for n, s, d, k in zip(places, stride, dilation, kernel, strict=True)
    ]
    high = tuple(r - p - n for r, p, n in zip(reach, low, sizes, strict=True))
    x = sliced(
        b, x,
        [range(max(0, -p), n + min(0, q)) for n, p, q in zip(sizes, low, high, strict=True)],
    )  # fmt: skip
    before, after = (tuple(max(0, n) for n in side) for side in (low, high))
    if any(before) or any(after):
        x = b.pad(x, (0, 0, *before), (0, 0, *after), 0.0)
    shape = b.graph.shapes[x]
    image, channel, *steps = contiguous_strides(shape)
    strides = (
        image, channel,
        *(s * d for s, d in zip(steps, dilation, strict=True)),
        *(s * d for s, d in zip(steps, stride, strict=True)),
    )  # fmt: skip
    result = (*shape[:2], *kernel, *places)
    return int(
        b.add(
            "strided", (b.reshape(x, (prod(shape),)),), result, b.graph.dtypes[x], (strides, 0),
            lambda flat: _strided(flat, result, strides, 0),
        )
    )  # fmt: skip
