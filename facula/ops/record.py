"""The record of a primitive, and the rules that ops of one kind share.

An op is one `Op` object: the rule for shape and dtype (which raises the user's error), the NumPy
reference that defines its meaning, its gradient written in ops, and its lowering to the graph.
Everything else (methods, functions, tests) is derived from the table `OPS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..dtypes import bool_, convert, dtype, float64, get_default_dtype, promote_types, type_name
from ..runtime.blas import on_one_thread
from ..trace.values import Meta, Shape, meta

__all__ = ["OPS", "Example", "Op", "Operand", "convert", "common_dtype", "broadcast_shapes"]

OPS: dict[str, Op] = {}


_INF = float("inf")
NOT_FINITE = (_INF - _INF, _INF, -_INF, 0.0, -0.0, 1.0, -1.0)
SPECIAL = (
    *NOT_FINITE, 0.5, -2.5, 1.5, 2.0, 3.0, 1e-45, -1e-40, 1e-7, 1e30, -1e30, 3.4e38, 65504.0, 7e4,
    -88.8, 88.7, 104.0, -104.0,
)  # fmt: skip


class Operand(NamedTuple):
    """An operand of a generated test. `kind` says what is drawn:

    value     elements of the tested dtype (for gradients: of float64, inside the example's domain)
    float     the same, but left floating point where the tested dtype is an integer
    index     int64 from 0 to size - 1
    distinct  the same, no index twice along `axis` (its length is at most `size`)
    mask      bool
    number    a Python float (an int where the op takes no floats)
    """

    shape: Shape = ()
    kind: str = "value"
    size: int = 0
    axis: int = 0


class Example:
    """How the generated tests (tests/ops) call an op.

    cases: pairs (operands, attrs); an operand is an `Operand`, or a shape, which stands for
    values. dtypes: the kinds of dtype that the op takes: b bool, i integers, f floats (d: without
    those of 16 bits), c complex. domain: the interval that holds the operands of gradient tests;
    it excludes kinks and poles. special: the special numbers from which operands are drawn too.
    reach: the magnitude of float64 operands up to which results are defined. tolerance: units in
    the last place of the dtype by which compiled code may differ from the reference. derivative:
    False for an op whose gradient is not the derivative of its result, on purpose.
    """

    __slots__ = ("_cases", "dtypes", "domain", "special", "tolerance", "reach", "derivative")

    def __init__(
        self,
        *cases: tuple[tuple[Any, ...], tuple[Any, ...]],
        dtypes: str = "bifc",
        domain: tuple[float, float] = (-3.0, 3.0),
        special: tuple[float, ...] = SPECIAL,
        tolerance: float = 4.0,
    ) -> None:
        self._cases = cases
        self.dtypes, self.domain, self.special, self.tolerance = dtypes, domain, special, tolerance
        self.reach = float("inf")
        self.derivative = True

    @property
    def cases(self) -> tuple[tuple[tuple[Operand, ...], tuple[Any, ...]], ...]:
        """Made when a test asks: there are hundreds, and every program's start would wait."""
        return tuple(
            (tuple(o if isinstance(o, Operand) else Operand(o) for o in operands), attrs)
            for operands, attrs in self._cases
        )


_BROADCAST: tuple[tuple[Shape, ...], ...] = (
    ((), (), ()), ((0,), (1,), ()), ((1,), (1,), (1,)), ((7,), (7,), (7,)),
    ((3, 17), (17,), (3, 1)), ((5, 1, 3), (4, 3), ()), ((2, 3, 5), (), (1, 5)),
    ((1, 9), (6, 1), (6, 9)), ((3, 0), (1, 1), (3, 1)), ((250, 301), (250, 301), (301,)),
)  # fmt: skip


def elementwise_example(
    arity: int,
    dtypes: str = "bif",
    domain: tuple[float, float] = (-3.0, 3.0),
    tolerance: float = 4.0,
) -> Example:
    """Shapes for any elementwise op: empty, 0-d, one, odd sizes, broadcasts, enough for threads."""
    cases = [(shapes[:arity], ()) for shapes in _BROADCAST]
    if arity == 2:  # Python numbers on either side
        cases += [(((4, 5), Operand((), "number")), ()), ((Operand((), "number"), (13,)), ())]  # type: ignore[list-item]
    return Example(*cases, dtypes=dtypes, domain=domain, tolerance=tolerance)


class Op:
    """One primitive. Compared by identity."""

    __slots__ = (
        "name", "kind", "rule", "reference", "gradient", "lower", "grad_name", "view", "example",
        "graph_op", "direct",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        kind: str,
        rule: Callable[[Sequence[Meta], tuple[Any, ...]], tuple[Meta, ...]],
        reference: Callable[..., Any],
        gradient: Callable[..., Any] | None = None,
        lower: Callable[..., Any] | None = None,
        grad_name: str | None = None,
        view: bool = False,
        example: Example | None = None,
    ) -> None:
        """
        reference(arrays, attrs, metas): arrays in the operands' dtypes; metas are the results'
        facts; returns an array, or a tuple of them. gradient(n, *grads): one gradient or None per
        operand, see autograd.engine.Context for `n`. lower(b, ins, node): graph values, see
        trace.build.Builder; without it the reference runs as a host step. example: how generated
        tests call the op, see tests/ops.
        """
        if kind in ("contraction", "recurrent"):
            reference = on_one_thread(reference)
        self.name, self.kind, self.rule, self.reference = name, kind, rule, reference
        self.gradient, self.lower, self.view, self.example = gradient, lower, view, example
        self.grad_name = grad_name or "".join(p.capitalize() for p in name.split("_")) + "Backward0"
        self.graph_op = name
        # NumPy's own function, which gives what the reference does where what it returns has the
        # dtype of the result, float32 or float64; None where there is none.
        self.direct: Callable[..., Any] | None = None
        if name in OPS:
            raise ValueError(f"op {name!r} is defined twice")
        OPS[name] = self

    def __repr__(self) -> str:
        return f"<op {self.name}>"


def broadcast_shapes(a: Shape, b: Shape) -> Shape:
    """The common shape of two operands. Raises RuntimeError with PyTorch's text."""
    if a == b:
        return a
    if len(a) < len(b):
        long, short, swapped = b, a, True
    else:
        long, short, swapped = a, b, False
    out = list(long)
    shift = len(long) - len(short)
    for k in range(len(short) - 1, -1, -1):
        m, n = long[k + shift], short[k]
        if m == n or n == 1:
            continue
        if m != 1:
            x, y = (n, m) if swapped else (m, n)
            raise RuntimeError(
                f"The size of tensor a ({x}) must match the size of tensor b ({y}) "
                f"at non-singleton dimension {k + shift}"
            )
        out[k + shift] = n
    return tuple(out)


def _combine(higher: dtype | None, lower: dtype | None) -> dtype | None:
    if higher is None or lower is None:
        return higher or lower
    if higher.is_complex:
        return higher
    if higher.is_floating_point:
        return higher.to_complex() if lower.is_complex else higher
    if higher is bool_ or lower.is_differentiable:
        return promote_types(higher, lower)
    return higher


def common_dtype(metas: Sequence[Meta]) -> dtype:
    """PyTorch's result type: tensors first, then 0-d tensors, then Python numbers by category."""
    first = metas[0].dtype
    if not metas[0].wrapped and all(m.dtype is first and not m.wrapped for m in metas):
        return first
    dims: dtype | None = None
    zeros: dtype | None = None
    numbers: dtype | None = None
    for m in metas:
        d = m.dtype
        if m.wrapped:
            if d.is_floating_point:
                d = get_default_dtype()
            elif d.is_complex:
                d = get_default_dtype().to_complex()
            numbers = d if numbers is None else promote_types(numbers, d)
        elif m.ndim == 0:
            zeros = d if zeros is None else promote_types(zeros, d)
        else:
            dims = d if dims is None else promote_types(dims, d)
    found = _combine(dims, _combine(zeros, numbers))
    assert found is not None
    return found


def to_float(d: dtype) -> dtype:
    """The dtype in which functions like exp compute: integers become the default float."""
    return d if d.is_differentiable else get_default_dtype()


def check_broadcast(metas: Sequence[Meta]) -> Shape:
    shape = metas[0].shape
    for m in metas[1:]:
        if m.shape != shape:
            shape = broadcast_shapes(shape, m.shape)
    return shape


def check_dtype(name: str, d: dtype, allowed: str) -> None:
    """Raises NotImplementedError for a kind of dtype that is not one of `allowed` (see Example)."""
    kind = "c" if d.is_complex else "f" if d.is_floating_point else "i" if d.is_integral else "b"
    if kind not in allowed:
        raise NotImplementedError(f"\"{name}_cpu\" not implemented for '{type_name(d)}'")


def elementwise_rule(kind: str, name: str, dtypes: str) -> Callable[..., tuple[Meta, ...]]:
    """The rule of elementwise ops. kind: same, float (integers become floats), compare (result
    bool).
    """

    floats = kind in ("same", "float") and "f" in dtypes

    def rule(metas: Sequence[Meta], attrs: tuple[Any, ...]) -> tuple[Meta, ...]:
        if floats:  # what most calls are: floats of one shape and dtype, or floats and a number
            a, b = metas[0], metas[-1]
            d = a.dtype
            if (
                d.is_floating_point
                and not a.wrapped
                and (
                    (d is b.dtype and a.shape == b.shape and not b.wrapped)
                    or (b.wrapped and not b.dtype.is_complex)
                )
            ):
                return (meta(a.shape, d),)
        shape = check_broadcast(metas)
        if kind == "bool":
            return (meta(shape, bool_),)
        d = common_dtype(metas)
        if dtypes != "bifc":
            check_dtype(name, d, dtypes)
        if kind == "compare":
            return (meta(shape, bool_),)
        if kind == "float":
            d = to_float(d)
        wrapped = all(m.wrapped for m in metas)
        if wrapped:
            d = promote_types(metas[0].dtype, metas[-1].dtype)
            d = d if kind != "float" or d.is_differentiable else float64
        return (meta(shape, d, wrapped=wrapped),)

    return rule


def compute_dtype(kind: str, metas: Sequence[Meta], out: Meta) -> dtype:
    """The dtype to which the operands are converted before an elementwise op."""
    if kind == "compare":
        return common_dtype(metas)
    if kind == "bool":
        return bool_
    return out.dtype


def normalize_dim(dim: int, ndim: int) -> int:
    """A non-negative axis. Raises IndexError with PyTorch's text."""
    if isinstance(dim, (str, float)):
        raise TypeError(f"argument 'dim' must be int, not {type(dim).__name__}")
    n = max(ndim, 1)
    if not -n <= dim < n:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})"
        )
    return dim + n if dim < 0 else dim


def normalize_dims(dims: Any, ndim: int) -> tuple[int, ...]:
    """Sorted non-negative axes; None and () mean all. RuntimeError: an axis named twice."""
    if dims is None:
        return tuple(range(ndim))
    if isinstance(dims, int) and not isinstance(dims, bool):
        axis = normalize_dim(dims, ndim)
        return (axis,) if ndim else ()
    if isinstance(dims, (bool, str)) or not hasattr(dims, "__iter__"):
        if not hasattr(dims, "__index__") or isinstance(dims, bool):
            raise TypeError(f"argument 'dim' must be tuple of ints, not {type(dims).__name__}")
        dims = (dims,)
    out = [normalize_dim(int(d), ndim) for d in dims]
    if not out:
        return tuple(range(ndim))
    if len(set(out)) != len(out):
        twice = next(d for d in out if out.count(d) > 1)
        raise RuntimeError(f"dim {twice} appears multiple times in the list of dims")
    return tuple(sorted(out)) if ndim else ()
