"""Random programs as lists of numbers, and an interpreter for them over any module with PyTorch's
names.

An instruction is four numbers; what they mean depends on the state of the program (which tensors
are alive, their shapes and flags), never on float values, so that every list of numbers is a
program and a shorter list is still one. What a program shows (reads, errors, facts of tensors,
gradients) is its list of observations. Floats are kept bounded, and no step is discontinuous, so
that observations of two runs stay close.
"""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

Instruction = tuple[int, int, int, int]
LIMIT = 10  # tensors alive at once
LARGEST = 60  # elements of a tensor


class Modified(Exception):
    """A gradient wanted a value that was written since. Not every run has to notice: the program
    ends.
    """


class Machine:
    """The state of a running program."""

    def __init__(self, lib: Any, exact: bool = False) -> None:
        self.lib = lib
        self.seen: list[Any] = []  # observations
        self.errors: list[Exception] = []
        self.blocked = 0  # instructions left in a block without gradients
        r = np.random.default_rng(0)
        t = self.tensor
        self.leaves = [t(r.uniform(-1, 1, s)) for s in ((3, 4), (4,), ())]
        for leaf in self.leaves:
            leaf.requires_grad_(True)
        self.pool = [
            t(r.uniform(-1, 1, (3, 4))), t(r.uniform(-1, 1, (2, 3, 4))),
            t(r.integers(-5, 6, (4, 3))),
            t(r.integers(0, 3, (5,))), self.leaves[0] * 1.0,
        ]  # fmt: skip
        if exact:  # whole numbers only
            self.pool = [p for p in self.pool if p.dtype == lib.int64]

    def tensor(self, a: Any) -> Any:
        return self.lib.tensor(
            np.asarray(a).tolist(), dtype=self.lib.float64 if a.dtype.kind == "f" else None
        )

    # ---- choosing operands
    def any(self, n: int) -> Any:
        return self.pool[n % len(self.pool)]

    def floating(self, n: int) -> Any:
        found = [t for t in self.pool if t.dtype == self.lib.float64] + self.leaves
        return found[n % len(found)]

    def whole(self, n: int) -> Any:
        found = [t for t in self.pool if t.dtype == self.lib.int64]
        if not found:
            self.keep(self.lib.arange(6))
            return self.pool[-1]
        return found[n % len(found)]

    def fitting(self, n: int, shape: tuple[int, ...]) -> Any:
        """A float tensor that broadcasts to the shape without changing it; or a number."""
        found: list[Any] = []
        for t in [*self.pool, *self.leaves]:
            s = tuple(t.shape)
            if t.dtype == self.lib.float64 and len(s) <= len(shape):
                if all(m in (1, k) for m, k in zip(reversed(s), reversed(shape), strict=False)):
                    found.append(t)
        found += [0.5, -0.25, 2]
        return found[n % len(found)]

    def keep(self, t: Any) -> None:
        if t.numel() <= LARGEST:
            self.pool.append(t)
            if len(self.pool) > LIMIT:
                self.pool.pop(0)

    # ---- observing
    def see(self, t: Any) -> None:
        a = t.detach().numpy().copy() if t.requires_grad else np.array(t.tolist())
        self.seen.append(a)

    def facts(self, t: Any) -> None:
        self.seen.append((
            str(t.dtype), tuple(t.shape), t.requires_grad, t.is_leaf, t._version,
            tuple(t.stride()) if t.numel() else None, t.storage_offset() if t.numel() else None,
        ))  # fmt: skip

    def finish(self) -> list[Any]:
        for t in [*self.pool, *self.leaves]:
            self.facts(t)
            self.see(t)
        for leaf in self.leaves:
            self.seen.append(None if leaf.grad is None else leaf.grad.numpy().copy())
        return self.seen

    def step(self, instruction: Instruction) -> None:
        kind, a, b, c = instruction
        f = STEPS[kind % len(STEPS)]
        with self.lib.no_grad() if self.blocked else contextlib.nullcontext():
            self.blocked = max(0, self.blocked - 1)
            try:
                f(self, a, b, c)
            except (RuntimeError, IndexError) as e:
                if "internal error" in str(e):
                    raise
                if "modified by an inplace operation" in str(e):
                    raise Modified from e
                self.errors.append(e)
                self.seen.append(type(e).__name__)


