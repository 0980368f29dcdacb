"""Loads and choices where an index is in a part of a row, with registers for masks and without."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import facula
import facula.nn.functional as F
from facula import Tensor, config
from facula.compiler import writer
from facula.runtime import code

Program = Callable[[Tensor], Tensor]


@pytest.fixture(params=[False, True], ids=["registers", "none"])
def without(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    without: bool = request.param
    monkeypatch.setattr(writer, "lacks_mask_registers", lambda: without)
    monkeypatch.setattr(config, "disk_cache", False)
    monkeypatch.setattr(code, "_loaded", {})  # kernels of the other kind
    return without


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The modules that are compiled."""
    texts: list[str] = []
    original = code._compile

    def compiled(ir: str) -> tuple[bytes, tuple[str, ...]]:
        texts.append(ir)
        return original(ir)

    monkeypatch.setattr(code, "_compile", compiled)
    return texts


def _shifted(x: Tensor) -> Tensor:
    return F.pad(x, (2, 0)) * F.pad(x, (0, 2)) + F.pad(x, (1, 1))


PROGRAMS: dict[str, Program] = {
    "zeros": lambda x: F.pad(x, (3, 2)),
    "a number": lambda x: F.pad(x, (1, 4), value=0.25) * 2,
    "negative": lambda x: F.pad(x, (-1, 2)),
    "copies of the edges": lambda x: F.pad(x[None], (2, 3), mode="replicate")[0],
    "mirrored": lambda x: F.pad(x[None, None], (1, 2, 2, 1), mode="reflect")[0, 0],
    "joined": lambda x: facula.cat([x, 2 * x, x + 1], 1),
    "joined rows": lambda x: facula.cat([x, 2 * x]) + 1,
    "joined bools": lambda x: facula.cat([x > 0, x < 0.5], 1),
    "joined integers": lambda x: facula.cat([x.long(), x.long() + 1], 1),
    "rolled": lambda x: x.roll(5, 1) + x,
    "shifted": _shifted,
    "sums over parts": lambda x: facula.cat([x, x * x], 1).sum(1),
    "sums down parts": lambda x: F.pad(x, (2, 2)).sum(0),
}


@pytest.mark.parametrize("columns", [3, 8, 15, 16, 17, 33, 64, 100])
@pytest.mark.parametrize("name", PROGRAMS)
def test_as_without_a_compiler(name: str, columns: int, without: bool, texts: list[str]) -> None:
    # A shape for each kind: compiled programs are found by their shapes.
    data = np.random.default_rng(columns).normal(size=(7 + without, columns)).astype(np.float32)
    program = PROGRAMS[name]
    want = program(facula.from_numpy(data)).numpy()  # what is seen for the first time is not
    for _ in range(3):
        got = program(facula.from_numpy(data)).numpy()
        if got.dtype == np.float32:
            np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
        else:
            np.testing.assert_array_equal(got, want)
    assert texts


def test_masks_are_made_where_a_part_begins_or_ends(without: bool, texts: list[str]) -> None:
    x = facula.randn(11 + without, 100)
    for _ in range(3):
        F.pad(x, (3, 3)).numpy()
    loops = [t[t.index("loop") : t.index("tail")] for t in texts if "tail" in t]
    whole = [t for t in loops if "masked.load" in t and "load <16 x float>" in t]
    assert bool(whole) == without
