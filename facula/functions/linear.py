"""Products of vectors and matrices, einsum and tensordot."""

from __future__ import annotations

from typing import Any

from ..dtypes import bool_
from ..ops import elementwise as e
from ..ops import linear as affine
from ..ops.contract import MATMUL, check_mat2
from ..ops.movement import permute, reshape
from ..tensor import Tensor, wrap
from ..trace.recorder import record2, record3
from .pointwise import check_tensor, kind_of
from .registry import public

_new = object.__new__


def _product(a: Any, b: Any) -> Any:
    """The matrix product of values with PyTorch's rules for vectors."""
    return record2(MATMUL, a, b)


_NAMES = {
    (1, 1): "DotBackward0",
    (2, 1): "MvBackward0",
    (2, 2): "MmBackward0",
    (1, 2): "SqueezeBackward4",
}


@public(out=True)
def matmul(input: Tensor, other: Tensor) -> Tensor:
    """The matrix product; vectors and batches as in PyTorch."""
    check_tensor(input, "matmul")
    check_tensor(other, "matmul", "other")
    r = wrap(_product(input._v, other._v))
    if r._v.meta.requires_grad:
        key = (input.ndim, other.ndim)
        r._fn_name = _NAMES.get(key, "UnsafeViewBackward0")
    return r


def _exact(name: str, dims: tuple[int, ...], fn: str) -> Any:
    def f(input: Tensor, other: Tensor) -> Tensor:
        check_tensor(input, name)
        check_tensor(
            other, name, {"mm": "mat2", "bmm": "mat2", "mv": "vec", "dot": "tensor"}[name], 2
        )
        for k, (t, d) in enumerate(zip((input, other), dims, strict=True)):
            if t.ndim != d:
                what = {"mm": "mat", "bmm": "batch", "mv": "vec", "dot": "tensor"}[name]
                if name == "mm":
                    raise RuntimeError(f"{['self', 'mat2'][k]} must be a matrix")
                if name == "mv" and t.ndim == 0 and k == 0:
                    raise IndexError("Dimension specified as 0 but tensor has no dimensions")
                if name == "bmm":
                    raise RuntimeError(f"batch{k + 1} must be a 3D tensor")
                if name == "dot":
                    raise RuntimeError(
                        f"1D tensors expected, but got {input.ndim}D and {other.ndim}D tensors"
                    )
                raise RuntimeError(
                    f"{name}(): expected {what} {k + 1} to be {d}-D, but it is {t.ndim}-D"
                )
        if name == "bmm" and (input.shape[0] != other.shape[0] or input.shape[2] != other.shape[1]):
            b, _, k_ = input.shape
            raise RuntimeError(
                f"Expected size for first two dimensions of batch2 tensor to be: [{b}, {k_}] but "
                f"got: [{other.shape[0]}, {other.shape[1]}]."
            )
        r = wrap(_product(input._v, other._v))
        r._fn_name = fn
        return r

    f.__name__ = f.__qualname__ = name
    f.__doc__ = f"The product of tensors of {dims[0]} and {dims[1]} axes."
    return public(name, out=True)(f)


mm, bmm = _exact("mm", (2, 2), "MmBackward0"), _exact("bmm", (3, 3), "BmmBackward0")
mv, dot = _exact("mv", (2, 1), "MvBackward0"), _exact("dot", (1, 1), "DotBackward0")


@public("vdot", out=True, grad_name="VdotBackward0")
def vdot(input: Tensor, other: Tensor) -> Tensor:
    """The product of two vectors, the first conjugated."""
    return dot(input.conj(), other)


@public()
def inner(input: Tensor, other: Tensor) -> Tensor:
    """Sums of products over the last axes."""
    if input.ndim == 0 or other.ndim == 0:
        return input * other
    return tensordot(input, other, ([-1], [-1]))


@public(aliases=("ger",), out=True)
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """The outer product of two vectors."""
    for k, t in ((1, input), (2, vec2)):
        if t.ndim != 1:
            raise RuntimeError(
                f"outer: Expected 1-D argument {'self' if k == 1 else 'vec2'}, but got {t.ndim}-D"
            )
    return input.reshape(-1, 1) * vec2.reshape(1, -1)


def _scaled(base: Tensor, product: Any, beta: Any, alpha: Any, fn: str) -> Tensor:
    check_mat2(product.meta.dtype, self=base.dtype)
    p = product if alpha == 1 else record2(e.MUL, product, alpha)
    if beta == 0:
        r = wrap(p)
    else:
        b = base._v if beta == 1 else record2(e.MUL, base._v, beta)
        r = wrap(record2(e.ADD, b, p))
        if r._v.meta.shape != p.meta.shape:
            raise RuntimeError(
                f"The expanded size of the tensor ({p.meta.shape[-1]}) must match the existing "
                f"size ({base.shape[-1] if base.ndim else 1}) at non-singleton dimension "
                f"{p.meta.ndim - 1}.  Target sizes: {list(p.meta.shape)}.  Tensor sizes: "
                f"{list(base.shape)}"
            )
    r._fn_name = fn
    return r


