"""The pickle machine: a stack, a memo and opcodes, with every decision left to a subclass.

Python's own unpickler calls what a file names, sizes its memo by a number in the file, sets any
attribute of any object and hashes whatever is made a key: each of these can serve an attack. This
one builds plain containers and numbers by itself and asks its subclass for everything else
(globals, calls, objects, attributes, persistent ids). It knows the opcodes of protocols 2 to 5 that
such files use and of the older ones what PyTorch's first releases wrote; others are refused.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pickle import UnpicklingError
from typing import Any

_MAX_KEY_ITEMS = 1000
_MAX_DIGITS = 1000
_LITTLE_INT = struct.Struct("<i")
_BIG_DOUBLE = struct.Struct(">d")
_PLAIN_KEYS = (str, int, float, bool, bytes, complex, type(None))


# What the handlers raise on a pickle that makes no sense.
_FAULTS = (
    LookupError, TypeError, ValueError, ArithmeticError, AttributeError, struct.error,
    RecursionError, AssertionError,
)  # fmt: skip


class Machine:
    """Runs the pickle that lies in `data` from `start`; `position` is then behind its STOP."""

    def __init__(self, data: bytes | memoryview, start: int = 0) -> None:
        self._data = memoryview(data)
        self.position = start
        self._stack: list[Any] = []
        self._outer: list[list[Any]] = []  # the stacks below each open mark
        self._memo: dict[int, Any] = {}

    # What a subclass decides. The defaults refuse.

    def find_global(self, module: str, name: str) -> Any:
        raise UnpicklingError(f"unexpected global {module}.{name}")

    def persistent(self, pid: Any) -> Any:
        raise UnpicklingError("unexpected persistent id")

    def call(self, function: Any, args: tuple[Any, ...]) -> Any:
        raise UnpicklingError("unexpected call")

    def new(self, kind: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        raise UnpicklingError("unexpected object")

    def build(self, value: Any, state: Any) -> None:
        raise UnpicklingError("unexpected state")

    def append(self, target: Any, items: list[Any]) -> None:
        if type(target) is not list:
            raise UnpicklingError(f"cannot append to {type(target).__name__}")
        target.extend(items)

    def set_items(self, target: Any, items: list[Any]) -> None:
        if type(target) is not dict:
            raise UnpicklingError(f"cannot set items of {type(target).__name__}")
        if len(items) % 2:
            raise UnpicklingError("a key without a value")
        for i in range(0, len(items), 2):
            self.check_key(items[i])
            target[items[i]] = items[i + 1]

    def key_allowed(self, key: Any) -> bool:
        """Whether an object that is not a plain value or a tuple may be hashed."""
        return False

    def check_key(self, key: Any) -> None:
        """Refuses keys whose hash would recurse deeply or never end: tuples of tuples of tuples."""
        if type(key) in _PLAIN_KEYS:
            return
        rest, count = [key], 0
        while rest:
            item = rest.pop()
            count += 1
            if isinstance(item, tuple):
                if count + len(rest) + len(item) > _MAX_KEY_ITEMS:
                    raise UnpicklingError("a key is a tuple that is too large or too deep")
                rest.extend(item)
            elif type(item) not in _PLAIN_KEYS and not self.key_allowed(item):
                raise UnpicklingError(f"unhashable key of type {type(item).__name__}")

    # The loop.

    def run(self) -> Any:
        """The object. Raises UnpicklingError, with the position, for whatever is wrong."""
        table, data = _TABLE, self._data
        start = self.position
        try:
            while True:
                opcode = data[self.position]
                self.position += 1
                if opcode == _STOP:
                    return self._stack.pop()
                handler = table.get(opcode)
                if handler is None:
                    raise UnpicklingError(f"Unsupported operand {opcode}")
                handler(self)
        except _FAULTS as error:
            raise UnpicklingError(
                f"the pickle is malformed at byte {self.position - start} "
                f"({type(error).__name__}: {str(error)[:200]})"
            ) from error

    # Reading.

    def _take(self, count: int) -> memoryview:
        end = self.position + count
        if count < 0 or end > len(self._data):
            raise UnpicklingError("the pickle is cut off")
        piece = self._data[self.position : end]
        self.position = end
        return piece

    def _number(self, size: int) -> int:
        return int.from_bytes(self._take(size), "little")

    def _line(self, limit: int = 1000) -> str:
        window = bytes(self._data[self.position : self.position + limit])
        length = window.find(b"\n")
        if length < 0:
            raise UnpicklingError("a line of the pickle does not end")
        self.position += length + 1
        return window[:length].decode("utf-8")

    def _close(self) -> list[Any]:
        """The items since the last mark; the stack below it is current again."""
        items = self._stack
        self._stack = self._outer.pop()
        return items

    # Opcodes.

    def _mark(self) -> None:
        self._outer.append(self._stack)
        self._stack = []

    def _pop(self) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._close()

    def _proto(self) -> None:
        version = self._number(1)
        if version > 5:
            raise UnpicklingError(f"unsupported pickle protocol {version}")

    def _binint(self) -> None:
        self._stack.append(_LITTLE_INT.unpack(self._take(4))[0])

    def _long(self, width: int) -> None:
        size = self._number(width)
        self._stack.append(int.from_bytes(self._take(size), "little", signed=True))

    def _int_text(self) -> None:
        text = self._line().rstrip("L")
        if len(text) > _MAX_DIGITS:
            raise UnpicklingError("a number has too many digits")
        self._stack.append({"00": False, "01": True}[text] if text in ("00", "01") else int(text))

    def _text(self, width: int) -> None:
        size = self._number(width)
        self._stack.append(str(self._take(size), "utf-8", "surrogatepass"))

    def _bytes(self, width: int) -> None:
        self._stack.append(bytes(self._take(self._number(width))))

    def _bytearray(self) -> None:
        self._stack.append(bytearray(self._take(self._number(8))))

    def _tuple(self, count: int) -> None:
        if len(self._stack) < count:
            raise UnpicklingError("the stack is too short for a tuple")
        self._stack[-count:] = [tuple(self._stack[-count:])]

    def _append(self) -> None:
        value = self._stack.pop()
        self.append(self._stack[-1], [value])

    def _appends(self) -> None:
        items = self._close()
        self.append(self._stack[-1], items)

    def _setitem(self) -> None:
        value = self._stack.pop()
        key = self._stack.pop()
        self.set_items(self._stack[-1], [key, value])

    def _setitems(self) -> None:
        items = self._close()
        self.set_items(self._stack[-1], items)

    def _additems(self) -> None:
        items = self._close()
        target = self._stack[-1]
        if type(target) is not set:
            raise UnpicklingError(f"cannot add items to {type(target).__name__}")
        for item in items:
            self.check_key(item)
        target.update(items)

    def _dict(self) -> None:
        items = self._close()
        value: dict[Any, Any] = {}
        Machine.set_items(self, value, items)
        self._stack.append(value)

    def _global(self) -> None:
        module, name = self._line(), self._line()
        self._stack.append(self.find_global(module, name))

    def _stack_global(self) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        if type(name) is not str or type(module) is not str or len(name) + len(module) > 2000:
            raise UnpicklingError("a global is named by something else than text")
        self._stack.append(self.find_global(module, name))

    def _reduce(self) -> None:
        args = self._stack.pop()
        if not isinstance(args, tuple):
            raise UnpicklingError("the arguments of a call are not a tuple")
        self._stack[-1] = self.call(self._stack[-1], args)

    def _newobj(self) -> None:
        args = self._stack.pop()
        if not isinstance(args, tuple):
            raise UnpicklingError("the arguments of an object are not a tuple")
        self._stack[-1] = self.new(self._stack[-1], args, {})

    def _newobj_ex(self) -> None:
        kwargs, args = self._stack.pop(), self._stack.pop()
        if type(args) is not tuple or type(kwargs) is not dict:
            raise UnpicklingError("the arguments of an object are not a tuple and a dict")
        self._stack[-1] = self.new(self._stack[-1], args, kwargs)

    def _build(self) -> None:
        state = self._stack.pop()
        self.build(self._stack[-1], state)

    def _persid(self) -> None:
        self._stack[-1] = self.persistent(self._stack[-1])

    def _put(self, index: int) -> None:
        self._memo[index] = self._stack[-1]

    def _get(self, index: int) -> None:
        self._stack.append(self._memo[index])

    def _push(self, value: Any) -> None:
        self._stack.append(value)


_STOP = ord(".")
_TABLE: dict[int, Callable[[Machine], Any]] = {
    0x80: Machine._proto,
    0x95: lambda m: m._take(8),  # FRAME: only its length, which nothing depends on
    ord("("): Machine._mark,
    ord("0"): Machine._pop,
    ord("1"): lambda m: m._close(),
    ord("2"): lambda m: m._push(m._stack[-1]),
    ord("N"): lambda m: m._push(None),
    0x88: lambda m: m._push(True),
    0x89: lambda m: m._push(False),
    ord("J"): Machine._binint,
    ord("K"): lambda m: m._push(m._number(1)),
    ord("M"): lambda m: m._push(m._number(2)),
    ord("I"): Machine._int_text,
    ord("L"): Machine._int_text,
    0x8A: lambda m: m._long(1),
    0x8B: lambda m: m._long(4),
    ord("F"): lambda m: m._push(float(m._line())),
    ord("G"): lambda m: m._push(_BIG_DOUBLE.unpack(m._take(8))[0]),
    ord("U"): lambda m: m._text(1),  # text of Python 2
    ord("T"): lambda m: m._text(4),
    0x8C: lambda m: m._text(1),
    ord("X"): lambda m: m._text(4),
    0x8D: lambda m: m._text(8),
    ord("C"): lambda m: m._bytes(1),
    ord("B"): lambda m: m._bytes(4),
    0x8E: lambda m: m._bytes(8),
    0x96: Machine._bytearray,
    ord("]"): lambda m: m._push([]),
    ord(")"): lambda m: m._push(()),
    ord("}"): lambda m: m._push({}),
    0x8F: lambda m: m._push(set()),
    ord("a"): Machine._append,
    ord("e"): Machine._appends,
    ord("s"): Machine._setitem,
    ord("u"): Machine._setitems,
    0x90: Machine._additems,
    ord("t"): lambda m: m._push(tuple(m._close())),
    0x85: lambda m: m._tuple(1),
    0x86: lambda m: m._tuple(2),
    0x87: lambda m: m._tuple(3),
    ord("l"): lambda m: m._push(m._close()),
    ord("d"): Machine._dict,
    ord("c"): Machine._global,
    0x93: Machine._stack_global,
    ord("R"): Machine._reduce,
    0x81: Machine._newobj,
    0x92: Machine._newobj_ex,
    ord("b"): Machine._build,
    ord("Q"): Machine._persid,
    ord("q"): lambda m: m._put(m._number(1)),
    ord("r"): lambda m: m._put(m._number(4)),
    ord("p"): lambda m: m._put(int(m._line(30))),
    0x94: lambda m: m._put(len(m._memo)),
    ord("h"): lambda m: m._get(m._number(1)),
    ord("j"): lambda m: m._get(m._number(4)),
    ord("g"): lambda m: m._get(int(m._line(30))),
}
