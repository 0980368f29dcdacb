# ruff: noqa: E501  (the programs of the table are read as tables)
"""Reading and writing by index, and the functions of the gather and scatter family, against PyTorch."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

pytest.importorskip("torch")
_helpers = runpy.run_path(str(Path(__file__).with_name("programs.py")))
check, programs = _helpers["check"], _helpers["programs"]

PROGRAMS = """
# basic
x = torch.arange(24.).reshape(2, 3, 4)
show(x[0], x[-1], x[0, 1], x[0, 1, 2], x[:, 1], x[..., 0], x[1, ..., 2], x[None], x[:, None], x[..., None], x[0, 1, None])
show(x[:, ::2], x[:, 1:], x[:, :-1], x[:, -2:], x[0:1], x[5:], x[:, 2:1], x[::2, 1:3, ::3], x[...], x[:], x[()])
show(torch.tensor(5.)[...], torch.tensor(5.)[None], torch.tensor(5.)[()])

# errors
x = torch.arange(6.).reshape(2, 3)
fails(lambda: x[2])
fails(lambda: x[-3])
fails(lambda: x[0, 3])
fails(lambda: x[0, 0, 0])
fails(lambda: x[::-1])
fails(lambda: x[1.5])
fails(lambda: x["a"])
fails(lambda: x[torch.tensor([0.5])])
fails(lambda: torch.tensor(1.)[0])
fails(lambda: x[torch.tensor([True, False, True])])
fails(lambda: x[torch.tensor([0, 1]), torch.tensor([0, 1, 2])])
def f():
    x[5] = 1
fails(f)
def f():
    x[0] = torch.zeros(4)
fails(f)
def f():
    x[torch.tensor([0, 1])] = torch.zeros(4)
fails(f)
def f():
    x[0] = [1, 2, 3]
raises(f)

# integer arrays
x = torch.arange(24.).reshape(2, 3, 4)
i, j = torch.tensor([0, 1, 1]), torch.tensor([2, 0, -1])
show(x[i], x[:, j], x[:, :, j], x[i, j], x[i, :, j], x[:, i, j], x[..., i], x[i, ..., j], x[i, 1], x[0, i], x[i, None, 1], x[None, i])
show(x[[0, 1]], x[[0, 1], [2, 0]], x[np.array([0, 1])], x[0, [1, 2], :], x[[[0, 1], [1, 0]]], x[:, [[0, 1], [1, 2]]])
show(x[i.reshape(3, 1), j], x[i.reshape(3, 1), :, j], x[1:, j], x[::1, 1:, torch.tensor([3, 0])], x[i, 0:2, j])
show(x[torch.tensor(1)], x[torch.tensor(1), torch.tensor(2)], x[:, torch.tensor(1)], x[torch.tensor([], dtype=torch.int64)], x[[]], x[(0, 1)], x[i.to(torch.int32)], x[np.int64(1)])
show(x[range(2)], x[i, torch.tensor(1)], x[torch.tensor(0), j])

# masks
x = torch.arange(12.).reshape(3, 4)
m = x > 4
show(x[m], x[m[:, 0]], x[:, torch.tensor([True, False, True, False])], x[m[:, 0], 1], x[m[:, 1], torch.tensor([0, 1])], x[None, m], x[~m])
show(x[torch.tensor([True, False, True]), 1:3], x[True], x[False], x[x < 0], x[np.array([True, False, True])], x[[True, False, True]], x[m].sum())
show(x[torch.tensor(True)], torch.tensor(3.)[torch.tensor(True)], torch.tensor(3.)[torch.tensor(False)], x[0, m[0]], x[m[:, 0], None], x[..., m[0]])
y = torch.arange(24.).reshape(2, 3, 4)
show(y[y[:, :, 0] > 4], y[:, m], y[0, m], y[torch.tensor([True, False]), :, torch.tensor([1, 2, 3])] if False else 0, y[:, torch.tensor([True, False, True]), 1])

# writes
x = torch.zeros(3, 4)
x[0] = 1
x[1, 2] = 5
x[:, 3] = torch.tensor([7., 8., 9.])
x[2, :2] = 3
show(x)
x[..., 0] = -1
x[::2, 1:3] = torch.tensor([[1., 2.], [3., 4.]])
x[1:] += 10
x[None, 0, 0] = 4
show(x)
x[:] = 2
x[...] = torch.arange(4.)
x[0] = torch.tensor(9)
x[1] = torch.tensor([[1, 2, 3, 4]])
show(x)
x[1, 1] = torch.tensor(3.5, dtype=torch.float64)
x[2] = True
x[0, 0] = 1 + 1
show(x)

