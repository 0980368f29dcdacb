"""Steps of optimizers in all the situations in which parameters, gradients and state are found.

SGD is checked against its formula. A program is run four times: the first goes through references,
the second is compiled, the others are replays.
"""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import facula as fl
from facula import nn
from facula.optim import SGD, Adagrad, Adam, AdamW, Optimizer


def values(t: Any) -> np.ndarray:
    return t.detach().clone().numpy()


def train(p: Any, optimizer: Any, steps: int = 4) -> list[np.ndarray]:
    """Steps on the loss (p * p).sum() / 2, whose gradient is p: SGD shrinks p."""
    seen = []
    for _ in range(steps):
        optimizer.zero_grad()
        ((p * p).sum() / 2).backward()
        optimizer.step()
        seen.append(values(p))
    return seen


def shrunk(start: np.ndarray, steps: int = 4, rate: float = 0.5) -> list[np.ndarray]:
    return [start * rate ** (i + 1) for i in range(steps)]


def test_a_step_writes_where_the_parameter_lies() -> None:
    p = nn.Parameter(fl.tensor([1.0, -2.0, 4.0]))
    at = p.data_ptr()
    for a, b in zip(train(p, SGD([p], lr=0.5)), shrunk(np.array([1, -2, 4], "f")), strict=True):
        np.testing.assert_array_equal(a, b)
    assert p.data_ptr() == at and p.requires_grad and p.is_leaf


def test_versions_count_steps() -> None:
    p, q = nn.Parameter(fl.ones(3)), nn.Parameter(fl.ones(3))
    o = Adam([p, q])
    before = p._version, q._version
    for _ in range(3):
        p.grad = fl.ones(3)
        o.step()
    assert p._version == before[0] + 3
    assert q._version == before[1]  # it had no gradient: nothing was written
    assert o.state[p]["exp_avg"]._version >= 3
    other = SGD([p], lr=0.1)
    other.step()
    o.step()
    assert p._version == before[0] + 5


def test_backward_through_an_updated_parameter_is_an_error() -> None:
    for _ in range(3):
        w = nn.Parameter(fl.ones(3))
        x = fl.ones(3, requires_grad=True)
        loss = (w * x).sum()
        loss.backward(retain_graph=True)
        SGD([w], lr=0.1).step()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()


def test_views_and_aliases_see_the_step() -> None:
    p = nn.Parameter(fl.tensor([1.0, 2.0, 4.0, 8.0]))
    alias, detached, array = p.data, p.detach(), p.detach().numpy()
    part = p.detach()[1:3]
    grid = p.view(2, 2)
    o = SGD([p], lr=0.5)
    for step in range(4):
        rows = p.detach().view(2, 2)[1]
        o.zero_grad()
        ((p * p).sum() / 2).backward()
        o.step()
        want = np.array([1, 2, 4, 8], "f") * 0.5 ** (step + 1)
        for seen in (alias, detached):
            np.testing.assert_array_equal(values(seen), want)
        np.testing.assert_array_equal(array, want)
        np.testing.assert_array_equal(values(part), want[1:3])
        np.testing.assert_array_equal(values(rows), want[2:])
        np.testing.assert_array_equal(values(grid), want.reshape(2, 2))
    assert array.ctypes.data == p.detach().numpy().ctypes.data


def test_a_snapshot_of_the_same_frame_keeps_the_old_value() -> None:
    p = nn.Parameter(fl.tensor([2.0, 4.0]))
    o = SGD([p], lr=0.5)
    for _ in range(4):
        before = values(p)
        o.zero_grad()
        copied = p.detach().clone()
        double = p * 2
        same = p.reshape(1, 2) + 0
        ((p * p).sum() / 2).backward()
        o.step()
        np.testing.assert_array_equal(values(copied), before)
        np.testing.assert_array_equal(values(double), before * 2)
        np.testing.assert_array_equal(values(same)[0], before)
        np.testing.assert_array_equal(values(p), before * 0.5)


