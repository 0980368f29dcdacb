"""Normalisation, padding, resizing and rearranging layers agree with PyTorch."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

pytest.importorskip("torch")
_helpers = runpy.run_path(str(Path(__file__).with_name("layers.py")))
check, random = _helpers["check"], _helpers["random"]

LAYERS = [
    ((5, 3), "BatchNorm1d", (3,), {}),
    ((5, 3, 4), "BatchNorm1d", (3,), {"affine": False}),
    ((5, 3, 2, 4), "BatchNorm2d", (3,), {"momentum": None}),
    ((5, 3, 2, 4), "BatchNorm2d", (3,), {"track_running_stats": False, "eps": 1e-2}),
    ((2, 3, 2, 4, 2), "BatchNorm3d", (3,), {"momentum": 0.4, "bias": False}),
    ((5, 3, 4), "InstanceNorm1d", (3,), {}),
    ((3, 4), "InstanceNorm1d", (3,), {"affine": True}),
    ((5, 3, 4, 2), "InstanceNorm2d", (3,), {"affine": True, "track_running_stats": True}),
    ((2, 3, 4, 2, 2), "InstanceNorm3d", (3,), {}),
    ((5, 4), "GroupNorm", (2, 4), {}),
    ((5, 4, 3), "GroupNorm", (1, 4), {"affine": False}),
    ((5, 4, 3, 2), "GroupNorm", (4, 4), {"bias": False}),
    ((5, 4), "RMSNorm", (4,), {}),
    ((5, 2, 3), "RMSNorm", ((2, 3),), {"eps": 1e-3, "elementwise_affine": False}),
    ((2, 5, 4, 3), "LocalResponseNorm", (3,), {"alpha": 0.5}),
]
MOVING = [
    *[
        ((2, 2, *(4, 5, 3)[:n]), f"{kind}Pad{n}d", (padding,), {})
        for kind in ("Reflection", "Replication", "Circular", "Zero")
        for n in (1, 2, 3)
        for padding in (1, tuple(range(2 * n)) if n == 1 else (1, 2, 0, 1, 1, 0)[: 2 * n])
    ],
    *[((2, 2, *(4, 5, 3)[:n]), f"ConstantPad{n}d", (1, 3.5), {}) for n in (1, 2, 3)],
    ((2, 8, 3, 4), "PixelShuffle", (2,), {}),
    ((2, 2, 4, 6), "PixelUnshuffle", (2,), {}),
    ((2, 6, 4), "ChannelShuffle", (3,), {}),
    ((2, 3, 5, 6), "Unfold", ((2, 3),), {"padding": 1, "stride": 2}),
    ((2, 12, 12), "Fold", ((4, 5), 2), {}),
    ((2, 3, 4, 5), "Upsample", (), {"scale_factor": 2}),
    ((2, 3, 4, 5), "Upsample", ((7, 3),), {"mode": "bilinear"}),
    ((2, 3, 4, 5), "Upsample", (), {"scale_factor": 1.6, "mode": "bicubic"}),
    ((2, 3, 4), "Upsample", (9,), {"mode": "linear", "align_corners": True}),
    ((2, 3, 4, 3, 2), "Upsample", (), {"scale_factor": (2, 1.5, 3), "mode": "trilinear"}),
    ((2, 3, 4, 5), "UpsamplingNearest2d", (6,), {}),
    ((2, 3, 4, 5), "UpsamplingBilinear2d", (), {"scale_factor": 2}),
]


@pytest.mark.thin(2)
@pytest.mark.parametrize(("shape", "name", "args", "options"), LAYERS)
@pytest.mark.parametrize("evaluate", [False, True])
def test_normalization(shape, name, args, options, evaluate):
    make = lambda t: getattr(t.nn, name)(*args, **options)  # noqa: E731
    check(make, [random(*shape)], evaluate=evaluate, second=False)
    check(make, [random(*shape)], evaluate=evaluate, rounds=1)


@pytest.mark.thin(3)
@pytest.mark.parametrize(("shape", "name", "args", "options"), MOVING)
def test_moving(shape, name, args, options):
    check(lambda t: getattr(t.nn, name)(*args, **options), [random(*shape)])


MODES = [
    ("nearest", {"size": (3, 7)}),
    ("nearest", {"scale_factor": 0.6}),
    ("nearest", {"scale_factor": 3}),
    ("nearest-exact", {"size": 7}),
    ("area", {"size": (2, 3)}),
    ("bilinear", {"scale_factor": (1.5, 0.6)}),
    ("bilinear", {"size": (2, 9), "align_corners": True}),
    ("bicubic", {"size": (3, 8)}),
    ("bicubic", {"scale_factor": 1.7, "recompute_scale_factor": True}),
    ("bilinear", {"size": (2, 3), "antialias": True}),
    ("bicubic", {"size": (3, 9), "antialias": True}),
    ("lanczos", {"size": (3, 9), "antialias": True}),
]


@pytest.mark.thin(2)
@pytest.mark.parametrize(("mode", "options"), MODES)
def test_interpolate(mode, options):
    def call(t, layer, x):
        return t.nn.functional.interpolate(x, mode=mode, **options)

    check(lambda t: t.nn.Identity(), [random(2, 3, 5, 6)], call=call)


BAGS = [
    (mode, options, two)
    for mode in ("sum", "mean", "max")
    for options in ({}, {"padding_idx": 1}, {"include_last_offset": True})
    for two in (True, False)
]


@pytest.mark.parametrize(("mode", "options", "two"), BAGS)
def test_embedding_bag(mode, options, two):
    def call(t, layer, weights):
        if two:
            ids, offsets = t.tensor([[0, 1, 1], [4, 2, 1]]), None
        else:
            ids = t.tensor([0, 1, 1, 4, 2, 1])
            offsets = t.tensor([0, 2, 2, 5, *([6] if layer.include_last_offset else [])])
        samples = weights.reshape(ids.shape) if mode == "sum" else None
        return layer(ids, offsets, samples)

    make = lambda t: t.nn.EmbeddingBag(5, 3, mode=mode, **options)  # noqa: E731
    check(make, [random(6)], call=call, second=False)


ERRORS = {
    "2d": lambda t: t.nn.BatchNorm2d(3)(t.ones(2, 3)),
    "1d": lambda t: t.nn.BatchNorm1d(3)(t.ones(2, 3, 4, 5)),
    "3d": lambda t: t.nn.BatchNorm3d(3)(t.ones(2, 3)),
    "channels": lambda t: t.nn.BatchNorm2d(3)(t.ones(2, 4, 3, 3)),
    "one value": lambda t: t.nn.BatchNorm1d(3)(t.ones(1, 3)),
    "instance rank": lambda t: t.nn.InstanceNorm2d(3)(t.ones(2, 3)),
    "instance channels": lambda t: t.nn.InstanceNorm1d(3, affine=True)(t.ones(2, 4, 5)),
    "groups": lambda t: t.nn.GroupNorm(2, 3),
    "missing": lambda t: t.nn.BatchNorm1d(3).load_state_dict({"weight": t.ones(3)}),
    "old file": lambda t: t.nn.BatchNorm1d(2, affine=False).load_state_dict(
        {"running_mean": t.ones(2), "running_var": t.ones(2)}
    ),
    "size": lambda t: t.nn.functional.interpolate(t.ones(1, 1, 2, 2)),
    "both": lambda t: t.nn.functional.interpolate(t.ones(1, 1, 2, 2), 3, 2),
    "corners": lambda t: t.nn.functional.interpolate(t.ones(1, 1, 2, 2), 3, align_corners=True),
    "mode rank": lambda t: t.nn.functional.interpolate(t.ones(1, 1, 2), 3, mode="bilinear"),
    "mode": lambda t: t.nn.functional.interpolate(t.ones(1, 1, 2, 2), 3, mode="foo"),
    "lanczos": lambda t: t.nn.functional.interpolate(t.ones(1, 1, 2, 2), 3, mode="lanczos"),
    "bag mode": lambda t: t.nn.EmbeddingBag(3, 2, mode="foo")(t.tensor([[1]])),
    "bag offsets": lambda t: t.nn.EmbeddingBag(3, 2)(t.tensor([[1]]), t.tensor([0])).shape,
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name, agree):
    def scenario(t):
        try:
            return ERRORS[name](t)
        except ValueError as error:  # the class of a tensor is spelt with its module's path
            return (
                str(error)
                .replace("torch.Tensor", "Tensor")
                .replace("facula.tensor.Tensor", "Tensor")
            )

    agree(scenario)
