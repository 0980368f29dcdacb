"""The memory of the pool of threads: where its fields lie, for code that is generated."""

from __future__ import annotations


class Layout:
    """Named fields at byte offsets."""

    def __init__(self, fields: tuple[tuple[str, int], ...]) -> None:
        self._offsets: dict[str, int] = {}
        self.size = 0
        for name, size in fields:
            self._offsets[name] = self.size
            self.size += size

    def offset(self, name: str) -> int:
        return self._offsets[name]


SYSTEM_FUNCTIONS = (
    "pthread_create",
    "pthread_mutex_init",
    "pthread_mutex_lock",
    "pthread_mutex_unlock",
    "pthread_cond_init",
    "pthread_cond_wait",
    "pthread_cond_signal",
    "pthread_sigmask",
    "clock_gettime",
)
# Functions that not every system has; the address is 0 where one is missing.
OPTIONAL_FUNCTIONS = ("sched_getcpu", "pthread_setaffinity_np", "sched_yield")
MASK_WORDS = 16  # of a set of processors

# Words that different threads write lie in different cache lines. 64 bytes hold a mutex or a
# condition variable of every system that has them here.
POOL = Layout(
    (
        ("want", 8),  # most threads to use, the caller included
        ("started", 8),  # workers that exist
        ("prepared", 8),  # the caller's mutex and condition variable are initialised
        ("spin", 8),  # nanoseconds to spin before sleeping
        ("clock", 8),
        ("block", 8),  # SIG_BLOCK
        ("worker", 8),  # address of @worker
        ("take", 8),  # address of @take
        *((name, 8) for name in (*SYSTEM_FUNCTIONS, *OPTIONAL_FUNCTIONS)),
        ("allowed", 8 * MASK_WORDS),  # the processors that the process may use
        ("signals", 160),  # a set of all signals, and room up to the next cache line
        ("busy", 64),
        ("errand", 64),  # 1: one is under way, 2: somebody is finishing it
        ("kernel", 8),
        ("slots", 8),
        ("record", 8),
        ("chunks", 8),
        ("grain", 8),
        ("parts", 24),
        ("next", 64),
        ("pending", 64),
        ("main_sleeping", 64),
        ("main_lock", 64),
        ("main_wake", 64),
    )
)
assert POOL.size % 64 == 0
WORKER = Layout(
    (
        ("pool", 8),
        ("thread", 56),
        ("state", 8),
        ("sleeping", 8),
        ("seen", 48),  # one more than the number of the processor where it claimed a job; 0: none
        ("next", 64),
        ("lock", 64),
        ("wake", 64),
    )
)
WORKER_SIZE = WORKER.size
# What a kernel is given to take further chunks: `function(share)` is the first one and, in the high
# half, the end, or -1.
SHARE = Layout(
    (
        ("function", 8),
        ("home", 8),  # the pool
        ("me", 8),  # the thread's number
        ("passed", 8),  # stretches, from its own on, of which nothing is left
    )
)


def fields(layout: Layout, base: str, *names: str) -> str:
    """Lines that set %name to the address of each field."""
    return "\n".join(
        f"  %{n} = getelementptr i8, ptr %{base}, i64 {layout.offset(n)}" for n in names
    )


def words(base: str, **types: str) -> str:
    """Lines that set %name to each of the words of a record, from its first one on."""
    return "\n".join(
        f"  %at_{n} = getelementptr i8, ptr %{base}, i64 {8 * i}\n  %{n} = load {ty}, ptr %at_{n}"
        for i, (n, ty) in enumerate(types.items())
    )


# Lines that set %away: whether worker %w sleeps, or was last seen on processor %mine, the caller's.
AWAY = """
  %asleep = load atomic i64, ptr %sleeping seq_cst, align 8
  %deep = icmp ne i64 %asleep, 0
  %where = load atomic i64, ptr %seen monotonic, align 8
  %same = icmp eq i64 %where, %mine
  %known = icmp ne i64 %mine, 0
  %shared = and i1 %same, %known
  %away = or i1 %deep, %shared""".strip("\n")


def system(*names: str) -> str:
    """Lines that set %call_name to the address of each function of the system."""
    return "\n".join(
        f"  %at_{n} = getelementptr i8, ptr %pool, i64 {POOL.offset(n)}\n"
        f"  %call_{n} = load ptr, ptr %at_{n}"
        for n in names
    )
