"""Checks of hyperparameters, with PyTorch's texts."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor


def check_lr(lr: Any) -> None:
    """Raises ValueError unless the learning rate is at least 0 (and, as a tensor, one number)."""
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    check(lr, "learning rate")


def check(value: Any, what: str) -> None:
    """Raises ValueError unless the value is at least 0."""
    if not value >= 0.0:
        raise ValueError(f"Invalid {what}: {value}")


def check_betas(betas: tuple[Any, Any]) -> None:
    """Raises ValueError unless both are in [0, 1)."""
    for i in (0, 1):
        if not 0.0 <= betas[i] < 1.0:
            raise ValueError(f"Invalid beta parameter at index {i}: {betas[i]}")


def check_fused(lr: Any, foreach: Any, fused: Any, differentiable: bool, capturable: bool) -> None:
    """Raises for combinations of the choices of implementation that exclude each other."""
    if isinstance(lr, Tensor) and foreach and not capturable:
        raise ValueError("lr as a Tensor is not supported for capturable=False and foreach=True")
    if fused:
        if differentiable:
            raise RuntimeError("`fused` does not support `differentiable`")
        if foreach:
            raise RuntimeError("`fused` and `foreach` cannot be `True` together.")


def number(x: Any) -> float:
    """A hyperparameter as a Python float; a tensor is read."""
    return float(x.item()) if isinstance(x, Tensor) else float(x)
