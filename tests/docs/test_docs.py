"""The examples of the README and of docs/: what they show is what happens.

In a block of ``console``, lines that begin with ``$ `` are commands and what follows is what they print,
standard error included; a block of ``python`` has to run. They run beside the programs of examples/, built.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
CAN_TRACE = os.geteuid() == 0 and shutil.which(os.environ.get("TRACEKIT_BPFTRACE", "bpftrace")) is not None
LIVE = re.compile(r"tracekit (?:trace|calibrate .* -- )")
BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Example(NamedTuple):
    """A block of a document, or one command of it with what it prints."""

    name: str
    code: str
    output: str | None
    live: object


def examples():
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        text = path.read_text()
        for found in BLOCK.finditer(text):
            name = f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, found.start()) + 1}"
            if found[1] == "python":
                live = "tk.run(" in found[2] or "tk.start(" in found[2]
                yield Example(name, found[2], None, live)
            else:
                yield Example(name, found[2], console_output(found[2]), LIVE.search(found[2]))


def commands(block):
    """The commands of a console block, one a line, without their prompts."""
    return [line[2:] for line in block.splitlines() if line.startswith("$ ")]


def console_output(block):
    return "".join(f"{line}\n" for line in block.splitlines() if not line.startswith("$ "))


def parameters(live):
    return [pytest.param(e, id=e.name) for e in examples() if bool(e.live) == live]


def run(argv, folder):
    environment = os.environ | {
        "PATH": f"{folder.parents[1] / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
        "TRACEKIT_CALIBRATIONS": str(folder.parents[1] / "calibrations"),
        "TRACEKIT_INDEXES": str(folder.parents[1] / "indexes"),
    }
    done = subprocess.run(
        argv, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def check(example, folder):
    if example.output is None:
        status, output = run([sys.executable, "-W", "error", "-c", example.code], folder)
        assert status == 0, output
        return
    _, output = run(["sh", "-c", "\n".join(commands(example.code))], folder)
    assert output.rstrip("\n") == example.output.rstrip("\n")


@pytest.mark.parametrize("example", parameters(live=False))
def test_example(example, folder):
    """An example that needs neither root nor an engine does what its document shows."""
    check(example, folder)


@pytest.mark.live
@pytest.mark.skipif(not CAN_TRACE, reason="needs root and bpftrace")
@pytest.mark.parametrize("example", parameters(live=True))
def test_live_example(example, folder):
    """An example that traces does what its document shows, figures and all."""
    check(example, folder)
