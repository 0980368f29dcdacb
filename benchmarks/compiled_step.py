"""What a call of a small training step costs, as ordinary code and through `facula.compile`.

    python benchmarks/compiled_step.py

The beginner tutorial's step (16-32-10, batch 4, Adam, cross entropy) and a prediction (784-128-10,
one sample), in microseconds: the best and the median of many calls, the two forms in turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import facula
from facula import nn

ROUNDS = 200


def network(inputs: int, hidden: int, classes: int) -> nn.Module:
    """A network with one hidden layer."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, classes))


def training() -> Callable[[Any, Any], Any]:
    """The tutorial's step, with a network and an optimizer of its own."""
    net, loss_of = network(16, 32, 10), nn.CrossEntropyLoss()
    optimizer = facula.optim.Adam(net.parameters())

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = loss_of(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def prediction() -> Callable[[Any], Any]:
    """The class of one sample."""
    net = network(784, 128, 10).eval()

    def predict(x: Any) -> Any:
        with facula.no_grad():
            return net(x).argmax(dim=1).item()

    return predict


def measure(make: Callable[[], Callable[..., Any]], batches: list[tuple[Any, ...]]) -> list[str]:
    """Best and median of both forms."""
    forms = make(), facula.compile(make())
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for form, kept in zip(forms, times, strict=True):
            for batch in batches:
                started = time.perf_counter()
                form(*batch)
                kept.append(time.perf_counter() - started)
    return [f"{1e6 * t[0]:8.1f} {1e6 * t[len(t) // 2]:8.1f}" for t in map(sorted, times)]


def main() -> None:
    """Prints the table."""
    pairs = [(facula.randn(4, 16), facula.randint(0, 10, (4,))) for _ in range(25)]
    samples = [(facula.randn(1, 784),) for _ in range(25)]
    print(f"{'microseconds':20} {'ordinary: best, median':>24} {'compiled: best, median':>24}")
    for name, make, batches in (
        ("training step", training, pairs),
        ("prediction", prediction, samples),
    ):
        ordinary, compiled = measure(make, batches)
        print(f"{name:20} {ordinary:>24} {compiled:>24}")


if __name__ == "__main__":
    main()
