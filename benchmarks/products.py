"""Matrix products as tiles against OpenBLAS, in turn in one process: GFLOP/s and the ratio.

    python benchmarks/products.py [--threads N] [--rounds N]

Both run as steps of a compiled program; the ratio is the median over the rounds. Sizes are those
of layers, attention and gradients of weights: N and T say which operands lie transposed.
"""

from __future__ import annotations

import argparse
import ctypes
import statistics
import time
from typing import Any

import numpy as np

import facula
from facula import dtypes
from facula.compiler import compile_graph
from facula.compiler.contraction import steps
from facula.graph.graph import Graph
from facula.runtime import memory

SIZES: list[tuple[Any, Any, str]] = [
    ((768, 128), (128, 512), "NT"), ((768, 512), (512, 128), "NN"), ((512, 768), (768, 128), "TN"),
    ((2048, 384), (384, 1536), "NT"), ((2048, 1536), (1536, 384), "NN"),
    ((1536, 2048), (2048, 384), "TN"), ((64, 784), (784, 128), "NT"),
    ((128, 64), (64, 784), "TN"), ((128, 784), (784, 400), "NT"),
    ((1024, 1024), (1024, 1024), "NN"),
    ((48, 64, 32), (48, 32, 64), "NT"), ((48, 256, 64), (48, 64, 256), "NT"),
    ((32, 256), (256, 1024), "NT"), ((37, 53), (53, 71), "NN"), ((64, 9216), (9216, 128), "NT"),
]  # fmt: skip


class Case:
    """A product as a program of its own, on memory of its own."""

    def __init__(self, a: Any, b: Any, how: str, tiles: bool) -> None:
        chosen = steps.worthwhile, steps.along_sums
        if not tiles:
            steps.worthwhile = steps.along_sums = lambda *sizes: False
        try:
            g, dt = Graph(), dtypes.float32
            ins = []
            for shape, letter in ((a, how[0]), (b, how[1])):
                turned = (*shape[:-2], shape[-1], shape[-2])
                v = g.add_input(turned if letter == "T" else shape, dt)
                if letter == "T":
                    rank = len(shape)
                    dims = (*range(rank - 2), rank - 1, rank - 2)
                    v = g.add("permute", (v,), shape, dt, (dims,), lambda x, d=dims: x.transpose(d))
                ins.append(v)
            out = (*a[:-1], b[-1])
            g.outputs = [g.add("matmul", tuple(ins), out, dt, (), np.matmul)]
            self.program = compile_graph(g)
        finally:
            steps.worthwhile, steps.along_sums = chosen
        self.memory = []
        for shape in (a, b, out):
            values = np.random.default_rng(0).standard_normal(shape).astype("f")
            block = memory.allocate(values.nbytes)
            ctypes.memmove(block.ptr, values.ctypes.data, values.nbytes)
            self.memory.append(block)
        self.operations = 2 * int(np.prod(out)) * a[-1]

    def seconds(self, times: int) -> float:
        first, second, out = (block.ptr for block in self.memory)
        start = time.perf_counter()
        for _ in range(times):
            self.program.run([first, second], [out], ())
        return (time.perf_counter() - start) / times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    facula.set_num_threads(options.threads)
    print(f"{'product':38} {'tiles GFLOP/s':>14} {'BLAS GFLOP/s':>13} {'ratio':>6}")
    for a, b, how in SIZES:
        tiles, dots = Case(a, b, how, True), Case(a, b, how, False)
        times = max(1, int(3e-4 / tiles.seconds(2)))
        pairs = [(tiles.seconds(times), dots.seconds(times)) for _ in range(options.rounds)]
        best = [min(p[k] for p in pairs) for k in range(2)]
        ratio = statistics.median(y / x for x, y in pairs)
        speeds = [tiles.operations / x / 1e9 for x in best]
        print(f"{f'{a} x {b} {how}':38} {speeds[0]:14.0f} {speeds[1]:13.0f} {ratio:6.2f}")


if __name__ == "__main__":
    main()
