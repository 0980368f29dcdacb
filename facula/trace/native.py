"""The machine code that takes over from Python functions in the hot path.

A room that has code for some of its functions names the module that writes it (`offer`). All of it
is loaded with the first program, from the disk or compiled, and the functions take the place of
Python's in every module that has imported these by name. Both do the same on the same trie, so
it does not matter when that happens, or that it does not happen: on another interpreter, or where
nothing can be compiled.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .. import config

if TYPE_CHECKING:
    from ..runtime import python_ir

_offered = ["facula.trace.recorder_code", "facula.trace.replay_code"]
_taken: dict[Callable[..., Any], Callable[..., Any]] = {}  # in whose place machine code is
_lock = threading.Lock()
_PACKAGE = __name__.partition(".")[0]


def offer(module: str) -> None:
    """Names a module with a table FUNCTIONS: (Python function, fewest and most arguments, what
    writes its code)."""
    _offered.append(module)


def begin() -> Callable[[], None]:
    """Begins to load what was offered since the last time. The function that is returned waits for
    it and has it used.
    """
    with _lock:
        modules, _offered[:] = list(_offered), []
    from ..runtime import code, python_ir  # not needed before the first program

    if not modules or config.eager or not python_ir.supported():
        return _nothing
    module, functions = written(modules)
    text, words = module.text(), module.addresses()
    batch = code.Batch()
    batch.want(text, lambda: text)

    def finish() -> None:
        try:
            batch.finish()
            addresses = code.functions(text, lambda: text)
        except (code.CodeError, ImportError, OSError) as error:
            if config.debug:
                print(f"facula: recording stays with Python: {error}", file=sys.stderr)
            return
        made = {f: python_ir.builtin(f.__name__, addresses[f.__name__], words) for f in functions}
        _taken.update(made)
        _exchange(made)

    return finish


def _nothing() -> None:
    pass


def written(modules: list[str]) -> tuple[python_ir.Module, list[Callable[..., Any]]]:
    """The code of what these modules offer, and the functions that it stands for."""
    from ..runtime.python_ir import Module

    made, functions = Module(), []
    for name in modules:
        for function, fewest, most, write in importlib.import_module(name).FUNCTIONS:
            made.add(function.__name__, fewest, most, function, write)
            functions.append(function)
    return made, functions


def _exchange(functions: dict[Callable[..., Any], Callable[..., Any]]) -> None:
    """Puts functions in the place of others, in all modules of this package."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == _PACKAGE and not name.endswith("_code"):
            names = vars(module)
            for old, new in functions.items():
                if names.get(old.__name__) is old:
                    names[old.__name__] = new


def taken() -> list[Callable[..., Any]]:
    """The Python functions in whose place machine code is."""
    return list(_taken)


@contextmanager
def left_to_python() -> Iterator[None]:
    """Inside, Python's own functions do the work, as they do before anything is loaded."""
    with _lock:
        taken = dict(_taken)
        _taken.clear()
    _exchange({new: old for old, new in taken.items()})
    try:
        yield
    finally:
        with _lock:
            _taken.update(taken)
        _exchange(taken)
