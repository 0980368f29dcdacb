"""The random numbers against PyTorch: bit for bit, and the state after each draw.

One pair of generators runs through a whole test, so a wrong number of consumed words shows at the
next draw at the latest.
"""

from __future__ import annotations

import copy
import pickle

import ml_dtypes
import numpy as np
import pytest

from facula import generator as generators
from facula.runtime import random, random_native
from facula.runtime.random_math import fma32

torch = pytest.importorskip("torch")

SIZES = (0, 1, 2, 15, 16, 17, 31, 32, 33, 100, 1000, 20003)
BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
FLOATS = {
    np.dtype(np.float32): torch.float32,
    np.dtype(np.float64): torch.float64,
    np.dtype(np.float16): torch.float16,
    BFLOAT16: torch.bfloat16,
}
ALL = FLOATS | {
    np.dtype(name): getattr(torch, name)
    for name in ("uint8", "int8", "int16", "int32", "int64", "bool")
}
float_types = pytest.mark.parametrize("dtype", FLOATS, ids=str)
all_types = pytest.mark.parametrize("dtype", ALL, ids=str)


@pytest.fixture(params=["numpy", "native"], autouse=True)
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything runs twice: without machine code, and with it from the first draw on."""
    fresh = random_native._Kernels()
    fresh.waited = float("nan")
    if request.param == "native" and not fresh.load():
        pytest.skip("no machine code here")
    monkeypatch.setattr(random_native, "kernels", fresh)


class Pair:
    """PyTorch's generator and an engine with one seed, and the comparison of what they draw."""

    def __init__(self, seed: int = 3) -> None:
        self.torch = torch.Generator().manual_seed(seed)
        self.engine = random.MersenneTwister(seed)

    def same(self, expected: object, actual: np.ndarray, what: object = "") -> None:
        wanted = _array(expected, actual.dtype)
        assert wanted.dtype == actual.dtype and wanted.shape == actual.shape, what
        bits = f"u{actual.dtype.itemsize}"
        if actual.dtype.kind in "fV" and actual.size:
            wanted, actual = wanted.view(bits), actual.view(bits)
        np.testing.assert_array_equal(actual, wanted, err_msg=str(what))
        state = self.torch.get_state().numpy()
        np.testing.assert_array_equal(self.engine.get_state(), state, err_msg=str(what))


def _array(tensor: object, dtype: np.dtype) -> np.ndarray:
    if tensor.dtype is torch.bfloat16:  # type: ignore[attr-defined]
        return tensor.contiguous().view(torch.int16).numpy().view(BFLOAT16)  # type: ignore
    return tensor.contiguous().numpy()  # type: ignore[attr-defined]


@float_types
def test_uniform(dtype: np.dtype) -> None:
    pair, t = Pair(), FLOATS[dtype]
    for n in SIZES:
        for low, high in ((0, 1), (-0.3, 1.9), (-0.125, 0.125), (0, 3.3), (100, 100.7), (2, 2)):
            expected = torch.empty(n, dtype=t).uniform_(low, high, generator=pair.torch)
            pair.same(expected, random.uniform(pair.engine, (n,), dtype, low, high), (n, low, high))


@float_types
def test_normal(dtype: np.dtype) -> None:
    pair, t = Pair(), FLOATS[dtype]
    for n in SIZES:
        for mean, std in ((0, 1), (0.3, 2.1), (-5, 0.02), (1, 0)):
            expected = torch.empty(n, dtype=t).normal_(mean, std, generator=pair.torch)
            pair.same(expected, random.normal(pair.engine, (n,), dtype, mean, std), (n, mean, std))


def test_normal_of_memory_that_is_not_contiguous() -> None:
    pair = Pair()
    expected = torch.empty(9, 8).t().normal_(1, 2, generator=pair.torch).t()
    pair.same(expected, random.normal(pair.engine, (9, 8), np.dtype("f4"), 1, 2, serial=True))


def test_complex() -> None:
    pair = Pair()
    for n in (3, 8, 40):
        for name in ("complex64", "complex128"):
            t, dtype = getattr(torch, name), np.dtype(name)
            expected = torch.randn(n, dtype=t, generator=pair.torch)
            pair.same(expected, random.normal(pair.engine, (n,), dtype))
            expected = torch.rand(n, dtype=t, generator=pair.torch)
            pair.same(expected, random.uniform(pair.engine, (n,), dtype))


def test_normal_with_tensors_is_scaled_standard_normal() -> None:
    pair = Pair()
    mean, std = torch.linspace(-1, 1, 40), torch.linspace(0.1, 2, 40)
    expected = torch.normal(mean, std, generator=pair.torch)
    drawn = random.normal(pair.engine, (40,), np.dtype("f4"))
    pair.same(expected, drawn * std.numpy() + mean.numpy())


