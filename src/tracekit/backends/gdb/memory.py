"""What a program reads of the process that it traces. Runs inside gdb, in Python 3.8 or later."""

from __future__ import annotations

from typing import Any

import gdb

from tracekit.backends.gdb.counting import Cut

_PAGE = 4096


class Memory:
    """The memory of a process, and what the kernel says of its threads.

    Attributes:
        unreadable: how often something could not be read.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._inferior: Any = gdb.selected_inferior()
        self.unreadable = 0

    def read(self, address: int, size: int) -> bytes | None:
        """Some bytes, as they are without breakpoints; None if not all of them can be read."""
        try:
            return bytes(self._inferior.read_memory(address, size))
        except gdb.error:
            return None

    def load(self, address: int, size: int, signed: bool) -> int:
        """An integer in memory; 0 if it can't be read, which is counted unless it was NULL."""
        address &= (1 << 64) - 1
        data = self.read(address, size) if address else None
        if data is None:
            self.unreadable += address != 0
            return 0
        return int.from_bytes(data, "little", signed=signed)

    def text(self, address: int, most: int) -> bytes:
        """The string up to its NUL, of which less than ``most`` bytes are kept; empty if it can't be read."""
        found = b""
        while address and len(found) < most:
            at = address + len(found)
            piece = self.read(at, min(most - len(found), _PAGE - at % _PAGE))
            if piece is None:
                self.unreadable += 1
                return b""
            found += piece
            end = found.find(b"\0")
            if end >= 0:
                return found[:end]
        return Cut(found[: most - 1]) if found else b""

    def sized(self, address: int, size: int, most: int) -> bytes:
        """The bytes of a string that says how many it has, of which ``most`` are kept."""
        if not address or not size:
            return b""
        data = self.read(address, min(size, most))
        if data is None:
            self.unreadable += 1
            return b""
        return data if size <= most else Cut(data)

    def comm(self, tid: int) -> bytes:
        with open(f"/proc/{self._pid}/task/{tid}/comm", "rb") as file:
            return file.read()[:-1]

    def cpu(self, tid: int) -> int:
        """Where a thread has run last, which is where it met the breakpoint (proc(5), field 39 of stat)."""
        with open(f"/proc/{self._pid}/task/{tid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[36])
