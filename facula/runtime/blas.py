"""OpenBLAS, as its wheel ships it, for matrix products that are large.

Programs call it through addresses in their steps' records, one call for each chunk: Facula's own
pool splits the work, so the library's threads are off. It is loaded at the first use.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import os


def address(name: str) -> int:
    """The address of a function with 32-bit integers, e.g. ``address("cblas_sgemm")``.

    Raises RuntimeError where the library is not installed or has no such function.
    """
    function = getattr(library(), f"scipy_{name}", None)
    if function is None:
        raise RuntimeError(f"name: OpenBLAS has no function {name!r}")
    found = ctypes.cast(function, ctypes.c_void_p).value
    assert found is not None
    return found


def has(name: str) -> bool:
    """Whether the library has the function `name`."""
    return hasattr(library(), f"scipy_{name}")


@functools.cache
def library() -> ctypes.CDLL:
    """The loaded library; its functions have the prefix ``scipy_``."""
    # Read when the library is loaded: it starts its threads then, even if told later to use one.
    before = os.environ.get("OPENBLAS_NUM_THREADS")
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    try:
        loaded = ctypes.CDLL(_path())
    finally:
        if before is None:
            del os.environ["OPENBLAS_NUM_THREADS"]
        else:
            os.environ["OPENBLAS_NUM_THREADS"] = before
    loaded.scipy_openblas_set_num_threads(ctypes.c_int(1))
    return loaded


def _path() -> str:
    """The library's file. Importing its package would load it with threads and cost more."""
    spec = importlib.util.find_spec("scipy_openblas32")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        for name in sorted(os.listdir(os.path.join(folder, "lib"))):
            if name.startswith("libscipy_openblas") and name.endswith((".so", ".dylib", ".dll")):
                return os.path.join(folder, "lib", name)
    raise RuntimeError("OpenBLAS is missing: install the package scipy-openblas32")
