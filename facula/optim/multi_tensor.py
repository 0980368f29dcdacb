"""Optimizers whose step is one formula over many tensors: one recorded update for a whole group.

A subclass says which state tensors it has and writes its formula once (`formula.py`); how a step is
recorded, where state lies, and when what was prepared is still valid is here.

What is prepared for a group (`_Plan`) are batches: parameters of one dtype that have had the same
number of steps. It stays valid while every parameter holds the same value object, nobody has
written to a parameter or a state tensor but the optimizer (their `Watch`), and the dicts of the
state are unchanged. The 0-d tensors of the state ("step") of a batch lie side by side in one
array; a step writes them all.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from operator import itemgetter
from typing import Any

import numpy as np

from .. import tensor_sharing as sharing
from ..autograd.grad_mode import enable_grad
from ..dtypes import float32, float64, get_default_dtype
from ..functions.creation import filled
from ..runtime import copies
from ..tensor import Tensor, from_array
from ..tensor_gradient import gradient, gradient_values
from ..trace import native
from ..trace.recorder import SLOTS
from ..trace.recorder import state as _recording
from ..trace.replay import array_of, flush, pointer_of
from ..trace.update import Bundle, Formula, Watch, update
from ..trace.values import Value, outside
from .formula import Terms
from .optimizer import Optimizer, _post_hooks, _pre_hooks, looks_at_hooks, with_hooks
from .state import ParameterState

_formulas: dict[Any, Formula] = {}

Group = dict[str, Any]
Numbers = dict[str, float]
_NOTHING: Numbers = {}
_WITHOUT_EFFECT = frozenset(("foreach", "fused", "capturable"))


class MultiTensorOptimizer(Optimizer):
    """Base of the optimizers that are one elementwise formula."""

    scalars: tuple[str, ...] = ("step",)  # the 0-d tensors in the state of every parameter

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self._plans: dict[int, _Plan] = {}
        self._hyper = _hyperparameters(defaults)
        super().__init__(params, defaults)

    # What subclasses define:
    def state_names(self, group: Group) -> tuple[str, ...]:
        """The names of the state tensors that have the parameter's shape."""
        raise NotImplementedError

    def initial(self, name: str, group: Group) -> float:
        """What a state tensor is filled with at first."""
        return 0.0

    def constants(self, group: Group) -> Numbers:
        """The formula's run-time scalars as far as the hyperparameters alone determine them."""
        raise NotImplementedError

    def switches(self, group: Group) -> tuple[Any, ...]:
        """What selects the formula: everything in which it differs but numbers."""
        raise NotImplementedError

    def advance(self, c: Numbers, scalars: list[float]) -> Numbers:
        """The other run-time scalars, from the constants; advances `scalars` by a step."""
        if scalars:
            scalars[0] += 1
        return _NOTHING

    def phase(self, c: Numbers, scalars: list[float], fresh: bool) -> tuple[Any, ...]:
        """What selects the formula beside the switches: `scalars` after this step, the first
        step."""
        return ()

    def write(self, x: Terms, *switches: Any) -> None:
        """Writes the formula for these switches, and then those of the phase."""
        raise NotImplementedError

    # ------------------------------------------------------------ a step
    @looks_at_hooks
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Updates every parameter that has a gradient.

        closure: a function that computes the loss (and its gradients) again; its result is
        returned.
        """
        if (
            _pre_hooks or self._optimizer_step_pre_hooks
            or _post_hooks or self._optimizer_step_post_hooks
        ):  # fmt: skip
            return _hooked_step(self, closure)
        loss = self._step(closure)
        self._opt_called = True
        return loss

    def _step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        todo: list[tuple[_Plan, _Batch, list[float]]] = []
        i = 0
        for group in self.param_groups:
            plan = self._prepared(i, group)
            i += 1
            if plan is not None:
                for batch in plan.batches:
                    scalars = batch.scalars.copy()
                    formula, numbers = plan.formula(self, batch, scalars)
                    update(formula, batch.bundle, batch.slots, batch.grads, numbers)
                    todo.append((plan, batch, scalars))
        flush()
        for plan, batch, scalars in todo:
            batch.done(scalars)
            if not plan.grads:
                batch.grads = None  # the gradients' memory is not ours to keep
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        if set_to_none:
            for group in self.param_groups:
                for p in group["params"]:
                    p._grad = None
        else:
            super().zero_grad(False)
        for plan in self._plans.values():
            if plan.seen is not None:
                plan.forget_grads()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._plans = {}
        self._hyper = _hyperparameters(state.get("defaults") or self.defaults)
        super().__setstate__(state)

    def _prepared(self, index: int, group: Group) -> _Plan | None:
        """The plan of a group, made anew if it is not valid any more; None if there is no
        gradient."""
        params = group["params"]
        plan = self._plans.get(index)
        try:
            if (
                plan is not None
                and plan.slots is not None
                and not self._state.changed
                and plan.hyper == self._hyper(group)
                and not plan.volatile
                and len(plan.values) == len(params)
            ):
                for batch in plan.batches:
                    if batch.watch.dirty:
                        break
                else:
                    if (plan.one or plan.valid(self, group)) and meets(plan, params):
                        return plan
            grads = gradient_values(params)
        except AttributeError:
            params = [p for p in params if p._grad is not None]
            grads = gradient_values(params)
            if not params:
                return None
        if self._state.changed:
            self._plans.clear()
            self._state.changed = False
        plan = self._plans.get(index)
        if plan is None or plan.values != [p._v for p in params] or not plan.valid(self, group):
            plan = self._plans[index] = self._new_plan(group, params)
            grads = gradient_values(params)
        if not plan.grads or plan.grads != grads:
            plan.place(params, grads)
        return plan

    def _new_plan(self, group: Group, params: list[Tensor]) -> _Plan:
        if group.get("differentiable"):
            raise NotImplementedError(
                f"{type(self).__name__}: differentiable=True (gradients through the step itself) "
                f"is "
                "not supported"
            )
        for p in params:
            p._value()  # may end the frame: then the gradients lie in memory as well
        names = self.state_names(group)
        plan = _Plan(params, [self._state_of(p, group, names) for p in params], names)
        plan.configure(self, group)
        self._state.changed = False
        return plan

    # ------------------------------------------------------------ state
    def _state_of(self, p: Tensor, group: Group, names: tuple[str, ...]) -> _Entry:
        """The state of a parameter, with what it lacks."""
        if not names and not self.scalars:
            return _Entry(ParameterState(), [], [], False)
        entry = self._state[p]
        fresh = False
        for name in self.scalars:
            found = entry.get(name)
            if not isinstance(found, Tensor):
                kind = float64 if get_default_dtype() is float64 else float32
                first = self.initial(name, group) if found is None else float(found)
                entry[name] = from_array(np.asarray(first, kind.np))
                fresh = fresh or found is None
        for name in names:
            if entry.get(name) is None:
                m = p._v.meta
                entry[name] = filled(m.shape, self.initial(name, group), m.dtype)
                fresh = True
        return _Entry(entry, [entry[n] for n in names], [entry[n] for n in self.scalars], fresh)


def _hyperparameters(defaults: Group) -> Callable[[Group], tuple[Any, ...]]:
    """What reads from a group all that a step depends on."""
    return itemgetter("lr", *(name for name in defaults if name not in _WITHOUT_EFFECT))


def _call(self: MultiTensorOptimizer, *args: Any, **kwargs: Any) -> Any:
    return self._step(*args, **kwargs)


_hooked_step = with_hooks(_call)


class _Entry:
    """The state of one parameter: its dict, the tensors of its shape, its 0-d tensors, and whether
    some of it was made just now."""

    __slots__ = ("state", "tensors", "numbers", "fresh")

    def __init__(
        self, state: ParameterState, tensors: list[Tensor], numbers: list[Tensor], fresh: bool
    ) -> None:
        self.state, self.tensors, self.numbers, self.fresh = state, tensors, numbers, fresh


class _Plan:
    """What is prepared for the parameters of a group that have gradients."""

    __slots__ = (
        "values", "batches", "names", "grads", "seen", "slots", "hyper", "volatile", "constants",
        "switches", "phased", "ready", "one",
    )  # fmt: skip

    def __init__(self, params: list[Tensor], entries: list[_Entry], names: tuple[str, ...]) -> None:
        sorted_out: dict[Any, list[int]] = {}
        for i, (p, e) in enumerate(zip(params, entries, strict=True)):
            numbers = tuple(float(t.item()) for t in e.numbers)
            kinds = tuple(t.dtype.name for t in e.numbers)
            sorted_out.setdefault((p.dtype.name, e.fresh, kinds, numbers), []).append(i)
        self.names = names
        self.batches = [
            _Batch([params[i] for i in rows], [entries[i] for i in rows], names, rows)
            for rows in sorted_out.values()
        ]
        self.one = len(self.batches) == 1
        if self.one:
            self.batches[0].rows = None
        self.values = [p._v for p in params]
        self.slots: list[int] | None = None  # of the last gradients, if all were in the open frame
        self.forget_grads()

    def configure(self, optimizer: MultiTensorOptimizer, group: Group) -> None:
        """Takes over the hyperparameters."""
        self.hyper = optimizer._hyper(group)
        self.volatile = any(isinstance(x, Tensor) for x in self.hyper)
        self.constants = optimizer.constants(group)
        self.switches = optimizer.switches(group)
        self.phased = type(optimizer).phase is not MultiTensorOptimizer.phase
        self.ready: dict[Any, tuple[Formula, list[float], list[tuple[int, str]]]] = {}

    def valid(self, optimizer: MultiTensorOptimizer, group: Group) -> bool:
        """Whether state and hyperparameters are as prepared; new hyperparameters are taken over."""
        if self.volatile or self.hyper != optimizer._hyper(group):
            if self.names != optimizer.state_names(group):
                return False
            self.configure(optimizer, group)
        batches = self.batches
        for batch in batches:
            if batch.watch.dirty and not batch.clean():
                return False
        if len(batches) > 1:  # do they agree now?
            now = {(b.bundle.metas[0].dtype, b.fresh, *b.scalars) for b in self.batches}
            return len(now) == len(self.batches)
        return True

    def formula(
        self, optimizer: MultiTensorOptimizer, batch: _Batch, scalars: list[float]
    ) -> tuple[Formula, list[float]]:
        """The formula for a batch's next step and its numbers; advances `scalars`."""
        c = self.constants
        moving = optimizer.advance(c, scalars)
        phase = optimizer.phase(c, scalars, batch.fresh) if self.phased else ()
        found = self.ready.get(phase)
        if found is None:
            key = (type(optimizer), self.names, self.switches, phase)
            formula = _formulas.get(key)
            if formula is None:
                terms = Terms(self.names)
                optimizer.write(terms, *self.switches, *phase)
                formula = _formulas[key] = terms.formula()
            known = [c.get(n, 0.0) for n in formula.numbers]
            others = [(i, n) for i, n in enumerate(formula.numbers) if n not in c]
            found = self.ready[phase] = formula, known, others
        formula, known, others = found
        numbers = known.copy()
        for i, name in others:
            numbers[i] = moving[name]
        return formula, numbers

    def forget_grads(self) -> None:
        """Keeps no gradient alive."""
        self.grads: list[Value] = []  # of the last step, if they lay in memory at two in a row
        self.seen: list[tuple[int, int]] | None = None
        for batch in self.batches:
            batch.grads = None

    def place(self, params: list[Any], grads: list[Value]) -> None:
        """Finds out for every batch which gradients are recorded and which lie in memory."""
        tr = _recording.tr
        base = tr.base
        slots = [v.vid - base for v in grads]
        if slots == self.slots:
            return
        if min(slots) < 0 or max(slots) >= SLOTS:
            for p, v in zip(params, grads, strict=True):
                if v.buf is None and not 0 <= v.vid - tr.base < SLOTS:
                    gradient(p)._value()  # a stale view, or another thread's; may end the frame
            grads[:] = gradient_values(params)
            slots = [v.vid - tr.base for v in grads]
            slots = [s if 0 <= s < SLOTS else -1 for s in slots]
        for batch in self.batches:
            batch.take_grads(grads, slots)
        self.slots = slots if min(slots) >= 0 else None
        # Gradients that stay where they are (the same at two steps) need not be looked at again.
        # The number of a value tells it from one that was made where another has died.
        seen = [(id(v), v.vid) for v in grads] if max(slots) < 0 else None
        self.grads = grads if seen is not None and seen == self.seen else []
        self.seen = seen


