"""`facula.compile`: arguments, results, errors, threads, and what else shares memory."""

from __future__ import annotations

import gc
import threading

import pytest
from compiled_trainings import Net, agree, batches, close, replayed, training

import facula as fl
from facula import nn
from facula.nn import functional as F

pytestmark = pytest.mark.skipif(fl.config.eager, reason="nothing is replayed in eager mode")


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


def test_small_parts_of_arguments():
    """Copies of them, which ordinary code takes, would be the same at every call."""

    def make():
        net, opt, _ = training()

        def step(x, y):
            opt.zero_grad()
            loss = F.cross_entropy(net(x), y) + x[0, 1] * 0.5 + (x[1] * x[2]).sum()
            loss.backward()
            opt.step()
            return loss

        return step

    plain, compiled = make(), fl.compile(make())
    found = [(plain(x, y).item(), compiled(x, y).item()) for x, y in batches(20)]
    assert replayed(compiled)
    assert close([a for a, _ in found], [b for _, b in found])
