"""`facula run` against plain Python: the script must not notice who runs it, but for `torch`."""

from __future__ import annotations

import signal
import sys
import textwrap
from pathlib import Path

import pytest

HINT = "(Facula does not have it, or not yet)"


def write(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return str(path)


def test_the_script_finds_what_python_gives_it(tmp_path, run_python, facula_run):
    write(tmp_path, "sub/neighbour.py", "VALUE = 5\n")
    script = write(
        tmp_path,
        "sub/script.py",
        """
        import sys, neighbour
        print(__name__, __file__, __doc__, __package__, sys.argv, sys.path[0], neighbour.VALUE)
        print(sys.modules["__main__"].__dict__ is globals(), __builtins__.__name__)
        def f(x: 1 + 1): pass
        print(f.__annotations__, f.__code__.co_filename)
        """,
    )
    for path in (script, "sub/script.py"):
        expected = run_python(path, "a", "--b", "-m")
        found = facula_run(path, "a", "--b", "-m")
        assert expected.returncode == 0, expected.stderr
        assert (found.stdout, found.stderr, found.returncode) == (expected.stdout, "", 0)


def test_a_module(tmp_path, run_python, facula_run):
    write(tmp_path, "tool/__init__.py", "")
    write(
        tmp_path,
        "tool/__main__.py",
        "import sys\nfrom . import x\nprint(__name__, __package__, __spec__.name, sys.argv, x.V)\n",
    )
    write(tmp_path, "tool/x.py", "V = 1\n")
    expected = run_python("-m", "tool", "-a")
    found = facula_run("-m", "tool", "-a")
    assert (found.stdout, found.returncode) == (expected.stdout, 0), found.stderr
    assert "tool.__main__" in found.stdout


def test_a_line_of_code(facula_run):
    found = facula_run("-c", "import sys; print(__name__, sys.argv, repr(sys.path[0]))", "x")
    assert found.stdout == "__main__ ['-c', 'x'] ''\n"


@pytest.mark.thin(3)
@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("pass", 0),
        ("raise SystemExit", 0),
        ("import sys; sys.exit(7)", 7),
        ("import sys; sys.exit('message')", 1),
        ("1 / 0", 1),
        ("def (", 1),
        ("raise KeyboardInterrupt", -signal.SIGINT),
        ("import sys; sys.excepthook = lambda *e: print('hook', *e[:2]); 1 / 0", 1),
        ("import atexit; atexit.register(print, 'late'); raise ValueError('x')", 1),
        ("try:\n  1 / 0\nexcept ZeroDivisionError as e:\n  raise ValueError('x') from e", 1),
        ("raise ExceptionGroup('g', [ValueError('a'), TypeError('b')])", 1),
    ],
)
def test_exit_status_and_traceback_are_pythons(code, status, tmp_path, run_python, facula_run):
    script = write(tmp_path, "script.py", code + "\n")
    expected, found = run_python(script), facula_run(script)
    assert expected.returncode == status
    assert (found.returncode, found.stdout, found.stderr) == (
        status,
        expected.stdout,
        expected.stderr,
    )


def test_a_failure_inside_facula_ends_at_the_scripts_line(tmp_path, facula_run):
    script = write(
        tmp_path,
        "script.py",
        """\
        import torch.config
        def f():
            torch.config._number("FACULA_X", 0, 1, 2)
        f()
        """,
    )
    quiet = facula_run(script, FACULA_X="9")
    lines = quiet.stderr.splitlines()
    assert lines[-1] == "ValueError: FACULA_X='9': expected a whole number from 1 to 2"
    assert "script.py" in quiet.stderr and "config.py" not in quiet.stderr
    assert "cli" not in quiet.stderr
    loud = facula_run(script, FACULA_X="9", FACULA_DEBUG="1")
    assert "config.py" in loud.stderr and loud.stderr.splitlines()[-1] == lines[-1]


