"""Layers that learn the size of their input from the first batch.

A lazy layer starts with parameters without shape. Its first call (or loading a state dict)
makes them, draws the initial values and turns the object into the ordinary class.
"""

from __future__ import annotations

from typing import Any

import facula

from ..tensor import Tensor
from .linear import Linear
from .parameter import Parameter


class UninitializedParameter(Parameter):
    """A parameter whose shape is not known yet; `materialize(shape)` makes it an ordinary one."""

    def __new__(
        cls, requires_grad: bool = True, device: Any = None, dtype: Any = None
    ) -> UninitializedParameter:
        data = facula.empty(0, device=device, dtype=dtype)
        made: UninitializedParameter = Tensor._alias_as(cls, data, requires_grad)
        return made

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Gives the parameter memory of this shape; the values are arbitrary."""
        self.data = facula.empty(
            shape,
            device=self.device if device is None else device,
            dtype=self.dtype if dtype is None else dtype,
        )
        self.__class__ = Parameter  # type: ignore[assignment]

    @property
    def shape(self) -> Any:
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually "
            "happens in `load_state_dict` when trying to load an uninitialized parameter into an "
            "initialized one. Call `forward` to initialize the parameters before accessing their "
            "attributes."
        )

    def __repr__(self, **kwargs: Any) -> str:  # type: ignore[override]
        return f"<{type(self).__name__}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> UninitializedParameter:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, self.device, self.dtype)
        made: UninitializedParameter = memo[id(self)]
        return made

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.requires_grad, self.device, self.dtype)


class LazyModuleMixin:
    """Before an ordinary layer among the bases, makes it lazy.

    The class says in `cls_to_become` what it turns into and defines
    `initialize_parameters(*inputs)`.
    """

    cls_to_become: type | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        module: Any = self
        self._load_hook = module.register_load_state_dict_pre_hook(_materialize_for)
        self._initialize_hook = module.register_forward_pre_hook(
            _infer_parameters, with_kwargs=True
        )

    def has_uninitialized_params(self) -> bool:
        """Whether a parameter still lacks its shape."""
        module: Any = self
        return any(isinstance(p, UninitializedParameter) for p in module._parameters.values())

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)  # type: ignore[misc]
        module: Any = self
        for name, param in module._parameters.items():
            if isinstance(param, UninitializedParameter):  # a detached copy would have a shape
                destination[prefix + name] = param


def _infer_parameters(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    module.initialize_parameters(*args, **kwargs)
    if module.has_uninitialized_params():
        raise RuntimeError(f"module {module._get_name()} has not been fully initialized")
    _finish(module)


def _materialize_for(module: Any, state_dict: Any, prefix: str, *rest: Any) -> None:
    for name, param in module._parameters.items():
        loaded = state_dict.get(prefix + name)
        if not isinstance(param, UninitializedParameter) or loaded is None:
            continue
        if not isinstance(loaded, UninitializedParameter):
            with facula.no_grad():
                param.materialize(loaded.shape)


def _finish(module: Any) -> None:
    module._initialize_hook.remove()
    module._load_hook.remove()
    del module._initialize_hook, module._load_hook
    if module.cls_to_become is not None:
        module.__class__ = module.cls_to_become


class LazyLinear(LazyModuleMixin, Linear):
    """A Linear layer whose `in_features` is the last size of its first input."""

    cls_to_become = Linear

    def __init__(
        self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(0, 0, False)
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_features = out_features
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draws the initial values, once the sizes are known."""
        if not self.has_uninitialized_params() and self.in_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        """Makes the parameters for this input."""
        if self.has_uninitialized_params():
            with facula.no_grad():
                self.in_features = input.shape[-1]
                for param, shape in (
                    (self.weight, (self.out_features, self.in_features)),
                    (self.bias, (self.out_features,)),
                ):
                    if isinstance(param, UninitializedParameter):
                        param.materialize(shape)
                self.reset_parameters()
