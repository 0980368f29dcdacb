"""Convolutions agree with PyTorch: text, initial values, results, both gradients, errors."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

pytest.importorskip("torch")
_helpers = runpy.run_path(str(Path(__file__).with_name("layers.py")))
check, random = _helpers["check"], _helpers["random"]

PLAIN = [
    (1, (3, 4, 3), {}),
    (1, (4, 6, 3), {"stride": 2, "padding": 1, "groups": 2}),
    (1, (2, 3, 2), {"padding": "same", "bias": False}),
    (2, (3, 4, 3), {}),
    (2, (3, 4, 3), {"stride": 2, "padding": 1, "bias": False}),
    (2, (4, 8, (3, 2)), {"stride": (1, 2), "padding": (2, 0), "dilation": (1, 2), "groups": 4}),
    (2, (3, 2, 1), {}),
    (2, (2, 3, (2, 4)), {"padding": "same", "dilation": (2, 1)}),
    (2, (2, 3, 3), {"padding": "valid"}),
    (2, (2, 3, 3), {"padding": 2, "padding_mode": "reflect"}),
    (2, (2, 3, 3), {"padding": (1, 2), "padding_mode": "replicate"}),
    (2, (2, 3, 3), {"padding": 1, "padding_mode": "circular", "stride": 2}),
    (3, (2, 3, 2), {"stride": (1, 2, 1), "padding": 1}),
    (3, (4, 4, (1, 3, 2)), {"groups": 2}),
    # a kernel that covers its input, and one of which a part lies beyond it
    (2, (2, 4, (7, 8)), {"groups": 2}),
    (2, (2, 3, (4, 5)), {"stride": 9, "padding": (1, 2), "dilation": 2}),
]
TRANSPOSED = [
    (1, (3, 4, 3), {"stride": 2, "padding": 1, "output_padding": 1}),
    (2, (3, 4, 4), {"stride": 2, "padding": 1, "bias": False}),
    (2, (4, 6, 3), {"groups": 2, "dilation": 2, "output_padding": 1}),
    (2, (4, 3, 4), {}),
    (3, (2, 3, 2), {"stride": (1, 2, 1)}),
]
SHAPES = {1: (2, None, 9), 2: (2, None, 7, 8), 3: (1, None, 4, 5, 4)}


def _input(axes, channels):
    return random(*(channels if n is None else n for n in SHAPES[axes]))


@pytest.mark.thin(2)
@pytest.mark.parametrize(("axes", "args", "options"), PLAIN)
def test_convolution(axes, args, options):
    make = lambda t: getattr(t.nn, f"Conv{axes}d")(*args, **options)  # noqa: E731
    check(make, [_input(axes, args[0])])
    check(make, [_input(axes, args[0])[0]], rounds=1, second=False)


@pytest.mark.parametrize(("axes", "args", "options"), TRANSPOSED)
def test_transposed(axes, args, options):
    make = lambda t: getattr(t.nn, f"ConvTranspose{axes}d")(*args, **options)  # noqa: E731
    check(make, [_input(axes, args[0])])
    check(make, [_input(axes, args[0])[0]], rounds=1, second=False)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bias": False, "groups": 2},
        {"padding": (1, 0)},
        {"padding": 1, "stride": 2, "output_padding": 1},
        {"dilation": 2},
    ],
)
def test_transposed_from_a_single_place(options):
    make = lambda t: t.nn.ConvTranspose2d(4, 6, (4, 3), **options)  # noqa: E731
    check(make, [random(3, 4, 1, 1)])


@pytest.mark.parametrize("size", [(14, 17), (2, 4, 15, 16)])
def test_output_size(size):
    def call(t, layer, x):
        return layer(x, output_size=size)

    check(lambda t: t.nn.ConvTranspose2d(3, 4, 2, 2), [random(2, 3, 7, 8)], call=call)


def test_network_in_float32():
    def make(t):
        n = t.nn
        return n.Sequential(
            n.Conv2d(3, 8, 3, 2, 1), n.ReLU(), n.Conv2d(8, 8, 3, groups=8, padding=1), n.ReLU(),
            n.ConvTranspose2d(8, 4, 4, 2, 1), n.Tanh(), n.Flatten(), n.Linear(4 * 16 * 16, 5),
        )  # fmt: skip

    check(make, [random(4, 3, 16, 16)], dtype="float32", second=False)


ERRORS = {
    "rank": lambda t, F, x, w: F.conv2d(x[0, 0], w),
    "rank 1": lambda t, F, x, w: F.conv1d(x[0, 0, 0], w[0]),
    "channels": lambda t, F, x, w: F.conv2d(x, w[:, :2]),
    "unbatched channels": lambda t, F, x, w: F.conv2d(x[0], w[:, :2]),
    "bias": lambda t, F, x, w: F.conv2d(x, w, t.ones(3)),
    "bias dtype": lambda t, F, x, w: F.conv2d(x, w, t.ones(4).double()),
    "dtype": lambda t, F, x, w: F.conv2d(x, w.double()),
    "stride": lambda t, F, x, w: F.conv2d(x, w, stride=0),
    "padding": lambda t, F, x, w: F.conv2d(x, w, padding=-1),
    "dilation": lambda t, F, x, w: F.conv2d(x, w, dilation=0),
    "groups": lambda t, F, x, w: F.conv2d(x, w, groups=0),
    "groups divide": lambda t, F, x, w: F.conv2d(x, w, groups=3),
    "many groups": lambda t, F, x, w: F.conv2d(x, w, groups=5),
    "three strides": lambda t, F, x, w: F.conv2d(x, w, stride=(1, 1, 1)),
    "same": lambda t, F, x, w: F.conv2d(x, w, padding="same", stride=2),
    "word": lambda t, F, x, w: F.conv2d(x, w, padding="foo"),
    "large kernel": lambda t, F, x, w: F.conv2d(x, t.ones(4, 3, 7, 7)),
    "bool": lambda t, F, x, w: F.conv2d(x.bool(), w.bool()),
    "transposed channels": lambda t, F, x, w: F.conv_transpose2d(x, t.ones(2, 3, 3, 3)),
    "output padding": lambda t, F, x, w: F.conv_transpose2d(
        x, t.ones(3, 4, 3, 3), output_padding=1
    ),
    "transposed bias": lambda t, F, x, w: F.conv_transpose2d(x, t.ones(3, 4, 3, 3), t.ones(3)),
    "transposed rank": lambda t, F, x, w: F.conv_transpose2d(x[0, 0], w),
    "layer groups": lambda t, F, x, w: t.nn.Conv2d(3, 4, 3, groups=2),
    "layer no groups": lambda t, F, x, w: t.nn.Conv2d(3, 4, 3, groups=0),
    "layer outputs": lambda t, F, x, w: t.nn.Conv2d(4, 3, 3, groups=2),
    "layer same": lambda t, F, x, w: t.nn.Conv2d(3, 4, 3, padding="same", stride=2),
    "transposed mode": lambda t, F, x, w: t.nn.ConvTranspose2d(3, 4, 3, padding_mode="reflect"),
    "output size": lambda t, F, x, w: t.nn.ConvTranspose2d(3, 4, 3, 2)(x, output_size=(20, 20)),
    "output rank": lambda t, F, x, w: t.nn.ConvTranspose2d(3, 4, 3, 2)(x, output_size=(1, 2, 3)),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name, agree):
    def scenario(t):
        return ERRORS[name](t, t.nn.functional, t.ones(2, 3, 5, 5), t.ones(4, 3, 3, 3))

    agree(scenario)
