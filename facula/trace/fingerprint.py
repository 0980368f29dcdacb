"""What a plan's program is kept under on disk: a digest of all that its graph is made from.

The path with its facts, the needed nodes and the outputs determine the graph, and the digest adds
the versions and sources of what turns them into code. Values are not part of it, nor the lines that
recorded the path, so that programs which do the same work share what is kept. An attribute that
means something in this process only (a user's object) gives no digest: such a path is compiled
anew in every process.
"""

from __future__ import annotations

import marshal
from typing import Any

from ..dtypes import dtype, get_default_dtype
from ..graph import UpdateExpr
from .trie import MODE, OP, Node
from .values import Meta

_ATOMS = frozenset((int, float, complex, str, bytes, bool, type(None)))


def fingerprint(path: list[Node], needed: set[int], outputs: list[int]) -> str | None:
    """The digest of what `build_graph` makes of these arguments, or None where there is none."""
    from ..runtime import code  # `import facula` need not load it

    items: list[Any] = ["plan", get_default_dtype().name, tuple(outputs)]
    known: dict[Meta, tuple[Any, ...]] = {}
    brief: dict[Meta, tuple[Any, ...]] = {}
    try:
        for position, node in enumerate(path):
            kind = node.kind
            if kind is OP:
                if node.scalar or node.fixed:
                    items.append(_numbers(node))
                if position in needed:
                    facts = []
                    for m in node.metas:
                        found = brief.get(m)
                        if found is None:
                            found = brief[m] = (m.shape, m.dtype.name)
                        facts.append(found)
                    plain = _plain(node.attrs) if node.attrs else ()
                    items.append((node.slot, node.op.name, node.ins, plain, tuple(facts)))
            elif kind is not MODE:
                for m in node.metas:
                    found = known.get(m)
                    if found is None:
                        found = known[m] = _facts(m)
                    items.append((kind, node.slot, found))
        # Version 2: later ones write references, which depend on how often an object is shared.
        data = marshal.dumps(tuple(items), 2)
    except (TypeError, ValueError):
        return None
    return code.digest(data)


def _facts(m: Meta) -> tuple[Any, ...]:
    return m.shape, m.dtype.name, m.requires_grad, m.leaf, m.strides, m.offset, m.wrapped


def _numbers(node: Node) -> tuple[Any, ...]:
    """Which slots of a node are Python numbers, their facts, and the constant ones."""
    return (
        node.slot,
        node.scalar,
        tuple([(slot, _facts(m)) for slot, m in node.number_meta.items()]),
        tuple([(slot, _plain(x)) for slot, x in node.fixed.items()]),
    )


def _plain(x: Any) -> Any:
    """The attribute as data that tells equal from unequal. Raises TypeError for other objects."""
    kind = type(x)
    if kind in _ATOMS:
        return x
    if kind is tuple:
        for item in x:
            if type(item) not in _ATOMS:
                return tuple([_plain(y) for y in x])
        return x
    if kind is list:
        return "list", tuple([_plain(y) for y in x])
    if kind is dtype:
        return "dtype", x.name
    if kind is UpdateExpr:
        return "update", x.k, _plain(x.steps)
    raise TypeError(f"no data stands for {x!r}")
