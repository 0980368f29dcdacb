"""Machine code in place of Python functions: the same paths, frames and results."""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import facula
from facula import config, nn, tensor_sharing
from facula.autograd import jumps
from facula.functions import indexing, operators
from facula.nn import functional as F
from facula.ops import elementwise as e
from facula.optim import multi_tensor
from facula.runtime import code, python_ir
from facula.trace import formula, native, recorder, replay
from facula.trace.recorder import Frame, state
from facula.trace.replay import flush
from facula.trace.trie import MODE, Node
from facula.trace.values import meta, outside

pytestmark = pytest.mark.skipif(config.eager, reason="nothing is recorded for later then")

NAMES = ("record1", "record2", "record3", "record", "record_many", "as_one")


def test_machine_code_is_in_place() -> None:
    names = {f.__name__ for f in native.taken()}
    assert names == {
        *NAMES,
        "restart",
        "flush",
        "take_onto_nothing",
        "meets",
        "taken",
        "wrap_view",
        "write",
    }
    modules = (recorder, formula, replay, jumps, multi_tensor, indexing, operators, tensor_sharing)
    for module in modules:
        for name in names & set(vars(module)):
            assert type(getattr(module, name)).__name__ == "builtin_function_or_method", name


SHORT = """
import facula, threading
from facula.trace import native, recorder
x = facula.ones(3)
def run(times):
    for _ in range(times):
        assert (x * 2).sum().item() == 6.0
    for t in threading.enumerate():
        if t.name == "facula-native":
            t.join()
run(20)
print(len(native.taken()), type(recorder.record1).__name__)
run(40)
print(len(native.taken()), type(recorder.record1).__name__)
run(20)
"""


