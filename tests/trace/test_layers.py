"""Layers enter the frame with their weight and bias in one step, where that is possible."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula.nn.functional import linear
from facula.trace.recorder import state
from facula.trace.replay import flush


@pytest.fixture(autouse=True)
def fresh_frame():
    flush()
    yield
    flush()


def numbers(*shape):
    return facula.arange(1.0, 1.0 + np.prod(shape)).reshape(shape)


def want(x, w, b):
    return x.numpy() @ w.detach().numpy().T + b.detach().numpy()


@pytest.mark.parametrize("grad", [False, True])
@pytest.mark.parametrize("same", [False, True])
def test_input_and_weight_of_the_same_facts(grad, same):
    for k in range(6):  # other tensors each time, along the same path
        x = numbers(3, 3) + k
        w = x if same else numbers(3, 3) * 2 - k
        b = numbers(3)
        flush()
        b.requires_grad_(grad)
        y = linear(x, w, b)
        assert len(state.tr.inputs) == (2 if same else 3)
        assert y.tolist() == want(x, w, b).tolist()


def test_memory_that_numpy_writes_is_copied():
    w = np.ones((2, 3), np.float32)
    shared, b, x = facula.from_numpy(w), numbers(2), numbers(1, 3)
    flush()
    for k in range(5):
        w[:] = k
        y = linear(x, shared, b)
        w[:] = -1  # after the call: it must not be seen
        assert y.tolist() == [[6 * k + 1, 6 * k + 2]]


def test_a_weight_of_the_frame_and_a_bias_from_outside():
    v, b, x = numbers(2, 3), numbers(2), numbers(1, 3)
    b.requires_grad_()
    flush()
    for _ in range(5):
        b.grad = None
        y = linear(x, v * 2, b)
        y.sum().backward()
        assert y.tolist() == [[29, 66]] and b.grad.tolist() == [1, 1]


def test_a_layer_used_twice_in_a_frame():
    w, b = facula.nn.Parameter(numbers(2, 2)), facula.nn.Parameter(numbers(2))
    x = numbers(1, 2)
    flush()
    for _ in range(5):
        w.grad = b.grad = None
        y = linear(linear(x, w, b), w, b)
        assert len(state.tr.inputs) == 3
        y.sum().backward()
        assert y.tolist() == [[33, 72]]
        assert b.grad.tolist() == [5, 7] and w.grad.tolist() == [[10, 21], [12, 25]]


def test_frozen_parameters():
    layer = facula.nn.Linear(3, 2)
    x = numbers(1, 3).requires_grad_()
    for k in range(6):
        layer.weight.requires_grad_(k % 2 == 0)
        x.grad = layer.weight.grad = None
        layer(x).sum().backward()
        assert (layer.weight.grad is not None) == (k % 2 == 0)
        sums = layer.weight.detach().sum(0).tolist()
        assert x.grad[0].tolist() == pytest.approx(sums)
