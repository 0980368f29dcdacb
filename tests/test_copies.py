"""Packed copies of weights are kept between runs without gradients, and never used when the memory
that they were made of has changed.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import facula
from facula import Tensor, nn
from facula.compiler.executable import Program
from facula.optim.multi_tensor import _Batch
from facula.runtime import copies

DEPTH, COLUMNS, ROWS = 512, 128, 160


@pytest.fixture
def skipped(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """For each run of a program with packed inputs: how many copies it took as they were."""
    found: list[int] = []
    go = Program._go_with_copies

    def noted(program: Program, *args: Any) -> None:
        go(program, *args)
        found.append(sum(p & 1 for p in program._places))

    monkeypatch.setattr(Program, "_go_with_copies", noted)
    return found


def layer(requires_grad: bool = True) -> nn.Linear:
    net = nn.Linear(DEPTH, COLUMNS)
    return net.requires_grad_(requires_grad)


def values(net: nn.Linear, x: Tensor) -> np.ndarray[Any, Any]:
    """What the layer gives, in a few runs that must agree: the first ones may be NumPy's."""
    with facula.no_grad():
        found = [np.array(net(x).tolist()) for _ in range(5)]
    np.testing.assert_allclose(found[0], found[-1], rtol=1e-4, atol=1e-3)
    assert np.array_equal(found[-2], found[-1]) and np.array_equal(found[-3], found[-1])
    return found[-1]


def expected(net: nn.Linear, x: Tensor) -> np.ndarray[Any, Any]:
    weight, bias = (np.array(p.tolist()) for p in (net.weight, net.bias))
    return np.array(x.tolist()) @ weight.T + bias


def test_a_copy_is_taken_as_it_is(skipped: list[int]) -> None:
    net, x = layer(), facula.randn(ROWS, DEPTH)
    found = values(net, x)
    assert skipped[-1] == 1
    np.testing.assert_allclose(found, expected(net, x), rtol=1e-4, atol=1e-5)


