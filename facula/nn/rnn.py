"""Recurrent layers and cells. A layer's sequence is one record (facula/ops/recurrent.py) for
each direction.
"""

from __future__ import annotations

import math
import numbers
import warnings
from typing import Any

import facula

from ..ops import elementwise as e
from ..ops.indexing import zeros
from ..ops.linear import linear as affine
from ..ops.movement import SLICE, cat, reshape, transpose
from ..ops.recurrent import GRU as GRU_RUN
from ..ops.recurrent import LSTM as LSTM_RUN
from ..ops.recurrent import RNN_RELU, RNN_TANH
from ..tensor import Tensor, wrap
from ..trace.formula import as_one
from ..trace.recorder import record1, record_many
from ..trace.values import Value
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter
from .utils.rnn import PackedSequence

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}
_RUNS = {"LSTM": LSTM_RUN, "GRU": GRU_RUN, "RNN_TANH": RNN_TANH, "RNN_RELU": RNN_RELU}


class RNNBase(Module):
    """What RNN, LSTM and GRU share: parameters of every layer and direction, and the run over
    them.
    """

    def __init__(
        self, mode: str, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
        proj_size: int = 0, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.mode, self.input_size, self.hidden_size, self.num_layers = (
            mode,
            input_size,
            hidden_size,
            num_layers,
        )
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.proj_size = bidirectional, proj_size
        self._check_arguments(dropout)
        gates = _GATES[mode] * hidden_size
        real = proj_size if proj_size > 0 else hidden_size
        self._all_weights: list[list[str]] = []
        for layer in range(num_layers):
            for direction in range(2 if bidirectional else 1):
                suffix = f"_l{layer}" + ("_reverse" if direction else "")
                wide = input_size if layer == 0 else real * (2 if bidirectional else 1)
                shapes: dict[str, Any] = {"weight_ih": (gates, wide), "weight_hh": (gates, real)}
                if bias:
                    shapes.update(bias_ih=(gates,), bias_hh=(gates,))
                if proj_size > 0:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                for name, shape in shapes.items():
                    values = facula.empty(shape, device=device, dtype=dtype)
                    self.register_parameter(name + suffix, Parameter(values))
                self._all_weights.append([name + suffix for name in shapes])
        self.reset_parameters()

    def _check_arguments(self, dropout: Any) -> None:
        known = isinstance(dropout, numbers.Number) and not isinstance(dropout, bool)
        if not known or not 0 <= dropout <= 1:
            raise ValueError(
                "dropout should be a number in range [0, 1] representing the probability of an "
                "element being zeroed"
            )
        if dropout > 0 and self.num_layers == 1:
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero "
                f"dropout expects num_layers greater than 1, but got dropout={dropout} and "
                f"num_layers={self.num_layers}",
                stacklevel=4,
            )
        for name, kind in (("input_size", int), ("hidden_size", int), ("batch_first", bool)):
            value = getattr(self, name)
            if not isinstance(value, kind):
                raise TypeError(
                    f"{name} should be of type {kind.__name__}, got: {type(value).__name__}"
                )
        if self.hidden_size <= 0:
            raise ValueError("hidden_size must be greater than zero")
        if self.num_layers <= 0:
            raise ValueError("num_layers must be greater than zero")
        if self.proj_size < 0:
            raise ValueError(
                "proj_size should be a positive integer or zero to disable projections"
            )
        if self.proj_size >= self.hidden_size:
            raise ValueError("proj_size has to be smaller than hidden_size")

    def reset_parameters(self) -> None:
        """Draws the initial values again: uniform on [-1/sqrt(hidden_size),
        1/sqrt(hidden_size)].
        """
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def flatten_parameters(self) -> None:
        """Does nothing: parameters need not lie next to each other."""

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    @property
    def _flat_weights(self) -> list[Parameter]:
        return [p for group in self.all_weights for p in group]

    @property
    def _flat_weights_names(self) -> list[str]:
        return [name for names in self._all_weights for name in names]

    # ------------------------------------------------------------ checks
    def _check_input(self, input: Tensor, packed: bool) -> None:
        weight: Any = self._parameters["weight_ih_l0"]
        if input.dtype is not weight.dtype:
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({weight.dtype}). "
                f"Convert input: input.to({weight.dtype}), or convert model: "
                f"model.to({input.dtype})"
            )
        expected = 2 if packed else 3
        if input.dim() != expected:
            raise RuntimeError(f"input must have {expected} dimensions, got {input.dim()}")
        if self.input_size != input.size(-1):
            raise RuntimeError(
                "input.size(-1) must be equal to input_size. Expected "
                f"{self.input_size}, got {input.size(-1)}"
            )

    def _state_sizes(self) -> tuple[int, ...]:
        """The width of each state."""
        return (self.hidden_size,)

    def _check_states(self, states: list[Tensor], batch: int) -> None:
        count = self.num_layers * (2 if self.bidirectional else 1)
        for k, (state, width) in enumerate(zip(states, self._state_sizes(), strict=True)):
            if tuple(state.shape) != (count, batch, width):
                which = f"hidden[{k}]" if len(states) > 1 else "hidden"
                raise RuntimeError(
                    f"Expected {which} size {(count, batch, width)}, got {list(state.shape)}"
                )

    def _check_dimensions(self, states: list[Tensor], batched: bool) -> None:
        wanted = 3 if batched else 2
        if all(s.dim() == wanted for s in states):
            return
        what = "For batched 3-D input, " if batched else "For unbatched 2-D input, "
        if len(states) > 1:
            got = ", ".join(f"{s.dim()}-D" for s in states)
            raise RuntimeError(f"{what}hx and cx should also be {wanted}-D but got ({got}) tensors")
        raise RuntimeError(f"{what}hx should also be {wanted}-D but got {states[0].dim()}-D tensor")

    # ------------------------------------------------------------ the run
    def forward(self, input: Any, hx: Any = None) -> Any:
        if isinstance(input, PackedSequence):
            return self._packed(input, hx)
        if input.dim() not in (2, 3):
            name = type(self).__name__
            tensor = " tensor" if name == "RNN" else ""
            raise ValueError(
                f"{name}: Expected input to be 2D or 3D, got {input.dim()}D{tensor} instead"
            )
        batched = input.dim() == 3
        states = self._states(hx)
        if states is not None:
            self._check_dimensions(states, batched)
        v = input._v
        if not batched:
            shape = v.meta.shape
            v = reshape(v, (1, *shape) if self.batch_first else (shape[0], 1, shape[1]))
            states = (
                None
                if states is None
                else [wrap(reshape(s._v, (s.shape[0], 1, s.shape[1]))) for s in states]
            )
        self._check_input(input if batched else wrap(v), False)
        if self.batch_first:
            v = transpose(v, 0, 1)
        steps, batch, width = v.meta.shape
        if steps == 0:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
        if states is not None:
            self._check_states(states, batch)
        flat, last = self._run(reshape(v, (steps * batch, width)), (batch,) * steps, states)
        wide = flat.meta.shape[1]
        if batched:
            r: Any = wrap(reshape(flat, (steps, batch, wide)))
            if self.batch_first:
                r = r.transpose(0, 1)
        else:
            r = wrap(reshape(flat, (steps, wide)))
            last = [reshape(s, (s.meta.shape[0], s.meta.shape[2])) for s in last]
        return r, self._hidden([wrap(s) for s in last])

    def _packed(self, input: PackedSequence, hx: Any) -> Any:
        data, batch_sizes, sorted_indices, unsorted_indices = input
        self._check_input(data, True)
        sizes = tuple(batch_sizes.tolist())
        states = self._states(hx)
        if states is not None:
            self._check_states(states, sizes[0])
            if sorted_indices is not None:
                states = [s.index_select(1, sorted_indices) for s in states]
        flat, last = self._run(data._v, sizes, states)
        finals = [wrap(s) for s in last]
        if unsorted_indices is not None:
            finals = [s.index_select(1, unsorted_indices) for s in finals]
        packed = PackedSequence(wrap(flat), batch_sizes, sorted_indices, unsorted_indices)
        return packed, self._hidden(finals)

    def _states(self, hx: Any) -> list[Tensor] | None:
        return None if hx is None else [hx]

    def _hidden(self, states: list[Tensor]) -> Any:
        return states[0]

    def _run(
        self, x: Value, sizes: tuple[int, ...], states: list[Tensor] | None
    ) -> tuple[Value, list[Value]]:
        """All layers: (results [total, *], the last states [layers * directions, N, *])."""
        directions = 2 if self.bidirectional else 1
        finals: list[list[Value]] = [[] for _ in self._state_sizes()]
        for layer in range(self.num_layers):
            outs = []
            for direction in range(directions):
                index = layer * directions + direction
                start = [
                    zeros((sizes[0], width), x) if states is None else states[k][index]._v
                    for k, width in enumerate(self._state_sizes())
                ]
                out, *last = self._direction(x, sizes, start, index, direction == 1)
                outs.append(out)
                for k, s in enumerate(last):
                    finals[k].append(reshape(s, (1, *s.meta.shape)))
            x = outs[0] if directions == 1 else cat(outs, 1)
            if self.dropout > 0 and self.training and layer < self.num_layers - 1:
                x = self._dropped(x, sizes)
        return x, [parts[0] if len(parts) == 1 else cat(parts, 0) for parts in finals]

    def _dropped(self, x: Value, sizes: tuple[int, ...]) -> Value:
        return F.dropout(wrap(x), self.dropout, True)._v

    def _direction(
        self, x: Value, sizes: tuple[int, ...], start: list[Value], index: int, reverse: bool
    ) -> list[Value]:
        p: Any = self._parameters
        names = self._all_weights[index]
        weights = [p[name]._v for name in names]
        w_ih, w_hh, rest = weights[0], weights[1], weights[2:]
        bias = None
        more: list[Value] = []
        if self.bias:
            bias, hidden_bias, *rest = rest
            if self.mode == "GRU":
                more = [hidden_bias]
            else:
                bias = e.add(bias, hidden_bias)
        product = affine(x, w_ih, bias)
        outs = record_many(
            _RUNS[self.mode], (product, w_hh, *start, *more, *rest), (sizes, reverse)
        )
        return outs[: 1 + len(start)]

    def extra_repr(self) -> str:
        s = f"{self.input_size}, {self.hidden_size}"
        if self.proj_size != 0:
            s += f", proj_size={self.proj_size}"
        if self.num_layers != 1:
            s += f", num_layers={self.num_layers}"
        for name, default in (
            ("bias", True),
            ("batch_first", False),
            ("dropout", 0),
            ("bidirectional", False),
        ):
            if getattr(self, name) != default:
                s += f", {name}={getattr(self, name)}"
        return s


