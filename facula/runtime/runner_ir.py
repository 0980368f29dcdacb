"""The text of the runner: the walk over a program's steps and the pool of threads, in LLVM IR.

Protocol. The caller that holds `busy` describes the job (kernel, slots, record, chunks) in the
pool, posts it to some workers by setting their `state` from 0 to 1, and takes chunks itself. A
worker claims a posted job (1 to 2), takes chunks until none is left, sets its state back to 0 and
counts `pending` down. A caller that runs out of chunks takes back what no worker has claimed yet (1
to 0), so that it never waits for one that still sleeps, and then waits until `pending` is 0. Who
waits spins for a bounded time, then sleeps on a condition variable: it says so in `sleeping` and
looks again before it sleeps; who changes the awaited word looks at `sleeping` afterwards (both
sequentially consistent, so one of the two sees the other). A worker that wakes too late, after its
job was taken back, spins again: jobs that take less time than waking would never meet it else.

The chunks are dealt out in equal stretches, one for each thread, each with its counter; who is
done with the own stretch takes from the others'. So a thread meets the same part of the data from
step to step, while it lies in that processor's cache. Some are taken at a time, towards the end of
a stretch at most a quarter of what is left. A kernel whose chunks share what a call brings near
takes them itself: its last argument is where it finds how (null: it has them all). A step whose
number of threads is negative wants each stretch in one call.

An errand is a job for one worker that nobody waits for: who posts it goes on, with `busy` held, and
whoever wants the workers next, or what the errand brings, finishes it first: takes it back and does
it, or waits until the worker is done. Who posted it also waits for another thread that is finishing
it. It is posted only to a worker that is awake.

A worker is kept off the caller's processor: the system tends to wake it there, behind the caller,
for milliseconds, and to leave it there for as long as both are awake. Where a worker runs is noted
with each job that it claims; one that sleeps, or was last seen where the caller is now, is sent
away. Who spins gives the processor away now and then, in case the other one shares it.

Functions of the system are called through addresses in the pool, so that this code links with
nothing.
"""

from __future__ import annotations

import os
import sys

from . import errand_ir
from .pool_memory import AWAY, MASK_WORDS, POOL, SHARE, WORKER, WORKER_SIZE, fields, system, words


def machine_name() -> str:
    """The processor's architecture, e.g. ``x86_64`` (`platform.machine` would import a lot)."""
    if sys.platform == "win32":
        return os.environ.get("PROCESSOR_ARCHITECTURE", "").lower()
    return os.uname().machine.lower()


def _pause() -> tuple[str, str]:
    """The instruction that tells the processor about a spin loop, and its declaration."""
    machine = machine_name()
    if machine in ("x86_64", "amd64"):
        return "call void @llvm.x86.sse2.pause()", "declare void @llvm.x86.sse2.pause()"
    if machine in ("aarch64", "arm64"):
        return "call void @llvm.aarch64.hint(i32 1)", "declare void @llvm.aarch64.hint(i32)"
    return "fence seq_cst", ""


def runner_ir() -> str:
    """The module: `@run(pool, slots, steps, n)`, `@run_call(call)`, `@worker(worker)`, and for
    errands `@post(call)`, `@finish(pool)` and `@settle(call)`.

    `call` is a record of run's four arguments: one argument instead of four makes the foreign call
    three times cheaper. `@run_call` also clears the status word before it runs. That of an errand
    holds pool, slots, kernel, record and the number of chunks, which the worker does in one go.
    """
    pause, declaration = _pause()
    functions = (
        _now(),
        _wait(pause),
        _wake(),
        _chunks(),
        _worker(),
        _start(),
        _processor(),
        _place(),
        _parallel(),
        errand_ir.post(),
        errand_ir.finish(),
        errand_ir.settle(pause),
        errand_ir.copy_rows(),
        _run(),
        _call(),
    )
    return "\n".join((declaration, *functions))


def _call() -> str:
    return f"""
define i64 @run_call(ptr %call) nounwind {{
{words("call", pool="ptr", slots="ptr", steps="ptr", n="i64")}
  %word = load ptr, ptr %slots
  store i64 0, ptr %word
  %status = call i64 @run(ptr %pool, ptr %slots, ptr %steps, i64 %n)
  ret i64 %status
}}"""


