"""Where debug information is looked for, and where it is said to be had."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.installed import needed

from tracekit.workflow.debuginfo import of_program
from tracekit.workflow.doctor import Check, State
from tracekit.workflow.subjects import subject


def check(path: Path | str) -> Check:
    """In a thread of its own, which has a reader of binaries of its own, with the environment as it is now."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: of_program(subject([str(path)]))).result()


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program with debug information."""
    source = tmp_path / "p.c"
    source.write_text("int main(void) { return 0; }")
    subprocess.run(["gcc", "-g", "-Wl,--build-id", "-o", tmp_path / "p", source], check=True)
    return tmp_path / "p"


def test_a_build_of_ones_own(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With debug information it is ready; without, it is to be compiled with it: no package has it."""
    monkeypatch.delenv("DEBUGINFOD_URLS", raising=False)
    assert check(program) == Check("debug info", State.READY, f"{program} has it")
    subprocess.run(["strip", program], check=True)
    found = check(program)
    assert found.state is State.LIMITED and "has no debug information" in found.says
    assert "-g" in found.remedy and "apt" not in found.remedy


def test_what_debuginfod_has_fetched(program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stripped program's debug information is found in debuginfod's cache, and not that of another build."""
    monkeypatch.setenv("DEBUGINFOD_CACHE_PATH", str(tmp_path / "cache"))
    build_id = subject([str(program)]).binary.facts.build_id
    kept = tmp_path / "cache" / build_id / "debuginfo"
    kept.parent.mkdir(parents=True)
    subprocess.run(["objcopy", "--only-keep-debug", program, kept], check=True)
    subprocess.run(["strip", program], check=True)
    assert check(program) == Check("debug info", State.READY, f"{program} has it in {kept}")
    subprocess.run(["objcopy", "--remove-section=.note.gnu.build-id", kept], check=True)
    assert check(program).state is State.LIMITED


def test_a_server_of_ones_own(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a server is named, what would fetch it from there is said, for a build in no package too."""
    monkeypatch.setenv("DEBUGINFOD_URLS", "https://debug.example")
    build_id = subject([str(program)]).binary.facts.build_id
    subprocess.run(["strip", program], check=True)
    assert check(program).remedy == f"Try: debuginfod-find debuginfo {build_id}"


def test_a_program_of_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what Debian has installed, the package with its debug symbols is named, and a server that has them."""
    needed("dpkg-query")
    monkeypatch.delenv("DEBUGINFOD_URLS", raising=False)
    found = check("/bin/true")
    if os.path.exists("/usr/lib/debug/.build-id") and found.state is State.READY:
        pytest.skip("coreutils-dbgsym is installed: apt remove coreutils-dbgsym")
    build_id = subject(["/bin/true"]).binary.facts.build_id
    assert "coreutils-dbgsym" in found.remedy
    assert f"debuginfod-find debuginfo {build_id}" in found.remedy
