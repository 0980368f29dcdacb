"""Matrix products against NumPy's BLAS, in turn in one process: GFLOP/s and the ratio.

    OPENBLAS_NUM_THREADS=1 python benchmarks/products.py [--rounds N]

Both on one thread, since two pools of threads would be in each other's way. Facula's run as a step
of a compiled program; the ratio is the median over the rounds. Sizes are those of layers, attention
and gradients of weights, and vectors: N and T say which operands lie transposed. OPENBLAS_CORETYPE,
where it is set, decides for which processor NumPy's side runs. Where Facula takes the processor's
matrix tiles, the last two columns are its own products in vectors, and how many times as long they
take.
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
from facula.compiler.contraction import thirds
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
    ((1, 784), (784, 128), "NT"), ((1, 784), (784, 128), "NN"), ((700, 500), (500, 1), "NN"),
    ((700, 500), (500, 1), "TN"), ((3, 784), (784, 128), "NT"), ((4000, 20), (20, 3), "NN"),
    ((4096, 4096), (4096, 1), "TN"),
]  # fmt: skip


class Case:
    """A product as a program of its own, on memory of its own."""

    def __init__(self, a: Any, b: Any, how: str, tiles: bool = True) -> None:
        """tiles: whether matrix tiles may be used."""
        g, dt = Graph(), dtypes.float32
        ins, self.arrays = [], []
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
        possible = thirds.possible
        thirds.possible = possible if tiles else lambda: False
        try:
            self.program = compile_graph(g)
        finally:
            thirds.possible = possible
        assert self.program.kept is not None
        self.tiles = any(kind == "amx" for _, kind, _ in self.program.kept[0].addresses)
        self.memory = []
        for shape in (a, b, out):
            values = np.random.default_rng(0).standard_normal(shape).astype("f")
            block = memory.allocate(values.nbytes)
            ctypes.memmove(block.ptr, values.ctypes.data, values.nbytes)
            self.memory.append(block)
            self.arrays.append(values)
        for i, letter in enumerate(how):
            if letter == "T":
                x = self.arrays[i]
                flat = x.reshape(*x.shape[:-2], x.shape[-1], x.shape[-2])
                self.arrays[i] = flat.swapaxes(-1, -2)
        self.operations = 2 * int(np.prod(out)) * a[-1]

    def seconds(self, times: int) -> float:
        first, second, out = (block.ptr for block in self.memory)
        start = time.perf_counter()
        for _ in range(times):
            self.program.run([first, second], [out], ())
        return (time.perf_counter() - start) / times

    def numpy_seconds(self, times: int) -> float:
        a, b, out = self.arrays
        start = time.perf_counter()
        for _ in range(times):
            np.matmul(a, b, out)
        return (time.perf_counter() - start) / times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    facula.set_num_threads(1)
    print(f"{'product':38} {'GFLOP/s':>9} {'NumPy GFLOP/s':>14} {'ratio':>6} {'vectors':>9}")
    for a, b, how in SIZES:
        case, vectors = Case(a, b, how), Case(a, b, how, tiles=False)
        times = max(1, int(3e-4 / case.seconds(2)))
        rows = [
            (case.seconds(times), case.numpy_seconds(times), vectors.seconds(times))
            for _ in range(options.rounds)
        ]
        best = [min(row[k] for row in rows) for k in range(3)]
        ratio, gain = (statistics.median(row[k] / row[0] for row in rows) for k in (1, 2))
        speeds = [case.operations / x / 1e9 for x in best]
        line = f"{f'{a} x {b} {how}':38} {speeds[0]:9.0f} {speeds[1]:14.0f} {ratio:6.2f}"
        if case.tiles:
            line += f" {speeds[2]:9.0f} {gain:6.2f}"
        print(line)


if __name__ == "__main__":
    main()
