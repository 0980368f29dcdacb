"""Random draws, in-place forms, running statistics, warnings and errors of nn.functional are
PyTorch's.
"""

from __future__ import annotations

import warnings

import pytest

torch = pytest.importorskip("torch")


def _f(t):
    return t.nn.functional


def _ramp(t, *shape):
    return t.arange(-3.0, 3.0, 6.0 / max(1, t.empty(shape).numel()))[
        : t.empty(shape).numel()
    ].reshape(shape)


RANDOM = [
    lambda t: _f(t).dropout(t.ones(7, 5), 0.3),
    lambda t: _f(t).dropout(t.ones(7, dtype=t.float64), 0.9),
    lambda t: _f(t).dropout(t.ones(5), 1.0),
    lambda t: _f(t).dropout(t.ones(5), 0.0),
    lambda t: _f(t).dropout(t.ones(5), training=False),
    lambda t: t.dropout(t.ones(5), 0.5, True),
    lambda t: _f(t).dropout1d(t.ones(3, 4, 2)),
    lambda t: _f(t).dropout1d(t.ones(4, 2)),
    lambda t: _f(t).dropout2d(t.ones(3, 4, 2, 2), 0.4),
    lambda t: _f(t).dropout2d(t.ones(3, 4, 2), 0.4),
    lambda t: _f(t).dropout2d(t.ones(3, 4), 0.4),
    lambda t: _f(t).dropout3d(t.ones(3, 4, 1, 2, 2)),
    lambda t: _f(t).dropout3d(t.ones(4, 1, 2, 2)),
    lambda t: _f(t).alpha_dropout(t.ones(6, 5), 0.3, True),
    lambda t: _f(t).alpha_dropout(t.ones(6, 5), 0.3),
    lambda t: _f(t).alpha_dropout(t.ones(6), 1.0, True),
    lambda t: _f(t).feature_alpha_dropout(t.ones(6, 5, 2), 0.3, True),
    lambda t: t.feature_dropout(t.ones(6, 5, 2), 0.3, True),
    lambda t: _f(t).rrelu(_ramp(t, 4, 6), training=True),
    lambda t: _f(t).gumbel_softmax(_ramp(t, 4, 6)),
    lambda t: _f(t).gumbel_softmax(_ramp(t, 4, 6), tau=0.5, hard=True),
    lambda t: _f(t).gumbel_softmax(_ramp(t, 4, 6), hard=True, dim=0),
    lambda t: _f(t).scaled_dot_product_attention(
        t.ones(2, 4, 6), t.ones(2, 5, 6), t.ones(2, 5, 3), dropout_p=0.5
    ),
    lambda t: (_f(t).dropout(t.ones(3)), t.rand(3), _f(t).dropout2d(t.ones(2, 2, 1, 1)), t.rand(3)),
    lambda t: t.nn.Dropout(0.2)(t.ones(3, 4)),
    lambda t: t.nn.AlphaDropout(0.2)(t.ones(3, 4)),
    lambda t: t.nn.RReLU()(_ramp(t, 3, 4)),
]


@pytest.mark.parametrize("case", range(len(RANDOM)))
def test_random_draws(case, agree):
    agree(RANDOM[case])


def _in_place(name, *args):
    def scenario(t):
        x = _ramp(t, 3, 4).requires_grad_()
        y = x * 1
        r = getattr(_f(t), name)(y, *args)
        r.sum().backward()
        return r is y, y, x.grad, y._version

    return scenario


def _in_place_argument(name):
    def scenario(t):
        y = _ramp(t, 3, 4)
        r = getattr(_f(t), name)(y, inplace=True)
        return r is y, y

    return scenario


@pytest.mark.parametrize(
    "name", ["relu_", "elu_", "celu_", "selu_", "leaky_relu_", "hardtanh_", "rrelu_"]
)
def test_in_place_forms(name, agree):
    agree(_in_place(name))


@pytest.mark.parametrize(
    "name",
    "relu relu6 hardtanh leaky_relu elu selu celu silu mish hardsigmoid hardswish rrelu "
    "dropout".split(),
)
def test_in_place_argument(name, agree):
    agree(_in_place_argument(name))


def test_threshold_in_place(agree):
    agree(_in_place("threshold_", 0.5, 7.0))


