"""A process as a descriptor: it can't come to mean another one, and select can wait for its end."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from collections.abc import Iterator

from tracekit.errors import TargetError


def require() -> None:
    """Refuses where processes can't be watched by descriptor.

    Raises:
        TargetError: on another system than Linux; or if ``/proc`` numbers processes otherwise than we do.
    """
    if sys.platform != "linux":
        raise TargetError(
            "programs can be started and watched on Linux only",
            "tracekit compile works here too: it writes the script for another machine.",
        )
    if os.readlink("/proc/self") != str(os.getpid()):
        raise TargetError(
            "the /proc here is that of another pid namespace than tracekit's own",
            "Mount one of its own first, as 'unshare --pid --fork --mount-proc' does.",
        )


@contextlib.contextmanager
def opened(pid: int) -> Iterator[int]:
    """A descriptor of a process, as long as the block lasts.

    Raises:
        TargetError: if it has ended.
    """
    try:
        fd = os.pidfd_open(pid)
    except OSError as error:
        raise TargetError(f"process {pid} has ended") from error
    try:
        yield fd
    finally:
        os.close(fd)


def ended(fd: int, timeout: float | None = 0) -> bool:
    """Whether a process has ended.

    Args:
        fd: its pidfd.
        timeout: for how many seconds to wait for the end; None waits without limit.
    """
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(None if timeout is None else max(0.0, timeout) * 1000))
