"""The examples of the README and of docs/: what they show is what happens. See ``pages.py``."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.docs.pages import Section, same, sections

_LIVE = re.compile(r"tracekit (?:trace|calibrate .* -- )|make demo|tk\.(?:run|start)\(")
_GDB = re.compile(r"tracekit calibrate .* -- |--backend gdb .* -- ")
_BPFTRACE = re.compile(r"^bpftrace |--cross-check", re.MULTILINE)
_TOOL = re.compile(r"(?:^|[|(] ?)(sudo|g\+\+|rustc|strip|nm|jq) ", re.MULTILINE)
"""What a machine may lack; ``tools/test.sh`` installs it."""


def run(argv: Sequence[str], folder: Path, clone: Path) -> tuple[int, str]:
    """Run a command in a folder as a reader would, and give its status and all that it prints."""
    environment = os.environ | {
        "PATH": f"{clone / '.venv/bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(Path(__file__).parents[2] / "src"),
        "TRACEKIT_CALIBRATIONS": str(folder / ".calibrations"),
        "TRACEKIT_INDEXES": str(folder / ".indexes"),
    }
    done = subprocess.run(
        argv, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=300, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def parameters(*, live: bool) -> list[object]:
    found = [s for s in sections() if bool(_LIVE.search(s.code)) == live]
    return [pytest.param(section, id=section.name) for section in found]


def check(section: Section, folder: Path, clone: Path) -> None:
    lacking = {tool for tool in _TOOL.findall(section.code) if not shutil.which(tool)}
    if "./cache " in section.code and not shutil.which("go"):
        lacking.add("go")
    if _GDB.search(section.code) and not shutil.which("gdb"):
        lacking.add("gdb")
    if _BPFTRACE.search(section.code) and not shutil.which(os.environ.get("TRACEKIT_BPFTRACE", "bpftrace")):
        lacking.add("bpftrace")
    if lacking:
        pytest.skip(f"there is no {' and no '.join(sorted(lacking))} here")
    where = clone if "make demo" in section.code else folder
    for block in section.blocks:
        line = f"{section.page}:{block.line}"
        if block.language == "python":
            status, printed = run([sys.executable, "-W", "error", "-c", block.text], where, clone)
            assert status == 0, f"{line}\n{printed}"
        else:
            _, printed = run(["sh", "-c", block.commands], where, clone)
            if not same(block.output, printed):
                assert block.output == printed, line


@pytest.mark.parametrize("section", parameters(live=False))
def test_section(section: Section, folder: Path, clone: Path) -> None:
    """What needs neither root nor an engine does what its document shows."""
    check(section, folder, clone)


@pytest.mark.live
@pytest.mark.skipif(os.geteuid() != 0, reason="tracing needs root: run the tests as root")
@pytest.mark.parametrize("section", parameters(live=True))
def test_live_section(section: Section, folder: Path, clone: Path) -> None:
    """What traces does what its document shows, figures and all."""
    check(section, folder, clone)
