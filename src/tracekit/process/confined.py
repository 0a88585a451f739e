"""A process of ours that reads what isn't to be trusted: where we are root, it has next to no rights.

It is forked and not executed anew, so that it costs milliseconds. All that it can do is to read: it runs as the
user who called sudo, or else as nobody, with the one capability that lets it read every file; it can't write
one or start a process, and has no descriptor of ours but a socket. What it answers isn't to be trusted either.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import select
import signal
import socket
import struct
import sys
import weakref
from collections.abc import Callable, Sequence
from typing import Final, NoReturn, Self

from tracekit.errors import PrivilegeError
from tracekit.process import capabilities, pidfd, ptrace
from tracekit.process.spawn import Step, fork
from tracekit.process.user import invoking_user, nobody, take_ids

Answer = Callable[[bytes, tuple[int, ...]], bytes]
"""What the process does: from a question, and open descriptors with it, to its answer."""

SECONDS: Final = 120.0
"""How long it may take for one answer."""

_MEMORY: Final = 4 << 30
_PROCESSOR_SECONDS: Final = 600
_LEAVE_SECONDS: Final = 2.0
_LARGEST: Final = 64 << 20
_HEAD: Final = struct.Struct("<Q")
_SHORT: Final = 1 << 16


class Ended(Exception):  # noqa: N818, it is an end and no error of ours; who asked says what it means
    """The process gave no answer; the text says how it ended, as the rest of a sentence."""


class Confined:
    """The running process; see ``start``. It ends with this object, and when we end."""

    def __init__(self, pid: int, channel: socket.socket) -> None:
        self.pid = pid
        self._channel = channel
        self._ready = False
        self._close = weakref.finalize(self, _end, pid, channel)

    @classmethod
    def start(cls, answer: Answer, prepare: Callable[[], object] = lambda: None) -> Self:
        """Forks the process, which gets ready while we go on.

        Args:
            answer: what it does with each question; raises nothing.
            prepare: what it does before, with all our rights, such as to load what it answers with.
        """
        user = invoking_user() or nobody()
        ptrace.load()
        ours, its = socket.socketpair()
        with its:
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            try:
                parent = os.getpid()
                pid = fork()
                if pid == 0:
                    _be_confined(its, answer, prepare, take_ids(user), parent)
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        return cls(pid, ours)

    def check(self) -> None:
        """Waits until it is ready.

        Raises:
            PrivilegeError: if it can't be had without privileges.
        """
        if self._ready:
            return
        try:
            reason = self._receive().decode()
        except Ended as error:
            reason = str(error)
        except BaseException:  # a Ctrl-C too: as in ``ask``
            self.close()
            raise
        if reason:
            self.close()
            raise PrivilegeError(
                f"binaries can't be read without root's rights: {reason}",
                "Run tracekit where processes may give up their rights, or as an ordinary user.",
            )
        self._ready = True

    @property
    def closed(self) -> bool:
        """Whether it has been ended, or found so."""
        return not self._close.alive

    def ask(
        self,
        question: bytes,
        descriptors: Sequence[int] = (),
        meanwhile: Callable[[], object] | None = None,
    ) -> bytes:
        """Its answer to a question.

        Args:
            question: what is asked.
            descriptors: open files that it gets with it, copies of its own; two at most.
            meanwhile: what is done here until then, such as to load what the answer is read with.

        Raises:
            Ended: if there is none, since it ended, or took too long and was killed.
            PrivilegeError: as ``check``.
        """
        if self.closed:
            raise Ended("was ended by an earlier question")
        self.check()
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                _send(self._channel, question, descriptors)
            if meanwhile:
                meanwhile()
            return self._receive()
        except BaseException:  # a Ctrl-C too: what comes next would be the answer to this question
            self.close()
            raise

    def close(self) -> None:
        """Ends it; a second call does nothing."""
        self._close()

    def _receive(self) -> bytes:
        size = _HEAD.unpack(self._read(_HEAD.size))[0]
        if size > _LARGEST:
            raise Ended("said too much")
        return self._read(size)

    def _read(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            if not select.select([self._channel], [], [], SECONDS)[0]:
                raise Ended(f"took more than {SECONDS:.0f} s")
            piece = b""
            with contextlib.suppress(ConnectionResetError):
                piece = self._channel.recv(min(size - len(data), _SHORT))
            if not piece:
                raise Ended(self._how())
            data += piece
        return bytes(data)

    def _how(self) -> str:
        with contextlib.suppress(ChildProcessError):
            status = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
            if status is not None and status.si_code != os.CLD_EXITED:
                return f"was ended by {signal.Signals(status.si_status).name}"
        return "ended"


def _end(pid: int, channel: socket.socket) -> None:
    channel.close()
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        try:
            os.kill(pid, signal.SIGKILL)  # it keeps nothing, and isn't reaped before: the id is still its own
        except (
            PermissionError
        ):  # it is another user's, and we are root without CAP_KILL: the socket's end has to do
            _wait(pid)
        else:
            os.waitpid(pid, 0)


def _wait(pid: int) -> None:
    fd = os.pidfd_open(pid)
    try:
        if pidfd.ended(fd, _LEAVE_SECONDS):
            os.waitpid(pid, 0)
    finally:
        os.close(fd)


def _be_confined(
    channel: socket.socket,
    answer: Answer,
    prepare: Callable[[], object],
    steps: Sequence[Step],
    parent: int,
) -> NoReturn:
    """In the child: gives up all rights, then answers until nobody asks any more."""
    try:
        gc.freeze()  # our files are closed below: nothing may close these numbers once more
        reason = ""
        prepare()
        try:
            _drop(channel.fileno(), steps, parent)
        except OSError as error:
            reason = str(error.strerror).lower()
        _send(channel, reason.encode())
        while not reason:
            question, descriptors = _question(channel)
            _send(channel, answer(question, descriptors))
            for descriptor in descriptors:
                os.close(descriptor)
    except BaseException:  # noqa: S110
        pass  # an end of the socket for one; there is nobody to tell
    finally:
        os._exit(0)


def _drop(channel: int, steps: Sequence[Step], parent: int) -> None:
    for number in signal.valid_signals():
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            with contextlib.suppress(OSError, ValueError):
                signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    sys.dont_write_bytecode = True
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(null, stream)
    os.closerange(3, channel)
    os.closerange(channel + 1, os.sysconf("SC_OPEN_MAX"))
    with open("/proc/self/statm", encoding="ascii") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    had = capabilities.effective()
    capabilities.keep_over_change_of_user()
    # Without these two, as in some containers, root stays root, but without any of its powers.
    if had & capabilities.SETUID and had & capabilities.SETGID:
        for _, step in steps:
            step()
    capabilities.keep_only(had & capabilities.DAC_READ_SEARCH)
    for limit, value in (
        (resource.RLIMIT_AS, size + _MEMORY),
        (resource.RLIMIT_CPU, _PROCESSOR_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        most = resource.getrlimit(limit)[1]
        least = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(limit, (least, least))
    ptrace.set_parent_death_signal(signal.SIGKILL)  # which goes with a change of user: after that
    if os.getppid() != parent:
        os._exit(0)


def _send(channel: socket.socket, data: bytes, descriptors: Sequence[int] = ()) -> None:
    head = _HEAD.pack(len(data))
    if not descriptors:
        channel.sendall(head + data)
    else:
        socket.send_fds(channel, [head], list(descriptors))
        channel.sendall(data)


def _question(channel: socket.socket) -> tuple[bytes, tuple[int, ...]]:
    head, descriptors, _, _ = socket.recv_fds(channel, _HEAD.size, 2)
    if len(head) < _HEAD.size:
        raise EOFError
    size = _HEAD.unpack(head)[0]
    data = bytearray()
    while len(data) < size:
        piece = channel.recv(min(size - len(data), _SHORT))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data), tuple(descriptors)
