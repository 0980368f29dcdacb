# ruff: noqa: E501  (the programs of the table are read as tables)
"""The engine as users see it: leaves, accumulation, graphs over frames, modes, errors, against PyTorch."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

pytest.importorskip("torch")
_helpers = runpy.run_path(str(Path(__file__).with_name("programs.py")))
check, programs = _helpers["check"], _helpers["programs"]

PROGRAMS = """
# leaves
a = torch.tensor([1., 2.], requires_grad=True)
b = torch.tensor([3., 4.])
c = a * b
show(a.is_leaf, b.is_leaf, c.is_leaf, c.requires_grad, (b * 2).requires_grad, c.grad_fn.name(), a.grad_fn is None)
d = c.detach()
show(d.is_leaf, d.requires_grad, a.grad, c.detach().requires_grad_().is_leaf)
fails(lambda: c.requires_grad_(False))
fails(lambda: torch.tensor([1]).requires_grad_())
raises(lambda: torch.tensor([1], requires_grad=True))
b.requires_grad = True
show(b.requires_grad, (a + b).requires_grad)

# backward of a scalar and with a gradient
x = torch.tensor([1., 2., 3.], requires_grad=True)
y = x * x
y.backward(torch.tensor([1., 0.5, 2.]))
show(x.grad)
(x * 3).sum().backward()
show(x.grad)
fails(lambda: (x * 2).backward())
fails(lambda: (x * 2).backward(torch.ones(2)))
fails(lambda: torch.ones(1).backward())
z = (x ** 3).sum()
torch.autograd.backward(z)
show(x.grad)
torch.autograd.backward([(x * 2).sum(), x * 3], [None, torch.ones(3)])
show(x.grad)

# second backward
x = torch.tensor([1., 2.], requires_grad=True)
y = (x * x).sum()
y.backward()
fails(lambda: y.backward())
z = (x + 1).sum()
z.backward()
z.backward()
show(x.grad)
w = (x * x).sum()
w.backward(retain_graph=True)
w.backward()
show(x.grad)

# a shared part walked twice
x = torch.tensor([1., 2.], requires_grad=True)
h = x.exp()
a, b = (h * 2).sum(), (h * 3).sum()
a.backward()
fails(lambda: b.backward())
show(x.grad)

# accumulation keeps the object
x = torch.tensor([1., 2.], requires_grad=True)
(x * 2).sum().backward()
g = x.grad
(x * 5).sum().backward()
show(x.grad is g, g)
x.grad = None
(x * 2).sum().backward()
show(x.grad is g, g, x.grad)
x.grad.zero_()
show(x.grad)
x.grad = torch.ones(2)
(x * 2).sum().backward()
show(x.grad)
def bad():
    x.grad = torch.ones(3)
fails(bad)
def bad():
    x.grad = torch.ones(2, dtype=torch.float64)
fails(bad)
def bad():
    x.grad = 1
fails(bad)

# autograd.grad
x = torch.tensor([1., 2.], requires_grad=True)
w = torch.tensor([3., 4.], requires_grad=True)
y = (x * w).sum()
show(torch.autograd.grad(y, x, retain_graph=True), torch.autograd.grad(y, [x, w]), x.grad)
fails(lambda: torch.autograd.grad((x * 2).sum(), w))
show(torch.autograd.grad((x * 2).sum(), [x, w], allow_unused=True))
show(torch.autograd.grad((x * 2).sum(), [x, w], materialize_grads=True))
fails(lambda: torch.autograd.grad(x * 2, x))
show(torch.autograd.grad(x * 2, x, torch.tensor([1., 10.])))
show(torch.autograd.grad([x * 2, (x * w).sum()], [x, w], [torch.ones(2), None]))
fails(lambda: torch.autograd.grad((x * 2).sum(), torch.ones(2)))
fails(lambda: torch.autograd.grad((x * 2).sum(), []))
fails(lambda: torch.autograd.grad(torch.ones(1), x))

# grad of intermediate values
x = torch.tensor([1., 2.], requires_grad=True)
h = x * 3
y = h * h
z = (y * 2).sum()
show(torch.autograd.grad(z, [h, y, x, z], retain_graph=True))
show(torch.autograd.grad(z, h), x.grad)
v = h[0]
fails(lambda: torch.autograd.grad(h.sum(), v))

