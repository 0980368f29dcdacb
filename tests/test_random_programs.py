"""Random programs: recorded, compiled and replayed runs against op-by-op references, threads, and
NumPy.

tests/random_programs.py interprets lists of numbers as programs of views, writes, reads,
reductions and gradients. Each program runs three times in one process (first sight, compiled,
replayed), and every run has to show what the same program shows under the semantics of
FACULA_EAGER=1. A failing program is shrunk by hypothesis. The default takes seconds;
`FACULA_TEST_LONG=1` (or any number of examples) runs for minutes.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import facula
from facula import compiler, config
from facula.trace import native, replay
from facula.trace.recorder import Frame, state
from facula.trace.trie import MODE, Node


def _load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


programs = _load("random_programs")
LONG = int(os.environ.get("FACULA_TEST_LONG", "0"))
EXAMPLES = 40 if not LONG else max(LONG, 2000)
# Explicitly without shrinking in the database of a former run: every run of the tests is the same.
SETTINGS = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
BYTE = st.integers(0, 255)


def instructions(kinds: tuple[int, ...], length: int) -> st.SearchStrategy[list[Any]]:
    return st.lists(
        st.tuples(st.sampled_from(kinds), BYTE, BYTE, BYTE), min_size=1, max_size=length
    )


ALL = tuple(range(len(programs.STEPS)))


@contextlib.contextmanager
def eager() -> Iterator[None]:
    """What FACULA_EAGER=1 means: every op runs at once through its reference, on a trie of its
    own.
    """
    replay.flush()
    outer, before = state.tr, config.eager
    state.tr, config.eager = Frame(Node(None, MODE)), True
    try:
        with native.left_to_python():
            yield
    finally:
        state.tr, config.eager = outer, before


@contextlib.contextmanager
def fresh() -> Iterator[None]:
    """A thread that has never recorded anything."""
    outer = state.tr
    state.tr = Frame(Node(None, MODE))
    try:
        yield
    finally:
        state.tr = outer


@pytest.fixture(autouse=True)
def strict(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A graph that does not compile fails the test: references must not hide it."""
    original = compiler.compile_graph

    def compile_graph(graph: Any) -> Any:
        try:
            return original(graph)
        except compiler.CompileError as e:
            raise AssertionError(f"not compiled: {e}\n{graph.text()}") from e

    monkeypatch.setattr(compiler, "compile_graph", compile_graph)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def same(got: Any, want: Any) -> bool:
    """Whether two observations agree: floats to about 1e-7 of the largest, everything else
    exactly.
    """
    if not isinstance(want, np.ndarray) or not isinstance(got, np.ndarray):
        return bool(got == want)
    if got.shape != want.shape or got.dtype != want.dtype:
        return False
    if want.dtype.kind != "f":
        return np.array_equal(got, want)
    size = max(1.0, float(np.nanmax(np.abs(want), initial=0.0)))
    return np.allclose(got, want, rtol=1e-7, atol=1e-7 * size, equal_nan=True)


def compare(got: list[Any], want: list[Any], what: str) -> None:
    """Compares what two runs showed. (One of them may have ended early, see
    random_programs.Modified.)
    """
    for k, (g, w) in enumerate(zip(got, want, strict=False)):
        assert same(g, w), f"{what}, observation {k}: {g!r} instead of {w!r}"


@pytest.mark.long
@SETTINGS
@given(instructions(ALL, 60 if not LONG else 300))
def test_recorded_compiled_and_replayed(program: list[Any]) -> None:
    with eager():
        want = programs.run(program, facula)
    with fresh():
        for what in ("first sight", "compiled", "replayed"):
            compare(programs.run(program, facula), want, what)


@SETTINGS
@given(instructions(programs.MOVES, 60 if not LONG else 300))
def test_movement_is_exact(program: list[Any]) -> None:
    """Where nothing but movement, writes and whole numbers happens, the bits are the same."""
    with eager():
        want = programs.run(program, facula, exact=True)
    with fresh():
        for what in ("first sight", "compiled", "replayed"):
            got = programs.run(program, facula, exact=True)
            for k, (g, w) in enumerate(zip(got, want, strict=True)):
                exact = (
                    np.array_equal(g, w, equal_nan=True) if isinstance(w, np.ndarray) else g == w
                )
                assert exact, f"{what}, observation {k}: {g!r} instead of {w!r}"


