"""A folder that ends with us, whatever ends us: a file system that has no name, and that only we have open."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Final

from tracekit.errors import PrivilegeError

# Of one number on every processor (unistd.h); without wrappers in Debian 12's C library.
_FSOPEN: Final = 430
_FSCONFIG: Final = 431
_FSMOUNT: Final = 432
_CREATE: Final = 6  # FSCONFIG_CMD_CREATE
_CLOSED_ON_EXEC: Final = 1  # FSOPEN_CLOEXEC, FSMOUNT_CLOEXEC


@contextlib.contextmanager
def scratch_folder() -> Iterator[str]:
    """A folder for files that another process of our user reads while the block lasts.

    Where the kernel lets us (root, Linux 5.2), it is a file system in memory that is mounted nowhere: it is
    reached through our descriptor only, and is gone with that. Elsewhere it is a temporary folder.

    Yields:
        Its path.
    """
    try:
        root = _unnamed_file_system()
    except OSError:
        import tempfile

        made = tempfile.TemporaryDirectory(prefix="tracekit-", ignore_cleanup_errors=True)
        with made as folder, _held_folder(folder) as held:
            yield held
        return
    try:
        yield f"/proc/{os.getpid()}/fd/{root}"
    finally:
        os.close(root)


@contextlib.contextmanager
def _held_folder(path: str) -> Iterator[str]:
    """A path to a folder of ours that stays the same one, whatever is done to its name meanwhile.

    ``TMPDIR`` may be a folder of somebody else.

    Raises:
        PrivilegeError: if it isn't ours alone.
    """
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = os.fstat(folder)
        if found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise PrivilegeError(
                f"somebody has replaced our temporary folder {path}", "Set TMPDIR to one of yours."
            )
        yield f"/proc/{os.getpid()}/fd/{folder}"
    finally:
        os.close(folder)


def _unnamed_file_system() -> int:
    """A descriptor of the root of a new tmpfs; see fsmount(2).

    Raises:
        OSError: if the kernel doesn't give us one.
    """
    context = _call(_FSOPEN, b"tmpfs", _CLOSED_ON_EXEC)
    try:
        _call(_FSCONFIG, context, _CREATE, None, None, 0)
        root = _call(_FSMOUNT, context, _CLOSED_ON_EXEC, 0)
    finally:
        os.close(context)
    os.chmod(f"/proc/self/fd/{root}", 0o700)
    return root


def _call(number: int, *words: bytes | int | None) -> int:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    result: int = libc.syscall(ctypes.c_long(number), *words)
    if result < 0:
        raise OSError(ctypes.get_errno(), "no file system of our own")
    return result
