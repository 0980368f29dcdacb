"""Epilogues: elementwise work that the steps of products do before they store their results."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from graphs import B

from facula.compiler import pipeline
from facula.compiler.describe import steps
from facula.compiler.executable import Program
from facula.compiler.schedule import Scheduler, Step
from facula.dtypes import float32, from_numpy_dtype
from facula.runtime import cpu

pytestmark = pytest.mark.usefixtures("vectors")


def data(*shape: int, dtype: str = "float32", seed: int = 0) -> np.ndarray:
    return np.random.default_rng((seed, *shape)).standard_normal(shape).astype(dtype)


def schedule(b: B) -> list[str]:
    """Of each entry the kind, and of one with an epilogue how many arrays that stores."""
    found = []
    for entry in Scheduler(pipeline.run(b.g)).run().entries:
        after = entry.epilogue if isinstance(entry, Step) else None
        stores = "" if after is None else " apart" if after.apart else f" {len(after.roots)}"
        found.append(entry.kind + stores)
    return found


def product(b: B, m: int, k: int, n: int, dtype: str = "float32", transposed: str = "") -> int:
    x, y = data(m, k, dtype=dtype), data(k, n, dtype=dtype, seed=1)
    a = b.input(x) if "a" not in transposed else b.permute(b.input(x.T), 1, 0)
    c = b.input(y) if "b" not in transposed else b.permute(b.input(y.T), 1, 0)
    return b.matmul(a, c)


def bias(b: B, r: int) -> list[int]:
    row = b.input(data(b.shape(r)[-1], dtype=str(b.g.dtypes[r].np)))
    return [b.op("add", r, b.broadcast(row, b.shape(r)))]


def activation(b: B, r: int) -> list[int]:
    (x,) = bias(b, r)
    return [b.op("mul", x, b.op("sigmoid", x))]


def residual(b: B, r: int) -> list[int]:
    other = b.input(data(*b.shape(r), dtype=str(b.g.dtypes[r].np), seed=2))
    return [b.op("relu", b.op("add", other, r))]


def choice(b: B, r: int) -> list[int]:
    mask = b.input(data(*b.shape(r), seed=3) > 0)
    column = b.input(data(*b.shape(r)[:-1], 1, dtype=str(b.g.dtypes[r].np)))
    return [b.where(mask, r, b.expand(column, *b.shape(r)))]


def both(b: B, r: int) -> list[int]:
    zero = b.full(0.5, b.shape(r), b.g.dtypes[r])
    return [b.op("gt", r, zero), b.op("tanh", r)]


def result_too(b: B, r: int) -> list[int]:
    return [b.op("exp", r), r]


AFTER = [bias, activation, residual, choice, both, result_too]
SIZES = [(4, 70, 120), (15, 600, 16), (77, 1500, 131), (64, 65, 64), (131, 300, 47)]


@pytest.mark.thin(3)
@pytest.mark.parametrize("after", AFTER)
@pytest.mark.parametrize(("m", "k", "n"), SIZES)
@pytest.mark.parametrize("transposed", ["", "a", "b"])
def test_what_follows_a_product_element_for_element(
    after: Callable[[B, int], list[int]], m: int, k: int, n: int, transposed: str
) -> None:
    b = B()
    outputs = after(b, product(b, m, k, n, transposed=transposed))
    b.check(*outputs, rtol=2e-4, atol=2e-4)
    assert schedule(b) == [f"matmul {len(outputs)}"]


@pytest.mark.parametrize("after", AFTER)
def test_of_doubles(after: Callable[[B, int], list[int]]) -> None:
    b = B()
    b.check(*after(b, product(b, 37, 700, 45, "float64")), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("after", AFTER)
def test_of_batches(after: Callable[[B, int], list[int]]) -> None:
    b = B()
    r = b.matmul(b.input(data(2, 3, 40, 70)), b.input(data(2, 3, 70, 50)))
    outputs = after(b, r)
    b.check(*outputs)
    assert schedule(b) == [f"matmul {len(outputs)}"]


def test_rows_in_several_axes() -> None:
    """A value for each position of a sequence, on the rows of one product for a whole batch."""
    b = B()
    r = b.reshape(product(b, 12 * 5, 40, 48), 12, 5, 48)
    positions = b.expand(b.input(data(1, 5, 48)), 12, 5, 48)
    sequences = b.expand(b.input(data(12, 1, 1)), 12, 5, 48)
    b.check(b.op("mul", b.op("add", r, positions), sequences))
    assert schedule(b) == ["matmul 1"]


def test_numbers_and_places() -> None:
    """Run-time scalars, positions, conditions, values backwards and values that are looked up."""
    b = B()
    r = product(b, 30, 40, 50)
    scaled = b.op("mul", r, b.broadcast(b.scalar(1.7), (30, 50)))
    places = b.cast(b.iota((30, 50), 1), float32)
    padded = b.pad(b.input(data(30, 44)), (0, 2), (0, 4))
    turned = b.flip(b.input(data(50)), 0)
    table, numbers = b.input(data(9, 50)), b.input(np.arange(30) % 9)
    x = b.op("add", b.op("add", scaled, places), b.op("mul", padded, b.take(table, numbers, 0)))
    b.check(b.op("add", x, b.broadcast(turned, (30, 50))))
    assert schedule(b) == ["matmul 1"]


def test_other_dtypes_are_stored() -> None:
    b = B()
    r = product(b, 64, 40, 96, "float64")
    b.check(b.cast(r, float32), b.cast(b.op("relu", r), from_numpy_dtype(np.dtype("int32"))))
    assert schedule(b) == ["matmul 2"]


def test_many_results_have_a_kernel_of_their_own() -> None:
    b = B()
    r = product(b, 64, 40, 96)
    program = b.check(b.op("relu", r), b.op("exp", r), b.op("neg", r))
    assert schedule(b) == ["matmul apart"]
    infos = steps(b.g, program.kernels)
    assert [i.kind for i in infos][-2:] == ["matmul", "map"]
    assert infos[-2].flops == 2 * 64 * 40 * 96
    assert infos[-1].writes == 3 * 64 * 96 * 4


def test_what_does_not_fit_stays_outside() -> None:
    """A transposed result, a reduction, an operand that is there only later, dot products."""
    b = B()
    r = product(b, 40, 30, 50)
    turned = b.op("neg", b.permute(r, 1, 0))
    b.check(turned, b.reduce("sum", r, 0))
    assert not any(kind.startswith("matmul ") for kind in schedule(b))
    b = B()
    first, second = product(b, 40, 30, 50), product(b, 40, 31, 50)
    b.check(b.op("add", first, second))
    assert schedule(b) == ["matmul", "matmul 1"]
    b = B()
    r = b.matmul(b.input(data(3, 400)), b.permute(b.input(data(8, 400, seed=1)), 1, 0))
    b.check(b.op("relu", r))
    assert not any(kind.startswith("matmul ") for kind in schedule(b))


def test_a_cat_of_results_is_written_in_place() -> None:
    b = B()
    first = b.op("relu", product(b, 64, 40, 96))
    second = b.op("exp", product(b, 64, 41, 48))
    b.check(b.cat(1, first, second), b.op("neg", first))


def test_a_description_counts_the_epilogue() -> None:
    b = B()
    r = product(b, 64, 40, 96)
    program = b.check(*residual(b, r))
    info = steps(b.g, program.kernels)[-1]
    assert info.kind == "matmul"
    assert info.flops == 2 * 64 * 40 * 96 + 2 * 64 * 96
    assert info.reads == 4 * (64 * 40 + 40 * 96 + 64 * 96)
    assert info.writes == 4 * 64 * 96
    assert [name for name, _ in info.ops] == ["matmul", "add", "relu"]


def test_nan_and_infinity_pass_through() -> None:
    x, y = data(30, 20), data(20, 40)
    x[3, 4], x[7, 0], y[5, 6] = np.nan, np.inf, -np.inf
    b = B()
    r = b.matmul(b.input(x), b.input(y))
    b.check(b.op("relu", r), b.op("isnan", r))


@pytest.mark.parametrize("transposed", ["", "a", "b"])
def test_the_same_bits_for_every_number_of_threads(threads: None, transposed: str) -> None:
    """Work enough for several chunks, of sums in several blocks."""
    b = B()
    b.g.outputs = activation(b, product(b, 300, 1100, 210, transposed=transposed))
    program: Program | None = None
    found = []
    for count in (1, 2, 4):
        cpu.set_num_threads(count)
        program, (out,) = b.run(program)
        found.append(out.tobytes())
    assert found[0] == found[1] == found[2]


def test_the_code_does_not_depend_on_sizes() -> None:
    digests = set()
    for m, n in ((84, 64), (168, 96)):  # whole tiles for 14 rows and for 6
        b = B()
        program = b.check(*activation(b, product(b, m, 40, n)))
        assert program.kernels
        digests.add(program.kept[0].parts[-1].steps[-1].kernel)
    assert len(digests) == 1


# ---------------------------------------------------------------- what is saved for gradients
def gated(b: B, x: int) -> tuple[int, int]:
    """(x times a share of it, the slope of that), which both need the share."""
    share = b.op("sigmoid", x)
    one = b.full(1.0, b.shape(x))
    rest = b.op("add", b.op("mul", x, b.op("sub", one, share)), one)
    return b.op("mul", x, share), b.op("mul", share, rest)


def test_the_slope_is_saved_and_not_what_it_is_made_of() -> None:
    """The first product leaves its result's share of x and the slope; the last one only reads the
    slope: neither x nor the share is written at all."""
    b = B()
    x = product(b, 130, 40, 150)
    y, slope = gated(b, x)
    later = product(b, 130, 150, 150)
    out = b.matmul(y, b.input(data(150, 60)))
    gradient = b.op("mul", later, slope)
    b.g.outputs = [out, gradient]
    entries = Scheduler(pipeline.run(b.g)).run().entries
    epilogues = {e.node.outs[0]: e.epilogue for e in entries if isinstance(e, Step)}
    first, last = epilogues[x], epilogues[later]
    assert first is not None and len(first.roots) == 2 and not first.apart
    assert last is not None and len(last.loads) == 1
    b.check(out, gradient, atol=1e-3)


def test_what_others_need_too_is_saved_itself() -> None:
    b = B()
    x = product(b, 130, 40, 150)
    share = b.op("sigmoid", x)
    y = b.op("mul", x, share)
    out = b.matmul(y, b.input(data(150, 60)))
    gradients = [
        b.op("mul", product(b, 130, n, 150), b.op("exp", b.op("mul", share, b.full(c, b.shape(x)))))
        for n, c in ((60, 2.0), (70, 3.0))
    ]
    b.g.outputs = [out, *gradients]
    entries = Scheduler(pipeline.run(b.g)).run().entries
    epilogues = {e.node.outs[0]: e.epilogue for e in entries if isinstance(e, Step)}
    assert {root.value for root in epilogues[x].roots} == {y, share}  # type: ignore[union-attr]
    b.check(*b.g.outputs, atol=1e-3)


def test_a_value_that_is_read_twice_at_every_step_is_looked_at_once() -> None:
    """Else this would take a thousand million looks."""
    b = B()
    x = product(b, 130, 40, 150)
    share = b.op("sigmoid", x)
    out = b.matmul(b.op("mul", x, share), b.input(data(150, 60)))
    y = b.op("mul", product(b, 130, 60, 150), share)
    for _ in range(30):
        y = b.op("maximum", y, b.op("sub", y, y))
    b.check(out, y, atol=1e-3)
