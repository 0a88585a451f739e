"""What an event costs the process that makes it, measured on this machine: the kernel's trap at a probe.

A probe of our own is put on a function of two instructions that only we run, without any engine, and the
function is called often. What engines do at an event comes on top of that: by bpftrace a tenth, by dtrace a
fifth (docs/measurements.md). Where the kernel refuses such a probe to us, nothing is known.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import struct
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from time import perf_counter_ns
from typing import Final

_CALLS: Final = 400
_ROUNDS: Final = 5
_CODE: Final = {
    "x86_64": (bytes.fromhex("31c0 c3"), 298),  # xor eax, eax; ret
    "aarch64": (bytes.fromhex("00008052 c0035fd6"), 241),  # mov w0, 0; ret
}
"""For each processor a function whose first instruction the kernel steps over, and doesn't emulate, which would
take a tenth of the time (as of ``push`` and ``nop``); and the number of perf_event_open(2)."""

_UPROBE: Final = "/sys/bus/event_source/devices/uprobe/type"
_ATTRIBUTE_BYTES: Final = 112


@cache
def trap_nanoseconds() -> int | None:
    """How many nanoseconds a probe's trap takes; None where that can't be measured.

    The least of a few rounds counts, since other work on the machine only ever adds to it.
    """
    try:
        with ExitStack() as stack:
            return _measure(stack)
    except (OSError, KeyError, ValueError):
        return None


def _measure(stack: ExitStack) -> int:
    code, number = _CODE[os.uname().machine]
    file = os.memfd_create("tracekit.trap")
    stack.callback(os.close, file)
    os.write(file, code.ljust(mmap.PAGESIZE, b"\0"))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = (
        ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long
    )  # fmt: skip
    where = libc.mmap(None, mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_EXEC, mmap.MAP_PRIVATE, file, 0)
    stack.callback(libc.munmap, ctypes.c_void_p(where), ctypes.c_size_t(mmap.PAGESIZE))
    function = ctypes.CFUNCTYPE(None)(where)
    plain = _least(function)
    event = _probe(libc, number, f"/proc/self/fd/{file}")
    try:
        return max(0, _least(function) - plain)
    finally:
        os.close(event)


def _least(function: Callable[[], None]) -> int:
    rounds = []
    for _ in range(_ROUNDS):
        before = perf_counter_ns()
        for _ in range(_CALLS):
            function()
        rounds.append((perf_counter_ns() - before) // _CALLS)
    return min(rounds)


def _probe(libc: ctypes.CDLL, number: int, path: str) -> int:
    """A probe at the start of a file, for this thread alone."""
    with open(_UPROBE, encoding="ascii") as file:
        kind = int(file.read())
    name = ctypes.create_string_buffer(path.encode())
    attribute = ctypes.create_string_buffer(_ATTRIBUTE_BYTES)
    struct.pack_into("=II", attribute, 0, kind, _ATTRIBUTE_BYTES)
    struct.pack_into("=Q", attribute, 56, ctypes.addressof(name))  # its place is 0
    event: int = libc.syscall(number, attribute, 0, -1, -1, 8)  # PERF_FLAG_FD_CLOEXEC
    if event < 0:
        raise OSError(ctypes.get_errno(), "perf_event_open")
    return event
