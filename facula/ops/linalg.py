"""Linear algebra: records whose references call LAPACK through NumPy, on batches of matrices.

They have no lowering: each is a host step. Gradients are written in ops (Giles 2008, "An extended
collection of matrix derivative results").
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import type_name
from ..trace.recorder import record1, record2
from ..trace.values import Value, meta
from .contract import matmul
from .elementwise import EQ, _conj, add, cast, div, mul, neg, where
from .movement import expand, reshape, transpose
from .record import Example, Op, broadcast_shapes

BAND: Op


class LinAlgError(RuntimeError):
    """A matrix for which the result does not exist: singular, not positive definite."""


def check_square(name: str, m: Any) -> None:
    """Raises RuntimeError unless the facts are those of square matrices."""
    if m.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor A must have at least 2 dimensions.")
    if m.shape[-1] != m.shape[-2]:
        raise RuntimeError(
            f"{name}: A must be batches of square matrices, but they are {m.shape[-2]} by "
            f"{m.shape[-1]} matrices"
        )


def wide(a: np.ndarray) -> np.ndarray:
    """16-bit floats as float32: LAPACK has no narrower type."""
    return a.astype(np.float32) if a.dtype.itemsize == 2 and a.dtype.kind in "fV" else a


def adjoint(v: Value) -> Value:
    """The conjugate transpose of the last two axes."""
    return _conj(transpose(v))


def _square_rule(name: str) -> Any:
    def rule(metas: Any, attrs: Any) -> Any:
        check_square(name, metas[0])
        return (meta(metas[0].shape, metas[0].dtype),)

    return rule


def _inv(arrays: Any, attrs: Any, metas: Any) -> Any:
    try:
        return np.linalg.inv(wide(arrays[0]))
    except np.linalg.LinAlgError:
        raise LinAlgError(
            "linalg.inv: The diagonal element of the factor U is zero, the inversion could not be "
            "completed because the input matrix is singular."
        ) from None


def _inv_gradient(n: Any, g: Value) -> Any:
    out = adjoint(n.o())
    return (neg(matmul(out, matmul(g, out))),)


_SHAPES = ((1, 1), (3, 3), (2, 4, 4), (0, 3, 3), (0, 0))


def _example(shapes: Any = _SHAPES, second: Any = None, dtypes: str = "d") -> Example:
    cases = [((s,) if second is None else (s, second(s)), ()) for s in shapes]
    return Example(*cases, dtypes=dtypes, special=(), domain=(0.2, 2.0), tolerance=1e6)


INV = Op(
    "inv",
    "linalg",
    _square_rule("linalg.inv"),
    _inv,
    _inv_gradient,
    None,
    "LinalgInvExBackward0",
    example=_example(),
)


def _det_rule(metas: Any, attrs: Any) -> Any:
    check_square("linalg.det", metas[0])
    return (meta(metas[0].shape[:-2], metas[0].dtype),)


def _det_gradient(n: Any, g: Value) -> Any:
    a, out = n.i(0), n.o()
    scale = mul(g, _conj(out))
    scale = reshape(scale, (*scale.meta.shape, 1, 1))
    return (mul(scale, adjoint(record1(INV, a))),)


DET = Op(
    "det",
    "linalg",
    _det_rule,
    lambda arrays, attrs, metas: np.asarray(np.linalg.det(wide(arrays[0]))),
    _det_gradient,
    None,
    "LinalgDetBackward0",
    example=_example(),
)


def _slogdet_rule(metas: Any, attrs: Any) -> Any:
    check_square("linalg.slogdet", metas[0])
    m = metas[0]
    return (meta(m.shape[:-2], m.dtype), meta(m.shape[:-2], m.dtype.to_real()))


def _slogdet(arrays: Any, attrs: Any, metas: Any) -> Any:
    sign, log = np.linalg.slogdet(wide(arrays[0]))
    return np.asarray(sign), np.asarray(log)


def _slogdet_gradient(n: Any, g_sign: Any, g: Any) -> Any:
    if g is None:
        return (None,)
    g = reshape(g, (*g.meta.shape, 1, 1))
    return (mul(g, adjoint(record1(INV, n.i(0)))),)


SLOGDET = Op(
    "slogdet",
    "linalg",
    _slogdet_rule,
    _slogdet,
    _slogdet_gradient,
    None,
    "LinalgSlogdetBackward0",
    example=_example(),
)


def _solve_rule(metas: Any, attrs: Any) -> Any:
    a, b = metas
    check_square("linalg.solve", a)
    if a.dtype is not b.dtype:
        raise RuntimeError(
            "linalg.solve: Expected A and B to have the same dtype, but found A of type "
            f"{type_name(a.dtype)} and B of "
            f"type {type_name(b.dtype)} instead"
        )
    if b.ndim < 2 or a.shape[-1] != b.shape[-2]:
        raise RuntimeError(
            "linalg.solve: Incompatible shapes of A and B for the equation AX = B "
            f"({a.shape[-2]}x{a.shape[-1]} and "
            f"{'x'.join(map(str, b.shape[-2:]))})"
        )
    batch = broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return (meta((*batch, *b.shape[-2:]), a.dtype),)


def _solve(arrays: Any, attrs: Any, metas: Any) -> Any:
    try:
        return np.linalg.solve(wide(arrays[0]), wide(arrays[1]))
    except np.linalg.LinAlgError:
        raise LinAlgError(
            "torch.linalg.solve: The solver failed because the input matrix is singular."
        ) from None


def _solve_gradient(n: Any, g: Value) -> Any:
    gb = record2(SOLVE, adjoint(n.i(0)), g)
    return (neg(matmul(gb, adjoint(n.o()))) if n.needs[0] else None, gb if n.needs[1] else None)


SOLVE = Op(
    "solve",
    "linalg",
    _solve_rule,
    _solve,
    _solve_gradient,
    None,
    "LinalgSolveExBackward0",
    example=_example(second=lambda s: (*s[:-1], 2)),
)


def _cholesky(arrays: Any, attrs: Any, metas: Any) -> Any:
    try:
        return np.linalg.cholesky(wide(arrays[0]))
    except np.linalg.LinAlgError:
        raise LinAlgError(
            "linalg.cholesky: The factorization could not be completed because the input is not "
            "positive-definite."
        ) from None


def _cholesky_gradient(n: Any, g: Value) -> Any:
    """L^-H Phi(L^H G) L^-1, made Hermitian; Phi takes the lower triangle and halves the
    diagonal.
    """
    lower = n.o()
    phi = record1(BAND, matmul(adjoint(lower), g), ("half_lower",))
    inverse = record1(INV, lower)
    inner = matmul(adjoint(inverse), matmul(phi, inverse))
    return (mul(add(inner, adjoint(inner)), 0.5),)


def _mask(kind: str, size: int) -> np.ndarray:
    if kind == "half_lower":
        return np.asarray(np.tril(np.ones((size, size))) - 0.5 * np.eye(size))
    return np.eye(size) if kind == "diagonal" else 1.0 - np.eye(size)


# A matrix times a mask of its entries; attrs: half_lower (the lower triangle with half the
# diagonal),
# diagonal, off_diagonal.
BAND = Op(
    "band",
    "linalg",
    lambda metas, attrs: (meta(metas[0].shape, metas[0].dtype),),
    lambda arrays, attrs, metas: np.where(
        _mask(attrs[0], arrays[0].shape[-1]) != 0,
        arrays[0] * _mask(attrs[0], arrays[0].shape[-1]).astype(arrays[0].dtype),
        0,
    ).astype(arrays[0].dtype),
    lambda n, g: (record1(BAND, g, n.attrs),),
    example=Example(
        *((((2, 3, 3),), (kind,)) for kind in ("half_lower", "diagonal", "off_diagonal")),
        dtypes="f",
        special=(),
    ),
)


CHOLESKY = Op(
    "cholesky",
    "linalg",
    _square_rule("linalg.cholesky"),
    _cholesky,
    _cholesky_gradient,
    None,
    "LinalgCholeskyExBackward0",
    example=_example(((0, 2, 2),)),
)


def _eigh_rule(metas: Any, attrs: Any) -> Any:
    m = metas[0]
    check_square("linalg.eigh", m)
    return (meta(m.shape[:-1], m.dtype.to_real()), meta(m.shape, m.dtype))


def _eigh(arrays: Any, attrs: Any, metas: Any) -> Any:
    values, vectors = np.linalg.eigh(wide(arrays[0]), attrs[0])
    return np.asarray(values), np.asarray(vectors)


def _eigh_gradient(n: Any, gl: Any, gv: Any) -> Any:
    """V (diag(gl) + (V^H gV) / (l_j - l_i)) V^H."""
    values, v = n.o(0), n.o(1)
    size, batch = v.meta.shape[-1], v.meta.shape[:-2]
    inner: Any = None
    if gl is not None:
        row = expand(reshape(gl, (*batch, 1, size)), v.meta.shape)
        inner = cast(record1(BAND, row, ("diagonal",)), v.meta.dtype)
    if gv is not None:
        row, column = reshape(values, (*batch, 1, size)), reshape(values, (*batch, size, 1))
        gap = add(row, neg(column))
        gap = where(record2(EQ, gap, 0), 1.0, gap)
        off = record1(BAND, div(matmul(adjoint(v), gv), gap), ("off_diagonal",))
        inner = off if inner is None else add(inner, off)
    if inner is None:
        return (None,)
    return (matmul(v, matmul(inner, adjoint(v))),)


EIGH = Op(
    "eigh",
    "linalg",
    _eigh_rule,
    _eigh,
    _eigh_gradient,
    None,
    "LinalgEighBackward0",
    example=Example(
        (((0, 3, 3),), ("L",)), dtypes="d", special=(), domain=(0.2, 2.0), tolerance=1e6
    ),
)
