"""The base class of all layers and networks.

Behaviour follows PyTorch's documentation. Two things are arranged for speed, because a small
network spends its time in Python: parameters, buffers and submodules are mirrored into the
instance's `__dict__` (see `_registry`), so that `self.weight` is an ordinary attribute look-up, and
`__call__` goes straight to `forward` unless `_hooks_active` says that somebody registered a hook.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

import facula

from ..dtypes import dtype as DType
from ..tensor import Tensor
from . import _hooks
from ._notes import annotate
from ._registry import Registry, one_table
from ._state import StateMixin
from ._traversal import TraversalMixin
from .parameter import Buffer, Parameter

T = TypeVar("T", bound="Module")

_ABSENT: Any = object()
_REGISTRIES = ("_parameters", "_buffers", "_modules")
_HOOK_DICTS = (
    "_backward_pre_hooks",
    "_backward_hooks",
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)


def _typename(value: Any) -> str:
    """The name of a value's type as PyTorch's messages give it: 'torch.FloatTensor', 'int',
    'a.B'.
    """
    if isinstance(value, Tensor):
        return str(value.type())
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _addindent(text: str, spaces: int) -> str:
    first, *rest = text.split("\n")
    return "\n".join([first, *(" " * spaces + line for line in rest)])


class _AttributeFallback:
    """What `super().__getattr__(name)` reaches in a subclass that has a `__getattr__` of its
    own.
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")


