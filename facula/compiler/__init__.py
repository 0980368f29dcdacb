"""The compiler: a graph becomes a program of fused kernels. Start reading in pipeline.py."""

from .program import CompileError as CompileError
from .program import Program as Program
from .program import compile_graph as compile_graph
from .program import keep as keep
from .program import load as load
