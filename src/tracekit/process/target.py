"""A command that we start: stopped before its first instruction, then released, then watched."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tracekit.core.result import Ending
from tracekit.errors import PrivilegeError, TargetError
from tracekit.process import pidfd, ptrace
from tracekit.process.reaping import Reaper
from tracekit.process.spawn import Child, Failure, spawn
from tracekit.process.user import User, become

if TYPE_CHECKING:
    from tracekit.process.entry import EntryGate


class Target:
    """A command that we started; see ``start``.

    As a context manager it leaves nothing stopped: at the end a target that was never released is killed,
    without having run an instruction. One that was released is left alone; ``end`` ends it.

    Attributes:
        argv: the command.
        pid: its process id.
    """

    def __init__(self, argv: tuple[str, ...], pid: int, fd: int) -> None:
        self.argv = argv
        self.pid = pid
        self._fd = fd
        self._held = True
        self._holder = threading.get_ident()
        self._gate: EntryGate | None = None
        self._ending: Ending | None = None
        self._reaper = Reaper(pid)

    @classmethod
    def start(
        cls,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        user: User | None = None,
    ) -> Self:
        """Starts a command and stops it at its exec: its image is mapped, and nothing of it has run.

        Its standard streams and process group are ours, so that it has the terminal as if a shell had
        started it, and so are the signals that it ignores. It inherits no other descriptor, and no signal
        mask. Until ``release`` it is killed when the calling thread ends, for whatever reason.

        Args:
            argv: the program, searched for in PATH if it has no slash, and its arguments, which are passed
                on byte for byte.
            env: its whole environment; None for ours, with the home and names of ``user``.
            cwd: its working directory, entered as ``user``; None for ours.
            user: as whom it runs; None for whoever we are.

        Returns:
            The stopped target.

        Raises:
            TargetError: if the command can't be executed, or not as the user.
            PrivilegeError: if a new process may not be held.
        """
        pidfd.require()
        command = repr(argv[0]) if argv else "the command"
        if env is None:
            env = os.environ if user is None else user.environment(os.environ)
        with contextlib.ExitStack() as stack:
            try:
                ptrace.load()
                gate, opener = os.pipe()
                stack.callback(os.close, gate)
                stack.callback(os.close, opener)
                steps = (
                    ("gate", lambda: _pass(gate, opener)),
                    ("holder", ptrace.let_parent_hold),
                    *(become(user) if user else ()),
                )
                child = spawn(argv, env, steps, cwd)
            except (OSError, ValueError) as error:
                cause = str(error.strerror).lower() if isinstance(error, OSError) else error
                raise TargetError(f"{command} can't be started: {cause}") from error
            try:
                _hold_at_exec(child, opener, user)
            except BaseException:
                child.abandon()
                raise
        os.close(child.report)
        return cls(tuple(argv), child.pid, child.fd)

    def release(self) -> None:
        """Lets the target run. From here on our own end doesn't concern it.

        Only the thread that started the target can do this.
        """
        assert threading.get_ident() == self._holder, "only the thread that started a target can release it"
        if self._gate is not None:
            self._gate.open()
        elif self._held:
            with contextlib.suppress(ProcessLookupError):  # it has been killed while it was stopped
                ptrace.detach(self.pid)
        self._held = False

    def wait_at_entry(self) -> None:
        """Lets the target load its libraries, and has it wait at its program's entry, held by nobody.

        For an engine that takes hold of it as a debugger does. If we die before ``release``, it ends.

        Only the thread that started the target can do this.

        Raises:
            TargetError: if it ended before, or can't be held so.
        """
        from tracekit.process.entry import wait_at_entry

        try:
            gate = wait_at_entry(self.pid)
        except OSError as error:
            cause = str(error.strerror).lower()
            raise TargetError(f"{self.argv[0]!r} can't be held at its program's entry: {cause}") from error
        if isinstance(gate, int):
            self._ending, self._held = _ending(gate), False
            how = f"with status {self._ending.status}" if self._ending.signal is None else self._ending.signal
            raise TargetError(f"{self.argv[0]!r} ended before its program began ({how})")
        self._gate = gate

    def hand_over(self) -> None:
        """Lets go of the target but has it stop (SIGSTOP) in place of its first instruction.

        For a debugger that takes it from there, since only one can hold it. Whoever does sends it a SIGCONT;
        if nobody does, ``resume`` has to.

        Only the thread that started the target can do this.
        """
        # A signal can't be injected where an exec is reported (ptrace(2)): it must be there before.
        self._send(signal.SIGSTOP)
        self.release()

    def resume(self) -> None:
        """Lets a target go on that a signal has stopped; one that runs notices nothing but a SIGCONT."""
        self._send(signal.SIGCONT)

    def kill(self) -> None:
        """Kills the target, and doesn't wait for its end: a debugger may have to see that first."""
        self._send(signal.SIGKILL)

    def fileno(self) -> int:
        """A descriptor that becomes readable when the target has ended."""
        return self._fd

    def poll(self) -> Ending | None:
        """How the target ended; None if it hasn't. A stop, such as by Ctrl-Z, is no end."""
        return self.wait(0)

    def wait(self, timeout: float | None) -> Ending | None:
        """Waits for the target's end.

        Args:
            timeout: for how many seconds; None waits without limit.

        Returns:
            How it ended; None if it hasn't. An ``Ending`` without status and signal says that it isn't
            known, since somebody else in this process has waited for it, or a debugger hides it.
        """
        deadline = None if timeout is None else monotonic() + timeout
        if self._ending is None and pidfd.ended(self._fd, timeout):
            left = None if deadline is None else max(0.0, deadline - monotonic())
            self._ending = _reap(self._reaper, left)
        return self._ending

    def end(self, grace: float = 5.0) -> Ending:
        """Ends the target unless it has ended: by SIGTERM, and if that doesn't help by SIGKILL.

        Args:
            grace: how many seconds it has between the two.

        Returns:
            How it ended, with ``by_us`` unless it had ended before.

        Raises:
            TargetError: if it runs as somebody else by now, and we may not end it.
        """
        if ending := self.poll():
            return ending
        try:
            if not self._held:
                self._send(signal.SIGTERM)
                self._send(signal.SIGCONT)  # one that Ctrl-Z has stopped would not hear the other
                self.wait(grace)
            if self._ending is None:
                self._send(signal.SIGKILL)
        except PermissionError as error:
            raise TargetError(
                f"process {self.pid} can't be ended: it runs as another user",
                f"sudo kill {self.pid} ends it.",
            ) from error
        ended = self.wait(None)
        assert ended is not None
        self._ending = Ending(ended.status, ended.signal, by_us=True)
        return self._ending

    def close(self) -> None:
        """Lets go of the target; a second call does nothing."""
        if self._fd < 0:
            return
        if self._held:
            self.end()
        self.poll()
        os.close(self._fd)
        self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._fd, number)