def _now() -> str:
    return f"""
define internal i64 @now(ptr %pool) nounwind {{
  %time = alloca [2 x i64]
{fields(POOL, "pool", "clock")}
{system("clock_gettime")}
  %id = load i64, ptr %clock
  %id32 = trunc i64 %id to i32
  %rc = call i32 %call_clock_gettime(i32 %id32, ptr %time)
  %seconds = load i64, ptr %time
  %at = getelementptr i8, ptr %time, i64 8
  %nanoseconds = load i64, ptr %at
  %s = mul i64 %seconds, 1000000000
  %sum = add i64 %s, %nanoseconds
  ret i64 %sum
}}"""


def _wait(pause: str) -> str:
    return f"""
define internal void @wait(
    ptr %pool, ptr %word, i64 %value, ptr %sleeping, ptr %lock, ptr %wake) nounwind {{
entry:
  %v0 = load atomic i64, ptr %word acquire, align 8
  %hit0 = icmp eq i64 %v0, %value
  br i1 %hit0, label %done, label %prepare
prepare:
{fields(POOL, "pool", "spin")}
  %budget = load i64, ptr %spin
  %spins = icmp sgt i64 %budget, 0
  br i1 %spins, label %start, label %sleep
start:
  %begin = call i64 @now(ptr %pool)
  %deadline = add i64 %begin, %budget
  br label %round
round:
  br label %look
look:
  %i = phi i64 [ 0, %round ], [ %i1, %again ]
  %v1 = load atomic i64, ptr %word acquire, align 8
  %hit1 = icmp eq i64 %v1, %value
  br i1 %hit1, label %done, label %again
again:
  {pause}
  %i1 = add i64 %i, 1
  %more = icmp slt i64 %i1, 32
  br i1 %more, label %look, label %time
time:
  %t = call i64 @now(ptr %pool)
  %late = icmp sgt i64 %t, %deadline
  br i1 %late, label %sleep, label %yield
yield:
{fields(POOL, "pool", "sched_yield")}
  %call_yield = load ptr, ptr %sched_yield
  %cannot = icmp eq ptr %call_yield, null
  br i1 %cannot, label %round, label %polite
polite:
  %yielded = call i32 %call_yield()
  br label %round
sleep:
{system("pthread_mutex_lock", "pthread_mutex_unlock", "pthread_cond_wait")}
  %rc1 = call i32 %call_pthread_mutex_lock(ptr %lock)
  store atomic i64 1, ptr %sleeping seq_cst, align 8
  br label %check
check:
  %v2 = load atomic i64, ptr %word seq_cst, align 8
  %hit2 = icmp eq i64 %v2, %value
  br i1 %hit2, label %awake, label %block
block:
  %rc2 = call i32 %call_pthread_cond_wait(ptr %wake, ptr %lock)
  %v3 = load atomic i64, ptr %word seq_cst, align 8
  %hit3 = icmp eq i64 %v3, %value
  br i1 %hit3, label %awake, label %missed
missed:
  br i1 %spins, label %linger, label %check
linger:
  store atomic i64 0, ptr %sleeping seq_cst, align 8
  %rc4 = call i32 %call_pthread_mutex_unlock(ptr %lock)
  br label %start
awake:
  store atomic i64 0, ptr %sleeping seq_cst, align 8
  %rc3 = call i32 %call_pthread_mutex_unlock(ptr %lock)
  br label %done
done:
  ret void
}}"""


def _wake() -> str:
    return f"""
define internal void @wake(ptr %pool, ptr %sleeping, ptr %lock, ptr %wake) nounwind {{
entry:
  %s = load atomic i64, ptr %sleeping seq_cst, align 8
  %asleep = icmp ne i64 %s, 0
  br i1 %asleep, label %signal, label %done
signal:
{system("pthread_mutex_lock", "pthread_mutex_unlock", "pthread_cond_signal")}
  %rc1 = call i32 %call_pthread_mutex_lock(ptr %lock)
  %rc2 = call i32 %call_pthread_cond_signal(ptr %wake)
  %rc3 = call i32 %call_pthread_mutex_unlock(ptr %lock)
  br label %done
done:
  ret void
}}"""


