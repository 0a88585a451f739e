"""fork and exec: how both targets and engines are started.

Python's subprocess would do but for what happens in between: a target gets held, and an engine asks for a
signal at our death.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from tracekit.values import frozen

Step = tuple[str, Callable[[], object]]
"""Something that a child does before exec, and its name: system calls only, which raise OSError to fail."""


@frozen
class Failure:
    """Why a child never became the program.

    Attributes:
        step: the name of the step that failed; ``exec`` for the last one.
        errno: the system's reason.
        command: the program as it was asked for.
        path: the file that the reason is about, if the step is ``exec``.
        folder: the directory from which the program was looked for.
    """

    step: str
    errno: int
    command: str
    path: str
    folder: str

    def explain(self) -> tuple[str, str]:
        """Why exec failed: the cause, as the end of a sentence, and a hint."""
        match self.errno:
            case errno.ENOENT | errno.ENOTDIR if os.path.isfile(self.path):
                return (
                    "the interpreter that it names doesn't exist",
                    "See its first line, or its ELF header.",
                )
            case errno.ENOENT | errno.ENOTDIR if "/" in self.command:
                return (
                    "there is no such file",
                    "Check the path; a relative one starts at the working directory.",
                )
            case errno.ENOENT | errno.ENOTDIR if os.path.isfile(os.path.join(self.folder, self.command)):
                return "there is no such command in PATH", f"Did you mean ./{self.command}?"
            case errno.ENOENT | errno.ENOTDIR:
                return "there is no such command in PATH", "Give its path; under sudo, PATH is sudo's own."
            case errno.EACCES if os.path.isdir(self.path):
                return "it is a directory", "Name a program in it."
            case errno.EACCES if not _has_execute_bit(self.path):
                return "it is not marked as executable", f"chmod +x {self.path} does that."
            case errno.ENOEXEC:
                return (
                    "it is neither a program for this machine nor a script with a #! line",
                    "Put the program that runs it first, such as sh or python3.",
                )
            case errno.EACCES:
                return (
                    "permission denied",
                    "The file, its directories, its interpreter and its mount must allow it.",
                )
        return os.strerror(self.errno).lower(), ""


@frozen
class Child:
    """A process that is to become a program.

    Its two descriptors are the caller's to close.

    Attributes:
        pid: its process id.
        fd: its pidfd.
        command: the program as it was asked for.
        candidates: the paths that it tries, in this order.
        folder: the directory from which it does.
        report: a descriptor from which an error comes, or nothing but an end.
    """

    pid: int
    fd: int
    command: str
    candidates: tuple[str, ...]
    folder: str
    report: int

    def failure(self) -> Failure | None:
        """Waits until the child has become the program or has ended.

        Returns:
            Why it did not become the program; None if it did, or if a signal ended it first.
        """
        words = b"".join(iter(lambda: os.read(self.report, 64), b"")).decode().split()
        if not words:
            return None
        step, reason, index = words
        path = os.path.join(self.folder, self.candidates[int(index)])
        return Failure(step, int(reason), self.command, path, self.folder)

    def abandon(self) -> None:
        """Kills the child if it lives, waits for it unless that was done, and closes its descriptors."""
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            signal.pidfd_send_signal(self.fd, signal.SIGKILL)
            while os.WIFSTOPPED(os.waitpid(self.pid, 0)[1]):
                pass
        os.close(self.fd)
        os.close(self.report)


def spawn(argv: Sequence[str], env: Mapping[str, str], steps: Sequence[Step], cwd: str | None = None) -> Child:
    """Forks a child that does some steps and then becomes a program.

    It ignores those signals that we were started to ignore, blocks none, and has no descriptor of ours but
    0, 1 and 2.

    Args:
        argv: the program, searched for in the PATH of ``env`` if it has no slash, and its arguments. Bytes
            that aren't UTF-8 stand as ``surrogateescape`` has them.
        env: its whole environment.
        steps: what the child does first; all signals are blocked then.
        cwd: the directory that it changes to after the steps; None for ours.

    Returns:
        The child.

    Raises:
        OSError: if there can be no further process or descriptor.
        ValueError: if there is no program, or a word can't be passed on.
    """
    if not argv or not argv[0]:
        raise ValueError("there is no command")
    words = [os.fsencode(word) for word in argv]
    variables = {os.fsencode(name): os.fsencode(value) for name, value in env.items()}
    if any(b"\0" in word for word in (*words, *variables, *variables.values())):
        raise ValueError("its arguments or environment have a NUL character")
    candidates = _candidates(argv[0], env.get("PATH", os.defpath))
    caught = [number for number in signal.valid_signals() if callable(signal.getsignal(number))]
    # Python ignores these two from its own start on, and the program would inherit that.
    caught += [signal.SIGPIPE, signal.SIGXFSZ]
    last: list[Step] = [("chdir", lambda: os.chdir(cwd))] if cwd is not None else []
    last.append(("descriptors", _close_others_on_exec))

    def become(report: int) -> NoReturn:
        name, reason, index = "signals", 0, 0
        try:
            for number in caught:
                signal.signal(number, signal.SIG_DFL)
            for name, run in (*steps, *last):  # noqa: B007, the name is for the report
                run()
            name = "exec"
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            reason, index = _exec(candidates, words, variables)
        except Exception as error:
            reason = getattr(error, "errno", None) or errno.EINVAL
        finally:
            try:
                os.write(report, f"{name} {reason} {index}".encode())
            finally:
                os._exit(127)

    with contextlib.ExitStack() as undo:
        read, write = os.pipe()
        undo.callback(os.close, read)
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            try:
                pid = fork()
                if pid == 0:
                    become(write)
            finally:
                os.close(write)
            undo.callback(_kill, pid)
            fd = os.pidfd_open(pid)
            undo.callback(os.close, fd)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)  # raises if a Ctrl-C has waited for this
        undo.pop_all()
    return Child(pid, fd, argv[0], candidates, cwd or "", read)


def fork() -> int:
    """``os.fork``, for a child that does nothing before its exec, or nothing that waits for other threads."""
    with warnings.catch_warnings():
        # Python warns of a fork beside threads, since the child might wait for a lock that a thread held.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _candidates(command: str, path: str) -> tuple[str, ...]:
    """The paths to try for a command; an empty directory in PATH is the working one (POSIX, 8.3)."""
    if "/" in command or not command:
        return (command,)
    return tuple(os.path.join(folder or ".", command) for folder in path.split(os.pathsep))


def _exec(candidates: Sequence[str], argv: list[bytes], env: Mapping[bytes, bytes]) -> tuple[int, int]:
    """Becomes the first candidate that can be executed, by the rules of ``execvp``.

    Returns:
        If none can, the error number, and the index of the candidate that it is about.
    """
    reason, place = errno.ENOENT, 0
    for index, path in enumerate(candidates):
        try:
            os.execve(path, argv, env)  # noqa: S606, that is the purpose
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                reason, place = error.errno or errno.EINVAL, index
                if reason != errno.EACCES:
                    break
            elif reason == errno.ENOENT and os.path.isfile(path):  # its interpreter is what doesn't exist
                place = index
    return reason, place


def _close_others_on_exec() -> None:
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            with contextlib.suppress(OSError):  # the listing's own descriptor is gone by now
                fcntl.fcntl(int(name), fcntl.F_SETFD, fcntl.FD_CLOEXEC)


def _has_execute_bit(path: str) -> bool:
    try:
        return bool(os.stat(path).st_mode & 0o111)
    except OSError:
        return True
