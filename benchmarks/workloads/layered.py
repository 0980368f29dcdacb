"""Networks of linear layers: the beginner's tutorial, an MLP, its latency, a VAE, a penalty."""

from __future__ import annotations

from typing import Any

from .record import FLOAT, Unit, Work, Workload, linear, optimizer, training


def perceptron(t: Any, inputs: int, hidden: int, outputs: int) -> Any:
    """Two linear layers with a ReLU in between."""

    class Perceptron(t.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.first = t.nn.Linear(inputs, hidden)
            self.second = t.nn.Linear(hidden, outputs)

        def forward(self, x: Any) -> Any:
            return self.second(t.relu(self.first(x)))

    return Perceptron()


def perceptron_work(batch: int, inputs: int, hidden: int, outputs: int) -> Work:
    """A training step of it with Adam."""
    parameters = (inputs + 1) * hidden + (hidden + 1) * outputs
    flops = linear(batch, inputs, hidden, 2) + linear(batch, hidden, outputs)
    return Work(flops, FLOAT * batch * inputs, 0) + optimizer(parameters, 2)


def _epoch(t: Any, net: Any, samples: int, inputs: int, batch: int) -> Unit:
    data = t.utils.data.TensorDataset(t.randn(samples, inputs), t.randint(0, 10, (samples,)))
    loader = t.utils.data.DataLoader(data, batch_size=batch, shuffle=True)
    criterion = t.nn.CrossEntropyLoss()
    opt = t.optim.Adam(net.parameters(), lr=1e-3)

    def epoch() -> float:
        total = 0.0
        for x, y in loader:
            opt.zero_grad()
            loss = criterion(net(x), y)
            loss.backward()
            opt.step()
            total += loss.item()
        return total

    return epoch


def _tutorial(t: Any, compiled: Any) -> Unit:
    return _epoch(t, compiled(perceptron(t, 16, 32, 10)), 100, 16, 4)


def _mlp(t: Any, compiled: Any) -> Unit:
    return _epoch(t, compiled(perceptron(t, 784, 128, 10)), 6400, 784, 64)


def _latency(t: Any, compiled: Any) -> Unit:
    net = perceptron(t, 784, 128, 10)
    net.eval()
    net, x = compiled(net), t.randn(1, 784)

    def predict() -> float:
        with t.no_grad():
            return float(net(x).argmax(dim=1).item())

    return predict


def _vae(t: Any, compiled: Any) -> Unit:
    nn, F = t.nn, t.nn.functional

    class VAE(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.Linear(784, 400)
            self.mean, self.variance = nn.Linear(400, 20), nn.Linear(400, 20)
            self.decoder, self.image = nn.Linear(20, 400), nn.Linear(400, 784)

        def forward(self, x: Any) -> Any:
            h = F.relu(self.encoder(x))
            mean, logvar = self.mean(h), self.variance(h)
            z = mean + t.randn_like(mean) * t.exp(0.5 * logvar)
            return t.sigmoid(self.image(F.relu(self.decoder(z)))), mean, logvar

    net = VAE()
    opt = t.optim.Adam(net.parameters(), lr=1e-3)
    net, x = compiled(net), t.rand(128, 784)

    def step() -> float:
        opt.zero_grad()
        image, mean, logvar = net(x)
        loss = F.binary_cross_entropy(image, x, reduction="sum")
        loss = loss - 0.5 * t.sum(1 + logvar - mean.pow(2) - logvar.exp())
        loss.backward()
        opt.step()
        return float(loss.item())

    return step


def _vae_work() -> Work:
    flops = linear(128, 784, 400, 2) + 2 * linear(128, 400, 20)
    flops += linear(128, 20, 400) + linear(128, 400, 784)
    parameters = 785 * 400 + 2 * 401 * 20 + 21 * 400 + 401 * 784
    return Work(flops, FLOAT * 128 * 784, 0) + optimizer(parameters, 2)


def _penalty(t: Any, compiled: Any) -> Unit:
    nn = t.nn
    net = nn.Sequential(
        nn.Linear(64, 256), nn.Tanh(), nn.Linear(256, 256), nn.Tanh(), nn.Linear(256, 1)
    )
    opt = t.optim.SGD(net.parameters(), lr=1e-3)
    net, x = compiled(net), t.randn(128, 64, requires_grad=True)

    def step() -> float:
        opt.zero_grad()
        (g,) = t.autograd.grad(net(x).sum(), x, create_graph=True)
        loss = ((g.norm(2, dim=1) - 1) ** 2).mean()
        loss.backward()
        opt.step()
        return float(loss.item())

    return step


def _penalty_work() -> Work:
    # Forward, its gradient by x (the same products), and both of them backwards (twice each).
    once = linear(128, 64, 256, 1) + linear(128, 256, 256, 1) + linear(128, 256, 1, 1)
    return Work(6 * once) + optimizer(65 * 256 + 257 * 256 + 257, 0)


WORKLOADS = [
    Workload(
        "tutorial_epoch",
        "the beginner tutorial's loop: MLP 16-32-10, Adam, DataLoader, 25 steps of batch 4",
        _tutorial,
        perceptron_work(4, 16, 32, 10).times(25),
    ),
    Workload(
        "mlp_epoch",
        "MLP 784-128-10, Adam, DataLoader over 6,400 samples, 100 steps of batch 64",
        _mlp,
        perceptron_work(64, 784, 128, 10).times(100),
    ),
    Workload(
        "mlp_latency",
        "MLP 784-128-10, one prediction without gradients, batch 1",
        _latency,
        Work(linear(1, 784, 128, 1) + linear(1, 128, 10, 1), FLOAT * (785 * 128 + 1290)),
    ),
    Workload("vae_step", "VAE 784-400-20, Adam, batch 128: a step", _vae, _vae_work()),
    Workload(
        "double_backward",
        "gradient penalty on an MLP 64-256-256-1, SGD, batch 128: a step",
        _penalty,
        _penalty_work(),
    ),
]
__all__ = ["WORKLOADS", "perceptron", "training"]
