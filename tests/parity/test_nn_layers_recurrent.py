"""Recurrent layers, cells and packed sequences agree with PyTorch."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

pytest.importorskip("torch")
_helpers = runpy.run_path(str(Path(__file__).with_name("layers.py")))
check, random = _helpers["check"], _helpers["random"]

LAYERS = [
    ("RNN", (3, 4), {}),
    ("RNN", (3, 4, 2), {"nonlinearity": "relu", "batch_first": True}),
    ("RNN", (3, 4, 1, "relu"), {"bidirectional": True, "bias": False}),
    ("GRU", (3, 4), {"batch_first": True}),
    ("GRU", (3, 4, 2), {"bidirectional": True}),
    ("GRU", (3, 4), {"bias": False}),
    ("LSTM", (3, 4), {}),
    ("LSTM", (3, 4, 2), {"bidirectional": True, "batch_first": True}),
    ("LSTM", (3, 4, 2), {"proj_size": 2, "bidirectional": True}),
    ("LSTM", (3, 4, 2), {"dropout": 0.5, "bias": False}),
]


def _states(name, args, options, *batch):
    count = (args[2] if len(args) > 2 else 1) * (2 if options.get("bidirectional") else 1)
    widths = (options.get("proj_size", 4), 4) if name == "LSTM" else (4,)
    return [random(count, *batch, w, seed=w + k) for k, w in enumerate(widths)]


def _with_states(t, layer, x, *states):
    return layer(x, states if len(states) > 1 else states[0])


def _packed(lengths, sort):
    def call(t, layer, x, *states):
        rnn = t.nn.utils.rnn
        packed = rnn.pack_padded_sequence(x, lengths, layer.batch_first, enforce_sorted=not sort)
        if states:
            out, last = _with_states(t, layer, packed, *states)
        else:
            out, last = layer(packed)
        padded, sizes = rnn.pad_packed_sequence(out, layer.batch_first, padding_value=0.5)
        assert sizes.tolist() == list(lengths)
        return padded, last

    return call


@pytest.mark.parametrize(("name", "args", "options"), LAYERS)
def test_layer(name, args, options):
    make = lambda t: getattr(t.nn, name)(*args, **options)  # noqa: E731
    x = random(3, 5, 3) if options.get("batch_first") else random(5, 3, 3)
    check(make, [x], second=False)
    check(make, [x, *_states(name, args, options, 3)], call=_with_states, rounds=1)
    check(make, [random(5, 3)], rounds=1, second=False)
    states = _states(name, args, options)
    check(make, [random(5, 3), *states], call=_with_states, rounds=1, second=False)
    check(make, [x], call=_packed([5, 3, 2], False), rounds=1)
    states = _states(name, args, options, 3)
    unsorted = _packed([2, 5, 3], True)
    check(make, [x, *states], call=unsorted, rounds=2, second=False, evaluate=True)


def test_second_gradient_compiled():
    check(lambda t: t.nn.GRU(3, 4), [random(2, 2, 3)])


@pytest.mark.parametrize("name", ["RNNCell", "GRUCell", "LSTMCell"])
@pytest.mark.parametrize("options", [{}, {"bias": False}])
def test_cell(name, options):
    def call(t, cell, x):
        state = cell(x[0])
        return cell(x[1], state)

    make = lambda t: getattr(t.nn, name)(3, 4, **options)  # noqa: E731
    check(make, [random(2, 5, 3)], call=call, second=False)
    check(make, [random(2, 5, 3)], call=call, rounds=1)
    check(make, [random(2, 3)], call=call, rounds=1, second=False)


def test_relu_cell():
    check(lambda t: t.nn.RNNCell(3, 4, nonlinearity="relu"), [random(5, 3)], rounds=1)


def test_network_in_float32():
    def make(t):
        layers = t.nn.ModuleDict({"rnn": t.nn.LSTM(6, 16, 2), "out": t.nn.Linear(16, 3)})
        return layers

    def call(t, layers, x):
        return layers["out"](layers["rnn"](x)[0])

    check(make, [random(12, 4, 6)], call=call, dtype="float32", second=False)


def _rnn(t):
    return t.nn.utils.rnn


SEQUENCES = {
    "pad": lambda t, parts: _rnn(t).pad_sequence(parts),
    "pad first": lambda t, parts: _rnn(t).pad_sequence(parts, True, 2.0),
    "pad left": lambda t, parts: _rnn(t).pad_sequence(parts, padding_side="left"),
    "pack": lambda t, parts: _rnn(t).pack_sequence(parts, enforce_sorted=False),
    "pack sorted": lambda t, parts: _rnn(t).pack_sequence(parts[::-1]),
    "pack unsorted": lambda t, parts: _rnn(t).pack_sequence(parts),
    "unpack": lambda t, parts: _rnn(t).unpack_sequence(
        _rnn(t).pack_sequence(parts, enforce_sorted=False)
    ),
    "unpad": lambda t, parts: _rnn(t).unpad_sequence(
        _rnn(t).pad_sequence(parts), t.tensor([1, 2, 3])
    ),
    "total": lambda t, parts: _rnn(t).pad_packed_sequence(
        _rnn(t).pack_sequence(parts, enforce_sorted=False), True, -1.0, 5
    ),
    "short total": lambda t, parts: _rnn(t).pad_packed_sequence(
        _rnn(t).pack_sequence(parts, enforce_sorted=False), total_length=2
    ),
    "no length": lambda t, parts: _rnn(t).pack_padded_sequence(t.ones(3, 2), [3, 0]),
    "lengths": lambda t, parts: _rnn(t).pack_padded_sequence(t.ones(3, 2), [3]),
    "not a list": lambda t, parts: _rnn(t).pad_sequence(3),
    "nothing": lambda t, parts: _rnn(t).pad_sequence([]),
    "to": lambda t, parts: _rnn(t).pack_sequence(parts[::-1]).double(),
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_sequences(name, agree):
    def scenario(t):
        parts = [t.arange(float(n * 2)).reshape(n, 2) + n for n in (1, 2, 3)]
        return SEQUENCES[name](t, parts)

    agree(scenario)


def _zeros(t, name, *shape):
    return (t.zeros(*shape), t.zeros(*shape)) if name == "LSTM" else t.zeros(*shape)


ERRORS = {
    "rank": lambda t, c, x, z: c(3, 4)(x[0, 0]),
    "width": lambda t, c, x, z: c(3, 4)(t.ones(5, 2, 4)),
    "no steps": lambda t, c, x, z: c(3, 4)(t.ones(0, 2, 3)),
    "dtype": lambda t, c, x, z: c(3, 4)(x.double()),
    "state": lambda t, c, x, z: c(3, 4)(x, z(1, 3, 4)),
    "state rank": lambda t, c, x, z: c(3, 4)(x, z(1, 4)),
    "unbatched state rank": lambda t, c, x, z: c(3, 4)(x[0], z(1, 2, 4)),
    "unbatched state": lambda t, c, x, z: c(3, 4)(x[0], z(2, 4)),
    "dropout": lambda t, c, x, z: c(3, 4, dropout=2.0),
    "hidden": lambda t, c, x, z: c(3, 0),
    "layers": lambda t, c, x, z: c(3, 4, 0),
    "projection": lambda t, c, x, z: c(3, 4, proj_size=4),
    "input type": lambda t, c, x, z: c(3.5, 4),
    "hidden type": lambda t, c, x, z: c(3, 4.5),
    "flag type": lambda t, c, x, z: c(3, 4, batch_first=1),
}


@pytest.mark.parametrize("layer", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("name", ERRORS)
def test_errors(name, layer, agree):
    def scenario(t):
        zeros = lambda *shape: _zeros(t, layer, *shape)  # noqa: E731
        return ERRORS[name](t, getattr(t.nn, layer), t.ones(5, 2, 3), zeros)

    agree(scenario)


CELL_ERRORS = {
    "rank": lambda t, c: c(t.ones(2, 2, 3)),
    "width": lambda t, c: c(t.ones(2, 4)),
    "tuple": lambda t, c: t.nn.LSTMCell(3, 4)(t.ones(2, 3), t.zeros(2, 4)),
    "state batch": lambda t, c: t.nn.GRUCell(3, 4)(t.ones(2, 3), t.zeros(3, 4)),
    "state width": lambda t, c: t.nn.RNNCell(3, 4)(t.ones(2, 3), t.zeros(2, 5)),
    "state rank": lambda t, c: t.nn.GRUCell(3, 4)(t.ones(2, 3), t.zeros(1, 3, 4)),
    "function": lambda t, c: t.nn.RNNCell(3, 4, nonlinearity="foo")(t.ones(2, 3)),
    "layer function": lambda t, c: t.nn.RNN(3, 4, nonlinearity="foo"),
}


@pytest.mark.parametrize("cell", ["LSTMCell", "GRUCell", "RNNCell"])
@pytest.mark.parametrize("name", CELL_ERRORS)
def test_cell_errors(name, cell, agree):
    agree(lambda t: CELL_ERRORS[name](t, getattr(t.nn, cell)(3, 4)))
