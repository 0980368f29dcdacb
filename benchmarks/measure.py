"""Times one workload in this process and prints the figures as one line of JSON.

    python benchmarks/measure.py --module torch --workload cnn_step [--compile] [--seconds 1]

Module is torch, facula or jax. The figures: import_s (import of the package as programs do it),
first_s (from building to the end of the first unit), four_s (the same of the first four: it holds
all compilation, also of what compiles at the second sight), median_s and min_s of a unit after
them, peak_bytes (peak resident memory of the process), value (of the first unit).
table.py starts this in a fresh process for every figure.
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

PARTS = ("nn", "nn.functional", "optim", "utils.data", "autograd")


def load(module: str) -> tuple[Any, float]:
    """The package, and how long its import took."""
    begin = time.perf_counter()
    package = importlib.import_module(module)
    for part in PARTS if module != "jax" else ("numpy",):
        importlib.import_module(f"{module}.{part}")
    return package, time.perf_counter() - begin


def peak_bytes() -> int:
    """The process's peak resident memory."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def builder(t: Any, module: str, workload: str, compiled: bool) -> Callable[[], Any]:
    """What builds the workload."""
    if module == "jax":
        from workloads.twins import TWINS

        return TWINS[workload]
    from workloads import WORKLOADS

    t.manual_seed(0)
    wrap = t.compile if compiled else lambda x: x
    return lambda: WORKLOADS[workload].build(t, wrap)


def times(unit: Callable[[], float], seconds: float) -> list[float]:
    """Times of a unit, sorted; at least three."""
    found: list[float] = []
    begin = time.perf_counter()
    while len(found) < 3 or (time.perf_counter() - begin < seconds and len(found) < 5000):
        a = time.perf_counter()
        unit()
        found.append(time.perf_counter() - a)
    return sorted(found)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--module", default="facula", choices=("facula", "torch", "jax"))
    parser.add_argument("--workload", default="import")
    parser.add_argument("--compile", action="store_true", help="torch.compile")
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--threads", type=int, default=0, help="0: what the framework chooses")
    o = parser.parse_args()
    if o.threads:
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ[name] = str(o.threads)
        if hasattr(os, "sched_setaffinity"):  # JAX has no other way to be told
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: o.threads])
    t, imported = load(o.module)
    row: dict[str, Any] = {"import_s": imported, "version": t.__version__}
    if o.workload == "import":
        row |= {"median_s": imported, "peak_bytes": peak_bytes()}
        print(json.dumps(row))
        return
    if o.threads and hasattr(t, "set_num_threads"):
        t.set_num_threads(o.threads)
    build = builder(t, o.module, o.workload, o.compile)
    begin = time.perf_counter()
    unit = build()
    value = unit()
    row["first_s"] = time.perf_counter() - begin
    if not math.isfinite(value):
        raise ValueError(f"{o.workload}: not finite: {value}")
    for _ in range(3):
        unit()
    row["four_s"] = time.perf_counter() - begin
    found = times(unit, o.seconds)
    row |= {
        "median_s": found[len(found) // 2], "min_s": found[0], "units": len(found),
        "peak_bytes": peak_bytes(), "value": value,
    }  # fmt: skip
    print(json.dumps(row))


if __name__ == "__main__":
    main()
