"""einsum by pairwise contraction: every pair becomes one batched matrix product."""

from __future__ import annotations

from typing import Any

from ..dtypes import bool_
from ..ops.contract import MATMUL
from ..ops.movement import permute, reshape
from ..ops.reduce import total
from ..tensor import Tensor, wrap
from ..trace.recorder import record2
from ..trace.values import Value


def _parse(equation: str, operands: list[Tensor]) -> tuple[list[list[str]], list[str]]:
    """The labels of each operand and of the result; an ellipsis becomes labels of its own."""
    text = equation.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        more = "more" if len(terms) < len(operands) else "fewer"
        raise RuntimeError(
            f"einsum(): {more} operands were provided than specified in the equation"
        )
    widest = 0
    parts = []
    for k, (term, t) in enumerate(zip(terms, operands, strict=True)):
        before, dots, after = term.partition("...")
        for c in before + after:
            if not c.isalpha():
                raise RuntimeError(
                    f"einsum(): invalid subscript given at index {k} in the equation string, "
                    "subscripts must be in [a-zA-Z]"
                )
        extra = t.ndim - len(before) - len(after)
        if extra < 0 or (extra and not dots):
            differs = (
                f"is more than the number of dimensions ({t.ndim}) for operand {k}"
                if dots
                else f"does not match the number of dimensions ({t.ndim}) for operand {k} and no "
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
        labels.append([*first, *middle, *last])
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
    return labels, out


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


def _diagonal(t: Tensor, labels: list[str]) -> tuple[Tensor, list[str]]:
    """Repeated labels of one operand: its diagonal."""
    for c in list(dict.fromkeys(labels)):
        while labels.count(c) > 1:
            i = labels.index(c)
            j = labels.index(c, i + 1)
            if t.shape[i] != t.shape[j]:
                raise RuntimeError(
                    f"einsum(): subscript {c} is repeated for operand but the sizes don't match, "
                    f"{t.shape[j]} != {t.shape[i]}"
                )
            t = t.diagonal(0, i, j)
            labels = [x for k, x in enumerate(labels) if k not in (i, j)] + [c]
    return t, labels


def _sizes(terms: list[list[str]], operands: list[Tensor]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for labels, t in zip(terms, operands, strict=True):
        for c, n in zip(labels, t.shape, strict=True):
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
    return sizes


def contract(equation: str, operands: list[Tensor]) -> Tensor:
    """The result of an einsum equation on tensors."""
    labels, out = _parse(equation, operands)
    terms: list[tuple[Any, list[str]]] = []
    fixed = [_diagonal(t, ls) for t, ls in zip(operands, labels, strict=True)]
    sizes = _sizes([ls for _, ls in fixed], [t for t, _ in fixed])
    for t, ls in fixed:
        terms.append((t._v, ls))
    while len(terms) > 1:
        (a, la), (b, lb) = terms[0], terms[1]
        later = set(out) | {c for _, ls in terms[2:] for c in ls}
        terms = [_pair(a, la, b, lb, later, sizes), *terms[2:]]
    v, ls = terms[0]
    # without a product or sum the result is a view of the operand, as its diagonal is
    result: Any = fixed[0][0] if len(fixed) == 1 else wrap(v)
    gone = tuple(k for k, c in enumerate(ls) if c not in out)
    if gone:
        result = wrap(total(v, gone))
        ls = [c for c in ls if c in out]
    return result.permute(tuple(ls.index(c) for c in out))


def _pair(
    a: Value, la: list[str], b: Value, lb: list[str], later: set[str], sizes: dict[str, int]
) -> tuple[Value, list[str]]:
    """Two operands contracted over the labels that nothing needs later."""
    a, la = _drop(a, la, set(lb) | later)
    b, lb = _drop(b, lb, set(la) | later)
    shared = [c for c in la if c in lb]
    ones_a = {c for c, n in zip(la, a.meta.shape, strict=True) if n == 1}
    ones_b = {c for c, n in zip(lb, b.meta.shape, strict=True) if n == 1}
    summed = [c for c in shared if c not in later and c not in ones_a ^ ones_b]
    odd = [c for c in shared if c not in later and c not in summed]
    batch = [c for c in shared if c not in summed]
    only_a, only_b = [c for c in la if c not in shared], [c for c in lb if c not in shared]

    def arranged(v: Value, ls: list[str], order: list[str]) -> Value:
        return permute(v, tuple(ls.index(c) for c in order))

    def count(cs: list[str]) -> int:
        n = 1
        for c in cs:
            n *= sizes[c]
        return n

    def batch_shape(v: Value, ls: list[str]) -> tuple[int, ...]:
        return tuple(v.meta.shape[ls.index(c)] for c in batch)

    left = reshape(
        arranged(a, la, batch + only_a + summed),
        (*batch_shape(a, la), count(only_a), count(summed)),
    )
    right = reshape(
        arranged(b, lb, batch + summed + only_b),
        (*batch_shape(b, lb), count(summed), count(only_b)),
    )
    if left.meta.dtype is bool_:
        raise NotImplementedError("\"bmm\" not implemented for 'Bool'")
    r = record2(MATMUL, left, right)
    labels = batch + only_a + only_b
    r = reshape(r, (*r.meta.shape[:-2], *(sizes[c] for c in only_a), *(sizes[c] for c in only_b)))
    if odd:
        r = total(r, tuple(labels.index(c) for c in odd))
        labels = [c for c in labels if c not in odd]
    return r, labels


def _drop(v: Value, labels: list[str], wanted: set[str]) -> tuple[Value, list[str]]:
    gone = tuple(k for k, c in enumerate(labels) if c not in wanted)
    if not gone:
        return v, labels
    return total(v, gone), [c for c in labels if c in wanted]
