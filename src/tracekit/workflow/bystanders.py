"""Processes that nobody asked about, but that meet a probe."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator, Mapping

from tracekit.core.escape import printable

_Identity = tuple[int, int]


def bystanders(files: Mapping[str, str], own: Collection[int]) -> tuple[str, ...]:
    """A note for each probed file that other processes have loaded, too.

    A uprobe is in a file, and fires in all that run it; the script drops what isn't the target's. bpftrace's
    own ``-p`` would keep others out from 0.23 on, but loses all events of a process whose first thread has
    ended (0.23, 0.27; kernel 6.18), so it is not used.

    Args:
        files: for each binary, by the program's name for it, a path to the very file.
        own: the target's processes.
    """
    wanted = {_identity(path): name for name, path in files.items()}
    if not wanted:
        return ()
    programs = {file for pid in own for file in _program(pid)}
    loaded = _program if programs.issuperset(wanted) else _mapped  # which takes ten times as long
    found = dict.fromkeys(wanted.values(), 0)
    for pid in (int(entry) for entry in os.listdir("/proc") if entry.isdecimal()):
        if pid not in own:
            for name in {wanted[file] for file in loaded(pid) if file in wanted}:
                found[name] += 1
    return tuple(_note(name, count) for name, count in found.items() if count)


def _note(name: str, count: int) -> str:
    has, meets = ("one other process has", "meets") if count == 1 else (f"{count} other processes have", "meet")
    return (
        f"{has} {printable(name)} loaded, and {meets} the probes in it, too: such a call takes about ten "
        "microseconds longer meanwhile"
    )


def _program(pid: int) -> Iterator[_Identity]:
    """The program that a process runs; none if it has ended or may not be looked at."""
    with contextlib.suppress(OSError):
        yield _identity(f"/proc/{pid}/exe")


def _mapped(pid: int) -> Iterator[_Identity]:
    """The same, and the libraries whose code it may run."""
    yield from _program(pid)
    with (
        contextlib.suppress(OSError),
        open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as maps,
    ):
        for line in maps:
            _, permissions, _, device, inode, *_ = line.split(maxsplit=5)
            if "x" in permissions and inode != "0":
                major, minor = (int(number, 16) for number in device.split(":"))
                yield os.makedev(major, minor), int(inode)


def _identity(path: str) -> _Identity:
    found = os.stat(path)
    return found.st_dev, found.st_ino
