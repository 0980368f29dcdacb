"""Golden texts: what PyTorch 2.13 printed for these tensors, to check without torch."""

from __future__ import annotations

import math

import numpy as np
import pytest

from facula import dtypes, tensor_text
from facula.tensor_text import format_tensor

INF, NAN = math.inf, math.nan

# (values, dtype, text)
GOLDEN = [
    ([NAN, 1.0], "float32", "tensor([nan, 1.])"),
    ([1.5, -INF, NAN], "float32", "tensor([1.5000,   -inf,    nan])"),
    ([0.0, -0.0], "float32", "tensor([0., -0.])"),
    ([1e8], "float32", "tensor([100000000.])"),
    ([1e8 + 16], "float32", "tensor([1.0000e+08])"),
    ([1.0, 1000.0], "float32", "tensor([   1., 1000.])"),
    ([1.0, 1001.0], "float32", "tensor([1.0000e+00, 1.0010e+03])"),
    ([9e-5, 0.0], "float32", "tensor([9.0000e-05, 0.0000e+00])"),
    ([-1.5, 22.25], "float64", "tensor([-1.5000, 22.2500], dtype=torch.float64)"),
    ([1 + 1j, 1.5], "complex64", "tensor([1.0000+1.j, 1.5000+0.j])"),
    ([1e10 - 2j], "complex128", "tensor([1.0000e+10-2.j], dtype=torch.complex128)"),
    (1e-9 + 2.5j, "complex64", "tensor(1.0000e-09+2.5000j)"),
    ([], "float32", "tensor([])"),
    ([], "int64", "tensor([], dtype=torch.int64)"),
    (np.empty((2, 0)), "float32", "tensor([], size=(2, 0))"),
    (np.empty((0, 3)), "bool", "tensor([], size=(0, 3), dtype=torch.bool)"),
    (3, "int64", "tensor(3)"),
    (2.5, "float32", "tensor(2.5000)"),
    (True, "bool", "tensor(True)"),
    ([True, False], "bool", "tensor([ True, False])"),
    (
        [[1, -20], [300, 4]],
        "int32",
        "tensor([[  1, -20],\n        [300,   4]], dtype=torch.int32)",
    ),
    ([1.5], "float16", "tensor([1.5000], dtype=torch.float16)"),
    ([1.5e-7], "bfloat16", "tensor([1.4994e-07], dtype=torch.bfloat16)"),
    (
        [9223372036854775807, -9223372036854775808],
        "int64",
        "tensor([ 9223372036854775807, -9223372036854775808])",
    ),
    (
        np.arange(30),
        "float32",
        "tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11., 12., 13.,\n"
        "        14., 15., 16., 17., 18., 19., 20., 21., 22., 23., 24., 25., 26., 27.,\n"
        "        28., 29.])",
    ),
    (np.arange(2000), "int64", "tensor([   0,    1,    2,  ..., 1997, 1998, 1999])"),
    (
        np.zeros((2, 2, 2)),
        "float64",
        "tensor([[[0., 0.],\n"
        "         [0., 0.]],\n"
        "\n"
        "        [[0., 0.],\n"
        "         [0., 0.]]], dtype=torch.float64)",
    ),
    (
        np.arange(1200).reshape(60, 20),
        "float32",
        "tensor([[0.0000e+00, 1.0000e+00, 2.0000e+00,  ..., 1.7000e+01, 1.8000e+01,\n"
        "         1.9000e+01],\n"
        "        [2.0000e+01, 2.1000e+01, 2.2000e+01,  ..., 3.7000e+01, 3.8000e+01,\n"
        "         3.9000e+01],\n"
        "        [4.0000e+01, 4.1000e+01, 4.2000e+01,  ..., 5.7000e+01, 5.8000e+01,\n"
        "         5.9000e+01],\n"
        "        ...,\n"
        "        [1.1400e+03, 1.1410e+03, 1.1420e+03,  ..., 1.1570e+03, 1.1580e+03,\n"
        "         1.1590e+03],\n"
        "        [1.1600e+03, 1.1610e+03, 1.1620e+03,  ..., 1.1770e+03, 1.1780e+03,\n"
        "         1.1790e+03],\n"
        "        [1.1800e+03, 1.1810e+03, 1.1820e+03,  ..., 1.1970e+03, 1.1980e+03,\n"
        "         1.1990e+03]])",
    ),
]


@pytest.fixture(autouse=True)
def restore_options():
    yield
    tensor_text.set_printoptions(profile="default")


@pytest.mark.parametrize(("values", "dtype", "text"), GOLDEN)
def test_golden_texts(values, dtype: str, text: str) -> None:
    kind = dtypes.BY_NAME[dtype]
    assert format_tensor(np.asarray(values).astype(kind.np), kind) == text


def test_facts_follow_the_values() -> None:
    ones = np.ones(2, np.float32)
    assert format_tensor(ones, dtypes.float32, requires_grad=True) == (
        "tensor([1., 1.], requires_grad=True)"
    )
    assert format_tensor(ones, dtypes.float32, requires_grad=True, grad_fn_name="AddBackward0") == (
        "tensor([1., 1.], grad_fn=<AddBackward0>)"
    )
    assert format_tensor(ones, dtypes.float32, device="cuda:0") == (
        "tensor([1., 1.], device='cuda:0')"
    )
    assert format_tensor(ones, dtypes.float32, requires_grad=True, is_parameter=True) == (
        "Parameter containing:\ntensor([1., 1.], requires_grad=True)"
    )


def test_a_fact_that_does_not_fit_starts_a_line() -> None:
    values = np.full(9, 0.5)
    text = format_tensor(values, dtypes.float64, requires_grad=True)
    assert text == (
        "tensor([0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000],\n"
        "       dtype=torch.float64, requires_grad=True)"
    )


def test_options() -> None:
    tensor_text.set_printoptions(precision=2, linewidth=30, threshold=5, edgeitems=1)
    values = np.linspace(0.5, 3, 6)
    assert format_tensor(values, dtypes.float64) == (
        "tensor([0.50,  ..., 3.00],\n       dtype=torch.float64)"
    )
    tensor_text.set_printoptions(profile="default", sci_mode=True)
    assert format_tensor(np.float32([1, 2]), dtypes.float32) == "tensor([1.0000e+00, 2.0000e+00])"
    with tensor_text.printoptions(precision=1):
        assert format_tensor(np.float32(1.23), dtypes.float32) == "tensor(1.2)"
    assert tensor_text.get_printoptions() == {
        "precision": 4,
        "threshold": 1000,
        "edgeitems": 3,
        "linewidth": 80,
        "sci_mode": True,
    }


def test_a_large_tensor_formats_only_what_it_shows() -> None:
    # A broadcast array of 10**12 elements: reading it all would never end.
    huge = np.broadcast_to(np.float32(1.5), (10**6, 10**6))
    text = format_tensor(huge, dtypes.float32)
    assert text.count("1.5000") == 36
    assert text.splitlines()[0] == (
        "tensor([[1.5000, 1.5000, 1.5000,  ..., 1.5000, 1.5000, 1.5000],"
    )
