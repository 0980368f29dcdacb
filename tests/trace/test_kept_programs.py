"""Programs kept on disk: a second process schedules nothing, and believes no damaged file."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import facula as fl
from facula import config, nn
from facula.runtime import code
from facula.trace import fingerprint
from facula.trace.recorder import Frame, state
from facula.trace.trie import MODE, Node


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, on."""
    monkeypatch.setenv("FACULA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(config, "disk_cache", True)
    monkeypatch.setattr(config, "debug", 0)
    monkeypatch.setattr(code, "_loaded", {})
    return tmp_path / "cache"


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Forgets all that this process compiled and recorded, as a new process would."""
    outer = state.tr

    def forget() -> None:
        code._loaded.clear()
        state.tr = Frame(Node(None, MODE))

    forget()
    yield forget
    state.tr = outer


def _train(steps: int = 4, width: int = 8) -> list[float]:
    fl.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, width), nn.Tanh(), nn.Dropout(0.2), nn.Linear(width, 3))
    optimizer = fl.optim.Adam(net.parameters(), lr=0.01)
    x, y = fl.randn(6, 5), fl.randint(0, 3, (6,))
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_a_second_process_compiles_nothing(fresh: Callable[[], None], compiled: list[int]) -> None:
    first = _train()
    assert compiled
    compiled.clear()
    fresh()
    assert _train() == first  # to the last bit
    assert not compiled


def test_another_process_reads_what_this_one_wrote(run_python: Any, tmp_path: Path) -> None:
    script = (
        "import sys, facula as fl\n"
        "def f(n):\n"
        "    x = fl.linspace(0, 1, n)\n"
        "    return [(fl.softmax(x * 3 + 1, 0) @ x).item() for _ in range(3)]\n"
        "print(f(50), f(60))\n"
        "print('facula.compiler.program' in sys.modules, 'llvmlite' in sys.modules)\n"
    )
    cache = str(tmp_path / "both")
    cold = run_python("-c", script, FACULA_CACHE_DIR=cache)
    warm = run_python("-c", script, FACULA_CACHE_DIR=cache)
    assert cold.returncode == 0 and warm.returncode == 0, cold.stderr + warm.stderr
    assert cold.stdout.splitlines()[0] == warm.stdout.splitlines()[0]
    assert cold.stdout.splitlines()[1] == "True True"
    assert warm.stdout.splitlines()[1] == "False False"


def _sorted_sums(n: int) -> list[np.ndarray]:
    x = fl.arange(n).to(fl.float32).reshape(n // 4, 4)
    results = []
    for _ in range(3):
        y, _ = (x * -1.5).sort(dim=0)  # sorting is a host step
        results.append((y + 1).cumsum(0).numpy())
    return results


@pytest.mark.long
def test_processes_may_write_at_the_same_time(run_python: Any, tmp_path: Path) -> None:
    script = (
        "import facula as fl\n"
        "x = fl.linspace(-1, 1, 600).reshape(20, 30)\n"
        "for _ in range(3):\n"
        "    y = [(fl.softmax(x * k, 1) @ x.T).exp().sum().item() for k in (1.5, 2.5)]\n"
        "print(y)\n"
    )
    results: list[str] = []

    def run() -> None:
        done = run_python("-c", script, FACULA_CACHE_DIR=str(tmp_path / "shared"))
        results.append(done.stdout or done.stderr)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run()
    assert len(set(results)) == 1 and results[0].startswith("[")
    left = [p.name for p in (tmp_path / "shared").rglob("*") if p.is_file()]
    assert left and not any("." in name for name in left)  # no half-written file


def test_host_steps_are_found_again(fresh: Callable[[], None], compiled: list[int]) -> None:
    first = _sorted_sums(20)
    assert compiled
    compiled.clear()
    fresh()
    for a, b in zip(_sorted_sums(20), first, strict=True):
        assert np.array_equal(a, b)
    assert not compiled


def _damages() -> Iterator[Any]:
    yield pytest.param(lambda data: data[: len(data) // 2], id="truncated")
    yield pytest.param(lambda data: data[:-9] + bytes([data[-9] ^ 4]) + data[-8:], id="one bit")
    yield pytest.param(lambda data: b"", id="empty")


@pytest.mark.parametrize("damage", [*_damages()])
def test_damaged_files_are_made_anew(
    folder: Path, fresh: Callable[[], None], compiled: list[int], damage: Callable[[bytes], bytes]
) -> None:
    first = _train()
    files = [p for p in folder.rglob("*") if p.is_file()]
    for path in files:
        path.write_bytes(damage(path.read_bytes()))
    compiled.clear()
    fresh()
    assert _train() == first
    assert compiled
    compiled.clear()
    fresh()
    assert _train() == first
    assert not compiled


def test_a_kernel_that_was_pruned_is_compiled_again(
    folder: Path, fresh: Callable[[], None], compiled: list[int]
) -> None:
    first = _train()
    kernels = [p for p in folder.rglob("*") if p.is_file() and b"blueprint" not in p.read_bytes()]
    assert kernels
    for path in kernels:
        path.unlink()
    compiled.clear()
    fresh()
    assert _train() == first
    assert compiled


def test_other_sizes_share_kernels(folder: Path, fresh: Callable[[], None]) -> None:
    def kernels(n: int) -> int:
        x = fl.linspace(0, 1, n * 40).reshape(n, 40)
        for _ in range(3):
            (fl.softmax(x, 1) * 2).sum(1).numpy()
        return sum(b"blueprint" not in p.read_bytes() for p in folder.rglob("*") if p.is_file())

    assert kernels(30) == kernels(41) == kernels(57)


def test_what_the_digest_tells_apart() -> None:
    outer = state.tr
    found = set()
    calls: list[Callable[[fl.Tensor], fl.Tensor]] = [
        lambda x: x + 1, lambda x: x + 1.5, lambda x: x * 1, lambda x: x.sum(0), lambda x: x.sum(1),
        lambda x: x + x, lambda x: x.reshape(4, 3), lambda x: x.to(fl.float64),
    ]  # fmt: skip
    try:
        for call in calls:
            for x in (fl.ones(3, 4), fl.ones(3, 4, dtype=fl.float64), fl.ones(4, 3)):
                if call is calls[6] and x.shape[0] == 4:
                    continue
                state.tr = Frame(Node(None, MODE))
                y = call(x)
                path = state.tr.node.path()
                needed = set(range(len(path)))
                name = fingerprint.fingerprint(path, needed, [y._v.vid - state.tr.base])
                found.add(name)
                assert name is not None
    finally:
        state.tr = outer
    # to() does nothing to what has the dtype, and a reshape is another path for each shape
    assert len(found) >= 3 * len(calls) - 3


def test_attributes_that_are_objects_have_no_digest() -> None:
    with pytest.raises(TypeError, match="no data stands for"):
        fingerprint._plain((1, object()))
    assert fingerprint._plain((0.0,)) is not None
    assert (
        repr(fingerprint._plain((1, [2.0, (True, None)]))) == "(1, ('list', (2.0, (True, None))))"
    )
