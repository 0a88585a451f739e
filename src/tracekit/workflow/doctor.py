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
from tracekit.errors import EngineError, TracekitError, UnsupportedError
from tracekit.values import frozen


class State(enum.Enum):
    """How well something is."""

    READY = "ready"
    LIMITED = "limited"
    MISSING = "missing"


@frozen
class Check:
    """One thing that was looked at.

    Attributes:
        name: what: an engine's name, or ``system``, ``privileges``, ``kernel``, ``processes``,
            ``calibrations``, or ``debug info``.
        state: how it is.
        says: a sentence about it.
        remedy: what would make it better; empty if nothing has to.
    """

    name: str
    state: State
    says: str
    remedy: str = ""


def doctor(binary: str | None = None) -> tuple[Check, ...]:
    """Look at this machine, and have each engine trace a small program that is made for this.

    Nothing of the user's is traced or changed.

    Args:
        binary: a program or library, or a process by its number, whose debug information is looked for, too.

    Raises:
        TracekitError: if there is no such binary.
    """
    looked: tuple[Check, ...] = ()
    if binary is not None:
        from tracekit.workflow.debuginfo import of_program
        from tracekit.workflow.subjects import subject

        looked = (of_program(subject([binary])),)
    checks = (_system, _privileges, _kernel, _bpf, _bpftrace, _dtrace, _gdb, _processes, _calibrations)
    return (*(found for check in checks for found in _safely(check)), *looked)


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
        says = (
            "not root, which bpf (or CAP_BPF and CAP_PERFMON), bpftrace (CAP_SYS_ADMIN, or newer ones CAP_BPF "
            "and CAP_PERFMON) and dtrace (CAP_SYS_ADMIN) need; gdb, compile, import and resolving names don't"
        )
        yield Check("privileges", State.LIMITED, says, "Run tracekit with sudo.")


def _kernel() -> Iterator[Check]:
    """What the kernel withholds; which engine that concerns is shown by what they can do."""
    if sys.platform != "linux":
        return
    from tracekit.workflow.kernel import obstacles, read_file

    for found in obstacles(read_file, root=os.geteuid() == 0):
        yield Check("kernel", State.LIMITED, found.says, found.remedy)


def _bpf() -> Iterator[Check]:
    """Our own eBPF programs: nothing has to be installed, so whatever is missing is the kernel's to give."""
    if sys.platform != "linux":
        return
    from tracekit.workflow.ebpf import reasons, slower
    from tracekit.workflow.kernel import read_file

    found = _proved("bpf", f"kernel {platform.release()}", lambda: None)
    if found.state is State.MISSING:
        told = list(reasons(read_file, root=os.geteuid() == 0))
        says = "; ".join([found.says, *(reason.says for reason in told)])
        remedy = " ".join(reason.remedy for reason in told)
        yield attrs.evolve(found, says=says, remedy=remedy or found.remedy)
        return
    for reason in slower(read_file):
        found = attrs.evolve(
            found, state=State.LIMITED, says=f"{found.says}; {reason.says}", remedy=reason.remedy
        )
    yield _with_tracefs(found)


def _with_tracefs(found: Check) -> Check:
    """The same of an engine that needs tracefs for system calls."""
    from tracekit.backends.tracefs import require_tracefs

    try:
        require_tracefs("system calls", found.name)
    except UnsupportedError as error:
        says = f"{found.says}; {error.message}"
        return attrs.evolve(found, state=State.LIMITED, says=says, remedy=error.hint)
    return found


def _bpftrace() -> Iterator[Check]:
    if sys.platform != "linux":
        return
    from tracekit.backends.bpftrace.run import check_privilege, find_engine

    path = find_engine()
    version = _first(process.output([path, "--version"])).removeprefix("bpftrace v")
    found = _proved("bpftrace", f"{version}, {path}", check_privilege)
    yield _with_tracefs(found) if found.state is State.READY else found


def _dtrace() -> Iterator[Check]:
    from tracekit.backends.dtrace.library import check_privilege, find_engine, installed, missing_symbols

    engine = installed(find_engine())
    says = f"{engine.version}, {engine.path}"
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
    if engine.dialect != "linux":  # where tracekit writes scripts, and doesn't run them
        check_privilege()
        yield Check("dtrace", State.READY, says)
        return
    found = _proved("dtrace", says, check_privilege)
    if found.state is not State.MISSING and (missing := missing_symbols(engine)):
        found = attrs.evolve(
            found,
            state=State.LIMITED,
            says=f"{found.says}; by itself it stops at its own io.d, which needs the kernel's symbol "
            f"{', '.join(missing)}: tracekit runs it without that file",
            remedy="The real fix is a kernel with CONFIG_KALLSYMS_ALL=y, or a dtrace whose library does "
            "without.",
        )
    yield found


def _gdb() -> Iterator[Check]:
    if sys.platform != "linux":
        return
    from tracekit.backends.gdb.session import find_gdb

    path = find_gdb(os.uname().machine)
    version = re.sub(r".*\) ", "", _first(process.output([path, "-nx", "--version"])))
    found = _proved("gdb", f"{version}, {path}", lambda: None)
    if found.state is State.READY:
        more = (
            "traces commands without root, slowly: each event stops them for about 0.25 ms; "
            "a process that runs already (-p) only with --attach-gdb, for it dies if gdb is killed"
        )
        found = attrs.evolve(found, says=f"{found.says}; {more}")
    yield found


def _proved(backend: str, says: str, check: Callable[[], None]) -> Check:
    """An engine that is installed, and whether it can trace; ``check`` raises an error if it may not."""
    from tracekit.workflow.proof import prove

    try:
        check()
        proof = prove(backend)
    except TracekitError as error:
        # What an engine's own failure hints at is about a run of the user's.
        own = (
            "Trace with another engine, and report this."
            if backend == "bpf"
            else f"Install it anew, or name another one with TRACEKIT_{backend.upper()}."
        )
        hint = own if isinstance(error, EngineError) and "-v" in error.hint else error.hint
        return Check(backend, State.MISSING, f"{says}; {error.message}", hint or own)
    if not proof:
        return Check(backend, State.LIMITED, f"{says}; there is nothing here to try it on", "Trace something.")
    return Check(backend, State.READY, f"{says}; {proof}")


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
