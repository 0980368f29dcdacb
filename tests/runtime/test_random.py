"""Random numbers without PyTorch at hand: values and digests that PyTorch gave, and the engine.

The digests (sha256 of the little-endian bytes, 16 digits) are those of one long sequence of draws
from one generator, so each of them also says that everything before consumed the right words. What
depends on the last digit of the C library's float64 functions is left to tests/parity.
"""

from __future__ import annotations

import hashlib
import math

import ml_dtypes
import numpy as np
import pytest

from facula import generator as generators
from facula.runtime import random, random_engine, random_native
from facula.runtime.random_engine import MersenneTwister

F4, I8 = np.dtype(np.float32), np.dtype(np.int64)
N = (1003,)
W = np.arange(50, dtype=np.float32)

SEQUENCE = (
    ("uniform float32", "90fad7cd2cf61fe5"),
    ("uniform_range float32", "b8307b7db6305c9a"),
    ("normal_small float32", "7129a009801b14ab"),
    ("normal float32", "29ba4fa2a6e5e5cf"),
    ("normal_scaled float32", "b09bdc0c3063c23c"),
    ("exponential float32", "b98cf664281e718d"),
    ("geometric float32", "f6a382a83cf8a4f1"),
    ("cauchy float32", "14d92273449fdfa2"),
    ("log_normal float32", "e1b8b81316ed7b80"),
    ("uniform float64", "4d7e4101a1631b74"),
    ("uniform_range float64", "28d61146878409c7"),
    ("uniform float16", "d31209e6d50cc6d4"),
    ("uniform_range float16", "51bb0c9b38e174fd"),
    ("normal_small float16", "35f977bfeddfd21d"),
    ("normal float16", "514040f805a49c06"),
    ("normal_scaled float16", "c3eb5bcadf546075"),
    ("exponential float16", "f64a0132b9d99460"),
    ("geometric float16", "7230ca758c01d8e4"),
    ("cauchy float16", "e6a1962ca3b31a1b"),
    ("log_normal float16", "1cb72233cbbd5faf"),
    ("uniform bfloat16", "6114217c37f4345b"),
    ("uniform_range bfloat16", "9244f2ad00b35f7d"),
    ("normal_small bfloat16", "0a73f57708c37be0"),
    ("normal bfloat16", "48efca5d17cef195"),
    ("normal_scaled bfloat16", "0276a548d921f1ef"),
    ("exponential bfloat16", "3ab6cd224ae07bb8"),
    ("geometric bfloat16", "2206a66845301ceb"),
    ("cauchy bfloat16", "5b93d26ae6781702"),
    ("log_normal bfloat16", "156303c67aadbfee"),
    ("random uint8", "6f50c1ea5f5cf2e5"),
    ("randint uint8", "4d3a26c91e539826"),
    ("random int32", "e0956fa53d177565"),
    ("randint int32", "6157c1c970592a38"),
    ("random int64", "574623f2219176be"),
    ("randint int64", "1c719dfb179a2f6e"),
    ("randint_wide int64", "10dd03964692951e"),
    ("randperm int64", "934852ea819558fb"),
    ("bernoulli bool", "af5a23d543f6ad7d"),
    ("bernoulli_of float32", "ff2bc7952dc2532d"),
    ("multinomial float32", "8bf3cd6bb2af61dd"),
    ("multinomial_many float32", "6b11cfc63168ae16"),
    ("multinomial_order float32", "1fd772349d42266b"),
    ("poisson float32", "ba79f0959eab82f1"),
    ("binomial float32", "449c33ce066870d9"),
    ("state uint8", "26241131ec2f329d"),
)