def test_copies_are_looked_for_until_all_are_found(
    skipped: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    net, x = layer(), facula.randn(ROWS, DEPTH)
    for _ in range(5):  # as many programs may take turns, depending on what ran before this test
        found = values(net, x)
    looked = []

    def find(source: Any, key: Any) -> Any:
        looked.append(key)
        return None

    monkeypatch.setattr(copies, "find", find)
    assert np.array_equal(values(net, x), found)
    assert skipped[-1] == 1 and not looked
    copies.forget(net.weight._v.buf)
    assert np.array_equal(values(net, x), found) and looked


def test_memory_that_was_written_while_copies_were_looked_for(
    skipped: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As another thread may do. The run before it has begun is the last to see what was there."""
    net, x = layer(), facula.randn(ROWS, DEPTH)
    values(net, x)
    copies.settled().clear()
    find = copies.find

    def found_and_forgotten(source: Any, key: Any) -> Any:
        copy = find(source, key)
        copies.forget(source)
        return copy

    with monkeypatch.context() as patch, facula.no_grad():
        patch.setattr(copies, "find", found_and_forgotten)
        net(x).tolist()
    assert skipped[-1] == 1
    assert not copies.settled()


def test_it_is_one_for_all_sizes(skipped: list[int]) -> None:
    net = layer()
    values(net, facula.randn(ROWS, DEPTH))
    before = copies._state.bytes
    for rows in (150, 170, 190):
        x = facula.randn(rows, DEPTH)
        np.testing.assert_allclose(values(net, x), expected(net, x), rtol=1e-4, atol=1e-5)
    assert skipped[-1] == 1
    assert copies._state.bytes == before


def scale(net: nn.Linear) -> None:
    with facula.no_grad():
        net.weight.mul_(3)


def copy(net: nn.Linear) -> None:
    with facula.no_grad():
        net.weight.copy_(facula.randn(COLUMNS, DEPTH))


def through_data(net: nn.Linear) -> None:
    net.weight.data += 1


def another_data(net: nn.Linear) -> None:
    net.weight.data = facula.randn(COLUMNS, DEPTH)


def load(net: nn.Linear) -> None:
    net.load_state_dict(layer().state_dict())


def step(net: nn.Linear) -> None:
    train(net, facula.optim.SGD(net.parameters(), lr=0.5))


def two_steps(net: nn.Linear) -> None:
    optimizer = facula.optim.Adam(net.parameters(), lr=0.5)
    train(net, optimizer)
    train(net, optimizer)


def train(net: nn.Linear, optimizer: Any) -> None:
    optimizer.zero_grad()
    net(facula.ones(2, DEPTH)).square().sum().backward()
    optimizer.step()


def numpy_array(net: nn.Linear) -> None:
    net.weight.detach().numpy()[:] += 2


def a_row(net: nn.Linear) -> None:
    with facula.no_grad():
        net.weight[5] = 7


@pytest.mark.parametrize(
    "write",
    [
        scale, copy, through_data, another_data, load, step, two_steps, numpy_array, a_row,
    ],
    ids=lambda f: f.__name__,
)  # fmt: skip
def test_what_was_written_is_seen(skipped: list[int], write: Callable[[nn.Linear], None]) -> None:
    net, x = layer(), facula.randn(ROWS, DEPTH)
    before = values(net, x)
    assert skipped[-1] == 1
    write(net)
    after = values(net, x)
    assert not np.allclose(before, after)
    np.testing.assert_allclose(after, expected(net, x), rtol=1e-4, atol=1e-3)


def test_an_array_that_somebody_keeps_is_looked_at_each_time(skipped: list[int]) -> None:
    net, x = layer(), facula.randn(ROWS, DEPTH)
    alias = net.weight.detach()
    for _ in range(4):
        (x @ alias.T).tolist()
    shown = net.weight.detach().numpy()
    for k in range(5):
        shown[3] = k
        np.testing.assert_allclose(values(net, x), expected(net, x), rtol=1e-4, atol=1e-3)
        found = np.array((x @ alias.T).tolist())
        np.testing.assert_allclose(found[:, 3], k * np.array(x.sum(1).tolist()), atol=1e-3)
    assert not skipped[-1]


def test_memory_of_an_array(skipped: list[int]) -> None:
    array = np.ones((DEPTH, COLUMNS), np.float32)
    weight, x = facula.from_numpy(array).T.contiguous().T, facula.randn(ROWS, DEPTH)
    shared = facula.from_numpy(array)
    for k in range(6):
        array[:] = k
        sums = np.array(x.sum(1).tolist())
        found = np.array((x @ shared).tolist())
        np.testing.assert_allclose(found, np.tile(k * sums[:, None], COLUMNS), atol=1e-2)
        np.testing.assert_allclose(np.array((x @ weight).tolist())[:, 0], sums, atol=1e-2)


def test_a_large_table_that_is_written_in_place(skipped: list[int]) -> None:
    table = facula.zeros(2048, 128) + 1.0  # 1 MB: its rows are written where they lie
    x = facula.ones(2304, 128)  # more rows, so that the table is what is packed
    for k in range(4):
        for _ in range(5):
            assert (x @ table.T)[0, 0].item() == 128 * max(k, 1)
        assert skipped[-1] == 1
        table[0] = k + 1.0


def test_compiled_steps_between(skipped: list[int]) -> None:
    net, x = layer(), facula.randn(ROWS, DEPTH)
    optimizer = facula.optim.SGD(net.parameters(), lr=0.1)

    @facula.compile
    def step(batch: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = net(batch).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    batch = facula.randn(8, DEPTH)
    for _ in range(6):
        step(batch)
        np.testing.assert_allclose(values(net, x), expected(net, x), rtol=1e-4, atol=1e-3)
    assert skipped[-1] == 1


def test_compiled_inference_with_its_own_copies(skipped: list[int]) -> None:
    """A call that `facula.compile` repeats has a table of its own, and packs for itself."""
    net, x = layer().requires_grad_(False), facula.randn(ROWS, DEPTH)
    seen = values(net, x)
    assert skipped[-1] == 1
    call = facula.compile(lambda x: net(x))
    for _ in range(6):
        np.testing.assert_allclose(np.array(call(x).tolist()), seen, rtol=1e-4, atol=1e-3)
        np.testing.assert_array_equal(values(net, x), seen)
    net.weight.mul_(2)
    for _ in range(3):
        np.testing.assert_allclose(np.array(call(x).tolist()), expected(net, x), atol=1e-4)


def test_what_an_update_that_failed_has_written(monkeypatch: pytest.MonkeyPatch) -> None:
    net, x = layer(), facula.randn(ROWS, DEPTH)
    optimizer = facula.optim.SGD(net.parameters(), lr=1e-4)
    for _ in range(3):
        train(net, optimizer)
    values(net, x)

    def fails(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_Batch, "done", fails)
    with pytest.raises(KeyboardInterrupt):
        train(net, optimizer)
    np.testing.assert_allclose(values(net, x), expected(net, x), rtol=1e-4, atol=1e-3)


def test_copies_go_with_their_memory() -> None:
    gc.collect()
    before = copies._state.bytes, len(copies._state.sources)
    net, x = layer(), facula.randn(ROWS, DEPTH)
    values(net, x)
    assert copies._state.bytes > before[0]
    del net
    gc.collect()
    assert copies._state.bytes == before[0]
    assert len(copies._state.sources) <= before[1] + 1  # x may be known


def test_new_memory_at_an_old_address(skipped: list[int]) -> None:
    x = facula.randn(ROWS, DEPTH)
    for _ in range(5):
        net = layer()
        np.testing.assert_allclose(values(net, x), expected(net, x), rtol=1e-4, atol=1e-5)
        assert skipped[-1] == 1
        del net


def test_beyond_the_limit_they_are_made_each_time(
    skipped: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "LIMIT", 0)
    net, x = layer(), facula.randn(ROWS, DEPTH)
    np.testing.assert_allclose(values(net, x), expected(net, x), rtol=1e-4, atol=1e-5)
    assert skipped and not any(skipped)


def test_other_packed_weights(skipped: list[int]) -> None:
    """Convolutions by Winograd's transforms, packed convolutions, recurrent layers, bfloat16."""
    nets: list[tuple[Any, tuple[int, ...]]] = [
        (nn.Conv2d(64, 64, 3, padding=1), (1, 64, 16, 16)),
        (nn.Conv2d(64, 128, 3, stride=2, padding=1), (1, 64, 28, 28)),
        (nn.GRU(64, 128), (5, 4, 64)),
        (nn.Linear(512, 256).to(facula.bfloat16), (64, 512)),
    ]
    for net, shape in nets:
        net.requires_grad_(False)
        x = facula.randn(shape).to(next(net.parameters()).dtype)

        def run(net: Any = net, x: Tensor = x) -> Any:
            with facula.no_grad():
                y = net(x)
                return (y[0] if isinstance(y, tuple) else y).tolist()

        first = [run() for _ in range(5)]
        kept = skipped[-1]
        for p in net.parameters():
            p.mul_(0)
        zeros = [run() for _ in range(4)]
        assert first[2] == first[3] == first[4], net
        assert not np.any(zeros[-1]), net
        if x.dtype is facula.float32:  # others are packed where the processor has products of them
            assert kept > 0 and skipped[-1] > 0, net
