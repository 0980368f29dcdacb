"""Products of float32 in matrix tiles, as thirds of bfloat16: every edge, as exact as float32."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from graphs import B, in_tiles

import facula
from facula import config
from facula.compiler.contraction import steps, thirds
from facula.runtime import amx, cpu

needs_tiles = pytest.mark.skipif(not amx.permitted(), reason="no AMX tiles for bfloat16")
ROUNDING = 2.0**-24


@pytest.fixture(autouse=True)
def always(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Also where vectors are faster."""
    monkeypatch.setattr(config, "disk_cache", False)  # which knows other choices
    monkeypatch.setattr(thirds, "cost", lambda *sizes: 0)
    steps.product_plan.cache_clear()
    yield
    steps.product_plan.cache_clear()


def _data(*shape: int) -> np.ndarray:
    r = np.random.default_rng(sum(shape))
    return r.standard_normal(shape).astype(np.float32)


def _operand(b: B, x: np.ndarray, turned: bool) -> int:
    return b.permute(b.input(x.T), 1, 0) if turned else b.input(x)


def _product(x: np.ndarray, y: np.ndarray, transposed: str = "", made: bool = False) -> np.ndarray:
    """x @ y; made: the operands are made in the program, so that a packed copy is not kept."""
    b = B()
    i, j = _operand(b, x, "a" in transposed), _operand(b, y, "b" in transposed)
    if made:
        i, j = b.op("neg", i), b.op("neg", j)
    b.g.outputs = [b.matmul(i, j)]
    program, (found,) = b.run()
    assert in_tiles(program)
    return found


def _close(found: np.ndarray, x: np.ndarray, y: np.ndarray, roundings: int = 8) -> None:
    """Each element within so many roundings of the sum of its products' sizes: what sums in float32
    keep to only because their errors cancel.
    """
    wide, tall = x.astype(np.float64), y.astype(np.float64)
    error = np.abs(found - wide @ tall)
    assert (error <= roundings * ROUNDING * (np.abs(wide) @ np.abs(tall))).all()


SHAPES = [
    (32, 32, 32), (33, 65, 47), (64, 96, 64), (47, 64, 33), (100, 200, 70), (70, 513, 100),
    (257, 129, 95), (40, 1100, 300), (300, 1100, 40), (500, 40, 1100),
]  # fmt: skip


@needs_tiles
@pytest.mark.thin(2)
@pytest.mark.parametrize("made", [False, True])
@pytest.mark.parametrize("transposed", ["", "a", "b", "ab"])
@pytest.mark.parametrize(("m", "k", "n"), SHAPES)
def test_products(m: int, k: int, n: int, transposed: str, made: bool) -> None:
    x, y = _data(m, k), _data(k, n)
    _close(_product(x, y, transposed, made), x, y)


@needs_tiles
@pytest.mark.parametrize("sign", ["any", "positive"])
def test_numbers_of_all_sizes(sign: str) -> None:
    """Errors are small beside the products of the same element; of sums of positive numbers, where
    errors of one sign would add up, they are small beside the sum, and as often above as below.
    """
    r = np.random.default_rng(7)
    x, y = (
        (np.exp(r.uniform(-25, 25, shape)) * r.choice([-1, 1], shape)).astype(np.float32)
        for shape in ((70, 500), (500, 65))
    )
    if sign == "positive":
        x, y = (np.abs(r.standard_normal(a.shape)).astype(np.float32) for a in (x, y))
        exact = x.astype(np.float64) @ y.astype(np.float64)
        relative = (_product(x, y) - exact) / exact
        assert np.abs(relative).max() < 20 * ROUNDING
        assert np.abs(relative.mean()) < 0.3 * ROUNDING
    _close(_product(x, y), x, y, 16)


@needs_tiles
def test_the_unit_matrix_gives_back_every_bit() -> None:
    """From the largest number down to those whose last third is still normal."""
    r = np.random.default_rng(3)
    size = r.integers(24, 255, (64, 40))  # exponents, of 127 for 1
    bits = size << 23 | r.integers(0, 1 << 23, size.shape) | r.integers(0, 2, size.shape) << 31
    x = bits.astype(np.uint32).view(np.float32)
    x[0, :4] = [np.finfo(np.float32).max, -np.finfo(np.float32).max, 0.0, 1.0]
    one = np.eye(40, dtype=np.float32)
    np.testing.assert_array_equal(_product(x, one), x)
    np.testing.assert_array_equal(_product(one, np.ascontiguousarray(x.T)), x.T)


@needs_tiles
def test_tiny_numbers() -> None:
    """Below 2**-103 the last bits are lost, below 2**-126 all: about 2**-126 at most."""
    r = np.random.default_rng(5)
    x = (r.standard_normal((40, 64)) * 2.0 ** r.integers(-140, -100, (40, 64))).astype(np.float32)
    found = _product(x, np.eye(64, dtype=np.float32))
    assert (np.abs(found - x) < 2.0**-125).all()


