"""What a debugger that was killed has left in a process's loader, and takes the process with it.

gdb and dtrace learn of libraries by a breakpoint in the loader (``_dl_debug_state``). Killed, they leave it
there: the process runs on, and its next ``dlopen`` ends it by SIGTRAP.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO, Final

from tracekit.process.attached import status
from tracekit.process.memory import read_memory, write_memory

BREAKPOINTS: Final = {"x86_64": b"\xcc", "aarch64": b"\0\0\x20\xd4"}
"""What debuggers write over an instruction (``gdb/i386-tdep.c``, ``gdb/aarch64-tdep.c``), by ``uname -m``."""

_LARGEST: Final = 16 << 20
"""Bytes: a loader is far smaller, and which one a program has is its own choice."""
_AT_BASE: Final = 7
"""The loader's address, in what the kernel tells a program (getauxval(3))."""


def take_out_breakpoints(pid: int) -> int:
    """Write the loader's own code over breakpoints in it, unless a debugger holds the process.

    Args:
        pid: the process.

    Returns:
        How many there were.
    """
    breakpoint_ = BREAKPOINTS.get(os.uname().machine)
    if breakpoint_ is None or status(pid).get("TracerPid") != "0":
        return 0
    return sum(
        write_memory(pid, start + at, code[at : at + len(breakpoint_)])
        for start, code in _loader(pid)
        for at in _differences(read_memory(pid, start, len(code)), code, breakpoint_)
    )


def _differences(memory: bytes, code: bytes, breakpoint_: bytes) -> Iterator[int]:
    """Where memory has a breakpoint and the file hasn't."""
    if memory == code:
        return
    size, at = len(breakpoint_), memory.find(breakpoint_)
    while at >= 0:
        if code[at : at + size] != breakpoint_:
            yield at
        at = memory.find(breakpoint_, at + 1)


def _loader(pid: int) -> Iterator[tuple[int, bytes]]:
    """The parts of the loader that can be executed: each one's address, and what its file has there."""
    try:
        base = _base(pid)
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as file:
            rows = [line.split(maxsplit=5) for line in file]
        its_file = next((row[3:5] for row in rows if int(row[0].partition("-")[0], 16) == base), None)
        for addresses, permissions, offset, *identity, name in (row for row in rows if len(row) == 6):
            if "x" in permissions and identity == its_file:
                start, end = (int(word, 16) for word in addresses.split("-"))
                if end - start > _LARGEST:
                    continue
                with _opened(pid, f"{start:x}-{end:x}", name.rstrip("\n")) as loader:
                    loader.seek(int(offset, 16))
                    yield start, loader.read(end - start)
    except OSError:  # it has ended, or we may not look
        return


def _base(pid: int) -> int:
    """The loader's address; 0 if there is none, as in a static program."""
    with open(f"/proc/{pid}/auxv", "rb") as file:
        told: dict[int, int] = dict(struct.iter_unpack("NN", file.read()))
    return told.get(_AT_BASE, 0)


def _opened(pid: int, mapping: str, name: str) -> BinaryIO:
    """The file of a mapping: the very one, or where only root may have that, the one of its name."""
    try:
        return open(f"/proc/{pid}/map_files/{mapping}", "rb")
    except PermissionError:
        return open(f"/proc/{pid}/root{name}", "rb")
