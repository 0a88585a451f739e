"""What the tests of the documents share: the programs of the examples, built."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder like build/examples, with the programs of examples/ and a command ``tracekit``."""
    top = tmp_path_factory.mktemp("docs")
    (top / "examples").symlink_to(ROOT / "examples")
    built = top / "build/examples"
    built.mkdir(parents=True)
    # By the paths that the Makefile gives, since debug information has them.
    sources = {"itest.test": "cache/c/itest.c", "arguments": "arguments/arguments.c"}
    for name, source in sources.items():
        compile_ = ["cc", "-O2", "-g", "-Wall", "-Wextra", "-Werror", f"examples/{source}"]
        subprocess.run([*compile_, "-o", built / name], check=True, cwd=top)
    tracekit = top / "bin/tracekit"
    tracekit.parent.mkdir()
    tracekit.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tracekit "$@"\n')
    tracekit.chmod(0o755)
    return built
