"""Pooling functions over 1 to 3 axes: arguments and errors as PyTorch's, the records of
ops.pooling beneath.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..dtypes import int64, type_name
from ..ops import elementwise as e
from ..ops.indexing import SCATTER, zeros
from ..ops.movement import cat, reshape, slice_
from ..ops.pooling import (
    ADAPTIVE_MAX_POOL,
    AFTER,
    MAX_POOL,
    MEAN_POOL,
    SPAN_SUM,
    adaptive_bounds,
    pooled_size,
)
from ..ops.reduce import SUM
from ..tensor import Tensor, wrap
from ..trace.recorder import record, record1, record_many
from ..trace.values import Value
from ._arguments import value_of

_WORDS = {1: "one int", 2: "two ints", 3: "three ints"}


def _numbers(value: Any, n: int, name: str, what: str, omitted: bool = False) -> tuple[int, ...]:
    if type(value) is int:
        return (value,) * n
    numbers = tuple(int(k) for k in value)
    if len(numbers) == 1:
        return numbers * n
    if len(numbers) != n:
        must = "must either be omitted, a single int" if omitted else "must either be a single int"
        if what == "dilation":
            must = "must be either a single int"
        raise RuntimeError(f"{name}: {what} {must}, or a tuple of {_WORDS[n]}")
    return numbers


def _batched(v: Value, n: int, name: str) -> tuple[Value, bool]:
    """The input as [N, C, *], and whether it was. Raises RuntimeError for another number of
    axes.
    """
    shape = v.meta.shape
    batched = len(shape) == n + 2
    if not batched and len(shape) != n + 1:
        if name == "max_pool1d":
            raise RuntimeError(
                "max_pool1d: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size "
                f"for input, but got:{list(shape)}"
            )
        if n == 1:
            raise RuntimeError(
                f"Expected 2 to 3 dimensions, but got {len(shape)}-dimensional tensor for argument "
                f"#1 'self' (while checking arguments for {name})"
            )
        if name == "avg_pool2d" and len(shape) < 3:
            low = len(shape)
            raise IndexError(
                f"Dimension out of range (expected to be in range of [{-low}, {low - 1}], but got "
                "-3)"
            )
        if name.startswith("adaptive"):
            colon = ":" if "max" in name else ""
            raise RuntimeError(
                f"{name}(): Expected {n + 1}D or {n + 2}D tensor, but got{colon} {list(shape)}"
            )
        raise RuntimeError(f"non-empty {n + 1}D or {n + 2}D (batch mode) tensor expected for input")
    return (v, True) if batched else (reshape(v, (1, *shape)), False)


def _check(
    name: str, shape: Sequence[int], kernel: tuple[int, ...], stride: tuple[int, ...],
    padding: tuple[int, ...], dilation: tuple[int, ...], ceil: bool,
) -> None:  # fmt: skip
    """Raises PyTorch's RuntimeError for windows that don't fit."""
    n = len(kernel)
    if any(k <= 0 for k in kernel):
        raise RuntimeError(
            "stride should not be zero" if 0 in kernel and stride == kernel
            else f"kernel size should be greater than zero, but got {_named('k', kernel)}"
        )  # fmt: skip
    if any(s == 0 for s in stride):
        raise RuntimeError("stride should not be zero")
    if any(p < 0 for p in padding):
        raise RuntimeError(f"pad must be non-negative, but got pad: {min(padding)}")
    for p, k, d in zip(padding, kernel, dilation, strict=True):
        if p > ((k - 1) * d + 1) // 2:
            if name == "max_pool1d":
                raise RuntimeError(
                    "max_pool1d() padding should be at most half of kernel size, but got "
                    f"padding={p} and kernel_size={k}"
                )
            raise RuntimeError(
                f"pad should be at most half of effective kernel size, but got pad={p}, "
                f"kernel_size={k} and dilation={d}"
            )
    if any(d <= 0 for d in dilation):
        raise RuntimeError(
            f"dilation should be greater than zero, but got {_named('dilation', dilation)}"
        )
    if 0 in shape[1:]:
        raise RuntimeError(
            f"Expected {n + 1}D or {n + 2}D (batch mode) tensor with optional 0 dim batch size for "
            f"input, but got:{list(shape)}"
        )
    spatial = shape[2:]
    out = [
        pooled_size(*numbers, ceil)
        for numbers in zip(spatial, kernel, stride, padding, dilation, strict=True)
    ]
    extent = [a + 2 * p for a, p in zip(spatial, padding, strict=True)]
    if name == "avg_pool3d" and any(a < k for a, k in zip(extent, kernel, strict=True)):
        raise RuntimeError(
            f"input image (T: {spatial[0]} H: {spatial[1]} W: {spatial[2]}) smaller than kernel "
            f"size (kT: {kernel[0]} kH: {kernel[1]} kW: {kernel[2]})"
        )
    if any(m < 1 for m in out):
        if name == "max_pool1d":
            raise RuntimeError(f"max_pool1d() Invalid computed output size: {out[0]}")
        given, made = [shape[1], *spatial], [shape[1], *out]
        if n == 1:
            given, made = [shape[1], 1, *spatial], [shape[1], 1, *out]
        raise RuntimeError(
            f"Given input size: ({'x'.join(map(str, given))}). Calculated output size: "
            f"({'x'.join(map(str, made))}). Output size is too small"
        )


def _named(what: str, numbers: Sequence[int]) -> str:
    letters = "THW"[-len(numbers) :]
    return " ".join(f"{what}{a}: {k}" for a, k in zip(letters, numbers, strict=True))


def _finished(v: Value, batched: bool, name: str) -> Tensor:
    """The result without the batch axis that the input did not have."""
    t = wrap(v if batched else reshape(v, v.meta.shape[1:]))
    t._fn_name = name
    return t


# ---------------------------------------------------------------- maximum
def _max_pool(
    n: int, input: Tensor, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil: bool
) -> tuple[Tensor, Tensor]:
    name = f"max_pool{n}d"
    kernel = _numbers(kernel_size, n, name, "kernel_size")
    omitted = stride is None or stride == ()
    steps = kernel if omitted else _numbers(stride, n, name, "stride", True)
    low = _numbers(padding, n, name, "padding")
    spread = _numbers(dilation, n, name, "dilation")
    v, batched = _batched(value_of(input, name), n, name)
    _check(name, v.meta.shape, kernel, steps, low, spread, ceil)
    values, index = record_many(MAX_POOL, (v,), (kernel, steps, low, spread, bool(ceil)))
    fn = "SqueezeBackward1" if n == 1 else f"MaxPool{n}DWithIndicesBackward0"
    return _finished(values, batched, fn), _finished(index, batched, fn)


def _max(n: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def both(
        input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
        ceil_mode: bool = False, return_indices: bool = False,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        return _max_pool(n, input, kernel_size, stride, padding, dilation, ceil_mode)

    def f(
        input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
        ceil_mode: bool = False, return_indices: bool = False,
    ) -> Any:  # fmt: skip
        values = _max_pool(n, input, kernel_size, stride, padding, dilation, ceil_mode)
        return values if return_indices else values[0]

    text = f"""The largest element of each window over the last {n} axes of (N, C, *) or (C, *).

    stride: kernel_size by default. padding counts as minus infinity. ceil_mode: windows may reach
    over the end. return_indices: also the places in the flattened axes (int64). RuntimeError for
    windows that don't fit.
    """
    return _documented(f, f"max_pool{n}d", text), _documented(
        both, f"max_pool{n}d_with_indices", text
    )


def _documented(f: Callable[..., Any], name: str, text: str) -> Callable[..., Any]:
    f.__name__ = f.__qualname__ = name
    f.__doc__ = text
    return f


max_pool1d, max_pool1d_with_indices = _max(1)
max_pool2d, max_pool2d_with_indices = _max(2)
max_pool3d, max_pool3d_with_indices = _max(3)


# ---------------------------------------------------------------- average
def _avg_pool(
    n: int, input: Tensor, kernel_size: Any, stride: Any, padding: Any, ceil: bool, include: bool,
    divisor: int | None,
) -> Tensor:  # fmt: skip
    name = f"avg_pool{n}d"
    kernel = _numbers(kernel_size, n, name, "kernel_size")
    omitted = stride is None or stride == ()
    steps = kernel if omitted else _numbers(stride, n, name, "stride", True)
    low = _numbers(padding, n, name, "padding")
    v, batched = _batched(value_of(input, name), n, name)
    if divisor == 0:
        raise RuntimeError("divisor must be not zero")
    _check(name, v.meta.shape, kernel, steps, low, (1,) * n, ceil)
    attrs = (kernel, steps, low, (1,) * n, bool(ceil), bool(include), divisor)
    fn = "SqueezeBackward1" if n == 1 else f"AvgPool{n}DBackward0"
    return _finished(record1(MEAN_POOL, v, attrs), batched, fn)


_AVERAGE = """The mean of each window over the last {n} axes of (N, C, *) or (C, *).

    stride: kernel_size by default. padding counts as zero, and in the divisor if count_include_pad.
    ceil_mode: windows may reach over the end.{more} RuntimeError for windows that don't fit.
    """


def avg_pool1d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    return _avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


avg_pool1d.__doc__ = _AVERAGE.format(n=1, more="")


def _avg(n: int) -> Callable[..., Tensor]:
    def f(
        input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0,
        ceil_mode: bool = False, count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Tensor:  # fmt: skip
        return _avg_pool(
            n, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
        )

    more = " divisor_override: what sums are divided by."
    return _documented(f, f"avg_pool{n}d", _AVERAGE.format(n=n, more=more))


avg_pool2d, avg_pool3d = _avg(2), _avg(3)


# ---------------------------------------------------------------- adaptive
def _sizes(output_size: Any, v: Value, n: int, name: str) -> tuple[int, ...]:
    if isinstance(output_size, int):
        sizes: tuple[Any, ...] = (output_size,) * n
    else:
        sizes = tuple(output_size)
        if len(sizes) == 1:
            sizes = sizes * n
    if len(sizes) != n:
        if n == 1:
            raise RuntimeError(
                f"{name}() argument 'output_size' should contain one int (got {len(sizes)})"
            )
        if len(sizes) >= v.meta.ndim:
            raise ValueError(f"Input dimension should be at least {len(sizes) + 1}")
        if "max" in name:
            raise RuntimeError(f"{name}(): internal error: output_size.size() must be {n}")
        raise RuntimeError(f"{name}: output_size must be {n}")
    have = v.meta.shape[-n:]
    return tuple(h if k is None else int(k) for k, h in zip(sizes, have, strict=True))


def _check_adaptive(v: Value, sizes: tuple[int, ...], n: int, name: str) -> None:
    shape = v.meta.shape
    maximum = "max" in name
    for axis in range(1, len(shape)):
        if shape[axis] == 0 and axis >= len(shape) - n:
            raise RuntimeError(
                f"{name}(): Expected input to have non-zero size for non-batch dimensions, but "
                f"input has sizes {list(shape)} with dimension {axis} being empty"
            )
    if any(k < 0 for k in sizes):
        if maximum:
            raise RuntimeError(
                "Trying to create tensor with negative dimension "
                f"{next(k for k in sizes if k < 0)}: {[*shape[:2], *sizes]}"
            )
        shown = f"{sizes[0]}, {','.join(map(str, sizes[1:]))}" if n > 1 else f"1, {sizes[0]}"
        raise RuntimeError(
            f"adaptive_avg_pool{max(n, 2)}d: elements of output_size must be greater than or equal "
            f"to 0 but received {{{shown}}}"
        )
    if not v.meta.dtype.is_floating_point:
        kernel = (
            f"adaptive_{'max' if maximum else 'avg'}_pool{max(n, 2)}d{'_cpu' if n == 3 else ''}"
        )
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{type_name(v.meta.dtype)}'")


def _even(shape: Sequence[int], sizes: tuple[int, ...]) -> tuple[int, ...] | None:
    """The kernel, if every axis is shared evenly."""
    if any(m == 0 or n % m for n, m in zip(shape, sizes, strict=True)):
        return None
    return tuple(n // m for n, m in zip(shape, sizes, strict=True))


def _adaptive_avg(n: int, input: Tensor, output_size: Any) -> Tensor:
    name = f"adaptive_avg_pool{n}d"
    if n > 1 and not isinstance(output_size, int):
        sizes = _sizes(output_size, input._v, n, name)
    v, batched = _batched(value_of(input, name), n, name)
    sizes = _sizes(output_size, v, n, name)
    _check_adaptive(v, sizes, n, name)
    kernel = _even(v.meta.shape[2:], sizes)
    if kernel is not None:
        zero, one = (0,) * n, (1,) * n
        r = record1(MEAN_POOL, v, (kernel, kernel, zero, one, False, True, None))
    else:
        r = v
        for k, m in enumerate(sizes):
            r = _axis_means(r, k + 2, m)
    fn = "SqueezeBackward1" if n == 1 else f"AdaptiveAvgPool{n}DBackward0"
    if n > 1 and all(k == 1 for k in sizes):
        fn = "MeanBackward1"
    return _finished(r, batched, fn)


_LONGEST = 16  # span up to which means are one sum over the places of all spans


def _axis_means(v: Value, axis: int, out: int) -> Value:
    """The means over `out` windows of an axis that need not share it evenly."""
    shape = v.meta.shape
    if out == shape[axis]:
        return v
    if out == 0:
        return slice_(
            v,
            (0,) * len(shape),
            tuple(0 if k == axis else n for k, n in enumerate(shape)),
            (1,) * len(shape),
        )
    bounds, parts = adaptive_bounds(shape[axis], out), []
    if max(last - first for first, last in bounds) <= _LONGEST:
        return record1(SPAN_SUM, v, (axis, out, AFTER))
    for first, last in bounds:
        starts = tuple(first if k == axis else 0 for k in range(len(shape)))
        stops = tuple(last if k == axis else n for k, n in enumerate(shape))
        part = slice_(v, starts, stops, (1,) * len(shape))
        if last - first > 1:
            part = e.div(record1(SUM, part, ((axis,), True)), float(last - first))
        parts.append(part)
    return parts[0] if len(parts) == 1 else cat(parts, axis)


def _adaptive_max(n: int, input: Tensor, output_size: Any) -> tuple[Tensor, Tensor]:
    name = f"adaptive_max_pool{n}d"
    if n > 1 and not isinstance(output_size, int):
        sizes = _sizes(output_size, input._v, n, name)
    v, batched = _batched(value_of(input, name), n, name)
    sizes = _sizes(output_size, v, n, name)
    _check_adaptive(v, sizes, n, name)
    kernel = _even(v.meta.shape[2:], sizes)
    if kernel is not None:
        zero, one = (0,) * n, (1,) * n
        values, index = record_many(MAX_POOL, (v,), (kernel, kernel, zero, one, False))
    else:
        values, index = record_many(ADAPTIVE_MAX_POOL, (v,), (sizes,))
    fn = "SqueezeBackward1" if n == 1 else f"AdaptiveMaxPool{n}DBackward0"
    return _finished(values, batched, fn), _finished(index, batched, fn)


def _adaptive(n: int) -> tuple[Callable[..., Any], ...]:
    def average(input: Tensor, output_size: Any) -> Tensor:
        return _adaptive_avg(n, input, output_size)

    def maximum(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
        values = _adaptive_max(n, input, output_size)
        return values if return_indices else values[0]

    def both(
        input: Tensor, output_size: Any, return_indices: bool = False
    ) -> tuple[Tensor, Tensor]:
        return _adaptive_max(n, input, output_size)

    text = f"""The {{}} of windows that share the last {n} axes of (N, C, *) or (C, *) so that
    output_size (None: as it is) are left. Windows may overlap.{{}} RuntimeError for sizes that
    don't fit.
    """
    more = " return_indices: also the places in the flattened axes."
    return (
        _documented(average, f"adaptive_avg_pool{n}d", text.format("mean", "")),
        _documented(maximum, f"adaptive_max_pool{n}d", text.format("largest element", more)),
        _documented(
            both, f"adaptive_max_pool{n}d_with_indices", text.format("largest element", more)
        ),
    )


adaptive_avg_pool1d, adaptive_max_pool1d, adaptive_max_pool1d_with_indices = _adaptive(1)
adaptive_avg_pool2d, adaptive_max_pool2d, adaptive_max_pool2d_with_indices = _adaptive(2)
adaptive_avg_pool3d, adaptive_max_pool3d, adaptive_max_pool3d_with_indices = _adaptive(3)


# ---------------------------------------------------------------- power average
def _lp(n: int) -> Callable[..., Tensor]:
    def f(
        input: Tensor,
        norm_type: float,
        kernel_size: Any,
        stride: Any = None,
        ceil_mode: bool = False,
    ) -> Tensor:
        kernel = _numbers(kernel_size, n, f"lp_pool{n}d", "kernel_size")
        powers: Any = input.pow(norm_type)
        mean: Any = _avg_pool(n, powers, kernel, stride, 0, ceil_mode, True, None)
        positive = mean.sign() * mean.abs().relu()
        return (positive * math.prod(kernel)).pow(1.0 / norm_type)

    return _documented(
        f,
        f"lp_pool{n}d",
        f"""The norm of order `norm_type` of each window over the last {n} axes.

    stride: kernel_size by default. ceil_mode: windows may reach over the end.
    """,
    )


lp_pool1d, lp_pool2d, lp_pool3d = map(_lp, (1, 2, 3))


# ---------------------------------------------------------------- the inverse
def _unpooled_size(
    input: Tensor,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    wanted: Any,
) -> tuple[int, ...]:
    n = len(kernel)
    shape = input._v.meta.shape[-n:]
    usual = tuple(
        (m - 1) * s + k - 2 * p for m, s, k, p in zip(shape, stride, kernel, padding, strict=True)
    )
    if wanted is None:
        return usual
    if len(wanted) == n + 2:
        wanted = wanted[2:]
    if len(wanted) != n:
        raise ValueError(
            f"output_size should be a sequence containing {n} or {n + 2} elements, but it has a "
            f"length of '{len(wanted)}'"
        )
    for d, (k, s) in enumerate(zip(usual, stride, strict=True)):
        if not k - s < wanted[d] < k + s:
            raise ValueError(
                f'invalid output_size "{wanted}" (dim {d} must be between {k - s} and {k + s})'
            )
    return tuple(wanted)


def _unpool(n: int) -> Callable[..., Tensor]:
    def f(
        input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0,
        output_size: Any = None,
    ) -> Tensor:  # fmt: skip
        name = f"max_unpool{n}d"
        kernel = _numbers(kernel_size, n, name, "kernel_size")
        steps = kernel if stride is None else _numbers(stride, n, name, "stride")
        size = _unpooled_size(
            input, kernel, steps, _numbers(padding, n, name, "padding"), output_size
        )
        if indices.dtype is not int64:
            raise RuntimeError(
                f"elements in indices should be type int64 but got: {type_name(indices.dtype)}"
            )
        v, i = input._v, indices._v
        if v.meta.shape != i.meta.shape:
            raise RuntimeError(
                "Expected shape of indices to be same as that of the input tensor "
                f"({list(v.meta.shape)}), but got indices tensor with shape: {list(i.meta.shape)}"
            )
        lead = v.meta.shape[:-n]
        flat = (*lead, math.prod(v.meta.shape[-n:]))
        base = zeros((*lead, math.prod(size)), v)
        axis = len(lead)
        r = record(SCATTER, (base, reshape(i, flat), reshape(v, flat)), (axis,))
        t = wrap(reshape(r, (*lead, *size)))
        t._fn_name = f"MaxUnpool{n}DBackward0" if n > 1 else "SqueezeBackward1"
        return t

    return _documented(
        f,
        f"max_unpool{n}d",
        f"""Zeros with the elements of `input` at the places that max_pool{n}d found.

    output_size: where several sizes lead to the input's, the wanted one. ValueError if it does not.
    """,
    )


max_unpool1d, max_unpool2d, max_unpool3d = map(_unpool, (1, 2, 3))
