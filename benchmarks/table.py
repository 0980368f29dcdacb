"""The table of docs/benchmarks.md: every workload under Facula, PyTorch, torch.compile and JAX.

    python benchmarks/table.py                                # all with this Python
    python benchmarks/table.py --torch PYTHON --jax PYTHON    # each with a Python of its own
    python benchmarks/table.py --only cnn_step gpt_step       # these rows anew, others as before
    python benchmarks/table.py --render                       # the page from the kept figures

Every figure comes from a fresh process; the frameworks take turns. Facula is measured first with an
empty folder of kernels (cold) and then with what that left (warm: the better one). The limit is
what the machine could do the workload in (workloads/record.py, limits.py). Figures are kept after
each row, so that a run may be interrupted. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import page  # noqa: E402
from workloads import ORDER, WORKLOADS, Workload  # noqa: E402

COLUMNS = ("facula", "torch", "compile", "jax")
TITLES = {"facula": "Facula", "torch": "PyTorch", "compile": "torch.compile", "jax": "JAX"}
TWINS = frozenset(
    "tutorial_epoch mlp_epoch mlp_latency vae_step cnn_step gpt_step gpt_wide_step elementwise "
    "normalise double_backward".split()
)
# Nothing in these that torch.compile would be applied to.
UNCOMPILED = frozenset(("loader_only", "many_params_step"))


class Runner:
    """Starts the processes that measure."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.o = options
        self.pythons = {
            "facula": options.facula, "torch": options.torch, "compile": options.torch,
            "jax": options.jax,
        }  # fmt: skip
        self.missing = {c: self._missing(c) for c in COLUMNS}

    def _missing(self, column: str) -> str:
        """Why a column has no figures, or ""."""
        if column in self.o.without:
            return "left out"
        module = "torch" if column == "compile" else column
        done = self._process([self.pythons[column], "-c", f"import {module}"], {}, 120)
        return "" if done.returncode == 0 else "not installed"

    def _process(
        self, command: list[str], variables: dict[str, str], seconds: float
    ) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join(p for p in (str(page.ROOT), os.environ.get("PYTHONPATH")) if p)
        return subprocess.run(
            command, env=os.environ | {"PYTHONPATH": path} | variables, timeout=seconds,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=tempfile.gettempdir(),
            check=False,
        )  # fmt: skip

    def measure(self, column: str, name: str, cache: str) -> dict[str, Any]:
        """The figures of one process, or {"error": why}."""
        module = "torch" if column == "compile" else column
        command = [
            self.pythons[column], str(HERE / "measure.py"), "--module", module, "--workload", name,
            "--seconds", str(self.o.seconds), "--threads", str(self.o.threads),
        ]  # fmt: skip
        command += ["--compile"] if column == "compile" else []
        variables = {"FACULA_CACHE_DIR": cache, "TORCHINDUCTOR_CACHE_DIR": cache}
        try:
            done = self._process(command, variables, self.o.timeout)
        except subprocess.TimeoutExpired:
            return {"error": f"more than {self.o.timeout:.0f} s"}
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        if done.returncode or not lines:
            said = [line for line in done.stderr.splitlines() if line.strip()]
            return {"error": _cause(said) or f"exit status {done.returncode}"}
        found: dict[str, Any] = json.loads(lines[-1])
        return found

    def row(self, name: str) -> dict[str, Any]:
        """All columns of a workload."""
        found: dict[str, Any] = {}
        with tempfile.TemporaryDirectory() as cache:
            for turn in range(self.o.rounds):
                for column in COLUMNS:
                    once = column in ("compile", "jax")
                    if self._wanted(column, name) and not (turn and once):
                        result = self.measure(column, name, os.path.join(cache, column))
                        found[column] = _better(found.get(column), result)
        return found

    def _wanted(self, column: str, name: str) -> bool:
        if self.missing[column]:
            return False
        if column == "jax":
            return name in TWINS or name == "import"
        return column != "compile" or name not in (*UNCOMPILED, "import")


def _cause(lines: list[str]) -> str:
    """The line of a traceback that says what happened."""
    errors = [x for x in lines if x.split(":")[0].split(".")[-1].endswith(("Error", "Exception"))]
    return (errors or lines or [""])[-1].strip()[:160]


