"""From a node of the graph that multiplies and sums to its plan and its native steps."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from ...dtypes import bfloat16
from ...graph.graph import Graph, GraphNode
from ..indexing import View
from ..scalar_code import TAGS
from . import attention, attention_backward, thirds, tile
from . import bfloat16 as halves
from .convolution import Forward
from .convolution_outputs import ByOutputs
from .convolution_tiles import InTiles
from .convolution_weight import Weight
from .convolution_weight_lines import WeightByLines
from .epilogue import Lower
from .patches import Axis
from .product import NativeStep, Plan
from .recurrent import Layer
from .recurrent_cells import CELLS
from .winograd import Winograd
from .winograd_tiles import Sizes
from .winograd_weight import WinogradWeight

# Where an operand begins, its strides, and whether it is another one in each run.
_Lies = tuple[int, tuple[int, ...], bool]

# Costs are estimates: the direct kernel, which rounds less, is taken where they are near, and where
# there is little to gain (cycles) for another step.
_MARGIN, _GAIN = 1.1, 5000


def scratch_bytes(
    graph: Graph, node: GraphNode, operands: Sequence[Any], tag: str, finished: bool
) -> int:
    """Memory that the steps of a node need between them. finished: it has an epilogue."""
    if node.op == "matmul":
        plan = _product(graph, node, operands, tag, finished)
        return plan.scratch_bytes if plan is not None else 0
    if node.op == "convolve":
        return convolution_plan(graph, node, tag).scratch_bytes
    return _layer(graph, node, tag).scratch_bytes if node.op == "recur" else 0


def steps(
    graph: Graph, node: GraphNode, operands: Sequence[Any], tag: str, slot: Callable[[int], int],
    scratch: int, epilogue: Lower | None = None,
) -> list[NativeStep]:  # fmt: skip
    """The steps of a node.

    slot: of a value; scratch: slot of the memory that `scratch_bytes` asked for; epilogue: what is
    done with the result of a node that `row_length` gives rows.
    """
    if node.op == "recur":
        slots = [slot(v) for v in (*node.ins, *node.outs)]
        return _layer(graph, node, tag).steps(slots, scratch)
    out = node.outs[0]
    if not prod(graph.shapes[out]):
        return []
    if node.op == "matmul":
        product = _product(graph, node, operands, tag, epilogue is not None)
        assert product is not None
        a, b = (slot(v.value) for v in operands)
        if product.exchanged:
            a, b = b, a
        if isinstance(product, Plan) and product.shares > 1:
            step = product.product(a, b, slot(out), None, scratch)
            return [step, product.addition(slot(out), scratch)]
        if product.direct or product.own:
            return [product.product(a, b, slot(out), epilogue)]
        return [product.pack(b, scratch), product.product(a, scratch, slot(out), epilogue)]
    if node.op in ("attention", "attention_backward"):
        tags = [TAGS.get(d, "") for d in graph.dtypes]
        make = attention.step if node.op == "attention" else attention_backward.step
        return [make(graph, node, operands, tags, slot)]
    x, y = slot(node.ins[0]), slot(node.ins[1])
    if node.op == "convolve":
        plan = convolution_plan(graph, node, tag)
        if isinstance(plan, Winograd | InTiles):
            return [plan.pack(y, scratch), plan.step(x, scratch, slot(out))]
        if not plan.packed:
            return [plan.step(x, y, slot(out))]
        weight = operands[1]
        pack = plan.weights.step(weight, slot(weight.value), scratch)
        return [pack, plan.step(x, scratch, slot(out))]
    assert node.op == "convolve_weight", node.op
    parts = graph.shapes[out][0]
    return [weight_plan(graph, node.ins, node.attrs, tag).step(x, y, slot(out), parts)]


def shared_memory(node: GraphNode) -> list[tuple[int, int]]:
    """(operand, result) of a node that may be one memory, where nobody else wants the operand."""
    if node.op != "recur":
        return []
    kind, back = node.attrs[:2]
    cell = CELLS[kind]
    operands = cell.gradient_operands if back else cell.operands
    results = cell.gradient_results if back else cell.results
    return [
        (node.ins[operands.index(a)], node.outs[results.index(b)])
        for a, b in (cell.gradient_shared if back else cell.shared)
    ]


def row_length(graph: Graph, node: GraphNode, operands: Sequence[Any], tag: str) -> int:
    """The columns in a row of a result that can have an epilogue; 0 where it can have none."""
    columns = graph.shapes[node.outs[0]][-1]
    if node.op != "matmul" or columns == 1 or _product(graph, node, operands, tag) is None:
        return 0  # what is done with a single column runs along it
    return columns


def adds_in_memory(graph: Graph, node: GraphNode, operands: Sequence[Any], tag: str) -> bool:
    """Whether parts of sums are kept where the result is written, also with an epilogue."""
    plan = _product(graph, node, operands, tag, True) if node.op == "matmul" else None
    return plan is not None and plan.blocks > 1


def _product(
    graph: Graph, node: GraphNode, operands: Sequence[View], tag: str, finished: bool = False
) -> Plan | halves.Plan | None:
    shape = graph.shapes[node.outs[0]]
    k = graph.shapes[node.ins[0]][-1]
    if not prod(shape) or not k:
        return None
    if graph.dtypes[operands[0].value] is bfloat16:
        return halves.Plan(operands[0], operands[1], shape, k)
    # What an optimizer's step is about to change is not packed to be kept (copies.py).
    learns = graph.updates()
    a, b = ((v.offset, v.strides, learns or v.value not in graph.inputs) for v in operands)
    return product_plan(tag, a, b, shape, k, finished, tile.registers(), thirds.possible())


@functools.lru_cache(maxsize=256)
def product_plan(
    tag: str, a: _Lies, b: _Lies, shape: tuple[int, ...], k: int, finished: bool,
    registers: tile.Registers, tiles: bool,
) -> Plan | halves.Plan:  # fmt: skip
    """The plan of a product, for the processor's `registers`, and matrix tiles if it has them.

    A graph's plans are wanted several times, and its layers are often the same.
    """
    x, y = (View(0, offset, strides) for offset, strides, _ in (a, b))
    fresh = a[2], b[2]
    plan = Plan(tag, x, y, shape, k, finished, fresh)
    if tiles and tag == "f32" and thirds.fits(plan.m, plan.n, k):
        split = halves.Plan(x, y, shape, k, thirds.THIRDS, fresh)
        if split.thirds_cost < plan.cycles:
            return split
    return plan


def _layer(graph: Graph, node: GraphNode, tag: str) -> Layer:
    kind, back, sizes, reverse = node.attrs
    cell = CELLS[kind]
    names = cell.gradient_operands if back else cell.operands
    rows, width = graph.shapes[node.ins[names.index("g_h" if back else "h0")]]
    read = {*graph.outputs, *(v for n in graph.nodes for v in n.ins)}
    results = cell.gradient_results if back else cell.results
    wanted = [name for name, v in zip(results, node.outs, strict=True) if v in read]
    return Layer(kind, back, tag, width, rows, sizes, reverse, len(node.ins), wanted)


def _axes(size: Any, result: Any, kernel: Any, attrs: Any) -> list[Axis]:
    stride, low, dilation = attrs[:3]
    return list(map(Axis, size, result, stride, low, dilation, kernel))


def direct_plan(graph: Graph, node: GraphNode, tag: str) -> Forward | ByOutputs:
    """The plan of a convolution without transforms: vectors of positions or of outputs."""
    x, weight = (graph.shapes[v] for v in node.ins)
    axes = _axes(x[2:], graph.shapes[node.outs[0]][2:], weight[2:], node.attrs)
    sizes = tag, x[0], x[1], weight[0], node.attrs[3], axes
    forward, other = Forward(*sizes), ByOutputs(*sizes)
    return other if other.fits and other.cost < forward.cost else forward


def convolution_plan(
    graph: Graph, node: GraphNode, tag: str
) -> Forward | ByOutputs | Winograd | InTiles:
    """The plan of a convolution: matrix tiles or Winograd's transforms where that is faster."""
    x, weight = (graph.shapes[v] for v in node.ins)
    direct: Forward | ByOutputs | InTiles = direct_plan(graph, node, tag)
    if tag == "f32" and node.attrs[3] == 1 and thirds.possible():
        axes = _axes(x[2:], graph.shapes[node.outs[0]][2:], weight[2:], node.attrs)
        tiles = InTiles(x[0], x[1], weight[0], axes)
        if tiles.fits and tiles.cost + _GAIN < direct.cost:
            direct = tiles
    if not _transformable(node.attrs, weight[2:], tag):
        return direct
    out = graph.shapes[node.outs[0]]
    plan = Winograd(tag, Sizes(x[0], x[1], weight[0], x[2:], out[2:], node.attrs[1]))
    return plan if plan.cost * _MARGIN + _GAIN < direct.cost else direct