def test_parameters_that_are_each_others_gradients() -> None:
    """Also in two groups, which are two updates."""
    for groups in (1, 2):
        p, q = nn.Parameter(fl.tensor([1.0, 2.0])), nn.Parameter(fl.tensor([3.0, 5.0]))
        o = SGD([p, q] if groups == 1 else [{"params": [p]}, {"params": [q]}], lr=1.0)
        a, b = values(p), values(q)
        for _ in range(4):
            o.zero_grad()
            (p * q).sum().backward()
            o.step()
            a, b = a - b, b - a
            np.testing.assert_array_equal(values(p), a)
            np.testing.assert_array_equal(values(q), b)


def test_numpy_writes_between_steps() -> None:
    array = np.array([1.0, 2.0], "f")
    p = nn.Parameter(fl.from_numpy(array))
    o = SGD([p], lr=0.5)
    for _ in range(4):
        array[:] = [4, 6]
        train(p, o, 1)
        np.testing.assert_array_equal(array, [2, 3])


def test_read_only_memory_is_left_alone() -> None:
    array = np.array([1.0, 2.0], "f")
    array.flags.writeable = False
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        p = nn.Parameter(fl.from_numpy(array))
    train(p, SGD([p], lr=0.5), 3)
    np.testing.assert_array_equal(array, [1, 2])
    np.testing.assert_array_equal(values(p), [0.125, 0.25])


def test_writes_to_a_parameter_between_steps() -> None:
    p = nn.Parameter(fl.tensor([1.0, 2.0]))
    o = SGD([p], lr=0.5)
    want = np.array([1, 2], "f")
    for step in range(6):
        train(p, o, 1)
        want = want * 0.5
        if step % 2:
            with fl.no_grad():
                p.mul_(4)
            want = want * 4
        else:
            p.data += 1
            want = want + 1
        np.testing.assert_array_equal(values(p), want)
    assert p.requires_grad and p.is_leaf


def test_another_tensor_as_data() -> None:
    p = nn.Parameter(fl.tensor([1.0, 2.0]))
    o = SGD([p], lr=0.5)
    train(p, o, 2)
    other = fl.tensor([8.0, 16.0])
    p.data = other
    train(p, o, 2)
    np.testing.assert_array_equal(values(p), [2, 4])
    np.testing.assert_array_equal(values(other), [2, 4])


def test_a_parameter_that_is_only_recorded() -> None:
    p = nn.Parameter(fl.ones(3) * 2 + 2)
    with fl.no_grad():
        p.mul_(2)
    train(p, SGD([p], lr=0.5), 2)
    np.testing.assert_array_equal(values(p), [2, 2, 2])


def test_gradients_of_every_kind() -> None:
    """Recorded, in memory, missing, read before the step, a view, accumulated, of a second
    backward."""
    p = [nn.Parameter(fl.full((4,), 8.0)) for _ in range(5)]
    flat = fl.ones(8)
    o = SGD(p, lr=1.0)
    want = np.full((5, 4), 8.0)
    for step in range(6):
        o.zero_grad()
        loss = (p[0] * 2).sum() + (p[1] * 3).sum()
        loss.backward()
        if step % 2:
            loss.item()
        p[2].grad = flat[4:]
        p[3].grad = fl.full((4,), 0.5)
        if step == 3:
            (p[0] * 1).sum().backward()
            want[0] -= 1
        flat += 1
        o.step()
        want[:4] -= np.array([[2], [3], [step + 2], [0.5]])
        np.testing.assert_array_equal(np.stack([values(x) for x in p]), want)


def test_clipping_and_scaling_gradients() -> None:
    p = nn.Parameter(fl.tensor([3.0, 4.0]))
    o = SGD([p], lr=1.0)
    for _ in range(4):
        before = values(p)
        o.zero_grad()
        ((p * p).sum() / 2).backward()
        with fl.no_grad():
            p.grad.mul_(0.25)
        o.step()
        np.testing.assert_array_equal(values(p), before * 0.75)