@public(inplace=True, out=True)
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2)."""
    check_tensor(mat1, "addmm", "mat1", 2)
    check_tensor(mat2, "addmm", "mat2", 3)
    if mat1.ndim == mat2.ndim == 2:
        check_mat2(mat2.dtype, self=input.dtype, mat1=mat1.dtype)
    return _scaled(input, mm(mat1, mat2)._v, beta, alpha, "AddmmBackward0")


@public(inplace=True, out=True)
def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta * input + alpha * (mat @ vec)."""
    return _scaled(input, mv(mat, vec)._v, beta, alpha, "AddmvBackward0")


@public(inplace=True, out=True)
def baddbmm(
    input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1
) -> Tensor:
    """beta * input + alpha * (batch1 @ batch2)."""
    return _scaled(input, bmm(batch1, batch2)._v, beta, alpha, "BaddbmmBackward0")


@public(inplace=True, out=True)
def addbmm(
    input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1
) -> Tensor:
    """beta * input + alpha * (the sum over the batch of batch1 @ batch2)."""
    return _scaled(input, bmm(batch1, batch2).sum(0)._v, beta, alpha, "AddbmmBackward0")


@public(inplace=True, out=True)
def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta * input + alpha * outer(vec1, vec2)."""
    return _scaled(input, outer(vec1, vec2)._v, beta, alpha, "AddrBackward0")


@public()
def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """Sums of products over the given axes of both: a count, or two lists of axes."""
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        first, second = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    else:
        first, second = ([x] if isinstance(x, int) else list(x) for x in dims)
    first, second = [x % max(a.ndim, 1) for x in first], [x % max(b.ndim, 1) for x in second]
    for x, y in zip(first, second, strict=True):
        if a.shape[x] != b.shape[y]:
            raise RuntimeError(
                "contracted dimensions need to match, but first has size "
                f"{a.shape[x]} in dim {x} and second has size {b.shape[y]} in dim {y}"
            )
    rest_a = [k for k in range(a.ndim) if k not in first]
    rest_b = [k for k in range(b.ndim) if k not in second]
    shape = [a.shape[k] for k in rest_a] + [b.shape[k] for k in rest_b]
    inner_size = 1
    for x in first:
        inner_size *= a.shape[x]
    va = permute(a._v, tuple(rest_a + first))
    vb = permute(b._v, tuple(second + rest_b))
    rows = 1
    for k in rest_a:
        rows *= a.shape[k]
    columns = 1
    for k in rest_b:
        columns *= b.shape[k]
    r = record2(MATMUL, reshape(va, (rows, inner_size)), reshape(vb, (inner_size, columns)))
    return wrap(reshape(r, tuple(shape)))


@public(method=False)
def einsum(equation: Any, *operands: Any) -> Tensor:
    """Sums of products by Einstein's convention, e.g. ``einsum("bij,bjk->bik", x, y)``.

    Also ``einsum(x, [0, 1], y, [1, 2], [0, 2])``: subscripts as lists of numbers and `...`.
    Raises RuntimeError for an equation that does not fit the operands.
    """
    from .einsum import contract, from_lists

    if isinstance(equation, Tensor):
        equation, operands = from_lists((equation, *operands))
    if not isinstance(equation, str) or not operands:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand, or at least one "
            "operand and its subscripts list"
        )
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    for k, t in enumerate(operands):
        if not isinstance(t, Tensor):
            raise TypeError(f"expected Tensor as element {k} in argument 1, but got {kind_of(t)}")
    return contract(equation, list(operands))


@public(grad_name="TraceBackward0")
def trace(input: Tensor) -> Tensor:
    """The sum of a matrix's diagonal."""
    if input.ndim != 2:
        raise RuntimeError("trace: expected a matrix")
    if input.dtype is bool_:
        raise NotImplementedError("\"trace\" not implemented for 'Bool'")
    return input.diagonal().sum()


@public(method=False)
def chain_matmul(*matrices: Tensor) -> Tensor:
    """The product of matrices."""
    r = matrices[0]
    for m in matrices[1:]:
        r = mm(r, m)
    return r


@public("linear", method=False)
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input @ weight.T + bias; weight is [out, in] or [in]."""
    try:
        x, w = input._v, weight._v
    except AttributeError:
        check_tensor(input, "linear")
        raise
    if w.meta.ndim == 1:
        r = _product(x, w)
        return wrap(r if bias is None else record2(e.ADD, r, bias._v))
    if bias is None:
        r = record2(affine.LINEAR_UNBIASED, x, w)
    else:
        r = record3(affine.LINEAR, x, w, bias._v)
    t = _new(Tensor)
    t._v = r
    m = r.meta
    if m.ndim != 2 and m.requires_grad:
        t._fn_name = "ViewBackward0"
    return t
