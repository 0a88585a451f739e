"""The files whose code a process has in memory, by the process's own names for them (proc(5))."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from tracekit.errors import PrivilegeError
from tracekit.process.attached import living_thread
from tracekit.process.namespaces import shares_files
from tracekit.symbols.root import Root
from tracekit.values import frozen

_DELETED: Final = " (deleted)"


@frozen
class MappedFile:
    """A file that a process runs.

    Attributes:
        name: its path, as the process has it, or had it before the file was deleted.
        link: a path to the very file, whatever became of its name.
        inode: its number.
        device: the device that it is on; None if we may not know.
    """

    name: str
    link: str
    inode: int
    device: int | None

    def is_file(self, found: os.stat_result) -> bool:
        """Whether it is the file of a status."""
        return self.inode == found.st_ino and self.device in (None, found.st_dev)


@frozen(eq=False)
class Running:
    """What a process runs, and whose paths it means.

    Attributes:
        pid: its id.
        root: its root folder; None if paths mean the same to us.
        files: its program, then the others.
    """

    pid: int
    root: Root | None
    files: tuple[MappedFile, ...]

    @property
    def program(self) -> str:
        """The path of its program, as it has it."""
        return self.files[0].name


def running(pid: int) -> Running | None:
    """What a process runs.

    Returns:
        That; None if it has ended, or is the kernel's own.

    Raises:
        PrivilegeError: if that can't be seen.
    """
    try:
        seen = living_thread(pid) or pid  # of one that has ended, /proc tells nothing of what it ran
        root = None if shares_files(seen) else Root(f"/proc/{seen}/root", f"process {pid}")
        program = _linked(f"/proc/{seen}/exe", root, os.readlink(f"/proc/{seen}/exe"), 0)
        others = dict.fromkeys(_mapped(seen, root))
    except PermissionError as error:
        raise PrivilegeError(
            f"what process {pid} runs can't be seen: it is another user's",
            "Run tracekit as root (with sudo), or as that user.",
        ) from error
    except OSError:
        return None
    same = (program.inode, program.device)
    return Running(pid, root, (program, *(f for f in others if (f.inode, f.device) != same)))


def is_ours(descriptor: int) -> bool:
    """Whether we run a file ourselves."""
    own, found = running(os.getpid()), os.fstat(descriptor)
    return own is not None and any(file.is_file(found) for file in own.files)


def _mapped(pid: int, root: Root | None) -> Iterator[MappedFile]:
    seen = set()
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as maps:
        for line in maps:
            addresses, permissions, _, device, inode, *path = line.rstrip("\n").split(maxsplit=5)
            if "x" in permissions and inode != "0" and path and (device, inode) not in seen:
                seen.add((device, inode))
                # The kernel writes the addresses with leading zeros here, and without them there.
                start, end = (int(number, 16) for number in addresses.split("-"))
                yield _linked(f"/proc/{pid}/map_files/{start:x}-{end:x}", root, path[0], int(inode))


def _linked(link: str, root: Root | None, path: str, inode: int) -> MappedFile:
    path = path.removesuffix(_DELETED)
    name = path if root is None else root.inside(path)
    try:
        found = os.stat(link)
    except PermissionError:
        if not inode:
            raise
        # map_files needs a capability; the device that maps tells is another one on btrfs and overlayfs.
        return MappedFile(name, link, inode, None)
    return MappedFile(name, link, found.st_ino, found.st_dev)
