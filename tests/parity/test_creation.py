# ruff: noqa: E501  (calls are read as tables)
"""Tensors from data, shapes and memory against PyTorch; dtypes, devices and their names."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

import facula

torch = pytest.importorskip("torch")
check = runpy.run_path(str(Path(__file__).with_name("calls.py")))["check"]

DTYPES = [
    "torch." + name
    for name in "float16 float32 float64 bfloat16 int8 int16 int32 int64 uint8 bool complex64 complex128".split()
]


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes(dtype: str) -> None:
    calls = [c.replace("{d}", dtype) for c in BY_DTYPE]
    check(c for c in calls if c not in KNOWN)


# In PyTorch, the numbers of a range wrap round in uint8.
KNOWN = {"torch.linspace(-1,2,7,dtype=torch.uint8)"}


@pytest.mark.parametrize("maker", ["tensor", "as_tensor", "asarray", "from_numpy"])
def test_inference_from_data(maker: str) -> None:
    check(f"torch.{maker}({x})" for x in DATA)


@pytest.mark.parametrize("dtype", ["float64", "int32"])
def test_data_with_a_dtype(dtype: str) -> None:
    numpys = ("np.float", "np.bool", "np.complex", "torch.tensor(1.5)") if dtype == "int32" else ()
    # a NumPy scalar of another kind is converted here, and an error in PyTorch
    check(
        f"torch.tensor({x}, dtype=torch.{dtype})" for x in DATA if not any(n in x for n in numpys)
    )


def test_calls() -> None:
    check(CALLS)


def test_dtypes_devices_and_their_names() -> None:
    check(NAMES)


def test_memory_is_shared_with_numpy_both_ways() -> None:
    check(
        [
            "(lambda a: (lambda t: [a.__setitem__(0, 7.), t, t.mul_(2), a])(torch.from_numpy(a)))(np.arange(3.))",
            "(lambda t: (lambda a: [t.add_(1), a, a.__setitem__(1, 9.), t, t * 2])(t.numpy()))(f32(3))",
            "(lambda a: (lambda t: [a.__setitem__((0, 1), 7.), t.t(), t.t().zero_(), a])(torch.from_numpy(a)))"
            "(np.arange(6.).reshape(2, 3))",
            "(lambda a: (lambda t: [t.fill_(5), a, a.__setitem__(0, 1), t])(torch.from_numpy(a[::2])))(np.arange(6))",
            "(lambda t: (lambda a: [t[0].fill_(5), a, t.view(-1)[1:2].mul_(3), a])(t.numpy()))(f32(2, 2))",
            "(lambda t: (lambda a: [a.__setitem__(0, 5), t])(t[1].numpy()))(i64(2, 2))",
            "(lambda a: [torch.as_tensor(a).add_(1), a])(np.arange(3.))",
            "(lambda a: [torch.tensor(a).add_(1), a])(np.arange(3.))",
            "(lambda a: [torch.asarray(a).add_(1), a, torch.asarray(a, copy=True).add_(1), a])(np.arange(3.))",
            "(lambda t: [torch.as_tensor(t) is t, torch.as_tensor(t, dtype=torch.float64) is t])(f32(2))",
            "(lambda t: [torch.asarray(t).add_(1), t])(f32(2))",
            "(lambda a: (lambda t: [a.__setitem__(0, 3.), t.sum(), a.__setitem__(0, 4.), t.sum()])"
            "(torch.from_numpy(a)))(np.arange(3.))",
            "torch.asarray([1, 2], copy=False)", "torch.asarray(np.arange(2.), dtype=torch.float32, copy=False)",
        ]
    )  # fmt: skip


def test_the_default_dtype() -> None:
    import torch

    import facula

    try:
        for package in (torch, facula):
            package.set_default_dtype(package.float64)
        check(
            [
                "torch.get_default_dtype()", "torch.tensor(1.5)", "torch.zeros(2)", "torch.arange(0, 1, 0.3)",
                "torch.tensor(1j)", "i64(2) / 2", "i64(2).exp()", "f32(2) * 1.5", "i64(2) * 1.5", "torch.full((2,), 1.)",
                "torch.Tensor([1]).dtype", "torch.rand(2).dtype", "torch.eye(2)", "torch.linspace(0, 1, 3)",
            ]
        )  # fmt: skip
    finally:
        for package in (torch, facula):
            package.set_default_dtype(package.float32)


BY_DTYPE = [
    "torch.zeros(2,3,dtype={d})", "torch.ones((2,),dtype={d})", "torch.full((2,2),3,dtype={d})",
    "torch.full((2,),2.7,dtype={d})", "torch.eye(3,dtype={d})", "torch.arange(5,dtype={d})",
    "torch.arange(1,10,3,dtype={d})", "torch.arange(0.5,3,0.5,dtype={d})",
    "torch.linspace(0,10,5,dtype={d})", "torch.linspace(-1,2,7,dtype={d})",
    "torch.logspace(0,2,3,dtype={d})", "torch.tensor([1,2,0],dtype={d})",
    "torch.tensor([1.5,-2.7],dtype={d})", "torch.tensor(True,dtype={d})",
    "torch.zeros_like(f32(2),dtype={d})", "torch.ones_like(torch.zeros(2,dtype={d}))",
    "torch.full_like(torch.zeros(2,dtype={d}),3)",
    "torch.full_like(torch.zeros(2,dtype={d}),2.5)", "torch.zeros(2,dtype={d}).new_ones(3)",
    "torch.zeros(2,dtype={d}).new_full((2,),7)", "torch.zeros(2,dtype={d}).new_tensor([1,2])",
    "torch.zeros(2,dtype={d}).new_zeros((2,2))", "torch.zeros(2,dtype={d}).new_empty(2).shape",
    "str({d})", "{d}.itemsize", "{d}.is_floating_point", "{d}.is_complex", "{d}.is_signed",
    "torch.scalar_tensor(3,dtype={d})", "str(torch.iinfo({d}))", "str(torch.finfo({d}))",
    "torch.finfo({d}).eps", "torch.finfo({d}).max", "torch.iinfo({d}).max",
    "torch.iinfo({d}).bits", "torch.finfo({d}).tiny", "torch.finfo({d}).dtype",
    "torch.empty(2,3,dtype={d}).dtype", "torch.as_tensor([1,0],dtype={d})",
    "torch.zeros(1,dtype={d}).numpy().dtype.name", "repr({d})",
]  # fmt: skip
DATA = [
    "1", "1.5", "True", "1j", "[]", "[[]]", "[1,2]", "[1,2.5]", "[True,2]", "[True,False]",
    "[1,1j]", "[[1,2],[3,4]]", "[[1,2],[3]]", "[[1],2]", "[1,[2]]", "(1,2)", "((1,2),(3,4))",
    "[(1,2),[3,4]]", "range(4)", "np.float32(2)", "np.int8(3)", "np.bool_(True)",
    "np.arange(3)", "np.arange(3,dtype=np.int32)", "np.zeros((2,0))", "[np.float32(1),2.0]",
    "[np.float64(1)]", "[np.int32(1),np.int32(2)]", "[np.arange(2),np.arange(2)]",
    "[np.arange(2.),np.arange(2)]", "[torch.tensor(1),torch.tensor(2)]",
    "[torch.tensor(1.5),2]", "f64(3)", "'a'", "['a']", "None", "[None]", "{1:2}", "{1,2}",
    "object()", "2**40", "2**70", "[2**70]", "-2**63", "float('nan')", "[float('inf'),1]",
    "np.array(['a'])", "np.array([1,2],dtype='>f4')", "np.array([1.,2.])[::-1]", "[[[1]]]",
    "[[],[]]", "[[[]],[[]]]", "np.float16(1.5)", "np.complex64(1+2j)", "[1.0,None]",
    "np.array(5)", "np.array([[1,2],[3,4]]).T", "np.arange(10)[::2]", "[[1,2],[3,4.0]]",
    "[1e400]", "[True, 1.5, 2]", "[1, True]", "[[1,2],[]]", "[[1,2],[3,[4]]]",
]  # fmt: skip
CALLS = [
    "torch.zeros()", "torch.zeros(())", "torch.zeros([])", "torch.zeros(3)",
    "torch.zeros([2,3])", "torch.zeros(torch.Size([2]))", "torch.zeros(2,-1)",
    "torch.zeros('a')", "torch.zeros(2.5)", "torch.zeros(size=(2,))",
    "torch.zeros(np.int64(2),3)", "torch.zeros(torch.tensor(2))",
    "torch.zeros((2,),out=f32(1))", "torch.zeros(2,dtype='float')",
    "torch.zeros(2,dtype=float)", "torch.zeros(2,dtype=int)", "torch.zeros(2,dtype=bool)",
    "torch.zeros(2,dtype=np.float32)", "torch.zeros(2,requires_grad=True).requires_grad",
    "torch.zeros(2,dtype=torch.int64,requires_grad=True)", "torch.zeros(2,foo=1)",
    "torch.ones(True)", "torch.full((2,),True)", "torch.full((2,),1)", "torch.full((2,),1.5)",
    "1 / torch.full((2,),-0.)", "1 / torch.full((2,),0.)", "torch.full((2,),-0.,dtype=torch.int32)",
    "torch.full((2,),1j)", "torch.full(2,1)", "torch.full((),5)",
    "torch.full([2],torch.tensor(3))", "torch.full((2,),'a')",
    "torch.full((2,), np.float32(2))", "torch.full(size=(2,),fill_value=3)", "torch.eye(3)",
    "torch.eye(2,3)", "torch.eye(0)", "torch.eye(-1)", "torch.eye(3,2)",
    "torch.eye(2,out=f32(0))", "torch.arange(5)", "torch.arange(5.)", "torch.arange(2,5)",
    "torch.arange(5,2,-1)", "torch.arange(2,5,-1)", "torch.arange(0,1,0.1)",
    "torch.arange(0,1,0.3)", "torch.arange(0,5,0)", "torch.arange(end=5)",
    "torch.arange(start=1,end=4)", "torch.arange(1,4,step=2)", "torch.arange(torch.tensor(4))",
    "torch.arange(torch.tensor(4.))", "torch.arange(0)", "torch.arange(-3)",
    "torch.arange(3,3)", "torch.arange()", "torch.arange(True)", "torch.arange(5,out=i64(0))",
    "torch.arange(1,2.5)", "torch.arange(0.1,2.0,0.37)",
    "torch.arange(10,dtype=torch.float32)/3", "torch.arange(float('nan'))",
    "torch.arange(1e10,1e10+3)", "torch.arange(np.int64(3))",
    "torch.arange(5,requires_grad=True)", "torch.arange(5.,requires_grad=True)",
    "torch.arange(2**31,2**31+2)", "torch.arange(0, 2, 0.1, dtype=torch.float64)",
    "torch.range(1,4)", "torch.range(0,1,0.25)", "torch.linspace(0,1,5)",
    "torch.linspace(0,1,1)", "torch.linspace(0,1,0)", "torch.linspace(0,1,2)",
    "torch.linspace(0,1,-1)", "torch.linspace(3,10,100)", "torch.linspace(-1,1,1001)",
    "torch.linspace(0,1,7,dtype=torch.float64)", "torch.linspace(1,0,11)",
    "torch.linspace(start=0,end=2,steps=3)",
    "torch.linspace(torch.tensor(0.),torch.tensor(1.),3)", "torch.linspace(0,1)",
    "torch.linspace(0,1j,3)", "torch.linspace(0.,1.,3,out=f32(0))", "torch.linspace(-5,7,64)*3",
    "torch.logspace(0,2,5)", "torch.logspace(0,3,4,base=2)",
    "torch.logspace(-1,1,3,dtype=torch.float64)", "torch.logspace(0,2,1)",
    "torch.logspace(0,1,0)", "torch.logspace(-3,3,50)", "torch.empty(2,3).shape",
    "torch.empty((2,0))", "torch.empty_like(f32(2,3)).shape", "torch.zeros_like(3)",
    "torch.full_like(f32(2),1.5)", "torch.full_like(i64(2),1.5)",
    "torch.full_like(i64(2),1.5,dtype=torch.float32)",
    "torch.zeros_like(f32(2),requires_grad=True).requires_grad", "f32(2).new_zeros(2,3)",
    "f32(2).new_ones((2,3),dtype=torch.int32)", "f32(2).new_empty((0,))",
    "f32(2).new_full((2,),True)", "f32(2).new_tensor(1)", "f32(2).new_tensor(np.arange(3))",
    "f32(2).new([1,2])", "f32(2).new(2,3).shape", "torch.tensor(1,requires_grad=True)",
    "torch.tensor(1.,requires_grad=True)", "torch.tensor()", "torch.tensor(data=[1])",
    "torch.tensor([1.],dtype=torch.float16).dtype", "torch.numel(f32(2,3))",
    "f32(2).to('cuda')", "f32(2).cuda()", "f32(2).cpu()", "f32(2).layout",
    "torch.uint8 is torch.uint8", "isinstance(torch.float32,torch.dtype)", "torch.Tensor()",
    "torch.Tensor(2,3).shape", "torch.Tensor([1,2])", "torch.Tensor((2,3))",
    "torch.Tensor(torch.Size([2])).shape", "torch.Tensor(f32(2))", "torch.Tensor(2.5)",
    "torch.FloatTensor([1,2])", "torch.LongTensor([1,2])", "torch.LongTensor(2).shape",
    "torch.BoolTensor([True])", "torch.DoubleTensor(2,3).shape", "torch.IntTensor([1.5])",
    "torch.ByteTensor([1])", "f32(2).type()", "f32(2).type(torch.int64)",
    "f32(2).type('torch.DoubleTensor')", "isinstance(f32(2),torch.FloatTensor)",
    "f32(2).type_as(i64(2))", "torch.frombuffer(bytearray(b'abcd'),dtype=torch.uint8)",
    "torch.frombuffer(np.arange(4.),dtype=torch.float64,count=2,offset=8)",
    "torch.complex(f32(2),f32(2)+1)", "torch.polar(f32(2),f32(2))",
    "torch.complex(f32(2),f64(2))", "torch.view_as_real(c64(2))",
    "torch.view_as_complex(f32(3,2))", "torch.real(c64(2))", "torch.imag(c64(2))",
    "torch.imag(f32(2))", "c64(3).real", "c64(3).imag", "f32(3).real", "c64(2).conj()",
    "torch.heaviside(f32(3), f32())", "torch.tril_indices(3,3)", "torch.triu_indices(2,4,1)",
    "torch.cartesian_prod(i64(2),i64(3))", "torch.combinations(i64(4))",
    "torch.combinations(i64(3),3,True)", "torch.vander(f32(3))",
    "torch.block_diag(f32(2,2),f32(1,3))", "torch.diag_embed(f32(2,3))",
    "torch.diagflat(f32(3))", "torch.hann_window(5)", "torch.hamming_window(4,periodic=False)",
    "torch.blackman_window(6)", "torch.bartlett_window(5)", "torch.kaiser_window(5)",
]  # fmt: skip
NAMES = [
    "torch.zeros(2,device='cpu').device", "torch.zeros(2,device='cuda')",
    "torch.zeros(2,device='foo')", "torch.zeros(2,device=torch.device('cpu'))",
    "torch.zeros(2,device='cpu:0').device", "torch.zeros(2,device='cuda:1')",
    "torch.zeros(2,device=0)", "torch.zeros(2**3,layout=torch.strided)",
    "torch.ones_like(f32(2),dtype=torch.int64,device='cpu')",
    "torch.empty_strided((2,3),(1,2)).stride()", "f32(2).new_zeros(2,device='cuda')",
    "torch.tensor([1,2],device='cuda')", "torch.is_tensor(f32(1))", "torch.is_tensor(1)",
    "torch.is_floating_point(f32(1))", "torch.is_floating_point(1)", "torch.is_complex(c64(1))",
    "torch.is_nonzero(f32(1))", "torch.is_nonzero(f32(2))", "torch.is_storage(1)",
    "torch.get_default_dtype()", "torch.set_default_dtype(torch.int64)",
    "torch.set_default_dtype('a')", "torch.result_type(f32(2),1.5)",
    "torch.result_type(i64(2),1.5)", "torch.result_type(i64(2),f16())",
    "torch.result_type(1,2.5)", "torch.result_type(u8(2),-1)", "torch.result_type(b(2),True)",
    "torch.result_type(i32(2),i64())", "torch.result_type(f32(2),1j)",
    "torch.promote_types(torch.float32,1)", "torch.device('cpu')", "torch.device('cpu',0)",
    "torch.device('cuda:1')", "torch.device('cuda',1)", "torch.device(1)",
    "torch.device('foo')", "torch.device('cpu:x')", "torch.device('cuda:-1')",
    "torch.device(torch.device('cpu'))", "str(torch.device('cuda:0'))",
    "torch.device('cpu')==torch.device('cpu')", "torch.device('cpu')=='cpu'",
    "torch.device('cuda:0').index", "torch.device('cpu').index", "torch.device('cpu').type",
    "hash(torch.device('cpu'))==hash(torch.device('cpu'))", "torch.device('cuda:1','0')",
    "torch.device(type='cuda',index=2)", "torch.device('mps')", "torch.device('')",
    "torch.device(None)", "f32(2).to(torch.device('cpu'))", "f32(2).device", "f32(2).is_cuda",
    "torch.strided", "torch.contiguous_format", "torch.channels_last", "torch.preserve_format",
    "torch.float", "torch.half", "torch.double", "torch.long", "torch.int", "torch.short",
    "torch.bool", "torch.cfloat", "torch.cdouble", "torch.float32==torch.float",
    "{torch.float32:1}[torch.float]", "torch.finfo()", "torch.iinfo()",
    "torch.finfo(torch.int32)", "torch.iinfo(torch.float32)", "torch.finfo('float32')",
    "torch.finfo(torch.float32).min", "torch.finfo(torch.float32).resolution",
    "torch.finfo(torch.float16).smallest_normal", "torch.iinfo(torch.int8).min",
    "torch.is_signed(f32(1))", "torch.is_signed(u8(1))", "torch.is_same_size(f32(2),f32(3))",
    "torch.typename(f32(2))", "torch.cuda.device_count()", "torch.backends.mps.is_available()",
    "torch.backends.cudnn.is_available()", "torch.get_float32_matmul_precision()",
    "torch.are_deterministic_algorithms_enabled()", "torch.set_num_threads(0)",
    "torch.zeros(2).cuda()", "torch.cuda.get_device_name(0)", "torch.cuda.current_device()",
    "torch.cuda.memory_allocated()", "torch.cuda.is_initialized()",
]  # fmt: skip


@pytest.mark.parametrize(
    "data",
    (["a", "b"], [1, "a"], ["a", 1], [[1, 2], ["a", "b"]], [1.5, b"x"], [None, 1], [1, None],
     [1.5, 2.5], [1, 2], [1, 2.5], [True, False], [True, 2], [1 << 40, 3], [-1.0], [], 2.5, 7,
     [1e300, -1e300, float("nan")], [0.1, 0.2, 0.3]),
)  # fmt: skip
@pytest.mark.parametrize("dtype", (None, "float32", "float64", "int64", "int32", "bool", "float16"))
def test_lists_and_numbers(data, dtype, agree):
    agree(lambda t: t.tensor(data, dtype=dtype and getattr(t, dtype)))


def test_an_unknown_precision_is_warned_of() -> None:
    for module in (torch, facula):
        with pytest.warns(UserWarning, match="best is not one of 'highest', 'high', or 'medium'"):
            module.set_float32_matmul_precision("best")
        assert module.get_float32_matmul_precision() == "highest"
