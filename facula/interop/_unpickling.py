"""Reading the pickle of a checkpoint, restricted (weights only) or trusted.

Restricted, a file can make containers, numbers, tensors and what the user has allowed, and nothing
that it names is ever called unless it is on the list. Trusted, Python's own unpickler runs, and
only the names of PyTorch's modules are led to Facula's.
"""

from __future__ import annotations

import collections
import io
import pickle
from collections.abc import Callable, Mapping
from pickle import UnpicklingError
from typing import Any

from .. import dtypes
from ..devices import device
from . import _torch_names as names
from ._machine import Machine
from ._rebuild import Rebuilder, Storages, parse_storage_id

_BLOCKED_MODULES = ("sys", "os", "posix", "nt")
_ENCODINGS = ("latin1", "latin-1", "iso-8859-1", "iso8859-1", "ascii", "utf-8", "utf8")
_SAFE_NAMES = ("torch.Size", "torch.serialization._get_layout")
_PYTHON_2 = "__builtin__"
_COPIED = (list, tuple, dict, set, str, bytes, bytearray)

_HELP = (
    "Weights only load failed. This file may hold more than tensors and plain containers. If you "
    "trust its source, you have two options: \n"
    "\t(1) Re-run `torch.load` with `weights_only=False`: the file can then run any code.\n"
    "\t(2) Stay with `weights_only=True` and allow what the file names, as the following message "
    "says.\n"
    "\tWeightsUnpickler error: {}"
)


def weights_only_error(reason: str) -> UnpicklingError:
    """The error of a restricted reading, with the ways out."""
    return UnpicklingError(_HELP.format(reason))


def _make_bytearray(*args: Any) -> bytearray:
    """`bytearray` without its form that takes a length: that would reserve any amount of memory."""
    if not args:
        return bytearray()
    if len(args) == 1 and isinstance(args[0], bytes | bytearray):
        return bytearray(args[0])
    if len(args) == 2 and type(args[0]) is str and args[1] in _ENCODINGS:
        return bytearray(args[0], args[1])
    if len(args) == 1 and type(args[0]) is list:
        return bytearray(args[0])
    raise UnpicklingError("bytearray: expected bytes, a list, or text and an encoding")


def _encode(text: Any, encoding: Any = "utf-8") -> bytes:
    """`_codecs.encode` for the encodings of text; Python 2's way to write bytes."""
    if type(text) is not str or encoding not in _ENCODINGS:
        raise UnpicklingError("_codecs.encode: expected text and an encoding of text")
    return text.encode(encoding)


def _make_complex(*args: Any) -> complex:
    if not all(type(a) in (int, float) for a in args):
        raise UnpicklingError("complex: expected numbers")
    return complex(*args)


def _make_device(*args: Any) -> device:
    if not args or type(args[0]) is not str or not all(type(a) is int for a in args[1:]):
        raise UnpicklingError("torch.device: expected a name and an index")
    return device(*args)


