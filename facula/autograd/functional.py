"""`backward` and `grad`; the derivatives of functions are looked up at their first use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..tensor import Tensor, wrap
from ..trace.recorder import state
from ..trace.values import Value
from . import engine
from .gradients import gradients


def _tuple(x: Any) -> tuple[Any, ...]:
    if x is None:
        return ()
    return tuple(x) if isinstance(x, (list, tuple)) else (x,)


def _roots(
    outputs: Sequence[Tensor], grads: Sequence[Tensor | None], name: str
) -> tuple[list[Value], list[Value | None]]:
    values: list[Value] = []
    gs: list[Value | None] = []
    for k, (t, g) in enumerate(zip(outputs, grads, strict=True)):
        m = t._v.meta
        if g is None:
            if m.requires_grad and m.numel != 1:
                raise RuntimeError("grad can be implicitly created only for scalar outputs")
            if m.requires_grad and m.dtype.is_complex:
                raise RuntimeError(
                    "grad can be implicitly created only for real scalar outputs but got "
                    f"{m.dtype!r}"
                )
        elif not isinstance(g, Tensor):
            raise TypeError(f"gradients can be either Tensors or None, but got {type(g).__name__}")
        elif g._v.meta.shape != m.shape:
            raise RuntimeError(
                f"Mismatch in shape: grad_output[{k}] has a shape of {g.shape} and output[{k}] has "
                f"a shape of {t.shape}."
            )
        if not m.requires_grad:
            raise RuntimeError(
                f"element {k} of tensors does not require grad and does not have a grad_fn"
            )
        if t._v.over == "stale":
            state.refresh(t._v)
        values.append(t._v)
        gs.append(None if g is None else g._v)
    return values, gs


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Accumulates the gradients of tensors into the leaves' `.grad` (those of `inputs` only, if
    given).
    """
    outputs = _tuple(tensors)
    grads = _tuple(grad_tensors) or (None,) * len(outputs)
    if len(grads) != len(outputs):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(grads)} gradients")
    retain = create_graph if retain_graph is None else bool(retain_graph)
    values, gs = _roots(outputs, grads, "backward")
    if inputs is None:
        engine.backward_many(values, gs, retain, create_graph)
        return
    targets = _tuple(inputs)
    if not targets:
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    found = gradients(values, gs, [t._v for t in targets], retain, create_graph)
    for t, g in zip(targets, found, strict=True):
        if g is not None:
            t._accumulate(g, create_graph)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of outputs with respect to inputs, one for each input.

    Raises RuntimeError for an input that the outputs do not depend on, unless `allow_unused` (None
    for it then) or `materialize_grads` (zeros for it then).
    """
    outs, ins = _tuple(outputs), _tuple(inputs)
    if not ins:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    grads = _tuple(grad_outputs) if grad_outputs is not None else (None,) * len(outs)
    retain = create_graph if retain_graph is None else bool(retain_graph)
    values, gs = _roots(outs, grads, "grad")
    for t in ins:
        if not t.requires_grad:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
        if t._v.over == "stale":
            state.refresh(t._v)
    found = gradients(values, gs, [t._v for t in ins], retain, create_graph)
    result: list[Tensor | None] = []
    for k, (t, g) in enumerate(zip(ins, found, strict=True)):
        if g is None and materialize_grads:
            result.append(t.new_zeros(tuple(t.shape)))
        elif g is None:
            if not allow_unused:
                raise RuntimeError(
                    f"The differentiated Tensor at index {k} appears to not have been used in the "
                    "graph. Set allow_unused=True if this is the desired behavior."
                )
            result.append(None)
        else:
            result.append(wrap(g))
    return tuple(result)


Tensor._backward = backward  # type: ignore[attr-defined]  # what Tensor.backward does not do itself

_DERIVATIVES = ("jacobian", "hessian", "vjp", "jvp", "vhp", "hvp")


def __getattr__(name: str) -> Any:
    if name in _DERIVATIVES:
        from . import derivatives

        return getattr(derivatives, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
