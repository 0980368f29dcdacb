"""Convolutions and transposed convolutions over 1 to 3 axes: arguments as PyTorch's, one record
beneath.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..dtypes import float32, is_half, type_name
from ..ops import elementwise as e
from ..ops.convolution import CONVOLUTION, CONVOLUTION_INPUT
from ..ops.movement import pad, reshape
from ..ops.record import Op
from ..tensor import Tensor, wrap
from ..trace.recorder import record2
from ..trace.values import Value
from ._arguments import value_of

_TYPES = {
    "float32": "float",
    "float64": "double",
    "float16": "c10::Half",
    "bfloat16": "c10::BFloat16",
}


def _tuple(value: Any, n: int, name: str) -> tuple[int, ...]:
    """One number for each spatial axis. Raises RuntimeError for another count."""
    if type(value) is int:
        return (value,) * n
    numbers = tuple(value) if isinstance(value, Sequence) else (int(value),)
    if len(numbers) == 1:
        return (int(numbers[0]),) * n
    if len(numbers) != n:
        raise RuntimeError(
            f"expected {name} to be a single integer value or a list of {n} values to match the "
            f"convolution dimensions, but got {name}={list(numbers)}"
        )
    return tuple(int(k) for k in numbers)


def _batched(v: Value, n: int, name: str) -> tuple[Value, bool]:
    """The input with a batch axis, and whether it had one."""
    m = v.meta
    if m.ndim == n + 2:
        return v, True
    if m.ndim == n + 1:
        return reshape(v, (1, *m.shape)), False
    raise RuntimeError(
        f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {name}, but got input of "
        f"size: {list(m.shape)}"
    )


def _finish(r: Value, bias: Value | None, batched: bool) -> Tensor:
    if bias is not None:
        r = e.add(r, reshape(bias, (bias.meta.numel, *(1,) * (r.meta.ndim - 2))))
    if batched:
        t = wrap(r)
        t._fn_name = "ConvolutionBackward0"
        return t
    t = wrap(reshape(r, r.meta.shape[1:]))
    t._fn_name = "SqueezeBackward1"
    return t


def _convolved(
    op: Op, x: Value, w: Value, attrs: tuple[Any, ...], bias: Value | None, batched: bool
) -> Tensor:
    """The result with its bias, rounded once: 16-bit floats are summed in float32."""
    kind = x.meta.dtype
    if not is_half(kind) or bias is None or w.meta.dtype is not kind:
        return _finish(record2(op, x, w, attrs), bias, batched)
    r = record2(op, e.cast(x, float32), e.cast(w, float32), attrs)
    t = _finish(r, e.cast(bias, float32), batched)
    rounded = wrap(e.cast(t._v, kind))
    rounded._fn_name = t._fn_name
    return rounded


def _check_bias(x: Value, w: Value, bias: Value | None, channels: int, transposed: bool) -> None:
    if bias is None:
        return
    if bias.meta.shape != (channels,):
        given = "Given transposed=1, weight" if transposed else "Given weight"
        raise RuntimeError(
            f"{given} of size {list(w.meta.shape)}, expected bias to be 1-dimensional with "
            f"{channels} elements, but got bias of size {list(bias.meta.shape)} instead"
        )
    a, b = x.meta.dtype, bias.meta.dtype
    if a is not b:
        first, second = _TYPES.get(a.name, type_name(a)), _TYPES.get(b.name, type_name(b))
        raise RuntimeError(f"Input type ({first}) and bias type ({second}) should be the same")


def _same(v: Value, w: Value, dilation: tuple[int, ...]) -> tuple[Value, tuple[int, ...]]:
    """The input and the padding by which the result is of the input's size; odd rests go to the
    end.
    """
    total = [d * (k - 1) for d, k in zip(dilation, w.meta.shape[2:], strict=True)]
    if any(t % 2 for t in total):
        v = pad(v, (0,) * v.meta.ndim, (0, 0, *(t % 2 for t in total)))
    return v, tuple(t // 2 for t in total)


def _convolution(
    n: int, input: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any,
    dilation: Any, groups: int,
) -> Tensor:  # fmt: skip
    x, batched = _batched(value_of(input, f"conv{n}d"), n, f"conv{n}d")
    w, b = value_of(weight, f"conv{n}d", "weight", 2), None if bias is None else bias._v
    if w.meta.ndim != n + 2:
        raise RuntimeError(
            f"Expected {n + 2}-dimensional weight for conv{n}d, but got weight of size "
            f"{list(w.meta.shape)} instead"
        )
    steps = stride if type(stride) is tuple and len(stride) == n else _tuple(stride, n, "stride")
    spread = (
        dilation
        if type(dilation) is tuple and len(dilation) == n
        else _tuple(dilation, n, "dilation")
    )
    if isinstance(padding, str):
        if padding == "valid":
            amounts: tuple[int, ...] = (0,) * n
        elif padding == "same":
            if any(s != 1 for s in steps):
                raise RuntimeError("padding='same' is not supported for strided convolutions")
            x, amounts = _same(x, w, spread)
        else:
            raise RuntimeError(f"Invalid padding string: '{padding}'")
    elif type(padding) is tuple and len(padding) == n:
        amounts = padding
    else:
        amounts = _tuple(padding, n, "padding")
    if x.meta.dtype is w.meta.dtype:
        _check_bias(x, w, b, w.meta.shape[0], False)
    return _convolved(CONVOLUTION, x, w, (steps, amounts, spread, groups), b, batched)


def _transposed(
    n: int, input: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any,
    output_padding: Any, groups: int, dilation: Any,
) -> Tensor:  # fmt: skip
    x, batched = _batched(input._v, n, f"conv_transpose{n}d")
    w, b = value_of(weight, f"conv{n}d", "weight", 2), None if bias is None else bias._v
    steps, amounts = _tuple(stride, n, "stride"), _tuple(padding, n, "padding")
    more, spread = _tuple(output_padding, n, "output_padding"), _tuple(dilation, n, "dilation")
    if any(k < 0 for k in more):
        raise RuntimeError("negative output_padding is not supported")
    if any(k >= s and k >= d for k, s, d in zip(more, steps, spread, strict=True)):
        names = ("depth", "height", "width")[-n:]
        groups_of = (("output_padding", more), ("stride", steps), ("dilation", spread))
        said = (
            f"{what}_{a}: {k}" for what, ks in groups_of for a, k in zip(names, ks, strict=True)
        )
        raise RuntimeError(
            "output padding must be smaller than either stride or dilation, but got "
            f"{' '.join(said)}"
        )
    spatial = tuple(
        (m - 1) * s - 2 * p + d * (k - 1) + o + 1
        for m, s, p, d, k, o in zip(
            x.meta.shape[2:], steps, amounts, spread, w.meta.shape[2:], more, strict=True
        )
    )
    if x.meta.dtype is w.meta.dtype:
        _check_bias(x, w, b, w.meta.shape[1] * groups, True)
    attrs = (steps, amounts, spread, groups, spatial)
    return _convolved(CONVOLUTION_INPUT, x, w, attrs, b, batched)


_LETTERS = {1: "L", 2: "H, W", 3: "D, H, W"}


def _plain(n: int) -> Callable[..., Tensor]:
    def f(
        input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1,
        padding: Any = 0, dilation: Any = 1, groups: int = 1,
    ) -> Tensor:  # fmt: skip
        return _convolution(n, input, weight, bias, stride, padding, dilation, groups)

    return _documented(
        f,
        f"conv{n}d",
        f"""Convolution of input (N, C, {_LETTERS[n]}) or without N.

    weight is (O, C / groups, kernel), bias (O). stride, padding and dilation are a number or one
    for each axis; padding may be 'valid' or 'same' (for stride 1). Raises RuntimeError for sizes
    that don't fit.
    """,
    )


def _turned(n: int) -> Callable[..., Tensor]:
    def f(
        input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1,
        padding: Any = 0, output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
    ) -> Tensor:  # fmt: skip
        return _transposed(
            n, input, weight, bias, stride, padding, output_padding, groups, dilation
        )

    return _documented(
        f,
        f"conv_transpose{n}d",
        f"""The transpose of conv{n}d: input (N, C, {_LETTERS[n]}) or without N.

    weight is (C, O / groups, kernel), bias (O). output_padding enlarges the result at the end of
    each axis; it is smaller than stride or dilation. Raises RuntimeError for sizes that don't fit.
    """,
    )


def _documented(f: Callable[..., Tensor], name: str, text: str) -> Callable[..., Tensor]:
    f.__name__ = f.__qualname__ = name
    f.__doc__ = text
    return f


conv1d, conv2d, conv3d = map(_plain, (1, 2, 3))
conv_transpose1d, conv_transpose2d, conv_transpose3d = map(_turned, (1, 2, 3))