@pytest.mark.thin(3)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("missing.py",), "can't open file"),
        (("-m", "no_such_module"), "no_such_module"),
        (("-m",), "argument expected for the -m option"),
        (("-x", "script.py"), "unknown option -x"),
        ((), "usage: facula run SCRIPT"),
    ],
)
def test_a_wrong_call_says_so_and_exits_with_2(arguments, message, facula_run):
    found = facula_run(*arguments)
    assert found.returncode == 2
    assert message in found.stderr and "Traceback (most" not in found.stderr
    assert found.stdout == ""


def test_aliases_are_the_same_objects(facula_run):
    code = """
import torch, sys
import torch.config as c
from torch import config as d
from torch.config import debug
import facula, facula.config
assert torch is facula and sys.modules["torch"] is facula
assert c is d is facula.config is torch.config is sys.modules["torch.config"]
assert facula.__spec__.name == "facula" and facula.config.__spec__.name == "facula.config"
assert facula.__name__ == "facula" and c.__name__ == "facula.config"
import importlib; assert importlib.reload(c) is c
"""
    found = facula_run("-c", code)
    assert (found.returncode, found.stderr) == (0, "")


@pytest.mark.thin(3)
@pytest.mark.parametrize(
    ("code", "last"),
    [
        ("import torch; torch.nonsense", f"module 'torch' has no attribute 'nonsense' {HINT}"),
        ("import torch.nonsense", f"No module named 'torch.nonsense' {HINT}"),
        ("from torch.nonsense.deep import x", f"No module named 'torch.nonsense' {HINT}"),
        ("import torch.config.x", "No module named 'torch.config.x'"),
        ("from torch import nonsense", f"cannot import name 'nonsense' from 'torch' {HINT}"),
        (
            "import facula.config, torch; torch.config.x",
            f"module 'torch.config' has no attribute 'x' {HINT}",
        ),
    ],
)
def test_what_is_missing_is_named(code, last, facula_run):
    found = facula_run("-c", code)
    assert found.returncode == 1
    assert last in found.stderr.splitlines()[-1]


def test_what_is_missing_can_be_asked_for(facula_run):
    code = """
import torch
print(hasattr(torch, "nonsense"), getattr(torch, "nonsense", 1))
try:
    import torch.nonsense
except ImportError as error:
    print(type(error).__name__, error.name)
"""
    found = facula_run("-c", code)
    assert found.stdout == "False 1\nModuleNotFoundError torch.nonsense\n", found.stderr


@pytest.mark.thin(3)
@pytest.mark.parametrize("name", ["torch", "torchvision", "torchaudio"])
def test_an_installed_pytorch_is_never_loaded(name, tmp_path, facula_run):
    write(tmp_path, f"{name}/__init__.py", "print('the real one')\n")
    script = write(tmp_path, "script.py", f"try:\n  import {name}\nexcept ImportError: pass\n")
    assert facula_run(script, PYTHONPATH=str(tmp_path)).stdout == ""


def test_a_loaded_pytorch_is_refused():
    from types import ModuleType

    from facula.cli import alias

    before = sys.modules.get("torch")
    sys.modules["torch"] = ModuleType("torch")
    try:
        with pytest.raises(RuntimeError, match="torch is already imported"):
            alias.install()
    finally:
        if before is None:
            del sys.modules["torch"]
        else:
            sys.modules["torch"] = before
    assert not any(isinstance(f, alias.AliasFinder) for f in sys.meta_path)


def test_names_map_both_ways():
    from facula.cli.alias import facula_name, torch_name

    assert facula_name("torch.nn.functional") == "facula.nn.functional"
    assert facula_name("torchvision.transforms") == "facula.vision.transforms"
    assert facula_name("torchmetrics") is None
    assert torch_name("facula.vision.transforms") == "torchvision.transforms"
    assert torch_name("facula.visionary") == "torch.visionary"
    assert torch_name("numpy") == "numpy"
