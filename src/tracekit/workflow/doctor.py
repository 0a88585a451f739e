"""What tracekit can do on this machine, and what would let it do more."""

from __future__ import annotations

import enum
import os
import platform
import re
import sys
from collections.abc import Callable, Iterator
from typing import Final

import attrs

from tracekit import process
from tracekit.errors import TracekitError

_PTRACE_SCOPE: Final = "/proc/sys/kernel/yama/ptrace_scope"


class State(enum.Enum):
    """How well something is."""

    READY = "ready"
    LIMITED = "limited"
    MISSING = "missing"


@attrs.frozen
class Check:
    """One thing that was looked at.

    Attributes:
        name: what: an engine's name, or ``system``, ``privileges``, ``processes``, ``calibrations``.
        state: how it is.
        says: a sentence about it.
        remedy: what would make it better; empty if nothing has to.
    """

    name: str
    state: State
    says: str
    remedy: str = ""


def doctor() -> tuple[Check, ...]:
    """Look at this machine; nothing is traced, and nothing is changed."""
    checks = (_system, _privileges, _bpftrace, _dtrace, _gdb, _processes, _calibrations)
    return tuple(found for check in checks for found in _safely(check))


def usable(checks: tuple[Check, ...]) -> bool:
    """Whether there is an engine that can trace."""
    return any(c.name in ("bpftrace", "dtrace") and c.state is not State.MISSING for c in checks)


def _safely(check: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """A check's findings; an error of ours is one."""
    try:
        yield from check()
    except TracekitError as error:
        yield Check(check.__name__.strip("_"), State.MISSING, error.message, error.hint)


def _system() -> Iterator[Check]:
    yield Check("system", State.READY, f"{platform.system()} {platform.release()}, {platform.machine()}")


def _privileges() -> Iterator[Check]:
    if os.geteuid() == 0:
        yield Check("privileges", State.READY, "root")
    else:
        says = "not root: engines can't place probes; compile, import and resolving names work"
        yield Check("privileges", State.LIMITED, says, "Run tracekit with sudo.")


def _bpftrace() -> Iterator[Check]:
    if sys.platform != "linux":
        return
    from tracekit.backends.bpftrace.run import check_privilege, find_engine
    from tracekit.backends.bpftrace.tracefs import require_tracefs

    path = find_engine()
    version = _first(process.output([path, "--version"])).removeprefix("bpftrace v")
    says = f"{version}, {path}"
    try:
        check_privilege()
        require_tracefs("system calls")
    except TracekitError as error:
        yield Check("bpftrace", State.LIMITED, f"{says}; {error.message}", error.hint)
    else:
        yield Check("bpftrace", State.READY, says)


def _dtrace() -> Iterator[Check]:
    from tracekit.backends.dtrace.library import check_privilege, find_engine, installed, missing_symbols

    engine = installed(find_engine())
    says = f"{engine.version}, {engine.path}"
    if missing := missing_symbols(engine):
        yield Check(
            "dtrace",
            State.LIMITED,
            f"{says}; by itself it stops at its own io.d, which needs the kernel's symbol "
            f"{', '.join(missing)}: tracekit runs it without that file",
            "The real fix is a kernel with CONFIG_KALLSYMS_ALL=y, or a dtrace whose library does without.",
        )
        return
    if engine.dialect == "macos" and b"enabled" in process.output(["/usr/bin/csrutil", "status"]):
        yield Check(
            "dtrace",
            State.LIMITED,
            f"{says}; System Integrity Protection hides Apple's own programs, and those that aren't signed "
            "for debugging (com.apple.security.get-task-allow)",
            "Sign your own builds with 'codesign --sign - --force --entitlements FILE PROGRAM', or run "
            "'csrutil enable --without dtrace' in macOS's Recovery.",
        )
        return
    try:
        check_privilege()
    except TracekitError as error:
        yield Check("dtrace", State.LIMITED, f"{says}; {error.message}", error.hint)
    else:
        yield Check("dtrace", State.READY, says)


def _gdb() -> Iterator[Check]:
    from tracekit.backends.gdb.session import find_gdb

    path = find_gdb(os.uname().machine)
    version = re.sub(r".*\) ", "", _first(process.output([path, "-nx", "--version"])))
    asked = process.output([path, "-nx", "-batch", "-ex", "python print(6 * 7)"])
    if asked.strip() == b"42":
        yield Check("gdb", State.READY, f"{version}, {path}")
    else:
        says = f"{version}, {path}; it was built without Python, so it can't confirm where arguments are"
        yield Check("gdb", State.LIMITED, says, "Install one with Python, or set TRACEKIT_GDB to its path.")


def _processes() -> Iterator[Check]:
    """Whether commands can be held before they run, and running ones looked into."""
    if sys.platform != "linux" or not os.path.exists(_PTRACE_SCOPE):
        return
    with open(_PTRACE_SCOPE, encoding="ascii") as file:
        scope = file.read().strip()
    if scope == "3":
        says = (
            "no process may be held (kernel.yama.ptrace_scope is 3), so commands can't be started for tracing"
        )
        yield Check("processes", State.MISSING, says, "It can only be changed at boot; trace with -p PID.")
    else:
        yield Check("processes", State.READY, f"commands can be held (kernel.yama.ptrace_scope is {scope})")


def _calibrations() -> Iterator[Check]:
    from tracekit.workflow.knowledge import Knowledge

    folder = Knowledge().store.folder
    count = sum(name.endswith(".json") for _, _, names in os.walk(folder) for name in names)
    yield Check("calibrations", State.READY, f"{count} stored in {folder}")


def _first(said: bytes) -> str:
    return (said.decode("utf-8", "replace").splitlines() or [""])[0].strip()
