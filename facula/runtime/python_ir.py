"""Functions over Python's own objects in machine code: LLVM IR that calls the interpreter.

What records a step of a small network is a few hundred look-ups and assignments, and each costs
Python several times what it costs the processor. A function that is written here step by step
(`Code`) does the same with the calls of the interpreter's C interface. It covers the usual case
alone and changes nothing before it knows that this is one: in every other it calls the Python
function that it stands for (`slow`), which stays the definition.

The machine code links with nothing. A function gets a `bytes` object as its `self`, in which the
addresses lie of the interface's functions and of the objects that the code knows (`Module`); so the
code can be kept on disk. The fields of objects are read and written where `__slots__` puts them,
which `Fields` finds out by looking.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

# The interface's functions (of its stable part), and their types.
_INTERFACE = {
    "Py_DecRef": "void (ptr)",
    "Py_IncRef": "void (ptr)",
    "PyDict_GetItemWithError": "ptr (ptr, ptr)",
    "PyDict_New": "ptr ()",
    "PyDict_SetItem": "i32 (ptr, ptr, ptr)",
    "PyErr_Clear": "void ()",
    "PyErr_Occurred": "ptr ()",
    "PyEval_RestoreThread": "void (ptr)",
    "PyEval_SaveThread": "ptr ()",
    "PyFloat_AsDouble": "double (ptr)",
    "PyList_Append": "i32 (ptr, ptr)",
    "PyList_GetItem": "ptr (ptr, i64)",
    "PyList_New": "ptr (i64)",
    "PyList_SetSlice": "i32 (ptr, i64, i64, ptr)",
    "PyLong_AsLongLong": "i64 (ptr)",
    "PyLong_FromLongLong": "ptr (i64)",
    "PyObject_CallNoArgs": "ptr (ptr)",
    "PyObject_GetAttr": "ptr (ptr, ptr)",
    "PyObject_RichCompareBool": "i32 (ptr, ptr, i32)",
    "PyObject_SetAttr": "i32 (ptr, ptr, ptr)",
    "PyObject_Size": "i64 (ptr)",
    "PyObject_Vectorcall": "ptr (ptr, ptr, i64, ptr)",
    "PySet_Contains": "i32 (ptr, ptr)",
    "PySequence_GetItem": "ptr (ptr, i64)",
    "PyThreadState_Get": "ptr ()",
    "PyThreadState_GetID": "i64 (ptr)",
    "PyTuple_GetItem": "ptr (ptr, i64)",
    "PyTuple_New": "ptr (i64)",
    "PyTuple_Pack": "ptr (i64, ...)",
    "PyTuple_SetItem": "i32 (ptr, i64, ptr)",
    "PyType_GenericAlloc": "ptr (ptr, i64)",
    "PyWeakref_NewRef": "ptr (ptr, ptr)",
}  # fmt: skip

_HEAD = bytes.__basicsize__ - 1  # where the contents of a `bytes` object begin
_TYPE = 8  # where an object says of which type it is
_FASTCALL = 0x0080  # METH_FASTCALL


def supported() -> bool:
    """Whether objects lie in memory as this code expects it, which it finds out by looking."""
    if sys.implementation.name != "cpython" or not getattr(sys, "_is_gil_enabled", lambda: True)():
        return False
    probe = b"facula"
    mark = object()
    before = ctypes.c_uint32.from_address(id(mark)).value
    held = [mark, mark]
    return (
        ctypes.sizeof(ctypes.c_void_p) == 8
        and object.__basicsize__ == 16
        and ctypes.string_at(id(probe) + _HEAD, len(probe)) == probe
        and ctypes.c_uint64.from_address(id(probe) + _TYPE).value == id(bytes)
        and ctypes.c_uint32.from_address(id(mark)).value == before + len(held)
        and all(hasattr(ctypes.pythonapi, name) for name in _INTERFACE)
    )


class Fields:
    """Where the slots of a class's objects lie: `Fields(Value).vid` is the offset of that of `vid`.
    It is found by looking where a reference goes.
    """

    def __init__(self, cls: type) -> None:
        self._cls = cls
        if hasattr(cls, "__del__"):  # the object that is looked at has nothing to give back
            cls = type(cls.__name__, (cls,), {"__slots__": (), "__del__": lambda self: None})
        self._probe: Any = object.__new__(cls)

    def __getattr__(self, name: str) -> int:
        mark = object()
        setattr(self._probe, name, mark)
        count = self._cls.__basicsize__ // 8
        words = (ctypes.c_uint64 * count).from_address(id(self._probe))
        found = [k for k, word in enumerate(words) if word == id(mark)]
        if len(found) != 1:
            raise LookupError(f"{self._cls.__name__}.{name} is no slot")
        offset = 8 * found[0]
        setattr(self, name, offset)
        return offset


class Module:
    """Functions of machine code that are compiled together, and the addresses that they know: of
    the interpreter's functions, of objects, of other memory, in the order in which they were asked
    for. The text depends on that order alone.
    """

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}  # by function
        self._helpers: dict[str, Callable[..., None]] = {}
        self._places: dict[Any, int] = {}
        self._addresses: list[int] = []

    def add(self, name: str, fewest: int, most: int, slow: Callable[..., Any], write: Any) -> None:
        """Adds a function that Python will call: see `Code`. write(code) writes it."""
        c = Code(self, name, slow)
        c.need(c.test("sge", "%n", fewest))
        c.need(c.test("sle", "%n", most))
        write(c)
        assert name not in self._helpers, f"{name} is the name of a helper, too"
        self._texts[name] = c.text("define ptr", ", ptr %args, i64 %n")

    def helper(self, write: Callable[..., None], result: str, kinds: Sequence[str]) -> str:
        """The name of a function for the others, which is added if it is not there."""
        name = write.__name__
        assert self._helpers.setdefault(name, write) is write, f"two helpers are named {name}"
        if name not in self._texts:
            names = [f"p{k}" for k in range(len(kinds))]
            c = Code(self, name, None)
            write(c, *(f"%{n}" for n in names))
            given = "".join(f", {kind} %{n}" for kind, n in zip(kinds, names, strict=True))
            self._texts[name] = c.text(f"define internal {result}", given)
        return name

    def text(self) -> str:
        return "\n".join(self._texts.values())

    def addresses(self) -> bytes:
        """What functions get as their `self`."""
        return b"".join(a.to_bytes(8, sys.byteorder) for a in self._addresses)

    # ---- the places of addresses -----------------------------------------------------------------

    def interface(self, name: str) -> int:
        address = ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value
        assert address is not None
        return self.memory(address)

    def object(self, o: Any) -> int:
        """Of an object, which lives from now on."""
        if id(o) not in self._places:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(o))
        return self.memory(id(o))

    def memory(self, address: int) -> int:
        if address not in self._places:
            self._places[address] = len(self._addresses)
            self._addresses.append(address)
        return self._places[address]


class _Definition(ctypes.Structure):
    """`PyMethodDef`."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


