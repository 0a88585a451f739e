"""The wish to stop, as something that a main loop can select on."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The signals that ask tracekit to stop and to give its result."""


class StopSignals:
    """The stop signals that came.

    Attributes:
        came: those that have been taken, in their order.
    """

    def __init__(self, fd: int) -> None:
        self.came: tuple[signal.Signals, ...] = ()
        self._fd = fd
        self._over = False

    def fileno(self) -> int:
        """A descriptor that is readable while there is something to take, perhaps another signal."""
        return self._fd

    def ignore_the_rest(self) -> None:
        """There is nothing left to stop: what comes from now on is ignored, also after the block."""
        self._over = True

    def restore(self, number: signal.Signals, former: Any) -> None:
        """At the block's end: have a signal do again what it did before."""
        signal.signal(number, signal.SIG_IGN if self._over else former)

    def take(self) -> signal.Signals | None:
        """The next signal that came; None if there is no further one."""
        with contextlib.suppress(BlockingIOError):
            while number := os.read(self._fd, 1):
                if number[0] in STOP:
                    self.came = (*self.came, signal.Signals(number[0]))
                    return self.came[-1]
        return None


@contextlib.contextmanager
def stop_signals() -> Iterator[StopSignals]:
    """Within the block, SIGINT, SIGTERM and SIGHUP interrupt nothing, and can be selected on.

    Those that we were started to ignore, as by ``nohup``, stay ignored. A SIGCHLD that is ignored is not:
    the system would throw our children's statuses away. In other threads than the main one, where Python
    has no signals, nothing ever comes.

    Yields:
        What came.
    """
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, read)
        stack.callback(os.close, write)
        signals = StopSignals(read)
        if threading.current_thread() is threading.main_thread():
            # The bytes must be written by Python's own handler in C: one in Python would not run, and the
            # main loop not wake up, if the signal came just before its select.
            former = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
            stack.callback(signal.set_wakeup_fd, former)
            for number in STOP:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    stack.callback(signals.restore, number, signal.signal(number, _noted))
            if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
                stack.callback(signal.signal, signal.SIGCHLD, signal.signal(signal.SIGCHLD, signal.SIG_DFL))
        yield signals


def _noted(number: int, frame: object) -> None:
    """The descriptor has the signal's number already."""
