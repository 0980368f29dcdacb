# ruff: noqa: E501  (the programs of the table are read as tables)
"""Writing in place: values, versions, history and errors, against PyTorch."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

pytest.importorskip("torch")
_helpers = runpy.run_path(str(Path(__file__).with_name("programs.py")))
check, programs = _helpers["check"], _helpers["programs"]

PROGRAMS = """
# every simple form
x = torch.tensor([1., -2., 3.])
x.add_(1); show(x)
x.sub_(torch.tensor([1., 0., 1.])); show(x)
x.mul_(2).div_(4); show(x)
x.neg_().abs_(); show(x)
x.pow_(2); show(x)
x.clamp_(0.1, 1); show(x)
x.exp_(); show(x)
x.sqrt_().log_(); show(x)
x.sigmoid_(); show(x)
x.zero_(); show(x)
x.fill_(3.5); show(x, x._version)
x.add_(torch.ones(3), alpha=2); show(x)
x.addcmul_(torch.ones(3), torch.ones(3), value=0.5).addcdiv_(torch.ones(3), torch.full((3,), 4.)); show(x)
x.lerp_(torch.zeros(3), 0.5); show(x)
x.masked_fill_(torch.tensor([True, False, False]), 9.); show(x)
x.relu_(); show(x, x._version)

# augmented assignment
x = torch.arange(6.).reshape(2, 3)
y = x
y += 1
show(x, y is x)
x[:, 1] += 1
x[0] *= 2
x[..., -1] -= torch.tensor([1., 2.])
x[1, 1] /= 4
show(x)
i = torch.arange(4)
i //= 2
i |= 4
i ^= 1
i <<= 1
show(i)
i **= 2
i %= 7
show(i)
b = torch.tensor([True, False])
b &= torch.tensor([True, True])
show(b, ~b)

# parts written again and again
x = torch.arange(12.).reshape(3, 4)
v = x[1]
for k in range(3):
    y = x * 1.5
    before = y[0]
    y[:, 0] = k
    y[1] = y[0]
    y[1:, ::2] *= 2
    y[1:, 1:] += y[0, :-1]
    y[0, 0] = torch.tensor(7, dtype=torch.int64)
    y[2] = y[2]
    v[1] = k
    show(y, y._version, before, before._version, v, x)

# parts written under gradients
w = torch.ones(3, requires_grad=True)
x = torch.arange(12.).reshape(4, 3) * 2
z = w * x
x[1:3, 0] = 5
raises(lambda: z.sum().backward())
z = w * x
x[1] += 1
raises(lambda: z.sum().backward())
x[0] = w * 2
x[0] *= 3
show(x, x.requires_grad)
x.sum().backward()
show(w.grad)
leaf = torch.zeros(3, requires_grad=True)
for k in range(2):
    with torch.no_grad():
        leaf[1] = k
        leaf[0] += 1
fails(lambda: leaf.__setitem__(0, 2.))
show(leaf, leaf._version)

# parts that do not fit
x = torch.zeros(3, 4) + 1
for k in range(2):
    x[:, 1] = k
    fails(lambda: x.__setitem__((slice(None), 1), torch.ones(2)))
    x[:, 1] = torch.tensor([True, False, True])
    x[:, :2] = torch.arange(3)[:, None]
    show(x, x._version)

# dtype rules
i = torch.arange(3)
fails(lambda: i.add_(1.5))
fails(lambda: i.div_(2))
fails(lambda: i.mul_(torch.ones(3)))
f = torch.ones(3)
f.add_(torch.arange(3))
f.add_(torch.ones(3, dtype=torch.float64))
show(f)
b = torch.tensor([True, False])
fails(lambda: b.add_(1))
h = torch.ones(2, dtype=torch.float16)
h.add_(torch.ones(2))
show(h)

# shape rules
x = torch.zeros(2, 3)
fails(lambda: x.add_(torch.zeros(4)))
fails(lambda: x.add_(torch.zeros(2, 2, 3)))
fails(lambda: x[0].add_(torch.zeros(2, 3)))
x.add_(torch.arange(3.))
x.add_(torch.ones(2, 1))
show(x)

# copy_
x = torch.zeros(2, 3)
x.copy_(torch.arange(3))
show(x)
x.copy_(torch.ones(2, 1, dtype=torch.float64) * 2.5)
show(x)
i = torch.zeros(3, dtype=torch.int64)
i.copy_(torch.tensor([1.9, -1.9, 3.]))
show(i)
x[0].copy_(x[1])
x[1].copy_(torch.tensor(7))
show(x, x._version)
fails(lambda: x.copy_(torch.zeros(4)))
y = torch.zeros(3)
y.copy_(y)
show(y)

# copy_ and gradients
a = torch.ones(3, requires_grad=True)
b = torch.zeros(3)
b.copy_(a * 2)
show(b)
(b * torch.arange(3.)).sum().backward()
show(a.grad)
c = torch.zeros(2, 3)
c[1].copy_(a)
show(c)
c.sum().backward()
show(a.grad)

