"""The runner of compiled programs and its pool of threads.

A program's native stretch is a flat list of steps; one foreign call walks it. The walk and the pool
are generated code (`runner_ir.py`), as the kernels are, so that a step costs nanoseconds and a
program with threads needs no Python between its steps. The pool is one block of memory that the
native code manages: this module allocates it, fills in the addresses of the system's functions and
sets the number of threads.
"""

from __future__ import annotations

import ctypes
import functools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from .. import config
from . import elf, pool_memory, runner_ir
from .pool_memory import POOL, WORKER_SIZE

if TYPE_CHECKING:
    from .code import Batch

MAX_THREADS = 1024
# Long enough to bridge the gap between two steps and that between two programs of a training loop
# (up to a millisecond of Python): waking a sleeping thread costs 20 to 80 us, and the first
# steps run without it. Short enough not to take a core from other work.
_SPIN_NANOSECONDS = 1_000_000
_HAS_THREADS = sys.platform != "win32"

Runner = Callable[[int, int, int], int]


def run_steps(slots_addr: int, steps_addr: int, n: int) -> int:
    """Runs `n` steps and returns the status word, which is the int64 that `slots[0]` points to.

    `slots_addr` is the address of the table of pointers that kernels get; `steps_addr` that of n
    quadruples of int64: (kernel address, record address, number of chunks, most threads to use).
    Releases the interpreter's lock. The caller resets the status word.
    """
    return runner()(slots_addr, steps_addr, n)


def run_kernel(
    kernel: int, addresses: Sequence[int], record: Sequence[int], chunks: int, threads: int
) -> None:
    """Runs one kernel that is in no program and reports no errors: `addresses` are its slots after
    that of the status word.
    """
    status, words = (ctypes.c_int64 * 4)(), (ctypes.c_int64 * len(record))(*record)
    slots = (ctypes.c_int64 * (1 + len(addresses)))(ctypes.addressof(status), *addresses)
    step = (ctypes.c_int64 * 4)(kernel, ctypes.addressof(words), chunks, threads)
    run_steps(ctypes.addressof(slots), ctypes.addressof(step), 1)


def bind_steps(
    slots_addr: int, steps_addr: int, n: int, keep_lock: bool = False
) -> Callable[[], int]:
    """A function of no arguments that does `run_steps(slots_addr, steps_addr, n)`, for a third of
    the price of that call; it clears the status word first.

    The table and the steps must stay where they are; their contents may change between calls. With
    `keep_lock` it keeps the interpreter's lock: for steps that take a few microseconds together.
    """
    record = (ctypes.c_int64 * 4)(_pool(), slots_addr, steps_addr, n)
    pointer = ctypes.c_void_p(ctypes.addressof(record))
    bound = functools.partial(_caller(keep_lock), pointer)
    vars(bound)["record"] = record  # lives as long as the function
    return bound


def machine_call(bound: Callable[[], int]) -> tuple[int, int]:
    """What machine code calls to do what a function of `bind_steps` does: the address of the code,
    and that of its one argument.
    """
    return _native()["run_call"], ctypes.addressof(vars(bound)["record"])


class Errand:
    """A kernel of the runner's module for one worker, which works while the caller goes on.

    The kernel sets the status word to 1 when it is done. slots: how many addresses it gets after
    that of this word; record, chunks: always the same. All that it reads and writes must stay
    where it is until `done` has been called.
    """

    __slots__ = ("_slots", "_status", "_record", "_call", "_pointer", "_post", "_settle")

    def __init__(self, kernel: str, record: Sequence[int], slots: int, chunks: int) -> None:
        self._status = ctypes.c_int64(0)
        self._slots = (ctypes.c_int64 * (1 + slots))(ctypes.addressof(self._status))
        self._record = (ctypes.c_int64 * len(record))(*record)
        self._call = (ctypes.c_int64 * 5)(
            _pool(), ctypes.addressof(self._slots), _native()[kernel],
            ctypes.addressof(self._record), chunks,
        )  # fmt: skip
        self._pointer = ctypes.c_void_p(ctypes.addressof(self._call))
        self._post, self._settle = _errands()

    def post(self, *addresses: int) -> bool:
        """Has a worker begin, if one is awake and has nothing else to do."""
        self._slots[1:] = list(addresses)
        self._status.value = 0
        return bool(self._post(self._pointer))

    def done(self) -> bool:
        """Waits for the worker, or for the thread that does its work. False where the kernel did
        not run: in a forked child.
        """
        self._settle(self._pointer)
        return self._status.value == 1


def has_workers() -> bool:
    """Whether a program has already wanted more than one thread."""
    started = POOL.offset("started")
    return bool(_pool_address and ctypes.c_int64.from_address(_pool_address + started).value)


@functools.cache
def _errands() -> tuple[Callable[..., int], Callable[..., None]]:
    native, pointer = _native(), ctypes.c_void_p
    post = ctypes.PYFUNCTYPE(ctypes.c_int64, pointer)(native["post"])
    return post, ctypes.CFUNCTYPE(None, pointer)(native["settle"])


@functools.cache
def runner() -> Runner:
    """`run_steps` as a bare foreign function; `bind_steps` is cheaper where arguments are fixed."""
    return _foreign(ctypes.CFUNCTYPE)


@functools.cache
def runner_holding_lock() -> Runner:
    """As `runner`, but keeps the interpreter's lock."""
    return _foreign(ctypes.PYFUNCTYPE)


def _foreign(make_type: Callable[..., type]) -> Runner:
    pointer, integer = ctypes.c_void_p, ctypes.c_int64
    signature = make_type(integer, pointer, pointer, pointer, integer)
    return functools.partial(signature(_native()["run"]), _pool())