def builtin(name: str, address: int, words: bytes) -> Callable[..., Any]:
    """The Python function whose machine code (of a `Code`) lies at `address`."""
    definition = _Definition(name.encode(), address, _FASTCALL, None)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(definition))  # the function refers to it
    kind = ctypes.PYFUNCTYPE(
        ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p
    )  # fmt: skip
    make = kind(("PyCFunction_NewEx", ctypes.pythonapi))
    made: Callable[..., Any] = make(ctypes.addressof(definition), words, None)
    return made


def helper(result: str, *kinds: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Marks what writes a function for others to `use`: LLVM's types of its result and operands."""

    def mark(write: Callable[..., None]) -> Callable[..., None]:
        vars(write)["signature"] = result, kinds
        return write

    return mark


class Code:
    """The machine code of one function, written from its beginning to its end.

    Operands and results are LLVM's names: of references to objects, borrowed unless it is said
    otherwise, of 64-bit integers, and of conditions. slow: of a function that Python calls, the
    Python function that does the work where `need` finds something else than expected; until then
    nothing may be changed, and no reference kept but those that `hold` knows.

    Where memory is taken for an object that may be part of a cycle (a tuple, a list, a value),
    finalizers may run: any Python code. So it is taken first, before anything is looked at that
    such code could change.
    """

    def __init__(self, module: Module, name: str, slow: Callable[..., Any] | None) -> None:
        self._module, self._name, self._slow = module, name, slow
        self._variables: list[str] = []
        self._held: list[str] = []
        self._lines: list[str] = []
        self._kinds: dict[str, str] = {}
        self._count = 0

    def text(self, kind: str, parameters: str) -> str:
        """The function's definition; it is complete now."""
        if self._slow is not None:  # an error that a call has raised, or something unusual
            self._go("slow")
            self._lines.append("slow:")
            for held in self._held:
                self.drop(self.value(held))
            error = self.call("PyErr_Occurred")
            with self.when(self.other(error, "null")):
                self.fail()
            slow = self.object(self._slow)
            self.give(self.call("PyObject_Vectorcall", slow, "%args", "%n", "null"))
        head = f"{kind} @{self._name}(ptr %self{parameters}) nounwind {{"
        return "\n".join((head, *self._variables, *self._lines[:-1], "}"))

    # ---- values ----------------------------------------------------------------------------------

    def argument(self, k: int) -> str:
        return self._load("%args", 8 * k)

    def optional(self, k: int, default: Any) -> str:
        """An argument that may be left out."""
        found = self.variable("ptr", self.object(default))
        with self.when(self.test("sgt", "%n", k)):
            self.assign(found, self.argument(k))
        return self.value(found)

    def object(self, o: Any) -> str:
        """An object that is known when the code is written, and lives for ever."""
        return self._word(self._module.object(o))

    def memory(self, address: int) -> str:
        """Memory at an address that is known when the code is written."""
        return self._word(self._module.memory(address))

    def word(self, memory: str, offset: int) -> str:
        """A 64-bit integer in memory."""
        return self._set(f"load i64, ptr {self._at(memory, offset)}")

    def store(self, memory: str, offset: int, value: str | int, kind: str = "i64") -> None:
        self._line(f"store {kind} {value}, ptr {self._at(memory, offset)}")

    def item(self, memory: str, k: str) -> str:
        """The address of the k-th of the 64-bit words in memory."""
        return self._set(f"getelementptr i64, ptr {memory}, i64 {k}")

    def byte(self, o: str, k: str) -> str:
        """The k-th byte of a `bytes` object, as an integer."""
        at = self._set(f"getelementptr i8, ptr {self._at(o, _HEAD)}, i64 {k}")
        return self._set(f"zext i8 {self._set(f'load i8, ptr {at}')} to i64")

    def pointer(self, address: str) -> str:
        """The memory at an address that is an integer."""
        return self._set(f"inttoptr i64 {address} to ptr")

    def references(self, o: str) -> str:
        """How many references there are to an object."""
        return self._set(f"zext i32 {self._set(f'load i32, ptr {o}')} to i64")

    def field(self, o: str, offset: int) -> str:
        """What lies in an object's slot."""
        return self._load(o, offset)

    def put(self, o: str, offset: int, value: str) -> None:
        """Writes to an object's slot; the reference to the value is the slot's from now on."""
        old = self._load(o, offset)
        self._line(f"store ptr {value}, ptr {self._at(o, offset)}")
        self.drop(old)

    def integer(self, o: str) -> str:
        return self.call("PyLong_AsLongLong", o)

    def number(self, value: str) -> str:
        """A new reference to an `int`."""
        return self.call("PyLong_FromLongLong", value)

    def add(self, a: str, b: str | int) -> str:
        return self._set(f"add i64 {a}, {b}")

    def rounded_up(self, a: str, unit: int) -> str:
        """To a multiple of a power of 2."""
        return self._set(f"and i64 {self.add(a, unit - 1)}, {-unit}")

    def minus(self, a: str, b: str) -> str:
        return self._set(f"sub i64 {a}, {b}")

    def keep(self, o: str) -> str:
        """A reference of one's own."""
        self.call("Py_IncRef", o)
        return o

    def hold(self, o: str) -> str:
        """Takes over a reference that is given up where the work is left to Python."""
        name = self._new("v")
        self._variables += [f"  {name} = alloca ptr", f"  store ptr null, ptr {name}"]
        self._kinds[name] = "ptr"
        self._held.append(name)
        self.assign(name, o)
        return o

    def need_held(self, o: str) -> str:
        """As `hold`, for a new reference that there must be."""
        return self.need_found(self.hold(o))

    def drop(self, o: str) -> None:
        """Gives up a reference, if it is one."""
        self.call("Py_DecRef", o)

    def call(self, function: str, *operands: str | int) -> str:
        """Calls a function of the interpreter. What it returns is as its documentation says."""
        kind = _INTERFACE[function]
        result, _, rest = kind.partition(" ")
        kinds = rest.strip("()").split(", ") if rest != "()" else []
        if kinds[-1:] == ["..."]:
            kinds[-1:] = ["ptr"] * (len(operands) - len(kinds) + 1)
        given = ", ".join(f"{k} {o}" for k, o in zip(kinds, operands, strict=True))
        address = self._word(self._module.interface(function))
        whole = kind if "..." in kind else result
        text = f"call {whole} {address}({given})"
        if result == "void":
            self._line(text)
            return ""
        return self._set(text)

    def use(self, write: Callable[..., None], *operands: str | int) -> str:
        """Calls a helper: see `helper`."""
        result, kinds = vars(write)["signature"]
        name = self._module.helper(write, result, kinds)
        given = "".join(f", {k} {o}" for k, o in zip(kinds, operands, strict=True))
        text = f"call {result} @{name}(ptr %self{given})"
        if result == "void":
            self._line(text)
            return ""
        return self._set(text)

    def invoke(self, function: str, *operands: str) -> str:
        """Calls a Python function. A new reference to its result, null after an error."""
        room = self._new("v")
        self._variables.append(f"  {room} = alloca [{len(operands)} x ptr]")
        for k, o in enumerate(operands):
            self.store(room, 8 * k, o, "ptr")
        return self.call("PyObject_Vectorcall", function, room, len(operands), "null")

    def machine(self, code: str, argument: str) -> str:
        """Calls machine code that has nothing to do with Python, by its address."""
        return self._set(f"call i64 {code}(ptr {argument})")

    def move(self, to: str, source: str, count: str) -> None:
        """Copies so many bytes."""
        address = ctypes.cast(ctypes.memmove, ctypes.c_void_p).value
        assert address is not None
        self._line(f"call ptr {self.memory(address)}(ptr {to}, ptr {source}, i64 {count})")

    # ---- variables -------------------------------------------------------------------------------

    def variable(self, kind: str, value: str | int) -> str:
        """A variable of LLVM's type `kind`, for `value` and `assign`."""
        name = self._new("v")
        self._variables.append(f"  {name} = alloca {kind}")
        self._line(f"store {kind} {value}, ptr {name}")
        self._kinds[name] = kind
        return name

    def array(self, count: int) -> str:
        """Memory for so many 64-bit words, while the function runs."""
        name = self._new("v")
        self._variables.append(f"  {name} = alloca [{count} x i64]")
        return name

    def value(self, variable: str) -> str:
        return self._set(f"load {self._kinds[variable]}, ptr {variable}")

    def assign(self, variable: str, value: str | int) -> None:
        self._line(f"store {self._kinds[variable]} {value}, ptr {variable}")

    # ---- conditions ------------------------------------------------------------------------------

    def test(self, relation: str, a: str, b: str | int, kind: str = "i64") -> str:
        return self._set(f"icmp {relation} {kind} {a}, {b}")

    def same(self, a: str, b: str) -> str:
        """Whether two references are to the same object."""
        return self.test("eq", a, b, "ptr")

    def other(self, a: str, b: str) -> str:
        return self.test("ne", a, b, "ptr")

    def either(self, a: str, b: str) -> str:
        return self._set(f"or i1 {a}, {b}")

    def both(self, a: str, b: str) -> str:
        return self._set(f"and i1 {a}, {b}")

    def type_of(self, o: str) -> str:
        return self._load(o, _TYPE)

    def is_a(self, o: str, cls: type) -> str:
        """Whether an object is of this very class."""
        return self.same(self.type_of(o), self.object(cls))

    def need(self, condition: str) -> None:
        """Leaves the work to the Python function unless this holds."""
        after = self._label("usual")
        self._branch(condition, after, "slow")
        self._lines.append(f"{after}:")

    def need_found(self, o: str) -> str:
        """As `need`, for a reference: there must be one."""
        self.need(self.other(o, "null"))
        return o

    def need_same(self, a: str, o: Any) -> None:
        self.need(self.same(a, self.object(o)))

    @contextmanager
    def when(self, condition: str) -> Iterator[None]:
        """What is done only under a condition."""
        then, after = self._label("then"), self._label("after")
        self._branch(condition, then, after)
        self._lines.append(f"{then}:")
        yield
        self._go(after)
        self._lines.append(f"{after}:")

    @contextmanager
    def loop(self, count: str) -> Iterator[str]:
        """What is done for each of the numbers from 0 to below `count`."""
        at = self.variable("i64", 0)
        again, body, after = self._label("again"), self._label("body"), self._label("after")
        self._go(again)
        self._lines.append(f"{again}:")
        now = self.value(at)
        self._branch(self.test("slt", now, count), body, after)
        self._lines.append(f"{body}:")
        yield now
        self.assign(at, self.add(now, 1))
        self._go(again)
        self._lines.append(f"{after}:")

    # ---- the end ---------------------------------------------------------------------------------

    def give(self, o: str | int, kind: str = "ptr") -> None:
        """Returns a reference of one's own, none after an error, or an integer."""
        self._line("ret void" if kind == "void" else f"ret {kind} {o}")
        self._lines.append(f"{self._label('dead')}:")

    def leave(self) -> None:
        """Leaves the work to the Python function."""
        self._go("slow")
        self._lines.append(f"{self._label('dead')}:")

    def fail(self) -> None:
        self.give("null")

    def fail_unless(self, condition: str) -> None:
        """Returns with the error that a call has raised."""
        after, failed = self._label("fine"), self._label("failed")
        self._branch(condition, after, failed)
        self._lines.append(f"{failed}:")
        self._line("ret ptr null")
        self._lines.append(f"{after}:")

    # ---- text ------------------------------------------------------------------------------------

    def _line(self, instruction: str) -> None:
        self._lines.append("  " + instruction)

    def _new(self, letter: str = "t") -> str:
        self._count += 1
        return f"%{letter}{self._count}"

    def _set(self, instruction: str) -> str:
        name = self._new()
        self._line(f"{name} = {instruction}")
        return name

    def _label(self, name: str) -> str:
        self._count += 1
        return f"{name}{self._count}"

    def _branch(self, condition: str, then: str, otherwise: str) -> None:
        self._line(f"br i1 {condition}, label %{then}, label %{otherwise}")

    def _go(self, label: str) -> None:
        self._line(f"br label %{label}")

    def _at(self, o: str, offset: int) -> str:
        return self._set(f"getelementptr i8, ptr {o}, i64 {offset}")

    def _load(self, o: str, offset: int) -> str:
        return self._set(f"load ptr, ptr {self._at(o, offset)}")

    def _word(self, place: int) -> str:
        at = self._at("%self", _HEAD + 8 * place)
        return self._set(f"load ptr, ptr {at}, !invariant.load !{{}}")
