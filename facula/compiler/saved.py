"""What one kernel leaves in memory for a later one that needs something it has computed.

The later kernel (a gradient, mostly) would go on from there: from the share of a GELU to its slope,
with an exponential and another look at x. Where all of that is known as early, the earlier kernel,
which has x and the share at hand, goes on itself, and leaves what the later one makes of them: one
array in place of two or three, and no second kernel that computes long for each element.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .scalar_code import ELEMENTWISE

if TYPE_CHECKING:
    from .schedule import Scheduler


def furthest(s: Scheduler, wanted: int, source: int) -> int:
    """The value to put in memory for `source`, where it needs `wanted`, which a kernel before has
    computed: `wanted` itself, or the one value made of it, on the way to `source`, that this
    kernel can compute as well and that all other uses of `wanted` go through.
    """
    home = s.inlined.get(wanted)
    if home is None or s.numel(wanted) != s.numel(source):
        return wanted
    found: set[int] = set()
    needs: dict[int, bool] = {wanted: True}

    def needs_it(v: int) -> bool:
        known = needs.get(v)
        if known is None:
            node = s.producer[v]
            lazy = s.is_lazy(v) and node is not None
            known = needs[v] = lazy and any(needs_it(a) for a in node.ins)  # type: ignore[union-attr]
        return known

    seen: set[int] = set()

    def descend(v: int) -> None:
        if v in seen:
            return
        seen.add(v)
        node = s.producer[v]
        assert node is not None
        early = v != source and s._ready(v, v) <= home.order
        if v == wanted or (early and node.op in ELEMENTWISE and s.numel(v) == s.numel(wanted)):
            found.add(v)
            return
        for a in node.ins:
            if needs_it(a):
                descend(a)

    if not needs_it(source):
        return wanted
    descend(source)
    if len(found) != 1:
        return wanted
    (last,) = found
    return last if _goes_through(s, wanted, last, {v for v, _, _ in home.memo}) else wanted


def _goes_through(s: Scheduler, wanted: int, last: int, at_home: set[int]) -> bool:
    """Whether all that reads `wanted` is part of `last` or computed at home."""
    parts, stack = set(), [last]
    while stack:
        v = stack.pop()
        node = s.producer[v]
        if v not in parts and node is not None and s.is_lazy(v) and v != wanted:
            parts.add(v)
            stack.extend(node.ins)
    readers = [s.producer[v] for v in at_home | parts]
    return s.uses[wanted] == sum(n.ins.count(wanted) for n in readers if n is not None)
