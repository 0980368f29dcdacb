"""Adam and its kin: running averages of the gradient and of its square."""

from __future__ import annotations

from typing import Any

import numpy as np

from .checks import check, check_betas, check_fused, check_lr, number
from .formula import Term, Terms
from .multi_tensor import MultiTensorOptimizer, Numbers

Group = dict[str, Any]


def _gradient(x: Terms, maximize: bool, decay: str) -> tuple[Term, Term]:
    """(parameter, gradient) after weight decay: "" none, "l2" in the gradient, "decoupled"
    apart."""
    p, g = x.param, x.grad
    if maximize:
        g = -g
    if decay == "decoupled":
        p = p * x["keep"]
    elif decay:
        g = g + x["weight_decay"] * p
    return p, g


def _average(x: Terms, g: Term, near: bool) -> Term:
    """The running average of the gradient, written."""
    m = x.state["exp_avg"].lerp(g, x["new1"], near)
    x.write("exp_avg", m)
    return m


def _square(x: Terms, g: Term) -> Term:
    """The running average of the gradient's square, written."""
    v = x.state["exp_avg_sq"] * x["beta2"] + x["new2"] * g * g
    x.write("exp_avg_sq", v)
    return v


class _AdamKin(MultiTensorOptimizer):
    """What Adam, NAdam, RAdam and Adamax share."""

    def _make(self, params: Any, defaults: dict[str, Any]) -> None:
        check_lr(defaults["lr"])
        check(defaults["eps"], "epsilon value")
        check_betas(defaults["betas"])
        check(defaults["weight_decay"], "weight_decay value")
        MultiTensorOptimizer.__init__(self, params, defaults)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            for name, default in self.defaults.items():
                group.setdefault(name, default)

    def state_names(self, group: Group) -> tuple[str, ...]:
        return "exp_avg", "exp_avg_sq"

    def switches(self, group: Group) -> tuple[Any, ...]:
        decay = ""
        if group["weight_decay"] != 0:
            decay = "decoupled" if group.get("decoupled_weight_decay") else "l2"
        return group["maximize"], decay, 1 - number(group["betas"][0]) < 0.5

    def constants(self, group: Group) -> Numbers:
        beta1, beta2 = group["betas"]
        beta1, beta2 = number(beta1), number(beta2)
        lr, decay = number(group["lr"]), group["weight_decay"]
        return {
            "lr": lr, "beta1": beta1, "new1": 1 - beta1, "beta2": beta2, "new2": 1 - beta2,
            "eps": group["eps"],
            "weight_decay": decay, "keep": 1 - lr * decay,
        }  # fmt: skip


