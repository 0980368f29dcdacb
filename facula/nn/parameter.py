"""Parameters and buffers: tensors that a module registers when they are assigned to it."""

from __future__ import annotations

from typing import Any

import facula

from ..tensor import Tensor


class Parameter(Tensor):
    """A tensor that is a parameter of a module; it requires gradients unless told otherwise.

    `data`: any tensor (its storage is shared, its history is not), or None for an empty one.
    Assigned as an attribute of a `Module`, it appears in `parameters()` and in the state dict.
    """

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Parameter:
        if data is None:
            data = facula.empty(0)
        elif not isinstance(data, Tensor):
            raise TypeError(
                f"Parameter: data must be a Tensor or None, got {type(data).__name__}; "
                "make a tensor of it first"
            )
        made: Parameter = Tensor._alias_as(cls, data, requires_grad)
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        if id(self) in memo:
            found: Parameter = memo[id(self)]
            return found
        result = type(self)(self.data.clone(), self.requires_grad)
        memo[id(self)] = result
        return result

    # mypy knows no names of parameters of special methods and finds any other signature wrong.
    def __repr__(self, **kwargs: Any) -> str:  # type: ignore[override]
        return "Parameter containing:\n" + super().__repr__(**kwargs)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _rebuild_parameter, (self.data, self.requires_grad)


class Buffer(Tensor):
    """A tensor that a module keeps in its state without training it (running means, masks).

    `persistent`: whether it is part of the module's state dict.
    """

    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Buffer:
        if data is None:
            data = facula.empty(0)
        made: Buffer = Tensor._alias_as(cls, data, data.requires_grad)
        made.persistent = persistent
        return made


def _rebuild_parameter(data: Tensor, requires_grad: bool) -> Parameter:
    return Parameter(data, requires_grad)
