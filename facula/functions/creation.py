"""Tensors from data, from shapes and like other tensors."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from ..devices import device as Device
from ..dtypes import (
    bool_,
    complex128,
    convert,
    dtype,
    float32,
    float64,
    from_numpy_dtype,
    get_default_dtype,
    int64,
    type_name,
)
from ..runtime import memory
from ..tensor import Size, Tensor, from_array, owning, wrap
from ..trace.values import meta, outside
from .array_data import check_array, inferred, to_numpy
from .registry import public, write_out


def check_device(d: Any) -> None:
    """Raises what PyTorch raises for a device that this machine does not have."""
    if d is None:
        return
    d = d if isinstance(d, Device) else Device(d)
    if d.type == "cpu":
        return
    if d.type in ("cuda", "xpu"):
        raise AssertionError(f"Torch not compiled with {d.type.upper()} enabled")
    raise NotImplementedError(f"device type '{d.type}' is not supported: tensors live on the CPU")


def check_dtype(d: Any) -> dtype | None:
    """The dtype of an argument `dtype=`, which may be a Python type. Raises TypeError for
    others.
    """
    if d is None or isinstance(d, dtype):
        return d
    python = {float: float64, int: int64, bool: bool_, complex: complex128}
    if d in python:
        return python[d]
    raise TypeError(f"argument 'dtype' must be torch.dtype, not {type(d).__name__}")


def finish(t: Tensor, requires_grad: bool) -> Tensor:
    """A new tensor, which is to require gradients if the caller said so."""
    if requires_grad and not t.dtype.is_differentiable:
        raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
    return t.requires_grad_() if requires_grad else t


def shape_of(size: tuple[Any, ...]) -> tuple[int, ...]:
    """Sizes given as separate ints, one list, tuple or Size."""
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        size = tuple(size[0])
    out = []
    for n in size:
        if type(n) is not int:
            if isinstance(n, bool) or not hasattr(n, "__index__"):
                raise TypeError(
                    f"expected the size of an axis as an int, but got {type(n).__name__}: {n!r}"
                )
            n = n.__index__()
        out.append(n)
    for n in out:
        if n < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {n}: {out}")
    return tuple(out)


# ---------------------------------------------------------------- from data
@public(method=False)
def tensor(
    data: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor with a copy of the data: a number, nested sequences, an ndarray or a tensor.

    dtype: inferred from the data by default. Raises ValueError for ragged sequences, TypeError and
    RuntimeError for what is not numeric.
    """
    check_device(device)
    d = check_dtype(dtype)
    if isinstance(data, Tensor):
        import warnings

        warnings.warn(
            "To copy construct from a tensor, it is recommended to use "
            "sourceTensor.detach().clone() or "
            "sourceTensor.detach().clone().requires_grad_(True), rather than "
            "torch.tensor(sourceTensor).",
            UserWarning,
            stacklevel=2,
        )
    return finish(from_array(to_numpy(data, d), d), requires_grad)


@public(method=False)
def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """The data as a tensor, sharing memory and history where it is one (or an ndarray) already."""
    check_device(device)
    d = check_dtype(dtype)
    if isinstance(data, Tensor):
        return data if d is None or d is data.dtype else data.to(d)
    if isinstance(data, np.ndarray):
        t = from_numpy(data)
        return t if d is None or d is t.dtype else t.to(d)
    return from_array(to_numpy(data, d), d)


