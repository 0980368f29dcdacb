"""Optimizers beside PyTorch's: the same parameters and gradients, step by step, and checkpoints
that either loads."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
import pytest

import facula
import facula.optim

torch = pytest.importorskip("torch")

SHAPES = [(3, 4), (5,), (), (2, 3, 2)]
CONFIGS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "maximize": True}),
    ("Adam", {"lr": 0.01}),
    ("Adam", {"lr": 0.01, "amsgrad": True, "weight_decay": 0.1, "maximize": True}),
    ("Adam", {"lr": 0.01, "betas": (0.3, 0.9), "weight_decay": 0.1,
              "decoupled_weight_decay": True}),
    ("AdamW", {"lr": 0.01, "amsgrad": True}),
    ("RMSprop", {"lr": 0.01}),
    ("RMSprop", {"lr": 0.01, "momentum": 0.9, "centered": True, "weight_decay": 0.1, "eps": 1e-3}),
    ("RMSprop", {"lr": 0.01, "alpha": 0.3, "centered": True, "maximize": True, "eps": 1e-3}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.01, "weight_decay": 0.1}),
    ("Adagrad", {"lr": 0.1, "initial_accumulator_value": 0.5, "maximize": True}),
    ("Adadelta", {"lr": 0.5}),
    ("Adadelta", {"lr": 0.5, "rho": 0.7, "weight_decay": 0.1, "maximize": True}),
    ("Adamax", {"lr": 0.01}),
    ("Adamax", {"lr": 0.01, "weight_decay": 0.1, "maximize": True}),
    ("NAdam", {"lr": 0.01}),
    ("NAdam", {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}),
    ("NAdam", {"lr": 0.01, "weight_decay": 0.1, "momentum_decay": 0.1}),
    ("RAdam", {"lr": 0.01}),
    ("RAdam", {"lr": 0.01, "weight_decay": 0.1, "maximize": True}),
    ("RAdam", {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("ASGD", {"lr": 0.1}),
    ("ASGD", {"lr": 0.1, "t0": 5, "lambd": 0.01, "weight_decay": 0.1, "maximize": True}),
    ("Rprop", {"lr": 0.01}),
    ("Rprop", {"lr": 0.01, "etas": (0.3, 1.5), "step_sizes": (1e-3, 0.02), "maximize": True}),
]  # fmt: skip


def make(t: Any, dtype: str, name: str, options: dict[str, Any]) -> tuple[list[Any], Any]:
    """Parameters with fixed values, and an optimizer on them."""
    r = np.random.default_rng(0)
    params = [
        t.nn.Parameter(t.tensor(r.standard_normal(s).tolist(), dtype=getattr(t, dtype)))
        for s in SHAPES
    ]
    return params, getattr(t.optim, name)(params, **options)


def gradients(step: int) -> list[np.ndarray]:
    r = np.random.default_rng(step + 1)
    return [r.standard_normal(s) for s in SHAPES]


def compare(ours: Any, theirs: Any, tolerance: float) -> None:
    a, b = np.asarray(ours.detach().numpy()), theirs.detach().numpy()
    assert a.dtype == b.dtype and a.shape == b.shape
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def compare_states(ours: Any, theirs: Any, tolerance: float) -> None:
    """Two state dicts: the same keys, layout, dtypes and nearly the same numbers."""
    assert ours["param_groups"] == theirs["param_groups"]
    assert ours["state"].keys() == theirs["state"].keys()
    for key, entry in theirs["state"].items():
        assert set(ours["state"][key]) == set(entry)
        for name, value in entry.items():
            if torch.is_tensor(value):
                compare(ours["state"][key][name], value, tolerance)
            else:
                assert ours["state"][key][name] == value


@pytest.mark.thin(2)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "options"), CONFIGS)
def test_twenty_steps(name: str, options: dict[str, Any], dtype: str) -> None:
    """Gradients computed by backward, a parameter left out at one step, another learning rate."""
    tolerance = 2e-6 if dtype == "float32" else 1e-12
    (pa, a), (pb, b) = make(facula, dtype, name, options), make(torch, dtype, name, options)
    assert repr(a) == repr(b)
    for step in range(20):
        for t, params, optimizer in ((facula, pa, a), (torch, pb, b)):
            optimizer.zero_grad()
            terms = []
            for i, (p, g) in enumerate(zip(params, gradients(step), strict=True)):
                if not (i == 1 and step == 3):
                    terms.append((p * t.tensor(g.tolist(), dtype=getattr(t, dtype))).sum())
            sum(terms).backward()
            if step == 10:
                optimizer.param_groups[0]["lr"] *= 0.5
            optimizer.step()
        if step in (0, 4, 19):
            for p, q in zip(pa, pb, strict=True):
                compare(p, q, tolerance)
    compare_states(a.state_dict(), b.state_dict(), 10 * tolerance)


def as_theirs(x: Any) -> Any:
    """A structure with our tensors as PyTorch's."""
    if isinstance(x, facula.Tensor):
        return torch.tensor(x.detach().numpy())
    if isinstance(x, dict):
        return {k: as_theirs(v) for k, v in x.items()}
    return x


