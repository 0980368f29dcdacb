"""When random numbers use machine code, and the calls into it.

NumPy and machine code give the same bits, so the choice is one of time alone. Loading the kernels
costs some 30 ms the first time on a machine (about one afterwards, from the disk): it waits until
the draws that could have used them have cost about as much. A program that only fills a few
weights never compiles.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np

from .memory import address_of
from .patience import Patience

_PATIENCE = 10e6  # nanoseconds of NumPy's work before the kernels are loaded

_Pointer, _Int, _Float = ctypes.c_void_p, ctypes.c_int64, ctypes.c_float
_PROTOTYPES = {
    "generate": ctypes.CFUNCTYPE(None, _Pointer, _Pointer, _Int),
    "uniform32": ctypes.CFUNCTYPE(None, _Pointer, _Pointer, _Int, _Float, _Float),
    "normal32": ctypes.CFUNCTYPE(None, _Pointer, _Pointer, _Int, _Float, _Float),
    "bernoulli": ctypes.CFUNCTYPE(None, _Pointer, _Pointer, _Int, _Int),
    "permutation32": ctypes.CFUNCTYPE(None, _Pointer, _Pointer, _Int),
    "permutation64": ctypes.CFUNCTYPE(None, _Pointer, _Pointer, _Int),
    "seed_key": ctypes.CFUNCTYPE(None, _Pointer),
}


class _Kernels:
    """The loaded functions, and how long NumPy goes on without them."""

    def __init__(self) -> None:
        self.functions: dict[str, Callable[..., None]] | None = None
        self.patience = Patience(_PATIENCE, "random numbers")

    def find(self, name: str, cost: float) -> Callable[..., None] | None:
        """The kernel, or None where NumPy should do work that costs it `cost` nanoseconds."""
        if self.functions is None:
            if not self.patience.over(cost):
                return None
            if not self.load():
                return None
        assert self.functions is not None
        return self.functions[name]

    def load(self) -> bool:
        """Loads the kernels, compiling them if need be. False where that is not possible."""
        self.functions = self.patience.load(_functions)
        return self.functions is not None


def _functions() -> dict[str, Callable[..., None]]:
    from . import code, random_kernels

    addresses = code.functions("random/3", random_kernels.module)
    return {name: prototype(addresses[name]) for name, prototype in _PROTOTYPES.items()}


kernels = _Kernels()


def generate(words: np.ndarray, key: Callable[[], np.ndarray]) -> np.ndarray | None:
    """Fills `words`, whole blocks of 624, from `key()`. The new key, or None if left undone.

    `key()` may cost as much as some blocks, but once: kernels that are loaded make all that follow.
    """
    blocks = words.size // 624
    if blocks < 16 and kernels.functions is None:
        return None
    run = kernels.find("generate", 12.0 * words.size)
    if run is None:
        return None
    state = key()
    run(address_of(state), address_of(words), blocks)
    return state


def uniform32(words: np.ndarray, out: np.ndarray, low: float, high: float) -> bool:
    """Fills `out`, float32, from as many words; False if it was left undone."""
    if out.size < 512:
        return False
    run = kernels.find("uniform32", (3.0 if low == 0.0 else 6.0) * out.size)
    if run is None:
        return False
    width = float(np.float32(high) - np.float32(low))
    run(address_of(words), address_of(out), out.size, low, width)
    return True


def normal32(words: np.ndarray, out: np.ndarray, mean: float, std: float) -> bool:
    """Fills `out`, float32 in blocks of 16, from as many words; False if it was left undone."""
    run = kernels.find("normal32", 150e3 + 50.0 * out.size)
    if run is None:
        return False
    run(address_of(words), address_of(out), out.size // 16, mean, std)
    return True


def bernoulli(words: np.ndarray, out: np.ndarray, threshold: int) -> bool:
    """Fills `out`, bool, from twice as many words; False if it was left undone."""
    if out.size < 512:
        return False
    run = kernels.find("bernoulli", 5.0 * out.size)
    if run is None:
        return False
    run(address_of(words), address_of(out), out.size, threshold)
    return True


def permutation(words: np.ndarray) -> np.ndarray | None:
    """0 .. n - 1, int64 (n,), of which position i was exchanged with i + words[i] % (n - i), each
    in order; None if left undone. words: n - 1 words of 32 or 64 bits.
    """
    if words.size < (16 if kernels.functions is not None else 256):
        return None
    run = kernels.find(f"permutation{8 * words.itemsize}", 90.0 * words.size)
    if run is None:
        return None
    order = np.empty(words.size + 1, np.int64)
    run(address_of(words), address_of(order), order.size)
    return order


def seed_key(seed: int) -> np.ndarray | None:
    """The 624 words that a 32-bit seed starts from; None if left undone."""
    run = kernels.find("seed_key", 80e3)
    if run is None:
        return None
    key = np.empty(624, np.uint32)
    key[0] = seed
    run(address_of(key))
    return key
