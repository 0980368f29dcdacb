"""Limiting the size of gradients. Everything stays on the device; nothing here waits for a
value.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import facula

from ...tensor import Tensor


def _as_list(parameters: Any) -> list[Tensor]:
    return [parameters] if isinstance(parameters, Tensor) else list(parameters)


def _gradients(parameters: Any) -> list[Tensor]:
    return [p.grad for p in _as_list(parameters) if p.grad is not None]


def _norm(t: Any, order: float) -> Any:
    """The norm of all elements as one vector, in plain operations, so that it is compiled in."""
    if order == 2.0:
        return (t * t).sum().sqrt()
    if order == 1.0:
        return t.abs().sum()
    if math.isinf(order):
        return t.abs().max() if order > 0 else t.abs().min()
    if order == 0.0:
        return (t != 0).to(t.dtype).sum()
    return t.abs().pow(order).sum().pow(1.0 / order)


def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The norm of all tensors taken together as one vector: a tensor of shape ().

    Raises RuntimeError with `error_if_nonfinite` where it is infinite or NaN. `foreach` is
    accepted; there is one way of computing it.
    """
    with facula.no_grad():
        listed = _as_list(tensors)
        norm_type = float(norm_type)
        if not listed:
            return facula.tensor(0.0)
        device = listed[0].device
        norms = [_norm(t, norm_type).to(device) for t in listed]
        total = _norm(facula.stack(norms), norm_type)
        if error_if_nonfinite and not math.isfinite(total.item()):
            raise RuntimeError(
                f"The total norm of order {norm_type} for gradients from `parameters` is "
                "non-finite, "
                "so it cannot be clipped. To disable this error and scale the gradients by the "
                "non-finite norm anyway, set `error_if_nonfinite=False`"
            )
        return total


def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    total_norm: Tensor,
    foreach: bool | None = None,
) -> None:
    """Scales the gradients by max_norm / total_norm where that is below 1."""
    with facula.no_grad():
        coefficient = facula.clamp(float(max_norm) / (total_norm + 1e-6), max=1.0)
        for grad in _gradients(parameters):
            grad.mul_(coefficient.to(grad.device))


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scales the gradients of `parameters` so that their total norm is at most `max_norm`.

    Returns the norm before. Raises as `get_total_norm` does.
    """
    listed = _as_list(parameters)
    total = get_total_norm(_gradients(listed), norm_type, error_if_nonfinite, foreach)
    clip_grads_with_norm_(listed, max_norm, total, foreach)
    return total


def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None
) -> None:
    """Limits every element of the gradients to [-clip_value, clip_value]."""
    limit = float(clip_value)
    with facula.no_grad():
        for grad in _gradients(parameters):
            grad.clamp_(min=-limit, max=limit)
