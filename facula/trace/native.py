"""The machine code that takes over from Python functions in the hot path.

A room that has code for some of its functions names the module that writes it (`offer`). It is
loaded, from the disk or compiled, when programs have run some times, and its functions take the
place of Python's in every module that has imported these by name. Both do the same on the same
trie, so it does not matter when that happens, or that it does not happen: on another interpreter,
or where nothing can be compiled.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .. import config

if TYPE_CHECKING:
    from ..runtime import python_ir

LOAD_AT = 32  # runs of compiled programs: a short script does without
_offered = ["facula.trace.recorder_code", "facula.trace.replay_code"]
_taken: dict[Callable[..., Any], Callable[..., Any]] = {}  # in whose place machine code is
_lock = threading.Lock()
_PACKAGE = __name__.partition(".")[0]


def offer(module: str) -> None:
    """Names a module with a table FUNCTIONS: (Python function, fewest and most arguments, what
    writes its code)."""
    _offered.append(module)


def load_aside() -> None:
    """As `load`; what is on no disk yet is compiled in another thread, while the caller goes on."""
    _load(True)


def load() -> None:
    """Loads what was offered since the last time and has it used."""
    _load(False)


def _load(aside: bool) -> None:
    from ..runtime import code, python_ir  # not needed before the first program

    with _lock:
        modules, _offered[:] = list(_offered), []
    if not modules or config.eager or not python_ir.supported():
        return
    # Here, not in the thread: beside a busy one it would wait 5 ms for every file that is read.
    module, functions = written(modules)
    text, words = module.text(), module.addresses()

    def finish() -> None:
        try:
            addresses = code.functions(text, lambda: text)
        except (code.CodeError, ImportError, OSError) as error:
            if config.debug:
                print(f"facula: recording stays with Python: {error}", file=sys.stderr)
            return
        made = {f: python_ir.builtin(f.__name__, addresses[f.__name__], words) for f in functions}
        with _lock:
            _taken.update(made)
            _exchange(made)

    if aside and code.loaded(code.digest(text)) is None:
        threading.Thread(target=finish, name="facula-native").start()
    else:
        finish()


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
        before = dict(_taken)
        _taken.clear()
        _exchange({new: old for old, new in before.items()})
    try:
        yield
    finally:
        with _lock:
            _taken.update(before)
            _exchange(before)


def _after_fork() -> None:
    """In a forked child: another thread of the parent may have held the lock."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