class Module(StateMixin, TraversalMixin, _hooks.HookMixin):
    """Base class of all layers and networks: subclass it, create parts in `__init__`, define
    `forward`.

    `training`: True after `train()`, False after `eval()`. Tensors that are `Parameter`s, and other
    modules, are registered when they are assigned as attributes.
    """

    dump_patches: bool = False
    training: bool
    call_super_init: bool = False
    _hooks_active: bool = False
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not self.call_super_init:
            if kwargs:
                raise TypeError(
                    f"{type(self).__name__}.__init__() got an unexpected keyword argument "
                    f"'{next(iter(kwargs))}'"
                )
            if args:
                raise TypeError(
                    f"{type(self).__name__}.__init__() takes 1 positional argument but "
                    f"{len(args) + 1} were given"
                )
        own = one_table(self)
        own["training"] = True
        own["_hooks_active"] = False
        for name in _REGISTRIES:
            own[name] = Registry(self)
        own["_non_persistent_buffers_set"] = set()
        own["_is_full_backward_hook"] = None
        for name in _HOOK_DICTS:
            own[name] = OrderedDict()
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # A `__getattr__`, even one that is never reached, keeps Python from specialising every
        # look-up of an attribute, which makes a call of a module half as dear again. So `Module`
        # has none, and only a class that brings its own gets the one it expects above itself.
        if "__getattr__" in cls.__dict__ and not issubclass(cls, _AttributeFallback):
            cls.__bases__ += (_AttributeFallback,)

    # ---- calling ---------------------------------------------------------------------------------

    def forward(self, *input: Any) -> Any:
        """The computation; every subclass defines it."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def __call__(self, input: Any = _ABSENT, /, *args: Any, **kwargs: Any) -> Any:
        # One positional argument is by far the commonest call, and passing it on by name costs a
        # third less than unpacking a tuple and a dict.
        if self._hooks_active:
            return self._call_with_hooks(() if input is _ABSENT else (input, *args), kwargs)
        try:
            if args or kwargs or input is _ABSENT:
                if input is _ABSENT:
                    return self.forward(**kwargs)
                if not kwargs and len(args) == 1:  # a loss: scores and targets
                    return self.forward(input, args[0])
                return self.forward(input, *args, **kwargs)
            return self.forward(input)
        except Exception as error:
            annotate(error, self, () if input is _ABSENT else (input, *args), kwargs)
            raise

    _call_impl = __call__

    def _call_with_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not _hooks.any_own_hook(self):
            self._hooks_active = False  # the hooks are gone again: the next call is fast
        try:
            return _hooks.call_with_hooks(self, args, kwargs)
        except Exception as error:
            annotate(error, self, args, kwargs)
            raise

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Accepted and does nothing: everything is compiled anyway where it pays."""

    # ---- attributes ------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        if isinstance(value, Parameter):
            if "_parameters" not in own:
                raise AttributeError("cannot assign parameters before Module.__init__() call")
            self._forget(name, "_buffers", "_modules")
            self.register_parameter(name, value)
            return
        if name in own.get("_parameters", ()):
            if value is not None:
                raise TypeError(
                    f"cannot assign '{_typename(value)}' as parameter '{name}' "
                    "(torch.nn.Parameter or None expected)"
                )
            self.register_parameter(name, value)
            return
        if isinstance(value, Module):
            if "_modules" not in own:
                raise AttributeError("cannot assign module before Module.__init__() call")
            self._forget(name, "_parameters", "_buffers")
            for hook in _hooks.global_module_registration_hooks.values():
                value = _answer(hook(self, name, value), value)
            own["_modules"][name] = value
            own[name] = value
            return
        if name in own.get("_modules", ()):
            if value is not None:
                raise TypeError(
                    f"cannot assign '{_typename(value)}' as child module '{name}' "
                    "(torch.nn.Module or None expected)"
                )
            for hook in _hooks.global_module_registration_hooks.values():
                value = _answer(hook(self, name, value), value)
            own["_modules"][name] = value
            own[name] = value
        elif name in own.get("_buffers", ()) or isinstance(value, Buffer):
            self._set_buffer(name, value)
        elif name in _REGISTRIES and isinstance(value, dict):
            for old in own.get(name, ()):
                own.pop(old, None)
            own[name] = Registry(self, value)
        else:
            object.__setattr__(self, name, value)

    def _set_buffer(self, name: str, value: Any) -> None:
        if "_buffers" not in self.__dict__:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        if value is not None and not isinstance(value, Tensor):
            raise TypeError(
                f"cannot assign '{_typename(value)}' as buffer '{name}' "
                "(torch.nn.Buffer, torch.Tensor or None expected)"
            )
        if isinstance(value, Buffer):
            self._forget(name, "_parameters", "_modules", "_buffers")
            self.register_buffer(name, value, value.persistent)
            return
        for hook in _hooks.global_buffer_registration_hooks.values():
            value = _answer(hook(self, name, value), value)
        self._buffers[name] = value
        self.__dict__[name] = value

    def _forget(self, name: str, *registries: str) -> None:
        """Drops `name` as a plain attribute and from other registries, before it is registered
        anew.
        """
        own = self.__dict__
        for registry in registries:
            if name in own[registry]:
                del own[registry][name]
                self._non_persistent_buffers_set.discard(name)
        if name not in own["_parameters"] and name not in own["_modules"]:
            own.pop(name, None)

    def __delattr__(self, name: str) -> None:
        own = self.__dict__
        for registry in _REGISTRIES:
            if name in own.get(registry, ()):
                del own[registry][name]
                own.pop(name, None)
                self._non_persistent_buffers_set.discard(name)
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        return sorted({k for k in object.__dir__(self) if not k[0].isdigit()})

    def __setstate__(self, state: dict[str, Any]) -> None:
        own = one_table(self)
        own.update(state)
        for name in _HOOK_DICTS:
            own.setdefault(name, OrderedDict())
        own.setdefault("_non_persistent_buffers_set", set())
        own.setdefault("_is_full_backward_hook", None)
        for name in _REGISTRIES:
            registry = own.get(name, {})
            # A shallow copy arrives with the registries of the original, which write to the
            # original.
            if not isinstance(registry, Registry) or registry._owner() is not self:
                own[name] = Registry(self, dict(registry))
        own["_hooks_active"] = _hooks.any_own_hook(self)

    # ---- registration ----------------------------------------------------------------------------

    def _check_name(self, kind: str, name: Any, registry: str) -> None:
        if registry not in self.__dict__:
            raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {_typename(name)}")
        if "." in name:
            detail = f", got: {name}" if kind == "module" else ""
            raise KeyError(f'{kind} name can\'t contain "."{detail}')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if name not in self.__dict__[registry] and hasattr(self, name):
            raise KeyError(f"attribute '{name}' already exists")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Adds a parameter under `name`; None registers the name without a parameter.

        Raises KeyError for a name that is taken, empty or has a dot, TypeError for another type.
        """
        self._check_name("parameter", name, "_parameters")
        if param is not None:
            if not isinstance(param, Parameter):
                raise TypeError(
                    f"cannot assign '{_typename(param)}' object to parameter '{name}' "
                    "(torch.nn.Parameter or None required)"
                )
            if param.grad_fn is not None:
                raise ValueError(
                    f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must "
                    f"be created explicitly. To express '{name}' as a function of another Tensor, "
                    "compute the value in the forward() method."
                )
            for hook in _hooks.global_parameter_registration_hooks.values():
                param = _answer(hook(self, name, param), param)
        self._parameters[name] = param
        self.__dict__[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Adds a tensor that is part of the state but is not trained.

        `persistent`: whether `state_dict` contains it. Raises as `register_parameter` does.
        """
        self._check_name("buffer", name, "_buffers")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{_typename(tensor)}' object to buffer '{name}' "
                "(torch Tensor or None required)"
            )
        for hook in _hooks.global_buffer_registration_hooks.values():
            tensor = _answer(hook(self, name, tensor), tensor)
        self._buffers[name] = tensor
        self.__dict__[name] = tensor
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Adds a submodule under `name`, which then is an attribute. Raises as
        `register_parameter`.
        """
        if not isinstance(module, Module) and module is not None:
            raise TypeError(f"{_typename(module)} is not a Module subclass")
        self._check_name("module", name, "_modules")
        for hook in _hooks.global_module_registration_hooks.values():
            module = _answer(hook(self, name, module), module)
        self._modules[name] = module
        self.__dict__[name] = module

    def register_module(self, name: str, module: Module | None) -> None:
        """Another name of `add_module`."""
        self.add_module(name, module)

    # ---- modes and conversions -------------------------------------------------------------------

    def apply(self: T, fn: Callable[[Module], Any]) -> T:
        """Calls `fn` on every submodule, children first, then on this module; returns this
        module.
        """
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def train(self: T, mode: bool = True) -> T:
        """Sets training mode (dropout drops, batch norm uses the batch) here and below; returns
        self.
        """
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self: T) -> T:
        """`train(False)`."""
        return self.train(False)

    def requires_grad_(self: T, requires_grad: bool = True) -> T:
        """Sets `requires_grad` of all parameters; returns self."""
        for param in self.parameters():
            param.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets the gradients of all parameters, or sets them to zero."""
        for param in self.parameters():
            if set_to_none:
                param._grad = None  # a tensor of it need not be made first
            elif param.grad is not None:
                param.grad.requires_grad_(False)
                param.grad.zero_()

    def _apply(self: T, fn: Callable[[Any], Any], recurse: bool = True) -> T:
        """Replaces the values of all parameters, their gradients and the buffers by `fn` of them.

        The Parameter objects stay, so that an optimizer that holds them goes on working.
        """
        if recurse:
            for module in self.children():
                module._apply(fn)
        for param in self._parameters.values():
            if param is None:
                continue
            grad = param.grad
            with facula.no_grad():
                param.data = fn(param)
                if grad is not None:
                    grad.data = fn(grad)  # the object stays here too: somebody may hold it
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def to(self: T, *args: Any, **kwargs: Any) -> T:
        """Moves to a device and/or floating-point dtype: `to(device)`, `to(dtype)`, `to(device,
        dtype)`, `to(tensor)`; integer parameters and buffers keep their dtype. In place; returns
        self.
        """
        device, dtype, non_blocking = _parse_to(*args, **kwargs)
        if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError(
                "nn.Module.to only accepts floating point or complex dtypes, but got desired "
                f"dtype={dtype}"
            )

        def convert(t: Any) -> Any:
            target = dtype if t.is_floating_point() or t.is_complex() else None
            return t.to(device=device, dtype=target, non_blocking=non_blocking)

        return self._apply(convert)

    def type(self: T, dst_type: Any) -> T:
        """Casts all parameters and buffers to `dst_type`."""
        return self._apply(lambda t: t.type(dst_type))

    def float(self: T) -> T:
        """Casts floating-point parameters and buffers to float32."""
        return self._to_floating("float")

    def double(self: T) -> T:
        """Casts floating-point parameters and buffers to float64."""
        return self._to_floating("double")

    def half(self: T) -> T:
        """Casts floating-point parameters and buffers to float16."""
        return self._to_floating("half")

    def bfloat16(self: T) -> T:
        """Casts floating-point parameters and buffers to bfloat16."""
        return self._to_floating("bfloat16")

    def _to_floating(self: T, method: str) -> T:
        return self._apply(lambda t: getattr(t, method)() if t.is_floating_point() else t)

    def cpu(self: T) -> T:
        """Moves all parameters and buffers to the CPU."""
        return self._apply(lambda t: t.cpu())

    def cuda(self: T, device: Any = None) -> T:
        """Moves all parameters and buffers to a GPU."""
        return self._apply(lambda t: t.cuda(device))

    def to_empty(self: T, *, device: Any, recurse: bool = True) -> T:
        """Moves to `device` without the values, which are uninitialised afterwards."""
        return self._apply(lambda t: facula.empty_like(t, device=device), recurse=recurse)

    def share_memory(self: T) -> T:
        """Moves the parameters' memory to where other processes can see it."""
        return self._apply(lambda t: t.share_memory_())

    # ---- text ------------------------------------------------------------------------------------

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What stands between the parentheses of the printed module; layers override it."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        extra_lines = extra.split("\n") if extra else []
        children = [
            f"({name}): {_addindent(repr(module), 2)}" for name, module in self._modules.items()
        ]
        lines = extra_lines + children
        if not lines:
            return f"{self._get_name()}()"
        if len(extra_lines) == 1 and not children:
            return f"{self._get_name()}({extra_lines[0]})"
        return f"{self._get_name()}(\n  " + "\n  ".join(lines) + "\n)"


