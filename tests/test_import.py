"""What a program loads: `import facula` gets on with NumPy and little else.

Names of modules are compared and never times. What NumPy or this Python's start-up has loaded
already is not counted.
"""

from __future__ import annotations

import pytest

from .conftest import Run

FACE = "facula, facula.nn, facula.nn.functional, facula.optim, facula.utils.data, facula.autograd"

# What takes milliseconds to import and is needed by few programs, or late in them.
HEAVY = (
    "llvmlite", "ml_dtypes", "facula.compiler", "facula.runtime.code",
    "numpy.random", "numpy.testing", "multiprocessing", "concurrent", "asyncio", "socket", "ssl",
    "subprocess", "tempfile", "shutil", "pathlib", "zipfile", "urllib", "importlib.metadata",
    "importlib.resources", "dataclasses", "decimal", "fractions", "statistics", "hashlib", "json",
    "logging", "argparse", "unittest", "pydoc", "doctest", "tqdm", "PIL",
)  # fmt: skip

TRAINING = """
import torch
torch.manual_seed(0)
weight = torch.randn(8, 4, requires_grad=True)
for step in range(4):
    loss = (torch.randn(3, 8) @ weight).relu().sum()
    loss.backward()
    with torch.no_grad():
        weight -= 0.1 * weight.grad
    weight.grad = None
    print(loss.item())
"""


def loaded(module_names: str) -> set[str]:
    """Those of HEAVY that a list of loaded modules contains, themselves or something below them."""
    names = module_names.split()
    return {h for h in HEAVY if any(n == h or n.startswith(h + ".") for n in names)}


@pytest.mark.parametrize("how", ["import", "run"])
def test_import_loads_little(run_python: Run, how: str) -> None:
    check = "print(*sorted(set(sys.modules) - before))"
    begin = "import sys, numpy; before = set(sys.modules); "
    if how == "import":
        done = run_python("-c", f"{begin}import {FACE}; {check}")
    else:
        face = FACE.replace("facula", "torch")
        main = "from facula.cli import main"
        done = run_python("-c", f"{begin}{main}; main(['run', '-c', 'import {face}']); {check}")
    assert done.returncode == 0, done.stderr
    assert "facula.nn.functional" in done.stdout.split()
    assert loaded(done.stdout) == set()


def test_kernels_on_disk_need_no_compiler(run_python: Run) -> None:
    """The first process compiles; the second finds the kernels and does not load LLVM."""
    script = (
        TRAINING + "import sys; print('llvmlite' in sys.modules, 'numpy.random' in sys.modules)"
    )
    first = run_python("-m", "facula", "run", "-c", script)
    second = run_python("-m", "facula", "run", "-c", script)
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    *losses, state = first.stdout.splitlines()
    assert state == "True False"
    assert second.stdout.splitlines() == [*losses, "False False"]


def test_bfloat16_is_loaded_when_it_is_used(run_python: Run) -> None:
    done = run_python(
        "-c",
        "import sys, facula; print('ml_dtypes' in sys.modules, facula.bfloat16.itemsize);"
        "x = facula.ones(2, dtype=facula.bfloat16) * 3; print(x, 'ml_dtypes' in sys.modules)",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["False 2", "tensor([3., 3.], dtype=torch.bfloat16) True"]
