"""The verifier: what every graph between two passes must satisfy. Tests run it after each pass."""

from __future__ import annotations

from math import prod

from ..graph.graph import Graph, GraphNode
from .fusion import REDUCTIONS
from .scalar_code import COMPARE, ELEMENTWISE

_SAME = ELEMENTWISE - frozenset(COMPARE) - {"where", "cast"}
_BOOLEAN = frozenset("isnan isinf isfinite logical_not logical_and logical_or logical_xor".split())


def verify(graph: Graph) -> None:
    """Raises ValueError naming the node that is wrong."""
    made = set(graph.inputs)
    if len(made) != len(graph.inputs):
        raise ValueError("an input is listed twice")
    for number, node in enumerate(graph.nodes):
        for a in node.ins:
            if a not in made:
                raise ValueError(f"node {number} ({node.op}) reads %{a} before it is made")
        for v in node.outs:
            if v in made:
                raise ValueError(f"node {number} ({node.op}) makes %{v}, which is there already")
            made.add(v)
        try:
            _check(graph, node)
        except (AssertionError, ValueError) as error:
            shapes = [graph.shapes[v] for v in (*node.ins, *node.outs)]
            raise ValueError(
                f"node {number} ({node.op} {node.attrs}, shapes {shapes}): {error}"
            ) from error
    for v in graph.outputs:
        if v not in made:
            raise ValueError(f"output %{v} is not made")


def _require(condition: bool, text: str) -> None:
    if not condition:
        raise ValueError(text)


def _check(graph: Graph, node: GraphNode) -> None:
    op = node.op
    ins = [graph.shapes[v] for v in node.ins]
    types = [graph.dtypes[v] for v in node.ins]
    if len(node.outs) != 1:
        return
    out, out_type = graph.shapes[node.outs[0]], graph.dtypes[node.outs[0]]
    if op in ELEMENTWISE:
        _require(all(s == out for s in ins), "operands must have the node's shape")
        if op == "where":
            _require(types[0].name == "bool" and types[1] is types[2] is out_type, "wrong dtypes")
        elif op in COMPARE or op in _BOOLEAN:
            _require(len(set(types)) == 1 and out_type.name == "bool", "wrong dtypes")
        elif op in _SAME:
            _require(all(t is out_type for t in types), "wrong dtypes")
    elif op in ("const", "scalar"):
        _require(out == () and not ins, "must have shape ()")
    elif op == "iota":
        _require(out_type.name == "int64" and 0 <= node.attrs[0] < len(out), "wrong axis or dtype")
    elif op in REDUCTIONS:
        axes = (node.attrs[0],) if isinstance(node.attrs[0], int) else node.attrs[0]
        want = tuple(n for k, n in enumerate(ins[0]) if k not in axes)
        _require(out == want, f"expected the shape {want}")
    else:
        _check_movement(graph, node, ins, out)


def _check_movement(
    graph: Graph, node: GraphNode, ins: list[tuple[int, ...]], out: tuple[int, ...]
) -> None:
    op, attrs = node.op, node.attrs
    want = out
    if op == "reshape":
        _require(prod(ins[0]) == prod(out), "another number of elements")
        want = tuple(attrs[0])
    elif op == "permute":
        _require(sorted(attrs[0]) == list(range(len(ins[0]))), "not a permutation")
        want = tuple(ins[0][d] for d in attrs[0])
    elif op == "expand":
        _require(len(ins[0]) == len(out), "another rank")
        _require(
            all(a in (1, b) for a, b in zip(ins[0], out, strict=True)),
            "an axis does not grow from 1",
        )
    elif op == "slice":
        starts, stops, steps = attrs
        want = tuple(len(range(*x)) for x in zip(starts, stops, steps, strict=True))
    elif op in ("strided", "strided_write"):
        strides, offset = attrs
        size = out if op == "strided" else ins[1]
        most = offset + sum((n - 1) * s for n, s in zip(size, strides, strict=True))
        _require(offset >= 0 and min(strides, default=0) >= 0, "a step backwards")
        _require(0 in size or most < prod(ins[0]), "reaches over the end")
        _require(op != "strided" or len(ins[0]) == 1, "the operand is not flat")
        want = out if op == "strided" else ins[0]
    elif op == "pad":
        want = tuple(n + a + b for n, a, b in zip(ins[0], attrs[0], attrs[1], strict=True))
    elif op == "cat":
        axis = attrs[0]
        total = sum(s[axis] for s in ins)
        want = (*ins[0][:axis], total, *ins[0][axis + 1 :])
    elif op == "matmul":
        a, b = ins
        _require(a[:-2] == b[:-2] and a[-1] == b[-2], "shapes do not fit")
        want = (*a[:-1], b[-1])
    elif op == "convolve":
        want = (ins[0][0], ins[1][0], *out[2:])
        _require(ins[0][1] == ins[1][1] * attrs[3], "channels do not fit")
    elif op == "convolve_weight":
        want = (attrs[5], ins[1][1], ins[0][1] // attrs[3], *attrs[4])
        _require(ins[0][0] == ins[1][0], "another number of images")
    elif op == "take":
        axis = attrs[0]
        want = (*ins[0][:axis], *ins[1], *ins[0][axis + 1 :])
    elif op == "gather":
        want = ins[1]
    elif op in ("scatter", "scatter_add", "scan"):
        want = ins[0]
    elif op in ("as_real", "as_complex"):
        want = (*ins[0], 2) if op == "as_real" else ins[0][:-1]
        part, whole = sorted((node.ins[0], node.outs[0]), key=lambda v: graph.dtypes[v].is_complex)
        _require(graph.dtypes[part] is graph.dtypes[whole].to_real(), "wrong dtypes")
    _require(out == want, f"expected the shape {want}")
    if op in ("reshape", "permute", "expand", "slice", "flip", "pad", "cat", "take", "gather",
              "strided", "strided_write"):  # fmt: skip
        _require(graph.dtypes[node.ins[0]] is graph.dtypes[node.outs[0]], "the dtype changes")
