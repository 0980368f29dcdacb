"""Short programs that run with both packages and must show the same.

A program is a few statements over `torch` (the package), `np`, and three helpers: `show(...)` notes
what its arguments are (facts now, numbers later, so that showing does not end a frame), `fails(f)`
notes the class and text of what f raises, `raises(f)` the class alone. Under Facula a program runs
several times: from the second time on it is compiled; then with frames ended after each statement,
after all of them, and with every tensor printed after each statement. Recording must not be visible
in any of them.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np


def programs(text: str) -> list[tuple[str, str]]:
    """(name, program) of a table: each program starts with a line `# name`."""
    parts = re.split(r"^# (.+)$", text, flags=re.M)
    return [(parts[k].strip(), parts[k + 1].strip()) for k in range(1, len(parts), 2)]


def _text(error: BaseException) -> str:
    text = str(error).replace("facula", "torch")
    return re.sub(r"0x[0-9a-f]+", "0x", text).split("\nException raised")[0].strip()


class _Show:
    """What a program showed: facts at once, numbers when it is over."""

    def __init__(self, package: Any) -> None:
        self.package = package
        self.notes: list[Any] = []

    def show(self, *xs: Any) -> None:
        for x in xs:
            self.notes.append(self._facts(x))

    def _facts(self, x: Any) -> Any:
        if isinstance(x, self.package.Tensor):
            fn = x.grad_fn
            facts = (
                tuple(x.shape), str(x.dtype), tuple(x.stride()), x.storage_offset(),
                x.requires_grad, x.is_leaf, x.is_contiguous(), None if fn is None else fn.name(),
            )  # fmt: skip
            with self.package.no_grad():
                return ("tensor", facts, x.detach().clone())
        if isinstance(x, (list, tuple)):
            return [self._facts(a) for a in x]
        if isinstance(x, dict):
            return {k: self._facts(a) for k, a in x.items()}
        if isinstance(x, np.ndarray):
            return ("array", x.dtype.str, x.shape, x.copy())
        return x if isinstance(x, (int, float, str, bool, type(None))) else str(x)

    def fails(self, f: Callable[[], Any]) -> None:
        try:
            f()
        except Exception as e:
            self.notes.append(("raised", type(e).__name__, _text(e)))
        else:
            self.notes.append("raised nothing")

    def raises(self, f: Callable[[], Any]) -> None:
        try:
            f()
        except Exception as e:
            self.notes.append(("raised", type(e).__name__))
        else:
            self.notes.append("raised nothing")

    def numbers(self, note: Any) -> Any:
        if isinstance(note, tuple) and len(note) == 3 and note[0] == "tensor":
            t = note[2]
            t = t.float() if "bfloat16" in note[1][1] else t
            return ("tensor", note[1], t.tolist())
        if isinstance(note, tuple) and len(note) == 4 and note[0] == "array":
            return (*note[:3], note[3].tolist())
        if isinstance(note, list):
            return [self.numbers(n) for n in note]
        if isinstance(note, dict):
            return {k: self.numbers(n) for k, n in note.items()}
        return note


def run(
    package: Any,
    program: str,
    after: set[int] | None = None,
    step: Callable[..., Any] | None = None,
) -> list[Any]:
    """What a program showed; `step(namespace)` is called after the statements with these
    numbers.
    """
    tree = ast.parse(program)
    shown = _Show(package)
    names: dict[str, Any] = {
        "torch": package, "np": np, "show": shown.show, "fails": shown.fails,
        "raises": shown.raises,
    }  # fmt: skip
    if hasattr(package, "manual_seed"):
        package.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for k, statement in enumerate(tree.body):
                code = compile(ast.Module([statement], []), "<program>", "exec")
                exec(code, names)
                if step is not None and after is not None and k in after:
                    step(names)
        except Exception as e:
            shown.notes.append(("stopped", type(e).__name__, _text(e)))
        return [shown.numbers(n) for n in shown.notes]


def equal(a: Any, b: Any, tolerance: float = 1e-5) -> bool:
    """Whether two notes agree, numbers within a relative tolerance."""
    if isinstance(a, float) and isinstance(b, float):
        if a != a or b != b:
            return a != a and b != b
        return a == b or abs(a - b) <= tolerance * max(1.0, abs(a), abs(b))
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(equal(x, y, tolerance) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k], tolerance) for k in a)
    return type(a) is type(b) and bool(a == b)


def _flush(names: dict[str, Any]) -> None:
    from facula.trace.replay import flush

    flush()


def _read(names: dict[str, Any]) -> None:
    import facula

    for x in list(names.values()):
        if isinstance(x, facula.Tensor):
            str(x)


def check(program: str) -> None:
    """Asserts that a program shows the same with both packages, however its frames end."""
    import torch

    import facula

    expected = run(torch, program)
    count = len(ast.parse(program).body)
    everywhere = set(range(count))
    ways: list[tuple[str, set[int] | None, Any]] = [(f"run {k + 1}", None, None) for k in range(3)]
    ways += [(f"frames end everywhere, run {k + 1}", everywhere, _flush) for k in range(2)]
    ways += [("everything is read", everywhere, _read)]
    ways += [(f"a frame ends after statement {k}", {k}, _flush) for k in range(count - 1)]
    for name, after, step in ways:
        found = run(facula, program, after, step)
        if not equal(expected, found):
            lines = [f"{name}:"]
            for k in range(max(len(expected), len(found))):
                e = expected[k] if k < len(expected) else "nothing"
                f = found[k] if k < len(found) else "nothing"
                if not equal(e, f):
                    lines += [f"  note {k}", f"    torch  {e}", f"    facula {f}"]
            raise AssertionError("\n".join(lines))
