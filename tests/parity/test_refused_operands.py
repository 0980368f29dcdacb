# ruff: noqa: E501  (calls are read as tables)
"""Operands that PyTorch refuses: which error comes, where several could, and in which words."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

pytest.importorskip("torch")
check = runpy.run_path(str(Path(__file__).with_name("calls.py")))["check"]


def test_differences_of_bools() -> None:
    pairs = "f32(2) True | True f32(2) | f32(2) b(2) | b(2) f32(2) | b(2) 1 | 1 b(2) | b(2) True | i64(2) True | f32(2) b() | c64(2) b(2) | f32(3) b(2) | b(2) b(2)"
    calls = []
    for pair in pairs.split(" | "):
        a, b = pair.split()
        calls += [f"{a} - {b}", f"torch.sub({a}, {b})"]
    calls += [
        "torch.rsub(f32(2), True)",
        "torch.rsub(b(2), 1)",
        "torch.rsub(b(2), f32(2))",
        "f32(2).sub_(True)",
    ]
    calls += [
        "f32(2).__isub__(b(2))",
        "torch.sub(f32(2), b(2), alpha=2)",
        "torch.sub(f32(2), f32(2), alpha=2)",
    ]
    check(calls)


def test_products() -> None:
    """The number of axes is looked at first; then sizes before dtypes, but for two vectors."""
    shapes = "(2)(2) (2)(3) (2)() ()(2) ()() (2,3)(2,3) (2,3)(3,2) (2,3)(2) (2,3)(3) (2)(3,2) (3)(3,2) (4,2,3)(4,2,3) (4,2,3)(4,3,3) (4,2,3)(2,3) (4,2,3)(3,3) (2,3)(4,2,3) (2,3)(4,3,3) (2,3)(5,4,2,3) (4,2,3)(3) (4,2,3)(2) (3)(4,3,2) (3)(4,2,3) (4,2,3)(3,3,3) (4,2,3)(3,2,3) (5,4,2,3)(4,2,3)"
    kinds = (
        ("f32", "f32"),
        ("f32", "f64"),
        ("i64", "f32"),
        ("f16", "f32"),
        ("b", "b"),
        ("b", "f32"),
    )
    calls = []
    for shape in shapes.split():
        a, b = shape[1:-1].split(")(")
        calls += [f"{x}({a}) @ {y}({b})" for x, y in kinds]
    calls += [
        "torch.mm(f32(2,3), f64(3,3))",
        "torch.mm(f32(2,3), f32(2,3))",
        "torch.bmm(f32(4,2,3), f64(4,3,3))",
        "torch.bmm(f32(4,2,3), f32(3,3,3))",
    ]
    calls += [
        "torch.mv(f32(2,3), f64(3))",
        "torch.dot(f32(2), f64(2))",
        "torch.dot(f32(2), f32(3))",
        "torch.dot(f32(2,2), f32(2))",
    ]
    calls += [
        "torch.addmm(f32(2), f32(2,3), f64(3,2))",
        "torch.addmm(f64(2), f32(2,3), f32(3,2))",
        "torch.addmm(f32(2), f64(2,3), f32(3,2))",
    ]
    for x, w, b in (
        ("f32", "f64", None),
        ("f64", "f32", None),
        ("f32", "f64", "f32"),
        ("f64", "f32", "f32"),
        ("f32", "f32", "f64"),
        ("f32", "f32", "f32"),
    ):
        bias = f", {b}(4)" if b else ""
        calls += [f"F.linear({x}(2,3), {w}(4,3){bias})", f"F.linear({x}(2,2,3), {w}(4,3){bias})"]
    check(calls)


def test_dtypes() -> None:
    calls = [
        f"torch.{name}({d}(2))"
        for name in ("relu", "floor", "ceil", "trunc", "round", "frac")
        for d in ("b", "c64", "i32", "f16")
    ]
    calls += [f"F.{name}({d}(2))" for name in ("relu", "relu6", "hardtanh") for d in ("b", "c64")]
    calls += [
        f"{d}(3).{call}" for d in ("b", "c64") for call in ("topk(1)", "sort()", "kthvalue(1)")
    ]
    check(calls)


def test_axes_without_elements() -> None:
    check(
        f"f32(0, 3).{name}(dim=0)" for name in "max min amax amin argmax argmin median mode".split()
    )
    check(f"f32(0, 3).{name}()" for name in ("max", "min", "argmax"))


def test_subscripts_of_einsum() -> None:
    check(
        [
            "torch.einsum('i,i->', f32(), f32(2))",
            "torch.einsum('i->i', f32(2,2))",
            "torch.einsum('...i->...', f32())",
            "torch.einsum('...ij->...', f32(3))",
            "torch.einsum('i,i->', b(2), b(2))",
            "torch.einsum('ij,jk->ik', b(2,3), b(3,2))",
        ]
    )


def test_values_that_do_not_fit_into_a_part() -> None:
    """The last axis that does not fit is named."""
    pairs = "(3,3)(2,3) (3)(2) (2,2,3)(2,3) (4,3)(2,2) (2)(5,3) (2,3,1)(2,2,2) (1,3)(2,2) (5)(0)"
    calls = []
    for pair in pairs.split():
        value, place = pair[1:-1].split(")(")
        calls += [f"f32(7,{place}).__setitem__(1, f32({value}))", f"f32({value}).expand({place})"]
    check(calls)


def test_activations_of_what_is_no_tensor() -> None:
    names = "relu elu selu celu gelu silu mish softplus hardtanh hardswish hardsigmoid leaky_relu softshrink hardshrink logsigmoid rrelu"
    check([f"torch.nn.functional.{n}({x})" for n in names.split() for x in ("'a'", "None", "3.0")])
