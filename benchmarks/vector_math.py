"""Accuracy and speed of the generated mathematical functions.

For each function and precision: the largest error in ulp over random arguments of all magnitudes
and over the range where the function is interesting (against mpmath), and the throughput of one
core in a loop over 256 KiB, which stays in the second-level cache, with vectors of 64 bytes.

    python benchmarks/vector_math.py                # all
    python benchmarks/vector_math.py exp tanh erf   # some
    python benchmarks/vector_math.py --points 20000 exp
"""

from __future__ import annotations

import argparse
import ctypes
import sys
import time
from pathlib import Path
from typing import Any

import mpmath
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from facula.compiler.vector_math import BINARY, UNARY, loop_text
from facula.runtime.code import function_address

mpmath.mp.prec = 160
mp = mpmath.mp

RANGES = {  # where most of the arguments are drawn from; (-4, 4) for all others
    "exp": (-104, 89), "exp2": (-150, 128), "expm1": (-20, 89), "sigmoid": (-104, 30),
    "tanh": (-10, 10), "log": (0, 3), "log2": (0, 3), "log10": (0, 3), "log1p": (-1, 3),
    "sqrt": (0, 9), "rsqrt": (0, 9), "sin": (-100, 100), "cos": (-100, 100), "tan": (-100, 100),
    "asin": (-1, 1), "acos": (-1, 1), "atanh": (-1, 1), "acosh": (1, 5), "sinh": (-20, 20),
    "cosh": (-20, 20), "erfc": (-4, 27), "normal_tail": (-14, 14), "bell": (-13, 13),
    "pow": (0, 30),
}  # fmt: skip
# The largest arguments, as powers of two, where they are not 2**100.
LARGEST = {"sin": 45, "cos": 45, "tan": 45, "normal_tail": 3.8, "bell": 3.7}
EXACT = {
    "exp2": lambda x: mp.mpf(2) ** x,
    "log2": lambda x: mp.log(x, 2),
    "round": mp.nint,
    "trunc": lambda x: mp.floor(x) if x > 0 else mp.ceil(x),
    "rsqrt": lambda x: 1 / mp.sqrt(x),
    "reciprocal": lambda x: 1 / x,
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "bell": lambda x: mp.exp(-x * x / 2),
    "normal_tail": lambda x: mp.exp(x * x / 2) * mp.erfc(abs(x) / mp.sqrt(2)) / 2,
    "pow": mp.power,
    "atan2": mp.atan2,
    "hypot": mp.hypot,
    "maximum": max,
    "minimum": min,
    "copysign": lambda x, y: abs(x) if y >= 0 else -abs(x),
    "fmod": lambda x, y: mp.sign(x) * (abs(x) % abs(y)),
    "remainder": lambda x, y: x % y,
    "floor_divide": lambda x, y: mp.floor(x / y),
}


def arguments(name: str, dtype: Any, points: int, operands: int) -> list[np.ndarray]:
    """Two thirds of the arguments from the function's range, the others of all magnitudes."""
    random = np.random.default_rng(0)
    low, high = RANGES.get(name, (-4, 4))
    result: list[np.ndarray] = []
    for _ in range(operands):
        dense = random.uniform(low, high, points * 2 // 3)
        wide = 2.0 ** random.uniform(-100, LARGEST.get(name, 100), points)
        wide *= random.choice([-1.0, 1.0], points) if low < 0 else 1.0
        mixed = np.concatenate([dense, wide])[:points].astype(dtype)
        result.append(random.permutation(mixed) if result else mixed)
    return result


def errors(name: str, dtype: Any, inputs: list[np.ndarray], got: np.ndarray) -> np.ndarray:
    """The error of each result in ulp of the exact value; 0 where that is no finite real number."""
    exact_function = EXACT.get(name) or getattr(mp, name)
    info = np.finfo(dtype)
    result = np.zeros(len(got))
    for i, (*operands, value) in enumerate(zip(*inputs, got, strict=True)):
        try:
            exact = exact_function(*(mp.mpf(float(x)) for x in operands))
        except (ValueError, ZeroDivisionError, OverflowError):
            continue
        if isinstance(exact, mpmath.mpc) or not mp.isfinite(exact) or abs(exact) > float(info.max):
            continue
        exponent = mp.frexp(exact)[1] if exact else -10000
        ulp = mp.ldexp(1, max(exponent - 1, info.minexp) - info.nmant)
        result[i] = float(abs(mp.mpf(float(value)) - exact) / ulp) if np.isfinite(value) else np.inf
    return result


def _aligned(a: np.ndarray) -> np.ndarray:
    """A copy that starts at a multiple of 64 bytes."""
    memory = np.empty(a.nbytes + 64, np.uint8)
    start = -memory.ctypes.data % 64
    copy = memory[start : start + a.nbytes].view(a.dtype)
    copy[:] = a
    return copy


def run(
    name: str, dtype: Any, inputs: list[np.ndarray], repeat: int = 1
) -> tuple[np.ndarray, float]:
    """(results, seconds for each repetition) of the kernel with vectors of 64 bytes."""
    element, lanes = ("float", 16) if dtype is np.float32 else ("double", 8)
    key = f"benchmark of vector math {name} {element} {lanes}"
    address = function_address(key, lambda: loop_text(name, element, lanes))
    inputs = [_aligned(a) for a in inputs]
    out = _aligned(inputs[0])
    pointers = [ctypes.c_void_p(a.ctypes.data) for a in (*inputs, out)]
    kernel = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(pointers), ctypes.c_int64)(address)
    start = time.perf_counter()
    for _ in range(repeat):
        kernel(*pointers, len(out))
    return out, (time.perf_counter() - start) / repeat


def speed(name: str, dtype: Any, operands: int) -> float:
    """Elements per second, in units of 1e9."""
    count = 262144 // np.dtype(dtype).itemsize // (operands + 1) // 64 * 64
    random = np.random.default_rng(0)
    inputs = [random.uniform(0.5, 2, count).astype(dtype) for _ in range(operands)]
    return float(count / min(run(name, dtype, inputs, 20)[1] for _ in range(20)) / 1e9)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=sorted(UNARY | BINARY))
    parser.add_argument("--points", type=int, default=1920)
    options = parser.parse_args()
    print(f"{'function':12} {'type':8} {'max ulp':>10} {'at':>40} {'Gelem/s':>8}")
    for name in options.names:
        operands = 1 if name in UNARY else 2
        for dtype in (np.float32, np.float64):
            inputs = arguments(name, dtype, options.points // 64 * 64, operands)
            error = errors(name, dtype, inputs, run(name, dtype, inputs)[0])
            worst = int(np.argmax(error))
            place = ", ".join(f"{float(a[worst]):.9g}" for a in inputs)
            rate = speed(name, dtype, operands)
            kind = np.dtype(dtype).name
            print(f"{name:12} {kind:8} {error[worst]:10.3f} {place:>40} {rate:8.2f}", flush=True)


if __name__ == "__main__":
    main()
