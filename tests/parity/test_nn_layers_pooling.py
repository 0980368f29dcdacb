"""Pooling has PyTorch's text, results, places, gradients of both orders and errors."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
_helpers = runpy.run_path(str(Path(__file__).with_name("layers.py")))
check, random = _helpers["check"], _helpers["random"]

LAYERS = [
    (1, "MaxPool1d", (2,), {}),
    (1, "MaxPool1d", (3, 2), {"padding": 1, "ceil_mode": True}),
    (2, "MaxPool2d", (2,), {}),
    (2, "MaxPool2d", (3, 2, 1), {}),
    (2, "MaxPool2d", ((2, 3), (1, 2), (1, 1)), {"dilation": (2, 1)}),
    (2, "MaxPool2d", (3, 2), {"ceil_mode": True, "return_indices": True}),
    (3, "MaxPool3d", (2,), {}),
    (1, "AvgPool1d", (3,), {"stride": 2, "padding": 1}),
    (2, "AvgPool2d", (2,), {}),
    (2, "AvgPool2d", (3, 2, 1), {"count_include_pad": False}),
    (2, "AvgPool2d", (3, 2, 1), {"ceil_mode": True}),
    (2, "AvgPool2d", ((3, 2), (1, 2)), {"divisor_override": 3}),
    (3, "AvgPool3d", (2,), {"stride": 1}),
    (1, "AdaptiveAvgPool1d", (4,), {}),
    (2, "AdaptiveAvgPool2d", (1,), {}),
    (2, "AdaptiveAvgPool2d", ((3, None),), {}),
    (2, "AdaptiveAvgPool2d", ((4, 3),), {}),
    (3, "AdaptiveAvgPool3d", (2,), {}),
    (1, "AdaptiveMaxPool1d", (3,), {}),
    (2, "AdaptiveMaxPool2d", (4,), {"return_indices": True}),
    (2, "AdaptiveMaxPool2d", (3,), {}),
    (3, "AdaptiveMaxPool3d", ((2, 3, 2),), {}),
    (1, "LPPool1d", (2, 3), {}),
    (2, "LPPool2d", (2, (2, 3)), {"ceil_mode": True}),
    (3, "LPPool3d", (3, 2), {}),
]
SHAPES = {1: (2, 3, 9), 2: (2, 3, 9, 8), 3: (2, 2, 5, 4, 6)}


@pytest.mark.thin(2)
@pytest.mark.parametrize(("axes", "name", "args", "options"), LAYERS)
def test_layer(axes, name, args, options):
    make = lambda t: getattr(t.nn, name)(*args, **options)  # noqa: E731
    x = np.abs(random(*SHAPES[axes])) if name.startswith("LP") else random(*SHAPES[axes])
    check(make, [x])
    check(make, [x[0]], rounds=1)


@pytest.mark.parametrize("values", ["ties", "nan", "infinite", "integers"])
def test_places(values, agree):
    """The first of equal elements, the last NaN; what is all minus infinity has a place too."""
    x = np.round(random(1, 2, 6, 6))
    if values == "nan":
        x[0, 0, 1, 2] = x[0, 0, 2, 1] = np.nan
    if values == "infinite":
        x[0, 1] = -np.inf

    def scenario(t):
        data = t.tensor(x.tolist(), dtype=t.int64 if values == "integers" else t.float32)
        F = t.nn.functional
        return [
            [r.tolist() for _ in range(3) for r in F.max_pool2d(data, *args, return_indices=True)]
            for args in ((2,), (3, 1, 1), (3, 2, 1, 1, True), ((2, 3), 2, 1, 2))
        ]

    agree(scenario)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_unpool(axes):
    def call(t, layer, x):
        F = t.nn.functional
        values, places = getattr(F, f"max_pool{axes}d")(x, 2, return_indices=True)
        return layer(values, places)

    x = random(*(2, 3, 8, 6, 4)[: 2 + axes])
    check(lambda t: getattr(t.nn, f"MaxUnpool{axes}d")(2), [x], call=call)


ERRORS = {
    "rank": lambda t, F, f, x: f(x[0, 0], 2),
    "padding": lambda t, F, f, x: f(x, 2, padding=2),
    "negative": lambda t, F, f, x: f(x, 2, padding=-1),
    "kernel": lambda t, F, f, x: f(x, 7),
    "stride": lambda t, F, f, x: f(x, 2, stride=0),
    "kernels": lambda t, F, f, x: f(x, (2, 2, 2)),
    "strides": lambda t, F, f, x: f(x, 2, (1, 1, 1)),
    "paddings": lambda t, F, f, x: f(x, 2, 1, (1, 1, 1)),
    "zero": lambda t, F, f, x: f(x, 0),
    "empty": lambda t, F, f, x: f(x[:, :, :0], 2),
    "no batch": lambda t, F, f, x: f(x[:0], 2).shape,
    "dilation": lambda t, F, f, x: F.max_pool2d(x, 2, dilation=0),
    "dilations": lambda t, F, f, x: F.max_pool2d(x, 2, dilation=(1, 1, 1)),
    "divisor": lambda t, F, f, x: F.avg_pool2d(x, 2, divisor_override=0),
    "1d": lambda t, F, f, x: F.max_pool1d(x, 2),
    "1d padding": lambda t, F, f, x: F.max_pool1d(x[0], 2, padding=2),
    "1d size": lambda t, F, f, x: F.max_pool1d(x[0], 7),
    "1d average": lambda t, F, f, x: F.avg_pool1d(x, 2),
    "1d average size": lambda t, F, f, x: F.avg_pool1d(x[0], 7),
    "3d": lambda t, F, f, x: F.max_pool3d(x, 7),
    "3d average": lambda t, F, f, x: F.avg_pool3d(x, 7),
    "adaptive rank": lambda t, F, f, x: F.adaptive_avg_pool2d(x[0, 0], 2),
    "adaptive empty": lambda t, F, f, x: F.adaptive_max_pool2d(x[:, :, :0], 2),
    "adaptive size": lambda t, F, f, x: F.adaptive_avg_pool2d(x, -1),
    "adaptive sizes": lambda t, F, f, x: F.adaptive_avg_pool2d(x, (1, 2, 3, 4)),
    "adaptive integers": lambda t, F, f, x: F.adaptive_avg_pool2d(x.long(), 2),
    "unpool": lambda t, F, f, x: F.max_unpool2d(
        *F.max_pool2d(x, 2, return_indices=True), 2, output_size=(9, 9)
    ),
}


@pytest.mark.parametrize("kind", ["max", "avg"])
@pytest.mark.parametrize("name", ERRORS)
def test_errors(name, kind, agree):
    def scenario(t):
        F = t.nn.functional
        return ERRORS[name](t, F, getattr(F, f"{kind}_pool2d"), t.ones(2, 3, 6, 6))

    agree(scenario)
