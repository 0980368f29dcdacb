"""Whether a path seen for the first time is compiled at once.

A reference costs tens of microseconds a call and about two nanoseconds an element that it reads or
writes. Compiling costs about half a millisecond a call, where kernels have to be generated, and a
tenth of that where they are there already because the same calls were made with other sizes. So
what is heavy enough to repay the compiler at its first run is compiled at its first run; work of a
structure that was met before needs less. The rule knows the path and what this thread recorded
before: neither the clock nor what a cache on disk holds, so that every run of a program gives the
same bits.
"""

from __future__ import annotations

from .recorder import Frame
from .trie import OP, Node

# Elements read and written from which compiling pays: for each path, and for each of its calls.
NEW = (10_000_000, 200_000)
KNOWN = (500_000, 25_000)  # a structure whose kernels may be there
_MAX_STRUCTURES = 4096


def path_and_bound(node: Node) -> tuple[list[Node], int]:
    """The nodes from the root to this one, and a quick upper bound of the elements that they read
    and write.
    """
    path: list[Node] = []
    largest = places = 0
    n: Node | None = node
    while n is not None and n.parent is not None:
        path.append(n)
        metas = n.metas
        for m in metas:
            if m.numel > largest:
                largest = m.numel
        places += len(n.ins) + len(metas)
        n = n.parent
    path.reverse()
    return path, largest * places


def compile_at_once(frame: Frame, path: list[Node], bound: int) -> bool:
    """Whether the work that the frame holds is worth compiling though it was never seen."""
    if bound < KNOWN[0]:
        return False
    calls, elements = _weight(path)
    if elements >= NEW[0] + NEW[1] * calls:
        return True
    structure = hash(tuple([(n.op.name, n.ins) for n in path if n.kind is OP]))
    seen = frame.root.structures
    if seen is None:
        seen = frame.root.structures = set()
    if structure in seen:
        return elements >= KNOWN[0] + KNOWN[1] * calls
    if len(seen) >= _MAX_STRUCTURES:  # bounded; a forgotten one only runs through references again
        seen.clear()
    seen.add(structure)
    return False


def _weight(path: list[Node]) -> tuple[int, int]:
    """How many calls a path has, and how many elements these read and write."""
    size: dict[int, int] = {}
    known = size.get
    calls = elements = 0
    for n in path:
        slot, made = n.slot, 0
        for m in n.metas:
            size[slot] = numel = m.numel
            made += numel
            slot += 1
        if n.kind is OP:
            calls += 1
            elements += made
            for s in n.ins:
                elements += known(s, 1)
    return max(calls, 1), elements
