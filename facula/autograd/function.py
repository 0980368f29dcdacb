"""`autograd.Function`: an operation with a backward written by the user."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..ops.record import Example, Op
from ..tensor import Tensor, wrap
from ..trace.recorder import record_many, set_grad_mode, state
from ..trace.values import Value, at, meta, outside
from . import calls, engine


def _rule(metas: Any, attrs: Any) -> Any:
    """attrs: how many of the operands are results; the others only lead to them."""
    return tuple(meta(m.shape, m.dtype) for m in metas[: attrs[0]])


def _never(n: Any, *g: Any) -> Any:
    raise RuntimeError("internal error: the backward of a user's function was lost")


# Ties results of a user's forward to its inputs. attrs: (number of results, name)
FUNCTION = Op(
    "function",
    "custom",
    _rule,
    lambda arrays, attrs, metas: tuple(arrays[: attrs[0]]) if attrs[0] > 1 else arrays[0],
    _never,
    lambda b, ins, node: list(ins[: node.attrs[0]]),
    example=Example((((3, 4), (5,)), (1, "Scale")), (((3,), (2,), (4,)), (2, "Two"))),
)
assert FUNCTION.example is not None
FUNCTION.example.derivative = False  # the user's backward is


class FunctionCtx:
    """What forward and backward of a Function share."""

    def __init__(self) -> None:
        self._saved: list[tuple[Any, Any]] = []
        self._freed = False
        self._own: dict[int, int] = {}  # forward's own results, by identity: their numbers
        self._walk: Any = None  # the backward pass under way
        self._materialize = True
        self._non_differentiable: tuple[int, ...] = ()
        self._dirty: tuple[int, ...] = ()
        self.needs_input_grad: tuple[bool, ...] = ()

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keeps tensors for backward, where `ctx.saved_tensors` gives them."""
        for t in tensors:
            if t is not None and not isinstance(t, Tensor):
                raise TypeError(
                    "save_for_backward can only save variables, but argument is of type "
                    f"{type(t).__name__}"
                )
        self._saved = [(t, None if t is None else t._version) for t in tensors]

    save_for_forward = save_for_backward

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """The tensors that forward saved."""
        if self._freed:
            raise RuntimeError(calls.FREED)
        for t, version in self._saved:
            if t is not None and t._version != version:
                raise RuntimeError(
                    "one of the variables needed for gradient computation has been modified by an "
                    f"inplace operation: is at version {t._version}; expected version {version} "
                    "instead."
                )
        return tuple(self._result(t) for t, _ in self._saved)

    def _result(self, t: Tensor | None) -> Tensor | None:
        """What was saved; one of forward's own results with its history, for gradients of
        gradients.
        """
        number = None if t is None else self._own.get(id(t))
        if number is None or self._walk is None or not state.tr.grad:
            return t
        tape, node = self._walk.now
        slot, m = node.slot + number, node.metas[number]
        if tape is state.tr:
            return wrap(at(tape.base + slot, m))
        assert t is not None
        v = outside(m, t._value().buf)
        v.rec = (tape, slot)
        return wrap(v)

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Says which results have no gradient."""
        self._non_differentiable = tuple(id(t) for t in tensors)

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Says which inputs forward wrote in place."""
        self._dirty = tuple(id(t) for t in tensors)

    def set_materialize_grads(self, value: bool) -> None:
        """Whether missing gradients are given to backward as zeros (the default) or as None."""
        self._materialize = value


