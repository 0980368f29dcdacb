"""Products of bfloat16 by the processor's instructions, in matrix tiles or vectors, and without."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from graphs import B, in_tiles

import facula
from facula.compiler import compile_graph, kept
from facula.compiler.contraction import bfloat16 as products
from facula.dtypes import bfloat16, float32
from facula.runtime import amx, code, cpu

needs_tiles = pytest.mark.skipif(not amx.permitted(), reason="no AMX tiles for bfloat16")
needs_products = pytest.mark.skipif(
    not products.worthwhile(64, 64, 64), reason="no instructions for products of bfloat16"
)


def _data(*shape: int) -> np.ndarray:
    r = np.random.default_rng(sum(shape))
    return r.standard_normal(shape).astype(np.float32).astype(bfloat16.np)


def _input(b: B, a: np.ndarray) -> int:
    a = np.array(a, order="C")
    b.arrays.append(a)
    return b.g.add_input(a.shape, bfloat16)


def _wide(a: np.ndarray) -> np.ndarray:
    return a.astype(np.float64)


def _close(found: np.ndarray, want: np.ndarray, k: int) -> None:
    """float32: as sums of k products in float32; bfloat16: rounded once more."""
    half = found.dtype == bfloat16.np
    rtol = 2.0**-8 if half else 1e-6
    np.testing.assert_allclose(_wide(found), want, rtol=rtol, atol=1e-6 * k)


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The places of the sums of products that were given to the instructions."""
    found: list[int] = []
    product = products.Plan.product

    def noted(self: products.Plan, *operands: object) -> object:
        found.append(self.k)
        return product(self, *operands)  # type: ignore[arg-type]

    monkeypatch.setattr(products.Plan, "product", noted)
    return found


SHAPES = [
    (16, 32, 16), (33, 65, 17), (1, 300, 200), (300, 40, 1), (100, 9, 100), (130, 300, 140),
    (48, 2100, 50), (257, 129, 95), (200, 2100, 130), (200, 64, 700),
]  # fmt: skip


@needs_products
@pytest.mark.thin(2)
@pytest.mark.parametrize("transposed", ["", "a", "b", "ab"])
@pytest.mark.parametrize(("m", "k", "n"), SHAPES)
def test_products(m: int, k: int, n: int, transposed: str, planned: list[int]) -> None:
    b, rounded = B(), transposed in ("", "ab")
    x, y = _data(m, k), _data(k, n)
    i = b.permute(_input(b, x.T), 1, 0) if "a" in transposed else _input(b, x)
    j = b.permute(_input(b, y.T), 1, 0) if "b" in transposed else _input(b, y)
    out = b.matmul(b.cast(i, float32), b.cast(j, float32))
    b.g.outputs = [b.cast(out, bfloat16) if rounded else out]
    program, (found,) = b.run()
    _close(found, _wide(x) @ _wide(y), k)
    if m * k * n >= 1 << 15 and min(m, n) > 1:
        assert planned


@needs_products
def test_casts_after_movement_and_parts(planned: list[int]) -> None:
    """What is multiplied is part of something larger, moved before and after the cast."""
    b = B()
    x = _data(3, 70, 200)
    i = _input(b, x)
    part = b.permute(b.cast(b.slice(i, (0, 0, 40), (3, 70, 160), (1, 1, 1)), float32), 0, 2, 1)
    left = b.permute(part, 0, 2, 1)
    every = b.cast(b.slice(i, (0, 0, 0), (3, 70, 200), (1, 1, 2)), float32)
    b.g.outputs = [b.matmul(left, part), b.matmul(b.permute(every, 0, 2, 1), left)]
    program, found = b.run()
    assert planned
    p, e = _wide(x[:, :, 40:160]), _wide(x[:, :, ::2])
    _close(found[0], p @ p.transpose(0, 2, 1), 120)
    _close(found[1], e.transpose(0, 2, 1) @ p, 70)


