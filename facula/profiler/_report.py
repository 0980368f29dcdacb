"""The report of a whole run, as `facula explain` prints it and as JSON.

Five parts: where the time went; each plan with its kernels in order (the mean and the least time of
a run, and the rates of the fastest); what was compiled, when and why; what ran without being
compiled; and which steps run as Python on the host.
"""

from __future__ import annotations

from typing import Any

from ..compiler.describe import StepInfo, size
from ..trace.watch import summary
from ._collector import Collector, PlanTotals, StepTotals
from ._events import microseconds


def as_json(c: Collector) -> dict[str, Any]:
    """Everything that was collected, in seconds and bytes."""
    return {
        "wall_s": c.wall / 1e9,
        "python_s": c.python / 1e9,
        "plans_s": sum(p.total for p in c.plans.values()) / 1e9,
        "compilation_s": sum(e.nanoseconds for e in c.compilations) / 1e9,
        "uncompiled_s": _uncompiled(c) / 1e9,
        "plans": [_plan_json(p) for p in c.plans.values()],
        "compilations": [
            {
                "plan": c.plans[id(e.plan)].number, "at": e.where, "why": e.why,
                "seconds": e.nanoseconds / 1e9, "ops": len(e.plan.needed), "kernels": e.kernels,
                "compiled_by_llvm": e.fresh, "llvm_s": e.llvm / 1e9,
            }
            for e in c.compilations
        ],
        "once": [
            {"at": where, "frames": n, "ops": ops, "seconds": ns / 1e9}
            for where, (n, ops, ns) in c.once.items()
        ],
    }  # fmt: skip


def _plan_json(p: PlanTotals) -> dict[str, Any]:
    return {
        "number": p.number, "at": p.where, "what": p.label(), "ops": p.ops, "runs": p.runs,
        "seconds": p.total / 1e9, "reference_runs": p.reference_runs,
        "reference_s": p.reference_total / 1e9,
        "kernels": [
            {
                **info._asdict(), "ops": dict(info.ops), "bytes": info.reads + info.writes,
                "calls": t.calls, "seconds": t.total / 1e9,
                "least_s": t.least / 1e9,
            }
            for info, t in zip(p.infos, p.steps, strict=False)
        ],
    }  # fmt: skip


def _uncompiled(c: Collector) -> int:
    return sum(p.reference_total for p in c.plans.values()) + sum(n for _, _, n in c.once.values())


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:5.1f}%" if whole else "     -"


def _time(ns: float) -> str:
    return microseconds(ns / 1e3)


def text(c: Collector, top: int = 10) -> str:
    """The report. top: how many plans, and how many lines of the other parts (0: all)."""
    lines = [f"facula explain: {_time(c.wall)} in all", ""]
    compilation = sum(e.nanoseconds for e in c.compilations)
    running = sum(p.total for p in c.plans.values())
    steps = sum(t.total for p in c.plans.values() for t in p.steps)
    for name, ns in (
        ("plans (compiled work)", running),
        ("  of this in kernels and host steps", steps),
        ("compiling", compilation),
        ("uncompiled work (first sights)", _uncompiled(c)),
        ("Python: recording and the script", c.python),
    ):
        lines.append(f"  {name:<38} {_time(ns):>12} {_share(ns, c.wall)}")
    lines += _plans(c, top)
    lines += _compilations(c, top)
    lines += _once(c, top)
    lines += _hosts(c, top)
    return "\n".join(lines) + "\n"


def _cut(rows: list[Any], top: int) -> tuple[list[Any], list[str]]:
    """The first rows, and a line about the others."""
    if not top or len(rows) <= top:
        return rows, []
    return rows[:top], [f"  ... and {len(rows) - top} more (--top 0 shows all)"]


def _plans(c: Collector, top: int) -> list[str]:
    ran = sorted((p for p in c.plans.values() if p.runs), key=lambda p: -p.total)
    lines = ["", f"Plans that ran compiled: {len(ran)}"]
    shown, rest = _cut(ran, top)
    for p in shown:
        lines += [
            "",
            f"plan {p.number} at {p.where}: {p.label()}",
            f"  {p.ops} calls in {len(p.steps)} steps; ran {p.runs} times, {_time(p.total)} "
            f"({_share(p.total, c.wall).strip()} of all), {_time(p.total / p.runs)} each",
            f"  {'each':>10} {'least':>10} {'share':>6} {'read':>9} {'written':>9} "
            f"{'GB/s':>6} {'GFLOP/s':>8} {'thr':>3}  what",
        ]
        equal: list[tuple[StepInfo, list[StepTotals]]] = []
        for info, t in zip(p.infos, p.steps, strict=False):
            if equal and equal[-1][0] == info:
                equal[-1][1].append(t)
            else:
                equal.append((info, [t]))
        lines += [_step(info, found, p.total) for info, found in equal]
    return lines + rest


def _step(info: StepInfo, found: list[StepTotals], whole: int) -> str:
    """A line about a step, or about several equal ones in a row (`each` of them)."""
    total = sum(t.total for t in found)
    each = total / max(1, sum(t.calls for t in found))
    least = min(t.least for t in found)  # the rates are those of the fastest run
    moved = info.reads + info.writes
    rate = f"{moved / least:.1f}" if least and moved else "-"
    flops = f"{info.flops / least:.1f}" if least and info.flops else "-"
    line = (
        f"  {_time(each):>10} {_time(least):>10} {_share(total, whole)} {size(info.reads):>9} "
        f"{size(info.writes):>9} {rate:>6} {flops:>8} {info.threads:>3}  {info.label}"
    )
    line += f" (x{len(found)})" if len(found) > 1 else ""
    return line + (f" (on the host: {info.host})" if info.host else "")


def _compilations(c: Collector, top: int) -> list[str]:
    total = sum(e.nanoseconds for e in c.compilations)
    lines = ["", f"Compiled: {len(c.compilations)} plans in {_time(total)}"]
    shown, rest = _cut(c.compilations, top)
    for e in shown:
        number = c.plans[id(e.plan)].number
        lines += [f"  plan {number}: {summary(e)}", f"    why: {e.why}"]
    return lines + rest


def _once(c: Collector, top: int) -> list[str]:
    """Work that ran op by op: at its first sight, or because it could not be compiled."""
    rows = [(ns, n, ops, f"{where}: seen once so far") for where, (n, ops, ns) in c.once.items()]
    for p in c.plans.values():
        if p.reference_runs:
            why = "first sight of work with gradients"
            if p.compilations and p.plan.program is None:
                why = "it could not be compiled"
            where = f"{p.where} (plan {p.number}: {p.label()}): {why}"
            rows.append((p.reference_total, p.reference_runs, p.ops * p.reference_runs, where))
    rows.sort(reverse=True)
    lines = ["", f"Ran uncompiled, op by op: {sum(r[1] for r in rows)} frames"]
    shown, rest = _cut(rows, top)
    lines += [f"  {_time(ns):>10}, {n} frames, {ops} calls, at {why}" for ns, n, ops, why in shown]
    return lines + rest


def _hosts(c: Collector, top: int) -> list[str]:
    rows = [
        (
            t.total,
            f"  {_time(t.total):>10} in {t.calls} calls, plan {p.number}: {i.label}: {i.host}",
        )
        for p in c.plans.values()
        for i, t in zip(p.infos, p.steps, strict=False)
        if i.host
    ]
    rows.sort(reverse=True)
    if not rows:
        return ["", "Steps on the host: none"]
    shown, rest = _cut([line for _, line in rows], top)
    return ["", f"Steps on the host (NumPy references): {len(rows)}", *shown, *rest]
