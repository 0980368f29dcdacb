"""`facula run`: an unmodified PyTorch script, with `torch` meaning Facula for this process only.

The script finds what `python script.py` would give it: `__name__`, `sys.argv`, `sys.path[0]`, exit
status, tracebacks. Processes that the script starts itself are ordinary ones: a forked child
inherits the aliases, a child started by multiprocessing's "spawn" or by subprocess does not.
"""

from __future__ import annotations

import gc
import importlib.machinery
import importlib.util
import os
import sys
from types import CodeType, ModuleType
from typing import Any, NamedTuple

HELP = """\
usage: facula run SCRIPT [ARG ...]
       facula run -m MODULE [ARG ...]
       facula run -c CODE [ARG ...]

Runs an unmodified PyTorch program: `torch`, `torchvision` and `torchaudio` are Facula in this
process, whether or not PyTorch is installed. A SCRIPT of `-` is read from standard input.
Everything after the script's name goes to the script.

Tracebacks leave out Facula's own frames; FACULA_DEBUG=1 shows them. Other processes that the script
starts ("spawn", subprocess) do not inherit the aliases; forked ones do.
"""


class UsageError(Exception):
    """The command line cannot be run as given; the message is for the user."""


class Program(NamedTuple):
    """What to run: its code and what `__main__` and `sys` say about it."""

    code: CodeType
    argv: list[str]
    folder: str  # for sys.path[0]
    file: str | None = None
    spec: importlib.machinery.ModuleSpec | None = None


def _set_first_path(folder: str) -> None:
    if not sys.flags.safe_path:  # `python -P` asks for no such entry
        sys.path[0] = folder


def _compiled(source: str | bytes, file: str) -> CodeType:
    # dont_inherit: this file's `from __future__` imports are not the script's.
    return compile(source, file, "exec", dont_inherit=True)


def _from_script(script: str, arguments: list[str]) -> Program:
    if script == "-":
        return Program(_compiled(sys.stdin.read(), "<stdin>"), ["-", *arguments], "")
    try:
        with open(script, "rb") as stream:
            source = stream.read()
    except OSError as error:
        path = os.path.abspath(script)
        raise UsageError(
            f"can't open file {path!r}: [Errno {error.errno}] {error.strerror}"
        ) from None
    file = os.path.abspath(script)
    folder = os.path.dirname(os.path.realpath(script))
    return Program(_compiled(source, file), [script, *arguments], folder, file)


def _from_module(name: str, arguments: list[str]) -> Program:
    _set_first_path(os.getcwd())
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            name += ".__main__"
            spec = importlib.util.find_spec(name)
    except ModuleNotFoundError as error:
        raise UsageError(f"can't run module {name!r}: {error}") from None
    get_code: Any = getattr(spec.loader, "get_code", None) if spec is not None else None
    code = get_code(name) if get_code is not None else None
    if spec is None or code is None:
        raise UsageError(f"No module named {name}")
    return Program(code, [spec.origin or name, *arguments], os.getcwd(), spec.origin, spec)


def _parse(words: list[str]) -> Program:
    first, rest = words[0], words[1:]
    if first in ("-m", "-c"):
        if not rest:
            raise UsageError(f"argument expected for the {first} option")
        if first == "-m":
            return _from_module(rest[0], rest[1:])
        return Program(_compiled(rest[0], "<string>"), ["-c", *rest[1:]], "")
    if first.startswith("-") and first != "-":
        raise UsageError(f"unknown option {first}; see `facula run --help`")
    return _from_script(first, rest)


def _execute(program: Program) -> None:
    main = ModuleType("__main__")
    names: dict[str, Any] = main.__dict__
    names["__builtins__"] = sys.modules["builtins"]
    if program.file is not None:
        names["__file__"] = program.file
        names["__cached__"] = None
    if program.spec is not None:
        names.update(
            __spec__=program.spec, __loader__=program.spec.loader, __package__=program.spec.parent
        )
    sys.argv[:] = program.argv
    _set_first_path(program.folder)
    sys.modules["__main__"] = main
    exec(program.code, names)


def command_run(words: list[str]) -> int:
    """Runs the program named by `words` and returns 0; its own exit status leaves as SystemExit."""
    if not words or words[0] in ("--help", "-h"):
        print(HELP, end="", file=sys.stdout if words else sys.stderr)
        return 0 if words else 2
    from . import alias

    try:
        alias.install()
        program = _parse(words)
        # What is loaded by now stays until the end: the garbage collector need not look at these
        # 25,000 objects again and again, nor at the end.
        gc.freeze()
        _execute(program)
    except UsageError as error:
        print(f"facula run: {error}", file=sys.stderr)
        return 2
    except SystemExit:
        raise
    except KeyboardInterrupt as error:
        from .traceback import report

        report(error)
        # Python ends itself by SIGINT once this one is uncaught, as shells expect; it is printed
        # already.
        sys.excepthook = lambda *_: None
        raise
    except BaseException as error:
        from .traceback import report

        report(error)
        return 1
    return 0
