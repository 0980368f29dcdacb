"""docs/benchmarks.md and docs/benchmarks.json: marked parts of a page, and the figures behind them.

A part of the page stands between `<!-- begin NAME -->` and `<!-- end NAME -->` and is written by a
script; the figures it was made of are kept as JSON beside it, so that one row can be measured anew.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"


def figures(page: Path) -> dict[str, Any]:
    """What was measured before; empty where nothing was."""
    file = page.with_suffix(".json")
    found: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    return found


def keep(page: Path, found: dict[str, Any]) -> None:
    """Writes the figures, all or nothing."""
    file = page.with_suffix(".json")
    temporary = file.with_suffix(f".json.{os.getpid()}")
    temporary.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", "utf-8")
    os.replace(temporary, file)


def write(page: Path, part: str, text: str) -> None:
    """Puts the text between the part's markers. Raises ValueError where the page has none."""
    begin, end = f"<!-- begin {part} -->", f"<!-- end {part} -->"
    old = page.read_text("utf-8")
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.S)
    if len(pattern.findall(old)) != 1:
        raise ValueError(f"{page}: expected one pair of markers {begin} and {end}")
    page.write_text(pattern.sub(lambda _: f"{begin}\n{text.rstrip()}\n{end}", old), "utf-8")


def machine() -> dict[str, Any]:
    """The machine in words; load: how many processes wanted to run, on average over a minute."""
    fields: dict[str, str] = {}
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            key, _, value = line.partition(":")
            fields.setdefault(key.strip(), value.strip())
    flags = fields.get("flags", "").split()
    wanted = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_tile")
    memory = 0
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cpu": fields.get("model name") or platform.processor() or platform.machine(),
        "model": f"family {fields.get('cpu family', '?')}, model {fields.get('model', '?')}",
        "features": " ".join(f for f in wanted if f in flags),
        "processors": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0,
        "memory": memory,
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "load": os.getloadavg()[0] if sys.platform != "win32" else 0.0,
    }
