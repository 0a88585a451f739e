"""What a process seems to be in the middle of, without stopping it."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from tracekit.process.memory import read_memory

_DEPTH: Final = 64 << 10
"""Bytes of a stack that are looked at, from its top on."""
_THREADS: Final = 64
"""Threads that are looked at."""


def entered(pid: int, inode: int, code: range) -> bool:
    """Whether there is an address inside of some code on a stack of a process.

    Of threads that wait in the kernel: of others it isn't known where their stacks are. A word may be left from
    a call that has ended, so this is no proof.

    Args:
        pid: the process.
        inode: the file's number.
        code: where in the file the code of a function is.
    """
    # A return address stands behind a call, and so not at a function's first instruction.
    inside = [range(at + code.start - file + 1, at + code.stop - file) for at, file in _mapped(pid, inode)]
    return any(word in one for word in _words(pid) for one in inside)


def _mapped(pid: int, inode: int) -> Iterator[tuple[int, int]]:
    """Where code of a file is in the memory of a process, and in the file."""
    with suppress(OSError), open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as maps:
        for line in maps:
            addresses, permissions, offset, _, number, *_ = line.split(maxsplit=5)
            if "x" in permissions and int(number) == inode:
                yield int(addresses.partition("-")[0], 16), int(offset, 16)


def _words(pid: int) -> Iterator[int]:
    """What is on the stacks."""
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task")[:_THREADS]:
            with open(f"/proc/{pid}/task/{task}/syscall", encoding="ascii") as file:
                fields = file.read().split()
            if len(fields) > 2:  # else it runs right now
                stack = read_memory(pid, int(fields[-2], 16), _DEPTH)
                yield from struct.unpack(f"{len(stack) // 8}Q", stack[: len(stack) // 8 * 8])