def _batch_norm(t):
    mean, var = t.zeros(3), t.ones(3)
    x = _ramp(t, 4, 3, 2)
    outs = [_f(t).batch_norm(x * k, mean, var, training=True, momentum=0.3) for k in (1, 2, 3)]
    return outs[-1].sum() < 1e-4, mean, var, _f(t).batch_norm(x, mean, var)


def _instance_norm(t):
    mean, var = t.zeros(3), t.ones(3)
    x = _ramp(t, 4, 3, 2)
    _f(t).instance_norm(x, mean, var, momentum=0.3)
    return mean, var, _f(t).instance_norm(x, mean, var, use_input_stats=False)


def _max_norm(t):
    w = t.nn.Parameter(_ramp(t, 5, 3))
    out = _f(t).embedding(t.tensor([[0, 4], [4, 2]]), w, max_norm=1.0)
    out.sum().backward()
    return out, w, w.grad


STATE = [_batch_norm, _instance_norm, _max_norm]


@pytest.mark.parametrize("scenario", STATE)
def test_state(scenario, agree):
    agree(scenario)


VALUES = [
    lambda t: _f(t).one_hot(t.tensor([[0, 2], [1, 1]])),
    lambda t: _f(t).one_hot(t.tensor([0, 2]), 5),
    lambda t: _f(t).softmax(t.ones(2, 3), 1, dtype=t.float64),
    lambda t: _f(t).log_softmax(t.ones(2, 3), -1, dtype=t.float16),
    lambda t: t.softmax(t.arange(3), 0, dtype=t.float32),
    lambda t: _f(t).softmax(t.ones(2, 3).to(t.bfloat16), 1),
    lambda t: _f(t).softmax(t.ones(2, 0), 1),
    lambda t: _f(t).softmax(t.ones(0, 2), 1),
    lambda t: _f(t).cross_entropy(t.zeros(0, 3), t.zeros(0, dtype=t.int64)),
    lambda t: _f(t).cross_entropy(t.zeros(0, 3), t.zeros(0, dtype=t.int64), reduction="none"),
    lambda t: _f(t).cross_entropy(t.ones(2, 3), t.tensor([-100, -100])),
    lambda t: _f(t).cross_entropy(t.ones(3), t.tensor([1]), reduction="none"),
    lambda t: _f(t).nll_loss(t.ones(3), t.tensor([1]), reduction="none"),
    lambda t: _f(t).cross_entropy(t.tensor([[float("-inf"), 0.0]]), t.tensor([1])),
    lambda t: _f(t).cross_entropy(t.tensor([[float("-inf"), 0.0]]), t.tensor([0])),
    lambda t: _f(t).cross_entropy(t.tensor([[1e30, 0.0]]), t.tensor([0])),
    lambda t: _f(t).cross_entropy(t.ones(2, 3), t.ones(2, 3), size_average=False),
    lambda t: _f(t).cross_entropy(t.ones(2, 3), t.tensor([1, 2]), reduce=False),
    lambda t: _f(t).mse_loss(t.ones(2, 3), t.zeros(2, 3), reduce=False),
    lambda t: _f(t).mse_loss(t.ones(2, 3), t.zeros(2, 3), size_average=False),
    lambda t: _f(t).mse_loss(t.ones(2, 3), t.zeros(3)),
    lambda t: _f(t).binary_cross_entropy(
        t.tensor([0.0, 1.0, 0.0]), t.tensor([0.0, 0.0, 1.0]), reduction="none"
    ),
    lambda t: _f(t).smooth_l1_loss(t.ones(3), t.zeros(3), beta=0),
    lambda t: _f(t).gaussian_nll_loss(t.ones(3), t.zeros(3), 0.5),
    lambda t: _f(t).pad(t.ones(1, 1, 4, 4), (1, 1), "reflect"),
    lambda t: _f(t).pad(t.ones(3, 4), (1, 1, 1, 1), "circular"),
    lambda t: _f(t).pad(t.arange(4), (1, 1)),
    lambda t: _f(t).pad(t.tensor([True]), (1, 1)),
    lambda t: t.kl_div(t.zeros(3), t.ones(3), reduction=2),
    lambda t: t.cosine_similarity(t.ones(3), t.ones(3), 0),
    lambda t: t.layer_norm(t.ones(3, 2), (2,)),
    lambda t: t.embedding(t.ones(3, 2), t.tensor([1])),
    lambda t: t.binary_cross_entropy_with_logits(t.ones(3), t.ones(3)),
    lambda t: (
        t.selu(t.ones(2)),
        t.celu(t.ones(2)),
        t.threshold(t.ones(2), 2, 3),
        t.prelu(t.ones(2), t.ones(1)),
    ),
    lambda t: t.ones(2).softmax(0).log_softmax(-1).hardshrink(9.0),
]