@needs_tiles
@pytest.mark.parametrize("transposed", ["", "a", "b", "ab"])
@pytest.mark.parametrize("made", [False, True])
def test_infinite_numbers_and_nans_stay_in_their_rows_and_columns(
    transposed: str, made: bool
) -> None:
    """An infinite number times one whose lower thirds are zero is infinite, and no NaN."""
    m, k, n = 69, 545, 71
    x, y = _data(m, k), _data(k, n)
    x[3, 44], x[68, 0], y[5, 70], y[544, 20] = np.inf, np.nan, np.nan, -np.inf
    y[44] = np.where(y[44] > 0, 1.0, -2.0)  # x[3] meets numbers of one third
    x[40], y[0] = 2.0, np.where(np.arange(n) % 3, 1.0, np.inf)
    x[50, 7] = np.uint32(0x7F800001).view(np.float32)  # a NaN of which only the last bit tells
    with np.errstate(invalid="ignore"):
        want = x.astype(np.float64) @ y.astype(np.float64)
    found = _product(x, y, transposed, made)
    finite = np.isfinite(want)
    np.testing.assert_array_equal(found[~finite], want[~finite].astype(np.float32))
    assert np.isfinite(found[finite]).all()
    np.testing.assert_allclose(found[finite], want[finite], rtol=1e-5, atol=1e-4)


@needs_tiles
def test_sums_that_are_too_large() -> None:
    x, y = np.full((40, 64), 2.0**100, np.float32), np.full((64, 40), 2.0**100, np.float32)
    assert (_product(x, y) == np.inf).all()
    assert (_product(-x, y) == -np.inf).all()


@needs_tiles
@pytest.mark.parametrize("shared", [False, True])
def test_batches(shared: bool) -> None:
    x, y = _data(3, 2, 50, 40), _data(40, 73) if shared else _data(3, 2, 40, 73)
    b = B()
    i, j = b.op("neg", b.input(-x)), b.op("neg", b.input(-y))
    if shared:
        j = b.expand(b.reshape(j, 1, 1, 40, 73), 3, 2, 40, 73)
    z = b.matmul(i, j)
    again = b.matmul(b.permute(j, 0, 1, 3, 2), b.permute(i, 0, 1, 3, 2))
    b.g.outputs = [z, again]
    program, found = b.run()
    assert in_tiles(program)
    _close(found[0], x, y)
    _close(found[1].transpose(0, 1, 3, 2), x, y)


@needs_tiles
def test_a_left_operand_for_a_whole_batch() -> None:
    """Packed once, for columns of several matrices."""
    x, y = _data(50, 40), _data(3, 2, 40, 90)
    b = B()
    i, j = b.op("neg", b.input(-x)), b.op("neg", b.input(-y))
    i = b.expand(b.reshape(i, 1, 1, 50, 40), 3, 2, 50, 40)
    b.g.outputs = [b.matmul(i, j)]
    program, (found,) = b.run()
    assert in_tiles(program)
    _close(found, x, y)


@needs_tiles
@pytest.mark.parametrize(("m", "k", "n"), [(65, 100, 47), (200, 1100, 130), (100, 600, 300)])
def test_epilogue(m: int, k: int, n: int) -> None:
    """Bias, activation and residual in one step with the product; with an infinite number, too."""
    x, y, bias, more = _data(m, k), _data(k, n), _data(n), _data(m, n)
    x[2, 5] = np.inf
    b = B()
    z = b.matmul(b.input(x), b.input(y))
    z = b.op("relu", b.op("add", z, b.broadcast(b.input(bias), (m, n))))
    b.g.outputs = [b.op("add", z, b.input(more))]
    program, (found,) = b.run()
    assert in_tiles(program)
    assert [name for _, name, _ in program.kernels] == ["pack", "matmul"]
    with np.errstate(invalid="ignore"):
        want = np.maximum(x.astype(np.float64) @ y.astype(np.float64) + bias, 0) + more
    np.testing.assert_allclose(found, want, rtol=1e-5, atol=1e-4)


@needs_tiles
@pytest.mark.parametrize("made", [False, True])
def test_same_bits_for_any_number_of_threads(threads: None, made: bool) -> None:
    for m, k, n in [(300, 200, 170), (64, 784, 128), (200, 1100, 330)]:
        x, y = _data(m, k), _data(k, n)
        found = []
        for count in (1, 2, 4, 16, 16):
            cpu.set_num_threads(count)
            found.append(_product(x, y, made=made))
        for other in found[1:]:
            np.testing.assert_array_equal(found[0], other)


@needs_tiles
def test_only_what_gains_is_donein_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    steps.product_plan.cache_clear()
    for m, k, n, tiles in [(512, 512, 512, True), (768, 128, 512, True), (64, 64, 64, False),
                           (1, 512, 512, False), (1000, 32, 64, False)]:  # fmt: skip
        b = B()
        b.g.outputs = [b.matmul(b.input(_data(m, k)), b.input(_data(k, n)))]
        program, _ = b.run()
        assert in_tiles(program) == tiles, (m, k, n)


def test_without_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amx, "permitted", lambda: False)
    monkeypatch.setattr(amx, "refused", lambda: False)
    b = B()
    x, y = _data(64, 96), _data(96, 64)
    program = b.check(b.matmul(b.input(x), b.input(y)))
    assert not in_tiles(program)


def test_linear_layers_train_as_in_float64() -> None:
    facula.manual_seed(0)
    shapes = ((65, 100), (70, 100), (70,), (65, 70))
    x, w, bias, g = (facula.randn(*shape) for shape in shapes)

    def run(dtype: facula.dtype) -> list[np.ndarray]:
        leaves = [v.to(dtype).clone().requires_grad_() for v in (x, w, bias)]
        facula.nn.functional.linear(*leaves).tanh().backward(g.to(dtype))
        return [leaf.grad.double().numpy() for leaf in leaves]

    want = run(facula.float64)
    for _ in range(3):  # at first sight, and compiled
        for found, exact in zip(run(facula.float32), want, strict=True):
            scale = np.abs(exact).max()
            np.testing.assert_allclose(found, exact, rtol=1e-5, atol=5e-6 * scale)
