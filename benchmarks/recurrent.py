"""Recurrent layers under Facula and PyTorch, in turn: milliseconds of a unit and the ratio.

    python benchmarks/recurrent.py [--torch PYTHON] [--threads N] [--rounds N] [CASE ...]

A unit is one layer's run over a batch of sequences, forward only or with the gradient of all that
has one. Each framework has a process of its own, which times a case for a moment when it is asked
to; the rounds go back and forth between them. Printed are the least times, and their ratio.
--torch: the interpreter that has torch. CASE: the beginning of a case's name.
"""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

# kind, input, width, layers, steps, batch, further arguments
SIZES: list[tuple[Any, ...]] = [
    ("LSTM", 64, 256, 2, 64, 32, {}), ("LSTM", 32, 32, 1, 50, 64, {}),
    ("LSTM", 100, 100, 1, 35, 20, {}), ("LSTM", 128, 128, 1, 100, 1, {}),
    ("LSTM", 256, 512, 1, 20, 16, {}), ("LSTM", 512, 1024, 1, 8, 32, {}),
    ("LSTM", 64, 128, 1, 30, 128, {}), ("LSTM", 64, 65, 1, 20, 7, {}),
    ("LSTM", 40, 128, 1, 512, 4, {}), ("LSTM", 64, 128, 1, 40, 16, {"bidirectional": True}),
    ("LSTM", 64, 128, 1, 40, 16, {"proj_size": 32}), ("LSTM", 16, 32, 1, 1, 8, {}),
    ("GRU", 64, 256, 1, 64, 32, {}), ("GRU", 100, 200, 2, 35, 20, {}),
    ("GRU", 32, 64, 1, 50, 1, {}), ("GRU", 256, 512, 1, 20, 8, {}),
    ("GRU", 64, 128, 1, 40, 16, {"bidirectional": True}),
    ("RNN", 64, 256, 1, 64, 32, {}), ("RNN", 32, 128, 1, 50, 64, {}), ("RNN", 16, 33, 1, 25, 5, {}),
    ("RNN", 64, 512, 1, 20, 16, {"nonlinearity": "relu"}), ("RNN", 57, 128, 1, 8, 1, {}),
]  # fmt: skip


def cases() -> dict[str, tuple[Any, ...]]:
    """Every case by its name, forward only and with gradients."""
    out = {}
    for size in SIZES:
        kind, given, width, layers, steps, batch, more = size
        flags = "".join(f" {k}" if v is True else f" {k[:4]} {v}" for k, v in more.items())
        name = f"{kind} {given}-{width}x{layers} T{steps} N{batch}{flags}"
        out[name + " forward"], out[name + " gradient"] = (*size, False), (*size, True)
    return out


def unit(t: Any, case: tuple[Any, ...]) -> Callable[[], float]:
    kind, given, width, layers, steps, batch, more, gradient = case
    t.manual_seed(0)
    layer = getattr(t.nn, kind)(given, width, layers, **more)
    x = t.randn(steps, batch, given)

    def forward() -> float:
        with t.no_grad():
            return float(layer(x)[0].sum().item())

    def both() -> float:
        for p in layer.parameters():
            p.grad = None
        loss = layer(x)[0].sum()
        loss.backward()
        return float(loss.item())

    return both if gradient else forward


def serve(module: str, threads: int) -> None:
    """Times a case for each line of input: name and seconds; answers with the least time."""
    t = importlib.import_module(module)
    importlib.import_module(f"{module}.nn")
    t.set_num_threads(threads)
    units: dict[str, Callable[[], float]] = {}
    for line in sys.stdin:
        name, seconds = line.rstrip("\n").split("\t")
        if name not in units:
            units.clear()
            units[name] = unit(t, cases()[name])
            for _ in range(4):
                units[name]()
        least, stop = float("inf"), time.perf_counter() + float(seconds)
        while time.perf_counter() < stop:
            begin = time.perf_counter()
            units[name]()
            least = min(least, time.perf_counter() - begin)
        print(least, flush=True)


class Server:
    """A process with one framework."""

    def __init__(self, python: str, module: str, threads: int) -> None:
        command = [python, __file__, "--serve", module, "--threads", str(threads)]
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def ask(self, name: str, seconds: float) -> float:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{name}\t{seconds}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch", metavar="PYTHON")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=0.1, help="of a case in a round")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("case", nargs="*")
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.threads)
        return
    servers = [Server(sys.executable, "facula", options.threads)]
    if options.torch:
        servers.append(Server(options.torch, "torch", options.threads))
    print(
        f"{'case':48} {'facula ms':>10}" + (f" {'torch ms':>10} {'ratio':>6}" * (len(servers) - 1))
    )
    for name in cases():
        if options.case and not any(name.startswith(c) for c in options.case):
            continue
        least = [float("inf")] * len(servers)
        for _ in range(options.rounds):
            for k, server in enumerate(servers):
                least[k] = min(least[k], server.ask(name, options.seconds))
        line = f"{name:48} {least[0] * 1e3:10.3f}"
        if len(least) > 1:
            line += f" {least[1] * 1e3:10.3f} {least[1] / least[0]:6.2f}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
