"""The examples print the same text under PyTorch and under `facula run`, to the character."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("name", ["tutorial.py", "digits.py"])
def test_an_example_prints_what_pytorch_prints(name, run_python, facula_run):
    script = str(EXAMPLES / name)
    expected, found = run_python(script), facula_run(script)
    assert expected.returncode == 0, expected.stderr
    assert found.returncode == 0, found.stderr
    assert found.stdout == expected.stdout