# writes by arrays
x = torch.zeros(3, 4)
i, j = torch.tensor([0, 2]), torch.tensor([1, 3])
x[i] = 1
x[i, j] = torch.tensor([5., 6.])
x[:, j] += 2
x[i, :] *= 3
show(x)
x[[0, 1], [0, 0]] = 9
x[i, 1:3] = torch.ones(2, 2)
x[torch.tensor(1)] = 4
x[:, [0]] = torch.tensor([[1.], [2.], [3.]])
x[-1, i] = 8
show(x)
x[i, None, j] = 0
x[i.reshape(2, 1), j] = torch.arange(4.).reshape(2, 2)
x[1:][i[:1]] = 77
show(x)
fails(lambda: x.__setitem__(i, torch.ones(2, 4, dtype=torch.float64)))
n = torch.zeros(3, dtype=torch.int64)
n[i[:1]] = 2
n[torch.tensor([1])] = torch.tensor(7)
n[2] = 2.7
show(n)

# writes by masks
x = torch.arange(12.).reshape(3, 4)
m = x > 5
x[m] = 0
x[x == 0] = -1
x[m[:, 2]] = 4
x[:, torch.tensor([True, False, False, True])] += 100
show(x)
x[x > 50] = torch.arange(6.)
x[0, m[2]] = torch.tensor([1., 2., 3., 4.])
x[~m] = torch.tensor(3)
show(x)
x[m] *= 2
x[m & (x > 7)] -= 1
show(x)
def f():
    x[m] = torch.ones(4)
fails(f)
b = torch.tensor([True, False])
b[torch.tensor([False, True])] = True
show(b)

# gradients of reading
x = torch.arange(12., dtype=torch.float64).reshape(3, 4).clone().requires_grad_()
w = torch.arange(1., 13., dtype=torch.float64)
i = torch.tensor([0, 2, 0])
y = x[i] * w.reshape(3, 4)
y.sum().backward()
show(x.grad, y.grad_fn.name())
(x[i, torch.tensor([1, 1, 1])] * w[:3]).sum().backward()
show(x.grad)
(x[x > 4] ** 2).sum().backward()
show(x.grad)
(x[1:, ::2] * x[:-1, 1::2]).sum().backward()
show(x.grad)
(x[:, i] * 3 + x[0, None, 1]).sum().backward()
show(x.grad, x[i].grad_fn.name(), x[0].grad_fn.name(), x[1:].grad_fn.name(), x[None].grad_fn.name(), x[x > 3].grad_fn.name())

# gradients of writing
v = torch.ones(2, dtype=torch.float64, requires_grad=True)
x = torch.zeros(3, 2, dtype=torch.float64)
x[1] = v * 2
x[torch.tensor([0, 2])] = v
x[2, 0] = 7
show(x)
(x * torch.arange(6., dtype=torch.float64).reshape(3, 2)).sum().backward()
show(v.grad)
x = torch.ones(3, 2, dtype=torch.float64, requires_grad=True)
y = x * 2
y[y > 1] = v.sum()
y[0, 0] = 0
y.sum().backward()
show(x.grad, v.grad)

# gather
x = torch.arange(12., dtype=torch.float64).reshape(3, 4).requires_grad_()
i = torch.tensor([[0, 3], [1, 1]])
show(x.gather(1, i), torch.gather(x, 0, i % 3), x.gather(-1, i))
(x.gather(1, i) * torch.tensor([[1., 2.], [3., 4.]])).sum().backward()
show(x.grad)
fails(lambda: x.gather(1, torch.tensor([0])))
fails(lambda: x.gather(1, i.float()))
fails(lambda: x.gather(2, i))
show(torch.take_along_dim(x, i[:1], 1), torch.take_along_dim(x, torch.tensor([[0]])), x.take(torch.tensor([0, 11, -1])))

# gather out of range
x = torch.arange(4.)
raises(lambda: x.gather(0, torch.tensor([5])).tolist())
raises(lambda: x[torch.tensor([9])].tolist())
raises(lambda: x.index_select(0, torch.tensor([4])).tolist())
y = x + 1
show(y, x)

# scatter
x = torch.zeros(3, 4, dtype=torch.float64)
i = torch.tensor([[0, 1, 2, 0]])
s = torch.tensor([[1., 2., 3., 4.]], dtype=torch.float64, requires_grad=True)
show(x.scatter(0, i, s), x.scatter(0, i, 7.), torch.scatter(x, 1, i, s))
(x.scatter(0, i, s) * torch.arange(12.).reshape(3, 4)).sum().backward()
show(s.grad)
x.scatter_(1, torch.tensor([[3], [2], [1]]), 1.0)
show(x)
show(x.scatter_add(0, i, s), torch.zeros(2, 2).scatter_add_(1, torch.tensor([[0, 0], [1, 1]]), torch.ones(2, 2)))
x.scatter_(0, i, 2.0, reduce="multiply")
x.scatter_(0, i, s.detach(), reduce="add")
show(x)
fails(lambda: x.scatter(0, i, torch.ones(1, 4)))
fails(lambda: x.scatter_add(0, torch.tensor([0]), s))
(x.scatter_add(0, i, s * 2) * torch.arange(12.).reshape(3, 4)).sum().backward()
show(s.grad)

