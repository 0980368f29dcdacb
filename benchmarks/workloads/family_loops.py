"""Python loops over small tensors: simulations that nobody looks at until they end, elements and
rows that are read and written one by one, tensors that are written in place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .families import Unit, add, number

_STEPS = 500


def _loop(group: str, name: str, run: Callable[[Any, int], Any], steps: int = _STEPS) -> None:
    def build(t: Any) -> Unit:
        return lambda: number(t, run(t, steps))

    add(group, name, build)


# ---------------------------------------------------------------- simulations
def _recurrence(t: Any, n: int) -> Any:
    x, y = t.ones(20, 20), t.full((20, 20), 0.5)
    for _ in range(n):
        x = x * 0.5 + y
    return x


def _pendulum(t: Any, n: int) -> Any:
    angle, speed = t.full((100,), 0.1), t.zeros(100)
    for _ in range(n):
        speed = speed - 0.01 * t.sin(angle)
        angle = angle + 0.01 * speed
    return angle


def _orbit(t: Any, n: int) -> Any:
    p, v, path = t.tensor([1.0, 0.0]), t.tensor([0.0, 1.0]), []
    for _ in range(n):
        v = v - 0.01 * p / p.norm() ** 3
        p = p + 0.01 * v
        path.append(p)
    return t.stack(path)


def _heat(t: Any, n: int) -> Any:
    u = t.zeros(64)
    u[32] = 1.0
    for _ in range(n):
        u = u + 0.1 * (u.roll(1) + u.roll(-1) - 2 * u)
    return u


def _plate(t: Any, n: int) -> Any:
    u = t.zeros(32, 32)
    u[16, 16] = 1.0
    for _ in range(n):
        inner = u[1:-1, 1:-1]
        u[1:-1, 1:-1] += 0.1 * (u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4 * inner)
    return u


def _life(t: Any, n: int) -> Any:
    grid, kernel = t.zeros(32, 32), t.ones(1, 1, 3, 3)
    grid[10, 10:13] = 1.0
    kernel[0, 0, 1, 1] = 0.0
    for _ in range(n):
        near = t.nn.functional.conv2d(grid[None, None], kernel, padding=1)[0, 0]
        grid = ((near == 3) | ((grid == 1) & (near == 2))).float()
    return grid


def _power(t: Any, n: int) -> Any:
    a, x = t.eye(50) + 0.01, t.arange(50.0) + 1
    for _ in range(n):
        x = a @ x
        x = x / x.norm()
    return x


def _kalman(t: Any, n: int) -> Any:
    f, h = t.tensor([[1.0, 0.1], [0.0, 1.0]]), t.tensor([[1.0, 0.0]])
    x, p, q, r = t.zeros(2, 1), t.eye(2), 0.01 * t.eye(2), t.tensor([[0.1]])
    for i in range(n):
        x, p = f @ x, f @ p @ f.T + q
        k = p @ h.T / (h @ p @ h.T + r)
        x, p = x + k @ (0.1 * i - h @ x), p - k @ h @ p
    return x


def _descent(t: Any, n: int) -> Any:
    x = t.tensor([3.0, -2.0], requires_grad=True)
    for _ in range(n):
        (g,) = t.autograd.grad((x**2).sum() + x.prod(), x)
        with t.no_grad():
            x -= 0.01 * g
    return x.detach()


def _cell(t: Any, n: int) -> Any:
    cell, h, x = t.nn.GRUCell(8, 8), t.zeros(1, 8), t.ones(1, 8)
    with t.no_grad():
        for _ in range(n):
            h = cell(x, h)
    return h


def _evaluation(t: Any, n: int) -> Any:
    net = t.nn.Sequential(t.nn.Linear(10, 32), t.nn.ReLU(), t.nn.Linear(32, 3))
    x, y, right = t.ones(16, 10), t.zeros(16, dtype=t.int64), 0
    with t.no_grad():
        for _ in range(n):
            right = right + (net(x).argmax(1) == y).sum()
    return right


def _window(t: Any, n: int) -> Any:
    w = t.zeros(16)
    for i in range(n):
        w = t.cat([w[1:], t.tensor([0.01 * i])])
    return w


for _name, _run in (
    ("recurrence", _recurrence),
    ("pendulum", _pendulum),
    ("orbit, all points kept", _orbit),
    ("heat by rolls", _heat),
    ("plate in place", _plate),
    ("game of life", _life),
    ("power iteration", _power),
    ("Kalman filter", _kalman),
    ("descent by hand", _descent),
    ("GRU cell", _cell),
    ("evaluation without a look", _evaluation),
    ("window that moves", _window),
):
    _loop("loops without a look", _name, _run)


# ---------------------------------------------------------------- elements and rows
def _advantages(t: Any, n: int) -> Any:
    rewards, values, ends = t.ones(n, 4), t.ones(n + 1, 4), t.zeros(n, 4)
    found, last = t.zeros(n, 4), t.zeros(4)
    for i in reversed(range(n)):
        delta = rewards[i] + 0.99 * values[i + 1] * (1 - ends[i]) - values[i]
        found[i] = last = delta + 0.95 * (1 - ends[i]) * last
    return found


def _filter(t: Any, n: int) -> Any:
    x, y = t.ones(n), t.zeros(n)
    for i in range(1, n):
        y[i] = 0.9 * y[i - 1] + 0.1 * x[i]
    return y


def _read(t: Any, n: int) -> Any:
    x = t.arange(float(n))
    return t.tensor(sum(x[i].item() for i in range(n)))


def _rows(t: Any, n: int) -> Any:
    x, total = t.ones(n, 8), t.zeros(8)
    for i in range(n):
        total = total + x[i]
    return total


def _iterated(t: Any, n: int) -> Any:
    total = t.zeros(8)
    for row in t.ones(n, 8):
        total += row
    return total


def _filled(t: Any, n: int) -> Any:
    x = t.zeros(n, 3)
    for i in range(n):
        x[i] = t.tensor([i, 2 * i, 3 * i])
    return x


def _added(t: Any, n: int) -> Any:
    x = t.zeros(n)
    for i in range(n):
        x[i] += 0.5 * i
    return x


def _table(t: Any, n: int) -> Any:
    """Learning the values of actions (Q-learning), on a ring of 16 places."""
    q, s = t.zeros(16, 4), 0
    for i in range(n):
        a = int(q[s].argmax()) if i % 5 else i % 4
        after = (s + a + 1) % 16
        q[s, a] += 0.1 * (float(after == 0) + 0.9 * q[after].max() - q[s, a])
        s = after
    return q


def _returns(t: Any, n: int) -> Any:
    found, total = [], 0.0
    for i in range(n):
        total = i % 7 + 0.99 * total
        found.append(total)
    return t.tensor(found)


for _name, _run in (
    ("advantages of a rollout", _advantages),
    ("filter by elements", _filter),
    ("elements read", _read),
    ("rows by position", _rows),
    ("rows in turn", _iterated),
    ("rows written", _filled),
    ("elements added to", _added),
    ("table of values", _table),
    ("list to tensor", _returns),
):
    _loop("elements and rows", _name, _run, 128)


# ---------------------------------------------------------------- writes in place
def _in_place(name: str, write: Callable[[Any, Any, Any], Any]) -> None:
    def build(t: Any) -> Unit:
        ours, others = ([t.ones(20, 20) for _ in range(10)] for _ in range(2))

        def unit() -> float:
            for x, y in zip(ours, others, strict=True):
                write(t, x, y)
            return number(t, ours[0])

        return unit

    add("writes in place", name, build)


def _followed(t: Any, x: Any, y: Any) -> None:
    x.data.copy_(0.005 * y.data + 0.995 * x.data)


for _how, _write in (
    ("x.mul_(0.99).add_(y, alpha=0.01)", lambda t, x, y: x.mul_(0.99).add_(y, alpha=0.01)),
    ("x += y", lambda t, x, y: x.add_(y).mul_(0.5)),
    ("x.copy_(y)", lambda t, x, y: x.copy_(y)),
    ("x.lerp_(y, 0.01)", lambda t, x, y: x.lerp_(y, 0.01)),
    ("x.zero_()", lambda t, x, y: x.zero_()),
    ("target network", _followed),
):
    _in_place(_how, _write)


def _clipped(t: Any) -> Unit:
    net = t.nn.Sequential(*[t.nn.Linear(16, 16) for _ in range(5)])
    opt, x = t.optim.Adam(net.parameters()), t.ones(8, 16)

    def unit() -> float:
        opt.zero_grad()
        loss = net(x).square().mean()
        loss.backward()
        t.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        return float(loss.item())

    return unit


def _by_hand(t: Any) -> Unit:
    net, x = t.nn.Linear(16, 16), t.ones(8, 16)

    def unit() -> float:
        loss = net(x).square().mean()
        net.zero_grad()
        loss.backward()
        with t.no_grad():
            for p in net.parameters():
                p -= 0.01 * p.grad
        return float(loss.item())

    return unit


add("writes in place", "clipped gradients, 10 parameters", _clipped)
add("writes in place", "descent by hand, 2 parameters", _by_hand)
