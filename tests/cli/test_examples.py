"""The examples run to their end under `facula run`, with PyTorch installed or not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.py"))


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda p: p.name)
def test_an_example_runs(script, facula_run):
    found = facula_run(str(script))
    assert found.returncode == 0, found.stderr
    for accuracy in re.findall(r"restored checkpoint: ([\d.]+)%", found.stdout):
        assert float(accuracy) >= 97
