# ruff: noqa: E501  (calls are read as tables)
"""Elementwise functions and operators against PyTorch: dtypes, shapes, numbers, errors, gradients."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

pytest.importorskip("torch")
check = runpy.run_path(str(Path(__file__).with_name("calls.py")))["check"]

DTYPES = "f32 f64 f16 bf16 i8 i16 i32 i64 u8 b c64 c128".split()

UNARY = """
abs acos acosh angle asin asinh atan atanh bitwise_not ceil conj cos cosh deg2rad digamma erf erfc erfinv
exp exp2 expm1 floor frac isfinite isinf isnan isreal lgamma log log10 log1p log2 logical_not logit neg
positive rad2deg real reciprocal relu round rsqrt sgn sigmoid sign signbit sin sinc sinh sqrt square tan
tanh trunc
""".split()
BINARY = """
add atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor copysign div eq
float_power floor_divide fmax fmin fmod gcd ge gt heaviside hypot lcm ldexp le logaddexp logaddexp2
logical_and logical_or logical_xor lt maximum minimum mul ne nextafter pow remainder rsub sub xlogy
""".split()
OPERATORS = "+ - * / // % ** & | ^ << >> == != < <= > >=".split()


@pytest.mark.thin(6)
@pytest.mark.parametrize("name", UNARY)
def test_unary(name: str) -> None:
    calls = [f"torch.{name}({d}(3, 4))" for d in DTYPES]
    calls += [f"torch.{name}({x})" for x in ("odd32(24)", "odd64(24)", "f32()", "f32(0, 3)", "2.5")]
    calls += [f"f32(6, 5).t()[1:].{name}()", f"f32(1, 4).expand(3, 4)[:, ::2].{name}()"]
    out = "b" if name == "signbit" else "f32"
    calls += [f"torch.{name}(f32(4), out={out}(0))", f"f32(4).{name}_()", f"i32(4).{name}_()"]
    check(calls)


@pytest.mark.thin(6)
@pytest.mark.parametrize("name", BINARY)
def test_binary(name: str) -> None:
    calls = [f"torch.{name}({d}(3, 4), {d}(4))" for d in DTYPES]
    pairs = """
        f32(3,4) i64(3,1) | i32(3,4) i64() | i32(3,4) f64() | f16(3,4) f32() | u8(4) i8(4) | f32(3,4) 2
        f32(3,4) 2.5 | f32(3,4) True | i64(3,4) 2 | i64(3,4) 2.5 | i8(3,4) True | b(4) 2 | b(4) 2.5
        b(4) True | f32(4) 2j | u8(4) -3 | 2 f32(3,4) | 2.5 i32(3,4) | f32(0,4) f32(4) | f32(3,4) f32(3)
        f32() f32() | f32(5,4).t() f32(4,1).expand(4,5) | f32(3,4) 'a' | f32(3,4) None
        odd32(12).reshape(12,1) odd32(12) | odd64(12).reshape(12,1) odd64(12)
    """.strip().replace("\n", "|")
    calls += [f"torch.{name}({', '.join(p.split())})" for p in pairs.split("|")]
    for a, b in (("f32(3,4)", "f32(4)"), ("i32(3,4)", "f32(4)"), ("f32(3,4)", "i32(4)"), ("f32(4)", "f32(3,4)"),
                 ("i32(4)", "2"), ("b(4)", "i32(4)"), ("u8(4)", "i32(4)"), ("f16(4)", "f64(4)")):  # fmt: skip
        calls.append(f"{a}.{name}_({b})")
    calls += [f"torch.{name}(f32(4), f32(4), out={o}(4))" for o in ("f32", "i32")]
    check([c for c in calls if c not in KNOWN])


# What PyTorch does otherwise, knowingly left out: gradients aside, these have no use.
KNOWN = {
    "torch.logaddexp(c64(3, 4), c64(4))", "torch.logaddexp(c128(3, 4), c128(4))",
}  # fmt: skip


@pytest.mark.thin(6)
@pytest.mark.parametrize("operator", OPERATORS)
def test_operators(operator: str) -> None:
    calls = []
    for d in DTYPES:
        calls += [f"{d}(3,4) {operator} {d}(3,4)", f"{d}() {operator} {d}(4)"]
        numbers = ["2", "2.5", "True"] + ["2j"] * (d not in ("f16", "bf16"))
        calls += [f"{d}(4) {operator} {n}" for n in numbers] + [
            f"{n} {operator} {d}(4)" for n in numbers
        ]
    calls += [
        f"{a} {operator} {b}"
        for a, b in (("f32(3)", "'a'"), ("None", "f32(3)"), ("f32(3)", "[1, 2, 3]"))
    ]
    calls += [f"f32(3) {operator} np.float64(2)", f"i32(3) {operator} np.int32(2)"]
    check(calls)


def test_in_place_operators() -> None:
    check(
        f"(lambda x, y: [x.__i{name}__({b}) is x, x, y])({a}, {a}.view(-1))"
        for name in (
            "add",
            "sub",
            "mul",
            "truediv",
            "floordiv",
            "mod",
            "pow",
            "and",
            "or",
            "xor",
            "lshift",
            "rshift",
        )
        for a, b in (
            ("f32(2,3)", "2"),
            ("i64(2,3)", "2"),
            ("i64(4)", "2.5"),
            ("f32(2,3)", "f32(3)"),
            ("b(3)", "True"),
        )
    )


def test_unary_operators_and_python_protocols() -> None:
    calls = [f"{u}{d}(3)" for u in ("-", "+", "~") for d in DTYPES] + [
        f"abs({d}(3))" for d in DTYPES
    ]
    check(
        calls
        + [
            "f32(2) @ f32(2)",
            "f32(2,2) @ 3",
            "3 @ f32(2)",
            "round(f32(3))",
            "f32() and 1",
            "not f32()",
            "int(f32())",
            "float(i64())",
            "complex(f32())",
            "bool(f32(2))",
            "len(f32(3))",
            "len(f32())",
            "list(f32(2))",
            "2 in i64(9)",
            "f32(3).__rpow__(2)",
            "f32(1).item()",
            "f32(2).item()",
            "[1, 2, 3][torch.tensor(1)]",
            "[1, 2, 3][torch.tensor(1.0)]",
        ]
    )


def test_calls_with_options_and_corner_values() -> None:
    check(CALLS)


@pytest.mark.thin(4)
def test_gradients() -> None:
    check(GRADIENTS, loose=100)


def test_special() -> None:
    check(SPECIAL, loose=100)


CALLS = [
    "torch.cumulative_trapezoid(f64(5))", "torch.cumulative_trapezoid(f64(3,5),f64(3,5))",
    "torch.addcmul(f64(3),f64(3),f64(3),value=2)",
    "torch.addcdiv(f64(3),f64(3),f64(3),value=0.5)", "torch.addcdiv(i64(3),i64(3),i64(3))",
    "torch.addcmul(torch.ones(2), torch.full((2,), 1e38), torch.full((2,), 4.0), value=0.125)",
    "torch.addcdiv(torch.ones(2), torch.full((2,), 1e38), torch.full((2,), 0.1), value=0.125)",
    "torch.addcmul(f64(3),i64(3),f64(3),value=0.3)", "torch.addcmul(f64(3),f64(3).float(),f64(3),value=0.3)",
    "torch.addcmul(i64(3),i64(3),i64(3),value=2)", "torch.lerp(f64(3),f64(3)+1,0.3)",
    "torch.lerp(f64(3),f64(3)+1,f64(3))", "torch.lerp(f32(3),f64(3),0.3)",
    "torch.lerp(i64(3),i64(3),0.5)", "torch.clamp(f64(5),-1,1)", "torch.clamp(f64(5),min=0)",
    "torch.clamp(f64(5),max=f64(5)*0)", "torch.clamp(f64(5))", "torch.clamp(i64(5),-1.5,2)",
    "torch.clamp(i64(5),0,3)", "torch.clamp(odd32(12),-1,1)", "torch.clamp(f64(3),2,1)",
    "torch.clamp(u8(3),max=5)", "torch.clip(f64(3),0,1)",
    "torch.clamp(f64(3,4),f64(4),f64(3,1))", "torch.clamp_min(f64(3),0)",
    "torch.clamp_max(f64(3),0)", "torch.clamp(c64(2),0,1)", "torch.clamp(b(3),0,1)",
    "f64(3).clamp_(0,1)", "i64(3).clamp_(0.5,1)", "grads(lambda x: x.clamp(-1,1), f64(7))",
    "grads(lambda x,a,b: torch.clamp(x,a,b), f64(7), f64(7), f64(7)+2)",
    "grads(lambda x: x.clamp(min=0.), torch.tensor([0.,1.,-1.]).double())",
    "torch.where(b(3),f64(3),0.)", "torch.where(b(3),1,0)", "torch.where(b(3),1.5,2)",
    "torch.where(b(3),f32(3),f64(3))", "torch.where(b(3),i64(3),1.5)",
    "torch.where(f64(3),1,0)", "torch.where(u8(3),1,0)", "torch.where(b(3,1),f64(4),f64(3,4))",
    "torch.where(b(3))", "torch.where(b(3),f64(3))", "f64(3).where(b(3),0)",
    "torch.where(b(3),True,False)", "torch.where(b(3), 1, True)", "torch.where(b(3), 2j, 1.)",
    "torch.masked_fill(f64(3),b(3),9)", "torch.masked_fill(f64(3),b(3),torch.tensor(9.))",
    "torch.masked_fill(i64(3),b(3),1.5)", "torch.masked_fill(f64(3),i64(3),1)",
    "f64(3).masked_fill_(b(3),-float('inf'))", "torch.masked_fill(f64(3,4),b(4),0)",
    "torch.masked_fill(f64(4),b(3,4),0)", "torch.masked_fill(f64(3),b(3),f64(3))",
    "torch.nan_to_num(odd32(12))", "torch.nan_to_num(odd64(12),1.,2.,3.)",
    "torch.nan_to_num(i64(3))", "torch.isclose(f64(3),f64(3)+1e-9)",
    "torch.isclose(odd32(12),odd32(12))", "torch.isclose(odd32(12),odd32(12),equal_nan=True)",
    "torch.isclose(i64(3),i64(3)+1,atol=1)", "torch.isclose(f32(3),f64(3))",
    "torch.allclose(f32(3),f64(3))", "torch.equal(f32(3),f32(4))", "torch.equal(f32(3),f64(3))",
    "torch.equal(f32(3),3)", "torch.round(f64(5),decimals=1)",
    "torch.round(f64(5)*100,decimals=-1)", "torch.round(torch.tensor([0.5,1.5,2.5,-0.5]))",
    "torch.round(i64(3),decimals=1)", "torch.frac(f64(4))",
    "torch.div(f64(4),f64(4),rounding_mode='floor')",
    "torch.div(i64(4),i64(4),rounding_mode='trunc')",
    "torch.div(i64(4),2,rounding_mode='floor')", "torch.div(f64(4),2,rounding_mode='trunc')",
    "torch.div(f64(4),2,rounding_mode='x')",
    "torch.div(i64(4),torch.tensor([1,0,2,3]),rounding_mode='floor')",
    "torch.div(i64(4),torch.tensor([1,0,2,3]))", "i64(4)//torch.tensor([1,0,2,3])",
    "i64(4)%torch.tensor([1,0,2,3])", "torch.fmod(i64(4),torch.tensor([1,0,2,3]))", "i64(4)//0",
    "i64(4)%0", "i64(4)/0", "f64(4)//0", "f64(4)%0", "u8(4)//0",
    "torch.div(i64(4),0,rounding_mode='trunc')",
    "torch.tensor([7,-7,7,-7])//torch.tensor([2,2,-2,-2])",
    "torch.tensor([7,-7,7,-7])%torch.tensor([2,2,-2,-2])",
    "torch.fmod(torch.tensor([7,-7,7,-7]),torch.tensor([2,2,-2,-2]))",
    "torch.div(torch.tensor([7,-7,7,-7]),torch.tensor([2,2,-2,-2]),rounding_mode='trunc')",
    "torch.tensor([7.5,-7.5])//2", "torch.tensor([7.5,-7.5])%-2", "i64(3)**-1", "i64(3)**2.5",
    "i64(3)**torch.tensor([1,2,-1])", "2**i64(3)", "2.**i64(3)", "f64(3)**0",
    "torch.zeros(3)**0", "torch.zeros(3)**-1", "torch.tensor([-8.])**(1/3)", "f64(3)**f64(3)",
    "torch.pow(2,f64(3))", "torch.pow(f64(3),torch.tensor(2))",
    "torch.tensor(2)**torch.tensor(0.5)", "torch.tensor([2,3])**-1.",
    "grads(lambda x: x**3, f64(4))", "grads(lambda x: x**2.5, pos64(4))",
    "grads(lambda x: x**-1, f64(4))", "grads(lambda x: 2**x, f64(4))",
    "grads(lambda x: x**0, f64(4))", "grads(lambda x: x**0.5, pos64(4))",
    "grads(lambda x: x**-0.5, pos64(4))", "torch.tensor([0.,-2.,4.,float('inf')])**-0.5",
    "grads(lambda x: 0**x, pos64(4))", "torch.add(f64(3),f64(3),alpha=2)",
    "torch.add(i64(3),i64(3),alpha=1.0)", "torch.add(i64(3),i64(3),alpha=True)",
    "torch.add(f32(3),f32(3),alpha=True)", "torch.add(b(3),b(3),alpha=2)", "torch.add(b(3),b(3),alpha=False)",
    "torch.add(b(3),True,alpha=2)", "torch.sub(b(3),b(3),alpha=1.0)", "torch.sub(i64(3),i64(3),alpha=1.0)",
    "torch.add(i64(3),f32(3),alpha=1.0)", "torch.add(i64(3),i64(3),alpha=2.5)", "torch.sub(f64(3),2,alpha=3)", "torch.sub(b(3),b(3))",
    "torch.sub(b(3),1)", "1-b(3)", "torch.rsub(f64(3),2,alpha=3)", "b(3)+b(3)", "b(3)*b(3)",
    "b(3)/b(3)", "-b(3)", "+b(3)", "~b(3)", "b(3)*2", "b(3)+1.5", "u8(3)-9", "u8(3)*200",
    "i8(3)*100", "i8(3)+200", "torch.tensor([255],dtype=torch.uint8)+1",
    "torch.tensor([127],dtype=torch.int8)+1", "abs(torch.tensor([-128],dtype=torch.int8))",
    "-u8(3)", "torch.sign(u8(3))", "i64(3)<<2", "i64(3)>>1", "torch.tensor([1])<<70",
    "torch.tensor([-8])>>1", "torch.tensor([-8])>>70", "i64(3)&3", "i64(3)|True", "b(3)&b(3)",
    "b(3)^True", "torch.logical_xor(f64(3),b(3))", "torch.logical_not(f64(3))",
    "torch.sgn(c64(3))",
]  # fmt: skip
GRADIENTS = [
    "grads(lambda x: torch.exp(x), f64(4))", "grads(lambda x: torch.exp2(x), f64(4))",
    "grads(lambda x: torch.expm1(x), f64(4))", "grads(lambda x: torch.log(x), pos64(4))",
    "grads(lambda x: torch.log2(x), pos64(4))", "grads(lambda x: torch.log10(x), pos64(4))",
    "grads(lambda x: torch.log1p(x), pos64(4))", "grads(lambda x: torch.sqrt(x), pos64(4))",
    "grads(lambda x: torch.rsqrt(x), pos64(4))", "grads(lambda x: torch.reciprocal(x), f64(4))",
    "grads(lambda x: torch.sin(x), f64(4))", "grads(lambda x: torch.cos(x), f64(4))",
    "grads(lambda x: torch.tan(x), f64(4))", "grads(lambda x: torch.asin(x), unit64(4))",
    "grads(lambda x: torch.acos(x), unit64(4))", "grads(lambda x: torch.atan(x), f64(4))",
    "grads(lambda x: torch.sinh(x), f64(4))", "grads(lambda x: torch.cosh(x), f64(4))",
    "grads(lambda x: torch.tanh(x), f64(4))", "grads(lambda x: torch.asinh(x), f64(4))",
    "grads(lambda x: torch.acosh(x), (pos64(4)+1))",
    "grads(lambda x: torch.atanh(x), unit64(4))", "grads(lambda x: torch.sigmoid(x), f64(4))",
    "grads(lambda x: torch.erf(x), f64(4))", "grads(lambda x: torch.erfc(x), f64(4))",
    "grads(lambda x: torch.erfinv(x), unit64(4))", "grads(lambda x: torch.lgamma(x), pos64(4))",
    "grads(lambda x: torch.digamma(x), pos64(4))", "grads(lambda x: torch.relu(x), f64(4))",
    "grads(lambda x: torch.abs(x), f64(4))",
    "grads(lambda x: torch.abs(x), torch.zeros(2).double())",
    "grads(lambda x: torch.neg(x), f64(4))", "grads(lambda x: torch.floor(x), f64(4))",
    "grads(lambda x: torch.ceil(x), f64(4))", "grads(lambda x: torch.trunc(x), f64(4))",
    "grads(lambda x: torch.round(x), f64(4))", "grads(lambda x: torch.frac(x), f64(4))",
    "grads(lambda x: torch.sign(x), f64(4))", "grads(lambda x: torch.square(x), f64(4))",
    "grads(lambda x: torch.logit(x), (pos64(4)/4))", "grads(lambda x: torch.sinc(x), f64(4))",
    "grads(lambda x: torch.deg2rad(x), f64(4))",
    "grads(lambda x: torch.nan_to_num(x), odd64(12))",
    "grads(lambda x: torch.relu(x), torch.zeros(2).double())",
    "grads(lambda x: torch.sqrt(x), torch.zeros(2).double())",
    "grads(lambda x: torch.exp(x), c128(3))", "grads(lambda x: torch.log(x), c128(3))",
    "grads(lambda x: torch.sin(x), c128(3))", "grads(lambda x: torch.sqrt(x), c128(3))",
    "grads(lambda x: torch.abs(x), c128(3))", "grads(lambda x: torch.reciprocal(x), c128(3))",
    "grads(lambda x: torch.tanh(x), c128(3))", "grads(lambda x: torch.square(x), c128(3))",
    "grads(lambda x: torch.conj(x), c128(3))", "grads(lambda x: torch.angle(x), c128(3))",
    "grads(lambda x: torch.sgn(x), c128(3))", "grads(lambda x: torch.cos(x), c128(3))",
    "grads(lambda x: torch.sigmoid(x), c128(3))", "grads(lambda x: torch.asin(x), (c128(3)/4))",
    "grads(lambda x,y: torch.cdist(x,y), f64(2,3), f64(4,3))",
    "grads(lambda x,y: x**y, pos64(4), f64(4))",
    "grads(lambda x,y: x**y, torch.zeros(2).double(), torch.tensor([2.,0.]).double())",
    "grads(lambda x,y: torch.add(x,y), f64(3,4), f64(1,4))",
    "grads(lambda x,y: torch.add(x,y), f64(4), f64(4))",
    "grads(lambda x,y: x-y, f64(3,4), f64(1,4))", "grads(lambda x,y: x-y, f64(4), f64(4))",
    "grads(lambda x,y: x*y, f64(3,4), f64(1,4))", "grads(lambda x,y: x*y, f64(4), f64(4))",
    "grads(lambda x,y: x/y, f64(3,4), f64(1,4))", "grads(lambda x,y: x/y, f64(4), f64(4))",
    "grads(lambda x,y: torch.maximum(x,y), f64(3,4), f64(1,4))",
    "grads(lambda x,y: torch.maximum(x,y), f64(4), f64(4))",
    "grads(lambda x,y: torch.minimum(x,y), f64(3,4), f64(1,4))",
    "grads(lambda x,y: torch.minimum(x,y), f64(4), f64(4))",
    "grads(lambda x,y: torch.fmax(x,y), f64(3,4), f64(1,4))",
    "grads(lambda x,y: torch.fmax(x,y), f64(4), f64(4))",
    "grads(lambda x,y: torch.fmin(x,y), f64(3,4), f64(1,4))",
    "grads(lambda x,y: torch.fmin(x,y), f64(4), f64(4))",
    "grads(lambda x,y: torch.atan2(x,y), f64(3,4), f64(1,4))",
    "grads(lambda x,y: torch.atan2(x,y), f64(4), f64(4))",
    "grads(lambda x,y: torch.copysign(x,y), f64(3,4), f64(1,4))",
    "grads(lambda x,y: torch.copysign(x,y), f64(4), f64(4))",
    "grads(lambda x,y: torch.hypot(x,y), f64(3,4), f64(1,4))",
    "grads(lambda x,y: torch.hypot(x,y), f64(4), f64(4))",
    "grads(lambda x,y: torch.logaddexp(x,y), f64(3,4), f64(1,4))",
    "grads(lambda x,y: torch.logaddexp(x,y), f64(4), f64(4))",
    "grads(lambda x,y: torch.logaddexp2(x,y), f64(3,4), f64(1,4))",
    "grads(lambda x,y: torch.logaddexp2(x,y), f64(4), f64(4))",
    "grads(lambda x,y: torch.fmod(x,y), f64(3,4), f64(1,4))",
    "grads(lambda x,y: torch.fmod(x,y), f64(4), f64(4))",
    "grads(lambda x,y: torch.remainder(x,y), f64(3,4), f64(1,4))",
    "grads(lambda x,y: torch.remainder(x,y), f64(4), f64(4))",
    "grads(lambda x,y: torch.where(x>y,x,y), f64(3,4), f64(1,4))",
    "grads(lambda x,y: torch.where(x>y,x,y), f64(4), f64(4))",
    "grads(lambda x,y: torch.lerp(x,y,0.3), f64(3,4), f64(1,4))",
    "grads(lambda x,y: torch.lerp(x,y,0.3), f64(4), f64(4))",
    "grads(lambda x,y: torch.addcmul(x,x,y,value=2), f64(3,4), f64(1,4))",
    "grads(lambda x,y: torch.addcmul(x,x,y,value=2), f64(4), f64(4))",
    "grads(lambda x,y: torch.addcdiv(x,y,x*x+1,value=2), f64(3,4), f64(1,4))",
    "grads(lambda x,y: torch.addcdiv(x,y,x*x+1,value=2), f64(4), f64(4))",
    "grads(lambda x,y: torch.rsub(x,y), f64(3,4), f64(1,4))",
    "grads(lambda x,y: torch.rsub(x,y), f64(4), f64(4))",
    "grads(lambda x,y: torch.true_divide(x,y), f64(3,4), f64(1,4))",
    "grads(lambda x,y: torch.true_divide(x,y), f64(4), f64(4))",
    "grads(lambda x,y: torch.masked_fill(x,y[0]>0,2.), f64(3,4), f64(1,4))",
    "grads(lambda x,y: torch.masked_fill(x,y[0]>0,2.), f64(4), f64(4))",
    "grads(lambda x,y: torch.div(x,y,rounding_mode='floor'), f64(3,4), f64(1,4))",
    "grads(lambda x,y: torch.div(x,y,rounding_mode='floor'), f64(4), f64(4))",
    "grads(lambda x,y: torch.float_power(x.abs(),y), f64(3,4), f64(1,4))",
    "grads(lambda x,y: torch.float_power(x.abs(),y), f64(4), f64(4))",
    "grads(lambda x,y: torch.ldexp(x,y), f64(3,4), f64(1,4))",
    "grads(lambda x,y: torch.ldexp(x,y), f64(4), f64(4))",
    "grads(lambda x,y: torch.dist(x,y), f64(3,4), f64(1,4))",
    "grads(lambda x,y: torch.dist(x,y), f64(4), f64(4))",
    "grads(lambda x,y: torch.xlogy(x.abs(),y.abs()), f64(3,4), f64(1,4))",
    "grads(lambda x,y: torch.xlogy(x.abs(),y.abs()), f64(4), f64(4))",
    "grads(lambda x,y: x*y, c128(3), c128(3))", "grads(lambda x,y: x/y, c128(3), c128(3))",
    "grads(lambda x,y: x+y, c128(3), c128(3))", "grads(lambda x,y: x-y, c128(3), c128(3))",
    "grads(lambda x,y: x**y, c128(3), c128(3))",
]  # fmt: skip
SPECIAL = [
    "torch.special.xlog1py(f64(3),pos64(3))", "torch.special.entr(f64(4))",
    "torch.special.ndtr(f64(4))", "torch.special.expit(f64(3))",
    "torch.special.gammaln(pos64(3))", "torch.polygamma(1,pos64(3))",
    "torch.polygamma(2,pos64(3))", "torch.polygamma(0,pos64(3))", "torch.special.psi(pos64(3))",
    "torch.mvlgamma(pos64(3)+2,2)", "torch.special.log_softmax(f64(3),0)",
]  # fmt: skip