def test_two_dtypes_and_two_groups() -> None:
    p = nn.Parameter(fl.tensor([1.0, 2.0]))
    q = nn.Parameter(fl.tensor([1.0, 2.0], dtype=fl.float64))
    r = nn.Parameter(fl.tensor([4.0]))
    o = SGD([{"params": [p, q]}, {"params": [r], "lr": 0.25}], lr=0.5)
    for _ in range(4):
        o.zero_grad()
        ((p * p).sum() / 2 + (q * q).sum() / 2 + (r * r).sum() / 2).backward()
        o.step()
    assert values(p).tolist() == values(q).tolist() == [0.0625, 0.125]
    assert q.dtype is fl.float64
    np.testing.assert_allclose(values(r), [4 * 0.75**4])


def test_half_precision() -> None:
    for kind in (fl.float16, fl.bfloat16):
        p = nn.Parameter(fl.tensor([1.0, 2.0], dtype=kind))
        o = SGD([p], lr=0.5)
        for _ in range(3):
            o.zero_grad()
            before = p.detach().clone()
            ((p * p).sum() / 2).backward()
            o.step()
            assert (before == p * 2).all()
        assert p.detach().float().tolist() == [0.125, 0.25]


def test_empty_and_scalar_parameters() -> None:
    p, q = nn.Parameter(fl.zeros(0, 3)), nn.Parameter(fl.tensor(4.0))
    o = Adam([p, q], lr=0.5)
    for _ in range(3):
        o.zero_grad()
        (p.sum() + q * 2).backward()
        o.step()
    assert p.shape == (0, 3) and abs(q.item() - 2.5) < 1e-5


def test_no_gradient_at_all() -> None:
    p = nn.Parameter(fl.ones(2))
    o = Adam([p])
    o.step()
    assert p.tolist() == [1, 1] and o.state_dict()["state"] == {}


def test_a_wrong_gradient_is_an_error() -> None:
    p = nn.Parameter(fl.ones(2))
    p._grad = fl.ones(3)
    with pytest.raises(RuntimeError, match="shape"):
        SGD([p], lr=0.1).step()
    assert p.tolist() == [1, 1]


def test_state_reads_right_at_all_times() -> None:
    p, q = nn.Parameter(fl.ones(2)), nn.Parameter(fl.ones(3))
    o = Adam([p, q])
    held = None
    for step in range(1, 6):
        p.grad = fl.ones(2)
        q.grad = fl.ones(3) if step != 2 else None
        o.step()
        held = held if held is not None else o.state[p]["step"]
        assert held.item() == o.state[p]["step"].item() == step
        assert o.state[q]["step"].item() == (step if step < 2 else step - 1)
    assert o.state_dict()["state"][0]["step"].dtype is fl.float32


def test_changed_state_is_used() -> None:
    def fresh() -> Any:
        p = nn.Parameter(fl.ones(2))
        o = SGD([p], lr=1.0, momentum=1.0)
        p.grad = fl.ones(2)
        o.step()
        o.step()
        assert p.tolist() == [-2, -2]  # 1 - 1 - 2
        return p, o

    p, o = fresh()
    o.state[p]["momentum_buffer"].zero_()
    o.step()
    assert p.tolist() == [-3, -3]
    p, o = fresh()
    o.state[p]["momentum_buffer"] = fl.full((2,), 10.0)
    o.step()
    assert p.tolist() == [-13, -13]
    p, o = fresh()
    o.state.clear()
    o.step()
    assert p.tolist() == [-3, -3]
    p, o = fresh()
    del o.state[p]
    o.step()
    assert p.tolist() == [-3, -3]
    p, o = fresh()
    from collections import defaultdict

    o.state = defaultdict(dict)
    o.step()
    assert p.tolist() == [-3, -3]
    p, o = fresh()
    o.state[p] = {"momentum_buffer": fl.full((2,), 10.0)}
    o.step()
    assert p.tolist() == [-13, -13]


