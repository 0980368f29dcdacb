"""The state of an optimizer as dicts that notice when somebody changes them.

An optimizer keeps prepared what a step needs (where parameters and state lie in memory). It looks
at the dicts again only after one of them was changed, which they note themselves.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from ..trace.update import Watch


class ParameterState(dict[str, Any]):
    """The state of one parameter: names to tensors. An ordinary dict to its users."""

    __slots__ = ("watch",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.watch: Watch | None = None
        super().__init__(*args, **kwargs)

    def _changed(self) -> None:
        if self.watch is not None:
            self.watch.dirty = True

    def __reduce__(self) -> Any:
        return ParameterState, (dict(self),)


class States(defaultdict[Any, Any]):
    """The state of all parameters: tensors to dicts, made where they are missing."""

    __slots__ = ("changed",)

    def __init__(self, *args: Any) -> None:
        self.changed = True
        super().__init__(dict)
        for key, value in dict(*args).items():
            self[key] = value

    def __missing__(self, key: Any) -> Any:
        made = ParameterState()
        dict.__setitem__(self, key, made)
        return made

    def __setitem__(self, key: Any, value: Any) -> None:
        self.changed = True
        if isinstance(value, dict) and not isinstance(value, ParameterState):
            value = ParameterState(value)
        super().__setitem__(key, value)

    def _changed(self) -> None:
        self.changed = True

    def __reduce__(self) -> Any:
        return States, (dict(self),)

    def __repr__(self) -> str:
        return f"defaultdict({dict!r}, {dict(self)!r})"


def _noticed(cls: type, name: str) -> None:
    """Makes a method of dict tell that it was called."""
    original = getattr(dict, name)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        self._changed()
        return original(self, *args, **kwargs)

    method.__name__, method.__doc__ = name, original.__doc__
    setattr(cls, name, method)


for _name in (
    "__setitem__",
    "__delitem__",
    "__ior__",
    "clear",
    "pop",
    "popitem",
    "update",
    "setdefault",
):
    _noticed(ParameterState, _name)
    if _name not in ("__setitem__", "update", "setdefault"):
        _noticed(States, _name)
