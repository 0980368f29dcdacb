"""Stochastic gradient descent, plain and averaged."""

from __future__ import annotations

from typing import Any

from .checks import check, check_fused, check_lr, number
from .formula import Terms
from .multi_tensor import MultiTensorOptimizer, Numbers

Group = dict[str, Any]


class SGD(MultiTensorOptimizer):
    """Stochastic gradient descent with momentum, dampening, Nesterov's momentum and weight decay.

        g = g + weight_decay * p
        b = momentum * b + (1 - dampening) * g      (the first time: b = g)
        g = g + momentum * b  (Nesterov)  or  b
        p = p - lr * g

    Raises ValueError for a hyperparameter out of range. foreach, fused: accepted, without effect.
    """

    scalars = ()

    def __init__(
        self, params: Any, lr: Any = 1e-3, momentum: float = 0, dampening: float = 0,
        weight_decay: Any = 0,
        nesterov: bool = False, *, maximize: bool = False, foreach: bool | None = None,
        differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        check_lr(lr)
        check(momentum, "momentum value")
        check(weight_decay, "weight_decay value")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        check_fused(None, foreach, fused, differentiable, False)
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
            "nesterov": nesterov, "maximize": maximize, "foreach": foreach,
            "differentiable": differentiable, "fused": fused,
        })  # fmt: skip

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            for name, default in (
                ("nesterov", False), ("maximize", False), ("foreach", None),
                ("differentiable", False),
                ("fused", None),
            ):  # fmt: skip
                group.setdefault(name, default)

    def state_names(self, group: Group) -> tuple[str, ...]:
        return ("momentum_buffer",) if group["momentum"] != 0 else ()

    def switches(self, group: Group) -> tuple[Any, ...]:
        momentum = group["momentum"] != 0
        nesterov = momentum and group["nesterov"]
        return group["maximize"], group["weight_decay"] != 0, momentum, nesterov

    def phase(self, c: Numbers, scalars: list[float], fresh: bool) -> tuple[Any, ...]:
        return (fresh,)

    def constants(self, group: Group) -> Numbers:
        return {
            "lr": number(group["lr"]), "momentum": group["momentum"],
            "share": 1 - group["dampening"], "weight_decay": number(group["weight_decay"]),
        }  # fmt: skip

    def write(
        self, x: Terms, maximize: bool = False, decay: bool = False, momentum: bool = False,
        nesterov: bool = False, first: bool = False,
    ) -> None:  # fmt: skip
        g = -x.grad if maximize else x.grad
        if decay:
            g = g + x["weight_decay"] * x.param
        if momentum:
            b = g if first else x.state["momentum_buffer"] * x["momentum"] + x["share"] * g
            x.write("momentum_buffer", b)
            g = g + x["momentum"] * b if nesterov else b
        x.write("param", x.param - x["lr"] * g)


class ASGD(MultiTensorOptimizer):
    """Averaged stochastic gradient descent (Polyak and Juditsky 1992); the average is in state
    "ax".

    p = p * (1 - lambd * eta) - eta * g
    ax = ax + mu * (p - ax)
    eta = lr / (1 + lambd * lr * t) ** alpha,  mu = 1 / max(1, t - t0)   for the next step
    """

    scalars = ("step", "eta", "mu")

    def __init__(
        self, params: Any, lr: Any = 1e-2, lambd: float = 1e-4, alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0, foreach: bool | None = None, maximize: bool = False,
        differentiable: bool = False, capturable: bool = False,
    ) -> None:  # fmt: skip
        check_lr(lr)
        check(weight_decay, "weight_decay value")
        super().__init__(params, {
            "lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay,
            "foreach": foreach, "maximize": maximize, "differentiable": differentiable,
            "capturable": capturable,
        })  # fmt: skip

    def state_names(self, group: Group) -> tuple[str, ...]:
        return ("ax",)

    def initial(self, name: str, group: Group) -> float:
        return {"eta": number(group["lr"]), "mu": 1.0}.get(name, 0.0)

    def switches(self, group: Group) -> tuple[Any, ...]:
        return group["maximize"], group["weight_decay"] != 0

    def phase(self, c: Numbers, scalars: list[float], fresh: bool) -> tuple[Any, ...]:
        # the mu in use is that of the step before: 1 until step t0 + 1
        return (scalars[0] - 1 - c["t0"] <= 1,)

    def constants(self, group: Group) -> Numbers:
        names = "lambd", "alpha", "t0", "weight_decay"
        return {"lr": number(group["lr"])} | {n: group[n] for n in names}

    def advance(self, c: Numbers, scalars: list[float]) -> Numbers:
        step, eta, mu = scalars[0] + 1, scalars[1], scalars[2]
        scalars[0] = step
        scalars[1] = c["lr"] / (1 + c["lambd"] * c["lr"] * step) ** c["alpha"]
        scalars[2] = 1 / max(1.0, step - c["t0"])
        return {"shrink": 1 - c["lambd"] * eta, "eta": eta, "mu": mu}

    def write(
        self, x: Terms, maximize: bool = False, decay: bool = False, copy: bool = False
    ) -> None:
        g = -x.grad if maximize else x.grad
        if decay:
            g = g + x["weight_decay"] * x.param
        p = x.param * x["shrink"] - x["eta"] * g
        average = x.state["ax"]
        x.write("ax", p if copy else average + (p - average) * x["mu"])
        x.write("param", p)
