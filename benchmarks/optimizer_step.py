"""Optimizer steps beside PyTorch's: many small parameters, few large ones, the tutorial's four.

    python benchmarks/optimizer_step.py [optimizer ...]

The two run by turns in one process, PyTorch with one thread (FACULA_THREADS sets ours), and the
table shows the median of the microseconds a step. Gradients are constant, so that nothing but the
step is measured.
"""

from __future__ import annotations

import importlib
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

CASES = {
    "1,000 x 64": [(64,)] * 1000,
    "4 (16-32-10)": [(32, 16), (32,), (10, 32), (10,)],
    "4 x 1024 x 1024": [(1024, 1024)] * 4,
}
ROUNDS = 30


def make(t: Any, name: str, shapes: list[tuple[int, ...]]) -> Callable[[], None]:
    """The step of an optimizer on parameters of these shapes."""
    params = [t.nn.Parameter(t.randn(*s)) for s in shapes]
    for p in params:
        p.grad = t.randn(*p.shape)
    step: Callable[[], None] = getattr(t.optim, name)(params, lr=1e-3).step
    for _ in range(5):
        step()
    return step


def measure(steps: list[Callable[[], None]]) -> list[float]:
    """The median microseconds of each, measured by turns."""
    times: list[list[float]] = [[] for _ in steps]
    for _ in range(ROUNDS):
        for step, found in zip(steps, times, strict=True):
            started = time.perf_counter()
            for _ in range(5):
                step()
            found.append((time.perf_counter() - started) / 5 * 1e6)
    return [statistics.median(x) for x in times]


def main() -> None:
    """Prints a line for every optimizer and case."""
    packages = [importlib.import_module("facula"), importlib.import_module("torch")]
    packages[1].set_num_threads(1)
    print(f"{'':24}{'Facula':>12}{'PyTorch':>12}{'ratio':>8}")
    for name in sys.argv[1:] or ["SGD", "Adam", "AdamW", "RMSprop"]:
        for case, shapes in CASES.items():
            ours, theirs = measure([make(t, name, shapes) for t in packages])
            print(f"{name:8}{case:16}{ours:9.1f} us{theirs:9.1f} us{theirs / ours:8.1f}")


if __name__ == "__main__":
    main()
