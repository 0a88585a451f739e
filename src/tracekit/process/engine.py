"""A tracing engine's process: always drained, and ended by exactly one SIGINT, also when we die."""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

from tracekit.errors import EngineError, EngineMissingError, TracekitError
from tracekit.process import pidfd, ptrace
from tracekit.process.elevating import Elevation
from tracekit.process.orders import Orders, Signals, Words
from tracekit.process.spawn import Failure, spawn
from tracekit.process.streams import PIPE_SIZE, HeadAndTail, Output, open_pipe, set_streams
from tracekit.process.user import User

STDERR_LIMIT = 256 << 10
"""How many bytes of its standard error are kept, half of them from the start and half from the end."""
KILL_TIMEOUT = 5.0
"""Seconds for a killed engine to be gone; one that hangs in the kernel never is."""


class Engine:
    """A running engine; see ``start``.

    As a context manager it leaves no process and no thread: at the end an engine that still runs is
    interrupted, and killed if that doesn't help. The one exception is an engine that hangs in the kernel,
    where it can't be killed; a thread of ours goes on waiting for it.

    Attributes:
        name: the engine's name.
        pid: its process id, which is also that of its session and its process group.
    """

    def __init__(self, name: str, grace: float, nudge: float | None, orders: Orders) -> None:
        self.name = name
        self._orders = orders
        self.pid = -1
        self._grace = grace
        self._nudge = nudge
        self._pidfd = -1
        self._status: int | None = None
        self._interrupted = False
        self._closed = False
        self._error: TracekitError | None = None
        self._lock = threading.Lock()  # who signals it, and who waits for it
        self._started = threading.Event()
        self._over = threading.Event()
        self._stdout = Output()
        self._stderr = HeadAndTail(STDERR_LIMIT // 2)
        self._thread = threading.Thread()

    @classmethod
    def start(
        cls,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        name: str,
        grace: float = 30.0,
        nudge: float | None = None,
        user: User | None = None,
        elevation: Elevation | None = None,
    ) -> Self:
        """Starts an engine.

        It has a session of its own, so that no Ctrl-C or hang-up of a terminal reaches it (a second SIGINT
        or a SIGHUP makes engines lose all that they have counted), nothing on its standard input, and our
        pipes as its output, which a thread drains at all times. If we die, it gets a SIGINT.

        Args:
            argv: its program, searched for in the PATH of ``env`` if it has no slash, and its arguments.
            env: its whole environment.
            name: its name, for messages and for the variable that says where it is, as ``TRACEKIT_NAME``.
            grace: how many seconds it has at the block's end between SIGINT and SIGKILL.
            nudge: for an engine that may sleep on although it has noted a SIGINT, after how many seconds of
                silence to wake it, and then each time after twice as many; None never does. bpftrace before
                0.19 is so: it looks only if the signal has ended its wait for events, not if it came just
                before that (``BPFtrace::poll_perf_events``).
            user: as whom it runs; None for ourselves.
            elevation: how it gets the rights that we don't have; None for ours.

        Raises:
            EngineMissingError: if its program doesn't exist or can't be executed.
            EngineError: if it can't be started for another reason.
        """
        pidfd.require()
        try:
            ptrace.load()
            engine = cls(name, grace, nudge, Words() if elevation else Signals())
        except OSError as error:
            raise _start_error(name, error) from error
        if elevation is not None:
            argv, env = elevation.wrapped(argv, env), elevation.environment
        # The kernel takes the death of the thread that forked for our death: so the thread that drains
        # forks too, and lives until the engine has ended.
        engine._thread = threading.Thread(
            target=engine._run, args=(tuple(argv), dict(env), user), name=f"{name}-drain", daemon=True
        )
        engine._thread.start()
        try:
            engine._started.wait()
        except BaseException:
            engine._started.wait()
            engine.close()
            raise
        if engine._error is not None:
            engine.close()
            raise engine._error
        return engine

    @property
    def stderr(self) -> bytes:
        """What it has said on standard error so far; the middle is left out if it is long."""
        return self._stderr.text()

    def fileno(self) -> int:
        """A descriptor that is readable while ``read`` has something to give, the end included."""
        return self._stdout.fileno()

    def read(self, timeout: float | None) -> bytes | None:
        """What it has printed on standard output since the last call.

        Args:
            timeout: for how many seconds to wait for it to print something; None waits without limit.

        Returns:
            At least one byte; none at the end of its output; None if it has printed nothing.
        """
        return self._stdout.get(timeout)

    def worked(self) -> int:
        """How much processor time it has taken, in the kernel's ticks; 0 if that can't be known."""
        try:
            with open(f"/proc/{self.pid}/stat", encoding="ascii", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            return 0
        return int(fields[11]) + int(fields[12])

    def interrupt(self) -> None:
        """Asks it by SIGINT to print its result and to end; a second call does nothing.

        Raises:
            EngineError: if it runs as somebody else, and we may not.
        """
        if not self._interrupted:
            self._interrupted = True
            self._send(self._orders.interrupt)

    def kill(self) -> None:
        """Kills it and its process group; what it has counted is lost.

        Raises:
            EngineError: if it runs as somebody else, and we may not.
        """
        self._send(self._orders.kill)

    def wait(self, timeout: float | None) -> int | None:
        """Waits until it has ended and all that it has printed has been taken in.

        Args:
            timeout: for how many seconds; None waits without limit.

        Returns:
            Its exit status, or the negative number of the signal that ended it; None if it hasn't ended.
        """
        self._over.wait(timeout)
        return self._status

    def close(self) -> None:
        """Ends it if it hasn't ended, and lets go of it; a second call does nothing."""
        if self._closed:
            return
        try:
            if not self._over.is_set():
                self.interrupt()
                self._over.wait(self._grace)
        finally:
            if not self._over.is_set():
                self.kill()
            self._thread.join(KILL_TIMEOUT)
            if not self._thread.is_alive():
                self._closed = True
                self._stdout.close()
                self._orders.close()
                if self._pidfd >= 0:
                    os.close(self._pidfd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, send: Callable[[int, int], None]) -> None:
        """Signals it, unless it has been waited for: its number may be another's then."""
        with self._lock:
            if self._pidfd < 0 or self._status is not None:
                return
            try:
                send(self.pid, self._pidfd)
            except PermissionError as error:
                raise EngineError(
                    message=f"{self.name} can't be stopped: it runs as another user",
                    hint="Start tracekit itself with sudo.",
                    engine=self.name,
                ) from error

    def _run(self, argv: tuple[str, ...], env: dict[str, str], user: User | None) -> None:
        """The thread: starts the engine, drains it, waits for it."""
        try:
            with contextlib.ExitStack() as ours:
                try:
                    out, err = self._launch(argv, env, user, ours)
                except TracekitError as error:
                    self._error = error
                except (OSError, ValueError) as error:
                    self._error = _start_error(self.name, error)
                finally:
                    self._started.set()
                if self._error is None:
                    self._drain(out, err)
        finally:
            self._over.set()

    def _launch(
        self, argv: tuple[str, ...], env: dict[str, str], user: User | None, ours: contextlib.ExitStack
    ) -> tuple[int, int]:
        """Starts the engine.

        Returns:
            Where its standard output and error can be read, which ``ours`` closes.
        """
        with contextlib.ExitStack() as its:
            its_in = self._orders.stdin(its)
            out, its_out = open_pipe(ours, its)
            err, its_err = open_pipe(ours, its)
            steps = (*self._orders.steps(user), ("streams", lambda: set_streams(its_in, its_out, its_err)))
            child = spawn(argv, env, steps)
        failure = child.failure()
        if failure is not None:
            child.abandon()
            raise _exec_error(self.name, failure)
        os.close(child.report)
        self.pid, self._pidfd = child.pid, child.fd
        return out, err

    def _drain(self, out: int, err: int) -> None:
        sinks: dict[int, Callable[[bytes], None]] = {out: self._stdout.put, err: self._stderr.put}
        poll = select.poll()
        for fd in (*sinks, self._pidfd):
            poll.register(fd, select.POLLIN)
        ended, silence = False, self._nudge
        while not ended:
            ready = {fd for fd, _ in poll.poll(None if silence is None else silence * 1000)}
            if silence is not None and self._interrupted and not ready:
                self._send(self._orders.wake)
                silence *= 2  # since an engine that is woken all the time gets no further either
            ended = self._pidfd in ready
            # Once it has ended, all that it wrote is in the pipes, and one read takes it. We don't wait for
            # a pipe's own end: a child of the engine may keep it open.
            for fd in [fd for fd in sinks if ended or fd in ready]:
                with contextlib.suppress(BlockingIOError):
                    chunk = os.read(fd, PIPE_SIZE)
                    sinks[fd](chunk)
                    if not chunk:
                        poll.unregister(fd)
                        del sinks[fd]
        with self._lock:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self._stdout.put(b"")


def _exec_error(name: str, failure: Failure) -> TracekitError:
    if failure.step != "exec":
        return _start_error(name, OSError(failure.errno, f"{os.strerror(failure.errno)} ({failure.step})"))
    cause, hint = failure.explain()
    return EngineMissingError(
        f"{name} can't be executed as {failure.command!r}: {cause}",
        f"Install {name}, or say where it is with TRACEKIT_{name.upper()}. {hint}".strip(),
    )


def _start_error(name: str, error: OSError | ValueError) -> EngineError:
    cause = str(error.strerror).lower() if isinstance(error, OSError) else error
    return EngineError(message=f"{name} can't be started: {cause}", engine=name)
