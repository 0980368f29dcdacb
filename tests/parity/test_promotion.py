# ruff: noqa: E501  (calls are read as tables)
"""Types of results: every pair of dtypes, tensors, 0-d tensors and numbers, against PyTorch."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

pytest.importorskip("torch")
check = runpy.run_path(str(Path(__file__).with_name("calls.py")))["check"]

KINDS = "f32 f64 f16 bf16 i8 i16 i32 i64 u8 b c64 c128".split()
DTYPES = [
    "torch." + name
    for name in "float32 float64 float16 bfloat16 int8 int16 int32 int64 uint8 bool complex64 complex128".split()
]
HALF_COMPLEX = ("f16", "c64")  # what would be complex32


@pytest.mark.thin(4)
@pytest.mark.parametrize("kind", KINDS)
def test_pairs(kind: str) -> None:
    calls = []
    for other in KINDS:
        for a, b in (
            (f"{kind}(2, 3)", f"{other}(3)"),
            (f"{kind}(3)", f"{other}()"),
            (f"{kind}()", f"{other}()"),
        ):
            calls += [
                f"{a} + {b}",
                f"{a} * {b}",
                f"torch.result_type({a}, {b})",
                f"({a} == {b}).dtype",
            ]
            calls += [f"torch.where(b(3), {a}, {b})", f"({a} / {b}).dtype"]
            if kind != "b" or other != "b":
                calls.append(f"({a} ** {b}).dtype")
    check([c for c in calls if not _is_half_complex(c)])


def _is_half_complex(call: str) -> bool:
    """A 0-d complex tensor with 16-bit floats: complex32 in PyTorch, complex64 here."""
    return "f16(" in call and ("c64()" in call or "c128()" in call) and "bf16" not in call


@pytest.mark.parametrize("kind", KINDS)
def test_numbers(kind: str) -> None:
    calls = []
    numbers = ["2", "2.5", "True", "float('nan')", "-1"] + ["2j"] * (kind != "f16")
    for a in (f"{kind}(3)", f"{kind}()"):
        for n in numbers:
            calls += [
                f"{a} + {n}",
                f"{a} * {n}",
                f"{n} * {a}",
                f"({a} / {n}).dtype",
                f"({a} == {n}).dtype",
            ]
            calls += [f"torch.result_type({a}, {n})", f"torch.where(b(3), {a}, {n})"]
    check(calls)


@pytest.mark.thin(4)
@pytest.mark.parametrize(
    "name", ["add_", "mul_", "div_", "sub_", "copy_", "pow_", "eq_", "maximum"]
)
def test_in_place(name: str) -> None:
    check(
        f"{a}(3).{name}({b})"
        for a in KINDS
        for b in [f"{k}(3)" for k in KINDS] + ["2", "2.5", "True", "1j"]
        if not (name == "sub_" and "b" in (a, b[0])) and not (name == "pow_" and a == "b")
        if not _is_half_complex(f"{a}() {b}")
        and (a, b) != ("f16", "1j")
        and not (name == "copy_" and "(" not in b)
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_tables_and_conversions(dtype: str) -> None:
    calls = [
        f"torch.{f}({dtype}, {other})" for f in ("promote_types", "can_cast") for other in DTYPES
    ]
    calls += [f"{kind}(5).to({dtype})" for kind in KINDS]
    calls += [f"torch.tensor([0.0, 1.7, -2.5, 3.0]).to({dtype})"] * (dtype != "torch.uint8")
    check(calls)