def test_changed_hyperparameters_are_used() -> None:
    p = nn.Parameter(fl.zeros(2))
    o = SGD([p], lr=1.0)
    want = 0.0
    for lr in (1.0, 0.5, 0.25, 0.125):
        o.param_groups[0]["lr"] = lr
        p.grad = fl.ones(2)
        o.step()
        want -= lr
        assert p.tolist() == [want, want]
    o.param_groups[0]["maximize"] = True
    o.step()
    assert p.tolist() == [want + 0.125] * 2
    o.param_groups[0]["momentum"] = 0.5
    o.step()
    o.step()
    assert p.tolist() == [want + 0.125 * 3.5] * 2


def test_a_schedule_compiles_nothing(monkeypatch: Any) -> None:
    from facula import compiler

    p = nn.Parameter(fl.ones(3))
    o = AdamW([p], lr=0.1)
    s = fl.optim.lr_scheduler.ExponentialLR(o, 0.9)

    def steps(n: int) -> None:
        for _ in range(n):
            train(p, o, 1)
            s.step()

    steps(4)
    monkeypatch.setattr(compiler, "compile_graph", None)
    steps(4)


def test_changed_groups_are_used() -> None:
    p, q = nn.Parameter(fl.zeros(1)), nn.Parameter(fl.zeros(1))
    o = SGD([p], lr=1.0)
    p.grad, q.grad = fl.ones(1), fl.ones(1)
    o.step()
    o.add_param_group({"params": [q], "lr": 2.0})
    o.step()
    o.param_groups[0]["params"] = [q]
    o.param_groups[1]["params"] = [p]
    o.step()
    assert (p.item(), q.item()) == (-4, -3)


def test_closure_and_return_value() -> None:
    p = nn.Parameter(fl.tensor([2.0]))
    o = SGD([p], lr=0.5)

    def closure() -> Any:
        o.zero_grad()
        assert fl.is_grad_enabled()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with fl.no_grad():
        assert o.step(closure).item() == 4
    assert p.item() == 0


def test_steps_under_no_grad_and_with_create_graph() -> None:
    p = nn.Parameter(fl.tensor([1.0]))
    o = SGD([p], lr=0.25)
    for _ in range(3):
        o.zero_grad()
        (p**2).sum().backward(create_graph=True)
        with fl.no_grad():
            o.step()
    assert p.item() == 0.125 and p.requires_grad


def test_hooks() -> None:
    p = nn.Parameter(fl.zeros(1))
    o = SGD([p], lr=1.0)
    p.grad = fl.ones(1)
    seen: list[Any] = []
    a = o.register_step_pre_hook(lambda o, args, kwargs: seen.append("before"))
    b = o.register_step_post_hook(lambda o, args, kwargs: seen.append(p.item()))
    c = fl.optim.optimizer.register_optimizer_step_post_hook(lambda *x: seen.append("all"))
    o.step()
    assert seen == ["before", -1.0, "all"]
    for h in (a, b, c):
        h.remove()
    o.register_step_pre_hook(lambda o, args, kwargs: 3)
    with pytest.raises(RuntimeError, match="must return None or a tuple"):
        o.step()
    o = SGD([p], lr=1.0)
    o.register_state_dict_pre_hook(lambda o: seen.append("pre"))
    o.register_state_dict_post_hook(lambda o, d: d | {"more": 1})
    o.register_load_state_dict_pre_hook(lambda o, d: seen.append("load"))
    o.register_load_state_dict_post_hook(lambda o: seen.append("loaded"))
    o.load_state_dict(o.state_dict())
    assert seen[-3:] == ["pre", "load", "loaded"] and o.state_dict()["more"] == 1


def test_zero_grad() -> None:
    p = nn.Parameter(fl.ones(2))
    o = SGD([p], lr=1.0)
    p.grad = fl.ones(2)
    o.zero_grad(set_to_none=False)
    assert p.grad is not None and p.grad.tolist() == [0, 0]
    o.zero_grad()
    assert p.grad is None


