"""Running a path op by op through the NumPy references: work that is not, or not yet, compiled."""

from __future__ import annotations

import contextvars
from typing import Any

import numpy as np

from ..dtypes import float32, float64, rounded
from .recorder import Frame
from .trie import BUNDLE, INPUT, MODE, OP, Node
from .values import Value

_FLOAT32, _FLOAT64 = float32.np, float64.np

# A context in which NumPy is silent about overflow and invalid operations: entering it costs a
# tenth of what `np.errstate` does.
_silent = contextvars.copy_context()
_silent.run(np.seterr, all="ignore")


def array_of(v: Value) -> np.ndarray:
    """The memory of a value as an ndarray."""
    b = v.buf
    if type(b) is np.ndarray:
        return b
    return b.numpy(v.meta.shape, v.meta.dtype.np)


def run_little(
    path: list[Node], outputs: list[int], metas: list[Any], tr: Frame
) -> list[Any] | None:
    """As `run_references` for work that is little and has no effects: no result is let go before
    the end. None, with nothing done, where anything is unusual.
    """
    try:
        return _silent.run(_run_little, path, outputs, metas, tr)
    except Exception:  # the careful way raises it again, and says where it comes from
        return None  # (or another thread is in that context)


def _run_little(
    path: list[Node], outputs: list[int], metas: list[Any], tr: Frame
) -> list[Any] | None:
    env: dict[int, Any] = {}
    given: set[int] = set()
    inputs, scalars = iter(tr.inputs), iter(tr.scalars)
    for n in path:
        kind = n.kind
        if kind is OP:
            if n.fixed:
                env.update(n.fixed)
            for s in n.scalar:
                env[s] = next(scalars)
            op, ins, m = n.op, n.ins, n.meta
            count = len(ins)
            if count == 1:
                arrays = [env[ins[0]]]
            elif count == 2:
                arrays = [env[ins[0]], env[ins[1]]]
            else:
                arrays = [env[s] for s in ins]
            direct = op.direct
            if direct is not None:
                out = direct(*arrays)
                d = out.dtype
                if d is m.dtype.np and (d is _FLOAT32 or d is _FLOAT64):
                    env[n.slot] = out
                    continue
            out = op.reference(arrays, n.attrs, n.metas)
            if type(out) is not tuple and len(n.metas) == 1:
                env[n.slot] = out
            else:
                for k, a in enumerate(out or ()):
                    env[n.slot + k] = a
        elif kind is INPUT:
            v = next(inputs)
            b = v.buf
            given.add(id(b))
            env[n.slot] = b if type(b) is np.ndarray else array_of(v)
        elif kind is BUNDLE:
            return None
    return [_owned(env[s], m, given) for s, m in zip(outputs, metas, strict=True)]


def run_one(op: Any, arrays: list[Any], attrs: tuple[Any, ...], m: Any) -> np.ndarray | None:
    """The one result of an op, in memory of its own, as `run_little` gives it. None where anything
    is unusual.
    """
    try:
        return _silent.run(_run_one, op, arrays, attrs, m)
    except Exception:  # as above
        return None


def _run_one(op: Any, arrays: list[Any], attrs: tuple[Any, ...], m: Any) -> np.ndarray:
    direct = op.direct
    if direct is not None:
        out = direct(*arrays)
        d = out.dtype
        if d is m.dtype.np and (d is _FLOAT32 or d is _FLOAT64):
            return out if type(out) is np.ndarray and out.base is None else np.array(out)
    out = op.reference(arrays, attrs, (m,))
    return _owned(out[0] if type(out) is tuple else out, m, set(map(id, arrays)))


