"""Where code of a file is in a process, and whether it is there unchanged (proc(5))."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from tracekit.calibration.samples import Region
from tracekit.process.memory import read_memory
from tracekit.values import frozen


@frozen
class Mapping:
    """A line of ``/proc/PID/maps``.

    Attributes:
        region: the addresses, and the file or the kernel's word.
        executable: whether instructions may be executed there.
        offset: where in the file it starts.
        inode: the file's number, as the kernel has it; 0 for none.
    """

    region: Region
    executable: bool
    offset: int
    inode: int


def parse_maps(text: str) -> Iterator[Mapping]:
    """The mappings of a ``/proc/PID/maps``."""
    for line in text.splitlines():
        addresses, permissions, offset, _, inode, *name = line.split(maxsplit=5)
        start, end = (int(number, 16) for number in addresses.split("-"))
        region = Region(start, end, name[0] if name else "")
        yield Mapping(region, "x" in permissions, int(offset, 16), int(inode))


def mapped_at(pid: int, fd: int, offset: int) -> tuple[int, ...]:
    """The addresses at which a process has some place of a file, to be executed; none if it isn't mapped.

    Args:
        pid: the process.
        fd: the file.
        offset: bytes from the file's start to the place.

    Raises:
        OSError: if the process has ended, or we may not look.
    """
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as file:
        text = file.read()
    wanted = os.fstat(fd)
    return tuple(
        mapping.region.start + offset - mapping.offset
        for mapping in parse_maps(text)
        if mapping.executable
        and mapping.inode
        and 0 <= offset - mapping.offset < mapping.region.end - mapping.region.start
        and _is_file(pid, mapping, wanted)
    )


def files_mapped(pid: int, paths: Iterable[str]) -> frozenset[str]:
    """Which of some files a process has mapped to be executed.

    Raises:
        OSError: as ``mapped_at``.
    """
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as file:
        there = [m for m in parse_maps(file.read()) if m.executable and m.inode]
    wanted = {path: os.stat(path) for path in paths}
    return frozenset(p for p, found in wanted.items() if any(_is_file(pid, m, found) for m in there))


def changed(pid: int, address: int, code: bytes) -> bool:
    """Whether a process has other bytes at an address than its file; True also if it can't be read."""
    return read_memory(pid, address, len(code)) != code


def _is_file(pid: int, mapping: Mapping, wanted: os.stat_result) -> bool:
    # What maps says of the device is not what stat says, on btrfs and overlayfs; map_files is the file itself.
    try:
        found = os.stat(f"/proc/{pid}/map_files/{mapping.region.start:x}-{mapping.region.end:x}")
    except OSError:
        return mapping.inode == wanted.st_ino
    return os.path.samestat(found, wanted)
