"""Somebody else's process, which is only watched."""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from tracekit.errors import TargetError
from tracekit.process import pidfd


class Attached:
    """A process that we did not start and never end.

    Attributes:
        pid: its process id.
    """

    def __init__(self, pid: int, fd: int) -> None:
        self.pid = pid
        self._fd = fd

    @classmethod
    def open(cls, pid: int) -> Self:
        """Takes hold of a process's identity, without touching it.

        Args:
            pid: its process id.

        Raises:
            TargetError: if there is no such process, if it has ended, if it is only a thread, or if a
                debugger holds it: of a debugger's breakpoint and a probe at one address, one stops seeing.
        """
        pidfd.require()
        try:
            fd = os.pidfd_open(pid)
        except (OSError, OverflowError) as error:
            raise _open_error(pid) from error
        try:
            _check(pid)
        except BaseException:
            os.close(fd)
            raise
        return cls(pid, fd)

    def fileno(self) -> int:
        """A descriptor that becomes readable when the process has ended."""
        return self._fd

    def ended(self) -> bool:
        """Whether it has ended."""
        return pidfd.ended(self._fd)

    def close(self) -> None:
        """Lets go of the process; a second call does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _check(pid: int) -> None:
    found = status(pid)
    if not found:
        raise _open_error(pid)
    if living_thread(pid) is None:
        raise TargetError(
            f"process {pid} has ended and is a zombie",
            f"Its parent {found['PPid']} has not waited for it yet.",
        )
    if (tracer := found["TracerPid"]) != "0":
        name = status(int(tracer)).get("Name", "")
        raise TargetError(
            f"process {pid} is held by process {tracer} {name!r}, a debugger",
            "Detach that first: with both at work, one of them may see nothing.",
        )


def living_thread(pid: int) -> int | None:
    """A thread by whose id /proc has what a process runs.

    Returns:
        The process's id, if its main thread hasn't ended; else the id of another thread that hasn't; None if
        there is none.
    """
    try:
        return next((t for t in (pid, *_threads(pid)) if status(t).get("State", "X")[0] not in "ZX"), None)
    except OSError:
        return None


def _threads(pid: int) -> Iterator[int]:
    yield from map(int, os.listdir(f"/proc/{pid}/task"))


def _open_error(pid: int) -> TargetError:
    leader = status(pid).get("Tgid")
    if leader is not None and leader != str(pid):
        return TargetError(f"{pid} is a thread, not a process", f"It is one of process {leader}.")
    return TargetError(
        f"there is no process {pid}",
        "ps -e lists what runs; a container has ids of its own, which --container finds out here.",
    )


def status(pid: int) -> dict[str, str]:
    """The fields of ``/proc/PID/status`` (proc(5)); empty if there is no such process."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="backslashreplace") as file:
            pairs = (line.partition(":") for line in file)
            return {name: value.strip() for name, _, value in pairs}
    except OSError:
        return {}
