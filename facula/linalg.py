"""`torch.linalg`: factorisations, inverses, norms. LAPACK does the work, through NumPy.

inv, det, slogdet, solve, cholesky, eigh and what is made of them have gradients. Of the other
factorisations (svd, qr, eig, lstsq) a gradient raises RuntimeError: they are computed at the call.
"""

from __future__ import annotations

import math
from collections import namedtuple
from typing import Any

import numpy as np

from .dtypes import int64, type_name
from .functions import numeric
from .functions.linear import matmul as matmul
from .functions.linear import mm as _mm
from .functions.numeric import matrix_power as matrix_power
from .functions.pointwise import check_tensor
from .functions.reductions import norm as _norm
from .functions.registry import write_out
from .functions.windows import vander as _vander
from .ops import linalg as ops
from .ops.linalg import LinAlgError as LinAlgError
from .ops.record import normalize_dim
from .tensor import Tensor, from_array, wrap
from .trace.recorder import record1, record2, record_many

_SVD = namedtuple("linalg_svd", ("U", "S", "Vh"))  # type: ignore[name-match]
_QR = namedtuple("linalg_qr", ("Q", "R"))  # type: ignore[name-match]
_EIGH = namedtuple("linalg_eigh", ("eigenvalues", "eigenvectors"))  # type: ignore[name-match]
_EIG = namedtuple("linalg_eig", ("eigenvalues", "eigenvectors"))  # type: ignore[name-match]
_SLOGDET = namedtuple("linalg_slogdet", ("sign", "logabsdet"))  # type: ignore[name-match]
_LSTSQ = namedtuple("linalg_lstsq", ("solution", "residuals", "rank", "singular_values"))  # type: ignore[name-match]


def _checked(name: str, A: Any, square: bool = False) -> None:
    """Raises TypeError or RuntimeError unless A is a batch of floating-point (square) matrices."""
    check_tensor(A, f"linalg_{name}", "A", 1)
    full, d = f"linalg.{name}", A.dtype
    if A.ndim < 2:
        raise RuntimeError(f"{full}: The input tensor A must have at least 2 dimensions.")
    if not d.is_differentiable:
        raise RuntimeError(
            f"{full}: Expected a floating point or complex tensor as input. Got {type_name(d)}"
        )
    if d.itemsize == 2:
        raise RuntimeError(f"{full}: Low precision dtypes not supported. Got {type_name(d)}")
    if square:
        ops.check_square(full, A._v.meta)


def _done(r: Any, out: Any) -> Any:
    return r if out is None else write_out(r, out)


def _plain(A: Tensor, name: str) -> np.ndarray:
    """The contents. Raises RuntimeError where a gradient would be lost."""
    from .autograd import is_grad_enabled

    if A.requires_grad and is_grad_enabled():
        raise RuntimeError(
            f"the gradient of {name} is not supported: detach the operand or use no_grad()"
        )
    return A._array()


