"""The graph that a trace hands to the compiler."""

from .graph import Graph as Graph
from .graph import GraphNode as GraphNode
from .graph import UpdateExpr as UpdateExpr
