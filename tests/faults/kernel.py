"""What the kernel has of eBPF on behalf of a process, and whether it still has it: bpf(2)."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from pathlib import Path

_BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
_BY_ID = {"prog": 13, "map": 14, "link": 30}  # BPF_{PROG,MAP,LINK}_GET_FD_BY_ID in include/uapi/linux/bpf.h

Thing = tuple[str, int]
"""A program, a map or a link, by its id, which the kernel gives to no other for a long time."""


def held(pid: int) -> set[Thing]:
    """What a process holds: bpf's descriptors tell their ids in ``/proc/PID/fdinfo``."""
    found = set()
    for file in Path(f"/proc/{pid}/fdinfo").iterdir():
        try:
            lines = file.read_text().splitlines()
        except FileNotFoundError:  # closed meanwhile
            continue
        words = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        found |= {(kind, int(words[f"{kind}_id"])) for kind in _BY_ID if f"{kind}_id" in words}
    return found


def is_there(thing: Thing) -> bool:
    """Whether the kernel has it."""
    kind, number = thing
    attribute = ctypes.create_string_buffer(struct.pack("<III", number, 0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.syscall(_BPF, _BY_ID[kind], attribute, 12)
    if descriptor < 0:
        assert ctypes.get_errno() == errno.ENOENT, os.strerror(ctypes.get_errno())
        return False
    os.close(descriptor)
    return True
