"""Why something was compiled: the first difference from the most similar plan that there was.

A plan is found by its path (which calls, with which facts of their inputs) and by which results are
still wanted. Whoever wonders why a loop compiles again wants to hear which of these changed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from .trie import BUNDLE, INPUT, MODE, Node
from .values import Meta

_ENOUGH = 0.5  # the share of calls in common from which two paths are versions of one


def why_compiled(plan: Any, known: Sequence[Any], names: Sequence[str]) -> str:
    """One sentence. known: plans compiled before, the likeliest last; names: of the plan's inputs
    ("" where unknown).
    """
    best, common = None, -1.0
    for other in known:
        share = _share(other.path, plan.path)
        if share >= common:
            best, common = other, share
    if best is not None and common >= _ENOUGH:
        return _difference(best, plan, names)
    for other in reversed(known):
        count = _same_end(other.path, plan.path)
        if count >= _ENOUGH * max(len(other.path), len(plan.path)):
            return _other_start(other.path, plan.path, count)
    return "new work"


def _kind(n: Node) -> Any:
    return n.op.name if n.op is not None else n.kind


def _share(old: list[Node], new: list[Node]) -> float:
    """How much of the two paths is the same sequence of calls, from the start."""
    count = 0
    for a, b in zip(old, new, strict=False):
        if a is not b and _kind(a) != _kind(b):
            break
        count += 1
    return count / max(len(old), len(new), 1)


def _same_end(old: list[Node], new: list[Node]) -> int:
    """How many calls at the end of the two paths are the same."""
    count = 0
    for a, b in zip(reversed(old), reversed(new), strict=False):
        if _kind(a) != _kind(b):
            break
        count += 1
    return count


def _other_start(old: list[Node], new: list[Node], count: int) -> str:
    """The same work at the end, after something else (initial weights, a first step's zeros)."""

    def text(path: list[Node]) -> str:
        before = [n for n in path[: len(path) - count] if n.op is not None]
        names = list(dict.fromkeys(_kind(n) + place(n) for n in before))
        return ", ".join(names[:3]) + (" ..." if len(names) > 3 else "") or "nothing"

    return (
        f"the last {count} calls are known, but what comes before them is not: {text(new)} "
        f"instead of {text(old)}"
    )


def facts(m: Meta) -> str:
    """The facts of a tensor for people: dtype and shape, and what is unusual."""
    text = f"{m.dtype.name}{list(m.shape)}"
    if not m.contiguous:
        text += f" with strides {list(m.strides)}"
    return text + (" with gradients" if m.requires_grad else "")


def place(n: Node) -> str:
    """Where a call stands in the program, in brackets, or ""."""
    return f" ({os.path.basename(n.line)})" if n.line else ""


def _difference(old: Any, new: Any, names: Sequence[str]) -> str:
    number = -1
    for k, (a, b) in enumerate(zip(old.path, new.path, strict=False)):
        if b.kind in (INPUT, BUNDLE):
            number += 1
        if a is b:
            continue
        if _kind(a) != _kind(b):
            return (
                f"after {k} calls in common, {_kind(b)}{place(b)} instead of {_kind(a)}{place(a)}"
            )
        if b.kind == MODE:
            return f"after {k} calls in common, gradients are switched or a tensor was written"
        if a.metas != b.metas and b.kind in (INPUT, BUNDLE):
            name = names[number] if number < len(names) else ""
            return _input(new.path, b, a.metas, b.metas, name)
        if a.attrs != b.attrs:
            return f"the arguments of {_kind(b)}{place(b)} changed: {a.attrs} -> {b.attrs}"
        if a.ins != b.ins:
            return f"{_kind(b)}{place(b)} gets other operands"
        if a.metas != b.metas:
            return f"the result of {_kind(b)}{place(b)} changed: {facts(a.meta)} -> {facts(b.meta)}"
    if len(old.path) != len(new.path):
        longer, word = (new, "goes on") if len(new.path) > len(old.path) else (old, "ends earlier")
        at = longer.path[min(len(old.path), len(new.path))]
        return f"the same calls, but the work {word} at {_kind(at)}{place(at)}"
    return _outputs(old, new)


def _input(path: list[Node], node: Node, old: Any, new: Any, name: str) -> str:
    a, b = next(((x, y) for x, y in zip(old, new, strict=False) if x is not y), (old[0], new[0]))
    what = f"input {name}" if name else "an input"
    user = next((n for n in path if node.slot in n.ins), None)
    if user is not None:
        what += f" of {_kind(user)}{place(user)}"
    if a.shape != b.shape and a.dtype is b.dtype and a.requires_grad == b.requires_grad:
        return f"the shape of {what} changed: {_tuple(a.shape)} -> {_tuple(b.shape)}"
    return f"{what} changed: {facts(a)} -> {facts(b)}"


def _tuple(shape: tuple[int, ...]) -> str:
    return str(tuple(shape))


def _outputs(old: Any, new: Any) -> str:
    """The same path, but other results are still held when it ends."""

    def text(slots: Sequence[int], plan: Any) -> str:
        names = []
        for s in slots[:3]:
            n = next((n for n in plan.path if n.slot <= s < n.slot + len(n.metas)), None)
            if n is not None:
                names.append(f"{_kind(n)}{place(n)} {facts(n.metas[s - n.slot])}")
        return ", ".join(names) + (f" and {len(slots) - 3} more" if len(slots) > 3 else "")

    more = [s for s in new.outputs if s not in old.outputs]
    less = [s for s in old.outputs if s not in new.outputs]
    parts = []
    if more:
        parts.append(f"now also kept: {text(more, new)}")
    if less:
        parts.append(f"no longer kept: {text(less, old)}")
    return "the same calls, other results are wanted" + (": " + "; ".join(parts) if parts else "")
