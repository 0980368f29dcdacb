"""Contractions: the batched matrix product, from which the others are composed."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import bool_
from ..trace.recorder import record2
from ..trace.values import Value, meta
from .elementwise import _conj
from .movement import transpose
from .record import Example, Op, broadcast_shapes


def matmul(a: Value, b: Value) -> Value:
    return record2(MATMUL, a, b)


def _rule(metas: Any, attrs: Any) -> Any:
    a, b = metas
    if a.dtype is bool_ and b.dtype is bool_:
        raise NotImplementedError("\"addmm_impl_cpu_\" not implemented for 'Bool'")
    if a.dtype is not b.dtype:
        raise RuntimeError(
            f"expected m1 and m2 to have the same dtype, but got: {_c_name(a.dtype)} != {_c_name(b.dtype)}"
        )
    if a.shape[-1] != b.shape[-2]:
        if a.ndim == 2 and b.ndim == 2:
            raise RuntimeError(
                f"mat1 and mat2 shapes cannot be multiplied ({a.shape[0]}x{a.shape[1]} and "
                f"{b.shape[0]}x{b.shape[1]})"
            )
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{a.shape[0]}, {a.shape[-1]}] "
            f"but got: [{b.shape[0]}, {b.shape[-2]}]."
        )
    batch = broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return (meta((*batch, a.shape[-2], b.shape[-1]), a.dtype),)


def _c_name(d: Any) -> str:
    names = {
        "float32": "float", "float64": "double", "int64": "long", "int32": "int", "int16": "short",
        "int8": "signed char", "uint8": "unsigned char", "float16": "c10::Half", "bfloat16": "c10::BFloat16",
        "complex64": "c10::complex<float>", "complex128": "c10::complex<double>",
    }  # fmt: skip
    return names.get(d.name, d.name)


def _reference(arrays: Any, attrs: Any, metas: Any) -> Any:
    a, b = arrays
    d = metas[0].dtype
    if d.itemsize == 2 and d.is_floating_point:
        return np.matmul(a.astype(np.float32), b.astype(np.float32)).astype(d.np)
    return np.matmul(a, b)


def _gradient(n: Any, g: Value) -> Any:
    return (
        matmul(g, _conj(transpose(n.i(1)))) if n.needs[0] else None,
        matmul(_conj(transpose(n.i(0))), g) if n.needs[1] else None,
    )


def _lower(b: Any, ins: list[int], node: Any) -> list[int]:
    out = node.meta
    batch = out.shape[:-2]
    xs = [b.expand(v, batch + b.graph.shapes[v][-2:]) for v in ins]
    metas = node.metas
    return [
        b.add("matmul", tuple(xs), out.shape, out.dtype, host=lambda *a: _reference(a, (), metas))
    ]


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
                ((1, 1), (1, 1)), ((3, 4), (4, 5)), ((0, 4), (4, 5)), ((3, 0), (0, 5)), ((2, 3, 4), (2, 4, 5)),
                ((2, 3, 4), (4, 5)), ((2, 1, 3, 4), (3, 4, 1)), ((1, 17), (17, 1)), ((33, 65), (65, 31)),
                ((130, 70), (70, 90)), ((0, 3, 4), (0, 4, 5)),
            )
        ),
        tolerance=256.0,
    ),
)  # fmt: skip
