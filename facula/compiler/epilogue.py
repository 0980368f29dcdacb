"""An epilogue: elementwise work on the result of a contraction, done before the result is stored.

A matrix product or convolution makes its result a few rows of vectors at a time. What is computed
element for element from it (a bias, an activation, a residual, a mask of dropout, gradients of
these) is applied to these vectors while they are in registers, so that the result itself is written
only if something else reads it. An epilogue is a cluster over the elements of the result that
belongs to a step: its loops are rows, which may be several, and columns, along which vectors lie.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any

from .fusion import Cluster, Guard, Reject, Root
from .indexing import Affine, offset_of
from .loops import Kernel, Lowering

if TYPE_CHECKING:
    from .schedule import Scheduler

_MAX_ROW_LOOPS = 4
_MAX_STORES = (
    2  # arrays that a tile is written to: lines of more cost more than a pass of their own
)


class Epilogue(Cluster):
    """What is done with the elements of `result`, of which `columns` make a row."""

    def __init__(self, scheduler: Scheduler, order: int, result: int, columns: int) -> None:
        super().__init__(scheduler, order, scheduler.shapes[result])
        self.result, self.columns = result, columns
        self.apart = False  # whether it reads the result from memory, in a kernel of its own

    def try_add(self, root: Root, must_share: bool = False) -> bool:
        saved = self._save()
        if not super().try_add(root, must_share):
            return False
        if self.depends[root.expr] and self._fits():
            return True
        self._restore(saved)
        return False

    def settle(self, wanted: bool) -> None:
        """Decides how the epilogue is done; `wanted`: whether something else reads the result."""
        self.apart = len(self.roots) + wanted > _MAX_STORES
        if self.apart:
            address = (self.result, self._dense())
            self.exprs = [
                ("load", tag, (), address) if op == "product" else (op, tag, args, attr)
                for op, tag, args, attr in self.exprs
            ]
            self.loads.add(self.result)
        elif wanted:
            self._keep_result()

    def _keep_result(self) -> None:
        root = Root(self.result, self.result)
        root.expr = self.expr("product", self.s.tags[self.result])
        root.address = self._dense()
        self.roots.append(root)

    def _dense(self) -> Affine:
        return offset_of(self.coords, self.domain, len(self.sizes))

    def _value(self, v: int, m: int, guard: Guard) -> int:
        s = self.s
        if s.alias.get(v, v) == self.result:
            if offset_of(self.map_list[m], s.shapes[v], len(self.sizes)) != self._dense():
                raise Reject
            return self.expr("product", s.tags[v])
        return super()._value(v, m, guard)

    def expr(self, op: str, tag: str, args: tuple[int, ...] = (), attr: Any = None) -> int:
        found = super().expr(op, tag, args, attr)
        if op == "product":
            self.depends[found] = True
        return found

    def column_loop(self) -> int:
        """The first of the loops along a row; raises Reject where none starts there."""
        first = len(self.sizes)
        while first and prod(self.sizes[first:]) < self.columns:
            first -= 1
        if prod(self.sizes[first:]) != self.columns:
            raise Reject
        return first

    def _fits(self) -> bool:
        """Whether the columns are one loop, along which memory is read and written in vectors."""
        try:
            first = self.column_loop()
        except Reject:
            return False
        if first > _MAX_ROW_LOOPS:
            return False
        accesses = [attr[1] for op, _, _, attr in self.exprs if op in ("load", "take")]
        stores = [r.address for r in self.roots]
        others = [attr for op, _, _, attr in self.exprs if op == "iota"]
        others += [attr[0] for op, _, _, attr in self.exprs if op == "inrange"]
        last = len(self.sizes)
        for a in (*accesses, *stores, *others):
            for loop in range(first + 1, last):
                if a[loop] != a[loop + 1] * self.sizes[loop]:
                    return False
        if first == last:
            return True
        return all(a[last] == 1 for a in stores) and all(a[last] in (-1, 0, 1) for a in accesses)


class _Lowering(Lowering):
    """The loops stay rows and columns of the result, whatever could be merged."""

    def __init__(
        self, epilogue: Epilogue, slot_of: Callable[[int], int], lanes: int, base: int
    ) -> None:
        super().__init__(epilogue, slot_of)
        self.epilogue, self.lanes = epilogue, lanes
        self.k.record = [0] * base

    def order_loops(self) -> None:
        k, c = self.k, self.epilogue
        k.kind, k.tiled, k.digits = "map", False, []
        k.ragged, k.ragged_row = "", -1
        self.joined = []
        first = c.column_loop()
        affines = self.used_affines()
        groups = [list(range(first)), [], list(range(first, len(c.sizes)))]
        self.groups = [self._merge(group, affines) for group in groups]

    def finish(self) -> None:
        k = self.k
        k.lanes, k.scratch, k.masked = self.lanes, False, "last"
        for i, (_, size, _) in enumerate(self.groups[0]):
            k.header[f"row{i}"] = self.field(size)
        k.chunks = k.work = 0


def lower(epilogue: Epilogue, slot_of: Callable[[int], int], lanes: int, base: int) -> Kernel:
    """The kernel whose expressions are applied to vectors of `lanes` elements.

    Its record is a part of the step's: its fields are numbered from `base`.
    """
    return _Lowering(epilogue, slot_of, lanes, base).run()


__all__ = ["Epilogue", "lower"]
