"""The update op: its reference, its edge in the trie, bundles, and formulas."""

from __future__ import annotations

import numpy as np
import pytest

import facula as fl
from facula import config
from facula.graph import UpdateExpr
from facula.optim.formula import Terms
from facula.trace.recorder import state
from facula.trace.replay import flush
from facula.trace.update import Bundle, Formula, run_update, update


def momentum() -> Formula:
    x = Terms(("b",))
    b = x.state["b"] * x["m"] + x.grad
    x.write("b", b)
    x.write("param", x.param - x["lr"] * b)
    return x.formula()


FORMULA = momentum()


def test_formulas_share_what_is_equal() -> None:
    x = Terms(())
    g = x.grad * 2.0
    x.write("param", (x.param - g) + (x.param - g) * x["lr"] / x["lr"])
    ops = [op for op, _, _ in x.formula().expr.steps]
    assert ops == ["const", "mul", "sub", "scalar", "mul", "div", "add"]
    assert x.formula().numbers == ("lr",)


def test_the_reference() -> None:
    expr = UpdateExpr(2, (("scalar", (), (0,)), ("mul", (2, 1), ()), ("add", (0, 3), ())))
    arrays = [np.arange(3.0), np.ones(3), np.zeros(2), np.ones(2)]
    run_update(expr, 2, 2, ((0, 4),), arrays, [0.5])
    assert arrays[0].tolist() == [0.5, 1.5, 2.5] and arrays[2].tolist() == [0.5, 0.5]


def test_the_reference_reads_before_it_writes() -> None:
    """Two operands that change places."""
    arrays = [np.zeros(2), np.ones(2)]
    run_update(UpdateExpr(2, ()), 1, 2, ((0, 1), (1, 0)), arrays, [])
    assert arrays[0].tolist() == [1, 1] and arrays[1].tolist() == [0, 0]


@pytest.mark.parametrize("recorded", [False] if config.eager else [False, True])
def test_in_place_at_the_end_of_the_frame(recorded: bool) -> None:
    """First through references, then compiled, then replayed with other numbers."""
    p, b = fl.zeros(3)._value(), fl.zeros(3)._value()
    held = Bundle([p, b])
    want_p = want_b = 0.0
    for k in range(1, 6):
        g = fl.full((3,), float(k))
        flush()
        if recorded:
            g = g * 2
            slots, grads = (g._v.vid - state.tr.base,), None
        else:
            slots, grads = (-1,), Bundle([g._value()])
        update(FORMULA, held, slots, grads, [0.5, 1 / k])
        flush()
        want_b = want_b * 0.5 + k * (2 if recorded else 1)
        want_p -= want_b / k
        np.testing.assert_allclose(held.arrays()[0], want_p, rtol=1e-6)
        np.testing.assert_allclose(held.arrays()[1], want_b, rtol=1e-6)


def test_bundles_of_the_same_facts_share_paths() -> None:
    a = Bundle([fl.zeros(3)._value()])
    b = Bundle([fl.ones(3)._value()])
    c = Bundle([fl.ones(4)._value()])
    assert a.token == b.token != c.token
    assert list(a.table) != list(b.table)


def test_operands_that_do_not_fit() -> None:
    held = Bundle([fl.zeros(3)._value(), fl.zeros(3)._value()])
    with pytest.raises(RuntimeError, match=r"expected .*float32 \[3\], got .*float32 \[2\]"):
        update(FORMULA, held, (-1,), Bundle([fl.ones(2)._value()]), [0.5, 1.0])
    flush()
    assert held.arrays()[0].tolist() == [0, 0, 0]


@pytest.mark.parametrize("dtype", [fl.float32, fl.float64])
def test_roots_are_divided_by_numbers_as_by_division(dtype: fl.dtype) -> None:
    """Bit for bit, also at the ends of the range."""
    x = Terms(())
    x.write("param", x.param.sqrt() / x["divisor"])
    formula = x.formula()
    info = np.finfo(dtype.np)
    ends = [0.0, np.inf, np.nan, info.smallest_subnormal, info.tiny, info.max, 1.0]
    drawn = np.exp(np.random.default_rng(1).uniform(-80, 80, 5000))
    values = np.array([*ends, *drawn], dtype.np)
    for divisor in (1.0, 0.03162277660168379, 0.9999, 1 / 3, 3.7, 0.0, 1e30):
        for _ in range(4):  # the last runs are compiled
            p = fl.from_numpy(values.copy()).clone()
            flush()
            g = fl.zeros(len(values), dtype=dtype)
            update(formula, Bundle([p._value()]), (-1,), Bundle([g._value()]), [divisor])
            flush()
        with np.errstate(all="ignore"):
            want = np.sqrt(values) / dtype.np.type(divisor)
        np.testing.assert_array_equal(p.numpy(), want)