@needs_products
@pytest.mark.parametrize("shared", [False, True])
def test_batches(shared: bool, planned: list[int]) -> None:
    b = B()
    x, y = _data(3, 2, 50, 40), _data(40, 33) if shared else _data(3, 2, 40, 33)
    i, j = b.cast(_input(b, x), float32), b.cast(_input(b, y), float32)
    if shared:
        j = b.expand(b.reshape(j, 1, 1, 40, 33), 3, 2, 40, 33)
    z = b.matmul(i, j)
    # From the right, so that each of the right operands is used for several of the left ones.
    again = b.matmul(b.permute(j, 0, 1, 3, 2), b.permute(i, 0, 1, 3, 2))
    b.g.outputs = [z, again]
    program, found = b.run()
    assert planned
    want = _wide(x) @ _wide(y)
    _close(found[0], want, 40)
    _close(found[1], want.transpose(0, 1, 3, 2), 40)


@needs_products
@pytest.mark.parametrize(("m", "k", "n"), [(65, 100, 47), (200, 2100, 130)])
def test_epilogue(m: int, k: int, n: int, planned: list[int]) -> None:
    """A bias and an activation, each rounded, in one step with the product."""
    b = B()
    x, y, bias = _data(m, k), _data(k, n), _data(n)
    z = b.matmul(b.cast(_input(b, x), float32), b.cast(_input(b, y), float32))
    wide = b.op("add", z, b.broadcast(b.cast(_input(b, bias), float32), (m, n)))
    b.g.outputs = [b.cast(b.op("relu", wide), bfloat16)]
    program, (found,) = b.run()
    assert planned
    assert [name for _, name, _ in program.kernels] == ["pack", "matmul"]
    want = np.maximum(_wide(x) @ _wide(y) + _wide(bias), 0)
    _close(found, want, k)


@needs_products
def test_same_bits_for_any_number_of_threads(threads: None) -> None:
    for m, k, n in [(300, 200, 170), (64, 784, 128), (200, 2100, 130)]:
        b = B()
        z = b.matmul(
            b.cast(_input(b, _data(m, k)), float32), b.cast(_input(b, _data(k, n)), float32)
        )
        b.g.outputs = [z, b.cast(z, bfloat16)]
        program, first = b.run()
        for count in (1, 2, 4, 4):
            cpu.set_num_threads(count)
            for x, y in zip(first, b.run(program)[1], strict=True):
                np.testing.assert_array_equal(x.view(np.uint8), y.view(np.uint8))


@needs_products
def test_inf_and_nan_stay_in_their_rows_and_columns(planned: list[int]) -> None:
    """Also at the edges, where tiles hold more than the operands."""
    m, k, n = 37, 45, 39
    x, y = _data(m, k), _data(k, n)
    x[3, 44], x[36, 0], y[5, 38], y[44, 20] = np.inf, np.nan, np.nan, -np.inf
    for flip in (False, True):
        b = B()
        i = b.permute(_input(b, x.T), 1, 0) if flip else _input(b, x)
        j = b.permute(_input(b, y.T), 1, 0) if flip else _input(b, y)
        b.g.outputs = [b.matmul(b.cast(i, float32), b.cast(j, float32))]
        program, (found,) = b.run()
        assert planned
        with np.errstate(invalid="ignore"):
            want = _wide(x) @ _wide(y)
        _close(found, want, k)


@needs_products
def test_denormals_count_as_zero(planned: list[int]) -> None:
    """As the instruction has it; PyTorch's products with it do the same."""
    b = B()
    tiny, one = np.full((32, 64), 2.0**-130), np.ones((64, 32))
    i, j = (_input(b, a.astype(bfloat16.np)) for a in (tiny, one))
    b.g.outputs = [b.matmul(b.cast(i, float32), b.cast(j, float32))]
    program, (found,) = b.run()
    assert planned
    assert not found.any()


@pytest.mark.parametrize(("m", "k", "n"), [(0, 40, 40), (40, 0, 40), (40, 40, 0)])
def test_nothing_to_multiply(m: int, k: int, n: int) -> None:
    b = B()
    i, j = _input(b, _data(m, k)), _input(b, _data(k, n))
    b.g.outputs = [b.cast(b.matmul(b.cast(i, float32), b.cast(j, float32)), bfloat16)]
    _, (found,) = b.run()
    assert found.shape == (m, n)
    assert not _wide(found).any()


def _product() -> tuple[B, np.ndarray]:
    b = B()
    x, y = _data(64, 96), _data(96, 64)
    z = b.matmul(b.cast(_input(b, x), float32), b.cast(_input(b, y), float32))
    b.g.outputs = [z]
    return b, _wide(x) @ _wide(y)