# ---------------------------------------------------------------- solving
def inv(A: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The inverse of square matrices. Raises LinAlgError for a singular one."""
    _checked("inv", A, True)
    return _done(wrap(record1(ops.INV, A._v)), out)


def det(A: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The determinant of square matrices."""
    _checked("det", A, True)
    return _done(wrap(record1(ops.DET, A._v)), out)


def slogdet(A: Tensor, *, out: Any = None) -> Any:
    """The sign and the logarithm of the size of the determinant."""
    _checked("slogdet", A, True)
    sign, log = record_many(ops.SLOGDET, (A._v,))
    return _done(_SLOGDET(wrap(sign), wrap(log)), out)


def solve(A: Tensor, B: Tensor, *, left: bool = True, out: Tensor | None = None) -> Tensor:
    """X of A X = B (X A = B unless left); B holds matrices or vectors. LinAlgError: A is
    singular.
    """
    _checked("solve", A, True)
    check_tensor(B, "linalg_solve", "B", 2)
    vector = B.ndim == 1 or (A.ndim - 1 == B.ndim and tuple(B.shape) == tuple(A.shape[:-1]))
    b: Any = B.unsqueeze(-1) if vector else B
    if not left:
        x = wrap(record2(ops.SOLVE, A.mT._v, b.mT._v)).mT
    else:
        x = wrap(record2(ops.SOLVE, A._v, b._v))
    return _done(x.squeeze(-1) if vector else x, out)


def cholesky(A: Tensor, *, upper: bool = False, out: Tensor | None = None) -> Tensor:
    """The lower (upper) triangular L with A = L L^H. LinAlgError: A is not positive definite."""
    _checked("cholesky", A, True)
    lower = wrap(record1(ops.CHOLESKY, A._v))
    return _done(lower.mH if upper else lower, out)


def pinv(A: Tensor, *, atol: Any = None, rtol: Any = None, hermitian: bool = False) -> Tensor:
    """The pseudo-inverse of matrices."""
    _checked("pinv", A)
    a = _plain(A, "pinv")
    if rtol is None:
        rtol = max(a.shape[-2:]) * np.finfo(a.dtype).eps if not atol else 0.0
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    top = s.max(-1, keepdims=True, initial=0.0)
    kept = s > np.maximum(float(atol or 0.0), float(rtol) * top)
    inverse = np.where(kept, 1 / np.where(kept, s, 1), 0).astype(s.dtype)
    r = np.conj(np.swapaxes(vh, -1, -2)) @ (inverse[..., None] * np.conj(np.swapaxes(u, -1, -2)))
    return from_array(np.ascontiguousarray(r.astype(a.dtype)))


def lstsq(A: Tensor, B: Tensor, rcond: float | None = None, *, driver: str | None = None) -> Any:
    """The least-squares solution of A X = B: (solution, residuals, rank, singular_values)."""
    _checked("lstsq", A)
    a, b = _plain(A, "lstsq"), _plain(B, "lstsq")
    if a.ndim != 2:
        raise RuntimeError("torch.linalg.lstsq: batches of matrices are not supported")
    eps = np.finfo(a.dtype).eps * max(a.shape)
    x, rest, rank, s = np.linalg.lstsq(a, b, eps if rcond is None else rcond)
    full = a.shape[0] > a.shape[1] and rank == a.shape[1]
    nothing = np.empty(0, a.dtype)
    deficient = driver in ("gelsd", "gelss", "gelsy")
    return _LSTSQ(
        from_array(np.ascontiguousarray(x.astype(a.dtype))),
        from_array(np.array(rest, a.dtype) if full else nothing),
        from_array(np.array(rank if deficient else [], np.int64).reshape(() if deficient else 0)),
        from_array(np.array(s, a.dtype) if driver in ("gelsd", "gelss") else nothing.copy()),
    )


# ---------------------------------------------------------------- factorisations
def eigh(A: Tensor, UPLO: str = "L", *, out: Any = None) -> Any:
    """Eigenvalues (ascending) and eigenvectors of Hermitian matrices."""
    _checked("eigh", A, True)
    values, vectors = record_many(ops.EIGH, (A._v,), (UPLO.upper(),))
    return _done(_EIGH(wrap(values), wrap(vectors)), out)


def eigvalsh(A: Tensor, UPLO: str = "L", *, out: Tensor | None = None) -> Tensor:
    """Eigenvalues (ascending) of Hermitian matrices."""
    return _done(eigh(A, UPLO)[0], out)


def eig(A: Tensor) -> Any:
    """Complex eigenvalues and eigenvectors of square matrices."""
    _checked("eig", A, True)
    values, vectors = np.linalg.eig(_plain(A, "eig"))
    d = A.dtype.to_complex()
    return _EIG(from_array(values.astype(d.np)), from_array(vectors.astype(d.np)))


def eigvals(A: Tensor) -> Tensor:
    """Complex eigenvalues of square matrices."""
    return eig(A)[0]


def svd(
    A: Tensor, full_matrices: bool = True, *, driver: str | None = None, out: Any = None
) -> Any:
    """U, S (descending) and V^H with A = U diag(S) V^H."""
    _checked("svd", A)
    u, s, vh = np.linalg.svd(_plain(A, "svd"), full_matrices)
    return _done(_SVD(*(from_array(np.ascontiguousarray(x)) for x in (u, s, vh))), out)


def svdvals(A: Tensor, *, driver: str | None = None, out: Tensor | None = None) -> Tensor:
    """The singular values of matrices, descending."""
    _checked("svdvals", A)
    s = np.linalg.svd(_plain(A, "svdvals"), compute_uv=False)
    return _done(from_array(np.ascontiguousarray(s)), out)


def qr(A: Tensor, mode: str = "reduced", *, out: Any = None) -> Any:
    """Q with orthonormal columns and the upper triangular R, A = Q R; mode reduced, complete or
    r.
    """
    _checked("qr", A)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), "
            "'r', or 'complete'"
        )
    a = _plain(A, "qr")
    if mode == "r":
        return _done(
            _QR(from_array(np.empty(0, a.dtype)), from_array(np.asarray(np.linalg.qr(a, "r")))), out
        )
    q, r = np.linalg.qr(a, "reduced" if mode == "reduced" else "complete")
    return _done(_QR(from_array(np.ascontiguousarray(q)), from_array(np.ascontiguousarray(r))), out)


# ---------------------------------------------------------------- numbers of matrices
def matrix_rank(
    A: Tensor, tol: Any = None, *, atol: Any = None, rtol: Any = None, hermitian: bool = False
) -> Tensor:
    """How many singular values exceed max(atol, rtol * the largest)."""
    _checked("matrix_rank", A)
    s = np.linalg.svd(A.detach()._array(), compute_uv=False)
    if tol is not None:
        atol, rtol = tol, 0.0
    if rtol is None:
        rtol = max(A.shape[-2:]) * np.finfo(s.dtype).eps if not atol else 0.0
    limit = np.maximum(float(atol or 0.0), float(rtol) * s.max(-1, keepdims=True, initial=0.0))
    return from_array(np.asarray((s > limit).sum(-1), np.int64), int64)