@pytest.mark.parametrize("how", ["deepcopy", "pickle"])
def test_copies_go_on_by_themselves(how: str) -> None:
    p = nn.Parameter(fl.tensor([1.0, 2.0]))
    o = Adam([p], lr=0.1)
    train(p, o, 3)
    other: Any = copy.deepcopy(o) if how == "deepcopy" else pickle.loads(pickle.dumps(o))
    q = other.param_groups[0]["params"][0]
    assert q is not p and q.tolist() == p.tolist()
    a, b = train(p, o, 3), train(q, other, 3)
    np.testing.assert_array_equal(a, b)
    assert repr(o) == repr(other) and other.state[q]["step"].item() == 6


def test_a_loaded_state_is_a_copy() -> None:
    p, q = nn.Parameter(fl.ones(2)), nn.Parameter(fl.ones(2))
    a, b = Adam([p]), Adam([q])
    train(p, a, 3)
    saved = a.state_dict()
    b.load_state_dict(saved)
    train(q, b, 3)
    assert saved["state"][0]["step"].item() == 3 and b.state[q]["step"].item() == 6


def test_an_optimizer_written_in_python() -> None:
    class Sign(Optimizer):
        def __init__(self, params: Any, lr: float) -> None:
            super().__init__(params, {"lr": lr})

        def step(self, closure: Any = None) -> None:
            with fl.no_grad():
                for group in self.param_groups:
                    for p in group["params"]:
                        state = self.state[p]
                        state["n"] = state.get("n", 0) + 1
                        p.add_(p.grad.sign(), alpha=-group["lr"])

    p = nn.Parameter(fl.tensor([4.0, -4.0]))
    o = Sign([p], lr=1.0)
    train(p, o, 3)
    assert p.tolist() == [1, -1] and o.state[p]["n"] == 3
    assert o.state_dict()["state"] == {0: {"n": 3}}


def test_optimizers_that_share_parameters() -> None:
    p = nn.Parameter(fl.tensor([16.0]))
    a, b = SGD([p], lr=0.5), SGD([p], lr=0.25)
    for _ in range(3):
        train(p, a, 1)
        train(p, b, 1)
    assert p.item() == 16 * 0.375**3


def test_more_parameters_than_a_page() -> None:
    """The addresses of many parameters go to the program as tables."""
    params = [nn.Parameter(fl.full((3,), float(i))) for i in range(300)]
    for p in params:
        p.grad = fl.ones(3)
    o = SGD(params, lr=1.0, momentum=0.5)
    for _ in range(4):
        o.step()
    want = 1 + 1.5 + 1.75 + 1.875
    assert all(p.tolist() == [i - want] * 3 for i, p in enumerate(params))


def test_an_index_out_of_range_changes_nothing() -> None:
    p = nn.Parameter(fl.ones(3, 2))
    o = Adam([p], lr=0.1)
    index = np.array([0, 1])
    wrong = 0
    for step in range(6):
        at = fl.from_numpy(index)
        o.zero_grad()
        index[1] = 7 if step in (0, 4) else 1
        before, count = values(p), o.state[p].get("step")
        count = 0 if count is None else count.item()
        try:
            p.index_select(0, at).sum().backward()
            o.step()
        except IndexError:
            wrong += 1
            index[1] = 1
            np.testing.assert_array_equal(values(p), before)
            assert o.state[p].get("step") is None or o.state[p]["step"].item() == count
    assert wrong == 2


def test_adagrad_has_state_from_the_start() -> None:
    p = nn.Parameter(fl.ones(2))
    o = Adagrad([p], initial_accumulator_value=0.5)
    assert o.state[p]["sum"].tolist() == [0.5, 0.5] and o.state[p]["step"].item() == 0


def test_differentiable_steps_are_refused() -> None:
    p = nn.Parameter(fl.ones(2))
    o = SGD([p], lr=0.1, differentiable=True)
    p.grad = fl.ones(2)
    with pytest.raises(NotImplementedError, match="differentiable"):
        o.step()