def as_ours(x: Any) -> Any:
    if torch.is_tensor(x):
        return facula.tensor(x.detach().numpy())
    if isinstance(x, dict):
        return {k: as_ours(v) for k, v in x.items()}
    return x


@pytest.mark.parametrize(("name", "options"), CONFIGS)
def test_checkpoints_are_interchangeable(name: str, options: dict[str, Any]) -> None:
    """Each goes on from the other's state dict: they end where they would have."""
    (pa, a), (pb, b) = make(facula, "float32", name, options), make(torch, "float32", name, options)

    def steps(first: int, last: int) -> None:
        for step in range(first, last):
            for t, params, optimizer in ((facula, pa, a), (torch, pb, b)):
                for p, g in zip(params, gradients(step), strict=True):
                    p.grad = t.tensor(g.tolist(), dtype=t.float32)
                optimizer.step()

    steps(0, 4)
    ours, theirs = copy.deepcopy(a.state_dict()), copy.deepcopy(b.state_dict())
    a = getattr(facula.optim, name)(pa, **options)
    b = getattr(torch.optim, name)(pb, **options)
    a.load_state_dict(as_ours(theirs))
    b.load_state_dict(as_theirs(ours))
    steps(4, 8)
    for p, q in zip(pa, pb, strict=True):
        compare(p, q, 2e-6)
    compare_states(a.state_dict(), b.state_dict(), 2e-5)


def _p(t: Any) -> Any:
    return t.nn.Parameter(t.zeros(2))


# What raises, warns, or prints: each is run with both.
SCENARIOS: dict[str, Any] = {
    "tensor": lambda t: t.optim.SGD(_p(t)),
    "empty": lambda t: t.optim.SGD([]),
    "int": lambda t: t.optim.SGD([3]),
    "not iterable": lambda t: t.optim.SGD(3),
    "non-leaf": lambda t: t.optim.SGD([_p(t) * 2]),
    "set": lambda t: t.optim.SGD([{"params": {_p(t)}}]),
    "not a dict": lambda t: t.optim.SGD([_p(t)]).add_param_group([_p(t)]),
    "two groups": lambda t: (lambda p: t.optim.SGD([{"params": [p]}, {"params": [p]}]))(_p(t)),
    "twice": lambda t: (lambda p: t.optim.SGD([p, p]))(_p(t)),
    "half named": lambda t: t.optim.SGD([("a", _p(t)), _p(t)]),
    "named": lambda t: t.optim.SGD([("a", _p(t)), ("b", _p(t))]).state_dict(),
    "named groups": lambda t: t.optim.SGD([{"params": [("a", _p(t))]}, {"params": [_p(t)]}]),
    "named int": lambda t: t.optim.SGD([("a", 3)]),
    "generator": lambda t: t.optim.SGD(p for p in [_p(t), _p(t)]),
    "add group": lambda t: t.optim.SGD([_p(t)]).add_param_group({"params": _p(t), "lr": 3}),
    "repr": lambda t: t.optim.Adam([{"params": [_p(t)]}, {"params": [_p(t)], "lr": 3}], lr=2),
    "groups": lambda t: t.optim.SGD([_p(t)]).load_state_dict(
        t.optim.SGD([{"params": [_p(t)]}, {"params": [_p(t)]}]).state_dict()),
    "sizes": lambda t: t.optim.SGD([_p(t)]).load_state_dict(
        t.optim.SGD([_p(t), _p(t)]).state_dict()),
    "lr": lambda t: t.optim.SGD([_p(t)], lr=-1),
    "momentum": lambda t: t.optim.SGD([_p(t)], momentum=-1),
    "weight_decay": lambda t: t.optim.SGD([_p(t)], weight_decay=-1),
    "nesterov": lambda t: t.optim.SGD([_p(t)], nesterov=True),
    "beta 0": lambda t: t.optim.Adam([_p(t)], betas=(1.0, 0.9)),
    "beta 1": lambda t: t.optim.Adam([_p(t)], betas=(0.9, 1.2)),
    "kinds of beta": lambda t: t.optim.Adam([_p(t)], betas=(t.tensor(0.9), 0.9)),
    "eps": lambda t: t.optim.Adam([_p(t)], eps=-1),
    "fused": lambda t: t.optim.Adam([_p(t)], fused=True, foreach=True),
    "fused 2": lambda t: t.optim.Adam([_p(t)], fused=True, differentiable=True),
    "lr tensor": lambda t: t.optim.Adam([_p(t)], lr=t.tensor([1.0, 2.0])),
    "lr tensor 2": lambda t: t.optim.Adam([_p(t)], lr=t.tensor(0.1), foreach=True),
    "alpha": lambda t: t.optim.RMSprop([_p(t)], alpha=-1),
    "lr_decay": lambda t: t.optim.Adagrad([_p(t)], lr_decay=-1),
    "accumulator": lambda t: t.optim.Adagrad([_p(t)], initial_accumulator_value=-1),
    "rho": lambda t: t.optim.Adadelta([_p(t)], rho=-1),
    "adamax": lambda t: t.optim.Adamax([_p(t)], betas=(2, 0)),
    "nadam": lambda t: t.optim.NAdam([_p(t)], momentum_decay=-1),
    "radam": lambda t: t.optim.RAdam([_p(t)], eps=-1),
    "asgd": lambda t: t.optim.ASGD([_p(t)], weight_decay=-1),
    "rprop": lambda t: t.optim.Rprop([_p(t)], etas=(2, 0.5)),
}  # fmt: skip


