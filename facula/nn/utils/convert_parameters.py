"""Parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

import facula

from ...tensor import Tensor


def _common_device(known: object, tensor: Tensor) -> object:
    if known is not None and tensor.device != known:
        raise TypeError(
            "Found two parameters on different devices, this is currently not supported."
        )
    return tensor.device


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All parameters, flattened and joined to one vector. TypeError if they lie on several
    devices.
    """
    device: object = None
    parts = []
    for param in parameters:
        device = _common_device(device, param)
        parts.append(param.reshape(-1))
    return facula.cat(parts)


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Gives the parameters the values that `parameters_to_vector` would have joined to `vec`."""
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {type(vec).__name__}")
    device: object = None
    position = 0
    for param in parameters:
        device = _common_device(device, param)
        size = param.numel()
        param.data = vec[position : position + size].view_as(param).data
        position += size
