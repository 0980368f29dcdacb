"""The base of the learning-rate schedules."""

from __future__ import annotations

import warnings
from typing import Any

from ..tensor import Tensor
from .optimizer import Optimizer

EPOCH_DEPRECATION_WARNING = (
    "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where "
    "possible. Please "
    "use `scheduler.step()` to step the scheduler. During the deprecation, if epoch is different "
    "from None, the "
    "closed form is used instead of the new chainable form, where available. Please open an issue "
    "if you are "
    "unable to replicate your use case: https://github.com/pytorch/pytorch/issues/new/choose."
)
_HOW = "https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate"


def copy_of(value: Any) -> Any:
    """A number that a later change of a tensor does not change."""
    return value.clone() if isinstance(value, Tensor) else value


def set_value(group: dict[str, Any], name: str, value: Any) -> None:
    """Sets a hyperparameter of a group; one that is a tensor is written in place."""
    if isinstance(group[name], Tensor):
        group[name].fill_(value.item() if isinstance(value, Tensor) else value)
    else:
        group[name] = value


class LRScheduler:
    """Base class: a subclass defines `get_lr()`, the rates of `last_epoch` (one for each group).

    last_epoch: the epoch to go on from; -1 starts anew. Raises TypeError for what is not an
    optimizer, KeyError if the optimizer has not been scheduled before and last_epoch is not -1.
    """

    _skipped: tuple[str, ...] = ("optimizer",)  # what state_dict() leaves out
    _is_initial = False
    _get_lr_called_within_step = False
    _last_lr: list[Any]

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", copy_of(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming "
                    f"scheduler with "
                    "last_epoch >= 0.\nThis typically happens when:\n1. You're trying to resume "
                    "training from a "
                    "checkpoint but haven't properly loaded the optimizer state\n2. You're using "
                    "last_epoch >= 0 for "
                    "a fresh training run (not recommended)"
                )
        self.base_lrs: list[Any] = [copy_of(g["initial_lr"]) for g in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._initial_step()

    def _initial_step(self) -> None:
        """Sets the rates of the first epoch."""
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def state_dict(self) -> dict[str, Any]:
        """All attributes but the optimizer."""
        return {k: v for k, v in self.__dict__.items() if k not in self._skipped}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over what `state_dict` returned."""
        self.__dict__.update(state_dict)

    def get_last_lr(self) -> list[Any]:
        """The rates that the last step set."""
        return self._last_lr

    def get_lr(self) -> list[Any]:
        """The rates of `last_epoch`."""
        raise NotImplementedError

    def _check_get_lr(self) -> None:
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, please use "
                "`get_last_lr()`.",
                UserWarning,
                stacklevel=3,
            )

    def _current(self) -> list[Any]:
        """The present rates."""
        return [copy_of(g["lr"]) for g in self.optimizer.param_groups]

    def step(self, epoch: int | None = None) -> None:
        """Sets the rates of the next epoch (or of the given one, which is deprecated)."""
        if self._step_count == 1:
            self._check_order()
        self._step_count += 1
        if epoch is not None:
            warnings.warn(EPOCH_DEPRECATION_WARNING, UserWarning, stacklevel=2)
        else:
            self.last_epoch += 1
        self._set(epoch)

    def _check_order(self) -> None:
        """Warns if the optimizer has not been stepped before the schedule."""
        if not hasattr(self.optimizer.step, "hooked"):
            warnings.warn(
                "Seems like `optimizer.step()` has been overridden after learning rate scheduler "
                "initialization. "
                "Please, make sure to call `optimizer.step()` before `lr_scheduler.step()`. See "
                "more details at " + _HOW,
                UserWarning,
                stacklevel=3,
            )
        elif not self.optimizer._opt_called:
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`. In PyTorch "
                "1.1.0 and later, you "
                "should call them in the opposite order: `optimizer.step()` before "
                "`lr_scheduler.step()`.  Failure "
                "to do this will result in PyTorch skipping the first value of the learning rate "
                "schedule. See "
                "more details at " + _HOW,
                UserWarning,
                stacklevel=3,
            )

    def _set(self, epoch: int | None) -> None:
        """Computes the rates and sets them; in closed form, where there is one, for a given
        epoch."""
        self._get_lr_called_within_step = True
        try:
            if epoch is not None:
                self.last_epoch = epoch
                closed = getattr(self, "_get_closed_form_lr", None)
                rates = self.get_lr() if closed is None else closed()
            else:
                rates = self.get_lr()
        finally:
            self._get_lr_called_within_step = False
        groups = self.optimizer.param_groups
        for group, rate in zip(groups, rates, strict=False):
            set_value(group, "lr", rate)
        self._last_lr = [copy_of(g["lr"]) for g in groups]
