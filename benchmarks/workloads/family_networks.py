"""Whole networks of many kinds, small, with their losses and optimizers: one training step each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .families import Unit, add

_ADAM = 1e-3


def _network(name: str) -> Callable[[Callable[[Any], Unit]], Callable[[Any], Unit]]:
    def note(build: Callable[[Any], Unit]) -> Callable[[Any], Unit]:
        add("networks", name, build)
        return build

    return note


def _steps(
    t: Any, module: Any, loss: Callable[[], Any], opt: Any = None, clip: float | None = None
) -> Unit:
    """A step of Adam, or of another optimizer, on what `loss` returns."""
    if opt is None:
        opt = t.optim.Adam(module.parameters(), lr=_ADAM)

    def unit() -> float:
        opt.zero_grad()
        value = loss()
        value.backward()
        if clip is not None:
            t.nn.utils.clip_grad_norm_(module.parameters(), clip)
        opt.step()
        return float(value.item())

    return unit


def _block(
    t: Any, i: int, o: int, kernel: int = 3, stride: int = 1, groups: int = 1, act: Any = None
) -> Any:
    """Convolution, batch norm, activation."""
    nn = t.nn
    conv = nn.Conv2d(i, o, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(o), (act or nn.ReLU)())


def _head(t: Any, channels: int, classes: int = 10) -> list[Any]:
    return [t.nn.AdaptiveAvgPool2d(1), t.nn.Flatten(), t.nn.Linear(channels, classes)]


def _classes(t: Any, net: Any, *shape: int, **options: Any) -> Unit:
    """Steps on random images (or series) of ten classes."""
    x, y = t.randn(*shape), t.randint(0, 10, shape[:1])
    return _steps(t, net, lambda: t.nn.functional.cross_entropy(net(x), y), **options)


# ---------------------------------------------------------------- images
@_network("U-Net 64x64")
def _unet(t: Any) -> Unit:
    nn, F = t.nn, t.nn.functional

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()

            def two(i: int, o: int) -> Any:
                return nn.Sequential(_block(t, i, o), _block(t, o, o))

            self.d1, self.d2, self.d3 = two(3, 16), two(16, 32), two(32, 64)
            self.u2, self.c2 = nn.ConvTranspose2d(64, 32, 2, 2), two(64, 32)
            self.u1, self.c1 = nn.ConvTranspose2d(32, 16, 2, 2), two(32, 16)
            self.out = nn.Conv2d(16, 1, 1)

        def forward(self, x: Any) -> Any:
            a = self.d1(x)
            b = self.d2(F.max_pool2d(a, 2))
            y = self.d3(F.max_pool2d(b, 2))
            y = self.c2(t.cat([self.u2(y), b], 1))
            return self.out(self.c1(t.cat([self.u1(y), a], 1)))

    net, x, y = Net(), t.randn(4, 3, 64, 64), (t.rand(4, 1, 64, 64) > 0.5).float()
    return _steps(t, net, lambda: F.binary_cross_entropy_with_logits(net(x), y))


@_network("MobileNetV3-like 64x64")
def _mobile(t: Any) -> Unit:
    nn = t.nn

    class Inverted(nn.Module):
        def __init__(self, i: int, o: int, stride: int) -> None:
            super().__init__()
            h = 4 * i
            self.same = i == o and stride == 1
            self.wide = nn.Sequential(
                _block(t, i, h, 1, act=nn.Hardswish), _block(t, h, h, 3, stride, h, nn.Hardswish)
            )
            squeeze = [nn.AdaptiveAvgPool2d(1), nn.Conv2d(h, h // 4, 1), nn.ReLU()]
            self.gate = nn.Sequential(*squeeze, nn.Conv2d(h // 4, h, 1), nn.Hardsigmoid())
            self.narrow = nn.Sequential(nn.Conv2d(h, o, 1, bias=False), nn.BatchNorm2d(o))

        def forward(self, x: Any) -> Any:
            y = self.wide(x)
            y = self.narrow(y * self.gate(y))
            return x + y if self.same else y

    blocks = [Inverted(16, 24, 2), Inverted(24, 24, 1), Inverted(24, 40, 2), Inverted(40, 40, 1)]
    net = nn.Sequential(_block(t, 3, 16, 3, 2, act=nn.Hardswish), *blocks, *_head(t, 40))
    return _classes(t, net, 16, 3, 64, 64)


@_network("ConvNeXt-like 64x64")
def _convnext(t: Any) -> Unit:
    nn = t.nn

    class Block(nn.Module):
        def __init__(self, c: int) -> None:
            super().__init__()
            self.depth, self.norm = nn.Conv2d(c, c, 7, 1, 3, groups=c), nn.LayerNorm(c)
            self.wide, self.narrow = nn.Linear(c, 4 * c), nn.Linear(4 * c, c)
            self.scale = nn.Parameter(0.1 * t.ones(c))

        def forward(self, x: Any) -> Any:
            y = self.norm(self.depth(x).permute(0, 2, 3, 1))
            y = self.narrow(nn.functional.gelu(self.wide(y))) * self.scale
            return x + y.permute(0, 3, 1, 2)

    first, second = nn.Conv2d(3, 40, 4, 4), nn.Conv2d(40, 80, 2, 2)
    net = nn.Sequential(first, Block(40), Block(40), second, Block(80), Block(80), *_head(t, 80))
    return _classes(t, net, 8, 3, 64, 64)


@_network("DenseNet-like 32x32")
def _dense(t: Any) -> Unit:
    nn = t.nn

    class Block(nn.Module):
        def __init__(self, i: int) -> None:
            super().__init__()
            self.layers = nn.ModuleList(
                nn.Sequential(nn.BatchNorm2d(c), nn.ReLU(), nn.Conv2d(c, 12, 3, 1, 1, bias=False))
                for c in range(i, i + 48, 12)
            )

        def forward(self, x: Any) -> Any:
            for layer in self.layers:
                x = t.cat([x, layer(x)], 1)
            return x

    between = [nn.Conv2d(64, 32, 1), nn.AvgPool2d(2)]
    net = nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1), Block(16), *between, Block(32), *_head(t, 80))
    return _classes(t, net, 16, 3, 32, 32)


@_network("ShuffleNet-like 48x48")
def _shuffle(t: Any) -> Unit:
    nn = t.nn

    class Block(nn.Module):
        def __init__(self, c: int) -> None:
            super().__init__()
            h = c // 2
            depth = [nn.Conv2d(h, h, 3, 1, 1, groups=h, bias=False), nn.BatchNorm2d(h)]
            self.part = nn.Sequential(_block(t, h, h, 1), *depth, _block(t, h, h, 1))

        def forward(self, x: Any) -> Any:
            a, b = x.chunk(2, 1)
            y = t.cat([a, self.part(b)], 1)
            n, c, h, w = y.shape
            return y.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)

    first, second = _block(t, 3, 24, 3, 2), _block(t, 24, 48, 3, 2)
    net = nn.Sequential(first, Block(24), Block(24), second, Block(48), Block(48), *_head(t, 48))
    return _classes(t, net, 16, 3, 48, 48)


@_network("vision transformer 32x32")
def _vit(t: Any) -> Unit:
    nn = t.nn

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patch = nn.Conv2d(3, 96, 4, 4)
            self.cls = nn.Parameter(t.zeros(1, 1, 96))
            self.place = nn.Parameter(t.randn(1, 65, 96) * 0.02)
            layer = nn.TransformerEncoderLayer(
                96, 4, 192, 0.0, "gelu", batch_first=True, norm_first=True
            )
            self.body = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
            self.out = nn.Linear(96, 10)

        def forward(self, x: Any) -> Any:
            x = self.patch(x).flatten(2).transpose(1, 2)
            x = t.cat([self.cls.expand(len(x), -1, -1), x], 1) + self.place
            return self.out(self.body(x)[:, 0])

    net = Net()
    return _classes(t, net, 16, 3, 32, 32, clip=1.0)


@_network("denoising diffusion 28x28")
def _diffusion(t: Any) -> Unit:
    nn, F = t.nn, t.nn.functional

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.time = nn.Sequential(nn.Linear(32, 64), nn.SiLU(), nn.Linear(64, 32))
            self.a, self.n1 = nn.Conv2d(1, 32, 3, 1, 1), nn.GroupNorm(8, 32)
            self.b, self.n2 = nn.Conv2d(32, 32, 3, 1, 1), nn.GroupNorm(8, 32)
            self.c = nn.Conv2d(32, 1, 3, 1, 1)
            self.rates = t.exp(-9.21 * t.arange(16) / 16)

        def forward(self, x: Any, k: Any) -> Any:
            e = k.float()[:, None] * self.rates
            e = self.time(t.cat([e.sin(), e.cos()], 1))[:, :, None, None]
            x = self.b(F.silu(self.n1(self.a(x)))) + e
            return self.c(F.silu(self.n2(x)))

    net, x = Net(), t.randn(16, 1, 28, 28)
    kept = t.cumprod(1 - t.linspace(1e-4, 0.02, 100), 0)

    def loss() -> Any:
        k, noise = t.randint(0, 100, (16,)), t.randn_like(x)
        a = kept[k][:, None, None, None]
        return F.mse_loss(net(a.sqrt() * x + (1 - a).sqrt() * noise, k), noise)

    return _steps(t, net, loss)


@_network("VQ-VAE 28x28")
def _vqvae(t: Any) -> Unit:
    nn, F = t.nn, t.nn.functional
    down = nn.Sequential(nn.Conv2d(1, 16, 4, 2, 1), nn.ReLU(), nn.Conv2d(16, 16, 4, 2, 1))
    up = nn.Sequential(
        nn.ConvTranspose2d(16, 16, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(16, 1, 4, 2, 1)
    )
    codes, x = nn.Embedding(64, 16), t.rand(16, 1, 28, 28)

    def loss() -> Any:
        z = down(x).permute(0, 2, 3, 1)
        flat, w = z.reshape(-1, 16), codes.weight
        near = (flat.pow(2).sum(1, keepdim=True) - 2 * flat @ w.t() + w.pow(2).sum(1)).argmin(1)
        q = codes(near).view_as(z)
        apart = F.mse_loss(q, z.detach()) + 0.25 * F.mse_loss(z, q.detach())
        return apart + F.mse_loss(up((z + (q - z).detach()).permute(0, 3, 1, 2)), x)

    return _steps(t, nn.ModuleList([down, up, codes]), loss)


@_network("gradient penalty 28x28")
def _penalty(t: Any) -> Unit:
    nn = t.nn
    layers = [nn.Conv2d(1, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 32, 4, 2, 1)]
    net = nn.Sequential(*layers, nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(32 * 49, 1))
    a, b = t.randn(16, 1, 28, 28), t.randn(16, 1, 28, 28)

    def loss() -> Any:
        e = t.rand(16, 1, 1, 1)
        z = (e * a + (1 - e) * b).requires_grad_(True)
        (g,) = t.autograd.grad(net(z).sum(), z, create_graph=True)
        return net(b).mean() - net(a).mean() + 10 * ((g.flatten(1).norm(2, 1) - 1) ** 2).mean()

    return _steps(t, net, loss)


@_network("volumes 16x32x32")
def _volumes(t: Any) -> Unit:
    nn = t.nn
    first = [nn.Conv3d(1, 8, 3, padding=1), nn.BatchNorm3d(8), nn.ReLU(), nn.MaxPool3d(2)]
    second = [nn.Conv3d(8, 16, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool3d(1)]
    net = nn.Sequential(*first, *second, nn.Flatten(), nn.Linear(16, 10))
    return _classes(t, net, 4, 1, 16, 32, 32)


@_network("style of an image 96x96")
def _style(t: Any) -> Unit:
    nn = t.nn
    net = nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 1, 1), nn.ReLU())
    image, gram = t.randn(1, 3, 96, 96, requires_grad=True), t.randn(32, 32)

    def loss() -> Any:
        z = net(image).flatten(2)[0]
        across = (image[..., 1:] - image[..., :-1]).abs().mean()
        down = (image[..., 1:, :] - image[..., :-1, :]).abs().mean()
        return ((z @ z.t() / z.shape[1] - gram) ** 2).mean() + 1e-3 * (across + down)

    return _steps(t, net, loss, t.optim.Adam([image], lr=0.01))


# ---------------------------------------------------------------- sequences
@_network("Llama-like, 48 tokens")
def _llama(t: Any) -> Unit:
    nn, F = t.nn, t.nn.functional

    class Norm(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(t.ones(64))

        def forward(self, x: Any) -> Any:
            return x * t.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.w

    def turned(x: Any) -> Any:
        length, d = x.shape[-2:]
        angle = t.arange(length).float()[:, None] * 1e4 ** (-t.arange(0, d, 2).float() / d)
        c, s, a, b = angle.cos(), angle.sin(), x[..., ::2], x[..., 1::2]
        return t.stack([a * c - b * s, a * s + b * c], -1).flatten(-2)

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.n1, self.n2 = Norm(), Norm()
            self.q, self.kv = nn.Linear(64, 64, bias=False), nn.Linear(64, 64, bias=False)
            self.o, self.g = nn.Linear(64, 64, bias=False), nn.Linear(64, 170, bias=False)
            self.u, self.d = nn.Linear(64, 170, bias=False), nn.Linear(170, 64, bias=False)

        def forward(self, x: Any) -> Any:
            b, n, c = x.shape
            z = self.n1(x)
            q = turned(self.q(z).view(b, n, 4, 16).transpose(1, 2))
            k, v = self.kv(z).view(b, n, 2, 2, 16).permute(2, 0, 3, 1, 4)
            k, v = turned(k).repeat_interleave(2, 1), v.repeat_interleave(2, 1)
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.o(y.transpose(1, 2).reshape(b, n, c))
            z = self.n2(x)
            return x + self.d(F.silu(self.g(z)) * self.u(z))

    words, blocks, last = nn.Embedding(100, 64), nn.Sequential(Block(), Block(), Block()), Norm()
    net, x = nn.ModuleList([words, blocks, last]), t.randint(0, 100, (8, 48))

    def loss() -> Any:
        scores = last(blocks(words(x))) @ words.weight.t()
        return F.cross_entropy(scores[:, :-1].flatten(0, 1), x[:, 1:].flatten())

    return _steps(t, net, loss, t.optim.AdamW(net.parameters(), lr=_ADAM), 1.0)


@_network("masked language model")
def _masked(t: Any) -> Unit:
    nn, F = t.nn, t.nn.functional
    words, out = nn.Embedding(500, 64, padding_idx=0), nn.Linear(64, 500)
    layer = nn.TransformerEncoderLayer(64, 4, 128, 0.0, batch_first=True)
    body = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    x, lengths = t.randint(1, 500, (8, 24)), t.randint(5, 25, (8,))
    pad = t.arange(24)[None] >= lengths[:, None]
    x, y = x.masked_fill(pad, 0), x.masked_fill(pad, -100).flatten()

    def loss() -> Any:
        z = out(body(words(x), src_key_padding_mask=pad))
        return F.cross_entropy(z.flatten(0, 1), y, ignore_index=-100)

    return _steps(t, nn.ModuleList([words, body, out]), loss)


@_network("transformer decoder, dropout")
def _decoder(t: Any) -> Unit:
    nn = t.nn
    net = nn.TransformerDecoder(nn.TransformerDecoderLayer(64, 4, 128, 0.1, batch_first=True), 2)
    x, memory, y = t.randn(8, 20, 64), t.randn(8, 30, 64), t.randn(8, 20, 64)
    mask = nn.Transformer.generate_square_subsequent_mask(20)
    return _steps(t, net, lambda: nn.functional.mse_loss(net(x, memory, tgt_mask=mask), y))


@_network("GRU with attention, step by step")
def _translation(t: Any) -> Unit:
    nn = t.nn
    words, out = nn.Embedding(50, 32), nn.Linear(256, 50)
    reader = nn.GRU(32, 64, batch_first=True, bidirectional=True)
    writer = nn.GRUCell(160, 128)
    a, b = t.randint(0, 50, (8, 15)), t.randint(0, 50, (8, 12))

    def loss() -> Any:
        keys, _ = reader(words(a))
        state, given, outs = keys[:, -1], words(b), []
        for i in range(12):
            w = t.softmax((keys @ state.unsqueeze(2)).squeeze(2), 1)
            context = (w.unsqueeze(1) @ keys).squeeze(1)
            state = writer(t.cat([given[:, i], context], 1), state)
            outs.append(out(t.cat([state, context], 1)))
        return nn.functional.cross_entropy(t.stack(outs, 1).flatten(0, 1), b.flatten())

    return _steps(t, nn.ModuleList([words, reader, writer, out]), loss, clip=1.0)


@_network("language model, LSTM, tied weights")
def _tied(t: Any) -> Unit:
    nn, F = t.nn, t.nn.functional
    words, out = nn.Embedding(200, 96), nn.Linear(96, 200)
    layer = nn.LSTM(96, 96, 2, dropout=0.2, batch_first=True)
    out.weight = words.weight
    net, x = nn.ModuleList([words, layer, out]), t.randint(0, 200, (16, 36))
    state: list[Any] = [None]

    def loss() -> Any:
        y, new = layer(F.dropout(words(x), 0.2), state[0])
        state[0] = tuple(v.detach() for v in new)
        return F.cross_entropy(out(y)[:, :-1].flatten(0, 1), x[:, 1:].flatten())

    return _steps(t, net, loss, t.optim.SGD(net.parameters(), lr=1.0), 0.25)


@_network("packed sequences, two GRU layers")
def _packed(t: Any) -> Unit:
    nn, pack = t.nn, t.nn.utils.rnn.pack_padded_sequence
    layer, out = nn.GRU(16, 48, 2, batch_first=True), nn.Linear(48, 3)
    x, y = t.randn(12, 40, 16), t.randint(0, 3, (12,))
    lengths = t.tensor([40, 38, 33, 30, 28, 21, 20, 17, 12, 9, 5, 3])

    def loss() -> Any:
        _, last = layer(pack(x, lengths, batch_first=True))
        return nn.functional.cross_entropy(out(last[-1]), y)

    return _steps(t, nn.ModuleList([layer, out]), loss)


@_network("state space, a loop of 32")
def _states(t: Any) -> Unit:
    nn, F = t.nn, t.nn.functional
    wide, b, c, out = nn.Linear(16, 64), nn.Linear(64, 8), nn.Linear(64, 8), nn.Linear(64, 16)
    rate, x = nn.Parameter(t.rand(64)), t.randn(4, 32, 16)

    def loss() -> Any:
        u = F.silu(wide(x))
        into, back, h, outs = b(u), c(u), u.new_zeros(4, 64, 8), []
        kept = t.exp(-F.softplus(rate))[None, :, None]
        for k in range(32):
            h = h * kept + u[:, k, :, None] * into[:, k, None, :]
            outs.append((h * back[:, k, None, :]).sum(-1))
        return F.mse_loss(out(t.stack(outs, 1))[:, :-1], x[:, 1:])

    net = nn.ModuleList([wide, b, c, out])
    return _steps(t, net, loss, t.optim.Adam([rate, *net.parameters()], lr=_ADAM))


@_network("dilated causal convolutions")
def _causal(t: Any) -> Unit:
    nn, F = t.nn, t.nn.functional

    class Block(nn.Module):
        def __init__(self, dilation: int) -> None:
            super().__init__()
            self.both, self.out = nn.Conv1d(32, 64, 3, dilation=dilation), nn.Conv1d(32, 32, 1)
            self.pad = 2 * dilation

        def forward(self, x: Any) -> Any:
            a, b = self.both(F.pad(x, (self.pad, 0))).chunk(2, 1)
            return x + self.out(t.tanh(a) * t.sigmoid(b))

    blocks = [Block(2**i) for i in range(6)]
    net, x = nn.Sequential(nn.Conv1d(1, 32, 1), *blocks, nn.Conv1d(32, 1, 1)), t.randn(8, 1, 512)
    return _steps(t, net, lambda: F.mse_loss(net(x)[..., :-1], x[..., 1:]))


@_network("convolutions into an LSTM")
def _lines(t: Any) -> Unit:
    nn = t.nn
    first = [nn.Conv2d(1, 16, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2)]
    eyes = nn.Sequential(*first, nn.Conv2d(16, 32, 3, 1, 1), nn.ReLU(), nn.MaxPool2d((2, 1)))
    layer, out = nn.LSTM(256, 48, bidirectional=True, batch_first=True), nn.Linear(96, 11)
    x, y = t.randn(8, 1, 32, 64), t.randint(0, 11, (256,))

    def loss() -> Any:
        z, _ = layer(eyes(x).permute(0, 3, 1, 2).flatten(2))
        return nn.functional.cross_entropy(out(z).flatten(0, 1), y)

    return _steps(t, nn.ModuleList([eyes, layer, out]), loss)


# ---------------------------------------------------------------- graphs, points, tables
@_network("graph convolution, 8,000 edges")
def _graph(t: Any) -> Unit:
    nn, F = t.nn, t.nn.functional
    a, b, x = nn.Linear(32, 64), nn.Linear(64, 7), t.randn(2000, 32)
    source, target = t.randint(0, 2000, (8000,)), t.randint(0, 2000, (8000,))
    y = t.randint(0, 7, (2000,))

    def spread(h: Any) -> Any:
        return t.zeros(2000, h.shape[1]).index_add(0, target, h[source])

    def loss() -> Any:
        return F.cross_entropy(spread(b(F.relu(spread(a(x))))), y)

    return _steps(t, nn.ModuleList([a, b]), loss)


@_network("graph attention, 200 nodes")
def _graph_attention(t: Any) -> Unit:
    nn, F = t.nn, t.nn.functional
    w, a = nn.Linear(16, 32, bias=False), nn.Linear(64, 1, bias=False)
    out, x, y = nn.Linear(32, 4), t.randn(200, 16), t.randint(0, 4, (200,))
    joined = (t.rand(200, 200) < 0.05) | t.eye(200, dtype=t.bool)

    def loss() -> Any:
        h = w(x)
        scores = (h @ a.weight[0, :32])[:, None] + (h @ a.weight[0, 32:])[None]
        scores = F.leaky_relu(scores, 0.2).masked_fill(~joined, float("-inf"))
        return F.cross_entropy(out(F.elu(t.softmax(scores, 1) @ h)), y)

    return _steps(t, nn.ModuleList([w, a, out]), loss)


@_network("points in space, 8x512")
def _points(t: Any) -> Unit:
    nn = t.nn
    first = [nn.Conv1d(3, 64, 1), nn.BatchNorm1d(64), nn.ReLU()]
    each = nn.Sequential(*first, nn.Conv1d(64, 128, 1), nn.BatchNorm1d(128), nn.ReLU())
    out, x, y = nn.Linear(128, 10), t.randn(8, 3, 512), t.randint(0, 10, (8,))

    def loss() -> Any:
        return nn.functional.cross_entropy(out(t.max(each(x), 2)[0]), y)

    return _steps(t, nn.ModuleList([each, out]), loss)


@_network("matrix factorisation")
def _factors(t: Any) -> Unit:
    users, items = t.nn.Embedding(1000, 32), t.nn.Embedding(1700, 32)
    a, b, r = t.randint(0, 1000, (1024,)), t.randint(0, 1700, (1024,)), t.rand(1024) * 5

    def loss() -> Any:
        return t.nn.functional.mse_loss((users(a) * items(b)).sum(1), r)

    return _steps(t, t.nn.ModuleList([users, items]), loss)


@_network("mixture of experts")
def _experts(t: Any) -> Unit:
    nn = t.nn
    gate, x, y = nn.Linear(32, 4), t.randn(128, 32), t.randn(128, 32)
    experts = nn.ModuleList(
        nn.Sequential(nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 32)) for _ in range(4)
    )

    def loss() -> Any:
        w, chosen = gate(x).softmax(-1).topk(2)
        out = t.zeros_like(x)
        for k, expert in enumerate(experts):
            out = out + (w * (chosen == k)).sum(1, keepdim=True) * expert(x)
        return nn.functional.mse_loss(out, y)

    return _steps(t, nn.ModuleList([gate, experts]), loss)


@_network("contrastive pairs")
def _pairs(t: Any) -> Unit:
    nn, F = t.nn, t.nn.functional
    layers = [nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 64)]
    net, a, b = nn.Sequential(*layers), t.randn(128, 64), t.randn(128, 64)
    y = t.cat([t.arange(128, 256), t.arange(128)])

    def loss() -> Any:
        z = F.normalize(net(t.cat([a, b])), dim=1)
        scores = (z @ z.t() / 0.5).masked_fill(t.eye(256, dtype=t.bool), -1e9)
        return F.cross_entropy(scores, y)

    return _steps(t, net, loss)


# ---------------------------------------------------------------- control and physics
@_network("deep Q learning")
def _q_learning(t: Any) -> Unit:
    nn = t.nn

    def make() -> Any:
        layers = [nn.Linear(8, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 4)]
        return nn.Sequential(*layers)

    net, target, s, s2 = make(), make(), t.randn(64, 8), t.randn(64, 8)
    a, r, ended = t.randint(0, 4, (64, 1)), t.randn(64), (t.rand(64) > 0.9).float()

    def loss() -> Any:
        with t.no_grad():
            y = r + 0.99 * target(s2).max(1)[0] * (1 - ended)
        return nn.functional.smooth_l1_loss(net(s).gather(1, a).squeeze(1), y)

    return _steps(t, net, loss, clip=10.0)


@_network("physics-informed, two derivatives")
def _physics(t: Any) -> Unit:
    nn = t.nn
    layers = [nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1)]
    net, x = nn.Sequential(*layers), t.rand(500, 2)

    def loss() -> Any:
        p = x.clone().requires_grad_(True)
        u = net(p)
        (g,) = t.autograd.grad(u.sum(), p, create_graph=True)
        (h,) = t.autograd.grad(g[:, 0].sum(), p, create_graph=True)
        return ((g[:, 1] - 0.1 * h[:, 0] + u[:, 0] * g[:, 0]) ** 2).mean()

    return _steps(t, net, loss)


@_network("differential equation, Runge-Kutta")
def _equation(t: Any) -> Unit:
    nn = t.nn
    net = nn.Sequential(nn.Linear(2, 50), nn.Tanh(), nn.Linear(50, 2))
    start, end, h = t.randn(20, 2), t.randn(20, 2), 0.1

    def loss() -> Any:
        y = start
        for _ in range(10):
            a = net(y)
            b = net(y + h / 2 * a)
            c = net(y + h / 2 * b)
            y = y + h / 6 * (a + 2 * b + 2 * c + net(y + h * c))
        return nn.functional.mse_loss(y, end)

    return _steps(t, net, loss)


@_network("normalising flow")
def _flow(t: Any) -> Unit:
    nn, x = t.nn, t.randn(256, 8)
    nets = nn.ModuleList(
        nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 8)) for _ in range(4)
    )

    def loss() -> Any:
        z, volume = x, 0
        for net in nets:
            a, b = z.chunk(2, 1)
            u, v = net(a).chunk(2, 1)
            u = t.tanh(u)
            volume = volume + u.sum(1)
            z = t.cat([b * u.exp() + v, a], 1)
        return (z.pow(2).sum(1) / 2 - volume).mean()

    return _steps(t, nets, loss)


@_network("weights with a distribution")
def _bayes(t: Any) -> Unit:
    nn, F = t.nn, t.nn.functional
    mean, spread = nn.Parameter(t.randn(20, 1) * 0.1), nn.Parameter(t.full((20, 1), -3.0))
    x, y = t.randn(100, 20), t.randn(100, 1)

    def loss() -> Any:
        s = F.softplus(spread)
        w = mean + s * t.randn_like(s)
        apart = (s.pow(2) + mean.pow(2) - 1 - 2 * s.log()).sum() / 2
        return F.mse_loss(x @ w, y) * 50 + apart

    return _steps(t, nn.ParameterList([mean, spread]), loss)