@pytest.mark.parametrize("case", range(len(VALUES)))
def test_values(case, agree):
    agree(VALUES[case])


def _z(t, *shape, dtype=None):
    return t.zeros(*shape, dtype=dtype)


def _long(t, *shape):
    return t.zeros(*shape, dtype=t.int64)


ERRORS = [
    lambda t: _f(t).cross_entropy(_z(t, 2, 3), t.tensor([1, 3])).item(),
    lambda t: _f(t).cross_entropy(_z(t, 2, 3), t.tensor([1, -1])).item(),
    lambda t: _f(t).nll_loss(_z(t, 2, 3), t.tensor([1, 10])).item(),
    lambda t: _f(t).cross_entropy(_z(t, 2, 3, 2), t.tensor([[1, 3], [0, 0]])).item(),
    lambda t: _f(t).cross_entropy(_z(t, 2, 3), _long(t, 3)),
    lambda t: _f(t).cross_entropy(_z(t, 2, 3), _long(t, 2, 3)),
    lambda t: _f(t).cross_entropy(_z(t, 2, 3), _long(t, 2, 1)),
    lambda t: _f(t).cross_entropy(_z(t, 2, 3), _z(t, 2)),
    lambda t: _f(t).cross_entropy(_z(t, 2, 3), _z(t, 2, dtype=t.int32)),
    lambda t: _f(t).cross_entropy(_long(t, 2, 3), _long(t, 2)),
    lambda t: _f(t).cross_entropy(_z(t, 2, 3, 4), _long(t, 2, 5)),
    lambda t: _f(t).cross_entropy(_z(t, 2, 3, 4), _long(t, 3, 4)),
    lambda t: _f(t).cross_entropy(_z(t, 2, 3, 4, 4), _long(t, 2, 4)),
    lambda t: _f(t).cross_entropy(_z(t, 2, 3, 4, 4), _long(t, 2, 4, 5)),
    lambda t: _f(t).cross_entropy(_z(t, 3), _long(t, 2)),
    lambda t: _f(t).cross_entropy(_z(t, 2, 3), _long(t, 2), _z(t, 4)),
    lambda t: _f(t).cross_entropy(_z(t, 2, 3), _long(t, 2), t.zeros(3, dtype=t.float64)),
    lambda t: _f(t).cross_entropy(_z(t, 2, 3), _long(t, 2), reduction="avg"),
    lambda t: _f(t).cross_entropy(_z(t, 2, 3), _long(t, 2), label_smoothing=2.0),
    lambda t: _f(t).mse_loss(_z(t, 2, 3), _z(t, 2), reduction="mean"),
    lambda t: _f(t).mse_loss(_z(t, 2, 3), _z(t, 2, 3), reduction="avg"),
    lambda t: _f(t).l1_loss(_z(t, 2, 3), _z(t, 2, 3), reduction="avg"),
    lambda t: _f(t).binary_cross_entropy(_z(t, 2), _z(t, 3)),
    lambda t: _f(t).binary_cross_entropy(_z(t, 2), t.zeros(2, dtype=t.int64)),
    lambda t: _f(t).binary_cross_entropy(t.tensor([2.0]), _z(t, 1)).item(),
    lambda t: _f(t).binary_cross_entropy_with_logits(_z(t, 2), _z(t, 3)),
    lambda t: _f(t).smooth_l1_loss(_z(t, 2), _z(t, 2), beta=-1.0),
    lambda t: _f(t).huber_loss(_z(t, 2), _z(t, 2), delta=0.0),
    lambda t: _f(t).gaussian_nll_loss(_z(t, 2), _z(t, 2), _z(t, 3)),
    lambda t: _f(t).gaussian_nll_loss(_z(t, 2), _z(t, 2), t.tensor([-1.0, 1.0])),
    lambda t: _f(t).margin_ranking_loss(_z(t, 2), _z(t, 2), _z(t, 2, 1)),
    lambda t: _f(t).triplet_margin_loss(_z(t, 2), _z(t, 2), _z(t, 2), margin=-1.0),
    lambda t: _f(t).multi_margin_loss(_z(t, 2, 3), _long(t, 2), p=3),
    lambda t: _f(t).dropout(_z(t, 2), 1.5),
    lambda t: _f(t).dropout1d(_z(t, 2)),
    lambda t: _f(t).feature_alpha_dropout(_z(t, 2), 0.5, True),
    lambda t: _f(t).glu(_z(t, 3)),
    lambda t: _f(t).prelu(_z(t, 2, 3), _z(t, 2)),
    lambda t: _f(t).celu(_z(t, 2), 0.0),
    lambda t: _f(t).softshrink(_z(t, 2), -1.0),
    lambda t: _f(t).gelu(_z(t, 2), approximate="erf"),
    lambda t: _f(t).softmax(_z(t, 2), 1),
    lambda t: _f(t).softmax(_long(t, 2), 0),
    lambda t: _f(t).log_softmax(_long(t, 2, 3), 0),
    lambda t: _f(t).hardtanh(_z(t, 2), 1.0, -1.0),
    lambda t: _f(t).layer_norm(_z(t, 2, 3), (4,)),
    lambda t: _f(t).layer_norm(_z(t, 2, 3), (3,), _z(t, 2)),
    lambda t: _f(t).rms_norm(_z(t, 2, 3), (4,)),
    lambda t: _f(t).group_norm(_z(t, 2, 3, 2), 2),
    lambda t: _f(t).batch_norm(_z(t, 1, 3), None, None, training=True),
    lambda t: _f(t).batch_norm(_z(t, 2, 3), _z(t, 2), _z(t, 2)),
    lambda t: _f(t).embedding(t.tensor([5]), _z(t, 3, 2)).sum().item(),
    lambda t: _f(t).embedding(t.tensor([-1]), _z(t, 3, 2)).sum().item(),
    lambda t: _f(t).embedding(_z(t, 2), _z(t, 3, 2)),
    lambda t: _f(t).embedding(_long(t, 2), _z(t, 3, 2), padding_idx=4),
    lambda t: _f(t).one_hot(t.tensor([3]), 2),
    lambda t: _f(t).one_hot(t.tensor([-1])),
    lambda t: _f(t).pad(_z(t, 2, 3), (1,)),
    lambda t: _f(t).pad(_z(t, 2, 3), (1, 1), "mirror"),
    lambda t: _f(t).pad(_z(t, 3), (1, 1, 1, 1)),
    lambda t: _f(t).pixel_shuffle(_z(t, 3, 2, 2), 2),
    lambda t: _f(t).pixel_unshuffle(_z(t, 3, 3, 2), 2),
    lambda t: _f(t).pdist(_z(t, 3)),
    lambda t: _f(t).linear(_z(t, 2, 3), _z(t, 4, 5)),
    lambda t: _f(t).bilinear(_z(t, 2, 3), _z(t, 2, 3), _z(t, 4, 5, 3)),
]