class Survey(Machine):
    """Goes through a pickle without making anything: finds its end and the storages it names."""

    def __init__(self, data: bytes | memoryview, start: int = 0) -> None:
        super().__init__(data, start)
        self.storages: dict[str, tuple[names.StorageType, int]] = {}

    def find_global(self, module: str, name: str) -> Any:
        found = names.KNOWN.get(f"{module}.{name}")
        return found if isinstance(found, names.StorageType) else None

    def persistent(self, pid: Any) -> Any:
        kind, key, _, numel = parse_storage_id(pid)
        self.storages[key] = (kind, numel)

    def call(self, function: Any, args: tuple[Any, ...]) -> Any:
        return None

    def new(self, kind: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return None

    def build(self, value: Any, state: Any) -> None:
        return

    def append(self, target: Any, items: list[Any]) -> None:
        return

    def set_items(self, target: Any, items: list[Any]) -> None:
        return


class RestrictedUnpickler(Machine):
    """Reads a pickle with `weights_only=True`."""

    def __init__(
        self,
        data: bytes | memoryview,
        storages: Storages,
        rebuilder: Rebuilder,
        own: Mapping[str, Any],
        start: int = 0,
    ) -> None:
        super().__init__(data, start)
        self._storages, self._rebuilder = storages, rebuilder
        self._allowed = names.user_globals()
        self._trusted = {id(value) for value in self._allowed.values()}
        self._trusted_types = tuple(v for v in self._allowed.values() if isinstance(v, type))
        self._budget = 1_000_000 + 16 * len(self._data)
        size = own.get("torch.Size", tuple)
        self._globals: dict[str, Any] = {
            **names.KNOWN,
            **{name: own[name] for name in _SAFE_NAMES if name in own},
            "collections.OrderedDict": collections.OrderedDict,
            "collections.Counter": collections.Counter,
            "torch.Tensor": names.TENSOR_TYPE,
            "torch.nn.parameter.Parameter": names.PARAMETER_TYPE,
            "torch.Size": size,
            "_codecs.encode": _encode,
        }
        for module in ("builtins", _PYTHON_2):
            self._globals[f"{module}.set"] = set
            self._globals[f"{module}.bytearray"] = _make_bytearray
            self._globals[f"{module}.complex"] = _make_complex
        # By id: a value of the file is never hashed or compared to find out what it is.
        functions: list[tuple[Any, Callable[..., Any]]] = [
            (collections.OrderedDict, self._ordered_dict),
            (collections.Counter, self._counter),
            (set, self._set),
            (size, lambda *args: self._size(size, *args)),
            (device, _make_device),
            (_encode, _encode),
            (_make_bytearray, _make_bytearray),
            (_make_complex, _make_complex),
            *rebuilder.functions.items(),
        ]
        layout = own.get("torch.serialization._get_layout")
        if layout is not None:
            functions.append((layout, layout))
        self._functions = {id(key): value for key, value in functions}

    def find_global(self, module: str, name: str) -> Any:
        path = f"{module}.{name}"
        if module.partition(".")[0] in _BLOCKED_MODULES:
            raise UnpicklingError(
                "Weights only load failed: the file asks for code that weights never need. It "
                "may be an attack; load it with `weights_only=False` only if you got it from a "
                f"trusted source.\nTrying to load unsupported GLOBAL {path} whose module "
                f"{module} is blocked."
            )
        if path in self._allowed:
            return self._allowed[path]
        if path in self._globals:
            return self._globals[path]
        if module == "torch" or module.startswith("torch."):
            for value in self._allowed.values():  # the user's facula.nn.Linear for torch's
                home = getattr(value, "__module__", "") or ""
                if home.startswith("facula.") and getattr(value, "__qualname__", "") == name:
                    return value
        lacking = names.unsupported(path)
        if lacking is not None:
            raise UnpicklingError(f"{path}: Facula has no {lacking}")
        raise weights_only_error(
            f"Unsupported global: GLOBAL {path} was not an allowed global by default. Please use "
            f"`torch.serialization.add_safe_globals([{path}])` or the "
            f"`torch.serialization.safe_globals([{path}])` context manager to allowlist this "
            "global if you trust this class/function."
        )

    def persistent(self, pid: Any) -> Any:
        return self._storages.persistent(pid)

    def call(self, function: Any, args: tuple[Any, ...]) -> Any:
        if id(function) in self._trusted:
            return function(*args)
        found = self._functions.get(id(function))
        if found is None:
            raise weights_only_error(
                f"a call of {_name(function)}, which is not an allowed function"
            )
        # Copies cost the file a few bytes each: a small one must not ask for endless work.
        self._budget -= 1 + sum(len(a) for a in args if isinstance(a, _COPIED))
        if self._budget < 0:
            raise UnpicklingError("the file asks for more work than its size can justify")
        return found(*args)

    def new(self, kind: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if kind is collections.OrderedDict and not args and not kwargs:
            return collections.OrderedDict()
        if not isinstance(kind, type) or id(kind) not in self._trusted:
            raise weights_only_error(f"an object of {_name(kind)}, which is not an allowed class")
        return kind.__new__(kind, *args, **kwargs)

    def build(self, value: Any, state: Any) -> None:
        kind = type(value)
        if kind is collections.OrderedDict:
            self._attributes(value, state)
        elif kind in self._trusted_types:
            if hasattr(value, "__setstate__"):
                value.__setstate__(state)
            else:
                self._attributes(value, state)
        else:
            raise weights_only_error(
                f"state for an object of {_name(kind)}, which is not an allowed class"
            )

    @staticmethod
    def _attributes(value: Any, state: Any) -> None:
        parts = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
        for part, slots in zip(parts, (False, True), strict=True):
            for name, item in (part or {}).items():
                if type(name) is not str:
                    raise UnpicklingError("the name of an attribute is not text")
                if slots:
                    object.__setattr__(value, name, item)
                elif callable(getattr(type(value), name, None)):
                    raise UnpicklingError(f"a file may not replace the method {name[:60]!r}")
                else:
                    value.__dict__[name] = item

    def append(self, target: Any, items: list[Any]) -> None:
        if type(target) in self._trusted_types and hasattr(target, "append"):
            for item in items:
                target.append(item)
            return
        super().append(target, items)

    def set_items(self, target: Any, items: list[Any]) -> None:
        kind = type(target)
        known = kind in (dict, collections.OrderedDict, collections.Counter)
        if not known and kind not in self._trusted_types or len(items) % 2:
            raise UnpicklingError(f"cannot set items of {_name(kind)}")
        for i in range(0, len(items), 2):
            self.check_key(items[i])
            target[items[i]] = items[i + 1]

    def key_allowed(self, key: Any) -> bool:
        if isinstance(key, dtypes.dtype | device | type) or self._rebuilder.is_tensor(key):
            return True
        return type(key) in self._trusted_types

    def _keys(self, items: Any) -> None:
        for item in items:
            self.check_key(item)

    def _ordered_dict(self, *args: Any) -> Any:
        made: Any = collections.OrderedDict()
        if not args:
            return made
        pairs = args[0].items() if type(args[0]) in (dict, collections.OrderedDict) else args[0]
        if len(args) > 1 or not (pairs is not args[0] or type(pairs) is list):
            raise UnpicklingError("OrderedDict: expected a dict or a list of pairs")
        for key, value in pairs:
            self.check_key(key)
            made[key] = value
        return made

    def _counter(self, *args: Any) -> Any:
        if len(args) > 1 or (args and type(args[0]) is not dict):
            raise UnpicklingError("Counter: expected a dict")
        return collections.Counter(*args)

    def _set(self, *args: Any) -> Any:
        if len(args) > 1 or (args and type(args[0]) not in (list, tuple, set)):
            raise UnpicklingError("set: expected a list")
        for items in args:
            self._keys(items)
        return set(*args)

    def _size(self, kind: type, *args: Any) -> Any:
        if len(args) != 1 or not isinstance(args[0], tuple | list):
            raise UnpicklingError("torch.Size: expected a tuple")
        if not all(type(n) is int for n in args[0]):
            raise UnpicklingError("torch.Size: expected integers")
        return kind(tuple(args[0]))


def _name(value: Any) -> str:
    """A name for a value that may be anything the file made."""
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    return value.path if isinstance(value, names.TorchGlobal) else f"a {type(value).__name__}"


class TrustedUnpickler(pickle.Unpickler):
    """Reads a pickle with `weights_only=False`: what it names is imported and called."""

    def __init__(
        self, file: io.BytesIO, storages: Storages, rebuilder: Rebuilder, own: Mapping[str, Any]
    ) -> None:
        super().__init__(file, encoding="utf-8")
        self._storages, self._rebuilder, self._own = storages, rebuilder, own

    def find_class(self, module: str, name: str) -> Any:
        path = f"{module}.{name}"
        if path in self._own:
            return self._own[path]
        found = names.KNOWN.get(path)
        if isinstance(found, names.TorchGlobal):
            return self._rebuilder.functions.get(found, found)
        if found is not None:
            return found
        lacking = names.unsupported(path)
        if lacking is not None:
            raise UnpicklingError(f"{path}: Facula has no {lacking}")
        if module == "torch" or module.startswith("torch."):
            return names.resolve(module, name)
        return super().find_class(module, name)

    def persistent_load(self, pid: Any) -> Any:
        return self._storages.persistent(pid)
