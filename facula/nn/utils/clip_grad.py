"""Limiting the size of gradients. Everything stays on the device; nothing here waits for a
value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import facula

from ...ops.elementwise import MUL
from ...ops.movement import cat, reshape
from ...ops.reduce import SUM
from ...tensor import Tensor, wrap
from ...trace.recorder import record1, record2
from ...trace.values import Value


def _as_list(parameters: Any) -> list[Tensor]:
    return [parameters] if isinstance(parameters, Tensor) else list(parameters)


def _gradients(parameters: list[Tensor]) -> list[Value]:
    found: list[Any] = [p._grad for p in parameters if p._grad is not None]
    return [g if type(g) is Value else g._v for g in found]


def _write_gradients(
    parameters: list[Tensor],
    make: Callable[[Value], Value],
    write: Callable[[Tensor], Any],
) -> None:
    """Puts what `make` makes of it, or `write` writes, into the gradient of each parameter.

    A gradient that nobody has looked at since a backward pass left it is a value, not a tensor
    (tensor_gradient.py): no view shares its memory and no version is counted, so that another
    value may take its place for a fifth of the price.
    """
    for p in parameters:
        g: Any = p._grad
        if g is None:
            continue
        if type(g) is Value and not g.meta.requires_grad:
            made = make(g)
            if made.meta.dtype is g.meta.dtype:
                p._grad = made
                continue
        tensor: Any = p.grad
        write(tensor)


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


def _norms(values: list[Value], order: float) -> Tensor:
    """A vector of the values' norms."""
    if order != 2.0 or any(v.meta.dtype is not values[0].meta.dtype for v in values):
        return facula.stack([_norm(wrap(v), order) for v in values])
    squares = [record1(SUM, record2(MUL, v, v), (tuple(range(v.meta.ndim)), False)) for v in values]
    return wrap(cat([reshape(s, (1,)) for s in squares], 0)).sqrt()


def _total(values: list[Value], order: float, finite: bool) -> Tensor:
    if not values:
        return facula.tensor(0.0)
    total: Tensor = _norm(_norms(values, order), order)
    if finite and not math.isfinite(total.item()):
        raise RuntimeError(
            f"The total norm of order {order} for gradients from `parameters` is non-finite, "
            "so it cannot be clipped. To disable this error and scale the gradients by the "
            "non-finite norm anyway, set `error_if_nonfinite=False`"
        )
    return total


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
        values = [t._v for t in _as_list(tensors)]
        return _total(values, float(norm_type), error_if_nonfinite)


def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    total_norm: Tensor,
    foreach: bool | None = None,
) -> None:
    """Scales the gradients by max_norm / total_norm where that is below 1."""
    with facula.no_grad():
        coefficient = facula.clamp(float(max_norm) / (total_norm + 1e-6), max=1.0)
        _write_gradients(
            _as_list(parameters),
            lambda g: record2(MUL, g, coefficient._v),
            lambda grad: grad.mul_(coefficient),
        )


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
    with facula.no_grad():
        total = _total(_gradients(listed), float(norm_type), error_if_nonfinite)
    clip_grads_with_norm_(listed, max_norm, total, foreach)
    return total


def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None
) -> None:
    """Limits every element of the gradients to [-clip_value, clip_value]."""
    limit = float(clip_value)
    with facula.no_grad():
        _write_gradients(
            _as_list(parameters),
            lambda g: facula.clamp(wrap(g), min=-limit, max=limit)._v,
            lambda grad: grad.clamp_(min=-limit, max=limit),
        )
