"""Calls whose results have the default dtype follow it when it changes."""

import queue
import threading
from collections.abc import Iterator

import pytest

import facula as torch
from facula.trace.recorder import state
from facula.trace.trie import Counter

FLOATS = [torch.float64, torch.float32, torch.bfloat16, torch.float64, torch.float32]


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = torch.get_default_dtype()
    yield
    torch.set_default_dtype(before)


def made() -> set[torch.dtype]:
    x = torch.arange(3)
    y = torch.tensor([1.0, 2.0], requires_grad=True)
    (y * x[:2] / 2).sum().backward()
    assert y.grad is not None
    with torch.no_grad():
        halves = torch.arange(4) / 2
    return {t.dtype for t in (x + 1.5, torch.exp(x), x / 2, y.grad, halves, x > 0.5)}


@pytest.mark.parametrize("times", [1, 4])
def test_calls_recorded_before_give_the_new_default(times: int) -> None:
    for d in FLOATS:
        torch.set_default_dtype(d)
        for _ in range(times):
            assert made() == {d, torch.bool}


def test_what_was_recorded_before_keeps_the_old_default() -> None:
    torch.set_default_dtype(torch.float64)
    pending = torch.arange(3) + 0.25
    torch.set_default_dtype(torch.float32)
    assert pending.dtype is torch.float64
    assert (pending + torch.arange(3) / 4).tolist() == [0.25, 1.5, 2.75]


def test_another_thread_follows_too() -> None:
    asked: queue.Queue[bool] = queue.Queue()
    answers: queue.Queue[set[torch.dtype]] = queue.Queue()

    def work() -> None:
        while asked.get():
            answers.put(made())

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for d in FLOATS:
            torch.set_default_dtype(d)
            asked.put(True)
            assert answers.get(timeout=60) == {d, torch.bool}
    finally:
        asked.put(False)
        thread.join()


def test_the_gradient_mode_stays() -> None:
    with torch.no_grad():
        torch.set_default_dtype(torch.float64)
        assert not torch.is_grad_enabled()
        assert not torch.ones(2, requires_grad=True).mul(2).requires_grad
        assert (torch.arange(3) / 2).dtype is torch.float64
    assert torch.ones(2, requires_grad=True).mul(2).requires_grad


def test_going_back_finds_what_was_recorded() -> None:
    for d in FLOATS:
        torch.set_default_dtype(d)
        made()
        state.flush()
    nodes = Counter.nodes
    for d in FLOATS:
        torch.set_default_dtype(d)
        made()
        state.flush()
    assert Counter.nodes == nodes


def test_it_must_be_a_floating_point_dtype() -> None:
    for wrong in (torch.int64, "float32", torch.complex64):
        with pytest.raises(TypeError, match="only floating-point types are supported"):
            torch.set_default_dtype(wrong)  # type: ignore[arg-type]