def test_a_program_gets_it_after_some_steps(run_python: Any) -> None:
    done = run_python("-c", SHORT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["0", "function", "13", "builtin_function_or_method"]
    done = run_python("-c", SHORT.replace("            t.join()", "            pass"))
    assert done.returncode == 0, done.stderr  # the process ends while it is being compiled


def in_python(run: Callable[[], Any]) -> tuple[Any, set[str]]:
    """What `run()` returns, and which of the functions that have machine code ran in Python."""
    entered: set[str] = set()
    # A second frame, as these tests have it, is begun again in Python.
    taken = {f.__code__: f.__name__ for f in native.taken() if f.__name__ != "restart"}

    def note(frame: Any, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code in taken:
            entered.add(taken[frame.f_code])

    sys.setprofile(note)
    try:
        return run(), entered
    finally:
        sys.setprofile(None)


def both(run: Callable[[], Any]) -> tuple[Any, Any]:
    """What `run()` returns in Python and in machine code, each on an empty trie."""
    found = []
    outer = state.tr
    for leave in (native.left_to_python, contextlib.nullcontext):
        flush()
        state.tr = Frame(Node(None, MODE))
        facula.manual_seed(0)
        with leave():
            found.append(run())
    flush()
    state.tr = outer
    return found[0], found[1]


def in_threads(work: Callable[[int], None]) -> None:
    """work(0) to work(3) at a time."""
    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def tensors() -> dict[str, Any]:
    base = facula.arange(24.0).reshape(4, 6)
    base.tolist()
    return {
        "x": facula.tensor([[1.0, -2.0, 3.0]]), "y": facula.tensor([[0.5], [4.0]]),
        "w": nn.Parameter(facula.tensor([[1.0, 2.0, -1.0], [0.0, 3.0, 2.0]])),
        "b": nn.Parameter(facula.tensor([1.0, -1.0])), "row": base[2:3, 1:4],
        "n": facula.tensor([[3, 1, 2]]), "rnn": nn.LSTM(3, 2),
    }  # fmt: skip


# What is recorded, and which functions are left to Python: where there is more to do than usual.
CASES: dict[str, tuple[Callable[..., Any], set[str]]] = {
    "one operand": (lambda t: t["x"].exp().neg(), set()),
    "attributes": (lambda t: t["x"].sum(1, keepdim=True).expand(1, 2), set()),
    "both enter": (lambda t: t["x"] + t["y"], set()),
    "one enters": (lambda t: t["x"].exp() * t["y"], set()),
    "the other enters": (lambda t: t["y"] - t["x"].exp(), set()),
    "twice the same": (lambda t: t["x"] * t["x"] + t["y"], set()),
    "a number": (lambda t: (t["x"] * 2 + 1.5) / 3, set()),
    "a number first": (lambda t: 2 - t["x"] * 0.25, set()),
    "whole numbers": (lambda t: t["n"] * 3 + t["x"], set()),
    "a layer": (lambda t: F.linear(t["x"], t["w"], t["b"]), set()),
    "layers": (lambda t: F.linear(F.linear(t["x"], t["w"]), t["w"].t(), t["x"][0]), set()),
    "a leaf": (lambda t: t["w"] * 2, set()),
    "a formula": (lambda t: F.layer_norm(t["x"], (3,), t["w"][0], t["w"][1]), set()),
    "a formula's parameters": (lambda t: F.gelu(t["b"]) + F.gelu(t["x"]).sum(), set()),
    "three operands": (lambda t: facula.where(t["x"] > 0, t["x"], t["y"]), set()),
    "one twice of many": (lambda t: facula.cat([t["x"], t["y"].t()[:, :1], t["x"]], 1), set()),
    "a number of many": (lambda t: facula.addcmul(t["x"], t["y"], t["x"], value=0.5), set()),
    "two results": (lambda t: t["x"].max(1)[0] + t["x"].sort(1)[1], set()),
    "a recurrent layer": (lambda t: t["rnn"](t["x"])[0], set()),
    "a part of memory": (lambda t: t["row"] * 2, set()),
    "a view of a part": (lambda t: t["row"].t() * 2, {"record1"}),
}


def frame_of(run: Callable[..., Any], t: dict[str, Any]) -> tuple[Any, ...]:
    """The open frame after `run(t)`, and the result's value."""
    made = run(t)
    tr = state.tr
    known = {id(v._v): k for k, v in t.items() if isinstance(v, facula.Tensor)}
    found = (
        tr.node, [known.get(id(v), v.meta) for v in tr.inputs], list(tr.scalars),
        [(v.vid - tr.base, v.meta) for v in tr.values],
        {k: known.get(id(v)) for k, v in tr.leaves.items()}, made._v.vid - tr.base,
    )  # fmt: skip
    return (*found, made.tolist())


@pytest.mark.parametrize("name", CASES)
def test_the_frame_is_the_same(name: str) -> None:
    run, left = CASES[name]
    t = tensors()
    with native.left_to_python():
        for _ in range(5):  # the first one ends what made the tensors; seen, compiled, known
            want = frame_of(run, t)
    got, entered = in_python(lambda: frame_of(run, t))
    assert got == want
    assert entered == left


def written(t: dict[str, Any], *writes: Callable[..., Any]) -> Any:
    """The sum of fresh tensors after writes to one of them."""
    a, b = t["x"].exp(), t["x"] * 2
    for write in writes:
        write(a, b)
    return a + b


# What is written in place, and which functions are left to Python.
WRITES: dict[str, tuple[Callable[..., Any], set[str]]] = {
    "what was recorded": (lambda t: written(t, lambda a, b: a.mul_(b)), set()),
    "again and again": (lambda t: written(t, *[lambda a, b: a.add_(b)] * 3), set()),
    "a number": (lambda t: written(t, lambda a, b: a.sub_(0.5).div_(2)), set()),
    "a copy": (lambda t: written(t, lambda a, b: a.copy_(b)), set()),
    "another dtype": (lambda t: written(t, lambda a, b: a.add_(t["n"])), set()),
    "zeros": (lambda t: written(t, lambda a, b: b.zero_()), set()),
    "between two": (lambda t: written(t, lambda a, b: a.lerp_(b, 0.25)), set()),
    "a name of a gradient": (lambda t: written(t, lambda a, b: a.clamp_(0.5, 1)), set()),
    "a part": (lambda t: written(t, lambda a, b: a[0, :2].mul_(b[0, 1:])), {"write"}),
    "what has a part": (lambda t: written(t, lambda a, b: (a[0], a.mul_(b))), {"write"}),
    "another value": (lambda t: written(t, lambda a, b: a.set_(b.clone())), set()),
    "with gradients": (lambda t: written(t, lambda a, b: a.mul_(t["b"][0])), {"write"}),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITES)
def test_the_frame_is_the_same_after_writes(name: str) -> None:
    run, left = WRITES[name]
    t = tensors()
    with native.left_to_python():
        for _ in range(5):
            want = frame_of(run, t)
    got, entered = in_python(lambda: frame_of(run, t))
    assert got == want
    assert entered - {"flush", "record1", "record2"} == left


def test_writes_are_counted_and_noted() -> None:
    """Versions, the error of a gradient that wants what is gone, and what was given as a result."""

    def run() -> list[Any]:
        seen: list[Any] = []
        for _ in range(4):
            w = facula.ones(3, requires_grad=True)
            kept = facula.full((3,), 2.0)
            y = w * kept
            kept.mul_(3)
            kept += 1
            seen.append((kept._version, kept.tolist()))
            with pytest.raises(RuntimeError, match="modified by an inplace operation"):
                y.sum().backward()
            z = facula.zeros(3)
            same = z.add_(1)
            seen.append((same is z, z._version, z.tolist()))
        return seen

    want, got = both(run)
    assert got == want
    assert got[0] == (2, [7.0] * 3) and got[1] == (True, 1, [1.0] * 3)


def parts_of(x: Any, rows: int) -> list[Any]:
    found = [x[k] for k in range(rows)] + [x[-1], x[1, 2], x[rows - 1][1]]
    return [*found, *x.unbind(1), *x]


def test_rows_of_memory() -> None:
    """Rows, columns and elements: what they hold, their facts, writes to them and what they are
    parts of.
    """

    def run() -> list[Any]:
        x, seen = facula.arange(24.0).reshape(6, 4).clone(), []
        x.tolist()
        for turn in range(3):
            parts = parts_of(x, 6)
            facts = [(p.stride(), p.storage_offset(), p.is_contiguous()) for p in parts]
            names = [p.grad_fn for p in parts]
            seen.append((facts, names, [p.tolist() for p in parts], [p._version for p in parts]))
            x[turn] += 10
            parts[turn + 1].mul_(2)
            x.add_(1)
            seen.append(([p.tolist() for p in parts], x.tolist(), [p._version for p in parts]))
        return seen

    for _ in range(2):
        want, got = both(run)
        assert got == want
    rows = np.array(got[0][2][:6])
    assert rows.tolist() == np.arange(24.0).reshape(6, 4).tolist()
    assert got[0][0][1] == ((1,), 4, True) and got[0][0][9] == ((4,), 0, False)


def test_small_copies_share_memory_and_stay() -> None:
    """Parts of many sizes and dtypes, of which some are kept: each has what it was made of."""
    kept = []
    for dtype in (facula.float32, facula.float64, facula.int8, facula.bool, facula.bfloat16):
        for n in (1, 3, 7, 100, 250, 1000):
            x = facula.arange(n * 40).reshape(40, n).remainder(7).to(dtype)
            want = x.tolist()
            for k in range(40):
                part = x[k]
                if k % 3 == 0:
                    kept.append((part, part + part, want[k]))
            del x
    for part, twice, want in kept:
        assert part.tolist() == want
        assert twice.tolist() == (part + part).tolist()


def test_threads_take_rows_at_a_time() -> None:
    x = facula.arange(4000.0).reshape(1000, 4)
    x.tolist()
    wrong: list[Any] = []

    def work(k: int) -> None:
        for i in range(k, 1000, 4):
            row = x[i]
            if row.tolist() != [4.0 * i + j for j in range(4)]:
                wrong.append(i)
            (row * 2).tolist()

    in_threads(work)
    assert wrong == []


def train(steps: int) -> list[Any]:
    net = nn.Sequential(nn.Linear(3, 8), nn.GELU(), nn.LayerNorm(8), nn.Linear(8, 2))
    opt = facula.optim.Adam(net.parameters(), lr=0.1)
    x, y = facula.randn(5, 3), facula.randn(5, 2)
    found = []
    for _ in range(steps):
        opt.zero_grad()
        loss = F.mse_loss(net(x), y)
        loss.backward()
        opt.step()
        found.append(loss.item())
    return found


def test_a_step_of_training() -> None:
    want, got = both(lambda: train(6))
    assert got == want
    net = nn.Linear(3, 2)
    opt = facula.optim.SGD(net.parameters(), lr=0.1)
    x = facula.randn(5, 3)

    def step() -> float:
        opt.zero_grad()
        loss = net(x).square().mean()
        loss.backward()
        opt.step()
        return float(loss.item())

    for _ in range(4):
        step()
    assert in_python(step)[1] == set()


def passes(how: str) -> list[Any]:
    """Gradients after three rounds of something that a remembered pass has to look at."""
    w = nn.Parameter(facula.tensor([1.0, -2.0]))
    b = nn.Parameter(facula.tensor([0.5, 0.5]))
    seen: list[Any] = []
    if how == "a hook":
        w.register_hook(lambda g: g * 2)
    for _ in range(4):
        loss = (w * w * b).sum()
        if how == "written between":
            with facula.no_grad():
                w.mul_(0.5)
            loss = (w.exp() * b).sum()
        if "gone" in how:
            loss = loss + (facula.tensor([3.0, 4.0], requires_grad=True) * w).sum()
        if "has a gradient" in how:
            b.grad = facula.ones(2)
        if how == "twice":
            loss.backward(retain_graph=True)
        loss.backward()
        seen += [w.grad.tolist(), b.grad.tolist(), loss.item()]
        if how != "accumulated":
            w.grad = b.grad = None
    return seen


@pytest.mark.parametrize(
    "how",
    (
        *("plain", "accumulated", "a hook", "written between", "the last one has a gradient"),
        *("twice", "one is gone", "one is gone, the last one has a gradient"),
    ),
)
def test_remembered_passes(how: str) -> None:
    want, got = both(lambda: passes(how))
    assert got == want


def test_one_leaf_in_two_slots() -> None:
    """A parameter written in the middle of a frame: its gradient is the sum of both parts'."""

    def run() -> list[Any]:
        w, seen = nn.Parameter(facula.tensor([2.0, 3.0])), []
        for _ in range(4):
            first = (w * w).sum()
            with facula.no_grad():
                w.data = w.data * 1.0
            (first + w.exp().sum()).backward()
            seen.append(w.grad.tolist())
            w.grad = None
        return seen

    want, got = both(run)
    assert got == want


def test_optimizers_look_again() -> None:
    """At parameters that were exchanged, without gradients, or whose gradients lie elsewhere."""

    def run() -> list[Any]:
        net = nn.Linear(2, 2)
        opt = facula.optim.SGD(net.parameters(), lr=0.5)
        x = facula.tensor([[1.0, 2.0]])
        for k in range(12):
            opt.zero_grad()
            out = net(x)
            loss = out.sum() if k % 3 else F.linear(x, net.weight).sum()
            loss.backward()
            if k % 4 == 1:
                net.weight.grad = net.weight.grad * 2
            if k == 6:
                net.weight.data = net.weight.data + 1
            opt.step()
        return [net.weight.tolist(), net.bias.tolist()]

    want, got = both(run)
    assert got == want


def in_turn(first: Callable[[], Any]) -> tuple[Any, set[str]]:
    """As `in_python`, after some runs: the plan is known."""
    for _ in range(5):
        first()
    return in_python(first)


def test_an_error_at_the_end_of_a_frame() -> None:
    """It is that of the op, what does not depend on it is computed, and the next run is right."""
    table, index = facula.arange(12.0).reshape(4, 3), facula.zeros(200, dtype=facula.int64)

    def run(row: int) -> tuple[list[float], str]:
        index[150] = row
        other = table[0] + 1
        picked = table[index].sum(0)
        message = ""
        try:
            picked.tolist()
        except IndexError as e:
            message = str(e) + "".join(e.__notes__)
            with pytest.raises(RuntimeError, match="could not be computed"):
                picked.tolist()
        return other.tolist(), message.partition(" (")[0]

    def turns() -> list[Any]:
        return [run(k) for k in (1, 2, 3, 1, 9, 2, 9, 3)]

    want, got = both(turns)
    assert got == want and "9 is out of bounds" in got[4][1] and got[3][1] == ""


def test_results_that_are_kept_stay() -> None:
    x = facula.ones(3)
    kept, arrays = [], []
    for k in range(12):
        y = x * float(k)
        assert y.sum().item() == 3.0 * k
        kept.append(y)
        z = x + float(k)
        z.sum().item()
        arrays.append(z.numpy())
        del z
    assert [y.tolist() for y in kept] == [[float(k)] * 3 for k in range(12)]
    assert [a.tolist() for a in arrays] == [[k + 1.0] * 3 for k in range(12)]


def test_large_results_are_new_each_time() -> None:
    x, index = facula.ones(300, 300), facula.zeros(300, dtype=facula.int64)
    assert 4 * x.numel() > replay.POOLED_BYTES
    kept = []

    def run() -> float:
        kept.append((x * float(len(kept)) + 1, x[index]))
        return float(kept[-1][0][0, 0].item())

    for k in range(6):
        assert run() == k + 1
    assert in_python(run) == (7.0, set())
    index[7] = 900
    with pytest.raises(IndexError, match="900 is out of bounds"):
        run()
    index[7] = 299
    kept.pop()
    assert run() == 8.0
    for k, (y, picked) in enumerate(kept):
        assert (y.min().item(), y.max().item()) == (k + 1, k + 1)
        assert picked.sum().item() == x.numel()


@pytest.mark.parametrize("number", (3, 2.5, -(1 << 62), 1 << 70, True, float("inf")))
def test_numbers(number: Any) -> None:
    def run() -> list[Any]:
        x = facula.tensor([1.0, 2.0])
        found: list[Any] = []
        for _ in range(5):
            found.append((x * number).tolist())
            found.append((x.long() + (number if type(number) is int else 1)).tolist())
        return found

    def outcome() -> str:
        try:
            return repr(run())
        except Exception as e:
            return repr(e)

    want, got = both(outcome)
    assert got == want


def test_other_threads_go_on_while_a_program_runs() -> None:
    """Each with programs of its own that let go of the interpreter's lock."""
    results: dict[int, float] = {}

    def work(k: int) -> None:
        x = facula.full((300, 200), float(k))
        for _ in range(60):
            total = (x * 2 + 1).exp().log().sum().item()
        results[k] = total

    in_threads(work)
    for k in range(4):
        assert results[k] == pytest.approx(60000 * (2 * k + 1), rel=1e-5)


def test_who_watches_sees_all() -> None:
    x = facula.ones(5)

    def run() -> float:
        return float((x * 3).sum().item())

    for _ in range(4):
        run()
    counts = []
    for leave in (native.left_to_python, contextlib.nullcontext):
        with leave(), facula.profiler.profile() as watched:
            for _ in range(3):
                run()
        counts.append({e.key: e.count for e in watched.key_averages()})
    assert counts[0] == counts[1] and max(counts[0].values()) >= 3
    assert in_turn(run) == (15.0, set())


def test_what_gradients_will_want_is_kept() -> None:
    """A loss that is printed before the backward pass; views; frames without gradients."""

    def run() -> list[Any]:
        w, x = nn.Parameter(facula.tensor([1.0, 2.0, 3.0])), facula.arange(6.0).reshape(2, 3)
        found: list[Any] = []
        for _ in range(6):
            loss = ((x[1:] * w).sigmoid() ** 2).sum()
            found.append(loss.item())
            loss.backward()
            found.append(w.grad.tolist())
            with facula.no_grad():
                found.append((x[:, 1:] @ w[1:]).tolist())
                w.grad.zero_()
        return found

    want, got = both(run)
    assert got == want


def test_arguments() -> None:
    v = facula.ones(2)._v
    with pytest.raises(TypeError, match="record1"):
        recorder.record1(e.NEG)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="record2"):
        recorder.record2(e.ADD, v, v, (), ())  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="keyword"):
        recorder.record1(e.NEG, v=v)
    with pytest.raises(TypeError, match="unhashable"):
        recorder.record1(e.NEG, v, [])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="str"):
        recorder.record2(e.ADD, v, "2")
    with pytest.raises(RuntimeError, match="must match"):
        facula.ones(2) + facula.ones(3)


