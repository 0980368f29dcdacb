"""NumPy's matrix products, on the calling thread alone.

The BLAS in NumPy's wheels (OpenBLAS) splits a product over threads of its own, which then wait for
the next one by spinning for a tenth of a second, each on a core that compiled programs want. It is
told to use one thread while references of contractions run; so their bits do not depend on the
number of cores either.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

# What the functions are called, by how the library was built.
_NAMES = (
    ("scipy_openblas_get_num_threads64_", "scipy_openblas_set_num_threads64_"),
    ("scipy_openblas_get_num_threads", "scipy_openblas_set_num_threads"),
    ("openblas_get_num_threads64_", "openblas_set_num_threads64_"),
    ("openblas_get_num_threads", "openblas_set_num_threads"),
)

_LITTLE = 512  # elements of all operands, of which OpenBLAS makes no work for several threads


def on_one_thread(function: Callable[..., Any], apart: bool = False) -> Callable[..., Any]:
    """`function`, in which NumPy's products are made by the calling thread.

    Its first argument is a sequence of arrays; apart: all of its arguments are arrays.
    """

    @functools.wraps(function)
    def call(*args: Any) -> Any:
        operands = args if apart else args[0]
        if sum([a.size for a in operands]) <= _LITTLE:
            return function(*args)
        _limit.enter()
        try:
            return function(*args)
        finally:
            _limit.leave()

    return call


class _Limit:
    """One thread for products while anybody is inside; then as many as before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = self._before = 0

    def enter(self) -> None:
        with self._lock:
            self._inside += 1
            found = _functions() if self._inside == 1 else None
            if found is not None:
                self._before = found[0]()
                found[1](1)

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            found = _functions() if not self._inside else None
            if found is not None:
                found[1](self._before)

    def after_fork(self) -> None:
        """In a forked child: a thread of the parent may have been inside."""
        self._lock = threading.Lock()
        if self._inside:
            self._inside = 1
            self.leave()


@functools.cache
def _functions() -> tuple[Callable[[], int], Callable[[int], None]] | None:
    """OpenBLAS's functions that get and set its number of threads; None with another library."""
    try:
        # Names are looked for in the libraries that this one was linked with, too. The lock of the
        # interpreter is kept: the calls store a number, and to get it back can take milliseconds.
        library = ctypes.PyDLL(sys.modules["numpy._core._multiarray_umath"].__file__)
    except (KeyError, OSError):
        return None
    for get, put in _NAMES:
        try:
            return library[get], library[put]
        except AttributeError:
            continue
    return None


_limit = _Limit()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_limit.after_fork)
