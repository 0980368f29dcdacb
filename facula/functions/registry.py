"""One definition makes the function, the method, the in-place method and the `out=` form.

    @public()                      facula.relu(x), x.relu()
    @public(inplace=True)          and x.relu_()
    @public(out=True)              and facula.relu(x, out=y)
    @public(method=False)          the function only

`NAMES` is what facula/__init__.py exports; methods are attached here.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..tensor import Tensor
from ..tensor_sharing import write
from ..trace.recorder import set_grad_mode, state

NAMES: dict[str, Callable[..., Any]] = {}


class Entry:
    """What is known of a public function; tests and the documentation are made from these."""

    __slots__ = ("name", "function", "method", "inplace", "out", "grad_name")

    def __init__(
        self,
        name: str,
        function: Any,
        method: bool,
        inplace: bool,
        out: bool,
        grad_name: str | None,
    ) -> None:
        self.name, self.function, self.method = name, function, method
        self.inplace, self.out, self.grad_name = inplace, out, grad_name


ENTRIES: dict[str, Entry] = {}


def public(
    name: str | None = None,
    *,
    method: bool = True,
    inplace: bool = False,
    out: bool = False,
    grad_name: str | None = None,
    aliases: tuple[str, ...] = (),
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Publishes a function on tensors. grad_name: what `grad_fn` of its results is called."""

    def decorate(f: Callable[..., Any]) -> Callable[..., Any]:
        own = name or f.__name__.rstrip("_")
        call = _named(f, grad_name) if grad_name else f
        if method:
            setattr(Tensor, own, call)
            for alias in aliases:
                setattr(Tensor, alias, call)
        if inplace:
            for n in (own, *aliases):
                setattr(Tensor, n + "_", _inplace(call, n + "_"))
        exported = _with_out(call) if out else call
        ENTRIES[own] = Entry(own, exported, method, inplace, out, grad_name)
        for n in (own, *aliases):
            NAMES[n] = exported
        return call

    return decorate


def numpy_names(f: Callable[..., Any], other: str | None = None) -> Callable[..., Any]:
    """Lets callers say axis= and keepdims= for dim= and keepdim= (and other= for `other`)."""

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            if "axis" in kwargs:
                kwargs["dim"] = kwargs.pop("axis")
            if "keepdims" in kwargs:
                kwargs["keepdim"] = kwargs.pop("keepdims")
            if other is not None and "other" in kwargs:
                kwargs[other] = kwargs.pop("other")
        return f(*args, **kwargs)

    return call


def _named(f: Callable[..., Any], grad_name: str) -> Callable[..., Any]:
    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        r = f(*args, **kwargs)
        if type(r) is Tensor:
            r._fn_name = grad_name
        return r

    return call


def _inplace(f: Callable[..., Any], name: str) -> Callable[..., Any]:
    def call(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        frame = state.tr
        after = frame.base + frame.node.next_slot - 1
        r = f(self, *args, **kwargs)
        write(self, r._v, False, after)
        if r._fn_name is not self._fn_name:
            self._fn_name = r._fn_name
        return self

    call.__name__ = call.__qualname__ = name
    call.__doc__ = (
        f"In-place form of `{name[:-1]}`: writes the result into this tensor and returns it."
    )
    return call


def _with_out(f: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(f)
    def call(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        if out is None:
            return f(*args, **kwargs)
        return write_out(f(*args, **kwargs), out)

    return call


def write_out(result: Any, out: Any) -> Any:
    """Puts results into `out=` tensors, which are resized if their shape does not fit."""
    if isinstance(result, tuple):
        if not isinstance(out, (tuple, list)):
            raise TypeError(f"argument 'out' must be tuple of Tensors, not {type(out).__name__}")
        for r, o in zip(result, out, strict=True):
            write_out(r, o)
        return out
    if not isinstance(out, Tensor):
        raise TypeError(f"argument 'out' must be Tensor, not {type(out).__name__}")
    if result.requires_grad or out.requires_grad:
        raise RuntimeError(
            "functions with out=... arguments don't support automatic differentiation, but one of "
            "the arguments requires grad."
        )
    if out.shape != result.shape:
        out.resize_(result.shape)
    out._write(result._v)
    return out


class no_tracking:
    """Work that must not be recorded for gradients."""

    __slots__ = ("mode",)

    def __enter__(self) -> None:
        self.mode = state.tr.grad
        set_grad_mode(False)

    def __exit__(self, *exc: Any) -> None:
        set_grad_mode(self.mode)
