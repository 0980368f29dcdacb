"""Contractions: the batched matrix product, from which the others are composed."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..dtypes import bool_, dtype, is_half, type_name
from ..runtime.blas import on_one_thread
from ..trace.recorder import record2
from ..trace.values import Shape, Value, meta
from .elementwise import _conj
from .movement import reshape, transpose
from .record import Example, Op, broadcast_shapes


def matmul(a: Value, b: Value) -> Value:
    return record2(MATMUL, a, b)


def _rule(metas: Any, attrs: Any) -> Any:
    a, b = metas
    if a.ndim == 0 or b.ndim == 0:
        raise RuntimeError(
            f"both arguments to matmul need to be at least 1D, but they are {a.ndim}D and {b.ndim}D"
        )
    usual = a.dtype is b.dtype and a.dtype is not bool_
    if usual and b.ndim <= 2 and a.shape[-1] == b.shape[0]:
        return (meta(a.shape[:-1] + b.shape[1:], a.dtype),)
    kind = "bmm" if b.ndim > 2 else "dot" if a.ndim == b.ndim == 1 else ("mv", "mm")[b.ndim - 1]
    if kind == "dot":
        check_dtypes(kind, a.dtype, b.dtype)
    x, y = _matrices(a.shape, b.shape)
    batch = broadcast_shapes(x[:-2], y[:-2])
    if x[-1] != y[-2]:
        _refuse_sizes(kind, a.shape, b.shape, batch)
    if a.dtype is not bool_ or kind != "bmm":
        check_dtypes(kind, a.dtype, b.dtype)
    if a.dtype is bool_:
        raise NotImplementedError(f"\"{_KERNELS[kind]}\" not implemented for 'Bool'")
    kept = (() if a.ndim == 1 else (x[-2],)) + (() if b.ndim == 1 else (y[-1],))
    return (meta((*batch, *kept), a.dtype),)


# What PyTorch calls the functions that compute a product.
_KERNELS = {"dot": "dot", "mv": "addmv_impl_cpu", "mm": "addmm_impl_cpu_", "bmm": "bmm"}


def _refuse_sizes(kind: str, a: Shape, b: Shape, batch: Shape) -> None:
    """Raises RuntimeError for operands whose summed axes differ, in the words of that product."""
    rows = prod(a[:-1])
    if kind == "dot":
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor {list(a)} and src {list(b)} to have the "
            f"same number of elements, but got {a[0]} and {b[0]} elements respectively"
        )
    if kind == "mv":
        raise RuntimeError(f"size mismatch, got input ({rows}), mat ({rows}x{a[-1]}), vec ({b[0]})")
    if kind == "mm":
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({rows}x{a[-1]} and {b[0]}x{b[1]})"
        )
    count = prod(batch)
    raise RuntimeError(
        f"Expected size for first two dimensions of batch2 tensor to be: [{count}, {a[-1]}] but "
        f"got: [{count}, {b[-2]}]."
    )


def check_dtypes(kind: str, a: dtype, b: dtype) -> None:
    """Raises RuntimeError for operands of different dtypes, in the words of that product (dot, mv,
    mm, bmm).
    """
    if a is b:
        return
    first, second = type_name(a), type_name(b)
    if kind == "dot":
        raise RuntimeError(
            f"dot : expected both vectors to have same dtype, but found {first} and {second}"
        )
    if kind == "mv":
        raise RuntimeError(
            f"addmv input tensors must have the same dtype, but got {second}, {first}, and {second}"
        )
    if kind == "bmm":
        raise RuntimeError(f"expected scalar type {first} but found {second}")
    raise RuntimeError(
        f"expected m1 and m2 to have the same dtype, but got: {_c_name(a)} != {_c_name(b)}"
    )


def check_mat2(mat2: dtype, **others: dtype) -> None:
    """Raises RuntimeError where `self` or `mat1` has another dtype than the right operand."""
    for name, d in others.items():
        if d is not mat2:
            raise RuntimeError(
                f"{name} and mat2 must have the same dtype, but got {type_name(d)} and "
                f"{type_name(mat2)}"
            )


def _matrices(a: Shape, b: Shape) -> tuple[Shape, Shape]:
    """The shapes with a vector on the left as a row, one on the right as a column."""
    return (1, *a) if len(a) == 1 else a, (*b, 1) if len(b) == 1 else b


def _c_name(d: Any) -> str:
    names = {
        "float32": "float",
        "float64": "double",
        "int64": "long int",
        "int32": "int",
        "int16": "short",
        "int8": "signed char",
        "uint8": "unsigned char",
        "float16": "c10::Half",
        "bfloat16": "c10::BFloat16",
        "complex64": "c10::complex<float>",
        "complex128": "c10::complex<double>",
    }
    return names.get(d.name, d.name)


def _reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    a, b = arrays
    d = metas[0].dtype
    if is_half(d):
        return np.matmul(a.astype(np.float32), b.astype(np.float32)).astype(d.np)
    return np.matmul(a, b)


def _gradient(n: Any, g: Value) -> Any:
    a, b = n.meta(0).shape, n.meta(1).shape
    x, y = _matrices(a, b)
    g = reshape(g, (*broadcast_shapes(x[:-2], y[:-2]), x[-2], y[-1]))
    first = second = None
    if n.needs[0]:
        first = matmul(g, _conj(transpose(reshape(n.i(1), y))))
    if n.needs[1]:
        second = matmul(_conj(transpose(reshape(n.i(0), x))), g)
        if len(b) == 1:
            second = reshape(second, second.meta.shape[:-1])
    return (first, second)


def _lower(b: Any, ins: list[int], node: Any) -> list[int]:
    out = node.meta
    x, y = _matrices(b.graph.shapes[ins[0]], b.graph.shapes[ins[1]])
    batch = broadcast_shapes(x[:-2], y[:-2])
    args = tuple(
        b.expand(b.reshape(v, shape), batch + shape[-2:])
        for v, shape in zip(ins, (x, y), strict=True)
    )
    full = (*batch, x[-2], y[-1])
    metas = node.metas
    r = b.add("matmul", args, full, out.dtype, host=lambda *a: _reference(a, (), metas))
    return [b.reshape(r, out.shape)]


MATMUL = Op(
    "matmul",
    "contraction",
    _rule,
    _reference,
    _gradient,
    _lower,
    "MmBackward0",
    example=Example(
        *(
            (shapes, ())
            for shapes in (
                ((1, 1), (1, 1)),
                ((3, 4), (4, 5)),
                ((0, 4), (4, 5)),
                ((3, 0), (0, 5)),
                ((2, 3, 4), (2, 4, 5)),
                ((2, 3, 4), (4, 5)),
                ((2, 1, 3, 4), (3, 4, 1)),
                ((1, 17), (17, 1)),
                ((33, 65), (65, 31)),
                ((130, 70), (70, 90)),
                ((0, 3, 4), (0, 4, 5)),
                ((4,), (4,)),
                ((3, 4), (4,)),
                ((4,), (4, 5)),
                ((2, 3, 4), (4,)),
                ((4,), (2, 4, 5)),
                ((0,), (0,)),
            )
        ),
        dtypes="ifc",
        tolerance=256.0,
    ),
)
MATMUL.direct = on_one_thread(np.matmul, apart=True)
