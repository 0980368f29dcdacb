"""Products, convolutions and recurrent layers as tiles: every edge of theirs, against float64."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from graphs import OTHER_REGISTERS, B

import facula
from facula.compiler.contraction import left, tile
from facula.compiler.contraction.convolution_weight import Weight
from facula.compiler.contraction.patches import Axis
from facula.compiler.contraction.product import _OWN_BYTES, _ROWS_BYTES, Plan
from facula.compiler.indexing import View
from facula.dtypes import float32
from facula.nn import functional as F
from facula.ops.convolution_native import lower_forward, lower_input, lower_weight
from facula.runtime import cpu
from facula.trace.build import Builder
from facula.trace.values import meta

pytestmark = pytest.mark.usefixtures("vectors")

# For float32: what PyTorch's own tests allow against float64, times the length of the sums' root.
TOLERANCE = {"float32": 1.3e-6, "float64": 1e-12}


def data(*shape: int, dtype: str = "float32", seed: int = 0) -> np.ndarray:
    return np.random.default_rng((seed, *shape)).standard_normal(shape).astype(dtype)


def compiled(function: Callable[..., Any], *arrays: np.ndarray) -> list[np.ndarray]:
    """The results of the machine code, which the second run has."""
    results: list[np.ndarray] = []
    for _ in range(3):
        found = function(*(facula.tensor(a) for a in arrays))
        results = [x.detach().numpy().copy() for x in found]
    return results


def close(found: np.ndarray, wanted: np.ndarray, length: int) -> None:
    bound = TOLERANCE[str(found.dtype)] * max(1.0, length**0.5)
    scale = max(1.0, float(np.abs(wanted).max(initial=0.0)))
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max(initial=0.0) <= bound * scale


@pytest.mark.parametrize("rows", [43, 85, 130, 187, 260, 333, 517])
@pytest.mark.parametrize("across", [False, True])
def test_tiles_that_no_number_of_parts_divides(rows: int, across: bool) -> None:
    x, y = data(rows, 260), data(260, 100)
    given = np.ascontiguousarray(x.T) if across else x
    (found,) = compiled(lambda p, q: ((p.T if across else p) @ q,), given, y)
    close(found, x.astype("float64") @ y.astype("float64"), 260)


@pytest.mark.parametrize("tiles", range(1, 90))
@pytest.mark.parametrize("across", [False, True])
def test_parts_of_a_product(tiles: int, across: bool) -> None:
    registers = tile.registers()
    m, k, n = tiles * registers.rows, 700, 4 * registers.vectors * registers.lanes("f32")
    a = View(0, 0, (1, m) if across else (k, 1))
    plan = Plan("f32", a, View(1, 0, (n, 1)), (m, n), k, False, (False, False))
    found = -(-plan.m // plan.rows)
    downs, acrosses = plan._parts(found, m * n * k)
    assert 1 <= downs <= found
    assert 1 <= acrosses <= plan.panels
    chunks = downs * acrosses
    assert chunks == 1 or chunks % 4 == 0 or chunks >= 64 or downs == found
    if plan.copied:  # the copies of a part fit into the memory that a chunk has for them
        assert left.nbytes(plan, -(-found // downs)) <= _ROWS_BYTES


@pytest.mark.parametrize("registers", [tile.registers(), *OTHER_REGISTERS])
def test_what_threads_pack_for_themselves_has_room(
    registers: tile.Registers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tile, "registers", lambda: registers)
    r, own = np.random.default_rng(0), 0
    for _ in range(3000):
        m, k, n = (int(x) for x in 2 ** r.uniform(0, 12, 3))
        lie = r.integers(0, 2, 2)
        a = View(0, 0, (1, m) if lie[0] else (k, 1))
        b = View(1, 0, (1, k) if lie[1] else (n, 1))
        for tag, size in (("f32", 4), ("f64", 8)):
            plan = Plan(tag, a, b, (m, n), k, False, (True, True))
            if plan.own:
                own += 1
                assert plan.panels * plan.pitch * size <= _OWN_BYTES
            assert plan.shares == 1 or plan.own
    assert own > 500


@pytest.mark.thin(5)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("m", "k", "n"),
    [(4, 70, 120), (14, 33, 97), (15, 600, 16), (17, 1000, 19), (29, 257, 33), (64, 65, 64),
     (131, 300, 47), (5, 9000, 6)],
)  # fmt: skip
@pytest.mark.parametrize("transposed", ["", "a", "b", "ab"])
def test_products_at_every_edge(dtype: str, m: int, k: int, n: int, transposed: str) -> None:
    x, y = data(m, k, dtype=dtype), data(k, n, dtype=dtype)
    b = B()
    a = b.input(x) if "a" not in transposed else b.permute(b.input(x.T), 1, 0)
    c = b.input(y) if "b" not in transposed else b.permute(b.input(y.T), 1, 0)
    program = b.check(b.matmul(a, c), rtol=1e-3, atol=1e-3)
    assert {kind for _, kind, _ in program.kernels} <= {"pack", "matmul"}
    (found,) = compiled(lambda p, q: (p @ q,), x, y)
    close(found, x.astype("float64") @ y.astype("float64"), k)


@pytest.mark.parametrize(
    ("m", "k", "n", "shares"),
    [(512, 768, 128, 2), (128, 768, 512, 2), (65, 1025, 64, 2), (384, 1500, 100, 2),
     (100, 401, 70, 2), (64, 128, 300, 1), (300, 2100, 384, 1), (260, 300, 384, 1),
     (100, 200, 70, 1), (400, 1024, 512, 1), (1000, 515, 400, 1)],
)  # fmt: skip
def test_gradients_of_weights(threads: None, m: int, k: int, n: int, shares: int) -> None:
    """Both operands lie across and are made in the same program: each thread packs blocks for
    itself, and where they are near it the sum is done in two halves.
    """
    x, y = data(k, m), data(k, n)
    found = []
    for count in (1, 2, 3, 16):
        cpu.set_num_threads(count)
        b = B()
        a, c = b.op("neg", b.input(x)), b.op("neg", b.input(y))
        program = b.check(b.matmul(b.permute(a, 1, 0), c), rtol=1e-3, atol=1e-3)
        kinds = [kind for _, kind, _ in program.kernels]
        if tile.registers().width == 64:  # narrower panels are deeper
            assert ("add" in kinds) == (shares > 1) and not {"add", "pack"} <= {*kinds}
        results = compiled(lambda p, q: ((p + 1).T @ (q + 1),), x - 1, y - 1)
        found.append(results[0])
    close(found[0], x.T.astype("float64") @ y.astype("float64"), k)
    for other in found[1:]:
        assert np.array_equal(found[0], other)


def test_a_shared_matrix_and_strided_batches() -> None:
    x, w = data(3, 5, 24, 40), data(40, 33)
    heads = data(2, 24, 3, 40)
    found = compiled(
        lambda a, b, h: (
            a @ b,
            h.transpose(1, 2) @ h.permute(0, 2, 3, 1),
            a.transpose(0, 1) @ a.transpose(0, 1).transpose(2, 3),
        ),
        x, w, heads,
    )  # fmt: skip
    wide = [v.astype("float64") for v in (x, w, heads)]
    h, t = wide[2].transpose(0, 2, 1, 3), wide[0].transpose(1, 0, 2, 3)
    wanted = [wide[0] @ wide[1], h @ h.swapaxes(2, 3), t @ t.swapaxes(2, 3)]
    for a, b in zip(found, wanted, strict=True):
        close(a, b, 40)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("batch", "m", "k", "n"), [((60,), 17, 33, 19), ((5, 90), 9, 31, 16), ((2, 3, 50), 8, 16, 40)]
)
@pytest.mark.parametrize("transposed", ["", "a", "b"])
def test_many_small_products(
    dtype: str, batch: tuple[int, ...], m: int, k: int, n: int, transposed: str
) -> None:
    x, y = data(*batch, m, k, dtype=dtype), data(*batch, k, n, dtype=dtype)
    b = B()
    rank = len(batch)
    swap = (*range(rank), rank + 1, rank)
    a = b.input(x) if transposed != "a" else b.permute(b.input(x.swapaxes(-1, -2)), *swap)
    c = b.input(y) if transposed != "b" else b.permute(b.input(y.swapaxes(-1, -2)), *swap)
    program = b.check(b.matmul(a, c), rtol=1e-3, atol=1e-3)
    assert {kind for _, kind, _ in program.kernels} <= {"pack", "matmul"}
    (found,) = compiled(lambda p, q: (p @ q,), x, y)
    close(found, x.astype("float64") @ y.astype("float64"), k)


def test_axes_of_a_batch_in_any_order_and_shared() -> None:
    """Every axis of the batch has its own step in each operand, or none."""
    x, y = data(4, 16, 3, 5, 24), data(5, 4, 24, 40)
    w = data(3, 24, 40)
    found = compiled(
        lambda a, b, c: (
            a.permute(2, 3, 0, 1, 4) @ b,
            a.permute(0, 3, 2, 1, 4) @ c,
            a.permute(2, 0, 3, 1, 4) @ c[:, None, None].expand(3, 4, 5, 24, 40),
        ),
        x, y, w,
    )  # fmt: skip
    x, y, w = (v.astype("float64") for v in (x, y, w))
    wanted = [
        x.transpose(2, 3, 0, 1, 4) @ y,
        x.transpose(0, 3, 2, 1, 4) @ w,
        x.transpose(2, 0, 3, 1, 4) @ w[:, None, None],
    ]
    for a, b in zip(found, wanted, strict=True):
        close(a, b, 24)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("batch", "m", "k", "n"),
    [((), 2, 1000, 33), ((), 4, 513, 131), ((), 200, 100, 3), ((), 7, 2300, 9), ((), 18, 40, 70),
     ((5,), 13, 64, 47), ((2, 3), 8, 90, 64)],
)  # fmt: skip
def test_sums_of_few_rows_lie_side_by_side(
    dtype: str, batch: tuple[int, ...], m: int, k: int, n: int
) -> None:
    """As in a linear layer with few inputs or few outputs, with its bias and what follows."""
    x, y = data(*batch, m, k, dtype=dtype), data(*batch, n, k, dtype=dtype)
    b = B()
    rank = len(batch)
    turned = b.permute(b.input(y), *range(rank), rank + 1, rank)
    program = b.check(b.matmul(b.input(x), turned), rtol=1e-3, atol=1e-3)
    kinds = [kind for _, kind, _ in program.kernels if kind != "col"]
    assert set(kinds) == {"matmul"}
    bias, scale = data(n, dtype=dtype), data(*batch, m, n, dtype=dtype)
    found = compiled(
        lambda p, q, c, s: ((p @ q.mT + c).relu() * s, p @ q.mT),
        x, y, bias, scale,
    )  # fmt: skip
    plain = x.astype("float64") @ y.astype("float64").swapaxes(-1, -2)
    close(found[0], np.maximum(plain + bias, 0) * scale, k)
    close(found[1], plain, k)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("batch", "m", "k", "n"), [((), 20, 5000, 30), ((), 3, 20011, 50), ((2, 1), 9, 4099, 21)]
)
@pytest.mark.parametrize("transposed", ["", "a", "b"])
def test_long_sums_of_small_results(
    dtype: str, batch: tuple[int, ...], m: int, k: int, n: int, transposed: str
) -> None:
    """Sums are cut in parts, and the places that are left over are a product of their own."""
    x, y = data(*batch, m, k, dtype=dtype), data(*batch, k, n, dtype=dtype)
    b = B()
    rank = len(batch)
    swap = (*range(rank), rank + 1, rank)
    a = b.input(x) if transposed != "a" else b.permute(b.input(x.swapaxes(-1, -2)), *swap)
    c = b.input(y) if transposed != "b" else b.permute(b.input(y.swapaxes(-1, -2)), *swap)
    program = b.check(b.matmul(a, c), rtol=1e-3, atol=1e-3)
    assert max(threads for _, kind, threads in program.kernels if kind == "matmul") > 1
    (found,) = compiled(lambda p, q: (p @ q,), x, y)
    close(found, x.astype("float64") @ y.astype("float64"), k)


# images, channels, outs, groups, sizes, kernel, stride, padding, dilation
CONVOLUTIONS = [
    (2, 3, 5, 1, (19,), (4,), (1,), (2,), (1,)),
    (3, 33, 17, 1, (7, 7), (3, 3), (1, 1), (1, 1), (1, 1)),
    (1, 8, 70, 2, (33, 20), (3, 3), (1, 1), (1, 1), (1, 1)),
    (5, 4, 6, 1, (17, 23), (3, 2), (2, 3), (1, 0), (1, 2)),
    (2, 6, 6, 6, (12, 13), (5, 5), (2, 2), (2, 2), (1, 1)),
    (2, 70, 40, 1, (9, 9), (3, 3), (1, 1), (2, 0), (2, 1)),
    (4, 65, 34, 1, (4, 4), (4, 4), (1, 1), (0, 0), (1, 1)),
    (2, 3, 9, 1, (40, 40), (19, 19), (3, 1), (9, 4), (1, 1)),
    (2, 4, 6, 2, (5, 6, 7), (2, 3, 2), (2, 1, 2), (1, 0, 1), (1, 2, 1)),
    (9, 16, 32, 1, (14, 14), (1, 1), (2, 2), (0, 0), (1, 1)),
    # strides of two: several short lines, long ones, and taps that a dilation moves apart
    (16, 6, 38, 2, (8, 8), (4, 4), (2, 2), (1, 1), (1, 1)),
    (2, 5, 20, 1, (9, 71), (3, 4), (1, 2), (1, 3), (2, 3)),
    # a single place of the result: the whole input, a part of the kernel, every second number
    (5, 8, 6, 2, (4, 3), (4, 3), (1, 1), (0, 0), (1, 1)),
    (5, 8, 6, 1, (2, 3), (3, 3), (3, 3), (1, 1), (1, 1)),
    (3, 4, 20, 1, (5, 1), (3, 3), (1, 2), (0, 1), (2, 1)),
]


def _three_maps(groups: int, stride: Any, padding: Any, dilation: Any) -> Callable[..., Any]:
    def run(x: Any, w: Any, g: Any) -> Any:
        x, w = x.requires_grad_(), w.requires_grad_()
        convolve = (F.conv1d, F.conv2d, F.conv3d)[x.dim() - 3]
        y = convolve(x, w, None, stride, padding, dilation, groups)
        y.backward(g)
        return y, x.grad, w.grad

    return run


@pytest.mark.thin(5)
@pytest.mark.parametrize("case", CONVOLUTIONS, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_convolution_and_its_gradients(case: Any, dtype: str) -> None:
    images, channels, outs, groups, size, kernel, stride, padding, dilation = case
    x = data(images, channels, *size, dtype=dtype)
    w = data(outs, channels // groups, *kernel, dtype=dtype)
    run = _three_maps(groups, stride, padding, dilation)
    result = run(facula.tensor(x), facula.tensor(w), None if not size else _ones(case, dtype))[0]
    g = data(*result.shape, dtype=dtype, seed=1)
    found = compiled(run, x, w, g)
    from facula.ops import convolution as reference

    attrs = (stride, padding, dilation, groups)
    wide = [v.astype("float64") for v in (x, w, g)]
    y = reference.CONVOLUTION.rule(_metas(*wide[:2]), attrs)
    wanted = [
        reference.CONVOLUTION.reference(wide[:2], attrs, y),
        reference.CONVOLUTION_INPUT.reference([wide[2], wide[1]], (*attrs, size), _metas(wide[0])),
        reference.CONVOLUTION_WEIGHT.reference(
            [wide[0], wide[2]], (*attrs, kernel), _metas(wide[1])
        ),
    ]
    lengths = (w[0].size, outs * w[0, 0].size, g[:, 0].size)
    for a, b, n in zip(found, wanted, lengths, strict=True):
        close(a, b, n)


def test_a_single_place_is_a_product() -> None:
    """A kernel that covers its input, and a transposed convolution of 1 x 1: the three maps."""
    x, w, g = data(16, 32, 4, 4), data(24, 32, 4, 4), data(16, 24, 1, 1)
    attrs = ((2, 2), (0, 0), (1, 1), 1)
    cases = [
        (lower_forward, (x, w), attrs, np.einsum("ncij,ocij->no", x, w)[:, :, None, None]),
        (lower_input, (g, w), (*attrs, (4, 4)), np.einsum("noij,ockl->nckl", g, w)),
        (lower_weight, (x, g), (*attrs, (4, 4)), np.einsum("ncij,nokl->ocij", x, g)),
    ]
    for lower, arrays, attrs_of_op, wanted in cases:
        b = B()
        node = SimpleNamespace(meta=meta(wanted.shape, float32), attrs=attrs_of_op)
        builder = Builder()
        builder.graph = b.g
        b.g.outputs = lower(builder, [b.input(a) for a in arrays], node)
        program, found = b.run()
        assert "matmul" in {n.op for n in b.g.nodes}
        assert not any("convolution" in kind for _, kind, _ in program.kernels)
        close(found[0], wanted, 512)


@pytest.mark.parametrize("groups", [1, 2])
def test_a_weight_is_packed_from_where_it_lies(groups: int) -> None:
    """The gradient of a strided convolution's input: no kernel turns or cuts the weight before."""
    x, w = (16, 12, 16, 16), data(20, 12 // groups, 4, 4)
    g = data(16, 20, 8, 8, seed=3)
    b = B()
    attrs = ((2, 2), (1, 1), (1, 1), groups, x[2:])
    node = SimpleNamespace(meta=meta(x, float32), attrs=attrs)
    builder = Builder()
    builder.graph = b.g
    b.g.outputs = lower_input(builder, [b.input(g), b.input(w)], node)
    program, found = b.run()
    kinds = [kind for _, kind, _ in program.kernels]
    assert kinds.count("pack") == kinds.count("convolution") == 4
    assert kinds.index("pack") == (0 if groups == 1 else 1)  # groups: channels are exchanged first
    from facula.ops.convolution import CONVOLUTION_INPUT

    wanted = CONVOLUTION_INPUT.reference(
        [g.astype(float), w.astype(float)], attrs, _metas(data(*x))
    )
    close(found[0], wanted, 80)


def _metas(*arrays: np.ndarray) -> Any:
    from facula.dtypes import from_numpy_dtype
    from facula.trace.values import meta

    return tuple(meta(a.shape, from_numpy_dtype(a.dtype)) for a in arrays)


def _ones(case: Any, dtype: str) -> Any:
    images, channels, outs, _, size, kernel, stride, padding, dilation = case
    places = [
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True)
    ]
    return facula.ones(images, outs, *places, dtype=getattr(facula, dtype))


