"""Checks of gradients against finite differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..tensor import Tensor, from_array
from .functional import grad
from .grad_mode import enable_grad


class GradcheckError(RuntimeError):
    """A gradient does not agree with finite differences."""


def _outputs(function: Callable[..., Any], inputs: tuple[Any, ...]) -> tuple[Tensor, ...]:
    out = function(*inputs)
    outs = out if isinstance(out, (tuple, list)) else (out,)
    return tuple(o for o in outs if isinstance(o, Tensor) and o.requires_grad)


def gradcheck(
    func: Callable[..., Any], inputs: Any, *, eps: float = 1e-6, atol: float = 1e-5,
    rtol: float = 1e-3, raise_exception: bool = True, nondet_tol: float = 0.0,
    check_undefined_grad: bool = True, check_grad_dtypes: bool = False,
    check_batched_grad: bool = False, fast_mode: bool = False, **_: Any,
) -> bool:  # fmt: skip
    """Whether the gradients of `func` with respect to the inputs that require them agree with
    finite differences.

    Inputs should be float64. Raises GradcheckError where they do not agree, or returns False if
    `raise_exception` is False.
    """
    args = inputs if isinstance(inputs, (tuple, list)) else (inputs,)
    args = tuple(args)
    wanted = [k for k, a in enumerate(args) if isinstance(a, Tensor) and a.requires_grad]
    if not wanted:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of the them "
            "have requires_grad=True."
        )
    try:
        with enable_grad():
            outs = _outputs(func, args)
            for n, o in enumerate(outs):
                _check_output(func, args, wanted, n, o, eps, atol, rtol)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _check_output(
    func: Callable[..., Any], args: tuple[Any, ...], wanted: list[int], n: int, out: Tensor,
    eps: float, atol: float, rtol: float,
) -> None:  # fmt: skip
    size = out.numel()
    analytic = [np.zeros((args[k].numel(), size)) for k in wanted]
    for j in range(size):
        seed = np.zeros(size)
        seed[j] = 1.0
        g = from_array(seed.reshape(tuple(out.shape)).astype(out.dtype.np), out.dtype)
        found = grad(out, [args[k] for k in wanted], g, retain_graph=True, allow_unused=True)
        for table, one in zip(analytic, found, strict=True):
            if one is not None:
                table[:, j] = one.detach()._array().reshape(-1)
    for k, table in zip(wanted, analytic, strict=True):
        numeric = _numeric(func, args, k, n, size, eps)
        if not np.allclose(table, numeric, rtol, atol):
            raise GradcheckError(
                f"Jacobian mismatch for output {n} with respect to input "
                f"{k},\nnumerical:{numeric}\nanalytical:{table}\n"
            )


def _numeric(
    func: Callable[..., Any], args: tuple[Any, ...], k: int, n: int, size: int, eps: float
) -> np.ndarray:
    base = args[k].detach()._array().copy()
    table = np.zeros((base.size, size))
    for i in range(base.size):
        sides = []
        for sign in (1, -1):
            moved = base.copy()
            moved.reshape(-1)[i] += sign * eps
            t = from_array(moved, args[k].dtype).requires_grad_()
            outs = _outputs(func, (*args[:k], t, *args[k + 1 :]))
            sides.append(outs[n].detach()._array().reshape(-1).copy())
        table[i] = (sides[0] - sides[1]) / (2 * eps)
    return table


def gradgradcheck(
    func: Callable[..., Any], inputs: Any, grad_outputs: Any = None, *, eps: float = 1e-6,
    atol: float = 1e-5, rtol: float = 1e-3, raise_exception: bool = True, **_: Any,
) -> bool:  # fmt: skip
    """As gradcheck, of the gradients themselves."""
    args = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    random = np.random.default_rng(0)

    def first(*xs: Any) -> Any:
        outs = _outputs(func, xs)
        gs = grad_outputs
        if gs is None:
            gs = [from_array(weights[i], o.dtype) for i, o in enumerate(outs)]
        wanted = [x for x in xs if isinstance(x, Tensor) and x.requires_grad]
        found = grad(outs, wanted, gs, create_graph=True, allow_unused=True)
        return tuple(g for g in found if g is not None and g.requires_grad)

    weights = [
        random.standard_normal(tuple(o.shape)).astype(o.dtype.np) for o in _outputs(func, args)
    ]
    return gradcheck(first, args, eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception)
