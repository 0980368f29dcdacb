"""The base of all optimizers: parameter groups, state, hooks, and what checkpoints hold of them.

`param_groups` is a list of dicts of hyperparameters, each with its list of parameters; `state`
maps a parameter to a dict of tensors. `state_dict()` numbers the parameters in order; its layout
is PyTorch's.
"""

from __future__ import annotations

import functools
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from itertools import chain
from typing import Any

from ..autograd.grad_mode import no_grad
from ..dtypes import type_name
from ..tensor import Tensor
from ..tensor_gradient import gradient
from ..trace.recorder import state as _recording
from ..trace.replay import flush
from ..utils.hooks import RemovableHandle
from .state import States

__all__ = [
    "Optimizer", "register_optimizer_step_post_hook", "register_optimizer_step_pre_hook",
    "required",
]  # fmt: skip


class _Required:
    """Says in `defaults` that a group has to give this hyperparameter."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()
_pre_hooks: OrderedDict[int, Any] = OrderedDict()
_post_hooks: OrderedDict[int, Any] = OrderedDict()


def _register(hooks: OrderedDict[int, Any], hook: Any, first: bool = False) -> RemovableHandle:
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    if first:
        hooks.move_to_end(handle.id, last=False)
    return handle


def register_optimizer_step_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Calls hook(optimizer, args, kwargs) before every step of every optimizer."""
    return _register(_pre_hooks, hook)


def register_optimizer_step_post_hook(hook: Callable[..., None]) -> RemovableHandle:
    """Calls hook(optimizer, args, kwargs) after every step of every optimizer."""
    return _register(_post_hooks, hook)


def _kind(x: Any) -> str:
    """What errors call the type of an object."""
    if isinstance(x, Tensor):
        return f"torch.{type_name(x.dtype)}Tensor"
    kind = type(x)
    plain = kind.__module__ in ("builtins", "__builtin__")
    return kind.__qualname__ if plain else f"{kind.__module__}.{kind.__qualname__}"


def looks_at_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """Marks a step method that calls itself through `with_hooks` where there are hooks, and ends
    the frame.
    """
    step.hooked = True  # type: ignore[attr-defined]
    return step


