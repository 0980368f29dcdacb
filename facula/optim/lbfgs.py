"""L-BFGS: a quasi-Newton method that asks for the loss several times in a step.

The direction comes from the last `history_size` changes of parameters and gradients by the two-loop
recursion (Nocedal and Wright 2006, algorithm 7.4); the length of the step is fixed or found by a
search for the strong Wolfe conditions (algorithms 3.5 and 3.6, with cubic interpolation).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..autograd.grad_mode import enable_grad, no_grad
from .checks import check_lr, number
from .optimizer import Optimizer

Phi = Callable[[Any, float, Any], tuple[float, Any]]


def _cubic(
    x1: float, f1: float, g1: float, x2: float, f2: float, g2: float,
    bounds: tuple[float, float] | None = None,
) -> float:  # fmt: skip
    """The minimum of the cubic through two points with these values and slopes, within the
    bounds."""
    low, high = bounds if bounds is not None else (min(x1, x2), max(x1, x2))
    d1 = g1 + g2 - 3 * (f1 - f2) / (x1 - x2)
    square = d1**2 - g1 * g2
    if square < 0:
        return (low + high) / 2.0
    d2 = square**0.5
    if x1 <= x2:
        at = x2 - (x2 - x1) * ((g2 + d2 - d1) / (g2 - g1 + 2 * d2))
    else:
        at = x1 - (x1 - x2) * ((g1 + d2 - d1) / (g1 - g2 + 2 * d2))
    return min(max(at, low), high)


class _Point:
    """A step length with the loss, the gradient and the slope along the direction there."""

    __slots__ = ("t", "f", "g", "slope")

    def __init__(self, t: float, f: float, g: Any, slope: float) -> None:
        self.t, self.f, self.g, self.slope = t, f, g, slope


def _strong_wolfe(
    phi: Phi, x: Any, t: float, d: Any, start: _Point, tolerance_change: float, c1: float = 1e-4,
    c2: float = 0.9, max_ls: int = 25,
) -> tuple[_Point, int]:  # fmt: skip
    """A step length with sufficient decrease and a flat enough slope, and the number of
    evaluations.

    phi(x, t, d): loss and gradient at x + t * d. start: the point of length 0.
    """
    longest = d.abs().max().item()
    before = start
    f, g = phi(x, t, d)
    now = _Point(t, f, g.clone(), g.dot(d).item())
    calls, tries = 1, 0
    bracket: list[_Point] = []
    while tries < max_ls:
        if now.f > start.f + c1 * now.t * start.slope or (tries > 1 and now.f >= before.f):
            bracket = [before, now]
            break
        if abs(now.slope) <= -c2 * start.slope:
            return now, calls
        if now.slope >= 0:
            bracket = [before, now]
            break
        least, most = now.t + 0.01 * (now.t - before.t), now.t * 10
        t = _cubic(before.t, before.f, before.slope, now.t, now.f, now.slope, (least, most))
        before = now
        f, g = phi(x, t, d)
        now = _Point(t, f, g.clone(), g.dot(d).item())
        calls += 1
        tries += 1
    if tries == max_ls:
        bracket = [start, now]
    best, used = _zoom(phi, x, d, start, bracket, tries, tolerance_change, c1, c2, max_ls, longest)
    return best, calls + used


def _zoom(
    phi: Phi, x: Any, d: Any, start: _Point, bracket: list[_Point], tries: int,
    tolerance_change: float, c1: float, c2: float, max_ls: int, longest: float,
) -> tuple[_Point, int]:  # fmt: skip
    """Narrows an interval that has a point with the strong Wolfe conditions."""
    calls, stuck = 0, False
    low, high = (0, 1) if bracket[0].f <= bracket[-1].f else (1, 0)
    while tries < max_ls:
        a, b = bracket
        if abs(b.t - a.t) * longest < tolerance_change:
            break
        t = _cubic(a.t, a.f, a.slope, b.t, b.f, b.slope)
        # not too close to an end of the interval, which would not narrow it
        near, far = min(a.t, b.t), max(a.t, b.t)
        margin = 0.1 * (far - near)
        if min(far - t, t - near) < margin:
            if stuck or t >= far or t <= near:
                t = far - margin if abs(t - far) < abs(t - near) else near + margin
                stuck = False
            else:
                stuck = True
        else:
            stuck = False
        f, g = phi(x, t, d)
        now = _Point(t, f, g.clone(), g.dot(d).item())
        calls += 1
        tries += 1
        if f > start.f + c1 * t * start.slope or f >= bracket[low].f:
            bracket[high] = now
            low, high = (0, 1) if bracket[0].f <= bracket[1].f else (1, 0)
            continue
        done = abs(now.slope) <= -c2 * start.slope
        if not done and now.slope * (bracket[high].t - bracket[low].t) >= 0:
            bracket[high] = bracket[low]
        bracket[low] = now
        if done:
            break
    return bracket[low], calls


class LBFGS(Optimizer):
    """L-BFGS. `step` needs a closure that clears the gradients, computes the loss and returns it.

    max_iter, max_eval: iterations and evaluations in a step (max_eval None: 1.25 times max_iter).
    tolerance_grad, tolerance_change: when to stop. line_search_fn: "strong_wolfe" or None. One
    group of parameters only.
    """

    def __init__(
        self, params: Any, lr: Any = 1, max_iter: int = 20, max_eval: int | None = None,
        tolerance_grad: float = 1e-7, tolerance_change: float = 1e-9, history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:  # fmt: skip
        check_lr(lr)
        if max_eval is None:
            max_eval = max_iter * 5 // 4
        super().__init__(params, {
            "lr": lr, "max_iter": max_iter, "max_eval": max_eval, "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change, "history_size": history_size,
            "line_search_fn": line_search_fn,
        })  # fmt: skip
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        self._params = self.param_groups[0]["params"]

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._params = self.param_groups[0]["params"]

    def _gradient(self) -> Any:
        """All gradients as one vector."""
        import facula

        parts = [
            p.new_zeros(p.numel()) if p.grad is None else p.grad.reshape(-1) for p in self._params
        ]
        return facula.cat(parts, 0)

    def _move(self, t: float, d: Any) -> None:
        """x = x + t * d."""
        at = 0
        for p in self._params:
            n = p.numel()
            p.add_(d[at : at + n].view_as(p), alpha=t)
            at += n

    def _evaluate(self, closure: Callable[[], Any], x: list[Any], t: float, d: Any) -> Any:
        """(loss, gradient) at x + t * d; the parameters are put back."""
        self._move(t, d)
        loss = float(closure())
        gradient = self._gradient()
        for p, old in zip(self._params, x, strict=True):
            p.copy_(old)
        return loss, gradient

    @no_grad()
    def step(self, closure: Callable[[], Any]) -> Any:
        """Several iterations; returns the loss before the first."""
        evaluate = enable_grad()(closure)
        group = self.param_groups[0]
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first = evaluate()
        loss, calls = float(first), 1
        state["func_evals"] += 1
        g = self._gradient()
        if g.abs().max().item() <= group["tolerance_grad"]:
            return first
        d, t = state.get("d"), state.get("t")
        before, before_loss = state.get("prev_flat_grad"), state.get("prev_loss")
        iterations = 0
        while iterations < group["max_iter"]:
            iterations += 1
            state["n_iter"] += 1
            d = self._direction(state, g, before, d, t, group)
            before, before_loss = g.clone(), loss
            rate = number(group["lr"])
            t = rate if state["n_iter"] > 1 else min(1.0, 1.0 / g.abs().sum().item()) * rate
            slope = g.dot(d).item()
            if slope > -group["tolerance_change"]:
                break
            used = 0
            if group["line_search_fn"] is not None:
                if group["line_search_fn"] != "strong_wolfe":
                    raise RuntimeError("only 'strong_wolfe' is supported")
                x = [p.clone() for p in self._params]
                found, used = _strong_wolfe(
                    lambda x, t, d: self._evaluate(evaluate, x, t, d), x, t, d,
                    _Point(0.0, loss, g, slope), group["tolerance_change"],
                )  # fmt: skip
                loss, g, t = found.f, found.g, found.t
                self._move(t, d)
            else:
                self._move(t, d)
                if iterations != group["max_iter"]:
                    loss, g, used = float(evaluate()), self._gradient(), 1
            flat = g.abs().max().item() <= group["tolerance_grad"]
            calls += used
            state["func_evals"] += used
            if iterations == group["max_iter"] or calls >= group["max_eval"] or flat:
                break
            if (d * t).abs().max().item() <= group["tolerance_change"]:
                break
            if abs(loss - before_loss) < group["tolerance_change"]:
                break
        state.update(d=d, t=t, prev_flat_grad=before, prev_loss=before_loss)
        return first

    @staticmethod
    def _direction(state: Any, g: Any, before: Any, d: Any, t: Any, group: dict[str, Any]) -> Any:
        """The direction of descent: the gradient times an estimate of the inverse Hessian."""
        if state["n_iter"] == 1:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1)
            return -g
        ys, steps, inverses = state["old_dirs"], state["old_stps"], state["ro"]
        y, s = g - before, d * t
        curvature = y.dot(s).item()
        if curvature > 1e-10:
            if len(ys) == group["history_size"]:
                for history in (ys, steps, inverses):
                    history.pop(0)
            ys.append(y)
            steps.append(s)
            inverses.append(1.0 / curvature)
            state["H_diag"] = curvature / y.dot(y).item()
        shares = [0.0] * len(ys)
        q = -g
        for i in range(len(ys) - 1, -1, -1):
            shares[i] = steps[i].dot(q).item() * inverses[i]
            q = q - ys[i] * shares[i]
        r = q * state["H_diag"]
        for y, s, inverse, share in zip(ys, steps, inverses, shares, strict=True):
            r = r + s * (share - y.dot(r).item() * inverse)
        return r
