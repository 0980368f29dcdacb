"""A pass: complex values become pairs of real ones, of which kernels are made.

Behind it complex values are left only where memory holds them: inputs, outputs, and the operands
and results of host calls. `as_real` sees such memory as real numbers along one more axis of size 2,
`as_complex` is the way back, and neither costs anything: what a kernel reads and writes there are
real numbers at every second place. An op without a formula here stays a host call on whole values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..dtypes import bool_, dtype, float32, float64
from ..graph.graph import Graph, GraphNode
from .rewrite import Rewriter

Pair = tuple[int, int]


def split_complex(graph: Graph) -> Graph:
    """Complex arithmetic as arithmetic on the parts."""
    if not any(d.is_complex for d in graph.dtypes):
        return graph
    return _Split(graph).run()


class _Split:
    """The walk: which complex values are known by their parts, and as whole ones."""

    def __init__(self, graph: Graph) -> None:
        self.r = Rewriter(graph)
        self._pairs: dict[int, Pair] = {}
        self._wholes: dict[int, int] = {}

    def run(self) -> Graph:
        r, types = self.r, self.r.old.dtypes
        for node in r.old.nodes:
            r.origin(node)
            if not any(types[v].is_complex for v in (*node.ins, *node.outs)):
                self._keep(node)
                continue
            form = _FORMS.get(node.op) if len(node.outs) == 1 else None
            found = form(self, node) if form is not None else None
            if found is None:
                self._keep(node)
            elif isinstance(found, int):
                r.value_of[node.outs[0]] = found
            else:
                self._pairs[node.outs[0]] = found
        r.graph.outputs = [self._whole(r.value_of.get(v, v)) for v in r.old.outputs]
        return r.graph

    def _keep(self, node: GraphNode) -> None:
        ins = tuple([self._whole(self.r.value_of.get(a, a)) for a in node.ins])
        found = self.r.copy(node, node.ins if ins == node.ins else ins)
        if found is not None:
            self.r.value_of[node.outs[0]] = found

    def real(self, v: int) -> int:
        """A real value by its number in the new graph."""
        return self.r.value_of.get(v, v)

    def pair(self, v: int) -> Pair:
        """The parts of a complex value; a real one has the imaginary part 0."""
        r = self.r
        v = r.value_of.get(v, v)
        dt, shape = r.type_of(v), r.shape(v)
        if not dt.is_complex:
            return v, r.uniform(0, shape, dt)
        found = self._pairs.get(v)
        if found is None:
            part, pairs = dt.to_real(), (*shape, 2)
            host = lambda a: np.ascontiguousarray(a).view(part.np).reshape(pairs)  # noqa: E731
            both = r.add("as_real", (v,), pairs, part, (), host)
            found = self._pairs[v] = (self._part(both, 0), self._part(both, 1))
        return found

    def _part(self, both: int, k: int) -> int:
        r = self.r
        *shape, _ = r.shape(both)
        lows, steps = (0,) * len(shape), (1,) * len(shape)
        attrs = ((*lows, k), (*shape, k + 1), (*steps, 1))
        one = r.add("slice", (both,), (*shape, 1), r.type_of(both), attrs)
        return r.reshape(one, tuple(shape))

    def _whole(self, v: int) -> int:
        """The value itself where it is not known by its parts alone."""
        found = self._wholes.get(v, v)
        if found == v and v in self._pairs and self.r.producer[v] is None:
            found = v if v in self.r.old.inputs else self._joined(v)
            self._wholes[v] = found
        return found

    def _joined(self, v: int) -> int:
        r = self.r
        shape, dt = r.shape(v), r.type_of(v)
        parts = tuple([r.reshape(a, (*shape, 1)) for a in self._pairs[v]])
        both = r.add("cat", parts, (*shape, 2), dt.to_real(), (len(shape),))
        host = lambda a: np.ascontiguousarray(a).view(dt.np).reshape(shape)  # noqa: E731
        return r.add("as_complex", (both,), shape, dt, (), host)


# ---------------------------------------------------------------- what ops mean on pairs
class _Math:
    """Elementwise nodes on values of one shape."""

    def __init__(self, s: _Split, like: int) -> None:
        self._r, self._shape = s.r, s.r.shape(like)

    def __getattr__(self, op: str) -> Callable[..., int]:
        def make(*ins: int) -> int:
            return self._r.add(op, ins, self._shape, self._r.type_of(ins[-1]))

        return make

    def test(self, op: str, *ins: int) -> int:
        """A node with truth values."""
        return self._r.add(op, ins, self._shape, bool_)

    def cast(self, v: int, dt: dtype) -> int:
        if self._r.type_of(v) is dt:
            return v
        return self._r.add("cast", (v,), self._shape, dt, (dt.name,))

    def number(self, value: Any, dt: dtype) -> int:
        return self._r.uniform(value, self._shape, dt)


def _each(s: _Split, node: GraphNode) -> Pair:
    """What does the same to both parts: movement, sums, sums and differences."""
    r, out = s.r, node.outs[0]
    shape, dt = r.shape(out), r.type_of(out).to_real()
    pairs = [s.pair(a) for a in node.ins]
    re, im = [r.add(node.op, ins, shape, dt, node.attrs) for ins in zip(*pairs, strict=True)]
    return re, im


def _indexed(s: _Split, node: GraphNode) -> Pair:
    """Movement by index: the second operand is real."""
    r, out = s.r, node.outs[0]
    shape, dt = r.shape(out), r.type_of(out).to_real()
    base, index, *rest = node.ins
    pairs = [s.pair(base), (s.real(index),) * 2, *map(s.pair, rest)]
    re, im = [
        r.add(node.op, ins, shape, dt, node.attrs, None, node.where)
        for ins in zip(*pairs, strict=True)
    ]
    return re, im


def _pad(s: _Split, node: GraphNode) -> Pair:
    r, out = s.r, node.outs[0]
    shape, dt = r.shape(out), r.type_of(out).to_real()
    low, high, value = node.attrs
    value, (x, y) = complex(value), s.pair(node.ins[0])
    re = r.add("pad", (x,), shape, dt, (low, high, value.real))
    return re, r.add("pad", (y,), shape, dt, (low, high, value.imag))


def _const(s: _Split, node: GraphNode) -> Pair:
    dt, value = s.r.type_of(node.outs[0]).to_real(), complex(node.attrs[0])
    return s.r.uniform(value.real, (), dt), s.r.uniform(value.imag, (), dt)


def _where(s: _Split, node: GraphNode) -> Pair:
    condition, a, b = node.ins
    c, m = s.real(condition), _Math(s, node.outs[0])
    re, im = [m.where(c, x, y) for x, y in zip(s.pair(a), s.pair(b), strict=True)]
    return re, im


def _cast(s: _Split, node: GraphNode) -> int | Pair:
    out = node.outs[0]
    m, dt, (re, im) = _Math(s, out), s.r.type_of(out), s.pair(node.ins[0])
    if dt.is_complex:
        return m.cast(re, dt.to_real()), m.cast(im, dt.to_real())
    if dt is bool_:
        return m.test("logical_or", m.cast(re, dt), m.cast(im, dt))
    return m.cast(re, dt)


def _complex(s: _Split, node: GraphNode) -> Pair:
    re, im = map(s.real, node.ins)
    return re, im


def _conj(s: _Split, node: GraphNode) -> Pair:
    re, im = s.pair(node.ins[0])
    return re, _Math(s, node.outs[0]).neg(im)


def _mul(s: _Split, node: GraphNode) -> Pair:
    m, (a, b), (c, d) = _Math(s, node.outs[0]), *map(s.pair, node.ins)
    return m.sub(m.mul(a, c), m.mul(b, d)), m.add(m.mul(a, d), m.mul(b, c))


def _div(s: _Split, node: GraphNode) -> Pair:
    """By the divisor's larger part (Smith 1962), as NumPy: its square neither overflows nor
    vanishes. Both parts of the dividend are divided by a zero.
    """
    m, (a, b), (c, d) = _Math(s, node.outs[0]), *map(s.pair, node.ins)
    zero, one = [m.number(x, s.r.type_of(c)) for x in (0.0, 1.0)]
    size = m.abs(c)
    large = m.test("ge", size, m.abs(d))
    p, q = m.where(large, c, d), m.where(large, d, c)
    x, y = m.where(large, a, b), m.where(large, b, a)
    ratio = m.div(q, p)
    scale = m.div(one, m.add(p, m.mul(q, ratio)))
    re = m.mul(m.add(x, m.mul(y, ratio)), scale)
    im = m.mul(m.sub(y, m.mul(x, ratio)), scale)
    im = m.where(large, im, m.neg(im))
    none = m.test("logical_and", m.test("eq", c, zero), m.test("eq", d, zero))
    return m.where(none, m.div(a, size), re), m.where(none, m.div(b, size), im)


def _abs(s: _Split, node: GraphNode) -> int:
    """The square root of the squares' sum, in float64 for float32: it neither overflows nor
    vanishes. float64 takes the larger part out.
    """
    m, (re, im) = _Math(s, node.outs[0]), s.pair(node.ins[0])
    dt = s.r.type_of(re)
    if dt is float32:
        x, y = m.cast(re, float64), m.cast(im, float64)
        size = m.cast(m.sqrt(m.add(m.mul(x, x), m.mul(y, y))), dt)
    else:
        x, y = m.abs(re), m.abs(im)
        large, small = m.maximum(x, y), m.minimum(x, y)
        ratio = m.div(small, large)
        size = m.mul(large, m.sqrt(m.add(m.mul(ratio, ratio), m.number(1.0, dt))))
        size = m.where(m.test("eq", large, m.number(0.0, dt)), large, size)
    infinite = m.test("logical_or", m.test("isinf", re), m.test("isinf", im))
    return m.where(infinite, m.number(float("inf"), dt), size)  # also beside NaN


def _tested(op: str, join: str) -> Callable[[_Split, GraphNode], int]:
    def form(s: _Split, node: GraphNode) -> int:
        m, pairs = _Math(s, node.outs[0]), [s.pair(a) for a in node.ins]
        return m.test(join, *[m.test(op, *ins) for ins in zip(*pairs, strict=True)])

    return form


def _product(s: _Split, node: GraphNode) -> Pair:
    r, out, ((a, b), (c, d)) = s.r, node.outs[0], map(s.pair, node.ins)
    shape, dt, m = r.shape(out), r.type_of(out).to_real(), _Math(s, out)
    ac, bd, ad, bc = [
        r.add("matmul", ins, shape, dt) for ins in ((a, c), (b, d), (a, d), (b, c))
    ]  # fmt: skip
    return m.sub(ac, bd), m.add(ad, bc)


_FORMS: dict[str, Callable[[_Split, GraphNode], Any]] = {
    **dict.fromkeys(
        "add sub neg copy sum reshape permute expand slice flip cat strided strided_write".split(),
        _each,
    ),
    **dict.fromkeys("take gather scatter scatter_add".split(), _indexed),
    "pad": _pad, "const": _const, "where": _where, "cast": _cast, "complex": _complex,
    "real": lambda s, node: s.pair(node.ins[0])[0], "imag": lambda s, node: s.pair(node.ins[0])[1],
    "conj": _conj, "mul": _mul, "div": _div, "complex_abs": _abs, "matmul": _product,
    "eq": _tested("eq", "logical_and"), "ne": _tested("ne", "logical_or"),
    "isnan": _tested("isnan", "logical_or"), "isinf": _tested("isinf", "logical_or"),
    "isfinite": _tested("isfinite", "logical_and"),
}  # fmt: skip
