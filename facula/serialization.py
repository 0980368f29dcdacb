"""`save` and `load`: checkpoints in PyTorch's format, both ways."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dtypes import dtype
from .tensor import Size, Tensor, from_array


def _describe(obj: Any) -> Any:
    """What a checkpoint keeps of a tensor; None for what is no tensor."""
    if not isinstance(obj, Tensor):
        return None
    from .interop.checkpoint import TensorRecord
    from .nn.parameter import Parameter

    root = obj._storage()
    if obj._v.meta.requires_grad and not obj.is_leaf:
        # as PyTorch does: the values are saved, their history is not
        obj = obj.detach()
        root = obj._storage()
    m = obj._v.meta
    flat = root._array()
    return TensorRecord(
        storage_key=id(root),
        storage_array=np.ascontiguousarray(flat).reshape(-1),
        dtype=m.dtype,
        offset=m.offset,
        size=m.shape,
        stride=m.strides,
        requires_grad=m.requires_grad,
        is_parameter=isinstance(obj, Parameter),
    )


def _names() -> dict[str, Any]:
    from .generator import Generator

    return {"torch.Size": Size, "torch.Generator": Generator}


def save(
    obj: Any,
    f: Any,
    pickle_module: Any = None,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
) -> None:
    """Writes an object with its tensors to a file that PyTorch reads as well.

    f: a path or an object with `write`. A file at a path is replaced in one step when all is
    written, so that it is never half-written. Tensors that share a storage share it in the
    file.
    """
    from .interop.checkpoint import write

    kept: list[Any] = []  # storages are told apart by `id`: their tensors must live until the end

    def describe(x: Any) -> Any:
        if isinstance(x, Tensor):
            kept.append(x._storage())
        return _describe(x)

    write(obj, f, describe=describe, names=_names(), pickle_protocol=pickle_protocol)


class _Storages:
    """The tensors of the storages of one file."""

    def __init__(self) -> None:
        self.roots: dict[Any, Tensor] = {}

    def build(
        self,
        array: np.ndarray,
        d: dtype,
        offset: int,
        size: Any,
        stride: Any,
        requires_grad: bool,
        key: Any,
    ) -> Tensor:
        """A tensor of the file: it owns its storage if it is the first and covers all of it."""
        from .trace.values import contiguous_strides

        size, stride = tuple(size), tuple(stride)
        root = self.roots.get(key)
        numel = 1
        for n in size:
            numel *= n
        plain = offset == 0 and (numel == 0 or _same(size, stride, contiguous_strides(size)))
        if root is None and plain and numel == array.size:
            root = self.roots[key] = from_array(array.reshape(size), d)
            made = root
        else:
            if root is None:
                root = self.roots[key] = from_array(array.reshape(-1), d)
            made = root.as_strided(size, stride, offset)
        return made.requires_grad_() if requires_grad else made


def _same(size: Any, a: Any, b: Any) -> bool:
    return all(n == 1 or x == y for n, x, y in zip(size, a, b, strict=True))


def _build_parameter(data: Tensor, requires_grad: bool) -> Any:
    from .nn.parameter import Parameter

    return Parameter(data, requires_grad)


def load(
    f: Any,
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """Reads an object that `save` or PyTorch wrote.

    weights_only (the default): tensors, plain containers and what
    `serialization.add_safe_globals` allowed; nothing that the file names is called. False runs
    what the file says: only for files that you trust. map_location: where tensors go that were
    saved on another device. Raises an exception that says what is wrong with a truncated,
    corrupt or hostile file.
    """
    from .interop.checkpoint import read

    made = _Storages()
    return read(
        f, build=made.build, build_parameter=_build_parameter, map_location=map_location,
        weights_only=True if weights_only is None else weights_only, mmap=mmap, names=_names(),
    )  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in ("add_safe_globals", "get_safe_globals", "clear_safe_globals", "safe_globals"):
        from .interop import checkpoint

        return getattr(checkpoint, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