class RNN(RNNBase):
    """h = tanh(W_ih x + b_ih + W_hh h + b_hh) (or relu) over a sequence, in layers.

    Input (L, N, input_size), with batch_first (N, L, input_size), (L, input_size) or a
    PackedSequence; states (num_layers * directions, N, hidden_size), zeros by default. Returns
    (results, last state).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        if len(args) > 3:
            self.nonlinearity = args[3]
            args = args[:3] + args[4:]
        else:
            self.nonlinearity = kwargs.pop("nonlinearity", "tanh")
        if self.nonlinearity not in ("tanh", "relu"):
            raise ValueError(
                f"Unknown nonlinearity '{self.nonlinearity}'. Select from 'tanh' or 'relu'."
            )
        super().__init__("RNN_" + self.nonlinearity.upper(), *args, **kwargs)


class GRU(RNNBase):
    """Gated recurrent units (Cho et al., 2014) over a sequence, in layers; see RNN for the
    shapes.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        super().__init__("GRU", *args, **kwargs)


class LSTM(RNNBase):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997) over a sequence, in layers.

    As RNN, with a pair of states (h, c). proj_size: h is a projection of this width.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)

    def _state_sizes(self) -> tuple[int, ...]:
        return (self.proj_size if self.proj_size > 0 else self.hidden_size, self.hidden_size)

    def _states(self, hx: Any) -> list[Tensor] | None:
        return None if hx is None else [hx[0], hx[1]]

    def _hidden(self, states: list[Tensor]) -> Any:
        return states[0], states[1]


