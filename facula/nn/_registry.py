"""The dicts of a module (`_parameters`, `_buffers`, `_modules`), mirrored into its attributes.

Looking up `self.weight` happens for every layer of every step. Where parameters live only in a dict
of their own, each look-up fails in the instance first and then goes through `__getattr__` in
Python, ten times slower. So these dicts are authoritative, and every change of them, also a direct
one such as `module._parameters["weight"] = p`, is written through to the instance's `__dict__`,
where the ordinary look-up finds it. The owner is held weakly: a module is freed by reference
counting, without a cycle.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any

_ABSENT: Any = object()


def one_table(module: Any) -> dict[str, Any]:
    """Gives a module a `__dict__` that shares no table of keys with those of other modules.

    CPython finds an attribute at its place in such a table; in a shared one, once somebody has
    looked at `__dict__`, it has to search, which takes five times as long.
    """
    own: dict[str, Any] = {**module.__dict__}
    object.__setattr__(module, "__dict__", own)
    return own


def _no_owner() -> None:
    return None


class Registry(dict[str, Any]):
    """A dict of strings whose changes also change the attributes of its owner."""

    __slots__ = ("_owner",)

    def __init__(self, owner: Any = None, items: dict[str, Any] | None = None) -> None:
        dict.__init__(self, items or {})
        self._owner: Callable[[], Any] = _no_owner if owner is None else weakref.ref(owner)
        if owner is not None and items:
            owner.__dict__.update(items)

    def _attributes(self) -> dict[str, Any]:
        owner = self._owner()
        return {} if owner is None else owner.__dict__

    def __setitem__(self, key: str, value: Any) -> None:
        dict.__setitem__(self, key, value)
        self._attributes()[key] = value

    def __delitem__(self, key: str) -> None:
        dict.__delitem__(self, key)
        self._attributes().pop(key, None)

    def pop(self, key: str, default: Any = _ABSENT) -> Any:
        if key in self:
            self._attributes().pop(key, None)
            return dict.pop(self, key)
        if default is _ABSENT:
            raise KeyError(key)
        return default

    def popitem(self) -> tuple[str, Any]:
        key, value = dict.popitem(self)
        self._attributes().pop(key, None)
        return key, value

    def clear(self) -> None:
        attributes = self._attributes()
        for key in self:
            attributes.pop(key, None)
        dict.clear(self)

    def setdefault(self, key: str, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def update(self, *others: Any, **items: Any) -> None:
        added = dict(*others, **items)
        dict.update(self, added)
        self._attributes().update(added)

    def __ior__(self, other: Any) -> Registry:  # type: ignore[override,misc]
        self.update(other)
        return self

    def copy(self) -> dict[str, Any]:
        return dict(self)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        # The owner travels as the state, which is restored after the owner itself exists: a copy of
        # a module ends up with dicts that write through to the copy.
        items: Iterable[tuple[str, Any]] = iter(list(self.items()))
        return Registry, (), self._owner(), None, items

    def __setstate__(self, owner: Any) -> None:
        if owner is not None:
            self._owner = weakref.ref(owner)
