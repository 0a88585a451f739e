"""``tracekit doctor``, on this machine as it is and on poorer ones."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.installed import needed
from tools.engines import kit_folder

import tracekit as tk

DROPPED = "-sys_admin,-bpf,-perfmon"
WITHOUT_BPF = (str(shutil.which("setpriv")), f"--bounding-set={DROPPED}", f"--inh-caps={DROPPED}")
"""As a container's root is."""
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


def run(*words: str, prefix: tuple[str, ...] = (), **variables: str) -> subprocess.CompletedProcess[str]:
    """The command, in an environment of our own."""
    return subprocess.run(
        [*prefix, sys.executable, "-m", "tracekit", "doctor", *words],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
        timeout=60,
    )


def held_shells() -> list[str]:
    """The processes that the command may have left, held or not: shells without arguments."""
    said = subprocess.run(["ps", "-eo", "pid,args"], check=True, capture_output=True, text=True).stdout
    return [line for line in said.splitlines() if line.endswith(" /bin/sh")]


def found(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, str]]:
    """The checks by their names."""
    return {check["name"]: check for check in json.loads(done.stdout)}


def test_nothing_is_there(tmp_path: Path) -> None:
    """Without any engine each is missing, with where to get it, and the status says so."""
    needed("setpriv")
    without = WITHOUT_BPF if os.geteuid() == 0 else ()
    done = run("-f", "json", prefix=without, PATH=str(tmp_path), TRACEKIT_DTRACE="/nonexistent")
    checks = found(done)
    assert done.returncode == 1
    for name in ("bpf", "bpftrace", "dtrace", "gdb"):
        assert (checks[name]["state"], checks[name]["remedy"] != "") == ("missing", True)
    assert "'/nonexistent' is no program" in checks["dtrace"]["says"]
    assert checks["system"]["state"] == "ready"


def test_gdb_is_an_engine(tmp_path: Path) -> None:
    """A gdb that can hold a command is ready, and enough: it says what it costs, and nothing stays behind."""
    needed("gdb", "setpriv")
    without = WITHOUT_BPF if os.geteuid() == 0 else ()
    before, gdb_path, kept = held_shells(), str(shutil.which("gdb")), tmp_path / "calibrations"
    engines = {"TRACEKIT_DTRACE": "/nonexistent", "TRACEKIT_GDB": gdb_path}
    done = run("-f", "json", prefix=without, PATH=str(tmp_path), TRACEKIT_CALIBRATIONS=str(kept), **engines)
    gdb = found(done)["gdb"]
    assert (done.returncode, gdb["state"]) == (0, "ready")
    assert "/gdb; counted the 7 calls of a test program; traces commands without root, slowly" in gdb["says"]
    assert "--attach-gdb" in gdb["says"]
    assert held_shells() == before
    assert not kept.exists()


def test_who_is_not_root_has_gdb(tmp_path: Path) -> None:
    """Without root the others can't be used, whatever is installed, and gdb can; without it, nothing can."""
    needed("gdb", "setpriv")
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    dtrace = kit_folder() / "bin/dtrace-sid"
    there = {"TRACEKIT_DTRACE": str(dtrace)} if dtrace.exists() else {}
    with_gdb = run("-f", "json", prefix=NOBODY, **there)
    checks = found(with_gdb)
    assert with_gdb.returncode == 0
    states = [checks[name]["state"] for name in ("bpf", "bpftrace", "dtrace", "gdb")]
    assert states == ["missing", "missing", "missing", "ready"]
    assert checks["privileges"]["state"] == "limited"
    if there:
        assert "dtrace needs root to trace" in checks["dtrace"]["says"]
    assert run(prefix=NOBODY, TRACEKIT_GDB=str(tmp_path), **there).returncode == 1


def test_a_sandbox_that_forbids_ptrace() -> None:
    """Where no process may be held, neither gdb nor the start of commands is ready, and why is named."""
    needed("gdb", "strace")
    strace = ("strace", "-f", "-o", "/dev/null", "-e", "trace=none")
    checks = found(run("-f", "json", prefix=strace))
    for name in ("gdb", "processes"):
        assert checks[name]["state"] == "missing"
        assert "ptrace is refused" in checks[name]["says"]
        assert "strace -f: run it without" in checks[name]["remedy"]


def test_the_text_names_what_is_wrong_and_what_helps(tmp_path: Path) -> None:
    """A line for each check, and the remedy under it."""
    lines = run(PATH=str(tmp_path), TRACEKIT_GDB="/nonexistent").stdout.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("missing  gdb"))
    assert lines[at].endswith("TRACEKIT_GDB='/nonexistent' is no program")
    assert "apt-get install gdb" in lines[at + 1]