def test_partial_sums_of_a_small_weight() -> None:
    """Few channels, many positions: the positions are divided, by shapes alone."""
    axes = [Axis(64, 64, 1, 1, 1, 3)] * 2
    assert Weight("f32", 16, 3, 8, 1, axes).parts > 1
    assert Weight("f32", 16, 512, 512, 1, axes).parts == 1
    x, w = data(6, 3, 64, 64), data(8, 3, 3, 3)
    g = data(6, 8, 64, 64, seed=2)
    found = compiled(_three_maps(1, 1, 1, 1), x, w, g)[2]
    padded = np.pad(x.astype("float64"), ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))
    close(found, np.einsum("nohw,nchwyx->ocyx", g.astype("float64"), windows), g[:, 0].size)


@pytest.mark.thin(4)
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize(
    ("width", "batch", "lengths"),
    [
        (5, 3, 7), (40, 70, 3), (33, 9, (5, 5, 4, 3, 3, 1, 1, 1, 1)), (200, 5, 2), (70, 1, 4),
        (24, 2, 5), (40, 6, 4), (30, 20, 3),
    ],
)  # fmt: skip
def test_recurrent_layers(kind: str, width: int, batch: int, lengths: Any) -> None:
    """Machine code against the references in float64, both directions, lengths that differ."""
    steps = lengths if isinstance(lengths, int) else max(lengths)
    x = data(batch, steps, 6)

    def run(x: Any, dtype: Any) -> list[Any]:
        facula.manual_seed(0)
        layer = getattr(facula.nn, kind)(6, width, 2, batch_first=True, bidirectional=True)
        layer = layer.to(dtype)
        x = facula.tensor(x).to(dtype).requires_grad_()
        given = x
        if not isinstance(lengths, int):
            given = facula.nn.utils.rnn.pack_padded_sequence(x, list(lengths), batch_first=True)
        y, state = layer(given)
        y = y if isinstance(lengths, int) else y.data
        states = state if isinstance(state, tuple) else (state,)
        total = (y * y).sum() + sum((s.tanh()).sum() for s in states)
        total.backward()
        return [y, *states, x.grad, *(p.grad for p in layer.parameters())]

    wanted = [v.detach().numpy().copy() for v in run(x, facula.float64)]
    found: list[np.ndarray] = []
    for _ in range(3):
        found = [v.detach().numpy().copy() for v in run(x, facula.float32)]
    for a, b in zip(found, wanted, strict=True):
        close(a, b, 64 * steps)


