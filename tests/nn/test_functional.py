"""nn.functional without PyTorch: records against differences, errors by value, lean traces."""

from __future__ import annotations

import numpy as np
import pytest

import facula
import facula.nn.functional as F
from facula import config
from facula.autograd.gradcheck import gradcheck, gradgradcheck
from facula.ops.embedding import EMBEDDING
from facula.ops.loss import BINARY_CROSS_ENTROPY, CROSS_ENTROPY, NLL, PICK, SPREAD
from facula.ops.normalize import NORMALIZE
from facula.ops.softmax import LOG_SOFTMAX, SOFTMAX, SOFTPLUS
from facula.tensor import wrap
from facula.trace.recorder import record_many, state


def _normal(*shape, seed=0):
    return facula.tensor(np.random.default_rng(seed).normal(size=shape)).requires_grad_()


def _apply(op, attrs, *fixed):
    """A function of tensors that records `op`; `fixed` are further operands without gradients."""

    def call(*inputs):
        operands = tuple(t._v for t in (*inputs, *fixed))
        outs = tuple(wrap(v) for v in record_many(op, operands, attrs))
        return outs if len(outs) > 1 else outs[0]

    return call


TARGET = facula.tensor([1, 3, -100, 0, 2])
GRID = facula.tensor([[1, 3, -100], [0, 2, 1]])
RECORDS = {
    "softmax": (_apply(SOFTMAX, (1,)), (3, 4)),
    "softmax-first": (_apply(SOFTMAX, (0,)), (3, 4)),
    "log_softmax": (_apply(LOG_SOFTMAX, (1,)), (3, 4)),
    "softplus": (_apply(SOFTPLUS, ()), (3, 4)),
    **{
        f"cross_entropy-{r}": (_apply(CROSS_ENTROPY, (1, -100, r), TARGET), (5, 4))
        for r in ("none", "sum", "mean")
    },
    "cross_entropy-grid": (_apply(CROSS_ENTROPY, (1, 1, "mean"), GRID.clamp(0)), (2, 4, 3)),
    "nll": (_apply(NLL, (1, -100, "mean"), GRID), (2, 4, 3)),
    "pick": (_apply(PICK, (1, -100), TARGET), (5, 4)),
    "spread": (_apply(SPREAD, (1, 4, -100), TARGET), (5,)),
    "normalize": (_apply(NORMALIZE, ((1,), 1e-3, True)), (3, 4)),
    "normalize-uncentred": (_apply(NORMALIZE, ((0, 2), 0.1, False)), (3, 2, 4)),
    "embedding": (_apply(EMBEDDING, (1, False), GRID.clamp(0)), (4, 2)),
    "embedding-by-frequency": (_apply(EMBEDDING, (-1, True), GRID.clamp(0)), (4, 2)),
}
DETACHED_FROM_VALUES = {"embedding", "embedding-by-frequency"}  # gradients that are not derivatives


@pytest.mark.thin(3)
@pytest.mark.parametrize("name", RECORDS)
def test_gradients_of_records(name):
    call, shape = RECORDS[name]
    x = _normal(*shape)
    for _ in range(3):
        if name not in DETACHED_FROM_VALUES:
            assert gradcheck(call, (x,))
        assert gradgradcheck(call, (x,))


def test_gradients_of_binary_cross_entropy():
    x, y = (facula.tensor(v).requires_grad_() for v in ([0.2, 0.7, 0.5], [0.1, 1.0, 0.4]))
    call = _apply(BINARY_CROSS_ENTROPY, ())
    x, y = (t.detach().double().requires_grad_() for t in (x, y))
    assert gradcheck(call, (x, y))
    assert gradgradcheck(call, (x, y))


@pytest.mark.parametrize("name", RECORDS)
def test_compiled_like_the_reference(name):
    call, shape = RECORDS[name]
    results = []
    for _ in range(3):
        out = call(_normal(*shape))
        outs = out if isinstance(out, tuple) else (out,)
        results.append([t.detach().numpy().copy() for t in outs])
    for later in results[1:]:
        for a, b in zip(results[0], later, strict=True):
            np.testing.assert_allclose(a, b, 1e-12, 1e-14)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_narrow_floats_are_computed_in_float32(dtype):
    x = facula.tensor(np.random.default_rng(0).normal(size=(3, 50))).to(getattr(facula, dtype))
    want = F.softmax(x.float(), 1).to(x.dtype).float()
    for _ in range(3):
        assert (F.softmax(x, 1).float() == want).all()
    loss = F.cross_entropy(x, facula.tensor([1, 2, 3]))
    want = F.cross_entropy(x.float(), facula.tensor([1, 2, 3])).to(x.dtype)
    assert loss.dtype is x.dtype and loss.item() == want.item()


