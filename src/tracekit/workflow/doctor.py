"""What tracekit can do on this machine, and what would let it do more."""

from __future__ import annotations

import enum
import os
import platform
import re
import sys
from collections.abc import Callable, Iterator

import attrs

from tracekit import process
from tracekit.backends.registry import backend_names
from tracekit.errors import PrivilegeError, TracekitError


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
    """Look at this machine; no program is traced, and nothing is changed.

    Whether a command can be held is found out with one, a shell that is killed before its first instruction.
    """
    checks = (_system, _privileges, _bpftrace, _dtrace, _gdb, _processes, _calibrations)
    return tuple(found for check in checks for found in _safely(check))


def usable(checks: tuple[Check, ...]) -> bool:
    """Whether there is an engine that can trace."""
    return any(c.name in backend_names() and c.state is not State.MISSING for c in checks)


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
        says = "not root, which bpftrace and dtrace need; gdb, compile, import and resolving names don't"
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
    except PrivilegeError as error:
        yield Check("bpftrace", State.MISSING, f"{says}; {error.message}", error.hint)
    except TracekitError as error:
        yield Check("bpftrace", State.LIMITED, f"{says}; {error.message}", error.hint)
    else:
        yield Check("bpftrace", State.READY, says)


def _dtrace() -> Iterator[Check]:
    from tracekit.backends.dtrace.library import check_privilege, find_engine, installed, missing_symbols

    engine = installed(find_engine())
    says = f"{engine.version}, {engine.path}"
    try:
        check_privilege()
    except TracekitError as error:
        yield Check("dtrace", State.MISSING, f"{says}; {error.message}", error.hint)
        return
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
    yield Check("dtrace", State.READY, says)


def _gdb() -> Iterator[Check]:
    if sys.platform != "linux":
        return
    from tracekit.backends.gdb.session import find_gdb
    from tracekit.backends.gdb.trial import try_on_command

    path = find_gdb(os.uname().machine)
    version = re.sub(r".*\) ", "", _first(process.output([path, "-nx", "--version"])))
    says = f"{version}, {path}"
    try:
        with _held_command() as command:
            try_on_command(path, command)
    except TracekitError as error:
        yield Check("gdb", State.MISSING, f"{says}; {error.message}", error.hint)
        return
    yield Check(
        "gdb",
        State.READY,
        f"{says}; traces commands without root, slowly: each event stops them for about 0.25 ms; "
        "a process that runs already (-p) only with --attach-gdb, for it dies if gdb is killed",
    )


def _processes() -> Iterator[Check]:
    """Whether commands can be held before they run, and running ones by a debugger."""
    if sys.platform != "linux":
        return
    from tracekit.process import permission

    with _held_command():
        pass
    scope = permission.ptrace_scope()
    if permission.may_hold_all():
        yield Check("processes", State.READY, "commands and running processes can be held")
    elif scope == 0:
        yield Check("processes", State.READY, "commands can be held, and running processes of this user")
    else:
        says = f"commands can be held, running processes can't (kernel.yama.ptrace_scope is {scope})"
        yield Check("processes", State.LIMITED, says, permission.way_out(running=True))


def _held_command() -> process.Target:
    """A command as a run starts one: held before its first instruction."""
    return process.Target.start(["/bin/sh"], user=process.invoking_user())


def _calibrations() -> Iterator[Check]:
    from tracekit.workflow.knowledge import Knowledge

    folder = Knowledge().store.folder
    count = sum(name.endswith(".json") for _, _, names in os.walk(folder) for name in names)
    yield Check("calibrations", State.READY, f"{count} stored in {folder}")


def _first(said: bytes) -> str:
    return (said.decode("utf-8", "replace").splitlines() or [""])[0].strip()
