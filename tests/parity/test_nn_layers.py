"""Layers have PyTorch's text, initial values, results and errors of construction."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

LAYERS = [
    ("Identity", (1,), {"a": 2}),
    ("Linear", (3, 4), {}),
    ("Linear", (3, 4), {"bias": False}),
    ("Bilinear", (2, 3, 4), {}),
    ("Bilinear", (2, 3, 4), {"bias": False}),
    ("Flatten", (), {}),
    ("Flatten", (0, 1), {}),
    ("Unflatten", (1, (2, 3)), {}),
    ("Embedding", (5, 3), {}),
    ("Embedding", (5, 3), {"padding_idx": -1, "max_norm": 1.0, "norm_type": 1.0}),
    ("Embedding", (5, 3), {"scale_grad_by_freq": True, "sparse": True}),
    ("LayerNorm", (4,), {}),
    ("LayerNorm", ([2, 3],), {"bias": False}),
    ("LayerNorm", ((2, 3),), {"elementwise_affine": False, "eps": 1e-3}),
    *[(f"Dropout{d}", (), {}) for d in ("", "1d", "2d", "3d")],
    ("AlphaDropout", (0.2,), {}),
    ("FeatureAlphaDropout", (0.2, True), {}),
    *[(name, (), {}) for name in ("ReLU", "ReLU6", "SELU", "SiLU", "Mish", "Sigmoid", "Tanh")],
    *[(name, (), {"inplace": True}) for name in ("ReLU", "ReLU6", "SELU", "SiLU", "Mish")],
    *[(name, (), {}) for name in ("Hardsigmoid", "Hardswish", "Hardtanh", "LogSigmoid")],
    *[(name, (True,), {}) for name in ("Hardsigmoid", "Hardswish")],
    *[(name, (), {}) for name in ("Softsign", "Tanhshrink", "Softmax2d", "Softplus", "GLU")],
    *[(name, (0.25,), {}) for name in ("Hardshrink", "Softshrink", "LeakyReLU", "ELU", "CELU")],
    *[(name, (0.25, True), {}) for name in ("LeakyReLU", "ELU", "CELU")],
    ("Hardtanh", (-2.0, 3.0, True), {}),
    ("Threshold", (0.1, 20), {}),
    ("Threshold", (0.1, 20, True), {}),
    ("RReLU", (), {}),
    ("RReLU", (0.1, 0.2, True), {}),
    ("PReLU", (), {}),
    ("PReLU", (3, 0.5), {}),
    ("GELU", (), {}),
    ("GELU", ("tanh",), {}),
    ("Softplus", (2.0, 10.0), {}),
    *[(name, (1,), {}) for name in ("Softmax", "LogSoftmax", "Softmin", "GLU")],
    ("Softmax", (), {}),
    *[
        (name, (), {})
        for name in (
            "L1Loss", "MSELoss", "SmoothL1Loss", "HuberLoss", "CrossEntropyLoss", "NLLLoss",
            "BCELoss", "BCEWithLogitsLoss", "KLDivLoss", "PoissonNLLLoss", "GaussianNLLLoss",
            "HingeEmbeddingLoss", "MarginRankingLoss", "CosineEmbeddingLoss", "MultiMarginLoss",
            "MultiLabelMarginLoss", "MultiLabelSoftMarginLoss", "SoftMarginLoss",
            "TripletMarginLoss", "TripletMarginWithDistanceLoss", "CosineSimilarity",
            "PairwiseDistance",
        )
    ],
]  # fmt: skip


def _summary(t, name, args, options):
    layer = getattr(t.nn, name)(*args, **options)
    public = {
        k: v for k, v in sorted(vars(layer).items())
        if not k.startswith("_") and isinstance(v, (int, float, str, tuple))
    }  # fmt: skip
    state = {k: (v.dtype, v.shape, v) for k, v in layer.state_dict().items()}
    return layer, public, state, t.rand(2)


@pytest.mark.parametrize(("name", "args", "options"), LAYERS)
def test_text_attributes_and_initial_values(name, args, options, agree):
    agree(lambda t: _summary(t, name, args, options))


@pytest.mark.parametrize("name", ["Linear", "LayerNorm", "Embedding", "Bilinear"])
def test_dtype(name, agree):
    size = {"Linear": (3, 4), "LayerNorm": (3,), "Embedding": (3, 4), "Bilinear": (2, 3, 4)}[name]
    agree(lambda t: getattr(t.nn, name)(*size, dtype=t.float64, device="cpu").state_dict())


WRONG = {
    "bilinear": lambda n: n.Bilinear(0, 1, 2),
    "dropout": lambda n: n.Dropout(1.5),
    "padding": lambda n: n.Embedding(3, 2, padding_idx=3),
    "triplet": lambda n: n.TripletMarginLoss(margin=0),
    "triplet distance": lambda n: n.TripletMarginWithDistanceLoss(margin=-1),
    "multi margin": lambda n: n.MultiMarginLoss(p=3),
    "unflatten": lambda n: n.Unflatten(1, 3),
    "unflatten size": lambda n: n.Unflatten(1, (2, 1.5)),
    "unknown argument": lambda n: n.ReLU(strange=1),
    "old reduction": lambda n: n.MSELoss(size_average=False).reduction,
    "older reduction": lambda n: n.NLLLoss(reduce=False).reduction,
    "softmax2d": lambda n: n.Softmax2d()(n.Parameter()),
}


@pytest.mark.parametrize("name", WRONG)
def test_construction(name, agree):
    agree(lambda t: WRONG[name](t.nn))


ELEMENTWISE = [
    "ReLU", "ReLU6", "LeakyReLU", "ELU", "CELU", "SELU", "GELU", "SiLU", "Mish", "Sigmoid",
    "LogSigmoid", "Hardsigmoid", "Hardswish", "Hardtanh", "Hardshrink", "Softshrink",
    "Tanhshrink", "Softplus", "Softsign", "Tanh", "PReLU",
]  # fmt: skip


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_results(name):
    import torch

    import facula

    values = [[-8.0, -1.5, -0.3, 0.0], [0.2, 0.5, 2.5, 30.0]]
    results = []
    for t in (facula, torch):
        x = t.tensor(values, requires_grad=True)
        y = getattr(t.nn, name)()(x)
        y.sum().backward()
        results.append((y.tolist(), x.grad.tolist()))
    for ours, theirs in zip(*results, strict=True):
        for row, expected in zip(ours, theirs, strict=True):
            assert row == pytest.approx(expected, rel=1e-5, abs=1e-6)


def _close(t, make):
    t.manual_seed(0)
    x = t.linspace(0.05, 0.95, 12).reshape(3, 4)
    x.requires_grad_(True)
    loss = make(t, x)
    loss.backward()
    return [loss.item(), *x.grad.flatten().tolist()]


LOSSES = {
    "L1Loss": lambda t, x: t.nn.L1Loss()(x, x.detach().flip(0)),
    "MSELoss": lambda t, x: t.nn.MSELoss(reduction="sum")(x, x.detach().flip(0)),
    "SmoothL1Loss": lambda t, x: t.nn.SmoothL1Loss(beta=0.3)(x, x.detach().flip(0)),
    "HuberLoss": lambda t, x: t.nn.HuberLoss(delta=0.4)(x, x.detach().flip(0)),
    "CrossEntropyLoss": lambda t, x: t.nn.CrossEntropyLoss(
        weight=t.tensor([1.0, 2.0, 3.0, 4.0]), label_smoothing=0.1, ignore_index=2
    )(x, t.tensor([3, 2, 0])),
    "NLLLoss": lambda t, x: t.nn.NLLLoss()(x.log(), t.tensor([3, 2, 0])),
    "BCELoss": lambda t, x: t.nn.BCELoss()(x, (x.detach() > 0.4).float()),
    "BCEWithLogitsLoss": lambda t, x: t.nn.BCEWithLogitsLoss(
        pos_weight=t.tensor([1.0, 2.0, 3.0, 4.0])
    )(x, (x.detach() > 0.4).float()),
    "KLDivLoss": lambda t, x: t.nn.KLDivLoss(reduction="batchmean")(x.log(), x.detach().flip(0)),
    "PoissonNLLLoss": lambda t, x: t.nn.PoissonNLLLoss(full=True)(x, x.detach().flip(0) * 3),
    "GaussianNLLLoss": lambda t, x: t.nn.GaussianNLLLoss()(x, x.detach().flip(0), t.ones(3, 4)),
    "SoftMarginLoss": lambda t, x: t.nn.SoftMarginLoss()(x, (x.detach() > 0.4) * 2.0 - 1),
    "HingeEmbeddingLoss": lambda t, x: t.nn.HingeEmbeddingLoss()(x, (x.detach() > 0.4) * 2.0 - 1),
    "MultiMarginLoss": lambda t, x: t.nn.MultiMarginLoss()(x, t.tensor([3, 2, 0])),
    "MultiLabelSoftMarginLoss": lambda t, x: t.nn.MultiLabelSoftMarginLoss()(
        x, (x.detach() > 0.4).float()
    ),
    "TripletMarginLoss": lambda t, x: t.nn.TripletMarginLoss()(
        x, x.detach().flip(0), x.detach().flip(1)
    ),
    "CosineEmbeddingLoss": lambda t, x: t.nn.CosineEmbeddingLoss()(
        x, x.detach().flip(1), t.tensor([1.0, -1.0, 1.0])
    ),
    "MarginRankingLoss": lambda t, x: t.nn.MarginRankingLoss(margin=0.2)(
        x, x.detach().flip(1), (x.detach() > 0.4) * 2.0 - 1
    ),
    "CosineSimilarity": lambda t, x: t.nn.CosineSimilarity()(x, x.detach().flip(1)).sum(),
    "PairwiseDistance": lambda t, x: t.nn.PairwiseDistance()(x, x.detach().flip(1)).sum(),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name):
    import torch

    import facula

    ours, theirs = _close(facula, LOSSES[name]), _close(torch, LOSSES[name])
    assert ours == pytest.approx(theirs, rel=2e-5, abs=1e-6)
