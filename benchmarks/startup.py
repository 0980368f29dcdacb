"""How long Python takes to start with each framework: imports, and a whole script as a process.

    python benchmarks/startup.py [--pairs N] [--script PATH]

Every number comes from fresh processes, started in turn (one of each kind, then the next round), so
that a busy machine disturbs all alike; medians and minima are printed, and the ratios of medians.
The script runs under PyTorch, where that is installed, and under `facula run` with an empty folder
of kernels (cold) and with the kernels of earlier runs (warm). Without PyTorch, Facula is measured
alone.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODULES = ("", ".nn", ".nn.functional", ".optim", ".utils.data", ".autograd")


def imports(package: str) -> list[str]:
    """Arguments of a Python that imports a framework as programs do."""
    return ["-c", "import " + ", ".join(package + m for m in MODULES)]


def seconds(arguments: list[str], cache: str | None = None) -> float:
    """The wall time of one fresh process. Raises CalledProcessError where it fails."""
    path = os.pathsep.join(p for p in (str(ROOT), os.environ.get("PYTHONPATH")) if p)
    environment = os.environ | {"PYTHONPATH": path}
    if cache is not None:
        environment["FACULA_CACHE_DIR"] = cache
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - started


class Kind:
    """One kind of process and the times it has taken."""

    def __init__(self, name: str, arguments: list[str], cold: bool = False) -> None:
        self.name, self.arguments, self.cold = name, arguments, cold
        self.times: list[float] = []

    def measure(self, warm_cache: str) -> None:
        if self.cold:
            with tempfile.TemporaryDirectory() as empty:
                self.times.append(seconds(self.arguments, empty))
        else:
            self.times.append(seconds(self.arguments, warm_cache))

    @property
    def median(self) -> float:
        return statistics.median(self.times)

    def report(self, opponent: Kind | None) -> str:
        text = f"{self.name:<28} {self.median * 1e3:8.1f} ms  (least {min(self.times) * 1e3:.1f})"
        if opponent is not None and opponent is not self:
            text += f"  PyTorch takes {opponent.median / self.median:.1f} times as long"
        return text


def compare(title: str, kinds: list[Kind], pairs: int, opponent: Kind | None) -> None:
    """Measures the kinds in turn and prints what they took."""
    with tempfile.TemporaryDirectory() as cache:
        for kind in kinds:  # the first sight: files into memory, bytecode, kernels
            seconds(kind.arguments, cache)
        for _ in range(pairs):
            for kind in kinds:
                kind.measure(cache)
    print(f"{title}, medians of {pairs} processes each, in turn")
    for kind in kinds:
        print("  " + kind.report(opponent if kind.name.startswith("facula") else None))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=11, help="processes of each kind")
    parser.add_argument("--script", default=str(ROOT / "examples" / "tutorial.py"))
    options = parser.parse_args()
    if sys.flags.dont_write_bytecode:
        print("PYTHONDONTWRITEBYTECODE is set: sources without bytecode are compiled every time")
    has_torch = importlib.util.find_spec("torch") is not None

    torch = Kind("torch", imports("torch")) if has_torch else None
    kinds = [
        Kind("python", ["-c", "pass"]),
        Kind("numpy", ["-c", "import numpy"]),
        Kind("facula", imports("facula")),
        Kind("facula run", ["-m", "facula", "run", *imports("torch")]),
    ]
    compare("import", kinds + ([torch] if torch else []), options.pairs, torch)
    print(f"  facula beyond NumPy: {(kinds[2].median - kinds[1].median) * 1e3:.1f} ms")

    run = ["-m", "facula", "run", options.script]
    torch = Kind("torch", [options.script]) if has_torch else None
    kinds = [Kind("facula, kernels on disk", run), Kind("facula, no kernels", run, cold=True)]
    compare(options.script, kinds + ([torch] if torch else []), options.pairs, torch)


if __name__ == "__main__":
    main()
