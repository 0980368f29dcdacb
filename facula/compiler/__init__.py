"""The compiler: a graph becomes a program of fused kernels. Start reading in pipeline.py.

What runs programs is imported at once, what makes them at its first use: a process that finds its
programs on disk never needs it.
"""

from typing import TYPE_CHECKING, Any

from .executable import Program as Program
from .kept import keep as keep
from .kept import load as load

if TYPE_CHECKING:
    from .program import CompileError as CompileError
    from .program import compile_graph as compile_graph


def __getattr__(name: str) -> Any:
    if name not in ("CompileError", "compile_graph"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import program

    return getattr(program, name)
