"""Parts of programs: loading data, an optimizer, elementwise work, normalisation, new shapes."""

from __future__ import annotations

from typing import Any

from .record import FLOAT, Unit, Work, Workload, optimizer


def _loader(t: Any, compiled: Any) -> Unit:
    data = t.utils.data.TensorDataset(t.randn(20000, 64), t.randint(0, 10, (20000,)))
    loader = t.utils.data.DataLoader(data, batch_size=32, shuffle=True)

    def epoch() -> float:
        seen = 0
        for x, _ in loader:
            seen += x.shape[0]
        return float(seen) + float(x[0, 0])

    return epoch


def _parameters(t: Any, compiled: Any) -> Unit:
    parameters = [t.nn.Parameter(t.randn(64)) for _ in range(1000)]
    for p in parameters:
        p.grad = t.randn(64)
    opt = t.optim.Adam(parameters, lr=1e-3)

    def step() -> float:
        opt.step()
        return float(parameters[0][0].item())

    return step


def _elementwise(t: Any, compiled: Any) -> Unit:
    x, y = t.randn(2048, 2048), t.randn(2048, 2048)

    def formula(x: Any, y: Any) -> Any:
        return (t.nn.functional.gelu(x * 2 + y) * t.sigmoid(y)).sum()

    formula = compiled(formula)

    def run() -> float:
        with t.no_grad():
            return float(formula(x, y).item())

    return run


def _normalise(t: Any, compiled: Any) -> Unit:
    x = t.randn(4096, 1024, requires_grad=True)

    def formula(x: Any) -> Any:
        y = t.nn.functional.layer_norm(t.softmax(x, dim=-1), (1024,))
        return (y * y * y).mean()

    formula = compiled(formula)

    def run() -> float:
        x.grad = None
        formula(x).backward()
        return float(x.grad[0, 0].item())

    return run


def _fresh(t: Any, compiled: Any) -> Unit:
    count = [0]

    def formula(x: Any) -> Any:
        y = t.relu(x * 2.0 - 0.25).sum(dim=1)
        return t.softmax(y, dim=0) @ y

    formula = compiled(formula)

    def run() -> float:
        total = 0.0
        for _ in range(40):
            count[0] += 1
            x = t.full((2 + count[0] % 211, 2 + count[0] % 197), 0.5)
            total += formula(x).item()
        return total

    return run


ROWS = 4096 * 1024
WORKLOADS = [
    Workload(
        "loader_only",
        "DataLoader over a TensorDataset of 20,000 x 64, batch 32, shuffled: an epoch",
        _loader,
        Work(0, 20000 * (64 * FLOAT + 8), 20000 * (64 * FLOAT + 8)),
    ),
    Workload(
        "many_params_step",
        "Adam over 1,000 tensors of 64 numbers: the optimizer's step alone",
        _parameters,
        optimizer(64000, 2),
    ),
    Workload(
        "elementwise",
        "sum of gelu(x * 2 + y) * sigmoid(y), 2,048 x 2,048, without gradients",
        _elementwise,
        Work(0, 2 * FLOAT * 2048 * 2048, 0),
    ),
    Workload(
        "normalise",
        "softmax, then layer norm, over 4,096 rows of 1,024, forward and backward",
        _normalise,
        Work(0, FLOAT * ROWS, FLOAT * ROWS),
    ),
    Workload(
        "fresh_shapes",
        "forty small expressions, each on a shape never seen before",
        _fresh,
        Work(),
    ),
]
