"""The runner and its pool: every chunk once, steps in order, many callers, forks, exit."""

import os
import sys
import threading

import pytest
from counted_steps import Program

from facula.runtime import cpu

fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@pytest.fixture(autouse=True)
def restore_threads():
    before = cpu._requested
    yield
    cpu.set_num_threads(before or cpu.get_num_threads())
    cpu._requested = before


def test_steps_run_in_order_and_the_status_is_returned():
    program = Program(5, 7, 1)
    assert program.run() == 5
    assert program.array.tolist() == [5] * 8
    program.steps = program.steps[:0]
    assert program.run() == 0


@pytest.mark.parametrize("threads", (1, 2, 3, 16))
@pytest.mark.parametrize("chunks, most", ((1, 8), (2, 2), (3, 64), (100, 64), (1000, 2)))
def test_every_chunk_runs_once_for_any_number_of_threads(threads, chunks, most):
    cpu.set_num_threads(threads)
    program = Program(20, chunks, most)
    for _ in range(5):
        assert program.is_right()


@pytest.mark.parametrize("threads", (1, 2, 3, 16))
@pytest.mark.parametrize("chunks, most", ((2, 2), (3, 64), (100, 64), (100, -64), (1000, 2)))
def test_a_kernel_that_takes_chunks_itself_is_called_once_by_each_thread(threads, chunks, most):
    cpu.set_num_threads(threads)
    program = Program(20, chunks, most, takes=True)
    for _ in range(5):
        assert program.is_right()
        assert program.array[0] <= 20 * min(threads, abs(most), chunks)


@pytest.mark.parametrize("threads", (1, 2, 3, 16))
def test_a_step_may_want_each_stretch_in_one_call(threads):
    cpu.set_num_threads(threads)
    program = Program(20, 100, -64)
    assert program.is_right()
    assert program.array[0] <= 20 * threads


def test_few_chunks_are_taken_at_a_time_at_the_end_of_a_stretch():
    cpu.set_num_threads(2)
    program = Program(1, 320, 2)
    assert program.is_right()
    # Twenty at a time until a stretch of 160 has less than 80 left, then ever fewer: some twenty
    # calls for each, where stretches in equal pieces would take eight.
    assert program.array[0] > 24


@pytest.mark.parametrize("keep_lock", (False, True))
def test_bound_steps_clear_the_status_and_run(keep_lock):
    cpu.set_num_threads(2)
    program = Program(4, 30, 2)
    run = cpu.bind_steps(*program.arguments(), keep_lock)
    for _ in range(10):
        program.array[:] = 0
        assert run() == 4
        assert (program.array[1:] == 4).all()


def test_one_thread_means_one_call_a_step():
    cpu.set_num_threads(8)
    program = Program(1, 50, 1)
    program.run()
    assert program.array[0] == 1
    cpu.set_num_threads(1)
    program = Program(1, 50, 8)
    program.run()
    assert program.array[0] == 1


@pytest.mark.skipif(sys.platform == "win32", reason="one thread there")
def test_the_pool_has_workers_only_when_a_step_wants_them(run_python):
    script = (
        "import threading, os, sys\n"
        "import numpy as np\n"
        "from facula.runtime import cpu, code\n"
        "cpu.set_num_threads(3)\n"
        "def threads(): return len(os.listdir('/proc/self/task'))\n"
        "ir = 'define void @kernel(ptr %s, ptr %r, i64 %b, i64 %e) {\\n  ret void\\n}'\n"
        "k = code.function_address('k', lambda: ir)\n"
        "status = np.zeros(1, np.int64)\n"
        "slots = np.array([status.ctypes.data])\n"
        "def run(*step): cpu.run_steps(slots.ctypes.data, np.array(step).ctypes.data, 1)\n"
        "before = threads()\n"
        "run(k, 0, 100, 1)\n"
        "assert threads() == before\n"
        "run(k, 0, 100, 2)\n"
        "assert threads() == before + 1\n"
        "run(k, 0, 100, 64)\n"
        "assert threads() == before + 2\n"
    )
    if not os.path.isdir("/proc/self/task"):
        pytest.skip("needs /proc")
    # It also ends with workers waiting: exit must neither hang nor crash.
    result = run_python("-c", script)
    assert result.returncode == 0, result.stderr