def _better(old: dict[str, Any] | None, new: dict[str, Any]) -> dict[str, Any]:
    """Some processes' figures together: the better times, and the first one's beginning as
    `cold_s`: what a first unit, and the first four, take with an empty cache.
    """
    if old is None or "error" in old or "error" in new:
        return new | ({"cold_s": [new["first_s"], new["four_s"]]} if "first_s" in new else {})
    best = dict(min(old, new, key=lambda r: r["median_s"]))
    best["peak_bytes"] = max(old["peak_bytes"], new["peak_bytes"])
    if "first_s" in new:
        warm = min(old, new, key=lambda r: r["first_s"]) if old.get("warm") else new
        best |= {"cold_s": old["cold_s"], "first_s": warm["first_s"], "four_s": warm["four_s"]}
        best["warm"] = True
    return best


def limit(w: Workload | None, limits: dict[str, Any]) -> float:
    """Seconds under which the machine cannot do a unit; 0 where nothing is counted."""
    if w is None:
        return 0.0
    moved = max(w.work.reads, w.work.writes)
    sizes = sorted(limits["memory"], key=int)
    size = next((s for s in sizes if int(s) >= moved), sizes[-1])
    rates = limits["memory"][size]
    memory = w.work.reads / rates["read"] + w.work.writes / rates["write"]
    return float(max(w.work.flops / limits["flops"], memory))


# -- the page


def _ms(seconds: float) -> str:
    ms = seconds * 1e3
    return f"{ms:.3f}" if ms < 1 else f"{ms:.2f}" if ms < 10 else f"{ms:.1f}"


def _cell(row: dict[str, Any], column: str) -> str:
    """Time and, beside it, how many times ours that is."""
    found = row.get(column)
    if found is None:
        return "-"
    if "error" in found:
        return "fails"
    text, ours = _ms(found["median_s"]), row.get("facula", {}).get("median_s")
    return text if column == "facula" or not ours else f"{text} ({found['median_s'] / ours:.2f})"


def _times(rows: dict[str, Any], limits: dict[str, Any]) -> list[str]:
    heads = ["workload", *(TITLES[c] for c in COLUMNS), "limit", "Facula / limit"]
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "---:|" * (len(heads) - 1)]
    for name in (*ORDER, "import"):
        row = rows.get(name)
        if row is None:
            continue
        least = limit(WORKLOADS.get(name), limits)
        ours = row.get("facula", {}).get("median_s")
        cells = [f"`{name}`", *(_cell(row, c) for c in COLUMNS)]
        cells += [_ms(least), f"{ours / least:.1f}"] if least and ours else ["-", "-"]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _first(rows: dict[str, Any]) -> list[str]:
    lines = [
        "| workload | Facula, cold | Facula, warm | PyTorch | torch.compile | JAX | "
        "peak MB: Facula | PyTorch | torch.compile | JAX |",
        "|---|" + "---:|" * 9,
    ]
    for name in ORDER:
        row = rows.get(name)
        if row is None:
            continue

        starts = [row.get("facula", {}).get("cold_s")]
        starts += [[f[k] for k in ("first_s", "four_s") if k in f] for f in _each(row)]
        cells = [f"`{name}`", *(" / ".join(f"{s:.2f}" for s in pair or ()) for pair in starts)]
        cells += [f"{f['peak_bytes'] / 1e6:.0f}" if "peak_bytes" in f else "" for f in _each(row)]
        cells = [cell or "-" for cell in cells]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _each(row: dict[str, Any]) -> list[dict[str, Any]]:
    return [row.get(c, {}) for c in COLUMNS]


def _means(rows: dict[str, Any]) -> str:
    parts = []
    for column in COLUMNS[1:]:
        logs = [
            math.log(r[column]["median_s"] / r["facula"]["median_s"])
            for r in rows.values()
            if "median_s" in r.get(column, {}) and "median_s" in r.get("facula", {})
        ]
        if logs:
            mean = math.exp(sum(logs) / len(logs))
            below = sum(x < 0 for x in logs)
            parts.append(
                f"{TITLES[column]} takes {mean:.2f} times as long (geometric mean of {len(logs)} "
                f"rows, {below} of them faster than Facula)"
            )
    return "; ".join(parts) + "." if parts else ""


