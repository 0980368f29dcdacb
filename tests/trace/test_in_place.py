"""Results that take over an input's memory: only where nobody can tell the difference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import facula
from facula import Tensor, config
from facula.trace import replay
from facula.trace.replay import array_of

ROWS, WIDTH = 300, 500  # 600 kB: more than a plan keeps a pool for


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many inputs each run of a program that could take some has taken."""
    found: list[int] = []
    take = replay._take_inputs

    def noted(*args: Any) -> Any:
        buffers, which = take(*args)
        found.append(sum(which or ()))
        return buffers, which

    monkeypatch.setattr(replay, "_take_inputs", noted)
    return found


def numbers(seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(-8, 9, (ROWS, WIDTH)).astype(np.float32)


def address(t: Tensor) -> int:
    replay.flush()
    return int(array_of(t._v).__array_interface__["data"][0])


Step = Callable[[Any, Any], Any]


def part(x: Any, _: Any) -> Any:
    x[:, :200] += 1
    return x


def rows(x: Any, y: Any) -> Any:
    x[20:250] *= y[0]
    return x


def every_second(x: Any, _: Any) -> Any:
    x[::2, 1::3] -= 2
    return x


def whole(x: Any, y: Any) -> Any:
    x *= 0.5
    x += y
    return x


def replaced(x: Any, y: Any) -> Any:
    return x * 0.5 - y


def two_parts(x: Any, _: Any) -> Any:
    x[:, :300] += 1
    x[:, 100:] *= 2
    return x


SAFE: Sequence[Step] = (part, rows, every_second, whole, replaced, two_parts)


def shifted(x: Any, _: Any) -> Any:
    x[1:] = x[:-1] * 1
    return x


def turned_round(x: Any, _: Any) -> Any:
    return x[::-1] * 0.5 if isinstance(x, np.ndarray) else x.flip(0) * 0.5


def transposed(x: Any, _: Any) -> Any:
    return x.reshape(WIDTH, ROWS).T * 0.5 + x


def by_columns(x: Any, _: Any) -> Any:
    x -= x.mean(0)
    return x


def old_after_new(x: Any, _: Any) -> Any:
    """The second write wants what was there before the first one."""
    old = x[:200] + 1
    x[100:150] = 7
    x[:200] = old
    return x


def twice(x: Any, _: Any) -> Any:
    """Two results of one input."""
    return x * 2 + (x + 1)[::-1] if isinstance(x, np.ndarray) else x * 2 + (x + 1).flip(0)


@pytest.mark.parametrize(
    "step",
    [*SAFE, shifted, turned_round, transposed, by_columns, old_after_new, twice],
    ids=lambda f: f.__name__,
)
def test_values(step: Step, taken: list[int]) -> None:
    expected, y = numbers(), numbers(1)
    x, other = facula.tensor(expected.copy()), facula.tensor(y)
    for _ in range(6):
        x, expected = step(x, other), step(expected, y).reshape(ROWS, WIDTH).copy()
        if x.shape != expected.shape:
            x = x.reshape(ROWS, WIDTH)
        np.testing.assert_allclose(np.array(x.tolist()), expected, rtol=1e-4, atol=1e-4)
    assert other.tolist() == y.tolist()
    if step in SAFE:
        assert taken[-1] == 1


def test_memory_stays_where_it_is(taken: list[int]) -> None:
    x = facula.tensor(numbers())
    for _ in range(4):
        part(x, None)
        replay.flush()
    before = address(x)
    for _ in range(3):
        part(x, None)
        assert address(x) == before
    assert taken[-1] == 1


def _alias(x: Tensor) -> Any:
    return x.detach()


def _view(x: Tensor) -> Any:
    return x[3]


def _copy(x: Tensor) -> Any:
    return x * 1


def _array(x: Tensor) -> Any:
    return x.numpy()


def _data(x: Tensor) -> Any:
    return x.data


@pytest.mark.parametrize("keep", [_alias, _view, _copy, _array, _data], ids=lambda f: f.__name__)
@pytest.mark.parametrize("step", [part, whole, replaced], ids=lambda f: f.__name__)
def test_others_see_what_they_should(keep: Callable[[Tensor], Any], step: Step) -> None:
    """What is kept of each state: aliases follow writes, copies and old tensors do not."""
    expected, y = numbers(), numbers(1)
    x, other = facula.tensor(expected.copy()), facula.tensor(y)
    follows = keep is not _copy and step is not replaced
    for _ in range(6):
        kept = keep(x)
        old = expected[3].copy() if keep is _view else expected.copy()
        x, expected = step(x, other), step(expected, y)
        now = expected[3] if keep is _view else expected
        found = np.array(kept.tolist())
        np.testing.assert_allclose(found, now if follows else old, rtol=1e-5)
        np.testing.assert_allclose(np.array(x.tolist()), expected, rtol=1e-5)


@pytest.mark.skipif(config.eager, reason="nothing is recorded for later then")
def test_who_looks_whether_memory_is_taken(taken: list[int]) -> None:
    """While somebody holds the input, machine code runs the program; else Python looks."""
    x = facula.tensor(numbers())
    half = x[7, 9].item() * 0.5

    def held() -> Any:
        return (x * 0.5)[7, 9].item()

    def dropped() -> Any:
        y = x.clone()
        replay.flush()
        y = y * 0.5
        replay.flush()
        return y[7, 9].item()

    for _ in range(4):
        assert held() == dropped() == half
    taken.clear()
    assert [held() for _ in range(3)] == [half] * 3 and not taken
    assert [dropped() for _ in range(3)] == [half] * 3 and sum(taken) == 3
    assert x.tolist() == numbers().tolist()


def test_memory_of_another_input(taken: list[int]) -> None:
    """The copy is left out only where the result lies in the memory that it copies."""
    x, shared = facula.tensor(numbers()), numbers(1)
    for k in range(6):
        y = facula.tensor(shared)  # dead when the frame ends, and as large as the result
        before = x  # not dead
        total = y.sum()
        x = x.clone()
        x[0] = y[k] * 0 + 5
        del y
        assert total.item() == shared.sum()
        assert x.tolist()[1:] == before.tolist()[1:]
        assert x[0].tolist() == [5] * WIDTH


def test_old_tensors_that_are_kept() -> None:
    x, history = facula.tensor(numbers()), []
    for _ in range(6):
        history.append(x)
        x = x + 1.0
        x.sum().item()
    for k, old in enumerate(history):
        assert old.tolist() == (numbers() + k).tolist()


def test_what_gradients_want_is_not_taken() -> None:
    w = facula.ones(WIDTH, requires_grad=True)
    for _ in range(4):
        x = facula.tensor(numbers())
        loss = (x * w).sum()
        loss.item()
        with facula.no_grad():
            changed = x * 0.5
            changed.sum().item()
        loss.backward()
        assert w.grad is not None
        np.testing.assert_allclose(np.array(w.grad.tolist()), numbers().sum(0), rtol=1e-5)
        w.grad = None
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss = (x * w).sum()
            loss.item()
            x.mul_(2)
            x.sum().item()
            loss.backward()


def test_an_index_that_fails_leaves_the_input() -> None:
    """What may fail is computed again by the references, from the inputs."""
    x = facula.tensor(numbers())
    for k in range(6):
        index = facula.full((WIDTH,), ROWS if k == 5 else k, dtype=facula.int64)
        expected = x.tolist()
        try:
            x = x * 1.0 + x[index[0]]
            x.sum().item()
        except IndexError:
            assert k == 5
            continue
        assert k < 5
        row = expected[k]
        assert x[0].tolist() == [a + b for a, b in zip(expected[0], row, strict=True)]


def test_read_only_memory() -> None:
    array = numbers()
    for _ in range(6):
        fixed = array.copy()
        fixed.setflags(write=False)
        x = facula.tensor(fixed) * 1.0
        y = facula.from_numpy(array)
        x += 1
        z = y + 1
        assert x.tolist() == z.tolist() == (array + 1).tolist()
    assert array.tolist() == numbers().tolist()


def test_kept_programs_take_too(taken: list[int], tmp_path: Any) -> None:
    """The rules are part of what the disk keeps."""
    from facula.compiler.executable import Blueprint, Pack, Take

    blueprint = Blueprint(
        1, 1, "", 0, (), b"", (), (Pack(0, 1, 2, 3, 4, ("k", 5)),), (Take(0, 1, -1, 2),), ()
    )
    assert Blueprint.of_entry(blueprint.entry()) == blueprint