def run(program: list[Instruction], lib: Any, exact: bool = False) -> list[Any]:
    """The observations of a program; `exact`: of one without floats (kinds of instructions:
    MOVES).
    """
    m = Machine(lib, exact)
    try:
        for instruction in program:
            m.step(instruction)
        return m.finish()
    except Modified:
        return m.seen


# ---------------------------------------------------------------- arithmetic
def unary(m: Machine, a: int, b: int, c: int) -> None:
    t = m.floating(a)
    f = b % 9
    if f < 6:
        m.keep([t.tanh, t.sin, t.sigmoid, t.neg, t.cos, t.atan][f]())
    elif f == 6:
        m.keep((t * t + 0.5).sqrt())
    elif f == 7:
        m.keep((-(t * t)).exp())
    else:
        m.keep(1.0 / (t.abs() + 1.0))


def binary(m: Machine, a: int, b: int, c: int) -> None:
    t = m.floating(a)
    o = m.fitting(b, tuple(t.shape))
    f = c % 6
    if f == 0:
        r = t + o
    elif f == 1:
        r = t - o
    elif f == 2:
        r = (t * o).tanh()
    elif f == 3:
        r = o * 0.5 + t
    elif f == 4:
        r = t / (o * o + 1.0)
    else:
        r = o - t
    m.keep(m.lib.sin(r) if c & 64 else r)


def integers(m: Machine, a: int, b: int, c: int) -> None:
    t = m.whole(a)
    k = 1 + b % 5
    f = c % 9
    r = [
        lambda: t + k, lambda: t * k % 1009, lambda: t // k, lambda: t % k, lambda: t & k,
        lambda: t ^ k,
        lambda: -t, lambda: (t > k).to(m.lib.int64), lambda: m.lib.where(t > k, t, t * 0 + k),
    ][f]()  # fmt: skip
    m.keep(r)


def convert(m: Machine, a: int, b: int, c: int) -> None:
    if b % 3 == 0:
        m.keep((m.whole(a) % 7).to(m.lib.float64) * 0.25)
    elif b % 3 == 1:
        m.keep(m.any(a).clone())
    else:
        m.keep(m.any(a).detach().contiguous())


