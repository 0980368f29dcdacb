"""Programs that know whether all their chunks have run, in order."""

import numpy as np

from facula.compiler.emitter import V
from facula.compiler.writer import Writer
from facula.runtime import code, cpu

# Adds 1 to element i + 1 of the array in slot 1, for each chunk i; counts the calls in element 0.
COUNT = """
define void @kernel(ptr %slots, ptr %record, i64 %begin, i64 %end) {
entry:
  %at = getelementptr ptr, ptr %slots, i64 1
  %array = load ptr, ptr %at
  %calls = atomicrmw add ptr %array, i64 1 monotonic
  %any = icmp slt i64 %begin, %end
  br i1 %any, label %loop, label %done
loop:
  %i = phi i64 [ %begin, %entry ], [ %next, %loop ]
  %next = add i64 %i, 1
  %p = getelementptr i64, ptr %array, i64 %next
  %v = load i64, ptr %p
  %w = add i64 %v, 1
  store i64 %w, ptr %p
  %more = icmp slt i64 %next, %end
  br i1 %more, label %loop, label %done
done:
  ret void
}
"""

# Adds 1 to the status if elements 1 .. record[2] of the array in slot 1 sum to record[1], that is
# if all chunks of the steps before have run; otherwise makes it negative.
CHECK = """
define void @kernel(ptr %slots, ptr %record, i64 %begin, i64 %end) {
entry:
  %status = load ptr, ptr %slots
  %at = getelementptr ptr, ptr %slots, i64 1
  %array = load ptr, ptr %at
  %rp = getelementptr i64, ptr %record, i64 1
  %wanted = load i64, ptr %rp
  %np = getelementptr i64, ptr %record, i64 2
  %n = load i64, ptr %np
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %sum = phi i64 [ 0, %entry ], [ %sum1, %loop ]
  %next = add i64 %i, 1
  %p = getelementptr i64, ptr %array, i64 %next
  %v = load i64, ptr %p
  %sum1 = add i64 %sum, %v
  %more = icmp slt i64 %next, %n
  br i1 %more, label %loop, label %done
done:
  %right = icmp eq i64 %sum1, %wanted
  %old = load i64, ptr %status
  %new = add i64 %old, 1
  %value = select i1 %right, i64 %new, i64 -1000000
  store i64 %value, ptr %status
  ret void
}
"""


def taking():
    """As COUNT, by a kernel that takes further chunks itself: a call for each thread."""
    w = Writer()
    w.stmt("%at = getelementptr ptr, ptr %slots, i64 1")
    array = w.let("ptr", "load ptr, ptr %at")
    w.let("i64", f"atomicrmw add ptr {array.name}, i64 1 monotonic")

    def one(i, _):
        at = w.let(
            "ptr", f"getelementptr i64, ptr {array.name}, i64 {w.add(i, V('i64', '1')).name}"
        )
        v = w.let("i64", f"load i64, ptr {at.name}")
        w.stmt(f"store {w.add(v, V('i64', '1'))}, ptr {at.name}")
        return []

    def some(begin, end, carried):
        w.counted_loop(begin, end, 1, [], one)
        return carried

    w.taken_chunks([], some)
    w.stmt("ret void")
    return w.module()


class Program:
    """Steps that count chunks, each followed by one that checks that all of them ran."""

    def __init__(self, steps, chunks, most, takes=False):
        self.status, self.array = np.zeros(1, np.int64), np.zeros(chunks + 1, np.int64)
        self.slots = np.array([self.status.ctypes.data, self.array.ctypes.data], np.int64)
        self.records = np.array([[0, chunks * (i + 1), chunks] for i in range(steps)], np.int64)
        if takes:
            count = code.function_address("test taking", taking)
        else:
            count = code.function_address("test count", lambda: COUNT)
        check = code.function_address("test check", lambda: CHECK)
        rows = []
        for record in self.records:
            rows.append((count, record.ctypes.data, chunks, most))
            rows.append((check, record.ctypes.data, 1, most))
        self.steps = np.array(rows, np.int64)

    def arguments(self):
        return self.slots.ctypes.data, self.steps.ctypes.data, len(self.steps)

    def run(self):
        self.status[:] = self.array[:] = 0
        return cpu.run_steps(*self.arguments())

    def is_right(self):
        n = len(self.records)
        return self.run() == n and bool((self.array[1:] == n).all())
