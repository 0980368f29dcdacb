"""`backward`, `grad` and the hooks of tensors."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from ..tensor import Tensor, wrap
from ..trace.recorder import SLOTS, state
from ..trace.values import Value
from . import engine


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
                    f"grad can be implicitly created only for real scalar outputs but got {m.dtype!r}"
                )
        elif not isinstance(g, Tensor):
            raise TypeError(f"gradients can be either Tensors or None, but got {type(g).__name__}")
        elif g._v.meta.shape != m.shape:
            raise RuntimeError(
                f"Mismatch in shape: grad_output[{k}] has a shape of {g.shape} and output[{k}] has a shape of {t.shape}."
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
    """Accumulates the gradients of tensors into the leaves' `.grad` (those of `inputs` only, if given)."""
    outputs = _tuple(tensors)
    grads = _tuple(grad_tensors) or (None,) * len(outputs)
    if len(grads) != len(outputs):
        raise RuntimeError(
            f"got {len(outputs)} tensors and {len(grads)} gradients"
        )
    retain = create_graph if retain_graph is None else bool(retain_graph)
    values, gs = _roots(outputs, grads, "backward")
    if inputs is None:
        engine.backward_many(values, gs, retain, create_graph)
        return
    targets = _tuple(inputs)
    if not targets:
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    found = engine.gradients(values, gs, [t._v for t in targets], retain, create_graph)
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

    Raises RuntimeError for an input that the outputs do not depend on, unless `allow_unused` (None for it
    then) or `materialize_grads` (zeros for it then).
    """
    outs, ins = _tuple(outputs), _tuple(inputs)
    if not ins:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    grads = _tuple(grad_outputs) if grad_outputs is not None else (None,) * len(outs)
    retain = create_graph if retain_graph is None else bool(retain_graph)
    for t in ins:
        if not t.requires_grad:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
        if t._v.over == "stale":
            state.refresh(t._v)
    values, gs = _roots(outs, grads, "grad")
    found = engine.gradients(values, gs, [t._v for t in ins], retain, create_graph)
    result: list[Tensor | None] = []
    for k, (t, g) in enumerate(zip(ins, found, strict=True)):
        if g is None and materialize_grads:
            result.append(t.new_zeros(tuple(t.shape)))  # type: ignore[attr-defined]
        elif g is None:
            if not allow_unused:
                raise RuntimeError(
                    f"The differentiated Tensor at index {k} appears to not have been used in the graph. Set "
                    "allow_unused=True if this is the desired behavior."
                )
            result.append(None)
        else:
            result.append(wrap(g))
    return tuple(result)


# ---------------------------------------------------------------- hooks
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
    p = engine.place(t._v)
    if p is None:
        raise RuntimeError("internal error: a tensor that requires a gradient has no graph")
    tape, slot = p
    if tape is state.tr:
        tape.complex = True
    if tape.hooks is None:
        tape.hooks = {}
    return tape, slot


def register_hook(self: Tensor, hook: Callable[[Tensor], Any]) -> RemovableHandle:
    """Calls `hook(grad)` when this tensor's gradient is computed; what it returns replaces the gradient."""
    if not self.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if self._v.meta.leaf:
        if self._hooks is None:
            self._hooks = {}
        hooks = self._hooks

        def cleared() -> None:
            if not hooks:
                self._hooks = None

        handle = RemovableHandle(hooks, cleared)
        hooks[handle.id] = hook
        return handle
    tape, slot = _graph_place(self)

    def on_value(g: Value) -> Value | None:
        if handle.id not in registered:
            return None
        r = hook(wrap(g))
        return None if r is None else r._v

    registered: dict[int, Any] = {}
    handle = RemovableHandle(registered)
    registered[handle.id] = hook
    tape.hooks.setdefault(slot, []).append(on_value)
    return handle


def register_post_accumulate_grad_hook(self: Tensor, hook: Callable[[Tensor], Any]) -> RemovableHandle:
    """Calls `hook(tensor)` after a gradient was accumulated in this leaf."""
    if not self.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if not self._v.meta.leaf:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    if self._after_hooks is None:
        self._after_hooks = {}
    handle = RemovableHandle(self._after_hooks)
    self._after_hooks[handle.id] = hook
    return handle


def retain_grad(self: Tensor) -> None:
    """Keeps the gradient of a tensor that is not a leaf in its `.grad`."""
    if not self.requires_grad:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    if self.is_leaf or self._retains:
        return
    import weakref

    self._retains = True
    tape, slot = _graph_place(self)
    handle = weakref.ref(self)

    def keep(g: Value) -> None:
        t = handle()
        if t is not None:
            if t._grad is None:
                t._grad = wrap(g)
            else:
                t._grad = t._grad.detach() + wrap(g)

    tape.hooks.setdefault(slot, []).append(keep)


Tensor.register_hook = register_hook  # type: ignore[attr-defined]
Tensor.register_post_accumulate_grad_hook = register_post_accumulate_grad_hook  # type: ignore[attr-defined]
Tensor.retain_grad = retain_grad  # type: ignore[attr-defined]
Tensor.retains_grad = property(lambda self: self._retains)  # type: ignore[attr-defined]
_ = SLOTS


_DERIVATIVES = ("jacobian", "hessian", "vjp", "jvp", "vhp", "hvp")


def __getattr__(name: str) -> Any:
    if name in _DERIVATIVES:
        from . import derivatives

        return getattr(derivatives, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
