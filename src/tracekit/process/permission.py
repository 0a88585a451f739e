"""Why the kernel refuses to let one process hold another, and what would change that.

Sources: ptrace(2), "Ptrace access mode checking"; the kernel's ``Documentation/admin-guide/LSM/Yama.rst``.
"""

from __future__ import annotations

import os

from tracekit.process.attached import status

YAMA = "/proc/sys/kernel/yama/ptrace_scope"

_CAP_SYS_PTRACE = 1 << 19
_CONTAINER = "a container needs CAP_SYS_PTRACE (docker run --cap-add=SYS_PTRACE)"
_SCOPE = "kernel.yama.ptrace_scope is"


def ptrace_scope() -> int:
    """Yama's setting; 0 where it isn't in the kernel."""
    try:
        with open(YAMA, encoding="ascii") as file:
            return int(file.read())
    except OSError:
        return 0


def may_hold_all() -> bool:
    """Whether we have the capability to hold others' processes (CAP_SYS_PTRACE)."""
    return bool(int(status(os.getpid())["CapEff"], 16) & _CAP_SYS_PTRACE)


def way_out(*, running: bool) -> str:
    """What one can do after a refusal, in sentences.

    Args:
        running: whether it is a process that runs already; else one that we have started.
    """
    return advice(
        ptrace_scope(), capable=may_hold_all(), held=status(os.getpid())["TracerPid"] != "0", running=running
    )


def advice(scope: int, *, capable: bool, held: bool, running: bool) -> str:
    """The same, of a system that is described; pure.

    Args:
        scope: Yama's setting.
        capable: whether we have CAP_SYS_PTRACE.
        held: whether a debugger holds ourselves, whose children it then holds, too.
        running: see ``way_out``.
    """
    if held and not running:
        return "tracekit itself runs under a debugger, or under strace -f: run it without."
    if scope == 3:
        return f"{_SCOPE} 3, which only a restart of the system changes; bpf with -p holds nothing."
    if scope == 2 and not capable:
        return f"{_SCOPE} 2: run it with sudo, or have 'sudo sysctl kernel.yama.ptrace_scope=1' before."
    if scope == 1 and running and not capable:
        return f"{_SCOPE} 1: run it with sudo, or have 'sudo sysctl kernel.yama.ptrace_scope=0' before."
    if running and not capable:
        return f"Run it with sudo; {_CONTAINER}."
    return (
        f"{_CONTAINER[0].upper()}{_CONTAINER[1:]}; other sandboxes forbid ptrace by a seccomp filter or a "
        "security module: run tracekit outside of them."
    )