def _chunks() -> str:
    return f"""
define internal ptr @counter(ptr %pool, i64 %part) nounwind alwaysinline {{
{fields(POOL, "pool", "next")}
  %first = icmp eq i64 %part, 0
  %before = sub i64 %part, 1
  %scaled = mul i64 %before, {WORKER_SIZE}
  %offset = add i64 %scaled, {POOL.size + WORKER.offset("next")}
  %other = getelementptr i8, ptr %pool, i64 %offset
  %at = select i1 %first, ptr %next, ptr %other
  ret ptr %at
}}
define i64 @take(ptr %share) nounwind {{
entry:
{fields(SHARE, "share", "home", "me", "passed")}
  %pool = load ptr, ptr %home
  %first = load i64, ptr %me
  %past = load i64, ptr %passed
{fields(POOL, "pool", "chunks", "grain", "parts")}
  %n = load i64, ptr %chunks
  %g = load i64, ptr %grain
  %p = load i64, ptr %parts
  %whole = icmp eq i64 %g, %n
  br label %part
part:
  %i = phi i64 [ %past, %entry ], [ %i1, %next ]
  %some = icmp slt i64 %i, %p
  br i1 %some, label %look, label %done
look:
  %t0 = add i64 %first, %i
  %over = icmp sge i64 %t0, %p
  %t1 = sub i64 %t0, %p
  %t = select i1 %over, i64 %t1, i64 %t0
  %counter = call ptr @counter(ptr %pool, i64 %t)
  %t2 = add i64 %t, 1
  %scaled = mul i64 %t2, %n
  %stop = udiv i64 %scaled, %p
  %seen = load atomic i64, ptr %counter monotonic, align 8
  %left = sub i64 %stop, %seen
  %quarter = ashr i64 %left, 2
  %few = call i64 @llvm.smin.i64(i64 %g, i64 %quarter)
  %one = call i64 @llvm.smax.i64(i64 %few, i64 1)
  %many = select i1 %whole, i64 %g, i64 %one
  %b = atomicrmw add ptr %counter, i64 %many monotonic
  %found = icmp slt i64 %b, %stop
  br i1 %found, label %give, label %next
next:
  %i1 = add i64 %i, 1
  store i64 %i1, ptr %passed
  br label %part
give:
  %e0 = add i64 %b, %many
  %e = call i64 @llvm.smin.i64(i64 %e0, i64 %stop)
  %high = shl i64 %e, 32
  %both = or i64 %high, %b
  ret i64 %both
done:
  ret i64 -1
}}
define internal void @chunks(ptr %pool, i64 %number) nounwind {{
entry:
  %share = alloca [{SHARE.size} x i8], align 8
{fields(SHARE, "share", "function", "home", "me", "passed")}
{fields(POOL, "pool", "kernel", "slots", "record", "take")}
  %f = load ptr, ptr %take
  store ptr %f, ptr %function
  store ptr %pool, ptr %home
  store i64 %number, ptr %me
  store i64 0, ptr %passed
  %k = load ptr, ptr %kernel
  %s = load ptr, ptr %slots
  %r = load ptr, ptr %record
  br label %next
next:
  %both = call i64 @take(ptr %share)
  %some = icmp sge i64 %both, 0
  br i1 %some, label %do, label %done
do:
  %b = and i64 %both, 4294967295
  %e = lshr i64 %both, 32
  call void %k(ptr %s, ptr %r, i64 %b, i64 %e, ptr %share)
  br label %next
done:
  ret void
}}"""