def meets(plan: _Plan, params: list[Tensor]) -> bool:
    """The commonest case: parameters as prepared, gradients where they were in the frame before.
    Raises AttributeError if there is none.
    """
    base = _recording.tr.base
    # as many of all; saying `strict` costs as much as three of them
    for p, v, slot in zip(params, plan.values, plan.slots):  # type: ignore[arg-type]  # noqa: B905
        g: Any = p._grad
        if p._v is not v or (g.vid if type(g) is Value else g._v.vid) - base != slot:
            return False
    return True


native.offer("facula.optim.multi_tensor_code")


class _Batch:
    """Parameters that step together: their memory, state and numbers."""

    __slots__ = (
        "params", "entries", "names", "rows", "watch", "bundle", "scalars", "arrays", "fresh",
        "slots", "grads", "handles", "values", "shared", "apart",
    )  # fmt: skip

    def __init__(
        self, params: list[Tensor], entries: list[_Entry], names: tuple[str, ...], rows: list[int]
    ) -> None:
        self.params, self.entries, self.names = params, entries, names
        self.rows: list[int] | None = rows
        self.watch = Watch()
        self.fresh = entries[0].fresh
        self.slots: tuple[int, ...] = ()
        self.grads: Bundle | None = None
        held = list(params)
        for j in range(len(names)):
            held += [e.tensors[j] for e in entries]
        for k, t in enumerate(held):
            _make_writable(t, params[k % len(params)])
        self.scalars = [float(t.item()) for t in entries[0].numbers]
        self.arrays = [
            _side_by_side([e.numbers[k] for e in entries]) for k in range(len(self.scalars))
        ]
        self.bundle = Bundle([t._v for t in held])
        self.handles = held + [t for e in entries for t in e.numbers]
        self.values = [t._v for t in self.handles]
        for t in self.handles:
            self._attach(t)
        for e in entries:
            e.state.watch = self.watch
        self._look_at_views(True)

    def _attach(self, t: Tensor) -> None:
        """Makes the tensor (and the owner of its storage) tell of what happens to it."""
        for owner in (t,) if t._base is None else (t, t._base):
            old = owner._bundle
            if old is not self.watch:
                if old is not None:
                    owner._ver += old.steps
                    old.dirty = True
                owner._bundle = self.watch

    def _look_at_views(self, forget: bool) -> None:
        """Notes the tensors whose storage others share: these have to hear of every step.

        forget: a list of views that are gone is dropped. Not where views are made at every step:
        the next one would make the batch dirty again.
        """
        self.shared = []
        self.apart = []
        for t in self.handles:
            root = t if t._base is None else t._base
            if forget and root._views:
                root._views[:] = [r for r in root._views if r() is not None]
                if not root._views:
                    root._views = None
            if root is not t and (root._v.buf is None or pointer_of(root._v) != pointer_of(t._v)):
                self.apart.append(t)
            elif root._views is not None:
                self.shared.append(root)
        self.watch.dirty = False

    def clean(self) -> bool:
        """Whether all is where it was, although a tensor was shown, viewed or written to."""
        if self.values != [t._v for t in self.handles]:
            return False
        for e in self.entries:
            state = e.state
            if any(state.get(n) is not t for n, t in zip(self.names, e.tensors, strict=True)):
                return False
        if any(t._bundle is not self.watch for t in self.handles):
            return False  # another optimizer has them too
        self._look_at_views(False)
        return True

    def take_grads(self, grads: list[Value], slots: list[int]) -> None:
        """Takes this batch's share of the gradients: slots in the open frame, -1 for those in
        memory."""
        if self.rows is not None:
            grads = [grads[i] for i in self.rows]
            slots = [slots[i] for i in self.rows]
        in_memory = [v for v, s in zip(grads, slots, strict=True) if s < 0]
        self.slots = tuple(slots)
        self.grads = Bundle(in_memory) if in_memory else None

    def done(self, scalars: list[float]) -> None:
        """After the update has run: numbers, versions, and others that share the memory."""
        k = 0
        for array in self.arrays:
            array.fill(scalars[k])
            if k:
                scalars[k] = array.item(0)  # as rounded
            k += 1
        self.scalars = scalars
        self.fresh = False
        self.watch.steps += 1
        copies.forget_all(self.bundle.table)
        if self.shared or self.apart:
            self._tell_others()

    def _tell_others(self) -> None:
        """The memory has changed: views are derived again, other copies of a storage are
        written."""
        for root in self.shared:
            _tell_views(root)
        for t in self.apart:
            owner = t._base
            assert owner is not None
            now = outside(t._v.meta.plain, array_of(t._v).copy())
            sharing.settle(owner, sharing._placed(owner._v, now, t._v.meta, False), False, but=t)
            self.watch.dirty = True