def _answer(answer: Any, current: Any) -> Any:
    return current if answer is None else answer


def _parse_to(
    *args: Any,
    device: Any = None,
    dtype: DType | None = None,
    non_blocking: bool = False,
    copy: bool = False,
    memory_format: Any = None,
    tensor: Any = None,
) -> tuple[Any, Any, bool]:
    """(device, dtype, non_blocking) of the forms that `Module.to` accepts."""
    rest = list(args)
    if rest and isinstance(rest[0], Tensor):
        tensor = rest.pop(0)
    elif rest and _is_dtype(rest[0]):
        dtype = rest.pop(0)
    elif rest:
        device = rest.pop(0)
        if rest and (rest[0] is None or _is_dtype(rest[0])):
            dtype = rest.pop(0)
    if tensor is not None:
        device, dtype = tensor.device, tensor.dtype
    if rest and isinstance(rest[0], bool):
        non_blocking = rest.pop(0)
    if rest and not isinstance(rest[0], bool):
        raise TypeError(f"to() received an invalid argument of type {type(rest[0]).__name__}")
    if device is not None and not isinstance(device, (str, int, facula.device)):
        raise TypeError(
            "to() received an invalid combination of arguments: device must be a torch.device, str "
            f"or int, got {type(device).__name__}"
        )
    return device, dtype, non_blocking


def _is_dtype(value: Any) -> bool:
    return isinstance(value, facula.dtype)


_plain_call = Module.__call__


def _call_under_global_hooks(self: Module, *args: Any, **kwargs: Any) -> Any:
    if not _hooks.any_global_hook():
        Module.__call__ = _plain_call  # type: ignore[method-assign]
    return self._call_with_hooks(args, kwargs)


def _activate_global_hooks() -> None:
    """Puts the slow way in place of `Module.__call__`, until a call finds no hook for all
    modules.
    """
    Module.__call__ = _call_under_global_hooks  # type: ignore[method-assign]


_hooks.activate_global_hooks = _activate_global_hooks
