"""Runs a call once from its source, to learn what it does and what it relies on.

The interpreter does exactly what Python would do, with the same objects. On the way it notes every
object that was found by name (a variable of the surrounding scope, an attribute, an element) as a
guard, and whether anything happened that a replay could not repeat. It knows these things: Python
functions whose source is at hand; calls of modules; functions of tensors that only record;
`zero_grad`, `backward` and `step`; numbers read from tensors, as long as they are only returned;
arithmetic with plain values; a few builtins. Anything else is called as it is, and the call is not
`sound`: it ran like any other, and nothing is kept of it.
"""

from __future__ import annotations

import ast
import inspect
import operator
import types
from abc import ABCMeta
from collections.abc import Sequence
from typing import Any

from ..autograd.grad_mode import _Mode
from ..devices import device
from ..dtypes import dtype
from ..layouts import layout, memory_format
from ..nn._notes import annotate
from ..nn.containers import ModuleList, Sequential
from ..nn.module import Module
from ..nn.module import _plain_call as _HOOKLESS_CALL
from ..nn.parameter import Parameter
from ..optim.multi_tensor import MultiTensorOptimizer
from ..tensor import Size, Tensor
from ..trace.recorder import state
from .guards import Guards
from .source import tree_of
from .watched import quiet

_RECORDING = frozenset(
    "facula." + name
    for name in (
        "functions.pointwise", "functions.reductions", "functions.shape", "functions.operators",
        "functions.linear", "functions.numeric", "nn.functional", "nn._activations",
        "nn._class_losses", "nn._losses", "nn._convolution", "nn._pooling", "nn._normalization",
        "nn._attention", "nn._padding", "nn._dropout", "nn._distance", "nn._embedding",
        "nn._interpolation",
    )
)  # fmt: skip
_FACTS = frozenset(
    ("shape", "ndim", "dtype", "device", "requires_grad", "is_leaf", "itemsize", "nbytes", "layout")
)
_FACT_METHODS = frozenset(
    ("size", "dim", "ndimension", "numel", "nelement", "element_size", "stride", "is_contiguous",
     "is_floating_point", "is_complex", "storage_offset")
)  # fmt: skip
_PLAIN = (int, float, bool, str, bytes, complex, type(None), Size, dtype, device, layout,
          memory_format, slice, type(Ellipsis), range)  # fmt: skip
_BUILTINS = (len, isinstance, range, enumerate, zip, int, float, bool, abs, min, max, tuple, list)
_ABSENT: Any = object()

_BINARY: dict[type, Any] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow,
    ast.MatMult: operator.matmul, ast.LShift: operator.lshift, ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_, ast.BitOr: operator.or_, ast.BitXor: operator.xor,
}  # fmt: skip
_INPLACE: dict[type, Any] = {
    ast.Add: operator.iadd, ast.Sub: operator.isub, ast.Mult: operator.imul,
    ast.Div: operator.itruediv, ast.FloorDiv: operator.ifloordiv, ast.Mod: operator.imod,
    ast.Pow: operator.ipow, ast.MatMult: operator.imatmul, ast.LShift: operator.ilshift,
    ast.RShift: operator.irshift, ast.BitAnd: operator.iand, ast.BitOr: operator.ior,
    ast.BitXor: operator.ixor,
}  # fmt: skip
_UNARY: dict[type, Any] = {
    ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Invert: operator.invert,
}  # fmt: skip
_COMPARE: dict[type, Any] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip


class Read:
    """A number that was read from a tensor: it may be returned, and nothing else."""

    __slots__ = ("tensor", "value")

    def __init__(self, tensor: Tensor, value: Any) -> None:
        self.tensor, self.value = tensor, value


class _Return(Exception):
    def __init__(self, value: Any) -> None:
        self.value = value


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


class _Scope:
    """The variables of a call under way."""

    __slots__ = ("function", "names", "values")

    def __init__(self, function: types.FunctionType, values: dict[str, Any]) -> None:
        self.function, self.values = function, values
        self.names = frozenset(function.__code__.co_varnames)


def is_tensor(value: Any) -> bool:
    """Whether a value is a tensor of which all is known: no subclass of the user's."""
    return type(value) is Tensor or type(value) is Parameter