def _make_writable(t: Tensor, like: Tensor) -> None:
    """Puts a tensor into memory that may be written, and checks that it fits its parameter."""
    v = t._value()
    m, k = v.meta, like._v.meta
    if m.dtype is not k.dtype or m.shape != k.shape:
        raise RuntimeError(
            f"the state of a parameter must have its dtype and shape: expected {like.dtype} "
            f"{list(like.shape)}, "
            f"got {t.dtype} {list(t.shape)}"
        )
    a = array_of(v)
    if not a.flags.writeable or (m.numel and 0 in a.strides):
        fresh = outside(m, a.copy())
        fresh.rec = v.rec if type(v.rec) is not weakref.ref or v.meta.leaf else None
        t._v = fresh


def _side_by_side(numbers: list[Tensor]) -> np.ndarray:
    """Puts 0-d tensors next to each other in one array, which is returned."""
    array = np.array([t.item() for t in numbers], numbers[0].dtype.np)
    for i, t in enumerate(numbers):
        t._v = outside(t._v.meta, array[i : i + 1].reshape(()))
    return array


def _tell_views(root: Tensor) -> None:
    """The memory of a storage has changed: what was derived from it is derived again."""
    at = pointer_of(root._v)
    for reference in list(root._views or ()):
        view = reference()
        if view is None:
            continue
        v = view._v
        if v.over == "stale" or (v.buf is not None and pointer_of(v) == at):
            continue
        if view._own:
            sharing.follow(view, root)
        else:
            sharing.make_stale(view, reference)
