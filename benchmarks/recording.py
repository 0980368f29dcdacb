"""What recording costs, in microseconds: one op, one view, an in-place op, a backward pass, a step.

    python benchmarks/recording.py [--python]

Each figure is the best of several rounds on a path that was seen before, with the machine code that
a program has after some steps (`--python`: without it). Work that ends a frame is not part of the
figures for single calls.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import facula
from facula.trace import native, replay


def best(call: Callable[[], object], count: int, rounds: int = 7) -> float:
    """Microseconds for one of `count` calls in a frame."""
    found = 1e9
    for _ in range(rounds):
        replay.flush()
        started = time.perf_counter()
        for _ in range(count):
            call()
        found = min(found, (time.perf_counter() - started) / count)
    replay.flush()
    return found * 1e6


def mlp() -> dict[str, float]:
    """Forward, backward and the end of the frame of a network with two layers (16-32-10, batch
    4).
    """
    shapes = (16, 32), (32,), (32, 10), (10,)
    w1, b1, w2, b2 = parameters = [facula.randn(*s, requires_grad=True) for s in shapes]
    x = facula.randn(4, 16)
    times = [1e9] * 3
    for _ in range(300):
        a = time.perf_counter()
        loss = (facula.relu(x @ w1 + b1) @ w2 + b2).sum()
        b = time.perf_counter()
        loss.backward()
        c = time.perf_counter()
        replay.flush()
        d = time.perf_counter()
        times = [min(t, s) for t, s in zip(times, (b - a, c - b, d - c), strict=True)]
        for p in parameters:
            p.grad = None
    names = "forward of an MLP", "backward of it", "end of the frame"
    return {name: t * 1e6 for name, t in zip(names, times, strict=True)}


def main() -> None:
    """Prints the table."""
    if "--python" not in sys.argv:
        native.load()
    a, b = facula.ones(4), facula.ones(4)
    p = facula.ones(4, requires_grad=True)
    value = (a + b).sum()
    value.item()
    rows = {
        "a + b": best(lambda: a + b, 1000),
        "a + b with gradients": best(lambda: p + b, 1000),
        "a.view(2, 2)": best(lambda: a.view(2, 2), 500),
        "a[1]": best(lambda: a[1], 500),
        "a.detach()": best(lambda: a.detach(), 500),
        "a.add_(b)": best(lambda: a.add_(b), 300),
        "a.shape": best(lambda: a.shape, 1000),
        "item() of a value in memory": best(value.item, 1000),
        **mlp(),
    }
    for name, microseconds in rows.items():
        print(f"{name:30} {microseconds:8.2f} us")


if __name__ == "__main__":
    main()
