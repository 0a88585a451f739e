"""Files as a process in another root folder sees them: one in a container or a chroot.

What is in there is not to be trusted, and its symbolic links are made for that root: an absolute one means a
file below it, and must neither lead to a file of ours nor out of it. The kernel resolves a path so by itself
(``openat2(2)`` with ``RESOLVE_IN_ROOT``, since Linux 5.6), in one step that nobody can race.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
from typing import Final

_OPENAT2: Final = 437  # the same on all processors, as all system calls since 5.1 (asm-generic/unistd.h)
_NO_MAGICLINKS: Final = 0x02
_IN_ROOT: Final = 0x10
_TRIES: Final = 8
"""How often a path is tried while somebody renames folders in it (``EAGAIN``)."""


class Root:
    """A root folder, held open.

    Attributes:
        owner: whose it is, for messages.
    """

    def __init__(self, folder: str, owner: str) -> None:
        """Open a folder.

        Args:
            folder: its path, such as ``/proc/77/root``.
            owner: whose root folder it is, such as ``process 77``.

        Raises:
            OSError: if it doesn't exist, or may not be looked into.
        """
        self.owner = owner
        self._descriptor = -1
        self._descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)

    @property
    def descriptor(self) -> int:
        """The open folder; it stays this object's."""
        return self._descriptor

    @property
    def identity(self) -> tuple[int, int]:
        """What tells the folder from others."""
        found = os.fstat(self._descriptor)
        return found.st_dev, found.st_ino

    def open(self, path: str) -> int:
        """Open a regular file below the folder for reading.

        Args:
            path: as a process with this root has it; a relative one begins at the root.

        Returns:
            A descriptor, which is the caller's.

        Raises:
            OSError: if there is none, or no regular file: opening a device or a pipe may do something.
        """
        if "\0" in path:
            raise OSError(errno.EINVAL, "its name has a NUL character")
        found = self._resolve(path)
        try:
            if not stat.S_ISREG(os.fstat(found).st_mode):
                raise OSError(errno.EINVAL, "it is no regular file")
            return os.open(f"/proc/self/fd/{found}", os.O_RDONLY | os.O_CLOEXEC)
        finally:
            os.close(found)

    def name_of(self, descriptor: int) -> str:
        """The path of an open file without symbolic links, as a process with this root has it."""
        return self.inside(os.readlink(f"/proc/self/fd/{descriptor}"))

    def inside(self, path: str) -> str:
        """A path that the kernel gives of a file below the folder, as a process with this root has it.

        Of a file in another mount namespace the kernel gives the path from the top of that; the folder's own
        path, which may be a folder in there, is taken from its beginning.
        """
        own = os.readlink(f"/proc/self/fd/{self._descriptor}")
        return path[len(own) :] if own != "/" and path.startswith(f"{own}/") else path

    def _resolve(self, path: str) -> int:
        import ctypes  # 3 ms, which only those who look into another root should pay

        libc = ctypes.CDLL(None, use_errno=True)
        how = struct.pack("=QQQ", os.O_PATH | os.O_CLOEXEC, 0, _IN_ROOT | _NO_MAGICLINKS)
        for _ in range(_TRIES):
            found: int = libc.syscall(_OPENAT2, self._descriptor, os.fsencode(path), how, len(how))
            if found >= 0:
                return found
            if (reason := ctypes.get_errno()) != errno.EAGAIN:
                break
        raise OSError(reason, os.strerror(reason))