# leaf that requires grad
x = torch.ones(3, requires_grad=True)
fails(lambda: x.add_(1))
fails(lambda: x[0].add_(1))
fails(lambda: x.zero_())
def f():
    x[0] = 1
fails(f)
v = x[1:]
fails(lambda: v.mul_(2))
fails(lambda: x.view(3, 1).fill_(0))
show(x, x._version, v)

# under no_grad on a leaf
x = torch.ones(3, requires_grad=True)
with torch.no_grad():
    x.add_(1)
    x[0] = 5
    x -= 0.5
    x[1:].mul_(3)
show(x, x.requires_grad, x.is_leaf, x._version)
(x * x).sum().backward()
show(x.grad)
with torch.no_grad():
    x -= 0.1 * x.grad
x.grad = None
(x * x).sum().backward()
show(x, x.grad)

# data updates of a leaf
x = torch.ones(3, requires_grad=True)
for k in range(3):
    (x * x).sum().backward()
    x.data.add_(x.grad, alpha=-0.1)
    x.grad.zero_()
show(x, x.grad, x._version)
x.data[0] = 7
show(x)
x.data.zero_()
show(x, x.is_leaf)

# history changes in place
x = torch.ones(3, requires_grad=True)
y = x * 1
y.mul_(2)
y[0] = 5
show(y)
(y * torch.arange(1., 4.)).sum().backward()
show(x.grad)

# history: add, exp and others in place
x = torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64, requires_grad=True)
y = x.clone()
y.exp_().add_(1).log_().mul_(x).sigmoid_().pow_(2).neg_()
show(y)
y.sum().backward()
show(x.grad)

# history: assignment of a tensor that requires grad
x = torch.ones(2, requires_grad=True)
z = torch.zeros(4)
z[1:3] = x * 3
show(z)
z[0] = x[0]
z[3] = 2.
(z * torch.arange(1., 5.)).sum().backward()
show(x.grad, z)

# history: a mask and an index
x = torch.arange(4., requires_grad=True)
y = x * 2
y[y > 3] = 0
show(y)
y[torch.tensor([0, 1])] = x[2:]
y[[1, 2]] *= 2
(y * torch.arange(1., 5.)).sum().backward()
show(x.grad, y)

# needed for backward: result of exp
x = torch.ones(3, requires_grad=True)
y = x.exp()
z = y * 2
y.add_(1)
fails(lambda: z.sum().backward())
show(x.grad)

# needed for backward: operand of a product
x = torch.ones(3, requires_grad=True)
w = torch.ones(3)
y = x * w
w.add_(1)
fails(lambda: y.sum().backward())

# needed for backward: parameter changed
w = torch.ones(2, 2, requires_grad=True)
x = torch.ones(1, 2, requires_grad=True)
y = (x @ w).sum()
with torch.no_grad():
    w.add_(1)
fails(lambda: y.backward())

# needed for backward: by data no error
w = torch.ones(2, requires_grad=True)
y = (w * w).sum()
w.data.add_(1)
show(y)
y.backward()
show(w.grad.shape)

# not needed: no error
x = torch.ones(3, requires_grad=True)
y = x + 1
z = y + 2
y.mul_(3)
z.sum().backward()
show(x.grad, y)

# in place with the own operand
x = torch.ones(3, requires_grad=True)
y = x * 2
y.mul_(x)
y.mul_(y.detach().clone())
show(y)
y.sum().backward()
show(x.grad)

# in place with the own operand of a view
x = torch.arange(4., requires_grad=True)
b = x * 2
b[1:3].mul_(x[:2])
b[0].add_(x[3])
b.pow(2).sum().backward()
show(x.grad, b)

# adversarial training
g = torch.ones(2, requires_grad=True)
d = torch.full((2,), 3., requires_grad=True)
fake = g * 2
loss_d = (fake.detach() * d).sum()
loss_d.backward()
with torch.no_grad():
    d -= 0.1 * d.grad
loss_g = (fake * d).sum()
loss_g.backward()
show(g.grad, d.grad, d)

# adversarial training with the wrong order
g = torch.ones(2, requires_grad=True)
d = torch.full((2,), 3., requires_grad=True)
score = (g * 2 * d).sum()
score.backward(retain_graph=True)
with torch.no_grad():
    d -= 0.1 * d.grad
fails(lambda: score.backward())

# no_grad write to a tensor with history
x = torch.ones(3, requires_grad=True)
y = x * 2
with torch.no_grad():
    y.mul_(5)
    y[0] = 100
show(y)
(y + y).sum().backward()
show(x.grad)

# detached write to a tensor with history
x = torch.ones(3, requires_grad=True)
y = x * 2
y.detach()[0] = 50
y.data.add_(1)
show(y)
y.sum().backward()
show(x.grad)

# detached leaf shares storage
x = torch.ones(3)
p = x.detach().requires_grad_()
(p * p).sum().backward()
show(p, p.grad)
x.add_(1)
show(p, x)
(p * p).sum().backward()
show(p.grad)
with torch.no_grad():
    p.mul_(2)
show(x, p)

