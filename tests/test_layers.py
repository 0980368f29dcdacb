"""Imports run one way only: each layer of docs/architecture.md imports from itself and from below.

The source is parsed and not run, so an import inside a function counts as well: a cycle that is
hidden in a function is still a cycle. What stands under `if TYPE_CHECKING:` does not run and does
not count.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "facula"

# From bottom to top. A dotted member is one module of a folder: autograd/ holds the engine, on
# which the tensor is made, and the public functions, which are made on the tensor. "tensor" stands
# for tensor.py, tensor/ and tensor_*.py. What is listed nowhere belongs to the public face.
LAYERS: dict[str, tuple[str, ...]] = {
    "base": ("dtypes", "devices", "config", "layouts", "version"),
    "graph": ("graph",),
    "runtime": ("runtime",),
    "compiler": ("compiler",),
    "trace": ("trace",),
    "ops": ("ops",),
    "autograd": (
        "autograd.calls",
        "autograd.engine",
        "autograd.gradients",
        "autograd.jumps",
        "autograd.nodes",
    ),
    "tensor": ("tensor",),
    "public face": (),
}
ORDER = list(LAYERS)
FILES = sorted(p for p in PACKAGE.rglob("*.py") if "__pycache__" not in p.parts)

# Who may import what from outside. llvmlite is slow to load and belongs to the one module that
# turns text into machine code; everybody else gets on with an emitter.
ONLY_FROM = {"llvmlite": ("facula/runtime/llvm.py", "facula/runtime/code.py")}
NEVER = ("torch", "torchvision", "torchaudio")


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer(module: str) -> int:
    """The number of the layer of a module of Facula, 0 at the bottom."""
    parts = module.split(".")
    part = parts[1] if len(parts) > 1 else ""
    pair = ".".join(parts[1:3])
    for number, members in enumerate(LAYERS.values()):
        if any(m in (part, pair) or part.startswith(m + "_") for m in members):
            return number
    return len(LAYERS) - 1


def running_code(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """The nodes and all below them, without those under `if TYPE_CHECKING:`."""
    for node in nodes:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from running_code(node.orelse)
        else:
            yield node
            yield from running_code(ast.iter_child_nodes(node))


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or path.is_dir()


def imports(path: Path, source: str | None = None) -> Iterator[tuple[int, str]]:
    """(line, full name) of every module that the file, or `source` in its place, imports."""
    source = path.read_text(encoding="utf-8") if source is None else source
    package = module_name(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in running_code(ast.parse(source).body):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *(node.module.split(".") if node.module else [])])
            for alias in node.names:
                name = f"{origin}.{alias.name}"
                # `from .. import config` names a module, `from ..dtypes import dtype` does not.
                yield (
                    node.lineno,
                    name if name.startswith("facula.") and is_module(name) else origin,
                )


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_run_downwards_and_foreign_packages_stay_where_they_belong(path: Path) -> None:
    own, name = layer(module_name(path)), path.relative_to(ROOT).as_posix()
    wrong = []
    for line, module in imports(path):
        top = module.split(".")[0]
        if top == "facula" and layer(module) > own:
            above = ORDER[layer(module)]
            wrong.append(f"line {line}: {ORDER[own]} imports {module}, which is {above}")
        if top in NEVER:
            wrong.append(f"line {line}: {module} is only an oracle in tests")
        if top in ONLY_FROM and not name.startswith(ONLY_FROM[top]):
            wrong.append(f"line {line}: only {ONLY_FROM[top][0]} may import {top}")
    assert not wrong, "\n".join(wrong)


def test_the_layers_are_those_of_the_page_on_architecture() -> None:
    """The table stands in docs/architecture.md too, from top to bottom, with the same members."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = [line.strip() for line in page.splitlines() if line.startswith("    ")]
    rows = [next((r for r in table if r.startswith(name + " ")), None) for name in reversed(ORDER)]
    assert None not in rows, f"docs/architecture.md lacks a row for one of {ORDER}"
    positions = [table.index(row) for row in rows if row is not None]
    assert positions == sorted(positions)


def test_the_check_sees_imports_of_every_form() -> None:
    """The checks above find nothing in a clean tree; this one shows that they could."""
    source = (
        "import llvmlite.binding as b\n"
        "from ..graph.graph import Graph\n"
        "def f():\n    from .. import config\n    from . import reduce\n"
        "if TYPE_CHECKING:\n    import torch\nelse:\n    import facula.nn\n"
    )
    found = list(imports(PACKAGE / "ops" / "imaginary.py", source))
    names = ["llvmlite.binding", "facula.graph.graph", "facula.config", "facula.ops", "facula.nn"]
    assert [line for line, _ in found] == [1, 2, 4, 5, 9]
    assert [name if name != "facula.ops.reduce" else "facula.ops" for _, name in found] == names
    assert layer("facula.ops.reduce") > layer("facula.trace") > layer("facula.graph.graph")
    assert layer("facula.nn") == layer("facula") == layer("facula.cli.run") == len(ORDER) - 1
