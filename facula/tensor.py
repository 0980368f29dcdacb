"""The tensor: a thin handle on a value.

A handle points to an immutable `Value`. Writing in place points it to another one. A view holds its
base and its place in the base's storage (shape, strides, offset in its value's facts); a write
through any of them makes a new value of the base, and the other views are derived again when they
are next read. Methods are attached by the modules of facula/functions, one definition for function,
method and in-place.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from . import tensor_sharing as sharing
from .autograd import engine
from .devices import cpu, device
from .dtypes import BY_NAME, FLOAT, bool_, dtype, from_numpy_dtype
from .ops.elementwise import ADD, DIV, MUL, SUB
from .tensor_gradient import accumulate, check_grad, gradient, run_hooks
from .tensor_parts import Copy, made
from .tensor_sharing import join, refresh
from .trace import native
from .trace.foreign import array_beside
from .trace.recorder import record2, resolve, state
from .trace.replay import array_of, flush, let_go
from .trace.values import NUMBER, Failed, Value, meta, outside

_new = object.__new__
_POINTER_TYPES = {
    "float32": ctypes.c_float, "float64": ctypes.c_double, "int64": ctypes.c_int64,
    "int32": ctypes.c_int32, "int16": ctypes.c_int16, "int8": ctypes.c_int8,
    "uint8": ctypes.c_uint8, "bool": ctypes.c_bool,
}  # fmt: skip


class Size(tuple[int, ...]):
    """A tensor's shape: a tuple of ints."""

    def numel(self) -> int:
        n = 1
        for k in self:
            n *= k
        return n

    def __repr__(self) -> str:
        return f"torch.Size([{', '.join(map(str, self))}])"

    def __getitem__(self, index: Any) -> Any:
        r = tuple.__getitem__(self, index)
        return Size(r) if isinstance(index, slice) else r

    def __add__(self, other: Any) -> Size:
        return Size(tuple.__add__(self, tuple(other)))


class _Metatype(type):
    """`Tensor(...)` is the legacy constructor; handles are made without it."""

    if TYPE_CHECKING:

        def __getattr__(cls, name: str) -> Any: ...

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is Tensor:
            return cls._construct(*args, **kwargs)
        return type.__call__(cls, *args, **kwargs)


