# ruff: noqa: E501  (calls are read as tables)
"""All calls of the tables: none is missing, and they do the same without recording."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
HERE = Path(__file__).parent
TABLES = sorted(HERE.glob("test_*.py"))
OURS = (
    "comparison", "complex_parts", "creation", "legacy", "linear", "numeric", "operators", "ordering", "pointwise",
    "random", "reductions", "windows",
)  # fmt: skip
EAGER = """
import runpy, sys
check = runpy.run_path(sys.argv[1])["check"]
from facula import config
assert config.eager
for path in sys.argv[2:]:
    table = runpy.run_path(path)
    for name in ("CALLS", "GRADIENTS", "NUMERIC"):
        if name in table:
            check(table[name], loose=100)
"""


def _module(function: object) -> str:
    inner = getattr(function, "__wrapped__", function)
    return str(getattr(inner, "__module__", "")).rpartition(".")[2]


def test_every_function_is_in_a_table() -> None:
    """Whether each published name of these modules occurs in the text of the tables."""
    import facula  # noqa: F401
    from facula.functions.registry import ENTRIES

    text = "\n".join(path.read_text() for path in TABLES)
    missing = [
        name
        for name, entry in ENTRIES.items()
        if _module(entry.function) in OURS and f"{name}(" not in text and f" {name}\n" not in text
        and f" {name} " not in text and f"\n{name} " not in text and f'"{name}' not in text
    ]  # fmt: skip
    assert not missing, f"functions without a call in tests/parity: {missing}"


def test_without_recording() -> None:
    """FACULA_EAGER=1 runs every op at once, through its reference."""
    names = ("test_pointwise.py", "test_reductions.py", "test_linear.py", "test_creation.py")
    done = subprocess.run(
        [sys.executable, "-c", EAGER, str(HERE / "calls.py"), *(str(HERE / n) for n in names)],
        env={**os.environ, "FACULA_EAGER": "1"},
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stderr[-4000:]
