"""What a dtrace that dies leaves in the kernel: its uprobes have names, and so outlive it."""

from __future__ import annotations

import contextlib
import os
import re
from typing import Final

_LISTS: Final = ("/sys/kernel/tracing/uprobe_events", "/sys/kernel/debug/tracing/uprobe_events")


class Leftovers:
    """The named uprobes of a dtrace.

    They are reached by the kernel's list as that process sees it, which may have a tracefs where we have none.
    Without one, nothing is taken away.

    Args:
        pid: the process id of a dtrace that runs.
    """

    def __init__(self, pid: int) -> None:
        self._names = re.compile(rb"^[pr]:(dt_%d_[^\s/]+/\S+) " % pid, re.MULTILINE)
        self._file = -1
        for path in _LISTS:
            with contextlib.suppress(OSError):
                # Without O_TRUNC, which would take away everybody's.
                self._file = os.open(f"/proc/{pid}/root{path}", os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
                break

    def remove(self) -> None:
        """Take away what is left; to be called once, when that dtrace has ended."""
        if self._file < 0:
            return
        try:
            with open(self._file, "rb", closefd=False) as listed:
                left = self._names.findall(listed.read())
            for name in left:
                with contextlib.suppress(OSError):  # somebody else reads it, or has taken it away
                    os.write(self._file, b"-:%s\n" % name)
        finally:
            os.close(self._file)
            self._file = -1
