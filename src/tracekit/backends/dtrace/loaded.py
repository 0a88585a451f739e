"""Where a running process has loaded a file."""

from __future__ import annotations

import os
from collections.abc import Iterator

from tracekit.backends.base import Place
from tracekit.backends.dtrace.quoting import BACKEND
from tracekit.errors import TargetError, UnsupportedError
from tracekit.symbols.questions import file_offset
from tracekit.values import frozen

PROGRAM = "a.out"
"""What D calls a process's own program, whatever its file's name."""


@frozen
class Module:
    """A file that a process has loaded.

    Attributes:
        name: what D calls it.
        path: where the process has it from.
        mappings: the file's offsets that are in memory, each stretch with where it begins there.
    """

    name: str
    path: str
    mappings: tuple[tuple[range, int], ...]

    def address(self, offset: int) -> int | None:
        """Where the byte at an offset of the file is in the process's memory; None if it isn't there."""
        return next((start + offset - held.start for held, start in self.mappings if offset in held), None)


def module(pid: int, place: Place) -> Module:
    """A place's file as a process has it.

    Args:
        pid: the process.
        place: the place.

    Raises:
        UnsupportedError: if the process hasn't loaded the file.
        TargetError: if it has ended.
    """
    try:
        wanted = _identity(place.path)
        own = _identity(f"/proc/{pid}/exe") == wanted
        found = [(name, held, start) for name, held, start in _mappings(pid, wanted)]
    except OSError as error:
        raise TargetError(f"process {pid} can't be looked into: {str(error.strerror).lower()}") from error
    if not found:
        raise UnsupportedError(
            feature=f"the functions of {place.image.path}",
            backend=BACKEND,
            reason="it probes what is loaded when it begins, and the process has not loaded this file",
            remedy="Use bpf, which also probes what is loaded later.",
        )
    path = found[0][0]
    name = PROGRAM if own else path.rpartition("/")[2]
    return Module(name, path, tuple((held, start) for _, held, start in found))


def check_seen(engine: int | str, pid: int, place: Place) -> None:
    """Refuse an engine that has another file where a process has a place's: it would count nothing.

    dtrace opens a process's files by their paths, in its own mount namespace.

    Args:
        engine: the engine's process, or ``self`` for ours.
        pid: the process.
        place: the place.

    Raises:
        TargetError: if the file is another one, or none.
    """
    path = module(pid, place).path
    try:
        same = _identity(f"/proc/{engine}/root{path}") == _identity(place.path)
    except OSError:
        same = False
    if not same:
        raise TargetError(
            f"dtrace doesn't see the {path} of process {pid}: another file is there, or none",
            "Use bpf, which needs no path; with dtrace, only its own root folder can be traced.",
        )


def address(pid: int, place: Place, virtual: int) -> int:
    """Where a virtual address of a place's file is in the memory of a process.

    Raises:
        TargetError: as ``module``; or if that part isn't loaded.
    """
    at = module(pid, place).address(place.image.ask(file_offset, virtual))
    if at is None:
        raise TargetError(f"process {pid} has not loaded {virtual:#x} of {place.image.path}")
    return at


def _identity(path: str) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_dev, found.st_ino


def _mappings(pid: int, wanted: tuple[int, int]) -> Iterator[tuple[str, range, int]]:
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            addresses, permissions, offset, _, inode, *path = line.rstrip("\n").split(maxsplit=5)
            # The device of a file in an overlay isn't that of its mapping: the file itself is asked.
            if (
                "x" in permissions
                and int(inode)
                and _identity(f"/proc/{pid}/map_files/{_plain(addresses)}") == wanted
            ):
                start, end = (int(word, 16) for word in addresses.split("-"))
                first = int(offset, 16)
                yield path[0] if path else "", range(first, first + end - start), start


def _plain(addresses: str) -> str:
    """The name of a mapping's link, whose numbers have no leading zeros."""
    return "-".join(f"{int(word, 16):x}" for word in addresses.split("-"))
