"""The command line around the subcommands, and `facula doctor`."""

from __future__ import annotations

import re

import pytest

import facula.cli
from facula.version import __version__


def test_version_and_help(capsys):
    assert facula.cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"facula {__version__}\n"
    assert facula.cli.main(["--help"]) == 0
    text = capsys.readouterr().out
    assert facula.cli.main([]) == 0
    assert capsys.readouterr().out == text


@pytest.mark.parametrize("command", ["run", "doctor"])
def test_each_command_is_listed_and_has_help(command, capsys):
    facula.cli.main(["--help"])
    assert re.search(rf"^  {command}\b", capsys.readouterr().out, re.MULTILINE)
    assert facula.cli.main([command, "--help"]) == 0
    assert f"usage: facula {command}" in capsys.readouterr().out


def test_an_unknown_command(capsys):
    assert facula.cli.main(["fly"]) == 2
    assert "unknown command 'fly'" in capsys.readouterr().err


def test_doctor_reports(capsys, monkeypatch, tmp_path):
    (tmp_path / "kernel").write_bytes(b"x" * 2**20)
    monkeypatch.setenv("FACULA_CACHE_DIR", str(tmp_path))
    assert facula.cli.main(["doctor"]) == 0
    report = dict(re.findall(r"^(\S+(?: cache)?) +(.*)$", capsys.readouterr().out, re.MULTILINE))
    for name in ("facula", "python", "numpy", "llvmlite", "cpu", "features", "threads"):
        assert report[name], name
    assert report["kernel cache"] == f"{tmp_path}, 1 files, 1.0 MiB"


def test_doctor_names_what_is_missing(capsys, monkeypatch):
    from facula.cli import doctor

    monkeypatch.setattr(doctor, "_package", lambda name: None if name == "llvmlite" else "1")
    assert facula.cli.main(["doctor"]) == 1
    assert "MISSING: pip install llvmlite" in capsys.readouterr().out
    assert facula.cli.main(["doctor", "now"]) == 2