def test_a_nan_stays_with_its_gate() -> None:
    """The gates of a unit share a division, but not a NaN: the cell knows nothing of the output."""
    layer = facula.nn.LSTM(3, 17)
    with facula.no_grad():
        layer.bias_ih_l0[3 * 17 + 5] = float("nan")
        for _ in range(3):
            y, (_, c) = layer(facula.tensor(data(1, 20, 3)))
            assert np.isnan(y.numpy()[0]).any(0).nonzero()[0].tolist() == [5]
            assert np.isfinite(c.numpy()).all()


def test_gates_at_the_ends_of_the_scale() -> None:
    """Large inputs saturate; small ones keep their digits."""
    layer = facula.nn.RNN(1, 1, bias=False)
    with facula.no_grad():
        layer.weight_ih_l0[:] = 1.0
        x = np.array([-3e38, -100, -9, -1e-3, -1e-30, 0, 1e-12, 0.5, 40, 3e38], "float32")
        for _ in range(3):
            y, _ = layer(facula.tensor(x).reshape(1, -1, 1))
            wanted = np.tanh(x.astype("float64"))
            np.testing.assert_allclose(y.numpy()[0, :, 0], wanted, rtol=4e-7)


@pytest.mark.parametrize("sequences", [6, 35])
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_sequences_are_divided_among_any_threads(kind: str, sequences: int, threads: None) -> None:
    """A thread takes as many sequences along as it finds: the same bits however they are cut."""

    def everything() -> list[bytes]:
        facula.manual_seed(2)
        layer = getattr(facula.nn, kind)(9, 72)
        y, _ = layer(facula.tensor(data(12, sequences, 9)))
        (y * y).sum().backward()
        return [v.detach().numpy().tobytes() for v in (y, *(p.grad for p in layer.parameters()))]

    found = []
    for _ in range(5):  # after many programs that ran once, it takes longer until one is compiled
        everything()
    for count in (1, 2, 3, 16):
        cpu.set_num_threads(count)
        everything()
        found += [everything(), everything()]
    assert all(bits == found[0] for bits in found)


def test_the_number_of_threads_changes_no_bit(threads: None) -> None:
    def everything() -> list[bytes]:
        facula.manual_seed(1)
        layer = facula.nn.LSTM(20, 48, batch_first=True)
        x, w = facula.tensor(data(8, 20, 12, 11)), facula.tensor(data(24, 20, 3, 3))
        maps = _three_maps(1, 2, 1, 1)(x, w, facula.tensor(data(8, 24, 6, 6)))
        y, _ = layer(x.detach().flatten(2).transpose(1, 2))
        product = y.flatten(0, 1).T @ y.flatten(0, 1)
        product.sum().backward()
        tall = facula.tensor(data(4099, 9))
        return [
            v.detach().numpy().tobytes()
            for v in (*maps, y, product, tall.T @ tall, *(p.grad for p in layer.parameters()))
        ]

    found = []
    for count in (1, 2, 4, 16):
        cpu.set_num_threads(count)
        everything()
        found += [everything(), everything()]
    assert all(bits == found[0] for bits in found)
