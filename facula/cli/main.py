"""The command line of `facula`: which subcommand, and the texts of help and version.

The line is read by hand: whatever follows a script's name belongs to the script, options included,
and that is what argparse does not do well; it would also cost 10 ms of every script's start.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ..version import __version__

HELP = """\
usage: facula [--help] [--version] COMMAND ...

commands:
  run SCRIPT [ARG ...]      run an unmodified PyTorch script on Facula
  run -m MODULE [ARG ...]   the same for a module, as `python -m`
  run -c CODE [ARG ...]     the same for a line of code, as `python -c`
  explain SCRIPT [ARG ...]  run it and report what was compiled, why, and where the time went
  doctor                    versions, CPU, threads and the kernel cache of this installation

`facula COMMAND --help` says more.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line `arguments` (default: sys.argv[1:]) and returns the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    command = words[0] if words else "--help"
    if command == "run":
        from .run import command_run

        return command_run(words[1:])
    if command == "explain":
        from .explain import command_explain

        return command_explain(words[1:])
    if command == "doctor":
        from .doctor import command_doctor

        return command_doctor(words[1:])
    if command in ("--help", "-h", "help"):
        print(HELP, end="")
        return 0
    if command in ("--version", "-V"):
        print(f"facula {__version__}")
        return 0
    print(f"facula: unknown command {command!r}; see `facula --help`", file=sys.stderr)
    return 2
