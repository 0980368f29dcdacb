"""multi_update: optimizer formulas over many tensors, in place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from facula.compiler import compile_graph
from facula.dtypes import float32, from_numpy_dtype
from facula.graph.graph import Graph, GraphNode, UpdateExpr

# p -= lr * (g + decay * p), as steps over the operands (p, g).
SGD = UpdateExpr(
    2,
    (
        ("scalar", (), (0,)), ("const", (), (0.1,)), ("mul", (3, 0), ()), ("add", (1, 4), ()),
        ("mul", (2, 5), ()), ("sub", (0, 6), ()),
    ),
)  # fmt: skip
# Adam without bias correction, over (p, g, m, v).
ADAM = UpdateExpr(
    4,
    (
        ("scalar", (), (0,)), ("const", (), (0.9,)), ("const", (), (0.1,)), ("mul", (5, 2), ()),
        ("mul", (6, 1), ()), ("add", (7, 8), ()), ("mul", (1, 1), ()), ("mul", (6, 10), ()),
        ("mul", (5, 3), ()), ("add", (12, 11), ()), ("sqrt", (13,), ()), ("const", (), (1e-8,)),
        ("add", (14, 15), ()), ("div", (9, 16), ()), ("mul", (4, 17), ()), ("sub", (0, 18), ()),
    ),
)  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", [[(5,)], [(3, 4), (17,), (0,), (100, 300), ()]])
def test_sgd(dtype: str, sizes: Any) -> None:
    r = np.random.default_rng(0)
    arrays = [np.array(r.standard_normal(s), dtype) for s in sizes for _ in range(2)]
    g = Graph()
    g.scalars = ["f"]
    ins = [g.add_input(a.shape, from_numpy_dtype(a.dtype)) for a in arrays]
    operands = []
    for i in range(0, len(ins), 2):
        d, s = g.dtypes[ins[i]], g.shapes[ins[i]]
        operands += [ins[i], g.add("neg", (ins[i + 1],), s, d, (), np.negative)]
    g.nodes.append(GraphNode("multi_update", tuple(operands), (), (SGD, len(sizes), 2, ((0, 7),))))
    want = []
    for p, x in zip(arrays[::2], arrays[1::2], strict=True):
        want.append(p - p.dtype.type(0.01) * (-x + p.dtype.type(0.1) * p))
    compile_graph(g).run([a.ctypes.data for a in arrays], [], [0.01])
    for p, w in zip(arrays[::2], want, strict=True):
        np.testing.assert_allclose(p, w, rtol=1e-6, atol=1e-7)


def test_readers_come_first_and_state_stays() -> None:
    """Other nodes see the parameters as they were, whatever the order of the graph."""
    r = np.random.default_rng(0)
    p, grad, m, v = (r.standard_normal(1000).astype("f") for _ in range(4))
    v = np.abs(v)
    before = p.copy()
    g = Graph()
    g.scalars = ["f"]
    ins = tuple(g.add_input((1000,), float32) for _ in range(4))
    g.nodes.append(GraphNode("multi_update", ins, (), (ADAM, 1, 4, ((0, 19), (2, 9), (3, 13)))))
    out = g.add("exp", (ins[0],), (1000,), float32, (), np.exp)
    g.outputs = [out, ins[0]]
    result, copy = np.empty_like(p), np.empty_like(p)
    new_m = 0.9 * m + 0.1 * grad
    new_v = 0.9 * v + 0.1 * grad * grad
    compile_graph(g).run(
        [a.ctypes.data for a in (p, grad, m, v)], [result.ctypes.data, copy.ctypes.data], [0.5]
    )
    np.testing.assert_allclose(result, np.exp(before), rtol=1e-5)
    np.testing.assert_array_equal(copy, before)
    np.testing.assert_allclose(m, new_m, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(v, new_v, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        p, before - 0.5 * new_m / (np.sqrt(new_v) + 1e-8), rtol=1e-4, atol=1e-5
    )