def test_no_reference_is_lost_or_left() -> None:
    x, w, b = facula.ones(2, 3), nn.Parameter(facula.ones(2, 3)), nn.Parameter(facula.ones(2))
    text = "facula"  # an object that is in no pool of Python's

    def step() -> None:
        out = F.gelu(F.linear(x, w, b)) * 2.5 + x[:, :2] * x[:, :2]
        out.sum().backward()
        out.tolist()
        w.grad = b.grad = None

    for _ in range(5):
        step()
    held = [x._v, w._v, b._v, e.ADD, None, True, (), facula.float32, x._v.meta, state.tr, text]
    gc.collect()
    before = [sys.getrefcount(o) for o in held], sys.getallocatedblocks()
    for _ in range(300):
        step()
    gc.collect()
    after = [sys.getrefcount(o) for o in held], sys.getallocatedblocks()
    assert after[0] == before[0]
    assert after[1] - before[1] < 100


def test_threads_have_frames_of_their_own() -> None:
    results: dict[int, list[float]] = {}
    start = threading.Barrier(4)

    def work(k: int) -> None:
        x = facula.full((4,), float(k))
        start.wait()
        found = []
        for i in range(200):
            y = x * 2
            z = y + i
            found.append(float((z * x).sum()))
        results[k] = found

    in_threads(work)
    for k in range(4):
        assert results[k] == [4.0 * (2 * k + i) * k for i in range(200)]


