"""Small trainings for the tests of `facula.compile`, and the comparison of two of them."""

from __future__ import annotations

import random

import pytest

import facula as fl
from facula import nn


class Net(nn.Module):
    def __init__(self, dropout=0.0):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(5, 8), nn.Linear(8, 3)
        self.relu, self.drop = nn.ReLU(), nn.Dropout(dropout)
        self.scale = 1.0

    def forward(self, x):
        x = self.drop(self.relu(self.fc1(x)))
        return self.fc2(x) * self.scale


def inside(call):
    """What is known of a compiled function."""
    return call._facula_compiled


def replayed(call):
    """Whether calls of a compiled function are replayed; says why not."""
    assert inside(call).entries, inside(call).reason
    return True


def batches(count, size=4, seed=0):
    g = fl.Generator().manual_seed(seed)
    return [
        (fl.randn(size, 5, generator=g), fl.randint(0, 3, (size,), generator=g))
        for _ in range(count)
    ]


def training(optimizer="Adam", net=None, **settings):
    fl.manual_seed(1)
    net = net or Net()
    opt = getattr(fl.optim, optimizer)(net.parameters(), **{"lr": 0.05, **settings})
    crit = nn.CrossEntropyLoss()

    def step(x, y):
        opt.zero_grad()
        loss = crit(net(x), y)
        loss.backward()
        opt.step()
        return loss

    return net, opt, step


def close(a, b):
    """Whether nested lists and dicts of numbers agree: plans for other live values may round
    otherwise.
    """
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(close(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(close, a, b))
    return a == b if a is None or b is None else a == pytest.approx(b, rel=1e-3, abs=1e-5)


def state_of(net, opt):
    return (
        [p.tolist() for p in net.parameters()],
        [None if p.grad is None else p.grad.tolist() for p in net.parameters()],
        [
            {k: v.tolist() if isinstance(v, fl.Tensor) else v for k, v in opt.state[p].items()}
            for p in net.parameters()
        ],
    )


def agree(make, between=None, count=16, size=lambda i: 4, replays=True):
    """Runs two copies of a training, one of them compiled; all numbers must be the same.

    between(i, net, opt): what happens before step i.
    """
    net, opt, step = make()
    net2, opt2, step2 = make()
    compiled = fl.compile(step2)
    hits = 0
    for i in range(count):
        x, y = batches(1, size(i), i)[0]
        if between is not None:
            between(i, net, opt)
            between(i, net2, opt2)
        fl.manual_seed(i)
        random.seed(i)
        a = step(x, y)
        fl.manual_seed(i)
        random.seed(i)
        calls = inside(compiled).calls
        b = compiled(x, y)
        hits += inside(compiled).calls == calls
        a, b = (v.item() if isinstance(v, fl.Tensor) else v for v in (a, b))
        assert close(a, b), f"step {i}"
        assert close(state_of(net, opt), state_of(net2, opt2)), f"step {i}"
    assert (hits > 0) is replays, inside(compiled).reason
    return hits
