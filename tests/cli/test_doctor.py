"""``tracekit doctor``, on this machine as it is and on poorer ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.installed import needed

import tracekit as tk


def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command, in an environment of our own."""
    return subprocess.run(
        [sys.executable, "-m", "tracekit", "doctor", *words],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
    )


def found(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, str]]:
    """The checks by their names."""
    return {check["name"]: check for check in json.loads(done.stdout)}


def test_nothing_is_there(tmp_path: Path) -> None:
    """Without any engine each is missing, with where to get it, and the status says so."""
    done = run("-f", "json", PATH=str(tmp_path), TRACEKIT_DTRACE="/nonexistent")
    checks = found(done)
    assert done.returncode == 1
    for name in ("bpftrace", "dtrace", "gdb"):
        assert (checks[name]["state"], checks[name]["remedy"] != "") == ("missing", True)
    assert "'/nonexistent' is no program" in checks["dtrace"]["says"]
    assert checks["system"]["state"] == "ready"


def test_gdb_is_found() -> None:
    """A gdb with Python is ready, with its version and path."""
    needed("gdb")
    gdb = found(run("-f", "json"))["gdb"]
    assert gdb["state"] == "ready"
    assert gdb["says"].endswith("/gdb")


def test_the_text_names_what_is_wrong_and_what_helps(tmp_path: Path) -> None:
    """A line for each check, and the remedy under it."""
    lines = run(PATH=str(tmp_path), TRACEKIT_GDB="/nonexistent").stdout.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("missing  gdb"))
    assert lines[at].endswith("TRACEKIT_GDB='/nonexistent' is no program")
    assert "apt-get install gdb" in lines[at + 1]


@pytest.mark.live
def test_the_real_fix_of_a_library_that_stops_dtrace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where dtrace's io.d needs a symbol that the kernel doesn't list, that and the remedy are named."""
    if os.geteuid() != 0:
        pytest.skip("dtrace needs root")
    dtrace = Path(os.environ.get("TRACEKIT_ENGINES", "/var/cache/tracekit-engines"), "bin", "dtrace-sid")
    if not dtrace.exists():
        pytest.skip("there is no dtrace here: 'make engines' sets it up")
    monkeypatch.setenv("TRACEKIT_DTRACE", str(dtrace))
    (check,) = [check for check in tk.doctor() if check.name == "dtrace"]
    listed = b" major_names\n" in Path("/proc/kallsyms").read_bytes()
    assert check.state.value == ("ready" if listed else "limited")
    assert listed or ("major_names" in check.says and "CONFIG_KALLSYMS_ALL" in check.remedy)
