"""Module's rules, texts, state dicts, hooks and containers are PyTorch's."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict

import pytest

pytest.importorskip("torch")


def _net(t):
    class Net(t.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = t.nn.Linear(3, 4)
            self.rest = t.nn.Sequential(t.nn.ReLU(), t.nn.Linear(4, 2, bias=False))
            self.register_buffer("mean", t.zeros(2))
            self.register_buffer("scratch", t.ones(1), persistent=False)
            self.register_buffer("nothing", None)
            self.scale = t.nn.Parameter(t.ones(()))
            self.shared = self.first

        def forward(self, x, *, shift=0.0):
            return self.rest(self.first(x)) * self.scale - self.mean + shift

    return Net()


def _module(t):
    m = t.nn.Module()
    m.p = t.nn.Parameter(t.zeros(2))
    m.b = t.nn.Buffer(t.zeros(2))
    m.m = t.nn.ReLU()
    m.plain = 3
    return m


def _without_init(t, value):
    class Early(t.nn.Module):
        def __init__(self):
            self.x = value(t)

    return Early()


def _unborn(t):
    return t.nn.Module.__new__(t.nn.Module)


RULES = {
    "param before init": lambda t: _without_init(t, lambda t: t.nn.Parameter(t.zeros(1))),
    "module before init": lambda t: _without_init(t, lambda t: t.nn.ReLU()),
    "buffer before init": lambda t: _without_init(t, lambda t: t.nn.Buffer(t.zeros(1))),
    "register before init": lambda t: _unborn(t).register_parameter("a", None),
    "buffer register before init": lambda t: _unborn(t).register_buffer("a", None),
    "tensor to param": lambda t: setattr(_module(t), "p", t.zeros(2)),
    "int to param": lambda t: setattr(_module(t), "p", 3),
    "int to buffer": lambda t: setattr(_module(t), "b", 3),
    "int to module": lambda t: setattr(_module(t), "m", 3),
    "dot": lambda t: _module(t).register_parameter("a.b", None),
    "empty": lambda t: _module(t).register_parameter("", None),
    "number": lambda t: _module(t).register_parameter(3, None),
    "taken": lambda t: _module(t).register_parameter("plain", None),
    "method": lambda t: _module(t).register_parameter("forward", None),
    "not a parameter": lambda t: _module(t).register_parameter("q", t.zeros(2)),
    "not a leaf": lambda t: _module(t).register_parameter(
        "q", (t.nn.Parameter(t.zeros(2)) * 2)
    ),
    "buffer dot": lambda t: _module(t).register_buffer("a.b", None),
    "buffer empty": lambda t: _module(t).register_buffer("", None),
    "buffer number": lambda t: _module(t).register_buffer(3, None),
    "buffer taken": lambda t: _module(t).register_buffer("plain", None),
    "buffer type": lambda t: _module(t).register_buffer("q", 3),
    "module dot": lambda t: _module(t).add_module("a.b", None),
    "module empty": lambda t: _module(t).add_module("", None),
    "module number": lambda t: _module(t).add_module(3, None),
    "module taken": lambda t: _module(t).add_module("plain", None),
    "module type": lambda t: _module(t).add_module("q", 3),
    "missing": lambda t: _module(t).strange,
    "delete missing": lambda t: delattr(_module(t), "strange"),
    "no forward": lambda t: t.nn.Module()(1),
    "too many": lambda t: t.nn.Module(1),
    "keyword": lambda t: t.nn.Module(a=1),
    "train": lambda t: _module(t).train(3),
    "to int": lambda t: _module(t).to(t.int64),
    "get submodule": lambda t: _net(t).get_submodule("rest.1"),
    "get no submodule": lambda t: _net(t).get_submodule("rest.5"),
    "get not module": lambda t: _net(t).get_submodule("scale"),
    "get parameter": lambda t: _net(t).get_parameter("rest.1.weight").shape,
    "get no parameter": lambda t: _net(t).get_parameter("rest.1.strange"),
    "get not parameter": lambda t: _net(t).get_parameter("mean"),
    "get buffer": lambda t: _net(t).get_buffer("mean"),
    "get no buffer": lambda t: _net(t).get_buffer("first.strange"),
    "get not buffer": lambda t: _net(t).get_buffer("scale"),
    "missing argument": lambda t: t.nn.Linear(2, 3)(),
    "too many arguments": lambda t: t.nn.Linear(2, 3)(1, 2),
    "unknown argument": lambda t: t.nn.Linear(2, 3)(strange=2),
    "by name": lambda t: t.nn.Identity()(input=2),
}  # fmt: skip


@pytest.mark.parametrize("name", RULES)
def test_rules(name, agree):
    agree(RULES[name])


def _reassigned(t):
    m = _module(t)
    log = []
    for value in (t.nn.ReLU(), t.nn.Parameter(t.ones(1)), None, t.nn.Parameter(t.ones(2))):
        m.p = value
        log.append((list(m._parameters), list(m._modules), m.p))
    del m.p
    m.p = 5
    m.b = None
    m.b = t.ones(1)
    m.m = None
    log.append((m, list(m.children()), list(m.named_buffers()), m.p, hasattr(m, "q")))
    m._parameters["direct"] = t.nn.Parameter(t.ones(1))
    m._parameters.update(more=t.nn.Parameter(t.ones(2)))
    log.append((m.direct, m.more, [n for n, _ in m.named_parameters()]))
    del m._parameters["direct"]
    log.append((hasattr(m, "direct"), m._parameters.pop("more"), hasattr(m, "more")))
    return log, sorted(k for k in dir(m) if len(k) == 1)


def _traversed(t):
    net = _net(t)
    return (
        net,
        [n for n, _ in net.named_modules()],
        [n for n, _ in net.named_modules(remove_duplicate=False)],
        [n for n, _ in net.named_children()],
        [n for n, _ in net.named_parameters(prefix="x")],
        [n for n, _ in net.named_parameters(recurse=False)],
        [n for n, _ in net.named_parameters(remove_duplicate=False)],
        [n for n, _ in net.named_buffers()],
        len(list(net.parameters())),
        len(list(net.modules())),
    )


def _modes(t):
    net = _net(t)
    visited = []
    net.apply(lambda m: visited.append(type(m).__name__))
    flags = [m.training for m in net.eval().modules()] + [m.training for m in net.train().modules()]
    net.requires_grad_(False)
    kinds = []
    for change in ("double", "half", "bfloat16", "float", "cpu"):
        before = net.first.weight
        getattr(net, change)()
        kinds.append((net.first.weight.dtype, net.mean.dtype, before is net.first.weight))
    net.to(t.float64)
    kinds.append(net.scale.dtype)
    net.to("cpu", dtype=t.float32)
    kinds.append(net.scale.dtype)
    net.to(t.zeros(1, dtype=t.float64))
    kinds.append((net.scale.dtype, net.scale.requires_grad))
    return visited, flags, kinds


def _gradients(t):
    net = _net(t)
    net(t.ones(1, 3)).sum().backward()
    first = net.scale.grad is not None
    net.zero_grad(set_to_none=False)
    zeros = net.scale.grad
    net.double()
    kind = net.scale.grad.dtype
    net.zero_grad()
    return first, zeros, kind, net.scale.grad


def _states(t):
    net = _net(t)
    state = net.state_dict(prefix="a.")
    return (
        type(state).__name__,
        list(state),
        state._metadata,
        [v.requires_grad for v in state.values()],
        [type(v).__name__ for v in net.state_dict(keep_vars=True).values()],
        net.load_state_dict(net.state_dict()),
        net.load_state_dict({"scale": t.ones(()), "odd": 1}, strict=False),
    )


def _assigned(t):
    net, value = _net(t), t.full((4, 3), 2.0)
    state = {**net.state_dict(), "first.weight": value, "shared.weight": value}
    answer = net.load_state_dict(state, assign=True)
    kept = net.first.weight.data_ptr() == value.data_ptr()
    return answer, kept, net.first.weight.requires_grad, type(net.first.weight).__name__


def _load(changes):
    def scenario(t):
        net = _net(t)
        state = OrderedDict(net.state_dict())
        for key, value in changes.items():
            if value is None:
                del state[key]
            else:
                state[key] = value if not isinstance(value, tuple) else t.zeros(value)
        return net.load_state_dict(state)

    return scenario


def _extra(t):
    class Extra(t.nn.Linear):
        def get_extra_state(self):
            return {"seen": 3}

        def set_extra_state(self, state):
            self.seen = state

    net = t.nn.Sequential(Extra(1, 1), t.nn.Linear(1, 1))
    keys = list(net.state_dict())
    net.load_state_dict(net.state_dict())
    state = net.state_dict()
    del state["0._extra_state"]
    state["1._extra_state"] = 4
    return keys, net[0].seen, net.load_state_dict(state, strict=False), net.load_state_dict(state)


def _state_hooks(t):
    net, log = _net(t), []
    net.register_state_dict_pre_hook(lambda *a: log.append(("pre", a[1:])))
    net.register_state_dict_post_hook(lambda m, s, p, meta: log.append((len(s), p, meta)))
    net.first.register_load_state_dict_pre_hook(lambda m, s, p, *a: log.append((type(m), p, a)))
    net.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
    state = net.state_dict()
    del state["scale"]
    return net.load_state_dict(state), log


def _hooks(t):
    net, log = _net(t), []
    x = t.ones(1, 3)
    plain = net(x).tolist()
    handles = [
        net.register_forward_pre_hook(lambda m, a: log.append(("pre", a[0].shape))),
        net.register_forward_pre_hook(lambda m, a: (a[0] * 2,)),
        net.register_forward_pre_hook(
            lambda m, a, k: (a, {"shift": 1.0}), with_kwargs=True, prepend=True
        ),
        net.register_forward_hook(lambda m, a, k, out: log.append((k, len(a))), with_kwargs=True),
        net.register_forward_hook(lambda m, a, out: out + 1),
        net.register_forward_hook(lambda m, a, out: log.append("first"), prepend=True),
    ]
    hooked = net(x).shape, net(x, shift=3.0).shape
    for handle in handles:
        handle.remove()
    return log, hooked, net(x).tolist() == plain, net.__dict__["_forward_hooks"]


def _failing_hooks(t):
    class Fails(t.nn.Module):
        def forward(self, x):
            raise ValueError("no")

    net, log = Fails(), []
    net.register_forward_hook(lambda m, a, out: log.append(out), always_call=True)
    net.register_forward_hook(lambda m, a, out: log.append("never"))
    try:
        net(1)
    except ValueError as error:
        log.append(str(error))
    net.register_forward_pre_hook(lambda m, a, k: 3, with_kwargs=True)
    try:
        net(1)
    except RuntimeError as error:
        log.append(str(error))
    return log


def _backward_hooks(t):
    net, log = t.nn.Linear(2, 1, bias=False), []
    t.nn.init.constant_(net.weight, 3.0)
    net.register_full_backward_pre_hook(lambda m, g: log.append(("pre", g)))
    net.register_full_backward_pre_hook(lambda m, g: (g[0] * 2,))
    net.register_full_backward_hook(lambda m, gi, go: log.append((gi, go)))
    net.register_full_backward_hook(lambda m, gi, go: (gi[0] + 1,))
    x = t.ones(1, 2, requires_grad=True)
    net(x).sum().backward()
    log.append((x.grad, net.weight.grad))
    net(t.ones(1, 2)).sum().backward()
    log.append(net.weight.grad)
    return log


def _global_hooks(t):
    log = []
    m = t.nn.modules.module
    handles = [
        m.register_module_forward_pre_hook(lambda mod, a: log.append(type(mod).__name__)),
        m.register_module_forward_hook(lambda mod, a, out: log.append(len(a))),
    ]
    net = t.nn.Sequential(t.nn.Identity(), t.nn.ReLU())
    net(t.ones(1))
    for handle in handles:
        handle.remove()
    net(t.ones(1))
    return log


def _registration_hooks(t):
    log = []
    m = t.nn.modules.module
    handles = [
        m.register_module_parameter_registration_hook(lambda mod, n, p: log.append(n)),
        m.register_module_buffer_registration_hook(lambda mod, n, b: log.append(n)),
        m.register_module_module_registration_hook(lambda mod, n, s: log.append(n)),
    ]
    _net(t)
    for handle in handles:
        handle.remove()
    _net(t)
    return log


def _lazy(t):
    net = t.nn.Sequential(t.nn.LazyLinear(3), t.nn.LazyLinear(2, bias=False))
    before = repr(net), net[0].weight, list(net.state_dict())
    shape = net(t.ones(2, 5)).shape
    other = t.nn.Sequential(t.nn.LazyLinear(3), t.nn.LazyLinear(2, bias=False))
    other.load_state_dict(net.state_dict())
    return before, shape, net, net.state_dict(), other[0].weight.shape, t.rand(1)


SCENARIOS = {
    "lazy": _lazy,
    "lazy shape": lambda t: t.nn.LazyLinear(3).weight.shape,
    "reassigned": _reassigned,
    "traversed": _traversed,
    "modes": _modes,
    "gradients": _gradients,
    "states": _states,
    "assigned": _assigned,
    "load missing": _load({"scale": None, "first.bias": None}),
    "load unexpected": _load({"strange": (1,), "rest.9.weight": (2,), "scale.deep": (1,)}),
    "load sizes": _load({"first.weight": (4, 5), "mean": (3,), "scale": (1, 1)}),
    "load scalar": _load({"scale": (1,)}),
    "load wrong type": _load({"first.weight": 3, "odd": (2,), "mean": None}),
    "load not a dict": lambda t: _net(t).load_state_dict(3),
    "extra state": _extra,
    "state hooks": _state_hooks,
    "hooks": _hooks,
    "failing hooks": _failing_hooks,
    "backward hooks": _backward_hooks,
    "global hooks": _global_hooks,
    "registration hooks": _registration_hooks,
    "parameter": lambda t: (t.nn.Parameter(t.ones(2)), t.nn.Parameter(t.ones(1), False)),
    "no parameter": lambda t: t.nn.Parameter(),
    "buffer": lambda t: t.nn.Buffer(t.ones(2)),
    "set submodule": lambda t: [
        (net := _net(t)).set_submodule("rest.0", t.nn.Tanh()), net.rest[0]
    ][1:],
}  # fmt: skip


@pytest.mark.parametrize("name", SCENARIOS)
def test_behaviour(name, agree):
    agree(SCENARIOS[name])


def _copied(t, copier):
    net = t.nn.Sequential(
        OrderedDict(a=t.nn.Linear(2, 2), b=t.nn.BatchNorm1d(2))
        if hasattr(t.nn, "BatchNorm")
        else OrderedDict(a=t.nn.Linear(2, 2))
    )
    net.tied = net.a
    other = copier(net)
    with t.no_grad():
        other.a.weight.fill_(7)
    new = t.nn.Parameter(t.ones(2, 2))
    other.a.weight = new
    return (
        other, (net.a.weight == 7).any().item(), other.tied is other.a,
        other.a._parameters["weight"] is new, other.a.weight is new, other.a.bias.requires_grad,
        [n for n, _ in other.named_parameters()], net.a.bias.equal(other.a.bias),
    )  # fmt: skip


def test_deepcopy(agree):
    agree(lambda t: _copied(t, copy.deepcopy))


def test_pickle(agree):
    agree(lambda t: _copied(t, lambda net: pickle.loads(pickle.dumps(net))))


def _sequential(t):
    n = t.nn
    s = n.Sequential(n.Linear(2, 3), n.ReLU(), n.Linear(3, 1))
    log = [s, s[1:], s[-1], len(s), list(s[::2]), s + n.Sequential(n.Tanh()), s * 2, 2 * s]
    s.append(n.Tanh()).insert(1, n.Sigmoid()).extend([n.GELU()])
    log.append(repr(s))
    log.append((s.pop(1), repr(s)))
    del s[0]
    del s[1:3]
    s[0] = n.ReLU6()
    s += n.Sequential(n.Mish())
    s *= 2
    log.append((s, s(t.zeros(1)).tolist(), list(s.state_dict())))
    return log, n.Sequential(OrderedDict(a=n.ReLU(), b=n.Sequential())), n.Sequential()


def _module_list(t):
    n = t.nn
    m = n.ModuleList([n.Linear(2, 2) for _ in range(3)])
    log = [repr(m), repr(m[1:]), m[-1]]
    m.append(n.ReLU())
    m.extend([n.ReLU(), n.Linear(2, 3)])
    m.insert(0, n.Tanh())
    m += [n.Sequential(n.ReLU(), n.ReLU()), n.Sequential(n.ReLU(), n.ReLU())]
    log += [repr(m), m.pop(1), len(m), list(m.state_dict()), repr(m + [n.Tanh()])]
    del m[0:2]
    m[0] = n.Mish()
    return log, m, n.ModuleList()


def _module_dict(t):
    n = t.nn
    m = n.ModuleDict({"a": n.ReLU(), "b": n.Linear(1, 1)})
    m["c"] = n.Tanh()
    m.update([("d", n.GELU()), ("a", n.Mish())])
    log = [repr(m), list(m), list(m.keys()), list(m.items()), list(m.values()), "a" in m, len(m)]
    log += [m.pop("b"), m["a"]]
    del m["c"]
    log.append(repr(m))
    m.clear()
    return log, m


def _parameter_list(t):
    n = t.nn
    p = n.ParameterList([t.ones(2), n.Parameter(t.ones(2, 3)), "text"])
    p.append(t.zeros(()))
    p.extend([t.ones(1)])
    p += [n.Parameter(t.ones(1, 1))]
    log = [repr(p), repr(p[1:3]), p[-1], len(p), list(p.state_dict())]
    p[0] = t.ones(7)
    return log, p, [type(v).__name__ for v in p], n.ParameterList([t.ones(1)]), n.ParameterList()


def _parameter_dict(t):
    n = t.nn
    p = n.ParameterDict({"b": t.ones(2), "a": n.Parameter(t.ones(2, 3)), "c": 3})
    p["d"] = t.zeros(1)
    p.update({"e": t.ones(1)})
    log = [repr(p), list(p), list(p.keys()), len(p), p.get("x", 5), p.pop("b"), "b" in p]
    log += [p.setdefault("z", t.ones(1)), list(p.state_dict()), repr(p | n.ParameterDict({"q": 1}))]
    log += [p.popitem()[0], repr(p.copy()), list(p.items())[0][0], p.fromkeys("ab", 2)]
    del p["a"]
    log.append(repr(p))
    p.clear()
    return log, p


CONTAINERS = {
    "Sequential": _sequential,
    "ModuleList": _module_list,
    "ModuleDict": _module_dict,
    "ParameterList": _parameter_list,
    "ParameterDict": _parameter_dict,
    "sequential index": lambda t: t.nn.Sequential(t.nn.ReLU())[1],
    "sequential insert": lambda t: t.nn.Sequential(t.nn.ReLU()).insert(5, t.nn.ReLU()),
    "sequential insert type": lambda t: t.nn.Sequential(t.nn.ReLU()).insert(0, 3),
    "sequential add": lambda t: t.nn.Sequential() + [t.nn.ReLU()],
    "sequential times": lambda t: t.nn.Sequential() * 0,
    "sequential times text": lambda t: t.nn.Sequential() * "a",
    "sequential member": lambda t: t.nn.Sequential(3),
    "list index": lambda t: t.nn.ModuleList()[0],
    "list member": lambda t: t.nn.ModuleList([3]),
    "list extend": lambda t: t.nn.ModuleList().extend(3),
    "list call": lambda t: t.nn.ModuleList()(3),
    "dict key": lambda t: t.nn.ModuleDict()["a"],
    "dict bad key": lambda t: t.nn.ModuleDict({"a.b": t.nn.ReLU()}),
    "dict update": lambda t: t.nn.ModuleDict(3),
    "dict short pair": lambda t: t.nn.ModuleDict([("a",)]),
    "parameter list index": lambda t: t.nn.ParameterList()[3],
    "parameter list extend": lambda t: t.nn.ParameterList(3),
    "parameter list call": lambda t: t.nn.ParameterList()(3),
    "parameter dict key": lambda t: t.nn.ParameterDict()[3],
    "parameter dict missing": lambda t: t.nn.ParameterDict()["a"],
    "parameter dict call": lambda t: t.nn.ParameterDict()(3),
    "parameter dict pair": lambda t: t.nn.ParameterDict([("a", 1, 2)]),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_containers(name, agree):
    agree(CONTAINERS[name])