def _random_program(seed: int, length: int) -> list[Any]:
    r = np.random.default_rng(seed)
    return [(int(k), *map(int, r.integers(0, 256, 3))) for k in r.integers(0, len(ALL), length)]


@pytest.mark.thin(2)
@pytest.mark.parametrize("seed", range(3 if not LONG else 100))
def test_long_programs(seed: int) -> None:
    program = _random_program(seed, 300)
    with eager():
        want = programs.run(program, facula)
    with fresh():
        for what in ("first sight", "compiled", "replayed"):
            compare(programs.run(program, facula), want, what)


def test_many_threads() -> None:
    """Threads that run random programs at once, the same ones and others, show what each shows
    alone.
    """
    count = 4 if not LONG else 8
    all_programs = [_random_program(100 + k, 80) for k in range(count)]
    with eager():
        want = [programs.run(p, facula) for p in all_programs]
    failures: list[BaseException] = []
    start = threading.Barrier(count)

    def work(k: int) -> None:
        try:
            start.wait(60)
            for turn in range(4 if not LONG else 100):
                which = (k + turn) % count
                for what in ("first", "second", "third"):
                    compare(
                        programs.run(all_programs[which], facula),
                        want[which],
                        f"program {which}, {what} time",
                    )
        except BaseException as e:
            failures.append(e)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failures:
        raise failures[0]


def test_tensors_cross_threads() -> None:
    """A value that one thread only recorded is computed when another one reads it."""
    for turn in range(20):
        made: list[Any] = []
        x = facula.arange(6).reshape(2, 3) * (turn + 1)

        def make(x: Any = x, made: list[Any] = made) -> None:
            made.append((x + 1).t())

        t = threading.Thread(target=make)
        t.start()
        t.join()
        assert ((made[0] * 2) + x.t()).tolist() == (
            (np.arange(6).reshape(2, 3) * (turn + 1) * 3 + 2).T
        ).tolist()


# ---------------------------------------------------------------- views against NumPy
def _views(program: list[tuple[int, int, int]], np_side: bool) -> list[Any]:
    """Views, writes through them and reads, on int64, by the operations that both libraries spell
    alike.
    """
    lib: Any = np if np_side else facula
    pool: list[Any] = [lib.arange(24).reshape(2, 3, 4), lib.arange(10)]
    seen: list[Any] = []
    for kind, a, b in program:
        t = pool[a % len(pool)]
        n = t.ndim
        if kind == 0 and n:
            pool.append(t[b % t.shape[0] :: 1 + b % 2])
        elif kind == 1 and n:
            pool.append(t[b % t.shape[0]] if n > 1 else t[b % t.shape[0] : b % t.shape[0] + 1])
        elif kind == 2 and n:
            pool.append(t.transpose(0, n - 1) if not np_side else t.swapaxes(0, n - 1))
        elif kind == 3:
            pool.append(t[None])
        elif kind == 4 and n:
            pool.append(t[..., b % t.shape[-1] :])
        elif kind == 5:
            t += b
        elif kind == 6 and n:
            t[b % t.shape[0]] = b
        elif kind == 7 and n:
            t[..., ::2] = t[..., :1] + b
        elif kind == 8:
            t *= -1
        elif kind == 9:
            pool.append(t.copy() if np_side else t.clone())
        elif kind == 10:
            seen.append(t.tolist())
        elif kind == 11:
            pool.append(t + b)
        elif kind == 12 and n > 1:
            t[0] = t[-1].copy() if np_side else t[-1].clone()
        elif kind == 13 and len(pool) > 2:
            pool.pop(a % len(pool))
        if len(pool) > 8:
            pool.pop(0)
    return [*seen, *[t.tolist() for t in pool]]


@SETTINGS
@given(
    st.lists(
        st.tuples(st.integers(0, 13), BYTE, BYTE), min_size=1, max_size=50 if not LONG else 300
    )
)
def test_views_are_numpys(program: list[tuple[int, int, int]]) -> None:
    want = _views(program, True)
    with fresh():
        for what in ("first sight", "compiled", "replayed"):
            assert _views(program, False) == want, what
    with eager():
        assert _views(program, False) == want, "eager"
