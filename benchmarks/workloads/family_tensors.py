"""Families of work on tensors: indexing, order, optimizers, loops of small operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .families import Unit, add, gradient, once, train


# ------------------------------------------------------------------------------ indexing
def _embedding(bag: bool) -> Callable[[Any], Unit]:
    def build(t: Any) -> Unit:
        rows = t.randint(0, 10000, (64, 30))
        if bag:
            return train(t, t.nn.EmbeddingBag(10000, 64), rows)
        table = t.nn.Embedding(10000, 64)
        head = t.nn.Linear(64, 5)
        opt = t.optim.SGD([*table.parameters(), *head.parameters()], lr=0.1)
        classes = t.randint(0, 5, (64,))

        def unit() -> float:
            opt.zero_grad()
            loss = t.nn.functional.cross_entropy(head(table(rows).mean(1)), classes)
            loss.backward()
            opt.step()
            return float(loss.item())

        return unit

    return build


add("indexing", "embedding mean", _embedding(False))
add("indexing", "embedding bag", _embedding(True))


def _write(how: Callable[[Any, Any, Any], None], *shape: int) -> Callable[[Any], Unit]:
    """A write into a tensor that is computed anew, as in a simulation's step."""

    def build(t: Any) -> Unit:
        x, v = t.randn(*shape), t.randn(shape[0])

        def run(x: Any, v: Any) -> Any:
            y = x * 1.5
            how(t, y, v)
            return y + 1

        return once(t, run, x, v)

    return build


def _column(t: Any, x: Any, v: Any) -> None:
    x[:, 0] = v


def _row(t: Any, x: Any, v: Any) -> None:
    x[3] = 7.0


def _block(t: Any, x: Any, v: Any) -> None:
    x[10:50, ::2] *= 2


def _edges(t: Any, x: Any, v: Any) -> None:
    x[0], x[-1], x[:, 0], x[:, -1] = 0, 0, 0, 0


def _masked(t: Any, x: Any, v: Any) -> None:
    x[x > 0.5] = 0


add("indexing", "x[:, 0] = v", _write(_column, 300, 200))
add("indexing", "x[:, 0] = v small", _write(_column, 20, 10))
add("indexing", "x[3] = 7", _write(_row, 300, 200))
add("indexing", "x[10:50, ::2] *= 2", _write(_block, 300, 200))
add("indexing", "four edges = 0", _write(_edges, 300, 200))
add("indexing", "x[mask] = 0", _write(_masked, 300, 200))


def _gradient_through_write(t: Any) -> Unit:
    def run(x: Any, v: Any) -> Any:
        y = x * 2
        y[:, 0] = v
        return y

    return gradient(t, run, t.randn(300, 200), t.randn(300))


add("indexing", "gradient through x[:, 0] = v", _gradient_through_write)


def _indexed(how: Callable[[Any, Any, Any, Any], Any]) -> Callable[[Any], Unit]:
    def build(t: Any) -> Unit:
        x, rows, v = t.randn(1000, 64), t.randint(0, 1000, (500,)), t.randn(500, 64)
        return once(t, lambda x, i, v: how(t, x, i, v), x, rows, v)

    return build


def _put(t: Any, x: Any, i: Any, v: Any) -> Any:
    y = x.clone()
    y[i] = v
    return y


def _plus(t: Any, x: Any, i: Any, v: Any) -> Any:
    y = x.clone()
    y[i] += v
    return y


for _name, _how in (
    ("x[i] = v", _put),
    ("x[i] += v", _plus),
    ("x[i]", lambda t, x, i, v: x[i]),
    ("x[i, j]", lambda t, x, i, v: x[i, i % 64]),
    ("index_add", lambda t, x, i, v: x.index_add(0, i, v)),
    ("scatter_add", lambda t, x, i, v: x.scatter_add(0, i[:, None].expand(500, 64), v)),
    ("scatter", lambda t, x, i, v: x.scatter(0, i[:, None].expand(500, 64), v)),
    ("gather", lambda t, x, i, v: x.gather(0, i[:, None].expand(500, 64))),
    ("take_along_dim", lambda t, x, i, v: t.take_along_dim(x, (i % 64)[None].expand(1000, 500), 1)),
    ("x[mask]", lambda t, x, i, v: x[x > 0]),
    ("nonzero", lambda t, x, i, v: t.nonzero(x > 1)),
    ("masked_fill", lambda t, x, i, v: x.masked_fill(x > 0, 1.0)),
    ("where", lambda t, x, i, v: t.where(x > 0, x, 0.1 * x)),
    ("strided slices", lambda t, x, i, v: x[::2, 1::3] + x[1::2, ::3][:, :21]),
    ("roll", lambda t, x, i, v: x.roll(3, 0) + x.roll(1, 1)),
    ("flip", lambda t, x, i, v: x.flip(0) - x),
    ("cat", lambda t, x, i, v: t.cat([x, v, x], 0)),
    ("stack", lambda t, x, i, v: t.stack([x, x], 1)),
    ("repeat", lambda t, x, i, v: x.repeat(2, 3)),
    ("tril", lambda t, x, i, v: x.tril()),
    ("transpose contiguous", lambda t, x, i, v: x.t().contiguous()),
    ("one_hot", lambda t, x, i, v: t.nn.functional.one_hot(i, 1000).float()),
    ("bincount", lambda t, x, i, v: t.bincount(i, minlength=1000)),
):
    add("indexing", _name, _indexed(_how))


