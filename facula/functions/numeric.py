"""Composites of numerical work: differences, integrals, covariance, vector products, distances."""

from __future__ import annotations

import math
from collections import namedtuple
from typing import Any

from ..ops.record import normalize_dim
from ..tensor import Tensor
from .linear import matmul, mm
from .pointwise import check_tensor
from .registry import public

_SVD = namedtuple("svd", ("U", "S", "V"))  # type: ignore[name-match]


@public(out=True)
def diff(
    input: Tensor,
    n: int = 1,
    dim: int = -1,
    prepend: Tensor | None = None,
    append: Tensor | None = None,
) -> Tensor:
    """The n-th difference of neighbours along an axis."""
    check_tensor(input, "diff")
    from .shape import cat

    if input.ndim == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    axis = normalize_dim(dim, input.ndim)
    parts = [x for x in (prepend, input, append) if x is not None]
    x: Any = cat(parts, axis) if len(parts) > 1 else input
    for _ in range(min(n, x.shape[axis])):
        size = x.shape[axis] - 1
        high, low = x.narrow(axis, 1, size), x.narrow(axis, 0, size)
        x = high ^ low if x.dtype.name == "bool" else high - low
    return x.clone() if n == 0 else x


def _steps(y: Tensor, x: Any, dx: Any, dim: int) -> tuple[Any, int]:
    """Twice the areas between neighbours, and the axis."""
    axis = normalize_dim(dim, y.ndim)
    size = y.shape[axis] - 1
    pairs = y.narrow(axis, 1, size) + y.narrow(axis, 0, size)
    if x is None:
        return pairs * dx, axis
    if x.ndim == 1 and y.ndim > 1:
        shape = [1] * y.ndim
        shape[axis] = size
        return pairs * diff(x).reshape(shape), axis
    return pairs * diff(x, dim=axis), axis


@public(method=False, aliases=("trapz",))
def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: float = 1.0, dim: int = -1) -> Tensor:
    """The integral along an axis by the trapezoidal rule, at the points x or at distances dx."""
    if y.shape[dim] == 0:
        return y.sum(dim)
    areas, axis = _steps(y, x, dx, dim)
    return areas.sum(axis) / 2


@public(method=False)
def cumulative_trapezoid(
    y: Tensor, x: Tensor | None = None, *, dx: float = 1.0, dim: int = -1
) -> Tensor:
    """The integrals up to each point along an axis; see trapezoid."""
    areas, axis = _steps(y, x, dx, dim)
    return areas.cumsum(axis) / 2


@public(out=True)
def cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """The vector product along an axis of size 3 (the first such axis by default)."""
    check_tensor(input, "cross")
    check_tensor(other, "cross")
    if input.dtype.name == "bool":
        raise NotImplementedError("\"cross\" not implemented for 'Bool'")
    if input.ndim != other.ndim:
        raise RuntimeError(
            f"inconsistent tensors dimensions input: {input.ndim} other: {other.ndim}"
        )
    if dim is None:
        threes = [k for k, n in enumerate(input.shape) if n == 3]
        if not threes:
            raise RuntimeError("no dimension of size 3 in input")
        axis = threes[0]
    else:
        axis = normalize_dim(dim, input.ndim)
    if input.shape[axis] != 3 or other.shape[axis] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {axis if dim is None else dim} must have length 3. "
            f"Got {input.shape[axis]} and {other.shape[axis]}"
        )
    a, b = input.unbind(axis), other.unbind(axis)
    from .shape import stack

    parts = [a[j] * b[k] - a[k] * b[j] for j, k in ((1, 2), (2, 0), (0, 1))]
    return stack(parts, axis)


@public(out=True)
def kron(input: Tensor, other: Tensor) -> Tensor:
    """The Kronecker product."""
    check_tensor(input, "kron")
    check_tensor(other, "kron")
    n = max(input.ndim, other.ndim)
    a = [1] * (n - input.ndim) + list(input.shape)
    b = [1] * (n - other.ndim) + list(other.shape)
    x = input.reshape([k for s in a for k in (s, 1)])
    y = other.reshape([k for s in b for k in (1, s)])
    return (x * y).reshape([p * q for p, q in zip(a, b, strict=True)])


