"""The `.grad` of a tensor.

A backward pass leaves values with its leaves, not tensors: most of them are never looked at by
anybody but an optimizer, which wants no more than the value. `.grad` becomes a tensor when it is
asked for, and is that tensor from then on.
"""

from __future__ import annotations

import threading
from typing import Any

from .autograd import engine
from .dtypes import type_name
from .ops.elementwise import ADD
from .tensor_sharing import lower_name
from .trace.recorder import record2, set_grad_mode, state
from .trace.values import Value

_making = threading.Lock()  # two threads that ask get the same tensor


def gradient(t: Any) -> Any:
    """The gradient that a tensor has, as a tensor; None if there is none."""
    g = t._grad
    if type(g) is Value:
        with _making:
            g = t._grad
            if type(g) is Value:
                g = t._grad = engine.wrap(g)
    return g


def gradient_values(tensors: list[Any]) -> list[Value]:
    """The values of the tensors' gradients. Raises AttributeError if one of them has none."""
    return [g if type(g) is Value else g._v for g in [t._grad for t in tensors]]


def accumulate(t: Any, g: Value, create: bool) -> None:
    """Adds a gradient to that of a leaf, and tells those who wait for it."""
    have = gradient(t)
    if have is None:
        t._grad = g
    elif create:
        t._grad = engine.wrap(record2(ADD, have._v, g))
    else:
        mode = state.tr.grad
        set_grad_mode(False)
        try:
            have._write(record2(ADD, have._v, g))
        finally:  # a `.grad` of another shape (`.data` was replaced) raises
            set_grad_mode(mode)
    if t._after_hooks:
        for hook in list(t._after_hooks.values()):
            hook(t)


def run_hooks(t: Any, g: Value) -> Value:
    """A gradient as the hooks of a leaf leave it."""
    made = engine.wrap(g)
    for hook in list((t._hooks or {}).values()):
        r = hook(made)
        if r is not None:
            made = r
    found: Value = made._v
    return found


def check_grad(t: Any, g: Any) -> None:
    """Raises RuntimeError if a tensor cannot be the gradient of `t`: another dtype or shape."""
    if g.dtype is not t.dtype:
        raise RuntimeError(
            f"attempting to assign a gradient with dtype '{lower_name(g.dtype)}' to a tensor with "
            f"grad_dtype '{type_name(t.dtype)}'. The gradient must match the tensor's grad_dtype "
            "(defaults to the tensor's dtype). You can set the tensor's grad_dtype attribute with "
            "a specific dtype, or None to allow any dtype. Set grad_dtype with caution. Diverging "
            "the dtypes of a tensor and its gradient may break downstream systems that assume they "
            "match."
        )
    if g._v.meta.shape != t._v.meta.shape:
        raise RuntimeError(
            f"attempting to assign a gradient of size '{list(g.shape)}' to a tensor of size "
            f"'{list(t.shape)}'. Please ensure that the gradient and the tensor are the same size"
        )
