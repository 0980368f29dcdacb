# ruff: noqa: E501  (the programs of the table are read as tables)
"""Views: facts, storage sharing, gradients and errors of every function that gives one, against PyTorch."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

pytest.importorskip("torch")
_helpers = runpy.run_path(str(Path(__file__).with_name("programs.py")))
check, programs = _helpers["check"], _helpers["programs"]

PROGRAMS = """
# reshape
x = torch.arange(12.).requires_grad_()
y = x.reshape(3, 4)
show(y, x.reshape(2, -1), x.reshape((4, 3)), torch.reshape(x, (-1,)), x.reshape([6, 2]))
y.t().reshape(12).mul(torch.arange(12.)).sum().backward()
show(x.grad)
fails(lambda: x.reshape(5, 3))
fails(lambda: x.reshape(-1, -1))
fails(lambda: x.reshape(5, -1))
fails(lambda: torch.zeros(0).reshape(0, -1))
fails(lambda: x.reshape(-2, 6))

# view
x = torch.arange(12, dtype=torch.float64).view(3, 4)
show(x, x.view(4, 3), x.view(-1), x.view(1, 12, 1), x.view_as(torch.zeros(6, 2)), x[:, 1:3].view(3, 2, 1))
fails(lambda: x.t().view(12))
fails(lambda: x[:, 1:3].view(6))
show(x[1:].view(8), x[:, ::2].view(3, 1, 2))

# view of another dtype
x = torch.arange(4, dtype=torch.float32)
y = x.view(torch.int32)
show(y)
y[1] = 1073741824
show(x)

# permute and transposes
x = torch.arange(24., dtype=torch.float64).reshape(2, 3, 4).requires_grad_()
w = torch.arange(24., dtype=torch.float64)
show(x.permute(2, 0, 1), x.permute((0, 2, 1)), x.transpose(0, -1), x.swapaxes(0, 1), x.mT, x.T if False else x.movedim(0, 2))
(x.permute(2, 0, 1).reshape(-1) * w).sum().backward()
show(x.grad)
fails(lambda: x.permute(0, 1))
fails(lambda: x.permute(0, 0, 1))
fails(lambda: x.permute(0, 1, 3))
fails(lambda: x.transpose(0, 3))
fails(lambda: x.t())
fails(lambda: x[0, 0].mT)
show(x.adjoint() if False else x.mT, torch.movedim(x, (0, 1), (2, 0)), x.moveaxis(1, -1))
fails(lambda: x.movedim((0, 0), (1, 2)))

# T and t
m = torch.arange(6.).reshape(2, 3)
show(m.T, m.t(), m.T.T, m[0].t(), m[0].T, m.mT, m.H, m.mH)
m.T[0, 1] = 50
show(m)

# squeeze and unsqueeze
x = torch.arange(6.).reshape(1, 2, 1, 3).requires_grad_()
show(x.squeeze(), x.squeeze(0), x.squeeze(1), x.squeeze((0, 2)), x.squeeze(-2), x.unsqueeze(0), x.unsqueeze(-1), x.unsqueeze(2))
fails(lambda: x.squeeze(4))
fails(lambda: x.unsqueeze(6))
(x.squeeze() * x.unsqueeze(0).squeeze(1)).sum().backward()
show(x.grad)

# expand
x = torch.arange(3.).reshape(3, 1).requires_grad_()
show(x.expand(3, 4), x.expand(-1, 2), x.expand(2, 3, 4), x.expand_as(torch.zeros(3, 5)), torch.broadcast_to(x, (2, 3, 2)))
(x.expand(2, 3, 4) * torch.arange(24.).reshape(2, 3, 4)).sum().backward()
show(x.grad)
fails(lambda: x.expand(2, 4))
fails(lambda: x.expand(3))
fails(lambda: x.expand(-1, 3, 4))
show(torch.broadcast_tensors(torch.zeros(3, 1), torch.ones(1, 4)))
show(torch.broadcast_shapes((3, 1), (4,)), torch.broadcast_shapes((2,), (3, 1), (1, 1, 1)))
raises(lambda: torch.broadcast_shapes((3,), (4,)))

# flatten and unflatten
x = torch.arange(24.).reshape(2, 3, 4)
show(x.flatten(), x.flatten(1), x.flatten(0, 1), torch.flatten(x, 1, 2), x.ravel(), x.unflatten(2, (2, 2)), x.unflatten(-1, (-1, 2)))
show(torch.tensor(3.).flatten(), x.flatten(1, 1), x.transpose(0, 1).flatten(), x.transpose(0, 1).ravel())
fails(lambda: x.flatten(2, 1))
fails(lambda: x.unflatten(1, (2, 2)))

