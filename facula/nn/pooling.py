"""Pooling layers."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from .module import Module


class _MaxPoolNd(Module):
    _axes = 0

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
        return_indices: bool = False, ceil_mode: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size, self.padding, self.dilation = kernel_size, padding, dilation
        self.stride = stride if stride is not None else kernel_size
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def forward(self, input: Tensor) -> Any:
        return getattr(F, f"max_pool{self._axes}d")(
            input, self.kernel_size, self.stride, self.padding, self.dilation,
            ceil_mode=self.ceil_mode, return_indices=self.return_indices,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPoolNd):
    """The largest element of each window of (N, C, L) or (C, L)."""

    _axes = 1


class MaxPool2d(_MaxPoolNd):
    """The largest element of each window of (N, C, H, W) or (C, H, W)."""

    _axes = 2


class MaxPool3d(_MaxPoolNd):
    """The largest element of each window of (N, C, D, H, W) or (C, D, H, W)."""

    _axes = 3


def _numbers(value: Any, n: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * n


class _MaxUnpoolNd(Module):
    _axes = 0

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        self.kernel_size = _numbers(kernel_size, self._axes)
        self.stride = _numbers(stride if stride is not None else kernel_size, self._axes)
        self.padding = _numbers(padding, self._axes)

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        f = getattr(F, f"max_unpool{self._axes}d")
        return f(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpoolNd):
    """Puts elements where MaxPool1d with return_indices found them, zeros elsewhere."""

    _axes = 1


class MaxUnpool2d(_MaxUnpoolNd):
    """Puts elements where MaxPool2d with return_indices found them, zeros elsewhere."""

    _axes = 2


class MaxUnpool3d(_MaxUnpoolNd):
    """Puts elements where MaxPool3d with return_indices found them, zeros elsewhere."""

    _axes = 3


class _AvgPoolNd(Module):
    kernel_size: Any
    stride: Any
    padding: Any

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(_AvgPoolNd):
    """The mean of each window of (N, C, L) or (C, L)."""

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size = _numbers(kernel_size, 1)
        self.stride = _numbers(stride if stride is not None else kernel_size, 1)
        self.padding = _numbers(padding, 1)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool1d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
        )


class AvgPool2d(_AvgPoolNd):
    """The mean of each window of (N, C, H, W) or (C, H, W)."""

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size, self.padding, self.ceil_mode = kernel_size, padding, ceil_mode
        self.stride = stride if stride is not None else kernel_size
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool2d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
            self.count_include_pad, self.divisor_override,
        )  # fmt: skip


class AvgPool3d(AvgPool2d):
    """The mean of each window of (N, C, D, H, W) or (C, D, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool3d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
            self.count_include_pad, self.divisor_override,
        )  # fmt: skip


class _LPPoolNd(Module):
    _axes = 0

    def __init__(
        self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
    ) -> None:
        super().__init__()
        self.norm_type, self.kernel_size = norm_type, kernel_size
        self.stride, self.ceil_mode = stride, ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        f = getattr(F, f"lp_pool{self._axes}d")
        return f(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPoolNd):
    """The norm of order norm_type of each window of (N, C, L) or (C, L)."""

    _axes = 1


class LPPool2d(_LPPoolNd):
    """The norm of order norm_type of each window of (N, C, H, W) or (C, H, W)."""

    _axes = 2


class LPPool3d(_LPPoolNd):
    """The norm of order norm_type of each window of (N, C, D, H, W) or (C, D, H, W)."""

    _axes = 3


class _AdaptiveNd(Module):
    _axes = 0

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class _AdaptiveAvgPoolNd(_AdaptiveNd):
    def forward(self, input: Tensor) -> Tensor:
        return getattr(F, f"adaptive_avg_pool{self._axes}d")(input, self.output_size)


class _AdaptiveMaxPoolNd(_AdaptiveNd):
    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        f = getattr(F, f"adaptive_max_pool{self._axes}d")
        return f(input, self.output_size, self.return_indices)


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """Means of windows of (N, C, L) or (C, L) such that output_size are left."""

    _axes = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """Means of windows of (N, C, H, W) or (C, H, W) such that output_size are left."""

    _axes = 2


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """Means of windows of (N, C, D, H, W) or (C, D, H, W) such that output_size are left."""

    _axes = 3


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """The largest elements of windows of (N, C, L) or (C, L) such that output_size are left."""

    _axes = 1


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """The largest elements of windows of (N, C, H, W) or (C, H, W) such that output_size are
    left.
    """

    _axes = 2


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """The largest elements of windows of (N, C, D, H, W) or (C, D, H, W) such that output_size
    are left.
    """

    _axes = 3
