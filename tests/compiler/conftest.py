"""Puts the helpers of these tests (graphs.py) on the path, and what several of them want."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from facula import config
from facula.compiler.contraction import thirds
from facula.runtime import cpu

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def threads() -> Iterator[None]:
    """A test that sets the number of threads: it is set back."""
    before = cpu.get_num_threads()
    yield
    cpu.set_num_threads(before)


@pytest.fixture
def vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Products of float32 in vectors, also where the processor has matrix tiles."""
    monkeypatch.setattr(config, "disk_cache", False)  # which knows other choices
    monkeypatch.setattr(thirds, "possible", lambda: False)
