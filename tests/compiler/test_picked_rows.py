"""Products of rows picked from a small table: the table is multiplied, and its gradient's rows are
added before they are."""

from __future__ import annotations

import numpy as np
import pytest
from graphs import B

import facula
from facula import nn
from facula.compiler import pipeline


def data(*shape: int, dtype: str = "float32", seed: int = 0) -> np.ndarray:
    return np.random.default_rng((seed, *shape)).standard_normal(shape).astype(dtype)


def products(b: B, *outputs: int) -> list[tuple[int, ...]]:
    """The shapes of the operands' rows, sums and columns, after the passes."""
    b.g.outputs = list(outputs)
    g = pipeline.run(b.g, check=True)
    return [(*g.shapes[n.ins[0]], g.shapes[n.ins[1]][-1]) for n in g.nodes if n.op == "matmul"]


def picked(b: B, rows: int, *count: int, width: int = 40, dtype: str = "float32") -> int:
    """Rows of a table of so many, by an index of shape `count`."""
    index = np.random.default_rng(1).integers(0, rows, count)
    return b.take(b.input(data(rows, width, dtype=dtype)), b.input(index), 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_table_is_multiplied(dtype: str) -> None:
    b = B()
    rows = picked(b, 16, 6, 50, dtype=dtype)
    moved = b.reshape(b.permute(rows, 1, 0, 2), 300, 40)
    out = b.matmul(moved, b.input(data(40, 70, dtype=dtype)))
    assert products(b, out) == [(16, 40, 70)]
    b.check(out)


@pytest.mark.parametrize("first", [True, False])
def test_what_belongs_to_a_row_is_added_before_the_product(first: bool) -> None:
    b = B()
    rows = b.reshape(picked(b, 16, 6, 50), 300, 40)
    other = b.input(data(300, 70))
    a, c = (rows, other) if first else (other, rows)
    out = b.matmul(b.permute(a, 1, 0), c)
    assert products(b, out) == [(40, 16, 70) if first else (70, 16, 40)]
    b.check(out)


def added(b: B, v: int, rows: int, order: tuple[int, ...] = ()) -> int:
    """v [50 x 6, *], its rows in another order, added into `rows` rows by an index."""
    width = b.shape(v)[1]
    if order:
        v = b.reshape(b.permute(b.reshape(v, 50, 6, width), *order, 2), 300, width)
    index = b.input(np.random.default_rng(2).integers(0, rows, (300, 1)))
    return b.scatter_add(b.full(0.0, (rows, width)), b.expand(index, 300, width), v, 0)


@pytest.mark.parametrize("order", [(), (1, 0)])
def test_sums_of_rows_are_multiplied(order: tuple[int, ...]) -> None:
    b = B()
    product = b.matmul(b.input(data(300, 70)), b.input(data(70, 40)))
    out = added(b, product, 16, order)
    assert products(b, out) == [(16, 70, 40)]
    b.check(out, atol=1e-4)


@pytest.mark.parametrize("axes", [(0,), (0, 1)])
def test_the_sum_of_all_rows_is_that_of_the_rows_they_were_added_into(
    axes: tuple[int, ...],
) -> None:
    b = B()
    rows = b.reshape(picked(b, 16, 6, 50), 300, 40)
    other = b.input(data(300, 70))
    product = b.matmul(b.permute(rows, 1, 0), other)
    total = b.reduce("sum", other if len(axes) == 1 else b.reshape(other, 6, 50, 70), *axes)
    b.g.outputs = [product, total]
    g = pipeline.run(b.g, check=True)
    (summed,) = [n for n in g.nodes if n.op == "sum"]
    assert g.shapes[summed.ins[0]] == (16, 70)
    b.check(product, total, atol=1e-4)


def test_the_sum_of_some_rows_stays() -> None:
    b = B()
    rows = b.reshape(picked(b, 16, 6, 50), 300, 40)
    other = b.input(data(300, 70))
    product = b.matmul(b.permute(rows, 1, 0), other)
    total = b.reduce("sum", b.reshape(other, 6, 50, 70), 0)
    b.g.outputs = [product, total]
    g = pipeline.run(b.g, check=True)
    assert [g.shapes[n.ins[0]] for n in g.nodes if n.op == "sum"] == [(6, 50, 70)]
    b.check(product, total, atol=1e-4)


def test_a_product_that_something_else_reads_stays() -> None:
    b = B()
    product = b.matmul(b.input(data(300, 70)), b.input(data(70, 40)))
    out = added(b, product, 16)
    assert products(b, out, product) == [(300, 70, 40)]
    b.check(out, product, atol=1e-4)


def test_rows_that_are_seldom_picked_are_multiplied_as_they_are() -> None:
    b = B()
    out = b.matmul(picked(b, 200, 300), b.input(data(40, 70)))
    assert products(b, out) == [(300, 40, 70)]
    b = B()
    product = b.matmul(b.input(data(300, 70)), b.input(data(70, 40)))
    assert products(b, added(b, product, 200)) == [(300, 70, 40)]


def test_a_sum_of_few_columns_stays_a_product() -> None:
    """It saves too little for each number that is added to memory."""
    b = B()
    rows = picked(b, 16, 300, width=8)
    out = b.matmul(b.permute(b.input(data(300, 70)), 1, 0), rows)
    b.g.outputs = [out]
    assert "scatter_add" not in [n.op for n in pipeline.run(b.g, check=True).nodes]
    b.check(out)


class Letters(nn.Module):
    """A recurrent network of letters: an embedding under a layer, and one above the other."""

    def __init__(self, layer: nn.Module, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 24, padding_idx=3)
        self.layer, self.out = layer, nn.Linear(width, 11)

    def forward(self, x: facula.Tensor) -> facula.Tensor:
        found = self.layer(self.embedding(x))
        return self.out(found[0] if isinstance(found, tuple) else found)


LAYERS = {
    "linear": lambda: (nn.Linear(24, 40), 40),
    "lstm": lambda: (nn.LSTM(24, 40, 2, batch_first=True), 40),
    "gru": lambda: (nn.GRU(24, 40, bidirectional=True, batch_first=True), 80),
    "sequence first": lambda: (nn.RNN(24, 40), 40),
}


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_of_a_network_of_letters(name: str) -> None:
    """What is compiled gives what the same step gave op by op, and the same in float64."""
    facula.manual_seed(0)
    net = Letters(*LAYERS[name]())
    x, y = facula.randint(0, 11, (16, 12)), facula.randint(0, 11, (16 * 12,))
    seen = []
    for _ in range(4):
        net.zero_grad()
        loss = nn.functional.cross_entropy(net(x).reshape(-1, 11), y)
        loss.backward()
        seen.append([loss.item(), *(p.grad.numpy().copy() for p in net.parameters())])
    exact = net.double()
    exact.zero_grad()
    nn.functional.cross_entropy(exact(x).reshape(-1, 11), y).backward()
    for first, last, p in zip(seen[0][1:], seen[-1][1:], exact.parameters(), strict=True):
        np.testing.assert_allclose(last, first, rtol=1e-4, atol=2e-7)
        np.testing.assert_allclose(last, p.grad.numpy(), rtol=1e-4, atol=2e-7)
    assert seen[-1][0] == pytest.approx(seen[0][0], rel=1e-6)


def test_a_letter_that_does_not_exist() -> None:
    net = nn.Sequential(nn.Embedding(11, 24), nn.Linear(24, 40))
    for wrong in (11, -1):
        for _ in range(3):  # at the third the program is compiled
            x = facula.full((16, 12), 2)
            net(x).sum().item()
        x[3, 4] = wrong
        with pytest.raises(IndexError, match="index out of range in self"):
            net(x).sum().item()