def takes_views(graph: Graph, node: GraphNode, tag: str) -> bool:
    """Whether the weight of a convolution may lie in any way that strides express."""
    plan = convolution_plan(graph, node, tag)
    return not isinstance(plan, Winograd | InTiles) and plan.packed


def _transformable(attrs: tuple[Any, ...], kernel: tuple[int, ...], tag: str) -> bool:
    stride, _, dilation, groups = attrs[:4]
    steps = (1, 1)
    return tag == "f32" and kernel == (3, 3) and groups == 1 and stride == dilation == steps


def weight_plan(
    graph: Graph, ins: Sequence[int], attrs: tuple[Any, ...], tag: str
) -> Weight | WeightByLines | WinogradWeight:
    """The plan of the gradient of a convolution's weight."""
    x, gradient = (graph.shapes[v] for v in ins)
    axes = _axes(x[2:], gradient[2:], attrs[4], attrs)
    sizes_of = tag, x[0], x[1], gradient[1], attrs[3], axes
    direct: Weight | WeightByLines = Weight(*sizes_of)
    lines = WeightByLines(*sizes_of)
    if lines.fits and lines.cost < direct.cost:
        direct = lines
    if _transformable(attrs, attrs[4], tag):
        sizes = Sizes(x[0], x[1], gradient[1], x[2:], gradient[2:], attrs[1])
        plan = WinogradWeight(tag, sizes)
        if plan.fits and plan.cost * _MARGIN + _GAIN < direct.cost:
            return plan
    return direct