def with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """A step method with the hooks of the optimizer and of all optimizers around it."""

    @functools.wraps(step)
    def hooked(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        if _pre_hooks or self._optimizer_step_pre_hooks:
            for hook in chain(
                list(_pre_hooks.values()), list(self._optimizer_step_pre_hooks.values())
            ):
                changed = hook(self, args, kwargs)
                if changed is None:
                    continue
                if not isinstance(changed, tuple) or len(changed) != 2:
                    raise RuntimeError(
                        f"{step} must return None or a tuple of (new_args, new_kwargs), but got "
                        f"{changed}."
                    )
                args, kwargs = changed
        out = step(self, *args, **kwargs)
        if _recording.tr.values:  # an optimizer in Python: the end of a step ends the frame
            flush()
        self._opt_called = True
        if _post_hooks or self._optimizer_step_post_hooks:
            for hook in chain(
                list(self._optimizer_step_post_hooks.values()), list(_post_hooks.values())
            ):
                hook(self, args, kwargs)
        return out

    hooked.hooked = True  # type: ignore[attr-defined]
    return hooked


class Optimizer:
    """Base class of optimizers.

    params: an iterable of tensors, of (name, tensor) pairs, or of dicts with the key "params" and
    the hyperparameters of that group. defaults: the hyperparameters of groups that do not give
    them. Subclasses define `step(closure=None)`.
    """

    param_groups: list[dict[str, Any]]
    _opt_called = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        step = cls.__dict__.get("step")
        if step is not None and not getattr(step, "hooked", False):
            cls.step = with_hooks(step)  # type: ignore[method-assign]

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self._make_hooks()
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or "
                "dicts, but got " + _kind(params)
            )
        self.state = States()
        self.param_groups = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def _make_hooks(self) -> None:
        self._optimizer_step_pre_hooks: OrderedDict[int, Any] = OrderedDict()
        self._optimizer_step_post_hooks: OrderedDict[int, Any] = OrderedDict()
        self._state_dict_pre_hooks: OrderedDict[int, Any] = OrderedDict()
        self._state_dict_post_hooks: OrderedDict[int, Any] = OrderedDict()
        self._load_state_dict_pre_hooks: OrderedDict[int, Any] = OrderedDict()
        self._load_state_dict_post_hooks: OrderedDict[int, Any] = OrderedDict()

    # ------------------------------------------------------------ state and copies
    @property
    def state(self) -> Any:
        """For each parameter the dict of its state."""
        return self._state

    @state.setter
    def state(self, value: Any) -> None:
        self._state = value if type(value) is States else States(value)
        self._state.changed = True

    def __getstate__(self) -> dict[str, Any]:
        state = defaultdict(dict, {p: dict(s) for p, s in self._state.items()})
        return {"defaults": self.defaults, "state": state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({k: v for k, v in state.items() if k != "state"})
        if "state" in state:
            self.state = state["state"]
        if "_optimizer_step_pre_hooks" not in self.__dict__:
            self._make_hooks()
        self.defaults.setdefault("differentiable", False)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(("" if i == 0 else "\n") + f"Parameter Group {i}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join(lines) + "\n)"

    # ------------------------------------------------------------ groups
    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds a group: {"params": tensors, hyperparameters that differ from the defaults}.

        Raises TypeError for what is not a tensor or has no order, ValueError for a tensor that is
        not a leaf, a parameter of another group, or a missing hyperparameter.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, Tensor):
            param_group["params"] = [params]
        elif isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the "
                "ordering of tensors "
                "in sets will change between runs. Please use a list instead."
            )
        else:
            param_group["params"] = list(params)
        self._split_names(param_group)
        for p in param_group["params"]:
            if not isinstance(p, Tensor):
                raise TypeError(
                    f"optimizer can only optimize Tensors, but one of the params is {_kind(p)}"
                )
            if not self.defaults.get("differentiable", None) and not (p.is_leaf or p._retains):
                raise ValueError("can't optimize a non-leaf Tensor")
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(
                    f"parameter group didn't specify a value of required optimization parameter "
                    f"{name}"
                )
            param_group.setdefault(name, default)
        own = param_group["params"]
        if len(own) != len(set(own)):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this "
                "will cause an "
                "error; see github.com/pytorch/pytorch/issues/40967 for more information",
                stacklevel=3,
            )
        if not {p for g in self.param_groups for p in g["params"]}.isdisjoint(own):
            raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(param_group)
        self._state.changed = True

    def _split_names(self, group: dict[str, Any]) -> None:
        """(name, tensor) pairs become the lists "params" and "param_names"."""
        params, names = [], []
        for entry in group["params"]:
            if isinstance(entry, tuple):
                names.append(entry[0])
                params.append(entry[1])
            else:
                params.append(entry)
        if names and len(names) != len(params):
            raise ValueError(
                "all optimizer params should be with/without names. Some param names are missing"
            )
        if self.param_groups and ("param_names" in self.param_groups[0]) != bool(names):
            which = "with" if names else "without"
            raise ValueError(
                "all optimizer param groups should be with/without names. cannot add param group "
                f"{which} names to the optimizer"
            )
        group["params"] = params
        if names:
            group["param_names"] = names

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets the gradients of all parameters; `set_to_none=False` fills them with zeros."""
        if set_to_none:
            for group in self.param_groups:
                for p in group["params"]:
                    p._grad = None
            return
        with no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    g = gradient(p)
                    if g is None:
                        continue
                    if g.grad_fn is not None:
                        p._grad = g = g.detach()
                    else:
                        g.requires_grad_(False)
                    g.zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Updates the parameters once. closure: computes the loss again, which is returned."""
        raise NotImplementedError

    # ------------------------------------------------------------ hooks
    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Calls hook(optimizer, args, kwargs) before a step; it may return new (args, kwargs)."""
        return _register(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., None]) -> RemovableHandle:
        """Calls hook(optimizer, args, kwargs) after a step."""
        return _register(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(
        self, hook: Callable[[Optimizer], None], prepend: bool = False
    ) -> RemovableHandle:
        """Calls hook(optimizer) before `state_dict`."""
        return _register(self._state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Calls hook(optimizer, state_dict) after `state_dict`; it may return another one."""
        return _register(self._state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Calls hook(optimizer, state_dict) before `load_state_dict`; it may return another one."""
        return _register(self._load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(
        self, hook: Callable[[Optimizer], None], prepend: bool = False
    ) -> RemovableHandle:
        """Calls hook(optimizer) after `load_state_dict`."""
        return _register(self._load_state_dict_post_hooks, hook, prepend)

    # ------------------------------------------------------------ checkpoints
    def state_dict(self) -> dict[str, Any]:
        """{"state": {number of the parameter: its state}, "param_groups": [...]}; refers to the
        tensors."""
        for hook in list(self._state_dict_pre_hooks.values()):
            hook(self)
        numbers: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            packed = {k: v for k, v in group.items() if k != "params"}
            for p in group["params"]:
                numbers.setdefault(id(p), len(numbers))
            packed["params"] = [numbers[id(p)] for p in group["params"]]
            groups.append(packed)
        state = {
            (numbers[id(k)] if isinstance(k, Tensor) else k): dict(v) if isinstance(v, dict) else v
            for k, v in self._state.items()
        }
        result: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in list(self._state_dict_post_hooks.values()):
            other = hook(self, result)
            if other is not None:
                result = other
        return result

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over the groups' hyperparameters and copies of the state of another `state_dict()`.

        Tensors of state take the dtype of their floating-point parameter, except "step". Raises
        ValueError if the groups do not match in number and size.
        """
        state_dict = state_dict.copy()
        for hook in list(self._load_state_dict_pre_hooks.values()):
            other = hook(self, state_dict)
            if other is not None:
                state_dict = other
        groups, saved = self.param_groups, deepcopy(state_dict["param_groups"])
        if len(groups) != len(saved):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(len(g["params"]) != len(s["params"]) for g, s in zip(groups, saved, strict=True)):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of "
                "optimizer's group"
            )
        numbered = chain.from_iterable(g["params"] for g in saved)
        params = dict(zip(numbered, chain.from_iterable(g["params"] for g in groups), strict=True))
        state = States()
        for key, value in state_dict["state"].items():
            if key in params:
                state[params[key]] = _loaded(params[key], value)
            else:
                state[key] = value
        for group, new in zip(groups, saved, strict=True):
            new["params"] = group["params"]
            if "param_names" in group and "param_names" not in new:
                new["param_names"] = group["param_names"]
        self.__setstate__({"state": state, "param_groups": saved})
        for hook in list(self._load_state_dict_post_hooks.values()):
            hook(self)


def _loaded(param: Tensor, value: Any, key: str | None = None) -> Any:
    """A value of a loaded state, with all tensors copied and converted for the parameter."""
    if isinstance(value, Tensor):
        with no_grad():
            copy: Any = value.detach().clone()
            if key != "step" and param.is_floating_point():
                copy = copy.to(param.dtype)
            return copy
    if isinstance(value, dict):
        return {k: _loaded(param, v, k) for k, v in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return type(value)(_loaded(param, v) for v in value)  # type: ignore[call-arg]
    return value
