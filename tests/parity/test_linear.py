# ruff: noqa: E501  (calls are read as tables)
"""Products of vectors and matrices, einsum and linear algebra against PyTorch."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

pytest.importorskip("torch")
check = runpy.run_path(str(Path(__file__).with_name("calls.py")))["check"]

DTYPES = "f32 f64 f16 bf16 i8 i16 i32 i64 u8 b c64 c128".split()
SHAPES = """
() (4) (3,4) (4,5) (4,4) (2,3,4) (2,4,5) (1,4,5) (5,1,3,4) (0,4) (4,0) (3,5) (1,1) (6,3,4)
""".split()


@pytest.mark.thin(2)
@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes(dtype: str) -> None:
    check([c.replace("f32(", dtype + "(") for c in BY_DTYPE], loose=4)


@pytest.mark.parametrize("name", "matmul mm bmm mv dot outer inner vdot".split())
def test_shapes(name: str) -> None:
    check(f"torch.{name}(f64{a}, f64{b})" for a in SHAPES for b in SHAPES)


def test_calls() -> None:
    check(CALLS, loose=10)


@pytest.mark.parametrize("form", ["{}", "[{}]"])
def test_einsum(form: str) -> None:
    check(
        f"torch.einsum({e!r}, {form.format(', '.join('f64' + s for s in shapes))})"
        for e, *shapes in EQUATIONS
    )


def test_einsum_gradients() -> None:
    check(
        f"grads(lambda *a: torch.einsum({e!r}, *a), {', '.join('f64' + s for s in shapes)})"
        for e, *shapes in EQUATIONS
    )


def test_linalg() -> None:
    check(LINALG, loose=100)


def test_numeric_composites() -> None:
    check(NUMERIC, loose=10)


BY_DTYPE = [
    "f32(3,4) @ f32(4,5)", "f32(4) @ f32(4)", "f32(3,4) @ f32(4)", "f32(4) @ f32(4,3)",
    "f32(2,3,4) @ f32(2,4,5)", "torch.mm(f32(3,4),f32(4,2))",
    "torch.bmm(f32(2,3,4),f32(2,4,2))", "torch.mv(f32(3,4),f32(4))", "torch.dot(f32(3),f32(3))",
    "torch.outer(f32(3),f32(2))", "torch.inner(f32(3,4),f32(2,4))",
    "torch.addmm(f32(5),f32(3,4),f32(4,5))",
    "torch.addmm(f32(3,5),f32(3,4),f32(4,5), beta=2, alpha=3)",
    "torch.einsum('ij,jk->ik',f32(3,4),f32(4,5))", "torch.tensordot(f32(3,4),f32(4,5),1)",
    "torch.trace(f32(3,3))", "torch.vdot(f32(3),f32(3))",
    "torch.baddbmm(f32(2,3,5),f32(2,3,4),f32(2,4,5))", "torch.kron(f32(2,2),f32(2,3))",
    "torch.cross(f32(4,3),f32(4,3),dim=1)",
]  # fmt: skip
CALLS = [
    "grads(torch.matmul, f64(4), f64(4))", "grads(torch.matmul, c128(4), c128(4))",
    "grads(torch.matmul, f64(3,4), f64(4))", "grads(torch.matmul, c128(3,4), c128(4))",
    "grads(torch.matmul, f64(4), f64(4,5))", "grads(torch.matmul, c128(4), c128(4,5))",
    "grads(torch.matmul, f64(3,4), f64(4,5))", "grads(torch.matmul, c128(3,4), c128(4,5))",
    "grads(torch.matmul, f64(2,3,4), f64(4))", "grads(torch.matmul, c128(2,3,4), c128(4))",
    "grads(torch.matmul, f64(4), f64(2,4,5))", "grads(torch.matmul, c128(4), c128(2,4,5))",
    "grads(torch.matmul, f64(2,3,4), f64(2,4,5))",
    "grads(torch.matmul, c128(2,3,4), c128(2,4,5))",
    "grads(torch.matmul, f64(2,3,4), f64(1,4,5))",
    "grads(torch.matmul, c128(2,3,4), c128(1,4,5))",
    "grads(torch.matmul, f64(5,1,3,4), f64(2,4,5))",
    "grads(torch.matmul, c128(5,1,3,4), c128(2,4,5))",
    "grads(torch.matmul, f64(2,3,4), f64(4,5))", "grads(torch.matmul, c128(2,3,4), c128(4,5))",
    "f32(3,4) @ f64(4,5)", "torch.mm(f32(3,4), i64(4,5))", "f32(3,4).t() @ f32(3,2)",
    "f64(4,3).t() @ f64(5,4).t()", "f64(1,4).expand(3,4) @ f64(4,1).expand(4,5)",
    "f64(6,8)[::2,::2] @ f64(8,10)[1::2,::3]", "torch.addmm(f32(3), f32(3,4), f32(4,5))",
    "torch.addmm(f32(3,1), f32(3,4), f32(4,5))", "torch.addmm(f32(), f32(3,4), f32(4,5))",
    "torch.addmm(torch.full((3,5),float('nan')), f32(3,4), f32(4,5), beta=0)",
    "torch.addmv(f32(3), f32(3,4), f32(4))", "torch.addbmm(f32(3,5), f32(2,3,4), f32(2,4,5))",
    "torch.addr(f32(3,4), f32(3), f32(4))", "torch.addr(f32(3,4), f32(3), f32(4), beta=0)",
    "f32(3,5).addmm_(f32(3,4), f32(4,5))", "f32(5).addmm_(f32(3,4), f32(4,5))",
    "f32(3).addmv_(f32(3,4), f32(4))", "f32(2,3,5).baddbmm_(f32(2,3,4), f32(2,4,5))",
    "f32(3,4).addr_(f32(3), f32(4))", "torch.mm(f32(3,4),f32(4,5),out=f32(3,5))",
    "torch.matmul(f32(3,4),f32(4,5),out=f32(0))", "torch.addmm(f32(3,5), i64(3,4), i64(4,5))",
    "torch.addmm(f32(2,3,5), f32(3,4), f32(4,5))", "torch.addmm(f32(3,5), f32(3,4), f32(3,5))",
    "grads(lambda a,b,c: torch.addmm(a,b,c,beta=2,alpha=3), f64(5), f64(3,4), f64(4,5))",
    "grads(lambda a,b,c: torch.baddbmm(a,b,c,beta=2,alpha=3), f64(2,3,5), f64(2,3,4), f64(2,4,5))",
    "grads(lambda a,b: torch.outer(a,b), f64(3), f64(4))",
    "grads(lambda a,b: torch.kron(a,b), f64(2,3), f64(2,2))",
    "grads(lambda a,b: torch.cross(a,b,dim=-1), f64(2,3), f64(2,3))",
    "grads(lambda a: a.trace(), f64(3,4))", "grads(torch.inner, f64(2,3), f64(4,3))",
    "torch.trace(f64(3,4))", "torch.trace(f64(3))", "torch.tensordot(f64(2,3,4),f64(3,4,5))",
    "torch.tensordot(f64(2,3,4),f64(4,5,3),([1,2],[2,0]))",
    "torch.tensordot(f64(2,3),f64(2,3),([0],[0]))", "torch.tensordot(f64(3),f64(4),0)",
    "torch.tensordot(f64(3),f64(4),1)", "torch.tensordot(f64(2,3),f64(3,2),dims=-1)",
    "torch.tensordot(f64(2,3,4),f64(4,5,3),dims=([-1,1],[0,-1]))",
    "torch.tensordot(f64(2,3),f64(2,3),torch.tensor([[0],[0]]))",
    "torch.tensordot(f64(2,3),f64(4),([0,1],[0]))",
    "grads(lambda a,b: torch.tensordot(a,b,([1,2],[2,0])), f64(2,3,4), f64(4,5,3))",
    "torch.chain_matmul(f64(2,3),f64(3,4),f64(4,5))",
    "torch.linalg.multi_dot([f64(2,3),f64(3,4),f64(4,5)])",
    "torch.linalg.matmul(f64(2,3),f64(3,4))", "torch.linalg.vecdot(f64(2,3),f64(2,3))",
    "torch.linalg.cross(f64(2,3),f64(2,3))", "torch.cdist(f64(3,2),f64(4,2))",
    "torch.cdist(f64(2,3,2),f64(2,4,2),p=1)",
    "torch.nn.functional.linear(f64(2,3),f64(4,3),f64(4))",
    "torch.nn.functional.linear(f64(5,2,3),f64(4,3))",
    "torch.nn.functional.linear(f64(3),f64(4,3))",
    "torch.nn.functional.linear(f64(2,3),f64(3))",
    "torch.nn.functional.linear(f64(2,3),f64(4,5))", "torch.matrix_power(f64(3,3),3)",
    "torch.matrix_power(f64(3,3),0)", "torch.matrix_power(f64(3,3),-2)",
    "torch.cross(f64(3,4),f64(3,4))", "torch.cross(f64(3,4),f64(3,4),dim=1)",
    "torch.cross(f64(4,3),f64(4,3))", "torch.cross(f64(4),f64(4))", "3 @ f64(2)", "f64(2) @ 3",
    "torch.mm(f64(2,2), 3)", "torch.einsum(f64(2,3),[0,1],f64(3,4),[1,2],[0,2])",
    "torch.einsum(f64(2,3),[0,1],f64(3,4),[1,2])", "torch.einsum(f64(2,3,4),[...,0],[...])",
    "torch.einsum('ij',3)", "torch.einsum(3)",
]  # fmt: skip
EQUATIONS = [
    ("ij,jk->ik", "(3,4)", "(4,5)"), ("ij,jk", "(3,4)", "(4,5)"), ("ij->ji", "(3,4)"),
    ("ij", "(3,4)"), ("ji", "(3,4)"), ("ij->", "(3,4)"), ("ij->i", "(3,4)"), ("ii->i", "(3,3)"),
    ("ii", "(3,3)"), ("ii->", "(3,3)"), ("iij->ij", "(3,3,4)"), ("i,i->", "(3)", "(3)"),
    ("i,j->ij", "(3)", "(4)"), ("i,j", "(3)", "(4)"), ("bij,bjk->bik", "(2,3,4)", "(2,4,5)"),
    ("...ij,...jk->...ik", "(2,3,4)", "(2,4,5)"), ("...ij,...jk->...ik", "(6,1,3,4)", "(2,4,5)"),
    ("...ij,jk", "(2,3,4)", "(4,5)"), ("...,...", "(3,4)", "(3,4)"), ("...i->...", "(2,3,4)"),
    ("i...->...", "(2,3,4)"), ("...", "(2,3)"), ("ij,kj,l->ikl", "(2,3)", "(4,3)", "(5)"),
    ("ab,bc,cd,de->ae", "(2,3)", "(3,4)", "(4,5)", "(5,2)"),
    ("bhqd,bhkd->bhqk", "(2,3,4,5)", "(2,3,6,5)"), ("bn,anm,bm->ba", "(2,3)", "(5,3,4)", "(2,4)"),
    ("ij,ij->ij", "(3,4)", "(3,4)"), ("ij,j->i", "(3,4)", "(4)"), ("iJ,Jk->ki", "(3,4)", "(4,5)"),
    ("i j, j k -> i k", "(3,4)", "(4,5)"), ("ij,jk->ik", "(3,1)", "(4,5)"),
    ("ij,jk->ik", "(3,4)", "(5,4)"), ("ij,jk->il", "(3,4)", "(4,5)"), ("ij->ii", "(3,4)"),
    ("ij,jk", "(3,4)"), ("ij", "(3,4)", "(3,4)"), ("ijk", "(3,4)"), ("i1", "(3,4)"),
    ("ij->ij->", "(3,4)"), ("i...j...", "(3,4)"), ("->", "()"), ("", "()"), (",->", "()", "()"),
    ("ij...->...", "(3,4)"), ("ij,ij,ij->j", "(3,4)", "(3,4)", "(3,4)"),
    ("...ii->...i", "(2,3,3)"), ("abc,cba->", "(2,3,4)", "(4,3,2)"),
    ("ijk,jil->kl", "(2,3,4)", "(3,2,5)"), ("...->", "(2,3)"), ("ij,...->i...", "(2,3)", "(4)"),
    ("ii", "(3,4)"), ("iii->i", "(2,2,2)"), ("ij,jk->...", "(3,4)", "(4,5)"), ("i->...i", "(3)"),
    ("ij,->ij", "(2,3)", "()"),
]  # fmt: skip
LINALG = [
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.inv(A))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.det(A))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.slogdet(A))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.solve(A,B))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.solve(A,v))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.cholesky(S))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.cholesky(S,upper=True))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.eigh(S)[0])(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.eigvalsh(S))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.svdvals(B))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.pinv(B))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.matrix_rank(B))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.norm(A))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.norm(A,1))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.norm(A,'nuc'))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.norm(A,2))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.norm(A,float('inf')))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.norm(v,3))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.norm(A,dim=1))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.norm(A,2,dim=0))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.vector_norm(A))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.vector_norm(A,1,dim=1,keepdim=True))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.matrix_norm(A))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.matrix_norm(A,-1,keepdim=True))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.matrix_power(A,3))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.matrix_power(A,-1))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.cond(A))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.multi_dot([A,B,B.t(),v]))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.lstsq(D,E)[0])(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.eigvals(S+0).real.sort()[0])(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.inverse(A))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: A.inverse())(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: A.det())(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.logdet(S))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.cholesky(S))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.inv(B))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.inv(v))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.solve(A,f64(4)))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.inv(i64(2,2)))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.inv(f16(2,2)))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.qr(D)[1].abs())(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.qr(D,'r').R.abs())(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: (lambda r: r.Q@r.R)(torch.linalg.qr(D)))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: (lambda r: r.U@torch.diag(r.S)@r.Vh)(torch.linalg.svd(D,False)))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.svd(D).Vh.shape)(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: (lambda r: r.eigenvectors@torch.diag(r.eigenvalues)@r.eigenvectors.t())(torch.linalg.eigh(S)))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.diagonal(A))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "(lambda A,B,v,D: (lambda S,E: torch.linalg.vander(v))(A@A.T+2*torch.eye(3).double(), D[:,:1]*2+1))(f64(3,3),f64(3,2),f64(3),f64(5,3))",
    "grads(torch.linalg.inv, f64(3,3))", "grads(torch.linalg.det, f64(3,3))",
    "grads(torch.linalg.det, f64(2,3,3))",
    "grads(lambda a: torch.linalg.slogdet(a)[1], f64(3,3))",
    "grads(torch.linalg.solve, f64(3,3), f64(3,2))",
    "grads(torch.linalg.solve, f64(3,3), f64(3))",
    "grads(lambda a: torch.linalg.cholesky(a@a.mT+torch.eye(3)), f64(3,3))",
    "grads(lambda a: torch.linalg.eigh(a+a.mT)[0], f64(3,3))",
    "grads(lambda a: torch.linalg.eigh(a+a.mT)[1].abs(), f64(3,3))",
    "grads(lambda a: torch.linalg.norm(a,'nuc'), f64(3,2))",
    "grads(lambda a: torch.linalg.matrix_norm(a,2), f64(3,2))",
    "grads(lambda a: torch.logdet(a@a.mT+torch.eye(3)), f64(3,3))",
    "grads(lambda a: torch.linalg.matrix_power(a,3), f64(3,3))", "torch.pinverse(f64(3,2))",
]  # fmt: skip
NUMERIC = [
    "torch.diff(f64(5))", "torch.diff(f64(3,4),2)", "torch.diff(f64(3,4),dim=0)",
    "torch.diff(i64(4),prepend=i64(1))", "torch.diff(b(5))", "torch.diff(f64())",
    "torch.diff(f64(3),n=0)", "torch.diff(f64(2),5)", "torch.trapezoid(f64(5))",
    "torch.trapezoid(f64(3,5),f64(5))", "torch.trapezoid(f64(3,5),dx=2,dim=0)",
    "torch.trapz(f64(4),f64(4))", "torch.cov(f64(3,5))", "torch.cov(f64(5))",
    "torch.cov(f64(3,5),correction=0)", "torch.cov(f64(3,4),fweights=torch.tensor([1,2,1,3]))",
    "torch.cov(f64(3,4),aweights=torch.tensor([.1,.2,.4,.3]).double())",
    "torch.corrcoef(f64(3,5))", "torch.corrcoef(f64(5))", "torch.renorm(f64(3,4),2,0,1.)",
    "torch.renorm(f64(3,4),1,1,2.)", "torch.cdist(f64(3,2),f64(4,2))", "torch.vander(f64(3))",
    "torch.vander(i64(3),4,True)", "torch.kron(f64(2),f64(2,3))", "grads(torch.cov, f64(2,4))",
    "grads(lambda x: torch.diff(x,2), f64(6))",
    "grads(lambda x,y: torch.cdist(x,y), f64(2,3), f64(4,3))",
    "grads(lambda x: torch.renorm(x,2,0,1.), f64(3,4))",
]  # fmt: skip