class Adam(_AdamKin):
    """Adam (Kingma and Ba 2014), with AMSGrad (Reddi et al. 2018) and decoupled weight decay.

        m = m + (1 - beta1) * (g - m);  v = beta2 * v + (1 - beta2) * g * g
        p = p - lr / (1 - beta1 ** t) * m / (sqrt(v) / sqrt(1 - beta2 ** t) + eps)

    With `amsgrad`, the largest v so far takes the place of v. Raises ValueError for a
    hyperparameter out of range. foreach, fused, capturable: accepted, without effect.
    """

    def __init__(
        self, params: Any, lr: Any = 1e-3, betas: tuple[Any, Any] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, amsgrad: bool = False, *, foreach: bool | None = None,
        maximize: bool = False, capturable: bool = False, differentiable: bool = False,
        fused: bool | None = None, decoupled_weight_decay: bool = False,
    ) -> None:  # fmt: skip
        check_lr(lr)
        check_fused(lr, foreach, None, differentiable, capturable)
        if isinstance(betas[0], float) != isinstance(betas[1], float):
            plain = [isinstance(b, (int, float)) for b in betas]
            if plain[0] != plain[1]:
                raise ValueError("betas must be either both floats or both Tensors")
        check(eps, "epsilon value")
        check_betas(betas)
        check(weight_decay, "weight_decay value")
        check_fused(None, foreach, fused, differentiable, capturable)
        self._make(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
            "maximize": maximize, "foreach": foreach, "capturable": capturable,
            "differentiable": differentiable, "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        })  # fmt: skip

    def state_names(self, group: Group) -> tuple[str, ...]:
        if group["amsgrad"]:
            return "exp_avg", "exp_avg_sq", "max_exp_avg_sq"
        return "exp_avg", "exp_avg_sq"

    def switches(self, group: Group) -> tuple[Any, ...]:
        return *super().switches(group), group["amsgrad"]

    def advance(self, c: Numbers, scalars: list[float]) -> Numbers:
        step = scalars[0] = scalars[0] + 1
        return {
            "rate": c["lr"] / (1 - c["beta1"] ** step),
            "root": (1 - c["beta2"] ** step) ** 0.5,
        }

    def write(
        self,
        x: Terms,
        maximize: bool = False,
        decay: str = "",
        near: bool = True,
        amsgrad: bool = False,
    ) -> None:
        p, g = _gradient(x, maximize, decay)
        m, v = _average(x, g, near), _square(x, g)
        if amsgrad:
            v = x.state["max_exp_avg_sq"].maximum(v)
            x.write("max_exp_avg_sq", v)
        x.write("param", p - x["rate"] * m / (v.sqrt() / x["root"] + x["eps"]))


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019): p = p * (1 - lr *
    weight_decay)."""

    def __init__(
        self, params: Any, lr: Any = 1e-3, betas: tuple[Any, Any] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 1e-2, amsgrad: bool = False, *, maximize: bool = False,
        foreach: bool | None = None, capturable: bool = False, differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize,
            capturable=capturable, differentiable=differentiable, fused=fused,
            decoupled_weight_decay=True,
        )  # fmt: skip

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True


class Adamax(_AdamKin):
    """Adamax (Kingma and Ba 2014): the infinity norm in place of the square.

    m = m + (1 - beta1) * (g - m);  u = max(beta2 * u, |g| + eps)
    p = p - lr / (1 - beta1 ** t) * m / u
    """

    def __init__(
        self, params: Any, lr: Any = 2e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0, foreach: bool | None = None, *, maximize: bool = False,
        differentiable: bool = False, capturable: bool = False,
    ) -> None:  # fmt: skip
        self._make(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable,
        })  # fmt: skip

    def state_names(self, group: Group) -> tuple[str, ...]:
        return "exp_avg", "exp_inf"

    def advance(self, c: Numbers, scalars: list[float]) -> Numbers:
        step = scalars[0] = scalars[0] + 1
        return {"rate": c["lr"] / (1 - c["beta1"] ** step)}

    def write(self, x: Terms, maximize: bool = False, decay: str = "", near: bool = True) -> None:
        p, g = _gradient(x, maximize, decay)
        m = _average(x, g, near)
        u = (x.state["exp_inf"] * x["beta2"]).maximum(abs(g) + x["eps"])
        x.write("exp_inf", u)
        x.write("param", p - x["rate"] * m / u)


class NAdam(_AdamKin):
    """Adam with Nesterov's momentum (Dozat 2016).

    mu(t) = beta1 * (1 - 0.96 ** (t * momentum_decay) / 2)
    p = p - lr * (1 - mu(t)) / (1 - mu(1) ... mu(t)) * g / d
          - lr * mu(t+1) / (1 - mu(1) ... mu(t+1)) * m / d,   d = sqrt(v / (1 - beta2 ** t)) + eps
    """

    scalars = ("step", "mu_product")

    def __init__(
        self, params: Any, lr: Any = 2e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0, momentum_decay: float = 4e-3, decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None, maximize: bool = False, capturable: bool = False,
        differentiable: bool = False,
    ) -> None:  # fmt: skip
        check(momentum_decay, "momentum_decay value")
        self._make(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
            "momentum_decay": momentum_decay, "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize, "foreach": foreach, "capturable": capturable,
            "differentiable": differentiable,
        })  # fmt: skip

    def initial(self, name: str, group: Group) -> float:
        return 1.0 if name == "mu_product" else 0.0

    def constants(self, group: Group) -> Numbers:
        return super().constants(group) | {"momentum_decay": group["momentum_decay"]}

    def advance(self, c: Numbers, scalars: list[float]) -> Numbers:
        step = scalars[0] = scalars[0] + 1
        lr, beta1, decay = c["lr"], c["beta1"], c["momentum_decay"]
        mu = beta1 * (1.0 - 0.5 * 0.96 ** (step * decay))
        following = beta1 * (1.0 - 0.5 * 0.96 ** ((step + 1) * decay))
        # the product is kept as a float32 tensor, and its rounding is part of the method
        product = scalars[1] = float(np.float32(scalars[1]) * np.float32(mu))
        return {
            "of_g": lr * (1.0 - mu) / (1.0 - product),
            "of_m": lr * following / (1.0 - product * following),
            "bias": 1 - c["beta2"] ** step,
        }

    def write(self, x: Terms, maximize: bool = False, decay: str = "", near: bool = True) -> None:
        p, g = _gradient(x, maximize, decay)
        m, v = _average(x, g, near), _square(x, g)
        d = (v / x["bias"]).sqrt() + x["eps"]
        x.write("param", p - x["of_g"] * g / d - x["of_m"] * m / d)


class RAdam(_AdamKin):
    """Rectified Adam (Liu et al. 2019): without the second moment until its variance is tractable.

    r = rho - 2 * t * beta2 ** t / (1 - beta2 ** t),  rho = 2 / (1 - beta2) - 1
    p = p - lr * m / (1 - beta1 ** t) * (rect(r) * sqrt(1 - beta2 ** t) / (sqrt(v) + eps) if r > 5
      else 1)
    """

    def __init__(
        self, params: Any, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0, decoupled_weight_decay: bool = False, *,
        foreach: bool | None = None,
        maximize: bool = False, capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        self._make(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach, "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay, "differentiable": differentiable,
        })  # fmt: skip

    @staticmethod
    def _rho(beta2: float, step: float) -> tuple[float, float]:
        """(rho, r) of the formula above."""
        rho = 2 / (1 - beta2) - 1
        return rho, rho - 2 * step * beta2**step / (1 - beta2**step)

    def phase(self, c: Numbers, scalars: list[float], fresh: bool) -> tuple[Any, ...]:
        return (self._rho(c["beta2"], scalars[0])[1] > 5.0,)

    def advance(self, c: Numbers, scalars: list[float]) -> Numbers:
        step = scalars[0] = scalars[0] + 1
        rho, r = self._rho(c["beta2"], step)
        rect = 1.0
        if r > 5.0:
            rect = ((r - 4) * (r - 2) * rho / ((rho - 4) * (rho - 2) * r)) ** 0.5
        return {
            "bias1": 1 - c["beta1"] ** step, "root": (1 - c["beta2"] ** step) ** 0.5, "rect": rect,
        }  # fmt: skip

    def write(
        self,
        x: Terms,
        maximize: bool = False,
        decay: str = "",
        near: bool = True,
        rectified: bool = False,
    ) -> None:
        p, g = _gradient(x, maximize, decay)
        m, v = _average(x, g, near), _square(x, g)
        change = m / x["bias1"] * x["lr"]
        if rectified:
            change = change * (x["root"] / (v.sqrt() + x["eps"])) * x["rect"]
        x.write("param", p - change)