# ---------------------------------------------------------------- movement
def view(m: Machine, a: int, b: int, c: int) -> None:
    t = m.any(a)
    n = t.dim()
    f = b % 12
    if n == 0:
        m.keep(t.view(1) if f % 2 else t.expand(3) if f % 4 else t.reshape(1, 1))
        return
    d = c % n
    size = t.shape[d]
    if f == 0:
        m.keep(t.transpose(d, (c // 8) % n))
    elif f == 1:
        m.keep(t.reshape(-1))
    elif f == 2:
        m.keep(t.view(-1))
    elif f == 3:
        m.keep(t.unsqueeze(d))
    elif f == 4 and size:
        m.keep(t.select(d, (c // 8) % size))
    elif f == 5 and size:
        start = (c // 8) % size
        m.keep(t.narrow(d, start, 1 + (c // 64) % (size - start)))
    elif f == 6:
        m.keep(t[..., ::2] if c & 1 else t[1:])
    elif f == 7:
        m.keep(t.flip(d))
    elif f == 8:
        m.keep(t.unsqueeze(0).expand(2, *t.shape))
    elif f == 9:
        m.keep(t.detach())
    elif f == 10:
        m.keep(t.permute(*reversed(range(n))))
    elif f == 11 and n >= 2:
        m.keep(t.diagonal(0, 0, 1))


def join(m: Machine, a: int, b: int, c: int) -> None:
    t = m.any(a)
    same = [o for o in m.pool if o.shape == t.shape and o.dtype == t.dtype] or [t]
    o = same[b % len(same)]
    if t.dim() and c & 1:
        m.keep(m.lib.cat([t, o], (c // 2) % t.dim()))
    else:
        m.keep(m.lib.stack([t, o], (c // 2) % (t.dim() + 1)))


# ---------------------------------------------------------------- writes
def write(m: Machine, a: int, b: int, c: int) -> None:
    t = m.any(a)
    f = b % 8
    if t.dtype != m.lib.float64:
        k = b % 4
        if f < 4:
            t.add_(k)
        elif f == 4:
            t.copy_(t.flip(0) if t.dim() else t)
        elif f == 5:
            t.zero_()
        else:
            t.remainder_(97)
        return
    o = m.fitting(c // 2, tuple(t.shape))
    if f == 0:
        t.add_(o)
    elif f == 1:
        t.mul_(0.5)
    elif f == 2:
        t.copy_(
            o if not isinstance(o, (int, float)) else m.lib.full((), float(o), dtype=m.lib.float64)
        )
    elif f == 3:
        t.tanh_()
    elif f == 4:
        t.zero_()
    elif f == 5:
        t.sub_(o, alpha=0.5)
    elif f == 6:
        t.fill_(0.125)
    else:
        t += o


def set_item(m: Machine, a: int, b: int, c: int) -> None:
    t = m.any(a)
    value: Any = 3 if t.dtype != m.lib.float64 else 0.75
    n = t.dim()
    if n == 0:
        t[()] = value
        return
    size = t.shape[0]
    f = b % 6
    if size == 0:
        return
    if f == 0:
        t[c % size] = value
    elif f == 1:
        t[c % size :] = value
    elif f == 2:
        t[..., 0] = value
    elif f == 3:
        t[c % size] = t[(c // 8) % size].clone()
    elif f == 4:
        t[::2] = t[::2] + value if t.dtype != m.lib.float64 else m.lib.sin(t[::2])
    elif f == 5:
        t[m.lib.tensor([c % size, (c // 8) % size])] = value


def masks(m: Machine, a: int, b: int, c: int) -> None:
    """Reading and writing by masks and index tensors."""
    t = m.any(a)
    if t.dim() == 0 or t.numel() == 0:
        return
    size = t.shape[0]
    idx = m.whole(b).reshape(-1)[:4] % size
    f = c % 7
    if f == 0:
        m.keep(t[idx])
    elif f == 1:
        m.keep(t.index_select(0, idx))
    elif f == 2:
        mask = (m.lib.arange(size) + b) % 2 == 0
        m.keep(t[mask])
    elif f == 3:
        mask = (m.lib.arange(size) + b) % 2 == 0
        t[mask] = 1
    elif f == 4:
        mask = (m.lib.arange(t.shape[-1]) + b) % 2 == 0
        m.keep(t.masked_fill(mask, 2))
    elif f == 5:
        mask = (m.lib.arange(t.shape[-1]) + b) % 2 == 0
        t.masked_fill_(mask, 0)
    elif f == 6:
        m.keep(t.index_add(0, idx, t[idx].clone()))


# ---------------------------------------------------------------- reductions and products
def reduce(m: Machine, a: int, b: int, c: int) -> None:
    t = m.any(a)
    f = b % 7
    if t.dim() == 0 or t.numel() == 0:
        m.keep(t.sum())
        return
    d, keep = c % t.dim(), bool(c & 64)
    if t.dtype == m.lib.float64:
        if f == 0:
            m.keep(t.sum(d, keepdim=keep).tanh())
        elif f == 1:
            m.keep(t.mean(d, keepdim=keep))
        elif f == 2:
            m.keep(m.lib.nn.functional.softmax(t, d))
        elif f == 3:
            m.keep(t.mean())
        elif f == 4:
            m.keep(t.cumsum(d).tanh())
        elif f == 5:
            m.keep(m.lib.logsumexp(t, d, keepdim=keep).tanh())
        else:
            m.keep(t.var(d, unbiased=False).tanh())
    elif f < 2:
        m.keep(t.sum(d, keepdim=keep))
    elif f == 2:
        m.keep(t.amax(d, keepdim=keep))
    elif f == 3:
        m.keep(t.argmax(d))
    elif f == 4:
        m.keep(t.cumsum(d))
    elif f == 5:
        m.keep(t.sort(d)[0])
    else:
        m.keep((t > 0).any(d).to(m.lib.int64))


def product(m: Machine, a: int, b: int, c: int) -> None:
    t = m.floating(a)
    if t.dim() < 2:
        m.keep((t * t).sum().tanh())
        return
    m.keep((t @ t.transpose(-1, -2)).tanh() if c & 1 else (t.transpose(-1, -2) @ t).sin())


# ---------------------------------------------------------------- reading
def read(m: Machine, a: int, b: int, c: int) -> None:
    t = m.any(a)
    f = b % 4
    if f == 0:
        m.see(t)
    elif f == 1 and t.numel():
        m.seen.append(np.asarray(t.reshape(-1)[c % t.numel()].item()))
    elif f == 2:
        m.facts(t)
    else:
        m.seen.append(np.asarray(m.any(b).sum().item()))


def drop(m: Machine, a: int, b: int, c: int) -> None:
    if len(m.pool) > 3:
        m.pool.pop(a % len(m.pool))


# ---------------------------------------------------------------- gradients
def no_grad(m: Machine, a: int, b: int, c: int) -> None:
    m.blocked = a % 6


def backward(m: Machine, a: int, b: int, c: int) -> None:
    found = [t for t in m.pool if t.requires_grad and not t.is_leaf]
    if not found:
        return
    t = found[a % len(found)]
    if c & 1:
        t.backward(m.lib.ones_like(t) * 0.5, retain_graph=bool(c & 2))
    else:
        t.sum().backward(retain_graph=bool(c & 2))
    if c & 4:
        m.see(m.leaves[b % 3].grad if m.leaves[b % 3].grad is not None else m.leaves[0])


def gradient(m: Machine, a: int, b: int, c: int) -> None:
    found = [t for t in m.pool if t.requires_grad and not t.is_leaf]
    if not found:
        return
    out = found[a % len(found)]
    inputs = [m.leaves[b % 3], found[c % len(found)]]
    got = m.lib.autograd.grad(
        (out * out).sum(),
        inputs,
        allow_unused=True,
        create_graph=bool(c & 64),
        retain_graph=bool(c & 32) or None,
    )
    for g in got:
        if g is None:
            m.seen.append(None)
        else:
            m.keep(g.tanh())


def update(m: Machine, a: int, b: int, c: int) -> None:
    leaf = m.leaves[a % 3]
    f = b % 5
    if f == 0 and leaf.grad is not None:
        with m.lib.no_grad():
            leaf -= 0.1 * leaf.grad.tanh()
    elif f == 1 and leaf.grad is not None:
        leaf.data.add_(leaf.grad.tanh(), alpha=-0.1)
    elif f == 2:
        leaf.grad = None
    elif f == 3 and leaf.grad is not None:
        leaf.grad.zero_()
    elif f == 4:
        m.keep(leaf.detach())


def leaf(m: Machine, a: int, b: int, c: int) -> None:
    if c & 1:
        m.keep(m.leaves[a % 3] * 0.5)
    elif c & 2:
        m.keep(m.floating(a).detach().clone())
    else:
        m.leaves[a % 3] = m.floating(b).detach().clone().requires_grad_()


STEPS = (
    unary, unary, binary, binary, integers, convert, view, view, view, join, write, write, set_item,
    masks,
    reduce, product, read, drop, no_grad, backward, gradient, update, leaf,
)  # fmt: skip
MOVES = tuple(
    k
    for k, f in enumerate(STEPS)
    if f in (view, join, write, set_item, masks, integers, read, drop)
)
