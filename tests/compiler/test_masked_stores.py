"""Stores under a mask, on processors where they are as fast as others and where they are not."""

from __future__ import annotations

import ctypes

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
def slow(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    slow: bool = request.param
    monkeypatch.setattr(writer, "lacks_mask_registers", lambda: slow)
    return slow


def finished(w: Writer) -> str:
    w.stmt("ret void")
    return w.module()


def copy_text(tag: str, usual: int | None = LANES, lanes: int = LANES) -> str:
    """A kernel that copies as many of the first lanes as the record says; with usual=None by a mask
    that is known to be of so many.
    """
    w = Writer()
    source, target, count = w.slot(w.field(0)), w.slot(w.field(1)), w.field(2)
    count = w.convert("trunc", count, "i32")
    if usual is None:
        mask = w.lanes_below(count, lanes)
    else:
        mask = w.compare("icmp", "slt", w.lane_numbers(lanes), broadcast(w, count, lanes))
        mask = w.usually(mask, usual)
    w.store(w.load(source, tag, lanes), target, tag, mask)
    return finished(w)


def copied(text: str, tag: str, count: int, lanes: int = LANES) -> np.ndarray:
    """Which of some elements the kernel copies."""
    kernel = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 2, *[ctypes.c_int64] * 2)(
        function_address(text, lambda: text)
    )
    source = np.ones(lanes, DTYPES[tag])
    target = np.zeros(lanes + 1, DTYPES[tag])
    slots = np.array([source.ctypes.data, target.ctypes.data], np.int64)
    record = np.array([0, 1, count], np.int64)
    kernel(slots.ctypes.data, record.ctypes.data, 0, 1)
    return target.astype(int)


@pytest.mark.parametrize("tag", DTYPES)
@pytest.mark.parametrize("usual", [LANES, 7, 6, 1, 0])
@pytest.mark.parametrize("count", [-1, 0, 1, 6, 7, 8, 9])
def test_lanes_of_a_mask_are_written_alone(slow: bool, tag: str, usual: int, count: int) -> None:
    kept = min(max(count, 0), LANES)
    want = [1] * kept + [0] * (LANES + 1 - kept)
    assert list(copied(copy_text(tag, usual), tag, count)) == want


@pytest.mark.parametrize("tag", DTYPES)
@pytest.mark.parametrize("lanes", [2, 4, 6, 8, 16, 24])
def test_so_many_lanes_are_written(slow: bool, tag: str, lanes: int) -> None:
    text = copy_text(tag, None, lanes)
    assert ("masked.store" in text) != slow
    for count in range(lanes + 1):
        want = [1] * count + [0] * (lanes + 1 - count)
        assert list(copied(text, tag, count, lanes)) == want


def test_the_usual_mask_is_asked_for_where_that_pays(slow: bool) -> None:
    assert ("store <8 x float>" in copy_text("f32")) == slow
    assert ("store <4 x float>" in copy_text("f32", 6)) == slow
    assert ("store <2 x float>" in copy_text("f32", 6)) == slow
    assert "icmp eq" not in copy_text("f32", 0) and "masked.store" in copy_text("f32", 0)


def test_first_lanes_are_stored_in_parts(slow: bool) -> None:
    w = Writer()
    w.store_first(w.splat("1.0", "<8 x float>"), w.slot(w.field(0)), "f32", 7)
    text = finished(w)
    assert ("masked.store" in text) != slow
    assert all((part in text) == slow for part in ("store <4 x", "store <2 x", "store float"))


def test_the_end_of_a_loop_is_stored_in_parts(slow: bool) -> None:
    w = Writer()
    target = w.slot(w.field(0))

    def body(i: V, mask: V | None, _: list[V]) -> list[V]:
        w.store(w.splat("1.0", "<8 x float>"), w.element(target, i, "f32"), "f32", mask)
        return []

    w.vector_loop(V(I64, "%begin"), V(I64, "%end"), LANES, [], body)
    assert ("masked.store" in finished(w)) != slow


def moved_text(tag: str) -> str:
    """A kernel that moves every third element to every second place, twice, under masks."""
    w = Writer()
    source, target, count = w.slot(w.field(0)), w.slot(w.field(1)), w.field(2)
    lanes = w.lane_numbers(LANES)
    many = broadcast(w, w.convert("trunc", count, "i32"), LANES)
    for start in (0, LANES):
        numbers = w.binary("add", lanes, w.splat(str(start), lanes.ty))
        mask = w.compare("icmp", "slt", numbers, many)
        wide = w.convert("sext", numbers, "<8 x i64>")
        x = w.gather(source, w.binary("mul", wide, w.splat("3", wide.ty)), tag, mask)
        w.scatter(x, target, w.binary("mul", wide, w.splat("2", wide.ty)), tag, mask)
    return finished(w)


@pytest.mark.parametrize("tag", DTYPES)
@pytest.mark.parametrize("count", [0, 1, 7, 8, 13, 16])
def test_lanes_of_a_mask_are_moved_alone(slow: bool, tag: str, count: int) -> None:
    text = moved_text(tag)
    # Branches for each lane, where there are such: once in the text.
    assert text.count("noinline") == (2 if slow else 0)
    kernel = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 2, *[ctypes.c_int64] * 2)(
        function_address(text, lambda: text)
    )
    source = (np.arange(6 * LANES) % 5 % 2 + 1).astype(DTYPES[tag])
    target = np.zeros(4 * LANES, DTYPES[tag])
    slots = np.array([source.ctypes.data, target.ctypes.data], np.int64)
    record = np.array([0, 1, count], np.int64)
    kernel(slots.ctypes.data, record.ctypes.data, 0, 1)
    want = np.zeros(4 * LANES, DTYPES[tag])
    want[: 2 * count : 2] = source[: 3 * count : 3]
    np.testing.assert_array_equal(target, want)


@pytest.mark.parametrize("tag", ["i8", "i16", "f32", "f64"])
def test_loads_under_a_mask_are_inline_where_there_is_an_instruction(
    slow: bool, tag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer.code, "processor_features", lambda: frozenset(["avx", "avx2"]))
    w = Writer()
    mask = w.lanes_below(w.convert("trunc", w.field(1), "i32"), LANES)
    w.load(w.slot(w.field(0)), tag, LANES, mask)
    assert ("noinline" in finished(w)) == (slow and tag in ("i8", "i16"))
