"""Which dtrace is there, and the part of its library that it gets; a script stands in for other systems'."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tracekit.backends.dtrace import library as module
from tracekit.backends.dtrace.library import (
    Installed,
    check_privilege,
    find_engine,
    installed,
    library,
    missing_symbols,
    remark,
)
from tracekit.core.feature import Feature
from tracekit.errors import EngineMissingError, PrivilegeError

FILES = {
    "bpf_dlib.o": b"code",
    "6.10/regs.d": b"inline int R_RDX = 12;",
    "6.10/sched.d": b"inline processorid_t cpu = curcpu->cpu_id;",
    "6.10/io.d": b"vmlinux`no_kernel_has_this vmlinux`schedule",
}
LINUX = Installed("/usr/sbin/dtrace", "2.0.7", "linux", FILES)


@pytest.fixture
def dtrace(tmp_path: Path) -> str:
    """A program that says its version as macOS's dtrace does."""
    path = tmp_path / "dtrace"
    path.write_text('#!/bin/sh\n[ "$1" = -V ] && echo "dtrace: Sun D 1.19"\n')
    path.chmod(0o755)
    return str(path)


def test_the_program_is_found_as_any_engine_is(dtrace: str, monkeypatch: pytest.MonkeyPatch):
    """TRACEKIT_DTRACE comes first, then the PATH; what isn't there is an error that says how to get it."""
    monkeypatch.setenv("PATH", os.path.dirname(dtrace))
    monkeypatch.delenv("TRACEKIT_DTRACE", raising=False)
    assert find_engine() == dtrace
    monkeypatch.setenv("TRACEKIT_DTRACE", "/no/such/dtrace")
    with pytest.raises(EngineMissingError, match="TRACEKIT_DTRACE='/no/such/dtrace' is no program"):
        find_engine()


def test_the_other_program_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """SystemTap's dtrace, a script that makes headers, is passed over, or named if there is no real one."""
    path = tmp_path / "dtrace"
    path.write_text("#!/usr/bin/python3\n# This file is part of systemtap, and is free software.\n")
    path.chmod(0o755)
    monkeypatch.setenv("TRACEKIT_DTRACE", str(path))
    with pytest.raises(EngineMissingError, match="is SystemTap's"):
        find_engine()


@pytest.mark.parametrize(
    ("platform", "dialect"), [("darwin", "macos"), ("freebsd14", "freebsd"), ("sunos5", "illumos")]
)
def test_the_dialect_is_the_systems(dtrace: str, monkeypatch: pytest.MonkeyPatch, platform: str, dialect: str):
    """Elsewhere than on Linux there is a version, a dialect, and no folder to give."""
    monkeypatch.setattr(module.sys, "platform", platform)
    monkeypatch.setattr(module.process, "output", lambda argv: b"dtrace: Sun D 1.19\n")
    installed.cache_clear()
    engine = installed(dtrace)
    assert (engine.version, engine.dialect, engine.library) == ("1.19", dialect, {})
    with library(engine, ()) as arguments:
        assert arguments == ()
    assert remark(engine) == ""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's dtrace alone is looked into")
def test_a_dtrace_without_a_library_is_taken_as_it_is(dtrace: str):
    """A program whose library can't be found is used all the same, with the library that it finds itself."""
    installed.cache_clear()
    engine = installed(dtrace)
    assert (engine.version, engine.library) == ("1.19", {})
    assert installed(dtrace) is engine


@pytest.mark.parametrize(("release", "types"), [("5.4.0-150-generic", True), ("5.15.0", False), ("?", True)])
def test_old_kernels_have_registers_by_types_only(release: str, types: bool, monkeypatch: pytest.MonkeyPatch):
    """Before 5.15 eBPF gives no registers, and dtrace finds them in the kernel's structures."""
    monkeypatch.setattr(module.os, "uname", lambda: SimpleNamespace(release=release))
    with library(LINUX, ()) as (argument,):
        assert Path(argument.removeprefix("-xsyslibdir="), "6.10/sched.d").exists() == types


def test_the_folder_has_what_scripts_need_and_is_ours_alone():
    """Registers and code, nothing of the kernel's; for us only, and gone at the end."""
    with library(LINUX, {Feature.ARGUMENT}) as (argument,):
        folder = Path(argument.removeprefix("-xsyslibdir="))
        assert {str(f.relative_to(folder)) for f in folder.rglob("*.*") if f.is_file()} == {
            "bpf_dlib.o",
            "6.10/regs.d",
        }
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not folder.exists()


@pytest.mark.parametrize("feature", [Feature.CPU, Feature.COMM])
def test_a_script_that_needs_the_kernels_types_gets_them(feature: Feature):
    """``cpu`` is defined in sched.d, and ``execname`` found by types; only who needs them waits for them."""
    with library(LINUX, {feature}) as (argument,):
        assert Path(argument.removeprefix("-xsyslibdir="), "6.10/sched.d").read_bytes() == FILES["6.10/sched.d"]


def test_two_folders_at_once_are_two():
    """Runs side by side don't share a folder."""
    with library(LINUX, ()) as first, library(LINUX, ()) as second:
        assert first != second


@pytest.mark.skipif(
    not os.path.exists("/proc/kallsyms"), reason="there is no /proc/kallsyms, so this is no Linux"
)
def test_a_symbol_that_the_kernel_lacks_is_named_with_the_remedy():
    """What io.d needs is looked for in the running kernel; what is missing is said, and what would help."""
    assert missing_symbols(LINUX) == ("no_kernel_has_this",)
    assert "CONFIG_KALLSYMS_ALL=y" in remark(LINUX)


def test_who_is_not_root_is_told_before_anything_runs(monkeypatch: pytest.MonkeyPatch):
    """The refusal says sudo."""
    monkeypatch.setattr(module.os, "geteuid", lambda: 1000)
    with pytest.raises(PrivilegeError) as error:
        check_privilege()
    assert "sudo" in error.value.hint
