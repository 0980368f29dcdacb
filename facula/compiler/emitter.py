"""A writer of LLVM IR as text.

Kernels are written as text, not through llvmlite's builder: text needs no import, costs little,
and is what a reader wants to see. llvmlite is only asked to turn the text into machine code.
"""

from __future__ import annotations


class V:
    """A value in LLVM IR: its type as text and its name or literal."""

    __slots__ = ("ty", "name")

    def __init__(self, ty: str, name: str) -> None:
        self.ty, self.name = ty, name

    def __str__(self) -> str:
        return f"{self.ty} {self.name}"


def vec(element: str, lanes: int) -> str:
    """The type of a vector of `lanes` elements; a scalar where lanes is 1."""
    return element if lanes == 1 else f"<{lanes} x {element}>"


def lanes_of(ty: str) -> int:
    """The number of lanes of an LLVM type; 1 for a scalar."""
    return int(ty[1:].split(" x ")[0]) if ty.startswith("<") else 1


class Emitter:
    """Collects the lines of one function body and the declarations that they need."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.declarations: dict[str, str] = {}
        self._count = 0

    def fresh(self, hint: str = "v") -> str:
        self._count += 1
        return f"%{hint}{self._count}"

    def stmt(self, text: str) -> None:
        self.lines.append("  " + text)

    def label(self, name: str) -> None:
        self.lines.append(f"{name}:")

    def let(self, ty: str, text: str, hint: str = "v") -> V:
        """Emits `%new = text` and returns it as a value of type `ty`."""
        name = self.fresh(hint)
        self.lines.append(f"  {name} = {text}")
        return V(ty, name)

    def binary(self, opcode: str, a: V, b: V) -> V:
        return self.let(a.ty, f"{opcode} {a.ty} {a.name}, {b.name}")

    def unary(self, opcode: str, a: V) -> V:
        return self.let(a.ty, f"{opcode} {a.ty} {a.name}")

    def compare(self, opcode: str, predicate: str, a: V, b: V) -> V:
        """`icmp`/`fcmp`; the result is i1 or a vector of i1."""
        ty = "i1" if not a.ty.startswith("<") else f"{a.ty.split(' x ')[0]} x i1>"
        return self.let(ty, f"{opcode} {predicate} {a.ty} {a.name}, {b.name}")

    def select(self, c: V, a: V, b: V) -> V:
        return self.let(a.ty, f"select {c}, {a}, {b}")

    def convert(self, opcode: str, a: V, ty: str) -> V:
        """`bitcast`, `sext`, `fptosi`, ... of `a` to type `ty`."""
        return self.let(ty, f"{opcode} {a} to {ty}")

    def intrinsic(self, name: str, ty: str, *args: V) -> V:
        """A call of an LLVM intrinsic or declared function, e.g. ``llvm.fma.v16f32``."""
        self.declarations[name] = f"declare {ty} @{name}({', '.join(a.ty for a in args)})"
        return self.let(ty, f"call {ty} @{name}({', '.join(map(str, args))})")

    def splat(self, literal: str, ty: str) -> V:
        """The literal in every lane of type `ty`."""
        if not ty.startswith("<"):
            return V(ty, literal)
        lanes, element = ty[1:-1].split(" x ")
        return V(ty, "<" + ", ".join([f"{element} {literal}"] * int(lanes)) + ">")