@functools.cache
def _caller(keep_lock: bool) -> Callable[[ctypes.c_void_p], int]:
    make_type = ctypes.PYFUNCTYPE if keep_lock else ctypes.CFUNCTYPE
    return make_type(ctypes.c_int64, ctypes.c_void_p)(_native()["run_call"])


def prepare(batch: Batch) -> None:
    """Has the runner itself compiled with a program's kernels, where that is still to do."""
    if not _native.cache_info().currsize:
        text = runner_ir.runner_ir()
        batch.want(text, lambda: text)


@functools.cache
def _native() -> dict[str, int]:
    # Not needed before the first program is run, and `import facula` loads this module.
    from . import code

    text = runner_ir.runner_ir()
    return code.functions(text, lambda: text)


_pool_address = 0
_creating = threading.RLock()


def _pool() -> int:
    """The address of the pool's memory, which workers use until the process ends."""
    global _pool_address
    with _creating:
        if not _pool_address:
            _pool_address = _new_pool()
    return _pool_address


def _new_pool() -> int:
    memory = (ctypes.c_char * (POOL.size + MAX_THREADS * WORKER_SIZE + 64))()
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(memory))
    address = ctypes.addressof(memory) + 63 & -64
    _initialise(address)
    return address


def _initialise(address: int) -> None:
    """Fills the pool's memory for a process in which no worker runs yet."""
    ctypes.memset(address, 0, POOL.size + MAX_THREADS * WORKER_SIZE)
    fields = {name: _native()[name] for name in ("worker", "take")} | {"want": 1}
    if _HAS_THREADS:
        fields |= {name: elf.external_address(name) for name in pool_memory.SYSTEM_FUNCTIONS}
        fields |= {"clock": time.CLOCK_MONOTONIC, "block": signal.SIG_BLOCK}
        fields |= {"want": _threads(), "spin": _spin(_threads())}
        fields |= {name: _address(name) for name in pool_memory.OPTIONAL_FUNCTIONS}
        for word, bits in enumerate(_allowed()):
            ctypes.c_uint64.from_address(address + POOL.offset("allowed") + 8 * word).value = bits
        ctypes.memset(address + POOL.offset("signals"), 0xFF, 128)
    for name, value in fields.items():
        _set(address, name, value)


def _address(name: str) -> int:
    """The address of a function of the system, or 0 where it has none."""
    try:
        return elf.external_address(name)
    except AttributeError:
        return 0


def _allowed() -> list[int]:
    """The processors that this process may use, as words of 64 bits; none where that is unknown."""
    words = [0] * pool_memory.MASK_WORDS
    if hasattr(os, "sched_getaffinity"):
        for number in os.sched_getaffinity(0):
            if number < 64 * len(words):
                words[number // 64] |= 1 << number % 64
    return words


def _set(address: int, field: str, value: int) -> None:
    ctypes.c_int64.from_address(address + POOL.offset(field)).value = value


def _spin(threads: int) -> int:
    """How long who waits spins: not at all where threads outnumber processors."""
    return _SPIN_NANOSECONDS if threads <= available_processors() else 0


_requested = 0


def _threads() -> int:
    return _requested or config.threads or min(available_processors(), MAX_THREADS)


def get_num_threads() -> int:
    """The most threads that one step of a program uses."""
    return _threads() if _HAS_THREADS else 1


def set_num_threads(n: int) -> None:
    """Sets the most threads that one step uses, from 1 to 1024. Results do not depend on it.

    Raises TypeError or ValueError for another `n`.
    """
    global _requested
    if not isinstance(n, int) or isinstance(n, bool):
        raise TypeError(f"n: expected an int, got {type(n).__name__}")
    if not 1 <= n <= MAX_THREADS:
        raise ValueError(f"n: expected a number of threads from 1 to {MAX_THREADS}, got {n}")
    _requested = n
    if _HAS_THREADS and _pool_address:
        _set(_pool_address, "want", n)
        _set(_pool_address, "spin", _spin(n))


@functools.cache
def available_processors() -> int:
    """How many processors this process may use, by its affinity and its control group."""
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    quota = _cgroup_quota()
    return max(1, count if quota is None else min(count, int(quota)))


def _cgroup_quota() -> float | None:
    """The control groups' limit in processors, or None where there is none."""
    quotas = []
    for line in _words("/proc/self/cgroup", "\n"):
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:  # version 2: every group above counts too
            parts = [p for p in path.split("/") if p]
            for depth in range(len(parts) + 1):
                folder = "/".join(("/sys/fs/cgroup", *parts[:depth]))
                quotas.append(_ratio(_words(f"{folder}/cpu.max")))
        elif "cpu" in controllers.split(","):
            for folder in ("/sys/fs/cgroup/cpu", f"/sys/fs/cgroup/cpu{path}"):
                names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
                quotas.append(_ratio([w for n in names for w in _words(f"{folder}/{n}")]))
    return min((q for q in quotas if q is not None), default=None)


def _words(path: str, separator: str | None = None) -> list[str]:
    try:
        with open(path) as file:
            return file.read().split(separator)
    except OSError:
        return []


def _ratio(words: list[str]) -> float | None:
    """Quota over period, from their two words; None where either is no positive number."""
    if len(words) != 2 or not all(w.isdigit() and int(w) for w in words):
        return None
    return int(words[0]) / int(words[1])


def _after_fork() -> None:
    """In a forked child: the workers are gone, so the pool starts afresh when it is needed."""
    global _creating
    _creating = threading.RLock()
    if _pool_address:
        _initialise(_pool_address)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
