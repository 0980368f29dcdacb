"""The slow way of calling a module: with hooks, and the hooks that watch gradients.

`Module.__call__` comes here only when a hook is registered on the module or for all modules. Full
backward hooks put an identity function around the module's inputs and outputs, whose backward
passes see the gradients on their way.
"""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import facula

from ..tensor import Tensor
from ..utils.hooks import RemovableHandle

global_forward_pre_hooks: OrderedDict[int, Callable[..., Any]] = OrderedDict()
global_forward_hooks: OrderedDict[int, Callable[..., Any]] = OrderedDict()
global_forward_hooks_always_called: OrderedDict[int, bool] = OrderedDict()
global_forward_hooks_with_kwargs: OrderedDict[int, bool] = OrderedDict()
global_backward_pre_hooks: OrderedDict[int, Callable[..., Any]] = OrderedDict()
global_backward_hooks: OrderedDict[int, Callable[..., Any]] = OrderedDict()
global_parameter_registration_hooks: OrderedDict[int, Callable[..., Any]] = OrderedDict()
global_buffer_registration_hooks: OrderedDict[int, Callable[..., Any]] = OrderedDict()
global_module_registration_hooks: OrderedDict[int, Callable[..., Any]] = OrderedDict()


def any_global_hook() -> bool:
    return bool(
        global_forward_pre_hooks
        or global_forward_hooks
        or global_backward_pre_hooks
        or global_backward_hooks
    )


def any_own_hook(module: Any) -> bool:
    return bool(
        module._forward_pre_hooks
        or module._forward_hooks
        or module._backward_pre_hooks
        or module._backward_hooks
    )


def _register(
    hooks: OrderedDict[int, Any], hook: Callable[..., Any], **options: Any
) -> RemovableHandle:
    handle = RemovableHandle(hooks, **options)
    hooks[handle.id] = hook
    return handle


def activate_global_hooks() -> None:
    """Makes calls of all modules look for global hooks; `module` puts its own function here."""


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Calls `hook(module, args)` before every module's forward; may return new positional
    arguments.
    """
    activate_global_hooks()
    return _register(global_forward_pre_hooks, hook)


def register_module_forward_hook(
    hook: Callable[..., Any], *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Calls `hook(module, args, output)` after every module's forward; may return a new output.

    `with_kwargs`: the hook is called as `hook(module, args, kwargs, output)`. `always_call`: it
    also runs, with output None, where forward raises.
    """
    activate_global_hooks()
    handle = _register(
        global_forward_hooks,
        hook,
        extra_dict=[global_forward_hooks_always_called, global_forward_hooks_with_kwargs],
    )
    if with_kwargs:
        global_forward_hooks_with_kwargs[handle.id] = True
    if always_call:
        global_forward_hooks_always_called[handle.id] = True
    return handle


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Calls `hook(module, grad_output)` for every module before its gradients are computed."""
    activate_global_hooks()
    return _register(global_backward_pre_hooks, hook)


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Calls `hook(module, grad_input, grad_output)` for every module when its gradients are
    there.
    """
    activate_global_hooks()
    return _register(global_backward_hooks, hook)


def register_module_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """The older name; Facula gives it the meaning of `register_module_full_backward_hook`."""
    return register_module_full_backward_hook(hook)


def register_module_parameter_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Calls `hook(module, name, param)` at every registration; may return another parameter."""
    return _register(global_parameter_registration_hooks, hook)


def register_module_buffer_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Calls `hook(module, name, buffer)` at every registration; may return another buffer."""
    return _register(global_buffer_registration_hooks, hook)