# ------------------------------------------------------------------------------ order
for _name, _how in (
    ("cumsum rows", lambda t, x: x.cumsum(1)),
    ("cumsum columns", lambda t, x: x.cumsum(0)),
    ("cumprod", lambda t, x: x.cumprod(1)),
    ("sort", lambda t, x: x.sort(1)[0]),
    ("sort flat", lambda t, x: x.flatten().sort()[0]),
    ("argsort", lambda t, x: x.argsort(1)),
    ("topk", lambda t, x: x.topk(5, 1)[0]),
    ("max dim", lambda t, x: x.max(1)[1]),
    ("argmax", lambda t, x: x.argmax(0)),
    ("median", lambda t, x: x.median(1)[0]),
    ("quantile", lambda t, x: x.quantile(0.3, 1)),
    ("std", lambda t, x: x.std(1)),
    ("var columns", lambda t, x: x.var(0)),
    ("logsumexp", lambda t, x: x.logsumexp(1)),
    ("norm", lambda t, x: x.norm(dim=1)),
    ("cummax", lambda t, x: x.cummax(1)[0]),
    ("masked select", lambda t, x: x[x > 1]),
    ("nonzero", lambda t, x: (x > 1.5).nonzero()),
    ("unique integers", lambda t, x: (x * 10).long().unique()),
    ("cdist", lambda t, x: t.cdist(x, x)),
    ("cdist small", lambda t, x: t.cdist(x[:20, :3], x[:20, :3])),
    ("searchsorted", lambda t, x: t.searchsorted(x[0].sort()[0], x)),
    ("unique", lambda t, x: (x * 10).round().unique()),
    ("softmax columns", lambda t, x: x.softmax(0)),
    ("softmax rows", lambda t, x: x.softmax(1)),
    ("histc", lambda t, x: t.histc(x, 20)),
    ("all any", lambda t, x: (x > -9).all(1) | (x > 3).any(1)),
    ("mean of everything", lambda t, x: x.mean()),
    ("sum columns", lambda t, x: x.sum(0)),
):
    add("order", _name, lambda t, how=_how: once(t, lambda x: how(t, x), t.randn(300, 250)))
for _name, _how in (
    ("gradient of cumsum", lambda t, x: x.cumsum(1)),
    ("gradient of sort", lambda t, x: x.sort(1)[0]),
    ("gradient of max", lambda t, x: x.max(1)[0]),
    ("gradient of softmax columns", lambda t, x: x.softmax(0)),
    ("gradient of std", lambda t, x: x.std(1)),
    ("gradient of norm", lambda t, x: x.norm(dim=1)),
    ("gradient of logsumexp", lambda t, x: x.logsumexp(0)),
):
    add("order", _name, lambda t, how=_how: gradient(t, lambda x: how(t, x), t.randn(300, 250)))


def _vocabulary(t: Any) -> Unit:
    x, classes = t.randn(64, 10000, requires_grad=True), t.randint(0, 10000, (64,))

    def unit() -> float:
        x.grad = None
        f = t.nn.functional
        loss = f.nll_loss(f.log_softmax(x, 1), classes)
        loss.backward()
        return float(loss.item()) + float(x.grad[0, 0].item())

    return unit


add("order", "log_softmax nll 10000 classes", _vocabulary)
add(
    "order",
    "gradient of a moving average",
    lambda t: gradient(t, lambda x: x.unfold(1, 5, 1).mean(-1), t.randn(200, 500)),
)


# ------------------------------------------------------------------------------ optimizers
def _optimizer(name: str, **options: Any) -> Callable[[Any], Unit]:
    def build(t: Any) -> Unit:
        tensors = [t.nn.Parameter(t.randn(*s)) for s in ((512, 512), (512,), (1000, 300), (77, 33))]
        for p in tensors:
            p.grad = t.randn(*p.shape)
        opt = getattr(t.optim, name)(tensors, lr=1e-3, **options)

        def unit() -> float:
            opt.step()
            return float(tensors[1][0].item())

        return unit

    return build


for _name, _options in (
    ("SGD", {}),
    ("SGD", {"momentum": 0.9, "weight_decay": 1e-4, "nesterov": True}),
    ("Adam", {}),
    ("Adam", {"amsgrad": True}),
    ("AdamW", {"weight_decay": 0.01}),
    ("RMSprop", {}),
    ("Adagrad", {}),
):
    add("optimizers", " ".join([_name, *_options]), _optimizer(_name, **_options))


def _small_model(t: Any) -> Any:
    return t.nn.Sequential(t.nn.Linear(64, 256), t.nn.ReLU(), t.nn.Linear(256, 10))


