"""`facula.compile`: what it replays gives what the function gives, and anything else is called."""

from __future__ import annotations

import copy
import random

import pytest
from compiled_trainings import Net, agree, training

import facula as fl
from facula import nn
from facula.nn import functional as F

pytestmark = pytest.mark.skipif(fl.config.eager, reason="nothing is replayed in eager mode")


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
            monkeypatch.setattr(F, "cross_entropy", lambda x, y, *a, **k: (x * x).mean())

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
