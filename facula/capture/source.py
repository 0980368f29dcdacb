"""The source of a function as a syntax tree, if it certainly is what the function does.

A tree is only used if compiling the file that it was read from gives the very code object that the
function has, so that an edited file, a rewritten function or a decorator that changed the code is
noticed; and only if it is made of nothing but what the interpreter knows. Everything else is
called as it is.
"""

from __future__ import annotations

import ast
import linecache
from types import CodeType, FunctionType
from typing import Any

_STATEMENTS = (
    ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return, ast.If, ast.For, ast.With,
    ast.Pass, ast.Break, ast.Continue,
)  # fmt: skip
_EXPRESSIONS = (
    ast.Name, ast.Constant, ast.Attribute, ast.Call, ast.BinOp, ast.UnaryOp, ast.BoolOp,
    ast.Compare, ast.IfExp, ast.Subscript, ast.Slice, ast.Tuple, ast.List, ast.Dict, ast.Starred,
)  # fmt: skip
_OTHERS = (
    ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context, ast.keyword, ast.withitem,
)  # fmt: skip
# Names whose meaning depends on the frame that evaluates them.
_FRAMES = frozenset(("super", "locals", "globals", "vars", "dir", "eval", "exec", "__class__"))

_files: dict[str, tuple[list[str], dict[tuple[str, int], Any], list[CodeType]]] = {}
_trees: dict[CodeType, ast.FunctionDef | None] = {}


def tree_of(function: FunctionType) -> ast.FunctionDef | None:
    """The definition of a Python function; None if it is not known or not simple enough."""
    code = function.__code__
    if code not in _trees:
        if len(_trees) >= 4096:  # bounded; a forgotten one is only looked for again
            _trees.clear()
        _trees[code] = _find(code)
    return _trees[code]


def _find(code: CodeType) -> ast.FunctionDef | None:
    if code.co_cellvars or code.co_flags & 0x2A0:  # inner functions; generators and coroutines
        return None
    try:
        definitions, codes = _read(code.co_filename)
    except (SyntaxError, ValueError, RecursionError):
        return None
    tree = definitions.get((code.co_name, code.co_firstlineno))
    if tree is None or code not in codes:
        return None
    return tree if all(map(_simple, tree.body)) else None


def _read(filename: str) -> tuple[dict[tuple[str, int], Any], list[CodeType]]:
    """The definitions in a file by name and first line, and all its code objects."""
    lines = linecache.getlines(filename)
    found = _files.get(filename)
    if found is None or found[0] != lines:
        text = "".join(lines)
        tree = ast.parse(text)
        definitions: dict[tuple[str, int], Any] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                definitions[node.name, first] = node
        codes = [compile(tree, filename, "exec", dont_inherit=True)]
        for code in codes:
            codes += [c for c in code.co_consts if isinstance(c, CodeType)]
        if len(_files) >= 256:
            _files.clear()
        found = _files[filename] = lines, definitions, codes
    return found[1], found[2]


def _simple(root: ast.stmt) -> bool:
    """Whether the interpreter can run a statement."""
    for node in ast.walk(root):
        if not isinstance(node, (*_STATEMENTS, *_EXPRESSIONS, *_OTHERS)):
            return False
        if isinstance(node, ast.Name) and (node.id in _FRAMES or _mangled(node.id)):
            return False
        if isinstance(node, ast.Attribute) and (
            _mangled(node.attr) or not isinstance(node.ctx, ast.Load)
        ):
            return False
        if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            return False
        if isinstance(node, ast.keyword) and node.arg is None:
            return False
        if isinstance(node, ast.Dict) and None in node.keys:
            return False
        if isinstance(node, ast.For) and node.orelse:
            return False
        if isinstance(node, ast.AnnAssign) and not (node.simple and node.value):
            return False
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        if not all(map(_plain_target, targets)):
            return False
        if isinstance(node, ast.withitem) and not _plain_target(node.optional_vars):
            return False
        if isinstance(node, ast.Starred) and not isinstance(node.ctx, ast.Load):
            return False
    return True


def _plain_target(target: ast.AST | None) -> bool:
    """Whether a target of an assignment is a name, or a tuple of names."""
    if isinstance(target, (ast.Tuple, ast.List)):
        return all(isinstance(t, ast.Name) for t in target.elts)
    return target is None or isinstance(target, ast.Name)


def _mangled(name: str) -> bool:
    return name.startswith("__") and not name.endswith("__")
