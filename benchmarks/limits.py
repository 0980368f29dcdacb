"""What this machine can do: float32 multiply-adds per second, and bytes per second of memory.

    python benchmarks/limits.py [--threads 2]

Three generated kernels, each run on one thread and on all at once, the best of several rounds:
twelve independent chains of fused multiply-adds in registers; reading, and writing, arrays of
several sizes (what fits into a cache is faster). Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import mmap
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from facula.runtime import code, cpu

CHAINS = 12
SIZES = tuple(1 << n for n in range(18, 29, 2))  # bytes, of all threads together: 256 kB to 256 MB


def lanes() -> int:
    """Floats in a vector register."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return 4
    return 16 if "avx512f" in text else 8 if "avx2" in text else 4


def _loop(body: list[str], carried: str, count: int, chains: int) -> str:
    """A loop over %n steps with `chains` vectors carried through it; their sum is stored to %p."""
    v = f"<{count} x float>"
    heads = [f"  %x{i} = phi {v} [ %f{i}, %entry ], [ %y{i}, %loop ]" for i in range(chains)]
    firsts = []
    for i in range(chains):  # from memory, so that nothing is known of them
        firsts += [
            f"  %q{i} = getelementptr {v}, ptr %p, i64 {i}",
            f"  %f{i} = load {v}, ptr %q{i}, align 64",
        ]
    sums = [f"  %s{i} = fadd {v} %s{i - 1}, %y{i}" for i in range(1, chains)]
    return "\n".join(
        [
            f"declare {v} @llvm.fma.v{count}f32({v}, {v}, {v})",
            "define void @kernel(ptr %p, i64 %n) {",
            "entry:",
            *firsts,
            "  br label %loop",
            "loop:",
            "  %i = phi i64 [ 0, %entry ], [ %i1, %loop ]",
            *heads,
            *body,
            f"  %i1 = add i64 %i, {carried}",
            "  %more = icmp slt i64 %i1, %n",
            "  br i1 %more, label %loop, label %done",
            "done:",
            f"  %s0 = fadd {v} %y0, %y0",
            *sums,
            f"  store {v} %s{chains - 1}, ptr %p, align 64",
            "  ret void",
            "}",
        ]
    )


def fma_text(count: int) -> str:
    """%n rounds of multiply-adds in registers."""
    v = f"<{count} x float>"
    body = [
        f"  %y{i} = call {v} @llvm.fma.v{count}f32({v} %x{i}, {v} %f0, {v} %f1)"
        for i in range(CHAINS)
    ]
    return _loop(body, "1", count, CHAINS)


def read_text(count: int) -> str:
    """The sum of %n floats."""
    v, body = f"<{count} x float>", []
    for i in range(8):
        body += [
            f"  %o{i} = add i64 %i, {i * count}",
            f"  %a{i} = getelementptr float, ptr %p, i64 %o{i}",
            f"  %l{i} = load {v}, ptr %a{i}, align 64",
            f"  %y{i} = fadd {v} %x{i}, %l{i}",
        ]
    return _loop(body, str(8 * count), count, 8)


def write_text(count: int, past_caches: bool) -> str:
    """%n floats are set."""
    v, body = f"<{count} x float>", []
    note = ", !nontemporal !0" if past_caches else ""
    for i in range(8):
        body += [
            f"  %o{i} = add i64 %i, {i * count}",
            f"  %a{i} = getelementptr float, ptr %p, i64 %o{i}",
            f"  store {v} %x{i}, ptr %a{i}, align 64{note}",
            f"  %y{i} = fadd {v} %x{i}, %x{i}",
        ]
    return _loop(body, str(8 * count), count, 8) + "\n!0 = !{i32 1}"


def best(address: int, blocks: list[int], n: int, repeat: int, rounds: int = 5) -> float:
    """Seconds of one call on every thread at once, at best."""
    kernel = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(address)
    gate = threading.Barrier(len(blocks))
    begins, ends = [0.0] * len(blocks), [0.0] * len(blocks)
    found: list[float] = []

    def work(number: int, block: int) -> None:
        if hasattr(os, "sched_setaffinity"):  # the system may leave two threads on one processor
            allowed = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(0, {allowed[number % len(allowed)]})
        for _ in range(rounds):
            gate.wait()
            begins[number] = time.perf_counter()
            for _ in range(repeat):
                kernel(block, n)
            ends[number] = time.perf_counter()
            if gate.wait() == 0:
                found.append((max(ends) - min(begins)) / repeat)

    threads = [threading.Thread(target=work, args=pair) for pair in enumerate(blocks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return min(found)


def limits(threads: int) -> dict[str, Any]:
    """flops per second, and for each size of data the bytes per second read and written."""
    count = lanes()
    memory = mmap.mmap(-1, SIZES[-1])
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    ctypes.memset(start, 0, SIZES[-1])  # pages of its own

    def address(text: str) -> int:
        return code.function_address(text, lambda: text)

    def blocks(size: int) -> list[int]:
        return [start + i * (size // threads // 4096 * 4096) for i in range(threads)]

    fma = address(fma_text(count))
    n = 4_000_000
    # Long enough for processors that slept, and for a host that has to find places for them.
    seconds = best(fma, blocks(SIZES[-1]), n, 1, rounds=50)
    read = address(read_text(count))
    writes = [address(write_text(count, past_caches)) for past_caches in (False, True)]
    rates: dict[str, dict[str, float]] = {}
    for size in SIZES:
        per_thread = size // threads // 4096 * 4096
        floats, repeat = per_thread // 4, max(1, (64 << 20) // size)
        total = per_thread * threads
        rates[str(size)] = {
            "read": total / best(read, blocks(size), floats, repeat),
            "write": max(total / best(w, blocks(size), floats, repeat) for w in writes),
        }
    flops = 2.0 * CHAINS * count * n * threads / seconds
    return {"threads": threads, "flops": flops, "memory": rates}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=cpu.available_processors())
    threads = parser.parse_args().threads
    found = [limits(n) for n in sorted({1, threads})]
    memory = {
        size: {way: max(f["memory"][size][way] for f in found) for way in ("read", "write")}
        for size in map(str, SIZES)
    }
    flops = max(f["flops"] for f in found)
    print(json.dumps({"threads": threads, "flops": flops, "memory": memory}))


if __name__ == "__main__":
    main()