def _worker() -> str:
    return f"""
define ptr @worker(ptr %w) nounwind {{
entry:
{fields(WORKER, "w", "state", "sleeping", "seen", "lock", "wake")}
  %pool = load ptr, ptr %w
{fields(POOL, "pool", "signals", "block", "pending", "main_sleeping", "main_lock", "main_wake")}
{system("pthread_sigmask")}
  %how = load i64, ptr %block
  %how32 = trunc i64 %how to i32
  %rc = call i32 %call_pthread_sigmask(i32 %how32, ptr %signals, ptr null)
  br label %next
next:
  call void @wait(ptr %pool, ptr %state, i64 1, ptr %sleeping, ptr %lock, ptr %wake)
  %claim = cmpxchg ptr %state, i64 1, i64 2 seq_cst seq_cst
  %claimed = extractvalue {{ i64, i1 }} %claim, 1
  br i1 %claimed, label %work, label %next
work:
  %here = call i64 @processor(ptr %pool)
  store atomic i64 %here, ptr %seen monotonic, align 8
  %address = ptrtoint ptr %w to i64
  %start = ptrtoint ptr %pool to i64
  %distance = sub i64 %address, %start
  %place = sub i64 %distance, {POOL.size}
  %number = udiv i64 %place, {WORKER_SIZE}
  %me = add i64 %number, 1
  call void @chunks(ptr %pool, i64 %me)
  store atomic i64 0, ptr %state seq_cst, align 8
  %left = atomicrmw sub ptr %pending, i64 1 seq_cst
  %last = icmp eq i64 %left, 1
  br i1 %last, label %tell, label %next
tell:
  call void @wake(ptr %pool, ptr %main_sleeping, ptr %main_lock, ptr %main_wake)
  br label %next
}}"""


def _start() -> str:
    return f"""
define internal i64 @start(ptr %pool, i64 %wanted) nounwind noinline {{
entry:
{fields(POOL, "pool", "started", "prepared", "want", "worker", "main_lock", "main_wake")}
{system("pthread_create", "pthread_mutex_init", "pthread_cond_init")}
  %p = load i64, ptr %prepared
  %first = icmp eq i64 %p, 0
  br i1 %first, label %prepare, label %loop
prepare:
  %rc1 = call i32 %call_pthread_mutex_init(ptr %main_lock, ptr null)
  %rc2 = call i32 %call_pthread_cond_init(ptr %main_wake, ptr null)
  store i64 1, ptr %prepared
  br label %loop
loop:
  %count = load i64, ptr %started
  %more = icmp slt i64 %count, %wanted
  br i1 %more, label %create, label %done
create:
  %scaled = mul i64 %count, {WORKER_SIZE}
  %offset = add i64 %scaled, {POOL.size}
  %w = getelementptr i8, ptr %pool, i64 %offset
{fields(WORKER, "w", "thread", "lock", "wake")}
  store ptr %pool, ptr %w
  %rc3 = call i32 %call_pthread_mutex_init(ptr %lock, ptr null)
  %rc4 = call i32 %call_pthread_cond_init(ptr %wake, ptr null)
  %function = load ptr, ptr %worker
  %rc5 = call i32 %call_pthread_create(ptr %thread, ptr null, ptr %function, ptr %w)
  %ok = icmp eq i32 %rc5, 0
  %count1 = add i64 %count, 1
  br i1 %ok, label %created, label %failed
created:
  store i64 %count1, ptr %started
  br label %loop
failed:
  store atomic i64 %count1, ptr %want monotonic, align 8
  br label %done
done:
  %result = load i64, ptr %started
  ret i64 %result
}}"""


def _processor() -> str:
    return f"""
define internal i64 @processor(ptr %pool) nounwind {{
entry:
{fields(POOL, "pool", "sched_getcpu")}
  %get = load ptr, ptr %sched_getcpu
  %missing = icmp eq ptr %get, null
  br i1 %missing, label %none, label %ask
ask:
  %cpu = call i32 %get()
  %next = add i32 %cpu, 1
  %number = sext i32 %next to i64
  ret i64 %number
none:
  ret i64 0
}}"""


