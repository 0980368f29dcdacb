"""nn.functional has PyTorch's values, gradients, second gradients, dtypes and names of
gradients.
"""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path

import numpy as np
import pytest

import facula

torch = pytest.importorskip("torch")

_spec = importlib.util.spec_from_file_location(
    "functional_cases", Path(__file__).with_name("functional_cases.py")
)
cases = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(cases)
IDS = [f"{name}-{k}" for k, (name, _, _) in enumerate(cases.CASES)]
TOLERANCE = {"float32": (1e-5, 2e-6), "float64": (1e-10, 1e-12)}
# PyTorch has constants of these in float32, and adds a small number in the second derivative of
# bce.
LOOSE = {"celu": 1e-6, "hardsigmoid": 1e-6, "bce": 1e-9}


def _inputs(t, name, shapes, dtype):
    made = []
    for k, shape in enumerate(shapes):
        x = t.tensor(cases.draw(name, shape, k).tolist(), dtype=getattr(t, dtype))
        made.append(x.requires_grad_())
    return made


def _array(x):
    return None if x is None else x.detach().numpy(force=True).copy()


def _run(t, name, call, shapes, dtype):
    """(output, gradients, second gradients, dtype, name of the gradient)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        t.manual_seed(3)
        inputs = _inputs(t, name, shapes, dtype)
        out = call(t, t.nn.functional, *inputs)
        rng = np.random.default_rng(5)

        def direction(x):
            return t.tensor(rng.normal(size=tuple(x.shape)).tolist(), dtype=x.dtype)

        first = t.autograd.grad(out, inputs, direction(out), create_graph=True, allow_unused=True)
        total = 0.0
        for g in first:
            if g is not None and g.requires_grad:
                total = total + (g * direction(g)).sum()
        second = [None] * len(inputs)
        if not isinstance(total, float):
            try:  # at a bend, the second derivative is anybody's choice
                second = (
                    [] if shapes == [("k",)] else t.autograd.grad(total, inputs, allow_unused=True)
                )
            except (NotImplementedError, RuntimeError) as e:
                if "not implemented" not in str(e):  # PyTorch lacks some second derivatives
                    raise
                second = []
        return (
            [_array(out), *map(_array, first), *map(_array, second)],
            str(out.dtype),
            out.grad_fn.name(),
            tuple(out.shape),
        )


def _close(got, want, dtype, name, what):
    relative, absolute = TOLERANCE[dtype]
    relative = max(relative, LOOSE.get(name.split("-")[0], 0.0))
    what = f"{name}: {what}"
    if got is None or want is None:  # a gradient that is not connected is the same as zeros
        there = want if got is None else got
        assert there is None or not np.any(there), what
        return
    scale = float(np.nanmax(np.abs(want), initial=0.0, where=np.isfinite(want)))
    np.testing.assert_allclose(got, want, relative, absolute * max(scale, 1.0), err_msg=what)


@pytest.mark.thin(4)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", cases.CASES, ids=IDS)
def test_values_and_gradients(case, dtype):
    name, call, shapes = case
    want = _run(torch, name, call, shapes, dtype)
    for sight in range(3):  # recorded and run by reference; compiled; replayed
        got = _run(facula, name, call, shapes, dtype)
        n = len(shapes)
        labels = [
            "output",
            *(f"gradient {k}" for k in range(n)),
            *(f"second {k}" for k in range(n)),
        ]
        for what, a, b in zip(labels, got[0], want[0], strict=False):
            _close(a, b, dtype, name, f"{what}, sight {sight}")
        assert got[1:] == want[1:]