# requires_grad_ of a view
x = torch.ones(3)
p = x[1:].requires_grad_()
show(p)
(p * 2).sum().backward()
show(p.grad, x)

# requires_grad_ after writes
x = torch.zeros(3)
x.add_(2)
x[0] = 1
x.requires_grad_()
show(x)
(x * x).sum().backward()
show(x.grad)
x.requires_grad_(False)
x.add_(1)
show(x)

# versions
x = torch.zeros(3)
show(x._version)
x.add_(1); x[0] = 3; x.zero_()
show(x._version, x[0]._version)
x.copy_(torch.ones(3)); x.fill_(2)
show(x._version)
y = x.clone()
show(y._version)

# overlap
x = torch.arange(6.)
e = torch.zeros(3, 1).expand(3, 4)
fails(lambda: e.add_(1))
fails(lambda: e.fill_(1))
fails(lambda: e.copy_(torch.ones(3, 4)))
def f():
    e[0, 0] = 3
raises(f)
x[2:].add_(x[2:])
show(x, e)

# out=
x = torch.zeros(3)
torch.add(torch.ones(3), 2, out=x)
show(x)
torch.mul(x, x, out=x)
show(x, x._version)
v = torch.zeros(2, 3)
torch.exp(torch.zeros(3), out=v[1])
show(v)
a = torch.ones(3, requires_grad=True)
raises(lambda: torch.add(a, 1, out=x))

# random fills
x = torch.zeros(4)
x.uniform_()
v = x[1:3]
v.normal_()
show(x, v, x._version)
x.bernoulli_(0.5)
show(x, v)
with torch.no_grad():
    p = torch.zeros(3, requires_grad=True)
    p.uniform_(-1, 1)
show(p, p._version)

# swap and aliasing
a, b = torch.tensor([1., 2.]), torch.tensor([3., 4.])
a, b = b, a
a[0], b[0] = b[0].clone(), a[0].clone()
show(a, b)
t = a
t += b
show(a, t is a)
c = a.clone()
a.zero_()
show(c, a)

# a value used before and after a write
x = torch.ones(3)
y = x + 1
x.add_(10)
z = x + 1
show(y, z)
s = x.sum()
x.zero_()
show(s, x.sum())

# buffers as in batch norm
mean = torch.zeros(3)
count = torch.tensor(0)
w = torch.ones(3, requires_grad=True)
for k in range(3):
    data = torch.arange(6.).reshape(2, 3) * (k + 1)
    with torch.no_grad():
        mean.mul_(0.9).add_(data.mean(0), alpha=0.1)
        count += 1
    ((data - mean) * w).sum().backward()
show(mean, count, w.grad)

# running values that carry no history
ema = torch.zeros(2)
p = torch.ones(2, requires_grad=True)
for k in range(3):
    loss = (p * p).sum()
    loss.backward()
    with torch.no_grad():
        p.sub_(0.1 * p.grad)
        ema.lerp_(p, 0.5)
    p.grad = None
show(ema, p, p.grad)

# grads in place
p = torch.ones(2, requires_grad=True)
(p * 3).sum().backward()
g = p.grad
p.grad.mul_(2)
p.grad[0] = 1
show(p.grad, g is p.grad)
(p * 3).sum().backward()
show(g, p.grad is g)
p.grad.zero_()
show(g)
p.grad.clamp_(min=0.5)
show(p.grad)

# chained views and history
x = torch.arange(6., requires_grad=True)
y = (x * 2).view(2, 3)
r = y[0]
r[1:] *= 3
y[:, 0] = 0
show(y, r)
(y * torch.arange(6.).view(2, 3)).sum().backward()
show(x.grad)

# write of an operation on other views
x = torch.arange(6.).view(2, 3)
x[0] = x[1] * 2
x[1], x[0] = x[0] + 0, x[1] + 0
show(x)
x[:, 0] = x[:, 1] + x[:, 2]
x.T[1] = 1
show(x)

# unfolded and diagonal writes
x = torch.zeros(4, 4)
x.diagonal().copy_(torch.arange(4.))
x.diagonal(1).add_(5)
x[::2].mul_(2)
x.t()[0].sub_(1)
show(x)
x.view(-1)[::5] = -1
show(x)
x.fill_diagonal_(7)
show(x)

# zero and one element
z = torch.zeros(0)
z.add_(1)
z.fill_(2)
show(z)
s = torch.tensor(1.)
s.add_(1)
s += 2
s.mul_(torch.tensor(3.))
show(s)
t = torch.tensor([1.])
t[0] += 5
show(t, t.item())
fails(lambda: s.add_(torch.ones(1)))

# inference of the version after backward
x = torch.ones(2, requires_grad=True)
y = x * x
y.sum().backward()
with torch.no_grad():
    x.mul_(2)
y = x * x
y.sum().backward()
show(x.grad)
"""

TABLE = programs(PROGRAMS)


@pytest.mark.thin(3)
@pytest.mark.parametrize("program", [p for _, p in TABLE], ids=[n for n, _ in TABLE])
def test_inplace(program: str) -> None:
    check(program)