@pytest.mark.live
def test_nothing_else_is_needed(tmp_path: Path) -> None:
    """Root on Linux can trace without any engine installed: tracekit's own has counted a program's calls."""
    if os.geteuid() != 0:
        pytest.skip("tracing needs root")
    hidden = {"TRACEKIT_DTRACE": "/nonexistent", "TRACEKIT_GDB": "/nonexistent"}
    done = run("-f", "json", PATH=str(tmp_path), **hidden)
    checks = found(done)
    assert (done.returncode, checks["bpf"]["state"] in ("ready", "limited")) == (0, True)
    assert "; counted the 7 calls of a test program" in checks["bpf"]["says"]
    assert [checks[name]["state"] for name in ("bpftrace", "dtrace", "gdb")] == ["missing"] * 3


@pytest.mark.live
def test_why_the_kernel_takes_no_programs() -> None:
    """Root without capabilities is told which are missing, and how a container gets them."""
    needed("setpriv")
    if os.geteuid() != 0:
        pytest.skip("only root can drop what root has")
    check = found(run("-f", "json", prefix=WITHOUT_BPF))["bpf"]
    assert check["state"] == "missing"
    assert "this process lacks CAP_BPF and CAP_PERFMON" in check["says"]
    assert check["remedy"] == "Start the container with --cap-add=BPF --cap-add=PERFMON."


@pytest.mark.live
def test_the_real_fix_of_a_library_that_stops_dtrace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where dtrace's io.d needs a symbol that the kernel doesn't list, that and the remedy are named."""
    if os.geteuid() != 0:
        pytest.skip("dtrace needs root")
    dtrace = Path(os.environ.get("TRACEKIT_ENGINES", "/var/cache/tracekit-engines"), "bin", "dtrace-sid")
    if not dtrace.exists():
        pytest.skip("there is no dtrace here: 'make engines' sets it up")
    monkeypatch.setenv("TRACEKIT_DTRACE", str(dtrace))
    for other in ("TRACEKIT_BPFTRACE", "TRACEKIT_GDB"):
        monkeypatch.setenv(other, "/nonexistent")
    (check,) = [check for check in tk.doctor() if check.name == "dtrace"]
    listed = b" major_names\n" in Path("/proc/kallsyms").read_bytes()
    assert check.state.value == ("ready" if listed else "limited")
    assert "counted the one call of a test program" in check.says
    assert listed or ("major_names" in check.says and "CONFIG_KALLSYMS_ALL" in check.remedy)


@pytest.mark.live
def test_each_engine_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that is ready has counted the calls of a program whose calls are known."""
    if os.geteuid() != 0:
        pytest.skip("tracing needs root")
    needed("bpftrace")
    monkeypatch.setenv("TRACEKIT_BPFTRACE", "bpftrace")
    for other in ("TRACEKIT_DTRACE", "TRACEKIT_GDB"):
        monkeypatch.setenv(other, "/nonexistent")
    (check,) = [check for check in tk.doctor() if check.name == "bpftrace"]
    assert check.state.value in ("ready", "limited")
    assert "/bpftrace; counted the 7 calls of a test program" in check.says


BROKEN = {
    "ends": ("echo bpftrace v0.23.0", "bpftrace ended with status 0"),
    "fails": ('[ "$1" = --version ] && exec echo v0.23.0; echo "ERROR: no luck" >&2; exit 3', "no luck"),
}


@pytest.mark.live
@pytest.mark.parametrize("how", BROKEN)
def test_an_engine_that_is_a_broken_script(tmp_path: Path, how: str) -> None:
    """A version is no proof: what can't trace is missing, with what it said, and the way out."""
    if os.geteuid() != 0:
        pytest.skip("tracing needs root")
    script, said = BROKEN[how]
    (tmp_path / "bpftrace").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "bpftrace").chmod(0o755)
    nothing = {"TRACEKIT_DTRACE": "/nonexistent", "TRACEKIT_GDB": "/nonexistent"}
    done = run("-f", "json", TRACEKIT_BPFTRACE=str(tmp_path / "bpftrace"), **nothing)
    check = found(done)["bpftrace"]
    assert check["state"] == "missing"
    assert said in check["says"]
    assert check["remedy"] == "Install it anew, or name another one with TRACEKIT_BPFTRACE."
