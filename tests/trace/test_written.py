"""Values written in place: whose gradients are refused, and whose are not."""

import pytest

import facula
from facula.nn import functional as F
from facula.trace.recorder import state

ENDS = pytest.mark.parametrize("ends", [False, True])


def _value(x, ends):
    v = x * 1
    if ends:
        v.sum().item()
    return v


@ENDS
@pytest.mark.parametrize(
    "writing",
    [
        lambda v: v.add_(v.sin()),
        lambda v: v.mul_(v.sin()),
        lambda v: v.sub_(v.pow(2).mean()),
        lambda v: v.lerp_(v.cos(), 0.5),
    ],
    ids=["add", "mul", "sub", "lerp"],
)
def test_what_was_calculated_before_a_write_is_no_part_of_it(writing, ends):
    v = _value(facula.tensor([0.1, 0.2, 0.3], requires_grad=True), ends)
    writing(v)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        v.sum().backward()


@ENDS
@pytest.mark.parametrize(
    ("writing", "calculating"),
    [
        (lambda v, w: v.mul_(w), lambda v, w: v * w),
        (lambda v, w: v.div_(w), lambda v, w: v / w),
        (lambda v, w: v.pow_(3), lambda v, w: v**3),
        (lambda v, w: v.sigmoid_(), lambda v, w: v.sigmoid()),
        (lambda v, w: v.addcmul_(w, w), lambda v, w: v.addcmul(w, w)),
        (lambda v, w: v.clamp_(0.15, 0.25), lambda v, w: v.clamp(0.15, 0.25)),
        (lambda v, w: F.hardswish(v, inplace=True), lambda v, w: F.hardswish(v)),
        (lambda v, w: F.mish(v, inplace=True), lambda v, w: F.mish(v)),
    ],
    ids=["mul", "div", "pow", "sigmoid", "addcmul", "clamp", "hardswish", "mish"],
)
def test_a_write_keeps_what_it_read_itself(writing, calculating, ends):
    x = facula.tensor([0.1, 0.2, 0.3], requires_grad=True)
    w = facula.tensor([1.0, 2.0, 3.0], requires_grad=True)
    v = _value(x, ends)
    writing(v, w)
    v.sum().backward()
    got = x.grad, w.grad
    x.grad = w.grad = None
    calculating(_value(x, ends), w).sum().backward()
    for ours, theirs in zip(got, (x.grad, w.grad), strict=True):
        assert (ours is None) == (theirs is None)
        assert ours is None or facula.equal(ours, theirs)


def test_running_statistics_do_not_lengthen_what_a_write_looks_through():
    """Where nothing of the writing operation has a gradient, none of its calls are kept."""
    layer = facula.nn.BatchNorm1d(4)
    x = facula.randn(8, 4, requires_grad=True)
    x.detach().sum().item()  # a new frame
    y = layer(x.sin())
    y = layer(y.sin())
    notes = state.tr.over
    assert notes and all(note[3] == frozenset() for note in notes.values())
    y.sum().backward()
    assert x.grad.abs().max() < 1e-5