# narrow
x = torch.arange(12.).reshape(3, 4).requires_grad_()
y = x.narrow(1, 1, 2)
show(y, x.narrow(0, -2, 1), torch.narrow(x, 0, 0, 0))
(y * y).sum().backward()
show(x.grad)
fails(lambda: x.narrow(1, 3, 2))
fails(lambda: x.narrow(1, 5, 1))
fails(lambda: x.narrow(1, 0, -1))
fails(lambda: x.narrow(2, 0, 1))

# select
x = torch.arange(12.).reshape(3, 4).requires_grad_()
show(x.select(0, 1), x.select(1, -1), torch.select(x, 1, 0))
x.select(1, 2).pow(2).sum().backward()
show(x.grad)
fails(lambda: x.select(0, 3))
fails(lambda: torch.tensor(1.).select(0, 0))

# split
x = torch.arange(10.).reshape(5, 2).requires_grad_()
a, b, c = x.split(2)
show(a, b, c, x.split([1, 4]), torch.split(x, 1, 1), x.split_with_sizes([2, 3]))
(a * 2 + b * 3).sum().backward()
show(x.grad)
fails(lambda: x.split([1, 2]))
fails(lambda: x.split(-1))
fails(lambda: x.split(0))

# chunk
x = torch.arange(10.).requires_grad_()
parts = x.chunk(3)
show(parts, x.chunk(4), x.chunk(20), torch.chunk(x.reshape(5, 2), 2, 1))
(parts[0] * parts[1]).sum().backward()
show(x.grad)
fails(lambda: x.chunk(0))

# tensor_split
x = torch.arange(7.)
show(x.tensor_split(3), x.tensor_split((1, 4)), torch.tensor_split(x, torch.tensor([2, 5])), x.tensor_split([2, -1]))
m = torch.arange(8.).reshape(2, 4)
show(m.hsplit(2), m.vsplit(2), torch.hsplit(m, [1, 3]), torch.dsplit(m.reshape(1, 2, 4), 2))
fails(lambda: x.tensor_split(0))

# unbind
x = torch.arange(6.).reshape(2, 3).requires_grad_()
a, b = x
show(a, b, x.unbind(1), torch.unbind(x))
(a * b).sum().backward()
show(x.grad)
fails(lambda: torch.tensor(1.).unbind())

# diagonal
x = torch.arange(12.).reshape(3, 4).requires_grad_()
show(x.diagonal(), x.diagonal(1), x.diagonal(-1), x.diagonal(5) if False else 0, torch.diagonal(x.reshape(3, 2, 2), 0, 1, 2))
(x.diagonal(1) * torch.arange(3.)).sum().backward()
show(x.grad)
fails(lambda: x.diagonal(0, 1, 1))
y = torch.zeros(3, 3)
y.diagonal().fill_(2)
y.diagonal(1)[0] = 7
show(y, torch.diag(y), torch.diag(torch.arange(2.)), torch.diag(torch.arange(2.), -1), torch.diag_embed(torch.ones(2, 2), 1), torch.diagonal_copy(y) if False else 0)

# as_strided
x = torch.arange(12.).requires_grad_()
y = x.as_strided((3, 2), (4, 1), 1)
show(y, torch.as_strided(x, (2, 2), (1, 1)))
(y * y).sum().backward()
show(x.grad)
z = torch.zeros(6)
z.as_strided((2, 2), (3, 1), 1).fill_(4)
show(z, z[2:].as_strided((2,), (1,)), z[2:].as_strided((2,), (1,), 0))
raises(lambda: z.as_strided((10,), (1,)))

# as_strided of a view: gradient
x = torch.arange(12.).requires_grad_()
y = (x * 2)[3:]
z = y.as_strided((2, 2), (2, 1), 4)
show(z)
(z * z).sum().backward()
show(x.grad)

# unfold
x = torch.arange(7., dtype=torch.float64).requires_grad_()
y = x.unfold(0, 3, 2)
show(y)
(y * torch.arange(9.).reshape(3, 3)).sum().backward()
show(x.grad)
fails(lambda: x.unfold(0, 8, 1))
fails(lambda: x.unfold(0, 2, 0))
show(torch.arange(8.).reshape(2, 4).unfold(1, 2, 1), torch.arange(8.).reshape(2, 4).unfold(0, 1, 1))

