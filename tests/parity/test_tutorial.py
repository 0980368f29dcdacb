"""The examples under PyTorch and under `facula run`: two processes, one script, the printed text.

The tutorial's text is equal to the last character. The digits train for hundreds of steps, in which
the last bit of a sum grows: there the text must be the same but for the numbers, and these close.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
pytestmark = pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed")


@pytest.fixture
def texts(run_python, facula_run):
    """`texts(name)`: what the example prints under PyTorch and what under Facula."""

    def run(name: str) -> tuple[str, str]:
        script = str(EXAMPLES / name)
        # One thread: where processors come and go, PyTorch's wait for each other for minutes.
        expected, found = run_python(script, OMP_NUM_THREADS="1"), facula_run(script)
        assert expected.returncode == 0, expected.stderr
        assert found.returncode == 0, found.stderr
        return expected.stdout, found.stdout

    return run


def test_the_tutorial_prints_what_pytorch_prints(texts):
    expected, found = texts("tutorial.py")
    assert found == expected


@pytest.mark.long
def test_the_digits_print_what_pytorch_prints(texts):
    expected, found = texts("digits.py")
    number = r"\d+\.\d+"
    head = expected.index("epoch  2")  # the network and the first epoch: 47 steps
    assert re.sub(number, "#", found[:head]) == re.sub(number, "#", expected[:head])
    for text in ("training loss", "validation accuracy"):
        pattern = f"{text} ({number})"
        pairs = zip(re.findall(pattern, expected), re.findall(pattern, found), strict=True)
        close = {"training loss": 0.02, "validation accuracy": 1.5}[text]
        assert all(abs(float(a) - float(b)) <= close for a, b in pairs)
    assert re.findall(r"truth \d", found) == re.findall(r"truth \d", expected)
