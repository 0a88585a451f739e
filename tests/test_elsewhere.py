"""What has to work on macOS too: tried with Linux's own attributes taken away."""

from __future__ import annotations

import subprocess
import sys

from tests import needs_linux

AS_ON_MACOS = """
import fcntl, os, select, signal, sys, sysconfig
import attrs, capstone, cattrs, click, pygdbmi.gdbmiparser
from elftools.elf import elffile
sysconfig.get_config_vars()  # looks for a file of the platform's name
for module, names in {
    os: ("O_PATH", "eventfd", "memfd_create", "pidfd_open", "pipe2", "setresuid", "sched_getaffinity"),
    signal: ("SIGRTMAX", "SIGRTMIN", "pidfd_send_signal", "sigtimedwait"),
    select: ("epoll",),
    fcntl: ("F_SETPIPE_SZ",),
}.items():
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
sys.platform = "darwin"
"""

IMPORT_ALL = """
import importlib, pkgutil, tracekit
for found in pkgutil.walk_packages(tracekit.__path__, "tracekit."):
    # one runs at its import, the others inside gdb
    in_gdb = ("hold", "inside", "memory", "people", "tracing")
    if found.name not in ("tracekit.__main__", *(f"tracekit.backends.gdb.{name}" for name in in_gdb)):
        importlib.import_module(found.name)
"""


def run(code: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python as on macOS."""
    argv = [sys.executable, "-c", AS_ON_MACOS + code, *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)


def tracekit(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command as on macOS."""
    return run("from tracekit.cli.main import main\nmain()\n", *words)


def test_every_module_can_be_imported():
    """No module needs an attribute that only Linux has before it is used."""
    assert run(IMPORT_ALL).stderr == ""


def test_help_and_compile_work():
    """The help comes, and a program is compiled for a Linux host."""
    assert "trace" in tracekit("--help").stdout
    done = tracekit("compile", "-e", "uprobe:./itest:insert { @ = hist(arg2); }")
    assert (done.returncode, done.stderr) == (0, "")
    assert "uprobe:" in done.stdout


def test_tracing_is_refused_in_words():
    """What needs Linux ends in one sentence and a status, never in a traceback."""
    done = tracekit("trace", "-e", "syscall:read:entry { @ = count(); }", "-c", "/bin/echo")
    assert done.returncode == 1
    assert done.stderr.startswith("tracekit: ")
    assert "Traceback" not in done.stderr


def test_every_reason_is_about_something():
    """What is said to need Linux exists, so that a file that was renamed doesn't lose its reason."""
    for path in needs_linux.REASONS:
        assert (needs_linux.ROOT / path).exists(), path