class Tensor(metaclass=_Metatype):
    """An n-dimensional array with gradients. Make one with `facula.tensor` and its kin."""

    _v: Value
    _grad: Tensor | Value | None = None  # a value until somebody asks for it
    _base: Tensor | None = None  # the tensor that owns the storage; None: this one does
    _views: list[Any] | None = None  # weak references to the handles that share this storage
    _hooks: Any = None
    _after_hooks: Any = None
    _ver = 0
    _bundle: Any = None  # the optimizer that updates this parameter in place, counts versions
    _shown: Any = None  # the memory that Python code was shown
    _fn_name: str | None = None
    _retains = False
    _cut = False  # a detached alias, or a view of one
    _head: Tensor | None = None  # of a view of a detached alias: that alias
    _own = False  # a detached alias with a history of its own
    _silent = False  # writes through it count no version: `.data`
    name: str | None = None
    is_sparse = is_quantized = is_cuda = is_meta = is_mkldnn = is_nested = False
    is_cpu = True
    _backward_hooks = None

    if TYPE_CHECKING:
        # What facula/functions attaches: the methods, and the operators, which mypy looks up alone.
        def __getattr__(self, name: str) -> Any: ...

        _attached: Any = None
        __getitem__ = __setitem__ = __neg__ = __pos__ = __abs__ = __invert__ = _attached
        __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = _attached
        __mod__ = __rmod__ = __pow__ = __rpow__ = __matmul__ = __rmatmul__ = _attached
        __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = _attached
        __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = _attached
        __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _attached
        __float__ = __int__ = __complex__ = _attached

    # ------------------------------------------------------------ facts
    @property
    def shape(self) -> Size:
        """The sizes of the axes."""
        return Size(self._v.meta.shape)

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one axis."""
        shape = self._v.meta.shape
        if dim is None:
            return Size(shape)
        n = len(shape)
        if not -n <= dim < n:
            low = -max(n, 1)
            raise IndexError(
                f"Dimension out of range (expected to be in range of [{low}, {-low - 1}], but got "
                f"{dim})"
            )
        return shape[dim]

    @property
    def dtype(self) -> dtype:
        return self._v.meta.dtype

    @property
    def device(self) -> device:
        return cpu

    @property
    def layout(self) -> Any:
        from .layouts import strided

        return strided

    @property
    def ndim(self) -> int:
        return self._v.meta.ndim

    def dim(self) -> int:
        """The number of axes."""
        return self._v.meta.ndim

    ndimension = dim

    def numel(self) -> int:
        """The number of elements."""
        return self._v.meta.numel

    nelement = numel

    @property
    def itemsize(self) -> int:
        return self._v.meta.dtype.itemsize

    def element_size(self) -> int:
        """Bytes of one element."""
        return self._v.meta.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self._v.meta.numel * self._v.meta.dtype.itemsize

    def stride(self, dim: int | None = None) -> Any:
        """The strides in elements, or that of one axis."""
        s = self._v.meta.strides
        return s if dim is None else s[dim]

    def storage_offset(self) -> int:
        """The first element's position in the storage."""
        return self._v.meta.offset

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """Whether the elements lie in the storage in row-major order."""
        return self._v.meta.contiguous

    def is_floating_point(self) -> bool:
        return self._v.meta.dtype.is_floating_point

    def is_complex(self) -> bool:
        return self._v.meta.dtype.is_complex

    def is_signed(self) -> bool:
        return self._v.meta.dtype.is_signed

    def get_device(self) -> int:
        return -1

    # ------------------------------------------------------------ gradients
    @property
    def requires_grad(self) -> bool:
        return self._v.meta.requires_grad

    @requires_grad.setter
    def requires_grad(self, flag: bool) -> None:
        self.requires_grad_(flag)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Whether operations on this tensor are to be recorded for gradients. For leaves only."""
        v = self._v
        m = v.meta
        if requires_grad == m.requires_grad:
            return self
        if not requires_grad:
            if not m.leaf:
                raise RuntimeError(
                    "you can only change requires_grad flags of leaf variables. If you want to use "
                    "a computed variable in a subgraph that doesn't require differentiation use "
                    "var_no_grad = var.detach()."
                )
        elif not m.dtype.is_differentiable:
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
        kept = self._value()
        flags = (True, True) if requires_grad else (False, False)
        strides = None if m.contiguous and m.offset == 0 else m.strides
        fresh = outside(meta(m.shape, m.dtype, *flags, strides, m.offset), kept.buf)
        fresh.pin = kept.pin
        fresh.rec = weakref.ref(self) if requires_grad else None
        if self._base is not None:  # an alias or a view gets a history of its own
            self._cut, self._own, self._head = True, requires_grad, None
        self._v = fresh
        return self

    @property
    def is_leaf(self) -> bool:
        m = self._v.meta
        return m.leaf or not m.requires_grad

    @property
    def grad(self) -> Tensor | None:
        """The gradient that backward() accumulated; None if there is none."""
        g = gradient(self)
        if g is None and not self.is_leaf and not self._retains:
            import warnings

            warnings.warn(
                "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its "
                ".grad attribute won't be populated during autograd.backward(). If you indeed want "
                "the .grad field to be populated for a non-leaf Tensor, use .retain_grad() on the "
                "non-leaf Tensor. If you access the non-leaf Tensor by mistake, make sure you "
                "access the leaf Tensor instead.",
                UserWarning,
                stacklevel=2,
            )
        return g

    @grad.setter
    def grad(self, g: Tensor | None) -> None:
        if g is not None:
            if not isinstance(g, Tensor):
                raise TypeError(
                    "assigned grad expected to be a Tensor or None but got grad of type "
                    f"{type(g).__name__}"
                )
            check_grad(self, g)
        self._grad = g

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    @property
    def grad_fn(self) -> Any:
        """The operation that made this tensor, as a node of the graph of gradients; None for a
        leaf.
        """
        from .autograd.nodes import node_of

        return node_of(self)

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        """Computes the gradients of this tensor and accumulates them in the leaves' `.grad`."""
        if gradient is None and inputs is None and not create_graph:
            v = self._v
            m = v.meta
            if m.numel == 1 and m.requires_grad and not m.leaf and m.dtype.category == FLOAT:
                engine.backward(v, None, bool(retain_graph), False)
                return
        self._backward(gradient, retain_graph, create_graph, inputs)

    @property
    def retains_grad(self) -> bool:
        """Whether `retain_grad` was called (False for a leaf)."""
        return self._retains

    _accumulate, _run_hooks = accumulate, run_hooks

    @property
    def _version(self) -> int:
        root = self if self._base is None or self._silent else self._base
        return root._ver + (root._bundle.steps if root._bundle is not None else 0)

    # ------------------------------------------------------------ memory
    def _value(self) -> Value:
        """The current value, in memory (contiguous). Ends the frame where it is only recorded."""
        v = self._v
        if v.buf is None:
            if v.over == "stale":
                v = refresh(v)
            if v.buf is None:
                flush()
                v = self._v
                if type(v.over) is Failed:
                    v.over.complain()
                if v.buf is None and v.over != "stale":  # another thread has recorded it
                    self._v = v = resolve(state.tr, v)
                if v.over == "stale":
                    made = _materialised(self)
                    made.rec = v.rec
                    self._v = v = made
        return v

    def _array(self) -> np.ndarray:
        """The current contents as an ndarray, for reading only; a view shares its base's memory."""
        v = self._v
        if v.buf is not None:
            return array_of(v)
        # a view of memory needs no recorded work: what it shows lies in its base
        if v.over != "stale" and (self._base is None or self._base._v.buf is None):
            flush()
            v = self._v
            if v.buf is not None:
                return array_of(v)
            found = array_beside(v)
            if found is not None:
                return found
            if v.buf is not None:
                return array_of(v)
        if type(v.over) is Failed:
            v.over.complain()
        assert self._base is not None
        let_go()
        m = v.meta
        flat = self._base._array().reshape(-1)
        if not m.numel:
            return np.empty(m.shape, flat.dtype)
        item = flat.itemsize  # as_strided does the same with an array more and 3 microseconds
        strides = tuple([s * item for s in m.strides])
        return np.ndarray(m.shape, flat.dtype, flat.view(np.uint8), m.offset * item, strides)

    def _storage(self) -> Tensor:
        """The tensor that owns this one's storage."""
        return self if self._base is None else self._base

    def _show(self) -> np.ndarray:
        """The storage's memory as a flat ndarray that Python code may keep and write to."""
        root = self if self._base is None else self._base
        v = root._value()
        shown = root._shown() if root._shown is not None else None
        if shown is None:
            buffer = v.buf
            if any(u.buf is buffer for u in state.tr.inputs):
                flush()  # what was recorded reads what is there now
            shown = sharing.Shown(v)
            root._shown = weakref.ref(shown)
            v.pin = root._shown
            m = v.meta
            if m.offset or not m.contiguous:  # in memory it is dense
                v.meta = meta(m.shape, m.dtype, m.requires_grad, m.leaf)
            if root._v is not v:
                root._v = v
            sharing.show_all(root, shown)
            if root._bundle is not None:
                root._bundle.dirty = True
        return np.asarray(shown)

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """An ndarray that shares this tensor's memory.

        Raises RuntimeError for a tensor that requires gradients, unless `force` or where gradients
        are switched off.
        """
        m = self._v.meta
        if m.requires_grad and not force and state.tr.grad:
            raise RuntimeError(
                "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() "
                "instead."
            )
        if m.dtype is BY_NAME["bfloat16"]:
            raise TypeError("Got unsupported ScalarType BFloat16")
        if self._base is not None and m.requires_grad:
            return self.detach().numpy()
        flat = self._show()
        m = self._v.meta
        item = flat.itemsize
        return (
            np.ndarray(
                m.shape, flat.dtype, flat, m.offset * item, tuple(s * item for s in m.strides)
            )
            if m.numel
            else np.empty(m.shape, flat.dtype)
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        a = self.numpy()
        return a if dtype is None else a.astype(dtype, copy=bool(copy))

    def data_ptr(self) -> int:
        """The address of the first element; the memory stays where it is from now on."""
        flat = self._show()
        root = self if self._base is None else self._base
        root.__dict__["_address_taken"] = flat.base
        return int(flat.ctypes.data) + self._v.meta.offset * flat.itemsize

    def item(self) -> Any:
        """The value of a tensor of one element as a Python number."""
        v = self._v
        m = v.meta
        b: Any = v.buf
        kind: Any = _POINTER_TYPES.get(m.dtype.name)
        if b is not None and m.numel == 1 and kind is not None and type(b) is not np.ndarray:
            return kind.from_address(b.ptr).value
        if m.numel != 1:
            raise RuntimeError(f"a Tensor with {m.numel} elements cannot be converted to Scalar")
        root, offset = self._base, 0
        if b is None and (root is None or root._v.buf is None):
            flush()
            v = self._v
            b = v.buf
        if b is None and root is not None and type(v.over) is not Failed:
            let_go()
            b, offset = root._v.buf, m.offset * m.dtype.itemsize
        if b is None or type(b) is np.ndarray or kind is None:
            r = self._array()
            return r.astype(np.float32).item() if r.dtype.kind == "V" else r.item()
        return kind.from_address(b.ptr + offset).value

    def tolist(self) -> Any:
        """Nested lists of Python numbers; a number for a 0-d tensor."""
        a = self._array()
        return (a.astype(np.float32) if a.dtype.kind == "V" else a).tolist()

    # ------------------------------------------------------------ writing and aliases
    def _write(self, nv: Value) -> Tensor:
        """Writes a value (converted to this tensor's dtype) into this tensor and all that share
        its storage.
        """
        return sharing.write(self, nv)

    def _check_writable(self) -> None:
        sharing.check_writable(self)

    def _settle(self, nv: Value) -> None:
        """Makes a recorded value the value of this storage."""
        sharing.settle(self, nv, True)

    def _fill_memory(self, a: np.ndarray) -> Tensor:
        """Replaces the contents by those of an array, at once and unrecorded (initial values,
        draws).
        """
        return sharing.fill_memory(self, a)

    def detach(self) -> Tensor:
        """A tensor that shares this one's storage and has no history."""
        return sharing.alias(self, Tensor)

    @property
    def data(self) -> Tensor:
        """This tensor without history, sharing storage; writes to it are not noticed by
        gradients.
        """
        return sharing.alias(self, Tensor, True)

    @data.setter
    def data(self, other: Tensor) -> None:
        if not isinstance(other, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(other).__name__}")
        sharing.set_data(self, other, Tensor)

    @staticmethod
    def _alias_as(cls: type, data: Tensor, requires_grad: bool) -> Any:
        """A leaf of class `cls` on the data of a tensor (for Parameter): storage shared,
        history not.
        """
        return sharing.adopt(cls, data, requires_grad)

    # ------------------------------------------------------------ Python's protocols
    def __bool__(self) -> bool:
        n = self._v.meta.numel
        if n == 1:
            return bool(self.item())
        if n == 0:
            raise RuntimeError("Boolean value of Tensor with no values is ambiguous")
        raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")

    def __index__(self) -> int:
        m = self._v.meta
        if m.numel != 1 or not (m.dtype.is_integral or m.dtype is bool_):
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __len__(self) -> int:
        shape = self._v.meta.shape
        if not shape:
            raise TypeError("len() of a 0-d tensor")
        return shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if not self._v.meta.shape:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __contains__(self, element: Any) -> bool:
        return bool((self == element).any().item())

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        from .tensor_text import format_tensor

        m = self._v.meta
        name = None
        if m.requires_grad and not m.leaf:
            fn = self.grad_fn
            name = fn.name().rsplit("::", 1)[-1] if fn is not None else None
        return format_tensor(
            self._array(), m.dtype, requires_grad=m.requires_grad, grad_fn_name=name,
            is_parameter=getattr(self, "_is_param", False),
        )  # fmt: skip

    def __format__(self, spec: str) -> str:
        if self._v.meta.ndim == 0:
            return format(self.item(), spec)
        return object.__format__(self, spec) if spec else str(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if id(self) in memo:
            return memo[id(self)]
        if not self.is_leaf:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
                "protocol at the moment.  If you were attempting to deepcopy a module, this may be "
                "because of a torch.nn.utils.weight_norm usage, see "
                "https://github.com/pytorch/pytorch/pull/103001"
            )
        t = from_array(self._array().copy())
        if self.requires_grad:
            t.requires_grad_()
        if self._grad is not None:
            t._grad = gradient(self).__deepcopy__(memo)
        memo[id(self)] = t
        return t

    def __copy__(self) -> Tensor:
        t: Tensor = sharing.alias(self, type(self))
        for name, value in self.__dict__.items():
            if not name.startswith("_"):
                t.__dict__[name] = value
        return t.requires_grad_() if self.requires_grad else t

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _rebuild, (self._array().copy(), self._v.meta.dtype, self._v.meta.requires_grad)

    def __setstate__(self, saved: Any) -> None:
        self.__dict__.update(saved)

    def __dlpack__(self, **kwargs: Any) -> Any:
        return self.numpy().__dlpack__(**kwargs)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)

    __array_priority__ = 1000

    # ------------------------------------------------------------ the hot operators
    def __add__(self, other: Any) -> Any:
        if isinstance(other, Tensor):
            v = record2(ADD, self._v, other._v)
        elif type(other) in NUMBER:
            v = record2(ADD, self._v, other)
        else:
            return _slow("add", self, other)
        t = _new(Tensor)
        t._v = v
        return t

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, Tensor):
            v = record2(SUB, self._v, other._v)
        elif type(other) in NUMBER:
            v = record2(SUB, self._v, other)
        else:
            return _slow("sub", self, other)
        t = _new(Tensor)
        t._v = v
        return t

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, Tensor):
            v = record2(MUL, self._v, other._v)
        elif type(other) in NUMBER:
            v = record2(MUL, self._v, other)
        else:
            return _slow("mul", self, other)
        t = _new(Tensor)
        t._v = v
        return t

    def __truediv__(self, other: Any) -> Any:
        if isinstance(other, Tensor):
            v = record2(DIV, self._v, other._v)
        elif type(other) in NUMBER:
            v = record2(DIV, self._v, other)
        else:
            return _slow("div", self, other)
        t = _new(Tensor)
        t._v = v
        return t


