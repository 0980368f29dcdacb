"""The text of a tensor, equal to PyTorch's `repr` character for character.

Users print tensors, compare logs and keep doctests: an unmodified script must print what it printed
before. This module knows NumPy arrays and dtypes only; the Tensor class hands it its values, which
may be millions of elements: what is not shown is never read.

The rules, as observed: all shown elements share one number format (integers with a trailing point,
fixed point, or scientific notation, chosen from the largest and smallest finite nonzero magnitudes)
and one width; rows wrap at `linewidth`; above `threshold` elements only `edgeitems` at both ends of
each dimension are shown; facts that differ from the defaults (device, dtype, gradient) follow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from . import dtypes

_PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}
_options: dict[str, Any] = {**_PROFILES["default"], "sci_mode": None}

_PREFIX = "tensor("
_LARGEST_FIXED = 1e8
_SMALLEST_FIXED = 1e-4
_LARGEST_RATIO = 1000.0


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Sets how tensors are printed; what is None stays as it is, except `sci_mode`.

    Args:
        precision: digits after the decimal point (default 4).
        threshold: number of elements above which a tensor is summarised (default 1000).
        edgeitems: elements shown at each end of a summarised dimension (default 3).
        linewidth: characters in a line before elements wrap (default 80).
        profile: "default", "short" or "full": sets the four above first.
        sci_mode: True always, False never scientific notation; None (also when it is left out, as
            in PyTorch): chosen from the values.
    """
    if profile is not None:
        _options.update(_PROFILES.get(profile, {}))
    given = {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": linewidth,
    }
    _options.update({name: value for name, value in given.items() if value is not None})
    _options["sci_mode"] = sci_mode


def get_printoptions() -> dict[str, Any]:
    """A copy of the current options, as keyword arguments of `set_printoptions`."""
    return dict(_options)


@contextmanager
def printoptions(**kwargs: Any) -> Iterator[None]:
    """Sets the options of `set_printoptions` inside a `with` block and restores them after it."""
    before = get_printoptions()
    try:
        set_printoptions(**kwargs)
        yield
    finally:
        _options.update(before)


class _Format:
    """One format and one width for all elements of a real array: call it with a Python scalar."""

    def __init__(self, values: np.ndarray, dtype: dtypes.dtype) -> None:
        self.floating = dtype.is_floating_point or dtype.is_complex
        self.spec = ""
        self.point = False  # whole numbers, written with a bare trailing point
        self.width = 1
        if not self.floating:
            self.width = max((len(str(v)) for v in values.ravel().tolist()), default=1)
            return
        flat = values.ravel().astype(np.float64)
        magnitudes = np.abs(flat[np.isfinite(flat) & (flat != 0)])
        precision, scientific = _options["precision"], _options["sci_mode"]
        self.spec = f".{precision}f"
        if magnitudes.size == 0:
            self.point = True
            self.spec = ".0f"
            self._widen(flat[:0])
            return
        high, low = float(magnitudes.max()), float(magnitudes.min())
        whole = bool((magnitudes == np.ceil(magnitudes)).all())
        if scientific is None:
            scientific = high / low > _LARGEST_RATIO or high > _LARGEST_FIXED
            scientific = scientific or (not whole and low < _SMALLEST_FIXED)
        if scientific:
            self.spec = f".{precision}e"
        elif whole:
            self.point = True
            self.spec = ".0f"
        self._widen(flat[np.isfinite(flat) & (flat != 0)])

    def _widen(self, values: np.ndarray) -> None:
        """Non-finite values and zeros take no part in the width, as in PyTorch."""
        self.width = max((len(self.text(v)) for v in values.tolist()), default=1)

    def text(self, value: Any) -> str:
        if not self.floating:
            return str(value)
        text = format(value, self.spec)
        return text + "." if self.point and math.isfinite(value) else text

    def __call__(self, value: Any) -> str:
        return self.text(value).rjust(self.width)


class _ComplexFormat:
    """Real and imaginary parts each have a format of their own: `1.0000+2.j`."""

    def __init__(self, values: np.ndarray, dtype: dtypes.dtype) -> None:
        self.real = _Format(values.real, dtype)
        self.imag = _Format(values.imag, dtype)
        self.width = self.real.width + self.imag.width + 1

    def __call__(self, value: complex) -> str:
        imag = self.imag(value.imag).lstrip()
        sign = "" if imag.startswith(("-", "+")) else "+"
        return f"{self.real(value.real)}{sign}{imag}j"


def _visible(array: np.ndarray) -> np.ndarray:
    """The elements that a summary shows: both ends of every dimension that is too long."""
    edge = _options["edgeitems"]
    kept = [
        np.r_[0:edge, size - edge : size] if size > 2 * edge else np.arange(size)
        for size in array.shape
    ]
    # One lookup for all dimensions: one after the other would copy most of the array at first.
    return array[np.ix_(*kept)] if kept else array


