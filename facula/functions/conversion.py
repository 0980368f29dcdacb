"""Copies and conversions, and the methods that look at or replace a tensor's storage."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dtypes
from ..devices import device as Device
from ..dtypes import dtype as DType
from ..dtypes import type_name
from ..ops import elementwise as e
from ..tensor import Size, Tensor, from_array, wrap
from ..tensor_sharing import alias, lower_name
from ..trace.recorder import record1
from ..trace.values import Value, meta, outside
from .creation import check_device, check_dtype, shape_of
from .pointwise import check_tensor
from .rearranging import as_strided
from .registry import public
from .shape import squeeze, t_, transpose, unsqueeze


# ---------------------------------------------------------------- copies and conversions
@public()
def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """A copy with memory of its own; gradients flow through it."""
    return wrap(record1(e.CLONE, input._v))


def _contiguous(self: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor itself if its elements lie in order in its storage, else a copy."""
    if self._v.meta.contiguous:
        return self
    return clone(self)


def _cast(t: Tensor, d: DType) -> Tensor:
    return t if t._v.meta.dtype is d else wrap(record1(e.CAST, t._v, (d.name,)))


def _to(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """This tensor with another dtype or device: to(dtype), to(device), to(device, dtype),
    to(other).
    """
    d: Any = kwargs.pop("dtype", None)
    where: Any = kwargs.pop("device", None)
    copy = kwargs.pop("copy", False)
    for name in ("non_blocking", "memory_format"):
        kwargs.pop(name, None)
    if "other" in kwargs:
        args = (kwargs.pop("other"), *args)
    if kwargs:
        raise TypeError(f"to() received an unexpected keyword argument '{next(iter(kwargs))}'")
    for k, a in enumerate(args):
        if isinstance(a, DType):
            d = a
        elif isinstance(a, (str, Device)) or (isinstance(a, int) and not isinstance(a, bool)):
            where = a
        elif isinstance(a, Tensor):
            d = a.dtype
        elif isinstance(a, bool):
            copy = a if k > 1 else copy
        elif a is not None:
            raise TypeError(
                f"to() received an invalid combination of arguments - got ({type(a).__name__})"
            )
    check_device(where)
    d = check_dtype(d)
    if d is None or d is self._v.meta.dtype:
        return clone(self) if copy else self
    return _cast(self, d)


def _type(self: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The tensor's legacy type name, or the tensor in another dtype."""
    if dtype is None:
        return f"torch.{type_name(self.dtype)}Tensor"
    if isinstance(dtype, str):
        for d in dtypes.ALL:
            if dtype == f"torch.{type_name(d)}Tensor":
                return _cast(self, d)
        raise ValueError(f"invalid type: '{dtype}'")
    return _cast(self, check_dtype(dtype))  # type: ignore[arg-type]


def _type_as(self: Tensor, other: Tensor) -> Tensor:
    """This tensor in the dtype of another."""
    return _cast(self, other.dtype)


def _cpu(self: Tensor, memory_format: Any = None) -> Tensor:
    """This tensor on the CPU: itself."""
    return self


def _cuda(
    self: Tensor, device: Any = None, non_blocking: bool = False, memory_format: Any = None
) -> Tensor:
    """This tensor on a GPU. Raises AssertionError where there is none."""
    check_device("cuda")
    return self


for _name, _f in (
    ("contiguous", _contiguous), ("to", _to), ("type", _type), ("type_as", _type_as), ("cpu", _cpu),
    ("cuda", _cuda),
):  # fmt: skip
    setattr(Tensor, _name, _f)


def _conversion(name: str, d: DType) -> None:
    def convert(self: Tensor, memory_format: Any = None) -> Tensor:
        return _cast(self, d)

    convert.__name__ = convert.__qualname__ = name
    convert.__doc__ = f"This tensor as {d.name}."
    setattr(Tensor, name, convert)


for _d in dtypes.ALL:
    _conversion(_d.alias or _d.name, _d)
for _alias, _d in (
    ("char", dtypes.int8),
    ("byte", dtypes.uint8),
    ("int", dtypes.int32),
    ("bool", dtypes.bool_),
):
    _conversion(_alias, _d)


def _resize(self: Tensor, *sizes: Any, memory_format: Any = None) -> Tensor:
    """Changes the shape in place; new elements are zero."""
    shape = shape_of(sizes)
    m = self._v.meta
    if m.requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    a = np.zeros(shape, m.dtype.np)
    old = self._array().reshape(-1)
    n = min(a.size, old.size)
    a.reshape(-1)[:n] = old[:n]
    self._v = outside(meta(shape, m.dtype), a)
    self._base, self._views = None, None
    return self


def _resize_as(self: Tensor, other: Tensor, *, memory_format: Any = None) -> Tensor:
    """Changes the shape in place to that of another tensor."""
    return _resize(self, tuple(other.shape))


def _set_shape(name: str, function: Any) -> None:
    """squeeze_, unsqueeze_, t_, transpose_: this handle becomes the view."""

    def f(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        r = function(self, *args, **kwargs)
        if self._base is None and not self._views_alive(r):
            self._v = _plain_facts(r)
        else:
            self._v, self._base = r._v, r._base if r._base is not self else self._base
            if self._base is None:
                self._v = _plain_facts(r)
        return self

    f.__name__ = f.__qualname__ = name
    f.__doc__ = f"In-place form of `{name[:-1]}`."
    setattr(Tensor, name, f)


def _views_alive(self: Tensor, but: Tensor) -> bool:
    return any(r() is not None and r() is not but for r in self._views or ())


def _plain_facts(t: Tensor) -> Value:
    return record1(e.CLONE, t._v)


Tensor._views_alive = _views_alive  # type: ignore[attr-defined]
Tensor.resize_, Tensor.resize_as_ = _resize, _resize_as  # type: ignore[attr-defined]
for _name, _function in (
    ("squeeze_", squeeze), ("unsqueeze_", unsqueeze), ("transpose_", transpose), ("t_", t_),
    ("swapaxes_", transpose), ("swapdims_", transpose), ("as_strided_", as_strided),
):  # fmt: skip
    _set_shape(_name, _function)


def _detach_inplace(self: Tensor) -> Tensor:
    """Cuts this tensor off its history, in place."""
    if self._base is not None and not self._cut:
        raise RuntimeError(
            "Can't detach views in-place. Use detach() instead. If you are using "
            "DistributedDataParallel (DDP) for training, and gradient_as_bucket_view is set as "
            "True, gradients are views of DDP buckets, and hence detach_() cannot be called on "
            "these gradients. To fix this error, please refer to the Optimizer.zero_grad() "
            "function in torch/optim/optimizer.py as the solution."
        )
    if self._v.meta.requires_grad:
        v = self._value()
        plain = outside(v.meta.plain, v.buf)
        plain.pin = v.pin
        self._v = plain
        self._own, self._fn_name = False, None
    return self


Tensor.detach_ = _detach_inplace  # type: ignore[attr-defined]


@public("numel", method=False)
def numel(input: Tensor) -> int:
    """The number of elements."""
    check_tensor(input, "numel")
    return input.numel()


# ---------------------------------------------------------------- storage
class UntypedStorage:
    """The bytes that a tensor and its views share. Made by `Tensor.untyped_storage()`."""

    def __init__(self, owner: Tensor) -> None:
        self._owner = owner

    def data_ptr(self) -> int:
        """The address of the first byte."""
        return self._owner.data_ptr()

    def nbytes(self) -> int:
        """The number of bytes."""
        return self._owner.nbytes

    def size(self) -> int:
        """The number of elements: bytes here, elements of the dtype in a typed storage."""
        return self.nbytes()

    def __len__(self) -> int:
        return self.size()

    def element_size(self) -> int:
        """Bytes of one element."""
        return 1

    @property
    def device(self) -> Any:
        return self._owner.device

    def _flat(self) -> np.ndarray:
        return self._owner._show().view(np.uint8)

    def __getitem__(self, index: Any) -> Any:
        r = self._flat()[index]
        return r.tolist() if isinstance(r, np.ndarray) else r.item()

    def __setitem__(self, index: Any, value: Any) -> None:
        self._flat()[index] = value

    def tolist(self) -> list[Any]:
        """The elements as Python numbers."""
        return self._flat().tolist()

    def __iter__(self) -> Any:
        return iter(self.tolist())

    def is_shared(self) -> bool:
        """Whether other processes see this memory: never."""
        return False

    def share_memory_(self) -> UntypedStorage:
        """Itself: memory is shared with forked processes only until one of them writes."""
        return self


class TypedStorage(UntypedStorage):
    """The elements that a tensor and its views share. Made by `Tensor.storage()`."""

    def size(self) -> int:
        """The number of elements."""
        return self._owner.numel()

    def element_size(self) -> int:
        """Bytes of one element."""
        return self._owner.element_size()

    @property
    def dtype(self) -> Any:
        return self._owner.dtype

    def _flat(self) -> np.ndarray:
        return self._owner._show()

    def untyped(self) -> UntypedStorage:
        """The same memory as bytes."""
        return UntypedStorage(self._owner)


def _set(self: Tensor, source: Any = None, *args: Any) -> Tensor:
    """Makes this tensor share the storage of another: set_(tensor), or set_(storage, offset,
    size, stride).
    """
    if source is None:
        source = self.new_empty(0)
    if isinstance(source, UntypedStorage):
        owner = source._owner
        offset, size = (args[0], args[1]) if args else (0, (owner.numel(),))
        stride = args[2] if len(args) > 2 else None
        if stride is None:
            from ..trace.values import contiguous_strides

            stride = contiguous_strides(tuple(size))
        source = owner.as_strided(size, stride, offset)
    if not isinstance(source, Tensor):
        raise TypeError(
            f"set_(): argument 'source' must be Tensor or Storage, not {type(source).__name__}"
        )
    if source.dtype is not self.dtype:
        raise RuntimeError(
            f"Could not set tensor of type {lower_name(source.dtype)} to a tensor of type "
            f"{lower_name(self.dtype)}"
        )
    self.data = source
    return self


def _is_set_to(self: Tensor, tensor: Tensor) -> bool:
    """Whether another tensor has the same storage, offset, shape and strides."""
    return (
        self._storage() is tensor._storage()
        and self.shape == tensor.shape
        and self.stride() == tensor.stride()
        and self.storage_offset() == tensor.storage_offset()
    )


def _resize_copy(self: Tensor, *sizes: Any) -> Tensor:
    """The same elements in another shape of as many elements."""
    return self.reshape(*sizes)


def _apply(self: Tensor, function: Any) -> Tensor:
    """Applies a Python function to each element, in place."""
    a = self._array()
    out = np.array([function(x) for x in a.reshape(-1).tolist()], a.dtype).reshape(a.shape)
    return self._write(from_array(out, self.dtype)._v)


def _map(self: Tensor, tensor: Tensor, function: Any) -> Tensor:
    """Applies a Python function of two elements to each pair, in place."""
    a, b = self._array(), np.broadcast_to(tensor._array(), tuple(self.shape))
    pairs = zip(a.reshape(-1).tolist(), b.reshape(-1).tolist(), strict=True)
    out = np.array([function(x, y) for x, y in pairs], a.dtype).reshape(a.shape)
    return self._write(from_array(out, self.dtype)._v)


def _new(self: Tensor, *args: Any, device: Any = None) -> Tensor:
    """The legacy constructor: of a size, or of data, in this tensor's dtype."""
    check_device(device)
    if len(args) == 1 and not isinstance(args[0], (int, Size)):
        return self.new_tensor(args[0])
    return self.new_empty(args[0] if args and isinstance(args[0], Size) else (args or (0,)))


def _grad_dtype(self: Tensor) -> Any:
    return self.dtype


Tensor.grad_dtype = property(_grad_dtype)  # type: ignore[attr-defined]
_OTHERS: tuple[tuple[str, Any], ...] = (
    ("untyped_storage", lambda self: UntypedStorage(self._storage())),
    ("storage", lambda self: TypedStorage(self._storage())),
    ("_typed_storage", lambda self: TypedStorage(self._storage())),
    ("set_", _set), ("is_set_to", _is_set_to), ("resize", _resize_copy), ("apply_", _apply),
    ("map_", _map), ("new", _new), ("share_memory_", lambda self: self),
    ("is_shared", lambda self: False), ("is_pinned", lambda self, device=None: False),
    ("pin_memory", lambda self, device=None: self), ("is_inference", lambda self: False),
    ("_is_view", lambda self: self._base is not None and not self._cut),
    ("is_same_size", lambda self, other: self.shape == other.shape),
    ("dense_dim", lambda self: self.ndim), ("sparse_dim", lambda self: 0),
    ("to_dense", lambda self, *a, **k: self), ("is_conj", lambda self: False),
    ("is_neg", lambda self: False), ("resolve_conj", lambda self: self),
    ("resolve_neg", lambda self: self), ("output_nr", property(lambda self: 0)),
    ("is_distributed", lambda self: False), ("as_subclass", lambda self, cls: alias(self, cls)),
)  # fmt: skip
for _name, _method in _OTHERS:
    if not hasattr(Tensor, _name):
        setattr(Tensor, _name, _method)


@public()
def is_nonzero(input: Tensor) -> bool:
    """Whether the one element is not zero."""
    return bool(input)
