"""Whether operations are recorded for gradients: context managers that are decorators too."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from ..trace.recorder import set_grad_mode, state


class _Mode:
    """A context manager and decorator that switches the mode and restores it."""

    enabled = True
    _before: Any = None  # the mode to restore, and what this was before

    def __enter__(self) -> _Mode:
        # a stack, so that one object may be entered again while it is active
        self._before = state.tr.grad, self._before
        set_grad_mode(self.enabled)
        return self

    def __exit__(self, *exc: Any) -> None:
        mode, self._before = self._before
        set_grad_mode(mode)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.isgeneratorfunction(function):
            return self._generator(function)

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with self.clone():
                return function(*args, **kwargs)

        return call

    def _generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            made = function(*args, **kwargs)
            sent = None
            while True:
                with self.clone():
                    try:
                        item = made.send(sent)
                    except StopIteration as stop:
                        return stop.value
                sent = yield item

        return call

    def clone(self) -> _Mode:
        return type(self)()


class no_grad(_Mode):
    """Nothing inside is recorded for gradients: ``with no_grad():`` or ``@no_grad()``."""

    enabled = False

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        made = object.__new__(cls)
        return made if function is None else made(function)


class enable_grad(_Mode):
    """Everything inside is recorded for gradients, also within no_grad."""

    enabled = True

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        made = object.__new__(cls)
        return made if function is None else made(function)


class inference_mode(_Mode):
    """As no_grad; ``inference_mode(False)`` leaves the mode as it is."""

    def __new__(cls, mode: Any = True) -> Any:
        made = object.__new__(cls)
        if callable(mode):
            made.mode = True
            return made(mode)
        made.mode = bool(mode)
        return made

    def __init__(self, mode: Any = True) -> None:
        self.enabled = not self.mode and state.tr.grad

    def __enter__(self) -> _Mode:
        self.enabled = not self.mode and state.tr.grad
        _inference.append(self.mode)
        return super().__enter__()

    def __exit__(self, *exc: Any) -> None:
        _inference.pop()
        super().__exit__(*exc)

    def clone(self) -> _Mode:
        return inference_mode(self.mode)

    mode = True


_inference: list[bool] = []


def is_inference_mode_enabled() -> bool:
    """Whether inference mode is on."""
    return bool(_inference and _inference[-1])


class set_grad_enabled(_Mode):
    """Switches recording at once; as a context manager it is switched back at the end."""

    def __init__(self, mode: bool) -> None:
        if not isinstance(mode, bool):
            raise TypeError(f"set_grad_enabled(): mode must be a bool, not {type(mode).__name__}")
        self.enabled = mode
        self._first = state.tr.grad
        set_grad_mode(mode)

    def __enter__(self) -> _Mode:
        self._before = self._first, self._before
        set_grad_mode(self.enabled)
        return self

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        set_grad_mode(self._first)
        return super().__call__(function)

    def clone(self) -> _Mode:
        return set_grad_enabled(self.enabled)


def is_grad_enabled() -> bool:
    """Whether operations are recorded for gradients."""
    return state.tr.grad
