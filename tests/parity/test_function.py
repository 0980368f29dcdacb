# ruff: noqa: E501  (the programs of the table are read as tables)
"""`autograd.Function`, against PyTorch."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

pytest.importorskip("torch")
_helpers = runpy.run_path(str(Path(__file__).with_name("programs.py")))
check, programs = _helpers["check"], _helpers["programs"]

PROGRAMS = """
# square
class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x
    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 2 * x
x = torch.tensor([1., 2.], requires_grad=True)
for k in range(3):
    y = Square.apply(x)
    y.sum().backward()
show(y, x.grad, y.grad_fn.name())
show(Square.apply(torch.ones(2)).requires_grad)
with torch.no_grad():
    show(Square.apply(x).requires_grad)

# double backward
class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x ** 3
    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3 * x * x
x = torch.tensor([1., 2.], dtype=torch.float64, requires_grad=True)
(g,) = torch.autograd.grad(Cube.apply(x).sum(), x, create_graph=True)
show(g.detach())
g.sum().backward()
show(x.grad)
show(torch.autograd.gradcheck(Cube.apply, (x,)), torch.autograd.gradgradcheck(Cube.apply, (x,)))

# several inputs and results
class Two(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b, scale, flag=True):
        ctx.save_for_backward(a, b)
        ctx.scale = scale
        return a * b * scale, a + b
    @staticmethod
    def backward(ctx, g1, g2):
        a, b = ctx.saved_tensors
        show(ctx.needs_input_grad)
        return g1 * b * ctx.scale + g2, g1 * a * ctx.scale + g2, None, None
a = torch.tensor([1., 2.], requires_grad=True)
b = torch.tensor([3., 4.])
p, q = Two.apply(a, b, 2.0)
show(p, q)
(p.sum() + (q * q).sum()).backward()
show(a.grad, b.grad)
p, q = Two.apply(a, b, 3, False)
q.sum().backward()
show(a.grad)

# none gradients
class Half(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b):
        return a + b
    @staticmethod
    def backward(ctx, g):
        return g, None
a = torch.ones(2, requires_grad=True)
b = torch.ones(2, requires_grad=True)
Half.apply(a * 1, b).sum().backward()
show(a.grad, b.grad)

