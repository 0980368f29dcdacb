"""Rows, columns and elements that are read and written one by one, in random order: values,
versions and errors as PyTorch's.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest


def _storage(t: Any, seed: int) -> Any:
    """Six rows of ten, in memory."""
    x = (
        t.arange(60.0).reshape(6, 10),
        t.full((6, 10), 3.0, dtype=t.float64),
        t.arange(60).reshape(6, 10),
        t.arange(60.0).reshape(10, 6).t(),
        t.arange(60.0, dtype=t.bfloat16).reshape(6, 10),
        t.arange(120.0).reshape(12, 10)[3:9],
    )[seed % 6]
    x = x.clone() if seed % 12 < 6 else x
    x.tolist()
    return x


def _act(x: Any, draw: random.Random, held: list[Any]) -> Any:
    """One thing that a program may do with x; it may be an error."""
    i, j, s = draw.randrange(6), draw.randrange(10), draw.choice([2, 0.5, -1, 3.25])
    row = x[i]
    match draw.randrange(18):
        case 0:
            x[i] += s
        case 1:
            x[i, j] *= s
        case 2:
            x[i] -= x[(i + 1) % 6]
        case 3:
            x[i] /= s
        case 4:
            row += s
            held.append(row)
        case 5:
            row.mul_(s)
            x[(i + 2) % 6] = row
        case 6:
            x[:, j] += s
        case 7:
            x.add_(1)
        case 8:
            held.append(row[2:4])
        case 9:
            other = x[i]
            row += s
            return other.tolist()
        case 10:
            x[i] = s
            row += 1
        case 11:
            before = x.clone()
            x[i] += before[i]
        case 12:
            return [float(r[j]) for r in x]
        case 13:
            held.append(x.unbind(1)[j])
        case 14:
            total = x[0] * 0
            for r in x:
                total += r
            return total.tolist()
        case 15:
            x[i][j] += s
        case 16:
            row[j:].mul_(2)
            row[j] -= s
        case _:
            row.add_(x[(i + 1) % 6], alpha=2)
            x[i] = row
    return None


def _tried(action: Callable[[], Any]) -> Any:
    try:
        return action()
    except RuntimeError as e:
        return str(e)


@pytest.mark.parametrize("seed", range(24))
def test_in_any_order(agree: Any, seed: int) -> None:
    def scenario(t: Any) -> list[Any]:
        draw, seen, held = random.Random(seed), [], []
        x = _storage(t, seed)
        for _ in range(60):
            seen.append(_tried(lambda: _act(x, draw, held)))
            if draw.random() < 0.3:
                seen.append((x._version, x.tolist(), [h.tolist() for h in held]))
            if draw.random() < 0.1:
                held.clear()
        return seen

    agree(scenario)


@pytest.mark.parametrize(
    "when", ("at once", "after a write", "another copy", "after a write to another copy")
)
def test_what_a_gradient_wants_is_not_written(agree: Any, when: str) -> None:
    """The error, whatever happened before something wanted the row."""

    def scenario(t: Any) -> list[Any]:
        seen = []
        for write in (
            lambda x, row: row.add_(1), lambda x, row: x[1].mul_(2), lambda x, row: x[0].mul_(2),
            lambda x, row: x.__setitem__(1, row), lambda x, row: None,
        ):  # fmt: skip
            x, w = t.arange(40.0).reshape(4, 10).clone(), t.ones(10, requires_grad=True)
            x.tolist()
            row = x[1]
            if when == "after a write":
                row += 1
            read = x[1] if when == "another copy" else row
            if when == "after a write to another copy":
                row += 1
                read = x[1]
            loss = (read * w).sum()
            del read
            write(x, row)
            seen.append(_tried(lambda: loss.backward()))  # noqa: B023
            seen.append((w.grad is None or w.grad.tolist(), x.tolist(), x._version))
        return seen

    agree(scenario)


def test_interpolation(agree: Any) -> None:
    """From the nearer end: exact at 0 and 1; weights of any kind."""

    def scenario(t: Any) -> list[Any]:
        a, b = t.linspace(-3, 3, 7), t.linspace(5, 1, 7) / 3
        seen: list[Any] = []
        for w in (0, 0.25, 0.5, 0.75, 1, 1.0, 2, -1, t.tensor(0.75), t.linspace(-1, 2, 7), True):
            x, y = a.clone().requires_grad_(), b.clone().requires_grad_()
            z = t.lerp(x, y, w)
            z.sum().backward()
            slopes = [g.tolist()[0] + 0.0 for g in (x.grad, y.grad)]  # zeros without a sign
            seen.append(([round(v, 5) for v in z.tolist()], slopes))
            seen.append([round(v, 5) for v in a.clone().lerp_(b, w).tolist()])
        seen.append([t.equal(t.lerp(a, b, w), e) for w, e in ((0, a), (1, b), (1.0, b))])
        for bad in (
            lambda: t.lerp(a, b, 1j), lambda: t.lerp(a, b, t.ones(7, dtype=t.float64)),
            lambda: t.lerp(a, b.double(), 0.5), lambda: t.lerp(a.long(), b.long(), 0.5),
        ):  # fmt: skip
            with pytest.raises((RuntimeError, NotImplementedError)) as e:
                bad()
            seen.append(str(e.value).splitlines()[0])
        c = t.tensor([1 + 2j, 3 - 1j])
        return [*seen, t.lerp(c, c * 2, 0.75), t.lerp(c, c * 2, 0.25j), t.lerp(c, c * 2, c)]

    agree(scenario)
