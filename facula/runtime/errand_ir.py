"""The text of errands, in LLVM IR: jobs for one worker that nobody waits for (see runner_ir.py)."""

from __future__ import annotations

from .pool_memory import AWAY, POOL, WORKER, fields, words

_BYTES = 64  # of a row that are copied at once
_AHEAD = 4  # lines of the next row that are asked for


def post() -> str:
    return f"""
define i64 @post(ptr %call) nounwind {{
entry:
{words("call", pool="ptr", s="ptr", k="ptr", r="ptr", n="i64")}
  %w = getelementptr i8, ptr %pool, i64 {POOL.size}
{fields(POOL, "pool", "want", "spin", "started", "kernel", "slots", "record", "chunks", "grain")}
{fields(POOL, "pool", "parts", "next", "pending", "busy", "errand")}
{fields(WORKER, "w", "state", "sleeping", "seen", "lock", "wake")}
  %wanted = load atomic i64, ptr %want monotonic, align 8
  %alone = icmp slt i64 %wanted, 2
  %budget = load i64, ptr %spin
  %crowded = icmp eq i64 %budget, 0
  %workers = load i64, ptr %started
  %none = icmp eq i64 %workers, 0
  %mine = call i64 @processor(ptr %pool)
{AWAY}
  %no1 = or i1 %alone, %crowded
  %no2 = or i1 %none, %away
  %no = or i1 %no1, %no2
  br i1 %no, label %refuse, label %try
try:
  %exchange = cmpxchg ptr %busy, i64 0, i64 1 seq_cst seq_cst
  %got = extractvalue {{ i64, i1 }} %exchange, 1
  br i1 %got, label %describe, label %refuse
describe:
  store ptr %k, ptr %kernel
  store ptr %s, ptr %slots
  store ptr %r, ptr %record
  store i64 %n, ptr %chunks
  store i64 %n, ptr %grain
  store i64 1, ptr %parts
  store atomic i64 0, ptr %next monotonic, align 8
  store atomic i64 1, ptr %pending seq_cst, align 8
  store atomic i64 1, ptr %errand seq_cst, align 8
  store atomic i64 1, ptr %state seq_cst, align 8
  call void @wake(ptr %pool, ptr %sleeping, ptr %lock, ptr %wake)
  ret i64 1
refuse:
  ret i64 0
}}"""


def finish() -> str:
    return f"""
define void @finish(ptr %pool) nounwind {{
entry:
  %w = getelementptr i8, ptr %pool, i64 {POOL.size}
{fields(POOL, "pool", "errand", "busy", "pending", "main_sleeping", "main_lock", "main_wake")}
{fields(WORKER, "w", "state")}
  %first = cmpxchg ptr %errand, i64 1, i64 2 seq_cst seq_cst
  %mine = extractvalue {{ i64, i1 }} %first, 1
  br i1 %mine, label %revoke, label %done
revoke:
  %taken = cmpxchg ptr %state, i64 1, i64 0 seq_cst seq_cst
  %took = extractvalue {{ i64, i1 }} %taken, 1
  br i1 %took, label %work, label %join
work:
  call void @chunks(ptr %pool, i64 0)
  store atomic i64 0, ptr %pending seq_cst, align 8
  br label %release
join:
  call void @wait(
    ptr %pool, ptr %pending, i64 0, ptr %main_sleeping, ptr %main_lock, ptr %main_wake)
  br label %release
release:
  store atomic i64 0, ptr %errand seq_cst, align 8
  store atomic i64 0, ptr %busy seq_cst, align 8
  br label %done
done:
  ret void
}}"""


