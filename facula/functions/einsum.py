"""einsum by pairwise contraction: every pair becomes one batched matrix product."""

from __future__ import annotations

import functools
from math import prod
from typing import Any, NamedTuple

from ..dtypes import bool_
from ..ops.contract import MATMUL
from ..ops.movement import permute, reshape
from ..ops.reduce import total
from ..tensor import Tensor, wrap
from ..trace.recorder import record2
from ..trace.values import Value

Labels = tuple[str, ...]
_CACHED = 1024  # equations and pairs of shapes whose axes need not be worked out again


@functools.lru_cache(_CACHED)
def _parse(equation: str, axes: tuple[int, ...]) -> tuple[tuple[Labels, ...], Labels]:
    """The labels of each operand and of the result; an ellipsis becomes labels of its own.

    axes: how many each operand has.
    """
    text = equation.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(axes):
        more = "more" if len(terms) < len(axes) else "fewer"
        raise RuntimeError(
            f"einsum(): {more} operands were provided than specified in the equation"
        )
    widest = 0
    parts = []
    for k, (term, ndim) in enumerate(zip(terms, axes, strict=True)):
        before, dots, after = term.partition("...")
        for c in before + after:
            if not c.isalpha():
                raise RuntimeError(
                    f"einsum(): invalid subscript given at index {k} in the equation string, "
                    "subscripts must be in [a-zA-Z]"
                )
        extra = ndim - len(before) - len(after)
        if extra < 0 or (extra and not dots):
            differs = (
                f"is more than the number of dimensions ({ndim}) for operand {k}"
                if dots
                else f"does not match the number of dimensions ({ndim}) for operand {k} and no "
                "ellipsis was given"
            )
            raise RuntimeError(
                f"einsum(): the number of subscripts in the equation ({len(before) + len(after)}) "
                + differs
            )
        widest = max(widest, extra)
        parts.append((before, extra, after, bool(dots)))
    labels = []
    for first, extra, last, _ in parts:
        middle = [f".{widest - extra + j}" for j in range(extra)]
        labels.append((*first, *middle, *last))
    dots_out = [f".{j}" for j in range(widest)]
    if arrow:
        head, middle_dots, tail = right.partition("...")
        out = [*head, *(dots_out if middle_dots else []), *tail]
        every = {c for term in labels for c in term}
        for c in out:
            if out.count(c) > 1:
                raise RuntimeError(
                    f"einsum(): output subscript {c} appears more than once in the output"
                )
            if c not in every and not c.startswith("."):
                raise RuntimeError(
                    f"einsum(): output subscript {c} does not appear in the equation for any "
                    "input operand"
                )
    else:
        count: dict[str, int] = {}
        for own in labels:
            for c in own:
                count[c] = count.get(c, 0) + 1
        out = dots_out + sorted(c for c, n in count.items() if n == 1 and not c.startswith("."))
    return tuple(labels), tuple(out)


