"""F.scaled_dot_product_attention: its kernels against the formula, masks, threads, memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import facula
from facula.autograd import gradcheck, gradgradcheck
from facula.compiler import executable
from facula.nn import functional as F
from facula.runtime import cpu


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """The number of threads is put back."""
    before = cpu.get_num_threads()
    yield
    cpu.set_num_threads(before)


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The programs that are made."""
    made: list[Any] = []
    original = executable.Program.__init__

    def init(self: Any, *rest: Any) -> None:
        original(self, *rest)
        made.append(self)

    monkeypatch.setattr(executable.Program, "__init__", init)
    return made


def _kinds(made: list[Any]) -> list[str]:
    return [kind for program in made for _, kind, _ in program.kernels]


def _compiled(call: Callable[[], Any]) -> Any:
    """What a call gives when its path was seen before, and is compiled."""
    for _ in range(2):
        call()
    return call()


def _formula(
    q: np.ndarray, k: np.ndarray, v: np.ndarray, g: np.ndarray, mask: Any, causal: bool
) -> list[np.ndarray]:
    """Result and gradients in float64."""
    q, k, v, g = (x.astype(np.float64) for x in (q, k, v, g))
    times = q.shape[1] // k.shape[1]
    wide_k, wide_v = np.repeat(k, times, 1), np.repeat(v, times, 1)
    scale = 1 / np.sqrt(q.shape[-1])
    s = q @ wide_k.swapaxes(-1, -2) * scale
    if causal:
        s = np.where(np.tri(*s.shape[-2:], dtype=bool), s, -np.inf)
    elif mask is not None:
        s = np.where(mask, s, -np.inf) if mask.dtype == bool else s + mask
    top = s.max(-1, keepdims=True)
    p = np.exp(s - np.where(np.isinf(top), 0, top))
    total = p.sum(-1, keepdims=True)
    p = p / np.where(total == 0, 1, total)
    ds = g @ wide_v.swapaxes(-1, -2)
    ds = p * (ds - (ds * p).sum(-1, keepdims=True)) * scale

    def grouped(x: np.ndarray) -> np.ndarray:
        return x.reshape(x.shape[0], -1, times, *x.shape[2:]).sum(2)

    by_key, by_value = ds.swapaxes(-1, -2) @ q, p.swapaxes(-1, -2) @ g
    return [p @ wide_v, ds @ wide_k, grouped(by_key), grouped(by_value)]


def _operands(
    r: np.random.Generator, q: tuple[int, ...], k: tuple[int, ...], depth: int, dtype: str
) -> list[np.ndarray]:
    """query, key, value and the gradient of the result."""
    shapes = (q, k, (*k[:3], depth), (*q[:3], depth))
    return [r.standard_normal(s).astype(dtype) for s in shapes]


def _run(operands: list[np.ndarray], mask: Any, causal: bool, swap: bool = False) -> list[Any]:
    """Result and gradients of compiled code; `swap`: operands are views of [batch, length, heads,
    width].
    """
    return list(_compiled(lambda: _once(operands, mask, causal, swap)))


def _once(operands: list[np.ndarray], mask: Any, causal: bool, swap: bool) -> list[Any]:

    def laid(x: np.ndarray) -> Any:
        t = facula.tensor(np.ascontiguousarray(x.swapaxes(1, 2)) if swap else x)
        return t.requires_grad_()

    def seen(t: Any) -> Any:
        return t.transpose(1, 2) if swap else t

    *leaves, _ = q, k, v, g = [laid(x) for x in operands]
    m = None if mask is None else facula.tensor(mask)
    out = F.scaled_dot_product_attention(
        seen(q), seen(k), seen(v), m, is_causal=causal, enable_gqa=q.shape != k.shape
    )
    out = seen(out)
    out.backward(g.detach())
    return [seen(x).detach().numpy() for x in (out, *(x.grad for x in leaves))]


SHAPES = [
    ((1, 1, 1, 1), (1, 1, 1, 1), 1),
    ((2, 3, 5, 4), (2, 3, 7, 4), 3),
    ((1, 2, 64, 32), (1, 2, 64, 32), 32),
    ((2, 2, 130, 16), (2, 2, 130, 16), 64),
    ((1, 4, 33, 40), (1, 2, 200, 40), 17),
    ((1, 6, 200, 7), (1, 1, 65, 7), 50),
    ((1, 1, 3, 300), (1, 1, 90, 300), 20),
]


CASES = [(case, "float32") for case in SHAPES] + [(SHAPES[k], "float64") for k in (1, 4, 5)]