def _place() -> str:
    return f"""
define internal void @place(ptr %pool, ptr %w) nounwind noinline {{
entry:
  %mask = alloca [{MASK_WORDS} x i64], align 8
{fields(POOL, "pool", "spin", "allowed", "pthread_setaffinity_np")}
{fields(WORKER, "w", "thread")}
  %spins = load i64, ptr %spin
  %crowded = icmp eq i64 %spins, 0
  %set = load ptr, ptr %pthread_setaffinity_np
  %missing = icmp eq ptr %set, null
  %idle = or i1 %missing, %crowded
  br i1 %idle, label %done, label %ask
ask:
  %noted = call i64 @processor(ptr %pool)
  %cpu64 = sub i64 %noted, 1
  %known = icmp ult i64 %cpu64, {64 * MASK_WORDS}
  br i1 %known, label %copy, label %done
copy:
  %k = phi i64 [ 0, %ask ], [ %k1, %copy ]
  %any = phi i64 [ 0, %ask ], [ %any1, %copy ]
  %from = getelementptr i64, ptr %allowed, i64 %k
  %to = getelementptr i64, ptr %mask, i64 %k
  %word = load i64, ptr %from
  %number = lshr i64 %cpu64, 6
  %here = icmp eq i64 %number, %k
  %shift = and i64 %cpu64, 63
  %bit = shl i64 1, %shift
  %mine = select i1 %here, i64 %bit, i64 0
  %others = xor i64 %mine, -1
  %kept = and i64 %word, %others
  store i64 %kept, ptr %to
  %any1 = or i64 %any, %kept
  %k1 = add i64 %k, 1
  %more = icmp slt i64 %k1, {MASK_WORDS}
  br i1 %more, label %copy, label %check
check:
  %some = icmp ne i64 %any1, 0
  br i1 %some, label %put, label %done
put:
  %id = load i64, ptr %thread
  %rc = call i32 %set(i64 %id, i64 {8 * MASK_WORDS}, ptr %mask)
  br label %done
done:
  ret void
}}"""


def _parallel() -> str:
    return f"""
define internal void @parallel(
    ptr %pool, ptr %s, ptr %k, ptr %r, i64 %n, i64 %threads, i1 %whole) nounwind {{
entry:
{fields(POOL, "pool", "started", "kernel", "slots", "record", "chunks", "grain", "parts")}
{fields(POOL, "pool", "pending", "main_sleeping", "main_lock", "main_wake")}
  %helpers0 = sub i64 %threads, 1
  %have0 = load i64, ptr %started
  %enough = icmp sge i64 %have0, %helpers0
  br i1 %enough, label %describe, label %grow
grow:
  %have1 = call i64 @start(ptr %pool, i64 %helpers0)
  %fewer = icmp slt i64 %have1, %helpers0
  %helpers1 = select i1 %fewer, i64 %have1, i64 %helpers0
  br label %describe
describe:
  %helpers = phi i64 [ %helpers0, %entry ], [ %helpers1, %grow ]
  store ptr %k, ptr %kernel
  store ptr %s, ptr %slots
  store ptr %r, ptr %record
  store i64 %n, ptr %chunks
  %pieces = shl i64 %threads, 3
  %g0 = sdiv i64 %n, %pieces
  %none = icmp slt i64 %g0, 1
  %g1 = select i1 %none, i64 1, i64 %g0
  %g = select i1 %whole, i64 %n, i64 %g1
  store i64 %g, ptr %grain
  store i64 %threads, ptr %parts
  br label %count
count:
  %c = phi i64 [ 0, %describe ], [ %c1, %count ]
  %counter = call ptr @counter(ptr %pool, i64 %c)
  %share = mul i64 %c, %n
  %first = udiv i64 %share, %threads
  store atomic i64 %first, ptr %counter monotonic, align 8
  %c1 = add i64 %c, 1
  %uncounted = icmp slt i64 %c1, %threads
  br i1 %uncounted, label %count, label %ready
ready:
  store atomic i64 %helpers, ptr %pending seq_cst, align 8
  %mine = call i64 @processor(ptr %pool)
  %any = icmp sgt i64 %helpers, 0
  br i1 %any, label %post, label %work
post:
  %i = phi i64 [ 0, %ready ], [ %i1, %posted ]
  %offset = mul i64 %i, {WORKER_SIZE}
  %base = add i64 %offset, {POOL.size}
  %w = getelementptr i8, ptr %pool, i64 %base
{fields(WORKER, "w", "state", "sleeping", "seen", "lock", "wake")}
  store atomic i64 1, ptr %state seq_cst, align 8
{AWAY}
  br i1 %away, label %rouse, label %posted
rouse:
  store atomic i64 0, ptr %seen monotonic, align 8
  call void @place(ptr %pool, ptr %w)
  call void @wake(ptr %pool, ptr %sleeping, ptr %lock, ptr %wake)
  br label %posted
posted:
  %i1 = add i64 %i, 1
  %more = icmp slt i64 %i1, %helpers
  br i1 %more, label %post, label %work
work:
  call void @chunks(ptr %pool, i64 0)
  br i1 %any, label %revoke, label %done
revoke:
  %j = phi i64 [ 0, %work ], [ %j1, %revoke ]
  %joffset = mul i64 %j, {WORKER_SIZE}
  %jbase = add i64 %joffset, {POOL.size + WORKER.offset("state")}
  %jstate = getelementptr i8, ptr %pool, i64 %jbase
  %taken = cmpxchg ptr %jstate, i64 1, i64 0 seq_cst seq_cst
  %took = extractvalue {{ i64, i1 }} %taken, 1
  %one = zext i1 %took to i64
  %before = atomicrmw sub ptr %pending, i64 %one seq_cst
  %j1 = add i64 %j, 1
  %jmore = icmp slt i64 %j1, %helpers
  br i1 %jmore, label %revoke, label %join
join:
  call void @wait(
    ptr %pool, ptr %pending, i64 0, ptr %main_sleeping, ptr %main_lock, ptr %main_wake)
  br label %done
done:
  ret void
}}"""


