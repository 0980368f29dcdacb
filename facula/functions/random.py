"""Random tensors: draws happen at the call, in the order of the program, with PyTorch's numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import generator as generators
from ..dtypes import get_default_dtype, int64, rounded, type_name
from ..layouts import preserve_format
from ..runtime import random as draws
from ..tensor import Tensor, from_array
from ..trace.values import Meta, Shape, memory_order
from .creation import check_device, check_dtype, finish, shape_of
from .registry import public, write_out


def engine_of(generator: Any) -> Any:
    """The engine of a generator, the default one for None."""
    if generator is not None and not isinstance(generator, generators.Generator):
        raise TypeError(
            f"argument 'generator' must be torch.Generator, not {type(generator).__name__}"
        )
    return (generators.default_generator if generator is None else generator).engine


def _sized(name: str, draw: Any, doc: str) -> None:
    def make(
        *size: Any,
        generator: Any = None,
        out: Tensor | None = None,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
        **named: Any,
    ) -> Tensor:
        if "size" in named:
            size = (named.pop("size"),)
        if named:
            raise TypeError(f"{name}() got an unexpected keyword argument '{next(iter(named))}'")
        check_device(device)
        d = check_dtype(dtype) or get_default_dtype()
        _need_float(name, d)
        t = from_array(_drawn(draw, engine_of(generator), shape_of(size), d), d)
        return finish(t, requires_grad) if out is None else write_out(t, out)

    def like(
        input: Tensor,
        *,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        memory_format: Any = None,
        generator: Any = None,
    ) -> Tensor:
        check_device(device)
        m = input._v.meta
        d = check_dtype(dtype) or m.dtype
        _need_float(f"{name}_like", d)
        engine = engine_of(generator)
        if memory_format not in (None, preserve_format):
            a = _drawn(draw, engine, m.shape, d)
        else:
            moved = draw is _normal_draw and memory_order(m) != tuple(range(m.ndim))
            serial = {"serial": True} if moved else {}
            a = in_memory_order(m, lambda shape: _drawn(draw, engine, shape, d, **serial))
        return finish(from_array(a, d), requires_grad)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"A tensor of {doc}."
    like.__name__ = like.__qualname__ = f"{name}_like"
    like.__doc__ = f"A tensor of {doc}, with the shape and dtype of `input`."
    public(name, method=False)(make)
    public(f"{name}_like", method=False)(like)


def _need_float(name: str, d: Any) -> None:
    if not d.is_differentiable:
        raise NotImplementedError(f"\"{name}\" not implemented for '{type_name(d)}'")


def in_memory_order(m: Meta, draw: Callable[[Shape], np.ndarray]) -> np.ndarray:
    """Draws for each element of a tensor, in the order of the elements in memory: PyTorch gives
    what it draws for a tensor that tensor's layout.
    """
    if m.contiguous:
        return draw(m.shape)
    order = memory_order(m)
    a = draw(tuple(m.shape[k] for k in order))
    return np.ascontiguousarray(a.transpose(np.argsort(order)))


def _drawn(draw: Any, engine: Any, shape: tuple[int, ...], d: Any, **options: bool) -> np.ndarray:
    """Draws; those of complex dtypes are pairs of parts (of a normal distribution of variance 1/2
    each).
    """
    if not d.is_complex:
        return draw(engine, shape, d.np, **options)
    parts = draw(engine, (*shape, 2), d.to_real().np, **options)
    if draw is _normal_draw:
        parts = parts * parts.dtype.type(math.sqrt(0.5))
    return np.ascontiguousarray(parts).view(d.np)[..., 0]


def _uniform_draw(engine: Any, shape: tuple[int, ...], d: Any) -> np.ndarray:
    return draws.uniform(engine, shape, d)


def _normal_draw(engine: Any, shape: tuple[int, ...], d: Any, serial: bool = False) -> np.ndarray:
    return draws.normal(engine, shape, d, serial=serial)


_sized("rand", _uniform_draw, "draws from [0, 1)")
_sized("randn", _normal_draw, "draws from the standard normal distribution")


@public(method=False)
def randint(
    *args: Any,
    generator: Any = None,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    **named: Any,
) -> Tensor:
    """randint(high, size), randint(low, high, size): whole draws from [low, high)."""
    check_device(device)
    given = list(args)
    size = named.pop("size", None)
    if size is None:
        size = given.pop()
    low = named.pop("low", None)
    high = named.pop("high", None)
    if high is None:
        high = given.pop()
    if low is None:
        low = given.pop() if given else 0
    if named or given:
        raise TypeError(f"randint() received an invalid combination of arguments: {args} {named}")
    if isinstance(size, int):
        raise TypeError("randint(): argument 'size' must be tuple of ints, not int")
    low, high = int(low), int(high)
    if low >= high:
        raise RuntimeError(
            f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"
        )
    d = check_dtype(dtype) or int64
    shape = shape_of((tuple(size),))
    t = from_array(draws.randint(engine_of(generator), shape, d.np, low, high), d)
    return finish(t, requires_grad) if out is None else write_out(t, out)


@public(method=False)
def randint_like(input: Tensor, *bounds: Any, dtype: Any = None, **named: Any) -> Tensor:
    """Whole draws from [low, high), with the shape and dtype of `input`."""
    m, dtype = input._v.meta, dtype or input.dtype
    if m.contiguous:
        return randint(*bounds, size=m.shape, dtype=dtype, **named)
    order = memory_order(m)
    drawn = randint(*bounds, size=tuple(m.shape[k] for k in order), dtype=dtype, **named)
    return drawn.permute(np.argsort(order).tolist())


@public(method=False)
def randperm(
    n: int,
    *,
    generator: Any = None,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """The numbers 0 to n - 1 in random order."""
    check_device(device)
    if n < 0:
        raise RuntimeError(f"n must be non-negative, got{n}")
    d = check_dtype(dtype) or int64
    t = from_array(draws.randperm(engine_of(generator), n, d.np), d)
    return t if out is None else write_out(t, out)


@public(method=False)
def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Any = None,
    out: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Normal draws with the given mean and standard deviation: numbers with a size, or tensors."""
    check_device(device)
    for name, x in (("std", std),):
        if not isinstance(x, Tensor) and x < 0:
            raise RuntimeError(f"normal expects {name} >= 0.0, but found {name} {x}")
    if size is not None:
        d = check_dtype(dtype) or get_default_dtype()
        t = from_array(
            draws.normal(
                engine_of(generator), shape_of((tuple(size),)), d.np, float(mean), float(std)
            ),
            d,
        )
        return finish(t, requires_grad) if out is None else write_out(t, out)
    from .shape import broadcast_shapes

    tensors = [x for x in (mean, std) if isinstance(x, Tensor)]
    if not tensors:
        raise TypeError("normal() with numbers for mean and std needs a size")
    if isinstance(std, Tensor) and bool((std < 0).any()):
        raise RuntimeError("normal expects all elements of std >= 0.0")
    shape = tuple(broadcast_shapes(*[tuple(x.shape) for x in tensors]))
    d = tensors[0].dtype
    z = from_array(draws.normal(engine_of(generator), shape, d.np), d)
    return z * std + mean


