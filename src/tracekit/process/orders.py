"""How an engine is told to stop: by signals; or by words to its ``keeper``, if it runs as root and we don't."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
from typing import Protocol

from tracekit.process import ptrace
from tracekit.process.spawn import Step
from tracekit.process.user import User, become


class Orders(Protocol):
    """What an engine is told, and what has to be done for that when it starts."""

    def stdin(self, its: contextlib.ExitStack) -> int:
        """A descriptor for its standard input, which ``its`` closes here."""

    def steps(self, user: User | None) -> tuple[Step, ...]:
        """What it does before its exec."""

    def interrupt(self, pid: int, pidfd: int) -> None:
        """Asks it to tell its result and to end."""

    def kill(self, pid: int, pidfd: int) -> None:
        """Ends it and its process group."""

    def wake(self, pid: int, pidfd: int) -> None:
        """Cuts its epoll_wait short (signal(7)) without a handler that might take this for a further wish."""

    def close(self) -> None:
        """Lets go of it, once it has ended."""


class Signals:
    """``Orders`` to an engine that we may signal, with a session of its own and nothing on its input."""

    def stdin(self, its: contextlib.ExitStack) -> int:
        null = os.open(os.devnull, os.O_RDONLY)
        its.callback(os.close, null)
        return null

    def steps(self, user: User | None) -> tuple[Step, ...]:
        return (
            ("session", os.setsid),
            # The lifeline goes with a change of user (prctl(2)).
            *(become(user) if user else ()),
            ("lifeline", functools.partial(_end_with, os.getpid())),
            ("signals", _set_signals),
        )

    def interrupt(self, pid: int, pidfd: int) -> None:
        signal.pidfd_send_signal(pidfd, signal.SIGINT)

    def kill(self, pid: int, pidfd: int) -> None:
        os.killpg(pid, signal.SIGKILL)

    def wake(self, pid: int, pidfd: int) -> None:
        signal.pidfd_send_signal(pidfd, signal.SIGSTOP)
        signal.pidfd_send_signal(pidfd, signal.SIGCONT)

    def close(self) -> None:
        pass


class Words:
    """``Orders`` to a keeper. Its input ends when we do: that is the lifeline."""

    def __init__(self) -> None:
        self._fd = -1

    def stdin(self, its: contextlib.ExitStack) -> int:
        read, self._fd = os.pipe()
        its.callback(os.close, read)
        return read

    def steps(self, user: User | None) -> tuple[Step, ...]:
        # In our session, so that sudo finds the password that was given on this terminal; but in a process
        # group of its own, which no Ctrl-C reaches.
        return (("group", os.setpgrp), ("signals", _set_signals))

    def interrupt(self, pid: int, pidfd: int) -> None:
        self._tell(b"i")

    def kill(self, pid: int, pidfd: int) -> None:
        self._tell(b"k")

    def wake(self, pid: int, pidfd: int) -> None:
        self._tell(b"w")

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _tell(self, word: bytes) -> None:
        with contextlib.suppress(BrokenPipeError):  # it has ended
            os.write(self._fd, word)


def _end_with(parent: int) -> None:
    """In the child: has our death interrupt it, also if that has come already."""
    ptrace.set_parent_death_signal(signal.SIGINT)
    if os.getppid() != parent:
        os._exit(127)


def _set_signals() -> None:
    """In the child: what its own and our ends are to do to it.

    DTrace heeds SIGINT only if it isn't ignored, as it is in a script's background job. When we are gone,
    nobody reads its pipes: SIGPIPE would end it before it has taken its probes away.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    for number in (signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
