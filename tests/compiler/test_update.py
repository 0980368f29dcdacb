"""multi_update: optimizer formulas over many tensors, in place."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
import pytest

from facula.compiler import compile_graph
from facula.dtypes import float32, from_numpy_dtype, int64
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


def test_a_gradient_that_is_another_parameter_is_read_before_it_is_written() -> None:
    """The gradients of (p * q).sum() are q and p; two updates, and both read what was before."""
    p, q = np.arange(5, dtype="f"), np.ones(5, "f")
    expr = UpdateExpr(2, (("scalar", (), (0,)), ("mul", (2, 1), ()), ("sub", (0, 3), ())))
    g = Graph()
    g.scalars = ["f"]
    vp, vq, hp, hq = (g.add_input((5,), float32) for _ in range(4))
    gp = g.add("reshape", (vq,), (5,), float32, ((5,),), lambda a: a)
    gq = g.add("add", (vp, vp), (5,), float32, (), np.add)
    for operands in ((hp, gp), (hq, gq)):
        g.nodes.append(GraphNode("multi_update", operands, (), (expr, 1, 2, ((0, 4),), (1,))))
    compile_graph(g).run([a.ctypes.data for a in (p, q, p, q)], [], [0.5])
    np.testing.assert_array_equal(p, np.arange(5) - 0.5)
    np.testing.assert_array_equal(q, 1 - np.arange(5))


def test_an_index_out_of_range_leaves_the_parameters_alone() -> None:
    """The step that would have used the result does not happen."""
    table, index = np.ones((3, 4), "f"), np.array([7])
    expr = UpdateExpr(2, (("sub", (0, 1), ()),))
    g = Graph()
    vt, vi, held = (
        g.add_input((3, 4), float32), g.add_input((1,), int64), g.add_input((1, 4), float32),
    )  # fmt: skip
    rows = g.add("take", (vt, vi), (1, 4), float32, (0,), lambda a, i: np.take(a, i, 0))
    g.nodes.append(GraphNode("multi_update", (held, rows), (), (expr, 1, 2, ((0, 2),), (1,))))
    target = np.ones((1, 4), "f")
    with pytest.raises(IndexError):
        compile_graph(g).run([a.ctypes.data for a in (table, index, target)], [], [])
    np.testing.assert_array_equal(target, 1)


def test_inputs_may_come_as_tables() -> None:
    """Ranges that `hold` named take their addresses from arrays made once."""
    a, b, c, d = (np.full(3, float(i), "f") for i in range(1, 5))
    g = Graph()
    va, vb, vc, vd = (g.add_input((3,), float32) for _ in range(4))
    one = g.add("sub", (va, vb), (3,), float32, (), np.subtract)
    g.outputs = [g.add("mul", (one, g.add("add", (vc, vd), (3,), float32)), (3,), float32)]
    program = compile_graph(g)
    program.hold([(1, 2)])
    out = np.empty(3, "f")
    table = array("Q", [b.ctypes.data, c.ctypes.data])
    program.run([a.ctypes.data, d.ctypes.data], [out.ctypes.data], [], [table])
    np.testing.assert_array_equal(out, -7)


def test_a_table_of_its_own() -> None:
    """`Fixed.run` writes what changed: inputs always, outputs and tables when they are others."""
    g = Graph()
    g.scalars = ["f"]
    x, p = g.add_input((4,), float32), g.add_input((4,), float32)
    out = g.add("mul", (x, p), (4,), float32, (), np.multiply)
    twice = g.add("add", (out, out), (4,), float32, (), np.add)
    expr = UpdateExpr(2, (("scalar", (), (0,)), ("mul", (2, 1), ()), ("sub", (0, 3), ())))
    g.nodes.append(GraphNode("multi_update", (p, twice), (), (expr, 1, 2, ((0, 4),), (1,))))
    g.outputs = [out]
    program = compile_graph(g)
    program.hold([(1, 1)])
    fixed = program.fixed()
    assert fixed is not None and program.fixed(1) is None
    params = [np.arange(4, dtype="f"), np.ones(4, "f")]
    tables = [array("Q", [a.ctypes.data]) for a in params]
    outputs = [np.empty(4, "f") for _ in range(2)]
    pointers = [[o.ctypes.data] for o in outputs]
    for i in range(8):
        given = np.full(4, i + 1.0, "f")
        q, o = params[i // 2 % 2], i // 4
        want = given * q
        after = q - np.float32(0.25) * (want + want)
        assert fixed.run([given.ctypes.data], pointers[o], [0.25], [tables[i // 2 % 2]])
        np.testing.assert_array_equal(outputs[o], want)
        np.testing.assert_allclose(q, after, rtol=1e-6)
        # the program's own table is another one
        other, kept = np.ones(4, "f"), np.empty(4, "f")
        program.run(
            [given.ctypes.data], [kept.ctypes.data], [0.0], [array("Q", [other.ctypes.data])]
        )
        np.testing.assert_array_equal(kept, given)


def test_a_graph_knows_of_updates_that_are_added() -> None:
    g = Graph()
    x = g.add_input((3,), float32)
    assert not g.updates()
    g.nodes.append(GraphNode("multi_update", (x,), ()))
    assert g.updates()