@pytest.mark.parametrize("case", range(len(ERRORS)))
def test_errors(case, agree):
    agree(ERRORS[case])


def _warned(t, call):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        call(t)
    return [(w.category.__name__, str(w.message), w.filename == __file__) for w in seen]


WARNINGS = [
    lambda t: _f(t).mse_loss(_z(t, 2, 3), _z(t, 3)),
    lambda t: _f(t).l1_loss(_z(t, 2, 1), _z(t, 2)),
    lambda t: _f(t).softmax(_z(t, 2, 1)),
    lambda t: _f(t).log_softmax(_z(t, 2)),
    lambda t: _f(t).softmin(_z(t, 2, 2, 2)),
    lambda t: _f(t).kl_div(_z(t, 2), _z(t, 2)),
    lambda t: _f(t).mse_loss(_z(t, 2), _z(t, 2), size_average=True),
    lambda t: _f(t).dropout2d(_z(t, 2, 3, 4)),
    lambda t: _f(t).dropout2d(_z(t, 2, 3)),
]


@pytest.mark.parametrize("case", range(len(WARNINGS)))
def test_warnings(case):
    import facula

    want, got = (_warned(t, WARNINGS[case]) for t in (torch, facula))
    assert [w[:2] for w in got] == [w[:2] for w in want]