@pytest.mark.parametrize("name", SCENARIOS)
def test_errors_and_texts(name: str, agree: Any) -> None:
    agree(SCENARIOS[name])


@pytest.mark.parametrize("name", sorted({n for n, _ in CONFIGS}))
def test_defaults_and_state(name: str) -> None:
    """The same hyperparameters with the same defaults; the same names in the state."""
    assert (
        getattr(facula.optim, name)([_p(facula)]).defaults
        == getattr(torch.optim, name)([_p(torch)]).defaults
    )
    found = []
    for t in (facula, torch):
        p = _p(t)
        p.grad = t.ones(2)
        optimizer = getattr(t.optim, name)([p])
        optimizer.step()
        found.append({k: (str(v.dtype), tuple(v.shape)) for k, v in optimizer.state[p].items()})
    assert found[0] == found[1]


def test_the_warning_about_duplicates() -> None:
    texts = []
    for t in (facula, torch):
        p = _p(t)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            t.optim.SGD([p, p])
        texts.append([(w.category, str(w.message)) for w in caught])
    assert texts[0] == texts[1] and len(texts[0]) == 1


@pytest.mark.parametrize("name", sorted({n for n, _ in CONFIGS}))
def test_the_order_of_arguments(name: str) -> None:
    import inspect

    ours = inspect.signature(getattr(facula.optim, name).__init__).parameters
    theirs = inspect.signature(getattr(torch.optim, name).__init__).parameters
    assert [(p.name, p.kind, p.default) for p in ours.values()] == [
        (p.name, p.kind, p.default) for p in theirs.values()
    ]


@pytest.mark.thin(3)
@pytest.mark.parametrize("options", [
    {}, {"lr": 0.3, "max_iter": 5}, {"line_search_fn": "strong_wolfe"},
    {"line_search_fn": "strong_wolfe", "max_iter": 7, "history_size": 3},
])  # fmt: skip
def test_lbfgs(options: dict[str, Any]) -> None:
    """Rosenbrock's valley in float64: the losses of the closures and the end."""
    found = []
    for t in (facula, torch):
        p = t.nn.Parameter(t.tensor([-1.2, 1.0], dtype=t.float64))
        q = t.nn.Parameter(t.tensor([[0.5]], dtype=t.float64))
        o = t.optim.LBFGS([p, q], **({"lr": 0.01} | options if not options else options))
        losses: list[float] = []

        def closure(p: Any = p, q: Any = q, o: Any = o, losses: list[float] = losses) -> Any:
            o.zero_grad()
            loss = (1 - p[0]) ** 2 + 5 * (p[1] - p[0] ** 2) ** 2 + ((q - p[1]) ** 2).sum()
            loss.backward()
            losses.append(loss.item())
            return loss

        returned = [o.step(closure).item() for _ in range(3)]
        state = o.state_dict()["state"][0]
        found.append(
            (
                returned,
                losses,
                p.tolist(),
                q.tolist(),
                state["func_evals"],
                state["n_iter"],
                set(state),
            )
        )
    ours, theirs = found
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(ours[2], theirs[2], rtol=1e-6)
    assert ours[4:6] == theirs[4:6] and ours[6] == theirs[6] - {"al"}  # only scratch space
