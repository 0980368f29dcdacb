"""Notes on exceptions that come out of a module's forward: which layer it was, and what it
received.

The exception's class and message stay PyTorch's. The note is made where the innermost module fails,
and each module on the way out puts its own name for the next one in front, so that the finished
note holds the path from the outermost module that was called. It costs nothing while nothing fails.
"""

from __future__ import annotations

from typing import Any


class _Trail:
    """What is known so far: the outermost module seen, the path below it, and the note's place."""

    __slots__ = ("module", "layer", "received", "path", "position")

    def __init__(self, module: Any, layer: str, received: str) -> None:
        self.module, self.layer, self.received = module, layer, received
        self.path, self.position = "", 0

    def note(self) -> str:
        if self.path:
            return f"in layer '{self.path}' ({self.layer}){self.received}"
        return f"in {self.layer}{self.received}"


def annotate(error: BaseException, module: Any, args: tuple[Any, ...], kwargs: Any) -> None:
    """Adds the note at the innermost module, or lengthens its path at an outer one."""
    trail = getattr(error, "_facula_trail", None)
    if trail is None:
        trail = _Trail(module, _describe(module), _received(args, kwargs))
        try:
            error._facula_trail = trail  # type: ignore[attr-defined]
        except AttributeError:  # an exception class with __slots__ has no room for the trail
            return
        error.add_note("")
        trail.position = len(error.__notes__) - 1
        error.__notes__[trail.position] = trail.note()
    else:
        step = _path_from(module, trail.module)
        if step is None:
            return
        trail.path = f"{step}.{trail.path}" if trail.path else step
        trail.module = module
        notes = getattr(error, "__notes__", [])
        if trail.position < len(notes):
            notes[trail.position] = trail.note()


def _path_from(outer: Any, inner: Any) -> str | None:
    """The dotted name of `inner` within `outer`; None where it is not one of its submodules."""
    for name, module in outer.named_modules():
        if module is inner and name:
            return str(name)
    return None


def _describe(module: Any) -> str:
    if module._modules:
        return type(module).__name__
    text = repr(module)
    return text if "\n" not in text and len(text) < 200 else type(module).__name__


def _received(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    parts = [_shape(a) for a in args] + [f"{k}={_shape(v)}" for k, v in kwargs.items()]
    return f", input shapes {', '.join(parts)}" if parts else ""


def _shape(value: Any) -> str:
    shape = getattr(value, "shape", None)
    if shape is None:
        return type(value).__name__
    return str(tuple(shape))