# ---------------------------------------------------------------- cells
class RNNCellBase(Module):
    """One step: the parameters, their initial values and their text."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        wide = num_chunks * hidden_size
        shapes = {
            "weight_ih": (wide, input_size), "weight_hh": (wide, hidden_size),
            "bias_ih": (wide,), "bias_hh": (wide,),
        }  # fmt: skip
        for name, shape in shapes.items():
            wanted = bias or not name.startswith("bias")
            values = facula.empty(shape, device=device, dtype=dtype) if wanted else None
            self.register_parameter(name, None if values is None else Parameter(values))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws the initial values again: uniform on [-1/sqrt(hidden_size),
        1/sqrt(hidden_size)].
        """
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def _prepared(self, input: Tensor, states: list[Tensor | None]) -> tuple[bool, Any, list[Any]]:
        """(whether there is a batch, the input with one, the states with one)."""
        name = type(self).__name__
        if input.dim() not in (1, 2):
            raise ValueError(f"{name}: Expected input to be 1D or 2D, got {input.dim()}D instead")
        for k, s in enumerate(states):
            if s is not None and s.dim() not in (1, 2):
                which = f"hx[{k}]" if len(states) > 1 else "hidden"
                raise ValueError(f"{name}: Expected {which} to be 1D or 2D, got {s.dim()}D instead")
        batched = input.dim() == 2
        x: Any = input if batched else input.unsqueeze(0)
        made = []
        rows, wide = x._v.meta.shape
        if wide != self.input_size:
            raise RuntimeError(
                f"input has inconsistent input_size: got {wide} expected {self.input_size}"
            )
        for s in states:
            h: Any = s
            if h is None:
                h = facula.zeros(rows, self.hidden_size, dtype=input.dtype)
            elif not batched:
                h = h.unsqueeze(0)
            has, size = h._v.meta.shape
            if has != rows:
                raise RuntimeError(
                    f"Input batch size {rows} doesn't match hidden0 batch size {has}"
                )
            if size != self.hidden_size:
                raise RuntimeError(
                    f"hidden0 has inconsistent hidden_size: got {size}, expected {self.hidden_size}"
                )
            made.append(h)
        return batched, x, made

    def _products(self, x: Any, h: Any) -> tuple[Any, Any]:
        p = self._parameters
        return (
            F.linear(x, p["weight_ih"], p["bias_ih"]), F.linear(h, p["weight_hh"], p["bias_hh"])
        )  # fmt: skip

    def extra_repr(self) -> str:
        s = f"{self.input_size}, {self.hidden_size}"
        if self.bias is not True:
            s += f", bias={self.bias}"
        nonlinearity = getattr(self, "nonlinearity", "tanh")
        if nonlinearity != "tanh":
            s += f", nonlinearity={nonlinearity}"
        return s


