"""What a layer's function says when it is given something that is no tensor.

The functions read `input._v` at once: a check beforehand would be paid by every call, so the
error is made where that look-up fails.
"""

from __future__ import annotations

from typing import Any

from ..functions.pointwise import kind_of
from ..trace.values import Value


def not_tensor(name: str, value: Any, argument: str = "input", position: int = 1) -> TypeError:
    """The error for an argument that had to be a tensor."""
    return TypeError(
        f"{name}(): argument '{argument}' (position {position}) must be Tensor, not "
        f"{kind_of(value)}"
    )


def value_of(value: Any, name: str, argument: str = "input", position: int = 1) -> Value:
    """The value of a tensor. Raises TypeError, naming the function `name`, for anything else."""
    try:
        found: Value = value._v
    except AttributeError:
        raise not_tensor(name, value, argument, position) from None
    return found