# joining
a, b = torch.arange(6.).reshape(2, 3).requires_grad_(), torch.ones(2, 3, requires_grad=True)
show(torch.cat([a, b]), torch.cat((a, b), 1), torch.cat([a, b], dim=-1), torch.stack([a, b]), torch.stack([a, b], -1), torch.concat([a, b]))
show(torch.hstack([a, b]), torch.vstack([a, b]), torch.dstack([a, b]), torch.column_stack([a[0], b[0]]), torch.row_stack([a, b]))
(torch.cat([a, b * 2]) * torch.arange(12.).reshape(4, 3)).sum().backward()
show(a.grad, b.grad)
show(torch.cat([torch.tensor([1, 2]), torch.tensor([1.5])]), torch.cat([torch.zeros(0), a.detach()[0]]))
fails(lambda: torch.cat([]))
fails(lambda: torch.cat([a, torch.ones(3, 2)]))
fails(lambda: torch.cat([a, torch.ones(3)]))
fails(lambda: torch.cat([torch.tensor(1.), torch.tensor(2.)]))
fails(lambda: torch.stack([a, torch.ones(3)]))
fails(lambda: torch.stack([]))
fails(lambda: torch.cat([a, b], 2))

# flips and rolls
x = torch.arange(6., dtype=torch.float64).reshape(2, 3).requires_grad_()
show(x.flip(0), x.flip(0, 1), x.flip((1,)), torch.flip(x, [0]), x.fliplr(), x.flipud())
show(x.roll(1), x.roll(1, 1), x.roll((1, -1), (0, 1)), torch.roll(x, 2, 0), x.roll(0))
show([torch.rot90(x, k).tolist() for k in (1, 2, -1, 4)], torch.rot90(x, 2))
(x.flip(1) * x.roll(1, 0)).sum().backward()
show(x.grad)
fails(lambda: x.flip(2))
fails(lambda: x.roll((1, 2), 0))

# repeats
x = torch.arange(4., dtype=torch.float64).reshape(2, 2).requires_grad_()
show(x.repeat(2, 3), x.repeat(2, 1, 1), x.tile((2,)), torch.tile(x, (3, 1)), x.repeat(1, 1))
show(x.repeat_interleave(2), x.repeat_interleave(3, dim=1), torch.repeat_interleave(x, torch.tensor([1, 2]), dim=0))
(x.repeat(2, 3) * torch.arange(24.).reshape(4, 6)).sum().backward()
show(x.grad)
fails(lambda: x.repeat(2))
show(torch.repeat_interleave(torch.tensor([1, 0, 2])))
show(x.repeat_interleave(torch.tensor([2]), 1), x.repeat_interleave(torch.tensor(2), 0))
for counts in ([1, 2, 3, 4, 5], [[1, 1]], [-1, 1], [1., 1.]):
    fails(lambda: x.repeat_interleave(torch.tensor(counts), 0))
fails(lambda: x.repeat_interleave(-1))

# triangles
x = torch.arange(9., dtype=torch.float64).reshape(3, 3).requires_grad_()
show(x.tril(), x.triu(1), torch.tril(x, -1), torch.triu(x), torch.tril_indices(3, 3), torch.triu_indices(2, 3, 1))
x.tril().pow(2).sum().backward()
show(x.grad)
fails(lambda: torch.tril(torch.zeros(3)))
y = torch.ones(3, 3)
y.tril_()
show(y)

# grids
a, b = torch.arange(2.), torch.arange(3.)
show(torch.meshgrid(a, b, indexing="ij"), torch.meshgrid(a, b, indexing="xy"), torch.cartesian_prod(a, b), torch.meshgrid([a, b]))
show(torch.atleast_1d(torch.tensor(1.)), torch.atleast_2d(a), torch.atleast_3d(a), torch.atleast_1d(a, b), torch.combinations(b))
show(torch.block_diag(torch.ones(1, 2), torch.ones(2, 1)))

# sharing: chain of views
x = torch.zeros(4, 6)
a = x[1:3]
b = a[:, ::2]
c = b.t()
d = c[1]
d += 5
show(x, a, b, c, d)
x[1, 2] = 9
show(d, c)
a.fill_(1)
show(b, c, d, x)

# sharing: parts
x = torch.arange(12.)
p, q, r = x.chunk(3)
p.add_(100)
q.zero_()
r[1] = -1
show(x, p, q, r)
s = x.view(3, 4)
u = s.unbind(1)
u[0].mul_(2)
show(x, p, s)
s[2].copy_(torch.tensor([7., 8, 9, 10]))
show(r, x)

# sharing: detach, data
x = torch.ones(3, requires_grad=True)
y = x * 2
d = y.detach()
d[0] = 50
show(y, d, x.detach().is_leaf, d.requires_grad)
x.data.add_(1)
show(x, x.data)
x.detach().mul_(3)
show(x)
x.data = torch.zeros(2)
show(x)

# sharing: expand and writes
x = torch.zeros(3)
e = x.expand(2, 3)
x[1] = 4
show(e)
raises(lambda: e.add_(1))
show(torch.zeros(1).expand(3)[:1].fill_(1))

