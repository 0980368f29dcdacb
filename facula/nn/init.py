"""Initial values: fills tensors in place with PyTorch's distributions, formulas and order of draws.

No function records gradients. All return the tensor they filled. `generator` is the source of
random numbers; None is the default generator.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

import facula

from ..tensor import Tensor

_GAINS = {
    "linear": 1.0,
    "conv1d": 1.0,
    "conv2d": 1.0,
    "conv3d": 1.0,
    "conv_transpose1d": 1.0,
    "conv_transpose2d": 1.0,
    "conv_transpose3d": 1.0,
    "sigmoid": 1.0,
    "tanh": 5.0 / 3.0,
    "relu": math.sqrt(2.0),
    "selu": 3.0 / 4.0,
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The recommended factor for a nonlinearity; `param` is leaky_relu's negative slope (default
    0.01).

    Raises ValueError for an unknown name or a slope that is not a number.
    """
    if nonlinearity == "leaky_relu":
        if param is None:
            slope = 0.01
        elif isinstance(param, (int, float)) and not isinstance(param, bool):
            slope = param
        else:
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity not in _GAINS:
        raise ValueError(f"Unsupported nonlinearity {nonlinearity}")
    gain = _GAINS[nonlinearity]
    return 1 if gain == 1.0 else gain


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Fills with the uniform distribution on [a, b)."""
    with facula.no_grad():
        return tensor.uniform_(a, b, generator=generator)


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Fills with the normal distribution of this mean and standard deviation."""
    with facula.no_grad():
        return tensor.normal_(mean, std, generator=generator)


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Any = None,
) -> Tensor:
    """Fills with the normal distribution cut off to [a, b], by drawing again what falls outside.

    The proposals are normal where more than 45 % of them fall inside, and uniform on [a, b]
    elsewhere, accepted with the ratio of the density to its maximum in there (Robert, 1995).
    """
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. "
            "The distribution of values may be incorrect.",
            stacklevel=2,
        )

    low, high = (a - mean) / std, (b - mean) / std
    inside = (math.erf(high / math.sqrt(2.0)) - math.erf(low / math.sqrt(2.0))) / 2.0
    with facula.no_grad():
        if inside > 0.45:
            _redraw_normal(tensor, mean, std, (a, b), generator)
        else:
            top = 0.0 if low <= 0.0 <= high else min(low * low, high * high)
            _redraw_uniform(tensor, mean, std, (a, b), top, generator)
        return tensor


def _redraw_normal(
    tensor: Tensor, mean: float, std: float, limits: tuple[float, float], generator: Any
) -> None:
    low, high = limits
    tensor.normal_(mean, std, generator=generator)
    while True:
        outside = tensor.lt(low) | tensor.gt(high)
        if not outside.any():
            return
        again = facula.empty_like(tensor).normal_(mean, std, generator=generator)
        tensor.copy_(facula.where(outside, again, tensor))


def _redraw_uniform(
    tensor: Tensor,
    mean: float,
    std: float,
    limits: tuple[float, float],
    top: float,
    generator: Any,
) -> None:
    """`top`: the least squared distance from the mean, in standard deviations, within the
    limits.
    """
    missing = facula.ones_like(tensor, dtype=facula.bool)
    while missing.any():
        proposed = facula.empty_like(tensor).uniform_(*limits, generator=generator)
        chance = facula.exp((top - ((proposed - mean) / std) ** 2) / 2)
        accepted = facula.empty_like(tensor).uniform_(generator=generator) <= chance
        tensor.copy_(facula.where(missing & accepted, proposed, tensor))
        missing = missing & ~accepted


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fills with `val`."""
    with facula.no_grad():
        d = tensor.dtype
        exact = d is facula.float32 or d is facula.float64 or (d is facula.int64 and val in (0, 1))
        if type(val) is float and exact:
            return tensor._fill_memory(np.asarray(val))  # at once, as the draws
        return tensor.fill_(val)


def ones_(tensor: Tensor) -> Tensor:
    """Fills with 1."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Fills with 0."""
    return constant_(tensor, 0.0)


