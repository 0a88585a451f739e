"""Files of ours, written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
from typing import Final

from tracekit.core.escape import printable
from tracekit.errors import OutputError

_HINTS: Final = {
    errno.ENOSPC: "Free some space, or write somewhere else.",
    errno.EDQUOT: "Free some space, or write somewhere else.",
    errno.ENOENT: "Create its folder first.",
    errno.ENOTDIR: "Name a file in a folder that exists.",
    errno.EISDIR: "Name a file in it.",
    errno.EACCES: "Write somewhere else, or change the permissions.",
    errno.EPERM: "Write somewhere else, or change the permissions.",
    errno.EROFS: "Write somewhere else.",
}


_PAGE: Final = 4096


def write_atomically(path: str, data: bytes) -> None:
    """Write a file so that a reader finds the old content or the new one, and never a part.

    A temporary file in the same folder takes the data, is flushed to disk, and is renamed. It is created
    anew (``O_EXCL``), so nobody can have put a link in its place. The file has the permissions, and where
    it is allowed the owner, of the one that it replaces; a new one has what the umask leaves. What isn't a
    regular file (a device, a pipe, a link such as ``/dev/stdout``) is written to directly, since a rename
    would replace it.

    Args:
        path: where to.
        data: the whole content.

    Raises:
        OutputError: if it can't be written; there is no temporary file left then.
    """
    try:
        old = _status(path)
        if old is not None:
            _check_owner(path, old)
        if old is None or stat.S_ISREG(old.st_mode):
            _replace(path, data, old)
        else:
            with _opened(path, os.O_TRUNC, 0o666) as file:
                _write(file, data)
    except (OSError, ValueError) as error:
        raise _cannot(path, error) from error


def check_writable(path: str) -> None:
    """Refuse, before the work is done, a file that could not be written now.

    A page is written beside it and taken away again. What isn't a regular file is only looked at: opening a
    pipe waits for its reader, and writing to a device does something.

    Args:
        path: where ``write_atomically`` is to write later.

    Raises:
        OutputError: if it can't be written.
    """
    try:
        old = _status(path)
        if old is None or stat.S_ISREG(old.st_mode):
            temporary = _temporary(path)
            with _opened(temporary, os.O_EXCL | os.O_NOFOLLOW, 0o600) as file:
                try:
                    _write(file, bytes(_PAGE))
                finally:
                    os.unlink(temporary)
        elif stat.S_ISDIR(old.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    except (OSError, ValueError) as error:
        raise _cannot(path, error) from error


def _cannot(path: str, error: OSError | ValueError) -> OutputError:
    if isinstance(error, ValueError):  # a NUL character
        return OutputError(f"can't write {printable(path)}: {error}")
    reason = error.strerror or str(error)
    return OutputError(f"can't write {printable(path)}: {reason}", _HINTS.get(error.errno or 0, ""))


def _temporary(path: str) -> str:
    return os.path.join(os.path.dirname(path), f".tracekit-{os.urandom(8).hex()}.tmp")


def _status(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except FileNotFoundError:
        return None


def _check_owner(path: str, old: os.stat_result) -> None:
    """Refuses what somebody else has put where everybody may, such as in ``/tmp``, to get what we write.

    Linux does so itself, by ``fs.protected_regular`` and its like, but not for a file that is replaced.
    """
    folder = os.stat(os.path.dirname(path) or ".")
    public = folder.st_mode & stat.S_ISVTX and folder.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if public and old.st_uid not in (os.geteuid(), folder.st_uid):
        raise PermissionError(errno.EACCES, "it is another user's, in a folder that all can write to")


def _opened(path: str, flags: int, mode: int) -> io.FileIO:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | flags, mode)
    return io.FileIO(descriptor, "wb")


def _replace(path: str, data: bytes, old: os.stat_result | None) -> None:
    temporary = _temporary(path)
    with _opened(temporary, os.O_EXCL | os.O_NOFOLLOW, 0o666 if old is None else 0o600) as file:
        try:
            if old is not None:
                with contextlib.suppress(PermissionError):
                    os.fchown(file.fileno(), old.st_uid, old.st_gid)
                os.fchmod(file.fileno(), stat.S_IMODE(old.st_mode) & 0o777)
            _write(file, data)
            file.close()  # a network file system may report only now that there was no room
            os.replace(temporary, path)
            _sync_folder(path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise


def _sync_folder(path: str) -> None:
    """Have the new name outlive a loss of power, where the file system can do that."""
    with contextlib.suppress(OSError):
        folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _write(file: io.FileIO, data: bytes) -> None:
    """Write all, and flush it to disk if there is one behind."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        os.fsync(file.fileno())
