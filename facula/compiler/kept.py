"""Programs kept on disk: what `compile_graph` made a program of, for another process.

That process needs nothing of the compiler but this file and executable.py, and imports no more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import config
from ..graph import Graph
from ..runtime import amx, code
from .executable import Blueprint, Program


def keep(program: Program, name: str | None) -> None:
    """Writes what a program that `compile_graph` made was made from to the disk, for `load`.

    name: a digest (`code.digest`) of all that determines the graph; None: it is not written.
    """
    if program.kept is not None and name is not None and config.disk_cache:
        blueprint, numbers = program.kept
        name = _without_tiles(name) if amx.refused() else name
        code.write(name, ("blueprint", numbers, *blueprint.entry()))
    program.kept = None


def _without_tiles(name: str) -> str:
    """The name of what a process makes that was refused the processor's matrix tiles: which bits a
    program gives must not depend on who was first.
    """
    return code.digest(f"without tiles {name}")


def load(name: str, graph: Callable[[], Graph]) -> Program | None:
    """The program that `keep` wrote under this name, or None where it is not (whole) there.

    graph: makes the graph again, for the references of host steps.
    """
    if not config.disk_cache or config.debug >= 2:  # the stages are printed as they pass
        return None
    program = _load(code.read(name), graph)
    if program is None and amx.offered():
        entry = code.read(_without_tiles(name))
        if entry is not None and not amx.permitted():
            program = _load(entry, graph)
    return program


def _load(entry: tuple[Any, ...] | None, graph: Callable[[], Graph]) -> Program | None:
    if entry is None or entry[0] != "blueprint":
        return None
    try:
        _, numbers, *parts = entry
        blueprint = Blueprint.of_entry(tuple(parts))
        references: dict[int, Callable[..., Any]] = {}
        if numbers:
            nodes = graph().nodes
            for i, number in enumerate(numbers):
                host = nodes[number].host
                if host is None:
                    return None
                references[i] = host
        program = Program(blueprint, references, {})
    except (TypeError, ValueError, LookupError):
        return None  # not what this version writes, or a kernel of it was pruned
    program.loaded = True
    return program
