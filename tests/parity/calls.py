"""Calls that are made with both packages and must do the same: values, dtypes, shapes, errors.

A call is the text of an expression over `torch` (the package), `np`, and makers of operands:
`f32(3, 4)` is a float32 tensor of that shape with fixed contents, likewise f16 f64 bf16 i8 i16 i32
i64 u8 b c64 c128; `pos64(3)` and `unit64(3)` are float64 inside (0.2, 3) and (-0.9, 0.9),
`odd32(n)` holds NaN, infinities and zeros. `grads(f, *tensors)` is the result of f and the
gradients of its weighted sum. Under Facula a call is made three times: NumPy references run at
first sight, compiled kernels from the second time on, and both must agree. A short run (see
conftest.py) compiles one of `COMPILED` calls, chosen by its text, and makes the others once.
"""

from __future__ import annotations

import os
import re
import warnings
import zlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

DTYPES = {
    "f16": "float16",
    "f32": "float32",
    "f64": "float64",
    "bf16": "bfloat16",
    "i8": "int8",
    "i16": "int16",
    "i32": "int32",
    "i64": "int64",
    "u8": "uint8",
    "b": "bool",
    "c64": "complex64",
    "c128": "complex128",
}
COMPILED = 1 if os.environ.get("FACULA_TEST_ALL") else 4
# relative and absolute tolerance by dtype
CLOSE = {
    "float64": (1e-11, 1e-12),
    "complex128": (1e-11, 1e-12),
    "float32": (4e-6, 2e-6),
    "complex64": (1e-5, 4e-6),
    "float16": (2e-3, 1e-3),
    "bfloat16": (1.6e-2, 1e-2),
}


def contents(kind: str, shape: tuple[int, ...]) -> np.ndarray:
    """Fixed contents of an operand, different for every kind and shape."""
    rng = np.random.default_rng(zlib.crc32(f"{kind}{shape}".encode()))
    if kind == "b":
        return rng.random(shape) < 0.5
    if kind == "u8":
        return rng.integers(1, 9, shape).astype(np.uint8)
    if kind[0] == "i":
        a = rng.integers(-5, 5, shape)
        return np.where(a == 0, 5, a).astype(DTYPES[kind])
    a = np.round(rng.uniform(-3, 3, shape), 3)
    if kind[0] == "c":
        return (a + 1j * np.round(rng.uniform(-3, 3, shape), 3)).astype(DTYPES[kind])
    return np.asarray(a, np.float32 if kind in ("f16", "bf16", "f32") else np.float64)


def namespace(package: Any) -> dict[str, Any]:
    """The names that a call may use."""

    def maker(kind: str) -> Callable[..., Any]:
        def make(*shape: int) -> Any:
            return package.tensor(contents(kind, shape)).to(getattr(package, DTYPES[kind]))

        return make

    def between(low: float, high: float) -> Callable[..., Any]:
        return lambda *shape: package.tensor(
            low + (high - low) * np.random.default_rng(len(shape) + 7).random(shape)
        )

    def odd(dtype: str) -> Callable[..., Any]:
        cycle = [np.nan, 1.5, -2.0, np.inf, 0.0, -np.inf, -0.0, 3.0, 1.5, 0.5, -0.5, 2.5]
        return lambda n: package.tensor(np.array([cycle[k % 12] for k in range(n)], dtype))

    def grads(f: Callable[..., Any], *tensors: Any) -> list[Any]:
        leaves = [t.detach().clone().requires_grad_() for t in tensors]
        out = f(*leaves)
        results = [r for r in (out if isinstance(out, tuple) else (out,)) if r.requires_grad]
        for k, r in enumerate(results):
            weight = package.tensor(np.cos(np.arange(r.numel()) + k)).reshape(r.shape).to(r.dtype)
            total = (r * weight).sum()
            (total.real if total.is_complex() else total).backward(retain_graph=True)
        return [out, *[t.grad for t in leaves]]

    names: dict[str, Any] = {k: maker(k) for k in DTYPES}
    names.update(
        torch=package,
        np=np,
        grads=grads,
        pos64=between(0.2, 3.0),
        unit64=between(-0.9, 0.9),
        odd32=odd("float32"),
        odd64=odd("float64"),
    )
    return names


