"""How a binary's file is opened and read."""

from __future__ import annotations

import errno
import os
import stat
import sys
from typing import Final

from tracekit.errors import BinaryError

MAX_READ: Final = 1 << 30
"""The most bytes that are read at once; the tables of the largest browsers have a tenth of it."""


def open_regular(path: str) -> int:
    """Open a file to read it, if it is a regular file or a folder; give its descriptor.

    What a path leads to is looked at before it is opened: opening a device can do something, such as start a
    watchdog, and opening a FIFO lets whoever writes to it go on. A binary's author may have chosen the path.

    Raises:
        OSError: if it can't be opened, or is something else.
        ValueError: if the path has a NUL character.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
    if sys.platform != "linux":
        _check_kind(os.stat(path))
        return os.open(path, flags)
    looked_at = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        _check_kind(os.fstat(looked_at))
        return os.open(f"/proc/self/fd/{looked_at}", flags)
    finally:
        os.close(looked_at)


def _check_kind(found: os.stat_result) -> None:
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        raise OSError(errno.EINVAL, "it is not a regular file")


def open_file(file: str, path: str) -> int:
    """Open a binary's file.

    Raises:
        BinaryError: if that can't be done; it says why, and what may be meant.
    """
    try:
        return open_regular(file)
    except FileNotFoundError:
        raise BinaryError(f"{path} does not exist", _near_file(file)) from None
    except PermissionError:
        raise BinaryError(f"{path} can't be read: permission denied", "Run as a user who may.") from None
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
            raise BinaryError(
                f"{path} can't be opened: too many files are open", "Raise the limit: ulimit -n"
            ) from None
        reason = error.strerror if isinstance(error, OSError) else error
        raise BinaryError(f"{path!r} can't be opened: {reason}") from None


def _near_file(file: str) -> str:
    folder, name = os.path.split(file)
    try:
        names = os.listdir(folder or ".")
    except OSError:
        return f"There is no folder {folder} either."
    from tracekit.core.near import near

    found = [os.path.join(folder, other) for other in near(name, names)]
    return f"Did you mean {' or '.join(found)}?" if found else ""


class File:
    """A file that is read at positions, by a descriptor of its own.

    Attributes:
        descriptor: the descriptor, closed with this object.
        path: the file's name in messages.
        size: bytes in the file when it was opened.
    """

    def __init__(self, descriptor: int, path: str) -> None:
        """Take over ``descriptor``: it is closed with this object."""
        self.descriptor = descriptor
        self.path = path
        self.size = os.fstat(descriptor).st_size

    def __del__(self) -> None:
        os.close(self.descriptor)

    def read(self, offset: int, size: int, what: str) -> bytes:
        """Exactly ``size`` bytes from ``offset`` on.

        Raises:
            BinaryError: if the file doesn't have them; it names ``what`` was read.
        """
        if offset + size > self.size:
            raise BinaryError(f"{self.path} is truncated or corrupt: its {what} lies beyond its end")
        if size > MAX_READ:
            raise BinaryError(f"{self.path} is corrupt: its {what} has {size} bytes")
        try:
            data = os.pread(self.descriptor, size, offset)
        except OSError as error:
            raise BinaryError(f"{self.path} can't be read: {error.strerror}") from error
        if len(data) < size:
            raise BinaryError(f"{self.path} changed while it was read", "Is it being built? Try again.")
        return data
