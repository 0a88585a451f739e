"""Proof 10: no name gets into a script, arguments arrive byte for byte, a terminal gets printable text only."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.faults.cli import TRACEKIT, Engine, Target
from tests.installed import needed

import tracekit as tk
from tracekit.core.escape import printable

pytestmark = pytest.mark.live

CALLS = 20
PATHS = (
    '";} BEGIN { system("touch made"); } uprobe:"',
    "a b*?[x]:$(touch made)`touch made`\\",
    "'; shell touch made #{}\t%s",
)


def quoted(name: str) -> str:
    """A name as tracekit's language has it."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'


@pytest.mark.parametrize("name", PATHS)
def test_paths(engine: Engine, target: Callable[..., Target], tmp_path: Path, name: str) -> None:
    """A file with such a name is counted exactly, or refused before anything runs; nothing is executed."""
    steady = target(called=name)
    done = engine.trace(
        f"uprobe:{quoted(str(steady.path))}:work {{ @ = count() }}",
        "--",
        *steady.words("run", CALLS),
        cwd=tmp_path,
    )
    assert not (tmp_path / "made").exists()
    if done.status == 0:
        assert done.result.whole and done.map.total == CALLS
    else:
        assert "tracekit: " in done.said and "Traceback" not in done.said and steady.ledger["pid"] == 0
        assert engine.backend == "dtrace" or "control character" in done.said


@pytest.mark.parametrize(
    "name", ['work") } BEGIN { system("touch made"); } //', "work'\n-gdb-exit\nshell touch made", "wörk;*"]
)
def test_functions(engine: Engine, steady: Target, tmp_path: Path, name: str) -> None:
    """A symbol may have any name; by it the function is found, and it comes back as a key, or is refused."""
    needed("objcopy")
    subprocess.run(["objcopy", f"--redefine-sym=work={name}", steady.path], check=True)
    text = quoted(name).replace("\n", "\\n")
    words = steady.words("run", CALLS)
    done = engine.trace(f"uprobe:{steady.path}:{text} {{ @[func] = count() }}", "--", *words, cwd=tmp_path)
    assert not (tmp_path / "made").exists()
    if done.status == 0:
        assert {key: h.count for (key,), h in done.map.entries.items()} == {name: CALLS}
    else:
        assert "tracekit: " in done.said and "Traceback" not in done.said and steady.ledger["pid"] == 0, (
            done.said
        )


WORDS = [
    "",
    " ",
    "a b",
    "'",
    '"',
    "$(id)",
    "`id`",
    "*",
    "\\",
    "-p",
    "--",
    "new\nline",
    "\x1b[2J",
    "caf\u00e9",
    "bad\udcff",
]


def test_arguments(any_engine: Engine, steady: Target) -> None:
    """A command's words are its own to the last byte, and stand so in the result."""
    command = ["sh", "-c", "cat /proc/$$/cmdline", *WORDS]
    words = [
        "trace",
        "-q",
        "--backend",
        any_engine.backend,
        "-e",
        f"uprobe:{steady.path}:work {{ @ = count() }}",
        "--",
        *command,
    ]
    done = subprocess.run(
        [*TRACEKIT, *words],
        check=False,
        capture_output=True,
        env={**os.environ, **any_engine.environment},
        timeout=100,
    )
    assert b"\0".join(map(os.fsencode, command)) + b"\0" in done.stdout


def test_comm(engine: Engine, steady: Target, tmp_path: Path) -> None:
    """A process may call itself anything; as a key it is exact in JSON, and escaped in text."""
    name = '\x1b[2J\r\x07"\xc3\x9b3'
    os.symlink(steady.path, tmp_path / name)
    command = [str(tmp_path / name), *steady.words("run", CALLS)[1:]]
    program = f"uprobe:{steady.path}:work {{ @[comm] = count() }}"
    done = engine.trace(program, "--", *command)
    assert {os.fsencode(key): h.count for (key,), h in done.map.entries.items()} == {os.fsencode(name): CALLS}
    text = engine.trace(program, "--", *command, options=["-f", "text"])
    assert all(c.isprintable() or c == "\n" for c in text.out + text.said)
    assert "\\x1b" in text.out


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=80))
def test_no_name_leaves_its_quotes(name: str) -> None:
    """Whatever is in a name, it is one name after a round trip through the language, and printed printably."""
    assert printable(name).isprintable()
    try:
        program = tk.Program([tk.Clause(tk.uprobe("/bin/true", name), aggregates=[tk.count()])])
        text = tk.print_program(program)
    except tk.TracekitError:
        return  # it is refused
    assert tk.parse(text) == program
