"""What all tests share: Python in a process of its own, and which tests a short run leaves out."""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from facula.runtime import cpu
from facula.trace import forget, native, replay
from facula.trace.recorder import state
from facula.trace.trie import Counter

ROOT = Path(__file__).resolve().parents[1]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--all",
        action="store_true",
        help="also the tests marked `long`, and every case of those marked `thin`",
    )


def pytest_configure(config: pytest.Config) -> None:
    """For those who leave out a part of a test: see parity/calls.py."""
    if config.getoption("--all") or any("::" in a for a in config.args):
        os.environ["FACULA_TEST_ALL"] = "1"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out tests marked `long`, and of a test marked `thin(n)` all but every n-th case.

    Which cases stay depends on their names alone: two that lie beside each other in a table differ
    in one thing, and every second or third of them would all share another. What is asked for by
    name (`file.py::test`) runs whole.
    """
    if config.getoption("--all") or any("::" in a for a in config.args):
        return
    out: set[pytest.Item] = set()
    tables: dict[tuple[str, int], list[pytest.Item]] = {}
    for item in items:
        thin = item.get_closest_marker("thin")
        if item.get_closest_marker("long") is not None:
            out.add(item)
        elif thin is not None:
            tables.setdefault((item.nodeid.split("[")[0], *thin.args), []).append(item)
    for (_, n), cases in tables.items():
        cases.sort(key=lambda item: (zlib.crc32(item.nodeid.encode()), item.nodeid))
        out.update(cases[-(-len(cases) // n) :])
    if out:
        items[:] = [item for item in items if item not in out]
        config.hook.pytest_deselected(items=sorted(out, key=lambda item: item.nodeid))


@pytest.fixture(autouse=True, scope="session")
def machine_code() -> None:
    """What a program has after some steps: machine code in place of Python's functions."""
    native.load()


@pytest.fixture(autouse=True)
def nothing_left_by_others() -> None:
    """Computes what others have recorded, at import too, so that the test's first run is recorded
    as its second. Forgets paths before the test rather than in it: one that counts what is recorded
    or compiled must not depend on how much those before it have left.
    """
    replay.flush()
    if Counter.nodes > Counter.kept + forget.MAX_NODES // 8:
        forget.prune(state.tr.root)


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


@pytest.fixture
def awake(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two threads, of which the worker stays awake for a second after its last job."""
    before = cpu._requested
    monkeypatch.setattr(cpu, "_SPIN_NANOSECONDS", 1_000_000_000)
    cpu.set_num_threads(2)
    yield
    monkeypatch.undo()
    cpu._requested = before
    cpu.set_num_threads(before or cpu.get_num_threads())
    cpu._requested = before
