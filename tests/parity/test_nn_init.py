"""Initial values and the helpers of nn.utils: PyTorch's values, draws and errors."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")


def _filled(t, fill, shape, dtype="float32"):
    result = fill(t.nn.init, t.zeros(shape, dtype=getattr(t, dtype)))
    return result, t.rand(1)


INITS = {
    "uniform": (lambda i, x: i.uniform_(x, -1, 3), (4, 5)),
    "normal": (lambda i, x: i.normal_(x, 1.0, 2.0), (4, 5)),
    "constant": (lambda i, x: i.constant_(x, 0.3), (2,)),
    "ones": (lambda i, x: i.ones_(x), (2,)),
    "zeros": (lambda i, x: i.zeros_(x + 1), (2,)),
    "eye": (lambda i, x: i.eye_(x + 1), (3, 5)),
    "eye dims": (lambda i, x: i.eye_(x), (3,)),
    "dirac": (lambda i, x: i.dirac_(x + 1), (4, 2, 3)),
    "dirac 2d": (lambda i, x: i.dirac_(x, 2), (4, 2, 3, 3)),
    "dirac 3d": (lambda i, x: i.dirac_(x), (2, 2, 3, 3, 3)),
    "dirac dims": (lambda i, x: i.dirac_(x), (2, 2)),
    "dirac groups": (lambda i, x: i.dirac_(x, 3), (4, 2, 3)),
    "xavier_uniform": (lambda i, x: i.xavier_uniform_(x, 2.0), (4, 3, 2)),
    "xavier_normal": (lambda i, x: i.xavier_normal_(x), (4, 5)),
    "xavier dims": (lambda i, x: i.xavier_normal_(x), (4,)),
    "kaiming_uniform": (lambda i, x: i.kaiming_uniform_(x, a=0.2), (4, 3)),
    "kaiming_normal": (
        lambda i, x: i.kaiming_normal_(x, mode="fan_out", nonlinearity="relu"), (4, 5, 3)
    ),
    "kaiming mode": (lambda i, x: i.kaiming_normal_(x, mode="fan"), (4, 5)),
    "kaiming name": (lambda i, x: i.kaiming_normal_(x, nonlinearity="strange"), (4, 5)),
    "kaiming empty": (lambda i, x: i.kaiming_uniform_(x), (0, 5)),
    "sparse": (lambda i, x: i.sparse_(x, 0.3), (5, 4)),
    "sparse dims": (lambda i, x: i.sparse_(x, 0.3), (5,)),
    "orthogonal dims": (lambda i, x: i.orthogonal_(x), (5,)),
    "orthogonal empty": (lambda i, x: i.orthogonal_(x), (0, 5)),
    "gain": (lambda i, x: [i.calculate_gain(n) for n in ("linear", "tanh", "relu", "selu")], ()),
    "leaky gain": (lambda i, x: i.calculate_gain("leaky_relu", 0.3), ()),
    "leaky default": (lambda i, x: i.calculate_gain("leaky_relu"), ()),
    "leaky wrong": (lambda i, x: i.calculate_gain("leaky_relu", True), ()),
    "unknown gain": (lambda i, x: i.calculate_gain("strange"), ()),
    "fans": (lambda i, x: i._calculate_fan_in_and_fan_out(x), (4, 3, 2, 5)),
}  # fmt: skip


@pytest.mark.parametrize("name", INITS)
def test_init(name, agree):
    fill, shape = INITS[name]
    agree(lambda t: _filled(t, fill, shape))


@pytest.mark.parametrize("name", ["uniform", "normal", "kaiming_uniform", "xavier_normal"])
def test_init_float64(name, agree):
    fill, shape = INITS[name]
    agree(lambda t: _filled(t, fill, shape, "float64"))


def _with_generator(t, name):
    generator = t.Generator()
    generator.manual_seed(3)
    x = getattr(t.nn.init, name)(t.zeros(4, 5), generator=generator)
    return x, t.rand(1)


@pytest.mark.parametrize(
    "name",
    ["uniform_", "normal_", "xavier_uniform_", "xavier_normal_", "kaiming_uniform_",
     "kaiming_normal_"],
)  # fmt: skip
def test_generator(name, agree):
    agree(lambda t: _with_generator(t, name))


@pytest.mark.parametrize("shape", [(4, 6), (6, 4), (3, 3), (3, 2, 2)])
def test_orthogonal(shape):
    import torch

    import facula

    values = []
    for t in (facula, torch):
        t.manual_seed(0)
        values.append(t.nn.init.orthogonal_(t.empty(shape), gain=2.0).flatten().tolist())
    assert values[0] == pytest.approx(values[1], rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("limits", [(-2.0, 2.0), (-0.5, 1.0)])
def test_trunc_normal(limits):
    import torch

    import facula

    values = []
    for t in (facula, torch):
        t.manual_seed(0)
        x = t.nn.init.trunc_normal_(t.empty(8, 8), 0.1, 0.7, *limits)
        values.append(x.flatten().tolist() + t.rand(1).tolist())
    assert values[0] == pytest.approx(values[1], rel=1e-5, abs=1e-6)


def _parameters(t):
    made = [t.nn.Parameter(t.ones(2, 3)), t.nn.Parameter(t.ones(4)), t.nn.Parameter(t.ones(1))]
    made[0].grad = t.full((2, 3), 2.0)
    made[1].grad = t.tensor([1.0, -5.0, 3.0, 0.0])
    return made


def _clipped(call):
    def scenario(t):
        params = _parameters(t)
        result = call(t.nn.utils, params, t)
        return result, [p.grad for p in params]

    return scenario


UTILS = {
    "norm": lambda u, p, t: u.clip_grad_norm_(p, 1.0),
    "small norm": lambda u, p, t: u.clip_grad_norm_(iter(p), 100.0),
    "one": lambda u, p, t: u.clip_grad_norm_(p[0], 1.0),
    "norm 1": lambda u, p, t: u.clip_grad_norm_(p, 1.0, norm_type=1),
    "norm inf": lambda u, p, t: u.clip_grad_norm_(p, 1.0, norm_type=float("inf")),
    "no gradients": lambda u, p, t: u.clip_grad_norm_(p[2], 1.0),
    "value": lambda u, p, t: u.clip_grad_value_(p, 1.5),
    "total": lambda u, p, t: u.get_total_norm([x.grad for x in p[:2]]),
    "with norm": lambda u, p, t: u.clip_grads_with_norm_(p, 1.0, t.tensor(4.0)),
    "not finite": lambda u, p, t: u.clip_grad_norm_(
        [p[0], t.nn.Parameter(t.ones(1))], float("nan"), error_if_nonfinite=True
    ),
    "infinite": lambda u, p, t: u.get_total_norm(
        [t.tensor([float("inf")])], error_if_nonfinite=True
    ),
    "vector": lambda u, p, t: u.parameters_to_vector(p),
    "back": lambda u, p, t: (u.vector_to_parameters(t.arange(11.0), p), p),
    "back type": lambda u, p, t: u.vector_to_parameters([1], p),
}  # fmt: skip


@pytest.mark.parametrize("name", UTILS)
def test_utils(name, agree):
    agree(_clipped(UTILS[name]))


@pytest.mark.parametrize("create_graph", (False, True))
@pytest.mark.parametrize("looked_at", (False, True))
@pytest.mark.parametrize("name", ("norm", "norm inf", "value", "with norm"))
def test_gradients_of_a_backward_pass_are_clipped(name, looked_at, create_graph, agree):
    """Whether somebody has their tensors or not."""

    def scenario(t):
        t.manual_seed(42)  # no number near the middle between two that would be printed
        net = t.nn.Sequential(t.nn.Linear(5, 4), t.nn.Tanh(), t.nn.Linear(4, 3))
        params = list(net.parameters())
        (net(t.randn(6, 5)) ** 2).sum().backward(create_graph=create_graph)
        if looked_at:
            kept = [p.grad for p in params]
            views = [g.view(-1)[:2] for g in kept]
        found = UTILS[name](t.nn.utils, params, t)
        if looked_at:
            assert all(p.grad is g for p, g in zip(params, kept, strict=True))
            found = (found, [v.detach() for v in views])
        return found, [(p.grad.detach(), p.grad.requires_grad) for p in params]

    agree(scenario)
