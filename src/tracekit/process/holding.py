"""A short command that is held at its first word, so that one can look at what it sees."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import select
import signal
from collections.abc import Iterator, Mapping, Sequence
from time import monotonic

from tracekit.errors import EngineError, EngineMissingError
from tracekit.process import pidfd, ptrace
from tracekit.process.spawn import spawn
from tracekit.process.streams import set_streams


class Held:
    """A command whose standard output has no room until ``let_go``.

    Attributes:
        pid: its process id, which it keeps as long as it is held.
    """

    def __init__(self, pid: int, fd: int, read: int, filling: int) -> None:
        self.pid = pid
        self._fd = fd
        self._read = read
        self._filling = filling

    def ended(self, timeout: float) -> bool:
        """Whether it has ended; waits so many seconds for that."""
        return pidfd.ended(self._fd, timeout)

    def let_go(self, timeout: float) -> bytes:
        """What it prints, now that it can.

        Args:
            timeout: how many seconds it has for that; then what it has printed counts.
        """
        said, deadline = b"", monotonic() + timeout
        while select.select([self._read], [], [], max(0.0, deadline - monotonic()))[0]:
            piece = os.read(self._read, 1 << 16)
            if not piece:
                break
            said += piece
        return said[self._filling :]


@contextlib.contextmanager
def held(argv: Sequence[str], env: Mapping[str, str]) -> Iterator[Held]:
    """Starts a command that waits as soon as it prints something, for its output's pipe is full already.

    That is how one sees a command's mount namespace and libraries without stopping or tracing it. At the
    block's end it is killed if it still runs.

    Args:
        argv: its program, searched for in the PATH of ``env`` if it has no slash, and its arguments.
        env: its whole environment.

    Raises:
        EngineMissingError: if its program doesn't exist or can't be executed.
        EngineError: if it can't be started for another reason.
    """
    pidfd.require()
    name = os.path.basename(argv[0])
    with contextlib.ExitStack() as stack:
        try:
            ptrace.load()
            read, write = os.pipe()
            stack.callback(os.close, read)
            with os.fdopen(write, "wb", buffering=0) as full, open(os.devnull, "r+b") as null:
                size = fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 1)  # one page, whatever its size
                full.write(bytes(size))
                steps = (
                    ("session", os.setsid),
                    ("lifeline", functools.partial(ptrace.set_parent_death_signal, signal.SIGKILL)),
                    ("streams", functools.partial(set_streams, null.fileno(), write, null.fileno())),
                )
                child = spawn(argv, env, steps)
        except OSError as error:
            raise EngineError(message=f"{name} can't be started: {error.strerror}", engine=name) from error
        stack.callback(child.abandon)
        if failure := child.failure():
            raise EngineMissingError(f"{name} can't be executed: {failure.explain()[0]}", failure.explain()[1])
        yield Held(child.pid, child.fd, read, size)
