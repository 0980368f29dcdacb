"""`facula.compile`: a step that was understood is replayed without being recorded again.

Facula compiles everything anyway; what a call still costs is Python. A compiled function runs as it
is until the work that it records repeats. Then one call is run by an interpreter of its source. If
all that it does is known, later calls check what it relied on and run its plan directly; if
anything is different, or not known, the function itself is called. See
docs/decisions/2026-11-23-compile-replays-what-it-can-check.md for what is understood.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .. import config
from ..nn.module import Module
from ..trace.recorder import restart, state
from ..trace.replay import flush, pointer_of
from ..trace.trie import Counter

__all__ = ["compile", "OptimizedModule"]

_WARM = 2  # calls before one is interpreted: until then nothing is compiled
_ENTRIES = 4  # understood calls that are kept for a function: other shapes, other values
_ATTEMPTS = 12  # calls of a function that are interpreted at most
_MISSES = 64  # calls in a row that none of the understood ones serves: they are forgotten


def compile(
    model: Any = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: Any = "inductor",
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    disable: bool = False,
) -> Any:
    """A function (or module) that does the same and may skip recording it again.

    model: a callable, or None: then a decorator is returned. The other arguments are PyTorch's and
    are accepted: there is one compiler, for all shapes, and what it does not understand runs as it
    is. `disable` returns the callable itself. Raises TypeError for what cannot be called and
    RuntimeError where both `mode` and `options` are given.
    """
    if mode is not None and options is not None:
        raise RuntimeError(
            "Either mode or options can be specified, but both can't be specified at the same time."
        )
    if model is None:
        return functools.partial(
            compile, fullgraph=fullgraph, dynamic=dynamic, backend=backend, mode=mode,
            options=options, disable=disable,
        )  # fmt: skip
    if not callable(model):
        raise TypeError(f"compile(): model must be callable, not {type(model).__name__}")
    if disable or config.eager:
        return model
    if isinstance(model, Module):
        return OptimizedModule(model)
    return _Compiled(model).caller()


class OptimizedModule(Module):
    """What `compile` makes of a module: the module itself (`_orig_mod`), called in its place."""

    _orig_mod: Module

    def __init__(self, module: Module) -> None:
        super().__init__()
        self._orig_mod = module
        self.__dict__["training"] = module.training

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self._orig_mod(*args, **kwargs)

    def train(self, mode: bool = True) -> Any:
        self._orig_mod.train(mode)
        self.__dict__["training"] = mode
        return self

    def __getattr__(self, name: str) -> Any:
        if name == "_orig_mod":
            raise AttributeError(name)
        return getattr(self._orig_mod, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "_orig_mod" or name in Module.__dict__ or "_orig_mod" not in self.__dict__:
            super().__setattr__(name, value)
        else:
            setattr(self._orig_mod, name, value)


class _Compiled:
    """A function, its calls so far, and those that were understood."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.entries: list[Callable[..., Any]] = []
        self.calls = self.attempts = self.misses = 0
        self.reason = ""  # why the last interpreted call is not replayed

    def caller(self) -> Callable[..., Any]:
        """The function to call in its place."""
        from .replay import MISS

        function, slow = self.function, self.slow
        entries = self.entries

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            if entries and not kwargs and not Counter.lines:  # who watches wants to see frames
                try:
                    result = entries[0](*args)
                except TypeError:  # another number of arguments
                    result = MISS
                if result is not MISS:
                    return result
            return slow(args, kwargs)

        call._facula_compiled = self  # type: ignore[attr-defined]
        return call

    def slow(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A call for which the last understood one does not serve."""
        from .replay import MISS

        if Counter.lines:
            return self.function(*args, **kwargs)
        if not kwargs and self.entries:
            self._settle(args)
            for k, entry in enumerate(self.entries):
                if entry.__code__.co_argcount != len(args):
                    continue
                result = entry(*args)
                if result is not MISS:
                    self.entries.insert(0, self.entries.pop(k))
                    self.misses = 0
                    return result
            self.misses += 1
            if self.misses > _MISSES:
                self.entries.clear()
        self.calls += 1
        if self.calls <= _WARM or kwargs or self.attempts >= _ATTEMPTS:
            return self.function(*args, **kwargs)
        return self._interpret(args)

    def _settle(self, args: tuple[Any, ...]) -> None:
        """Ends the frame before the call, and lets arguments in NumPy's memory keep an address."""
        tr = state.tr
        if tr.values and not tr.walks:
            flush()
        if not tr.values and not tr.walks and not tr.scratch:
            restart(tr)  # modes that were switched and switched back leave nothing
        for a in args:
            for x in a if type(a) in (list, tuple) else (a,):
                v = getattr(x, "_v", None)
                if v is not None and v.buf is not None and v.pin is None and v.meta.numel:
                    pointer_of(v)

    def _interpret(self, args: tuple[Any, ...]) -> Any:
        from .guards import Guards
        from .interpreter import Interpreter
        from .replay import Unfit, drawn, replay_of
        from .watched import watching

        self._settle(args)
        tr = state.tr
        node, grad, before = tr.node, tr.grad, drawn()
        if tr.values or tr.walks or tr.scratch:
            return self.function(*args)
        with watching() as watch:
            if watch is None:
                return self.function(*args)
            interpreter = Interpreter(Guards())
            for a in args:
                if type(a) in (list, tuple):  # what is in them is compared at each call
                    interpreter.fresh[id(a)] = a
            result = interpreter.run(self.function, args, {})
        interpreter.checks = watch.checks
        ready = len(watch.ended) == 1 and watch.ended[0].plan.program is not None
        try:
            if not interpreter.sound:
                raise Unfit(interpreter.reason)
            if watch.effect and ready:
                raise Unfit(watch.effect)
            if not tr.values and not tr.inputs and not tr.walks:
                restart(tr)
            if drawn() != before:
                raise Unfit("random numbers were drawn")
            if state.tr is not tr or tr.grad is not grad or tr.values or tr.node is not node:
                raise Unfit("work is left unfinished at the end of the call")
            if len(watch.ended) > 1:
                raise Unfit("the call ends more than one frame")
            if ready:
                entry = replay_of(interpreter, watch.ended[0], node, args, result)
                self.entries.insert(0, entry)
                del self.entries[_ENTRIES:]
                self.reason = ""
                self.attempts += 1
        except Unfit as why:
            self.reason = str(why)
            self.attempts += 4
        except Exception as error:  # ours: the call has run, and goes on as ordinary code
            if config.debug:
                raise
            self.reason = f"internal error: {type(error).__name__}: {error}"
            self.attempts += 4
        self.attempts += 0 if ready else 1
        return interpreter.bare(result)