@public()
def bernoulli(
    input: Tensor, p: float | None = None, *, generator: Any = None, out: Any = None
) -> Tensor:
    """1 with the probability that each element gives (or p), else 0."""
    m = input._v.meta
    if p is not None:
        return from_array(
            draws.bernoulli(engine_of(generator), m.shape, m.dtype.np, float(p)), m.dtype
        )
    a = input._array()
    if not m.dtype.is_floating_point:
        raise NotImplementedError(
            f"\"bernoulli_tensor_cpu_p_\" not implemented for '{type_name(m.dtype)}'"
        )
    if a.size and not (a.min() >= 0 and a.max() <= 1):
        raise RuntimeError("Expected p_in >= 0 && p_in <= 1 to be true, but got false.")
    return from_array(
        draws.bernoulli_of(engine_of(generator), np.asarray(a, order="C"), m.dtype.np), m.dtype
    )


@public()
def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Any = None
) -> Tensor:
    """Draws positions with probability in proportion to the rows' weights."""
    a = np.asarray(input._array(), order="C")
    return from_array(
        np.asarray(draws.multinomial(engine_of(generator), a, num_samples, replacement)), int64
    )


@public()
def poisson(input: Tensor, generator: Any = None) -> Tensor:
    """Poisson draws with the rates that the elements give."""
    a = np.asarray(input._array(), order="C")
    return from_array(rounded(draws.poisson(engine_of(generator), a), input.dtype.np), input.dtype)


@public(method=False)
def binomial(count: Tensor, prob: Tensor, generator: Any = None) -> Tensor:
    """Binomial draws with the given counts and probabilities."""
    a, b = np.broadcast_arrays(count._array(), prob._array())
    r = draws.binomial(engine_of(generator), np.asarray(a, order="C"), np.asarray(b, order="C"))
    return from_array(rounded(r, count.dtype.np), count.dtype)


_INTEGERS = frozenset({"random_", "bernoulli_", "geometric_"})


