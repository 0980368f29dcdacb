# ruff: noqa: E501  (calls are read as tables)
"""Complex arithmetic, which is compiled as arithmetic on pairs, against PyTorch."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

pytest.importorskip("torch")
check = runpy.run_path(str(Path(__file__).with_name("calls.py")))["check"]

FORMS = [
    "{z}*{w}", "{z}+{w}", "{z}-{w}", "{z}/{w}", "-{z}*2", "{z}.conj()*{w}", "({z}*{w}).abs()",
    "({z}*{w}).real+{w}.imag", "{z}*(2-3j)+1.5", "2/{z}", "({z}*{w}).sum()", "({z}*{w}).sum(0)",
    "({z}*{w}).mean(-1)", "({z}.mT*2).contiguous()", "{z}.mT@{w}", "torch.cat([{z},{w}],1)*{w}.sum()",
    "torch.stack([{z},{w}]).flip(0)*1j", "torch.where({z}.real>0,{z},{w})", "{z}=={z}", "{z}!={w}",
    "({z}*{w})[1:,::2]*{w}[0,0]", "({z}+{w}).roll(1,0)", "torch.view_as_real({z}*{w})",
    "torch.view_as_complex(torch.view_as_real({z})*2)*{w}", "({z}*{w}).bool()",
    "(({z}*{w}).exp()+{w})*{z}", "({z}*{w}).angle()", "{z}*i64(3,4)", "{z}*f32(4)", "f32(3,1)-{z}",
    "({z}*{w}).isfinite()", "({z}-{z})/({z}-{z})", "({z}*{w}).index_select(0,torch.tensor([2,0,0]))",
    "torch.nn.functional.pad({z}*{w},(1,2))", "torch.tril({z}*{w})", "({z}*0).abs()",
    "({z}*{w}).index_add(0,torch.tensor([1,1]),{w}[:2])", "torch.polar({z}.abs(),{z}.angle())",
    "grads(lambda z,w:z*w/(w+3),{z},{w})", "grads(lambda z:(z*z).abs(),{z})",
    "grads(lambda z:(z*z.conj()).real,{z})", "grads(lambda z:torch.view_as_real(z*2),{z})",
]  # fmt: skip
CALLS = [
    *(form.format(z=f"{d}(3,4)", w=f"({d}(1,4)-2)") for form in FORMS for d in ("c64", "c128")),
    "c64(3)*c128(3)", "c64(3).to(torch.complex128)*2", "c128(3).to(torch.complex64)*c64()",
    "c64()*c64()", "c64(0,3)*c64(3)", "torch.complex(f32(3),f64(3).float())*1j",
    "torch.complex(odd32(12),odd32(12).flip(0)).abs()", "torch.complex(odd32(12),odd32(12).flip(0)).isnan()",
    "(torch.complex(f32(3),f32(3))*1e25).abs()", "(torch.complex(f32(3),f32(3))*1e-25).abs()",
    "(torch.complex(f64(3),f64(3))*1e200).abs()", "(c64(3)*1e25)/(c64(3).conj()*1e25)",
    "(c64(3)*1e-25)/(c64(3).conj()*1e-25)",
]  # fmt: skip


@pytest.mark.thin(4)
def test_calls() -> None:
    check(CALLS)
