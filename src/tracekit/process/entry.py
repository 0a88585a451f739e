"""Holding a process at its program's entry without being its debugger, for an engine that is one (DTrace).

Two debuggers can't hold a process, and DTrace never lets one go on that a signal has stopped (2.0.7,
``libproc/Pcontrol.c``: it waits for a stop of its own). It also finds no modules before the loader has run.
So the process runs its loader under our hold, up to a breakpoint at the program's first instruction, and then
a loop that looks once in a millisecond whether it may go on, or whether we have died, and then ends. The loop
stands in the unused end of a page of code, in the process's own copy of that page.
"""

from __future__ import annotations

import contextlib
import os
import signal
import struct
from collections.abc import Iterator
from typing import Final

from tracekit.errors import TargetError
from tracekit.process import ptrace

_AT_ENTRY: Final = 9
"""``AT_ENTRY`` of the auxiliary vector (``getauxval(3)``)."""

_BREAKPOINT: Final = b"\xcc"
_LOOP: Final = bytes.fromhex(
    "488d3d39000000"  # 00: lea rdi, [rip + 0x39]: the time
    "31f6"  # 07: xor esi, esi
    "b823000000 0f05"  # 09: nanosleep
    "b86e000000 0f05"  # 10: getppid
    "3b053f000000"  # 17: cmp eax, [rip + 0x3f]: the parent
    "7510"  # 1d: jne 0x2f
    "833d3200000000"  # 1f: cmp dword [rip + 0x32], 0: the flag
    "74d8"  # 26: je 0x00
    "ff2522000000"  # 28: jmp [rip + 0x22]: the entry
    "90"
    "bf89000000 b8e7000000 0f05"  # 2f: exit_group(137), as if SIGKILL had ended it
    "9090909090"
) + struct.pack("<QQ", 0, 1_000_000)
"""The registers that it changes have no meaning at a program's entry (System V AMD64 1.0, 3.4.1)."""

_ENTRY_AT: Final = len(_LOOP)
_FLAG_AT: Final = _ENTRY_AT + 8
_ROOM: Final = _FLAG_AT + 8


class EntryGate:
    """A process that waits at its program's entry; see ``wait_at_entry``."""

    def __init__(self, pid: int, at: int) -> None:
        self._pid = pid
        self._at = at

    def open(self) -> None:
        """Lets it go on, within a millisecond; one that has ended is left alone.

        Raises:
            OSError: if we may not write to its memory any more.
        """
        with contextlib.suppress(FileNotFoundError, ProcessLookupError), _memory(self._pid) as memory:
            os.pwrite(memory, b"\1", self._at + _FLAG_AT)


def wait_at_entry(pid: int) -> EntryGate | int:
    """Lets a process that is held at its exec load its libraries, lets go of it, and has it wait.

    What its loader does has been done then, the constructors of shared libraries included; nothing of the
    program itself has run.

    Args:
        pid: a child that our thread holds.

    Returns:
        What lets it go on; if it ended before its entry, its status as ``os.waitpid`` gives it.

    Raises:
        TargetError: if that can't be done with it.
        OSError: if it has been killed.
    """
    if os.uname().machine != "x86_64":
        raise TargetError(
            "a command can't be held for dtrace on this processor",
            "Start it yourself, and trace it with -p PID.",
        )
    entry = _entry(pid)
    with _memory(pid) as memory:
        old = os.pread(memory, len(_BREAKPOINT), entry)
        os.pwrite(memory, _BREAKPOINT, entry)
        if (status := _until_trap(pid)) is not None:
            return status
        os.pwrite(memory, old, entry)
        at = _room(pid, memory)
        os.pwrite(memory, _LOOP + struct.pack("<QII", entry, 0, os.getpid()), at)
    ptrace.set_program_counter(pid, at)
    ptrace.detach(pid)
    return EntryGate(pid, at)


@contextlib.contextmanager
def _memory(pid: int) -> Iterator[int]:
    fd = os.open(f"/proc/{pid}/mem", os.O_RDWR | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def _entry(pid: int) -> int:
    with open(f"/proc/{pid}/auxv", "rb") as file:
        words = memoryview(file.read()).cast("Q")
    return dict(zip(words[::2], words[1::2], strict=True))[_AT_ENTRY]


def _until_trap(pid: int) -> int | None:
    """Lets it go on, with the signals that it gets, until it has met the breakpoint; or tells how it ended."""
    number = 0
    while True:
        ptrace.resume(pid, number)
        _, status = os.waitpid(pid, 0)
        if not os.WIFSTOPPED(status):
            return status
        # An event, such as a stop by job control, is no signal to pass on.
        number = 0 if status >> 16 else os.WSTOPSIG(status)
        if number == signal.SIGTRAP:
            return None


def _room(pid: int, memory: int) -> int:
    """Where there is room for the loop: zeros at the end of a mapped file's code, which are no instructions.

    Raises:
        TargetError: if there is none.
    """
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            addresses, permissions, _, _, _, *path = line.split(maxsplit=5)
            at = int(addresses.split("-")[1], 16) - _ROOM
            if (
                permissions == "r-xp"
                and path
                and path[0].startswith("/")
                and not any(os.pread(memory, _ROOM, at))
            ):
                return at
    raise TargetError(
        f"process {pid} can't be held for dtrace: there is no room in its code to wait in",
        "Start it yourself, and trace it with -p PID.",
    )
