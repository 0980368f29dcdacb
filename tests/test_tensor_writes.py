"""Small writes into large tensors go to their memory, and only where nobody else can see it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import facula
from facula import Tensor
from facula.runtime.memory import PooledBuffer, address_of
from facula.tensor_writes import own_memory
from facula.trace.replay import array_of, flush

ROWS, WIDTH = 4096, 128  # 2 MB


def table() -> Tensor:
    """A large tensor in memory of its own."""
    t = facula.arange(ROWS * WIDTH, dtype=facula.float32).reshape(ROWS, WIDTH) * 1.0
    flush()
    return t


def address(t: Tensor) -> int:
    """Where its elements lie; `data_ptr()` would show them to others."""
    flush()
    return address_of(array_of(t._v))


def rows(t: Tensor) -> None:
    t[3:5] = facula.ones(2, WIDTH)


def add(t: Tensor) -> None:
    t[10:12] += 1


def add_to_view(t: Tensor) -> None:
    t[7].add_(facula.ones(WIDTH))


def copy(t: Tensor) -> None:
    t[100:104, 2:9].copy_(facula.full((7,), 2.5))


def column(t: Tensor) -> None:
    t[:, 5].zero_()


def transposed(t: Tensor) -> None:
    t.t()[3:5].mul_(2)


def fill(t: Tensor) -> None:
    t[20].fill_(7)


def shifted(t: Tensor) -> None:
    t[30:40] = t[31:41]


def by_index(t: Tensor) -> None:
    t[facula.tensor([5, -1, 900])] = facula.ones(3, WIDTH)


def by_index_and_number(t: Tensor) -> None:
    t[facula.tensor([5, 9])] = -3


def by_two(t: Tensor) -> None:
    t[facula.tensor([1, 2]), facula.tensor([3, 4])] = facula.tensor([1.0, 2.0])


def by_column_index(t: Tensor) -> None:
    t[:, facula.tensor([0, 9])] = facula.ones(ROWS, 1)


def by_mask(t: Tensor) -> None:
    mask = facula.zeros(ROWS, dtype=facula.bool)
    mask[17] = True
    t[mask] = facula.ones(1, WIDTH)


WRITES: list[Callable[[Any], None]] = [
    rows, add, add_to_view, copy, column, transposed, fill, shifted, by_index,
    by_index_and_number, by_two, by_column_index, by_mask,
]  # fmt: skip


def expected(write: Callable[[Any], None], before: np.ndarray) -> np.ndarray:
    """What a write makes of the numbers, recorded: a tensor too small for anything else."""
    t = facula.tensor(before)
    alias = t.detach()  # so that others see the memory
    write(t)
    assert facula.equal(alias, t)
    return t.numpy()


@pytest.mark.parametrize("write", WRITES, ids=lambda f: f.__name__)
def test_in_place_and_as_recorded(write: Callable[[Any], None]) -> None:
    t = table()
    place, version = address(t), t._version
    for _ in range(3):  # what repeats is compiled meanwhile
        wanted = expected(write, t.numpy().copy())
        t = t.clone()  # nothing shares memory with NumPy
        place = address(t)
        version = t._version
        write(t)
        assert address(t) == place
        assert t._version > version
        np.testing.assert_array_equal(t.numpy(), wanted)


@pytest.mark.parametrize("write", WRITES, ids=lambda f: f.__name__)
def test_who_else_sees_the_memory(write: Callable[[Any], None]) -> None:
    """Views follow, what was computed before does not, arrays are written through."""
    t = table()
    before = t.numpy().copy()
    t = t.clone()
    view, part = t.view(-1), t[10:40]
    doubled = t * 2  # recorded, and still to read what is there now
    write(t)
    np.testing.assert_array_equal(doubled.numpy(), before * 2)
    np.testing.assert_array_equal(view.numpy().reshape(ROWS, WIDTH), t.numpy())
    np.testing.assert_array_equal(part.numpy(), t.numpy()[10:40])
    np.testing.assert_array_equal(t.numpy(), expected(write, before))
    seen = t.numpy()
    write(t)
    np.testing.assert_array_equal(seen, t.numpy())


@pytest.mark.parametrize("write", WRITES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("ended", [False, True])
def test_values_that_gradients_want(write: Callable[[Any], None], ended: bool) -> None:
    """Also where the memory changed hands after it was saved."""
    for _ in range(4):
        t = table()
        w = facula.ones(WIDTH, requires_grad=True)
        y = t * w
        if ended:
            flush()
            t.sum().item()
            z = (t * w).sum()
            flush()
            assert z.requires_grad
        write(t)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.sum().backward()


def test_values_kept_by_a_function() -> None:
    t = table()
    w = facula.ones(1, requires_grad=True)
    y = (t[3:5] * w).sum()
    flush()
    rows(t)
    again = (t[3:5] * w).sum()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()
    again.backward()
    assert w.grad is not None
    assert w.grad.item() == 2 * WIDTH


def test_values_of_many_parts_kept_by_a_function() -> None:
    """Of ever new parts copies are made: a write to the whole is noticed all the same."""
    t = table()
    w = facula.ones(1, requires_grad=True)
    results = []
    for k in range(12):
        results.append((t[k : k + 2].flatten() * w).sum())
        results.append((t[k : k + 2] * w).sum())
        flush()
    t[ROWS - 1] = 0.0
    for y in results:
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.backward()


def test_what_requires_gradients_is_recorded() -> None:
    t = table()
    w = facula.ones(WIDTH, requires_grad=True)
    t[5] = w * 2
    assert t.requires_grad
    t.sum().backward()
    assert w.grad is not None
    assert w.grad.tolist() == [2.0] * WIDTH
    leaf = table().requires_grad_()
    with pytest.raises(RuntimeError, match="leaf Variable"):
        rows(leaf)
    with facula.no_grad():
        rows(leaf)
    assert leaf[3:5].sum().item() == 2 * WIDTH


def test_shared_memory_is_written_through() -> None:
    a = np.zeros((ROWS, WIDTH), np.float32)
    t = facula.from_numpy(a)
    rows(t)
    by_index(t)
    t[0].add_(4)
    assert a[3:5].sum() == 2 * WIDTH and a[900].sum() == WIDTH and a[0].sum() == 4 * WIDTH
    alias = t.detach()
    alias[1].fill_(2)
    assert a[1].sum() == t[1].sum().item() == 2 * WIDTH


def test_errors_leave_the_tensor_as_it_was() -> None:
    t = table()
    before, version = t.clone(), t._version
    with pytest.raises(IndexError, match="out of bounds"):
        t[facula.tensor([1, ROWS])] = 0.0
    with pytest.raises(RuntimeError):
        t[facula.tensor([1, 2])] = facula.ones(3, WIDTH)
    with pytest.raises(RuntimeError):
        t[3:5] = facula.ones(3, WIDTH)
    with pytest.raises(RuntimeError):
        t[3:5].add_(facula.ones(5))
    flush()
    assert facula.equal(t, before)
    assert t._version == version


def test_a_compiled_step_writes_each_time() -> None:
    t, x = table(), facula.ones(WIDTH)

    @facula.compile
    def step(x: Tensor) -> Tensor:
        t[5].add_(x)
        t[facula.tensor([8])] = t[5:6] * 2
        return t[5].sum()

    start = t[5].sum().item()
    for k in range(1, 9):
        assert step(x).item() == start + k * WIDTH
        assert t[8].sum().item() == 2 * (start + k * WIDTH)


def test_views_to_be_derived_again_are_written() -> None:
    t, small = table(), facula.zeros(4, WIDTH)
    place = address(t)
    view, other = small[1:3], small[:1]
    small += 1
    t[5:7] = view
    t[facula.tensor([9])] = other
    assert address(t) == place
    assert t[5:7].sum().item() == 2 * WIDTH
    assert t[9].sum().item() == WIDTH


@pytest.mark.parametrize(
    "dtype", ["float64", "float16", "bfloat16", "int64", "uint8", "bool", "complex64"]
)
def test_dtypes(dtype: str) -> None:
    d = getattr(facula, dtype)
    t = facula.zeros(ROWS, 512, dtype=d)
    flush()
    place = address(t)
    t[3:5].fill_(1)
    t[facula.tensor([9])] = facula.ones(1, 512, dtype=d)
    t[7:8] = facula.ones(512)[None].to(d)
    assert address(t) == place
    found = t.to(facula.float32).sum(1)
    assert found.nonzero().flatten().tolist() == [3, 4, 7, 9]
    assert found[3].item() == 512


def test_memory_lent_by_a_pool_is_written_where_nobody_else_has_it() -> None:
    x = facula.ones(4)
    for _ in range(4):
        y = x * 2
        flush()
    assert type(y._v.buf) is PooledBuffer
    other = y._v.buf
    assert own_memory(y) is None
    del other
    assert own_memory(y) is not None


SHOWN = {
    "numpy": lambda t: t.numpy()[:],
    "asarray": lambda t: np.asarray(t)[:],
    "detached": lambda t: t.detach().numpy()[:],
    "a row": lambda t: t[0].numpy()[:],
    "transposed": lambda t: t.t().numpy()[:],
    "storage": lambda t: t.untyped_storage(),
    "address": lambda t: (ctypes.c_char * 4).from_address(t.data_ptr()),
    "data": lambda t: t.data.numpy()[:],
}


@pytest.mark.parametrize("how", SHOWN)
@pytest.mark.parametrize("through", ["whole", "view"])
def test_what_was_recorded_reads_what_was_there(how: str, through: str) -> None:
    """Python code may write at any time to memory that it is shown: what waits for its inputs in
    that memory is computed first.
    """
    for _ in range(4):  # at first sight, compiled, replayed
        t = facula.ones(2, 3)
        before = (t if through == "whole" else t[0]) * 2
        seen = SHOWN[how](t)
        seen[0] = b"\x00" if how == "address" else 0
        if how in ("storage", "address"):
            seen[1], seen[2], seen[3] = (0, 0, 0) if how == "storage" else (b"\x00",) * 3
        assert bool((before == 2).all()) and t[0, 0] == 0


@pytest.mark.parametrize("of", ["detach", "data", "row"])
def test_who_shared_a_storage_keeps_it_when_data_is_assigned(of: str) -> None:
    for _ in range(4):
        p = facula.nn.Parameter(facula.arange(6.0).reshape(2, 3).clone())
        shared = {"detach": p.detach(), "data": p.data, "row": p.detach()[0]}[of]
        before, new = shared.tolist(), facula.full((2, 3), 7.0)
        p.data = new
        assert shared.tolist() == before and (p == 7).all()
        shared[..., 0] = -1
        new[1, 1] = 8
        assert p.tolist() == [[7, 7, 7], [7, 8, 7]]
        (p * p).sum().backward()
        facula.optim.SGD([p], 0.5).step()
        assert p.tolist() == new.tolist() == [[0, 0, 0], [0, 0, 0]]
        if of != "row":
            p.data = shared  # and back
            assert p.tolist() == [[-1, 1, 2], [-1, 4, 5]]
            p.data[0, 2] = 9
            assert shared[0, 2] == 9 and new.sum() == 0


def test_who_shares_a_storage_sees_what_numpy_writes() -> None:
    """Parts that were copied for a loop, and parameters on one storage with values of their own."""
    for _ in range(3):
        t = facula.arange(40.0).reshape(10, 4).clone()
        parts = [t[i] for i in range(10)]
        before = [part.sum() for part in parts]
        seen = t.numpy()
        seen[:] = 1
        assert [part.tolist() for part in parts] == [[1] * 4] * 10
        assert before[9] == 36 + 37 + 38 + 39
        p, q = facula.nn.Parameter(facula.zeros(4)), facula.nn.Parameter(facula.ones(4))
        q.data = p.data
        alias = q.data
        seen = p.detach().numpy()
        seen[1] = 7
        assert p.tolist() == q.tolist() == alias.tolist() == [0, 7, 0, 0]
        with facula.no_grad():
            q[2] = 5
        seen[3] = 9
        assert p.tolist() == q.tolist() == alias.tolist() == [0, 7, 5, 9]
