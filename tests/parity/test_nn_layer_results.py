"""Layers without convolutions compute what PyTorch's do, with its random numbers."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")


def _unit(t, *shape):
    """Numbers in [0, 1), the same for every package."""
    return t.tensor(np.random.default_rng(len(shape)).random(shape).tolist())


PAIRS = (
    "L1Loss MSELoss SmoothL1Loss HuberLoss BCELoss BCEWithLogitsLoss KLDivLoss PoissonNLLLoss "
    "HingeEmbeddingLoss SoftMarginLoss MultiLabelSoftMarginLoss CosineSimilarity PairwiseDistance"
).split()
TRIPLES = (
    "GaussianNLLLoss MarginRankingLoss TripletMarginLoss TripletMarginWithDistanceLoss"
).split()
CLASSES = "CrossEntropyLoss NLLLoss MultiMarginLoss".split()
SINGLE = (
    "ReLU ReLU6 SELU SiLU Mish Sigmoid Tanh Hardsigmoid Hardswish Hardtanh LogSigmoid Softsign "
    "Softplus GLU Hardshrink LeakyReLU ELU CELU RReLU PReLU GELU Softmax "
    "LogSoftmax Softmin Dropout Dropout1d AlphaDropout"
).split()


@pytest.mark.parametrize("name", PAIRS)
def test_of_two(name, agree):
    agree(lambda t: getattr(t.nn, name)()(_unit(t, 4, 6), _unit(t, 4, 6).flip(1)))


@pytest.mark.parametrize("name", TRIPLES)
def test_of_three(name, agree):
    def scenario(t):
        x = _unit(t, 4, 6)
        return getattr(t.nn, name)()(x, x.flip(1), x.flip(0) + 0.5)

    agree(scenario)


@pytest.mark.parametrize("name", CLASSES)
def test_of_classes(name, agree):
    agree(lambda t: getattr(t.nn, name)()(_unit(t, 4, 5), t.tensor([1, 0, 3, 2])))


@pytest.mark.parametrize("name", SINGLE)
def test_of_one(name, agree):
    agree(lambda t: getattr(t.nn, name)()(_unit(t, 4, 6) - 0.5))


def _embedding(t):
    layer = t.nn.Embedding(5, 3, padding_idx=1)
    out = layer(t.tensor([[1, 2], [2, 0]]))
    out.sum().backward()
    return out, layer.weight.grad


OTHERS = [
    lambda t: t.nn.MultiLabelMarginLoss()(_unit(t, 1, 4), t.tensor([[1, 0, -1, 2]])),
    lambda t: t.nn.CosineEmbeddingLoss()(
        _unit(t, 3, 5), _unit(t, 3, 5).flip(1) - 0.5, t.tensor([1, -1, 1])
    ),
    lambda t: t.nn.Softmax2d()(_unit(t, 2, 3, 2, 2)),
    lambda t: t.nn.Dropout2d()(_unit(t, 2, 3, 2, 2)),
    lambda t: t.nn.Dropout3d()(_unit(t, 2, 3, 2, 2, 2)),
    lambda t: t.nn.FeatureAlphaDropout()(_unit(t, 4, 3, 2)),
    lambda t: t.nn.LayerNorm(5)(_unit(t, 4, 5)),
    lambda t: t.nn.Bilinear(5, 4, 3)(_unit(t, 2, 5), _unit(t, 2, 4)),
    lambda t: t.nn.Linear(5, 4)(_unit(t, 2, 5)),
    _embedding,
]


@pytest.mark.parametrize("case", range(len(OTHERS)))
def test_others(case, agree):
    agree(OTHERS[case])
