"""How a binary's file is opened."""

from __future__ import annotations

import errno
import os
import stat
import sys

from tracekit.errors import BinaryError


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
