"""The few behaviours that matter most, end to end, in seconds: run this first after any change."""

from __future__ import annotations

import numpy as np
import pytest

import facula as torch
from facula import nn
from facula.nn import functional as F  # noqa: N812


def test_arithmetic_and_printing() -> None:
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert (x + 1 - x * 2 / 4).tolist() == [[1.5, 2.0], [2.5, 3.0]]
    assert repr(x @ x) == "tensor([[ 7., 10.],\n        [15., 22.]])"
    assert (torch.arange(5) // 2).dtype is torch.int64


def test_broadcasting_and_types() -> None:
    assert (torch.ones(3, 1) + torch.ones(2)).shape == (3, 2)
    assert (torch.ones(2, dtype=torch.int32) + 1.5).dtype is torch.float32
    with pytest.raises(RuntimeError, match="must match the size"):
        torch.ones(3) + torch.ones(2)


def test_views_share_storage() -> None:
    x = torch.zeros(3, 4)
    row, column = x[1], x.t()[2]
    row += 1
    column[0] = 7
    x[2, :2] = 5
    assert x.tolist() == [[0, 0, 7, 0], [1, 1, 1, 1], [5, 5, 0, 0]]
    assert column.tolist() == [7, 1, 0]
    shared = x.numpy()
    shared[0, 0] = 9
    assert x[0, 0].item() == 9


def test_gradients() -> None:
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    for _ in range(3):  # first sight, compiled, replayed
        x.grad = None
        y = (x.exp() * x).sum()
        y.backward()
        np.testing.assert_allclose(
            x.grad.numpy(), np.exp([1, 2, 3]) * np.array([2, 3, 4]), rtol=1e-6
        )
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_second_order() -> None:
    x = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad(x**3, x, create_graph=True)
    (second,) = torch.autograd.grad(first, x)
    assert (first.item(), second.item()) == (12.0, 12.0)


def test_writes_that_gradients_need() -> None:
    x = torch.ones(3, requires_grad=True)
    y = x.exp()
    y += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_no_grad_and_detach() -> None:
    x = torch.ones(2, requires_grad=True)
    with torch.no_grad():
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad and not x.detach().requires_grad


def test_training() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
    x = torch.randn(32, 4)
    target = (x[:, 0] > 0).long() + (x[:, 1] > 0).long()
    losses = []
    for _ in range(60):
        loss = F.cross_entropy(model(x), target)
        loss.backward()
        with torch.no_grad():
            for p in model.parameters():
                p -= 0.5 * p.grad
                p.grad = None
        losses.append(loss.item())
    assert losses[-1] < 0.4 * losses[0]


def test_random_numbers_are_pytorchs() -> None:
    torch.manual_seed(0)
    np.testing.assert_allclose(
        torch.rand(3).numpy(), [0.4962565899, 0.7682217956, 0.0884774327], rtol=1e-6
    )


def test_indexing() -> None:
    x = torch.arange(12).reshape(3, 4)
    assert x[torch.tensor([2, 0]), 1].tolist() == [9, 1]
    assert x[x > 8].tolist() == [9, 10, 11]
    with pytest.raises(IndexError):
        x[torch.tensor([3])].sum().item()
