"""Stores under a mask, on processors where they are as fast as others and where they are not."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import numpy as np
import pytest

from facula.compiler import writer
from facula.compiler.emitter import V
from facula.compiler.scalar_code import broadcast
from facula.compiler.writer import I64, Writer
from facula.runtime.code import function_address

LANES = 8
DTYPES = {"f32": np.float32, "f64": np.float64, "i64": np.int64, "i8": np.int8, "b1": np.bool_}


@pytest.fixture(params=[False, True], ids=["fast", "slow"])
def slow(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[bool]:
    monkeypatch.setattr(writer, "masked_stores_are_slow", lambda: request.param)
    yield request.param


def copy_text(tag: str, usual: int = LANES) -> str:
    """A kernel that copies as many of the first lanes as the record says."""
    w = Writer()
    source, target, count = w.slot(w.field(0)), w.slot(w.field(1)), w.field(2)
    left = broadcast(w, w.convert("trunc", count, "i32"), LANES)
    mask = w.compare("icmp", "slt", w.lane_numbers(LANES), left)
    w.store(w.load(source, tag, LANES), target, tag, w.usually(mask, usual))
    w.stmt("ret void")
    return w.module()


@pytest.mark.parametrize("tag", DTYPES)
@pytest.mark.parametrize("usual", [LANES, 7, 6, 1, 0])
@pytest.mark.parametrize("count", [-1, 0, 1, 6, 7, 8, 9])
def test_its_lanes_alone_are_written(slow: bool, tag: str, usual: int, count: int) -> None:
    text = copy_text(tag, usual)
    kernel = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 2, *[ctypes.c_int64] * 2)(
        function_address(text, lambda: text)
    )
    source = np.ones(LANES, DTYPES[tag])
    target = np.zeros(LANES + 1, DTYPES[tag])
    slots = np.array([source.ctypes.data, target.ctypes.data], np.int64)
    record = np.array([0, 1, count], np.int64)
    kernel(slots.ctypes.data, record.ctypes.data, 0, 1)
    assert target.sum() == max(0, min(count, LANES)) == target[:LANES][: max(count, 0)].sum()


def test_a_store_asks_for_the_usual_mask_where_that_pays(slow: bool) -> None:
    assert ("store <8 x float>" in copy_text("f32")) == slow
    assert ("store <4 x float>" in copy_text("f32", 6)) == slow
    assert ("store <2 x float>" in copy_text("f32", 6)) == slow
    assert "icmp eq" not in copy_text("f32", 0) and "masked.store" in copy_text("f32", 0)


def test_a_known_mask_is_stored_in_parts(slow: bool) -> None:
    w = Writer()
    x = w.splat("1.0", "<8 x float>")
    w.store(x, w.slot(w.field(0)), "f32", w.first_lanes(7, LANES))
    w.stmt("ret void")
    text = w.module()
    assert ("masked.store" in text) != slow
    assert all((part in text) == slow for part in ("store <4 x", "store <2 x", "store float"))


def test_the_end_of_a_loop_asks_nothing(slow: bool) -> None:
    w = Writer()
    target = w.slot(w.field(0))

    def body(i: V, mask: V | None, _: list[V]) -> list[V]:
        w.store(w.splat("1.0", "<8 x float>"), w.element(target, i, "f32"), "f32", mask)
        return []

    w.vector_loop(V(I64, "%begin"), V(I64, "%end"), LANES, [], body)
    w.stmt("ret void")
    text = w.module()
    assert text.count("store <8 x float>") == 1 and "icmp eq" not in text
