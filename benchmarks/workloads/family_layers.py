"""Families of layers: convolutions, images, attention, dense layers, products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .families import Unit, add, gradient, once, train


# ------------------------------------------------------------------------------ convolutions
def _separable(channels: int, size: int, kernel: int, stride: int) -> Callable[[Any], Unit]:
    def build(t: Any) -> Unit:
        n, c = t.nn, channels
        model = n.Sequential(
            n.Conv2d(c, c, kernel, stride, kernel // 2, groups=c, bias=False),
            n.BatchNorm2d(c),
            n.ReLU(),
            n.Conv2d(c, 2 * c, 1, bias=False),
            n.BatchNorm2d(2 * c),
            n.ReLU(),
        )
        return train(t, model, t.randn(4, c, size, size))

    return build


for _kernel in (3, 5):
    for _stride in (1, 2):
        add(
            "convolution",
            f"separable {_kernel}x{_kernel} stride {_stride}",
            _separable(32, 28, _kernel, _stride),
        )
add("convolution", "separable 3x3 96 channels 14x14", _separable(96, 14, 3, 1))


def _convolution(
    kind: str, arguments: tuple[Any, ...], shape: tuple[int, ...], options: dict[str, Any]
) -> Callable[[Any], Unit]:
    def build(t: Any) -> Unit:
        layer = getattr(t.nn, kind)(*arguments, **options)
        leaves = [t.randn(*shape, requires_grad=True), *layer.parameters()]

        def unit() -> float:
            for p in leaves:
                p.grad = None
            t.relu(layer(leaves[0])).square().mean().backward()
            return float(leaves[0].grad.flatten()[0].item())

        return unit

    return build


for _name, _kind, _arguments, _shape, _options in (
    ("depthwise alone 3x3", "Conv2d", (64, 64, 3), (4, 64, 28, 28), {"padding": 1, "groups": 64}),
    (
        "depthwise multiplier 2",
        "Conv2d",
        (32, 64, 3),
        (4, 32, 28, 28),
        {"padding": 1, "groups": 32},
    ),
    ("depthwise 7x7", "Conv2d", (48, 48, 7), (2, 48, 28, 28), {"padding": 3, "groups": 48}),
    ("grouped 4", "Conv2d", (64, 64, 3), (4, 64, 14, 14), {"padding": 1, "groups": 4}),
    ("grouped 32 of 128", "Conv2d", (128, 128, 3), (4, 128, 14, 14), {"padding": 1, "groups": 32}),
    ("dilated 2", "Conv2d", (32, 32, 3), (4, 32, 28, 28), {"padding": 2, "dilation": 2}),
    ("1x1", "Conv2d", (64, 128, 1), (4, 64, 28, 28), {}),
    ("1x1 odd", "Conv2d", (37, 53, 1), (3, 37, 19, 19), {}),
    ("3x3 odd", "Conv2d", (17, 23, 3), (3, 17, 29, 31), {"padding": 1}),
    ("3x3 same", "Conv2d", (32, 64, 3), (4, 32, 28, 28), {"padding": 1}),
    ("7x7 stride 2 of images", "Conv2d", (3, 64, 7), (2, 3, 64, 64), {"padding": 3, "stride": 2}),
    ("5x5 no padding", "Conv2d", (6, 16, 5), (32, 6, 14, 14), {}),
    ("1d long", "Conv1d", (16, 32, 9), (2, 16, 4000), {"padding": 4}),
    ("1d audio stride 5", "Conv1d", (1, 64, 10), (2, 1, 16000), {"stride": 5}),
    ("1d depthwise", "Conv1d", (64, 64, 9), (4, 64, 1000), {"padding": 4, "groups": 64}),
    ("1d dilated 8", "Conv1d", (32, 32, 3), (2, 32, 2000), {"padding": 8, "dilation": 8}),
    ("3d", "Conv3d", (8, 16, 3), (2, 8, 8, 16, 16), {"padding": 1}),
    ("transposed 4x4 stride 2", "ConvTranspose2d", (64, 32, 4, 2, 1), (4, 64, 14, 14), {}),
    ("transposed 2x2 stride 2", "ConvTranspose2d", (64, 32, 2, 2), (4, 64, 14, 14), {}),
    ("transposed 3x3", "ConvTranspose2d", (32, 32, 3, 1, 1), (4, 32, 28, 28), {}),
    ("transposed 1d", "ConvTranspose1d", (32, 16, 8, 4, 2), (2, 32, 500), {}),
):
    add("convolution", _name, _convolution(_kind, _arguments, _shape, _options))


def _cnn(t: Any) -> Any:
    n = t.nn
    return n.Sequential(
        n.Conv2d(3, 16, 3, 2, 1),
        n.BatchNorm2d(16),
        n.ReLU(),
        n.Conv2d(16, 32, 3, 1, 1),
        n.BatchNorm2d(32),
        n.ReLU(),
        n.MaxPool2d(2),
        n.Conv2d(32, 64, 3, 1, 1),
        n.ReLU(),
        n.AdaptiveAvgPool2d(1),
        n.Flatten(),
        n.Linear(64, 10),
    )


add("convolution", "CNN one image", lambda t: once(t, _cnn(t).eval(), t.randn(1, 3, 64, 64)))
add("convolution", "CNN 7 images", lambda t: once(t, _cnn(t).eval(), t.randn(7, 3, 64, 64)))
add("convolution", "CNN training", lambda t: train(t, _cnn(t), t.randn(8, 3, 32, 32)))


# ------------------------------------------------------------------------------ images
def _layer(make: Callable[[Any], Any], *shape: int) -> Callable[[Any], Unit]:
    def build(t: Any) -> Unit:
        model = make(t)
        return gradient(t, model, t.randn(*shape))

    return build


for _name, _make, _shape in (
    ("batch norm", lambda t: t.nn.BatchNorm2d(32), (8, 32, 28, 28)),
    ("batch norm of rows", lambda t: t.nn.BatchNorm1d(200), (500, 200)),
    ("group norm", lambda t: t.nn.GroupNorm(8, 32), (8, 32, 28, 28)),
    ("instance norm", lambda t: t.nn.InstanceNorm2d(32, affine=True), (8, 32, 28, 28)),
    ("layer norm 1000x77", lambda t: t.nn.LayerNorm(77), (1000, 77)),
    ("rms norm 500x300", lambda t: t.nn.RMSNorm(300), (500, 300)),
    ("max pool 2", lambda t: t.nn.MaxPool2d(2), (8, 32, 28, 28)),
    ("max pool 3 stride 2", lambda t: t.nn.MaxPool2d(3, 2, 1), (8, 32, 29, 29)),
    ("average pool 2", lambda t: t.nn.AvgPool2d(2), (8, 32, 28, 28)),
    ("average pool 3 stride 1", lambda t: t.nn.AvgPool2d(3, 1, 1), (8, 32, 28, 28)),
    ("adaptive average 7", lambda t: t.nn.AdaptiveAvgPool2d(7), (8, 32, 28, 28)),
    ("adaptive average 5 of 28", lambda t: t.nn.AdaptiveAvgPool2d(5), (8, 32, 28, 28)),
    ("adaptive max 4", lambda t: t.nn.AdaptiveMaxPool2d(4), (8, 32, 28, 28)),
    ("max pool 1d", lambda t: t.nn.MaxPool1d(4), (8, 32, 1000)),
    (
        "upsample bilinear",
        lambda t: t.nn.Upsample(scale_factor=2, mode="bilinear"),
        (4, 16, 28, 28),
    ),
    ("upsample nearest", lambda t: t.nn.Upsample(scale_factor=2), (4, 16, 28, 28)),
    ("reflection pad", lambda t: t.nn.ReflectionPad2d(3), (4, 16, 28, 28)),
    ("pixel shuffle", lambda t: t.nn.PixelShuffle(2), (4, 64, 28, 28)),
    ("unfold", lambda t: t.nn.Unfold(3, padding=1), (4, 8, 28, 28)),
    ("constant pad", lambda t: t.nn.ConstantPad2d((1, 2, 3, 4), 0.5), (8, 32, 28, 28)),
    ("crop", lambda t: t.nn.ConstantPad2d((-1, -2, -3, -4), 0.0), (8, 32, 28, 28)),
    ("power average", lambda t: t.nn.LPPool2d(2, 3, 2), (8, 16, 28, 28)),
    ("dropout", lambda t: t.nn.Dropout(0.1), (200, 512)),
    ("dropout 2d", lambda t: t.nn.Dropout2d(0.2), (8, 32, 28, 28)),
):
    add("images", _name, _layer(_make, *_shape))


# ------------------------------------------------------------------------------ attention
def _encoder(width: int, heads: int, batch: int, length: int, drop: float) -> Any:
    def build(t: Any) -> Unit:
        model = t.nn.TransformerEncoderLayer(width, heads, 4 * width, drop, batch_first=True)
        return train(t, model, t.randn(batch, length, width))

    return build


add("attention", "encoder layer dropout 0.1", _encoder(64, 4, 4, 64, 0.1))
add("attention", "encoder layer no dropout", _encoder(64, 4, 4, 64, 0.0))
add("attention", "encoder layer 256 wide", _encoder(256, 8, 2, 64, 0.1))
add("attention", "encoder layer 256 wide no dropout", _encoder(256, 8, 2, 64, 0.0))
add("attention", "encoder layer odd", _encoder(60, 3, 3, 77, 0.1))


def _attention(
    heads: int, length: int, width: int, groups: int = 0, mask: str = "", **options: Any
) -> Callable[[Any], Unit]:
    def build(t: Any) -> Unit:
        q = t.randn(2, heads, length, width)
        k, v = (t.randn(2, groups or heads, length, width) for _ in range(2))
        if mask == "bool":
            options["attn_mask"] = t.rand(length, length) < 0.9
        elif mask == "float":
            options["attn_mask"] = t.randn(length, length)
        f = t.nn.functional.scaled_dot_product_attention
        return gradient(t, lambda q, k, v: f(q, k, v, **options), q, k, v)

    return build


def _growing_text(t: Any) -> Unit:
    q, k, v = (t.randn(2, 8, n, 64) for n in (1, 512, 512))
    return once(t, t.nn.functional.scaled_dot_product_attention, q, k, v)


def _rotary(t: Any) -> Unit:
    cos, sin = t.randn(128, 32), t.randn(128, 32)

    def turned(x: Any) -> Any:
        a, b = x[..., 0::2], x[..., 1::2]
        return t.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)

    return gradient(t, turned, t.randn(4, 8, 128, 64))


add("attention", "one query of 512 keys", _growing_text)
add("attention", "rotary embedding", _rotary)
add("attention", "plain 128", _attention(8, 128, 32))
add("attention", "causal 128", _attention(8, 128, 32, is_causal=True))
add("attention", "dropout 128", _attention(8, 128, 32, dropout_p=0.1))
add("attention", "dropout 77 x 48", _attention(4, 77, 48, dropout_p=0.2))
add("attention", "mask of booleans", _attention(8, 128, 32, mask="bool"))
add("attention", "mask of floats", _attention(8, 128, 32, mask="float"))
add("attention", "grouped heads", _attention(8, 128, 32, 2, enable_gqa=True))
add("attention", "odd length 77", _attention(3, 77, 20))


def _multi_head(t: Any) -> Unit:
    model = t.nn.MultiheadAttention(64, 4, batch_first=True)
    x = t.randn(4, 50, 64, requires_grad=True)
    return gradient(t, lambda x: model(x, x, x, need_weights=False)[0], x)


add("attention", "multi-head attention", _multi_head)


# ------------------------------------------------------------------------------ dense layers
def _mlp(batch: int, widths: tuple[int, ...], kind: str = "float32") -> Callable[[Any], Unit]:
    def build(t: Any) -> Unit:
        layers: list[Any] = []
        for a, b in zip(widths, widths[1:], strict=False):
            layers += [t.nn.Linear(a, b), t.nn.Tanh()]
        kind_ = getattr(t, kind)
        model = t.nn.Sequential(*layers).to(kind_)
        return train(t, model, t.randn(batch, widths[0], dtype=kind_))

    return build


for _batch in (1, 17, 1000):
    add("dense", f"MLP 10-50-10 batch {_batch}", _mlp(_batch, (10, 50, 10)))
    add("dense", f"MLP 100-200-100 batch {_batch}", _mlp(_batch, (100, 200, 100)))
add("dense", "MLP 300-500-300 batch 1", _mlp(1, (300, 500, 300)))
add("dense", "MLP 1024-2048-10 batch 17", _mlp(17, (1024, 2048, 10)))
add("dense", "MLP 100-200-100 float64", _mlp(100, (100, 200, 100), "float64"))
add("dense", "MLP 10-50-10 float64", _mlp(1, (10, 50, 10), "float64"))


def _linear(kind: str) -> Callable[[Any], Unit]:
    def build(t: Any) -> Unit:
        d = getattr(t, kind)
        model = t.nn.Linear(256, 256).to(d)
        return once(t, lambda x: t.relu(model(x)), t.randn(64, 256).to(d))

    return build


add("dense", "linear bfloat16", _linear("bfloat16"))
add("dense", "linear float16", _linear("float16"))
add(
    "dense",
    "linear bfloat16 training",
    lambda t: train(t, t.nn.Linear(128, 128).to(t.bfloat16), t.randn(64, 128).bfloat16()),
)


def _bfloat16_product(m: int, k: int, n: int, transposed: bool) -> Callable[[Any], Unit]:
    def build(t: Any) -> Unit:
        a, b = t.randn(m, k).bfloat16(), t.randn(*((n, k) if transposed else (k, n))).bfloat16()
        return once(t, lambda a, b: a @ (b.T if transposed else b), a, b)

    return build


for _name, _a, _b in (
    ("batch of 3x3", (1000, 3, 3), (1000, 3, 3)),
    ("batch of 4x4 by vector", (1000, 4, 4), (1000, 4, 1)),
    ("vector matrix", (500,), (500, 700)),
    ("matrix vector", (700, 500), (500,)),
    ("square 500", (500, 500), (500, 500)),
    ("square 37x53", (37, 53), (53, 41)),
    ("tall 5000x20", (5000, 20), (20, 30)),
    ("wide 20x5000", (20, 5000), (5000, 30)),
    ("batch of 17x33", (60, 17, 33), (60, 33, 19)),
    ("outer", (1000, 1), (1, 1000)),
    ("dot", (100000,), (100000,)),
):
    add("products", _name, lambda t, a=_a, b=_b: once(t, t.matmul, t.randn(*a), t.randn(*b)))
    if "batch" in _name or "tall" in _name or "37" in _name:
        add(
            "products",
            f"{_name} gradient",
            lambda t, a=_a, b=_b: gradient(t, t.matmul, t.randn(*a), t.randn(*b)),
        )
for _name, _m, _k, _n in (("500", 500, 500, 500), ("37x530", 37, 530, 41), ("8x512", 8, 512, 512)):
    for _transposed in (False, True):
        add(
            "products",
            f"bfloat16 {_name}" + (" transposed" if _transposed else ""),
            _bfloat16_product(_m, _k, _n, _transposed),
        )
add("products", "float64 200", lambda t: once(t, t.matmul, *(t.randn(200, 200).double(),) * 2))
add(
    "products",
    "einsum bij,bjk->bik",
    lambda t: once(
        t, lambda a, b: t.einsum("bij,bjk->bik", a, b), t.randn(16, 30, 40), t.randn(16, 40, 50)
    ),
)
add(
    "products",
    "einsum bhqd,bkhd->bhqk",
    lambda t: once(
        t,
        lambda a, b: t.einsum("bhqd,bkhd->bhqk", a, b),
        t.randn(2, 4, 64, 32),
        t.randn(2, 64, 4, 32),
    ),
)
add(
    "products",
    "einsum i,j->ij",
    lambda t: once(t, lambda a, b: t.einsum("i,j->ij", a, b), t.randn(300), t.randn(500)),
)
add("products", "cdist", lambda t: once(t, t.cdist, t.randn(200, 30), t.randn(300, 30)))
add(
    "products",
    "solve 50",
    lambda t: once(t, t.linalg.solve, t.randn(50, 50) + 10 * t.eye(50), t.randn(50, 3)),
)
add(
    "products",
    "inverse of a batch",
    lambda t: once(t, t.linalg.inv, t.randn(30, 8, 8) + 10 * t.eye(8)),
)
