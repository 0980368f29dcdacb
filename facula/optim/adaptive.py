"""Step sizes per element from past gradients: RMSprop, Adagrad, Adadelta, Rprop."""

from __future__ import annotations

from typing import Any

from .checks import check, check_fused, check_lr, number
from .formula import Term, Terms
from .multi_tensor import MultiTensorOptimizer, Numbers

Group = dict[str, Any]


class _Adaptive(MultiTensorOptimizer):
    """What these share: the gradient with weight decay, the count of steps."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            for name, default in self.defaults.items():
                group.setdefault(name, default)

    def switches(self, group: Group) -> tuple[Any, ...]:
        return group["maximize"], group.get("weight_decay", 0) != 0

    @staticmethod
    def _gradient(x: Terms, maximize: bool, decay: bool) -> Term:
        g = -x.grad if maximize else x.grad
        return g + x["weight_decay"] * x.param if decay else g


class RMSprop(_Adaptive):
    """RMSprop (Hinton's lecture), centered as by Graves (2013) if wanted.

    v = alpha * v + (1 - alpha) * g * g;  d = sqrt(v) + eps   (centered: sqrt(v - mean(g) ** 2) +
      eps)
    b = momentum * b + g / d;  p = p - lr * b     (without momentum: p = p - lr * g / d)
    """

    def __init__(
        self, params: Any, lr: Any = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0, centered: bool = False, capturable: bool = False,
        foreach: bool | None = None, maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_lr(lr)
        check(eps, "epsilon value")
        check(momentum, "momentum value")
        check(weight_decay, "weight_decay value")
        check(alpha, "alpha value")
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
            "weight_decay": weight_decay, "capturable": capturable, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable,
        })  # fmt: skip

    def state_names(self, group: Group) -> tuple[str, ...]:
        names = ["square_avg"]
        if group["momentum"] > 0:
            names.append("momentum_buffer")
        if group["centered"]:
            names.append("grad_avg")
        return tuple(names)

    def switches(self, group: Group) -> tuple[Any, ...]:
        near = 1 - group["alpha"] < 0.5
        common = super().switches(group)
        return *common, group["momentum"] > 0, group["centered"], near

    def constants(self, group: Group) -> Numbers:
        return {
            "lr": number(group["lr"]), "alpha": group["alpha"], "new": 1 - group["alpha"],
            "eps": group["eps"], "momentum": group["momentum"],
            "weight_decay": group["weight_decay"],
        }  # fmt: skip

    def write(
        self, x: Terms, maximize: bool = False, decay: bool = False, momentum: bool = False,
        centered: bool = False, near: bool = True,
    ) -> None:  # fmt: skip
        g = self._gradient(x, maximize, decay)
        v = x.state["square_avg"] * x["alpha"] + x["new"] * g * g
        x.write("square_avg", v)
        if centered:
            mean = x.state["grad_avg"].lerp(g, x["new"], near)
            x.write("grad_avg", mean)
            v = v - mean * mean
        d = v.sqrt() + x["eps"]
        if momentum:
            b = x.state["momentum_buffer"] * x["momentum"] + g / d
            x.write("momentum_buffer", b)
            x.write("param", x.param - x["lr"] * b)
        else:
            x.write("param", x.param - x["lr"] * g / d)


class Adagrad(_Adaptive):
    """Adagrad (Duchi et al. 2011).

    s = s + g * g;  p = p - lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps)
    """

    def __init__(
        self, params: Any, lr: Any = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
        initial_accumulator_value: float = 0, eps: float = 1e-10, foreach: bool | None = None, *,
        maximize: bool = False, differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        check_lr(lr)
        check(lr_decay, "lr_decay value")
        check(weight_decay, "weight_decay value")
        check(initial_accumulator_value, "initial_accumulator_value value")
        check(eps, "epsilon value")
        check_fused(None, foreach, fused, differentiable, False)
        super().__init__(params, {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "fused": fused,
        })  # fmt: skip
        for group in self.param_groups:
            for p in group["params"]:
                self._state_of(p, group, ("sum",))

    def share_memory(self) -> None:
        """Nothing to do: forked processes have copies of all memory."""

    def state_names(self, group: Group) -> tuple[str, ...]:
        return ("sum",)

    def initial(self, name: str, group: Group) -> float:
        return group["initial_accumulator_value"] if name == "sum" else 0.0

    def constants(self, group: Group) -> Numbers:
        names = "lr_decay", "eps", "weight_decay"
        return {"lr": number(group["lr"])} | {n: group[n] for n in names}

    def advance(self, c: Numbers, scalars: list[float]) -> Numbers:
        step = scalars[0] = scalars[0] + 1
        return {"rate": c["lr"] / (1 + (step - 1) * c["lr_decay"])}

    def write(self, x: Terms, maximize: bool = False, decay: bool = False) -> None:
        g = self._gradient(x, maximize, decay)
        s = x.state["sum"] + g * g
        x.write("sum", s)
        x.write("param", x.param - x["rate"] * g / (s.sqrt() + x["eps"]))


class Adadelta(_Adaptive):
    """Adadelta (Zeiler 2012).

    v = rho * v + (1 - rho) * g * g;  d = sqrt(u + eps) / sqrt(v + eps) * g
    u = rho * u + (1 - rho) * d * d;  p = p - lr * d
    """

    def __init__(
        self, params: Any, lr: Any = 1.0, rho: float = 0.9, eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None, *, capturable: bool = False, maximize: bool = False,
        differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_lr(lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        check(eps, "epsilon value")
        check(weight_decay, "weight_decay value")
        super().__init__(params, {
            "lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "capturable": capturable, "foreach": foreach, "differentiable": differentiable,
        })  # fmt: skip

    def state_names(self, group: Group) -> tuple[str, ...]:
        return "square_avg", "acc_delta"

    def constants(self, group: Group) -> Numbers:
        return {
            "lr": number(group["lr"]), "rho": group["rho"], "new": 1 - group["rho"],
            "eps": group["eps"], "weight_decay": group["weight_decay"],
        }  # fmt: skip

    def write(self, x: Terms, maximize: bool = False, decay: bool = False) -> None:
        g = self._gradient(x, maximize, decay)
        v = x.state["square_avg"] * x["rho"] + x["new"] * g * g
        u = x.state["acc_delta"]
        d = (u + x["eps"]).sqrt() / (v + x["eps"]).sqrt() * g
        x.write("square_avg", v)
        x.write("acc_delta", u * x["rho"] + x["new"] * d * d)
        x.write("param", x.param - x["lr"] * d)


class Rprop(_Adaptive):
    """Resilient backpropagation (Riedmiller and Braun 1993): only the gradients' signs count.

    Where the sign is that of the step before, the element's step grows by etas[1]; where it
    changed, the step shrinks by etas[0] and is not taken. It stays within `step_sizes`.
    """

    def __init__(
        self, params: Any, lr: Any = 1e-2, etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50), *, capturable: bool = False,
        foreach: bool | None = None, maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_lr(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        super().__init__(params, {
            "lr": lr, "etas": etas, "step_sizes": step_sizes, "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable, "capturable": capturable,
        })  # fmt: skip

    def state_names(self, group: Group) -> tuple[str, ...]:
        return "prev", "step_size"

    def initial(self, name: str, group: Group) -> float:
        return number(group["lr"]) if name == "step_size" else 0.0

    def constants(self, group: Group) -> Numbers:
        low, high = group["step_sizes"]
        return {"shrink": group["etas"][0], "grow": group["etas"][1], "low": low, "high": high}

    def write(self, x: Terms, maximize: bool = False, decay: bool = False) -> None:
        g = self._gradient(x, maximize, decay)
        same = g * x.state["prev"]
        turned = same < 0.0
        factor = x.where(same > 0.0, x["grow"], x.where(turned, x["shrink"], 1.0))
        size = (x.state["step_size"] * factor).maximum(x["low"]).minimum(x["high"])
        g = x.where(turned, 0.0, g)
        x.write("step_size", size)
        x.write("prev", g)
        x.write("param", x.param - g.sign() * size)
