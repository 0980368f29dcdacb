"""The text of random tensors is PyTorch's, for all dtypes, shapes and print options."""

from __future__ import annotations

import random

import numpy as np
import pytest

from facula import dtypes, tensor_text

torch = pytest.importorskip("torch")

SHAPES = [
    (), (1,), (3,), (7,), (40,), (1001,), (1, 1), (3, 4), (2, 3, 4), (2, 2, 2, 3), (40, 40),
    (7, 3, 60),    (600, 2), (0,), (2, 0), (0, 3, 1), (1, 1200), (1000,), (30,), (3, 5, 2, 9),
]  # fmt: skip


def _values(rng: np.random.Generator, shape: tuple[int, ...], choice: random.Random) -> np.ndarray:
    """Random values of a random kind: whole, tiny, huge, mixed, with NaN and infinities."""
    kind = choice.randrange(8)
    x = rng.standard_normal(shape)
    if kind == 1:
        x = np.round(x * 5)
    elif kind == 2:
        x = x * 10.0 ** choice.randint(-9, 9)
    elif kind == 3:
        x = np.round(x * 10.0 ** choice.randint(0, 10))
    elif kind == 4:
        x = np.exp(x * 6)
    elif kind == 5:
        x = np.zeros(shape) * np.sign(x)
    elif kind == 6:
        x = np.abs(x)
    for special in (np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0):
        if choice.random() < 0.2:
            x = np.where(rng.random(shape) < choice.choice((0.1, 0.9)), special, x)
    return np.asarray(x)


def _tensor(dtype: dtypes.dtype, shape: tuple[int, ...], seed: int):
    rng, choice = np.random.default_rng(seed), random.Random(seed)
    values = _values(rng, shape, choice)
    with np.errstate(all="ignore"):
        if dtype.is_complex:
            values = values + 1j * _values(rng, shape, choice)
        elif not dtype.is_floating_point:
            values = np.nan_to_num(values, nan=0, posinf=99, neginf=-99)
            values = np.clip(values, -(2.0**62), 2.0**62).astype(np.int64)
        array = np.asarray(values.astype(dtype.np))
    if dtype is dtypes.bfloat16:
        return array, torch.from_numpy(array.view(np.int16).copy()).view(torch.bfloat16)
    return array, torch.from_numpy(array.copy())


@pytest.fixture(autouse=True)
def restore_options():
    yield
    torch.set_printoptions(profile="default")
    tensor_text.set_printoptions(profile="default")


def _set(**options) -> None:
    torch.set_printoptions(**options)
    tensor_text.set_printoptions(**options)


@pytest.mark.parametrize("dtype", dtypes.ALL, ids=lambda d: d.name)
def test_random_tensors_print_alike(dtype: dtypes.dtype) -> None:
    for seed in range(60):
        shape = SHAPES[seed % len(SHAPES)]
        array, oracle = _tensor(dtype, shape, seed)
        assert tensor_text.format_tensor(array, dtype) == repr(oracle), (shape, seed)


@pytest.mark.parametrize("dtype", dtypes.ALL, ids=lambda d: d.name)
def test_random_options_print_alike(dtype: dtypes.dtype) -> None:
    for seed in range(80):
        choice = random.Random(seed + 1000)
        _set(
            precision=choice.choice((0, 1, 2, 4, 8)),
            threshold=choice.choice((0, 3, 10, 1000, float("inf"))),
            edgeitems=choice.choice((0, 1, 2, 3, 5)),
            linewidth=choice.choice((1, 20, 33, 47, 80, 81, 82, 83, 120)),
            sci_mode=choice.choice((None, None, True, False)),
        )
        shape = choice.choice(
            SHAPES[:4] + SHAPES[6:10] + SHAPES[13:16] + [(9,), (9, 12), (2, 7, 8)]
        )
        array, oracle = _tensor(dtype, shape, seed)
        grad = dtype.is_differentiable and choice.random() < 0.7
        if grad:
            oracle.requires_grad_()
        name = None
        if grad and choice.random() < 0.5:
            oracle = oracle.view_as(oracle)
            name = type(oracle.grad_fn).__name__
        ours = tensor_text.format_tensor(array, dtype, requires_grad=grad, grad_fn_name=name)
        assert ours == repr(oracle), (seed, shape, tensor_text.get_printoptions())


def test_suffixes_wrap_alike_at_every_width() -> None:
    array, oracle = _tensor(dtypes.float64, (11,), 6)
    parameter = torch.nn.Parameter(oracle.clone())
    for width in range(20, 130):
        _set(linewidth=width)
        text = tensor_text.format_tensor(
            array, dtypes.float64, requires_grad=True, is_parameter=True
        )
        assert text == repr(parameter)


@pytest.mark.parametrize("default", [dtypes.float16, dtypes.bfloat16, dtypes.float64])
def test_the_default_dtype_is_not_shown(default: dtypes.dtype) -> None:
    try:
        torch.set_default_dtype(getattr(torch, default.name))
        dtypes.choose_default_dtype(default)
        for dtype in dtypes.ALL:
            for shape in ((2,), (0,), (2, 0)):
                array, oracle = _tensor(dtype, shape, 3)
                assert tensor_text.format_tensor(array, dtype) == repr(oracle)
    finally:
        torch.set_default_dtype(torch.float32)
        dtypes.choose_default_dtype(dtypes.float32)


def test_meta_tensors_print_alike() -> None:
    for dtype in dtypes.ALL:
        for shape in ((), (2, 3), (0,), (100, 7)):
            oracle = torch.empty(shape, dtype=getattr(torch, dtype.name), device="meta")
            ours = tensor_text.format_tensor(np.empty(shape, dtype.np), dtype, device="meta")
            assert ours == repr(oracle)


def test_profiles_and_options_agree() -> None:
    for options in ({"profile": "short", "linewidth": 40}, {"precision": 2}, {"profile": "full"},
                    {"sci_mode": True}, {"edgeitems": 1}, {"profile": "default"}):  # fmt: skip
        _set(**options)
        assert tensor_text.get_printoptions() == torch._tensor_str.get_printoptions()