# grad of the root itself
x = torch.tensor([1., 2.], requires_grad=True)
y = (x * x).sum()
show(torch.autograd.grad(y, y, retain_graph=True), torch.autograd.grad(x.sum(), x)[0].tolist())

# double backward
x = torch.tensor([1., 2.], dtype=torch.float64, requires_grad=True)
y = (x ** 3).sum()
(g,) = torch.autograd.grad(y, x, create_graph=True)
show(g)
(h,) = torch.autograd.grad(g.sum(), x, create_graph=True)
show(h)
(t,) = torch.autograd.grad(h.sum(), x)
show(t)

# create_graph in backward
x = torch.tensor([1., 2.], dtype=torch.float64, requires_grad=True)
(x ** 3).sum().backward(create_graph=True)
show(x.grad.requires_grad, x.grad.detach())
g = x.grad
x.grad = None
(g * g).sum().backward()
show(x.grad.detach())

# gradient penalty
w = torch.tensor([[1., 2.], [3., 4.]], requires_grad=True)
x = torch.ones(3, 2, requires_grad=True)
out = torch.tanh(x @ w).sum(1)
(g,) = torch.autograd.grad(out, x, torch.ones(3), create_graph=True)
penalty = ((g.norm(2, dim=1) - 1) ** 2).mean()
(out.mean() + penalty).backward()
show(w.grad, penalty)

# hessian by rows
x = torch.tensor([1., 2., 3.], dtype=torch.float64, requires_grad=True)
f = (x.prod() * x.sum()).sin()
(g,) = torch.autograd.grad(f, x, create_graph=True)
rows = [torch.autograd.grad(g[i], x, retain_graph=True)[0] for i in range(3)]
show(torch.stack(rows))

# modes
x = torch.ones(2, requires_grad=True)
with torch.no_grad():
    a = x * 2
    with torch.enable_grad():
        b = x * 2
    c = x * 2
show(a.requires_grad, b.requires_grad, c.requires_grad, torch.is_grad_enabled())
with torch.set_grad_enabled(False):
    show((x * 2).requires_grad, torch.is_grad_enabled())
torch.set_grad_enabled(False)
show((x * 2).requires_grad)
torch.set_grad_enabled(True)
with torch.inference_mode():
    d = x * 2
    show(d.requires_grad, torch.is_inference_mode_enabled())
show(torch.is_inference_mode_enabled())

# modes as decorators
x = torch.ones(2, requires_grad=True)
@torch.no_grad()
def f(x):
    return x * 2
@torch.enable_grad()
def g(x):
    return x * 2
@torch.inference_mode()
def h(x):
    return x * 2
@torch.no_grad
def k(x):
    return x * 2
@torch.no_grad()
def gen(x):
    for i in range(2):
        yield x * i
show(f(x).requires_grad, g(x).requires_grad, h(x).requires_grad, k(x).requires_grad, torch.is_grad_enabled())
for t in gen(x):
    show(t.requires_grad, torch.is_grad_enabled())
with torch.no_grad():
    show(g(x).requires_grad)
try:
    with torch.no_grad():
        raise ValueError("x")
except ValueError:
    show(torch.is_grad_enabled())

# graph over frames: loss is read before backward
x = torch.tensor([1., 2.], requires_grad=True)
for k in range(4):
    y = (x * x).exp().sum()
    value = y.item()
    y.backward()
    show(value)
show(x.grad)

# graph over frames: every intermediate is read
x = torch.tensor([1., 2.], requires_grad=True)
a = x * 3
show(a.tolist())
b = a.exp() + x
show(b.tolist())
c = (b * a).sum()
show(c.item())
c.backward()
show(x.grad)

# hidden state without detach
w = torch.tensor([[0.5, 0.1], [0.2, 0.3]], requires_grad=True)
h = torch.ones(2)
total = 0
for k in range(20):
    h = torch.tanh(w @ h + 0.1)
    total += h.sum().item()
show(total)
h.sum().backward()
show(w.grad)

# hidden state with detach
w = torch.tensor([[0.5, 0.1], [0.2, 0.3]], requires_grad=True)
h = torch.ones(2)
for k in range(5):
    h = h.detach()
    for j in range(3):
        h = torch.tanh(w @ h + 0.1)
    h.sum().backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
    w.grad = None
