"""Fixtures for all tests: Python in a process of its own, under `facula run` or not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run_python(tmp_path: Path) -> Run:
    """`run_python(*arguments, cwd=..., **environment)`: this Python in a child process.

    The child runs in a temporary folder, finds this checkout of Facula first, has no standard input
    and keeps its kernels in a temporary folder. Returns the completed process with text output.
    """

    def run(
        *arguments: str, cwd: Path = tmp_path, timeout: float = 1200, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join(p for p in (str(ROOT), os.environ.get("PYTHONPATH")) if p)
        variables = {k: v for k, v in os.environ.items() if not k.startswith("FACULA_")}
        variables |= {"PYTHONPATH": path, "FACULA_CACHE_DIR": str(tmp_path / "kernels")}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=cwd,
            env=variables | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run


@pytest.fixture
def facula_run(run_python: Run) -> Run:
    """`facula_run(*arguments)`: `python -m facula run ARGUMENTS` in a child process."""

    def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
        return run_python("-m", "facula", "run", *arguments, **options)

    return run
