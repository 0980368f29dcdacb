"""`facula explain`: the report, its figures, the script's own output and exit status."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest

SCRIPT = """
import torch
from torch import nn
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 10))
opt = torch.optim.Adam(net.parameters(), lr=1e-2)
for batch in (4, 4, 4, 4, 3, 3, 3, 4):
    x, y = torch.randn(batch, 16), torch.randint(0, 10, (batch,))
    opt.zero_grad()
    loss = nn.functional.cross_entropy(net(x), y)
    loss.backward()
    opt.step()
    print(loss.item())
"""


@pytest.fixture
def explain(run_python, tmp_path: Path):
    def run(text: str, *options: str, arguments: tuple[str, ...] = ()):
        script = tmp_path / "script.py"
        script.write_text(textwrap.dedent(text))
        return run_python("-m", "facula", "explain", *options, str(script), *arguments)

    return run


def test_the_report_and_its_figures(explain, facula_run, tmp_path: Path):
    done = explain(SCRIPT, "--json", "report.json")
    assert done.returncode == 0, done.stderr
    plain = facula_run(str(tmp_path / "script.py"))
    output, report = done.stdout.split("\nfacula explain: ")
    assert output == plain.stdout  # the same bits, watched or not
    assert "the shape of input x of linear (script.py:10) changed: (4, 16) -> (3, 16)" in report
    assert "linear x2 + relu" in report and "optimizer step of 4 tensors" in report
    assert "Steps on the host: none" in report

    found = json.loads((tmp_path / "report.json").read_text())
    plans = [p for p in found["plans"] if p["runs"]]
    assert len(plans) == 2
    for plan in plans:
        assert "script.py:12" in plan["at"]
        assert sum(k["seconds"] for k in plan["kernels"]) <= plan["seconds"]
        assert all(k["calls"] == plan["runs"] and k["bytes"] > 0 for k in plan["kernels"])
    assert len(found["compilations"]) == 2
    parts = ("python_s", "plans_s", "compilation_s", "uncompiled_s")
    assert sum(found[p] for p in parts) == pytest.approx(found["wall_s"], rel=1e-6)


@pytest.mark.thin(3)
@pytest.mark.parametrize(
    ("ending", "status"), [("raise SystemExit(3)", 3), ("1 / 0", 1), ("import sys; sys.exit()", 0)]
)
def test_the_report_comes_in_any_case(explain, ending: str, status: int):
    done = explain(f"import torch\nprint(torch.ones(3).sum().item())\n{ending}\n")
    assert done.returncode == status
    assert done.stdout.startswith("3.0\n") and "facula explain: " in done.stdout
    assert ("ZeroDivisionError" in done.stderr) == (status == 1)


def test_steps_on_the_host_say_why(explain):
    text = """
    import torch
    x = torch.ones(50, dtype=torch.complex64)
    for i in range(4):
        x.exp().sum().abs().item()
    """
    report = explain(text).stdout
    assert "on the host: no native code for complex64" in report


def test_what_else_changes_is_named(explain):
    text = """
    import torch
    x = torch.ones(50, 2)
    for keep in (0, 0, 0, 1, 1, 1):
        y = x + 1
        z = y.sum()
        if not keep:
            del y
        z.item()
    """
    report = explain(text).stdout
    assert "other results are wanted: now also kept: add (script.py:5) float32[50, 2]" in report


@pytest.mark.long
def test_options(explain, run_python, tmp_path: Path):
    text = "import sys\nprint(sys.argv[1:])\n"
    done = explain(text, "--top", "3", "--output=out.txt", arguments=("--top", "a"))
    assert done.stdout == "['--top', 'a']\n"
    assert (tmp_path / "out.txt").read_text().startswith("facula explain: ")
    for wrong in (["--colour"], ["--top", "x", "script.py"], ["--json"], ["--top", "1"]):
        done = run_python("-m", "facula", "explain", *wrong)
        assert done.returncode == 2 and done.stderr.startswith("facula explain: ")
    assert "usage" in run_python("-m", "facula", "explain", "--help").stdout


def test_debugging_output_agrees(run_python, tmp_path: Path):
    (tmp_path / "script.py").write_text(SCRIPT)
    done = run_python("-m", "facula", "run", "script.py", FACULA_DEBUG="1")
    assert "why: the shape of an input of linear (script.py:10) changed" in done.stderr
    assert "optimizer step of 4 tensors" in done.stderr
