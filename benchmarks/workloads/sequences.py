"""Sequence models: a character LSTM and a GPT in several sizes."""

from __future__ import annotations

from typing import Any

from .record import Unit, Work, Workload, linear, optimizer


def _lstm(t: Any, compiled: Any) -> Unit:
    nn = t.nn

    class Characters(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(65, 64)
            self.lstm = nn.LSTM(64, 256, 2, batch_first=True)
            self.head = nn.Linear(256, 65)

        def forward(self, x: Any) -> Any:
            out, _ = self.lstm(self.embedding(x))
            return self.head(out).reshape(-1, 65)

    net = Characters()
    parameters = list(net.parameters())
    opt = t.optim.Adam(parameters, lr=1e-3)
    net, criterion = compiled(net), nn.CrossEntropyLoss()
    x, y = t.randint(0, 65, (32, 64)), t.randint(0, 65, (32 * 64,))

    def step() -> float:
        opt.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        opt.step()
        return float(loss.item())

    return step


def _lstm_work() -> Work:
    rows = 32 * 64
    flops = linear(rows, 64 + 256, 1024) + linear(rows, 512, 1024) + linear(rows, 256, 65)
    parameters = 65 * 64 + 1024 * (64 + 256 + 2) + 1024 * (512 + 2) + 257 * 65
    return Work(flops) + optimizer(parameters, 2)


class Shape:
    """The sizes of a GPT."""

    def __init__(self, context: int, layers: int, heads: int, width: int) -> None:
        self.context, self.layers, self.heads, self.width = context, layers, heads, width
        self.vocabulary = 65

    @property
    def parameters(self) -> int:
        """How many numbers it has."""
        w = self.width
        block = 4 * w + 3 * w * (w + 1) + w * (w + 1) + 4 * w * (w + 1) + w * (4 * w + 1)
        return self.layers * block + 2 * w + w * (2 * self.vocabulary + self.context)

    def flops(self, batch: int, length: int, passes: int) -> float:
        """Products of a pass over `batch` sequences; causal attention counts half."""
        w, rows = self.width, batch * length
        layer = linear(rows, w, 12 * w, passes)
        attention = 2 * 2.0 * batch * length * length * w / 2
        if passes > 1:
            attention *= 3.0
        return self.layers * (layer + attention) + linear(rows, w, self.vocabulary, passes)


def gpt(t: Any, s: Shape) -> Any:
    """A decoder with learned positions, as small teaching models have it."""
    nn, F = t.nn, t.nn.functional

    class Attention(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.qkv = nn.Linear(s.width, 3 * s.width)
            self.out = nn.Linear(s.width, s.width)

        def forward(self, x: Any) -> Any:
            batch, length, width = x.shape
            q, k, v = (
                part.view(batch, length, s.heads, width // s.heads).transpose(1, 2)
                for part in self.qkv(x).split(width, dim=2)
            )
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            return self.out(y.transpose(1, 2).contiguous().view(batch, length, width))

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(s.width), nn.LayerNorm(s.width)
            self.attention = Attention()
            self.mlp = nn.Sequential(
                nn.Linear(s.width, 4 * s.width), nn.GELU(), nn.Linear(4 * s.width, s.width)
            )

        def forward(self, x: Any) -> Any:
            x = x + self.attention(self.norm1(x))
            return x + self.mlp(self.norm2(x))

    class GPT(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.tokens = nn.Embedding(s.vocabulary, s.width)
            self.positions = nn.Embedding(s.context, s.width)
            self.blocks = nn.Sequential(*[Block() for _ in range(s.layers)])
            self.norm = nn.LayerNorm(s.width)
            self.head = nn.Linear(s.width, s.vocabulary, bias=False)

        def forward(self, x: Any) -> Any:
            h = self.tokens(x) + self.positions(t.arange(x.shape[1]))
            return self.head(self.norm(self.blocks(h)))

    return GPT()


SMALL, WIDE = Shape(64, 4, 4, 128), Shape(256, 2, 6, 384)


def _training(t: Any, compiled: Any, s: Shape, batch: int) -> Unit:
    net = gpt(t, s)
    opt = t.optim.AdamW(net.parameters(), lr=1e-3)
    net, size = compiled(net), (batch, s.context)
    x, y = t.randint(0, s.vocabulary, size), t.randint(0, s.vocabulary, size)

    def step() -> float:
        opt.zero_grad(set_to_none=True)
        logits = net(x)
        loss = t.nn.functional.cross_entropy(logits.view(-1, s.vocabulary), y.view(-1))
        loss.backward()
        opt.step()
        return float(loss.item())

    return step


def _lengths(t: Any, compiled: Any) -> Unit:
    net = gpt(t, SMALL)
    net.eval()
    net = compiled(net)
    inputs = [t.randint(0, 65, (4, n)) for n in range(15, 65)]

    def sweep() -> float:
        with t.no_grad():
            return float(sum(net(x)[0, -1, 0].item() for x in inputs))

    return sweep


WORKLOADS = [
    Workload(
        "lstm_step",
        "character LSTM, 2 layers of 256, 32 sequences of 64, Adam, clipped gradients: a step",
        _lstm,
        _lstm_work(),
    ),
    Workload(
        "gpt_step",
        "GPT of 4 layers, width 128, context 64, AdamW, batch 12: a step",
        lambda t, compiled: _training(t, compiled, SMALL, 12),
        Work(SMALL.flops(12, 64, 3)) + optimizer(SMALL.parameters, 2),
    ),
    Workload(
        "gpt_wide_step",
        "GPT of 2 layers, width 384, context 256, AdamW, batch 8: a step",
        lambda t, compiled: _training(t, compiled, WIDE, 8),
        Work(WIDE.flops(8, 256, 3)) + optimizer(WIDE.parameters, 2),
    ),
    Workload(
        "gpt_lengths",
        "the small GPT without gradients on 50 different lengths: all of them",
        _lengths,
        Work(sum(SMALL.flops(4, n, 1) for n in range(15, 65))),
    ),
]
