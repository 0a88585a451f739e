"""What the kernel says of a process that gdb is to hold, or has held (proc(5))."""

from __future__ import annotations

from collections.abc import Mapping

from tracekit.backends.gdb.mapped import files_mapped
from tracekit.errors import PrivilegeError, TargetError
from tracekit.process.attached import living_thread, status
from tracekit.process.namespaces import shares_files

_STATES = {"R": "runs", "S": "sleeps", "D": "waits for the kernel", "T": "is stopped", "t": "is held"}


def is_stopped(pid: int) -> bool:
    """Whether a signal has stopped a process."""
    return status(pid).get("State", "X")[0] == "T"


def check_running(pid: int) -> None:
    """Refuses a process that gdb would change by taking hold of it.

    Raises:
        TargetError: if it is stopped, or has ended.
        PrivilegeError: if we may not look at it.
    """
    _shares_files(pid)
    if is_stopped(pid):
        raise TargetError(
            f"process {pid} is stopped, and gdb would let it go on",
            f"kill -CONT {pid} has it go on; then try again.",
        )


def may_follow(pid: int, titles: Mapping[str, str]) -> bool:
    """Whether gdb may look for a process's libraries as they come and go.

    It may not in a container or a chroot: a gdb that reads another C library than the process has mapped puts
    its breakpoints into the middle of instructions. What is mapped by then it needn't look for.

    Args:
        pid: the process.
        titles: the files that matter, with their names in messages.

    Raises:
        TargetError: if it may not, and the process hasn't mapped one of the files.
        PrivilegeError: if we may not know.
    """
    if _shares_files(pid):
        return True
    try:
        there = files_mapped(pid, titles)
    except OSError:
        there = frozenset()
    for path, title in titles.items():
        if path not in there:
            raise TargetError(
                f"process {pid} has not mapped {title}, and gdb can't wait for that in a container",
                "Try again once it has, or use bpf.",
            )
    return False


def _shares_files(pid: int) -> bool:
    try:
        return shares_files(pid)
    except PermissionError as error:
        raise PrivilegeError(
            f"process {pid} may not be looked at", "Run the same command with sudo in front of it."
        ) from error
    except OSError as error:
        if living_thread(pid) is not None:
            raise TargetError(
                f"the main thread of process {pid} has ended, by which gdb would hold it",
                "Use bpf or bpftrace: they need to hold nothing.",
            ) from error
        raise TargetError(f"process {pid} has ended") from error


def describe_state(pid: int) -> str:
    """What a process does now, as a sentence without its full stop."""
    found = status(pid)
    state = found.get("State", "X")[0]
    if state in "ZX":
        return f"process {pid} has ended"
    held = f", held by process {found['TracerPid']}" if found["TracerPid"] != "0" else ", held by nobody"
    return f"process {pid} {_STATES.get(state, f'is in state {state}')}{held}"
