"""A debugger's process: always drained, never signalled, and let go by the end of its standard input.

A debugger that a signal ends takes its target with it, or leaves it stopped: always with SIGKILL, often with
SIGTERM (measured with gdb 13, 16 and 18). At the end of its input it takes its breakpoints away and
detaches, whatever it was doing. The kernel closes our end of that pipe when we die, so it is the lifeline.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

from tracekit.errors import EngineError, EngineMissingError
from tracekit.process import pidfd
from tracekit.process.spawn import Failure, spawn
from tracekit.process.streams import PIPE_SIZE, HeadAndTail, Output, open_pipe, set_streams

STDERR_LIMIT = 64 << 10
"""How many bytes of its standard error are kept."""


class Debugger:
    """A running debugger; see ``start``.

    As a context manager it closes the debugger's input at the end, and waits for it for ``GRACE`` seconds.

    Attributes:
        name: the debugger's name.
        pid: its process id.
    """

    GRACE = 20.0
    """Seconds that it has to let go of its target."""

    def __init__(self, name: str, pid: int, fd: int, stdin: int) -> None:
        self.name = name
        self.pid = pid
        self._fd = fd
        self._stdin = stdin
        self._status: int | None = None
        self._closed = False
        self._over = threading.Event()
        self._stdout = Output()
        self._stderr = HeadAndTail(STDERR_LIMIT // 2)

    @classmethod
    def start(cls, argv: Sequence[str], *, env: Mapping[str, str], name: str) -> Self:
        """Starts a debugger in the root folder and in a session of its own, with our pipes as its streams.

        Args:
            argv: its program, searched for in the PATH of ``env`` if it has no slash, and its arguments.
            env: its whole environment.
            name: its name, for messages and for the variable that says where it is, as ``TRACEKIT_NAME``.

        Raises:
            EngineMissingError: if its program doesn't exist or can't be executed.
            EngineError: if it can't be started for another reason.
        """
        pidfd.require()
        with contextlib.ExitStack() as undo:
            try:
                with contextlib.ExitStack() as its:
                    its_in, stdin = os.pipe()
                    its.callback(os.close, its_in)
                    undo.callback(os.close, stdin)
                    out, its_out = open_pipe(undo, its)
                    err, its_err = open_pipe(undo, its)
                    steps = (
                        ("session", os.setsid),
                        ("signals", _set_signals),
                        ("streams", lambda: set_streams(its_in, its_out, its_err)),
                    )
                    child = spawn(argv, env, steps, cwd="/")
            except (OSError, ValueError) as error:
                cause = str(error.strerror).lower() if isinstance(error, OSError) else error
                raise EngineError(message=f"{name} can't be started: {cause}", engine=name) from error
            failure = child.failure()
            if failure is not None:
                child.abandon()
                raise _exec_error(name, failure)
            os.close(child.report)
            undo.pop_all()
        debugger = cls(name, child.pid, child.fd, stdin)
        # Not one to be waited for at our exit: the debugger outlives us for as long as it needs.
        threading.Thread(target=debugger._drain, args=(out, err), name=f"{name}-drain", daemon=True).start()
        return debugger

    @property
    def stderr(self) -> bytes:
        """What it has said on standard error so far; the middle is left out if it is long."""
        return self._stderr.text()

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self._over.is_set()

    def fileno(self) -> int:
        """A descriptor that is readable while ``read`` has something to give, the end included."""
        return self._stdout.fileno()

    def write(self, text: str) -> None:
        """Gives it some input; one that has ended gets nothing."""
        with contextlib.suppress(BrokenPipeError):
            data = text.encode()
            while data:
                data = data[os.write(self._stdin, data) :]

    def read(self, timeout: float | None) -> bytes | None:
        """What it has printed on standard output since the last call.

        Args:
            timeout: for how many seconds to wait for it to print something; None waits without limit.

        Returns:
            At least one byte; none at the end of its output; None if it has printed nothing.
        """
        return self._stdout.get(timeout)

    def let_go(self) -> None:
        """Ends its input, so that it detaches and ends; a second call does nothing."""
        if self._stdin >= 0:
            os.close(self._stdin)
            self._stdin = -1

    def wait(self, timeout: float | None) -> int | None:
        """Waits until it has ended.

        Args:
            timeout: for how many seconds; None waits without limit.

        Returns:
            Its exit status, or the negative number of the signal that ended it; None if it hasn't ended.
        """
        self._over.wait(timeout)
        return self._status

    def close(self) -> None:
        """Lets it go, and waits for its end; one that doesn't come to it goes on being drained."""
        self.let_go()
        if self._over.wait(self.GRACE) and not self._closed:
            self._closed = True
            self._stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _drain(self, out: int, err: int) -> None:
        """The thread: takes in what it prints, waits for it, and closes what belongs to it."""
        sinks: dict[int, Callable[[bytes], None]] = {out: self._stdout.put, err: self._stderr.put}
        poll = select.poll()
        for fd in (*sinks, self._fd):
            poll.register(fd, select.POLLIN)
        ended = False
        while not ended:
            ready = {fd for fd, _ in poll.poll()}
            ended = self._fd in ready
            for fd in [fd for fd in sinks if ended or fd in ready]:
                with contextlib.suppress(BlockingIOError):
                    chunk = os.read(fd, PIPE_SIZE)
                    if chunk:
                        sinks[fd](chunk)
                    else:
                        poll.unregister(fd)
                        del sinks[fd]
        with contextlib.suppress(ChildProcessError):
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self._stdout.put(b"")
        for fd in (out, err, self._fd):
            os.close(fd)
        self._over.set()


def _set_signals() -> None:
    """In the child: a hang-up of our terminal must not end it before it has let go."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _exec_error(name: str, failure: Failure) -> EngineMissingError | EngineError:
    if failure.step != "exec":
        reason = f"{os.strerror(failure.errno).lower()} ({failure.step})"
        return EngineError(message=f"{name} can't be started: {reason}", engine=name)
    cause, hint = failure.explain()
    return EngineMissingError(
        f"{name} can't be executed as {failure.command!r}: {cause}",
        f"Install {name}, or say where it is with TRACEKIT_{name.upper()}. {hint}".strip(),
    )
