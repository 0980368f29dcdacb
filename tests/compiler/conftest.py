"""Puts the helpers of these tests (graphs.py) on the path, and what several of them want."""

import sys
from pathlib import Path

import pytest

from facula import config
from facula.compiler.contraction import thirds

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Products of float32 in vectors, also where the processor has matrix tiles."""
    monkeypatch.setattr(config, "disk_cache", False)  # which knows other choices
    monkeypatch.setattr(thirds, "possible", lambda: False)
