"""Where loops that look at nothing end their frames.

A simulation of ten thousand steps, a target network that follows another one: nobody looks at a
value, so nothing ends the frame, and a path is followed that no frame ever followed before, call
after call, for ten times the price of a call that repeats. So where a path that is new goes round
and round, it ends after some rounds. The next frame begins at the same place of the loop, takes the
same way and ends there too: from the second one on it is known, from the third one on compiled.

Calls with gradients are left together: a backward pass within a frame is far better than one
through many. Nothing is decided while a known path is followed, and a frame that nobody goes on
with ends nowhere.
"""

from __future__ import annotations

from typing import Any

SPAN = 256  # calls that go round before a frame ends
ROUNDS = 4  # and rounds


class Trail:
    """The calls of the path that was last extended, and how many in a row are those of a round
    before.
    """

    __slots__ = ("calls", "tip", "last", "period", "run")

    def __init__(self) -> None:
        self.calls: list[Any] = []  # nodes
        self.tip: Any = None  # the last of them
        self.last: dict[Any, int] = {}  # where a call came last after the one before it
        self.period = self.run = 0

    def extend(self, node: Any) -> bool:
        """Follows the path to a new node. Whether a frame should end there.

        A path of up to `SPAN` calls need not be followed: what comes later is added with the rest.
        """
        if node.parent is not self.tip:
            between = [node]
            n = node.parent
            while n is not None and n is not self.tip:
                if n.op is not None:
                    between.append(n)
                n = n.parent
            if n is None:  # another path
                self.calls, self.last = [], {}
                self.period = self.run = 0
            for n in reversed(between[1:]):
                self._add(n)
        self._add(node)
        self.tip = node
        p = self.period
        return p > 0 and self.run >= max(SPAN, ROUNDS * p) and len(self.calls) % p == 0

    def _add(self, node: Any) -> None:
        calls = self.calls
        k, p = len(calls), self.period
        before = calls[-1] if calls else None
        calls.append(node)
        key = (before and before.op, node.op, node.attrs, node.metas)
        if p and _same(calls[k - p], node):
            self.run += 1
        else:
            self.run = 0
            at = self.last.get(key)
            tracked = any(m.requires_grad and not m.leaf for m in node.metas)
            self.period = 0 if at is None or tracked else k - at
        self.last[key] = k


def _same(a: Any, b: Any) -> bool:
    """Whether two calls are the same: of the same values, or of what lies as far back, which is
    no more than some rounds. (Where it is more, what was made in a stretch is used up in one.)
    """
    if a.op is not b.op or a.metas != b.metas or len(a.ins) != len(b.ins) or a.attrs != b.attrs:
        return False
    by = b.slot - a.slot
    first = b.slot - ROUNDS * by
    return all(x == y or (x + by == y >= first) for x, y in zip(a.ins, b.ins, strict=True))
