# ruff: noqa: E501  (calls are read as tables)
"""Random functions against PyTorch: the same numbers for the same seed, the same errors."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

pytest.importorskip("torch")
check = runpy.run_path(str(Path(__file__).with_name("calls.py")))["check"]


@pytest.mark.parametrize("seed", [0, 7])
def test_draws(seed: int) -> None:
    # what is drawn afterwards shows that as many numbers were taken
    check(f"[torch.manual_seed({seed}), {x}, torch.rand(3), torch.randn(2)][1:]" for x in DRAWS)


def test_dropout_and_the_functions_around_the_state() -> None:
    check(
        [
            "[torch.manual_seed(3), [k() for k in [torch.random.seed]] and 1][1]",
            "(lambda: [torch.manual_seed(3), torch.random.fork_rng(enabled=False).__enter__(), torch.rand(1)])()[2]",
            "[torch.cuda.manual_seed(1), torch.cuda.manual_seed_all(1), torch.cuda.is_available()]",
        ]
    )


DRAWS = [
    "torch.rand(3)", "torch.rand(2,3)", "torch.rand(0)", "torch.rand(())",
    "torch.rand(17,dtype=torch.float64)", "torch.rand(5,dtype=torch.float16)",
    "torch.rand(5,dtype=torch.bfloat16)", "torch.rand(3,dtype=torch.int64)",
    "torch.rand((2,2),requires_grad=True)", "torch.rand(size=(2,))", "torch.rand(3,out=f32(0))",
    "torch.rand(4,dtype=torch.complex64)", "torch.randn(4,dtype=torch.complex64)",
    "torch.randn(3)", "torch.randn(15)", "torch.randn(16)", "torch.randn(17)",
    "torch.randn(40)", "torch.randn(16,dtype=torch.float64)",
    "torch.randn(3,dtype=torch.float64)", "torch.randn(20,dtype=torch.float16)",
    "torch.randn(3,dtype=torch.int32)", "torch.rand_like(f32(3,2))",
    "torch.randn_like(f64(20))", "torch.rand_like(i64(2))",
    "torch.rand_like(i64(2),dtype=torch.float32)", "torch.randint(10,(5,))",
    "torch.randint(3,10,(2,3))", "torch.randint(0,2,(4,),dtype=torch.float32)",
    "torch.randint(0,2,(4,),dtype=torch.bool)", "torch.randint(5,(3,),dtype=torch.uint8)",
    "torch.randint(5,5,(2,))", "torch.randint(-5,5,(4,))", "torch.randint(0,2**40,(3,))",
    "torch.randint(low=1,high=4,size=(3,))", "torch.randint(high=4,size=(3,))",
    "torch.randint(10,5)", "torch.randint_like(i64(4),10)", "torch.randint_like(f32(4),2,10)",
    "torch.randint(0,300,(3,),dtype=torch.uint8)", "torch.randperm(10)", "torch.randperm(0)",
    "torch.randperm(1)", "torch.randperm(5,dtype=torch.int32)",
    "torch.randperm(30,dtype=torch.float32)", "torch.randperm(-1)", "torch.randperm(40000)[:5]",
    "torch.normal(0.,1.,(4,))", "torch.normal(2.,3.,size=(20,))", "torch.normal(f32(4),1.)",
    "torch.normal(0.,f32(4).abs())", "torch.normal(f32(4),f32(4).abs())",
    "torch.normal(f32(3,4),f32(4).abs())", "torch.normal(0.,-1.,(3,))", "torch.normal(f32(4))",
    "torch.normal(mean=torch.arange(1.,5.),std=torch.arange(4,0,-1.))",
    "torch.normal(f32(20),2.)", "torch.normal(torch.zeros(3),torch.tensor([-1.,1.,1.]))",
    "torch.bernoulli(torch.full((6,),0.3))", "torch.bernoulli(torch.rand(3,3))",
    "torch.bernoulli(f32(3))", "torch.bernoulli(torch.zeros(4),0.5)", "torch.bernoulli(i64(3))",
    "torch.bernoulli(f64(6).abs()/4)", "torch.multinomial(torch.tensor([1.,2,3]),2)",
    "torch.multinomial(torch.tensor([1.,2,3]),5,replacement=True)",
    "torch.multinomial(torch.tensor([1.,2,3]),5)",
    "torch.multinomial(torch.tensor([[1.,2,3],[0,1,0]]),4,True)",
    "torch.multinomial(torch.tensor([0.,0,0]),1)", "torch.multinomial(torch.tensor([-1.,1]),1)",
    "torch.multinomial(torch.tensor([1.,2,3,4]),1)", "torch.multinomial(f64(3,4).abs(),2)",
    "torch.multinomial(i64(3),1)", "torch.multinomial(f32(2,2,2).abs(),1)",
    "torch.poisson(torch.full((5,),3.))", "torch.poisson(f32(4).abs()*20)",
    "torch.binomial(torch.full((4,),10.),torch.full((4,),0.3))", "torch.zeros(5).uniform_()",
    "torch.zeros(5).uniform_(2,4)", "torch.zeros(5).uniform_(to=3)",
    "torch.zeros(5).uniform_(3,2)", "torch.zeros(20).normal_()", "torch.zeros(5).normal_(1,2)",
    "torch.zeros(5).normal_(std=3)", "torch.zeros(5).normal_(0,-1)", "torch.zeros(5).random_()",
    "torch.zeros(5).random_(10)", "torch.zeros(5,dtype=torch.int64).random_(3,9)",
    "torch.zeros(5,dtype=torch.int64).random_()", "torch.zeros(5,dtype=torch.uint8).random_()",
    "torch.zeros(5,dtype=torch.bool).random_()", "torch.zeros(5).bernoulli_()",
    "torch.zeros(5).bernoulli_(0.2)", "torch.zeros(5).bernoulli_(torch.full((5,),0.7))",
    "torch.zeros(5).bernoulli_(2)", "torch.zeros(5,dtype=torch.int64).bernoulli_(0.4)",
    "torch.zeros(5).exponential_()", "torch.zeros(5).exponential_(2.)",
    "torch.zeros(5,dtype=torch.float64).exponential_()", "torch.zeros(5).exponential_(-1)",
    "torch.zeros(5).geometric_(0.3)", "torch.zeros(5).log_normal_()",
    "torch.zeros(5).log_normal_(0,1)", "torch.zeros(5).cauchy_()",
    "torch.zeros(5).cauchy_(1,2)", "torch.zeros(5,dtype=torch.int64).normal_()",
    "torch.zeros(5,dtype=torch.int64).uniform_()", "torch.zeros(4,5).t().uniform_()",
    "torch.zeros(6,4)[::2].uniform_()", "torch.zeros(4,5).t().normal_()",
    "torch.zeros(6,4)[::2].normal_()", "torch.zeros(4,5).t().random_(10)",
    "torch.zeros(40,2)[:,0].normal_()", "torch.zeros(3,1).expand(3,4).uniform_()",
    "torch.zeros(4,5)[1].bernoulli_(0.5)", "torch.zeros(4,5)[:,1].exponential_()",
    "torch.nn.functional.dropout(torch.ones(10),0.4)", "torch.initial_seed()",
    # what is drawn for a view lies like the view
    "torch.rand_like(f32(4,5).t())", "torch.randn_like(f32(4,6).t())",
    "torch.randn_like(f32(6,4)[:,:3])", "torch.randint_like(f32(4,5).t(),10)",
    "torch.rand_like(f32(2,3,4).permute(2,0,1))", "torch.rand_like(f32(3,1).expand(3,4))",
    "torch.rand_like(f32(2,3,4).transpose(0,1)[:,:,::2],dtype=torch.float64)",
    "torch.rand_like(f32(4,5).t(),memory_format=torch.contiguous_format)",
    "torch.randn_like(f32(4,5).t(),dtype=torch.complex64)",
    "torch.nn.functional.dropout(torch.ones(4,5).t(),0.4)",
    "torch.nn.functional.dropout(torch.ones(2,3,5).transpose(0,1)[:,:,:4],0.4)",
    "torch.nn.functional.alpha_dropout(torch.ones(4,5).t(),0.4,True)",
    "torch.nn.functional.feature_alpha_dropout(torch.ones(4,5,2).transpose(0,1),0.4,True)",
    "torch.nn.functional.dropout1d(torch.ones(4,5,2).transpose(0,1),0.4)",
    "torch.random.initial_seed()", "torch.rand(3,generator=torch.Generator().manual_seed(3))",
    "torch.randperm(5,generator=torch.Generator().manual_seed(3))",
    "torch.zeros(3).uniform_(generator=torch.Generator().manual_seed(3))",
    "torch.randint(9,(3,),generator=torch.Generator().manual_seed(3))",
    "torch.randn(3,generator=torch.Generator().manual_seed(3))", "torch.get_rng_state().shape",
    "torch.get_rng_state()",
    "(lambda s: [torch.rand(2), torch.set_rng_state(s), torch.rand(2)])(torch.get_rng_state())",
    "torch.manual_seed(5).initial_seed()", "torch.manual_seed(-1).initial_seed()",
    "torch.manual_seed(2**64)", "torch.manual_seed('a')",
    "torch.manual_seed(3.7).initial_seed()", "type(torch.default_generator).__name__",
    "torch.default_generator.device", "torch.Generator().initial_seed()",
    "torch.Generator('cuda')", "torch.Generator().get_state().dtype",
    "(lambda g: [torch.rand(2,generator=g), g.get_state().sum(), torch.rand(2,generator=g)])(torch.Generator().manual_seed(1))",
    "(lambda g,h: [h.set_state(g.get_state()) is h, torch.rand(2,generator=h)])(torch.Generator().manual_seed(1),torch.Generator())",
    "torch.set_rng_state(f32(3))", "torch.set_rng_state(torch.zeros(3,dtype=torch.uint8))",
    "torch.zeros(3,requires_grad=True).uniform_()", "torch.random.get_rng_state().shape",
    "torch.random.manual_seed(3).initial_seed()", "torch.rand(2,device='cuda')",
    "torch.rand('a')", "torch.rand(2,generator=3)", "torch.rand(-1)",
    "(lambda f: [f.__enter__(), torch.rand(2), f.__exit__(None,None,None), torch.rand(2)][1::2])(torch.random.fork_rng())",
    "torch.rand(3).requires_grad",
]  # fmt: skip