def eye_(tensor: Tensor) -> Tensor:
    """Fills a matrix with the identity."""
    if tensor.ndimension() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    with facula.no_grad():
        rows, columns = tensor.shape
        tensor.copy_(facula.eye(rows, columns, dtype=tensor.dtype, device=tensor.device))
    return tensor


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fills the weight of a convolution (3, 4 or 5 dimensions) so that it passes its channels
    through.
    """
    dimensions = tensor.ndimension()
    if dimensions not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    sizes = tuple(tensor.size())
    if sizes[0] % groups != 0:
        raise ValueError("dim 0 must be divisible by groups")
    per_group = sizes[0] // groups
    middle = tuple(s // 2 for s in sizes[2:])
    with facula.no_grad():
        tensor.zero_()
        for g in range(groups):
            for d in range(min(per_group, sizes[1])):
                tensor[(g * per_group + d, d, *middle)] = 1
    return tensor


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """The number of inputs and outputs of one unit of a weight with at least 2 dimensions."""
    if tensor.dim() < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions"
        )
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    mode = mode.lower()
    valid = ["fan_in", "fan_out"]
    if mode not in valid:
        raise ValueError(f"Mode {mode} not supported, please use one of {valid}")
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    return fan_in if mode == "fan_in" else fan_out


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Uniform on [-a, a] with a = gain * sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010)."""
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    std = gain * math.sqrt(2.0 / float(fan_in + fan_out))
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Normal with standard deviation gain * sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio,
    2010).
    """
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / float(fan_in + fan_out)), generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float | None:
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return None
    fan = _calculate_correct_fan(tensor, mode)
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """Uniform on [-b, b] with b = gain * sqrt(3 / fan) (He et al., 2015); `a` is the negative
    slope.
    """
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    if std is None:
        return tensor
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """Normal with standard deviation gain / sqrt(fan) (He et al., 2015); `a` is the negative
    slope.
    """
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    return tensor if std is None else normal_(tensor, 0.0, std, generator)


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Any = None) -> Tensor:
    """Fills with a (semi-)orthogonal matrix times `gain`; trailing dimensions count as columns."""
    if tensor.ndimension() < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if tensor.numel() == 0:
        return tensor
    with facula.no_grad():
        rows = tensor.size(0)
        columns = tensor.numel() // rows
        flat = facula.empty(rows, columns, dtype=tensor.dtype, device=tensor.device)
        flat.normal_(0, 1, generator=generator)
        if rows < columns:
            flat = flat.t()
        q, r = facula.linalg.qr(flat)
        q = q * facula.diag(r, 0).sign()  # makes the distribution uniform (Mezzadri, 2007)
        if rows < columns:
            q = q.t()
        tensor.copy_(q.reshape(tensor.shape))
        tensor.mul_(gain)
    return tensor


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Any = None) -> Tensor:
    """Fills a matrix with the normal distribution, then sets a share `sparsity` of each column to
    0.
    """
    if tensor.ndimension() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    rows, columns = tensor.shape
    zeros = math.ceil(sparsity * rows)
    with facula.no_grad():
        tensor.normal_(0, std, generator=generator)
        for column in range(columns):
            chosen = facula.randperm(rows)[:zeros]
            tensor[chosen, column] = 0
    return tensor


def _deprecated(current: Any, old_name: str) -> Any:
    def old(*args: Any, **kwargs: Any) -> Any:
        warnings.warn(
            f"`nn.init.{old_name}` is now deprecated in favor of `nn.init.{current.__name__}`.",
            FutureWarning,
            stacklevel=2,
        )
        return current(*args, **kwargs)

    old.__name__ = old_name
    old.__doc__ = f"The old name of `{current.__name__}`."
    return old


uniform = _deprecated(uniform_, "uniform")
normal = _deprecated(normal_, "normal")
constant = _deprecated(constant_, "constant")
eye = _deprecated(eye_, "eye")
dirac = _deprecated(dirac_, "dirac")
xavier_uniform = _deprecated(xavier_uniform_, "xavier_uniform")
xavier_normal = _deprecated(xavier_normal_, "xavier_normal")
kaiming_uniform = _deprecated(kaiming_uniform_, "kaiming_uniform")
kaiming_normal = _deprecated(kaiming_normal_, "kaiming_normal")
orthogonal = _deprecated(orthogonal_, "orthogonal")
sparse = _deprecated(sparse_, "sparse")
