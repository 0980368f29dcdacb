"""Lowerings of the three maps of a convolution to the two that the compiler knows.

`convolve` gives the result for any number of zeros before the input, and `convolve_weight` the
gradient of the weight. The gradient of the input is a convolution again: of the gradient with the
kernel turned round. Where the strides are larger than one, each residue of a place modulo the
stride sees its own part of the kernel: one convolution for each residue, interleaved.
"""

from __future__ import annotations

import itertools
from math import gcd, prod
from typing import Any

import numpy as np

from ..dtypes import float32, float64
from ..trace.values import Shape
from .convolution_depthwise import depthwise_forward, depthwise_weight
from .convolution_single import single_forward, single_input, single_weight, sliced

_LARGEST = 1 << 27  # elements of an image: offsets of a vector's lanes are 32-bit numbers


def _native(b: Any, ins: list[int], results: Shape) -> bool:
    """Whether the compiler's code covers these operands and a result of this shape."""
    shapes = [b.graph.shapes[v] for v in ins] + [results]
    return b.graph.dtypes[ins[0]] in (float32, float64) and all(
        prod(s) and prod(s[1:]) <= _LARGEST for s in shapes
    )


def lower_forward(b: Any, ins: list[int], node: Any) -> list[int] | None:
    out = node.meta
    if not _native(b, ins, out.shape):
        return None
    single = single_forward(b, ins, out.shape, node.attrs)
    if single is not None:
        return [single]
    return [_convolve(b, ins, out.shape, tuple(node.attrs[:4]))]


def _convolve(b: Any, ins: list[int], shape: Shape, attrs: Any) -> int:
    """A convolution's result of this shape. attrs: as `depthwise_forward` has them."""
    found = depthwise_forward(b, ins, shape, attrs)
    if found is not None:
        return found
    host = _host(attrs, shape[2:])
    return int(b.add("convolve", tuple(ins), shape, b.graph.dtypes[ins[0]], attrs, host))


def lower_weight(b: Any, ins: list[int], node: Any) -> list[int] | None:
    out = node.meta
    if not _native(b, ins, out.shape):
        return None
    single = single_weight(b, ins, out.shape, node.attrs)
    if single is not None:
        return [single]
    apart = depthwise_weight(b, ins, out.shape, node.attrs)
    if apart is not None:
        return [apart]
    kernel = out.shape[2:]
    attrs = (*node.attrs[:4], kernel, 1)
    metas = node.metas
    reference, plain = node.op.reference, node.attrs
    r = b.add(
        "convolve_weight", tuple(ins), (1, *out.shape), out.dtype, attrs,
        lambda *arrays: reference(arrays, plain, metas)[None],
    )  # fmt: skip
    return [b.reshape(r, out.shape)]


