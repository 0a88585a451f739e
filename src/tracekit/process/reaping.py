"""The end of a child, which a debugger that holds it sees first.

One that hangs would have us wait for ever, and nothing but its own end lets the kernel tell us. What it holds
is dead by then: so ours may be killed, which it may not be while what it holds lives.
"""

from __future__ import annotations

import contextlib
import os
import signal
from time import monotonic, sleep
from typing import Final

from tracekit.process.attached import status

PATIENCE: Final = 5.0
"""Seconds that a debugger has to see that what it holds is dead."""
_LOOK_SECONDS: Final = 0.005
_LAST_SECONDS: Final = 1.0


class Reaper:
    """Waits for a child that is dead.

    Attributes:
        pid: the child.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._until: float | None = None

    def reap(self, timeout: float | None) -> int | None:
        """The child's status, as ``os.waitpid`` gives it; None if a debugger hasn't seen it within the time.

        Args:
            timeout: for how many seconds; None waits as long as it makes sense.

        Raises:
            ChildProcessError: if somebody else has waited for it, or a debugger hides it for good.
        """
        if self._until is None:
            self._until = monotonic() + PATIENCE
        deadline = self._until if timeout is None else min(self._until, monotonic() + timeout)
        if (found := self._look(deadline)) is not None:
            return found
        if monotonic() < self._until:
            return None
        self._kill_holder()
        if (found := self._look(monotonic() + _LAST_SECONDS)) is not None:
            return found
        raise ChildProcessError

    def _look(self, deadline: float) -> int | None:
        while True:
            pid, found = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return found
            sleep(_LOOK_SECONDS)
            if monotonic() >= deadline:
                return None

    def _kill_holder(self) -> None:
        """Kills the debugger if we have started it."""
        holder = status(self.pid).get("TracerPid", "0")
        if holder != "0" and status(int(holder)).get("PPid") == str(os.getpid()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(holder), signal.SIGKILL)