# sharing with numpy both ways
x = torch.zeros(3)
a = x.numpy()
a[0] = 1
show(x)
x.add_(1)
show(a)
y = x * 2
a[1] = 10
show(y, x)
x[2] = 7
show(a)
v = x[1:]
v.mul_(2)
show(a, v.numpy())

# from_numpy
a = np.arange(4, dtype=np.float32)
x = torch.from_numpy(a)
y = x + 1
a[0] = 9
show(y, x)
x[1] = 8
show(a)
x.mul_(2)
x.add_(1)
show(a, x)
b = np.arange(6.).reshape(2, 3).T
z = torch.from_numpy(b)
show(z)
z[0, 1] = 70
show(b)
b[2, 0] = -1
show(z)

# numpy after recorded writes
x = torch.zeros(4)
x.add_(2)
v = x[1:3]
v.mul_(3)
a = x.numpy()
show(a)
x[0] = 5
show(a)
a[3] = -4
show(x, v)
w = x.view(2, 2)
w[1].zero_()
show(a)

# data_ptr
x = torch.zeros(4, 3)
v = x[2:]
show(v.data_ptr() - x.data_ptr(), x.view(-1).data_ptr() == x.data_ptr(), x.t().data_ptr() == x.data_ptr())
x.add_(1)
show(v.data_ptr() - x.data_ptr(), x.detach().data_ptr() == x.data_ptr(), x.clone().data_ptr() == x.data_ptr())

# storage
x = torch.arange(6.)
v = x[2:4]
s = v.untyped_storage()
show(s.nbytes(), s.size(), s.data_ptr() == x.data_ptr(), len(s), x.storage().size(), x.storage().data_ptr() == x.data_ptr())
show(x.untyped_storage().data_ptr() == v.untyped_storage().data_ptr())

# base and version
x = torch.zeros(3)
v = x[1:]
w = v[1:]
show(x._base is None, v._base is x, w._base is x, x._version, v._version)
v.add_(1)
show(x._version, v._version, w._version)
x.zero_()
show(x._version, v._version, x.detach()._version)
show(v._is_view(), x._is_view())

# set_ and share_memory_
x = torch.zeros(3)
y = torch.arange(4.)
x.set_(y)
show(x)
y[0] = 8
show(x, x.share_memory_() is x)

# swap of shape in place
x = torch.arange(6.).reshape(2, 3)
x.t_()
show(x)
x.unsqueeze_(0)
show(x)
x.squeeze_(0)
x.transpose_(0, 1)
show(x)
y = torch.zeros(2, 2)
y.resize_(3, 2) if False else y.resize_(1, 2)
show(y)

# contiguous, clone, to
x = torch.arange(6.).reshape(2, 3)
y = x.t()
show(y.contiguous(), x.contiguous() is x, y.clone().tolist(), x.to(torch.float64), x.to(x.dtype) is x, x.double(), x.to(torch.int64), x.type(torch.int32), x.to("cpu") is x)

# as views with gradient
x = torch.arange(6., dtype=torch.float64, requires_grad=True)
y = (x * 1).view(2, 3)
y[0].mul_(3)
y.t()[1] = torch.tensor([1., 2.], dtype=torch.float64)
show(y)
(y * y).sum().backward()
show(x.grad)

# view of a changed base: gradient
x = torch.arange(4., requires_grad=True)
b = x * 2
v = b[1:3]
b.mul_(3)
show(v)
v.sum().backward()
show(x.grad)

# base of a changed view: gradient
x = torch.arange(4., requires_grad=True)
b = x * 2
v = b[1:3]
v.mul_(x[:2])
b.pow(2).sum().backward()
show(x.grad, b, v)

# several views of one base with gradient
x = torch.arange(4., requires_grad=True)
b = x * 2
v, w = b[:3], b[1:]
v.mul_(2)
w.add_(v.clone())
(b * torch.arange(4.)).sum().backward()
show(x.grad, v, w, b)

# real tensors of complex views
x = torch.arange(4.).reshape(2, 2)
show(torch.view_as_complex(x))
show(torch.view_as_real(torch.view_as_complex(x)))

# iteration writes through
x = torch.arange(4.).reshape(2, 2)
for row in x:
    row += 1
show(x)
for i in range(2):
    x[i, i] = 0
show(x, len(x), list(x))

# empty and scalar views
x = torch.zeros(0, 3)
show(x.t(), x.reshape(3, 0), x[:, 1:], x.view(0), x.flatten(), x.sum(0))
s = torch.tensor(2.)
show(s.view(1, 1), s.reshape(-1), s.expand(3), s.unsqueeze(0), s.squeeze(), s.T if False else s.flatten())
"""

TABLE = programs(PROGRAMS)


@pytest.mark.thin(2)
@pytest.mark.parametrize("program", [p for _, p in TABLE], ids=[n for n, _ in TABLE])
def test_views(program: str) -> None:
    check(program)
