"""The examples run to their end under `facula run`, with PyTorch installed or not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.py"))


def _case(script: Path) -> Any:
    # What the README's first command runs is not run again by the short tests.
    marks = [pytest.mark.long] if script.name == "digits.py" else []
    return pytest.param(script, id=script.name, marks=marks)


@pytest.mark.parametrize("script", [_case(p) for p in EXAMPLES])
def test_an_example_runs(script, facula_run):
    found = facula_run(str(script))
    assert found.returncode == 0, found.stderr
    for accuracy in re.findall(r"restored checkpoint: ([\d.]+)%", found.stdout):
        assert float(accuracy) >= 97
