"""`facula doctor`: what this installation runs on, for a bug report or a first look at a slow run.

Every line is measured here and now. A part that cannot be found out is reported as such and makes
the exit status 1 where Facula cannot work without it.
"""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path

from .. import config
from ..version import __version__

HELP = """\
usage: facula doctor

Prints the versions of Python, NumPy and llvmlite, the CPU and its features, the number of threads
and the folder of the kernel cache with its size. Exit status 1: something that Facula needs is
missing.
"""
NEEDED = ("numpy", "llvmlite", "ml-dtypes")
FEATURES = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_bf16", "amx_tile", "asimd", "sve")


def _package(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _cpu() -> tuple[str, str]:
    """The CPU's name and those of its vector features in use here."""
    fields: dict[str, str] = {}
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            key, _, value = line.partition(":")
            fields.setdefault(key.strip(), value.strip())
    name = fields.get("model name") or platform.processor() or platform.machine()
    flags = (fields.get("flags") or fields.get("Features") or "").split()
    return name, " ".join(f for f in FEATURES if f in flags) or "unknown"


def _threads() -> str:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    chosen = f", FACULA_THREADS={config.threads}" if config.threads else ""
    return f"{usable} CPUs for this process of {os.cpu_count()}{chosen}"


def _cache() -> str:
    folder = Path(config.cache_dir())
    state = "" if config.disk_cache else " (switched off by FACULA_DISK_CACHE=0)"
    if not folder.exists():
        return f"{folder}, empty{state}"
    sizes = [f.stat().st_size for f in folder.rglob("*") if f.is_file()]
    return f"{folder}, {len(sizes)} files, {sum(sizes) / 2**20:.1f} MiB{state}"


def command_doctor(words: list[str]) -> int:
    """Prints the report. Returns 0, 1 where something needed is missing, or 2 for a wrong call."""
    if words:
        known = words[0] in ("--help", "-h")
        print(HELP, end="", file=sys.stdout if known else sys.stderr)
        return 0 if known else 2
    print(f"facula       {__version__} in {Path(__file__).parents[1]}")
    print(f"python       {platform.python_version()} {sys.executable}")
    print(f"system       {platform.platform()}")
    missing = []
    for name in NEEDED:
        found = _package(name)
        if found is None:
            missing.append(name)
        print(f"{name:<12} {found or 'MISSING: pip install ' + name}")
    cpu, features = _cpu()
    print(f"cpu          {cpu}")
    print(f"features     {features}")
    print(f"threads      {_threads()}")
    print(f"kernel cache {_cache()}")
    return 1 if missing else 0
