"""Comparing Facula with PyTorch by scenario: the same function runs with both, and the texts must
agree.

A scenario takes the package (`facula` or `torch`) and returns anything; what it raises is part of
the result. Class paths differ between the two packages and are cut to the bare name.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import pytest


def _outcome(action: Callable[[], Any]) -> str:
    """The text of what `action` returns, or the class and message of what it raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return f"{action()!r}"
        except Exception as error:
            return f"{type(error).__name__}: {error}"


def _normalised(text: str) -> str:
    """Without addresses and without the packages' module paths."""
    text = re.sub(r"0x[0-9a-f]+", "0x", text)
    return re.sub(r"\b(?:torch|facula)\.(?:nn|utils)\.[a-z_.]*(?=[A-Za-z_])", "", text)


def _agree(scenario: Callable[[Any], Any]) -> None:
    """Asserts that the scenario gives the same text with both packages."""
    import facula

    theirs = pytest.importorskip("torch")
    theirs.manual_seed(0)
    expected = _normalised(_outcome(lambda: scenario(theirs)))
    facula.manual_seed(0)
    got = _normalised(_outcome(lambda: scenario(facula)))
    assert got == expected


@pytest.fixture
def agree() -> Callable[[Callable[[Any], Any]], None]:
    """`agree(scenario)`: the scenario gives the same text with Facula and with PyTorch."""
    return _agree
