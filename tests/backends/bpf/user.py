"""The kernel's helpers for a machine of the tests: a process with memory, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs
from tests.backends.bpf.machine import Machine

Read = Callable[[int, int], bytes]

_FAULT = -14


@attrs.define
class User:
    """A process that runs into a probe.

    Attributes:
        read: its memory.
        pid: its id, and its thread's.
        cpu: the number of its processor.
        comm: its name.
        absent: whether its pages are still to be brought in, which only waiting does.
    """

    read: Read
    pid: int = 77
    cpu: int = 3
    comm: bytes = b"target"
    absent: bool = False

    @property
    def helpers(self) -> Mapping[int, Callable[[Machine], int]]:
        """The functions by the kernel's numbers, as bpf-helpers(7) has them."""
        return {
            5: lambda _: 10**9,
            8: lambda _: self.cpu,
            14: lambda _: self.pid << 32 | self.pid,
            16: self._comm,
            112: lambda m: self._copy(m, waits=False),
            114: self._string,
            148: lambda m: self._copy(m, waits=True),
        }

    def _comm(self, m: Machine) -> int:
        m.write(m.value(1), self.comm.ljust(m.value(2), b"\0"))
        return 0

    def _copy(self, m: Machine, *, waits: bool) -> int:
        buffer, size, address = m.value(1), m.value(2), m.value(3)
        found = self.read(address, size) if waits or not self.absent else b""
        self.absent &= not (waits and found)
        m.write(buffer, found if len(found) == size else bytes(size))
        return 0 if len(found) == size else _FAULT

    def _string(self, m: Machine) -> int:
        buffer, size, address = m.value(1), m.value(2), m.value(3)
        found = b""
        while len(found) < size and not found.endswith(b"\0"):
            byte = b"" if self.absent else self.read(address + len(found), 1)
            if not byte:
                m.write(buffer, bytes(size))
                return _FAULT
            found += byte
        m.write(buffer, found[:-1] + b"\0")
        return len(found)
