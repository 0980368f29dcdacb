"""How an elementwise primitive is made of a NumPy function: its reference and its lowering.

Apart from the primitives themselves, which are too many for one file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..dtypes import bool_, dtype, float32, float64, from_numpy_dtype, is_half
from ..trace.values import meta
from .record import (
    Op,
    common_dtype,
    compute_dtype,
    convert,
    elementwise_example,
    elementwise_rule,
)

ELEMENTWISE = "elementwise"


def elementwise(
    name: str,
    function: Callable[..., Any],
    kind: str = "same",
    gradient: Callable[..., Any] | None = None,
    grad_name: str | None = None,
    domain: tuple[float, float] = (-3.0, 3.0),
    arity: int = 1,
    dtypes: str = "bifc",
) -> Op:
    """Defines an op whose NumPy function has NumPy's broadcasting.

    domain and dtypes: where tests draw operands, see record.Example.
    """

    plain = kind in ("same", "float")
    numbers = (float, int) if isinstance(function, np.ufunc) else ()

    def reference(arrays: Any, attrs: tuple[Any, ...], metas: Any) -> Any:
        out = metas[0]
        if plain and _ready(arrays, out.dtype, numbers):
            return function(*arrays)
        d = out.dtype if kind in ("same", "float") else _operand_dtype(kind, arrays)
        half = is_half(d)
        xs = [convert(np.asarray(a), d) for a in arrays]
        if half:  # computed in float32, rounded once: what every CPU library does
            xs = [x.astype(np.float32) for x in xs]
        return convert(np.asarray(function(*xs)), out.dtype)

    def lower(b: Any, ins: list[int], node: Any) -> list[int]:
        out = node.meta
        d = compute_dtype(kind, [b.meta(i) for i in node.ins], out)
        half = is_half(d)
        args = [b.expand(b.cast(v, d), out.shape) for v in ins]
        if half:  # computed in float32 and rounded once, as by the reference
            args = [b.cast(v, float32) for v in args]
        wide = float32 if half and out.dtype is d else out.dtype
        return [b.cast(b.add(name, tuple(args), out.shape, wide, host=function), out.dtype)]

    op = Op(
        name,
        ELEMENTWISE,
        elementwise_rule(kind, name, dtypes),
        reference,
        gradient,
        lower,
        grad_name,
        example=elementwise_example(arity, dtypes, domain),
    )
    if plain and "f" in dtypes and (numbers or (arity == 1 and kind == "same")):
        op.direct = function
    return op


def _ready(arrays: Any, d: dtype, numbers: tuple[type, ...]) -> bool:
    """Whether NumPy alone gives the result: arrays of the result's own dtype, and Python
    numbers.
    """
    if d is not float32 and d is not float64:
        return False
    own, found = d.np, False
    for a in arrays:
        if type(a) is np.ndarray:
            if a.dtype is not own:
                return False
            found = True
        elif type(a) not in numbers:
            return False
    return found


def _operand_dtype(kind: str, arrays: Any) -> dtype:
    if kind == "bool":
        return bool_
    metas = [
        a if hasattr(a, "wrapped")
        else meta(
            np.shape(a), from_numpy_dtype(np.asarray(a).dtype), wrapped=isinstance(a, (float, int))
        )
        for a in arrays
    ]  # fmt: skip
    return common_dtype(metas)
