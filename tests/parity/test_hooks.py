# ruff: noqa: E501  (the programs of the table are read as tables)
"""Hooks of tensors, against PyTorch."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

pytest.importorskip("torch")
_helpers = runpy.run_path(str(Path(__file__).with_name("programs.py")))
check, programs = _helpers["check"], _helpers["programs"]

PROGRAMS = """
# hook on a leaf
x = torch.tensor([1., 2.], requires_grad=True)
seen = []
h = x.register_hook(lambda g: seen.append(g.tolist()))
(x * 3).sum().backward()
h2 = x.register_hook(lambda g: g * 10)
(x * 3).sum().backward()
show(seen, x.grad)
h.remove()
h2.remove()
(x * 3).sum().backward()
show(seen, x.grad)

# hook on an intermediate
x = torch.tensor([1., 2.], requires_grad=True)
y = x * 2
seen = []
h = y.register_hook(lambda g: seen.append(g.tolist()))
h2 = y.register_hook(lambda g: g + 1)
(y * y).sum().backward()
show(seen, x.grad)
y = x * 2
h = y.register_hook(lambda g: g * 100)
h.remove()
(y * y).sum().backward()
show(x.grad)

# hook sees the sum
x = torch.tensor([1., 2.], requires_grad=True)
y = x * 2
seen = []
y.register_hook(lambda g: seen.append(g.tolist()))
(y.exp() + y * 3).sum().backward()
show(seen, x.grad)

# retain_grad
x = torch.tensor([1., 2.], requires_grad=True)
y = x * 2
y.retain_grad()
show(y.retains_grad, x.retains_grad)
(y * y).sum().backward()
show(y.grad, x.grad)
y2 = x * 3
y2.retain_grad()
y2.sum().backward(retain_graph=True)
y2.sum().backward()
show(y2.grad)
show(y.grad_fn is not None)

# post accumulate
x = torch.tensor([1., 2.], requires_grad=True)
seen = []
h = x.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.tolist()))
(x * 3).sum().backward()
(x * 2).sum().backward()
show(seen)
h.remove()
(x * 2).sum().backward()
show(seen, x.grad)
fails(lambda: (x * 2).register_post_accumulate_grad_hook(print))

# an optimizer in the backward
x = torch.tensor([1., 2.], requires_grad=True)
def step(p):
    with torch.no_grad():
        p.sub_(0.1 * p.grad)
    p.grad = None
x.register_post_accumulate_grad_hook(step)
for k in range(3):
    (x * x).sum().backward()
show(x, x.grad)

# errors
x = torch.tensor([1., 2.])
fails(lambda: x.register_hook(print))
fails(lambda: x.retain_grad())

# hook that raises
x = torch.tensor([1., 2.], requires_grad=True)
def bad(g):
    raise ValueError("hook")
y = x * 2
h = y.register_hook(bad)
fails(lambda: (y * y).sum().backward())
h.remove()
show(x.grad)
(x * 5).sum().backward()
show(x.grad)

# hooks that return something else than a gradient
for wrong in (lambda g: g[:1], lambda g: g.double(), lambda g: 1):
    x = torch.tensor([1., 2.], requires_grad=True)
    x.register_hook(wrong)
    fails(lambda: (x * 2).sum().backward())
    x = torch.tensor([1., 2.], requires_grad=True)
    y = x * 2
    y.register_hook(wrong)
    fails(lambda: y.sum().backward())

# hook that reads
x = torch.tensor([1., 2.], requires_grad=True)
y = (x * 2).exp()
norms = []
y.register_hook(lambda g: norms.append(g.norm().item()))
x.register_hook(lambda g: g / g.norm().item())
for k in range(2):
    (y * y).sum().backward(retain_graph=True)
show(norms, x.grad)

# hook as a context manager
x = torch.tensor([1., 2.], requires_grad=True)
with x.register_hook(lambda g: g * 2):
    x.sum().backward()
x.sum().backward()
show(x.grad)

# hooks and autograd.grad
x = torch.tensor([1., 2.], requires_grad=True)
y = x * 2
y.register_hook(lambda g: g * 3)
x.register_hook(lambda g: g + 1)
show(torch.autograd.grad((y * y).sum(), [x]))
z = x * 2
z.register_hook(lambda g: g * 3)
show(torch.autograd.grad((z * z).sum(), [z, x]))

# clipping by hook
x = torch.tensor([1., 200.], requires_grad=True)
x.register_hook(lambda g: g.clamp(-1, 1))
for k in range(3):
    (x * x).sum().backward()
show(x.grad)

# create_graph with a hook
x = torch.tensor([1., 2.], dtype=torch.float64, requires_grad=True)
y = x * x
y.register_hook(lambda g: g * 2)
(g,) = torch.autograd.grad((y * x).sum(), x, create_graph=True)
show(g.detach())
g.sum().backward()
show(x.grad)

# hook on a view and after a write
x = torch.tensor([1., 2., 3.], requires_grad=True)
y = x * 2
v = y[1:]
seen = []
v.register_hook(lambda g: seen.append(g.tolist()))
(v * v).sum().backward()
show(seen, x.grad)
"""

TABLE = programs(PROGRAMS)


@pytest.mark.parametrize("program", [p for _, p in TABLE], ids=[n for n, _ in TABLE])
def test_hooks(program: str) -> None:
    check(program)
