"""What the kernel says of a process that gdb is to hold, or has held (proc(5))."""

from __future__ import annotations

import os

from tracekit.errors import PrivilegeError, TargetError
from tracekit.process.attached import status

_STATES = {"R": "runs", "S": "sleeps", "D": "waits for the kernel", "T": "is stopped", "t": "is held"}


def is_stopped(pid: int) -> bool:
    """Whether a signal has stopped a process."""
    return status(pid).get("State", "X")[0] == "T"


def check_reachable(pid: int) -> None:
    """Refuses a process that gdb would see wrongly or harm.

    A gdb that reads another C library than the process has mapped puts its breakpoints into the middle of
    instructions.

    Raises:
        TargetError: if it is stopped, or in another mount namespace or root folder.
        PrivilegeError: if we may not know.
    """
    if is_stopped(pid):
        raise TargetError(
            f"process {pid} is stopped, and gdb would let it go on",
            f"kill -CONT {pid} has it go on; then try again.",
        )
    try:
        alike = os.path.samestat(os.stat(f"/proc/{pid}/ns/mnt"), os.stat("/proc/self/ns/mnt"))
        alike = alike and os.path.samestat(os.stat(f"/proc/{pid}/root"), os.stat("/proc/self/root"))
    except PermissionError as error:
        raise PrivilegeError(
            f"process {pid} may not be looked at", "Run the same command with sudo in front of it."
        ) from error
    except OSError as error:
        raise TargetError(f"process {pid} has ended") from error
    if not alike:
        raise TargetError(
            f"process {pid} sees other files than tracekit does: it is in a container or a chroot",
            f"Run tracekit there, for example with nsenter -t {pid} -m.",
        )


def describe_state(pid: int) -> str:
    """What a process does now, as a sentence without its full stop."""
    found = status(pid)
    state = found.get("State", "X")[0]
    if state in "ZX":
        return f"process {pid} has ended"
    held = f", held by process {found['TracerPid']}" if found["TracerPid"] != "0" else ", held by nobody"
    return f"process {pid} {_STATES.get(state, f'is in state {state}')}{held}"