def _gate(v: Value, k: int, size: int) -> Value:
    """The part of (N, gates * size) that is the k-th gate's."""
    return record1(SLICE, v, ((0, k * size), (v.meta.shape[0], (k + 1) * size), (1, 1)))


def _lstm_state(gates: Value, c: Value, size: int) -> Value:
    i, f, g = (_gate(gates, k, size) for k in range(3))
    kept = e.mul(record1(e.SIGMOID, f), c)
    return e.add(kept, e.mul(record1(e.SIGMOID, i), record1(e.TANH, g)))


def _lstm_output(gates: Value, c: Value, size: int) -> Value:
    return e.mul(record1(e.SIGMOID, _gate(gates, 3, size)), record1(e.TANH, c))


def _gru_state(a: Value, b: Value, h: Value, size: int) -> Value:
    r, z = (record1(e.SIGMOID, e.add(_gate(a, k, size), _gate(b, k, size))) for k in range(2))
    n = record1(e.TANH, e.add(_gate(a, 2, size), e.mul(r, _gate(b, 2, size))))
    return e.add(n, e.mul(z, e.sub(h, n)))


class RNNCell(RNNCellBase):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu. Input (N, input_size) or (input_size)."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh",
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        batched, x, (h,) = self._prepared(input, [hx])
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        a, b = self._products(x, h)
        r = (a + b).tanh() if self.nonlinearity == "tanh" else (a + b).relu()
        return r if batched else r.squeeze(0)


class LSTMCell(RNNCellBase):
    """One step of LSTM: input (N, input_size) or (input_size) and states (h, c) give (h', c')."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: Any = None) -> tuple[Tensor, Tensor]:
        if hx is not None and not isinstance(hx, (tuple, list)):
            raise TypeError(
                "lstm_cell(): argument 'hx' (position 2) must be tuple of Tensors, not Tensor"
            )
        batched, x, (h, c) = self._prepared(input, [None, None] if hx is None else list(hx))
        a, b = self._products(x, h)
        gates = e.add(a._v, b._v)
        new = as_one(_lstm_state, (gates, c._v), (self.hidden_size,))
        h, c = wrap(as_one(_lstm_output, (gates, new), (self.hidden_size,))), wrap(new)
        return (h, c) if batched else (h.squeeze(0), c.squeeze(0))


class GRUCell(RNNCellBase):
    """One step of GRU: input (N, input_size) or (input_size) and state h give h'."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        batched, x, (h,) = self._prepared(input, [hx])
        a, b = self._products(x, h)
        out = wrap(as_one(_gru_state, (a._v, b._v, h._v), (self.hidden_size,)))
        return out if batched else out.squeeze(0)
