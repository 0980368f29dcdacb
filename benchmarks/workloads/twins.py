"""The workloads in JAX, written as its users write them: pure functions, one `jit` for a step.

Only where a peer would have the workload; the rest of the table has no figure for JAX. Optimizers
are the few lines that they are, so that nothing but JAX is needed. Initial values differ from
PyTorch's; the work is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as np
import numpy
from jax import nn, random

from .record import Unit
from .sequences import SMALL, WIDE, Shape

Tree = Any


def _keys() -> Callable[[], Any]:
    state = [random.key(0)]

    def key() -> Any:
        state[0], k = random.split(state[0])
        return k

    return key


def _dense(key: Callable[[], Any], inputs: int, outputs: int, bias: bool = True) -> Tree:
    w = random.normal(key(), (inputs, outputs)) / inputs**0.5
    return (w, np.zeros(outputs)) if bias else (w,)


def _apply(layer: Tree, x: Any) -> Any:
    y = x @ layer[0]
    return y + layer[1] if len(layer) == 2 else y


def _cross_entropy(logits: Any, y: Any) -> Any:
    return -np.take_along_axis(nn.log_softmax(logits), y[:, None], axis=1).mean()


def _adam(
    params: Tree, rate: float = 1e-3, decay: float = 0.0
) -> tuple[Tree, Callable[[Tree, Tree, Tree], tuple[Tree, Tree]]]:
    """(state, update(params, grads, state))."""
    zeros = jax.tree.map(np.zeros_like, params)

    def update(params: Tree, grads: Tree, state: Tree) -> tuple[Tree, Tree]:
        first, second, step = state
        step = step + 1
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, grads)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, grads)
        a, b = rate / (1 - 0.9**step), 1 - 0.999**step

        def moved(p: Any, m: Any, v: Any) -> Any:
            return p * (1 - rate * decay) - a * m / (np.sqrt(v / b) + 1e-8)

        return jax.tree.map(moved, params, first, second), (first, second, step)

    return (zeros, jax.tree.map(np.zeros_like, params), np.zeros(())), update


def _stepping(loss: Callable[..., Any], params: Tree, decay: float = 0.0) -> Callable[..., float]:
    """A training step with Adam on what `loss(params, *batch)` says."""
    state, update = _adam(params, decay=decay)
    held = [params, state]

    @partial(jax.jit, donate_argnums=(0, 1))
    def step(params: Tree, state: Tree, *batch: Any) -> tuple[Tree, Tree, Any]:
        value, grads = jax.value_and_grad(loss)(params, *batch)
        return *update(params, grads, state), value

    def run(*batch: Any) -> float:
        held[0], held[1], value = step(held[0], held[1], *batch)
        return float(value)

    return run


def _epoch(inputs: int, hidden: int, samples: int, batch: int) -> Unit:
    key = _keys()
    params = (_dense(key, inputs, hidden), _dense(key, hidden, 10))

    def loss(p: Tree, x: Any, y: Any) -> Any:
        return _cross_entropy(_apply(p[1], nn.relu(_apply(p[0], x))), y)

    step, source = _stepping(loss, params), numpy.random.default_rng(0)
    x = source.normal(size=(samples, inputs)).astype(numpy.float32)
    y = source.integers(0, 10, samples)

    def epoch() -> float:
        order, total = source.permutation(samples), 0.0
        for start in range(0, samples, batch):
            rows = order[start : start + batch]
            total += step(x[rows], y[rows])
        return total

    return epoch


def _latency() -> Unit:
    key = _keys()
    params = (_dense(key, 784, 128), _dense(key, 128, 10))
    x = random.normal(key(), (1, 784))

    @jax.jit
    def predict(p: Tree, x: Any) -> Any:
        return _apply(p[1], nn.relu(_apply(p[0], x))).argmax(1)

    return lambda: float(predict(params, x)[0])


def _vae() -> Unit:
    key = _keys()
    sizes = ((784, 400), (400, 20), (400, 20), (20, 400), (400, 784))
    params = tuple(_dense(key, i, o) for i, o in sizes)
    x = random.uniform(key(), (128, 784))

    def loss(p: Tree, x: Any, noise: Any) -> Any:
        h = nn.relu(_apply(p[0], x))
        mean, logvar = _apply(p[1], h), _apply(p[2], h)
        z = mean + random.normal(noise, mean.shape) * np.exp(0.5 * logvar)
        image = nn.sigmoid(_apply(p[4], nn.relu(_apply(p[3], z))))
        likely = x * np.maximum(np.log(image), -100) + (1 - x) * np.maximum(np.log1p(-image), -100)
        return -likely.sum() - 0.5 * (1 + logvar - mean**2 - np.exp(logvar)).sum()

    step = _stepping(loss, params)
    return lambda: step(x, key())


def _cnn() -> Unit:
    key = _keys()
    params = {
        "conv1": random.normal(key(), (32, 1, 3, 3)) / 3,
        "bias1": np.zeros((32, 1, 1)),
        "conv2": random.normal(key(), (64, 32, 3, 3)) / 17,
        "bias2": np.zeros((64, 1, 1)),
        "linear1": _dense(key, 9216, 128),
        "linear2": _dense(key, 128, 10),
    }
    x, y = random.normal(key(), (64, 1, 28, 28)), random.randint(key(), (64,), 0, 10)

    def drop(x: Any, rate: float, noise: Any) -> Any:
        return np.where(random.bernoulli(noise, 1 - rate, x.shape), x / (1 - rate), 0.0)

    def loss(p: Tree, x: Any, y: Any, noise: Any) -> Any:
        first, second = random.split(noise)
        x = nn.relu(jax.lax.conv(x, p["conv1"], (1, 1), "VALID") + p["bias1"])
        x = nn.relu(jax.lax.conv(x, p["conv2"], (1, 1), "VALID") + p["bias2"])
        window = (1, 1, 2, 2)
        x = jax.lax.reduce_window(x, -np.inf, jax.lax.max, window, window, "VALID")
        x = drop(x, 0.25, first).reshape(64, -1)
        x = drop(nn.relu(_apply(p["linear1"], x)), 0.5, second)
        return _cross_entropy(_apply(p["linear2"], x), y)

    step = _stepping(loss, params)  # as much state as Adadelta has, and about its arithmetic
    return lambda: step(x, y, key())


def _gpt(s: Shape, batch: int) -> Unit:
    key = _keys()
    w = s.width

    def block() -> Tree:
        sizes = ((w, 3 * w), (w, w), (w, 4 * w), (4 * w, w))
        return [_dense(key, i, o) for i, o in sizes], [(np.ones(w), np.zeros(w)) for _ in range(2)]

    params = {
        "tokens": random.normal(key(), (s.vocabulary, w)),
        "positions": random.normal(key(), (s.context, w)),
        "blocks": [block() for _ in range(s.layers)],
        "norm": (np.ones(w), np.zeros(w)),
        "head": _dense(key, w, s.vocabulary, bias=False),
    }

    def norm(p: Tree, x: Any) -> Any:
        x = x - x.mean(-1, keepdims=True)
        return x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + 1e-5) * p[0] + p[1]

    def loss(p: Tree, x: Any, y: Any) -> Any:
        h = p["tokens"][x] + p["positions"][: x.shape[1]]
        for (qkv, out, up, down), norms in p["blocks"]:
            parts = _apply(qkv, norm(norms[0], h)).reshape(*x.shape, 3, s.heads, w // s.heads)
            q, k, v = (parts[:, :, i] for i in range(3))
            a = jax.nn.dot_product_attention(q, k, v, is_causal=True).reshape(*x.shape, w)
            h = h + _apply(out, a)
            h = h + _apply(down, nn.gelu(_apply(up, norm(norms[1], h)), approximate=False))
        logits = _apply(p["head"], norm(p["norm"], h))
        return _cross_entropy(logits.reshape(-1, s.vocabulary), y.reshape(-1))

    step = _stepping(loss, params, decay=0.01)
    size = (batch, s.context)
    x, y = (random.randint(key(), size, 0, s.vocabulary) for _ in range(2))
    return lambda: step(x, y)


def _elementwise() -> Unit:
    key = _keys()
    x, y = random.normal(key(), (2048, 2048)), random.normal(key(), (2048, 2048))

    @jax.jit
    def f(x: Any, y: Any) -> Any:
        return (nn.gelu(x * 2 + y, approximate=False) * nn.sigmoid(y)).sum()

    return lambda: float(f(x, y))


def _normalise() -> Unit:
    x = random.normal(random.key(0), (4096, 1024))

    def formula(x: Any) -> Any:
        y = nn.softmax(x)
        y = y - y.mean(-1, keepdims=True)
        y = y * jax.lax.rsqrt((y * y).mean(-1, keepdims=True) + 1e-5)
        return (y * y * y).mean()

    gradient = jax.jit(jax.grad(formula))
    return lambda: float(gradient(x)[0, 0])


def _penalty() -> Unit:
    key = _keys()
    params = tuple(_dense(key, i, o) for i, o in ((64, 256), (256, 256), (256, 1)))
    x = random.normal(key(), (128, 64))

    def net(p: Tree, x: Any) -> Any:
        return _apply(p[2], np.tanh(_apply(p[1], np.tanh(_apply(p[0], x)))))

    def loss(p: Tree, x: Any) -> Any:
        g = jax.grad(lambda x: net(p, x).sum())(x)
        return ((np.linalg.norm(g, axis=1) - 1) ** 2).mean()

    @partial(jax.jit, donate_argnums=0)
    def step(p: Tree, x: Any) -> tuple[Tree, Any]:
        value, grads = jax.value_and_grad(loss)(p, x)
        return jax.tree.map(lambda p, g: p - 1e-3 * g, p, grads), value

    held = [params]

    def run() -> float:
        held[0], value = step(held[0], x)
        return float(value)

    return run


TWINS: dict[str, Callable[[], Unit]] = {
    "tutorial_epoch": lambda: _epoch(16, 32, 100, 4),
    "mlp_epoch": lambda: _epoch(784, 128, 6400, 64),
    "mlp_latency": _latency,
    "vae_step": _vae,
    "cnn_step": _cnn,
    "gpt_step": lambda: _gpt(SMALL, 12),
    "gpt_wide_step": lambda: _gpt(WIDE, 8),
    "elementwise": _elementwise,
    "normalise": _normalise,
    "double_backward": _penalty,
}