@pytest.mark.thin(10)
@pytest.mark.parametrize(("case", "dtype"), CASES, ids=str)
@pytest.mark.parametrize("kind", ("none", "causal", "bool", "number", "row", "column"))
def test_formula(case: Any, kind: str, dtype: str, programs: list[Any]) -> None:
    q, k, depth = case
    r = np.random.default_rng([*q, *k, depth])
    operands = _operands(r, q, k, depth, dtype)
    full = (*q[:3], k[2])
    if kind == "column" and full == (1, q[1], q[2], 1):
        pytest.skip("the mask of numbers has this shape: the programs are made already")
    mask = {
        "bool": r.random(full[2:]) < 0.6,
        "number": r.standard_normal(full).astype(dtype),
        "row": r.random((q[0], 1, 1, k[2])) < 0.6,
        "column": (r.standard_normal((1, q[1], q[2], 1))).astype(dtype),
    }.get(kind)
    want = _formula(*operands, mask, kind == "causal")
    tolerance = 2e-5 if dtype == "float32" else 1e-12
    for swap in (False, True):
        for got, expected in zip(_run(operands, mask, kind == "causal", swap), want, strict=True):
            assert got.dtype == dtype
            np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)
    kinds = _kinds(programs)
    few = q[2] <= 8 and 4 * q[2] <= k[2]  # queries, for which there is no kernel
    assert ("attention" in kinds) is ("attention backward" in kinds) is not few
    assert "host" not in kinds