@public()
def cov(
    input: Tensor,
    *,
    correction: int = 1,
    fweights: Tensor | None = None,
    aweights: Tensor | None = None,
) -> Tensor:
    """The covariance matrix of variables (rows) over observations (columns)."""
    check_tensor(input, "cov")
    if input.ndim > 2:
        raise RuntimeError(
            "cov(): expected input to have two or fewer dimensions but got an input with "
            f"{input.ndim} dimensions"
        )
    x: Any = input.reshape(1, -1) if input.ndim < 2 else input
    x = x if x.dtype.is_differentiable else x.float()
    w: Any = fweights
    if aweights is not None:
        w = aweights if w is None else w * aweights
    if w is None:
        total: Any = x.shape[1]
        centred = x - x.mean(1, keepdim=True)
        scaled = centred
        freedom: Any = max(total - correction, 0)
    else:
        total = w.sum()
        centred = x - ((x * w).sum(1) / total).unsqueeze(1)
        scaled = centred * w
        rest = total if aweights is None or not correction else (w * aweights).sum() / total
        freedom = total - correction * (rest if aweights is not None and correction else 1)
    c = mm(centred, scaled.t().conj())
    r = c / freedom if not isinstance(freedom, int) or freedom else c * math.inf * 0 + c / 0.0
    return r.squeeze()


@public()
def corrcoef(input: Tensor) -> Tensor:
    """The matrix of correlation coefficients of variables (rows)."""
    c = cov(input)
    if c.ndim == 0:
        return c / c
    spread = c.diagonal().sqrt()
    return (c / spread.unsqueeze(1) / spread.unsqueeze(0)).clamp(-1, 1)


@public(inplace=True, out=True)
def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """Sub-tensors along `dim` scaled down so that their p-norm is at most maxnorm."""
    check_tensor(input, "renorm")
    if p <= 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    if input.ndim < 2:
        raise RuntimeError(
            f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions"
        )
    axis = normalize_dim(dim, input.ndim)
    axes = [k for k in range(input.ndim) if k != axis]
    size = input.norm(p, axes, True)
    from .pointwise import where

    return input * where(size > maxnorm, maxnorm / (size + 1e-7), 1.0)


@public()
def matrix_power(input: Tensor, n: int) -> Tensor:
    """The n-th power of square matrices; negative powers through the inverse."""
    check_tensor(input, "matrix_power")
    if input.ndim < 2 or input.shape[-1] != input.shape[-2]:
        raise RuntimeError("linalg.matrix_power: A must be batches of square matrices")
    if n == 0:
        from .creation import eye

        one = eye(input.shape[-1], dtype=input.dtype)
        return one.expand(input.shape).clone()
    if n < 0:
        from ..linalg import inv

        return matrix_power(inv(input), -n)
    result: Any = None
    square: Any = input
    while n:
        if n & 1:
            result = square if result is None else matmul(result, square)
        n >>= 1
        if n:
            square = matmul(square, square)
    return result.clone() if result is input else result


def _from_linalg(name: str, other: str = "", method: bool = True) -> None:
    """A function of facula.linalg under its older name."""

    def f(input: Tensor, *args: Any, **named: Any) -> Any:
        from .. import linalg

        return getattr(linalg, other or name)(input, *args, **named)

    f.__name__ = f.__qualname__ = name
    f.__doc__ = f"See linalg.{other or name}."
    public(name, method=method)(f)


_from_linalg("inverse", "inv")
_from_linalg("det")
_from_linalg("slogdet")
_from_linalg("pinverse", "pinv")
_from_linalg("qr")


@public()
def logdet(input: Tensor) -> Tensor:
    """The logarithm of the determinant; NaN where that is negative."""
    from ..linalg import slogdet
    from .pointwise import where

    sign, log = slogdet(input)
    return where(sign < 0, math.nan, log)


@public()
def cholesky(input: Tensor, upper: bool = False) -> Tensor:
    """See linalg.cholesky."""
    from .. import linalg

    return linalg.cholesky(input, upper=upper)


@public()
def svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> Any:
    """U, S and V (not V^H) with input = U diag(S) V^H; see linalg.svd."""
    from .. import linalg

    u, s, vh = linalg.svd(input, full_matrices=not some)
    return _SVD(u, s, vh.mH)