def _run() -> str:
    return f"""
define i64 @run(ptr %pool, ptr %slots, ptr %steps, i64 %n) nounwind {{
entry:
{fields(POOL, "pool", "want", "busy", "errand")}
  %any = icmp sgt i64 %n, 0
  br i1 %any, label %step, label %done
step:
  %i = phi i64 [ 0, %entry ], [ %i1, %next ]
  %owned = phi i1 [ false, %entry ], [ %owned1, %next ]
  %offset = shl i64 %i, 5
  %p0 = getelementptr i8, ptr %steps, i64 %offset
  %p1 = getelementptr i8, ptr %p0, i64 8
  %p2 = getelementptr i8, ptr %p0, i64 16
  %p3 = getelementptr i8, ptr %p0, i64 24
  %kernel = load ptr, ptr %p0
  %record = load ptr, ptr %p1
  %chunks = load i64, ptr %p2
  %threads = load i64, ptr %p3
  %whole = icmp slt i64 %threads, 0
  %most = call i64 @llvm.abs.i64(i64 %threads, i1 false)
  %w = load atomic i64, ptr %want monotonic, align 8
  %t1 = call i64 @llvm.smin.i64(i64 %most, i64 %w)
  %t = call i64 @llvm.smin.i64(i64 %t1, i64 %chunks)
  %several = icmp sgt i64 %t, 1
  br i1 %several, label %claim, label %alone
claim:
  br i1 %owned, label %together, label %try
try:
  %errands = load atomic i64, ptr %errand acquire, align 8
  %away = icmp ne i64 %errands, 0
  br i1 %away, label %fetch, label %ask
fetch:
  call void @finish(ptr %pool)
  br label %ask
ask:
  %exchange = cmpxchg ptr %busy, i64 0, i64 1 seq_cst seq_cst
  %got = extractvalue {{ i64, i1 }} %exchange, 1
  br i1 %got, label %together, label %alone
together:
  call void @parallel(
    ptr %pool, ptr %slots, ptr %kernel, ptr %record, i64 %chunks, i64 %t, i1 %whole)
  br label %next
alone:
  %owned0 = phi i1 [ %owned, %step ], [ false, %ask ]
  call void %kernel(ptr %slots, ptr %record, i64 0, i64 %chunks, ptr null)
  br label %next
next:
  %owned1 = phi i1 [ true, %together ], [ %owned0, %alone ]
  %i1 = add i64 %i, 1
  %more = icmp slt i64 %i1, %n
  br i1 %more, label %step, label %finish
finish:
  br i1 %owned1, label %release, label %done
release:
  store atomic i64 0, ptr %busy seq_cst, align 8
  br label %done
done:
  %word = load ptr, ptr %slots
  %status = load i64, ptr %word
  ret i64 %status
}}
declare i64 @llvm.smin.i64(i64, i64)
declare i64 @llvm.smax.i64(i64, i64)
declare i64 @llvm.abs.i64(i64, i1)"""