def test_parts_of_one_qkv_product_are_read_where_they_lie(programs: list[Any]) -> None:
    """Heads beside each other, as a linear layer leaves and wants them, are not copied."""
    qkv = facula.randn(2, 70, 3 * 24)

    def call() -> Any:
        q, k, v = (x.view(2, 70, 3, 8).transpose(1, 2) for x in qkv.split(24, dim=2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return y.transpose(1, 2).contiguous().view(2, 70, 24)

    out = _compiled(lambda: call().numpy())
    assert _kinds(programs) == ["attention"]
    x = qkv.numpy().reshape(2, 70, 3, 3, 8).transpose(2, 0, 3, 1, 4)
    want = _formula(*x, x[0], None, True)[0].swapaxes(1, 2).reshape(2, 70, 24)
    np.testing.assert_allclose(out, want, rtol=1e-5, atol=1e-6)


def test_query_that_sees_nothing() -> None:
    """It gives 0, and so does its gradient; the others are as without it."""
    r = np.random.default_rng(0)
    operands = _operands(r, (1, 2, 4, 8), (1, 2, 80, 8), 8, "float32")
    seen = np.ones((4, 80), bool)
    seen[1] = False
    seen[2, :70] = False
    added = np.where(seen, 0, -np.inf).astype("f")
    for mask in (seen, added):
        got = _run(operands, mask, False)
        assert not got[0][:, :, 1].any() and not got[1][:, :, 1].any()
        for a, b in zip(got, _formula(*operands, mask, False), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_masked_with_the_least_number() -> None:
    """A query whose keys all have the least finite number added sees them all alike."""
    operands = _operands(np.random.default_rng(0), (1, 1, 3, 8), (1, 1, 5, 8), 8, "float32")
    mask = np.zeros((3, 5), "f")
    mask[1] = np.finfo("f").min
    got = _run(operands, mask, False)
    np.testing.assert_allclose(got[0][0, 0, 1], operands[2][0, 0].mean(0), rtol=1e-5)
    np.testing.assert_allclose(got[3], _formula(*operands, mask * 0, False)[3], atol=1.0)
    even = np.where(mask < 0, 0, 1)[:, :1]
    moved = [operands[0] * even.astype("f"), *operands[1:]]
    np.testing.assert_allclose(got[3], _formula(*moved, mask * 0, False)[3], rtol=1e-5, atol=1e-5)


def test_not_a_number() -> None:
    """A NaN in a query is that query's alone; one in a key is everybody's who sees it."""
    q, k, v, _ = _operands(np.random.default_rng(0), (1, 1, 70, 8), (1, 1, 70, 8), 8, "float32")
    q[0, 0, 2, 3] = k[0, 0, 60, 0] = np.nan
    tensors = [facula.tensor(x) for x in (q, k, v)]
    out = _compiled(lambda: F.scaled_dot_product_attention(*tensors, is_causal=True).numpy())[0, 0]
    bad = np.isnan(out).all(1)
    assert bad.tolist() == np.isnan(out).any(1).tolist()
    assert bad.tolist() == [i == 2 or i >= 60 for i in range(70)]


@pytest.mark.thin(6)
@pytest.mark.parametrize("kind", ("none", "causal", "bool", "number"))
def test_gradcheck(kind: str) -> None:
    r = np.random.default_rng(7)
    q, k, v, _ = (facula.tensor(x).requires_grad_()
                  for x in _operands(r, (1, 2, 3, 2), (1, 1, 4, 2), 3, "float64"))  # fmt: skip
    seen = r.random((3, 4)) < 0.6
    seen[1] = False
    masks = {"bool": seen, "number": np.where(seen, r.standard_normal((3, 4)), -np.inf)}
    mask = facula.tensor(masks[kind]) if kind in masks else None

    def call(q: Any, k: Any, v: Any) -> Any:
        return F.scaled_dot_product_attention(
            q, k, v, mask, is_causal=kind == "causal", enable_gqa=True, scale=0.9
        )

    assert gradcheck(call, (q, k, v))
    assert gradgradcheck(call, (q, k, v))


def test_gradient_of_the_mask() -> None:
    """A mask that learns is added by the composed formula."""
    r = np.random.default_rng(3)
    q, k, v, _ = (facula.tensor(x).requires_grad_()
                  for x in _operands(r, (1, 2, 3, 2), (1, 2, 4, 2), 3, "float64"))  # fmt: skip
    mask = facula.tensor(r.standard_normal((2, 3, 4))).requires_grad_()
    assert gradcheck(lambda *x: F.scaled_dot_product_attention(*x), (q, k, v, mask))


@pytest.mark.parametrize("rank", (2, 3, 5))
def test_ranks(rank: int) -> None:
    r = np.random.default_rng(rank)
    lead = (2, 3, 2)[: rank - 2]
    q, k, v = (r.standard_normal((*lead, n, 4)).astype("f") for n in (5, 6, 6))
    mask = r.random((*lead[:1], *(1,) * len(lead[1:]), 5, 6)) < 0.7
    given = [facula.tensor(x) for x in (q, k, v, mask)]
    out = _compiled(lambda: F.scaled_dot_product_attention(*given).numpy())
    flat = [x.reshape(-1, 1, *x.shape[-2:]) for x in (q, k, v)]
    full = np.broadcast_to(mask, (*lead, 5, 6)).reshape(-1, 1, 5, 6)
    want = _formula(*flat, flat[0][..., :4], full, False)[0].reshape(out.shape)
    np.testing.assert_allclose(out, want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(2, 3, 150, 20), (1, 1, 400, 16)], ids=str)
def test_threads_change_no_bit(shape: Any) -> None:
    operands = _operands(np.random.default_rng(1), shape, shape, shape[-1], "float32")
    results = []
    for n in (1, 2, 4, 1):
        cpu.set_num_threads(n)
        results.append([x.tobytes() for x in _run(operands, None, True)])
    assert all(r == results[0] for r in results)


def test_memory_grows_with_the_length(programs: list[Any]) -> None:
    """Not with its square: between the steps nothing of the size of the scores is kept."""
    arenas = []
    for length in (1024, 2048):
        operands = _operands(np.random.default_rng(0), (1, 1, length, 8), (1, 1, length, 8), 8,
                             "float32")  # fmt: skip
        programs.clear()
        _run(operands, None, True)
        arenas.append(sum(p._arena for p in programs))
    assert arenas[1] <= 2.5 * arenas[0] and arenas[1] < 2048 * 2048


def test_dropout_draws_what_it_drew() -> None:
    """With dropout the weights are drawn as `dropout` draws them."""
    q, k, v, _ = (facula.tensor(x)
                  for x in _operands(np.random.default_rng(0), (1, 2, 6, 4), (1, 2, 6, 4), 4,
                                     "float32"))  # fmt: skip
    facula.manual_seed(3)
    got = F.scaled_dot_product_attention(q, k, v, dropout_p=0.4).numpy()
    facula.manual_seed(3)
    weights = F.dropout((q @ k.transpose(-1, -2) / 2).softmax(-1), 0.4)
    np.testing.assert_allclose(got, (weights @ v).numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("queries", [1, 3, 8])
@pytest.mark.parametrize("kind", ["plain", "bool", "added", "grouped"])
def test_few_queries_give_what_they_give_among_many(queries: int, kind: str) -> None:
    """With few queries there is no kernel for attention, but products and a softmax."""
    r = np.random.default_rng(queries)
    heads = 2 if kind == "grouped" else 4

    def tensor(*shape: int) -> facula.Tensor:
        return facula.tensor(r.standard_normal(shape).astype("f"), requires_grad=True)

    q, k, v = tensor(2, 4, 40, 16), tensor(2, heads, 50, 16), tensor(2, heads, 50, 24)
    masks = {"bool": r.random((40, 50)) < 0.7, "added": r.standard_normal((40, 50)).astype("f")}
    mask = facula.tensor(masks[kind]) if kind in masks else None
    seen = []
    for some in (False, True):
        for _ in range(3):
            few = q[:, :, :queries] if some else q
            part = mask[:queries] if mask is not None and some else mask
            out = F.scaled_dot_product_attention(few, k, v, part, enable_gqa=kind == "grouped")
            out = out[:, :, :queries]
            found = facula.autograd.grad(out.square().sum(), (q, k, v))
        seen.append([out.detach().numpy(), *(g.numpy() for g in found)])
    for a, b in zip(*seen, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
