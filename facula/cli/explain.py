"""`facula explain`: runs a script as `facula run` does, then says what ran, how long, and why.

The report comes also where the script raises or exits, and its exit status stays.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..profiler._collector import Collector

HELP = """\
usage: facula explain [--top N] [--json FILE] [--output FILE] SCRIPT [ARG ...]
       facula explain [options] -m MODULE [ARG ...]
       facula explain [options] -c CODE [ARG ...]

Runs a program as `facula run` does and prints a report: where the time went, every plan with its
kernels in order (what was fused, time, bytes, GB/s, GFLOP/s, threads), what was compiled and why,
and what fell back to Python. The program runs somewhat slower, with the same results.

  --top N        show N plans, compilations and so on (default 10; 0: all)
  --json FILE    write everything to a file as JSON
  --output FILE  write the report to a file instead of printing it
"""


class _Options:
    top = 10
    json = output = ""


def _parse(words: list[str]) -> tuple[_Options, list[str]]:
    """(options, the rest). Raises ValueError with a message for the user."""
    options = _Options()
    while words and words[0].startswith("--"):
        name, equals, value = words.pop(0)[2:].partition("=")
        if name not in ("top", "json", "output"):
            raise ValueError(f"unknown option --{name}; see `facula explain --help`")
        if not equals:
            if not words:
                raise ValueError(f"argument expected for the --{name} option")
            value = words.pop(0)
        if name != "top":
            setattr(options, name, value)
        elif value.isdigit():
            options.top = int(value)
        else:
            raise ValueError(f"--top: expected a number from 0, got {value!r}")
    return options, words


def command_explain(words: list[str]) -> int:
    """Runs the program and reports. Returns what `facula run` would, or raises its SystemExit."""
    if not words or words[0] in ("--help", "-h"):
        print(HELP, end="", file=sys.stdout if words else sys.stderr)
        return 0 if words else 2
    try:
        options, rest = _parse(list(words))
        if not rest:
            raise ValueError("expected a script")
    except ValueError as error:
        print(f"facula explain: {error}", file=sys.stderr)
        return 2
    from ..profiler._collector import Collector
    from .run import command_run

    collector = Collector()
    collector.start()
    try:
        return command_run(rest)
    finally:
        collector.stop()
        _write(collector, options)


def _write(collector: Collector, options: _Options) -> None:
    import json

    from ..profiler import _report

    text = _report.text(collector, options.top)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(_report.as_json(collector), file, indent=1)
    if options.output:
        with open(options.output, "w", encoding="utf-8") as file:
            file.write(text)
    else:
        sys.stdout.flush()
        print("\n" + text, end="", flush=True)