@pytest.mark.parametrize("bad", [4, -1, 10**12])
def test_target_out_of_range(bad):
    x = facula.zeros(3, 4, requires_grad=True)
    for _ in range(3):
        for call in (F.cross_entropy, F.nll_loss):
            with pytest.raises(IndexError, match=f"Target {bad} is out of bounds."):
                call(x, facula.tensor([0, bad, 1])).item()
    assert F.cross_entropy(x, facula.tensor([0, 1, 2])).item() == pytest.approx(np.log(4))


def test_target_out_of_range_in_backward():
    for _ in range(3):
        x = facula.zeros(3, 4, requires_grad=True)
        with pytest.raises(IndexError, match="Target 9 is out of bounds."):
            F.cross_entropy(x, facula.tensor([0, 9, 1])).backward()
            assert x.grad is not None and x.grad.tolist()


def test_row_out_of_range():
    w = facula.zeros(3, 2)
    for bad in (3, -1, 3):
        with pytest.raises(IndexError, match="index out of range in self"):
            F.embedding(facula.tensor([0, bad]), w).tolist()


@pytest.mark.parametrize("bad", [1.5, -0.25, float("nan")])
@pytest.mark.parametrize("size", [2, 40])
def test_probability_out_of_range(bad, size):
    good = facula.full((size,), 0.5)
    for value in (bad, 0.25, bad, bad):
        x = good.clone()
        x[1] = value
        if value == 0.25:
            assert F.binary_cross_entropy(x * 1.0, good).item() > 0
            continue
        with pytest.raises(RuntimeError, match="all elements of input should be between 0 and 1"):
            F.binary_cross_entropy(x * 1.0, good).item()


def test_extreme_scores():
    x = facula.tensor([[1e30, 0.0, -1e30], [-1e4, -1e4, -1e4]], requires_grad=True)
    for _ in range(3):
        x.grad = None
        loss = F.cross_entropy(x, facula.tensor([0, 2]), reduction="none")
        loss.sum().backward()
        assert loss.tolist() == pytest.approx([0.0, np.log(3)])
        assert np.isfinite(x.grad.tolist()).all()


@pytest.mark.parametrize(
    "f", [F.softplus, F.logsigmoid, F.mish, F.elu, F.selu, F.celu, F.silu, F.gelu, F.hardswish]
)
def test_finite_gradients_far_out(f):
    for _ in range(3):
        x = facula.tensor([-1e4, -90.0, 0.0, 90.0, 1e4], requires_grad=True)
        y = f(x)
        y.sum().backward()
        assert np.isfinite(y.tolist()).all() and np.isfinite(x.grad.tolist()).all()


@pytest.mark.skipif(config.eager, reason="nothing is recorded for later then")
def test_cross_entropy_is_one_call_of_the_trace():
    x, y = facula.zeros(3, 4), facula.tensor([0, 1, 2])
    F.cross_entropy(x, y).item()
    F.cross_entropy(x, y)
    path = state.tr.node.path()
    assert [n.op.name for n in path if n.op is not None] == ["cross_entropy"]


def test_running_statistics_are_written_in_place():
    mean, var = facula.zeros(2), facula.ones(2)
    alias = mean.view(2)
    x = facula.tensor([[1.0, 2.0], [3.0, 6.0]], requires_grad=True)
    F.batch_norm(x, mean, var, training=True, momentum=0.5)
    assert alias.tolist() == [1.0, 2.0]
    assert var.tolist() == [1.5, 4.5]
    assert not mean.requires_grad


def test_attention_of_a_fully_masked_row_is_zero():
    q, k = facula.ones(1, 2, 3), facula.ones(1, 2, 3)
    mask = facula.tensor([[True, False], [False, False]])
    out = F.scaled_dot_product_attention(q, k, k, mask)
    assert out.tolist() == [[[1.0] * 3, [0.0] * 3]]


def test_dropout_does_not_draw_where_nothing_is_dropped():
    facula.manual_seed(1)
    want = facula.rand(2).tolist()
    facula.manual_seed(1)
    x = facula.ones(5)
    assert F.dropout(x, 0.5, False) is x and F.dropout(x, 0.0) is x
    assert facula.rand(2).tolist() == want


def test_published_at_the_top_level_and_as_methods():
    for name in ("relu", "softmax", "log_softmax", "prelu", "hardshrink"):
        assert hasattr(facula, name) and hasattr(facula.Tensor, name)
    for name in (
        "dropout layer_norm cosine_similarity pairwise_distance cdist pdist selu celu rrelu "
        "threshold bilinear embedding batch_norm group_norm rms_norm instance_norm relu_ selu_"
    ).split():
        assert hasattr(facula, name)