def _pass(gate: int, opener: int) -> None:
    """In the child: waits until it is held; ends if there is nobody to do so any more."""
    os.close(opener)
    if not os.read(gate, 1):
        os._exit(127)


def _hold_at_exec(child: Child, opener: int, user: User | None) -> None:
    """Holds a child, lets it go to its exec, and returns when it has stopped there."""
    try:
        ptrace.seize(child.pid)
    except (PermissionError, ProcessLookupError) as error:
        if not pidfd.ended(child.fd):  # one that has failed already can't be held either
            from tracekit.process import permission

            raise PrivilegeError(
                "a new process can't be held before its first instruction: ptrace is refused",
                permission.way_out(running=False),
            ) from error
    os.write(opener, b"!")
    while True:
        try:
            _, status = os.waitpid(child.pid, 0)
        except ChildProcessError:  # where SIGCHLD is ignored, nobody is told how it ended
            raise _start_error(child, user, Ending()) from None
        if not os.WIFSTOPPED(status):
            raise _start_error(child, user, _ending(status))
        number = os.WSTOPSIG(status)
        with contextlib.suppress(ProcessLookupError):  # it has been killed: the next status says so
            match status >> 16:
                case ptrace.EVENT_EXEC:
                    return
                case ptrace.EVENT_STOP:  # by job control, which is heeded once it is released
                    ptrace.resume(child.pid)
                case _:
                    ptrace.resume(child.pid, number)


def _start_error(child: Child, user: User | None, ending: Ending) -> TargetError:
    as_whom = f" as user {user.name}" if user else ""
    match child.failure():
        case None:
            return TargetError(
                f"{child.command!r} was ended by {ending.signal or 'a signal'} before it could be executed"
            )
        case Failure(step="exec") as failure:
            cause, hint = failure.explain()
            return TargetError(f"{child.command!r} can't be executed{as_whom}: {cause}", hint)
        case Failure(step="chdir", errno=reason):
            cause = os.strerror(reason).lower()
            return TargetError(f"the working directory {child.folder!r} can't be entered{as_whom}: {cause}")
        case Failure(step="user", errno=reason):
            cause = os.strerror(reason).lower()
            return TargetError(f"{child.command!r} can't run{as_whom}: {cause}", "Only root can start it so.")
        case Failure(step=step, errno=reason):
            return TargetError(f"{child.command!r} can't be started ({step}): {os.strerror(reason).lower()}")


def _reap(reaper: Reaper, timeout: float | None) -> Ending | None:
    try:
        status = reaper.reap(timeout)
    except ChildProcessError:
        return Ending()
    return None if status is None else _ending(status)


def _ending(status: int) -> Ending:
    code = os.waitstatus_to_exitcode(status)
    return Ending(status=code) if code >= 0 else Ending(signal=_signal_name(-code))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIGRTMIN+{number - signal.SIGRTMIN}"
