"""Golden kernels: the LLVM IR of a small fixed set of graphs, kept as text, so that a refactoring
that changes what the compiler emits shows it.

A change on purpose: FACULA_UPDATE_GOLDEN=1 python -m pytest tests/compiler/test_golden.py
writes the files of tests/compiler/golden anew; read the difference before committing it.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from graphs import B

from facula.compiler import compile_graph, program, writer

FOLDER = Path(__file__).with_name("golden")
F = np.float32


def chain(b: B) -> list[int]:
    """A chain of elementwise ops with a run-time scalar, and a row added to each row."""
    x, row = b.input(np.ones((9, 70), F)), b.input(np.ones(70, F))
    y = b.op("add", b.op("mul", x, b.broadcast(b.scalar(2.0), (9, 70))), b.broadcast(row, (9, 70)))
    return [b.op("relu", y), b.op("gt", y, b.full(0.5, (9, 70)))]


def softmax(b: B) -> list[int]:
    x = b.input(np.ones((33, 200), F))
    e = b.op("exp", b.op("sub", x, b.keep("max", x, 1)))
    return [b.op("div", e, b.keep("sum", e, 1))]


def column_sum(b: B) -> list[int]:
    x, y = b.input(np.ones((300, 50), F)), b.input(np.ones((300, 50), F))
    return [b.reduce("sum", b.op("mul", x, y), 0)]


def moves(b: B) -> list[int]:
    """A transposed slice, padded and flipped, of whole numbers."""
    x = b.input(np.ones((20, 30), np.int64))
    s = b.permute(b.slice(x, [1, 0], [19, 30], [2, 1]), 1, 0)
    return [b.flip(b.pad(s, [1, 0], [0, 2], 7), 0)]


def joined(b: B) -> list[int]:
    """Two vectors end to end, each read from an address of its own where the other one's part is:
    not from far outside of it.
    """
    x, y, z = (b.input(np.ones(n, F)) for n in (3000, 2500, 5500))
    return [b.op("mul", b.cat(0, x, y), z)]


def rolled(b: B) -> list[int]:
    """A matrix whose last row comes first."""
    x, y = b.input(np.ones((90, 70), F)), b.input(np.ones((90, 70), F))
    last, others = b.slice(x, [89, 0], [90, 70], [1, 1]), b.slice(x, [0, 0], [89, 70], [1, 1])
    return [b.op("add", b.cat(0, last, others), y)]


def total(b: B) -> list[int]:
    """A long sum: chunks whose number depends on the shape alone, and the sum of their sums."""
    x = b.input(np.ones(100_001))
    return [b.reduce("sum", b.op("abs", x), 0)]


GRAPHS: tuple[Callable[[B], list[int]], ...] = (
    chain, softmax, column_sum, moves, joined, rolled, total,
)  # fmt: skip


def emitted(build: Callable[[B], list[int]], monkeypatch: pytest.MonkeyPatch) -> str:
    """The IR of every kernel of a graph, in the order of its steps."""
    texts: list[str] = []
    original = program.Builder._kernel

    def kernel(self: program.Builder, key: str, make: Callable[[], str]) -> str:
        texts.append(make())
        return original(self, key, make)

    monkeypatch.setattr(program.Builder, "_kernel", kernel)
    b = B()
    b.g.outputs = build(b)
    compile_graph(b.g)
    return "\n".join(texts)


@pytest.mark.parametrize("build", GRAPHS, ids=[f.__name__ for f in GRAPHS])
def test_golden(build: Callable[[B], list[int]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "lacks_mask_registers", lambda: False)  # as on most processors
    text = emitted(build, monkeypatch)
    assert "define" in text
    path = FOLDER / f"{build.__name__}.ll"
    if os.environ.get("FACULA_UPDATE_GOLDEN"):
        FOLDER.mkdir(exist_ok=True)
        path.write_text(text)
    want = path.read_text()
    if text != want:
        lines = difflib.unified_diff(
            want.splitlines(), text.splitlines(), "golden", "emitted", lineterm="", n=2
        )
        pytest.fail(
            "emitted code has changed (see the top of this file):\n" + "\n".join(list(lines)[:200])
        )
