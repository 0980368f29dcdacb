"""What the tests of recording share: which graphs are compiled."""

from __future__ import annotations

from typing import Any

import pytest

from facula import compiler


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many nodes each graph had that was compiled, not loaded; grows with every one."""
    found: list[int] = []
    original = compiler.compile_graph

    def counting(graph: Any) -> Any:
        found.append(len(graph.nodes))
        return original(graph)

    monkeypatch.setattr(compiler, "compile_graph", counting)
    return found
