"""`facula.compile`: what it replays gives what the function gives, and anything else is called."""

from __future__ import annotations

import copy
import gc
import random
import threading

import pytest

import facula as fl
from facula import nn
from facula.nn import functional as F

pytestmark = pytest.mark.skipif(fl.config.eager, reason="nothing is replayed in eager mode")


class Net(nn.Module):
    def __init__(self, dropout=0.0):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(5, 8), nn.Linear(8, 3)
        self.relu, self.drop = nn.ReLU(), nn.Dropout(dropout)
        self.scale = 1.0

    def forward(self, x):
        x = self.drop(self.relu(self.fc1(x)))
        return self.fc2(x) * self.scale


def inside(call):
    """What is known of a compiled function."""
    return call._facula_compiled


def replayed(call):
    """Whether calls of a compiled function are replayed; says why not."""
    assert inside(call).entries, inside(call).reason
    return True


def batches(count, size=4, seed=0):
    g = fl.Generator().manual_seed(seed)
    return [
        (fl.randn(size, 5, generator=g), fl.randint(0, 3, (size,), generator=g))
        for _ in range(count)
    ]


def training(optimizer="Adam", net=None, **settings):
    fl.manual_seed(1)
    net = net or Net()
    opt = getattr(fl.optim, optimizer)(net.parameters(), **{"lr": 0.05, **settings})
    crit = nn.CrossEntropyLoss()

    def step(x, y):
        opt.zero_grad()
        loss = crit(net(x), y)
        loss.backward()
        opt.step()
        return loss

    return net, opt, step


