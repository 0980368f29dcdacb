"""Every FACULA_* environment variable: read once at import, validated, documented here.

| variable | meaning | default |
|---|---|---|
| FACULA_EAGER | 1: run every op at once through its NumPy reference | 0 |
| FACULA_DEBUG | to stderr: 1 compiled, why, 2 graph, 3 schedule, 4 loops, 5 IR, 6 assembly | 0 |
| FACULA_THREADS | number of threads; 0: as many as this process may use | 0 |
| FACULA_CACHE_DIR | folder of compiled kernels | $XDG_CACHE_HOME/facula or ~/.cache/facula |
| FACULA_DISK_CACHE | 0: neither read nor write kernels on disk | 1 |
"""

from __future__ import annotations

import os


def _number(name: str, default: int, low: int, high: int) -> int:
    text = os.environ.get(name, "")
    if not text:
        return default
    if not text.isdigit() or not low <= int(text) <= high:
        raise ValueError(f"{name}={text!r}: expected a whole number from {low} to {high}")
    return int(text)


eager = bool(_number("FACULA_EAGER", 0, 0, 1))
debug = _number("FACULA_DEBUG", 0, 0, 6)
threads = _number("FACULA_THREADS", 0, 0, 1024)
disk_cache = bool(_number("FACULA_DISK_CACHE", 1, 0, 1))


def cache_dir() -> str:
    """The folder of compiled kernels (it may not exist yet)."""
    explicit = os.environ.get("FACULA_CACHE_DIR")
    if explicit:
        return explicit
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "facula")