def settle(pause: str) -> str:
    """For who posted an errand: afterwards nobody reads or writes what it was given.

    Somebody else who is finishing it is waited for: that takes no longer than the errand.
    """
    return f"""
define void @settle(ptr %call) nounwind {{
entry:
{words("call", pool="ptr", slots="ptr")}
  %status = load ptr, ptr %slots
{fields(POOL, "pool", "errand", "sched_yield")}
  %yield = load ptr, ptr %sched_yield
  %cannot = icmp eq ptr %yield, null
  br label %look
look:
  call void @finish(ptr %pool)
  %state = load atomic i64, ptr %errand seq_cst, align 8
  %other = icmp eq i64 %state, 2
  br i1 %other, label %unfinished, label %done
unfinished:
  %value = load atomic i64, ptr %status acquire, align 8
  %ran = icmp ne i64 %value, 0
  br i1 %ran, label %done, label %again
again:
  {pause}
  br i1 %cannot, label %look, label %polite
polite:
  %yielded = call i32 %yield()
  br label %look
done:
  ret void
}}"""


def copy_rows() -> str:
    """The kernel of row_copies.py. Slots: a table, new memory, positions; record: bytes of a row,
    rows of the table, rows to copy.
    """
    asked = "\n".join(
        f"  %l{k} = getelementptr i8, ptr %later, i64 {64 * k}\n"
        f"  call void @llvm.prefetch.p0(ptr %l{k}, i32 0, i32 3, i32 1)"
        for k in range(_AHEAD)
    )
    return f"""
declare void @llvm.prefetch.p0(ptr, i32, i32, i32)
define internal ptr @row_place(ptr %source, ptr %index, i64 %i, i64 %bytes, i64 %length) nounwind {{
  %at = getelementptr i64, ptr %index, i64 %i
  %row = load i64, ptr %at
  %negative = icmp slt i64 %row, 0
  %moved = add i64 %row, %length
  %number = select i1 %negative, i64 %moved, i64 %row
  %offset = mul i64 %number, %bytes
  %place = getelementptr i8, ptr %source, i64 %offset
  ret ptr %place
}}
define void @copy_rows(ptr %slots, ptr %record, i64 %begin, i64 %end) nounwind {{
entry:
{words("slots", status="ptr", source="ptr", target="ptr", index="ptr")}
{words("record", bytes="i64", length="i64", count="i64")}
  %whole = and i64 %bytes, -{_BYTES}
  %last = sub i64 %count, 1
  br label %row
row:
  %i = phi i64 [ %begin, %entry ], [ %i1, %next ]
  %i1 = add i64 %i, 1
  %more = icmp slt i64 %i, %last
  %following = select i1 %more, i64 %i1, i64 %i
  %later = call ptr @row_place(ptr %source, ptr %index, i64 %following, i64 %bytes, i64 %length)
{asked}
  %from = call ptr @row_place(ptr %source, ptr %index, i64 %i, i64 %bytes, i64 %length)
  %scaled = mul i64 %i, %bytes
  %to = getelementptr i8, ptr %target, i64 %scaled
  %some = icmp sgt i64 %whole, 0
  br i1 %some, label %chunk, label %rest
chunk:
  %j = phi i64 [ 0, %row ], [ %j1, %chunk ]
  %a = getelementptr i8, ptr %from, i64 %j
  %b = getelementptr i8, ptr %to, i64 %j
  %x = load <{_BYTES} x i8>, ptr %a, align 1
  store <{_BYTES} x i8> %x, ptr %b, align 1
  %j1 = add i64 %j, {_BYTES}
  %again = icmp slt i64 %j1, %whole
  br i1 %again, label %chunk, label %rest
rest:
  %left = icmp slt i64 %whole, %bytes
  br i1 %left, label %byte, label %next
byte:
  %k = phi i64 [ %whole, %rest ], [ %k1, %byte ]
  %c = getelementptr i8, ptr %from, i64 %k
  %d = getelementptr i8, ptr %to, i64 %k
  %y = load i8, ptr %c
  store i8 %y, ptr %d
  %k1 = add i64 %k, 1
  %unfinished = icmp slt i64 %k1, %bytes
  br i1 %unfinished, label %byte, label %next
next:
  %proceed = icmp slt i64 %i1, %end
  br i1 %proceed, label %row, label %done
done:
  store atomic i64 1, ptr %status release, align 8
  ret void
}}"""