def test_several_python_threads_run_programs_at_once():
    cpu.set_num_threads(4)
    wrong = []

    def work():
        program = Program(10, 60, 4)
        for _ in range(50):
            if not program.is_right():
                wrong.append(program.status[0])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@fork
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_a_pool_of_its_own():
    cpu.set_num_threads(3)
    program = Program(10, 60, 3)
    assert program.is_right()
    child = os.fork()
    if child == 0:
        right = all(program.is_right() for _ in range(20)) and cpu.get_num_threads() == 3
        os._exit(0 if right else 1)
    assert program.is_right()
    assert os.waitpid(child, 0)[1] == 0
    assert program.is_right()


def test_sleeping_workers_are_woken(monkeypatch):
    """Without spinning every wait is a sleep."""
    monkeypatch.setattr(cpu, "_SPIN_NANOSECONDS", 0)
    cpu.set_num_threads(2)
    program = Program(20, 50, 2)
    for _ in range(20):
        assert program.is_right()


_MOVING = """
import os, threading
import facula
facula.set_num_threads(1)
x = facula.randn(1000, 1000)

def threads():
    return {int(t) for t in os.listdir("/proc/self/task")}

def work():
    for _ in range(4):
        (x * 2).sum().item()

work()
me, before = threading.get_native_id(), threads()
facula.set_num_threads(2)
work()
workers = threads() - before
assert workers
for processor in sorted(os.sched_getaffinity(0)) * 4:
    for thread in (me, *workers):
        os.sched_setaffinity(thread, {processor})
    for _ in range(100):
        work()
        if all(os.sched_getaffinity(w) != {processor} for w in workers):
            break
    else:
        raise AssertionError("a worker stays on the processor of its caller")
"""


@pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="needs two processors",
)
def test_workers_leave_the_processor_of_their_caller(run_python):
    done = run_python("-c", _MOVING)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "value, error", ((0, ValueError), (-1, ValueError), (5000, ValueError), (2.0, TypeError))
)
def test_bad_numbers_of_threads_are_rejected(value, error):
    with pytest.raises(error, match="^n: "):
        cpu.set_num_threads(value)


def test_the_default_respects_what_the_process_may_use(monkeypatch):
    monkeypatch.setattr(cpu, "_requested", 0)
    monkeypatch.setattr(cpu.config, "threads", 0)
    if sys.platform != "win32":
        assert 1 <= cpu.get_num_threads() == cpu.available_processors() <= (os.cpu_count() or 1)
        monkeypatch.setattr(cpu.config, "threads", 7)
        assert cpu.get_num_threads() == 7


@pytest.mark.parametrize(
    "files, expected",
    (
        ({}, None),
        ({"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "max 100000\n"}, None),
        ({"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "150000 100000\n"}, 1.5),
        (
            {
                "/proc/self/cgroup": "0::/a/b\n",
                "/sys/fs/cgroup/a/cpu.max": "200000 100000",
                "/sys/fs/cgroup/a/b/cpu.max": "400000 100000",
            },
            2.0,
        ),
        (
            {
                "/proc/self/cgroup": "3:cpu,cpuacct:/docker/x\n",
                "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "300000\n",
                "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            3.0,
        ),
        (
            {
                "/proc/self/cgroup": "3:cpu:/\n",
                "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            None,
        ),
    ),
)
def test_limits_of_control_groups(monkeypatch, files, expected):
    monkeypatch.setattr(
        cpu, "_words", lambda path, separator=None: files.get(path, "").split(separator)
    )
    assert cpu._cgroup_quota() == expected