@pytest.mark.long
def test_without_recording(run_python: Any) -> None:
    """FACULA_EAGER=1 gives the same numbers."""
    text = (
        "import facula as fl\n"
        "p = fl.nn.Parameter(fl.tensor([1.0, 2.0])); o = fl.optim.Adam([p], lr=0.1)\n"
        "for _ in range(5):\n"
        "    o.zero_grad(); (p ** 2).sum().backward(); o.step()\n"
        "print([round(x, 5) for x in p.tolist()], o.state[p]['step'].item())\n"
    )
    outs = [run_python("-c", text, FACULA_EAGER=e) for e in ("0", "1")]
    assert outs[0].returncode == outs[1].returncode == 0, outs[1].stderr
    assert outs[0].stdout == outs[1].stdout != ""


def test_threads_step_their_own() -> None:
    import threading

    results: dict[int, list[float]] = {}

    def work(n: int) -> None:
        p = nn.Parameter(fl.full((3,), float(n)))
        train(p, SGD([p], lr=0.5), 5)
        results[n] = p.tolist()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 5)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results == {n: [n / 32] * 3 for n in range(1, 5)}


def test_steps_inside_backward() -> None:
    """An optimizer for each parameter, stepped by the hook that follows its gradient."""
    params = [nn.Parameter(fl.tensor([8.0, 16.0])) for _ in range(3)]
    optimizers = {id(p): SGD([p], lr=0.5) for p in params}

    def hook(p: Any) -> None:
        optimizers[id(p)].step()
        optimizers[id(p)].zero_grad()

    for p in params:
        p.register_post_accumulate_grad_hook(hook)
    for step in range(1, 5):
        sum((p * p).sum() / 2 for p in params).backward()
        for p in params:
            assert p.tolist() == [8 / 2**step, 16 / 2**step] and p.grad is None


def test_strided_and_expanded_gradients() -> None:
    a = np.arange(6, dtype="f").reshape(3, 2)
    p, q = nn.Parameter(fl.zeros(2, 3)), nn.Parameter(fl.zeros(3))
    o = SGD([p, q], lr=1.0)
    for step in range(1, 5):
        p.grad = fl.from_numpy(a.T) if step % 2 else fl.from_numpy(a).t() * 1
        q.grad = fl.ones(1).expand(3)
        o.step()
        np.testing.assert_array_equal(values(p), -step * a.T)
        assert q.tolist() == [-step] * 3


def test_parameters_of_one_storage() -> None:
    data = fl.zeros(3)
    p, q = nn.Parameter(data), nn.Parameter(data)
    p.grad, q.grad = fl.ones(3), fl.ones(3) * 2
    o = SGD([p, q], lr=1.0)
    for step in range(1, 4):
        o.step()
        assert p.tolist() == q.tolist() == data.tolist() == [-3 * step] * 3


def test_a_state_dict_that_is_alive_follows() -> None:
    m = nn.Linear(2, 2)
    kept = m.state_dict()
    o = Adam(m.parameters(), lr=0.1)
    for _ in range(3):
        o.zero_grad()
        m(fl.ones(1, 2)).sum().backward()
        o.step()
        assert (kept["weight"] == m.weight).all() and (kept["bias"] == m.bias).all()


def test_a_rate_that_is_a_tensor_is_read_at_each_step() -> None:
    p, lr = nn.Parameter(fl.ones(2)), fl.tensor(1.0)
    o = SGD([p], lr=lr)
    p.grad = fl.ones(2)
    o.step()
    lr.fill_(0.5)
    o.step()
    assert p.tolist() == [-0.5, -0.5]


@pytest.mark.thin(2)
@pytest.mark.parametrize("clear", ["optimizer", "parameter"])
def test_gradients_are_not_kept_alive(clear: str) -> None:
    import gc
    import weakref

    p = nn.Parameter(fl.ones(100_000))  # more than a plan keeps for the next step
    o = SGD([p], lr=1.0)
    for _ in range(3):
        (p * 2).sum().backward()
        assert p.grad is not None and p.grad[0].item() == 2
        memory = weakref.ref(p.grad._v.buf) if not isinstance(p.grad._v.buf, np.ndarray) else None
        o.step()
        if clear == "optimizer":
            o.zero_grad()
        else:
            p.grad = None
        gc.collect()
        assert memory is None or memory() is None
