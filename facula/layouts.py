"""Names of layouts and memory formats: what PyTorch's arguments `layout=` and `memory_format=`
take.

Tensors here are strided and their results contiguous; the names are for programs that pass them.
"""

from __future__ import annotations


class layout:
    """How a tensor lies in memory. Instances are singletons."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name


class memory_format(layout):
    """The order of a tensor's axes in memory. Instances are singletons."""

    __slots__ = ()


strided = layout("strided")
sparse_coo = layout("sparse_coo")
sparse_csr = layout("sparse_csr")
contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")