DRAWS = {
    "uniform": lambda e, t: random.uniform(e, N, t),
    "uniform_range": lambda e, t: random.uniform(e, N, t, -0.3, 1.9),
    "normal_small": lambda e, t: random.normal(e, (7,), t),
    "normal": lambda e, t: random.normal(e, N, t),
    "normal_scaled": lambda e, t: random.normal(e, N, t, 0.3, 2.1),
    "exponential": lambda e, t: random.exponential(e, N, t, 0.7),
    "geometric": lambda e, t: random.geometric(e, N, t, 0.3),
    "cauchy": lambda e, t: random.cauchy(e, N, t, 0.3, 2.1),
    "log_normal": lambda e, t: random.log_normal(e, N, t, 0.3, 2.1),
    "random": lambda e, t: random.random(e, N, t),
    "randint": lambda e, t: random.randint(e, N, t, 3, 100),
    "randint_wide": lambda e, t: random.randint(e, N, t, -5, 2**40),
    "randperm": lambda e, t: random.randperm(e, N[0], t),
    "bernoulli": lambda e, t: random.bernoulli(e, N, t, 0.3),
    "bernoulli_of": lambda e, t: random.bernoulli_of(e, W / np.float32(50)),
    "multinomial": lambda e, t: random.multinomial(e, W, 1),
    "multinomial_many": lambda e, t: random.multinomial(e, W, 20, True),
    "multinomial_order": lambda e, t: random.multinomial(e, W, 20),
    "poisson": lambda e, t: random.poisson(e, W),
    "binomial": lambda e, t: random.binomial(e, W, W / np.float32(50)),
    "state": lambda e, t: e.get_state(),
}


def _kernels(native: bool) -> random_native._Kernels:
    fresh = random_native._Kernels()
    fresh.patience.left = math.nan
    if native and not fresh.load():
        pytest.skip("no machine code here")
    return fresh


@pytest.mark.parametrize("native", [False, True], ids=["numpy", "native"])
def test_sequence_of_all_draws(native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random_native, "kernels", _kernels(native))
    engine = MersenneTwister(1234)
    for label, digest in SEQUENCE:
        name, _, type_name = label.partition(" ")
        dtype = np.dtype(ml_dtypes.bfloat16 if type_name == "bfloat16" else type_name)
        values = DRAWS[name](engine, dtype)
        assert hashlib.sha256(values.tobytes()).hexdigest()[:16] == digest, label


def test_first_numbers_of_seed_0() -> None:
    e = MersenneTwister(0)
    uniform = random.uniform(e, (3,), F4).tolist()
    assert uniform == [0.49625658988952637, 0.7682217955589294, 0.08847743272781372]
    assert random.normal(e, (4,), F4).tolist() == [
        0.3643381893634796, 0.13439632952213287, 0.16421625018119812, 0.3057610094547272,
    ]  # fmt: skip
    assert random.normal(e, (16,), F4)[:4].tolist() == [
        -0.20410172641277313, -0.08853142708539963, 0.5238832831382751, -0.6658713221549988,
    ]  # fmt: skip
    assert random.randperm(e, 8).tolist() == [1, 2, 0, 4, 3, 7, 6, 5]
    assert random.data_loader_seed(e) == 6135753118824537797
    assert random.bernoulli(e, (10,), np.dtype(int)).tolist() == [0, 0, 1, 0, 1, 0, 1, 0, 0, 0]


