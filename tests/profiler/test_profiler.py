"""The profiler: what it counts, its names and structure, and that watching changes no bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import facula
from facula import nn
from facula.profiler import (
    ProfilerAction,
    ProfilerActivity,
    profile,
    record_function,
    schedule,
    tensorboard_trace_handler,
)
from facula.trace import replay, watch
from facula.trace.replay import flush

PYTHON = "Python: recording and the program"


@pytest.fixture(autouse=True)
def nobody_watches():
    flush()
    yield
    flush()
    assert not watch._watchers and not watch._originals


def network() -> tuple[Any, Any]:
    facula.manual_seed(0)
    net = nn.Sequential(nn.Linear(20, 48), nn.Tanh(), nn.Linear(48, 7))
    return net, facula.optim.Adam(net.parameters(), lr=1e-2)


def train(net: Any, opt: Any, steps: int, batch: int = 32) -> list[float]:
    losses = []
    for _ in range(steps):
        x, y = facula.randn(batch, 20), facula.randint(0, 7, (batch,))
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        opt.step()
        losses.append(loss.item())
    return losses


def test_results_are_the_same_bit_for_bit():
    # What is compiled, and when, depends on the process's history; later nothing changes.
    before, plain = [], train(*network(), 8)
    for _ in range(10):
        if before == plain:
            break
        before, plain = plain, train(*network(), 8)
    net, opt = network()
    with profile() as prof:
        watched = train(net, opt, 8)
    assert watched == plain
    assert prof.events()


def test_steps_of_a_plan_are_counted():
    net, opt = network()
    train(net, opt, 4)
    with profile() as prof:
        train(net, opt, 6)
    events = prof.events()
    plans = [e for e in events if e.category == "plan"]
    kernels = [e for e in events if e.category == "kernel"]
    assert len(plans) == 6 and len({e.name for e in plans}) == 1
    assert kernels and len(kernels) % 6 == 0
    assert all(e.cpu_parent in plans for e in kernels)
    for plan in plans:
        assert sum(k.cpu_time_total for k in plan.cpu_children) <= plan.cpu_time_total
    names = " ".join(e.name for e in kernels)
    for part in ("linear", "tanh", "cross_entropy", "linear backward", "optimizer step of 4"):
        assert part in names
    assert all(e.bytes > 0 and e.threads >= 1 for e in kernels)


def test_a_compiled_function_is_seen():
    """While somebody watches, facula.compile records as if it were not there."""
    x = facula.randn(64, 8)

    @facula.compile
    def work(x: Any) -> Any:
        return (x * 2).tanh().sum()

    results = [work(x).item() for _ in range(8)]
    with profile() as prof:
        results += [work(x).item() for _ in range(3)]
    results.append(work(x).item())
    assert sum(e.category == "plan" for e in prof.events()) == 3
    assert len(set(results[2:])) == 1


def test_steps_of_a_sequence_share_its_work():
    lstm = nn.LSTM(16, 64)
    x = facula.randn(10, 4, 16)
    with facula.no_grad():
        for _ in range(3):
            lstm(x)[0].sum().item()
        with profile() as prof:
            lstm(x)[0].sum().item()
    flops = [e.flops for e in prof.events() if e.name.startswith("lstm") and e.flops]
    assert sum(flops) in (0, 2 * 4 * 64 * 64 * 4 * 10)


def test_flops_of_a_product():
    a, b = facula.randn(128, 96), facula.randn(96, 160)
    for _ in range(3):
        (a @ b).sum().item()
    with profile(record_shapes=True) as prof:
        (a @ b).sum().item()
    row = next(e for e in prof.events() if "matmul" in e.name and e.flops == 2 * 128 * 96 * 160)
    assert [128, 96] in row.input_shapes and [96, 160] in row.input_shapes
    assert row.bytes == 4 * (128 * 96 + 96 * 160 + 128 * 160)


def test_averages_and_the_table():
    net, opt = network()
    train(net, opt, 3)
    with profile(activities=[ProfilerActivity.CPU]) as prof:
        train(net, opt, 5)
    averages = prof.key_averages()
    assert {e.key for e in averages} >= {PYTHON}
    plan = next(e for e in averages if e.category == "plan")
    assert plan.count == 5
    assert plan.cpu_time == plan.cpu_time_total / 5
    total = averages.self_cpu_time_total
    assert total == pytest.approx(prof.events().total_us, rel=0.02)
    text = averages.table(sort_by="self_cpu_time_total", row_limit=3)
    assert len(text.splitlines()) == 3 + 4 + 1 and "# of Calls" in text and "GFLOP/s" in text
    assert prof.total_average().count == len(prof.events())
    with pytest.raises(ValueError, match="sort_by"):
        averages.table(sort_by="colour")


def test_ranges():
    x = facula.randn(64, 64)

    @record_function("decorated")
    def work() -> float:
        return float((x * 2).sum().item())

    for _ in range(3):
        work()
    with profile() as prof:
        with record_function("outer"):
            work()
            work()
    rows = {e.key: e for e in prof.key_averages()}
    assert rows["outer"].count == 1 and rows["decorated"].count == 2
    assert rows["decorated"].cpu_time_total <= rows["outer"].cpu_time_total
    with record_function("nobody listens"):
        pass


def test_work_that_is_pending_at_the_end_is_counted():
    with profile() as prof:
        y = facula.ones(3) + 1
    assert any(e.category in ("plan", "reference") for e in prof.events())
    assert y.tolist() == [2, 2, 2]


def test_compilations_are_events():
    x = facula.randn(37, 3)
    with profile(with_stack=True) as prof:
        for _ in range(3):
            (x.exp() * 0.37).sum().item()
    found = {e.category: e for e in prof.events()}
    assert {"compile", "plan", "kernel", "reference"} <= set(found)
    assert "test_profiler.py:" in found["plan"].stack[0]
    assert "test_profiler.py:" in found["kernel"].stack[0]


def test_a_schedule():
    action = schedule(skip_first=1, wait=1, warmup=1, active=2, repeat=2)
    names = [action(i).name for i in range(10)]
    cycle = ["NONE", "WARMUP", "RECORD", "RECORD_AND_SAVE"]
    assert names == ["NONE", *cycle, *cycle, "NONE"]
    with pytest.raises(ValueError, match="active=0"):
        schedule(wait=1, warmup=1, active=0)


def test_a_profile_follows_its_schedule():
    x = facula.randn(50)
    seen = []

    def ready(prof: profile) -> None:
        rows = {e.key: e for e in prof.key_averages()}
        seen.append((prof.step_num, rows["ProfilerStep*"].count))

    with profile(
        schedule=schedule(wait=1, warmup=1, active=2, repeat=2), on_trace_ready=ready
    ) as prof:
        for i in range(10):
            recording = prof.current_action in (
                ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE
            )  # fmt: skip
            assert recording == (i in (2, 3, 6, 7)) == bool(watch._watchers)
            (x + 1).sum().item()
            prof.step()
    assert seen == [(4, 2), (8, 2)]


def test_a_trace_file(tmp_path: Path):
    x = facula.randn(50)
    with profile(on_trace_ready=tensorboard_trace_handler(str(tmp_path), "me")) as prof:
        for _ in range(3):
            (x + 1).sum().item()
    prof.export_chrome_trace(str(tmp_path / "own.json"))
    (file,) = tmp_path.glob("me.*.pt.trace.json")
    for path in (file, tmp_path / "own.json"):
        records = json.loads(path.read_text())["traceEvents"]
        assert len(records) == len(prof.events())
        assert all(r["ph"] == "X" and r["dur"] >= 0 for r in records)


def test_before_the_end_there_are_no_events():
    prof = profile()
    with pytest.raises(RuntimeError, match="stop"):
        prof.events()


def test_other_devices_are_left_out():
    with pytest.warns(UserWarning, match="CUDA"):
        prof = profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA])
    assert prof.activities == {ProfilerActivity.CPU}


def test_the_older_names():
    x = facula.randn(50)
    with facula.autograd.profiler.profile() as prof:
        with facula.autograd.profiler.record_function("part"):
            (x + 1).sum().item()
    assert "part" in prof.key_averages().table()
    with facula.autograd.profiler.profile(enabled=False) as prof:
        (x + 1).sum().item()
    assert not watch._watchers


def test_nothing_is_left_behind_after_an_error():
    original = replay._replay
    with pytest.raises(ZeroDivisionError):
        with profile() as prof:
            facula.ones(3).sum().item()
            raise ZeroDivisionError
    assert replay._replay is original
    assert prof.events()


def test_an_error_inside_a_watched_program():
    table = facula.randn(10, 4)

    def look(i: int) -> np.ndarray:
        return table[facula.tensor([i, 0])].exp().numpy()

    for _ in range(3):
        look(2)
    with profile():
        with pytest.raises(IndexError):
            look(99)
        assert look(1).shape == (2, 4)
    assert look(1).shape == (2, 4)
