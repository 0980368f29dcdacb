"""What the tries hold is bounded: paths are forgotten, which is always safe.

Paths that did not repeat go first. What is compiled stays while it is used now and then: a program
that goes through fifty sequence lengths has fifty long paths, and would never reach a steady state
if it lost them all each time that there are too many.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from .trie import Counter, Node
from .values import Formed

# Of all tries together. When a quarter of that is new, paths that were not compiled are forgotten;
# where three quarters are compiled, those that were not used since the last time too.
MAX_NODES = 48_000

# Stands in for a plan where a path ran once without gradients: most work is never seen again, and
# nothing is planned for it.
SEEN: Any = object()


def prune(root: Node) -> None:
    """Forgets the paths that did not repeat; if that frees little, also those that were not used
    since the last time, and if that frees little, everything. `root`: that of any of a thread's
    tries.
    """
    room = MAX_NODES * 3 // 4
    roots = list(root.tries.values()) if root.tries else [root]
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, 20_000))
    try:
        n = sum(_keep(r, lambda plan: plan.program is not None) for r in roots)
        if n > room:
            n = sum(_keep(r, lambda plan: plan.seen > plan.aged) for r in roots)
        for r in roots:
            _age(r)
    finally:
        sys.setrecursionlimit(limit)
    if n > room:
        for r in roots:
            r.edges.clear()
        n = len(roots)
    Counter.nodes = Counter.kept = n


def _keep(node: Node, wanted: Callable[[Any], bool]) -> int:
    """Removes the nodes that lead to no wanted plan; how many are left, 0 where this one may go."""
    total = 1
    for k, child in list(node.edges.items()):
        if type(child) is Node:
            n = _keep(child, wanted)
            if n == 0:
                del node.edges[k]
            total += n
        elif type(child) is Formed:
            del node.edges[k]  # goes where other edges lead as well; made again when it is needed
    plans = node.plans or {}
    if total == 1 and not any(p is not SEEN and wanted(p) for p in plans.values()):
        node.plans = node.usual = None  # so that no cycle keeps the node
        return 0
    return total


def _age(node: Node) -> None:
    node.producer_map = None  # it may hold nodes that were forgotten
    for plan in (node.plans or {}).values():
        if plan is not SEEN:
            plan.aged = plan.seen
    for child in node.edges.values():
        if type(child) is Node:
            _age(child)