@pytest.mark.parametrize("offered", [False, True])
def test_without_tiles(monkeypatch: pytest.MonkeyPatch, offered: bool) -> None:
    """A processor that has none uses vectors, a process that is refused them those of float32."""
    monkeypatch.setattr(amx, "offered", lambda: offered)
    monkeypatch.setattr(amx, "permitted", lambda: False)
    monkeypatch.setattr(amx, "refused", lambda: offered)
    b, want = _product()
    program, (found,) = b.run()
    _close(found, want, 96)
    assert not in_tiles(program)


@pytest.mark.skipif(not amx.offered(), reason="no matrix tiles that a process could be refused")
def test_what_a_refused_process_keeps_is_for_such(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("FACULA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(kept.config, "disk_cache", True)
    monkeypatch.setattr(code, "_loaded", {})
    name = code.digest("a product of bfloat16 without tiles")
    b, want = _product()
    with monkeypatch.context() as m:
        m.setattr(amx, "permitted", lambda: False)
        m.setattr(amx, "refused", lambda: True)
        kept.keep(compile_graph(b.g), name)
        again = kept.load(name, lambda: b.g)
        assert again is not None
        _close(b.run(again)[1][0], want, 96)
    monkeypatch.setattr(amx, "permitted", lambda: True)
    assert kept.load(name, lambda: b.g) is None


@needs_tiles
def test_a_kept_program_asks_for_the_permission(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object, planned: list[int]
) -> None:
    monkeypatch.setenv("FACULA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(kept.config, "disk_cache", True)
    monkeypatch.setattr(code, "_loaded", {})
    b, want = _product()
    program = compile_graph(b.g)
    assert planned
    name = code.digest("a product of bfloat16")
    kept.keep(program, name)
    again = kept.load(name, lambda: b.g)
    assert again is not None
    _close(b.run(again)[1][0], want, 96)
    monkeypatch.setattr(amx, "permitted", lambda: False)
    assert kept.load(name, lambda: b.g) is None


@needs_products
def test_short_sums_are_left_to_vectors() -> None:
    assert products.worthwhile(64, 64, 64)
    assert not products.worthwhile(64, 64, 4)
    assert not products.worthwhile(0, 64, 64)


_SCRIPT = """
import os, zlib
import facula
facula.set_num_threads(2)
facula.manual_seed(0)
a, b = (facula.randn(n, 320).bfloat16() for n in (300, 200))
def product():
    for _ in range(3):
        found = (a @ b.T).float().numpy().tobytes()
    return found
# Threads of the pool run already when the first product asks for the permission.
wide = a.float()
for _ in range(3):
    (wide * 2).sum().item()
first = product()
child = os.fork()
if not child:
    os._exit(product() != first)
assert os.waitpid(child, 0)[1] == 0
print(zlib.crc32(first))
"""


@needs_products
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_other_processes(tmp_path: object) -> None:
    """One that compiles, one that finds the program on disk, and what each forks."""
    environment = {**os.environ, "FACULA_CACHE_DIR": str(tmp_path), "FACULA_DISK_CACHE": "1"}
    command = [sys.executable, "-W", "ignore", "-c", _SCRIPT]
    found = {
        subprocess.run(command, env=environment, check=True, capture_output=True).stdout
        for _ in range(2)
    }
    assert len(found) == 1


@pytest.mark.parametrize("activation", [False, True])
def test_linear_and_its_gradients(activation: bool) -> None:
    """Within what is allowed for bfloat16, of the same in float64."""
    facula.manual_seed(0)
    x, w, bias, g = (
        facula.randn(*shape).to(bfloat16) for shape in ((65, 100), (47, 100), (47,), (65, 47))
    )

    def run(dtype: facula.dtype) -> list[np.ndarray]:
        leaves = [v.to(dtype).clone().requires_grad_() for v in (x, w, bias)]
        y = facula.nn.functional.linear(*leaves)
        if activation:
            y = y.tanh()
        y.backward(g.to(dtype))
        return [v.detach().double().numpy() for v in (y, *(leaf.grad for leaf in leaves))]

    want = run(facula.float64)
    for _ in range(3):  # at first sight, and compiled
        for found, exact in zip(run(bfloat16), want, strict=True):
            scale = np.abs(exact).max()
            np.testing.assert_allclose(found, exact, rtol=1.6e-2, atol=1.6e-2 * scale)