show(w, h)

# losses in a list
w = torch.tensor([1., 2.], requires_grad=True)
losses = []
for k in range(3):
    losses.append(((w * (k + 1)) ** 2).sum())
    show(losses[-1].item())
torch.stack(losses).sum().backward()
show(w.grad)

# training loop
torch.manual_seed(0)
w = torch.randn(3, 1, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
x = torch.randn(8, 3)
y = x @ torch.tensor([[1.], [2.], [3.]]) + 0.5
for k in range(6):
    loss = ((x @ w + b - y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        for p in (w, b):
            p -= 0.1 * p.grad
            p.grad.zero_()
    show(loss.item())
show(w, b)

# training loop with momentum by hand
w = torch.tensor([1., -2.], requires_grad=True)
v = torch.zeros(2)
for k in range(5):
    loss = (w ** 4).sum()
    loss.backward()
    with torch.no_grad():
        v.mul_(0.9).add_(w.grad)
        w.add_(v, alpha=-0.01)
    w.grad = None
show(w, v, w.grad)

# exception inside a step
w = torch.tensor([1., 2.], requires_grad=True)
y = w * 2
fails(lambda: y + torch.ones(3))
fails(lambda: y @ torch.ones(3, 3))
(y * y).sum().backward()
show(w.grad)

# an unused branch
x = torch.tensor([1., 2.], requires_grad=True)
u = x.exp().sin()
y = (x * 2).sum()
y.backward()
show(x.grad, u.requires_grad)
del u
y = (x * 2).sum()
y.backward()
show(x.grad)

# names of the graph
x = torch.ones(2, 2, requires_grad=True)
y = (x * 2 + 1).sum()
f = y.grad_fn
show(f.name(), [n[0].name() for n in f.next_functions], f.next_functions[0][0].next_functions[0][0].name())
mul = f.next_functions[0][0].next_functions[0][0]
show(mul.next_functions[0][0].name(), mul.next_functions[1][0], mul.next_functions[0][0].variable is x)
show([t.grad_fn.name() for t in (x.exp(), x @ x, x.t(), x.relu(), x.mean(), x.max(), x[0], x.view(4), x ** 2, x / 2, -x, x - 1, x.sum(0))])
show(repr(y), repr(x), repr(x * 2))

# mixed dtypes
x = torch.ones(2, dtype=torch.float64, requires_grad=True)
y = x.float() * 2
(y * torch.ones(2)).sum().backward()
show(x.grad)
i = torch.tensor([1, 2])
(x * i).sum().backward()
show(x.grad)
s = torch.tensor(2., requires_grad=True)
(s * torch.ones(3, dtype=torch.float64)).sum().backward()
show(s.grad)

# broadcast gradients
a = torch.ones(3, 1, requires_grad=True)
b = torch.ones(1, 4, requires_grad=True)
c = torch.tensor(2., requires_grad=True)
(a * b + c).sum().backward()
show(a.grad, b.grad, c.grad)

# the same tensor several times
x = torch.tensor([2., 3.], requires_grad=True)
(x * x * x + x).sum().backward()
show(x.grad)

# select, max and friends
x = torch.tensor([[1., 5., 3.], [4., 2., 6.]], requires_grad=True)
v, i = x.max(1)
(v * torch.tensor([1., 2.])).sum().backward()
show(i, x.grad)
x.max().backward()
show(x.grad)
x.sort(1)[0][:, 0].sum().backward()
show(x.grad)
torch.where(x > 3, x, x * 0).sum().backward()
show(x.grad)

# backward with inputs
x = torch.tensor([1., 2.], requires_grad=True)
w = torch.tensor([1., 2.], requires_grad=True)
h = x * w
(h * h).sum().backward(inputs=[w])
show(x.grad, w.grad)
fails(lambda: (x * w).sum().backward(inputs=[]))

# freed graph of an intermediate
x = torch.tensor([1., 2.], requires_grad=True)
y = x.sigmoid()
y.sum().backward()
fails(lambda: (y * 2).sum().backward())
(y.detach() * x).sum().backward()
show(x.grad)

# gradcheck
x = torch.tensor([[0.3, 0.5], [0.7, 0.2]], dtype=torch.float64, requires_grad=True)
w = torch.tensor([[0.1, 0.9], [0.4, 0.6]], dtype=torch.float64, requires_grad=True)
show(torch.autograd.gradcheck(lambda a, b: (a @ b).tanh(), (x, w)))
show(torch.autograd.gradgradcheck(lambda a, b: (a @ b).tanh(), (x, w)))
show(torch.autograd.gradcheck(lambda a: a[0] * a[1], (x,)))
class Wrong(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2
    @staticmethod
    def backward(ctx, g):
        return g * 3
raises(lambda: torch.autograd.gradcheck(Wrong.apply, (x,)))
show(torch.autograd.gradcheck(Wrong.apply, (x,), raise_exception=False))

# functional
f = lambda x: (x ** 2).sum() * x
x = torch.tensor([1., 2.], dtype=torch.float64)
show(torch.autograd.functional.jacobian(f, x))
g = lambda x: (x ** 3).sum()
show(torch.autograd.functional.hessian(g, x))
show(torch.autograd.functional.vjp(f, x, torch.ones(2, dtype=torch.float64)))
show(torch.autograd.functional.jvp(f, x, torch.ones(2, dtype=torch.float64)))
show(torch.autograd.functional.hvp(g, x, torch.ones(2, dtype=torch.float64)))
show(torch.autograd.functional.vhp(g, x, torch.ones(2, dtype=torch.float64)))
h = lambda a, b: (a * b, a.sum())
show(torch.autograd.functional.jacobian(h, (x, x * 2)))
show(torch.autograd.functional.hessian(lambda a, b: (a * b).sum(), (x, x * 2)))

# anomaly
x = torch.tensor([1., 2.], requires_grad=True)
with torch.autograd.detect_anomaly():
    (x * 2).sum().backward()
with torch.autograd.set_detect_anomaly(True):
    y = (x * x).sum()
y.backward()
show(x.grad)

# detach_ and friends
x = torch.tensor([1., 2.], requires_grad=True)
y = x * 2
y.detach_()
show(y, y.is_leaf)
z = x * 3
z.requires_grad_()
show(z)
fails(lambda: (x * 2)[0].detach_())

# copies
import copy, pickle
x = torch.tensor([1., 2.], requires_grad=True)
(x * 2).sum().backward()
y = copy.deepcopy(x)
show(y, y.grad, y is x, y.grad is x.grad)
fails(lambda: copy.deepcopy(x * 2))
z = pickle.loads(pickle.dumps(x))
show(z, z.grad)
a = torch.zeros(3)
d = copy.deepcopy({"a": a, "b": [a]})
d["a"][0] = 1
show(d["b"][0], a)
c = copy.copy(a)
c[1] = 5
show(a)

# a step that raises and is repeated
w = torch.tensor([1., 2.], requires_grad=True)
for k in range(4):
    try:
        h = w * (k + 1)
        if k % 2:
            raise ValueError
        (h * h).sum().backward()
    except ValueError:
        pass
show(w.grad)

# gradients of gradients through in-place
x = torch.tensor([1., 2.], dtype=torch.float64, requires_grad=True)
y = x * x
y[0] = y[1] * x[0]
raises(lambda: torch.autograd.grad((y * y).sum(), x))
y = x * x
y[0] = y[1].clone() * x[0]
(g,) = torch.autograd.grad((y * y).sum(), x, create_graph=True)
show(g.detach())
g.sum().backward()
show(x.grad)

# meta learning
w = torch.tensor([1., 2.], requires_grad=True)
loss = (w ** 3).sum()
(g,) = torch.autograd.grad(loss, w, create_graph=True)
fast = w - 0.1 * g
show(loss.item())
outer = (fast ** 2).sum()
outer.backward()
show(w.grad)

# python numbers and branches on values
x = torch.tensor(3., requires_grad=True)
y = x
while y.item() < 100:
    y = y * x
y.backward()
show(y, x.grad)
"""

TABLE = programs(PROGRAMS)


@pytest.mark.thin(2)
@pytest.mark.parametrize("program", [p for _, p in TABLE], ids=[n for n, _ in TABLE])
def test_autograd(program: str) -> None:
    check(program)
