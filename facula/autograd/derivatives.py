"""Derivatives of functions: jacobian, hessian, and products with vectors, as in
`torch.autograd.functional`.

Rows of a Jacobian are gradients of single results; a product from the right is two products from
the left (the double-backward trick), so that one set of gradient rules serves all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..tensor import Tensor
from .functional import grad
from .grad_mode import enable_grad

Function = Callable[..., Any]


def _pack(x: Any, name: str) -> tuple[bool, tuple[Tensor, ...]]:
    is_tuple = isinstance(x, (tuple, list))
    xs = tuple(x) if is_tuple else (x,)
    for k, t in enumerate(xs):
        if not isinstance(t, Tensor):
            raise TypeError(
                f"{name} must be a Tensor or a tuple of Tensors; element {k} is {type(t).__name__}"
            )
    return is_tuple, xs


def _unpack(xs: Any, is_tuple: bool) -> Any:
    return tuple(xs) if is_tuple else xs[0]


def _leaves(xs: tuple[Tensor, ...], create_graph: bool) -> tuple[Tensor, ...]:
    if create_graph:
        return tuple(x.view_as(x) if x.requires_grad else x.detach().requires_grad_() for x in xs)
    return tuple(x.detach().clone().requires_grad_() for x in xs)


def _run(func: Function, xs: tuple[Tensor, ...]) -> tuple[bool, tuple[Tensor, ...]]:
    return _pack(func(*xs), "the results of the user-provided function")


def _finish(x: Tensor, create_graph: bool) -> Tensor:
    return x if create_graph else x.detach()


def _grad(ys: Any, xs: Any, vs: Any, create: bool) -> tuple[Tensor, ...]:
    """Gradients with zeros where there is no path."""
    used = [(y, v) for y, v in zip(ys, vs, strict=True) if y.requires_grad]
    if not used:
        return tuple(x.new_zeros(tuple(x.shape)) for x in xs)
    ys, vs = zip(*used, strict=True)
    return grad(
        ys,
        xs,
        vs,
        retain_graph=True,
        create_graph=create,
        allow_unused=True,
        materialize_grads=True,
    )  # type: ignore[return-value]


def jacobian(
    func: Function, inputs: Any, create_graph: bool = False, strict: bool = False,
    vectorize: bool = False, strategy: str = "reverse-mode",
) -> Any:  # fmt: skip
    """The Jacobian of `func` at `inputs`: for each result and input a tensor of shape result +
    input.
    """
    is_tuple, xs = _pack(inputs, "inputs")
    with enable_grad():
        xs = _leaves(xs, create_graph)
        outs_tuple, ys = _run(func, xs)
        table = []
        for y in ys:
            flat = y.reshape(-1)
            rows = []
            for k in range(flat.numel()):
                seed = flat.new_zeros(flat.numel())
                seed[k] = 1
                rows.append(_grad([flat], xs, [seed], create_graph))
            row = []
            for j, x in enumerate(xs):
                shape = (*y.shape, *x.shape)
                if rows:
                    joined = _stack([r[j] for r in rows]).reshape(shape)
                else:
                    joined = x.new_zeros(shape)
                row.append(_finish(joined, create_graph))
            table.append(_unpack(row, is_tuple))
    return _unpack(table, outs_tuple)


def _stack(rows: list[Tensor]) -> Tensor:
    from ..functions.shape import stack

    return stack(rows)


def _single(ys: tuple[Tensor, ...], is_tuple: bool, name: str) -> Tensor:
    if is_tuple and len(ys) != 1:
        raise RuntimeError(f"The function given to {name} should return a single Tensor")
    y = ys[0]
    if y.numel() != 1:
        raise RuntimeError(
            f"The Tensor returned by the function given to {name} should contain a single element"
        )
    return y.reshape(())


def hessian(
    func: Function, inputs: Any, create_graph: bool = False, strict: bool = False,
    vectorize: bool = False, outer_jacobian_strategy: str = "reverse-mode",
) -> Any:  # fmt: skip
    """The second derivatives of a function with one result of one element."""
    is_tuple, xs = _pack(inputs, "inputs")

    def first(*ts: Tensor) -> Any:
        used = tuple(t if t.requires_grad else t.requires_grad_() for t in ts)
        given_tuple, ys = _run(func, used)
        y = _single(ys, given_tuple, "hessian")
        return _grad([y], used, [y.new_ones(())], True)

    found = jacobian(first, xs, create_graph)
    return found if is_tuple else found[0][0]


def _vector(v: Any, like: tuple[Tensor, ...], name: str) -> tuple[Tensor, ...]:
    if v is None:
        if len(like) == 1 and like[0].numel() == 1:
            return (like[0].new_ones(tuple(like[0].shape)),)
        raise RuntimeError(
            f"The vector v can only be None if the {name} is a single Tensor with a single element"
        )
    _, vs = _pack(v, "v")
    if len(vs) != len(like):
        raise RuntimeError(
            f"v is a tuple of invalid length: should be {len(like)} but got {len(vs)}."
        )
    for k, (a, b) in enumerate(zip(vs, like, strict=True)):
        if a.shape != b.shape:
            raise RuntimeError(
                f"v has invalid size for entry {k}: should be {b.shape} but got {a.shape}."
            )
    return vs


def vjp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> Any:
    """(results, the product of a vector with the Jacobian)."""
    is_tuple, xs = _pack(inputs, "inputs")
    with enable_grad():
        xs = _leaves(xs, create_graph)
        outs_tuple, ys = _run(func, xs)
        gs = _grad(ys, xs, _vector(v, ys, "user-provided function's output"), create_graph)
    return (
        _unpack([_finish(y, create_graph) for y in ys], outs_tuple),
        _unpack([_finish(g, create_graph) for g in gs], is_tuple),
    )


def jvp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> Any:
    """(results, the product of the Jacobian with a vector)."""
    _, xs = _pack(inputs, "inputs")
    with enable_grad():
        vs = _vector(v, xs, "input to the user-provided function")
        xs = _leaves(xs, create_graph)
        outs_tuple, ys = _run(func, xs)
        seeds = tuple(y.new_zeros(tuple(y.shape)).requires_grad_() for y in ys)
        backs = _grad(ys, xs, seeds, True)
        products = _grad(backs, seeds, vs, create_graph)
    return (
        _unpack([_finish(y, create_graph) for y in ys], outs_tuple),
        _unpack([_finish(p, create_graph) for p in products], outs_tuple),
    )


def vhp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> Any:
    """(result, the product of a vector with the Hessian)."""
    is_tuple, xs = _pack(inputs, "inputs")
    with enable_grad():
        vs = _vector(v, xs, "input to the user-provided function")
        xs = _leaves(xs, create_graph)
        outs_tuple, ys = _run(func, xs)
        y = _single(ys, outs_tuple, "vhp")
        first = _grad([y], xs, [y.new_ones(())], True)
        second = _grad(first, xs, vs, create_graph)
    return (
        _unpack([_finish(r, create_graph) for r in ys], outs_tuple),
        _unpack([_finish(s, create_graph) for s in second], is_tuple),
    )


def hvp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> Any:
    """(result, the product of the Hessian with a vector); the Hessian is symmetric."""
    return vhp(func, inputs, v, create_graph, strict)
