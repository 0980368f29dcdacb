"""The scripts of benchmarks/: that they agree with each other and with their page. Nothing is timed
against anything: the workloads' own figures are made by hand, on an idle machine.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIMITS = {"threads": 2, "flops": 1e9, "memory": {"1000": {"read": 1e9, "write": 5e8},
                                                 "9000": {"read": 1e8, "write": 1e8}}}  # fmt: skip


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    """The modules of the folder, imported as the scripts import each other."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    names = ("page", "table", "workloads", "measure", "accuracy")
    before = set(sys.modules)
    found = {name: __import__(name) for name in names}
    yield found
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in names:
            del sys.modules[name]


def test_twins_are_those_of_the_table(scripts: dict[str, Any]) -> None:
    source = (ROOT / "benchmarks" / "workloads" / "twins.py").read_text("utf-8")
    listed = source.partition("TWINS: ")[2]
    assert all(f'"{name}": ' in listed for name in scripts["table"].TWINS)
    assert listed.count('": ') == len(scripts["table"].TWINS)
    assert set(scripts["table"].TWINS) <= set(scripts["workloads"].WORKLOADS)


def test_the_limit_is_the_longer_of_arithmetic_and_memory(scripts: dict[str, Any]) -> None:
    limit, record = scripts["table"].limit, sys.modules["workloads.record"]

    def of(*work: float) -> float:
        workload = record.Workload("x", "x", lambda t, c: lambda: 0.0, record.Work(*work))
        return float(limit(workload, LIMITS))

    assert of(5e6, 800, 500) == pytest.approx(5e-3)
    assert of(0, 800, 500) == pytest.approx(800 / 1e9 + 500 / 5e8)
    assert of(0, 20000, 0) == pytest.approx(20000 / 1e8)
    assert limit(None, LIMITS) == 0


def test_counts_of_work(scripts: dict[str, Any]) -> None:
    """Against counting by hand, for a network whose products are few."""
    work = {name: w.work for name, w in scripts["workloads"].WORKLOADS.items()}
    assert work["mlp_latency"].flops == 2 * (784 * 128 + 128 * 10)
    # about 22 ms and 260 ms at 205 GFLOP/s
    assert work["cnn_step"].flops / 205e9 == pytest.approx(0.022, rel=0.2)
    assert work["resnet_step"].flops / 205e9 == pytest.approx(0.26, rel=0.2)
    assert work["many_params_step"].reads == 4 * 64000 * 4


def test_a_page_is_written_between_its_markers(scripts: dict[str, Any], tmp_path: Path) -> None:
    page, file = scripts["page"], tmp_path / "page.md"
    file.write_text("a\n<!-- begin table -->\nold\n<!-- end table -->\nz\n")
    page.write(file, "table", "new\n")
    assert file.read_text() == "a\n<!-- begin table -->\nnew\n<!-- end table -->\nz\n"
    with pytest.raises(ValueError, match="accuracy"):
        page.write(file, "accuracy", "new")
    page.keep(file, {"b": [1.5]})
    assert page.figures(file) == {"b": [1.5]}
    for part in ("table", "accuracy"):
        assert f"<!-- begin {part} -->" in page.PAGE.read_text("utf-8")


def test_two_processes_make_one_row(scripts: dict[str, Any]) -> None:
    cold = {"first_s": 3.0, "four_s": 4.0, "median_s": 2.0, "peak_bytes": 7}
    warm = {"first_s": 1.0, "four_s": 2.0, "median_s": 1.0, "peak_bytes": 5}
    better = scripts["table"]._better
    row = better(better(None, cold), warm)
    assert row["cold_s"] == [3.0, 4.0] and row["first_s"] == 1.0
    assert row["median_s"] == 1.0 and row["peak_bytes"] == 7
    text = scripts["table"].render(
        {
            "rows": {"cnn_step": {"facula": row, "torch": {"error": "no"}, "date": "d", "load": 0}},
            "limits": LIMITS, "machine": scripts["page"].machine(), "versions": {"facula": "0"},
            "missing": {"jax": "not installed"},
        }
    )  # fmt: skip
    assert "| `cnn_step` | 1000.0 | fails | - | - |" in text
    assert "`cnn_step`, PyTorch: no" in text and "JAX: not installed" in text


@pytest.mark.long
def test_families_are_timed_in_processes_of_their_own(run_python: Any) -> None:
    script = str(ROOT / "benchmarks" / "families.py")
    done = run_python(script, "--only", "Rosenbrock", "dot", "--threads")
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines() if line[:1] == "R"]
    assert len(rows) == 1 and [float(x) > 0 for x in rows[0][1:]] == [True] * 6


@pytest.mark.thin(3)
@pytest.mark.parametrize("name", ["tutorial_epoch", "mlp_latency", "double_backward"])
def test_a_measurement(run_python: Any, name: str) -> None:
    script = str(ROOT / "benchmarks" / "measure.py")
    done = run_python(script, "--module", "facula", "--workload", name, "--seconds", "0")
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)
    assert row["units"] == 3 and 0 < row["first_s"] <= row["four_s"] and row["peak_bytes"] > 1e6
