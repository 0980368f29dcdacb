"""A call that was understood, as one function: guards, the plan's program, what it leaves behind.

The function is made as text and compiled, so that a guard costs an instruction or two. It returns
`MISS`, and has done nothing, if anything is not as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from sys import getrefcount
from types import CodeType
from typing import Any

from .. import dtypes
from ..generator import default_generator
from ..ops.indexing import out_of_range
from ..optim import optimizer as optimizers
from ..optim.multi_tensor import MultiTensorOptimizer
from ..runtime import memory
from ..tensor import _POINTER_TYPES, Tensor
from ..trace import replay as frames
from ..trace.recorder import state
from ..trace.update import Bundle
from ..trace.values import Value
from .guards import Guards
from .interpreter import Interpreter, Read
from .watched import Ended

MISS: Any = object()


class Unfit(Exception):
    """Why a call cannot be repeated."""


def drawn() -> tuple[Any, ...]:
    """Where the default generator of random numbers stands."""
    engine = default_generator._engine
    if engine is None:
        return (None,)
    return engine, engine._at, id(engine._block), engine._fresh, engine.normal_sample


def replay_of(
    interpreter: Interpreter, ended: Ended, node: Any, args: Sequence[Any], result: Any
) -> Any:
    """A function of the same arguments that repeats a call, or MISS. Raises Unfit.

    node: where the frame stood before the call.
    """
    return _Entry(interpreter, ended, node, args, result).function()


class _Outputs:
    """The results that stay with the parameters, lent from call to call: gradients.

    While nobody else has one of the tensors, their values or their memory, they are written anew
    where they are; otherwise all are made anew.
    """

    __slots__ = (
        "metas",
        "pairs",
        "buffers",
        "pointers",
        "watched",
        "idle",
        "dicts",
        "ones",
        "places",
        "slots",
    )

    def __init__(self, parameters: list[Any], metas: list[Any]) -> None:
        self.metas = metas
        self.pairs = [(p, None) for p in parameters]
        self.places: list[int] = []  # in the program's table
        self.slots: Any = None
        self.renew()

    def renew(self) -> None:
        """Makes tensors in new memory."""
        new: Any = object.__new__
        made, values, buffers = [], [], []
        for m in self.metas:
            buffer = memory.allocate(max(1, m.numel * m.dtype.itemsize))
            v, t = Value(), new(Tensor)
            v.vid, v.meta, v.buf = -(1 << 62), m, buffer
            v.rec = v.over = v.pin = None
            t._v = v
            made.append(t)
            values.append(v)
            buffers.append(buffer)
        self.pairs = [(p, t) for (p, _), t in zip(self.pairs, made, strict=True)]
        self.pointers = [b.ptr for b in buffers]
        self.dicts = [t.__dict__ for t in made]
        self.ones = [1] * len(made)
        self.watched = [*made, *values, *buffers, *(b.raw for b in buffers)]
        self.idle: list[int] = []
        for place, pointer in zip(self.places, self.pointers, strict=False):
            self.slots[place] = pointer

    def settle(self) -> None:
        """After the first run with new tensors, when the parameters have them: how often all are
        referred to.
        """
        self.idle = list(map(getrefcount, self.watched))


class _Entry:
    def __init__(
        self, interpreter: Interpreter, ended: Ended, node: Any, args: Sequence[Any], result: Any
    ) -> None:
        self.i, self.ended, self.node, self.args, self.result = (
            interpreter, ended, node, args, result,
        )  # fmt: skip
        self.guards: Guards = interpreter.guards
        self.plan = ended.plan
        self.c = self.guards.constant
        self.lines: list[str] = []
        self.pointers: list[str] = []  # of the plan's inputs, as text
        self.outputs: list[str] = []
        self.tables: list[Any] = []
        self.gradients: Any = None  # _Outputs
        self.tensors: dict[str, Any] = {}  # arguments that are tensors, by their names

    def function(self) -> Any:
        """The function, from its text."""
        if self.plan.program is None or self.plan.pool is None or self.plan.saved:
            raise Unfit("the plan is not compiled, too large, or keeps values for gradients")
        if self.plan.copies:
            raise Unfit("packed copies of weights, kept from run to run, are worth more")
        if not self.ended.plain:
            raise Unfit("gradients flow to other frames, or hooks were called")
        c = self.c
        fixed = self.plan.program.fixed()
        if fixed is None:
            raise Unfit("the plan is not one stretch of machine code")
        self.fixed = fixed
        c(fixed)  # holds the memory that the table refers to
        self._arguments()
        self._inputs()
        numbers = self._optimizers()
        self._gradients()
        returned, made = self._returned()
        always = [
            f"tr = {c(state)}.tr",
            f"if tr is not {c(state.tr)} or tr.node is not {c(self.node)} or tr.values or tr.walks:"
            " return MISS",
        ]
        self.guards.item(vars(dtypes), "_default", dtypes._default)
        self.guards.item(vars(frames), "_replay", frames._replay)  # nobody watches
        tests = [f"if not ({t}): return MISS" for t in self.guards.tests]
        slots = c(fixed.slots)
        places = [*self.pointers, *self.outputs]
        moving = [f"{slots}[{i}] = {p}" for i, p in self._place(places) if not p.isdigit()]
        packed = [f"{c(fixed.pack)}({c(fixed.cells)}, 0, {numbers})"] if numbers else []
        body = [
            "try:",
            *(f"    {line}" for line in (*always, *tests, *self.lines, *made)),
            "except (AttributeError, KeyError, IndexError, ValueError): return MISS",
            *moving,
            *packed,
            f"if {c(fixed.go)}(): return MISS",
            *self.after,
            *returned,
        ]
        head = [f"a{k}" for k in range(len(self.args))]
        names = ["MISS", *self.guards.constants]
        text = "\n".join((
            f"def make({', '.join(names)}):",
            f"    def replay({', '.join(head)}):",
            *(f"        {line}" for line in body),
            "    return replay",
        ))  # fmt: skip
        space: dict[str, Any] = {}
        code: CodeType = compile(text, "<facula.compile>", "exec")
        exec(code, space)
        made = space["make"](MISS, *self.guards.constants.values())
        made.kept = self.guards.constants  # also memory to which only addresses refer
        return made

    def _place(self, places: list[str]) -> list[tuple[int, str]]:
        """Writes the addresses that stay; (place in the table, its text) of the others."""
        slots = self.fixed.slots
        moving = []
        for i, p in enumerate(places):
            if p.isdigit():
                slots[i] = int(p)
            elif p.startswith("table "):
                table = self.tables[int(p[6:].split()[0])]
                slots[i] = table[int(p.split()[2])]
            elif p.startswith("gradient "):
                self.gradients.places.append(i)
            else:
                moving.append((i, p))
        if self.gradients is not None:
            self.gradients.slots = slots
            self.gradients.renew()
        return moving

    # ------------------------------------------------------------ what goes in
    def _arguments(self) -> None:
        for k, a in enumerate(self.args):
            if type(a) in (list, tuple):
                self.lines.append(
                    f"if type(a{k}) is not {self.c(type(a))} or len(a{k}) != {len(a)}: return MISS"
                )
                for j, x in enumerate(a):
                    self.lines.append(f"a{k}_{j} = a{k}[{j}]")
                    self._argument(f"{k}_{j}", x)
            else:
                self._argument(str(k), a)

    def _argument(self, k: str, a: Any) -> None:
        """Guards for an argument, or an element of one."""
        c = self.c
        if type(a) is Tensor:
            if a._v.meta.requires_grad or a._v.pin is not None:
                raise Unfit("an argument requires gradients or shares memory with NumPy")
            if getattr(a._v.buf, "ptr", None) is None:
                raise Unfit("an argument is not in memory")
            self.lines += [
                f"if type(a{k}) is not {c(Tensor)}: return MISS",
                f"v{k} = a{k}._v",
                f"if v{k}.meta.start is not {c(a._v.meta.start)}: return MISS",
                f"if v{k}.pin is not None: return MISS",
                f"b{k} = v{k}.buf",
                f"p{k} = b{k}.ptr",
            ]
            for other, t in self.tensors.items():
                if t._v is a._v:
                    raise Unfit("two arguments are one tensor")
                self.lines.append(f"if v{k} is v{other}: return MISS")
            self.tensors[k] = a
        elif isinstance(a, (int, float, str, bool, type(None))):
            if a != a:
                raise Unfit("an argument is NaN")
            same = f"a{k} is {c(a)} or (type(a{k}) is {c(type(a))} and a{k} == {c(a)}"
            # equal zeros may have another sign
            self.lines.append(f"if not ({same} and a{k} != 0)): return MISS")
        else:
            self.lines.append(f"if a{k} is not {c(a)}: return MISS")

    def _inputs(self) -> None:
        """Where the plan's inputs come from: arguments, tensors that the call found, optimizers."""
        c = self.c
        given = {id(t._v): k for k, t in self.tensors.items()}
        updated = {id(p) for o in self.i.stepped for g in o.param_groups for p in g["params"]}
        handles: dict[int, Any] = {}
        for found in list(self.guards.constants.values()):
            if isinstance(found, Tensor):
                handles[id(found._v)] = found
        constant = 0
        for v in self.ended.inputs:
            if type(v) is Bundle:
                self.pointers += [f"table {len(self.tables)} {j}" for j in range(len(v.table))]
                self.tables.append(v.table)
                continue
            place = given.get(id(v))
            if place is not None:
                self.pointers.append(f"p{place}")
                continue
            handle = handles.get(id(v))
            if handle is None or v.pin is not None:
                raise Unfit("an input of unknown origin (random numbers, a constant array)")
            name = c(v)
            if id(handle) not in updated:  # else the values of all parameters are compared
                self.guards.test(f"{c(handle)}._v is {name}")
            self.guards.test(f"{name}.pin is None")
            if not v.meta.requires_grad:
                for k in self.tensors:  # equal operands are another path
                    self.lines.append(f"if v{k} is {name}: return MISS")
            self.pointers.append(str(frames.pointer_of(v)))
            constant += 1
        for index, low, high in self.i.checks:
            place = given.get(id(index))
            if place is None:
                raise Unfit("class numbers of unknown origin")
            b = f"b{place}"
            self.lines.append(
                f"if (type({b}) is not {c(memory.Piece)} or {b}.low is None or {b}.low < {low}"
                f" or {b}.high >= {high}) and {c(out_of_range)}(v{place}, {low}, {high}):"
                " return MISS"
            )

    # ------------------------------------------------------------ optimizers
    def _optimizers(self) -> str:
        """Guards and numbers of the steps; the text of all run-time numbers."""
        c = self.c
        scalars = list(self.ended.scalars)
        bundles = [b for b in self.ended.inputs if type(b) is Bundle]
        parts: list[str] = []
        self.after: list[str] = []
        own = 0
        self.parameters: list[Any] = []
        for o in self.i.stepped:
            self._hookless(o)
            self.guards.item(o.__dict__, "param_groups", o.param_groups)
            self.guards.sequence(o.param_groups)
            for i, group in enumerate(o.param_groups):
                plan = o._plans.get(i)
                params = group["params"]
                if plan is None or plan.slots is None or plan.grads:
                    raise Unfit("the gradients of an optimizer's step are not of this call")
                self.parameters += params
                n = f"{len(self.after)}_{i}"
                usual = ""  # what `valid` looks at first, without the call
                if len(plan.batches) == 1:
                    usual = (
                        f"(o{n}.volatile or o{n}.hyper != {c(o._hyper)}({c(group)})"
                        f" or {c(plan.batches[0].watch)}.dirty) and "
                    )
                self.guards.test(f"not {c(o._state)}.changed")
                self.guards.test(f"{c(o)}._state is {c(o._state)}")
                self.lines += [
                    f"o{n} = {c(o._plans)}[{i}]",
                    f"if o{n} is not {c(plan)} or {c(o)}._plans is not {c(o._plans)}: return MISS",
                    f"if [p._v for p in {c(group)}['params'] if p._hooks is None"
                    f" and not p._after_hooks] != o{n}.values: return MISS",
                    f"if {usual}not o{n}.valid({c(o)}, {c(group)}): return MISS",
                    f"if o{n}.slots != {c(plan.slots)}: return MISS",
                ]
                for b, batch in enumerate(plan.batches):
                    if not bundles or bundles.pop(0) is not batch.bundle or batch.rows is not None:
                        raise Unfit("an optimizer's step in several parts")
                    self.lines += [
                        f"t{n} = {c(batch)}",
                        f"if o{n}.batches[{b}] is not t{n}: return MISS",
                        f"s{n} = t{n}.scalars.copy()",
                        f"f, n{n} = o{n}.formula({c(o)}, t{n}, s{n})",
                    ]
                    formula, _ = plan.formula(o, batch, batch.scalars.copy())
                    own += len(formula.numbers)
                    self.lines.append(f"if f is not {c(formula)}: return MISS")
                    self.after.append(f"t{n}.done(s{n})")
                    parts.append(f"*n{n}")
        if bundles or own > len(scalars):
            raise Unfit("an update that no known optimizer made")
        self.guards.test(f"not {c(optimizers._pre_hooks)}")
        self.guards.test(f"not {c(optimizers._post_hooks)}")
        fixed = [c(x) for x in scalars[: len(scalars) - own]]
        return ", ".join((*fixed, *parts))

    def _hookless(self, o: MultiTensorOptimizer) -> None:
        for name in ("_optimizer_step_pre_hooks", "_optimizer_step_post_hooks"):
            hooks = getattr(o, name)
            if hooks:
                raise Unfit("an optimizer has hooks")
            self.guards.item(o.__dict__, name, hooks)
            self.guards.test(f"not {self.c(hooks)}")

    # ------------------------------------------------------------ what comes out
    def _gradients(self) -> None:
        """Guards for `.grad` before, and what it is after."""
        c = self.c
        leaves = [v.rec() for v in self.ended.leaves if v.rec is not None]
        if self.i.cleared_before is None:  # no backward pass
            leaves = []
        known = {id(p) for p in self.parameters}
        if len(known) != len(self.parameters):
            raise Unfit("a parameter that an optimizer has twice")
        if any(p is None or id(p) not in known for p in leaves):
            raise Unfit("a tensor that no optimizer of this call updates requires gradients")
        for o in self.i.cleared:
            if o not in self.i.stepped:
                raise Unfit("zero_grad of an optimizer that makes no step")
        before = self.i.cleared_before or []
        cleared = {id(p) for o in before for g in o.param_groups for p in g["params"]}
        self.places = {id(v): k for k, v in enumerate(self.ended.live)}
        kept: list[tuple[int, Any]] = []  # output, parameter
        for p in self.parameters:
            if id(p) not in cleared:
                self.lines.append(f"if {c(p)}._grad is not None: return MISS")
            if p._grad is None:
                if id(p) in cleared:
                    self.after.append(f"{c(p)}._grad = None")
                continue
            g = p._grad
            k = self.places.get(id(g if type(g) is Value else g._v), -1)
            if k < 0 or (type(g) is not Value and set(vars(g)) != {"_v"}):
                raise Unfit("a gradient that is no result of the plan")
            kept.append((k, p))
        pool = self.plan.pool
        spare = memory.Pool([b.nbytes for b in pool.buffers])  # for results that nobody keeps
        self.guards.constant(spare)
        self.outputs = [str(x) for x in spare.pointers]
        if kept:
            # in the order of the plan's outputs, as the table has them
            kept.sort(key=lambda pair: pair[0])
            metas = [self.ended.live[k].meta for k, _ in kept]
            self.gradients = _Outputs([p for _, p in kept], metas)
            outs = c(self.gradients)
            self.lines.append(
                f"if [*map({c(getrefcount)}, {outs}.watched)] != {outs}.idle"
                f" or [*map({c(len)}, {outs}.dicts)] != {outs}.ones: {outs}.renew()"
            )
            for i, (k, _) in enumerate(kept):
                self.outputs[k] = f"gradient {i}"
            self.after += [
                f"for p, t in {outs}.pairs: p._grad = t",
                "p = t = None",
                f"if not {outs}.idle: {outs}.settle()",
            ]
        self.spare = spare

    def _returned(self) -> tuple[list[str], list[str]]:
        """(The lines that return the result, lines to run before the program)."""
        made: list[str] = []
        lines: list[str] = []
        names: dict[int, str] = {}
        # numbers are read where the tensors have put their memory
        for t in self._tensors_in(self.result):
            if not any(t is a for a in self.tensors.values()) and id(t) not in names:
                names[id(t)] = self._tensor(t, made, lines)
        text = self._template(self.result, names)
        return [*lines, f"return {text}"], made

    def _tensors_in(self, r: Any) -> list[Any]:
        """The tensors in a result."""
        if isinstance(r, Tensor):
            return [r]
        if id(r) in self.i.fresh and type(r) in (tuple, list, dict):
            parts = r.values() if type(r) is dict else r
            return [t for x in parts for t in self._tensors_in(x)]
        return []

    def _template(self, r: Any, names: dict[int, str]) -> str:
        c = self.c
        if type(r) is Read:
            k = self._output(r.tensor)
            m = r.tensor._v.meta
            kind: Any = _POINTER_TYPES.get(m.dtype.name)
            if kind is None or m.numel != 1 or self.outputs[k].startswith("gradient"):
                raise Unfit(f"a number of dtype {m.dtype.name}, or of a gradient, is read")
            if not self.outputs[k].isdigit():
                return f"{c(kind)}.from_address({self.outputs[k]}).value"
            return f"{c(kind.from_address(int(self.outputs[k])))}.value"
        if isinstance(r, Tensor):
            for name, a in self.tensors.items():
                if r is a:
                    return f"a{name}"
            return names[id(r)]
        for position, a in enumerate(self.args):
            if r is a and type(a) in (tuple, list):
                return f"a{position}"
        if type(r) in (list, dict):
            if id(r) in names:
                raise Unfit("one list or dict in two places of the result")
            names[id(r)] = ""
        if id(r) in self.i.fresh and type(r) in (tuple, list):
            inner = ", ".join(self._template(x, names) for x in r)
            return f"({inner}{',' if r else ''})" if type(r) is tuple else f"[{inner}]"
        if id(r) in self.i.fresh and type(r) is dict:
            parts = (f"{c(k)}: {self._template(x, names)}" for k, x in r.items())
            return "{" + ", ".join(parts) + "}"
        if isinstance(r, (int, float, str, bool, type(None))):
            return c(r)
        raise Unfit(f"a result of class {type(r).__name__}")

    def _output(self, t: Tensor) -> int:
        """Which output of the plan a tensor is."""
        v = t._v
        k = self.places.get(id(v), -1)
        if k < 0 and t._base is not None and t._base._v.buf is v.buf:
            k = self.places.get(id(t._base._v), -1)  # detach() of a result
        if k < 0:
            raise Unfit("a result that the plan does not make")
        return k

    def _tensor(self, t: Tensor, made: list[str], lines: list[str]) -> str:
        """Text that makes a returned tensor anew, in memory of its own."""
        c, k, v = self.c, self._output(t), t._v
        facts = set(vars(t)) - {"_v", "_fn_name"}
        if t._base is not None:
            facts -= {"_base", "_cut"}
        if facts or type(t) is not Tensor or not self.outputs[k].isdigit():
            raise Unfit("a result that something else refers to")
        n = f"r{k}"
        size = max(1, v.meta.numel * v.meta.dtype.itemsize)
        ring = c(_Ring(size))
        made += [f"{n} = {ring}.take()"]
        self.outputs[k] = f"{n}.ptr"
        rec = c(v.rec) if type(v.rec) is tuple else "None"
        lines += [
            f"v = {c(Value)}()",
            f"v.vid, v.meta, v.buf, v.rec = {v.vid}, {c(v.meta)}, {n}, {rec}",
            "v.over = v.pin = None",
            f"x{k} = {c(object.__new__)}({c(Tensor)})",
            f"x{k}._v = v",
        ]
        if "_fn_name" in vars(t):
            lines.append(f"x{k}._fn_name = {c(t._fn_name)}")
        return f"x{k}"


class _Ring:
    """Two buffers for a result that the caller keeps until the next one is there."""

    __slots__ = ("pools",)

    def __init__(self, size: int) -> None:
        self.pools = [memory.Pool([size]), memory.Pool([size])]

    def take(self) -> memory.Buffer:
        """One that nobody uses."""
        first, second = self.pools
        self.pools = [second, first]
        return second.take()[0]