def close(a, b):
    """Whether nested lists and dicts of numbers agree: plans for other live values may round
    otherwise.
    """
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(close(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(close, a, b))
    return a == b if a is None or b is None else a == pytest.approx(b, rel=1e-3, abs=1e-5)


def state_of(net, opt):
    return (
        [p.tolist() for p in net.parameters()],
        [None if p.grad is None else p.grad.tolist() for p in net.parameters()],
        [
            {k: v.tolist() if isinstance(v, fl.Tensor) else v for k, v in opt.state[p].items()}
            for p in net.parameters()
        ],
    )


def agree(make, between=None, count=16, size=lambda i: 4, replays=True):
    """Runs two copies of a training, one of them compiled; all numbers must be the same.

    between(i, net, opt): what happens before step i.
    """
    net, opt, step = make()
    net2, opt2, step2 = make()
    compiled = fl.compile(step2)
    hits = 0
    for i in range(count):
        x, y = batches(1, size(i), i)[0]
        if between is not None:
            between(i, net, opt)
            between(i, net2, opt2)
        fl.manual_seed(i)
        random.seed(i)
        a = step(x, y)
        fl.manual_seed(i)
        random.seed(i)
        calls = inside(compiled).calls
        b = compiled(x, y)
        hits += inside(compiled).calls == calls
        a, b = (v.item() if isinstance(v, fl.Tensor) else v for v in (a, b))
        assert close(a, b), f"step {i}"
        assert close(state_of(net, opt), state_of(net2, opt2)), f"step {i}"
    assert (hits > 0) is replays, inside(compiled).reason
    return hits


@pytest.mark.parametrize(
    "optimizer, settings",
    [("Adam", {}), ("SGD", {}), ("SGD", {"momentum": 0.9, "nesterov": True}), ("AdamW", {}),
     ("RMSprop", {}), ("Adagrad", {}), ("RAdam", {}), ("NAdam", {}), ("Adam", {"amsgrad": True})],
)  # fmt: skip
def test_a_step_is_replayed(optimizer, settings):
    assert agree(lambda: training(optimizer, **settings)) >= 4


def test_a_changed_rate():
    def between(i, net, opt):
        opt.param_groups[0]["lr"] = 0.05 / (1 + i)

    assert agree(training, between) >= 8


def test_a_rate_that_a_scheduler_changes():
    made = []

    def make():
        net, opt, step = training("SGD")
        made.append(fl.optim.lr_scheduler.StepLR(opt, 2, 0.5))
        return net, opt, step

    def between(i, net, opt):
        if i:
            for s in made:
                if s.optimizer is opt:
                    s.step()

    agree(make, between)


def test_a_switched_hyperparameter():
    def between(i, net, opt):
        if i == 9:
            opt.param_groups[0]["weight_decay"] = 0.1

    agree(training, between)


def test_a_changed_variable_of_the_scope():
    def make():
        net, opt, _ = training()
        weight = 1.0

        def step(x, y):
            opt.zero_grad()
            loss = F.cross_entropy(net(x), y) * weight
            loss.backward()
            opt.step()
            return loss

        def between(i):
            nonlocal weight
            weight = 1.0 if i < 10 else float(i)

        net.between = between
        return net, opt, step

    agree(make, lambda i, net, opt: net.between(i))


def test_a_changed_attribute():
    def between(i, net, opt):
        net.scale = 1.0 if i < 9 else 0.5

    agree(training, between)


def test_a_counter_in_the_step():
    counts = []

    def make():
        net, opt, step = training()
        seen = [0]
        counts.append(seen)

        def counted(x, y):
            seen[0] += 1
            return step(x, y)

        return net, opt, counted

    agree(make, replays=False)
    assert counts == [[16], [16]]


def test_a_counter_in_the_module():
    class Counting(Net):
        calls = 0

        def forward(self, x):
            self.calls += 1
            return super().forward(x)

    nets = []

    def make():
        fl.manual_seed(1)
        nets.append(Counting())
        return training(net=nets[-1])

    agree(make, replays=False)
    assert [n.calls for n in nets] == [16, 16]


def test_print_in_the_step(capsys):
    def make():
        net, opt, step = training()

        def loud(x, y):
            print("step")
            return step(x, y)

        return net, opt, loud

    agree(make, replays=False)
    assert capsys.readouterr().out == "step\n" * 32


def test_python_random_numbers_in_the_step():
    def make():
        net, opt, _ = training()

        def step(x, y):
            opt.zero_grad()
            loss = F.cross_entropy(net(x), y) * random.random()
            loss.backward()
            opt.step()
            return loss

        return net, opt, step

    agree(make, replays=False)


def test_dropout_draws_on():
    def make():
        fl.manual_seed(1)
        return training(net=Net(0.5))

    agree(make, replays=False)


def test_dropout_in_eval_and_back():
    def make():
        fl.manual_seed(1)
        return training(net=Net(0.5))

    def between(i, net, opt):
        net.train(i >= 12)

    agree(make, between, 18)


def test_a_parameter_changed_in_place():
    def between(i, net, opt):
        if i in (9, 12):
            with fl.no_grad():
                net.fc1.weight.mul_(0.5)
        if i == 11:
            net.fc2.bias.data[0] = 3.0
        if i == 13:
            net.fc2.weight.detach().numpy()[:] = 0.25

    agree(training, between, 20)


def test_a_parameter_replaced():
    def between(i, net, opt):
        if i == 9:
            net.fc2.weight = nn.Parameter(fl.ones(3, 8))

    agree(training, between, 14)


def test_a_layer_replaced():
    def between(i, net, opt):
        if i == 9:
            net.relu = nn.Tanh()
        if i == 12:
            net.__dict__["relu"] = nn.Sigmoid()

    agree(training, between, 16)


def test_a_frozen_parameter():
    def between(i, net, opt):
        if i == 9:
            net.fc1.bias.requires_grad_(False)
        if i == 12:
            net.fc1.bias.requires_grad_(True)

    agree(training, between, 16)


def test_state_loaded():
    def between(i, net, opt):
        if i == 5:
            net.kept = copy.deepcopy((net.state_dict(), opt.state_dict()))
        if i == 10:
            net.load_state_dict(net.kept[0])
            opt.load_state_dict(net.kept[1])

    agree(training, between, 16)


def test_a_parameter_group_added():
    extra = {}

    def between(i, net, opt):
        if i == 9:
            extra[id(opt)] = p = nn.Parameter(fl.ones(2))
            opt.add_param_group({"params": [p]})

    agree(training, between, 14)


def test_hooks():
    heard = []

    def between(i, net, opt):
        if i == 8:
            net.handle = net.fc1.register_forward_hook(lambda m, a, r: r * 2)
        if i == 10:
            net.handle.remove()
            net.handle = net.fc1.weight.register_hook(lambda g: g * 3)
        if i == 12:
            net.handle.remove()
            net.handle = opt.register_step_post_hook(lambda *a: heard.append(1))
        if i == 14:
            net.handle.remove()
            net.handle = net.fc2.bias.register_post_accumulate_grad_hook(lambda p: heard.append(2))

    agree(training, between, 20)
    assert heard == [1] * 4 + [2] * 12


def test_global_hooks():
    handles = []

    def between(i, net, opt):
        if i == 9 and not handles:
            hook = nn.modules.module.register_module_forward_hook(lambda m, a, r: r * 0.5)
            handles.append(hook)
        if i == 12 and handles:
            handles.pop().remove()

    agree(training, between, 16)


def test_a_method_replaced(monkeypatch):
    def between(i, net, opt):
        if i == 9:
            monkeypatch.setattr(Net, "forward", lambda self, x: self.fc2(self.fc1(x)))
        if i == 12:
            monkeypatch.setattr(F, "cross_entropy", lambda x, y, **k: (x * x).mean())

    agree(training, between, 16)


def test_other_shapes():
    assert agree(training, size=lambda i: 4 if i % 5 else 3, count=30) >= 10


def test_gradients_that_accumulate():
    def make():
        net, opt, _ = training("SGD")

        def step(x, y):
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            opt.step()
            return loss

        return net, opt, step

    agree(make, replays=False)


def test_gradients_cleared_outside_and_at_the_end():
    def make():
        net, opt, _ = training("SGD")

        def step(x, y):
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            opt.step()
            return loss

        return net, opt, step

    def between(i, net, opt):
        if i != 10:
            opt.zero_grad()

    assert agree(make, between) > 0

    def make_cleared():
        net, opt, _ = training("Adam")

        def step(x, y):
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            opt.step()
            opt.zero_grad()
            return loss

        return net, opt, step

    def disturb(i, net, opt):
        if i == 10:
            net.fc1.bias.grad = fl.ones(8)

    assert agree(make_cleared, disturb) > 0


def test_gradients_that_are_kept():
    net, opt, step = training()
    net2, opt2, step2 = training()
    compiled = fl.compile(step2)
    kept, kept2, losses, losses2 = [], [], [], []
    for x, y in batches(14):
        losses.append(step(x, y))
        losses2.append(compiled(x, y))
        kept.append([p.grad for p in net.parameters()])
        kept2.append([p.grad for p in net2.parameters()])
        if len(kept) % 3 == 0:
            kept2[-1][0].add_(1)
            kept[-1][0].add_(1)
            kept2[-1][1].numpy()[0] = kept[-1][1].numpy()[0] = 7.0
    assert replayed(compiled)
    for a, b in zip(kept, kept2, strict=True):
        assert close([g.tolist() for g in a], [g.tolist() for g in b])
    assert close([a.item() for a in losses], [b.item() for b in losses2])


def test_the_loss_is_as_usual():
    net, opt, step = training()
    compiled = fl.compile(step)
    for x, y in batches(10):
        loss = compiled(x, y)
        assert loss.requires_grad and not loss.is_leaf
        assert type(loss.grad_fn).__name__ or loss.grad_fn
        assert "NllLoss" in loss.grad_fn.name() and "grad_fn=<NllLoss" in repr(loss)
        with pytest.raises(RuntimeError, match="second time"):
            loss.backward()
        assert (loss * 2).item() == 2 * loss.item()
    assert replayed(compiled)


def test_numbers_and_structures_are_returned():
    def make():
        net, opt, _ = training()

        def step(x, y):
            opt.zero_grad()
            out = net(x)
            loss = F.cross_entropy(out, y)
            loss.backward()
            opt.step()
            return {"loss": loss.item(), "more": (out.detach(), [loss.detach(), x.shape[0]], y)}

        return net, opt, step

    net, _, step = make()
    _, _, step2 = make()
    compiled = fl.compile(step2)
    results, results2 = [], []
    for x, y in batches(12):
        results.append(step(x, y))
        results2.append(compiled(x, y))
        assert results2[-1]["more"][2] is y
    assert replayed(compiled)
    for a, b in zip(results, results2, strict=True):
        assert (
            close(a["loss"], b["loss"])
            and b["loss"] == b["more"][1][0].item()
            and type(b["loss"]) is float
        )
        assert close(a["more"][0].tolist(), b["more"][0].tolist()) and b["more"][1][1] == 4
        assert not b["more"][0].requires_grad


def test_a_number_that_decides():
    def make():
        net, opt, _ = training()

        def step(x, y):
            opt.zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            if loss.item() > 0.9:
                opt.step()
            return loss.item()

        return net, opt, step

    agree(make, replays=False)


def test_a_prediction():
    net = Net().eval()

    @fl.compile
    def predict(x):
        with fl.no_grad():
            return net(x).argmax(dim=1).item()

    for x, _ in batches(12, 1):
        with fl.no_grad():
            expected = net(x).argmax(dim=1).item()
        assert predict(x) == expected
    assert replayed(predict)
    with fl.no_grad():
        net.fc2.bias.copy_(fl.tensor([0.0, 100.0, 0.0]))
    assert predict(x) == 1
    net.fc2.bias.data = fl.tensor([100.0, 0.0, 0.0])
    assert predict(x) == 0


def test_exceptions():
    net, opt, step = training()
    compiled = fl.compile(step)
    data = batches(8)
    for x, y in data:
        compiled(x, y)
    assert replayed(compiled)
    before = [p.tolist() for p in net.parameters()]
    x, y = data[0]
    with pytest.raises(IndexError):
        compiled(x, y + 3)
    with pytest.raises(RuntimeError):
        compiled(x[:, :4], y)
    with pytest.raises(TypeError):
        compiled(x)
    with pytest.raises(TypeError):
        compiled(x, y, 1)
    assert [p.tolist() for p in net.parameters()] == before
    assert compiled(x, y).item() > 0


def test_an_exception_while_it_is_interpreted():
    net, opt, step = training()
    compiled = fl.compile(step)
    data = batches(12)
    for i, (x, y) in enumerate(data):
        if i in (2, 3):
            with pytest.raises(RuntimeError):
                compiled(x[:, :4], y)
        compiled(x, y)
    assert replayed(compiled)


def test_arguments():
    net, opt, _ = training()

    @fl.compile(mode="reduce-overhead")
    def step(batch, weight, name="x", *, extra=1.0):
        x, y = batch
        opt.zero_grad()
        loss = F.cross_entropy(net(x), y) * weight * extra
        if name == "y":
            loss = loss * 2
        loss.backward()
        opt.step()
        return loss.item()

    net2, opt2, _ = training()

    def plain(batch, weight, name="x", *, extra=1.0):
        x, y = batch
        opt2.zero_grad()
        loss = F.cross_entropy(net2(x), y) * weight * extra
        if name == "y":
            loss = loss * 2
        loss.backward()
        opt2.step()
        return loss.item()

    cases = [((1.0,), {})] * 6 + [((2.0,), {}), ((1.0, "y"), {}), ((1.0,), {"extra": 3.0})] * 5
    for (args, kwargs), batch in zip(cases, batches(len(cases)), strict=True):
        assert close(step(list(batch), *args, **kwargs), plain(batch, *args, **kwargs))
    assert replayed(step)


def test_one_tensor_given_twice():
    a = fl.randn(4)

    @fl.compile
    def product(x, y):
        return (x * y + x).sum().item()

    for i in range(8):
        x, y = fl.full((4,), 1.0 + i), fl.full((4,), 2.0)
        assert product(x, y) == 4 * (3.0 * (1 + i))
    for _ in range(6):
        assert product(a, a) == (a * a + a).sum().item()
    x, y = fl.full((4,), 3.0), fl.full((4,), 2.0)
    assert product(x, y) == 36.0


def test_pending_work_comes_first():
    net, opt, step = training()
    compiled = fl.compile(step)
    net2, opt2, step2 = training()
    total, total2 = fl.zeros(()), fl.zeros(())
    for x, y in batches(12):
        total += step2(x * 2, y).detach()
        total2 += compiled(x * 2, y).detach()
    assert close(total.item(), total2.item()) and replayed(compiled)


def test_memory_that_numpy_shares():
    import numpy as np

    @fl.compile
    def total(x):
        return (x * 2).sum().item()

    array = np.ones(3, np.float32)
    x = fl.from_numpy(array)
    for i in range(8):
        array[:] = i
        assert total(x) == 6 * i
    y = fl.ones(3)
    for _ in range(8):
        assert total(y) == 6
    y.numpy()[:] = 5
    assert total(y) == 30


def test_grad_mode_and_dtype():
    x = fl.ones(3)

    @fl.compile
    def mean():
        return (x * fl.ones_like(x)).sum().item()

    for _ in range(6):
        assert mean() == 3.0
    with fl.no_grad():
        assert mean() == 3.0
    x.mul_(2)
    assert mean() == 6.0


def test_other_threads():
    net = Net().eval()

    @fl.compile
    def total(x):
        with fl.no_grad():
            return net(x).sum().item()

    data = batches(6)
    expected = []
    for x, _ in data:
        with fl.no_grad():
            expected.append(net(x).sum().item())
    wrong = []

    def work():
        for _ in range(30):
            for (x, _), e in zip(data, expected, strict=True):
                if not close(total(x), e):
                    wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for t in threads:
        t.start()
    work()
    for t in threads:
        t.join()
    assert not wrong


def test_modules():
    net = Net()
    compiled = fl.compile(net)
    assert isinstance(compiled, nn.Module) and compiled._orig_mod is net
    x = fl.randn(2, 5)
    assert compiled(x).tolist() == net(x).tolist()
    assert compiled.fc1 is net.fc1 and compiled.scale == 1.0
    assert list(compiled.state_dict()) == ["_orig_mod." + k for k in net.state_dict()]
    compiled.eval()
    assert not net.training and not compiled.training
    compiled.scale = 2.0
    assert net.scale == 2.0
    opt = fl.optim.SGD(compiled.parameters(), lr=0.1)
    compiled(x).sum().backward()
    opt.step()
    assert compiled(x).tolist() == net(x).tolist()


def test_signature():
    def f(x):
        """Doubles."""
        return x * 2

    compiled = fl.compile(f, fullgraph=True, dynamic=False, backend="eager", options={})
    assert compiled.__name__ == "f" and compiled.__doc__ == "Doubles."
    assert fl.compile(f, disable=True) is f
    assert fl.compile(dynamic=True)(f)(fl.ones(1)).item() == 2
    with pytest.raises(TypeError, match="callable"):
        fl.compile(3)
    with pytest.raises(RuntimeError, match="Either mode or options"):
        fl.compile(f, mode="default", options={})

    class Trainer:
        def __init__(self):
            self.net, self.opt, _ = training()
            self.step = fl.compile(self.step)

        def step(self, x, y):
            self.opt.zero_grad()
            loss = F.cross_entropy(self.net(x), y)
            loss.backward()
            self.opt.step()
            return loss.item()

    trainer, other = Trainer(), Trainer()
    for x, y in batches(10):
        assert close(trainer.step(x, y), Trainer.step(other, x, y))
    assert replayed(trainer.step)


def test_nothing_of_the_last_batch_is_kept():
    _, _, step = training()
    compiled = fl.compile(step)
    for x, y in batches(8):
        compiled(x, y)
    assert replayed(compiled)
    del y
    gc.collect()
    holders = [r for r in gc.get_referrers(x) if isinstance(r, (tuple, list, dict))]
    assert not [r for r in holders if r is not globals() and "x" not in r]
