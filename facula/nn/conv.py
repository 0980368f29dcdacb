"""Convolutional layers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import facula

from ..tensor import Tensor
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter

_MODES = ("zeros", "reflect", "replicate", "circular")


def _numbers(value: Any, n: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, Iterable) else (value,) * n


class _ConvNd(Module):
    """What all convolutions share: the numbers, weight and bias, their initial values and their
    text.
    """

    weight: Parameter
    bias: Parameter | None
    _axes = 0

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any, padding: Any,
        dilation: Any, transposed: bool, output_padding: Any, groups: int, bias: bool,
        padding_mode: str, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups != 0:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups != 0:
            raise ValueError("out_channels must be divisible by groups")
        n = self._axes
        stride = _numbers(stride, n)
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(
                    f"Invalid padding string {padding!r}, should be one of {{'same', 'valid'}}"
                )
            if padding == "same" and any(s != 1 for s in stride):
                raise ValueError("padding='same' is not supported for strided convolutions")
        else:
            padding = _numbers(padding, n)
        if padding_mode not in _MODES:
            raise ValueError(
                "padding_mode must be one of {'reflect', 'replicate', 'zeros', 'circular'}, but "
                f"got padding_mode='{padding_mode}'"
            )
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.stride = _numbers(kernel_size, n), stride
        self.padding, self.dilation = padding, _numbers(dilation, n)
        self.transposed, self.output_padding = transposed, _numbers(output_padding, n)
        self.groups, self.padding_mode = groups, padding_mode
        self._reversed_padding_repeated_twice = self._amounts()
        first, second = (in_channels, out_channels) if transposed else (out_channels, in_channels)
        shape = (first, second // groups, *self.kernel_size)
        self.weight = Parameter(facula.empty(shape, device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(facula.empty(out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _amounts(self) -> Sequence[int]:
        """The padding as F.pad takes it: the last axis first, both ends."""
        if not isinstance(self.padding, str):
            return tuple(p for p in reversed(self.padding) for _ in range(2))
        amounts = [0] * (2 * len(self.kernel_size))
        if self.padding == "same":
            for k, (d, size) in enumerate(zip(self.dilation, self.kernel_size, strict=True)):
                total = d * (size - 1)
                at = 2 * (len(self.kernel_size) - 1 - k)
                amounts[at], amounts[at + 1] = total // 2, total - total // 2
        return amounts

    def reset_parameters(self) -> None:
        """Draws the initial values again: uniform on [-1/sqrt(k), 1/sqrt(k)], k the inputs of
        one output.
        """
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            if fan_in != 0:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        s = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}"
        )
        n = len(self.kernel_size)
        if self.padding != (0,) * n:
            s += f", padding={self.padding}"
        if self.dilation != (1,) * n:
            s += f", dilation={self.dilation}"
        if self.output_padding != (0,) * n:
            s += f", output_padding={self.output_padding}"
        if self.groups != 1:
            s += f", groups={self.groups}"
        if self.bias is None:
            s += ", bias=False"
        if self.padding_mode != "zeros":
            s += f", padding_mode={self.padding_mode}"
        return s

    def __setstate__(self, state: Any) -> None:
        super().__setstate__(state)
        if not hasattr(self, "padding_mode"):
            self.padding_mode = "zeros"


class _Plain(_ConvNd):
    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1,
        padding: Any = 0, dilation: Any = 1, groups: int = 1, bias: bool = True,
        padding_mode: str = "zeros", device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, False, 0, groups,
            bias, padding_mode, device, dtype,
        )  # fmt: skip

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        f = getattr(F, f"conv{self._axes}d")
        if self.padding_mode == "zeros":
            return f(input, weight, bias, self.stride, self.padding, self.dilation, self.groups)
        padded = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
        return f(padded, weight, bias, self.stride, (0,) * self._axes, self.dilation, self.groups)

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, self.weight, self.bias)


class Conv1d(_Plain):
    """Convolution of (N, C, L) or (C, L): weight (out_channels, in_channels / groups,
    kernel_size).
    """

    _axes = 1


class Conv2d(_Plain):
    """Convolution of (N, C, H, W) or (C, H, W): weight (out_channels, in_channels / groups,
    *kernel_size).
    """

    _axes = 2


class Conv3d(_Plain):
    """Convolution of (N, C, D, H, W) or without N: weight (out_channels, in_channels / groups,
    *kernel_size).
    """

    _axes = 3


class _ConvTransposeNd(_ConvNd):
    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1,
        padding: Any = 0, output_padding: Any = 0, groups: int = 1, bias: bool = True,
        dilation: Any = 1, padding_mode: str = "zeros", device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, True, output_padding,
            groups, bias, padding_mode, device, dtype,
        )  # fmt: skip

    def _output_padding(self, input: Tensor, output_size: Sequence[int] | None) -> tuple[int, ...]:
        """The output padding that gives a wanted size. Raises ValueError for sizes that none
        gives.
        """
        if output_size is None:
            return self.output_padding
        n = self._axes
        spatial = input.dim() - n
        if len(output_size) == spatial + n:
            output_size = output_size[spatial:]
        if len(output_size) != n:
            raise ValueError(
                f"ConvTranspose{n}D: for {input.dim()}D input, output_size must have {n} or "
                f"{spatial + n} elements (got {len(output_size)})"
            )
        low = [
            (m - 1) * s - 2 * p + d * (k - 1) + 1
            for m, s, p, d, k in zip(
                input.shape[spatial:],
                self.stride,
                self.padding,
                self.dilation,
                self.kernel_size,
                strict=True,
            )
        ]
        high = [a + s - 1 for a, s in zip(low, self.stride, strict=True)]
        for wanted, a, b in zip(output_size, low, high, strict=True):
            if not a <= wanted <= b:
                raise ValueError(
                    f"requested an output size of {output_size}, but valid sizes range from {low} "
                    f"to {high} (for an input of {input.size()[2:]})"
                )
        return tuple(w - a for w, a in zip(output_size, low, strict=True))

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        more = self._output_padding(input, output_size)
        f = getattr(F, f"conv_transpose{self._axes}d")
        return f(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            more,
            self.groups,
            self.dilation,
        )


class ConvTranspose1d(_ConvTransposeNd):
    """The transpose of Conv1d: weight (in_channels, out_channels / groups, kernel_size)."""

    _axes = 1


class ConvTranspose2d(_ConvTransposeNd):
    """The transpose of Conv2d: weight (in_channels, out_channels / groups, *kernel_size)."""

    _axes = 2


class ConvTranspose3d(_ConvTransposeNd):
    """The transpose of Conv3d: weight (in_channels, out_channels / groups, *kernel_size)."""

    _axes = 3