def _clipped(t: Any) -> Unit:
    model, x, y = _small_model(t), t.randn(64, 64), t.randint(0, 10, (64,))
    opt = t.optim.Adam(model.parameters())

    def unit() -> float:
        opt.zero_grad()
        loss = t.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        t.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        return float(loss.item())

    return unit


def _accumulated(t: Any) -> Unit:
    model, x, y = _small_model(t), t.randn(64, 64), t.randint(0, 10, (64,))
    opt = t.optim.Adam(model.parameters())

    def unit() -> float:
        opt.zero_grad()
        total = 0.0
        for a, b in zip(x.split(16), y.split(16), strict=True):
            loss = t.nn.functional.cross_entropy(model(a), b) / 4
            loss.backward()
            total += loss.item()
        opt.step()
        return float(total)

    return unit


add("optimizers", "clipped gradients", _clipped)
add("optimizers", "four micro batches", _accumulated)


# ------------------------------------------------------------------------------ loops
def _policy(t: Any) -> Unit:
    model = t.nn.Sequential(t.nn.Linear(4, 64), t.nn.Tanh(), t.nn.Linear(64, 2))
    opt = t.optim.Adam(model.parameters(), lr=1e-3)
    move = t.randn(2, 4) * 0.1

    def unit() -> float:
        state, terms = t.zeros(4), []
        for _ in range(10):
            logits = model(state)
            chances = logits.softmax(-1)
            action = t.multinomial(chances, 1)
            terms.append(chances.log()[action])
            state = state + move[int(action.item())]
        loss = -t.stack(terms).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        return float(loss.item())

    return unit


def _physics(count: int, steps: int) -> Callable[[Any], Unit]:
    def build(t: Any) -> Unit:
        start, speed = t.randn(count), t.randn(count)

        def unit() -> float:
            with t.no_grad():
                x, v = start, speed
                for _ in range(steps):
                    force = -x - 0.1 * v + 0.05 * x * x
                    v = v + 0.01 * force
                    x = x + 0.01 * v
                return float(x[0].item()) + 0.0 * float(v[0].item())

        return unit

    return build


def _heat(t: Any) -> Unit:
    start = t.rand(100, 100)

    def unit() -> float:
        u = start.clone()
        with t.no_grad():
            for _ in range(5):
                inner = u[1:-1, 1:-1]
                around = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2]
                u[1:-1, 1:-1] = inner + 0.1 * (around - 4 * inner)
        return float(u[50, 50].item())

    return unit


def _scalars(t: Any) -> Unit:
    x, y = t.tensor(1.5, requires_grad=True), t.tensor(0.5, requires_grad=True)

    def unit() -> float:
        x.grad = y.grad = None
        a, b = x, y
        for _ in range(20):
            a, b = t.sin(a * b) + x, t.exp(-b * b) * a
        (a + b).backward()
        return float(x.grad.item())

    return unit


def _rosenbrock(t: Any) -> Unit:
    p = t.zeros(50, requires_grad=True)
    opt = t.optim.SGD([p], lr=1e-4)

    def unit() -> float:
        opt.zero_grad()
        loss = (100 * (p[1:] - p[:-1] ** 2) ** 2 + (1 - p[:-1]) ** 2).sum()
        loss.backward()
        opt.step()
        return float(loss.item())

    return unit


for _name, _build in (
    ("policy network", _policy),
    ("physics 100 elements", _physics(100, 50)),
    ("physics a million elements", _physics(1000000, 3)),
    ("heat equation written in place", _heat),
    ("gradient of scalars", _scalars),
    ("Rosenbrock", _rosenbrock),
):
    add("loops", _name, _build)
for _name, _how in (
    ("complex multiply", lambda t, x: t.complex(x, x) * t.complex(x, -x)),
    ("complex abs", lambda t, x: t.complex(x, 2 * x).abs()),
    ("float64 formula", lambda t, x: (x.double().exp() + 1).log()),
    ("integers", lambda t, x: (x * 100).long() % 7 + 3),
    ("power", lambda t, x: x.abs() ** 1.7),
    ("clamp", lambda t, x: x.clamp(-1, 1) * 2),
    ("gelu", lambda t, x: t.nn.functional.gelu(x)),
    ("erf", lambda t, x: t.erf(x)),
    ("sin cos", lambda t, x: x.sin() * x.cos()),
    ("broadcast", lambda t, x: x[:, None, :] * x[None, :50, :]),
    ("rand", lambda t, x: t.rand(300, 250)),
    ("randn", lambda t, x: t.randn(300, 250)),
    ("randperm", lambda t, x: t.randperm(10000)),
    ("randint", lambda t, x: t.randint(0, 9, (300, 250))),
    ("bernoulli", lambda t, x: t.bernoulli(x.sigmoid())),
    ("to bfloat16", lambda t, x: x.bfloat16() * 2),
    ("multinomial", lambda t, x: t.multinomial(x.exp(), 1)),
    ("arange", lambda t, x: t.arange(50000) * 2),
):
    add("loops", _name, lambda t, how=_how: once(t, lambda x: how(t, x), t.randn(300, 250)))