def cond(A: Tensor, p: Any = None) -> Tensor:
    """The condition number in a matrix norm (the 2-norm by default)."""
    _checked("cond", A)
    if p in (None, 2, -2):
        s: Any = svdvals(A)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return matrix_norm(A, p) * matrix_norm(inv(A), p)


def vector_norm(
    x: Tensor,
    ord: Any = 2,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    out: Any = None,
) -> Tensor:
    """The norm of order `ord` over axes, of all elements by default."""
    check_tensor(x, "linalg_vector_norm", "x", 1)
    return _norm(x, float(ord), dim, keepdim, out=out, dtype=dtype)


def matrix_norm(
    A: Tensor, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """The norm of matrices: fro, nuc, 1, -1, 2, -2, inf, -inf."""
    check_tensor(A, "linalg_matrix_norm", "A", 1)
    x: Any = A if dtype is None else A.to(dtype)
    if x.ndim < 2:
        raise RuntimeError(
            "linalg.matrix_norm: The input tensor A must have at least 2 dimensions."
        )
    row, column = normalize_dim(dim[0], x.ndim), normalize_dim(dim[1], x.ndim)
    if ord == "fro":
        return _norm(x, 2.0, (row, column), keepdim)
    if ord in ("nuc", 2, -2):
        s = _singular(x, row, column)
        r = s.sum(-1) if ord == "nuc" else s.amax(-1) if ord == 2 else s.amin(-1)
        for axis in sorted((row, column)) if keepdim else ():
            r = r.unsqueeze(axis)
        return r
    if ord not in (1, -1, math.inf, -math.inf):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    inner, outer = (row, column) if abs(ord) == 1 else (column, row)
    sums = x.abs().sum(inner, True)
    r = sums.amax(outer, True) if ord > 0 else sums.amin(outer, True)
    if not keepdim:
        for axis in sorted((row, column), reverse=True):
            r = r.squeeze(axis)
    return r


def _singular(x: Any, row: int, column: int) -> Any:
    """Singular values with gradients, as roots of the eigenvalues of the smaller Gram matrix."""
    x = x.movedim((row, column), (-2, -1))
    if not x.requires_grad:
        return svdvals(x)
    gram = matmul(x, x.mH) if x.shape[-2] <= x.shape[-1] else matmul(x.mH, x)
    return eigvalsh(gram).clamp(min=0).sqrt().flip(-1)


def norm(
    A: Tensor,
    ord: Any = None,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    out: Any = None,
) -> Tensor:
    """A vector norm, or a matrix norm where two axes (or a matrix with an order) are given."""
    check_tensor(A, "linalg_norm", "A", 1)
    if isinstance(dim, int):
        dim = (dim,)
    if ord is None:
        return _norm(A, 2.0, dim, keepdim, out=out, dtype=dtype)
    if dim is not None and len(dim) == 1 or dim is None and A.ndim == 1:
        return vector_norm(A, ord, dim, keepdim, dtype=dtype, out=out)
    if dim is None and A.ndim != 2:
        raise RuntimeError(
            "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got "
            f"{A.ndim}D."
        )
    return _done(matrix_norm(A, ord, dim or (-2, -1), keepdim, dtype=dtype), out)


# ---------------------------------------------------------------- products
def multi_dot(tensors: Any, *, out: Tensor | None = None) -> Tensor:
    """The product of matrices (the first and last may be vectors), in the cheapest order."""
    ms = list(tensors)
    if len(ms) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(ms)}")
    first, last = ms[0].ndim == 1, ms[-1].ndim == 1
    if first:
        ms[0] = ms[0].unsqueeze(0)
    if last:
        ms[-1] = ms[-1].unsqueeze(1)
    r: Any = _ordered(ms)
    if first:
        r = r.squeeze(0)
    return _done(r.squeeze(-1) if last else r, out)


def _ordered(ms: list[Any]) -> Any:
    """The product by the order with the fewest multiplications (dynamic programming)."""
    n = len(ms)
    sizes = [m.shape[0] for m in ms] + [ms[-1].shape[1]]
    best: dict[tuple[int, int], tuple[int, Any]] = {(k, k): (0, None) for k in range(n)}
    for span in range(1, n):
        for i in range(n - span):
            j = i + span
            best[i, j] = min(
                (best[i, k][0] + best[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            )

    def product(i: int, j: int) -> Any:
        if i == j:
            return ms[i]
        k = best[i, j][1]
        return _mm(product(i, k), product(k + 1, j))

    return product(0, n - 1)


def vecdot(x: Tensor, y: Tensor, *, dim: int = -1, out: Tensor | None = None) -> Tensor:
    """Sums of conj(x) * y along an axis."""
    return _done((x.conj() * y).sum(dim), out)


def cross(input: Tensor, other: Tensor, *, dim: int = -1, out: Tensor | None = None) -> Tensor:
    """The vector product along an axis of size 3."""
    return _done(numeric.cross(input, other, dim), out)


def vander(x: Tensor, *, N: int | None = None) -> Tensor:
    """The matrix of increasing powers of a vector's elements."""
    return _vander(x, N, True)


def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """A view of the diagonals of matrices."""
    return A.diagonal(offset, dim1, dim2)
