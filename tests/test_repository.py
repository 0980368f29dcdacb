"""The repository's own rules: signs on folders, sizes, documentation, README and CI in agreement.

Completeness is a test and not a reminder. The checks walk the folders and need neither git nor a
list of files.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "facula"
IGNORED = {"__pycache__", "build", "dist", "node_modules"}
MIRROR = ROOT / "tests"  # its subfolders mirror facula/ and are explained by one sign
MEGABYTE = 10**6


def folders() -> Iterator[Path]:
    for name, children, _ in os.walk(ROOT):
        children[:] = [c for c in children if c not in IGNORED and not c.startswith(".")]
        yield Path(name)


FOLDERS = sorted(folders())
FILES = sorted(p for folder in FOLDERS for p in folder.iterdir() if p.is_file())
PYTHON = [p for p in FILES if p.suffix == ".py"]
# The layers whose names users call; the others are explained by their files and signs.
INTERNAL = {"ops", "autograd", "trace", "compiler", "runtime", "graph", "debug"}
PUBLIC = [
    p
    for p in PYTHON
    if PACKAGE in p.parents and p.relative_to(PACKAGE).parts[0] not in INTERNAL
    if p.name == "__init__.py" or not p.name.startswith("_")
]


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_every_folder_has_its_sign() -> None:
    missing = [
        short(folder)
        for folder in FOLDERS
        if MIRROR not in folder.parents
        and any(p.is_file() for p in folder.iterdir())
        and not (folder / "README.md").is_file()
    ]
    assert not missing, f"folders without a README.md: {missing}"


def test_links_in_the_signs_lead_somewhere() -> None:
    broken = [
        f"{short(page)}: {target}"
        for page in FILES
        if page.suffix == ".md"
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert not broken


def test_no_file_is_large() -> None:
    assert not [f"{short(p)}: {p.stat().st_size}" for p in FILES if p.stat().st_size > MEGABYTE]


def test_no_python_file_is_long() -> None:
    lengths = {short(p): len(p.read_text(encoding="utf-8").splitlines()) for p in PYTHON}
    assert not {name: lines for name, lines in lengths.items() if lines > 700}


@pytest.mark.parametrize("path", PYTHON, ids=short)
def test_a_file_opens_with_a_paragraph_of_why(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree) or not tree.body, "no docstring at the head of the file"


def undocumented(path: Path) -> list[str]:
    """Public classes and functions at the top of a file that have no docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return [
        f"line {node.lineno}: {node.name}"
        for node in tree.body
        if isinstance(node, kinds) and not node.name.startswith("_")
        if ast.get_docstring(node) is None
    ]


@pytest.mark.parametrize("path", PUBLIC, ids=short)
def test_public_names_are_documented(path: Path) -> None:
    assert not undocumented(path)


def test_every_variable_is_documented_and_read_in_one_place() -> None:
    """FACULA_* variables are read by config.py only, whose head describes each of them."""
    config = PACKAGE / "config.py"
    described = set(re.findall(r"^\| (FACULA_\w+) \|", config.read_text(encoding="utf-8"), re.M))
    read = re.compile(r"""(?:environ\W+(?:get\()?|getenv\(|_number\()["'](FACULA_\w+)["']""")
    for path in PYTHON:
        names = set(read.findall(path.read_text(encoding="utf-8")))
        if path == config:
            assert names == described
        elif PACKAGE in path.parents:
            assert not names, f"{short(path)} reads {names}; config.py is the place"


def test_readme_has_two_commands_and_ci_runs_them() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", readme, re.S)
    assert len(blocks) == 2 and all(len(b.splitlines()) == 1 for b in blocks)
    assert "facula run examples/digits.py" in blocks[0] and "pytest" in blocks[1]
    assert len(readme.splitlines()) <= 45, "the README is one screen"
    script = ROOT / ".ci" / "run"
    pattern = re.search(r"grep '(.*?)' README.md", script.read_text(encoding="utf-8"))
    assert pattern is not None and os.access(script, os.X_OK)
    assert [bool(re.match(pattern[1], block)) for block in blocks] == [True, True]


def test_metadata_agrees_with_the_tree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "torch" not in " ".join(project["dependencies"])
    extras = project["optional-dependencies"]
    for extra in re.findall(r"\.\[(\w+)\]", (ROOT / "README.md").read_text(encoding="utf-8")):
        assert extra in extras
    pin = next(p for p in extras["parity"] if p.startswith("torch"))
    assert pin in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    module, _, function = project["scripts"]["facula"].partition(":")
    assert callable(getattr(__import__(module, fromlist=[function]), function))


def test_examples_are_listed() -> None:
    sign = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    missing = [p.name for p in (ROOT / "examples").glob("*.py") if f"- {p.name}:" not in sign]
    assert not missing


def test_import_is_light() -> None:
    """`import facula` loads neither the compiler's LLVM nor a test tool nor PyTorch."""
    code = "import sys, facula; print([m for m in sys.argv[1:] if m in sys.modules])"
    names = ["llvmlite", "torch", "pytest", "hypothesis", "tqdm", "scipy", "multiprocessing"]
    done = subprocess.run(
        [sys.executable, "-c", code, *names], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