def register_module_module_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Calls `hook(module, name, submodule)` at every registration; may return another module."""
    return _register(global_module_registration_hooks, hook)


class _BackwardWatch:
    """The full backward hooks and pre-hooks of one call of one module."""

    def __init__(self, module: Any, hooks: list[Any], pre_hooks: list[Any]) -> None:
        self.module, self.hooks, self.pre_hooks = module, hooks, pre_hooks
        self.n_inputs = self.n_outputs = 0
        self.input_positions: list[int] | None = None
        self.grad_outputs: tuple[Any, ...] = ()

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Puts the identity around the inputs that require gradients."""
        wrapped, positions = self._wrap(args, self._at_inputs)
        self.n_inputs = len(args)
        self.input_positions = positions
        return wrapped

    def outputs(self, result: Any) -> Any:
        """Puts the identity around the outputs: a tensor, or the tensors of a tuple."""
        single = not isinstance(result, tuple)
        values = (result,) if single else result
        wrapped, self.output_positions = self._wrap(values, self._at_outputs)
        self.n_outputs = len(values)
        if single:
            return wrapped[0]
        return type(result)(*wrapped) if hasattr(result, "_fields") else wrapped

    @staticmethod
    def _wrap(
        values: Sequence[Any], callback: Callable[..., Any]
    ) -> tuple[tuple[Any, ...], list[int] | None]:
        positions = [i for i, v in enumerate(values) if isinstance(v, Tensor) and v.requires_grad]
        if not positions or not facula.is_grad_enabled():
            return tuple(values), None
        made = _identity_function().apply(callback, *(values[i] for i in positions))
        result = list(values)
        for i, value in zip(positions, made, strict=True):
            result[i] = value
        return tuple(result), positions

    def _spread(self, grads: Sequence[Any], positions: list[int], size: int) -> tuple[Any, ...]:
        full: list[Any] = [None] * size
        for i, grad in zip(positions, grads, strict=True):
            full[i] = grad
        return tuple(full)

    def _at_outputs(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        positions = self.output_positions
        assert positions is not None
        grad_outputs = self._spread(grads, positions, self.n_outputs)
        for hook in self.pre_hooks:
            grad_outputs = _replaced(hook(self.module, grad_outputs), grad_outputs, "grad_output")
        self.grad_outputs = grad_outputs
        if self.input_positions is None:
            nothing = (None,) * self.n_inputs
            for hook in self.hooks:
                answer = hook(self.module, nothing, grad_outputs)
                if answer is not None and not all(g is None for g in answer):
                    raise RuntimeError(
                        "Backward hook for Modules where no input requires gradient should always "
                        "return None or None for all gradients."
                    )
        return tuple(grad_outputs[i] for i in positions)

    def _at_inputs(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        positions = self.input_positions
        assert positions is not None
        grad_inputs = self._spread(grads, positions, self.n_inputs)
        for hook in self.hooks:
            answer = hook(self.module, grad_inputs, self.grad_outputs)
            grad_inputs = _replaced(answer, grad_inputs, "grad_input")
        return tuple(grad_inputs[i] for i in positions)


def _replaced(answer: Any, current: tuple[Any, ...], name: str) -> tuple[Any, ...]:
    if answer is None:
        return current
    if not isinstance(answer, tuple):
        answer = (answer,)
    if len(answer) != len(current):
        raise RuntimeError(
            f"Backward hook returned an invalid number of {name}, got {len(answer)}, "
            f"but expected {len(current)}"
        )
    return answer


_identity: Any = None


def _identity_function() -> Any:
    """The autograd function that passes tensors through and shows their gradients to a callback."""
    global _identity
    if _identity is None:
        from ..autograd import Function

        class BackwardHookFunction(Function):
            @staticmethod
            def forward(ctx: Any, callback: Callable[..., Any], *tensors: Tensor) -> Any:
                ctx.callback = callback
                ctx.set_materialize_grads(False)
                return tuple(t.view_as(t) for t in tensors)

            @staticmethod
            def backward(ctx: Any, *grads: Any) -> Any:
                return None, *ctx.callback(grads)

        _identity = BackwardHookFunction
    return _identity


def call_with_hooks(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """One call of a module with all of its hooks and the global ones, in PyTorch's order."""
    called: set[int] = set()
    result: Any = None
    try:
        args, kwargs = _run_pre_hooks(module, args, kwargs)
        watch = _watch(module)
        if watch is not None:
            args = watch.inputs(args)
        result = module.forward(*args, **kwargs)
        result = _run_forward_hooks(module, args, kwargs, result, called)
        return result if watch is None else watch.outputs(result)
    except Exception:
        _run_always_called(module, args, kwargs, result, called)
        raise


def _watch(module: Any) -> _BackwardWatch | None:
    hooks = [*global_backward_hooks.values(), *module._backward_hooks.values()]
    pre_hooks = [*global_backward_pre_hooks.values(), *module._backward_pre_hooks.values()]
    return _BackwardWatch(module, hooks, pre_hooks) if hooks or pre_hooks else None


def _run_pre_hooks(
    module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    with_kwargs = module._forward_pre_hooks_with_kwargs
    own = [(hook, key in with_kwargs) for key, hook in module._forward_pre_hooks.items()]
    for hook, takes_kwargs in [(h, False) for h in global_forward_pre_hooks.values()] + own:
        if takes_kwargs:
            answer = hook(module, args, kwargs)
            if answer is None:
                continue
            if not (isinstance(answer, tuple) and len(answer) == 2):
                raise RuntimeError(
                    "forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
                    f"but got {answer}."
                )
            args, kwargs = answer
        else:
            answer = hook(module, args)
            if answer is not None:
                args = answer if isinstance(answer, tuple) else (answer,)
    return args, kwargs


def _forward_hook_table(module: Any) -> list[tuple[int, Any, bool, bool]]:
    """(key, hook, takes keyword arguments, is always called), the global hooks first."""
    tables = (
        (
            global_forward_hooks,
            global_forward_hooks_with_kwargs,
            global_forward_hooks_always_called,
        ),
        (
            module._forward_hooks,
            module._forward_hooks_with_kwargs,
            module._forward_hooks_always_called,
        ),
    )
    return [
        (key, hook, key in with_kwargs, key in always)
        for hooks, with_kwargs, always in tables
        for key, hook in hooks.items()
    ]


def _run_forward_hooks(
    module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any, called: set[int]
) -> Any:
    for key, hook, takes_kwargs, always in _forward_hook_table(module):
        if always:
            called.add(key)
        answer = hook(module, args, kwargs, result) if takes_kwargs else hook(module, args, result)
        if answer is not None:
            result = answer
    return result


def _run_always_called(
    module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any, called: set[int]
) -> None:
    for key, hook, takes_kwargs, always in _forward_hook_table(module):
        if not always or key in called:
            continue
        try:
            if takes_kwargs:
                hook(module, args, kwargs, result)
            else:
                hook(module, args, result)
        except Exception as error:
            # The user must see the error of forward, not one that follows from it.
            warnings.warn(
                "module forward hook with ``always_call=True`` raised an exception that was "
                f"silenced as another error was raised in forward: {error}",
                stacklevel=4,
            )


class HookMixin:
    """The part of `Module` that registers hooks."""

    _is_full_backward_hook: bool | None
    _backward_pre_hooks: OrderedDict[int, Callable[..., Any]]
    _backward_hooks: OrderedDict[int, Callable[..., Any]]
    _forward_hooks: OrderedDict[int, Callable[..., Any]]
    _forward_hooks_with_kwargs: OrderedDict[int, bool]
    _forward_hooks_always_called: OrderedDict[int, bool]
    _forward_pre_hooks: OrderedDict[int, Callable[..., Any]]
    _forward_pre_hooks_with_kwargs: OrderedDict[int, bool]

    def _add_hook(
        self,
        hooks: OrderedDict[int, Any],
        hook: Callable[..., Any],
        prepend: bool,
        extra: Any = None,
    ) -> RemovableHandle:
        handle = RemovableHandle(hooks, extra_dict=extra)
        hooks[handle.id] = hook
        if prepend:
            hooks.move_to_end(handle.id, last=False)
        self.__dict__["_hooks_active"] = True
        return handle

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Calls `hook(module, args)` before forward; it may return new positional arguments.

        `prepend`: before the hooks that are there. `with_kwargs`: called with (module, args,
        kwargs), it returns None or (args, kwargs).
        """
        with_kwargs_dict = self._forward_pre_hooks_with_kwargs
        handle = self._add_hook(self._forward_pre_hooks, hook, prepend, with_kwargs_dict)
        if with_kwargs:
            with_kwargs_dict[handle.id] = True
        return handle

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Calls `hook(module, args, output)` after forward; it may return a new output.

        `prepend`: before the hooks that are there. `with_kwargs`: called with (module, args,
        kwargs, output). `always_call`: also where forward raises.
        """
        extra = [self._forward_hooks_with_kwargs, self._forward_hooks_always_called]
        handle = self._add_hook(self._forward_hooks, hook, prepend, extra)
        if with_kwargs:
            self._forward_hooks_with_kwargs[handle.id] = True
        if always_call:
            self._forward_hooks_always_called[handle.id] = True
        return handle

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Calls `hook(module, grad_output)` before the gradients of the inputs are computed."""
        return self._add_hook(self._backward_pre_hooks, hook, prepend)

    def register_full_backward_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Calls `hook(module, grad_input, grad_output)` when the inputs' gradients are there."""
        if self._is_full_backward_hook is False:
            raise RuntimeError(
                "Cannot use both regular backward hooks and full backward hooks on a "
                "single Module. Please use only one of them."
            )
        self._is_full_backward_hook = True
        return self._add_hook(self._backward_hooks, hook, prepend)

    def register_backward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """The older name; Facula gives it the meaning of `register_full_backward_hook`."""
        if self._is_full_backward_hook is True:
            raise RuntimeError(
                "Cannot use both regular backward hooks and full backward hooks on a "
                "single Module. Please use only one of them."
            )
        self._is_full_backward_hook = False
        return self._add_hook(self._backward_hooks, hook, False)