def test_another_frame_is_seen_at_once() -> None:
    outer = state.tr
    x = facula.ones(3)
    x.neg()
    try:
        state.tr = Frame(Node(None, MODE))
        y = x + 1
        assert state.tr.values == [y._v] and y.tolist() == [2.0] * 3
    finally:
        state.tr = outer


def test_fields_are_found_where_they_are() -> None:
    class Two:
        __slots__ = ("a", "b", "__dict__")

    fields = python_ir.Fields(Two)
    assert {fields.a, fields.b} <= set(range(16, Two.__basicsize__, 8)) and fields.a != fields.b
    with pytest.raises(LookupError, match=r"Two\.c is no slot"):
        _ = fields.c


@pytest.fixture
def nothing_taken() -> Iterator[None]:
    """As at the start of a process; what is loaded meanwhile is forgotten again."""
    flush()
    offered = list(native._offered)
    with native.left_to_python():
        native._offered[:] = [
            "facula.trace.recorder_code", "facula.autograd.jumps_code",
            "facula.optim.multi_tensor_code",
        ]  # fmt: skip
        yield
        native._offered[:] = offered


def test_another_interpreter_does_without(
    nothing_taken: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(python_ir, "supported", lambda: False)
    native.load()
    assert type(recorder.record1).__name__ == "function"
    assert (facula.ones(2) + 1).tolist() == [2.0, 2.0]


def test_what_cannot_be_compiled_stays(
    nothing_taken: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*arguments: Any) -> Any:
        raise code.CodeError("no such instruction")

    monkeypatch.setattr(code, "_compile", fails)
    monkeypatch.setattr(code, "loaded", lambda name: None)
    monkeypatch.setattr(config, "debug", 1)
    native.load()
    assert "recording stays with Python: no such instruction" in capsys.readouterr().err
    assert type(recorder.record1).__name__ == "function"
    assert (facula.ones(2) + 1).tolist() == [2.0, 2.0]


def test_values_of_other_kinds_are_left_to_python() -> None:
    """Memory that Python may write to, and numbers of NumPy's."""
    a = np.ones(3, np.float32)
    x = facula.from_numpy(a)
    for k in range(4):
        y = x + 1
        a[:] = k
        assert y.tolist() == [2.0 if k == 0 else float(k)] * 3
    v = outside(meta((3,), facula.float32), np.zeros(3, np.float32))
    assert recorder.record2(e.ADD, v, np.float32(2.0)).meta.shape == (3,)  # type: ignore[arg-type]
    flush()