def text_of(error: BaseException) -> str:
    """The message, without addresses and what only one of the packages adds."""
    text = str(error).replace("facula", "torch").split("\nException raised")[0]
    return re.sub(r"0x[0-9a-f]+", "0x", text).strip()


def outcome(package: Any, call: str) -> Any:
    """What a call gives, as plain data: see `plain`. What is raised counts as an outcome."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            made = eval(call, namespace(package))
            return plain(package, made)
        except Exception as e:
            return ("raised", type(e).__name__, text_of(e))


def plain(package: Any, x: Any) -> Any:
    """A result as data that can be compared: tensors as (dtype, shape, array)."""
    if isinstance(x, package.Tensor):
        dtype = str(x.dtype)
        t = x.detach()
        if dtype in ("torch.bfloat16", "torch.float16"):
            t = t.to(package.float32)
        return (
            "tensor",
            dtype,
            tuple(x.shape),
            np.array(t.tolist() if t.numel() else np.empty(x.shape)),
        )
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return ["named", *x._fields, *[plain(package, v) for v in x]]
    if type(x).__module__ == "torch.return_types":
        fields = [
            n
            for n in dir(x)
            if not n.startswith("_")
            and n not in ("count", "index", "n_fields", "n_sequence_fields", "n_unnamed_fields")
        ]
        order = sorted(fields, key=lambda n: [k for k in range(len(x)) if x[k] is getattr(x, n)][0])
        return ["named", *order, *[plain(package, v) for v in x]]
    if isinstance(x, (list, tuple)):
        return [plain(package, v) for v in x]
    if isinstance(x, dict):
        return {k: plain(package, v) for k, v in x.items()}
    if isinstance(x, np.ndarray):
        return ("array", x.dtype.str, x.shape, x.copy())
    if isinstance(x, (bool, int, float, complex, str, type(None))):
        return x
    return str(x)


def same(a: Any, b: Any, loose: float = 1.0) -> bool:
    """Whether two outcomes agree; numbers within the dtype's tolerance, times `loose`."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        if a[0] == b[0] == "raised":  # NotImplementedError is a RuntimeError that says more
            return bool(a[1] == b[1]) or (a[1], b[1]) == ("RuntimeError", "NotImplementedError")
        if a[:3] != b[:3] or a[0] == "raised":
            return False
        relative, absolute = CLOSE.get(str(a[1]).removeprefix("torch."), (1e-6, 1e-6))
        x, y = a[3], b[3]
        if x.dtype.kind in "biu" and y.dtype.kind in "biu":
            return bool((x == y).all())
        return bool(np.allclose(x, y, relative * loose, absolute * loose, equal_nan=True))
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y, loose) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k], loose) for k in a)
    if type(a) is not type(b):
        return False
    if isinstance(a, (float, complex)):
        return a == b or (a != a and b != b) or abs(a - b) <= 1e-6 * loose * max(abs(a), abs(b))
    return bool(a == b)


def differences(
    calls: Iterable[str], runs: int = 3, texts: bool = False, loose: float = 1.0
) -> list[str]:
    """A line for every call that does not do the same with both packages, in any of the runs."""
    import torch

    import facula

    found = []
    for call in calls:
        expected = outcome(torch, call)
        compiled = zlib.crc32(call.encode()) % COMPILED == 0
        for k in range(runs if compiled else 1):
            got = outcome(facula, call)
            agree = same(expected, got, loose)
            if texts and agree and isinstance(got, tuple) and got[0] == "raised":
                agree = got[2].split("\n")[0] == expected[2].split("\n")[0]
            if not agree:
                found.append(
                    f"{call}  (run {k + 1})\n    expected {_short(expected)}\n    got      "
                    f"{_short(got)}"
                )
                break
    return found


def _short(x: Any) -> str:
    text = " ".join(repr(x).split())
    return text if len(text) < 400 else text[:400] + " ..."


def check(calls: Iterable[str], texts: bool = False, loose: float = 1.0) -> None:
    """Asserts that all calls do the same with both packages."""
    found = differences(calls, texts=texts, loose=loose)
    assert not found, f"{len(found)} calls differ:\n" + "\n".join(found)