@public(method=False)
def asarray(
    obj: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """The object as a tensor; `copy` True always copies, False never does, None if it must."""
    check_device(device)
    d = check_dtype(dtype)
    if copy:
        return finish(from_array(to_numpy(obj, d), d), requires_grad)
    shared = isinstance(obj, (Tensor, np.ndarray))
    if copy is False and (not shared or (d is not None and as_tensor(obj).dtype is not d)):
        raise ValueError("can't alias the object: a copy is needed, but copy=False")
    t = as_tensor(obj, dtype=d)
    if isinstance(obj, Tensor) and not requires_grad:
        t = t.detach() if t.requires_grad else t
    return finish(t, requires_grad)


@public(method=False)
def from_numpy(array: np.ndarray) -> Tensor:
    """A tensor that shares an ndarray's memory, both ways."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    check_array(array)
    d = from_numpy_dtype(array.dtype)
    if array.flags.c_contiguous:
        return _sharing(array, array, d)
    return _sharing_strided(array, d)


class _Lender:
    """Keeps a user's ndarray and says whether anybody but us can still write to it."""

    __slots__ = ("array", "__weakref__", "buffer", "__array_interface__")

    def alive(self) -> bool:
        """Whether the array (or what it is a view of) is held by anybody but its value and this
        object.
        """
        return self.array.base is not None or sys.getrefcount(self.array) > 3

    def __init__(self, owner: np.ndarray, flat: np.ndarray) -> None:
        self.array = owner
        self.buffer = memory.from_array(flat)  # has no shape: writes may come through any view
        self.__array_interface__ = {
            "shape": (flat.size,),
            "typestr": flat.dtype.str if flat.dtype.kind != "V" else "<u2",
            "version": 3,
            "data": (flat.ctypes.data, not flat.flags.writeable),
        }


def _sharing(owner: np.ndarray, contiguous: np.ndarray, d: dtype) -> Tensor:
    t = from_array(np.empty(0, d.np), d)
    v = outside(meta(contiguous.shape, d), contiguous)
    lender = _Lender(owner, contiguous.reshape(-1))
    v.pin = lender.alive
    t._shown = lambda: lender
    t._v = v
    return t


def _sharing_strided(array: np.ndarray, d: dtype) -> Tensor:
    item = array.itemsize
    if any(s % item for s in array.strides):
        raise ValueError(
            "given numpy array strides not a multiple of the element byte size. Copy "
            "the numpy array to reallocate the memory."
        )
    strides = tuple(s // item for s in array.strides)
    count = (
        1 + sum((n - 1) * s for n, s in zip(array.shape, strides, strict=True)) if array.size else 0
    )
    flat = np.lib.stride_tricks.as_strided(array, (count,), (item,))
    base = _sharing(array, flat, d)
    return base.as_strided(array.shape, strides, 0)


# ---------------------------------------------------------------- from shapes
def filled(shape: tuple[int, ...], value: Any, d: dtype) -> Tensor:
    """A tensor of one value, a number of its dtype, in memory of its own: that was used before, if
    there is any.
    """
    buffer = memory.allocate(max(1, math.prod(shape) * d.itemsize))
    buffer.numpy(shape, d.np).fill(value)
    return wrap(outside(meta(shape, d), buffer))


def _new(shape: tuple[int, ...], value: Any, d: dtype) -> Tensor:
    if value == 0 and (type(value) is int or "-" not in str(value)):  # -0.0 is another value
        return owning(np.zeros(shape, d.np), d)
    value = value if type(value) is float and d.np.kind == "f" else convert(np.asarray(value), d)
    if math.prod(shape) * d.itemsize >= memory.FRESH_BYTES:
        # Fresh pages, which NumPy's arrays of this size often have, cost more than filling them.
        return filled(shape, value, d)
    made = np.empty(shape, d.np)
    made.fill(value)
    return owning(made, d)


def _factory(name: str, value: Any, text: str) -> None:
    def make(
        *size: Any,
        out: Tensor | None = None,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
        memory_format: Any = None,
        **named: Any,
    ) -> Tensor:
        if "size" in named:
            size = (named.pop("size"),)
        if named:
            raise TypeError(f"{name}() got an unexpected keyword argument '{next(iter(named))}'")
        if not size:
            raise TypeError(f'{name}() missing 1 required positional arguments: "size"')
        check_device(device)
        shape = shape_of(size)
        if out is not None:
            return write_out(_new(shape, value, out.dtype), out)
        return finish(_new(shape, value, check_dtype(dtype) or get_default_dtype()), requires_grad)

    def like(
        input: Tensor,
        *,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        memory_format: Any = None,
        pin_memory: bool = False,
    ) -> Tensor:
        if not isinstance(input, Tensor):
            raise TypeError(
                f"{name}_like(): argument 'input' (position 1) must be Tensor, not "
                f"{type(input).__name__}"
            )
        check_device(device)
        m = input._v.meta
        return finish(_new(m.shape, value, check_dtype(dtype) or m.dtype), requires_grad)

    def new(
        self: Tensor,
        *size: Any,
        dtype: Any = None,
        device: Any = None,
        layout: Any = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
    ) -> Tensor:
        check_device(device)
        return finish(
            _new(shape_of(size), value, check_dtype(dtype) or self._v.meta.dtype), requires_grad
        )

    make.__name__, make.__doc__ = name, f"A tensor of the given shape {text}."
    like.__name__, like.__doc__ = (
        f"{name}_like",
        f"A tensor {text}, with the shape and dtype of `input`.",
    )
    new.__name__, new.__doc__ = (
        f"new_{name}",
        f"A tensor of the given shape {text}, with this tensor's dtype.",
    )
    public(name, method=False)(make)
    public(f"{name}_like", method=False)(like)
    setattr(Tensor, f"new_{name}", new)


_factory("zeros", 0, "filled with zeros")
_factory("ones", 1, "filled with ones")
_factory("empty", 0, "whose contents are not to be relied on")


@public(method=False)
def full(
    size: Any,
    fill_value: Any,
    *,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of the given shape filled with one value; its dtype follows the value by default."""
    if device is not None:
        check_device(device)
    d = None if dtype is None else check_dtype(dtype)
    if isinstance(fill_value, Tensor):
        d = d or fill_value.dtype
        fill_value = fill_value.item()
    if not isinstance(fill_value, (float, int, complex, np.generic)):
        raise TypeError(
            "full(): argument 'fill_value' (position 2) must be Number, not "
            f"{type(fill_value).__name__}"
        )
    if d is None:
        if type(fill_value) is float:
            d = get_default_dtype()
        else:
            d = inferred(np.asarray(fill_value), fill_value)
    if isinstance(size, int):
        raise TypeError("full(): argument 'size' must be tuple of ints, not int")
    t = _new(shape_of((tuple(size),)), fill_value, d)
    if out is not None:
        return write_out(t, out)
    return finish(t, True) if requires_grad else t


@public(method=False)
def full_like(
    input: Tensor,
    fill_value: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """A tensor filled with one value, with the shape and dtype of `input`."""
    m = input._v.meta
    return full(
        m.shape, fill_value, dtype=dtype or m.dtype, device=device, requires_grad=requires_grad
    )


def _new_full(
    self: Tensor,
    size: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of the given shape filled with one value, with this tensor's dtype."""
    return full(
        size, fill_value, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad
    )


def _new_tensor(
    self: Tensor, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor with a copy of the data, with this tensor's dtype."""
    d = check_dtype(dtype) or self.dtype
    return finish(from_array(to_numpy(data, d), d), requires_grad)


Tensor.new_full = _new_full  # type: ignore[attr-defined]
Tensor.new_tensor = _new_tensor  # type: ignore[attr-defined]


@public(method=False)
def eye(
    n: int,
    m: int | None = None,
    *,
    out: Tensor | None = None,
    dtype: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """An n by m matrix with ones on its diagonal."""
    check_device(device)
    for name, k in (("n", n), ("m", m)):
        if k is not None and k < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {k}")
    d = check_dtype(dtype) or get_default_dtype()
    t = from_array(convert(np.eye(n, m), d), d)
    return finish(t, requires_grad) if out is None else write_out(t, out)


@public(method=False)
def arange(
    *bounds: Any,
    out: Tensor | None = None,
    dtype: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: bool = False,
    **named: Any,
) -> Tensor:
    """arange(end), arange(start, end), arange(start, end, step): evenly spaced, the end
    excluded.
    """
    check_device(device)
    given = [b.item() if isinstance(b, (Tensor, np.generic)) else b for b in bounds]
    start, end, step = 0, None, 1
    if len(given) == 1 and "end" not in named:
        end = given[0]
    elif given:
        start = given[0]
        end = given[1] if len(given) > 1 else None
        step = given[2] if len(given) > 2 else 1
    start, end, step = named.pop("start", start), named.pop("end", end), named.pop("step", step)
    if named or end is None:
        raise TypeError(f"arange() received an invalid combination of arguments: {bounds} {named}")
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not math.isfinite(start) or not math.isfinite(end):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) / step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    d = check_dtype(dtype)
    if d is None:
        whole = all(isinstance(x, int) for x in (start, end, step))
        d = int64 if whole else get_default_dtype()
    if d is bool_ or d.is_complex:
        raise NotImplementedError(f"\"arange_cpu\" not implemented for '{type_name(d)}'")
    if d.is_integral:
        a = _whole_range(start, end, step, d)
    else:
        a = start + step * np.arange(math.ceil((end - start) / step), dtype=np.float64)
    t = from_array(convert(np.asarray(a), d), d)
    return finish(t, requires_grad) if out is None else write_out(t, out)


def _whole_range(start: Any, end: Any, step: Any, d: dtype) -> np.ndarray:
    """The range of an integer dtype: bounds and step are cut to whole numbers, as in PyTorch."""
    first, stride = int(start), int(step)
    if d is int64:
        if stride == 0:
            raise ValueError("step must be nonzero")
        return np.arange(first, int(end), stride, dtype=np.int64)
    count = math.ceil((end - start) / step)
    return np.asarray(first + stride * np.arange(count, dtype=np.int64))


@public(method=False)
def linspace(
    start: Any,
    end: Any,
    steps: int,
    *,
    out: Tensor | None = None,
    dtype: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`steps` values evenly spaced from start to end, both included."""
    check_device(device)
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    start, end = (x.item() if isinstance(x, Tensor) else x for x in (start, end))
    d = check_dtype(dtype) or get_default_dtype()
    if dtype is None and (isinstance(start, complex) or isinstance(end, complex)):
        d = d.to_complex()
    if d is bool_:
        raise NotImplementedError("\"linspace_cpu\" not implemented for 'Bool'")
    t = from_array(_linspace(start, end, steps, d), d)
    return finish(t, requires_grad) if out is None else write_out(t, out)


def _linspace(start: Any, end: Any, steps: int, d: dtype) -> np.ndarray:
    """From both ends towards the middle, in the dtype, as PyTorch does."""
    if steps == 1:
        return convert(np.asarray([start]), d)
    c = d.np.type if d in (float32, float64) else (np.float64 if d.is_integral else np.float32)
    if d.is_complex:
        return convert(np.linspace(start, end, steps), d)
    k = np.arange(steps)
    lo, hi = c(start), c(end)
    step = c((hi - lo) / c(steps - 1))
    low, high = lo + step * k.astype(c), hi - step * (steps - 1 - k).astype(c)
    return convert(np.where(k < steps // 2, low, high).astype(c), d)


@public(method=False)
def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    out: Tensor | None = None,
    dtype: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Powers of `base` with exponents evenly spaced from start to end."""
    check_device(device)
    d = check_dtype(dtype) or get_default_dtype()
    if d is bool_:
        raise NotImplementedError("\"logspace_cpu\" not implemented for 'Bool'")
    a = np.power(np.float64(base), _linspace(start, end, steps, float64))
    t = from_array(convert(a, d), d)
    return finish(t, requires_grad) if out is None else write_out(t, out)


def legacy_tensor(*args: Any, device: Any = None) -> Tensor:
    """`Tensor(2, 3)` makes an uninitialised float tensor, `Tensor([1, 2])` one with data."""
    check_device(device)
    if len(args) == 1 and not isinstance(args[0], int):
        data = args[0]
        if isinstance(data, (float, complex, dict, set, np.floating)) or data is None:
            raise TypeError(f"new(): data must be a sequence (got {type(data).__name__})")
        if isinstance(data, Size):
            return _new(tuple(data), 0, get_default_dtype())
        if isinstance(data, Tensor):
            if data.dtype is not get_default_dtype():
                raise TypeError(f"expected {get_default_dtype()!r} (got {data.dtype!r})")
            return data.detach()
        return from_array(to_numpy(data, get_default_dtype()), get_default_dtype())
    return _new(shape_of(args) if args else (0,), 0, get_default_dtype())


Tensor._construct = staticmethod(legacy_tensor)  # type: ignore[attr-defined]
