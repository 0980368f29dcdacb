"""The passes over a graph, in order. This list is the table of contents of the compiler's front
half."""

from __future__ import annotations

from collections.abc import Callable

from ..graph.graph import Graph
from . import complex_pairs, decompose, halves, picked_rows, simplify, update
from .verify import verify

Pass = tuple[str, Callable[[Graph], Graph], str]

PASSES: list[Pass] = [
    ("dead code", simplify.dead_code, "a trace records more than its outputs need"),
    (
        "split complex",
        complex_pairs.split_complex,
        "kernels are made of real numbers, of which complex ones are pairs",
    ),
    ("simplify", simplify.simplify, "identities, constants and repeated work cost time in kernels"),
    (
        "merge products",
        decompose.merge_products,
        "gradients of weights are sums of transposed products",
    ),
    (
        "picked rows",
        picked_rows.picked_rows,
        "rows picked from a small table are multiplied once for each time they are picked",
    ),
    (
        "split products",
        decompose.split_products,
        "a long sum with a small result is work for one thread only",
    ),
    (
        "small products",
        decompose.small_products,
        "small matrix products fuse better than they call",
    ),
    (
        "narrow products",
        halves.narrow_products,
        "products of bfloat16 are the processor's own where it has them",
    ),
    (
        "short reductions",
        decompose.short_reductions,
        "a loop over two neighbours leaves the lanes of vectors idle",
    ),
    (
        "split reductions",
        decompose.split_reductions,
        "one long reduction is work for one thread only",
    ),
    (
        "own outputs",
        simplify.own_outputs,
        "an output that is an input or another output has own memory",
    ),
    (
        "own operands",
        update.own_operands,
        "an update must not read as a gradient what it or another update writes",
    ),
    ("dead code", simplify.dead_code, "rewriting leaves nodes that nobody reads"),
]


def run(graph: Graph, check: bool = False) -> Graph:
    """The simplified graph with the same inputs, outputs and scalars. `check`: verify each pass."""
    if check:
        verify(graph)
    for name, function, _ in PASSES:
        graph = function(graph)
        if check:
            try:
                verify(graph)
            except ValueError as error:
                raise ValueError(f"after pass {name!r}: {error}") from error
    return graph