class _Backward:
    """Runs a Function's backward during a walk."""

    __slots__ = ("ctx", "cls", "inputs", "shapes", "results", "wanted", "name")

    def __init__(
        self,
        ctx: FunctionCtx,
        cls: Any,
        inputs: list[int],
        shapes: list[Any],
        results: list[Any],
        wanted: list[Any],
    ) -> None:
        """inputs: for each argument of forward the number of its tensor, -1 for others. shapes: the
        facts of the results that have gradients. results: for each result its number among these,
        or its facts. wanted: for each argument the shape of its gradient, None for others."""
        self.wanted = wanted
        self.ctx, self.cls, self.inputs, self.shapes, self.results = (
            ctx,
            cls,
            inputs,
            shapes,
            results,
        )
        self.name = f"{cls.__name__}Backward"

    def __call__(self, walk: Any, grads: list[Value | None]) -> list[Value | None]:
        ctx = self.ctx
        args: list[Any] = []
        for r in self.results:
            m = self.shapes[r] if type(r) is int else r
            g = grads[r] if type(r) is int else None
            if g is not None:
                args.append(wrap(g))
            else:
                args.append(
                    wrap(engine.zeros_like(m)) if ctx._materialize and m is not None else None
                )
        before = state.tr.grad
        ctx._walk = walk
        try:
            outs = self.cls.backward(ctx, *args)
        finally:
            ctx._walk = None
            set_grad_mode(before)
        if not walk.retain:
            ctx._freed = True
        outs = outs if isinstance(outs, tuple) else (outs,)
        extra = any(o is not None for o in outs[len(self.inputs) :])
        if len(outs) < len(self.inputs) or extra:
            raise RuntimeError(
                f"function {self.name} returned an incorrect number of gradients (expected "
                f"{len(self.inputs)}, got {len(outs)})"
            )
        # operands of the recorded call: the results first, then the tensors of forward's arguments
        found: list[Value | None] = [None] * len(self.shapes)
        for k, o in enumerate(outs):
            if k < len(self.inputs) and self.inputs[k] >= 0:
                if o is not None and not isinstance(o, Tensor):
                    raise TypeError(
                        f"{self.name}: expected a Tensor or None as gradient {k}, got "
                        f"{type(o).__name__}"
                    )
                if o is not None:
                    self._check_shape(k, o._v.meta.shape)
                found.append(None if o is None else o._v)
        return found

    def _check_shape(self, k: int, shape: tuple[int, ...]) -> None:
        """A gradient may have the shape that its argument broadcasts to: it is summed."""
        wanted = self.wanted[k]
        tail = shape[len(shape) - len(wanted) :] if len(wanted) <= len(shape) else None
        fits = tail is not None and all(n == m or n == 1 for n, m in zip(wanted, tail, strict=True))
        if not fits:
            raise RuntimeError(
                f"Function {self.name} returned an invalid gradient at index {k} - got "
                f"{list(shape)} but expected shape compatible with {list(wanted)}"
            )


class _FunctionMeta(type):
    def __repr__(cls) -> str:
        return f"<class '{cls.__module__}.{cls.__name__}'>"


class Function(metaclass=_FunctionMeta):
    """Base class of operations with static `forward(ctx, ...)` and `backward(ctx, ...)`; call
    `apply`.
    """

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Computes the results."""
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function."
        )

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Computes one gradient (or None) for each argument of forward."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom "
            "autograd.Function to use it with "
            "backward mode AD."
        )

    setup_context: Callable[..., Any] | None = None

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Runs forward and ties its results to backward."""
        ctx = FunctionCtx()
        ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)
        mode = state.tr.grad
        set_grad_mode(False)
        try:
            if cls.setup_context is not None:
                result = cls.forward(*args, **kwargs)
                cls.setup_context(ctx, args, result)
            else:
                result = cls.forward(ctx, *args, **kwargs)
        finally:
            set_grad_mode(mode)
        if not mode or not any(ctx.needs_input_grad):
            return result
        single = not isinstance(result, tuple)
        results = (result,) if single else result
        return _tie(cls, ctx, args, results, single)


def _tie(
    cls: Any, ctx: FunctionCtx, args: tuple[Any, ...], results: tuple[Any, ...], single: bool
) -> Any:
    tied = [
        r for r in results
        if isinstance(r, Tensor)
        and r.dtype.is_differentiable
        and id(r) not in ctx._non_differentiable
    ]  # fmt: skip
    values = [r._v.meta.requires_grad and wrap(r._v).detach()._v or r._v for r in tied]
    tensors = [a for a in args if isinstance(a, Tensor)]
    inputs: list[int] = []
    for a in args:
        inputs.append(len(inputs) if isinstance(a, Tensor) else -1)
    outs = record_many(FUNCTION, (*values, *(t._v for t in tensors)), (len(tied), cls.__name__))
    tr = state.tr
    tr.complex = True
    if tr.custom is None:
        tr.custom = {}
    number = {id(r): k for k, r in enumerate(tied)}
    places = [number.get(id(r), r._v.meta if isinstance(r, Tensor) else None) for r in results]
    wanted = [a._v.meta.shape if isinstance(a, Tensor) else None for a in args]
    backward = _Backward(ctx, cls, inputs, [v.meta for v in outs], places, wanted)
    first = outs[0].vid - tr.base
    tr.custom[first] = backward
    replaced = {}
    for r, v in zip(tied, outs, strict=True):
        if id(r) in ctx._dirty:
            r._settle(v)
            replaced[id(r)] = r
        else:
            t = wrap(v)
            replaced[id(r)] = t
        replaced[id(r)]._fn_name = backward.name
    ctx._own = number
    out = tuple(replaced.get(id(r), r) if isinstance(r, Tensor) else r for r in results)
    return out[0] if single else out


def once_differentiable(f: Callable[..., Any]) -> Callable[..., Any]:
    """Marks a backward that cannot be differentiated itself."""

    def call(ctx: Any, *args: Any) -> Any:
        mode = state.tr.grad
        set_grad_mode(False)
        try:
            return f(ctx, *args)
        finally:
            set_grad_mode(mode)

    return call