def render(found: dict[str, Any]) -> str:
    """The part of the page."""
    rows, limits, m = found["rows"], found["limits"], found["machine"]
    mega = sorted(limits["memory"], key=int)
    speed = ", ".join(
        f"{int(s) / 2**20:g} MB {limits['memory'][s]['read'] / 1e9:.0f}/"
        f"{limits['memory'][s]['write'] / 1e9:.0f}"
        for s in mega
    )
    versions = ", ".join(f"{TITLES[c]} {v}" for c, v in sorted(found["versions"].items()))
    dates = sorted({r["date"] for r in rows.values()})
    load = max(r["load"] for r in rows.values())
    lines = [
        f"Measured {dates[0]}{' to ' + dates[-1] if len(dates) > 1 else ''} on {m['cpu']} "
        f"({m['model']}; {m['features']}), {limits['threads']} of {m['processors']} processors, "
        f"{m['memory'] / 2**30:.0f} GB, {m['system']}, Python {m['python']}: {versions}. "
        f"The load average at the start was {load:.1f}"
        + (": **not an idle machine, figures to be measured anew**." if load > 0.5 else "."),
        "",
        f"Measured limits: {limits['flops'] / 1e9:.0f} GFLOP/s of float32 multiply-adds"
        + (" (products in matrix tiles may be faster)" if "amx_tile" in m["features"] else "")
        + "; memory "
        f"read/written in GB/s, by the size of what is walked over: {speed}.",
        "",
        "Milliseconds for a unit, the median; in brackets how many times as long as Facula.",
        "",
        *_times(rows, limits),
        "",
        _means(rows),
        "",
        "Seconds from building the network to the end of the first unit / of the first four, which "
        "hold all compilation (Facula compiles what it meets for the second time), and the peak "
        "resident memory of the process:",
        "",
        *_first(rows),
    ]
    problems = [
        f"- `{name}`, {TITLES[c]}: {rows[name][c]['error']}"
        for name in (*ORDER, "import")
        for c in COLUMNS
        if "error" in rows.get(name, {}).get(c, {})
    ]
    lines += ["", "What fails:", "", *problems] if problems else []
    missing = [f"{TITLES[c]}: {why}" for c, why in found["missing"].items() if why]
    lines += ["", f"Without figures: {'; '.join(missing)}."] if missing else []
    lines += ["", "| workload | what it is |", "|---|---|"]
    lines += [f"| `{n}` | {WORKLOADS[n].what} |" for n in ORDER]
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("facula", "torch", "jax"):
        parser.add_argument(f"--{name}", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--only", nargs="+", choices=(*ORDER, "import"), metavar="ROW")
    parser.add_argument("--without", nargs="+", choices=COLUMNS, default=[], metavar="COLUMN")
    parser.add_argument("--seconds", type=float, default=1.0, help="of measuring in a process")
    parser.add_argument("--rounds", type=int, default=3, help="processes of Facula and PyTorch")
    parser.add_argument("--threads", type=int, default=_processors())
    parser.add_argument("--timeout", type=float, default=150.0, help="seconds for one process")
    parser.add_argument("--render", action="store_true", help="measure nothing")
    parser.add_argument("--page", type=Path, default=page.PAGE)
    return parser


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


def main() -> None:
    """Measures row by row, and writes the page."""
    o = _parser().parse_args()
    found = page.figures(o.page)
    table = found.setdefault("table", {"rows": {}, "versions": {}, "missing": {}})
    if not o.render:
        runner = Runner(o)
        table["missing"] = runner.missing
        table["machine"] = page.machine()
        limits = [o.facula, str(HERE / "limits.py"), "--threads", str(o.threads)]
        done = runner._process(limits, {}, 120)
        if done.returncode:
            sys.exit(f"limits.py failed: {done.stderr}")
        table["limits"] = json.loads(done.stdout)
        for name in o.only or (*ORDER, "import"):
            row = runner.row(name)
            for column, figures in row.items():
                if "version" in figures:
                    table["versions"][column] = figures.pop("version")
            today = datetime.date.today().isoformat()
            kept = {c: v for c, v in table["rows"].get(name, {}).items() if c in o.without}
            table["rows"][name] = kept | row | {"date": today, "load": table["machine"]["load"]}
            page.keep(o.page, found)
            print(f"{name:18}" + "".join(f"{_cell(row, c):>18}" for c in COLUMNS), flush=True)
    page.write(o.page, "table", render(table))


if __name__ == "__main__":
    main()
