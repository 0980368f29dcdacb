"""Passes: what they simplify, what they must not touch, and what the verifier refuses."""

from __future__ import annotations

import numpy as np
import pytest
from graphs import B

from facula.compiler import CompileError, Program, compile_graph, pipeline
from facula.compiler.verify import verify
from facula.dtypes import complex64, float32, float64, int32, int64
from facula.graph.graph import Graph, GraphNode


def _ops(b: B, *outputs: int) -> list[str]:
    b.g.outputs = list(outputs)
    return [n.op for n in pipeline.run(b.g, check=True).nodes]


def _input(b: B, *shape: int) -> int:
    return b.input(np.ones(shape, "f"))


def test_identities() -> None:
    b = B()
    x = _input(b, 4, 5)
    one = b.full(1.0, (4, 5))
    y = b.op("mul", b.op("div", x, one), one)
    y = b.op("neg", b.op("neg", b.op("sub", y, b.full(0.0, (4, 5)))))
    y = b.permute(b.permute(y, 1, 0), 1, 0)
    y = b.reshape(b.reshape(b.reshape(y, 20), 2, 10), 4, 5)
    y = b.slice(b.pad(b.flip(b.flip(y, 0), 0), (0, 0), (0, 0)), (0, 0), (4, 5), (1, 1))
    assert _ops(b, b.op("exp", y)) == ["exp"]


def test_adding_zero_is_kept_for_the_sign_of_zero() -> None:
    b = B()
    x = _input(b, 3)
    assert "add" in _ops(b, b.op("add", x, b.full(0.0, (3,))))
    b = B()
    x = _input(b, 3)
    assert _ops(b, b.op("exp", b.op("add", x, b.full(-0.0, (3,))))) == ["exp"]


def test_casts() -> None:
    b = B()
    x = _input(b, 3)
    wide = b.cast(b.cast(x, float64), float32)
    assert _ops(b, b.op("exp", wide)) == ["exp"]
    i = b.input(np.ones(3, np.int64))
    assert _ops(b, b.cast(b.cast(i, int32), int64)).count("cast") == 2
    assert _ops(b, b.cast(b.cast(b.cast(i, int32), int64), float64)).count("cast") == 2


def test_constants_and_common_work() -> None:
    b = B()
    x = _input(b, 3)
    two = b.op("add", b.full(1.0, (3,)), b.full(1.0, (3,)))
    y, z = b.op("mul", b.op("exp", x), two), b.op("mul", b.op("exp", x), b.full(2.0, (3,)))
    ops = _ops(b, b.op("add", y, z))
    assert (ops.count("exp"), ops.count("mul"), ops.count("add")) == (1, 1, 1)


def test_dead_code() -> None:
    b = B()
    x = _input(b, 3)
    b.op("exp", x)
    assert _ops(b, b.op("neg", x)) == ["neg"]


def test_the_graph_is_left_alone() -> None:
    b = B()
    x = _input(b, 3)
    b.g.outputs = [x, b.op("neg", b.op("neg", x))]
    before = b.g.text()
    pipeline.run(b.g)
    assert b.g.text() == before
    b.check(*b.g.outputs)


def test_every_pass_has_a_reason() -> None:
    for name, function, reason in pipeline.PASSES:
        assert name and callable(function) and len(reason.split()) > 3


def test_verifier() -> None:
    g = Graph()
    x = g.add_input((3, 4), float32)
    g.outputs = [g.add("neg", (x,), (4, 3), float32)]
    with pytest.raises(ValueError, match="operands must have the node's shape"):
        verify(g)
    g = Graph()
    g.outputs = [g.add("neg", (1,), (3,), float32)]
    with pytest.raises(ValueError, match="before it is made"):
        verify(g)
    g = Graph()
    x = g.add_input((3, 4), float32)
    g.outputs = [g.add("sum", (x,), (3,), float32, ((0,),))]
    with pytest.raises(ValueError, match="expected the shape"):
        verify(g)


def test_no_code_and_no_reference() -> None:
    g = Graph()
    x = g.add_input((3,), complex64)
    g.outputs = [g.add("exp", (x,), (3,), complex64)]
    with pytest.raises(CompileError, match="neither native code nor a reference"):
        compile_graph(g)


def test_rare_dtypes_and_several_results_run_on_the_host() -> None:
    b = B()
    x = b.input(np.linspace(-1, 1, 12, dtype=np.float16).reshape(3, 4))
    y = b.cast(b.op("neg", x), float32)
    g = b.g
    outs = (g.value((3, 4), float32), g.value((3, 4), int64))
    g.nodes.append(GraphNode("both", (y,), outs, (), lambda a: (np.sort(a, 1), np.argsort(a, 1))))
    b.check(b.op("exp", outs[0]), b.op("add", outs[1], outs[1]), y)


def test_equal_structure_shares_code() -> None:
    from facula.runtime import code

    def count(shape: tuple[int, ...]) -> int:
        b = B()
        x = b.input(np.ones(shape, "f"))
        b.check(b.op("exp", b.op("sub", x, b.keep("max", x, 1))))
        return len(code._loaded)

    assert count((30, 100)) == count((41, 123))


def test_programs_share_one_arena() -> None:
    from facula.compiler import executable

    def program(n: int) -> tuple[B, Program]:
        b = B()
        x = b.input(np.linspace(0, 1, n * n, dtype="f").reshape(n, n))
        y = b.matmul(b.matmul(x, x), x)  # the first product lies in the arena
        return b, b.check(b.matmul(y, y), rtol=1e-3)

    first, small = program(50)
    second, large = program(90)
    held = len(executable._arenas)
    for _ in range(2):
        for b, p in ((first, small), (second, large)):
            _, (found,) = b.run(p)
            np.testing.assert_allclose(found, b.reference()[0], rtol=1e-3)
    assert len(executable._arenas) == held


def test_choices_of_constants_need_no_numbers() -> None:
    """Which place of a window was chosen is told from the conditions, without integers."""
    b = B()
    shape = (7, 33)
    x = b.input(np.random.default_rng(0).standard_normal(shape).astype("f"))
    base = b.op("mul", b.iota(shape, 1), b.full(2, shape, int64))
    flags = [b.op("gt", x, b.full(t, shape)) for t in (-1.0, 0.0, 1.0)]
    index = base
    for offset, flag in zip((3, 20, 3), flags, strict=True):
        index = b.where(flag, b.op("add", base, b.full(offset, shape, int64)), index)
    place = b.op("sub", index, base)
    chosen = [b.op("eq", place, b.full(k, shape, int64)) for k in (0, 3, 20, 5)]
    b.check(*chosen)
    ops = {n.op for n in pipeline.run(b.g).nodes}
    assert not ops & {"iota", "mul", "eq", "sub"}, ops