# non differentiable results
class Sort(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        v, i = x.sort()
        ctx.mark_non_differentiable(i)
        ctx.save_for_backward(i)
        return v, i
    @staticmethod
    def backward(ctx, g, _):
        (i,) = ctx.saved_tensors
        out = torch.zeros_like(g)
        out.scatter_(0, i, g)
        return out
x = torch.tensor([3., 1., 2.], requires_grad=True)
v, i = Sort.apply(x)
show(v, i)
(v * torch.tensor([1., 2., 3.])).sum().backward()
show(x.grad)

# mark_dirty
class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        x.mul_(2)
        ctx.mark_dirty(x)
        return x
    @staticmethod
    def backward(ctx, g):
        return g * 2
x = torch.tensor([1., 2.], requires_grad=True)
y = x * 1
z = Double.apply(y)
show(z is y, z, y.grad_fn.name())
(z * z).sum().backward()
show(x.grad)

# setup_context
class Setup(torch.autograd.Function):
    @staticmethod
    def forward(x, k):
        return x * k
    @staticmethod
    def setup_context(ctx, inputs, output):
        x, k = inputs
        ctx.k = k
        ctx.save_for_backward(output)
    @staticmethod
    def backward(ctx, g):
        (out,) = ctx.saved_tensors
        return g * ctx.k * out, None
x = torch.tensor([1., 2.], requires_grad=True)
Setup.apply(x, 3).sum().backward()
show(x.grad)

# once_differentiable
once_differentiable = torch.autograd.function.once_differentiable
class Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.exp()
    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * x.exp()
x = torch.tensor([1., 2.], requires_grad=True)
Once.apply(x).sum().backward()
show(x.grad)
(g,) = torch.autograd.grad(Once.apply(x).sum(), x, create_graph=True)
raises(lambda: g.sum().backward())

# saved results
class Exp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        out = x.exp()
        ctx.save_for_backward(out)
        return out
    @staticmethod
    def backward(ctx, g):
        (out,) = ctx.saved_tensors
        return g * out
x = torch.tensor([1., 2.], requires_grad=True)
y = Exp.apply(x * 2)
(y * 3).sum().backward()
show(x.grad)
fails(lambda: y.sum().backward())

# saved results and double backward
class Exp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        out = x.exp()
        ctx.save_for_backward(out)
        return out
    @staticmethod
    def backward(ctx, g):
        (out,) = ctx.saved_tensors
        return g * out
x = torch.tensor([1., 2.], dtype=torch.float64, requires_grad=True)
(g,) = torch.autograd.grad(Exp.apply(x * 2).sum(), x, create_graph=True)
show(g.detach())
g.sum().backward()
show(x.grad, torch.autograd.gradgradcheck(Exp.apply, (x,)))

# saved and modified
class Save(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x * w
    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        return g * w, g * x
x = torch.tensor([1., 2.], requires_grad=True)
w = torch.tensor([3., 4.])
y = Save.apply(x, w)
w.add_(1)
raises(lambda: y.sum().backward())

# errors
class Count(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b):
        return a + b
    @staticmethod
    def backward(ctx, g):
        return g
a = torch.ones(2, requires_grad=True)
fails(lambda: Count.apply(a, a).sum().backward())
class NoBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a):
        return a * 2
raises(lambda: NoBackward.apply(a).sum().backward())
class Raises(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a):
        return a * 2
    @staticmethod
    def backward(ctx, g):
        raise ValueError("mine")
fails(lambda: Raises.apply(a).sum().backward())
(a * 2).sum().backward()
show(a.grad)

# straight through
class Round(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.round()
    @staticmethod
    def backward(ctx, g):
        return g
x = torch.tensor([0.4, 1.6], requires_grad=True)
(Round.apply(x * 2) * torch.tensor([1., 3.])).sum().backward()
show(x.grad)

# gradient reversal in a network, over frames
class Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, alpha):
        ctx.alpha = alpha
        return x.view_as(x)
    @staticmethod
    def backward(ctx, g):
        return -ctx.alpha * g, None
w = torch.tensor([1., 2.], requires_grad=True)
for k in range(3):
    h = (w * 2).tanh()
    show(h.sum().item())
    out = Reverse.apply(h, 0.5) * 3
    out.sum().backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
    w.grad.zero_()
show(w)

# unused results
class Pair(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2, x * 3
    @staticmethod
    def backward(ctx, g1, g2):
        show(g1 is None, g2 is None)
        return g1 * 2 + g2 * 3
x = torch.ones(2, requires_grad=True)
a, b = Pair.apply(x)
b.sum().backward()
show(x.grad)
class Lean(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        return x * 2, x * 3
    @staticmethod
    def backward(ctx, g1, g2):
        show(g1 is None, g2 is None)
        return g2 * 3
a, b = Lean.apply(x)
b.sum().backward()
show(x.grad)

# result that is an input
class Same(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x
    @staticmethod
    def backward(ctx, g):
        return g * 7
x = torch.ones(2, requires_grad=True)
y = Same.apply(x)
show(y is x, y.requires_grad, y.is_leaf)
y.sum().backward()
show(x.grad)

# numpy inside
class Numpy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.from_numpy(np.sin(x.detach().numpy()))
    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * torch.from_numpy(np.cos(x.detach().numpy()))
x = torch.tensor([1., 2.], requires_grad=True)
Numpy.apply(x).sum().backward()
show(x.grad)
"""

TABLE = programs(PROGRAMS)


@pytest.mark.thin(2)
@pytest.mark.parametrize("program", [p for _, p in TABLE], ids=[n for n, _ in TABLE])
def test_function(program: str) -> None:
    check(program)
