"""What outlives a frame: the part of it that gradients still flow through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .recorder import Frame
from .trie import NOTHING
from .values import Value


class Tape:
    """What is kept of an ended frame while gradients may flow through it. Made by `tape_of`."""

    __slots__ = (
        "node", "leaves", "upstream", "hooks", "custom", "freed", "saved", "over", "scalars",
        "base", "versions",
    )  # fmt: skip

    node: Any
    base: int
    scalars: list[Any]
    leaves: dict[int, Value]
    upstream: Mapping[int, Value]
    hooks: dict[int, list[Any]] | None
    custom: dict[int, Any] | None
    freed: frozenset[int]
    over: dict[int, Any] | None
    saved: Mapping[int, Value]
    versions: Mapping[int, tuple[Any, int]]


def tape_of(frame: Frame) -> Tape:
    """The tape of a frame that ends now."""
    t = Tape()
    t.node, t.base, t.scalars = frame.node, frame.base, frame.scalars
    t.leaves, t.upstream, t.freed = frame.leaves, frame.upstream, frame.freed
    t.hooks, t.custom, t.over = frame.hooks, frame.custom, frame.over
    t.saved = t.versions = NOTHING
    return t
