"""Bytes of another process's memory (proc(5))."""

from __future__ import annotations


def read_memory(pid: int, address: int, size: int) -> bytes:
    """Bytes of a process's memory; none if they can't be read."""
    try:
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            memory.seek(address)
            return memory.read(size)
    except (OSError, OverflowError):
        return b""


def write_memory(pid: int, address: int, data: bytes) -> bool:
    """Writes bytes into a process's memory, also where it may not itself; False if that isn't possible."""
    try:
        with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
            memory.seek(address)
            return memory.write(data) == len(data)
    except OSError:
        return False