class Interpreter:
    """One interpreted call. After it: `sound`, or `reason` says why not."""

    def __init__(self, guards: Guards) -> None:
        self.guards = guards
        self.sound, self.reason = True, ""
        self.cleared: list[MultiTensorOptimizer] = []  # by zero_grad; and what was before backward
        self.cleared_before: list[MultiTensorOptimizer] | None = None
        self.stepped: list[MultiTensorOptimizer] = []
        self.fresh: dict[int, Any] = {}  # containers that this call made
        self.depth = 0
        self.checks: list[tuple[Any, int, int]] = []  # whole numbers found to be in bounds

    def give_up(self, reason: str) -> None:
        """The call goes on, but it is not to be repeated."""
        if self.sound:
            self.sound, self.reason = False, reason

    # ------------------------------------------------------------ calls
    def run(self, callee: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Calls something; the result may hold `Read` numbers."""
        self.depth += 1
        try:
            if self.depth > 50:
                self.give_up("calls are nested too deeply")
            return self._dispatch(callee, args, kwargs)
        finally:
            self.depth -= 1

    def _dispatch(self, callee: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if isinstance(callee, Module):
            return self.module(callee, args, kwargs)
        f, owner = callee, None
        if type(callee) is types.MethodType:
            f, owner = callee.__func__, callee.__self__
            if isinstance(owner, MultiTensorOptimizer):
                return self._optimizer(owner, f, args, kwargs)
            if isinstance(owner, Tensor) and f.__module__ == Tensor.__module__:
                return self._of_tensor(owner, f, args, kwargs)
            args = (owner, *args)
        if any(f is b for b in _BUILTINS):
            return self._builtin(f, args, kwargs)
        if isinstance(f, type) and issubclass(f, _Mode) and f.__module__ == _Mode.__module__:
            return f(*self._plain_args(args), **kwargs)
        if type(f) is types.FunctionType:
            if f.__module__ in _RECORDING:
                return self._recording(f, args, kwargs)
            tree = None if f.__module__.split(".")[0] == "facula" else tree_of(f)
            if tree is not None:
                return self.function(f, tree, args, kwargs)
        return self._as_it_is(callee, args[1:] if owner is not None else args, kwargs)

    def _as_it_is(self, callee: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        self.give_up(f"{getattr(callee, '__qualname__', type(callee).__name__)} was called")
        return callee(*self._plain_args(args), **{k: self.plain(v) for k, v in kwargs.items()})

    def _plain_args(self, args: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(map(self.plain, args))

    def plain(self, value: Any) -> Any:
        """A value that is used for something."""
        if type(value) is Read:
            self.give_up("a number that was read from a tensor is used")
            return value.value
        if type(value) in (tuple, list, dict) and id(value) in self.fresh:
            if any(type(x) is Read for x in (value.values() if type(value) is dict else value)):
                self.give_up("a number that was read from a tensor is used")
                return self.bare(value)
        return value

    def bare(self, value: Any) -> Any:
        """A result as the caller gets it: lists and dicts are the very objects that were made."""
        if type(value) is Read:
            return value.value
        if id(value) not in self.fresh or type(value) not in (tuple, list, dict):
            return value
        if type(value) is dict:
            value.update([(k, self.bare(v)) for k, v in value.items()])
        elif type(value) is list:
            value[:] = map(self.bare, value)
        else:
            items = tuple(map(self.bare, value))
            if any(x is not y for x, y in zip(items, value, strict=True)):
                return items
        return value

    def _known(self, value: Any) -> bool:
        """Whether a function of tensors may be given a value: it cannot change unnoticed."""
        if is_tensor(value) or isinstance(value, _PLAIN):
            return True
        if type(value) is tuple or (type(value) is list and id(value) in self.fresh):
            return all(map(self._known, value))
        return False

    def _recording(self, f: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        args = self._plain_args(args)
        kwargs = {k: self.plain(v) for k, v in kwargs.items()}
        if not all(map(self._known, (*args, *kwargs.values()))):
            self.give_up(f"{f.__name__} was given something that may change")
        made = f(*args, **kwargs)
        if type(made) in (tuple, list):
            self.fresh[id(made)] = made
        return made

    def _builtin(self, f: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        if f is float and len(args) == 1 and is_tensor(args[0]):
            with quiet():
                return Read(args[0], float(args[0]))
        args = self._plain_args(args)
        if f is isinstance and len(args) == 2:
            classes = args[1] if type(args[1]) is tuple else (args[1],)
            if any(type(k) not in (type, type(Tensor), ABCMeta) for k in classes):
                self.give_up("isinstance() with a class that may do anything")
        for x in args:
            if f is isinstance or (f is len and is_tensor(x)):
                continue
            if not isinstance(x, (*_PLAIN, tuple, enumerate, zip)):
                self._frozen(x)
        made = f(*args, **kwargs)
        self.fresh[id(made)] = made
        return made

    def _frozen(self, value: Any) -> None:
        """Notes the elements of a container that is read."""
        if id(value) in self.fresh and self.fresh[id(value)] is value:
            return
        if type(value) is list:
            self.guards.sequence(value)
        elif isinstance(value, (ModuleList, Sequential)) and type(value).__iter__ in (
            ModuleList.__iter__,
            Sequential.__iter__,
        ):
            self.guards.class_of(value)
            self.guards.of_class(type(value), "__iter__", type(value).__iter__)
            self._children(value)
        elif type(value) is not tuple:
            self.give_up(f"{type(value).__name__} is read as a container")

    def _children(self, module: Module) -> list[Any]:
        registry = module.__dict__["_modules"]
        self.guards.item(module.__dict__, "_modules", registry)
        self.guards.values(registry)
        return list(registry.values())

    def _of_tensor(self, t: Tensor, f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        name = f.__name__
        if name in _FACT_METHODS and not kwargs:
            return f(t, *self._plain_args(args))
        if name == "item" and not args and not kwargs:
            with quiet():
                return Read(t, t.item())
        if name == "detach" and not args and not kwargs:
            return t.detach()
        if name == "backward" and not args and not kwargs:
            leaves = [v.rec() for v in state.tr.leaves.values() if v.rec is not None]
            if any(p is not None and p._grad is not None for p in leaves):
                self.give_up("gradients accumulate")
            if self.cleared_before is not None:
                self.give_up("there are two backward passes")
            self.cleared_before = list(self.cleared)
            with quiet():
                t.backward()
            return None
        return self._as_it_is(types.MethodType(f, t), args, kwargs)

    def _optimizer(
        self, o: MultiTensorOptimizer, f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        ours = type(o).__module__.startswith("facula.optim.") and not args and not kwargs
        if ours and f.__name__ == "zero_grad":
            self.cleared.append(o)
        elif ours and f.__name__ == "step" and o not in self.stepped:
            self.stepped.append(o)
        else:
            return self._as_it_is(types.MethodType(f, o), args, kwargs)
        with quiet():
            f(o)
        return None

    def module(self, m: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Calls a module as `Module.__call__` does."""
        cls = type(m)
        if cls.__call__ is not _HOOKLESS_CALL or m._hooks_active:
            return self._as_it_is(m, args, kwargs)
        self.guards.class_of(m)
        self.guards.of_class(cls, "__call__", _HOOKLESS_CALL)
        self.guards.item(m.__dict__, "_hooks_active", m.__dict__.get("_hooks_active", _ABSENT))
        forward = self.attribute(m, "forward")
        f = forward.__func__ if type(forward) is types.MethodType else forward
        try:
            if f is Sequential.forward and len(args) == 1 and not kwargs:
                value = args[0]
                for child in self._children(m):
                    value = self.run(child, (value,), {})
                return value
            if type(forward) is types.MethodType and type(f) is types.FunctionType:
                tree = tree_of(f)
                if tree is not None:
                    return self.function(f, tree, (forward.__self__, *args), kwargs)
            return self._as_it_is(forward, args, kwargs)
        except Exception as error:
            annotate(error, m, args, kwargs)
            raise

    def function(
        self, f: types.FunctionType, tree: ast.FunctionDef, args: Sequence[Any], kwargs: Any
    ) -> Any:
        """Calls a Python function by interpreting its source."""
        if f.__module__.split(".")[0] != "facula":  # nobody rewrites the code of our functions
            self.guards.function(f)
        bound = inspect.signature(f, follow_wrapped=False).bind(*args, **kwargs)
        bound.apply_defaults()
        for value in (f.__defaults__ or ()) + tuple((f.__kwdefaults__ or {}).values()):
            if not self._known(value):
                self._unknown(value)
        for parameter in bound.signature.parameters.values():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                self._made(bound.arguments[parameter.name])
        scope = _Scope(f, dict(bound.arguments))
        try:
            self._block(tree.body, scope)
        except _Return as result:
            return result.value
        return None

    def _unknown(self, value: Any) -> None:
        if type(value) in (list, dict, set):
            self.give_up("a default that may change")

    # ------------------------------------------------------------ statements
    def _block(self, body: Sequence[ast.stmt], s: _Scope) -> None:
        for node in body:
            getattr(self, f"_do_{type(node).__name__}")(node, s)

    def _do_Expr(self, node: ast.Expr, s: _Scope) -> None:
        self._value(node.value, s)

    def _do_Pass(self, node: ast.Pass, s: _Scope) -> None:
        return

    def _do_Break(self, node: ast.Break, s: _Scope) -> None:
        raise _Break

    def _do_Continue(self, node: ast.Continue, s: _Scope) -> None:
        raise _Continue

    def _do_Return(self, node: ast.Return, s: _Scope) -> None:
        raise _Return(None if node.value is None else self._value(node.value, s))

    def _do_Assign(self, node: ast.Assign, s: _Scope) -> None:
        value = self._value(node.value, s)
        for target in node.targets:
            self._assign(target, value, s)

    def _do_AnnAssign(self, node: ast.AnnAssign, s: _Scope) -> None:
        assert node.value is not None
        self._assign(node.target, self._value(node.value, s), s)

    def _do_AugAssign(self, node: ast.AugAssign, s: _Scope) -> None:
        assert isinstance(node.target, ast.Name)
        old = self._value(ast.Name(node.target.id, ast.Load()), s)
        new = self._value(node.value, s)
        self._assign(node.target, self._apply(_INPLACE[type(node.op)], old, new), s)

    def _assign(self, target: ast.expr, value: Any, s: _Scope) -> None:
        if isinstance(target, ast.Name):
            s.values[target.id] = value
            return
        assert isinstance(target, (ast.Tuple, ast.List))
        if type(value) is Read:
            value = self.plain(value)
        if not (type(value) is tuple or id(value) in self.fresh or type(value) is Size):
            if type(value) is list:
                self._frozen(value)
            else:
                self.give_up(f"{type(value).__name__} is unpacked")
        items = list(value)
        if len(items) != len(target.elts):
            few = "not enough" if len(items) < len(target.elts) else "too many"
            raise ValueError(f"{few} values to unpack (expected {len(target.elts)})")
        for t, item in zip(target.elts, items, strict=True):
            self._assign(t, item, s)

    def _do_If(self, node: ast.If, s: _Scope) -> None:
        self._block(node.body if self._truth(self._value(node.test, s)) else node.orelse, s)

    def _do_For(self, node: ast.For, s: _Scope) -> None:
        items = self.plain(self._value(node.iter, s))
        if not isinstance(items, (tuple, range, enumerate, zip)):
            self._frozen(items)
        for item in items:
            self._assign(node.target, item, s)
            if type(item) is tuple:
                self.fresh[id(item)] = item
            try:
                self._block(node.body, s)
            except _Break:
                break
            except _Continue:
                continue

    def _do_With(self, node: ast.With, s: _Scope) -> None:
        self._with(list(node.items), node.body, s)

    def _with(self, items: list[ast.withitem], body: Sequence[ast.stmt], s: _Scope) -> None:
        if not items:
            self._block(body, s)
            return
        manager = self._value(items[0].context_expr, s)
        if not (isinstance(manager, _Mode) and type(manager).__module__ == _Mode.__module__):
            self.give_up(f"a block with {type(manager).__name__}")
        left: list[BaseException] = []
        with manager as value:
            if items[0].optional_vars is not None:
                self._assign(items[0].optional_vars, value, s)
            try:
                self._with(items[1:], body, s)
            except (_Return, _Break, _Continue) as signal:  # no exceptions to the manager
                left.append(signal)
        if left:
            raise left[0]

    # ------------------------------------------------------------ expressions
    def _value(self, node: ast.expr, s: _Scope) -> Any:
        return getattr(self, f"_of_{type(node).__name__}")(node, s)

    def _of_Constant(self, node: ast.Constant, s: _Scope) -> Any:
        return node.value

    def _of_Name(self, node: ast.Name, s: _Scope) -> Any:
        name, f = node.id, s.function
        if name in s.names:
            if name not in s.values:
                raise UnboundLocalError(
                    f"cannot access local variable '{name}' where it is not associated with a value"
                )
            return s.values[name]
        if name in f.__code__.co_freevars:
            assert f.__closure__ is not None
            cell = f.__closure__[f.__code__.co_freevars.index(name)]
            value = cell.cell_contents
            self.guards.cell(cell, value)
            return value
        space = f.__globals__
        if name in space:
            value = space[name]
            self.guards.item(space, name, value)
            return value
        builtins = space["__builtins__"]
        builtins = builtins if isinstance(builtins, dict) else builtins.__dict__
        if name not in builtins:
            raise NameError(f"name '{name}' is not defined")
        self.guards.absent(space, name)
        self.guards.item(builtins, name, builtins[name])
        return builtins[name]

    def _of_Attribute(self, node: ast.Attribute, s: _Scope) -> Any:
        return self.attribute(self.plain(self._value(node.value, s)), node.attr)

    def attribute(self, value: Any, name: str) -> Any:
        """value.name"""
        cls = type(value)
        found = inspect.getattr_static(cls, name, None)
        if isinstance(value, types.ModuleType):
            if name not in value.__dict__:
                self.give_up(f"an attribute {name} that a module makes")
                return getattr(value, name)
            self.guards.item(value.__dict__, name, value.__dict__[name])
            return value.__dict__[name]
        if isinstance(value, Tensor):
            return self._attribute_of_tensor(value, name, found)
        if vars(object)["__getattribute__"] is not inspect.getattr_static(
            cls, "__getattribute__"
        ) or isinstance(value, type):
            self.give_up(f"an attribute {name} of {cls.__name__}")
            return getattr(value, name)
        if hasattr(type(found), "__set__") or hasattr(type(found), "__delete__"):
            self.give_up(f"an attribute {name} that is computed")
            return getattr(value, name)
        own = getattr(value, "__dict__", None)
        if type(own) is not dict:
            if isinstance(value, _PLAIN) or id(value) in self.fresh:
                made = getattr(value, name)
                return made
            self.give_up(f"an attribute {name} of {cls.__name__}")
            return getattr(value, name)
        self.guards.class_of(value)
        if name in own:
            self.guards.item(own, name, own[name])
            return own[name]
        if type(found) is types.FunctionType or isinstance(found, _PLAIN) and found is not None:
            self.guards.absent(own, name)
            self.guards.of_class(cls, name, found)
            return types.MethodType(found, value) if callable(found) else found
        self.give_up(f"an attribute {name} of {cls.__name__}")
        return getattr(value, name)

    def _attribute_of_tensor(self, t: Tensor, name: str, found: Any) -> Any:
        if is_tensor(t) and name not in t.__dict__:
            if name in _FACTS:
                return getattr(t, name)
            if type(found) is types.FunctionType:
                return types.MethodType(found, t)
            if type(found) is property and found.fget.__module__ in _RECORDING:
                return getattr(t, name)
        self.give_up(f"an attribute {name} of a tensor")
        return getattr(t, name)

    def _of_Call(self, node: ast.Call, s: _Scope) -> Any:
        callee = self.plain(self._value(node.func, s))
        args: list[Any] = []
        for x in node.args:
            if isinstance(x, ast.Starred):
                items = self.plain(self._value(x.value, s))
                if not isinstance(items, (tuple, range)):
                    self._frozen(items)
                args += items
            else:
                args.append(self._value(x, s))
        kwargs = {str(k.arg): self._value(k.value, s) for k in node.keywords}
        return self.run(callee, tuple(args), kwargs)

    def _apply(self, function: Any, *operands: Any) -> Any:
        """An operator."""
        values = self._plain_args(operands)
        if not all(map(self._known, values)):
            self.give_up("an operator of an unknown class")
        made = function(*values)
        if type(made) is tuple:
            self.fresh[id(made)] = made
        return made

    def _of_BinOp(self, node: ast.BinOp, s: _Scope) -> Any:
        left, right = self._value(node.left, s), self._value(node.right, s)
        return self._apply(_BINARY[type(node.op)], left, right)

    def _of_UnaryOp(self, node: ast.UnaryOp, s: _Scope) -> Any:
        value = self._value(node.operand, s)
        if isinstance(node.op, ast.Not):
            return not self._truth(value)
        return self._apply(_UNARY[type(node.op)], value)

    def _of_BoolOp(self, node: ast.BoolOp, s: _Scope) -> Any:
        stop = isinstance(node.op, ast.Or)
        value = None
        for x in node.values:
            value = self._value(x, s)
            if x is not node.values[-1] and self._truth(value) is stop:
                break
        return value

    def _of_IfExp(self, node: ast.IfExp, s: _Scope) -> Any:
        return self._value(node.body if self._truth(self._value(node.test, s)) else node.orelse, s)

    def _truth(self, value: Any) -> bool:
        value = self.plain(value)
        cls = type(value)
        if not isinstance(value, (*_PLAIN, tuple)) and id(value) not in self.fresh:
            if cls is list:
                self.guards.sequence(value)
            elif is_tensor(value) or hasattr(cls, "__bool__") or hasattr(cls, "__len__"):
                self.give_up(f"a condition on {cls.__name__}")
        return bool(value)

    def _of_Compare(self, node: ast.Compare, s: _Scope) -> Any:
        left = self._value(node.left, s)
        result: Any = True
        for op, x in zip(node.ops, node.comparators, strict=True):
            right = self._value(x, s)
            if isinstance(op, (ast.Is, ast.IsNot)):
                result = (self.plain(left) is self.plain(right)) is isinstance(op, ast.Is)
            elif isinstance(op, (ast.In, ast.NotIn)):
                if not (isinstance(right, (str, tuple, range)) and self._known(right)):
                    self.give_up("`in` a container that may change")
                result = (self.plain(left) in self.plain(right)) is isinstance(op, ast.In)
            else:
                result = self._apply(_COMPARE[type(op)], left, right)
            if x is not node.comparators[-1] and not self._truth(result):
                break
            left = right
        return result

    def _of_Subscript(self, node: ast.Subscript, s: _Scope) -> Any:
        value, key = self.plain(self._value(node.value, s)), self._value(node.slice, s)
        key = self.plain(key)
        if is_tensor(value):
            parts = key if type(key) is tuple else (key,)
            plain = all(type(k) in (int, slice, type(None), type(Ellipsis)) for k in parts)
            if not plain:
                self.give_up("a tensor is indexed by a tensor or a list")
        elif type(value) is dict and type(key) in (str, int):
            if id(value) not in self.fresh:
                self.guards.item(value, key, value[key])
        elif isinstance(value, (tuple, str, range)) and isinstance(key, (int, slice)):
            pass
        elif type(key) in (int, slice) and isinstance(value, (list, ModuleList, Sequential)):
            if type(key) is slice and type(value) is not list:
                self.give_up("a slice of modules")
            self._frozen(value)
        else:
            self.give_up(f"an element of {type(value).__name__}")
        return value[key]

    def _of_Slice(self, node: ast.Slice, s: _Scope) -> Any:
        parts = (node.lower, node.upper, node.step)
        return slice(*(None if p is None else self.plain(self._value(p, s)) for p in parts))

    def _of_Tuple(self, node: ast.Tuple, s: _Scope) -> Any:
        return self._made(tuple(self._items(node.elts, s)))

    def _of_List(self, node: ast.List, s: _Scope) -> Any:
        return self._made(self._items(node.elts, s))

    def _items(self, nodes: Sequence[ast.expr], s: _Scope) -> list[Any]:
        items: list[Any] = []
        for x in nodes:
            if isinstance(x, ast.Starred):
                found = self.plain(self._value(x.value, s))
                if not isinstance(found, (tuple, range)):
                    self._frozen(found)
                items += found
            else:
                items.append(self._value(x, s))
        return items

    def _of_Dict(self, node: ast.Dict, s: _Scope) -> Any:
        made = {}
        for k, v in zip(node.keys, node.values, strict=True):
            assert k is not None
            made[self.plain(self._value(k, s))] = self._value(v, s)
        return self._made(made)

    def _made(self, value: Any) -> Any:
        self.fresh[id(value)] = value
        return value
