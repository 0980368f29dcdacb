"""What the tests of recording share: an empty trie each, and which graphs are compiled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from facula import compiler
from facula.trace import replay
from facula.trace.recorder import Frame, state
from facula.trace.trie import MODE, Counter, Node


@pytest.fixture(autouse=True)
def empty_trie() -> Iterator[None]:
    """No paths from before, and none forgotten on the way: what a test counts, it has recorded."""
    replay.flush()
    outer, nodes, kept = state.tr, Counter.nodes, Counter.kept
    state.tr = Frame(Node(None, MODE))
    Counter.nodes = Counter.kept = 0
    yield
    replay.flush()
    state.tr, Counter.nodes, Counter.kept = outer, nodes, kept


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
