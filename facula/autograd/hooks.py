"""Hooks of tensors: Python that runs when a gradient passes by."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import Any

from ..dtypes import type_name
from ..tensor import Tensor, wrap
from ..trace.recorder import state
from ..trace.values import Value
from . import calls

_ids = itertools.count()


class RemovableHandle:
    """Removes a hook: ``handle.remove()``, or at the end of a with statement."""

    def __init__(self, hooks: dict[int, Any], remove: Callable[[], None] | None = None) -> None:
        self.id = next(_ids)
        self._hooks = hooks
        self._remove = remove

    def remove(self) -> None:
        """Takes the hook away."""
        self._hooks.pop(self.id, None)
        if self._remove is not None:
            self._remove()

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: Any) -> None:
        self.remove()


def _graph_place(t: Tensor) -> tuple[Any, int]:
    if t._v.over == "stale":
        state.refresh(t._v)
    p = calls.place(t._v)
    if p is None:
        raise RuntimeError("internal error: a tensor that requires a gradient has no graph")
    tape, slot = p
    if tape is state.tr:
        tape.complex = True
    if tape.hooks is None:
        tape.hooks = {}
    return tape, slot


def _checked(hook: Callable[[Tensor], Any]) -> Callable[[Tensor], Any]:
    """The hook, which may return nothing or a gradient of the same dtype and shape."""

    def call(g: Tensor) -> Any:
        r = hook(g)
        if r is None:
            return None
        if not isinstance(r, Tensor):
            raise TypeError(f"expected Variable, but hook returned '{type(r).__name__}'")
        given, made = g._v.meta, r._v.meta
        name = getattr(hook, "__name__", "<unknown>")
        if given.dtype is not made.dtype:
            raise RuntimeError(
                f"hook '{name}' has changed the type of value (was "
                f"torch.{type_name(given.dtype)}Tensor got torch.{type_name(made.dtype)}Tensor)"
            )
        if given.shape != made.shape:
            raise RuntimeError(f"hook '{name}' has changed the size of value")
        return r

    return call


def register_hook(self: Tensor, hook: Callable[[Tensor], Any]) -> RemovableHandle:
    """Calls `hook(grad)` when this tensor's gradient is computed; what it returns replaces the
    gradient.
    """
    if not self.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if self._v.meta.leaf:
        if self._hooks is None:
            self._hooks = {}
        hooks = self._hooks

        def cleared() -> None:
            if not hooks and not self._after_hooks:
                self._hooks = None

        handle = RemovableHandle(hooks, cleared)
        hooks[handle.id] = _checked(hook)
        return handle
    tape, slot = _graph_place(self)

    def on_value(g: Value) -> Value | None:
        if handle.id not in registered:
            return None
        r = checked(wrap(g))
        return None if r is None else r._v

    checked = _checked(hook)
    registered: dict[int, Any] = {}
    handle = RemovableHandle(registered)
    registered[handle.id] = hook
    tape.hooks.setdefault(slot, []).append(on_value)
    return handle


def register_post_accumulate_grad_hook(
    self: Tensor, hook: Callable[[Tensor], Any]
) -> RemovableHandle:
    """Calls `hook(tensor)` after a gradient was accumulated in this leaf."""
    if not self.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if not self._v.meta.leaf:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    if self._after_hooks is None:
        self._after_hooks = {}
    if self._hooks is None:
        self._hooks = {}
    handle = RemovableHandle(self._after_hooks)
    self._after_hooks[handle.id] = hook
    return handle


def retain_grad(self: Tensor) -> None:
    """Keeps the gradient of a tensor that is not a leaf in its `.grad`."""
    if not self.requires_grad:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    if self.is_leaf or self._retains:
        return
    self._retains = True
    tape, slot = _graph_place(self)
    handle = weakref.ref(self)

    def keep(g: Value) -> None:
        t = handle()
        if t is not None:
            have = t.grad
            t._grad = wrap(g) if have is None else have.detach() + wrap(g)

    tape.hooks.setdefault(slot, []).append(keep)


Tensor.register_hook = register_hook  # type: ignore[attr-defined]
Tensor.register_post_accumulate_grad_hook = register_post_accumulate_grad_hook  # type: ignore[attr-defined]
Tensor.retain_grad = retain_grad  # type: ignore[attr-defined]