def _slow(name: str, a: Tensor, b: Any) -> Any:
    """An operator with an operand that is neither a tensor nor a float or int."""
    if not isinstance(b, (bool, complex, np.generic, np.ndarray, Tensor, int, float)):
        return NotImplemented
    return getattr(Tensor, name)(a, b)


def wrap(v: Value) -> Tensor:
    """A handle on a value that owns its storage."""
    t = _new(Tensor)
    t._v = v
    return t


engine.wrap = wrap


def wrap_view(v: Value, of: Tensor) -> Tensor:
    """A handle on a value that is a view of `of`: it shares that tensor's storage."""
    t = _new(Tensor)
    t._v = v
    root = of._base
    if root is None:
        t._base = root = of
    else:
        t._base = root
        if of._cut:
            t._cut, t._head, t._silent = True, of if of._head is None else of._head, of._silent
    reference = join(root, t)
    if v.buf is None:
        state.tr.views.append(reference)
    return t


def taken(of: Tensor, copy: Copy, name: str) -> Tensor:
    """A handle on the copy of a small part of a tensor in memory, made by an operation that
    gradients know by this name. It counts as a view.
    """
    t = wrap_view(made(of._v, copy), of)
    t._fn_name = name
    return t


def _materialised(t: Tensor) -> Value:
    m = t._v.meta
    return outside(
        meta(m.shape, m.dtype, strides=m.strides, offset=m.offset),
        np.asarray(t._array(), order="C"),
    )


def from_array(a: np.ndarray, d: dtype | None = None) -> Tensor:
    """A tensor that takes over an ndarray: nobody else may use the array afterwards."""
    if d is None:
        d = from_numpy_dtype(a.dtype)
    if a.dtype != d.np or not a.flags.c_contiguous:
        a = np.asarray(a, d.np, order="C")
    return owning(a, d)


def owning(a: np.ndarray, d: dtype) -> Tensor:
    """As `from_array`, for a C-contiguous array of this dtype."""
    return wrap(outside(meta(a.shape, d), a))


def _rebuild(a: np.ndarray, d: dtype, requires_grad: bool) -> Tensor:
    t = from_array(a, d)
    return t.requires_grad_() if requires_grad else t


native.offer("facula.tensor_code")
