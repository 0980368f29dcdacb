from .graph import Graph as Graph
from .graph import GraphNode as GraphNode