RANGES = (
    (None, None), (1, None), (0, 2), (0, 10), (-5, 3000), (-100, 50), (0, 70000), (-7, None),
    (2**25 + 1, 2**26 + 7), (0, 2**28), (0, 2**28 - 1), (-(2**30), 2**30), (0, 2**31 - 1),
    (0, 2**40), (-(2**63), 2**63 - 1), (-(2**40) + 3, 5), (-3001, -5), (5, 5), (6, 3),
)  # fmt: skip


@all_types
@pytest.mark.filterwarnings("ignore")  # PyTorch announces a change for ranges beyond the mantissa
def test_whole_numbers(dtype: np.dtype) -> None:
    pair, t = Pair(), ALL[dtype]
    for n in SIZES:
        for low, high in RANGES:
            arguments = () if low is None else (low, high)
            try:
                out = torch.empty(n, dtype=t)
                expected = out.random_(*arguments, generator=pair.torch)
            except RuntimeError as error:
                with pytest.raises(RuntimeError) as raised:
                    random.random(pair.engine, (n,), dtype, low, high)
                assert str(raised.value) == str(error).split("\n")[0]
                continue
            pair.same(expected, random.random(pair.engine, (n,), dtype, low, high), (n, low, high))


def test_full_range_of_int64() -> None:
    pair = Pair()
    expected = torch.empty(100, dtype=torch.int64).random_(-(2**63), None, generator=pair.torch)
    pair.same(expected, random.random(pair.engine, (100,), np.dtype("i8"), -(2**63)))


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.float32])
def test_randperm(dtype: type) -> None:
    pair, t = Pair(), ALL[np.dtype(dtype)]
    for n in SIZES:
        expected = torch.randperm(n, dtype=t, generator=pair.torch)
        pair.same(expected, random.randperm(pair.engine, n, dtype), n)


@all_types
def test_bernoulli(dtype: np.dtype) -> None:
    pair, t = Pair(), ALL[dtype]
    for n in SIZES:
        for p in (0.3, 0, 1, 0.5, 1e-3):
            expected = torch.empty(n, dtype=t).bernoulli_(p, generator=pair.torch)
            pair.same(expected, random.bernoulli(pair.engine, (n,), dtype, p), (n, p))


@float_types
def test_bernoulli_of_probabilities(dtype: np.dtype) -> None:
    pair, t = Pair(), FLOATS[dtype]
    for n in SIZES:
        p = torch.rand(n, generator=torch.Generator().manual_seed(n), dtype=t)
        expected = torch.bernoulli(p, generator=pair.torch)
        pair.same(expected, random.bernoulli_of(pair.engine, _array(p, dtype)), n)
        for out, out_dtype in ((torch.bool, np.bool_), (torch.float64, np.float64)):
            expected = torch.empty(n, dtype=out).bernoulli_(p, generator=pair.torch)
            actual = random.bernoulli_of(pair.engine, _array(p, dtype), np.dtype(out_dtype))
            pair.same(expected, actual, n)


@pytest.mark.parametrize("requires_grad", [False, True])
def test_dropout_masks_are_bernoulli_draws(requires_grad: bool) -> None:
    for shape in (*((n,) for n in SIZES), (7, 9), (3, 4, 5)):
        for p in (0.1, 0.5, 0.9):
            with torch.random.fork_rng():
                torch.manual_seed(11)
                x = torch.ones(shape, requires_grad=requires_grad)
                kept = torch.nn.functional.dropout(x, p).detach().numpy() != 0
            engine = random.MersenneTwister(11)
            mask = random.bernoulli(engine, shape, np.dtype(bool), 1 - p)
            np.testing.assert_array_equal(mask, kept)


@float_types
def test_transformed_uniform_numbers(dtype: np.dtype) -> None:
    pair, t = Pair(), FLOATS[dtype]

    def empty(n: int) -> object:
        return torch.empty(n, dtype=t)

    for n in (0, 1, 5, 64, 65, 1000):
        g, engine = pair.torch, pair.engine
        for rate in (0.7, 1.0):
            expected = empty(n).exponential_(rate, generator=g)  # type: ignore[attr-defined]
            pair.same(expected, random.exponential(engine, (n,), dtype, rate), n)
        expected = empty(n).geometric_(0.3, generator=g)  # type: ignore[attr-defined]
        pair.same(expected, random.geometric(engine, (n,), dtype, 0.3), n)
        expected = empty(n).cauchy_(0.3, 2.1, generator=g)  # type: ignore[attr-defined]
        pair.same(expected, random.cauchy(engine, (n,), dtype, 0.3, 2.1), n)
        expected = empty(n).log_normal_(0.3, 2.1, generator=g)  # type: ignore[attr-defined]
        pair.same(expected, random.log_normal(engine, (n,), dtype, 0.3, 2.1), n)