@pytest.mark.parametrize("native", [False, True], ids=["numpy", "native"])
def test_words_do_not_depend_on_how_they_are_drawn(
    native: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = np.random.MT19937()
    reference._legacy_seeding(77)
    words = reference.random_raw(60000).astype(np.uint32)
    monkeypatch.setattr(random_native, "kernels", _kernels(native))
    engine, at = MersenneTwister(77), 0
    for n in (0, 1, 5, 617, 1, 624, 625, 1248, 3, 16000, 20000, 2, 10000):
        np.testing.assert_array_equal(engine.words32(n), words[at : at + n])
        at += n
    pairs = words[at : at + 20].astype(np.uint64)
    np.testing.assert_array_equal(engine.words64(10), pairs[::2] << np.uint64(32) | pairs[1::2])


@pytest.mark.parametrize("kind", [np.uint32, np.uint64])
def test_permutations_of_words(kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """Words of 64 bits are drawn for more than 200 million numbers alone."""
    monkeypatch.setattr(random_native, "kernels", _kernels(True))
    words = np.random.default_rng(3).integers(0, np.iinfo(kind).max, 300, kind, endpoint=True)
    order = list(range(301))
    for i, word in enumerate(words.tolist()):
        place = i + word % (301 - i)
        order[i], order[place] = order[place], order[i]
    found = random_native.permutation(words)
    assert found is not None and found.tolist() == order


def test_a_view_of_the_block_outlives_it() -> None:
    engine = MersenneTwister(1)
    engine.words32(620)
    kept = engine.words32(4)
    before = kept.copy()
    engine.words32(2000)
    np.testing.assert_array_equal(kept, before)


@pytest.mark.parametrize("drawn", [0, 1, 623, 624, 625, 12345])
def test_state_round_trip(drawn: int) -> None:
    engine = MersenneTwister(2**40 + 1)
    engine.words32(drawn)
    random.normal(engine, (3,), np.dtype(np.float64))
    engine.float_sample = 0.25
    state = engine.get_state()
    assert state.dtype == np.uint8 and state.shape == (random_engine.STATE_BYTES,)
    copy = engine.copy()
    np.testing.assert_array_equal(copy.get_state(), state)
    assert copy.seed == 2**40 + 1 and copy.float_sample == 0.25
    for n in (1, 2, 3000):
        ours, theirs = (random.normal(e, (n,), F4) for e in (engine, copy))
        np.testing.assert_array_equal(ours, theirs)


def test_errors_of_states() -> None:
    engine = MersenneTwister(0)
    with pytest.raises(TypeError, match="ByteTensor"):
        engine.set_state(np.zeros(5056, np.int8))
    with pytest.raises(RuntimeError, match="of size 5056 but found .* 10"):
        engine.set_state(np.zeros(10, np.uint8))
    with pytest.raises(RuntimeError, match="Invalid mt19937 state"):
        engine.set_state(np.zeros(5056, np.uint8))


def test_shapes_and_dtypes() -> None:
    engine = MersenneTwister(0)
    for shape in ((), (0,), (3, 0, 2), (2, 3, 4)):
        for values in (
            random.uniform(engine, shape, F4),
            random.normal(engine, shape, F4),
            random.bernoulli(engine, shape, F4, 0.5),
            random.exponential(engine, shape, F4),
            random.randint(engine, shape, F4, 0, 5),
        ):
            assert values.shape == shape and values.dtype == F4
            assert values.flags.writeable
    assert random.uniform(engine, (5,), np.dtype(np.complex64)).dtype == np.complex64


def test_kernels_wait_until_they_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = random_native._Kernels()
    most = fresh.patience.left = 10e6
    monkeypatch.setattr(random_native, "kernels", fresh)
    engine = MersenneTwister(0)
    random.normal(engine, (1000,), F4)
    assert fresh.functions is None and 0 < fresh.patience.left < most
    monkeypatch.setattr(fresh, "load", lambda: False)
    expected = random.normal(engine.copy(), (400000,), F4)
    monkeypatch.undo()
    np.testing.assert_array_equal(random.normal(engine, (400000,), F4), expected)


def test_generator() -> None:
    g = generators.Generator()
    assert g.initial_seed() == 67280421310721 and str(g.device) == "cpu"
    assert g.manual_seed(-1) is g and g.initial_seed() == 2**64 - 1
    assert g.manual_seed(np.int64(3)).initial_seed() == 3
    first = g.seed()
    assert g.initial_seed() == first and 0 <= first < 2**64
    clone = g.clone_state()
    np.testing.assert_array_equal(g._get_state_array(), clone._get_state_array())
    for wrong in ("a", 1.5, True, None):
        with pytest.raises(RuntimeError, match="manual_seed expected a long, but got"):
            g.manual_seed(wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Overflow"):
        g.manual_seed(2**64)
    with pytest.raises(RuntimeError, match="cuda"):
        generators.Generator("cuda")


def test_default_generator_is_seeded_by_chance_or_by_hand() -> None:
    before = generators.default_generator._get_state_array().copy()
    try:
        assert generators.manual_seed(8) is generators.default_generator
        assert generators.initial_seed() == 8
        assert generators.seed() == generators.initial_seed()
    finally:
        generators.default_generator._set_state_array(before)
