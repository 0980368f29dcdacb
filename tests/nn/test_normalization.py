"""Normalisation layers: statistics, running values and gradients."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula import nn
from facula.autograd import gradcheck, gradgradcheck


def _random(*shape):
    a = np.random.default_rng(list(shape)).normal(size=shape)
    return facula.tensor(a).requires_grad_()


LAYERS = {
    "batch": (lambda: nn.BatchNorm2d(3), (4, 3, 2, 2), (0, 2, 3)),
    "instance": (lambda: nn.InstanceNorm1d(3), (2, 3, 4), (2,)),
    "layer": (lambda: nn.LayerNorm((2, 3)), (2, 2, 3), (1, 2)),
    "group": (lambda: nn.GroupNorm(3, 3), (2, 3, 4), (2,)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_mean_and_variance(name):
    make, shape, axes = LAYERS[name]
    x = _random(*shape)
    y = make().double()(x * 3 + 5).detach().numpy()
    np.testing.assert_allclose(y.mean(axes), 0, atol=1e-10)
    np.testing.assert_allclose(y.var(axes), 1, rtol=1e-3)


@pytest.mark.thin(2)
@pytest.mark.parametrize("name", [*LAYERS, "rms", "local"])
def test_gradients(name):
    more = {
        "rms": (lambda: nn.RMSNorm(3), (2, 3)),
        "local": (lambda: nn.LocalResponseNorm(2), (2, 3, 2)),
    }
    make, shape = (LAYERS | more)[name][:2]
    layer = make().double()
    assert gradcheck(layer, (_random(*shape),))
    assert gradgradcheck(layer, (_random(*shape),))


def test_running_statistics():
    layer = nn.BatchNorm1d(2)
    x = facula.tensor([[1.0, 2.0], [3.0, 6.0]])
    for k in range(3):
        layer(x)
        share = 1 - 0.9 ** (k + 1)
        np.testing.assert_allclose(layer.running_mean.numpy(), np.array([2, 4]) * share, rtol=1e-5)
    np.testing.assert_allclose(
        layer.running_var.numpy(), 1 + (np.array([2, 8]) - 1) * share, rtol=1e-5
    )
    assert layer.num_batches_tracked.item() == 3
    layer.eval()
    before = layer.running_mean.tolist()
    layer(x)
    assert layer.running_mean.tolist() == before
    layer.reset_running_stats()
    assert layer.running_mean.tolist() == [0, 0] and layer.num_batches_tracked.item() == 0


def test_cumulative_mean():
    layer = nn.BatchNorm1d(1, momentum=None)
    for x in ([1.0, 3.0], [5.0, 7.0]):
        layer(facula.tensor(x).reshape(2, 1))
    assert layer.running_mean.tolist() == [4.0]


def test_running_values_are_saved_and_loaded():
    first, second = nn.BatchNorm2d(3), nn.BatchNorm2d(3)
    first(facula.randn(4, 3, 2, 2))
    second.load_state_dict(first.state_dict())
    assert second.running_mean.tolist() == first.running_mean.tolist()
    assert second.num_batches_tracked.item() == 1
