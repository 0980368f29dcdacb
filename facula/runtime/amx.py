"""The processor's matrix tiles (AMX), which Linux lends to a process that asks for them.

The tiles hold eight kilobytes that the system must save for every thread that uses them, so a
process without permission is killed at the first instruction. The permission is the process's: it
holds for all its threads, those that run already too, and for what it forks.
"""

from __future__ import annotations

import ctypes
import functools
import sys

from . import code
from .runner_ir import machine_name

# Of products of bfloat16, and of the vectors around them.
_NEEDED = frozenset(("amx_tile", "amx_bf16", "avx512f", "avx512bw", "avx512vl"))
_SYS_ARCH_PRCTL, _ARCH_REQ_XCOMP_PERM, _XTILEDATA = 158, 0x1023, 18


@functools.cache
def offered() -> bool:
    """Whether processor and system know the tiles, and the vectors that code around them uses."""
    if sys.platform != "linux" or machine_name() != "x86_64":
        return False
    return _NEEDED <= code.processor_features()


@functools.cache
def _granted() -> bool:
    arguments = (_SYS_ARCH_PRCTL, _ARCH_REQ_XCOMP_PERM, _XTILEDATA)
    answer: int = ctypes.CDLL(None).syscall(*map(ctypes.c_long, arguments))
    return answer == 0


def permitted() -> bool:
    """Whether this process may use the tiles for products of bfloat16; asks for the permission.

    The system refuses it where a thread's stack for signals is too small for the tiles' contents.
    """
    return offered() and _granted()


def refused() -> bool:
    """Whether this process was denied what the processor offers, having asked for it."""
    return offered() and _granted.cache_info().currsize > 0 and not _granted()