def _row(array: np.ndarray, indent: int, summarize: bool, form: _Format | _ComplexFormat) -> str:
    """The text of a 1-D array, wrapped at `linewidth`; `indent` is the column of its bracket."""
    edge = _options["edgeitems"]
    if summarize and not edge:
        cells = ["..."]
    elif summarize and array.size > 2 * edge:
        head, tail = array[:edge].tolist(), array[-edge:].tolist()
        cells = [form(v) for v in head] + [" ..."] + [form(v) for v in tail]
    else:
        cells = [form(v) for v in array.tolist()]
    per_line = max(1, (_options["linewidth"] - indent) // (form.width + len(", ")))
    lines = [", ".join(cells[i : i + per_line]) for i in range(0, len(cells), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _block(array: np.ndarray, indent: int, summarize: bool, form: _Format | _ComplexFormat) -> str:
    """The text of an array of any rank whose first bracket stands in column `indent`."""
    if array.ndim == 0:
        return form(array.item())
    if array.ndim == 1:
        return _row(array, indent, summarize, form)
    edge, size = _options["edgeitems"], array.shape[0]
    if summarize and size > 2 * edge:
        parts = [_block(array[i], indent + 1, summarize, form) for i in range(edge)]
        parts.append("...")
        parts += [_block(array[i], indent + 1, summarize, form) for i in range(size - edge, size)]
    else:
        parts = [_block(a, indent + 1, summarize, form) for a in array]
    separator = "," + "\n" * (array.ndim - 1) + " " * (indent + 1)
    return "[" + separator.join(parts) + "]"


def _values(array: np.ndarray, dtype: dtypes.dtype, indent: int) -> str:
    """The bracketed elements."""
    if array.size == 0:
        return "[]"
    summarize = array.size > _options["threshold"]
    if summarize and array.ndim and not _options["edgeitems"]:
        return "[...]"
    shown = _visible(array) if summarize else array
    form = _ComplexFormat(shown, dtype) if dtype.is_complex else _Format(shown, dtype)
    return _block(array, indent, summarize, form)


def _is_default(dtype: dtypes.dtype) -> bool:
    """Whether a nonempty tensor of this dtype shows no `dtype=`: its elements already tell it."""
    default = dtypes.get_default_dtype()
    return dtype in (default, default.to_complex(), dtypes.int64, dtypes.bool_)


def _with_suffixes(text: str, suffixes: list[str], linewidth: int) -> str:
    """Appends the facts after the values, each on a new line where it would pass `linewidth`."""
    parts = [text]
    # The column count starts one past the last line's length: what PyTorch's text shows.
    column = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if column + len(suffix) + 2 > linewidth:
            parts.append(",\n" + " " * len(_PREFIX) + suffix)
            column = len(_PREFIX) + len(suffix)
        else:
            parts.append(", " + suffix)
            column += len(suffix) + 2
    return "".join(parts)


def format_tensor(
    array: np.ndarray,
    dtype: dtypes.dtype,
    *,
    requires_grad: bool = False,
    grad_fn_name: str | None = None,
    device: object = "cpu",
    is_parameter: bool = False,
) -> str:
    """The text that `repr` of a tensor gives, equal to PyTorch's.

    Args:
        array: the values, of any shape; for a tensor on "meta", any array of the right shape (its
            memory is not read).
        dtype: the tensor's dtype; the array has its NumPy equivalent.
        requires_grad: shown as `requires_grad=True` where there is no `grad_fn_name`.
        grad_fn_name: shown as `grad_fn=<name>`, e.g. "AddBackward0".
        device: shown where it is not the CPU.
        is_parameter: opens the text with "Parameter containing:" on a line of its own.
    """
    place = str(device)
    meta = place.partition(":")[0] == "meta"
    suffixes: list[str] = []
    if place.partition(":")[0] != "cpu":
        suffixes.append(f"device='{place}'")
    if meta:
        text = "..."
    else:
        text = _values(array, dtype, len(_PREFIX))
    size_hidden = array.size == 0 and array.ndim != 1
    if meta or size_hidden or (array.size and not _options["edgeitems"]):
        suffixes.append(f"size={array.shape!r}")
    # Without elements only the default floating-point dtype goes without saying.
    silent = meta or array.size == 0
    if not (dtype is dtypes.get_default_dtype() if silent else _is_default(dtype)):
        suffixes.append(f"dtype={dtype!r}")
    if grad_fn_name is not None:
        suffixes.append(f"grad_fn=<{grad_fn_name}>")
    elif requires_grad:
        suffixes.append("requires_grad=True")
    body = _with_suffixes(_PREFIX + text, suffixes, _options["linewidth"]) + ")"
    return f"Parameter containing:\n{body}" if is_parameter else body