# scatter_reduce
x = torch.tensor([1., 2., 3.], dtype=torch.float64)
i, s = torch.tensor([0, 0, 1, 2]), torch.tensor([4., 5., 6., -1.], dtype=torch.float64)
show([x.scatter_reduce(0, i, s, r) for r in ("sum", "prod", "mean", "amax", "amin")])
show([x.scatter_reduce(0, i, s, r, include_self=False) for r in ("sum", "prod", "mean", "amax", "amin")])
s.requires_grad_()
x.requires_grad_()
for r in ("sum", "prod", "mean", "amax", "amin"):
    for include in (True, False):
        y = x.scatter_reduce(0, i, s, r, include_self=include)
        y.mul(torch.arange(1., 4.)).sum().backward()
    show(s.grad, x.grad)

# index_select, index_add, index_copy, index_fill, index_put
x = torch.arange(12., dtype=torch.float64).reshape(3, 4).requires_grad_()
i = torch.tensor([2, 0])
show(x.index_select(0, i), torch.index_select(x, 1, i), x.index_select(-1, i))
(x.index_select(0, torch.tensor([0, 0, 2])) ** 2).sum().backward()
show(x.grad)
z = torch.zeros(3, 4)
src = torch.arange(8.).reshape(2, 4)
show(z.index_add(0, i, src), z.index_add(0, i, src, alpha=2), z.index_copy(0, i, src), z.index_fill(0, i, 5.))
z.index_add_(0, torch.tensor([1, 1]), src)
z.index_fill_(1, torch.tensor([3]), -1)
z.index_copy_(0, torch.tensor([0]), src[1:])
show(z)
z.index_put_((torch.tensor([0, 1]), torch.tensor([1, 2])), torch.tensor([50., 60.]))
z.index_put_((torch.tensor([0, 0]),), torch.ones(4), accumulate=True)
show(z, z.index_put((torch.tensor([2]),), torch.tensor(9.)))
one = torch.tensor(1)
show(z.index_put((one,), torch.tensor(9.)), z.index_put((one, one), torch.tensor(9.)))
show(z.index_put((one, torch.tensor([0, 2])), torch.tensor([7., 8.]), accumulate=True))
fails(lambda: z.index_put((None, one), torch.tensor(9.)))
fails(lambda: z.index_select(0, torch.tensor([[0]])))
fails(lambda: z.index_select(2, i))
raises(lambda: z.index_add(0, i, torch.ones(3, 4)))
for source in (torch.ones(2, 3), torch.ones(1, 4), torch.ones(4), torch.ones(2, 4).double()):
    fails(lambda: z.index_add(0, i, source))
    fails(lambda: z.index_copy(0, i, source))
    fails(lambda: z.index_reduce(0, i, source, "amax"))
for index in (torch.tensor([[0, 1]]), torch.tensor([0., 1.]), torch.tensor([0, 1, 2])):
    fails(lambda: z.index_add(0, index, torch.ones(2, 4)))
    fails(lambda: z.index_copy(0, index, torch.ones(2, 4)))

# masked functions
x = torch.arange(6., dtype=torch.float64).reshape(2, 3).requires_grad_()
m = torch.tensor([[True, False, True], [False, True, False]])
show(x.masked_fill(m, -1), x.masked_select(m), torch.masked_select(x, m[0]), x.masked_fill(m, torch.tensor(2.)).detach(), x.masked_scatter(m, torch.tensor([10., 20., 30.], dtype=torch.float64)))
(x.masked_fill(m, 0) * x.masked_select(m).sum()).sum().backward()
show(x.grad)
y = torch.zeros(2, 3)
y.masked_fill_(m, 3)
y.masked_scatter_(~m, torch.arange(5.))
show(y)
raises(lambda: y.masked_fill(m.int(), 1))
raises(lambda: y.masked_fill(m, torch.ones(2)))
fails(lambda: y.masked_select(torch.tensor([1, 0, 1])))
show(torch.where(m, x, 0.).detach(), [k.tolist() for k in torch.where(m)], torch.where(m, 1, 2), torch.where(m, y, x))

