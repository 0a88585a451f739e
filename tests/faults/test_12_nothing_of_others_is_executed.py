"""Proof 12: nothing in the working folder, the home, the environment or beside a binary is executed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tests.faults.cli import Engine, Target

pytestmark = pytest.mark.live


@pytest.fixture
def trap(steady: Target, tmp_path: Path) -> dict[str, str]:
    """Scripts wherever they might be taken from, each of which makes a file; gives the environment."""
    sprung = tmp_path / "sprung"
    shell, python = f"shell touch {sprung}\n", f"open({str(sprung)!r}, 'w')\n"
    for name in (
        ".gdbinit",
        ".gdbearlyinit",
        "tracekit.py",
        "click.py",
        "gdb.py",
        "json.py",
        "sitecustomize.py",
    ):
        (tmp_path / name).write_text(python if name.endswith(".py") else shell)
    (tmp_path / ".config" / "gdb").mkdir(parents=True)
    (tmp_path / ".config" / "gdb" / "gdbinit").write_text(shell)
    for name, text in (("-gdb.gdb", shell), ("-gdb.py", python)):
        steady.path.with_name(steady.path.name + name).write_text(text)
    for name in ("bpftrace", "dtrace", "gdb", "cpp", "sh", "id", "uname"):
        (tmp_path / name).write_text(f"#!/bin/sh\ntouch {sprung}\n")
        (tmp_path / name).chmod(0o755)
    return {
        "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / ".config"),
        "BPFTRACE_STRLEN": "3", "BPFTRACE_MAX_MAP_KEYS": "1",
        "BPFTRACE_MAP_KEYS_MAX": "1", "BPFTRACE_MAX_PROBES": "0",
        "BPFTRACE_LOG_SIZE": "1", "DTRACE_OPT_QUIET": "1",
        "DTRACE_OPT_AGGSIZE": "16", "DTRACE_OPT_SYSLIBDIR": str(tmp_path),
        "GDBHISTFILE": str(sprung), "SHELL": str(tmp_path / "sh"),
        "DEBUGINFOD_URLS": "http://127.0.0.1:1", "PYTHONSTARTUP": str(tmp_path / "json.py"),
        "PYTHONINSPECT": "", "LC_ALL": "tr_TR.UTF-8",
    }  # fmt: skip


def test_the_trap_works(
    found_programs: dict[str, str], steady: Target, trap: dict[str, str], tmp_path: Path
) -> None:
    """A gdb that is started as one would by hand walks into it."""
    subprocess.run(
        [found_programs["gdb 13"], "-batch", steady.path],
        cwd=tmp_path,
        env={**os.environ, **trap},
        check=False,
        capture_output=True,
    )
    assert (tmp_path / "sprung").exists()


def test_nothing_is_executed(engine: Engine, steady: Target, trap: dict[str, str], tmp_path: Path) -> None:
    """tracekit and its engines pass by all of it, and no setting of the environment changes the result."""
    program = f"uprobe:{steady.path}:work {{ @ = count(); @k[comm, arg0] = hist(arg0) }}"
    done = engine.trace(program, "--", *steady.words("run", 100), cwd=tmp_path, env=trap)
    assert done.status == 0 and done.result.whole, done.said
    assert done.map.total == 100 and {key[0] for key in done.result.maps[1].entries} == {"steady"}
    assert not (tmp_path / "sprung").exists()
