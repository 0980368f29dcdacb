"""Module: attributes are mirrored, calls are annotated when they fail, copies are independent."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref

import pytest

import facula
from facula import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(4, 8), nn.ReLU())
        self.heads = nn.ModuleList([nn.Linear(8, 2), nn.Linear(8, 3)])

    def forward(self, x, head=0):
        return self.heads[head](self.encoder(x))


def test_attributes_from_before_the_constructor_of_the_base_stay():
    class Early(nn.Module):
        def __init__(self):
            self.size = 3
            super().__init__()
            self.layer = nn.Linear(self.size, 1)

    made = Early()
    assert made.size == 3 and made.layer.in_features == 3 and made.training
    other = copy.deepcopy(made)
    other.size = 4
    assert made.size == 3 and vars(other) is not vars(made)


def test_parts_are_ordinary_attributes():
    layer = nn.Linear(2, 3)
    for name in ("weight", "bias"):
        assert layer.__dict__[name] is layer._parameters[name]
    assert Net().__dict__["encoder"] is not None


@pytest.mark.parametrize("change", ["assign", "direct", "update", "setdefault", "union"])
def test_changes_of_the_dicts_reach_the_attributes(change):
    module, new = nn.Module(), nn.Parameter(facula.ones(2))
    if change == "assign":
        module.p = new
    elif change == "direct":
        module._parameters["p"] = new
    elif change == "update":
        module._parameters.update({"p": new})
    elif change == "setdefault":
        module._parameters.setdefault("p", new)
    else:
        module._parameters |= {"p": new}
    assert module.p is new and module._parameters["p"] is new


@pytest.mark.parametrize("change", ["delattr", "delitem", "pop", "popitem", "clear"])
def test_removal_reaches_the_attributes(change):
    module = nn.Module()
    module.p = nn.Parameter(facula.ones(2))
    if change == "delattr":
        del module.p
    elif change == "delitem":
        del module._parameters["p"]
    elif change == "pop":
        module._parameters.pop("p")
    elif change == "popitem":
        module._parameters.popitem()
    else:
        module._parameters.clear()
    assert not hasattr(module, "p") and "p" not in module._parameters
    with pytest.raises(KeyError):
        module._parameters.pop("p")
    assert module._parameters.pop("p", 3) == 3


def test_replacing_a_dict():
    layer = nn.Linear(2, 3)
    layer._parameters = {"weight": nn.Parameter(facula.ones(1))}
    assert layer.weight.shape == (1,) and not hasattr(layer, "bias")


def test_a_module_is_freed_without_the_collector():
    gc.collect()
    gc.disable()
    try:
        net = Net()
        alive = weakref.ref(net), weakref.ref(net.encoder)
        del net
        assert [r() for r in alive] == [None, None]
    finally:
        gc.enable()


@pytest.mark.parametrize("copier", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_write_to_themselves(copier):
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    other = copier(net)
    other[0].weight = nn.Parameter(facula.zeros(2, 2))
    other[0]._parameters["bias"] = None
    assert net[0].bias is not None and other[0].bias is None
    assert net[0].weight is not other[0].weight
    assert other[0]._parameters["weight"] is other[0].weight
    assert other(facula.ones(1, 2)).tolist() == [[0.0, 0.0]]


def test_a_shallow_copy_has_its_own_dicts():
    layer = nn.Linear(2, 2)
    other = copy.copy(layer)
    assert other.weight is layer.weight
    other.weight = nn.Parameter(facula.zeros(2, 2))
    assert other.weight is not layer.weight
    assert layer._parameters["weight"] is layer.weight


def _note(error):
    assert len(error.__notes__) == 1
    return error.__notes__[0]


def test_a_failing_layer_is_named_once():
    net = Net()
    with pytest.raises(RuntimeError) as caught:
        net(facula.ones(3, 5))
    assert _note(caught.value) == (
        "in layer 'encoder.0' (Linear(in_features=4, out_features=8, bias=True)), "
        "input shapes (3, 5)"
    )
    assert "encoder" not in str(caught.value)


def test_the_name_of_a_layer_in_a_list():
    net = Net()
    net.encoder = nn.Identity()
    with pytest.raises(RuntimeError) as caught:
        net(facula.ones(3, 5), head=1)
    assert _note(caught.value).startswith("in layer 'heads.1' (Linear(")


def test_the_note_of_a_whole_network():
    class Fails(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.ReLU()

        def forward(self, x, factor=None):
            raise KeyError("odd")

    for _ in range(2):
        with pytest.raises(KeyError, match="^'odd'") as caught:
            Fails()(facula.ones(2), factor=3)
        assert _note(caught.value) == "in Fails, input shapes (2,), factor=int"


def test_a_note_with_hooks():
    net = Net()
    net.register_forward_hook(lambda *a: None)
    net.encoder[0].register_forward_pre_hook(lambda *a: None)
    with pytest.raises(RuntimeError) as caught:
        net(facula.ones(3, 5))
    assert _note(caught.value).startswith("in layer 'encoder.0' (Linear(")


def test_the_slow_way_is_left_when_hooks_are_gone():
    layer = nn.Identity()
    handle = layer.register_forward_hook(lambda m, a, out: out + 1)
    assert layer(1) == 2 and layer._hooks_active
    handle.remove()
    assert layer(1) == 1
    assert layer(1) == 1 and not layer._hooks_active
    with layer.register_forward_pre_hook(lambda m, a: (5,)):
        assert layer(1) == 5
    assert layer(1) == 1


def test_global_hooks_end_with_their_handle():
    layer, plain = nn.Identity(), nn.Module.__call__
    handle = nn.modules.module.register_module_forward_hook(lambda m, a, out: out + 1)
    assert layer(1) == 2
    handle.remove()
    assert layer(1) == 1 and layer(1) == 1 and nn.Module.__call__ is plain


def test_a_forward_of_the_instance_and_an_overridden_call():
    class Loud(nn.Identity):
        def __call__(self, x):
            return super().__call__(x) + 10

    own = nn.Identity()
    own.forward = lambda x: x * 2
    assert nn.Sequential(own, Loud(), nn.Identity())(1) == 12


def test_sequential_follows_hooks_of_its_members():
    seen = []
    net = nn.Sequential(nn.Identity(), nn.Identity())
    net[1].register_forward_hook(lambda m, a, out: seen.append(out))
    net(3)
    assert seen == [3]


def test_compile_does_nothing_harmful():
    layer = nn.Identity()
    layer.compile(mode="max-autotune")
    assert layer(2) == 2


def test_a_subclass_with_its_own_getattr():
    class Wrapper(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def __getattr__(self, name):
            try:
                return super().__getattr__(name)
            except AttributeError as error:
                if name == "strange":
                    raise
                assert str(error) == f"'{type(self).__name__}' object has no attribute '{name}'"
                return getattr(self.inner, name)

    class Deeper(Wrapper):
        def __getattr__(self, name):
            return 7 if name == "seven" else super().__getattr__(name)

    wrapped = Deeper(nn.Linear(2, 3))
    assert wrapped.in_features == 2 and wrapped.seven == 7
    assert wrapped.weight is wrapped.inner.weight
    with pytest.raises(AttributeError, match="'Deeper' object has no attribute 'strange'"):
        _ = wrapped.strange
    assert not hasattr(nn.Module, "__getattr__")
