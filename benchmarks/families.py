"""Times families of small programs under Facula and PyTorch in turn: ratios and first steps.

    python benchmarks/families.py [--torch PYTHON] [--only WORD ...] [--threads]

PYTHON is an interpreter with PyTorch (this one is the default); each framework runs in a process of
its own, and the two take turns at every program. Without PyTorch only Facula is timed. WORD is a
part of a group's or a program's name. With --threads the comparison is with Facula on one thread:
where that is faster than the default, the choice of threads is wrong. A ratio above 1 says that
Facula is faster. The times are the least of many short runs, in milliseconds; `first` is the time
from building a program to its first result, `four` the same of the first four units. First results
that differ are shown.
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

_SLICE = 0.025  # seconds of one turn
_TURNS = 4
_TOLERANCE = 1e-3  # of first values, which draw the same random numbers


def families() -> dict[str, dict[str, Any]]:
    """What builds each program, by group and name."""
    from workloads.families import FAMILIES

    for name in ("family_layers", "family_networks", "family_tensors", "family_loops"):
        importlib.import_module(f"workloads.{name}")
    return FAMILIES


class Worker:
    """A process that times programs as it is told."""

    def __init__(self, python: str, module: str, threads: int = 0) -> None:
        command = [python, __file__, "--serve", module, "--count", str(threads)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, *words: Any) -> Any:
        """The answer to one line; raises RuntimeError with the other process's message."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline() or '{"error": "ended"}')
        if isinstance(answer, dict):
            raise RuntimeError(answer["error"])
        return answer

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def serve(module: str, threads: int) -> None:
    """Answers lines until there are none: ["build", group, name] or ["time"]."""
    from measure import load

    programs = families()
    t, _ = load(module)
    if threads:
        t.set_num_threads(threads)
    unit: Any = None
    for line in sys.stdin:
        words = json.loads(line)
        try:
            if words[0] == "build":
                t.manual_seed(0)
                begin = time.perf_counter()
                unit = programs[words[1]][words[2]](t)
                value = unit()
                first = time.perf_counter() - begin
                for _ in range(3):
                    unit()
                answer: Any = [value, first, time.perf_counter() - begin]
            else:
                answer = turn(unit)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"[:200]}
        print(json.dumps(answer), flush=True)


def turn(unit: Any) -> list[float]:
    """[the least time of a unit] within one turn."""
    best, begin = float("inf"), time.perf_counter()
    while True:
        start = time.perf_counter()
        unit()
        end = time.perf_counter()
        best = min(best, end - start)
        if end - begin > _SLICE:
            return [best]


def compare(group: str, name: str, workers: list[Worker]) -> str:
    """The row of one program."""
    builds, best, errors = [], [], []
    for worker in workers:
        try:
            builds.append(worker.ask("build", group, name))
            best.append(worker.ask("time")[0])
        except RuntimeError as error:
            errors.append(str(error))
    if errors:
        return f"{name:36} {'; '.join(errors)}"
    for _ in range(_TURNS - 1):
        for k, worker in enumerate(workers):
            best[k] = min(best[k], worker.ask("time")[0])
    columns = [f"{1e3 * x:9.3f}" for x in best]
    columns.append(f"{best[-1] / best[0]:6.2f}" if len(best) > 1 else " " * 6)
    columns += [f"{1e3 * b[1]:8.1f}" for b in builds] + [f"{1e3 * builds[0][2]:8.1f}"]
    ours, theirs = builds[0][0], builds[-1][0]
    if not math.isclose(ours, theirs, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE):
        columns.append(f" {ours:g} is not {theirs:g}")
    return f"{name:36} {' '.join(columns)}"


def main() -> None:
    """Times the programs that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch", metavar="PYTHON", default=sys.executable)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--threads", action="store_true", help="compare with one thread")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.count)
        return
    workers = [Worker(sys.executable, "facula")]
    if options.threads:
        workers.append(Worker(sys.executable, "facula", 1))
    elif not subprocess.run(
        [options.torch, "-c", "import torch"], capture_output=True, check=False
    ).returncode:
        workers.append(Worker(options.torch, "torch"))
    other = ["one thread" if options.threads else "torch"] * (len(workers) - 1)
    names = ["facula", *other]
    heads = [f"{x:>9}" for x in names] + [" ratio"] + [f"{'first':>8}"] * len(names) + ["    four"]
    for group, programs in families().items():
        chosen = [n for n in programs if not options.only
                  or any(w in f"{group}: {n}" for w in options.only)]  # fmt: skip
        if chosen:
            print(f"\n{group:36} {' '.join(heads)}", flush=True)
        for name in chosen:
            print(compare(group, name, workers), flush=True)
    for worker in workers:
        worker.close()


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    main()
