"""What the tests of the documents share: a folder like a clone of this tree, with the examples built."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.docs.pages import ROOT

PROGRAMS = ("itest.test", "arguments", "cache")
"""Those of ``make examples``; the last one is in Go, and isn't there without it."""


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which ``make demo`` finds all that it needs, and a command ``tracekit`` in ``.venv/bin``."""
    top = tmp_path_factory.mktemp("docs")
    for name in ("examples", "tools"):
        shutil.copytree(ROOT / name, top / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, top)
    (top / "docs").symlink_to(ROOT / "docs")
    commands = {"python3": sys.executable, "tracekit": f"{sys.executable} -m tracekit"}
    (top / ".venv/bin").mkdir(parents=True)
    for name, words in commands.items():
        (top / ".venv/bin" / name).write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT / "src"}" exec {words} "$@"\n')
        (top / ".venv/bin" / name).chmod(0o755)
    (top / ".venv/installed").touch()
    wanted = [f"build/examples/{name}" for name in PROGRAMS if name != "cache" or shutil.which("go")]
    subprocess.run(["make", "-s", *wanted], check=True, cwd=top)
    return top


@pytest.fixture
def folder(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like ``build/examples`` of a clone, for one test: copies of the programs, and nothing else."""
    own = clone / "build" / tmp_path_factory.mktemp("section").name
    own.mkdir()
    for program in (clone / "build/examples").iterdir():
        shutil.copy(program, own)
    return own