def from_lists(arguments: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """The equation and operands of the form operand, list, operand, list, ..., list of the
    result.
    """
    operands, terms = arguments[0::2], list(arguments[1::2])
    right = None
    if len(arguments) % 2:
        operands, right = operands[:-1], arguments[-1]

    def letters(subscripts: Any) -> str:
        text = ""
        for s in subscripts:
            if s is not Ellipsis and not 0 <= s < 52:
                raise RuntimeError("einsum(): subscripts must be within the valid range [0, 52)")
            text += "..." if s is Ellipsis else chr(65 + s) if s < 26 else chr(71 + s)
        return text

    equation = ",".join(letters(t) for t in terms)
    return (equation if right is None else f"{equation}->{letters(right)}"), operands


def _diagonal(t: Tensor, labels: Labels) -> tuple[Tensor, Labels]:
    """Repeated labels of one operand: its diagonal."""
    if len(set(labels)) == len(labels):
        return t, labels
    for c in dict.fromkeys(labels):
        while labels.count(c) > 1:
            i = labels.index(c)
            j = labels.index(c, i + 1)
            if t.shape[i] != t.shape[j]:
                raise RuntimeError(
                    f"einsum(): subscript {c} is repeated for operand but the sizes don't match, "
                    f"{t.shape[j]} != {t.shape[i]}"
                )
            t = t.diagonal(0, i, j)
            labels = (*(x for k, x in enumerate(labels) if k not in (i, j)), c)
    return t, labels


def _check_sizes(terms: list[Labels], operands: list[Tensor]) -> None:
    sizes: dict[str, int] = {}
    for labels, t in zip(terms, operands, strict=True):
        for c, n in zip(labels, t._v.meta.shape, strict=True):
            have = sizes.setdefault(c, n)
            if have != n:
                if have == 1:
                    sizes[c] = n
                elif n != 1:
                    raise RuntimeError(
                        f"einsum(): subscript {c} has size {n} for operand which does not "
                        "broadcast with previously "
                        f"seen size {have}"
                    )


def contract(equation: str, operands: list[Tensor]) -> Tensor:
    """The result of an einsum equation on tensors."""
    labels, out = _parse(equation, tuple([t._v.meta.ndim for t in operands]))
    fixed = [_diagonal(t, ls) for t, ls in zip(operands, labels, strict=True)]
    _check_sizes([ls for _, ls in fixed], [t for t, _ in fixed])
    terms: list[tuple[Any, Labels]] = [(t._v, ls) for t, ls in fixed]
    while len(terms) > 1:
        (a, la), (b, lb) = terms[0], terms[1]
        later = frozenset(out).union(*(ls for _, ls in terms[2:]))
        terms = [_pair(a, la, b, lb, later), *terms[2:]]
    v, ls = terms[0]
    # without a product or sum the result is a view of the operand, as its diagonal is
    result: Any = fixed[0][0] if len(fixed) == 1 else wrap(v)
    v, kept = _drop(v, ls, frozenset(out))
    if kept is not ls:
        result = wrap(v)
    return result.permute(tuple([kept.index(c) for c in out]))


class _Pair(NamedTuple):
    """How two operands become one product: the axes' order and the shape of each as a batch of
    matrices, the result's shape, the axes of it to be summed still, and its labels.
    """

    order: tuple[tuple[int, ...], tuple[int, ...]]
    shapes: tuple[tuple[int, ...], tuple[int, ...]]
    shape: tuple[int, ...]
    odd: tuple[int, ...]
    labels: Labels


@functools.lru_cache(_CACHED)
def _matrices(
    la: Labels, shape_a: tuple[int, ...], lb: Labels, shape_b: tuple[int, ...],
    later: frozenset[str],
) -> _Pair:  # fmt: skip
    sizes_a, sizes_b = (dict(zip(ls, n, strict=True)) for ls, n in ((la, shape_a), (lb, shape_b)))
    shared = [c for c in la if c in sizes_b]
    one = {c for c in shared if (sizes_a[c] == 1) != (sizes_b[c] == 1)}
    summed = [c for c in shared if c not in later and c not in one]
    odd = [c for c in shared if c not in later and c in one]
    batch = [c for c in shared if c not in summed]
    only_a, only_b = [c for c in la if c not in sizes_b], [c for c in lb if c not in sizes_a]

    def count(sizes: dict[str, int], labels: list[str]) -> int:
        return prod(sizes[c] for c in labels)

    labels = batch + only_a + only_b
    inner = count(sizes_a, summed)
    rows, columns = [sizes_a[c] for c in only_a], [sizes_b[c] for c in only_b]
    return _Pair(
        (
            tuple(la.index(c) for c in batch + only_a + summed),
            tuple(lb.index(c) for c in batch + summed + only_b),
        ),
        (
            (*(sizes_a[c] for c in batch), prod(rows), inner),
            (*(sizes_b[c] for c in batch), inner, prod(columns)),
        ),
        (*(max(sizes_a[c], sizes_b[c]) if 0 not in (sizes_a[c], sizes_b[c]) else 0 for c in batch),
         *rows, *columns),
        tuple(labels.index(c) for c in odd),
        tuple(c for c in labels if c not in odd),
    )  # fmt: skip


def _pair(
    a: Value, la: Labels, b: Value, lb: Labels, later: frozenset[str]
) -> tuple[Value, Labels]:
    """Two operands contracted over the labels that nothing needs later."""
    a, la = _drop(a, la, later.union(lb))
    b, lb = _drop(b, lb, later.union(la))
    p = _matrices(la, a.meta.shape, lb, b.meta.shape, later)
    left = reshape(permute(a, p.order[0]), p.shapes[0])
    right = reshape(permute(b, p.order[1]), p.shapes[1])
    if left.meta.dtype is bool_:
        raise NotImplementedError("\"bmm\" not implemented for 'Bool'")
    r = reshape(record2(MATMUL, left, right), p.shape)
    return (total(r, p.odd) if p.odd else r), p.labels


def _drop(v: Value, labels: Labels, wanted: frozenset[str]) -> tuple[Value, Labels]:
    """Sums over the axes that nobody wants."""
    if wanted.issuperset(labels):
        return v, labels
    gone = tuple(k for k, c in enumerate(labels) if c not in wanted)
    return total(v, gone), tuple(c for c in labels if c in wanted)