def run_references(
    path: list[Node], needed: set[int] | None, outputs: list[int], metas: list[Any], tr: Frame,
    errors: list[Exception] | None = None,
) -> list[Any]:  # fmt: skip
    """Runs the nodes at the positions `needed` (all for None); the outputs as memory of their own.

    errors: what an op raises is collected there, and what depends on it is None. Nothing is
    updated then.
    """
    env: dict[int, Any] = {}
    inputs = iter(tr.inputs)
    scalars = iter(tr.scalars)
    last: dict[int, int] = {}
    for position, n in enumerate(path):
        for s in n.ins:
            last[s] = position
    for s in outputs:
        last[s] = -1
    effects: list[tuple[Any, list[Any]]] = []
    with np.errstate(all="ignore"):
        for position, n in enumerate(path):
            kind = n.kind
            if kind is INPUT:
                env[n.slot] = array_of(next(inputs))
                continue
            if kind is MODE:
                continue
            if kind is BUNDLE:
                bundle: Any = next(inputs)
                for k, a in enumerate(bundle.arrays()):
                    env[n.slot + k] = a
                continue
            if n.fixed:
                env.update(n.fixed)
            for s in n.scalar:
                env[s] = next(scalars)
            if needed is not None and position not in needed:
                continue
            if errors is not None and (n.op.kind == "effect" or any(s not in env for s in n.ins)):
                continue
            if n.op.kind == "effect":
                effects.append((n, _apart(n, env)))
                continue
            try:
                out = n.op.reference([env[s] for s in n.ins], n.attrs, n.metas)
            except Exception as e:
                if errors is not None:
                    errors.append(e)
                    continue
                if n.where:
                    e.add_note(f"recorded at {n.where}")
                if not isinstance(e, MemoryError):
                    raise
                raise RuntimeError(
                    f"out of memory in {n.op.name} -> {list(n.metas)}: {e}"
                ) from None
            if len(n.metas) == 1 and not isinstance(out, tuple):
                env[n.slot] = out
            else:
                for k, a in enumerate(out or ()):
                    env[n.slot + k] = a
            for s in n.ins:
                if last[s] == position:
                    env.pop(s, None)
        given = {id(v.buf) for v in tr.inputs if type(v) is Value}
        buffers = [
            _owned(env[s], m, given) if s in env or errors is None else None
            for s, m in zip(outputs, metas, strict=True)
        ]
        for n, arrays in effects:  # in memory, after all that reads it
            n.op.reference(arrays, n.attrs, n.metas)
    return buffers


def without_views(path: list[Node], slot: int) -> tuple[Node, int, list[Node]]:
    """What a chain of views that ends in this slot was made of, and by which node; the views, the
    last one first.
    """
    views: list[Node] = []
    for n in reversed(path):
        if n.slot <= slot < n.slot + len(n.metas):
            if n.kind is not OP or not n.op.view:
                return n, slot, views
            views.append(n)
            slot = n.ins[0]
    raise RuntimeError(f"internal error: no node of the path made slot {slot}")


def seen_through(views: list[Node], a: np.ndarray) -> np.ndarray:
    """What a chain of views, the last one first, shows of an array: that itself, if there is none,
    or memory of its own.
    """
    if not views:
        return a
    seen: Any = a
    for n in reversed(views):
        seen = n.op.reference([seen], n.attrs, n.metas)
    return _owned(seen, views[0].meta, {id(a)})


def _apart(n: Node, env: dict[int, Any]) -> list[Any]:
    """The operands of an effect; those that the frame computed must not be the memory of an
    input.
    """
    arrays = [env[s] for s in n.ins]
    for position in n.op.computed(n.attrs):
        arrays[position] = np.array(arrays[position])
    return arrays


def _owned(a: Any, m: Any, given: set[int]) -> np.ndarray:
    """The result as contiguous memory that nothing else refers to."""
    r = a if type(a) is np.ndarray else np.asarray(a)
    if r.dtype is not m.dtype.np and r.dtype != m.dtype.np:
        r = rounded(r, m.dtype.np)
    if r.shape != m.shape:
        raise RuntimeError(f"internal error: a reference gave shape {r.shape}, its rule {m.shape}")
    if r.base is not None or id(r) in given or (r.ndim > 1 and not r.flags.c_contiguous):
        r = r.copy(order="C")
    given.add(id(r))
    return r
