"""A command is started as it would be alone, and ends so, whatever traces it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.hazards.conftest import Used, on

import tracekit as tk
from tracekit.core.probe import FunctionName, Uprobe
from tracekit.core.result import Ending
from tracekit.syntax.printer import print_probe

pytestmark = pytest.mark.live

WORDS = ("", "a b", "$(touch pwned)", "`touch pwned`", "*", "'", '"', "\\", "a\nb", "; touch pwned", "\udcff")
ODD = "v \"'$(touch pwned)`*\\:;{é"


def program(binary: str) -> str:
    return f"{print_probe(Uprobe(binary, FunctionName('hit')))} {{ @ = count() }}"


@on()
def test_a_command_notices_nothing(
    used: Used, victim: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Words, environment, output and status are as without a tracer; what it prints is no engine's answer."""
    binary = str(shutil.move(victim, tmp_path / ODD))
    told = tmp_path / "told"
    environment = {"TOLD": str(told), "HOME": str(tmp_path), "LANG": "C"}
    if used.backend == "dtrace":
        with pytest.raises(tk.UnsupportedError, match="no file by its path if that has a blank"):
            used.run(program(binary), tk.Command((binary, "exit"), env=environment, cwd=str(tmp_path)))
        assert not told.exists()
        binary = str(shutil.move(binary, tmp_path / ODD.translate(dict.fromkeys(map(ord, " \\`")))))
    command = (binary, "exit", *WORDS)
    result = used.run(program(binary), tk.Command(command, env=environment, cwd=str(tmp_path)))
    assert result.whole and result.maps[0].total == 1000
    assert result.provenance.target.ending == Ending(status=7)
    words, variables, _ = told.read_bytes().split(b"\0\n")
    assert words.split(b"\0") == [os.fsencode(word) for word in command]
    assert sorted(variables.split(b"\0")) == sorted(f"{k}={v}".encode() for k, v in environment.items())
    assert "\n42^done\n" in capfd.readouterr().out
    assert not (tmp_path / "pwned").exists()


@on("bpf own", "bpftrace 0.17", "bpftrace 0.27", "dtrace 2.0.7", "gdb 13")
def test_a_crash_is_the_commands_own(used: Used, victim: str) -> None:
    """A command that crashes is reported with its signal, and all that it did before is counted."""
    result = used.run(program(victim), tk.Command((victim, "crash")))
    assert result.whole and result.maps[0].total == 1000
    assert result.provenance.target.ending == Ending(signal="SIGSEGV")


@on("bpftrace 0.23")
def test_no_shell_sees_the_words_of_a_command_line(used: Used, victim: str, tmp_path: Path) -> None:
    """What -c has is split at its quotes, and nothing in it is expanded or executed."""
    told = tmp_path / "told"
    line = f"{victim} exit 'a  b' $(id) \"*\" ; touch pwned"
    trace = [
        sys.executable,
        "-m",
        "tracekit",
        "trace",
        "--backend",
        "bpftrace",
        "-e",
        program(victim),
        "-c",
        line,
    ]
    environment = {**os.environ, "TOLD": str(told), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(trace, check=False, capture_output=True, env=environment, cwd=tmp_path, timeout=60)
    assert done.returncode == 0, done.stderr
    words = told.read_bytes().split(b"\0\n")[0].split(b"\0")
    assert words[1:] == [b"exit", b"a  b", b"$(id)", b"*", b";", b"touch", b"pwned"]
    assert not (tmp_path / "pwned").exists()
