"""What a recorded call relied on: objects that were looked up by name and must be found again.

Each guard is a Python expression over constants; all of an entry become one function, which costs
some twenty nanoseconds for each. Objects are compared by identity. What is looked up in a class is
compared with what the class says now, so that a replaced method is noticed.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import CellType, FunctionType
from typing import Any


class Guards:
    """Collects guards, each one once. `constants`: the objects that their text refers to."""

    def __init__(self) -> None:
        self.tests: dict[str, None] = {}
        self.constants: dict[str, Any] = {}
        self._names: dict[int, str] = {}

    def constant(self, value: Any) -> str:
        """The name of an object in the text; the object is kept alive."""
        name = self._names.get(id(value))
        if name is None:
            name = self._names[id(value)] = f"k{len(self.constants)}"
            self.constants[name] = value
        return name

    def test(self, text: str) -> None:
        """A guard: an expression that has to be true."""
        self.tests[text] = None

    def item(self, container: dict[Any, Any], key: Any, value: Any) -> None:
        """container[key] is that object."""
        where = repr(key) if type(key) in (str, int) else self.constant(key)
        self.test(f"{self.constant(container)}[{where}] is {self.constant(value)}")

    def absent(self, container: dict[str, Any], key: str) -> None:
        """There is no container[key]."""
        self.test(f"{key!r} not in {self.constant(container)}")

    def cell(self, cell: CellType, value: Any) -> None:
        """A variable of an enclosing function is that object."""
        self.test(f"{self.constant(cell)}.cell_contents is {self.constant(value)}")

    def class_of(self, value: Any) -> None:
        """The class of an object is what it was."""
        self.test(f"type({self.constant(value)}) is {self.constant(type(value))}")

    def of_class(self, cls: type, name: str, value: Any) -> None:
        """What a class has under a name is that object."""
        self.test(f"{self.constant(cls)}.{name} is {self.constant(value)}")

    def function(self, f: FunctionType) -> None:
        """A function has the code and the defaults that it had.

        Where it had none, all arguments were given, and defaults that it gets mean nothing.
        """
        name = self.constant(f)
        for part in ("__code__", "__defaults__", "__kwdefaults__"):
            if getattr(f, part) is not None:
                self.test(f"{name}.{part} is {self.constant(getattr(f, part))}")

    def sequence(self, items: Sequence[Any]) -> None:
        """A list has the very elements that it had."""
        name = self.constant(items)
        self.test(f"len({name}) == {len(items)}")
        for i, item in enumerate(items):
            self.test(f"{name}[{i}] is {self.constant(item)}")

    def values(self, container: dict[str, Any]) -> None:
        """A dict has the very values that it had, in that order."""
        for value in container.values():
            self.constant(value)
        identities = self.constant([id(v) for v in container.values()])
        self.test(f"[*map(id, {self.constant(container)}.values())] == {identities}")