# nonzero and unique
x = torch.tensor([[0, 3, 0], [4, 0, 3]])
show(x.nonzero().tolist(), [k.tolist() for k in torch.nonzero(x, as_tuple=True)], x.argwhere().tolist(), torch.tensor(1).nonzero(), x.count_nonzero())
show(x.unique(), torch.unique(x, return_inverse=True, return_counts=True), x.unique(dim=0), [k.tolist() for k in x.unique(dim=1, return_inverse=True)])
show(torch.unique_consecutive(torch.tensor([1, 1, 2, 2, 3, 1]), return_inverse=True, return_counts=True))
show(torch.unique(torch.tensor([3., 1., 2., 1.]), sorted=True), torch.isin(x, torch.tensor([3])), torch.bincount(torch.tensor([0, 2, 2])))

# searchsorted
s = torch.tensor([1., 3., 5., 7.])
show(torch.searchsorted(s, torch.tensor([0., 3., 6., 9.])), torch.searchsorted(s, torch.tensor([3., 7.]), right=True), torch.bucketize(torch.tensor([1., 4.]), s), torch.searchsorted(s, 4.))
show(torch.searchsorted(torch.stack([s, s + 1]), torch.tensor([[2.], [2.]])), torch.bucketize(torch.tensor([3.]), s, right=True))
s = torch.tensor([-2., 0., 0., 0., 1., 4., float('inf')])
x = torch.tensor([[-3., -2., 0.], [0.5, float('inf'), float('nan')]])
for n in range(8):
    show(torch.searchsorted(s[:n], x), torch.searchsorted(s[:n], x, side='right'), torch.bucketize(x, s[:n], right=True))
rows = torch.stack([s, s * 2]).sort(1)[0]
show(torch.searchsorted(rows, x), torch.searchsorted(rows, x, right=True, out_int32=True), torch.bucketize(2, torch.tensor([1, 2, 3]), out_int32=True))
show(torch.searchsorted(s.flip(0), x, sorter=torch.arange(6, -1, -1)), torch.searchsorted(s, torch.tensor([0, 1])), torch.searchsorted(s, x.requires_grad_()))
show(torch.searchsorted(torch.arange(1000) // 3, torch.arange(-3, 400, 7)), torch.searchsorted(s.bfloat16(), x.detach().bfloat16()), torch.searchsorted(s, torch.zeros(0)))
fails(lambda: torch.searchsorted(s, x, side='left', right=True))
fails(lambda: torch.searchsorted(s, x, side='middle'))
raises(lambda: torch.searchsorted(rows, x[0]))
raises(lambda: torch.searchsorted(rows, 2.))
fails(lambda: torch.searchsorted(s[0], x))
fails(lambda: torch.bucketize(x, rows))

# scatters of parts
x = torch.arange(6.).reshape(2, 3)
show(x.select_scatter(torch.tensor([9., 8., 7.]), 0, 1), x.slice_scatter(torch.zeros(2, 1), 1, 0, 1), x.diagonal_scatter(torch.tensor([5., 5.])))
show(torch.diagflat(torch.arange(3.)), torch.narrow_copy(x, 1, 0, 2) if hasattr(torch, "narrow_copy") and False else 0)

# put and index_reduce
x = torch.arange(6.).reshape(2, 3)
show(x.put(torch.tensor([0, 5]), torch.tensor([10., 20.])), x.clone().put_(torch.tensor([1, 1]), torch.tensor([1., 2.]), accumulate=True))
show(x.index_reduce(0, torch.tensor([0, 0]), torch.ones(2, 3) * 2, "prod"), x.index_reduce(0, torch.tensor([1]), torch.ones(1, 3), "mean", include_self=False))

# one-hot and tables
w = torch.arange(8., dtype=torch.float64).reshape(4, 2).requires_grad_()
ids = torch.tensor([[0, 3], [3, 1]])
e = w[ids]
show(e)
(e * e).sum().backward()
show(w.grad)
show(torch.eye(4)[ids])

# loops that index
x = torch.arange(5.)
out = torch.zeros(5)
for k in range(5):
    out[k] = x[4 - k] * 2
    if k % 2:
        out[k] += out[k - 1]
show(out)
total = 0.
for v in x:
    total += v.item()
show(total)
best = x[0]
for v in x[1:]:
    if v > best:
        best = v
show(best)

# in sizes and slices
n = torch.tensor(2)
x = torch.arange(5.)
show(x[n], x[:n], x[n:], x[n.item()], x[-n], torch.zeros(n, 3) if False else 0, list(range(n)))
show(x[n - 1 : n + 1])
"""

TABLE = programs(PROGRAMS)


@pytest.mark.thin(3)
@pytest.mark.parametrize("program", [p for _, p in TABLE], ids=[n for n, _ in TABLE])
def test_indexing(program: str) -> None:
    check(program)