def lower_input(b: Any, ins: list[int], node: Any) -> list[int] | None:
    out = node.meta
    stride, padding, dilation, groups, spatial = node.attrs
    if not _native(b, ins, out.shape):
        return None
    single = single_input(b, ins, out.shape, node.attrs)
    if single is not None:
        return [single]
    g, w = ins
    shape = b.graph.shapes[w]
    phases = [
        _phases(*numbers) for numbers in zip(stride, padding, dilation, shape[2:], strict=True)
    ]
    sizes = tuple(-(-n // s) for n, s in zip(spatial, stride, strict=True))
    turned = _exchanged(b, w, groups)
    found = {}
    for residues in itertools.product(*map(range, stride)):
        chosen = [phases[k][r] for k, r in enumerate(residues)]
        found[residues] = _phase(b, g, turned, groups, chosen, sizes)
    whole = interleaved(b, found, stride, (*out.shape[:2], *sizes))
    return [sliced(b, whole, list(map(range, spatial)))]


def _phases(stride: int, padding: int, dilation: int, kernel: int) -> list[tuple[int, ...] | None]:
    """For each residue of a place of the input: (first tap, step of taps, count, zeros before the
    gradient, dilation), or None where no tap reaches it.
    """
    out: list[tuple[int, ...] | None] = []
    common = gcd(stride, dilation)
    step = stride // common
    for residue in range(stride):
        taps = [k for k in range(kernel) if (residue + padding - k * dilation) % stride == 0]
        if not taps:
            out.append(None)
            continue
        low = -((residue + padding - taps[-1] * dilation) // stride)
        out.append((taps[0], step, len(taps), low, dilation // common))
    return out


def _exchanged(b: Any, w: int, groups: int) -> int:
    """[outs, channels / groups, *] as [channels, outs / groups, *]."""
    outs, in_group, *kernel = b.graph.shapes[w]
    rank = len(kernel)
    apart = b.reshape(w, (groups, outs // groups, in_group, *kernel))
    dims = (0, 2, 1, *range(3, 3 + rank))
    v = b.add(
        "permute", (apart,), (groups, in_group, outs // groups, *kernel), b.graph.dtypes[w],
        (dims,), lambda a: a.transpose(dims),
    )  # fmt: skip
    return int(b.reshape(v, (groups * in_group, outs // groups, *kernel)))


def _phase(
    b: Any, g: int, turned: int, groups: int, chosen: list[tuple[int, ...] | None], sizes: Shape
) -> int:
    """The gradient at the places of one residue on each axis."""
    dt = b.graph.dtypes[g]
    shape = b.graph.shapes[turned]
    result = (b.graph.shapes[g][0], shape[0], *sizes)
    taps = [c for c in chosen if c is not None]
    if len(taps) < len(chosen):
        return int(b.constant(0.0, dt, result))
    starts, steps, count = (tuple(c[k] for c in taps) for k in range(3))
    kernel = (*shape[:2], *count)
    stops = tuple(a + s * (n - 1) + 1 for a, s, n in zip(starts, steps, count, strict=True))
    v = b.slice(turned, starts, stops, steps)
    axes = tuple(2 + k for k, n in enumerate(count) if n > 1)
    if axes:
        v = b.add("flip", (v,), kernel, dt, (axes,), lambda a: np.flip(a, axes))
    low, dilation = tuple(c[3] for c in taps), tuple(c[4] for c in taps)
    attrs = ((1,) * len(taps), low, dilation, groups)
    return _convolve(b, [g, v], result, attrs)


def interleaved(b: Any, found: dict[Shape, int], stride: Shape, shape: Shape) -> int:
    """The values of all residues in one: place s * t + r is place t of residue r, by axis."""
    for k in reversed(range(len(stride))):
        if stride[k] == 1:
            found = {r[:k]: v for r, v in found.items()}
            continue
        axis = 2 + k
        apart = (*shape[: axis + 1], 1, *shape[axis + 1 :])
        joined = (*shape[: axis + 1], stride[k], *shape[axis + 1 :])
        shape = (*shape[:axis], shape[axis] * stride[k], *shape[axis + 1 :])
        merged: dict[Shape, int] = {}
        for rest in {r[:k] for r in found}:
            parts = tuple(b.reshape(found[(*rest, i)], apart) for i in range(stride[k]))
            v = b.add(
                "cat", parts, joined, b.graph.dtypes[parts[0]], (axis + 1,),
                lambda *a, axis=axis: np.concatenate(a, axis + 1),
            )  # fmt: skip
            merged[rest] = b.reshape(v, shape)
        found = merged
    return found[()]


def _host(attrs: Any, out: Shape) -> Any:
    """The reference of `convolve`: pads, or cuts, the input and leaves the rest to the op's."""
    stride, low, dilation, groups = attrs

    def host(x: np.ndarray, w: np.ndarray) -> np.ndarray:
        from .convolution import convolved

        places, widths = [slice(None)] * 2, [(0, 0)] * 2
        for k, n in enumerate(x.shape[2:]):
            reach = (out[k] - 1) * stride[k] + dilation[k] * (w.shape[2 + k] - 1) + 1
            high = reach - low[k] - n
            places.append(slice(max(0, -low[k]), n + min(0, high)))
            widths.append((max(0, low[k]), max(0, high)))
        padded = np.pad(x[tuple(places)], widths)
        return convolved(padded, w, (stride, (0,) * len(out), dilation, groups))

    return host