@float_types
def test_poisson(dtype: np.dtype) -> None:
    pair = Pair()
    rates = torch.linspace(0, 30, 800).to(FLOATS[dtype])
    expected = torch.poisson(rates, generator=pair.torch)
    pair.same(expected, random.poisson(pair.engine, _array(rates, dtype)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_binomial(dtype: str) -> None:
    pair, t = Pair(), getattr(torch, dtype)
    counts = torch.arange(800).remainder(101).to(t)
    p = torch.linspace(0, 1, 800, dtype=t)
    expected = torch.binomial(counts, p, generator=pair.torch)
    pair.same(expected, random.binomial(pair.engine, counts.numpy(), p.numpy()))


@float_types
@pytest.mark.parametrize("rows", [(), (3,)])
def test_multinomial(dtype: np.dtype, rows: tuple[int, ...]) -> None:
    pair, t = Pair(), FLOATS[dtype]
    for n in (1, 2, 10, 100, 1000):
        weights = torch.rand(*rows, n, generator=torch.Generator().manual_seed(n)).to(t)
        if n > 3:
            weights[..., 2] = 0
        array = _array(weights, dtype)
        for samples in (1, 2, 5, n // 2 + 1):
            for replacement in (False, True):
                # Without replacement in a half type many quotients are equal, and PyTorch's order
                # of equal ones is its sort's: only the single sample is comparable there.
                if not replacement and (samples > n or (samples > 1 and dtype.itemsize == 2)):
                    continue
                expected = torch.multinomial(weights, samples, replacement, generator=pair.torch)
                actual = random.multinomial(pair.engine, array, samples, replacement)
                pair.same(expected, actual, (n, samples, replacement))


def test_errors_of_distributions() -> None:
    engine, f4 = random.MersenneTwister(), np.dtype("f4")
    e = torch.empty(3)
    for reference, ours in (
        (lambda: e.uniform_(2, 1), lambda: random.uniform(engine, (3,), f4, 2, 1)),
        (lambda: e.uniform_(-3e38, 3e38), lambda: random.uniform(engine, (3,), f4, -3e38, 3e38)),
        (lambda: e.uniform_(0, 1e39), lambda: random.uniform(engine, (3,), f4, 0, 1e39)),
        (lambda: e.normal_(0, -1), lambda: random.normal(engine, (3,), f4, 0, -1)),
        (lambda: e.bernoulli_(1.5), lambda: random.bernoulli(engine, (3,), f4, 1.5)),
        (lambda: e.exponential_(0), lambda: random.exponential(engine, (3,), f4, 0)),
        (lambda: e.geometric_(1), lambda: random.geometric(engine, (3,), f4, 1)),
        (lambda: e.cauchy_(0, -1), lambda: random.cauchy(engine, (3,), f4, 0, -1)),
        (lambda: e.log_normal_(0, 0), lambda: random.log_normal(engine, (3,), f4, 0, 0)),
    ):
        with pytest.raises(RuntimeError) as wanted:
            reference()
        with pytest.raises(RuntimeError) as raised:
            ours()
        assert str(raised.value) == str(wanted.value).split("\n")[0]


@pytest.mark.parametrize(
    ("weights", "samples", "replacement"),
    [
        ([-1.0, 1], 1, False), ([0.0, 0], 1, False), ([1.0, 0], 3, False), ([1.0, 2], 0, False),
        ([1.0, float("inf")], 1, False), ([0.0, 0], 2, True), ([-1.0, 3], 2, True),
    ],
)  # fmt: skip
def test_errors_of_multinomial(weights: list[float], samples: int, replacement: bool) -> None:
    with pytest.raises(RuntimeError) as wanted:
        torch.multinomial(torch.tensor(weights), samples, replacement)
    with pytest.raises(RuntimeError) as raised:
        array = np.array(weights, np.float32)
        random.multinomial(random.MersenneTwister(), array, samples, replacement)
    assert str(raised.value) == str(wanted.value).split("\n")[0]


def test_mixed_draws_in_one_sequence() -> None:
    pair, choice, f4 = Pair(12), np.random.default_rng(0), np.dtype("f4")
    for _ in range(300):
        kind, n = choice.integers(6), int(choice.choice([1, 2, 3, 7, 16, 33, 500, 1300]))
        g, engine = pair.torch, pair.engine
        if kind == 0:
            pair.same(torch.rand(n, generator=g), random.uniform(engine, (n,), f4))
        elif kind == 1:
            pair.same(torch.randn(n, generator=g), random.normal(engine, (n,), f4))
        elif kind == 2:
            expected = torch.randint(0, 9, (n,), generator=g)
            pair.same(expected, random.randint(engine, (n,), np.dtype("i8"), 0, 9))
        elif kind == 3:
            pair.same(torch.randperm(n, generator=g), random.randperm(engine, n))
        elif kind == 4:
            expected = torch.empty(n).bernoulli_(0.4, generator=g)
            pair.same(expected, random.bernoulli(engine, (n,), f4, 0.4))
        else:
            expected = torch.randn(n, dtype=torch.float64, generator=g)
            pair.same(expected, random.normal(engine, (n,), np.dtype("f8")))


def test_seeds_of_the_data_loader() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        engine = random.MersenneTwister(5)
        for n in (10, 1000):
            seed = int(torch.empty((), dtype=torch.int64).random_().item())
            assert random.data_loader_seed(engine) == seed
            order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
            ours = generators.Generator().manual_seed(seed)
            np.testing.assert_array_equal(random.randperm(ours.engine, n), order.numpy())


@pytest.mark.parametrize("seed", [0, 1, -1, -5, 2**40 + 5, 2**63, 2**64 - 1, -(2**63)])
def test_seeds(seed: int) -> None:
    ours, reference = generators.Generator(), torch.Generator()
    assert ours.initial_seed() == reference.initial_seed()
    assert ours.manual_seed(seed) is ours
    reference.manual_seed(seed)
    assert ours.initial_seed() == reference.initial_seed()
    np.testing.assert_array_equal(ours._get_state_array(), reference.get_state().numpy())


@pytest.mark.parametrize("seed", ["a", 1.5, True, None, 2**64, -(2**63) - 1])
def test_invalid_seeds(seed: object) -> None:
    with pytest.raises((RuntimeError, ValueError)) as wanted:
        torch.Generator().manual_seed(seed)
    with pytest.raises(type(wanted.value)) as raised:
        generators.Generator().manual_seed(seed)  # type: ignore[arg-type]
    assert str(raised.value) == str(wanted.value)


@pytest.mark.parametrize("before", [0, 1, 7, 623, 624, 625, 5000, 20000])
def test_states_are_exchangeable(before: int) -> None:
    pair, f4 = Pair(9), np.dtype("f4")
    pair.same(torch.rand(before, generator=pair.torch), random.uniform(pair.engine, (before,), f4))
    pair.same(torch.randn(3, generator=pair.torch), random.normal(pair.engine, (3,), f4))
    ours, reference = generators.Generator(), torch.Generator()
    ours._set_state_array(pair.torch.get_state().numpy())
    reference.set_state(torch.from_numpy(pair.engine.get_state().copy()))
    copies = [ours, copy.deepcopy(ours), pickle.loads(pickle.dumps(ours)), ours.clone_state()]
    for n in (1, 2, 3, 700, 20000):
        expected = torch.randn(n, generator=reference).numpy()
        for c in copies:
            np.testing.assert_array_equal(random.normal(c.engine, (n,), f4), expected)


@pytest.mark.parametrize("size", [10, 5056])
def test_invalid_states(size: int) -> None:
    with pytest.raises(RuntimeError) as wanted:
        torch.Generator().set_state(torch.zeros(size, dtype=torch.uint8))
    with pytest.raises(RuntimeError) as raised:
        generators.Generator()._set_state_array(np.zeros(size, np.uint8))
    assert str(raised.value) == str(wanted.value).split("\n")[0]


def test_fma_in_float32_is_rounded_once() -> None:
    choice = np.random.default_rng(1)
    a, b = (choice.standard_normal(20000).astype(np.float32) for _ in range(2))
    # Addends half a unit away from the product make ties in float64.
    c = (-np.float64(a) * b).astype(np.float32) * choice.choice([0.5, 1, 2**20], a.size)
    c = c.astype(np.float32)
    from fractions import Fraction

    for x, y, z, got in zip(a[:2000], b, c, fma32(a, b, c), strict=False):
        exact = Fraction(float(x)) * Fraction(float(y)) + Fraction(float(z))
        error = abs(Fraction(float(got)) - exact)
        for neighbour in (np.nextafter(got, np.float32(-9e9)), np.nextafter(got, np.float32(9e9))):
            assert error <= abs(Fraction(float(neighbour)) - exact)