def _fill(name: str, draw: Any, doc: str) -> None:
    def f(self: Tensor, *args: Any, generator: Any = None, **named: Any) -> Tensor:
        self._check_writable()
        m = self._v.meta
        if name not in _INTEGERS:
            _need_float(name, m.dtype)
        engine = engine_of(generator)
        serial = {"serial": True} if name == "normal_" and not m.contiguous else {}
        a = in_memory_order(m, lambda s: draw(engine, s, m.dtype.np, *args, **named, **serial))
        return self._fill_memory(a)

    f.__name__ = f.__qualname__ = name
    f.__doc__ = f"Fills the tensor with {doc}."
    setattr(Tensor, name, f)


def _uniform(en: Any, shape: Any, d: Any, *args: float, **named: float) -> np.ndarray:
    low, high = _two(args, named, ("from", "to"), (0.0, 1.0))
    return draws.uniform(en, shape, d, low, high)


def _two(args: Any, named: Any, names: Any, defaults: Any) -> tuple[float, float]:
    values = list(defaults)
    for k, x in enumerate(args):
        values[k] = x
    for k, n in enumerate(names):
        if n in named:
            values[k] = named[n]
    return float(values[0]), float(values[1])


def _normal(
    en: Any, shape: Any, d: Any, *args: float, serial: bool = False, **named: float
) -> np.ndarray:
    mean, std = _two(args, named, ("mean", "std"), (0.0, 1.0))
    if std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    return draws.normal(en, shape, d, mean, std, serial=serial)


def _random(en: Any, shape: Any, d: Any, *args: int, **named: int) -> np.ndarray:
    if len(args) == 1:
        return draws.random(en, shape, d, 0, args[0])
    if "to" in named or len(args) == 2:
        low = args[0] if args else named.get("from", 0)
        return draws.random(en, shape, d, low, args[1] if len(args) == 2 else named["to"])
    return draws.random(en, shape, d)


def _bernoulli(en: Any, shape: Any, d: Any, p: Any = 0.5) -> np.ndarray:
    if isinstance(p, Tensor):
        return draws.bernoulli_of(en, np.asarray(np.broadcast_to(p._array(), shape), order="C"), d)
    if not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
    return draws.bernoulli(en, shape, d, float(p))


_fill("uniform_", _uniform, "draws from [from, to)")
_fill("normal_", _normal, "normal draws with the given mean and standard deviation")
_fill("random_", _random, "whole draws: random_(), random_(to), random_(from, to)")
_fill("bernoulli_", _bernoulli, "ones with probability p (a number or a tensor), zeros elsewhere")
_fill(
    "exponential_",
    lambda en, s, d, lambd=1.0: draws.exponential(en, s, d, lambd),
    "exponential draws",
)
_fill("geometric_", lambda en, s, d, p: draws.geometric(en, s, d, p), "geometric draws")
_fill(
    "log_normal_",
    lambda en, s, d, mean=1.0, std=2.0: draws.log_normal(en, s, d, mean, std),
    "log-normal draws",
)
_fill(
    "cauchy_",
    lambda en, s, d, median=0.0, sigma=1.0: draws.cauchy(en, s, d, median, sigma),
    "Cauchy draws",
)


@public(method=False)
def manual_seed(seed: Any) -> Any:
    """Starts the default generator's sequence of `seed` and returns the generator."""
    return generators.manual_seed(seed)


@public(method=False)
def seed() -> int:
    """Seeds the default generator from the system and returns the seed."""
    return generators.seed()


@public(method=False)
def initial_seed() -> int:
    """The seed of the default generator."""
    return generators.initial_seed()


@public(method=False)
def get_rng_state() -> Tensor:
    """The state of the default generator, as bytes."""
    return from_array(np.array(generators.default_generator._get_state_array()))


@public(method=False)
def set_rng_state(new_state: Tensor) -> None:
    """Sets the state of the default generator."""
    generators.default_generator._set_state_array(new_state._array())


def _get_state(self: generators.Generator) -> Tensor:
    """The state as bytes: uint8 (5056,)."""
    return from_array(np.array(self._get_state_array()))


def _set_state(self: generators.Generator, new_state: Tensor) -> generators.Generator:
    """Restores a state that get_state gave, and returns the generator."""
    if not isinstance(new_state, Tensor):
        raise TypeError(f"expected a torch.ByteTensor, but got {type(new_state).__name__}")
    self._set_state_array(new_state._array())
    return self


generators.Generator.get_state = _get_state  # type: ignore[attr-defined]
generators.Generator.set_state = _set_state  # type: ignore[attr-defined]
