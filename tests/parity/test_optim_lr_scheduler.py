"""Schedules beside PyTorch's: the sequences of rates and momenta, state dicts, warnings and
errors."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest

import facula

torch = pytest.importorskip("torch")


def optimizer(t: Any, kind: str = "SGD", **options: Any) -> Any:
    """An optimizer with two groups, with and without a rate of its own."""
    groups = [
        {"params": [t.nn.Parameter(t.zeros(2))]},
        {"params": [t.nn.Parameter(t.zeros(2))], "lr": 0.5},
    ]
    return getattr(t.optim, kind)(groups, **{"lr": 0.1, **options})


def sgd(t: Any) -> Any:
    return optimizer(t, momentum=0.9)


def _sequence(t: Any, o: Any) -> Any:
    s = t.optim.lr_scheduler
    return s.SequentialLR(
        o, [s.LinearLR(o, total_iters=4), s.CosineAnnealingLR(o, 6), s.StepLR(o, 2)], [4, 10]
    )


def _nested(t: Any, o: Any) -> Any:
    s = t.optim.lr_scheduler
    inner = s.SequentialLR(o, [s.ConstantLR(o, 0.5, 2), s.ExponentialLR(o, 0.9)], [3])
    return s.SequentialLR(o, [inner, s.CosineAnnealingWarmRestarts(o, 3)], [7])


def _chain(t: Any, o: Any) -> Any:
    s = t.optim.lr_scheduler
    return s.ChainedScheduler(
        [s.ConstantLR(o, 0.1, 3), s.ExponentialLR(o, 0.9), s.MultiStepLR(o, [5])]
    )


def _s(t: Any) -> Any:
    return t.optim.lr_scheduler


Make = Callable[[Any, Any], Any]
SCHEDULES: dict[str, tuple[str, Make]] = {
    "LambdaLR": ("SGD", lambda t, o: _s(t).LambdaLR(o, lambda e: 0.9**e)),
    "LambdaLR 2": ("SGD", lambda t, o: _s(t).LambdaLR(o, [lambda e: 1 / (e + 1), lambda e: e])),
    "MultiplicativeLR": ("SGD", lambda t, o: _s(t).MultiplicativeLR(o, lambda e: 0.9 + 0.01 * e)),
    "StepLR": ("SGD", lambda t, o: _s(t).StepLR(o, 3)),
    "MultiStepLR": ("SGD", lambda t, o: _s(t).MultiStepLR(o, [2, 5, 5, 9], 0.3)),
    "ConstantLR": ("SGD", lambda t, o: _s(t).ConstantLR(o, 0.25, 4)),
    "LinearLR": ("SGD", lambda t, o: _s(t).LinearLR(o)),
    "LinearLR down": ("SGD", lambda t, o: _s(t).LinearLR(o, 1.0, 0.1, 7)),
    "ExponentialLR": ("Adam", lambda t, o: _s(t).ExponentialLR(o, 0.9)),
    "PolynomialLR": ("SGD", lambda t, o: _s(t).PolynomialLR(o, 8, 2.0)),
    "CosineAnnealingLR": ("SGD", lambda t, o: _s(t).CosineAnnealingLR(o, 5, 0.01)),
    "WarmRestarts": ("SGD", lambda t, o: _s(t).CosineAnnealingWarmRestarts(o, 3, 2, 0.01)),
    "SequentialLR": ("SGD", _sequence),
    "SequentialLR nested": ("SGD", _nested),
    "ChainedScheduler": ("SGD", _chain),
    "CyclicLR": ("SGD", lambda t, o: _s(t).CyclicLR(o, 0.01, [0.1, 0.3], 3, 5)),
    "CyclicLR 2": ("Adam", lambda t, o: _s(t).CyclicLR(o, 0.01, 0.1, 3, mode="triangular2")),
    "CyclicLR exp": ("SGD", lambda t, o: _s(t).CyclicLR(
        o, 0.01, 0.1, 4, mode="exp_range", gamma=0.9)),
    "CyclicLR own": ("SGD", lambda t, o: _s(t).CyclicLR(
        o, 0.01, 0.1, 4, scale_fn=lambda x: 0.5**x, scale_mode="iterations", cycle_momentum=False)),
    "OneCycleLR": ("Adam", lambda t, o: _s(t).OneCycleLR(o, 0.1, 20)),
    "OneCycleLR 3": ("SGD", lambda t, o: _s(t).OneCycleLR(
        o, [0.1, 0.4], epochs=4, steps_per_epoch=5, three_phase=True, anneal_strategy="linear")),
}  # fmt: skip


def rates(o: Any) -> list[Any]:
    return [(g["lr"], g.get("momentum"), g.get("betas")) for g in o.param_groups]


def close(a: Any, b: Any) -> None:
    """The same structure with numbers equal to 12 digits."""
    if isinstance(b, float) or isinstance(a, float):
        assert a == pytest.approx(b, rel=1e-12, abs=1e-300)
    elif isinstance(b, (list, tuple)):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            close(x, y)
    elif isinstance(b, dict):
        assert set(a) == set(b)
        for k in b:
            close(a[k], b[k])
    else:
        assert a == b


@pytest.mark.parametrize("name", SCHEDULES)
def test_sequences(name: str) -> None:
    """Eighteen epochs: rates, momenta, get_last_lr and the state dict at each."""
    kind, build = SCHEDULES[name]
    found = []
    for t in (facula, torch):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            o = optimizer(t, kind, **({"momentum": 0.9} if kind == "SGD" else {}))
            s = build(t, o)
            seen = [(rates(o), s.get_last_lr(), s.state_dict())]
            for _ in range(18):
                o.step()
                s.step()
                seen.append((rates(o), s.get_last_lr(), s.state_dict()))
        found.append(seen)
    close(found[0], found[1])


@pytest.mark.parametrize("name", [n for n in SCHEDULES if "own" not in n])
def test_going_on_from_a_checkpoint(name: str) -> None:
    """A new schedule that loads a state dict, and one that starts at a later epoch."""
    kind, build = SCHEDULES[name]
    found = []
    for t in (facula, torch):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            o = optimizer(t, kind, **({"momentum": 0.9} if kind == "SGD" else {}))
            s = build(t, o)
            for _ in range(4):
                o.step()
                s.step()
            other = optimizer(t, kind, **({"momentum": 0.9} if kind == "SGD" else {}))
            again = build(t, other)
            other.load_state_dict(o.state_dict())
            again.load_state_dict(s.state_dict())
            seen = []
            for _ in range(6):
                other.step()
                again.step()
                seen.append(rates(other))
        found.append(seen)
    close(found[0], found[1])


@pytest.mark.parametrize("name", [
    "StepLR", "MultiStepLR", "ConstantLR", "LinearLR", "ExponentialLR", "PolynomialLR",
    "CosineAnnealingLR", "LambdaLR", "MultiplicativeLR", "CosineAnnealingWarmRestarts",
])  # fmt: skip
def test_resuming_at_an_epoch(name: str) -> None:
    arguments = {
        "StepLR": (3,), "MultiStepLR": ([2, 5],), "ExponentialLR": (0.9,),
        "CosineAnnealingLR": (5,),
        "LambdaLR": (lambda e: 0.9**e,), "MultiplicativeLR": (lambda e: 0.9,),
        "CosineAnnealingWarmRestarts": (3,),
    }  # fmt: skip
    found = []
    for t in (facula, torch):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            o = sgd(t)
            for g in o.param_groups:
                g["initial_lr"] = g["lr"]
                g["lr"] *= 0.7
            s = getattr(t.optim.lr_scheduler, name)(o, *arguments.get(name, ()), last_epoch=3)
            seen = [rates(o)]
            for _ in range(5):
                o.step()
                s.step()
                seen.append(rates(o))
            s.step(2)
            seen.append(rates(o))
        found.append(seen)
    close(found[0], found[1])


@pytest.mark.parametrize("options", [
    {"patience": 2}, {"mode": "max", "patience": 1, "factor": 0.5, "min_lr": [0.02, 0.1]},
    {"patience": 0, "cooldown": 3, "threshold": 0.1, "threshold_mode": "abs"},
    {"mode": "max", "patience": 1, "threshold_mode": "abs", "eps": 0.01},
])  # fmt: skip
def test_plateau(options: dict[str, Any]) -> None:
    measures = [
        3.0,
        2.5,
        2.6,
        2.6,
        2.4,
        2.4,
        2.5,
        2.7,
        float("nan"),
        2.0,
        2.1,
        2.1,
        2.1,
        2.2,
        1.9,
        5.0,
    ]
    found = []
    for t in (facula, torch):
        o = sgd(t)
        s = t.optim.lr_scheduler.ReduceLROnPlateau(o, **options)
        seen = []
        for i, m in enumerate(measures):
            s.step(t.tensor(m) if i % 2 else m)
            seen.append((rates(o), s.get_last_lr(), s.num_bad_epochs, s.in_cooldown))
        found.append(seen)
    close(found[0], found[1])


def test_a_rate_that_is_a_tensor() -> None:
    found = []
    for t in (facula, torch):
        p = t.nn.Parameter(t.zeros(2))
        o = t.optim.Adam([p], lr=t.tensor(0.1))
        s = t.optim.lr_scheduler.ExponentialLR(o, 0.5)
        seen = []
        for _ in range(3):
            p.grad = t.ones(2)
            o.step()
            s.step()
            seen.append((float(o.param_groups[0]["lr"]), [round(x, 5) for x in p.tolist()]))
        found.append(seen)
    close(found[0], found[1])


ERRORS: dict[str, Callable[[Any], Any]] = {
    "not an optimizer": lambda t: t.optim.lr_scheduler.StepLR(3, 3),
    "not scheduled": lambda t: t.optim.lr_scheduler.StepLR(sgd(t), 3, last_epoch=2),
    "lambdas": lambda t: t.optim.lr_scheduler.LambdaLR(sgd(t), [lambda e: 1]),
    "start": lambda t: t.optim.lr_scheduler.LinearLR(sgd(t), 0),
    "end": lambda t: t.optim.lr_scheduler.LinearLR(sgd(t), end_factor=2),
    "factor": lambda t: t.optim.lr_scheduler.ConstantLR(sgd(t), 2),
    "empty sequence": lambda t: t.optim.lr_scheduler.SequentialLR(sgd(t), [], []),
    "empty chain": lambda t: t.optim.lr_scheduler.ChainedScheduler([]),
    "T_0": lambda t: t.optim.lr_scheduler.CosineAnnealingWarmRestarts(sgd(t), 0),
    "T_mult": lambda t: t.optim.lr_scheduler.CosineAnnealingWarmRestarts(sgd(t), 1, 0),
    "epoch": lambda t: t.optim.lr_scheduler.CosineAnnealingWarmRestarts(sgd(t), 3).step(-1),
    "mode": lambda t: t.optim.lr_scheduler.CyclicLR(sgd(t), 0.1, 0.2, mode="x"),
    "no momentum": lambda t: t.optim.lr_scheduler.CyclicLR(optimizer(t, "Adagrad"), 0.1, 0.2),
    "base_lr": lambda t: t.optim.lr_scheduler.CyclicLR(sgd(t), [0.1], 0.3),
    "no length": lambda t: t.optim.lr_scheduler.OneCycleLR(sgd(t), 0.1),
    "total_steps": lambda t: t.optim.lr_scheduler.OneCycleLR(sgd(t), 0.1, total_steps=-1),
    "pct_start": lambda t: t.optim.lr_scheduler.OneCycleLR(sgd(t), 0.1, 10, pct_start=2),
    "strategy": lambda t: t.optim.lr_scheduler.OneCycleLR(sgd(t), 0.1, 10, anneal_strategy="x"),
    "reduce": lambda t: t.optim.lr_scheduler.ReduceLROnPlateau(sgd(t), factor=1.0),
    "min_lrs": lambda t: t.optim.lr_scheduler.ReduceLROnPlateau(sgd(t), min_lr=[0.1]),
    "base": lambda t: t.optim.lr_scheduler.LRScheduler(sgd(t)),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name: str, agree: Any) -> None:
    agree(ERRORS[name])


def _before(t: Any) -> None:
    t.optim.lr_scheduler.StepLR(sgd(t), 3).step()


def _epoch(t: Any) -> None:
    o = sgd(t)
    s = t.optim.lr_scheduler.StepLR(o, 3)
    o.step()
    s.step(5)


def _replaced(t: Any) -> None:
    o = sgd(t)
    s = t.optim.lr_scheduler.StepLR(o, 3)
    o.step = lambda: None
    s.step()


def _outside(t: Any) -> None:
    t.optim.lr_scheduler.StepLR(sgd(t), 3).get_lr()


@pytest.mark.parametrize("scenario", [_before, _epoch, _replaced, _outside])
def test_warnings(scenario: Callable[[Any], None]) -> None:
    texts = []
    for t in (facula, torch):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            scenario(t)
        texts.append([(w.category, str(w.message)) for w in caught])
    assert texts[0] == texts[1] and texts[0]
