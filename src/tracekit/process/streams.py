"""What an engine prints: its pipes, and what lies between the thread that drains them and a reader."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import threading

PIPE_SIZE = 1 << 20
"""Bytes that an engine's pipes hold, where the system lets them: room for when our thread has to wait."""


def open_pipe(ours: contextlib.ExitStack, its: contextlib.ExitStack) -> tuple[int, int]:
    """Opens a pipe whose reading end doesn't block.

    Args:
        ours: closes the reading end.
        its: closes the writing end.

    Returns:
        The two ends, the reading one first.
    """
    read, write = os.pipe()
    ours.callback(os.close, read)
    its.callback(os.close, write)
    os.set_blocking(read, False)
    with contextlib.suppress(OSError):  # the system limits what a user's pipes may hold
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
    return read, write


def set_streams(*fds: int) -> None:
    """In a child: makes descriptors 0, 1 and so on of some others, whatever numbers those have."""
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3) for fd in fds]
    for number, fd in enumerate(high):
        os.dup2(fd, number)


def fill_standard_streams() -> None:
    """Puts something in the place of those of our standard streams that are closed.

    Else a file of ours would get such a number, and whoever inherits our streams would write into it. What is
    put there can't be written to, or read, as if it were closed: a result that can't be printed is an error.
    """
    for number, unusable in ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_RDONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, unusable)  # takes the lowest number that is free, which is this one
            os.set_inheritable(number, True)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)


class Output:
    """A queue of bytes without limit: a writer never waits, and a reader can select on it.

    One thread calls ``put``, one ``get``.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._chunks: list[bytes] = []
        self._at_end = False
        self._flag, self._raise_flag = os.pipe()  # holds a byte while get() has something to give

    def fileno(self) -> int:
        """A descriptor that is readable while ``get`` has something to give, the end included."""
        return self._flag

    def put(self, chunk: bytes) -> None:
        """Adds bytes; none mean the end."""
        with self._changed:
            if not self._chunks:
                os.write(self._raise_flag, b"!")
            if chunk:
                self._chunks.append(chunk)
            else:
                self._at_end = True
            self._changed.notify_all()

    def get(self, timeout: float | None) -> bytes | None:
        """All that has been added since the last call.

        Args:
            timeout: for how many seconds to wait for something; None waits without limit.

        Returns:
            At least one byte; none at the end; None if nothing has come.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._chunks or self._at_end, timeout)
            if not self._chunks:
                return b"" if self._at_end else None
            text = b"".join(self._chunks)
            self._chunks.clear()
            if not self._at_end:
                os.read(self._flag, 1)
            return text

    def close(self) -> None:
        """Closes the descriptor; to be called once, when nothing is put any more."""
        os.close(self._flag)
        os.close(self._raise_flag)


class HeadAndTail:
    """A text of which the first and the last bytes are kept.

    Args:
        half: how many bytes of each.
    """

    def __init__(self, half: int) -> None:
        self._half = half
        self._head = bytearray()
        self._tail = bytearray()
        self._left_out = 0
        self._lock = threading.Lock()

    def put(self, chunk: bytes) -> None:
        """Adds bytes."""
        with self._lock:
            room = self._half - len(self._head)
            self._head += chunk[:room]
            self._tail += chunk[room:]
            surplus = max(0, len(self._tail) - self._half)
            self._left_out += surplus
            del self._tail[:surplus]

    def text(self) -> bytes:
        """What is kept, with a line in the middle that says how much isn't."""
        with self._lock:
            gap = b"\n[%d bytes left out]\n" % self._left_out if self._left_out else b""
            return bytes(self._head + gap + self._tail)
