"""Comparing a network with PyTorch's: the same seed, the same inputs, several steps of training.

`check(make, inputs)`: `make(t)` gives a module, `inputs` the arrays that it is called with. State
dict and text agree, then the results and all gradients of every repetition: the first is computed
by references, the later ones by compiled code.
"""

from __future__ import annotations

import warnings

import numpy as np

import facula


def flat(result):
    """The tensors of a result, in order."""
    if isinstance(result, (tuple, list)):
        return [x for part in result for x in flat(part)]
    return [] if result is None else [result]


def array(x):
    return x.detach().numpy().copy()


def _build(t, make, dtype):
    t.manual_seed(7)
    return make(t).to(getattr(t, dtype))


def _call(t, module, inputs, call):
    if call is not None:
        return call(t, module, *inputs)
    return module(*inputs)


def _round(t, module, arrays, dtype, call, second):
    """Results and gradients of one repetition, as arrays."""
    inputs = [
        t.tensor(a, dtype=getattr(t, dtype)).requires_grad_()
        if a.dtype.kind == "f"
        else t.tensor(a)
        for a in arrays
    ]
    outs = [y for y in flat(_call(t, module, inputs, call)) if y.dtype.is_floating_point]
    wanted = [x for x in (*inputs, *module.parameters()) if x.requires_grad]
    loss = sum((y * y * (k + 1)).sum() for k, y in enumerate(outs))
    grads = t.autograd.grad(loss, wanted, create_graph=second, allow_unused=True)
    made = [array(y) for y in outs] + [array(g) for g in grads if g is not None]
    if second:
        again = sum((g * g).sum() for g in grads if g is not None and g.requires_grad)
        more = t.autograd.grad(again, wanted, allow_unused=True)
        made += [array(g) for g in more if g is not None]
    return made + [array(b) for b in module.buffers()]


def check(make, inputs, *, dtype="float64", call=None, second=True, rounds=3, evaluate=False):
    """Asserts that Facula's network does what PyTorch's does; see the head of the file."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        modules = [_build(t, make, dtype) for t in (torch, facula)]
        assert repr(modules[1]) == repr(modules[0])
        states = [m.state_dict() for m in modules]
        assert list(states[1]) == list(states[0])
        for key in states[0]:
            np.testing.assert_allclose(
                array(states[1][key]), array(states[0][key]), rtol=1e-5, atol=1e-7, err_msg=key
            )
        modules[1].load_state_dict({k: facula.tensor(array(v)) for k, v in states[0].items()})
        if evaluate:
            modules = [m.eval() for m in modules]
        rtol, atol = {"float64": (1e-8, 1e-8), "float32": (2e-4, 2e-5)}[dtype]
        for number in range(rounds):
            results = []
            for t, module in zip((torch, facula), modules, strict=True):
                t.manual_seed(number)
                results.append(_round(t, module, inputs, dtype, call, second))
            assert len(results[0]) == len(results[1])
            for k, (expected, got) in enumerate(zip(*results, strict=True)):
                what = f"round {number}, array {k}"
                np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol, err_msg=what)


def random(*shape, seed=0):
    """Normal numbers, the same for both packages."""
    return np.random.default_rng([seed, *shape]).normal(size=shape)
